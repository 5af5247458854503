//! A route's circuit, shared by the workers, and the pass that an attempt needs for it.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use jiff::Timestamp;

use super::{slots::Slot, traffic::lock};
use crate::{
    model::{CircuitState, ErrorClass},
    policy::{Admission, Circuit, CircuitView},
};

/// One route's circuit; `None`: the route is never paused.
#[derive(Debug)]
pub(super) struct Breaker(Option<Mutex<Circuit>>);

impl Breaker {
    /// A closed circuit, or one that stays so.
    pub(super) fn new(enabled: bool) -> Self {
        Self(enabled.then(|| Mutex::new(Circuit::new(fastrand::u64(..)))))
    }

    /// What it says now, without asking for admission.
    pub(super) fn view(&self, now: Instant) -> CircuitView {
        self.0
            .as_ref()
            .map(|circuit| lock(circuit).view(now))
            .unwrap_or_default()
    }

    /// Asks for admission. The view is what the policy wants to know: `Open` when the request must pause,
    /// `HalfOpen` when it is the trial.
    pub(super) fn admit(self: &Arc<Self>, now: Instant, slot: Slot) -> (CircuitView, Pass) {
        let (mut view, admission) = match &self.0 {
            Some(circuit) => {
                let mut circuit = lock(circuit);
                (circuit.view(now), circuit.admit(now))
            }
            None => (CircuitView::default(), Admission::Go),
        };
        view.state = match admission {
            Admission::Go => CircuitState::Closed,
            Admission::Trial => CircuitState::HalfOpen,
            Admission::Pause => CircuitState::Open,
        };
        let pass = Pass {
            breaker: Arc::clone(self),
            trial: admission == Admission::Trial,
            _slot: slot,
        };
        (view, pass)
    }
}

/// Why a circuit is open, for events, heartbeats and people:
/// `overloaded: 5 failures in a row, since 14:32:05Z; 2 trials failed`. `None`: it is closed.
pub(super) fn why_open(view: &CircuitView, now: Instant, at: Timestamp) -> Option<String> {
    let (trip, since) = (view.trip?, view.since?);
    let ago = now.saturating_duration_since(since);
    let since = at.saturating_sub(ago).unwrap_or(at);
    let since = since.strftime("%H:%M:%SZ");
    let trials = match view.failed_trials {
        0 => String::new(),
        1 => "; a trial failed".to_owned(),
        number => format!("; {number} trials failed"),
    };
    Some(format!("{trip}, since {since}{trials}"))
}

/// An attempt's link to its circuit, and its place among those that run. A trial that is dropped without a word is given back.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    trial: bool,
    /// Held as long as the attempt runs.
    _slot: Slot,
}

impl Pass {
    /// Whether the attempt is the trial of a half-open circuit.
    pub(super) const fn is_trial(&self) -> bool {
        self.trial
    }

    /// Tells how the attempt ended.
    pub(super) fn record(&mut self, now: Instant, failure: Option<ErrorClass>) {
        let trial = std::mem::take(&mut self.trial);
        if let Some(circuit) = &self.breaker.0 {
            let mut circuit = lock(circuit);
            if trial {
                circuit.record_trial(now, failure);
            } else {
                circuit.record(now, failure);
            }
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.trial
            && let Some(circuit) = &self.breaker.0
        {
            lock(circuit).abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::gateway::slots::Slots;

    use super::*;
    use crate::clock::Clock;

    fn slot() -> Slot {
        Slots::new(Arc::default(), None).take().unwrap()
    }

    #[test]
    fn a_dropped_trial_is_given_back_and_a_told_one_closes() {
        let breaker = Arc::new(Breaker::new(true));
        let now = Clock::instant();
        for _ in 0..5 {
            let (_, mut pass) = breaker.admit(now, slot());
            pass.record(now, Some(ErrorClass::Overloaded));
        }
        assert_eq!(breaker.admit(now, slot()).0.state, CircuitState::Open);
        let later = now + Duration::from_secs(7);
        let (view, trial) = breaker.admit(later, slot());
        assert_eq!(view.state, CircuitState::HalfOpen);
        assert_eq!(breaker.admit(later, slot()).0.state, CircuitState::Open);
        drop(trial);
        let (view, mut trial) = breaker.admit(later, slot());
        assert_eq!(view.state, CircuitState::HalfOpen);
        trial.record(later, None);
        assert_eq!(breaker.admit(later, slot()).0.state, CircuitState::Closed);
    }

    #[test]
    fn a_route_without_a_circuit_is_never_paused() {
        let breaker = Arc::new(Breaker::new(false));
        let now = Clock::instant();
        for _ in 0..100 {
            let (view, mut pass) = breaker.admit(now, slot());
            assert_eq!(view.state, CircuitState::Closed);
            pass.record(now, Some(ErrorClass::Overloaded));
        }
    }
}
