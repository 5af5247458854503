//! The line to the terminal: how much it carries, and what is drawn of what happens when that is little.
//!
//! Over a slow line clocks and ages move, and lists go on, every few seconds at once instead of one by one.

use jiff::Timestamp;

/// On a slow line, what moves with time moves every so many seconds.
const STEP: i64 = 5;

/// How much the line carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speed {
    /// Whatever is drawn.
    #[default]
    Quick,
    /// The operator wants little to be drawn.
    Spared,
    /// The terminal takes frames so slowly that little is drawn, until it is quicker again.
    Slow,
}

/// The line.
#[derive(Debug, Default)]
pub struct Link {
    speed: Speed,
    /// Events up to this number are drawn while little is.
    end: u64,
}

impl Link {
    /// How much it carries.
    #[must_use]
    pub const fn speed(&self) -> Speed {
        self.speed
    }

    /// Whether little is drawn.
    #[must_use]
    pub const fn is_slow(&self) -> bool {
        match self.speed {
            Speed::Quick => false,
            Speed::Spared | Speed::Slow => true,
        }
    }

    /// The line is of this speed; answers whether it was of another one.
    pub fn set(&mut self, speed: Speed) -> bool {
        std::mem::replace(&mut self.speed, speed) != speed
    }

    /// Whether clocks and ages that were drawn for `drawn` should be drawn for `now`; `exactly`: something rests on
    /// them.
    #[must_use]
    pub fn moves(&self, drawn: Timestamp, now: Timestamp, exactly: bool) -> bool {
        let step = if self.is_slow() && !exactly { STEP } else { 1 };
        let of = |at: Timestamp| at.as_second().div_euclid(step);
        of(drawn) != of(now)
    }

    /// The log goes from `first` to `end` now; it is drawn that far when clocks move or nothing of it was drawn.
    pub fn follow(&mut self, first: u64, end: u64, moves: bool) {
        if moves || !self.is_slow() || self.end <= first {
            self.end = end;
        }
    }

    /// Events up to this number are drawn.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use jiff::{Timestamp, ToSpan as _};

    use super::{Link, Speed};

    #[test]
    fn time_goes_by_seconds_and_on_a_slow_line_by_steps() {
        let start: Timestamp = "2026-11-21T14:32:10Z".parse().unwrap();
        for (speed, moves) in [
            (Speed::Quick, [false, true, true, true]),
            (Speed::Spared, [false, false, false, true]),
            (Speed::Slow, [false, false, false, true]),
        ] {
            let mut link = Link::default();
            link.set(speed);
            let after = |exactly: bool| {
                [0, 1, 4, 5].map(|seconds| link.moves(start, start + seconds.seconds(), exactly))
            };
            assert_eq!(after(false), moves, "{speed:?}");
            assert_eq!(
                after(true),
                [false, true, true, true],
                "{speed:?}, a plan is open"
            );
        }
    }

    #[test]
    fn a_slow_line_goes_on_with_events_when_time_does() {
        let mut link = Link::default();
        link.set(Speed::Slow);
        for (case, end, moves, drawn) in [
            ("the first are drawn at once", 7, false, 7),
            ("more wait", 9, false, 7),
            ("until time moves", 12, true, 12),
        ] {
            link.follow(0, end, moves);
            assert_eq!(link.end(), drawn, "{case}");
        }
        link.set(Speed::Quick);
        link.follow(0, 13, false);
        assert_eq!(link.end(), 13, "a quick line does not wait");
        link.set(Speed::Slow);
        link.follow(20, 30, false);
        assert_eq!(link.end(), 30, "what was drawn is not kept any more");
    }
}
