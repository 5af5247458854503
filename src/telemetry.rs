//! Logs of the process itself: to standard error, or to a file, while a console owns the screen or where the operator
//! wants one.
//!
//! Called once by `cli` when a mode was chosen; everybody else only uses `tracing`'s macros. It must never
//! write to the screen of a console, and never hold up who logs. Nothing that is logged may hold a credential:
//! `model::Secret` prints `***`.

mod file;
mod lines;

use std::{io, path::Path, sync::OnceLock};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use file::LogFile;
use lines::Lines;

pub use lines::Border;

/// The variable that chooses what is logged, for instance `debug` or `backstop::gateway=trace,info`.
pub const VARIABLE: &str = "BACKSTOP_LOG";

/// Without [`VARIABLE`]: our own news, and the trouble of libraries.
const DEFAULT: &str = "warn,backstop=info";

/// The watcher of the configuration's directory, which has a word for everything that happens there. When the
/// log stands in that directory each word is news: without an end, and faster than it can be stopped.
const WATCHER: &str = "notify";

/// How lines look, and what makes text from outside in them harmless.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// JSON objects instead of text.
    pub json: bool,
    /// For a line of text, or for one of JSON.
    pub border: Border,
}

/// The way out of this process's lines.
static OUT: OnceLock<Lines> = OnceLock::new();

/// Logs to standard error. The first call of a process wins.
///
/// # Errors
/// When there can be no thread for it.
pub fn to_stderr(style: Style) -> io::Result<()> {
    to(Lines::start(io::stderr(), style.border, style.json)?, style);
    Ok(())
}

/// Logs to a file that only its owner can read; what is there stays, and it may be rotated at any time. The first
/// call of a process wins.
///
/// # Errors
/// When the file or its directory cannot be made, or there can be no thread for it.
pub fn to_file(path: &Path, style: Style) -> io::Result<()> {
    let file = LogFile::open(path)?;
    to(Lines::start(file, style.border, style.json)?, style);
    Ok(())
}

/// Waits for a moment until what was logged is out: at the end of the process.
pub fn flush() {
    if let Some(lines) = OUT.get() {
        // What nobody takes now is lost; the process ends all the same.
        let _ = lines.flush();
    }
}

fn to(lines: Lines, style: Style) {
    let (filter, complaint) = filter();
    // No colours: then every escape sequence in a line is somebody else's.
    let base = fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(lines.clone());
    // A second call finds a subscriber in place; keeping that one is right.
    let first = if style.json {
        let logs = base.json().flatten_event(true).finish();
        logs.with(filter_fn(ends)).try_init()
    } else {
        let logs = base.with_target(false).finish();
        logs.with(filter_fn(ends)).try_init()
    };
    if first.is_ok() {
        let _ = OUT.set(lines);
    }
    complain(complaint);
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

#[cfg(test)]
mod tests {
    use std::fs;

    use tracing_subscriber::{filter::filter_fn, fmt, layer::SubscriberExt as _};

    use super::ends;

    #[test]
    fn only_what_cannot_cause_itself_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let logs = fmt()
            .with_env_filter("trace,notify::inotify=trace")
            .with_ansi(false)
            .with_writer(fs::File::create(&path).unwrap())
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
}
