//! Requests about what a provider keeps: a stored response is fetched, stopped or deleted where it was made.
//!
//! They go through the policy as every request, and need `provider-state`: the primary is asked, and a fallback
//! only when it sees the same. A response that a fallback elsewhere has made is not found at the primary; that
//! answer is the primary's own and is given on.

use std::rc::Rc;

use http::{Response, request::Parts};

use super::{
    callers::{Caller, without_key},
    exchange::Exchange,
    intake::Intake,
    relay::Body,
    request::{same_shape, unknown},
    room::Stay,
    serve::{self, Ready},
    worker::Worker,
};
use crate::{
    clock::Clock,
    model::Method,
    policy::RequestFacts,
    wire::{Call, Shape, Stored, error_body::GatewayError, request::facts_of_stored},
};

/// Answers one. The workload must be named in the path or in the header: there is no model to name it.
pub(super) async fn answer(
    worker: Rc<Worker>,
    parts: &Parts,
    intake: &mut Intake,
    (caller, stay): (Caller, Stay),
    stored: &Stored<'_>,
    named: Option<&str>,
) -> Result<Response<Body>, GatewayError> {
    let started = Clock::instant();
    let call = Call::from(Shape::OpenaiResponses);
    let snapshot = worker.snapshot();
    let name = named.ok_or_else(|| unknown(""))?;
    let in_force = caller.workload(&snapshot, name)?;
    same_shape(&in_force, call)?;
    drop(snapshot);
    let (limits, mut held) = intake.room(&worker)?;
    let body = intake.read(limits, &mut held).await?;
    let facts = RequestFacts {
        replayable: true,
        ..facts_of_stored(&parts.headers)
    };
    let mut exchange = Exchange::begin(worker, in_force.clone(), caller.client(), facts, started);
    exchange.stay = Some(stay);
    exchange.method = Some(Method::Stored);
    let query = parts.uri.query().map(without_key);
    let ready = Ready {
        in_force: &in_force,
        call,
        headers: &parts.headers,
        query: query.as_deref(),
        body: &body,
        model: None,
        stored: Some(stored),
        structured: true,
    };
    Ok(serve::serve(&ready, exchange).await)
}
