//! What charts show: an hour of one workload, minute by minute, with the changes and the events of the same time.
//!
//! Built here from what the store told and what gateways tell now, so that drawing computes nothing. `update::charting`
//! decides when it is read and built; the view draws it with whatever signs there are.

mod axis;
mod picture;

use jiff::{SignedDuration, Timestamp};

use crate::{control::traffic::History, model::WorkloadName};

pub use axis::{Axis, bins};
pub use picture::{Class, Past, Picture, classes};

/// Whole minutes on the axis; behind them stand the last 60 seconds.
pub const MINUTES: usize = 60;
/// Places on the axis.
pub const SLOTS: usize = MINUTES + 1;

/// Histories kept, so that going back and forth between workloads reads nothing again.
const KEPT: usize = 8;
/// A minute is told a moment after its end; when reading failed it is tried again after a while.
const TOLD: SignedDuration = SignedDuration::from_secs(63);
const AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// Which page of a workload's detail is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// Facts in words.
    #[default]
    Facts,
    /// Charts, opened over the facts: back leads there.
    Charts,
    /// Charts, opened from a list: back leads there.
    ChartsAtOnce,
}

impl Page {
    /// Whether charts are shown.
    #[must_use]
    pub const fn is_charts(self) -> bool {
        match self {
            Self::Charts | Self::ChartsAtOnce => true,
            Self::Facts => false,
        }
    }
}

/// What was read of one workload.
#[derive(Clone, Debug)]
struct Kept {
    workload: WorkloadName,
    history: Option<History>,
    asked: Timestamp,
    failed: Option<String>,
}

/// Everything about charts.
#[derive(Clone, Debug, Default)]
pub struct Charts {
    /// The page of the detail.
    pub page: Page,
    /// What is drawn; `None`: no chart can be seen, or nothing is known of the workload.
    pub picture: Option<Picture>,
    /// The events of all workloads by class; empty unless the events screen is open.
    pub classes: Vec<Class>,
    kept: Vec<Kept>,
    asking: Option<WorkloadName>,
    /// Of which workload and second the picture is.
    pub(in crate::console) built: Option<(WorkloadName, Timestamp)>,
    /// In which second the events were counted.
    pub(in crate::console) counted: Option<Timestamp>,
}

impl Charts {
    /// Whether a workload's past should be read now; when it says so, it has been noted as asked for.
    pub fn ask(&mut self, workload: &WorkloadName, now: Timestamp) -> bool {
        let due = match self.kept.iter().find(|kept| kept.workload == *workload) {
            None => true,
            Some(kept) if kept.failed.is_some() => now.duration_since(kept.asked) >= AGAIN,
            Some(kept) => kept
                .history
                .as_ref()
                .is_none_or(|history| now.duration_since(history.until) >= TOLD),
        };
        let ask = due && self.asking.is_none();
        if ask {
            self.asking = Some(workload.clone());
        }
        ask
    }

    /// Takes in what was read. What was known before stays when reading failed.
    pub fn told(
        &mut self,
        workload: WorkloadName,
        result: Result<History, String>,
        now: Timestamp,
    ) {
        self.asking = None;
        self.built = None;
        let place = self.kept.iter().position(|kept| kept.workload == workload);
        let before = place.and_then(|place| self.kept.remove(place).history);
        let (history, failed) = match result {
            Ok(history) => (Some(history), None),
            Err(why) => (before, Some(why)),
        };
        if self.kept.len() == KEPT {
            self.kept.remove(0);
        }
        self.kept.push(Kept {
            workload,
            history,
            asked: now,
            failed,
        });
    }

    /// What is known of a workload's past.
    #[must_use]
    pub fn past(&self, workload: &WorkloadName) -> Past<'_> {
        let kept = self.kept.iter().find(|kept| kept.workload == *workload);
        Past {
            history: kept.and_then(|kept| kept.history.as_ref()),
            failed: kept.and_then(|kept| kept.failed.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests;
