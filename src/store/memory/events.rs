//! Questions about events, in memory: which there were, and how many by class and time.

use std::collections::BTreeMap;

use super::{Memory, decision};
use crate::{
    model::{EventCount, EventDecision, EventTally, StoredEvent},
    store::{EventQuery, StoreError, TrafficQuery},
};

impl Memory {
    pub(in crate::store) async fn events(
        &self,
        query: EventQuery,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        let tables = self.read()?;
        let limit = if query.limit == 0 {
            usize::MAX
        } else {
            query.limit
        };
        let mut found: Vec<StoredEvent> = tables
            .log
            .iter()
            .rev()
            .filter_map(|(seq, entry)| Some((*seq, decision(entry)?)))
            .filter(|(seq, event)| query.wants(*seq, event))
            .take(limit)
            .map(|(seq, event)| StoredEvent {
                seq,
                event: event.clone(),
                outcome: tables.outcomes.get(&event.id).cloned(),
            })
            .collect();
        found.reverse();
        Ok(found)
    }

    pub(in crate::store) async fn event_tally(
        &self,
        query: TrafficQuery,
    ) -> Result<EventTally, StoreError> {
        let tables = self.read()?;
        let stretch = query.stretch;
        let mut counts: BTreeMap<_, u64> = BTreeMap::new();
        for event in tables.log.values().filter_map(decision) {
            let number = stretch.of(event.at);
            if event.decision != EventDecision::Readiness
                && (query.first()..query.end()).contains(&number)
                && query
                    .workload
                    .as_ref()
                    .is_none_or(|only| *only == event.workload)
            {
                *counts.entry((number, event.class)).or_default() += 1;
            }
        }
        Ok(EventTally {
            since: stretch.start(query.first()),
            counts: counts
                .into_iter()
                .map(|((number, class), count)| EventCount {
                    start: stretch.start(number),
                    class,
                    count,
                })
                .collect(),
        })
    }
}
