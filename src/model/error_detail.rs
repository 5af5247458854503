//! Error details: what operators want told apart inside one error class.
//!
//! A detail is for people and never for the policy: no detail is a trigger, and none changes what is decided.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What exactly was wrong, where a code or the provider's own words settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorDetail {
    /// The request does not fit into the model's context window.
    ContextLength,
    /// The provider's filter refused the content. Another route must never be tried for it.
    ContentFilter,
    /// The provider does not know the model: the configuration of the route is wrong, or the model is gone.
    UnknownModel,
    /// A limit on money, or on a period, that somebody set or used up.
    SpendLimit,
    /// The provider does not accept the credential, whatever status it said so with.
    Credential,
}

impl ErrorDetail {
    /// The name used in events, labels and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContextLength => "context-length",
            Self::ContentFilter => "content-filter",
            Self::UnknownModel => "unknown-model",
            Self::SpendLimit => "spend-limit",
            Self::Credential => "credential",
        }
    }

    /// Whether the route's own configuration is at fault, so that every request on it will fail.
    #[must_use]
    pub const fn is_config_alarm(self) -> bool {
        match self {
            Self::UnknownModel | Self::Credential => true,
            Self::ContextLength | Self::ContentFilter | Self::SpendLimit => false,
        }
    }
}

impl fmt::Display for ErrorDetail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
