//! The traffic of the past, in memory: counted from heartbeats, once a minute for each gateway.

use jiff::Timestamp;

use super::Memory;
use crate::{
    model::{Heartbeat, Stretch, TrafficPast},
    store::{
        StoreError, TrafficQuery,
        past::{Finished, Past},
    },
};

/// Counts what a heartbeat says, when it is the first one of its gateway in a new minute.
pub(super) fn count(past: &mut Past, last: Option<&Heartbeat>, heartbeat: &Heartbeat) {
    let Some(told) = Finished::of(last, heartbeat) else {
        return;
    };
    for stretch in Stretch::ALL {
        let told = told.within(stretch);
        past.add(stretch, &told);
        past.forget(stretch, told.number);
    }
}

impl Memory {
    pub(in crate::store) async fn traffic(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<TrafficPast>, StoreError> {
        Ok(self.read()?.past.traffic(&query))
    }

    pub(in crate::store) async fn counted(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<Timestamp>, StoreError> {
        Ok(self.read()?.past.counted(&query))
    }
}
