//! Who asks: the client that a key belongs to, and what it may call.
//!
//! Asked by `request` and `ops` before anything of a request is read but its head. No answer of it says
//! whether a workload exists that the caller may not call, and none repeats a key.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{HeaderMap, HeaderValue, Response, header, request::Parts};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::{
    answer::plain_error,
    foreign::is_foreign,
    registry::Registry,
    relay::Body,
    request::unknown,
    snapshot::{InForce, Snapshot},
};
use crate::{
    clock::Clock,
    model::{Catalog, ClientKey, ClientName, KeyHash, Reach, visible},
    wire::{Shape, error_body::GatewayError},
};

/// Where the SDKs of the families put a key, besides `authorization: Bearer` and `?key=`.
const HEADERS: [&str; 3] = ["x-api-key", "x-goog-api-key", "api-key"];
/// Parameters of a query that are credentials; none of them goes upstream.
const PARAMETERS: [&str; 3] = ["key", "api_key", "access_token"];

/// A client that is configured.
#[derive(Debug)]
pub(super) struct ReadyClient {
    pub(super) name: ClientName,
    reach: Reach,
    metrics: bool,
}

/// What is counted of one key: an operator wants to know that an old one is used no more.
#[derive(Debug, Default)]
pub(super) struct KeyStats {
    pub(super) accepted: AtomicU64,
}

/// A key that is accepted.
#[derive(Debug)]
pub(super) struct ReadyKey {
    hash: KeyHash,
    expires: Option<Timestamp>,
    pub(super) client: Arc<ReadyClient>,
    pub(super) stats: Arc<KeyStats>,
}

impl ReadyKey {
    /// What tells it from the client's others.
    pub(super) fn label(&self) -> String {
        self.hash.short()
    }
}

/// Every key that is accepted. None: nobody is asked for one.
#[derive(Debug)]
pub(super) struct Callers {
    pub(super) keys: Vec<ReadyKey>,
    open: bool,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// Nobody is asked for a key.
    Anyone,
    /// Who holds the key.
    Client(Arc<ReadyClient>),
}

/// Why a request is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    /// It has no key.
    #[error(
        "a client key is needed: send it as `authorization: Bearer KEY`, `x-api-key: KEY` or `x-goog-api-key: KEY`"
    )]
    Missing,
    /// It has none that is accepted.
    #[error("the client key is not accepted; `backstop key check` says what is known of a key")]
    Unknown,
    /// Its key was accepted once. Only who holds that key can learn this.
    #[error("the client key has expired; ask for a new one")]
    Expired,
    /// Without keys only programs of this host are heard.
    #[error(
        "this gateway asks for no keys and so hears only programs of its own host; this comes from a web page \
         (`origin`, `sec-fetch-site`) or is for another name (`host`): ask 127.0.0.1, or let the operators \
         give out a key in `[clients]`"
    )]
    Foreign,
}

impl Denied {
    /// Every reason.
    pub(super) const ALL: [Self; 4] = [Self::Missing, Self::Unknown, Self::Expired, Self::Foreign];

    /// The name used in labels.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Foreign => "foreign",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Missing => "backstop_key_missing",
            Self::Unknown => "backstop_key_not_accepted",
            Self::Expired => "backstop_key_expired",
            Self::Foreign => "backstop_foreign",
        }
    }

    /// The answer, in the shape that the client speaks.
    pub(super) fn answer(self, shape: Option<Shape>) -> Response<Body> {
        let status = if self == Self::Foreign { 403 } else { 401 };
        let error = GatewayError {
            status,
            code: self.code(),
            message: self.to_string(),
        };
        let mut response = plain_error(shape, &error);
        if self == Self::Foreign {
            return response;
        }
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        response
    }
}

impl Callers {
    /// Prepares the clients of a catalog; counts go on as far as their keys are the same.
    pub(super) fn new(catalog: &Catalog, registry: &mut Registry) -> Self {
        let mut keys = Vec::new();
        for client in catalog.clients.values() {
            let ready = Arc::new(ReadyClient {
                name: client.name.clone(),
                reach: client.reach.clone(),
                metrics: client.metrics,
            });
            keys.extend(client.keys.iter().map(|key| ReadyKey {
                hash: key.hash,
                expires: key.expires,
                client: Arc::clone(&ready),
                stats: registry.key(&client.name, &key.hash),
            }));
        }
        Self {
            keys,
            open: catalog.clients.is_empty(),
        }
    }

