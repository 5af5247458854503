//! One request under its workload's policy: opening, attempts, decisions, answer.
//!
//! The write-ahead promise is kept here: a place in the event queue is taken before the fallback is tried,
//! the decision is appended when it is chosen, and nothing of the fallback's answer is given to the client
//! before the event is durable.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header, response};
use tokio::time::{sleep, timeout};

use super::{
    answer::{self, Told},
    attempt::{Ask, Bad, Good},
    circuits::Pass,
    exchange::Exchange,
    headers,
    relay::{Body, Relay},
    running::Running,
    snapshot::{InForce, ReadyRoute},
    traffic::{Ending, lock},
};
use crate::{
    clock::Clock,
    model::{CircuitState, ErrorClass, EventDecision, LogFailure, Mode, NoticeGiven, Reason},
    policy::{
        CircuitView, Decision, Evidence, Failure, Opening, Side, Situation, classify, decide,
        explain, open,
    },
    store::Receipt,
    wire::{Shape, error_body::GatewayError, response::with_notice},
};

/// How long an answer waits for its event to become durable.
const RECEIPT_LIMIT: Duration = Duration::from_secs(5);

/// A request that is ready to be served.
pub(super) struct Ready<'a> {
    pub(super) in_force: &'a InForce,
    pub(super) shape: Shape,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a Bytes,
    pub(super) model: &'a Range<usize>,
    /// A notice inside the answer would break its form.
    pub(super) structured: bool,
}

/// A fallback that was chosen.
struct Chosen {
    notice: NoticeGiven,
    why: Reason,
    class: Option<ErrorClass>,
    event: Option<HeaderValue>,
    /// `None`: there was no place for the event, and the workload serves all the same.
    receipt: Option<Receipt>,
}

/// A failure that may have to be returned.
struct Kept {
    side: Side,
    evidence: Evidence,
    answer: Option<(response::Parts, Bytes)>,
}

/// Serves one request to its end, or to the point from which its body is relayed.
pub(super) async fn serve(ready: &Ready<'_>, mut exchange: Exchange) -> Response<Body> {
    let workload = &ready.in_force.ready;
    if let Some(budget) = &workload.budget {
        lock(budget).request(exchange.started);
    }
    let mut primary_failure: Option<Kept> = None;
    let (mut side, mut pass, mut chosen) = match opening(ready, &mut exchange) {
        Ok(opened) => opened,
        Err(NotLogged) => return not_logged(ready, exchange, None),
    };
    loop {
        let Some(route) = workload.route(side) else {
            return not_logged(ready, exchange, primary_failure);
        };
        let mut running = Running::begin(route, &exchange.worker, pass);
        let failed = match attempt(ready, &mut exchange, side, &mut running, chosen.as_ref()).await
        {
            Ok(good) => {
                return match durable(ready, &exchange, chosen).await {
                    Ok(told) => served(ready, exchange, side, running, good, told.as_ref()),
                    Err(NotLogged) => not_logged(ready, exchange, primary_failure),
                };
            }
            Err(failed) => failed,
        };
        let Failed { class, bad } = failed;
        let failure = failure(side, class, &bad.evidence);
        let kept = Kept {
            side,
            evidence: bad.evidence,
            answer: bad.answer,
        };
        let (decision, fallback_pass) = decided(ready, &exchange, &failure);
        match decision {
            Decision::Retry { after } => {
                exchange.backoffs += 1;
                sleep(after).await;
                exchange.waited += after;
                pass = route.breaker.admit(Clock::instant()).1;
            }
            Decision::Fallback { notice, why } => {
                match choose(ready, &mut exchange, notice, why, Some(class)) {
                    Ok(next) => chosen = Some(next),
                    Err(NotLogged) => return not_logged(ready, exchange, Some(kept)),
                }
                primary_failure = Some(kept);
                side = Side::Fallback;
                pass = fallback_pass.unwrap_or_else(|| route.breaker.admit(Clock::instant()).1);
            }
            Decision::Refuse { why } => {
                let spent = spends(&why);
                let decision = match side {
                    Side::Fallback if why != Reason::NeverTrigger => EventDecision::Exhausted,
                    Side::Primary | Side::Fallback => EventDecision::Refused,
                };
                exchange.note(decision, why, Some(class));
                // The client called the primary: its failure is the answer.
                let kept = primary_failure.unwrap_or(kept);
                return refused(ready, exchange, kept, spent);
            }
        }
    }
}

