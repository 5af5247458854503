//! The way of a request to the log's leader and of the answer back: it takes its time, it is lost, it comes when its
//! author has long given up, and an answer may come twice.

use std::{sync::Arc, time::Duration};

use super::{
    Planted,
    cluster::{LINEAGE, SERVERS},
    queue::Event,
    world::World,
};
use crate::store::{
    fact::Fact,
    nats::{
        link::{NotStored, Stored},
        replica::{Answer, Log},
    },
};

/// How long an author waits for an answer; the program's own limit.
const ANSWER: Duration = Duration::from_millis(1_500);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) process: usize,
    pub(super) number: u64,
}

/// What is asked of the leader.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// To store this directly behind that place.
    Publish { fact: Arc<Fact>, after: u64 },
    /// Where the log ends.
    Info,
    /// To take away what stands before that place.
    Trim { first: u64 },
}

/// What is answered.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Stored(Result<Stored, NotStored>),
    Info(Log, Answer),
    /// There is no leader.
    Nobody,
    /// There is no answer.
    Silence,
}

/// What a process wants to know it for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To say how current it is.
    Poll { turn: u64 },
    /// To begin to read.
    Read,
    /// To come to the end of the log, for a request.
    CatchUp { work: u64 },
    /// To store a fact.
    Publish { work: u64 },
    /// To keep house.
    House,
    /// To trim the log.
    Trim,
}

/// An answer that a process waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) number: u64,
    pub(super) asked: Duration,
    pub(super) purpose: Purpose,
}

impl World {
    /// Whether a process reaches a server directly.
    pub(super) fn reaches(&self, process: usize, server: usize) -> bool {
        let host = &self.hosts[self.processes[process].host];
        self.servers[server].up() && host.cut[server] == 0
    }

    /// How long a message takes between a host and a server.
    pub(super) fn leg(&mut self) -> Duration {
        let slow = self.storm > 0;
        let usual = Duration::from_micros(80) + self.chance_of(Duration::from_micros(900));
        match self.chance.u16(0..1_000) {
            0..3 => usual + self.chance_of(Duration::from_millis(400)),
            _ if slow && self.chance.u8(0..4) == 0 => {
                usual + self.chance_of(Duration::from_millis(2_500))
            }
            _ => usual,
        }
    }

    /// The same between two servers.
    pub(super) fn hop(&mut self) -> Duration {
        let usual = Duration::from_micros(60) + self.chance_of(Duration::from_micros(500));
        match self.chance.u16(0..1_000) {
            0..5 => usual + self.chance_of(Duration::from_millis(300)),
            _ => usual,
        }
    }

    /// Whether a message is lost.
    fn lost(&mut self) -> bool {
        let share = if self.storm > 0 { 60 } else { 2 };
        self.faulty && self.chance.u16(0..1_000) < share
    }

    /// Asks the leader; the answer comes to `heard`, sooner or later.
    pub(super) fn ask(&mut self, process: usize, purpose: Purpose, ask: Ask) {
        self.numbers += 1;
        let number = self.numbers;
        let asked = self.now;
        let it = &mut self.processes[process];
        it.expected.push(Expected {
            number,
            asked,
            purpose,
        });
        let origin = Origin { process, number };
        let Some(server) = it.connection else {
            let said = match ask {
                Ask::Publish { .. } => Said::Stored(Err(NotStored::Away)),
                Ask::Info | Ask::Trim { .. } => Said::Nobody,
            };
            // A process hears that from its own library.
            return self.heard(origin, said);
        };
        self.queue.at(asked + ANSWER, Event::GiveUp { origin });
        let at = if !self.reaches(process, server) || self.lost() {
            // It is gone, or it waits somewhere on the way.
            if self.chance.bool() {
                return;
            }
            asked + Duration::from_millis(300) + self.chance_of(Duration::from_secs(10))
        } else {
            asked + self.leg()
        };
        let arrives = Event::Arrive {
            server,
            origin,
            ask,
        };
        self.queue.at(at, arrives);
    }