    /// Who asks. The first place that holds an accepted key counts; an SDK may fill two.
    pub(super) fn identify(&self, parts: &Parts, clock: &Clock) -> Result<Caller, Denied> {
        if self.open {
            return if is_foreign(parts) {
                Err(Denied::Foreign)
            } else {
                Ok(Caller::Anyone)
            };
        }
        let mut denied = Denied::Missing;
        for presented in presented(&parts.headers, parts.uri.query()) {
            match self.holder(&presented, clock) {
                Ok(key) => {
                    key.stats.accepted.fetch_add(1, Ordering::Relaxed);
                    return Ok(Caller::Client(Arc::clone(&key.client)));
                }
                Err(Denied::Expired) => denied = Denied::Expired,
                Err(Denied::Missing | Denied::Unknown | Denied::Foreign)
                    if denied == Denied::Missing =>
                {
                    denied = Denied::Unknown;
                }
                Err(Denied::Missing | Denied::Unknown | Denied::Foreign) => {}
            }
        }
        Err(denied)
    }

    /// The accepted key that a text is. Every hash is compared, each in constant time, so that the time tells
    /// nothing of which one it was or how near.
    fn holder(&self, presented: &str, clock: &Clock) -> Result<&ReadyKey, Denied> {
        let hash = ClientKey::read(presented).ok_or(Denied::Unknown)?.hash();
        let mut found = None;
        for key in &self.keys {
            if key.hash == hash {
                found = Some(key);
            }
        }
        let key = found.ok_or(Denied::Unknown)?;
        match key.expires {
            Some(expires) if clock.now() >= expires => Err(Denied::Expired),
            Some(_) | None => Ok(key),
        }
    }
}

impl Caller {
    /// Whether it may call a workload, should there be one of that name.
    pub(super) fn may_call(&self, workload: &str) -> bool {
        match self {
            Self::Anyone => true,
            Self::Client(client) => client.reach.covers(workload),
        }
    }

    /// Whether it may read metrics and the details of readiness.
    pub(super) fn may_look(&self) -> bool {
        match self {
            Self::Anyone => true,
            Self::Client(client) => client.metrics,
        }
    }

    /// The client, when keys are asked for.
    pub(super) fn client(&self) -> Option<Arc<ReadyClient>> {
        match self {
            Self::Anyone => None,
            Self::Client(client) => Some(Arc::clone(client)),
        }
    }

    /// The workload of a name, if the caller may call it.
    pub(super) fn workload(
        &self,
        snapshot: &Snapshot,
        name: &str,
    ) -> Result<InForce, GatewayError> {
        if self.may_call(name) {
            snapshot
                .workload(name)
                .ok_or_else(|| self.no_workload(name))
        } else {
            Err(self.no_workload(name))
        }
    }

    /// There is none of this name, or the caller may not call it. Who may call only some workloads hears the
    /// same in both cases, for names say something, too.
    pub(super) fn no_workload(&self, name: &str) -> GatewayError {
        let confined = match self {
            Self::Anyone => None,
            Self::Client(client) => match client.reach {
                Reach::Every => None,
                Reach::Only(_) => Some(client),
            },
        };
        let Some(client) = confined else {
            return unknown(name);
        };
        let name = visible(name, 64);
        GatewayError {
            status: 403,
            code: "backstop_not_allowed",
            message: format!(
                "the client `{}` has no workload `{name}`; the operators of this gateway can add one to its \
                 `workloads`",
                client.name
            ),
        }
    }
}

impl Caller {
    /// It may call, and not look.
    pub(super) fn no_metrics() -> GatewayError {
        GatewayError {
            status: 403,
            code: "backstop_not_allowed",
            message: "this client may not read metrics; `metrics = true` in its table allows it"
                .to_owned(),
        }
    }
}

