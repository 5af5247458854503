//! What the gateway says about itself once a second.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use jiff::Timestamp;

use super::{circuits::why_open, worker::Shared};
use crate::{
    clock::Clock,
    model::{GatewayName, Heartbeat},
};

/// Makes heartbeats.
#[derive(Debug)]
pub(super) struct Beater {
    pub(super) shared: Arc<Shared>,
    pub(super) listen: SocketAddr,
    pub(super) started: Timestamp,
}

impl Beater {
    /// What is so now.
    pub(super) fn heartbeat(&self) -> Heartbeat {
        let shared = &self.shared;
        let snapshot = Arc::clone(&shared.snapshot.borrow());
        let now = Clock::instant();
        let second = shared.second_of(now);
        let site = shared.site(&snapshot.prepared.catalog);
        Heartbeat {
            gateway: shared.name.clone(),
            host: site.host.as_str().to_owned(),
            region: site.region,
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            listen: self.listen,
            started: self.started,
            at: shared.clock.now(),
            revision: snapshot.revision,
            fingerprint: snapshot.prepared.catalog.fingerprint.clone(),
            config_error: shared.refused.borrow().clone(),
            draining: shared.draining.is_cancelled(),
            unlogged: shared.unlogged.all.load(Ordering::Relaxed),
            withheld: shared.unlogged.withheld.load(Ordering::Relaxed),
            unlogged_at: shared.unlogged.last(),
            apart_since: shared.contact.apart().map(|(since, _)| since),
            partings: shared.contact.partings(),
            workloads: snapshot
                .prepared
                .workloads
                .iter()
                .filter_map(|ready| {
                    let name = &ready.workload.name;
                    ready
                        .stats
                        .traffic(second, name, |side| ready.route_name(side))
                })
                .collect(),
            routes: snapshot
                .prepared
                .routes
                .iter()
                .filter_map(|ready| {
                    let circuit = ready.breaker.view(now);
                    let why = why_open(&circuit, now, shared.clock.now());
                    let name = &ready.route.name;
                    ready.stats.traffic(second, name, circuit, why)
                })
                .collect(),
        }
    }
}

/// The name of this host.
pub(super) fn host() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    if name.is_empty() {
        "unknown".to_owned()
    } else {
        name
    }
}

/// A name that no other gateway has: host, process, and the moment of its start.
pub(super) fn name(host: &str, started: Timestamp) -> GatewayName {
    // Several gateways of one process (tests, the demo) may start in the same millisecond.
    static LAST: AtomicI64 = AtomicI64::new(0);
    let millis = started.as_millisecond();
    let last = LAST
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| {
            Some(millis.max(last + 1))
        })
        .unwrap_or(0);
    let moment = millis.max(last + 1);
    format!("{host}-{}-{moment:x}", std::process::id()).into()
}
