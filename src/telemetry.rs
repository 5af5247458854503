//! Logs of the process itself: to standard error, or to a file while a console owns the screen.
//!
//! Called once by `cli` when a mode was chosen; everybody else only uses `tracing`'s macros. It must never
//! write to the screen of a console. Nothing that is logged may hold a credential: `model::Secret` prints
//! `***`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal as _},
    path::Path,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// The variable that chooses what is logged, for instance `debug` or `backstop::gateway=trace,info`.
pub const VARIABLE: &str = "BACKSTOP_LOG";

/// Without [`VARIABLE`]: our own news, and the trouble of libraries.
const DEFAULT: &str = "warn,backstop=info";

/// The watcher of the configuration's directory, which has a word for everything that happens there. When the
/// log stands in that directory each word is news: without an end, and faster than it can be stopped.
const WATCHER: &str = "notify";

/// A file larger than this is put aside (`.old`) when a process starts to write to it.
const LARGEST: u64 = 8 << 20;

/// Logs to standard error, as lines or as JSON objects. The first call of a process wins.
pub fn to_stderr(json: bool) {
    let (filter, complaint) = filter();
    let base = fmt().with_env_filter(filter).with_writer(io::stderr);
    // A second call finds a subscriber in place; keeping that one is right.
    let _ = if json {
        let logs = base.json().flatten_event(true).finish();
        logs.with(filter_fn(ends)).try_init()
    } else {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let logs = base.with_ansi(colour).with_target(false).finish();
        logs.with(filter_fn(ends)).try_init()
    };
    complain(complaint);
}

/// Logs to a file that only its owner can read; what is there stays. The first call of a process wins.
///
/// # Errors
/// When the file or its directory cannot be made.
pub fn to_file(path: &Path) -> io::Result<()> {
    let (filter, complaint) = filter();
    let file = open(path)?;
    let _ = fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(file)
        .finish()
        .with(filter_fn(ends))
        .try_init();
    complain(complaint);
    Ok(())
}

/// Whether writing this down cannot lead to more of the same. Whatever [`VARIABLE`] asks for.
fn ends(metadata: &Metadata<'_>) -> bool {
    let module = metadata.target().split("::").next();
    module != Some(WATCHER) || *metadata.level() <= Level::WARN
}

fn filter() -> (EnvFilter, Option<String>) {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    if wanted.trim().is_empty() {
        return (EnvFilter::new(DEFAULT), None);
    }
    match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(DEFAULT), Some(error.to_string())),
    }
}

fn complain(complaint: Option<String>) {
    if let Some(complaint) = complaint {
        tracing::warn!("{VARIABLE} is not understood, so it is ignored: {complaint}");
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > LARGEST) {
        fs::rename(path, path.with_extension("old"))?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tracing_subscriber::{filter::filter_fn, fmt, layer::SubscriberExt as _};

    use super::{LARGEST, ends, open};

    #[test]
    fn only_what_cannot_cause_itself_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let logs = fmt()
            .with_env_filter("trace,notify::inotify=trace")
            .with_ansi(false)
            .with_writer(open(&path).unwrap())
            .finish()
            .with(filter_fn(ends));
        tracing::subscriber::with_default(logs, || {
            tracing::trace!(target: "notify::inotify", "an event of the file");
            tracing::debug!(target: "notify", "another event");
            tracing::warn!(target: "notify::inotify", "a lost watch");
            tracing::trace!(target: "notify_of_somebody", "another crate");
        });
        let written = fs::read_to_string(&path).unwrap();
        assert!(!written.contains("event"), "{written}");
        assert!(written.contains("a lost watch"), "{written}");
        assert!(written.contains("another crate"), "{written}");
    }

    #[test]
    fn a_log_file_is_private_and_a_large_one_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep").join("console.log");
        let file = open(&path).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        file.set_len(LARGEST + 1).unwrap();
        let fresh = open(&path).unwrap();
        assert_eq!(fresh.metadata().unwrap().len(), 0);
        let old = fs::metadata(path.with_extension("old")).unwrap();
        assert_eq!(old.len(), LARGEST + 1);
    }
}
