//! One connection to one database file, for one thread: opened when first needed, opened again after a
//! fault, and never trusted when the file under it was replaced.

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    fault::Fault,
    files::{self, Identity},
    restore,
    schema::Kind,
    vitals::Vitals,
};
use crate::{clock::Clock, store::StoreError};

/// How long another process's transaction is waited for at most, on whatever machine. Many operators at once on a busy
/// one are each other's.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// For writing; made when it is not there, but only once: a file that vanishes later is a fault, and an
    /// empty one in its place would hide it.
    Create,
    /// For writing if the operating system allows it; never made.
    Existing,
    /// For reading.
    Read,
}

/// A database file as one thread uses it.
#[derive(Debug)]
pub(super) struct Database {
    kind: &'static Kind,
    directory: PathBuf,
    path: PathBuf,
    opening: Opening,
    /// Whether it was opened to be written, and not only if the operating system allows it.
    writes: bool,
    /// The last work failed.
    cannot_write: bool,
    /// Under which name its faults are noted; `None`: the caller is told, and that is enough.
    part: Option<(&'static str, Arc<Vitals>)>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    identity: Option<Identity>,
}

impl Database {
    /// Nothing is opened yet.
    pub(super) fn new(kind: &'static Kind, directory: &Path, opening: Opening) -> Self {
        Self {
            kind,
            path: directory.join(kind.file),
            directory: directory.to_owned(),
            writes: opening == Opening::Create,
            opening,
            cannot_write: false,
            part: None,
            open: None,
        }
    }

    /// Its faults count for the store's health.
    pub(super) fn noted(mut self, part: &'static str, vitals: &Arc<Vitals>) -> Self {
        self.part = Some((part, Arc::clone(vitals)));
        self
    }

    /// Works with the connection.
    pub(super) fn run<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let result = self.attempt(work);
        self.note(&result);
        self.cannot_write = result.is_err();
        result
    }

    /// The same for reading only: that it works does not mean that one can write again.
    pub(super) fn look<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let result = self.attempt(work);
        if result.is_err() || !self.cannot_write {
            self.note(&result);
        }
        result
    }

    fn note<T>(&self, result: &Result<T, StoreError>) {
        if let Some((part, vitals)) = &self.part {
            // That somebody may not write is no fault of the store.
            let error = result.as_ref().err();
            vitals.note(
                part,
                error.filter(|error| !matches!(error, StoreError::ReadOnly)),
            );
        }
    }

    fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.open
            .take_if(|open| open.identity != files::identity(&self.path));
        let open = if let Some(open) = &mut self.open {
            open
        } else {
            let open = self.connect()?;
            if self.opening == Opening::Create {
                self.opening = Opening::Existing;
            }
            self.open.insert(open)
        };
        let mut result = work(&mut open.connection);
        // What was written to a file that nobody can find again was not kept.
        if result.is_ok()
            && self.opening != Opening::Read
            && open.identity != files::identity(&self.path)
        {
            result = Err(Fault::Replaced);
        }
        result.map_err(|fault| {
            if fault.breaks() {
                self.open = None;
            }
            self.explain(fault)
        })
    }

    /// Says what a fault means for the outside.
    pub(super) fn explain(&self, fault: Fault) -> StoreError {
        if fault.is_read_only() && !self.writes {
            return StoreError::ReadOnly;
        }
        fault.at(&self.path)
    }

    fn connect(&self) -> Result<Open, StoreError> {
        restore::refuse_unfinished(&self.directory)?;
        let access = match self.opening {
            Opening::Create | Opening::Existing => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Opening::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let guard = if self.opening == Opening::Create {
            files::directory(&self.directory)?;
            let guard = files::lock(&self.directory)?;
            files::file(&self.path)?;
            Some(guard)
        } else {
            None
        };
        let opened = Connection::open_with_flags(
            &self.path,
            access | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE,
        );
        let mut connection = opened.map_err(|error| self.cannot_open(&error.into()))?;
        self.set_up(&mut connection)?;
        drop(guard);
        Ok(Open {
            identity: files::identity(&self.path),
            connection,
        })
    }

    fn set_up(&self, connection: &mut Connection) -> Result<(), StoreError> {
        self.tune(connection)
            .map_err(|fault| self.cannot_open(&fault))?;
        let found = Kind::found(connection).map_err(|fault| self.cannot_open(&fault))?;
        let (place, known) = (self.path.display().to_string(), self.kind.known());
        if found > known {
            return Err(StoreError::NewerSchema {
                place,
                found,
                known,
            });
        }
        if self.opening == Opening::Create {
            return self
                .kind
                .climb(connection)
                .map_err(|fault| self.cannot_open(&fault));
        }
        if found < known {
            return Err(StoreError::OlderSchema {
                place,
                found,
                known,
            });
        }
        Ok(())
    }

    fn tune(&self, connection: &mut Connection) -> Result<(), Fault> {
        connection.busy_handler(Some(wait))?;
        // The log files stay when the last process goes: an observer who may not create files can then
        // still open the database.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        if self.opening != Opening::Read {
            write_ahead(connection)?;
        }
        connection.pragma_update(None, "synchronous", self.kind.synchronous)?;
        connection.pragma_update(None, "wal_autocheckpoint", self.kind.checkpoint_pages)?;
        // Above what the upkeep lets it grow to: writing over a log is much faster than making it longer.
        connection.pragma_update(None, "journal_size_limit", 64 * 1024 * 1024)?;
        connection.pragma_update(None, "cache_size", -1024)?;
        Ok(())
    }

    fn cannot_open(&self, fault: &Fault) -> StoreError {
        // `exists` would also say no where we may not look.
        let missing = matches!(self.path.try_exists(), Ok(false));
        StoreError::Open {
            place: self.path.display().to_string(),
            cause: if missing {
                "it is not there; start the gateway first".to_owned()
            } else {
                fault.to_string()
            },
        }
    }
}

