//! The door with overrides that hold on some gateways only: conflict, undo, expiry and audit are of each scope.

use std::time::Duration;

use backstop::{
    control::{Control, ControlError, Mode},
    model::{Change, Command, Mode as WorkloadMode, OverrideKey, Plan, Revision},
    store::AuditQuery,
};

use crate::control_project::{House, consent, load, mode, traffic, undo};

const FORCE: Option<Change> = Some(Change::Mode(WorkloadMode::Force));
const HOLD: Option<Change> = Some(Change::Mode(WorkloadMode::Hold));

/// Three gateways: two hosts in `eu`, one in `us`.
async fn fleet(name: &str) -> House {
    let house = House::new(name).await;
    for (gateway, host, region, requests) in [
        ("g1", "ops-1", "eu", 300),
        ("g2", "ops-2", "eu", 200),
        ("g3", "ops-3", "us", 100),
    ] {
        house
            .beat(0, |beat| {
                beat.gateway = gateway.into();
                host.clone_into(&mut beat.host);
                beat.region = Some(region.into());
                beat.workloads = vec![traffic("support-chat", requests)];
                beat.routes = vec![
                    load("premium-chat", requests, 0),
                    load("stable-chat", 60, 0),
                ];
            })
            .await;
    }
    house
}

fn at(wanted: WorkloadMode, scope: &str) -> Command {
    mode("support-chat", wanted).within(scope.parse().unwrap())
}

async fn planned(door: &Control, command: Command) -> Plan {
    door.plan(command, false).await.unwrap()
}

async fn applied(door: &Control, command: Command) -> Revision {
    let plan = planned(door, command).await;
    door.apply(&plan, consent(&plan)).await.unwrap().revision
}

/// What is in force for `support-chat` in exactly this scope.
fn set(house: &House, scope: &str) -> Option<Change> {
    let key = OverrideKey::mode("support-chat".into()).within(scope.parse().unwrap());
    let table = house.store.overrides();
    let table = table.borrow();
    table
        .active(&key, house.clock.now())
        .map(|entry| entry.change)
}

#[tokio::test]
async fn each_scope_is_changed_undone_and_audited_by_itself() {
    let house = fleet("scopes-each").await;
    let (jo, mira) = (
        house.door("jo", Mode::Write),
        house.door("mira", Mode::Write),
    );
    applied(&jo, at(WorkloadMode::Force, "region:eu")).await;
    // A change of another scope in between is no conflict.
    let elsewhere = planned(&jo, at(WorkloadMode::Force, "host:ops-3")).await;
    applied(&mira, at(WorkloadMode::Hold, "host:ops-2")).await;
    jo.apply(&elsewhere, consent(&elsewhere)).await.unwrap();
    let now = || ["all", "region:eu", "host:ops-2", "host:ops-3"].map(|scope| set(&house, scope));
    assert_eq!(now(), [None, FORCE, HOLD, FORCE]);

    let status = jo.overview().await.unwrap();
    let status = status.workload(&"support-chat".into()).unwrap();
    let mixed = status.mixed.map(|mixed| mixed.to_string());
    assert_eq!(mixed.as_deref(), Some("mixed: force on 2 of 3"));

    // The newest own change, not the newest of the workload.
    applied(&mira, undo()).await;
    assert_eq!(now(), [None, FORCE, None, FORCE]);
    applied(&jo, undo()).await;
    assert_eq!(now(), [None, FORCE, None, None]);
    applied(&jo, undo()).await;
    assert_eq!(now(), [None; 4]);

    let target = Some("support-chat".to_owned());
    let query = AuditQuery {
        target,
        ..AuditQuery::default()
    };
    let audit = house.store.audit(query).await.unwrap();
    let told: Vec<_> = audit.iter().map(|record| record.key.named()).collect();
    assert_eq!(
        told,
        [
            "support-chat in region eu",
            "support-chat on host ops-2",
            "support-chat on host ops-3",
            "support-chat on host ops-2",
            "support-chat on host ops-3",
            "support-chat in region eu",
        ]
    );
}

#[tokio::test]
async fn a_plan_is_stale_when_it_would_not_reach_all_that_it_said() {
    let house = fleet("scopes-stale").await;
    let (jo, mira) = (
        house.door("jo", Mode::Write),
        house.door("mira", Mode::Write),
    );
    for (scope, exception, stale) in [
        ("all", "region:us", true),
        ("region:eu", "host:ops-1", true),
        ("region:us", "host:ops-2", false),
    ] {
        let plan = planned(&jo, at(WorkloadMode::Force, scope)).await;
        applied(&mira, at(WorkloadMode::Hold, exception)).await;
        match jo.apply(&plan, consent(&plan)).await {
            Ok(_) => assert!(!stale, "{scope}"),
            Err(ControlError::Stale { why, .. }) => {
                assert!(
                    stale && why.contains("more specific override"),
                    "{scope}: {why}"
                );
            }
            Err(other) => panic!("{scope}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_raced_scope_has_one_winner() {
    let house = fleet("scopes-race").await;
    let (jo, mira) = (
        house.door("jo", Mode::Write),
        house.door("mira", Mode::Write),
    );
    let plan = planned(&jo, at(WorkloadMode::Force, "host:ops-1")).await;
    applied(&mira, at(WorkloadMode::Hold, "host:ops-1")).await;
    let error = jo.apply(&plan, consent(&plan)).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("mira changed `mode/support-chat@host:ops-1`"),
        "{text}"
    );
    assert_eq!(set(&house, "host:ops-1"), HOLD);
}

#[tokio::test]
async fn an_exception_ends_by_itself_and_the_wider_one_holds_again() {
    let house = fleet("scopes-expiry").await;
    let jo = house.door("jo", Mode::Write);
    let mut long = at(WorkloadMode::Force, "all");
    if let Command::Mode { lasting, .. } = &mut long {
        *lasting = Some(Duration::from_hours(2));
    }
    applied(&jo, long).await;
    applied(&jo, at(WorkloadMode::Auto, "host:ops-1")).await;
    house.clock.advance(Duration::from_mins(31));
    let ended = house.store.end_expired().await.unwrap();
    let told: Vec<_> = ended.iter().map(|record| record.key.to_string()).collect();
    assert_eq!(told, ["mode/support-chat@host:ops-1"]);
    assert_eq!(
        (set(&house, "all"), set(&house, "host:ops-1")),
        (FORCE, None)
    );
}
