//! Time, passed in: the system's clock without its jumps, or one that a test moves by hand.
//!
//! Everybody above may hold a [`Clock`]; nobody calls `Timestamp::now` or `Instant::now` instead (clippy
//! forbids it). It must not know any other module.

mod steady;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// A source of wall-clock time (records, expiry) and of monotonic time (how long something took).
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// Milliseconds since the epoch.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::advance`] or [`Clock::set`].
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(
            start.as_millisecond(),
        ))))
    }

    /// Wall-clock time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                let says = Timestamp::now();
                let now = steady::now(says.as_microsecond());
                Timestamp::from_microsecond(now).unwrap_or(says)
            }
            Source::Manual(millis) => {
                Timestamp::from_millisecond(millis.load(Ordering::Acquire)).unwrap_or_default()
            }
        }
    }

    /// What this process holds for the time, for other processes of this host: one line, always of the same length.
    /// `None`: the clock is not the system's.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "as above")]
    pub fn tell(&self) -> Option<String> {
        match &self.0 {
            Source::System => {
                let says = Timestamp::now();
                Some(steady::tell(says.as_microsecond()))
            }
            Source::Manual(_) => None,
        }
    }

    /// Hears what another process of this host has told a moment ago: one that starts while the system's clock is
    /// wrong goes by it. What is no such line, or old, changes nothing.
    pub fn hear(&self, told: &str) {
        match &self.0 {
            Source::System => steady::hear(told),
            Source::Manual(_) => {}
        }
    }

    /// Monotonic time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads it")]
    pub fn instant() -> Instant {
        Instant::now()
    }

    /// Moves a manual clock forward. No effect on the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            millis.fetch_add(by, Ordering::AcqRel);
        }
    }

    /// Sets a manual clock, also backwards. No effect on the system's clock.
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(millis) = &self.0 {
            millis.store(to.as_millisecond(), Ordering::Release);
        }
    }
}
