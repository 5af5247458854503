//! The tour: an incident in five steps, each told while it is done.
//!
//! It follows what the operator does and never does anything itself: a step is over when what it tells of has
//! happened, or when it is passed over. What it says is the view's business.

use crate::model::WorkloadName;

/// Where the tour is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// What is broken, and is its fallback ready?
    #[default]
    See,
    /// Why did it fall back, or not?
    Why,
    /// Is the fallback's answer good enough?
    Compare,
    /// All traffic to the fallback.
    Force,
    /// Back again, and who did what.
    Undo,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::See, Self::Why, Self::Compare, Self::Force, Self::Undo];

    /// Its number, from 1.
    #[must_use]
    pub const fn number(self) -> usize {
        match self {
            Self::See => 1,
            Self::Why => 2,
            Self::Compare => 3,
            Self::Force => 4,
            Self::Undo => 5,
        }
    }

    const fn next(self) -> Option<Self> {
        match self {
            Self::See => Some(Self::Why),
            Self::Why => Some(Self::Compare),
            Self::Compare => Some(Self::Force),
            Self::Force => Some(Self::Undo),
            Self::Undo => None,
        }
    }
}

/// What can be seen of what the operator has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, read anew every time"
)]
pub struct Seen {
    /// A workload is open.
    pub opened: bool,
    /// Events are shown.
    pub events: bool,
    /// Both answers to a sample stand beside each other.
    pub compared: bool,
    /// The audit is shown.
    pub audit: bool,
    /// What this operator has forced, while it is in force.
    pub forced: Option<WorkloadName>,
}

/// A tour that is on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tour {
    /// Where it is.
    pub step: Step,
    /// What was forced, once something was.
    pub forced: Option<WorkloadName>,
}

impl Tour {
    /// Goes on when what a step tells of was done; whoever is ahead of the tour is followed. `false`: it is over.
    pub fn follow(&mut self, seen: &Seen) -> bool {
        if let Some(forced) = &seen.forced {
            self.forced = Some(forced.clone());
            self.step = Step::Undo;
        }
        let done = match self.step {
            Step::See => seen.opened,
            Step::Why => seen.events,
            Step::Compare => seen.compared,
            // Told by what is in force.
            Step::Force => false,
            Step::Undo => seen.audit && seen.forced.is_none(),
        };
        !done || self.skip()
    }

    /// Passes over a step. `false`: it was the last one.
    pub fn skip(&mut self) -> bool {
        match self.step.next() {
            Some(step) => {
                self.step = step;
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, Step, Tour};

    fn seen(what: &str) -> Seen {
        Seen {
            opened: what == "opened",
            events: what == "events",
            compared: what == "compared",
            audit: what.starts_with("audit"),
            forced: what.ends_with("forced").then(|| "support-chat".into()),
        }
    }

    #[test]
    fn every_step_is_over_when_it_was_done() {
        let mut tour = Tour::default();
        for (what, step) in [
            ("", Step::See),
            ("events", Step::See),
            ("opened", Step::Why),
            ("opened", Step::Why),
            ("events", Step::Compare),
            ("compared", Step::Force),
            ("audit", Step::Force),
            ("forced", Step::Undo),
            ("audit forced", Step::Undo),
            ("", Step::Undo),
        ] {
            assert!(tour.follow(&seen(what)), "{what}");
            assert_eq!(tour.step, step, "{what}");
        }
        assert!(!tour.follow(&seen("audit")));
    }

    #[test]
    fn whoever_is_ahead_is_followed_and_steps_can_be_passed_over() {
        let mut tour = Tour::default();
        assert!(tour.follow(&seen("forced")));
        assert_eq!(tour.step, Step::Undo);
        let mut tour = Tour::default();
        for step in &Step::ALL[1..] {
            assert!(tour.skip());
            assert_eq!(tour.step, *step);
        }
        assert!(!tour.skip());
    }
}
