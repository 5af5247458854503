//! Overrides: what operators changed for a while, with the revision that compare-and-set rests on.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, AuditRecord, PlanId, ReasonCode, RouteName, WorkloadName};

/// Counts every change of the override table; grows by one or more with each. 0: nothing was ever changed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// A workload's switch.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Armed: falls back on a trigger.
    #[default]
    Auto,
    /// Primary only.
    Hold,
    /// All traffic to the fallback.
    Force,
}

impl Mode {
    /// The name used in configuration and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Hold => "hold",
            Self::Force => "force",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What an override is about. Written as `mode/support-chat`, `notice/support-chat`, `drain/stable-chat`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OverrideKey {
    /// A workload's mode.
    Mode(WorkloadName),
    /// A workload's notice.
    Notice(WorkloadName),
    /// A route's drain.
    Drain(RouteName),
}

impl OverrideKey {
    /// The name of the workload or route, which an operator types to confirm.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::Mode(workload) | Self::Notice(workload) => workload.as_str(),
            Self::Drain(route) => route.as_str(),
        }
    }
}

impl fmt::Display for OverrideKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(workload) => write!(formatter, "mode/{workload}"),
            Self::Notice(workload) => write!(formatter, "notice/{workload}"),
            Self::Drain(route) => write!(formatter, "drain/{route}"),
        }
    }
}

impl FromStr for OverrideKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('/') {
            Some(("mode", name)) => Ok(Self::Mode(name.into())),
            Some(("notice", name)) => Ok(Self::Notice(name.into())),
            Some(("drain", name)) => Ok(Self::Drain(name.into())),
            _ => Err(format!("`{text}` is not an override key")),
        }
    }
}

impl Serialize for OverrideKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OverrideKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The value an override sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// For [`OverrideKey::Mode`].
    Mode(Mode),
    /// For [`OverrideKey::Notice`]: given or not.
    Notice(bool),
    /// For [`OverrideKey::Drain`]: no new request goes to the route.
    Drain,
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mode(mode) => mode.fmt(formatter),
            Self::Notice(true) => formatter.write_str("notice on"),
            Self::Notice(false) => formatter.write_str("notice off"),
            Self::Drain => formatter.write_str("drained"),
        }
    }
}

/// An operator's change that is in force, or was until it expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// What it sets.
    pub change: Change,
    /// Who made it.
    pub actor: Actor,
    /// When it was made.
    pub since: Timestamp,
    /// When it ends by itself. `None`: only by hand.
    pub expires: Option<Timestamp>,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// Why, in words; may be empty where the tier allows it.
    pub note: String,
    /// The ticket, when given.
    pub ticket: Option<String>,
    /// Whether a failed check was overridden.
    pub break_glass: bool,
}

impl Override {
    /// Whether it is still in force.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// One key's place in the table. It outlives its override, so that the revision is never reused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The revision of the key's last change.
    pub revision: Revision,
    /// The override, or `None` after it was ended.
    pub current: Option<Override>,
}

/// The whole table at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// The newest change in it.
    pub revision: Revision,
    /// By key.
    pub slots: BTreeMap<OverrideKey, Slot>,
}

impl Overrides {
    /// The revision a change of this key must name: that of its last change, or 0.
    #[must_use]
    pub fn expected(&self, key: &OverrideKey) -> Revision {
        self.slots
            .get(key)
            .map_or(Revision::default(), |slot| slot.revision)
    }

    /// The override in force for a key.
    #[must_use]
    pub fn active(&self, key: &OverrideKey, now: Timestamp) -> Option<&Override> {
        self.slots
            .get(key)?
            .current
            .as_ref()
            .filter(|entry| entry.active(now))
    }

    /// Every override in force.
    pub fn all_active(&self, now: Timestamp) -> impl Iterator<Item = (&OverrideKey, &Override)> {
        self.slots.iter().filter_map(move |(key, slot)| {
            let entry = slot.current.as_ref()?;
            entry.active(now).then_some((key, entry))
        })
    }

    /// The next moment at which an override ends by itself.
    #[must_use]
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        self.all_active(now)
            .filter_map(|(_, entry)| entry.expires)
            .min()
    }
}

/// A compare-and-set with its audit record; both are committed together or not at all.
#[derive(Clone, Debug)]
pub struct ChangeRequest {
    /// What is changed.
    pub key: OverrideKey,
    /// The revision the key must still have.
    pub expected: Revision,
    /// The new value; `None` ends the override.
    pub next: Option<Override>,
    /// What is written to the audit. `sequence`, `revision` and `before` are filled in by the store.
    pub audit: AuditRecord,
    /// Marks the plan as applied, so that it cannot be applied twice.
    pub plan: Option<PlanId>,
    /// Workloads whose fallback it arms or forces although no review allows it: a review of each is owed.
    pub owes: Vec<WorkloadName>,
}

/// Somebody else was faster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What was to be changed.
    pub key: OverrideKey,
    /// What the caller expected.
    pub expected: Revision,
    /// What is there.
    pub found: Slot,
    /// The audit record of the change that won, for saying who and why.
    pub winner: Option<Box<AuditRecord>>,
}
