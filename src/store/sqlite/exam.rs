//! A look at a store from outside, also at one that cannot be opened: places, permissions, disk, schemas, content,
//! locks. Nothing is changed by it.

mod content;

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rustix::fs::{statfs, statvfs};

use super::{
    anchors, bell, hold,
    restore::{self, ASIDE},
    schema::{CAPTURES, EVENTS, PULSE, STATE},
};
use crate::{
    model::{Checkup, Soundness},
    store::Examination,
};

/// With less room than this the store will stop soon.
const LITTLE: u64 = 64 << 20;
/// With less than this somebody should look after it.
const LOW: u64 = 1 << 30;
/// How far a clock may be ahead of another's.
const AHEAD: Duration = Duration::from_secs(5);
/// File systems of other hosts, by the number that Linux gives them: NFS, SMB, CIFS, SMB2, Ceph, 9P, AFS.
const REMOTE: [u64; 7] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x00c3_6400,
    0x0102_1997,
    0x5346_414f,
];

/// Looks at everything. Blocks; `deep` reads every page of every index.
pub(in crate::store) fn examine(directory: &Path, deep: bool, now: Timestamp) -> Examination {
    let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let mut exam = Exam {
        directory,
        deep,
        now,
        found: Examination::default(),
    };
    if exam.place() {
        exam.modes();
        exam.disk();
        exam.leftovers();
        for kind in [&STATE, &EVENTS, &PULSE, &CAPTURES] {
            exam.database(kind);
        }
        exam.users();
    }
    exam.found
}

struct Exam {
    directory: PathBuf,
    deep: bool,
    now: Timestamp,
    found: Examination,
}

impl Exam {
    fn good(&mut self, check: &'static str, says: impl Into<String>) {
        self.found.checks.push(Checkup::good(check, says));
    }

    fn found(
        &mut self,
        check: &'static str,
        soundness: Soundness,
        says: impl Into<String>,
        advice: impl Into<String>,
    ) {
        let checkup = Checkup::found(check, soundness, says, advice);
        self.found.checks.push(checkup);
    }

