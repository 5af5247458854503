//! What asking a route needs, prepared once: address, credential header, model as JSON text.
//!
//! Built by the gateway for every route when a catalog comes into force; used on every attempt. Besides
//! tests, this is the only caller of `Secret::expose`.

use bytes::{BufMut, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Uri, header,
    uri::{Authority, PathAndQuery, Scheme},
};

use super::{Shape, anthropic, headers, openai, request};
use crate::model::{Family, Route, RouteName, Secret};

/// A route that cannot be asked. `config` finds these before; here they are errors, not panics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The family has no shape.
    #[error("route {route}: the family {family} is not supported by this version")]
    Family {
        /// Which route.
        route: RouteName,
        /// Its family.
        family: Family,
    },
    /// Not an absolute http(s) URL.
    #[error("route {route}: the base URL `{base_url}` is not an absolute http or https URL")]
    BaseUrl {
        /// Which route.
        route: RouteName,
        /// As configured.
        base_url: String,
    },
    /// The key holds characters that no header may hold. The key itself is not shown.
    #[error("route {route}: its credential cannot stand in a header; look for a stray line break")]
    Credential {
        /// Which route.
        route: RouteName,
    },
}

/// A route, ready to be asked.
#[derive(Clone, Debug)]
pub struct RouteHead {
    shape: Shape,
    scheme: Scheme,
    authority: Authority,
    path: String,
    uri: Uri,
    host: HeaderValue,
    /// Credential first, then what the family demands when the client did not say it.
    credential: Option<(HeaderName, HeaderValue)>,
    /// The request line after the query, and the fields that are always the same; the credential is one.
    fixed: Secret,
    model: Bytes,
}

impl RouteHead {
    /// Prepares a route.
    ///
    /// The path that is asked is that of the SDKs: `{base}/chat/completions` for OpenAI shapes and
    /// `{base}/v1/messages` for Anthropic's. So that both habits of writing a base URL work, an OpenAI base
    /// without any path gets `/v1`, and an Anthropic base that ends in `/v1` gets none.
    pub fn new(route: &Route) -> Result<Self, RouteError> {
        let shape = Shape::of(route.family).ok_or_else(|| RouteError::Family {
            route: route.name.clone(),
            family: route.family,
        })?;
        let bad_url = || RouteError::BaseUrl {
            route: route.name.clone(),
            base_url: route.base_url.clone(),
        };
        let base: Uri = route.base_url.parse().map_err(|_| bad_url())?;
        let scheme = base.scheme().cloned().ok_or_else(bad_url)?;
        let authority = base.authority().cloned().ok_or_else(bad_url)?;
        let user_info = authority.as_str().contains('@');
        let http = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
        if !http || user_info || base.query().is_some() {
            return Err(bad_url());
        }
        let prefix = base.path().trim_end_matches('/');
        let path = match shape {
            Shape::OpenaiChat => openai::upstream_path(prefix),
            Shape::AnthropicMessages => anthropic::upstream_path(prefix),
        };
        let uri = absolute(&scheme, &authority, &path).map_err(|_| bad_url())?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| bad_url())?;
        let credential = route
            .credential
            .as_ref()
            .map(|secret| match shape {
                Shape::OpenaiChat => openai::credential(secret.expose()),
                Shape::AnthropicMessages => anthropic::credential(secret.expose()),
            })
            .transpose()
            .map_err(|_| RouteError::Credential {
                route: route.name.clone(),
            })?
            .map(|(name, mut value)| {
                value.set_sensitive(true);
                (name, value)
            });
        let mut fixed = BytesMut::from(&b" HTTP/1.1\r\n"[..]);
        field(&mut fixed, "host", host.as_bytes());
        field(&mut fixed, "accept-encoding", b"identity");
        if let Some((name, value)) = &credential {
            field(&mut fixed, name.as_str(), value.as_bytes());
        }
        // A credential is text, so all of it is.
        let fixed = Secret::new(&String::from_utf8_lossy(&fixed));
        Ok(Self {
            shape,
            scheme,
            authority,
            path,
            uri,
            host,
            credential,
            fixed,
            model: request::model_json(&route.model),
        })
    }

    /// Host and port, for a connection pool.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// `http` or `https`.
    #[must_use]
    pub const fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The `host` header, for a client that does not write it by itself.
    #[must_use]
    pub const fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// The route's model as a JSON string, quotes included: the middle slice of [`request::with_model`].
    #[must_use]
    pub const fn model(&self) -> &Bytes {
        &self.model
    }

    /// The absolute URI to ask, with the client's query (without `?`) passed on.
    ///
    /// # Errors
    /// When the query is none; one that a server has parsed always is.
    pub fn uri(&self, query: Option<&str>) -> Result<Uri, http::Error> {
        match query {
            None | Some("") => Ok(self.uri.clone()),
            Some(query) => absolute(
                &self.scheme,
                &self.authority,
                &format!("{}?{query}", self.path),
            ),
        }
    }

    /// The headers to ask with: the client's, cleaned ([`headers`] says of what), and the route's credential.
    #[must_use]
    pub fn headers(&self, client: &HeaderMap) -> HeaderMap {
        let mut upstream = headers::for_upstream(client);
        if let Some((name, value)) = &self.credential {
            upstream.insert(name.clone(), value.clone());
        }
        if let Some((name, value)) = self.demanded() {
            let value = HeaderValue::from_static(value);
            upstream.entry(name).or_insert(value);
        }
        upstream
    }

    /// What the family demands when the client did not say it.
    const fn demanded(&self) -> Option<(HeaderName, &'static str)> {
        match self.shape {
            Shape::OpenaiChat => None,
            Shape::AnthropicMessages => Some(anthropic::DEMANDED),
        }
    }

    /// The head of an HTTP/1.1 request with the same headers, `host` and `content-length`, written out.
    ///
    /// What does not depend on the client was written when the route was prepared.
    pub(super) fn encode(
        &self,
        client: &HeaderMap,
        query: Option<&str>,
        length: usize,
        out: &mut BytesMut,
    ) {
        out.put_slice(b"POST ");
        out.put_slice(self.path.as_bytes());
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            out.put_u8(b'?');
            out.put_slice(query.as_bytes());
        }
        out.put_slice(self.fixed.expose().as_bytes());
        let demanded = self.demanded();
        let (mut typed, mut said) = (false, false);
        for (name, value) in headers::passed_on(client) {
            typed |= name == header::CONTENT_TYPE;
            said |= demanded
                .as_ref()
                .is_some_and(|(demanded, _)| name == demanded);
            field(out, name.as_str(), value.as_bytes());
        }
        if !typed {
            field(out, "content-type", b"application/json");
        }
        if let Some((name, value)) = demanded.filter(|_| !said) {
            field(out, name.as_str(), value.as_bytes());
        }
        field(out, "content-length", length.to_string().as_bytes());
        out.put_slice(b"\r\n");
    }
}

