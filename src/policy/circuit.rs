//! The circuit of a route: closed, open, half-open, with time passed in.
//!
//! Opens after five failures in a row, or when half of twenty or more attempts within ten seconds failed.
//! Only faults of the route count: a 400 proves that the route is alive, a 401 or 429 proves nothing.

use std::{
    fmt,
    time::{Duration, Instant},
};

use crate::model::{CircuitState, ErrorClass};

const CONSECUTIVE: u32 = 5;
const SHARE_OF: u32 = 20;
const WINDOW: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A trial that never reported (its task died) gives way to another after this.
const TRIAL_LIMIT: Duration = Duration::from_mins(1);

/// Why a circuit opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// So many failures in a row.
    Consecutive(u32),
    /// So many of so many attempts within the window.
    Share {
        /// Failed.
        failed: u32,
        /// Of.
        attempts: u32,
    },
    /// The trial failed.
    Trial,
}

impl fmt::Display for Trip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Consecutive(count) => write!(formatter, "{count} failures in a row"),
            Self::Share { failed, attempts } => {
                write!(formatter, "{failed} of {attempts} attempts failed")
            }
            Self::Trial => formatter.write_str("the trial failed"),
        }
    }
}

/// What others need to know of a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CircuitView {
    /// Its state.
    pub state: CircuitState,
    /// The class that tripped it last; `None` while closed.
    pub tripped_by: Option<ErrorClass>,
    /// Why it opened; `None` while closed.
    pub trip: Option<Trip>,
}

/// Whether an attempt may go to a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Closed: go.
    Go,
    /// Half-open: this attempt is the trial; its end must be told by `record` or `abandon`.
    Trial,
    /// Open, or a trial is already running.
    Pause,
}

/// One route's circuit.
#[derive(Clone, Debug)]
pub struct Circuit {
    state: Internal,
    /// Failures since the last success.
    consecutive: u32,
    window_start: Option<Instant>,
    window_attempts: u32,
    window_failures: u32,
}

#[derive(Clone, Copy, Debug)]
enum Internal {
    Closed,
    Open {
        until: Instant,
        pause: Duration,
        by: ErrorClass,
        trip: Trip,
        /// Since when the one trial runs.
        trial: Option<Instant>,
    },
}

impl Default for Circuit {
    fn default() -> Self {
        Self::new()
    }
}

impl Circuit {
    /// A closed circuit.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: Internal::Closed,
            consecutive: 0,
            window_start: None,
            window_attempts: 0,
            window_failures: 0,
        }
    }

    /// What it says now.
    #[must_use]
    pub fn view(&self, now: Instant) -> CircuitView {
        match self.state {
            Internal::Closed => CircuitView::default(),
            Internal::Open {
                until, by, trip, ..
            } => CircuitView {
                state: if now < until {
                    CircuitState::Open
                } else {
                    CircuitState::HalfOpen
                },
                tripped_by: Some(by),
                trip: Some(trip),
            },
        }
    }

    /// Asks whether an attempt may go.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match &mut self.state {
            Internal::Closed => Admission::Go,
            Internal::Open { until, trial, .. } => {
                let busy = trial.is_some_and(|since| now < since + TRIAL_LIMIT);
                if now < *until || busy {
                    return Admission::Pause;
                }
                *trial = Some(now);
                Admission::Trial
            }
        }
    }

    /// Records how an attempt ended; `None`: well. What is the caller's own fault must not be recorded as a
    /// failure: [`Circuit::abandon`] it.
    pub fn record(&mut self, now: Instant, failure: Option<ErrorClass>) {
        match failure.map(Fault::of) {
            None | Some(Fault::Alive) => self.success(now),
            Some(Fault::Unknown) => self.abandon(),
            Some(Fault::Route(class)) => self.failure(now, class),
        }
    }

    /// Gives a trial back whose end says nothing about the route (the client went away).
    pub fn abandon(&mut self) {
        if let Internal::Open { trial, .. } = &mut self.state {
            *trial = None;
        }
    }

    fn success(&mut self, now: Instant) {
        self.consecutive = 0;
        // A straggler that began before the circuit opened must not close it: only a trial may.
        if let Internal::Open { trial: Some(_), .. } = self.state {
            *self = Self::new();
        }
        self.count(now, false);
    }

    fn failure(&mut self, now: Instant, class: ErrorClass) {
        self.consecutive = self.consecutive.saturating_add(1);
        self.count(now, true);
        match self.state {
            Internal::Closed => {
                let trip = if self.consecutive >= CONSECUTIVE {
                    Trip::Consecutive(self.consecutive)
                } else if self.window_attempts >= SHARE_OF
                    && self.window_failures * 2 >= self.window_attempts
                {
                    Trip::Share {
                        failed: self.window_failures,
                        attempts: self.window_attempts,
                    }
                } else {
                    return;
                };
                self.open(now, FIRST_PAUSE, class, trip);
            }
            Internal::Open {
                pause,
                trial: Some(_),
                ..
            } => self.open(now, (pause * 2).min(LONGEST_PAUSE), class, Trip::Trial),
            Internal::Open { trial: None, .. } => {}
        }
    }

    fn open(&mut self, now: Instant, pause: Duration, by: ErrorClass, trip: Trip) {
        self.state = Internal::Open {
            until: now + pause,
            pause,
            by,
            trip,
            trial: None,
        };
        self.window_start = None;
    }

    fn count(&mut self, now: Instant, failed: bool) {
        if self.window_start.is_none_or(|start| now >= start + WINDOW) {
            self.window_start = Some(now);
            self.window_attempts = 0;
            self.window_failures = 0;
        }
        self.window_attempts += 1;
        self.window_failures += u32::from(failed);
    }
}

