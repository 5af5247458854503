//! Sums the counters that living gateways published, by workload and by route.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;

use super::elapsed;
use crate::model::{CircuitState, Heartbeat, RouteName, Site, WorkloadName};

/// One workload's traffic over all living gateways, last 60 s.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    pub(super) primary_failures: u64,
    pub(super) fallbacks: u64,
    pub(super) errors: u64,
    pub(super) uncaught: u64,
    pub(super) last_uncaught: Option<Timestamp>,
    /// Whether a gateway counts uncaught errors without telling when the last one was.
    pub(super) uncaught_untold: bool,
    /// When a route last gave an answer.
    pub(super) last_answer: Option<Timestamp>,
    pub(super) rps: f64,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) last_primary_failure: Option<Timestamp>,
    pub(super) first_output_p50: Option<Duration>,
}

/// One route's traffic over all living gateways, last 60 s.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Load {
    pub(super) attempts: u64,
    pub(super) failures: u64,
    pub(super) rps: f64,
    pub(super) circuit: CircuitState,
    pub(super) tripped_by: Option<String>,
}

/// Everything summed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Totals {
    /// Gateways that were summed.
    pub(super) gateways: usize,
    /// Where they run.
    pub(super) sites: Vec<Site>,
    workloads: HashMap<WorkloadName, Traffic>,
    routes: HashMap<RouteName, Load>,
}

impl Totals {
    pub(super) fn of<'a>(heartbeats: impl Iterator<Item = &'a Heartbeat>) -> Self {
        let mut totals = Self::default();
        // Medians cannot be added; the mean of the gateways' medians, weighted by their requests, is
        // exact for one gateway and near enough for a glance at several.
        let mut medians: HashMap<WorkloadName, (u64, u64)> = HashMap::new();
        for heartbeat in heartbeats {
            totals.gateways += 1;
            totals.sites.push(heartbeat.site());
            let window = window(heartbeat);
            for from in &heartbeat.workloads {
                let sum = totals.workloads.entry(from.workload.clone()).or_default();
                sum.requests += from.requests;
                sum.primary_failures += from.primary_failures;
                sum.fallbacks += from.fallbacks;
                sum.errors += from.errors;
                sum.uncaught += from.uncaught;
                sum.last_uncaught = sum.last_uncaught.max(from.last_uncaught);
                sum.uncaught_untold |= from.uncaught > 0 && from.last_uncaught.is_none();
                let last_answer = from.last_primary.max(from.last_fallback);
                sum.last_answer = sum.last_answer.max(last_answer);
                sum.rps += count(from.requests) / window;
                sum.failing_since = earliest(sum.failing_since, from.failing_since);
                sum.last_primary_failure = sum.last_primary_failure.max(from.last_primary_failure);
                if let Some(median) = from.first_output_p50_ms {
                    let weight = from.requests.max(1);
                    let entry = medians.entry(from.workload.clone()).or_default();
                    entry.0 += median * weight;
                    entry.1 += weight;
                }
            }
            for from in &heartbeat.routes {
                let sum = totals.routes.entry(from.route.clone()).or_default();
                sum.attempts += from.attempts;
                sum.failures += from.failures;
                sum.rps += count(from.attempts) / window;
                if sum.tripped_by.is_none() || from.circuit == CircuitState::Open {
                    sum.tripped_by = from.tripped_by.clone().or(sum.tripped_by.take());
                }
                sum.circuit = worse(sum.circuit, from.circuit);
            }
        }
        for (workload, (weighted, weight)) in medians {
            if let Some(sum) = totals.workloads.get_mut(&workload) {
                sum.first_output_p50 = Some(Duration::from_millis(weighted / weight.max(1)));
            }
        }
        totals
    }

    pub(super) fn workload(&self, name: &WorkloadName) -> Traffic {
        self.workloads.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn route(&self, name: &RouteName) -> Load {
        self.routes.get(name).cloned().unwrap_or_default()
    }
}

/// A workload's requests per second on one gateway, and how many of them its fallback answered.
pub(in crate::control) fn rates(heartbeat: &Heartbeat, workload: &WorkloadName) -> (f64, f64) {
    let window = window(heartbeat);
    let found = heartbeat
        .workloads
        .iter()
        .find(|traffic| traffic.workload == *workload);
    found.map_or((0.0, 0.0), |traffic| {
        (
            count(traffic.requests) / window,
            count(traffic.fallbacks) / window,
        )
    })
}

/// The seconds that a gateway's counters are of.
fn window(heartbeat: &Heartbeat) -> f64 {
    elapsed(heartbeat.started, heartbeat.at)
        .clamp(Duration::from_secs(1), super::WINDOW)
        .as_secs_f64()
}

/// A part of a whole, 0.0 to 1.0; `None` of nothing.
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| count(part) / count(whole))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one minute are far below 2^52"
)]
fn count(value: u64) -> f64 {
    value as f64
}

fn earliest(left: Option<Timestamp>, right: Option<Timestamp>) -> Option<Timestamp> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.min(right)),
        (one, other) => one.or(other),
    }
}

fn worse(left: CircuitState, right: CircuitState) -> CircuitState {
    match (left, right) {
        (CircuitState::Open, _) | (_, CircuitState::Open) => CircuitState::Open,
        (CircuitState::HalfOpen, _) | (_, CircuitState::HalfOpen) => CircuitState::HalfOpen,
        (CircuitState::Closed, CircuitState::Closed) => CircuitState::Closed,
    }
}
