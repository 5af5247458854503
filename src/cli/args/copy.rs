//! The options of `backup` and `restore`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// A copy to make.
///
/// Processes may go on writing to the store meanwhile. Each database is copied as it is at one moment, the event log
/// before the overrides. What was captured of requests is left out.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct BackupArgs {
    /// A directory that is not there yet; it appears, for its owner alone, when the copy is whole
    pub(in crate::cli) directory: PathBuf,
    /// One JSON object: version, made, host, of, revision, audit, events, files
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// A copy to put back.
///
/// Refused while a process has the store open, and when the store knows more than the backup. What is there is moved
/// aside, into the state directory. A restore that was interrupted is run again; nobody opens the store until then.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct RestoreArgs {
    /// The directory that `backup` has made
    pub(in crate::cli) directory: PathBuf,
    /// Also when the store is newer than the backup, or cannot be read
    #[arg(long)]
    pub(in crate::cli) discard_newer: bool,
    /// One JSON object: backup, to, aside
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
