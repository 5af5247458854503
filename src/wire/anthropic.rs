//! What is special about `anthropic-messages`: path, authentication, where requests and answers keep what.

use http::{HeaderMap, HeaderName, HeaderValue, header::InvalidHeaderValue};

/// The path below a base URL, as the SDKs ask it; a base that names the version already gets none.
pub(super) fn upstream_path(prefix: &str) -> String {
    let version = if prefix.ends_with("/v1") { "" } else { "/v1" };
    format!("{prefix}{version}/messages")
}

/// `x-api-key: key`.
pub(super) fn credential(key: &str) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    HeaderValue::try_from(key).map(|value| (HeaderName::from_static("x-api-key"), value))
}

/// The API demands a version; a client that named one keeps it.
pub(super) fn demanded_headers(upstream: &mut HeaderMap) {
    upstream
        .entry("anthropic-version")
        .or_insert_with(|| HeaderValue::from_static("2023-06-01"));
}
