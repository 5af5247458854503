//! How quickly frames follow each other: data no quicker than asked for, and no quicker than the terminal takes it.
//!
//! Owned by the loop. A terminal that took long for a frame gets fewer of them until it has taken them quickly for
//! a while. It holds no frame and reads no clock.

use std::time::Duration;

use tokio::time::Instant;

use crate::console::state::link::Speed;

/// Data is drawn at most so often.
const FRAME: Duration = Duration::from_millis(100);

/// The same when little is to be drawn.
const SPARED: Duration = Duration::from_millis(500);

/// The rarest frames of a slow terminal.
const RAREST: Duration = Duration::from_secs(5);

/// News that comes together is drawn together.
const TOGETHER: Duration = Duration::from_millis(8);

/// A terminal that takes longer than this for a frame is slow.
const LONG: Duration = Duration::from_millis(250);

/// It is not any more when it was quick for so long; twice as long each time it turns out slow soon again.
const CALM: Duration = Duration::from_secs(5);
const CALM_MOST: Duration = Duration::from_secs(80);

/// The pace of frames.
#[derive(Debug)]
pub(super) struct Pace {
    /// The operator wants little to be drawn.
    spared: bool,
    /// When the next frame of data may be drawn.
    next: Instant,
    /// When the frame was sent that the terminal has not taken yet.
    sent: Option<Instant>,
    /// How long frames take of late, and when the terminal will count as quick again; `None`: it does.
    slow: Option<(Duration, Instant)>,
    calm: Duration,
    /// When it last stopped to be slow.
    well: Option<Instant>,
}

impl Pace {
    pub(super) fn new(spared: bool, now: Instant) -> Self {
        Self {
            spared,
            next: now,
            sent: None,
            slow: None,
            calm: CALM,
            well: None,
        }
    }

    /// When the next frame of data may be drawn.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// What the terminal shows holds no data: the first that comes need not wait for it.
    pub(super) const fn at_once(&mut self, now: Instant) {
        self.next = now;
    }

    /// Something that can be seen has changed: more of it may be about to come.
    pub(super) fn changed(&mut self, now: Instant) {
        self.next = self.next.max(now + TOGETHER);
    }

    /// A frame was sent; `taken`: the terminal has it already.
    pub(super) fn sent(&mut self, now: Instant, taken: bool) {
        self.sent = Some(now);
        if taken {
            self.taken(now);
        }
        self.next = now + self.distance();
    }

    /// The terminal has taken the frame that was sent.
    pub(super) fn taken(&mut self, now: Instant) {
        let Some(sent) = self.sent.take() else { return };
        let took = now.saturating_duration_since(sent);
        let long = took >= LONG;
        match self.slow {
            None if long => {
                let soon = |well: Instant| now.saturating_duration_since(well) < 2 * self.calm;
                self.calm = if self.well.is_some_and(soon) {
                    (2 * self.calm).min(CALM_MOST)
                } else {
                    CALM
                };
                self.slow = Some((took, now + self.calm));
            }
            Some(_) if long => self.slow = Some((took, now + self.calm)),
            Some((_, until)) if until <= now => {
                self.slow = None;
                self.well = Some(now);
            }
            Some((before, until)) => self.slow = Some((took.max(before / 2), until)),
            None => {}
        }
        self.next = self.next.max(now + self.rest());
    }

    /// Somebody else had the terminal: how long a frame took meanwhile tells nothing.
    pub(super) const fn forget(&mut self) {
        self.sent = None;
    }

    /// What the view should know of the line.
    pub(super) const fn speed(&self) -> Speed {
        match (self.slow, self.spared) {
            (Some(_), _) => Speed::Slow,
            (None, true) => Speed::Spared,
            (None, false) => Speed::Quick,
        }
    }

    /// From one frame of data to the next.
    fn distance(&self) -> Duration {
        self.rest().max(if self.spared { SPARED } else { FRAME })
    }

    /// What a slow terminal is left in peace for after a frame: as long again as it took for it.
    fn rest(&self) -> Duration {
        let rest = |(took, _): (Duration, Instant)| (2 * took).clamp(SPARED, RAREST);
        self.slow.map_or(Duration::ZERO, rest)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Pace, Speed};

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A frame that takes so long; answers when it was taken and how long after that the next may follow.
    fn frame(pace: &mut Pace, at: Instant, took: Duration) -> (Instant, Duration) {
        pace.sent(at, took.is_zero());
        pace.taken(at + took);
        let taken = at + took;
        (taken, pace.next().saturating_duration_since(taken))
    }

    #[test]
    fn frames_are_as_far_apart_as_the_terminal_needs() {
        for (case, spared, took, rest, speed) in [
            ("taken at once", false, 0, 100, Speed::Quick),
            ("taken soon", false, 40, 60, Speed::Quick),
            ("taken late", false, 400, 800, Speed::Slow),
            ("taken very late", false, 60_000, 5_000, Speed::Slow),
            ("little is wanted", true, 0, 500, Speed::Spared),
            ("little is wanted, taken soon", true, 40, 460, Speed::Spared),
            ("little is wanted, taken late", true, 300, 600, Speed::Slow),
        ] {
            let start = Instant::now();
            let mut pace = Pace::new(spared, start);
            let (_, after) = frame(&mut pace, start, millis(took));
            assert_eq!((after, pace.speed()), (millis(rest), speed), "{case}");
        }
    }

    /// Sends frames that are taken at once until the terminal counts as quick; answers after how long.
    fn well_after(pace: &mut Pace, mut at: Instant) -> (Instant, Duration) {
        let start = at;
        while pace.speed() == Speed::Slow {
            at = at.max(pace.next());
            frame(pace, at, Duration::ZERO);
        }
        (at, at - start)
    }

    #[test]
    fn a_terminal_that_is_quick_again_is_trusted_again_and_less_soon_when_it_relapses() {
        let start = Instant::now();
        let mut pace = Pace::new(false, start);
        let (mut at, _) = frame(&mut pace, start, millis(900));
        let mut waits = Vec::new();
        for _ in 0..3 {
            let (well, wait) = well_after(&mut pace, at);
            waits.push(wait.as_secs());
            (at, _) = frame(&mut pace, well + millis(100), millis(900));
        }
        assert_eq!(waits, [5, 10, 20]);
        let (well, _) = well_after(&mut pace, at);
        let later = well + Duration::from_mins(10);
        let (at, _) = frame(&mut pace, later, millis(900));
        assert_eq!(well_after(&mut pace, at).1.as_secs(), 5, "long ago");
    }

    #[test]
    fn what_a_frame_took_while_somebody_else_had_the_terminal_tells_nothing() {
        let start = Instant::now();
        let mut pace = Pace::new(false, start);
        pace.sent(start, false);
        pace.forget();
        pace.taken(start + Duration::from_mins(1));
        assert_eq!(pace.speed(), Speed::Quick);
    }

    #[test]
    fn news_that_comes_together_is_drawn_together() {
        let start = Instant::now();
        let mut pace = Pace::new(false, start);
        pace.changed(start);
        assert_eq!(pace.next(), start + millis(8));
        frame(&mut pace, start, Duration::ZERO);
        pace.changed(start + millis(20));
        assert_eq!(pace.next(), start + millis(100));
    }
}
