//! What opens over a screen from below: the list of actions, and the filter.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    pen::{Line, Pen, fit, row},
    words,
};
use crate::{
    console::{
        app::{App, Menu, Sifted},
        layout::Areas,
        state::field::Field,
        theme::Role,
    },
    control::Mode,
};

/// Rows of a filter that is typed, and of what is said of it.
const FILTER: u16 = 3;

/// The lower part of a screen: a rule, and so many rows below it as far as there is room.
pub(super) fn place(areas: &Areas, rows: u16) -> Rect {
    let bottom = areas.message.bottom();
    let top = areas.title.bottom();
    let height = rows.saturating_add(1).min(bottom.saturating_sub(top));
    Rect {
        y: bottom - height,
        height,
        ..areas.message
    }
}

/// The parts of a screen with a filter that is typed for a panel below that panel.
pub(super) fn above_filter(areas: &Areas) -> Areas {
    let bottom = place(areas, FILTER).y;
    Areas {
        message: Rect {
            y: bottom.saturating_sub(1),
            height: 1,
            ..areas.message
        },
        ..*areas
    }
}

/// What is below its rule.
pub(super) fn below(area: Rect) -> Rect {
    Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    }
}

/// The lower part of a screen, emptied, under a rule with a title; answers what is below the rule.
pub(super) fn panel(pen: &mut Pen<'_>, areas: &Areas, rows: u16, title: &str) -> Rect {
    let area = place(areas, rows);
    pen.clear(area);
    pen.rule(row(area, 0), title);
    below(area)
}

fn offers(menu: &Menu) -> u16 {
    u16::try_from(menu.rows().len().max(1)).unwrap_or(u16::MAX)
}

/// Where the list of actions stands, and its first action that can be seen.
pub(super) fn offers_seen(areas: &Areas, menu: &Menu) -> (Rect, usize) {
    let area = below(place(areas, offers(menu)));
    let selected = menu.list.position(&menu.rows());
    let first = selected.map_or(0, |row| (row + 1).saturating_sub(usize::from(area.height)));
    (area, first)
}

/// Every action for the selection, with keys and reasons.
pub(super) fn actions(app: &App, pen: &mut Pen<'_>, areas: &Areas, menu: &Menu) {
    let mut title = format!("actions for {}", words::safe(&menu.target));
    if !menu.filter.trim().is_empty() {
        title = format!("{title} /{}", words::safe(menu.filter.trim()));
    }
    panel(pen, areas, offers(menu), &title);
    let (area, offset) = offers_seen(areas, menu);
    let selected = menu.list.selected().copied();
    let rows = menu.rows();
    if rows.is_empty() {
        pen.put(area, 3, "nothing here is called that", Role::Muted);
    }
    for (place, index) in area.rows().zip(rows.into_iter().skip(offset)) {
        let Some(offer) = menu.offers.get(index) else {
            continue;
        };
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

/// A filter that is being typed, and below it what it can be made of or what of it is not understood.
pub(super) fn filter(app: &App, pen: &mut Pen<'_>, areas: &Areas, field: &Field) {
    let title = match app.sifted() {
        Sifted::Help => "filter the help",
        Sifted::Menu => "filter the actions",
        Sifted::Rows => "filter",
    };
    let area = panel(pen, areas, FILTER, title);
    let line = row(area, 0);
    let at = pen.put(line, 1, "/", Role::Key);
    let room = usize::from(line.width.saturating_sub(at + 1));
    pen.line(line, at, &typed(field, true, Role::Text, room));
    let fields = app.filter_fields();
    let (role, hint) = match app.filter_mistake(field.text()) {
        Some(mistake) => (Role::Warning, format!("! {mistake}")),
        None if fields.is_empty() => (Role::Muted, "what must be in it".to_owned()),
        None => (
            Role::Muted,
            "text  !not  ~fuzzy  field:value; several must all be true".to_owned(),
        ),
    };
    pen.put(row(area, 1), 1, &words::safe(&hint), role);
    if !fields.is_empty() {
        let fields = format!("fields: {}", fields.join(" "));
        pen.put(row(area, 2), 1, &fields, Role::Muted);
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
