//! The tour goes on with what the operator does; a key passes over a step.

use super::App;
use crate::{
    console::{
        app::{Overlay, Screen},
        state::{
            comparing::case::Case,
            message::Level,
            tour::{Seen, Tour},
        },
    },
    model::{Change, Mode, Subject, WorkloadName},
};

const OVER: &str =
    "the tour is over: <key:help> helps on every screen, <key:palette> and `tour` begins it again";

/// The key of the tour: its next step, or its beginning.
pub(super) fn step(app: &mut App) {
    match &mut app.tour {
        Some(tour) => {
            if !tour.skip() {
                end(app);
            }
        }
        none => *none = Some(Tour::default()),
    }
}

/// The command of the tour: begins it, or ends it at once.
pub(super) fn toggle(app: &mut App) {
    if app.tour.is_some() {
        end(app);
    } else {
        app.tour = Some(Tour::default());
    }
}

/// Ends it at once. Answers whether there was one.
pub(super) fn end(app: &mut App) -> bool {
    let was = app.tour.take().is_some();
    if was {
        app.say(Level::Note, OVER);
    }
    was
}

/// Follows what was done.
pub(super) fn settle(app: &mut App) {
    let Some(before) = &app.tour else { return };
    let mut tour = before.clone();
    let goes_on = tour.follow(&seen(app));
    if !goes_on {
        end(app);
    } else if Some(&tour) != app.tour.as_ref() {
        app.tour = Some(tour);
        app.dirty = true;
    }
}

fn seen(app: &App) -> Seen {
    let top = app.overlays.last();
    let compared = matches!(app.screen, Screen::Compare(_))
        && app
            .comparing()
            .and_then(|comparing| comparing.case())
            .is_some_and(Case::complete);
    Seen {
        opened: matches!(app.screen, Screen::Detail(_)),
        events: app.screen == Screen::Events || matches!(top, Some(Overlay::Event(..))),
        compared,
        audit: app.screen == Screen::Audit,
        forced: forced(app),
    }
}

/// What this operator has forced.
fn forced(app: &App) -> Option<WorkloadName> {
    let overrides = app.data.overrides.as_ref()?;
    overrides
        .all_active(app.now)
        .find_map(|(key, entry)| match &key.subject {
            Subject::Mode(workload)
                if entry.change == Change::Mode(Mode::Force) && entry.actor == app.setup.actor =>
            {
                Some(workload.clone())
            }
            Subject::Mode(_) | Subject::Notice(_) | Subject::Drain(_) => None,
        })
}
