//! Captures in a file of their own, `captures.db`: made when the first one comes, so that without captures
//! there is none; what is removed from it is overwritten.

use rusqlite::{Connection, Rows, TransactionBehavior, params};

use super::{
    Sqlite,
    desk::Reader,
    fault::Fault,
    files,
    keeper::Keeper,
    record::{integer, micros},
    schema,
};
use crate::{
    model::{Captured, WorkloadName},
    store::{CAPTURE_LIFE, CAPTURES_KEPT, StoreError, earlier},
};

impl Sqlite {
    pub(in crate::store) async fn put_capture(&self, captured: Captured) -> Result<(), StoreError> {
        self.may_write()?;
        let work =
            move |keeper: &mut Keeper| keeper.captures.run(|connection| put(connection, &captured));
        self.0.keeper.call(work).await
    }

    pub(in crate::store) async fn captures(
        &self,
        workload: WorkloadName,
    ) -> Result<Vec<Captured>, StoreError> {
        if !self.have_captures() {
            return Ok(Vec::new());
        }
        let oldest = micros(earlier(self.0.clock.now(), CAPTURE_LIFE));
        let directory = self.0.directory.clone();
        let work = move |reader: &mut Reader| {
            // Whoever makes the file holds this until it has its tables.
            drop(files::lock(&directory)?);
            reader
                .captures
                .run(|connection| list(connection, &workload, oldest))
        };
        self.0.readers.call(work).await
    }

    /// Everything that was captured and is not too old, oldest first.
    pub(in crate::store) async fn all_captures(&self) -> Result<Vec<Captured>, StoreError> {
        if !self.have_captures() {
            return Ok(Vec::new());
        }
        let oldest = micros(earlier(self.0.clock.now(), CAPTURE_LIFE));
        let directory = self.0.directory.clone();
        let work = move |reader: &mut Reader| {
            drop(files::lock(&directory)?);
            reader.captures.run(|connection| all(connection, oldest))
        };
        self.0.readers.call(work).await
    }

    pub(in crate::store) async fn keep_captures(
        &self,
        of: Vec<WorkloadName>,
    ) -> Result<u64, StoreError> {
        self.may_write()?;
        if !self.have_captures() {
            return Ok(0);
        }
        let oldest = micros(earlier(self.0.clock.now(), CAPTURE_LIFE));
        let work = move |keeper: &mut Keeper| {
            keeper
                .captures
                .run(|connection| keep(connection, &of, oldest))
        };
        self.0.keeper.call(work).await
    }

    /// Whether anything was ever captured here.
    fn have_captures(&self) -> bool {
        self.0.directory.join(schema::CAPTURES.file).exists()
    }
}

/// Adds one, and removes the oldest of its kind beyond those that are kept.
fn put(connection: &mut Connection, captured: &Captured) -> Result<(), Fault> {
    overwrite(connection)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (workload, class) = (captured.workload.as_str(), captured.class.as_str());
    transaction
        .prepare_cached(
            "INSERT INTO captures (at, workload, class, captured) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            micros(captured.at),
            workload,
            class,
            serde_json::to_string(captured)?
        ])?;
    transaction
        .prepare_cached(
            "DELETE FROM captures WHERE workload = ?1 AND class = ?2 AND number <= (
                 SELECT number FROM captures WHERE workload = ?1 AND class = ?2
                 ORDER BY number DESC LIMIT 1 OFFSET ?3)",
        )?
        .execute(params![workload, class, integer(CAPTURES_KEPT as u64)])?;
    transaction.commit()?;
    Ok(())
}

/// Those of a workload that are not too old, newest first.
fn list(
    connection: &Connection,
    workload: &WorkloadName,
    oldest: i64,
) -> Result<Vec<Captured>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT number, captured FROM captures WHERE workload = ?1 AND at >= ?2
         ORDER BY number DESC",
    )?;
    read(statement.query(params![workload.as_str(), oldest])?)
}

fn all(connection: &Connection, oldest: i64) -> Result<Vec<Captured>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT number, captured FROM captures WHERE at >= ?1 ORDER BY number")?;
    read(statement.query([oldest])?)
}

fn read(mut rows: Rows<'_>) -> Result<Vec<Captured>, Fault> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Captured {
            number: super::record::counter(row, 0)?,
            ..super::record::decode(row, 1)?
        });
    }
    Ok(found)
}

/// Removes what is too old and what is not of these workloads.
fn keep(connection: &mut Connection, of: &[WorkloadName], oldest: i64) -> Result<u64, Fault> {
    overwrite(connection)?;
    let names: Vec<&str> = of.iter().map(WorkloadName::as_str).collect();
    let removed = connection.execute(
        "DELETE FROM captures WHERE at < ?1
             OR workload NOT IN (SELECT value FROM json_each(?2))",
        params![oldest, serde_json::to_string(&names)?],
    )?;
    if removed > 0 {
        // The log still holds what was written to it before.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(removed as u64)
}

/// What is removed is overwritten with zeros.
fn overwrite(connection: &Connection) -> Result<(), Fault> {
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(())
}
