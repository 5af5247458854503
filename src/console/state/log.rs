//! The event log as the console keeps it: the newest 10,000 events with their outcomes, and counts by minute.
//!
//! Memory is bounded here; what falls out is counted and stays in the store. An event has a number that never
//! changes while it is kept, so that cursors and filters can hold on to it.

use std::{
    collections::{HashMap, HashSet, VecDeque, hash_map::Entry},
    hash::Hash,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    control::Recent,
    model::{
        self, Event, EventDecision, EventId, GatewayName, RouteName, Seq, StoredEvent, WorkloadName,
    },
};

/// The most events kept.
pub const KEPT: usize = 10_000;
/// The most names of a kind that are remembered.
const NAMES: usize = 10_000;
/// The most minutes counted.
const MINUTES: usize = 60;
/// Events come almost in the order of their decisions: the clocks of gateways are not further apart than this.
const APART: SignedDuration = SignedDuration::from_secs(30);

/// Counts of one minute, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The fallback was chosen.
    pub fallback: u64,
    /// Refused by policy.
    pub refused: u64,
    /// Both routes failed, or the answer broke.
    pub failed: u64,
    /// Made by a provider itself.
    pub provider_made: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.fallback + self.refused + self.failed + self.provider_made
    }

    fn add(&mut self, decision: EventDecision) {
        match decision {
            EventDecision::Fallback => self.fallback += 1,
            EventDecision::Refused => self.refused += 1,
            EventDecision::Exhausted | EventDecision::Broken => self.failed += 1,
            EventDecision::ProviderMade => self.provider_made += 1,
            // It is about no request.
            EventDecision::Readiness => {}
        }
    }
}

/// The names that events hold.
#[derive(Clone, Debug, Default)]
struct Names {
    gateways: HashSet<GatewayName>,
    workloads: HashSet<WorkloadName>,
    routes: HashSet<RouteName>,
}

impl Names {
    /// Has an event hold the names that others hold already.
    fn share(&mut self, event: &mut Event) {
        one(&mut self.gateways, &mut event.gateway);
        one(&mut self.workloads, &mut event.workload);
        let attempts = event.attempts.iter_mut().map(|attempt| &mut attempt.route);
        let routes = attempts
            .chain([&mut event.primary])
            .chain(&mut event.fallback);
        for route in routes {
            one(&mut self.routes, route);
        }
        event.attempts.shrink_to_fit();
    }
}

/// Replaces a name by the same one that is known already.
fn one<N: Clone + Eq + Hash>(known: &mut HashSet<N>, name: &mut N) {
    if let Some(same) = known.get(name) {
        *name = same.clone();
        return;
    }
    if known.len() >= NAMES {
        known.clear();
    }
    known.insert(name.clone());
}

/// The log.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    events: VecDeque<StoredEvent>,
    /// The number of the oldest event that is kept.
    first: u64,
    /// Decisions whose outcome is not known yet.
    open: HashMap<EventId, u64>,
    /// The numbers of each workload's events, ascending.
    of: HashMap<WorkloadName, VecDeque<u64>>,
    /// The names in them: each stands in memory once, and not in every event.
    names: Names,
    /// Counts by minute since the epoch, oldest first, no two alike.
    minutes: VecDeque<(i64, Counts)>,
    /// The decision time of the first event that was ever told.
    since: Option<Timestamp>,
    newest: Seq,
    /// Events decided before this moment are the backlog.
    opened: Timestamp,
    /// How much of the backlog was told.
    backlog: usize,
}

impl EventLog {
    /// An empty log for a console that opened at this moment.
    #[must_use]
    pub fn new(opened: Timestamp) -> Self {
        Self {
            // Not a power of two above it, which a growing one would become.
            events: VecDeque::with_capacity(KEPT),
            opened,
            ..Self::default()
        }
    }

