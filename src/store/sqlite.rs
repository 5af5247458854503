//! The embedded backend: three SQLite files in one directory, used by several processes of one host at once.
//!
//! - `state.db`: overrides, audit, plans. Every commit waits for the disk.
//! - `events.db`: the event log, written by one thread of each gateway with group commit. Apart from the
//!   state, so that a storm of events never holds up an operator.
//! - `pulse.db`: heartbeats and presence, never waited for.
//!
//! All blocking work happens on the threads started here.

mod bell;
mod database;
mod fault;
mod files;
mod follower;
mod keeper;
mod log;
mod pulse;
mod record;
mod schema;
mod state;
mod vitals;
mod worker;
mod writer;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use tokio::sync::watch;

use self::{
    bell::Bell,
    database::{Database, Opening},
    follower::{Follower, Wake},
    keeper::Keeper,
    log::Walk,
    state::Refusal,
    vitals::Vitals,
    worker::{Alive, Worker},
    writer::Writer,
};
use super::{
    Access, AuditQuery, ChangeError, EventQuery, Health, Reservation, StoreError, earlier,
    host_name,
    queue::{Queue, Sink},
};
use crate::{
    clock::Clock,
    model::{
        AuditRecord, ChangeRequest, Entry, GatewayName, Heartbeat, Overrides, Plan, PlanId,
        Presence, Retention, Revision, Seq, StoredEvent,
    },
};

/// The least time between two rings of the events bell: what a follower sees late, and what keeps it from
/// waking up thousands of times a second.
const EVENTS_GAP: Duration = Duration::from_millis(20);

/// A handle; the threads end when the last one goes away.
#[derive(Clone)]
pub(super) struct Sqlite(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    access: Access,
    clock: Clock,
    closed: AtomicBool,
    queue: Arc<Queue>,
    desk: Worker<Desk>,
    readers: Worker<Reader>,
    keeper: Arc<Worker<Keeper>>,
    wakes: mpsc::Sender<Wake>,
    overrides: watch::Sender<Arc<Overrides>>,
    newest: watch::Sender<Seq>,
    vitals: Arc<Vitals>,
    ended: watch::Receiver<()>,
}

/// What the thread for state and pulse works with.
struct Desk {
    state: Database,
    pulse: Database,
    overrides: watch::Sender<Arc<Overrides>>,
    bell: Bell,
    clock: Clock,
    host: String,
}

/// What a reading thread works with.
struct Reader {
    state: Database,
    log: Database,
}

impl Sqlite {
    /// Opens the directory, creates and upgrades its files, reads the overrides, starts the threads.
    pub(super) async fn open(
        directory: PathBuf,
        access: Access,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let place = directory.display().to_string();
        tokio::task::spawn_blocking(move || Self::start(&directory, access, clock))
            .await
            .unwrap_or_else(|error| {
                Err(StoreError::Open {
                    place,
                    cause: error.to_string(),
                })
            })
    }

