//! What is forgotten, written down as a whole and trimmed over real servers, and who comes back after it.

use async_nats::jetstream::stream::Config;

use super::*;
use crate::{
    model::Anchor,
    store::{
        AuditFinding,
        fact::{Base, KeptReview, KeptSlot},
        nats::replica::Limits,
    },
};

const HOUR: Duration = Duration::from_hours(1);
/// Every second fact.
const OFTEN: Limits = Limits {
    facts: 2,
    age: Duration::MAX,
};
/// Only when there must be one.
const SELDOM: Limits = Limits {
    facts: u64::MAX,
    age: Duration::MAX,
};

fn hours(audit: u64) -> Retention {
    Retention {
        events: HOUR * 1_000,
        audit: HOUR * u32::try_from(audit).unwrap(),
        reviews: HOUR * 3,
    }
}

async fn set(facts: &Facts, workload: &str, clock: &Clock) -> AuditRecord {
    let key = key(workload);
    facts.refresh().await;
    let expected = facts.overrides().borrow().expected(&key);
    let request = change(&key, expected, FORCE, "ana", clock.now(), None);
    facts.change(request).await.unwrap()
}

/// What a gateway does every few minutes.
async fn keep_house(facts: &Facts, retention: Retention, limits: Limits) {
    until_current(facts, true).await;
    facts.refresh().await;
    facts.retain(retention).await.unwrap();
    facts.retain_reviews(retention).await.unwrap();
    facts.shorten(limits).await.unwrap();
}

/// Where the log begins and ends.
async fn extent(cluster: &Cluster) -> (u64, u64) {
    let context = async_nats::jetstream::new(cluster.client().await);
    let stream = context.get_stream("backstop-state").await.unwrap();
    let state = &stream.cached_info().state;
    (state.first_sequence, state.last_sequence)
}