    /// Whether the directory can be looked at.
    fn place(&mut self) -> bool {
        let place = self.directory.display().to_string();
        match fs::metadata(&self.directory) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => {
                self.found(
                    "store-place",
                    Soundness::Bad,
                    format!("{place} is not a directory"),
                    "name a directory in `store.url`",
                );
                return false;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.found(
                    "store-place",
                    Soundness::Bad,
                    format!("{place} is not there"),
                    "start the gateway once, or put back a backup with `backstop restore`",
                );
                return false;
            }
            Err(error) => {
                self.found(
                    "store-place",
                    Soundness::Bad,
                    format!("{place} cannot be looked at: {error}"),
                    "run this as the user of the gateway",
                );
                return false;
            }
        }
        match fs::read_dir(&self.directory) {
            Ok(_) => self.good("store-place", place),
            Err(error) => {
                self.found(
                    "store-place",
                    Soundness::Bad,
                    format!("{place} cannot be read: {error}"),
                    "run this as the user of the gateway",
                );
                return false;
            }
        }
        true
    }

    /// Who may read and write.
    fn modes(&mut self) {
        let mut wrong = 0;
        let owner = fs::metadata(&self.directory).map(|it| it.uid()).ok();
        let mut paths = vec![self.directory.clone()];
        for file in files() {
            paths.push(self.directory.join(file));
        }
        for path in paths {
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            let (mode, name) = (metadata.mode() & 0o777, path.display().to_string());
            if mode & 0o022 != 0 {
                wrong += 1;
                self.found(
                    "store-permissions",
                    Soundness::Bad,
                    format!("others may write to {name} (mode {mode:o}): they could change overrides past the audit"),
                    format!("chmod go-w {name}"),
                );
            } else if mode & 0o044 != 0 {
                wrong += 1;
                self.found(
                    "store-permissions",
                    Soundness::Note,
                    format!("others may read {name} (mode {mode:o}): who acts, and why"),
                    format!("if that is not wanted: chmod go-rwx {name}"),
                );
            }
            if owner.is_some_and(|owner| owner != metadata.uid()) {
                wrong += 1;
                self.found(
                    "store-permissions",
                    Soundness::Bad,
                    format!(
                        "{name} belongs to user {}, its directory to another",
                        metadata.uid()
                    ),
                    format!("chown --reference={} {name}", self.directory.display()),
                );
            }
        }
        if wrong == 0 {
            self.good("store-permissions", "for its owner alone");
        }
    }

    /// What is below it.
    fn disk(&mut self) {
        if let Ok(system) = statfs(&self.directory) {
            let kind = u64::from_ne_bytes(system.f_type.to_ne_bytes()) & 0xffff_ffff;
            if REMOTE.contains(&kind) {
                self.found(
                    "store-disk",
                    Soundness::Bad,
                    "the store is on the file system of another host, whose locks cannot be trusted",
                    "use a local disk",
                );
            }
        }
        match statvfs(&self.directory) {
            Ok(system) => {
                let free = system.f_bavail.saturating_mul(system.f_frsize);
                let says = format!("{} MB free", free / 1_000_000);
                let flags = system.f_flag;
                if flags.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
                    self.found(
                        "store-disk",
                        Soundness::Bad,
                        "its file system is mounted read-only",
                        "the kernel does that after an error of the disk: look at its log, then remount",
                    );
                } else if free < LITTLE || (system.f_files > 0 && system.f_favail < 16) {
                    self.found(
                        "store-disk",
                        Soundness::Bad,
                        format!("{says}, {} files more", system.f_favail),
                        "make room: events can soon not be written, and fallbacks follow `on_log_failure`",
                    );
                } else if free < LOW {
                    self.found(
                        "store-disk",
                        Soundness::Warning,
                        says,
                        "make room, or shorten `store.retain_events`",
                    );
                } else {
                    self.good("store-disk", says);
                }
            }
            Err(error) => self.found(
                "store-disk",
                Soundness::Warning,
                format!("its room cannot be seen: {error}"),
                "",
            ),
        }
    }

    /// What restores have left.
    fn leftovers(&mut self) {
        if let Err(error) = restore::refuse_unfinished(&self.directory) {
            self.found("store-restore", Soundness::Bad, error.to_string(), "");
        }
        let aside = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let aside = aside
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(ASIDE))
            .count();
        if aside > 0 {
            self.found(
                "store-restore",
                Soundness::Note,
                format!("{aside} stores that were replaced by a backup are kept aside"),
                format!(
                    "remove {}/{ASIDE}* when nobody needs them any more",
                    self.directory.display()
                ),
            );
        }
    }

    /// What was written after now, by the clock of now.
    fn clock(&mut self, what: &str, at: Timestamp) {
        if at > self.now.checked_add(AHEAD).unwrap_or(Timestamp::MAX) {
            self.found(
                "clock",
                Soundness::Warning,
                format!("{what} is from {at}, which is still to come: a clock was or is wrong"),
                "look at the time synchronisation of this host; overrides end by its clock",
            );
        }
    }

    /// Who has it open, and what they last said.
    fn users(&mut self) {
        let by = hold::holders(&self.directory.join(hold::FILE), None);
        let says = if by.is_empty() {
            "no process has it open".to_owned()
        } else {
            format!("open in {}", by.join(", "))
        };
        self.good("store-users", says);
        let newest = self.found.heartbeats.iter().map(|beat| beat.at).max();
        if let Some(newest) = newest {
            self.clock("the newest heartbeat", newest);
        }
    }
}

/// Every file that may be there.
fn files() -> Vec<String> {
    let databases = [&STATE, &EVENTS, &PULSE, &CAPTURES].map(|kind| kind.file);
    let ends = ["", "-wal", "-shm"];
    let mut all: Vec<String> = databases
        .iter()
        .flat_map(|file| ends.map(|end| format!("{file}{end}")))
        .collect();
    all.extend([bell::OVERRIDES, bell::EVENTS, anchors::FILE, hold::FILE].map(str::to_owned));
    all
}
