//! Persistence: overrides with compare-and-set, events, audit, plans, heartbeats and presence.
//!
//! Used by the gateway, the door, the console's feeds and the CLI. Nobody above it knows which backend is
//! behind it, and it must not know what a policy or a screen is. No method blocks the caller's thread.

mod error;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    model::{
        AuditRecord, ChangeRequest, Entry, ErrorClass, EventDecision, Heartbeat, Overrides, Plan,
        PlanId, Presence, Retention, Revision, Seq, StoredEvent, WorkloadName,
    },
};

pub use error::{ChangeError, StoreError};

/// What a process may do to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read, and say that one is there.
    Observe,
    /// Everything.
    Write,
}

/// Which events to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only events decided at or after this moment.
    pub since: Option<Timestamp>,
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

/// How the store fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// The last operation worked.
    Good,
    /// It did not; in words.
    Failing(String),
}

/// A handle on the store. Cheap to clone; the last one that goes away closes it.
#[derive(Clone, Debug)]
pub struct Store {}

impl Store {
    /// Opens `sqlite:DIRECTORY` or `memory:NAME`; creates the directory and files when writing.
    pub async fn open(url: &str, access: Access, clock: Clock) -> Result<Self, StoreError> {
        let _ = (url, access, clock);
        todo!()
    }

    /// The table of overrides, followed: the newest this process has seen, with a wake-up on each change,
    /// by whichever process. The first value is already loaded when `open` returns.
    #[must_use]
    pub fn overrides(&self) -> watch::Receiver<Arc<Overrides>> {
        todo!()
    }

    /// Compare-and-set of one override together with its audit record.
    pub async fn change(&self, request: ChangeRequest) -> Result<AuditRecord, ChangeError> {
        let _ = request;
        todo!()
    }

    /// Really ends what has expired: clears each such override and writes one audit record for it, exactly
    /// once over all processes.
    pub async fn end_expired(&self) -> Result<Vec<AuditRecord>, StoreError> {
        todo!()
    }

    /// Takes a place in the event queue, without waiting. Must be held before a fallback is tried.
    pub fn reserve(&self) -> Result<Reservation, StoreError> {
        todo!()
    }

    /// The newest place in the event log, followed over all processes.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Seq> {
        todo!()
    }

    /// The log itself after a place, oldest first, decisions and outcomes, at most `limit`.
    pub async fn tail(&self, after: Seq, limit: usize) -> Result<Vec<(Seq, Entry)>, StoreError> {
        let _ = (after, limit);
        todo!()
    }

    /// Events with their outcomes, oldest first.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<StoredEvent>, StoreError> {
        let _ = query;
        todo!()
    }

    /// Audit records, oldest first.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let _ = query;
        todo!()
    }

    /// Keeps a plan so that another process can apply it by its id.
    pub async fn put_plan(&self, plan: Plan) -> Result<(), StoreError> {
        let _ = plan;
        todo!()
    }

    /// A plan by its id, and the revision it was applied at, if it was.
    pub async fn plan(&self, id: PlanId) -> Result<Option<(Plan, Option<Revision>)>, StoreError> {
        let _ = id;
        todo!()
    }

    /// Writes a gateway's heartbeat over its last one.
    pub async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        let _ = heartbeat;
        todo!()
    }

    /// The last heartbeat of each gateway, also of those that have been silent; at most a day old.
    pub async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        todo!()
    }

    /// Removes a gateway that ended in good order.
    pub async fn farewell(&self, gateway: crate::model::GatewayName) -> Result<(), StoreError> {
        let _ = gateway;
        todo!()
    }

    /// Writes a console's presence over its last one.
    pub async fn put_presence(&self, presence: Presence) -> Result<(), StoreError> {
        let _ = presence;
        todo!()
    }

    /// Removes a console that ended in good order.
    pub async fn remove_presence(&self, session: String) -> Result<(), StoreError> {
        let _ = session;
        todo!()
    }

    /// The consoles seen in the last 15 s.
    pub async fn presences(&self) -> Result<Vec<Presence>, StoreError> {
        todo!()
    }

    /// Removes what is older than the retention; answers how many events and audit records went.
    pub async fn retain(&self, retention: Retention) -> Result<(u64, u64), StoreError> {
        let _ = retention;
        todo!()
    }

    /// How the store fares, followed.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        todo!()
    }

    /// Waits until everything appended so far is durable, then closes.
    pub async fn close(&self) -> Result<(), StoreError> {
        todo!()
    }
}

/// A place in the event queue. Dropping it gives the place back.
#[derive(Debug)]
pub struct Reservation {}

impl Reservation {
    /// Hands over an entry; it is written with the next group commit, whether or not the receipt is kept.
    #[must_use = "await the receipt where the promise needs it"]
    pub fn append(self, entry: Entry) -> Receipt {
        let _ = entry;
        todo!()
    }
}

/// The promise of a durable entry.
#[derive(Debug)]
pub struct Receipt {}

impl Receipt {
    /// Waits until the entry is durable, or could not be made so.
    pub async fn durable(self) -> Result<Seq, StoreError> {
        todo!()
    }
}
