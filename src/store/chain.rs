//! Whether the audit is what was written: the check of its chain, the same for every backend.
//!
//! Pure: a backend shows it every row in the order of the places, then what else it knows, all from one moment.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::model::{Anchor, AuditRecord, Change, OverrideKey, Overrides, Revision, Seal, visible};

/// So many findings are listed; more are only counted.
const LISTED: usize = 200;
/// So much of what others wrote is shown.
const WORDS: usize = 500;

/// What was found out about the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditProof {
    /// Whether nothing was found.
    pub intact: bool,
    /// How many records are there.
    pub records: u64,
    /// The number of the oldest one.
    pub first: Option<u64>,
    /// The newest one: to be kept elsewhere, and named when it is checked again.
    pub head: Option<Anchor>,
    /// What retention has removed.
    pub cut: Option<Cut>,
    /// What was there before there was a chain.
    pub sealed_late: Option<SealedLate>,
    /// What is wrong, by place; at most 200.
    pub findings: Vec<AuditFinding>,
    /// How many there are in all.
    pub found: u64,
}

/// What retention has removed from the beginning of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cut {
    /// The newest record that was removed, with its seal: the chain begins behind it.
    #[serde(flatten)]
    pub through: Anchor,
    /// When it last removed something.
    pub at: Timestamp,
    /// How many records it has removed in all.
    pub records: u64,
}

/// Records that were sealed when the store was brought to a schema that has a chain: what was done to them
/// before cannot be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SealedLate {
    /// The newest of them.
    pub through: u64,
    /// When.
    pub at: Timestamp,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum AuditFinding {
    /// A record that nobody can read.
    Unreadable {
        /// Its place.
        sequence: u64,
    },
    /// The record, or its seal, is not the one that was written.
    Changed {
        /// Its place.
        sequence: u64,
    },
    /// It has no seal.
    Unsealed {
        /// Its place.
        sequence: u64,
    },
    /// What it is found by (time, target, revision) is not what it says.
    Mislabelled {
        /// Its place.
        sequence: u64,
    },
    /// The record was written at another place.
    Moved {
        /// Where it stands.
        sequence: u64,
        /// Where it was written.
        written: u64,
    },
    /// Records are gone.
    Missing {
        /// The first of them.
        from: u64,
        /// The last of them.
        through: u64,
    },
    /// An anchor that was kept does not fit.
    Anchor {
        /// As it was kept.
        anchor: Anchor,
        /// The seal that is there now.
        found: Seal,
    },
    /// An anchor of a record that retention has removed.
    Unknown {
        /// As it was kept.
        anchor: Anchor,
    },
    /// What is in force for a key is not what its last record says.
    Override {
        /// Which.
        key: OverrideKey,
        /// The revision of what is in force.
        revision: Revision,
    },
    /// A base in a cluster's log is not the state that this host had there.
    Base {
        /// Its place in the log.
        place: u64,
        /// Where they differ, in words.
        differs: String,
    },
}

impl fmt::Display for AuditFinding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { sequence } => write!(formatter, "record {sequence} cannot be read"),
            Self::Changed { sequence } => write!(
                formatter,
                "record {sequence}, or the seal of the one before it, was changed after it was written"
            ),
            Self::Unsealed { sequence } => write!(
                formatter,
                "record {sequence} has no seal: it was not written by this program"
            ),
            Self::Mislabelled { sequence } => write!(
                formatter,
                "record {sequence} is filed under another time, target or revision than it says"
            ),
            Self::Moved { sequence, written } => write!(
                formatter,
                "the record at place {sequence} was written as number {written}"
            ),
            Self::Missing { from, through } if from == through => {
                write!(formatter, "record {from} is missing")
            }
            Self::Missing { from, through } => {
                write!(formatter, "records {from} to {through} are missing")
            }
            Self::Anchor { anchor, found } => write!(
                formatter,
                "record {} has the seal {found}, but {} was kept: the chain was written anew",
                anchor.sequence, anchor.seal
            ),
            Self::Unknown { anchor } => write!(
                formatter,
                "the anchor of record {} cannot be checked: that record was removed by retention",
                anchor.sequence
            ),
            Self::Override { key, revision } => write!(
                formatter,
                "what is in force for {key} (revision {revision}) is not what its last record says"
            ),
            Self::Base { place, differs } => write!(
                formatter,
                "the base at {place} of the cluster's log is not the state that this host had there: {}; if other hosts \
                 do not say so, this host's view was changed: stop what runs here, put its directory (`store.view`) \
                 aside, start again",
                visible(differs, WORDS)
            ),
        }
    }
}

/// One record as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredRecord<'a> {
    pub(super) sequence: u64,
    /// In microseconds since 1970.
    pub(super) at: i64,
    pub(super) target: &'a str,
    pub(super) revision: u64,
    pub(super) record: &'a str,
    pub(super) seal: Option<&'a str>,
}

/// What a backend knows beside the records.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    /// The newest number that was ever given.
    pub(super) newest: u64,
    pub(super) overrides: Overrides,
    /// Bases of a cluster's log that are not the state that was here, by their places.
    pub(super) bases: Vec<(u64, String)>,
    /// Anchors that were named by whoever asks, not kept by the backend itself.
    pub(super) named: Vec<Anchor>,
}

