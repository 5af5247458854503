//! The screen's own line: where the operator is, how many rows there are, in which order, what is filtered and marked.

use super::{comparing, pen::Line, words};
use crate::{
    console::{
        app::{App, Overlay, Screen},
        state::{
            gateways::GATEWAY_ORDERS,
            reviews::REVIEW_ORDERS,
            table::{AUDIT_ORDERS, ROUTE_ORDERS},
        },
        theme::Role,
    },
    model::WorkloadName,
};

/// Between the steps of a path. Not a glyph: it is copied along with the names.
const STEP: &str = " > ";

/// How much is told of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// How many rows there are, and what is filtered and marked.
    Rows,
    /// In which order, too.
    Order,
    /// And what probing has cost.
    Costs,
}

/// The line. What is paused is said in the strip, when there is one.
pub(super) fn line(app: &App, strip: bool, told: Told) -> Line {
    let path = over(app);
    let listed = path.is_none();
    let (name, rest) = match path {
        Some(path) => (path, String::new()),
        None => match &app.screen {
            Screen::Compare(_) => {
                return comparing::headline(app).map_or_else(Line::default, |(name, rest)| {
                    let mut line = Line::of(Role::Title, name);
                    line.0.extend(rest.0);
                    line
                });
            }
            Screen::Detail(workload) => (detail(app, workload), String::new()),
            Screen::Home
            | Screen::Routes
            | Screen::Events
            | Screen::Reviews
            | Screen::Audit
            | Screen::Gateways => rows(app),
        },
    };
    let rest = if told == Told::Rows {
        String::new()
    } else {
        rest
    };
    let mut line = Line::of(Role::Title, name).and(Role::Muted, rest).and(
        Role::Match,
        if listed { sifted(app) } else { String::new() },
    );
    if let (Screen::Routes, true, Some(overview)) =
        (&app.screen, told == Told::Costs && listed, app.overview())
    {
        line = line.and(Role::Muted, format!("  probes {}", overview.spending));
    }
    if let Some((since, _)) = app.data.apart() {
        let then = since.strftime("%H:%M:%SZ");
        line = line
            .and(Role::Text, "  ")
            .and(Role::Warning, format!("AS OF {then}"));
    }
    if let Some(held_back) = app.held_back().filter(|_| !strip) {
        line = line
            .and(Role::Text, "  ")
            .and(Role::Warning, format!("PAUSED +{held_back}"));
    } else if listed && app.screen == Screen::Events {
        let follow = if app.events.follows() {
            "  follow"
        } else {
            "  not following (<key:bottom>)"
        };
        let follow = app.setup.keymap.keyed(follow);
        line = line.and(Role::Info, follow.into_owned());
    }
    line
}

/// The marks and the filter of the rows, as long as there are some.
fn sifted(app: &App) -> String {
    let mut text = String::new();
    // Before the filter, which may be long: what is done next is done to the marks.
    let (seen, hidden) = app.marked();
    if seen + hidden > 0 {
        text = format!("  {seen} marked");
    }
    if hidden > 0 {
        text = format!("{text} +{hidden} hidden");
    }
    if app.is_ranging() {
        text.push_str(" (range)");
    }
    if let Some(filter) = app.filter().filter(|filter| !filter.text().is_empty()) {
        text = format!("{text}  /{}", words::safe(filter.text()));
        if let Some(since) = filter.since() {
            text = format!("{text} (from {})", words::until(app, since));
        }
    }
    text
}

/// The path to the page of a workload that is open.
fn detail(app: &App, workload: &WorkloadName) -> String {
    let page = if app.charts.page.is_charts() {
        [STEP, "charts"].concat()
    } else {
        String::new()
    };
    format!("workloads{STEP}{}{page}", words::safe(workload.as_str()))
}

