//! Which headers cross the gateway, in both directions.
//!
//! Used by [`super::RouteHead`] on the way up and by the gateway on the way down.
//!
//! Never passed on: the hop-by-hop fields of RFC 9110 section 7.6.1 and those that `connection` names;
//! credentials and account selectors of the other side (a key belongs to a route, and an organisation
//! belongs to a key); cookies; addresses of the path so far; `x-backstop-*`, which only this gateway writes;
//! `host`, `content-length` and `expect`, which the next hop makes anew.
//!
//! Upstream is always asked with `accept-encoding: identity`: the gateway must be able to read errors and
//! streams, and it never changes the encoding of a body.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The client's headers as they may go upstream: cleaned, with `accept-encoding: identity` and a
/// `content-type`, without any credential.
#[must_use]
pub fn for_upstream(client: &HeaderMap) -> HeaderMap {
    // Room for the credential, the encoding and what a family demands.
    let mut upstream = HeaderMap::with_capacity(client.len() + 4);
    let named = named_by_connection(client);
    for (name, value) in client {
        if !stays_below(name.as_str())
            && !named
                .iter()
                .any(|gone| name.as_str().eq_ignore_ascii_case(gone))
        {
            upstream.append(name, value.clone());
        }
    }
    upstream.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    upstream
        .entry(header::CONTENT_TYPE)
        .or_insert_with(|| HeaderValue::from_static("application/json"));
    upstream
}

/// Strips from an answer, in place, what must not reach the client. `content-length` stays, as the body
/// does; who changes the body removes it.
pub fn clean_response(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = named_by_connection(headers)
        .into_iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    // Two or three of these are there as a rule; looking each one of the list up would cost more.
    while let Some(name) = headers
        .keys()
        .find(|name| stays_above(name.as_str()))
        .cloned()
    {
        headers.remove(name);
    }
}

/// The fields that `connection` names.
fn named_by_connection(headers: &HeaderMap) -> Vec<&str> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // Options, not fields; and the usual content, for which nothing need be allocated.
        .filter(|name| !name.is_empty())
        .filter(|name| !name.eq_ignore_ascii_case("keep-alive"))
        .filter(|name| !name.eq_ignore_ascii_case("close"))
        .collect()
}

/// Hop-by-hop in both directions, and ours.
fn is_of_one_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-authentication-info"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    ) || name.starts_with("x-backstop-")
}

/// Whether a client's header stays with the gateway.
fn stays_below(name: &str) -> bool {
    is_of_one_hop(name)
        || name.starts_with("x-forwarded-")
        || matches!(
            name,
            "host"
                | "content-length"
                | "expect"
                | "accept-encoding"
                | "cookie"
                | "cookie2"
                | "authorization"
                | "x-api-key"
                | "api-key"
                | "x-goog-api-key"
                | "openai-organization"
                | "openai-project"
                | "x-goog-user-project"
                | "forwarded"
                | "via"
                | "x-real-ip"
                | "x-client-ip"
                | "x-cluster-client-ip"
                | "true-client-ip"
                | "cf-connecting-ip"
        )
}

/// Whether a provider's header stays with the gateway.
fn stays_above(name: &str) -> bool {
    is_of_one_hop(name)
        || matches!(
            name,
            "set-cookie"
                | "set-cookie2"
                | "alt-svc"
                | "strict-transport-security"
                | "openai-organization"
                | "openai-project"
                | "anthropic-organization-id"
        )
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{clean_response, for_upstream};

    fn headers(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        rows.iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn nothing_private_or_of_one_hop_goes_upstream() {
        for name in [
            "authorization",
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "proxy-authorization",
            "openai-organization",
            "cookie",
            "connection",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "http2-settings",
            "host",
            "content-length",
            "expect",
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-proto",
            "via",
            "x-real-ip",
            "x-backstop-workload",
            "x-backstop-anything",
        ] {
            let upstream = for_upstream(&headers(&[(name, "client")]));
            assert!(!upstream.contains_key(name), "{name}");
        }
    }

    #[test]
    fn everything_else_goes_upstream_untouched() {
        let client = headers(&[
            ("content-type", "application/json; charset=utf-8"),
            ("user-agent", "OpenAI/Python 2"),
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "a"),
            ("anthropic-beta", "b"),
            ("idempotency-key", "k"),
            ("x-stainless-retry-count", "1"),
            ("traceparent", "00-1-2-01"),
            ("x-own", "1"),
        ]);
        let mut upstream = for_upstream(&client);
        assert_eq!(upstream.remove("accept-encoding").unwrap(), "identity");
        assert_eq!(upstream, client);
    }

    #[test]
    fn the_encoding_is_ours_and_the_type_is_never_missing() {
        let upstream = for_upstream(&headers(&[
            ("accept-encoding", "gzip"),
            ("accept-encoding", "br"),
        ]));
        let encodings: Vec<_> = upstream.get_all("accept-encoding").iter().collect();
        assert_eq!(encodings, ["identity"]);
        assert_eq!(upstream["content-type"], "application/json");
    }

    #[test]
    fn what_connection_names_ends_here() {
        let rows = [
            ("connection", "Keep-Alive, X-Hop ,"),
            ("connection", "x-other"),
            ("x-hop", "1"),
            ("x-other", "1"),
            ("x-stays", "1"),
        ];
        let upstream = for_upstream(&headers(&rows));
        assert!(!upstream.contains_key("x-hop") && !upstream.contains_key("x-other"));
        assert!(upstream.contains_key("x-stays"));
        let mut answer = headers(&rows);
        clean_response(&mut answer);
        assert_eq!(answer, headers(&[("x-stays", "1")]));
    }

    #[test]
    fn an_answer_keeps_what_the_client_needs() {
        let mut answer = headers(&[
            ("content-type", "application/json"),
            ("content-length", "3"),
            ("retry-after", "7"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-request-id", "r"),
            ("request-id", "r"),
            ("x-should-retry", "false"),
            ("transfer-encoding", "chunked"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=1"),
            ("x-backstop-fallback", "forged"),
            ("x-backstop-event", "forged"),
            ("openai-organization", "our-account"),
            ("alt-svc", "h3"),
        ]);
        clean_response(&mut answer);
        let mut left: Vec<_> = answer.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(
            left,
            [
                "content-length",
                "content-type",
                "request-id",
                "retry-after",
                "x-ratelimit-remaining-requests",
                "x-request-id",
                "x-should-retry"
            ]
        );
    }
}
