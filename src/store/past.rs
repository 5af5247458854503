//! The traffic of the past: what a gateway tells of a minute that is over, and the sums of what all have told.
//!
//! Pure, the same for the backends that keep it in memory and for the one that reads it from a cluster.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::TrafficQuery;
use crate::model::{Heartbeat, Stretch, TrafficPast, WorkloadName, WorkloadTraffic};

/// What became of a workload's requests in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    #[serde(default, skip_serializing_if = "is_nothing")]
    requests: u64,
    #[serde(default, skip_serializing_if = "is_nothing")]
    primary_failures: u64,
    #[serde(default, skip_serializing_if = "is_nothing")]
    fallbacks: u64,
    #[serde(default, skip_serializing_if = "is_nothing")]
    errors: u64,
    #[serde(default, skip_serializing_if = "is_nothing")]
    uncaught: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_output_p50_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_output_p95_ms: Option<u64>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape that serde asks for"
)]
const fn is_nothing(count: &u64) -> bool {
    *count == 0
}

impl Row {
    fn of(traffic: &WorkloadTraffic) -> Self {
        Self {
            requests: traffic.requests,
            primary_failures: traffic.primary_failures,
            fallbacks: traffic.fallbacks,
            errors: traffic.errors,
            uncaught: traffic.uncaught,
            first_output_p50_ms: traffic.first_output_p50_ms,
            first_output_p95_ms: traffic.first_output_p95_ms,
        }
    }

    /// Counts are added up; of the times the slowest stays.
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.primary_failures += other.primary_failures;
        self.fallbacks += other.fallbacks;
        self.errors += other.errors;
        self.uncaught += other.uncaught;
        self.first_output_p50_ms = self.first_output_p50_ms.max(other.first_output_p50_ms);
        self.first_output_p95_ms = self.first_output_p95_ms.max(other.first_output_p95_ms);
    }
}

/// What one gateway tells of a stretch that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finished {
    /// Which stretch, counted from 1970.
    pub(super) number: i64,
    /// By workload; only those with requests.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) rows: BTreeMap<WorkloadName, Row>,
}

impl Finished {
    /// What a heartbeat says of the minute before it, when it is the first one of its gateway in a new minute.
    pub(super) fn of(last: Option<&Heartbeat>, heartbeat: &Heartbeat) -> Option<Self> {
        let minute = |heartbeat: &Heartbeat| Stretch::Minute.of(heartbeat.at);
        let last = last.filter(|last| minute(last) < minute(heartbeat))?;
        let number = minute(heartbeat) - 1;
        let rows: BTreeMap<WorkloadName, Row> = heartbeat
            .workloads
            .iter()
            .filter(|of| of.requests > 0)
            .map(|of| (of.workload.clone(), Row::of(of)))
            .collect();
        // A gateway that comes back says nothing of the time in which it was away.
        let was_there = minute(last) == number;
        (was_there || !rows.is_empty()).then_some(Self { number, rows })
    }

    /// What a store knows of the stretches in which somebody told something, oldest first.
    pub(super) fn all_of(
        stretch: Stretch,
        counted: &[Timestamp],
        traffic: &[TrafficPast],
    ) -> Vec<Self> {
        let number = |at: Timestamp| stretch.of(at);
        let mut all: BTreeMap<i64, BTreeMap<WorkloadName, Row>> = counted
            .iter()
            .map(|at| (number(*at), BTreeMap::new()))
            .collect();
        for past in traffic {
            let row = Row {
                requests: past.requests,
                primary_failures: past.primary_failures,
                fallbacks: past.fallbacks,
                errors: past.errors,
                uncaught: past.uncaught,
                first_output_p50_ms: past.first_output_p50_ms,
                first_output_p95_ms: past.first_output_p95_ms,
            };
            let rows = all.entry(number(past.start)).or_default();
            rows.insert(past.workload.clone(), row);
        }
        let told = |(number, rows)| Self { number, rows };
        all.into_iter().map(told).collect()
    }

    /// The hour that a minute is in.
    pub(super) const fn hour_of(minute: i64) -> i64 {
        minute.div_euclid(Stretch::Hour.seconds() / Stretch::Minute.seconds())
    }

    /// Adds what became of further requests in the same stretch.
    pub(super) fn add(&mut self, rows: &BTreeMap<WorkloadName, Row>) {
        add(&mut self.rows, rows);
    }

    /// The same as told of the stretch of this length that it is in.
    pub(super) fn within(&self, stretch: Stretch) -> Self {
        Self {
            number: match stretch {
                Stretch::Minute => self.number,
                Stretch::Hour => Self::hour_of(self.number),
            },
            rows: self.rows.clone(),
        }
    }
}

fn add(sums: &mut BTreeMap<WorkloadName, Row>, rows: &BTreeMap<WorkloadName, Row>) {
    for (workload, row) in rows {
        sums.entry(workload.clone()).or_default().add(row);
    }
}

/// The sums over all gateways, by stretch: one that is here was told of, also when nothing was carried in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Past(BTreeMap<(Stretch, i64), BTreeMap<WorkloadName, Row>>);

impl Past {
    /// Adds what a gateway tells of a stretch.
    pub(super) fn add(&mut self, stretch: Stretch, told: &Finished) {
        add(
            self.0.entry((stretch, told.number)).or_default(),
            &told.rows,
        );
    }

    /// Forgets what is too old beside the newest stretch.
    pub(super) fn forget(&mut self, stretch: Stretch, newest: i64) {
        let oldest = newest - stretch.kept() / stretch.seconds();
        self.0
            .retain(|(of, number), _| *of != stretch || *number >= oldest);
    }

    /// Only the stretches that are asked for.
    pub(super) fn only(&self, query: &TrafficQuery) -> Self {
        let told = self.told(query);
        Self(
            told.map(|(number, rows)| ((query.stretch, number), rows.clone()))
                .collect(),
        )
    }

    fn told(
        &self,
        query: &TrafficQuery,
    ) -> impl Iterator<Item = (i64, &BTreeMap<WorkloadName, Row>)> {
        let (stretch, first) = (query.stretch, query.first());
        self.0
            .range((stretch, first)..(stretch, query.end().max(first)))
            .map(|((_, number), rows)| (*number, rows))
    }

    /// What became of requests, oldest first, then by workload.
    pub(super) fn traffic(&self, query: &TrafficQuery) -> Vec<TrafficPast> {
        let stretch = query.stretch;
        let wanted = |workload: &WorkloadName| {
            let only = query.workload.as_ref();
            only.is_none_or(|only| only == workload)
        };
        self.told(query)
            .flat_map(|(number, rows)| rows.iter().map(move |(of, row)| (number, of, row)))
            .filter(|(_, workload, _)| wanted(workload))
            .map(|(number, workload, row)| TrafficPast {
                workload: workload.clone(),
                start: stretch.start(number),
                stretch,
                requests: row.requests,
                primary_failures: row.primary_failures,
                fallbacks: row.fallbacks,
                errors: row.errors,
                uncaught: row.uncaught,
                first_output_p50_ms: row.first_output_p50_ms,
                first_output_p95_ms: row.first_output_p95_ms,
            })
            .collect()
    }

    /// When the stretches began that somebody has told of.
    pub(super) fn counted(&self, query: &TrafficQuery) -> Vec<Timestamp> {
        self.told(query)
            .map(|(number, _)| query.stretch.start(number))
            .collect()
    }
}
