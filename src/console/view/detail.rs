//! One workload: how it fares, its two routes, what its policy would do now, what can be done, what happened.
//!
//! On a narrow screen the parts stand one below the other and scroll; from 120 columns on they stand in two
//! columns.

mod facts;
mod side;

use ratatui::layout::Rect;

use super::{
    chart,
    home::more,
    pen::{Line, Pen, row},
    words,
};
use crate::{
    console::{
        app::App,
        glyph::Glyphs,
        layout::{Areas, Room},
        state::home::state_name,
        theme::Role,
    },
    control::{Serving, WorkloadStatus},
    model::WorkloadName,
};

/// Between the two columns.
const GAP: u16 = 2;
/// From so many rows on there are charts in the pane beside the list.
const GLANCE: u16 = 24;

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, name: &WorkloadName) {
    let (Some(_), Some(status)) = (app.data.workload(name), found(app, name)) else {
        pen.put(
            row(areas.body, 0),
            3,
            "this workload is not in the configuration any more",
            Role::Warning,
        );
        return;
    };
    pen.line(areas.head, 1, &headline(app, status));
    let texts = columns(app, name, areas.body, pen.glyphs);
    if let [_, _] = texts.as_slice() {
        let (left, right) = halves(app, areas.body);
        for (area, lines) in [left, right].into_iter().zip(&texts) {
            pen.lines(area, lines, app.detail_scroll);
        }
        for area in areas.body.rows() {
            pen.put(area, left.width, pen.glyphs.divider, Role::Border);
        }
    } else {
        for lines in &texts {
            pen.lines(areas.body, lines, app.detail_scroll);
        }
    }
    let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
    more(pen, areas.body, app.detail_scroll, longest);
}

/// The page that is open: one column of text, or two beside each other.
fn columns(app: &App, name: &WorkloadName, body: Rect, glyphs: &Glyphs) -> Vec<Vec<Line>> {
    let (Some(workload), Some(status)) = (app.data.workload(name), found(app, name)) else {
        return Vec::new();
    };
    let wide = app.room() == Room::Wide;
    let (left, right) = halves(app, body);
    match (app.charts.page.is_charts(), wide) {
        (true, true) => chart::page(app, &[left.width, right.width], body.height, glyphs),
        (true, false) => chart::page(app, &[body.width], body.height, glyphs),
        (false, true) => vec![
            facts::main(app, workload, status, left.width),
            side::side(app, name, right.width, glyphs),
        ],
        (false, false) => vec![facts_in_one(app, name, body.width, glyphs)],
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
    if inner.height >= GLANCE {
        lines.extend(chart::glance(
            app,
            inner.width,
            inner.height / 4,
            pen.glyphs,
        ));
        lines.push(Line::default());
    }
    lines.extend(facts_in_one(app, name, inner.width, pen.glyphs));
    pen.lines(inner, &lines, 0);
}

/// The two columns of a page.
fn halves(app: &App, body: Rect) -> (Rect, Rect) {
    let pictures = chart::pictures(body.width).filter(|_| app.charts.page.is_charts());
    let left = pictures.unwrap_or(body.width * 11 / 20);
    (
        Rect {
            width: left,
            ..body
        },
        Rect {
            x: (body.x + left + GAP).min(body.right()),
            width: body.width.saturating_sub(left + GAP),
            ..body
        },
    )
}

/// How many lines there are to scroll through.
pub(super) fn height(app: &App, name: &WorkloadName, body: Rect, glyphs: &Glyphs) -> usize {
    let texts = columns(app, name, body, glyphs);
    texts.iter().map(Vec::len).max().unwrap_or(0)
}

/// The page that is open, in one column.
pub(super) fn all(app: &App, name: &WorkloadName, width: u16, glyphs: &Glyphs) -> Vec<Line> {
    if app.charts.page.is_charts() {
        chart::page(app, &[width], app.size.1, glyphs).concat()
    } else {
        facts_in_one(app, name, width, glyphs)
    }
}

fn facts_in_one(app: &App, name: &WorkloadName, width: u16, glyphs: &Glyphs) -> Vec<Line> {
    let (Some(workload), Some(status)) = (app.data.workload(name), found(app, name)) else {
        return Vec::new();
    };
    let mut lines = facts::main(app, workload, status, width);
    lines.push(Line::default());
    lines.extend(side::side(app, name, width, glyphs));
    lines
}

fn found<'a>(app: &'a App, name: &WorkloadName) -> Option<&'a WorkloadStatus> {
    app.overview()?.workload(name)
}

/// State, what serves, and since when.
fn headline(app: &App, status: &WorkloadStatus) -> Line {
    let (sign, role) = words::state(status.state);
    let since = status.since.map_or_else(String::new, |since| {
        format!(
            " since {} ({})",
            words::clock(app, since),
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
