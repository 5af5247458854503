//! Which elements of two sequences belong together: equal ones, in the same order on both sides.
//!
//! Called for words, lines, blocks and elements of arrays, with equal elements under equal numbers (`token`).
//! Elements that stand once on each side are anchors (patience diff, as in Bazaar and git); between them the
//! longest common subsequence decides, exactly.
//!
//! Own code and no crate, because a result must neither depend on the clock nor take half a second for what a
//! provider can send: `similar` bounds its work by a deadline only, and the heuristics of `imara-diff` took 0.5 s
//! for two sequences of 16 000 tokens out of an alphabet of ten.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use super::{lcs, limit::Limit};

/// The largest table: of 16 MB.
const WORDS: usize = 2_000_000;
/// How deep anchors are looked for between anchors.
const DEPTH: usize = 8;

/// Matched pairs, ascending on both sides. The same pairs mirrored when `a` and `b` are swapped, provided that
/// the caller says with `mirrored` which of the two orders it is.
pub(super) fn matches(
    a: &[u32],
    b: &[u32],
    mirrored: bool,
    limit: &mut Limit,
) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    if mirrored {
        between(b, a, 0..b.len(), 0..a.len(), DEPTH, limit, &mut found);
        for pair in &mut found {
            *pair = (pair.1, pair.0);
        }
    } else {
        between(a, b, 0..a.len(), 0..b.len(), DEPTH, limit, &mut found);
    }
    slide(a, b, &mut found);
    found
}

/// Slides what only one side has down as far as it goes: of the two closing braces around a new function, its own is
/// the new one.
fn slide(a: &[u32], b: &[u32], pairs: &mut [(usize, usize)]) {
    // The places behind the pair before.
    let (mut next_a, mut next_b) = (0, 0);
    for pair in pairs {
        if pair.0 == next_a && b[next_b] == b[pair.1] {
            pair.1 = next_b;
        } else if pair.1 == next_b && a[next_a] == a[pair.0] {
            pair.0 = next_a;
        }
        (next_a, next_b) = (pair.0 + 1, pair.1 + 1);
    }
}

fn between(
    a: &[u32],
    b: &[u32],
    mut in_a: Range<usize>,
    mut in_b: Range<usize>,
    depth: usize,
    limit: &mut Limit,
    found: &mut Vec<(usize, usize)>,
) {
    while !in_a.is_empty() && !in_b.is_empty() && a[in_a.start] == b[in_b.start] {
        found.push((in_a.start, in_b.start));
        in_a.start += 1;
        in_b.start += 1;
    }
    let mut tail = Vec::new();
    while !in_a.is_empty() && !in_b.is_empty() && a[in_a.end - 1] == b[in_b.end - 1] {
        in_a.end -= 1;
        in_b.end -= 1;
        tail.push((in_a.end, in_b.end));
    }
    if !in_a.is_empty() && !in_b.is_empty() {
        let anchors = if depth == 0 {
            Vec::new()
        } else {
            anchors(a, b, &in_a, &in_b)
        };
        if anchors.is_empty() {
            exact(a, b, in_a, in_b, limit, found);
        } else {
            let (mut from_a, mut from_b) = (in_a.start, in_b.start);
            for (at_a, at_b) in anchors {
                between(a, b, from_a..at_a, from_b..at_b, depth - 1, limit, found);
                found.push((at_a, at_b));
                (from_a, from_b) = (at_a + 1, at_b + 1);
            }
            between(
                a,
                b,
                from_a..in_a.end,
                from_b..in_b.end,
                depth - 1,
                limit,
                found,
            );
        }
    }
    found.extend(tail.into_iter().rev());
}

/// The elements that stand exactly once on each side, as many as keep their order.
fn anchors(a: &[u32], b: &[u32], in_a: &Range<usize>, in_b: &Range<usize>) -> Vec<(usize, usize)> {
    // Per token: how often and where in each.
    let mut seen: HashMap<u32, [(usize, usize); 2]> = HashMap::new();
    for place in in_a.clone() {
        let entry = &mut seen.entry(a[place]).or_default()[0];
        *entry = (entry.0 + 1, place);
    }
    for place in in_b.clone() {
        if let Some(entry) = seen.get_mut(&b[place]) {
            entry[1] = (entry[1].0 + 1, place);
        }
    }
    let once: Vec<(usize, usize)> = in_a
        .clone()
        .filter_map(|place| match seen.get(&a[place]) {
            Some([(1, _), (1, other)]) => Some((place, *other)),
            _ => None,
        })
        .collect();
    rising(&once)
}

/// The longest run of pairs that rises on the right too. They rise on the left.
fn rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // `ends[n]`: the pair with the lowest right side that ends a run of `n + 1`.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|&end| pairs[end].1 < pair.1);
        before.push(length.checked_sub(1).map(|at| ends[at]));
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(index) = next {
        run.push(pairs[index]);
        next = before[index];
    }
    run.reverse();
    run
}

