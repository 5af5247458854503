//! What a workload is: its traffic and mode, its two routes, and what its policy would do now.

use std::fmt::Write as _;

use super::super::{
    pen::{Line, paragraph},
    policy, readiness, reviewed, routes, words,
};
use crate::{
    console::{app::App, state::table::circuit_word, theme::Role},
    control::{Serving, WorkloadStatus},
    model::{Capture, NoticeStyle, OverrideKey, RouteName, Tier, Workload},
};

pub(super) fn heading(text: &str) -> Line {
    Line::of(Role::Heading, format!(" {text}"))
}

/// What it is, its routes, and its policy.
pub(super) fn main(
    app: &App,
    workload: &Workload,
    status: &WorkloadStatus,
    width: u16,
) -> Vec<Line> {
    let wide = usize::from(width);
    let mut lines = Vec::new();
    if let Serving::RefusedByPolicy { why, .. } = &status.serving {
        lines.extend(paragraph(
            Role::Error,
            " fallback refused: ",
            &words::safe(why),
            wide,
        ));
    }
    lines.extend(reviewed::alarms(status, wide));
    lines.extend(paragraph(Role::Text, " ", &description(workload), wide));
    lines.extend(paragraph(
        Role::Text,
        " traffic  ",
        &traffic(app, status),
        wide,
    ));
    lines.extend(paragraph(
        Role::Text,
        " mode     ",
        &mode(app, workload, status),
        wide,
    ));
    for scoped in &status.scoped {
        let text = words::safe(&scoped.to_string()).into_owned();
        lines.extend(paragraph(Role::Warning, "          ", &text, wide));
    }
    lines.extend(notice(workload, status, wide));
    lines.extend(reviewed::lines(app, status, wide));
    if let Some(who) = app.claimed_by(&workload.name) {
        let who = words::safe(who);
        let on = if who == "you" { "are" } else { "is" };
        lines.push(Line::of(Role::Info, format!(" {who} {on} on it")));
    }
    if let Some(other) = app.planned_by(&workload.name) {
        let since = other.plan_since.map_or_else(String::new, |since| {
            format!(" since {}", since.strftime("%H:%M:%SZ"))
        });
        let who = words::operator(app, &other.actor);
        let text = format!("{who} has a plan open for it{since}");
        lines.extend(paragraph(Role::Warning, " ", &text, wide));
    }
    lines.push(Line::default());
    lines.push(heading("ROUTES     CIRCUIT     ERR    RPS  ROOM"));
    lines.extend(route(app, "primary", Some(&workload.primary), wide));
    lines.extend(route(app, "fallback", workload.fallback.as_ref(), wide));
    lines.push(Line::default());
    lines.push(heading("WOULD THE FALLBACK WORK NOW?"));
    lines.extend(readiness::lines(app, &status.readiness, wide));
    lines.push(Line::default());
    lines.push(heading("DOES IT FALL BACK NOW?"));
    lines.extend(policy::lines(app, workload, wide));
    lines
}

fn description(workload: &Workload) -> String {
    let mut parts = Vec::new();
    if !workload.description.is_empty() {
        parts.push(words::safe(&workload.description).into_owned());
    }
    parts.push(workload.family.to_string());
    parts.push(
        match workload.tier {
            Tier::Paid => "paid tier",
            Tier::Standard => "standard tier",
        }
        .to_owned(),
    );
    parts.push(
        if workload.user_visible {
            "seen by users"
        } else {
            "not seen by users"
        }
        .to_owned(),
    );
    if workload.capture == Capture::Redacted {
        parts.push("request bodies captured (redacted)".to_owned());
    }
    parts.push(match &workload.owner {
        Some(owner) => format!("owner {}", words::safe(owner)),
        None => "no owner".to_owned(),
    });
    parts.join(", ")
}

fn traffic(app: &App, status: &WorkloadStatus) -> String {
    let slow = app
        .data
        .first_output_p95
        .get(&status.workload)
        .map(|millis| std::time::Duration::from_millis(*millis));
    format!(
        "{} rps, {} errors, primary fails {}, fallback serves {}, first output {} (p95 {})",
        words::rate(status.rps),
        words::percent(status.error_share),
        words::percent(status.primary_error_share),
        words::percent(status.fallback_share),
        words::seconds(status.first_output_p50),
        words::seconds(slow),
    )
}

