//! In whose words a client is answered before a family is known: lists of models, and request lines that
//! mean nothing.

use http::HeaderMap;

use super::{Shape, gemini};

/// The shape that a client most likely reads: by the path, then by what only one family's clients send.
/// `None`: nothing says.
#[must_use]
pub fn dialect(path: &str, query: Option<&str>, headers: &HeaderMap) -> Option<Shape> {
    let below = match path.strip_prefix("/w/") {
        Some(named) => named.split_once('/').map_or("", |(_, rest)| rest),
        None => path.trim_start_matches('/'),
    };
    let (version, rest) = below.split_once('/').unwrap_or((below, ""));
    if version != "v1" && gemini::is_version(version) {
        return Some(Shape::GeminiGenerate);
    }
    if rest.starts_with("messages") {
        return Some(Shape::AnthropicMessages);
    }
    if headers.contains_key("anthropic-version") {
        return Some(Shape::AnthropicMessages);
    }
    let keyed = || query.is_some_and(|query| query.split('&').any(|part| part.starts_with("key=")));
    if headers.contains_key("x-goog-api-key")
        || headers.contains_key("x-goog-api-client")
        || keyed()
    {
        return Some(Shape::GeminiGenerate);
    }
    None
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::dialect;
    use crate::wire::Shape;

    #[test]
    fn clients_are_known_by_what_they_ask_and_send() {
        let anthropic = Some(Shape::AnthropicMessages);
        let gemini = Some(Shape::GeminiGenerate);
        for (case, path, query, header, shape) in [
            ("openai", "/v1/models", None, Some("authorization"), None),
            ("nothing", "/", None, None, None),
            ("a workload alone", "/w/a", None, None, None),
            (
                "messages",
                "/w/a/v1/messages/batches",
                None,
                None,
                anthropic,
            ),
            (
                "anthropic's version",
                "/v1/models",
                None,
                Some("anthropic-version"),
                anthropic,
            ),
            ("google's path", "/v1beta/models", None, None, gemini),
            (
                "google's path of a workload",
                "/w/a/v1beta1/cachedContents",
                None,
                None,
                gemini,
            ),
            (
                "google's key",
                "/v1/models",
                None,
                Some("x-goog-api-key"),
                gemini,
            ),
            (
                "google's client",
                "/v1/models",
                None,
                Some("x-goog-api-client"),
                gemini,
            ),
            (
                "google's key in the query",
                "/v1/models",
                Some("pageSize=2&key=x"),
                None,
                gemini,
            ),
            ("another query", "/v1/models", Some("monkey=x"), None, None),
            ("another version", "/v2/models", None, None, gemini),
        ] {
            let headers: HeaderMap = header
                .into_iter()
                .map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1")))
                .collect();
            assert_eq!(dialect(path, query, &headers), shape, "{case}");
        }
    }
}