/// Makes sure that readers and the writer do not wait for each other.
fn write_ahead(connection: &Connection) -> Result<(), Fault> {
    let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    let found = connection.pragma_query_value(None, "journal_mode", mode)?;
    if found.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    let set = connection.pragma_update_and_check(None, "journal_mode", "WAL", mode)?;
    if set.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    Err(Fault::Words(
        "its file system does not support several processes at once (WAL); use a local disk"
            .to_owned(),
    ))
}

/// Waits for another process's transaction: those are short, so the first looks are close together.
/// Gives up after about five seconds.
pub(super) fn wait(tries: i32) -> bool {
    thread_local! {
        /// When this thread, which waits for one transaction at a time, began to.
        static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
    }
    let now = Clock::instant();
    if tries == 0 {
        BEGAN.set(Some(now));
    }
    let waited = now.saturating_duration_since(BEGAN.get().unwrap_or(now));
    let rest = rest(tries, waited);
    rest.map(thread::sleep).is_some()
}

/// How long until the next look; `None`: it is given up. On a machine that has much else to do each look takes its
/// time, and so many of them a minute, in which nobody would be told that the store fails.
fn rest(tries: i32, waited: Duration) -> Option<Duration> {
    let micros = if tries < 20 { 100 } else { 500 };
    (tries < 10_000 && waited < PATIENCE).then_some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_does_not_end_is_not_waited_for_however_slow_the_looks_are() {
        let waited = |look: Duration| {
            let mut waited = Duration::ZERO;
            for tries in 0.. {
                let Some(rest) = rest(tries, waited) else {
                    break;
                };
                waited += rest.max(look);
            }
            waited.as_secs()
        };
        for (case, look, seconds) in [
            ("an idle machine", Duration::ZERO, 4..=5),
            ("a busy one", Duration::from_millis(1), 9..=10),
            ("one that hardly moves", Duration::from_millis(20), 30..=30),
        ] {
            let waited = waited(look);
            assert!(seconds.contains(&waited), "{case}: {waited} s");
        }
    }
}
