//! The bounded way from those who append entries to the one who makes them durable.
//!
//! The gateway's workers reserve a place and append without ever waiting; a backend's writer takes all that
//! wait at once. Nothing here does I/O.

use std::{
    fmt,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use super::{StoreError, memory};
use crate::model::{Entry, Seq};

/// How many entries may wait to become durable.
pub(super) const CAPACITY: usize = 65_536;

/// What became of an entry.
pub(super) type Verdict = Result<Seq, StoreError>;

/// An entry on its way.
pub(super) struct Job {
    /// What is to be written.
    pub(super) entry: Entry,
    /// Who waits for it; `None`: nobody does.
    pub(super) answer: Option<oneshot::Sender<Verdict>>,
}

impl Job {
    /// Whether somebody still waits for the answer.
    pub(super) fn awaited(&self) -> bool {
        self.answer
            .as_ref()
            .is_some_and(|answer| !answer.is_closed())
    }

    /// Tells whoever waits.
    pub(super) fn answer(self, verdict: Verdict) {
        if let Some(answer) = self.answer {
            // Nobody may be waiting any more; the entry's fate does not depend on it.
            let _ = answer.send(verdict);
        }
    }
}

/// Counts the free places of a queue.
#[derive(Debug)]
pub(super) struct Places(AtomicUsize);

impl Places {
    /// All places free.
    pub(super) const fn new() -> Self {
        Self(AtomicUsize::new(CAPACITY))
    }

    /// Takes one place.
    pub(super) fn take(&self) -> Result<(), StoreError> {
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |free| {
                free.checked_sub(1)
            })
            .map(drop)
            .map_err(|_| StoreError::QueueFull { capacity: CAPACITY })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        CAPACITY.saturating_sub(self.0.load(Ordering::Relaxed))
    }

    /// Gives places back.
    pub(super) fn give_back(&self, count: usize) {
        self.0.fetch_add(count, Ordering::AcqRel);
    }
}

/// The queue of one writer.
pub(super) struct Queue {
    /// Places, also of entries that were taken and are not yet answered.
    pub(super) places: Places,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

/// How long entries that nobody waits for may wait for company: a commit of their own would only delay the
/// next one that somebody waits for.
const LINGER: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    /// Whether somebody waits for one of them.
    urgent: bool,
    /// Whether the writer sleeps, so that appending under load costs no system call.
    asleep: bool,
    closed: bool,
}

/// Why the writer woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// There is something to write.
    Jobs,
    /// The time it wanted to wait is over.
    TimedOut,
    /// Nothing waits and nothing more will come.
    Closed,
}

impl Queue {
    /// An empty queue.
    pub(super) fn new() -> Self {
        Self {
            places: Places::new(),
            waiting: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nobody panics while holding it; if somebody did, the list itself is still whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) {
        let mut waiting = self.lock();
        if waiting.closed {
            drop(waiting);
            self.places.give_back(1);
            job.answer(Err(StoreError::Closed));
            return;
        }
        let first = waiting.jobs.is_empty();
        let urgent = job.answer.is_some();
        waiting.jobs.push(job);
        waiting.urgent |= urgent;
        // The first of those that may linger wakes the writer, too, so that it lingers and not sleeps.
        let wake = (urgent || first) && std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Moves everything that waits behind what is already in `into`; sleeps while nothing does.
    pub(super) fn take(&self, into: &mut Vec<Job>, patience: Option<Duration>) -> Taken {
        let mut waiting = self.lock();
        while !waiting.urgent && !waiting.closed {
            let lingering = !waiting.jobs.is_empty();
            let limit = if lingering { Some(LINGER) } else { patience };
            waiting.asleep = true;
            let Some(limit) = limit else {
                let woken = self.wake.wait(waiting);
                waiting = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let (back, timeout) = self
                .wake
                .wait_timeout(waiting, limit)
                .unwrap_or_else(PoisonError::into_inner);
            waiting = back;
            if timeout.timed_out() && (lingering || waiting.jobs.is_empty()) {
                break;
            }
        }
        waiting.asleep = false;
        if waiting.jobs.is_empty() {
            return if waiting.closed {
                Taken::Closed
            } else {
                Taken::TimedOut
            };
        }
        waiting.urgent = false;
        if into.is_empty() {
            std::mem::swap(into, &mut waiting.jobs);
        } else {
            into.append(&mut waiting.jobs);
        }
        Taken::Jobs
    }

    /// Takes no more; what waits is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Queue")
            .field("places", &self.places)
            .finish_non_exhaustive()
    }
}

/// Where a reserved entry goes.
#[derive(Debug)]
pub(super) enum Sink {
    /// To a backend's writer.
    Queue(Arc<Queue>),
    /// Straight into memory.
    Memory(Arc<memory::Shared>),
}

impl Sink {
    fn places(&self) -> &Places {
        match self {
            Self::Queue(queue) => &queue.places,
            Self::Memory(shared) => &shared.places,
        }
    }

    fn push(&self, job: Job) {
        match self {
            Self::Queue(queue) => queue.push(job),
            Self::Memory(shared) => {
                let seq = shared.append(job.entry.clone());
                shared.places.give_back(1);
                job.answer(Ok(seq));
            }
        }
    }
}

/// A place in the event queue. Dropping it gives the place back.
#[derive(Debug)]
pub struct Reservation(Option<Sink>);

impl Reservation {
    /// Takes a place of a queue.
    pub(super) fn of(sink: Sink) -> Result<Self, StoreError> {
        sink.places().take()?;
        Ok(Self(Some(sink)))
    }

    /// Hands over an entry; it is written with the next group commit, whether or not the receipt is kept.
    #[must_use = "await the receipt where the promise needs it"]
    pub fn append(self, entry: Entry) -> Receipt {
        let (answer, answered) = oneshot::channel();
        self.push(Job {
            entry,
            answer: Some(answer),
        });
        Receipt(answered)
    }

    /// Hands over an entry that nobody waits for: cheaper, and kept for another try when the store fails.
    pub fn append_unawaited(self, entry: Entry) {
        self.push(Job {
            entry,
            answer: None,
        });
    }

    fn push(mut self, job: Job) {
        if let Some(sink) = self.0.take() {
            sink.push(job);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(sink) = self.0.take() {
            sink.places().give_back(1);
        }
    }
}

/// The promise of a durable entry.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<Verdict>);

impl Receipt {
    /// Waits until the entry is durable, or could not be made so.
    pub async fn durable(self) -> Result<Seq, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}
