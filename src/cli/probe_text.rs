//! What probes found, as tables and lines for people.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::json;

use super::{
    output::{Paint, Tone},
    table::Table,
};
use crate::{
    model::{
        CheckResult, ProbeRecord, ProbeResult, Route, RouteName, RungResult, Sample, SampleId,
        Spent, Verdict,
    },
    probe::Climb,
};

/// What became of one thing to probe.
pub(super) enum Answer {
    /// A sample was sent.
    Sample(Box<ProbeResult>),
    /// A ladder was climbed.
    Ladder(Climb),
    /// It could not be sent, or not to its end.
    None {
        route: RouteName,
        sample: Option<SampleId>,
        why: String,
        at: Timestamp,
        /// What was found and sent before.
        so_far: Climb,
    },
}

impl Answer {
    pub(super) fn none(
        route: &Route,
        sample: Option<&Sample>,
        why: impl Into<String>,
        at: Timestamp,
        so_far: Climb,
    ) -> Self {
        Self::None {
            route: route.name.clone(),
            sample: sample.map(|sample| sample.id.clone()),
            why: why.into(),
            at,
            so_far,
        }
    }

    pub(super) fn passed(&self) -> bool {
        match self {
            Self::Sample(result) => result.verdict() == Verdict::Passed,
            Self::Ladder(climb) => climb
                .rungs
                .iter()
                .all(|rung| rung.verdict != Verdict::Failed),
            Self::None { .. } => false,
        }
    }

    /// As the store keeps it.
    pub(super) fn records(&self) -> Vec<ProbeRecord> {
        match self {
            Self::Sample(result) => vec![ProbeRecord::Sample(result.clone())],
            Self::Ladder(climb) | Self::None { so_far: climb, .. } => {
                let rungs = climb.rungs.iter().cloned().map(Box::new);
                let samples = climb.samples.iter().cloned().map(Box::new);
                rungs
                    .map(ProbeRecord::Rung)
                    .chain(samples.map(ProbeRecord::Sample))
                    .collect()
            }
        }
    }

    /// What it cost, for the budget of probing.
    pub(super) fn spent(&self) -> Vec<Spent> {
        let (route, at, requests) = match self {
            Self::Sample(result) => return Spent::of([&**result]),
            Self::Ladder(climb) => match climb.rungs.first() {
                Some(first) => (&first.route, first.at, climb.requests),
                None => return Vec::new(),
            },
            Self::None { so_far, .. } if so_far.requests == 0 => return Vec::new(),
            Self::None {
                route, at, so_far, ..
            } => (route, *at, so_far.requests),
        };
        let records = self.records();
        let costs = records.iter().filter_map(ProbeRecord::cost);
        vec![Spent {
            route: route.clone(),
            hour: Spent::hour_of(at),
            requests,
            cost: costs.map(|cost| cost.amount).sum(),
        }]
    }

    pub(super) fn as_error(&self) -> Option<serde_json::Value> {
        match self {
            Self::None {
                route, sample, why, ..
            } => Some(json!({"route": route, "sample": sample, "why": why})),
            Self::Sample(_) | Self::Ladder(_) => None,
        }
    }

    /// In one line, for progress.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Sample(result) => format!(
                "{} to {}: {} in {}",
                result.sample,
                result.route,
                result.verdict(),
                time(Some(result.total))
            ),
            Self::Ladder(climb) => {
                let route = climb.rungs.first().map(|rung| rung.route.to_string());
                let word = if self.passed() { "holds" } else { "broken" };
                format!("ladder of {}: {word}", route.unwrap_or_default())
            }
            Self::None { route, why, .. } => format!("{route}: not probed: {why}"),
        }
    }
}

