//! The rules of states, one named case each.

use super::*;
use crate::{
    control::fixture::{
        catalog, heartbeat, load, now, overrides, seconds, set, traffic, workload as configured,
    },
    model::{
        Attempt, Change, ErrorDetail, Event, EventDecision, EventId, NoticeGiven, OverrideKey,
        Reason, RouteTraffic, Seq, WorkloadTraffic,
    },
};

const CLOSED: CircuitState = CircuitState::Closed;
const OPEN: CircuitState = CircuitState::Open;

fn chat(
    overrides: &Overrides,
    traffic: WorkloadTraffic,
    routes: Vec<RouteTraffic>,
) -> WorkloadStatus {
    overview(
        &catalog(),
        overrides,
        &[heartbeat(vec![traffic], routes)],
        [],
        &Probed::default(),
        &Reviewed::default(),
        now(),
    )
    .workload(&"chat".into())
    .cloned()
    .unwrap()
}

/// Adds errors that are the callers' own.
fn with_errors(errors: u64, mut traffic: WorkloadTraffic) -> WorkloadTraffic {
    traffic.errors += errors;
    traffic
}

fn mode(mode: Mode) -> Overrides {
    overrides(vec![(
        OverrideKey::mode("chat".into()),
        set(Change::Mode(mode), "jo", Some(seconds(600))),
    )])
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn states_follow_from_traffic_switches_and_circuits() {
    let none = Overrides::default;
    let drained = || {
        overrides(vec![(
            OverrideKey::drain("premium".into()),
            set(Change::Drain, "jo", Some(seconds(600))),
        )])
    };
    let cases = [
        (
            "no traffic",
            none(),
            traffic("chat", 0, 0, 0, 0),
            vec![],
            State::Ok,
        ),
        (
            "all well",
            none(),
            traffic("chat", 600, 0, 0, 0),
            vec![],
            State::Ok,
        ),
        (
            "a few strays, caught",
            none(),
            traffic("chat", 600, 6, 6, 0),
            vec![],
            State::Ok,
        ),
        (
            "a few strays, uncaught",
            none(),
            traffic("chat", 600, 6, 0, 6),
            vec![],
            State::Ok,
        ),
        (
            "the callers' own errors are not ours",
            none(),
            with_errors(300, traffic("chat", 600, 0, 0, 0)),
            vec![load("premium", 600, 0, CLOSED)],
            State::Ok,
        ),
        (
            "primary fails, all caught",
            none(),
            traffic("chat", 600, 246, 246, 0),
            vec![load("premium", 600, 246, CLOSED)],
            State::Fallback,
        ),
        (
            "primary fails, all caught, and callers make errors of their own",
            none(),
            with_errors(60, traffic("chat", 600, 246, 246, 0)),
            vec![load("premium", 600, 246, CLOSED)],
            State::Fallback,
        ),
        (
            "circuit open, all caught",
            none(),
            traffic("chat", 600, 5, 600, 0),
            vec![load("premium", 5, 5, OPEN)],
            State::Fallback,
        ),
        (
            "circuit open, nothing catches",
            none(),
            traffic("chat", 600, 5, 0, 600),
            vec![load("premium", 5, 5, OPEN)],
            State::Failing,
        ),
        (
            "primary fails, refused by policy",
            none(),
            traffic("chat", 600, 246, 0, 246),
            vec![load("premium", 600, 246, CLOSED)],
            State::Failing,
        ),
        (
            "one part caught by an open circuit, another refused by policy",
            none(),
            traffic("chat", 80, 43, 45, 25),
            vec![load("premium", 56, 43, CLOSED)],
            State::Failing,
        ),
        (
            "primary fails, half is caught",
            none(),
            traffic("chat", 600, 246, 123, 123),
            vec![load("premium", 600, 246, CLOSED)],
            State::Failing,
        ),
        (
            "exactly a fifth fails",
            none(),
            traffic("chat", 10, 2, 0, 2),
            vec![],
            State::Failing,
        ),
        (
            "just below a fifth",
            none(),
            traffic("chat", 100, 19, 0, 19),
            vec![],
            State::Ok,
        ),
        (
            "two requests say nothing",
            none(),
            traffic("chat", 2, 2, 0, 2),
            vec![],
            State::Ok,
        ),
        (
            "two requests, both served by the fallback",
            none(),
            traffic("chat", 2, 2, 2, 0),
            vec![],
            State::Fallback,
        ),
        (
            "forced",
            mode(Mode::Force),
            traffic("chat", 600, 0, 600, 0),
            vec![],
            State::Forced,
        ),
        (
            "forced, and the fallback fails",
            mode(Mode::Force),
            traffic("chat", 600, 0, 600, 300),
            vec![load("stable", 600, 300, CLOSED)],
            State::Failing,
        ),
        (
            "forced, and callers make errors of their own",
            mode(Mode::Force),
            with_errors(300, traffic("chat", 600, 0, 300, 0)),
            vec![load("stable", 600, 0, CLOSED)],
            State::Forced,
        ),
        (
            "held",
            mode(Mode::Hold),
            traffic("chat", 600, 0, 0, 0),
            vec![],
            State::Held,
        ),
        (
            "held, and the primary fails",
            mode(Mode::Hold),
            traffic("chat", 600, 600, 0, 600),
            vec![load("premium", 600, 600, CLOSED)],
            State::Failing,
        ),
        (
            "primary drained",
            drained(),
            traffic("chat", 600, 0, 600, 0),
            vec![],
            State::Forced,
        ),
    ];
    for (case, overrides, traffic, routes, state) in cases {
        assert_eq!(chat(&overrides, traffic, routes).state, state, "{case}");
    }
}

#[test]
fn a_primary_that_answers_again_is_soon_well_again() {
    // Half of a minute's requests failed and nothing caught them; when was the last?
    let outage = |requests: u64, since: Option<i64>, last: Option<i64>| WorkloadTraffic {
        failing_since: since.map(seconds),
        last_primary_failure: last.map(seconds),
        ..traffic("chat", requests, requests / 2, 0, requests / 2)
    };
    for (case, traffic, state) in [
        (
            "it fails still",
            outage(600, Some(-40), Some(-1)),
            State::Failing,
        ),
        (
            "it answers now and then",
            outage(600, None, Some(-5)),
            State::Failing,
        ),
        (
            "it has answered for a while",
            outage(600, None, Some(-16)),
            State::Ok,
        ),
        (
            "nobody asked since it failed",
            outage(600, Some(-40), Some(-30)),
            State::Failing,
        ),
        (
            "too few have asked since",
            outage(30, None, Some(-16)),
            State::Failing,
        ),
        (
            "a gateway of before, which does not tell",
            outage(600, None, None),
            State::Failing,
        ),
    ] {
        let status = chat(&Overrides::default(), traffic, vec![]);
        assert_eq!(status.state, state, "{case}");
    }
}

#[test]
fn a_fallback_that_catches_everything_again_is_soon_no_failure_any_more() {
    let open = || vec![load("premium", 5, 5, OPEN)];
    // Some errors of this minute came from before the circuit opened; when was the last, and the last answer?
    let incident = |requests, uncaught: Option<i64>, answer: i64| WorkloadTraffic {
        last_uncaught: uncaught.map(seconds),
        last_fallback: Some(seconds(answer)),
        failing_since: Some(seconds(-40)),
        ..traffic("chat", requests, requests / 5, requests / 2, requests / 5)
    };
    for (case, traffic, state) in [
        (
            "errors still reach clients",
            incident(600, Some(-1), 0),
            State::Failing,
        ),
        (
            "one did just now",
            incident(600, Some(-14), 0),
            State::Failing,
        ),
        (
            "everything has been caught for a while",
            incident(600, Some(-15), 0),
            State::Fallback,
        ),
        (
            "nobody has had an answer since",
            incident(600, Some(-30), -31),
            State::Failing,
        ),
        (
            "too few have asked since",
            incident(30, Some(-16), 0),
            State::Failing,
        ),
        (
            "a gateway of before, which does not tell",
            incident(600, None, 0),
            State::Failing,
        ),
    ] {
        let status = chat(&Overrides::default(), traffic, open());
        assert_eq!(status.state, state, "{case}");
    }

    // A second gateway, of before, speaks for its own errors.
    let told = heartbeat(vec![incident(600, Some(-30), 0)], open());
    let mut untold = heartbeat(vec![incident(600, None, 0)], open());
    untold.gateway = "gw2".into();
    let seen = overview(
        &catalog(),
        &Overrides::default(),
        &[told, untold],
        [],
        &Probed::default(),
        &Reviewed::default(),
        now(),
    );
    assert_eq!(seen.workload(&"chat".into()).unwrap().state, State::Failing);
}

#[test]
fn without_a_living_gateway_nothing_is_known() {
    let mut silent = heartbeat(vec![traffic("chat", 600, 600, 0, 600)], vec![]);
    silent.at = seconds(-6);
    for (case, heartbeats) in [("none", vec![]), ("silent for 6 s", vec![silent])] {
        let seen = overview(
            &catalog(),
            &Overrides::default(),
            &heartbeats,
            [],
            &Probed::default(),
            &Reviewed::default(),
            now(),
        );
        assert!(
            seen.workloads
                .iter()
                .all(|status| status.state == State::Unknown && status.rps == 0.0),
            "{case}"
        );
        assert_eq!(seen.alive().count(), 0, "{case}");
    }
}

#[test]
fn an_expired_override_is_not_in_force() {
    let table = overrides(vec![(
        OverrideKey::mode("chat".into()),
        set(Change::Mode(Mode::Force), "jo", Some(seconds(0))),
    )]);
    let status = chat(&table, traffic("chat", 600, 0, 0, 0), vec![]);
    assert_eq!((status.state, status.mode), (State::Ok, Mode::Auto));
    assert_eq!(status.mode_by, None);
}

#[test]
fn who_serves_is_named_with_its_cause() {
    let forced = chat(&mode(Mode::Force), traffic("chat", 9, 0, 9, 0), vec![]);
    assert_eq!(
        forced.serving,
        Serving::Forced {
            route: "stable".into(),
            actor: "jo".to_owned(),
            until: Some(seconds(600)),
        }
    );
    assert_eq!(forced.since, Some(seconds(-300)));

    let event = event("chat", EventDecision::Fallback, Reason::Trigger);
    let seen = overview(
        &catalog(),
        &Overrides::default(),
        &[heartbeat(
            vec![
                traffic("chat", 600, 246, 246, 0),
                traffic("code", 600, 246, 0, 246),
                traffic("batch", 600, 246, 0, 246),
            ],
            vec![],
        )],
        [
            &event,
            &self::event("batch", EventDecision::Refused, Reason::NotListed),
        ],
        &Probed::default(),
        &Reviewed::default(),
        now(),
    );
    let serving = |name: &str| seen.workload(&name.into()).unwrap().serving.clone();
    assert_eq!(
        serving("chat"),
        Serving::Auto {
            route: "stable".into(),
            class: Some(ErrorClass::ServerError),
        }
    );
    let Serving::RefusedByPolicy { route, why } = serving("code") else {
        panic!("{:?}", serving("code"));
    };
    assert_eq!(route, "large".into());
    assert_eq!(why, "the workload has no fallback route");
    let Serving::RefusedByPolicy { why, .. } = serving("batch") else {
        panic!("{:?}", serving("batch"));
    };
    assert_eq!(why, crate::policy::explain(&Reason::NotListed));
}

#[test]
fn the_worst_comes_first_and_equals_keep_their_names_order() {
    let mut catalog = catalog();
    for name in ["a-ok", "b-ok", "z-bad", "y-worse"] {
        catalog
            .workloads
            .insert(name.into(), configured(name, "premium", Some("stable")));
    }
    let seen = overview(
        &catalog,
        &mode(Mode::Force),
        &[heartbeat(
            vec![
                traffic("z-bad", 100, 50, 0, 50),
                traffic("y-worse", 100, 90, 0, 90),
                traffic("batch", 100, 50, 50, 0),
                traffic("chat", 100, 0, 100, 0),
            ],
            vec![],
        )],
        [],
        &Probed::default(),
        &Reviewed::default(),
        now(),
    );
    let order: Vec<_> = seen
        .workloads
        .iter()
        .map(|status| status.workload.as_str())
        .collect();
    assert_eq!(
        order,
        ["y-worse", "z-bad", "batch", "chat", "a-ok", "b-ok", "code"]
    );
}

#[test]
fn gateways_are_added_up() {
    let mut young = heartbeat(
        vec![WorkloadTraffic {
            first_output_p50_ms: Some(100),
            ..traffic("chat", 100, 0, 0, 0)
        }],
        vec![load("premium", 100, 0, CLOSED)],
    );
    young.gateway = "gw2".into();
    young.started = seconds(-11);
    young.revision = Revision(0);
    young.fingerprint = "f2".to_owned();
    let old = heartbeat(
        vec![WorkloadTraffic {
            first_output_p50_ms: Some(400),
            ..traffic("chat", 300, 0, 0, 0)
        }],
        vec![load("premium", 300, 0, OPEN)],
    );
    let seen = overview(
        &catalog(),
        &mode(Mode::Auto),
        &[young, old],
        [],
        &Probed::default(),
        &Reviewed::default(),
        now(),
    );
    let status = seen.workload(&"chat".into()).unwrap();
    // 100 requests in ten seconds of life, 300 in a whole minute.
    assert!((status.rps - 15.0).abs() < 1e-9, "{}", status.rps);
    assert_eq!(status.first_output_p50, Some(Duration::from_millis(325)));
    let route = seen.route(&"premium".into()).unwrap();
    assert_eq!(route.circuit, OPEN);
    assert!((route.used.unwrap() - 0.15).abs() < 1e-9);
    assert_eq!(route.used_by, ["chat".into()]);
    let facts: Vec<_> = seen
        .gateways
        .iter()
        .map(|gateway| {
            (
                gateway.gateway.as_str(),
                gateway.current,
                gateway.same_config,
            )
        })
        .collect();
    assert_eq!(facts, [("gw1", true, true), ("gw2", false, false)]);
}

#[test]
fn alarms_name_what_nobody_decides_by() {
    let refused = |detail| {
        let mut stored = event("chat", EventDecision::Refused, Reason::NeverTrigger);
        stored.event.attempts[0].detail = Some(detail);
        stored
    };
    let made = |to: &str| {
        let reason = Reason::ProviderFallback {
            from: "a".to_owned(),
            to: to.to_owned(),
            trigger: None,
        };
        event("chat", EventDecision::ProviderMade, reason)
    };
    let events = [
        refused(ErrorDetail::UnknownModel),
        refused(ErrorDetail::ContextLength),
        made("b"),
        refused(ErrorDetail::UnknownModel),
        made("b"),
        made("c"),
        refused(ErrorDetail::Credential),
    ];
    let seen = overview(
        &catalog(),
        &Overrides::default(),
        &[],
        &events,
        &Probed::default(),
        &Reviewed::default(),
        now(),
    );
    let alarms = |name: &str| -> Vec<String> {
        let status = seen.workload(&name.into()).unwrap();
        status.alarms.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        alarms("chat"),
        [
            "premium: its provider does not know its model (unknown-model, 2 in 60 s)",
            "premium: its provider answers with b instead of a (2 in 60 s)",
            "premium: its provider answers with c instead of a (1 in 60 s)",
            "premium: its provider does not accept its credential (credential, 1 in 60 s)",
        ]
    );
    assert!(alarms("batch").is_empty());
}

pub(super) fn event(workload: &str, decision: EventDecision, reason: Reason) -> StoredEvent {
    StoredEvent {
        seq: Seq(1),
        event: Event {
            id: EventId::new(seconds(-5), 1),
            at: seconds(-5),
            gateway: "gw1".into(),
            workload: workload.into(),
            client: None,
            family: Family::OpenaiChat,
            primary: "premium".into(),
            fallback: Some("stable".into()),
            decision,
            reason,
            class: Some(ErrorClass::ServerError),
            detail: None,
            status: Some(503),
            attempts: vec![Attempt {
                route: "premium".into(),
                status: Some(503),
                code: None,
                class: Some(ErrorClass::ServerError),
                detail: None,
                took: Duration::from_millis(5),
            }],
            notice: NoticeGiven::Header,
            stream: false,
            revision: Revision(0),
            fingerprint: "f1".to_owned(),
            remark: None,
            method: None,
        },
        outcome: None,
    }
}
