use crate::{
    control::{
        ControlError, Probed,
        checks::Scene,
        draw,
        fixture::{actor, catalog, heartbeat, load, now, overrides, seconds, set, traffic},
        intent, overview,
    },
    model::{
        Change, Check, CheckVerdict, CircuitState, Command, Heartbeat, Mode, OverrideKey,
        Overrides, Plan, PlanId, Reviewed, RiskTier, Scope, Site,
    },
};

fn gateway(name: &str, host: &str, region: Option<&str>, requests: u64) -> Heartbeat {
    let load = |route| load(route, requests, 0, CircuitState::Closed);
    Heartbeat {
        gateway: name.into(),
        host: host.to_owned(),
        region: region.map(Into::into),
        ..heartbeat(
            vec![traffic("chat", requests, 0, 0, 0)],
            vec![load("premium"), load("stable")],
        )
    }
}

/// Two hosts in `eu`, one of them with two gateways, and one host without a region.
fn fleet() -> Vec<Heartbeat> {
    vec![
        gateway("g1", "ops-1", Some("eu"), 300),
        gateway("g2", "ops-2", Some("eu"), 120),
        gateway("g3", "ops-2", Some("eu"), 120),
        gateway("g4", "ops-3", None, 60),
    ]
}

fn mode(mode: Mode, scope: &str) -> Command {
    Command::Mode {
        workload: "chat".into(),
        mode,
        lasting: None,
        scope: scope.parse().unwrap(),
    }
}

fn table(entries: &[(&str, Mode)]) -> Overrides {
    let entry = |(scope, mode): &(&str, Mode)| {
        let key = OverrideKey::mode("chat".into()).within(scope.parse().unwrap());
        (key, set(Change::Mode(*mode), "jo", Some(seconds(600))))
    };
    overrides(entries.iter().map(entry).collect())
}

fn planned(
    command: &Command,
    beats: &[Heartbeat],
    overrides: &Overrides,
) -> Result<Plan, ControlError> {
    let catalog = catalog();
    let seen = overview(
        &catalog,
        overrides,
        beats,
        [],
        &Probed::default(),
        &Reviewed::default(),
        now(),
    );
    let intent = intent::intend(command, &catalog, overrides, &seen.sites(), now())?.unwrap();
    let me = actor("mira");
    let scene = Scene {
        catalog: &catalog,
        overrides,
        overview: &seen,
        presences: &[],
        last_change: None,
        actor: &me,
        heartbeats: beats,
        key: &intent.key,
        now: now(),
    };
    Ok(draw::plan(&scene, &intent, PlanId("abc123".to_owned())))
}

fn doubts(plan: &Plan) -> Vec<&str> {
    let about = |check: &&Check| check.name == "scope";
    let checks = plan.checks.iter().filter(about);
    checks
        .inspect(|check| assert_eq!(check.verdict, CheckVerdict::Warn))
        .map(|check| check.why.as_str())
        .collect()
}

#[test]
fn a_plan_says_whom_it_reaches() {
    for (case, scope, sentence, after) in [
        (
            "all",
            "all",
            "reaches all 4 gateways: ops-1 (eu) 50%, ops-2 (eu, 2 gateways) 40%, ops-3 10%",
            "stable serves all requests",
        ),
        (
            "a region",
            "region:eu",
            "reaches 3 of 4 gateways, which carry 90% of the requests of chat: ops-1 (eu) 50%, ops-2 (eu, 2 gateways) \
             40%",
            "in region eu: stable serves all requests",
        ),
        (
            "a host",
            "host:ops-3",
            "reaches 1 of 4 gateways, which carry 10% of the requests of chat: ops-3 10%",
            "on host ops-3: stable serves all requests",
        ),
    ] {
        let plan = planned(&mode(Mode::Force, scope), &fleet(), &Overrides::default()).unwrap();
        assert_eq!(plan.effects[0], sentence, "{case}");
        assert_eq!(plan.after_line, after, "{case}");
        assert_eq!(doubts(&plan), Vec::<&str>::new(), "{case}");
        assert_eq!(plan.tier, RiskTier::Typed, "{case}");
        assert_eq!(plan.target(), "chat", "{case}");
    }
}

#[test]
fn the_traffic_that_moves_is_that_of_the_gateways_inside() {
    let plan = planned(
        &mode(Mode::Force, "host:ops-3"),
        &fleet(),
        &Overrides::default(),
    )
    .unwrap();
    assert_eq!(
        plan.now_line,
        "on host ops-3: premium serves, 1.0 rps in the last 60 s"
    );
    assert!(
        plan.effects[1].starts_with("1.0 rps (10% of chat) move from premium to stable"),
        "{:#?}",
        plan.effects
    );
}

