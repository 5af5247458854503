//! Numbers, times and states in words and signs: the same on every screen.

use std::{borrow::Cow, time::Duration};

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    console::{
        app::{App, Times},
        theme::Role,
    },
    control::{self, Overview, State},
    model::{
        Actor, CheckVerdict, CircuitState, ErrorClass, ErrorDetail, EventDecision, Presence,
        RouteName, visible,
    },
};

/// Names and other short texts from outside: made visible, never longer than this.
pub(super) fn safe(text: &str) -> Cow<'_, str> {
    visible(text, 400)
}

/// An operator; of one on another host, also where.
pub(super) fn operator(app: &App, actor: &Actor) -> String {
    let name = safe(actor.name()).into_owned();
    if actor.host == app.setup.actor.host {
        name
    } else {
        format!("{name} on {}", safe(&actor.host))
    }
}

/// Who goes first with a plan for the target that one is open for here, and the key that changes it. Somebody under
/// one's own name is named as such: it may be a forgotten terminal.
pub(super) fn rival(app: &App, rival: &Presence) -> String {
    let own = !rival.is_of_another(&app.setup.actor);
    let who = if own {
        format!(
            "{}, your own name in another session,",
            operator(app, &rival.actor)
        )
    } else {
        operator(app, &rival.actor)
    };
    let plan = rival.plan.as_ref().map_or("", |(plan, _)| plan.0.as_str());
    if let Some(at) = rival.plan_taken {
        return format!(
            "{who} took this over at {}, with plan #{plan}: <key:take-over> takes it back",
            at.strftime("%H:%M:%SZ")
        );
    }
    let since = rival.plan_since.map_or_else(String::new, |since| {
        format!(" since {}", since.strftime("%H:%M:%SZ"))
    });
    format!(
        "{who} has plan #{plan} open for it{since}: leave it to them, or <key:take-over> takes it over"
    )
}

/// A name, or `you`.
pub(super) fn actor<'a>(app: &App, name: &'a str) -> Cow<'a, str> {
    if name == app.setup.actor.name() {
        Cow::Borrowed("you")
    } else {
        safe(name)
    }
}

/// `41%`; small shares that are not nothing stay visible.
pub(super) fn percent(share: Option<f64>) -> String {
    match share {
        None => "-".to_owned(),
        Some(share) if share > 0.0 && share < 0.005 => "<1%".to_owned(),
        Some(share) => format!("{:.0}%", share * 100.0),
    }
}

/// `0.9s`, `40ms`, `21s`: never more than four columns up to a quarter of an hour.
pub(super) fn seconds(length: Option<Duration>) -> String {
    match length {
        None => "-".to_owned(),
        Some(length) if length < Duration::from_millis(95) => format!("{}ms", length.as_millis()),
        Some(length) if length < Duration::from_millis(9_950) => {
            format!("{:.1}s", length.as_secs_f64())
        }
        Some(length) => format!("{}s", length.as_secs()),
    }
}

/// `12s`, `4m`, `3h`, `6d`.
pub(super) fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long until a moment, rounded up, so that `exp 4m` is never shown for three minutes and a bit.
pub(super) fn left(app: &App, until: Timestamp) -> String {
    let rest = Duration::try_from(until.duration_since(app.clock)).unwrap_or_default();
    let seconds = rest.as_secs() + u64::from(rest.subsec_nanos() > 0);
    if seconds < 60 {
        format!("{seconds}s")
    } else {
        span(Duration::from_secs(seconds + 59))
    }
}

/// `38.0`, `1234`.
pub(super) fn rate(rps: f64) -> String {
    if rps < 99.95 {
        format!("{rps:.1}")
    } else {
        format!("{rps:.0}")
    }
}

/// `14:32:05`, or `3m ago` when ages are asked for.
pub(super) fn moment(app: &App, at: Timestamp) -> String {
    match app.times {
        Times::Utc | Times::Local => clock(app, at),
        Times::Ago => format!("{} ago", span(app.age(at))),
    }
}

