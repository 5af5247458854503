//! The backend for many hosts: NATS `JetStream`, with each host's view of the state on its own disk.
//!
//! One stream is the log of everything that changes state (`facts`), one holds the events (`log`), others what is
//! true now (`pulse`). Behind `Store` like every backend; nobody else in this program knows the client library. It must
//! not decide anything that `rules` decides.

mod care;
mod facts;
mod layout;
mod link;
mod log;
mod pulse;
mod replica;
pub(in crate::store) mod simulation;

#[cfg(test)]
#[path = "../../tests/it/support"]
#[expect(
    dead_code,
    reason = "what the tests of the whole program use of it, too"
)]
mod support {
    pub(crate) mod cluster;
}

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{facts::Facts, link::Link, log::Log, pulse::Pulse, replica::Limits};
use super::{
    Access, AuditProof, AuditQuery, ChangeError, EventQuery, Health, Reservation, ReviewQuery,
    StoreError, Touch, TrafficQuery, earlier, fact::Deed, past::Finished,
};
use crate::{
    clock::Clock,
    model::{
        Anchor, AuditRecord, Captured, ChangeRequest, Entry, EventTally, GatewayName, Heartbeat,
        Lease, Overrides, Plan, PlanId, Presence, ProbeKey, ProbePoint, ProbeRecord, Retention,
        Review, ReviewHead, ReviewId, Reviewed, Revision, SealedRecord, Seq, Spent, StorePlace,
        StoredEvent, Stretch, TrafficPast, WorkloadName, WorkloadReadiness,
    },
};

pub use self::log::Spooled;
pub(super) use self::{care::Care, log::import::Import};

/// A handle. Cheap to clone; following and writing end with the last one.
#[derive(Clone, Debug)]
pub(super) struct Nats(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: Link,
    access: Access,
    closed: AtomicBool,
    facts: Facts,
    log: Log,
    pulse: Pulse,
    health: watch::Receiver<Health>,
    _end: DropGuard,
}

