//! Everything that was said here, the newest first.

use super::{
    home::more,
    pen::{Line, Pen, paragraph},
    words,
};
use crate::console::{app::App, layout::Areas, state::message::Level, theme::Role};

/// Sign and role of a level.
pub(super) const fn level(level: Level) -> (&'static str, Role) {
    match level {
        Level::Note => ("", Role::Info),
        Level::Done => ("+ ", Role::Success),
        Level::Warning => ("! ", Role::Warning),
        Level::Error => ("x ", Role::Error),
    }
}

/// Every line.
pub(super) fn lines(app: &App, width: u16) -> Vec<Line> {
    let lines: Vec<Line> = paragraphs(app, width).flatten().collect();
    if lines.is_empty() {
        return vec![Line::of(Role::Muted, "   nothing was said yet")];
    }
    lines
}

/// In which lines messages begin.
pub(super) fn starts(app: &App, width: u16) -> Vec<usize> {
    let begin = paragraphs(app, width).scan(0, |line, message| {
        let start = *line;
        *line += message.len();
        Some(start)
    });
    begin.collect()
}

fn paragraphs(app: &App, width: u16) -> impl Iterator<Item = Vec<Line>> {
    app.messages.said().map(move |message| {
        let (sign, role) = level(message.level);
        let at = words::moment(app, message.at);
        let lead = format!(" {at:>8}  {sign:<2}");
        let text = words::safe(&message.text);
        paragraph(role, &lead, &text, usize::from(width))
    })
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, scroll: usize) {
    pen.put(areas.head, 1, "MESSAGES", Role::Heading);
    pen.put(
        areas.head,
        11,
        "of this session, the newest first; everything here is read",
        Role::Muted,
    );
    let lines = lines(app, areas.body.width);
    pen.lines(areas.body, &lines, scroll);
    more(pen, areas.body, scroll, lines.len());
}
