//! What this door sees: everything as it is now, or as it was when the store's cluster went away; and forgetting a
//! gateway of which nothing will be seen any more.

use jiff::Timestamp;

use super::{Control, ControlError, Mode, Overview, overview};
use crate::{
    model::GatewayName,
    store::{EventQuery, StoreError, Touch},
};

/// How many events an overview looks at, at most; the rates come from heartbeats.
const RECENT_EVENTS: usize = 500;

impl Control {
    /// What is going on now.
    pub async fn overview(&self) -> Result<Overview, ControlError> {
        let inner = &self.inner;
        // What was known when the cluster went away is told of that moment. What the cluster alone tells, and nobody
        // here has heard, is left out: switches are known all the same.
        let apart = match self.touch() {
            Touch::Current => None,
            Touch::Apart { since, .. } => Some(since),
        };
        let now = inner.clock.now();
        let now = apart.map_or(now, |since| since.min(now));
        let (catalog, overrides) = (inner.catalog(), inner.overrides());
        let heartbeats = heard(apart, inner.store.heartbeats().await)?;
        let since = now - jiff::SignedDuration::from_secs(60);
        let query = EventQuery {
            since: Some(since),
            limit: RECENT_EVENTS,
            ..EventQuery::default()
        };
        let events = heard(apart, inner.store.events(query).await)?;
        let probed = heard(apart, inner.probed().await)?;
        Ok(overview(
            &catalog,
            &overrides,
            &heartbeats,
            &events,
            &probed,
            &inner.store.reviewed().borrow(),
            now,
        ))
    }

    /// Forgets a gateway that is silent and will not come back. One that still runs is heard of again.
    pub async fn dismiss(&self, gateway: GatewayName) -> Result<(), ControlError> {
        let inner = &self.inner;
        if inner.mode == Mode::Observe {
            return Err(ControlError::Observe);
        }
        self.in_touch()?;
        let overview = self.overview().await?;
        match overview.gateway(&gateway) {
            Some(found) if found.alive => Err(ControlError::Refused {
                why: format!("{gateway} is alive: it was heard of just now"),
            }),
            Some(_) => Ok(inner.store.farewell(gateway).await?),
            None => Err(ControlError::Nothing {
                what: format!("nothing was heard of a gateway {gateway} in the last day"),
            }),
        }
    }
}

/// What was read; apart from the store nothing, when it cannot be.
fn heard<T: Default>(
    apart: Option<Timestamp>,
    read: Result<T, StoreError>,
) -> Result<T, StoreError> {
    match (apart, read) {
        (Some(_), Err(_)) => Ok(T::default()),
        (_, read) => read,
    }
}
