//! Incident reports: what people write by hand after an incident, out of events, audit, readiness and reviews.
//!
//! Called by the CLI. The store is read in pages and folded on the way, so that a report of millions of events
//! takes no more memory than one of ten; everything that is listed is bounded. Pure but for the reading.

mod fold;
mod timeline;
mod todo;
mod written;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Control, ControlError};
use crate::{
    model::{
        Actor, AuditRecord, Debt, Override, OverrideKey, Overrides, Readiness, ReviewHead,
        RouteName, Stretch, Subject, WorkloadName,
    },
    store::{AuditQuery, EventQuery, ReviewQuery, TrafficQuery},
};

pub use fold::{Ended, Episode, Told, WorkloadReport};
pub use timeline::{Happened, Moment};

/// Events read at once.
const PAGE: usize = 2_000;

/// The most events that are looked at: the newest of the range.
const EVENTS: u64 = 1_000_000;

/// The most lines of a list.
const LINES: usize = 400;

/// What a report is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// From then on.
    pub since: Timestamp,
    /// Up to then, exclusively.
    pub until: Timestamp,
    /// Only this workload.
    pub workload: Option<WorkloadName>,
}

/// A change of a fallback's readiness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turned {
    /// When.
    pub at: Timestamp,
    /// Whose fallback.
    pub workload: WorkloadName,
    /// Which route that is.
    pub fallback: Option<RouteName>,
    /// What it was.
    pub before: Readiness,
    /// What it became.
    pub now: Readiness,
    /// Why.
    pub why: String,
}

/// An override that is in force now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// What it is about.
    pub key: OverrideKey,
    /// It.
    #[serde(flatten)]
    pub entry: Override,
}

/// What a workload carried in the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Carried {
    /// Requests that were finished.
    pub requests: u64,
    /// Of these, answered by the fallback.
    pub fallbacks: u64,
    /// Of these, answered with an error or broken off, callers' own faults included.
    pub errors: u64,
    /// Whether it was counted by whole hours, so that the range is only nearly met; else by minutes.
    pub by_hours: bool,
}

/// How much of the event log a report rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Looked {
    /// Events that were read.
    pub events: u64,
    /// Whether the range has more, older ones.
    pub more: bool,
}

/// What happened in a range of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Where.
    pub environment: String,
    /// The configuration in force when it was written.
    pub fingerprint: String,
    /// From.
    pub since: Timestamp,
    /// To.
    pub until: Timestamp,
    /// Only of this workload.
    pub workload: Option<WorkloadName>,
    /// When it was written.
    pub made: Timestamp,
    /// By whom.
    pub by: Actor,
    /// What it rests on.
    pub looked: Looked,
    /// The workloads with events, those whose callers got most errors first.
    pub workloads: Vec<WorkloadReport>,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
    /// Who changed what, oldest first.
    pub changes: Vec<AuditRecord>,
    /// Overrides that are still in force.
    pub in_force: Vec<InForce>,
    /// Changes of readiness, oldest first.
    pub readiness: Vec<Turned>,
    /// Reviews that were recorded, oldest first.
    pub reviews: Vec<ReviewHead>,
    /// Reviews that are owed now.
    pub debts: Vec<Debt>,
    /// Reviews that are owed for workloads that are no longer configured: nobody can make them. Who configures the
    /// workload again owes them again.
    pub orphaned: Vec<Debt>,
    /// What is left to do, as far as the records say.
    pub open: Vec<String>,
}

impl Control {
    /// Gathers a report.
    ///
    /// # Errors
    /// When the workload is not known, or the store cannot be read.
    pub async fn report(&self, range: Range) -> Result<Report, ControlError> {
        let inner = &self.inner;
        if let Some(workload) = &range.workload {
            self.workload_known(workload)?;
        }
        let (fold, looked) = self.fold(&range).await?;
        let mut folded = fold.finish();
        let carried = self.carried(&range).await?;
        for report in &mut folded.workloads {
            report.carried = carried.get(&report.workload).copied();
        }
        let changes = self.changes(&range).await?;
        let reviews = self.reviews_of(&range).await?;
        let catalog = inner.catalog();
        let now = inner.clock.now();
        let of_it =
            |workload: &WorkloadName| range.workload.as_ref().is_none_or(|only| only == workload);
        let debts = self.reviewed().borrow().debts.clone();
        let (debts, orphaned): (Vec<Debt>, Vec<Debt>) = debts
            .into_iter()
            .filter(|debt| of_it(&debt.workload))
            .partition(|debt| catalog.workloads.contains_key(&debt.workload));
        let mut report = Report {
            environment: catalog.environment.name.clone(),
            fingerprint: catalog.fingerprint.clone(),
            since: range.since,
            until: range.until,
            made: now,
            by: inner.actor.clone(),
            looked,
            timeline: timeline::timeline(&folded, &changes, &reviews),
            workloads: folded.workloads,
            in_force: in_force(&inner.overrides(), &|key| self.concerns(&range, key), now),
            changes,
            readiness: folded.readiness,
            reviews,
            debts,
            orphaned,
            open: Vec::new(),
            workload: range.workload,
        };
        report.open = todo::todo(&report);
        Ok(report)
    }

