//! Configuration files: found, read, checked, explained, and followed when they change.
//!
//! Called by `cli` and `demo`. What it makes is a [`Catalog`]; what it cannot accept it explains with file,
//! line, column and a hint. It must not open the store or the network.

mod diagnostic;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::watch;

use crate::model::Catalog;

pub use diagnostic::{Diagnostic, Report, Severity};

/// What reading one configuration gave.
#[derive(Debug)]
pub struct Loaded {
    /// Present when there is no error.
    pub catalog: Option<Catalog>,
    /// Every error and warning, in the order of the file.
    pub report: Report,
}

/// Reads environment variables; a test passes its own.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where the configuration is, in order: `explicit`, `BACKSTOP_CONFIG`, `./backstop.toml`,
/// `$XDG_CONFIG_HOME/backstop/backstop.toml`, `/etc/backstop/backstop.toml`.
///
/// # Errors
/// The places that were looked at, when there is none.
pub fn find(explicit: Option<&Path>, variables: Variables<'_>) -> Result<PathBuf, Vec<PathBuf>> {
    let _ = (explicit, variables);
    todo!()
}

/// Reads and checks one file; everything wrong with it is in the report, in one run.
#[must_use]
pub fn load(path: &Path, variables: Variables<'_>) -> Loaded {
    let _ = (path, variables);
    todo!()
}

/// A configuration that is followed.
#[derive(Debug)]
pub struct Followed {
    /// The last good one.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// Why the file on disk is not in force, when it is not: one line.
    pub refused: watch::Receiver<Option<String>>,
}

/// Follows the file: on change and on [`Follow::reload`], a good one replaces the old, a bad one is refused
/// loudly and the old one stays in force.
#[must_use]
pub fn follow(first: Catalog) -> (Followed, Follow) {
    let _ = first;
    todo!()
}

/// Keeps the following alive; dropped, it ends.
#[derive(Debug)]
pub struct Follow {}

impl Follow {
    /// Reads the file again now (SIGHUP).
    pub fn reload(&self) {
        todo!()
    }
}
