//! What asking a route needs, prepared once: address, credential header, model as JSON text.
//!
//! Built by the gateway for every route when a catalog comes into force; used on every attempt. Besides
//! tests, this is the only caller of `Secret::expose`.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

use super::{Framing, Shape, Stored, Verb, anthropic, gemini, headers, openai, request};
use crate::model::{Route, RouteName};

/// A route that cannot be asked. `config` finds these before; here they are errors, not panics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
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
    /// The path of the base URL, without a slash at its end.
    prefix: String,
    /// Of the usual call without a query.
    uri: Uri,
    host: HeaderValue,
    /// Credential first, then what the family demands when the client did not say it.
    credential: Option<(HeaderName, HeaderValue)>,
    model: Bytes,
    /// As configured.
    model_name: String,
}

impl RouteHead {
    /// Prepares a route.
    ///
    /// The path that is asked is that of the SDKs: `{base}/chat/completions` and its like for OpenAI shapes and
    /// `{base}/v1/messages` for Anthropic's. So that both habits of writing a base URL work, an OpenAI base
    /// without any path gets `/v1`, and an Anthropic base that ends in `/v1` gets none.
    pub fn new(route: &Route) -> Result<Self, RouteError> {
        let shape = Shape::of(route.family);
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
        let path = path(shape, Verb::Generate, prefix, &route.model);
        let uri = absolute(&scheme, &authority, &path).map_err(|_| bad_url())?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| bad_url())?;
        let credential = route
            .credential
            .as_ref()
            .map(|secret| match shape {
                Shape::OpenaiChat | Shape::OpenaiResponses | Shape::OpenaiEmbeddings => {
                    openai::credential(secret.expose())
                }
                Shape::AnthropicMessages => anthropic::credential(secret.expose()),
                Shape::GeminiGenerate => gemini::credential(secret.expose()),
            })
            .transpose()
            .map_err(|_| RouteError::Credential {
                route: route.name.clone(),
            })?
            .map(|(name, mut value)| {
                value.set_sensitive(true);
                (name, value)
            });
        let prefix = prefix.to_owned();
        Ok(Self {
            shape,
            scheme,
            authority,
            prefix,
            uri,
            host,
            credential,
            model: match shape {
                Shape::OpenaiChat
                | Shape::OpenaiResponses
                | Shape::OpenaiEmbeddings
                | Shape::AnthropicMessages => request::model_json(&route.model),
                Shape::GeminiGenerate => request::model_json(&gemini::resource(&route.model)),
            },
            model_name: route.model.clone(),
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
    pub fn uri(&self, verb: Verb, query: Option<&str>) -> Result<Uri, http::Error> {
        let query = query.filter(|query| !query.is_empty());
        if verb == Verb::Generate && query.is_none() {
            return Ok(self.uri.clone());
        }
        let mut path = path(self.shape, verb, &self.prefix, &self.model_name);
        let asked = match verb {
            Verb::Stream(Framing::Events) => Some("alt=sse"),
            Verb::Stream(Framing::Array) | Verb::Generate | Verb::CountTokens | Verb::Compact => {
                None
            }
        };
        for (mark, part) in ['?', '&'].into_iter().zip(query.into_iter().chain(asked)) {
            path.push(mark);
            path.push_str(part);
        }
        absolute(&self.scheme, &self.authority, &path)
    }

    /// The absolute URI of what the provider keeps, with the client's query.
    ///
    /// # Errors
    /// When the query is none; one that a server has parsed always is.
    pub fn stored_uri(&self, stored: &Stored<'_>, query: Option<&str>) -> Result<Uri, http::Error> {
        let below = path(self.shape, Verb::Generate, &self.prefix, &self.model_name);
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let path = format!("{below}/{}{query}", stored.path);
        absolute(&self.scheme, &self.authority, &path)
    }

    /// The headers to ask with: the client's, cleaned ([`headers`] says of what), and the route's credential.
    #[must_use]
    pub fn headers(&self, client: &HeaderMap) -> HeaderMap {
        let mut upstream = headers::for_upstream(client);
        if let Some((name, value)) = &self.credential {
            upstream.insert(name.clone(), value.clone());
        }
        match self.shape {
            Shape::OpenaiChat
            | Shape::OpenaiResponses
            | Shape::OpenaiEmbeddings
            | Shape::GeminiGenerate => {}
            Shape::AnthropicMessages => anthropic::demanded_headers(&mut upstream),
        }
        upstream
    }
}

/// The path of a call below a base URL.
fn path(shape: Shape, verb: Verb, prefix: &str, model: &str) -> String {
    match shape {
        Shape::OpenaiChat => openai::upstream_path(prefix, "chat/completions"),
        Shape::OpenaiResponses => openai::upstream_path(
            prefix,
            match verb {
                Verb::Generate | Verb::Stream(_) => "responses",
                Verb::CountTokens => "responses/input_tokens",
                Verb::Compact => "responses/compact",
            },
        ),
        Shape::OpenaiEmbeddings => openai::upstream_path(prefix, "embeddings"),
        Shape::AnthropicMessages => anthropic::upstream_path(prefix, verb),
        Shape::GeminiGenerate => gemini::upstream_path(prefix, model, verb),
    }
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
    use http::{HeaderMap, HeaderValue};

    use super::{RouteError, RouteHead};
    use crate::{
        model::{Boundary, CapabilitySet, Family, KeyPlace, Route, Secret},
        wire::{Framing, Verb},
    };

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
            key: KeyPlace::None,
            price: None,
            max_concurrent: None,
            workloads: None,
            circuit: true,
            serves: Vec::new(),
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
            assert_eq!(head.uri(Verb::Generate, None).unwrap(), uri, "{case}");
            assert_eq!(
                head.uri(Verb::Generate, Some("beta=true"))
                    .unwrap()
                    .to_string(),
                format!("{uri}?beta=true"),
                "{case}"
            );
        }
    }

