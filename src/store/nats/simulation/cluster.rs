//! Three servers that agree on one log, as the servers of a `JetStream` stream do: what more than half of them have
//! under one leader stays, and only that is acknowledged and read. A leader that is cut off goes on answering until
//! it notices. Every server keeps on its disk what it said it has.

use std::{sync::Arc, time::Duration};

use super::{Planted, queue::Event, world::World};
use crate::store::{
    fact::Fact,
    nats::{
        layout::DUPLICATES,
        link::{NotStored, Stored},
    },
};

/// How many servers there are.
pub(super) const SERVERS: usize = 3;
/// When the log was made.
pub(super) const LINEAGE: &str = "2026-11-21 14:00:00 UTC";
/// How often a leader speaks.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long a leader goes on that does not hear more than half.
const ALONE: Duration = Duration::from_secs(10);
/// How long nobody was heard before one wants to lead, and how much longer at most.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(4), Duration::from_secs(5));

/// A message of the log.
#[derive(Debug)]
pub(super) struct Message {
    /// What it says; also its name.
    pub(super) fact: Arc<Fact>,
    /// When a leader took it.
    at: Duration,
}

/// What a leader tells another server.
#[derive(Clone, Debug)]
pub(super) struct Append {
    leader: usize,
    term: u64,
    /// Where these messages begin; everything before is the same everywhere.
    from: usize,
    messages: Vec<Arc<Message>>,
    committed: usize,
    first: usize,
}

/// Who waits for a message to be stored.
#[derive(Debug)]
struct Waiting {
    length: usize,
    via: usize,
    origin: super::post::Origin,
}

/// One server.
#[derive(Debug)]
pub(super) struct Server {
    /// How many reasons there are for it not to run.
    pub(super) down: u32,
    term: u64,
    leads: bool,
    /// As a leader: how long the log has to be known to be agreed on before it speaks for it.
    floor: usize,
    pub(super) log: Vec<Arc<Message>>,
    /// Under which leader the log was last brought in order.
    log_term: u64,
    /// How much of the log is agreed on, as far as it knows; readers see that much.
    pub(super) committed: usize,
    /// What stands before it was taken away.
    pub(super) first: usize,
    pub(super) heard: [Option<Duration>; SERVERS],
    has: [usize; SERVERS],
    waiting: Vec<Waiting>,
    /// When it last heard a leader.
    contact: Duration,
    armed: u64,
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            down: 0,
            term: 0,
            leads: false,
            floor: 0,
            log: Vec::new(),
            log_term: 0,
            committed: 0,
            first: 0,
            heard: [None; SERVERS],
            has: [0; SERVERS],
            waiting: Vec::new(),
            contact: Duration::ZERO,
            armed: 0,
        }
    }

    pub(super) fn up(&self) -> bool {
        self.down == 0
    }

    /// Whether it takes itself for the leader; two may at a time.
    pub(super) fn leads(&self) -> bool {
        self.up() && self.leads
    }

    fn follow(&mut self, term: u64) {
        self.term = term;
        self.resign();
    }

    fn resign(&mut self) {
        self.leads = false;
        self.waiting.clear();
    }
}

impl World {
    /// Whether one server reaches another.
    pub(super) fn routed(&self, one: usize, other: usize) -> bool {
        self.servers[one].up()
            && self.servers[other].up()
            && (one == other || self.links[one][other] == 0)
    }

    /// Whether a server answers for the log.
    pub(super) fn speaks(&self, server: usize) -> bool {
        let it = &self.servers[server];
        it.leads() && it.committed >= it.floor
    }

    pub(super) fn stop_server(&mut self, server: usize) {
        self.servers[server].down += 1;
        if self.servers[server].leads {
            self.tally.leaders_lost += 1;
        }
        self.servers[server].resign();
        // Readers are kept in its memory.
        for process in &mut self.processes {
            let reading = process.reading.as_mut();
            if let Some(reading) = reading.filter(|reading| reading.server == server) {
                reading.gone = true;
            }
        }
    }