/// The longest common subsequence of two stretches; of parts of them, side by side, when the whole is too much.
fn exact(
    a: &[u32],
    b: &[u32],
    in_a: Range<usize>,
    in_b: Range<usize>,
    limit: &mut Limit,
    found: &mut Vec<(usize, usize)>,
) {
    // What does not occur on the other side cannot be matched.
    let shared_a = shared(a, &in_a, &b[in_b.clone()]);
    let shared_b = shared(b, &in_b, &a[in_a]);
    if shared_a.is_empty() || shared_b.is_empty() {
        return;
    }
    let most = WORDS.min(usize::try_from(limit.left() / 2).unwrap_or(WORDS));
    let mut parts = 1;
    while words(shared_a.len(), shared_b.len(), parts) > most {
        parts *= 2;
        limit.bite();
        if parts > shared_a.len().min(shared_b.len()) {
            return;
        }
    }
    for part in 0..parts {
        let places_a = &shared_a[share(shared_a.len(), part, parts)];
        let places_b = &shared_b[share(shared_b.len(), part, parts)];
        if !limit.take(words(places_a.len(), places_b.len(), 1) as u64) {
            return;
        }
        let tokens = |of: &[u32], places: &[usize]| -> Vec<u32> {
            places.iter().map(|&place| of[place]).collect()
        };
        found.extend(
            lcs::matches(&tokens(a, places_a), &tokens(b, places_b))
                .into_iter()
                .map(|(i, j)| (places_a[i], places_b[j])),
        );
    }
}

/// The places in a stretch whose elements occur on the other side.
fn shared(of: &[u32], stretch: &Range<usize>, other: &[u32]) -> Vec<usize> {
    let there: HashSet<u32> = other.iter().copied().collect();
    stretch
        .clone()
        .filter(|&place| there.contains(&of[place]))
        .collect()
}

/// Words of sixty-four cells in the largest table when two sequences are cut into so many parts.
const fn words(a: usize, b: usize, parts: usize) -> usize {
    a.div_ceil(parts).div_ceil(64) * b.div_ceil(parts)
}

/// The places of one part out of many.
const fn share(length: usize, part: usize, parts: usize) -> Range<usize> {
    length * part / parts..length * (part + 1) / parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Limit, matches};

    fn all(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
        let mut limit = Limit::new(Limit::WHOLE);
        let found = matches(a, b, false, &mut limit);
        assert!(!limit.bitten());
        found
    }

    #[test]
    fn elements_that_stand_once_hold_the_rest_in_place() {
        for (case, a, b, expected) in [
            ("nothing", vec![], vec![1], vec![]),
            ("equal", vec![1, 1], vec![1, 1], vec![(0, 0), (1, 1)]),
            (
                "one dropped",
                vec![1, 2, 3],
                vec![1, 3],
                vec![(0, 0), (2, 1)],
            ),
            // A brace alone would match the wrong brace.
            (
                "anchor",
                vec![9, 7, 1, 7],
                vec![9, 7, 2, 7, 8, 1, 7],
                vec![(0, 0), (1, 1), (2, 5), (3, 6)],
            ),
            (
                "moved",
                vec![1, 2, 3, 4],
                vec![2, 3, 4, 1],
                vec![(1, 0), (2, 1), (3, 2)],
            ),
        ] {
            assert_eq!(all(&a, &b), expected, "{case}");
        }
    }

    #[test]
    fn too_much_is_compared_in_parts_and_says_so() {
        let a: Vec<u32> = (0..40_000).map(|place| place % 7).collect();
        let b: Vec<u32> = (0..40_000).map(|place| place % 5).collect();
        let mut limit = Limit::new(Limit::WHOLE);
        let found = matches(&a, &b, false, &mut limit);
        assert!(limit.bitten());
        assert!(found.len() > 10_000, "{}", found.len());
    }

    proptest! {
        #[test]
        fn pairs_are_equal_rise_and_mirror(
            a in prop::collection::vec(0_u32..20, 0..120),
            b in prop::collection::vec(0_u32..20, 0..120),
            steps in 0_u64..400,
        ) {
            for steps in [steps, Limit::WHOLE] {
                let found = matches(&a, &b, false, &mut Limit::new(steps));
                prop_assert!(found.iter().all(|&(i, j)| a[i] == b[j]));
                prop_assert!(found.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
                let mirrored = matches(&b, &a, true, &mut Limit::new(steps));
                let back: Vec<_> = mirrored.into_iter().map(|(j, i)| (i, j)).collect();
                prop_assert_eq!(found, back);
            }
        }
    }
}
