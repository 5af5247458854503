//! A drill on screen: what is imagined, and what the policy would do about it.
//!
//! Opened and changed by `update`; computed by the door. It moves no traffic and changes nothing.

use crate::{
    control::{ControlError, Drill},
    model::{Catalog, ErrorClass, RouteName},
};

/// The kinds of failure that can be gone through, the commonest first, each with what causes it.
pub const CLASSES: [(ErrorClass, &str); 6] = [
    (ErrorClass::Overloaded, "503"),
    (ErrorClass::Timeout, "no answer in time"),
    (ErrorClass::RateLimited, "429"),
    (ErrorClass::Authentication, "401"),
    (ErrorClass::ServerError, "500"),
    (ErrorClass::Unreachable, "no connection"),
];

/// What is down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Down {
    /// One route alone.
    Route(RouteName),
    /// Every route of a provider; reached from this route, or by the provider's own name.
    Provider(String, Option<RouteName>),
}

impl Down {
    /// Its name: what the door is asked about.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Route(route) => route.as_str(),
            Self::Provider(provider, _) => provider,
        }
    }

    /// The route's provider in place of the route, or the other way round; `None`: there is nothing to change to.
    #[must_use]
    pub fn other(&self, catalog: &Catalog) -> Option<Self> {
        match self {
            Self::Route(name) => {
                let provider = catalog.routes.get(name)?.provider.to_string();
                Some(Self::Provider(provider, Some(name.clone())))
            }
            Self::Provider(_, from) => from.clone().map(Self::Route),
        }
    }
}

/// How far it is.
#[derive(Debug)]
pub enum Found {
    /// The policy is being asked.
    Asking,
    /// It answered.
    Drill(Box<Drill>),
    /// It could not be asked: why, in words.
    Failed(String),
}

/// A drill that is open.
#[derive(Debug)]
pub struct Drilling {
    /// The number of the question, so that answers to older ones are dropped.
    pub request: u64,
    /// What is imagined to be down.
    pub down: Down,
    /// The place in [`CLASSES`].
    class: usize,
    /// What was found.
    pub found: Found,
    /// The text is scrolled by so many lines.
    pub scroll: usize,
}

impl Drilling {
    /// A drill that is being asked for.
    #[must_use]
    pub const fn new(request: u64, down: Down) -> Self {
        Self {
            request,
            down,
            class: 0,
            found: Found::Asking,
            scroll: 0,
        }
    }

    /// How each request to what is down fails, and what that is like.
    #[must_use]
    pub fn class(&self) -> (ErrorClass, &'static str) {
        CLASSES.get(self.class).copied().unwrap_or(CLASSES[0])
    }

    /// The next kind of failure, round the end.
    pub const fn next_class(&mut self) {
        self.class = (self.class + 1) % CLASSES.len();
    }

    /// Asks anew.
    pub fn ask(&mut self, request: u64) {
        self.request = request;
        self.found = Found::Asking;
        self.scroll = 0;
    }

    /// Takes an answer, unless something else was asked since.
    pub fn take(&mut self, request: u64, result: Result<Box<Drill>, ControlError>) {
        if request == self.request {
            self.found = match result {
                Ok(drill) => Found::Drill(drill),
                Err(error) => Found::Failed(error.to_string()),
            };
        }
    }
}
