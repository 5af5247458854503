//! Making a view begin again: what is in it is copied beside it first, and nothing of it is mixed with another log.
//!
//! The file itself stays: other processes have it open. They see it emptied, all at once.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    super::{anchors, fault::Fault, files},
    place,
};

/// Everything that a log fills.
pub(super) const EMPTY: &str = "
    DELETE FROM slots;
    DELETE FROM audit;
    DELETE FROM sqlite_sequence WHERE name = 'audit';
    DELETE FROM audit_cut;
    DELETE FROM audit_sealed_late;
    DELETE FROM plans;
    DELETE FROM reviews;
    DELETE FROM review_bodies;
    DELETE FROM debts;
    DELETE FROM facts;
    DELETE FROM bases;
    UPDATE reviewed SET place = place + 1;
";

/// Notes of which log the view is from now on, with nothing in it; one that is of this log already is left alone
/// unless it is forced to. Answers where what was in it is kept, if anything was.
pub(super) fn begin_anew(
    connection: &mut Connection,
    directory: &Path,
    lineage: &str,
    force: bool,
) -> Result<Option<PathBuf>, Fault> {
    let found = place(connection)?;
    if found.lineage.as_deref() == Some(lineage) && !force {
        return Ok(None);
    }
    let kept = if is_empty(connection)? {
        None
    } else {
        let name = found.lineage.as_deref().unwrap_or("of-this-host-alone");
        Some(copy(connection, directory, name)?)
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster, and have filled it since.
    if super::place(&transaction)?.lineage == found.lineage {
        transaction.execute_batch(EMPTY)?;
        transaction.execute(
            "INSERT OR REPLACE INTO applied VALUES (0, ?1, 0, NULL)",
            [lineage],
        )?;
        transaction.commit()?;
    }
    Ok(kept)
}

fn is_empty(connection: &Connection) -> Result<bool, Fault> {
    let found: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM slots) OR EXISTS (SELECT 1 FROM audit)
             OR EXISTS (SELECT 1 FROM plans) OR EXISTS (SELECT 1 FROM reviews)",
        [],
        |row| row.get(0),
    )?;
    Ok(!found)
}

/// Copies the view, and its anchors, which would speak against the next one.
fn copy(connection: &Connection, directory: &Path, name: &str) -> Result<PathBuf, Fault> {
    let words = |error: io::Error| Fault::Words(format!("it cannot be copied beside it: {error}"));
    let safe = |character: char| {
        if character.is_ascii_alphanumeric() || character == '-' {
            character
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(safe).collect();
    let free = |number: &u32| !directory.join(format!("before-{name}-{number}")).exists();
    let number = (1..10_000).find(free).unwrap_or_default();
    let place = directory.join(format!("before-{name}-{number}"));
    files::directory(&place).map_err(|error| Fault::Words(error.to_string()))?;
    let file = place.join("state.db");
    files::file(&file).map_err(|error| Fault::Words(error.to_string()))?;
    connection.execute("VACUUM INTO ?1", [file.to_string_lossy()])?;
    File::open(&file)
        .and_then(|file| file.sync_all())
        .map_err(words)?;
    let kept = directory.join(anchors::FILE);
    if kept.exists() {
        fs::copy(&kept, place.join(anchors::FILE)).map_err(words)?;
        // Other processes have it open: it is emptied, not moved.
        File::options()
            .write(true)
            .open(&kept)
            .and_then(|file| file.set_len(0))
            .map_err(words)?;
    }
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(words)?;
    Ok(place)
}
