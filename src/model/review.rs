//! Reviews: what people said of a fallback's output beside the primary's, and what exactly they compared.
//!
//! Made by the door out of a comparison, kept by `store`, judged by `review`, read by console and CLI. Texts of
//! answers are fit to be shown and bounded where they are made (the limits are here).

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Actor, Catalog, EventId, PayloadClass, ProbeResult, Route, RouteName, Sample, SampleCheck,
    SampleId, Workload, WorkloadName,
};

/// What a workload demands of reviews before an operator may arm or force its fallback.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewPolicy {
    /// Whether one is needed at all.
    pub required: bool,
    /// How long one holds.
    pub max_age: Duration,
    /// How many judged samples it needs.
    pub min_samples: usize,
    /// The share of judged samples, in percent, on which the fallback must be the same or better.
    pub at_least: u8,
}

impl ReviewPolicy {
    /// What holds for a workload that says nothing of reviews: needed where people see the output.
    #[must_use]
    pub const fn usual(user_visible: bool) -> Self {
        Self {
            required: user_visible,
            max_age: Duration::from_hours(30 * 24),
            min_samples: 5,
            at_least: 80,
        }
    }

    /// Whether enough was judged for a verdict on the whole, or one verdict alone forbids it.
    #[must_use]
    pub const fn is_complete(&self, tally: &Tally) -> bool {
        tally.judged >= self.min_samples || tally.vetoes > 0
    }
}

/// Names a review: a ULID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewId(pub String);

impl ReviewId {
    /// Makes one from a moment and 80 random bits; later ones sort behind earlier ones.
    #[must_use]
    pub fn new(at: Timestamp, random: u128) -> Self {
        Self(EventId::new(at, random).to_string())
    }
}

impl fmt::Display for ReviewId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Which of the two routes of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The primary route.
    Primary,
    /// The fallback route.
    Fallback,
}

/// A person's verdict on the two answers to one sample, in terms of routes and not of sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The primary's is better.
    PrimaryBetter,
    /// The fallback's is better.
    FallbackBetter,
    /// Equally good.
    Same,
    /// Neither can be used. Does not speak for the fallback.
    BothBad,
    /// The fallback's must never reach a user: one of these vetoes the whole review.
    FallbackUnsafe,
    /// The primary's must never reach a user; the fallback's may.
    PrimaryUnsafe,
    /// Neither may ever reach a user: vetoes, too.
    BothUnsafe,
}

impl Judgement {
    /// Every judgement, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::PrimaryBetter,
        Self::FallbackBetter,
        Self::Same,
        Self::BothBad,
        Self::FallbackUnsafe,
        Self::PrimaryUnsafe,
        Self::BothUnsafe,
    ];

    /// The name used in records and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PrimaryBetter => "primary-better",
            Self::FallbackBetter => "fallback-better",
            Self::Same => "same",
            Self::BothBad => "both-bad",
            Self::FallbackUnsafe => "fallback-unsafe",
            Self::PrimaryUnsafe => "primary-unsafe",
            Self::BothUnsafe => "both-unsafe",
        }
    }

    /// Whether the fallback's answer would do instead of the primary's.
    #[must_use]
    pub const fn same_or_better(self) -> bool {
        match self {
            Self::FallbackBetter | Self::Same | Self::PrimaryUnsafe => true,
            Self::PrimaryBetter | Self::BothBad | Self::FallbackUnsafe | Self::BothUnsafe => false,
        }
    }

    /// What of it counts, by whether the routes had an answer: beside a primary without one there is nothing to
    /// compare, and a fallback without one is worse, whatever was said. A veto always stands.
    #[must_use]
    pub const fn counted(self, primary: bool, fallback: bool) -> Option<Self> {
        match (primary, fallback) {
            _ if self.vetoes() => Some(self),
            (true, true) => Some(self),
            (true, false) => Some(Self::PrimaryBetter),
            (false, _) => None,
        }
    }

    /// Whether it alone forbids the fallback.
    #[must_use]
    pub const fn vetoes(self) -> bool {
        match self {
            Self::FallbackUnsafe | Self::BothUnsafe => true,
            Self::PrimaryBetter
            | Self::FallbackBetter
            | Self::Same
            | Self::BothBad
            | Self::PrimaryUnsafe => false,
        }
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Judgement {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|judgement| judgement.as_str() == text)
            .ok_or(())
    }
}

