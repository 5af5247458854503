//! Messages that the cluster did not take, on this host's disk, in order, until it takes them.
//!
//! Used by the writer alone. One file belongs to one writer; that of a process that died is taken over by the next
//! one on this host that looks. It decides nothing about sending.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, DirBuilder, File, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::pack::{Letter, Summary};
use crate::store::{StoreError, nats::layout::token};

/// How much text is kept at most; beyond it the oldest stays and the newest is refused.
const LIMIT: u64 = 1024 * 1024 * 1024;
/// How many messages one look takes.
const LOOK: u32 = 2_000;

const SCHEMA: &str = "
    CREATE TABLE about (writer TEXT NOT NULL, known INTEGER NOT NULL);
    CREATE TABLE waiting (
        number INTEGER PRIMARY KEY, lane TEXT NOT NULL, sent INTEGER, entries INTEGER NOT NULL,
        oldest INTEGER NOT NULL, numbers TEXT NOT NULL, tally TEXT NOT NULL, text BLOB NOT NULL
    );";

/// What a spool holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Entries.
    pub(super) entries: u64,
    /// When the oldest of them was made, in microseconds since 1970.
    pub(super) oldest: Option<i64>,
    /// Bytes of text.
    pub(super) bytes: u64,
}

/// A writer's file.
#[derive(Debug)]
pub(super) struct Spool {
    /// Whose messages these are.
    pub(super) writer: String,
    path: PathBuf,
    /// Held for as long as this process has it; `None`: there is no file yet.
    open: Option<(Connection, File)>,
    held: Held,
    limit: u64,
}

fn failed(path: &Path, cause: &impl ToString) -> StoreError {
    StoreError::Failed {
        place: path.display().to_string(),
        cause: cause.to_string(),
    }
}

/// What the names of files begin with, for the stream of a fleet.
fn prefix(stream: &str) -> String {
    format!("{}-", token(stream))
}

impl Spool {
    /// For a new writer of a stream. No file is made before it is needed.
    pub(super) fn new(directory: &Path, stream: &str, writer: &str) -> Self {
        Self {
            writer: writer.to_owned(),
            path: directory.join(format!("{}{writer}.spool", prefix(stream))),
            open: None,
            held: Held::default(),
            limit: LIMIT,
        }
    }

