//! What a login may not publish: servers do not answer such a message, they only say on the connection which subject it
//! was for, once for each.
//!
//! Used by the link. What may have been taken is never called forbidden: a server's word does not say which of the
//! messages to its subject it means. So it counts only once there are as many words as messages of which nobody knows
//! what became of them; then all of these are meant.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// How a server begins when it does not take a message.
const VIOLATION: &str = "Permissions Violation for Publish to \"";
/// How many subjects are kept in mind that a server did not allow.
const NOTED: usize = 256;

/// What is known of it on one connection and those that follow it.
#[derive(Debug, Default)]
pub(super) struct Forbidden(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// The number of the message that was sent last.
    newest: u64,
    /// By subject: messages of which it is not known what became of them.
    open: HashMap<String, Open>,
    /// What servers of this connection did not allow, for words only.
    noted: BTreeSet<String>,
}

#[derive(Debug)]
struct Open {
    /// The first of them.
    first: u64,
    messages: u64,
    /// How many times a server did not allow one of them.
    words: u64,
    /// Up to this one they were not allowed.
    told: watch::Sender<u64>,
}

/// A message that is about to be sent. Dropped without a word it stays one of which nobody knows what became of it.
#[derive(Debug)]
pub(in crate::store) struct Ticket {
    forbidden: Arc<Forbidden>,
    subject: String,
    number: u64,
    told: watch::Receiver<u64>,
}

impl Forbidden {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For a message to a subject, before it is sent.
    pub(super) fn ticket(self: &Arc<Self>, subject: &str) -> Ticket {
        let mut known = self.known();
        known.newest += 1;
        let number = known.newest;
        let open = known
            .open
            .entry(subject.to_owned())
            .or_insert_with(|| Open {
                first: number,
                messages: 0,
                words: 0,
                told: watch::Sender::new(0),
            });
        open.messages += 1;
        Ticket {
            forbidden: Arc::clone(self),
            subject: subject.to_owned(),
            number,
            told: open.told.subscribe(),
        }
    }

    /// A server said something that is no answer.
    pub(super) fn said(&self, words: &str) {
        let Some(subject) = words.strip_prefix(VIOLATION) else {
            tracing::warn!(%words, "the cluster complains");
            return;
        };
        let subject = subject.trim_end_matches('"');
        let mut known = self.known();
        if known.noted.len() < NOTED && known.noted.insert(subject.to_owned()) {
            tracing::warn!(%subject, "the cluster does not let this login publish there");
        }
        if let Some(open) = known.open.get_mut(subject) {
            open.words += 1;
            known.settle(subject);
        }
    }

    /// The connection ended: another one may be allowed more.
    pub(super) fn disconnected(&self) {
        self.known().noted.clear();
    }

    /// Whether a server of this connection did not allow a message to this subject.
    pub(super) fn knows(&self, subject: &str) -> bool {
        self.known().noted.contains(subject)
    }
}

impl Known {
    fn settle(&mut self, subject: &str) {
        let newest = self.newest;
        let Some(open) = self.open.get(subject) else {
            return;
        };
        if open.words < open.messages {
            return;
        }
        if open.words > 0 {
            open.told.send_replace(newest);
        }
        self.open.remove(subject);
    }
}

impl Ticket {
    /// Where its message went.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// A server has answered it, so it was allowed; or it was not sent.
    pub(in crate::store) fn settled(self) {
        let mut known = self.forbidden.known();
        let Some(open) = known.open.get_mut(&self.subject) else {
            return;
        };
        if self.number >= open.first {
            open.messages -= 1;
            known.settle(&self.subject);
        }
    }

    /// Waits until its message was surely not allowed.
    pub(super) async fn forbidden(&mut self) {
        let number = self.number;
        if self.told.wait_for(|told| *told >= number).await.is_err() {
            // Everything that was open has been answered, this one as well.
            std::future::pending::<()>().await;
        }
    }
}