/// How the judging was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewMode {
    /// Sides shuffled, names, speed, length and cost hidden until judged.
    Blind,
    /// The reviewer knew which was which.
    Open,
    /// The same, while the workload was failing.
    OpenUnderIncident,
    /// Verdicts were given elsewhere and read from a file.
    Imported,
}

impl ReviewMode {
    /// In words, for screens and reports.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Blind => "blind",
            Self::Open => "open",
            Self::OpenUnderIncident => "open, under incident",
            Self::Imported => "imported",
        }
    }
}

/// A route as it was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedRoute {
    /// Its name.
    pub route: RouteName,
    /// Its base URL then.
    pub base_url: String,
    /// Its model then.
    pub model: String,
}

impl ComparedRoute {
    /// A route as it is now.
    #[must_use]
    pub fn of(route: &Route) -> Self {
        Self {
            route: route.name.clone(),
            base_url: route.base_url.clone(),
            model: route.model.clone(),
        }
    }
}

/// A sample as it was compared. Its body holds the parameters of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedSample {
    /// Which.
    pub sample: SampleId,
    /// The digest of its body then.
    pub digest: String,
    /// Its checks then, in words ([`super::SampleCheck`]'s `Display`), schemas with their digest.
    pub checks: Vec<String>,
}

/// What a review is bound to: it goes stale when any of this changes. Its parts are kept, so that the change
/// can be named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The primary route.
    pub primary: ComparedRoute,
    /// The fallback route.
    pub fallback: ComparedRoute,
    /// The samples, in the order of the configuration.
    pub samples: Vec<ComparedSample>,
}

/// One route's answer to one sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Times, tokens, cost, finish reason, checks, failure. Its `output` is left empty: the text is here.
    pub result: ProbeResult,
    /// The text, fit to be shown ([`super::visible_lines`]), whole up to [`Answer::TEXT_LIMIT`] characters.
    pub text: String,
    /// What the model or the provider said instead of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The tools it called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<CalledTool>,
    /// Of each vector, how many numbers it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vectors: Vec<usize>,
    /// There was more than is kept here.
    pub clipped: bool,
}

impl Answer {
    /// The most characters of text that are kept.
    pub const TEXT_LIMIT: usize = 256 * 1024;
    /// The most characters of one tool call's arguments.
    pub const ARGUMENTS_LIMIT: usize = 16 * 1024;

    /// Whether the route answered at all, to the end.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.result.failure.is_none()
    }
}

/// A tool call in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalledTool {
    /// The tool.
    pub name: String,
    /// JSON text, as the model gave it, fit to be shown.
    pub arguments: String,
}

/// One sample of a review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewedSample {
    /// Which.
    pub sample: SampleId,
    /// What it stands for.
    pub class: PayloadClass,
    /// What the primary answered.
    pub primary: Answer,
    /// What the fallback answered.
    pub fallback: Answer,
    /// Which route stood on side A.
    pub side_a: Place,
    /// The verdict. `None`: not judged.
    pub judgement: Option<Judgement>,
    /// Why, in the reviewer's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// How many samples were judged how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Samples that were compared.
    pub compared: usize,
    /// Of them, judged.
    pub judged: usize,
    /// Judged same or better.
    pub same_or_better: usize,
    /// Judged as a veto.
    pub vetoes: usize,
}

impl Tally {
    /// Counts.
    #[must_use]
    pub fn of(samples: &[ReviewedSample]) -> Self {
        let judged = samples.iter().filter_map(|sample| {
            sample
                .judgement?
                .counted(sample.primary.is_whole(), sample.fallback.is_whole())
        });
        Self::counting(samples.len(), judged)
    }

    /// Counts what is left of judgements ([`Judgement::counted`]).
    #[must_use]
    pub fn counting(compared: usize, judgements: impl Iterator<Item = Judgement>) -> Self {
        let none = Self {
            compared,
            ..Self::default()
        };
        judgements.fold(none, |tally, judgement| Self {
            judged: tally.judged + 1,
            same_or_better: tally.same_or_better + usize::from(judgement.same_or_better()),
            vetoes: tally.vetoes + usize::from(judgement.vetoes()),
            ..tally
        })
    }
}

