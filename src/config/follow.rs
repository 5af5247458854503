//! Follows the file while a process runs: a good change comes into force, a bad one is refused loudly.
//!
//! A thread of its own waits for the file system's events and for [`Follow::reload`]; nothing polls while
//! they work. It watches directories, not the file, because editors and deployment tools replace a file by
//! renaming another one over it.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};
use tokio::sync::watch;

use super::{Keys, Loaded, Severity, fingerprint::fingerprint, load_with};
use crate::model::Catalog;

/// A change is read when nothing more came for this long: writers seldom write a file in one piece.
const QUIET: Duration = Duration::from_millis(50);

/// The most news of one change that are waited for, so that a busy directory cannot put it off for ever.
const MOST_NEWS: usize = 64;

/// How often the file is looked at without an event: some file systems give none, and a watched directory
/// can be replaced.
const LOOK: Duration = Duration::from_secs(10);

/// A configuration that is followed.
#[derive(Debug)]
pub struct Followed {
    /// The last good one.
    pub catalog: watch::Receiver<Arc<Catalog>>,
    /// Why the file on disk is not in force, when it is not: one line.
    pub refused: watch::Receiver<Option<String>>,
}

/// Follows the file: on change and on [`Follow::reload`], a good one replaces the old, a bad one is refused
/// loudly and the old one stays in force.
///
/// `gateway.listen`, `gateway.workers` and `store.url` cannot change while a process runs: a file that
/// changes them is refused with a line that asks for a restart. A key that changes in its variable cannot be
/// seen; one that changes in its file is read with the next reload.
#[must_use]
pub fn follow(first: Catalog) -> (Followed, Follow) {
    follow_with(first, Keys::Needed)
}

/// Like [`follow`], with a choice about credentials.
#[must_use]
pub fn follow_with(first: Catalog, keys: Keys) -> (Followed, Follow) {
    let path = first.source.clone();
    let (catalog, catalogs) = watch::channel(Arc::new(first));
    let (refused, refusals) = watch::channel(None);
    let (news, inbox) = mpsc::channel();
    let follower = Follower {
        eyes: Eyes::new(&path, news.clone()),
        path,
        keys,
        catalog,
        refused,
    };
    let thread = thread::Builder::new()
        .name("config".to_owned())
        .spawn(move || follower.run(&inbox));
    let thread = match thread {
        Ok(thread) => Some(thread),
        Err(error) => {
            tracing::error!("the configuration cannot be followed: {error}");
            None
        }
    };
    (
        Followed {
            catalog: catalogs,
            refused: refusals,
        },
        Follow { news, thread },
    )
}

/// Keeps the following alive; dropped, it ends.
#[derive(Debug)]
pub struct Follow {
    news: Sender<News>,
    thread: Option<JoinHandle<()>>,
}

impl Follow {
    /// Reads the file, and the keys and samples it names, again now (SIGHUP).
    pub fn reload(&self) {
        // The follower only ends when this value is dropped.
        let _ = self.news.send(News::Reload);
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let _ = self.news.send(News::End);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("following the configuration ended in a panic");
        }
    }
}

/// What wakes the follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// Something happened to the file.
    Changed,
    /// An operator asks.
    Reload,
    /// Enough.
    End,
}

struct Follower {
    eyes: Eyes,
    path: PathBuf,
    keys: Keys,
    catalog: watch::Sender<Arc<Catalog>>,
    refused: watch::Sender<Option<String>>,
}

impl Follower {
    fn run(mut self, inbox: &Receiver<News>) {
        // What changed between the first load and the watch is read now, but not in the middle of a write.
        let mut asked = match settle(inbox) {
            News::End => return,
            News::Reload => true,
            News::Changed => false,
        };
        let mut first = true;
        loop {
            self.eyes.watch(&self.path);
            let seen = Look::at(&self.path);
            if asked || !std::mem::take(&mut first) || !self.is_in_force() {
                self.read_again(asked);
            }
            asked = match self.next(inbox, &seen) {
                News::End => return,
                News::Reload => true,
                News::Changed => false,
            };
        }
    }

    /// Waits for something to do.
    fn next(&self, inbox: &Receiver<News>, seen: &Look) -> News {
        loop {
            match inbox.recv_timeout(LOOK) {
                Ok(News::End) | Err(RecvTimeoutError::Disconnected) => return News::End,
                Ok(News::Reload) => return News::Reload,
                Ok(News::Changed) => return settle(inbox),
                Err(RecvTimeoutError::Timeout) => {
                    if Look::at(&self.path) != *seen {
                        return News::Changed;
                    }
                }
            }
        }
    }

    /// Whether the file holds what is in force. It was understood a moment ago: that is not worth doing twice, and
    /// a large file takes longer than all else that a console does at its start.
    fn is_in_force(&self) -> bool {
        let bytes = fs::read(&self.path);
        bytes.is_ok_and(|bytes| fingerprint(&bytes) == self.catalog.borrow().fingerprint)
    }

    fn read_again(&self, asked: bool) {
        let variables = |name: &str| std::env::var(name).ok();
        let loaded = load_with(&self.path, &variables, self.keys);
        let current = Arc::clone(&self.catalog.borrow());
        match verdict(&current, loaded) {
            Ok((catalog, _)) if !asked && catalog.fingerprint == current.fingerprint => {
                // The file in force is on disk (again).
                self.say(None);
            }
            Ok((catalog, warnings)) => {
                for warning in warnings {
                    tracing::warn!("{warning}");
                }
                tracing::info!(
                    fingerprint = catalog.fingerprint,
                    "configuration {} is in force",
                    self.path.display()
                );
                // Whoever sees the new catalog must not still see the old refusal.
                self.say(None);
                self.catalog.send_replace(Arc::new(catalog));
            }
            Err(why) => self.say(Some(why)),
        }
    }

