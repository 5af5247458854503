//! The door over a store in memory: plans, what makes them stale, consent, break-glass and undo.

use std::{sync::Arc, time::Duration};

use backstop::{
    control::{Consent, ControlError, Mode, UNTIL_CHANGED},
    model::{
        Change, Check, CheckVerdict, CircuitState, Command, Heartbeat, Mode as WorkloadMode,
        PlanId, ReasonCode, Revision, RiskTier, Scope, Verb,
    },
    store::AuditQuery,
};
use jiff::SignedDuration;

use crate::control_project::{House, consent, in_force, load, mode, undo};

const FORCED: Option<Change> = Some(Change::Mode(WorkloadMode::Force));

#[tokio::test]
async fn a_plan_changes_nothing_and_its_application_is_audited() {
    let house = House::new("apply-audited").await;
    house.beat(0, |_| {}).await;
    let door = house.door("jo", Mode::Write);
    let plan = door
        .plan(mode("support-chat", WorkloadMode::Force), true)
        .await
        .unwrap();
    assert_eq!(plan.tier, RiskTier::Typed, "{:?}", plan.checks);
    assert_eq!(in_force(&house), None);

    let kept = door.kept(plan.id.clone()).await.unwrap();
    assert_eq!(kept, plan);
    let record = door.apply(&kept, consent(&kept)).await.unwrap();
    assert_eq!(in_force(&house), FORCED);
    assert_eq!(record.actor.user, "jo");
    assert_eq!(record.verb, Some(Verb::Force));
    assert_eq!((record.before, record.after), (None, FORCED));
    assert_eq!(
        record.expires,
        Some(house.clock.now() + SignedDuration::from_mins(30))
    );
    assert_eq!(record.reason, ReasonCode::ServerErrors);
    assert_eq!(record.ticket.as_deref(), Some("INC-7"));
    assert_eq!(record.plan, Some(plan.id.clone()));
    assert!(!record.break_glass);
    let audit = house.store.audit(AuditQuery::default()).await.unwrap();
    assert_eq!(audit, [record]);

    let again = door.apply(&kept, consent(&kept)).await.unwrap_err();
    assert!(matches!(again, ControlError::Stale { .. }), "{again}");
    let again = door.kept(plan.id).await.unwrap_err();
    assert!(matches!(again, ControlError::Stale { .. }), "{again}");
}

#[tokio::test]
async fn an_observing_door_plans_and_never_applies() {
    let house = House::new("apply-observe").await;
    let door = house.door("jo", Mode::Observe);
    let plan = door
        .plan(mode("support-chat", WorkloadMode::Force), true)
        .await
        .unwrap();
    let error = door.apply(&plan, consent(&plan)).await.unwrap_err();
    assert!(matches!(error, ControlError::Observe), "{error}");
    let error = door.kept(plan.id).await.unwrap_err();
    assert!(matches!(error, ControlError::NoPlan(_)), "{error}");
    assert_eq!(in_force(&house), None);
}

#[tokio::test]
async fn a_plan_is_stale_when_what_it_rests_on_moved() {
    let jo_forces = async |house: &House| {
        house.beat(0, |_| {}).await;
        house
            .door("jo", Mode::Write)
            .plan(mode("support-chat", WorkloadMode::Force), true)
            .await
            .unwrap()
    };
    let stale = async |house: &House, plan: &backstop::model::Plan| {
        let before = house.store.overrides().borrow().revision;
        let door = house.door("jo", Mode::Write);
        let error = door.apply(plan, consent(plan)).await.unwrap_err();
        assert_eq!(house.store.overrides().borrow().revision, before);
        match error {
            ControlError::Stale { why, .. } => why,
            other => panic!("{other}"),
        }
    };

    let house = House::new("stale-key").await;
    let plan = jo_forces(&house).await;
    let mira = house.door("mira", Mode::Write);
    let hold = mira
        .plan(mode("support-chat", WorkloadMode::Hold), false)
        .await
        .unwrap();
    mira.apply(&hold, consent(&hold)).await.unwrap();
    assert_eq!(
        stale(&house, &plan).await,
        "mira changed `mode/support-chat` at 14:32:00Z (hold, reason 5xx, revision 1)"
    );

    let house = House::new("stale-time").await;
    let plan = jo_forces(&house).await;
    house.clock.advance(Duration::from_mins(10));
    assert_eq!(
        stale(&house, &plan).await,
        "it was made 10 min ago and plans last 10 min"
    );

    let house = House::new("stale-config").await;
    let plan = jo_forces(&house).await;
    house.catalog.send_modify(|catalog| {
        let catalog = Arc::make_mut(catalog);
        catalog.fingerprint = "other".to_owned();
        catalog.routes.get_mut("stable-chat").unwrap().model = "another".to_owned();
    });
    assert_eq!(
        stale(&house, &plan).await,
        "the configuration of `support-chat` has changed since"
    );

    let house = House::new("stale-check").await;
    let plan = jo_forces(&house).await;
    house
        .beat(0, |heartbeat| {
            heartbeat.routes[1].circuit = CircuitState::Open;
        })
        .await;
    assert_eq!(
        stale(&house, &plan).await,
        "a check fails now: stable-chat is failing right now: its circuit is open"
    );

    let house = House::new("stale-end").await;
    house.beat(0, |_| {}).await;
    let door = house.door("jo", Mode::Write);
    let command = Command::Mode {
        workload: "support-chat".into(),
        mode: WorkloadMode::Force,
        lasting: Some(Duration::from_mins(1)),
        scope: Scope::All,
    };
    let plan = door.plan(command, true).await.unwrap();
    house.clock.advance(Duration::from_mins(2));
    assert_eq!(
        stale(&house, &plan).await,
        "the end that it sets has passed"
    );
}

