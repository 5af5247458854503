//! Persistence: overrides with compare-and-set, events, audit, reviews, plans, heartbeats and presence.
//!
//! Used by the gateway, the door, the console's feeds and the CLI. Nobody above it knows which backend is
//! behind it, and it must not know what a policy or a screen is. No method blocks the caller's thread.

mod chain;
mod cluster;
mod copy;
mod error;
mod fact;
mod import;
mod memory;
mod migrate;
mod nats;
mod packing;
mod past;
mod query;
mod queue;
mod reviews;
mod rules;
mod sqlite;
mod touch;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::{
    clock::Clock,
    model::{
        Anchor, AuditRecord, Captured, ChangeRequest, Entry, EventTally, GatewayName, Heartbeat,
        Lease, Overrides, Plan, PlanId, Presence, ProbeKey, ProbePoint, ProbeRecord, Retention,
        Review, ReviewHead, ReviewId, Reviewed, Revision, SealedRecord, Seq, Spent, StorePlace,
        StoredEvent, TrafficPast, WorkloadName, WorkloadReadiness,
    },
};

pub use chain::{AuditFinding, AuditProof, Cut, SealedLate};
pub use cluster::{
    Act, Cluster, ClusterWish, Difference, Follower, ServerFound, Step, StreamFound, Survey,
};
pub use copy::{Backup, BackupFile, CopyError, Examination, Restored, backup, examine, restore};
pub use error::{ChangeError, StoreError};
pub use import::{Added, Import};
pub use migrate::{Migrated, Migration};
pub use nats::Spooled;
#[doc(hidden)]
pub use nats::simulation::{
    Answers as SimulationAnswers, Report as SimulationReport, Size as SimulationSize,
    Spread as SimulationSpread, simulate,
};
pub use query::{AuditQuery, EventQuery, ReviewQuery, TrafficQuery};
pub use queue::{Receipt, Reservation};
pub use touch::{Pretence, Touch};

/// How long a plan is kept.
const PLAN_LIFE: Duration = Duration::from_hours(24);
/// How long a silent gateway is remembered.
const HEARTBEAT_LIFE: Duration = Duration::from_hours(24);
/// How long a silent console counts as open.
const PRESENCE_LIFE: Duration = Duration::from_secs(15);

/// How long a captured body is kept.
const CAPTURE_LIFE: Duration = Duration::from_hours(24);
/// How many of them are kept for each workload and class.
const CAPTURES_KEPT: usize = 4;

/// How long what a probe found is kept when nothing newer comes: its route may be gone.
const PROBE_LIFE: Duration = Duration::from_hours(30 * 24);
/// How many points of history are kept of each thing that is probed.
const PROBE_POINTS: usize = 16;

/// How many of each workload's newest reviews are followed, and never forgotten.
const REVIEWS_FOLLOWED: usize = 16;

/// What a process may do to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read, and say that one is there.
    Observe,
    /// Everything.
    Write,
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
pub struct Store(Backend);

/// A further backend is a further file and a further arm.
#[derive(Clone, Debug)]
enum Backend {
    Memory(memory::Memory),
    Sqlite(sqlite::Sqlite),
    Nats(nats::Nats),
}

/// Calls the same method of whichever backend it is.
macro_rules! on {
    ($store:expr, $backend:ident => $call:expr) => {
        match &$store.0 {
            Backend::Memory($backend) => $call,
            Backend::Sqlite($backend) => $call,
            Backend::Nats($backend) => $call,
        }
    };
}

impl Store {
    /// Opens `sqlite:DIRECTORY`, `memory:NAME` or `nats://HOST:PORT,HOST:PORT`; creates the directory and files when
    /// writing, and a host's view of a cluster.
    pub async fn open(
        place: impl Into<StorePlace>,
        access: Access,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let place = place.into();
        match place.url.split_once(':') {
            Some(("memory", name)) if !name.is_empty() => Ok(Self(Backend::Memory(
                memory::Memory::open(name, access, clock),
            ))),
            Some(("sqlite", directory)) if !directory.is_empty() => {
                let sqlite = sqlite::Sqlite::open(directory.into(), access, clock).await?;
                Ok(Self(Backend::Sqlite(sqlite)))
            }
            Some(("nats" | "tls", servers)) if servers.starts_with("//") => {
                let nats = Box::pin(nats::Nats::open(&place, access, clock)).await?;
                Ok(Self(Backend::Nats(nats)))
            }
            Some(_) | None => Err(StoreError::UnknownUrl { url: place.url }),
        }
    }

