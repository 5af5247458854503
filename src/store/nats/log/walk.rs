//! Events with their outcomes, found from the newest downwards, in windows that grow while little is found in them.
//!
//! Servers send only what may be meant: subjects of one workload, messages of the time that is asked for.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    message::Message,
    pack::{self, LATE, MANY},
    read::{self, Extent, SLACK},
};
use crate::{
    model::{Entry, EventId, Outcome, StoredEvent},
    store::{
        EventQuery, StoreError,
        nats::{layout::token, link::Link},
    },
};

/// How many sequences the first window spans.
const FIRST: u64 = 64;
/// The same where only a workload's are meant: these few are read whole.
const NEWEST: u64 = 16;
/// A window that brought less is followed by a larger one, and one that brought more by a smaller one.
const LITTLE: usize = 512 * 1024;
const MUCH: usize = 4 * 1024 * 1024;
/// How many messages behind the events that were found are looked at for their outcomes.
const AHEAD: usize = 8_192;
/// How long after its decision an outcome may come to be found from a page in the middle of the log.
const AHEAD_TIME: std::time::Duration = std::time::Duration::from_hours(1);

/// A search under way.
struct Walk<'a> {
    link: &'a Link,
    query: EventQuery,
    /// What servers are asked for.
    subjects: Vec<String>,
    /// That is everything.
    all: bool,
    /// The newest message of all.
    last: u64,
    /// Outcomes whose decision was not met yet.
    outcomes: HashMap<EventId, Outcome>,
    /// Newest first.
    found: Vec<StoredEvent>,
    at: HashMap<EventId, usize>,
    /// When the oldest and the newest message with something of it was stored.
    stored: Option<(Timestamp, Timestamp)>,
}

/// Events that are asked for, oldest first.
pub(super) async fn events(link: &Link, query: EventQuery) -> Result<Vec<StoredEvent>, StoreError> {
    let extent = read::extent(link).await?;
    let subjects = match &query.workload {
        Some(workload) => [token(workload.as_str()), MANY.to_owned(), LATE.to_owned()]
            .iter()
            .map(|lane| read::subjects(link, lane, "*"))
            .collect(),
        None => vec![read::subjects(link, "*", "*")],
    };
    let mut walk = Walk {
        link,
        all: query.workload.is_none(),
        last: extent.last,
        query,
        subjects,
        outcomes: HashMap::new(),
        found: Vec::new(),
        at: HashMap::new(),
        stored: None,
    };
    walk.run(extent).await?;
    walk.found.reverse();
    Ok(walk.found)
}

