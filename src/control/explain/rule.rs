//! Which rule of the policy stands behind a reason, and what would change it.
//!
//! Called for events and for workloads, and by the console. It reads the configuration as it is now and decides
//! nothing: the sentences name keys of the configuration and commands of the door.

use serde::Serialize;

use crate::{
    control::words::list,
    model::{AllDown, BoundaryKind, ErrorClass, Reason, Workload, visible},
};

/// The rule behind a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Where it stands and what it says, in a sentence.
    pub says: String,
    /// What would lead to another decision, one way each; empty: nothing can.
    pub change: Vec<String>,
}

impl Rule {
    fn new(says: impl Into<String>) -> Self {
        Self {
            says: says.into(),
            change: Vec::new(),
        }
    }

    /// A way to change it.
    fn or(mut self, change: impl Into<String>) -> Self {
        self.change.push(change.into());
        self
    }
}

/// The rule behind a reason, by a workload's policy of now. `class` is what the failure was, if there was one.
#[must_use]
#[expect(clippy::too_many_lines, reason = "the table is the point")]
pub fn rule(reason: &Reason, class: Option<ErrorClass>, workload: &Workload) -> Rule {
    let (name, primary) = (&workload.name, &workload.primary);
    let fallback = workload
        .fallback
        .as_ref()
        .map_or("the fallback", |route| route.as_str());
    let by_itself = "a circuit closes by itself when a trial request succeeds";
    match reason {
        Reason::Trigger | Reason::NotListed => trigger(class, workload),
        Reason::NeverTrigger => Rule::new(
            "fixed: another route would not cure a wrong request or a refused credential, and hiding one would \
             hide a fault",
        )
        .or("nothing in the configuration can; the request or the key has to be mended"),
        Reason::Forced { by, revision } => Rule::new(format!(
            "mode `force` of {name}, set by {} at revision {revision}: it goes over circuits and triggers, not \
             over the policy",
            visible(by, 120)
        ))
        .or(format!("`backstop auto {name}`, or the end of the override")),
        Reason::ForcedByConfig => Rule::new(format!("`mode = \"force\"` of {name}"))
            .or(format!("`backstop auto {name}`, or another `mode`")),
        Reason::Drained { by } => Rule::new(format!(
            "{primary} was drained by {}: no new request goes there",
            visible(by, 120)
        ))
        .or(format!(
            "`backstop undrain {primary}`, or the end of the override"
        )),
        Reason::FallbackDrained => Rule::new(format!(
            "{fallback} is drained: no new request goes there"
        ))
        .or(format!("`backstop undrain {fallback}`")),
        Reason::Held => Rule::new(format!("mode `hold` of {name}: primary only"))
            .or(format!("`backstop auto {name}` arms it")),
        Reason::CircuitOpen => Rule::new(format!(
            "the circuit of {primary}: after repeated failures it is not asked, but for one trial at a time"
        ))
        .or(by_itself)
        .or(format!(
            "`circuit = false` of {primary} asks it every time"
        )),
        Reason::FallbackCircuitOpen => Rule::new(format!(
            "the circuit of {fallback}: it failed repeatedly and is not asked, but for one trial at a time"
        ))
        .or(by_itself)
        .or(format!("`backstop force {name}` goes over the circuit")),
        Reason::AllRoutesDown { rule } => Rule::new(format!(
            "`all_down = \"{}\"` of {name}, while the circuits of its routes are open",
            rule.as_str()
        ))
        .or(by_itself)
        .or(match rule {
            AllDown::Primary => "`all_down = \"refuse\"` would ask nobody".to_owned(),
            AllDown::Refuse => {
                format!("`all_down = \"primary\"` would ask {primary} all the same")
            }
        }),
        Reason::AllRoutesFailed => Rule::new(format!(
            "{fallback} is the last route of {name}: there is nobody behind it"
        ))
        .or(format!(
            "a route that works: `backstop probe {fallback} --ladder` says which part of it fails"
        )),
        Reason::NoFallbackConfigured => {
            Rule::new(format!("{name} has no `fallback`")).or(format!("a `fallback` for {name}"))
        }
        Reason::FamilyDiffers => Rule::new(format!(
            "{name} speaks {}, and {fallback} does not: requests are never translated",
            workload.family
        ))
        .or("a fallback of the same family"),
        Reason::MissingCapability { missing } => Rule::new(format!(
            "`capabilities` of {fallback} lacks what this request uses: {missing}"
        ))
        .or(format!("a fallback that has {missing}"))
        .or(format!(
            "if {fallback} can do it: name it there, and prove it with `backstop probe {fallback} --ladder`"
        )),
        Reason::VectorsDiffer => Rule::new(format!(
            "the model of {fallback} is another one than that of {primary}, and vectors of two models cannot be \
             compared"
        ))
        .or("a fallback with the same model")
        .or(format!(
            "`may_change_vectors` of {name}, with the written reason"
        )),
        Reason::ContextTooSmall { needs, has } => Rule::new(format!(
            "`context_tokens = {has}` of {fallback}; the request takes {needs} or more"
        ))
        .or("a fallback with a larger context, or a shorter request"),
        Reason::ReasoningBound => Rule::new(format!(
            "the history holds signed reasoning; only the same model of the same provider can read it, and \
             {fallback} is another"
        ))
        .or("a conversation without it, or a fallback route to the same model"),
        Reason::NotEntitled => {
            Rule::new(format!("`workloads` of {fallback} does not name {name}"))
                .or(format!("name {name} there"))
        }
        Reason::BoundaryCrossed { boundary } => crossed(*boundary, workload),
        Reason::NoticeImpossible => untold(
            &format!("`notice.required` of {name}: never served by a fallback without it"),
            workload,
        ),
        Reason::PaidTierWithoutNotice => untold(
            &format!("`tier = \"paid\"` of {name}: never replaced without a notice"),
            workload,
        ),
        Reason::AttemptsSpent => Rule::new(format!(
            "`max_attempts = {}` of {name}, the client's own retries counted",
            workload.max_attempts
        ))
        .or("fewer retries of the client, or a higher limit"),
        Reason::RetryBudgetSpent => Rule::new(format!(
            "`retry_share = {}` of {name}: so much of its traffic may be asked twice",
            workload.retry_share
        ))
        .or("a larger share; or the primary's circuit, which opens when it keeps failing"),
        Reason::NotReplayable => {
            Rule::new("the body of the request was not kept, so it cannot be sent again")
                .or("a smaller request")
        }
        Reason::CallerLimit => Rule::new(
            "a time limit that the caller set counts against the caller, and nobody waits for another answer",
        )
        .or(format!(
            "a longer limit of the caller, or shorter `timeouts` of {name}, so that ours run out first"
        )),
        Reason::AfterCommit => Rule::new(
            "fixed: the first output had reached the caller, and answers of two models are never spliced",
        )
        .or("nothing can; the caller may ask again"),
        Reason::EventNotDurable => Rule::new(format!(
            "`on_log_failure = \"refuse\"` of {name}: no fallback without its event on disk"
        ))
        .or("a store that takes writes: `backstop status` says what is wrong with it")
        .or("`on_log_failure = \"serve\"` serves and marks it"),
        Reason::PrimarySaturated => Rule::new(format!(
            "`max_concurrent` of {primary} on this gateway; one more counts as overloaded"
        ))
        .or("a higher limit, or more gateways"),
        Reason::FallbackSaturated => Rule::new(format!(
            "`max_concurrent` of {fallback} on this gateway; nothing is queued"
        ))
        .or("a higher limit, or more gateways"),
        Reason::ProviderFallback { .. } => Rule::new(
            "none of ours: the gateway asked for one model, and the answer names another",
        )
        .or("the provider's own settings, or `serves` of the route if the name is only another spelling"),
        Reason::Readiness { .. } => Rule::new(
            "readiness is judged from probes, traffic, circuits, switches and reviews; it moves no traffic",
        )
        .or(format!("`backstop probe {name}` proves it anew")),
    }
}

