//! Bells: tiny files that are touched after a commit, so that other processes wake up at once instead of
//! looking all the time.
//!
//! A lost ring costs nothing but time: everybody also looks at the database itself now and then.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::mpsc,
    time::{Duration, Instant},
};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::follower::Wake;
use crate::clock::Clock;

/// Rung when overrides change.
pub(super) const OVERRIDES: &str = "overrides.bell";
/// Rung when events were appended.
pub(super) const EVENTS: &str = "events.bell";

/// A bell to ring.
#[derive(Debug)]
pub(super) struct Bell {
    path: PathBuf,
    file: Option<File>,
    /// The least time between two rings.
    gap: Duration,
    last: Option<Instant>,
    owed: bool,
}

impl Bell {
    /// Takes hold of a bell when it is first rung. A bell that cannot be opened stays silent.
    pub(super) fn new(directory: &Path, name: &str, gap: Duration) -> Self {
        Self {
            path: directory.join(name),
            file: None,
            gap,
            last: None,
            owed: false,
        }
    }

    /// Rings, now or once the gap is over.
    pub(super) fn ring(&mut self) {
        self.owed = true;
        if self.patience().is_some_and(|patience| patience.is_zero()) {
            self.ring_owed();
        }
    }

    /// How long until an owed ring is due; `None`: none is owed.
    pub(super) fn patience(&self) -> Option<Duration> {
        self.owed.then(|| {
            self.last.map_or(Duration::ZERO, |last| {
                self.gap
                    .saturating_sub(Clock::instant().saturating_duration_since(last))
            })
        })
    }

    /// Rings if a ring is owed, whatever the gap.
    pub(super) fn ring_owed(&mut self) {
        if !std::mem::take(&mut self.owed) {
            return;
        }
        self.last = Some(Clock::instant());
        if self.file.is_none() {
            self.file = OpenOptions::new().write(true).open(&self.path).ok();
        }
        if let Some(file) = &self.file {
            // Without it the others notice a moment later.
            let _ = file.write_all_at(b"!", 0);
        }
    }
}

/// Listens to both bells of a directory. `None` where the operating system cannot, or has no watches left.
pub(super) fn listen(directory: &Path, wakes: mpsc::Sender<Wake>) -> Option<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else {
            return;
        };
        if event.need_rescan() {
            let _ = wakes.send(Wake::Overrides);
            let _ = wakes.send(Wake::Events);
        }
        if !matches!(event.kind, EventKind::Modify(_)) {
            return;
        }
        for path in &event.paths {
            let wake = if path.ends_with(OVERRIDES) {
                Wake::Overrides
            } else {
                Wake::Events
            };
            // The follower has ended; so will the watcher.
            let _ = wakes.send(wake);
        }
    })
    .ok()?;
    for name in [OVERRIDES, EVENTS] {
        watcher
            .watch(&directory.join(name), RecursiveMode::NonRecursive)
            .ok()?;
    }
    Some(watcher)
}