/// A review without its outputs, for lists, gates and feeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewHead {
    /// Its name.
    pub id: ReviewId,
    /// Whose fallback.
    pub workload: WorkloadName,
    /// When it was finished.
    pub at: Timestamp,
    /// Who judged.
    pub actor: Actor,
    /// How.
    pub mode: ReviewMode,
    /// What was compared.
    pub basis: Basis,
    /// What came out.
    pub tally: Tally,
    /// Samples whose verdict forbids the fallback.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vetoed: Vec<SampleId>,
    /// What the reviewer says of the whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A recorded side-by-side verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// Who, when, what, and what came out.
    #[serde(flatten)]
    pub head: ReviewHead,
    /// From it the sides were shuffled.
    pub seed: u64,
    /// Every sample with both answers.
    pub samples: Vec<ReviewedSample>,
    /// The texts of the answers are gone: their retention is over. Verdicts, notes and figures stay.
    #[serde(default)]
    pub stripped: bool,
}

impl Review {
    /// Removes the texts of the answers.
    pub fn strip(&mut self) {
        for sample in &mut self.samples {
            for answer in [&mut sample.primary, &mut sample.fallback] {
                answer.text = String::new();
                answer.refusal = None;
                answer.tools = Vec::new();
            }
        }
        self.stripped = true;
    }
}

impl Basis {
    /// What would be compared now.
    #[must_use]
    pub fn of(workload: &Workload, primary: &Route, fallback: &Route) -> Self {
        Self {
            primary: ComparedRoute::of(primary),
            fallback: ComparedRoute::of(fallback),
            samples: workload.samples.iter().map(ComparedSample::of).collect(),
        }
    }

    /// What would be compared for a workload as it is configured; `None`: it has no fallback.
    #[must_use]
    pub fn now(catalog: &Catalog, workload: &Workload) -> Option<Self> {
        let primary = catalog.routes.get(&workload.primary)?;
        let fallback = catalog.routes.get(workload.fallback.as_ref()?)?;
        Some(Self::of(workload, primary, fallback))
    }
}

impl ComparedSample {
    /// A sample as it is now.
    #[must_use]
    pub fn of(sample: &Sample) -> Self {
        Self {
            sample: sample.id.clone(),
            digest: sample.digest.clone(),
            checks: sample.checks.iter().map(compared).collect(),
        }
    }
}

/// A check in words that differ when what it demands does.
fn compared(check: &SampleCheck) -> String {
    match check {
        SampleCheck::JsonSchema { digest, .. } => format!("{check} ({digest})"),
        SampleCheck::Contains { .. }
        | SampleCheck::Matches { .. }
        | SampleCheck::ToolCalled { .. }
        | SampleCheck::Language { .. }
        | SampleCheck::FirstOutputWithin { .. }
        | SampleCheck::NoRefusal
        | SampleCheck::Dimensions { .. } => check.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::Judgement;

    #[test]
    fn every_judgement_is_read_back_from_its_name() {
        for judgement in Judgement::ALL {
            assert_eq!(judgement.as_str().parse(), Ok(judgement));
            let json = serde_json::to_string(&judgement).expect("a word");
            assert_eq!(json, format!("\"{judgement}\""));
        }
    }

    #[test]
    fn a_judgement_without_an_answer_beside_it_does_not_speak_for_the_fallback() {
        for judgement in Judgement::ALL {
            assert_eq!(judgement.counted(true, true), Some(judgement));
            for (primary, fallback) in [(true, false), (false, true), (false, false)] {
                let counted = judgement.counted(primary, fallback);
                assert!(
                    counted.is_none_or(|it| !it.same_or_better()),
                    "{judgement} {primary} {fallback}"
                );
                assert_eq!(
                    counted.is_some_and(Judgement::vetoes),
                    judgement.vetoes(),
                    "{judgement}: a veto stands"
                );
            }
        }
    }

    #[test]
    fn what_vetoes_never_counts_for_the_fallback() {
        for judgement in Judgement::ALL {
            assert!(!(judgement.vetoes() && judgement.same_or_better()));
        }
    }
}
