//! The audit in `state.db` as a chain: every record sealed over the one before it, in the transaction of the
//! change itself; what retention removes is noted, so that the rest can still be checked.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use serde::Deserialize as _;
use serde_json::Value;

use super::{
    Sqlite, anchors,
    desk::{Desk, Reader},
    fault::Fault,
    record::{counter, decode, integer, micros},
    state, view,
};
use crate::{
    model::{Anchor, AuditRecord, Seal, SealedRecord},
    store::{
        AuditProof, Cut, SealedLate, StoreError,
        chain::{Beside, Check, StoredRecord},
    },
};

impl Sqlite {
    pub(in crate::store) async fn prove_audit(
        &self,
        named: Vec<Anchor>,
    ) -> Result<AuditProof, StoreError> {
        let directory = self.0.directory.clone();
        let work = move |reader: &mut Reader| {
            // Read before the chain is: an anchor is never ahead of it.
            let kept = anchors::read(&directory);
            reader
                .state
                .run(|connection| prove(connection, &kept, named))
        };
        self.0.readers.call(work).await
    }

    pub(in crate::store) async fn sealed(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<SealedRecord>, StoreError> {
        let work = move |reader: &mut Reader| {
            reader
                .state
                .run(|connection| sealed(connection, after, limit))
        };
        self.0.readers.call(work).await
    }

    pub(in crate::store) async fn audit_head(&self) -> Result<Anchor, StoreError> {
        let work = |desk: &mut Desk| desk.state.look(|connection| head(connection));
        self.0.desk.call(work).await
    }
}

/// The newest record's place and seal. A seal that is not one counts as none: whoever damaged it must not keep an
/// operator from acting; the check of the chain says it.
pub(super) fn head(connection: &Connection) -> Result<Anchor, Fault> {
    let newest = connection
        .prepare_cached("SELECT sequence, seal FROM audit ORDER BY sequence DESC LIMIT 1")?
        .query_row([], |row| {
            Ok((row.get(0)?, row.get::<_, Option<String>>(1)?))
        })
        .optional()?;
    if let Some((sequence, seal)) = newest {
        let sequence: i64 = sequence;
        return Ok(Anchor {
            sequence: u64::try_from(sequence).unwrap_or(0),
            seal: seal
                .and_then(|seal| seal.parse().ok())
                .unwrap_or(Seal::FIRST),
        });
    }
    Ok(cut(connection)?.map_or(
        Anchor {
            sequence: 0,
            seal: Seal::FIRST,
        },
        |cut| cut.through,
    ))
}

/// Seals records and adds them.
pub(super) fn append(transaction: &Transaction<'_>, records: &[AuditRecord]) -> Result<(), Fault> {
    let mut seal = head(transaction)?.seal;
    for record in records {
        seal = add(transaction, seal, record, &serde_json::to_value(record)?)?;
    }
    Ok(())
}

/// Seals records that were made elsewhere, as they were told, and adds them; they must continue the audit.
pub(super) fn append_told(transaction: &Transaction<'_>, records: &[Value]) -> Result<(), Fault> {
    let Anchor {
        sequence: mut newest,
        mut seal,
    } = head(transaction)?;
    for told in records {
        let record = AuditRecord::deserialize(told)?;
        if record.sequence != newest + 1 {
            return Err(Fault::Words(format!(
                "the audit here ends at {newest}, and {} was to follow",
                record.sequence
            )));
        }
        newest = record.sequence;
        seal = add(transaction, seal, &record, told)?;
    }
    Ok(())
}

/// Lets an audit without records go on behind a record of another store, as if retention had removed it here.
pub(super) fn go_on_behind(
    transaction: &Transaction<'_>,
    after: &Anchor,
    at: Timestamp,
) -> Result<(), Fault> {
    let through = integer(after.sequence);
    transaction
        .prepare_cached("INSERT OR REPLACE INTO audit_cut VALUES (0, ?1, ?2, ?3, ?1)")?
        .execute(params![through, after.seal.to_string(), micros(at)])?;
    transaction.execute("DELETE FROM sqlite_sequence WHERE name = 'audit'", [])?;
    transaction.execute(
        "INSERT INTO sqlite_sequence VALUES ('audit', ?1)",
        [through],
    )?;
    Ok(())
}

fn add(
    transaction: &Transaction<'_>,
    before: Seal,
    record: &AuditRecord,
    value: &Value,
) -> Result<Seal, Fault> {
    let seal = before.over(value);
    transaction
        .prepare_cached("INSERT INTO audit VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            integer(record.sequence),
            micros(record.at),
            record.key.target(),
            integer(record.revision.0),
            value.to_string(),
            seal.to_string(),
        ])?;
    Ok(seal)
}

