//! Fallback events: the record of one decision over its attempts. No fallback is ever silent.
//!
//! Written by the gateway before the answer completes; read by console, CLI and metrics.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use super::{
    AllDown, BoundaryKind, CapabilitySet, ClientName, ErrorClass, ErrorDetail, Family, GatewayName,
    Method, NoticeGiven, Readiness, Revision, RouteName, WorkloadName,
};

/// The identity of an event: sortable by time, unique over the fleet.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Ulid);

impl EventId {
    /// Makes an id from a moment and 80 random bits.
    #[must_use]
    pub fn new(at: Timestamp, random: u128) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Self(Ulid::from_parts(millis, random))
    }

    /// The moment it was made at, to the millisecond.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        let millis = i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX);
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
    }

    /// The id as 16 bytes, in the order of time.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 16] {
        self.0.to_bytes()
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.0.array_to_str(&mut [0; ulid::ULID_LEN]))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::str::FromStr for EventId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ulid::from_string(text)
            .map(Self)
            .map_err(|_| format!("`{text}` is not an event id"))
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.array_to_str(&mut [0; ulid::ULID_LEN]))
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The place of an entry in the store's event log; grows, may have gaps. 0: before the first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventDecision {
    /// The fallback was chosen to serve.
    Fallback,
    /// A fallback was wanted or possible and the policy did not allow it; the primary's error was returned.
    Refused,
    /// The fallback was tried, too, and failed.
    Exhausted,
    /// The answer broke after its first output; nothing was switched.
    Broken,
    /// The provider itself answered with another model than the one it was asked for. The gateway decided
    /// nothing and gave no notice of its own.
    ProviderMade,
    /// No request was decided: the readiness of the fallback has changed.
    Readiness,
}

impl EventDecision {
    /// Every decision, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Fallback,
        Self::Refused,
        Self::Exhausted,
        Self::Broken,
        Self::ProviderMade,
        Self::Readiness,
    ];

    /// The name used in labels and filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::Broken => "broken",
            Self::ProviderMade => "provider-made",
            Self::Readiness => "readiness",
        }
    }
}

impl fmt::Display for EventDecision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Why it was decided so. `policy::explain` turns it into a sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Reason {
    /// The class is a trigger of the workload.
    Trigger,
    /// An operator forced the workload at this revision.
    Forced {
        /// Who.
        by: String,
        /// The override's revision.
        revision: Revision,
    },
    /// The configuration's default mode is `force`.
    ForcedByConfig,
    /// The primary is drained by an operator.
    Drained {
        /// Who.
        by: String,
    },
    /// The primary's circuit is open.
    CircuitOpen,
    /// The class never causes a fallback (400 and 401).
    NeverTrigger,
    /// The workload does not list the class.
    NotListed,
    /// The mode is `hold`.
    Held,
    /// The workload has no fallback route.
    NoFallbackConfigured,
    /// The fallback route is drained.
    FallbackDrained,
    /// The fallback's circuit is open.
    FallbackCircuitOpen,
    /// The fallback speaks another family.
    FamilyDiffers,
    /// The request needs what the fallback lacks.
    MissingCapability {
        /// What is missing.
        missing: CapabilitySet,
    },
    /// The fallback's model makes vectors of another space, and the policy does not allow it.
    VectorsDiffer,
    /// The request surely takes more context than the fallback has.
    ContextTooSmall {
        /// Tokens, at least, the reserved output included.
        needs: u32,
        /// Tokens.
        has: u32,
    },
    /// The history holds reasoning that is signed or encrypted for the model that wrote it.
    ReasoningBound,
    /// The fallback route is not open to this workload.
    NotEntitled,
    /// A boundary would be crossed that the policy does not allow.
    BoundaryCrossed {
        /// Which.
        boundary: BoundaryKind,
    },
    /// The workload demands a notice and it cannot be given.
    NoticeImpossible,
    /// The paid tier may not be served by a fallback without a notice.
    PaidTierWithoutNotice,
    /// The attempts of this request, the client's own retries counted, are used up.
    AttemptsSpent,
    /// The share of live traffic that may be retried is used up.
    RetryBudgetSpent,
    /// The event could not be made durable and the workload refuses unlogged fallbacks.
    EventNotDurable,
    /// The request body is too large to be sent twice.
    NotReplayable,
    /// The caller's own time limit ran out, which says nothing about the route.
    CallerLimit,
    /// The answer had begun; models are never switched after that.
    AfterCommit,
    /// Both routes failed.
    AllRoutesFailed,
    /// The provider put a model of its own choice in the place of the one it was asked for.
    ProviderFallback {
        /// The model that was asked, or that the provider says declined.
        from: String,
        /// The model that answered.
        to: String,
        /// Why, when the provider says so: `refusal: cyber`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<String>,
    },
    /// Every route that may serve is paused, and the workload has a rule for that.
    AllRoutesDown {
        /// Which.
        rule: AllDown,
    },
    /// The primary runs as many requests on this gateway as it may.
    PrimarySaturated,
    /// The fallback runs as many requests on this gateway as it may.
    FallbackSaturated,
    /// The fallback's readiness has changed.
    Readiness {
        /// What it was.
        before: Readiness,
        /// What it is.
        now: Readiness,
        /// The first of its reasons; empty when it is ready.
        why: String,
    },
}

