//! Sending messages and learning what became of them, for a thread of our own and for the import.
//!
//! The same message always goes under the same id: whatever is sent twice is stored once.

use std::{sync::mpsc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use super::{
    pack::{self, LATE, Letter},
    read,
};
use crate::store::{
    StoreError,
    nats::{
        layout::{DUPLICATES, Stream},
        link::{Expect, Link, NotStored, Outgoing, Stored},
    },
};

/// How long a message may remain without an acknowledgement while somebody waits for it.
const ACKNOWLEDGED: Duration = Duration::from_secs(2);
/// What was made so long ago stands behind its time in the log.
const LATE_AFTER: Duration = Duration::from_mins(10);
/// Well before the cluster forgets an id, it is asked whether it has the message.
const SURELY_KNOWN: Duration = Duration::from_secs(DUPLICATES.as_secs() - 120);

/// The kind of the pulse under which digests are told, and how long one is kept: whoever follows reads it at once.
const DIGEST: &str = "digest";
const DIGEST_LIFE: &str = "1m";

/// What became of each of some messages.
pub(super) type Results = Vec<Result<Stored, NotStored>>;

/// For threads that may block.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) link: Link,
    pub(super) runtime: Handle,
}

impl Sender {
    /// Microseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.link.clock().now().as_microsecond()
    }

    /// Sends messages of a writer beside each other and waits for all.
    pub(super) fn send<'a>(
        &self,
        writer: &str,
        letters: impl Iterator<Item = &'a Letter>,
    ) -> Results {
        let link = self.link.clone();
        let outgoing = outgoing(&link, writer, letters);
        let count = outgoing.len();
        self.wait(async move { send_all(&link, outgoing).await })
            .unwrap_or_else(|| vec![Err(NotStored::Unknown("the program ends".to_owned())); count])
    }

    /// Begins to send messages of a spool; what became of them comes later.
    pub(super) fn deliver(
        &self,
        writer: &str,
        letters: Vec<Letter>,
        known: u64,
    ) -> mpsc::Receiver<Delivered> {
        let (done, delivered) = mpsc::sync_channel(1);
        let (link, writer) = (self.link.clone(), writer.to_owned());
        self.runtime.spawn(async move {
            // Who asked may have ended.
            let _ = done.send(deliver(&link, &writer, letters, known).await);
        });
        delivered
    }

    /// Tells a digest to whoever follows. Nobody waits for it, and nothing is lost with it.
    pub(super) fn tell(&self, writer: &str, digest: Vec<u8>) {
        let link = self.link.clone();
        let subject = digests(&link, writer);
        self.runtime.spawn(async move {
            let (payload, coding) = pack::fold(digest);
            let mut headers = vec![("Nats-TTL", DIGEST_LIFE.to_owned())];
            headers.extend(coding);
            let message = Outgoing {
                subject,
                id: String::new(),
                expect: Expect::Anything,
                headers,
                payload: payload.into(),
            };
            let told = tokio::time::timeout(ACKNOWLEDGED, link.publish(message)).await;
            if !matches!(told, Ok(Ok(_))) {
                tracing::debug!(?told, "a digest of events was not told");
            }
        });
    }

    /// Runs something on the runtime and waits for it on this thread. `None`: the runtime has ended.
    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (done, result) = mpsc::sync_channel(1);
        self.runtime.spawn(async move {
            // Who asked waits below for as long as this has not answered.
            let _ = done.send(work.await);
        });
        result.recv().ok()
    }
}

/// What of some messages the cluster has.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// Their numbers.
    pub(super) stored: Vec<u64>,
    /// The highest sequence that one of them has got.
    pub(super) newest: u64,
    /// Why it is not all of them.
    pub(super) failed: Option<StoreError>,
}

async fn deliver(link: &Link, writer: &str, letters: Vec<Letter>, known: u64) -> Delivered {
    let mut delivered = Delivered::default();
    let doubtful = link.clock().now().as_microsecond() - micros(SURELY_KNOWN);
    let in_doubt = |letter: &Letter| letter.sent.is_some_and(|sent| sent < doubtful);
    let mut missing = letters;
    if missing.iter().any(in_doubt) {
        let there = match read::ids_after(link, writer, known).await {
            Ok(there) => there,
            Err(error) => {
                delivered.failed = Some(error);
                return delivered;
            }
        };
        missing.retain(|letter| {
            let stored = there.contains(&id(writer, letter.number));
            if stored {
                delivered.stored.push(letter.number);
            }
            !stored
        });
    }
    let results = send_all(link, outgoing(link, writer, missing.iter())).await;
    for (letter, result) in missing.iter().zip(results) {
        match result {
            Ok(stored) => {
                delivered.stored.push(letter.number);
                delivered.newest = delivered.newest.max(stored.sequence);
            }
            Err(error) => delivered.failed = Some(link.not_stored(&error)),
        }
    }
    delivered
}

/// Where a writer tells its digests; `*`: where all do.
pub(super) fn digests(link: &Link, writer: &str) -> String {
    let all = link.layout().subject(Stream::Pulse, &[DIGEST]);
    format!("{all}.{writer}")
}

/// The id of a writer's message.
fn id(writer: &str, number: u64) -> String {
    format!("{writer}-{number}")
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Messages as they are published.
pub(super) fn outgoing<'a>(
    link: &Link,
    writer: &str,
    letters: impl Iterator<Item = &'a Letter>,
) -> Vec<Outgoing> {
    let bound = link.clock().now().as_microsecond() - micros(LATE_AFTER);
    let letters = letters.map(|letter| {
        let (headers, payload) = letter.seal();
        let lane = if letter.summary.oldest < bound {
            LATE
        } else {
            &letter.lane
        };
        Outgoing {
            subject: read::subjects(link, lane, writer),
            id: id(writer, letter.number),
            expect: Expect::Anything,
            headers,
            payload: payload.into(),
        }
    });
    letters.collect()
}

/// Sends messages one behind the other without waiting, then waits for all.
pub(super) async fn send_all(link: &Link, outgoing: Vec<Outgoing>) -> Results {
    let deadline = Instant::now() + ACKNOWLEDGED;
    let silent = || NotStored::Unknown("the cluster does not acknowledge".to_owned());
    let mut pending = Vec::with_capacity(outgoing.len());
    for message in outgoing {
        let sent = timeout_at(deadline, link.send(message)).await;
        pending.push(sent.unwrap_or_else(|_| Err(silent())));
    }
    let mut results = Vec::with_capacity(pending.len());
    for sent in pending {
        results.push(match sent {
            Ok(sent) => {
                let stored = timeout_at(deadline, sent.stored()).await;
                stored.unwrap_or_else(|_| Err(silent()))
            }
            Err(error) => Err(error),
        });
    }
    results
}
