//! A workload in words: what would happen to a request now, and after each kind of failure.
//!
//! It asks the very code that decides on traffic, with the switches and circuits of now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    Explanation, Facts, MayTrigger, Part,
    rule::{Rule, rule},
};
use crate::{
    control::{
        Overview, RouteStatus, WorkloadStatus,
        words::{ago, clock, percent, who},
    },
    model::{
        AllDown, Catalog, CircuitState, ErrorClass, Mode, NoticeGiven, Overrides, Reason, Route,
        RouteName, Subject, Workload, visible,
    },
    policy::{
        self, CircuitView, Decision, Failure, Opening, RequestFacts, Side, Situation, Switches,
        decide, explain, open,
    },
};

/// What an explanation rests on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// The configuration.
    pub(super) catalog: &'a Catalog,
    /// What operators switched.
    pub(super) overrides: &'a Overrides,
    /// What is going on.
    pub(super) overview: &'a Overview,
    /// The moment of the question.
    pub(super) now: Timestamp,
}

impl Ground<'_> {
    /// The switches of a workload, as far as they are the same on all gateways.
    fn switches(&self, workload: &Workload) -> Switches {
        Switches::common(workload, self.overrides, &self.overview.sites(), self.now)
    }
}

/// What a failure of the primary would lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassFate {
    /// The fallback that would be asked; `None`: the caller gets the failure.
    pub falls_back_to: Option<RouteName>,
    /// How often the primary is asked again before.
    pub asked_again: u32,
    /// How the caller would be told.
    pub notice: Option<NoticeGiven>,
    /// Why, in words.
    pub why: String,
    /// The rule that says so.
    pub rule: Rule,
}

/// What would happen now to requests of a workload: at first, and for each class of failure.
fn situation<'a>(
    ground: Ground<'a>,
    workload: &'a Workload,
    primary: &'a Route,
    switches: &'a Switches,
) -> Situation<'a> {
    let view = |name: &RouteName| {
        let status = ground.overview.route(name);
        CircuitView {
            state: status.map(|status| status.circuit).unwrap_or_default(),
            tripped_by: status.and_then(tripped_by),
            ..CircuitView::default()
        }
    };
    let primary_circuit = view(&workload.primary);
    Situation {
        workload,
        primary,
        fallback: workload
            .fallback
            .as_ref()
            .and_then(|name| ground.catalog.routes.get(name)),
        switches,
        request: RequestFacts {
            replayable: true,
            ..RequestFacts::default()
        },
        attempts: 0,
        backoffs: 0,
        primary_circuit,
        fallback_circuit: workload.fallback.as_ref().map(view).unwrap_or_default(),
        asked_while_paused: primary_circuit.state == CircuitState::Open
            && workload.all_down == AllDown::Primary,
        fallback_saturated: false,
        time_left: None,
        retry_budget_left: true,
    }
}

/// The class that opened a circuit: gateways say it first, before what was counted.
fn tripped_by(status: &RouteStatus) -> Option<ErrorClass> {
    let words = status.tripped_by.as_deref()?;
    words.split(':').next()?.trim().parse().ok()
}

/// What a failure of the primary would lead to now, for each class; empty when the primary is not configured.
fn fates(ground: Ground<'_>, workload: &Workload) -> BTreeMap<ErrorClass, ClassFate> {
    let Some(primary) = ground.catalog.routes.get(&workload.primary) else {
        return BTreeMap::new();
    };
    let mut switches = ground.switches(workload);
    if switches.mode == Mode::Force {
        // The table answers for requests that went to the primary.
        switches.mode = Mode::Auto;
    }
    let situation = Situation {
        attempts: 1,
        // Asking again comes before the question.
        backoffs: workload.backoff.retries,
        ..situation(ground, workload, primary, &switches)
    };
    ErrorClass::ALL
        .into_iter()
        .map(|class| (class, fate(&situation, class)))
        .collect()
}

fn fate(situation: &Situation<'_>, class: ErrorClass) -> ClassFate {
    let workload = situation.workload;
    let failure = Failure {
        side: Side::Primary,
        class,
        retry_after: None,
        caller_limit: false,
        saturated: false,
        committed: false,
    };
    let asked_again = match class {
        ErrorClass::RateLimited => workload.backoff.retries,
        ErrorClass::InvalidRequest
        | ErrorClass::Authentication
        | ErrorClass::Forbidden
        | ErrorClass::QuotaExhausted
        | ErrorClass::ServerError
        | ErrorClass::Overloaded
        | ErrorClass::Timeout
        | ErrorClass::Unreachable
        | ErrorClass::BrokenResponse => 0,
    };
    let (falls_back_to, notice, reason) = match decide(situation, &failure) {
        Decision::Fallback { notice, why } => (workload.fallback.clone(), Some(notice), why),
        Decision::Refuse { why } => (None, None, why),
        // All repeats are spent in this situation.
        Decision::Retry { .. } => (None, None, Reason::NotListed),
    };
    ClassFate {
        falls_back_to,
        asked_again,
        notice,
        why: explain(&reason),
        rule: rule(&reason, Some(class), workload),
    }
}

