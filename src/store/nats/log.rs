//! The event log in a cluster: entries go there together and acknowledged, or wait on this host's disk in order until
//! they can; readers ask for what they need.
//!
//! A message holds what one writer had of one workload at a time. A place in the log is the sequence of a message and
//! the number of an entry in it.

mod digest;
mod follow;
pub(in crate::store) mod import;
mod message;
mod pack;
mod read;
mod send;
mod spool;
mod tally;
#[cfg(test)]
mod tests;
mod walk;
mod writer;

use std::{
    collections::HashSet,
    fmt,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{runtime::Handle, sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use self::{
    follow::{Ring, identity},
    read::SLACK,
    send::Sender,
    tally::Tally,
    writer::Writer,
};
use super::{layout::Stream, link::Link};
use crate::{
    model::{Entry, EventId, EventTally, Seq, StoredEvent},
    store::{
        Access, EventQuery, Health, Reservation, StoreError, TrafficQuery,
        queue::{Queue, Sink},
    },
};

/// How long the start waits to learn how far the log reaches.
const START: Duration = Duration::from_secs(2);
/// How many messages one page of the log asks for at once.
const MESSAGES: u64 = 64;

/// Events that wait on this host until the cluster takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spooled {
    /// How many entries.
    pub entries: u64,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
}

impl Spooled {
    fn add(&mut self, entries: u64, oldest: Option<i64>) {
        self.entries += entries;
        let oldest = oldest.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        self.oldest = match (self.oldest, oldest) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }
}

/// A handle. The writer ends when the last one goes away, and so does following.
#[derive(Clone)]
pub(in crate::store) struct Log(Arc<Inner>);

struct Inner {
    link: Link,
    access: Access,
    runtime: Handle,
    closed: AtomicBool,
    queue: Arc<Queue>,
    newest: watch::Sender<Seq>,
    ring: Arc<Ring>,
    following: AtomicBool,
    tally: Tally,
    spooled: watch::Receiver<Spooled>,
    health: watch::Receiver<Health>,
    /// How the writer ended.
    ended: watch::Receiver<Option<Result<(), StoreError>>>,
    end: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        self.end.cancel();
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// Starts the writer, when writing is allowed, also when there is no cluster. `directory` is where this host keeps
    /// what the cluster does not take; it is made when it is needed. Called on the runtime that the link lives on.
    pub(in crate::store) async fn start(
        link: Link,
        access: Access,
        directory: PathBuf,
    ) -> Result<Self, StoreError> {
        let (spooled_in, spooled) = watch::channel(Spooled::default());
        let (health_in, health) = watch::channel(Health::Good);
        let (ended_in, ended) = watch::channel(None);
        let queue = Arc::new(Queue::new());
        let runtime = Handle::current();
        let log = Self(Arc::new(Inner {
            link: link.clone(),
            access,
            runtime: runtime.clone(),
            closed: AtomicBool::new(false),
            queue: Arc::clone(&queue),
            newest: watch::Sender::new(Seq(0)),
            ring: Arc::default(),
            following: AtomicBool::new(false),
            tally: Tally::default(),
            spooled,
            health,
            ended,
            end: CancellationToken::new(),
        }));
        match access {
            Access::Observe => {
                ended_in.send_replace(Some(Ok(())));
            }
            Access::Write => {
                let name = log.new_writer();
                let sender = Sender {
                    link: link.clone(),
                    runtime,
                };
                let told = (spooled_in, health_in);
                let writer = Writer::new(queue, sender, directory, &name, told);
                let started = thread::Builder::new()
                    .name("store-events".to_owned())
                    .spawn(move || {
                        ended_in.send_replace(Some(writer.run()));
                    });
                started.map_err(|error| StoreError::Open {
                    place: link.url().to_owned(),
                    cause: error.to_string(),
                })?;
            }
        }
        if let Ok(Ok(extent)) = timeout(START, read::extent(&link)).await {
            follow::advance(&log.0.newest, pack::last_place(extent.last));
        }
        Ok(log)
    }

    fn link(&self) -> &Link {
        &self.0.link
    }

    /// A name that no other writer of the fleet has or will have.
    fn new_writer(&self) -> String {
        let random = fastrand::u128(..);
        EventId::new(self.link().clock().now(), random)
            .to_string()
            .to_ascii_lowercase()
    }

    fn may_write(&self) -> Result<(), StoreError> {
        match self.0.access {
            Access::Observe => Err(StoreError::ReadOnly),
            Access::Write => self.is_open(),
        }
    }

    fn is_open(&self) -> Result<(), StoreError> {
        if self.0.closed.load(Ordering::Acquire) {
            Err(StoreError::Closed)
        } else {
            Ok(())
        }
    }

    /// Takes a place in the queue, without waiting.
    pub(in crate::store) fn reserve(&self) -> Result<Reservation, StoreError> {
        self.may_write()?;
        Reservation::of(Sink::Queue(Arc::clone(&self.0.queue)))
    }

    /// The newest place, followed from the first call on.
    pub(in crate::store) fn newest(&self) -> watch::Receiver<Seq> {
        let inner = &self.0;
        if !inner.following.swap(true, Ordering::AcqRel) {
            let (link, ring) = (inner.link.clone(), Arc::clone(&inner.ring));
            let (newest, end) = (inner.newest.clone(), inner.end.clone());
            inner.runtime.spawn(async move {
                tokio::select! {
                    () = end.cancelled() => {}
                    () = follow::follow(link, ring, newest) => {}
                }
            });
        }
        inner.newest.subscribe()
    }

    /// The log after a place, oldest first.
    pub(in crate::store) async fn tail(
        &self,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Entry)>, StoreError> {
        self.is_open()?;
        if let Some(page) = self.0.ring.page(after, limit) {
            return Ok(page);
        }
        let link = self.link();
        let extent = read::extent(link).await?;
        let mut next = pack::message_of(after).max(extent.first).max(1);
        let (mut page, mut seen) = (Vec::new(), HashSet::new());
        while next <= extent.last && page.len() < limit {
            let to = extent.last.min(next + MESSAGES - 1);
            for message in read::whole(link, (next, to)).await? {
                for (seq, entry) in message.entries() {
                    if seq > after && page.len() < limit && seen.insert(identity(&entry)) {
                        page.push((seq, entry));
                    }
                }
            }
            next = to + 1;
        }
        Ok(page)
    }

    /// Events with their outcomes, oldest first.
    pub(in crate::store) async fn events(
        &self,
        query: EventQuery,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.is_open()?;
        walk::events(self.link(), query).await
    }

    /// How many events there were of each class in each stretch.
    pub(in crate::store) async fn event_tally(
        &self,
        query: TrafficQuery,
    ) -> Result<EventTally, StoreError> {
        self.is_open()?;
        self.0.tally.count(self.link(), &query).await
    }

    /// Removes what was made before a moment; answers how many decisions went.
    pub(in crate::store) async fn retain(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.may_write()?;
        let link = self.link();
        let extent = read::extent(link).await?;
        let limit = before.as_microsecond();
        let surely = before.checked_sub(SLACK).unwrap_or(Timestamp::MIN);
        let (mut gone, mut next) = (0, extent.first);
        read::stream(link, (extent.first.max(1), extent.last), false, |message| {
            let Some(summary) = message.summary() else {
                next = message.sequence + 1;
                return ControlFlow::Continue(());
            };
            // What claims to be of the future does not keep everything behind it for ever.
            let old = summary.newest < limit || (extent.times_tell && message.stored < surely);
            if !old {
                return ControlFlow::Break(());
            }
            gone += summary.decisions;
            next = message.sequence + 1;
            ControlFlow::Continue(())
        })
        .await?;
        if next <= extent.first.max(1) && gone == 0 {
            return Ok(0);
        }
        let name = link.layout().stream(Stream::Events);
        let stream = link.context().get_stream_no_info(name).await;
        let stream = stream.map_err(|error| link.failed(&error))?;
        let purged = stream.purge().sequence(next).await;
        purged.map_err(|error| link.failed(&error))?;
        self.0.tally.forget().await;
        Ok(gone)
    }

    /// Places taken in the queue.
    pub(in crate::store) fn waiting(&self) -> usize {
        self.0.queue.places.taken()
    }

    /// What waits on this host until the cluster takes it, followed.
    pub(in crate::store) fn spooled(&self) -> watch::Receiver<Spooled> {
        self.0.spooled.clone()
    }

    /// Whether events reach the cluster, followed.
    pub(in crate::store) fn health(&self) -> watch::Receiver<Health> {
        self.0.health.clone()
    }

    /// Waits until everything appended so far is in the cluster, then closes. An error: some of it waits on this host.
    pub(in crate::store) async fn close(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        inner.closed.store(true, Ordering::Release);
        inner.queue.close();
        inner.end.cancel();
        let mut ended = inner.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone().unwrap_or(Ok(())),
            Err(_) => Err(StoreError::Closed),
        }
    }
}
