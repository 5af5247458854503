//! The reviews screen: whose fallback needs a review first, what the last one said, and how they went before.

use super::{
    cells::{Columns, cells, heads},
    events::wide,
    home::{empty, more},
    past::{share, trend},
    pen::Pen,
    words,
};
use crate::{
    console::{
        app::App,
        layout::{Areas, Room},
        theme::Role,
    },
    control::{Due, Urgency},
    model::{Standing, WorkloadName},
};

/// Title and width, from left to right; the last one takes what is left.
const NARROW: Columns = &[
    ("DUE", 9),
    ("WORKLOAD", 20),
    ("LAST", 9),
    ("AGE", 5),
    ("WHY", 20),
];
const WIDE: Columns = &[
    ("DUE", 12),
    ("WORKLOAD", 22),
    ("FALLBACK", 20),
    ("LAST", 9),
    ("AGE", 5),
    ("BEFORE", 14),
    ("RPS", 6),
    ("WHY", 20),
];

/// What a narrow screen shows when it is asked for the other columns.
const OTHER: Columns = &[
    ("DUE", 9),
    ("WORKLOAD", 20),
    ("FALLBACK", 20),
    ("LAST", 9),
    ("BEFORE", 12),
    ("RPS", 5),
];
/// Before the first column.
const FROM: u16 = 4;

fn columns(app: &App) -> Columns {
    match (app.room() == Room::Wide, app.home.wide) {
        (true, false) => WIDE,
        (false, true) => OTHER,
        (true, true) | (false, false) => NARROW,
    }
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let columns = columns(app);
    heads(pen, areas.head, FROM, columns);
    let table = &app.reviews.table;
    if table.keys.is_empty() {
        let text = if !table.filter.is_empty() {
            "no workload matches the filter; <key:back> lifts it"
        } else if app.reviews.queue.is_empty() && app.data.overview.is_none() {
            "reading ..."
        } else {
            "no workload has a fallback"
        };
        empty(app, pen, areas.body, text);
        return;
    }
    let offset = table.list.offset();
    for (area, workload) in areas.body.rows().zip(table.keys.iter().skip(offset)) {
        let Some(due) = app.reviews.due(workload) else {
            continue;
        };
        let (sign, role) = sign(due);
        pen.put(area, 2, sign, role);
        cells(pen, area, FROM, columns, |title| cell(app, due, title));
        if table.list.selected() == Some(workload) {
            pen.select(area, 0);
        }
        if table.marks.contains(workload) {
            pen.mark(area, 1);
        }
    }
    more(pen, areas.body, offset, table.keys.len());
}

/// Whether something is to be done, as a sign.
const fn sign(due: &Due) -> (&'static str, Role) {
    match due.urgency {
        Urgency::Owed | Urgency::InUse => ("x", Role::Error),
        Urgency::Armed | Urgency::Shut | Urgency::Soon => ("!", Role::Warning),
        Urgency::Holds => ("+", Role::Success),
        Urgency::NotRequired => ("-", Role::Muted),
    }
}

fn cell(app: &App, due: &Due, title: &str) -> (String, Role) {
    let newest = || app.data.reviewed.of(&due.workload).next();
    match title {
        "DUE" => {
            let words = match due.urgency {
                Urgency::NotRequired if !wide(app) => "no need",
                urgency => urgency.words(),
            };
            (words.to_owned(), sign(due).1)
        }
        "WORKLOAD" => (words::safe(due.workload.as_str()).into_owned(), Role::Text),
        "FALLBACK" => (words::safe(due.fallback.as_str()).into_owned(), Role::Text),
        "LAST" => match newest() {
            Some(head) if head.tally.vetoes > 0 => ("VETO".to_owned(), Role::Error),
            Some(head) => (
                format!("{} of {}", head.tally.same_or_better, head.tally.judged),
                Role::Text,
            ),
            None => ("never".to_owned(), Role::Muted),
        },
        "AGE" => match newest() {
            Some(head) => (words::span(app.age(head.at)), Role::Muted),
            None => ("-".to_owned(), Role::Muted),
        },
        "BEFORE" => {
            let heads: Vec<_> = app.data.reviewed.of(&due.workload).skip(1).collect();
            (trend(&heads, 3), Role::Muted)
        }
        "RPS" => (words::rate(due.rps), Role::Text),
        "WHY" => {
            let role = match due.standing {
                Standing::Failing { .. } => Role::Error,
                Standing::Missing | Standing::Stale { .. } => Role::Text,
                Standing::NotRequired | Standing::Passing { .. } => Role::Muted,
            };
            (words::safe(&due.why.join("; ")).into_owned(), role)
        }
        _ => (String::new(), Role::Text),
    }
}

/// A row in one line.
pub(super) fn copied(app: &App, workload: &WorkloadName) -> Option<String> {
    let due = app.reviews.due(workload)?;
    let last = app.data.reviewed.of(&due.workload).next();
    Some(format!(
        "{} {}: {}; {}\n",
        words::safe(due.workload.as_str()),
        due.urgency.words(),
        last.map_or_else(|| "never reviewed".to_owned(), |head| share(&head.tally)),
        words::safe(&due.why.join("; ")),
    ))
}
