//! JSON as a table of fields, by JSON pointer: same, changed, missing, extra, of another type.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{
    align::{self, Piece},
    limit::Limit,
    node::{Content, JsonKind, Node},
    rows::{Mark, Nuance},
    token::Numbers,
};
use crate::model::{CheckResult, visible};

/// The most characters of a short value.
const SHORT: usize = 80;
/// By these keys elements of an array are told apart, when each has its own value.
const IDENTITIES: [&str; 9] = [
    "id", "key", "uuid", "sku", "code", "name", "label", "title", "date",
];

/// One row: a value of A beside the one of B at the same place, or alone. A value that only one side has is one
/// row, however large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRow {
    /// JSON pointer (RFC 6901) in A, or in B where A has nothing. Empty: the whole.
    pub path: String,
    /// The pointer in B, where it is another one: an element that stands elsewhere in its array.
    pub path_in_b: Option<String>,
    /// What it says.
    pub mark: Mark,
    /// A's value.
    pub a: Option<FieldValue>,
    /// B's value.
    pub b: Option<FieldValue>,
    /// The values differ in this way only. With [`Mark::Same`]: in how a number is written.
    pub nuance: Option<Nuance>,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// Its type.
    pub kind: JsonKind,
    /// As written, in bytes of the answer's text.
    pub range: Range<usize>,
    /// As written, in one line, cut with `~`.
    pub short: String,
}

/// An answer in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    /// The fields.
    pub rows: Vec<FieldRow>,
    /// Whether a schema accepts A, from the checks of the answer; `None`: the sample has no schema.
    pub schema_a: Option<CheckResult>,
    /// The same of B.
    pub schema_b: Option<CheckResult>,
}

/// Compares two values. What is remarkable about a side as such goes to `remarks`.
pub(super) fn rows(
    a: &Node<'_>,
    b: &Node<'_>,
    mirrored: bool,
    limit: &mut Limit,
    remarks: &mut Vec<String>,
) -> Vec<FieldRow> {
    let mut table = Table {
        mirrored,
        limit,
        remarks,
        rows: Vec::new(),
    };
    table.both(&Place::default(), a, b);
    table.rows
}

/// The most characters of a key in a path.
const KEY: usize = 80;

/// Where a row stands on each side.
#[derive(Clone, Debug, Default)]
struct Place {
    a: String,
    b: String,
}

impl Place {
    fn below(&self, a: &str, b: &str) -> Self {
        // A key is a model's text: fit to be shown, and bounded.
        let below = |pointer: &str, key: &str| {
            let key = visible(key, KEY).into_owned();
            format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
        };
        Self {
            a: below(&self.a, a),
            b: below(&self.b, b),
        }
    }
}

struct Table<'l> {
    mirrored: bool,
    limit: &'l mut Limit,
    remarks: &'l mut Vec<String>,
    rows: Vec<FieldRow>,
}

