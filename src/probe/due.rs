//! What to probe next: live traffic is proof enough, silent and paused routes are asked, and never all at once.
//!
//! Pure; called by `rounds`. Each thing to probe has a moment of its own, spread by its name, so that neither
//! a start nor a takeover asks everything at the same time.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::live::Live;
use crate::model::{
    Asked, Catalog, ProbeKey, ProbeRecord, ProbeSubject, Probing, Route, Rung, Sample, Verdict,
    Workload,
};

/// Something to probe.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task<'c> {
    /// The ladder of a route.
    Ladder(&'c Route),
    /// A sample.
    Sample {
        workload: &'c Workload,
        sample: &'c Sample,
        route: &'c Route,
    },
}

impl<'c> Task<'c> {
    /// Its record in the store; a ladder goes by its first rung.
    pub(super) fn key(&self) -> ProbeKey {
        match self {
            Self::Ladder(route) => ProbeKey {
                route: route.name.clone(),
                subject: ProbeSubject::Rung(Rung::Key),
            },
            Self::Sample { sample, route, .. } => ProbeKey {
                route: route.name.clone(),
                subject: ProbeSubject::Sample(sample.id.clone()),
            },
        }
    }

    pub(super) fn route(&self) -> &'c Route {
        match self {
            Self::Ladder(route) | Self::Sample { route, .. } => route,
        }
    }

    /// The most requests that it may take.
    pub(super) fn requests(&self, catalog: &Catalog) -> u64 {
        match self {
            Self::Ladder(route) => {
                let samples = catalog.users_of(&route.name).map(|user| user.samples.len());
                u64::from(Probing::LADDER_REQUESTS) + samples.sum::<usize>() as u64
            }
            Self::Sample { .. } => 1,
        }
    }

    fn asked(&self) -> Asked {
        match self {
            Self::Ladder(route) => Asked::of(route, None),
            Self::Sample { sample, route, .. } => Asked::of(route, Some(sample)),
        }
    }
}

/// What the moments depend on.
pub(super) struct Known<'c, 'a> {
    pub(super) catalog: &'c Catalog,
    /// The newest record of each key.
    pub(super) records: &'a BTreeMap<ProbeKey, ProbeRecord>,
    pub(super) live: &'a Live,
    /// What runs, and what could not be sent and waits.
    pub(super) held: &'a BTreeMap<ProbeKey, Option<Timestamp>>,
    /// Since when this process does the probing.
    pub(super) since: Timestamp,
    pub(super) now: Timestamp,
}

/// What is due now, longest overdue first, and when the next thing will be.
pub(super) fn due<'c>(known: &Known<'c, '_>) -> (Vec<Task<'c>>, Option<Timestamp>) {
    let mut ripe = Vec::new();
    let mut next: Option<Timestamp> = None;
    for task in tasks(known.catalog) {
        let key = task.key();
        let mut at = match known.held.get(&key) {
            Some(None) => continue,
            Some(Some(until)) => *until,
            None => Timestamp::MIN,
        };
        match moment(known, &task, &key) {
            Some(moment) => at = at.max(moment),
            None => continue,
        }
        if at <= known.now {
            ripe.push((at, task));
        } else {
            next = Some(next.map_or(at, |next| next.min(at)));
        }
    }
    ripe.sort_by_key(|(at, _)| *at);
    (ripe.into_iter().map(|(_, task)| task).collect(), next)
}

/// Everything that there is: the ladder of each route in use, and each sample on both routes.
fn tasks(catalog: &Catalog) -> Vec<Task<'_>> {
    let mut tasks = Vec::new();
    let mut used = BTreeSet::new();
    for workload in catalog.workloads.values() {
        for route in catalog.routes_of(workload) {
            if used.insert(&route.name) {
                tasks.push(Task::Ladder(route));
            }
            tasks.extend(workload.samples.iter().map(|sample| Task::Sample {
                workload,
                sample,
                route,
            }));
        }
    }
    tasks
}

/// When a task's turn comes; `None`: live traffic does its work for now.
fn moment(known: &Known<'_, '_>, task: &Task<'_>, key: &ProbeKey) -> Option<Timestamp> {
    let settings = &known.catalog.probing;
    let route = task.route();
    let of_now = known
        .records
        .get(key)
        .filter(|record| *record.asked() == task.asked());
    let Some(record) = of_now else {
        // Never probed as it is now: soon, but not together with everything else.
        return Some(later(known.since, spread(key, 0, settings.interval)));
    };
    let trouble = known.live.is_open(&route.name) || failed(known, task, record);
    if !trouble && flows(known, task, settings) {
        return None;
    }
    let period = if trouble {
        settings.paused_interval.min(settings.interval)
    } else {
        settings.interval
    };
    let wait = period.mul_f64(0.9) + spread(key, record.at().as_second(), period.mul_f64(0.2));
    let at = later(record.at(), wait);
    // What fell due while nobody probed does not all come at once.
    Some(if at < known.since {
        later(known.since, spread(key, 1, settings.interval))
    } else {
        at
    })
}

/// Whether its last record, or for a ladder any of its rungs, failed.
fn failed(known: &Known<'_, '_>, task: &Task<'_>, record: &ProbeRecord) -> bool {
    match task {
        Task::Sample { .. } => record.verdict() == Verdict::Failed,
        Task::Ladder(route) => [Rung::Key, Rung::Model, Rung::Minimal, Rung::Streaming]
            .into_iter()
            .any(|rung| {
                let key = ProbeKey {
                    route: route.name.clone(),
                    subject: ProbeSubject::Rung(rung),
                };
                known
                    .records
                    .get(&key)
                    .is_some_and(|record| record.verdict() == Verdict::Failed)
            }),
    }
}

/// Whether live traffic of the workload (for a ladder: of any) was answered by the route within an interval.
fn flows(known: &Known<'_, '_>, task: &Task<'_>, settings: &Probing) -> bool {
    let fresh = |workload: &Workload, route: &Route| {
        known
            .live
            .answered(workload, route)
            .is_some_and(|at| super::live::elapsed(at, known.now) < settings.interval)
    };
    match task {
        Task::Sample {
            workload, route, ..
        } => fresh(workload, route),
        Task::Ladder(route) => known
            .catalog
            .users_of(&route.name)
            .any(|workload| fresh(workload, route)),
    }
}

/// A part of `width` that is the same for equal keys and salts, and evenly spread over others.
fn spread(key: &ProbeKey, salt: i64, width: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (key, salt).hash(&mut hasher);
    width.mul_f64(fastrand::Rng::with_seed(hasher.finish()).f64())
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
