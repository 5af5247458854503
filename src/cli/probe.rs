//! `probe`: would it work right now? Samples, or the whole ladder, sent to single routes.
//!
//! It sends to providers past the gateway, so no traffic moves and no circuit hears of it. What it finds goes
//! into the store, for everybody who has it open.

use std::{
    cell::{Cell, OnceCell},
    time::Duration,
};

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
    model::{Catalog, ProbeRecord, ProbeSubject, Route, Rung, RungResult, Timeouts, Verdict},
    probe::{self, Climb, Job, Prober},
    store::{Access, Store, StoreError},
    wire::upstream::Tls,
};

/// How many routes are asked at once.
const AT_ONCE: usize = 8;

/// Said of what was not answered in time.
const OVER: &str = "the time for all probes (--budget) was over";

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
    let prober = Prober::new(Tls::new().into(), clock.clone());
    let round = Round::new(&prober, &clock, args.budget, store.as_ref());
    let answers = LocalSet::new()
        .run_until(round.run(&catalog, &args))
        .await?;
    // What was found is shown, also when it could not be kept.
    show(&args, &answers)?;
    round.close().await?;
    let passed = !answers.is_empty() && answers.iter().all(Answer::passed);
    Ok(if passed { Exit::Done } else { Exit::Reserved })
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
        output::document(&command)?;
    }
    Ok(Exit::Done)
}

/// One round of probes. Each answer is kept, and what it cost is counted, as soon as it is there: a round that is
/// interrupted has not been paid for in vain.
pub(super) struct Round<'a> {
    prober: &'a Prober,
    clock: &'a Clock,
    deadline: std::time::Instant,
    store: Option<&'a Store>,
    /// Why nothing more is kept, nor asked.
    trouble: OnceCell<StoreError>,
    done: Cell<usize>,
    total: Cell<usize>,
}

impl<'a> Round<'a> {
    /// A round that ends after `budget`, done or not. Without a store nothing is kept.
    pub(super) fn new(
        prober: &'a Prober,
        clock: &'a Clock,
        budget: Duration,
        store: Option<&'a Store>,
    ) -> Self {
        Self {
            prober,
            clock,
            deadline: Clock::instant() + budget,
            store,
            trouble: OnceCell::new(),
            done: Cell::new(0),
            total: Cell::new(0),
        }
    }

    /// Closes the store. An error when not everything was kept.
    pub(super) async fn close(self) -> Result<(), CliError> {
        if let Some(trouble) = self.trouble.into_inner() {
            return Err(trouble.into());
        }
        match self.store {
            Some(store) => Ok(store.close().await?),
            None => Ok(()),
        }
    }

    async fn run(&self, catalog: &Catalog, args: &ProbeArgs) -> Result<Vec<Answer>, CliError> {
        let names = &args.names;
        if args.ladder {
            let routes = probe::routes(catalog, names)?;
            self.total.set(routes.len());
            return Ok(stream::iter(routes)
                .map(|route| self.ladder(catalog, route))
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

    async fn ladder(&self, catalog: &Catalog, route: &Route) -> Answer {
        let mut climb = Climb::default();
        let why = if let Some(why) = self.over() {
            Some(why.to_owned())
        } else {
            let mut each = |rung: &RungResult| {
                tell(&format!(
                    "  {} {}: {} {}",
                    rung.route, rung.rung, rung.verdict, rung.evidence
                ));
            };
            let climbed = self.prober.climb(catalog, route, &mut climb, &mut each);
            match timeout_at(self.deadline.into(), climbed).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(OVER.to_owned()),
            }
        };
        let answer = match why {
            None => Answer::Ladder(climb),
            Some(why) => Answer::none(route, None, why, self.clock.now(), climb),
        };
        self.finished(&answer).await;
        answer
    }

    async fn job(&self, job: Job<'_>) -> Answer {
        let now = self.clock.now();
        let none = |why: &str, requests| {
            let so_far = Climb {
                requests,
                ..Climb::default()
            };
            Answer::none(job.route, Some(job.sample), why, now, so_far)
        };
        let answer = if let Some(why) = self.over() {
            none(why, 0)
        } else {
            let mut hear = |_| ();
            let sample = self
                .prober
                .sample(job.workload, job.sample, job.route, &mut hear);
            match timeout_at(self.deadline.into(), sample).await {
                Ok(Ok(result)) => Answer::Sample(Box::new(result)),
                Ok(Err(error)) => none(&error.to_string(), 0),
                // It was sent, and is paid for.
                Err(_) => none(OVER, 1),
            }
        };
        self.finished(&answer).await;
        answer
    }

    /// Why nothing more is sent.
    fn over(&self) -> Option<&'static str> {
        if self.trouble.get().is_some() {
            return Some("the store does not keep what is found");
        }
        (Clock::instant() >= self.deadline).then_some(OVER)
    }

    /// Tells of an answer and keeps it.
    async fn finished(&self, answer: &Answer) {
        self.done.set(self.done.get() + 1);
        tell(&format!(
            "{}/{} {}",
            self.done.get(),
            self.total.get(),
            answer.line()
        ));
        if let Some(store) = self.store
            && let Err(error) = keep(store, answer).await
        {
            // The first one says why; the others would say the same.
            let _ = self.trouble.set(error);
        }
    }
}

/// Keeps what was found and counts what it cost.
async fn keep(store: &Store, answer: &Answer) -> Result<(), StoreError> {
    let mut records = answer.records();
    if let Answer::None { .. } = answer {
        // The schedule goes by the first rung of a ladder: it must not take this one for climbed.
        records.retain(|record| record.key().subject != ProbeSubject::Rung(Rung::Key));
    }
    if !records.is_empty() {
        store.put_probes(records).await?;
    }
    for spent in answer.spent() {
        store.spend(spent).await?;
    }
    Ok(())
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