/// Explains a workload.
pub(super) fn workload(ground: Ground<'_>, workload: &Workload) -> Explanation {
    let switches = ground.switches(workload);
    let status = ground.overview.workload(&workload.name);
    let fates = fates(ground, workload);
    let mut change: Vec<String> = Vec::new();
    let headline = match ground.catalog.routes.get(&workload.primary) {
        Some(primary) => {
            let mut situation = situation(ground, workload, primary, &switches);
            let on_trial = situation.primary_circuit.state == CircuitState::HalfOpen;
            if on_trial {
                // All but the one that tries it are sent as if it were open.
                situation.primary_circuit.state = CircuitState::Open;
            }
            let said = opened(workload, &open(&situation), &fates, &mut change);
            if on_trial {
                format!("{said} (one at a time tries {})", workload.primary)
            } else {
                said
            }
        }
        None => format!(
            "{} cannot serve: its primary is not configured",
            workload.name
        ),
    };
    let refused = |class: &ErrorClass, fate: &ClassFate| {
        fate.falls_back_to.is_none() && MayTrigger::of(*class) != MayTrigger::Never
    };
    for (_, fate) in fates.iter().filter(|(class, fate)| refused(class, fate)) {
        for way in &fate.rule.change {
            if !change.contains(way) {
                change.push(way.clone());
            }
        }
    }
    Explanation {
        headline,
        parts: vec![
            Part::new("Now", now(ground, workload, &switches, status)),
            Part::new(
                "If the primary fails a request with",
                fates.iter().map(|(class, fate)| row(*class, fate)),
            ),
            Part::new("What would change it", change),
        ],
        facts: Facts::Workload {
            workload: workload.name.clone(),
            mode: switches.mode,
            classes: fates,
        },
    }
}

/// The answer in one sentence: who serves the next request, and what catches it.
fn opened(
    workload: &Workload,
    opening: &Opening,
    fates: &BTreeMap<ErrorClass, ClassFate>,
    change: &mut Vec<String>,
) -> String {
    let (name, primary) = (&workload.name, &workload.primary);
    let fallback = workload
        .fallback
        .as_ref()
        .map_or("no route", |route| route.as_str());
    let mut ways = |reason: &Reason| change.extend(rule(reason, None, workload).change);
    match opening {
        Opening::Fallback { why, .. } => {
            ways(why);
            let why = explain(why);
            format!("the next request of {name} goes to {fallback}, not to {primary}: {why}")
        }
        Opening::Refuse { why } => {
            ways(why);
            format!("the next request of {name} is refused: {}", explain(why))
        }
        Opening::Primary { refused: Some(why) } => {
            ways(why);
            let why = explain(why);
            format!("the next request of {name} goes to {primary}, although it should not: {why}")
        }
        Opening::Primary { refused: None } => {
            let caught: Vec<&str> = fates
                .iter()
                .filter(|(_, fate)| fate.falls_back_to.is_some())
                .map(|(class, _)| class.as_str())
                .collect();
            if caught.is_empty() {
                format!(
                    "the next request of {name} goes to {primary}, and nothing catches it when that fails"
                )
            } else {
                format!(
                    "the next request of {name} goes to {primary}; {fallback} catches {}",
                    crate::control::words::list(caught)
                )
            }
        }
    }
}

