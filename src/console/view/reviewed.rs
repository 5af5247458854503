//! What a person should look at in a workload, what people have said of its fallback's output, and what they still
//! owe: lines of the detail screen.
//!
//! Called by `detail`. The list of reviews is another screen.

use super::{
    pen::{Line, paragraph},
    words,
};
use crate::{
    console::{app::App, theme::Role},
    control::{Alarm, WorkloadStatus},
    model::Standing,
};

/// The alarms, but that of the review, which has lines of its own.
pub(super) fn alarms(status: &WorkloadStatus, wide: usize) -> Vec<Line> {
    let others = status.alarms.iter().filter(|alarm| match alarm {
        Alarm::Config { .. } | Alarm::ProviderMade { .. } => true,
        Alarm::Unreviewed { .. } => false,
    });
    others
        .flat_map(|alarm| {
            let text = words::safe(&alarm.to_string()).into_owned();
            paragraph(Role::Warning, " look at: ", &text, wide)
        })
        .collect()
}

/// Where it stands with its reviews; nothing where none is asked for and none is owed.
pub(super) fn lines(app: &App, status: &WorkloadStatus, wide: usize) -> Vec<Line> {
    let review = &status.review;
    let (role, text) = match review {
        Standing::NotRequired => (Role::Muted, None),
        Standing::Passing { until, .. } => (
            Role::Text,
            Some(format!(
                "speaks for the fallback until {}",
                words::until(app, *until)
            )),
        ),
        Standing::Missing | Standing::Stale { .. } | Standing::Failing { .. } => (
            Role::Warning,
            Some(format!(
                "{}: {}; arming or forcing it needs one",
                review.as_str().to_uppercase(),
                review.missing().join("; ")
            )),
        ),
    };
    let mut lines: Vec<Line> = text
        .iter()
        .flat_map(|text| paragraph(role, " review   ", &words::safe(text), wide))
        .collect();
    if let Some(debt) = &status.debt {
        let text = format!(
            "OWED since {} ago: {} went past the gate: {}",
            words::span(app.age(debt.since)),
            debt.by,
            debt.note
        );
        lines.extend(paragraph(
            Role::Error,
            "          ",
            &words::safe(&text),
            wide,
        ));
    }
    lines
}
