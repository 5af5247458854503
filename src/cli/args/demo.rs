//! The commands with simulated providers, as typed.

use clap::Args as ClapArgs;

use super::LookArgs;

/// The demo.
#[derive(Debug, ClapArgs)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(in crate::cli) struct DemoArgs {
    /// No console: print one line of JSON once everything serves, and run until ended
    #[arg(long)]
    pub(in crate::cli) headless: bool,
    /// End by itself after so many seconds
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) seconds: Option<u64>,
    /// Make traffic and answers repeatable
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) seed: Option<u64>,
    /// Send no traffic
    #[arg(long)]
    pub(in crate::cli) no_traffic: bool,
    /// Let no provider fail
    #[arg(long)]
    pub(in crate::cli) no_faults: bool,
    /// Keep the directory when the demo ends
    #[arg(long)]
    pub(in crate::cli) keep: bool,
    /// Show the tour of the incident, as on the first run
    #[arg(long)]
    pub(in crate::cli) tour: bool,
    /// No tour, also on the first run
    #[arg(long, conflicts_with = "tour")]
    pub(in crate::cli) no_tour: bool,
    #[command(flatten)]
    pub(in crate::cli) look: LookArgs,
}

/// Simulated providers alone.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SimulateArgs {
    /// The first provider's port, the next ones follow; 0: any free ports
    #[arg(long, default_value_t = 0)]
    pub(in crate::cli) port: u16,
    /// A script of faults: `quiet`, `incident`, or the path of a TOML file
    #[arg(long)]
    pub(in crate::cli) script: Option<String>,
    /// End by itself after so many seconds
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) seconds: Option<u64>,
    /// Make answers repeatable
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) seed: Option<u64>,
}
