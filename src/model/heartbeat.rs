//! Heartbeats: what each gateway says about itself, once a second, through the store.
//!
//! This is also how the console learns about traffic that needed no fallback: counters are summed up where
//! they arise, over the last minute.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{GatewayName, RegionName, Revision, RouteMark, RouteName, Site, WorkloadName};

/// The state of a route's circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CircuitState {
    /// Requests flow.
    #[default]
    Closed,
    /// The route is paused.
    Open,
    /// One trial request at a time.
    HalfOpen,
}

/// One workload's traffic on one gateway over the last 60 seconds, and totals since its start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadTraffic {
    /// Which.
    pub workload: WorkloadName,
    /// Requests finished in the last 60 s.
    pub requests: u64,
    /// Of these, requests whose primary attempt failed with a class that is not the caller's fault.
    pub primary_failures: u64,
    /// Of these, answered by the fallback.
    pub fallbacks: u64,
    /// Of these, answered with an error or broken off.
    pub errors: u64,
    /// Of the errors, those that a failing route caused and nothing caught: not the caller's own.
    #[serde(default)]
    pub uncaught: u64,
    /// The last time such an error reached a client. `None` beside a count: written by a version that does not
    /// tell.
    #[serde(default)]
    pub last_uncaught: Option<Timestamp>,
    /// Events that refused a fallback.
    pub refused: u64,
    /// Median time to the first output in milliseconds.
    pub first_output_p50_ms: Option<u64>,
    /// 95th percentile of the same.
    pub first_output_p95_ms: Option<u64>,
    /// Requests running now.
    pub in_flight: u64,
    /// Since when the primary has been failing without a success in between.
    pub failing_since: Option<Timestamp>,
    /// The last time the primary failed with a class that is not the caller's fault.
    #[serde(default)]
    pub last_primary_failure: Option<Timestamp>,
    /// The last time an answer came from the primary.
    pub last_primary: Option<Timestamp>,
    /// Which route gave it, as it was configured then. `None`: nobody has, or a version that does not tell.
    #[serde(default)]
    pub last_primary_by: Option<RouteMark>,
    /// The last time an answer came from the fallback.
    pub last_fallback: Option<Timestamp>,
    /// Which route gave it, in the same way.
    #[serde(default)]
    pub last_fallback_by: Option<RouteMark>,
    /// The override revision under which the last request was routed, and where it went: how a console
    /// shows the first request that took the new path.
    pub last_routed: Option<Routed>,
}

/// Where a request went, and under which revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routed {
    /// When.
    pub at: Timestamp,
    /// The route that answered.
    pub route: RouteName,
    /// The override revision in force.
    pub revision: Revision,
}

/// One route's traffic on one gateway over the last 60 seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteTraffic {
    /// Which.
    pub route: RouteName,
    /// Attempts finished in the last 60 s.
    pub attempts: u64,
    /// Of these, failed.
    pub failures: u64,
    /// Its circuit.
    pub circuit: CircuitState,
    /// Why the circuit opened, in words.
    pub tripped_by: Option<String>,
    /// Attempts running now.
    pub in_flight: u64,
}

/// A gateway's sign of life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Which.
    pub gateway: GatewayName,
    /// Its host.
    pub host: String,
    /// The region that it was given. `None`: none, or a version that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// Its process.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// When it started.
    pub started: Timestamp,
    /// When this was written.
    pub at: Timestamp,
    /// The override revision it has applied.
    pub revision: Revision,
    /// The configuration it has applied.
    pub fingerprint: String,
    /// A configuration that it refused, in one line.
    pub config_error: Option<String>,
    /// Whether it is draining.
    pub draining: bool,
    /// Events that could not be made durable since its start.
    pub unlogged: u64,
    /// Of those, how many were of fallbacks that were withheld for it: nothing was served without an event.
    #[serde(default)]
    pub withheld: u64,
    /// When the last of them was. `None`: there was none, or a version that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlogged_at: Option<Timestamp>,
    /// Since when it cannot ask the store's cluster; it serves with the last switches it saw. `None`: it can.
    #[serde(default)]
    pub apart_since: Option<Timestamp>,
    /// How often that has happened since its start.
    #[serde(default)]
    pub partings: u64,
    /// Only workloads with traffic in the last 60 s.
    pub workloads: Vec<WorkloadTraffic>,
    /// Only routes with traffic in the last 60 s, or with a circuit that is not closed.
    pub routes: Vec<RouteTraffic>,
}

impl Heartbeat {
    /// Where it runs.
    #[must_use]
    pub fn site(&self) -> Site {
        Site {
            host: self.host.as_str().into(),
            region: self.region.clone(),
        }
    }
}
