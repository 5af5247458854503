//! Would the fallback work now? In one cell of a table, and with every reason.

use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use super::{
    pen::{Line, paragraph},
    words,
};
use crate::{
    console::{app::App, theme::Role},
    model::{Readiness, WorkloadReadiness},
};

/// Sign and role; the word stands beside it.
const fn sign(word: Readiness) -> (&'static str, Role) {
    match word {
        Readiness::Ready => ("+", Role::StateOk),
        Readiness::Stale => ("!", Role::Warning),
        Readiness::Unverified | Readiness::Unreviewed => ("?", Role::StateUnknown),
        Readiness::Blocked => ("x", Role::StateFailing),
        Readiness::NoneByPolicy => ("-", Role::StateDisabled),
    }
}

/// When that was seen which the word rests on; `None`: it rests on what is configured or switched.
fn seen(readiness: &WorkloadReadiness) -> Option<Timestamp> {
    match readiness.reasons.first() {
        Some(worst) => worst.at,
        None => readiness.proven,
    }
}

/// Sign, word, and the age of what the word rests on where that fits.
pub(super) fn cell(app: &App, readiness: &WorkloadReadiness, width: usize) -> (String, Role) {
    let (sign, role) = sign(readiness.word);
    let word = match readiness.word {
        Readiness::NoneByPolicy => "none",
        word => word.as_str(),
    };
    let text = format!("{sign} {word}");
    let aged = seen(readiness).map(|at| format!("{text} {}", words::span(app.age(at))));
    (
        aged.filter(|aged| aged.width() <= width).unwrap_or(text),
        role,
    )
}

/// The word, and every reason with its age.
pub(super) fn lines(app: &App, readiness: &WorkloadReadiness, wide: usize) -> Vec<Line> {
    let ago = |at: Timestamp| words::span(app.age(at));
    let proven = match readiness.proven {
        Some(at) => format!("; its oldest proof is {} old", ago(at)),
        None if readiness.word == Readiness::NoneByPolicy => String::new(),
        None => "; nothing has proven it".to_owned(),
    };
    let (mark, role) = sign(readiness.word);
    let mut lines =
        vec![Line::of(role, format!(" {mark} {}", readiness.word)).and(Role::Text, proven)];
    for reason in &readiness.reasons {
        let (mark, role) = sign(reason.word);
        let age = reason
            .at
            .map_or_else(String::new, |at| format!(" ({} ago)", ago(at)));
        let text = format!("{}{age}", words::safe(&reason.why));
        lines.extend(paragraph(role, &format!("   {mark} "), &text, wide));
    }
    lines
}
