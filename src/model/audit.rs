//! Audit: who changed what, why, until when, and what it replaced.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Change, OverrideKey, PlanId, Revision, Verb};

/// Who acted, as the operating system knows them; a declared name stands beside it, never instead of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// `SUDO_USER`, or the login user; `backstop` for what the program does by itself.
    pub user: String,
    /// What the operator calls themselves, when declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    /// The host on which they acted.
    pub host: String,
    /// Client address from `SSH_CONNECTION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// `console`, `cli` or `gateway`.
    pub via: String,
}

impl Actor {
    /// The name to show: declared, else user.
    #[must_use]
    pub fn name(&self) -> &str {
        self.declared.as_deref().unwrap_or(&self.user)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// Why an operator acted, as one digit on the plan screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// The provider answers with server errors.
    #[serde(rename = "5xx")]
    ServerErrors,
    /// The provider is too slow.
    Timeout,
    /// The provider limits the rate.
    RateLimit,
    /// The output is bad.
    Quality,
    /// A rehearsal.
    Drill,
    /// Something else, in words.
    Other,
    /// Ended by itself, or undone: given by the program, not by an operator.
    Automatic,
}

impl ReasonCode {
    /// The codes an operator may choose, in the order of their digits 1 to 6.
    pub const CHOICES: [Self; 6] = [
        Self::ServerErrors,
        Self::Timeout,
        Self::RateLimit,
        Self::Quality,
        Self::Drill,
        Self::Other,
    ];

    /// The name used on the command line and in the audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ServerErrors => "5xx",
            Self::Timeout => "timeout",
            Self::RateLimit => "rate-limit",
            Self::Quality => "quality",
            Self::Drill => "drill",
            Self::Other => "other",
            Self::Automatic => "automatic",
        }
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for ReasonCode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::CHOICES
            .into_iter()
            .find(|code| code.as_str() == text)
            .ok_or_else(|| {
                format!("`{text}` is not a reason; use one of 5xx, timeout, rate-limit, quality, drill, other")
            })
    }
}

/// One line of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its place in the audit; grows by one. 0 until stored.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What they did; `None`: an override that expired.
    pub verb: Option<Verb>,
    /// To what.
    pub key: OverrideKey,
    /// What was in force before; `None`: the configuration.
    pub before: Option<Change>,
    /// What is in force after; `None`: the configuration.
    pub after: Option<Change>,
    /// Until when.
    pub expires: Option<Timestamp>,
    /// Why, as a code.
    pub reason: ReasonCode,
    /// Why, in words.
    pub note: String,
    /// The ticket.
    pub ticket: Option<String>,
    /// The revision that the change made.
    pub revision: Revision,
    /// The plan that was applied.
    pub plan: Option<PlanId>,
    /// The audit sequence that this change undoes.
    pub undoes: Option<u64>,
    /// Whether a failed check was overridden.
    pub break_glass: bool,
}
