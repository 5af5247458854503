//! What a comparison came to: every pair with its verdict, and whether the fallback meets its bar. As JSON this is
//! what `--json` prints; its names are a promise.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::rows::{self, Row};
use crate::{
    cli::probe_text::amount_text,
    control::Sheet,
    model::{
        Answer, Basis, ComparedRoute, Cost, PayloadClass, Place, ReviewedSample, SampleId, Spent,
        Verdict, WorkloadName,
    },
    probe::{Advice, Comparison, Payload},
    review::{self, Mark},
};

/// An answer, or why nothing was asked.
pub(super) type Side = Result<Box<Answer>, String>;

/// What the fallback must come to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Bar {
    /// The share of pairs that must hold.
    pub(super) percent: u8,
    /// Whether another shape falls.
    pub(super) same_shape: bool,
}

/// How a pair came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Held {
    /// The fallback does what the primary does.
    Holds,
    /// It does not.
    Falls,
    /// There is nothing to measure it by.
    Unsure,
}

/// Both answers to one sample.
#[derive(Debug, Serialize)]
pub(super) struct Pair {
    #[serde(skip)]
    pub(super) sample: SampleId,
    #[serde(skip)]
    pub(super) class: PayloadClass,
    #[serde(skip)]
    pub(super) edited: bool,
    /// Which time, from 1.
    pub(super) run: usize,
    pub(super) held: Held,
    /// Why it does not hold, or cannot be said.
    pub(super) why: Vec<String>,
    #[serde(serialize_with = "side")]
    pub(super) primary: Side,
    #[serde(serialize_with = "side")]
    pub(super) fallback: Side,
    /// Rows that differ.
    pub(super) differences: Vec<Row>,
    /// How many rows do not.
    pub(super) same: usize,
    /// What else must be said of the answers.
    pub(super) remarks: Vec<String>,
    /// What a judge says: advice, not a verdict.
    #[serde(serialize_with = "advice", skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<Result<Advice, String>>,
    /// Rows that are the same, for people who want to see them.
    #[serde(skip)]
    pub(super) rows: Vec<Row>,
}

/// All pairs of one sample.
#[derive(Debug, Serialize)]
pub(super) struct Sampled {
    pub(super) sample: SampleId,
    pub(super) class: PayloadClass,
    /// Another body was sent than the sample's own.
    pub(super) edited: bool,
    pub(super) pairs: Vec<Pair>,
}

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) workload: WorkloadName,
    pub(super) at: Timestamp,
    pub(super) primary: ComparedRoute,
    pub(super) fallback: ComparedRoute,
    pub(super) runs: usize,
    pub(super) bar: Bar,
    /// The fallback meets its bar, and every pair could be compared.
    pub(super) passed: bool,
    pub(super) holds: usize,
    pub(super) falls: usize,
    pub(super) unsure: usize,
    pub(super) samples: Vec<Sampled>,
    /// What it took.
    pub(super) requests: u64,
    /// By currency; what is not known counts nothing.
    pub(super) costs: BTreeMap<String, f64>,
}

fn side<S: Serializer>(side: &Side, serializer: S) -> Result<S::Ok, S::Error> {
    match side {
        Ok(answer) => answer.serialize(serializer),
        Err(why) => BTreeMap::from([("unsent", why)]).serialize(serializer),
    }
}

#[expect(clippy::ref_option, reason = "as serde calls it")]
fn advice<S: Serializer>(
    advice: &Option<Result<Advice, String>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match advice {
        Some(Ok(advice)) => advice.serialize(serializer),
        Some(Err(why)) => BTreeMap::from([("unsent", why)]).serialize(serializer),
        None => serializer.serialize_none(),
    }
}

impl Pair {
    /// Compares two answers.
    pub(super) fn new(
        payload: &Payload<'_>,
        run: usize,
        bar: Bar,
        primary: Side,
        fallback: Side,
    ) -> Self {
        let class = payload.sample.class;
        let (mut rows, mut remarks) = (Vec::new(), Vec::new());
        if let (Ok(a), Ok(b)) = (&primary, &fallback)
            && a.result.failure.is_none()
            && b.result.failure.is_none()
        {
            let found = review::compare(class, a, b);
            rows = rows::rows(&found, a, b);
            remarks = found.remarks.iter().map(|remark| named(remark)).collect();
            if found.coarse {
                let words = "too large to be compared as finely as smaller answers";
                remarks.push(words.to_owned());
            }
        }
        let differs = |row: &Row| row.mark != Mark::Same;
        let mut pair = Self {
            sample: payload.sample.id.clone(),
            class,
            edited: payload.body.is_some(),
            run: run + 1,
            held: Held::Unsure,
            why: Vec::new(),
            differences: rows.iter().filter(|row| differs(row)).cloned().collect(),
            same: rows.iter().filter(|row| !differs(row)).count(),
            primary,
            fallback,
            remarks,
            advice: None,
            rows,
        };
        (pair.held, pair.why) = pair.judge(bar);
        pair
    }

    /// Whether the fallback does what the primary does, and why not.
    fn judge(&self, bar: Bar) -> (Held, Vec<String>) {
        let unsure = |why: String| (Held::Unsure, vec![why]);
        let (primary, fallback) = match (&self.primary, &self.fallback) {
            (Ok(primary), Ok(fallback)) => (primary, fallback),
            (Err(why), _) | (_, Err(why)) => return unsure(why.clone()),
        };
        if let Some(failure) = &primary.result.failure {
            return unsure(format!(
                "the primary has no answer: {}: {}",
                failure.class, failure.detail
            ));
        }
        let mut why = Vec::new();
        if let Some(failure) = &fallback.result.failure {
            why.push(format!("no answer: {}: {}", failure.class, failure.detail));
        }
        // Both have the checks of the sample, in its order.
        let checks = primary.result.checks.iter().zip(&fallback.result.checks);
        for (of_primary, of_fallback) in checks {
            if of_primary.verdict == Verdict::Passed && of_fallback.verdict == Verdict::Failed {
                why.push(format!("{}: {}", of_fallback.check, of_fallback.detail));
            }
        }
        if bar.same_shape {
            let shapes = self.differences.iter().filter(|row| row.is_another_shape());
            why.extend(shapes.map(|row| format!("{} {}", row.at, words(row.mark))));
        }
        let held = if why.is_empty() {
            Held::Holds
        } else {
            Held::Falls
        };
        (held, why)
    }

