//! The prober's duty, in memory: its lease, what it knows of readiness, and what it has spent.

use std::time::Duration;

use super::Memory;
use crate::{
    model::{Lease, Spent, WorkloadReadiness},
    store::{StoreError, rules},
};

impl Memory {
    pub(in crate::store) async fn lease(
        &self,
        name: &'static str,
        holder: String,
        life: Duration,
    ) -> Result<Result<Lease, Lease>, StoreError> {
        let mut tables = self.write()?;
        let found = tables.leases.get(name).cloned();
        let next = rules::lease(found, &holder, life, self.clock.now());
        if let Ok(next) = &next {
            tables.leases.insert(name, next.clone());
        }
        Ok(next)
    }

    pub(in crate::store) async fn release(
        &self,
        name: &'static str,
        holder: String,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        if let Some(lease) = self.write()?.leases.get_mut(name)
            && lease.holder == holder
        {
            lease.until = now;
        }
        Ok(())
    }

    pub(in crate::store) async fn put_readiness(
        &self,
        mut all: Vec<WorkloadReadiness>,
    ) -> Result<(), StoreError> {
        all.sort_by(|left, right| left.workload.cmp(&right.workload));
        self.write()?.readiness = all;
        Ok(())
    }

    pub(in crate::store) async fn readiness(&self) -> Result<Vec<WorkloadReadiness>, StoreError> {
        Ok(self.read()?.readiness.clone())
    }

    pub(in crate::store) async fn spend(&self, spent: Spent) -> Result<(), StoreError> {
        let mut tables = self.write()?;
        let sum = tables
            .spending
            .entry((spent.hour, spent.route.clone()))
            .or_insert_with(|| Spent {
                requests: 0,
                cost: 0.0,
                ..spent.clone()
            });
        sum.requests += spent.requests;
        sum.cost += spent.cost;
        Ok(())
    }

    pub(in crate::store) async fn spent(&self, since: i64) -> Result<Vec<Spent>, StoreError> {
        let tables = self.read()?;
        let newer = tables.spending.values().filter(|spent| spent.hour >= since);
        Ok(newer.cloned().collect())
    }
}
