//! One task done: a sample sent or a ladder climbed, as records; and what that has cost in requests.
//!
//! Called by `rounds` for each task on its own, so it finds what it needs in the catalog by name.

use super::{ProbeError, Prober};
use crate::model::{Catalog, ProbeKey, ProbeRecord, ProbeSubject, Rung, Verdict, WorkloadName};

/// Does a task.
pub(super) async fn probe(
    prober: &Prober,
    catalog: &Catalog,
    key: &ProbeKey,
    workload: Option<WorkloadName>,
) -> Result<Vec<ProbeRecord>, ProbeError> {
    let Some(route) = catalog.routes.get(&key.route) else {
        return Ok(Vec::new());
    };
    if let ProbeSubject::Sample(id) = &key.subject {
        let Some((workload, sample)) = workload.and_then(|name| {
            let workload = catalog.workloads.get(&name)?;
            let sample = workload.samples.iter().find(|sample| sample.id == *id)?;
            Some((workload, sample))
        }) else {
            return Ok(Vec::new());
        };
        let result = prober.sample(workload, sample, route, &mut |_| ()).await?;
        return Ok(vec![ProbeRecord::Sample(Box::new(result))]);
    }
    let climb = prober.ladder(catalog, route, &mut |_| ()).await?;
    let rungs = climb.rungs.into_iter().map(Box::new).map(ProbeRecord::Rung);
    let samples = climb
        .samples
        .into_iter()
        .map(Box::new)
        .map(ProbeRecord::Sample);
    Ok(rungs.chain(samples).collect())
}

/// How many requests records stand for.
pub(super) fn sent_requests(records: &[ProbeRecord]) -> u64 {
    let sent = records.iter().filter(|record| match record {
        ProbeRecord::Sample(_) => true,
        ProbeRecord::Rung(result) => match result.rung {
            Rung::Model | Rung::Minimal | Rung::Streaming | Rung::Errors => {
                result.verdict != Verdict::Skipped
            }
            // A look at a key sends nothing; the sample of a capability stands beside it.
            Rung::Key | Rung::Capability(_) => false,
        },
    });
    sent.count() as u64
}
