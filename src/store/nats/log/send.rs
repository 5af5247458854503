//! Sending messages and learning what became of them, for a thread of our own and for the import.
//!
//! The same message always goes under the same id: whatever is sent twice is stored once.

use std::{sync::mpsc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use super::{
    pack::{LATE, Letter},
    read,
    spool::Spool,
};
use crate::store::{
    StoreError,
    nats::{
        layout::DUPLICATES,
        link::{Expect, Link, NotStored, Outgoing, Stored},
    },
};

/// How long a message may remain without an acknowledgement while somebody waits for it.
const ACKNOWLEDGED: Duration = Duration::from_secs(2);
/// What was made so long ago stands behind its time in the log.
const LATE_AFTER: Duration = Duration::from_mins(10);
/// Well before the cluster forgets an id, it is asked whether it has the message.
const SURELY_KNOWN: Duration = Duration::from_secs(DUPLICATES.as_secs() - 120);

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
    pub(super) fn send(&self, writer: &str, letters: &[Letter]) -> Results {
        let (count, link) = (letters.len(), self.link.clone());
        let outgoing = outgoing(&link, writer, letters);
        self.wait(async move { send_all(&link, outgoing).await })
            .unwrap_or_else(|| vec![Err(NotStored::Unknown("the program ends".to_owned())); count])
    }

    /// Sends the next messages of a spool, and forgets those that are in the cluster.
    pub(super) fn drain(&self, spool: &mut Spool) -> Result<(), StoreError> {
        if !*self.link.connected().borrow() {
            return Err(self.link.failed(&NotStored::Away));
        }
        let now = self.now();
        let mut letters = spool.next(now)?;
        let doubtful = now - micros(SURELY_KNOWN);
        let in_doubt = |letter: &Letter| letter.sent.is_some_and(|sent| sent < doubtful);
        if letters.iter().any(in_doubt) {
            let known = spool.known()?;
            let stored = self.stored(&spool.writer, known)?;
            let (there, missing): (Vec<Letter>, Vec<Letter>) = letters
                .into_iter()
                .partition(|letter| stored.contains(&id(&spool.writer, letter.number)));
            let numbers: Vec<u64> = there.iter().map(|letter| letter.number).collect();
            spool.forget(&numbers, 0)?;
            letters = missing;
        }
        let (mut failed, mut numbers, mut newest) = (None, Vec::new(), 0);
        let results = self.send(&spool.writer, &letters);
        for (letter, result) in letters.iter().zip(results) {
            match result {
                Ok(stored) => {
                    numbers.push(letter.number);
                    newest = newest.max(stored.sequence);
                }
                Err(error) => failed = Some(error),
            }
        }
        // While one of them is in doubt, it must be found behind what is known.
        spool.forget(&numbers, if failed.is_some() { 0 } else { newest })?;
        failed.map_or(Ok(()), |error| Err(self.link.failed(&error)))
    }

    /// The ids of a writer's messages that the cluster has behind a sequence.
    fn stored(&self, writer: &str, after: u64) -> Result<Vec<String>, StoreError> {
        let (link, writer) = (self.link.clone(), writer.to_owned());
        self.wait(async move { read::ids_after(&link, &writer, after).await })
            .unwrap_or(Err(StoreError::Closed))
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

/// The id of a writer's message.
fn id(writer: &str, number: u64) -> String {
    format!("{writer}-{number}")
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Messages as they are published.
pub(super) fn outgoing(link: &Link, writer: &str, letters: &[Letter]) -> Vec<Outgoing> {
    let bound = link.clock().now().as_microsecond() - micros(LATE_AFTER);
    let letters = letters.iter().map(|letter| {
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
