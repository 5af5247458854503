//! The answers themselves: only the lines that can be seen, with a sign before what differs.

use ratatui::layout::Rect;

use super::{GUTTER, Panes, Room};
use crate::{
    console::{
        state::comparing::{
            Comparing,
            case::{Case, Side},
            flow::{Line, Tone},
            sheet::{self, Lines, Row},
        },
        theme::Role,
        view::pen::{Pen, paragraph, row},
    },
    review::Mark,
};

/// The columns of the names in a table, in percent, and at most so many.
const NAMES: (usize, usize) = (24, 36);

pub(super) fn draw(
    pen: &mut Pen<'_>,
    comparing: &Comparing,
    case: &Case,
    panes: Panes,
    room: Room,
) {
    if let Some(instead) = instead(comparing, case) {
        let area = match panes {
            Panes::Beside(left, right) => Rect {
                width: right.right().saturating_sub(left.x),
                ..left
            },
            Panes::Alone(_, area) | Panes::Above(area, _) | Panes::Together(area) => area,
        };
        let width = usize::from(area.width.saturating_sub(GUTTER + 1));
        let lines = paragraph(Role::Muted, "   ", &instead, width);
        pen.lines(area, &lines, 0);
        return;
    }
    match panes {
        Panes::Beside(left, right) => {
            side(pen, comparing, Side::A, left, room);
            side(pen, comparing, Side::B, right, room);
            for line in left.rows() {
                let divider = Rect {
                    x: right.x.saturating_sub(1),
                    width: 1,
                    ..line
                };
                pen.put(divider, 0, pen.glyphs.divider, Role::Border);
            }
        }
        Panes::Alone(shown, area) => side(pen, comparing, shown, area, room),
        Panes::Above(first, second) => {
            side(pen, comparing, Side::A, first, room);
            side(pen, comparing, Side::B, second, room);
        }
        Panes::Together(area) => together(pen, comparing, area, room),
    }
}

/// What is said in the place of answers that are not there, or not to be seen yet.
fn instead(comparing: &Comparing, case: &Case) -> Option<String> {
    let Some(run) = case.run() else {
        return Some(match case.edited {
            Some(_) => "edited and not asked yet: r sends it to both routes".to_owned(),
            None => "not asked yet: r asks both routes, * asks with every sample".to_owned(),
        });
    };
    if comparing.buffers(case) {
        return Some(
            "both answers are held back until both are there: which comes first would tell the routes apart"
                .to_owned(),
        );
    }
    if sheet::shown(comparing, case) {
        return None;
    }
    // A blind sample without two answers: nothing to judge, and names inside could tell.
    Some(if run.answers().is_some() {
        "comparing ...".to_owned()
    } else {
        "there are not two answers to judge; r asks again".to_owned()
    })
}

/// One side, in its own pane.
fn side(pen: &mut Pen<'_>, comparing: &Comparing, side: Side, area: Rect, room: Room) {
    let Some(laid) = &comparing.laid else { return };
    let at = match side {
        Side::A => room.at[0],
        Side::B => room.at[1],
    };
    match &laid.lines {
        Lines::Flowing([a, b]) => {
            let flow = match side {
                Side::A => a,
                Side::B => b,
            };
            for (place, line) in area.rows().zip(flow.lines.iter().skip(at)) {
                text(pen, place, GUTTER, line, None);
            }
        }
        Lines::Rows(rows) | Lines::Unified(rows) | Lines::Table(rows) => {
            for (place, row) in area.rows().zip(rows.iter().skip(at)) {
                let line = match side {
                    Side::A => &row.a,
                    Side::B => &row.b,
                };
                // Where a side has nothing, one sign says so.
                if !line.is_empty() || !row.goes_on {
                    gutter(pen, place, comparing, row);
                }
                text(
                    pen,
                    place,
                    GUTTER,
                    line,
                    row.heading.then_some(Role::Heading),
                );
            }
        }
    }
}

/// Both sides in one text: a table, or each difference twice.
fn together(pen: &mut Pen<'_>, comparing: &Comparing, area: Rect, room: Room) {
    let Some(laid) = &comparing.laid else { return };
    match &laid.lines {
        Lines::Table(rows) => {
            let columns = columns(usize::from(area.width.saturating_sub(GUTTER + 1)));
            for (place, row) in area.rows().zip(rows.iter().skip(room.at[0])) {
                if !row.goes_on {
                    gutter(pen, place, comparing, row);
                }
                if row.heading {
                    text(pen, place, GUTTER, &row.a, Some(Role::Heading));
                    continue;
                }
                let mut at = GUTTER;
                for (line, wide) in [
                    (&row.name, columns[0]),
                    (&row.a, columns[1]),
                    (&row.b, columns[2]),
                ] {
                    let cell = Rect {
                        width: area.width.min(at + wide),
                        ..place
                    };
                    text(pen, cell, at, line, None);
                    at += wide + 1;
                }
            }
        }
        Lines::Flowing(_) | Lines::Rows(_) | Lines::Unified(_) => {
            side(pen, comparing, Side::A, area, room);
        }
    }
}

/// The columns of a table of so many: of names, of A, of B.
pub(super) fn columns(width: usize) -> [u16; 3] {
    let names = (width * NAMES.0 / 100).clamp(8, NAMES.1).min(width);
    let rest = width.saturating_sub(names + 2);
    let a = rest / 2;
    [names, a, rest - a].map(|columns| u16::try_from(columns).unwrap_or(u16::MAX))
}

/// The signs before a line: where one jumped to, and what differs.
fn gutter(pen: &mut Pen<'_>, place: Rect, comparing: &Comparing, line: &Row) {
    let jumped = line.difference.is_some() && line.difference == comparing.look.difference;
    let (sign, role) = match line.mark {
        None | Some(Mark::Same) => (" ", Role::Muted),
        Some(Mark::Changed) => ("~", Role::DiffChange),
        Some(Mark::TypeChanged) => ("!", Role::DiffChange),
        Some(Mark::OnlyA) => ("<", Role::DiffDel),
        Some(Mark::OnlyB) => (">", Role::DiffAdd),
    };
    if jumped {
        pen.put(place, 0, pen.glyphs.cursor, Role::Cursor);
    }
    pen.put(place, 1, sign, role);
}

/// A line of parts from a column on.
fn text(pen: &mut Pen<'_>, place: Rect, from: u16, line: &Line, instead: Option<Role>) {
    let mut at = from;
    for part in line {
        let role = instead.unwrap_or(match part.tone {
            Tone::Plain => Role::Text,
            Tone::Differs => Role::DiffChange,
            Tone::Word => Role::DiffEmph,
            Tone::Aside => Role::Muted,
            Tone::Name => Role::Heading,
        });
        at = pen.put(row(place, 0), at, &part.text, role);
    }
}
