//! Where a workload stands with its reviews: the verdict of the gate, what is owed, and what a process follows
//! of all that.
//!
//! Judged by `review`; followed through the store by door and prober; shown by console and CLI.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, ReviewHead, ReviewId, WorkloadName};

/// Whether people's verdict on a fallback's output allows that an operator arms or forces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Standing {
    /// Nobody asks for one, or there is no fallback.
    NotRequired,
    /// One is asked for, and there was never one.
    Missing,
    /// There was one, and it does not hold any more.
    Stale {
        /// What has changed since, or how old it is; in words.
        why: Vec<String>,
        /// The newest.
        review: ReviewId,
    },
    /// There is one of what is configured now, and it does not speak for the fallback, or not yet.
    Failing {
        /// What is missing, or speaks against it; in words.
        why: Vec<String>,
        /// The one that counts.
        review: ReviewId,
    },
    /// There is one that holds.
    Passing {
        /// Which.
        review: ReviewId,
        /// When it will be too old.
        until: Timestamp,
    },
}

impl Standing {
    /// One word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotRequired => "not required",
            Self::Missing => "missing",
            Self::Stale { .. } => "stale",
            Self::Failing { .. } => "failing",
            Self::Passing { .. } => "passing",
        }
    }

    /// Whether the gate is open.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self {
            Self::NotRequired | Self::Passing { .. } => true,
            Self::Missing | Self::Stale { .. } | Self::Failing { .. } => false,
        }
    }

    /// What keeps the gate shut; nothing when it is open.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        match self {
            Self::NotRequired | Self::Passing { .. } => Vec::new(),
            Self::Missing => vec!["nobody has reviewed its output".to_owned()],
            Self::Stale { why, .. } | Self::Failing { why, .. } => why.clone(),
        }
    }

    /// The review that it rests on.
    #[must_use]
    pub const fn review(&self) -> Option<&ReviewId> {
        match self {
            Self::NotRequired | Self::Missing => None,
            Self::Stale { review, .. }
            | Self::Failing { review, .. }
            | Self::Passing { review, .. } => Some(review),
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A fallback was armed or forced past the gate: owed until a review is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debt {
    /// Whose review is owed.
    pub workload: WorkloadName,
    /// Since when.
    pub since: Timestamp,
    /// Who went past the gate.
    pub by: Actor,
    /// Their written reason.
    pub note: String,
    /// The audit record.
    pub sequence: u64,
}

/// What a process follows of reviews: enough for every gate, not the whole history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// Moves with every review and debt.
    pub place: u64,
    /// Of each workload the newest 16, newest first; workloads by name.
    pub heads: Vec<ReviewHead>,
    /// What is owed, by workload.
    pub debts: Vec<Debt>,
}

impl Reviewed {
    /// The newest reviews of a workload, newest first.
    pub fn of(&self, workload: &WorkloadName) -> impl Iterator<Item = &ReviewHead> {
        self.heads
            .iter()
            .filter(move |head| head.workload == *workload)
    }

    /// What is owed for a workload.
    #[must_use]
    pub fn debt(&self, workload: &WorkloadName) -> Option<&Debt> {
        self.debts.iter().find(|debt| debt.workload == *workload)
    }
}
