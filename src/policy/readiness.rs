//! Would the fallback work if it were needed now? Evidence in, one word and its reasons out.
//!
//! Called by the prober (which records changes) and through the door by console, CLI and plans. It must not
//! look anything up: every input is an argument.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Situation, explain, may_serve};
use crate::model::{
    CircuitState, Mode, ProbeKey, ProbeRecord, ProbeSubject, Readiness, ReadinessReason, Route,
    Rung, Sample, Standing, Verdict, WorkloadReadiness,
};

/// What a workload's traffic would ask of its fallback.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Headroom {
    /// What the route would carry, its present load included, in requests per second.
    pub needed: f64,
    /// What it may carry.
    pub capacity: f64,
}

/// Everything that a workload's readiness rests on.
#[derive(Clone, Debug)]
pub struct ReadinessFacts<'a> {
    /// The workload, its routes, switches and circuits as they are now; its request is one that needs nothing.
    pub situation: Situation<'a>,
    /// What is known of the fallback route: for each key the newest record.
    pub records: &'a [&'a ProbeRecord],
    /// When the fallback last answered this workload's own traffic.
    pub live: Option<Timestamp>,
    /// Whether its traffic would fit; `None`: not known.
    pub headroom: Option<Headroom>,
    /// The verdict of people.
    pub review: &'a Standing,
    /// How long a proof holds.
    pub fresh: Duration,
    /// The moment of the question.
    pub now: Timestamp,
}

/// Judges one workload's fallback. Beside it stands the first moment at which time alone makes it another; of what
/// stays as it is that is never.
#[must_use]
pub fn readiness(facts: &ReadinessFacts<'_>) -> (WorkloadReadiness, Timestamp) {
    let workload = facts.situation.workload;
    let Some(fallback) = facts.situation.fallback else {
        let none = WorkloadReadiness {
            workload: workload.name.clone(),
            fallback: None,
            word: Readiness::NoneByPolicy,
            reasons: Vec::new(),
            proven: None,
        };
        return (none, Timestamp::MAX);
    };
    let mut found = Found::default();
    found.policy(facts);
    found.circuit(facts);
    found.headroom(facts, fallback);
    found.ladder(facts, fallback);
    for sample in &workload.samples {
        found.sample(facts, fallback, sample);
    }
    found.nothing_at_all(facts, fallback);
    for why in facts.review.missing() {
        let why = match facts.review {
            Standing::Missing => format!("{why}, and the workload requires it"),
            Standing::NotRequired
            | Standing::Stale { .. }
            | Standing::Failing { .. }
            | Standing::Passing { .. } => format!("its review is {}: {why}", facts.review),
        };
        found.add(Readiness::Unreviewed, why);
    }
    let mut reasons = found.reasons;
    reasons.sort_by_key(|reason| reason.word);
    let readiness = WorkloadReadiness {
        workload: workload.name.clone(),
        fallback: Some(fallback.name.clone()),
        word: reasons
            .first()
            .map_or(Readiness::Ready, |reason| reason.word),
        reasons,
        proven: found.oldest,
    };
    (readiness, found.next.unwrap_or(Timestamp::MAX))
}

#[derive(Debug, Default)]
struct Found {
    reasons: Vec<ReadinessReason>,
    oldest: Option<Timestamp>,
    /// When the first of the proofs that hold will be too old.
    next: Option<Timestamp>,
}

impl Found {
    fn add(&mut self, word: Readiness, why: String) {
        self.reasons.push(ReadinessReason {
            word,
            why,
            at: None,
        });
    }

    /// A reason that rests on what was seen at a moment.
    fn seen(&mut self, at: Timestamp, word: Readiness, why: String) {
        let at = Some(at);
        self.reasons.push(ReadinessReason { word, why, at });
    }

    /// What the policy says to a request that needs nothing special.
    fn policy(&mut self, facts: &ReadinessFacts<'_>) {
        let mut switches = facts.situation.switches.clone();
        if switches.mode == Mode::Hold {
            // The hold is told; what else stands in the way is told, too.
            self.add(
                Readiness::Blocked,
                "the workload is on hold: nothing falls back".to_owned(),
            );
            switches.mode = Mode::Auto;
        }
        let situation = Situation {
            switches: &switches,
            ..facts.situation.clone()
        };
        if let Err(why) = may_serve(&situation) {
            self.add(Readiness::Blocked, explain(&why));
        }
    }

    /// Whether a proof is too old. What it is not yet, it will be.
    fn is_old(&mut self, facts: &ReadinessFacts<'_>, at: Timestamp) -> bool {
        let proven = facts.live.map_or(at, |live| live.max(at));
        let old = SignedDuration::try_from(facts.fresh)
            .ok()
            .and_then(|fresh| proven.checked_add(fresh).ok())
            .and_then(|last| last.checked_add(SignedDuration::from_nanos(1)).ok())
            .unwrap_or(Timestamp::MAX);
        if facts.now < old {
            self.next = Some(self.next.map_or(old, |next| next.min(old)));
        }
        facts.now >= old
    }

