//! The table of overrides, and what is followed of reviews, as this process shows them to whoever follows.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{database::Database, reviews, state};
use crate::{
    model::{Overrides, Reviewed},
    store::StoreError,
};

/// Shared by the thread that changes overrides and the one that follows other processes.
#[derive(Clone, Debug)]
pub(super) struct Table(Arc<Shown>);

#[derive(Debug)]
struct Shown {
    overrides: watch::Sender<Arc<Overrides>>,
    reviewed: watch::Sender<Arc<Reviewed>>,
    /// Held from reading to showing, so that what was read earlier is never shown later.
    turn: Mutex<()>,
}

impl Table {
    /// Shows what the file holds now.
    pub(super) fn new(file: &mut Database) -> Result<Self, StoreError> {
        let overrides = file.run(|connection| state::overrides(connection))?;
        let reviewed = file.run(reviews::reviewed)?;
        Ok(Self::of(overrides, reviewed))
    }

    /// Nothing is known yet.
    pub(super) fn empty() -> Self {
        Self::of(Overrides::default(), Reviewed::default())
    }

    fn of(overrides: Overrides, reviewed: Reviewed) -> Self {
        Self(Arc::new(Shown {
            overrides: watch::Sender::new(Arc::new(overrides)),
            reviewed: watch::Sender::new(Arc::new(reviewed)),
            turn: Mutex::new(()),
        }))
    }

    /// Follows.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Overrides>> {
        self.0.overrides.subscribe()
    }

    /// Follows reviews.
    pub(super) fn subscribe_reviewed(&self) -> watch::Receiver<Arc<Reviewed>> {
        self.0.reviewed.subscribe()
    }

    /// Shows what the file holds now, if it is something else. An older revision is shown, too: then the
    /// file was put back from a copy, and what operators change from now on builds on that.
    pub(super) fn refresh(&self, file: &mut Database) -> Result<(), StoreError> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.0.overrides.borrow().revision;
        let read = file.look(|connection| {
            if state::revision(connection)? == known {
                return Ok(None);
            }
            state::overrides(connection).map(Some)
        })?;
        if let Some(overrides) = read {
            self.0.overrides.send_replace(Arc::new(overrides));
        }
        let known = self.0.reviewed.borrow().place;
        let read = file.look(|connection| {
            if reviews::place(connection)? == known {
                return Ok(None);
            }
            reviews::reviewed(connection).map(Some)
        })?;
        if let Some(reviewed) = read {
            self.0.reviewed.send_replace(Arc::new(reviewed));
        }
        Ok(())
    }
}