/// Tables of samples and rungs, and a line for everything that is not as it should be.
pub(super) fn render(answers: &[Answer], paint: Paint) -> String {
    let mut samples = Table::new(&[
        "VERDICT", "SAMPLE", "ROUTE", "STATUS", "HEAD", "FIRST", "TOTAL", "TOKENS", "TOK/S",
        "COST", "FINISH", "CHECKS",
    ]);
    let mut rungs = Table::new(&["VERDICT", "ROUTE", "RUNG", "EVIDENCE"]);
    let (mut has_samples, mut has_rungs) = (false, false);
    let mut notes = Vec::new();
    for answer in answers {
        match answer {
            Answer::Sample(result) => {
                has_samples = true;
                sample_row(&mut samples, result);
                if let Some(why) = result.why() {
                    notes.push(format!("{} to {}: {why}", result.sample, result.route));
                }
            }
            Answer::Ladder(climb) => {
                has_rungs = true;
                for rung in &climb.rungs {
                    rung_row(&mut rungs, rung);
                }
            }
            Answer::None {
                route,
                sample,
                why,
                so_far,
                ..
            } => {
                for rung in &so_far.rungs {
                    has_rungs = true;
                    rung_row(&mut rungs, rung);
                }
                let what = sample.as_ref().map_or_else(
                    || route.to_string(),
                    |sample| format!("{sample} to {route}"),
                );
                let far = if so_far.requests > 0 {
                    " to its end"
                } else {
                    ""
                };
                notes.push(format!("{what}: not probed{far}: {why}"));
            }
        }
    }
    let mut parts = Vec::new();
    if has_samples {
        parts.push(samples.render(paint));
    }
    if has_rungs {
        parts.push(rungs.render(paint));
    }
    let notes: Vec<String> = notes
        .iter()
        .map(|note| crate::model::visible(note, 400).into_owned())
        .collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

/// What it all comes to, in one line.
pub(super) fn summary(answers: &[Answer]) -> String {
    let records: Vec<ProbeRecord> = answers.iter().flat_map(Answer::records).collect();
    let mut costs: BTreeMap<&str, f64> = BTreeMap::new();
    for cost in records.iter().filter_map(ProbeRecord::cost) {
        *costs.entry(&cost.currency).or_default() += cost.amount;
    }
    let costs = costs
        .iter()
        .fold(String::new(), |text, (currency, amount)| {
            text + ", " + &amount_text(*amount) + " " + currency
        });
    let passed = answers.iter().filter(|answer| answer.passed()).count();
    format!("{passed} of {} passed{costs}", answers.len())
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Passed => Tone::Good,
        Verdict::Failed => Tone::Bad,
        Verdict::Skipped => Tone::Attention,
    }
}

fn sample_row(table: &mut Table, result: &ProbeResult) {
    let verdict = result.verdict();
    let count = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let status = match &result.failure {
        Some(failure) => failure.class.to_string(),
        None => count(result.status.map(u64::from)),
    };
    let tokens = format!(
        "{}/{}",
        count(result.usage.input),
        count(result.usage.output)
    );
    let speed = result
        .tokens_per_second()
        .map_or("-".to_owned(), |speed| format!("{speed:.0}"));
    let cost = result.cost.as_ref().map_or("-".to_owned(), |cost| {
        format!("{} {}", amount_text(cost.amount), cost.currency)
    });
    table.row(
        tone(verdict),
        &[
            verdict.as_str(),
            result.sample.as_str(),
            result.route.as_str(),
            &status,
            &time(result.headers),
            &time(result.first_output),
            &time(Some(result.total)),
            &tokens,
            &speed,
            &cost,
            result.finish.as_deref().unwrap_or("-"),
            &checks(&result.checks),
        ],
    );
}

fn checks(checks: &[CheckResult]) -> String {
    let count = |verdict| checks.iter().filter(|it| it.verdict == verdict).count();
    let skipped = count(Verdict::Skipped);
    let text = format!("{}/{}", count(Verdict::Passed), checks.len());
    if skipped > 0 {
        format!("{text} ({skipped} unsure)")
    } else {
        text
    }
}

fn rung_row(table: &mut Table, rung: &RungResult) {
    let evidence = match rung.class {
        Some(class) => format!("{class}: {}", rung.evidence),
        None => rung.evidence.clone(),
    };
    table.row(
        tone(rung.verdict),
        &[
            rung.verdict.as_str(),
            rung.route.as_str(),
            &rung.rung.to_string(),
            &evidence,
        ],
    );
}

fn time(time: Option<Duration>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time) if time < Duration::from_secs(10) => format!("{}ms", time.as_millis()),
        Some(time) => format!("{:.1}s", time.as_secs_f64()),
    }
}

/// As many digits as say something.
pub(super) fn amount_text(amount: f64) -> String {
    if amount >= 0.01 {
        format!("{amount:.2}")
    } else {
        format!("{amount:.6}")
    }
}
