//! What processes of this host hold for the time, in a file beside the bells: who writes says it with every heartbeat,
//! who opens the store hears it. See `clock`.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::clock::Clock;

/// Its name in the state directory.
pub(super) const FILE: &str = "clock.told";

/// The file, for writing. One that cannot be opened tells nobody.
#[derive(Debug)]
pub(super) struct Hours {
    path: PathBuf,
    file: Option<File>,
}

impl Hours {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
            file: None,
        }
    }

    /// Tells the others.
    pub(super) fn tell(&mut self, clock: &Clock) {
        let Some(line) = clock.tell() else {
            return;
        };
        if self.file.is_none() {
            self.file = OpenOptions::new().write(true).open(&self.path).ok();
        }
        if let Some(file) = &self.file
            && file.write_all_at(line.as_bytes(), 0).is_err()
        {
            // Others that start now go by the system's clock alone.
            self.file = None;
        }
    }
}

/// Hears what others have told.
pub(super) fn hear(directory: &Path, clock: &Clock) {
    if let Ok(told) = std::fs::read_to_string(directory.join(FILE)) {
        clock.hear(&told);
    }
}
