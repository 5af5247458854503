//! What a person probed: kept for everybody, and counted to what probing has cost.

use std::sync::Arc;

use super::{Control, ControlError, Mode};
use crate::model::{Catalog, ProbeRecord, Spent};

impl Control {
    /// The configuration as it stands.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.catalog()
    }

    /// Keeps what a probe found, and adds the `requests` it took to what was spent. `false`: this door only
    /// looks, nothing was kept.
    pub async fn probed(
        &self,
        records: Vec<ProbeRecord>,
        requests: u64,
    ) -> Result<bool, ControlError> {
        if self.inner.mode == Mode::Observe {
            return Ok(false);
        }
        let first = records.first();
        let spent = first.map(|first| Spent {
            route: first.key().route,
            hour: Spent::hour_of(first.at()),
            requests,
            cost: records
                .iter()
                .filter_map(ProbeRecord::cost)
                .map(|cost| cost.amount)
                .sum(),
        });
        self.inner.store.put_probes(records).await?;
        if let Some(spent) = spent {
            self.inner.store.spend(spent).await?;
        }
        Ok(true)
    }
}
