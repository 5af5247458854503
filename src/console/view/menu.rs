//! What opens over a screen from below: the list of actions, the palette, the filter.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    home::more,
    pen::{Line, Pen, fit, row},
    words,
};
use crate::{
    console::{
        app::{App, Menu, Screen},
        layout::Areas,
        state::{field::Field, palette::Palette},
        theme::Role,
    },
    control::Mode,
};

/// Proposals seen at a time.
const PROPOSALS: usize = 8;

/// The lower part of a screen, emptied, under a rule with a title; answers what is below the rule.
pub(super) fn panel(pen: &mut Pen<'_>, areas: &Areas, rows: u16, title: &str) -> Rect {
    let bottom = areas.message.bottom();
    let top = areas.title.bottom();
    let height = (rows + 1).min(bottom.saturating_sub(top));
    let area = Rect {
        y: bottom - height,
        height,
        ..areas.message
    };
    pen.clear(area);
    pen.rule(row(area, 0), title);
    Rect {
        y: area.y + 1,
        height: height.saturating_sub(1),
        ..area
    }
}

/// Every action for the selection, with keys and reasons.
pub(super) fn actions(app: &App, pen: &mut Pen<'_>, areas: &Areas, menu: &Menu) {
    let rows = u16::try_from(menu.offers.len()).unwrap_or(u16::MAX);
    let title = format!("actions for {}", words::safe(&menu.target));
    let area = panel(pen, areas, rows, &title);
    let selected = menu.list.selected().copied();
    let offset = selected.map_or(0, |row| (row + 1).saturating_sub(usize::from(area.height)));
    for (place, (index, offer)) in area.rows().zip(menu.offers.iter().enumerate().skip(offset)) {
        let key = app.setup.keymap.shown(offer.action);
        let label = offer.action.entry().map_or("", |entry| entry.label);
        let (key_role, text) = match &offer.command {
            Ok(None) => (Role::Key, words::safe(&offer.does).into_owned()),
            Ok(Some(_)) => {
                let observe = match app.setup.mode {
                    Mode::Observe => " (OBSERVE: to look at, not to apply)",
                    Mode::Write => "",
                };
                (Role::Key, format!("{}{observe}", words::safe(&offer.does)))
            }
            Err(why) => (Role::KeyDisabled, format!("refused: {why}")),
        };
        pen.cell(place, 3, 6, &key, key_role);
        pen.cell(place, 10, 9, label, key_role);
        pen.put(
            place,
            20,
            &text,
            if offer.command.is_ok() {
                Role::Text
            } else {
                Role::Muted
            },
        );
        if selected == Some(index) {
            pen.select(place, 1);
        }
    }
}

/// A command that is being typed, with proposals.
pub(super) fn palette(pen: &mut Pen<'_>, areas: &Areas, palette: &Palette) {
    let count = palette.proposals.len();
    let rows = u16::try_from(count.min(PROPOSALS)).unwrap_or(0) + 1;
    let area = panel(pen, areas, rows, "command");
    let shown = usize::from(area.height.saturating_sub(1));
    let offset = palette
        .chosen
        .map_or(0, |chosen| (chosen + 1).saturating_sub(shown));
    for (place, (index, proposal)) in area
        .rows()
        .take(shown)
        .zip(palette.proposals.iter().enumerate().skip(offset))
    {
        pen.put(place, 3, &words::safe(proposal), Role::Text);
        if palette.chosen == Some(index) {
            pen.select(place, 1);
        }
    }
    if shown > 0 {
        let list = Rect {
            height: area.height - 1,
            ..area
        };
        more(pen, list, offset, count);
    }
    let line = row(area, area.height.saturating_sub(1));
    let at = pen.put(line, 1, ":", Role::Key);
    let room = usize::from(line.width.saturating_sub(at + 1));
    pen.line(line, at, &typed(&palette.field, true, Role::Text, room));
}

/// A filter that is being typed.
pub(super) fn filter(app: &App, pen: &mut Pen<'_>, areas: &Areas, field: &Field) {
    let line = Rect {
        y: areas.message.bottom() - 1,
        height: 1,
        ..areas.message
    };
    pen.clear(areas.message);
    let at = pen.put(line, 1, "/", Role::Key);
    let room = usize::from(line.width.saturating_sub(at + 1));
    let at = pen.line(line, at, &typed(field, true, Role::Text, room));
    let hint = format!("  by {}", names(app).join(": "));
    pen.put(line, at + 1, &format!("{hint}:"), Role::Muted);
}

fn names(app: &App) -> &'static [&'static str] {
    use crate::console::state::{filter::Fields, home::Row};
    match app.screen {
        Screen::Home => Row::NAMES,
        Screen::Routes => crate::control::RouteStatus::NAMES,
        Screen::Events => crate::model::StoredEvent::NAMES,
        Screen::Audit => crate::model::AuditRecord::NAMES,
        Screen::Detail(_) | Screen::Compare(_) => &[],
    }
}

/// A field with its cursor, in no more columns than there are. The end of a long text matters more than its
/// beginning.
pub(super) fn typed(field: &Field, focused: bool, role: Role, room: usize) -> Line {
    let text = words::safe(field.text());
    let before: String = text.chars().take(field.cursor()).collect();
    let mut after = text.chars().skip(field.cursor());
    let shown = tail(&before, room.saturating_sub(1));
    let line = Line::of(role, shown);
    if !focused {
        let rest: String = after.collect();
        let left = room.saturating_sub(line.width());
        return line.and(role, fit(&rest, left, "").into_owned());
    }
    let under = after.next().unwrap_or('_').to_string();
    let rest: String = after.collect();
    let left = room.saturating_sub(line.width() + under.width());
    line.and(Role::Cursor, under)
        .and(role, fit(&rest, left, "").into_owned())
}

/// The last characters of a text that fit.
fn tail(text: &str, room: usize) -> &str {
    let mut shown = text;
    while shown.width() > room {
        let mut characters = shown.chars();
        characters.next();
        shown = characters.as_str();
    }
    shown
}
