//! Taking turns at the event log, so that a busy process does not keep the others out.
//!
//! SQLite lets whoever asks first have the lock, and a process that writes without a pause asks again at
//! once, while the others look only now and then. So whoever wants the lock takes the turn first and gives
//! it back as soon as it has the lock: the next in line is already waiting when the lock becomes free. It is
//! a courtesy, not a safeguard: one who waits too long for the turn goes on without it.

use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
    time::Duration,
};

use crate::clock::Clock;

/// How often one looks whether the turn is free.
const LOOK: Duration = Duration::from_micros(100);
/// After so long it goes on without.
const PATIENCE: Duration = Duration::from_millis(500);

/// The turn at one log. Held as a lock of the operating system on the log's bell, which ends with its process.
#[derive(Debug)]
pub(super) struct Turn {
    /// `None`: no turns are taken.
    path: Option<PathBuf>,
    file: OnceLock<File>,
}

/// Given back when dropped.
#[derive(Debug)]
pub(super) struct Taken<'a>(Option<&'a File>);

impl Turn {
    /// The turn that belongs to a bell.
    pub(super) fn of(directory: &Path, bell: &str) -> Self {
        Self {
            path: Some(directory.join(bell)),
            file: OnceLock::new(),
        }
    }

    /// No turns are taken.
    #[cfg(test)]
    pub(super) const fn none() -> Self {
        Self {
            path: None,
            file: OnceLock::new(),
        }
    }

    /// The bell, opened when it is first wanted.
    fn file(&self) -> Option<&File> {
        if self.file.get().is_none() {
            let file = OpenOptions::new()
                .write(true)
                .open(self.path.as_ref()?)
                .ok()?;
            return Some(self.file.get_or_init(|| file));
        }
        self.file.get()
    }

    /// Waits for the turn.
    pub(super) fn take(&self) -> Taken<'_> {
        let Some(file) = self.file() else {
            return Taken(None);
        };
        let began = Clock::instant();
        while began.elapsed() < PATIENCE {
            if file.try_lock().is_ok() {
                return Taken(Some(file));
            }
            thread::sleep(LOOK);
        }
        Taken(None)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.0 {
            // It cannot fail for a lock that is held; if it did, the others would go on without.
            let _ = file.unlock();
        }
    }
}
