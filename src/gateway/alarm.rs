//! Says loudly that the store fails or went away, and that requests find no room, for as long as it is so.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::{room::Full, worker::Shared};
use crate::{model::visible, store::Health};

/// It is said again this often.
const AGAIN: Duration = Duration::from_mins(1);
/// So long it stays silent then: parts fail and recover one after the other.
const BRIEF: Duration = Duration::from_secs(1);
/// How often refusals for want of room are summed up.
const SUM_EVERY: Duration = Duration::from_secs(10);

/// What is refused, and by which limit, in the order of [`refusals`].
const LIMITS: [(&str, &str); 3] = [
    ("connections", "max_connections"),
    ("requests", "max_requests"),
    ("request bodies", "max_body_memory"),
];

fn refusals(shared: &Shared) -> [u64; LIMITS.len()] {
    let refused = shared.room.refused();
    [
        shared.crowded.load(Ordering::Relaxed),
        refused[Full::Requests as usize],
        refused[Full::Bodies as usize],
    ]
}

/// Follows the refusals for want of room for as long as it is polled: one line for all of some seconds, however
/// many they are.
pub(super) async fn crowding(shared: Arc<Shared>) {
    let mut tick = interval(SUM_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = refusals(&shared);
    loop {
        tick.tick().await;
        let now = refusals(&shared);
        for (index, (what, limit)) in LIMITS.into_iter().enumerate() {
            let more = now[index] - told[index];
            if more > 0 {
                tracing::warn!(
                    "{more} {what} found no room and got 503; the limit is gateway.{limit}"
                );
            }
        }
        told = now;
    }
}

/// Counts how often the store's cluster goes away, and says so, for as long as it is polled.
pub(super) async fn parting(shared: Arc<Shared>) {
    shared.contact.follow().await;
}

/// Follows the store's health for as long as it is polled.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut health = shared.store.health();
    let mut said = false;
    loop {
        let now = match &*health.borrow_and_update() {
            Health::Good => None,
            Health::Failing(why) => Some(visible(why, 400).into_owned()),
        };
        let silent = now.is_none() && !said;
        match &now {
            Some(why) => tracing::error!(
                "the store fails: {why}; requests are served with the last switches seen, a fallback whose event \
                 cannot be written follows `on_log_failure` of its workload, no operator's change arrives"
            ),
            None if said => tracing::info!("the store works again"),
            None => {}
        }
        said = now.is_some();
        if !silent {
            sleep(BRIEF).await;
        }
        let again = if said { AGAIN } else { Duration::MAX };
        // It may have failed for another reason meanwhile; that is worth a line, too.
        let _ = timeout(again, health.changed()).await;
    }
}
