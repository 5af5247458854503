//! The data plane: relays requests to routes under the policy, and writes an event for every fallback.
//!
//! Started by `cli` and `demo`. It knows the store, never the console or the door. It keeps serving, with the
//! last switches it saw, when the store is down.

mod alarm;
mod answer;
mod attempt;
mod callers;
mod capture;
mod circuits;
mod contact;
mod decision;
mod decoded;
mod exchange;
mod foreign;
mod headers;
mod heartbeat;
mod histogram;
mod intake;
mod keeper;
mod metrics;
mod ops;
mod promise;
mod provider_made;
mod quiet;
mod registry;
mod relay;
mod request;
mod room;
mod route_traffic;
mod running;
mod serve;
mod server;
mod slots;
mod snapshot;
mod stored;
mod threads;
mod tls;
mod traffic;
mod unasked;
mod window;
mod worker;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
};

use tokio::{
    net::TcpSocket,
    sync::{Notify, watch},
};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::CertificateError,
    model::{Catalog, GatewayName, RegionName, Site},
    store::Store,
    wire::upstream::Tls,
};

use contact::Contact;
use heartbeat::Beater;
use keeper::Keeper;
use registry::Registry;
use snapshot::{Prepared, Snapshot};
use threads::Threads;
use tls::Certificate;
use worker::{Shared, Unlogged};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

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
    /// How providers prove who they are.
    pub tls: Arc<Tls>,
    /// The region of this gateway, in the place of the configured one.
    pub region: Option<RegionName>,
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
    /// The listener's certificate cannot be used.
    #[error("the listener has no certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// Threads or runtime could not be made.
    #[error("cannot start a gateway worker: {0}")]
    Worker(std::io::Error),
}

/// A running gateway. Dropped without [`Gateway::stop`], it drains by itself.
#[derive(Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    threads: Option<Threads>,
}

impl Gateway {
    /// Listens and serves on its own threads, writes heartbeats, ends expired overrides.
    ///
    /// # Errors
    /// When the address cannot be listened on, or no thread can be made.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let catalog = Arc::clone(&options.catalog.borrow());
        let settings = catalog.gateway.clone();
        let certificate = match &settings.tls {
            Some(files) => Some((Certificate::new(files)?, files.clone())),
            None => None,
        };
        let listener = listen(settings.listen).map_err(|cause| StartError::Listen {
            address: settings.listen,
            cause,
        })?;
        let address = listener.local_addr().map_err(StartError::Worker)?;
        let workers = match settings.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            number => number,
        };
        let (captures, taken) = capture::channel();
        let mut registry = Registry::new(workers, captures);
        let prepared = Arc::new(Prepared::new(catalog, &mut registry));
        let overrides = options.store.overrides();
        let started = options.clock.now();
        let host = heartbeat::host();
        let site = Site {
            host: host.as_str().into(),
            region: options.region.clone().or(settings.region),
        };
        let first = Snapshot::new(Arc::clone(&prepared), &overrides.borrow(), &site, started);
        let (sender, snapshot) = watch::channel(Arc::new(first));
        let shared = Arc::new(Shared {
            name: heartbeat::name(&host, started),
            host: site.host,
            region: options.region,
            contact: Contact::new(&options.store),
            store: options.store,
            clock: options.clock,
            started: Clock::instant(),
            snapshot,
            refused: options.refused,
            tls: options.tls,
            readiness: watch::Sender::default(),
            draining: CancellationToken::new(),
            certificate,
            connections: AtomicUsize::new(0),
            crowded: AtomicU64::new(0),
            room: Arc::default(),
            unlogged: Unlogged::default(),
            denied: Default::default(),
        });
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            catalog: options.catalog,
            overrides,
            registry,
            prepared,
            snapshot: sender,
            applied: Arc::new(Notify::new()),
        };
        let beater = Beater {
            shared: Arc::clone(&shared),
            listen: address,
            started,
        };
        // The first heartbeat is there when `start` returns: a console that opens now sees the gateway.
        if let Err(error) = shared.store.beat(beater.heartbeat()).await {
            tracing::warn!(%error, "the store takes no heartbeat; serving with the configuration alone");
        }
        let threads = Threads::start(&shared, keeper, beater, taken, listener, workers)
            .map_err(StartError::Worker)?;
        tracing::info!(%address, workers, gateway = %shared.name, "the gateway serves");
        Ok(Self {
            shared,
            address,
            threads: Some(threads),
        })
    }

    /// Where it listens, with the real port.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its name in heartbeats and events.
    #[must_use]
    pub fn name(&self) -> &GatewayName {
        &self.shared.name
    }

    /// Drains: stops accepting, lets running requests finish up to the configured limit, then ends.
    pub async fn stop(mut self) {
        self.shared.draining.cancel();
        if let Some(threads) = self.threads.take() {
            threads.ended().await;
        }
        tracing::info!(gateway = %self.shared.name, "the gateway has ended");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.draining.cancel();
    }
}

fn listen(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for old connections to time out.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
