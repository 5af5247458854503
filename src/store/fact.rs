//! Facts: what changes the state of a fleet, each a whole transaction, written down so that every host that applies
//! them in their order comes to the same state.
//!
//! A fact is worked out once, by the host that wants it, with the rules of `rules`; the others only apply it. Records
//! of the audit are carried as they are sealed, also with what only a newer version knows, so that the chain of seals
//! is the same everywhere. Pure: nothing here talks to a server or a file.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod base;

use super::{packing, rules::Applied};
use crate::model::{
    Anchor, AuditRecord, ChangeRequest, Conflict, Debt, OverrideKey, Plan, PlanId, ReviewHead,
    ReviewId, Slot,
};

pub(super) use self::base::{Base, Bases, KeptPlan, KeptReview, KeptSlot, Noted};

/// The newest form that this binary understands. It grows when an older one must not pass over what is new.
pub(super) const VERSION: u32 = 1;
/// What is larger is packed.
const PACKED: usize = 16 * 1024;
/// Nothing larger is unpacked.
const LIMIT: usize = 512 * 1024 * 1024;

/// One transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fact {
    /// Its form.
    pub(super) version: u32,
    /// Names it among all of the fleet; the name of its message.
    pub(super) id: String,
    /// When it was worked out, by the clock of whoever did.
    pub(super) at: Timestamp,
    /// What it does.
    pub(super) deed: Deed,
}

/// What a fact does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Deed {
    /// Overrides are set or ended.
    Changed {
        /// Key after key.
        keys: Vec<KeyChange>,
        /// The plan that is thereby applied, at the revision of the last key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<PlanId>,
    },
    /// A plan is kept.
    Planned {
        /// The plan.
        plan: Plan,
    },
    /// The audit goes on behind a record of another store, which is not here: retention has removed it there.
    Continued {
        /// Behind which.
        after: Anchor,
    },
    /// A review is kept. Its outputs are elsewhere, and were there before.
    Reviewed {
        /// Without the outputs.
        head: ReviewHead,
        /// What was owed for its workload before it was made is paid.
        settles: bool,
    },
    /// Every view forgets this.
    Forgotten {
        /// The records of the audit up to this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        through: Option<Anchor>,
        /// The outputs of these reviews. They were removed before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        outputs: Vec<ReviewId>,
        /// These reviews, whole. Their outputs were removed before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reviews: Vec<ReviewId>,
    },
    /// The state is written down as a whole, as it is here; it changes nothing.
    Based {
        /// It.
        base: Box<Base>,
    },
}

/// What becomes of one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeyChange {
    /// Which.
    pub(super) key: OverrideKey,
    /// Its new place in the table.
    pub(super) slot: Slot,
    /// Audit records, in order, as they are sealed.
    pub(super) records: Vec<Value>,
    /// Reviews that are owed from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) debts: Vec<Debt>,
}

/// How far a view of a fleet's log is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Of which log it is: when that log's stream was made. `None`: of none yet.
    pub(super) lineage: Option<String>,
    /// The newest sequence in it; 0: none.
    pub(super) applied: u64,
    /// The name of the fact at that sequence, when it is known.
    pub(super) id: Option<String>,
}

/// What somebody wants of the state.
#[derive(Clone, Debug)]
pub(super) enum Request {
    /// To change an override.
    Change(Box<ChangeRequest>),
    /// To end what has expired.
    EndExpired,
    /// To take over what another store did, when the audit here ends where it ended there.
    TakeOver {
        /// Where.
        after: Anchor,
        /// What it did.
        deed: Box<Deed>,
    },
    /// To keep a plan.
    Plan(Plan),
    /// To keep a review.
    Review {
        /// Without its outputs.
        head: ReviewHead,
        /// Whether it pays what is owed.
        settles: bool,
    },
    /// To forget what is old.
    Forget {
        /// The audit records from before this moment, up to the first that is not.
        before: Option<Timestamp>,
        /// The outputs of these reviews, as far as they are kept.
        outputs: Vec<ReviewId>,
        /// These reviews, as far as they are kept.
        reviews: Vec<ReviewId>,
    },
    /// To write the whole state down.
    Base {
        /// Unless somebody did so behind this place.
        behind: u64,
    },
}

/// Why the state does not allow it.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// Somebody else was faster.
    Conflict(Box<Conflict>),
    /// The plan was applied before.
    PlanUsed,
    /// Another plan of this id waits to be applied.
    PlanTaken(PlanId),
    /// A review of this id is there.
    ReviewThere(ReviewId),
    /// The audit ends elsewhere.
    OtherPast,
}

/// What came of working something out.
#[derive(Clone, Debug)]
pub(super) enum Worked {
    /// This has to become true.
    Out(Box<Deed>),
    /// There is nothing to do.
    Nothing,
    /// It is not allowed.
    Refused(Refusal),
}

/// Why a fact cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// Written by a newer Backstop.
    #[error(
        "a newer Backstop wrote to it (form {found}, this binary knows {VERSION}); upgrade backstop"
    )]
    Newer {
        /// Its form.
        found: u32,
    },
    /// Not a fact.
    #[error("what is written there is no fact: {0}")]
    Damaged(String),
}

