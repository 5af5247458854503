//! What no program on this host would send: a web page's request, and one that was meant for another name.
//!
//! Asked by `callers` where no keys are asked for. The listener is on loopback then, and yet any page that a
//! browser on this host shows can post to it, and one whose name was made to lead here can read the answers.

use std::net::IpAddr;

use http::{HeaderValue, Uri, header, request::Parts, uri::Authority};

/// Whether a request comes from elsewhere, by what browsers say and pages cannot change. Programs say none of
/// it, and pages of this host are as near as they are.
pub(super) fn is_foreign(parts: &Parts) -> bool {
    let to_another_name = match parts.uri.authority() {
        Some(authority) => !is_private(authority.host()),
        None => parts.headers.get(header::HOST).is_some_and(|host| {
            !Authority::try_from(host.as_bytes()).is_ok_and(|host| is_private(host.host()))
        }),
    };
    to_another_name
        || match parts.headers.get(header::ORIGIN) {
            Some(origin) => !is_local_page(origin),
            None => parts
                .headers
                .get("sec-fetch-site")
                .is_some_and(|site| site == "cross-site"),
        }
}

/// `http://localhost:3000`, and not `null`, which any page can be.
fn is_local_page(origin: &HeaderValue) -> bool {
    Uri::try_from(origin.as_bytes())
        .is_ok_and(|origin| origin.scheme().is_some() && origin.host().is_some_and(is_here))
}

/// Whether a name can only mean this host.
fn is_here(host: &str) -> bool {
    match address(host) {
        Some(address) => address.is_loopback(),
        None => below(host, "localhost"),
    }
}

/// Whether nobody outside can own the name: it means this host, or it is one that public servers of names do
/// not know, as a container's or `host.docker.internal`.
fn is_private(host: &str) -> bool {
    is_here(host)
        || address(host).is_none()
            && (!host.trim_end_matches('.').contains('.') || below(host, "internal"))
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse()
        .ok()
}

/// Whether the name's last part is this.
fn below(host: &str, last: &str) -> bool {
    host.trim_end_matches('.')
        .rsplit('.')
        .next()
        .is_some_and(|part| part.eq_ignore_ascii_case(last))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::is_foreign;

    #[test]
    fn pages_and_other_names_are_foreign() {
        for (case, uri, headers, foreign) in [
            ("a program", "/", &[("host", "127.0.0.1:8080")][..], false),
            ("by name", "/", &[("host", "localhost:8080")], false),
            (
                "by a name below it",
                "/",
                &[("host", "gw.LocalHost.")],
                false,
            ),
            ("IPv6", "/", &[("host", "[::1]:8080")], false),
            ("no host", "/", &[], false),
            ("HTTP/2", "https://localhost:8080/", &[], false),
            (
                "node",
                "/",
                &[("host", "[::1]"), ("sec-fetch-mode", "cors")],
                false,
            ),
            ("a typed address", "/", &[("sec-fetch-site", "none")], false),
            (
                "a page of this host",
                "/",
                &[
                    ("origin", "http://localhost:3000"),
                    ("sec-fetch-site", "same-site"),
                ],
                false,
            ),
            (
                "a page of this host by number",
                "/",
                &[
                    ("origin", "http://127.0.0.1:3000"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            (
                "a container's name",
                "/",
                &[("host", "gateway:8080")],
                false,
            ),
            ("docker", "/", &[("host", "host.docker.internal")], false),
            ("another IPv6", "/", &[("host", "[2001:db8::1]:80")], true),
            (
                "a page of the house",
                "/",
                &[("origin", "http://wiki")],
                true,
            ),
            ("a page", "/", &[("origin", "https://evil.example")], true),
            ("a file, or a frame", "/", &[("origin", "null")], true),
            ("a bare name", "/", &[("origin", "localhost")], true),
            (
                "a name that looks like it",
                "/",
                &[("origin", "https://localhost.evil.example")],
                true,
            ),
            ("no origin at all", "/", &[("origin", "")], true),
            ("a picture", "/", &[("sec-fetch-site", "cross-site")], true),
            (
                "a name led here",
                "/",
                &[("host", "evil.example:8080")],
                true,
            ),
            ("the same, HTTP/2", "https://evil.example/", &[], true),
            ("another address", "/", &[("host", "10.0.0.1")], true),
            ("no name", "/", &[("host", "a b")], true),
        ] {
            let mut request = Request::builder().uri(uri);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(is_foreign(&parts), foreign, "{case}");
        }
    }
}
