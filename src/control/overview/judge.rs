//! The rules that turn counters, switches and events into a workload's state and into what serves it.

use std::{cell::Cell, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Mixed, Serving, State, WorkloadStatus, alarms, scopes,
    scopes::{Across, by},
    traffic::{Load, Totals, Traffic, share},
};
use crate::{
    model::{
        CircuitState, ErrorClass, EventDecision, Mode, Override, Overrides, RouteName, Scope, Site,
        Standing, StoredEvent, Subject, Workload, WorkloadReadiness,
    },
    policy,
};

/// From this share of failed attempts on a route counts as failing.
pub(super) const FAILING_SHARE: f64 = 0.2;

/// From this share of requests on, uncaught failures make a workload `Failing` and not `Fallback`: a few
/// strays beside a working fallback do not.
const UNCAUGHT_SHARE: f64 = 0.05;

/// Fewer requests than this say nothing.
const ENOUGH: u64 = 3;

/// [`ENOUGH`] of what is only known as a rate; a little less, because rates are rounded.
pub(super) const ENOUGH_ATTEMPTS: f64 = 2.9;

/// What has not failed for this long has recovered, if enough was asked meanwhile.
const RECOVERED_AFTER: Duration = Duration::from_secs(15);

/// So many requests without a failure are enough: at [`FAILING_SHARE`] one run in a hundred is that long.
const RECOVERED_REQUESTS: f64 = 20.0;

/// Who set something, and until when.
struct Setter {
    name: String,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// Everything a judgement rests on.
struct Facts<'a> {
    workload: &'a Workload,
    mode: Mode,
    mode_override: Option<(&'a Scope, &'a Override)>,
    mixed: Option<Mixed>,
    primary_drain: Option<(&'a Scope, &'a Override)>,
    fallback_drain: Option<(&'a Scope, &'a Override)>,
    alive: bool,
    traffic: &'a Traffic,
    primary: &'a Load,
    fallback: &'a Load,
    /// Of this workload, oldest first.
    events: &'a [&'a StoredEvent],
    now: Timestamp,
    /// The first moment found at which time alone may make a difference.
    next: Cell<Timestamp>,
}

/// What was counted of a workload and of its routes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counted {
    alive: bool,
    traffic: Traffic,
    primary: Load,
    fallback: Load,
}

impl Counted {
    pub(super) fn of(workload: &Workload, totals: &Totals) -> Self {
        let fallback = workload.fallback.as_ref();
        Self {
            alive: totals.gateways > 0,
            traffic: totals.workload(&workload.name),
            primary: totals.route(&workload.primary),
            fallback: fallback
                .map(|route| totals.route(route))
                .unwrap_or_default(),
        }
    }
}

