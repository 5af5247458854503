//! What each worker counts of workloads (`route_traffic`: of routes). Read by heartbeats and metrics.
//!
//! Every worker has a shard of its own, so the locks are not contended; readers add the shards up.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{
    histogram::{Bounds, Histogram},
    window::{Spread, Times, Window},
};
use crate::{
    model::{
        ErrorClass, EventDecision, Revision, RouteMark, RouteName, Routed, WorkloadName,
        WorkloadTraffic,
    },
    policy::Side,
};

/// Locks also after a panic elsewhere: counters have no state that could be half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Ending {
    /// Answered.
    Served,
    /// Answered with an error.
    Error,
    /// The answer broke after its first output.
    Broken,
    /// The client went away.
    ClientGone,
}

impl Ending {
    pub(super) const ALL: [Self; 4] = [Self::Served, Self::Error, Self::Broken, Self::ClientGone];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Error => "error",
            Self::Broken => "broken",
            Self::ClientGone => "client-gone",
        }
    }
}

/// One request, ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) at: Timestamp,
    pub(super) second: u64,
    /// The route that answered, in whatever way.
    pub(super) side: Option<Side>,
    /// Which one that is.
    pub(super) by: Option<RouteMark>,
    pub(super) ending: Ending,
    pub(super) primary_failed: bool,
    /// Whether any route failed for a reason that is not the caller's.
    pub(super) route_failed: bool,
    pub(super) first_output: Option<Duration>,
    pub(super) total: Duration,
    /// What the gateway itself took.
    pub(super) overhead: Option<Duration>,
    pub(super) revision: Revision,
}

const REQUESTS: usize = 0;
const PRIMARY_FAILURES: usize = 1;
const FALLBACKS: usize = 2;
const ERRORS: usize = 3;
const REFUSED: usize = 4;
const UNCAUGHT: usize = 5;
const COUNTS: usize = 6;

/// Counters by class.
pub(super) const CLASSES: usize = ErrorClass::ALL.len() + 1;

/// The place of a class in an array of counters; the last is for none.
pub(super) const fn class_place(class: Option<ErrorClass>) -> usize {
    match class {
        Some(class) => class as usize,
        None => CLASSES - 1,
    }
}

/// The classes in the order of their counters.
pub(super) fn classes() -> impl Iterator<Item = Option<ErrorClass>> {
    ErrorClass::ALL.into_iter().map(Some).chain([None])
}

const fn side_place(side: Option<Side>) -> usize {
    match side {
        Some(Side::Primary) => 0,
        Some(Side::Fallback) => 1,
        None => 2,
    }
}

/// The sides in the order of their counters.
pub(super) const SIDES: [Option<Side>; 3] = [Some(Side::Primary), Some(Side::Fallback), None];

/// Since the gateway's start.
#[derive(Clone, Debug)]
pub(super) struct Totals {
    /// By side, then ending.
    pub(super) requests: [[u64; 4]; 3],
    /// By decision, then class.
    pub(super) events: [[u64; CLASSES]; EventDecision::ALL.len()],
    pub(super) unlogged: u64,
    pub(super) first_output: Histogram,
    pub(super) total: Histogram,
    pub(super) overhead: Histogram,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            requests: Default::default(),
            events: Default::default(),
            unlogged: 0,
            first_output: Histogram::new(Bounds::Answers),
            total: Histogram::new(Bounds::Answers),
            overhead: Histogram::new(Bounds::Overhead),
        }
    }
}

impl Totals {
    fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.requests.iter_mut().zip(other.requests) {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        }
        for (mine, theirs) in self.events.iter_mut().zip(other.events) {
            mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
        }
        self.unlogged += other.unlogged;
        self.first_output.add(&other.first_output);
        self.total.add(&other.total);
        self.overhead.add(&other.overhead);
    }
}

/// One workload's numbers.
#[derive(Debug)]
pub(super) struct WorkloadStats {
    shards: Box<[Mutex<WorkloadShard>]>,
    /// Milliseconds since the epoch; 0: the primary is not failing.
    failing_since: AtomicI64,
    /// Milliseconds since the epoch; 0: it has not failed yet.
    last_failure: AtomicI64,
    /// Milliseconds since the epoch; 0: nothing has gone uncaught yet.
    last_uncaught: AtomicI64,
}

/// When an answer came, and which route gave it. The later one is the greater.
type Answered = (Timestamp, Option<RouteMark>);

#[derive(Debug, Default)]
struct WorkloadShard {
    in_flight: u64,
    /// Made with the first request, so that idle workloads cost little.
    recent: Option<Box<Recent>>,
    last_primary: Option<Answered>,
    last_fallback: Option<Answered>,
    last_routed: Option<(Revision, Timestamp, Side)>,
}

#[derive(Debug, Default)]
struct Recent {
    window: Window<COUNTS>,
    times: Times,
    totals: Totals,
}

impl WorkloadStats {
    pub(super) fn new(workers: usize) -> Self {
        Self {
            shards: (0..workers.max(1)).map(|_| Mutex::default()).collect(),
            failing_since: AtomicI64::new(0),
            last_failure: AtomicI64::new(0),
            last_uncaught: AtomicI64::new(0),
        }
    }

