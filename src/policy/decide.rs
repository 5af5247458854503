//! From class and situation to a decision: serve, retry, fall back, or refuse with the reason.

use std::time::Duration;

use super::{CircuitView, Switches};
use crate::model::{
    Capability, CapabilitySet, CircuitState, ErrorClass, Family, Mode, NoticeGiven, NoticeStyle,
    Reason, Route, Tier, Workload,
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
    /// Whether the body is still there to be sent again.
    pub replayable: bool,
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
///
/// "All routes down": when both circuits are open the primary is asked, so that a workload is never dark
/// only because of our own bookkeeping.
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
        Ok(notice) => Opening::Fallback { notice, why },
        Err(reason) => Opening::Primary {
            refused: Some(reason),
        },
    }
}

/// Without an operator's word only an open circuit keeps a request from the primary.
fn open_by_circuit(situation: &Situation<'_>) -> Opening {
    let circuit = situation.primary_circuit;
    let paused = circuit.state == CircuitState::Open
        && circuit
            .tripped_by
            .is_some_and(|class| situation.workload.triggers.contains(class));
    if !paused || situation.fallback_circuit.state == CircuitState::Open {
        return Opening::Primary { refused: None };
    }
    match may_serve(situation) {
        Ok(notice) => Opening::Fallback {
            notice,
            why: Reason::CircuitOpen,
        },
        // The primary is asked all the same; if it fails, that failure is refused with the same reason.
        Err(_) => Opening::Primary { refused: None },
    }
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
    if failure.caller_limit {
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
    if situation.fallback.is_none() {
        return Err(Reason::NoFallbackConfigured);
    }
    if !workload.triggers.contains(failure.class) {
        return Err(Reason::NotListed);
    }
    let notice = may_serve(situation)?;
    if situation.fallback_circuit.state == CircuitState::Open {
        return Err(Reason::FallbackCircuitOpen);
    }
    spendable(situation)?;
    Ok(Decision::Fallback {
        notice,
        why: Reason::Trigger,
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
    // Asking earlier than the provider said would be rude; waiting longer than allowed would be useless.
    (after <= policy.max_wait).then_some(after)
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

/// Whether the policy lets the fallback serve this request at all, and how the caller is told.
///
/// # Errors
/// Why it does not.
pub fn may_serve(situation: &Situation<'_>) -> Result<NoticeGiven, Reason> {
    let workload = situation.workload;
    let fallback = situation.fallback.ok_or(Reason::NoFallbackConfigured)?;
    match situation.switches.mode {
        Mode::Hold => return Err(Reason::Held),
        Mode::Auto | Mode::Force => {}
    }
    if fallback.family != workload.family {
        return Err(Reason::FamilyDiffers);
    }
    // Not even by breaking glass: an index with two kinds of vectors cannot be mended by switching back.
    if workload.family == Family::OpenaiEmbeddings
        && situation.primary.model != fallback.model
        && workload.may_change_vectors.is_none()
    {
        return Err(Reason::VectorsDiffer);
    }
    let missing = situation
        .request
        .needs
        .without(fallback.capabilities)
        .without(shared_state(situation.primary, fallback));
    if !missing.is_empty() {
        return Err(Reason::MissingCapability { missing });
    }
    let broken_glass = situation.switches.break_glass && situation.switches.mode == Mode::Force;
    if !broken_glass
        && let Some(boundary) = situation
            .primary
            .boundary
            .crossings(&fallback.boundary)
            .find(|kind| !workload.may_cross.contains(kind))
    {
        return Err(Reason::BoundaryCrossed { boundary });
    }
    let notice = notice(situation);
    if notice == NoticeGiven::None && !broken_glass {
        if workload.notice.required {
            return Err(Reason::NoticeImpossible);
        }
        match workload.tier {
            Tier::Paid => return Err(Reason::PaidTierWithoutNotice),
            Tier::Standard => {}
        }
    }
    if situation.switches.fallback_drained_by.is_some() {
        return Err(Reason::FallbackDrained);
    }
    Ok(notice)
}

/// What a provider keeps is there for every route that asks it with the same key.
fn shared_state(primary: &Route, fallback: &Route) -> CapabilitySet {
    let same = primary.base_url == fallback.base_url && primary.credential == fallback.credential;
    same.then_some(Capability::ProviderState)
        .into_iter()
        .collect()
}

/// How the caller is told when the fallback serves.
fn notice(situation: &Situation<'_>) -> NoticeGiven {
    let policy = &situation.workload.notice;
    if !situation.switches.notice || policy.text.is_empty() {
        return NoticeGiven::None;
    }
    let inside = situation.workload.family.takes_inline_notice();
    match policy.style {
        NoticeStyle::Inline if inside => NoticeGiven::Inline,
        NoticeStyle::Header | NoticeStyle::Inline => NoticeGiven::Header,
    }
}

#[cfg(test)]
pub(super) mod tests;
