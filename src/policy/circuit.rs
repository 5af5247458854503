//! The circuit of a route: closed, open, half-open, with time passed in.
//!
//! Opens after five failures in a row, or when half of twenty or more attempts within ten seconds failed.
//! Only faults of the route count: a 400 proves that the route is alive, a 401 or 429 proves nothing.
//!
//! After a pause one trial at a time is let through. Its success closes the circuit; its failure doubles the
//! pause, up to a minute. Each pause is up to a fifth longer than it should be, by chance, so that many
//! gateways do not try a recovering route in the same moment.

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

/// What was counted when a circuit opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many failures in a row.
    Consecutive(u32),
    /// So many of so many attempts within the window.
    Share {
        /// Failed.
        failed: u32,
        /// Of.
        attempts: u32,
    },
}

impl Count {
    /// Its kind, as a label of metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consecutive(_) => "consecutive",
            Self::Share { .. } => "share",
        }
    }
}

/// Why a circuit opened. Failed trials keep it open without changing this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// The class of the failure that was the last straw.
    pub class: ErrorClass,
    /// What was counted.
    pub count: Count,
}

/// `overloaded: 5 failures in a row`.
impl fmt::Display for Trip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.class)?;
        match self.count {
            Count::Consecutive(count) => write!(formatter, "{count} failures in a row"),
            Count::Share { failed, attempts } => {
                write!(formatter, "{failed} of {attempts} attempts failed")
            }
        }
    }
}

/// What others need to know of a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CircuitView {
    /// Its state.
    pub state: CircuitState,
    /// The class of the failure that opened it or kept it open last; `None` while closed.
    pub tripped_by: Option<ErrorClass>,
    /// Why it opened; `None` while closed.
    pub trip: Option<Trip>,
    /// Trials that failed since then.
    pub failed_trials: u32,
    /// When it opened; `None` while closed.
    pub since: Option<Instant>,
    /// When the next trial may go; `None` while closed.
    pub until: Option<Instant>,
    /// How often it has opened, failed trials not counted.
    pub opened: u64,
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
    opened: u64,
    /// Where the next pause's chance comes from.
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
enum Internal {
    Closed,
    Open {
        since: Instant,
        until: Instant,
        pause: Duration,
        /// The last failure's class.
        by: ErrorClass,
        trip: Trip,
        failed_trials: u32,
        /// Since when the one trial runs.
        trial: Option<Instant>,
    },
}

