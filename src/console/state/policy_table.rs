//! Would a failure of each class fall back now? Asked of the very code that the gateway runs.
//!
//! For the workload detail. It must not decide anything by itself.

use jiff::Timestamp;

use super::data::Data;
use crate::{
    model::{Change, ErrorClass, Mode, OverrideKey, Overrides, RouteName, Workload},
    policy::{
        CircuitView, Decision, Failure, RequestFacts, Side, Situation, Switches, decide, explain,
    },
};

/// The answer for one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the fallback would be asked.
    pub falls_back: bool,
    /// Why, in words.
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
    let switches = switches(workload, overrides, now);
    let circuit = |route: Option<&RouteName>| {
        let status = data.overview.as_ref().and_then(|overview| {
            overview
                .routes
                .iter()
                .find(|status| Some(&status.route) == route)
        });
        CircuitView {
            state: status.map(|status| status.circuit).unwrap_or_default(),
            tripped_by: None,
            trip: None,
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
        committed: false,
    };
    let workload = situation.workload;
    match decide(situation, &failure) {
        Decision::Refuse { why } => Verdict {
            falls_back: false,
            why: explain(&why),
        },
        Decision::Retry { .. } => Verdict {
            falls_back: false,
            why: "the primary is asked again".to_owned(),
        },
        Decision::Fallback { .. } => Verdict {
            falls_back: true,
            why: match workload.justifications.get(&class) {
                Some(why) => format!("by exception: {why}"),
                None if class == ErrorClass::RateLimited && workload.backoff.retries > 0 => {
                    format!(
                        "after {} tries on the primary",
                        workload.backoff.retries + 1
                    )
                }
                None => "listed by the policy".to_owned(),
            },
        },
    }
}

fn switches(workload: &Workload, overrides: &Overrides, now: Timestamp) -> Switches {
    let mode = overrides.active(&OverrideKey::Mode(workload.name.clone()), now);
    let notice = overrides.active(&OverrideKey::Notice(workload.name.clone()), now);
    let drained = |route: &RouteName| {
        overrides
            .active(&OverrideKey::Drain(route.clone()), now)
            .map(|entry| entry.actor.name().to_owned())
    };
    let of = |change: Option<Change>| match change {
        Some(Change::Mode(mode)) => mode,
        Some(Change::Notice(_) | Change::Drain) | None => workload.mode,
    };
    Switches {
        mode: match of(mode.map(|entry| entry.change)) {
            // The table answers for requests that went to the primary.
            Mode::Force => Mode::Auto,
            other => other,
        },
        mode_by: mode.map(|entry| entry.actor.name().to_owned()),
        break_glass: mode.is_some_and(|entry| entry.break_glass),
        notice: match notice.map(|entry| entry.change) {
            Some(Change::Notice(given)) => given,
            Some(Change::Mode(_) | Change::Drain) | None => workload.notice.enabled,
        },
        primary_drained_by: drained(&workload.primary),
        fallback_drained_by: workload.fallback.as_ref().and_then(drained),
        revision: overrides.revision,
    }
}
