//! Puts a backup back. Nothing is lost: what was there is moved aside, inside the state directory.
//!
//! A restore that is killed half-way leaves a mark; nobody opens the store then until the restore was run again.

use std::{
    collections::BTreeSet,
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    anchors,
    backup::{self, FILES, MANIFEST},
    database::{Database, Opening},
    fault::Fault,
    files, hold, pulse,
    schema::{CAPTURES, EVENTS, Kind, PULSE, STATE},
};
use crate::{
    model::Heartbeat,
    store::{Backup, CopyError, Restored, StoreError, earlier, host_name},
};

/// There while files are exchanged.
const MARK: &str = "restore.unfinished";
/// What is to be put back is copied here first.
const FRESH: &str = "restoring-";
/// What is kept aside is in directories that begin so.
pub(super) const ASIDE: &str = "before-restore-";
/// A gateway of a version that holds no lock still beats.
const ALIVE: Duration = Duration::from_secs(5);

/// Refuses a store whose files were being exchanged when that was interrupted.
pub(super) fn refuse_unfinished(directory: &Path) -> Result<(), StoreError> {
    if directory.join(MARK).exists() {
        return Err(StoreError::Open {
            place: directory.display().to_string(),
            cause: "putting back a backup was interrupted; run `backstop restore` again".to_owned(),
        });
    }
    Ok(())
}

/// Puts a backup in the place of a store, or of none. Blocks.
pub(in crate::store) fn put_back(
    from: &Path,
    directory: &Path,
    discard_newer: bool,
    now: Timestamp,
) -> Result<Restored, CopyError> {
    let directory = &std::path::absolute(directory).map_err(CopyError::io(directory))?;
    let backup = whole(from)?;
    files::directory(directory)?;
    let alone = hold::take(directory)?.map_err(|by| CopyError::InUse {
        place: directory.clone(),
        by,
    })?;
    nobody_beats(directory, now)?;
    let unfinished = directory.join(MARK).exists();
    if !discard_newer && !unfinished {
        not_newer(directory, &backup)?;
    }

    let stamp = now.strftime("%Y%m%dT%H%M%S%.3fZ");
    let fresh = directory.join(format!("{FRESH}{stamp}"));
    backup::make_directory(&fresh)?;
    let copied = copy_all(from, &fresh, &backup);
    if copied.is_err() {
        // Nothing was exchanged yet.
        let _ = fs::remove_dir_all(&fresh);
    }
    copied?;
    backup::write(&directory.join(MARK), b"a backup is being put back\n")?;
    backup::sync(directory)?;
    let aside = move_aside(
        directory,
        &directory.join(format!("{ASIDE}{stamp}")),
        &fresh,
    )?;
    for name in FILES {
        rename(&fresh.join(name), &directory.join(name))?;
    }
    fs::remove_dir(&fresh).map_err(CopyError::io(&fresh))?;
    backup::sync(directory)?;
    let mark = directory.join(MARK);
    fs::remove_file(&mark).map_err(CopyError::io(&mark))?;
    backup::sync(directory)?;
    drop(alone);
    Ok(Restored {
        backup,
        to: directory.clone(),
        aside,
    })
}

/// Reads what a backup says about itself, and makes sure that it is so.
fn whole(from: &Path) -> Result<Backup, CopyError> {
    let broken = |cause: String| CopyError::NoBackup {
        place: from.to_owned(),
        cause,
    };
    let text = fs::read(from.join(MANIFEST)).map_err(|error| match error.kind() {
        ErrorKind::NotFound => broken(format!("there is no {MANIFEST} in it")),
        _ => broken(error.to_string()),
    })?;
    let backup: Backup =
        serde_json::from_slice(&text).map_err(|error| broken(format!("{MANIFEST}: {error}")))?;
    let names: BTreeSet<&str> = backup.files.iter().map(|file| file.name.as_str()).collect();
    if names != BTreeSet::from(FILES) {
        return Err(broken(format!("it should hold {}", FILES.join(", "))));
    }
    for file in &backup.files {
        let found = backup::describe(&from.join(&file.name), &file.name)?;
        if found != *file {
            return Err(broken(format!(
                "{} is not what was written into it",
                file.name
            )));
        }
    }
    for kind in [&STATE, &EVENTS, &PULSE] {
        let failed = |fault: Fault| broken(format!("{}: {fault}", kind.file));
        let copy = backup::look_at(&from.join(kind.file)).map_err(failed)?;
        let found = Kind::found(&copy).map_err(failed)?;
        if found > kind.known() {
            return Err(StoreError::NewerSchema {
                place: from.join(kind.file).display().to_string(),
                found,
                known: kind.known(),
            }
            .into());
        }
        let wrong = backup::wrong(&copy, true).map_err(failed)?;
        if let Some(wrong) = wrong.first() {
            return Err(broken(format!("{}: {wrong}", kind.file)));
        }
    }
    Ok(backup)
}