/// Whose fault a failure is.
enum Fault {
    /// The route's.
    Route(ErrorClass),
    /// The request's: the route answered, it is alive.
    Alive,
    /// The account's: says nothing of the route's health.
    Unknown,
}

impl Fault {
    const fn of(class: ErrorClass) -> Self {
        match class {
            ErrorClass::InvalidRequest => Self::Alive,
            ErrorClass::Authentication
            | ErrorClass::Forbidden
            | ErrorClass::QuotaExhausted
            | ErrorClass::RateLimited => Self::Unknown,
            ErrorClass::ServerError
            | ErrorClass::Overloaded
            | ErrorClass::Timeout
            | ErrorClass::Unreachable
            | ErrorClass::BrokenResponse => Self::Route(class),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    fn tripped(now: Instant) -> Circuit {
        let mut circuit = Circuit::new();
        for _ in 0..CONSECUTIVE {
            assert_eq!(circuit.admit(now), Admission::Go);
            circuit.record(now, Some(ErrorClass::Overloaded));
        }
        circuit
    }

    #[test]
    fn opens_after_five_in_a_row_and_says_why() {
        let now = Clock::instant();
        let mut circuit = tripped(now);
        let view = circuit.view(now);
        assert_eq!(view.state, CircuitState::Open);
        assert_eq!(view.tripped_by, Some(ErrorClass::Overloaded));
        assert_eq!(view.trip, Some(Trip::Consecutive(5)));
        assert_eq!(circuit.admit(now), Admission::Pause);
    }

    #[test]
    fn opens_when_half_of_twenty_fail() {
        let now = Clock::instant();
        let mut circuit = Circuit::new();
        for _ in 0..10 {
            circuit.record(now, None);
            assert_eq!(circuit.view(now).state, CircuitState::Closed);
            circuit.record(now, Some(ErrorClass::Timeout));
        }
        assert_eq!(
            circuit.view(now).trip,
            Some(Trip::Share {
                failed: 10,
                attempts: 20
            })
        );
    }

    #[test]
    fn one_trial_at_a_time_and_success_closes() {
        let now = Clock::instant();
        let mut circuit = tripped(now);
        let later = now + FIRST_PAUSE;
        assert_eq!(circuit.view(later).state, CircuitState::HalfOpen);
        assert_eq!(circuit.admit(later), Admission::Trial);
        assert_eq!(circuit.admit(later), Admission::Pause);
        circuit.record(later, None);
        assert_eq!(circuit.view(later).state, CircuitState::Closed);
        assert_eq!(circuit.admit(later), Admission::Go);
    }

    #[test]
    fn a_failed_trial_doubles_the_pause_up_to_a_minute() {
        let mut now = Clock::instant();
        let mut circuit = tripped(now);
        for seconds in [5, 10, 20, 40, 60, 60] {
            let before = now + Duration::from_millis(seconds * 1000 - 1);
            assert_eq!(circuit.admit(before), Admission::Pause, "{seconds}");
            now += Duration::from_secs(seconds);
            assert_eq!(circuit.admit(now), Admission::Trial, "{seconds}");
            circuit.record(now, Some(ErrorClass::Timeout));
        }
    }

    #[test]
    fn an_abandoned_trial_makes_room() {
        let now = Clock::instant();
        let mut circuit = tripped(now);
        let later = now + FIRST_PAUSE;
        assert_eq!(circuit.admit(later), Admission::Trial);
        circuit.abandon();
        assert_eq!(circuit.admit(later), Admission::Trial);
        assert_eq!(circuit.admit(later + TRIAL_LIMIT), Admission::Trial);
    }

    #[test]
    fn stragglers_do_not_close_an_open_circuit() {
        let now = Clock::instant();
        let mut circuit = tripped(now);
        circuit.record(now, None);
        assert_eq!(circuit.view(now).state, CircuitState::Open);
    }

    #[test]
    fn faults_of_request_and_account_do_not_trip() {
        let now = Clock::instant();
        for class in [
            ErrorClass::InvalidRequest,
            ErrorClass::Authentication,
            ErrorClass::Forbidden,
            ErrorClass::QuotaExhausted,
            ErrorClass::RateLimited,
        ] {
            let mut circuit = Circuit::new();
            for _ in 0..100 {
                circuit.record(now, Some(class));
            }
            assert_eq!(circuit.view(now).state, CircuitState::Closed, "{class}");
        }
    }

    proptest::proptest! {
        /// Whatever happens in whatever order: closed never becomes half-open without having been open, and
        /// an open circuit admits nothing before its pause is over.
        #[test]
        fn states_are_never_skipped(steps in proptest::collection::vec((0_u8..4, 0_u64..9), 1..200)) {
            let mut now = Clock::instant();
            let mut circuit = Circuit::new();
            for (step, seconds) in steps {
                let before = circuit.view(now).state;
                now += Duration::from_secs(seconds);
                let after = circuit.view(now).state;
                proptest::prop_assert!(!(before == CircuitState::Closed && after != CircuitState::Closed));
                match step {
                    0 => {
                        let admission = circuit.admit(now);
                        match after {
                            CircuitState::Closed => proptest::prop_assert_eq!(admission, Admission::Go),
                            CircuitState::Open => proptest::prop_assert_eq!(admission, Admission::Pause),
                            CircuitState::HalfOpen => proptest::prop_assert_ne!(admission, Admission::Go),
                        }
                    }
                    1 => circuit.record(now, None),
                    2 => {
                        circuit.record(now, Some(ErrorClass::ServerError));
                        let next = circuit.view(now).state;
                        proptest::prop_assert!(!(after == CircuitState::Open && next != CircuitState::Open));
                    }
                    _ => circuit.abandon(),
                }
            }
        }
    }
}