impl Walk<'_> {
    async fn run(&mut self, extent: Extent) -> Result<(), StoreError> {
        let mut bottom = extent.first.max(pack::message_of(self.query.after)).max(1);
        let mut top = extent.last;
        if let Some(before) = self.query.before {
            top = top.min(pack::message_of(before));
        }
        let end = top;
        if extent.times_tell
            && let Some(since) = self.query.since
            && let Ok(since) = since.checked_sub(SLACK)
        {
            bottom = bottom.max(read::position(self.link, extent, since).await?);
        }
        if self.query.id.is_some() {
            return self.search(extent, (bottom, end)).await;
        }
        // What came late stands behind its time; everything else does not.
        if extent.times_tell
            && let Some(until) = self.query.until
            && let Ok(until) = until.checked_add(SLACK)
        {
            top = top.min(read::position(self.link, extent, until).await?);
            if top < end {
                let late = vec![read::subjects(self.link, LATE, "*")];
                let all = std::mem::replace(&mut self.all, false);
                let subjects = std::mem::replace(&mut self.subjects, late);
                self.down(top + 1, end).await?;
                (self.all, self.subjects) = (all, subjects);
            }
        }
        if !self.enough() {
            self.down(bottom, top).await?;
        }
        if top < extent.last {
            self.ahead(top, extent).await?;
        }
        Ok(())
    }

    fn enough(&self) -> bool {
        self.query.limit > 0 && self.found.len() >= self.query.limit
    }

    /// Looks at everything between two sequences, from the higher one downwards, until it is enough.
    async fn down(&mut self, bottom: u64, top: u64) -> Result<(), StoreError> {
        let (mut high, mut span) = (top, if self.all { FIRST } else { NEWEST });
        while high >= bottom && high > 0 && !self.enough() {
            let low = bottom.max((high + 1).saturating_sub(span)).max(1);
            // That a server has not caught up is seen only where nothing is left out.
            let messages = if self.all || high == self.last {
                read::whole(self.link, (low, high)).await?
            } else {
                read::through(self.link, (low, high), &self.subjects).await?
            };
            let size: usize = messages.iter().map(Message::size).sum();
            span = match size {
                0..LITTLE => span.saturating_mul(4),
                LITTLE..MUCH => span,
                MUCH.. => (span / 4).max(1),
            };
            for message in messages.iter().rev() {
                self.take(message);
                if self.enough() {
                    break;
                }
            }
            high = low - 1;
        }
        Ok(())
    }

    /// Takes what a message holds, its last entry first.
    fn take(&mut self, message: &Message) {
        let mut any = false;
        for (seq, entry) in message.entries().into_iter().rev() {
            match entry {
                // The lowest of several is the first, and counts.
                Entry::Outcome(outcome) => {
                    self.outcomes.insert(outcome.event, outcome);
                }
                Entry::Decision(event) => {
                    let outcome = self.outcomes.remove(&event.id);
                    if self.enough() || !self.query.wants(seq, &event) {
                        continue;
                    }
                    any = true;
                    if let Some(known) = self.at.get(&event.id)
                        && let Some(known) = self.found.get_mut(*known)
                    {
                        // Stored twice; the first counts.
                        known.seq = seq;
                        continue;
                    }
                    self.at.insert(event.id, self.found.len());
                    self.found.push(StoredEvent {
                        seq,
                        event: *event,
                        outcome,
                    });
                }
            }
        }
        if any {
            let stored = message.stored;
            self.stored = Some(self.stored.map_or((stored, stored), |(oldest, newest)| {
                (oldest.min(stored), newest.max(stored))
            }));
        }
    }

    /// One event, looked for near its time first, then where it may have come late.
    async fn search(
        &mut self,
        extent: Extent,
        (bottom, end): (u64, u64),
    ) -> Result<(), StoreError> {
        let near = match (self.query.id, extent.times_tell) {
            (Some(id), true) => {
                let before = id.at().checked_sub(std::time::Duration::from_secs(10));
                let before = before.unwrap_or(Timestamp::UNIX_EPOCH);
                read::position(self.link, extent, before).await?.max(bottom)
            }
            (Some(_) | None, _) => bottom,
        };
        for (low, high) in [(near, end), (bottom, near.saturating_sub(1))] {
            let mut next = low;
            let mut span = FIRST;
            while next <= high && self.found.is_empty() {
                let to = high.min(next.saturating_add(span - 1));
                let messages = read::through(self.link, (next, to), &self.subjects).await?;
                for message in &messages {
                    self.take(message);
                }
                span = span.saturating_mul(2).min(1_024);
                next = to + 1;
            }
        }
        self.outcomes.clear();
        let from = self.found.first().map(|found| pack::message_of(found.seq));
        if let Some(from) = from {
            self.ahead(from.saturating_sub(1), extent).await?;
        }
        Ok(())
    }

    /// Looks behind a sequence for the outcomes of what was found.
    async fn ahead(&mut self, after: u64, extent: Extent) -> Result<(), StoreError> {
        let mut open = self
            .found
            .iter()
            .filter(|found| found.outcome.is_none())
            .count();
        let latest = self
            .stored
            .and_then(|(_, newest)| newest.checked_add(AHEAD_TIME).ok());
        let (mut next, mut looked) = (after + 1, 0);
        while open > 0 && next <= extent.last && looked < AHEAD {
            let to = extent.last.min(next + 511);
            let messages = read::through(self.link, (next, to), &self.subjects).await?;
            looked += 512;
            for message in &messages {
                if latest.is_some_and(|latest| message.stored > latest) {
                    return Ok(());
                }
                for (_, entry) in message.entries() {
                    if let Entry::Outcome(outcome) = entry
                        && let Some(index) = self.at.get(&outcome.event)
                        && let Some(found) = self.found.get_mut(*index)
                        && found.outcome.is_none()
                    {
                        found.outcome = Some(outcome);
                        open -= 1;
                    }
                }
            }
            next = to + 1;
        }
        Ok(())
    }
}
