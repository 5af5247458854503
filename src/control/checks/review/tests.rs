use super::*;
use crate::{
    control::{
        Probed, draw,
        fixture::{
            actor, catalog, heartbeat, load, now, overrides, reviewed, seconds, set, traffic,
        },
        overview,
    },
    model::{
        Change, CircuitState, Debt, OverrideKey, Overrides, Plan, PlanId, ReviewPolicy, Reviewed,
        RiskTier, Verb,
    },
};

const AUTO: Option<Change> = Some(Change::Mode(Mode::Auto));
const HOLD: Option<Change> = Some(Change::Mode(Mode::Hold));
const FORCE: Option<Change> = Some(Change::Mode(Mode::Force));
const DRAIN: Option<Change> = Some(Change::Drain);

/// Who said what of the fallback of `chat`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Nothing,
    Good,
    Poor,
}

fn intent(verb: Verb, key: OverrideKey, before: Option<Change>, after: Option<Change>) -> Intent {
    Intent {
        verb,
        key,
        before,
        after,
        expires: after.map(|_| seconds(600)),
        undoes: (verb == Verb::Undo).then_some(1),
    }
}

/// The plan of an intent, and what it would make owed.
fn planned(configured: Mode, said: Said, intent: &Intent) -> (Plan, Vec<WorkloadName>) {
    let mut catalog = catalog();
    let chat = catalog.workloads.get_mut("chat").unwrap();
    chat.review = ReviewPolicy::usual(true);
    chat.mode = configured;
    let heads = match said {
        Said::Nothing => Vec::new(),
        Said::Good => vec![reviewed(&catalog, 9)],
        Said::Poor => vec![reviewed(&catalog, 5)],
    };
    let known = Reviewed {
        place: 1,
        heads,
        debts: Vec::new(),
    };
    let table = match intent.before {
        Some(before) => overrides(vec![(
            intent.key.clone(),
            set(before, "jo", Some(seconds(60))),
        )]),
        None => Overrides::default(),
    };
    let load = |route| load(route, 600, 0, CircuitState::Closed);
    let beats = [heartbeat(
        vec![traffic("chat", 600, 0, 0, 0)],
        vec![load("premium"), load("stable")],
    )];
    let seen = overview(
        &catalog,
        &table,
        &beats,
        [],
        &Probed::default(),
        &known,
        now(),
    );
    let me = actor("mira");
    let scene = Scene {
        catalog: &catalog,
        overrides: &table,
        overview: &seen,
        presences: &[],
        last_change: None,
        actor: &me,
        heartbeats: &beats,
        key: &intent.key,
        now: now(),
    };
    let plan = draw::plan(&scene, intent, PlanId("abc123".to_owned()));
    (plan, owed(&scene, intent))
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table is the point")]
fn what_brings_the_fallback_nearer_needs_a_review_and_the_way_back_does_not() {
    use CheckVerdict::{Fail, Pass, Warn};
    let chat = || OverrideKey::mode("chat".into());
    let of_mode = |verb, before, after| intent(verb, chat(), before, after);
    for (case, configured, said, intent, verdict, owes) in [
        (
            "force, never reviewed",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Force, None, FORCE),
            Some(Fail),
            true,
        ),
        (
            "force, reviewed and poor",
            Mode::Auto,
            Said::Poor,
            of_mode(Verb::Force, None, FORCE),
            Some(Fail),
            true,
        ),
        (
            "force, reviewed and good",
            Mode::Auto,
            Said::Good,
            of_mode(Verb::Force, None, FORCE),
            Some(Pass),
            false,
        ),
        (
            "force for longer",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Force, FORCE, FORCE),
            Some(Fail),
            true,
        ),
        (
            "armed although the file holds it",
            Mode::Hold,
            Said::Nothing,
            of_mode(Verb::Auto, None, AUTO),
            Some(Fail),
            true,
        ),
        (
            "armed for longer",
            Mode::Hold,
            Said::Nothing,
            of_mode(Verb::Auto, AUTO, AUTO),
            Some(Fail),
            true,
        ),
        (
            "from hold back to what the file says, which arms it",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Auto, HOLD, None),
            Some(Fail),
            true,
        ),
        (
            "the same, reviewed",
            Mode::Auto,
            Said::Good,
            of_mode(Verb::Auto, HOLD, None),
            Some(Pass),
            false,
        ),
        (
            "from force back to auto",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Auto, FORCE, None),
            Some(Warn),
            false,
        ),
        (
            "from force to an auto that the file does not want",
            Mode::Hold,
            Said::Nothing,
            of_mode(Verb::Auto, FORCE, AUTO),
            Some(Warn),
            false,
        ),
        (
            "hold",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Hold, None, HOLD),
            None,
            false,
        ),
        (
            "hold, out of force",
            Mode::Auto,
            Said::Poor,
            of_mode(Verb::Hold, FORCE, HOLD),
            None,
            false,
        ),
        (
            "undo of a hold arms again",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Undo, HOLD, None),
            Some(Fail),
            true,
        ),
        (
            "undo of a hold forces again",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Undo, HOLD, FORCE),
            Some(Fail),
            true,
        ),
        (
            "undo of one's own broken glass, back to auto",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Undo, FORCE, None),
            Some(Warn),
            false,
        ),
        (
            "undo of one's own broken glass, back to hold",
            Mode::Auto,
            Said::Nothing,
            of_mode(Verb::Undo, FORCE, HOLD),
            None,
            false,
        ),
        (
            "undo of arming, back to hold",
            Mode::Hold,
            Said::Nothing,
            of_mode(Verb::Undo, AUTO, None),
            None,
            false,
        ),
        (
            "drain of its primary",
            Mode::Auto,
            Said::Nothing,
            intent(
                Verb::Drain,
                OverrideKey::drain("premium".into()),
                None,
                DRAIN,
            ),
            Some(Fail),
            true,
        ),
        (
            "drain of its primary while it is held there",
            Mode::Hold,
            Said::Nothing,
            intent(
                Verb::Drain,
                OverrideKey::drain("premium".into()),
                None,
                DRAIN,
            ),
            None,
            false,
        ),
        (
            "the primary takes requests again",
            Mode::Auto,
            Said::Nothing,
            intent(
                Verb::Undrain,
                OverrideKey::drain("premium".into()),
                DRAIN,
                None,
            ),
            None,
            false,
        ),
        (
            "the end of a notice is not about quality",
            Mode::Auto,
            Said::Nothing,
            intent(
                Verb::NoticeOff,
                OverrideKey::notice("chat".into()),
                None,
                Some(Change::Notice(false)),
            ),
            None,
            false,
        ),
    ] {
        let (plan, owes_now) = planned(configured, said, &intent);
        let found: Vec<_> = plan
            .checks
            .iter()
            .filter(|check| check.name == NAME)
            .map(|check| check.verdict)
            .collect();
        assert_eq!(found.first().copied(), verdict, "{case}: {:?}", plan.checks);
        if verdict == Some(Fail) {
            assert_eq!(plan.tier, RiskTier::BreakGlass, "{case}");
        }
        let wanted: &[WorkloadName] = if owes { &["chat".into()] } else { &[] };
        assert_eq!(owes_now, wanted, "{case}");
    }
}

