//! What a drill finds, as it is shown and written as JSON. No behaviour but what follows from the fields.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::Outage;
use crate::model::{
    NoticeGiven, Reason, RouteName, SampleId, Tier, WorkloadName, WorkloadReadiness,
};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Fate {
    /// Neither of the workload's routes is down.
    Unaffected,
    /// Its primary serves; the fallback behind it is down.
    Unprotected {
        /// The fallback.
        fallback: RouteName,
    },
    /// The fallback serves it already, and goes on; there is no way back.
    Stays {
        /// The fallback.
        on: RouteName,
        /// How callers are told.
        notice: NoticeGiven,
    },
    /// The fallback takes over.
    FallsBack {
        /// The fallback.
        to: RouteName,
        /// How callers are told.
        notice: NoticeGiven,
    },
    /// The callers get the error: the policy does not let the fallback serve.
    Refused {
        /// Why.
        reason: Reason,
        /// The same in words.
        why: String,
    },
    /// The callers get the error: every route that could serve is down.
    Dark,
}

impl Fate {
    /// The fallback that serves.
    #[must_use]
    pub const fn served_by(&self) -> Option<&RouteName> {
        match self {
            Self::Stays { on: route, .. } | Self::FallsBack { to: route, .. } => Some(route),
            Self::Unaffected | Self::Unprotected { .. } | Self::Refused { .. } | Self::Dark => None,
        }
    }

    /// Whether a request is answered.
    #[must_use]
    pub const fn answered(&self) -> bool {
        match self {
            Self::Unaffected
            | Self::Unprotected { .. }
            | Self::Stays { .. }
            | Self::FallsBack { .. } => true,
            Self::Refused { .. } | Self::Dark => false,
        }
    }
}

/// One workload in a drill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drilled {
    /// Which.
    pub workload: WorkloadName,
    /// What happens to a request that needs nothing special.
    pub fate: Fate,
    /// Its samples whose fate is another one, by name.
    pub samples: BTreeMap<String, Fate>,
    /// Its samples that its fallback would serve: what a live drill asks, and where.
    pub reaches: BTreeMap<SampleId, RouteName>,
    /// Whether its fallback would work, as far as it was proven before.
    pub readiness: Option<WorkloadReadiness>,
    /// Requests per second now.
    pub rps: f64,
    /// Its tier.
    pub tier: Tier,
    /// Whether people see its output.
    pub user_visible: bool,
    /// Why one failure can take both its routes, or that it has only one.
    pub single_homed: Option<String>,
    /// What else is to be known.
    pub remarks: Vec<String>,
}

impl Drilled {
    /// The route that takes over or has taken over, when one does.
    #[must_use]
    pub const fn served_by(&self) -> Option<&RouteName> {
        self.fate.served_by()
    }

    /// Whether every request, of every sampled kind, is answered.
    #[must_use]
    pub fn covered(&self) -> bool {
        self.fate.answered() && self.samples.values().all(Fate::answered)
    }
}

/// A route that takes over traffic in a drill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target {
    /// Which.
    pub route: RouteName,
    /// Attempts per second now.
    pub rps: f64,
    /// With what falls back to it.
    pub rps_after: f64,
    /// What it may carry, when known.
    pub capacity_rps: Option<f64>,
}

impl Target {
    /// Whether it gets more than it may carry.
    #[must_use]
    pub fn overrun(&self) -> bool {
        self.capacity_rps
            .is_some_and(|capacity| self.rps_after > capacity)
    }
}

/// The outcome of a drill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drill {
    /// When it was computed.
    pub at: Timestamp,
    /// What was imagined.
    pub outage: Outage,
    /// Uncovered first, then by name.
    pub workloads: Vec<Drilled>,
    /// The routes that take over, by name.
    pub targets: Vec<Target>,
}

impl Drill {
    /// The workloads of which some request gets an error.
    pub fn uncovered(&self) -> impl Iterator<Item = &Drilled> {
        self.workloads.iter().filter(|drilled| !drilled.covered())
    }
}
