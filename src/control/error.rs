//! Why the door did not do what was asked, in words that name the thing and the next step.

use jiff::Timestamp;

use crate::{
    model::{Conflict, EventId, PlanId, ReviewId, Revision},
    store::StoreError,
};

/// A command was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ControlError {
    /// No such workload or route.
    #[error("there is no {kind} `{name}`{}", .suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// `workload` or `route`.
        kind: &'static str,
        /// As given.
        name: String,
        /// A near name.
        suggestion: Option<String>,
    },
    /// No such event.
    #[error("there is no event {0}; what is older than `store.retain_events` is removed")]
    NoEvent(EventId),
    /// What is asked is already so.
    #[error("nothing to change: {what}")]
    Nothing {
        /// For instance "`support-chat` is on auto by the configuration".
        what: String,
    },
    /// This door only observes.
    #[error("this is an OBSERVE session; start again with --write to change anything")]
    Observe,
    /// Nothing can be changed from here.
    #[error(
        "apart from the store since {}: {cause}; nothing can be changed from here until it is back, and what is seen \
         is what was known then",
        .since.strftime("%H:%M:%SZ")
    )]
    Apart {
        /// The last moment at which it was in touch.
        since: Timestamp,
        /// In words.
        cause: String,
    },
    /// A check that nothing can override.
    #[error("refused: {why}")]
    Refused {
        /// The check's sentence.
        why: String,
    },
    /// The consent does not fit the plan's tier.
    #[error("not confirmed: {missing}")]
    Consent {
        /// What is missing.
        missing: String,
    },
    /// The plan is unknown or forgotten.
    #[error("there is no plan `{0}`; make a new one")]
    NoPlan(PlanId),
    /// The plan is too old, or what it rests on has changed.
    #[error("plan {plan} is stale: {why}; make a new one")]
    Stale {
        /// Which.
        plan: PlanId,
        /// What moved.
        why: String,
    },
    /// Somebody else was faster.
    #[error("{}", describe(.0))]
    Conflict(Box<Conflict>),
    /// There is nothing of this actor's to undo.
    #[error("there is no change of yours to undo")]
    NothingToUndo,
    /// The change to undo has been replaced since.
    #[error(
        "audit {sequence} is not the last change of `{target}` any more (revision {current}); it cannot be undone"
    )]
    Replaced {
        /// Which.
        sequence: u64,
        /// Of what.
        target: String,
        /// The revision there is now.
        current: Revision,
    },
    /// There is no such review.
    #[error("there is no review `{0}`; `backstop review list` has their names")]
    NoReview(ReviewId),
    /// The review cannot be kept as it is.
    #[error("the review is not recorded: {why}")]
    BadReview {
        /// In words.
        why: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ControlError {
    /// Whether the change may have been made all the same: the store went away before it answered.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unknown { .. }))
    }
}

/// Who won, when and why.
fn describe(conflict: &Conflict) -> String {
    let key = &conflict.key;
    match &conflict.winner {
        Some(winner) => format!(
            "{} changed `{key}` first, at {} (revision {}, reason {}); look again and make a new plan",
            winner.actor,
            winner.at.strftime("%H:%M:%SZ"),
            winner.revision,
            winner.reason,
        ),
        None => format!(
            "`{key}` moved to revision {}; look again and make a new plan",
            conflict.found.revision
        ),
    }
}
