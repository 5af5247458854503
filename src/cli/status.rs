//! `status` and `plan`: what is going on, for people and for scripts.

mod gateways;

use jiff::Timestamp;

use super::{
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    plan_text,
    session::Session,
    standing_text,
    table::Table,
    time,
};
use crate::{
    control::{ControlError, Overview, RouteStatus, Serving, State, WorkloadStatus},
    model::{Capture, CircuitState, PlanId, ReadinessReason, Tier, WorkloadName, visible},
};

pub(super) use gateways::{apart, forget, gateways};

/// So many routes are named that can be probed no more.
const TOLD: usize = 8;

/// Prints the overview, or one workload.
pub(super) async fn status(
    session: &Session,
    workload: Option<WorkloadName>,
    json: bool,
) -> Result<Exit, CliError> {
    if let Some(name) = &workload {
        session.control.workload_known(name)?;
    }
    let overview = session.control.overview().await?;
    let paint = Paint::of(Stream::Out);
    let unheard = overview.gateways.is_empty() && apart(session).is_some();
    match (workload.and_then(|name| overview.workload(&name)), json) {
        (None, true) => output::json(&overview)?,
        (None, false) => output::line(render(&overview, unheard, paint))?,
        (Some(status), true) => output::json(status)?,
        (Some(status), false) => output::line(detail(&overview, status, paint))?,
    }
    if let Some(apart) = apart(session) {
        output::talk(apart);
    }
    if unheard {
        output::talk(gateways::UNHEARD);
    }
    Ok(Exit::Done)
}

/// Prints a kept plan.
pub(super) async fn plan(session: &Session, id: PlanId, json: bool) -> Result<Exit, CliError> {
    let plan = session.control.kept(id).await?;
    if json {
        output::json(&plan)?;
    } else {
        let environment = &session.catalog.environment.name;
        output::line(plan_text::render(
            &plan,
            environment,
            Paint::of(Stream::Out),
        ))?;
    }
    let now = session.clock.now();
    if now >= plan.valid_until {
        return Err(ControlError::Stale {
            plan: plan.id,
            why: format!(
                "it could be applied until {}",
                time::short(plan.valid_until, now)
            ),
        }
        .into());
    }
    Ok(Exit::Done)
}

/// `unheard`: nothing is known of the gateways.
fn render(overview: &Overview, unheard: bool, paint: Paint) -> String {
    let now = overview.at;
    let gateways = if unheard {
        "gateways unknown".to_owned()
    } else {
        let alive = overview.alive().count();
        format!("{alive}/{} gateways alive", overview.gateways.len())
    };
    let mut lines = vec![format!(
        "{}  revision {}  {gateways}  {}",
        visible(&overview.environment, 60),
        overview.revision,
        time::moment(now),
    )];
    let mut table = Table::new(&[
        "ST",
        "WORKLOAD",
        "SERVING NOW",
        "FALLBACK",
        "READY",
        "ERR",
        "FB",
        "RPS",
        "TTFT",
        "SINCE",
        "FLAGS",
    ]);
    for status in &overview.workloads {
        table.row(
            tone(status.state),
            &[
                word(status.state),
                status.workload.as_str(),
                &serving(&status.serving, now),
                &fallback(status),
                status.readiness.word.as_str(),
                &percent(status.error_share),
                &percent(status.fallback_share),
                &format!("{:.1}", status.rps),
                &status
                    .first_output_p50
                    .map(|median| format!("{:.1}s", median.as_secs_f64()))
                    .unwrap_or_default(),
                &status
                    .since
                    .map(|since| time::age(since, now))
                    .unwrap_or_default(),
                &flags(status, now),
            ],
        );
    }
    lines.push(table.render(paint));
    let notable: Vec<_> = overview
        .routes
        .iter()
        .filter(|route| route.circuit != CircuitState::Closed || route.drained_by.is_some())
        .collect();
    if !notable.is_empty() {
        let mut table = Table::new(&["ROUTE", "CIRCUIT", "FAILED", "DRAINED"]);
        for route in notable {
            table.row(
                Tone::Attention,
                &[
                    route.route.as_str(),
                    circuit(route.circuit),
                    &percent(route.failure_share),
                    &drained(route, now),
                ],
            );
        }
        lines.push(String::new());
        lines.push(table.render(paint));
    }
    for (workload, alarm) in overview
        .workloads
        .iter()
        .flat_map(|status| status.alarms.iter().map(|alarm| (&status.workload, alarm)))
    {
        let text = format!("! {workload}: {alarm}");
        lines.push(paint.paint(Tone::Attention, &visible(&text, 400)));
    }
    lines.extend(spent(overview).map(|text| paint.paint(Tone::Attention, &visible(&text, 400))));
    for gateway in &overview.gateways {
        if let Some(trouble) = gateways::trouble(gateway, now) {
            lines.push(paint.paint(
                Tone::Attention,
                &format!(
                    "! gateway {}: {trouble}",
                    visible(gateway.gateway.as_str(), 60)
                ),
            ));
        }
    }
    lines.join("\n")
}

