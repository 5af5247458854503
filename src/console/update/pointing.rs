//! The mouse: the wheel scrolls, a press selects a row, opens the selected one, or asks for the action whose name it
//! meets. It never applies a plan nor answers a question.

use super::{act, go, sift};
use crate::console::{
    action::{Action, Group},
    app::{App, Overlay},
    effect::Effect,
    pointer::Pointer,
    state::{burst::Pace, list::Step},
    view::{Pointed, pointed},
};

/// Rows for a notch of the wheel.
const NOTCH: isize = 3;

/// Takes what the mouse did at a place.
pub(super) fn point(app: &mut App, pointer: Pointer, place: (u16, u16), effects: &mut Vec<Effect>) {
    if !app.mouse {
        return;
    }
    match pointer {
        Pointer::WheelUp => go::step(app, Step::Rows(-NOTCH)),
        Pointer::WheelDown => go::step(app, Step::Rows(NOTCH)),
        Pointer::Press => match pointed(app, place.0, place.1) {
            Some(Pointed::Action(action)) => ask(app, action, effects),
            Some(Pointed::Row(row)) => row_pressed(app, row, effects),
            None => {}
        },
    }
}

/// The name of an action was pressed: the same as its key, where the key means something and decides nothing.
fn ask(app: &mut App, action: Action, effects: &mut Vec<Effect>) {
    let context = app.context();
    let Some(entry) = action.entry() else { return };
    let decides = match entry.group {
        Group::Form => true,
        Group::Judge => action != Action::Compare,
        Group::Change | Group::Move | Group::View | Group::Session => action == Action::Exit,
    };
    if entry.contexts.contains(&context) && !decides {
        act::act(app, action, Pace::Typed, effects);
    }
}

fn row_pressed(app: &mut App, row: usize, effects: &mut Vec<Effect>) {
    match app.overlays.last_mut() {
        Some(Overlay::Actions(menu)) => {
            if let Some(place) = menu.rows().get(row) {
                menu.list.select(*place);
            }
            return;
        }
        Some(Overlay::Palette(palette)) => {
            palette.choose(row);
            return;
        }
        Some(_) | None => {}
    }
    let (selected, count) = sift::cursor(app);
    if row >= count {
        return;
    }
    if selected == Some(row) {
        if app.overlays.is_empty() {
            act::act(app, Action::Open, Pace::Typed, effects);
        }
        return;
    }
    let number = |row| isize::try_from(row).unwrap_or(0);
    go::step(app, Step::Rows(number(row) - number(selected.unwrap_or(0))));
}