impl Circuit {
    /// A closed circuit. Circuits with different seeds make different pauses.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            state: Internal::Closed,
            consecutive: 0,
            window_start: None,
            window_attempts: 0,
            window_failures: 0,
            opened: 0,
            seed,
        }
    }

    /// What it says now.
    #[must_use]
    pub fn view(&self, now: Instant) -> CircuitView {
        match self.state {
            Internal::Closed => CircuitView {
                opened: self.opened,
                ..CircuitView::default()
            },
            Internal::Open {
                since,
                until,
                by,
                trip,
                failed_trials,
                ..
            } => CircuitView {
                state: if now < until {
                    CircuitState::Open
                } else {
                    CircuitState::HalfOpen
                },
                tripped_by: Some(by),
                trip: Some(trip),
                failed_trials,
                since: Some(since),
                until: Some(until),
                opened: self.opened,
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

    /// Records how an attempt ended that was no trial; `None`: well. What is the caller's own fault must not be
    /// recorded as a failure.
    ///
    /// It changes nothing while the circuit is open: it may have begun long before, and an outage in which
    /// requests hang leaves many such. Only the trial says how the route is now.
    pub fn record(&mut self, now: Instant, failure: Option<ErrorClass>) {
        match failure.map(Fault::of) {
            None | Some(Fault::Alive) => self.success(now),
            Some(Fault::Unknown) => {}
            Some(Fault::Route(class)) => self.failure(now, class),
        }
    }

    /// Records how the trial ended, in the same way.
    pub fn record_trial(&mut self, now: Instant, failure: Option<ErrorClass>) {
        match failure.map(Fault::of) {
            None | Some(Fault::Alive) => {
                if let Internal::Open { .. } = self.state {
                    self.state = Internal::Closed;
                    self.window_start = None;
                }
                self.success(now);
            }
            Some(Fault::Unknown) => self.abandon(),
            Some(Fault::Route(class)) => self.trial_failed(now, class),
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
        self.count(now, false);
    }

    fn failure(&mut self, now: Instant, class: ErrorClass) {
        self.consecutive = self.consecutive.saturating_add(1);
        self.count(now, true);
        match self.state {
            Internal::Closed => {
                let count = if self.consecutive >= CONSECUTIVE {
                    Count::Consecutive(self.consecutive)
                } else if self.window_attempts >= SHARE_OF
                    && self.window_failures * 2 >= self.window_attempts
                {
                    Count::Share {
                        failed: self.window_failures,
                        attempts: self.window_attempts,
                    }
                } else {
                    return;
                };
                self.opened += 1;
                self.state = Internal::Open {
                    since: now,
                    until: now + self.by_chance(FIRST_PAUSE),
                    pause: FIRST_PAUSE,
                    by: class,
                    trip: Trip { class, count },
                    failed_trials: 0,
                    trial: None,
                };
                self.window_start = None;
            }
            Internal::Open { .. } => {}
        }
    }

    fn trial_failed(&mut self, now: Instant, class: ErrorClass) {
        match self.state {
            // Another trial has gone well meanwhile, because this one took so long.
            Internal::Closed => self.failure(now, class),
            Internal::Open {
                since,
                pause,
                trip,
                failed_trials,
                ..
            } => {
                self.consecutive = self.consecutive.saturating_add(1);
                self.count(now, true);
                let pause = (pause * 2).min(LONGEST_PAUSE);
                self.state = Internal::Open {
                    since,
                    until: now + self.by_chance(pause),
                    pause,
                    by: class,
                    trip,
                    failed_trials: failed_trials.saturating_add(1),
                    trial: None,
                };
            }
        }
    }

    /// A pause, up to a fifth longer.
    fn by_chance(&mut self, pause: Duration) -> Duration {
        // One step of SplitMix64: enough to tell gateways apart.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^= mixed >> 27;
        let thousandths = u32::try_from(mixed % 200).unwrap_or_default();
        pause + pause * thousandths / 1000
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
        let mut circuit = Circuit::new(1);
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
        assert_eq!(
            view.trip,
            Some(Trip {
                class: ErrorClass::Overloaded,
                count: Count::Consecutive(5)
            })
        );
        assert_eq!(circuit.admit(now), Admission::Pause);
    }

    #[test]
    fn opens_when_half_of_twenty_fail() {
        let now = Clock::instant();
        let mut circuit = Circuit::new(1);
        for _ in 0..10 {
            circuit.record(now, None);
            assert_eq!(circuit.view(now).state, CircuitState::Closed);
            circuit.record(now, Some(ErrorClass::Timeout));
        }
        assert_eq!(
            circuit.view(now).trip,
            Some(Trip {
                class: ErrorClass::Timeout,
                count: Count::Share {
                    failed: 10,
                    attempts: 20
                }
            })
        );
    }

    #[test]
    fn one_trial_at_a_time_and_success_closes() {
        let now = Clock::instant();
        let mut circuit = tripped(now);
        let later = circuit.view(now).until.unwrap();
        assert_eq!(circuit.view(later).state, CircuitState::HalfOpen);
        assert_eq!(circuit.admit(later), Admission::Trial);
        assert_eq!(circuit.admit(later), Admission::Pause);
        circuit.record_trial(later, None);
        assert_eq!(circuit.view(later).state, CircuitState::Closed);
        assert_eq!(circuit.admit(later), Admission::Go);
    }

    #[test]
    fn a_failed_trial_doubles_the_pause_up_to_a_minute_and_keeps_the_reason() {
        let start = Clock::instant();
        let mut now = start;
        let mut circuit = tripped(now);
        for (trials, seconds) in [5, 10, 20, 40, 60, 60].into_iter().enumerate() {
            let view = circuit.view(now);
            let pause = view.until.unwrap().duration_since(now);
            let wanted = Duration::from_secs(seconds);
            assert!(pause >= wanted && pause < wanted * 6 / 5, "{pause:?}");
            assert_eq!(view.failed_trials, u32::try_from(trials).unwrap());
            assert_eq!(view.since, Some(start));
            let trip = view.trip.unwrap();
            assert_eq!(trip.to_string(), "overloaded: 5 failures in a row");
            let before = now + pause.saturating_sub(Duration::from_millis(1));
            assert_eq!(circuit.admit(before), Admission::Pause, "{seconds}");
            now += pause;
            assert_eq!(circuit.admit(now), Admission::Trial, "{seconds}");
            circuit.record_trial(now, Some(ErrorClass::Timeout));
            assert_eq!(circuit.view(now).tripped_by, Some(ErrorClass::Timeout));
        }
        assert_eq!(circuit.view(now).opened, 1);
    }

    #[test]
    fn gateways_do_not_try_in_the_same_moment() {
        let now = Clock::instant();
        let pauses: std::collections::BTreeSet<Duration> = (0..20)
            .map(|seed| {
                let mut circuit = Circuit::new(seed);
                (0..CONSECUTIVE).for_each(|_| circuit.record(now, Some(ErrorClass::Timeout)));
                circuit.view(now).until.unwrap().duration_since(now)
            })
            .collect();
        assert!(pauses.len() > 15, "{pauses:?}");
    }

    #[test]
    fn an_abandoned_trial_makes_room() {
        let now = Clock::instant();
        let mut circuit = tripped(now);
        let later = circuit.view(now).until.unwrap();
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
    fn stragglers_do_not_speak_for_the_trial() {
        let now = Clock::instant();
        for straggler in [
            None,
            Some(ErrorClass::Timeout),
            Some(ErrorClass::RateLimited),
        ] {
            let mut circuit = tripped(now);
            let later = circuit.view(now).until.unwrap();
            assert_eq!(circuit.admit(later), Admission::Trial);
            circuit.record(later, straggler);
            assert_eq!(circuit.view(later).state, CircuitState::HalfOpen);
            assert_eq!(circuit.view(later).failed_trials, 0, "{straggler:?}");
            assert_eq!(circuit.admit(later), Admission::Pause, "{straggler:?}");
            circuit.record_trial(later, None);
            assert_eq!(circuit.view(later).state, CircuitState::Closed);
        }
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
            let mut circuit = Circuit::new(1);
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
        fn states_are_never_skipped(steps in proptest::collection::vec((0_u8..6, 0_u64..9), 1..200)) {
            let mut now = Clock::instant();
            let mut circuit = Circuit::new(1);
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
                    3 => circuit.record_trial(now, None),
                    4 => circuit.record_trial(now, Some(ErrorClass::ServerError)),
                    _ => circuit.abandon(),
                }
            }
        }
    }
}
