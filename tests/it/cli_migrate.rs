//! `store migrate`: what one host has is in the cluster afterwards, once, with the audit's chain; whatever is killed.

use std::{fs, process::Stdio, time::Duration};

use async_nats::jetstream;
use backstop::{
    clock::Clock,
    model::{
        Entry, PayloadClass, PlanId, ProbeKey, ProbeSubject, Retention, Revision, Rung, Stretch,
        Verdict, WorkloadTraffic,
    },
    store::{Access, EventQuery, ReviewQuery, Store, TrafficQuery},
};
use jiff::Timestamp;

use crate::{
    cli_project::{Running, command, run},
    control_project::{CONFIG, Project},
    store_contract::{capture, rung},
    store_pair::cluster,
    store_reviews::review,
    store_samples::{FORCE, change, event, heartbeat, mode_key, outcome, plan},
    support::cluster::{Cluster, until},
};

/// A configuration whose store is one host's, and `fleet.toml` with the cluster.
fn project(cluster: &Cluster) -> Project {
    let project = Project::new();
    let store = format!("url = \"{}\"\nview = \"view\"\n", cluster.url());
    let fleet = CONFIG.replace("url = \"sqlite:state\"\n", &store);
    fs::write(project.path().join("fleet.toml"), fleet).unwrap();
    project
}

async fn source(project: &Project) -> Store {
    let url = format!("sqlite:{}", project.path().join("state").display());
    Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap()
}

/// What the fleet has, as a gateway sees it.
async fn fleet(project: &Project, cluster: &Cluster) -> Store {
    let mut place = backstop::model::StorePlace::from(&cluster.url());
    place.view = Some(project.path().join("another-view"));
    Store::open(&place, Access::Observe, Clock::system())
        .await
        .unwrap()
}

/// The same, for writing.
async fn writing(project: &Project, cluster: &Cluster) -> Store {
    let mut place = backstop::model::StorePlace::from(&cluster.url());
    place.view = Some(project.path().join("third-view"));
    Store::open(&place, Access::Write, Clock::system())
        .await
        .unwrap()
}

async fn log(store: &Store, entry: Entry) {
    store
        .reserve()
        .unwrap()
        .append(entry)
        .durable()
        .await
        .unwrap();
}

/// Something of everything.
async fn fill(store: &Store, now: Timestamp) {
    let key = mode_key("support-chat");
    let kept = plan("3f9c", now);
    store.put_plan(kept).await.unwrap();
    let mut applied = change(&key, Revision(0), FORCE, "ana", now, None);
    applied.plan = Some(PlanId("3f9c".to_owned()));
    applied.audit.plan = applied.plan.clone();
    applied.owes = vec!["support-chat".into(), "batch-extraction".into()];
    store.change(applied).await.unwrap();
    let open = plan("77aa", now);
    store.put_plan(open).await.unwrap();
    let back = change(&key, Revision(1), None, "ben", now, None);
    store.change(back).await.unwrap();
    let other = mode_key("batch-extraction");
    let lasting = Some(Duration::from_hours(1));
    let again = change(&other, Revision(0), FORCE, "ana", now, lasting);
    store.change(again).await.unwrap();
    store
        .put_review(review("support-chat", now, 1), true)
        .await
        .unwrap();
    store
        .put_review(review("lonely", now, 2), false)
        .await
        .unwrap();
    for number in 0..30 {
        log(store, Entry::Decision(event(number, now).into())).await;
        log(store, Entry::Outcome(outcome(number, now))).await;
    }
    for minute in 0..5 {
        let at = now - Duration::from_mins(50 - minute);
        let of_key = rung("b", Rung::Key, at, Verdict::Failed);
        let of_model = rung("b", Rung::Minimal, at, Verdict::Passed);
        store.put_probes(vec![of_key, of_model]).await.unwrap();
        for (workload, class) in [
            ("support-chat", PayloadClass::Chat),
            ("lonely", PayloadClass::Tools),
        ] {
            let captured = capture(workload, class, at);
            store.put_capture(captured).await.unwrap();
        }
    }
    // Three minutes with traffic, and one without.
    for minute in 0..5_u64 {
        let at = now - Duration::from_mins(5 - minute);
        let mut beat = heartbeat("gw-1", at);
        if minute != 3 {
            beat.workloads = vec![WorkloadTraffic {
                requests: 10 + minute,
                fallbacks: minute,
                ..crate::control_project::traffic("support-chat", 0)
            }];
        }
        store.beat(beat).await.unwrap();
    }
}

