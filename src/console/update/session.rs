//! Where the operator was the last time: taken up once there is something to see, unless something fails.
//!
//! The first screen answers what is broken; a filter or a cursor of yesterday must not stand in the way of that.
//! Then only order, marks and theme are as they were, and the screen before is one key away.

use std::collections::BTreeMap;

use super::{go, sift};
use crate::{
    console::{
        app::{App, Screen},
        state::{
            gateways::GATEWAY_ORDERS,
            home::Sort,
            message::Level,
            reviews::REVIEW_ORDERS,
            session::{Rows, SCHEMA, Session},
            table::{AUDIT_ORDERS, ROUTE_ORDERS, Table},
        },
    },
    control::State,
    model::{GatewayName, RouteName, WorkloadName},
};

/// The list screens and their names in a file.
const LISTS: [(&str, Screen); 6] = [
    ("workloads", Screen::Home),
    ("routes", Screen::Routes),
    ("events", Screen::Events),
    ("reviews", Screen::Reviews),
    ("audit", Screen::Audit),
    ("gateways", Screen::Gateways),
];

/// What the last session left was read, or could not be.
pub(super) fn told(app: &mut App, result: Result<Option<Box<Session>>, String>) {
    match result {
        Ok(None) => {}
        Ok(Some(session)) => {
            app.sessions.theme.clone_from(&session.theme);
            app.sessions.waiting = Some(session);
        }
        Err(why) => app.say(
            Level::Warning,
            &format!("the last session is not taken up: {why}"),
        ),
    }
}

/// Takes it up when there is something to see.
pub(super) fn settle(app: &mut App) {
    let Some(overview) = &app.data.overview else {
        return;
    };
    let Some(session) = app.sessions.waiting.take() else {
        return;
    };
    let fails = |state| state == State::Failing;
    let failing = overview.workloads.iter().any(|status| fails(status.state));
    wear(app, session.theme.as_deref());
    // Whoever was quicker is not moved away from where they are.
    let untouched = app.screen == Screen::Home
        && app.before == Screen::Home
        && app.overlays.is_empty()
        && app.tour.is_none()
        && !app.home.touched
        && app.home.filter.is_empty();
    if !untouched {
        return;
    }
    let screen = screen(app, &session);
    let empty = Rows::default();
    for (name, list) in LISTS {
        let rows = session.lists.get(name).unwrap_or(&empty);
        order(app, &list, rows);
        if !failing || list != Screen::Home {
            app.screen = list.clone();
            sift::rows(app, &rows.filter);
            select(app, &list, rows);
        }
    }
    app.screen = Screen::Home;
    let when = session.left.map_or_else(String::new, |left| {
        format!(" of {}", left.strftime("%Y-%m-%d %H:%MZ"))
    });
    let as_new = screen == Screen::Home && session.lists.values().all(|rows| *rows == empty);
    if failing {
        if screen != Screen::Home {
            app.before = screen;
            app.say(
                Level::Note,
                &format!(
                    "something fails, so this comes first; <key:last-view> goes to the screen{when}"
                ),
            );
        }
    } else if !as_new {
        go::go(app, screen);
        app.say(
            Level::Note,
            &format!("as you left it{when}; `--fresh` starts without"),
        );
    }
    go::arrange(app);
    app.dirty = true;
}

/// The screen it was on, as far as there still is one. A comparison asks and costs: its workload is shown instead.
fn screen(app: &App, session: &Session) -> Screen {
    let workload = session.workload.as_deref().map(WorkloadName::from);
    match workload.filter(|workload| app.data.status(workload).is_some()) {
        Some(workload) if session.screen == "detail" => Screen::Detail(workload),
        Some(_) | None => LISTS
            .into_iter()
            .find(|(name, _)| *name == session.screen)
            .map_or(Screen::Home, |(_, screen)| screen),
    }
}

/// The theme, unless another one was asked for at the start.
fn wear(app: &mut App, theme: Option<&str>) {
    let Some(theme) = theme.filter(|_| !app.sessions.theme_given) else {
        return;
    };
    if app.themes.names.iter().any(|name| name == theme) {
        theme.clone_into(&mut app.themes.worn);
    }
}

/// Order, columns and marks.
fn order(app: &mut App, list: &Screen, rows: &Rows) {
    match list {
        Screen::Home => {
            app.home.sort = Sort::named(&rows.sort).unwrap_or_default();
            app.home.reversed = rows.reversed;
            app.home.wide = rows.wide;
            let known: Vec<WorkloadName> = names(&rows.marks);
            let known = known.into_iter();
            let there: Vec<_> = known
                .filter(|name| app.data.status(name).is_some())
                .collect();
            app.home.marks.set(there);
        }
        Screen::Routes => {
            let overview = app.data.overview.clone();
            let there = |name: &RouteName| {
                overview
                    .as_ref()
                    .is_some_and(|overview| overview.route(name).is_some())
            };
            table(
                &mut app.routes,
                &ROUTE_ORDERS,
                rows,
                names(&rows.marks),
                there,
            );
        }
        Screen::Reviews => {
            let data = &app.data;
            let there = |name: &WorkloadName| data.status(name).is_some();
            let marks = names(&rows.marks);
            table(&mut app.reviews.table, &REVIEW_ORDERS, rows, marks, there);
        }
        Screen::Audit => {
            let marks = rows.marks.iter().filter_map(|mark| mark.parse().ok());
            let marks: Vec<u64> = marks.collect();
            table(&mut app.audit, &AUDIT_ORDERS, rows, marks, |_| true);
        }
        Screen::Gateways => {
            let data = &app.data;
            let there = |name: &GatewayName| {
                let overview = data.overview.as_ref();
                overview.is_some_and(|overview| overview.gateway(name).is_some())
            };
            let marks = names(&rows.marks);
            table(&mut app.gateways, &GATEWAY_ORDERS, rows, marks, there);
        }
        // Events are numbered anew each time.
        Screen::Events | Screen::Detail(_) | Screen::Compare(_) => {}
    }
}