/// The workload refuses a fallback without an event.
struct NotLogged;

/// Where the request goes first.
fn opening(
    ready: &Ready<'_>,
    exchange: &mut Exchange,
) -> Result<(Side, Pass, Option<Chosen>), NotLogged> {
    let workload = &ready.in_force.ready;
    let switches = &ready.in_force.switches;
    let now = exchange.started;
    // A trial of the primary must not be spent on a request that will not go there.
    let moved = switches.mode == Mode::Force || switches.primary_drained_by.is_some();
    let (primary_circuit, primary_pass) = if moved {
        (workload.primary.breaker.view(now), None)
    } else {
        let (view, pass) = workload.primary.breaker.admit(now);
        (view, Some(pass))
    };
    let paused = primary_circuit.state == CircuitState::Open;
    let fallback = workload.fallback.as_ref().filter(|_| moved || paused);
    let (fallback_circuit, fallback_pass) = admitted(fallback, now);
    let opened = open(&situation(
        ready,
        exchange,
        primary_circuit,
        fallback_circuit,
        true,
    ));
    let pass_to =
        |route: &ReadyRoute, pass: Option<Pass>| pass.unwrap_or_else(|| route.breaker.admit(now).1);
    match (opened, &workload.fallback) {
        (Opening::Fallback { notice, why }, Some(route)) => {
            let by_circuit = why == Reason::CircuitOpen;
            let class = primary_circuit.tripped_by.filter(|_| by_circuit);
            match choose(ready, exchange, notice, why, class) {
                Ok(chosen) => {
                    let pass = pass_to(route, fallback_pass);
                    return Ok((Side::Fallback, pass, Some(chosen)));
                }
                // Without an operator's word the primary can still be asked.
                Err(NotLogged) if by_circuit => {}
                Err(NotLogged) => return Err(NotLogged),
            }
        }
        (Opening::Primary { refused: Some(why) }, _) => {
            exchange.note(EventDecision::Refused, why, None);
        }
        (Opening::Primary { refused: None }, _) | (Opening::Fallback { .. }, None) => {}
    }
    let pass = pass_to(&workload.primary, primary_pass);
    Ok((Side::Primary, pass, None))
}

fn admitted(
    route: Option<&std::sync::Arc<ReadyRoute>>,
    now: std::time::Instant,
) -> (CircuitView, Option<Pass>) {
    match route {
        Some(route) => {
            let (view, pass) = route.breaker.admit(now);
            (view, Some(pass))
        }
        None => (CircuitView::default(), None),
    }
}

fn situation<'a>(
    ready: &Ready<'a>,
    exchange: &Exchange,
    primary_circuit: CircuitView,
    fallback_circuit: CircuitView,
    retry_budget_left: bool,
) -> Situation<'a> {
    let workload = &ready.in_force.ready;
    Situation {
        workload: &workload.workload,
        primary: &workload.primary.route,
        fallback: workload.fallback.as_ref().map(|ready| &ready.route),
        switches: &ready.in_force.switches,
        request: exchange.facts,
        attempts: exchange.attempts,
        backoffs: exchange.backoffs,
        primary_circuit,
        fallback_circuit,
        retry_budget_left,
    }
}

