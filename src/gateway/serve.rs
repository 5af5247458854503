//! One request under its workload's policy: opening, attempts, decisions, answer.

use std::{ops::Range, time::Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use tokio::time::{sleep, timeout_at};

use super::{
    answer::{self, Told},
    attempt::{Ask, Bad, Good},
    decision::{First, decided, failure, opening, saturated},
    exchange::Exchange,
    headers,
    promise::{Chosen, NotLogged, choose, durable, unlogged},
    provider_made,
    relay::{Body, Relay},
    running::Running,
    snapshot::InForce,
    traffic::{Ending, lock},
    unasked,
};
use crate::{
    clock::Clock,
    model::{ErrorClass, EventDecision, NoticeGiven, Reason},
    policy::{Decision, Evidence, Side, TimeoutStage, classify, explain},
    wire::{Call, Stored, error_body::GatewayError, response::with_notice, served::Served},
};

/// A request that is ready to be served.
pub(super) struct Ready<'a> {
    pub(super) in_force: &'a InForce,
    pub(super) call: Call,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Option<&'a str>,
    pub(super) body: &'a Bytes,
    /// Where the body names the model.
    pub(super) model: Option<&'a Range<usize>>,
    /// The request is about what the provider keeps, and has no model.
    pub(super) stored: Option<&'a Stored<'a>>,
    /// A notice inside the answer would break its form.
    pub(super) structured: bool,
}

/// A failure that may have to be returned.
struct Kept {
    side: Side,
    /// `None`: there was no place for an attempt.
    bad: Option<Bad>,
}

/// Serves one request to its end, or to the point from which its body is relayed.
pub(super) async fn serve(ready: &Ready<'_>, mut exchange: Exchange) -> Response<Body> {
    let workload = &ready.in_force.ready;
    if let Some(budget) = &workload.budget {
        lock(budget).request(exchange.started);
    }
    let mut primary_failure: Option<Kept> = None;
    let (mut side, mut pass, mut chosen) = match opening(ready, &mut exchange) {
        Ok(First::Ask { side, pass, chosen }) => (side, pass, chosen),
        Ok(First::Refuse { why }) => return unasked::answer(ready, exchange, &why),
        Err(NotLogged) => return not_logged(ready, exchange, None),
    };
    loop {
        let Some(route) = workload.route(side) else {
            return not_logged(ready, exchange, primary_failure);
        };
        let (failure, kept) = if let Some(pass) = pass.take() {
            let mut running = Running::begin(route, &exchange.worker, pass);
            match attempt(ready, &mut exchange, side, &mut running, chosen.as_ref()).await {
                Ok(good) => {
                    return match before_the_head(ready, &mut exchange, side, chosen, &good).await {
                        Ok(before) => served(ready, exchange, side, running, good, before),
                        Err(NotLogged) => not_logged(ready, exchange, primary_failure),
                    };
                }
                Err(Failed { class, bad }) => {
                    let failure = failure(side, class, &bad.evidence);
                    let bad = Some(bad);
                    (failure, Kept { side, bad })
                }
            }
        } else {
            let failure = saturated(side);
            exchange.saturated(failure.class);
            (failure, Kept { side, bad: None })
        };
        let class = failure.class;
        let (decision, fallback_pass) = decided(ready, &mut exchange, &failure);
        match decision {
            Decision::Retry { after } => {
                exchange.backoffs += 1;
                sleep(after).await;
                exchange.waited += after;
                pass = route.admit(Clock::instant()).1;
            }
            Decision::Fallback { notice, why } => {
                match choose(ready, &mut exchange, notice, why, Some(class)) {
                    Ok(next) => chosen = Some(next),
                    Err(NotLogged) => return not_logged(ready, exchange, Some(kept)),
                }
                primary_failure = Some(kept);
                side = Side::Fallback;
                pass = fallback_pass;
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
                if kept.side == Side::Primary {
                    return refused(ready, exchange, kept, spent, None);
                }
                // A fallback that was asked alone has failed: what it said is its answer, and no less told.
                return match durable(&exchange, chosen).await {
                    Ok(told) => refused(ready, exchange, kept, spent, told.as_ref()),
                    Err(NotLogged) => not_logged(ready, exchange, None),
                };
            }
        }
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
        call: ready.call,
        timeouts: &workload.timeouts,
        headers: ready.headers,
        query: ready.query,
        body: ready.body,
        model: ready.model,
        stored: ready.stored,
        framing: ready.call.framing(exchange.facts.stream),
        notice: inline.then_some(workload.notice.text.as_str()),
    };
    let result = in_time(exchange.deadline(), &ask, running).await;
    let now = Clock::instant();
    let took = now.saturating_duration_since(started);
    exchange.waited += took;
    match result {
        Ok(good) => {
            exchange.first_output = Some(now.saturating_duration_since(exchange.started));
            exchange.served_by(side);
            Ok(good)
        }
        Err(mut bad) => {
            bad.evidence = bad.evidence.without(running.credential());
            let class = classify(&bad.evidence);
            // What the caller did not wait for says nothing about the route.
            if !matches!(bad.evidence, Evidence::Timeout { caller: true, .. }) {
                running.end(Some(class));
            }
            exchange.failed(side, class, &bad.evidence, took);
            Err(Failed { class, bad })
        }
    }
}

