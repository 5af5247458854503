//! An event in words: one line for lists, and the whole of it for reading.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::{
    pen::{Line, paragraph},
    words,
};
use crate::{
    console::{app::App, glyph::Glyphs, state::policy_table, theme::Role},
    control,
    model::{
        Attempt, ErrorClass, Event, EventDecision, NoticeGiven, OutcomeKind, Reason, StoredEvent,
    },
    policy,
};

/// Without an outcome for so long, none will come: its gateway died.
const GIVEN_UP: Duration = Duration::from_mins(5);

/// What happened, in one line, as much of it as fits: names and reasons are shortened before anything is cut.
pub(super) fn line(app: &App, stored: &StoredEvent, glyphs: &Glyphs, room: usize) -> String {
    let full = told(app, stored, glyphs, true, true);
    if full.width() <= room {
        return full;
    }
    let brief = told(app, stored, glyphs, true, false);
    if brief.width() <= room {
        return brief;
    }
    told(app, stored, glyphs, false, false)
}

fn told(app: &App, stored: &StoredEvent, glyphs: &Glyphs, named: bool, sentences: bool) -> String {
    let event = &stored.event;
    let failure = failure(event, named);
    match event.decision {
        EventDecision::Fallback => {
            let fallback = event.fallback.as_ref().map_or("?", |route| route.as_str());
            let fallback = words::safe(fallback);
            let ended = ended(app, stored);
            match because(&event.reason) {
                Some(because) => format!("served by {fallback} ({because}) {ended}"),
                None => format!("{failure} {} {fallback} {ended}", glyphs.arrow),
            }
        }
        EventDecision::Refused => {
            let why = if sentences {
                policy::explain(&event.reason)
            } else {
                policy_table::brief(&event.reason).to_owned()
            };
            format!("{failure} refused: {why}")
        }
        EventDecision::Exhausted => {
            let second = event.attempts.last().map(attempt).unwrap_or_default();
            format!("{failure} {} {second} failed, too", glyphs.arrow)
        }
        EventDecision::Broken => {
            let route = event
                .attempts
                .last()
                .map_or(&event.primary, |last| &last.route);
            format!(
                "{} broke after its first output",
                words::safe(route.as_str())
            )
        }
        EventDecision::ProviderMade => match (&event.reason, sentences) {
            (Reason::ProviderFallback { from, to, .. }, false) => format!(
                "by the provider: {} {} {}",
                words::safe(from),
                glyphs.arrow,
                words::safe(to)
            ),
            (reason, _) => words::safe(&policy::explain(reason)).into_owned(),
        },
        EventDecision::Readiness => {
            let sentence = policy::explain(&event.reason);
            words::safe(&sentence).into_owned()
        }
    }
}

/// Why a fallback served without a failure of this request.
fn because(reason: &Reason) -> Option<String> {
    match reason {
        Reason::Forced { by, .. } => Some(format!("forced by {}", words::safe(by))),
        Reason::ForcedByConfig => Some("forced by the configuration".to_owned()),
        Reason::Drained { by } => Some(format!("primary drained by {}", words::safe(by))),
        Reason::CircuitOpen => Some("primary paused".to_owned()),
        Reason::PrimarySaturated => Some("primary full".to_owned()),
        Reason::Trigger
        | Reason::NeverTrigger
        | Reason::NotListed
        | Reason::Held
        | Reason::NoFallbackConfigured
        | Reason::FallbackDrained
        | Reason::FallbackCircuitOpen
        | Reason::FamilyDiffers
        | Reason::MissingCapability { .. }
        | Reason::VectorsDiffer
        | Reason::BoundaryCrossed { .. }
        | Reason::NoticeImpossible
        | Reason::PaidTierWithoutNotice
        | Reason::AttemptsSpent
        | Reason::RetryBudgetSpent
        | Reason::EventNotDurable
        | Reason::NotReplayable
        | Reason::CallerLimit
        | Reason::AfterCommit
        | Reason::ContextTooSmall { .. }
        | Reason::ReasoningBound
        | Reason::NotEntitled
        | Reason::AllRoutesDown { .. }
        | Reason::FallbackSaturated
        | Reason::AllRoutesFailed
        | Reason::ProviderFallback { .. }
        | Reason::Readiness { .. } => None,
    }
}

/// `premium-chat 503`, `premium-chat timeout`; without the name when there is no room: it is the primary.
fn failure(event: &Event, named: bool) -> String {
    let route = if named {
        format!("{} ", words::safe(event.primary.as_str()))
    } else {
        String::new()
    };
    match (event.status, event.class) {
        // A success status that was no answer says nothing by itself.
        (Some(status), _) if status >= 300 => {
            let detail = event.detail.map(|detail| format!(" {detail}"));
            format!("{route}{status}{}", detail.unwrap_or_default())
        }
        (_, Some(class)) => format!("{route}{class}"),
        (Some(status), None) => format!("{route}{status}"),
        (None, None) => words::safe(event.primary.as_str()).into_owned(),
    }
}

