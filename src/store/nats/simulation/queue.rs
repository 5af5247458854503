//! What is going to happen, in the order of time; what happens at once, in the order in which it was told.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    time::Duration,
};

use super::{
    cluster::Append,
    post::{Ask, Origin, Said},
    weather::Weather,
};
use crate::store::nats::replica::Next;

/// Something that is going to happen. `life`: of which life of a process; it is nothing to the next one.
#[derive(Debug)]
pub(super) enum Event {
    /// A leader speaks to the others.
    Heartbeat { server: usize, term: u64 },
    /// Whether a server has to become the leader.
    Election { server: usize, armed: u64 },
    /// The leader's words are at a server.
    Append { to: usize, append: Box<Append> },
    /// The answer is at the leader.
    Appended {
        server: usize,
        from: usize,
        term: u64,
        length: usize,
    },
    /// A request is at the server to which its author is connected.
    Arrive {
        server: usize,
        origin: Origin,
        ask: Ask,
    },
    /// What was answered is at its author's host.
    Answer { origin: Origin, said: Said },
    /// The author waits no longer.
    GiveUp { origin: Origin },
    /// Messages of the log are at a host.
    Deliver {
        process: usize,
        reading: u64,
        from: usize,
        through: usize,
    },
    /// A reader hears nothing.
    Silent { process: usize, reading: u64 },
    /// A process begins.
    Begin { process: usize, life: u32 },
    /// A process looks for a server.
    Connect { process: usize, life: u32 },
    /// Whether a connection still is one.
    Ping { process: usize, life: u32 },
    /// A process begins to read the log.
    Read { process: usize, life: u32 },
    /// A process asks the leader.
    Poll { process: usize, turn: u64 },
    /// A request goes on.
    Step {
        process: usize,
        work: u64,
        next: Next,
    },
    /// The view did not come to where the log ended.
    Behind { process: usize, work: u64 },
    /// An operator wants something.
    Wish { process: usize, life: u32 },
    /// A gateway looks for what has expired.
    Expiry { process: usize, life: u32 },
    /// A gateway keeps house.
    House { process: usize, life: u32 },
    /// Something breaks.
    Break,
    /// Something is mended.
    Mend(Weather),
    /// Everything is mended, for good.
    Calm,
    /// Nobody wants anything any more.
    Quiet,
    /// Who still lacks this must not say that it lacks nothing.
    CurrentDue { sequence: usize },
    /// Who has been cut off since then must say so.
    ApartDue { host: usize, since: Duration },
}

/// By time, then in the order of being told.
#[derive(Debug)]
struct Due {
    at: Duration,
    number: u64,
    event: Event,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<Due>>,
    told: u64,
}

impl Queue {
    pub(super) fn at(&mut self, at: Duration, event: Event) {
        self.told += 1;
        self.heap.push(Reverse(Due {
            at,
            number: self.told,
            event,
        }));
    }

    pub(super) fn next(&mut self) -> Option<(Duration, Event)> {
        self.heap.pop().map(|Reverse(due)| (due.at, due.event))
    }

    /// How much has been told in all.
    pub(super) fn told(&self) -> u64 {
        self.told
    }
}
