//! Whether this gateway is in touch with the store's cluster. It serves all the same, with the last switches it saw;
//! who asks is told since when, and how often that has happened.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::store::{Store, Touch};

/// What is known of it. Shared by all threads of a gateway.
#[derive(Debug)]
pub(super) struct Contact {
    touch: watch::Receiver<Touch>,
    partings: AtomicU64,
}

impl Contact {
    pub(super) fn new(store: &Store) -> Self {
        Self {
            touch: store.touch(),
            partings: AtomicU64::new(0),
        }
    }

    /// Since when the cluster cannot be asked, and why.
    pub(super) fn apart(&self) -> Option<(Timestamp, String)> {
        match &*self.touch.borrow() {
            Touch::Current => None,
            Touch::Apart { since, cause } => Some((*since, cause.clone())),
        }
    }

    /// For how long it cannot be asked; zero: it can.
    pub(super) fn apart_for(&self, now: Timestamp) -> Duration {
        self.apart().map_or(Duration::ZERO, |(since, _)| {
            Duration::try_from(now.duration_since(since)).unwrap_or_default()
        })
    }

    /// How often it went away since this gateway started.
    pub(super) fn partings(&self) -> u64 {
        self.partings.load(Ordering::Relaxed)
    }

    /// Counts, and tells the log, for as long as it is polled.
    pub(super) async fn follow(&self) {
        let mut touch = self.touch.clone();
        let mut apart = false;
        loop {
            match touch.borrow_and_update().clone() {
                Touch::Apart { since, cause } if !apart => {
                    apart = true;
                    self.partings.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(%since, cause, "apart from the store; serving with the last switches it saw");
                }
                Touch::Current if apart => {
                    apart = false;
                    tracing::info!("in touch with the store again");
                }
                Touch::Apart { .. } | Touch::Current => {}
            }
            if touch.changed().await.is_err() {
                // A store of this host: it never goes apart.
                return;
            }
        }
    }
}