/// What follows a failure. The budget is asked only when it would be used.
fn decided(ready: &Ready<'_>, exchange: &Exchange, failure: &Failure) -> (Decision, Option<Pass>) {
    let workload = &ready.in_force.ready;
    let now = Clock::instant();
    let primary = workload.primary.breaker.view(now);
    let fallback = workload
        .fallback
        .as_ref()
        .filter(|_| failure.side == Side::Primary);
    let (fallback, pass) = admitted(fallback, now);
    let decision = decide(
        &situation(ready, exchange, primary, fallback, true),
        failure,
    );
    let spends = match &decision {
        Decision::Retry { .. } | Decision::Fallback { .. } => true,
        Decision::Refuse { .. } => false,
    };
    if let Some(budget) = &workload.budget
        && spends
        && !lock(budget).take(now)
    {
        let without = situation(ready, exchange, primary, fallback, false);
        return (decide(&without, failure), pass);
    }
    (decision, pass)
}

fn failure(side: Side, class: ErrorClass, evidence: &Evidence) -> Failure {
    let (retry_after, caller_limit) = match evidence {
        Evidence::Response { retry_after, .. } => (*retry_after, false),
        Evidence::Timeout { caller, .. } => (None, *caller),
        Evidence::Unreachable { .. } | Evidence::Broken { .. } => (None, false),
    };
    Failure {
        side,
        class,
        retry_after,
        caller_limit,
        committed: false,
    }
}

/// Chooses the fallback: takes a place for the event and hands the decision over.
fn choose(
    ready: &Ready<'_>,
    exchange: &mut Exchange,
    notice: NoticeGiven,
    why: Reason,
    class: Option<ErrorClass>,
) -> Result<Chosen, NotLogged> {
    let notice = match notice {
        NoticeGiven::Inline if ready.structured => NoticeGiven::Header,
        NoticeGiven::None | NoticeGiven::Header | NoticeGiven::Inline => notice,
    };
    let mut chosen = Chosen {
        notice,
        why,
        class,
        event: None,
        receipt: None,
    };
    if let Ok(place) = exchange.reserve() {
        let event = exchange.event(EventDecision::Fallback, chosen.why.clone(), class, notice);
        chosen.event = HeaderValue::try_from(event.id.to_string()).ok();
        chosen.receipt = Some(exchange.append(place, event));
        return Ok(chosen);
    }
    exchange.unlogged();
    match ready.in_force.ready.workload.on_log_failure {
        LogFailure::Refuse => Err(NotLogged),
        LogFailure::Serve => Ok(chosen),
    }
}

/// A failed attempt, classified.
struct Failed {
    class: ErrorClass,
    bad: Bad,
}

/// One attempt, with its bookkeeping. A good answer is still running.
async fn attempt(
    ready: &Ready<'_>,
    exchange: &mut Exchange,
    side: Side,
    running: &mut Running,
    chosen: Option<&Chosen>,
) -> Result<Good, Failed> {
    let workload = &ready.in_force.ready.workload;
    exchange.attempts += 1;
    exchange.side = Some(side);
    let started = Clock::instant();
    let inline = chosen.is_some_and(|chosen| chosen.notice == NoticeGiven::Inline);
    let ask = Ask {
        shape: ready.shape,
        timeouts: &workload.timeouts,
        headers: ready.headers,
        query: ready.query,
        body: ready.body,
        model: ready.model,
        stream: exchange.facts.stream,
        notice: inline.then_some(workload.notice.text.as_str()),
    };
    let result = ask.run(running).await;
    let now = Clock::instant();
    let took = now.saturating_duration_since(started);
    exchange.waited += took;
    match result {
        Ok(good) => {
            exchange.first_output = Some(now.saturating_duration_since(exchange.started));
            exchange.served_by(side);
            Ok(good)
        }
        Err(bad) => {
            let class = classify(&bad.evidence);
            running.end(Some(class));
            exchange.failed(side, class, &bad.evidence, took);
            Err(Failed { class, bad })
        }
    }
}

