//! A fleet in one thread: a thousand hosts, a cluster of three servers and a bad network, all played from one seed.
//!
//! The bench and tests call it. The decisions are those of the program (`replica`, `rules`, `fact`); everything
//! around them is a model: a log that three servers agree on, their leaders and how they are lost, messages that come
//! late, twice or never, hosts that are cut off, processes that are killed between any two steps, and people who all
//! change the same few things. The same seed plays the same hour, to the last message. What is checked, and by whom,
//! stands in `judge`, `linear` and `truth`: they know nothing of the code that they check.
//!
//! It must not wait, look at a clock, or talk to anybody.

mod cluster;
mod host;
mod house;
mod judge;
mod linear;
mod people;
mod post;
mod queue;
mod reading;
mod report;
mod truth;
mod weather;
mod work;
mod world;

pub use report::{Answers, Report, Spread};

use std::time::Duration;

/// How large a simulation is.
#[derive(Clone, Debug)]
pub struct Size {
    /// Hosts with a gateway.
    gateways: usize,
    /// Hosts with a console; every second one shares a gateway's host.
    operators: usize,
    /// How long faults go on.
    faults: Duration,
    /// The longest that an operator thinks before the next change.
    thought: Duration,
    /// A rule of the model that is broken on purpose.
    planted: Option<Planted>,
}

/// A rule of the model that is broken on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    /// A leader acknowledges what only it has.
    Minority,
    /// A leader does not compare where the log ends with what the author expects.
    Unordered,
    /// A host applies what comes, whether or not something between is missing.
    Gaps,
    /// A leader that was cut off says that it hears the others.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests plant it"))]
    Boastful,
    /// A host does not begin to read again when it stays behind.
    Asleep,
    /// A host forgets that it sent its fact once, and works the request out anew when nobody answers.
    Hasty,
    /// A base lacks what is in force, and nobody compares it.
    Lossy,
    /// The log is trimmed to a base that leaves out what was not forgotten.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests plant it"))]
    Greedy,
    /// The log is trimmed behind a base.
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests plant it"))]
    Beheading,
}

impl Size {
    /// A few hosts for a long time, or many for a shorter one.
    #[must_use]
    pub fn of(gateways: usize, faults: Duration) -> Self {
        Self {
            gateways,
            operators: 8,
            faults,
            thought: Duration::from_secs(4),
            planted: None,
        }
    }
}

/// Plays one seed.
#[must_use]
pub fn simulate(seed: u64, size: &Size) -> Report {
    world::World::new(seed, size.clone()).run()
}

#[cfg(test)]
mod tests;
