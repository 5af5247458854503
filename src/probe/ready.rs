//! The readiness of a workload's fallback, out of what the store knows.
//!
//! The facts are put together here, for the schedule and for the door; `policy::readiness` judges. Pure.

use jiff::Timestamp;

use super::live::Lively;
use crate::{
    model::{
        Catalog, CircuitState, Overrides, ProbeRecord, Site, Standing, Workload, WorkloadReadiness,
    },
    policy::{self, CircuitView, ReadinessFacts, RequestFacts, Situation, Switches},
};

/// Judges one workload, as it is switched at the sites of the living gateways: by the newest records of each key of its fallback, in any order, and by the standing of its
/// reviews. Beside it stands when time alone makes it another. `None`: its primary is not configured.
#[must_use]
pub fn readiness(
    (catalog, overrides, sites): (&Catalog, &Overrides, &[Site]),
    live: &Lively,
    records: &[&ProbeRecord],
    workload: &Workload,
    standing: &Standing,
    now: Timestamp,
) -> Option<(WorkloadReadiness, Timestamp)> {
    let primary = catalog.routes.get(&workload.primary)?;
    let fallback = workload
        .fallback
        .as_ref()
        .and_then(|name| catalog.routes.get(name));
    let switches = Switches::common(workload, overrides, sites, now);
    let circuit = |open| CircuitView {
        state: if open {
            CircuitState::Open
        } else {
            CircuitState::Closed
        },
        ..CircuitView::default()
    };
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
            primary_circuit: circuit(live.primary_open),
            fallback_circuit: circuit(live.fallback_open),
            retry_budget_left: true,
            asked_while_paused: false,
            fallback_saturated: false,
            time_left: None,
        },
        records,
        live: live.answered,
        headroom: live.headroom,
        review: standing,
        fresh: catalog.probing.fresh,
        now,
    }))
}