fn attempt(attempt: &Attempt) -> String {
    let route = words::safe(attempt.route.as_str());
    match (attempt.status, attempt.class) {
        (Some(status), _) if status >= 300 => format!("{route} {status}"),
        (_, Some(class)) => format!("{route} {class}"),
        (_, None) => route.into_owned(),
    }
}

fn class(class: Option<ErrorClass>) -> String {
    class.map_or_else(String::new, |class| format!(" ({class})"))
}

/// `ok 1.1s`, or what became of it.
fn ended(app: &App, stored: &StoredEvent) -> String {
    match &stored.outcome {
        Some(outcome) => {
            let total = words::seconds(Some(outcome.total));
            match outcome.kind {
                _ if outcome.is_withheld() => format!("WITHHELD {} {total}", outcome.status),
                OutcomeKind::Completed => format!("ok {total}"),
                OutcomeKind::ErrorReturned => format!("failed {} {total}", outcome.status),
                OutcomeKind::Broken => format!("broke {total}"),
                OutcomeKind::ClientGone => format!("client gone {total}"),
            }
        }
        None if app.age(stored.event.at) > GIVEN_UP => "outcome unknown".to_owned(),
        None => "running".to_owned(),
    }
}

/// The whole event.
pub(super) fn whole(app: &App, stored: &StoredEvent, width: usize) -> Vec<Line> {
    let event = &stored.event;
    let (sign, role) = words::decision(event.decision);
    let mut lines = vec![
        Line::of(role, format!(" {sign} {} ", event.decision)).and(
            Role::Text,
            format!("for {}", words::safe(event.workload.as_str())),
        ),
        Line::default(),
    ];
    let mut told = |label: &str, role: Role, text: &str| {
        let text = words::safe(text);
        lines.extend(paragraph(role, &format!(" {label:<10}"), &text, width));
    };
    told("what", Role::Text, &what(event));
    told("why", Role::Text, &policy::explain(&event.reason));
    if let Some(remark) = &event.remark {
        told("", Role::Text, remark);
    }
    if let Some(class) = event.class {
        told("class", Role::Text, &words::class(class, event.detail));
    }
    told(
        "at",
        Role::Text,
        &event.at.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string(),
    );
    told("gateway", Role::Text, event.gateway.as_str());
    let shape = if event.stream {
        "streaming"
    } else {
        "not streaming"
    };
    let method = event.method.map(|method| format!("{method}, "));
    let method = method.unwrap_or_default();
    told(
        "request",
        Role::Text,
        &format!("{}, {method}{shape}; its body is not kept", event.family),
    );
    for (index, attempt) in event.attempts.iter().enumerate() {
        let role = if attempt.class.is_some() {
            Role::Error
        } else {
            Role::Success
        };
        told(&format!("attempt {}", index + 1), role, &tried(attempt));
    }
    told("notice", Role::Text, notice(stored));
    let (ended, role) = outcome(app, stored);
    told("outcome", role, &ended);
    let catalog = app.data.catalog.as_ref();
    if let Some(workload) = catalog.and_then(|catalog| catalog.workloads.get(&event.workload)) {
        let behind = control::rule(&event.reason, event.class, workload);
        told("rule", Role::Text, &behind.says);
        for (index, way) in behind.change.iter().enumerate() {
            told(if index == 0 { "to change" } else { "" }, Role::Muted, way);
        }
    }
    for (index, header) in headers(event).iter().enumerate() {
        told(if index == 0 { "sent" } else { "" }, Role::Muted, header);
    }
    if let Some(client) = &event.client {
        told("client", Role::Muted, client.as_str());
    }
    told("id", Role::Muted, &event.id.to_string());
    told(
        "in force",
        Role::Muted,
        &format!(
            "override revision {}, configuration {}",
            event.revision, event.fingerprint
        ),
    );
    lines
}

fn what(event: &Event) -> String {
    let primary = event.primary.as_str();
    let fallback = event
        .fallback
        .as_ref()
        .map_or("no route", |route| route.as_str());
    match event.decision {
        EventDecision::Fallback => {
            format!("the request was sent to {fallback} instead of {primary}")
        }
        EventDecision::Refused => {
            format!("no fallback: what {primary} answered was returned to the client")
        }
        EventDecision::Exhausted => format!("{primary} failed, and so did {fallback}"),
        EventDecision::Broken => {
            "the answer broke after its first output; nothing was switched".to_owned()
        }
        EventDecision::ProviderMade => {
            "the provider chose another model by itself; this gateway switched nothing".to_owned()
        }
        EventDecision::Readiness => format!("the readiness of {fallback} has changed"),
    }
}

