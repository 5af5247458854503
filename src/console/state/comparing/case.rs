//! One sample of a comparison: what is sent, what came back, and what was said of it.

use super::{
    live::Told,
    run::{Measured, Run},
    weighed::{Of, Weighed},
};
use crate::model::{Judgement, Place, Sample};

use jiff::Timestamp;

/// The most measured runs that are remembered.
const REMEMBERED: usize = 50;

/// Where an answer stands on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// On the left, or first.
    #[default]
    A,
    /// On the right, or second.
    B,
}

impl Side {
    /// Both, in order.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// Its letter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }

    /// The one that it is not.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A sample and everything that belongs to it.
#[derive(Debug)]
pub struct Case {
    /// As it was when the comparison began.
    pub sample: Sample,
    /// What it asks, in words, once that was read.
    pub asked: Option<String>,
    /// Which route stands on side A.
    pub side_a: Place,
    /// Sent instead of the sample's own body.
    pub edited: Option<String>,
    /// What was asked and is shown, or will be: the newest last. Empty: never asked.
    pub runs: Vec<Run>,
    /// What every run measured, the oldest first: primary, fallback. Texts are remembered by their hashes only.
    measured: [Vec<Measured>; 2],
    /// The verdict on what is shown.
    pub judgement: Option<Judgement>,
    /// Why, in the reviewer's words.
    pub note: String,
    /// Judged blind, and shown with its names since: the verdict stands.
    pub revealed: bool,
    /// Both answers beside each other, once that was worked out.
    pub weighed: Option<Weighed>,
    /// What is being worked out.
    pub weighing: Option<Of>,
}

impl Case {
    /// A sample that nobody has asked yet.
    #[must_use]
    pub const fn new(sample: Sample, side_a: Place) -> Self {
        Self {
            sample,
            asked: None,
            side_a,
            edited: None,
            runs: Vec::new(),
            measured: [Vec::new(), Vec::new()],
            judgement: None,
            note: String::new(),
            revealed: false,
            weighed: None,
            weighing: None,
        }
    }

    /// The route of a side.
    #[must_use]
    pub const fn place(&self, side: Side) -> Place {
        match (side, self.side_a) {
            (Side::A, place) => place,
            (Side::B, Place::Primary) => Place::Fallback,
            (Side::B, Place::Fallback) => Place::Primary,
        }
    }

    /// The side of a route.
    #[must_use]
    pub fn side(&self, place: Place) -> Side {
        if self.side_a == place {
            Side::A
        } else {
            Side::B
        }
    }

    /// The run that is shown: the first that is not over, else the newest.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.runs
            .iter()
            .find(|run| !run.over())
            .or_else(|| self.runs.last())
    }

    /// Whether something is still to come.
    #[must_use]
    pub fn running(&self) -> bool {
        self.runs.iter().any(|run| !run.over())
    }

    /// Whether both answers are there, good or bad, and nothing more is to come.
    #[must_use]
    pub fn complete(&self) -> bool {
        !self.running() && self.run().is_some_and(|run| run.answers().is_some())
    }

    /// What of its judgement counts ([`Judgement::counted`]).
    #[must_use]
    pub fn counted(&self) -> Option<Judgement> {
        let (primary, fallback) = self.run()?.answers()?;
        self.judgement?
            .counted(primary.is_whole(), fallback.is_whole())
    }

    /// So many runs of a request are to come.
    pub fn expect(&mut self, request: u64, runs: usize) {
        self.judgement = None;
        self.revealed = false;
        self.set_aside(0);
        self.runs
            .extend((0..runs).map(|number| Run::new(request, number)));
    }

    /// Takes in what was told of one of its runs.
    pub fn take(
        &mut self,
        request: u64,
        number: usize,
        place: Place,
        told: Told,
        now: Timestamp,
    ) -> bool {
        let run = self
            .runs
            .iter_mut()
            .find(|run| run.request == request && run.number == number);
        let Some(run) = run else { return false };
        let live = run.at_mut(place);
        let waited = !live.over();
        live.take(told, now);
        let measured = live.answer().map(|answer| Measured::of(answer));
        if let Some(measured) = measured.filter(|_| waited) {
            let all = &mut self.measured[index(place)];
            all.push(measured);
            let surplus = all.len().saturating_sub(REMEMBERED);
            all.drain(..surplus);
        }
        self.set_aside(1);
        true
    }

    /// Drops the oldest runs while more than `keep` are over.
    fn set_aside(&mut self, keep: usize) {
        while self.runs.len() > keep && self.runs.first().is_some_and(Run::over) {
            self.runs.remove(0);
            self.weighed = None;
        }
    }

    /// Stops what runs of a request. What was never begun is forgotten.
    pub fn stop(&mut self, request: u64) {
        for run in &mut self.runs {
            if run.request == request {
                run.stop();
            }
        }
        self.runs.retain(|run| run.begun() || !run.over());
        self.set_aside(1);
    }

    /// As if it had never been asked.
    pub fn forget(&mut self) {
        *self = Self {
            note: std::mem::take(&mut self.note),
            asked: self.asked.take(),
            ..Self::new(self.sample.clone(), self.side_a)
        };
    }

    /// What all runs of a side measured, the oldest first.
    #[must_use]
    pub fn measured(&self, place: Place) -> &[Measured] {
        &self.measured[index(place)]
    }
}

/// Where what a route measured is remembered.
const fn index(place: Place) -> usize {
    match place {
        Place::Primary => 0,
        Place::Fallback => 1,
    }
}
