//! Every check, one named case per verdict it can give; and the tiers that follow.

use std::time::Duration;

use super::*;
use crate::{
    control::{
        Probed, UNTIL_CHANGED, draw,
        fixture::{actor, catalog, heartbeat, load, now, overrides, seconds, set, traffic},
        intent, overview,
    },
    model::{
        Asked, Boundary, BoundaryKind, Capability, CircuitState, Command, Family, Heartbeat, Plan,
        PlanId, ProbeRecord, ReasonCode, Reviewed, Revision, RiskTier, Rung, RungResult, Scope,
        Tier, Verdict,
    },
};

const CLOSED: CircuitState = CircuitState::Closed;

/// Everything a plan is made from: 10 rps of `chat` on `premium`, `stable` lightly used.
struct Setup {
    catalog: Catalog,
    overrides: Overrides,
    heartbeats: Vec<Heartbeat>,
    presences: Vec<Presence>,
    last_change: Option<AuditRecord>,
    probed: Vec<ProbeRecord>,
    command: Command,
}

fn mode(mode: Mode) -> Command {
    Command::Mode {
        workload: "chat".into(),
        mode,
        lasting: None,
        scope: Scope::All,
    }
}

fn setup(command: Command) -> Setup {
    Setup {
        catalog: catalog(),
        overrides: Overrides::default(),
        heartbeats: vec![heartbeat(
            vec![traffic("chat", 600, 0, 0, 0)],
            vec![
                load("premium", 600, 0, CLOSED),
                load("stable", 600, 0, CLOSED),
            ],
        )],
        presences: Vec::new(),
        last_change: None,
        probed: Vec::new(),
        command,
    }
}

impl Setup {
    fn with(mut self, bend: impl FnOnce(&mut Self)) -> Self {
        bend(&mut self);
        self
    }

    fn workload(&mut self) -> &mut Workload {
        self.catalog.workloads.get_mut("chat").unwrap()
    }

    fn route(&mut self, name: &str) -> &mut Route {
        self.catalog.routes.get_mut(name).unwrap()
    }

    /// The smallest request was sent to `stable` so many seconds ago.
    fn minimal(&mut self, verdict: Verdict, age: i64) {
        self.probed.push(ProbeRecord::Rung(Box::new(RungResult {
            route: "stable".into(),
            rung: Rung::Minimal,
            asked: Asked::of(&self.catalog.routes["stable"], None),
            at: seconds(-age),
            verdict,
            evidence: "503".to_owned(),
            class: None,
            sample: None,
            cost: None,
        })));
    }

    fn plan(&self) -> Plan {
        let sites: Vec<_> = self.heartbeats.iter().map(Heartbeat::site).collect();
        let intent = intent::intend(&self.command, &self.catalog, &self.overrides, &sites, now())
            .unwrap()
            .unwrap();
        let seen = overview(
            &self.catalog,
            &self.overrides,
            &self.heartbeats,
            [],
            &Probed::new(self.probed.clone(), &[]),
            &Reviewed::default(),
            now(),
        );
        let me = actor("mira");
        let scene = Scene {
            catalog: &self.catalog,
            overrides: &self.overrides,
            overview: &seen,
            presences: &self.presences,
            last_change: self.last_change.as_ref(),
            actor: &me,
            heartbeats: &self.heartbeats,
            key: &intent.key,
            now: now(),
        };
        draw::plan(&scene, &intent, PlanId("abc123".to_owned()))
    }
}

/// Both routes make vectors, each of its own model's.
fn embeddings(setup: &mut Setup) {
    setup.workload().family = Family::OpenaiEmbeddings;
    for name in ["premium", "stable"] {
        setup.route(name).family = Family::OpenaiEmbeddings;
    }
}

fn presence(bend: impl FnOnce(&mut Presence)) -> Presence {
    let mut presence = Presence {
        session: "s1".to_owned(),
        actor: actor("jo"),
        since: now(),
        at: now(),
        viewing: None,
        plan: None,
        plan_since: None,
        plan_taken: None,
        claim: None,
    };
    bend(&mut presence);
    presence
}

fn change_by(user: &str, age: i64) -> AuditRecord {
    AuditRecord {
        sequence: 7,
        at: seconds(-age),
        actor: actor(user),
        verb: Some(Verb::Hold),
        key: OverrideKey::mode("chat".into()),
        before: None,
        after: None,
        expires: None,
        reason: ReasonCode::Quality,
        note: String::new(),
        ticket: None,
        revision: Revision(7),
        plan: None,
        undoes: None,
        break_glass: false,
    }
}

type Bend = fn(&mut Setup);

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
