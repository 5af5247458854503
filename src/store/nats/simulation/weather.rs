//! What breaks, and when it is mended: servers, the lines between them, hosts' ways to them, processes, and hours in
//! which everything is slow.

use std::time::Duration;

use super::{cluster::SERVERS, host::View, queue::Event, world::World};
use crate::store::nats::replica::Contact;

/// How long until everything was quiet for long enough to be judged.
const AFTERWARDS: Duration = Duration::from_mins(1);
/// For how much of that people still want something: what was mended has to work.
const WISHES: Duration = Duration::from_secs(20);

/// Some of many: which, by chance, and how many of a hundred.
#[derive(Clone, Copy, Debug)]
pub(super) struct Few {
    salt: usize,
    percent: usize,
}

impl Few {
    fn has(self, one: usize) -> bool {
        let mixed = (one + 1)
            .wrapping_mul(2_654_435_761)
            .wrapping_add(self.salt);
        (mixed >> 7) % 100 < self.percent
    }
}

/// Something that is broken for a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weather {
    /// A server does not run.
    Server(usize),
    /// None does.
    Servers,
    /// Two servers do not reach each other.
    Line(usize, usize),
    /// A server reaches no other one.
    Lone(usize),
    /// Hosts reach none, or not this one.
    Hosts(Few, Option<usize>),
    /// Processes do not run.
    Processes(Few),
    /// Hosts come back with empty disks.
    Disks(Few),
    /// Everything is slow, and much is lost.
    Storm,
}

impl World {
    /// Something breaks, and soon something else.
    pub(super) fn break_something(&mut self) {
        if !self.faulty {
            return;
        }
        let next = Duration::from_millis(200) + self.chance_of(Duration::from_secs(6));
        self.queue.at(self.now + next, Event::Break);
        let server = self.chance.usize(0..SERVERS);
        let leader = (0..SERVERS).find(|server| self.servers[*server].leads());
        let other = (server + self.chance.usize(1..SERVERS)) % SERVERS;
        let some = |world: &mut Self, most| Few {
            salt: world.chance.usize(0..1 << 20),
            percent: world.chance.usize(1..=most),
        };
        let (weather, longest) = match self.chance.u8(0..21) {
            0..2 => (Weather::Server(server), 15),
            2..5 => (Weather::Server(leader.unwrap_or(server)), 10),
            5 => (Weather::Servers, 5),
            6..9 => (Weather::Line(server.min(other), server.max(other)), 20),
            9 => (Weather::Lone(server), 25),
            10..12 => (Weather::Lone(leader.unwrap_or(server)), 20),
            12..14 => (Weather::Hosts(some(self, 40), None), 30),
            14 => (Weather::Hosts(some(self, 60), Some(server)), 30),
            15..18 => (Weather::Processes(some(self, 30)), 12),
            18 => (Weather::Storm, 8),
            19 => (Weather::Disks(some(self, 15)), 5),
            _ => {
                if let Some(leader) = leader {
                    self.note(|| format!("server {leader} is asked to give way"));
                    self.step_down(leader);
                }
                return;
            }
        };
        let shortest = Duration::from_millis(100);
        let lasts = shortest + self.chance_of(Duration::from_secs(longest));
        self.note(|| format!("breaks for {lasts:?}: {weather:?}"));
        self.tally_fault(weather);
        self.queue.at(self.now + lasts, Event::Mend(weather));
        self.set(weather);
    }

    fn tally_fault(&mut self, weather: Weather) {
        match weather {
            Weather::Server(_) => self.tally.server_restarts += 1,
            Weather::Servers => self.tally.server_restarts += SERVERS as u64,
            Weather::Line(..) | Weather::Lone(_) | Weather::Hosts(..) => {
                self.tally.partitions += 1;
            }
            Weather::Processes(_) | Weather::Disks(_) | Weather::Storm => {}
        }
    }

    fn set(&mut self, weather: Weather) {
        match weather {
            Weather::Server(server) => self.lose(&[server]),
            Weather::Servers => self.lose(&[0, 1, 2]),
            Weather::Line(one, other) => self.part(one, other),
            Weather::Lone(server) => {
                for other in (0..SERVERS).filter(|other| *other != server) {
                    self.part(server, other);
                }
            }
            Weather::Hosts(some, server) => {
                for host in (0..self.hosts.len()).filter(|host| some.has(*host)) {
                    for one in servers(server) {
                        self.hosts[host].cut[one] += 1;
                    }
                    self.measure_apart(host);
                }
                self.suspect(|world, process| some.has(world.processes[process].host));
            }
            Weather::Processes(some) => {
                for process in (0..self.processes.len()).filter(|process| some.has(*process)) {
                    self.kill(process);
                }
            }
            Weather::Disks(some) => {
                for process in 0..self.processes.len() {
                    if some.has(self.processes[process].host) {
                        self.kill(process);
                    }
                }
                for host in (0..self.hosts.len()).filter(|host| some.has(*host)) {
                    self.hosts[host].view = View::default();
                }
            }
            Weather::Storm => self.storm += 1,
        }
    }

