//! The newest seals of the audit in a file of their own, `audit.anchors`: who shortens or replaces `state.db`
//! leaves anchors behind that do not fit.
//!
//! A ring of lines of equal length, each written in place after its record was committed. It may lag behind, and
//! is never ahead. No commit depends on it. A line ends with a few digits over the rest: one that was torn by a
//! kill, half new and half of an older anchor, is none.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use aws_lc_rs::digest::{SHA256, digest};

use crate::model::Anchor;

/// Its name in the state directory.
pub(super) const FILE: &str = "audit.anchors";
/// How many are kept.
const LINES: u64 = 64;
/// Twenty digits, a colon, a seal, a blank, the check, a line feed.
const WIDTH: u64 = 20 + 1 + 64 + 1 + 8 + 1;

/// The file, for writing. One that cannot be opened keeps nothing.
#[derive(Debug)]
pub(super) struct Anchors {
    path: PathBuf,
    file: OnceLock<File>,
}

impl Anchors {
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            path: directory.join(FILE),
            file: OnceLock::new(),
        }
    }

    /// Opened when it is first wanted.
    fn file(&self) -> Option<&File> {
        if self.file.get().is_none() {
            let file = OpenOptions::new().write(true).open(&self.path).ok()?;
            return Some(self.file.get_or_init(|| file));
        }
        self.file.get()
    }

    /// Keeps one.
    pub(super) fn keep(&self, anchor: Anchor) {
        if let Some(file) = self.file() {
            let line = line(anchor);
            let place = anchor.sequence % LINES * WIDTH;
            // Without it only a proof is weaker; the record is durable.
            if let Err(error) = file.write_all_at(line.as_bytes(), place) {
                tracing::warn!(%error, "an anchor of the audit was not kept");
            }
        }
    }
}

/// All that are kept. What is no anchor is passed over: places that were never written, torn lines, lines of an
/// older version.
pub(super) fn read(directory: &Path) -> Vec<Anchor> {
    let Ok(bytes) = std::fs::read(directory.join(FILE)) else {
        return Vec::new();
    };
    let places = bytes.chunks(usize::try_from(WIDTH).unwrap_or(usize::MAX));
    places
        .filter_map(|place| {
            let (anchor, digits) = std::str::from_utf8(place)
                .ok()?
                .trim_end()
                .split_once(' ')?;
            (digits == check(anchor)).then(|| anchor.parse().ok())?
        })
        .collect()
}

fn line(anchor: Anchor) -> String {
    let text = format!("{:020}:{}", anchor.sequence, anchor.seal);
    format!("{text} {}\n", check(&text))
}

/// Against lines that were torn, not against anybody.
fn check(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    let first = digest.as_ref().iter().take(4);
    let digits = first.fold(0_u32, |digits, byte| digits << 8 | u32::from(*byte));
    format!("{digits:08x}")
}

#[cfg(test)]
mod tests {
    use crate::model::Seal;

    use super::*;

    fn anchor(sequence: u64) -> Anchor {
        Anchor {
            sequence,
            seal: Seal::FIRST.over(&sequence.into()),
        }
    }

    #[test]
    fn the_newest_are_kept_and_a_torn_one_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, "").unwrap();
        let anchors = Anchors::new(directory.path());
        for sequence in 1..=70 {
            anchors.keep(anchor(sequence));
        }
        let mut kept = read(directory.path());
        kept.sort_by_key(|anchor| anchor.sequence);
        assert_eq!(kept, (7..=70).map(anchor).collect::<Vec<_>>());
        // A kill in the middle of the next line, at whatever byte.
        let whole = std::fs::read(&path).unwrap();
        let next = line(anchor(71));
        let place = usize::try_from(71 % LINES * WIDTH).unwrap();
        for torn in 0..=next.len() {
            let mut bytes = whole.clone();
            bytes[place..place + torn].copy_from_slice(&next.as_bytes()[..torn]);
            std::fs::write(&path, &bytes).unwrap();
            let kept = read(directory.path());
            assert!(
                kept.iter().all(|kept| *kept == anchor(kept.sequence)),
                "{torn}"
            );
            assert!(kept.len() >= 63, "{torn}");
        }
    }

    #[test]
    fn lines_of_an_older_version_are_none_and_hide_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        let old = (0..LINES).map(|place| {
            let anchor = anchor(64 + place);
            format!("{:020}:{}\n", anchor.sequence, anchor.seal)
        });
        std::fs::write(&path, old.collect::<Vec<_>>().concat()).unwrap();
        assert_eq!(read(directory.path()), []);
        let anchors = Anchors::new(directory.path());
        for sequence in [130, 131, 140] {
            anchors.keep(anchor(sequence));
        }
        assert_eq!(read(directory.path()), [130, 131, 140].map(anchor));
    }
}