/// Makes the attempt within the caller's own time limit. The route's clocks count first: only a caller who
/// waits shorter than they do ends an attempt here.
async fn in_time(
    deadline: Option<Instant>,
    ask: &Ask<'_>,
    running: &mut Running,
) -> Result<Good, Bad> {
    let Some(deadline) = deadline else {
        return ask.run(running).await;
    };
    match timeout_at(deadline.into(), ask.run(running)).await {
        Ok(result) => result,
        Err(_) => Err(Bad::from(Evidence::Timeout {
            stage: match running.head_after {
                None => TimeoutStage::Headers,
                Some(_) if ask.framing.is_some() => TimeoutStage::FirstOutput,
                Some(_) => TimeoutStage::Total,
            },
            caller: true,
        })),
    }
}

/// What the head of an answer tells, each with its event on disk.
struct Before {
    /// Our fallback.
    told: Option<Told>,
    /// The model of the provider's own fallback, and whether its event is not known to be durable.
    other_model: Option<(HeaderValue, bool)>,
}

/// Waits for the events of what an answer's beginning tells.
async fn before_the_head(
    ready: &Ready<'_>,
    exchange: &mut Exchange,
    side: Side,
    chosen: Option<Chosen>,
    good: &Good,
) -> Result<Before, NotLogged> {
    let told = durable(exchange, chosen).await?;
    exchange.status = good.head().status.as_u16();
    let said = match good {
        Good::Whole { body, .. } => Served::in_answer(ready.call.shape, body),
        Good::Begun { begun, .. } => match (&begun.watch, begun.held.first()) {
            (Some(watch), _) => watch.served().clone(),
            // Too large to be checked as a whole: most say their model at the beginning.
            (None, Some(beginning)) => Served::in_answer(ready.call.shape, beginning),
            (None, None) => Served::default(),
        },
    };
    let other_model = match provider_made::note(exchange, side, &said) {
        Some(noted) => Some((noted.model, unlogged(exchange, noted.receipt).await?)),
        None => None,
    };
    Ok(Before { told, other_model })
}

/// The answer of a success.
fn served(
    ready: &Ready<'_>,
    mut exchange: Exchange,
    side: Side,
    mut running: Running,
    good: Good,
    before: Before,
) -> Response<Body> {
    let told = before.told.as_ref();
    let inline = told.is_some_and(|told| told.notice == Some(NoticeGiven::Inline));
    // What stands inside the answer is noted when it does.
    exchange.notice = told.map(|told| match told.notice {
        None | Some(NoticeGiven::None) => NoticeGiven::None,
        Some(NoticeGiven::Header | NoticeGiven::Inline) => NoticeGiven::Header,
    });
    match good {
        Good::Whole { head, mut body } => {
            running.end(None);
            let mut head = answer::head(head, &exchange, side, told);
            answer::name_model(&mut head, before.other_model);
            if inline {
                let notice = &ready.in_force.ready.workload.notice.text;
                if let Some(with) = with_notice(ready.call, &body, notice) {
                    body = with.into();
                    exchange.notice = Some(NoticeGiven::Inline);
                    head.headers.remove(header::CONTENT_LENGTH);
                }
            }
            exchange.finish(Ending::Served);
            Response::from_parts(head, Body::Whole(body))
        }
        Good::Begun { head, begun } => {
            let mut head = answer::head(head, &exchange, side, told);
            answer::name_model(&mut head, before.other_model);
            if begun.watch.is_some() {
                head.headers.remove(header::CONTENT_LENGTH);
                running.first_output();
            }
            let relay = Relay::new(side, head.status, *begun, exchange, running);
            Response::from_parts(head, Body::Relayed(Box::new(relay)))
        }
    }
}

/// A failure is returned: the provider's own error as it came, or one made here. `told`: it is a fallback's.
fn refused(
    ready: &Ready<'_>,
    mut exchange: Exchange,
    kept: Kept,
    spent: bool,
    told: Option<&Told>,
) -> Response<Body> {
    exchange.side = Some(kept.side);
    let own = |error: &GatewayError| {
        answer::own_error(&exchange, Some(kept.side), ready.call.shape, error)
    };
    let mut response = match kept.bad {
        Some(Bad {
            answer: Some((head, body)),
            ..
        }) => {
            let head = answer::head(head, &exchange, kept.side, None);
            Response::from_parts(head, Body::Whole(body))
        }
        Some(Bad { evidence, .. }) => {
            let mut response = own(&answer::upstream_error(&evidence));
            // What was no answer is not passed on, but its hint is.
            if let Evidence::Broken {
                retry_after: Some(after),
                ..
            } = evidence
            {
                let seconds = after.as_millis().div_ceil(1000);
                let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
                let told = HeaderValue::from(seconds);
                response.headers_mut().insert(header::RETRY_AFTER, told);
            }
            response
        }
        None => unasked::saturated(&exchange, ready.call.shape),
    };
    if let Some(told) = told {
        answer::tell(response.headers_mut(), told);
    }
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
        return refused(ready, exchange, kept, false, None);
    }
    let error = GatewayError {
        status: 503,
        code: "backstop_event_not_durable",
        message: explain(&Reason::EventNotDurable),
    };
    let response = answer::own_error(&exchange, None, ready.call.shape, &error);
    exchange.status = error.status;
    exchange.finish(Ending::Error);
    response
}

/// Whether a repeat by the client would only multiply ours.
fn spends(why: &Reason) -> bool {
    matches!(
        why,
        Reason::AllRoutesFailed
            | Reason::AllRoutesDown { .. }
            | Reason::FallbackCircuitOpen
            | Reason::AttemptsSpent
            | Reason::RetryBudgetSpent
    )
}