    /// Takes in entries of the store's log, oldest first. What was told before is passed over. Answers how
    /// many events are new.
    pub fn extend(&mut self, entries: Vec<(Seq, model::Entry)>) -> usize {
        let mut added = 0;
        for (seq, entry) in entries {
            if seq <= self.newest {
                continue;
            }
            self.newest = seq;
            match entry {
                model::Entry::Decision(mut event) => {
                    self.names.share(&mut event);
                    self.since.get_or_insert(event.at);
                    self.backlog += usize::from(event.at < self.opened);
                    self.count(event.at, event.decision);
                    if self.events.len() == KEPT {
                        self.forget_oldest();
                    }
                    if event.decision != EventDecision::Readiness {
                        self.open.insert(event.id, self.end());
                    }
                    let end = self.end();
                    let of_it = self.of.entry(event.workload.clone()).or_default();
                    of_it.push_back(end);
                    self.events.push_back(StoredEvent {
                        seq,
                        event: *event,
                        outcome: None,
                    });
                    added += 1;
                }
                model::Entry::Outcome(outcome) => {
                    let number = self.open.remove(&outcome.event);
                    if let Some(event) = number.and_then(|number| self.get_mut(number)) {
                        event.outcome = Some(outcome);
                    }
                }
            }
        }
        added
    }

    fn forget_oldest(&mut self) {
        if let Some(event) = self.events.pop_front() {
            self.open.remove(&event.event.id);
            self.first += 1;
            if let Entry::Occupied(mut of_it) = self.of.entry(event.event.workload) {
                of_it.get_mut().pop_front();
                if of_it.get().is_empty() {
                    of_it.remove();
                }
            }
        }
    }

    fn count(&mut self, at: Timestamp, decision: EventDecision) {
        let minute = at.as_second().div_euclid(60);
        // Gateways' events arrive almost in order: the place is at or near the end.
        let place = self.minutes.iter().rposition(|(known, _)| *known <= minute);
        match place {
            Some(index) if self.minutes[index].0 == minute => self.minutes[index].1.add(decision),
            other => {
                let mut counts = Counts::default();
                counts.add(decision);
                self.minutes
                    .insert(other.map_or(0, |index| index + 1), (minute, counts));
                if self.minutes.len() > MINUTES {
                    self.minutes.pop_front();
                }
            }
        }
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut StoredEvent> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.events.get_mut(index)
    }

    /// An event by its number.
    #[must_use]
    pub fn get(&self, number: u64) -> Option<&StoredEvent> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.events.get(index)
    }

    /// The number of the oldest event that is kept; also how many were let go.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The number that the next event will have.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    /// How many events are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events that are kept, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &StoredEvent> + ExactSizeIterator {
        self.events.iter()
    }

    /// Events decided at or after a moment, oldest first.
    pub fn since(&self, moment: Timestamp) -> impl Iterator<Item = &StoredEvent> {
        // Gateways' clocks may differ by some seconds, so the search does not stop at the first older one.
        let slack = 256;
        let mut older = 0;
        let start = self
            .events
            .iter()
            .rposition(|event| {
                older += usize::from(event.event.at < moment);
                older > slack
            })
            .map_or(0, |index| index + 1);
        self.events
            .range(start..)
            .filter(move |event| event.event.at >= moment)
    }

    /// Counts of the last `minutes` minutes, oldest first, the running one last.
    #[must_use]
    pub fn histogram(&self, minutes: usize, now: Timestamp) -> Vec<Counts> {
        let last = now.as_second().div_euclid(60);
        let mut bars = vec![Counts::default(); minutes];
        for (minute, counts) in &self.minutes {
            let ago = usize::try_from(last - minute).unwrap_or(0);
            if ago < minutes {
                bars[minutes - 1 - ago] = *counts;
            }
        }
        bars
    }

    /// The moment from which on everything was counted, when the counts of the last `minutes` minutes may be
    /// incomplete: the console was told only the newest `limit` of what happened before it opened.
    #[must_use]
    pub fn counted_since(&self, limit: usize, minutes: i64, now: Timestamp) -> Option<Timestamp> {
        let since = self.since?;
        let cut = self.backlog >= limit && now.as_second() - since.as_second() < minutes * 60;
        cut.then_some(since)
    }
}

impl Recent for EventLog {
    fn of(&self, workload: &WorkloadName, since: Timestamp) -> Vec<&StoredEvent> {
        let numbers = self.of.get(workload).into_iter().flatten().rev();
        let events = numbers.filter_map(|number| self.get(*number));
        let mut recent: Vec<&StoredEvent> = events
            .take_while(|stored| stored.event.at >= since - APART)
            .filter(|stored| stored.event.at >= since)
            .collect();
        recent.reverse();
        recent
    }

    fn span(&self, workload: &WorkloadName) -> (u64, u64) {
        let numbers = self.of.get(workload);
        let ends = numbers.and_then(|numbers| numbers.front().zip(numbers.back()));
        ends.map_or((0, 0), |(first, last)| (*first, last + 1))
    }
}
