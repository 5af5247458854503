//! A host: what its disk holds of the log, and the processes on it.
//!
//! The view works requests out with the rules of the program and applies facts in their order, each as a whole.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::Deserialize as _;

use super::{Planted, cluster::SERVERS, house::House, post::Expected, truth::Seals, work::Work};
use crate::{
    model::{AuditRecord, Conflict, OverrideKey, Plan, PlanId, Revision, Seal, Slot},
    store::{
        fact::{Deed, Fact, KeyChange, Place, Refusal, Request, Worked},
        nats::replica::{Contact, Follow},
        rules::{self, Counters},
    },
};

/// A key's place in a view: in which fact, and where in it.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) fact: Arc<Fact>,
    pub(super) at: usize,
}

impl Kept {
    pub(super) fn slot(&self) -> Option<&Slot> {
        match &self.fact.deed {
            Deed::Changed { keys, .. } => keys.get(self.at).map(|change| &change.slot),
            Deed::Based { base } => base.slots.get(self.at).map(|kept| &kept.slot),
            Deed::Planned { .. }
            | Deed::Reviewed { .. }
            | Deed::Continued { .. }
            | Deed::Forgotten { .. } => None,
        }
    }
}

/// What a disk holds.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) lineage: Option<String>,
    /// How many were trimmed off the log before it came to them.
    pub(super) skipped: u64,
    /// All that was applied behind those, in order.
    pub(super) facts: Vec<Arc<Fact>>,
    pub(super) slots: BTreeMap<OverrideKey, Kept>,
    pub(super) plans: BTreeMap<PlanId, (Plan, Option<Revision>)>,
    pub(super) revision: Revision,
    /// The newest number of the audit.
    pub(super) sequence: u64,
    pub(super) seal: Option<Seal>,
    pub(super) house: House,
}

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    /// Its name in what it writes.
    pub(super) name: String,
    pub(super) view: View,
    /// By server: how many reasons there are for not reaching it.
    pub(super) cut: [u32; SERVERS],
    /// Since when it reaches none.
    pub(super) apart: Option<Duration>,
    /// How much its clock is ahead, in microseconds.
    pub(super) ahead: i64,
    /// What it needs to be healed again: how far the log was then, and when that was.
    pub(super) healing: Option<(usize, Duration)>,
}

/// What a process does on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Gateway,
    Operator,
}

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) host: usize,
    pub(super) role: Role,
    /// How many reasons there are for it not to run.
    pub(super) down: u32,
    pub(super) life: u32,
    pub(super) connection: Option<usize>,
    pub(super) expected: Vec<Expected>,
    pub(super) contact: Contact,
    pub(super) follow: Option<Follow>,
    pub(super) reading: Option<Reading>,
    pub(super) readings: u64,
    /// Which poll is the next one.
    pub(super) turn: u64,
    /// How far this process knows the view to be.
    pub(super) progress: u64,
    pub(super) work: Option<Work>,
    pub(super) works: u64,
}

/// A server sends the log.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) server: usize,
    pub(super) number: u64,
    /// The server has forgotten it.
    pub(super) gone: bool,
    /// How much was sent.
    pub(super) sent: usize,
    /// When the last of it arrives: nothing overtakes.
    pub(super) last: Duration,
}

impl View {
    pub(super) fn applied(&self) -> u64 {
        self.skipped + self.facts.len() as u64
    }

    /// The name of the fact at a place, if the view has seen it.
    pub(super) fn fact_at(&self, sequence: u64) -> Option<&String> {
        let place = usize::try_from(sequence.checked_sub(self.skipped + 1)?).ok()?;
        self.facts.get(place).map(|fact| &fact.id)
    }

    pub(super) fn place(&self) -> Place {
        Place {
            lineage: self.lineage.clone(),
            applied: self.applied(),
            id: self.facts.last().map(|fact| fact.id.clone()),
        }
    }

    pub(super) fn slot(&self, key: &OverrideKey) -> Option<&Slot> {
        self.slots.get(key)?.slot()
    }

    pub(super) fn begin_anew(&mut self, lineage: String) {
        *self = Self {
            lineage: Some(lineage),
            ..Self::default()
        };
    }

    /// Whether an override is over and not yet ended.
    pub(super) fn has_expired(&self, now: Timestamp) -> bool {
        let mut all = self.slots.values().filter_map(Kept::slot);
        all.any(|slot| slot.current.as_ref().is_some_and(|it| !it.active(now)))
    }

