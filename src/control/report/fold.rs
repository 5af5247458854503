//! Events folded into a report, one after the other, newest first: counts, episodes, changes of readiness.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{Carried, LINES, Turned};
use crate::{
    model::{
        ErrorClass, Event, EventDecision, NoticeGiven, Outcome, OutcomeKind, Reason, RouteName,
        StoredEvent, WorkloadName, visible,
    },
    policy,
};

/// Troubles of a workload that are less than this apart are one episode.
const CALM: Duration = Duration::from_mins(5);

/// The most reasons that are told apart.
const REASONS: usize = 12;

/// How the callers of fallback answers were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// By the header.
    pub header: u64,
    /// By the header and inside the answer.
    pub inline: u64,
    /// Not by a notice.
    pub none: u64,
}

/// How the answers of a workload's events ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// Reached their end.
    pub completed: u64,
    /// An error was returned.
    pub errors: u64,
    /// Broke after their first output.
    pub broken: u64,
    /// The client went away.
    pub client_gone: u64,
    /// Nobody knows: the gateway died, or they still run.
    pub unknown: u64,
}

/// A time of trouble of one workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Episode {
    /// The first event.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
    /// Requests that the fallback served.
    pub served: u64,
    /// Requests whose failure reached the caller.
    pub failed: u64,
    /// Answers of a provider's own choice of model.
    pub provider_made: u64,
    /// What failed, most frequent first by its count.
    pub classes: BTreeMap<ErrorClass, u64>,
}

/// What happened to one workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkloadReport {
    /// Which.
    pub workload: WorkloadName,
    /// Its primary, by the newest event.
    pub primary: RouteName,
    /// Its fallback, by the newest event.
    pub fallback: Option<RouteName>,
    /// Requests that were sent to the fallback.
    pub served: u64,
    /// Why they were, by the policy's sentence.
    pub served_because: BTreeMap<String, u64>,
    /// How their callers were told.
    pub told: Told,
    /// How they ended.
    pub ended: Ended,
    /// Fallbacks that were wanted and not allowed.
    pub refused: u64,
    /// Why not, by the policy's sentence.
    pub refused_because: BTreeMap<String, u64>,
    /// Requests for which the fallback failed, too.
    pub exhausted: u64,
    /// Answers that broke after their first output.
    pub broken: u64,
    /// Requests that were wrong themselves: nobody's failure but the caller's.
    pub callers_fault: u64,
    /// Answers of a provider's own choice of model.
    pub provider_made: u64,
    /// What failed, by class; callers' own faults are not in it.
    pub classes: BTreeMap<ErrorClass, u64>,
    /// Requests whose failure reached the caller although it was not the caller's own.
    pub failed: u64,
    /// Everything that it carried in the range; `None`: that was not counted.
    pub carried: Option<Carried>,
    /// The times of trouble, oldest first; of very many the newest.
    pub episodes: Vec<Episode>,
}

/// Everything folded.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) workloads: Vec<WorkloadReport>,
    pub(super) readiness: Vec<Turned>,
}

/// The fold on its way.
#[derive(Debug, Default)]
pub(super) struct Fold {
    workloads: BTreeMap<WorkloadName, (WorkloadReport, VecDeque<Episode>)>,
    /// Newest first.
    readiness: Vec<Turned>,
}

impl Fold {
    /// Takes the next older event.
    pub(super) fn take(&mut self, stored: &StoredEvent) {
        let event = &stored.event;
        if event.decision == EventDecision::Readiness {
            self.turned(event);
            return;
        }
        let (report, episodes) = self
            .workloads
            .entry(event.workload.clone())
            .or_insert_with(|| (empty(event), VecDeque::new()));
        let trouble = report.count(stored);
        if trouble != Trouble::default() {
            join(episodes, event, trouble);
        }
    }

    fn turned(&mut self, event: &Event) {
        let Reason::Readiness { before, now, why } = &event.reason else {
            return;
        };
        if self.readiness.len() < LINES {
            self.readiness.push(Turned {
                at: event.at,
                workload: event.workload.clone(),
                fallback: event.fallback.clone(),
                before: *before,
                now: *now,
                why: visible(why, 300).into_owned(),
            });
        }
    }

    pub(super) fn finish(mut self) -> Folded {
        self.readiness.reverse();
        let mut workloads: Vec<WorkloadReport> = self
            .workloads
            .into_values()
            .map(|(mut report, episodes)| {
                report.episodes = episodes.into_iter().rev().collect();
                report
            })
            .collect();
        workloads.sort_by_key(|report| {
            let counts = (report.failed, report.served, report.provider_made);
            (std::cmp::Reverse(counts), report.workload.clone())
        });
        Folded {
            workloads,
            readiness: self.readiness,
        }
    }
}

