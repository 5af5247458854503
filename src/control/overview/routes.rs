//! The status of routes: load, drain, and what probes of them say.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Spending, millis,
    scopes::{Across, by},
    traffic,
    traffic::Load,
};
use crate::{
    control::Probed,
    model::{
        Asked, Catalog, CircuitState, ErrorClass, Family, Overrides, ProbeRecord, ProbeSubject,
        Route, RouteName, Sample, SampleId, Site, Subject, Verdict, Workload, WorkloadName,
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
    pub ladder: Vec<Tried>,
    /// The samples of its workloads, by name, each as it was last tried here.
    pub samples: Vec<Tried>,
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

/// What the status of every route rests on.
pub(super) struct Ground<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) overrides: &'a Overrides,
    pub(super) probed: &'a Probed,
    samples: BTreeMap<&'a SampleId, (&'a Workload, &'a Sample)>,
    sites: &'a [Site],
    now: Timestamp,
}

impl<'a> Ground<'a> {
    pub(super) fn new(
        catalog: &'a Catalog,
        overrides: &'a Overrides,
        probed: &'a Probed,
        sites: &'a [Site],
        now: Timestamp,
    ) -> Self {
        let of = |workload: &'a Workload| {
            let samples = workload.samples.iter();
            samples.map(move |sample| (&sample.id, (workload, sample)))
        };
        Self {
            catalog,
            overrides,
            probed,
            sites,
            samples: catalog.workloads.values().flat_map(of).collect(),
            now,
        }
    }

    pub(super) fn status(
        &self,
        route: &Route,
        used_by: Vec<WorkloadName>,
        load: Load,
    ) -> RouteStatus {
        let subject = Subject::Drain(route.name.clone());
        let drain = Across::of(self.overrides, &subject, self.sites, self.now).any();
        let (mut ladder, mut samples) = (Vec::new(), Vec::new());
        for record in self.probed.of_route(&route.name) {
            if !self.holds(route, record) {
                continue;
            }
            match record {
                ProbeRecord::Rung(_) => ladder.push(tried(record)),
                ProbeRecord::Sample(_) => samples.push(tried(record)),
            }
        }
        RouteStatus {
            route: route.name.clone(),
            family: route.family,
            model: route.model.clone(),
            circuit: load.circuit,
            tripped_by: load.tripped_by,
            drained_by: drain.map(by),
            drained_until: drain.and_then(|(_, drain)| drain.expires),
            rps: load.rps,
            failure_share: traffic::share(load.failures, load.attempts),
            used: route
                .capacity_rps
                .filter(|capacity| *capacity > 0.0)
                .map(|capacity| load.rps / capacity),
            used_by,
            probed: together(&ladder, &samples),
            ladder,
            samples,
            spending: Spending::of(
                &self.catalog.probing,
                self.probed,
                Some(&route.name),
                self.now,
            ),
        }
    }

    /// Whether a record is of what is configured now.
    fn holds(&self, route: &Route, record: &ProbeRecord) -> bool {
        let sample = match record {
            ProbeRecord::Sample(result) => Some(&result.sample),
            ProbeRecord::Rung(result) => result.sample.as_ref(),
        };
        let Some(id) = sample else {
            return *record.asked() == Asked::of(route, None);
        };
        self.samples.get(id).is_some_and(|(workload, sample)| {
            let uses =
                workload.primary == route.name || workload.fallback.as_ref() == Some(&route.name);
            uses && *record.asked() == Asked::of(route, Some(sample))
        })
    }
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
mod tests;
