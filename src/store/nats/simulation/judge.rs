//! The judgement over a history that is over: what was told to whom, against what is there.
//!
//! It reads the log, the history and the views. Of the code that made them it uses nothing but the shapes of records.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize as _;

use super::{
    cluster::SERVERS,
    house::RETENTION,
    linear::{Call, What, has_an_order},
    people::{Kind, moment},
    work::Ended,
    world::World,
};
use crate::{
    model::{Anchor, AuditRecord, Change, OverrideKey, PlanId, Revision, Seal},
    store::{
        fact::{Base, Deed, Fact},
        nats::replica::Standing,
    },
};

/// How much a host's clock may be wrong, with some room.
const CLOCKS: Duration = Duration::from_secs(1);

/// What the audit of a log says, read from its beginning.
#[derive(Default)]
struct Told {
    records: u64,
    revision: u64,
    seal: Option<Seal>,
    /// What is in force by key, and when it is over.
    left: BTreeMap<OverrideKey, (Revision, Option<Change>, Option<Timestamp>)>,
    /// When each record was made.
    made_at: Vec<Timestamp>,
    /// How many of them the fleet has forgotten.
    forgotten: u64,
    plans: BTreeSet<PlanId>,
    /// By operation: where its fact stands, and what became of which key.
    made: BTreeMap<usize, Vec<usize>>,
    wrong: Vec<String>,
}

impl World {
    /// Says everything that is wrong in the end.
    pub(super) fn judge(&mut self) {
        let log: Vec<Arc<Fact>> = self.truth.iter().map(|at| Arc::clone(&at.fact)).collect();
        for server in 0..SERVERS {
            let held = self.servers[server].log.len();
            if held != log.len() || self.servers[server].committed != log.len() {
                self.violated(format!(
                    "server {server} has {held} of {} messages",
                    log.len()
                ));
            }
        }
        let mut told = Told::default();
        for (at, fact) in log.iter().enumerate() {
            told.fact(at, fact);
        }
        for wrong in std::mem::take(&mut told.wrong) {
            self.violated(wrong);
        }
        self.judge_expired(&told);
        self.judge_views(&told, log.len());
        self.judge_answers(&told);
        self.judge_order(&told, &log);
    }

    /// Nothing that is over was left in force.
    fn judge_expired(&mut self, told: &Told) {
        let now = moment(self.now);
        let over = |expires: &Timestamp| {
            let due = expires.checked_add(CLOCKS * 5).unwrap_or(Timestamp::MAX);
            due < now
        };
        for (key, (revision, _, expires)) in &told.left {
            if expires.as_ref().is_some_and(over) {
                self.violated(format!(
                    "{key} (revision {revision}) is over and was never ended"
                ));
            }
        }
    }

    /// Every host has come to the end, and says so.
    fn judge_views(&mut self, told: &Told, length: usize) {
        for host in 0..self.hosts.len() {
            let view = &self.hosts[host].view;
            let has = view.applied();
            let kept = (view.house.forgotten, view.house.records.len() as u64);
            let same = (view.sequence, view.revision.0, view.seal)
                == (told.records, told.revision, told.seal);
            let differs = told.left.iter().find(|(key, (revision, change, _))| {
                let slot = view.slot(key);
                let shown = slot.map(|slot| (slot.revision, slot.current.as_ref()));
                shown.map(|(at, current)| (at, current.map(|current| current.change)))
                    != Some((*revision, *change))
            });
            let differs = differs.map(|(key, _)| key.clone());
            if kept != (told.forgotten, told.records - told.forgotten) {
                self.violated(format!(
                    "host {host} has {} records of the audit behind {}, not all of {} behind {}",
                    kept.1, kept.0, told.records, told.forgotten
                ));
            } else if has != length as u64 {
                self.violated(format!("host {host} is stuck at {has} of {length}"));
            } else if !same {
                self.violated(format!("host {host} has another audit than was agreed on"));
            } else if let Some(key) = differs {
                self.violated(format!("host {host} shows something else for {key}"));
            }
        }
        for process in 0..self.processes.len() {
            let standing = self.processes[process].contact.standing(self.now);
            if let Standing::Apart { cause, .. } = standing {
                self.violated(format!("process {process} still is apart: {cause}"));
            }
        }
    }

    /// What was answered is so.
    fn judge_answers(&mut self, told: &Told) {
        let none = Vec::new();
        let mut wrong = Vec::new();
        for (number, operation) in self.history.iter().enumerate() {
            let made = told.made.get(&number).unwrap_or(&none);
            let ended = operation.ended.as_ref().map(|(_, ended)| ended);
            let right = match ended {
                Some(Ended::Stored(sequence)) => made.len() == 1 && made[0] as u64 + 1 == *sequence,
                Some(Ended::Conflict(_) | Ended::Refused | Ended::Nothing | Ended::Failed) => {
                    made.is_empty()
                }
                Some(Ended::Unknown | Ended::Killed) => made.len() <= 1,
                None => false,
            };
            if !right {
                let places: Vec<usize> = made.iter().map(|at| at + 1).collect();
                wrong.push(format!(
                    "{number} of process {} was told {ended:?} and stands at {places:?}: {:?}",
                    operation.process, operation.kind
                ));
            }
        }
        for wrong in wrong {
            self.violated(wrong);
        }
    }

