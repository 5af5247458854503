//! Which family and operation a request path means, and the path to ask upstream.

use http::{HeaderMap, Method, Uri};

use crate::model::{Family, Route};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Generate, in a family.
    Generate(Family),
    /// `GET /v1/models`.
    ListModels,
}

/// A request line, understood. Borrows from the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint<'a> {
    /// From `/w/{workload}/`, when the path has it.
    pub workload: Option<&'a str>,
    /// What is asked.
    pub operation: Operation,
}

/// Reads method and path. `None`: no path of ours.
#[must_use]
pub fn parse<'a>(method: &Method, path: &'a str) -> Option<Endpoint<'a>> {
    let _ = (method, path);
    todo!()
}

/// The absolute URI to ask at a route for an operation of its family.
///
/// # Errors
/// When the route's base URL does not parse; `config` checks that before.
pub fn upstream_uri(route: &Route) -> Result<Uri, http::Error> {
    let _ = route;
    todo!()
}

/// Turns the client's headers into the upstream's: hop-by-hop, cookies, client credentials, `x-backstop-*`,
/// `host`, `content-length` and forwarding headers go; the route's credential comes.
pub fn upstream_headers(client: &HeaderMap, route: &Route) -> HeaderMap {
    let _ = (client, route);
    todo!()
}

/// Strips hop-by-hop headers, `x-backstop-*` and `set-cookie` from an answer, in place.
pub fn clean_response_headers(headers: &mut HeaderMap) {
    let _ = headers;
    todo!()
}
