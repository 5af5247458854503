//! The measuring plane: sends samples to single routes by real HTTP and says what came back.
//!
//! Called by `cli`, by the door, and by its own schedule (`rounds`, the only file here that uses the store: what
//! the prober finds are records, and whoever asked keeps them). It asks through `wire`, so that it measures what
//! the gateway would do; but it knows no fallback, no retry and no circuit: one question is exactly one request
//! on a fresh connection, so that what it finds is the route's own doing.
//!
//! A probe names itself in `user-agent` only. Other marks would make it different from real traffic, and
//! strict providers refuse headers they do not know in odd ways.

mod ask;
mod asked;
mod bodies;
mod budget;
mod changed;
mod check;
mod compare;
mod curl;
mod detail;
mod due;
mod estimate;
mod fit;
mod job;
mod judge;
mod ladder;
mod live;
mod measure;
mod ready;
mod rounds;
mod schedule;
mod target;
mod task;

use std::sync::Arc;

use crate::{
    clock::Clock,
    model::{KeyPlace, RouteName, SampleId},
    wire::{
        RouteError,
        request::ScanError,
        said::Delta,
        upstream::{OriginError, Tls},
    },
};

pub use asked::asked;
pub use budget::Purse;
pub use compare::{CompareError, Comparison, News, PAIRS_AT_ONCE, Payload, Seat, Tell};
pub use curl::{curl, escaped};
pub use estimate::Estimate;
pub use fit::{Finding, adopt, findings, findings_of};
pub use job::{Job, JobError, jobs, routes, workload};
pub use judge::{Advice, Judge, JudgeError, Preference};
pub use ladder::Climb;
pub use live::{Live, Lively, Marks};
pub use ready::readiness;
pub use rounds::{BEAT, Rounds};
pub use schedule::Schedule;

/// Asks routes. Its futures must run in a `tokio::task::LocalSet`, and stop asking when they are dropped.
#[derive(Clone, Debug)]
pub struct Prober {
    tls: Arc<Tls>,
    clock: Clock,
}

impl Prober {
    /// `tls` is shared, because reading the system's roots takes a while.
    #[must_use]
    pub const fn new(tls: Arc<Tls>, clock: Clock) -> Self {
        Self { tls, clock }
    }
}

/// What happens during a probe, for a screen that shows it as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The response head is there, with this status.
    Head(u16),
    /// More of the answer.
    Said(Delta),
}

/// Hears of every step.
pub type Hear<'a> = &'a mut dyn FnMut(Step);

/// A probe that could not be sent. Says nothing about the provider.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The route's key could not be read here.
    #[error("route {route}: the key is not there; looked at {place}")]
    NoKey {
        /// Which.
        route: RouteName,
        /// Where it should be.
        place: KeyPlace,
    },
    /// The sample's file.
    #[error("the sample {sample} cannot be read: {error}")]
    Unreadable {
        /// Which.
        sample: SampleId,
        /// Why.
        error: std::io::Error,
    },
    /// The sample's body is not what the family asks for.
    #[error("the sample {sample} does not fit its family: {error}")]
    Unfit {
        /// Which.
        sample: SampleId,
        /// Why.
        error: ScanError,
    },
    /// The route cannot be asked by anybody.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The route's host.
    #[error("route {route}: {error}")]
    Origin {
        /// Which.
        route: RouteName,
        /// Why.
        error: OriginError,
    },
}
