//! The statements on `pulse.db` for what one process does for all: leases, readiness, spending.
//!
//! A power cut may take the last of it: who could hold a lease is gone then, too, readiness is judged anew, and
//! of what was spent only the last seconds are forgotten.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{
    fault::Fault,
    record::{decode, integer, micros},
};
use crate::model::{Lease, Spent, WorkloadReadiness};
use crate::store::rules;

/// How many hours of spending are kept.
const HOURS_KEPT: i64 = 48;

/// Takes or renews a lease; `Err` is the lease of whoever has it.
pub(super) fn lease(
    connection: &mut Connection,
    name: &str,
    holder: &str,
    life: Duration,
    now: Timestamp,
) -> Result<Result<Lease, Lease>, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = transaction
        .prepare_cached("SELECT holder, until, term FROM leases WHERE name = ?1")?
        .query_row([name], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, i64>(2)?,
            ))
        })
        .optional()?;
    let found = found.map(|(holder, until, term)| Lease {
        holder,
        until: Timestamp::from_microsecond(until).unwrap_or(Timestamp::MIN),
        term: u64::try_from(term).unwrap_or(0),
    });
    let next = match rules::lease(found, holder, life, now) {
        Ok(next) => next,
        Err(taken) => return Ok(Err(taken)),
    };
    transaction
        .prepare_cached("INSERT OR REPLACE INTO leases VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            name,
            next.holder,
            micros(next.until),
            integer(next.term)
        ])?;
    transaction.commit()?;
    Ok(Ok(next))
}

/// Gives a lease back, so that nobody has to wait for its end.
pub(super) fn release(
    connection: &Connection,
    name: &str,
    holder: &str,
    now: Timestamp,
) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE leases SET until = ?3 WHERE name = ?1 AND holder = ?2")?
        .execute(params![name, holder, micros(now)])?;
    Ok(())
}

/// Replaces all that is known of readiness.
pub(super) fn put_readiness(
    connection: &mut Connection,
    all: &[WorkloadReadiness],
) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("DELETE FROM readiness", [])?;
    let mut statement = transaction.prepare_cached("INSERT INTO readiness VALUES (?1, ?2)")?;
    for one in all {
        statement.execute(params![one.workload.as_str(), serde_json::to_string(one)?])?;
    }
    drop(statement);
    transaction.commit()?;
    Ok(())
}

/// What was known of readiness last.
pub(super) fn readiness(connection: &Connection) -> Result<Vec<WorkloadReadiness>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT readiness FROM readiness ORDER BY workload")?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(decode(row, 0)?);
    }
    Ok(all)
}

/// Adds what was spent.
pub(super) fn spend(connection: &Connection, spent: &Spent) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO spending VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (hour, route) DO UPDATE
             SET requests = requests + excluded.requests, cost = cost + excluded.cost",
        )?
        .execute(params![
            spent.hour,
            spent.route.as_str(),
            integer(spent.requests),
            spent.cost
        ])?;
    connection
        .prepare_cached("DELETE FROM spending WHERE hour < ?1")?
        .execute([spent.hour - HOURS_KEPT])?;
    Ok(())
}

/// What was spent since an hour, that hour included.
pub(super) fn spent(connection: &Connection, since: i64) -> Result<Vec<Spent>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT route, hour, requests, cost FROM spending WHERE hour >= ?1 ORDER BY hour, route",
    )?;
    let mut rows = statement.query([since])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let route: String = row.get(0)?;
        let requests: i64 = row.get(2)?;
        all.push(Spent {
            route: route.into(),
            hour: row.get(1)?,
            requests: u64::try_from(requests).unwrap_or(0),
            cost: row.get(3)?,
        });
    }
    Ok(all)
}
