//! Tool calls and vectors: one row each.

use super::{
    diff,
    fields::{self, FieldRow},
    limit::Limit,
    node::Node,
    rows::{Mark, Nuance, merged},
    token::Numbers,
};
use crate::model::{CalledTool, visible};

/// One row: a call of A beside the one of B that corresponds, or alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRow {
    /// What it says.
    pub mark: Mark,
    /// The place of the call in A's [`Answer::tools`](crate::model::Answer::tools).
    pub a: Option<usize>,
    /// The place of the call in B's.
    pub b: Option<usize>,
    /// The arguments as a table of fields, where both have the call and both arguments are JSON.
    pub arguments: Vec<FieldRow>,
    /// With [`Nuance::Order`]: the same call is made at another place in the order.
    pub nuance: Option<Nuance>,
}

/// One row: vectors that follow each other and have the same count of numbers on each side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorRow {
    /// What it says.
    pub mark: Mark,
    /// Which vectors, from 0.
    pub vectors: std::ops::Range<usize>,
    /// How many numbers each has in A.
    pub a: Option<usize>,
    /// How many numbers each has in B.
    pub b: Option<usize>,
}

/// Compares calls: those that are equal first, then those of the same tool, in order.
pub(super) fn rows(
    a: &[CalledTool],
    b: &[CalledTool],
    limit: &mut Limit,
    remarks: &mut Vec<String>,
) -> Vec<CallRow> {
    for (side, calls) in [("A", a), ("B", b)] {
        for call in calls {
            unreadable(side, call, remarks);
        }
    }
    let key = |call: &CalledTool| {
        let arguments = match Node::read(&call.arguments) {
            Ok(node) => node.canonical(),
            Err(_) => call.arguments.clone(),
        };
        (call.name.clone(), arguments)
    };
    let (in_a, in_b): (Vec<_>, Vec<_>) = (a.iter().map(key).collect(), b.iter().map(key).collect());
    let mirrored = in_a > in_b;
    let mut numbers = Numbers::default();
    let mut whole = |of: &[(String, String)]| -> Vec<u32> {
        of.iter()
            .map(|(name, arguments)| numbers.of(format!("{name} {arguments}")))
            .collect()
    };
    let (whole_a, whole_b) = (whole(&in_a), whole(&in_b));
    let mut names = |of: &[(String, String)]| -> Vec<u32> {
        of.iter()
            .map(|(name, _)| numbers.of(format!("{name}\n")))
            .collect()
    };
    let (names_a, names_b) = (names(&in_a), names(&in_b));
    let mut pairs = Vec::new();
    let (mut next_a, mut next_b) = (0, 0);
    let equal = diff::matches(&whole_a, &whole_b, mirrored, limit);
    for (i, j) in equal.into_iter().chain([(a.len(), b.len())]) {
        pairs.extend(
            diff::matches(&names_a[next_a..i], &names_b[next_b..j], mirrored, limit)
                .into_iter()
                .map(|(x, y)| (next_a + x, next_b + y)),
        );
        if i < a.len() {
            pairs.push((i, j));
        }
        (next_a, next_b) = (i + 1, j + 1);
    }
    merged(&pairs, a.len(), b.len())
        .into_iter()
        .map(|(i, j)| {
            let elsewhere = match (i, j) {
                (Some(i), None) => whole_b.contains(&whole_a[i]),
                (None, Some(j)) => whole_a.contains(&whole_b[j]),
                _ => false,
            };
            let arguments = match (i, j) {
                (Some(i), Some(j)) => arguments(&a[i], &b[j], mirrored, limit, remarks),
                _ => Vec::new(),
            };
            let same = i.map(|i| whole_a[i]) == j.map(|j| whole_b[j]);
            CallRow {
                mark: Mark::of(i.is_some(), j.is_some(), same),
                a: i,
                b: j,
                arguments,
                nuance: elsewhere.then_some(Nuance::Order),
            }
        })
        .collect()
}

/// A call that no program can carry out. No arguments at all are usual for a tool without any.
fn unreadable(side: &str, call: &CalledTool, remarks: &mut Vec<String>) {
    if let Err(why) = Node::read(&call.arguments)
        && !call.arguments.trim().is_empty()
    {
        let (name, why) = (visible(&call.name, 80), visible(&why, 200));
        remarks.push(format!(
            "{side} calls {name} with arguments that are not JSON: {why}"
        ));
    }
}

fn arguments(
    a: &CalledTool,
    b: &CalledTool,
    mirrored: bool,
    limit: &mut Limit,
    remarks: &mut Vec<String>,
) -> Vec<FieldRow> {
    match (Node::read(&a.arguments), Node::read(&b.arguments)) {
        (Ok(a), Ok(b)) => fields::rows(&a, &b, mirrored, limit, remarks),
        _ => Vec::new(),
    }
}

/// Compares the shapes of vectors.
pub(super) fn vectors(a: &[usize], b: &[usize]) -> Vec<VectorRow> {
    let mut rows: Vec<VectorRow> = Vec::new();
    for place in 0..a.len().max(b.len()) {
        let (in_a, in_b) = (a.get(place).copied(), b.get(place).copied());
        match rows.last_mut() {
            Some(last) if (last.a, last.b) == (in_a, in_b) => last.vectors.end = place + 1,
            Some(_) | None => rows.push(VectorRow {
                mark: Mark::of(in_a.is_some(), in_b.is_some(), in_a == in_b),
                vectors: place..place + 1,
                a: in_a,
                b: in_b,
            }),
        }
    }
    rows
}