    /// Takes over what processes that wrote to this stream and died have left on this host.
    pub(super) fn adopt(directory: &Path, stream: &str) -> Vec<Self> {
        let Ok(files) = fs::read_dir(directory) else {
            return Vec::new();
        };
        let begins = prefix(stream);
        let mut found: Vec<PathBuf> = files
            .flatten()
            .map(|file| file.path())
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(&begins) && name.ends_with(".spool")
            })
            .collect();
        found.sort();
        let adopted = found
            .into_iter()
            .filter_map(|path| match Self::take(&path) {
                Ok(spool) => spool,
                Err(error) => {
                    tracing::error!(%error, "events that a former process has kept cannot be read");
                    None
                }
            });
        adopted.collect()
    }

    /// `None`: another process has it.
    fn take(path: &Path) -> Result<Option<Self>, StoreError> {
        let lock = lock_file(path)?;
        if lock.try_lock().is_err() || !path.exists() {
            return Ok(None);
        }
        let connection = connect(path).map_err(|error| failed(path, &error))?;
        let about = connection
            .query_row("SELECT writer FROM about", [], |row| row.get(0))
            .optional();
        let writer: Option<String> = about.map_err(|error| failed(path, &error))?;
        let mut spool = Self {
            writer: writer.unwrap_or_default(),
            path: path.to_owned(),
            open: Some((connection, lock)),
            held: Held::default(),
            limit: LIMIT,
        };
        spool.count()?;
        Ok(Some(spool))
    }

    /// The same with less room.
    #[cfg(test)]
    pub(super) fn bounded(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// What it holds.
    pub(super) fn held(&self) -> Held {
        self.held
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.entries == 0
    }

    /// Keeps messages, durable when it returns, and notes up to which sequence of the stream it is known what became
    /// of this writer's messages. `Ok(false)`: there is no room.
    pub(super) fn keep(&mut self, letters: &[&Letter], known: u64) -> Result<bool, StoreError> {
        let bytes: usize = letters.iter().map(|letter| letter.text.len()).sum();
        if self.held.bytes.saturating_add(bytes as u64) > self.limit {
            return Ok(false);
        }
        self.work(|connection| {
            let transaction = connection.transaction()?;
            {
                let mut insert = transaction.prepare_cached(INSERT)?;
                for letter in letters {
                    put(&mut insert, letter)?;
                }
            }
            note(&transaction, known)?;
            transaction.commit()
        })?;
        for letter in letters {
            self.held.entries += letter.summary.entries as u64;
            let oldest = self.held.oldest.unwrap_or(i64::MAX);
            self.held.oldest = Some(oldest.min(letter.summary.oldest));
        }
        self.held.bytes += bytes as u64;
        Ok(true)
    }

    /// The next messages to be sent, at most one of each lane: what was never sent goes together, and all of it
    /// counts as sent from now on.
    pub(super) fn next(&mut self, now: i64) -> Result<Vec<Letter>, StoreError> {
        self.work(|connection| {
            let transaction = connection.transaction()?;
            let (chosen, merged) = choose(read(&transaction)?);
            {
                let mut remove =
                    transaction.prepare_cached("DELETE FROM waiting WHERE number = ?1")?;
                for number in merged {
                    remove.execute([integer(number)])?;
                }
                let mut insert = transaction.prepare_cached(INSERT)?;
                for letter in chosen.iter().filter(|letter| letter.sent.is_none()) {
                    let sent = Letter {
                        sent: Some(now),
                        ..letter.clone()
                    };
                    remove.execute([integer(letter.number)])?;
                    put(&mut insert, &sent)?;
                }
            }
            transaction.commit()?;
            Ok(chosen)
        })
    }

    /// Forgets messages that are in the cluster, at `known` or before it. As long as another one is in doubt, it must
    /// be found behind what is noted.
    pub(super) fn forget(&mut self, numbers: &[u64], known: u64) -> Result<(), StoreError> {
        self.work(|connection| {
            let transaction = connection.transaction()?;
            {
                let mut remove =
                    transaction.prepare_cached("DELETE FROM waiting WHERE number = ?1")?;
                for number in numbers {
                    remove.execute([integer(*number)])?;
                }
            }
            let doubt: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM waiting WHERE sent IS NOT NULL)",
                [],
                |row| row.get(0),
            )?;
            if !doubt {
                note(&transaction, known)?;
            }
            transaction.commit()
        })?;
        self.count()
    }

    /// Behind which sequence of the stream this writer's messages stand of which it is not known whether they are
    /// in the cluster.
    pub(super) fn known(&mut self) -> Result<u64, StoreError> {
        self.work(|connection| {
            connection.query_row("SELECT known FROM about", [], |row| row.get(0))
        })
        .map(|known: i64| known.unsigned_abs())
    }

    /// Removes the file of an empty one. It is made again when it is needed.
    pub(super) fn remove(&mut self) {
        if let Some((connection, lock)) = self.open.take() {
            drop(connection);
            for ending in ["", "-wal", "-shm", "-journal"] {
                let _ = fs::remove_file(beside(&self.path, ending));
            }
            let _ = fs::remove_file(beside(&self.path, ".lock"));
            drop(lock);
        }
        self.held = Held::default();
    }

    fn count(&mut self) -> Result<(), StoreError> {
        self.held = self.work(|connection| {
            connection.query_row(
                "SELECT coalesce(sum(entries), 0), min(oldest), coalesce(sum(length(text)), 0)
                 FROM waiting",
                [],
                |row| {
                    Ok(Held {
                        entries: row.get::<_, i64>(0)?.unsigned_abs(),
                        oldest: row.get(1)?,
                        bytes: row.get::<_, i64>(2)?.unsigned_abs(),
                    })
                },
            )
        })?;
        Ok(())
    }

    fn work<T>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let path = self.path.clone();
        let done = self
            .connection()
            .and_then(|connection| work(connection).map_err(|error| failed(&path, &error)));
        if done.is_err() && self.is_empty() {
            // Whatever is wrong with it, it holds nothing: the next try makes another one.
            self.open = None;
        }
        done
    }

    fn connection(&mut self) -> Result<&mut Connection, StoreError> {
        if self.open.is_none() {
            self.open = Some(make(&self.path, &self.writer)?);
        }
        let (connection, _) = self
            .open
            .as_mut()
            .ok_or_else(|| failed(&self.path, &"it is closed"))?;
        Ok(connection)
    }
}