/// `14:32:05`.
pub(super) fn clock(app: &App, at: Timestamp) -> String {
    day(app, at, "%H:%M:%S")
}

/// `14:32Z`; without the Z where times are those of the operator's own zone.
pub(super) fn minute(app: &App, at: Timestamp) -> String {
    day(app, at, "%H:%M") + if zone(app).is_none() { "Z" } else { "" }
}

/// A moment in the operator's own zone where that is asked for, in UTC elsewhere.
pub(super) fn day(app: &App, at: Timestamp, format: &str) -> String {
    match zone(app) {
        Some(zone) => at.to_zoned(zone.clone()).strftime(format).to_string(),
        None => at.strftime(format).to_string(),
    }
}

/// The zone that times are in; `None`: UTC.
pub(super) fn zone(app: &App) -> Option<&TimeZone> {
    app.zone.as_ref().filter(|_| app.times == Times::Local)
}

/// `15:02Z`; with the day when it is another one.
pub(super) fn until(app: &App, at: Timestamp) -> String {
    let day = |at: Timestamp| at.as_second().div_euclid(86_400);
    let format = if day(at) == day(app.clock) {
        "%H:%MZ"
    } else {
        "%m-%d %H:%MZ"
    };
    at.strftime(format).to_string()
}

/// Sign and role of a workload's state. The word stands beside it.
pub(super) const fn state(state: State) -> (&'static str, Role) {
    match state {
        State::Failing => ("x", Role::StateFailing),
        State::Fallback => ("!", Role::StateFallback),
        State::Forced => ("!", Role::StateForced),
        State::Unknown => ("?", Role::StateUnknown),
        State::Ok => ("+", Role::StateOk),
        State::Held => ("-", Role::StateDisabled),
    }
}

/// Sign and role of a decision.
pub(super) const fn decision(decision: EventDecision) -> (&'static str, Role) {
    match decision {
        EventDecision::Fallback => ("!", Role::StateFallback),
        EventDecision::Refused => ("-", Role::StateDisabled),
        EventDecision::ProviderMade => ("~", Role::StateFallback),
        EventDecision::Exhausted | EventDecision::Broken => ("x", Role::StateFailing),
        EventDecision::Readiness => ("?", Role::StateUnknown),
    }
}

/// Sign and role of a check.
pub(super) const fn verdict(verdict: CheckVerdict) -> (&'static str, Role) {
    match verdict {
        CheckVerdict::Pass => ("+", Role::Success),
        CheckVerdict::Warn => ("!", Role::Warning),
        CheckVerdict::Fail | CheckVerdict::Refuse => ("x", Role::Error),
    }
}

/// Whether a route would serve: sign and role. `-` is drained, `x` fails or is paused, `?` is on trial.
pub(super) fn route(overview: &Overview, name: &RouteName) -> (&'static str, Role) {
    let found = overview
        .routes
        .binary_search_by(|status| status.route.cmp(name));
    let Some(status) = found.ok().and_then(|index| overview.routes.get(index)) else {
        return ("?", Role::StateUnknown);
    };
    match (&status.drained_by, status.circuit) {
        (Some(_), _) => ("-", Role::StateDisabled),
        (None, CircuitState::HalfOpen) => ("?", Role::StateUnknown),
        (None, CircuitState::Open | CircuitState::Closed) if control::fails(status) => {
            ("x", Role::StateFailing)
        }
        (None, CircuitState::Open | CircuitState::Closed) => ("+", Role::StateOk),
    }
}

/// The role of a share of errors.
pub(super) fn errors(share: Option<f64>) -> Role {
    match share {
        None => Role::Muted,
        Some(share) if share >= 0.05 => Role::Error,
        Some(share) if share >= 0.005 => Role::Warning,
        Some(_) => Role::Text,
    }
}

/// `1 gateway`, `2 gateways`.
pub(super) fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

/// A class with its detail: `invalid-request (unknown-model)`.
pub(super) fn class(class: ErrorClass, detail: Option<ErrorDetail>) -> String {
    match detail {
        Some(detail) => format!("{class} ({detail})"),
        None => class.to_string(),
    }
}
