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
    /// Say what is wrong with samples: family, capabilities of both routes, class; 0 nothing, 1 something
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
/// configuration, readable by its owner only; `model` becomes the workload's name. Nothing is redacted: look
/// through what you add. The configuration itself is not changed.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct SamplesAddArgs {
    /// Whose sample
    pub(in crate::cli) workload: WorkloadName,
    /// What to call it
    pub(in crate::cli) name: String,
    /// What it stands for: chat, json, tools, vision, long, code or embeddings
    #[arg(long)]
    pub(in crate::cli) class: String,
    /// The file with the body [default: standard input]
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) from: Option<PathBuf>,
}
