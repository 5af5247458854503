//! The statements on `pulse.db` about the traffic of the past: counted from heartbeats, once a minute for each
//! gateway.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Sqlite,
    desk::Desk,
    fault::Fault,
    record::{counter, integer, micros},
};
use crate::{
    model::{Heartbeat, Stretch, TrafficPast},
    store::{StoreError, TrafficQuery},
};

/// Counts what a heartbeat says, when it is the first one of its gateway in a new minute: its counters are then
/// those of the minute before. Called before the heartbeat is written.
pub(super) fn count(connection: &Connection, heartbeat: &Heartbeat) -> Result<(), Fault> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT at FROM heartbeats WHERE gateway = ?1")?
        .query_row([heartbeat.gateway.as_str()], |row| row.get(0))
        .optional()?;
    let minute = |micros: i64| micros.div_euclid(60_000_000);
    let now = micros(heartbeat.at);
    let Some(last) = last.filter(|last| minute(*last) < minute(now)) else {
        return Ok(());
    };
    // A gateway that comes back says nothing of the time in which it was away.
    let was_there = minute(last) == minute(now) - 1;
    let transaction = connection.unchecked_transaction()?;
    {
        let mut add = transaction.prepare_cached(
            "INSERT INTO traffic (stretch, number, workload, requests, primary_failures, fallbacks, errors,
                 uncaught, first_p50, first_p95)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (stretch, number, workload) DO UPDATE SET
                 requests = requests + excluded.requests,
                 primary_failures = primary_failures + excluded.primary_failures,
                 fallbacks = fallbacks + excluded.fallbacks,
                 errors = errors + excluded.errors,
                 uncaught = uncaught + excluded.uncaught,
                 first_p50 = nullif(max(ifnull(first_p50, -1), ifnull(excluded.first_p50, -1)), -1),
                 first_p95 = nullif(max(ifnull(first_p95, -1), ifnull(excluded.first_p95, -1)), -1)",
        )?;
        let mut counted = transaction.prepare_cached(
            "INSERT INTO traffic (stretch, number, workload, requests, primary_failures, fallbacks, errors,
                 uncaught)
             VALUES (?1, ?2, '', 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
        )?;
        let mut forget =
            transaction.prepare_cached("DELETE FROM traffic WHERE stretch = ?1 AND number < ?2")?;
        for stretch in Stretch::ALL {
            // The minute that has just ended.
            let number = (heartbeat.at.as_second() - 60).div_euclid(stretch.seconds());
            if was_there {
                counted.execute(params![stretch.seconds(), number])?;
            }
            for of in heartbeat.workloads.iter().filter(|of| of.requests > 0) {
                add.execute(params![
                    stretch.seconds(),
                    number,
                    of.workload.as_str(),
                    integer(of.requests),
                    integer(of.primary_failures),
                    integer(of.fallbacks),
                    integer(of.errors),
                    integer(of.uncaught),
                    of.first_output_p50_ms.map(integer),
                    of.first_output_p95_ms.map(integer),
                ])?;
            }
            forget.execute([
                stretch.seconds(),
                number - stretch.kept() / stretch.seconds(),
            ])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn read(connection: &Connection, query: &TrafficQuery) -> Result<Vec<TrafficPast>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT workload, number, requests, primary_failures, fallbacks, errors, uncaught, first_p50, first_p95
         FROM traffic WHERE stretch = ?1 AND number >= ?2 AND number < ?3 AND workload <> ''
           AND (?4 IS NULL OR workload = ?4) ORDER BY number, workload",
    )?;
    let stretch = query.stretch;
    let mut rows = statement.query(params![
        stretch.seconds(),
        query.first(),
        query.end(),
        query
            .workload
            .as_ref()
            .map(crate::model::WorkloadName::as_str),
    ])?;
    let mut past = Vec::new();
    while let Some(row) = rows.next()? {
        let workload: String = row.get(0)?;
        past.push(TrafficPast {
            workload: workload.into(),
            start: stretch.start(row.get(1)?),
            stretch,
            requests: counter(row, 2)?,
            primary_failures: counter(row, 3)?,
            fallbacks: counter(row, 4)?,
            errors: counter(row, 5)?,
            uncaught: counter(row, 6)?,
            first_output_p50_ms: millis(row.get(7)?),
            first_output_p95_ms: millis(row.get(8)?),
        });
    }
    Ok(past)
}

fn millis(value: Option<i64>) -> Option<u64> {
    u64::try_from(value?).ok()
}

/// The stretches of which somebody told: also those in which nothing was carried.
fn counted(connection: &Connection, query: &TrafficQuery) -> Result<Vec<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT number FROM traffic WHERE stretch = ?1 AND number >= ?2 AND number < ?3
         ORDER BY number",
    )?;
    let stretch = query.stretch;
    let mut rows = statement.query(params![stretch.seconds(), query.first(), query.end()])?;
    let mut counted = Vec::new();
    while let Some(row) = rows.next()? {
        counted.push(stretch.start(row.get(0)?));
    }
    Ok(counted)
}

impl Sqlite {
    pub(in crate::store) async fn counted(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let work = move |desk: &mut Desk| desk.pulse.run(|connection| counted(connection, &query));
        self.0.desk.call(work).await
    }

    pub(in crate::store) async fn traffic(
        &self,
        query: TrafficQuery,
    ) -> Result<Vec<TrafficPast>, StoreError> {
        let work = move |desk: &mut Desk| desk.pulse.run(|connection| read(connection, &query));
        self.0.desk.call(work).await
    }
}
