//! The routes screen: where requests can go, and how each of these fares.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    home::{empty, more},
    pen::{Pen, row},
    route, words,
};
use crate::{
    console::{
        app::App,
        layout::Areas,
        state::table::{circuit_word, probe_failed},
        theme::Role,
    },
    control::{Overview, RouteStatus},
    model::{CircuitState, ProbeSubject, RouteName, Verdict, WorkloadName},
};

/// Title, width, and whether it stands on the right. The last one takes what is left.
type Column = (&'static str, u16, bool);

/// Names of routes take no more columns than this, in a narrow and in a wide list.
const LONGEST: (usize, usize) = (16, 20);
/// From so many columns on there are errors and room; who uses it; and family, model and first outputs. The last ones
/// take the place of others where there is less room and the operator asks for them, and go away where they do not.
const LIST: u16 = 64;
const FULL: u16 = 78;
const WIDE: u16 = 115;

/// The columns of a list that is so wide.
fn columns(app: &App, width: u16) -> Vec<Column> {
    let longest = app.overview().map_or(0, |overview| {
        let names = overview.routes.iter().map(|status| status.route.as_str());
        names.map(UnicodeWidthStr::width).max().unwrap_or(0)
    });
    let most = if width >= WIDE { LONGEST.1 } else { LONGEST.0 };
    let route = u16::try_from(longest.clamp(8, most)).unwrap_or(8);
    let mut columns = vec![("ROUTE", route, false)];
    let wide = (width >= WIDE) != app.home.wide;
    let all = width >= WIDE || !wide;
    if wide {
        columns.extend([("FAMILY", 11, false), ("MODEL", 12, false)]);
    }
    if all || width >= FULL {
        columns.push(("PROBED", 10, false));
    }
    if all {
        columns.push(("LADDER", 13, false));
    }
    if wide {
        columns.push(("FIRST OUT", 11, false));
    }
    if all {
        columns.push(("CIRCUIT", 9, false));
    }
    if width >= LIST {
        columns.push(("ERR", 4, true));
        columns.extend(all.then_some(("ROOM", 4, true)));
    }
    if all && width >= FULL {
        columns.push(("USED BY", 12, false));
    }
    columns
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let columns = columns(app, areas.body.width);
    pen.rule(areas.rules[2], "");
    route::pane(app, pen, areas.pane);
    cells(pen, areas.head, &columns, |title| {
        Some((title.to_owned(), Role::Heading))
    });
    let Some(overview) = app.overview() else {
        pen.put(row(areas.body, 0), 3, "opening the store ...", Role::Muted);
        return;
    };
    let keys = &app.routes.keys;
    if keys.is_empty() {
        empty(
            app,
            pen,
            areas.body,
            "no route matches the filter; <key:back> lifts it",
        );
    }
    let selected = app.routes.list.selected();
    let offset = app.routes.list.offset();
    for (area, name) in areas.body.rows().zip(keys.iter().skip(offset)) {
        let found = overview
            .routes
            .binary_search_by(|status| status.route.cmp(name));
        let Some(status) = found.ok().and_then(|index| overview.routes.get(index)) else {
            continue;
        };
        let (sign, role) = would_serve(overview, status);
        pen.put(area, 3, sign, role);
        cells(pen, area, &columns, |title| cell(app, status, title));
        sparks(app, pen, area, &columns, status);
        if selected == Some(name) {
            pen.select(area, 1);
        }
        if app.routes.marks.contains(name) {
            pen.mark(area, 2);
        }
    }
    more(pen, areas.body, offset, keys.len());
}

fn cells(
    pen: &mut Pen<'_>,
    area: Rect,
    columns: &[Column],
    text: impl Fn(&str) -> Option<(String, Role)>,
) {
    let mut at = 5;
    for (index, (title, width, right)) in columns.iter().enumerate() {
        let last = index + 1 == columns.len();
        let width = if last {
            area.width.saturating_sub(at)
        } else {
            *width
        };
        if let Some((text, role)) = text(title) {
            if *right {
                pen.cell_right(area, at, width, &text, role);
            } else {
                pen.cell(area, at, width, &text, role);
            }
        }
        at += width + if *right { 2 } else { 1 };
    }
}

fn cell(app: &App, status: &RouteStatus, title: &str) -> Option<(String, Role)> {
    let text = |text: &str| Some((words::safe(text).into_owned(), Role::Text));
    match title {
        "ROUTE" => text(status.route.as_str()),
        "FAMILY" => text(status.family.as_str()),
        "MODEL" => text(&status.model),
        "PROBED" => Some(probed(app, status)),
        "LADDER" => Some(ladder(status)),
        "CIRCUIT" => Some((
            circuit_word(status.circuit).to_owned(),
            circuit_role(status),
        )),
        "ERR" => Some((
            words::percent(status.failure_share),
            words::errors(status.failure_share),
        )),
        "ROOM" => Some((headroom(status.used), used_role(status.used))),
        "USED BY" => Some(users(app, status)),
        _ => None,
    }
}

/// Whether it would serve: what traffic says first, then what probes found.
fn would_serve(overview: &Overview, status: &RouteStatus) -> (&'static str, Role) {
    match words::route(overview, &status.route) {
        (_, Role::StateOk) if probe_failed(status) => ("!", Role::Warning),
        other => other,
    }
}

/// How its probes came out, and when the newest was.
fn probed(app: &App, status: &RouteStatus) -> (String, Role) {
    let Some(probed) = &status.probed else {
        return ("never".to_owned(), Role::Warning);
    };
    let role = match probed.verdict {
        Verdict::Passed => Role::Success,
        Verdict::Failed => Role::Error,
        Verdict::Skipped => Role::Muted,
    };
    let age = words::span(app.age(probed.at));
    (format!("{} {age}", probed.verdict), role)
}

/// Of the rungs that were tried, how many hold; and the lowest that does not.
fn ladder(status: &RouteStatus) -> (String, Role) {
    let count = |verdict| {
        let of_it = status
            .ladder
            .iter()
            .filter(|tried| tried.verdict == verdict);
        of_it.count()
    };
    let (passed, failed) = (count(Verdict::Passed), count(Verdict::Failed));
    let broken = status.ladder.iter().find_map(|tried| match &tried.subject {
        ProbeSubject::Rung(rung) if tried.verdict == Verdict::Failed => Some(*rung),
        ProbeSubject::Rung(_) | ProbeSubject::Sample(_) => None,
    });
    let all = passed + failed;
    match broken {
        _ if all == 0 => ("-".to_owned(), Role::Muted),
        Some(rung) => (format!("{passed}/{all} x {rung}"), Role::Error),
        None => (format!("{passed}/{all}"), Role::Text),
    }
}

/// The newest first-output time, and those before it as a sparkline.
fn sparks(app: &App, pen: &mut Pen<'_>, area: Rect, columns: &[Column], status: &RouteStatus) {
    let mut at = 5;
    for (title, width, right) in columns {
        if *title == "FIRST OUT" {
            let (last, spark) = route::sparkline(app, &status.route, pen.glyphs, 6);
            pen.cell_right(
                area,
                at,
                4,
                &last.unwrap_or_else(|| "-".to_owned()),
                Role::Text,
            );
            pen.line(area, at + 5, &spark);
            return;
        }
        at += width + if *right { 2 } else { 1 };
    }
}

fn circuit_role(status: &RouteStatus) -> Role {
    match status.circuit {
        CircuitState::Closed => Role::Text,
        CircuitState::Open => Role::Error,
        CircuitState::HalfOpen => Role::Warning,
    }
}

/// What is left of its capacity; a route without a configured one has none to show.
pub(super) fn headroom(used: Option<f64>) -> String {
    match used {
        None => "-".to_owned(),
        Some(used) if used > 1.0 => "over".to_owned(),
        Some(used) => words::percent(Some(1.0 - used)),
    }
}

/// The role of a share of a capacity.
pub(super) fn used_role(used: Option<f64>) -> Role {
    match used {
        Some(used) if used >= 1.0 => Role::Error,
        Some(used) if used >= 0.8 => Role::Warning,
        Some(_) => Role::Text,
        None => Role::Muted,
    }
}

/// Who uses it; before that, who drained it.
fn users(app: &App, status: &RouteStatus) -> (String, Role) {
    let names: Vec<&str> = status.used_by.iter().map(WorkloadName::as_str).collect();
    let names = if names.is_empty() {
        "nobody".to_owned()
    } else {
        words::safe(&names.join(", ")).into_owned()
    };
    match &status.drained_by {
        None => (names, Role::Muted),
        Some(by) => {
            let end = status.drained_until.map_or_else(String::new, |until| {
                format!(" to {}", words::until(app, until))
            });
            (
                format!("DRAINED by {}{end}; {names}", words::safe(by)),
                Role::Warning,
            )
        }
    }
}

/// A route in one line.
pub(super) fn copied(app: &App, name: &RouteName) -> Option<String> {
    let status = app
        .overview()?
        .routes
        .iter()
        .find(|status| status.route == *name)?;
    Some(format!(
        "{} ({}, {}): circuit {}, errors {}, {} rps, headroom {}, used by {}\n",
        words::safe(name.as_str()),
        words::safe(&status.model),
        status.family,
        circuit_word(status.circuit),
        words::percent(status.failure_share),
        words::rate(status.rps),
        headroom(status.used),
        users(app, status).0,
    ))
}