/// Every host has the same state, and nothing of the audit but what is not forgotten.
async fn assert_same(hosts: &[Facts]) -> Vec<AuditRecord> {
    let mut first = None;
    for facts in hosts {
        until_current(facts, true).await;
        facts.refresh().await;
        let proof = facts.prove_audit(Vec::new()).await.unwrap();
        assert!(proof.intact, "{proof:?}");
        let bases = facts.view().bases().await.unwrap();
        let seen = (
            facts.audit(AuditQuery::default()).await.unwrap(),
            facts.audit_head().await.unwrap(),
            proof.cut.map(|cut| (cut.through, cut.records)),
            facts.overrides().borrow().clone(),
            facts.view().plans().await.unwrap(),
            facts.reviews(ReviewQuery::default()).await.unwrap(),
            facts.reviewed().borrow().debts.clone(),
            (bases.applied, bases.forgotten),
        );
        match &first {
            None => first = Some(seen),
            Some(first) => assert_eq!(*first, seen),
        }
    }
    first.unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_after_a_trim_has_the_same_state_and_all_that_is_not_forgotten() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name);
    let gateway = host(&cluster.url(), &clock, &place("gateway")).await;
    let away = host(&cluster.url(), &clock, &place("away")).await;
    // Only consoles run there: nothing of it keeps house.
    let connection = link(&cluster.url(), &clock).await;
    let console = Facts::open(&connection, place("console"), Access::Observe);
    let console = console.await.unwrap();

    set(&gateway, "first", &clock).await;
    set(&gateway, "second", &clock).await;
    until_current(&away, true).await;
    away.refresh().await;
    let seen = away.audit_head().await.unwrap();
    assert_eq!(seen.sequence, 2);
    away.close().await.unwrap();

    let noise = "what it said. ".repeat(100);
    let old = review(1, clock.now(), noise.clone());
    gateway.put_review(old.clone(), false).await.unwrap();
    clock.advance(Duration::from_secs(1));
    let new = review(2, clock.now(), noise);
    gateway.put_review(new.clone(), false).await.unwrap();
    // It is kept on the console's host.
    let shown = console.review(old.head.id.clone()).await.unwrap().unwrap();
    assert!(!shown.stripped);
    for number in 0..24 {
        clock.advance(HOUR);
        set(&gateway, &format!("own-{}", number % 5), &clock).await;
        keep_house(&gateway, hours(6), OFTEN).await;
    }
    let waiting = Plan {
        made: clock.now(),
        ..plan("7f3a")
    };
    gateway.put_plan(waiting.clone()).await.unwrap();
    let mut request = change(&key("owing"), Revision(0), FORCE, "ana", clock.now(), None);
    request.owes = vec!["chat".into()];
    request.plan = Some(waiting.id.clone());
    gateway.change(request).await.unwrap();
    keep_house(&gateway, hours(6), OFTEN).await;

    let (first, last) = extent(&cluster).await;
    assert!(first > 20 && last - first < 30, "{first} to {last}");
    let fresh = host(&cluster.url(), &clock, &place("fresh")).await;
    let back = host(&cluster.url(), &clock, &place("away")).await;
    let all = [
        gateway.clone(),
        console.clone(),
        fresh.clone(),
        back.clone(),
    ];
    let records = assert_same(&all).await;
    let oldest = clock.now() - HOUR * 6;
    assert!(
        records.iter().all(|record| record.at >= oldest),
        "{records:?}"
    );
    // One an hour, and the last.
    assert_eq!(records.len(), 8);
    assert!(fresh.overrides().borrow().slots.contains_key(&key("first")));
    assert_eq!(
        fresh.plan(waiting.id.clone()).await.unwrap().unwrap().1,
        Some(records[7].revision)
    );
    // Its outputs are nowhere any more, also where nothing keeps house.
    for facts in &all {
        assert_eq!(
            facts
                .view()
                .body(old.head.id.clone())
                .await
                .unwrap()
                .1
                .filter(|it| !it.stripped),
            None
        );
        let kept = facts.review(old.head.id.clone()).await.unwrap().unwrap();
        assert!(kept.stripped);
        let kept = facts.review(new.head.id.clone()).await.unwrap().unwrap();
        assert!(!kept.stripped);
    }
    // What is kept of the chain elsewhere still says whether it is the same one.
    let kept = Anchor {
        sequence: records[3].sequence,
        ..seen
    };
    let proof = back.prove_audit(vec![kept]).await.unwrap();
    assert!(
        matches!(&proof.findings[..], [AuditFinding::Anchor { .. }]),
        "{proof:?}"
    );
    // Each goes on.
    for facts in [&fresh, &back] {
        set(facts, "first", &clock).await;
    }
    keep_house(&back, hours(6), OFTEN).await;
    assert_same(&all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_short_whoever_keeps_house_and_however_many_do() {
    let (mut cluster, clock) = (servers(3).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let hosts = hosts(3, &cluster.url(), &clock, directory.path()).await;
    let limits = Limits {
        facts: 20,
        age: Duration::MAX,
    };
    for round in 0..6 {
        for number in 0..20 {
            clock.advance(Duration::from_mins(1));
            set(&hosts[number % 3], &format!("own-{}", number % 7), &clock).await;
        }
        if round == 3 {
            let leader = cluster.leader_of("backstop-state").await;
            cluster.kill(leader);
            until("another leader", async || {
                hosts[0].retain(hours(1)).await.is_ok()
            })
            .await;
            cluster.revive(leader).await;
            cluster.ready().await;
        }
        // All at once.
        let turns = hosts
            .iter()
            .map(|facts| keep_house(facts, hours(1), limits));
        futures_util::future::join_all(turns).await;
    }
    for facts in &hosts {
        keep_house(facts, hours(1), SELDOM).await;
    }
    let (first, last) = extent(&cluster).await;
    // An hour's changes, those of one base more, and what the housekeeping itself wrote.
    assert!(last > 120 && last - first < 110, "{first} to {last}");
    let records = assert_same(&hosts).await;
    assert_eq!(records.len(), 61);
    let bases = hosts[0].view().bases().await.unwrap().noted;
    for one in bases.windows(2) {
        assert!(one[1].sequence - one[0].sequence >= 20, "{bases:?}");
    }
    let fresh = host(&cluster.url(), &clock, &directory.path().join("fresh")).await;
    assert_same(&[hosts[0].clone(), fresh]).await;
}

/// Puts a base into the log that lacks something.
async fn put_wrong_base(cluster: &Cluster, facts: &Facts) {
    let head = facts.audit_head().await.unwrap();
    let base = Base {
        head,
        slots: Vec::new(),
        plans: Vec::new(),
        reviews: Vec::new(),
        debts: Vec::new(),
    };
    let base = Box::new(base);
    let fact = Fact::new("wrong".to_owned(), start(), Deed::Based { base });
    let context = async_nats::jetstream::new(cluster.client().await);
    let sent = context.publish("backstop.state", fact.write().unwrap().into());
    sent.await.unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_another_state_is_told_and_never_taken_over() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let facts = host(&cluster.url(), &clock, &directory.path().join("one")).await;
    let chat = key("chat");
    set(&facts, "chat", &clock).await;
    put_wrong_base(&cluster, &facts).await;
    facts.refresh().await;
    assert!(facts.overrides().borrow().slots[&chat].current.is_some());
    let proof = facts.prove_audit(Vec::new()).await.unwrap();
    let [finding] = &proof.findings[..] else {
        panic!("{proof:?}");
    };
    let words = finding.to_string();
    assert!(
        words.contains("the base at 2") && words.contains("override none, here mode/chat"),
        "{words}"
    );
    // Nothing is trimmed to it, and nobody who differs writes one.
    clock.advance(HOUR * 24);
    keep_house(&facts, hours(1), OFTEN).await;
    assert_eq!(extent(&cluster).await, (1, 3));
    // A fresh host reads the log from its beginning, and says the same.
    let fresh = host(&cluster.url(), &clock, &directory.path().join("two")).await;
    until_current(&fresh, true).await;
    assert!(fresh.overrides().borrow().slots[&chat].current.is_some());
    assert!(!fresh.prove_audit(Vec::new()).await.unwrap().intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_somebody_emptied_is_put_right() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let facts = host(&cluster.url(), &clock, &directory.path().join("one")).await;
    let context = async_nats::jetstream::new(cluster.client().await);
    for (case, keep) in [("all of it", 0), ("all but the newest", 1)] {
        set(&facts, "chat", &clock).await;
        set(&facts, "chat", &clock).await;
        let stream = context.get_stream("backstop-state").await.unwrap();
        stream.purge().keep(keep).await.unwrap();
        let connection = link(&cluster.url(), &clock).await;
        let fresh = Facts::open_or_wait(&connection, directory.path().join(case));
        let fresh = fresh.await.unwrap();
        if keep > 0 {
            assert_ne!(*fresh.touch().borrow(), Touch::Current, "{case}");
        }
        keep_house(&facts, hours(1_000), SELDOM).await;
        until_current(&fresh, true).await;
        let table = facts.overrides().borrow().clone();
        until("the same overrides", async || {
            *fresh.overrides().borrow() == table
        })
        .await;
        assert_eq!(
            fresh.audit_head().await.unwrap(),
            facts.audit_head().await.unwrap()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_may_not_be_trimmed_is_no_reason_to_fail() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let context = async_nats::jetstream::new(cluster.client().await);
    let wanted = Layout::new("backstop").config(Stream::State, 1);
    let latched = Config {
        deny_purge: true,
        ..wanted
    };
    context.update_stream(latched).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let facts = host(&cluster.url(), &clock, directory.path()).await;
    for _ in 0..4 {
        set(&facts, "chat", &clock).await;
        clock.advance(HOUR);
        keep_house(&facts, hours(1), OFTEN).await;
    }
    assert_eq!(extent(&cluster).await.0, 1);
    let said = facts.0.untrimmed.lock().unwrap().clone();
    assert!(said.unwrap().contains("purge"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_workloads_fit_into_one_base() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let mut chance = fastrand::Rng::with_seed(7);
    let slot = |number: u64, chance: &mut fastrand::Rng| {
        let key = key(&format!("workload-{number}"));
        let mut request = change(&key, Revision(0), FORCE, "ana", start(), Some(HOUR));
        if let Some(next) = &mut request.next {
            next.note = (0..40).map(|_| chance.alphanumeric()).collect();
        }
        KeptSlot {
            key,
            slot: Slot {
                revision: Revision(number),
                current: request.next,
            },
        }
    };
    let slots: Vec<KeptSlot> = (1..=1_000)
        .map(|number| slot(number, &mut chance))
        .collect();
    let reviews = (1..=2_000_u32).map(|number| {
        let mut head = review(1, start(), String::new()).head;
        head.id = ReviewId::new(start(), number.into());
        head.workload = format!("workload-{}", number % 1_000).as_str().into();
        head.note = (0..40).map(|_| chance.alphanumeric()).collect();
        KeptReview {
            head,
            stripped: false,
        }
    });
    let mut base = Base {
        head: Anchor {
            sequence: 9,
            seal: crate::model::Seal::FIRST,
        },
        reviews: reviews.collect(),
        slots,
        plans: Vec::new(),
        debts: Vec::new(),
    };
    base.reviews
        .sort_by(|one, other| one.head.id.cmp(&other.head.id));
    let size = |base: &Base| {
        let base = Box::new(base.clone());
        let fact = Fact::new("base".to_owned(), start(), Deed::Based { base });
        fact.write().unwrap()
    };
    let written = size(&base);
    let text = serde_json::to_vec(&base).unwrap().len();
    eprintln!(
        "1,000 overrides, 2,000 reviews: {text} bytes, packed {}",
        written.len()
    );
    assert!(written.len() < 400_000, "{}", written.len());
    // A new host goes on from it.
    let context = async_nats::jetstream::new(cluster.client().await);
    for payload in [b"{}".to_vec(), written] {
        let sent = context.publish("backstop.state", payload.into()).await;
        sent.unwrap().await.unwrap();
    }
    let stream = context.get_stream("backstop-state").await.unwrap();
    stream.purge().sequence(2).await.unwrap();
    let began = Clock::instant();
    let fresh = host(&cluster.url(), &clock, directory.path()).await;
    until_current(&fresh, true).await;
    eprintln!("taken over in {:?}", began.elapsed());
    assert_eq!(fresh.overrides().borrow().slots.len(), 1_000);
    assert_eq!(
        fresh.reviews(ReviewQuery::default()).await.unwrap().len(),
        2_000
    );
}
