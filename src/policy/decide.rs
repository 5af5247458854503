//! From class and situation to a decision: serve, retry, fall back, or refuse with the reason.

use std::time::Duration;

use super::{
    CircuitView, Switches,
    candidate::{ContextNeed, may_serve},
};
use crate::model::{
    AllDown, CapabilitySet, CircuitState, ErrorClass, Mode, NoticeGiven, Reason, Route, Workload,
};

/// What is known of the request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// A stream was asked.
    pub stream: bool,
    /// What it depends on.
    pub needs: CapabilitySet,
    /// Retries that the client says it made before (`x-stainless-retry-count`).
    pub client_retries: u32,
    /// The caller's own time limit, from the request to the head of the answer.
    pub caller_limit: Option<Duration>,
    /// Whether the body is still there to be sent again.
    pub replayable: bool,
    /// What it takes of a context window. `None`: not asked, as no fallback of known size was near.
    pub context: Option<ContextNeed>,
}

/// Everything a decision may depend on, but the failure.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The workload's policy.
    pub workload: &'a Workload,
    /// Its primary route.
    pub primary: &'a Route,
    /// Its fallback route.
    pub fallback: Option<&'a Route>,
    /// What operators switched.
    pub switches: &'a Switches,
    /// The request.
    pub request: RequestFacts,
    /// Attempts made for it by this gateway.
    pub attempts: u32,
    /// Of these, repeats on the primary after a rate limit.
    pub backoffs: u32,
    /// The primary's circuit as it admitted this request: `Open` when it must pause (also while another
    /// request is the trial), `HalfOpen` when this request is the trial.
    pub primary_circuit: CircuitView,
    /// The fallback's circuit, in the same way.
    pub fallback_circuit: CircuitView,
    /// The primary was asked although its circuit is open, by the workload's rule.
    pub asked_while_paused: bool,
    /// Whether the fallback runs as many requests as it may.
    pub fallback_saturated: bool,
    /// What is left of the caller's own time limit; `None`: it has none.
    pub time_left: Option<Duration>,
    /// Whether the retry budget allows one more.
    pub retry_budget_left: bool,
}

/// Which of the two routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The primary.
    Primary,
    /// The fallback.
    Fallback,
}

/// A failed attempt, classified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// On which route.
    pub side: Side,
    /// What it was.
    pub class: ErrorClass,
    /// The provider's hint, not clamped.
    pub retry_after: Option<Duration>,
    /// Whether the caller's own limit ran out.
    pub caller_limit: bool,
    /// Whether the route was not asked at all, because it runs as many requests as it may.
    pub saturated: bool,
    /// Whether output had already been sent to the client.
    pub committed: bool,
}

/// Where a request goes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// To the primary.
    Primary {
        /// The fallback should have served (forced, drained, circuit open) and may not: an event says why.
        refused: Option<Reason>,
    },
    /// To the fallback at once; this is a fallback event.
    Fallback {
        /// How the caller is told.
        notice: NoticeGiven,
        /// Forced, drained or circuit open.
        why: Reason,
    },
    /// Nowhere: nobody is asked.
    Refuse {
        /// Every route is paused, or the one that must serve is full.
        why: Reason,
    },
}

/// What to do after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Ask the same route again after a wait (rate limits only).
    Retry {
        /// How long to wait.
        after: Duration,
    },
    /// Ask the fallback.
    Fallback {
        /// How the caller is told.
        notice: NoticeGiven,
        /// Why.
        why: Reason,
    },
    /// Return the failure to the client.
    Refuse {
        /// Why nothing else is tried.
        why: Reason,
    },
}

/// Decides where a request goes first.
#[must_use]
pub fn open(situation: &Situation<'_>) -> Opening {
    let switches = situation.switches;
    let why = match switches.mode {
        // An operator's word goes over the fallback's circuit, not over the policy.
        Mode::Force => match &switches.mode_by {
            Some(by) => Reason::Forced {
                by: by.clone(),
                revision: switches.revision,
            },
            None => Reason::ForcedByConfig,
        },
        Mode::Auto | Mode::Hold => match &switches.primary_drained_by {
            Some(by) => Reason::Drained { by: by.clone() },
            None => return open_by_circuit(situation),
        },
    };
    match may_serve(situation) {
        // Traffic that was moved away does not flow back because there is too much of it.
        Ok(_) if situation.fallback_saturated => Opening::Refuse {
            why: Reason::FallbackSaturated,
        },
        Ok(notice) => Opening::Fallback { notice, why },
        Err(reason) => Opening::Primary {
            refused: Some(reason),
        },
    }
}

