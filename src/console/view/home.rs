//! The home screen: every workload, worst first, and what just happened below.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    columns::{Column, Columns, NAMES, columns},
    detail,
    pen::{Pen, fit, row},
    readiness, strip, words,
};
use crate::{
    console::{
        app::{App, Times},
        layout::Areas,
        state::home::{state_name, state_word},
        theme::Role,
    },
    control::{Alarm, Overview, Serving, State, WorkloadStatus},
    model::{Capture, Readiness, Tier, Workload, WorkloadName},
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    match app.overview() {
        None => empty(app, pen, areas.body, "opening the store ..."),
        Some(overview) if overview.workloads.is_empty() => {
            empty(app, pen, areas.body, "the configuration has no workload");
        }
        Some(_) if app.home.rows().is_empty() => {
            empty(
                app,
                pen,
                areas.body,
                "no workload matches the filter; <key:back> lifts it",
            );
        }
        Some(overview) => table(app, pen, areas, overview),
    }
    strip::draw(app, pen, areas);
    strip::charts(app, pen, areas);
    if let Some(name) = app.home.list.selected()
        && !areas.pane.is_empty()
    {
        detail::pane(app, pen, areas.pane, name);
    }
}

pub(super) fn empty(app: &App, pen: &mut Pen<'_>, body: Rect, text: &str) {
    let text = app.setup.keymap.keyed(text);
    pen.put(row(body, 0), 3, &text, Role::Muted);
}

fn table(app: &App, pen: &mut Pen<'_>, areas: &Areas, overview: &Overview) {
    let columns = columns(app, overview, areas.body.width);
    head(pen, areas.head, &columns);
    let selected = app.home.list.selected();
    let rows = app.home.rows().iter().skip(app.home.list.offset());
    for (area, index) in areas.body.rows().zip(rows) {
        let Some(status) = overview.workloads.get(*index) else {
            continue;
        };
        let workload = app.data.workload(&status.workload);
        line(app, pen, area, &columns, overview, status, workload);
        if selected == Some(&status.workload) {
            pen.select(area, 1);
        }
        if app.home.marks.contains(&status.workload) {
            pen.mark(area, 2);
        }
    }
    more(
        pen,
        areas.body,
        app.home.list.offset(),
        app.home.rows().len(),
    );
}

/// Marks in the margin that there are rows above or below.
pub(super) fn more(pen: &mut Pen<'_>, body: Rect, offset: usize, count: usize) {
    if offset > 0 {
        pen.put(row(body, 0), 0, pen.glyphs.more_above, Role::Muted);
    }
    // A text that is scrolled to its end may not have been measured yet.
    if offset.saturating_add(usize::from(body.height)) < count {
        let last = row(body, body.height.saturating_sub(1));
        pen.put(last, 0, pen.glyphs.more_below, Role::Muted);
    }
}

fn head(pen: &mut Pen<'_>, area: Rect, columns: &Columns) {
    pen.put(area, 3, "ST", Role::Heading);
    let mut at = NAMES;
    for (width, title) in columns
        .names
        .iter()
        .zip(["WORKLOAD", "SERVING NOW", "FALLBACK"])
    {
        pen.cell(area, at, *width, title, Role::Heading);
        at += width + 1;
    }
    for (at, column) in &columns.fixed {
        match column {
            // What is said of the fallback where there is no room for its name.
            Column::Ready if columns.names[2] == 0 => {
                pen.cell(area, *at, column.width(), "FALLBACK", Role::Heading);
            }
            Column::Ready | Column::Owner => {
                pen.cell(area, *at, column.width(), column.head(), Role::Heading);
            }
            Column::Errors | Column::First | Column::Slow | Column::Rate | Column::Since => {
                pen.cell_right(area, *at, column.width(), column.head(), Role::Heading);
            }
        }
    }
    if let Some(at) = columns.flags {
        pen.put(area, at, "FLAGS", Role::Heading);
    }
}

