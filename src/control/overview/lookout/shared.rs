//! What the rows of an overview share, and until when each of it holds.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    control::overview::{ALIVE, alive, sources::Sources, traffic::Totals},
    model::{Catalog, Heartbeat, RouteName, Spent, Standing, WorkloadName},
    probe::{Live, Marks},
    review,
};

/// What follows from the configuration alone.
#[derive(Debug, Default)]
pub(super) struct Ground {
    pub(super) marks: Marks,
    pub(super) users: BTreeMap<RouteName, Vec<WorkloadName>>,
}

/// What the gateways say together, as long as none of them falls silent.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) totals: Totals,
    pub(super) live: Live,
    pub(super) next: Option<Timestamp>,
}

/// Where the reviews of all workloads stand, as long as none grows too old.
#[derive(Debug, Default)]
pub(super) struct Standings {
    pub(super) of: BTreeMap<WorkloadName, Standing>,
    pub(super) next: Option<Timestamp>,
}

impl Ground {
    pub(super) fn of(catalog: &Catalog) -> Self {
        let mut users: BTreeMap<RouteName, Vec<WorkloadName>> = BTreeMap::new();
        for workload in catalog.workloads.values() {
            for route in std::iter::once(&workload.primary).chain(&workload.fallback) {
                let of_it = users.entry(route.clone()).or_default();
                of_it.push(workload.name.clone());
            }
        }
        Self {
            marks: Marks::of(catalog),
            users,
        }
    }
}

impl Heard {
    pub(super) fn of(sources: &Sources<'_>, marks: &Marks, now: Timestamp) -> Self {
        let heartbeats = sources.heartbeats;
        let living = || heartbeats.iter().filter(|heartbeat| alive(heartbeat, now));
        let silent = |heartbeat: &Heartbeat| {
            let life = SignedDuration::try_from(ALIVE).ok()?;
            heartbeat.at.checked_add(life).ok()
        };
        Self {
            totals: Totals::of(living()),
            live: Live::of(sources.catalog, marks, heartbeats, now),
            next: living().filter_map(silent).min(),
        }
    }
}

impl Standings {
    pub(super) fn of(sources: &Sources<'_>, now: Timestamp) -> Self {
        let of = review::standings(sources.catalog, sources.reviewed, now);
        let until = of.values().filter_map(|standing| match standing {
            Standing::Passing { until, .. } => Some(*until),
            Standing::NotRequired
            | Standing::Missing
            | Standing::Stale { .. }
            | Standing::Failing { .. } => None,
        });
        Self {
            next: until.min(),
            of,
        }
    }
}

/// When the hour ends by which probing is counted.
pub(super) fn hour_end(now: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second((Spent::hour_of(now) + 1) * 3_600).ok()
}