/// One header field, written out.
fn field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// An absolute URI from its parts.
fn absolute(scheme: &Scheme, authority: &Authority, path: &str) -> Result<Uri, http::Error> {
    Uri::builder()
        .scheme(scheme.clone())
        .authority(authority.clone())
        .path_and_query(PathAndQuery::try_from(path)?)
        .build()
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use http::{HeaderMap, HeaderValue};

    use super::{RouteError, RouteHead};
    use crate::model::{Boundary, CapabilitySet, Family, Route, Secret};

    fn route(family: Family, base_url: &str, key: Option<&str>) -> Route {
        Route {
            name: "r".into(),
            provider: "p".into(),
            base_url: base_url.to_owned(),
            family,
            model: "m".to_owned(),
            credential: key.map(Secret::new),
            capabilities: CapabilitySet::EMPTY,
            context_tokens: None,
            boundary: Boundary::default(),
            capacity_rps: None,
            circuit: true,
        }
    }

    #[test]
    fn base_urls_of_both_habits_lead_to_the_right_path() {
        for (case, family, base, uri) in [
            (
                "openai, bare",
                Family::OpenaiChat,
                "http://h:1",
                "http://h:1/v1/chat/completions",
            ),
            (
                "openai, slash",
                Family::OpenaiChat,
                "http://h:1/",
                "http://h:1/v1/chat/completions",
            ),
            (
                "openai, as for its sdk",
                Family::OpenaiChat,
                "https://api.openai.com/v1",
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                "openai, other version",
                Family::OpenaiChat,
                "https://h/api/paas/v4",
                "https://h/api/paas/v4/chat/completions",
            ),
            (
                "openai, another gateway",
                Family::OpenaiChat,
                "http://h/w/x/v1",
                "http://h/w/x/v1/chat/completions",
            ),
            (
                "anthropic, as for its sdk",
                Family::AnthropicMessages,
                "https://api.anthropic.com",
                "https://api.anthropic.com/v1/messages",
            ),
            (
                "anthropic, with version",
                Family::AnthropicMessages,
                "https://api.anthropic.com/v1",
                "https://api.anthropic.com/v1/messages",
            ),
            (
                "anthropic, below a path",
                Family::AnthropicMessages,
                "https://h/anthropic",
                "https://h/anthropic/v1/messages",
            ),
        ] {
            let head = RouteHead::new(&route(family, base, None)).unwrap();
            assert_eq!(head.uri(None).unwrap(), uri, "{case}");
            assert_eq!(
                head.uri(Some("beta=true")).unwrap().to_string(),
                format!("{uri}?beta=true"),
                "{case}"
            );
        }
    }

    #[test]
    fn routes_that_cannot_be_asked_are_errors() {
        for (case, base) in [
            ("relative", "/v1"),
            ("no scheme", "api.openai.com/v1"),
            ("other scheme", "ftp://h/v1"),
            ("credentials in the url", "https://user:pw@h/v1"),
            ("query in the url", "https://h/v1?x=1"),
            ("empty", ""),
        ] {
            let error = RouteHead::new(&route(Family::OpenaiChat, base, None)).unwrap_err();
            assert!(matches!(error, RouteError::BaseUrl { .. }), "{case}");
        }
        let error = RouteHead::new(&route(Family::GeminiGenerate, "http://h", None)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "route r: the family gemini-generate is not supported by this version"
        );
        let error =
            RouteHead::new(&route(Family::OpenaiChat, "http://h", Some("sk-x\n"))).unwrap_err();
        assert!(!error.to_string().contains("sk-x"));
    }

    #[test]
    fn each_family_gets_its_own_authentication_and_nothing_of_the_client() {
        let mut client = HeaderMap::new();
        client.insert("authorization", HeaderValue::from_static("Bearer client"));
        client.insert("x-api-key", HeaderValue::from_static("client"));
        client.insert("anthropic-beta", HeaderValue::from_static("b1"));

        let openai = RouteHead::new(&route(Family::OpenaiChat, "http://h", Some("route"))).unwrap();
        let headers = openai.headers(&client);
        assert_eq!(headers["authorization"], "Bearer route");
        assert!(headers["authorization"].is_sensitive());
        assert!(!headers.contains_key("x-api-key"));

        let anthropic =
            RouteHead::new(&route(Family::AnthropicMessages, "http://h", Some("route"))).unwrap();
        let headers = anthropic.headers(&client);
        assert_eq!(headers["x-api-key"], "route");
        assert!(headers["x-api-key"].is_sensitive());
        assert!(!headers.contains_key("authorization"));
        assert_eq!(headers["anthropic-version"], "2023-06-01");
        assert_eq!(headers["anthropic-beta"], "b1");

        client.insert("anthropic-version", HeaderValue::from_static("2024-01-01"));
        assert_eq!(
            anthropic.headers(&client)["anthropic-version"],
            "2024-01-01"
        );

        let open = RouteHead::new(&route(Family::OpenaiChat, "http://h", None)).unwrap();
        assert!(!open.headers(&client).contains_key("authorization"));
        assert!(!format!("{openai:?}").contains("route\""), "{openai:?}");
    }

    /// The fields of a written head, sorted; `host` and `content-length` are the connection's own.
    fn written(head: &RouteHead, client: &HeaderMap, query: Option<&str>) -> (String, Vec<String>) {
        let mut out = BytesMut::new();
        head.encode(client, query, 7, &mut out);
        let text = String::from_utf8(out.to_vec()).unwrap();
        let text = text.strip_suffix("\r\n\r\n").unwrap();
        let mut lines = text.split("\r\n").map(str::to_owned);
        let line = lines.next().unwrap();
        let mut fields: Vec<String> = lines.collect();
        for own in ["host: h:1", "content-length: 7"] {
            let at = fields.iter().position(|field| field == own).unwrap();
            fields.remove(at);
        }
        fields.sort();
        (line, fields)
    }

    #[test]
    fn a_written_head_says_the_same_as_the_headers() {
        for family in [Family::OpenaiChat, Family::AnthropicMessages] {
            for key in [None, Some("k\u{e9}y")] {
                let head = RouteHead::new(&route(family, "http://h:1", key)).unwrap();
                for fields in [
                    &[][..],
                    &[("content-type", "application/json; charset=utf-8")][..],
                    &[
                        ("anthropic-version", "2024-01-01"),
                        ("x-own", "1"),
                        ("x-own", "2"),
                    ][..],
                    &[
                        ("connection", "x-hop"),
                        ("x-hop", "1"),
                        ("authorization", "theirs"),
                    ][..],
                    &[
                        ("x-api-key", "theirs"),
                        ("accept-encoding", "gzip"),
                        ("host", "other"),
                    ][..],
                    &[
                        ("content-length", "99"),
                        ("x-empty", ""),
                        ("x-backstop-x", "1"),
                    ][..],
                ] {
                    let client: HeaderMap = fields
                        .iter()
                        .map(|(name, value)| {
                            let name = http::HeaderName::from_static(name);
                            (name, HeaderValue::from_static(value))
                        })
                        .collect();
                    let mut wanted: Vec<String> = head
                        .headers(&client)
                        .iter()
                        .map(|(name, value)| {
                            format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
                        })
                        .collect();
                    wanted.sort();
                    let (line, fields) = written(&head, &client, Some("a=b"));
                    assert_eq!(fields, wanted, "{family} {client:?}");
                    let uri = head.uri(Some("a=b")).unwrap();
                    let path = uri.path_and_query().unwrap();
                    assert_eq!(line, format!("POST {path} HTTP/1.1"));
                    let (line, _) = written(&head, &client, None);
                    assert_eq!(
                        line,
                        format!("POST {} HTTP/1.1", head.uri(None).unwrap().path())
                    );
                }
            }
        }
    }
}