/// Methods of the interface that one part answers; before it `may`: whether one may ask.
macro_rules! hand_on {
    ($may:ident: $($part:ident.$name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        impl Nats {
            $(pub(super) async fn $name(&self, $($argument: $kind),*) -> Result<$answer, StoreError> {
                self.$may()?;
                Box::pin(self.0.$part.$name($($argument),*)).await
            })+
        }
    };
}

hand_on! { may_read:
    facts.audit(query: AuditQuery) -> Vec<AuditRecord>;
    facts.prove_audit(kept: Vec<Anchor>) -> AuditProof;
    facts.sealed(after: u64, limit: usize) -> Vec<SealedRecord>;
    facts.audit_head() -> Anchor;
    facts.plan(id: PlanId) -> Option<(Plan, Option<Revision>)>;
    facts.reviews(query: ReviewQuery) -> Vec<ReviewHead>;
    facts.review(id: ReviewId) -> Option<Review>;
    log.tail(after: Seq, limit: usize) -> Vec<(Seq, Entry)>;
    log.events(query: EventQuery) -> Vec<StoredEvent>;
    log.event_tally(query: TrafficQuery) -> EventTally;
    pulse.heartbeats() -> Vec<Heartbeat>;
    pulse.traffic(query: TrafficQuery) -> Vec<TrafficPast>;
    pulse.counted(query: TrafficQuery) -> Vec<Timestamp>;
    pulse.put_presence(presence: Presence) -> ();
    pulse.remove_presence(session: String) -> ();
    pulse.presences() -> Vec<Presence>;
    pulse.readiness() -> Vec<WorkloadReadiness>;
    pulse.spent(since: i64) -> Vec<Spent>;
    pulse.probes(after: Option<Timestamp>) -> Vec<ProbeRecord>;
    pulse.probes_since(place: u64) -> (Vec<ProbeRecord>, u64);
    pulse.probe_history(key: ProbeKey) -> Vec<ProbePoint>;
    pulse.captures(workload: WorkloadName) -> Vec<Captured>;
}

hand_on! { may_write:
    facts.end_expired() -> Vec<AuditRecord>;
    facts.put_plan(plan: Plan) -> ();
    facts.put_review(review: Review, settles: bool) -> ();
    pulse.beat(heartbeat: Heartbeat) -> ();
    pulse.farewell(gateway: GatewayName) -> ();
    pulse.lease(name: &'static str, holder: String, life: Duration) -> Result<Lease, Lease>;
    pulse.release(name: &'static str, holder: String) -> ();
    pulse.put_readiness(all: Vec<WorkloadReadiness>) -> ();
    pulse.spend(spent: Spent) -> ();
    pulse.put_probes(records: Vec<ProbeRecord>) -> ();
    pulse.put_capture(captured: Captured) -> ();
    pulse.keep_captures(of: Vec<WorkloadName>) -> u64;
    facts.take_over(after: Anchor, deed: Deed) -> ();
    pulse.take_over_past(stretch: Stretch, all: Vec<Finished>) -> ();
    pulse.take_over_points(key: ProbeKey, points: Vec<ProbePoint>) -> ();
}

impl Nats {
    /// Connects, opens this host's view, waits a little until it is up to date.
    ///
    /// # Errors
    /// When the place cannot be understood, the view cannot be opened, or nothing was ever seen of the fleet and the
    /// cluster does not answer.
    pub(super) async fn open(
        place: &StorePlace,
        access: Access,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let (link, view) = (Link::open(place, clock).await?, view(place)?);
        let facts = Facts::open(&link, view.clone(), access).await?;
        Self::start(link, facts, access, view).await
    }

    /// The same for writing, whatever can be reached now: it goes on trying, with what this host saw last.
    ///
    /// # Errors
    /// When the place cannot be understood, or the directory cannot be named.
    pub(super) async fn open_or_wait(place: &StorePlace, clock: Clock) -> Result<Self, StoreError> {
        let (link, view) = (Link::open(place, clock).await?, view(place)?);
        let facts = Facts::open_or_wait(&link, view.clone()).await?;
        Self::start(link, facts, Access::Write, view).await
    }

    async fn start(
        link: Link,
        facts: Facts,
        access: Access,
        view: PathBuf,
    ) -> Result<Self, StoreError> {
        let log = Log::start(link.clone(), access, view.join("spool")).await?;
        let end = CancellationToken::new();
        let health = both(facts.health(), log.health(), end.clone());
        Ok(Self(Arc::new(Inner {
            pulse: Pulse::new(&link),
            link,
            access,
            closed: AtomicBool::new(false),
            facts,
            log,
            health,
            _end: end.drop_guard(),
        })))
    }

    fn may_read(&self) -> Result<(), StoreError> {
        if self.0.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        Ok(())
    }

    fn may_write(&self) -> Result<(), StoreError> {
        match self.0.access {
            Access::Observe => Err(StoreError::ReadOnly),
            Access::Write => self.may_read(),
        }
    }

    pub(super) async fn change(&self, request: ChangeRequest) -> Result<AuditRecord, ChangeError> {
        self.may_write()?;
        Box::pin(self.0.facts.change(request)).await
    }

    pub(super) fn overrides(&self) -> watch::Receiver<Arc<Overrides>> {
        self.0.facts.overrides()
    }

    pub(super) fn reviewed(&self) -> watch::Receiver<Arc<Reviewed>> {
        self.0.facts.reviewed()
    }

    pub(super) fn touch(&self) -> watch::Receiver<Touch> {
        self.0.facts.touch()
    }

    pub(super) fn reserve(&self) -> Result<Reservation, StoreError> {
        self.may_write()?;
        self.0.log.reserve()
    }

    pub(super) fn newest(&self) -> watch::Receiver<Seq> {
        self.0.log.newest()
    }

    pub(super) fn import(&self) -> Result<Import, StoreError> {
        self.may_write()?;
        self.0.log.import()
    }

    /// An error of this backend, with its place.
    pub(super) fn failed(&self, cause: &impl ToString) -> StoreError {
        self.0.link.failed(cause)
    }

    pub(super) fn waiting(&self) -> usize {
        self.0.log.waiting()
    }

    /// Events that wait on this host until the cluster takes them, followed.
    pub(super) fn spooled(&self) -> watch::Receiver<Spooled> {
        self.0.log.spooled()
    }

    pub(super) async fn retain(&self, retention: Retention) -> Result<(u64, u64), StoreError> {
        self.may_write()?;
        let before = earlier(self.0.link.clock().now(), retention.events);
        let records = self.0.facts.retain(retention).await?;
        Ok((self.0.log.retain(before).await?, records))
    }

    pub(super) async fn retain_reviews(&self, retention: Retention) -> Result<(), StoreError> {
        self.may_write()?;
        self.0.facts.retain_reviews(retention).await?;
        self.0.facts.shorten(Limits::of(retention.audit)).await
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.0.health.clone()
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.0.closed.store(true, Ordering::Release);
        // The events first: what the cluster does not take any more is kept in the view's directory.
        let log = self.0.log.close().await;
        let facts = self.0.facts.close().await;
        log.and(facts)
    }
}

/// The directory of this host's view.
fn view(place: &StorePlace) -> Result<PathBuf, StoreError> {
    place.view.clone().ok_or_else(|| StoreError::Open {
        place: place.url.clone(),
        cause: "no directory for this host's view of it; set `store.view`".to_owned(),
    })
}

/// How both fare; the first that fails is told.
fn both(
    mut one: watch::Receiver<Health>,
    mut other: watch::Receiver<Health>,
    end: CancellationToken,
) -> watch::Receiver<Health> {
    let look = |one: &mut watch::Receiver<Health>, other: &mut watch::Receiver<Health>| {
        let first = one.borrow_and_update().clone();
        match first {
            Health::Good => other.borrow_and_update().clone(),
            Health::Failing(_) => first,
        }
    };
    let (told, health) = watch::channel(look(&mut one, &mut other));
    let follow = async move {
        loop {
            let changed = tokio::select! {
                changed = one.changed() => changed,
                changed = other.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
            let now = look(&mut one, &mut other);
            told.send_if_modified(|known| {
                let moved = *known != now;
                *known = now;
                moved
            });
        }
    };
    tokio::spawn(async move { end.run_until_cancelled(follow).await });
    health
}
