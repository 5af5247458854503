//! Did a change help? The errors of the minutes before it against those of the minutes after it, in words.
//!
//! Pure. The minute of the change itself counts to neither side: it is of both.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::{Point, Sum, share};

/// The stretches before a change that are looked at, and how far back they may lie.
const BEFORE: usize = 3;
const BACK: usize = 5;
/// So long after a change what happens is still called its effect.
const AFTER: usize = 5;
/// From this share of errors on there was something to help with.
const LITTLE: f64 = 0.01;
/// A share that rose by so much has got worse.
const WORSE: f64 = 0.05;

/// What became of the errors after a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Nothing was counted before it.
    NothingBefore,
    /// No whole stretch after it is over, or none was counted.
    NothingAfter,
    /// There were next to none, and there are.
    None {
        /// The share before.
        before: f64,
        /// The share after.
        after: f64,
    },
    /// They fell to half or less.
    Fell {
        /// The share before.
        before: f64,
        /// The share of the first stretch that was so much better.
        after: f64,
        /// It began so many minutes after the change, rounded up.
        minutes: i64,
        /// The share later on, where it was not so good any more.
        again: Option<f64>,
    },
    /// They rose.
    Rose {
        /// The share before.
        before: f64,
        /// The share of the worst stretch.
        after: f64,
        /// It began so many minutes after the change, rounded up.
        minutes: i64,
    },
    /// Neither.
    Same {
        /// The share before.
        before: f64,
        /// The share of all stretches after it.
        after: f64,
    },
}

/// Judges a change by the stretches before it and those between it and `end`: now, or the next change.
#[must_use]
pub fn effect(points: &[Point], at: Timestamp, end: Timestamp) -> Effect {
    let long = match points {
        [first, second, ..] => second.start.duration_since(first.start),
        [_] | [] => return Effect::NothingBefore,
    };
    let own = points.partition_point(|point| point.start <= at);
    let before = points[..own.saturating_sub(1)].iter().rev().take(BACK);
    let before = sums(before.filter_map(|point| point.told.sum()).take(BEFORE));
    let Some(before) = before.error_share() else {
        return Effect::NothingBefore;
    };
    let after: Vec<(i64, Sum)> = points
        .get(own..)
        .unwrap_or_default()
        .iter()
        // A stretch that the next change falls into is of both.
        .take_while(|point| point.start + long <= end)
        .take(AFTER)
        .filter_map(|point| {
            let seconds = point.start.duration_since(at).as_secs();
            let minutes = seconds.div_euclid(60) + i64::from(seconds % 60 != 0);
            Some((minutes, point.told.sum()?))
        })
        .collect();
    let shares: Vec<(i64, f64)> = after
        .iter()
        .filter_map(|(minutes, sum)| Some((*minutes, sum.error_share()?)))
        .collect();
    let Some((_, last)) = shares.last().copied() else {
        return Effect::NothingAfter;
    };
    let whole = sums(after.iter().map(|(_, sum)| *sum));
    let whole = share(whole.errors, whole.requests).unwrap_or(last);
    let worst = shares
        .iter()
        .copied()
        .max_by(|left, right| left.1.total_cmp(&right.1));
    if let Some((minutes, after)) = worst
        && after >= before + WORSE
        && whole > before
    {
        return Effect::Rose {
            before,
            after,
            minutes,
        };
    }
    if before < LITTLE {
        return Effect::None {
            before,
            after: whole,
        };
    }
    let better = shares
        .iter()
        .copied()
        .find(|(_, share)| *share <= before / 2.0);
    match better {
        Some((minutes, after)) => Effect::Fell {
            before,
            after,
            minutes,
            again: (last > before / 2.0).then_some(last),
        },
        None => Effect::Same {
            before,
            after: whole,
        },
    }
}

fn sums(sums: impl Iterator<Item = Sum>) -> Sum {
    sums.fold(Sum::default(), Sum::and)
}

/// `41 %`; a small share that is not nothing stays visible.
fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        "<1 %".to_owned()
    } else {
        format!("{:.0} %", share * 100.0)
    }
}

impl Effect {
    /// In words, with what was done: `errors 41 % -> 2 % within 1 min of force by mira`.
    #[must_use]
    pub fn of(&self, done: &str) -> String {
        match *self {
            Self::NothingBefore => format!("no traffic was counted in the minutes before {done}"),
            Self::NothingAfter => {
                format!("no whole minute was counted after {done}: too early to say")
            }
            Self::None { before, after } => format!(
                "errors {} before and {} after {done}",
                percent(before),
                percent(after)
            ),
            Self::Fell {
                before,
                after,
                minutes,
                again,
            } => {
                let again = again.map_or_else(String::new, |share| {
                    format!(", but {} again later", percent(share))
                });
                format!(
                    "errors {} -> {} within {minutes} min of {done}{again}",
                    percent(before),
                    percent(after)
                )
            }
            Self::Rose {
                before,
                after,
                minutes,
            } => format!(
                "errors ROSE {} -> {} within {minutes} min of {done}",
                percent(before),
                percent(after)
            ),
            Self::Same { before, after } => format!(
                "errors {} -> {} after {done}: it did not halve them",
                percent(before),
                percent(after)
            ),
        }
    }

    /// Whether there is something to tell: errors there were, or are.
    #[must_use]
    pub const fn moved(&self) -> bool {
        match self {
            Self::Fell { .. } | Self::Rose { .. } | Self::Same { .. } => true,
            Self::NothingBefore | Self::NothingAfter | Self::None { .. } => false,
        }
    }

    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::NothingBefore => "nothing-before",
            Self::NothingAfter => "nothing-after",
            Self::None { .. } => "none",
            Self::Fell { .. } => "fell",
            Self::Rose { .. } => "rose",
            Self::Same { .. } => "same",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (before, after, minutes) = match *self {
            Self::NothingBefore | Self::NothingAfter => (None, None, None),
            Self::None { before, after } | Self::Same { before, after } => {
                (Some(before), Some(after), None)
            }
            Self::Fell {
                before,
                after,
                minutes,
                ..
            }
            | Self::Rose {
                before,
                after,
                minutes,
            } => (Some(before), Some(after), Some(minutes)),
        };
        let mut object = serializer.serialize_struct("Effect", 4)?;
        object.serialize_field("errors", self.word())?;
        object.serialize_field("before", &before)?;
        object.serialize_field("after", &after)?;
        object.serialize_field("minutes", &minutes)?;
        object.end()
    }
}
