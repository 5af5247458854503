//! The state directory and its files: made for this user alone, refused when others may write.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
    thread,
    time::Duration,
};

use crate::store::StoreError;

/// How often one looks whether nobody makes or upgrades files any more.
const LOOK: Duration = Duration::from_millis(5);
/// After so many looks, some seconds, it is a fault.
const LOOKS: u32 = 1_000;

fn failed(path: &Path, cause: &(impl ToString + ?Sized)) -> StoreError {
    StoreError::Open {
        place: path.display().to_string(),
        cause: cause.to_string(),
    }
}

/// Refuses what users other than the owner may write: they could change overrides around the audit.
fn check_mode(path: &Path) -> Result<(), StoreError> {
    let mode = fs::metadata(path)
        .map_err(|error| failed(path, &error))?
        .mode();
    if mode & 0o022 != 0 {
        return Err(failed(
            path,
            "others may write to it; run `chmod go-w` on it",
        ));
    }
    Ok(())
}

/// Makes sure that the directory is there and ours.
pub(super) fn directory(path: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| failed(path, &error))?;
    check_mode(path)
}

/// Makes sure that a file is there and ours. Its content is not touched.
pub(super) fn file(path: &Path) -> Result<(), StoreError> {
    // A file that exists is not opened here: closing it would release the locks that SQLite holds on it for
    // the other handles of this process.
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match created {
        Ok(_) => {
            let parent = path.parent().unwrap_or(Path::new("."));
            File::open(parent)
                .and_then(|parent| parent.sync_all())
                .map_err(|error| failed(path, &error))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_mode(path),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Keeps other processes from creating or upgrading files until it is dropped. Does not wait for ever: the other
/// process may be stuck.
pub(super) fn lock(directory: &Path) -> Result<File, StoreError> {
    let handle = File::open(directory).map_err(|error| failed(directory, &error))?;
    for _ in 0..LOOKS {
        match handle.try_lock() {
            Ok(()) => return Ok(handle),
            Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            Err(TryLockError::Error(error)) => return Err(failed(directory, &error)),
        }
    }
    Err(failed(
        directory,
        "another process has been making or upgrading it for seconds; see who with `backstop doctor`",
    ))
}

/// Which file is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

/// The file at a path, if any.
pub(super) fn identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some(Identity(metadata.dev(), metadata.ino()))
}
