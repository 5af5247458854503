//! The one thread of a process that brings events into the cluster: takes all that wait, sends them together,
//! tells those who wait for the promise.
//!
//! It never gives up. What the cluster does not acknowledge goes to the spool, and whoever waits for it learns at once
//! that it is not in the cluster. From then on everything new goes behind it, until the spool is empty again.

mod drain;

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use self::drain::Underway;
use super::{
    Spooled,
    digest::Gathered,
    pack::{self, Letter, Packer, Parcel},
    send::Sender,
    spool::Spool,
};
use crate::{
    clock::Clock,
    store::{
        Health, StoreError,
        nats::{layout::Stream, link::NotStored},
        queue::{Job, Queue, Taken},
    },
};

/// How long until what waits is tried again after a failure: first, and at most.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_AT_MOST: Duration = Duration::from_secs(1);
/// How often it looks for what processes that died have left.
const ADOPT: Duration = Duration::from_secs(15);

/// How often it looks whether what waited has arrived.
const LOOK: Duration = Duration::from_millis(2);

/// The thread's work.
pub(super) struct Writer {
    queue: Arc<Queue>,
    sender: Sender,
    directory: PathBuf,
    packer: Packer,
    spool: Spool,
    /// Of processes that died.
    orphans: Vec<Spool>,
    /// Messages that could not be kept on disk, either. Their entries still hold their places in the queue.
    stuck: Vec<Letter>,
    /// What became of this writer's messages is known up to this sequence of the stream.
    known: u64,
    /// Messages that waited and are on their way.
    underway: Option<Underway>,
    /// What is in the cluster and may be told once more, to those who follow.
    gathered: Gathered,
    /// When what waits is tried again, and how long after the next failure.
    again: Instant,
    pause: Duration,
    /// When it looks for orphans again.
    adopt: Instant,
    spooled: watch::Sender<Spooled>,
    health: watch::Sender<Health>,
}

impl Writer {
    /// With nothing in hand.
    pub(super) fn new(
        queue: Arc<Queue>,
        sender: Sender,
        directory: PathBuf,
        writer: &str,
        (spooled, health): (watch::Sender<Spooled>, watch::Sender<Health>),
    ) -> Self {
        let now = Clock::instant();
        let stream = sender.link.layout().stream(Stream::Events);
        Self {
            spool: Spool::new(&directory, &stream, writer),
            queue,
            sender,
            directory,
            packer: Packer::default(),
            orphans: Vec::new(),
            stuck: Vec::new(),
            known: 0,
            underway: None,
            gathered: Gathered::default(),
            again: now,
            pause: AGAIN,
            adopt: now,
            spooled,
            health,
        }
    }

    /// Writes until the queue is closed and empty. An error: some of it is not in the cluster.
    pub(super) fn run(mut self) -> Result<(), StoreError> {
        let mut jobs = Vec::new();
        loop {
            self.tend();
            match self.queue.take(&mut jobs, Some(self.patience())) {
                Taken::Jobs => self.write(std::mem::take(&mut jobs)),
                Taken::TimedOut => {}
                Taken::Closed => break,
            }
        }
        // Once more, so that an orderly end leaves nothing behind when the cluster is there.
        self.again = Clock::instant();
        loop {
            if let Some(Underway { whose, delivered }) = self.underway.take() {
                let delivered = delivered.recv().unwrap_or_else(|_| self.ended());
                self.settle(whose, delivered);
            } else if self.waits() && Clock::instant() >= self.again {
                self.begin();
            } else {
                break;
            }
        }
        let left = self.spool.held().entries + self.stuck_entries();
        if left == 0 {
            self.spool.remove();
            return Ok(());
        }
        let words = format!("{left} events wait on this host until the cluster takes them");
        Err(self.sender.link.failed(&words))
    }

    fn waits(&self) -> bool {
        !self.spool.is_empty() || !self.stuck.is_empty()
    }

    fn stuck_entries(&self) -> u64 {
        let entries = self.stuck.iter().map(|letter| letter.summary.entries);
        entries.sum::<usize>() as u64
    }

    /// How long there is nothing to do but to wait for new entries.
    fn patience(&self) -> Duration {
        if self.underway.is_some() {
            return LOOK;
        }
        let mut next = self.adopt;
        if let Some(due) = self.gathered.due() {
            next = next.min(due);
        }
        if self.waits() || !self.orphans.is_empty() {
            next = next.min(self.again);
        }
        let patience = next.saturating_duration_since(Clock::instant());
        patience.max(Duration::from_millis(1))
    }

