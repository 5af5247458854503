//! A copy of every database while processes go on writing to them: each file as it was at one moment, the events
//! before the overrides, so that no event speaks of a change that is not there.

use std::{
    fmt::Write as _,
    fs::{self, File, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::{
    anchors, chain,
    database::{Database, Opening},
    fault::Fault,
    files, log,
    schema::{EVENTS, Kind, PULSE, STATE},
    state,
};
use crate::{
    model::{Revision, Seq},
    store::{Backup, BackupFile, CopyError, StoreError, host_name},
};

/// What a backup says about itself.
pub(super) const MANIFEST: &str = "backup.json";

/// What it holds, in the order of copying. What was captured of requests is not in it: it is gone within a day.
pub(super) const FILES: [&str; 4] = [anchors::FILE, EVENTS.file, STATE.file, PULSE.file];

/// Copies a store into a directory that is not there yet. It appears when it is whole. Blocks.
pub(in crate::store) fn make(
    directory: &Path,
    to: &Path,
    now: Timestamp,
) -> Result<Backup, CopyError> {
    let to = &std::path::absolute(to).map_err(CopyError::io(to))?;
    if to.symlink_metadata().is_ok() {
        return Err(CopyError::Taken(to.clone()));
    }
    let (Some(parent), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(CopyError::Taken(to.clone()));
    };
    // For its owner alone, and gone again when something fails.
    let partial = tempfile::Builder::new()
        .prefix(&format!(".{}.", name.to_string_lossy()))
        .suffix(".partial")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(CopyError::io(parent))?;
    let place = partial.path();

    // Before the audit is: an anchor is never ahead of it.
    let ring = fs::read(directory.join(anchors::FILE)).unwrap_or_default();
    write(&place.join(anchors::FILE), &ring)?;
    let seq = |connection: &Connection| log::newest(connection);
    let events = copy(&EVENTS, directory, place, seq)?;
    let (revision, audit) = copy(&STATE, directory, place, |connection| {
        Ok((state::revision(connection)?, chain::head(connection)?))
    })?;
    copy(&PULSE, directory, place, |_| Ok(()))?;

    let files = FILES
        .iter()
        .map(|name| describe(&place.join(name), name))
        .collect::<Result<_, _>>()?;
    let backup = Backup {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made: now,
        host: host_name(),
        of: directory.to_owned(),
        revision,
        audit: (audit.sequence > 0).then(|| audit.to_string()),
        events,
        files,
    };
    let text = serde_json::to_vec_pretty(&backup).map_err(|error| CopyError::Io {
        place: place.join(MANIFEST),
        cause: error.to_string(),
    })?;
    write(&place.join(MANIFEST), &text)?;
    sync(place)?;
    fs::rename(place, to).map_err(CopyError::io(to))?;
    // It is where it belongs.
    let _ = partial.keep();
    sync(parent)?;
    Ok(backup)
}

/// Copies one database as it is at one moment, and asks the copy something.
fn copy<T>(
    kind: &'static Kind,
    from: &Path,
    to: &Path,
    ask: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, CopyError> {
    let target = to.join(kind.file);
    // Made beforehand, as SQLite would let others read it.
    files::file(&target)?;
    let name = target.to_string_lossy().into_owned();
    Database::new(kind, from, Opening::Read).run(|connection| {
        connection.execute("VACUUM INTO ?1", [&name])?;
        Ok(())
    })?;
    let failed = |fault: Fault| CopyError::from(fault.at(&target));
    let answer = look_at(&target)
        .and_then(|copy| ask(&copy))
        .map_err(failed)?;
    sync(&target)?;
    Ok(answer)
}

/// Opens a copy that nobody writes to, without leaving anything beside it.
pub(super) fn look_at(path: &Path) -> Result<Connection, Fault> {
    let path = utf8_percent_encode(&path.to_string_lossy(), NON_ALPHANUMERIC).to_string();
    Ok(Connection::open_with_flags(
        format!("file:{path}?immutable=1"),
        OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?)
}

/// What SQLite finds wrong with a database, at most a few things; `deep` also compares every index with its table.
pub(super) fn wrong(connection: &Connection, deep: bool) -> Result<Vec<String>, Fault> {
    let check = if deep {
        "integrity_check(5)"
    } else {
        "quick_check(5)"
    };
    let mut statement = connection.prepare(&format!("PRAGMA {check}"))?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            found.push(line);
        }
    }
    Ok(found)
}

/// Makes a file for its owner alone, with everything on the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CopyError> {
    files::file(path)?;
    let mut file = File::options()
        .write(true)
        .open(path)
        .map_err(CopyError::io(path))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(CopyError::io(path))
}

/// Waits until a file, or what a directory says, is on the disk.
pub(super) fn sync(path: &Path) -> Result<(), CopyError> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(CopyError::io(path))
}

/// Makes a directory for its owner alone.
pub(super) fn make_directory(path: &Path) -> Result<(), CopyError> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(CopyError::io(path))
}

/// A file's size and digest.
pub(super) fn describe(path: &Path, name: &str) -> Result<BackupFile, CopyError> {
    let mut file = File::open(path).map_err(CopyError::io(path))?;
    let (mut context, mut bytes) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::io(path)(error)),
        };
        bytes += count as u64;
        context.update(buffer.get(..count).unwrap_or_default());
    }
    let mut sha256 = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    Ok(BackupFile {
        name: name.to_owned(),
        bytes,
        sha256,
    })
}

/// What a store knows, for comparing it with another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) revision: Revision,
    pub(super) events: Seq,
}

/// What a store knows now.
pub(super) fn known(directory: &Path) -> Result<Known, StoreError> {
    let mut state = Database::new(&STATE, directory, Opening::Read);
    let mut events = Database::new(&EVENTS, directory, Opening::Read);
    Ok(Known {
        revision: state.run(|connection| state::revision(connection))?,
        events: events.run(|connection| log::newest(connection))?,
    })
}
