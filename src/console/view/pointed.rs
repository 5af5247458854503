//! What is drawn at a place, for the mouse.
//!
//! Asked by `update`. It computes places the same way as drawing does, from the same functions.

use ratatui::layout::{Position, Rect};

use super::{areas, footer, menu, palette, tabs};
use crate::console::{
    action::Action,
    app::{App, Overlay, Screen},
    layout::Room,
};

/// What is drawn somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointed {
    /// The name of an action, with its key.
    Action(Action),
    /// A row of the list on top, counted from its first.
    Row(usize),
}

/// What is drawn at a place; `None`: nothing that can be pointed at. A plan takes keys only.
#[must_use]
pub fn pointed(app: &App, column: u16, row: u16) -> Option<Pointed> {
    if app.form().is_some() || app.room() == Room::Summary {
        return None;
    }
    let areas = areas(app);
    let place = Position { x: column, y: row };
    let inside = |area: Rect| area.contains(place);
    if inside(areas.rules[0]) {
        return tabs::at(app, areas.rules[0].width, column).map(Pointed::Action);
    }
    if inside(areas.footer) {
        return footer::at(app, areas.footer.width, column).map(Pointed::Action);
    }
    let (list, first) = match app.overlays.last() {
        Some(Overlay::Actions(menu)) => menu::offers_seen(&areas, menu),
        Some(Overlay::Palette(palette)) => palette::seen(&areas, palette),
        Some(Overlay::Filter(..)) | None => (areas.body, offset(app)),
        Some(
            Overlay::Plan(_)
            | Overlay::Event(..)
            | Overlay::Record(..)
            | Overlay::Past(_)
            | Overlay::Help(_)
            | Overlay::Messages(_)
            | Overlay::Drill(_)
            | Overlay::Probe(_)
            | Overlay::Comparing(_),
        ) => return None,
    };
    inside(list).then(|| Pointed::Row(first + usize::from(row - list.y)))
}

/// The first row of the screen's list that can be seen.
fn offset(app: &App) -> usize {
    match &app.screen {
        Screen::Home => app.home.list.offset(),
        Screen::Routes => app.routes.list.offset(),
        Screen::Events => {
            let rows = app.events.rows(&app.data.log, app.events_end());
            app.events.offset(rows)
        }
        Screen::Reviews => app.reviews.table.list.offset(),
        Screen::Audit => app.audit.list.offset(),
        Screen::Gateways => app.gateways.list.offset(),
        Screen::Detail(_) | Screen::Compare(_) => 0,
    }
}
