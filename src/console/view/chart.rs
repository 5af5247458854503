//! Charts as lines of text: an hour of one workload, and its events by class. In numbers and words first, then as a
//! picture, so that nothing is said by the picture or its colours alone.
//!
//! Drawn on the detail's page of charts, beside and below the list of workloads, and on the events screen. What is drawn
//! was put together by `update::charting`.

mod axis;
mod classes;
mod plot;
mod scale;
mod shares;

use jiff::Timestamp;

use super::{
    pen::{Line, paragraph},
    words,
};
use crate::{
    console::{
        app::{App, Screen, Times},
        glyph::Glyphs,
        layout::{Room, WIDE},
        state::chart::{Axis, MINUTES, Picture, SLOTS},
        theme::Role,
    },
    model::WorkloadName,
};
use axis::{axis, changes};
use classes::by_class;
pub(super) use classes::histogram;
use shares::{errors, first_output};

/// Columns before the picture: the numbers of its scale, and a line.
const GUTTER: usize = 7;
/// Columns for words beside the pictures.
const TEXT: u16 = 40;

/// The workload of which charts can be seen.
#[must_use]
pub fn charted(app: &App) -> Option<&WorkloadName> {
    match &app.screen {
        Screen::Detail(workload) if app.charts.page.is_charts() => Some(workload),
        Screen::Home if app.room() == Room::Wide && app.size.0 >= WIDE => app.home.list.selected(),
        Screen::Home
        | Screen::Detail(_)
        | Screen::Routes
        | Screen::Events
        | Screen::Reviews
        | Screen::Audit
        | Screen::Gateways
        | Screen::Compare(_) => None,
    }
}

/// How many rows each picture has.
#[derive(Clone, Copy, Debug)]
struct Rows {
    errors: usize,
    fallback: usize,
    first: usize,
    changes: usize,
    classes: usize,
}

impl Rows {
    /// Shares so many rows out: what people look at first grows first.
    fn share(height: usize) -> Self {
        // Heads, the axis and its times.
        let left = height.saturating_sub(6);
        let mut rows = Self {
            errors: 2,
            fallback: 1,
            first: 2,
            changes: 1,
            classes: 1,
        };
        for turn in 0..left.saturating_sub(7) {
            match turn % 6 {
                0 | 3 if rows.errors < 9 => rows.errors += 1,
                1 if rows.changes < 6 => rows.changes += 1,
                2 if rows.classes < 8 => rows.classes += 1,
                4 if rows.fallback < 6 => rows.fallback += 1,
                _ if rows.first < 6 => rows.first += 1,
                _ => rows.changes += 1,
            }
        }
        rows
    }
}

/// How wide the pictures are beside a column of text: every minute as wide as the others, and room left for words.
pub(super) fn pictures(width: u16) -> Option<u16> {
    let slots = u16::try_from(SLOTS).unwrap_or(u16::MAX);
    let frame = u16::try_from(GUTTER + 1).unwrap_or(0);
    let each = width.saturating_sub(TEXT + frame) / slots;
    (each > 0).then_some(frame + each * slots)
}

