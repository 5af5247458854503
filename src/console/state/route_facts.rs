//! What the routes screen tells besides a route's status: the classes of its failures within the hour, and how
//! quickly it answered its last probes.
//!
//! The classes are counted from the events that the console keeps. The past of probes is asked for once for
//! each route that is looked at; what is probed from then on is added from the news.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::log::EventLog;
use crate::{
    control::{RouteStatus, Tried},
    model::{ErrorClass, ProbePoint, ProbeSubject, RouteName},
};

/// The most probes remembered of a route.
const POINTS: usize = 16;
/// How far back failures are counted.
const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Between two counts of failures: they are of an hour.
const APART: SignedDuration = SignedDuration::from_secs(1);

/// What the failures were counted of.
#[derive(Clone, Copy, Debug)]
struct Counted {
    at: Timestamp,
    /// The number that the next event has.
    end: u64,
    /// When the oldest of them is an hour old.
    until: Option<Timestamp>,
}

/// The facts, by route.
#[derive(Clone, Debug, Default)]
pub struct RouteFacts {
    classes: BTreeMap<RouteName, Vec<(ErrorClass, usize)>>,
    points: BTreeMap<RouteName, VecDeque<ProbePoint>>,
    asked: BTreeSet<RouteName>,
    /// What was looked at, by place.
    seen: Vec<(RouteName, Arc<[Tried]>)>,
    counted: Option<Counted>,
}

impl RouteFacts {
    /// The classes of failed attempts on a route in the last hour, the most frequent first.
    #[must_use]
    pub fn classes(&self, route: &RouteName) -> &[(ErrorClass, usize)] {
        self.classes.get(route).map_or(&[], Vec::as_slice)
    }

    /// Its last probes with samples, oldest first.
    pub fn points(&self, route: &RouteName) -> impl DoubleEndedIterator<Item = &ProbePoint> {
        self.points.get(route).into_iter().flatten()
    }

    /// Takes in what is new in the status of every route.
    pub fn look(&mut self, routes: &[Arc<RouteStatus>]) {
        self.seen.truncate(routes.len());
        for (place, status) in routes.iter().enumerate() {
            let seen = self.seen.get(place).is_some_and(|(route, samples)| {
                *route == status.route && Arc::ptr_eq(samples, &status.samples)
            });
            if seen {
                continue;
            }
            let samples = status
                .samples
                .iter()
                .filter(|tried| matches!(tried.subject, ProbeSubject::Sample(_)));
            for tried in samples {
                self.add(
                    &status.route,
                    ProbePoint {
                        at: tried.at,
                        verdict: tried.verdict,
                        class: tried.class,
                        first_output: tried.first_output,
                    },
                );
            }
            let of_it = (status.route.clone(), Arc::clone(&status.samples));
            match self.seen.get_mut(place) {
                Some(before) => *before = of_it,
                None => self.seen.push(of_it),
            }
        }
    }

    /// Counts the failures of the last hour, when there are others than at the last count.
    pub fn recount(&mut self, log: &EventLog, now: Timestamp) {
        let stands = self.counted.is_some_and(|counted| {
            let age = now.duration_since(counted.at);
            let moved = counted.end != log.end() && age >= APART;
            !(moved || age < SignedDuration::ZERO || counted.until.is_some_and(|until| until < now))
        });
        if stands {
            return;
        }
        let oldest = log.since(now - HOUR).map(|stored| stored.event.at).min();
        self.counted = Some(Counted {
            at: now,
            end: log.end(),
            until: oldest.and_then(|oldest| oldest.checked_add(HOUR).ok()),
        });
        self.count(log, now);
    }

    fn count(&mut self, log: &EventLog, now: Timestamp) {
        let mut counts: BTreeMap<&RouteName, BTreeMap<ErrorClass, usize>> = BTreeMap::new();
        for stored in log.since(now - HOUR) {
            for attempt in &stored.event.attempts {
                if let Some(class) = attempt.class {
                    let of_route = counts.entry(&attempt.route).or_default();
                    *of_route.entry(class).or_default() += 1;
                }
            }
        }
        self.classes = counts
            .into_iter()
            .map(|(route, counts)| {
                let mut counts: Vec<_> = counts.into_iter().collect();
                counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                (route.clone(), counts)
            })
            .collect();
    }

    /// Takes in the past.
    pub fn remember(&mut self, histories: Vec<(RouteName, Vec<ProbePoint>)>) {
        for (route, points) in histories {
            for point in points {
                self.add(&route, point);
            }
        }
    }

    /// Of these routes those whose past was not asked for; from now on it was.
    pub fn unknown<'a>(&mut self, routes: impl Iterator<Item = &'a RouteName>) -> Vec<RouteName> {
        routes
            .filter(|route| self.asked.insert((*route).clone()))
            .cloned()
            .collect()
    }

    fn add(&mut self, route: &RouteName, point: ProbePoint) {
        if !self.points.contains_key(route) {
            self.points.insert(route.clone(), VecDeque::new());
        }
        let Some(points) = self.points.get_mut(route) else {
            return;
        };
        let place = points.partition_point(|known| known.at < point.at);
        // Two samples may be sent in the same moment; the same one is told again with every overview.
        if points
            .iter()
            .skip(place)
            .take_while(|known| known.at == point.at)
            .any(|known| *known == point)
        {
            return;
        }
        points.insert(place, point);
        if points.len() > POINTS {
            points.pop_front();
        }
    }
}