    /// Each key's history could have happened one call after the other.
    fn judge_order(&mut self, told: &Told, log: &[Arc<Fact>]) {
        let mut calls: BTreeMap<OverrideKey, Vec<Call>> = BTreeMap::new();
        for (number, operation) in self.history.iter().enumerate() {
            let began = operation.began;
            let made = told.made.get(&number).and_then(|made| made.first());
            let answered = operation.ended.as_ref();
            let mut add = |key: &OverrideKey, what| {
                let known =
                    answered.filter(|(_, ended)| !matches!(ended, Ended::Unknown | Ended::Killed));
                calls.entry(key.clone()).or_default().push(Call {
                    began,
                    ended: known.map(|(at, _)| *at),
                    what,
                });
            };
            if let Some(Deed::Changed { keys, .. }) = made.map(|at| &log[*at].deed) {
                for change in keys {
                    let becomes = change.slot.revision.0;
                    let what = match &operation.kind {
                        Kind::Change { expected, .. } => What::Set {
                            expected: expected.0,
                            becomes,
                        },
                        Kind::EndExpired | Kind::Plan | Kind::House => What::Ended { becomes },
                    };
                    add(&change.key, what);
                }
            } else if let Some((_, Ended::Conflict(found))) = answered
                && let Kind::Change { key, .. } = &operation.kind
            {
                add(key, What::Conflict { found: found.0 });
            }
        }
        for (key, calls) in calls {
            if !has_an_order(&calls) {
                self.violated(format!("the history of {key} has no order"));
            }
        }
    }
}

impl Told {
    fn fact(&mut self, at: usize, fact: &Fact) {
        let operation = fact.id.split('-').next().and_then(|id| id.parse().ok());
        self.made
            .entry(operation.unwrap_or(usize::MAX))
            .or_default()
            .push(at);
        let (keys, plan) = match &fact.deed {
            Deed::Changed { keys, plan } => (keys, plan),
            Deed::Planned { plan } => {
                // Another one of the same name, or the same once more.
                self.plans.remove(&plan.id);
                return;
            }
            Deed::Reviewed { .. } | Deed::Continued { .. } => return,
            Deed::Forgotten { through, .. } => return self.forgets(fact, *through),
            Deed::Based { base } => return self.sums_up(fact, base),
        };
        if let Some(id) = plan
            && !self.plans.insert(id.clone())
        {
            self.wrong.push(format!(
                "plan {id} was applied twice, the second time by {}",
                fact.id
            ));
        }
        for change in keys {
            for told in &change.records {
                match AuditRecord::deserialize(told) {
                    Ok(record) => self.record(fact, &record),
                    Err(error) => self.wrong.push(format!("{}: {error}", fact.id)),
                }
                self.seal = Some(self.seal.unwrap_or(Seal::FIRST).over(told));
            }
            let left = self.left.get(&change.key);
            let left = left.map(|(revision, change, expires)| (*revision, *change, *expires));
            let slot = change.slot.current.as_ref();
            let shown = (
                change.slot.revision,
                slot.map(|it| it.change),
                slot.and_then(|it| it.expires),
            );
            if left != Some(shown) {
                self.wrong
                    .push(format!("{} sets something else than it records", fact.id));
            }
        }
    }

    /// Only what is old enough is forgotten, once.
    fn forgets(&mut self, fact: &Fact, through: Option<Anchor>) {
        let through = through.map_or(0, |it| it.sequence);
        let at = usize::try_from(through).ok();
        let newest = at.and_then(|at| self.made_at.get(at.checked_sub(1)?));
        let old = newest.is_some_and(|at| *at + RETENTION < fact.at);
        if through <= self.forgotten || !old {
            self.wrong
                .push(format!("{} forgets what is not old enough", fact.id));
        }
        self.forgotten = self.forgotten.max(through);
    }

    /// A base says all that was left, and nothing else.
    fn sums_up(&mut self, fact: &Fact, base: &Base) {
        let left = self.left.iter().map(|(key, left)| (key.clone(), *left));
        let said = base.slots.iter().map(|kept| {
            let current = kept.slot.current.as_ref();
            let change = current.map(|it| it.change);
            let expires = current.and_then(|it| it.expires);
            (kept.key.clone(), (kept.slot.revision, change, expires))
        });
        let seal = self.seal.unwrap_or(Seal::FIRST);
        if (base.head.sequence, base.head.seal) != (self.records, seal) || !left.eq(said) {
            self.wrong
                .push(format!("{} sums up another state", fact.id));
        }
    }

    fn record(&mut self, fact: &Fact, record: &AuditRecord) {
        self.records += 1;
        self.made_at.push(record.at);
        self.revision += 1;
        if (record.sequence, record.revision.0) != (self.records, self.revision) {
            self.wrong.push(format!(
                "{}: record {} of revision {} stands where record {} of revision {} belongs",
                fact.id, record.sequence, record.revision, self.records, self.revision
            ));
        }
        let found = self.left.get(&record.key);
        let before = found.and_then(|(_, change, _)| *change);
        let expires = found.and_then(|(_, _, expires)| *expires);
        if record.before != before {
            self.wrong.push(format!(
                "{}: it was {before:?} before, not {:?}",
                fact.id, record.before
            ));
        }
        // By the clock of whoever wrote it.
        let over = expires.is_some_and(|expires| expires <= fact.at);
        let ends = record.verb.is_none();
        if ends && !over {
            self.wrong
                .push(format!("{} ends what was not over, or had ended", fact.id));
        }
        if !ends && over {
            self.wrong
                .push(format!("{} swallows the end of what was over", fact.id));
        }
        let left = (record.revision, record.after, record.expires);
        self.left.insert(record.key.clone(), left);
    }
}
