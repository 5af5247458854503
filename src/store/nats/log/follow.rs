//! Following the log: the newest entries in memory, bounded, for as many who follow as there are in this process.
//!
//! It begins when somebody wants to follow. Whoever cannot keep up reads on from the stream, page by page.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{HeaderValue, jetstream::consumer::pull::Ordered};
use futures_util::StreamExt as _;
use tokio::{sync::watch, time::sleep};

use super::{
    digest::{Digest, Storm},
    pack::{self, CODING_HEADER},
    read,
};
use crate::{
    clock::Clock,
    model::{Entry, EventId, Seq},
    store::{StoreError, nats::link::Link},
};

/// How many entries are held.
const HELD: usize = 16_384;
/// How many messages behind is too far to come after: the newest is shown first.
const BEHIND: u64 = 20_000;
/// How many messages that no digest has are read one by one; more are read in a stream.
const MISSING: u64 = 2_000;
/// How often it is looked in a storm whether something is missing.
const LOOK: Duration = Duration::from_millis(100);
/// How long until it is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// The newest entries.
#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// Everything behind it is here; `None`: nobody follows yet.
    floor: Option<Seq>,
    entries: VecDeque<(Seq, Entry)>,
    seen: HashSet<(EventId, bool)>,
    /// What is newer comes soon, with others: nobody need ask for it elsewhere.
    storm: bool,
}

/// What makes two entries the same: a message that was stored twice is shown once.
pub(super) fn identity(entry: &Entry) -> (EventId, bool) {
    match entry {
        Entry::Decision(event) => (event.id, false),
        Entry::Outcome(outcome) => (outcome.event, true),
    }
}

impl Ring {
    fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What it holds after a place, at most `limit`; `None`: that is to be asked elsewhere.
    pub(super) fn page(&self, after: Seq, limit: usize) -> Option<Vec<(Seq, Entry)>> {
        self.with(|held| {
            if held.floor.is_none_or(|floor| after < floor) {
                return None;
            }
            let begin = held.entries.partition_point(|(seq, _)| *seq <= after);
            let page: Vec<_> = held.entries.range(begin..).take(limit).cloned().collect();
            (held.storm || !page.is_empty()).then_some(page)
        })
    }

    fn storm(&self, now: bool) {
        self.with(|held| held.storm = now);
    }

    fn begin(&self, floor: Seq) {
        self.with(|held| {
            *held = Held {
                floor: Some(floor),
                ..Held::default()
            };
        });
    }

    fn take(&self, entries: Vec<(Seq, Entry)>) {
        self.with(|held| {
            for (seq, entry) in entries {
                if held.seen.insert(identity(&entry)) {
                    held.entries.push_back((seq, entry));
                }
            }
            while held.entries.len() > HELD {
                if let Some((seq, entry)) = held.entries.pop_front() {
                    held.seen.remove(&identity(&entry));
                    held.floor = Some(seq);
                }
            }
        });
    }
}

/// Shows a place to whoever follows, unless a newer one was shown.
pub(super) fn advance(newest: &watch::Sender<Seq>, seq: Seq) {
    newest.send_if_modified(|current| {
        let newer = seq > *current;
        *current = seq.max(*current);
        newer
    });
}

/// Follows the stream for as long as it is polled.
pub(super) async fn follow(link: Link, ring: Arc<Ring>, newest: watch::Sender<Seq>) {
    // Behind this message nothing has been taken.
    let mut taken: Option<u64> = None;
    let mut connected = link.connected();
    loop {
        // An error is nobody's to learn here: reading says it, and the store's health.
        if let Err(error) = run(&link, &ring, &newest, &mut taken).await {
            tracing::debug!(%error, "events are not followed at the moment");
        }
        tokio::select! {
            () = sleep(AGAIN) => {}
            changed = connected.changed() => if changed.is_err() {
                sleep(AGAIN).await;
            },
        }
    }
}

