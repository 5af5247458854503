//! The upkeep of the event log on a thread of its own: moves the write-ahead log into the database file, and
//! removes what is too old. The writer must not be held up by either.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{database::Database, fault::Fault, log, turn::Turn};
use crate::store::StoreError;

/// Pages of write-ahead log that are left to grow before the writer is stopped for a moment to begin anew.
const PAGES: i64 = 8 * 1024;
/// So few pages are left for the moment in which the writer is stopped.
const REST: i64 = 512;
/// How often it tries to come so close to a writer that goes on.
const TRIES: u32 = 4;
/// After so many steps of a removal the log is moved into the file.
const STEPS: u64 = 16;
/// How long the writer may be stopped by readers that still use the old log.
const PATIENCE: Duration = Duration::from_millis(20);

/// What it needs.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) log: Database,
    /// Written here because it is large, and nobody waits for it.
    pub(super) captures: Database,
    pub(super) turn: Turn,
}

impl Keeper {
    /// Moves the write-ahead log into the file while the writer goes on. A steady writer never lets it come
    /// to the end, so a log that has grown long is finished with the writer waiting: by then little is left.
    pub(super) fn checkpoint(&mut self) {
        let turn = &self.turn;
        let done = self.log.run(|connection| {
            let mut pages = checkpoint(connection, "PASSIVE")?;
            if pages <= PAGES {
                return Ok(());
            }
            for _ in 0..TRIES {
                let before = std::mem::replace(&mut pages, checkpoint(connection, "PASSIVE")?);
                if pages - before <= REST {
                    break;
                }
            }
            connection.busy_timeout(PATIENCE)?;
            let _taken = turn.take();
            let done = checkpoint(connection, "RESTART");
            connection.busy_handler(Some(super::database::wait))?;
            done.map(drop)
        });
        if let Err(error) = done {
            tracing::warn!(%error, "the event log could not be checkpointed");
        }
    }

    /// Removes what is older; answers how many decisions went.
    pub(super) fn remove(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0;
        for step in 1_u64.. {
            let turn = &self.turn;
            let (decisions, more) = self
                .log
                .run(|connection| log::remove(connection, turn, before))?;
            gone += decisions;
            if !more {
                break;
            }
            // What is removed stands in the log, too, and nobody else moves it meanwhile.
            if step.is_multiple_of(STEPS) {
                self.checkpoint();
            }
        }
        Ok(gone)
    }
}

/// Answers how many pages the write-ahead log has.
fn checkpoint(connection: &Connection, how: &str) -> Result<i64, Fault> {
    let sql = format!("PRAGMA wal_checkpoint({how})");
    Ok(connection.query_row(&sql, [], |row| row.get(1))?)
}