/// Judges one workload by its own recent events, oldest first. Beside it stands the first moment at which time alone
/// may make a difference.
pub(super) fn workload(
    workload: &Workload,
    (overrides, sites): (&Overrides, &[Site]),
    counted: &Counted,
    events: &[&StoredEvent],
    readiness: WorkloadReadiness,
    now: Timestamp,
) -> (WorkloadStatus, Timestamp) {
    let across = |subject: &Subject| Across::of(overrides, subject, sites, now);
    let of_mode = across(&Subject::Mode(workload.name.clone()));
    let (mode, mode_override, mixed) = of_mode.mode(workload);
    let of_notice = across(&Subject::Notice(workload.name.clone()));
    let notice_override = of_notice.any();
    let drain = |route: &RouteName| across(&Subject::Drain(route.clone())).any();
    let facts = Facts {
        workload,
        mode,
        mode_override,
        mixed,
        primary_drain: drain(&workload.primary),
        fallback_drain: workload.fallback.as_ref().and_then(drain),
        alive: counted.alive,
        traffic: &counted.traffic,
        primary: &counted.primary,
        fallback: &counted.fallback,
        events,
        now,
        next: Cell::new(Timestamp::MAX),
    };
    let state = facts.state();
    let traffic = facts.traffic;
    let status = WorkloadStatus {
        workload: workload.name.clone(),
        state,
        since: facts.since(state),
        serving: facts.serving(state),
        family: workload.family,
        primary: workload.primary.clone(),
        fallback: workload.fallback.clone(),
        fallback_circuit: facts.fallback.circuit,
        primary_circuit: facts.primary.circuit,
        mode: facts.mode,
        mixed,
        scoped: scopes::scoped(overrides, &workload.name, sites, now),
        mode_until: mode_override.and_then(|(_, entry)| entry.expires),
        mode_by: mode_override.map(by),
        notice: of_notice.notice(workload),
        tier: workload.tier,
        capture: workload.capture,
        user_visible: workload.user_visible,
        rps: traffic.rps,
        primary_error_share: share(traffic.primary_failures, traffic.requests),
        error_share: share(traffic.errors, traffic.requests),
        fallback_share: share(traffic.fallbacks, traffic.requests),
        first_output_p50: traffic.first_output_p50,
        break_glass: [
            mode_override,
            notice_override,
            facts.primary_drain,
            facts.fallback_drain,
        ]
        .into_iter()
        .flatten()
        .any(|(_, entry)| entry.break_glass),
        alarms: alarms::of(facts.events.iter().copied()),
        readiness,
        // Not judged by what happened: the overview knows.
        review: Standing::NotRequired,
        debt: None,
    };
    (status, facts.next.get())
}