    pub(super) fn arrive(&mut self, server: usize, origin: Origin, ask: &Ask) {
        if !self.servers[server].up() {
            return;
        }
        // Two may take themselves for the leader; each is then asked that can be reached.
        let mut nobody = true;
        for leader in 0..SERVERS {
            if !self.speaks(leader) || !self.routed(server, leader) {
                continue;
            }
            nobody = false;
            match ask {
                Ask::Publish { fact, after } => {
                    self.publish(leader, server, origin, fact, *after);
                }
                Ask::Info => {
                    let (log, answer) = self.info(leader);
                    self.answer(server, origin, Said::Info(log, answer));
                }
                // Nothing waits for the answer.
                Ask::Trim { first } => self.trim(leader, *first),
            }
        }
        if nobody && self.chance.bool() {
            self.answer(server, origin, Said::Nobody);
        }
    }

    /// What a leader says of the log.
    pub(super) fn info(&self, server: usize) -> (Log, Answer) {
        let it = &self.servers[server];
        let last = it.committed as u64;
        let others = (0..SERVERS).filter(|other| *other != server);
        let log = Log {
            lineage: LINEAGE.to_owned(),
            first: it.first as u64 + 1,
            last,
        };
        let heard = |other: usize| match self.size.planted {
            Some(Planted::Boastful) => Some(Duration::ZERO),
            _ => it.heard[other].map(|at| self.now.saturating_sub(at)),
        };
        let answer = Answer {
            lineage: LINEAGE.to_owned(),
            last,
            others: others.map(heard).collect(),
            followers: self.readers,
        };
        (log, answer)
    }

    /// Sends an answer back, over the server where the request came in.
    pub(super) fn answer(&mut self, via: usize, origin: Origin, said: Said) {
        if !self.servers[via].up() || self.lost() {
            return;
        }
        if self.chance.u8(..) == 0 {
            let at = self.now + self.leg() + self.leg();
            let said = said.clone();
            self.queue.at(at, Event::Answer { origin, said });
        }
        let at = self.now + self.hop() + self.leg();
        self.queue.at(at, Event::Answer { origin, said });
    }

    pub(super) fn answered(&mut self, origin: Origin, said: Said) {
        let it = &self.processes[origin.process];
        if let Some(server) = it.connection
            && self.reaches(origin.process, server)
        {
            self.heard(origin, said);
        }
    }

    /// An answer came, or none will; the first one counts.
    pub(super) fn heard(&mut self, origin: Origin, said: Said) {
        let it = &mut self.processes[origin.process];
        let place = it
            .expected
            .iter()
            .position(|expected| expected.number == origin.number);
        let Some(place) = place else {
            return;
        };
        let expected = it.expected.swap_remove(place);
        match expected.purpose {
            Purpose::Poll { turn } => self.polled(origin.process, turn, expected.asked, said),
            Purpose::Read => self.found(origin.process, expected.asked, said),
            Purpose::CatchUp { work } => {
                self.came(origin.process, work, expected.asked, said);
            }
            Purpose::Publish { work } => self.told(origin.process, work, said),
            Purpose::House => self.shorten(origin.process, expected.asked, said),
            Purpose::Trim => {}
        }
    }

    /// Notes what an answer to [`Ask::Info`] says of how current the process is. `Err`: it proves nothing.
    pub(super) fn prove(
        &mut self,
        process: usize,
        asked: Duration,
        said: Said,
    ) -> Result<Log, String> {
        let contact = &mut self.processes[process].contact;
        match said {
            Said::Info(log, answer) => {
                let proven = contact.answered(asked, &answer);
                self.look(process);
                if proven {
                    Ok(log)
                } else {
                    Err("too few of the cluster's servers are in touch".to_owned())
                }
            }
            Said::Nobody | Said::Silence | Said::Stored(_) => {
                let cause = "the cluster does not answer".to_owned();
                contact.failed(cause.clone());
                Err(cause)
            }
        }
    }
}
