//! The two lines on top: where am I, may I break things, what is broken, who is here, how fresh is this.

use std::fmt::Write as _;

use ratatui::layout::Rect;

use super::{
    pen::{Line, Pen, fit},
    tabs,
    title::{self, Told},
    words,
};
use crate::{
    console::{app::App, layout::Areas, state::link::Speed, theme::Role},
    control::{Mode, State},
    model::Presence,
    store::Health,
};

/// The most columns for the name of an environment: the mode must stand beside it, and what is planned.
const ENVIRONMENT: usize = 24;

/// With less room for people than this, a sign says that nobody knows of the others.
const UNKNOWN: usize = 40;

/// Columns that the left and the right part never share: one at each end, and one between them.
const BESIDE: usize = 3;

/// Older than this, data is marked.
const OLD: std::time::Duration = std::time::Duration::from_secs(5);

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let room = usize::from(areas.status.width) / 3;
    let left = place(app, pen).and(Role::Text, "   ");
    let rights = [people(app, room), clock(app)];
    both(pen, areas.status, &left, rights, |room| counts(app, room));
    let rights = [0, 1, 2, 3].map(|short| freshness(app, short));
    let strip = !areas.strip_title.is_empty();
    // What is wrong never gives way: first what probing has cost does, then the order.
    let wrong = |(role, _): &(Role, String)| matches!(role, Role::Warning | Role::Error);
    let least = rights.last().filter(|least| least.0.iter().any(wrong));
    let needed = least.map_or(0, Line::width) + BESIDE;
    let fits = |left: &Line| left.width() + needed <= usize::from(areas.title.width);
    let shorter = [Told::Costs, Told::Order].map(|told| title::line(app, strip, told));
    let left = shorter
        .into_iter()
        .find(|left| least.is_none() || fits(left))
        .unwrap_or_else(|| title::line(app, strip, Told::Rows));
    if !fits(&left)
        && let Some(least) = least
    {
        // A long filter is cut before what is wrong is not said.
        let width = usize::from(areas.title.width);
        let start = u16::try_from(width.saturating_sub(least.width() + 1)).unwrap_or(0);
        let beside = Rect {
            width: start.saturating_sub(1),
            ..areas.title
        };
        pen.line(beside, 1, &left);
        pen.line(areas.title, start, least);
    } else {
        both(pen, areas.title, &left, rights.clone(), |_| Line::default());
    }
    top(app, pen, areas.rules[0]);
    tabs::draw(app, pen, areas.rules[0]);
    pen.rule(areas.rules[1], "");
}

/// The rule below the title. In production it wears the accent: it must not be taken for another environment.
pub(super) fn top(app: &App, pen: &mut Pen<'_>, area: Rect) {
    pen.rule(area, "");
    let catalog = app.data.catalog.as_ref();
    if catalog.is_some_and(|catalog| catalog.environment.production) {
        pen.accent(area, Role::EnvProd);
    }
}

/// The left part, the first of the right parts that fits beside it, and in between what still fits.
fn both<const N: usize>(
    pen: &mut Pen<'_>,
    area: Rect,
    left: &Line,
    rights: [Line; N],
    middle: impl Fn(usize) -> Line,
) {
    let width = usize::from(area.width);
    let room = width.saturating_sub(left.width() + BESIDE);
    let right = rights
        .into_iter()
        .find(|right| right.width() <= room)
        .unwrap_or_default();
    let room = room.saturating_sub(right.width());
    let middle = middle(room);
    let at = pen.line(area, 1, left);
    if middle.width() <= room {
        pen.line(area, at, &middle);
    }
    let start = width.saturating_sub(right.width() + 1);
    pen.line(area, u16::try_from(start).unwrap_or(0), &right);
}

/// Environment and mode.
pub(super) fn place(app: &App, pen: &Pen<'_>) -> Line {
    let (mode, role) = match app.setup.mode {
        Mode::Observe => ("OBSERVE", Role::ModeObserve),
        Mode::Write => ("WRITE", Role::ModeWrite),
    };
    match &app.data.catalog {
        Some(catalog) => {
            let accent = if catalog.environment.production {
                Role::EnvProd
            } else {
                Role::EnvOther
            };
            let name = words::safe(&catalog.environment.name);
            Line::of(accent, fit(&name, ENVIRONMENT, pen.glyphs.cut))
                .and(Role::Text, " ")
                .and(role, mode)
        }
        // The environment says what may be done in it.
        None => Line::of(Role::Muted, "backstop"),
    }
}

/// How many workloads are in which state: in words where there is room.
pub(super) fn counts(app: &App, room: usize) -> Line {
    let Some(overview) = app.overview() else {
        return Line::of(Role::Muted, "opening the store");
    };
    let count = |states: &[State]| {
        overview
            .workloads
            .iter()
            .filter(|status| states.contains(&status.state))
            .count()
    };
    let groups = [
        ("x", "failing", Role::StateFailing, count(&[State::Failing])),
        (
            "!",
            "on fallback",
            Role::StateFallback,
            count(&[State::Fallback, State::Forced]),
        ),
        ("?", "unknown", Role::StateUnknown, count(&[State::Unknown])),
        ("-", "off", Role::StateDisabled, count(&[State::Held])),
        ("+", "ok", Role::StateOk, count(&[State::Ok])),
    ];
    let build = |worded: bool| {
        let mut line = Line::default();
        for (sign, word, role, number) in groups {
            if number == 0 {
                continue;
            }
            let gap = if line.0.is_empty() { "" } else { "  " };
            let text = if worded {
                format!("{sign}{number} {word}")
            } else {
                format!("{sign}{number}")
            };
            line = line.and(Role::Text, gap).and(role, text);
        }
        line
    };
    let long = build(true);
    if long.width() <= room {
        long
    } else {
        build(false)
    }
}

