//! What there is to probe: which sample to which route.

use std::collections::BTreeSet;

use crate::model::{Catalog, Route, RouteName, Sample, Workload, WorkloadName};

/// One sample to one route.
#[derive(Clone, Copy, Debug)]
pub struct Job<'c> {
    /// Whose sample.
    pub workload: &'c Workload,
    /// Which.
    pub sample: &'c Sample,
    /// Where to.
    pub route: &'c Route,
}

/// A name that nothing of the catalog has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Neither workload nor route.
    #[error("there is no workload and no route \"{name}\"{}", hint(.near.as_deref()))]
    Name {
        /// As asked.
        name: String,
        /// A name that it may be meant to be.
        near: Option<String>,
    },
    /// No workload.
    #[error("there is no workload \"{name}\"{}", hint(.near.as_deref()))]
    Workload {
        /// As asked.
        name: String,
        /// A name that it may be meant to be.
        near: Option<String>,
    },
    /// No sample.
    #[error("no sample of these is called \"{name}\"; `backstop samples list` names all")]
    Sample {
        /// As asked.
        name: String,
    },
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"))
}

/// The jobs of the named workloads (both their routes) and routes (of all their workloads), each once; of
/// everything when no name is given. Of the samples all, or those with this id or name.
///
/// # Errors
/// When a name is of nothing.
pub fn jobs<'c>(
    catalog: &'c Catalog,
    names: &[String],
    sample: Option<&str>,
) -> Result<Vec<Job<'c>>, JobError> {
    for name in names {
        known(catalog, name)?;
    }
    let wanted = |name: &str| names.iter().any(|wanted| wanted == name);
    let mut jobs: Vec<Job<'c>> = Vec::new();
    for workload in catalog.workloads.values() {
        for route in catalog.routes_of(workload) {
            if !names.is_empty() && !wanted(workload.name.as_str()) && !wanted(route.name.as_str())
            {
                continue;
            }
            let samples = workload.samples.iter().filter(|known| {
                sample.is_none_or(|wanted| known.id.as_str() == wanted || known.id.name() == wanted)
            });
            jobs.extend(samples.map(|sample| Job {
                workload,
                sample,
                route,
            }));
        }
    }
    match sample {
        Some(name) if jobs.is_empty() => Err(JobError::Sample {
            name: name.to_owned(),
        }),
        Some(_) | None => Ok(jobs),
    }
}

/// The routes of the named workloads and the named routes, each once, by name; all that a workload uses when
/// no name is given.
///
/// # Errors
/// When a name is of nothing.
pub fn routes<'c>(catalog: &'c Catalog, names: &[String]) -> Result<Vec<&'c Route>, JobError> {
    let mut found: BTreeSet<&RouteName> = BTreeSet::new();
    for name in names {
        known(catalog, name)?;
        found.extend(
            catalog
                .routes
                .get_key_value(name.as_str())
                .map(|(name, _)| name),
        );
    }
    for workload in catalog.workloads.values() {
        if names.is_empty() || names.iter().any(|name| name == workload.name.as_str()) {
            found.extend(catalog.routes_of(workload).map(|route| &route.name));
        }
    }
    Ok(found
        .into_iter()
        .filter_map(|name| catalog.routes.get(name))
        .collect())
}

/// The workload of a name.
///
/// # Errors
/// When there is none.
pub fn workload<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Workload, JobError> {
    let names = || catalog.workloads.keys().map(WorkloadName::as_str);
    catalog
        .workloads
        .get(name)
        .ok_or_else(|| JobError::Workload {
            name: name.to_owned(),
            near: near(names(), name),
        })
}

fn known(catalog: &Catalog, name: &str) -> Result<(), JobError> {
    if catalog.workloads.contains_key(name) || catalog.routes.contains_key(name) {
        return Ok(());
    }
    let workloads = catalog.workloads.keys().map(WorkloadName::as_str);
    let routes = catalog.routes.keys().map(RouteName::as_str);
    Err(JobError::Name {
        name: name.to_owned(),
        near: near(workloads.chain(routes), name),
    })
}

/// The one of these names that another is most like, when it is like it at all.
fn near<'n>(names: impl Iterator<Item = &'n str>, name: &str) -> Option<String> {
    names
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}
