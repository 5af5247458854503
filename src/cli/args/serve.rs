//! `serve`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// How the gateway runs.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct ServeArgs {
    /// Log into this file instead of standard error: private, put aside as .old at 8 MiB, and free to be renamed,
    /// removed or truncated by whoever rotates it, without a signal
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) log: Option<PathBuf>,
}
