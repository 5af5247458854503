//! Which pieces of two texts belong together although their wording differs: by likeness, in order.
//!
//! Called for blocks of prose, sentences and elements of JSON arrays that have no equal on the other side.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{
    diff,
    limit::Limit,
    token::Numbers,
    wording::{self, Pair, Wording},
};

/// Less alike is not a pair.
const PAIR: f64 = 0.2;
/// From here on a piece that stands elsewhere on the other side is called moved.
const MOVED: f64 = 0.6;

/// A piece of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'t> {
    /// Equal for pieces that are taken as equal.
    pub(super) number: u32,
    /// What its wording is taken from.
    pub(super) text: &'t str,
}

/// Pairs, ascending on both sides: equal pieces first (likeness 1), then the most alike between them. Mirrored
/// when `a` and `b` are swapped, provided that the caller says with `mirrored` which of the two orders it is.
pub(super) fn pairs(
    a: &[Piece<'_>],
    b: &[Piece<'_>],
    mirrored: bool,
    limit: &mut Limit,
) -> Vec<Pair> {
    if mirrored {
        return flipped(&pairs(b, a, false, limit));
    }
    let numbers = |of: &[Piece<'_>]| -> Vec<u32> { of.iter().map(|piece| piece.number).collect() };
    let mut equal = diff::matches(&numbers(a), &numbers(b), false, limit);
    // So that the stretch behind the last one is looked at too.
    equal.push((a.len(), b.len()));
    let mut found = Vec::new();
    let (mut next_a, mut next_b) = (0, 0);
    let mut numbers = Numbers::default();
    for (i, j) in equal {
        if next_a < i && next_b < j {
            let texts_a = a[next_a..i].iter().map(|piece| piece.text);
            let texts_b = b[next_b..j].iter().map(|piece| piece.text);
            let alike = rising(&alike(texts_a, texts_b, PAIR, &mut numbers, limit));
            found.extend(
                alike
                    .into_iter()
                    .map(|(i, j, like)| (next_a + i, next_b + j, like)),
            );
        }
        if i < a.len() {
            found.push((i, j, 1.0));
        }
        (next_a, next_b) = (i + 1, j + 1);
    }
    found
}

fn flipped(pairs: &[Pair]) -> Vec<Pair> {
    pairs.iter().map(|(i, j, like)| (*j, *i, *like)).collect()
}

/// Of the pieces without a pair, those that stand elsewhere on the other side: equal ones, and the most alike. In
/// the order of `a`.
pub(super) fn moved(
    a: &[Piece<'_>],
    b: &[Piece<'_>],
    pairs: &[Pair],
    mirrored: bool,
    limit: &mut Limit,
) -> Vec<(usize, usize)> {
    if mirrored {
        let there = moved(b, a, &flipped(pairs), false, limit);
        let mut back: Vec<(usize, usize)> = there.into_iter().map(|(j, i)| (i, j)).collect();
        back.sort_unstable();
        return back;
    }
    let paired_a: HashSet<usize> = pairs.iter().map(|pair| pair.0).collect();
    let paired_b: HashSet<usize> = pairs.iter().map(|pair| pair.1).collect();
    let mut left_a: Vec<usize> = (0..a.len()).filter(|i| !paired_a.contains(i)).collect();
    let mut left_b: Vec<usize> = (0..b.len()).filter(|j| !paired_b.contains(j)).collect();
    // Equal ones: the first with the first, the second with the second.
    let mut places: HashMap<u32, VecDeque<usize>> = HashMap::new();
    for &j in &left_b {
        places.entry(b[j].number).or_default().push_back(j);
    }
    let mut moved = Vec::new();
    for &i in &left_a {
        if let Some(j) = places.get_mut(&a[i].number).and_then(VecDeque::pop_front) {
            moved.push((i, j));
        }
    }
    let (gone_a, gone_b): (HashSet<usize>, HashSet<usize>) = moved.iter().copied().unzip();
    left_a.retain(|i| !gone_a.contains(i));
    left_b.retain(|j| !gone_b.contains(j));
    moved.extend(elsewhere((a, &left_a), (b, &left_b), limit));
    moved.sort_unstable();
    moved
}

/// Between two pairs, pieces that are left over on both sides become pairs by their place when they are as many
/// and of the same kinds: two ways to say something are read beside each other, however different the words.
pub(super) fn fill<K: Copy + PartialEq>(
    kinds_a: &[K],
    kinds_b: &[K],
    moved: &[(usize, usize)],
    pairs: &mut Vec<Pair>,
) {
    let moved_a: HashSet<usize> = moved.iter().map(|pair| pair.0).collect();
    let moved_b: HashSet<usize> = moved.iter().map(|pair| pair.1).collect();
    let mut filled = Vec::with_capacity(pairs.len());
    let (mut next_a, mut next_b) = (0, 0);
    let end = (kinds_a.len(), kinds_b.len(), 1.0);
    for pair in pairs.iter().copied().chain([end]) {
        let left_a: Vec<usize> = (next_a..pair.0).filter(|i| !moved_a.contains(i)).collect();
        let left_b: Vec<usize> = (next_b..pair.1).filter(|j| !moved_b.contains(j)).collect();
        let of_a = left_a.iter().map(|&i| kinds_a[i]);
        if of_a.eq(left_b.iter().map(|&j| kinds_b[j])) {
            filled.extend(left_a.into_iter().zip(left_b).map(|(i, j)| (i, j, 0.0)));
        }
        filled.push(pair);
        (next_a, next_b) = (pair.0 + 1, pair.1 + 1);
    }
    filled.pop();
    *pairs = filled;
}

/// The pairs among these that are alike enough to be called moved, the most alike first.
fn elsewhere(
    (a, in_a): (&[Piece<'_>], &[usize]),
    (b, in_b): (&[Piece<'_>], &[usize]),
    limit: &mut Limit,
) -> Vec<(usize, usize)> {
    if in_a.is_empty() || in_b.is_empty() {
        return Vec::new();
    }
    let texts_a = in_a.iter().map(|&i| a[i].text);
    let texts_b = in_b.iter().map(|&j| b[j].text);
    let mut candidates = alike(texts_a, texts_b, MOVED, &mut Numbers::default(), limit);
    // Stable: among the equally alike the first stays the first.
    candidates.sort_by(|one, other| other.2.total_cmp(&one.2));
    let (mut taken_a, mut taken_b) = (HashSet::new(), HashSet::new());
    candidates.retain(|(i, j, _)| {
        let free = !taken_a.contains(i) && !taken_b.contains(j);
        if free {
            taken_a.insert(*i);
            taken_b.insert(*j);
        }
        free
    });
    candidates
        .into_iter()
        .map(|(i, j, _)| (in_a[i], in_b[j]))
        .collect()
}

/// All pairs of these texts that are at least so alike, by their places.
fn alike<'t>(
    a: impl Iterator<Item = &'t str> + Clone,
    b: impl Iterator<Item = &'t str> + Clone,
    least: f64,
    numbers: &mut Numbers<'_>,
    limit: &mut Limit,
) -> Vec<Pair> {
    let in_a = Wording::of_all(a, numbers, limit);
    let in_b = Wording::of_all(b, numbers, limit);
    wording::alike(&in_a, &in_b, least, limit)
}

/// Of pairs in the order of A, those that rise on both sides and whose sum of squared likenesses is the greatest.
fn rising(pairs: &[Pair]) -> Vec<Pair> {
    let columns = pairs.iter().map(|pair| pair.1 + 1).max().unwrap_or(0);
    let mut best = Best::new(columns);
    // The sum of the best run that ends with a pair, and the pair before it.
    let mut runs: Vec<(f64, Option<usize>)> = Vec::with_capacity(pairs.len());
    let mut added = 0;
    for (i, j, like) in pairs {
        // A pair may follow pairs of earlier rows only.
        while pairs[added].0 < *i {
            best.add(pairs[added].1, runs[added].0, added);
            added += 1;
        }
        let before = best.below(*j);
        let sum = before.map_or(0.0, |before| runs[before].0);
        runs.push((sum + like * like, before));
    }
    let greater = |one: usize, other: usize| {
        if runs[other].0 > runs[one].0 {
            other
        } else {
            one
        }
    };
    let mut next = (0..pairs.len()).reduce(greater);
    let mut run = Vec::new();
    while let Some(index) = next {
        run.push(pairs[index]);
        next = runs[index].1;
    }
    run.reverse();
    run
}

/// The best of the values below a place, in logarithmic time: a Fenwick tree of maxima.
struct Best(Vec<Option<(f64, usize)>>);

impl Best {
    fn new(places: usize) -> Self {
        Self(vec![None; places + 1])
    }

    fn add(&mut self, place: usize, value: f64, name: usize) {
        let mut node = place + 1;
        while let Some(best) = self.0.get_mut(node) {
            if best.is_none_or(|best| value > best.0) {
                *best = Some((value, name));
            }
            node += node & node.wrapping_neg();
        }
    }

    fn below(&self, place: usize) -> Option<usize> {
        let mut node = place;
        let mut best: Option<(f64, usize)> = None;
        while node > 0 {
            if let Some(other) = self.0[node]
                && best.is_none_or(|best| other.0 > best.0)
            {
                best = Some(other);
            }
            node -= node & node.wrapping_neg();
        }
        best.map(|best| best.1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Limit, Piece, pairs};
    use crate::review::token::Numbers;

    fn pieces<'t>(texts: &'t [String], numbers: &mut Numbers<'t>) -> Vec<Piece<'t>> {
        texts
            .iter()
            .map(|text| Piece {
                number: numbers.of(text.as_str()),
                text,
            })
            .collect()
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        let word = prop::sample::select(vec!["one", "two", "three", "four"]);
        let text = prop::collection::vec(word, 0..5).prop_map(|words| words.join(" "));
        prop::collection::vec(text, 0..30)
    }

    proptest! {
        #[test]
        fn pairs_rise_and_mirror(a in texts(), b in texts(), steps in 0_u64..2_000) {
            let mut numbers = Numbers::default();
            let (a, b) = (pieces(&a, &mut numbers), pieces(&b, &mut numbers));
            for steps in [steps, Limit::WHOLE] {
                let found = pairs(&a, &b, false, &mut Limit::new(steps));
                prop_assert!(found.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
                let back: Vec<_> = pairs(&b, &a, true, &mut Limit::new(steps))
                    .into_iter()
                    .map(|(j, i, like)| (i, j, like))
                    .collect();
                prop_assert_eq!(found, back);
            }
        }
    }
}