    fn circuit(&mut self, facts: &ReadinessFacts<'_>) {
        match facts.situation.fallback_circuit.state {
            CircuitState::Open => self.add(
                Readiness::Blocked,
                "its circuit is open: it is paused because it failed".to_owned(),
            ),
            CircuitState::Closed | CircuitState::HalfOpen => {}
        }
    }

    fn headroom(&mut self, facts: &ReadinessFacts<'_>, fallback: &Route) {
        if let Some(room) = facts.headroom
            && room.needed > room.capacity
        {
            self.add(
                Readiness::Blocked,
                // No figure that moves with every second: the reason stays the same one.
                format!(
                    "the traffic of {} does not fit into the {:.0} rps of {}",
                    facts.situation.workload.name, room.capacity, fallback.name
                ),
            );
        }
    }

    /// The rungs that concern the route as such.
    fn ladder(&mut self, facts: &ReadinessFacts<'_>, fallback: &Route) {
        for record in facts.records {
            let ProbeSubject::Rung(rung) = record.key().subject else {
                continue;
            };
            let matters = match rung {
                Rung::Key | Rung::Model | Rung::Minimal | Rung::Streaming => true,
                // Capabilities are proven by the workload's own samples; a provider that answers bad
                // requests oddly can still serve good ones.
                Rung::Capability(_) | Rung::Errors => false,
            };
            let same = record.asked().is(fallback, None);
            if matters && same && disproves(facts, record) {
                let why = match record {
                    ProbeRecord::Rung(result) => result.evidence.clone(),
                    ProbeRecord::Sample(_) => String::new(),
                };
                self.seen(record.at(), Readiness::Blocked, format!("{rung}: {why}"));
            }
        }
    }

    fn sample(&mut self, facts: &ReadinessFacts<'_>, fallback: &Route, sample: &Sample) {
        if let Some(needed) = sample.class.proves()
            && !fallback.capabilities.contains(needed)
        {
            self.add(
                Readiness::Blocked,
                format!(
                    "{} requests are refused: {} has no {needed}",
                    sample.class, fallback.name
                ),
            );
            return;
        }
        let key = ProbeKey {
            route: fallback.name.clone(),
            subject: ProbeSubject::Sample(sample.id.clone()),
        };
        let Some(record) = facts.records.iter().find(|record| record.key() == key) else {
            self.add(
                Readiness::Unverified,
                format!("{} was never probed on {}", sample.id, fallback.name),
            );
            return;
        };
        if !record.asked().is(fallback, Some(sample)) {
            self.seen(
                record.at(),
                Readiness::Unverified,
                format!(
                    "{} was probed before it or {} changed",
                    sample.id, fallback.name
                ),
            );
            return;
        }
        match record.verdict() {
            // The sample stands for a payload that other traffic may not have: only a newer probe of it
            // takes a failure back.
            Verdict::Failed => {
                let why = match record {
                    ProbeRecord::Sample(result) => result.why().unwrap_or_default(),
                    ProbeRecord::Rung(_) => String::new(),
                };
                self.seen(
                    record.at(),
                    Readiness::Blocked,
                    format!("{} failed: {why}", sample.id),
                );
            }
            Verdict::Passed => {
                self.oldest = Some(self.oldest.map_or(record.at(), |at| at.min(record.at())));
                if self.is_old(facts, record.at()) {
                    self.seen(
                        record.at(),
                        Readiness::Stale,
                        format!("the last probe of {} is too old", sample.id),
                    );
                }
            }
            Verdict::Skipped => self.seen(
                record.at(),
                Readiness::Unverified,
                format!("the probe of {} was skipped", sample.id),
            ),
        }
    }

    /// A workload without samples rests on the ladder and on its traffic.
    fn nothing_at_all(&mut self, facts: &ReadinessFacts<'_>, fallback: &Route) {
        if !facts.situation.workload.samples.is_empty() {
            return;
        }
        let minimal = facts.records.iter().find(|record| {
            record.key().subject == ProbeSubject::Rung(Rung::Minimal)
                && record.asked().is(fallback, None)
                && record.verdict() == Verdict::Passed
        });
        match minimal.map(|record| record.at()).max(facts.live) {
            None => self.add(
                Readiness::Unverified,
                format!(
                    "{} has no samples and {} was never probed",
                    facts.situation.workload.name, fallback.name
                ),
            ),
            Some(at) => {
                self.oldest = Some(at);
                if self.is_old(facts, at) {
                    self.seen(
                        at,
                        Readiness::Stale,
                        format!("the last proof of {} is too old", fallback.name),
                    );
                }
            }
        }
    }
}

/// A failure of the route as such counts until something newer has gone well: a probe, which replaces the
/// record, or the workload's own traffic.
fn disproves(facts: &ReadinessFacts<'_>, record: &ProbeRecord) -> bool {
    record.verdict() == Verdict::Failed && facts.live.is_none_or(|live| live < record.at())
}

#[cfg(test)]
mod tests;
