//! How a process follows the log and says how current it is: [`Follow`] and [`Contact`], and what the program does
//! around them.

use std::{sync::Arc, time::Duration};

use super::{
    Planted,
    cluster::SERVERS,
    host::Reading,
    post::{Ask, Purpose, Said},
    queue::Event,
    world::World,
};
use crate::store::{
    fact::Fact,
    nats::replica::{Arrival, Begin, Contact, Follow, Standing},
};

/// How long until a reader that hears nothing begins anew.
const SILENT: Duration = Duration::from_secs(4);

impl World {
    /// A process begins: with what the disk holds.
    pub(super) fn begin(&mut self, process: usize, life: u32) {
        if !self.processes[process].lives(life) {
            return;
        }
        let it = &mut self.processes[process];
        let applied = self.hosts[it.host].view.applied();
        it.contact = Contact::new();
        it.progress = applied;
        self.queue.at(self.now, Event::Connect { process, life });
        self.queue.at(self.now, Event::Read { process, life });
        self.poll_at(process, self.now);
        self.wake(process);
    }

    pub(super) fn connect(&mut self, process: usize, life: u32) {
        let it = &self.processes[process];
        if !it.lives(life) || it.connection.is_some() {
            return;
        }
        let first = self.chance.usize(0..SERVERS);
        let mut servers = (0..SERVERS).map(|server| (first + server) % SERVERS);
        let found = servers.find(|server| self.reaches(process, *server));
        if found.is_some() {
            self.processes[process].connection = found;
        } else {
            let again = Duration::from_millis(50) + self.chance_of(Duration::from_secs(1));
            self.queue
                .at(self.now + again, Event::Connect { process, life });
        }
    }

    /// A process notices that its server is gone.
    pub(super) fn ping(&mut self, process: usize, life: u32) {
        let it = &self.processes[process];
        if let Some(server) = it.connection
            && it.lives(life)
            && !self.reaches(process, server)
        {
            self.processes[process].connection = None;
            let at = self.now + self.chance_of(Duration::from_millis(200));
            self.queue.at(at, Event::Connect { process, life });
        }
    }

    /// The reading begins again after a while.
    pub(super) fn read_again(&mut self, process: usize, after: Duration) {
        let it = &mut self.processes[process];
        it.reading = None;
        it.follow = None;
        let life = it.life;
        let event = Event::Read { process, life };
        self.queue.at(self.now + after, event);
    }

    fn read_later(&mut self, process: usize, cause: &str) {
        let contact = &mut self.processes[process].contact;
        contact.unread(cause.to_owned());
        let rest = Duration::from_millis(100) + self.chance_of(Duration::from_millis(400));
        self.read_again(process, rest);
    }

    pub(super) fn read(&mut self, process: usize, life: u32) {
        let it = &self.processes[process];
        if !it.lives(life) || it.reading.is_some() {
            return;
        }
        let asks = |expected: &super::post::Expected| expected.purpose == Purpose::Read;
        if it.expected.iter().any(asks) {
            return;
        }
        self.ask(process, Purpose::Read, Ask::Info);
    }

    /// The leader said where the log ends, for a reading that begins.
    pub(super) fn found(&mut self, process: usize, asked: Duration, said: Said) {
        let log = match self.prove(process, asked, said) {
            Ok(log) => log,
            Err(cause) => return self.read_later(process, &cause),
        };
        let host = self.processes[process].host;
        let place = self.hosts[host].view.place();
        let (follow, begin) = Follow::begin(&place, &log);
        let from = match begin {
            Begin::From(from) | Begin::Base(from) => from,
            Begin::Anew => {
                if place.applied > 0 {
                    self.violated(format!("host {host} laid aside what it has seen"));
                }
                self.hosts[host].view.begin_anew(log.lineage);
                return self.read_again(process, Duration::from_micros(200));
            }
        };
        if log.last < place.applied {
            // A new leader may need a moment to know all of it.
            return self.read_later(process, "it ends before the view does");
        }
        let now = self.now;
        let server = self.chance.usize(0..SERVERS);
        let last = now + self.leg();
        let it = &mut self.processes[process];
        it.contact.begun(&log.lineage, place.applied, now);
        it.progress = place.applied;
        let connection = it.connection;
        if !connection.is_some_and(|connection| self.routed(connection, server)) {
            return self.read_later(process, "no reader was made");
        }
        let it = &mut self.processes[process];
        it.readings += 1;
        it.follow = Some(follow);
        it.reading = Some(Reading {
            server,
            number: it.readings,
            gone: false,
            sent: usize::try_from(from).unwrap_or(1) - 1,
            last,
        });
        self.push(process);
        self.poll_at(process, self.now);
    }