/// Seals what was written before there were seals, and notes up to where: once, when the file is upgraded.
pub(super) fn seal_what_was_there(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let mut rows: Vec<(i64, String)> = Vec::new();
    {
        let mut statement = transaction
            .prepare("SELECT sequence, record FROM audit WHERE seal IS NULL ORDER BY sequence")?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            rows.push((row.get(0)?, row.get(1)?));
        }
    }
    let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else {
        return Ok(());
    };
    let now = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)";
    let mut seal = Seal::FIRST;
    if *first > 1 {
        let note = format!("INSERT OR REPLACE INTO audit_cut VALUES (0, ?1, ?2, {now}, ?1)");
        transaction.execute(&note, params![first - 1, seal.to_string()])?;
    }
    let note = format!("INSERT OR REPLACE INTO audit_sealed_late VALUES (0, ?1, {now})");
    transaction.execute(&note, [last])?;
    let mut update = transaction.prepare("UPDATE audit SET seal = ?2 WHERE sequence = ?1")?;
    for (sequence, record) in rows {
        // What cannot be read is sealed as a text: the upgrade must not fail for it.
        let value = serde_json::from_str(&record).unwrap_or(Value::String(record));
        seal = seal.over(&value);
        update.execute(params![sequence, seal.to_string()])?;
    }
    Ok(())
}

