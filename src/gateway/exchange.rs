//! The bookkeeping of one client request: attempts, events, and how it ended.
//!
//! Lives as long as the answer is on its way. Dropped without an ending, it records that the client went
//! away: that is the only way in which a request can be given up half-way.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    callers::ReadyClient,
    room::Stay,
    snapshot::InForce,
    traffic::{Ending, Finished},
    worker::{Given, Worker},
};
use crate::{
    clock::Clock,
    model::{
        Attempt, CircuitState, Entry, ErrorClass, Event, EventDecision, EventId, LogFailure,
        Method, NoticeGiven, Outcome, OutcomeKind, Reason, visible,
    },
    policy::{Evidence, ProviderError, RequestFacts, Side, detail},
    store::{Receipt, Reservation, StoreError},
};

/// One client request.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) worker: Rc<Worker>,
    pub(super) in_force: InForce,
    /// Who asks, when keys are asked for.
    client: Option<Arc<ReadyClient>>,
    pub(super) facts: RequestFacts,
    /// What is asked, when that is not an answer of the model.
    pub(super) method: Option<Method>,
    pub(super) started: Instant,
    /// Attempts made.
    pub(super) attempts: u32,
    /// Of these, repeats after a rate limit.
    pub(super) backoffs: u32,
    /// The route that was asked last.
    pub(super) side: Option<Side>,
    /// The primary's circuit when the primary was asked: `Open` by the workload's rule for all down.
    pub(super) asked_in: CircuitState,
    /// What the next event's reason does not say.
    pub(super) remark: Option<String>,
    /// What was waited for upstream, so that the rest is the gateway's own.
    pub(super) waited: Duration,
    /// From the start to the first output.
    pub(super) first_output: Option<Duration>,
    /// The status that the client sees.
    pub(super) status: u16,
    /// How a fallback's answer has told the caller, so far.
    pub(super) notice: Option<NoticeGiven>,
    /// The event that says that the provider answered with another model.
    pub(super) provider_made: Option<EventId>,
    failures: Vec<Attempt>,
    primary_failed: bool,
    route_failed: bool,
    /// The last failure's class.
    class: Option<ErrorClass>,
    /// Each gets an outcome at the end.
    events: Vec<EventId>,
    ended: bool,
    /// Its place among all that run, until it ends.
    pub(super) stay: Option<Stay>,
}

impl Exchange {
    pub(super) fn begin(
        worker: Rc<Worker>,
        in_force: InForce,
        client: Option<Arc<ReadyClient>>,
        facts: RequestFacts,
        started: Instant,
    ) -> Self {
        in_force.ready.stats.begin(worker.index);
        Self {
            worker,
            in_force,
            client,
            facts,
            method: None,
            started,
            attempts: 0,
            backoffs: 0,
            side: None,
            asked_in: CircuitState::Closed,
            remark: None,
            waited: Duration::ZERO,
            first_output: None,
            status: 0,
            notice: None,
            provider_made: None,
            failures: Vec::new(),
            primary_failed: false,
            route_failed: false,
            class: None,
            events: Vec::new(),
            ended: false,
            stay: None,
        }
    }

