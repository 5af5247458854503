//! Recent events by workload: the console keeps its own; what is read once is grouped here.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::model::{StoredEvent, WorkloadName};

/// Where events are found.
pub trait Recent {
    /// The events of a workload that were decided at or after a moment, oldest first.
    fn of(&self, workload: &WorkloadName, since: Timestamp) -> Vec<&StoredEvent>;

    /// Of all its events the number of the first and the number after the last: others when one came or went.
    fn span(&self, workload: &WorkloadName) -> (u64, u64);
}

/// Events that were read once.
pub(super) struct Grouped<'a>(BTreeMap<&'a WorkloadName, Vec<&'a StoredEvent>>);

impl<'a> Grouped<'a> {
    /// Grouped at once, so that the cost is a sum and not a product of workloads with events.
    pub(super) fn new(events: impl IntoIterator<Item = &'a StoredEvent>) -> Self {
        let mut grouped: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for stored in events {
            let of_it = grouped.entry(&stored.event.workload).or_default();
            of_it.push(stored);
        }
        Self(grouped)
    }
}

impl Recent for Grouped<'_> {
    fn of(&self, workload: &WorkloadName, since: Timestamp) -> Vec<&StoredEvent> {
        let all = self.0.get(workload).into_iter().flatten();
        all.copied()
            .filter(|stored| stored.event.at >= since)
            .collect()
    }

    fn span(&self, workload: &WorkloadName) -> (u64, u64) {
        let count = self.0.get(workload).map_or(0, Vec::len);
        (0, count as u64)
    }
}