impl Fact {
    /// A fact of this binary's form.
    pub(super) fn new(id: String, at: Timestamp, deed: Deed) -> Self {
        Self {
            version: VERSION,
            id,
            at,
            deed,
        }
    }

    /// As it is written down.
    pub(super) fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let text = serde_json::to_vec(self)?;
        if text.len() < PACKED {
            return Ok(text);
        }
        packing::pack(&text).map_err(serde::ser::Error::custom)
    }

    /// Reads it back.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        let unpacked;
        let bytes = if packing::is_packed(bytes) {
            unpacked = packing::unpack(bytes, LIMIT)
                .map_err(|error| Unreadable::Damaged(error.to_string()))?;
            &unpacked
        } else {
            bytes
        };
        let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
        let Form { version } = serde_json::from_slice(bytes).map_err(damaged)?;
        if version > VERSION {
            return Err(Unreadable::Newer { found: version });
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// The audit records that it adds, in order. What cannot be read as one is left out.
    pub(super) fn records(&self) -> Vec<AuditRecord> {
        match &self.deed {
            Deed::Changed { keys, .. } => keys
                .iter()
                .flat_map(|change| &change.records)
                .filter_map(|record| AuditRecord::deserialize(record).ok())
                .collect(),
            Deed::Continued { .. }
            | Deed::Planned { .. }
            | Deed::Reviewed { .. }
            | Deed::Forgotten { .. }
            | Deed::Based { .. } => Vec::new(),
        }
    }
}

impl KeyChange {
    /// What the rules answered for a key.
    pub(super) fn new(key: OverrideKey, applied: Applied) -> Result<Self, serde_json::Error> {
        let records = applied.records.iter().map(serde_json::to_value);
        Ok(Self {
            key,
            slot: applied.slot,
            records: records.collect::<Result<_, _>>()?,
            debts: applied.debts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Revision;

    fn at() -> Timestamp {
        "2026-11-21T14:32:00Z".parse().unwrap()
    }

    #[test]
    fn what_is_written_comes_back_with_what_only_a_newer_version_knows() {
        let fact = Fact::new(
            "one".to_owned(),
            at(),
            Deed::Changed {
                keys: vec![KeyChange {
                    key: OverrideKey::mode("chat".into()),
                    slot: Slot {
                        revision: Revision(7),
                        current: None,
                    },
                    records: vec![serde_json::json!({"sequence": 3, "later": {"b": 1, "a": [2]}})],
                    debts: Vec::new(),
                }],
                plan: Some(PlanId("7f3a".to_owned())),
            },
        );
        let written = fact.write().unwrap();
        assert_eq!(Fact::read(&written), Ok(fact.clone()));
        // A field that we do not know is no reason to stop; a form that we do not know is.
        let mut value: Value = serde_json::from_slice(&written).unwrap();
        value["further"] = Value::from(1);
        assert_eq!(Fact::read(value.to_string().as_bytes()), Ok(fact));
        value["version"] = Value::from(VERSION + 1);
        value["deed"] = serde_json::json!({"conquered": {}});
        assert_eq!(
            Fact::read(value.to_string().as_bytes()),
            Err(Unreadable::Newer { found: VERSION + 1 })
        );
        assert!(matches!(
            Fact::read(b"{\"version\":1}"),
            Err(Unreadable::Damaged(_))
        ));
    }

    fn base() -> Base {
        let keys = ["chat", "embed", "search"];
        let slots = keys.iter().zip(1..).map(|(name, revision)| KeptSlot {
            key: OverrideKey::mode((*name).into()),
            slot: Slot {
                revision: Revision(revision),
                current: None,
            },
        });
        Base {
            head: Anchor {
                sequence: 3,
                seal: crate::model::Seal::FIRST,
            },
            slots: slots.collect(),
            plans: Vec::new(),
            reviews: Vec::new(),
            debts: Vec::new(),
        }
    }

    #[test]
    fn what_is_large_is_packed_and_damage_is_said() {
        let mut large = base();
        large.slots = std::iter::repeat_n(large.slots, 200).flatten().collect();
        for (base, packed) in [(base(), false), (large, true)] {
            let base = Box::new(base);
            let fact = Fact::new("one".to_owned(), at(), Deed::Based { base });
            let written = fact.write().unwrap();
            assert_eq!(packing::is_packed(&written), packed);
            assert_eq!(Fact::read(&written), Ok(fact));
            let cut = &written[..written.len() / 2];
            assert!(matches!(Fact::read(cut), Err(Unreadable::Damaged(_))));
        }
    }

    #[test]
    fn where_a_base_differs_is_said() {
        let own = base();
        assert_eq!(own.differs(&own), None);
        let mut lost = base();
        lost.slots.remove(1);
        assert_eq!(
            lost.differs(&own).unwrap(),
            "override mode/search at revision 3, here mode/embed at revision 2"
        );
        let mut older = base();
        older.head.sequence = 2;
        older.slots.pop();
        let words = older.differs(&own).unwrap();
        assert!(words.contains("the audit ends with 2:"), "{words}");
        assert!(
            words.ends_with("override none, here mode/search at revision 3"),
            "{words}"
        );
    }
}
