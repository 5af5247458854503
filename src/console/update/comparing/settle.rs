//! What follows from every message: answers that are there are put beside each other, and laid out once for the
//! size of the screen.

use super::{App, Effect, Over, Overlay};
use crate::console::view;

/// Brings the comparison on screen in line with what came and with the room there is.
pub(in crate::console::update) fn settle(app: &mut App, effects: &mut Vec<Effect>) {
    if let Some(Overlay::Comparing(Over::Payload(_))) = app.overlays.last() {
        let (rows, columns) = view::payload_room(app);
        if let Some(Overlay::Comparing(Over::Payload(payload))) = app.overlays.last_mut() {
            payload.settle(rows, columns);
        }
    }
    let Some(room) = view::compare_columns(app) else {
        return;
    };
    let columns = app.size.0;
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    if let Some(weighing) = comparing.weigh() {
        effects.push(Effect::Weigh(Box::new(weighing)));
    }
    comparing.lay(columns, room);
}