    /// How many read the log.
    pub(super) fn followers(&self) -> usize {
        let reads = self.processes.iter().filter(|it| it.reading.is_some());
        reads.count()
    }

    /// A server knows more: it tells its readers.
    pub(super) fn push_all(&mut self, server: usize) {
        for process in 0..self.processes.len() {
            let reading = self.processes[process].reading.as_ref();
            if reading.is_some_and(|reading| reading.server == server) {
                self.push(process);
            }
        }
    }

    fn push(&mut self, process: usize) {
        let leg = self.leg();
        let chance = self.chance.u16(..);
        let Some(reading) = self.processes[process].reading.as_mut() else {
            return;
        };
        let known = self.servers[reading.server].committed;
        if reading.gone || !self.servers[reading.server].up() || known <= reading.sent {
            return;
        }
        let (from, number) = (reading.sent, reading.number);
        reading.sent = known;
        reading.last = reading.last.max(self.now + leg);
        let at = reading.last;
        let deliver = |from| Event::Deliver {
            process,
            reading: number,
            from,
            through: known,
        };
        match chance {
            // Nobody hears of it.
            0..60 if self.faulty => {}
            // Again, and what came before it.
            60..200 if self.faulty => {
                self.queue.at(at, deliver(from));
                self.queue.at(at + leg, deliver(from.saturating_sub(3)));
            }
            _ => self.queue.at(at, deliver(from)),
        }
    }

    pub(super) fn deliver(&mut self, process: usize, number: u64, from: usize, through: usize) {
        let it = &self.processes[process];
        let (Some(connection), Some(reading)) = (it.connection, &it.reading) else {
            return;
        };
        let server = reading.server;
        let there = reading.number == number
            && it.up()
            && self.reaches(process, connection)
            && self.routed(connection, server);
        if !there {
            return;
        }
        for at in from.max(self.servers[server].first)..through {
            let message = self.servers[server].log.get(at).map(Arc::clone);
            let Some(message) = message else {
                return;
            };
            if !self.take(process, at as u64 + 1, &message.fact) {
                return;
            }
        }
    }

    /// A message came. Whether the reading goes on.
    fn take(&mut self, process: usize, sequence: u64, fact: &Arc<Fact>) -> bool {
        let Some(follow) = self.processes[process].follow.as_mut() else {
            return false;
        };
        match follow.arrived(sequence, &fact.id) {
            Arrival::Known => true,
            Arrival::Apply => self.keep(process, sequence, fact),
            Arrival::Adopt => {
                self.adopt(process, sequence, fact);
                self.read_again(process, Duration::from_micros(50));
                false
            }
            Arrival::Gap(_) if self.size.planted == Some(Planted::Gaps) => {
                self.keep_anyway(process, fact);
                true
            }
            Arrival::Gap(_) => {
                self.tally.gaps += 1;
                self.read_again(process, Duration::from_micros(50));
                false
            }
            Arrival::OtherPast => {
                let host = self.processes[process].host;
                self.violated(format!(
                    "host {host} has seen another fact at {sequence} than {}",
                    fact.id
                ));
                false
            }
        }
    }

    /// Applies a fact to the view of a process's host, if it is the next one there. Whether the reading goes on.
    pub(super) fn keep(&mut self, process: usize, sequence: u64, fact: &Arc<Fact>) -> bool {
        let host = self.processes[process].host;
        let applied = self.hosts[host].view.applied();
        if sequence > applied + 1 {
            self.read_again(process, Duration::from_micros(50));
            return false;
        }
        if sequence == applied + 1 {
            self.keep_anyway(process, fact);
        } else {
            self.progressed(process);
        }
        true
    }