    fn say(&self, refusal: Option<String>) {
        self.refused.send_if_modified(|current| {
            let new = *current != refusal;
            if new && let Some(why) = &refusal {
                tracing::error!("configuration refused, the old one stays in force: {why}");
            }
            *current = refusal;
            new
        });
    }
}

/// Waits until the news stop coming.
fn settle(inbox: &Receiver<News>) -> News {
    let mut kind = News::Changed;
    for _ in 0..MOST_NEWS {
        match inbox.recv_timeout(QUIET) {
            Ok(News::Changed) => {}
            Ok(News::Reload) => kind = News::Reload,
            Ok(News::End) => return News::End,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    kind
}

/// The new catalog with its warnings, or one line that says why it cannot be in force.
fn verdict(current: &Catalog, loaded: Loaded) -> Result<(Catalog, Vec<String>), String> {
    let report = loaded.report;
    let Some(catalog) = loaded.catalog else {
        let errors = report.count(Severity::Error);
        let first = report
            .diagnostics
            .iter()
            .find(|diagnostic| diagnostic.severity == Severity::Error)
            .map_or_else(|| "it holds no catalog".to_owned(), ToString::to_string);
        return Err(match errors {
            0 | 1 => first,
            more => format!("{first} (and {} more; run backstop check)", more - 1),
        });
    };
    let fixed = |name: &str, old: &dyn std::fmt::Display, new: &dyn std::fmt::Display| {
        Err(format!(
            "{name} changed from {old} to {new}, which needs a restart"
        ))
    };
    if catalog.gateway.listen != current.gateway.listen {
        return fixed(
            "gateway.listen",
            &current.gateway.listen,
            &catalog.gateway.listen,
        );
    }
    if catalog.gateway.workers != current.gateway.workers {
        return fixed(
            "gateway.workers",
            &current.gateway.workers,
            &catalog.gateway.workers,
        );
    }
    if catalog.gateway.tls.is_some() != current.gateway.tls.is_some() {
        let words = |catalog: &Catalog| {
            if catalog.gateway.tls.is_some() {
                "HTTPS"
            } else {
                "HTTP"
            }
        };
        return fixed("gateway.tls", &words(current), &words(&catalog));
    }
    if catalog.store != current.store {
        return fixed("store.url", &current.store, &catalog.store);
    }
    let warnings = report
        .diagnostics
        .iter()
        .filter(|found| found.severity != Severity::Note)
        .map(ToString::to_string);
    Ok((catalog, warnings.collect()))
}

/// What a file looks like from outside.
#[derive(Debug, PartialEq, Eq)]
struct Look(Option<(u64, Option<std::time::SystemTime>)>);

impl Look {
    fn at(path: &Path) -> Self {
        let metadata = fs::metadata(path).ok();
        Self(metadata.map(|metadata| (metadata.len(), metadata.modified().ok())))
    }
}

/// Watches the directories in which the file, or a link on the way to it, can be replaced.
struct Eyes {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
}

impl Eyes {
    fn new(path: &Path, news: Sender<News>) -> Self {
        let name = path.file_name().map(OsStr::to_owned);
        let target = fs::canonicalize(path).ok();
        let target = target.and_then(|target| target.file_name().map(OsStr::to_owned));
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let concerns =
                match event {
                    Ok(event) => {
                        changes(event.kind)
                            && event.paths.iter().filter_map(|path| path.file_name()).any(
                                |touched| {
                                    Some(touched) == name.as_deref()
                                || Some(touched) == target.as_deref()
                                // Kubernetes swaps a link named `..data` beside the file.
                                || touched.as_encoded_bytes().starts_with(b"..")
                                },
                            )
                    }
                    // Events were lost: look.
                    Err(_) => true,
                };
            if concerns {
                // The follower is gone when this fails, and the watcher goes with it.
                let _ = news.send(News::Changed);
            }
        });
        let mut eyes = Self {
            watcher: watcher
                .inspect_err(|error| {
                    tracing::warn!(
                        "no file events, so the configuration is looked at every 10 s: {error}"
                    );
                })
                .ok(),
            watched: BTreeSet::new(),
        };
        eyes.watch(path);
        eyes
    }

    /// Watches again: a directory may have been replaced, a link may lead elsewhere now.
    fn watch(&mut self, path: &Path) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let wanted: BTreeSet<PathBuf> = [Some(path.to_owned()), fs::canonicalize(path).ok()]
            .into_iter()
            .flatten()
            .filter_map(|path| path.parent().map(Path::to_owned))
            .collect();
        for gone in self.watched.difference(&wanted) {
            // It may not exist any more, then it is not watched either.
            let _ = watcher.unwatch(gone);
        }
        self.watched.clear();
        for directory in wanted {
            match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(directory);
                }
                Err(error) => tracing::warn!(
                    "no file events for {}, so it is looked at every 10 s: {error}",
                    directory.display()
                ),
            }
        }
    }
}

/// Whether an event means that a file may have new content. Reading it ourselves must not.
fn changes(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => true,
    }
}
