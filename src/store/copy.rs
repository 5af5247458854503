//! What is done to a whole store with files from outside: looks at it, backups of it, and why one is not made or not
//! put back.
//!
//! Called and printed by the CLI; done by the backend that has files.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{StoreError, sqlite};
use crate::{
    clock::Clock,
    model::{Checkup, Heartbeat, Revision, Seq},
};

/// What a backup holds. Stands in it as `backup.json`, written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// The version that made it.
    pub version: String,
    /// When.
    pub made: Timestamp,
    /// On which host.
    pub host: String,
    /// Of which directory.
    pub of: PathBuf,
    /// The newest change of an override in it.
    pub revision: Revision,
    /// The newest audit record in it, as `NUMBER:SEAL`; `None`: there is none.
    pub audit: Option<String>,
    /// The newest place of its event log.
    pub events: Seq,
    /// Its files.
    pub files: Vec<BackupFile>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// Its name, also in the store.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Of its content, in hexadecimal.
    pub sha256: String,
}

/// A backup that was put back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// What was put back.
    pub backup: Backup,
    /// Where.
    pub to: PathBuf,
    /// Where what had been there now is. `None`: nothing had.
    pub aside: Option<PathBuf>,
}

/// A backup was not made, or not put back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store has no files.
    #[error("`{0}` has no files to copy; only `sqlite:DIRECTORY` has")]
    NoFiles(String),
    /// There is something already.
    #[error("{} exists already; name a directory that does not", .0.display())]
    Taken(PathBuf),
    /// There is no backup.
    #[error("{} is no whole backup: {cause}", .place.display())]
    NoBackup {
        /// Where it was looked for.
        place: PathBuf,
        /// In words.
        cause: String,
    },
    /// Processes have the store open.
    #[error(
        "the store at {} is in use by {}; stop them first",
        .place.display(),
        if .by.is_empty() { "another process".to_owned() } else { .by.join(", ") }
    )]
    InUse {
        /// The directory.
        place: PathBuf,
        /// Process ids with names, where they can be known.
        by: Vec<String>,
    },
    /// What is there knows more than the backup.
    #[error(
        "the store at {} is newer than the backup: {what}; with --discard-newer it is moved aside all the same",
        .place.display()
    )]
    Newer {
        /// The directory.
        place: PathBuf,
        /// What it has more.
        what: String,
    },
    /// A file could not be read or written.
    #[error("{} failed: {cause}", .place.display())]
    Io {
        /// Which.
        place: PathBuf,
        /// In words.
        cause: String,
    },
    /// A database could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CopyError {
    pub(super) fn io(place: &Path) -> impl Fn(std::io::Error) -> Self {
        let place = place.to_owned();
        move |error| Self::Io {
            place: place.clone(),
            cause: error.to_string(),
        }
    }
}

/// What a look at a store from outside found.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// What was looked at.
    pub checks: Vec<Checkup>,
    /// The last heartbeats.
    pub heartbeats: Vec<Heartbeat>,
    /// The newest change of an override.
    pub revision: Option<Revision>,
}

/// Looks at a store from outside, whether or not it can be opened, and changes nothing. `deep` also compares every
/// index with its table.
pub async fn examine(url: &str, deep: bool, clock: &Clock) -> Result<Examination, CopyError> {
    let (directory, now) = (files_of(url)?, clock.now());
    blocking(move || Ok(sqlite::exam::examine(&directory, deep, now))).await
}

/// Copies a store, while it is in use, into a directory that is not there yet.
///
/// # Errors
/// When it has no files, the directory exists, or a file cannot be read or written.
pub async fn backup(url: &str, to: PathBuf, clock: &Clock) -> Result<Backup, CopyError> {
    let (directory, now) = (files_of(url)?, clock.now());
    blocking(move || sqlite::backup::make(&directory, &to, now)).await
}

/// Puts a backup in the place of a store that nobody has open. What was there is moved aside.
///
/// # Errors
/// When it has no files, is in use, or knows more than the backup and `discard_newer` was not said; and when a
/// file cannot be read or written.
pub async fn restore(
    from: PathBuf,
    url: &str,
    discard_newer: bool,
    clock: &Clock,
) -> Result<Restored, CopyError> {
    let (directory, now) = (files_of(url)?, clock.now());
    blocking(move || sqlite::restore::put_back(&from, &directory, discard_newer, now)).await
}

fn files_of(url: &str) -> Result<PathBuf, CopyError> {
    match url.split_once(':') {
        Some(("sqlite", directory)) if !directory.is_empty() => Ok(directory.into()),
        Some(_) | None => Err(CopyError::NoFiles(url.to_owned())),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CopyError> + Send + 'static,
) -> Result<T, CopyError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(CopyError::Store(StoreError::Closed)))
}