    /// Does what is due beside new entries.
    fn tend(&mut self) {
        let now = Clock::instant();
        if let Some(digest) = self.gathered.take(now) {
            self.sender.tell(&self.spool.writer, digest);
        }
        if now >= self.adopt {
            self.adopt = now + ADOPT;
            let stream = self.sender.link.layout().stream(Stream::Events);
            for orphan in Spool::adopt(&self.directory, &stream) {
                let entries = orphan.held().entries;
                tracing::info!(entries, "events that a former process has kept are sent");
                self.orphans.push(orphan);
            }
            self.tell();
        }
        if let Some(Underway { whose, delivered }) = self.underway.take() {
            match delivered.try_recv() {
                Ok(delivered) => self.settle(whose, delivered),
                Err(mpsc::TryRecvError::Empty) => {
                    self.underway = Some(Underway { whose, delivered });
                    return;
                }
                Err(mpsc::TryRecvError::Disconnected) => self.settle(whose, self.ended()),
            }
        }
        if Clock::instant() >= self.again && (self.waits() || !self.orphans.is_empty()) {
            self.begin();
        }
    }

    /// Brings entries into the cluster, or behind what waits already.
    fn write(&mut self, jobs: Vec<Job>) {
        let (waves, refused) = self.packer.pack(jobs);
        self.queue.places.give_back(refused);
        let mut waves = waves.into_iter();
        let mut left: Vec<Parcel> = Vec::new();
        if !self.waits() {
            let mut why = None;
            while why.is_none()
                && let Some(wave) = waves.next()
            {
                why = self.send(wave, &mut left);
            }
            let Some(error) = why else {
                return;
            };
            self.again = Clock::instant() + AGAIN;
            self.pause = AGAIN;
            self.fare(Some(&self.sender.link.not_stored(&error)));
        }
        left.extend(waves.flatten());
        self.put_by(left);
    }

    /// Sends a wave and answers what was stored; puts what was not into `left` and says why.
    fn send(&mut self, wave: Vec<Parcel>, left: &mut Vec<Parcel>) -> Option<NotStored> {
        let now = self.sender.now();
        let letters = wave.iter().map(|parcel| &parcel.letter);
        let results = self.sender.send(&self.spool.writer, letters);
        let (mut why, mut newest) = (None, 0);
        for (mut parcel, result) in wave.into_iter().zip(results) {
            match result {
                Ok(stored) => {
                    newest = newest.max(stored.sequence);
                    // First the places: who was told that an entry is durable may count on its place.
                    self.queue.places.give_back(parcel.answers.len());
                    let letter = parcel.answer(|index| Ok(pack::place(stored.sequence, index)));
                    self.gathered
                        .add(stored.sequence, &letter, Clock::instant());
                }
                Err(error) => {
                    let surely_not = matches!(error, NotStored::Away | NotStored::Forbidden(_));
                    parcel.letter.sent = (!surely_not).then_some(now);
                    why = Some(error);
                    left.push(parcel);
                }
            }
        }
        if why.is_none() {
            self.known = self.known.max(newest);
        }
        why
    }

    /// Keeps messages on this host and tells those who wait that they are not in the cluster.
    fn put_by(&mut self, parcels: Vec<Parcel>) {
        let letters: Vec<&Letter> = parcels.iter().map(|parcel| &parcel.letter).collect();
        let link = &self.sender.link;
        // Behind what could not be kept nothing can be kept in order.
        let kept = if self.stuck.is_empty() {
            self.spool.keep(&letters, self.known)
        } else {
            Err(link.failed(&"earlier events wait in memory"))
        };
        let entries = parcels.iter().map(|parcel| parcel.answers.len()).sum();
        let verdict = match &kept {
            Ok(true) => link.failed(&"the event is kept on this host until the cluster takes it"),
            Ok(false) => {
                tracing::error!(
                    entries,
                    "events are lost: the cluster takes none and the place for them is full"
                );
                let held = self.spool.held().entries;
                StoreError::QueueFull {
                    capacity: usize::try_from(held).unwrap_or(usize::MAX),
                }
            }
            Err(error) => {
                tracing::error!(entries, %error, "events are kept in memory only");
                error.clone()
            }
        };
        if kept.is_ok() {
            self.queue.places.give_back(entries);
        }
        for parcel in parcels {
            if kept.is_err() {
                self.stuck.push(parcel.letter.clone());
            }
            parcel.answer(|_| Err(verdict.clone()));
        }
        self.tell();
    }

    fn fare(&self, error: Option<&StoreError>) {
        let health = error.map_or(Health::Good, |error| Health::Failing(error.to_string()));
        self.health.send_if_modified(|current| {
            let changed = *current != health;
            *current = health;
            changed
        });
    }

    fn tell(&self) {
        let mut all = Spooled::default();
        for spool in self.orphans.iter().chain([&self.spool]) {
            all.add(spool.held().entries, spool.held().oldest);
        }
        for letter in &self.stuck {
            all.add(letter.summary.entries as u64, Some(letter.summary.oldest));
        }
        self.spooled.send_if_modified(|current| {
            let changed = *current != all;
            *current = all;
            changed
        });
    }
}
