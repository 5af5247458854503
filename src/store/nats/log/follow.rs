//! Following the log: the newest entries in memory, bounded, for as many who follow as there are in this process.
//!
//! It begins when somebody wants to follow. Whoever cannot keep up reads on from the stream, page by page.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use tokio::{sync::watch, time::sleep};

use super::{message::Message, pack, read};
use crate::{
    model::{Entry, EventId, Seq},
    store::{StoreError, nats::link::Link},
};

/// How many entries are held.
const HELD: usize = 16_384;
/// How many messages behind is too far to come after: the newest is shown first.
const BEHIND: u64 = 20_000;
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
            (!page.is_empty()).then_some(page)
        })
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
    *taken = Some(begin);
    advance(newest, pack::last_place(begin));
    let mut messages = read::consumer(link, begin + 1, true).await?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| link.failed(&error))?;
        let (message, pending) = read::delivered(link, message)?;
        *taken = Some(message.sequence);
        take(&message, ring, newest);
        if pending > BEHIND {
            return Ok(());
        }
    }
    Ok(())
}

fn take(message: &Message, ring: &Ring, newest: &watch::Sender<Seq>) {
    let entries = message.entries();
    let last = entries.last().map(|(seq, _)| *seq);
    ring.take(entries);
    if let Some(last) = last {
        advance(newest, last);
    }
}
