//! Presence: who else has a console open, what they look at, and what they say they are doing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, OverrideKey, PlanId, WorkloadName};

/// One open console. Written every few seconds and on change; forgotten when it stops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Unique to the console process.
    pub session: String,
    /// Who.
    pub actor: Actor,
    /// When the console opened.
    pub since: Timestamp,
    /// When this was written.
    pub at: Timestamp,
    /// The workload they look at.
    pub viewing: Option<WorkloadName>,
    /// The plan they have open, and on what.
    pub plan: Option<(PlanId, OverrideKey)>,
    /// The workload of which they said "I'm on it".
    pub claim: Option<WorkloadName>,
}
