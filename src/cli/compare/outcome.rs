//! What a comparison came to: every pair with its verdict, and whether the fallback meets its bar. As JSON this is
//! what `--json` prints; its names are a promise.

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use serde::Serialize;

use super::pair::{Bar, Held, Pair, Side};
use crate::{
    cli::probe_text::amount_text,
    control::Sheet,
    model::{
        Answer, Basis, ComparedRoute, Cost, PayloadClass, ReviewedSample, SampleId, Spent,
        WorkloadName,
    },
    probe::Comparison,
    review::{self, Contrast, Scores, Spread, Variance},
};

/// All pairs of one sample.
#[derive(Debug, Serialize)]
pub(super) struct Sampled {
    pub(super) sample: SampleId,
    pub(super) class: PayloadClass,
    /// Another body was sent than the sample's own.
    pub(super) edited: bool,
    pub(super) pairs: Vec<Pair>,
    /// How much each route varies by itself; of several runs only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variance: Option<Varies>,
}

/// Several runs of one sample.
#[derive(Debug, Serialize)]
pub(super) struct Varies {
    pub(super) primary: Variance,
    pub(super) fallback: Variance,
    pub(super) contrast: Contrast,
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
    /// What the first run of all samples says in numbers.
    pub(super) scores: Scores,
    pub(super) samples: Vec<Sampled>,
    /// What it took.
    pub(super) requests: u64,
    /// By currency; what is not known counts nothing.
    pub(super) costs: BTreeMap<String, f64>,
}

/// How much runs vary; nothing of a single one.
fn varies(pairs: &[Pair]) -> Option<Varies> {
    let answers = |side: fn(&Pair) -> &Side| -> Vec<Answer> {
        let sides = pairs.iter().map(side);
        sides
            .filter_map(|side| side.as_ref().ok())
            .map(|answer| Answer::clone(answer))
            .collect()
    };
    let (primary, fallback) = (
        answers(|pair| &pair.primary),
        answers(|pair| &pair.fallback),
    );
    (pairs.len() > 1).then(|| Varies {
        primary: review::variance(&primary),
        fallback: review::variance(&fallback),
        contrast: review::contrast(&primary, &fallback),
    })
}

impl Varies {
    /// In words, a line for each route and one for both.
    pub(super) fn lines(&self) -> Vec<String> {
        let contrast = self.contrast.to_string();
        let contrast = contrast
            .replace("between A and B", "between the two")
            .replace("within A", "within the primary")
            .replace("within B", "within the fallback");
        vec![
            format!("primary   {}", told(&self.primary)),
            format!("fallback  {}", told(&self.fallback)),
            contrast,
        ]
    }
}

fn told(variance: &Variance) -> String {
    let mut text = format!(
        "{} of {} answered, {} different",
        variance.answered, variance.runs, variance.distinct
    );
    let spread = |name, spread: Option<Spread>| {
        spread.map_or_else(String::new, |it| {
            format!(", {name} {:.2} to {:.2} s", it.min, it.max)
        })
    };
    text += &spread("first output", variance.first_output);
    text += &spread("total", variance.total);
    for check in variance.checks.iter().filter(|check| check.flaky()) {
        let (passed, all) = (check.passed, check.passed + check.failed);
        let _ = write!(text, ", passes in {passed} of {all}: {}", check.check);
    }
    text
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
                    variance: None,
                }),
            }
        }
        for sample in &mut samples {
            sample.variance = varies(&sample.pairs);
        }
        // A sample counts once, however often it ran.
        let first: Vec<ReviewedSample> = samples
            .iter()
            .filter_map(|sample| sample.pairs.first()?.reviewed())
            .collect();
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
            scores: review::scores(&first),
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
        let samples = self.samples.iter();
        let samples = samples.filter_map(|sampled| sampled.pairs.first()?.reviewed());
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
