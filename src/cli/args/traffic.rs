//! The options of `traffic`.

use clap::Args as ClapArgs;

use crate::{cli::time, model::WorkloadName};

/// Which past to show.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct TrafficArgs {
    /// Only this one, with the changes of the time and what became of its errors
    pub(in crate::cli) workload: Option<WorkloadName>,
    /// From when on: 15m, 2h, or a time; by minutes up to six hours back, then by hours
    #[arg(long, value_name = "WHEN", value_parser = time::since, default_value = "1h")]
    pub(in crate::cli) since: time::Since,
    /// JSON: workload, stretch, until, points (start, is: unknown, idle or carried, and then the counts), events (since, counts by class), now (the last
    /// 60 seconds), changes (at, verb, by, effect); without a workload an array of these
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
