//! `probe`: would it work right now? Samples, or the whole ladder, sent to single routes.
//!
//! It sends to providers past the gateway, so no traffic moves and no circuit hears of it. What it finds goes
//! into the store, for everybody who has it open.

use std::{cell::Cell, time::Duration};

use futures_util::{StreamExt as _, stream};
use serde_json::json;
use tokio::{task::LocalSet, time::timeout_at};

use super::{
    args::{Global, ProbeArgs},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream},
    probe_text::{self, Answer},
    session,
};
use crate::{
    clock::Clock,
    config::Keys,
    model::{Catalog, ProbeRecord, Timeouts, Verdict},
    probe::{self, Job, Prober},
    store::{Access, Store},
    wire::upstream::Tls,
};

/// How many routes are asked at once.
const AT_ONCE: usize = 8;

/// Probes and prints. Negative when something failed or was not reached.
pub(super) async fn run(global: &Global, args: ProbeArgs) -> Result<Exit, CliError> {
    if args.names.is_empty() && !args.all {
        let words = "name workloads or routes to probe, or say --all";
        return Err(CliError::Usage(words.to_owned()));
    }
    let mut catalog = session::catalog_with(global, Keys::IfThere)?;
    if let Some(limit) = args.timeout {
        hurry(&mut catalog, limit);
    }
    if args.curl {
        return print_commands(&catalog, &args);
    }
    let clock = Clock::system();
    // Opened first: what cannot be kept should not be paid for.
    let store = if args.no_store || global.observe {
        None
    } else {
        Some(Store::open(&catalog.store, Access::Write, clock.clone()).await?)
    };
    let prober = Prober::new(Tls::new().into(), clock);
    let round = Round::new(&prober, args.budget);
    let answers = LocalSet::new()
        .run_until(round.run(&catalog, &args))
        .await?;
    if let Some(store) = store {
        keep(&store, &answers).await?;
    }
    show(&args, &answers)?;
    let passed = !answers.is_empty() && answers.iter().all(Answer::passed);
    Ok(if passed { Exit::Done } else { Exit::Reserved })
}

/// Keeps what was found, counts what it cost, and closes the store.
pub(super) async fn keep(store: &Store, answers: &[Answer]) -> Result<(), CliError> {
    let records = answers.iter().flat_map(Answer::records).collect();
    store.put_probes(records).await?;
    for spent in answers.iter().flat_map(Answer::spent) {
        store.spend(spent).await?;
    }
    Ok(store.close().await?)
}

fn show(args: &ProbeArgs, answers: &[Answer]) -> Result<(), CliError> {
    if args.json {
        let records: Vec<ProbeRecord> = answers.iter().flat_map(Answer::records).collect();
        let count = |verdict| records.iter().filter(|it| it.verdict() == verdict).count();
        let errors: Vec<_> = answers.iter().filter_map(Answer::as_error).collect();
        output::json(&json!({
            "passed": count(Verdict::Passed),
            "failed": count(Verdict::Failed),
            "skipped": count(Verdict::Skipped),
            "unsent": errors,
            "records": records,
        }))?;
    } else if !answers.is_empty() {
        output::line(probe_text::render(answers, Paint::of(Stream::Out)))?;
    }
    if answers.is_empty() {
        output::talk("nothing was probed: there are no samples; see `backstop samples add --help`");
    } else {
        output::talk(probe_text::summary(answers));
    }
    Ok(())
}

fn print_commands(catalog: &Catalog, args: &ProbeArgs) -> Result<Exit, CliError> {
    let jobs = probe::jobs(catalog, &args.names, args.sample.as_deref())?;
    for job in &jobs {
        output::talk(format_args!("{} to {}", job.sample.id, job.route.name));
        let command = probe::curl(job.sample, job.route).map_err(CliError::Probe)?;
        output::raw(command.as_bytes())?;
    }
    Ok(Exit::Done)
}

/// One round of probes.
pub(super) struct Round<'a> {
    prober: &'a Prober,
    deadline: std::time::Instant,
    done: Cell<usize>,
    total: Cell<usize>,
}

impl<'a> Round<'a> {
    /// A round that ends after `budget`, done or not.
    pub(super) fn new(prober: &'a Prober, budget: Duration) -> Self {
        Self {
            prober,
            deadline: Clock::instant() + budget,
            done: Cell::new(0),
            total: Cell::new(0),
        }
    }

    async fn run(&self, catalog: &Catalog, args: &ProbeArgs) -> Result<Vec<Answer>, CliError> {
        let names = &args.names;
        if args.ladder {
            let routes = probe::routes(catalog, names)?;
            self.total.set(routes.len());
            return Ok(stream::iter(routes)
                .map(|route| async move {
                    let climb = async {
                        self.prober
                            .ladder(catalog, route, &mut |rung| {
                                tell(&format!(
                                    "  {} {}: {} {}",
                                    rung.route, rung.rung, rung.verdict, rung.evidence
                                ));
                            })
                            .await
                    };
                    let answer = match timeout_at(self.deadline.into(), climb).await {
                        Ok(Ok(climb)) => Answer::Ladder(climb),
                        Ok(Err(error)) => Answer::error(route, None, &error),
                        Err(_) => Answer::late(route, None),
                    };
                    self.finished(&answer);
                    answer
                })
                .buffered(AT_ONCE)
                .collect()
                .await);
        }
        let jobs = probe::jobs(catalog, names, args.sample.as_deref())?;
        Ok(self.jobs(jobs).await)
    }

    /// Asks each, some at the same time; the answers in the order of the jobs.
    pub(super) async fn jobs(&self, jobs: Vec<Job<'_>>) -> Vec<Answer> {
        self.total.set(jobs.len());
        stream::iter(jobs)
            .map(|job| self.job(job))
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn job(&self, job: Job<'_>) -> Answer {
        let mut hear = |_| ();
        let sample = self
            .prober
            .sample(job.workload, job.sample, job.route, &mut hear);
        let answer = match timeout_at(self.deadline.into(), sample).await {
            Ok(Ok(result)) => Answer::Sample(Box::new(result)),
            Ok(Err(error)) => Answer::error(job.route, Some(job.sample), &error),
            Err(_) => Answer::late(job.route, Some(job.sample)),
        };
        self.finished(&answer);
        answer
    }

    fn finished(&self, answer: &Answer) {
        self.done.set(self.done.get() + 1);
        tell(&format!(
            "{}/{} {}",
            self.done.get(),
            self.total.get(),
            answer.line()
        ));
    }
}

/// No clock of a workload runs longer than the limit.
pub(super) fn hurry(catalog: &mut Catalog, limit: Duration) {
    for workload in catalog.workloads.values_mut() {
        let Timeouts {
            headers,
            first_output,
            idle,
            total,
        } = &mut workload.timeouts;
        for clock in [headers, first_output, idle, total] {
            *clock = (*clock).min(limit);
        }
    }
}

/// Progress, for a person who waits.
pub(super) fn tell(text: &str) {
    if output::somebody_watches() {
        output::talk(crate::model::visible(text, 200));
    }
}
