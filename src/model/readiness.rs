//! Readiness: would a workload's fallback work if it were needed now?
//!
//! Judged by `policy::readiness`; kept by the store, so that a change is an event exactly once; shown by console,
//! CLI and metrics.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{RouteName, WorkloadName};

/// One word for a workload's fallback. Ordered from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// It would not serve, or not well: the policy refuses it, its last proof failed, or it has no room.
    Blocked,
    /// Nothing has proven it, or not as it is configured now.
    Unverified,
    /// The workload wants a person's verdict on its output and has none.
    Unreviewed,
    /// It was proven, too long ago.
    Stale,
    /// Proven with the workload's own payloads, lately.
    Ready,
    /// There is no fallback, by policy.
    NoneByPolicy,
}

impl Readiness {
    /// Every word, worst first.
    pub const ALL: [Self; 6] = [
        Self::Blocked,
        Self::Unverified,
        Self::Unreviewed,
        Self::Stale,
        Self::Ready,
        Self::NoneByPolicy,
    ];

    /// The word on screen and in labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Unverified => "unverified",
            Self::Unreviewed => "unreviewed",
            Self::Stale => "stale",
            Self::Ready => "ready",
            Self::NoneByPolicy => "none by policy",
        }
    }

    /// Whether it is as it should be: proven, or not wanted.
    #[must_use]
    pub const fn is_good(self) -> bool {
        match self {
            Self::Ready | Self::NoneByPolicy => true,
            Self::Blocked | Self::Unverified | Self::Unreviewed | Self::Stale => false,
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// One reason, and the word that it alone would lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessReason {
    /// What it leads to.
    pub word: Readiness,
    /// In words, fit to be shown, without a moment that would make it differ from minute to minute.
    pub why: String,
    /// When what it rests on was seen; `None`: it rests on what is configured or switched now.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// The readiness of one workload's fallback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadReadiness {
    /// Whose.
    pub workload: WorkloadName,
    /// Which route it is about; `None`: there is none.
    pub fallback: Option<RouteName>,
    /// The worst of its reasons.
    pub word: Readiness,
    /// Worst first; empty when it is ready.
    pub reasons: Vec<ReadinessReason>,
    /// The oldest proof that the word rests on; `None`: there is none.
    pub proven: Option<Timestamp>,
}