/// Checks one record after the other.
#[derive(Debug)]
pub(super) struct Check {
    cut: Option<Cut>,
    sealed_late: Option<SealedLate>,
    first: Option<u64>,
    records: u64,
    /// The place before the next record, and its seal; `None`: not known, so what follows cannot be checked.
    last: u64,
    seal: Option<Seal>,
    /// Anchors that are still to be met, by place.
    anchors: BTreeMap<u64, Vec<Anchor>>,
    /// What the newest record of each key has put in force.
    left: BTreeMap<OverrideKey, (Revision, Option<Change>)>,
    findings: Vec<AuditFinding>,
    found: u64,
}

impl Check {
    /// Begins behind what retention has removed.
    pub(super) fn new(
        cut: Option<Cut>,
        sealed_late: Option<SealedLate>,
        anchors: impl Iterator<Item = Anchor>,
    ) -> Self {
        let begin = cut.map_or(
            Anchor {
                sequence: 0,
                seal: Seal::FIRST,
            },
            |cut| cut.through,
        );
        let mut check = Self {
            cut,
            sealed_late,
            first: None,
            records: 0,
            last: begin.sequence,
            seal: Some(begin.seal),
            anchors: BTreeMap::new(),
            left: BTreeMap::new(),
            findings: Vec::new(),
            found: 0,
        };
        for anchor in anchors {
            let waiting = check.anchors.entry(anchor.sequence).or_default();
            if !waiting.contains(&anchor) {
                waiting.push(anchor);
            }
        }
        check.meet(begin.sequence, Some(begin.seal));
        check
    }

    fn find(&mut self, finding: AuditFinding) {
        self.found += 1;
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        }
    }

    /// Compares the anchors of a place with its seal.
    fn meet(&mut self, sequence: u64, seal: Option<Seal>) {
        for anchor in self.anchors.remove(&sequence).unwrap_or_default() {
            match seal {
                Some(found) if found != anchor.seal => {
                    self.find(AuditFinding::Anchor { anchor, found });
                }
                // Without a seal there is a finding already.
                Some(_) | None => {}
            }
        }
    }

    /// Looks at the next record.
    pub(super) fn add(&mut self, stored: StoredRecord<'_>) {
        let sequence = stored.sequence;
        self.first = self.first.or(Some(sequence));
        self.records += 1;
        let seal: Option<Seal> = stored.seal.and_then(|text| text.parse().ok());
        let value: Option<Value> = serde_json::from_str(stored.record).ok();
        let fits = match (&value, seal, self.seal) {
            (Some(value), Some(seal), Some(before)) => Some(before.over(value) == seal),
            (_, _, _) => None,
        };
        let gap = sequence > self.last + 1;
        // Sealed over a gap: the gap was there before the chain, when retention went by time alone.
        let late = self
            .sealed_late
            .is_some_and(|late| sequence <= late.through);
        if gap && !(late && fits == Some(true)) {
            self.find(AuditFinding::Missing {
                from: self.last + 1,
                through: sequence - 1,
            });
        }
        match (&value, seal) {
            (None, _) => self.find(AuditFinding::Unreadable { sequence }),
            (Some(_), None) => self.find(AuditFinding::Unsealed { sequence }),
            (Some(_), Some(_)) if !gap && fits == Some(false) => {
                self.find(AuditFinding::Changed { sequence });
            }
            (Some(_), Some(_)) => {}
        }
        self.compare(stored);
        self.meet(sequence, seal);
        (self.last, self.seal) = (sequence, seal);
    }

    /// Compares what a record is found by with what it says, and notes what it has put in force.
    fn compare(&mut self, stored: StoredRecord<'_>) {
        let sequence = stored.sequence;
        let Ok(record) = serde_json::from_str::<AuditRecord>(stored.record) else {
            return;
        };
        if record.sequence != sequence {
            let written = record.sequence;
            self.find(AuditFinding::Moved { sequence, written });
        }
        let says = (
            record.at.as_microsecond(),
            record.key.target(),
            record.revision.0,
        );
        if says != (stored.at, stored.target, stored.revision) {
            self.find(AuditFinding::Mislabelled { sequence });
        }
        self.left
            .insert(record.key, (record.revision, record.after));
    }

    /// Looks at what is known beside the records, and sums up.
    pub(super) fn finish(mut self, beside: Beside) -> AuditProof {
        let known = self.anchors.keys().next_back().copied().unwrap_or(0);
        let newest = beside.newest.max(known);
        if newest > self.last {
            self.find(AuditFinding::Missing {
                from: self.last + 1,
                through: newest,
            });
        }
        let first = self.first.unwrap_or(self.last + 1);
        let above = self.anchors.split_off(&first);
        for anchor in std::mem::replace(&mut self.anchors, above)
            .into_values()
            .flatten()
        {
            // What the backend has kept by itself it has also removed by itself.
            if beside.named.contains(&anchor) {
                self.find(AuditFinding::Unknown { anchor });
            }
        }
        for (key, slot) in beside.overrides.slots {
            let current = slot.current.map(|current| current.change);
            let fits = match self.left.get(&key) {
                Some(left) => *left == (slot.revision, current),
                // Its record may have been removed by retention.
                None => self.cut.is_some(),
            };
            if !fits {
                let revision = slot.revision;
                self.find(AuditFinding::Override { key, revision });
            }
        }
        for (place, differs) in beside.bases {
            self.find(AuditFinding::Base { place, differs });
        }
        AuditProof {
            intact: self.found == 0,
            records: self.records,
            first: self.first,
            head: self.seal.filter(|_| self.last > 0).map(|seal| Anchor {
                sequence: self.last,
                seal,
            }),
            cut: self.cut,
            sealed_late: self.sealed_late.filter(|late| late.through >= first),
            findings: self.findings,
            found: self.found,
        }
    }
}
