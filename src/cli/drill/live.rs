//! `drill --live`: the routes that would take over are asked with the samples that would reach them.

use std::{collections::BTreeSet, time::Duration};

use serde::Serialize;
use serde_json::Value;
use tokio::task::LocalSet;

use crate::{
    cli::{
        error::CliError,
        output::Paint,
        probe::Round,
        probe_text::{self, Answer},
        session::Session,
    },
    control::{Drill, Drilled, Mode},
    model::{Catalog, ProbeRecord, WorkloadName},
    probe::{Job, Prober},
    wire::upstream::Tls,
};

/// What is not answered by then counts as unproven.
const BUDGET: Duration = Duration::from_mins(10);

/// What was asked, and what came back.
pub(super) struct Live {
    answers: Vec<Answer>,
    /// Workloads of which some sample was not answered well.
    failed: BTreeSet<WorkloadName>,
}

/// What the policy sends to a fallback in this drill, each sample once.
fn jobs<'c>(catalog: &'c Catalog, drill: &Drill) -> Vec<Job<'c>> {
    let of = |drilled: &Drilled| -> Vec<Job<'c>> {
        let Some(workload) = catalog.workloads.get(&drilled.workload) else {
            return Vec::new();
        };
        let samples = workload.samples.iter().filter_map(|sample| {
            let route = catalog.routes.get(drilled.reaches.get(&sample.id)?)?;
            Some(Job {
                workload,
                sample,
                route,
            })
        });
        samples.collect()
    };
    drill.workloads.iter().flat_map(of).collect()
}

/// Asks, and keeps what was found where the store is open for that.
pub(super) async fn run(session: &Session, drill: &Drill) -> Result<Live, CliError> {
    let jobs = jobs(&session.catalog, drill);
    let of: Vec<WorkloadName> = jobs.iter().map(|job| job.workload.name.clone()).collect();
    let prober = Prober::new(Tls::new().into(), session.clock.clone());
    let store = (session.control.mode() == Mode::Write).then_some(&session.store);
    let round = Round::new(&prober, &session.clock, BUDGET, store);
    let answers = LocalSet::new().run_until(round.jobs(jobs)).await;
    let failed = (of.into_iter().zip(&answers))
        .filter_map(|(workload, answer)| (!answer.passed()).then_some(workload))
        .collect();
    round.close().await?;
    Ok(Live { answers, failed })
}

impl Live {
    /// Workloads that would be served by a fallback of which nothing, or not everything, was proven.
    pub(super) fn unproven<'d>(&self, drill: &'d Drill) -> impl Iterator<Item = &'d WorkloadName> {
        drill
            .workloads
            .iter()
            .filter(|drilled| {
                let asked = !drilled.reaches.is_empty();
                (drilled.served_by().is_some() && !asked) || self.failed.contains(&drilled.workload)
            })
            .map(|drilled| &drilled.workload)
    }

    pub(super) fn render(&self, paint: Paint) -> String {
        if self.answers.is_empty() {
            return "no sample would fall back: nothing was asked".to_owned();
        }
        probe_text::render(&self.answers, paint)
    }

    /// The drill, with what was asked.
    pub(super) fn whole<'a>(&self, drill: &'a Drill) -> Whole<'a> {
        Whole {
            drill,
            probes: self.answers.iter().flat_map(Answer::records).collect(),
            unsent: self.answers.iter().filter_map(Answer::as_error).collect(),
            unproven: self.unproven(drill).collect(),
        }
    }
}

/// A live drill as JSON.
#[derive(Serialize)]
pub(super) struct Whole<'a> {
    #[serde(flatten)]
    drill: &'a Drill,
    probes: Vec<ProbeRecord>,
    unsent: Vec<Value>,
    unproven: Vec<&'a WorkloadName>,
}
