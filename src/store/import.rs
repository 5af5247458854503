//! Taking in entries that were exported from this store or another one.
//!
//! Used by the command line. What is there already, by the id of its event, is passed over: an import that was
//! interrupted is run again.

use serde::Serialize;

use super::{Backend, Store, StoreError, memory::Memory, nats, sqlite};
use crate::model::Entry;

/// An import that goes on.
#[derive(Debug)]
pub struct Import(Taking);

#[derive(Debug)]
enum Taking {
    Memory(Memory),
    Sqlite(sqlite::Import),
    Nats(nats::Import),
}

/// What became of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Added {
    /// Decisions that were added.
    pub decisions: u64,
    /// Outcomes that were added.
    pub outcomes: u64,
    /// Entries that were there already.
    pub known: u64,
}

impl Added {
    /// Counts one entry.
    pub(super) fn count(&mut self, entry: &Entry, is_new: bool) {
        match entry {
            _ if !is_new => self.known += 1,
            Entry::Decision(_) => self.decisions += 1,
            Entry::Outcome(_) => self.outcomes += 1,
        }
    }
}

impl std::ops::AddAssign for Added {
    fn add_assign(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.outcomes += other.outcomes;
        self.known += other.known;
    }
}

impl Store {
    /// Begins an import, beside whatever is appended meanwhile.
    ///
    /// # Errors
    /// When the store was opened to observe.
    pub fn import(&self) -> Result<Import, StoreError> {
        Ok(Import(match &self.0 {
            Backend::Memory(memory) => Taking::Memory(memory.clone()),
            Backend::Sqlite(sqlite) => Taking::Sqlite(sqlite.import()?),
            Backend::Nats(nats) => Taking::Nats(nats.import()?),
        }))
    }
}

impl Import {
    /// Adds what is not there yet at the end of the log, durable when this returns: all of it or nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add(&self, entries: Vec<Entry>) -> Result<Added, StoreError> {
        match &self.0 {
            Taking::Memory(memory) => memory.import(entries),
            Taking::Sqlite(import) => import.add(entries).await,
            Taking::Nats(import) => import.add(entries).await,
        }
    }
}