/// What may be a key, in a fixed order.
fn presented<'a>(
    headers: &'a HeaderMap,
    query: Option<&'a str>,
) -> impl Iterator<Item = Cow<'a, str>> {
    let text = |value: &'a HeaderValue| value.to_str().ok();
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(text)
        .and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
    let named = HEADERS
        .into_iter()
        .filter_map(move |name| headers.get(name).and_then(text).map(str::trim));
    let asked = parameters(query)
        .filter(|parameter| parameter.name == PARAMETERS[0])
        .map(|parameter| parameter.value)
        .take(1);
    bearer
        .into_iter()
        .chain(named)
        .filter(|key| !key.is_empty())
        .map(Cow::Borrowed)
        .chain(asked)
}

/// One parameter of a query.
struct Parameter<'a> {
    /// As it stands in the query.
    whole: &'a str,
    /// Decoded.
    name: Cow<'a, str>,
    /// Decoded.
    value: Cow<'a, str>,
}

fn parameters(query: Option<&str>) -> impl Iterator<Item = Parameter<'_>> {
    query.unwrap_or_default().split('&').map(|whole| {
        let (name, value) = whole.split_once('=').unwrap_or((whole, ""));
        Parameter {
            whole,
            name: percent_decode_str(name).decode_utf8_lossy(),
            value: percent_decode_str(value).decode_utf8_lossy(),
        }
    })
}

/// A query without the credentials of the client.
pub(super) fn without_key(query: &str) -> Cow<'_, str> {
    let credential = |parameter: &Parameter<'_>| {
        PARAMETERS
            .iter()
            .any(|name| parameter.name.eq_ignore_ascii_case(name))
    };
    if !parameters(Some(query)).any(|parameter| credential(&parameter)) {
        return Cow::Borrowed(query);
    }
    let kept: Vec<&str> = parameters(Some(query))
        .filter(|parameter| !credential(parameter))
        .map(|parameter| parameter.whole)
        .collect();
    Cow::Owned(kept.join("&"))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{presented, without_key};

    #[test]
    fn a_key_is_found_where_each_sdk_puts_it() {
        for (case, headers, query, found) in [
            (
                "openai",
                vec![("authorization", "Bearer k")],
                None,
                vec!["k"],
            ),
            (
                "another case",
                vec![("authorization", "bearer  k ")],
                None,
                vec!["k"],
            ),
            ("anthropic", vec![("x-api-key", "k")], None, vec!["k"]),
            ("google", vec![("x-goog-api-key", "k")], None, vec!["k"]),
            ("azure", vec![("api-key", "k")], None, vec!["k"]),
            ("query", vec![], Some("alt=sse&key=k"), vec!["k"]),
            ("query, encoded", vec![], Some("k%65y=%6b"), vec!["k"]),
            ("query, twice", vec![], Some("key=a&key=b"), vec!["a"]),
            (
                "all at once",
                vec![
                    ("x-goog-api-key", "c"),
                    ("x-api-key", "b"),
                    ("authorization", "Bearer a"),
                ],
                Some("key=d"),
                vec!["a", "b", "c", "d"],
            ),
            ("basic", vec![("authorization", "Basic k")], None, vec![]),
            ("no scheme", vec![("authorization", "k")], None, vec![]),
            ("empty", vec![("x-api-key", " ")], None, vec![]),
            ("another parameter", vec![], Some("monkey=k&alt"), vec![]),
        ] {
            let headers: HeaderMap = headers
                .into_iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect();
            let keys: Vec<_> = presented(&headers, query).collect();
            assert_eq!(keys, found, "{case}");
        }
    }

    #[test]
    fn no_credential_stays_in_a_query() {
        for (query, left) in [
            ("alt=sse", "alt=sse"),
            ("key=k", ""),
            ("key=k&alt=sse", "alt=sse"),
            ("alt=sse&KEY=k&beta=true", "alt=sse&beta=true"),
            ("k%65y=k&a=%20b", "a=%20b"),
            ("access_token=t&api_key=k&monkey=1", "monkey=1"),
            ("key", ""),
            ("", ""),
        ] {
            assert_eq!(without_key(query), left, "{query}");
        }
    }
}