/// Waits for the promise: nothing of a fallback's answer before its event is durable.
async fn durable(
    ready: &Ready<'_>,
    exchange: &Exchange,
    chosen: Option<Chosen>,
) -> Result<Option<Told>, NotLogged> {
    let Some(chosen) = chosen else {
        return Ok(None);
    };
    let mut unlogged = chosen.receipt.is_none();
    if let Some(receipt) = chosen.receipt
        && !matches!(timeout(RECEIPT_LIMIT, receipt.durable()).await, Ok(Ok(_)))
    {
        exchange.unlogged();
        match ready.in_force.ready.workload.on_log_failure {
            LogFailure::Refuse => return Err(NotLogged),
            LogFailure::Serve => unlogged = true,
        }
    }
    let why = match (answer::cause(&chosen.why), chosen.class) {
        (Some(cause), _) => HeaderValue::from_static(cause),
        (None, Some(class)) => HeaderValue::from_static(class.as_str()),
        (None, None) => HeaderValue::from_static("unknown"),
    };
    Ok(Some(Told {
        why,
        event: chosen.event,
        unlogged,
        notice: match chosen.notice {
            NoticeGiven::None => None,
            NoticeGiven::Header | NoticeGiven::Inline => Some(chosen.notice),
        },
    }))
}

/// The answer of a success.
fn served(
    ready: &Ready<'_>,
    mut exchange: Exchange,
    side: Side,
    mut running: Running,
    good: Good,
    told: Option<&Told>,
) -> Response<Body> {
    match good {
        Good::Whole { head, mut body } => {
            running.end(None);
            let mut head = answer::head(head, &exchange, side, told);
            if told.is_some_and(|told| told.notice == Some(NoticeGiven::Inline)) {
                let notice = &ready.in_force.ready.workload.notice.text;
                if let Some(with) = with_notice(ready.shape, &body, notice) {
                    body = with.into();
                    head.headers.remove(header::CONTENT_LENGTH);
                }
            }
            exchange.status = head.status.as_u16();
            exchange.finish(Ending::Served);
            Response::from_parts(head, Body::Whole(body))
        }
        Good::Begun { head, begun } => {
            let mut head = answer::head(head, &exchange, side, told);
            exchange.status = head.status.as_u16();
            if begun.watch.is_some() {
                head.headers.remove(header::CONTENT_LENGTH);
                running.first_output();
            }
            let relay = Relay::new(ready.shape, side, head.status, *begun, exchange, running);
            Response::from_parts(head, Body::Relayed(Box::new(relay)))
        }
    }
}

/// A failure is returned: the provider's own error as it came, or one made here.
fn refused(ready: &Ready<'_>, mut exchange: Exchange, kept: Kept, spent: bool) -> Response<Body> {
    exchange.side = Some(kept.side);
    let mut response = if let Some((head, body)) = kept.answer {
        let head = answer::head(head, &exchange, kept.side, None);
        Response::from_parts(head, Body::Whole(body))
    } else {
        let error = answer::upstream_error(&kept.evidence);
        answer::own_error(&exchange, Some(kept.side), ready.shape, &error)
    };
    if spent {
        response
            .headers_mut()
            .insert(headers::SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    exchange.status = response.status().as_u16();
    exchange.finish(Ending::Error);
    response
}

/// The event of a fallback cannot be made durable: the primary's failure is returned, if there is one.
fn not_logged(ready: &Ready<'_>, mut exchange: Exchange, kept: Option<Kept>) -> Response<Body> {
    exchange.note(EventDecision::Refused, Reason::EventNotDurable, None);
    if let Some(kept) = kept {
        return refused(ready, exchange, kept, false);
    }
    let error = GatewayError {
        status: 503,
        code: "backstop_event_not_durable",
        message: explain(&Reason::EventNotDurable),
    };
    let response = answer::own_error(&exchange, None, ready.shape, &error);
    exchange.status = error.status;
    exchange.finish(Ending::Error);
    response
}

/// Whether a repeat by the client would only multiply ours.
fn spends(why: &Reason) -> bool {
    matches!(
        why,
        Reason::AllRoutesFailed | Reason::AttemptsSpent | Reason::RetryBudgetSpent
    )
}
