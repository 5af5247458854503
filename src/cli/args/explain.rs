//! The options of `explain`.

use clap::Args as ClapArgs;

/// What to explain.
///
/// An event says why it fell back, did not, or was refused, attempt by attempt; a workload, what would happen
/// now after each kind of failure; an error class, what it is and whether it may ever cause a fallback. Each
/// names the rule of the policy that says so, and what would change it.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ExplainArgs {
    /// An event's id (as in `x-backstop-event`), a workload, or an error class; a workload's name goes first
    #[arg(value_name = "EVENT|WORKLOAD|CLASS")]
    pub(in crate::cli) what: String,
    /// One JSON object: about, its facts, headline, parts
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
