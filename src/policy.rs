//! The fallback policy as pure code: evidence in, class out; class and situation in, decision out.
//!
//! Called by the gateway (on traffic), by the door (for plans) and by tests. It must not do I/O, read a
//! clock, spawn or log: every input is an argument. Matches are exhaustive; a wildcard arm is denied.
#![deny(clippy::wildcard_enum_match_arm)]

mod candidate;
mod circuit;
mod classify;
mod codes;
mod decide;
mod deciding;
mod detail;
mod evidence;
mod explain;
mod readiness;
mod retry_budget;
mod served;
mod switches;

pub use candidate::{ContextNeed, context_doubt, entitled, may_serve};
pub use circuit::{Admission, Circuit, CircuitView, Count, Trip};
pub use classify::classify;
pub use decide::{Decision, Failure, Opening, RequestFacts, Side, Situation, decide, open};
pub use deciding::{above, deciding, exceptions};
pub use detail::detail;
pub use evidence::{BrokenKind, Evidence, ProviderError, TimeoutStage, UnreachableKind};
pub use explain::explain;
pub use readiness::{Headroom, ReadinessFacts, readiness};
pub use retry_budget::RetryBudget;
pub use served::is_other_model;
pub use switches::Switches;
