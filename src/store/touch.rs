//! How current what a process sees of the store is: in touch with all of it, or apart from it.
//!
//! Made by the backends; read by the gateway, which says so, and by the door, which then changes nothing.

use jiff::Timestamp;
use tokio::sync::watch;

use super::{Backend, Store};

/// How current what this process sees of the store is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Touch {
    /// What it sees is all there is.
    #[default]
    Current,
    /// The store's cluster cannot be asked: what is seen is what was known at that moment; nothing can be changed.
    Apart {
        /// The last moment at which it was current.
        since: Timestamp,
        /// In words.
        cause: String,
    },
}

/// What a store in memory shall play, for tests of what happens when a cluster goes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pretence {
    /// This process is in touch, or apart: then every change fails.
    Touch(Touch),
    /// The next change ends with nobody knowing whether it was made.
    Unknown {
        /// Whether it was.
        made: bool,
    },
}

impl Store {
    /// How current what this process sees is, followed.
    #[must_use]
    pub fn touch(&self) -> watch::Receiver<Touch> {
        match &self.0 {
            Backend::Memory(memory) => memory.touch(),
            Backend::Nats(nats) => nats.touch(),
            // The files are on this host: what can be read of them is all there is.
            Backend::Sqlite(_) => watch::channel(Touch::Current).1,
        }
    }

    /// Makes a store in memory play a part, for every handle on it; the others are what they are.
    pub fn pretend(&self, pretence: Pretence) {
        match &self.0 {
            Backend::Memory(memory) => memory.pretend(pretence),
            Backend::Sqlite(_) | Backend::Nats(_) => {}
        }
    }
}