/// Budgets of probing that are spent: what was proven grows old, and nobody asks.
fn spent(overview: &Overview) -> impl Iterator<Item = String> {
    let of_all = std::iter::once(("all routes".to_owned(), &overview.spending));
    let of_each = overview.spent_budgets.iter().filter_map(|name| {
        let status = overview.route(name)?;
        Some((format!("route {name}"), &status.spending))
    });
    let more = overview.spent_budgets.len().saturating_sub(TOLD);
    let more = (more > 0).then(|| format!("! probes: and the budgets of {more} more routes"));
    of_all
        .filter(|(_, spending)| spending.spent)
        .chain(of_each.take(TOLD))
        .map(|(of, spending)| {
            format!("! probes: the budget of {of} is spent ({spending}): nothing is proven again for now")
        })
        .chain(more)
}

fn detail(overview: &Overview, status: &WorkloadStatus, paint: Paint) -> String {
    let now = overview.at;
    let mut table = Table::new(&["WORKLOAD", status.workload.as_str()]);
    let mut row = |name: &str, value: &str| table.row(Tone::Plain, &[name, value]);
    row(
        "state",
        &format!("{} {}", word(status.state), describe(status.state)),
    );
    if let Some(since) = status.since {
        row(
            "since",
            &format!("{} ({} ago)", time::moment(since), time::age(since, now)),
        );
    }
    row("serving", &serving(&status.serving, now));
    let mode = match (&status.mode_by, status.mode_until) {
        (Some(by), Some(until)) => {
            format!("{} by {by} until {}", status.mode, time::short(until, now))
        }
        (Some(by), None) => format!("{} by {by} until changed", status.mode),
        (None, _) => format!("{} by configuration", status.mode),
    };
    match status.mixed {
        Some(mixed) => row("mode", &format!("{mixed} gateways ({mode})")),
        None => row("mode", &mode),
    }
    for scoped in &status.scoped {
        row("", &visible(&scoped.to_string(), 200));
    }
    row("notice", if status.notice { "given" } else { "not given" });
    row("family", &status.family.to_string());
    row("primary", &route(overview, &status.primary));
    row(
        "fallback",
        &status
            .fallback
            .as_ref()
            .map_or_else(|| "none by policy".to_owned(), |name| route(overview, name)),
    );
    row("readiness", status.readiness.word.as_str());
    for reason in &status.readiness.reasons {
        row("", &because(reason, now));
    }
    if let Some(proven) = status.readiness.proven {
        row("proven", &format!("{} ago", time::age(proven, now)));
    }
    for (name, value) in standing_text::rows(status, now) {
        row(name, &value);
    }
    match status.capture {
        Capture::Redacted => row("captured", "request bodies are kept for a day, redacted"),
        Capture::Off => {}
    }
    row(
        "requests",
        &format!("{:.1} per second in the last 60 s", status.rps),
    );
    row("errors", &percent(status.error_share));
    row("primary fails", &percent(status.primary_error_share));
    row("by fallback", &percent(status.fallback_share));
    if let Some(median) = status.first_output_p50 {
        row(
            "first output",
            &format!("{:.2} s (median)", median.as_secs_f64()),
        );
    }
    for alarm in &status.alarms {
        row("look at", &visible(&alarm.to_string(), 400));
    }
    row("flags", &flags(status, now));
    table.render(paint)
}

