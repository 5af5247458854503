//! Drills: an outage is imagined, and the policy is asked what would happen to every workload. No traffic moves.
//!
//! Called through [`super::Control::drill`] by CLI and console. Pure: it asks the very code that decides on
//! traffic, with the switches and circuits of now. It must not send anything; a live drill probes afterwards
//! what is found here.

mod outcome;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use http::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;

use super::{Control, ControlError, Overview, intent};
use crate::{
    model::{
        Catalog, CircuitState, ErrorClass, Overrides, RouteName, SampleId, Workload, WorkloadName,
    },
    policy::{
        CircuitView, Decision, Failure, Opening, RequestFacts, Side, Situation, Switches, decide,
        explain, open,
    },
    wire::{Shape, request},
};

pub use outcome::{Drill, Drilled, Fate, Target};

/// What is imagined: which routes are down, and how their failures are classed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// The routes.
    pub down: BTreeSet<RouteName>,
    /// How each request to them fails.
    pub class: ErrorClass,
}

impl Outage {
    /// An outage by names: of routes, or of providers, which stand for all their routes.
    ///
    /// # Errors
    /// When a name is neither; with a near one.
    pub fn named<'a>(
        catalog: &Catalog,
        names: impl IntoIterator<Item = &'a str>,
        class: ErrorClass,
    ) -> Result<Self, ControlError> {
        let mut down = BTreeSet::new();
        for name in names {
            let before = down.len();
            down.extend(
                catalog
                    .routes
                    .values()
                    .filter(|route| route.name.as_str() == name || route.provider.as_str() == name)
                    .map(|route| route.name.clone()),
            );
            if down.len() == before && !down.iter().any(|route| route.as_str() == name) {
                return Err(unknown(catalog, name));
            }
        }
        Ok(Self { down, class })
    }

    fn takes(&self, route: &RouteName) -> bool {
        self.down.contains(route)
    }
}

fn unknown(catalog: &Catalog, name: &str) -> ControlError {
    let known = catalog
        .routes
        .values()
        .flat_map(|route| [route.name.as_str(), route.provider.as_str()]);
    ControlError::Unknown {
        kind: "route or provider",
        name: crate::model::visible(name, 60).into_owned(),
        suggestion: intent::nearest(name, known),
    }
}

/// A request that stands for a workload's traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sampled {
    /// Which sample it is.
    pub id: SampleId,
    /// How it is named, for instance by its payload class.
    pub name: String,
    /// What it needs.
    pub facts: RequestFacts,
}

impl Control {
    /// What would happen now in an outage of these routes and providers, named one by one.
    ///
    /// # Errors
    /// When a name is unknown or the store cannot be read.
    pub async fn drill(&self, names: &[String], class: ErrorClass) -> Result<Drill, ControlError> {
        let overview = self.overview().await?;
        let catalog = self.inner.catalog();
        let outage = Outage::named(&catalog, names.iter().map(String::as_str), class)?;
        // Samples are files beside the configuration: small, local, and read once for a drill.
        let of_samples = Arc::clone(&catalog);
        let samples = tokio::task::spawn_blocking(move || sampled(&of_samples))
            .await
            .unwrap_or_default();
        Ok(drill(
            Ground {
                catalog: &catalog,
                overrides: &self.inner.overrides(),
                overview: &overview,
                samples: &samples,
                now: overview.at,
            },
            outage,
        ))
    }
}

/// The samples of every workload, read. One that cannot be read is left out: `check` says why.
fn sampled(catalog: &Catalog) -> BTreeMap<WorkloadName, Vec<Sampled>> {
    let of = |workload: &Workload| -> Vec<Sampled> {
        let shape = Shape::of(workload.family);
        let read = workload.samples.iter().filter_map(|sample| {
            let body = std::fs::read(&sample.path).ok()?;
            let scanned = request::scan(shape, &HeaderMap::new(), &body).ok()?;
            Some(Sampled {
                id: sample.id.clone(),
                name: sample.class.to_string(),
                facts: scanned.facts,
            })
        });
        read.collect()
    };
    catalog
        .workloads
        .values()
        .map(|workload| (workload.name.clone(), of(workload)))
        .collect()
}

/// What drills rest on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) overrides: &'a Overrides,
    pub(super) overview: &'a Overview,
    pub(super) samples: &'a BTreeMap<WorkloadName, Vec<Sampled>>,
    pub(super) now: Timestamp,
}

/// Asks the policy.
pub(super) fn drill(ground: Ground<'_>, outage: Outage) -> Drill {
    let mut targets: BTreeMap<RouteName, f64> = BTreeMap::new();
    let mut workloads: Vec<Drilled> = ground
        .catalog
        .workloads
        .values()
        .filter_map(|workload| {
            let drilled = drilled(ground, &outage, workload)?;
            if let Fate::FallsBack { to, .. } = &drilled.fate {
                let status = ground.overview.workload(&workload.name);
                let there = status.and_then(|status| status.fallback_share);
                let moving = drilled.rps * (1.0 - there.unwrap_or(0.0));
                *targets.entry(to.clone()).or_default() += moving;
            }
            Some(drilled)
        })
        .collect();
    workloads.sort_by_key(|drilled| (drilled.covered(), !affected(drilled)));
    let targets = targets
        .into_iter()
        .map(|(route, moving)| {
            let rps = ground
                .overview
                .route(&route)
                .map_or(0.0, |status| status.rps);
            Target {
                rps,
                rps_after: rps + moving,
                capacity_rps: ground
                    .catalog
                    .routes
                    .get(&route)
                    .and_then(|route| route.capacity_rps),
                route,
            }
        })
        .collect();
    Drill {
        at: ground.now,
        outage,
        workloads,
        targets,
    }
}

