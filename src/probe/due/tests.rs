//! When each thing has its turn, by name.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{Known, due};
use crate::{
    config::{self, Keys},
    model::{
        Asked, Catalog, CircuitState, Heartbeat, Overrides, ProbeKey, ProbeRecord, ProbeSubject,
        Readiness, Revision, Route, RouteMark, RouteName, RouteTraffic, Rung, RungResult, Standing,
        Verdict, WorkloadTraffic,
    },
    probe::{
        live::{Live, Marks},
        ready::readiness,
    },
};

fn now() -> Timestamp {
    "2026-11-21T14:32:00Z".parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// `count` workloads, each with two routes of its own.
fn catalog(count: usize) -> Catalog {
    use std::fmt::Write as _;
    let mut text = "schema = 1\n[probe]\ninterval = \"10m\"\npaused_interval = \"1m\"\n[providers.p]\n\
                    base_url = \"http://127.0.0.1:9\"\nfamily = \"openai-chat\"\nkey = { none = true }\n"
        .to_owned();
    for number in 0..count {
        let _ = writeln!(
            text,
            "[routes.a{number}]\nprovider = \"p\"\nmodel = \"a\"\n[routes.b{number}]\nprovider = \"p\"\n\
             model = \"b\"\n[workloads.w{number}]\nprimary = \"a{number}\"\nfallback = \"b{number}\""
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("backstop.toml");
    std::fs::write(&path, text).unwrap();
    let loaded = config::load_with(&path, &|_| None, Keys::Needed);
    loaded
        .catalog
        .unwrap_or_else(|| panic!("{}", loaded.report.render(false)))
}

/// The ladder of a route, climbed then.
fn climbed(
    catalog: &Catalog,
    route: &str,
    rung: Rung,
    verdict: Verdict,
    seconds: i64,
) -> ProbeRecord {
    let route = &catalog.routes[&RouteName::from(route)];
    ProbeRecord::Rung(Box::new(RungResult {
        route: route.name.clone(),
        rung,
        asked: Asked::of(route, None),
        at: at(seconds),
        verdict,
        evidence: String::new(),
        class: None,
        sample: None,
        cost: None,
    }))
}

/// What is live when a gateway's traffic was answered then by primary and fallback of `w0`.
fn live(primary: Option<i64>, fallback: Option<i64>, open: Option<&str>) -> Live {
    let catalog = catalog(1);
    Live::of(
        &catalog,
        &Marks::of(&catalog),
        &[beat(&catalog, primary, fallback, open)],
        now(),
    )
}

fn beat(
    catalog: &Catalog,
    primary: Option<i64>,
    fallback: Option<i64>,
    open: Option<&str>,
) -> Heartbeat {
    let mark = |route: &str| Some(RouteMark::of(&catalog.routes[&RouteName::from(route)]));
    Heartbeat {
        gateway: "gw1".into(),
        host: "ops1".to_owned(),
        region: None,
        pid: 1,
        version: "0".to_owned(),
        listen: ([127, 0, 0, 1], 1).into(),
        started: at(-3600),
        at: at(-1),
        revision: Revision(0),
        fingerprint: "f1".to_owned(),
        config_error: None,
        draining: false,
        unlogged: 0,
        withheld: 0,
        unlogged_at: None,
        apart_since: None,
        partings: 0,
        workloads: vec![WorkloadTraffic {
            workload: "w0".into(),
            requests: 600,
            primary_failures: 0,
            fallbacks: 0,
            errors: 0,
            uncaught: 0,
            refused: 0,
            first_output_p50_ms: None,
            first_output_p95_ms: None,
            in_flight: 0,
            failing_since: None,
            last_primary_failure: None,
            last_uncaught: None,
            last_primary: primary.map(at),
            last_primary_by: mark("a0"),
            last_fallback_by: mark("b0"),
            last_fallback: fallback.map(at),
            last_routed: None,
        }],
        routes: open
            .map(|route| RouteTraffic {
                route: route.into(),
                attempts: 10,
                failures: 10,
                circuit: CircuitState::Open,
                tripped_by: None,
                in_flight: 0,
            })
            .into_iter()
            .collect(),
    }
}

fn asked(catalog: &Catalog, records: &[ProbeRecord], live: &Live, since: i64) -> Vec<String> {
    let records: BTreeMap<ProbeKey, ProbeRecord> = records
        .iter()
        .map(|record| (record.key(), record.clone()))
        .collect();
    let (tasks, _) = due(&Known {
        catalog,
        records: &records,
        live,
        held: &BTreeMap::new(),
        since: at(since),
        now: now(),
    });
    tasks
        .iter()
        .map(|task| task.route().name.to_string())
        .collect()
}

#[test]
fn silence_and_trouble_are_asked_and_live_traffic_is_not() {
    let catalog = catalog(1);
    let passed = |route, seconds| climbed(&catalog, route, Rung::Key, Verdict::Passed, seconds);
    let long_ago = || vec![passed("a0", -700), passed("b0", -700)];
    let just_now = || vec![passed("a0", -30), passed("b0", -30)];
    let failed = |seconds| {
        let mut records = vec![passed("a0", -30), passed("b0", seconds)];
        records.push(climbed(
            &catalog,
            "b0",
            Rung::Minimal,
            Verdict::Failed,
            seconds,
        ));
        records
    };
    for (case, records, live, wanted) in [
        (
            "all silent",
            long_ago(),
            live(None, None, None),
            &["a0", "b0"][..],
        ),
        ("proven just now", just_now(), live(None, None, None), &[]),
        (
            "the primary has traffic",
            long_ago(),
            live(Some(-2), None, None),
            &["b0"],
        ),
        (
            "its traffic was long ago",
            long_ago(),
            live(Some(-700), None, None),
            &["a0", "b0"],
        ),
        (
            "both have traffic",
            long_ago(),
            live(Some(-2), Some(-2), None),
            &[],
        ),
        (
            "never climbed, traffic or not",
            vec![],
            live(Some(-2), Some(-2), None),
            &["a0", "b0"],
        ),
        (
            "paused, and asked a minute and more ago",
            vec![passed("a0", -30), passed("b0", -90)],
            live(Some(-2), Some(-2), Some("b0")),
            &["b0"],
        ),
        (
            "paused, and asked just now",
            just_now(),
            live(Some(-2), None, Some("b0")),
            &[],
        ),
        (
            "a rung failed a minute and more ago",
            failed(-90),
            live(Some(-2), None, None),
            &["b0"],
        ),
        (
            "a rung failed just now",
            failed(-30),
            live(Some(-2), None, None),
            &[],
        ),
    ] {
        let mut found = asked(&catalog, &records, &live, -3600);
        found.sort();
        assert_eq!(found, wanted, "{case}");
    }
}

#[test]
fn an_answer_is_a_proof_of_the_route_that_gave_it_and_of_no_other() {
    type Change = fn(&mut Catalog);
    type Beat = fn(&mut Heartbeat);
    fn fallback(catalog: &mut Catalog) -> &mut Route {
        catalog.routes.get_mut("b0").unwrap()
    }
    let as_it_is: Beat = |_| ();
    let untold: Beat = |beat| {
        beat.workloads[0].last_primary_by = None;
        beat.workloads[0].last_fallback_by = None;
    };
    // The fallback answered two seconds ago. Then the configuration changes; is the fallback proven still?
    let cases: [(&str, Beat, Change, bool); 9] = [
        ("nothing", as_it_is, |_| (), true),
        (
            "the text of the file",
            as_it_is,
            |catalog| "f2".clone_into(&mut catalog.fingerprint),
            true,
        ),
        (
            "its model",
            as_it_is,
            |catalog| "c".clone_into(&mut fallback(catalog).model),
            false,
        ),
        (
            "its base URL",
            as_it_is,
            |catalog| "http://127.0.0.1:2".clone_into(&mut fallback(catalog).base_url),
            false,
        ),
        (
            "another route in its place",
            as_it_is,
            |catalog| {
                let workload = catalog.workloads.get_mut("w0").unwrap();
                workload.fallback = Some("b1".into());
            },
            false,
        ),
        (
            "the routes change places, and the primary answered long ago",
            as_it_is,
            |catalog| {
                let workload = catalog.workloads.get_mut("w0").unwrap();
                workload.primary = "b0".into();
                workload.fallback = Some("a0".into());
            },
            false,
        ),
        (
            "nothing, and the gateway does not tell who answered",
            untold,
            |_| (),
            true,
        ),
        (
            "the file, and the gateway does not tell who answered",
            untold,
            |catalog| "f2".clone_into(&mut catalog.fingerprint),
            false,
        ),
        (
            "the fallback goes",
            as_it_is,
            |catalog| catalog.workloads.get_mut("w0").unwrap().fallback = None,
            false,
        ),
    ];
    for (case, bend, change, proven) in cases {
        let mut catalog = catalog(2);
        catalog.fingerprint = "f1".to_owned();
        let mut beat = beat(&catalog, None, Some(-2), None);
        bend(&mut beat);
        change(&mut catalog);
        let none = Overrides::default();
        let marks = Marks::of(&catalog);
        let workload = &catalog.workloads["w0"];
        let live = Live::of(&catalog, &marks, &[beat], now());
        let known = (&catalog, &none, live.sites());
        let live = live.about(&catalog, &marks, workload);
        let word = readiness(known, &live, &[], workload, &Standing::NotRequired, now());
        let expected = match (proven, catalog.workloads["w0"].fallback.is_some()) {
            (true, _) => Readiness::Ready,
            (false, true) => Readiness::Unverified,
            (false, false) => Readiness::NoneByPolicy,
        };
        assert_eq!(word.unwrap().0.word, expected, "{case}");
    }
}

#[test]
fn what_changed_is_asked_again() {
    let mut catalog = catalog(1);
    let records =
        ["a0", "b0"].map(|route| climbed(&catalog, route, Rung::Key, Verdict::Passed, -30));
    let route = catalog.routes.get_mut(&RouteName::from("b0")).unwrap();
    route.model = "newer".to_owned();
    assert_eq!(
        asked(&catalog, &records, &live(None, None, None), -3600),
        ["b0"]
    );
}

#[test]
fn a_start_is_spread_over_an_interval() {
    let catalog = catalog(500);
    let after = |seconds: i64| asked(&catalog, &[], &Live::default(), -seconds).len();
    assert_eq!(after(600), 1000);
    // A tenth of the interval, a tenth of the tasks; spread by names, so not exactly.
    let first = after(60);
    assert!((60..=140).contains(&first), "{first}");
    // A takeover finds everything overdue and spreads it just the same.
    let records: Vec<ProbeRecord> = catalog
        .routes
        .keys()
        .map(|route| climbed(&catalog, route.as_str(), Rung::Key, Verdict::Passed, -7200))
        .collect();
    let first = asked(&catalog, &records, &Live::default(), -60).len();
    assert!((60..=140).contains(&first), "{first}");
}

#[test]
fn what_runs_or_waits_is_left_alone() {
    let catalog = catalog(1);
    let key = |route: &str| ProbeKey {
        route: route.into(),
        subject: ProbeSubject::Rung(Rung::Key),
    };
    let held = BTreeMap::from([(key("a0"), None), (key("b0"), Some(at(7)))]);
    let (tasks, next) = due(&Known {
        catalog: &catalog,
        records: &BTreeMap::new(),
        live: &Live::default(),
        held: &held,
        since: at(-3600),
        now: now(),
    });
    assert!(tasks.is_empty());
    assert_eq!(next, Some(at(7)));
    assert_eq!(catalog.probing.interval, Duration::from_mins(10));
}