fn trigger(class: Option<ErrorClass>, workload: &Workload) -> Rule {
    let name = &workload.name;
    let listed = if workload.triggers.is_empty() {
        format!("`triggers` of {name} is empty: nothing falls back")
    } else {
        format!("`triggers` of {name}: {}", list(workload.triggers.iter()))
    };
    let Some(class) = class else {
        return Rule::new(listed);
    };
    if !workload.triggers.contains(class) {
        let add = format!("name `{class}` in `triggers`");
        return Rule::new(format!("{listed}; {class} is not one of them")).or(match class {
            ErrorClass::Forbidden | ErrorClass::QuotaExhausted => {
                format!("{add}, with a written reason in `justify`")
            }
            ErrorClass::InvalidRequest | ErrorClass::Authentication => {
                format!("nothing: {class} can never be a trigger")
            }
            ErrorClass::RateLimited
            | ErrorClass::ServerError
            | ErrorClass::Overloaded
            | ErrorClass::Timeout
            | ErrorClass::Unreachable
            | ErrorClass::BrokenResponse => add,
        });
    }
    let exception = workload
        .justifications
        .get(&class)
        .map_or_else(String::new, |why| {
            format!("; by exception: {}", visible(why, 200))
        });
    Rule::new(format!("{listed}{exception}"))
        .or(format!(
            "`backstop hold {name}` keeps everything on {} for a while",
            workload.primary
        ))
        .or(format!(
            "without `{class}` in `triggers` the callers get the error"
        ))
}

