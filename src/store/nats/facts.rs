//! The state of a fleet as this process has it: a view on this host's disk, kept up with the fleet's log, and changes
//! written to that log.
//!
//! Used by the backend for many hosts. What to do on each answer of the cluster is decided by `replica`; this does
//! it. Questions are answered from the view, also while the cluster cannot be reached; then nothing can be changed.

mod bodies;
mod follow;
mod house;
mod read;
#[cfg(test)]
mod tests;
mod touch;
mod write;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    layout::{Layout, Stream},
    link::Link,
    replica::Contact,
};
use crate::{
    clock::Clock,
    store::{Access, StoreError, Touch, sqlite::Sqlite},
};

/// How long one waits at the start for the view to be up to date.
const AT_START: Duration = Duration::from_secs(3);

/// The state of a fleet. Cheap to clone; following ends with the last one.
#[derive(Clone, Debug)]
pub(in crate::store) struct Facts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    access: Access,
    /// Why the log could not be trimmed, as it was said last.
    untrimmed: Mutex<Option<String>>,
    /// Changes of this process go one after the other: they would only be in each other's way.
    turn: tokio::sync::Mutex<()>,
    ends: CancellationToken,
    _end: DropGuard,
}

/// What the handle and the tasks have together.
#[derive(Debug)]
struct Shared {
    link: Link,
    stream: String,
    view: Sqlite,
    began: Instant,
    contact: Mutex<Contact>,
    proven: Mutex<Proven>,
    progress: watch::Sender<Progress>,
    touch: watch::Sender<Touch>,
    /// Wakes the task that follows: begin again.
    again: Notify,
    /// Wakes the task that asks.
    ask: Notify,
}

/// How far the view is, as far as this process knows.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// In which log; empty: in none.
    lineage: Arc<str>,
    applied: u64,
}

/// When the view was last known to show all there is, by the clock that people read.
#[derive(Clone, Copy, Debug)]
struct Proven {
    moment: Option<Duration>,
    at: Timestamp,
    noted: Option<Duration>,
}

impl Facts {
    /// Opens the view in a directory and follows the log. Waits a little until the view is up to date; when the
    /// cluster cannot be reached, what was seen of it before is what there is.
    ///
    /// # Errors
    /// When the view cannot be opened, or nothing was ever seen of the fleet and the cluster does not answer.
    pub(in crate::store) async fn open(
        link: &Link,
        directory: PathBuf,
        access: Access,
    ) -> Result<Self, StoreError> {
        let view = Sqlite::open_view(directory, link.clock().clone()).await?;
        let facts = Self::start(link, view, access).await;
        facts.wait_current(AT_START).await;
        let apart = match &*facts.0.shared.touch.borrow() {
            Touch::Current => None,
            Touch::Apart { cause, .. } => Some(cause.clone()),
        };
        if let Some(cause) = apart
            && facts.0.shared.view.place().await?.lineage.is_none()
        {
            return Err(StoreError::Open {
                place: link.url().to_owned(),
                cause,
            });
        }
        Ok(facts)
    }

    /// The same for writing, whatever can be reached now: it goes on trying.
    ///
    /// # Errors
    /// When the directory cannot be named.
    pub(in crate::store) async fn open_or_wait(
        link: &Link,
        directory: PathBuf,
    ) -> Result<Self, StoreError> {
        let view = Sqlite::open_view_or_wait(directory, link.clock().clone()).await?;
        let facts = Self::start(link, view, Access::Write).await;
        facts.wait_current(AT_START).await;
        Ok(facts)
    }

    async fn start(link: &Link, view: Sqlite, access: Access) -> Self {
        let seen = view.noted_current().await.ok().flatten();
        let since = seen.unwrap_or_else(|| link.clock().now());
        let ends = CancellationToken::new();
        let shared = Arc::new(Shared {
            stream: link.layout().stream(Stream::State),
            link: link.clone(),
            view,
            began: Clock::instant(),
            contact: Mutex::new(Contact::new()),
            proven: Mutex::new(Proven {
                moment: None,
                at: since,
                noted: None,
            }),
            progress: watch::Sender::new(Progress::default()),
            touch: watch::Sender::new(Touch::Apart {
                since,
                cause: "the cluster has not answered yet".to_owned(),
            }),
            again: Notify::new(),
            ask: Notify::new(),
        });
        let (one, two) = (Arc::clone(&shared), Arc::clone(&shared));
        let token = ends.clone();
        tokio::spawn(async move {
            token
                .run_until_cancelled(async { tokio::join!(one.follow(), two.keep_in_touch()) })
                .await
        });
        Self(Arc::new(Inner {
            shared,
            access,
            untrimmed: Mutex::new(None),
            turn: tokio::sync::Mutex::new(()),
            _end: ends.clone().drop_guard(),
            ends,
        }))
    }

    async fn wait_current(&self, patience: Duration) {
        let mut touch = self.touch();
        let current = touch.wait_for(|touch| *touch == Touch::Current);
        // Whether it is so is looked at by who asks.
        let _ = tokio::time::timeout(patience, current).await;
    }

    /// How current the view is, followed.
    pub(in crate::store) fn touch(&self) -> watch::Receiver<Touch> {
        self.0.shared.touch.subscribe()
    }

    /// The view, for what only reads it.
    pub(in crate::store) fn view(&self) -> &Sqlite {
        &self.0.shared.view
    }

    fn may_write(&self) -> Result<(), StoreError> {
        if self.0.ends.is_cancelled() {
            return Err(StoreError::Closed);
        }
        match self.0.access {
            Access::Observe => Err(StoreError::ReadOnly),
            Access::Write => Ok(()),
        }
    }

    /// Follows no more, and closes the view.
    pub(in crate::store) async fn close(&self) -> Result<(), StoreError> {
        self.0.ends.cancel();
        self.0.shared.view.close().await
    }
}

impl Shared {
    /// A moment as `replica` counts it.
    fn now(&self) -> Duration {
        Clock::instant().saturating_duration_since(self.began)
    }

    fn contact(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layout(&self) -> &Layout {
        self.link.layout()
    }

    /// A reading of a log begins from where the view is.
    fn begun(&self, lineage: &Arc<str>, applied: u64) {
        self.contact().begun(lineage, applied, self.now());
        self.progress.send_replace(Progress {
            lineage: Arc::clone(lineage),
            applied,
        });
    }

    /// The view of a log has come this far.
    fn applied(&self, lineage: &Arc<str>, through: u64) {
        let moved = self.progress.send_if_modified(|known| {
            let further = known.lineage == *lineage && through > known.applied;
            if further {
                known.applied = through;
            }
            further
        });
        if moved {
            self.contact().applied(through, self.now());
            self.look();
        }
    }
}