    /// When the caller's own time limit runs out.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.facts.caller_limit.map(|limit| self.started + limit)
    }

    /// What is left of it.
    pub(super) fn time_left(&self, now: Instant) -> Option<Duration> {
        Some(self.deadline()?.saturating_duration_since(now))
    }

    /// Notes that a route had no place for the request: nothing was asked, and yet it is not the caller's
    /// fault.
    pub(super) const fn saturated(&mut self, class: ErrorClass) {
        self.class = Some(class);
        self.route_failed = true;
    }

    /// Notes a failed attempt.
    pub(super) fn failed(
        &mut self,
        side: Side,
        class: ErrorClass,
        evidence: &Evidence,
        took: Duration,
    ) {
        self.class = Some(class);
        if let Some(route) = self.in_force.ready.route_name(side) {
            self.failures.push(Attempt {
                route,
                status: status(evidence),
                code: code(evidence),
                class: Some(class),
                detail: detail(evidence),
                took,
            });
        }
        let callers = matches!(evidence, Evidence::Timeout { caller: true, .. })
            || matches!(class, ErrorClass::InvalidRequest);
        self.route_failed |= !callers;
        if side == Side::Primary && !callers {
            self.primary_failed = true;
            self.in_force
                .ready
                .stats
                .primary_failed(self.worker.shared.clock.now());
        }
    }

    /// Makes the event of a decision.
    pub(super) fn event(
        &self,
        decision: EventDecision,
        reason: Reason,
        class: Option<ErrorClass>,
        notice: NoticeGiven,
    ) -> Event {
        let ready = &self.in_force.ready;
        let shared = &self.worker.shared;
        let at = shared.clock.now();
        let first = self.failures.first();
        Event {
            id: EventId::new(at, fastrand::u128(..)),
            at,
            gateway: shared.name.clone(),
            workload: ready.workload.name.clone(),
            client: self.client.as_ref().map(|client| client.name.clone()),
            family: ready.workload.family,
            method: self.method,
            primary: ready.primary.route.name.clone(),
            fallback: ready.route_name(Side::Fallback),
            decision,
            reason,
            class,
            detail: self
                .failures
                .last()
                .filter(|attempt| class.is_some() && attempt.class == class)
                .and_then(|attempt| attempt.detail),
            status: first
                .filter(|attempt| attempt.route == ready.primary.route.name)
                .and_then(|attempt| attempt.status),
            attempts: self.failures.clone(),
            notice,
            stream: self.facts.stream,
            revision: self.in_force.switches.revision,
            fingerprint: ready.fingerprint.to_string(),
            remark: self.remark.clone(),
        }
    }

    /// A place in the event queue.
    pub(super) fn reserve(&self) -> Result<Reservation, StoreError> {
        self.worker.shared.store.reserve()
    }

    /// Hands an event over; its receipt is the promise.
    pub(super) fn append(&mut self, place: Reservation, event: Event) -> Receipt {
        self.count(&event);
        place.append(Entry::Decision(Box::new(event)))
    }

    /// Hands over an event that nobody waits for.
    pub(super) fn note(
        &mut self,
        decision: EventDecision,
        reason: Reason,
        class: Option<ErrorClass>,
    ) {
        let event = self.event(decision, reason, class, NoticeGiven::None);
        self.hand_over(event);
    }

    /// Hands over that the provider answered with another model of its own choice; `None`: there is no place for it.
    pub(super) fn provider_made(&mut self, side: Side, reason: Reason) -> Option<Receipt> {
        let mut event = self.event(EventDecision::ProviderMade, reason, None, NoticeGiven::None);
        // Without it nobody could tell which route it was.
        if let Some(route) = self.in_force.ready.route_name(side) {
            event.attempts.push(Attempt {
                route,
                status: (self.status != 0).then_some(self.status),
                code: None,
                class: None,
                detail: None,
                took: Clock::instant().saturating_duration_since(self.started),
            });
        }
        self.provider_made = Some(event.id);
        let Ok(place) = self.reserve() else {
            self.unlogged(self.given());
            return None;
        };
        Some(self.append(place, event))
    }

    /// Hands over an event that nobody waits for.
    fn hand_over(&mut self, event: Event) {
        match self.reserve() {
            Ok(place) => {
                self.count(&event);
                place.append_unawaited(Entry::Decision(Box::new(event)));
            }
            // It tells that nothing was switched.
            Err(_) => self.unlogged(Given::Nothing),
        }
    }

    /// An event could not be made durable.
    pub(super) fn unlogged(&self, given: Given) {
        unlogged(&self.worker, &self.in_force, given);
    }

    /// What the caller gets of a fallback whose event cannot be made durable.
    pub(super) fn given(&self) -> Given {
        match self.in_force.ready.workload.on_log_failure {
            LogFailure::Refuse => Given::Nothing,
            LogFailure::Serve => Given::Answer,
        }
    }

    fn count(&mut self, event: &Event) {
        self.events.push(event.id);
        self.in_force.ready.stats.event(
            self.worker.index,
            self.worker.shared.second(),
            event.decision,
            event.class,
        );
    }

    /// Forgets a failure that was made good by another attempt: the answer's own class is none.
    pub(super) fn served_by(&mut self, side: Side) {
        self.class = None;
        self.side = Some(side);
        if side == Side::Primary {
            self.in_force.ready.stats.primary_served();
        }
    }

    /// The end of the answer.
    pub(super) fn finish(mut self, ending: Ending) {
        self.end(ending);
    }

    fn end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        drop(self.stay.take());
        let shared = Rc::clone(&self.worker);
        let shared = &shared.shared;
        let now = Clock::instant();
        let total = now.saturating_duration_since(self.started);
        let at = shared.clock.now();
        let finished = Finished {
            at,
            second: shared.second_of(now),
            side: self.side,
            by: self.side.and_then(|side| {
                let route = self.in_force.ready.route(side)?;
                Some(route.mark)
            }),
            ending,
            primary_failed: self.primary_failed,
            route_failed: self.route_failed,
            first_output: self.first_output,
            total,
            // Of streams, of repeats and of clients that went, the rest is not the gateway's own time.
            overhead: (ending != Ending::ClientGone && !self.facts.stream && self.backoffs == 0)
                .then(|| total.saturating_sub(self.waited)),
            revision: self.in_force.switches.revision,
        };
        self.in_force
            .ready
            .stats
            .finish(self.worker.index, &finished);
        for event in std::mem::take(&mut self.events) {
            let outcome = Outcome {
                event,
                at,
                kind: match ending {
                    Ending::Served => OutcomeKind::Completed,
                    Ending::Error => OutcomeKind::ErrorReturned,
                    Ending::Broken => OutcomeKind::Broken,
                    Ending::ClientGone => OutcomeKind::ClientGone,
                },
                status: self.status,
                class: self.class,
                notice: self.notice,
                first_output: self.first_output,
                total,
            };
            // Without an outcome the event reads "unknown": nothing is lost that was promised.
            if let Ok(place) = self.reserve() {
                place.append_unawaited(Entry::Outcome(outcome));
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(Ending::ClientGone);
    }
}

/// The same for an exchange that may be over.
pub(super) fn unlogged(worker: &Worker, in_force: &InForce, given: Given) {
    worker.shared.unlogged(given);
    in_force.ready.stats.unlogged(worker.index);
}

/// The status of an answer that was evidence.
fn status(evidence: &Evidence) -> Option<u16> {
    match evidence {
        Evidence::Response { status, .. } => Some(*status),
        Evidence::Broken { status, .. } => *status,
        Evidence::Timeout { .. } | Evidence::Unreachable { .. } => None,
    }
}

/// The provider's code or type, fit to be shown.
fn code(evidence: &Evidence) -> Option<String> {
    let error: &ProviderError = match evidence {
        Evidence::Response { error, .. } | Evidence::Broken { error, .. } => error,
        Evidence::Timeout { .. } | Evidence::Unreachable { .. } => return None,
    };
    let text = error.code.as_deref().or(error.kind.as_deref())?;
    Some(visible(text, 64).into_owned())
}
