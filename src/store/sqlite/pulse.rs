//! The statements on `pulse.db`: who is alive.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::{
    Sqlite,
    fault::Fault,
    past,
    record::{decode, micros},
};
use crate::{
    model::{GatewayName, Heartbeat, Presence},
    store::{HEARTBEAT_LIFE, PRESENCE_LIFE, earlier},
};

impl Sqlite {
    pub(in crate::store) fn pulse(&self) -> watch::Receiver<i64> {
        self.0.pulse.subscribe()
    }
}

/// Writes a heartbeat over the gateway's last one.
pub(super) fn beat(connection: &Connection, heartbeat: &Heartbeat) -> Result<(), Fault> {
    past::count(connection, heartbeat)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO heartbeats VALUES (?1, ?2, ?3)")?
        .execute(params![
            heartbeat.gateway.as_str(),
            micros(heartbeat.at),
            serde_json::to_string(heartbeat)?
        ])?;
    connection
        .prepare_cached("DELETE FROM heartbeats WHERE at < ?1")?
        .execute([micros(earlier(heartbeat.at, HEARTBEAT_LIFE))])?;
    Ok(())
}

/// The last heartbeats.
pub(super) fn heartbeats(connection: &Connection, now: Timestamp) -> Result<Vec<Heartbeat>, Fault> {
    newer(
        connection,
        "SELECT heartbeat FROM heartbeats WHERE at >= ?1 ORDER BY gateway",
        earlier(now, HEARTBEAT_LIFE),
    )
}

/// Forgets a gateway.
pub(super) fn farewell(connection: &Connection, gateway: &GatewayName) -> Result<(), Fault> {
    connection.execute(
        "DELETE FROM heartbeats WHERE gateway = ?1",
        [gateway.as_str()],
    )?;
    Ok(())
}

/// Writes a presence over the console's last one.
pub(super) fn put_presence(connection: &Connection, presence: &Presence) -> Result<(), Fault> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO presences VALUES (?1, ?2, ?3)")?
        .execute(params![
            presence.session,
            micros(presence.at),
            serde_json::to_string(presence)?
        ])?;
    connection
        .prepare_cached("DELETE FROM presences WHERE at < ?1")?
        .execute([micros(earlier(presence.at, PRESENCE_LIFE))])?;
    Ok(())
}

/// The consoles that are open.
pub(super) fn presences(connection: &Connection, now: Timestamp) -> Result<Vec<Presence>, Fault> {
    newer(
        connection,
        "SELECT presence FROM presences WHERE at >= ?1 ORDER BY session",
        earlier(now, PRESENCE_LIFE),
    )
}

/// Forgets a console.
pub(super) fn remove_presence(connection: &Connection, session: &str) -> Result<(), Fault> {
    connection.execute("DELETE FROM presences WHERE session = ?1", [session])?;
    Ok(())
}

fn newer<T: DeserializeOwned>(
    connection: &Connection,
    sql: &str,
    oldest: Timestamp,
) -> Result<Vec<T>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([micros(oldest)])?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(decode(row, 0)?);
    }
    Ok(records)
}
