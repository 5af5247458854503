//! Whether a history of one key could have happened one call after the other, each at a moment between its beginning
//! and its answer. Knows nothing of logs, servers or views: only calls on a register that is compared and set.

use std::{collections::BTreeSet, time::Duration};

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) began: Duration,
    /// `None`: it was never answered, so it may have happened at any time since.
    pub(super) ended: Option<Duration>,
    pub(super) what: What,
}

/// What it did. The register holds a number, 0 at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It found this and made that of it.
    Set { expected: u64, becomes: u64 },
    /// It made that of whatever was there.
    Ended { becomes: u64 },
    /// It was told that this is there, and changed nothing.
    Conflict { found: u64 },
}

impl What {
    fn after(self, holds: u64) -> Option<u64> {
        match self {
            Self::Set { expected, becomes } => (expected == holds).then_some(becomes),
            Self::Ended { becomes } => Some(becomes),
            Self::Conflict { found } => (found == holds).then_some(holds),
        }
    }
}

/// Whether there is an order. Tries all that time allows; what was tried is not tried twice.
pub(super) fn has_an_order(calls: &[Call]) -> bool {
    let mut tried = BTreeSet::new();
    let mut open = vec![(vec![false; calls.len()], 0)];
    while let Some((mut done, holds)) = open.pop() {
        // What changes nothing and may happen now is best done now.
        while let Some(call) = candidates(calls, &done).find(|call| {
            matches!(calls[*call].what, What::Conflict { .. })
                && calls[*call].what.after(holds).is_some()
        }) {
            done[call] = true;
        }
        if done.iter().all(|done| *done) {
            return true;
        }
        if !tried.insert((done.clone(), holds)) {
            continue;
        }
        for call in candidates(calls, &done) {
            if let Some(becomes) = calls[call].what.after(holds)
                && !matches!(calls[call].what, What::Conflict { .. })
            {
                let mut further = done.clone();
                further[call] = true;
                open.push((further, becomes));
            }
        }
    }
    false
}

/// The calls that may be the next one: none of the others was answered before they began.
fn candidates<'a>(calls: &'a [Call], done: &[bool]) -> impl Iterator<Item = usize> + use<'a> {
    let left: Vec<usize> = (0..calls.len()).filter(|call| !done[*call]).collect();
    let first = left.iter().filter_map(|call| calls[*call].ended).min();
    left.into_iter()
        .filter(move |call| first.is_none_or(|first| calls[*call].began <= first))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(began: u64, ended: u64, what: What) -> Call {
        Call {
            began: Duration::from_secs(began),
            ended: (ended > 0).then(|| Duration::from_secs(ended)),
            what,
        }
    }

    const fn set(expected: u64, becomes: u64) -> What {
        What::Set { expected, becomes }
    }

    #[test]
    fn it_knows_what_could_have_happened() {
        let conflict = |found| What::Conflict { found };
        for (case, wanted, calls) in [
            ("nothing", true, vec![]),
            (
                "one after the other",
                true,
                vec![call(1, 2, set(0, 5)), call(3, 4, set(5, 6))],
            ),
            (
                "at once",
                true,
                vec![call(1, 9, set(5, 6)), call(2, 8, set(0, 5))],
            ),
            (
                "the wrong way round",
                false,
                vec![call(1, 2, set(5, 6)), call(3, 4, set(0, 5))],
            ),
            (
                "two that found the same",
                false,
                vec![call(1, 9, set(0, 5)), call(1, 9, set(0, 6))],
            ),
            (
                "never answered, and there",
                true,
                vec![call(1, 0, set(0, 5)), call(8, 9, set(5, 6))],
            ),
            (
                "never answered, and too late",
                false,
                vec![call(8, 0, set(0, 5)), call(1, 2, set(5, 6))],
            ),
            (
                "told what was there",
                true,
                vec![call(1, 4, set(0, 5)), call(2, 3, conflict(5))],
            ),
            (
                "told what was there before",
                true,
                vec![call(1, 4, set(0, 5)), call(2, 3, conflict(0))],
            ),
            (
                "told what is no more",
                false,
                vec![call(1, 2, set(0, 5)), call(3, 4, conflict(0))],
            ),
            (
                "told what is not yet",
                false,
                vec![call(3, 4, set(0, 5)), call(1, 2, conflict(5))],
            ),
            (
                "told what never was",
                false,
                vec![call(1, 2, set(0, 5)), call(1, 2, conflict(7))],
            ),
            (
                "ended, whatever it was",
                true,
                vec![
                    call(1, 2, set(0, 5)),
                    call(3, 4, What::Ended { becomes: 6 }),
                    call(5, 6, set(6, 7)),
                ],
            ),
            (
                "a change of what had ended",
                false,
                vec![
                    call(1, 2, set(0, 5)),
                    call(3, 4, What::Ended { becomes: 6 }),
                    call(5, 6, set(5, 7)),
                ],
            ),
        ] {
            assert_eq!(has_an_order(&calls), wanted, "{case}");
        }
    }
}
