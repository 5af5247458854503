//! What is going on, computed from configuration, overrides, heartbeats and recent events: the one view
//! that home screen, `status` and plans share. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::{
    Catalog, CircuitState, ErrorClass, EventDecision, Family, GatewayName, Heartbeat, Mode,
    Overrides, Revision, RouteName, StoredEvent, Tier, WorkloadName,
};

/// A workload's state. Ordered from worst to best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Requests fail and nothing catches them.
    Failing,
    /// The fallback serves by itself.
    Fallback,
    /// The fallback serves because an operator said so.
    Forced,
    /// No traffic and no gateway that would know.
    Unknown,
    /// The primary serves.
    Ok,
    /// Held by an operator: no fallback would happen.
    Held,
}

/// Which route serves, and because of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "by")]
pub enum Serving {
    /// The primary.
    Primary {
        /// Which.
        route: RouteName,
    },
    /// The fallback, on triggers.
    Auto {
        /// Which.
        route: RouteName,
        /// The newest class.
        class: Option<ErrorClass>,
    },
    /// The fallback, by an operator.
    Forced {
        /// Which.
        route: RouteName,
        /// Who.
        actor: String,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// The primary, though it fails: the policy refuses the fallback.
    RefusedByPolicy {
        /// The primary.
        route: RouteName,
        /// The newest reason, in words.
        why: String,
    },
}

/// One workload, over all gateways, last 60 s.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkloadStatus {
    /// Which.
    pub workload: WorkloadName,
    /// How it fares.
    pub state: State,
    /// Since when it is in this state, when known.
    pub since: Option<Timestamp>,
    /// What serves.
    pub serving: Serving,
    /// Its family.
    pub family: Family,
    /// Its primary.
    pub primary: RouteName,
    /// Its fallback.
    pub fallback: Option<RouteName>,
    /// The fallback's circuit.
    pub fallback_circuit: CircuitState,
    /// The primary's circuit.
    pub primary_circuit: CircuitState,
    /// The mode in force.
    pub mode: Mode,
    /// The mode's override ends then.
    pub mode_until: Option<Timestamp>,
    /// Who set the mode.
    pub mode_by: Option<String>,
    /// Whether the notice is given.
    pub notice: bool,
    /// Its tier.
    pub tier: Tier,
    /// Whether people see its output.
    pub user_visible: bool,
    /// Requests per second.
    pub rps: f64,
    /// Share of requests whose primary attempt failed, 0.0 to 1.0; `None` without requests.
    pub primary_error_share: Option<f64>,
    /// Share of requests answered with an error, 0.0 to 1.0; `None` without requests.
    pub error_share: Option<f64>,
    /// Share answered by the fallback.
    pub fallback_share: Option<f64>,
    /// Median time to the first output.
    #[serde(rename = "first_output_p50_ms", serialize_with = "millis")]
    pub first_output_p50: Option<Duration>,
    /// Break-glass was used for what is in force.
    pub break_glass: bool,
}

/// One route, over all gateways, last 60 s.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteStatus {
    /// Which.
    pub route: RouteName,
    /// Its family.
    pub family: Family,
    /// The provider's name of the model.
    pub model: String,
    /// The worst circuit of any gateway.
    pub circuit: CircuitState,
    /// Drained by.
    pub drained_by: Option<String>,
    /// Drained until.
    pub drained_until: Option<Timestamp>,
    /// Attempts per second.
    pub rps: f64,
    /// Share of failed attempts; `None` without attempts.
    pub failure_share: Option<f64>,
    /// Of its capacity, when known, how much is used, 0.0 and up.
    pub used: Option<f64>,
    /// The workloads that use it.
    pub used_by: Vec<WorkloadName>,
}

/// One gateway.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayStatus {
    /// Which.
    pub gateway: GatewayName,
    /// Its host.
    pub host: String,
    /// Its version.
    pub version: String,
    /// The revision it has applied.
    pub revision: Revision,
    /// Whether it has applied the newest.
    pub current: bool,
    /// Whether its configuration is the one seen here.
    pub same_config: bool,
    /// Whether its last heartbeat is younger than 5 s.
    pub alive: bool,
    /// When it was last heard of.
    pub at: Timestamp,
    /// Whether it is draining.
    pub draining: bool,
    /// A configuration it refused.
    pub config_error: Option<String>,
    /// Events it could not make durable.
    pub unlogged: u64,
}

/// Everything at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// When it was computed.
    pub at: Timestamp,
    /// The environment's name.
    pub environment: String,
    /// The newest revision.
    pub revision: Revision,
    /// Worst first.
    pub workloads: Vec<WorkloadStatus>,
    /// By name.
    pub routes: Vec<RouteStatus>,
    /// By name.
    pub gateways: Vec<GatewayStatus>,
}

/// Computes the overview. `events` are recent, oldest first; older than 60 s are ignored.
#[must_use]
pub fn overview<'a>(
    catalog: &Catalog,
    overrides: &Overrides,
    heartbeats: &[Heartbeat],
    events: impl IntoIterator<Item = &'a StoredEvent>,
    now: Timestamp,
) -> Overview {
    let _ = (catalog, overrides, heartbeats, events.into_iter(), now);
    let _ = EventDecision::Fallback;
    todo!()
}

#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn millis<S: serde::Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX)),
        None => to.serialize_none(),
    }
}
