//! One task done: a sample sent or a ladder climbed, as records; and how many requests that took.
//!
//! Called by `rounds` for each task on its own, so it finds what it needs in the catalog by name.

use super::{ProbeError, Prober};
use crate::model::{Catalog, ProbeKey, ProbeRecord, ProbeSubject, WorkloadName};

/// What a task brought.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) records: Vec<ProbeRecord>,
    /// Requests that were sent.
    pub(super) requests: u64,
}

/// Does a task.
pub(super) async fn probe(
    prober: &Prober,
    catalog: &Catalog,
    key: &ProbeKey,
    workload: Option<WorkloadName>,
) -> Result<Found, ProbeError> {
    let Some(route) = catalog.routes.get(&key.route) else {
        return Ok(Found::default());
    };
    if let ProbeSubject::Sample(id) = &key.subject {
        let Some((workload, sample)) = workload.and_then(|name| {
            let workload = catalog.workloads.get(&name)?;
            let sample = workload.samples.iter().find(|sample| sample.id == *id)?;
            Some((workload, sample))
        }) else {
            return Ok(Found::default());
        };
        let result = prober.sample(workload, sample, route, &mut |_| ()).await?;
        return Ok(Found {
            requests: 1,
            records: vec![ProbeRecord::Sample(Box::new(result))],
        });
    }
    let climb = prober.ladder(catalog, route, &mut |_| ()).await?;
    let rungs = climb.rungs.into_iter().map(Box::new).map(ProbeRecord::Rung);
    let samples = climb
        .samples
        .into_iter()
        .map(Box::new)
        .map(ProbeRecord::Sample);
    Ok(Found {
        records: rungs.chain(samples).collect(),
        requests: climb.requests,
    })
}