fn line(
    app: &App,
    pen: &mut Pen<'_>,
    area: Rect,
    columns: &Columns,
    overview: &Overview,
    status: &WorkloadStatus,
    workload: Option<&Workload>,
) {
    let (sign, role) = words::state(status.state);
    pen.put(area, 3, sign, role);
    pen.put(area, 5, state_word(status.state), role);
    let [name, serving_width, fallback_width] = columns.names;
    pen.cell(
        area,
        NAMES,
        name,
        &words::safe(status.workload.as_str()),
        Role::Text,
    );
    let at = NAMES + name + 1;
    let (text, serving_role) = serving(app, pen, status, usize::from(serving_width));
    pen.cell(area, at, serving_width, &text, serving_role);
    let told = text.ends_with(')');
    if fallback_width > 0 {
        let at = at + serving_width + 1;
        fallback(pen, area, at, fallback_width, overview, status, told);
    }
    for (at, column) in &columns.fixed {
        let (text, role) = match column {
            Column::Ready => {
                let (text, role) = if fallback_width == 0 && !told && refused(status) {
                    ("x refused".to_owned(), Role::StateFailing)
                } else {
                    readiness::cell(app, &status.readiness, usize::from(column.width()))
                };
                pen.cell(area, *at, column.width(), &text, role);
                continue;
            }
            Column::Errors => (
                words::percent(status.error_share),
                words::errors(status.error_share),
            ),
            Column::First => (words::seconds(status.first_output_p50), Role::Text),
            Column::Slow => {
                let millis = app.data.first_output_p95.get(&status.workload);
                let slow = millis.map(|millis| std::time::Duration::from_millis(*millis));
                (words::seconds(slow), Role::Text)
            }
            Column::Rate => (words::rate(status.rps), Role::Text),
            Column::Since => (since(app, status), Role::Text),
            Column::Owner => {
                let owner = workload.and_then(|workload| workload.owner.as_deref());
                let owner = words::safe(owner.unwrap_or("-")).into_owned();
                pen.cell(area, *at, column.width(), &owner, Role::Muted);
                continue;
            }
        };
        pen.cell_right(area, *at, column.width(), &text, role);
    }
    if let Some(at) = columns.flags {
        let back = fallback_width == 0 && could_go_back(overview, status);
        flags(app, pen, area, at, status, workload, back);
    }
}

fn refused(status: &WorkloadStatus) -> bool {
    matches!(status.serving, Serving::RefusedByPolicy { .. })
}

/// Whether the fallback serves although the primary looks well again.
fn could_go_back(overview: &Overview, status: &WorkloadStatus) -> bool {
    matches!(
        status.serving,
        Serving::Auto { .. } | Serving::Forced { .. }
    ) && words::route(overview, &status.primary).0 == "+"
}

/// The route that serves, and why when it is not simply the primary. Where gateways differ on purpose, no route is
/// the answer.
fn serving(app: &App, pen: &Pen<'_>, status: &WorkloadStatus, width: usize) -> (String, Role) {
    if let (Some(mixed), Serving::Forced { .. } | Serving::Primary { .. }) =
        (status.mixed, &status.serving)
    {
        let (long, short) = (
            mixed.to_string(),
            format!("{} on {} of {}", mixed.mode, mixed.on, mixed.of),
        );
        let text = if long.width() <= width { long } else { short };
        let text = fit(&text, width, pen.glyphs.cut).into_owned();
        return (text, Role::StateForced);
    }
    let (route, short, long, role) = match &status.serving {
        Serving::Primary { route } => (route, String::new(), String::new(), Role::Text),
        Serving::Auto { route, class } => (
            route,
            " (auto)".to_owned(),
            class.map_or_else(|| " (auto)".to_owned(), |class| format!(" (auto: {class})")),
            Role::StateFallback,
        ),
        Serving::Forced {
            route,
            actor,
            until,
        } => {
            let who = words::actor(app, actor);
            let end = until.map_or_else(String::new, |until| {
                format!(" to {}", words::until(app, until))
            });
            (
                route,
                format!(" (by {who})"),
                format!(" (by {who}{end})"),
                Role::StateForced,
            )
        }
        Serving::RefusedByPolicy { route, .. } => (
            route,
            // Said in the column of fallbacks.
            String::new(),
            " (fallback refused)".to_owned(),
            Role::StateFailing,
        ),
    };
    let route = words::safe(route.as_str());
    let cause = if route.width() + long.width() <= width {
        long
    } else {
        short
    };
    // The cause matters more than the end of a long name.
    let room = width.saturating_sub(cause.width());
    (
        format!("{}{cause}", fit(&route, room, pen.glyphs.cut)),
        role,
    )
}

/// The other side: would it serve?
fn fallback(
    pen: &mut Pen<'_>,
    area: Rect,
    at: u16,
    width: u16,
    overview: &Overview,
    status: &WorkloadStatus,
    told: bool,
) {
    let (name, route) = match (&status.serving, &status.fallback) {
        (_, None) => {
            let text = if width < 14 { "none" } else { "none by policy" };
            pen.cell(area, at, width, text, Role::Muted);
            return;
        }
        (Serving::Auto { .. } | Serving::Forced { .. }, Some(_)) => {
            ("primary".into(), &status.primary)
        }
        (Serving::RefusedByPolicy { .. }, Some(fallback)) if !told => ("refused".into(), fallback),
        (Serving::Primary { .. } | Serving::RefusedByPolicy { .. }, Some(fallback)) => {
            (words::safe(fallback.as_str()), fallback)
        }
    };
    let (sign, role) = words::route(overview, route);
    let name = fit(&name, usize::from(width.saturating_sub(2)), pen.glyphs.cut).into_owned();
    let cell = Rect {
        width: area.width.min(at + width),
        ..area
    };
    let end = pen.put(cell, at, &name, Role::Text);
    pen.put(cell, end + 1, sign, role);
}