fn crossed(boundary: BoundaryKind, workload: &Workload) -> Rule {
    let allowed = if workload.may_cross.is_empty() {
        "nothing".to_owned()
    } else {
        list(&workload.may_cross)
    };
    Rule::new(format!(
        "`boundary.{boundary}` of the fallback differs from that of {}, and `may_cross` of {} allows {allowed}",
        workload.primary, workload.name
    ))
    .or(format!("`{boundary}` in `may_cross`, if that is meant"))
    .or(format!(
        "`backstop force {}` with break-glass: a named person answers for it in writing",
        workload.name
    ))
}

fn untold(says: &str, workload: &Workload) -> Rule {
    let name = &workload.name;
    if workload.notice.text.is_empty() {
        return Rule::new(format!("{says}; it has no `notice.text`"))
            .or(format!("a `notice.text` for {name}"));
    }
    Rule::new(format!("{says}; the notice is switched off"))
        .or(format!("`backstop notice on {name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{control::fixture, model::Revision};

    #[test]
    #[expect(clippy::too_many_lines, reason = "the table is the point")]
    fn every_reason_has_a_rule_that_names_where_it_stands() {
        let mut workload = fixture::workload("chat", "premium", Some("stable"));
        workload
            .justifications
            .insert(ErrorClass::Forbidden, "the \u{1b}[2Jregion is shut".into());
        for (reason, class, says, change) in [
            (
                Reason::Trigger,
                Some(ErrorClass::Timeout),
                "`triggers` of chat: server-error and timeout",
                "`backstop hold chat`",
            ),
            (
                Reason::NotListed,
                Some(ErrorClass::RateLimited),
                "rate-limited is not one of them",
                "name `rate-limited` in `triggers`",
            ),
            (
                Reason::NotListed,
                Some(ErrorClass::Forbidden),
                "forbidden is not one of them",
                "with a written reason in `justify`",
            ),
            (
                Reason::NeverTrigger,
                Some(ErrorClass::Authentication),
                "fixed",
                "nothing in the configuration can",
            ),
            (
                Reason::Forced {
                    by: "mira\u{202e}".into(),
                    revision: Revision(7),
                },
                None,
                "set by mira\u{fffd} at revision 7",
                "`backstop auto chat`",
            ),
            (
                Reason::Drained { by: "jo".into() },
                None,
                "premium was drained by jo",
                "`backstop undrain premium`",
            ),
            (
                Reason::Held,
                None,
                "mode `hold` of chat",
                "`backstop auto chat`",
            ),
            (
                Reason::FallbackDrained,
                None,
                "stable is drained",
                "`backstop undrain stable`",
            ),
            (
                Reason::AllRoutesDown {
                    rule: AllDown::Refuse,
                },
                None,
                "`all_down = \"refuse\"` of chat",
                "closes by itself",
            ),
            (
                Reason::BoundaryCrossed {
                    boundary: BoundaryKind::Region,
                },
                None,
                "`may_cross` of chat allows nothing",
                "`region` in `may_cross`",
            ),
            (
                Reason::NoticeImpossible,
                None,
                "the notice is switched off",
                "`backstop notice on chat`",
            ),
            (
                Reason::ContextTooSmall {
                    needs: 9000,
                    has: 8000,
                },
                None,
                "`context_tokens = 8000` of stable",
                "larger context",
            ),
            (
                Reason::AttemptsSpent,
                None,
                "`max_attempts = 2` of chat",
                "fewer retries",
            ),
        ] {
            let found = rule(&reason, class, &workload);
            assert!(found.says.contains(says), "{reason:?}: {found:?}");
            assert!(
                found.change.join("; ").contains(change),
                "{reason:?}: {found:?}"
            );
        }
    }

    #[test]
    fn a_trigger_by_exception_says_why() {
        let mut workload = fixture::workload("chat", "premium", Some("stable"));
        workload.triggers.insert(ErrorClass::Forbidden);
        let why = "the \u{1b}[2Jregion is shut";
        workload
            .justifications
            .insert(ErrorClass::Forbidden, why.to_owned());
        let found = rule(&Reason::Trigger, Some(ErrorClass::Forbidden), &workload);
        assert!(
            found
                .says
                .ends_with("by exception: the \u{241b}[2Jregion is shut"),
            "{found:?}"
        );
    }
}
