//! How gateways keep the log short: they let the fleet forget, write the state down as a whole, and trim; and what of it
//! a view keeps. The decisions are the program's ([`due`], [`trim`]), with times so short that hosts are away for longer.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Planted,
    host::{Kept, Role, View},
    people::{Kind, moment},
    post::{Ask, Purpose, Said},
    queue::Event,
    world::World,
};
use crate::{
    model::{Anchor, Seal},
    store::{
        fact::{Base, Bases, Deed, Fact, KeptPlan, KeptSlot, Noted, Request, Worked},
        nats::replica::{Limits, Standing, due, trim},
    },
};

/// How long audit records are kept.
pub(super) const RETENTION: Duration = Duration::from_secs(10);
/// How often the state is written down.
const LIMITS: Limits = Limits {
    facts: 50,
    age: Duration::from_secs(4),
};
/// How long a gateway waits between two rounds, and how much longer at most.
const PAUSE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(4));
/// So many gateways keep house: what all do is what the first one does.
const KEEPERS: usize = 16;

/// What a view keeps for it.
#[derive(Debug, Default)]
pub(super) struct House {
    /// The records of the audit that are not forgotten: when they were made, and their seals.
    pub(super) records: VecDeque<(Timestamp, Seal)>,
    /// How many were forgotten before them.
    pub(super) forgotten: u64,
    noted: Vec<Noted>,
}

impl House {
    fn forget(&mut self, through: u64) {
        while self.forgotten < through && self.records.pop_front().is_some() {
            self.forgotten += 1;
        }
    }
}

impl View {
    /// The state as a whole.
    fn state(&self) -> Base {
        let slots = self.slots.iter().filter_map(|(key, kept)| {
            Some(KeptSlot {
                key: key.clone(),
                slot: kept.slot()?.clone(),
            })
        });
        Base {
            head: Anchor {
                sequence: self.sequence,
                seal: self.seal.unwrap_or(Seal::FIRST),
            },
            slots: slots.collect(),
            plans: self
                .plans
                .values()
                .map(|(plan, applied)| KeptPlan {
                    plan: plan.clone(),
                    applied: *applied,
                })
                .collect(),
            reviews: Vec::new(),
            debts: Vec::new(),
        }
    }

    /// Works out what there is to forget.
    pub(super) fn to_forget(&self, before: Option<Timestamp>) -> Worked {
        let old = |(at, _): &&(Timestamp, Seal)| before.is_some_and(|before| *at < before);
        let old: Vec<_> = self.house.records.iter().take_while(old).collect();
        match old.last() {
            None => Worked::Nothing,
            Some((_, seal)) => Worked::Out(Box::new(Deed::Forgotten {
                through: Some(Anchor {
                    sequence: self.house.forgotten + old.len() as u64,
                    seal: *seal,
                }),
                outputs: Vec::new(),
                reviews: Vec::new(),
            })),
        }
    }

    /// Works out the state as a whole, unless somebody did so behind that place.
    pub(super) fn to_base(&self, behind: u64, planted: Option<Planted>) -> Worked {
        if self
            .house
            .noted
            .last()
            .is_some_and(|it| it.sequence > behind)
        {
            return Worked::Nothing;
        }
        let mut base = self.state();
        if planted == Some(Planted::Lossy) {
            base.slots.retain(|kept| kept.slot.current.is_none());
        }
        let base = Box::new(base);
        Worked::Out(Box::new(Deed::Based { base }))
    }

    pub(super) fn forget(&mut self, through: Option<Anchor>) {
        self.house.forget(through.map_or(0, |it| it.sequence));
    }

    /// Compares a base with what is here, and notes it.
    pub(super) fn compare(&mut self, fact: &Fact, base: &Base, quiet: bool) -> Result<(), String> {
        let differs = base.differs(&self.state());
        self.note(fact, base, differs.is_none());
        match differs {
            Some(differs) if !quiet => Err(format!("{} is another state: {differs}", fact.id)),
            Some(_) | None => Ok(()),
        }
    }

    fn note(&mut self, fact: &Fact, base: &Base, fits: bool) {
        let sequence = self.applied() + 1;
        self.house.noted.push(Noted {
            sequence,
            head: base.head.sequence,
            at: fact.at,
            fits,
        });
    }

