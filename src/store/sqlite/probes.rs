//! The statements on `pulse.db` about probes: the latest of each key as a whole, and a short history of small
//! points.

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::{
    Sqlite,
    desk::Desk,
    fault::Fault,
    record::{decode, integer, micros},
};
use crate::{
    model::{ProbeKey, ProbePoint, ProbeRecord},
    store::{PROBE_LIFE, PROBE_POINTS, StoreError, earlier},
};

impl Sqlite {
    pub(in crate::store) async fn put_probes(
        &self,
        records: Vec<ProbeRecord>,
    ) -> Result<(), StoreError> {
        self.may_write()?;
        let work = move |desk: &mut Desk| {
            let now = desk.clock.now();
            desk.pulse.run(|connection| put(connection, &records, now))
        };
        self.0.desk.call(work).await
    }

    pub(in crate::store) async fn probes(
        &self,
        after: Option<Timestamp>,
    ) -> Result<Vec<ProbeRecord>, StoreError> {
        let work = move |desk: &mut Desk| {
            let now = desk.clock.now();
            desk.pulse.look(|connection| latest(connection, after, now))
        };
        self.0.desk.call(work).await
    }

    pub(in crate::store) async fn probes_since(
        &self,
        place: u64,
    ) -> Result<(Vec<ProbeRecord>, u64), StoreError> {
        let work = move |desk: &mut Desk| {
            let now = desk.clock.now();
            desk.pulse.look(|connection| since(connection, place, now))
        };
        self.0.desk.call(work).await
    }

    pub(in crate::store) async fn probe_history(
        &self,
        key: ProbeKey,
    ) -> Result<Vec<ProbePoint>, StoreError> {
        let work = move |desk: &mut Desk| desk.pulse.look(|connection| history(connection, &key));
        self.0.desk.call(work).await
    }
}

/// Writes records in one transaction, and forgets what is too old.
fn put(connection: &mut Connection, records: &[ProbeRecord], now: Timestamp) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let place = newest(&transaction)? + 1;
    for record in records {
        let (key, at) = (record.key(), micros(record.at()));
        let (route, subject) = (key.route.as_str(), key.subject.to_string());
        transaction
            .prepare_cached(
                "INSERT INTO probes VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (route, subject) DO UPDATE
                 SET at = excluded.at, record = excluded.record, place = excluded.place
                 WHERE excluded.at >= at",
            )?
            .execute(params![
                route,
                subject,
                at,
                serde_json::to_string(record)?,
                place
            ])?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO probe_points VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                route,
                subject,
                at,
                serde_json::to_string(&record.point())?
            ])?;
        transaction
            .prepare_cached(
                "DELETE FROM probe_points WHERE route = ?1 AND subject = ?2 AND at <= (
                     SELECT at FROM probe_points WHERE route = ?1 AND subject = ?2
                     ORDER BY at DESC LIMIT 1 OFFSET ?3)",
            )?
            .execute(params![route, subject, integer(PROBE_POINTS as u64)])?;
    }
    let oldest = micros(earlier(now, PROBE_LIFE));
    // The points of a key go with its latest record.
    transaction
        .prepare_cached(
            "DELETE FROM probe_points WHERE (route, subject) IN (
                 SELECT route, subject FROM probes WHERE at < ?1)",
        )?
        .execute([oldest])?;
    transaction
        .prepare_cached("DELETE FROM probes WHERE at < ?1")?
        .execute([oldest])?;
    transaction.commit()?;
    Ok(())
}

/// The latest of each key that is newer than both.
fn latest(
    connection: &Connection,
    after: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<ProbeRecord>, Fault> {
    let oldest = micros(earlier(now, PROBE_LIFE));
    let after = after.map_or(i64::MIN, micros);
    let mut statement = connection.prepare_cached(
        "SELECT record FROM probes WHERE at > ?1 AND at >= ?2 ORDER BY route, subject",
    )?;
    let mut rows = statement.query([after, oldest])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(decode(row, 0)?);
    }
    Ok(records)
}

/// The latest of each key that was kept after a place, and the newest place.
fn since(
    connection: &mut Connection,
    place: u64,
    now: Timestamp,
) -> Result<(Vec<ProbeRecord>, u64), Fault> {
    // One look at the file: nothing is kept between both questions.
    let transaction = connection.transaction()?;
    let newest = newest(&transaction)?;
    let after = integer(place);
    // What was newest has been forgotten since: begin again.
    let after = if after > newest { 0 } else { after };
    let oldest = micros(earlier(now, PROBE_LIFE));
    let mut records = Vec::new();
    let mut statement = transaction
        .prepare_cached("SELECT record FROM probes WHERE (place > ?1 OR ?1 = 0) AND at >= ?2")?;
    let mut rows = statement.query([after, oldest])?;
    while let Some(row) = rows.next()? {
        records.push(decode(row, 0)?);
    }
    Ok((records, u64::try_from(newest).unwrap_or(0)))
}

fn newest(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection
        .prepare_cached("SELECT COALESCE(MAX(place), 0) FROM probes")?
        .query_row([], |row| row.get(0))?)
}

/// The points of one key, oldest first.
fn history(connection: &Connection, key: &ProbeKey) -> Result<Vec<ProbePoint>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT point FROM probe_points WHERE route = ?1 AND subject = ?2 ORDER BY at",
    )?;
    let mut rows = statement.query([key.route.as_str(), &key.subject.to_string()])?;
    let mut points = Vec::new();
    while let Some(row) = rows.next()? {
        points.push(decode(row, 0)?);
    }
    Ok(points)
}