#[test]
fn the_missing_parts_are_told_one_by_one() {
    let force = intent(Verb::Force, OverrideKey::mode("chat".into()), None, FORCE);
    let told = |said| -> Vec<String> {
        let (plan, _) = planned(Mode::Auto, said, &force);
        let of_review = plan.checks.iter().filter(|check| check.name == NAME);
        of_review.map(|check| check.why.clone()).collect()
    };
    assert_eq!(
        told(Said::Nothing),
        ["stable: nobody has reviewed its output"]
    );
    assert_eq!(
        told(Said::Poor),
        ["stable: same or better on 50 % of 10 samples, needs 80 %"]
    );
    assert_eq!(
        told(Said::Good),
        ["people judged stable good enough; holds until 2026-12-21"]
    );
}

#[test]
fn a_stale_review_of_what_is_in_use_is_an_alarm_and_switches_nothing() {
    let mut catalog = catalog();
    catalog.workloads.get_mut("chat").unwrap().review = ReviewPolicy::usual(true);
    let head = reviewed(&catalog, 9);
    let debt = Debt {
        workload: "chat".into(),
        since: seconds(-60),
        by: actor("jo"),
        note: "users are stuck".to_owned(),
        sequence: 7,
    };
    let known = Reviewed {
        place: 1,
        heads: vec![head],
        debts: vec![debt.clone()],
    };
    let status = |catalog: &crate::model::Catalog, table: &Overrides| {
        let beats = [heartbeat(vec![traffic("chat", 600, 0, 0, 0)], vec![])];
        let seen = overview(
            catalog,
            table,
            &beats,
            [],
            &Probed::default(),
            &known,
            now(),
        );
        seen.workload(&"chat".into()).unwrap().clone()
    };
    let none = Overrides::default();
    let fresh = status(&catalog, &none);
    assert!(fresh.review.is_open());
    assert_eq!(fresh.alarms, []);
    assert_eq!(fresh.debt, Some(debt));

    catalog.routes.get_mut("stable").unwrap().model = "newer".to_owned();
    let stale = status(&catalog, &none);
    assert_eq!((stale.mode, &stale.serving), (fresh.mode, &fresh.serving));
    let told: Vec<_> = stale.alarms.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["stable may serve and is unreviewed: \
          the model of stable changed from model-of-stable to newer"]
    );
    let reasons = stale.readiness.reasons.iter();
    let words: Vec<_> = reasons.map(|reason| reason.why.as_str()).collect();
    assert!(
        words.contains(
            &"its review is stale: the model of stable changed from model-of-stable to newer"
        ),
        "{words:?}"
    );
    // Held, nothing can serve: there is nothing to be alarmed of.
    let key = OverrideKey::mode("chat".into());
    let on_hold = overrides(vec![(key, set(Change::Mode(Mode::Hold), "jo", None))]);
    assert_eq!(status(&catalog, &on_hold).alarms, []);
}
