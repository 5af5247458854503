//! The data plane: relays requests to routes under the policy, and writes an event for every fallback.
//!
//! Started by `cli` and `demo`. It knows the store, never the console or the door. It keeps serving, with the
//! last switches it saw, when the store is down.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::watch;

use crate::{
    clock::Clock,
    model::{Catalog, GatewayName},
    store::Store,
};

/// What a gateway needs.
#[derive(Debug)]
pub struct Options {
    /// The configuration, followed.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// Why the file on disk is not in force.
    pub refused: watch::Receiver<Option<String>>,
    /// The store.
    pub store: Store,
    /// Time.
    pub clock: Clock,
}

/// The gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not allowed.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// In words.
        cause: std::io::Error,
    },
    /// Threads or runtime could not be made.
    #[error("cannot start a gateway worker: {0}")]
    Worker(std::io::Error),
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {}

impl Gateway {
    /// Listens and serves on its own threads, writes heartbeats, ends expired overrides.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let _ = options;
        todo!()
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        todo!()
    }

    /// Its name in heartbeats and events.
    #[must_use]
    pub fn name(&self) -> &GatewayName {
        todo!()
    }

    /// Drains: stops accepting, lets running requests finish up to the configured limit, then ends.
    pub async fn stop(self) {
        todo!()
    }
}