    #[test]
    fn counting_tokens_has_a_path_of_its_own() {
        let route = route(Family::AnthropicMessages, "https://h/v1", None);
        let head = RouteHead::new(&route).unwrap();
        for (query, uri) in [
            (None, "https://h/v1/messages/count_tokens"),
            (
                Some("beta=true"),
                "https://h/v1/messages/count_tokens?beta=true",
            ),
        ] {
            assert_eq!(head.uri(Verb::CountTokens, query).unwrap(), uri);
        }
    }

    #[test]
    fn the_path_of_gemini_holds_version_model_and_method() {
        let events = Verb::Stream(Framing::Events);
        let array = Verb::Stream(Framing::Array);
        let google = "https://generativelanguage.googleapis.com";
        for (case, base, model, verb, query, uri) in [
            (
                "bare",
                google,
                "gemini-x",
                Verb::Generate,
                None,
                "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent",
            ),
            (
                "with version",
                "http://h/v1/",
                "m",
                Verb::CountTokens,
                None,
                "http://h/v1/models/m:countTokens",
            ),
            (
                "vertex",
                "http://h/v1/projects/p/locations/l/publishers/google",
                "m",
                array,
                None,
                "http://h/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent",
            ),
            (
                "below another path",
                "http://h/gemini",
                "m",
                events,
                None,
                "http://h/gemini/v1beta/models/m:streamGenerateContent?alt=sse",
            ),
            (
                "another gateway's workload",
                "http://h/w/x/v1beta",
                "m",
                events,
                Some("a=1"),
                "http://h/w/x/v1beta/models/m:streamGenerateContent?a=1&alt=sse",
            ),
            (
                "tuned model",
                "http://h",
                "tunedModels/t",
                array,
                Some("a=1"),
                "http://h/v1beta/tunedModels/t:streamGenerateContent?a=1",
            ),
            (
                "odd name",
                "http://h",
                "a b?c#d%",
                Verb::Generate,
                None,
                "http://h/v1beta/models/a%20b%3Fc%23d%25:generateContent",
            ),
        ] {
            let mut route = route(Family::GeminiGenerate, base, None);
            route.model = model.to_owned();
            let head = RouteHead::new(&route).unwrap();
            assert_eq!(head.uri(verb, query).unwrap(), uri, "{case}");
        }
        let head = RouteHead::new(&route(Family::GeminiGenerate, "http://h", None)).unwrap();
        assert_eq!(&head.model()[..], b"\"models/m\"");
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

        client.insert("x-goog-api-key", HeaderValue::from_static("client"));
        client.insert("x-goog-user-project", HeaderValue::from_static("client"));
        let gemini =
            RouteHead::new(&route(Family::GeminiGenerate, "http://h", Some("route"))).unwrap();
        let headers = gemini.headers(&client);
        assert_eq!(headers["x-goog-api-key"], "route");
        assert!(headers["x-goog-api-key"].is_sensitive());
        assert!(!headers.contains_key("authorization"));
        assert!(!headers.contains_key("x-goog-user-project"));

        let open = RouteHead::new(&route(Family::OpenaiChat, "http://h", None)).unwrap();
        assert!(!open.headers(&client).contains_key("authorization"));
        assert!(!format!("{openai:?}").contains("route\""), "{openai:?}");
    }
}
