//! The first lines: where one is, whether anything can be broken, what is broken already, and who else is here.

use std::fmt::Write as _;

use crate::{
    cli::{
        session::Session,
        status::{describe, percent, serving, word},
        time,
    },
    control::{Mode, Overview, State, WorkloadStatus},
    model::visible,
};

/// The most workloads that are told of.
const TOLD: usize = 8;

/// What is said before the first prompt.
pub(super) fn words(overview: &Overview, session: &Session) -> String {
    let mode = match session.control.mode() {
        Mode::Write => "WRITE: plans can be applied",
        Mode::Observe => "OBSERVE: nothing can be changed; start with --write to change anything",
    };
    let actor = session.control.actor();
    let mut lines = vec![format!(
        "{}, {mode}. You are {} on {}, {}.",
        visible(&overview.environment, 60),
        visible(actor.name(), 60),
        visible(&actor.host, 60),
        time::moment(overview.at)
    )];
    let alive = overview.alive().count();
    let gateways = overview.gateways.len();
    let total = overview.workloads.len();
    let calm = |status: &WorkloadStatus| status.state == State::Ok;
    let troubled: Vec<_> = overview.workloads.iter().filter(|it| !calm(it)).collect();
    lines.push(match troubled.len() {
        0 => format!("All {total} workloads are served by their primaries; {alive} of {gateways} gateways alive."),
        1 => format!("1 of {total} workloads needs a look; {alive} of {gateways} gateways alive."),
        some => format!("{some} of {total} workloads need a look; {alive} of {gateways} gateways alive."),
    });
    lines.extend(
        troubled
            .iter()
            .take(TOLD)
            .map(|status| told(status, overview)),
    );
    if let Some(more) = troubled.len().checked_sub(TOLD + 1) {
        lines.push(format!("{} more: `workloads` lists all.", more + 1));
    }
    lines.push(
        "`help` lists the verbs. Enter alone says what is new, `watch` says it as it comes, `quit` ends.".to_owned(),
    );
    lines.join("\n")
}

/// A workload in one line, as it is.
pub(super) fn told(status: &WorkloadStatus, overview: &Overview) -> String {
    let mut text = format!(
        "{}: {} {}",
        status.workload,
        word(status.state),
        describe(status.state)
    );
    // Writing to a String cannot fail.
    if let Some(share) = status.error_share.filter(|share| *share > 0.0) {
        let _ = write!(text, ", {} errors", percent(Some(share)));
    }
    let _ = write!(
        text,
        ", served by {}",
        serving(&status.serving, overview.at)
    );
    if let Some(fallback) = &status.fallback {
        let ready = status.readiness.word;
        let _ = write!(text, ", fallback {fallback} {ready}");
    }
    if let Some(since) = status.since {
        let _ = write!(text, ", since {}", time::age(since, overview.at));
    }
    visible(&text, 400).into_owned()
}
