//! Which pieces of two texts belong together although their wording differs: by likeness, in order.
//!
//! Called for blocks of prose, sentences and elements of JSON arrays that have no equal on the other side.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::Range,
};

use super::{
    diff,
    limit::Limit,
    token::{Numbers, Wording},
};

/// Less alike is not a pair.
pub(super) const PAIR: f64 = 0.2;
/// From here on a piece that stands elsewhere on the other side is called moved.
pub(super) const MOVED: f64 = 0.6;
/// The largest table.
const CELLS: usize = 1_000_000;

/// Two pieces that belong together: their places, and how alike they are.
pub(super) type Pair = (usize, usize, f64);

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
    let numbers = |of: &[Piece<'_>]| -> Vec<u32> { of.iter().map(|piece| piece.number).collect() };
    let mut equal = diff::matches(&numbers(a), &numbers(b), mirrored, limit);
    // So that the stretch behind the last one is looked at too.
    equal.push((a.len(), b.len()));
    let mut found = Vec::new();
    let (mut next_a, mut next_b) = (0, 0);
    let mut numbers = Numbers::default();
    for (i, j) in equal {
        let mut wordings = |of: &[Piece<'_>]| -> Vec<Wording> {
            of.iter()
                .map(|piece| Wording::of(piece.text, &mut numbers))
                .collect()
        };
        if next_a < i && next_b < j {
            let (in_a, in_b) = (wordings(&a[next_a..i]), wordings(&b[next_b..j]));
            let alike = if mirrored {
                let swapped = best(&in_b, &in_a, limit);
                swapped
                    .into_iter()
                    .map(|(j, i, like)| (i, j, like))
                    .collect()
            } else {
                best(&in_a, &in_b, limit)
            };
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

/// Of the pieces without a pair, those that stand elsewhere on the other side: equal ones, and the most alike. In
/// the order of `a`.
pub(super) fn moved(
    a: &[Piece<'_>],
    b: &[Piece<'_>],
    pairs: &[Pair],
    mirrored: bool,
    limit: &mut Limit,
) -> Vec<(usize, usize)> {
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
    moved.extend(alike((a, &left_a), (b, &left_b), mirrored, limit));
    moved.sort_unstable();
    moved
}

/// The pairs among these that are alike enough to be called moved, the most alike first.
fn alike(
    (a, in_a): (&[Piece<'_>], &[usize]),
    (b, in_b): (&[Piece<'_>], &[usize]),
    mirrored: bool,
    limit: &mut Limit,
) -> Vec<(usize, usize)> {
    if in_a.is_empty() || in_b.is_empty() {
        return Vec::new();
    }
    let mut numbers = Numbers::default();
    let mut wordings = |of: &[Piece<'_>], places: &[usize]| -> Vec<Wording> {
        places
            .iter()
            .map(|&place| Wording::of(of[place].text, &mut numbers))
            .collect()
    };
    let (wordings_a, wordings_b) = (wordings(a, in_a), wordings(b, in_b));
    if in_a.len() * in_b.len() > CELLS || !limit.take(cost(&wordings_a, &wordings_b) as u64) {
        limit.bite();
        return Vec::new();
    }
    let mut candidates = Vec::new();
    for (left, &i) in wordings_a.iter().zip(in_a) {
        for (right, &j) in wordings_b.iter().zip(in_b) {
            if left.at_most(right) >= MOVED {
                let like = left.likeness(right);
                if like >= MOVED {
                    candidates.push((i, j, like));
                }
            }
        }
    }
    candidates.sort_by(|one, other| {
        let order = |pair: &Pair| {
            if mirrored {
                (pair.1, pair.0)
            } else {
                (pair.0, pair.1)
            }
        };
        other
            .2
            .total_cmp(&one.2)
            .then(order(one).cmp(&order(other)))
    });
    let (mut taken_a, mut taken_b) = (HashSet::new(), HashSet::new());
    candidates.retain(|(i, j, _)| {
        let free = !taken_a.contains(i) && !taken_b.contains(j);
        if free {
            taken_a.insert(*i);
            taken_b.insert(*j);
        }
        free
    });
    candidates.into_iter().map(|(i, j, _)| (i, j)).collect()
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

/// What comparing all with all costs: each comparison at most the sum of the lengths.
fn cost(a: &[Wording], b: &[Wording]) -> usize {
    let units = |of: &[Wording]| of.iter().map(|wording| wording.len() + 1).sum::<usize>();
    units(a) * b.len() + units(b) * a.len()
}

#[derive(Clone, Copy)]
enum Step {
    Pair(f32),
    SkipA,
    SkipB,
}

fn best(a: &[Wording], b: &[Wording], limit: &mut Limit) -> Vec<Pair> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let band = Band::within(a, b, limit);
    // `sums[j]`: the best sum for the pieces of `a` so far and the first `j` of `b`.
    let mut sums = vec![0.0_f64; b.len() + 1];
    let mut reached = 0;
    let mut steps: Vec<Vec<Step>> = Vec::with_capacity(a.len());
    for (i, left) in a.iter().enumerate() {
        let columns = band.columns(i);
        // Columns that come into the band start with what was reached before it.
        let start = sums[reached];
        sums[reached..=columns.end].fill(start);
        reached = columns.end;
        let mut diagonal = sums[columns.start];
        let mut row = Vec::with_capacity(columns.len());
        for j in columns {
            let above = sums[j + 1];
            let like = if left.at_most(&b[j]) < PAIR {
                0.0
            } else {
                left.likeness(&b[j])
            };
            let paired = if like < PAIR {
                -1.0
            } else {
                diagonal + like * like
            };
            row.push(if paired > above && paired > sums[j] {
                sums[j + 1] = paired;
                #[expect(clippy::cast_possible_truncation, reason = "told to two digits")]
                Step::Pair(like as f32)
            } else if above >= sums[j] {
                Step::SkipA
            } else {
                sums[j + 1] = sums[j];
                Step::SkipB
            });
            diagonal = above;
        }
        steps.push(row);
    }
    back(&band, &steps, b.len())
}

/// Reads the pairs from the steps, from the end.
fn back(band: &Band, steps: &[Vec<Step>], mut j: usize) -> Vec<Pair> {
    let mut found = Vec::new();
    let mut i = steps.len();
    while i > 0 && j > 0 {
        let columns = band.columns(i - 1);
        if j > columns.end {
            j = columns.end;
        } else if j <= columns.start {
            i -= 1;
        } else {
            match steps[i - 1][j - 1 - columns.start] {
                Step::Pair(like) => {
                    i -= 1;
                    j -= 1;
                    found.push((i, j, f64::from(like)));
                }
                Step::SkipA => i -= 1,
                Step::SkipB => j -= 1,
            }
        }
    }
    found.reverse();
    found
}

/// The part of the table that is looked at: all of it, or a band around the diagonal.
struct Band {
    rows: usize,
    columns: usize,
    /// To each side of the diagonal.
    width: usize,
}

impl Band {
    fn within(a: &[Wording], b: &[Wording], limit: &mut Limit) -> Self {
        let whole = cost(a, b);
        let most = usize::try_from(limit.left() / 2).unwrap_or(usize::MAX);
        let cells = a.len() * b.len();
        let mut width = b.len();
        let part = |width: usize| {
            let share = |of: usize| of / b.len() * (2 * width + 1).min(b.len());
            (share(whole), share(cells))
        };
        while width > 0 && (part(width).0 > most || part(width).1 > CELLS) {
            width /= 2;
            limit.bite();
        }
        let _ = limit.take(part(width).0.min(most) as u64);
        Self {
            rows: a.len(),
            columns: b.len(),
            width,
        }
    }

    fn columns(&self, row: usize) -> Range<usize> {
        let middle = row * self.columns / self.rows;
        let end = (middle + self.width + 1).min(self.columns);
        middle.saturating_sub(self.width)..end
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
