//! Probes: what was asked of a route, what came back, and what that proves.
//!
//! Made by `probe`, kept by `store`, read by the door and the console. Texts are fit to be shown and bounded
//! in size where they are made (the limits are here): a provider's answer must not fill a store.

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{
    Capability, ErrorClass, PayloadClass, Route, RouteName, Sample, SampleId, WorkloadName,
};

/// How a check or a rung came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// Not tried, and why stands beside it: it neither speaks for the route nor against it.
    Skipped,
}

impl Verdict {
    /// The name used on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What a route's tokens cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// For a million tokens of input.
    pub input: f64,
    /// For a million tokens of output.
    pub output: f64,
    /// In what, for instance `USD`.
    pub currency: String,
}

impl Price {
    /// What the tokens of one answer cost. A count that the provider did not give counts as none.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "token counts are far below 2 to the 52"
    )]
    pub fn of(&self, usage: Usage) -> Cost {
        let part = |tokens: Option<u64>, price: f64| tokens.unwrap_or(0) as f64 * price / 1e6;
        Cost {
            amount: part(usage.input, self.input) + part(usage.output, self.output),
            currency: self.currency.clone(),
        }
    }
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// How much.
    pub amount: f64,
    /// Of what.
    pub currency: String,
}

/// Tokens as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Of the request.
    pub input: Option<u64>,
    /// Of the answer, reasoning included.
    pub output: Option<u64>,
}

/// What exactly was asked, so that a result is not taken for one of something else after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The route's base URL then.
    pub base_url: String,
    /// The route's model then.
    pub model: String,
    /// The digest of the sample's body; `None`: no sample was sent.
    pub sample: Option<String>,
}

impl Asked {
    /// What is asked when a route is probed now.
    #[must_use]
    pub fn of(route: &Route, sample: Option<&Sample>) -> Self {
        Self {
            base_url: route.base_url.clone(),
            model: route.model.clone(),
            sample: sample.map(|sample| sample.digest.clone()),
        }
    }

    /// Whether just this would be asked now.
    #[must_use]
    pub fn is(&self, route: &Route, sample: Option<&Sample>) -> bool {
        let digest = sample.map(|sample| sample.digest.as_str());
        self.model == route.model
            && self.base_url == route.base_url
            && self.sample.as_deref() == digest
    }
}

/// One check of a sample, applied to an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The check in words ([`super::SampleCheck`]'s `Display`).
    pub check: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found; empty when it passed and there is nothing to add.
    pub detail: String,
}

/// Why a probe brought no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeFailure {
    /// The class that the gateway would give it.
    pub class: ErrorClass,
    /// In words: status, the provider's code and message, or which clock ran out.
    pub detail: String,
}

/// One sample sent once to one route, past fallback and retry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// Which route.
    pub route: RouteName,
    /// Whose sample.
    pub workload: WorkloadName,
    /// Which sample.
    pub sample: SampleId,
    /// What it stands for.
    pub class: PayloadClass,
    /// What exactly was asked.
    pub asked: Asked,
    /// When it was sent.
    pub at: Timestamp,
    /// Whether a stream was asked.
    pub stream: bool,
    /// The HTTP status, when a head came.
    pub status: Option<u16>,
    /// From sending to the response head.
    pub headers: Option<Duration>,
    /// From sending to the first semantic output; for an answer that is no stream, to its end.
    pub first_output: Option<Duration>,
    /// From sending to the end, good or bad.
    pub total: Duration,
    /// Tokens.
    pub usage: Usage,
    /// What they cost, when the route has a price and the provider counted.
    pub cost: Option<Cost>,
    /// As the provider calls it.
    pub finish: Option<String>,
    /// The model that the answer says it is of.
    pub model: Option<String>,
    /// In the order of the sample. Empty after a failure.
    pub checks: Vec<CheckResult>,
    /// `None`: an answer came, whole.
    pub failure: Option<ProbeFailure>,
    /// The beginning of what was said, with line feeds, at most [`ProbeResult::OUTPUT_LIMIT`] characters.
    pub output: String,
}

impl ProbeResult {
    /// The most characters of output that a result keeps.
    pub const OUTPUT_LIMIT: usize = 4_000;
    /// The most characters of a detail or of evidence.
    pub const DETAIL_LIMIT: usize = 300;