    fn shard(&self, worker: usize) -> MutexGuard<'_, WorkloadShard> {
        lock(&self.shards[worker % self.shards.len()])
    }

    pub(super) fn begin(&self, worker: usize) {
        self.shard(worker).in_flight += 1;
    }

    pub(super) fn finish(&self, worker: usize, finished: &Finished) {
        let mut shard = self.shard(worker);
        let shard = &mut *shard;
        shard.in_flight = shard.in_flight.saturating_sub(1);
        if finished.ending == Ending::Served {
            match finished.side {
                Some(Side::Primary) => shard.last_primary = Some((finished.at, finished.by)),
                Some(Side::Fallback) => shard.last_fallback = Some((finished.at, finished.by)),
                None => {}
            }
        }
        if let Some(side) = finished.side {
            let routed = (finished.revision, finished.at, side);
            let newer =
                |last: &(Revision, Timestamp, Side)| (last.0, last.1) <= (routed.0, routed.1);
            if shard.last_routed.as_ref().is_none_or(newer) {
                shard.last_routed = Some(routed);
            }
        }
        let recent = shard.recent.get_or_insert_default();
        let counts = recent.window.at(finished.second);
        counts[REQUESTS] += 1;
        counts[PRIMARY_FAILURES] += u32::from(finished.primary_failed);
        match finished.ending {
            Ending::Served if finished.side == Some(Side::Fallback) => counts[FALLBACKS] += 1,
            Ending::Error | Ending::Broken => {
                counts[ERRORS] += 1;
                if finished.route_failed {
                    counts[UNCAUGHT] += 1;
                    let millis = finished.at.as_millisecond();
                    self.last_uncaught.fetch_max(millis, Ordering::Relaxed);
                }
            }
            Ending::Served | Ending::ClientGone => {}
        }
        let totals = &mut recent.totals;
        totals.requests[side_place(finished.side)][finished.ending as usize] += 1;
        totals.total.observe(finished.total);
        if let Some(time) = finished.first_output {
            recent.times.add(finished.second, time);
            totals.first_output.observe(time);
        }
        if let Some(time) = finished.overhead {
            totals.overhead.observe(time);
        }
    }

    /// The primary failed for a reason that is not the caller's.
    pub(super) fn primary_failed(&self, at: Timestamp) {
        let millis = at.as_millisecond();
        self.last_failure.fetch_max(millis, Ordering::Relaxed);
        let _ =
            self.failing_since
                .compare_exchange(0, millis, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The primary gave an answer.
    pub(super) fn primary_served(&self) {
        // Read first: the line stays shared between the workers while nothing fails.
        if self.failing_since.load(Ordering::Relaxed) != 0 {
            self.failing_since.store(0, Ordering::Relaxed);
        }
    }

    pub(super) fn event(
        &self,
        worker: usize,
        second: u64,
        decision: EventDecision,
        class: Option<ErrorClass>,
    ) {
        let mut shard = self.shard(worker);
        let recent = shard.recent.get_or_insert_default();
        if decision == EventDecision::Refused {
            recent.window.at(second)[REFUSED] += 1;
        }
        recent.totals.events[decision as usize][class_place(class)] += 1;
    }

    pub(super) fn unlogged(&self, worker: usize) {
        self.shard(worker)
            .recent
            .get_or_insert_default()
            .totals
            .unlogged += 1;
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.shards.iter().map(|shard| lock(shard).in_flight).sum()
    }

    /// Since the start. `None`: nothing ever came.
    pub(super) fn totals(&self) -> Option<Totals> {
        let mut all: Option<Totals> = None;
        for shard in &self.shards {
            if let Some(recent) = &lock(shard).recent {
                all.get_or_insert_default().add(&recent.totals);
            }
        }
        all
    }

    /// The last minute. `None`: nothing came and nothing runs.
    pub(super) fn traffic(
        &self,
        second: u64,
        workload: &WorkloadName,
        route: impl Fn(Side) -> Option<RouteName>,
    ) -> Option<WorkloadTraffic> {
        let mut counts = [0; COUNTS];
        let mut spread = Spread::default();
        let (mut in_flight, mut last_primary, mut last_fallback) = (0, None, None);
        let mut last_routed = None;
        for shard in &self.shards {
            let shard = lock(shard);
            in_flight += shard.in_flight;
            last_primary = last_primary.max(shard.last_primary);
            last_fallback = last_fallback.max(shard.last_fallback);
            if let Some((revision, at, side)) = shard.last_routed
                && last_routed.is_none_or(|(known, when, _)| (known, when) < (revision, at))
            {
                last_routed = Some((revision, at, side));
            }
            if let Some(recent) = &shard.recent {
                recent.window.sum(second, &mut counts);
                recent.times.sum(second, &mut spread);
            }
        }
        if counts == [0; COUNTS] && in_flight == 0 {
            return None;
        }
        let millis = |percent| {
            let time: Duration = spread.quantile(percent)?;
            u64::try_from(time.as_millis()).ok()
        };
        let at = |answered: Option<Answered>| answered.map(|(at, _)| at);
        let by = |answered: Option<Answered>| answered.and_then(|(_, by)| by);
        Some(WorkloadTraffic {
            workload: workload.clone(),
            requests: counts[REQUESTS],
            primary_failures: counts[PRIMARY_FAILURES],
            fallbacks: counts[FALLBACKS],
            errors: counts[ERRORS],
            uncaught: counts[UNCAUGHT],
            last_uncaught: moment(&self.last_uncaught),
            refused: counts[REFUSED],
            first_output_p50_ms: millis(50),
            first_output_p95_ms: millis(95),
            in_flight,
            failing_since: moment(&self.failing_since),
            last_primary_failure: moment(&self.last_failure),
            last_primary: at(last_primary),
            last_primary_by: by(last_primary),
            last_fallback: at(last_fallback),
            last_fallback_by: by(last_fallback),
            last_routed: last_routed.and_then(|(revision, at, side)| {
                Some(Routed {
                    at,
                    route: route(side)?,
                    revision,
                })
            }),
        })
    }
}

/// Milliseconds since the epoch as a time; 0 is none.
fn moment(millis: &AtomicI64) -> Option<Timestamp> {
    match millis.load(Ordering::Relaxed) {
        0 => None,
        millis => Timestamp::from_millisecond(millis).ok(),
    }
}
