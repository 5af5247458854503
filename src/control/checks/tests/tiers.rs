//! Which risk follows, what the effects say, and what is no plan at all.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn tiers_follow_the_verbs() {
    let on = |change, expires| {
        move |setup: &mut Setup| {
            let key = match change {
                Change::Mode(_) => OverrideKey::mode("chat".into()),
                Change::Notice(_) => OverrideKey::notice("chat".into()),
                Change::Drain => OverrideKey::drain("premium".into()),
            };
            setup.overrides = overrides(vec![(key, set(change, "jo", expires))]);
        }
    };
    let soon = Some(seconds(600));
    let notice = |enabled| Command::Notice {
        workload: "chat".into(),
        enabled,
        lasting: None,
        scope: Scope::All,
    };
    let premium = || "premium".into();
    let nothing = |_: &mut Setup| {};
    let plan = |command, bend: &dyn Fn(&mut Setup)| setup(command).with(bend).plan();
    let forced = on(Change::Mode(Mode::Force), soon);
    let held_by_config = |setup: &mut Setup| setup.workload().mode = Mode::Hold;
    for (case, plan, tier, after) in [
        (
            "force",
            plan(mode(Mode::Force), &nothing),
            RiskTier::Typed,
            Some(Change::Mode(Mode::Force)),
        ),
        (
            "hold",
            plan(mode(Mode::Hold), &nothing),
            RiskTier::Typed,
            Some(Change::Mode(Mode::Hold)),
        ),
        (
            "auto",
            plan(mode(Mode::Auto), &forced),
            RiskTier::Confirm,
            None,
        ),
        (
            "auto against the configuration arms",
            plan(mode(Mode::Auto), &held_by_config),
            RiskTier::Typed,
            Some(Change::Mode(Mode::Auto)),
        ),
        (
            "notice off",
            plan(notice(false), &nothing),
            RiskTier::Typed,
            Some(Change::Notice(false)),
        ),
        (
            "notice on",
            plan(notice(true), &on(Change::Notice(false), soon)),
            RiskTier::Confirm,
            None,
        ),
        (
            "notice on against the configuration",
            plan(notice(true), &|setup| {
                setup.workload().notice.enabled = false;
            }),
            RiskTier::Confirm,
            Some(Change::Notice(true)),
        ),
        (
            "drain",
            plan(
                Command::Drain {
                    route: premium(),
                    lasting: None,
                    scope: Scope::All,
                },
                &nothing,
            ),
            RiskTier::Typed,
            Some(Change::Drain),
        ),
        (
            "undrain",
            plan(
                Command::Undrain {
                    route: premium(),
                    scope: Scope::All,
                },
                &on(Change::Drain, soon),
            ),
            RiskTier::Confirm,
            None,
        ),
        (
            "a new end for what is in force",
            plan(
                Command::Mode {
                    workload: "chat".into(),
                    mode: Mode::Force,
                    lasting: Some(Duration::from_hours(1)),
                    scope: Scope::All,
                },
                &forced,
            ),
            RiskTier::Confirm,
            Some(Change::Mode(Mode::Force)),
        ),
    ] {
        assert_eq!(
            (plan.tier, plan.after),
            (tier, after),
            "{case}: {:?}",
            plan.checks
        );
        let expires = match plan.after {
            None | Some(Change::Notice(true)) => None,
            Some(_) if plan.before == plan.after => Some(seconds(3600)),
            Some(_) => Some(seconds(1800)),
        };
        assert_eq!(plan.expires, expires, "{case}");
        assert_eq!(plan.valid_until, seconds(600), "{case}");
        assert!(
            !plan.now_line.is_empty() && !plan.after_line.is_empty(),
            "{case}"
        );
        assert!(
            plan.effects.iter().any(|line| line.contains("undo")),
            "{case}"
        );
    }
}

#[test]
fn effects_say_what_moves() {
    let plan = setup(mode(Mode::Force)).plan();
    let expected = [
        "10.0 rps (100% of chat) move from premium to stable; running answers finish where they are",
        "stable: 10.0 -> 20.0 of 100 rps; also serves batch",
        "callers are told in the header: \"a simpler model answers\"",
        "invalid-request and authentication still never change route",
        "returns by itself at 15:02Z (in 30 min)",
        "undo: `z` in the console, `backstop undo` in a shell",
    ];
    assert_eq!(plan.effects, expected);
    assert_eq!(plan.now_line, "premium serves, 10.0 rps in the last 60 s");
    assert_eq!(plan.after_line, "stable serves all requests");
}

#[test]
fn what_is_so_already_is_no_plan() {
    let table = overrides(vec![(
        OverrideKey::mode("chat".into()),
        set(Change::Mode(Mode::Force), "jo", Some(seconds(600))),
    )]);
    for (case, command, overrides, words) in [
        (
            "armed by configuration",
            mode(Mode::Auto),
            Overrides::default(),
            "nothing to change: `chat` is on auto by the configuration",
        ),
        (
            "forced by another",
            mode(Mode::Force),
            table,
            "nothing to change: `chat` is forced by jo until 14:42Z; give a duration to move its end",
        ),
        (
            "not drained",
            Command::Undrain {
                route: "stable".into(),
                scope: Scope::All,
            },
            Overrides::default(),
            "nothing to change: `stable` takes requests",
        ),
    ] {
        let error = intent::intend(&command, &catalog(), &overrides, &[], now()).unwrap_err();
        assert_eq!(error.to_string(), words, "{case}");
    }
}
