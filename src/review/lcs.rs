//! The longest common subsequence, exactly, sixty-four cells at a time.
//!
//! Called by `diff` on stretches that it has made small. Needs `a.len() * b.len() / 8` bytes while it runs: the
//! caller keeps that within bounds.
//!
//! Hyyrö, "Bit-parallel LCS-length computation revisited" (2004): a row of bits stands for a prefix of `b`; bit
//! `j` is clear where the common subsequence grows with `a[j]`. All rows are kept, and the way back is read from
//! them.

use std::collections::HashMap;

/// The pairs `(i, j)` with `a[i] == b[j]` of one longest common subsequence, ascending.
pub(super) fn matches(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let words = a.len().div_ceil(64);
    let rows = rows(a, b, words);
    // `i` elements of `b`, `j` of `a` are still to be accounted for.
    let (mut i, mut j) = (b.len(), a.len());
    let clear = |i: usize, j: usize| {
        // Before the first element of `b` nothing has grown: all bits are set.
        i > 0 && rows[(i - 1) * words + j / 64] & (1 << (j % 64)) == 0
    };
    let mut found = Vec::new();
    while i > 0 && j > 0 {
        if !clear(i, j - 1) {
            j -= 1;
        } else if clear(i - 1, j - 1) {
            i -= 1;
        } else {
            i -= 1;
            j -= 1;
            found.push((j, i));
        }
    }
    found.reverse();
    found
}

/// The rows after each element of `b`, one behind the other.
fn rows(a: &[u32], b: &[u32], words: usize) -> Vec<u64> {
    let places = places(a, words);
    let mut rows = Vec::with_capacity(words * b.len());
    let mut row = vec![u64::MAX; words];
    let mut few = vec![0_u64; words];
    for token in b {
        match places.get(token) {
            Some(Places::Few(places)) => {
                for place in places {
                    few[place / 64] |= 1 << (place % 64);
                }
                step(&mut row, &few);
                for place in places {
                    few[place / 64] = 0;
                }
            }
            Some(Places::Many(mask)) => step(&mut row, mask),
            None => {}
        }
        rows.extend_from_slice(&row);
    }
    rows
}

/// Where a token stands in `a`: a list, or a row of bits where that is shorter. At most 64 tokens have the latter.
enum Places {
    Few(Vec<usize>),
    Many(Vec<u64>),
}

fn places(a: &[u32], words: usize) -> HashMap<u32, Places> {
    let mut lists: HashMap<u32, Vec<usize>> = HashMap::new();
    for (place, token) in a.iter().enumerate() {
        lists.entry(*token).or_default().push(place);
    }
    let short = |list: Vec<usize>| {
        if list.len() <= words {
            return Places::Few(list);
        }
        let mut mask = vec![0_u64; words];
        for place in list {
            mask[place / 64] |= 1 << (place % 64);
        }
        Places::Many(mask)
    };
    lists
        .into_iter()
        .map(|(token, list)| (token, short(list)))
        .collect()
}

/// The row after one more element of `b`, which stands in `a` where `mask` has bits.
fn step(row: &mut [u64], mask: &[u64]) {
    let mut carry = false;
    for (bits, hit) in row.iter_mut().zip(mask) {
        let (sum, first) = bits.overflowing_add(*bits & *hit);
        let (sum, second) = sum.overflowing_add(u64::from(carry));
        carry = first || second;
        *bits = sum | (*bits & !*hit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches;

    /// The textbook's table.
    fn length(a: &[u32], b: &[u32]) -> usize {
        let mut table = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
        for i in 0..a.len() {
            for j in 0..b.len() {
                table[i + 1][j + 1] = if a[i] == b[j] {
                    table[i][j] + 1
                } else {
                    table[i][j + 1].max(table[i + 1][j])
                };
            }
        }
        table[a.len()][b.len()]
    }

    proptest! {
        #[test]
        fn it_is_as_long_as_the_textbook_says(
            a in prop::collection::vec(0_u32..5, 0..200),
            b in prop::collection::vec(0_u32..5, 0..200),
        ) {
            let found = matches(&a, &b);
            prop_assert!(found.iter().all(|&(i, j)| a[i] == b[j]));
            prop_assert!(found.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            prop_assert_eq!(found.len(), length(&a, &b));
        }
    }
}
