//! What plans of the other verbs are checked for.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn checks_of_the_other_verbs() {
    use CheckVerdict::{Fail, Pass, Warn};
    let failing: Bend = |setup| {
        setup.heartbeats[0].routes[0].failures = 400;
        setup.heartbeats[0].workloads[0].primary_failures = 400;
    };
    let drain = |route: &str| Command::Drain {
        route: route.into(),
        lasting: None,
        scope: Scope::All,
    };
    let notice = |enabled| Command::Notice {
        workload: "chat".into(),
        enabled,
        lasting: None,
        scope: Scope::All,
    };
    let forced: Bend = |setup| {
        setup.overrides = overrides(vec![(
            OverrideKey::mode("chat".into()),
            set(Change::Mode(Mode::Force), "jo", Some(seconds(600))),
        )]);
    };
    let cases: Vec<(&str, Command, Vec<Bend>, &str, CheckVerdict)> = vec![
        (
            "hold on a sound primary",
            mode(Mode::Hold),
            vec![],
            "health",
            Pass,
        ),
        (
            "hold on a failing primary",
            mode(Mode::Hold),
            vec![failing],
            "health",
            Fail,
        ),
        (
            "back to a failing primary is never blocked",
            mode(Mode::Auto),
            vec![forced, failing],
            "health",
            Warn,
        ),
        (
            "back to a full primary is never blocked",
            mode(Mode::Auto),
            vec![forced, |setup| {
                setup.route("premium").capacity_rps = Some(1.0);
            }],
            "headroom",
            Warn,
        ),
        ("notice off", notice(false), vec![], "notice", Warn),
        (
            "notice off for the paid tier",
            notice(false),
            vec![|setup| setup.workload().tier = Tier::Paid],
            "notice",
            Fail,
        ),
        (
            "drain of a primary",
            drain("premium"),
            vec![],
            "users",
            Warn,
        ),
        (
            "drain of a primary with nothing behind it",
            drain("large"),
            vec![],
            "users",
            Fail,
        ),
        (
            "drain of an idle fallback",
            drain("stable"),
            vec![],
            "users",
            Warn,
        ),
        (
            "drain of the route that serves",
            drain("stable"),
            vec![forced],
            "users",
            Fail,
        ),
        (
            "drain of a primary whose fallback fails",
            drain("premium"),
            vec![|setup| setup.heartbeats[0].routes[1].circuit = CircuitState::Open],
            "health",
            Fail,
        ),
        (
            "drain of a primary on which a workload is held",
            drain("premium"),
            vec![|setup| {
                setup.overrides = overrides(vec![(
                    OverrideKey::mode("chat".into()),
                    set(Change::Mode(Mode::Hold), "jo", Some(seconds(600))),
                )]);
            }],
            "users",
            Fail,
        ),
    ];
    for (case, command, bends, name, verdict) in cases {
        let mut setup = setup(command);
        for bend in bends {
            bend(&mut setup);
        }
        let plan = setup.plan();
        let found: Vec<_> = plan
            .checks
            .iter()
            .filter(|check| check.name == name)
            .collect();
        assert_eq!(
            found.iter().map(|check| check.verdict).max(),
            Some(verdict),
            "{case}: {:?}",
            plan.checks
        );
        assert_eq!(plan.tier == RiskTier::BreakGlass, verdict == Fail, "{case}");
    }
}