/// One reason for a word, with the age of what it rests on.
fn because(reason: &ReadinessReason, now: Timestamp) -> String {
    let why = visible(&reason.why, 400);
    match reason.at {
        Some(at) => format!("{}: {why} ({} ago)", reason.word, time::age(at, now)),
        None => format!("{}: {why}", reason.word),
    }
}

fn route(overview: &Overview, name: &crate::model::RouteName) -> String {
    let Some(status) = overview.route(name) else {
        return name.to_string();
    };
    let mut parts = vec![format!("{name} ({})", status.model)];
    if status.circuit != CircuitState::Closed {
        parts.push(format!("circuit {}", circuit(status.circuit)));
    }
    if let Some(share) = status.failure_share {
        parts.push(format!("{} of attempts fail", percent(Some(share))));
    }
    if let Some(used) = status.used {
        parts.push(format!("{} of its capacity used", percent(Some(used))));
    }
    parts.join(", ")
}

pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Failing => "x FL",
        State::Fallback => "! FB",
        State::Forced => "! FO",
        State::Unknown => "? UN",
        State::Ok => "+ OK",
        State::Held => "- OFF",
    }
}

pub(super) fn describe(state: State) -> &'static str {
    match state {
        State::Failing => "(errors reach the callers)",
        State::Fallback => "(the fallback serves by itself)",
        State::Forced => "(the fallback serves, an operator said so)",
        State::Unknown => "(no gateway is alive)",
        State::Ok => "(the primary serves)",
        State::Held => "(the primary serves, nothing would fall back)",
    }
}

fn tone(state: State) -> Tone {
    match state {
        State::Failing => Tone::Bad,
        State::Fallback | State::Forced | State::Unknown => Tone::Attention,
        State::Ok => Tone::Good,
        State::Held => Tone::Plain,
    }
}

pub(super) fn serving(serving: &Serving, now: Timestamp) -> String {
    match serving {
        Serving::Primary { route } => route.to_string(),
        Serving::Auto {
            route,
            class: Some(class),
        } => format!("{route} (auto: {class})"),
        Serving::Auto { route, class: None } => format!("{route} (auto)"),
        Serving::Forced {
            route,
            actor,
            until: Some(until),
        } => format!("{route} (by {actor} until {})", time::short(*until, now)),
        Serving::Forced {
            route,
            actor,
            until: None,
        } => format!("{route} (by {actor})"),
        Serving::RefusedByPolicy { route, why } => format!("{route} (refused: {why})"),
    }
}

fn fallback(status: &WorkloadStatus) -> String {
    match (&status.fallback, status.fallback_circuit) {
        (None, _) => "none by policy".to_owned(),
        (Some(route), CircuitState::Closed) => route.to_string(),
        (Some(route), state) => format!("{route} ({})", circuit(state)),
    }
}

pub(super) fn circuit(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half-open",
    }
}

pub(super) fn drained(route: &RouteStatus, now: Timestamp) -> String {
    match (&route.drained_by, route.drained_until) {
        (Some(by), Some(until)) => format!("by {by} until {}", time::short(until, now)),
        (Some(by), None) => format!("by {by} until changed"),
        (None, _) => String::new(),
    }
}

fn flags(status: &WorkloadStatus, now: Timestamp) -> String {
    let mut flags = Vec::new();
    match status.tier {
        Tier::Paid => flags.push("paid".to_owned()),
        Tier::Standard => {}
    }
    match status.capture {
        Capture::Redacted => flags.push("captured".to_owned()),
        Capture::Off => {}
    }
    if !status.notice {
        flags.push("no-notice".to_owned());
    }
    if status.break_glass {
        flags.push("break-glass".to_owned());
    }
    if status.debt.is_some() {
        flags.push("review-owed".to_owned());
    }
    if let Some(mixed) = status.mixed {
        flags.push(mixed.to_string());
    } else if !status.scoped.is_empty() {
        flags.push("scoped".to_owned());
    }
    if let Some(until) = status.mode_until {
        flags.push(format!("until {}", time::short(until, now)));
    }
    flags.extend(status.alarms.iter().map(|alarm| alarm.as_str().to_owned()));
    flags.join(" ")
}

pub(super) fn percent(share: Option<f64>) -> String {
    share
        .map(|share| format!("{:.0}%", share * 100.0))
        .unwrap_or_default()
}
