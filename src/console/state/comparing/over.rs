//! What lies over a comparison: a question, a note, an editor, the result.

use crate::{
    console::{
        effect::Asking,
        keymap::Context,
        state::{field::Field, payload::Payload},
    },
    model::SampleId,
};

/// One of them.
#[derive(Debug)]
pub enum Over {
    /// The side that is unsafe must be named.
    Unsafe,
    /// A note is being typed.
    Note(Box<Field>, About),
    /// A question that yes answers.
    Question(Question),
    /// What is sent is being edited.
    Payload(Box<Payload>),
    /// What the verdicts come to; scrolled by so many lines.
    Verdicts(usize),
}

/// What a note is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// One sample.
    Sample(SampleId),
    /// The whole review.
    Review,
}

/// Something that must not happen by accident.
#[derive(Clone, Debug)]
pub struct Question {
    /// What it is, and what it would cost.
    pub text: String,
    /// What a yes does.
    pub then: Then,
}

/// What a yes does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Leaves the comparison.
    Leave,
    /// Ends the console.
    Quit,
    /// Asks this, although it drops a verdict.
    Ask(Asking),
    /// Sends this, although it is over a budget.
    Send(Asking),
    /// Begins a blind review.
    Blind,
    /// Goes on with the names shown.
    Open,
}

impl Over {
    /// Where keys go.
    #[must_use]
    pub const fn context(&self) -> Context {
        match self {
            Self::Unsafe => Context::Unsafe,
            Self::Note(..) => Context::Text,
            Self::Question(_) => Context::Question,
            Self::Payload(_) => Context::Payload,
            Self::Verdicts(_) => Context::Verdicts,
        }
    }
}
