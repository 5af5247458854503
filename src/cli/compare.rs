//! `compare`: what differs between the answers of a workload's two routes, for people, tickets and CI.
//!
//! It asks past the gateway, so no traffic moves. It records no review and gives no verdict: what it ends with is
//! only whether the fallback does what the primary does, as far as checks and shapes can say.

mod markdown;
mod outcome;
mod pair;
mod rows;
pub(super) mod strip;
mod text;
mod wrap;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::{self, Read as _},
    path::Path,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::{
    task::{LocalSet, spawn_blocking},
    time::timeout_at,
};

use super::{
    args::{CompareArgs, Global},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream},
    probe::{hurry, tell},
    samples,
    session::{self, Session},
};
use crate::{
    clock::Clock,
    config::Keys,
    model::{Answer, Catalog, Place, Spent},
    probe::{self, Advice, Comparison, Judge, News, Payload, Prober, Seat},
    store::{Access, Store},
    wire::upstream::Tls,
};
use outcome::Outcome;
use pair::{Bar, Side};

pub(super) use pair::Pair;
pub(super) use rows::Row;

/// How many pairs are judged at once.
const JUDGED_AT_ONCE: usize = 4;
/// The longest time for all answers to be judged.
const LONGEST: Duration = Duration::from_mins(10);
/// The largest body that is read.
const LARGEST: u64 = 32 << 20;

/// Compares and prints. Negative when the fallback falls behind, or something could not be compared.
pub(super) async fn run(global: &Global, args: CompareArgs) -> Result<Exit, CliError> {
    let mut catalog = session::catalog_with(global, Keys::IfThere)?;
    if let Some(limit) = args.timeout {
        hurry(&mut catalog, limit);
    }
    let workload = probe::workload(&catalog, args.workload.as_str())?;
    let mut comparison = Comparison::of(&catalog, workload, &args.sample)?;
    comparison.runs = usize::from(args.runs);
    if let Some(path) = &args.body {
        edit(&catalog, &mut comparison, path).await?;
    }
    let judge = args.judge.as_deref();
    let judge = judge.map(|name| Judge::of(&catalog, workload, name));
    let judge = judge.transpose()?;
    let estimate = comparison.estimate().await?;
    if args.estimate {
        if args.json {
            output::json(&estimate)?;
        } else {
            output::line(&estimate)?;
        }
        return Ok(Exit::Done);
    }
    if let Some(path) = args.sheet.as_deref().filter(|path| path.exists()) {
        let there = format!(
            "{} is there already; --sheet writes a new file",
            path.display()
        );
        return Err(CliError::Usage(there));
    }
    let clock = Clock::system();
    // Opened first: what cannot be counted should not be spent.
    let store = if args.no_store || global.observe {
        None
    } else {
        Some(Store::open(&catalog.store, Access::Write, clock.clone()).await?)
    };
    tell(&format!(
        "{} with {}: {estimate}",
        comparison.primary.name, comparison.fallback.name
    ));
    let asking = Asking {
        prober: Prober::new(Tls::new().into(), clock.clone()),
        comparison: &comparison,
        judge,
        bar: Bar {
            percent: args.fail_under,
            same_shape: args.same_shape,
        },
        deadline: Clock::instant() + args.budget,
    };
    let pairs = LocalSet::new().run_until(asking.pairs()).await;
    let outcome = Outcome::new(&comparison, clock.now(), asking.bar, pairs);
    if let Some(store) = store {
        for spent in outcome.spent() {
            store.spend(spent).await?;
        }
        store.close().await?;
    }
    if let Some(path) = &args.sheet {
        let sheet = serde_json::to_vec(&outcome.sheet(&comparison)).map_err(io::Error::from)?;
        samples::write(path, &sheet)?;
        output::talk(format_args!(
            "both answers to each sample stand in {}",
            path.display()
        ));
    }
    if args.json {
        output::json(&outcome)?;
    } else if args.markdown {
        output::line(markdown::render(&outcome))?;
    } else {
        let paint = Paint::of(Stream::Out);
        output::line(text::render(&outcome, args.full, output::columns(), paint))?;
    }
    output::talk(outcome.summary());
    Ok(if outcome.passed {
        Exit::Done
    } else {
        Exit::Reserved
    })
}

/// Both answers to each sample, asked once, for somebody who judges them. What they cost is counted.
pub(super) async fn answers(
    comparison: &Comparison<'_>,
    session: &Session,
) -> Result<Vec<Pair>, CliError> {
    let asking = Asking {
        prober: Prober::new(Tls::new().into(), session.clock.clone()),
        comparison,
        judge: None,
        bar: Bar {
            percent: 100,
            same_shape: false,
        },
        deadline: Clock::instant() + LONGEST,
    };
    let pairs = asking.pairs().await;
    for spent in Spent::of(pairs.iter().flat_map(Pair::results)) {
        session.store.spend(spent).await?;
    }
    Ok(pairs)
}