    pub(super) fn mend(&mut self, weather: Weather) {
        if !self.faulty {
            return;
        }
        self.note(|| format!("mended: {weather:?}"));
        match weather {
            Weather::Server(server) => self.start_server(server),
            Weather::Servers => (0..SERVERS).for_each(|server| self.start_server(server)),
            Weather::Line(one, other) => self.join(one, other),
            Weather::Lone(server) => {
                for other in (0..SERVERS).filter(|other| *other != server) {
                    self.join(server, other);
                }
            }
            Weather::Hosts(some, server) => {
                for host in (0..self.hosts.len()).filter(|host| some.has(*host)) {
                    for one in servers(server) {
                        self.hosts[host].cut[one] -= 1;
                    }
                    self.measure_apart(host);
                }
            }
            Weather::Processes(some) => {
                for process in (0..self.processes.len()).filter(|process| some.has(*process)) {
                    self.start(process);
                }
            }
            Weather::Disks(some) => {
                for process in 0..self.processes.len() {
                    if some.has(self.processes[process].host) {
                        self.start(process);
                    }
                }
            }
            Weather::Storm => self.storm -= 1,
        }
    }

    /// Everything is mended, for good.
    pub(super) fn calm(&mut self) {
        self.note(|| "everything is mended".to_owned());
        self.faulty = false;
        self.storm = 0;
        self.links = [[0; SERVERS]; SERVERS];
        for server in 0..SERVERS {
            if !self.servers[server].up() {
                self.servers[server].down = 1;
                self.start_server(server);
            }
        }
        for host in 0..self.hosts.len() {
            self.hosts[host].cut = [0; SERVERS];
            self.measure_apart(host);
            self.heals(host);
        }
        for process in 0..self.processes.len() {
            if !self.processes[process].up() {
                self.processes[process].down = 1;
                self.start(process);
            }
        }
        self.queue.at(self.now + WISHES, Event::Quiet);
        self.ends = self.now + AFTERWARDS;
    }

    fn lose(&mut self, gone: &[usize]) {
        for server in gone {
            self.stop_server(*server);
        }
        let gone = gone.to_vec();
        self.suspect(|world, process| {
            let it = &world.processes[process];
            let reads = it.reading.as_ref().map(|reading| reading.server);
            reads.is_some_and(|server| gone.contains(&server))
                || it.connection.is_some_and(|server| gone.contains(&server))
        });
    }

    fn part(&mut self, one: usize, other: usize) {
        self.links[one][other] += 1;
        self.links[other][one] += 1;
        self.suspect(|world, process| {
            let it = &world.processes[process];
            let reads = it.reading.as_ref().map(|reading| reading.server);
            reads == Some(one) || reads == Some(other)
        });
    }

    fn join(&mut self, one: usize, other: usize) {
        self.links[one][other] -= 1;
        self.links[other][one] -= 1;
    }

    /// Notes since when a host reaches nobody.
    fn measure_apart(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        let apart = it.cut.iter().all(|reasons| *reasons > 0);
        if !apart {
            it.apart = None;
        } else if it.apart.is_none() {
            let since = self.now;
            it.apart = Some(since);
            let at = since + self.bound;
            self.queue.at(at, Event::ApartDue { host, since });
        }
    }

    fn kill(&mut self, process: usize) {
        let it = &mut self.processes[process];
        it.down += 1;
        if it.down > 1 {
            return;
        }
        it.life += 1;
        it.turn += 1;
        it.connection = None;
        it.expected.clear();
        it.reading = None;
        it.follow = None;
        it.contact = Contact::new();
        self.tally.restarts += 1;
        self.abandon(process);
    }

    fn start(&mut self, process: usize) {
        let it = &mut self.processes[process];
        it.down -= 1;
        if it.down > 0 {
            return;
        }
        let life = it.life;
        let at = self.now + self.chance_of(Duration::from_millis(500));
        self.queue.at(at, Event::Begin { process, life });
    }
}

fn servers(one: Option<usize>) -> impl Iterator<Item = usize> {
    (0..SERVERS).filter(move |server| one.is_none_or(|one| one == *server))
}
