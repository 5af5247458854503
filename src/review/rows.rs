//! What the rows of every kind of comparison have in common.

/// One of the two texts that are compared. Which route stands on it is nobody's business here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The left one.
    A,
    /// The right one.
    B,
}

/// What a row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Both sides have it, and it is the same.
    Same,
    /// Both sides have it, and it differs.
    Changed,
    /// Both sides have it, as values of different JSON types.
    TypeChanged,
    /// Only A has it.
    OnlyA,
    /// Only B has it.
    OnlyB,
}

impl Mark {
    /// In words, for screens and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::TypeChanged => "type changed",
            Self::OnlyA => "only in A",
            Self::OnlyB => "only in B",
        }
    }

    /// What it is when the sides are swapped.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            Self::OnlyA => Self::OnlyB,
            Self::OnlyB => Self::OnlyA,
            Self::Same | Self::Changed | Self::TypeChanged => self,
        }
    }

    /// The mark of a row that has these sides; `same`: whether they are equal.
    pub(super) const fn of(a: bool, b: bool, same: bool) -> Self {
        match (a, b) {
            (true, false) => Self::OnlyA,
            (false, true) => Self::OnlyB,
            _ if same => Self::Same,
            _ => Self::Changed,
        }
    }
}

/// The one way in which two values differ that differ in this way only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nuance {
    /// White space.
    Spacing,
    /// Upper and lower case, and punctuation at the ends.
    Case,
    /// The same number, written differently (`1` and `1.0`).
    Written,
    /// The same, at another place in the order.
    Order,
}

impl Nuance {
    /// In words, for screens and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spacing => "white space only",
            Self::Case => "case and punctuation only",
            Self::Written => "same number, written differently",
            Self::Order => "same, in another order",
        }
    }

    /// The way in which two different texts differ, when it is a trifle.
    pub(super) fn between(a: &str, b: &str) -> Option<Self> {
        let bare = |text: &str| -> String {
            text.chars()
                .filter(|character| !character.is_whitespace())
                .collect()
        };
        let (bare_a, bare_b) = (bare(a), bare(b));
        if bare_a == bare_b {
            return Some(Self::Spacing);
        }
        let plain = |text: &str| {
            text.trim_matches(|character: char| character.is_ascii_punctuation())
                .to_lowercase()
        };
        (plain(&bare_a) == plain(&bare_b)).then_some(Self::Case)
    }
}

/// Both sides in order: pairs side by side, and between them first what only A has, then what only B has.
pub(super) fn merged(
    pairs: &[(usize, usize)],
    a: usize,
    b: usize,
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut rows = Vec::with_capacity(a + b - pairs.len());
    let (mut next_a, mut next_b) = (0, 0);
    for (i, j) in pairs.iter().copied().chain([(a, b)]) {
        rows.extend((next_a..i).map(|only| (Some(only), None)));
        rows.extend((next_b..j).map(|only| (None, Some(only))));
        if i < a {
            rows.push((Some(i), Some(j)));
        }
        (next_a, next_b) = (i + 1, j + 1);
    }
    rows
}
