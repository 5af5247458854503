//! Reasons in words: the same sentence in events, on screen, in the CLI and in error bodies.

use crate::model::{AllDown, Reason};

/// A short sentence, lower case, without a full stop: `400 and 401 never cause a fallback`.
#[must_use]
pub fn explain(reason: &Reason) -> String {
    match reason {
        Reason::Trigger => "the policy lists this failure as a trigger".to_owned(),
        Reason::Forced { by, revision } => format!("forced by {by} (revision {revision})"),
        Reason::ForcedByConfig => "forced by the configuration".to_owned(),
        Reason::Drained { by } => format!("the primary is drained by {by}"),
        Reason::CircuitOpen => "the primary's circuit is open".to_owned(),
        Reason::NeverTrigger => {
            "an invalid request or a refused credential never causes a fallback".to_owned()
        }
        Reason::NotListed => "the policy does not list this failure as a trigger".to_owned(),
        Reason::Held => "the workload is on hold: primary only".to_owned(),
        Reason::NoFallbackConfigured => "the workload has no fallback by policy".to_owned(),
        Reason::FallbackDrained => "the fallback route is drained".to_owned(),
        Reason::FallbackCircuitOpen => "the fallback's circuit is open".to_owned(),
        Reason::FamilyDiffers => "the fallback speaks another API family".to_owned(),
        Reason::MissingCapability { missing } => {
            format!("the request needs {missing}, which the fallback lacks")
        }
        Reason::VectorsDiffer => {
            "the fallback's model makes vectors that cannot be compared with the primary's"
                .to_owned()
        }
        Reason::BoundaryCrossed { boundary } => {
            format!("the {boundary} boundary would change and the policy does not allow it")
        }
        Reason::NoticeImpossible => {
            "the workload demands a notice to users and none is given".to_owned()
        }
        Reason::PaidTierWithoutNotice => {
            "a paid tier is never served by a fallback without a notice".to_owned()
        }
        Reason::AttemptsSpent => {
            "the attempts of this request, client retries counted, are used up".to_owned()
        }
        Reason::RetryBudgetSpent => "the retry budget of the workload is used up".to_owned(),
        Reason::EventNotDurable => {
            "the event could not be made durable and the workload refuses unlogged fallbacks"
                .to_owned()
        }
        Reason::NotReplayable => "the request cannot be sent a second time".to_owned(),
        Reason::CallerLimit => "the caller's own time limit ran out".to_owned(),
        Reason::AfterCommit => {
            "the answer had begun; models are never switched after the first output".to_owned()
        }
        Reason::AllRoutesFailed => "the fallback failed, too".to_owned(),
        Reason::ProviderFallback { from, to, trigger } => {
            let because = trigger
                .as_ref()
                .map_or_else(String::new, |trigger| format!(" ({trigger})"));
            format!("the provider itself answered with {to} instead of {from}{because}")
        }
        Reason::ContextTooSmall { needs, has } => {
            format!(
                "the request needs at least {needs} tokens of context and the fallback has {has}"
            )
        }
        Reason::ReasoningBound => {
            "the history holds reasoning that only the model that wrote it can read".to_owned()
        }
        Reason::NotEntitled => "the fallback route is not open to this workload".to_owned(),
        Reason::AllRoutesDown { rule } => format!(
            "every route that may serve is paused; by the rule all_down = \"{}\" {}",
            rule.as_str(),
            match rule {
                AllDown::Primary => "the primary was asked all the same",
                AllDown::Refuse => "nobody was asked",
            }
        ),
        Reason::PrimarySaturated => {
            "the primary runs as many requests on this gateway as it may".to_owned()
        }
        Reason::FallbackSaturated => {
            "the fallback runs as many requests on this gateway as it may".to_owned()
        }
        Reason::Readiness { before, now, why } => {
            let why = if why.is_empty() {
                String::new()
            } else {
                format!(": {why}")
            };
            format!("the fallback was {before} and is {now}{why}")
        }
    }
}
