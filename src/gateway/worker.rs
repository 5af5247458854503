//! One worker: a thread with its own runtime and its own connections, so that a request never changes
//! threads. What the workers share is in [`Shared`].

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::request::Parts;
use jiff::Timestamp;
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    callers::{Caller, Denied},
    contact::Contact,
    room::{Full, Room, Stay},
    server::{self, Accepted},
    snapshot::Snapshot,
    tls::Certificate,
};
use crate::{
    clock::Clock,
    model::{Catalog, GatewayName, HostName, RegionName, Site, TlsFiles, WorkloadReadiness},
    store::Store,
    wire::upstream::{Client, Tls},
};

/// How often idle upstream connections are looked through.
const PURGE_EVERY: Duration = Duration::from_secs(10);

/// What all threads of a gateway share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: GatewayName,
    pub(super) host: HostName,
    /// Given at the start, in the place of the configured one.
    pub(super) region: Option<RegionName>,
    pub(super) store: Store,
    /// Whether the store's cluster can be asked.
    pub(super) contact: Contact,
    pub(super) clock: Clock,
    /// Seconds of counters are counted from here.
    pub(super) started: Instant,
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
    pub(super) refused: watch::Receiver<Option<String>>,
    pub(super) tls: Arc<Tls>,
    /// The listener's own certificate and the files that it was first read from; `None`: plain HTTP.
    pub(super) certificate: Option<(Arc<Certificate>, TlsFiles)>,
    /// Connections that are open.
    pub(super) connections: AtomicUsize,
    /// Connections that found no place.
    pub(super) crowded: AtomicU64,
    /// What requests take together.
    pub(super) room: Arc<Room>,
    /// What the prober of the fleet last wrote about the workloads: for the metrics only.
    pub(super) readiness: watch::Sender<Vec<WorkloadReadiness>>,
    /// Stop accepting, finish what runs.
    pub(super) draining: CancellationToken,
    /// Events that could not be made durable.
    pub(super) unlogged: Unlogged,
    /// Requests that were not heard, in the order of [`Denied::ALL`].
    pub(super) denied: [AtomicU64; Denied::ALL.len()],
}

impl Shared {
    /// The current second of the counters.
    pub(super) fn second(&self) -> u64 {
        self.second_of(Clock::instant())
    }

    pub(super) fn second_of(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.started).as_secs()
    }

    /// Where this gateway runs, under a configuration.
    pub(super) fn site(&self, catalog: &Catalog) -> Site {
        let region = self.region.as_ref().or(catalog.gateway.region.as_ref());
        Site {
            host: self.host.clone(),
            region: region.cloned(),
        }
    }

    pub(super) fn unlogged(&self, given: Given) {
        let unlogged = &self.unlogged;
        unlogged.all.fetch_add(1, Ordering::Relaxed);
        if given == Given::Nothing {
            unlogged.withheld.fetch_add(1, Ordering::Relaxed);
        }
        let now = self.clock.now().as_millisecond();
        unlogged.last.store(now, Ordering::Relaxed);
    }
}

/// Events that could not be made durable since the start.
#[derive(Debug, Default)]
pub(super) struct Unlogged {
    pub(super) all: AtomicU64,
    /// Of fallbacks of which nothing was given for that reason.
    pub(super) withheld: AtomicU64,
    /// When the last one was, in milliseconds since 1970; 0: there was none.
    last: AtomicI64,
}

impl Unlogged {
    pub(super) fn last(&self) -> Option<Timestamp> {
        let last = self.last.load(Ordering::Relaxed);
        Timestamp::from_millisecond(last).ok().filter(|_| last != 0)
    }
}

/// What the caller got although the event could not be made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// The answer that the event is about.
    Answer,
    /// Nothing of it: the workload would rather return an error.
    Nothing,
}

/// One worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) index: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) upstream: Client,
    feed: RefCell<watch::Receiver<Arc<Snapshot>>>,
    snapshot: RefCell<Arc<Snapshot>>,
}

impl Worker {
    fn new(index: usize, shared: Arc<Shared>) -> Self {
        let mut feed = shared.snapshot.clone();
        let snapshot = Arc::clone(&feed.borrow_and_update());
        Self {
            index,
            upstream: Client::new(Arc::clone(&shared.tls)),
            shared,
            feed: RefCell::new(feed),
            snapshot: RefCell::new(snapshot),
        }
    }

    /// Who asks.
    pub(super) fn identify(&self, request: &Parts) -> Result<Caller, Denied> {
        let snapshot = self.snapshot();
        let caller = snapshot
            .prepared
            .callers
            .identify(request, &self.shared.clock);
        if let Err(denied) = caller {
            self.shared.denied[denied as usize].fetch_add(1, Ordering::Relaxed);
        }
        caller
    }

    /// A place for one more request.
    pub(super) fn admit(&self) -> Result<Stay, Full> {
        let limit = self.snapshot().prepared.catalog.gateway.max_requests;
        self.shared.room.enter(limit)
    }

    /// What is in force now. One atomic read when nothing has changed.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        let mut feed = self.feed.borrow_mut();
        if feed.has_changed().unwrap_or(false) {
            *self.snapshot.borrow_mut() = Arc::clone(&feed.borrow_and_update());
        }
        Arc::clone(&self.snapshot.borrow())
    }
}

/// Serves the connections that come, until no more will and those that run have ended or `limit` is over.
pub(super) async fn run(
    index: usize,
    shared: Arc<Shared>,
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
) {
    let worker = Rc::new(Worker::new(index, shared));
    let connections = TaskTracker::new();
    let mut purge = interval(PURGE_EVERY);
    purge.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            accepted = accepted.recv() => {
                let Some((stream, place)) = accepted else { break };
                // Otherwise the client has gone already.
                if let Ok(stream) = TcpStream::from_std(stream) {
                    connections.spawn_local(server::connection(Rc::clone(&worker), stream, place));
                }
            }
            _ = purge.tick() => worker.upstream.purge(Clock::instant()),
        }
    }
    connections.close();
    let limit = worker.snapshot().prepared.catalog.gateway.drain;
    if tokio::time::timeout(limit, connections.wait())
        .await
        .is_err()
    {
        // The runtime ends now, and with it every request that still runs.
        tracing::warn!(
            running = connections.len(),
            "drain limit reached, requests are cut off"
        );
    }
}
