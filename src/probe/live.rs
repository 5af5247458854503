//! What live traffic proves: who answered whom lately, what is paused, and what load there is.
//!
//! Read out of the gateways' heartbeats, for the schedule and for readiness. Pure.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;

use crate::{
    model::{
        Catalog, CircuitState, Heartbeat, Route, RouteMark, RouteName, Site, Workload,
        WorkloadName, WorkloadTraffic,
    },
    policy::Headroom,
};

/// A gateway is alive while its last heartbeat is younger than this.
const ALIVE: Duration = Duration::from_secs(5);

/// Counters of heartbeats are of so long, or of the gateway's life where that is shorter.
const WINDOW: Duration = Duration::from_mins(1);

/// The marks of all routes of a configuration: worked out once, because each is a digest.
#[derive(Clone, Debug, Default)]
pub struct Marks(HashMap<RouteName, RouteMark>);

impl Marks {
    /// Of every route.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let routes = catalog.routes.values();
        Self(
            routes
                .map(|route| (route.name.clone(), RouteMark::of(route)))
                .collect(),
        )
    }
}

/// What the gateways say, put together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// For each workload, the routes that answered last and when.
    answers: HashMap<WorkloadName, Vec<(RouteMark, Timestamp)>>,
    requests: HashMap<WorkloadName, f64>,
    fallbacks: HashMap<WorkloadName, f64>,
    load: HashMap<RouteName, f64>,
    open: HashSet<RouteName>,
    /// Where the gateways that are alive run.
    sites: Vec<Site>,
}

/// What of it counts for the readiness of one workload.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lively {
    /// Whether any gateway pauses the primary.
    pub primary_open: bool,
    /// Whether any gateway pauses the fallback.
    pub fallback_open: bool,
    /// When the fallback, as it is configured now, last answered the workload's own traffic.
    pub answered: Option<Timestamp>,
    /// Whether the workload's traffic would fit into the fallback.
    pub headroom: Option<Headroom>,
}

impl Lively {
    /// Whether both say the same of readiness: by how much something fits is not told.
    #[must_use]
    pub fn says_as(&self, other: &Self) -> bool {
        let fits = |lively: &Self| lively.headroom.map(|room| room.needed > room.capacity);
        let told = |lively: &Self| (lively.primary_open, lively.fallback_open, lively.answered);
        told(self) == told(other) && fits(self) == fits(other)
    }
}

impl Live {
    /// Out of the last signs of life. `marks` are those of the same configuration.
    #[must_use]
    pub fn of(catalog: &Catalog, marks: &Marks, heartbeats: &[Heartbeat], now: Timestamp) -> Self {
        let mut live = Self::default();
        for heartbeat in heartbeats {
            for of_workload in &heartbeat.workloads {
                // The last answer counts also when the gateway that gave it has ended since.
                live.answers
                    .entry(of_workload.workload.clone())
                    .or_default()
                    .extend(answers(catalog, marks, heartbeat, of_workload));
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

    /// What counts for one workload.
    #[must_use]
    pub fn about(&self, catalog: &Catalog, marks: &Marks, workload: &Workload) -> Lively {
        let fallback = workload.fallback.as_ref();
        let Some(fallback) = fallback.and_then(|name| catalog.routes.get(name)) else {
            return Lively {
                primary_open: self.is_open(&workload.primary),
                ..Lively::default()
            };
        };
        let mark = marks.0.get(&fallback.name);
        Lively {
            primary_open: self.is_open(&workload.primary),
            fallback_open: self.is_open(&fallback.name),
            answered: mark.and_then(|mark| self.answered_by(workload, *mark)),
            headroom: fallback.capacity_rps.map(|capacity| Headroom {
                needed: self.load(&fallback.name) + self.movable(&workload.name),
                capacity,
            }),
        }
    }

    /// When a route, as it is configured now, last answered this workload's own traffic.
    pub(super) fn answered(&self, workload: &Workload, route: &Route) -> Option<Timestamp> {
        self.answered_by(workload, RouteMark::of(route))
    }

    fn answered_by(&self, workload: &Workload, mark: RouteMark) -> Option<Timestamp> {
        let answers = self.answers.get(&workload.name)?;
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
    fn load(&self, route: &RouteName) -> f64 {
        self.load.get(route).copied().unwrap_or(0.0)
    }

    /// Requests per second that would move if the fallback took over now.
    fn movable(&self, workload: &WorkloadName) -> f64 {
        let of = |rates: &HashMap<WorkloadName, f64>| rates.get(workload).copied();
        let there = of(&self.fallbacks).unwrap_or(0.0);
        (of(&self.requests).unwrap_or(0.0) - there).max(0.0)
    }
}

/// Who answered a workload's traffic last, as one gateway saw it.
fn answers(
    catalog: &Catalog,
    marks: &Marks,
    heartbeat: &Heartbeat,
    traffic: &WorkloadTraffic,
) -> impl Iterator<Item = (RouteMark, Timestamp)> {
    // A version that does not tell which route it was meant the one at the place, which is known while both
    // sides read the same file.
    let same_file = heartbeat.fingerprint == catalog.fingerprint;
    let workload = catalog.workloads.get(&traffic.workload);
    let at_place = |route: Option<&RouteName>| marks.0.get(route.filter(|_| same_file)?).copied();
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
