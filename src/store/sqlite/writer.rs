//! The one thread of a process that writes events: takes all that wait, commits them together, tells those
//! who wait for the promise.
//!
//! It never gives up. When a commit fails, those who wait learn it at once; entries that nobody waits for
//! are kept and tried again, until the disk works or the queue is full.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{
    bell::Bell, database::Database, fault::Fault, follower, keeper::Keeper, log, turn::Turn,
    worker::Worker,
};
use crate::{
    model::Seq,
    store::queue::{Job, Queue, Taken},
};

/// How many entries one transaction takes at most.
const BATCH: usize = 4_096;
/// How long after a failure it tries again by itself.
const RETRY: Duration = Duration::from_secs(1);
/// How much is written between two checkpoints.
pub(super) const CHECKPOINT: usize = 8 * 1024 * 1024;
/// What a commit costs in the log beside the text itself.
const COMMIT_COST: usize = 16 * 1024;

/// What it needs.
pub(super) struct Writer {
    pub(super) queue: Arc<Queue>,
    pub(super) log: Database,
    pub(super) turn: Turn,
    pub(super) newest: watch::Sender<Seq>,
    pub(super) bell: Bell,
    pub(super) keeper: Arc<Worker<Keeper>>,
}

/// What it has in hand.
#[derive(Default)]
struct Hand {
    jobs: Vec<Job>,
    bodies: log::Bodies,
    failing: bool,
    /// Written since the last checkpoint.
    written: usize,
    checkpointing: Arc<AtomicBool>,
}

impl Writer {
    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut hand = Hand::default();
        loop {
            let patience = if hand.failing {
                Some(RETRY)
            } else {
                self.bell.patience()
            };
            match self.queue.take(&mut hand.jobs, patience) {
                Taken::Jobs => self.write(&mut hand),
                Taken::TimedOut if hand.failing => self.try_again(&mut hand),
                Taken::TimedOut => self.bell.ring_owed(),
                Taken::Closed => break,
            }
        }
        self.write(&mut hand);
        if !hand.jobs.is_empty() {
            tracing::error!(
                entries = hand.jobs.len(),
                "outcomes were lost: the event log could not be written"
            );
        }
        self.bell.ring_owed();
    }

    fn try_again(&mut self, hand: &mut Hand) {
        if hand.jobs.is_empty() {
            hand.failing = self.log.run(log::probe).is_err();
        } else {
            self.write(hand);
        }
    }

    /// Commits everything in hand, or as much as the disk takes.
    fn write(&mut self, hand: &mut Hand) {
        let mut rest = std::mem::take(&mut hand.jobs);
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(BATCH));
            let batch = self.encode(std::mem::replace(&mut rest, later), hand);
            match self.commit(&batch, hand) {
                Ok(base) => self.tell(batch, base),
                Err(error) => {
                    hand.failing = true;
                    let all = batch.into_iter().chain(rest);
                    let (awaited, kept): (Vec<Job>, Vec<Job>) = all.partition(Job::awaited);
                    self.queue.places.give_back(awaited.len());
                    for job in awaited {
                        job.answer(Err(error.clone()));
                    }
                    hand.jobs = kept;
                    return;
                }
            }
        }
        hand.failing = false;
        if hand.written >= CHECKPOINT {
            self.checkpoint(hand);
        }
    }

    /// Turns entries into text before the lock is taken.
    fn encode(&self, mut batch: Vec<Job>, hand: &mut Hand) -> Vec<Job> {
        hand.bodies.clear();
        let mut index = 0;
        while let Some(job) = batch.get(index) {
            match hand.bodies.push(&job.entry) {
                Ok(()) => index += 1,
                Err(fault) => {
                    self.queue.places.give_back(1);
                    let job = batch.remove(index);
                    job.answer(Err(self.log.explain(fault)));
                }
            }
        }
        batch
    }

    fn commit(&mut self, batch: &[Job], hand: &mut Hand) -> Result<Seq, crate::store::StoreError> {
        let (bodies, turn) = (&hand.bodies, &self.turn);
        let base = self.log.run(|connection| -> Result<Seq, Fault> {
            log::append(connection, turn, batch.iter().map(|job| &job.entry), bodies)
        })?;
        hand.written += bodies.len() + COMMIT_COST;
        Ok(base)
    }

    fn tell(&mut self, batch: Vec<Job>, base: Seq) {
        // First the places: who was told that an entry is durable may count on its place.
        self.queue.places.give_back(batch.len());
        let mut seq = base;
        for job in batch {
            seq.0 += 1;
            job.answer(Ok(seq));
        }
        follower::advance(&self.newest, seq);
        self.bell.ring();
    }

    fn checkpoint(&self, hand: &mut Hand) {
        if hand.checkpointing.swap(true, Ordering::AcqRel) {
            return;
        }
        hand.written = 0;
        let running = Arc::clone(&hand.checkpointing);
        let sent = self.keeper.send(move |keeper| {
            keeper.checkpoint();
            running.store(false, Ordering::Release);
        });
        if sent.is_err() {
            // The store is closing; the log is moved by the next process.
            hand.checkpointing.store(false, Ordering::Release);
        }
    }
}