const INSERT: &str = "INSERT INTO waiting VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

fn note(connection: &Connection, known: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE about SET known = max(known, ?1)")?
        .execute([integer(known)])?;
    Ok(())
}

fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn lock_file(path: &Path) -> Result<File, StoreError> {
    let path = beside(path, ".lock");
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path);
    opened.map_err(|error| failed(&path, &error))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
    )?;
    Ok(connection)
}

fn make(path: &Path, writer: &str) -> Result<(Connection, File), StoreError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut builder = DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(directory);
    made.map_err(|error| failed(directory, &error))?;
    let lock = lock_file(path)?;
    lock.try_lock().map_err(|error| failed(path, &error))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path);
    drop(file.map_err(|error| failed(path, &error))?);
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| failed(directory, &error))?;
    let made = connect(path).and_then(|mut connection| {
        let transaction = connection.transaction()?;
        let there: bool = transaction.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'about')",
            [],
            |row| row.get(0),
        )?;
        if !there {
            transaction.execute_batch(SCHEMA)?;
            transaction.execute("INSERT INTO about VALUES (?1, 0)", [writer])?;
        }
        transaction.commit()?;
        Ok(connection)
    });
    let connection = made.map_err(|error| failed(path, &error))?;
    Ok((connection, lock))
}

fn put(insert: &mut rusqlite::CachedStatement<'_>, letter: &Letter) -> rusqlite::Result<()> {
    let (numbers, tally) = letter.summary.texts();
    insert.execute(params![
        integer(letter.number),
        letter.lane,
        letter.sent,
        integer(letter.summary.entries as u64),
        letter.summary.oldest,
        numbers,
        tally,
        letter.text,
    ])?;
    Ok(())
}

fn read(connection: &Connection) -> rusqlite::Result<Vec<Letter>> {
    connection
        .prepare_cached(
            "SELECT number, lane, sent, numbers, tally, text FROM waiting ORDER BY number LIMIT ?1",
        )?
        .query_map([LOOK], |row| {
            let numbers: String = row.get(3)?;
            let tally: String = row.get(4)?;
            Ok(Letter {
                number: row.get::<_, i64>(0)?.unsigned_abs(),
                lane: row.get(1)?,
                sent: row.get(2)?,
                summary: Summary::read(&numbers, &tally).unwrap_or_default(),
                text: row.get(5)?,
            })
        })?
        .collect()
}

/// The first of each lane with what may go together with it; and the numbers of what went into another.
fn choose(waiting: Vec<Letter>) -> (Vec<Letter>, Vec<u64>) {
    let mut chosen: Vec<Letter> = Vec::new();
    let mut of: HashMap<String, usize> = HashMap::new();
    let (mut full, mut merged) = (HashSet::new(), Vec::new());
    for letter in waiting {
        let Some(index) = of.get(&letter.lane) else {
            of.insert(letter.lane.clone(), chosen.len());
            chosen.push(letter);
            continue;
        };
        let Some(into) = chosen.get_mut(*index) else {
            continue;
        };
        let together = !full.contains(&letter.lane)
            && into.sent.is_none()
            && letter.sent.is_none()
            && into.fits(letter.summary.entries, letter.text.len());
        if together {
            merged.push(letter.number);
            into.merge(letter);
        } else {
            full.insert(letter.lane);
        }
    }
    (chosen, merged)
}
