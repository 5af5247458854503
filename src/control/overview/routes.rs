//! The status of routes: load, drain, and what probes of them say.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{Spending, millis, scopes::by, traffic, traffic::Load};
use crate::{
    control::probed::OfRoute,
    model::{
        Catalog, CircuitState, ErrorClass, Family, Override, ProbeRecord, ProbeSubject, Route,
        RouteName, Scope, Verdict, WorkloadName,
    },
};

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
    /// Why it is not closed, in words.
    pub tripped_by: Option<String>,
    /// Drained by, and where unless on all gateways.
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
    /// What its probes say together; `None`: it was never probed as it is configured now.
    pub probed: Option<RouteProbed>,
    /// Its ladder, lowest rung first, each as it was last tried.
    pub ladder: Arc<[Tried]>,
    /// The samples of its workloads, by name, each as it was last tried here.
    pub samples: Arc<[Tried]>,
    /// What probing it has cost.
    pub spending: Spending,
}

/// What all probes of a route say together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteProbed {
    /// When the newest was made.
    pub at: Timestamp,
    /// Failed when any has failed; else passed when any has passed.
    pub verdict: Verdict,
    /// What has failed and why, in one line; the first of several.
    pub why: Option<String>,
}

/// Something that was tried on a route, as it is configured now: the last time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tried {
    /// What.
    pub subject: ProbeSubject,
    /// When.
    pub at: Timestamp,
    /// How it came out.
    pub verdict: Verdict,
    /// The evidence of a rung; why a sample failed, empty when it passed.
    pub why: String,
    /// The class of the failure, when there was one.
    pub class: Option<ErrorClass>,
    /// To the first output of a sample.
    #[serde(rename = "first_output_ms", serialize_with = "millis")]
    pub first_output: Option<Duration>,
}

/// What the probes of a route say, as it is configured.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    probed: Option<RouteProbed>,
    ladder: Arc<[Tried]>,
    samples: Arc<[Tried]>,
}

impl Told {
    pub(super) fn of(catalog: &Catalog, route: &Route, records: Option<&OfRoute>) -> Self {
        let Some(records) = records else {
            return Self::default();
        };
        let (mut ladder, mut samples) = (Vec::new(), Vec::new());
        for record in records.values() {
            if !holds(catalog, route, record) {
                continue;
            }
            match record {
                ProbeRecord::Rung(_) => ladder.push(tried(record)),
                ProbeRecord::Sample(_) => samples.push(tried(record)),
            }
        }
        Self {
            probed: together(&ladder, &samples),
            ladder: ladder.into(),
            samples: samples.into(),
        }
    }

    /// What was told before.
    pub(super) fn again(status: &RouteStatus) -> Self {
        Self {
            probed: status.probed.clone(),
            ladder: Arc::clone(&status.ladder),
            samples: Arc::clone(&status.samples),
        }
    }
}

/// Puts together what is known of a route.
pub(super) fn status(
    route: &Route,
    drain: Option<(&Scope, &Override)>,
    used_by: Vec<WorkloadName>,
    told: Told,
    spending: Spending,
    load: &Load,
) -> RouteStatus {
    RouteStatus {
        route: route.name.clone(),
        family: route.family,
        model: route.model.clone(),
        circuit: load.circuit,
        tripped_by: load.tripped_by.clone(),
        drained_by: drain.map(by),
        drained_until: drain.and_then(|(_, drain)| drain.expires),
        rps: load.rps,
        failure_share: traffic::share(load.failures, load.attempts),
        used: route
            .capacity_rps
            .filter(|capacity| *capacity > 0.0)
            .map(|capacity| load.rps / capacity),
        used_by,
        probed: told.probed,
        ladder: told.ladder,
        samples: told.samples,
        spending,
    }
}

/// Whether a record is of what is configured now.
fn holds(catalog: &Catalog, route: &Route, record: &ProbeRecord) -> bool {
    let sample = match record {
        ProbeRecord::Sample(result) => Some(&result.sample),
        ProbeRecord::Rung(result) => result.sample.as_ref(),
    };
    let Some(id) = sample else {
        return record.asked().is(route, None);
    };
    // A sample is named after its workload.
    let whose = id.as_str().split_once('/').map(|(workload, _)| workload);
    let Some(workload) = whose.and_then(|name| catalog.workloads.get(name)) else {
        return false;
    };
    let uses = workload.primary == route.name || workload.fallback.as_ref() == Some(&route.name);
    let sample = workload.samples.iter().find(|sample| sample.id == *id);
    uses && sample.is_some_and(|sample| record.asked().is(route, Some(sample)))
}

fn tried(record: &ProbeRecord) -> Tried {
    let point = record.point();
    Tried {
        subject: record.key().subject,
        at: point.at,
        verdict: point.verdict,
        why: match record {
            ProbeRecord::Sample(result) => result.why().unwrap_or_default(),
            ProbeRecord::Rung(result) => result.evidence.clone(),
        },
        class: point.class,
        first_output: point.first_output,
    }
}

fn together(ladder: &[Tried], samples: &[Tried]) -> Option<RouteProbed> {
    let all = || ladder.iter().chain(samples);
    let failed = all().find(|tried| tried.verdict == Verdict::Failed);
    let passed = all().any(|tried| tried.verdict == Verdict::Passed);
    Some(RouteProbed {
        at: all().map(|tried| tried.at).max()?,
        verdict: match (failed, passed) {
            (Some(_), _) => Verdict::Failed,
            (None, true) => Verdict::Passed,
            (None, false) => Verdict::Skipped,
        },
        why: failed.map(|tried| match &tried.subject {
            ProbeSubject::Rung(rung) => format!("{rung}: {}", tried.why),
            ProbeSubject::Sample(sample) => format!("{sample}: {}", tried.why),
        }),
    })
}

#[cfg(test)]
pub(super) mod tests;
