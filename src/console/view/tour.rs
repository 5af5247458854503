//! What the tour says: three rows over the message, taken from what is least missed, and never from what it tells of.
//!
//! Keys stand as they are bound. Over a plan, which nothing may clip, it speaks only where rows are left over.

use ratatui::layout::Rect;

use super::{
    pen::{Pen, row, wrap},
    words,
};
use crate::{
    console::{
        app::App,
        layout::{self, Room},
        state::tour::{Step, Tour},
        theme::Role,
    },
    control::{State, WorkloadStatus},
};

/// Rows of the tour: its title and what it says.
pub(super) const ROWS: u16 = 3;

/// How many rows the tour takes on a screen of this size.
pub(super) fn rows(app: &App, area: Rect) -> u16 {
    let room = Room::of(area.width, area.height) >= Room::Full;
    if room && app.tour.is_some() { ROWS } else { 0 }
}

/// Draws it where room was made for it.
pub(super) fn draw(app: &App, pen: &mut Pen<'_>, area: Rect) {
    let Some(tour) = &app.tour else { return };
    if area.is_empty() {
        return;
    }
    let keymap = &app.setup.keymap;
    let title = format!(
        "tour, step {} of {}: {}  ({})",
        tour.step.number(),
        Step::ALL.len(),
        title(tour.step),
        keymap.keyed("<key:tour> next, <key:back> at home ends it")
    );
    pen.rule(row(area, 0), &title);
    let width = usize::from(area.width.saturating_sub(2));
    let said = keymap.keyed(&said(app, tour)).into_owned();
    for (line, at) in wrap(&said, width).iter().zip(area.rows().skip(1)) {
        pen.put(at, 1, line, Role::Info);
    }
}

/// Draws it over a plan, in rows that the plan leaves over.
pub(super) fn over_plan(app: &App, pen: &mut Pen<'_>, body: Rect, used: usize) {
    let left = usize::from(body.height).saturating_sub(used);
    if rows(app, layout::area(app.size)) > 0 && left >= usize::from(ROWS) {
        let place = Rect {
            y: body.bottom() - ROWS,
            height: ROWS,
            ..body
        };
        draw(app, pen, place);
    }
}

const fn title(step: Step) -> &'static str {
    match step {
        Step::See => "what is broken?",
        Step::Why => "why?",
        Step::Compare => "would the fallback do?",
        Step::Force => "switch it",
        Step::Undo => "and back again",
    }
}

/// What a step says. Two rows of 80 columns hold it.
fn said(app: &App, tour: &Tour) -> String {
    let troubled = app.overview().and_then(|overview| {
        let urgent =
            |status: &&WorkloadStatus| matches!(status.state, State::Failing | State::Fallback);
        overview
            .workloads
            .iter()
            .map(|status| &**status)
            .find(urgent)
    });
    let name = troubled.map_or_else(
        || "a workload".to_owned(),
        |status| words::safe(status.workload.as_str()).into_owned(),
    );
    match tour.step {
        Step::See => match troubled {
            None => "Every workload is served by its primary. In a few seconds a provider begins to fail: watch ST and ERR; the worst comes to the top.".to_owned(),
            Some(status) => format!(
                "{name} {}: ERR is what its callers see. Its fallback is {}. Select it, then <key:open>.",
                match status.state {
                    State::Fallback => "is on its fallback (FB)",
                    State::Failing | State::Forced | State::Unknown | State::Ok | State::Held => {
                        "is failing (FL)"
                    }
                },
                status.readiness.word
            ),
        },
        Step::Why => "Here is what serves it now and what its policy allows. <key:events>: the events; <key:open> on one: why it fell back, or why not.".to_owned(),
        Step::Compare => "<key:workloads>, select it, <key:compare>: both routes are asked the same and their answers stand beside each other. No traffic moves.".to_owned(),
        Step::Force => "<key:force> on the workload opens a plan; nothing changes yet. 1 is the reason, then 3 letters of its name, then <key:apply>.".to_owned(),
        Step::Undo => match &tour.forced {
            Some(forced) if app.data.status(forced).is_some_and(|status| status.state == State::Forced) => format!(
                "{} is served by its fallback until it returns by itself. <key:undo>: put it back now, by a plan and <key:confirm>.",
                words::safe(forced.as_str())
            ),
            Some(forced) => format!(
                "{} is on auto again. <key:audit>: who changed what, why and until when.",
                words::safe(forced.as_str())
            ),
            None => "What was changed ends by itself, and <key:undo> takes it back. <key:audit>: who changed what, why and until when.".to_owned(),
        },
    }
}
