//! The circuit of a route: closed, open, half-open, with time passed in.

use std::time::Instant;

use crate::model::{CircuitState, ErrorClass};

/// What others need to know of a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CircuitView {
    /// Its state.
    pub state: CircuitState,
    /// The class that tripped it last.
    pub tripped_by: Option<ErrorClass>,
}

/// Whether an attempt may go to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Closed: go.
    Go,
    /// Half-open: this attempt is the trial; its outcome must be recorded.
    Trial,
    /// Open, or a trial is already running.
    Pause,
}

/// One route's circuit.
#[derive(Clone, Debug, Default)]
pub struct Circuit {}

impl Circuit {
    /// A closed circuit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What it says now.
    #[must_use]
    pub fn view(&self, now: Instant) -> CircuitView {
        let _ = now;
        todo!()
    }

    /// Asks whether an attempt may go.
    pub fn admit(&mut self, now: Instant) -> Admission {
        let _ = now;
        todo!()
    }

    /// Records how an attempt ended; `None`: well. A failure that is the caller's own is not recorded.
    pub fn record(&mut self, now: Instant, failure: Option<ErrorClass>) {
        let _ = (now, failure);
        todo!()
    }
}
