//! Answers to the client: heads with the gateway's headers, the provider's errors, and errors of our own.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header, response};

use super::{
    exchange::Exchange,
    headers::{self, count},
    relay::Body,
    room, unasked,
};
use crate::{
    model::{NoticeGiven, Reason},
    policy::{Evidence, Side, TimeoutStage, UnreachableKind},
    wire::{Shape, error_body, error_body::GatewayError, headers::clean_response},
};

/// A fallback that was chosen, as the client hears of it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// The error class, or `forced`, `drained`, `circuit-open`.
    pub(super) why: HeaderValue,
    /// The event's id; `None`: there is no event.
    pub(super) event: Option<HeaderValue>,
    /// The event is not known to be durable.
    pub(super) unlogged: bool,
    /// How the notice is given.
    pub(super) notice: Option<NoticeGiven>,
}

/// Strips an upstream head and puts our headers on it.
pub(super) fn head(
    mut head: response::Parts,
    exchange: &Exchange,
    side: Side,
    told: Option<&Told>,
) -> response::Parts {
    clean_response(&mut head.headers);
    hide_credential(&mut head.headers, exchange, side);
    // Upstream's HTTP version and hyper's notes are of another connection.
    head.version = http::Version::HTTP_11;
    head.extensions.clear();
    mark(&mut head.headers, exchange, Some(side));
    if let Some(told) = told {
        tell(&mut head.headers, told);
        if told.notice.is_some() {
            let notice = &exchange.in_force.ready.notice_header;
            head.headers.insert(headers::DEGRADED, notice.clone());
        }
    }
    head
}

/// Says that a fallback was asked, why, and which event says so.
pub(super) fn tell(headers: &mut http::HeaderMap, told: &Told) {
    headers.insert(headers::FALLBACK, told.why.clone());
    if let Some(event) = &told.event {
        headers.insert(headers::EVENT, event.clone());
    }
    if told.unlogged {
        headers.insert(headers::UNLOGGED, HeaderValue::from_static("1"));
    }
}

/// A provider that repeats the route's key in a header must not hand it to the client.
fn hide_credential(headers: &mut http::HeaderMap, exchange: &Exchange, side: Side) {
    let route = exchange.in_force.ready.route(side);
    let Some(credential) = route.and_then(|route| route.route.credential.as_ref()) else {
        return;
    };
    while let Some(name) = headers
        .iter()
        .find(|(_, value)| credential.hidden_in(value.as_bytes()).is_some())
        .map(|(name, _)| name.clone())
    {
        headers.remove(name);
    }
}

/// Names the model that the provider put in the place of the one it was asked for; `true`: its event is not known to
/// be durable.
pub(super) fn name_model(head: &mut response::Parts, model: Option<(HeaderValue, bool)>) {
    if let Some((model, unlogged)) = model {
        head.headers.insert(headers::PROVIDER_FALLBACK, model);
        if unlogged {
            head.headers
                .insert(headers::UNLOGGED, HeaderValue::from_static("1"));
        }
    }
}

/// The headers of every answer of a workload.
fn mark(headers: &mut http::HeaderMap, exchange: &Exchange, side: Option<Side>) {
    let ready = &exchange.in_force.ready;
    headers.insert(headers::WORKLOAD, ready.name_header.clone());
    if let Some(route) = side.and_then(|side| ready.route(side)) {
        headers.insert(headers::ROUTE, route.name_header.clone());
    }
    headers.insert(headers::ATTEMPTS, count(exchange.attempts));
}

/// An error made here, for a workload.
pub(super) fn own_error(
    exchange: &Exchange,
    side: Option<Side>,
    shape: Shape,
    error: &GatewayError,
) -> Response<Body> {
    let mut response = plain_error(Some(shape), error);
    mark(response.headers_mut(), exchange, side);
    response
}

/// An error made here, before a workload is known.
pub(super) fn plain_error(shape: Option<Shape>, error: &GatewayError) -> Response<Body> {
    let mut response = json(
        StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        error_body::body(shape, error),
    );
    response
        .headers_mut()
        .insert(headers::ERROR, HeaderValue::from_static(error.code));
    if error.code == room::FULL {
        let soon = HeaderValue::from(unasked::SOON);
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

/// A JSON body.
pub(super) fn json(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::Whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// A text body.
pub(super) fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::Whole(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What a failure upstream is called when there is no error answer to give on.
pub(super) fn upstream_error(evidence: &Evidence) -> GatewayError {
    let (status, code, message) = match evidence {
        Evidence::Response { status, .. } => (
            *status,
            "backstop_upstream_error",
            format!("the provider answered with status {status} and no readable body"),
        ),
        Evidence::Timeout { caller: true, .. } => (
            504,
            "backstop_caller_limit",
            "the caller's own time limit ran out before the provider had answered".to_owned(),
        ),
        Evidence::Timeout { stage, .. } => (
            504,
            "backstop_upstream_timeout",
            format!("the provider did not {} in time", awaited(*stage)),
        ),
        Evidence::Unreachable { kind } => (
            502,
            "backstop_upstream_unreachable",
            format!("the provider could not be reached: {}", obstacle(*kind)),
        ),
        Evidence::Broken { .. } => (
            502,
            "backstop_broken_response",
            "the provider's answer was broken or incomplete".to_owned(),
        ),
    };
    GatewayError {
        status,
        code,
        message,
    }
}

const fn awaited(stage: TimeoutStage) -> &'static str {
    match stage {
        TimeoutStage::Headers => "begin its answer",
        TimeoutStage::FirstOutput => "give its first output",
        TimeoutStage::Idle => "go on with its answer",
        TimeoutStage::Total => "finish its answer",
    }
}

const fn obstacle(kind: UnreachableKind) -> &'static str {
    match kind {
        UnreachableKind::Dns => "its name does not resolve",
        UnreachableKind::Connect => "no connection",
        UnreachableKind::Tls => "no TLS session",
        UnreachableKind::ResetBeforeHeaders => "the connection ended before an answer",
    }
}

/// Why a fallback serves, in one word, when no error class led to it.
pub(super) const fn cause(reason: &Reason) -> Option<&'static str> {
    match reason {
        Reason::Forced { .. } | Reason::ForcedByConfig => Some("forced"),
        Reason::Drained { .. } => Some("drained"),
        Reason::CircuitOpen => Some("circuit-open"),
        Reason::PrimarySaturated => Some("saturated"),
        Reason::Trigger
        | Reason::NeverTrigger
        | Reason::NotListed
        | Reason::Held
        | Reason::NoFallbackConfigured
        | Reason::FallbackDrained
        | Reason::FallbackCircuitOpen
        | Reason::FamilyDiffers
        | Reason::MissingCapability { .. }
        | Reason::VectorsDiffer
        | Reason::BoundaryCrossed { .. }
        | Reason::NoticeImpossible
        | Reason::PaidTierWithoutNotice
        | Reason::AttemptsSpent
        | Reason::RetryBudgetSpent
        | Reason::EventNotDurable
        | Reason::NotReplayable
        | Reason::CallerLimit
        | Reason::AfterCommit
        | Reason::ContextTooSmall { .. }
        | Reason::ReasoningBound
        | Reason::NotEntitled
        | Reason::AllRoutesDown { .. }
        | Reason::FallbackSaturated
        | Reason::AllRoutesFailed
        | Reason::ProviderFallback { .. }
        | Reason::Readiness { .. } => None,
    }
}