    pub(super) fn start_server(&mut self, server: usize) {
        let it = &mut self.servers[server];
        it.down = it.down.saturating_sub(1);
        if it.up() {
            it.contact = self.now;
            it.heard = [None; SERVERS];
            self.arm(server);
        }
    }

    /// A leader gives way, as it does when it is asked to.
    pub(super) fn step_down(&mut self, server: usize) {
        self.servers[server].resign();
        self.tally.leaders_lost += 1;
        for other in 0..SERVERS {
            self.servers[other].contact = Duration::ZERO;
            self.servers[other].armed += 1;
            let armed = self.servers[other].armed;
            let at = self.now + self.chance_of(Duration::from_millis(800));
            self.queue.at(
                at,
                Event::Election {
                    server: other,
                    armed,
                },
            );
        }
    }

    /// It will want to lead when it hears nobody.
    pub(super) fn arm(&mut self, server: usize) {
        let (least, more) = PATIENCE;
        let at = self.now + least + self.chance_of(more);
        self.servers[server].armed += 1;
        let armed = self.servers[server].armed;
        self.queue.at(at, Event::Election { server, armed });
    }

    pub(super) fn election(&mut self, server: usize, armed: u64) {
        let it = &self.servers[server];
        if it.armed != armed || !it.up() {
            return;
        }
        let heard = self.now.saturating_sub(it.contact) < PATIENCE.0;
        if it.leads || heard {
            return self.arm(server);
        }
        let (term, own) = (it.term + 1, (it.log_term, it.log.len()));
        self.servers[server].term = term;
        let mut agreeing = 1;
        let mut heard = [None; SERVERS];
        for other in (0..SERVERS).filter(|other| *other != server) {
            let voter = &self.servers[other];
            if !self.routed(server, other) || voter.term >= term {
                continue;
            }
            if voter.leads {
                self.tally.leaders_lost += 1;
            }
            let granted = (voter.log_term, voter.log.len()) <= own;
            let voter = &mut self.servers[other];
            voter.follow(term);
            if granted {
                voter.contact = self.now;
                heard[other] = Some(self.now);
                agreeing += 1;
            }
        }
        if agreeing * 2 <= SERVERS {
            return self.arm(server);
        }
        let it = &mut self.servers[server];
        it.leads = true;
        it.log_term = term;
        it.floor = it.log.len();
        it.heard = heard;
        it.has = [0; SERVERS];
        self.note(|| format!("server {server} leads, term {term}"));
        self.arm(server);
        self.heartbeat(server, term);
    }

    pub(super) fn heartbeat(&mut self, server: usize, term: u64) {
        let it = &self.servers[server];
        if !it.leads() || it.term != term {
            return;
        }
        // It has to hear so many others.
        let hears = |heard: &Option<Duration>| heard.is_some_and(|at| self.now < at + ALONE);
        let alone = it.heard.iter().filter(|heard| hears(heard)).count() < SERVERS / 2;
        if alone {
            self.note(|| format!("server {server} leads nobody any more"));
            self.tally.leaders_lost += 1;
            self.servers[server].resign();
            return;
        }
        self.readers = self.followers();
        self.spread(server);
        self.queue
            .at(self.now + HEARTBEAT, Event::Heartbeat { server, term });
    }

    /// Tells the others what the leader has.
    fn spread(&mut self, server: usize) {
        for to in (0..SERVERS).filter(|to| *to != server) {
            if !self.routed(server, to) {
                continue;
            }
            let it = &self.servers[server];
            let from = self.servers[to].committed.min(it.log.len());
            let append = Append {
                leader: server,
                term: it.term,
                from,
                messages: it.log[from..].to_vec(),
                committed: it.committed,
                first: it.first,
            };
            let at = self.now + self.hop();
            let append = Box::new(append);
            self.queue.at(at, Event::Append { to, append });
        }
    }

