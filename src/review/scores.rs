//! What the samples of a review say in numbers: how often each route keeps what was promised, how alike the two are.
//!
//! Called by the door when a review is recorded and shown, and by CLI and console for its words. Every number has
//! its sample size and its interval. None of them is a verdict: that is a person's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    compare::is_label,
    interval::{Mean, Share},
    node::Node,
    rows::Nuance,
    wording::similarity,
};
use crate::model::{Answer, CalledTool, PayloadClass, ReviewedSample, Tally, Verdict};

/// A number of each route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Both<T> {
    /// The primary's.
    pub primary: T,
    /// The fallback's.
    pub fallback: T,
}

/// The scores of a review. A sample counts once in each, however many checks it has: checks on one answer depend on
/// each other, and intervals do not hold for what depends on each other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Samples that were compared.
    pub samples: usize,
    /// Of the judged samples: those on which the fallback is the same or better.
    pub same_or_better: Share,
    /// Of all samples: those that brought an answer, whole.
    pub answered: Both<Share>,
    /// Of the samples with checks: those on which no check failed. No answer fails.
    pub checks: Both<Share>,
    /// Of the samples with a schema: those whose answer it accepts. No answer fails.
    pub schema: Both<Share>,
    /// Of the answers: those that are refusals, by the provider's word or by the sample's check.
    pub refused: Both<Share>,
    /// Of the pairs of answers that can be the same (JSON, tool calls, labels): those that are, to the letter.
    pub exact: Share,
    /// The same, but white space, the order of keys, the writing of numbers, and in labels case and punctuation do
    /// not count.
    pub normalised: Share,
    /// Of the pairs of texts: the shared wording ([`similarity`]), from 0 to 1. Not a measure of quality.
    pub similarity: Mean,
    /// Of the pairs of texts: characters of the fallback's for each of the primary's, as a geometric mean.
    pub length_ratio: Mean,
}

impl Scores {
    /// Names and words, in the order of reading; what no sample has is left out.
    #[must_use]
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let share = |name, share: &Share| (share.of > 0).then(|| (name, share.to_string()));
        let mean = |name, mean: &Mean| (mean.of > 0).then(|| (name, mean.to_string()));
        let both = |primary, fallback, shares: &Both<Share>| {
            [
                share(primary, &shares.primary),
                share(fallback, &shares.fallback),
            ]
        };
        [
            vec![share("same or better", &self.same_or_better)],
            both("answered, primary", "answered, fallback", &self.answered).into(),
            both(
                "checks passed, primary",
                "checks passed, fallback",
                &self.checks,
            )
            .into(),
            both(
                "schema valid, primary",
                "schema valid, fallback",
                &self.schema,
            )
            .into(),
            both("refused, primary", "refused, fallback", &self.refused).into(),
            vec![
                share("same to the letter", &self.exact),
                share("same in substance", &self.normalised),
                mean("shared wording", &self.similarity),
                mean("length, fallback to primary", &self.length_ratio),
            ],
        ]
        .concat()
        .into_iter()
        .flatten()
        .collect()
    }
}

/// One line each.
impl fmt::Display for Scores {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines()
            .iter()
            .try_for_each(|(name, words)| writeln!(formatter, "{name}: {words}"))
    }
}

