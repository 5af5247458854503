//! The readiness of every workload's fallback, out of what the store knows.
//!
//! The facts are put together here, for the schedule and for the door; `policy::readiness` judges. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::live::Live;
use crate::{
    model::{
        Catalog, CircuitState, Heartbeat, Overrides, ProbeRecord, RouteName, Standing, Workload,
        WorkloadName, WorkloadReadiness,
    },
    policy::{self, CircuitView, Headroom, ReadinessFacts, RequestFacts, Situation, Switches},
};

/// Judges every workload, by name. `records` are the newest of each key, in any order; `standings` are those of
/// the reviews, of each workload.
#[must_use]
pub fn readiness<'a>(
    catalog: &Catalog,
    overrides: &Overrides,
    heartbeats: &[Heartbeat],
    records: impl IntoIterator<Item = &'a ProbeRecord>,
    standings: &BTreeMap<WorkloadName, Standing>,
    now: Timestamp,
) -> Vec<WorkloadReadiness> {
    let live = Live::of(catalog, heartbeats, now);
    let mut of_routes: BTreeMap<&RouteName, Vec<&ProbeRecord>> = BTreeMap::new();
    for record in records {
        of_routes.entry(record.route()).or_default().push(record);
    }
    catalog
        .workloads
        .values()
        .filter_map(|workload| {
            let fallback = workload.fallback.as_ref();
            let records = fallback.and_then(|route| of_routes.get(route));
            let records = records.map(Vec::as_slice).unwrap_or_default();
            let standing = standings.get(&workload.name)?;
            judge(
                (catalog, overrides),
                &live,
                records,
                workload,
                standing,
                now,
            )
        })
        .collect()
}

/// One workload. `None`: its primary is not configured.
pub(super) fn judge(
    (catalog, overrides): (&Catalog, &Overrides),
    live: &Live,
    records: &[&ProbeRecord],
    workload: &Workload,
    standing: &Standing,
    now: Timestamp,
) -> Option<WorkloadReadiness> {
    let primary = catalog.routes.get(&workload.primary)?;
    let fallback = workload
        .fallback
        .as_ref()
        .and_then(|name| catalog.routes.get(name));
    let switches = Switches::common(workload, overrides, live.sites(), now);
    let circuit = |route: Option<&RouteName>| CircuitView {
        state: if route.is_some_and(|route| live.is_open(route)) {
            CircuitState::Open
        } else {
            CircuitState::Closed
        },
        ..CircuitView::default()
    };
    let headroom = fallback.and_then(|fallback| {
        Some(Headroom {
            needed: live.load(&fallback.name) + live.movable(&workload.name),
            capacity: fallback.capacity_rps?,
        })
    });
    Some(policy::readiness(&ReadinessFacts {
        situation: Situation {
            workload,
            primary,
            fallback,
            switches: &switches,
            request: RequestFacts {
                replayable: true,
                ..RequestFacts::default()
            },
            attempts: 0,
            backoffs: 0,
            primary_circuit: circuit(Some(&workload.primary)),
            fallback_circuit: circuit(workload.fallback.as_ref()),
            retry_budget_left: true,
            asked_while_paused: false,
            fallback_saturated: false,
            time_left: None,
        },
        records,
        live: fallback.and_then(|fallback| live.answered(workload, fallback)),
        headroom,
        review: standing,
        fresh: catalog.probing.fresh,
        now,
    }))
}
