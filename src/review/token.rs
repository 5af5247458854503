//! Texts as numbers: equal pieces get equal numbers, and how much of its wording a text shares with another.

use std::{borrow::Cow, collections::HashMap};

use unicode_segmentation::UnicodeSegmentation as _;

/// Gives equal texts equal numbers.
#[derive(Default)]
pub(super) struct Numbers<'t>(HashMap<Cow<'t, str>, u32>);

impl<'t> Numbers<'t> {
    /// The number of a text.
    pub(super) fn of(&mut self, text: impl Into<Cow<'t, str>>) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(text.into()).or_insert(next)
    }
}

/// The words and symbols of a text: what is neither space nor ASCII punctuation.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_word_bounds().filter(|segment| {
        !segment
            .chars()
            .all(|character| character.is_whitespace() || character.is_ascii_punctuation())
    })
}

/// The wording of a text: its words and the pairs of words that follow each other, without regard to case. Words
/// are segments of UAX #29, white space and ASCII punctuation left out.
#[derive(Clone, Debug)]
pub(super) struct Wording(Vec<u64>);

impl Wording {
    pub(super) fn of(text: &str, numbers: &mut Numbers<'_>) -> Self {
        let lower = text.to_lowercase();
        let words: Vec<u64> = words(&lower)
            .map(|word| u64::from(numbers.of(word.to_owned())) + 1)
            .collect();
        let mut units = words.clone();
        units.extend(words.windows(2).map(|pair| pair[0] << 32 | pair[1]));
        units.sort_unstable();
        Self(units)
    }

    /// How many words and pairs it has: what a comparison with it costs.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The share of words and pairs that two texts have in common: Dice's coefficient of the two multisets,
    /// from 0 to 1. Two texts without words have nothing in common.
    #[expect(clippy::cast_precision_loss, reason = "far below 2 to the 52")]
    pub(super) fn likeness(&self, other: &Self) -> f64 {
        let (mut i, mut j, mut common) = (0, 0, 0_usize);
        while let (Some(left), Some(right)) = (self.0.get(i), other.0.get(j)) {
            common += usize::from(left == right);
            i += usize::from(left <= right);
            j += usize::from(right <= left);
        }
        match self.len() + other.len() {
            0 => 0.0,
            all => 2.0 * common as f64 / all as f64,
        }
    }

    /// No likeness can be greater, by the lengths alone.
    #[expect(clippy::cast_precision_loss, reason = "far below 2 to the 52")]
    pub(super) fn at_most(&self, other: &Self) -> f64 {
        match self.len() + other.len() {
            0 => 0.0,
            all => 2.0 * self.len().min(other.len()) as f64 / all as f64,
        }
    }
}

/// How much of their wording two texts share, from 0 to 1: Dice's coefficient over words and pairs of neighbouring
/// words, without regard to case and punctuation. It says nothing about meaning.
#[must_use]
pub fn similarity(a: &str, b: &str) -> f64 {
    if a == b {
        return 1.0;
    }
    let mut numbers = Numbers::default();
    Wording::of(a, &mut numbers).likeness(&Wording::of(b, &mut numbers))
}

#[cfg(test)]
mod tests {
    use super::similarity;

    /// The expected values were computed with Python:
    ///
    /// ```python
    /// from collections import Counter
    /// def units(t):
    ///     w = re.findall(r"[^\W_]+(?:['.][^\W_]+)*", t.lower())
    ///     return Counter(w) + Counter(zip(w, w[1:]))
    /// def dice(a, b):
    ///     a, b = units(a), units(b)
    ///     return 2 * sum((a & b).values()) / (a.total() + b.total())
    /// ```
    #[test]
    fn shared_wording_is_as_computed_elsewhere() {
        for (a, b, expected) in [
            ("The dog bit the cat", "The cat bit the dog", 8.0 / 9.0),
            (
                "Your refund was issued on 3 May and should arrive within five days.",
                "We issued your refund on 3 May; it should reach you within five days.",
                15.0 / 26.0,
            ),
            ("one two three", "four five six", 0.0),
            ("Yes.", "yes", 1.0),
            ("the the the", "the the", 0.75),
            ("Total: 42.50 EUR", "Total: 42.60 EUR", 0.4),
            ("It isn't here", "It is not here", 1.0 / 3.0),
        ] {
            let found = similarity(a, b);
            assert!((found - expected).abs() < 1e-12, "{a} | {b}: {found}");
            assert!((similarity(b, a) - found).abs() < 1e-12, "{a} | {b}");
        }
    }
}