/// Since when it is so.
fn since(app: &App, status: &WorkloadStatus) -> String {
    match (status.since, app.times) {
        (None, _) => "-".to_owned(),
        (Some(since), Times::Utc | Times::Local) => words::day(app, since, "%H:%M"),
        (Some(since), Times::Ago) => words::span(app.age(since)),
    }
}

/// What else is worth knowing, the most urgent first; a flag that does not fit whole is left out.
fn flags(
    app: &App,
    pen: &mut Pen<'_>,
    area: Rect,
    at: u16,
    status: &WorkloadStatus,
    workload: Option<&Workload>,
    back: bool,
) {
    let mut flags: Vec<(String, Role)> = Vec::new();
    if app.pending(&status.workload).is_some() {
        flags.push(("pending".to_owned(), Role::Info));
    }
    if let Some(other) = app.planned_by(&status.workload) {
        let who = words::safe(other.actor.name());
        flags.push((format!("{who}:plan"), Role::Warning));
    }
    if status.break_glass {
        flags.push(("glass".to_owned(), Role::Error));
    }
    if status.debt.is_some() {
        flags.push(("owed".to_owned(), Role::Error));
    }
    let shown = matches!(
        status.serving,
        Serving::Forced { .. } | Serving::Primary { .. }
    );
    if status.mixed.is_some() && !shown {
        flags.push(("mixed".to_owned(), Role::Warning));
    } else if status.mixed.is_none() && !status.scoped.is_empty() {
        flags.push(("scoped".to_owned(), Role::Info));
    }
    // Where readiness says so already it is no news.
    let told = |alarm: &&Alarm| {
        matches!(alarm, Alarm::Unreviewed { .. }) && status.readiness.word == Readiness::Unreviewed
    };
    if let Some(alarm) = status.alarms.iter().find(|alarm| !told(alarm)) {
        flags.push((alarm.as_str().to_owned(), Role::Warning));
    }
    if let Some(until) = status.mode_until {
        flags.push((format!("exp {}", words::left(app, until)), Role::Warning));
    }
    if back {
        flags.push(("primary+".to_owned(), Role::StateOk));
    }
    if let Some(who) = app.claimed_by(&status.workload) {
        flags.push((format!("{}:on it", words::safe(who)), Role::Info));
    }
    let required = workload.is_some_and(|workload| workload.notice.required);
    let given = status.notice && workload.is_some_and(|workload| !workload.notice.text.is_empty());
    if required && !given {
        // No fallback is possible until the notice is on.
        flags.push(("locked".to_owned(), Role::Warning));
    }
    if status.capture == Capture::Redacted {
        flags.push(("captured".to_owned(), Role::Warning));
    }
    if status.tier == Tier::Paid {
        flags.push(("paid".to_owned(), Role::Text));
    }
    if required && given {
        flags.push(("notice".to_owned(), Role::Muted));
    }
    let mut column = at;
    let mut left_out = false;
    let room = usize::from(area.width.saturating_sub(at));
    for (text, role) in flags {
        // What fits no column of flags at all is told in short.
        let text = if text.width() > room {
            short(&text)
        } else {
            text
        };
        if usize::from(column) + text.width() <= usize::from(area.width) {
            column = pen.put(area, column, &text, role) + 1;
        } else {
            left_out = true;
            break;
        }
    }
    if left_out {
        pen.put(area, column.saturating_sub(1), "+", Role::Muted);
    }
}

/// A flag in few letters.
fn short(flag: &str) -> String {
    match flag {
        "unreviewed" => "unrev".to_owned(),
        "provider-made" => "by-prov".to_owned(),
        other => {
            let short = |who: &str, letters| who.chars().take(letters).collect::<String>();
            if let Some(who) = other.strip_suffix(":on it") {
                return format!("{}:on", short(who, 5));
            }
            match other.strip_suffix(":plan") {
                Some(who) => format!("{}:plan", short(who, 3)),
                None => other.to_owned(),
            }
        }
    }
}

/// A workload in one line.
pub(super) fn copied(app: &App, name: &WorkloadName) -> Option<String> {
    let status = app
        .overview()?
        .workloads
        .iter()
        .find(|status| status.workload == *name)?;
    let (sign, _) = words::state(status.state);
    Some(format!(
        "{} {sign} {}: served by {}, fallback {}, errors {}, first output {}, {} rps, mode {} ({})\n",
        words::safe(name.as_str()),
        state_name(status.state),
        words::safe(crate::console::state::home::serving(&status.serving)),
        status.readiness.word,
        words::percent(status.error_share),
        words::seconds(status.first_output_p50),
        words::rate(status.rps),
        status.mode,
        app.clock.strftime("%Y-%m-%dT%H:%M:%SZ"),
    ))
}

/// Whether a state is one that somebody should look at.
pub(super) const fn urgent(state: State) -> bool {
    match state {
        State::Failing | State::Fallback | State::Forced => true,
        State::Unknown | State::Ok | State::Held => false,
    }
}