/// Without an operator's word only an open circuit keeps a request from the primary.
///
/// When no other route may serve, either, the workload's rule decides: `primary` asks it all the same (if it
/// fails, that failure is refused with the fallback's reason), `refuse` asks nobody.
fn open_by_circuit(situation: &Situation<'_>) -> Opening {
    let circuit = situation.primary_circuit;
    if circuit.state != CircuitState::Open {
        return Opening::Primary { refused: None };
    }
    let listed = circuit
        .tripped_by
        .is_some_and(|class| situation.workload.triggers.contains(class));
    let allowed = if listed {
        may_serve(situation).and_then(|notice| has_room(situation).map(|()| notice))
    } else {
        Err(Reason::NotListed)
    };
    match (allowed, situation.workload.all_down) {
        (Ok(notice), _) => Opening::Fallback {
            notice,
            why: Reason::CircuitOpen,
        },
        (Err(_), AllDown::Primary) => Opening::Primary { refused: None },
        (
            Err(Reason::FallbackCircuitOpen | Reason::NoFallbackConfigured | Reason::NotListed),
            rule,
        ) => Opening::Refuse {
            why: Reason::AllRoutesDown { rule },
        },
        (Err(why), AllDown::Refuse) => Opening::Refuse { why },
    }
}

/// Whether the fallback can take a request now.
fn has_room(situation: &Situation<'_>) -> Result<(), Reason> {
    if situation.fallback_circuit.state == CircuitState::Open {
        return Err(Reason::FallbackCircuitOpen);
    }
    if situation.fallback_saturated {
        return Err(Reason::FallbackSaturated);
    }
    Ok(())
}

/// Decides what follows a failure.
#[must_use]
pub fn decide(situation: &Situation<'_>, failure: &Failure) -> Decision {
    match after_failure(situation, failure) {
        Ok(decision) => decision,
        Err(why) => Decision::Refuse { why },
    }
}

fn after_failure(situation: &Situation<'_>, failure: &Failure) -> Result<Decision, Reason> {
    let workload = situation.workload;
    if failure.committed {
        return Err(Reason::AfterCommit);
    }
    // Nobody waits for what would be tried now.
    if failure.caller_limit || situation.time_left == Some(Duration::ZERO) {
        return Err(Reason::CallerLimit);
    }
    match failure.side {
        // Forced, drained or paused: the only route that was asked says that the request is wrong.
        Side::Fallback
            if situation.attempts <= 1 && failure.class == ErrorClass::InvalidRequest =>
        {
            return Err(Reason::NeverTrigger);
        }
        Side::Fallback => return Err(Reason::AllRoutesFailed),
        Side::Primary => {}
    }
    match failure.class {
        ErrorClass::InvalidRequest | ErrorClass::Authentication => {
            return Err(Reason::NeverTrigger);
        }
        ErrorClass::RateLimited => {
            if let Some(after) = backoff(situation, failure) {
                return Ok(Decision::Retry { after });
            }
        }
        ErrorClass::Forbidden
        | ErrorClass::QuotaExhausted
        | ErrorClass::ServerError
        | ErrorClass::Overloaded
        | ErrorClass::Timeout
        | ErrorClass::Unreachable
        | ErrorClass::BrokenResponse => {}
    }
    let listed = workload.triggers.contains(failure.class);
    if failure.saturated && (situation.fallback.is_none() || !listed) {
        return Err(Reason::PrimarySaturated);
    }
    if situation.fallback.is_none() {
        return Err(Reason::NoFallbackConfigured);
    }
    if !listed {
        return Err(Reason::NotListed);
    }
    let notice = may_serve(situation)?;
    if situation.asked_while_paused && situation.fallback_circuit.state == CircuitState::Open {
        let rule = workload.all_down;
        return Err(Reason::AllRoutesDown { rule });
    }
    has_room(situation)?;
    spendable(situation)?;
    Ok(Decision::Fallback {
        notice,
        why: if failure.saturated {
            Reason::PrimarySaturated
        } else {
            Reason::Trigger
        },
    })
}

/// How long to wait before the primary is asked again after a rate limit, if it is.
fn backoff(situation: &Situation<'_>, failure: &Failure) -> Option<Duration> {
    let policy = situation.workload.backoff;
    if situation.backoffs >= policy.retries || spendable(situation).is_err() {
        return None;
    }
    let after = failure.retry_after.unwrap_or_else(|| {
        let factor = 1_u32.checked_shl(situation.backoffs).unwrap_or(u32::MAX);
        policy.initial.saturating_mul(factor).min(policy.max_wait)
    });
    // Asking earlier than the provider said would be rude; waiting longer than allowed would be useless, and
    // so would be waiting until the caller has gone.
    let in_time = situation.time_left.is_none_or(|left| after < left);
    (in_time && after <= policy.max_wait).then_some(after)
}

/// Whether one more attempt may be spent on this request.
fn spendable(situation: &Situation<'_>) -> Result<(), Reason> {
    let spent = situation
        .attempts
        .saturating_add(situation.request.client_retries);
    if !situation.request.replayable {
        return Err(Reason::NotReplayable);
    }
    if spent >= situation.workload.max_attempts {
        return Err(Reason::AttemptsSpent);
    }
    if !situation.retry_budget_left {
        return Err(Reason::RetryBudgetSpent);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(super) use tests::{Case, case, open_circuit};
