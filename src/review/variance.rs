//! How much answers differ from run to run of the same request, so that a difference between two routes can be
//! told from noise within one.
//!
//! Called for `compare --runs N` and the compare screen.

use std::{collections::HashSet, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{interval::Spread, token::Numbers, wording::Wording};
use crate::model::{Answer, Verdict};

/// More runs are not compared with each other: their number of pairs grows too fast.
const MOST: usize = 50;

/// Runs of the same sample on the same route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variance {
    /// How many runs.
    pub runs: usize,
    /// Of them, with an answer, whole.
    pub answered: usize,
    /// How many different texts they gave, white space not counted.
    pub distinct: usize,
    /// Shared wording of every two answers ([`super::similarity`]); `None`: fewer than two.
    pub similarity: Option<Spread>,
    /// From sending to the first output, in seconds.
    pub first_output: Option<Spread>,
    /// From sending to the end, in seconds, of the runs with an answer.
    pub total: Option<Spread>,
    /// Each check over the runs.
    pub checks: Vec<CheckRuns>,
}

/// One check over several runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRuns {
    /// The check in words.
    pub check: String,
    /// How often it passed.
    pub passed: usize,
    /// How often it failed.
    pub failed: usize,
}

impl CheckRuns {
    /// It passes sometimes, and sometimes not: one run proves nothing.
    #[must_use]
    pub const fn flaky(&self) -> bool {
        self.passed > 0 && self.failed > 0
    }
}

/// Describes several runs of one sample on one route.
#[must_use]
pub fn variance(runs: &[Answer]) -> Variance {
    let answered: Vec<&Answer> = answered(runs);
    let seconds = |of: &dyn Fn(&Answer) -> Option<Duration>| {
        Spread::new(
            answered
                .iter()
                .filter_map(|answer| of(answer))
                .map(|time| time.as_secs_f64())
                .collect(),
        )
    };
    let mut numbers = Numbers::default();
    let texts = said(&answered, &mut numbers);
    let distinct: HashSet<&String> = texts.iter().map(|(text, _)| text).collect();
    Variance {
        runs: runs.len(),
        answered: answered.len(),
        distinct: distinct.len(),
        similarity: within(&texts),
        first_output: seconds(&|answer| answer.result.first_output),
        total: seconds(&|answer| Some(answer.result.total)),
        checks: checks(&answered),
    }
}

fn answered(runs: &[Answer]) -> Vec<&Answer> {
    runs.iter()
        .filter(|answer| answer.result.failure.is_none())
        .collect()
}

/// What each run said, without regard to white space, and its wording: text and calls.
fn said(runs: &[&Answer], numbers: &mut Numbers<'_>) -> Vec<(String, Wording)> {
    runs.iter()
        .map(|answer| {
            let calls = answer.tools.iter();
            let parts: Vec<&str> = calls
                .flat_map(|call| [call.name.as_str(), call.arguments.as_str()])
                .chain([answer.text.as_str()])
                .flat_map(str::split_whitespace)
                .collect();
            let text = parts.join(" ");
            let wording = Wording::of(&text, numbers);
            (text, wording)
        })
        .collect()
}

fn alike(one: &(String, Wording), other: &(String, Wording)) -> f64 {
    if one.0 == other.0 {
        1.0
    } else {
        one.1.likeness(&other.1)
    }
}

fn within(texts: &[(String, Wording)]) -> Option<Spread> {
    let texts = &texts[..texts.len().min(MOST)];
    let pairs = texts
        .iter()
        .enumerate()
        .flat_map(|(place, one)| texts[..place].iter().map(move |other| alike(one, other)));
    Spread::new(pairs.collect())
}

fn checks(runs: &[&Answer]) -> Vec<CheckRuns> {
    let mut all: Vec<CheckRuns> = Vec::new();
    for check in runs.iter().flat_map(|answer| &answer.result.checks) {
        let place = all.iter().position(|it| it.check == check.check);
        let place = place.unwrap_or_else(|| {
            all.push(CheckRuns {
                check: check.check.clone(),
                passed: 0,
                failed: 0,
            });
            all.len() - 1
        });
        match check.verdict {
            Verdict::Passed => all[place].passed += 1,
            Verdict::Failed => all[place].failed += 1,
            Verdict::Skipped => {}
        }
    }
    all
}

/// Whether two routes differ more from each other than runs of one route among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apart {
    /// Every two answers of different routes are less alike than any two of one route.
    Clearly,
    /// Answers of different routes are typically as alike as those of the route that varies more.
    No,
    /// Between the two, or too few runs to say.
    Unclear,
}

