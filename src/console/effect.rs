//! Effects: everything the console wants done outside of itself, as values.
//!
//! Made by `update`; carried out by `execute`. An effect is complete: it needs nothing from the state.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::state::{comparing::weighed::Weighing, probing::Question};
use crate::{
    control::{Consent, NewReview},
    model::{
        Command, ErrorClass, Plan, Presence, ReviewId, ReviewedSample, Revision, RouteName,
        SampleId, WorkloadName,
    },
};

/// What a comparison asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// Whose routes.
    pub workload: WorkloadName,
    /// With which samples; what is sent instead of a sample's own body, where there is something.
    pub samples: Vec<(SampleId, Option<Arc<str>>)>,
    /// How often each.
    pub runs: usize,
}

impl Asking {
    /// Whether something else than the sample's own body is sent.
    #[must_use]
    pub fn is_edited(&self, sample: &SampleId) -> bool {
        let edited = |(id, body): &(SampleId, Option<Arc<str>>)| id == sample && body.is_some();
        self.samples.iter().any(edited)
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Make a plan. Answered by `Msg::Planned` with the same number.
    Plan {
        /// Tells the answers apart when a plan was left before it was made.
        request: u64,
        /// What is asked.
        command: Command,
    },
    /// Ask about a plan in lines, where the screen has no room for it. Answered by `Msg::InLines`.
    InLines(Command),
    /// Apply a plan. Answered by `Msg::Applied`.
    Apply {
        /// The plan as it was on screen.
        plan: Box<Plan>,
        /// What the operator typed.
        consent: Consent,
    },
    /// Ask the policy what an outage would do. Answered by `Msg::Drilled` with the same number.
    Drill {
        /// Tells the answers apart when something else was asked since.
        request: u64,
        /// The routes and providers that are down.
        names: Vec<String>,
        /// How each request to them fails.
        class: ErrorClass,
    },
    /// Ask routes, past the gateway; what is asked already is dropped. Answered by `Msg::Probe` with the same number.
    Probe {
        /// Tells the answers apart when another probe took the place of this one.
        request: u64,
        /// What to ask.
        questions: Vec<Question>,
    },
    /// Drop what is asked: connections are closed.
    StopProbe,
    /// Ask both routes of a workload, past the gateway. Answered by `Msg::Compare` with the same number.
    Compare {
        /// Tells the answers apart from those of other requests.
        request: u64,
        /// What to ask.
        asking: Asking,
    },
    /// Drop what a comparison asks: connections are closed.
    StopCompare(u64),
    /// Put two answers beside each other. Answered by `Msg::Weighed`.
    Weigh(Box<Weighing>),
    /// Work out what answers measure up to. Answered by `Msg::Scored`.
    Score(WorkloadName, Vec<ReviewedSample>),
    /// Record a review. Answered by `Msg::Recorded` with the same number.
    Record {
        /// Tells the answers apart.
        request: u64,
        /// The review.
        review: Box<NewReview>,
    },
    /// Find out what each sample of a workload asks. Answered by `Msg::Asked`.
    ReadAsked(WorkloadName),
    /// Read the body of a sample. Answered by `Msg::Payload`.
    ReadPayload(WorkloadName, SampleId),
    /// Let the operator's own editor have a text, and the terminal meanwhile. Answered by `Msg::Payload`.
    EditPayload(WorkloadName, SampleId, Arc<str>),
    /// Read a past review with its outputs. Answered by `Msg::ReviewRead`.
    ReadReview(ReviewId),
    /// Read how quickly these routes answered their last probes. Answered by `Msg::History`.
    History(Vec<RouteName>),
    /// Read what a workload carried since a moment, or the events of all. Answered by `Msg::Traffic`.
    Traffic(Option<WorkloadName>, Timestamp),
    /// Poll how far a revision has come, until every living gateway has applied it. Answered by
    /// `Msg::Progress`.
    Watch(Revision),
    /// Tell the other consoles what this one looks at. `at` is filled in by whoever writes it.
    Present(Box<Presence>),
    /// Send a text to the terminal's clipboard (OSC 52) and save it to a file. Answered by `Msg::Copied`.
    Copy(String),
    /// Save the view as text and as JSON. Answered by `Msg::Saved`.
    Save {
        /// The view's name, for the file names: lower case, without separators.
        name: String,
        /// What is on screen, or a text about it.
        text: String,
        /// What kind of text: the extension of its file.
        extension: &'static str,
        /// The data behind it.
        json: String,
    },
    /// Send `Msg::Tick` once after this delay.
    Wake(Duration),
    /// Read a theme and wear it. Answered by the theme itself, or by `Msg::Themed`.
    Wear(String),
    /// Ring the terminal's bell.
    Bell,
    /// Switch mouse reporting on or off.
    Mouse(bool),
    /// Draw everything again.
    Repaint,
    /// Give the terminal back to the shell until the process is continued.
    Suspend,
    /// Print this once the terminal is given back.
    Farewell(String),
    /// End.
    Quit,
}
