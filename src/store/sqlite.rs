//! The embedded backend: SQLite files in one directory, used by several processes of one host at once. All
//! blocking work happens on the threads started here.
//!
//! - `state.db`: overrides, audit, plans, reviews. Every commit waits for the disk.
//! - `events.db`: the event log, with group commit; apart, so that no storm of events holds up an operator.
//! - `pulse.db`: heartbeats and presence, never waited for.
//! - `captures.db`: captured request bodies; there only when something was captured.
//! - `audit.anchors`: the newest seals of the audit, apart from it.
//! - `clock.told`: what processes of this host hold for the time.
//! - `store.lock`: held by every process that has the store open.

mod anchors;
pub(super) mod backup;
mod bell;
mod captures;
mod chain;
mod database;
mod desk;
mod duty;
pub(super) mod exam;
mod fault;
mod files;
mod follower;
mod hold;
mod hours;
mod import;
mod keeper;
mod log;
mod past;
mod probes;
mod pulse;
mod record;
pub(super) mod restore;
mod reviews;
mod schema;
mod start;
mod state;
mod table;
mod tally;
mod turn;
pub(super) mod view;
mod vitals;
mod worker;
mod writer;

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use tokio::sync::watch;

pub(super) use self::import::Import;

use self::{
    desk::{Desk, Reader},
    follower::Wake,
    keeper::Keeper,
    log::Walk,
    state::Refusal,
    table::Table,
    vitals::Vitals,
    worker::Worker,
};
use super::{
    Access, AuditQuery, ChangeError, EventQuery, Health, Reservation, StoreError, earlier,
    queue::{Queue, Sink},
};
use crate::{
    clock::Clock,
    model::{
        AuditRecord, ChangeRequest, Entry, GatewayName, Heartbeat, Lease, Overrides, Plan, PlanId,
        Presence, Retention, Revision, Seq, Spent, StoredEvent, WorkloadReadiness,
    },
};

/// A handle; the threads end when the last one goes away.
#[derive(Clone)]
pub(super) struct Sqlite(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    access: Access,
    clock: Clock,
    closed: AtomicBool,
    queue: Arc<Queue>,
    desk: Arc<Worker<Desk>>,
    readers: Worker<Reader>,
    keeper: Arc<Worker<Keeper>>,
    wakes: mpsc::Sender<Wake>,
    table: Table,
    newest: watch::Sender<Seq>,
    pulse: watch::Sender<i64>,
    vitals: Arc<Vitals>,
    ended: watch::Receiver<()>,
    /// Dropped when whoever still tries to open the files shall end.
    latecomer: Mutex<Option<mpsc::Sender<()>>>,
    _hold: Option<hold::Hold>,
}

impl Sqlite {
    /// Opens the directory, creates and upgrades its files, reads the overrides, starts the threads.
    pub(super) async fn open(
        directory: PathBuf,
        access: Access,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        Self::start(directory.clone(), move || {
            start::start(&directory, access, clock)
        })
        .await
    }

    /// The same for writing, and goes on trying when that is not possible now.
    pub(super) async fn open_or_wait(directory: PathBuf, clock: Clock) -> Result<Self, StoreError> {
        Self::start(directory.clone(), move || {
            start::start_or_wait(&directory, clock)
        })
        .await
    }

    async fn start(
        directory: PathBuf,
        work: impl FnOnce() -> Result<Inner, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let place = directory.display().to_string();
        tokio::task::spawn_blocking(move || work().map(|inner| Self(Arc::new(inner))))
            .await
            .unwrap_or_else(|error| {
                Err(StoreError::Open {
                    place,
                    cause: error.to_string(),
                })
            })
    }

    fn may_write(&self) -> Result<(), StoreError> {
        match self.0.access {
            Access::Observe => Err(StoreError::ReadOnly),
            Access::Write => Ok(()),
        }
    }

    pub(super) fn overrides(&self) -> watch::Receiver<Arc<Overrides>> {
        self.0.table.subscribe()
    }

