//! The thread that follows what any process writes to the overrides, to the event log and, for those who ask, to the
//! pulse.
//!
//! It sleeps until a bell rings and looks by itself four times a second, which costs two or three reads of a counter
//! in shared memory.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use notify::RecommendedWatcher;
use tokio::sync::watch;

use super::{
    bell, database::Database, desk::Desk, log, table::Table, vitals::Vitals, worker::Worker,
};
use crate::{clock::Clock, model::Seq};

/// How often it looks without having been woken.
const POLL: Duration = Duration::from_millis(250);
/// The same where bells cannot be heard.
const POLL_DEAF: Duration = Duration::from_millis(25);

/// After so many looks without bells it tries to hear them.
const TRY_TO_HEAR: u32 = 100;

/// How often overrides that could not be written are tried again.
const TRY_TO_MEND: Duration = Duration::from_secs(1);
/// The name under which the faults of the overrides' writer are noted.
pub(super) const DESK: &str = "desk";

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
    /// Kept for as long as the thread runs; `None`: deaf, and it tries again now and then.
    pub(super) watcher: Option<RecommendedWatcher>,
    pub(super) ears: Ears,
    pub(super) state: Database,
    pub(super) log: Database,
    pub(super) beats: Database,
    pub(super) table: Table,
    pub(super) newest: watch::Sender<Seq>,
    /// Another number whenever the pulse was written to.
    pub(super) pulse: watch::Sender<i64>,
    pub(super) vitals: Arc<Vitals>,
    /// `None`: nothing is written here.
    pub(super) desk: Option<Arc<Worker<Desk>>>,
}

/// What it takes to hear the bells.
#[derive(Debug)]
pub(super) struct Ears {
    pub(super) directory: PathBuf,
    pub(super) wakes: mpsc::Sender<Wake>,
}

impl Ears {
    /// Listens to both bells.
    pub(super) fn listen(&self) -> Option<RecommendedWatcher> {
        bell::listen(&self.directory, self.wakes.clone())
    }
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
        let (mut deaf, mut mended) = (0, None);
        let mut looked: Option<Instant> = None;
        let mut versions = (0, 0);
        loop {
            let interval = if self.watcher.is_some() {
                POLL
            } else {
                POLL_DEAF
            };
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
                    self.try_to_hear(&mut deaf);
                    self.try_to_mend(&mut mended);
                    due.overrides = self.moved(&mut versions.0, |follower| &mut follower.state);
                    due.events = self.moved(&mut versions.1, |follower| &mut follower.log);
                    self.feel_pulse();
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

    /// The bells may not have been there when it began.
    fn try_to_hear(&mut self, deaf: &mut u32) {
        if self.watcher.is_some() {
            return;
        }
        *deaf += 1;
        if deaf.is_multiple_of(TRY_TO_HEAR) {
            self.watcher = self.ears.listen();
        }
    }

    /// Overrides are seldom written: that they can be again would not be noticed for long.
    fn try_to_mend(&self, last: &mut Option<Instant>) {
        let now = Clock::instant();
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= TRY_TO_MEND);
        if let Some(desk) = &self.desk
            && due
            && self.vitals.failure(DESK).is_some()
        {
            *last = Some(now);
            // The store is closing; so will this.
            let _ = desk.send(Desk::probe);
        }
    }

    /// Whether another connection has written to a file since the last look.
    fn moved(&mut self, last: &mut i64, file: impl Fn(&mut Self) -> &mut Database) -> bool {
        let version = version(file(self));
        std::mem::replace(last, version) != version
    }

    /// Tells who asked that the pulse was written to. Nobody asks on a gateway.
    fn feel_pulse(&mut self) {
        if self.pulse.receiver_count() > 0 {
            let version = version(&mut self.beats);
            self.pulse
                .send_if_modified(|last| std::mem::replace(last, version) != version);
        }
    }

    fn look_at_events(&mut self) {
        if let Ok(seq) = self.log.run(|connection| log::newest(connection)) {
            advance(&self.newest, seq);
        }
    }
}

/// Another number whenever another connection has written to a file.
fn version(file: &mut Database) -> i64 {
    let version = file.run(|connection| {
        let mut look = connection.prepare_cached("PRAGMA data_version")?;
        Ok(look.query_row([], |row| row.get(0))?)
    });
    // After a fault the next look must not be skipped; the fault itself is noted by the database.
    version.unwrap_or(0)
}

/// Shows a place to whoever follows, unless a newer one was shown.
pub(super) fn advance(newest: &watch::Sender<Seq>, seq: Seq) {
    newest.send_if_modified(|current| {
        let newer = seq > *current;
        *current = seq.max(*current);
        newer
    });
}