/// The newest of the oldest records, up to the first that is not too old.
fn too_old(
    connection: &Connection,
    before: Timestamp,
) -> Result<Option<(i64, Option<String>)>, Fault> {
    let first: (Option<i64>, bool) = connection
        .prepare_cached(
            "SELECT coalesce((SELECT sequence FROM audit WHERE at >= ?1 ORDER BY sequence LIMIT 1),
                             max(sequence) + 1), coalesce(min(at) < ?1, 0)
             FROM audit",
        )?
        .query_row([micros(before)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(kept), true) = first else {
        return Ok(None);
    };
    Ok(connection
        .prepare_cached(
            "SELECT sequence, seal FROM audit WHERE sequence < ?1 ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row([kept], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

/// Removes the oldest records, up to the first that is not too old, and notes where the chain now begins.
/// Answers how many went.
pub(super) fn forget(
    connection: &mut Connection,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, Fault> {
    // Looked at first, so that nothing is written when nothing is too old.
    if too_old(connection, before)?.is_none() {
        return Ok(0);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some((last, seal)) = too_old(&transaction, before)? else {
        return Ok(0);
    };
    let gone = cut_off(&transaction, last, &seal.unwrap_or_default(), now)?;
    transaction.commit()?;
    Ok(gone)
}

/// Up to where the fleet shall forget: the newest of the oldest records, up to the first that is not too old.
pub(super) fn to_be_forgotten(
    connection: &Connection,
    before: Timestamp,
) -> Result<Option<Anchor>, Fault> {
    let Some((sequence, seal)) = too_old(connection, before)? else {
        return Ok(None);
    };
    // A host whose audit was damaged does not tell the others where theirs begins.
    let seal = seal.and_then(|seal| seal.parse().ok()).ok_or_else(|| {
        Fault::Words(format!(
            "record {sequence} of the audit has no seal here, so nothing is forgotten"
        ))
    })?;
    let sequence = u64::try_from(sequence).unwrap_or(0);
    Ok(Some(Anchor { sequence, seal }))
}

/// Removes the records up to one that the fleet has forgotten. Where the chain begins is noted as it was told: when the
/// records here were others, the next one does not fit.
pub(super) fn forget_told(
    transaction: &Transaction<'_>,
    through: Anchor,
    at: Timestamp,
) -> Result<(), Fault> {
    if cut(transaction)?.is_some_and(|cut| cut.through.sequence >= through.sequence) {
        return Ok(());
    }
    let seal = through.seal.to_string();
    cut_off(transaction, integer(through.sequence), &seal, at).map(drop)
}

fn cut_off(
    transaction: &Transaction<'_>,
    last: i64,
    seal: &str,
    at: Timestamp,
) -> Result<u64, Fault> {
    let gone = transaction.execute("DELETE FROM audit WHERE sequence <= ?1", [last])? as u64;
    transaction.execute(
        "INSERT INTO audit_cut VALUES (0, ?1, ?2, ?3, ?4) ON CONFLICT (only) DO UPDATE
         SET sequence = ?1, seal = ?2, at = ?3, records = records + ?4",
        params![last, seal, micros(at), integer(gone)],
    )?;
    Ok(gone)
}

fn moment(row: &Row<'_>, column: usize) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_microsecond(row.get(column)?).unwrap_or(Timestamp::MIN))
}

pub(super) fn cut(connection: &Connection) -> Result<Option<Cut>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT sequence, seal, at, records FROM audit_cut")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let seal: String = row.get(1)?;
    Ok(Some(Cut {
        through: Anchor {
            sequence: counter(row, 0)?,
            seal: seal.parse().unwrap_or(Seal::FIRST),
        },
        at: moment(row, 2)?,
        records: counter(row, 3)?,
    }))
}

fn sealed_late(connection: &Connection) -> Result<Option<SealedLate>, Fault> {
    let mut statement = connection.prepare_cached("SELECT sequence, at FROM audit_sealed_late")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(SealedLate {
        through: counter(row, 0)?,
        at: moment(row, 1)?,
    }))
}

/// Checks everything as it stands at one moment.
pub(super) fn prove(
    connection: &mut Connection,
    kept: &[Anchor],
    named: Vec<Anchor>,
) -> Result<AuditProof, Fault> {
    let transaction = connection.transaction()?;
    let anchors = kept.iter().chain(&named).copied();
    let mut check = Check::new(cut(&transaction)?, sealed_late(&transaction)?, anchors);
    let mut statement = transaction.prepare_cached(
        "SELECT sequence, at, target, revision, record, seal FROM audit ORDER BY sequence",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (target, record): (String, String) = (row.get(2)?, row.get(4)?);
        let seal: Option<String> = row.get(5)?;
        check.add(StoredRecord {
            sequence: counter(row, 0)?,
            at: row.get(1)?,
            target: &target,
            revision: counter(row, 3)?,
            record: &record,
            seal: seal.as_deref(),
        });
    }
    Ok(check.finish(Beside {
        newest: state::counters(&transaction)?.sequence,
        overrides: state::overrides(&transaction)?,
        bases: view::differing(&transaction)?,
        named,
    }))
}

fn sealed(connection: &Connection, after: u64, limit: usize) -> Result<Vec<SealedRecord>, Fault> {
    let seal = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let before: Option<Option<String>> = connection
        .prepare_cached(
            "SELECT seal FROM audit WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row([integer(after)], |row| row.get(0))
        .optional()?;
    let mut previous = match before {
        Some(text) => seal(text),
        None => cut(connection)?.map(|cut| cut.through.seal),
    };
    let mut statement = connection.prepare_cached(
        "SELECT record, seal FROM audit WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let mut rows = statement.query(params![integer(after), integer(limit as u64)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let own = seal(row.get(1)?);
        found.push(SealedRecord {
            previous: previous.unwrap_or(Seal::FIRST),
            seal: own,
            record: decode(row, 0)?,
        });
        previous = own;
    }
    Ok(found)
}
