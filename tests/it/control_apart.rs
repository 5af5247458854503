//! The door when the store's cluster is gone: nothing is planned, nothing is changed, and of what got no answer
//! nobody says that it was made.

use backstop::{
    control::{Applying, ControlError, Mode},
    model::{Mode as WorkloadMode, Revision},
    store::{Access, ChangeError, Pretence, Store, StoreError, Touch},
};

use crate::{
    control_project::{House, consent, in_force, mode},
    store_pair::{Pair, Setup},
};

fn apart(house: &House) -> Touch {
    Touch::Apart {
        since: house.clock.now(),
        cause: "no server answers".to_owned(),
    }
}

#[tokio::test]
async fn files_on_this_host_are_all_there_is() {
    for setup in [Setup::Memory, Setup::SqliteOnce, Setup::SqliteTwice] {
        let pair = Pair::open(setup).await;
        for store in [&pair.first, &pair.second] {
            assert_eq!(*store.touch().borrow(), Touch::Current, "{setup:?}");
        }
    }
}

#[tokio::test]
async fn while_apart_nothing_is_planned_and_a_plan_made_before_is_not_applied() {
    let house = House::new("apart-plan").await;
    house.beat(0, |_| {}).await;
    let door = house.door("jo", Mode::Write);
    let force = || mode("support-chat", WorkloadMode::Force);
    let plan = door.plan(force(), true).await.unwrap();

    house.store.pretend(Pretence::Touch(apart(&house)));
    for refused in [
        door.plan(force(), true).await.unwrap_err(),
        door.apply(&plan, consent(&plan)).await.unwrap_err(),
    ] {
        assert_eq!(
            refused.to_string(),
            "apart from the store since 14:32:00Z: no server answers; nothing can be changed from here until it is \
             back, and what is seen is what was known then"
        );
    }
    assert_eq!(in_force(&house), None);

    house.store.pretend(Pretence::Touch(Touch::Current));
    door.apply(&plan, consent(&plan)).await.unwrap();
    assert!(in_force(&house).is_some());
}

#[tokio::test]
async fn of_a_change_without_an_answer_nobody_says_that_it_was_made_or_not() {
    for made in [true, false] {
        let house = House::new(&format!("unknown-{made}")).await;
        house.beat(0, |_| {}).await;
        let door = house.door("jo", Mode::Write);
        let plan = door
            .plan(mode("support-chat", WorkloadMode::Force), true)
            .await
            .unwrap();
        house.store.pretend(Pretence::Unknown { made });
        let error = door.apply(&plan, consent(&plan)).await.unwrap_err();
        assert!(error.is_unknown(), "{error}");
        assert!(
            error
                .to_string()
                .contains("nobody knows whether the change was made"),
            "{error}"
        );
        assert_eq!(in_force(&house).is_some(), made);

        // Whoever tries the same again is told what became of it.
        let again = door.apply(&plan, consent(&plan)).await;
        match (made, again) {
            (true, Err(ControlError::Stale { .. })) => {}
            (false, Ok(record)) => assert_eq!(record.revision, Revision(1)),
            (made, other) => panic!("{made}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_store_that_is_apart_writes_nothing_itself() {
    let house = House::new("apart-store").await;
    house.store.pretend(Pretence::Touch(apart(&house)));
    let ended = house.store.end_expired().await;
    assert!(matches!(ended, Err(StoreError::Failed { .. })), "{ended:?}");
    let request = crate::store_samples::change(
        &crate::store_samples::mode_key("support-chat"),
        Revision(0),
        crate::store_samples::FORCE,
        "jo",
        house.clock.now(),
        None,
    );
    let refused = house.store.change(request).await;
    assert!(
        matches!(refused, Err(ChangeError::Store(StoreError::Failed { .. }))),
        "{refused:?}"
    );
    // What it knew can be read.
    let observer = Store::open("memory:apart-other", Access::Observe, house.clock.clone())
        .await
        .unwrap();
    assert_eq!(*observer.touch().borrow(), Touch::Current);
    assert!(house.store.heartbeats().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_is_followed_gateway_by_gateway() {
    let house = House::new("progress-each").await;
    let since = house.clock.now();
    // One was started again with another name: nobody waits for the first.
    let names = ["a", "b", "c", "d", "old", "new"];
    let beat = async |name: &str, revision: u64| {
        house
            .beat(revision, |beat| {
                beat.gateway = name.into();
                beat.workloads.clear();
                beat.routes.clear();
                beat.apart_since = (name == "c").then_some(since);
                let place = names.iter().position(|known| *known == name).unwrap();
                let port = u16::try_from(place).unwrap().min(4);
                beat.listen = ([127, 0, 0, 1], port).into();
                if name == "new" {
                    beat.started = since;
                }
            })
            .await;
    };
    for name in ["a", "b", "c", "d", "old"] {
        beat(name, 0).await;
    }
    house.clock.advance(std::time::Duration::from_secs(20));
    for name in ["a", "b", "c", "new"] {
        beat(name, 0).await;
    }
    let door = house.door("jo", Mode::Write);
    let plan = door
        .plan(mode("support-chat", WorkloadMode::Force), true)
        .await
        .unwrap();
    let record = door.apply(&plan, consent(&plan)).await.unwrap();
    for name in ["a", "new"] {
        beat(name, record.revision.0).await;
    }
    let progress = door.progress(record.revision).await.unwrap();
    assert_eq!((progress.applied, progress.gateways), (2, 4));
    assert!(!progress.is_everywhere());
    let states: Vec<(&str, &'static str)> = progress
        .each
        .iter()
        .map(|one| {
            let state = match one.applying {
                Applying::Applied { after_ms: Some(_) } => "applied",
                Applying::Applied { after_ms: None } => "applied elsewhere",
                Applying::Waits => "waits",
                Applying::Elsewhere => "elsewhere",
                Applying::Apart { .. } => "apart",
                Applying::Silent { .. } => "silent",
            };
            (one.gateway.as_str(), state)
        })
        .collect();
    assert_eq!(
        states,
        [
            ("a", "applied"),
            ("b", "waits"),
            ("c", "apart"),
            ("d", "silent"),
            ("new", "applied")
        ]
    );
    assert_eq!(
        progress.missing(house.clock.now()).as_deref(),
        Some("b has not yet, c cannot ask the store since 20 s, d is silent for 20 s")
    );
    // Whoever did not commit it does not know how long it took.
    let other = house.door("mira", Mode::Write);
    let seen = other.progress(record.revision).await.unwrap();
    assert_eq!(seen.each[0].applying, Applying::Applied { after_ms: None });
}