    /// Passed: an answer came and no check failed.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let failed = |check: &CheckResult| check.verdict == Verdict::Failed;
        if self.failure.is_some() || self.checks.iter().any(failed) {
            Verdict::Failed
        } else {
            Verdict::Passed
        }
    }

    /// Whether the answer ended at its limit of tokens, in any family's word for that.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let finish = self.finish.as_deref().unwrap_or_default();
        ["length", "max_tokens", "max_output_tokens", "incomplete"]
            .iter()
            .any(|cut| finish.eq_ignore_ascii_case(cut))
    }

    /// Output tokens for each second in which output came. `None`: not a stream, or too short to say.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "token counts are far below 2 to the 52"
    )]
    pub fn tokens_per_second(&self) -> Option<f64> {
        let spent = self.total.checked_sub(self.first_output?)?.as_secs_f64();
        let tokens = self.usage.output? as f64;
        (self.stream && spent > 0.0).then(|| tokens / spent)
    }

    /// Why it failed, in one line; `None`: it did not.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(format!("{}: {}", failure.class, failure.detail));
        }
        let check = self
            .checks
            .iter()
            .find(|check| check.verdict == Verdict::Failed)?;
        Some(format!("{}: {}", check.check, check.detail))
    }
}

/// A step of the verification ladder, in the order in which integrations are verified. A step that cannot
/// pass because an earlier one failed is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rung {
    /// The key is there.
    Key,
    /// The provider's list of models has the route's.
    Model,
    /// The smallest request is answered.
    Minimal,
    /// The same as a stream.
    Streaming,
    /// A capability that a workload on the route needs, proven with its samples.
    Capability(Capability),
    /// A bad request is answered with a 4xx of the family's shape.
    Errors,
}

impl fmt::Display for Rung {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Key => "key",
            Self::Model => "model",
            Self::Minimal => "minimal",
            Self::Streaming => "stream",
            Self::Capability(capability) => capability.as_str(),
            Self::Errors => "errors",
        })
    }
}

impl FromStr for Rung {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "key" => Ok(Self::Key),
            "model" => Ok(Self::Model),
            "minimal" => Ok(Self::Minimal),
            "stream" => Ok(Self::Streaming),
            "errors" => Ok(Self::Errors),
            capability => capability.parse().map(Self::Capability),
        }
    }
}

impl Serialize for Rung {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rung {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| D::Error::custom(format!("unknown rung `{text}`")))
    }
}

/// One rung of one route, tried. Its age is what has passed since `at`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RungResult {
    /// Which route.
    pub route: RouteName,
    /// Which rung.
    pub rung: Rung,
    /// What exactly was asked.
    pub asked: Asked,
    /// When.
    pub at: Timestamp,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen, in words.
    pub evidence: String,
    /// The class of the failure, when a request was sent and failed.
    pub class: Option<ErrorClass>,
    /// The sample that proved it, when there was one.
    pub sample: Option<SampleId>,
    /// What it cost, when that is known; not what a sample cost, which has a record of its own.
    pub cost: Option<Cost>,
}

/// What a record is of; the store keeps the latest of each and a short history.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProbeKey {
    /// Which route.
    pub route: RouteName,
    /// What of it.
    pub subject: ProbeSubject,
}

/// What of a route was tried.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeSubject {
    /// A rung of its ladder.
    Rung(Rung),
    /// A sample.
    Sample(SampleId),
}

impl fmt::Display for ProbeSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rung(rung) => write!(formatter, "rung:{rung}"),
            Self::Sample(sample) => write!(formatter, "sample:{sample}"),
        }
    }
}

/// What the store keeps of probing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeRecord {
    /// A sample was sent.
    Sample(Box<ProbeResult>),
    /// A rung was tried.
    Rung(Box<RungResult>),
}

/// One point of the short history that is kept of each key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbePoint {
    /// When.
    pub at: Timestamp,
    /// How it came out.
    pub verdict: Verdict,
    /// The class of the failure, when there was one.
    pub class: Option<ErrorClass>,
    /// From sending to the first output, where a sample was sent and answered.
    pub first_output: Option<Duration>,
}

impl ProbeRecord {
    /// What of it goes into the history.
    #[must_use]
    pub fn point(&self) -> ProbePoint {
        let (class, first_output) = match self {
            Self::Sample(result) => (
                result.failure.as_ref().map(|failure| failure.class),
                result.first_output,
            ),
            Self::Rung(result) => (result.class, None),
        };
        ProbePoint {
            at: self.at(),
            verdict: self.verdict(),
            class,
            first_output,
        }
    }

