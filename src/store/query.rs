//! What can be asked of the event log, of the audit, of the reviews and of the traffic of the past.
//!
//! Made by the door, the console's feeds and the CLI; answered by a backend.

use jiff::Timestamp;

use crate::model::{
    AuditRecord, ErrorClass, Event, EventDecision, EventId, ReviewHead, ReviewId, Seq, Stretch,
    WorkloadName,
};

/// Which events to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only events decided at or after this moment.
    pub since: Option<Timestamp>,
    /// Only events decided before this moment.
    pub until: Option<Timestamp>,
    /// Only the event with this id; with `since` near its moment it is found quickly.
    pub id: Option<EventId>,
    /// Only events of this workload.
    pub workload: Option<WorkloadName>,
    /// Only events of this class.
    pub class: Option<ErrorClass>,
    /// Only events with this decision.
    pub decision: Option<EventDecision>,
    /// Only events after this place in the log.
    pub after: Seq,
    /// Only events before this place in the log (for paging backwards).
    pub before: Option<Seq>,
    /// The newest so many; 0: all.
    pub limit: usize,
}

impl EventQuery {
    /// Whether an event at a place is asked for.
    pub(super) fn wants(&self, seq: Seq, event: &Event) -> bool {
        seq > self.after
            && self.before.is_none_or(|before| seq < before)
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
            && self.id.is_none_or(|id| event.id == id)
            && self.class.is_none_or(|class| event.class == Some(class))
            && self
                .decision
                .is_none_or(|decision| event.decision == decision)
            && self
                .workload
                .as_ref()
                .is_none_or(|workload| event.workload == *workload)
    }
}

/// Which audit records to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only records at or after this moment.
    pub since: Option<Timestamp>,
    /// Only records about this workload or route.
    pub target: Option<String>,
    /// Only records after this sequence.
    pub after: u64,
    /// The newest so many; 0: all.
    pub limit: usize,
}

impl AuditQuery {
    /// Whether a record is asked for.
    pub(super) fn wants(&self, record: &AuditRecord) -> bool {
        record.sequence > self.after
            && self.since.is_none_or(|since| record.at >= since)
            && self
                .target
                .as_ref()
                .is_none_or(|target| record.key.target() == target)
    }
}

/// Which reviews to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReviewQuery {
    /// Only those of this workload.
    pub workload: Option<WorkloadName>,
    /// Only those made before this one (for paging backwards).
    pub before: Option<ReviewId>,
    /// The newest so many; 0: all.
    pub limit: usize,
}

impl ReviewQuery {
    /// Whether a review is asked for.
    pub(super) fn wants(&self, head: &ReviewHead) -> bool {
        self.before.as_ref().is_none_or(|before| head.id < *before)
            && self
                .workload
                .as_ref()
                .is_none_or(|workload| head.workload == *workload)
    }
}

/// Which traffic of the past to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficQuery {
    /// From the stretch on that this moment is in.
    pub since: Timestamp,
    /// Stretches that begin before this moment.
    pub until: Timestamp,
    /// By minute or by hour.
    pub stretch: Stretch,
    /// Only of this workload.
    pub workload: Option<WorkloadName>,
}

impl TrafficQuery {
    /// The number of the first stretch.
    pub(super) fn first(&self) -> i64 {
        self.stretch.of(self.since)
    }

    /// The number behind the last one.
    pub(super) fn end(&self) -> i64 {
        let last = self.stretch.of(self.until);
        if self.stretch.start(last) < self.until {
            last + 1
        } else {
            last
        }
    }
}
