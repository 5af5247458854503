//! Copied texts and saved views, as files that only their owner can read.
//!
//! Called by `execute`, off the loop: a home directory may be slow.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;

/// So many files of one name in one second.
const TRIES: u32 = 100;

/// Writes `text` to a new file of `directory` that is named after the moment and `name`; answers the path.
///
/// # Errors
/// In words, with the path.
pub(super) fn write(
    directory: Option<&Path>,
    now: Timestamp,
    name: &str,
    extension: &str,
    text: &str,
) -> Result<PathBuf, String> {
    let told = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    // A directory that others share is no substitute: texts of prompts and answers are private.
    let directory = directory.ok_or_else(|| {
        "there is no place for it: neither HOME nor XDG_STATE_HOME is set".to_owned()
    })?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(|error| told(directory, error))?;
    let moment = now.strftime("%Y%m%dT%H%M%SZ");
    for number in 1..TRIES {
        let again = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let path = directory.join(format!("{moment}-{name}{again}.{extension}"));
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match opened {
            Ok(mut file) => {
                let written = file.write_all(text.as_bytes()).and_then(|()| file.flush());
                return written
                    .map(|()| path.clone())
                    .map_err(|error| told(&path, error));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(told(&path, error)),
        }
    }
    Err(format!(
        "{}: too many files of this second",
        directory.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use jiff::Timestamp;

    use super::write;

    #[test]
    fn files_are_new_private_and_named_after_the_moment() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state/saves");
        let now: Timestamp = "2026-11-21T14:33:05Z".parse().unwrap();
        let names: Vec<_> = ["one", "two"]
            .iter()
            .map(|text| write(Some(&directory), now, "workloads", "txt", text).unwrap())
            .collect();
        assert_eq!(names[0], directory.join("20261121T143305Z-workloads.txt"));
        assert_eq!(names[1], directory.join("20261121T143305Z-workloads-2.txt"));
        assert_eq!(fs::read_to_string(&names[0]).unwrap(), "one");
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&names[0]), 0o600);
        assert_eq!(mode(&directory), 0o700);
    }

    #[test]
    fn what_cannot_be_written_is_told_with_its_place() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "").unwrap();
        let told = write(Some(&file), Timestamp::UNIX_EPOCH, "x", "txt", "").unwrap_err();
        assert!(told.contains(&file.display().to_string()), "{told}");
        let told = write(None, Timestamp::UNIX_EPOCH, "x", "txt", "").unwrap_err();
        assert!(told.contains("HOME"), "{told}");
    }
}
