//! The home screen: every workload, worst first, and what just happened below.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    pen::{Line, Pen, fit, row},
    words,
};
use crate::{
    console::{
        app::{App, Times},
        layout::{Areas, Room},
        state::home::{state_name, state_word},
        theme::Role,
    },
    control::{Overview, Serving, State, WorkloadStatus},
    model::{Tier, Workload},
};

/// Where the first column of names begins: cursor, sign and word stand before it.
const NAMES: u16 = 9;
/// The three columns of names are never narrower.
const LEAST: u16 = 8;

/// What the columns are, from left to right behind the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Errors,
    First,
    Slow,
    Rate,
    Since,
    Owner,
}

impl Column {
    const fn head(self) -> &'static str {
        match self {
            Self::Errors => "ERR",
            Self::First => "TTFT",
            Self::Slow => "P95",
            Self::Rate => "RPS",
            Self::Since => "SINCE",
            Self::Owner => "OWNER",
        }
    }

    const fn width(self) -> u16 {
        match self {
            Self::Errors => 4,
            Self::First | Self::Slow | Self::Since => 5,
            Self::Rate => 6,
            Self::Owner => 12,
        }
    }
}

/// The table's columns for a width.
struct Columns {
    names: [u16; 3],
    fixed: Vec<(u16, Column)>,
    flags: Option<u16>,
}

fn columns(app: &App, overview: &Overview, width: u16) -> Columns {
    let room = app.room();
    let wide = (room == Room::Wide) != app.home.wide;
    let kinds: &[Column] = match (room, wide) {
        (Room::Summary | Room::List, _) => &[Column::Errors, Column::First],
        (Room::Full, false) | (Room::Wide, false) => &[Column::Errors, Column::First],
        (Room::Full, true) => &[
            Column::Errors,
            Column::First,
            Column::Slow,
            Column::Rate,
            Column::Since,
        ],
        (Room::Wide, true) => &[
            Column::Errors,
            Column::First,
            Column::Slow,
            Column::Rate,
            Column::Since,
            Column::Owner,
        ],
    };
    let flags: u16 = match (room, wide) {
        (Room::Summary | Room::List, _) | (Room::Full, true) => 0,
        (Room::Full, false) => 10,
        (Room::Wide, _) => 14,
    };
    let taken: u16 = kinds.iter().map(|kind| kind.width() + 2).sum();
    let left = width.saturating_sub(NAMES + taken + flags + 2);
    let names = share(left, naturals(app, overview));
    let mut at = NAMES + names.iter().sum::<u16>() + 2;
    let mut fixed = Vec::with_capacity(kinds.len());
    for kind in kinds {
        fixed.push((at + 1, *kind));
        at += kind.width() + 2;
    }
    Columns {
        names,
        fixed,
        flags: (flags > 0).then_some(at + 1),
    }
}

/// How wide the names are: depends on the configuration only, so that columns do not jump about.
fn naturals(app: &App, overview: &Overview) -> [u16; 3] {
    let longest = |lengths: &mut dyn Iterator<Item = usize>| {
        u16::try_from(lengths.max().unwrap_or(0)).unwrap_or(u16::MAX)
    };
    let workload = longest(
        &mut overview
            .workloads
            .iter()
            .map(|status| status.workload.as_str().width()),
    );
    let route = longest(
        &mut overview
            .routes
            .iter()
            .map(|status| status.route.as_str().width()),
    );
    let cause = if app.room() == Room::Wide { 16 } else { 7 };
    [
        workload.max(8),
        (route + cause).max(11),
        (route + 2).max(14),
    ]
}

/// Shares columns out: what is needed where there is room, else the widest give first.
fn share(left: u16, wanted: [u16; 3]) -> [u16; 3] {
    let mut given = wanted;
    while given.iter().sum::<u16>() > left {
        let Some(widest) = given.iter_mut().max().filter(|width| **width > LEAST) else {
            break;
        };
        *widest -= 1;
    }
    given
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    match app.overview() {
        None => empty(pen, areas.body, "opening the store ..."),
        Some(overview) if overview.workloads.is_empty() => {
            empty(pen, areas.body, "the configuration has no workload");
        }
        Some(_) if app.home.rows().is_empty() => {
            empty(
                pen,
                areas.body,
                "no workload matches the filter; Esc lifts it",
            );
        }
        Some(overview) => table(app, pen, areas, overview),
    }
    strip(app, pen, areas);
}

