//! What a workload carried, stretch by stretch, without holes: for charts, for `backstop traffic`, and to say whether
//! a change helped.
//!
//! Called by console and CLI. What nobody counted, what carried nothing and what carried requests without an error
//! are three different things here, and must stay so wherever they are shown.

mod helped;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Control, ControlError, overview::alive};
use crate::{
    model::{
        AuditRecord, EventTally, Heartbeat, OverrideKey, Scope, Stretch, Subject, TrafficPast,
        Verb, Workload, WorkloadName,
    },
    store::{AuditQuery, TrafficQuery},
};

pub use helped::{Effect, effect};

/// A gateway's counters of a minute arrive with its first heartbeat after it: a second later, or two.
const ARRIVE: SignedDuration = SignedDuration::from_secs(3);

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// Requests that were finished.
    pub requests: u64,
    /// Of these, answered with an error or broken off, callers' own faults included.
    pub errors: u64,
    /// Of these, answered by the fallback.
    pub fallbacks: u64,
    /// Of these, those whose primary attempt failed, not by the caller's fault.
    pub primary_failures: u64,
    /// Of the errors, those that a failing route caused and nothing caught.
    pub uncaught: u64,
    /// The median time to the first output in milliseconds, of the slowest gateway.
    pub first_output_p50_ms: Option<u64>,
    /// The 95th percentile of the same.
    pub first_output_p95_ms: Option<u64>,
}

impl Sum {
    /// The share of errors, 0.0 to 1.0; `None` of no request.
    #[must_use]
    pub fn error_share(&self) -> Option<f64> {
        share(self.errors, self.requests)
    }

    /// The share that the fallback answered, 0.0 to 1.0; `None` of no request.
    #[must_use]
    pub fn fallback_share(&self) -> Option<f64> {
        share(self.fallbacks, self.requests)
    }

    /// Both together; of the times to the first output the slower one.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            errors: self.errors + other.errors,
            fallbacks: self.fallbacks + other.fallbacks,
            primary_failures: self.primary_failures + other.primary_failures,
            uncaught: self.uncaught + other.uncaught,
            first_output_p50_ms: self.first_output_p50_ms.max(other.first_output_p50_ms),
            first_output_p95_ms: self.first_output_p95_ms.max(other.first_output_p95_ms),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of some hours are far below 2^52"
)]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// What is known of a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Told {
    /// No gateway has told anything.
    #[default]
    Unknown,
    /// Gateways were there, and had no request of this workload.
    Idle,
    /// So much.
    Carried(Sum),
}

impl Told {
    /// What was counted, when something was.
    #[must_use]
    pub const fn sum(&self) -> Option<Sum> {
        match self {
            Self::Carried(sum) => Some(*sum),
            Self::Unknown | Self::Idle => None,
        }
    }

    /// Both stretches as one: what was counted in either counts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Carried(one), Self::Carried(other)) => Self::Carried(one.and(other)),
            (Self::Carried(sum), _) | (_, Self::Carried(sum)) => Self::Carried(sum),
            (Self::Idle, _) | (_, Self::Idle) => Self::Idle,
            (Self::Unknown, Self::Unknown) => Self::Unknown,
        }
    }
}

/// One stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Point {
    /// When it began.
    pub start: Timestamp,
    /// What is known of it.
    #[serde(flatten)]
    pub told: Told,
}

/// A change on the same axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// When.
    pub at: Timestamp,
    /// Its place in the audit.
    pub sequence: u64,
    /// What was done; `None`: an override ended by itself.
    pub verb: Option<Verb>,
    /// To what.
    pub key: OverrideKey,
    /// By whom.
    pub by: String,
    /// What became of the errors.
    pub effect: Effect,
}

/// The past of one workload, or the events of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct History {
    /// Whose; `None`: of all of them, and then there are no points.
    pub workload: Option<WorkloadName>,
    /// From the stretch on that began then.
    pub since: Timestamp,
    /// How long each point is.
    pub stretch: Stretch,
    /// Every stretch of the range that is over, oldest first, without holes.
    pub points: Vec<Point>,
    /// When the last of them ended.
    pub until: Timestamp,
    /// The events of the same time.
    pub events: EventTally,
}