fn mode(app: &App, workload: &Workload, status: &WorkloadStatus) -> String {
    if let Some(mixed) = status.mixed {
        return format!("{mixed} gateways; configured: {}", workload.mode);
    }
    let Some(by) = &status.mode_by else {
        return format!("{} (as configured)", status.mode);
    };
    let end = status.mode_until.map_or_else(
        || ", does not end by itself".to_owned(),
        |until| {
            format!(
                ", until {} (in {})",
                words::until(app, until),
                words::left(app, until)
            )
        },
    );
    let mut text = format!(
        "{} by {}{end}, then {}",
        status.mode,
        words::safe(by),
        workload.mode
    );
    let key = OverrideKey::mode(workload.name.clone());
    let active = app
        .data
        .overrides
        .as_ref()
        .and_then(|overrides| overrides.active(&key, app.clock));
    if let Some(active) = active {
        _ = write!(text, "; reason {}", active.reason);
        if !active.note.is_empty() {
            _ = write!(text, ": {}", words::safe(&active.note));
        }
    }
    if status.break_glass {
        text.push_str("; BREAK-GLASS was used");
    }
    text
}

fn notice(workload: &Workload, status: &WorkloadStatus, wide: usize) -> Vec<Line> {
    let style = match workload.notice.style {
        NoticeStyle::Header => "in the header",
        NoticeStyle::Inline => "in header and answer",
    };
    let text = words::safe(&workload.notice.text);
    let (role, words) = match (status.notice, text.is_empty(), workload.notice.required) {
        (_, true, true) => (
            Role::Warning,
            "none is configured and one is demanded: no fallback is possible".to_owned(),
        ),
        (_, true, false) => (Role::Muted, "none is configured".to_owned()),
        (true, false, _) => (Role::Text, format!("on, {style}: \"{text}\"")),
        (false, false, true) => (
            Role::Warning,
            format!("OFF, and demanded: no fallback now (\"{text}\")"),
        ),
        (false, false, false) => (Role::Text, format!("off (\"{text}\")")),
    };
    paragraph(role, " notice   ", &words, wide)
}

fn route(app: &App, side: &str, name: Option<&RouteName>, wide: usize) -> Vec<Line> {
    let Some(name) = name else {
        return vec![Line::of(Role::Muted, format!("  {side:<9} none by policy"))];
    };
    let found = app.overview().and_then(|overview| {
        let status = overview
            .routes
            .iter()
            .find(|status| status.route == *name)?;
        Some((overview, status))
    });
    let Some((overview, status)) = found else {
        return vec![Line::of(Role::Muted, format!("  {side:<9} {name}"))];
    };
    let (sign, role) = words::route(overview, name);
    let mut lines = vec![
        Line::of(role, format!(" {sign} "))
            .and(Role::Text, format!("{side:<9}"))
            .and(Role::Text, format!("{:<10} ", circuit_word(status.circuit)))
            .and(
                words::errors(status.failure_share),
                format!("{:>4} ", words::percent(status.failure_share)),
            )
            .and(Role::Text, format!("{:>6} ", words::rate(status.rps)))
            .and(
                routes::used_role(status.used),
                format!("{:>5}", routes::headroom(status.used)),
            )
            .and(Role::Text, format!("  {}", words::safe(name.as_str())))
            .and(Role::Muted, format!("  {}", words::safe(&status.model))),
    ];
    if let Some(why) = app.data.tripped_by(name) {
        let text = format!("paused: {}", words::safe(why));
        lines.extend(paragraph(Role::Warning, "   ", &text, wide));
    }
    if let Some(by) = &status.drained_by {
        let end = status.drained_until.map_or_else(String::new, |until| {
            format!(" until {}", words::until(app, until))
        });
        lines.push(Line::of(
            Role::Warning,
            format!("   drained by {}{end}", words::safe(by)),
        ));
    }
    lines
}
