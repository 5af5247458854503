//! What probes found, in memory: the latest of each key, and a short history of small points.
//!
//! Also behind what is read from a cluster.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::{
    model::{ProbeKey, ProbePoint, ProbeRecord},
    store::{PROBE_LIFE, PROBE_POINTS, earlier},
};

/// By route and the text of the subject, the order of every backend.
#[derive(Debug, Default)]
pub(in crate::store) struct Probes {
    known: BTreeMap<(String, String), Known>,
    /// Grows with every call that keeps something.
    place: u64,
}

#[derive(Debug)]
struct Known {
    latest: ProbeRecord,
    /// When it was kept.
    place: u64,
    /// Oldest first.
    points: VecDeque<ProbePoint>,
}

fn place(key: &ProbeKey) -> (String, String) {
    (key.route.to_string(), key.subject.to_string())
}

impl Probes {
    pub(in crate::store) fn put(&mut self, records: Vec<ProbeRecord>, now: Timestamp) {
        self.put_at(self.place + 1, records);
        self.forget(now);
    }

    /// The same at a place that is given, later than those before.
    pub(in crate::store) fn put_at(&mut self, at_place: u64, records: Vec<ProbeRecord>) {
        self.place = at_place;
        for record in records {
            let point = record.point();
            let known = self
                .known
                .entry(place(&record.key()))
                .or_insert_with(|| Known {
                    latest: record.clone(),
                    place: at_place,
                    points: VecDeque::new(),
                });
            known.points.retain(|known| known.at != point.at);
            let later = known.points.partition_point(|known| known.at < point.at);
            known.points.insert(later, point);
            if known.points.len() > PROBE_POINTS {
                known.points.pop_front();
            }
            if record.at() >= known.latest.at() {
                known.latest = record;
                known.place = at_place;
            }
        }
    }

    /// Adds points of the time before to a key of which a record is known.
    pub(in crate::store) fn put_past(&mut self, key: &ProbeKey, points: Vec<ProbePoint>) {
        let Some(known) = self.known.get_mut(&place(key)) else {
            return;
        };
        for point in points {
            if known.points.iter().all(|known| known.at != point.at) {
                let later = known.points.partition_point(|known| known.at < point.at);
                known.points.insert(later, point);
            }
        }
        let over = known.points.len().saturating_sub(PROBE_POINTS);
        known.points.drain(..over);
    }

    /// Forgets each key whose latest is too old.
    pub(in crate::store) fn forget(&mut self, now: Timestamp) {
        let oldest = earlier(now, PROBE_LIFE);
        self.known.retain(|_, known| known.latest.at() >= oldest);
    }

    pub(in crate::store) fn latest(
        &self,
        after: Option<Timestamp>,
        now: Timestamp,
    ) -> Vec<ProbeRecord> {
        let oldest = earlier(now, PROBE_LIFE);
        self.known
            .values()
            .map(|known| &known.latest)
            .filter(|latest| latest.at() >= oldest)
            .filter(|latest| after.is_none_or(|after| latest.at() > after))
            .cloned()
            .collect()
    }

    pub(in crate::store) fn since(&self, place: u64, now: Timestamp) -> (Vec<ProbeRecord>, u64) {
        let oldest = earlier(now, PROBE_LIFE);
        let records = self
            .known
            .values()
            .filter(|known| known.place > place && known.latest.at() >= oldest)
            .map(|known| known.latest.clone())
            .collect();
        (records, self.place)
    }

    pub(in crate::store) fn history(&self, key: &ProbeKey) -> Vec<ProbePoint> {
        self.known
            .get(&place(key))
            .map(|known| known.points.iter().cloned().collect())
            .unwrap_or_default()
    }
}