impl History {
    /// This one with what came before it, as far back as `since`.
    #[must_use]
    pub fn behind(mut self, before: Option<Self>, since: Timestamp) -> Self {
        let fits = |before: &Self| {
            before.workload == self.workload
                && before.stretch == self.stretch
                && before.until >= self.since
        };
        let Some(before) = before.filter(fits) else {
            return self;
        };
        let (first, own) = (before.since.max(since), self.since);
        let wanted = |start: Timestamp| first <= start && start < own;
        let mut points = before.points;
        points.retain(|point| wanted(point.start));
        points.append(&mut self.points);
        let mut counts = before.events.counts;
        counts.retain(|count| wanted(count.start));
        counts.append(&mut self.events.counts);
        let counted = if self.events.since > own {
            self.events.since
        } else {
            before.events.since.max(first)
        };
        Self {
            since: first,
            points,
            events: EventTally {
                since: counted,
                counts,
            },
            ..self
        }
    }
}

impl Control {
    /// Reads what a workload carried since a moment, and its events; of all workloads the events alone. By minutes
    /// where those are still kept, else by hours. The running stretch is not in it: [`now`] tells of that.
    ///
    /// # Errors
    /// When the workload is not known, or the store cannot be read.
    pub async fn history(
        &self,
        workload: Option<&WorkloadName>,
        since: Timestamp,
    ) -> Result<History, ControlError> {
        if let Some(workload) = workload {
            self.workload_known(workload)?;
        }
        let store = &self.inner.store;
        let now = self.inner.clock.now();
        let stretch = if now.duration_since(since).as_secs() < Stretch::Minute.kept() {
            Stretch::Minute
        } else {
            Stretch::Hour
        };
        // Only what has surely arrived: what is late would look like a hole.
        let until = stretch.start(stretch.of(now - ARRIVE));
        let query = TrafficQuery {
            since,
            until,
            stretch,
            workload: workload.cloned(),
        };
        let points = if workload.is_some() {
            let counted = store.counted(query.clone()).await?;
            let past = store.traffic(query.clone()).await?;
            points(stretch, (since, until), &counted, past)
        } else {
            Vec::new()
        };
        Ok(History {
            points,
            workload: workload.cloned(),
            since: stretch.start(stretch.of(since)),
            stretch,
            until,
            events: store.event_tally(query).await?,
        })
    }

    /// The changes since a moment that moved traffic of a workload or could have, with what became of its errors.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn marks(
        &self,
        history: &History,
        since: Timestamp,
    ) -> Result<Vec<Mark>, ControlError> {
        let query = AuditQuery {
            since: Some(since),
            ..AuditQuery::default()
        };
        let records = self.inner.store.audit(query).await?;
        let catalog = self.inner.catalog();
        let name = history.workload.as_ref();
        let Some(workload) = name.and_then(|name| catalog.workloads.get(name)) else {
            return Ok(Vec::new());
        };
        let now = self.inner.clock.now();
        Ok(marks(records.iter(), workload, &history.points, now))
    }
}

/// Every stretch of a range, with what was counted in it.
fn points(
    stretch: Stretch,
    (since, until): (Timestamp, Timestamp),
    counted: &[Timestamp],
    past: Vec<TrafficPast>,
) -> Vec<Point> {
    let counted: BTreeSet<i64> = counted.iter().map(|start| stretch.of(*start)).collect();
    let mut past = past.into_iter().peekable();
    (stretch.of(since)..stretch.of(until))
        .map(|number| {
            let mut told = if counted.contains(&number) {
                Told::Idle
            } else {
                Told::Unknown
            };
            while let Some(of) = past.next_if(|of| stretch.of(of.start) <= number) {
                told = told.and(Told::Carried(sum(&of)));
            }
            Point {
                start: stretch.start(number),
                told,
            }
        })
        .collect()
}

