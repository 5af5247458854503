//! What each worker counts of routes, in the same way as of workloads.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use super::{
    histogram::{Bounds, Histogram},
    traffic::{CLASSES, class_place, lock},
    window::Window,
};
use crate::{
    model::{CircuitState, ErrorClass, RouteName, RouteTraffic},
    policy::CircuitView,
};

/// One route's numbers.
#[derive(Debug)]
pub(super) struct RouteStats {
    shards: Box<[Mutex<RouteShard>]>,
}

#[derive(Debug, Default)]
struct RouteShard {
    in_flight: u64,
    recent: Option<Box<RouteRecent>>,
}

#[derive(Debug)]
struct RouteRecent {
    window: Window<2>,
    totals: RouteTotals,
}

/// Since the gateway's start.
#[derive(Clone, Debug)]
pub(super) struct RouteTotals {
    /// By class; the last: no failure.
    pub(super) attempts: [u64; CLASSES],
    pub(super) headers: Histogram,
}

impl Default for RouteTotals {
    fn default() -> Self {
        Self {
            attempts: Default::default(),
            headers: Histogram::new(Bounds::Answers),
        }
    }
}

impl RouteStats {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            shards: (0..workers.max(1)).map(|_| Mutex::default()).collect(),
        }
    }

    fn shard(&self, worker: usize) -> MutexGuard<'_, RouteShard> {
        lock(&self.shards[worker % self.shards.len()])
    }

    pub(super) fn begin(&self, worker: usize) {
        self.shard(worker).in_flight += 1;
    }

    /// An attempt was given up; its end says nothing about the route.
    pub(super) fn abandon(&self, worker: usize) {
        let mut shard = self.shard(worker);
        shard.in_flight = shard.in_flight.saturating_sub(1);
    }

    /// An attempt ended, well or with a failure.
    pub(super) fn finish(
        &self,
        worker: usize,
        second: u64,
        failure: Option<ErrorClass>,
        headers: Option<Duration>,
    ) {
        let mut shard = self.shard(worker);
        shard.in_flight = shard.in_flight.saturating_sub(1);
        let recent = shard.recent.get_or_insert_with(|| {
            Box::new(RouteRecent {
                window: Window::default(),
                totals: RouteTotals::default(),
            })
        });
        let counts = recent.window.at(second);
        counts[0] += 1;
        counts[1] += u32::from(failure.is_some());
        recent.totals.attempts[class_place(failure)] += 1;
        if let Some(time) = headers {
            recent.totals.headers.observe(time);
        }
    }

    pub(super) fn totals(&self) -> Option<RouteTotals> {
        let mut all: Option<RouteTotals> = None;
        for shard in &self.shards {
            if let Some(recent) = &lock(shard).recent {
                let all = all.get_or_insert_default();
                for (mine, theirs) in all.attempts.iter_mut().zip(recent.totals.attempts) {
                    *mine += theirs;
                }
                all.headers.add(&recent.totals.headers);
            }
        }
        all
    }

    /// The last minute. `None`: nothing came, nothing runs, and the circuit is closed.
    pub(super) fn traffic(
        &self,
        second: u64,
        route: &RouteName,
        circuit: CircuitView,
        tripped_by: Option<String>,
    ) -> Option<RouteTraffic> {
        let mut counts = [0; 2];
        let mut in_flight = 0;
        for shard in &self.shards {
            let shard = lock(shard);
            in_flight += shard.in_flight;
            if let Some(recent) = &shard.recent {
                recent.window.sum(second, &mut counts);
            }
        }
        let quiet = counts == [0; 2] && in_flight == 0;
        if quiet && circuit.state == CircuitState::Closed {
            return None;
        }
        Some(RouteTraffic {
            route: route.clone(),
            attempts: counts[0],
            failures: counts[1],
            circuit: circuit.state,
            tripped_by,
            in_flight,
        })
    }
}
