//! Credentials: from the place that the file names into a `Secret`. Nothing here may repeat one in a text.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Variables, diagnostic::Severity, file::Key};
use crate::model::Secret;

/// The largest key file.
const LARGEST: u64 = 64 << 10;

/// Where to look.
pub(super) struct Places<'a> {
    /// The directory of the configuration, absolute.
    pub(super) directory: &'a Path,
    /// The environment.
    pub(super) variables: Variables<'a>,
}

/// Why there is no key, or a doubt about it.
pub(super) struct Problem {
    pub(super) severity: Severity,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: String,
}

impl Problem {
    fn error(code: &'static str, message: String, help: &str) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message,
            help: help.to_owned(),
        }
    }
}

/// What was read.
pub(super) struct Read {
    /// `None`: the provider wants none, or there is a problem.
    pub(super) secret: Option<Secret>,
    pub(super) problem: Option<Problem>,
}

impl From<Problem> for Read {
    fn from(problem: Problem) -> Self {
        Self {
            secret: None,
            problem: Some(problem),
        }
    }
}

/// What is wanted of a secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Whether it may be a text of several lines; else it is one word.
    pub(super) lines: bool,
    /// What goes wrong without it.
    pub(super) without: &'static str,
}

/// A key of a route: it goes into a header as it is.
const OF_ROUTES: Wanted = Wanted {
    lines: false,
    without: "its routes cannot be served",
};

/// Reads one key.
pub(super) fn read(key: &Key, places: &Places<'_>) -> Read {
    read_as(key, OF_ROUTES, places)
}

/// Reads one secret.
pub(super) fn read_as(key: &Key, wanted: Wanted, places: &Places<'_>) -> Read {
    match key {
        Key::None | Key::Unclear => Read {
            secret: None,
            problem: None,
        },
        Key::Variable(name) => variable(name, wanted, places),
        Key::File(path) => file(&places.directory.join(path), wanted),
        Key::Credential(name) => match (places.variables)("CREDENTIALS_DIRECTORY") {
            Some(directory) => file(&Path::new(&directory).join(name), wanted),
            None => Problem::error(
                "no-credential",
                format!(
                    "the credential \"{name}\" cannot be found: CREDENTIALS_DIRECTORY is not set"
                ),
                "systemd sets it for a service with LoadCredential=",
            )
            .into(),
        },
    }
}

fn variable(name: &str, wanted: Wanted, places: &Places<'_>) -> Read {
    match (places.variables)(name) {
        Some(text) => usable(
            &Zeroizing::new(text),
            wanted,
            &format!("the variable {name}"),
            None,
        ),
        None => Problem::error(
            "no-credential",
            format!("the variable {name} is not set, so {}", wanted.without),
            "set it where the gateway runs, or name another place for the key",
        )
        .into(),
    }
}

fn file(path: &PathBuf, wanted: Wanted) -> Read {
    let name = path.display();
    let text = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        // So large that it is not moved while it grows: every place that it has been in is overwritten.
        let size = usize::try_from(metadata.len().min(LARGEST)).unwrap_or_default();
        let mut text = Zeroizing::new(String::with_capacity(size + 1));
        file.take(LARGEST).read_to_string(&mut text)?;
        Ok((text, metadata))
    });
    match text {
        Ok((text, metadata)) => {
            let doubt = readable_by_others(&metadata).then(|| Problem {
                severity: Severity::Warning,
                code: "credential-file-open",
                message: format!("the key file {name} can be read by other users"),
                help: format!("chmod 600 {name}"),
            });
            usable(&text, wanted, &format!("the key file {name}"), doubt)
        }
        Err(error) => Problem::error(
            "no-credential",
            format!("the key file {name} cannot be read: {error}"),
            "create it, readable by the gateway's user only",
        )
        .into(),
    }
}

/// A key goes into a header as it is.
fn usable(text: &str, wanted: Wanted, whose: &str, doubt: Option<Problem>) -> Read {
    let text = text.trim();
    if text.is_empty() {
        return Problem::error(
            "no-credential",
            format!("{whose} is empty"),
            "put the key into it",
        )
        .into();
    }
    if !wanted.lines && !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Problem::error(
            "bad-credential",
            format!("{whose} holds more than one plain word, so it cannot be a key"),
            "leave only the key in it",
        )
        .into();
    }
    Read {
        secret: Some(Secret::new(text)),
        problem: doubt,
    }
}

#[cfg(unix)]
fn readable_by_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.is_file() && metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}
