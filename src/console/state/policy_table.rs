//! Would a failure of each class fall back now? Asked of the very code that the gateway runs.
//!
//! For the workload detail. It must not decide anything by itself.

use jiff::Timestamp;

use super::data::Data;
use crate::{
    control::Overview,
    model::{ErrorClass, Mode, Reason, RouteName, Workload},
    policy::{
        CircuitView, Decision, Failure, RequestFacts, Side, Situation, Switches, decide, explain,
    },
};

/// The answer for one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the fallback would be asked.
    pub falls_back: bool,
    /// Why, in two or three words.
    pub brief: &'static str,
    /// Why, in a sentence.
    pub why: String,
}

/// The answers for every class; empty while configuration or overrides are not known.
#[must_use]
pub fn of(data: &Data, workload: &Workload, now: Timestamp) -> Vec<(ErrorClass, Verdict)> {
    let (Some(catalog), Some(overrides)) = (&data.catalog, &data.overrides) else {
        return Vec::new();
    };
    let Some(primary) = catalog.routes.get(&workload.primary) else {
        return Vec::new();
    };
    let fallback = workload
        .fallback
        .as_ref()
        .and_then(|name| catalog.routes.get(name));
    let sites = data.overview.as_ref().map(Overview::sites);
    let sites = sites.unwrap_or_default();
    let mut switches = Switches::common(workload, overrides, &sites, now);
    if switches.mode == Mode::Force {
        // The table answers for requests that went to the primary.
        switches.mode = Mode::Auto;
    }
    let circuit = |route: Option<&RouteName>| {
        let status = data.overview.as_ref().and_then(|overview| {
            overview
                .routes
                .iter()
                .find(|status| Some(&status.route) == route)
        });
        CircuitView {
            state: status.map(|status| status.circuit).unwrap_or_default(),
            ..CircuitView::default()
        }
    };
    let situation = Situation {
        workload,
        primary,
        fallback,
        switches: &switches,
        request: RequestFacts {
            replayable: true,
            ..RequestFacts::default()
        },
        attempts: 1,
        // Backing off comes before the question.
        backoffs: workload.backoff.retries,
        primary_circuit: circuit(Some(&workload.primary)),
        fallback_circuit: circuit(workload.fallback.as_ref()),
        asked_while_paused: false,
        fallback_saturated: false,
        time_left: None,
        retry_budget_left: true,
    };
    ErrorClass::ALL
        .into_iter()
        .map(|class| (class, verdict(&situation, class)))
        .collect()
}

fn verdict(situation: &Situation<'_>, class: ErrorClass) -> Verdict {
    let failure = Failure {
        side: Side::Primary,
        class,
        retry_after: None,
        caller_limit: false,
        saturated: false,
        committed: false,
    };
    let workload = situation.workload;
    let tries = workload.backoff.retries + 1;
    let (falls_back, brief, why) = match decide(situation, &failure) {
        Decision::Refuse { why } => {
            let sentence = match (&why, class) {
                (Reason::NeverTrigger, ErrorClass::Authentication) => {
                    "never: the credential was refused".to_owned()
                }
                (Reason::NeverTrigger, _) => "never: the request itself is wrong".to_owned(),
                (Reason::NotListed, _) => "not a trigger of this workload".to_owned(),
                (_, _) => explain(&why),
            };
            (false, brief(&why), sentence)
        }
        Decision::Retry { .. } => (
            false,
            "asked again",
            "the primary is asked again".to_owned(),
        ),
        Decision::Fallback { .. } => match workload.justifications.get(&class) {
            Some(why) => (true, "by exception", format!("by exception: {why}")),
            None if class == ErrorClass::RateLimited && tries > 1 => (
                true,
                "after backoff",
                format!("a trigger, after {tries} tries on the primary"),
            ),
            None => (true, "a trigger", "a trigger of this workload".to_owned()),
        },
    };
    Verdict {
        falls_back,
        brief,
        why,
    }
}

/// A refusal in two or three words.
#[must_use]
pub const fn brief(reason: &Reason) -> &'static str {
    match reason {
        Reason::NeverTrigger => "never a trigger",
        Reason::NotListed => "not a trigger",
        Reason::Held => "on hold",
        Reason::NoFallbackConfigured => "none by policy",
        Reason::FallbackDrained => "drained",
        Reason::FallbackCircuitOpen => "paused",
        Reason::FamilyDiffers => "other family",
        Reason::MissingCapability { .. } => "lacks something",
        Reason::VectorsDiffer => "other vectors",
        Reason::BoundaryCrossed { .. } => "boundary",
        Reason::NoticeImpossible => "no notice",
        Reason::PaidTierWithoutNotice => "paid, no notice",
        Reason::AttemptsSpent | Reason::RetryBudgetSpent => "used up",
        Reason::EventNotDurable => "not durable",
        Reason::NotReplayable => "not repeatable",
        Reason::CallerLimit => "caller's limit",
        Reason::AfterCommit => "had begun",
        Reason::AllRoutesFailed => "failed, too",
        Reason::ContextTooSmall { .. } => "too long for it",
        Reason::ReasoningBound => "bound reasoning",
        Reason::NotEntitled => "not entitled",
        Reason::AllRoutesDown { .. } => "all paused",
        Reason::PrimarySaturated => "primary full",
        Reason::FallbackSaturated => "full",
        Reason::Trigger => "a trigger",
        Reason::Forced { .. } | Reason::ForcedByConfig => "forced",
        Reason::Drained { .. } => "primary drained",
        Reason::CircuitOpen => "primary paused",
        Reason::ProviderFallback { .. } => "by the provider",
        Reason::Readiness { .. } => "readiness",
    }
}
