//! What a plan to force, or to hold, is checked for: one named case per verdict.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn checks_of_force() {
    use CheckVerdict::{Fail, Pass, Refuse, Warn};
    let cases: Vec<(&str, Bend, &str, CheckVerdict)> = vec![
        ("a fallback is there", |_| {}, "fallback", Pass),
        (
            "none by policy",
            |setup| setup.workload().fallback = None,
            "fallback",
            Refuse,
        ),
        ("the same family", |_| {}, "family", Pass),
        (
            "another family",
            |setup| setup.route("stable").family = Family::AnthropicMessages,
            "family",
            Refuse,
        ),
        (
            "it is open to others only",
            |setup| setup.route("stable").workloads = Some(vec!["batch".into()]),
            "entitlement",
            Refuse,
        ),
        (
            "it is open to this one, too",
            |setup| setup.route("stable").workloads = Some(vec!["chat".into()]),
            "entitlement",
            Pass,
        ),
        ("never probed", |_| {}, "readiness", Warn),
        (
            "probed just now",
            |setup| setup.minimal(Verdict::Passed, 60),
            "readiness",
            Pass,
        ),
        (
            "probed long ago",
            |setup| setup.minimal(Verdict::Passed, 7_200),
            "readiness",
            Warn,
        ),
        (
            "its probe failed",
            |setup| setup.minimal(Verdict::Failed, 60),
            "readiness",
            Fail,
        ),
        ("it answers", |_| {}, "health", Pass),
        (
            "its circuit is open",
            |setup| setup.heartbeats[0].routes[1].circuit = CircuitState::Open,
            "health",
            Fail,
        ),
        (
            "its circuit is half-open",
            |setup| setup.heartbeats[0].routes[1].circuit = CircuitState::HalfOpen,
            "health",
            Warn,
        ),
        (
            "a third of its attempts fail",
            |setup| setup.heartbeats[0].routes[1].failures = 200,
            "health",
            Fail,
        ),
        (
            "a few of its attempts fail",
            |setup| setup.heartbeats[0].routes[1].failures = 10,
            "health",
            Pass,
        ),
        (
            "one attempt, failed: too little to say",
            |setup| {
                setup.heartbeats[0].routes[1].attempts = 1;
                setup.heartbeats[0].routes[1].failures = 1;
            },
            "health",
            Pass,
        ),
        (
            "nobody knows whether it works",
            |setup| {
                setup.heartbeats[0].routes.truncate(1);
            },
            "health",
            Warn,
        ),
        (
            "it is drained",
            |setup| {
                setup.overrides = overrides(vec![(
                    OverrideKey::drain("stable".into()),
                    set(Change::Drain, "jo", Some(seconds(600))),
                )]);
            },
            "drain",
            Fail,
        ),
        ("it has room", |_| {}, "headroom", Pass),
        (
            "it is nearly full",
            |setup| setup.route("stable").capacity_rps = Some(24.0),
            "headroom",
            Warn,
        ),
        (
            "it cannot carry that",
            |setup| setup.route("stable").capacity_rps = Some(19.0),
            "headroom",
            Fail,
        ),
        (
            "what already runs there does not move",
            |setup| {
                setup.heartbeats[0].workloads[0].fallbacks = 600;
                setup.route("stable").capacity_rps = Some(19.0);
            },
            "headroom",
            Pass,
        ),
        (
            "its capacity is not known",
            |setup| setup.route("stable").capacity_rps = None,
            "headroom",
            Warn,
        ),
        ("vectors of another model", embeddings, "vectors", Refuse),
        (
            "vectors of another model, allowed in writing",
            |setup| {
                embeddings(setup);
                setup.workload().may_change_vectors = Some("both are in the index".to_owned());
            },
            "vectors",
            Warn,
        ),
        ("no boundary changes", |_| {}, "boundary", Pass),
        (
            "a boundary that the policy keeps",
            |setup| setup.route("stable").boundary = region("us"),
            "boundary",
            Fail,
        ),
        (
            "a boundary that the policy gives up",
            |setup| {
                setup.route("stable").boundary = region("us");
                setup.workload().may_cross = vec![BoundaryKind::Region];
            },
            "boundary",
            Warn,
        ),
        ("callers are told", |_| {}, "notice", Pass),
        (
            "the paid tier is not told",
            |setup| {
                setup.workload().tier = Tier::Paid;
                setup.workload().notice.enabled = false;
            },
            "notice",
            Fail,
        ),
        (
            "a notice without a text is none",
            |setup| {
                setup.workload().tier = Tier::Paid;
                setup.workload().notice.text.clear();
            },
            "notice",
            Fail,
        ),
        (
            "a demanded notice is switched off",
            |setup| {
                setup.workload().notice.required = true;
                setup.overrides = overrides(vec![(
                    OverrideKey::notice("chat".into()),
                    set(Change::Notice(false), "jo", Some(seconds(600))),
                )]);
            },
            "notice",
            Fail,
        ),
        (
            "people see it and are not told",
            |setup| setup.workload().notice.enabled = false,
            "notice",
            Warn,
        ),
        (
            "nobody sees it",
            |setup| {
                setup.workload().notice.enabled = false;
                setup.workload().user_visible = false;
            },
            "notice",
            Pass,
        ),
        (
            "it can all that the primary can",
            |_| {},
            "capabilities",
            Pass,
        ),
        (
            "it lacks tools",
            |setup| {
                setup.route("stable").capabilities = [Capability::Streaming].into_iter().collect();
            },
            "capabilities",
            Warn,
        ),
        (
            "its context is smaller",
            |setup| {
                setup.route("premium").context_tokens = Some(128_000);
                setup.route("stable").context_tokens = Some(8_000);
            },
            "capabilities",
            Warn,
        ),
        ("half an hour", |_| {}, "expiry", Pass),
        (
            "a day",
            |setup| lasting(setup, Duration::from_hours(24)),
            "expiry",
            Pass,
        ),
        (
            "more than a day",
            |setup| lasting(setup, Duration::from_secs(86_401)),
            "expiry",
            Fail,
        ),
        (
            "until I say",
            |setup| lasting(setup, UNTIL_CHANGED),
            "expiry",
            Fail,
        ),
        ("a gateway is there", |_| {}, "gateways", Pass),
        (
            "no gateway is there",
            |setup| setup.heartbeats.clear(),
            "gateways",
            Warn,
        ),
        (
            "a gateway lags behind",
            |setup| {
                setup.overrides.revision = Revision(2);
                setup.heartbeats[0].revision = Revision(1);
            },
            "gateways",
            Warn,
        ),
        (
            "a gateway has another configuration",
            |setup| setup.heartbeats[0].fingerprint = "f2".to_owned(),
            "config",
            Warn,
        ),
        ("nobody else looks", |_| {}, "people", Pass),
        (
            "somebody looks",
            |setup| {
                setup.presences = vec![presence(|jo| jo.viewing = Some("chat".into()))];
            },
            "people",
            Pass,
        ),
        (
            "somebody has a plan open",
            |setup| {
                let key = OverrideKey::notice("chat".into());
                setup.presences = vec![presence(|jo| {
                    jo.plan = Some((PlanId("beef01".to_owned()), key));
                })];
            },
            "people",
            Warn,
        ),
        (
            "somebody is on it",
            |setup| {
                setup.presences = vec![presence(|jo| jo.claim = Some("chat".into()))];
            },
            "people",
            Warn,
        ),
        ("never changed", |_| {}, "history", Pass),
        (
            "changed by another a minute ago",
            |setup| setup.last_change = Some(change_by("jo", 60)),
            "history",
            Warn,
        ),
        (
            "changed by another an hour ago",
            |setup| setup.last_change = Some(change_by("jo", 3600)),
            "history",
            Pass,
        ),
        (
            "changed by oneself a minute ago",
            |setup| setup.last_change = Some(change_by("mira", 60)),
            "history",
            Pass,
        ),
    ];
    for (case, bend, name, verdict) in cases {
        let plan = setup(mode(Mode::Force)).with(bend).plan();
        let found: Vec<_> = plan
            .checks
            .iter()
            .filter(|check| check.name == name)
            .collect();
        assert_eq!(
            found.iter().map(|check| check.verdict).max(),
            Some(verdict),
            "{case}: {found:?}"
        );
        assert!(
            found.iter().all(|check| !check.why.is_empty()),
            "{case}: every check has a sentence"
        );
        assert_eq!(plan.refusal().is_some(), verdict == Refuse, "{case}");
        assert_eq!(
            plan.tier == RiskTier::BreakGlass,
            verdict == Fail,
            "{case}: {:?}",
            plan.checks
        );
        assert!(
            plan.checks
                .is_sorted_by_key(|check| std::cmp::Reverse(check.verdict)),
            "{case}: worst first"
        );
    }
}

fn region(name: &str) -> Boundary {
    Boundary {
        region: Some(name.to_owned()),
        ..Boundary::default()
    }
}

fn lasting(setup: &mut Setup, length: Duration) {
    setup.command = Command::Mode {
        workload: "chat".into(),
        mode: Mode::Force,
        lasting: Some(length),
        scope: Scope::All,
    };
}
