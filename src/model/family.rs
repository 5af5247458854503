//! Families: the wire shape and authentication style that a client and its routes must share.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A wire shape. A fallback never crosses families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// `POST /v1/chat/completions`, bearer key.
    OpenaiChat,
    /// `POST /v1/responses`, bearer key.
    OpenaiResponses,
    /// `POST /v1/embeddings`, bearer key.
    OpenaiEmbeddings,
    /// `POST /v1/messages`, `x-api-key`.
    AnthropicMessages,
    /// `POST /v1beta/models/{model}:generateContent`, `x-goog-api-key`.
    GeminiGenerate,
}

impl Family {
    /// Every family, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::OpenaiEmbeddings,
        Self::AnthropicMessages,
        Self::GeminiGenerate,
    ];

    /// The name used in configuration, events and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenaiChat => "openai-chat",
            Self::OpenaiResponses => "openai-responses",
            Self::OpenaiEmbeddings => "openai-embeddings",
            Self::AnthropicMessages => "anthropic-messages",
            Self::GeminiGenerate => "gemini-generate",
        }
    }

    /// Whether a notice can stand inside its answers. Vectors have no place for one; the text of a response
    /// is told three times over (pieces, finished parts, the whole), counted in annotations, and stored at
    /// the provider: a notice inside could not be in all of them. There the header tells.
    #[must_use]
    pub const fn takes_inline_notice(self) -> bool {
        match self {
            Self::OpenaiChat | Self::AnthropicMessages | Self::GeminiGenerate => true,
            Self::OpenaiResponses | Self::OpenaiEmbeddings => false,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Family {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|family| family.as_str() == text)
            .ok_or(())
    }
}
