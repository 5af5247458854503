//! Overrides: what operators changed for a while, with the revision that compare-and-set rests on.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, AuditRecord, PlanId, ReasonCode, RouteName, Scope, WorkloadName};

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

/// What an override is about, wherever it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A workload's mode.
    Mode(WorkloadName),
    /// A workload's notice.
    Notice(WorkloadName),
    /// A route's drain.
    Drain(RouteName),
}

impl Subject {
    /// The name of the workload or route, which an operator types to confirm.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::Mode(workload) | Self::Notice(workload) => workload.as_str(),
            Self::Drain(route) => route.as_str(),
        }
    }
}

/// What an override is about and where it holds: each is a place of its own in the table, with its own revision.
///
/// Written as `mode/support-chat`, `notice/support-chat`, `drain/stable-chat` where it holds on all gateways, and as
/// `mode/support-chat@region:eu-west` or `mode/support-chat@host:ops-1` where it holds on some.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OverrideKey {
    /// What it is about.
    pub subject: Subject,
    /// Where it holds.
    pub scope: Scope,
}

impl From<Subject> for OverrideKey {
    fn from(subject: Subject) -> Self {
        Self {
            subject,
            scope: Scope::All,
        }
    }
}

impl OverrideKey {
    /// A workload's mode on all gateways.
    #[must_use]
    pub fn mode(workload: WorkloadName) -> Self {
        Subject::Mode(workload).into()
    }

    /// A workload's notice on all gateways.
    #[must_use]
    pub fn notice(workload: WorkloadName) -> Self {
        Subject::Notice(workload).into()
    }

    /// A route's drain on all gateways.
    #[must_use]
    pub fn drain(route: RouteName) -> Self {
        Subject::Drain(route).into()
    }

    /// The same subject in another scope.
    #[must_use]
    pub fn within(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// The name of the workload or route, which an operator types to confirm.
    #[must_use]
    pub fn target(&self) -> &str {
        self.subject.target()
    }

    /// The target and, unless it is meant on all gateways, where: `support-chat in region eu-west`.
    #[must_use]
    pub fn named(&self) -> String {
        match &self.scope {
            Scope::All => self.target().to_owned(),
            Scope::Region(_) | Scope::Host(_) => {
                format!("{} {}", self.target(), self.scope.words())
            }
        }
    }
}

impl fmt::Display for OverrideKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Mode(workload) => write!(formatter, "mode/{workload}")?,
            Subject::Notice(workload) => write!(formatter, "notice/{workload}")?,
            Subject::Drain(route) => write!(formatter, "drain/{route}")?,
        }
        match &self.scope {
            Scope::All => Ok(()),
            Scope::Region(_) | Scope::Host(_) => write!(formatter, "@{}", self.scope),
        }
    }
}

impl FromStr for OverrideKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an override key");
        let (kind, rest) = text.split_once('/').ok_or_else(wrong)?;
        let (name, scope) = match rest.split_once('@') {
            None => (rest, Scope::All),
            // One form for one key: `all` is not written.
            Some((name, scope)) => match scope.parse() {
                Ok(Scope::All) | Err(_) => return Err(wrong()),
                Ok(scope) => (name, scope),
            },
        };
        let subject = match kind {
            "mode" => Subject::Mode(name.into()),
            "notice" => Subject::Notice(name.into()),
            "drain" => Subject::Drain(name.into()),
            _ => return Err(wrong()),
        };
        Ok(Self { subject, scope })
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
    /// For [`Subject::Mode`].
    Mode(Mode),
    /// For [`Subject::Notice`]: given or not.
    Notice(bool),
    /// For [`Subject::Drain`]: no new request goes to the route.
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

    /// The override in force for a key: for exactly this scope, whatever holds within wider or narrower ones.
    #[must_use]
    pub fn active(&self, key: &OverrideKey, now: Timestamp) -> Option<&Override> {
        self.slots
            .get(key)?
            .current
            .as_ref()
            .filter(|entry| entry.active(now))
    }

    /// The overrides in force for a subject in every scope, the widest first.
    pub fn scoped<'a>(
        &'a self,
        subject: &Subject,
        now: Timestamp,
    ) -> impl Iterator<Item = (&'a OverrideKey, &'a Override)> {
        self.slots
            .range(OverrideKey::from(subject.clone())..)
            .take_while({
                let subject = subject.clone();
                move |(key, _)| key.subject == subject
            })
            .filter_map(move |(key, slot)| {
                let entry = slot.current.as_ref()?;
                entry.active(now).then_some((key, entry))
            })
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{OverrideKey, Scope, Subject};

    #[test]
    fn keys_are_written_as_they_always_were_unless_they_name_a_scope() {
        for (key, written) in [
            (OverrideKey::mode("chat".into()), "mode/chat"),
            (OverrideKey::notice("chat".into()), "notice/chat"),
            (OverrideKey::drain("premium".into()), "drain/premium"),
            (
                OverrideKey::mode("chat".into()).within(Scope::Region("eu-west".into())),
                "mode/chat@region:eu-west",
            ),
            (
                OverrideKey::drain("premium".into()).within(Scope::Host("ops-1".into())),
                "drain/premium@host:ops-1",
            ),
        ] {
            assert_eq!(key.to_string(), written);
            assert_eq!(written.parse(), Ok(key));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_and_each_key_has_one_form() {
        for text in [
            "",
            "mode",
            "size/chat",
            "mode/chat@all",
            "mode/chat@",
            "mode/chat@zone:a",
        ] {
            assert!(text.parse::<OverrideKey>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_read_back_whatever_a_host_calls_itself(
            name in "[a-z0-9]([a-z0-9._-]{0,20}[a-z0-9])?",
            place in ".{1,70}",
            kind in 0..3_u8,
            scope in 0..3_u8,
        ) {
            let subject = match kind {
                0 => Subject::Mode(name.as_str().into()),
                1 => Subject::Notice(name.as_str().into()),
                _ => Subject::Drain(name.as_str().into()),
            };
            let scope = match scope {
                0 => Scope::All,
                1 => Scope::Region(place.as_str().into()),
                _ => Scope::Host(place.as_str().into()),
            };
            let key = OverrideKey { subject, scope };
            prop_assert_eq!(key.to_string().parse::<OverrideKey>(), Ok(key.clone()));
            let json = serde_json::to_string(&key).unwrap();
            prop_assert_eq!(serde_json::from_str::<OverrideKey>(&json).unwrap(), key.clone());
            prop_assert_eq!(key.target(), name.as_str());
        }
    }
}