    /// What it is of.
    #[must_use]
    pub fn key(&self) -> ProbeKey {
        match self {
            Self::Sample(result) => ProbeKey {
                route: result.route.clone(),
                subject: ProbeSubject::Sample(result.sample.clone()),
            },
            Self::Rung(result) => ProbeKey {
                route: result.route.clone(),
                subject: ProbeSubject::Rung(result.rung),
            },
        }
    }

    /// Of which route.
    #[must_use]
    pub fn route(&self) -> &RouteName {
        match self {
            Self::Sample(result) => &result.route,
            Self::Rung(result) => &result.route,
        }
    }

    /// When it was made.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Sample(result) => result.at,
            Self::Rung(result) => result.at,
        }
    }

    /// What exactly was asked.
    #[must_use]
    pub fn asked(&self) -> &Asked {
        match self {
            Self::Sample(result) => &result.asked,
            Self::Rung(result) => &result.asked,
        }
    }

    /// How it came out.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Sample(result) => result.verdict(),
            Self::Rung(result) => result.verdict,
        }
    }

    /// What it cost, when that is known.
    #[must_use]
    pub fn cost(&self) -> Option<&Cost> {
        match self {
            Self::Sample(result) => result.cost.as_ref(),
            Self::Rung(result) => result.cost.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Asked, CheckResult, PayloadClass, Price, ProbeFailure, ProbeRecord, ProbeResult, Rung,
        Usage, Verdict,
    };
    use crate::model::{Capability, ErrorClass};

    fn result() -> ProbeResult {
        ProbeResult {
            route: "mock".into(),
            workload: "chat".into(),
            sample: "chat/hello".into(),
            class: PayloadClass::Chat,
            asked: Asked {
                base_url: "http://127.0.0.1:1".to_owned(),
                model: "m".to_owned(),
                sample: Some("abc".to_owned()),
            },
            at: jiff::Timestamp::UNIX_EPOCH,
            stream: true,
            status: Some(200),
            headers: Some(Duration::from_millis(100)),
            first_output: Some(Duration::from_millis(500)),
            total: Duration::from_millis(2_500),
            usage: Usage {
                input: Some(1_000),
                output: Some(80),
            },
            cost: None,
            finish: Some("stop".to_owned()),
            model: None,
            checks: Vec::new(),
            failure: None,
            output: "hi".to_owned(),
        }
    }

    #[test]
    fn every_rung_is_read_back_from_its_name() {
        let capabilities = Capability::ALL.map(Rung::Capability);
        for rung in [
            Rung::Key,
            Rung::Model,
            Rung::Minimal,
            Rung::Streaming,
            Rung::Errors,
        ]
        .into_iter()
        .chain(capabilities)
        {
            assert_eq!(rung.to_string().parse(), Ok(rung));
        }
    }

    #[test]
    fn a_record_survives_the_store() {
        let record = ProbeRecord::Sample(Box::new(result()));
        let json = serde_json::to_string(&record).expect("writes");
        assert_eq!(
            serde_json::from_str::<ProbeRecord>(&json).expect("reads"),
            record
        );
    }

    #[test]
    fn an_answer_that_fails_a_check_has_failed() {
        let mut result = result();
        assert_eq!((result.verdict(), result.why()), (Verdict::Passed, None));
        let check = |verdict| CheckResult {
            check: "contains \"42\"".to_owned(),
            verdict,
            detail: "it does not".to_owned(),
        };
        result.checks = vec![check(Verdict::Skipped)];
        assert_eq!(result.verdict(), Verdict::Passed);
        result.checks.push(check(Verdict::Failed));
        assert_eq!(result.verdict(), Verdict::Failed);
        assert_eq!(result.why().unwrap(), "contains \"42\": it does not");
        result.failure = Some(ProbeFailure {
            class: ErrorClass::Overloaded,
            detail: "503".to_owned(),
        });
        assert_eq!(result.why().unwrap(), "overloaded: 503");
    }

    #[test]
    fn speed_is_counted_from_the_first_output() {
        assert_eq!(result().tokens_per_second(), Some(40.0));
        let whole = ProbeResult {
            stream: false,
            ..result()
        };
        assert_eq!(whole.tokens_per_second(), None);
    }

    #[test]
    fn prices_are_for_a_million_tokens() {
        let price = Price {
            input: 3.0,
            output: 15.0,
            currency: "USD".to_owned(),
        };
        let cost = price.of(result().usage);
        assert!((cost.amount - 0.0042).abs() < 1e-9, "{}", cost.amount);
    }
}
