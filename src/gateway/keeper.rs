//! The gateway's own thread: keeps the snapshot, beats, and does the housekeeping of the store.
//!
//! None of it stands in the way of a request, and a store that hangs does not keep a new configuration or
//! the end of an override from coming into force.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    heartbeat::Beater,
    registry::Registry,
    snapshot::{Prepared, Snapshot},
    worker::Shared,
};
use crate::model::{Anchor, Catalog, Overrides};

/// The promise of a heartbeat; also how often the wall clock is looked at for overrides that end.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Overrides that nobody else has ended are ended at least this often.
const END_EVERY: Duration = Duration::from_secs(30);
/// What is known of readiness is read this often: as often as the prober looks.
const READINESS_EVERY: Duration = Duration::from_secs(5);
/// Old events and audit records are removed this often.
const RETAIN_EVERY: Duration = Duration::from_mins(10);
/// A farewell does not wait longer for the store.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// Keeps the snapshot.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) shared: Arc<Shared>,
    pub(super) catalog: watch::Receiver<Arc<Catalog>>,
    pub(super) overrides: watch::Receiver<Arc<Overrides>>,
    pub(super) registry: Registry,
    pub(super) prepared: Arc<Prepared>,
    pub(super) snapshot: watch::Sender<Arc<Snapshot>>,
    /// Rung when something has been applied.
    pub(super) applied: Arc<Notify>,
}

impl Keeper {
    /// Follows catalog, overrides and the clock for as long as it is polled.
    pub(super) async fn run(mut self) {
        let mut refused = self.shared.refused.clone();
        loop {
            let expiry = until(self.snapshot.borrow().next_expiry, self.shared.clock.now());
            tokio::select! {
                changed = self.catalog.changed() => {
                    if changed.is_err() {
                        // Nobody follows the file any more; what is in force stays so.
                        std::future::pending::<()>().await;
                    }
                    let catalog = Arc::clone(&self.catalog.borrow_and_update());
                    self.prepared = Arc::new(Prepared::new(catalog, &mut self.registry));
                }
                changed = self.overrides.changed() => {
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                    self.overrides.mark_unchanged();
                }
                Ok(()) = refused.changed() => {}
                () = sleep(expiry) => {
                    if self.snapshot.borrow().next_expiry.is_none_or(|at| self.shared.clock.now() < at) {
                        continue;
                    }
                }
            }
            self.apply();
        }
    }

    /// Lays the newest overrides over the catalog and lets the workers have it.
    fn apply(&mut self) {
        let overrides = Arc::clone(&self.overrides.borrow_and_update());
        let now = self.shared.clock.now();
        let site = self.shared.site(&self.prepared.catalog);
        let snapshot = Snapshot::new(Arc::clone(&self.prepared), &overrides, &site, now);
        self.snapshot.send_replace(Arc::new(snapshot));
        self.applied.notify_one();
    }
}

/// How long until an override ends; looked at again every second, as the wall clock may be set.
fn until(expiry: Option<Timestamp>, now: Timestamp) -> Duration {
    expiry.map_or(BEAT_EVERY, |at| {
        Duration::try_from(at.duration_since(now))
            .unwrap_or(Duration::ZERO)
            .min(BEAT_EVERY)
    })
}

/// Beats once a second and whenever something has been applied, until `ended`; then says farewell.
pub(super) async fn beat(
    shared: Arc<Shared>,
    applied: Arc<Notify>,
    beater: Beater,
    ended: CancellationToken,
) {
    let mut every = interval(BEAT_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = ended.cancelled() => break,
            () = applied.notified() => {}
            _ = every.tick() => {}
        }
        tokio::select! {
            done = shared.store.beat(beater.heartbeat()) => if let Err(error) = done {
                tracing::debug!(%error, "no heartbeat");
            },
            // A store that hangs must not keep the process from ending.
            () = ended.cancelled() => break,
        }
    }
    let _ = timeout(FAREWELL_LIMIT, shared.store.farewell(shared.name.clone())).await;
}

/// Reads what the prober, here or in another process, has found out about readiness.
pub(super) async fn readiness(shared: Arc<Shared>) {
    let mut every = interval(READINESS_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match shared.store.readiness().await {
            Ok(all) => {
                shared.readiness.send_replace(all);
            }
            Err(error) => tracing::debug!(%error, "readiness could not be read"),
        }
    }
}

/// Ends overrides in the store when their moment comes, and removes what is too old.
pub(super) async fn housekeep(shared: Arc<Shared>) {
    let mut snapshot = shared.snapshot.clone();
    let mut end = interval(END_EVERY);
    let mut retain = interval(RETAIN_EVERY);
    let mut anchor = None;
    end.set_missed_tick_behavior(MissedTickBehavior::Delay);
    retain.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            // A snapshot without what had been in force is made when an override ends.
            changed = snapshot.changed() => if changed.is_err() { return },
            _ = end.tick() => {}
            _ = retain.tick() => {
                let retention = shared.snapshot.borrow().prepared.catalog.retention;
                match shared.store.retain(retention).await {
                    Ok((0, 0)) => {}
                    Ok((events, audit)) => tracing::info!(events, audit, "removed what was too old"),
                    Err(error) => tracing::debug!(%error, "nothing old was removed"),
                }
                continue;
            }
        }
        match shared.store.end_expired().await {
            Ok(ended) => {
                for record in ended {
                    tracing::info!(key = %record.key, revision = %record.revision, "an override has ended");
                }
            }
            Err(error) => tracing::debug!(%error, "no override was ended"),
        }
        note_anchor(&shared, &mut anchor).await;
    }
}

/// Logs the newest seal of the audit whenever there is a new one: the log is out of reach of who could write the
/// whole chain anew (`backstop audit --verify --anchor`).
async fn note_anchor(shared: &Shared, last: &mut Option<Anchor>) {
    match shared.store.audit_head().await {
        Ok(head) if *last != Some(head) => {
            tracing::info!(anchor = %head, "the newest record of the audit");
            *last = Some(head);
        }
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "the audit could not be read"),
    }
}