    fn keep_anyway(&mut self, process: usize, fact: &Arc<Fact>) {
        let host = self.processes[process].host;
        let planted = self.size.planted;
        let done = self.hosts[host].view.apply(fact, &mut self.seals, planted);
        if let Err(wrong) = done {
            self.violated(format!("host {host}: {wrong}"));
        }
        self.applied(process, fact);
        self.progressed(process);
    }

    /// Makes the view of a process's host anew from what the log begins with.
    fn adopt(&mut self, process: usize, sequence: u64, fact: &Arc<Fact>) {
        let host = self.processes[process].host;
        let view = &mut self.hosts[host].view;
        // Another process of the host may have been faster.
        if view.applied() + 1 >= sequence {
            return;
        }
        if let Err(wrong) = view.adopt(sequence, fact) {
            return self.violated(format!("host {host}: {wrong}"));
        }
        self.tally.adopted += 1;
        self.note(|| format!("host {host} goes on from the base at {sequence}"));
        self.applied(process, fact);
        let ends = self.hosts[host].view.ends();
        self.expects(host, &ends);
        self.progressed(process);
    }

    fn progressed(&mut self, process: usize) {
        let host = self.processes[process].host;
        let applied = self.hosts[host].view.applied();
        let it = &mut self.processes[process];
        it.progress = applied;
        it.contact.applied(applied, self.now);
        self.look(process);
        self.reached(process);
    }

    pub(super) fn silent(&mut self, process: usize, number: u64) {
        let it = &self.processes[process];
        let Some(reading) = it.reading.as_ref().filter(|it| it.number == number) else {
            return;
        };
        let hears = !reading.gone
            && it.connection.is_some_and(|connection| {
                self.reaches(process, connection) && self.routed(connection, reading.server)
            });
        if !hears && self.size.planted != Some(Planted::Asleep) {
            self.read_later(process, "it is silent");
        }
    }

    /// Whoever reads from servers that may be gone notices it after a while.
    pub(super) fn suspect(&mut self, concerns: impl Fn(&Self, usize) -> bool) {
        for process in 0..self.processes.len() {
            if !concerns(self, process) {
                continue;
            }
            let at = self.now + SILENT + self.chance_of(SILENT / 2);
            let ping = self.now + self.chance_of(Duration::from_secs(5));
            let it = &self.processes[process];
            let life = it.life;
            if let Some(reading) = &it.reading {
                let reading = reading.number;
                self.queue.at(at, Event::Silent { process, reading });
            }
            self.queue.at(ping, Event::Ping { process, life });
        }
    }

    pub(super) fn poll_at(&mut self, process: usize, at: Duration) {
        let it = &mut self.processes[process];
        it.turn += 1;
        let turn = it.turn;
        self.queue.at(at, Event::Poll { process, turn });
    }

    pub(super) fn poll(&mut self, process: usize, turn: u64) {
        let it = &self.processes[process];
        if it.up() && it.turn == turn {
            self.ask(process, Purpose::Poll { turn }, Ask::Info);
        }
    }

    pub(super) fn polled(&mut self, process: usize, turn: u64, asked: Duration, said: Said) {
        // What came of it is noted where it is proved.
        let _ = self.prove(process, asked, said);
        let awake = self.size.planted != Some(Planted::Asleep);
        let it = &self.processes[process];
        if it.contact.stalled(self.now) && it.reading.is_some() && awake {
            self.tally.stalls += 1;
            self.read_again(process, Duration::from_micros(50));
        }
        if self.processes[process].turn == turn {
            let chance = self.chance.f64();
            let pause = self.processes[process].contact.pause(chance);
            self.poll_at(process, self.now + pause);
        }
    }

    /// Who says that it lacks nothing must not lack what was agreed on before the moment that it has proved.
    pub(super) fn look(&mut self, process: usize) {
        let it = &self.processes[process];
        let Standing::Current = it.contact.standing(self.now) else {
            return;
        };
        let host = it.host;
        let applied = usize::try_from(self.hosts[host].view.applied()).unwrap_or(0);
        let lacks = self.truth.get(applied);
        if let Some(lacks) = lacks
            && self.now >= lacks.agreed + self.bound
        {
            let late = self.now.saturating_sub(lacks.agreed);
            self.violated(format!(
                "host {host} says that it lacks nothing, and lacks what was acknowledged {late:?} ago"
            ));
        }
    }
}