fn now(
    ground: Ground<'_>,
    workload: &Workload,
    switches: &Switches,
    status: Option<&WorkloadStatus>,
) -> Vec<String> {
    let subject = Subject::Mode(workload.name.clone());
    let sites = ground.overview.sites();
    // What the switches rest on: a site's own word counts where all sites agree.
    let deciding = |site| policy::deciding(ground.overrides, &subject, site, ground.now);
    let found = [sites.first(), None]
        .into_iter()
        .map(deciding)
        .find(|found| found.is_some() == switches.mode_by.is_some())
        .flatten();
    let mut lines = vec![match found {
        None => format!("mode {}, by the configuration", switches.mode),
        Some((scope, entry)) => {
            let place = if scope.is_all() {
                String::new()
            } else {
                format!(" {}", visible(&scope.words(), 80))
            };
            let until = entry.expires.map_or_else(
                || "until changed".to_owned(),
                |end| format!("until {}", clock(end)),
            );
            let note = if entry.note.is_empty() {
                String::new()
            } else {
                format!(": {}", visible(&entry.note, 200))
            };
            format!(
                "mode {}, by {}{place} since {} {until}, reason {}{note}",
                switches.mode,
                visible(entry.actor.name(), 40),
                clock(entry.since),
                entry.reason
            )
        }
    }];
    if let Some(mixed) = status.and_then(|status| status.mixed) {
        lines.push(format!(
            "the mode differs between gateways: {} on {} of {}",
            mixed.mode, mixed.on, mixed.of
        ));
    }
    for scoped in status.iter().flat_map(|status| &status.scoped) {
        lines.push(visible(&scoped.to_string(), 200).into_owned());
    }
    lines.push(if workload.notice.text.is_empty() {
        "notice: none is configured".to_owned()
    } else if switches.notice {
        format!("notice: given, \"{}\"", visible(&workload.notice.text, 200))
    } else {
        "notice: switched off".to_owned()
    });
    let routes = [
        ("primary", Some(&workload.primary)),
        ("fallback", workload.fallback.as_ref()),
    ];
    for (place, name) in routes {
        lines.push(match name {
            Some(name) => route(ground.overview.route(name), place, name),
            None => format!("{place}: none by policy"),
        });
    }
    if let Some(status) = status {
        let readiness = &status.readiness;
        let proven = readiness.proven.map_or_else(String::new, |at| {
            format!(", proven {}", ago(at, ground.now))
        });
        lines.push(format!("readiness: {}{proven}", readiness.word));
        for reason in &readiness.reasons {
            let seen = reason
                .at
                .map_or_else(String::new, |at| format!(" ({})", ago(at, ground.now)));
            lines.push(format!(
                "  {}: {}{seen}",
                reason.word,
                visible(&reason.why, 300)
            ));
        }
        lines.push(match status.review.missing() {
            shut if shut.is_empty() => format!("review: {}", status.review),
            shut => format!(
                "review: {}: {}",
                status.review,
                visible(&shut.join("; "), 300)
            ),
        });
        if let Some(debt) = &status.debt {
            lines.push(format!(
                "review owed: {} went past the gate {}",
                who(&debt.by),
                ago(debt.since, ground.now)
            ));
        }
        lines.extend(status.alarms.iter().map(|alarm| {
            let alarm = alarm.to_string();
            format!("look at: {}", visible(&alarm, 300))
        }));
    }
    lines
}

fn route(status: Option<&RouteStatus>, place: &str, name: &RouteName) -> String {
    let Some(status) = status else {
        return format!("{place} {name}: not configured");
    };
    let mut parts = vec![match (status.circuit, &status.tripped_by) {
        (CircuitState::Closed, _) => "circuit closed".to_owned(),
        (CircuitState::Open, None) => "circuit OPEN".to_owned(),
        (CircuitState::Open, Some(why)) => format!("circuit OPEN ({})", visible(why, 200)),
        (CircuitState::HalfOpen, None) => "circuit half-open: on trial".to_owned(),
        (CircuitState::HalfOpen, Some(why)) => {
            format!("circuit half-open: on trial ({})", visible(why, 200))
        }
    }];
    if let Some(by) = &status.drained_by {
        parts.push(format!("DRAINED by {}", visible(by, 40)));
    }
    if let Some(share) = status.failure_share {
        parts.push(format!("{} of its attempts fail", percent(share)));
    }
    format!("{place} {name}: {}", parts.join(", "))
}

fn row(class: ErrorClass, fate: &ClassFate) -> String {
    let again = if fate.asked_again > 0 {
        format!("asked again {} times, then ", fate.asked_again)
    } else {
        String::new()
    };
    match (&fate.falls_back_to, fate.notice) {
        (Some(route), notice) => {
            let told = match notice {
                Some(NoticeGiven::Header) => "told by header",
                Some(NoticeGiven::Inline) => "told by header and in the answer",
                Some(NoticeGiven::None) | None => "NO notice",
            };
            format!("{class:<17}{again}falls back to {route}, {told}")
        }
        (None, _) => format!("{class:<17}{again}the caller gets it: {}", fate.why),
    }
}

#[cfg(test)]
mod tests;