impl Table<'_> {
    fn both(&mut self, place: &Place, a: &Node<'_>, b: &Node<'_>) {
        match (&a.content, &b.content) {
            _ if a.kind != b.kind => self.push(place, Some(a), Some(b), Mark::TypeChanged, None),
            (Content::Object(in_a), Content::Object(in_b))
                if in_a.len() + in_b.len() > 0 && self.room(in_a.len() + in_b.len()) =>
            {
                self.objects(place, in_a, in_b);
            }
            (Content::Array(in_a), Content::Array(in_b))
                if in_a.len() + in_b.len() > 0 && self.room(in_a.len() + in_b.len()) =>
            {
                self.arrays(place, (a, in_a), (b, in_b));
            }
            _ => self.values(place, a, b),
        }
    }

    /// Whether so many rows may be added. When not, the whole is told in one row.
    fn room(&mut self, rows: usize) -> bool {
        let room = self.rows.len() + rows <= Limit::ROWS;
        if !room {
            self.limit.bite();
        }
        room
    }

    fn values(&mut self, place: &Place, a: &Node<'_>, b: &Node<'_>) {
        let same = a.raw == b.raw || a.canonical() == b.canonical();
        let nuance = match (same, a.kind) {
            (true, JsonKind::Number) if a.raw != b.raw => Some(Nuance::Written),
            (false, JsonKind::String) => Nuance::between(inside(a.raw), inside(b.raw)),
            _ => None,
        };
        self.push(place, Some(a), Some(b), Mark::of(true, true, same), nuance);
    }

    fn push(
        &mut self,
        place: &Place,
        a: Option<&Node<'_>>,
        b: Option<&Node<'_>>,
        mark: Mark,
        nuance: Option<Nuance>,
    ) {
        let value = |node: &Node<'_>| FieldValue {
            kind: node.kind,
            range: node.range.clone(),
            short: short(node),
        };
        let path = if a.is_some() { &place.a } else { &place.b };
        self.rows.push(FieldRow {
            path: path.clone(),
            path_in_b: (b.is_some() && *path != place.b).then(|| place.b.clone()),
            mark,
            a: a.map(value),
            b: b.map(value),
            nuance,
        });
    }

    /// A's keys in their order, then what only B has. A key that stands twice is compared in its order.
    fn objects(&mut self, place: &Place, a: &[(String, Node<'_>)], b: &[(String, Node<'_>)]) {
        let mut in_b: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, (key, _)) in b.iter().enumerate().rev() {
            in_b.entry(key).or_default().push(index);
        }
        self.twice("A", &place.a, a);
        self.twice("B", &place.b, b);
        let mut taken = HashSet::new();
        for (key, node) in a {
            let at = place.below(key, key);
            match in_b.get_mut(key.as_str()).and_then(Vec::pop) {
                Some(index) => {
                    taken.insert(index);
                    self.both(&at, node, &b[index].1);
                }
                None => self.push(&at, Some(node), None, Mark::OnlyA, None),
            }
        }
        for (index, (key, node)) in b.iter().enumerate() {
            if !taken.contains(&index) {
                self.push(&place.below(key, key), None, Some(node), Mark::OnlyB, None);
            }
        }
    }

    fn twice(&mut self, side: &str, pointer: &str, entries: &[(String, Node<'_>)]) {
        let mut seen = HashSet::new();
        for (key, _) in entries {
            if !seen.insert(key) {
                let path = visible(&format!("{pointer}/{key}"), SHORT).into_owned();
                self.remarks
                    .push(format!("{side} has the key {path} more than once"));
            }
        }
    }

    fn arrays(&mut self, place: &Place, a: (&Node<'_>, &[Node<'_>]), b: (&Node<'_>, &[Node<'_>])) {
        let mut pairs = identified(a.1, b.1).unwrap_or_else(|| self.aligned(a.1, b.1));
        pairs.sort_unstable();
        if pairs.windows(2).any(|two| two[0].1 > two[1].1) {
            self.push(
                place,
                Some(a.0),
                Some(b.0),
                Mark::Changed,
                Some(Nuance::Order),
            );
        }
        let to_b: HashMap<usize, usize> = pairs.iter().copied().collect();
        let taken: HashSet<usize> = pairs.iter().map(|pair| pair.1).collect();
        // What only B has stands where it stands in B, before the next pair that keeps the order.
        let mut next_b = 0;
        for (i, node) in a.1.iter().enumerate() {
            if let Some(&j) = to_b.get(&i) {
                self.extra(place, b.1, next_b..j, &taken);
                next_b = next_b.max(j);
                self.both(&place.below(&i.to_string(), &j.to_string()), node, &b.1[j]);
            } else {
                let at = place.below(&i.to_string(), "");
                self.push(&at, Some(node), None, Mark::OnlyA, None);
            }
        }
        self.extra(place, b.1, next_b..b.1.len(), &taken);
    }

    fn extra(
        &mut self,
        place: &Place,
        b: &[Node<'_>],
        range: Range<usize>,
        taken: &HashSet<usize>,
    ) {
        for j in range.filter(|j| !taken.contains(j)) {
            let at = place.below("", &j.to_string());
            self.push(&at, None, Some(&b[j]), Mark::OnlyB, None);
        }
    }

    fn aligned(&mut self, a: &[Node<'_>], b: &[Node<'_>]) -> Vec<(usize, usize)> {
        let mut numbers = Numbers::default();
        let (pieces_a, pieces_b) = (pieces(a, &mut numbers), pieces(b, &mut numbers));
        let mut pairs = align::pairs(&pieces_a, &pieces_b, self.mirrored, self.limit);
        let moved = align::moved(&pieces_a, &pieces_b, &pairs, self.mirrored, self.limit);
        let kinds =
            |of: &[Node<'_>]| -> Vec<JsonKind> { of.iter().map(|node| node.kind).collect() };
        align::fill(&kinds(a), &kinds(b), &moved, &mut pairs);
        pairs
            .into_iter()
            .map(|pair| (pair.0, pair.1))
            .chain(moved)
            .collect()
    }
}

fn pieces<'t>(nodes: &[Node<'t>], numbers: &mut Numbers<'t>) -> Vec<Piece<'t>> {
    nodes
        .iter()
        .map(|node| Piece {
            number: numbers.of(node.canonical()),
            text: node.raw,
        })
        .collect()
}

/// Pairs by a key that tells the elements of both arrays apart.
fn identified(a: &[Node<'_>], b: &[Node<'_>]) -> Option<Vec<(usize, usize)>> {
    IDENTITIES.into_iter().find_map(|key| {
        let (in_a, in_b) = (values(a, key)?, values(b, key)?);
        let pairs: Vec<(usize, usize)> = in_a
            .iter()
            .filter_map(|(value, i)| Some((*i, *in_b.get(value)?)))
            .collect();
        (!pairs.is_empty()).then_some(pairs)
    })
}

/// The place of each element by its value of a key; `None`: it does not tell them apart.
fn values(elements: &[Node<'_>], key: &str) -> Option<HashMap<String, usize>> {
    let mut values = HashMap::new();
    for (place, element) in elements.iter().enumerate() {
        let Content::Object(entries) = &element.content else {
            return None;
        };
        let (_, value) = entries.iter().find(|entry| entry.0 == key)?;
        let tells = matches!(value.kind, JsonKind::String | JsonKind::Number);
        if !tells || values.insert(value.canonical(), place).is_some() {
            return None;
        }
    }
    Some(values)
}

/// What stands between the quotes of a string.
fn inside(raw: &str) -> &str {
    raw.strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(raw)
}

/// A value in one line. White space between values does not matter, inside a string it does.
fn short(node: &Node<'_>) -> String {
    // More of it would be cut anyway.
    let start: String = node.raw.chars().take(4 * SHORT).collect();
    if node.kind == JsonKind::String {
        return visible(&start, SHORT).into_owned();
    }
    let line: Vec<&str> = start.split_whitespace().collect();
    visible(&line.join(" "), SHORT).into_owned()
}

#[cfg(test)]
mod path_tests {
    use super::Place;

    #[test]
    fn a_key_is_shown_and_never_obeyed_in_a_path() {
        let place = Place::default().below("\u{1b}[2J\u{202e}/~", &"k".repeat(100_000));
        assert!(!place.a.contains(['\u{1b}', '\u{202e}']), "{}", place.a);
        assert!(place.a.ends_with("~1~0"), "{}", place.a);
        assert!(place.b.chars().count() < 100);
    }
}