    fn results(&self) -> impl Iterator<Item = &crate::model::ProbeResult> {
        let sides = [&self.primary, &self.fallback].into_iter();
        sides.filter_map(|side| Some(&side.as_ref().ok()?.result))
    }

    fn advice(&self) -> Option<&Advice> {
        self.advice.as_ref()?.as_ref().ok()
    }
}

/// A mark in a sentence.
pub(super) const fn words(mark: Mark) -> &'static str {
    match mark {
        Mark::Same => "is the same",
        Mark::Changed => "differs",
        Mark::TypeChanged => "has another type",
        Mark::OnlyA => "is missing in the fallback",
        Mark::OnlyB => "is only in the fallback",
    }
}

/// Remarks know two sides; here they have names.
fn named(remark: &str) -> String {
    for (side, name) in [("A ", "the primary "), ("B ", "the fallback ")] {
        if let Some(rest) = remark.strip_prefix(side) {
            return format!("{name}{rest}");
        }
    }
    remark.to_owned()
}

impl Outcome {
    /// Measures all pairs by a bar.
    pub(super) fn new(
        comparison: &Comparison<'_>,
        at: Timestamp,
        bar: Bar,
        pairs: Vec<Pair>,
    ) -> Self {
        let count = |wanted| pairs.iter().filter(|it| it.held == wanted).count();
        let (holds, falls, unsure) = (count(Held::Holds), count(Held::Falls), count(Held::Unsure));
        let mut requests = 0;
        let mut costs = BTreeMap::<String, f64>::new();
        let mut spend = |number: u64, cost: Option<&Cost>| {
            requests += number;
            if let Some(cost) = cost {
                *costs.entry(cost.currency.clone()).or_default() += cost.amount;
            }
        };
        for pair in &pairs {
            pair.results().for_each(|it| spend(1, it.cost.as_ref()));
            if let Some(advice) = pair.advice() {
                spend(advice.requests, advice.cost.as_ref());
            }
        }
        let mut samples: Vec<Sampled> = Vec::new();
        for pair in pairs {
            match samples.last_mut() {
                Some(last) if last.sample == pair.sample => last.pairs.push(pair),
                Some(_) | None => samples.push(Sampled {
                    sample: pair.sample.clone(),
                    class: pair.class,
                    edited: pair.edited,
                    pairs: vec![pair],
                }),
            }
        }
        Self {
            workload: comparison.workload.name.clone(),
            at,
            primary: ComparedRoute::of(comparison.primary),
            fallback: ComparedRoute::of(comparison.fallback),
            runs: comparison.runs,
            bar,
            passed: unsure == 0
                && holds + falls > 0
                && holds * 100 >= usize::from(bar.percent) * (holds + falls),
            holds,
            falls,
            unsure,
            samples,
            requests,
            costs,
        }
    }

    /// Every pair.
    pub(super) fn pairs(&self) -> impl Iterator<Item = &Pair> {
        self.samples.iter().flat_map(|sample| &sample.pairs)
    }

    /// Both answers to each sample, to be judged elsewhere; what could not be asked is not in it.
    pub(super) fn sheet(&self, comparison: &Comparison<'_>) -> Sheet {
        let samples = self.samples.iter().filter_map(|sampled| {
            let first = sampled.pairs.first()?;
            let (Ok(primary), Ok(fallback)) = (&first.primary, &first.fallback) else {
                return None;
            };
            Some(ReviewedSample {
                sample: sampled.sample.clone(),
                class: sampled.class,
                primary: primary.as_ref().clone(),
                fallback: fallback.as_ref().clone(),
                side_a: Place::Primary,
                judgement: None,
                note: String::new(),
            })
        });
        Sheet::of_comparison(
            self.workload.clone(),
            Basis::of(comparison.workload, comparison.primary, comparison.fallback),
            self.at,
            samples.collect(),
        )
    }

    /// What it took, for the budget of probing.
    pub(super) fn spent(&self) -> Vec<Spent> {
        let mut spent = Spent::of(self.pairs().flat_map(Pair::results));
        spent.extend(self.pairs().filter_map(Pair::advice).map(|advice| Spent {
            route: advice.judge.clone(),
            hour: Spent::hour_of(self.at),
            requests: advice.requests,
            cost: advice.cost.as_ref().map_or(0.0, |cost| cost.amount),
        }));
        spent
    }

    /// In a line: how many pairs hold, whether that is enough, and what it took.
    pub(super) fn summary(&self) -> String {
        let (holds, measured) = (self.holds, self.holds + self.falls);
        let mut text = format!(
            "the fallback holds in {holds} of {measured} pairs (at least {} % must)",
            self.bar.percent
        );
        let differ = self.pairs().filter(|pair| !pair.differences.is_empty());
        let _ = write!(text, "; {} differ", differ.count());
        if self.unsure > 0 {
            let _ = write!(text, "; {} could not be compared", self.unsure);
        }
        let _ = write!(text, "; {} requests", self.requests);
        for (currency, amount) in &self.costs {
            let _ = write!(text, ", {} {currency}", amount_text(*amount));
        }
        text
    }
}
