//! One workload: how it fares, its two routes, what its policy would do now, what can be done, what happened.
//!
//! On a narrow screen the parts stand one below the other and scroll; from 120 columns on they stand in two
//! columns.

use std::fmt::Write as _;

use ratatui::layout::Rect;

use super::{
    audit, happened,
    home::more,
    pen::{Line, Pen, paragraph, row},
    policy, readiness, reviewed, routes, words,
};
use crate::{
    console::{
        app::App,
        glyph::Glyphs,
        layout::{Areas, Room},
        state::{home::state_name, table::circuit_word, verbs},
        theme::Role,
    },
    control::{Mode, Serving, WorkloadStatus},
    model::{Capture, NoticeStyle, OverrideKey, RouteName, Tier, Workload, WorkloadName},
};

/// The most events shown, on a narrow and on a wide screen; the most audit records.
const EVENTS: (usize, usize) = (8, 18);
const RECORDS: usize = 5;
/// Between the two columns.
const GAP: u16 = 2;

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, name: &WorkloadName) {
    let (Some(workload), Some(status)) = (app.data.workload(name), found(app, name)) else {
        pen.put(
            row(areas.body, 0),
            3,
            "this workload is not in the configuration any more",
            Role::Warning,
        );
        return;
    };
    pen.line(areas.head, 1, &headline(app, status));
    let glyphs = pen.glyphs;
    if app.room() == Room::Wide {
        let (left, right) = halves(areas.body);
        let texts = (
            main(app, workload, status, left.width),
            side(app, name, right.width, glyphs),
        );
        pen.lines(left, &texts.0, app.detail_scroll);
        pen.lines(right, &texts.1, app.detail_scroll);
        for area in areas.body.rows() {
            pen.put(area, left.width, glyphs.divider, Role::Border);
        }
        more(
            pen,
            areas.body,
            app.detail_scroll,
            texts.0.len().max(texts.1.len()),
        );
    } else {
        let lines = all(app, name, areas.body.width, glyphs);
        pen.lines(areas.body, &lines, app.detail_scroll);
        more(pen, areas.body, app.detail_scroll, lines.len());
    }
}

/// The same beside the list: as much of it as there is room for.
pub(super) fn pane(app: &App, pen: &mut Pen<'_>, area: Rect, name: &WorkloadName) {
    let Some(status) = found(app, name) else {
        return;
    };
    for row in area.rows() {
        pen.put(row, 0, pen.glyphs.divider, Role::Border);
    }
    let inner = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(1),
        ..area
    };
    let mut state = headline(app, status);
    state.0.insert(0, (Role::Text, " ".to_owned()));
    let mut lines = vec![
        Line::of(Role::Title, format!(" {}", words::safe(name.as_str()))),
        state,
    ];
    let glyphs = pen.glyphs;
    lines.extend(all(app, name, inner.width, glyphs));
    pen.lines(inner, &lines, 0);
}

fn halves(body: Rect) -> (Rect, Rect) {
    let left = body.width * 11 / 20;
    (
        Rect {
            width: left,
            ..body
        },
        Rect {
            x: body.x + left + GAP,
            width: body.width - left - GAP,
            ..body
        },
    )
}

/// How many lines there are to scroll through.
pub(super) fn height(app: &App, name: &WorkloadName, width: u16, glyphs: &Glyphs) -> usize {
    let (Some(workload), Some(status)) = (app.data.workload(name), found(app, name)) else {
        return 0;
    };
    if app.room() == Room::Wide {
        let (left, right) = halves(Rect::new(0, 0, width, 1));
        let left = main(app, workload, status, left.width).len();
        left.max(side(app, name, right.width, glyphs).len())
    } else {
        all(app, name, width, glyphs).len()
    }
}

/// Every part, one below the other.
pub(super) fn all(app: &App, name: &WorkloadName, width: u16, glyphs: &Glyphs) -> Vec<Line> {
    let (Some(workload), Some(status)) = (app.data.workload(name), found(app, name)) else {
        return Vec::new();
    };
    let mut lines = main(app, workload, status, width);
    lines.push(Line::default());
    lines.extend(side(app, name, width, glyphs));
    lines
}

fn found<'a>(app: &'a App, name: &WorkloadName) -> Option<&'a WorkloadStatus> {
    app.overview()?
        .workloads
        .iter()
        .find(|status| status.workload == *name)
}