fn empty(event: &Event) -> WorkloadReport {
    WorkloadReport {
        workload: event.workload.clone(),
        primary: event.primary.clone(),
        fallback: event.fallback.clone(),
        served: 0,
        served_because: BTreeMap::new(),
        told: Told::default(),
        ended: Ended::default(),
        refused: 0,
        refused_because: BTreeMap::new(),
        exhausted: 0,
        broken: 0,
        callers_fault: 0,
        provider_made: 0,
        classes: BTreeMap::new(),
        failed: 0,
        carried: None,
        episodes: Vec::new(),
    }
}

/// What one event adds to an episode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Trouble {
    served: u64,
    failed: u64,
    provider_made: u64,
}

impl WorkloadReport {
    /// Counts an event; what it adds to an episode.
    fn count(&mut self, stored: &StoredEvent) -> Trouble {
        let event = &stored.event;
        let mut trouble = Trouble::default();
        match event.decision {
            // Nothing was served, and the refusal is an event of its own.
            EventDecision::Fallback if withheld(stored) => {}
            EventDecision::Fallback => {
                self.served += 1;
                trouble.served = 1;
                because(&mut self.served_because, event);
                self.notice(stored);
                // Its failure, if any, is an event of its own.
                self.end(stored);
            }
            EventDecision::Refused if event.class == Some(ErrorClass::InvalidRequest) => {
                self.callers_fault += 1;
                return trouble;
            }
            EventDecision::Refused => {
                self.refused += 1;
                trouble.failed = u64::from(reached_caller(stored));
                because(&mut self.refused_because, event);
            }
            EventDecision::Exhausted => {
                self.exhausted += 1;
                trouble.failed = 1;
            }
            EventDecision::Broken => {
                self.broken += 1;
                trouble.failed = 1;
            }
            EventDecision::ProviderMade => {
                self.provider_made += 1;
                trouble.provider_made = 1;
            }
            EventDecision::Readiness => {}
        }
        if let Some(class) = event.class {
            *self.classes.entry(class).or_default() += 1;
        }
        self.failed += trouble.failed;
        trouble
    }

    fn notice(&mut self, stored: &StoredEvent) {
        let given = stored.outcome.as_ref().and_then(|outcome| outcome.notice);
        match given.unwrap_or(stored.event.notice) {
            NoticeGiven::Header => self.told.header += 1,
            NoticeGiven::Inline => self.told.inline += 1,
            NoticeGiven::None => self.told.none += 1,
        }
    }

    /// Counts how a fallback's answer ended.
    fn end(&mut self, stored: &StoredEvent) {
        let ended = &mut self.ended;
        let counter = match stored.outcome.as_ref().map(|outcome| outcome.kind) {
            None => &mut ended.unknown,
            Some(OutcomeKind::Completed) => &mut ended.completed,
            Some(OutcomeKind::ErrorReturned) => &mut ended.errors,
            Some(OutcomeKind::Broken) => &mut ended.broken,
            Some(OutcomeKind::ClientGone) => &mut ended.client_gone,
        };
        *counter += 1;
    }
}

fn withheld(stored: &StoredEvent) -> bool {
    stored.outcome.as_ref().is_some_and(Outcome::is_withheld)
}

/// Whether a refusal left the caller with an error. One from before the primary was asked may have ended well,
/// and when it did not, the failure itself is an event, too.
fn reached_caller(stored: &StoredEvent) -> bool {
    let event = &stored.event;
    let last_word = event.class.is_some()
        || matches!(
            event.reason,
            Reason::EventNotDurable | Reason::FallbackSaturated | Reason::AllRoutesDown { .. }
        );
    let kind = stored.outcome.as_ref().map(|outcome| outcome.kind);
    last_word && matches!(kind, Some(OutcomeKind::ErrorReturned | OutcomeKind::Broken))
}

/// Counts a reason by its sentence; of too many different ones the rest is one.
fn because(reasons: &mut BTreeMap<String, u64>, event: &Event) {
    let sentence = visible(&policy::explain(&event.reason), 200).into_owned();
    if let Some(count) = reasons.get_mut(&sentence) {
        *count += 1;
    } else if reasons.len() < REASONS {
        reasons.insert(sentence, 1);
    } else {
        *reasons.entry("other reasons".to_owned()).or_default() += 1;
    }
}

/// Adds to the oldest episode so far, or begins an older one.
fn join(episodes: &mut VecDeque<Episode>, event: &Event, trouble: Trouble) {
    let near = |episode: &Episode| {
        let gap = episode.from.duration_since(event.at);
        Duration::try_from(gap).unwrap_or_default() <= CALM
    };
    if !episodes.back().is_some_and(near) {
        if episodes.len() >= LINES {
            return;
        }
        episodes.push_back(Episode {
            from: event.at,
            to: event.at,
            served: 0,
            failed: 0,
            provider_made: 0,
            classes: BTreeMap::new(),
        });
    }
    let Some(episode) = episodes.back_mut() else {
        return;
    };
    episode.from = episode.from.min(event.at);
    episode.to = episode.to.max(event.at);
    episode.served += trouble.served;
    episode.failed += trouble.failed;
    episode.provider_made += trouble.provider_made;
    if let Some(class) = event.class {
        *episode.classes.entry(class).or_default() += 1;
    }
}
