//! Rules of the door that hold over every history of commands, by whomever, with time passing in between.

use std::{collections::BTreeMap, time::Duration};

use backstop::{
    control::{Consent, ControlError, LONGEST, Mode, UNTIL_CHANGED},
    model::{
        AuditRecord, Change, Command, Mode as WorkloadMode, OverrideKey, ReasonCode, RiskTier,
        Scope, Verb,
    },
    store::AuditQuery,
};
use proptest::prelude::*;

use crate::control_project::{House, undo};

/// One thing that an operator does.
#[derive(Clone, Debug)]
struct Step {
    user: &'static str,
    command: Command,
    glass: bool,
    passes: u64,
}

fn lasting() -> impl Strategy<Value = Option<Duration>> {
    prop_oneof![
        Just(None),
        (1_u64..180).prop_map(|minutes| Some(Duration::from_secs(minutes * 60))),
        Just(Some(Duration::from_hours(25))),
        Just(Some(UNTIL_CHANGED)),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let workload = prop::sample::select(vec!["support-chat", "batch-extraction", "lonely"]);
    let route = prop::sample::select(vec!["premium-chat", "stable-chat", "cheap-chat"]);
    let mode = prop::sample::select(vec![
        WorkloadMode::Force,
        WorkloadMode::Hold,
        WorkloadMode::Auto,
    ]);
    prop_oneof![
        4 => (workload.clone(), mode, lasting()).prop_map(|(workload, mode, lasting)| {
            Command::Mode { workload: workload.into(), mode, lasting, scope: Scope::All }
        }),
        2 => (workload, any::<bool>(), lasting()).prop_map(|(workload, enabled, lasting)| {
            Command::Notice { workload: workload.into(), enabled, lasting, scope: Scope::All }
        }),
        1 => (route.clone(), lasting()).prop_map(|(route, lasting)| {
            Command::Drain { route: route.into(), lasting, scope: Scope::All }
        }),
        1 => route.prop_map(|route| Command::Undrain { route: route.into(), scope: Scope::All }),
        3 => Just(undo()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    (
        prop::sample::select(vec!["jo", "mira"]),
        command(),
        any::<bool>(),
        0_u64..3600,
    )
        .prop_map(|(user, command, glass, passes)| Step {
            user,
            command,
            glass,
            passes,
        })
}

/// What is in force for each key.
fn in_force(house: &House) -> BTreeMap<OverrideKey, Change> {
    let table = house.store.overrides().borrow().clone();
    table
        .all_active(house.clock.now())
        .map(|(key, entry)| (key.clone(), entry.change))
        .collect()
}

/// Does one thing; what was written to the audit, if it was done.
async fn take(house: &House, step: &Step) -> Option<AuditRecord> {
    house.clock.advance(Duration::from_secs(step.passes));
    house.beat(u64::MAX, |_| {}).await;
    let door = house.door(step.user, Mode::Write);
    let before = in_force(house);
    let plan = match door.plan(step.command.clone(), false).await {
        Ok(plan) => plan,
        Err(ControlError::Store(error)) => panic!("{error}"),
        Err(_) => return None,
    };
    assert_eq!(in_force(house), before, "a plan changes nothing");
    let consent = Consent {
        typed: plan.target().to_owned(),
        reason: Some(ReasonCode::Drill),
        note: "a note that is long enough".to_owned(),
        ticket: None,
        break_glass: step.glass,
    };
    match door.apply(&plan, consent).await {
        Ok(record) => {
            assert!(plan.refusal().is_none());
            assert_eq!(record.before, before.get(&plan.key).copied());
            assert_eq!(in_force(house).get(&plan.key).copied(), plan.after);
            assert_eq!(record.break_glass, plan.tier == RiskTier::BreakGlass);
            Some(record)
        }
        Err(ControlError::Refused { .. }) => {
            assert!(plan.refusal().is_some());
            assert_eq!(in_force(house), before);
            None
        }
        Err(ControlError::Consent { .. }) => {
            assert!(plan.tier == RiskTier::BreakGlass && !step.glass, "{plan:?}");
            assert_eq!(in_force(house), before);
            None
        }
        Err(other) => panic!("{other}"),
    }
}

fn check_audit(audit: &[AuditRecord]) {
    let mut last: BTreeMap<&OverrideKey, &AuditRecord> = BTreeMap::new();
    for (record, sequence) in audit.iter().zip(1..) {
        assert_eq!(record.sequence, sequence, "no gap");
        let before = last.insert(&record.key, record).and_then(|last| last.after);
        assert_eq!(
            record.before, before,
            "each record begins where the last one of its key ended"
        );
        if record.after == Some(Change::Mode(WorkloadMode::Force)) {
            assert_ne!(record.key.target(), "lonely", "nothing to force it to");
        }
        let must_end = !matches!(record.after, None | Some(Change::Notice(true)));
        let short = record.expires.is_some_and(|expires| {
            Duration::try_from(expires.duration_since(record.at)).unwrap() <= LONGEST
        });
        // What an undo puts back may have been made endless by breaking glass before.
        if must_end && record.verb != Some(Verb::Undo) {
            assert!(short || record.break_glass, "{record:?}");
        }
        if record.after.is_none() {
            assert_eq!(record.expires, None);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_history_keeps_the_rules(steps in prop::collection::vec(step(), 1..25), name in any::<u128>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::new(&format!("rules-{name}")).await;
            for step in &steps {
                take(&house, step).await;
            }
            check_audit(&house.store.audit(AuditQuery::default()).await.unwrap());
        });
    }

    #[test]
    fn an_undo_right_after_a_change_takes_it_back(
        steps in prop::collection::vec(step(), 0..12),
        mut last in step(),
        name in any::<u128>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let house = House::new(&format!("undo-{name}")).await;
            for step in &steps {
                take(&house, step).await;
            }
            last.glass = true;
            last.passes = 0;
            let before = in_force(&house);
            let Some(done) = take(&house, &last).await else { return };
            let back = Step {
                command: Command::Undo { sequence: Some(done.sequence) },
                ..last.clone()
            };
            let undone = take(&house, &back).await;
            // Putting back a forced mode can be refused for the same reasons as forcing.
            if let Some(undone) = undone {
                assert_eq!(undone.undoes, Some(done.sequence));
                assert_eq!(in_force(&house), before);
            }
        });
    }
}
