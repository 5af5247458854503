//! The timeline of a report: troubles, changes and reviews in the order in which they happened.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    LINES,
    fold::{Episode, Folded},
};
use crate::model::{AuditRecord, ReviewHead, ReviewId, WorkloadName};

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Happened {
    /// A time of trouble.
    Trouble {
        /// Whose.
        workload: WorkloadName,
        /// It.
        episode: Episode,
    },
    /// An operator's change, or the end of one; it stands in `changes`.
    Changed {
        /// Its place in the audit.
        sequence: u64,
    },
    /// A fallback's readiness has changed; it stands in `readiness`.
    Turned {
        /// Which of them.
        index: usize,
    },
    /// A review was recorded; it stands in `reviews`.
    Reviewed {
        /// Which.
        review: ReviewId,
    },
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// When it happened, or began.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happened,
}

/// Merges everything, oldest first. Of too many lines the newest stay.
pub(super) fn timeline(
    folded: &Folded,
    changes: &[AuditRecord],
    reviews: &[ReviewHead],
) -> Vec<Moment> {
    let troubles = folded.workloads.iter().flat_map(|report| {
        report.episodes.iter().map(|episode| Moment {
            at: episode.from,
            what: Happened::Trouble {
                workload: report.workload.clone(),
                episode: episode.clone(),
            },
        })
    });
    let changes = changes.iter().map(|record| Moment {
        at: record.at,
        what: Happened::Changed {
            sequence: record.sequence,
        },
    });
    let turned = folded
        .readiness
        .iter()
        .enumerate()
        .map(|(index, turned)| Moment {
            at: turned.at,
            what: Happened::Turned { index },
        });
    let reviews = reviews.iter().map(|head| Moment {
        at: head.at,
        what: Happened::Reviewed {
            review: head.id.clone(),
        },
    });
    let mut all: Vec<Moment> = troubles
        .chain(changes)
        .chain(turned)
        .chain(reviews)
        .collect();
    // Stable: what happened in the same moment stays in the order above.
    all.sort_by_key(|moment| moment.at);
    if all.len() > LINES {
        all.drain(..all.len() - LINES);
    }
    all
}
