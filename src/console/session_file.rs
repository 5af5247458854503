//! Sessions as files in the operator's state directory, one for each environment, that only they can read.
//!
//! Called by `run` and `execute`, off the loop: a home directory may be slow.

use std::{
    fmt::Write as _,
    fs::{DirBuilder, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use super::state::session::{SCHEMA, Session};

/// A larger file is none of ours.
const LARGEST: u64 = 256 * 1024;

/// Longer names of environments have no file: the file system would not take it.
const LONGEST: usize = 200;

/// The file of an environment: its name, with everything but letters, digits, `-` and `_` escaped.
fn place(directory: &Path, environment: &str) -> Option<PathBuf> {
    let mut name = String::new();
    for byte in environment.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            _ = write!(name, "%{byte:02x}");
        }
    }
    let fits = !name.is_empty() && name.len() <= LONGEST;
    fits.then(|| directory.join(format!("{name}.json")))
}

/// Reads what was left. `None`: nothing was.
///
/// # Errors
/// In words, with the path: the file cannot be read, or is not one of ours.
pub(super) fn read(directory: &Path, environment: &str) -> Result<Option<Session>, String> {
    let Some(path) = place(directory, environment) else {
        return Ok(None);
    };
    let told = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    // What is no file is not waited for, and no link is followed.
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or_default())
        .open(&path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told(&error)),
    };
    if !file.metadata().map_err(|error| told(&error))?.is_file() {
        return Err(told(&"it is no file"));
    }
    let mut text = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut text)
        .map_err(|error| told(&error))?;
    if text.len() as u64 > LARGEST {
        return Err(told(&"it is too large"));
    }
    let session: Session = serde_json::from_slice(&text).map_err(|error| told(&error))?;
    if session.schema != SCHEMA || session.environment != environment {
        return Err(told(&"it belongs to another version or environment"));
    }
    Ok(Some(session.bounded()))
}

/// Writes what is left behind, whole or not at all.
///
/// # Errors
/// In words, with the path.
pub(super) fn write(directory: &Path, session: &Session) -> Result<(), String> {
    let Some(path) = place(directory, &session.environment) else {
        return Ok(());
    };
    let told = |error: io::Error| format!("{}: {error}", path.display());
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(told)?;
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(told)?;
    let text = serde_json::to_vec(session).map_err(|error| told(error.into()))?;
    file.write_all(&text).map_err(told)?;
    file.persist(&path).map_err(|error| told(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
    };

    use super::{LARGEST, place, read, write};
    use crate::console::state::session::{SCHEMA, Session};

    fn session(environment: &str) -> Session {
        Session {
            schema: SCHEMA,
            environment: environment.to_owned(),
            screen: "events".to_owned(),
            ..Session::default()
        }
    }

    #[test]
    fn each_environment_has_a_file_of_its_own_that_only_its_user_reads() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state/sessions");
        for environment in ["prod/eu-1", "prod_eu-1", "../../x", "ü"] {
            assert_eq!(read(&directory, environment), Ok(None));
            write(&directory, &session(environment)).unwrap();
            let again = read(&directory, environment).unwrap();
            assert_eq!(again, Some(session(environment)));
        }
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 4);
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(place(&directory, "prod/eu-1").unwrap()), 0o600);
        assert_eq!(mode(directory.clone()), 0o700);
        let nameless = place(&directory, &"x".repeat(300));
        assert_eq!(nameless, None);
    }

    #[test]
    fn a_file_that_is_not_ours_is_told_with_its_path_and_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path();
        let path = place(directory, "prod").unwrap();
        let other = serde_json::to_string(&session("dev")).unwrap();
        for (case, text) in [
            ("empty", String::new()),
            ("no JSON", "{\"schema\": 1".to_owned()),
            ("another kind", "[]".to_owned()),
            (
                "a later version",
                "{\"schema\":2,\"environment\":\"prod\"}".to_owned(),
            ),
            ("another environment", other),
            ("deep", "[".repeat(100_000)),
            ("large", " ".repeat(usize::try_from(LARGEST).unwrap() + 1)),
        ] {
            fs::write(&path, text).unwrap();
            let told = read(directory, "prod").expect_err(case);
            assert!(told.contains("prod.json"), "{case}: {told}");
            fs::remove_file(&path).unwrap();
        }
        symlink("/dev/zero", &path).unwrap();
        assert!(read(directory, "prod").is_err(), "a link");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(read(directory, "prod").is_err(), "a directory");
        assert!(write(directory, &session("prod")).is_err());
    }
}
