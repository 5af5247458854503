//! What live traffic proves: who answered whom lately, what is paused, and what load there is.
//!
//! Read out of the gateways' heartbeats, for the schedule and for readiness. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;

use crate::model::{
    Catalog, CircuitState, Heartbeat, Route, RouteMark, RouteName, Site, Workload, WorkloadName,
    WorkloadTraffic,
};

/// A gateway is alive while its last heartbeat is younger than this.
const ALIVE: Duration = Duration::from_secs(5);

/// Counters of heartbeats are of so long, or of the gateway's life where that is shorter.
const WINDOW: Duration = Duration::from_mins(1);

/// What the gateways say, put together.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// For each workload, the routes that answered last and when.
    answers: BTreeMap<WorkloadName, Vec<(RouteMark, Timestamp)>>,
    requests: BTreeMap<WorkloadName, f64>,
    fallbacks: BTreeMap<WorkloadName, f64>,
    load: BTreeMap<RouteName, f64>,
    open: BTreeSet<RouteName>,
    /// Where the gateways that are alive run.
    sites: Vec<Site>,
}

impl Live {
    pub(super) fn of(catalog: &Catalog, heartbeats: &[Heartbeat], now: Timestamp) -> Self {
        let mut live = Self::default();
        for heartbeat in heartbeats {
            for of_workload in &heartbeat.workloads {
                // The last answer counts also when the gateway that gave it has ended since.
                live.answers
                    .entry(of_workload.workload.clone())
                    .or_default()
                    .extend(answers(catalog, heartbeat, of_workload));
            }
            if elapsed(heartbeat.at, now) >= ALIVE {
                continue;
            }
            live.sites.push(heartbeat.site());
            let seconds = elapsed(heartbeat.started, heartbeat.at)
                .clamp(Duration::from_secs(1), WINDOW)
                .as_secs_f64();
            let rate = |count: u64| of_count(count) / seconds;
            for of_workload in &heartbeat.workloads {
                let name = &of_workload.workload;
                *live.requests.entry(name.clone()).or_default() += rate(of_workload.requests);
                *live.fallbacks.entry(name.clone()).or_default() += rate(of_workload.fallbacks);
            }
            for of_route in &heartbeat.routes {
                *live.load.entry(of_route.route.clone()).or_default() += rate(of_route.attempts);
                match of_route.circuit {
                    CircuitState::Open | CircuitState::HalfOpen => {
                        live.open.insert(of_route.route.clone());
                    }
                    CircuitState::Closed => {}
                }
            }
        }
        live
    }

    /// When a route, as it is configured now, last answered this workload's own traffic.
    pub(super) fn answered(&self, workload: &Workload, route: &Route) -> Option<Timestamp> {
        let answers = self.answers.get(&workload.name)?;
        let mark = RouteMark::of(route);
        let by_it = answers.iter().filter(|(by, _)| *by == mark);
        by_it.map(|(_, at)| *at).max()
    }

    /// Where the gateways that are alive run.
    pub(super) fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Whether any gateway pauses a route.
    pub(super) fn is_open(&self, route: &RouteName) -> bool {
        self.open.contains(route)
    }

    /// Attempts per second on a route.
    pub(super) fn load(&self, route: &RouteName) -> f64 {
        self.load.get(route).copied().unwrap_or(0.0)
    }

    /// Requests per second that would move if the fallback took over now.
    pub(super) fn movable(&self, workload: &WorkloadName) -> f64 {
        let of = |rates: &BTreeMap<WorkloadName, f64>| rates.get(workload).copied();
        let there = of(&self.fallbacks).unwrap_or(0.0);
        (of(&self.requests).unwrap_or(0.0) - there).max(0.0)
    }
}

/// Who answered a workload's traffic last, as one gateway saw it.
fn answers(
    catalog: &Catalog,
    heartbeat: &Heartbeat,
    traffic: &WorkloadTraffic,
) -> impl Iterator<Item = (RouteMark, Timestamp)> {
    // A version that does not tell which route it was meant the one at the place, which is known while both
    // sides read the same file.
    let same_file = heartbeat.fingerprint == catalog.fingerprint;
    let workload = catalog.workloads.get(&traffic.workload);
    let at_place = |route: Option<&RouteName>| {
        let route = catalog.routes.get(route.filter(|_| same_file)?)?;
        Some(RouteMark::of(route))
    };
    let primary = traffic
        .last_primary_by
        .or_else(|| at_place(workload.map(|workload| &workload.primary)));
    let fallback = traffic
        .last_fallback_by
        .or_else(|| at_place(workload.and_then(|workload| workload.fallback.as_ref())));
    [
        primary.zip(traffic.last_primary),
        fallback.zip(traffic.last_fallback),
    ]
    .into_iter()
    .flatten()
}

/// How long ago; zero when another host's clock runs ahead.
pub(super) fn elapsed(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one minute are far below 2 to the 52"
)]
fn of_count(count: u64) -> f64 {
    count as f64
}
