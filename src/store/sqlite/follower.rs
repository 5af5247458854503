//! The thread that follows what any process writes to the overrides and to the event log.
//!
//! It sleeps until a bell rings and looks by itself four times a second, which costs two reads of a counter
//! in shared memory.

use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

use notify::RecommendedWatcher;
use tokio::sync::watch;

use super::{database::Database, log, table::Table};
use crate::{clock::Clock, model::Seq};

/// How often it looks without having been woken.
const POLL: Duration = Duration::from_millis(250);
/// The same where bells cannot be heard.
const POLL_DEAF: Duration = Duration::from_millis(25);

/// Why it should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Overrides changed.
    Overrides,
    /// Events were appended.
    Events,
    /// The store closes.
    Stop,
}

/// What it needs.
pub(super) struct Follower {
    pub(super) wakes: mpsc::Receiver<Wake>,
    /// Kept for as long as the thread runs; `None`: deaf.
    pub(super) watcher: Option<RecommendedWatcher>,
    pub(super) state: Database,
    pub(super) log: Database,
    pub(super) table: Table,
    pub(super) newest: watch::Sender<Seq>,
}

/// What has to be looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Due {
    overrides: bool,
    events: bool,
}

impl Due {
    fn add(&mut self, wake: Wake) -> bool {
        match wake {
            Wake::Overrides => self.overrides = true,
            Wake::Events => self.events = true,
            Wake::Stop => return false,
        }
        true
    }
}

impl Follower {
    /// Follows until told to stop.
    pub(super) fn run(mut self) {
        let interval = if self.watcher.is_some() {
            POLL
        } else {
            POLL_DEAF
        };
        let mut looked: Option<Instant> = None;
        let mut versions = (0, 0);
        loop {
            let now = Clock::instant();
            let rest = looked.map_or(Duration::ZERO, |looked| {
                interval.saturating_sub(now.saturating_duration_since(looked))
            });
            let mut due = Due::default();
            match self.wakes.recv_timeout(rest) {
                Ok(wake) => {
                    if !due.add(wake) || !self.wakes.try_iter().all(|wake| due.add(wake)) {
                        return;
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    looked = Some(Clock::instant());
                    due.overrides = self.moved(&mut versions.0, |follower| &mut follower.state);
                    due.events = self.moved(&mut versions.1, |follower| &mut follower.log);
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            if due.overrides {
                // A fault is noted by the database; the last table stays in force.
                let _ = self.table.refresh(&mut self.state);
            }
            if due.events {
                self.look_at_events();
            }
        }
    }

    /// Whether another connection has written to a file since the last look.
    fn moved(&mut self, last: &mut i64, file: impl Fn(&mut Self) -> &mut Database) -> bool {
        let version = file(self).run(|connection| {
            Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
        });
        // After a fault the next look must not be skipped; the fault itself is noted by the database.
        let version: i64 = version.unwrap_or(0);
        std::mem::replace(last, version) != version
    }

    fn look_at_events(&mut self) {
        if let Ok(seq) = self.log.run(|connection| log::newest(connection)) {
            advance(&self.newest, seq);
        }
    }
}

/// Shows a place to whoever follows, unless a newer one was shown.
pub(super) fn advance(newest: &watch::Sender<Seq>, seq: Seq) {
    newest.send_if_modified(|current| {
        let newer = seq > *current;
        *current = seq.max(*current);
        newer
    });
}
