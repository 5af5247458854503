//! One picture: what is known of each minute, put together from the store, the heartbeats, the audit and the events.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{MINUTES, SLOTS};
use crate::{
    console::state::{data::Data, log::EventLog},
    control::{
        Recent as _,
        traffic::{self, History, Mark, Point, Told},
    },
    model::{ErrorClass, EventDecision, StoredEvent, Stretch, Workload, WorkloadName},
};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// Older than this, the end of what was read is not taken for now any more.
const FRESH: SignedDuration = SignedDuration::from_mins(3);

/// What was read of a workload's past.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// What the store told; `None`: nothing yet.
    pub history: Option<&'a History>,
    /// Why it could not be read the last time.
    pub failed: Option<&'a str>,
}

/// Events of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Class {
    /// The class; `None`: no failure, an operator has moved the traffic.
    pub class: Option<ErrorClass>,
    /// How many by place of time; those of the running minute last.
    pub counts: Vec<u64>,
}

impl Class {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self.class {
            Some(class) => class.as_str(),
            None => "switched by hand",
        }
    }
}

/// The events of an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Events {
    /// By class, the most frequent first.
    pub classes: Vec<Class>,
    /// Those before this moment are not counted.
    pub since: Option<Timestamp>,
    /// When the last whole minute ended.
    pub end: Timestamp,
}

/// An hour of one workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Picture {
    /// Whose.
    pub workload: WorkloadName,
    /// When the last whole minute ended.
    pub end: Timestamp,
    /// What is known of each minute; the last 60 seconds stand behind them.
    pub minutes: Vec<Told>,
    /// The changes of this hour, oldest first.
    pub marks: Vec<Mark>,
    /// The events of this hour.
    pub events: Events,
    /// Up to then the store has told. `None`: nothing yet.
    pub read: Option<Timestamp>,
    /// Why it could not be read the last time.
    pub failed: Option<String>,
}

impl Picture {
    /// Puts together what is known. `events`: the console was told at most so many of the past.
    #[must_use]
    pub fn new(
        data: &Data,
        workload: &Workload,
        past: Past<'_>,
        events: usize,
        now: Timestamp,
    ) -> Self {
        let end = end(past.history, now);
        let first = end - MINUTE * i32::try_from(MINUTES).unwrap_or(0);
        let mut minutes = vec![Told::Unknown; SLOTS];
        let mut points = Vec::with_capacity(MINUTES);
        for index in 0..MINUTES {
            let start = first + MINUTE * i32::try_from(index).unwrap_or(0);
            points.push(Point {
                start,
                told: Told::Unknown,
            });
        }
        for point in past.history.into_iter().flat_map(|history| &history.points) {
            let place = usize::try_from(point.start.duration_since(first).as_secs().div_euclid(60));
            if let Ok(place) = place
                && place < MINUTES
            {
                minutes[place] = point.told;
                points[place].told = point.told;
            }
        }
        minutes[MINUTES] = traffic::now(&data.heartbeats, &workload.name, now);
        Self {
            workload: workload.name.clone(),
            end,
            minutes,
            marks: traffic::marks(data.audit.iter(), workload, &points, now),
            events: Events::new(&data.log, Some(&workload.name), past.history, events, now),
            read: past.history.map(|history| history.until),
            failed: past.failed.map(str::to_owned),
        }
    }

    /// When a place of time began.
    #[must_use]
    pub fn start(&self, slot: usize) -> Timestamp {
        let back = i64::try_from(MINUTES.saturating_sub(slot)).unwrap_or(0);
        self.end - SignedDuration::from_mins(back)
    }

    /// The place of a moment; what came after the last whole minute has the last one.
    #[must_use]
    pub fn slot(&self, at: Timestamp) -> Option<usize> {
        slot(self.end, at)
    }
}

/// Where the axis ends: with what was read, so that a new minute is not a hole until it is told; with the clock when
/// that is too long ago.
fn end(history: Option<&History>, now: Timestamp) -> Timestamp {
    let clock = Stretch::Minute.start(Stretch::Minute.of(now));
    match history {
        Some(history) if history.until <= clock && now.duration_since(history.until) < FRESH => {
            history.until
        }
        Some(_) | None => clock,
    }
}

fn slot(end: Timestamp, at: Timestamp) -> Option<usize> {
    let minutes = Stretch::Minute.of(at) - Stretch::Minute.of(end);
    let last = i64::try_from(MINUTES).unwrap_or(0);
    usize::try_from(minutes.min(0) + last).ok()
}

impl Events {
    /// The events of an hour: of one workload, or of all. Whole minutes are the store's where it has told, the running
    /// one is the log's.
    #[must_use]
    pub fn new(
        log: &EventLog,
        workload: Option<&WorkloadName>,
        past: Option<&History>,
        told: usize,
        now: Timestamp,
    ) -> Self {
        let end = end(past, now);
        let first = end - SignedDuration::from_hours(1);
        let mut counts: BTreeMap<Option<ErrorClass>, Vec<u64>> = BTreeMap::new();
        let mut add = |at: Timestamp, class: Option<ErrorClass>, count: u64| {
            if let Some(place) = slot(end, at) {
                let of_class = counts.entry(class).or_insert_with(|| vec![0; SLOTS]);
                of_class[place.min(MINUTES)] += count;
            }
        };
        for count in past.into_iter().flat_map(|past| &past.events.counts) {
            add(count.start, count.class, count.count);
        }
        let from = if past.is_some() { end } else { first };
        let mut count = |stored: &StoredEvent| {
            let event = &stored.event;
            if event.decision != EventDecision::Readiness {
                add(event.at, event.class, 1);
            }
        };
        match workload {
            Some(workload) => log.of(workload, from).into_iter().for_each(&mut count),
            None => log.since(from).for_each(&mut count),
        }
        let mut classes: Vec<Class> = counts
            .into_iter()
            .map(|(class, counts)| Class { class, counts })
            .collect();
        classes.sort_by_key(|class| std::cmp::Reverse(class.total()));
        let since = match past {
            Some(past) => Some(past.events.since).filter(|since| *since > first),
            None => log.counted_since(told, 60, now),
        };
        Self {
            classes,
            since,
            end,
        }
    }
}
