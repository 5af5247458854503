//! From class and situation to a decision: serve, retry, fall back, or refuse with the reason.

use std::time::Duration;

use super::CircuitView;
use crate::model::{
    CapabilitySet, ErrorClass, Mode, NoticeGiven, Reason, Revision, Route, Workload,
};

/// What is known of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// A stream was asked.
    pub stream: bool,
    /// What it depends on.
    pub needs: CapabilitySet,
    /// Retries that the client says it made before (`x-stainless-retry-count`).
    pub client_retries: u32,
    /// Whether the body is still there to be sent again.
    pub replayable: bool,
}

/// The overrides that are in force for a workload and its two routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// The mode in force.
    pub mode: Mode,
    /// Who set the mode, when an override did.
    pub mode_by: Option<String>,
    /// Whether the notice is given.
    pub notice: bool,
    /// Who drained the primary.
    pub primary_drained_by: Option<String>,
    /// Who drained the fallback.
    pub fallback_drained_by: Option<String>,
    /// The revision of the override table.
    pub revision: Revision,
}

/// Everything a decision may depend on, but the failure.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The workload's policy.
    pub workload: &'a Workload,
    /// Its primary route.
    pub primary: &'a Route,
    /// Its fallback route.
    pub fallback: Option<&'a Route>,
    /// What operators switched.
    pub switches: &'a Switches,
    /// The request.
    pub request: RequestFacts,
    /// Attempts made for it by this gateway.
    pub attempts: u32,
    /// Of these, repeats on the primary after a rate limit.
    pub backoffs: u32,
    /// The primary's circuit.
    pub primary_circuit: CircuitView,
    /// The fallback's circuit.
    pub fallback_circuit: CircuitView,
    /// Whether the retry budget allows one more.
    pub retry_budget_left: bool,
}

/// Which of the two routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The primary.
    Primary,
    /// The fallback.
    Fallback,
}

/// A failed attempt, classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// On which route.
    pub side: Side,
    /// What it was.
    pub class: ErrorClass,
    /// The provider's hint, not clamped.
    pub retry_after: Option<Duration>,
    /// Whether the caller's own limit ran out.
    pub caller_limit: bool,
    /// Whether output had already been sent to the client.
    pub committed: bool,
}

/// Where a request goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// To the primary.
    Primary {
        /// The fallback should have served (forced, drained, circuit open) and may not: an event says why.
        refused: Option<Reason>,
    },
    /// To the fallback at once; this is a fallback event.
    Fallback {
        /// How the caller is told.
        notice: NoticeGiven,
        /// Forced, drained or circuit open.
        why: Reason,
    },
}

/// What to do after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Ask the same route again after a wait (rate limits only).
    Retry {
        /// How long to wait.
        after: Duration,
    },
    /// Ask the fallback.
    Fallback {
        /// How the caller is told.
        notice: NoticeGiven,
        /// Why.
        why: Reason,
    },
    /// Return the failure to the client.
    Refuse {
        /// Why nothing else is tried.
        why: Reason,
    },
}

/// Decides where a request goes first.
#[must_use]
pub fn open(situation: &Situation<'_>) -> Opening {
    let _ = situation;
    todo!()
}

/// Decides what follows a failure.
#[must_use]
pub fn decide(situation: &Situation<'_>, failure: &Failure) -> Decision {
    let _ = (situation, failure);
    todo!()
}