    /// Works out what a request has to write. Nothing is written.
    pub(super) fn work_out(
        &self,
        request: Request,
        now: Timestamp,
        host: &str,
        planted: Option<Planted>,
    ) -> Result<Worked, serde_json::Error> {
        let mut counters = Counters {
            revision: self.revision,
            sequence: self.sequence,
        };
        Ok(match request {
            Request::Change(request) => {
                let (key, plan) = (request.key.clone(), request.plan.clone());
                let used = |id: &PlanId| {
                    let plan = self.plans.get(id);
                    plan.is_some_and(|(_, applied)| applied.is_some())
                };
                if plan.as_ref().is_some_and(used) {
                    return Ok(Worked::Refused(Refusal::PlanUsed));
                }
                let expected = request.expected;
                match rules::change(self.slot(&key), counters, *request, now, host) {
                    Ok(applied) => Worked::Out(Box::new(Deed::Changed {
                        keys: vec![KeyChange::new(key, applied)?],
                        plan,
                    })),
                    Err(found) => Worked::Refused(Refusal::Conflict(Box::new(Conflict {
                        key,
                        expected,
                        found: *found,
                        winner: None,
                    }))),
                }
            }
            Request::EndExpired => {
                let mut keys = Vec::new();
                for (key, kept) in &self.slots {
                    let ended = kept
                        .slot()
                        .and_then(|slot| rules::expire(key, slot, counters, now, host));
                    if let Some(applied) = ended {
                        counters.revision = applied.slot.revision;
                        counters.sequence += applied.records.len() as u64;
                        keys.push(KeyChange::new(key.clone(), applied)?);
                    }
                }
                if keys.is_empty() {
                    Worked::Nothing
                } else {
                    Worked::Out(Box::new(Deed::Changed { keys, plan: None }))
                }
            }
            Request::Plan(plan) => match self.plans.get(&plan.id) {
                Some((held, None)) if *held != plan && held.valid_until > now => {
                    Worked::Refused(Refusal::PlanTaken(plan.id))
                }
                Some(_) | None => Worked::Out(Box::new(Deed::Planned { plan })),
            },
            // Not played: one host is taken over once, before anybody else writes.
            Request::Review { .. } | Request::TakeOver { .. } => Worked::Nothing,
            Request::Forget { before, .. } => self.to_forget(before),
            Request::Base { behind } => self.to_base(behind, planted),
        })
    }

    /// Applies the next fact. `Err`: why it does not continue the view.
    pub(super) fn apply(
        &mut self,
        fact: &Arc<Fact>,
        seals: &mut Seals,
        planted: Option<Planted>,
    ) -> Result<(), String> {
        let mut wrong = None;
        match &fact.deed {
            Deed::Changed { keys, plan } => {
                for (at, change) in keys.iter().enumerate() {
                    for told in &change.records {
                        let record = AuditRecord::deserialize(told)
                            .map_err(|error| format!("a record cannot be read: {error}"))?;
                        let next = (record.sequence, record.revision.0);
                        if next != (self.sequence + 1, self.revision.0 + 1) {
                            wrong = Some(format!(
                                "{}: record {} of revision {} came behind record {} of revision {}",
                                fact.id, next.0, next.1, self.sequence, self.revision
                            ));
                        }
                        self.sequence = record.sequence;
                        self.revision = record.revision;
                        let seal = seals.over(self.seal.unwrap_or(Seal::FIRST), next.0, told);
                        self.seal = Some(seal);
                        self.house.records.push_back((record.at, seal));
                    }
                    if change.slot.revision != self.revision {
                        wrong = Some(format!("{}: its place has another revision", fact.id));
                    }
                    let fact = Arc::clone(fact);
                    self.slots.insert(change.key.clone(), Kept { fact, at });
                }
                if let Some(id) = plan
                    && let Some((_, applied)) = self.plans.get_mut(id)
                {
                    *applied = Some(self.revision);
                }
            }
            Deed::Planned { plan } => {
                self.plans.insert(plan.id.clone(), (plan.clone(), None));
            }
            Deed::Reviewed { .. } | Deed::Continued { .. } => {}
            Deed::Forgotten { through, .. } => self.forget(*through),
            Deed::Based { base } => {
                // Whether a lost override is found without this, too.
                let quiet = planted == Some(Planted::Lossy);
                wrong = self.compare(fact, base, quiet).err();
            }
        }
        self.facts.push(Arc::clone(fact));
        wrong.map_or(Ok(()), Err)
    }

    /// A plan that waits to be applied, if this is one.
    pub(super) fn plan(&self, id: &PlanId) -> Option<&Plan> {
        self.plans.get(id).map(|(plan, _)| plan)
    }
}

impl Process {
    pub(super) fn new(host: usize, role: Role) -> Self {
        Self {
            host,
            role,
            down: 0,
            life: 0,
            connection: None,
            expected: Vec::new(),
            contact: Contact::new(),
            follow: None,
            reading: None,
            readings: 0,
            turn: 0,
            progress: 0,
            work: None,
            works: 0,
        }
    }

    pub(super) fn up(&self) -> bool {
        self.down == 0
    }

    /// Whether an event is of the life that it leads.
    pub(super) fn lives(&self, life: u32) -> bool {
        self.up() && self.life == life
    }
}
