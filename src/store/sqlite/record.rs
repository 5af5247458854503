//! Records as text in a row, and moments as whole microseconds.

use jiff::Timestamp;
use rusqlite::Row;
use serde::de::DeserializeOwned;

use super::fault::Fault;

/// Reads a record.
pub(super) fn decode<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<T, Fault> {
    let text = row.get_ref(column)?;
    let bytes = text.as_bytes().map_err(rusqlite::Error::from)?;
    Ok(serde_json::from_slice(bytes)?)
}

/// A moment as it is stored.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A counter as it is stored. SQLite knows no unsigned numbers; ours never come near the difference.
pub(super) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A counter as it is read.
pub(super) fn counter(row: &Row<'_>, column: usize) -> Result<u64, Fault> {
    let value: i64 = row.get(column)?;
    Ok(u64::try_from(value).unwrap_or(0))
}
