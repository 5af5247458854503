//! What is in the databases of a store that is looked at: schemas, content, the audit's chain, locks.

use std::{fs, path::Path, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::Exam;
use crate::{
    model::Soundness,
    store::sqlite::{
        anchors, backup, chain,
        fault::Fault,
        hold, pulse,
        schema::{CAPTURES, Kind, PULSE, STATE},
        state,
    },
};

/// A write-ahead log that is longer is not moved into its file any more.
const LONG_LOG: u64 = 256 << 20;
/// A lock that is held longer is held by somebody who is stuck.
const PATIENCE: Duration = Duration::from_secs(2);
/// The byte of the index file that stands for the right to write.
const WRITE_LOCK: u64 = 120;

impl Exam {
    /// One file: its schema, its content, its log, its lock.
    pub(super) fn database(&mut self, kind: &'static Kind) {
        let path = self.directory.join(kind.file);
        if matches!(path.try_exists(), Ok(false)) {
            if kind.file != CAPTURES.file {
                self.found(
                    "store-file",
                    Soundness::Bad,
                    format!("{} is not there", kind.file),
                    "put it back, or restore a backup with `backstop restore`; an empty one is made only with an \
                     empty store",
                );
            }
            return;
        }
        match self.content(kind, &path) {
            Ok(says) => self.good("store-file", format!("{}: {says}", kind.file)),
            Err((soundness, says, advice)) => {
                self.found(
                    "store-file",
                    soundness,
                    format!("{}: {says}", kind.file),
                    advice,
                );
            }
        }
        if let Ok(log) = fs::metadata(self.directory.join(format!("{}-wal", kind.file)))
            && log.len() > LONG_LOG
        {
            self.found(
                "store-file",
                Soundness::Warning,
                format!("{}-wal has grown to {} MB", kind.file, log.len() / 1_000_000),
                "a process that reads for a very long time, or died holding it, keeps it from being emptied",
            );
        }
        self.lock(kind, &path);
    }

    fn content(
        &mut self,
        kind: &'static Kind,
        path: &Path,
    ) -> Result<String, (Soundness, String, String)> {
        let restore = "restore a backup with `backstop restore`; what is there is kept aside";
        let failed = |fault: Fault| {
            let says = fault.to_string();
            let advice = match &fault {
                Fault::Sqlite(error) => match error.sqlite_error_code() {
                    Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => restore,
                    Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                        "run this as the user of the gateway"
                    }
                    Some(ErrorCode::DatabaseBusy) => "see who holds its lock",
                    _ => "look at the log of the disk; if it is sound, restore a backup",
                },
                Fault::Record(_) | Fault::Words(_) | Fault::Replaced => restore,
            };
            (Soundness::Bad, says, advice.to_owned())
        };
        let mut connection = open(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
        let (found, known) = (Kind::found(&connection).map_err(failed)?, kind.known());
        let wrong = backup::wrong(&connection, self.deep).map_err(failed)?;
        if !wrong.is_empty() {
            let says = format!("damaged: {}", wrong.join("; "));
            return Err((Soundness::Bad, says, restore.to_owned()));
        }
        if found > known {
            let says = format!("schema {found}, this program knows up to {known}");
            let advice =
                "a newer version has written it: use that one, or restore a backup from before";
            return Err((Soundness::Bad, says, advice.to_owned()));
        }
        if found < known {
            let says = format!("schema {found}, this program needs {known}");
            let advice = "start a gateway of this version: it brings it up to date";
            return Err((Soundness::Warning, says, advice.to_owned()));
        }
        if kind.file == STATE.file {
            self.state(&mut connection).map_err(failed)?;
        }
        if kind.file == PULSE.file {
            self.found.heartbeats = pulse::heartbeats(&connection, self.now).map_err(failed)?;
        }
        let bytes = fs::metadata(path).map_or(0, |metadata| metadata.len());
        Ok(format!(
            "schema {found}, {} kB, sound",
            bytes.div_ceil(1000)
        ))
    }

    /// The audit's chain, and what is in force.
    fn state(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        self.found.revision = Some(state::revision(connection)?);
        let kept = anchors::read(&self.directory);
        let proof = chain::prove(connection, &kept, Vec::new())?;
        match proof.findings.first() {
            None => self.good("audit", format!("{} records, all as they were written", proof.records)),
            Some(first) => self.found(
                "audit",
                Soundness::Bad,
                format!("{} findings, the first: {first}", proof.found),
                "`backstop audit --verify` lists them: somebody has changed the store past this program, or a copy \
                 was put in its place",
            ),
        }
        let newest: Option<i64> =
            connection.query_row("SELECT max(at) FROM audit", [], |row| row.get(0))?;
        if let Some(newest) = newest.and_then(|at| Timestamp::from_microsecond(at).ok()) {
            self.clock("the newest audit record", newest);
        }
        Ok(())
    }

    /// Whether the right to write can be had.
    fn lock(&mut self, kind: &'static Kind, path: &Path) {
        let Ok(mut connection) = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE) else {
            return;
        };
        let stuck =
            |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
        let tried = connection.busy_timeout(PATIENCE).and_then(|()| {
            connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map(drop)
        });
        if tried.as_ref().is_err_and(stuck) {
            let index = self.directory.join(format!("{}-shm", kind.file));
            let mut by = hold::holders(&index, Some(WRITE_LOCK));
            if by.is_empty() {
                by.push("a process that cannot be named".to_owned());
            }
            self.found(
                "store-lock",
                Soundness::Bad,
                format!("{} has been locked for two seconds by {}", kind.file, by.join(", ")),
                "nobody can write meanwhile; if that process is stuck, end it: what it had begun is undone",
            );
        }
    }
}

/// Opens as it is, without bringing anything up to date.
fn open(path: &Path, access: OpenFlags) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(
        path,
        access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE,
    )?;
    connection.busy_timeout(PATIENCE)?;
    // Looking must not change who else may look.
    connection.set_db_config(
        rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
        true,
    )?;
    Ok(connection)
}
