//! The statements on `state.db`: overrides, their audit, and plans.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{
    Sqlite, chain,
    desk::Desk,
    fault::Fault,
    record::{counter, decode, integer, micros},
    reviews,
};
use crate::{
    model::{
        AuditRecord, ChangeRequest, Conflict, OverrideKey, Overrides, Plan, PlanId, Revision, Slot,
    },
    store::{
        AuditQuery, PLAN_LIFE, StoreError, earlier,
        rules::{self, Applied, Counters},
    },
};

/// Why a change was not made although the store works.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else was faster.
    Conflict(Box<Conflict>),
    /// The plan was applied before.
    PlanUsed,
}

/// The newest revision of the table.
pub(super) fn revision(connection: &Connection) -> Result<Revision, Fault> {
    let mut statement = connection.prepare_cached("SELECT max(revision) FROM slots")?;
    let newest: Option<i64> = statement.query_row([], |row| row.get(0))?;
    Ok(Revision(
        newest.and_then(|it| u64::try_from(it).ok()).unwrap_or(0),
    ))
}

/// Asks for the lock and changes a row, to see whether the disk takes writes again.
pub(super) fn probe(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("UPDATE reviewed SET place = place + 0", [])?;
    transaction.commit()?;
    Ok(())
}

/// The whole table.
pub(super) fn overrides(connection: &Connection) -> Result<Overrides, Fault> {
    let mut overrides = Overrides::default();
    let mut statement =
        connection.prepare_cached("SELECT revision, current, key FROM slots ORDER BY key")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let key: String = row.get(2)?;
        let slot = slot(row)?;
        overrides.revision = overrides.revision.max(slot.revision);
        let key: OverrideKey = key.parse().map_err(Fault::Words)?;
        overrides.slots.insert(key, slot);
    }
    Ok(overrides)
}

fn slot(row: &rusqlite::Row<'_>) -> Result<Slot, Fault> {
    Ok(Slot {
        revision: Revision(counter(row, 0)?),
        current: match row.get_ref(1)? {
            rusqlite::types::ValueRef::Null => None,
            _ => Some(decode(row, 1)?),
        },
    })
}

pub(super) fn find(connection: &Connection, key: &OverrideKey) -> Result<Option<Slot>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT revision, current FROM slots WHERE key = ?1")?;
    let mut rows = statement.query([key.to_string()])?;
    rows.next()?.map(slot).transpose()
}

/// Where revisions and the audit's numbers stand.
pub(super) fn counters(connection: &Connection) -> Result<Counters, Fault> {
    let sequence: Option<i64> = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(Counters {
        revision: revision(connection)?,
        sequence: sequence.and_then(|it| u64::try_from(it).ok()).unwrap_or(0),
    })
}

fn keep(transaction: &Transaction<'_>, key: &OverrideKey, applied: &Applied) -> Result<(), Fault> {
    put_slot(transaction, key, &applied.slot)?;
    reviews::owe(transaction, &applied.debts)?;
    chain::append(transaction, &applied.records)
}

/// Writes a key's place in the table.
pub(super) fn put_slot(
    transaction: &Transaction<'_>,
    key: &OverrideKey,
    slot: &Slot,
) -> Result<(), Fault> {
    let current = slot.current.as_ref();
    transaction
        .prepare_cached("INSERT OR REPLACE INTO slots VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            key.to_string(),
            integer(slot.revision.0),
            current.and_then(|current| current.expires).map(micros),
            current.map(serde_json::to_string).transpose()?,
        ])?;
    Ok(())
}

/// Compare-and-set, audit and the plan's mark in one transaction.
pub(super) fn change(
    connection: &mut Connection,
    request: ChangeRequest,
    now: Timestamp,
    host: &str,
) -> Result<Result<AuditRecord, Refusal>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (key, plan) = (request.key.clone(), request.plan.clone());
    let applied = match judge(&transaction, request, now, host)? {
        Ok(applied) => applied,
        Err(refusal) => return Ok(Err(refusal)),
    };
    keep(&transaction, &key, &applied)?;
    if let Some(id) = &plan {
        mark_plan(&transaction, id, applied.slot.revision)?;
    }
    transaction.commit()?;
    let record = applied.records.into_iter().next_back();
    record
        .map(Ok)
        .ok_or_else(|| Fault::Words("a change without a record".to_owned()))
}

/// What a change has to write, by the rules; nothing is written.
pub(super) fn judge(
    connection: &Connection,
    request: ChangeRequest,
    now: Timestamp,
    host: &str,
) -> Result<Result<Applied, Refusal>, Fault> {
    let (key, expected) = (request.key.clone(), request.expected);
    if let Some(id) = &request.plan
        && held_plan(connection, id)?.is_some_and(|(_, applied)| applied.is_some())
    {
        return Ok(Err(Refusal::PlanUsed));
    }
    let found = find(connection, &key)?;
    match rules::change(found.as_ref(), counters(connection)?, request, now, host) {
        Ok(applied) => Ok(Ok(applied)),
        Err(found) => Ok(Err(Refusal::Conflict(Box::new(Conflict {
            key,
            expected,
            winner: winner(connection, found.revision)?.map(Box::new),
            found: *found,
        })))),
    }
}

/// Notes at which revision a plan was applied.
pub(super) fn mark_plan(
    transaction: &Transaction<'_>,
    id: &PlanId,
    revision: Revision,
) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE plans SET applied = ?2 WHERE id = ?1")?
        .execute(params![id.0, integer(revision.0)])?;
    Ok(())
}

