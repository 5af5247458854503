//! Taking in entries that were exported: a batch a transaction, on a thread of its own, so that neither the writer of
//! events nor whoever asks waits for more than one of them.
//!
//! What is in the log already is found in a temporary table of its ids, made while the import begins: an index that
//! every event had to pay for would be worth it for nobody else.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Sqlite,
    bell::{self, Bell},
    database::{Database, Opening},
    fault::Fault,
    keeper::Keeper,
    log::{self, Bodies, Rows},
    record::{counter, integer},
    schema,
    turn::Turn,
    worker::{Alive, Worker},
    writer::CHECKPOINT,
};
use crate::{
    model::{Entry, Seq},
    store::{Added, StoreError},
};

/// How far one look at the log goes while its ids are noted.
const STEP: u64 = 50_000;

/// An import that goes on.
#[derive(Debug)]
pub(in crate::store) struct Import {
    worker: Worker<Context>,
    keeper: Arc<Worker<Keeper>>,
}

#[derive(Debug)]
struct Context {
    log: Database,
    turn: Turn,
    bell: Bell,
    bodies: Bodies,
    /// Since the last checkpoint.
    written: usize,
}

impl Sqlite {
    /// Begins an import.
    pub(in crate::store) fn import(&self) -> Result<Import, StoreError> {
        self.may_write()?;
        let directory = &self.0.directory;
        let context = Context {
            log: Database::new(&schema::EVENTS, directory, Opening::Existing),
            turn: Turn::of(directory, bell::EVENTS),
            bell: Bell::new(directory, bell::EVENTS, std::time::Duration::ZERO),
            bodies: Bodies::default(),
            written: 0,
        };
        let worker = Worker::start("store-import", [context], &Alive::default());
        Ok(Import {
            worker: worker.map_err(|error| StoreError::Open {
                place: directory.display().to_string(),
                cause: error.to_string(),
            })?,
            keeper: Arc::clone(&self.0.keeper),
        })
    }
}

impl Import {
    /// Adds what is not there yet, all of it or nothing.
    pub(in crate::store) async fn add(&self, entries: Vec<Entry>) -> Result<Added, StoreError> {
        let (added, due) = self
            .worker
            .call(move |context| {
                let added = context.add(&entries)?;
                let due = context.written >= CHECKPOINT;
                if due {
                    context.written = 0;
                }
                Ok((added, due))
            })
            .await?;
        if due {
            // Without it the log grows: an import is much faster than any traffic.
            let moved = self.keeper.call(|keeper| {
                keeper.checkpoint();
                Ok(())
            });
            moved.await?;
        }
        Ok(added)
    }
}

impl Context {
    fn add(&mut self, entries: &[Entry]) -> Result<Added, StoreError> {
        while self.log.run(note_ids)? {}
        let (turn, bodies) = (&self.turn, &mut self.bodies);
        let added = self
            .log
            .run(|connection| append_new(connection, turn, entries, bodies))?;
        self.written += self.bodies.len();
        self.bell.ring();
        Ok(added)
    }
}

/// Notes some more of the ids that are in the log; whether there is more. The notes belong to the connection: after a
/// fault they are made anew.
fn note_ids(connection: &mut Connection) -> Result<bool, Fault> {
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS known (event BLOB PRIMARY KEY) WITHOUT ROWID;
         CREATE TEMP TABLE IF NOT EXISTS noted (only INTEGER PRIMARY KEY, seq INTEGER NOT NULL)",
    )?;
    let newest = log::newest(connection)?;
    let noted = connection
        .prepare_cached("SELECT seq FROM temp.noted")?
        .query_row([], |row| row.get::<_, i64>(0))
        .optional()?;
    let noted = noted.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0);
    if noted >= newest.0 {
        return Ok(false);
    }
    let first: Option<i64> = connection
        .prepare_cached("SELECT min(seq) FROM entries WHERE seq > ?1")?
        .query_row([integer(noted)], |row| row.get(0))?;
    let first = first.and_then(|seq| u64::try_from(seq).ok());
    let through = first.map_or(newest.0, |first| newest.0.min(first + STEP));
    note(connection, noted, through)?;
    Ok(through < newest.0)
}

fn note(connection: &Connection, after: u64, through: u64) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO temp.known SELECT event FROM main.entries
             WHERE seq > ?1 AND seq <= ?2 AND decision IS NOT NULL",
        )?
        .execute(params![integer(after), integer(through)])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO temp.noted VALUES (0, ?1)")?
        .execute([integer(through)])?;
    Ok(())
}

fn append_new(
    connection: &mut Connection,
    turn: &Turn,
    entries: &[Entry],
    bodies: &mut Bodies,
) -> Result<Added, Fault> {
    let transaction = log::begin(connection, turn)?;
    let mut newest = log::newest(&transaction)?;
    // Whatever came between the last look and the lock.
    let noted: u64 = transaction
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM temp.noted")?
        .query_row([], |row| Ok(counter(row, 0).unwrap_or(0)))?;
    note(&transaction, noted, newest.0)?;
    let mut added = Added::default();
    let mut new = Vec::with_capacity(entries.len());
    bodies.clear();
    {
        let mut note_decision =
            transaction.prepare_cached("INSERT OR IGNORE INTO temp.known VALUES (?1)")?;
        let mut has_outcome = transaction
            .prepare_cached("SELECT 1 FROM entries WHERE event = ?1 AND decision IS NULL")?;
        let mut ended = std::collections::HashSet::new();
        for entry in entries {
            let is_new = match entry {
                Entry::Decision(event) => note_decision.execute([event.id.to_bytes()])? == 1,
                // Only the first one counts.
                Entry::Outcome(outcome) => {
                    ended.insert(outcome.event)
                        && !has_outcome.exists([outcome.event.to_bytes()])?
                }
            };
            if is_new {
                bodies.push(entry)?;
                new.push(entry);
            }
            added.count(entry, is_new);
        }
        let mut rows = Rows::new(&transaction)?;
        for (entry, body) in new.iter().zip(bodies.iter()) {
            newest = Seq(newest.0 + 1);
            rows.add(newest, entry, body)?;
        }
    }
    note(&transaction, newest.0, newest.0)?;
    transaction.commit()?;
    Ok(added)
}