fn empty(pen: &mut Pen<'_>, body: Rect, text: &str) {
    pen.put(row(body, 0), 3, text, Role::Muted);
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
            pen.put(area, 1, pen.glyphs.cursor, Role::Cursor);
            pen.style(area, Role::Selection);
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
    if offset + usize::from(body.height) < count {
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
            Column::Owner => pen.cell(area, *at, column.width(), column.head(), Role::Heading),
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
    let at = at + serving_width + 1;
    fallback(pen, area, at, fallback_width, overview, status);
    for (at, column) in &columns.fixed {
        let (text, role) = match column {
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
        flags(app, pen, area, at, status, workload);
    }
}

/// The route that serves, and why when it is not simply the primary.
fn serving(app: &App, pen: &Pen<'_>, status: &WorkloadStatus, width: usize) -> (String, Role) {
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
            let who = if *actor == app.setup.actor.name() {
                "you".into()
            } else {
                words::safe(actor)
            };
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
            " (refused)".to_owned(),
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
) {
    let (name, route) = match (&status.serving, &status.fallback) {
        (_, None) => {
            pen.cell(area, at, width, "none by policy", Role::Muted);
            return;
        }
        (Serving::Auto { .. } | Serving::Forced { .. }, Some(_)) => {
            ("primary".into(), &status.primary)
        }
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
        (Some(since), Times::Utc) => since.strftime("%H:%M").to_string(),
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
) {
    let mut flags: Vec<(String, Role)> = Vec::new();
    if app.pending(&status.workload).is_some() {
        flags.push(("pending".to_owned(), Role::Info));
    }
    if status.break_glass {
        flags.push(("glass".to_owned(), Role::Error));
    }
    if let Some(until) = status.mode_until {
        flags.push((format!("exp {}", words::left(app, until)), Role::Warning));
    }
    if let Some(who) = app.claimed_by(&status.workload) {
        flags.push((format!("{}:on it", words::safe(who)), Role::Info));
    }
    if status.tier == Tier::Paid {
        flags.push(("paid".to_owned(), Role::Text));
    }
    let required = workload.is_some_and(|workload| workload.notice.required);
    match (status.notice, required) {
        (false, true) => flags.push(("locked".to_owned(), Role::Warning)),
        (true, true) => flags.push(("notice".to_owned(), Role::Muted)),
        (_, false) => {}
    }
    let mut column = at;
    for (text, role) in flags {
        let end = usize::from(column) + text.width();
        if end > usize::from(area.width) {
            break;
        }
        column = pen.put(area, column, &text, role) + 1;
    }
}

/// The newest events, and how many there were.
fn strip(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    if areas.strip_title.is_empty() {
        return;
    }
    pen.rule(areas.rules[2], "");
    strip_title(app, pen, areas.strip_title);
    let end = app.events_end();
    let log = &app.data.log;
    let height = u64::from(areas.strip.height);
    let first = end.saturating_sub(height).max(log.first());
    if first == end {
        empty(
            pen,
            areas.strip,
            "no event yet: nothing fell back, nothing was refused",
        );
    }
    let names = super::events::names(app);
    for (area, number) in areas.strip.rows().zip(first..end) {
        if let Some(stored) = log.get(number) {
            super::events::line(app, pen, area, stored, names);
        }
    }
}

fn strip_title(app: &App, pen: &mut Pen<'_>, area: Rect) {
    /// Minutes.
    const SPAN: usize = 15;
    let log = &app.data.log;
    let bars = log.histogram(SPAN, app.clock);
    let mut sum = crate::console::state::log::Counts::default();
    for bar in &bars {
        sum.fallback += bar.fallback;
        sum.refused += bar.refused;
        sum.failed += bar.failed;
    }
    let back = match log.counted_since(crate::console::app::BACKLOG, 15, app.clock) {
        None => "last 15m".to_owned(),
        Some(since) => format!("last {}", words::span(app.age(since))),
    };
    let mut line = Line::of(Role::Title, "Events");
    line = match app.held_back() {
        Some(held_back) => line.and(Role::Warning, format!("  PAUSED +{held_back}")),
        None => line.and(Role::Muted, "  newest last"),
    };
    line = line.and(
        Role::Text,
        format!(
            "   {back}: {} fallback, {} refused",
            sum.fallback, sum.refused
        ),
    );
    if sum.failed > 0 {
        line = line.and(Role::Error, format!(", {} failed", sum.failed));
    }
    let at = pen.line(area, 1, &line);
    let most = bars.iter().map(|bar| bar.total()).max().unwrap_or(0);
    let label = " per min";
    let start = area
        .width
        .saturating_sub(SPAN as u16 + label.len() as u16 + 1);
    if start <= at || most == 0 {
        return;
    }
    let levels = pen.glyphs.spark;
    let mut column = start;
    for bar in &bars {
        // Any event at all is at least the lowest visible level.
        let level = if bar.total() == 0 {
            0
        } else {
            usize::try_from(bar.total() * 7 / most)
                .unwrap_or(7)
                .clamp(1, 7)
        };
        let role = if level > 4 {
            Role::SparkHigh
        } else {
            Role::SparkLow
        };
        pen.put(area, column, levels[level], role);
        column += 1;
    }
    pen.put(area, column, label, Role::Muted);
}

/// The selected workload in one line.
pub(super) fn copied(app: &App) -> Option<String> {
    let name = app.home.list.selected()?;
    let status = app
        .overview()?
        .workloads
        .iter()
        .find(|status| status.workload == *name)?;
    let (sign, _) = words::state(status.state);
    Some(format!(
        "{} {sign} {}: served by {}, errors {}, first output {}, {} rps, mode {} ({})\n",
        words::safe(name.as_str()),
        state_name(status.state),
        words::safe(crate::console::state::home::serving(&status.serving)),
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