    fn start(directory: &Path, access: Access, clock: Clock) -> Result<Self, StoreError> {
        let open_error = |error: std::io::Error| StoreError::Open {
            place: directory.display().to_string(),
            cause: error.to_string(),
        };
        let directory = &std::path::absolute(directory).map_err(open_error)?;
        let (vitals, alive) = (Arc::new(Vitals::new()), Alive::default());
        let ended = alive.subscribe();
        let mut writable = Opening::Read;
        let mut alive_opening = Opening::Existing;
        if access == Access::Write {
            (writable, alive_opening) = (Opening::Create, Opening::Create);
            files::directory(directory)?;
            for bell in [bell::OVERRIDES, bell::EVENTS] {
                files::file(&directory.join(bell))?;
            }
        }
        let mut state = Database::new(&schema::STATE, directory, writable).noted("desk", &vitals);
        let table = state.run(follower::read_overrides)?;
        let mut log = Database::new(&schema::EVENTS, directory, writable).noted("writer", &vitals);
        let seq = log.run(|connection| log::newest(connection))?;
        let mut pulse =
            Database::new(&schema::PULSE, directory, alive_opening).noted("desk", &vitals);
        pulse.touch()?;

        let overrides = watch::Sender::new(Arc::new(table));
        let newest = watch::Sender::new(seq);
        let (wakes, woken) = mpsc::channel();
        let read = |kind| Database::new(kind, directory, Opening::Read);

        let desk = Desk {
            state,
            pulse,
            overrides: overrides.clone(),
            bell: Bell::new(directory, bell::OVERRIDES, Duration::ZERO),
            clock: clock.clone(),
            host: host_name(),
        };
        let desk = Worker::start("store-state", [desk], &alive).map_err(open_error)?;
        let readers = [(), ()].map(|()| Reader {
            state: read(&schema::STATE),
            log: read(&schema::EVENTS),
        });
        let readers = Worker::start("store-read", readers, &alive).map_err(open_error)?;
        let kept = Keeper {
            log: Database::new(&schema::EVENTS_UPKEEP, directory, Opening::Existing),
        };
        let keeper = (access == Access::Write).then_some(kept);
        let keeper = Worker::start("store-upkeep", keeper, &alive).map_err(open_error)?;
        let keeper = Arc::new(keeper);
        let follower = Follower {
            wakes: woken,
            watcher: bell::listen(directory, wakes.clone()),
            state: read(&schema::STATE).noted("overrides", &vitals),
            log: read(&schema::EVENTS).noted("events", &vitals),
            overrides: overrides.clone(),
            newest: newest.clone(),
        };
        spawn("store-follow", &alive, move || follower.run()).map_err(open_error)?;
        let queue = Arc::new(Queue::new());
        if access == Access::Write {
            let writer = Writer {
                queue: Arc::clone(&queue),
                log,
                newest: newest.clone(),
                bell: Bell::new(directory, bell::EVENTS, EVENTS_GAP),
                keeper: Arc::clone(&keeper),
            };
            spawn("store-events", &alive, move || writer.run()).map_err(open_error)?;
        }
        Ok(Self(Arc::new(Inner {
            directory: directory.clone(),
            access,
            clock,
            closed: AtomicBool::new(false),
            queue,
            desk,
            readers,
            keeper,
            wakes,
            overrides,
            newest,
            vitals,
            ended,
        })))
    }

    fn may_write(&self) -> Result<(), StoreError> {
        match self.0.access {
            Access::Observe => Err(StoreError::ReadOnly),
            Access::Write => Ok(()),
        }
    }

    pub(super) fn overrides(&self) -> watch::Receiver<Arc<Overrides>> {
        self.0.overrides.subscribe()
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
        let receiver = self.0.newest.subscribe();
        // Nobody may have followed until now; then what is shown is old.
        let _ = self.0.wakes.send(Wake::Events);
        receiver
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
            desk.pulse
                .run(|connection| pulse::beat(connection, &heartbeat))
        };
        self.0.desk.call(work).await
    }

    pub(super) async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let work = |desk: &mut Desk| {
            let now = desk.clock.now();
            desk.pulse
                .run(|connection| pulse::heartbeats(connection, now))
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
                .run(|connection| pulse::presences(connection, now))
        };
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
                    .run(|connection| state::forget_audit(connection, before))
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

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.0.vitals.subscribe()
    }

    pub(super) async fn close(&self) -> Result<(), StoreError> {
        self.0.stop();
        let mut ended = self.0.ended.clone();
        while ended.changed().await.is_ok() {}
        Ok(())
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

impl Desk {
    /// Shows the table to this process before the caller hears of its change, and wakes the others.
    fn publish(&mut self) {
        self.bell.ring();
        if let Ok(table) = self.state.run(follower::read_overrides) {
            follower::publish(&self.overrides, table);
        }
    }
}

fn spawn(name: &str, alive: &Alive, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let alive = Arc::clone(alive);
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            work();
            drop(alive);
        })?;
    Ok(())
}
