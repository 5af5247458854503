//! Reads the theme that is wanted, and reads it again when its file is saved; the last good one is kept when it is
//! wrong.
//!
//! Started by `run`. What is inside the program cannot change.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::{
        mpsc::{Receiver, Sender, channel},
        watch,
    },
    time::timeout,
};

use super::{
    execute::Arrival,
    msg::Msg,
    theme_file::{Failure, Loaded, load},
};

/// Editors save in several steps: the file is read when it has been left alone for so long.
const QUIET: Duration = Duration::from_millis(60);

/// What is followed. Dropped, it ends.
pub(super) struct Following {
    directories: Vec<PathBuf>,
    /// The name of the theme to wear.
    wanted: watch::Receiver<String>,
    /// What was read last.
    last: Result<Loaded, Failure>,
    files: Option<Files>,
}

/// A watcher and what it hears.
struct Files {
    _watcher: RecommendedWatcher,
    heard: Receiver<()>,
}

/// Follows the name of a theme, and the directories that are there as far as the system can.
pub(super) fn follow(
    directories: Vec<PathBuf>,
    wanted: watch::Receiver<String>,
    read: Result<Loaded, Failure>,
) -> Following {
    Following {
        last: read,
        files: watch(&directories),
        directories,
        wanted,
    }
}

fn watch(directories: &[PathBuf]) -> Option<Files> {
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
        Ok(watcher) => Some(Files {
            _watcher: watcher,
            heard,
        }),
        Err(error) => {
            tracing::warn!(%error, "theme files are not followed");
            None
        }
    }
}

/// Why a theme is read again.
enum Why {
    /// Another one is wanted.
    Wanted,
    /// Some file has changed.
    Saved,
}

impl Following {
    /// Reads the theme whenever another is wanted or its files change, and sends it, or why the last good one is
    /// kept.
    pub(super) async fn run(mut self, arrivals: Sender<Arrival>) {
        let mut name = self.wanted.borrow_and_update().clone();
        while let Some(why) = self.wait().await {
            self.wanted.borrow_and_update().clone_into(&mut name);
            let read = self.read(&name).await;
            let news = match why {
                Why::Wanted => match read.clone() {
                    Ok(loaded) => vec![Arrival::Theme(Box::new(loaded))],
                    Err(_) => tell(&name, read.clone()),
                },
                Why::Saved if read == self.last => Vec::new(),
                Why::Saved => tell(&name, read.clone()),
            };
            self.last = read;
            for arrival in news {
                if arrivals.send(arrival).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Waits for a reason; `None`: nobody wants a theme any more.
    async fn wait(&mut self) -> Option<Why> {
        let Some(files) = &mut self.files else {
            return self.wanted.changed().await.ok().map(|()| Why::Wanted);
        };
        tokio::select! {
            wanted = self.wanted.changed() => wanted.ok().map(|()| Why::Wanted),
            Some(()) = files.heard.recv() => {
                while timeout(QUIET, files.heard.recv()).await.is_ok() {}
                Some(Why::Saved)
            }
        }
    }

    /// Reads a theme off the loop: its directory may be far away.
    async fn read(&self, name: &str) -> Result<Loaded, Failure> {
        let (name, directories) = (name.to_owned(), self.directories.clone());
        let reading = tokio::task::spawn_blocking(move || load(&name, &directories));
        reading.await.unwrap_or(Err(Failure::Broken(Vec::new())))
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
