//! The methods of a family other than the one it is for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a client asked that was not an answer of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// How many tokens a request would have.
    CountTokens,
    /// A conversation made short.
    Compact,
    /// A response that the provider keeps: to fetch it, to stop it, to delete it.
    Stored,
}

impl Method {
    /// The name used on screens and in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CountTokens => "count-tokens",
            Self::Compact => "compact",
            Self::Stored => "stored",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