#[test]
fn one_gateway_needs_no_radius() {
    let one = vec![gateway("g1", "ops-1", None, 300)];
    let plan = planned(&mode(Mode::Force, "all"), &one, &Overrides::default()).unwrap();
    assert!(!plan.effects.iter().any(|it| it.contains("reaches")));
    assert_eq!(plan.radius.reached.len(), 1);
}

#[test]
fn what_it_does_not_reach_past_is_named() {
    let set = table(&[("host:ops-2", Mode::Hold), ("region:us", Mode::Force)]);
    let plan = planned(&mode(Mode::Force, "all"), &fleet(), &set).unwrap();
    assert_eq!(
        doubts(&plan),
        [
            "does NOT reach past force in region us by jo, which stays in force until 14:42Z: no gateway is there now",
            "does NOT reach past hold on host ops-2 by jo, which stays in force until 14:42Z: ops-2 (eu, 2 gateways) 40%",
        ]
    );
    assert_eq!(
        plan.effects[0],
        "reaches 2 of 4 gateways, which carry 60% of the requests of chat: ops-1 (eu) 50%, ops-3 10%"
    );
    assert_eq!(
        (plan.now_line.as_str(), plan.after_line.as_str()),
        (
            "on 2 of 4 gateways: premium serves, 6.0 rps in the last 60 s",
            "on 2 of 4 gateways: stable serves all requests"
        )
    );
    let sites: Vec<Site> = fleet().iter().map(Heartbeat::site).collect();
    let fits = |overrides: &Overrides| super::names_exceptions(&plan, overrides, &sites, now());
    assert!(fits(&set), "as planned");
    assert!(fits(&table(&[("host:ops-2", Mode::Hold)])), "one has ended");
    for (case, more) in [
        ("another scope", ("host:ops-3", Mode::Hold)),
        ("another mode", ("host:ops-2", Mode::Auto)),
    ] {
        assert!(!fits(&table(&[more])), "{case}");
    }
}

#[test]
fn a_scope_that_nobody_is_in_is_a_loud_doubt() {
    for (case, scope, why) in [
        (
            "a slip",
            "host:ops-33",
            "NO living gateway is on host ops-33: it changes nothing until one starts there; did you mean host:ops-3?",
        ),
        (
            "no such region",
            "region:mars",
            "NO living gateway is in region mars: it changes nothing until one starts there; there is region:eu",
        ),
    ] {
        let plan = planned(&mode(Mode::Force, scope), &fleet(), &Overrides::default()).unwrap();
        assert_eq!(doubts(&plan), [why], "{case}");
        assert_eq!(
            plan.effects[0], "no traffic moves: no gateway is there",
            "{case}"
        );
        assert!(plan.refusal().is_none(), "{case}");
    }
}

#[test]
fn who_fell_silent_lately_is_named() {
    let mut beats = fleet();
    beats[1].at = seconds(-40);
    beats[2].at = seconds(-3000);
    let plan = planned(
        &mode(Mode::Force, "region:eu"),
        &beats,
        &Overrides::default(),
    )
    .unwrap();
    assert_eq!(
        doubts(&plan),
        [
            "1 gateway inside is silent, last heard of 40 s ago; whether the change arrives there is not known: ops-2 (eu)"
        ]
    );
    assert_eq!((plan.radius.reached.len(), plan.radius.outside), (1, 1));
}

#[test]
fn a_place_that_fell_silent_is_no_slip() {
    let mut beats = fleet();
    beats[3].at = seconds(-40);
    let plan = planned(
        &mode(Mode::Hold, "host:ops-3"),
        &beats,
        &Overrides::default(),
    )
    .unwrap();
    assert_eq!(
        doubts(&plan),
        [
            "NO living gateway is on host ops-3: it changes nothing until one starts there",
            "1 gateway inside is silent, last heard of 40 s ago; whether the change arrives there is not known: ops-3",
        ]
    );
}