    pub(super) fn append(&mut self, to: usize, append: Append) {
        if !self.routed(append.leader, to) {
            return;
        }
        let leader = append.leader;
        let it = &mut self.servers[to];
        let mut length = 0;
        if append.term >= it.term {
            if append.term > it.term || it.leads {
                it.follow(append.term);
            }
            it.contact = self.now;
            length = append.from + append.messages.len();
            if it.log_term != append.term {
                it.log.truncate(append.from);
                it.log_term = append.term;
            }
            let known = it.log.len().saturating_sub(append.from);
            it.log.extend(append.messages.into_iter().skip(known));
            let agreed = append.committed.min(it.log.len());
            // Only what is agreed on is taken away.
            it.first = it.first.max(append.first.min(agreed));
            let term = it.term;
            self.agree(to, agreed);
            self.answer_leader(leader, to, term, length);
        } else {
            let term = it.term;
            self.answer_leader(leader, to, term, length);
        }
    }

    fn answer_leader(&mut self, leader: usize, from: usize, term: u64, length: usize) {
        let at = self.now + self.hop();
        self.queue.at(
            at,
            Event::Appended {
                server: leader,
                from,
                term,
                length,
            },
        );
    }

    pub(super) fn appended(&mut self, server: usize, from: usize, term: u64, length: usize) {
        if !self.routed(server, from) {
            return;
        }
        let it = &mut self.servers[server];
        if term > it.term {
            if it.leads {
                self.tally.leaders_lost += 1;
                self.trace
                    .push(format!("server {server} hears of term {term}"));
            }
            it.follow(term);
        } else if term == it.term && it.leads {
            it.heard[from] = Some(self.now);
            it.has[from] = it.has[from].max(length);
            self.settle(server);
        }
    }

    /// What more than half have is agreed on.
    fn settle(&mut self, server: usize) {
        let it = &self.servers[server];
        let mut lengths = it.has;
        lengths[server] = it.log.len();
        lengths.sort_unstable();
        let agreed = match self.size.planted {
            Some(Planted::Minority) => it.log.len(),
            _ => lengths[SERVERS / 2],
        };
        if agreed <= it.committed {
            return;
        }
        self.agree(server, agreed);
        let waiting = std::mem::take(&mut self.servers[server].waiting);
        let (done, still) = waiting
            .into_iter()
            .partition(|it: &Waiting| it.length <= agreed);
        self.servers[server].waiting = still;
        for Waiting {
            length,
            via,
            origin,
        } in done
        {
            let stored = Stored {
                sequence: length as u64,
                duplicate: false,
            };
            self.answer(via, origin, super::post::Said::Stored(Ok(stored)));
        }
        // Often the others hear of it at once, otherwise when the leader speaks next.
        if self.chance.u8(0..4) > 0 {
            self.spread(server);
        }
    }

    fn agree(&mut self, server: usize, length: usize) {
        let before = self.servers[server].committed;
        if length <= before {
            return;
        }
        self.servers[server].committed = length;
        for at in before..length {
            let message = Arc::clone(&self.servers[server].log[at]);
            self.agreed(at, &message.fact);
        }
        self.push_all(server);
    }

    /// Takes a message, as a leader.
    pub(super) fn publish(
        &mut self,
        server: usize,
        via: usize,
        origin: super::post::Origin,
        fact: &Arc<Fact>,
        after: u64,
    ) {
        let now = self.now;
        let it = &self.servers[server];
        let recent = it.log.iter().enumerate().rev();
        let twin = recent
            .take_while(|(_, message)| now < message.at + DUPLICATES)
            .find(|(_, message)| message.fact.id == fact.id)
            .map(|(place, _)| place);
        let said = if let Some(place) = twin {
            if place < it.committed {
                Ok(Stored {
                    sequence: place as u64 + 1,
                    duplicate: true,
                })
            } else {
                Err(NotStored::Refused("the same is on its way".to_owned()))
            }
        } else if it.log.len() as u64 != after && self.size.planted != Some(Planted::Unordered) {
            Err(NotStored::Unexpected)
        } else {
            let fact = Arc::clone(fact);
            let it = &mut self.servers[server];
            it.log.push(Arc::new(Message { fact, at: now }));
            let length = it.log.len();
            it.waiting.push(Waiting {
                length,
                via,
                origin,
            });
            self.spread(server);
            if self.size.planted == Some(Planted::Minority) {
                self.settle(server);
            }
            return;
        };
        self.answer(via, origin, super::post::Said::Stored(said));
    }
}