/// Who is here, and the time.
fn people(app: &App, room: usize) -> Line {
    if app.data.apart().is_some() {
        let others = if room < UNKNOWN {
            "?"
        } else {
            "others unknown"
        };
        let mut line = Line::of(Role::Text, format!("here: you, {others}  "));
        line.0.extend(clock(app).0);
        return line;
    }
    // Who is about to change something is named before who is on something, and who looks.
    let mut told: Vec<(u8, &str)> = app
        .others()
        .map(|other| {
            let rank = match other {
                Presence { plan: Some(_), .. } => 0,
                Presence { claim: Some(_), .. } => 1,
                Presence { .. } => 2,
            };
            (rank, other.actor.name())
        })
        .collect();
    told.sort_unstable();
    let mut names: Vec<&str> = Vec::new();
    for (_, name) in told {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut here = "here: you".to_owned();
    for (index, name) in names.iter().enumerate() {
        let rest = names.len() - index;
        let next = format!(", {}", words::safe(name));
        if here.len() + next.len() + 5 > room {
            _ = write!(here, " +{rest}");
            break;
        }
        here.push_str(&next);
    }
    let mut line = Line::of(Role::Text, here + "  ");
    line.0.extend(clock(app).0);
    line
}

/// The time.
fn clock(app: &App) -> Line {
    let format = match (app.link.is_slow(), words::zone(app)) {
        (true, None) => "%H:%MZ",
        (false, None) => "%H:%M:%SZ",
        (true, Some(_)) => "%H:%M%:z",
        (false, Some(_)) => "%H:%M:%S%:z",
    };
    Line::of(Role::Text, words::day(app, app.clock, format))
}

/// That probing has spent its budget: what is shown as proven grows old, and nobody asks.
fn budgets(app: &App, short: u8) -> Option<(Role, String)> {
    let overview = app.data.overview.as_ref()?;
    let routes = overview.spent_budgets.len();
    let text = match (overview.spending.spent, routes, short) {
        (false, 0, _) => return None,
        (_, _, 2..) => "PROBES SPENT".to_owned(),
        (true, _, _) => "PROBE BUDGET SPENT".to_owned(),
        (false, routes, _) => {
            format!("PROBE BUDGET SPENT ({})", words::count(routes, "route"))
        }
    };
    Some((Role::Warning, text))
}

/// Gateways, host, store and the age of the data. Where there is little room, what is as it should be gives
/// way: first the host, then the gateways, then the age; what is wrong never does.
fn freshness(app: &App, short: u8) -> Line {
    let mut parts = Vec::new();
    match app.link.speed() {
        Speed::Spared if short < 2 => parts.push((Role::Muted, "slow".to_owned())),
        Speed::Quick | Speed::Spared => {}
        Speed::Slow => parts.push((Role::Warning, "SLOW LINK".to_owned())),
    }
    if let (Some(overview), None) = (&app.data.overview, app.data.apart()) {
        let alive = overview.alive().count();
        let current = overview.alive().filter(|gateway| gateway.current).count();
        let text = format!("gateways {current}/{alive} at rev {}", overview.revision);
        match (alive, current) {
            (0, _) => parts.push((Role::Error, "NO GATEWAY".to_owned())),
            _ if overview.silent().count() > 0 => {
                let silent = overview.silent().count();
                let text = format!("{text}, {silent} SILENT");
                parts.push((Role::Warning, text));
            }
            (alive, current) if alive != current => parts.push((Role::Warning, text)),
            _ if short < 2 => parts.push((Role::Muted, text)),
            _ => {}
        }
    }
    parts.extend(budgets(app, short));
    if short == 0 {
        let host = words::safe(&app.setup.actor.host).into_owned();
        parts.push((Role::Muted, host));
    }
    parts.push(match &app.data.health {
        _ if app.data.apart().is_some() => (Role::Error, "APART".to_owned()),
        None => (Role::Muted, "store ...".to_owned()),
        Some(Health::Good) => (Role::Success, "store ok".to_owned()),
        Some(Health::Failing(_)) => (Role::Error, "STORE FAILS".to_owned()),
    });
    match app.data.age(app.clock) {
        Some(age) if age > OLD => {
            parts.push((Role::Warning, format!("DATA {} OLD", words::span(age))));
        }
        Some(age) if short < 3 && !app.link.is_slow() => {
            parts.push((Role::Muted, format!("data {}", words::span(age))));
        }
        Some(_) | None => {}
    }
    let mut line = Line::default();
    for (role, text) in parts {
        let gap = if line.0.is_empty() { "" } else { "  " };
        line = line.and(Role::Text, gap).and(role, text);
    }
    line
}
