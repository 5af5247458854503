//! What is known of traffic and probes, taken over.

use jiff::Timestamp;

use super::Migration;
use crate::{
    model::Stretch,
    store::{StoreError, TrafficQuery, past::Finished},
};

/// How many hours of spending are kept.
const SPENDING: i64 = 48;

impl Migration {
    pub(super) async fn traffic(&self) -> Result<usize, StoreError> {
        let mut all = 0;
        for stretch in Stretch::ALL {
            let past = self.past(stretch).await?;
            all += past.len();
            self.to.take_over_past(stretch, past).await?;
        }
        Ok(all)
    }

    pub(super) async fn past(&self, stretch: Stretch) -> Result<Vec<Finished>, StoreError> {
        let query = TrafficQuery {
            since: Timestamp::UNIX_EPOCH,
            until: self.clock.now(),
            stretch,
            workload: None,
        };
        let counted = self.source.counted(query.clone()).await?;
        let traffic = self.source.traffic(query).await?;
        Ok(Finished::all_of(stretch, &counted, &traffic))
    }

    pub(super) async fn probes(&self) -> Result<usize, StoreError> {
        let found = self.source.probes(None).await?;
        let all = found.len();
        if all > 0 {
            self.target.put_probes(found).await?;
        }
        let readiness = self.source.readiness().await?;
        if !readiness.is_empty() && self.target.readiness().await?.is_empty() {
            self.target.put_readiness(readiness).await?;
        }
        let since = self.clock.now().as_second() / Stretch::Hour.seconds() - SPENDING;
        if self.target.spent(since).await?.is_empty() {
            for spent in self.source.spent(since).await? {
                self.target.spend(spent).await?;
            }
        }
        Ok(all)
    }
}