fn tried(attempt: &Attempt) -> String {
    let status = attempt
        .status
        .map_or_else(|| "no status".to_owned(), |status| status.to_string());
    let code = attempt
        .code
        .as_deref()
        .map_or_else(String::new, |code| format!(" `{code}`"));
    let took = words::seconds(Some(attempt.took));
    match attempt.class {
        Some(class) => {
            let class = words::class(class, attempt.detail);
            format!("{}: {status}{code}, {class}, after {took}", attempt.route)
        }
        None => format!("{}: {status}, first output after {took}", attempt.route),
    }
}

fn notice(stored: &StoredEvent) -> &'static str {
    let decided = stored.event.notice;
    let given = stored.outcome.as_ref().and_then(|outcome| outcome.notice);
    match (stored.event.decision, given.unwrap_or(decided)) {
        (EventDecision::ProviderMade, _) => "none of ours: the provider's own answer says it",
        (EventDecision::Readiness, _) => "none needed: there was no request",
        (EventDecision::Refused, _) => "none needed: the primary's own answer was returned",
        (_, NoticeGiven::None) => "NONE was given to the caller",
        (_, NoticeGiven::Header) if decided == NoticeGiven::Inline => {
            "given in the header x-backstop-degraded only: the answer had no place for it"
        }
        (_, NoticeGiven::Header) => "given in the header x-backstop-degraded",
        (_, NoticeGiven::Inline) => {
            "given in the header x-backstop-degraded and at the start of the answer"
        }
    }
}

fn outcome(app: &App, stored: &StoredEvent) -> (String, Role) {
    let Some(outcome) = &stored.outcome else {
        return if stored.event.decision == EventDecision::Readiness {
            ("none: there was no request".to_owned(), Role::Muted)
        } else if app.age(stored.event.at) > GIVEN_UP {
            (
                "unknown: the gateway ended before the answer did".to_owned(),
                Role::Warning,
            )
        } else {
            ("still running".to_owned(), Role::Muted)
        };
    };
    let first = outcome.first_output.map_or_else(String::new, |first| {
        format!(", first output after {}", words::seconds(Some(first)))
    });
    let total = words::seconds(Some(outcome.total));
    if outcome.is_withheld() {
        let status = outcome.status;
        let text = format!(
            "withheld: nothing of the answer was given, as an event could not be made durable in time; the caller \
             got {status} after {total}"
        );
        return (text, Role::Error);
    }
    let (kind, role) = match outcome.kind {
        OutcomeKind::Completed => ("completed", Role::Success),
        OutcomeKind::ErrorReturned => ("an error was returned", Role::Error),
        OutcomeKind::Broken => ("broke after its first output", Role::Error),
        OutcomeKind::ClientGone => ("the client went away", Role::Warning),
    };
    let status = outcome.status;
    (
        format!(
            "{kind}, status {status}{first}, {total} in all{}",
            class(outcome.class)
        ),
        role,
    )
}

/// What the client was sent beside the answer.
fn headers(event: &Event) -> Vec<String> {
    let last = event
        .attempts
        .last()
        .map_or(&event.primary, |last| &last.route);
    let mut sent = vec![format!("x-backstop-workload: {}", event.workload)];
    match event.decision {
        EventDecision::Fallback => {
            let route = event.fallback.as_ref().unwrap_or(last);
            sent.push(format!("x-backstop-route: {route}"));
            sent.push(format!("x-backstop-fallback: {}", fallback_header(event)));
            sent.push(format!("x-backstop-event: {}", event.id));
            if event.notice != NoticeGiven::None {
                sent.push("x-backstop-degraded: (the notice)".to_owned());
            }
        }
        EventDecision::Refused | EventDecision::Exhausted | EventDecision::Broken => {
            sent.push(format!("x-backstop-route: {last}"));
        }
        EventDecision::ProviderMade => {
            sent.push(format!("x-backstop-route: {last}"));
            // Known too late for the head when the answer had begun before.
            sent.push("x-backstop-provider-fallback: (the model, if known in time)".to_owned());
        }
        EventDecision::Readiness => sent.clear(),
    }
    sent
}

/// The class, or the operator's or the circuit's word in its place.
fn fallback_header(event: &Event) -> &'static str {
    match (&event.reason, event.class) {
        (Reason::Forced { .. } | Reason::ForcedByConfig, _) => "forced",
        (Reason::Drained { .. }, _) => "drained",
        (Reason::CircuitOpen, _) => "circuit-open",
        (_, Some(class)) => class.as_str(),
        (_, None) => "unknown",
    }
}
