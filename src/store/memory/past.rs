//! The traffic of the past, in memory: counted from heartbeats, once a minute for each gateway.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Memory;
use crate::{
    model::{Heartbeat, Stretch, TrafficPast, WorkloadName},
    store::{StoreError, TrafficQuery},
};

/// By stretch and workload.
pub(super) type Past = BTreeMap<(Stretch, i64, WorkloadName), TrafficPast>;

/// In the place of a workload: that a gateway has counted.
const NOBODY: &str = "";

fn entry(
    past: &mut Past,
    stretch: Stretch,
    number: i64,
    workload: WorkloadName,
) -> &mut TrafficPast {
    past.entry((stretch, number, workload.clone()))
        .or_insert_with(|| TrafficPast {
            workload,
            start: stretch.start(number),
            stretch,
            requests: 0,
            primary_failures: 0,
            fallbacks: 0,
            errors: 0,
            uncaught: 0,
            first_output_p50_ms: None,
            first_output_p95_ms: None,
        })
}

/// Counts what a heartbeat says, when it is the first one of its gateway in a new minute.
pub(super) fn count(past: &mut Past, last: Option<&Heartbeat>, heartbeat: &Heartbeat) {
    let minute = |heartbeat: &Heartbeat| Stretch::Minute.of(heartbeat.at);
    let Some(last) = last.filter(|last| minute(last) < minute(heartbeat)) else {
        return;
    };
    // A gateway that comes back says nothing of the time in which it was away.
    let was_there = minute(last) == minute(heartbeat) - 1;
    for stretch in Stretch::ALL {
        let number = (heartbeat.at.as_second() - 60).div_euclid(stretch.seconds());
        if was_there {
            entry(past, stretch, number, WorkloadName::from(NOBODY));
        }
        for of in heartbeat.workloads.iter().filter(|of| of.requests > 0) {
            let sum = entry(past, stretch, number, of.workload.clone());
            sum.requests += of.requests;
            sum.primary_failures += of.primary_failures;
            sum.fallbacks += of.fallbacks;
            sum.errors += of.errors;
            sum.uncaught += of.uncaught;
            sum.first_output_p50_ms = sum.first_output_p50_ms.max(of.first_output_p50_ms);
            sum.first_output_p95_ms = sum.first_output_p95_ms.max(of.first_output_p95_ms);
        }
        let oldest = number - stretch.kept() / stretch.seconds();
        past.retain(|(of, number, _), _| *of != stretch || *number >= oldest);
    }
}

impl Memory {
    pub(in crate::store) async fn traffic(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<TrafficPast>, StoreError> {
        let tables = self.read()?;
        Ok(tables
            .past
            .iter()
            .filter(|((stretch, number, workload), _)| {
                *stretch == query.stretch
                    && workload.as_str() != NOBODY
                    && (query.first()..query.end()).contains(number)
                    && query.workload.as_ref().is_none_or(|only| only == workload)
            })
            .map(|(_, past)| past.clone())
            .collect())
    }

    pub(in crate::store) async fn counted(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let tables = self.read()?;
        let numbers: BTreeSet<i64> = tables
            .past
            .keys()
            .filter(|(stretch, ..)| *stretch == query.stretch)
            .map(|(_, number, _)| *number)
            .filter(|number| (query.first()..query.end()).contains(number))
            .collect();
        let start = |number| query.stretch.start(number);
        Ok(numbers.into_iter().map(start).collect())
    }
}