    pub(super) async fn change(&self, request: ChangeRequest) -> Result<AuditRecord, ChangeError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            let (now, host) = (desk.clock.now(), desk.host.as_str());
            let done = desk
                .state
                .run(|connection| state::change(connection, request, now, host))?;
            if done.is_ok() {
                desk.publish();
            }
            Ok(done)
        };
        match self.0.desk.call(work).await? {
            Ok(record) => Ok(record),
            Err(Refusal::Conflict(conflict)) => Err(ChangeError::Conflict(conflict)),
            Err(Refusal::PlanUsed) => Err(ChangeError::PlanUsed),
        }
    }

    pub(super) async fn end_expired(&self) -> Result<Vec<AuditRecord>, StoreError> {
        self.may_write()?;
        let work = |desk: &mut Desk| {
            let (now, host) = (desk.clock.now(), desk.host.as_str());
            let ended = desk
                .state
                .run(|connection| state::end_expired(connection, now, host))?;
            if !ended.is_empty() {
                desk.publish();
            }
            Ok(ended)
        };
        self.0.desk.call(work).await
    }

    pub(super) fn reserve(&self) -> Result<Reservation, StoreError> {
        self.may_write()?;
        if self.0.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        Reservation::of(Sink::Queue(Arc::clone(&self.0.queue)))
    }

    pub(super) fn newest(&self) -> watch::Receiver<Seq> {
        self.0.newest.subscribe()
    }

    pub(super) async fn tail(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Entry)>, StoreError> {
        let work = move |reader: &mut Reader| {
            reader
                .log
                .run(|connection| log::tail(connection, after, limit))
        };
        self.0.readers.call(work).await
    }

    pub(super) async fn events(&self, query: EventQuery) -> Result<Vec<StoredEvent>, StoreError> {
        let work = move |reader: &mut Reader| {
            let log = &mut reader.log;
            let mut walk = log.run(|connection| Walk::new(connection, query))?;
            while walk.goes_on() {
                log.run(|connection| walk.step(connection))?;
            }
            Ok(walk.finish())
        };
        self.0.readers.call(work).await
    }

    pub(super) async fn audit(&self, query: AuditQuery) -> Result<Vec<AuditRecord>, StoreError> {
        let work = move |reader: &mut Reader| {
            reader
                .state
                .run(|connection| state::audit(connection, &query))
        };
        self.0.readers.call(work).await
    }

    pub(super) async fn put_plan(&self, plan: Plan) -> Result<(), StoreError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            let now = desk.clock.now();
            let kept = desk
                .state
                .run(|connection| state::put_plan(connection, &plan, now))?;
            if kept {
                Ok(())
            } else {
                Err(StoreError::PlanTaken { id: plan.id })
            }
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn plan(
        &self,
        id: PlanId,
    ) -> Result<Option<(Plan, Option<Revision>)>, StoreError> {
        let now = self.0.clock.now();
        let work = move |reader: &mut Reader| {
            reader
                .state
                .run(|connection| state::plan(connection, &id, now))
        };
        self.0.readers.call(work).await
    }

    pub(super) async fn beat(&self, heartbeat: Heartbeat) -> Result<(), StoreError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            desk.hours.tell(&desk.clock);
            desk.pulse
                .run(|connection| pulse::beat(connection, &heartbeat))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let work = |desk: &mut Desk| {
            let now = desk.clock.now();
            desk.pulse
                .look(|connection| pulse::heartbeats(connection, now))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn farewell(&self, gateway: GatewayName) -> Result<(), StoreError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            desk.pulse
                .run(|connection| pulse::farewell(connection, &gateway))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn put_presence(&self, presence: Presence) -> Result<(), StoreError> {
        let work = move |desk: &mut Desk| {
            desk.pulse
                .run(|connection| pulse::put_presence(connection, &presence))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn remove_presence(&self, session: String) -> Result<(), StoreError> {
        let work = move |desk: &mut Desk| {
            desk.pulse
                .run(|connection| pulse::remove_presence(connection, &session))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn presences(&self) -> Result<Vec<Presence>, StoreError> {
        let work = |desk: &mut Desk| {
            let now = desk.clock.now();
            desk.pulse
                .look(|connection| pulse::presences(connection, now))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn lease(
        &self,
        name: &'static str,
        holder: String,
        life: Duration,
    ) -> Result<Result<Lease, Lease>, StoreError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            let now = desk.clock.now();
            // Whoever comes for it goes by the same time.
            desk.hours.tell(&desk.clock);
            desk.pulse
                .run(|connection| duty::lease(connection, name, &holder, life, now))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn release(
        &self,
        name: &'static str,
        holder: String,
    ) -> Result<(), StoreError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            let now = desk.clock.now();
            desk.pulse
                .run(|connection| duty::release(connection, name, &holder, now))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn put_readiness(
        &self,
        all: Vec<WorkloadReadiness>,
    ) -> Result<(), StoreError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            desk.pulse
                .run(|connection| duty::put_readiness(connection, &all))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn readiness(&self) -> Result<Vec<WorkloadReadiness>, StoreError> {
        let work = |desk: &mut Desk| desk.pulse.look(|connection| duty::readiness(connection));
        self.0.desk.call(work).await
    }

    pub(super) async fn spend(&self, spent: Spent) -> Result<(), StoreError> {
        self.may_write()?;
        let work =
            move |desk: &mut Desk| desk.pulse.run(|connection| duty::spend(connection, &spent));
        self.0.desk.call(work).await
    }

    pub(super) async fn spent(&self, since: i64) -> Result<Vec<Spent>, StoreError> {
        let work =
            move |desk: &mut Desk| desk.pulse.look(|connection| duty::spent(connection, since));
        self.0.desk.call(work).await
    }

    pub(super) async fn retain(&self, retention: Retention) -> Result<(u64, u64), StoreError> {
        self.may_write()?;
        let now = self.0.clock.now();
        let before = earlier(now, retention.audit);
        let records = self
            .0
            .desk
            .call(move |desk| {
                desk.state
                    .run(|connection| chain::forget(connection, before, now))
            })
            .await?;
        let before = earlier(now, retention.events);
        let events = self
            .0
            .keeper
            .call(move |keeper| keeper.remove(before))
            .await?;
        Ok((events, records))
    }

    pub(super) fn waiting(&self) -> usize {
        self.0.queue.places.taken()
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.0.vitals.subscribe()
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.0.stop();
        let mut ended = self.0.ended.clone();
        while ended.changed().await.is_ok() {}
        match self.0.vitals.failure(start::WRITER) {
            Some(cause) => Err(StoreError::Failed {
                place: self.0.directory.display().to_string(),
                cause,
            }),
            None => Ok(()),
        }
    }
}

impl Inner {
    /// Tells every thread to finish what it has and end.
    fn stop(&self) {
        self.closed.store(true, Ordering::Release);
        self.queue.close();
        self.desk.close();
        self.readers.close();
        self.keeper.close();
        self.latecomer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // It ends by itself when this cannot be sent.
        let _ = self.wakes.send(Wake::Stop);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Sqlite")
            .field(&self.0.directory)
            .finish()
    }
}