/// Everything that both must have alike.
async fn same(one: &Store, other: &Store, now: Timestamp) {
    assert_eq!(
        one.audit_head().await.unwrap(),
        other.audit_head().await.unwrap()
    );
    assert_eq!(
        one.sealed(0, 100).await.unwrap(),
        other.sealed(0, 100).await.unwrap()
    );
    assert!(other.prove_audit(Vec::new()).await.unwrap().intact);
    assert_eq!(*one.overrides().borrow(), *other.overrides().borrow());
    let (here, there) = (
        one.reviewed().borrow().clone(),
        other.reviewed().borrow().clone(),
    );
    assert_eq!((&here.heads, &here.debts), (&there.heads, &there.debts));
    for head in one.reviews(ReviewQuery::default()).await.unwrap() {
        let review = one.review(head.id.clone()).await.unwrap();
        assert_eq!(review, other.review(head.id).await.unwrap());
    }
    let events = async |store: &Store| {
        let mut events = store.events(EventQuery::default()).await.unwrap();
        events.sort_by_key(|stored| stored.event.id);
        events
            .into_iter()
            .map(|stored| (stored.event, stored.outcome))
            .collect::<Vec<_>>()
    };
    assert_eq!(events(one).await, events(other).await);
    for stretch in Stretch::ALL {
        let query = TrafficQuery {
            since: now - Duration::from_hours(5),
            until: now + Duration::from_hours(1),
            stretch,
            workload: None,
        };
        let (here, there) = (
            one.traffic(query.clone()).await,
            other.traffic(query.clone()).await,
        );
        assert_eq!(here.unwrap(), there.unwrap(), "{stretch:?}");
        let (here, there) = (one.counted(query.clone()).await, other.counted(query).await);
        assert_eq!(here.unwrap(), there.unwrap(), "{stretch:?}");
    }
    for rung in [Rung::Key, Rung::Minimal] {
        let key = ProbeKey {
            route: "b".into(),
            subject: ProbeSubject::Rung(rung),
        };
        let (here, there) = (
            one.probe_history(key.clone()).await.unwrap(),
            other.probe_history(key).await.unwrap(),
        );
        assert_eq!(here, there, "{rung:?}");
    }
    for workload in ["support-chat", "lonely"] {
        let captured = async |store: &Store| {
            let found = store.captures(workload.into()).await.unwrap();
            found
                .into_iter()
                .map(|one| (one.at, one.class, one.body))
                .collect::<Vec<_>>()
        };
        assert_eq!(captured(one).await, captured(other).await, "{workload}");
    }
    for id in ["3f9c", "77aa"] {
        let id = PlanId(id.to_owned());
        assert_eq!(
            one.plan(id.clone()).await.unwrap(),
            other.plan(id).await.unwrap()
        );
    }
}

const MIGRATE: &str = "--config fleet.toml store migrate --from sqlite:state --json";

