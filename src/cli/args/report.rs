//! The options of `report`.

use clap::Args as ClapArgs;

use crate::{cli::time, model::WorkloadName};

/// What to report.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ReportArgs {
    /// From when on: 15m, 2h, or a time such as 2026-11-21T14:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = time::since)]
    pub(in crate::cli) since: time::Since,
    /// Up to when, in the same forms [default: now]
    #[arg(long, value_name = "WHEN", value_parser = time::since)]
    pub(in crate::cli) until: Option<time::Since>,
    /// Only about this workload
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) workload: Option<WorkloadName>,
    /// One JSON object with everything that the Markdown rests on
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
