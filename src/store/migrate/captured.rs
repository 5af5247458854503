//! What was captured of requests, taken over: the newest of each kind, as far as the cluster has none that are newer.

use super::Migration;
use crate::{
    model::Captured,
    store::{CAPTURES_KEPT, StoreError},
};

impl Migration {
    /// Answers how many the store has.
    pub(super) async fn captures(&self) -> Result<usize, StoreError> {
        let found = self.from.all_captures().await?;
        for captured in self.uncaptured(&found).await? {
            self.target.put_capture(captured).await?;
        }
        Ok(found.len())
    }

    /// Everything that was captured is there, unless newer ones have taken its place.
    pub(super) async fn same_captures(&self) -> Result<(), StoreError> {
        let found = self.from.all_captures().await?;
        match self.uncaptured(&found).await?.len() {
            0 => Ok(()),
            missing => Err(self.differ(&format!(
                "{missing} captured requests are not there; run it again"
            ))),
        }
    }

    /// Those that the cluster does not have and has room for, oldest first. What it captured itself is newer.
    async fn uncaptured(&self, found: &[Captured]) -> Result<Vec<Captured>, StoreError> {
        let mut missing = Vec::new();
        for (place, captured) in found.iter().enumerate() {
            let alike = |other: &&Captured| {
                (&other.workload, other.class) == (&captured.workload, captured.class)
            };
            let mut there = self.target.captures(captured.workload.clone()).await?;
            there.retain(|other| alike(&other));
            // Its number is another one there.
            let same = |other: &Captured| (other.at, &other.body) == (captured.at, &captured.body);
            let later = found.iter().skip(place + 1).filter(alike);
            let later = later.filter(|other| {
                !there
                    .iter()
                    .any(|known| (known.at, &known.body) == (other.at, &other.body))
            });
            if !there.iter().any(same) && there.len() + later.count() < CAPTURES_KEPT {
                missing.push(captured.clone());
            }
        }
        Ok(missing)
    }
}