#[tokio::test]
async fn another_keys_change_does_not_make_a_plan_stale() {
    let house = House::new("apply-other-key").await;
    house.beat(0, |_| {}).await;
    let jo = house.door("jo", Mode::Write);
    let mira = house.door("mira", Mode::Write);
    let plan = jo
        .plan(mode("support-chat", WorkloadMode::Force), false)
        .await
        .unwrap();
    let other = mira
        .plan(mode("batch-extraction", WorkloadMode::Hold), false)
        .await
        .unwrap();
    mira.apply(&other, consent(&other)).await.unwrap();
    jo.apply(&plan, consent(&plan)).await.unwrap();
    assert_eq!(in_force(&house), FORCED);
}

#[tokio::test]
async fn what_changes_nothing_that_a_plan_promises_does_not_make_it_stale() {
    type Later = fn(&mut Heartbeat);
    let cases: [(&str, Later); 3] = [
        ("the fallback is busier", |heartbeat| {
            heartbeat.routes[1].attempts += 100;
        }),
        ("the primary recovers", |heartbeat| {
            heartbeat.routes[0].failures = 0;
        }),
        ("nothing is heard of the fallback", |heartbeat| {
            heartbeat.routes.truncate(1);
        }),
    ];
    for (name, later) in cases {
        let house = House::new(&format!("apply-same {name}")).await;
        house
            .beat(0, |heartbeat| heartbeat.routes[0].failures = 50)
            .await;
        let jo = house.door("jo", Mode::Write);
        let mut plan = jo
            .plan(mode("support-chat", WorkloadMode::Force), false)
            .await
            .unwrap();
        // When it was made, the fallback was not proven yet.
        plan.checks.push(Check {
            name: "readiness".to_owned(),
            verdict: CheckVerdict::Warn,
            why: "unverified: it was never probed".to_owned(),
        });
        house.catalog.send_modify(|catalog| {
            let catalog = Arc::make_mut(catalog);
            catalog.fingerprint = "other".to_owned();
            let batch = catalog.workloads.get_mut("batch-extraction").unwrap();
            batch.description = "edited".to_owned();
        });
        house.beat(0, later).await;
        let applied = jo.apply(&plan, consent(&plan)).await;
        assert!(applied.is_ok(), "{name}: {applied:?}");
        assert_eq!(in_force(&house), FORCED, "{name}");
    }
}

#[tokio::test]
async fn without_consent_nothing_changes() {
    let house = House::new("apply-consent").await;
    house.beat(0, |_| {}).await;
    let door = house.door("jo", Mode::Write);
    let plan = door
        .plan(mode("support-chat", WorkloadMode::Force), false)
        .await
        .unwrap();
    for bad in [
        Consent {
            typed: "su".to_owned(),
            ..consent(&plan)
        },
        Consent {
            reason: None,
            ..consent(&plan)
        },
    ] {
        let error = door.apply(&plan, bad).await.unwrap_err();
        assert!(matches!(error, ControlError::Consent { .. }), "{error}");
    }
    assert_eq!(in_force(&house), None);
}

#[tokio::test]
async fn what_can_never_be_done_from_here_is_refused_with_its_reason() {
    let house = House::new("apply-refuse").await;
    let door = house.door("jo", Mode::Write);
    let plan = door
        .plan(mode("lonely", WorkloadMode::Force), false)
        .await
        .unwrap();
    let refusal = plan.refusal().unwrap();
    assert_eq!(refusal.name, "fallback");
    let glass = Consent {
        note: "I really want this".to_owned(),
        break_glass: true,
        ..consent(&plan)
    };
    match door.apply(&plan, glass).await.unwrap_err() {
        ControlError::Refused { why } => assert_eq!(why, refusal.why),
        other => panic!("{other}"),
    }
    let unknown = door
        .plan(mode("suport-chat", WorkloadMode::Force), false)
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no workload `suport-chat`; did you mean `support-chat`?"
    );
    let unknown = door.kept(PlanId("nope".to_owned())).await.unwrap_err();
    assert!(matches!(unknown, ControlError::NoPlan(_)), "{unknown}");
}

