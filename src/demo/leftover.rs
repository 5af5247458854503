//! What demos left behind that were killed: each directory holds a lock while its demo lives, and a directory
//! whose lock is free is removed by the next demo.

use std::{
    fs::{self, DirEntry, File, TryLockError},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::Duration,
};

use crate::clock::Clock;

/// What the names of demo directories begin with.
pub(super) const PREFIX: &str = "backstop-demo-";

/// The lock in such a directory. A directory that is to be kept has none.
const LOCK: &str = ".running";

/// Younger ones are left alone: their demo may be about to take the lock.
const AGE: Duration = Duration::from_mins(1);

/// Marks a directory as in use for as long as the answer lives.
pub(super) fn lock(directory: &Path) -> io::Result<File> {
    let lock = File::create_new(directory.join(LOCK))?;
    lock.try_lock().map_err(io::Error::from)?;
    Ok(lock)
}

/// Removes what killed demos of this user left in `parent`. Tells nobody: leftovers are nobody's concern.
pub(super) fn sweep(parent: &Path, clock: &Clock) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        if is_abandoned(&entry, clock).unwrap_or(false) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_abandoned(entry: &DirEntry, clock: &Clock) -> io::Result<bool> {
    if !entry
        .file_name()
        .as_encoded_bytes()
        .starts_with(PREFIX.as_bytes())
    {
        return Ok(false);
    }
    // Of the entry itself: a link is not followed.
    let found = entry.metadata()?;
    let young = clock.now().as_second() - found.mtime() < AGE.as_secs().cast_signed();
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || young {
        return Ok(false);
    }
    let lock = File::open(entry.path().join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use super::{AGE, PREFIX, lock, sweep};
    use crate::clock::Clock;

    #[test]
    fn only_what_a_dead_demo_left_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let dead = make(&format!("{PREFIX}dead"));
        drop(lock(&dead).unwrap());
        let alive = make(&format!("{PREFIX}alive"));
        let _held = lock(&alive).unwrap();
        let kept = make(&format!("{PREFIX}kept"));
        let foreign = make("something-else");
        drop(lock(&foreign).unwrap());

        let clock = Clock::manual(Clock::system().now());
        sweep(parent.path(), &clock);
        assert!(dead.exists(), "it may be about to take its lock");

        clock.advance(AGE + Duration::from_secs(1));
        sweep(parent.path(), &clock);
        assert!(!dead.exists());
        for (path, why) in [
            (alive, "in use"),
            (kept, "no lock"),
            (foreign, "not a demo"),
        ] {
            assert!(path.exists(), "{why}");
        }
    }
}