/// One upstream call of the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where it went.
    pub route: RouteName,
    /// The upstream's status, when it sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The upstream's error code or type, sanitised and shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it was classified as; `None`: no failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ErrorClass>,
    /// What exactly was wrong, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<ErrorDetail>,
    /// From its start to its failure or its first output.
    #[serde(with = "millis")]
    pub took: Duration,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its identity, also sent as `x-backstop-event`.
    pub id: EventId,
    /// When it was decided.
    pub at: Timestamp,
    /// By which gateway.
    pub gateway: GatewayName,
    /// For which workload.
    pub workload: WorkloadName,
    /// Which client asked; `None`: the gateway asks for no keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientName>,
    /// In which family.
    pub family: Family,
    /// Which of its methods, when it is not the one that the family is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// The primary route.
    pub primary: RouteName,
    /// The fallback route, when there is one.
    pub fallback: Option<RouteName>,
    /// What was decided.
    pub decision: EventDecision,
    /// Why.
    pub reason: Reason,
    /// The class of the failure that led here; `None` when forced or drained.
    pub class: Option<ErrorClass>,
    /// What exactly was wrong inside that class, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<ErrorDetail>,
    /// The primary's status, when it sent one.
    pub status: Option<u16>,
    /// The attempts so far, in order.
    pub attempts: Vec<Attempt>,
    /// How the caller was told.
    pub notice: NoticeGiven,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The override revision that was in force.
    pub revision: Revision,
    /// The configuration that was in force.
    pub fingerprint: String,
    /// What the reason does not say, in words: why a circuit is open, or that the request may not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// How the answer of an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// The answer reached its end.
    Completed,
    /// An error was returned to the client.
    ErrorReturned,
    /// The answer broke after its first output.
    Broken,
    /// The client went away.
    ClientGone,
}

/// The second record of an event, written when its answer ended. An event without one reads as
/// "outcome unknown": the gateway died in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which event.
    pub event: EventId,
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub kind: OutcomeKind,
    /// The status that the client saw.
    pub status: u16,
    /// The serving route's failure, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<ErrorClass>,
    /// How the notice in fact reached the caller: an answer without text, or one too large to be read, has no
    /// place for the one that was decided. `None`: no fallback answered, or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<NoticeGiven>,
    /// From the client's request to the first output.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "optional_millis"
    )]
    pub first_output: Option<Duration>,
    /// From the client's request to the end.
    #[serde(with = "millis")]
    pub total: Duration,
}

impl Outcome {
    /// Whether a route had answered well and nothing of its answer was given: the event could not be made durable in
    /// time, and the workload would rather return an error.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.kind == OutcomeKind::ErrorReturned
            && self.class.is_none()
            && self.first_output.is_some()
    }
}

/// What the event log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// A decision, durable before its answer completes.
    Decision(Box<Event>),
    /// How it ended.
    Outcome(Outcome),
}

/// An event as read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEvent {
    /// The place of its decision in the log.
    pub seq: Seq,
    /// The decision.
    #[serde(flatten)]
    pub event: Event,
    /// How it ended; `None`: unknown.
    pub outcome: Option<Outcome>,
}

mod millis {
    //! Durations as whole milliseconds.
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

mod optional_millis {
    //! Optional durations as whole milliseconds.
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde's `with` passes a reference")]
    pub(super) fn serialize<S: Serializer>(
        value: &Option<Duration>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::millis::serialize(value, to),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_millis))
    }
}