#[test]
fn a_narrow_auto_is_an_exception_of_its_own_and_what_is_so_anyway_needs_none() {
    const FORCE: Option<Change> = Some(Change::Mode(Mode::Force));
    const AUTO: Option<Change> = Some(Change::Mode(Mode::Auto));
    let forced = [("all", Mode::Force)];
    let both = [("all", Mode::Force), ("host:ops-1", Mode::Hold)];
    for (case, set, wanted, scope, after) in [
        (
            "auto beside a force",
            &forced[..],
            Mode::Auto,
            "host:ops-1",
            Ok(AUTO),
        ),
        (
            "auto where all are forced",
            &forced,
            Mode::Auto,
            "all",
            Ok(None),
        ),
        (
            "force where all are forced",
            &forced,
            Mode::Force,
            "region:eu",
            Err(
                "nothing to change: `chat` is forced in region eu by jo on all gateways until 14:42Z; give a \
                 duration for an end of its own here",
            ),
        ),
        (
            "back to what all have",
            &both,
            Mode::Force,
            "host:ops-1",
            Ok(None),
        ),
        (
            "auto in the place of a hold",
            &both,
            Mode::Auto,
            "host:ops-1",
            Ok(AUTO),
        ),
        (
            "so by the configuration",
            &[],
            Mode::Auto,
            "host:ops-1",
            Err("nothing to change: `chat` is on auto on host ops-1 by the configuration"),
        ),
        (
            "all as configured, but one",
            &both[1..],
            Mode::Auto,
            "all",
            Err(
                "nothing to change: `chat` is on auto by the configuration; but hold on host ops-1 by jo: name that \
                 scope to change it",
            ),
        ),
        (
            "force all beside a hold",
            &both[1..],
            Mode::Force,
            "all",
            Ok(FORCE),
        ),
    ] {
        let found = planned(&mode(wanted, scope), &fleet(), &table(set));
        match (&found, after) {
            (Ok(plan), Ok(after)) => {
                assert_eq!(plan.after, after, "{case}");
                let ends = plan.after.is_some();
                assert_eq!(
                    plan.expires.is_some(),
                    ends,
                    "{case}: every exception ends by itself"
                );
            }
            (Err(error), Err(words)) => assert_eq!(error.to_string(), words, "{case}"),
            (found, after) => panic!("{case}: {found:?} and not {after:?}"),
        }
    }
}

#[test]
fn an_end_of_its_own_can_be_given_where_all_are_forced() {
    let command = Command::Mode {
        workload: "chat".into(),
        mode: Mode::Force,
        lasting: Some(std::time::Duration::from_hours(2)),
        scope: Scope::Region("eu".into()),
    };
    let plan = planned(&command, &fleet(), &table(&[("all", Mode::Force)])).unwrap();
    assert_eq!(plan.after, Some(Change::Mode(Mode::Force)));
    assert_eq!(plan.expires, Some(seconds(7200)));
}

#[test]
fn the_end_of_an_exception_says_what_follows() {
    let set = table(&[("all", Mode::Force), ("host:ops-1", Mode::Hold)]);
    let plan = planned(&mode(Mode::Force, "host:ops-1"), &fleet(), &set).unwrap();
    assert_eq!(
        plan.now_line,
        "on host ops-1: premium serves, 5.0 rps in the last 60 s"
    );
    assert_eq!(plan.after_line, "on host ops-1: stable serves all requests");
    assert!(
        plan.effects.contains(
            &"from then on it follows what holds on all gateways: force by jo".to_owned()
        ),
        "{:#?}",
        plan.effects
    );
}

#[test]
fn a_drain_holds_wherever_any_scope_says_so() {
    let drain = |scope: &str| OverrideKey::drain("stable".into()).within(scope.parse().unwrap());
    let entry = || set(Change::Drain, "jo", Some(seconds(600)));
    let undrain = |scope: &str| Command::Undrain {
        route: "stable".into(),
        scope: scope.parse().unwrap(),
    };
    for (case, set, scope, words) in [
        (
            "drained more widely",
            overrides(vec![(drain("all"), entry())]),
            "host:ops-1",
            "nothing to change: `stable` is drained on all gateways by jo; only undraining it there ends that",
        ),
        (
            "drained more narrowly",
            overrides(vec![(drain("host:ops-1"), entry())]),
            "all",
            "nothing to change: `stable` takes requests; but drained on host ops-1 by jo: name that scope to change it",
        ),
    ] {
        let error = planned(&undrain(scope), &fleet(), &set).unwrap_err();
        assert_eq!(error.to_string(), words, "{case}");
    }
    let set = overrides(vec![
        (drain("all"), entry()),
        (drain("host:ops-1"), entry()),
    ]);
    let plan = planned(&undrain("host:ops-1"), &fleet(), &set).unwrap();
    assert!(
        plan.effects
            .contains(&"stable stays drained: jo drained it on all gateways".to_owned()),
        "{:#?}",
        plan.effects
    );
}

