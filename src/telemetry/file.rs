//! A log file that may be rotated under its writer: renamed, removed or copied and truncated, without a signal. It
//! also puts itself aside when it has become too large, as nobody may be there to rotate it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// A file larger than this is put aside (`.old`).
const LARGEST: u64 = 8 << 20;

/// The file. Only its owner can read it.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
}

impl LogFile {
    /// Opens it, makes it when it is not there; what is in it stays.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if let Some(directory) = path.parent().filter(|path| !path.as_os_str().is_empty()) {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(directory)?;
        }
        let mut log = Self {
            file: file(path)?,
            path: path.to_owned(),
        };
        log.follow()?;
        Ok(log)
    }

    /// Goes on in the file that is at the path now.
    fn follow(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) if (there.dev(), there.ino()) == (ours.dev(), ours.ino()) => {
                if there.len() > LARGEST {
                    fs::rename(&self.path, self.path.with_extension("old"))?;
                    self.file = file(&self.path)?;
                }
            }
            Ok(_) | Err(_) => self.file = file(&self.path)?,
        }
        Ok(())
    }
}

fn file(path: &Path) -> io::Result<File> {
    // Appending: after a truncation the next line is at the beginning, and two processes can share one file.
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Where there is no other file to go on in, the old one is better than none.
        let _ = self.follow();
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _};

    use super::{LARGEST, LogFile};

    #[test]
    fn a_log_goes_on_however_it_is_rotated() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep").join("a.log");
        let mut log = LogFile::open(&path).unwrap();
        let text = |path| fs::read_to_string(path).unwrap();
        log.write_all(b"one\n").unwrap();
        fs::rename(&path, path.with_extension("1")).unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(
            (text(path.with_extension("1")), text(path.clone())),
            ("one\n".to_owned(), "two\n".to_owned()),
            "renamed"
        );
        fs::remove_file(&path).unwrap();
        log.write_all(b"three\n").unwrap();
        assert_eq!(text(path.clone()), "three\n", "removed");
        fs::copy(&path, path.with_extension("2")).unwrap();
        fs::File::options()
            .write(true)
            .truncate(true)
            .open(&path)
            .unwrap();
        log.write_all(b"four\n").unwrap();
        assert_eq!(text(path.clone()), "four\n", "copied and truncated");
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert!(log.write_all(b"nowhere\n").is_ok(), "its directory is gone");
    }

    #[test]
    fn a_log_is_private_and_a_large_one_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep").join("a.log");
        let mut log = LogFile::open(&path).unwrap();
        let mode =
            |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        log.file.set_len(LARGEST + 1).unwrap();
        log.write_all(b"fresh\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "fresh\n");
        assert_eq!(mode(&path), 0o600);
        let old = fs::metadata(path.with_extension("old")).unwrap();
        assert_eq!(old.len(), LARGEST + 1);
    }
}
