//! Workloads: a named use of models with its own fallback policy.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    BoundaryKind, Capture, ErrorClass, ErrorClassSet, Family, Mode, NoticePolicy, ReviewPolicy,
    RouteName, Sample, WorkloadName,
};

/// What the users of a workload pay for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// Nobody pays for this model in particular.
    #[default]
    Standard,
    /// Users pay for the primary's quality: never replaced without a notice.
    Paid,
}

/// What happens to a fallback whose event cannot be made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFailure {
    /// The primary's error is returned.
    #[default]
    Refuse,
    /// Served, marked in headers, counted and alarmed.
    Serve,
}

/// What happens to a request when every route that may serve it is paused by its circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllDown {
    /// The primary is asked all the same: a workload is never dark only because of our own bookkeeping.
    #[default]
    Primary,
    /// Nobody is asked: what is down is left alone until a trial succeeds.
    Refuse,
}

impl AllDown {
    /// The name used in configuration and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Refuse => "refuse",
        }
    }
}

/// The four clocks of an attempt. Each runs from the start of the attempt, but `idle` (between two chunks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Until the response head.
    pub headers: Duration,
    /// Until the first semantic output of a stream.
    pub first_output: Duration,
    /// Between two chunks of a body.
    pub idle: Duration,
    /// Until the end of the answer.
    pub total: Duration,
}

/// What a rate limit is answered with before a fallback is considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// Retries on the primary before the policy's list is asked. 0: none.
    pub retries: u32,
    /// Wait before the first retry when the provider gives no hint; doubles after each.
    pub initial: Duration,
    /// The longest single wait. A provider's longer Retry-After ends the backing off.
    pub max_wait: Duration,
}

/// One workload as configured. Overrides are not applied here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// What clients call.
    pub name: WorkloadName,
    /// One line for operators.
    pub description: String,
    /// Who to ask.
    pub owner: Option<String>,
    /// The family of its requests, equal to that of its routes.
    pub family: Family,
    /// The route that serves normally.
    pub primary: RouteName,
    /// The route that may serve instead. `None`: no fallback by policy.
    pub fallback: Option<RouteName>,
    /// The mode without an override.
    pub mode: Mode,
    /// What its users pay for.
    pub tier: Tier,
    /// Whether people see the output.
    pub user_visible: bool,
    /// The classes that may cause a fallback. Never holds `invalid-request` or `authentication`.
    pub triggers: ErrorClassSet,
    /// The written reason for each trigger that needs one (`forbidden`, `quota-exhausted`).
    pub justifications: BTreeMap<ErrorClass, String>,
    /// The clocks of each attempt.
    pub timeouts: Timeouts,
    /// Before a rate limit becomes a fallback.
    pub backoff: Backoff,
    /// The most attempts one client request may cost, the client's own retries counted.
    pub max_attempts: u32,
    /// Fallbacks and retries allowed as a share of live requests, 0.0 to 1.0. 1.0: no limit.
    pub retry_share: f64,
    /// The degraded-mode notice.
    pub notice: NoticePolicy,
    /// Boundaries that the policy allows a fallback to cross.
    pub may_cross: Vec<BoundaryKind>,
    /// The written reason why a fallback with another model may serve embeddings. `None`: it may not, as its
    /// vectors mean nothing beside the primary's.
    pub may_change_vectors: Option<String>,
    /// When an event cannot be made durable.
    pub on_log_failure: LogFailure,
    /// When every route that may serve is paused.
    pub all_down: AllDown,
    /// What of its traffic is kept, so that samples can be made of it.
    pub capture: Capture,
    /// What it demands of reviews before an operator arms or forces its fallback.
    pub review: ReviewPolicy,
    /// Request bodies that stand for its traffic.
    pub samples: Vec<Sample>,
}
