//! Captures, in memory.

use super::Memory;
use crate::{
    model::{Captured, WorkloadName},
    store::{CAPTURE_LIFE, CAPTURES_KEPT, StoreError, earlier},
};

/// Oldest first, and the number that was given last.
#[derive(Debug, Default)]
pub(super) struct Captures {
    all: Vec<Captured>,
    last: u64,
}

impl Memory {
    pub(in crate::store) async fn put_capture(
        &self,
        mut captured: Captured,
    ) -> Result<(), StoreError> {
        let oldest = earlier(self.clock.now(), CAPTURE_LIFE);
        let kept = &mut self.write()?.captures;
        kept.last += 1;
        captured.number = kept.last;
        let like =
            |known: &Captured| known.workload == captured.workload && known.class == captured.class;
        let alike = kept.all.iter().filter(|known| like(known)).count();
        let mut excess = (alike + 1).saturating_sub(CAPTURES_KEPT);
        kept.all.retain(|known| {
            let goes = excess > 0 && like(known);
            excess -= usize::from(goes);
            !goes && known.at >= oldest
        });
        kept.all.push(captured);
        Ok(())
    }

    pub(in crate::store) async fn captures(
        &self,
        workload: WorkloadName,
    ) -> Result<Vec<Captured>, StoreError> {
        let oldest = earlier(self.clock.now(), CAPTURE_LIFE);
        let tables = self.read()?;
        let own = tables.captures.all.iter().rev();
        Ok(own
            .filter(|known| known.workload == workload && known.at >= oldest)
            .cloned()
            .collect())
    }

    pub(in crate::store) async fn keep_captures(
        &self,
        of: Vec<WorkloadName>,
    ) -> Result<u64, StoreError> {
        let oldest = earlier(self.clock.now(), CAPTURE_LIFE);
        let all = &mut self.write()?.captures.all;
        let before = all.len();
        all.retain(|known| known.at >= oldest && of.contains(&known.workload));
        Ok((before - all.len()) as u64)
    }
}
