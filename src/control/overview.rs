//! What is going on, computed from configuration, overrides, heartbeats and recent events: the one view
//! that home screen, `status` and plans share. Pure.

mod alarms;
mod gateways;
mod judge;
mod lookout;
mod recent;
mod routes;
mod scopes;
mod sources;
mod spending;
#[cfg(test)]
mod tests;
mod traffic;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::Probed;
use crate::model::{
    Capture, Catalog, CircuitState, Debt, ErrorClass, Family, Heartbeat, Mode, Overrides,
    Readiness, Reviewed, Revision, RouteName, Standing, StoredEvent, Tier, Workload, WorkloadName,
    WorkloadReadiness,
};
pub use alarms::Alarm;
pub(super) use gateways::replaced;
pub use gateways::{ConfigGroup, GatewayState, GatewayStatus, unlogged_words};
pub use lookout::Lookout;
pub use recent::Recent;
pub use routes::{RouteProbed, RouteStatus, Tried};
pub use scopes::{Mixed, Scoped};
pub use sources::{Moved, Sources};
pub use spending::Spending;

use recent::Grouped;
pub(super) use traffic::rates;

/// A gateway is alive while its last heartbeat is younger than this.
const ALIVE: Duration = Duration::from_secs(5);

/// Events and counters look back this far.
const WINDOW: Duration = Duration::from_mins(1);

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

impl Serving {
    /// The route that serves.
    #[must_use]
    pub fn route(&self) -> &RouteName {
        match self {
            Self::Primary { route }
            | Self::Auto { route, .. }
            | Self::Forced { route, .. }
            | Self::RefusedByPolicy { route, .. } => route,
        }
    }
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
    /// The mode in force. Where it differs between gateways: the one that deviates most.
    pub mode: Mode,
    /// Set where the mode differs between the living gateways.
    pub mixed: Option<Mixed>,
    /// What operators switched on some gateways only.
    pub scoped: Vec<Scoped>,
    /// The mode's override ends then.
    pub mode_until: Option<Timestamp>,
    /// Who set the mode, and where unless on all gateways.
    pub mode_by: Option<String>,
    /// Whether the notice is given, on every gateway.
    pub notice: bool,
    /// Its tier.
    pub tier: Tier,
    /// What of its traffic is kept.
    pub capture: Capture,
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
    /// What a person should look at although the policy decides nothing by it.
    pub alarms: Vec<Alarm>,
    /// Whether its fallback would work if it were needed now.
    pub readiness: WorkloadReadiness,
    /// What people have said of its fallback's output.
    pub review: Standing,
    /// A review is owed: its fallback was armed or forced past the gate.
    pub debt: Option<Debt>,
}

/// Everything at a glance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The moment it was computed for, or up to which nothing of it has changed since.
    pub at: Timestamp,
    /// The environment's name.
    pub environment: String,
    /// The newest revision.
    pub revision: Revision,
    /// Worst first.
    pub workloads: Vec<Arc<WorkloadStatus>>,
    /// The places of the workloads, by name.
    #[serde(skip)]
    by_name: Vec<usize>,
    /// By name.
    pub routes: Vec<Arc<RouteStatus>>,
    /// By name.
    pub gateways: Vec<GatewayStatus>,
    /// What probing all routes together has cost.
    pub spending: Spending,
    /// The routes whose own budget of probing is spent.
    pub spent_budgets: Vec<RouteName>,
}

/// Computes the overview. `events` are recent, oldest first; older than 60 s are ignored.
#[must_use]
pub fn overview<'a>(
    catalog: &Catalog,
    overrides: &Overrides,
    heartbeats: &[Heartbeat],
    events: impl IntoIterator<Item = &'a StoredEvent>,
    probed: &Probed,
    reviewed: &Reviewed,
    now: Timestamp,
) -> Overview {
    let events = Grouped::new(events);
    let sources = Sources {
        catalog,
        overrides,
        heartbeats,
        events: &events,
        probed,
        reviewed,
    };
    let mut lookout = Lookout::default();
    lookout.look(&sources, Moved::ALL, now).0.clone()
}

/// Of a workload whose primary is not configured: nothing can be said.
fn unknown(workload: &Workload) -> WorkloadReadiness {
    WorkloadReadiness {
        workload: workload.name.clone(),
        fallback: workload.fallback.clone(),
        word: Readiness::Unverified,
        reasons: Vec::new(),
        proven: None,
    }
}

impl Overview {
    /// The status of one workload.
    #[must_use]
    pub fn workload(&self, name: &WorkloadName) -> Option<&WorkloadStatus> {
        let status = |place: &usize| &self.workloads[*place];
        let found = self
            .by_name
            .binary_search_by(|place| status(place).workload.cmp(name));
        Some(status(self.by_name.get(found.ok()?)?))
    }

    /// The status of one route.
    #[must_use]
    pub fn route(&self, name: &RouteName) -> Option<&RouteStatus> {
        let found = self
            .routes
            .binary_search_by(|status| status.route.cmp(name));
        Some(&**self.routes.get(found.ok()?)?)
    }

    /// Takes the workloads, which come by name, and puts the worst first.
    fn order(&mut self, by_name: &[Arc<WorkloadStatus>]) {
        let mut order: Vec<usize> = (0..by_name.len()).collect();
        // Those that are alike stay in the order of their names.
        order.sort_by(|left, right| {
            let (left, right) = (&by_name[*left], &by_name[*right]);
            left.state.cmp(&right.state).then_with(|| {
                let share = |status: &WorkloadStatus| status.error_share.unwrap_or(0.0);
                share(right).total_cmp(&share(left))
            })
        });
        self.by_name = vec![0; order.len()];
        for (place, name) in order.iter().enumerate() {
            self.by_name[*name] = place;
        }
        let ordered = order.iter().map(|name| Arc::clone(&by_name[*name]));
        self.workloads = ordered.collect();
    }
}

/// Whether a route fails for many of enough attempts, or is paused because it did.
#[must_use]
pub fn fails(status: &RouteStatus) -> bool {
    let enough = status.rps * WINDOW.as_secs_f64() >= judge::ENOUGH_ATTEMPTS;
    status.circuit != CircuitState::Closed
        || (enough
            && status
                .failure_share
                .is_some_and(|share| share >= judge::FAILING_SHARE))
}

/// How long ago something was; zero when another host's clock runs ahead.
fn elapsed(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(at)).unwrap_or_default()
}

/// Whether a gateway gave a sign of life just now.
pub(super) fn alive(heartbeat: &Heartbeat, now: Timestamp) -> bool {
    elapsed(heartbeat.at, now) < ALIVE
}

#[expect(clippy::ref_option, reason = "serde passes a reference")]
fn millis<S: serde::Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX)),
        None => to.serialize_none(),
    }
}
