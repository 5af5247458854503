//! The options of `probe`.

use std::time::Duration;

use clap::Args as ClapArgs;

use crate::cli::time;

/// What to probe.
///
/// Every probe is one request, past fallback and retry. Of a workload both routes are asked, of a route the
/// samples of all its workloads. Exit code 1: something failed, or could not be probed.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct ProbeArgs {
    /// Workloads and routes
    #[arg(value_name = "WORKLOAD|ROUTE")]
    pub(in crate::cli) names: Vec<String>,
    /// Everything that is configured
    #[arg(long, conflicts_with = "names")]
    pub(in crate::cli) all: bool,
    /// Only the sample with this id (WORKLOAD/NAME) or name
    #[arg(long, value_name = "ID", conflicts_with = "ladder")]
    pub(in crate::cli) sample: Option<String>,
    /// Climb the verification ladder: key, model, minimal request, streaming, each capability that samples
    /// need, error handling
    #[arg(long)]
    pub(in crate::cli) ladder: bool,
    /// Print each probe as a curl command for a shell, the key hidden; send nothing
    #[arg(long, conflicts_with_all = ["ladder", "json"])]
    pub(in crate::cli) curl: bool,
    /// The longest time for one probe, below the workload's own [default: the workload's]
    #[arg(long, value_name = "DURATION", value_parser = time::some)]
    pub(in crate::cli) timeout: Option<Duration>,
    /// The longest time for all probes; what is not done by then counts as failed
    #[arg(long, value_name = "DURATION", value_parser = time::some, default_value = "10m")]
    pub(in crate::cli) budget: Duration,
    /// Do not keep the results
    #[arg(long)]
    pub(in crate::cli) no_store: bool,
    /// One JSON object: passed, failed, skipped, unsent, records
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
