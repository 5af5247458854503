//! What the policy is asked, and with which view of circuits, places, context and budget.

use std::{sync::Arc, time::Instant};

use super::{
    circuits::{Pass, why_open},
    exchange::Exchange,
    promise::{Chosen, NotLogged, choose},
    serve::Ready,
    snapshot::ReadyRoute,
    traffic::lock,
};
use crate::{
    clock::Clock,
    model::{CircuitState, ErrorClass, EventDecision, Mode, Reason},
    policy::{
        CircuitView, Decision, Evidence, Failure, Opening, Side, Situation, context_doubt, decide,
        open,
    },
    wire::context_need,
};

/// Where a request begins.
pub(super) enum First {
    /// With this route. No pass: it runs as many as it may.
    Ask {
        side: Side,
        pass: Option<Pass>,
        chosen: Option<Chosen>,
    },
    /// Nowhere. The event is written; the circuits say when to come again.
    Refuse { why: Reason },
}

/// How a route admits a request.
#[derive(Debug, Default)]
struct Admitted {
    circuit: CircuitView,
    saturated: bool,
    pass: Option<Pass>,
}

impl Admitted {
    fn by(route: Option<&Arc<ReadyRoute>>, now: Instant) -> Self {
        let Some(route) = route else {
            return Self::default();
        };
        let (circuit, pass) = route.admit(now);
        Self {
            circuit,
            saturated: pass.is_none(),
            pass,
        }
    }
}

/// Where the request goes first.
pub(super) fn opening(ready: &Ready<'_>, exchange: &mut Exchange) -> Result<First, NotLogged> {
    let workload = &ready.in_force.ready;
    let switches = &ready.in_force.switches;
    let now = exchange.started;
    // A trial of the primary must not be spent on a request that will not go there.
    let moved = switches.mode == Mode::Force || switches.primary_drained_by.is_some();
    let mut primary = if moved {
        Admitted {
            circuit: workload.primary.breaker.view(now),
            ..Admitted::default()
        }
    } else {
        Admitted::by(Some(&workload.primary), now)
    };
    let paused = primary.circuit.state == CircuitState::Open;
    let fallback = workload.fallback.as_ref().filter(|_| moved || paused);
    let fallback = Admitted::by(fallback, now);
    if moved || paused {
        measure(ready, exchange);
    }
    let opened = open(&situation(
        ready,
        exchange,
        primary.circuit,
        &fallback,
        true,
    ));
    match opened {
        Opening::Fallback { notice, why } => {
            let by_circuit = why == Reason::CircuitOpen;
            if by_circuit {
                remark_circuit(exchange, &workload.primary, &primary.circuit);
            }
            let class = primary.circuit.tripped_by.filter(|_| by_circuit);
            match choose(ready, exchange, notice, why, class) {
                Ok(chosen) => {
                    return Ok(First::Ask {
                        side: Side::Fallback,
                        pass: fallback.pass,
                        chosen: Some(chosen),
                    });
                }
                // Without an operator's word the primary can still be asked.
                Err(NotLogged) if by_circuit => {}
                Err(NotLogged) => return Err(NotLogged),
            }
        }
        Opening::Primary { refused: Some(why) } => {
            exchange.note(EventDecision::Refused, why, None);
        }
        Opening::Primary { refused: None } => exchange.asked_in = primary.circuit.state,
        Opening::Refuse { why } => {
            let class = match why {
                Reason::FallbackSaturated => None,
                _ => primary.circuit.tripped_by,
            };
            if let Reason::AllRoutesDown { .. } = why {
                remark_circuit(exchange, &workload.primary, &primary.circuit);
            }
            exchange.note(EventDecision::Refused, why.clone(), class);
            return Ok(First::Refuse { why });
        }
    }
    if moved {
        primary = Admitted::by(Some(&workload.primary), now);
    }
    Ok(First::Ask {
        side: Side::Primary,
        pass: primary.pass,
        chosen: None,
    })
}

/// Measures what the request takes of a context window, once, where that can matter.
fn measure(ready: &Ready<'_>, exchange: &mut Exchange) {
    let known = |route: &Arc<ReadyRoute>| route.route.context_tokens.is_some();
    let fallback = ready.in_force.ready.fallback.as_ref();
    if exchange.facts.context.is_none() && fallback.is_some_and(known) {
        exchange.facts.context = Some(context_need(ready.body));
    }
    exchange.remark = fallback.and_then(|fallback| context_doubt(&exchange.facts, &fallback.route));
}

/// Says in the next event why a circuit is open.
fn remark_circuit(exchange: &mut Exchange, route: &ReadyRoute, circuit: &CircuitView) {
    let at = exchange.worker.shared.clock.now();
    let Some(why) = why_open(circuit, Clock::instant(), at) else {
        return;
    };
    let paused = format!("{} is paused: {why}", route.route.name);
    exchange.remark = Some(match exchange.remark.take() {
        Some(earlier) => format!("{paused}; {earlier}"),
        None => paused,
    });
}

fn situation<'a>(
    ready: &Ready<'a>,
    exchange: &Exchange,
    primary_circuit: CircuitView,
    fallback: &Admitted,
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
        fallback_circuit: fallback.circuit,
        asked_while_paused: exchange.asked_in == CircuitState::Open,
        fallback_saturated: fallback.saturated,
        time_left: exchange.time_left(Clock::instant()),
        retry_budget_left,
    }
}

/// What follows a failure. The budget is asked only when it would be used.
pub(super) fn decided(
    ready: &Ready<'_>,
    exchange: &mut Exchange,
    failure: &Failure,
) -> (Decision, Option<Pass>) {
    let workload = &ready.in_force.ready;
    let now = Clock::instant();
    let primary = workload.primary.breaker.view(now);
    let asked = failure.side == Side::Primary;
    let fallback = workload.fallback.as_ref().filter(|_| asked);
    let fallback = Admitted::by(fallback, now);
    if asked {
        measure(ready, exchange);
    }
    let decision = decide(
        &situation(ready, exchange, primary, &fallback, true),
        failure,
    );
    if let Decision::Refuse {
        why: Reason::FallbackCircuitOpen | Reason::AllRoutesDown { .. },
    } = &decision
        && let Some(route) = &workload.fallback
    {
        remark_circuit(exchange, route, &fallback.circuit);
    }
    let spends = match &decision {
        Decision::Retry { .. } | Decision::Fallback { .. } => true,
        Decision::Refuse { .. } => false,
    };
    if let Some(budget) = &workload.budget
        && spends
        && !lock(budget).take(now)
    {
        let without = situation(ready, exchange, primary, &fallback, false);
        return (decide(&without, failure), fallback.pass);
    }
    (decision, fallback.pass)
}

/// An attempt's failure, as the policy wants it.
pub(super) fn failure(side: Side, class: ErrorClass, evidence: &Evidence) -> Failure {
    let (retry_after, caller_limit) = match evidence {
        Evidence::Response { retry_after, .. } | Evidence::Broken { retry_after, .. } => {
            (*retry_after, false)
        }
        Evidence::Timeout { caller, .. } => (None, *caller),
        Evidence::Unreachable { .. } => (None, false),
    };
    Failure {
        side,
        class,
        retry_after,
        caller_limit,
        saturated: false,
        committed: false,
    }
}

/// That a route runs as many requests as it may: nobody was asked.
pub(super) const fn saturated(side: Side) -> Failure {
    Failure {
        side,
        class: ErrorClass::Overloaded,
        retry_after: None,
        caller_limit: false,
        saturated: true,
        committed: false,
    }
}
