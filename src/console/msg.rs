//! Messages: everything that can happen to the console, as values.
//!
//! Made by the loop (`run`, `feed`, `execute`); consumed by `update` only. A message carries facts, never an
//! instruction on what to draw.

use std::{path::PathBuf, time::Duration};

use crossterm::event::KeyEvent;

use super::pointer::Pointer;
use super::state::{
    comparing::{live, weighed::Weighed},
    link::Speed,
    session::Session,
};
use crate::{
    control::{ControlError, Drill, News, Progress, traffic::History},
    model::{
        AuditRecord, Plan, PlanId, ProbePoint, ProbeResult, Review, ReviewHead, ReviewId, Revision,
        RouteName, RungResult, SampleId, WorkloadName,
    },
    probe::Seat,
    review::Scores,
};

/// Something happened.
#[derive(Debug)]
pub enum Msg {
    /// A key was pressed. Releases and repeats are filtered out at the border.
    Key(KeyEvent),
    /// The mouse did something at this column and row, counted from 0.
    Pointer(Pointer, (u16, u16)),
    /// A bracketed paste, as sent: not sanitised.
    Paste(String),
    /// The line to the terminal carries so much now.
    Link(Speed),
    /// The terminal is so many columns and rows large.
    Resize(u16, u16),
    /// A second has passed, or the delay of an [`super::effect::Effect::Wake`].
    Tick,
    /// The door has news.
    News(News),
    /// The plan that was asked for with this number was made, or not.
    Planned {
        /// The number of the [`super::effect::Effect::Plan`].
        request: u64,
        /// The plan, or why there is none.
        result: Result<Box<Plan>, ControlError>,
    },
    /// A plan was applied, or not.
    Applied {
        /// Which plan.
        plan: PlanId,
        /// Its line in the audit, or why nothing was changed.
        result: Result<Box<AuditRecord>, ControlError>,
    },
    /// A plan was applied by questions in lines, or why nothing was changed, in words.
    InLines(Result<Box<AuditRecord>, String>),
    /// What an outage would do was found out, or not.
    Drilled {
        /// The number of the [`super::effect::Effect::Drill`].
        request: u64,
        /// What was found, or why nothing was.
        result: Result<Box<Drill>, ControlError>,
    },
    /// What one of the questions of a live probe has brought.
    Probe {
        /// The number of the [`super::effect::Effect::Probe`].
        request: u64,
        /// The place of the question in it.
        question: usize,
        /// What it brought.
        told: Told,
    },
    /// What one of the questions of a comparison has brought.
    Compare {
        /// The number of the [`super::effect::Effect::Compare`].
        request: u64,
        /// Which question.
        seat: Seat,
        /// What it brought.
        told: live::Told,
    },
    /// Two answers were put beside each other.
    Weighed(Box<Weighed>),
    /// What the answers of a comparison measure up to.
    Scored(WorkloadName, Box<Scores>),
    /// A review was recorded, or not.
    Recorded {
        /// The number of the [`super::effect::Effect::Record`].
        request: u64,
        /// Whose.
        workload: WorkloadName,
        /// What stands in the list of reviews now, or why nothing was recorded.
        result: Result<Box<ReviewHead>, ControlError>,
    },
    /// What each sample of a workload asks, where that could be told.
    Asked(WorkloadName, Vec<(SampleId, String)>),
    /// The body of a sample was read, or the operator's editor has been through with it.
    Payload {
        /// Whose sample.
        workload: WorkloadName,
        /// Which.
        sample: SampleId,
        /// Whether an editor had it.
        edited: bool,
        /// The text, or why there is none in words.
        text: Result<String, String>,
    },
    /// How routes answered their last probes, oldest first.
    History(Vec<(RouteName, Vec<ProbePoint>)>),
    /// What a workload carried was read, or the events of all, or why not in words.
    Traffic(Option<WorkloadName>, Result<History, String>),
    /// A review that was asked for was read, or not.
    ReviewRead(ReviewId, Result<Box<Review>, ControlError>),
    /// How far a watched revision has come. Sent on each change until every gateway has applied it.
    Progress {
        /// Which revision.
        revision: Revision,
        /// How far, or why that is not known.
        result: Result<Progress, ControlError>,
    },
    /// A view was saved: the files, or why not in words.
    Saved(Result<Vec<PathBuf>, String>),
    /// A text was copied.
    Copied {
        /// Its bytes: what is too long for a terminal's clipboard was not sent to it.
        length: usize,
        /// The file it was written to, or why it was not, in words.
        saved: Result<PathBuf, String>,
    },
    /// The operator's key file is not in use: what is wrong with it, with file, line and column.
    KeysRefused(Vec<String>),
    /// What the last session left was read: nothing where there was none, or why it was not, in words.
    Session(Result<Option<Box<Session>>, String>),
    /// The theme was read again: its name, or why the last good one is kept (file, line and column inside).
    Themed(Result<String, String>),
    /// The console was not suspended: nobody could bring it back.
    NotSuspended,
    /// The terminal is ours again after a suspend, or was scrambled: everything must be drawn.
    Redraw,
    /// There is time for what is not done yet.
    GoOn,
}

impl Msg {
    /// Whether somebody did something and waits for the frame that answers it.
    #[must_use]
    pub const fn is_typed(&self) -> bool {
        matches!(
            self,
            Self::Key(_) | Self::Pointer(..) | Self::Paste(_) | Self::Resize(..)
        )
    }
}

/// What a question of a live probe tells while it runs.
#[derive(Clone, Debug)]
pub enum Told {
    /// It is on its way.
    Sent,
    /// More has come; many small steps come as one.
    Heard {
        /// The HTTP status, once there is one, and the time from sending to it.
        head: Option<(u16, Duration)>,
        /// The time from sending to the first output.
        first_output: Option<Duration>,
        /// What was said since the last news: safe to print, with line feeds.
        text: String,
        /// Characters that came and are not kept.
        left_out: usize,
    },
    /// A sample was answered, well or badly.
    Answered(Box<ProbeResult>),
    /// A ladder was climbed, with so many requests.
    Climbed(Vec<RungResult>, u64),
    /// Nothing was sent; in words.
    Unsent(String),
    /// Whether the store has it; a door that only looks keeps nothing.
    Kept(Result<bool, String>),
}