/// Heartbeats of the last seconds: somebody is there, although no lock says so.
fn nobody_beats(directory: &Path, now: Timestamp) -> Result<(), CopyError> {
    let mut file = Database::new(&PULSE, directory, Opening::Read);
    // A store that cannot be read has nobody who beats in it.
    let beats = file
        .run(|connection| pulse::heartbeats(connection, now))
        .unwrap_or_default();
    let by: Vec<String> = beats
        .iter()
        .filter(|beat| beat.at > earlier(now, ALIVE) && beat.at <= now && !has_ended(beat))
        .map(|beat| format!("{} (gateway {} on {})", beat.pid, beat.gateway, beat.host))
        .collect();
    if by.is_empty() {
        return Ok(());
    }
    Err(CopyError::InUse {
        place: directory.to_owned(),
        by,
    })
}

/// Whether a gateway of this host has ended without a farewell.
fn has_ended(beat: &Heartbeat) -> bool {
    let processes = Path::new("/proc");
    beat.host == host_name()
        && processes.join("self").exists()
        && !processes.join(beat.pid.to_string()).exists()
}

fn not_newer(directory: &Path, backup: &Backup) -> Result<(), CopyError> {
    if !directory.join(STATE.file).exists() && !directory.join(EVENTS.file).exists() {
        return Ok(());
    }
    let newer = |what: String| CopyError::Newer {
        place: directory.to_owned(),
        what,
    };
    let known = backup::known(directory)
        .map_err(|error| newer(format!("whether it is cannot be seen ({error})")))?;
    let mut more = Vec::new();
    if known.revision > backup.revision {
        more.push(format!(
            "its overrides are at revision {}, those of the backup at {}",
            known.revision, backup.revision
        ));
    }
    if known.events > backup.events {
        more.push(format!(
            "its event log goes to {}, that of the backup to {}",
            known.events.0, backup.events.0
        ));
    }
    if more.is_empty() {
        return Ok(());
    }
    Err(newer(more.join("; ")))
}

fn copy_all(from: &Path, to: &Path, backup: &Backup) -> Result<(), CopyError> {
    let owner = to.parent().and_then(|parent| fs::metadata(parent).ok());
    for file in &backup.files {
        let (source, target) = (from.join(&file.name), to.join(&file.name));
        files::file(&target)?;
        // The content only: whoever may read the backup decides nothing here.
        let mut reader = fs::File::open(&source).map_err(CopyError::io(&source))?;
        let mut writer = fs::File::options()
            .write(true)
            .open(&target)
            .map_err(CopyError::io(&target))?;
        std::io::copy(&mut reader, &mut writer)
            .and_then(|_| writer.sync_all())
            .map_err(CopyError::io(&target))?;
        // Done as the superuser for a service that is not.
        if let Some(owner) = &owner
            && rustix::process::geteuid().is_root()
        {
            std::os::unix::fs::chown(&target, Some(owner.uid()), Some(owner.gid()))
                .map_err(CopyError::io(&target))?;
        }
    }
    backup::sync(to)
}

/// Moves everything that belongs to a store; answers where to, when there was something.
fn move_aside(directory: &Path, aside: &Path, fresh: &Path) -> Result<Option<PathBuf>, CopyError> {
    let mut made = false;
    for entry in fs::read_dir(directory).map_err(CopyError::io(directory))? {
        let path = entry.map_err(CopyError::io(directory))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path == fresh || !belongs(name) {
            continue;
        }
        if !made {
            backup::make_directory(aside)?;
            made = true;
        }
        rename(&path, &aside.join(name))?;
    }
    Ok(made.then(|| aside.to_owned()))
}

/// Whether a file is a store's, or what an interrupted restore has left. Nothing else is touched.
fn belongs(name: &str) -> bool {
    let bare = ["-wal", "-shm", "-journal"]
        .iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name);
    let databases = [&STATE, &EVENTS, &PULSE, &CAPTURES].map(|kind| kind.file);
    databases.contains(&bare) || name == anchors::FILE || name.starts_with(FRESH)
}

fn rename(from: &Path, to: &Path) -> Result<(), CopyError> {
    fs::rename(from, to).map_err(CopyError::io(from))
}
