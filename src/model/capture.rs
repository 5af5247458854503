//! Captures: request bodies of live traffic, redacted, from which an operator may make samples.
//!
//! Made by the gateway where a workload's configuration says so; kept by the store for a day; read by
//! `backstop samples add --from-traffic`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{CapabilitySet, PayloadClass, WorkloadName};

/// What of a workload's traffic is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capture {
    /// Nothing, ever.
    #[default]
    Off,
    /// A few request bodies, redacted before they are written, for a day.
    Redacted,
}

/// One redacted request body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// Its number, given by the store and never used twice; 0 before that.
    pub number: u64,
    /// When it was answered.
    pub at: Timestamp,
    /// Whose traffic it was.
    pub workload: WorkloadName,
    /// What it looks like.
    pub class: PayloadClass,
    /// What it needs of a route.
    pub needs: CapabilitySet,
    /// A stream was asked.
    pub stream: bool,
    /// JSON of the workload's family. Never what the client has sent: only what is left of it.
    pub body: String,
}