impl Facts<'_> {
    fn state(&self) -> State {
        if !self.alive {
            return State::Unknown;
        }
        let switched = self.switched().is_some();
        if self.uncaught(switched) {
            State::Failing
        } else if switched {
            State::Forced
        } else if self.traffic.fallbacks > 0 && self.primary_fails_now() {
            State::Fallback
        } else if self.mode == Mode::Hold {
            State::Held
        } else {
            State::Ok
        }
    }

    /// Who sends all traffic to the fallback, by forcing the workload or by draining its primary.
    fn switched(&self) -> Option<Setter> {
        self.workload.fallback.as_ref()?;
        let by = |(scope, entry): (&Scope, &Override)| Setter {
            name: by((scope, entry)),
            since: Some(entry.since),
            until: entry.expires,
        };
        match (self.mode, self.mode_override, self.primary_drain) {
            (Mode::Force, Some(found), _) => Some(by(found)),
            (Mode::Force, None, _) => Some(Setter {
                name: "configuration".to_owned(),
                since: None,
                until: None,
            }),
            (Mode::Auto, _, Some(drain)) if self.fallback_drain.is_none() => Some(by(drain)),
            (Mode::Auto | Mode::Hold, _, _) => None,
        }
    }

    /// Whether the serving route fails for many and the failures reach clients.
    fn uncaught(&self, switched: bool) -> bool {
        let traffic = &self.traffic;
        if traffic.requests < ENOUGH || self.caught_again() {
            return false;
        }
        // Where gateways differ, both routes serve.
        let (by_primary, by_fallback) = match self.mixed {
            Some(_) => (true, true),
            None => (!switched, switched),
        };
        let fallback_fails = self.fallback.circuit != CircuitState::Closed
            || many(self.fallback.failures, self.fallback.attempts);
        let route_fails =
            (by_primary && self.primary_fails_now()) || (by_fallback && fallback_fails);
        route_fails
            && share(traffic.uncaught, traffic.requests).is_some_and(|part| part >= UNCAUGHT_SHARE)
    }

    fn primary_fails_now(&self) -> bool {
        let traffic = &self.traffic;
        if self.primary.circuit != CircuitState::Closed {
            return true;
        }
        if traffic.requests < ENOUGH {
            // Too little for a share: the last word of the primary counts.
            return traffic.failing_since.is_some();
        }
        many(traffic.primary_failures, traffic.requests) && !self.primary_recovered()
    }

    /// Whether the failures of the window are over: the primary's last word was an answer, and it has not
    /// failed for a while in which enough was asked.
    fn primary_recovered(&self) -> bool {
        let traffic = &self.traffic;
        traffic.failing_since.is_none() && self.long_ago(traffic.last_primary_failure)
    }

    /// Whether the uncaught errors of the window are over: answers are given again, and none has been missing
    /// for a while in which enough was asked.
    fn caught_again(&self) -> bool {
        let traffic = &self.traffic;
        !traffic.uncaught_untold
            && traffic.last_answer > traffic.last_uncaught
            && self.long_ago(traffic.last_uncaught)
    }

    /// Whether a failure was long enough ago, with enough requests since. What never was is not long ago.
    fn long_ago(&self, failure: Option<Timestamp>) -> bool {
        let Some(failure) = failure else {
            return false;
        };
        let asked = RECOVERED_REQUESTS / self.traffic.rps.max(f64::MIN_POSITIVE);
        // So rare that it does not fit into a length of time: never.
        let quiet = Duration::try_from_secs_f64(asked).unwrap_or(Duration::MAX);
        let over = SignedDuration::try_from(quiet.max(RECOVERED_AFTER))
            .ok()
            .and_then(|quiet| failure.checked_add(quiet).ok())
            .unwrap_or(Timestamp::MAX);
        self.reached(over)
    }

    /// Whether a moment has come. One that has not is remembered: nothing else here looks at the clock.
    fn reached(&self, moment: Timestamp) -> bool {
        let reached = self.now >= moment;
        if !reached {
            self.next.set(self.next.get().min(moment));
        }
        reached
    }

    fn since(&self, state: State) -> Option<Timestamp> {
        match state {
            State::Failing | State::Fallback => self.traffic.failing_since,
            State::Forced => self.switched().and_then(|setter| setter.since),
            State::Held => self.mode_override.map(|(_, entry)| entry.since),
            State::Unknown | State::Ok => None,
        }
    }

    fn serving(&self, state: State) -> Serving {
        let primary = self.workload.primary.clone();
        let Some(fallback) = self.workload.fallback.clone() else {
            return if state == State::Failing {
                Serving::RefusedByPolicy {
                    route: primary,
                    why: self.why_refused(),
                }
            } else {
                Serving::Primary { route: primary }
            };
        };
        if let Some(setter) = self.switched() {
            return Serving::Forced {
                route: fallback,
                actor: setter.name,
                until: setter.until,
            };
        }
        match state {
            State::Fallback => Serving::Auto {
                route: fallback,
                class: self.newest_class(),
            },
            // Part is caught and the fallback fails for the rest: it serves what is served.
            State::Failing if self.traffic.fallbacks > 0 => Serving::Auto {
                route: fallback,
                class: self.newest_class(),
            },
            State::Failing => Serving::RefusedByPolicy {
                route: primary,
                why: self.why_refused(),
            },
            State::Forced | State::Unknown | State::Ok | State::Held => {
                Serving::Primary { route: primary }
            }
        }
    }

    fn newest_class(&self) -> Option<ErrorClass> {
        self.events.iter().rev().find_map(|stored| {
            matches!(
                stored.event.decision,
                EventDecision::Fallback | EventDecision::Exhausted
            )
            .then_some(stored.event.class)?
        })
    }

    fn why_refused(&self) -> String {
        let refusal = self.events.iter().rev().find(|stored| {
            stored.event.class != Some(ErrorClass::InvalidRequest)
                && matches!(
                    stored.event.decision,
                    EventDecision::Refused | EventDecision::Exhausted | EventDecision::Broken
                )
        });
        if let Some(stored) = refusal {
            return policy::explain(&stored.event.reason);
        }
        if self.workload.fallback.is_none() {
            "the workload has no fallback route".to_owned()
        } else if self.mode == Mode::Hold {
            "the workload is held on its primary".to_owned()
        } else {
            "no event has said why yet".to_owned()
        }
    }
}

/// Whether enough of enough failed.
fn many(failed: u64, of: u64) -> bool {
    of >= ENOUGH && share(failed, of).is_some_and(|part| part >= FAILING_SHARE)
}
