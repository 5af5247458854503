//! Answers to requests for which no route was asked: everything that may serve is paused or full.
//!
//! The client hears nothing about routes: only that, and when, it may come again.

use http::{HeaderValue, Response, header};

use super::{answer, exchange::Exchange, headers, relay::Body, serve::Ready, traffic::Ending};
use crate::{
    clock::Clock,
    model::Reason,
    policy::Side,
    wire::{Shape, error_body::GatewayError},
};

/// When a client may come again that found no place: places change hands all the time.
pub(super) const SOON: u64 = 1;

/// What the client is told.
pub(super) fn error(why: &Reason) -> GatewayError {
    let (code, message) = if matches!(why, Reason::PrimarySaturated | Reason::FallbackSaturated) {
        (
            "backstop_saturated",
            "too many requests of this workload are running; come again soon",
        )
    } else {
        (
            "backstop_paused",
            "the workload is paused after repeated failures; come again later",
        )
    };
    GatewayError {
        status: 503,
        code,
        message: message.to_owned(),
    }
}

/// The answer when a route has no place for one more.
pub(super) fn saturated(exchange: &Exchange, shape: Shape) -> Response<Body> {
    let mut response = answer::own_error(exchange, None, shape, &error(&Reason::PrimarySaturated));
    let soon = HeaderValue::from(SOON);
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    response
}

/// The answer. Its event is written already.
pub(super) fn answer(ready: &Ready<'_>, mut exchange: Exchange, why: &Reason) -> Response<Body> {
    let error = error(why);
    let mut response = answer::own_error(&exchange, None, ready.call.shape, &error);
    let told = response.headers_mut();
    if matches!(why, Reason::FallbackSaturated) {
        told.insert(header::RETRY_AFTER, HeaderValue::from(SOON));
    } else {
        told.insert(header::RETRY_AFTER, HeaderValue::from(until_trial(ready)));
        told.insert(headers::SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    exchange.status = error.status;
    exchange.finish(Ending::Error);
    response
}

/// Seconds until a route may be tried again.
fn until_trial(ready: &Ready<'_>) -> u64 {
    let now = Clock::instant();
    [Side::Primary, Side::Fallback]
        .into_iter()
        .filter_map(|side| ready.in_force.ready.route(side))
        .filter_map(|route| route.breaker.view(now).until)
        .map(|until| until.saturating_duration_since(now).as_secs() + 1)
        .min()
        .unwrap_or(SOON)
}
