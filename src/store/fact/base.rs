//! The whole state of a fleet as one fact: who has none, or one from before the log begins, goes on from it; everybody
//! else compares it with their own.
//!
//! It brings no audit records: the audit goes on behind its newest one. So the log may begin with it once the fleet has
//! forgotten every record up to there. Pure, like the other facts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Anchor, Debt, OverrideKey, Plan, ReviewHead, Revision, Slot};

/// Everything that a view needs to go on behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct Base {
    /// The newest record of the audit, with its seal.
    pub(in crate::store) head: Anchor,
    /// The table of overrides, by key; also what is not in force, with its revision.
    pub(in crate::store) slots: Vec<KeptSlot>,
    /// The plans that are kept, by id.
    pub(in crate::store) plans: Vec<KeptPlan>,
    /// The reviews that are kept, by id.
    pub(in crate::store) reviews: Vec<KeptReview>,
    /// The reviews that are owed, by workload.
    pub(in crate::store) debts: Vec<Debt>,
}

/// A key's place in the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct KeptSlot {
    /// Whose.
    pub(in crate::store) key: OverrideKey,
    /// What is there.
    pub(in crate::store) slot: Slot,
}

/// A plan, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct KeptPlan {
    /// It.
    pub(in crate::store) plan: Plan,
    /// At which revision it was applied, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) applied: Option<Revision>,
}

/// A review without its outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::store) struct KeptReview {
    /// It.
    pub(in crate::store) head: ReviewHead,
    /// Its outputs are forgotten.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::store) stripped: bool,
}

/// A base that stands in the log, as a view has noted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Noted {
    /// Where in the log.
    pub(in crate::store) sequence: u64,
    /// The newest record of the audit when it was written.
    pub(in crate::store) head: u64,
    /// When it was written.
    pub(in crate::store) at: Timestamp,
    /// The view had the same state.
    pub(in crate::store) fits: bool,
}

/// What a view has noted of the bases in its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Bases {
    /// How far the view is.
    pub(in crate::store) applied: u64,
    /// The newest record of the audit that the fleet has forgotten.
    pub(in crate::store) forgotten: u64,
    /// In the order of the log.
    pub(in crate::store) noted: Vec<Noted>,
}

impl Base {
    /// In words where it is not `own`, the state of a view at the same place: the first thing of each kind. `None`: it
    /// is the same.
    pub(in crate::store) fn differs(&self, own: &Self) -> Option<String> {
        let mut all = Vec::new();
        if self.head != own.head {
            all.push(format!(
                "the audit ends with {}, here with {}",
                self.head, own.head
            ));
        }
        let found = [
            first("override", &self.slots, &own.slots, |kept| {
                format!("{} at revision {}", kept.key, kept.slot.revision)
            }),
            first("plan", &self.plans, &own.plans, |kept| {
                kept.plan.id.to_string()
            }),
            first("review", &self.reviews, &own.reviews, |kept| {
                kept.head.id.to_string()
            }),
            first("review owed for", &self.debts, &own.debts, |debt| {
                debt.workload.to_string()
            }),
        ];
        all.extend(found.into_iter().flatten());
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Where two lists of the same order part.
fn first<T: PartialEq>(
    what: &str,
    told: &[T],
    own: &[T],
    name: impl Fn(&T) -> String,
) -> Option<String> {
    if told == own {
        return None;
    }
    let same = told.iter().zip(own).take_while(|(one, other)| one == other);
    let place = same.count();
    let shown = |of: &[T]| of.get(place).map_or_else(|| "none".to_owned(), &name);
    Some(format!("{what} {}, here {}", shown(told), shown(own)))
}
