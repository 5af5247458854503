//! The reviews screen: past reviews are opened and walked through. A new one is begun by `comparing`.

use super::{App, Effect, Level};
use crate::{
    console::{
        app::Overlay,
        state::past::{Outputs, Past},
    },
    control::ControlError,
    model::{Review, ReviewHead, ReviewId},
};

/// Reads the newest review of the selected workload.
pub(super) fn read(app: &mut App, effects: &mut Vec<Effect>) {
    let Some(workload) = app.workload().cloned() else {
        return;
    };
    let heads: Vec<ReviewHead> = app.data.reviewed.of(&workload).cloned().collect();
    match Past::new(workload, heads) {
        Some(past) => {
            effects.extend(past.head().map(|head| Effect::ReadReview(head.id.clone())));
            app.overlays.push(Overlay::Past(Box::new(past)));
        }
        None => app.say(
            Level::Note,
            "nobody has reviewed it yet; <key:compare> begins a blind review",
        ),
    }
}

/// The newer (-1) or the older one (1).
pub(super) fn other(app: &mut App, rows: isize, effects: &mut Vec<Effect>) {
    let Some(Overlay::Past(past)) = app.overlays.last_mut() else {
        return;
    };
    match past.step(rows) {
        Some(id) => effects.push(Effect::ReadReview(id)),
        None if rows < 0 => app.say(Level::Note, "this is the newest one"),
        None => app.say(
            Level::Note,
            "this is the oldest one here; `backstop review list` has all",
        ),
    }
}

/// What was read of a review.
pub(super) fn told(app: &mut App, id: &ReviewId, result: Result<Box<Review>, ControlError>) {
    let outputs = match result {
        Ok(review) => Outputs::Read(review),
        Err(error) => Outputs::Failed(error.to_string()),
    };
    let open = app.overlays.iter_mut().rev().find_map(|overlay| {
        if let Overlay::Past(past) = overlay {
            Some(past)
        } else {
            None
        }
    });
    if let Some(past) = open {
        past.take(id, outputs);
        app.dirty = true;
    }
}