fn winner(connection: &Connection, revision: Revision) -> Result<Option<AuditRecord>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT record FROM audit WHERE revision = ?1")?;
    let mut rows = statement.query([integer(revision.0)])?;
    rows.next()?.map(|row| decode(row, 0)).transpose()
}

/// Ends what has expired; looks first, so that nothing is written when nothing has.
pub(super) fn end_expired(
    connection: &mut Connection,
    now: Timestamp,
    host: &str,
) -> Result<Vec<AuditRecord>, Fault> {
    if expired(connection, now)?.is_empty() {
        return Ok(Vec::new());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut ended = Vec::new();
    for key in expired(&transaction, now)? {
        let Some(slot) = find(&transaction, &key)? else {
            continue;
        };
        let counters = counters(&transaction)?;
        if let Some(applied) = rules::expire(&key, &slot, counters, now, host) {
            keep(&transaction, &key, &applied)?;
            ended.extend(applied.records);
        }
    }
    transaction.commit()?;
    Ok(ended)
}

/// The keys whose override is over but not yet ended, in their order.
pub(super) fn expired(connection: &Connection, now: Timestamp) -> Result<Vec<OverrideKey>, Fault> {
    let mut statement = connection.prepare_cached("SELECT key FROM slots WHERE expires <= ?1")?;
    let mut rows = statement.query([micros(now)])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(0)?;
        keys.push(key.parse().map_err(Fault::Words)?);
    }
    // The order of the keys is not that of their text.
    keys.sort();
    Ok(keys)
}

/// Audit records, oldest first.
pub(super) fn audit(
    connection: &Connection,
    query: &AuditQuery,
) -> Result<Vec<AuditRecord>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT record FROM audit
         WHERE sequence > ?1 AND (?2 IS NULL OR at >= ?2) AND (?3 IS NULL OR target = ?3)
         ORDER BY sequence DESC LIMIT ?4",
    )?;
    let mut rows = statement.query(params![
        integer(query.after),
        query.since.map(micros),
        query.target,
        limit(query.limit),
    ])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let record: AuditRecord = decode(row, 0)?;
        if query.wants(&record) {
            records.push(record);
        }
    }
    records.reverse();
    Ok(records)
}

/// SQLite's limit: negative means none.
fn limit(limit: usize) -> i64 {
    if limit == 0 {
        -1
    } else {
        integer(limit as u64)
    }
}

impl Sqlite {
    /// All plans that are kept, and at which revision each was applied.
    pub(in crate::store) async fn plans(
        &self,
    ) -> Result<Vec<(Plan, Option<Revision>)>, StoreError> {
        let work = |desk: &mut Desk| desk.state.look(|connection| plans(connection));
        self.0.desk.call(work).await
    }
}

/// All plans that are kept, and at which revision each was applied, oldest first.
pub(super) fn plans(connection: &Connection) -> Result<Vec<(Plan, Option<Revision>)>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT coalesce(applied, -1), plan FROM plans ORDER BY made, id")?;
    let mut rows = statement.query([])?;
    let mut plans = Vec::new();
    while let Some(row) = rows.next()? {
        let applied: i64 = row.get(0)?;
        plans.push((decode(row, 1)?, u64::try_from(applied).ok().map(Revision)));
    }
    Ok(plans)
}

fn held_plan(
    connection: &Connection,
    id: &PlanId,
) -> Result<Option<(Plan, Option<Revision>)>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT coalesce(applied, -1), plan FROM plans WHERE id = ?1")?;
    let mut rows = statement.query([&id.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let applied: i64 = row.get(0)?;
    Ok(Some((
        decode(row, 1)?,
        u64::try_from(applied).ok().map(Revision),
    )))
}

/// A plan that is not too old.
pub(super) fn plan(
    connection: &Connection,
    id: &PlanId,
    now: Timestamp,
) -> Result<Option<(Plan, Option<Revision>)>, Fault> {
    let oldest = earlier(now, PLAN_LIFE);
    Ok(held_plan(connection, id)?.filter(|(plan, _)| plan.made >= oldest))
}

/// Keeps a plan; answers `false` when another one of the same id still waits to be applied.
pub(super) fn put_plan(
    connection: &mut Connection,
    plan: &Plan,
    now: Timestamp,
) -> Result<bool, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    forget_plans(&transaction, now, PLAN_LIFE)?;
    if is_taken(&transaction, plan, now)? {
        return Ok(false);
    }
    keep_plan(&transaction, plan)?;
    transaction.commit()?;
    Ok(true)
}

/// Whether another plan of the same id still waits to be applied.
pub(super) fn is_taken(
    connection: &Connection,
    plan: &Plan,
    now: Timestamp,
) -> Result<bool, Fault> {
    let held = held_plan(connection, &plan.id)?;
    Ok(held.is_some_and(|(held, applied)| {
        applied.is_none() && held != *plan && held.valid_until > now
    }))
}

/// Writes a plan over one of the same id.
pub(super) fn keep_plan(transaction: &Transaction<'_>, plan: &Plan) -> Result<(), Fault> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO plans VALUES (?1, ?2, NULL, ?3)")?
        .execute(params![
            plan.id.0,
            micros(plan.made),
            serde_json::to_string(plan)?
        ])?;
    Ok(())
}

pub(super) fn forget_plans(
    connection: &Connection,
    now: Timestamp,
    life: Duration,
) -> Result<(), Fault> {
    connection
        .prepare_cached("DELETE FROM plans WHERE made < ?1")?
        .execute([micros(earlier(now, life))])?;
    Ok(())
}