/// Puts another body in the place of the only sample's.
async fn edit(
    catalog: &Catalog,
    comparison: &mut Comparison<'_>,
    path: &Path,
) -> Result<(), CliError> {
    let [payload] = comparison.payloads.as_mut_slice() else {
        let words = "--body is sent instead of one sample's body: say with --sample whose class and checks count";
        return Err(CliError::Usage(words.to_owned()));
    };
    let (from, name) = (path.to_owned(), path.display().to_string());
    // Not in the way of a signal: nobody may finish typing.
    let body = spawn_blocking(move || read(&from))
        .await
        .map_err(io::Error::other)?;
    let body = body.map_err(|error| CliError::Usage(format!("cannot read {name}: {error}")))?;
    match probe::findings_of(catalog, comparison.workload, payload.sample, &body) {
        Ok(findings) => findings.iter().for_each(output::talk),
        Err(error) => return Err(CliError::Usage(format!("{name}: {error}"))),
    }
    payload.body = Some(Bytes::from(body));
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let source: Box<dyn io::Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(std::fs::File::open(path)?)
    };
    source.take(LARGEST).read_to_end(&mut body)?;
    Ok(body)
}

struct Asking<'c> {
    prober: Prober,
    comparison: &'c Comparison<'c>,
    judge: Option<Judge<'c>>,
    bar: Bar,
    deadline: std::time::Instant,
}

impl Asking<'_> {
    /// Asks everything; what is not done in time was not compared.
    async fn pairs(&self) -> Vec<Pair> {
        let answers = RefCell::new(BTreeMap::new());
        let done = Cell::new(0);
        let hear = |seat: &Seat, news: News| {
            let side: Side = match news {
                News::Sent | News::Step(_) => return,
                News::Answered(answer) => Ok(answer),
                News::Unsent(error) => Err(error.to_string()),
            };
            done.set(done.get() + 1);
            tell(&self.progress(seat, &side, done.get()));
            answers.borrow_mut().insert(seat.clone(), side);
        };
        let all = self.prober.compare(self.comparison, &hear);
        let _ = timeout_at(self.deadline.into(), all).await;
        let mut answers = answers.into_inner();
        let mut take = |payload: &Payload<'_>, run, place| {
            let sample = payload.sample.id.clone();
            let seat = Seat { sample, run, place };
            let late = || Err("the time for all (--budget) was over".to_owned());
            answers.remove(&seat).unwrap_or_else(late)
        };
        let mut pairs = Vec::new();
        for payload in &self.comparison.payloads {
            for run in 0..self.comparison.runs {
                let primary = take(payload, run, Place::Primary);
                let fallback = take(payload, run, Place::Fallback);
                pairs.push(Pair::new(payload, run, self.bar, primary, fallback));
            }
        }
        self.judged(pairs).await
    }

    fn progress(&self, seat: &Seat, side: &Side, done: usize) -> String {
        let total = self.comparison.requests();
        let route = &self.comparison.route(seat.place).name;
        let how = match side {
            Ok(answer) => strip::status(answer),
            Err(why) => format!("not asked: {why}"),
        };
        format!("{done}/{total} {} to {route}: {how}", seat.sample)
    }

    /// Has every pair judged, where a judge was named.
    async fn judged(&self, pairs: Vec<Pair>) -> Vec<Pair> {
        let Some(judge) = &self.judge else {
            return pairs;
        };
        tell("asking the judge, in both orders");
        let judged = stream::iter(pairs).map(|mut pair| async move {
            if let (Ok(primary), Ok(fallback)) = (&pair.primary, &pair.fallback) {
                let advice = self.advice(judge, &pair, primary, fallback);
                let advice = timeout_at(self.deadline.into(), advice).await;
                pair.advice = Some(advice.unwrap_or_else(|_| {
                    let why = "the time for all (--budget) was over";
                    Err(why.to_owned())
                }));
            }
            pair
        });
        judged.buffered(JUDGED_AT_ONCE).collect().await
    }

    async fn advice(
        &self,
        judge: &Judge<'_>,
        pair: &Pair,
        primary: &Answer,
        fallback: &Answer,
    ) -> Result<Advice, String> {
        let mut payloads = self.comparison.payloads.iter();
        let payload = payloads.find(|payload| payload.sample.id == pair.sample);
        let body = match payload {
            Some(payload) => payload.read().await.map_err(|error| error.to_string())?,
            None => Bytes::new(),
        };
        let advice = self.prober.judge(judge, &body, primary, fallback).await;
        advice.map_err(|error| error.to_string())
    }
}
