//! What is known of traffic and probes, taken over.

use jiff::Timestamp;

use super::Migration;
use crate::{
    model::{ProbeKey, ProbePoint, ProbeRecord, Stretch},
    store::{PROBE_POINTS, StoreError, TrafficQuery, past::Finished},
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

    /// What probes found, each with its past; answers how many of both the store has.
    pub(super) async fn probes(&self) -> Result<(usize, usize), StoreError> {
        let found = self.source.probes(None).await?;
        let there = self.target.probes(None).await?;
        let missing: Vec<ProbeRecord> = found
            .iter()
            .filter(|record| !there.contains(record))
            .cloned()
            .collect();
        if !missing.is_empty() {
            self.target.put_probes(missing).await?;
        }
        let mut all = 0;
        for record in &found {
            let points = self.source.probe_history(record.key()).await?;
            all += points.len();
            let lacking = self.lacking(record.key(), points).await?;
            if !lacking.is_empty() {
                self.to.take_over_points(record.key(), lacking).await?;
            }
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
        Ok((found.len(), all))
    }

    /// The points that the cluster does not have and has room for: it keeps the newest ones.
    async fn lacking(
        &self,
        key: ProbeKey,
        mut points: Vec<ProbePoint>,
    ) -> Result<Vec<ProbePoint>, StoreError> {
        let there = self.target.probe_history(key).await?;
        let oldest = (there.len() >= PROBE_POINTS)
            .then(|| there.first().map(|point| point.at))
            .flatten();
        points.retain(|point| {
            oldest.is_none_or(|oldest| point.at > oldest)
                && there.iter().all(|known| known.at != point.at)
        });
        Ok(points)
    }

    /// The past of every probe is there, as far as the cluster keeps one.
    pub(super) async fn same_points(&self) -> Result<(), StoreError> {
        for record in self.source.probes(None).await? {
            let points = self.source.probe_history(record.key()).await?;
            let lacking = self.lacking(record.key(), points).await?;
            if !lacking.is_empty() {
                return Err(self.differ(&format!(
                    "{} points of the history of {} are not there; run it again",
                    lacking.len(),
                    record.key().route
                )));
            }
        }
        Ok(())
    }
}
