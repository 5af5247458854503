//! The table of overrides as this process shows it to whoever follows.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{database::Database, state};
use crate::{model::Overrides, store::StoreError};

/// Shared by the thread that changes overrides and the one that follows other processes.
#[derive(Clone, Debug)]
pub(super) struct Table(Arc<Shown>);

#[derive(Debug)]
struct Shown {
    overrides: watch::Sender<Arc<Overrides>>,
    /// Held from reading to showing, so that what was read earlier is never shown later.
    turn: Mutex<()>,
}

impl Table {
    /// Shows what the file holds now.
    pub(super) fn new(file: &mut Database) -> Result<Self, StoreError> {
        let overrides = file.run(|connection| state::overrides(connection))?;
        Ok(Self(Arc::new(Shown {
            overrides: watch::Sender::new(Arc::new(overrides)),
            turn: Mutex::new(()),
        })))
    }

    /// Follows.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<Overrides>> {
        self.0.overrides.subscribe()
    }

    /// Shows what the file holds now, if it is something else. An older revision is shown, too: then the
    /// file was put back from a copy, and what operators change from now on builds on that.
    pub(super) fn refresh(&self, file: &mut Database) -> Result<(), StoreError> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.0.overrides.borrow().revision;
        let read = file.run(|connection| {
            if state::revision(connection)? == known {
                return Ok(None);
            }
            state::overrides(connection).map(Some)
        })?;
        if let Some(overrides) = read {
            self.0.overrides.send_replace(Arc::new(overrides));
        }
        Ok(())
    }
}