#[tokio::test]
async fn everything_is_there_afterwards_once_and_what_comes_later_follows() {
    let cluster = cluster(1).await;
    let project = project(&cluster);
    let (one, now) = (source(&project).await, Clock::system().now());
    fill(&one, now).await;

    let looked = run(&project, &format!("{MIGRATE} --dry-run"))
        .exits(0)
        .json();
    assert_eq!(
        (&looked["records"], &looked["reviews"]),
        (&3.into(), &2.into()),
        "{looked}"
    );
    assert_eq!(
        (&looked["probes"], &looked["points"], &looked["captures"]),
        (&2.into(), &10.into(), &8.into()),
        "{looked}"
    );
    let done = run(&project, MIGRATE).exits(0).json();
    assert_eq!(
        (&done["probes"], &done["points"], &done["captures"]),
        (&2.into(), &10.into(), &8.into()),
        "{done}"
    );
    assert_eq!(
        (&done["records"], &done["plans"]),
        (&3.into(), &2.into()),
        "{done}"
    );
    assert_eq!(done["events"]["decisions"], 30, "{done}");
    let other = fleet(&project, &cluster).await;
    same(&one, &other, now).await;

    // Again: nothing is there twice.
    let again = run(&project, MIGRATE).exits(0).json();
    assert_eq!(
        (&again["records"], &again["plans"]),
        (&0.into(), &0.into()),
        "{again}"
    );
    assert_eq!(
        (&again["events"]["decisions"], &again["events"]["known"]),
        (&0.into(), &60.into())
    );
    same(&one, &other, now).await;

    // Four of a kind are kept; what is newer there is not pushed out by what is older here.
    let newer = capture("support-chat", PayloadClass::Chat, now);
    writing(&project, &cluster)
        .await
        .put_capture(newer.clone())
        .await
        .unwrap();
    run(&project, MIGRATE).exits(0);
    let kept = other.captures("support-chat".into()).await.unwrap();
    assert_eq!((kept.len(), &kept[0].body), (4, &newer.body));
    one.put_capture(newer).await.unwrap();

    // Something was changed after all.
    let key = mode_key("support-chat");
    let late = change(&key, Revision(2), FORCE, "cleo", now, None);
    one.change(late).await.unwrap();
    log(&one, Entry::Decision(event(99, now).into())).await;
    let third = run(&project, MIGRATE).exits(0).json();
    assert_eq!(
        (&third["records"], &third["events"]["decisions"]),
        (&1.into(), &1.into())
    );
    until("it is seen", async || {
        *one.overrides().borrow() == *other.overrides().borrow()
    })
    .await;
    same(&one, &other, now).await;
    run(&project, "--config fleet.toml audit --verify").exits(0);
    run(&project, "--config fleet.toml status").exits(0);
}

#[tokio::test]
async fn a_cluster_with_a_past_of_its_own_takes_nothing_over() {
    let cluster = cluster(1).await;
    let here = project(&cluster);
    let now = Clock::system().now();
    let hold = change(&mode_key("lonely"), Revision(0), FORCE, "zoe", now, None);
    source(&here).await.change(hold).await.unwrap();
    run(&here, MIGRATE).exits(0);
    let there = project(&cluster);
    fill(&source(&there).await, now).await;
    let refused = run(&there, MIGRATE).exits(5);
    assert!(refused.err.contains("a past of its own"), "{refused:?}");
    let other = fleet(&there, &cluster).await;
    assert_eq!(other.audit_head().await.unwrap().sequence, 1);
}

#[tokio::test]
async fn an_audit_whose_beginning_is_too_old_goes_on_where_it_was_cut() {
    let cluster = cluster(1).await;
    let project = project(&cluster);
    let (one, now) = (source(&project).await, Clock::system().now());
    let key = mode_key("support-chat");
    let old = now - Duration::from_hours(24 * 30);
    for (revision, at) in [(0, old), (1, old), (2, now)] {
        let next = change(&key, Revision(revision), FORCE, "ana", at, None);
        one.change(next).await.unwrap();
    }
    let month = Duration::from_hours(24 * 20);
    let retention = Retention {
        events: month,
        audit: month,
        reviews: month,
    };
    assert_eq!(one.retain(retention).await.unwrap(), (0, 2));
    let done = run(&project, MIGRATE).exits(0).json();
    assert_eq!(
        (&done["records"], &done["audit"]),
        (&1.into(), &3.into()),
        "{done}"
    );
    same(&one, &fleet(&project, &cluster).await, now).await;
    run(&project, MIGRATE).exits(0);
}

#[tokio::test]
async fn a_migration_that_is_killed_is_run_again() {
    let cluster = cluster(3).await;
    let project = project(&cluster);
    let (one, now) = (source(&project).await, Clock::system().now());
    fill(&one, now).await;
    let import = one.import().unwrap();
    let many = (1_000..9_000).map(|number| Entry::Decision(event(number, now).into()));
    import.add(many.collect()).await.unwrap();
    let mut child = command(&project, MIGRATE.split(' '));
    child.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Running(child.spawn().unwrap());
    let jetstream = jetstream::new(cluster.client().await);
    until("it is in the middle of it", async || {
        let events = jetstream.get_stream("backstop-events").await.unwrap();
        events.cached_info().state.messages > 0
    })
    .await;
    child.0.kill().unwrap();
    child.0.wait().unwrap();
    let done = run(&project, MIGRATE).exits(0).json();
    let of = |what: &str| done["events"][what].as_u64().unwrap();
    assert_eq!(
        of("decisions") + of("outcomes") + of("known"),
        8_060,
        "{done}"
    );
    same(&one, &fleet(&project, &cluster).await, now).await;
}
