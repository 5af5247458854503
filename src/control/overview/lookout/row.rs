//! One workload's row: its state, its readiness, its alarms and its reviews, and until when all of it holds.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    control::overview::{
        WINDOW, WorkloadStatus, alarms, elapsed,
        judge::{self, Counted},
        sources::Sources,
        unknown,
    },
    model::{ProbeRecord, ProbeSubject, Site, Standing, Workload},
    probe::{self, Lively},
};

/// Events are asked for from so long ago on; which of them count is decided here.
const SINCE: SignedDuration = SignedDuration::from_secs(61);

/// What a row is made of besides configuration, overrides and events.
pub(super) struct Grounds<'a> {
    pub(super) counted: &'a Counted,
    pub(super) live: &'a Lively,
    /// Where the living gateways run.
    pub(super) sites: &'a [Site],
    /// Of the fallback.
    pub(super) records: Option<&'a BTreeMap<ProbeSubject, ProbeRecord>>,
    pub(super) standing: Option<&'a Standing>,
}

impl Grounds<'_> {
    /// The row. Beside it stands when time alone may make it another.
    pub(super) fn row(
        &self,
        sources: &Sources<'_>,
        workload: &Workload,
        now: Timestamp,
    ) -> (WorkloadStatus, Timestamp) {
        let (catalog, overrides) = (sources.catalog, sources.overrides);
        let mut events = sources.events.of(&workload.name, now - SINCE);
        events.retain(|stored| elapsed(stored.event.at, now) <= WINDOW);
        let records: Vec<&ProbeRecord> =
            (self.records.into_iter().flat_map(BTreeMap::values)).collect();
        let standing = self.standing.unwrap_or(&Standing::NotRequired);
        let known = (catalog, overrides, self.sites);
        let (readiness, proven) =
            probe::readiness(known, self.live, &records, workload, standing, now)
                .unwrap_or_else(|| (unknown(workload), Timestamp::MAX));
        let known = (overrides, self.sites);
        let (mut status, calm) =
            judge::workload(workload, known, self.counted, &events, readiness, now);
        status.review = standing.clone();
        status.debt = sources.reviewed.debt(&workload.name).cloned();
        status.alarms.extend(alarms::unreviewed(&status));
        let leaves = events.iter().filter_map(|stored| leaves(stored.event.at));
        let next = leaves.chain([proven, calm]).min();
        (status, next.unwrap_or(Timestamp::MAX))
    }
}

/// When an event of a moment is not recent any more.
fn leaves(at: Timestamp) -> Option<Timestamp> {
    let last = at
        .checked_add(SignedDuration::try_from(WINDOW).ok()?)
        .ok()?;
    last.checked_add(SignedDuration::from_nanos(1)).ok()
}
