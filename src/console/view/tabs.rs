//! The names of the main screens, in the rule below the title: where the operator is, and which key leads where.

use ratatui::layout::Rect;

use super::pen::Pen;
use crate::console::{
    action::Action,
    app::{App, Screen},
    theme::Role,
};

/// The main screens by the actions that lead to them.
const TABS: [Action; 6] = [
    Action::Workloads,
    Action::Routes,
    Action::Events,
    Action::Reviews,
    Action::Audit,
    Action::Gateways,
];

/// Columns before the first.
const LEAD: u16 = 2;

/// The main screen that this one is, or belongs to.
const fn here(screen: &Screen) -> Action {
    match screen {
        Screen::Home | Screen::Detail(_) | Screen::Compare(_) => Action::Workloads,
        Screen::Routes => Action::Routes,
        Screen::Events => Action::Events,
        Screen::Reviews => Action::Reviews,
        Screen::Audit => Action::Audit,
        Screen::Gateways => Action::Gateways,
    }
}

/// What stands where: the action, its key, its name, and the column that each begins in. As many as fit.
fn places(app: &App, width: u16) -> impl Iterator<Item = (Action, String, &'static str, u16)> {
    let mut at = LEAD;
    TABS.into_iter().map_while(move |action| {
        let key = app.setup.keymap.shown(action);
        let name = action.entry().map_or("", |entry| entry.label);
        let from = at;
        at += u16::try_from(key.len() + name.len()).unwrap_or(width) + 4;
        (at <= width).then_some((action, key, name, from))
    })
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, area: Rect) {
    if area.is_empty() {
        return;
    }
    for (action, key, name, from) in places(app, area.width) {
        let wide = u16::try_from(key.len() + name.len()).unwrap_or(0) + 3;
        pen.clear(Rect {
            x: area.x + from,
            width: wide.min(area.width - from),
            ..area
        });
        let at = pen.put(area, from + 1, &key, Role::Key) + 1;
        let role = if action == here(&app.screen) {
            Role::Title
        } else {
            Role::Muted
        };
        pen.put(area, at, name, role);
    }
}

/// The screen whose name stands in a column.
pub(super) fn at(app: &App, width: u16, column: u16) -> Option<Action> {
    places(app, width)
        .find(|(_, key, name, from)| {
            let wide = u16::try_from(key.len() + name.len()).unwrap_or(0) + 3;
            (*from..from + wide).contains(&column)
        })
        .map(|(action, ..)| action)
}