    fn bases(&self) -> Bases {
        Bases {
            applied: self.applied(),
            forgotten: self.house.forgotten,
            noted: self.house.noted.clone(),
        }
    }

    /// Is made anew from a base. `Err`: it has seen what the base does not know.
    pub(super) fn adopt(&mut self, sequence: u64, fact: &Arc<Fact>) -> Result<(), String> {
        let Deed::Based { base } = &fact.deed else {
            return Err(format!("the log begins at {sequence}, not with a base"));
        };
        if self.sequence > base.head.sequence {
            return Err(format!("the base at {sequence} is older than the view"));
        }
        *self = Self {
            lineage: self.lineage.take(),
            skipped: sequence - 1,
            sequence: base.head.sequence,
            seal: (base.head.sequence > 0).then_some(base.head.seal),
            ..Self::default()
        };
        self.house.forgotten = base.head.sequence;
        for (at, kept) in base.slots.iter().enumerate() {
            self.revision = self.revision.max(kept.slot.revision);
            let fact = Arc::clone(fact);
            self.slots.insert(kept.key.clone(), Kept { fact, at });
        }
        for KeptPlan { plan, applied } in &base.plans {
            self.plans.insert(plan.id.clone(), (plan.clone(), *applied));
        }
        self.note(fact, base, true);
        self.facts.push(Arc::clone(fact));
        Ok(())
    }

    /// When what is in force is over.
    pub(super) fn ends(&self) -> Vec<Timestamp> {
        let slots = self.slots.values().filter_map(Kept::slot);
        let current = slots.filter_map(|slot| slot.current.as_ref());
        current.filter_map(|current| current.expires).collect()
    }
}

impl World {
    pub(super) fn house_later(&mut self, process: usize) {
        let it = &self.processes[process];
        if it.role != Role::Gateway || process >= KEEPERS {
            return;
        }
        let life = it.life;
        let at = self.now + PAUSE.0 + self.chance_of(PAUSE.1);
        self.queue.at(at, Event::House { process, life });
    }

    /// A gateway keeps house: one thing at a time.
    pub(super) fn keep_house(&mut self, process: usize, life: u32) {
        if !self.processes[process].lives(life) {
            return;
        }
        self.house_later(process);
        let it = &self.processes[process];
        let current = it.contact.standing(self.now) == Standing::Current;
        if it.work.is_some() || !current || !self.wishes {
            return;
        }
        let host = it.host;
        let now = self.clock(host);
        let before = now.checked_sub(RETENTION).ok();
        if let Worked::Out(_) = self.hosts[host].view.to_forget(before) {
            let request = Request::Forget {
                before,
                outputs: Vec::new(),
                reviews: Vec::new(),
            };
            return self.want(process, Kind::House, request);
        }
        self.ask(process, Purpose::House, Ask::Info);
    }

    /// The leader said where the log begins and ends, for a gateway that keeps house.
    pub(super) fn shorten(&mut self, process: usize, asked: Duration, said: Said) {
        let Ok(log) = self.prove(process, asked, said) else {
            return;
        };
        let it = &self.processes[process];
        let host = it.host;
        let bases = self.hosts[host].view.bases();
        let now = self.clock(host);
        if due(&bases, &log, moment(Duration::ZERO), now, LIMITS) && it.work.is_none() {
            let behind = bases.noted.last().map_or(0, |noted| noted.sequence);
            return self.want(process, Kind::House, Request::Base { behind });
        }
        let first = match self.size.planted {
            // Whatever was forgotten.
            Some(Planted::Greedy) => bases.noted.last().map(|noted| noted.sequence),
            // The base, too.
            Some(Planted::Beheading) => trim(&bases, &log).map(|first| first + 1),
            _ => trim(&bases, &log),
        };
        if let Some(first) = first {
            self.ask(process, Purpose::Trim, Ask::Trim { first });
        }
    }

    /// A leader takes away what stands before a place; the others hear of it.
    pub(super) fn trim(&mut self, server: usize, first: u64) {
        let it = &mut self.servers[server];
        let first = usize::try_from(first).unwrap_or(1) - 1;
        if first > it.first && first <= it.committed {
            it.first = first;
            self.tally.trims += 1;
            self.note(|| format!("server {server} begins at {}", first + 1));
        }
    }
}
