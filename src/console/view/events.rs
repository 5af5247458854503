//! The events screen, one event as a line, and one event as a whole.

use ratatui::layout::Rect;

use super::{
    chart, happened,
    home::{empty, more},
    pen::{Line, Pen},
    words,
};
use crate::{
    console::{
        app::{App, Times},
        layout::{Areas, Room},
        theme::Role,
    },
    model::StoredEvent,
};

/// Names of workloads take no more columns than this, on a narrow and on a wide screen.
const LONGEST: (usize, usize) = (17, 24);

/// How wide the names of workloads are; depends on configuration and size only.
pub(super) fn names(app: &App) -> u16 {
    let longest = app.data.catalog.as_ref().map_or(0, |catalog| {
        catalog
            .workloads
            .keys()
            // Names are plain ASCII: the configuration takes no others.
            .map(|name| name.as_str().len())
            .max()
            .unwrap_or(0)
    });
    u16::try_from(longest.clamp(8, if wide(app) { LONGEST.1 } else { LONGEST.0 })).unwrap_or(8)
}

/// One event in one row.
pub(super) fn line(app: &App, pen: &mut Pen<'_>, area: Rect, stored: &StoredEvent, names: u16) {
    let event = &stored.event;
    let (sign, role) = words::decision(event.decision);
    let time = match app.times {
        Times::Utc | Times::Local => words::clock(app, event.at),
        Times::Ago => words::span(app.age(event.at)),
    };
    pen.cell_right(area, 1, 8, &time, Role::Muted);
    pen.put(area, 10, sign, role);
    pen.cell(
        area,
        12,
        names,
        &words::safe(event.workload.as_str()),
        Role::Text,
    );
    let room = usize::from(area.width.saturating_sub(12 + names + 1));
    let text = happened::line(app, stored, pen.glyphs, room);
    pen.put(area, 12 + names + 1, &text, Role::Text);
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let log = &app.data.log;
    let rows = app.events.rows(log, app.events_end());
    let names = names(app);
    if !areas.chart.is_empty() {
        let room = areas.chart;
        let size = (room.width, usize::from(room.height).saturating_sub(1));
        let lines = chart::histogram(app, app.charts.events.as_ref(), size, pen.glyphs);
        pen.lines(room, &lines, 0);
    }
    pen.put(areas.head, 1, "TIME", Role::Heading);
    pen.put(areas.head, 12, "WORKLOAD", Role::Heading);
    pen.put(areas.head, 12 + names + 1, "WHAT HAPPENED", Role::Heading);
    if rows.is_empty() {
        let text = if app.events.filter().is_empty() {
            "no event yet: nothing fell back, nothing was refused"
        } else {
            "no event matches the filter; <key:back> lifts it"
        };
        empty(app, pen, areas.body, text);
        return;
    }
    let offset = app.events.offset(rows);
    for (index, area) in areas.body.rows().enumerate() {
        let Some(number) = rows.get(offset + index) else {
            break;
        };
        if let Some(stored) = log.get(number) {
            line(app, pen, area, stored, names);
            if app.events.selected() == Some(number) {
                pen.select(area, 0);
            }
            if app.events.marks.contains(&number) {
                pen.mark(area, 9);
            }
        }
    }
    more(pen, areas.body, offset, rows.len());
}

/// The whole of an event.
pub(super) fn whole(app: &App, number: u64, width: u16) -> Vec<Line> {
    match app.data.log.get(number) {
        Some(stored) => {
            let width = if app.wrap {
                usize::from(width)
            } else {
                usize::from(u16::MAX)
            };
            happened::whole(app, stored, width)
        }
        None => vec![Line::of(
            Role::Warning,
            " this event is not kept here any more; `backstop events` has it",
        )],
    }
}

pub(super) fn popup(app: &App, pen: &mut Pen<'_>, areas: &Areas, number: u64, scroll: usize) {
    pen.put(areas.head, 1, "EVENT", Role::Heading);
    let lines = whole(app, number, areas.body.width);
    pen.lines(areas.body, &lines, scroll);
    more(pen, areas.body, scroll, lines.len());
}

/// An event in one line.
pub(super) fn copied(app: &App, number: u64) -> Option<String> {
    let stored = app.data.log.get(number)?;
    let event = &stored.event;
    Some(format!(
        "{} {} {} {} ({})\n",
        event.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"),
        event.decision,
        words::safe(event.workload.as_str()),
        happened::line(app, stored, &crate::console::glyph::ASCII, usize::MAX),
        event.id
    ))
}

/// Whether there is room for more than the essential, or the operator asked for the other columns.
pub(super) fn wide(app: &App) -> bool {
    (app.room() == Room::Wide) != app.home.wide
}
