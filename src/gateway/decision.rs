//! What the policy is asked, and with which view of circuits and budget.

use std::{sync::Arc, time::Instant};

use super::{
    circuits::Pass,
    exchange::Exchange,
    promise::{Chosen, NotLogged, choose},
    serve::Ready,
    snapshot::ReadyRoute,
    traffic::lock,
};
use crate::{
    clock::Clock,
    model::{CircuitState, ErrorClass, EventDecision, Mode, Reason},
    policy::{CircuitView, Decision, Evidence, Failure, Opening, Side, Situation, decide, open},
};

/// Where the request goes first.
pub(super) fn opening(
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

fn admitted(route: Option<&Arc<ReadyRoute>>, now: Instant) -> (CircuitView, Option<Pass>) {
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
pub(super) fn decided(
    ready: &Ready<'_>,
    exchange: &Exchange,
    failure: &Failure,
) -> (Decision, Option<Pass>) {
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

/// An attempt's failure, as the policy wants it.
pub(super) fn failure(side: Side, class: ErrorClass, evidence: &Evidence) -> Failure {
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
