//! The whole of it, and its time: what is next happens, until everything was mended and quiet for a while.

use std::{collections::VecDeque, time::Duration};

use fastrand::Rng;

use super::{
    Size,
    cluster::{SERVERS, Server},
    host::{Host, Process, Role, View},
    post::Said,
    queue::{Event, Queue},
    report::Report,
    truth::{Agreed, Seals},
    work::Operation,
};
use crate::model::PlanId;

/// How much of what happened is kept to be shown.
const KEPT: usize = 60;
/// How much a host's clock is wrong at most, in microseconds.
const SKEW: i64 = 300_000;

/// The newest that happened.
#[derive(Debug, Default)]
pub(super) struct Trace(VecDeque<String>);

impl Trace {
    pub(super) fn push(&mut self, line: String) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }
}

/// All of it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) size: Size,
    pub(super) chance: Rng,
    pub(super) now: Duration,
    pub(super) ends: Duration,
    pub(super) queue: Queue,
    pub(super) servers: Vec<Server>,
    /// How many reasons there are for two servers not to reach each other.
    pub(super) links: [[u32; SERVERS]; SERVERS],
    pub(super) hosts: Vec<Host>,
    /// The gateways of the hosts in their order, then the operators.
    pub(super) processes: Vec<Process>,
    /// Things still break.
    pub(super) faulty: bool,
    /// How many reasons there are for everything to be slow.
    pub(super) storm: u32,
    /// People still want something.
    pub(super) wishes: bool,
    /// Plans that were told to others.
    pub(super) board: Vec<PlanId>,
    pub(super) numbers: u64,
    /// How many read the log, as of the last time that a leader spoke.
    pub(super) readers: usize,
    pub(super) truth: Vec<Agreed>,
    pub(super) seals: Seals,
    pub(super) history: Vec<Operation>,
    pub(super) tally: Report,
    pub(super) trace: Trace,
    /// How long one may say that nothing is lacking although something is.
    pub(super) bound: Duration,
}

impl World {
    pub(super) fn new(seed: u64, size: Size) -> Self {
        let mut chance = Rng::with_seed(seed);
        // Every second operator sits at a gateway's host, the others at one of their own.
        let own = size.operators.div_ceil(2);
        let hosts = size.gateways + own;
        let host = |number: usize, chance: &mut Rng| Host {
            name: format!("host-{number}"),
            view: View::default(),
            cut: [0; SERVERS],
            apart: None,
            ahead: chance.i64(-SKEW..=SKEW),
            healing: None,
        };
        let hosts: Vec<Host> = (0..hosts).map(|number| host(number, &mut chance)).collect();
        let gateways = (0..size.gateways).map(|host| Process::new(host, Role::Gateway));
        let operators = (0..size.operators).map(|number| {
            let shared = number % size.gateways.max(1);
            let host = if number % 2 == 0 {
                size.gateways + number / 2
            } else {
                shared
            };
            Process::new(host, Role::Operator)
        });
        let processes: Vec<Process> = gateways.chain(operators).collect();
        // Promised: 5 s, and with many readers twice the pause between two questions of each.
        let readers = u32::try_from(processes.len()).unwrap_or(u32::MAX);
        let bound = Duration::from_secs(5).max(Duration::from_millis(10) * readers);
        Self {
            chance,
            now: Duration::ZERO,
            ends: Duration::MAX,
            queue: Queue::default(),
            servers: (0..SERVERS).map(|_| Server::new()).collect(),
            links: [[0; SERVERS]; SERVERS],
            hosts,
            processes,
            faulty: true,
            storm: 0,
            wishes: true,
            board: Vec::new(),
            numbers: 0,
            readers: 0,
            truth: Vec::new(),
            seals: Seals::default(),
            history: Vec::new(),
            tally: Report {
                seed,
                ..Report::default()
            },
            trace: Trace::default(),
            bound,
            size,
        }
    }

    /// Plays it to its end, or to the first thing that must not be.
    pub(super) fn run(mut self) -> Report {
        for server in 0..SERVERS {
            self.arm(server);
        }
        for process in 0..self.processes.len() {
            let life = self.processes[process].life;
            let at = self.chance_of(Duration::from_secs(8));
            self.queue.at(at, Event::Begin { process, life });
        }
        self.queue.at(Duration::from_secs(15), Event::Break);
        let calm = Duration::from_secs(15) + self.size.faults;
        self.queue.at(calm, Event::Calm);
        while self.tally.violations.is_empty()
            && let Some((at, event)) = self.queue.next()
            && at <= self.ends
        {
            self.now = at;
            self.tally.steps += 1;
            let micros = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
            let mixed = self.tally.digest.rotate_left(5) ^ micros ^ self.queue.told();
            self.tally.digest = mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.happen(event);
        }
        if self.tally.violations.is_empty() {
            self.judge();
        }
        let mut report = self.tally;
        report.lasted = self.now;
        report.facts = self.truth.len() as u64;
        if !report.violations.is_empty() {
            report.trace = self.trace.0.into();
        }
        report
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Heartbeat { server, term } => self.heartbeat(server, term),
            Event::Election { server, armed } => self.election(server, armed),
            Event::Append { to, append } => self.append(to, *append),
            Event::Appended {
                server,
                from,
                term,
                length,
            } => self.appended(server, from, term, length),
            Event::Arrive {
                server,
                origin,
                ask,
            } => self.arrive(server, origin, &ask),
            Event::Answer { origin, said } => self.answered(origin, said),
            Event::GiveUp { origin } => self.heard(origin, Said::Silence),
            Event::Deliver {
                process,
                reading,
                from,
                through,
            } => self.deliver(process, reading, from, through),
            Event::Silent { process, reading } => self.silent(process, reading),
            Event::Begin { process, life } => self.begin(process, life),
            Event::Connect { process, life } => self.connect(process, life),
            Event::Ping { process, life } => self.ping(process, life),
            Event::Read { process, life } => self.read(process, life),
            Event::Poll { process, turn } => self.poll(process, turn),
            Event::Step {
                process,
                work,
                next,
            } => self.step(process, work, next),
            Event::Behind { process, work } => self.behind(process, work),
            Event::Wish { process, life } => self.wish(process, life),
            Event::Expiry { process, life } => self.expiry(process, life),
            Event::House { process, life } => self.keep_house(process, life),
            Event::Break => self.break_something(),
            Event::Mend(weather) => self.mend(weather),
            Event::Calm => self.calm(),
            Event::Quiet => self.wishes = false,
            Event::CurrentDue { sequence } => self.current_due(sequence),
            Event::ApartDue { host, since } => self.apart_due(host, since),
        }
    }

    /// Some time up to this.
    pub(super) fn chance_of(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.chance.f64())
    }

    /// Keeps in mind what happened.
    pub(super) fn note(&mut self, line: impl FnOnce() -> String) {
        let at = self.now.as_secs_f64();
        self.trace.push(format!("{at:10.4} {}", line()));
    }

    /// Something must not be.
    pub(super) fn violated(&mut self, what: String) {
        self.note(|| format!("VIOLATION {what}"));
        self.tally.violations.push(what);
    }
}
