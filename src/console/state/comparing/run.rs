//! One question to both routes, and what earlier ones measured.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use super::live::{Live, Stage};
use crate::model::{Answer, Place, ProbeResult};

/// Both routes asked the same, once.
#[derive(Debug)]
pub struct Run {
    /// The request that it is of.
    pub request: u64,
    /// Which time in that request, from 0.
    pub number: usize,
    /// What the primary says.
    pub primary: Live,
    /// What the fallback says.
    pub fallback: Live,
}

impl Run {
    /// Nothing sent yet.
    #[must_use]
    pub fn new(request: u64, number: usize) -> Self {
        Self {
            request,
            number,
            primary: Live::default(),
            fallback: Live::default(),
        }
    }

    /// One of its sides.
    #[must_use]
    pub const fn at(&self, place: Place) -> &Live {
        match place {
            Place::Primary => &self.primary,
            Place::Fallback => &self.fallback,
        }
    }

    /// The same, to change it.
    pub const fn at_mut(&mut self, place: Place) -> &mut Live {
        match place {
            Place::Primary => &mut self.primary,
            Place::Fallback => &mut self.fallback,
        }
    }

    /// Whether nothing more comes.
    #[must_use]
    pub fn over(&self) -> bool {
        self.primary.over() && self.fallback.over()
    }

    /// Whether anything has been sent.
    #[must_use]
    pub fn begun(&self) -> bool {
        let begun = |live: &Live| !matches!(live.stage, Stage::Waiting);
        begun(&self.primary) || begun(&self.fallback)
    }

    /// Both answers, when both are there. They may be failures.
    #[must_use]
    pub fn answers(&self) -> Option<(&Arc<Answer>, &Arc<Answer>)> {
        self.primary.answer().zip(self.fallback.answer())
    }

    /// Nothing more is waited for.
    pub fn stop(&mut self) {
        self.primary.stop();
        self.fallback.stop();
    }
}

/// What is remembered of an answer whose text is gone.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Times, tokens, checks.
    pub result: ProbeResult,
    /// Tells texts apart.
    pub text: u64,
}

impl Measured {
    /// Of an answer.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let mut hasher = DefaultHasher::new();
        answer.text.hash(&mut hasher);
        for tool in &answer.tools {
            (&tool.name, &tool.arguments).hash(&mut hasher);
        }
        Self {
            result: ProbeResult {
                output: String::new(),
                ..answer.result.clone()
            },
            text: hasher.finish(),
        }
    }
}
