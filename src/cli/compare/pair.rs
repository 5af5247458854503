//! Both answers to one sample: what differs, and whether the fallback does what the primary does.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::rows::{self, Row};
use crate::{
    model::{Answer, PayloadClass, Place, ProbeResult, ReviewedSample, SampleId, Verdict},
    probe::{Advice, Payload},
    review::{self, Mark},
};

/// An answer, or why nothing was asked.
pub(in crate::cli) type Side = Result<Box<Answer>, String>;

/// What the fallback must come to.
#[derive(Clone, Copy, Debug, Serialize)]
pub(in crate::cli) struct Bar {
    /// The share of pairs that must hold.
    pub(in crate::cli) percent: u8,
    /// Whether another shape falls.
    pub(in crate::cli) same_shape: bool,
}

/// How a pair came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::cli) enum Held {
    /// The fallback does what the primary does.
    Holds,
    /// It does not.
    Falls,
    /// There is nothing to measure it by.
    Unsure,
}

/// Both answers to one sample.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Pair {
    #[serde(skip)]
    pub(in crate::cli) sample: SampleId,
    #[serde(skip)]
    pub(in crate::cli) class: PayloadClass,
    #[serde(skip)]
    pub(in crate::cli) edited: bool,
    /// Which time, from 1.
    pub(in crate::cli) run: usize,
    pub(in crate::cli) held: Held,
    /// Why it does not hold, or cannot be said.
    pub(in crate::cli) why: Vec<String>,
    #[serde(serialize_with = "side")]
    pub(in crate::cli) primary: Side,
    #[serde(serialize_with = "side")]
    pub(in crate::cli) fallback: Side,
    /// Rows that differ.
    pub(in crate::cli) differences: Vec<Row>,
    /// How many rows do not.
    pub(in crate::cli) same: usize,
    /// What else must be said of the answers.
    pub(in crate::cli) remarks: Vec<String>,
    /// What a judge says: advice, not a verdict.
    #[serde(serialize_with = "advice", skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) advice: Option<Result<Advice, String>>,
    /// Rows that are the same, for people who want to see them.
    #[serde(skip)]
    pub(in crate::cli) rows: Vec<Row>,
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
    pub(in crate::cli) fn new(
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

    pub(in crate::cli) fn results(&self) -> impl Iterator<Item = &ProbeResult> {
        let sides = [&self.primary, &self.fallback].into_iter();
        sides.filter_map(|side| Some(&side.as_ref().ok()?.result))
    }

    /// For the scores; nobody has judged it.
    pub(in crate::cli) fn reviewed(&self) -> Option<ReviewedSample> {
        let of = |side: &Side| side.as_ref().ok().map(|answer| Answer::clone(answer));
        Some(ReviewedSample {
            sample: self.sample.clone(),
            class: self.class,
            primary: of(&self.primary)?,
            fallback: of(&self.fallback)?,
            side_a: Place::Primary,
            judgement: None,
            note: String::new(),
        })
    }

    pub(in crate::cli) fn advice(&self) -> Option<&Advice> {
        self.advice.as_ref()?.as_ref().ok()
    }
}

/// A mark in a sentence.
pub(in crate::cli) const fn words(mark: Mark) -> &'static str {
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
