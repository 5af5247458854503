//! What is special about `openai-chat`: path, authentication, where requests and answers keep what.

use http::{HeaderName, HeaderValue, header, header::InvalidHeaderValue};

/// The path below a base URL, as the SDKs ask it; a bare base gets the version that OpenAI's has.
pub(super) fn upstream_path(prefix: &str) -> String {
    let version = if prefix.is_empty() { "/v1" } else { "" };
    format!("{prefix}{version}/chat/completions")
}

/// `authorization: Bearer key`.
pub(super) fn credential(key: &str) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    HeaderValue::try_from(format!("Bearer {key}")).map(|value| (header::AUTHORIZATION, value))
}