fn names<N: From<String>>(texts: &[String]) -> Vec<N> {
    texts.iter().cloned().map(N::from).collect()
}

fn table<K: Clone + Ord>(
    table: &mut Table<K>,
    orders: &[&str],
    rows: &Rows,
    marks: Vec<K>,
    there: impl Fn(&K) -> bool,
) {
    let place = orders.iter().position(|order| *order == rows.sort);
    table.sort = place.unwrap_or_default();
    table.reversed = rows.reversed;
    table
        .marks
        .set(marks.into_iter().filter(|mark| there(mark)));
}

/// The cursor.
fn select(app: &mut App, list: &Screen, rows: &Rows) {
    let Some(selected) = rows.selected.as_deref() else {
        return;
    };
    match list {
        Screen::Home => {
            app.home.list.select(WorkloadName::from(selected));
            app.home.touched = true;
        }
        Screen::Routes => {
            app.routes.list.select(RouteName::from(selected));
            app.routes.touched = true;
        }
        Screen::Reviews => {
            app.reviews.table.list.select(WorkloadName::from(selected));
            app.reviews.table.touched = true;
        }
        Screen::Audit => {
            if let Ok(sequence) = selected.parse() {
                app.audit.list.select(sequence);
                app.audit.touched = true;
            }
        }
        Screen::Gateways => {
            app.gateways.list.select(GatewayName::from(selected));
            app.gateways.touched = true;
        }
        Screen::Events | Screen::Detail(_) | Screen::Compare(_) => {}
    }
}

/// What this console leaves behind; `None` before it has seen an environment.
#[must_use]
pub fn left(app: &App) -> Option<Session> {
    let environment = app.data.catalog.as_ref()?.environment.name.clone();
    // What waits was not even looked at.
    if let Some(waiting) = &app.sessions.waiting {
        return Some(waiting.as_ref().clone());
    }
    let (screen, workload) = match &app.screen {
        Screen::Detail(workload) | Screen::Compare(workload) => ("detail", Some(workload)),
        list @ (Screen::Home
        | Screen::Routes
        | Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Gateways) => (
            LISTS
                .iter()
                .find(|(_, screen)| screen == list)
                .map_or("workloads", |(name, _)| *name),
            None,
        ),
    };
    let home = Rows {
        filter: app.home.filter.text().to_owned(),
        sort: app.home.sort.as_str().to_owned(),
        reversed: app.home.reversed,
        wide: app.home.wide,
        selected: selected(app.home.touched, app.home.list.selected()),
        marks: texts(app.home.marks.all()),
    };
    let events = Rows {
        filter: app.events.filter().text().to_owned(),
        ..Rows::default()
    };
    let lists = [
        ("workloads", home),
        ("routes", of(&app.routes, &ROUTE_ORDERS)),
        ("events", events),
        ("reviews", of(&app.reviews.table, &REVIEW_ORDERS)),
        ("audit", of(&app.audit, &AUDIT_ORDERS)),
        ("gateways", of(&app.gateways, &GATEWAY_ORDERS)),
    ];
    let lists: BTreeMap<String, Rows> = lists
        .into_iter()
        .map(|(name, mut rows)| {
            // The usual order is not worth a word.
            let usual = [
                Sort::default().as_str(),
                ROUTE_ORDERS[0],
                REVIEW_ORDERS[0],
                AUDIT_ORDERS[0],
                GATEWAY_ORDERS[0],
            ];
            if usual.contains(&rows.sort.as_str()) {
                rows.sort.clear();
            }
            (name.to_owned(), rows)
        })
        .collect();
    let chosen = !app.sessions.theme_given || app.themes.worn != app.themes.first;
    let theme = if chosen {
        Some(app.themes.worn.clone())
    } else {
        app.sessions.theme.clone()
    };
    let session = Session {
        schema: SCHEMA,
        environment,
        left: Some(app.now),
        screen: screen.to_owned(),
        workload: workload.map(ToString::to_string),
        theme,
        lists,
    };
    Some(session.bounded())
}

fn of<K: Clone + Ord + ToString>(table: &Table<K>, orders: &[&str]) -> Rows {
    Rows {
        filter: table.filter.text().to_owned(),
        sort: orders
            .get(table.sort)
            .copied()
            .unwrap_or_default()
            .to_owned(),
        reversed: table.reversed,
        wide: false,
        selected: selected(table.touched, table.list.selected()),
        marks: texts(table.marks.all()),
    }
}

fn selected<K: ToString>(touched: bool, row: Option<&K>) -> Option<String> {
    row.filter(|_| touched).map(K::to_string)
}

fn texts<K: ToString>(rows: impl IntoIterator<Item = K>) -> Vec<String> {
    rows.into_iter().map(|row| row.to_string()).collect()
}