/// The path to what lies over the screen, when that fills it.
fn over(app: &App) -> Option<String> {
    let below = match &app.screen {
        Screen::Home => "workloads".to_owned(),
        Screen::Routes => "routes".to_owned(),
        Screen::Events => "events".to_owned(),
        Screen::Reviews => "reviews".to_owned(),
        Screen::Audit => "audit".to_owned(),
        Screen::Gateways => "gateways".to_owned(),
        Screen::Detail(workload) => detail(app, workload),
        Screen::Compare(_) => return None,
    };
    let mut steps = vec![below];
    for overlay in &app.overlays {
        let step = match overlay {
            Overlay::Event(number, _) => {
                let event = app.data.log.get(*number).map(|stored| &stored.event);
                let name = event.map_or("event", |event| event.workload.as_str());
                words::safe(name).into_owned()
            }
            Overlay::Record(sequence, _) => format!("#{sequence}"),
            Overlay::Help(_) => "help".to_owned(),
            Overlay::Messages(_) => "messages".to_owned(),
            Overlay::Past(past) => words::safe(past.workload.as_str()).into_owned(),
            Overlay::Drill(_) => "drill".to_owned(),
            Overlay::Probe(_) => "probe".to_owned(),
            Overlay::Plan(_)
            | Overlay::Actions(_)
            | Overlay::Comparing(_)
            | Overlay::Palette(_)
            | Overlay::Filter(..) => continue,
        };
        steps.push(step);
    }
    (steps.len() > 1).then(|| steps.join(STEP))
}

/// A list: what it is, how much of it is shown, and in which order.
fn rows(app: &App) -> (String, String) {
    let overview = app.overview();
    let order = |name: &str, reversed: bool| {
        let turned = if reversed { " reversed" } else { "" };
        format!("  sort:{name}{turned}")
    };
    let nth = |orders: &[&'static str], place: usize| orders.get(place).copied().unwrap_or("");
    match app.screen {
        Screen::Home => {
            let all = overview.map_or(0, |overview| overview.workloads.len());
            (
                format!("Workloads {}/{all}", app.home.rows().len()),
                order(app.home.sort.as_str(), app.home.reversed),
            )
        }
        Screen::Routes => {
            let all = overview.map_or(0, |overview| overview.routes.len());
            let sorted = order(nth(&ROUTE_ORDERS, app.routes.sort), app.routes.reversed);
            (format!("Routes {}/{all}", app.routes.keys.len()), sorted)
        }
        Screen::Events => {
            let rows = app.events.rows(&app.data.log, app.events_end()).len();
            let gone = match app.data.log.first() {
                0 => String::new(),
                gone => format!("  {gone} older: `backstop events`"),
            };
            (format!("Events {rows}/{}", app.data.log.len()), gone)
        }
        Screen::Reviews => {
            let queue = &app.reviews.queue;
            let due = queue.iter().filter(|due| due.urgency.is_due()).count();
            let table = &app.reviews.table;
            let sorted = order(nth(&REVIEW_ORDERS, table.sort), table.reversed);
            (
                format!("Reviews {}/{}", table.keys.len(), queue.len()),
                format!("  {due} due{sorted}"),
            )
        }
        Screen::Audit => {
            let audit = &app.data.audit;
            let first = audit.front().map_or(0, |record| record.sequence);
            let gone = match first.saturating_sub(1) {
                0 => String::new(),
                gone => format!("  {gone} older: `backstop audit`"),
            };
            let sorted = order(nth(&AUDIT_ORDERS, app.audit.sort), app.audit.reversed);
            (
                format!("Audit {}/{}", app.audit.keys.len(), audit.len()),
                sorted + &gone,
            )
        }
        Screen::Gateways => {
            let all = overview.map_or(0, |overview| overview.gateways.len());
            let table = &app.gateways;
            let sorted = order(nth(&GATEWAY_ORDERS, table.sort), table.reversed);
            (format!("Gateways {}/{all}", table.keys.len()), sorted)
        }
        Screen::Detail(_) | Screen::Compare(_) => (String::new(), String::new()),
    }
}