    /// Opens for writing; when that is not possible now, it goes on trying, once a second. Until it is, nothing was
    /// switched, nothing is written, every question fails, and the health says why.
    pub async fn open_or_wait(
        place: impl Into<StorePlace>,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let place = place.into();
        match place.url.split_once(':') {
            Some(("sqlite", directory)) if !directory.is_empty() => {
                let sqlite = sqlite::Sqlite::open_or_wait(directory.into(), clock).await?;
                Ok(Self(Backend::Sqlite(sqlite)))
            }
            Some(("nats" | "tls", servers)) if servers.starts_with("//") => {
                let nats = Box::pin(nats::Nats::open_or_wait(&place, clock)).await?;
                Ok(Self(Backend::Nats(nats)))
            }
            Some(_) | None => Self::open(place, Access::Write, clock).await,
        }
    }

    /// The table of overrides, followed: the newest this process has seen, with a wake-up on each change,
    /// by whichever process. The first value is already loaded when `open` returns.
    #[must_use]
    pub fn overrides(&self) -> watch::Receiver<Arc<Overrides>> {
        on!(self, backend => backend.overrides())
    }

    /// Compare-and-set of one override together with its audit record.
    pub async fn change(&self, request: ChangeRequest) -> Result<AuditRecord, ChangeError> {
        on!(self, backend => backend.change(request).await)
    }

    /// Really ends what has expired: clears each such override and writes one audit record for it, exactly
    /// once over all processes.
    pub async fn end_expired(&self) -> Result<Vec<AuditRecord>, StoreError> {
        on!(self, backend => backend.end_expired().await)
    }

    /// Takes a place in the event queue, without waiting. Must be held before a fallback is tried.
    pub fn reserve(&self) -> Result<Reservation, StoreError> {
        on!(self, backend => backend.reserve())
    }

