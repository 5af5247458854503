//! Digests: what a writer has just brought into the cluster in a storm, together in one message, for those who follow.
//!
//! Each event of a storm is a message of its own or nearly so, because it is not made to wait for others, and most of
//! what a follower would read of it is not the event. So a writer that has much to tell tells it once more a few times a
//! second, packed together, where only the newest is kept. Nothing depends on it: a follower takes from it what stands
//! next in the log, and reads from the log itself whatever no digest has. Nothing here talks to a server.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use super::pack::{self, Letter};
use crate::model::{Entry, Seq};

/// How often a writer tells.
const EVERY: Duration = Duration::from_millis(200);
/// From how many messages in that time on.
const WORTH: usize = 10;
/// Messages with more text than this on average are packed well enough as they are.
const SMALL: usize = 4 * 1024;
/// How large the text of a digest grows before it is told sooner.
const TEXT: usize = 256 * 1024;
/// How long a follower waits for the digest with what stands next, before it reads the log.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long a writer that said that it goes on may be silent.
const SILENT: Duration = Duration::from_secs(1);
/// How many entries may wait for those before them.
const HELD: usize = 100_000;

/// What of a writer's messages was not told yet.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    text: Vec<u8>,
    messages: usize,
    /// When the first of them, or the last digest, was.
    since: Option<Instant>,
    /// The last digest said that another one follows.
    goes_on: bool,
}

impl Gathered {
    /// A message is in the cluster.
    pub(super) fn add(&mut self, sequence: u64, letter: &Letter, now: Instant) {
        let head = format!("{sequence} {}\n", letter.summary.entries);
        self.text.extend_from_slice(head.as_bytes());
        self.text.extend_from_slice(&letter.text);
        self.messages += 1;
        self.since.get_or_insert(now);
    }

    /// When there is something to be done.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| {
            if self.text.len() >= TEXT {
                since
            } else {
                since + EVERY
            }
        })
    }

    fn is_worth_it(&self) -> bool {
        self.messages >= WORTH && self.text.len() < self.messages * SMALL
    }

    /// The text of the next digest, if it is time and worth it.
    pub(super) fn take(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.due().is_none_or(|due| due > now) {
            return None;
        }
        let (went_on, many) = (self.goes_on, self.is_worth_it());
        let text = std::mem::take(&mut self.text);
        self.messages = 0;
        self.goes_on = many;
        self.since = many.then_some(now);
        if !many && !went_on {
            return None;
        }
        let mut told = Vec::with_capacity(text.len() + 5);
        told.extend_from_slice(if many { b"more\n" } else { b"last\n" });
        told.extend_from_slice(&text);
        Some(told)
    }
}

/// The entries of a message, with their places.
pub(super) type Entries = Vec<(Seq, Entry)>;

/// A digest as it was read.
#[derive(Debug, PartialEq)]
pub(super) struct Digest {
    /// Whose.
    pub(super) writer: String,
    /// Another one follows soon.
    pub(super) more: bool,
    /// By sequence.
    pub(super) messages: Vec<(u64, Entries)>,
}

impl Digest {
    /// `Err`: it is none of ours, in words.
    pub(super) fn read(writer: &str, payload: &[u8], coding: Option<&str>) -> Result<Self, String> {
        let text = pack::unfold(payload, coding)?;
        let mut lines = text.split(|byte| *byte == b'\n');
        let more = match lines.next() {
            Some(b"more") => true,
            Some(b"last") => false,
            Some(_) | None => return Err("it is no digest".to_owned()),
        };
        let mut messages = Vec::new();
        while let Some(head) = lines.next().filter(|head| !head.is_empty()) {
            let head = std::str::from_utf8(head).ok().and_then(|head| {
                let (sequence, count) = head.split_once(' ')?;
                Some((sequence.parse().ok()?, count.parse::<usize>().ok()?))
            });
            let (sequence, count) = head.ok_or_else(|| "it is no digest".to_owned())?;
            let mut entries = Vec::new();
            for index in 0..count.min(pack::ENTRIES) {
                let line = lines.next().ok_or_else(|| "it is cut short".to_owned())?;
                // What only a newer version can read is left out.
                if let Ok(entry) = serde_json::from_slice(line) {
                    entries.push((pack::place(sequence, index), entry));
                }
            }
            messages.push((sequence, entries));
        }
        Ok(Self {
            writer: writer.to_owned(),
            more,
            messages,
        })
    }
}

/// A storm that is followed by digests: what stands next in the log, in its order.
#[derive(Debug)]
pub(super) struct Storm {
    /// Everything through this sequence was taken.
    taken: u64,
    waiting: BTreeMap<u64, Entries>,
    held: usize,
    /// Since when something waits for what stands before it.
    behind: Option<Instant>,
    /// Who said that another digest follows, and when.
    writers: HashMap<String, Instant>,
}

impl Storm {
    /// Everything through a sequence was taken.
    pub(super) fn new(taken: u64) -> Self {
        Self {
            taken,
            waiting: BTreeMap::new(),
            held: 0,
            behind: None,
            writers: HashMap::new(),
        }
    }

    /// A digest came.
    pub(super) fn take(&mut self, digest: Digest, now: Instant) {
        if digest.more {
            self.writers.insert(digest.writer, now);
        } else {
            self.writers.remove(&digest.writer);
        }
        for (sequence, entries) in digest.messages {
            if sequence > self.taken {
                self.held += entries.len();
                self.waiting.insert(sequence, entries);
            }
        }
    }

    /// What stands next, if it is there.
    pub(super) fn next(&mut self, now: Instant) -> Option<Entries> {
        let next = self.waiting.remove(&(self.taken + 1));
        match &next {
            Some(entries) => {
                self.taken += 1;
                self.held -= entries.len();
                self.behind = None;
            }
            None if self.waiting.is_empty() => self.behind = None,
            None => {
                self.behind.get_or_insert(now);
            }
        }
        next
    }

    /// Everything through a sequence was taken elsewhere.
    pub(super) fn taken(&mut self, through: u64) {
        self.taken = self.taken.max(through);
        self.behind = None;
    }

    /// From which sequence through which the log has to be read: no digest has them in time.
    pub(super) fn missing(&mut self, now: Instant) -> Option<(u64, u64)> {
        self.writers
            .retain(|_, heard| now.saturating_duration_since(*heard) < SILENT);
        let (first, _) = self.waiting.first_key_value()?;
        let waited = now.saturating_duration_since(self.behind?);
        (self.writers.is_empty() || waited >= PATIENCE).then(|| (self.taken + 1, *first - 1))
    }

    /// Nobody tells digests any more, or too much waits: the log is to be followed again.
    pub(super) fn over(&self) -> bool {
        self.held > HELD || self.writers.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests;
