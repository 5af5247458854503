//! The traffic of the past, in memory: counted from heartbeats, once a minute for each gateway.

use std::collections::BTreeMap;

use super::Memory;
use crate::{
    model::{Heartbeat, Stretch, TrafficPast, WorkloadName},
    store::{StoreError, TrafficQuery},
};

/// By stretch and workload.
pub(super) type Past = BTreeMap<(Stretch, i64, WorkloadName), TrafficPast>;

/// Counts what a heartbeat says, when it is the first one of its gateway in a new minute.
pub(super) fn count(past: &mut Past, last: Option<&Heartbeat>, heartbeat: &Heartbeat) {
    let minute = |heartbeat: &Heartbeat| Stretch::Minute.of(heartbeat.at);
    if last.is_none_or(|last| minute(last) >= minute(heartbeat)) {
        return;
    }
    for stretch in Stretch::ALL {
        let number = (heartbeat.at.as_second() - 60).div_euclid(stretch.seconds());
        for of in heartbeat.workloads.iter().filter(|of| of.requests > 0) {
            let sum = past
                .entry((stretch, number, of.workload.clone()))
                .or_insert_with(|| TrafficPast {
                    workload: of.workload.clone(),
                    start: stretch.start(number),
                    stretch,
                    requests: 0,
                    primary_failures: 0,
                    fallbacks: 0,
                    errors: 0,
                    uncaught: 0,
                });
            sum.requests += of.requests;
            sum.primary_failures += of.primary_failures;
            sum.fallbacks += of.fallbacks;
            sum.errors += of.errors;
            sum.uncaught += of.uncaught;
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
                    && (query.first()..query.end()).contains(number)
                    && query.workload.as_ref().is_none_or(|only| only == workload)
            })
            .map(|(_, past)| past.clone())
            .collect())
    }
}
