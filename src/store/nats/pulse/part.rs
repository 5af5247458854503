//! A part of a stream as a table of this process: each reading asks the cluster what is new, and takes it in.
//!
//! Nothing runs while nobody reads. A reading is as new as the last acknowledgement when the cluster answers quickly;
//! when it does not, the table answers as it is, and is brought up to date behind it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    super::{layout::Stream, link::Link},
    ask::{self, Kept},
};
use crate::store::StoreError;

/// How long a reading waits for what is new when the table answers, too.
const GRACE: Duration = Duration::from_millis(400);
/// The same when the last question brought no answer, or there is nobody to ask.
const AFTER_FAILURE: Duration = Duration::from_millis(50);
/// How long the first reading waits.
const FIRST: Duration = Duration::from_secs(4);

/// What is made of messages.
pub(super) trait Table: Default + Send + 'static {
    /// Takes in a message; they come in their order, each of them once.
    fn take(&mut self, message: &Kept);
}

/// A part of a stream. Cheap to clone.
#[derive(Debug)]
pub(super) struct Part<T>(Arc<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    link: Link,
    stream: Stream,
    filter: String,
    held: Mutex<Held<T>>,
    /// One asks at a time.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Held<T> {
    table: T,
    /// The place of the newest message that was taken in.
    reached: u64,
    /// Everything that was there has been taken in once.
    filled: bool,
    /// The last question brought no answer.
    failed: bool,
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Table> Part<T> {
    /// The messages of a stream whose subjects begin like this.
    pub(super) fn new(link: &Link, stream: Stream, tokens: &[&str]) -> Self {
        let begin = link.layout().subject(stream, tokens);
        Self(Arc::new(Inner {
            link: link.clone(),
            stream,
            filter: format!("{begin}.>"),
            held: Mutex::new(Held::default()),
            turn: tokio::sync::Mutex::default(),
        }))
    }

    /// Reads the table, brought up to date.
    ///
    /// # Errors
    /// When the cluster cannot be asked and never could be.
    pub(super) async fn read<R>(&self, ask: impl FnOnce(&mut T) -> R) -> Result<R, StoreError> {
        let (filled, failed) = {
            let held = self.0.held();
            (held.filled, held.failed)
        };
        // Nobody who can be told what was known waits for a cluster that is away.
        let patience = match (filled, failed || !*self.0.link.connected().borrow()) {
            (true, true) => AFTER_FAILURE,
            (true, false) => GRACE,
            (false, _) => FIRST,
        };
        // Goes on when nobody waits for it any more: the next reading is the better for it.
        let inner = Arc::clone(&self.0);
        let wait_for_turn = !(filled && failed);
        let refreshed = tokio::spawn(async move { inner.refresh(wait_for_turn).await });
        let refreshed = tokio::time::timeout(patience, refreshed).await;
        let mut held = self.0.held();
        if held.filled {
            return Ok(ask(&mut held.table));
        }
        drop(held);
        Err(match refreshed {
            Ok(Ok(Err(error))) => error,
            Ok(Ok(Ok(())) | Err(_)) | Err(_) => self.0.link.failed(&format!(
                "the stream of {} could not be read in time",
                self.0.stream.word()
            )),
        })
    }

    /// Looks at the table as it is.
    pub(super) fn look<R>(&self, ask: impl FnOnce(&mut T) -> R) -> R {
        ask(&mut self.0.held().table)
    }
}

impl<T: Table> Inner<T> {
    fn held(&self) -> MutexGuard<'_, Held<T>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn refresh(&self, wait_for_turn: bool) -> Result<(), StoreError> {
        let _turn = if wait_for_turn {
            self.turn.lock().await
        } else if let Ok(turn) = self.turn.try_lock() {
            turn
        } else {
            return Ok(());
        };
        let asked = self.catch_up().await;
        let mut held = self.held();
        held.failed = asked.is_err();
        held.filled |= asked.is_ok();
        asked
    }

    /// Until the leader knows of nothing newer. It tells one message at a time and any server many at once, which may
    /// not be the newest: both together are quick and miss nothing.
    async fn catch_up(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        loop {
            let from = self.held().reached + 1;
            let newer = ask::following(&self.link, self.stream, &self.filter, from).await;
            match newer {
                Ok(None) => return Ok(()),
                Ok(Some(message)) => self.held().take(&message),
                // Without a leader the others tell what they know.
                Err(error) => return self.take_in().await.and(Err(error)),
            }
            self.take_in().await?;
            // Others write all the time.
            if begun.elapsed() > GRACE {
                return Ok(());
            }
        }
    }

    async fn take_in(&self) -> Result<(), StoreError> {
        loop {
            let from = self.held().reached + 1;
            let page = ask::page(&self.link, self.stream, &self.filter, from).await?;
            let mut held = self.held();
            for message in &page.messages {
                held.take(message);
            }
            if !page.more {
                // What any server knows is enough to begin with.
                held.filled = true;
                return Ok(());
            }
        }
    }
}

impl<T: Table> Held<T> {
    fn take(&mut self, message: &Kept) {
        if message.sequence > self.reached {
            self.reached = message.sequence;
            self.table.take(message);
        }
    }
}
