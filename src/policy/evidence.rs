//! Evidence: what was seen of a failed attempt, before anybody judged it.
//!
//! Made by `wire` (answers) and the gateway (clocks, connections); read by [`super::classify()`].

use std::time::Duration;

use crate::model::Secret;

/// Which clock ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeoutStage {
    /// No response head in time.
    Headers,
    /// No semantic output in time.
    FirstOutput,
    /// Too long between two chunks.
    Idle,
    /// The answer as a whole took too long.
    Total,
}

/// Why there was no usable connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnreachableKind {
    /// The name did not resolve.
    Dns,
    /// Refused, or no answer to the connect.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// The connection ended before a response head.
    ResetBeforeHeaders,
}

/// How an answer was not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BrokenKind {
    /// A 2xx whose body is an error object.
    ErrorInsideSuccess,
    /// An error event in a stream.
    StreamError,
    /// HTML where JSON or events were asked.
    Html,
    /// JSON that does not parse, `null`, or not of the family's shape.
    Malformed,
    /// A 2xx with no body.
    Empty,
    /// A redirect; never followed with credentials.
    Redirect,
    /// JSON where a stream was asked, or a stream where JSON was asked.
    WrongContentType,
    /// The connection ended in the middle of the body.
    Cut,
    /// The stream ended without the family's end marker.
    MissingEnd,
}

/// The provider's own error object, as far as it could be read. Texts are as sent: not sanitised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderError {
    /// `error.type` (OpenAI, Anthropic) or `error.status` (Gemini).
    pub kind: Option<String>,
    /// `error.code`, `error.details.error_code`, or a Gemini quota id.
    pub code: Option<String>,
    /// `error.message`, at most 2 kB.
    pub message: Option<String>,
}

/// What was seen of a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A response head with an error status (4xx, 5xx).
    Response {
        /// The status.
        status: u16,
        /// The error object.
        error: ProviderError,
        /// The provider's hint, in any of its spellings; not clamped.
        retry_after: Option<Duration>,
    },
    /// A clock of the workload ran out.
    Timeout {
        /// Which.
        stage: TimeoutStage,
        /// Whether the limit was the caller's own: counts against the caller, not the route.
        caller: bool,
    },
    /// No usable connection.
    Unreachable {
        /// Why.
        kind: UnreachableKind,
    },
    /// A success status, and yet no usable answer.
    Broken {
        /// How.
        kind: BrokenKind,
        /// The error object, where there was one.
        error: ProviderError,
        /// The status, when a head was seen.
        status: Option<u16>,
        /// The provider's hint, in any of its spellings; not clamped.
        retry_after: Option<Duration>,
    },
}

impl Evidence {
    /// Hides a key in the provider's words, should it repeat that.
    #[must_use]
    pub fn without(mut self, secret: Option<&Secret>) -> Self {
        if let (Some(secret), Self::Response { error, .. } | Self::Broken { error, .. }) =
            (secret, &mut self)
        {
            [&mut error.kind, &mut error.code, &mut error.message]
                .into_iter()
                .flatten()
                .for_each(|text| secret.hide_in(text));
        }
        self
    }
}
