//! The options of `samples`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use crate::{cli::exit::EXIT_CODES, model::WorkloadName};

/// What to do with samples.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SamplesCommand {
    /// List the samples of the configuration
    #[command(after_help = EXIT_CODES)]
    List {
        /// A JSON array
        #[arg(long)]
        json: bool,
    },
    /// Print the body of a sample
    #[command(after_help = EXIT_CODES)]
    Show {
        /// Its id, WORKLOAD/NAME
        id: String,
    },
    /// Say what is wrong with samples: family, capabilities and context of both routes, class; 0 nothing, 1 something
    #[command(after_help = EXIT_CODES)]
    Check {
        /// A JSON array: id, findings
        #[arg(long)]
        json: bool,
    },
    /// Make a sample file from a request body, and print the lines for the configuration
    #[command(after_help = EXIT_CODES)]
    Add(SamplesAddArgs),
}

/// A new sample.
///
/// The body is checked against the workload's family and written to samples/NAME.json beside the
/// configuration, readable by its owner only; `model` becomes the workload's name. The configuration itself is
/// not changed. A body from a file or standard input is not redacted. With --from-traffic it is one that a
/// gateway captured and redacted, of a workload with `capture = "redacted"`: without --pick they are listed.
/// Redaction goes by patterns and is no promise: look through what you add.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SamplesAddArgs {
    /// Whose sample
    pub(in crate::cli) workload: WorkloadName,
    /// What to call it [default with --pick: traffic-NUMBER]
    #[arg(required_unless_present = "from_traffic")]
    pub(in crate::cli) name: Option<String>,
    /// What it stands for: chat, json, tools, vision, long, code or embeddings [default with --pick: as it looks]
    #[arg(long, required_unless_present = "from_traffic")]
    pub(in crate::cli) class: Option<String>,
    /// The file with the body [default: standard input]
    #[arg(long, value_name = "PATH", conflicts_with = "from_traffic")]
    pub(in crate::cli) from: Option<PathBuf>,
    /// From what gateways captured of the workload in the last 24 hours
    #[arg(long)]
    pub(in crate::cli) from_traffic: bool,
    /// Which of these
    #[arg(long, value_name = "NUMBER", requires = "from_traffic")]
    pub(in crate::cli) pick: Option<u64>,
    /// The list, or what was written, as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
