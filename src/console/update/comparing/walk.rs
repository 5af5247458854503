//! Walking through two answers: samples, lines, sides, layouts and differences.

use super::{App, Level, Over, Overlay};
use crate::console::{
    state::{
        comparing::{case::Side, sheet::Laid},
        list::Step,
    },
    update::go,
    view,
};

/// The sample before, or the next one.
pub(in crate::console::update) fn neighbour(app: &mut App, rows: isize) {
    if let Some(comparing) = app.comparing_mut()
        && let Some(place) = comparing.selected.checked_add_signed(rows)
    {
        comparing.select(place);
    }
}

/// Another layout.
pub(in crate::console::update) fn next_view(app: &mut App) {
    let width = app.size.0;
    if let Some(comparing) = app.comparing_mut() {
        comparing.look.view = Some(comparing.view(width).next());
        comparing.look.scroll = [None, None];
        comparing.look.difference = None;
    }
}

/// The other side: of what is shown alone, or of what moves alone.
pub(in crate::console::update) fn other_side(app: &mut App) {
    if let Some(comparing) = app.comparing_mut() {
        let side = &mut comparing.look.side;
        *side = side.other();
    }
}

/// Both sides move together, or each alone.
pub(in crate::console::update) fn lock(app: &mut App) {
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    let look = &mut comparing.look;
    look.locked = !look.locked;
    let text = if look.locked {
        // Together again means at the same line again.
        let line = match look.side {
            Side::A => look.scroll[0],
            Side::B => look.scroll[1],
        };
        look.scroll = [line, line];
        "both sides scroll together"
    } else {
        "each side scrolls alone; <key:other-side> changes sides"
    };
    app.say(Level::Note, text);
}

/// Words that differ are marked, or not.
pub(in crate::console::update) fn word_marks(app: &mut App) {
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    let Some(class) = comparing.case().map(|case| case.sample.class) else {
        return;
    };
    let marks = !comparing.look.marks_words(class);
    comparing.look.words = Some(marks);
    let text = if marks {
        "words that differ are marked"
    } else {
        "words that differ are not marked"
    };
    app.say(Level::Note, text);
}

/// To the next difference, or the one before.
pub(in crate::console::update) fn difference(app: &mut App, forward: bool) {
    let Some(room) = view::compare_room(app) else {
        return;
    };
    let Some(comparing) = app.comparing_mut() else {
        return;
    };
    let starts = comparing
        .laid
        .as_ref()
        .map(Laid::differences)
        .unwrap_or_default();
    let text = if starts.is_empty() {
        "there are no marked differences here"
    } else if comparing.look.jump(forward, &starts, room.at[0]) {
        return;
    } else if forward {
        "that was the last difference; N goes back"
    } else {
        "that was the first difference; n goes on"
    };
    app.say(Level::Note, text);
}

/// Moves through the answers.
pub(in crate::console::update) fn step(app: &mut App, step: Step) {
    let Some(room) = view::compare_room(app) else {
        return;
    };
    if let Some(comparing) = app.comparing_mut() {
        comparing.look.step(step, room.at, room.counts, room.height);
    }
}

/// Moves through what lies over a comparison.
pub(in crate::console::update) fn step_over(app: &mut App, step: Step, height: usize) {
    match app.overlays.last_mut() {
        Some(Overlay::Comparing(Over::Verdicts(scroll))) => {
            *scroll = go::scrolled(*scroll, step, height);
        }
        Some(Overlay::Comparing(Over::Payload(payload))) => {
            let page = isize::try_from(height).unwrap_or(20);
            match step {
                Step::Rows(rows) => payload.page(rows),
                Step::HalfPages(halves) => payload.page(page / 2 * halves),
                Step::First => payload.page(isize::MIN),
                Step::Last => payload.page(isize::MAX),
            }
        }
        Some(_) | None => {}
    }
}