async fn run(
    link: &Link,
    ring: &Ring,
    newest: &watch::Sender<Seq>,
    taken: &mut Option<u64>,
) -> Result<(), StoreError> {
    let extent = read::extent(link).await?;
    let begin = match *taken {
        Some(taken) if taken <= extent.last && extent.last - taken <= BEHIND => taken,
        Some(_) | None => {
            // The newest of all is read: its last place is to be shown.
            let begin = extent.last.saturating_sub(1);
            ring.begin(pack::last_place(begin));
            begin
        }
    };
    advance(newest, pack::last_place(begin));
    let mut follower = Follower {
        link,
        ring,
        newest,
        taken: begin,
        // Without them everything is read as it stands.
        digests: read::digests(link).await.ok(),
    };
    let ended = follower.run().await;
    *taken = Some(follower.taken);
    ended
}

/// One who follows: the log itself, or in a storm what writers tell of it together.
struct Follower<'a> {
    link: &'a Link,
    ring: &'a Ring,
    newest: &'a watch::Sender<Seq>,
    /// Behind this message nothing has been taken.
    taken: u64,
    digests: Option<Ordered>,
}

impl Follower<'_> {
    async fn run(&mut self) -> Result<(), StoreError> {
        while let Some(digest) = self.log().await? {
            self.ring.storm(true);
            let ended = self.storm(digest).await;
            self.ring.storm(false);
            ended?;
        }
        Ok(())
    }

    /// Follows the log until a digest comes; `None`: it is too far ahead, or was ended.
    async fn log(&mut self) -> Result<Option<Digest>, StoreError> {
        let mut messages = read::consumer(self.link, self.taken + 1, true).await?;
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                digest = digest(self.link, &mut self.digests) => match digest? {
                    digest if digest.more => return Ok(Some(digest)),
                    _ => continue,
                },
            };
            let Some(message) = message else {
                return Ok(None);
            };
            let message = message.map_err(|error| self.link.failed(&error))?;
            let (message, pending) = read::delivered(self.link, message)?;
            self.take(message.sequence, message.entries());
            if pending > BEHIND {
                return Ok(None);
            }
        }
    }

    /// Follows by digests until there are no more.
    async fn storm(&mut self, first: Digest) -> Result<(), StoreError> {
        let mut storm = Storm::new(self.taken);
        storm.take(first, Clock::instant());
        loop {
            while let Some(entries) = storm.next(Clock::instant()) {
                self.take(self.taken + 1, entries);
            }
            if let Some((from, to)) = storm.missing(Clock::instant()) {
                if to - from > MISSING {
                    return Ok(());
                }
                for message in read::whole(self.link, (from, to)).await? {
                    self.take(message.sequence, message.entries());
                }
                // What is not there any more was removed.
                self.taken = self.taken.max(to);
                storm.taken(to);
                continue;
            }
            if storm.over() {
                return Ok(());
            }
            tokio::select! {
                digest = digest(self.link, &mut self.digests) => storm.take(digest?, Clock::instant()),
                () = sleep(LOOK) => {}
            }
        }
    }

    fn take(&mut self, sequence: u64, entries: Vec<(Seq, Entry)>) {
        self.taken = sequence;
        let last = entries.last().map(|(seq, _)| *seq);
        self.ring.take(entries);
        if let Some(last) = last {
            advance(self.newest, last);
        }
    }
}

/// The next digest; never, when there are none to be had.
async fn digest(link: &Link, digests: &mut Option<Ordered>) -> Result<Digest, StoreError> {
    loop {
        let Some(told) = digests else {
            return std::future::pending().await;
        };
        let told = told.next().await;
        let told = told.ok_or_else(|| link.failed(&"the cluster tells no digests any more"))?;
        let told = told.map_err(|error| link.failed(&error))?.message;
        let coding = told
            .headers
            .as_ref()
            .and_then(|headers| headers.get(CODING_HEADER))
            .map(HeaderValue::as_str);
        let writer = told.subject.rsplit('.').next().unwrap_or_default();
        match Digest::read(writer, &told.payload, coding) {
            Ok(digest) => return Ok(digest),
            Err(error) => tracing::debug!(%error, "a digest could not be read"),
        }
    }
}
