//! The shapes that are simulated, and which reader and writer belongs to which.

use http::{HeaderMap, header};
use serde_json::Value;

use super::{
    anthropic,
    ask::{Ask, Events, Invalid, Reply},
    cast::Member,
    fault::FaultKind,
    gemini, openai, openai_embeddings, openai_responses,
};
use crate::model::Family;

/// A family that is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `POST /v1/chat/completions`.
    OpenaiChat,
    /// `POST /v1/responses`.
    OpenaiResponses,
    /// `POST /v1/embeddings`.
    OpenaiEmbeddings,
    /// `POST /v1/messages`.
    AnthropicMessages,
    /// `POST /v1beta/models/{model}:generateContent` and its like.
    GeminiGenerate,
}

impl Shape {
    /// The family as configured.
    pub(super) const fn family(self) -> Family {
        match self {
            Self::OpenaiChat => Family::OpenaiChat,
            Self::OpenaiResponses => Family::OpenaiResponses,
            Self::OpenaiEmbeddings => Family::OpenaiEmbeddings,
            Self::AnthropicMessages => Family::AnthropicMessages,
            Self::GeminiGenerate => Family::GeminiGenerate,
        }
    }

    /// What else a provider of this shape speaks at another path, itself included.
    pub(super) const fn kin(self) -> &'static [Self] {
        match self {
            Self::OpenaiChat | Self::OpenaiResponses | Self::OpenaiEmbeddings => &[
                Self::OpenaiChat,
                Self::OpenaiResponses,
                Self::OpenaiEmbeddings,
            ],
            Self::AnthropicMessages => &[Self::AnthropicMessages],
            Self::GeminiGenerate => &[Self::GeminiGenerate],
        }
    }

    /// Where it generates; below it, when the path names the model.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::OpenaiChat => "/v1/chat/completions",
            Self::OpenaiResponses => "/v1/responses",
            Self::OpenaiEmbeddings => "/v1/embeddings",
            Self::AnthropicMessages => "/v1/messages",
            Self::GeminiGenerate => "/v1beta/models",
        }
    }

    /// The response header with the id of the request.
    pub(super) const fn request_id_header(self) -> &'static str {
        match self {
            Self::OpenaiChat | Self::OpenaiResponses | Self::OpenaiEmbeddings => "x-request-id",
            Self::AnthropicMessages => "request-id",
            Self::GeminiGenerate => "x-goog-request-id",
        }
    }

    /// The key that a client sent.
    pub(super) fn key(self, headers: &HeaderMap) -> Option<&str> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match self {
            Self::OpenaiChat | Self::OpenaiResponses | Self::OpenaiEmbeddings => {
                text(header::AUTHORIZATION.as_str())?.strip_prefix("Bearer ")
            }
            Self::AnthropicMessages => text("x-api-key"),
            Self::GeminiGenerate => text("x-goog-api-key"),
        }
    }

    /// Reads a request.
    pub(super) fn read(self, body: &Value) -> Result<Ask, Invalid> {
        match self {
            Self::OpenaiChat => openai::read(body),
            Self::OpenaiResponses => openai_responses::read(body),
            Self::OpenaiEmbeddings => openai_embeddings::read(body),
            Self::AnthropicMessages => anthropic::read(body),
            Self::GeminiGenerate => gemini::read(body),
        }
    }

    /// An answer in one piece.
    pub(super) fn whole(self, reply: &Reply) -> Value {
        match self {
            Self::OpenaiChat => openai::whole(reply),
            Self::OpenaiResponses => openai_responses::whole(reply),
            Self::OpenaiEmbeddings => openai_embeddings::whole(reply),
            Self::AnthropicMessages => anthropic::whole(reply),
            Self::GeminiGenerate => gemini::whole(reply),
        }
    }

    /// An answer as a stream.
    pub(super) fn events(self, reply: &Reply, usage: bool, array: bool) -> Events {
        match self {
            Self::OpenaiChat => openai::events(reply, usage),
            Self::OpenaiResponses => openai_responses::events(reply),
            // Nobody reads a stream of vectors: their reader never asks for one.
            Self::OpenaiEmbeddings => Events::default(),
            Self::AnthropicMessages => anthropic::events(reply),
            Self::GeminiGenerate => gemini::events(reply, array),
        }
    }

    /// The list of models.
    pub(super) fn models(self, member: &Member) -> Value {
        match self {
            Self::OpenaiChat | Self::OpenaiResponses | Self::OpenaiEmbeddings => {
                openai::models(member)
            }
            Self::AnthropicMessages => anthropic::models(member),
            Self::GeminiGenerate => gemini::models(member),
        }
    }

    /// The body of a fault that is told by a status.
    pub(super) fn error(self, kind: FaultKind, request_id: &str) -> Value {
        match self {
            Self::OpenaiChat | Self::OpenaiResponses | Self::OpenaiEmbeddings => {
                openai::error(kind)
            }
            Self::AnthropicMessages => anthropic::error(kind, request_id),
            Self::GeminiGenerate => gemini::error(kind),
        }
    }

    /// The body of a request that is wrong by itself.
    pub(super) fn invalid(self, invalid: &Invalid, request_id: &str) -> Value {
        match self {
            Self::OpenaiChat | Self::OpenaiResponses | Self::OpenaiEmbeddings => {
                openai::invalid(invalid)
            }
            Self::AnthropicMessages => anthropic::invalid(invalid, request_id),
            Self::GeminiGenerate => gemini::invalid(invalid),
        }
    }
}
