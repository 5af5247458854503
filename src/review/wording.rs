//! How much of their wording texts share: for two, and for many with many at once.

use std::collections::HashMap;

use super::{
    limit::Limit,
    token::{Numbers, words},
};

/// Steps of work that taking the wording of a byte costs.
const STEPS: usize = 10;

/// Two pieces and how alike they are: the place in A, the place in B, from 0 to 1.
pub(super) type Pair = (usize, usize, f64);

/// The wording of a text: its words and the pairs of words that follow each other, without regard to case. Words
/// are segments of UAX #29, white space and ASCII punctuation left out.
#[derive(Clone, Debug, Default)]
pub(super) struct Wording {
    /// Each word or pair with how often it stands there, in the order of their numbers.
    units: Vec<(u64, u32)>,
    /// How many there are.
    total: u32,
}

impl Wording {
    pub(super) fn of(text: &str, numbers: &mut Numbers<'_>) -> Self {
        let lower = text.to_lowercase();
        let mut all: Vec<u64> = words(&lower)
            .map(|word| u64::from(numbers.of_copy(word)) + 1)
            .collect();
        let single = all.len();
        all.extend_from_within(..single.saturating_sub(1));
        for place in single..all.len() {
            all[place] = all[place] << 32 | all[place - single + 1];
        }
        all.sort_unstable();
        let mut units: Vec<(u64, u32)> = Vec::with_capacity(all.len());
        for unit in &all {
            match units.last_mut() {
                Some((last, count)) if last == unit => *count += 1,
                Some(_) | None => units.push((*unit, 1)),
            }
        }
        Self {
            units,
            total: u32::try_from(all.len()).unwrap_or(u32::MAX),
        }
    }

    /// The wordings of some texts; of none when that is too much work.
    pub(super) fn of_all<'t>(
        texts: impl Iterator<Item = &'t str> + Clone,
        numbers: &mut Numbers<'_>,
        limit: &mut Limit,
    ) -> Vec<Self> {
        let bytes: usize = texts.clone().map(str::len).sum();
        if limit.take((bytes * STEPS) as u64) {
            texts.map(|text| Self::of(text, numbers)).collect()
        } else {
            texts.map(|_| Self::default()).collect()
        }
    }

    /// The share of words and pairs that two texts have in common: Dice's coefficient of the two multisets. Two
    /// texts without words have nothing in common.
    pub(super) fn likeness(&self, other: &Self) -> f64 {
        let (mut i, mut j, mut common) = (0, 0, 0);
        while let (Some(left), Some(right)) = (self.units.get(i), other.units.get(j)) {
            if left.0 == right.0 {
                common += left.1.min(right.1);
            }
            i += usize::from(left.0 <= right.0);
            j += usize::from(right.0 <= left.0);
        }
        self.dice(other, common)
    }

    fn dice(&self, other: &Self, common: u32) -> f64 {
        let all = f64::from(self.total) + f64::from(other.total);
        if all > 0.0 {
            2.0 * f64::from(common) / all
        } else {
            0.0
        }
    }
}

/// All pairs at least so alike, ascending in A and then in B. When that is too much work, words that stand nearly
/// everywhere do not count.
pub(super) fn alike(a: &[Wording], b: &[Wording], least: f64, limit: &mut Limit) -> Vec<Pair> {
    let mut places: HashMap<u64, Vec<(usize, u32)>> = HashMap::new();
    for (j, wording) in b.iter().enumerate() {
        for (unit, count) in &wording.units {
            places.entry(*unit).or_default().push((j, *count));
        }
    }
    // For every unit of every piece of `a` the places in `b` are walked through.
    let lengths: Vec<usize> = a
        .iter()
        .flat_map(|wording| &wording.units)
        .filter_map(|(unit, _)| places.get(unit).map(Vec::len))
        .collect();
    let cost = |most: usize| -> usize { lengths.iter().filter(|length| **length <= most).sum() };
    let mut most = b.len();
    while most > 0 && cost(most) as u64 > limit.left() / 2 {
        most /= 2;
        limit.bite();
    }
    if most == 0 || !limit.take(cost(most) as u64) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut common = vec![0_u32; b.len()];
    let mut touched = Vec::new();
    for (i, wording) in a.iter().enumerate() {
        for (unit, count) in &wording.units {
            let places = places.get(unit).filter(|places| places.len() <= most);
            for (j, other) in places.into_iter().flatten() {
                if common[*j] == 0 {
                    touched.push(*j);
                }
                common[*j] += count.min(other);
            }
        }
        touched.sort_unstable();
        for j in touched.drain(..) {
            let like = wording.dice(&b[j], common[j]);
            if like >= least {
                found.push((i, j, like));
            }
            common[j] = 0;
        }
    }
    found
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
    use proptest::prelude::*;

    use super::{Limit, Numbers, Wording, alike, similarity};

    /// The expected values were computed with Python:
    ///
    /// ```python
    /// def units(t):
    ///     w = re.findall(r"[^\W_]+(?:['.][^\W_]+)*", t.lower())
    ///     return Counter(w) + Counter(zip(w, w[1:]))
    /// def dice(a, b):
    ///     a, b = units(a), units(b)
    ///     return Fraction(2 * sum((a & b).values()), a.total() + b.total())
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

    fn texts() -> impl Strategy<Value = Vec<String>> {
        let word = prop::sample::select(vec!["one", "two", "three", "four"]);
        let text = prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "));
        prop::collection::vec(text, 0..20)
    }

    proptest! {
        #[test]
        fn many_with_many_is_two_by_two(a in texts(), b in texts(), least in 0.01_f64..1.0) {
            let mut numbers = Numbers::default();
            let mut wordings = |texts: &[String]| -> Vec<Wording> {
                texts.iter().map(|text| Wording::of(text, &mut numbers)).collect()
            };
            let (a, b) = (wordings(&a), wordings(&b));
            let mut limit = Limit::new(Limit::WHOLE);
            let found = alike(&a, &b, least, &mut limit);
            let mut expected = Vec::new();
            for (i, one) in a.iter().enumerate() {
                for (j, other) in b.iter().enumerate() {
                    let like = one.likeness(other);
                    if like >= least {
                        expected.push((i, j, like));
                    }
                }
            }
            prop_assert_eq!(&found, &expected);
            // With less work, a part of it.
            let few = alike(&a, &b, least, &mut Limit::new(200));
            prop_assert!(few.iter().all(|(i, j, _)| expected.iter().any(|it| (it.0, it.1) == (*i, *j))));
        }
    }
}
