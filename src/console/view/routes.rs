//! The routes screen: where requests can go, and how each of these fares.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    events::wide,
    home::more,
    pen::{Pen, row},
    words,
};
use crate::{
    console::{app::App, layout::Areas, state::table::circuit_word, theme::Role},
    control::RouteStatus,
    model::{CircuitState, WorkloadName},
};

/// Title, width, and whether it stands on the right. The last one takes what is left.
type Column = (&'static str, u16, bool);

/// Names of routes take no more columns than this.
const LONGEST: usize = 24;

fn columns(app: &App) -> Vec<Column> {
    let longest = app.overview().map_or(0, |overview| {
        let names = overview.routes.iter().map(|status| status.route.as_str());
        names.map(UnicodeWidthStr::width).max().unwrap_or(0)
    });
    let route = u16::try_from(longest.clamp(8, LONGEST)).unwrap_or(8);
    let mut columns = vec![("ROUTE", route, false)];
    if wide(app) {
        columns.push(("FAMILY", 18, false));
        columns.push(("MODEL", 16, false));
    }
    columns.extend([
        ("PROVIDER", 10, false),
        ("CIRCUIT", 9, false),
        ("ERR", 4, true),
        ("RPS", 6, true),
        ("ROOM", 4, true),
        ("USED BY", 12, false),
    ]);
    columns
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let columns = columns(app);
    cells(pen, areas.head, &columns, |title| {
        Some((title.to_owned(), Role::Heading))
    });
    let Some(overview) = app.overview() else {
        pen.put(row(areas.body, 0), 3, "opening the store ...", Role::Muted);
        return;
    };
    let keys = &app.routes.keys;
    if keys.is_empty() {
        pen.put(
            row(areas.body, 0),
            3,
            "no route matches the filter; Esc lifts it",
            Role::Muted,
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
        let (sign, role) = words::route(overview, name);
        pen.put(area, 3, sign, role);
        cells(pen, area, &columns, |title| cell(app, status, title));
        if selected == Some(name) {
            pen.put(area, 1, pen.glyphs.cursor, Role::Cursor);
            pen.style(area, Role::Selection);
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
        "PROVIDER" => {
            let catalog = app.data.catalog.as_ref()?;
            text(catalog.routes.get(&status.route)?.provider.as_str())
        }
        "CIRCUIT" => Some((
            circuit_word(status.circuit).to_owned(),
            circuit_role(status),
        )),
        "ERR" => Some((
            words::percent(status.failure_share),
            words::errors(status.failure_share),
        )),
        "RPS" => Some((words::rate(status.rps), Role::Text)),
        "ROOM" => Some((headroom(status.used), used_role(status.used))),
        "USED BY" => Some(users(app, status)),
        _ => None,
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

/// The selected route in one line.
pub(super) fn copied(app: &App) -> Option<String> {
    let name = app.routes.list.selected()?;
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
