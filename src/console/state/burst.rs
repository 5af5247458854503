//! Tells typing from pasting: a burst of keys that looks like a paste never triggers a verb nor confirms.
//!
//! Bracketed paste is the first guard; this is the second one, for terminals that do not mark pastes. Keys of
//! one held-down key repeat do not count, so that a slow line that delivers ten `j` at once still scrolls.

use std::{collections::VecDeque, time::Duration};

use crossterm::event::KeyCode;
use jiff::Timestamp;

/// So many keys ...
const KEYS: usize = 8;
/// ... inside this time are not typed by hand.
const WINDOW: Duration = Duration::from_millis(50);

/// The last few keys.
#[derive(Clone, Debug, Default)]
pub struct Burst {
    recent: VecDeque<(Timestamp, KeyCode)>,
    began: Option<Timestamp>,
    gap: Option<Duration>,
}

/// What the guard says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Typed by hand.
    Typed,
    /// Close behind the key before it: by machine, or delivered late.
    Quick,
    /// Part of what looks like a paste that began at this moment.
    Paste {
        /// The first key of the burst.
        began: Timestamp,
    },
}

impl Burst {
    /// Takes note of a key.
    pub fn note(&mut self, code: KeyCode, now: Timestamp) -> Pace {
        let last = self.recent.back().copied();
        self.gap = last.map(|(at, _)| between(at, now));
        let quick = self.gap.is_some_and(|gap| gap < WINDOW);
        if !quick {
            self.recent.clear();
            self.began = None;
        }
        let repeated = last.is_some_and(|(_, before)| before == code);
        if repeated && quick {
            if let Some(back) = self.recent.back_mut() {
                back.0 = now;
            }
        } else {
            self.recent.push_back((now, code));
            if self.recent.len() > KEYS {
                self.recent.pop_front();
            }
        }
        let whole = self.recent.len() == KEYS
            && self
                .recent
                .front()
                .is_some_and(|(first, _)| between(*first, now) < WINDOW);
        if whole && self.began.is_none() {
            self.began = self.recent.front().map(|(first, _)| *first);
        }
        match self.began {
            Some(began) => Pace::Paste { began },
            None if quick => Pace::Quick,
            None => Pace::Typed,
        }
    }

    /// How long to wait before a quick key may be taken for typed.
    #[must_use]
    pub const fn window() -> Duration {
        WINDOW
    }
}

/// From one moment to a later one; zero when the clock went backwards.
fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crossterm::event::KeyCode;
    use jiff::Timestamp;

    use super::{Burst, Pace};

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_700_000_000_000 + millis).unwrap()
    }

    fn paces(keys: &[(char, i64)]) -> Vec<Pace> {
        let mut burst = Burst::default();
        keys.iter()
            .map(|(key, millis)| burst.note(KeyCode::Char(*key), at(*millis)))
            .collect()
    }

    #[test]
    fn keys_by_hand_are_typed() {
        let keys: Vec<_> = "F1support".chars().zip((0..).step_by(80)).collect();
        assert!(paces(&keys).iter().all(|pace| *pace == Pace::Typed));
    }

    #[test]
    fn six_keys_at_once_are_quick_and_no_paste() {
        let keys: Vec<_> = "F1sup\r".chars().map(|key| (key, 0)).collect();
        let paces = paces(&keys);
        assert_eq!(paces[0], Pace::Typed);
        assert!(paces[1..].iter().all(|pace| *pace == Pace::Quick));
    }

    #[test]
    fn eight_keys_at_once_are_a_paste_and_stay_one_until_a_pause() {
        let mut keys: Vec<_> = "the quick".chars().map(|key| (key, 3)).collect();
        keys.push(('F', 20));
        keys.push(('F', 200));
        let paces = paces(&keys);
        assert_eq!(paces[6], Pace::Quick);
        assert_eq!(paces[7], Pace::Paste { began: at(3) });
        assert_eq!(paces[9], Pace::Paste { began: at(3) });
        assert_eq!(paces[10], Pace::Typed);
    }

    #[test]
    fn a_held_key_delivered_late_is_no_paste() {
        let keys: Vec<_> = "jjjjjjjjjjjjjjj".chars().map(|key| (key, 0)).collect();
        assert!(
            paces(&keys)
                .iter()
                .all(|pace| !matches!(pace, Pace::Paste { .. }))
        );
    }
}
