//! What people have said of a workload's fallback, and what they owe, as rows of `status`.

use jiff::Timestamp;

use super::time;
use crate::{
    control::WorkloadStatus,
    model::{Standing, visible},
};

/// The longest text of a row.
const LIMIT: usize = 400;

/// Names and values, fit to be shown.
pub(super) fn rows(status: &WorkloadStatus, now: Timestamp) -> Vec<(&'static str, String)> {
    let standing = &status.review;
    let review = match standing {
        Standing::NotRequired => standing.to_string(),
        Standing::Passing { until, .. } => {
            format!("{standing}, holds until {}", time::short(*until, now))
        }
        Standing::Missing | Standing::Stale { .. } | Standing::Failing { .. } => {
            format!("{standing}: {}", standing.missing().join("; "))
        }
    };
    let mut rows = vec![("review", review)];
    if let Some(debt) = &status.debt {
        let since = time::age(debt.since, now);
        let owed = format!(
            "since {since} ago: {} went past the gate: {}",
            debt.by, debt.note
        );
        rows.push(("review owed", owed));
    }
    for (_, value) in &mut rows {
        *value = visible(value, LIMIT).into_owned();
    }
    rows
}
