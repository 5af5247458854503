//! The options of `compare`.

use std::{path::PathBuf, time::Duration};

use clap::Args as ClapArgs;

use crate::{cli::time, model::WorkloadName};

/// What to compare.
///
/// Both routes are asked with the same samples at the same moment, past gateway, fallback and retry. Nothing is
/// switched and nothing is judged: it says what differs. A pair holds when the fallback answers and passes every
/// check that the primary passes, with --same-shape also when its JSON has the same fields and types, it calls the
/// same tools, and its vectors are as long. Exit code 1: fewer pairs hold than --fail-under demands, or some could
/// not be compared, as the primary gave no answer or a request could not be sent.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct CompareArgs {
    /// Whose routes
    pub(in crate::cli) workload: WorkloadName,
    /// Only the sample with this id (WORKLOAD/NAME) or name; can be given several times
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    pub(in crate::cli) sample: Vec<String>,
    /// Every sample of the workload; the same as no --sample
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// How often each sample is sent: shows how much each route varies by itself
    #[arg(long, value_name = "NUMBER", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(in crate::cli) runs: u16,
    /// Send this body instead of the sample's own (`-`: standard input); its class and checks still count. Where the
    /// workload has several samples, --sample says which
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) body: Option<PathBuf>,
    /// The share of pairs, in percent, that must hold
    #[arg(long, value_name = "PERCENT", default_value = "100", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(in crate::cli) fail_under: u8,
    /// Other JSON fields or types, other tools or vectors of another length do not hold either
    #[arg(long)]
    pub(in crate::cli) same_shape: bool,
    /// Also ask this route which answers it finds better. A model's word is advice, not a verdict: it never
    /// counts for the exit code
    #[arg(long, value_name = "ROUTE")]
    pub(in crate::cli) judge: Option<String>,
    /// Also print what is the same
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) full: bool,
    /// Say what it would cost at most, and send nothing
    #[arg(long, conflicts_with_all = ["markdown", "full"])]
    pub(in crate::cli) estimate: bool,
    /// The longest time for one answer, below the workload's own [default: the workload's]
    #[arg(long, value_name = "DURATION", value_parser = time::some)]
    pub(in crate::cli) timeout: Option<Duration>,
    /// The longest time for everything; what is not done by then was not compared
    #[arg(long, value_name = "DURATION", value_parser = time::some, default_value = "10m")]
    pub(in crate::cli) budget: Duration,
    /// Also write both answers to each sample into a new file, to be judged: `review form` and `review import` read
    /// it. Of several runs the first
    #[arg(long, value_name = "PATH", conflicts_with_all = ["body", "estimate"])]
    pub(in crate::cli) sheet: Option<PathBuf>,
    /// Do not open the store: what this costs does not count for the budget of probing
    #[arg(long)]
    pub(in crate::cli) no_store: bool,
    /// One JSON object: workload, at, primary, fallback, runs, bar, passed, holds, falls, unsure,
    /// scores, samples, requests, costs
    #[arg(long, conflicts_with = "markdown")]
    pub(in crate::cli) json: bool,
    /// Markdown, for a ticket
    #[arg(long)]
    pub(in crate::cli) markdown: bool,
}