#[test]
fn the_scopes_to_choose_from_are_those_of_living_gateways() {
    let sites: Vec<Site> = fleet().iter().map(Heartbeat::site).collect();
    let scopes: Vec<String> = super::scopes(&sites)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        scopes,
        ["all", "region:eu", "host:ops-1", "host:ops-2", "host:ops-3"]
    );
    assert_eq!(super::scopes(&[]), [Scope::All]);
}

#[test]
fn workloads_say_where_gateways_differ() {
    let beats = fleet();
    let seen = |overrides: &Overrides| {
        let seen = overview(
            &catalog(),
            overrides,
            &beats,
            [],
            &Probed::default(),
            &Reviewed::default(),
            now(),
        );
        let status = seen.workload(&"chat".into()).unwrap().clone();
        let scoped: Vec<String> = status.scoped.iter().map(ToString::to_string).collect();
        let mixed = status.mixed.map(|mixed| mixed.to_string());
        (
            status.mode,
            mixed.unwrap_or_default(),
            status.mode_by.unwrap_or_default(),
            scoped,
        )
    };
    for (case, set, mode, mixed, by) in [
        ("nothing", &[][..], Mode::Auto, "", ""),
        ("all", &[("all", Mode::Hold)], Mode::Hold, "", "jo"),
        (
            "a region",
            &[("region:eu", Mode::Force)],
            Mode::Force,
            "mixed: force on 3 of 4",
            "jo in region eu",
        ),
        (
            "all but a host",
            &[("all", Mode::Force), ("host:ops-2", Mode::Auto)],
            Mode::Force,
            "mixed: force on 2 of 4",
            "jo",
        ),
        (
            "the same by two scopes",
            &[("region:eu", Mode::Hold), ("host:ops-3", Mode::Hold)],
            Mode::Hold,
            "",
            "jo in region eu",
        ),
        (
            "where nobody is",
            &[("host:gone", Mode::Hold)],
            Mode::Auto,
            "",
            "",
        ),
    ] {
        let found = seen(&table(set));
        assert_eq!(
            (found.0, found.1.as_str(), found.2.as_str()),
            (mode, mixed, by),
            "{case}"
        );
    }
    let (.., scoped) = seen(&table(&[
        ("region:eu", Mode::Force),
        ("host:gone", Mode::Hold),
    ]));
    assert_eq!(
        scoped,
        [
            "in region eu: force by jo until 14:42Z (3 gateways)",
            "on host gone: hold by jo until 14:42Z (on no gateway now)",
        ]
    );
    let (.., scoped) = seen(&table(&[
        ("region:eu", Mode::Force),
        ("host:ops-2", Mode::Hold),
    ]));
    assert_eq!(
        scoped[0],
        "in region eu: force by jo until 14:42Z (1 gateway)"
    );
}

#[test]
fn a_notice_that_one_gateway_withholds_is_not_given() {
    for (scope, given, all_give) in [
        ("all", true, true),
        ("all", false, false),
        ("host:ops-3", false, false),
        ("host:ops-3", true, true),
        ("host:gone", false, true),
    ] {
        let mut catalog = catalog();
        let chat = catalog.workloads.get_mut("chat").unwrap();
        (chat.notice.enabled, chat.notice.text) = (true, "A stand-in answers.".to_owned());
        let key = OverrideKey::notice("chat".into()).within(scope.parse().unwrap());
        let seen = overview(
            &catalog,
            &overrides(vec![(key, set(Change::Notice(given), "jo", None))]),
            &fleet(),
            [],
            &Probed::default(),
            &Reviewed::default(),
            now(),
        );
        let status = seen.workload(&"chat".into()).unwrap();
        assert_eq!(status.notice, all_give, "{scope} {given}");
    }
}

#[test]
fn a_route_that_serves_elsewhere_only_can_be_drained_here() {
    let drain = |scope: &str| Command::Drain {
        route: "stable".into(),
        lasting: None,
        scope: scope.parse().unwrap(),
    };
    let set = table(&[("region:eu", Mode::Force)]);
    for (scope, tier) in [
        ("all", RiskTier::BreakGlass),
        ("region:eu", RiskTier::BreakGlass),
        ("host:ops-1", RiskTier::BreakGlass),
        ("host:ops-3", RiskTier::Typed),
    ] {
        let plan = planned(&drain(scope), &fleet(), &set).unwrap();
        assert_eq!(plan.tier, tier, "{scope}: {:#?}", plan.checks);
    }
}