#[tokio::test]
async fn breaking_glass_overrides_a_failed_check_and_stays_marked() {
    let house = House::new("apply-glass").await;
    house
        .beat(0, |heartbeat| {
            heartbeat.routes = vec![load("stable-chat", 100, 60)];
        })
        .await;
    let door = house.door("jo", Mode::Write);
    let plan = door
        .plan(
            Command::Mode {
                workload: "support-chat".into(),
                mode: WorkloadMode::Force,
                lasting: Some(UNTIL_CHANGED),
                scope: Scope::All,
            },
            false,
        )
        .await
        .unwrap();
    assert_eq!(plan.tier, RiskTier::BreakGlass);
    assert_eq!(plan.expires, None);
    let failed: Vec<_> = plan
        .checks
        .iter()
        .filter(|check| check.verdict == CheckVerdict::Fail)
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(failed, ["health", "expiry"]);
    let refused = door.apply(&plan, consent(&plan)).await.unwrap_err();
    assert!(matches!(refused, ControlError::Consent { .. }), "{refused}");
    let glass = Consent {
        note: "both are down, this one less".to_owned(),
        break_glass: true,
        ..consent(&plan)
    };
    let record = door.apply(&plan, glass).await.unwrap();
    assert!(record.break_glass);
    assert_eq!(record.expires, None);
    let overview = door.overview().await.unwrap();
    assert!(
        overview
            .workload(&"support-chat".into())
            .unwrap()
            .break_glass
    );
}

#[tokio::test]
async fn undo_puts_back_what_was_before_with_what_is_left_of_its_time() {
    let house = House::new("undo").await;
    house.beat(0, |_| {}).await;
    let (jo, mira) = (
        house.door("jo", Mode::Write),
        house.door("mira", Mode::Write),
    );
    let nothing = jo.plan(undo(), false).await.unwrap_err();
    assert!(matches!(nothing, ControlError::NothingToUndo), "{nothing}");

    let hold = mira
        .plan(mode("support-chat", WorkloadMode::Hold), false)
        .await
        .unwrap();
    let hold = mira.apply(&hold, consent(&hold)).await.unwrap();
    house.clock.advance(Duration::from_mins(5));
    house.beat(1, |_| {}).await;
    let force = jo
        .plan(mode("support-chat", WorkloadMode::Force), false)
        .await
        .unwrap();
    assert_eq!(force.before, Some(Change::Mode(WorkloadMode::Hold)));
    let force = jo.apply(&force, consent(&force)).await.unwrap();

    let plan = jo.plan(undo(), false).await.unwrap();
    assert_eq!(plan.tier, RiskTier::Typed, "it holds again");
    assert_eq!(plan.expires, hold.expires, "not longer than it had been");
    let undone = jo.apply(&plan, consent(&plan)).await.unwrap();
    assert_eq!(undone.undoes, Some(force.sequence));
    assert_eq!(undone.verb, Some(Verb::Undo));
    assert_eq!(in_force(&house), Some(Change::Mode(WorkloadMode::Hold)));

    // Mira's own change is not the last one of its key any more, though it stands again.
    let error = mira.plan(undo(), false).await.unwrap_err();
    assert!(
        matches!(error, ControlError::Replaced { sequence: 1, .. }),
        "{error}"
    );
    // By its number, anybody's.
    let named = Command::Undo {
        sequence: Some(undone.sequence),
    };
    let redo = mira.plan(named, false).await.unwrap();
    assert_eq!(redo.after, FORCED);
}

#[tokio::test]
async fn undo_back_to_the_configuration_wants_only_a_yes() {
    let house = House::new("undo-plain").await;
    house.beat(0, |_| {}).await;
    let door = house.door("jo", Mode::Write);
    let force = door
        .plan(mode("support-chat", WorkloadMode::Force), false)
        .await
        .unwrap();
    door.apply(&force, consent(&force)).await.unwrap();
    let plan = door.plan(undo(), false).await.unwrap();
    assert_eq!((plan.tier, plan.after), (RiskTier::Confirm, None));
    let yes = Consent {
        typed: String::new(),
        reason: None,
        note: String::new(),
        ticket: None,
        break_glass: false,
    };
    let record = door.apply(&plan, yes).await.unwrap();
    assert_eq!(record.reason, ReasonCode::Automatic);
    assert_eq!(in_force(&house), None);
}

#[tokio::test]
async fn progress_counts_the_living_gateways_that_have_applied_a_revision() {
    let house = House::new("progress").await;
    let door = house.door("jo", Mode::Write);
    let count = async || {
        let progress = door.progress(Revision(3)).await.unwrap();
        (progress.applied, progress.gateways)
    };
    assert_eq!(count().await, (0, 0));
    house.beat(2, |_| {}).await;
    house
        .beat(3, |heartbeat| heartbeat.gateway = "gw2".into())
        .await;
    assert_eq!(count().await, (1, 2));
    house.clock.advance(Duration::from_secs(6));
    house.beat(3, |_| {}).await;
    assert_eq!(count().await, (1, 1), "the silent one does not count");
}