/// Scores the samples of a review.
#[must_use]
pub fn scores(samples: &[ReviewedSample]) -> Scores {
    let tally = Tally::of(samples);
    let both = |of: fn(&Answer) -> Option<bool>| Both {
        primary: Share::count(samples.iter().map(|sample| of(&sample.primary))),
        fallback: Share::count(samples.iter().map(|sample| of(&sample.fallback))),
    };
    // A sample promises something when one of its answers was checked for it; then no answer breaks the promise.
    let promised = |kept: fn(&Answer) -> Option<bool>| {
        let of = |one: &Answer, other: &Answer| match kept(one) {
            None if one.result.failure.is_some() => kept(other).map(|_| false),
            kept => kept,
        };
        Both {
            primary: Share::count(samples.iter().map(|it| of(&it.primary, &it.fallback))),
            fallback: Share::count(samples.iter().map(|it| of(&it.fallback, &it.primary))),
        }
    };
    let matches: Vec<Match> = samples.iter().filter_map(matched).collect();
    let texts: Vec<(&str, &str)> = samples
        .iter()
        .map(|sample| (sample.primary.text.trim(), sample.fallback.text.trim()))
        .filter(|(primary, fallback)| !primary.is_empty() && !fallback.is_empty())
        .collect();
    let alike: Vec<f64> = texts
        .iter()
        .map(|(primary, fallback)| similarity(primary, fallback))
        .collect();
    let ratios: Vec<f64> = texts
        .iter()
        .map(|(primary, fallback)| characters(fallback) / characters(primary))
        .collect();
    Scores {
        samples: samples.len(),
        same_or_better: Share::new(tally.same_or_better, tally.judged),
        answered: both(|answer| Some(answer.result.failure.is_none())),
        checks: promised(checks_passed),
        schema: promised(schema_valid),
        refused: both(refused),
        exact: Share::count(matches.iter().map(|it| Some(it.exact))),
        normalised: Share::count(matches.iter().map(|it| Some(it.normalised))),
        similarity: Mean::of_shares(&alike),
        length_ratio: Mean::of_ratios(&ratios),
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2 to the 52")]
fn characters(text: &str) -> f64 {
    text.chars().count() as f64
}

fn checks_passed(answer: &Answer) -> Option<bool> {
    let mut tried = answer
        .result
        .checks
        .iter()
        .filter(|check| check.verdict != Verdict::Skipped)
        .peekable();
    tried.peek()?;
    Some(tried.all(|check| check.verdict == Verdict::Passed))
}

fn schema_valid(answer: &Answer) -> Option<bool> {
    let check = answer
        .result
        .checks
        .iter()
        .find(|check| check.check.starts_with("json schema"))?;
    Some(check.verdict == Verdict::Passed)
}

fn refused(answer: &Answer) -> Option<bool> {
    if answer.result.failure.is_some() {
        return None;
    }
    let check = answer
        .result
        .checks
        .iter()
        .any(|check| check.check == "no refusal" && check.verdict == Verdict::Failed);
    Some(answer.refusal.is_some() || check)
}

struct Match {
    exact: bool,
    normalised: bool,
}

/// Whether two answers are the same, where answers can be: two texts of prose never are.
fn matched(sample: &ReviewedSample) -> Option<Match> {
    let (a, b) = (&sample.primary, &sample.fallback);
    if a.result.failure.is_some() || b.result.failure.is_some() {
        return None;
    }
    let (one, other) = (a.text.trim(), b.text.trim());
    match sample.class {
        PayloadClass::Json => {
            let canonical = |text| Node::read(text).ok().map(|node| node.canonical());
            Some(Match {
                exact: one == other,
                normalised: one == other
                    || canonical(one).is_some_and(|it| canonical(other) == Some(it)),
            })
        }
        PayloadClass::Tools => Some(Match {
            exact: a.tools == b.tools,
            normalised: a.tools.len() == b.tools.len()
                && a.tools.iter().zip(&b.tools).all(|(a, b)| same_call(a, b)),
        }),
        PayloadClass::Chat | PayloadClass::Vision | PayloadClass::Long => {
            (is_label(one) && is_label(other)).then(|| Match {
                exact: one == other,
                normalised: one == other || Nuance::between(one, other).is_some(),
            })
        }
        PayloadClass::Code | PayloadClass::Embeddings => None,
    }
}

fn same_call(a: &CalledTool, b: &CalledTool) -> bool {
    let canonical = |call: &CalledTool| Node::read(&call.arguments).map(|node| node.canonical());
    a.name == b.name
        && (a.arguments == b.arguments || canonical(a).is_ok_and(|it| canonical(b) == Ok(it)))
}

#[cfg(test)]
mod tests {
    use super::scores;
    use crate::{
        model::{CheckResult, Judgement, PayloadClass, ReviewedSample, Verdict},
        review::fixture::{answer, calls, failed, reviewed},
    };

    fn checked(text: &str, checks: &[(&str, Verdict)]) -> crate::model::Answer {
        let mut answer = answer(text);
        answer.result.checks = checks
            .iter()
            .map(|(check, verdict)| CheckResult {
                check: (*check).to_owned(),
                verdict: *verdict,
                detail: String::new(),
            })
            .collect();
        answer
    }

    fn eight() -> Vec<ReviewedSample> {
        (0..8)
            .map(|number| ReviewedSample {
                judgement: Some(if number == 0 {
                    Judgement::PrimaryBetter
                } else {
                    Judgement::Same
                }),
                ..reviewed(PayloadClass::Chat, answer("two words"), answer("two words"))
            })
            .collect()
    }

    #[test]
    fn a_share_is_told_with_what_it_is_worth() {
        let scores = scores(&eight());
        assert_eq!(scores.samples, 8);
        assert_eq!(
            scores.lines()[0],
            (
                "same or better",
                "7 of 8; 95 % interval 53 % to 98 %".to_owned()
            )
        );
        let json = serde_json::to_value(&scores).unwrap();
        assert_eq!(json["same_or_better"]["hits"], 7);
        assert_eq!(
            serde_json::from_value::<super::Scores>(json).unwrap(),
            scores
        );
    }

    #[test]
    fn a_sample_counts_once_and_no_answer_keeps_no_promise() {
        use Verdict::{Failed, Passed, Skipped};
        let schema = "json schema invoice.json";
        let samples = [
            reviewed(
                PayloadClass::Json,
                checked("{}", &[(schema, Passed), ("no refusal", Passed)]),
                checked("{", &[(schema, Failed), ("no refusal", Passed)]),
            ),
            reviewed(
                PayloadClass::Json,
                checked("{}", &[(schema, Passed)]),
                failed(),
            ),
            reviewed(
                PayloadClass::Chat,
                checked("a", &[("no refusal", Passed)]),
                checked("b", &[("no refusal", Failed)]),
            ),
            reviewed(
                PayloadClass::Chat,
                checked("c", &[("language deu", Skipped)]),
                answer("c"),
            ),
            reviewed(PayloadClass::Chat, failed(), failed()),
        ];
        let scores = scores(&samples);
        let told = |both: &super::Both<super::Share>| {
            [both.primary, both.fallback].map(|share| (share.hits, share.of))
        };
        assert_eq!(told(&scores.answered), [(4, 5), (3, 5)]);
        assert_eq!(told(&scores.checks), [(3, 3), (0, 3)]);
        assert_eq!(told(&scores.schema), [(2, 2), (0, 2)]);
        assert_eq!(told(&scores.refused), [(0, 4), (1, 3)]);
        assert_eq!(
            (scores.same_or_better.of, scores.same_or_better.share),
            (0, None)
        );
    }

    #[test]
    fn answers_that_can_be_the_same_are_told_apart_in_substance() {
        let samples = [
            (
                PayloadClass::Json,
                answer(r#"{"a": 1, "b": 2}"#),
                answer(r#"{"b":2,"a":1.0}"#),
            ),
            (
                PayloadClass::Json,
                answer(r#"{"a": 1}"#),
                answer(r#"{"a": "1"}"#),
            ),
            (
                PayloadClass::Tools,
                calls(&[("f", "{\"x\": 1}")]),
                calls(&[("f", "{\"x\":1}")]),
            ),
            (
                PayloadClass::Tools,
                calls(&[("f", "{}")]),
                calls(&[("g", "{}")]),
            ),
            (PayloadClass::Chat, answer("Refund"), answer("refund.")),
            (PayloadClass::Chat, answer("Refund"), answer("Refund")),
            (
                PayloadClass::Chat,
                answer("A long answer in prose, which never is the same."),
                answer("Refund"),
            ),
        ]
        .map(|(class, primary, fallback)| reviewed(class, primary, fallback));
        let scores = scores(&samples);
        assert_eq!((scores.exact.hits, scores.exact.of), (1, 6));
        assert_eq!((scores.normalised.hits, scores.normalised.of), (4, 6));
    }

    /// Expected, in Python: `exp(mean(map(log, [18/9, 9/18, 9/9])))`; wording as in `token`.
    #[test]
    fn texts_are_set_in_proportion() {
        let long = "two words and two";
        let samples = [
            ("two words", long),
            (long, "two words"),
            ("two words", "two words"),
            ("", "x"),
        ]
        .map(|(primary, fallback)| reviewed(PayloadClass::Chat, answer(primary), answer(fallback)));
        let scores = scores(&samples);
        assert_eq!(scores.length_ratio.of, 3);
        assert!((scores.length_ratio.mean.unwrap() - 1.0).abs() < 1e-12);
        // Shared: two, words, two words; of 3 and 7 words and pairs: 6/10.
        assert!((scores.similarity.mean.unwrap() - (0.6 + 0.6 + 1.0) / 3.0).abs() < 1e-12);
    }
}