    /// The newest place in the event log, followed over all processes.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<Seq> {
        on!(self, backend => backend.newest())
    }

    /// The log itself after a place, oldest first, decisions and outcomes, at most `limit`.
    pub async fn tail(&self, after: Seq, limit: usize) -> Result<Vec<(Seq, Entry)>, StoreError> {
        on!(self, backend => backend.tail(after, limit).await)
    }

    /// Events with their outcomes, oldest first.
    pub async fn events(&self, query: EventQuery) -> Result<Vec<StoredEvent>, StoreError> {
        on!(self, backend => backend.events(query).await)
    }

    /// Audit records, oldest first.
    pub async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        on!(self, backend => backend.audit(query).await)
    }

    /// Checks the chain of the audit, all of it and from one moment. `kept` are anchors from elsewhere.
    pub async fn prove_audit(&self, kept: Vec<Anchor>) -> Result<AuditProof, StoreError> {
        on!(self, backend => backend.prove_audit(kept).await)
    }

    /// Audit records with their seals after a place, oldest first, at most `limit`.
    pub async fn sealed(&self, after: u64, limit: usize) -> Result<Vec<SealedRecord>, StoreError> {
        on!(self, backend => backend.sealed(after, limit).await)
    }

    /// The newest record's number and seal; 0 when there is none.
    pub async fn audit_head(&self) -> Result<Anchor, StoreError> {
        on!(self, backend => backend.audit_head().await)
    }

    /// Keeps a plan so that another process can apply it by its id.
    pub async fn put_plan(&self, plan: Plan) -> Result<(), StoreError> {
        on!(self, backend => backend.put_plan(plan).await)
    }

    /// A plan by its id, and the revision it was applied at, if it was.
    pub async fn plan(&self, id: PlanId) -> Result<Option<(Plan, Option<Revision>)>, StoreError> {
        on!(self, backend => backend.plan(id).await)
    }

    /// Writes a gateway's heartbeat over its last one.
    pub async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        on!(self, backend => backend.beat(heartbeat).await)
    }

    /// The last heartbeat of each gateway, also of those that have been silent; at most a day old.
    pub async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        on!(self, backend => backend.heartbeats().await)
    }

    /// Removes a gateway that ended in good order.
    pub async fn farewell(&self, gateway: GatewayName) -> Result<(), StoreError> {
        on!(self, backend => backend.farewell(gateway).await)
    }

    /// What became of requests in the past, oldest first, then by workload; stretches without any are left out.
    /// Counted from the heartbeats, so a running minute is not in it.
    pub async fn traffic(&self, query: TrafficQuery) -> Result<Vec<TrafficPast>, StoreError> {
        on!(self, backend => backend.traffic(query).await)
    }

    /// When the stretches began of which a gateway has told how many requests it had, also when it had none; whatever
    /// the workload. What is not here nobody knows.
    pub async fn counted(&self, query: TrafficQuery) -> Result<Vec<Timestamp>, StoreError> {
        on!(self, backend => backend.counted(query).await)
    }

    /// How many events there were of each class in each stretch; changes of readiness are none.
    pub async fn event_tally(&self, query: TrafficQuery) -> Result<EventTally, StoreError> {
        on!(self, backend => backend.event_tally(query).await)
    }

    /// Writes a console's presence over its last one.
    pub async fn put_presence(&self, presence: Presence) -> Result<(), StoreError> {
        on!(self, backend => backend.put_presence(presence).await)
    }

    /// Removes a console that ended in good order.
    pub async fn remove_presence(&self, session: String) -> Result<(), StoreError> {
        on!(self, backend => backend.remove_presence(session).await)
    }

    /// The consoles seen in the last 15 s.
    pub async fn presences(&self) -> Result<Vec<Presence>, StoreError> {
        on!(self, backend => backend.presences().await)
    }

    /// Takes a lease, or renews one's own; `Err` is the lease of whoever has it. Exactly one process of all
    /// has it at any moment: by the clock of the store's host; in a cluster by each holder's own, and whoever takes over
    /// waits two seconds longer, so clocks further apart can make two holders for the difference.
    pub async fn lease(
        &self,
        name: &'static str,
        holder: String,
        life: Duration,
    ) -> Result<Result<Lease, Lease>, StoreError> {
        on!(self, backend => backend.lease(name, holder, life).await)
    }

    /// Gives one's own lease back; another's is left alone.
    pub async fn release(&self, name: &'static str, holder: String) -> Result<(), StoreError> {
        on!(self, backend => backend.release(name, holder).await)
    }

    /// Replaces all that is known of the workloads' readiness. For the holder of the lease.
    pub async fn put_readiness(&self, all: Vec<WorkloadReadiness>) -> Result<(), StoreError> {
        on!(self, backend => backend.put_readiness(all).await)
    }

    /// What was last known of the workloads' readiness, by name.
    pub async fn readiness(&self) -> Result<Vec<WorkloadReadiness>, StoreError> {
        on!(self, backend => backend.readiness().await)
    }

    /// Adds to what probing has cost in an hour; 48 hours are kept.
    pub async fn spend(&self, spent: Spent) -> Result<(), StoreError> {
        on!(self, backend => backend.spend(spent).await)
    }

    /// What probing has cost since an hour, that hour included; by hour, then route.
    pub async fn spent(&self, since: i64) -> Result<Vec<Spent>, StoreError> {
        on!(self, backend => backend.spent(since).await)
    }

    /// Writes what probes found, each over the last of its key unless that is newer; all or nothing.
    pub async fn put_probes(&self, records: Vec<ProbeRecord>) -> Result<(), StoreError> {
        on!(self, backend => backend.put_probes(records).await)
    }

    /// The latest of each key that was made after a moment, or of all, by key; at most 30 days old.
    pub async fn probes(&self, after: Option<Timestamp>) -> Result<Vec<ProbeRecord>, StoreError> {
        on!(self, backend => backend.probes(after).await)
    }

    /// The latest of each key that was kept after a place (0: all), in any order, and the newest place, from which
    /// to read on. Also what was made earlier and kept late.
    pub async fn probes_since(&self, place: u64) -> Result<(Vec<ProbeRecord>, u64), StoreError> {
        on!(self, backend => backend.probes_since(place).await)
    }

    /// The last 16 points of one key, oldest first.
    pub async fn probe_history(&self, key: ProbeKey) -> Result<Vec<ProbePoint>, StoreError> {
        on!(self, backend => backend.probe_history(key).await)
    }

    /// Keeps a captured body; its number is given here. Beyond four of the same workload and class the oldest
    /// goes.
    pub async fn put_capture(&self, captured: Captured) -> Result<(), StoreError> {
        on!(self, backend => backend.put_capture(captured).await)
    }

    /// What was captured of a workload in the last 24 hours, newest first.
    pub async fn captures(&self, workload: WorkloadName) -> Result<Vec<Captured>, StoreError> {
        on!(self, backend => backend.captures(workload).await)
    }

    /// Removes what was captured more than 24 hours ago, and everything of other workloads than these;
    /// answers how many went.
    pub async fn keep_captures(&self, of: Vec<WorkloadName>) -> Result<u64, StoreError> {
        on!(self, backend => backend.keep_captures(of).await)
    }

    /// Moves when heartbeats, presences, probes or what they have cost may be others than before, whoever wrote them.
    /// What was not written again and has grown too old does not move it. `None`: here nobody is told, and one has to
    /// look.
    #[must_use]
    pub fn pulse(&self) -> Option<watch::Receiver<i64>> {
        match &self.0 {
            Backend::Sqlite(sqlite) => Some(sqlite.pulse()),
            Backend::Memory(_) | Backend::Nats(_) => None,
        }
    }

    /// The newest reviews of each workload and what is owed, followed over all processes. The first value is
    /// already loaded when `open` returns.
    #[must_use]
    pub fn reviewed(&self) -> watch::Receiver<Arc<Reviewed>> {
        on!(self, backend => backend.reviewed())
    }

    /// Keeps a review. `settles`: what was owed for its workload before it was made is paid by it.
    pub async fn put_review(&self, review: Review, settles: bool) -> Result<(), StoreError> {
        on!(self, backend => backend.put_review(review, settles).await)
    }

    /// Reviews without their outputs, newest first.
    pub async fn reviews(&self, query: ReviewQuery) -> Result<Vec<ReviewHead>, StoreError> {
        on!(self, backend => backend.reviews(query).await)
    }

    /// A review by its name, with its outputs unless their retention is over.
    pub async fn review(&self, id: ReviewId) -> Result<Option<Review>, StoreError> {
        on!(self, backend => backend.review(id).await)
    }

    /// Removes what is older than the retention; answers how many events and audit records went. In a cluster it is
    /// gone for all hosts: the shortest retention of any that asks holds. There the log of changes is trimmed, too.
    pub async fn retain(&self, retention: Retention) -> Result<(u64, u64), StoreError> {
        let gone = on!(self, backend => backend.retain(retention).await)?;
        on!(self, backend => backend.retain_reviews(retention).await)?;
        Ok(gone)
    }

    /// Places taken in the event queue: entries that are not yet durable, and reservations.
    #[must_use]
    pub fn waiting(&self) -> usize {
        on!(self, backend => backend.waiting())
    }

    /// Events that wait on this host until a cluster takes them, followed; none in other stores.
    #[must_use]
    pub fn spooled(&self) -> Option<watch::Receiver<Spooled>> {
        match &self.0 {
            Backend::Memory(_) | Backend::Sqlite(_) => None,
            Backend::Nats(nats) => Some(nats.spooled()),
        }
    }

    /// How the store fares, followed.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        on!(self, backend => backend.health())
    }

    /// Waits until everything appended so far is durable, then closes. An error: something was not.
    pub async fn close(&self) -> Result<(), StoreError> {
        on!(self, backend => backend.close().await)
    }
}

/// The moment a while before another; the beginning of time when there is none.
fn earlier(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// The name of this host, for records that the program writes by itself.
fn host_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}
