//! What the three servers have agreed on, as it happened: what every host and every author is measured by.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;

use super::{queue::Event, world::World};
use crate::{
    model::Seal,
    store::{fact::Fact, nats::replica::Standing},
};

/// How long a host may take to come to the newest revision once everything is mended: a leader has to be found, it has
/// to be connected to, and whoever was reading from a server that was gone has to notice it.
const CATCHES_UP: Duration = Duration::from_secs(30);

/// A place in the log.
#[derive(Debug)]
pub(super) struct Agreed {
    pub(super) fact: Arc<Fact>,
    /// When the first server knew that it was agreed on: earlier than anybody was told.
    pub(super) agreed: Duration,
}

/// Seals that were worked out before: a thousand hosts seal the same records.
#[derive(Debug, Default)]
pub(super) struct Seals(BTreeMap<u64, (Seal, Value, Seal)>);

impl Seals {
    pub(super) fn over(&mut self, before: Seal, sequence: u64, record: &Value) -> Seal {
        if let Some((known, told, seal)) = self.0.get(&sequence)
            && *known == before
            && told == record
        {
            return *seal;
        }
        let seal = before.over(record);
        self.0.insert(sequence, (before, record.clone(), seal));
        seal
    }
}

impl World {
    /// A server knows that a fact is agreed on at a place (from 0).
    pub(super) fn agreed(&mut self, at: usize, fact: &Arc<Fact>) {
        match self.truth.get(at) {
            Some(known) if known.fact.id == fact.id => {}
            Some(known) => {
                let lost = known.fact.id.clone();
                self.violated(format!(
                    "{lost} was agreed on at {}, and then {} in its place",
                    at + 1,
                    fact.id
                ));
            }
            None if at > self.truth.len() => {
                self.violated(format!("nothing was agreed on before {}", at + 1));
            }
            None => {
                self.truth.push(Agreed {
                    fact: Arc::clone(fact),
                    agreed: self.now,
                });
                let due = Event::CurrentDue { sequence: at };
                self.queue.at(self.now + self.bound, due);
            }
        }
    }

    /// A host has applied the newest fact of its view.
    pub(super) fn applied(&mut self, process: usize, fact: &Arc<Fact>) {
        let host = self.processes[process].host;
        let applied = usize::try_from(self.hosts[host].view.applied()).unwrap_or(0);
        let Some(known) = self.truth.get(applied - 1) else {
            return self.violated(format!(
                "host {host} has what was never agreed on: {}",
                fact.id
            ));
        };
        if known.fact.id != fact.id {
            let wanted = known.fact.id.clone();
            return self.violated(format!(
                "host {host} has {} at {applied}, where {wanted} was agreed on",
                fact.id
            ));
        }
        let contact = &self.processes[process].contact;
        if contact.standing(self.now) == Standing::Current {
            let after = self.now.saturating_sub(known.agreed);
            self.tally.seen_after.add(after);
        }
        self.tally.deliveries += 1;
        if let Some((wanted, since)) = self.hosts[host].healing
            && applied >= wanted
        {
            self.hosts[host].healing = None;
            let behind = self.now.saturating_sub(since);
            self.tally.behind = self.tally.behind.max(behind);
            if behind > CATCHES_UP {
                self.violated(format!(
                    "host {host} was behind for {behind:?} after it was mended"
                ));
            }
        }
        self.expects_of(host, fact);
    }

    /// Everything is mended: how long until a host has what was agreed on by now?
    pub(super) fn heals(&mut self, host: usize) {
        let wanted = self.truth.len();
        let behind = self.hosts[host].view.applied() < wanted as u64;
        self.hosts[host].healing = behind.then_some((wanted, self.now));
    }

    /// Nobody who lacks this may say any more that nothing is lacking.
    pub(super) fn current_due(&mut self, sequence: usize) {
        for process in 0..self.processes.len() {
            let it = &self.processes[process];
            if it.up() && self.hosts[it.host].view.applied() <= sequence as u64 {
                self.look(process);
            }
        }
    }

    /// Who has reached no server since then must say so.
    pub(super) fn apart_due(&mut self, host: usize, since: Duration) {
        if self.hosts[host].apart != Some(since) {
            return;
        }
        self.tally.apart += 1;
        let current = self.processes.iter().any(|it| {
            it.host == host && it.up() && it.contact.standing(self.now) == Standing::Current
        });
        if current {
            self.violated(format!(
                "host {host} reaches no server since {since:?} and says that it lacks nothing"
            ));
        }
    }
}