/// The page of charts: in one column, or the pictures and the words beside them.
pub(super) fn page(app: &App, widths: &[u16], height: u16, glyphs: &Glyphs) -> Vec<Vec<Line>> {
    let Some(picture) = &app.charts.picture else {
        return vec![vec![Line::of(Role::Muted, " nothing is known of it yet")]];
    };
    let height = usize::from(height);
    match widths {
        [left, right] => {
            let room = height.saturating_sub(5);
            let rows = Rows {
                errors: (room / 2).clamp(2, 16),
                fallback: (room / 4).clamp(1, 8),
                first: (room / 4).clamp(2, 10),
                changes: height / 3,
                classes: height / 3,
            };
            let mut first = errors(app, picture, *left, rows, glyphs);
            first.extend(first_output(app, picture, *left, rows.first, glyphs));
            first.extend(axis(app, picture, *left, glyphs));
            let mut second = vec![Line::of(Role::Heading, " DID IT HELP?")];
            second.extend(changes(app, picture, *right, rows.changes));
            second.push(Line::default());
            second.extend(by_class(app, picture, *right, rows.classes, glyphs));
            second.push(Line::default());
            second.extend(notes(app, picture, (*left, *right), glyphs));
            vec![first, second]
        }
        widths => {
            let width = widths.first().copied().unwrap_or(0);
            let rows = Rows::share(height);
            let mut lines = errors(app, picture, width, rows, glyphs);
            lines.extend(axis(app, picture, width, glyphs));
            lines.extend(changes(app, picture, width, rows.changes));
            lines.extend(first_output(app, picture, width, rows.first, glyphs));
            lines.extend(by_class(app, picture, width, rows.classes, glyphs));
            lines.extend(notes(app, picture, (width, width), glyphs));
            vec![lines]
        }
    }
}

/// The same in few rows: errors, what the fallback answered, and whether the last change helped.
pub(super) fn glance(app: &App, width: u16, height: u16, glyphs: &Glyphs) -> Vec<Line> {
    let Some(picture) = &app.charts.picture else {
        return Vec::new();
    };
    let height = usize::from(height);
    let rows = Rows {
        errors: height.saturating_sub(6).clamp(1, 4),
        fallback: 1,
        first: 1,
        changes: 1,
        classes: 1,
    };
    let mut lines = errors(app, picture, width, rows, glyphs);
    lines.extend(axis(app, picture, width, glyphs));
    lines.extend(
        changes(app, picture, width, rows.changes)
            .into_iter()
            .take(1),
    );
    lines.truncate(height);
    lines
}

fn room(width: u16) -> usize {
    usize::from(width).saturating_sub(GUTTER + 1)
}

fn laid(width: u16, glyphs: &Glyphs) -> Axis {
    Axis::new(SLOTS, room(width), glyphs.chart.fill.bars())
}

/// `at 14:31Z`, or `3m ago`; of the last place, that it is now.
fn at(app: &App, picture: &Picture, slot: usize) -> String {
    if slot == MINUTES {
        return "right now".to_owned();
    }
    match app.times {
        Times::Utc | Times::Local => format!("at {}", minute(app, picture.start(slot))),
        Times::Ago => minute(app, picture.start(slot)),
    }
}

/// `14:31Z`, or `3m ago`.
fn minute(app: &App, at: Timestamp) -> String {
    match app.times {
        Times::Utc | Times::Local => words::minute(app, at),
        Times::Ago => format!("{} ago", words::span(app.age(at))),
    }
}

/// How to read it, and what it rests on.
fn notes(app: &App, picture: &Picture, (of, width): (u16, u16), glyphs: &Glyphs) -> Vec<Line> {
    let width = usize::from(width).max(20);
    let mut lines = Vec::new();
    if let Some(why) = &picture.failed {
        let known = picture.read.map_or_else(
            || "nothing is known of before".to_owned(),
            |read| format!("it stands at {}", minute(app, read)),
        );
        let text = format!("the past could not be read ({}): {known}", words::safe(why));
        lines.extend(paragraph(Role::Warning, " ! ", &text, width));
    } else if picture.read.is_none() {
        lines.push(Line::of(Role::Muted, " reading the past ..."));
    }
    let per = laid(of, glyphs).per_bar();
    let minutes = if per > 1 {
        format!("{per} minutes to a bar")
    } else {
        "by minute".to_owned()
    };
    let text = format!(
        "{minutes}, the last one the 60 s up to now; {} none, {} nobody told, blank no traffic, anything at all one step; errors count callers' own \
         mistakes; of first outputs filled p50, above it p95",
        glyphs.chart.zero, glyphs.chart.unknown
    );
    lines.extend(paragraph(Role::Muted, " ", &text, width));
    lines
}
