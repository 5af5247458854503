//! A route's circuit, shared by the workers, and the pass that an attempt needs for it.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use super::traffic::lock;
use crate::{
    model::{CircuitState, ErrorClass},
    policy::{Admission, Circuit, CircuitView},
};

/// One route's circuit.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Circuit>);

impl Breaker {
    /// What it says now, without asking for admission.
    pub(super) fn view(&self, now: Instant) -> CircuitView {
        lock(&self.0).view(now)
    }

    /// Asks for admission. The view is what the policy wants to know: `Open` when the request must pause,
    /// `HalfOpen` when it is the trial.
    pub(super) fn admit(self: &Arc<Self>, now: Instant) -> (CircuitView, Pass) {
        let mut circuit = lock(&self.0);
        let mut view = circuit.view(now);
        let admission = circuit.admit(now);
        drop(circuit);
        view.state = match admission {
            Admission::Go => CircuitState::Closed,
            Admission::Trial => CircuitState::HalfOpen,
            Admission::Pause => CircuitState::Open,
        };
        let pass = Pass {
            breaker: Arc::clone(self),
            trial: admission == Admission::Trial,
        };
        (view, pass)
    }
}

/// An attempt's link to its circuit. A trial that is dropped without a word is given back.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    trial: bool,
}

impl Pass {
    /// Whether the attempt is the trial of a half-open circuit.
    pub(super) const fn is_trial(&self) -> bool {
        self.trial
    }

    /// Tells how the attempt ended.
    pub(super) fn record(&mut self, now: Instant, failure: Option<ErrorClass>) {
        self.trial = false;
        lock(&self.breaker.0).record(now, failure);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.trial {
            lock(&self.breaker.0).abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_dropped_trial_is_given_back_and_a_told_one_closes() {
        let breaker = Arc::new(Breaker::default());
        let now = Clock::instant();
        for _ in 0..5 {
            let (_, mut pass) = breaker.admit(now);
            pass.record(now, Some(ErrorClass::Overloaded));
        }
        assert_eq!(breaker.admit(now).0.state, CircuitState::Open);
        let later = now + Duration::from_secs(6);
        let (view, trial) = breaker.admit(later);
        assert_eq!(view.state, CircuitState::HalfOpen);
        assert_eq!(breaker.admit(later).0.state, CircuitState::Open);
        drop(trial);
        let (view, mut trial) = breaker.admit(later);
        assert_eq!(view.state, CircuitState::HalfOpen);
        trial.record(later, None);
        assert_eq!(breaker.admit(later).0.state, CircuitState::Closed);
    }
}
