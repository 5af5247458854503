//! What is left in the terminal's history by the key that quits so: what is wrong, what is forced, what was changed.

use std::fmt::Write as _;

use super::{audit, home, status, words};
use crate::console::app::App;
use crate::control::{Mode, State};

/// The most changes that are told.
const CHANGES: usize = 5;

/// A few lines, without colours.
pub(super) fn text(app: &App) -> String {
    let environment = app.data.catalog.as_ref();
    let environment = environment.map_or("backstop", |catalog| catalog.environment.name.as_str());
    let mode = match app.setup.mode {
        Mode::Observe => "OBSERVE",
        Mode::Write => "WRITE",
    };
    let mut text = format!(
        "{} {mode}  {}  {}\n",
        words::safe(environment),
        status::counts(app, usize::MAX).text(),
        app.clock.strftime("%Y-%m-%d %H:%M:%SZ"),
    );
    let workloads = app.data.overview.iter();
    for status in workloads.flat_map(|overview| &overview.workloads) {
        if status.state != State::Ok
            && let Some(line) = home::copied(app, &status.workload)
        {
            text.push_str(&line);
        }
    }
    let user = &app.setup.actor.user;
    let mine: Vec<_> = app
        .data
        .audit
        .iter()
        .rev()
        .filter(|record| record.actor.user == *user && record.at >= app.setup.opened)
        .take(CHANGES)
        .collect();
    for record in mine.into_iter().rev() {
        _ = write!(text, "#{} {}", record.sequence, audit::line_of(record));
    }
    text
}
