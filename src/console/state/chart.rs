//! What charts show: an hour of one workload, minute by minute, with the changes and the events of the same time.
//!
//! Built here from what the store told and what gateways tell now, so that drawing computes nothing. `update::charting`
//! decides when it is read and built; the view draws it with whatever signs there are.

mod axis;
mod picture;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::{control::traffic::History, model::WorkloadName};

pub use axis::{Axis, bins};
pub use picture::{Class, Events, Past, Picture};

/// Whole minutes on the axis; behind them stand the last 60 seconds.
pub const MINUTES: usize = 60;
/// Places on the axis.
pub const SLOTS: usize = MINUTES + 1;

/// Histories kept, so that going up and down a list reads nothing again.
const KEPT: usize = 40;
/// A workload's past is read once the cursor has rested on it for so long: events are counted by looking at all of an
/// hour, and of rows that a cursor only passes nobody wants to know.
const REST: SignedDuration = SignedDuration::from_millis(250);
/// How far back is read: an hour, and a little, so that its first minute is whole.
const HOUR: SignedDuration = SignedDuration::from_mins(62);
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

/// Whether something should be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// No.
    Nothing,
    /// Perhaps, when the cursor still rests there after so long; said once.
    Later(Duration),
    /// Now, from a moment on.
    Since(Timestamp),
}

/// What was read of one workload.
#[derive(Clone, Debug)]
struct Kept {
    /// `None`: the events of all.
    workload: Option<WorkloadName>,
    history: Option<History>,
    asked: Timestamp,
    failed: Option<String>,
}

/// Where the cursor is.
#[derive(Clone, Debug)]
struct Resting {
    /// `None`: on all workloads.
    on: Option<WorkloadName>,
    /// `None`: it was on no other before.
    since: Option<Timestamp>,
    /// Somebody was told when it will have rested.
    told: bool,
}

/// Everything about charts.
#[derive(Clone, Debug, Default)]
pub struct Charts {
    /// The page of the detail.
    pub page: Page,
    /// What is drawn; `None`: no chart can be seen, or nothing is known of the workload.
    pub picture: Option<Picture>,
    /// The events of all workloads by class; `None` unless the events screen is open.
    pub events: Option<Events>,
    kept: Vec<Kept>,
    asking: bool,
    resting: Option<Box<Resting>>,
    /// Of which workload and second the picture is.
    pub(in crate::console) built: Option<(WorkloadName, Timestamp)>,
    /// In which second the events were counted.
    pub(in crate::console) counted: Option<Timestamp>,
}

impl Charts {
    /// Whether a workload's past (`None`: the events of all) should be read now; it is noted as asked for then.
    pub fn ask(&mut self, workload: Option<&WorkloadName>, now: Timestamp) -> Ask {
        self.arrive(workload, now);
        if self.asking {
            return Ask::Nothing;
        }
        let kept = self.kept(workload);
        let known = kept.and_then(|kept| kept.history.as_ref());
        let due = match (kept, known) {
            (Some(kept), _) if kept.failed.is_some() => now.duration_since(kept.asked) >= AGAIN,
            (_, Some(history)) => now.duration_since(history.until) >= TOLD,
            (_, None) => true,
        };
        if !due {
            return Ask::Nothing;
        }
        // Only what is new is read.
        let since = known.map_or(now - HOUR, |history| history.until.max(now - HOUR));
        if let Some(wait) = self.wait(now) {
            return wait;
        }
        self.asking = true;
        Ask::Since(since)
    }

    /// Notes where the cursor is.
    fn arrive(&mut self, workload: Option<&WorkloadName>, now: Timestamp) {
        let resting = self.resting.as_ref();
        if resting.is_none_or(|resting| resting.on.as_ref() != workload) {
            // The first one is looked at, not passed.
            let since = resting.map(|_| now);
            self.resting = Some(Box::new(Resting {
                on: workload.cloned(),
                since,
                told: false,
            }));
        }
    }

    /// What to say as long as the cursor has not rested; `None`: it has.
    fn wait(&mut self, now: Timestamp) -> Option<Ask> {
        let resting = self.resting.as_mut()?;
        let rested = now.duration_since(resting.since?);
        if !(SignedDuration::ZERO..REST).contains(&rested) {
            return None;
        }
        if std::mem::replace(&mut resting.told, true) {
            return Some(Ask::Nothing);
        }
        let rest = Duration::try_from(REST - rested).unwrap_or_default();
        Some(Ask::Later(rest))
    }

    fn kept(&self, workload: Option<&WorkloadName>) -> Option<&Kept> {
        self.kept
            .iter()
            .find(|kept| kept.workload.as_ref() == workload)
    }

    /// Takes in what was read. What was known before stays when reading failed.
    pub fn told(
        &mut self,
        workload: Option<WorkloadName>,
        result: Result<History, String>,
        now: Timestamp,
    ) {
        self.asking = false;
        self.built = None;
        self.counted = None;
        let place = self.kept.iter().position(|kept| kept.workload == workload);
        let before = place.and_then(|place| self.kept.remove(place).history);
        let (history, failed) = match result {
            Ok(history) => (Some(history.behind(before, now - HOUR)), None),
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

    /// How many classes of events there are among all workloads.
    #[must_use]
    pub fn kinds(&self) -> usize {
        let events = self.events.as_ref();
        events.map_or(0, |events| events.classes.len())
    }

    /// What is known of a workload's past.
    #[must_use]
    pub fn past(&self, workload: Option<&WorkloadName>) -> Past<'_> {
        let kept = self.kept(workload);
        Past {
            history: kept.and_then(|kept| kept.history.as_ref()),
            failed: kept.and_then(|kept| kept.failed.as_deref()),
        }
    }
}

#[cfg(test)]
mod tests;
