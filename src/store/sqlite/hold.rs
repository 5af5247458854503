//! Who has the store open: every process holds a shared lock on one file for as long as it has; who puts a backup
//! back wants it alone. The operating system lets go of it for a process that dies.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::MetadataExt,
    path::Path,
};

use super::files;
use crate::store::StoreError;

/// Its name in the state directory.
pub(super) const FILE: &str = "store.lock";

/// One's part in it. Let go when dropped.
#[derive(Debug)]
pub(super) struct Hold(Option<File>);

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            // Said and not only closed: a process that is just being started has the file, too, for a moment.
            let _ = file.unlock();
        }
    }
}

impl Hold {
    /// No part.
    pub(super) const fn none() -> Self {
        Self(None)
    }
}

/// Takes part. An observer who may not read the file goes without.
pub(super) fn share(directory: &Path) -> Result<Hold, StoreError> {
    let Ok(file) = File::open(directory.join(FILE)) else {
        return Ok(Hold(None));
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Hold(Some(file))),
        Err(TryLockError::WouldBlock) => Err(StoreError::Open {
            place: directory.display().to_string(),
            cause: "a backup is being put back right now; try again in a moment".to_owned(),
        }),
        // A file system without locks: it must not keep anybody from the store.
        Err(TryLockError::Error(_)) => Ok(Hold(None)),
    }
}

/// Takes it alone; `Err`: who has it, as far as that can be known.
pub(super) fn take(directory: &Path) -> Result<Result<Hold, Vec<String>>, StoreError> {
    let path = directory.join(FILE);
    files::file(&path)?;
    let failed = |error: std::io::Error| StoreError::Open {
        place: path.display().to_string(),
        cause: error.to_string(),
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Ok(Hold(Some(file)))),
        Err(TryLockError::WouldBlock) => Ok(Err(holders(&path, None))),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// The processes that hold a lock on a file, or on one byte of it for writing: `4711 (backstop)`. Empty where the
/// operating system does not tell.
pub(super) fn holders(path: &Path, byte: Option<u64>) -> Vec<String> {
    let (Ok(metadata), Ok(locks)) = (fs::metadata(path), fs::read_to_string("/proc/locks")) else {
        return Vec::new();
    };
    let mut found: Vec<String> = locks
        .lines()
        .filter_map(|line| holder(line, metadata.ino(), byte))
        .map(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("{pid} ({})", name.trim_end())
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The process of a line such as `1: POSIX  ADVISORY  WRITE 4711 fe:01:131085 120 120`. Devices are not compared:
/// some file systems name another one there than elsewhere.
fn holder(line: &str, inode: u64, byte: Option<u64>) -> Option<u32> {
    // A line of one who waits has an arrow in the second place.
    let mut words = line.split_whitespace().skip(3);
    let how = words.next()?;
    let pid = words.next()?.parse().ok()?;
    let (_, of) = words.next()?.rsplit_once(':')?;
    if of.parse() != Ok(inode) {
        return None;
    }
    if let Some(byte) = byte {
        let from: u64 = words.next()?.parse().ok()?;
        let through = words.next()?;
        let covered = from <= byte
            && through
                .parse()
                .map_or(through == "EOF", |end: u64| byte <= end);
        if how != "WRITE" || !covered {
            return None;
        }
    }
    Some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_locks_are_read() {
        for (case, line, byte, wanted) in [
            (
                "whole file",
                "1: FLOCK  ADVISORY  READ 4711 fe:01:42 0 EOF",
                None,
                Some(4711),
            ),
            (
                "another file",
                "1: FLOCK  ADVISORY  READ 4711 fe:01:43 0 EOF",
                None,
                None,
            ),
            (
                "the byte",
                "2: POSIX  ADVISORY  WRITE 4711 00:1f:42 120 120",
                Some(120),
                Some(4711),
            ),
            (
                "to the end",
                "2: POSIX  ADVISORY  WRITE 4711 00:1f:42 0 EOF",
                Some(120),
                Some(4711),
            ),
            (
                "another byte",
                "2: POSIX  ADVISORY  WRITE 4711 00:1f:42 128 128",
                Some(120),
                None,
            ),
            (
                "for reading",
                "2: POSIX  ADVISORY  READ 4711 00:1f:42 120 120",
                Some(120),
                None,
            ),
            (
                "one who waits",
                "2: -> POSIX  ADVISORY  WRITE 4711 00:1f:42 120 120",
                Some(120),
                None,
            ),
            ("no line", "", None, None),
        ] {
            assert_eq!(holder(line, 42, byte), wanted, "{case}");
        }
    }
}
