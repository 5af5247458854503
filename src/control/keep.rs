//! What a person probed: kept for everybody, and counted to what probing has cost; and what was kept before.

use std::sync::Arc;

use super::{Control, ControlError, Mode};
use crate::model::{
    Catalog, ProbeKey, ProbePoint, ProbeRecord, ProbeResult, ProbeSubject, RouteName, Spent,
};

impl Control {
    /// The configuration as it stands.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.catalog()
    }

    /// How routes answered their last probes with samples, of all samples together, oldest first.
    pub async fn probe_histories(
        &self,
        routes: &[RouteName],
    ) -> Result<Vec<(RouteName, Vec<ProbePoint>)>, ControlError> {
        let catalog = self.catalog();
        let mut histories = Vec::with_capacity(routes.len());
        for route in routes {
            let mut points = Vec::new();
            let samples = catalog.users_of(route).flat_map(|user| &user.samples);
            for sample in samples {
                let key = ProbeKey {
                    route: route.clone(),
                    subject: ProbeSubject::Sample(sample.id.clone()),
                };
                points.extend(self.inner.store.probe_history(key).await?);
            }
            points.sort_by_key(|point| point.at);
            histories.push((route.clone(), points));
        }
        Ok(histories)
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

    /// Counts what the answers of a comparison cost, as probing. Nothing else of them is kept. `false`: this door
    /// only looks.
    pub async fn compared<'r>(
        &self,
        results: impl IntoIterator<Item = &'r ProbeResult>,
    ) -> Result<bool, ControlError> {
        if self.inner.mode == Mode::Observe {
            return Ok(false);
        }
        for spent in Spent::of(results) {
            self.inner.store.spend(spent).await?;
        }
        Ok(true)
    }
}
