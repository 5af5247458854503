//! The newest seals of the audit in a file of their own, `audit.anchors`: who shortens or replaces `state.db`
//! leaves anchors behind that do not fit.
//!
//! A ring of lines of equal length, each written in place after its record was committed. It may lag behind, and
//! is never ahead. No commit depends on it.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::model::Anchor;

/// Its name in the state directory.
pub(super) const FILE: &str = "audit.anchors";
/// How many are kept.
const LINES: u64 = 64;
/// Twenty digits, a colon, a seal, a line feed.
const WIDTH: u64 = 20 + 1 + 64 + 1;

/// The file, for writing. One that cannot be opened keeps nothing.
#[derive(Debug)]
pub(super) struct Anchors {
    path: PathBuf,
    file: OnceLock<File>,
}

impl Anchors {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
            file: OnceLock::new(),
        }
    }

    /// Opened when it is first wanted.
    fn file(&self) -> Option<&File> {
        if self.file.get().is_none() {
            let file = OpenOptions::new().write(true).open(&self.path).ok()?;
            return Some(self.file.get_or_init(|| file));
        }
        self.file.get()
    }

    /// Keeps one.
    pub(super) fn keep(&self, anchor: Anchor) {
        if let Some(file) = self.file() {
            let line = format!("{:020}:{}\n", anchor.sequence, anchor.seal);
            let place = anchor.sequence % LINES * WIDTH;
            // Without it only a proof is weaker; the record is durable.
            if let Err(error) = file.write_all_at(line.as_bytes(), place) {
                tracing::warn!(%error, "an anchor of the audit was not kept");
            }
        }
    }
}

/// All that are kept. What is no anchor is passed over: lines that were never written are zeros.
pub(super) fn read(directory: &Path) -> Vec<Anchor> {
    let Ok(bytes) = std::fs::read(directory.join(FILE)) else {
        return Vec::new();
    };
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let text = String::from_utf8_lossy(line);
            text.trim_matches('\0').parse().ok()
        })
        .collect()
}
