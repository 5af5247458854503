//! Follows the theme's files: on save the theme is read again, and the last good one is kept when it is wrong.
//!
//! Started by `run` where the operator has theme directories. What is inside the program cannot change.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

use super::{
    execute::Arrival,
    msg::Msg,
    theme_file::{Failure, Loaded, load},
};

/// Editors save in several steps: the file is read when it has been left alone for so long.
const QUIET: Duration = Duration::from_millis(60);

/// A watcher and what it hears. Dropped, it ends.
pub(super) struct Following {
    _watcher: RecommendedWatcher,
    heard: Receiver<()>,
}

/// Watches the directories that are there; `None` when none is, or when the system cannot.
pub(super) fn follow(directories: &[PathBuf]) -> Option<Following> {
    let there: Vec<&Path> = directories
        .iter()
        .map(PathBuf::as_path)
        .filter(|directory| directory.is_dir())
        .collect();
    if there.is_empty() {
        return None;
    }
    let (tell, heard) = channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // One that waits stands for all.
            let _ = tell.try_send(());
        }
    });
    let started = watcher.and_then(|mut watcher| {
        for directory in there {
            watcher.watch(directory, RecursiveMode::NonRecursive)?;
        }
        Ok(watcher)
    });
    match started {
        Ok(watcher) => Some(Following {
            _watcher: watcher,
            heard,
        }),
        Err(error) => {
            tracing::warn!(%error, "theme files are not followed");
            None
        }
    }
}

impl Following {
    /// Reads the theme on each change and sends it, or why the last good one is kept.
    pub(super) async fn run(
        mut self,
        name: String,
        directories: Vec<PathBuf>,
        arrivals: Sender<Arrival>,
    ) {
        let mut last = load(&name, &directories);
        while self.heard.recv().await.is_some() {
            while timeout(QUIET, self.heard.recv()).await.is_ok() {}
            let read = load(&name, &directories);
            if read == last {
                continue;
            }
            last.clone_from(&read);
            for arrival in tell(&name, read) {
                if arrivals.send(arrival).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What the loop is told about a theme that was read.
pub(super) fn tell(name: &str, read: Result<Loaded, Failure>) -> Vec<Arrival> {
    match read {
        Ok(loaded) => {
            let told = match loaded.findings.first() {
                Some(finding) => Err(finding.to_string()),
                None => Ok(name.to_owned()),
            };
            vec![
                Arrival::Theme(Box::new(loaded)),
                Arrival::Msg(Msg::Themed(told)),
            ]
        }
        Err(failure) => vec![Arrival::Msg(Msg::Themed(Err(in_words(name, &failure))))],
    }
}

/// Why there is no theme, in one line.
pub(super) fn in_words(name: &str, failure: &Failure) -> String {
    match failure {
        Failure::Unknown { .. } => format!("there is no theme `{name}` any more"),
        Failure::Broken(findings) => match &findings[..] {
            [] => String::new(),
            [only] => only.to_string(),
            [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        },
    }
}
