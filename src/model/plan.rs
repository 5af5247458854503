//! Plans: what a command would change, shown before it is applied.

use std::{fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Change, OverrideKey, Radius, Revision, RouteName, Scope, WorkloadName};

/// What an operator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// All traffic to the fallback.
    Force,
    /// Primary only.
    Hold,
    /// Armed.
    Auto,
    /// Give the notice.
    NoticeOn,
    /// Do not give the notice.
    NoticeOff,
    /// No new request to a route.
    Drain,
    /// Requests to the route again.
    Undrain,
    /// Put back what was in force before one's own last change.
    Undo,
}

impl Verb {
    /// The name used on the command line and in the audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Force => "force",
            Self::Hold => "hold",
            Self::Auto => "auto",
            Self::NoticeOn => "notice-on",
            Self::NoticeOff => "notice-off",
            Self::Drain => "drain",
            Self::Undrain => "undrain",
            Self::Undo => "undo",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A command before it is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `force`, `hold` or `auto`.
    Mode {
        /// Which workload.
        workload: WorkloadName,
        /// One of the three.
        mode: super::Mode,
        /// For how long; `None`: the default of the verb (30 min for `force` and `hold`).
        lasting: Option<Duration>,
        /// On which gateways.
        scope: Scope,
    },
    /// `notice on` or `notice off`.
    Notice {
        /// Which workload.
        workload: WorkloadName,
        /// On or off.
        enabled: bool,
        /// For how long; `None`: the default (30 min for `off`, until changed for `on`).
        lasting: Option<Duration>,
        /// On which gateways.
        scope: Scope,
    },
    /// `drain`.
    Drain {
        /// Which route.
        route: RouteName,
        /// For how long; `None`: the default of 30 min.
        lasting: Option<Duration>,
        /// On which gateways.
        scope: Scope,
    },
    /// `undrain`.
    Undrain {
        /// Which route.
        route: RouteName,
        /// On which gateways it was drained.
        scope: Scope,
    },
    /// `undo`: the actor's own newest change, or the one named.
    Undo {
        /// The audit sequence to undo.
        sequence: Option<u64>,
    },
}

impl Command {
    /// On which gateways. `None`: where the change was that is undone.
    #[must_use]
    pub const fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Mode { scope, .. }
            | Self::Notice { scope, .. }
            | Self::Drain { scope, .. }
            | Self::Undrain { scope, .. } => Some(scope),
            Self::Undo { .. } => None,
        }
    }

    /// The same on other gateways.
    #[must_use]
    pub fn within(mut self, wanted: Scope) -> Self {
        match &mut self {
            Self::Mode { scope, .. }
            | Self::Notice { scope, .. }
            | Self::Drain { scope, .. }
            | Self::Undrain { scope, .. } => *scope = wanted,
            Self::Undo { .. } => {}
        }
        self
    }
}

/// Names a plan: four hexadecimal digits and more, short enough to be read aloud.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub String);

impl fmt::Display for PlanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for PlanId {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim_start_matches('#').to_owned()))
    }
}

/// How much confirmation a change needs (UX, "Safety").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskTier {
    /// A plan line and `y`.
    Confirm,
    /// A reason digit, three letters or more of the target's name, and Enter.
    Typed,
    /// The full name and a written reason: a failed check is overridden.
    BreakGlass,
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckVerdict {
    /// Nothing stands against it.
    Pass,
    /// Worth knowing; does not stop.
    Warn,
    /// Stops; break-glass can override it.
    Fail,
    /// Stops; nothing can override it from here.
    Refuse,
}

/// One check of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Short name: `family`, `boundary`, `circuit`, `notice`, `headroom`, `traffic`, ...
    pub name: String,
    /// What it found.
    pub verdict: CheckVerdict,
    /// Why, in one sentence.
    pub why: String,
}

/// What a command would change. Nothing has changed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name.
    pub id: PlanId,
    /// When it was made.
    pub made: Timestamp,
    /// When it stops being appliable.
    pub valid_until: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// What was asked.
    pub verb: Verb,
    /// What it is about.
    pub key: OverrideKey,
    /// The revision the key must still have when it is applied.
    pub expected: Revision,
    /// The whole table's revision when it was made.
    pub revision: Revision,
    /// What is in force by this key: `None` for what wider scopes or the configuration say.
    pub before: Option<Change>,
    /// What will be in force by this key: `None` for what wider scopes or the configuration say.
    pub after: Option<Change>,
    /// When it returns by itself.
    pub expires: Option<Timestamp>,
    /// The configuration it was checked against.
    pub fingerprint: String,
    /// A digest of that part of it which the plan rests on. Empty: not known, so that any change of the
    /// configuration makes the plan stale.
    #[serde(default)]
    pub basis: String,
    /// One line: what happens to traffic now.
    pub now_line: String,
    /// One line: what will happen to it.
    pub after_line: String,
    /// What changes, in sentences: traffic that moves, who else uses the route, headroom, notices, undo.
    pub effects: Vec<String>,
    /// The checks, worst first.
    pub checks: Vec<Check>,
    /// How much confirmation it needs.
    pub tier: RiskTier,
    /// The audit sequence that it undoes.
    pub undoes: Option<u64>,
    /// Which gateways it reaches.
    #[serde(default)]
    pub radius: Radius,
}

impl Plan {
    /// The check that no confirmation can override.
    #[must_use]
    pub fn refusal(&self) -> Option<&Check> {
        self.checks
            .iter()
            .find(|check| check.verdict == CheckVerdict::Refuse)
    }

    /// The name to type.
    #[must_use]
    pub fn target(&self) -> &str {
        self.key.target()
    }
}
