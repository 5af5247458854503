//! What became of requests, kept for a while: by minute for hours, by hour for weeks.
//!
//! Counted by gateways over their last minute, summed over all of them by the store; read for reports and charts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ErrorClass, WorkloadName};

/// How long a stretch of time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stretch {
    /// A minute; kept for six hours.
    Minute,
    /// An hour; kept for 31 days.
    Hour,
}

impl Stretch {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Minute, Self::Hour];

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }

    /// How long it is kept, in seconds.
    #[must_use]
    pub const fn kept(self) -> i64 {
        match self {
            Self::Minute => 6 * 3_600,
            Self::Hour => 31 * 86_400,
        }
    }

    /// The stretch that a moment is in, counted from 1970.
    #[must_use]
    pub fn of(self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.seconds())
    }

    /// When a stretch begins.
    #[must_use]
    pub fn start(self, number: i64) -> Timestamp {
        let second = number.saturating_mul(self.seconds());
        Timestamp::from_second(second).unwrap_or(Timestamp::MIN)
    }
}

/// What became of a workload's requests in one stretch of time, over all gateways. As exact as counters that are
/// read once a second; the last minute of a gateway that ends is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficPast {
    /// Whose.
    pub workload: WorkloadName,
    /// When the stretch began.
    pub start: Timestamp,
    /// How long it is.
    pub stretch: Stretch,
    /// Requests that were finished in it.
    pub requests: u64,
    /// Of these, those whose primary attempt failed, not by the caller's fault.
    pub primary_failures: u64,
    /// Of these, answered by the fallback.
    pub fallbacks: u64,
    /// Of these, answered with an error or broken off.
    pub errors: u64,
    /// Of the errors, those that a failing route caused and nothing caught.
    pub uncaught: u64,
    /// The median time to the first output in milliseconds, of the slowest gateway (of an hour: in its slowest
    /// minute). `None`: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_output_p50_ms: Option<u64>,
    /// The 95th percentile of the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_output_p95_ms: Option<u64>,
}

/// Events of one class in one stretch of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCount {
    /// When the stretch began.
    pub start: Timestamp,
    /// The class; `None`: no failure, an operator has moved the traffic.
    pub class: Option<ErrorClass>,
    /// How many.
    pub count: u64,
}

/// Events by class and stretch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventTally {
    /// From then on everything was counted.
    pub since: Timestamp,
    /// Oldest first; stretches and classes without any are left out.
    pub counts: Vec<EventCount>,
}