    /// Reads the events of a range, newest page first.
    async fn fold(&self, range: &Range) -> Result<(fold::Fold, Looked), ControlError> {
        let mut fold = fold::Fold::default();
        let mut looked = Looked::default();
        let mut before = None;
        loop {
            let query = EventQuery {
                since: Some(range.since),
                until: Some(range.until),
                workload: range.workload.clone(),
                before,
                limit: PAGE,
                ..EventQuery::default()
            };
            let page = self.inner.store.events(query).await?;
            for stored in page.iter().rev() {
                fold.take(stored);
            }
            looked.events += page.len() as u64;
            let Some(oldest) = page.first() else {
                return Ok((fold, looked));
            };
            if page.len() < PAGE {
                return Ok((fold, looked));
            }
            if looked.events >= EVENTS {
                looked.more = true;
                return Ok((fold, looked));
            }
            before = Some(oldest.seq);
        }
    }

    /// What the workloads carried, by minutes where those are still kept.
    async fn carried(
        &self,
        range: &Range,
    ) -> Result<BTreeMap<WorkloadName, Carried>, ControlError> {
        let age = self.inner.clock.now().duration_since(range.since).as_secs();
        let stretch = if age < Stretch::Minute.kept() {
            Stretch::Minute
        } else {
            Stretch::Hour
        };
        let past = self
            .inner
            .store
            .traffic(TrafficQuery {
                since: range.since,
                until: range.until,
                stretch,
                workload: range.workload.clone(),
            })
            .await?;
        let mut sums: BTreeMap<WorkloadName, Carried> = BTreeMap::new();
        for past in past {
            let sum = sums.entry(past.workload).or_insert(Carried {
                requests: 0,
                fallbacks: 0,
                errors: 0,
                by_hours: stretch == Stretch::Hour,
            });
            sum.requests += past.requests;
            sum.fallbacks += past.fallbacks;
            sum.errors += past.errors;
        }
        Ok(sums)
    }

    /// The audit of a range: of everything, or of one workload and its routes.
    async fn changes(&self, range: &Range) -> Result<Vec<AuditRecord>, ControlError> {
        let records = self
            .inner
            .store
            .audit(AuditQuery {
                since: Some(range.since),
                ..AuditQuery::default()
            })
            .await?;
        let within =
            |record: &AuditRecord| record.at < range.until && self.concerns(range, &record.key);
        Ok(records.into_iter().filter(within).collect())
    }

    /// Whether an override is about what the report is about.
    fn concerns(&self, range: &Range, key: &OverrideKey) -> bool {
        let Some(only) = &range.workload else {
            return true;
        };
        match &key.subject {
            Subject::Mode(workload) | Subject::Notice(workload) => workload == only,
            Subject::Drain(route) => {
                let catalog = self.inner.catalog();
                catalog.workloads.get(only).is_some_and(|workload| {
                    workload.primary == *route || workload.fallback.as_ref() == Some(route)
                })
            }
        }
    }

    /// The reviews of a range, oldest first.
    async fn reviews_of(&self, range: &Range) -> Result<Vec<ReviewHead>, ControlError> {
        let query = ReviewQuery {
            workload: range.workload.clone(),
            limit: LINES,
            ..ReviewQuery::default()
        };
        let mut heads = self.inner.store.reviews(query).await?;
        heads.retain(|head| range.since <= head.at && head.at < range.until);
        heads.reverse();
        Ok(heads)
    }
}

fn in_force(
    overrides: &Overrides,
    concerns: &dyn Fn(&OverrideKey) -> bool,
    now: Timestamp,
) -> Vec<InForce> {
    overrides
        .all_active(now)
        .filter(|(key, _)| concerns(key))
        .map(|(key, entry)| InForce {
            key: key.clone(),
            entry: entry.clone(),
        })
        .collect()
}
