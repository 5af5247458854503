//! What probes found, in memory: the latest of each key, and a short history of small points.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use crate::{
    model::{ProbeKey, ProbePoint, ProbeRecord},
    store::{PROBE_LIFE, PROBE_POINTS, earlier},
};

/// By route and the text of the subject, the order of every backend.
#[derive(Debug, Default)]
pub(super) struct Probes(BTreeMap<(String, String), Known>);

#[derive(Debug)]
struct Known {
    latest: ProbeRecord,
    /// Oldest first.
    points: VecDeque<ProbePoint>,
}

fn place(key: &ProbeKey) -> (String, String) {
    (key.route.to_string(), key.subject.to_string())
}

impl Probes {
    pub(super) fn put(&mut self, records: Vec<ProbeRecord>, now: Timestamp) {
        for record in records {
            let point = record.point();
            let known = self.0.entry(place(&record.key())).or_insert_with(|| Known {
                latest: record.clone(),
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
            }
        }
        let oldest = earlier(now, PROBE_LIFE);
        self.0.retain(|_, known| known.latest.at() >= oldest);
    }

    pub(super) fn latest(&self, after: Option<Timestamp>, now: Timestamp) -> Vec<ProbeRecord> {
        let oldest = earlier(now, PROBE_LIFE);
        self.0
            .values()
            .map(|known| &known.latest)
            .filter(|latest| latest.at() >= oldest)
            .filter(|latest| after.is_none_or(|after| latest.at() > after))
            .cloned()
            .collect()
    }

    pub(super) fn history(&self, key: &ProbeKey) -> Vec<ProbePoint> {
        self.0
            .get(&place(key))
            .map(|known| known.points.iter().cloned().collect())
            .unwrap_or_default()
    }
}