fn affected(drilled: &Drilled) -> bool {
    drilled.fate != Fate::Unaffected
}

fn drilled(ground: Ground<'_>, outage: &Outage, workload: &Workload) -> Option<Drilled> {
    let primary = ground.catalog.routes.get(&workload.primary)?;
    let fallback = workload
        .fallback
        .as_ref()
        .and_then(|name| ground.catalog.routes.get(name));
    let sites = ground.overview.sites();
    let switches = Switches::common(workload, ground.overrides, &sites, ground.now);
    let circuit = |name: &RouteName| CircuitView {
        // The circuit of a route that is down is a matter of seconds; the policy is the question.
        state: match ground.overview.route(name) {
            Some(status) if !outage.takes(name) => status.circuit,
            Some(_) | None => CircuitState::Closed,
        },
        ..CircuitView::default()
    };
    let situation = Situation {
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
        primary_circuit: circuit(&workload.primary),
        fallback_circuit: workload.fallback.as_ref().map(circuit).unwrap_or_default(),
        asked_while_paused: false,
        fallback_saturated: false,
        time_left: None,
        retry_budget_left: true,
    };
    let fate = fate(&situation, outage);
    let (mut samples, mut reaches) = (BTreeMap::new(), BTreeMap::new());
    for sample in ground.samples.get(&workload.name).into_iter().flatten() {
        let request = RequestFacts {
            replayable: true,
            ..sample.facts
        };
        let own = self::fate(
            &Situation {
                request,
                ..situation.clone()
            },
            outage,
        );
        if let Some(route) = own.served_by() {
            reaches.insert(sample.id.clone(), route.clone());
        }
        if own != fate {
            samples.insert(sample.name.clone(), own);
        }
    }
    let status = ground.overview.workload(&workload.name);
    Some(Drilled {
        workload: workload.name.clone(),
        remarks: remarks(&fate, workload, primary.circuit),
        fate,
        samples,
        reaches,
        readiness: status.map(|status| status.readiness.clone()),
        rps: status.map_or(0.0, |status| status.rps),
        tier: workload.tier,
        user_visible: workload.user_visible,
        single_homed: single_homed(primary, fallback),
    })
}

/// What happens to one request.
fn fate(situation: &Situation<'_>, outage: &Outage) -> Fate {
    let primary_down = outage.takes(&situation.primary.name);
    let fallback = situation.fallback.map(|route| &route.name);
    let fallback_down = fallback.is_some_and(|route| outage.takes(route));
    match (open(situation), fallback) {
        // An operator sends the traffic there; nothing brings it back by itself.
        (Opening::Fallback { .. }, Some(_)) if fallback_down => Fate::Dark,
        (Opening::Fallback { notice, .. }, Some(on)) if primary_down => Fate::Stays {
            on: on.clone(),
            notice,
        },
        (Opening::Fallback { .. }, Some(_)) => Fate::Unaffected,
        (Opening::Fallback { .. }, None) => Fate::Dark,
        (Opening::Refuse { why }, _) => Fate::Refused {
            why: explain(&why),
            reason: why,
        },
        (Opening::Primary { .. }, Some(fallback)) if !primary_down && fallback_down => {
            Fate::Unprotected {
                fallback: fallback.clone(),
            }
        }
        (Opening::Primary { .. }, _) if !primary_down => Fate::Unaffected,
        (Opening::Primary { .. }, fallback) => {
            let failure = Failure {
                side: Side::Primary,
                class: outage.class,
                retry_after: None,
                caller_limit: false,
                saturated: false,
                committed: false,
            };
            // Repeats on the primary fail as well; what comes after them is the question.
            let last = Situation {
                attempts: 1,
                backoffs: situation.workload.backoff.retries,
                ..situation.clone()
            };
            match (decide(&last, &failure), fallback) {
                (Decision::Fallback { notice, .. }, Some(to)) if !fallback_down => {
                    Fate::FallsBack {
                        to: to.clone(),
                        notice,
                    }
                }
                (Decision::Fallback { .. } | Decision::Retry { .. }, _) => Fate::Dark,
                (Decision::Refuse { why }, _) => Fate::Refused {
                    why: explain(&why),
                    reason: why,
                },
            }
        }
    }
}

/// What a reader of the plain fate would miss.
fn remarks(fate: &Fate, workload: &Workload, circuit: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    if matches!(fate, Fate::FallsBack { .. }) && workload.retry_share < 1.0 {
        let share = workload.retry_share * 100.0;
        remarks.push(if circuit {
            format!(
                "until the primary's circuit opens, at most {share:.0} % of requests may fall back"
            )
        } else {
            format!(
                "at most {share:.0} % of requests may fall back: the primary has no circuit that would open"
            )
        });
    }
    remarks
}

/// Why one failure can take everything that a workload has.
fn single_homed(
    primary: &crate::model::Route,
    fallback: Option<&crate::model::Route>,
) -> Option<String> {
    let Some(fallback) = fallback else {
        return Some("it has no fallback".to_owned());
    };
    if primary.provider == fallback.provider {
        return Some(format!("both routes are at {}", primary.provider));
    }
    let host = |url: &str| -> Option<String> {
        url.parse::<http::Uri>()
            .ok()?
            .authority()
            .map(ToString::to_string)
    };
    match (host(&primary.base_url), host(&fallback.base_url)) {
        (Some(one), Some(other)) if one == other => Some(format!("both routes are on {one}")),
        _ => None,
    }
}