/// State, what serves, and since when.
fn headline(app: &App, status: &WorkloadStatus) -> Line {
    let (sign, role) = words::state(status.state);
    let since = status.since.map_or_else(String::new, |since| {
        format!(
            " since {} ({})",
            words::clock(since),
            words::span(app.age(since))
        )
    });
    let line = Line::of(role, format!("{sign} {}{since}", state_name(status.state)));
    let serving = match &status.serving {
        Serving::Primary { route } => format!("  served by {route} (primary)"),
        Serving::Auto { route, class } => {
            let class = class.map_or_else(String::new, |class| format!(": {class}"));
            format!("  served by {route} (auto{class})")
        }
        Serving::Forced {
            route,
            actor,
            until,
        } => {
            let end = until.map_or_else(String::new, |until| {
                format!(" until {}", words::until(app, until))
            });
            format!("  served by {route} (by {}{end})", words::actor(app, actor))
        }
        Serving::RefusedByPolicy { route, .. } => format!("  served by {route} (fallback refused)"),
    };
    line.and(Role::Text, words::safe(&serving).into_owned())
}

fn heading(text: &str) -> Line {
    Line::of(Role::Heading, format!(" {text}"))
}

/// What it is, its routes, and its policy.
fn main(app: &App, workload: &Workload, status: &WorkloadStatus, width: u16) -> Vec<Line> {
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
    lines.extend(notice(workload, status, wide));
    lines.extend(reviewed::lines(app, status, wide));
    if let Some(who) = app.claimed_by(&workload.name) {
        let who = words::safe(who);
        let on = if who == "you" { "are" } else { "is" };
        lines.push(Line::of(Role::Info, format!(" {who} {on} on it")));
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
    let key = OverrideKey::Mode(workload.name.clone());
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

/// What can be done, what happened, and who changed what.
fn side(app: &App, name: &WorkloadName, width: u16, glyphs: &Glyphs) -> Vec<Line> {
    let wide = usize::from(width);
    let mut lines = Vec::new();
    let heads = match app.setup.mode {
        Mode::Write => "WHAT CAN BE DONE",
        Mode::Observe => "WHAT CAN BE DONE (OBSERVE: plans can be opened, not applied)",
    };
    lines.push(heading(heads));
    let mut offers = verbs::for_workload(&app.data, name, app.clock);
    offers.push(verbs::undo(&app.data, &app.setup.actor));
    for offer in offers {
        let key = app.setup.keymap.shown(offer.action);
        let label = offer.action.entry().map_or("", |entry| entry.label);
        let (key_role, text_role, text) = match &offer.command {
            Ok(_) => (Role::Key, Role::Text, words::safe(&offer.does).into_owned()),
            Err(why) => (Role::KeyDisabled, Role::Muted, format!("refused: {why}")),
        };
        lines.push(
            Line::of(key_role, format!("  {key:<2} {label:<8}")).and(text_role, format!(" {text}")),
        );
    }
    lines.push(Line::default());
    lines.push(heading("LAST EVENTS"));
    let mut events: Vec<Line> = app
        .data
        .log
        .iter()
        .rev()
        .filter(|stored| stored.event.workload == *name)
        .take(if app.room() == Room::Wide {
            EVENTS.1
        } else {
            EVENTS.0
        })
        .map(|stored| {
            let (sign, role) = words::decision(stored.event.decision);
            Line::of(
                Role::Muted,
                format!("  {:<9}", words::moment(app, stored.event.at)),
            )
            .and(role, format!("{sign} "))
            .and(
                Role::Text,
                happened::line(app, stored, glyphs, wide.saturating_sub(13)),
            )
        })
        .collect();
    events.reverse();
    if events.is_empty() {
        events.push(Line::of(Role::Muted, "  none"));
    }
    lines.extend(events);
    lines.push(Line::default());
    lines.push(heading("LAST CHANGES"));
    let mut records: Vec<Line> = app
        .data
        .audit
        .iter()
        .rev()
        .filter(|record| record.key.target() == name.as_str())
        .take(RECORDS)
        .map(|record| audit::line(app, record))
        .collect();
    records.reverse();
    if records.is_empty() {
        records.push(Line::of(Role::Muted, "  none"));
    }
    lines.extend(records);
    lines
}
