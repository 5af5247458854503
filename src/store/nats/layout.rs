//! The names of streams and subjects, and how each stream has to be.
//!
//! Used by every part of this backend and by `store init|status`. Nothing here talks to a server.

use std::{fmt::Write as _, time::Duration};

use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy, StorageType};

/// The oldest server that passed the history test for compare-and-set.
pub(in crate::store) const OLDEST_SERVER: (u64, u64) = (2, 14);

/// How long a message id is remembered.
pub(in crate::store) const DUPLICATES: Duration = Duration::from_mins(10);

/// The streams of one fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::store) enum Stream {
    /// Every change of state, one message each, in the one order that counts: `PREFIX.state`.
    State,
    /// Reviews with their outputs, packed: `PREFIX.reviews.ID`.
    Reviews,
    /// The event log: `PREFIX.events.WORKLOAD.WRITER`, one message for each workload of a flush.
    Events,
    /// What became of requests in each minute and hour, by gateway and start: `PREFIX.minutes.minute.GATEWAY.START`,
    /// `PREFIX.minutes.hour.GATEWAY.START`. A minute says itself for how long it is kept.
    Minutes,
    /// What is true now, the newest of each subject: `PREFIX.pulse.KIND.KEY`. Leases and readiness stay for ever,
    /// spending for two days, digests of events for a minute, of the others the reader knows how long they count.
    Pulse,
    /// What probes found, with a short history of each subject: `PREFIX.probes.ROUTE.SUBJECT`.
    Probes,
    /// Captured request bodies: `PREFIX.captures.WORKLOAD.CLASS`.
    Captures,
}

impl Stream {
    /// All of them, in the order in which they are made.
    pub(in crate::store) const ALL: [Self; 7] = [
        Self::State,
        Self::Reviews,
        Self::Events,
        Self::Minutes,
        Self::Pulse,
        Self::Probes,
        Self::Captures,
    ];

    /// The word for it in names and subjects.
    pub(in crate::store) const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Reviews => "reviews",
            Self::Events => "events",
            Self::Minutes => "minutes",
            Self::Pulse => "pulse",
            Self::Probes => "probes",
            Self::Captures => "captures",
        }
    }
}

/// The names of one fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Layout {
    prefix: String,
}

impl Layout {
    /// For a prefix that `config` has checked.
    pub(in crate::store) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// A stream's name: `PREFIX-state`.
    pub(in crate::store) fn stream(&self, stream: Stream) -> String {
        format!("{}-{}", self.prefix, stream.word())
    }

    /// A subject of a stream: `PREFIX.state`, `PREFIX.events.WORKLOAD.WRITER`. The tokens are escaped here.
    pub(in crate::store) fn subject(&self, stream: Stream, tokens: &[&str]) -> String {
        let mut subject = format!("{}.{}", self.prefix, stream.word());
        for part in tokens {
            subject.push('.');
            subject.push_str(&token(part));
        }
        subject
    }

    /// How a stream has to be. What this binary cannot know, like the retention of events, is what `init` was told.
    pub(in crate::store) fn config(&self, stream: Stream, replicas: usize) -> Config {
        let all = match stream {
            Stream::State => self.subject(stream, &[]),
            Stream::Reviews
            | Stream::Events
            | Stream::Minutes
            | Stream::Pulse
            | Stream::Probes
            | Stream::Captures => format!("{}.>", self.subject(stream, &[])),
        };
        let days = |days: u64| Duration::from_hours(24 * days);
        let (per_subject, max_age) = match stream {
            Stream::State | Stream::Events => (-1, Duration::ZERO),
            Stream::Reviews => (1, Duration::ZERO),
            // As long as hours are kept.
            Stream::Minutes => (-1, days(31)),
            // As long as spending is kept, and the hour in which it was begun.
            Stream::Pulse => (1, days(3)),
            Stream::Probes => (16, days(30)),
            Stream::Captures => (4, days(1)),
        };
        Config {
            name: self.stream(stream),
            subjects: vec![all],
            storage: StorageType::File,
            num_replicas: replicas,
            max_messages: -1,
            max_bytes: -1,
            max_messages_per_subject: per_subject,
            max_age,
            max_message_size: -1,
            max_consumers: -1,
            discard: DiscardPolicy::Old,
            duplicate_window: if max_age.is_zero() {
                DUPLICATES
            } else {
                DUPLICATES.min(max_age)
            },
            // Nobody takes anything out of the middle; what is old goes from the beginning.
            deny_delete: matches!(stream, Stream::State | Stream::Events),
            allow_direct: true,
            allow_message_ttl: matches!(stream, Stream::Minutes | Stream::Pulse),
            allow_atomic_publish: matches!(stream, Stream::Pulse | Stream::Probes),
            // A server that was killed could not go on writing to a stream that it compresses: its copy stood still for
            // good, seen with 2.15.1. What is large is packed before it is sent.
            compression: Some(Compression::None),
            ..Config::default()
        }
    }
}

/// A text as one token of a subject: letters, digits, `-` and `_` stay, everything else becomes `=XX`.
pub(in crate::store) fn token(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            token.push(byte.into());
        } else {
            // Writing into a text does not fail.
            let _ = write!(token, "={byte:02X}");
        }
    }
    if token.is_empty() {
        token.push('=');
    }
    token
}
