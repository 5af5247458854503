//! Says loudly that the store fails, for as long as it does.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::worker::Shared;
use crate::{model::visible, store::Health};

/// It is said again this often.
const AGAIN: Duration = Duration::from_mins(1);
/// So long it stays silent then: parts fail and recover one after the other.
const BRIEF: Duration = Duration::from_secs(1);

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