/// The wording of two routes' runs, within each and between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// Shared wording of every two runs of A.
    pub within_a: Option<Spread>,
    /// The same of B.
    pub within_b: Option<Spread>,
    /// Shared wording of every run of A with every run of B.
    pub between: Option<Spread>,
    /// What follows.
    pub apart: Apart,
}

/// Sets the difference between two routes against the noise within each.
#[must_use]
pub fn contrast(a: &[Answer], b: &[Answer]) -> Contrast {
    let mut numbers = Numbers::default();
    let texts_a = said(&answered(a), &mut numbers);
    let texts_b = said(&answered(b), &mut numbers);
    let pairs = texts_a.iter().take(MOST).flat_map(|one| {
        texts_b
            .iter()
            .take(MOST)
            .map(move |other| alike(one, other))
    });
    let (within_a, within_b) = (within(&texts_a), within(&texts_b));
    let between = Spread::new(pairs.collect());
    let apart = match (within_a, within_b, between) {
        (Some(a), Some(b), Some(between)) if between.max < a.min.min(b.min) => Apart::Clearly,
        (Some(a), Some(b), Some(between)) if between.median >= a.median.min(b.median) => Apart::No,
        _ => Apart::Unclear,
    };
    Contrast {
        within_a,
        within_b,
        between,
        apart,
    }
}

impl fmt::Display for Contrast {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(a), Some(b), Some(between)) = (self.within_a, self.within_b, self.between) else {
            return formatter.write_str(
                "too few runs to tell a difference from noise: two of each side are needed",
            );
        };
        let words = match self.apart {
            Apart::Clearly => "the routes differ more than their runs do",
            Apart::No => "no more different than two runs of one route",
            Apart::Unclear => "not clearly more different than two runs of one route",
        };
        write!(
            formatter,
            "{words}: shared wording {:.2} to {:.2} between A and B, {:.2} to {:.2} within A, {:.2} to {:.2} within B",
            between.min, between.max, a.min, a.max, b.min, b.max
        )
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Apart, contrast, variance};
    use crate::{
        model::{Answer, CheckResult, Verdict},
        review::fixture::{answer, failed},
    };

    fn run(text: &str, first: u64, verdict: Verdict) -> Answer {
        let mut answer = answer(text);
        answer.result.first_output = Some(Duration::from_millis(first));
        answer.result.total = Duration::from_millis(2 * first);
        answer.result.checks = vec![CheckResult {
            check: "contains \"42\"".to_owned(),
            verdict,
            detail: String::new(),
        }];
        answer
    }

    #[test]
    fn runs_are_described_by_their_spread() {
        let found = variance(&[
            run("one two", 100, Verdict::Passed),
            run("one  two\n", 300, Verdict::Failed),
            run("three four", 200, Verdict::Passed),
            failed(),
        ]);
        assert_eq!((found.runs, found.answered, found.distinct), (4, 3, 2));
        let alike = found.similarity.unwrap();
        assert_eq!(
            (alike.of, alike.min, alike.median, alike.max),
            (3, 0.0, 0.0, 1.0)
        );
        let first = found.first_output.unwrap();
        assert_eq!((first.min, first.median, first.max), (0.1, 0.2, 0.3));
        assert!((found.total.unwrap().max - 0.6).abs() < 1e-9);
        assert!(found.checks[0].flaky());
        assert_eq!((found.checks[0].passed, found.checks[0].failed), (2, 1));
    }

    #[test]
    fn a_difference_is_set_against_the_noise() {
        let runs =
            |texts: &[&str]| -> Vec<Answer> { texts.iter().map(|text| answer(text)).collect() };
        let steady = ["the refund is on its way", "the refund is on its way now"];
        for (case, a, b, apart) in [
            (
                "two ways to speak",
                &steady[..],
                &["we sent money back", "we sent money back today"][..],
                Apart::Clearly,
            ),
            (
                "the same noise",
                &steady[..],
                &["the refund is on its way", "now the refund is on its way"][..],
                Apart::No,
            ),
            (
                "one run says nothing",
                &steady[..1],
                &["anything else"][..],
                Apart::Unclear,
            ),
        ] {
            let found = contrast(&runs(a), &runs(b));
            assert_eq!(found.apart, apart, "{case}: {found}");
        }
        let words = contrast(&runs(&["a b"]), &[]).to_string();
        assert!(words.starts_with("too few runs"), "{words}");
    }
}