const fn sum(of: &TrafficPast) -> Sum {
    Sum {
        requests: of.requests,
        errors: of.errors,
        fallbacks: of.fallbacks,
        primary_failures: of.primary_failures,
        uncaught: of.uncaught,
        first_output_p50_ms: of.first_output_p50_ms,
        first_output_p95_ms: of.first_output_p95_ms,
    }
}

/// What the living gateways tell of the last 60 seconds.
#[must_use]
pub fn now(heartbeats: &[Heartbeat], workload: &WorkloadName, now: Timestamp) -> Told {
    heartbeats
        .iter()
        .filter(|heartbeat| alive(heartbeat, now))
        .map(|heartbeat| {
            let of = heartbeat
                .workloads
                .iter()
                .find(|of| of.workload == *workload && of.requests > 0);
            of.map_or(Told::Idle, |of| {
                Told::Carried(Sum {
                    requests: of.requests,
                    errors: of.errors,
                    fallbacks: of.fallbacks,
                    primary_failures: of.primary_failures,
                    uncaught: of.uncaught,
                    first_output_p50_ms: of.first_output_p50_ms,
                    first_output_p95_ms: of.first_output_p95_ms,
                })
            })
        })
        .fold(Told::Unknown, Told::and)
}

/// Of audit records, oldest first, those that moved traffic of a workload or could have: its mode, its notice, the
/// drains of its routes. What became of its errors is told by the minutes beside them.
pub fn marks<'a>(
    records: impl Iterator<Item = &'a AuditRecord>,
    workload: &Workload,
    points: &[Point],
    now: Timestamp,
) -> Vec<Mark> {
    let concerns = |key: &OverrideKey| match &key.subject {
        Subject::Mode(name) | Subject::Notice(name) => *name == workload.name,
        Subject::Drain(route) => {
            workload.primary == *route || workload.fallback.as_ref() == Some(route)
        }
    };
    let records: Vec<_> = records.filter(|record| concerns(&record.key)).collect();
    let first = points.first().map_or(now, |point| point.start);
    records
        .iter()
        .enumerate()
        .filter(|(_, record)| record.at >= first)
        .map(|(index, record)| {
            // What comes after the next change is not of this one.
            let end = records.get(index + 1).map_or(now, |next| next.at);
            Mark {
                at: record.at,
                sequence: record.sequence,
                verb: record.verb,
                key: record.key.clone(),
                by: record.actor.name().to_owned(),
                effect: effect(points, record.at, end),
            }
        })
        .collect()
}

impl Mark {
    /// What was done, in a word or two: `force`, `hold ended by itself`.
    #[must_use]
    pub fn done(&self) -> String {
        let done = match (self.verb, &self.key.subject) {
            (Some(verb), Subject::Drain(route)) => format!("{verb} of {route}"),
            (Some(verb), Subject::Mode(_) | Subject::Notice(_)) => verb.to_string(),
            (None, Subject::Mode(_)) => "the end of a mode".to_owned(),
            (None, Subject::Notice(_)) => "the end of a notice's switch".to_owned(),
            (None, Subject::Drain(route)) => format!("the end of the drain of {route}"),
        };
        match &self.key.scope {
            Scope::All => done,
            Scope::Region(_) | Scope::Host(_) => format!("{done} {}", self.key.scope.words()),
        }
    }

    /// One letter for it on an axis, and what that letter means.
    #[must_use]
    pub const fn sign(&self) -> (char, &'static str) {
        match self.verb {
            Some(Verb::Force) => ('F', "force"),
            Some(Verb::Hold) => ('H', "hold"),
            Some(Verb::Auto) => ('A', "auto"),
            Some(Verb::Undo) => ('U', "undo"),
            Some(Verb::NoticeOn | Verb::NoticeOff) => ('D', "notice"),
            Some(Verb::Drain | Verb::Undrain) => ('X', "drain"),
            None => ('E', "ended by itself"),
        }
    }
}

#[cfg(test)]
mod tests;
