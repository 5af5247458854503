//! Several hosts over real servers: what one is told, all come to, once and in the same order.

use std::{collections::BTreeSet, path::Path};

use jiff::Timestamp;

use super::*;
use crate::{
    model::{
        Actor, Answer, Asked, AuditRecord, Basis, Change, ChangeRequest, ComparedRoute, Mode,
        Override, OverrideKey, PayloadClass, Plan, PlanId, ProbeResult, ReasonCode, Retention,
        Review, ReviewHead, ReviewId, ReviewMode, ReviewedSample, Revision, Slot, StorePlace,
        Tally, Usage, Verb,
    },
    store::{
        AuditQuery, ChangeError, ReviewQuery,
        fact::{Deed, Fact, KeyChange},
        nats::support::cluster::{Cluster, DEADLINE, until},
    },
};

mod house;

const FORCE: Option<Change> = Some(Change::Mode(Mode::Force));

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn key(workload: &str) -> OverrideKey {
    OverrideKey::mode(workload.into())
}

fn actor(user: &str) -> Actor {
    Actor {
        user: user.to_owned(),
        declared: None,
        host: "host-1".to_owned(),
        from: None,
        via: "cli".to_owned(),
    }
}

/// A change of a mode, or back to the configuration.
fn change(
    key: &OverrideKey,
    expected: Revision,
    next: Option<Change>,
    user: &str,
    at: Timestamp,
    lasting: Option<Duration>,
) -> ChangeRequest {
    let expires = lasting.map(|lasting| at + lasting);
    ChangeRequest {
        key: key.clone(),
        expected,
        next: next.map(|change| Override {
            change,
            actor: actor(user),
            since: at,
            expires,
            reason: ReasonCode::ServerErrors,
            note: "provider is down".to_owned(),
            ticket: None,
            break_glass: false,
        }),
        audit: AuditRecord {
            sequence: 0,
            at,
            actor: actor(user),
            verb: Some(Verb::Force),
            key: key.clone(),
            before: None,
            after: next,
            expires,
            reason: ReasonCode::ServerErrors,
            note: "provider is down".to_owned(),
            ticket: None,
            revision: Revision(0),
            plan: None,
            undoes: None,
            break_glass: false,
        },
        plan: None,
        owes: Vec::new(),
    }
}

fn answer(text: String) -> Answer {
    Answer {
        result: ProbeResult {
            route: "premium".into(),
            workload: "chat".into(),
            sample: "chat/hello".into(),
            class: PayloadClass::Chat,
            asked: Asked {
                base_url: "http://127.0.0.1:1".to_owned(),
                model: "large".to_owned(),
                sample: Some("0123456789ab".to_owned()),
            },
            at: start(),
            stream: true,
            status: Some(200),
            headers: None,
            first_output: None,
            total: Duration::from_secs(1),
            usage: Usage::default(),
            cost: None,
            finish: None,
            model: None,
            checks: Vec::new(),
            failure: None,
            output: String::new(),
        },
        text,
        refusal: None,
        tools: Vec::new(),
        vectors: Vec::new(),
        clipped: false,
    }
}

fn review(id: u8, at: Timestamp, said: String) -> Review {
    let route = |name: &str| ComparedRoute {
        route: name.into(),
        base_url: "http://127.0.0.1:1".to_owned(),
        model: name.to_owned(),
    };
    Review {
        head: ReviewHead {
            id: ReviewId::new(at, id.into()),
            workload: "chat".into(),
            at,
            actor: actor("ana"),
            mode: ReviewMode::Blind,
            basis: Basis {
                primary: route("premium"),
                fallback: route("stable"),
                samples: Vec::new(),
            },
            tally: Tally::default(),
            vetoed: Vec::new(),
            note: "quick look".to_owned(),
        },
        seed: 1,
        samples: vec![ReviewedSample {
            sample: "chat/hello".into(),
            class: PayloadClass::Chat,
            primary: answer(said),
            fallback: answer("Hello".to_owned()),
            side_a: crate::model::Place::Primary,
            judgement: None,
            note: String::new(),
        }],
        stripped: false,
    }
}

/// The streams that this part writes to.
async fn prepare(cluster: &Cluster) {
    let context = async_nats::jetstream::new(cluster.client().await);
    let layout = Layout::new("backstop");
    for stream in [Stream::State, Stream::Reviews] {
        let wanted = layout.config(stream, cluster.len());
        until("a stream can be made", async || {
            context.create_stream(wanted.clone()).await.is_ok()
        })
        .await;
    }
}

async fn servers(count: usize) -> Cluster {
    let cluster = Cluster::start(count).await;
    prepare(&cluster).await;
    cluster
}

async fn link(url: &str, clock: &Clock) -> Link {
    let place = StorePlace::from(url);
    Link::open(&place, clock.clone()).await.unwrap()
}

async fn host(url: &str, clock: &Clock, directory: &Path) -> Facts {
    let link = link(url, clock).await;
    Facts::open(&link, directory.to_owned(), Access::Write)
        .await
        .unwrap()
}

async fn hosts(count: usize, url: &str, clock: &Clock, directory: &Path) -> Vec<Facts> {
    let mut hosts = Vec::new();
    for number in 0..count {
        hosts.push(host(url, clock, &directory.join(number.to_string())).await);
    }
    hosts
}

/// Waits until a host is told that it is, or is not, up to date.
async fn until_current(facts: &Facts, wanted: bool) {
    let shared = &facts.0.shared;
    let mut touch = facts.touch();
    let reached = touch.wait_for(|touch| (*touch == Touch::Current) == wanted);
    let reached = tokio::time::timeout(DEADLINE, reached).await.is_ok();
    assert!(
        reached,
        "never in touch ({wanted}): {:?}; at {:?}: {:?}; the view: {:?}; connected: {}; {}",
        facts.touch().borrow(),
        shared.now(),
        shared.contact(),
        shared.progress.borrow(),
        *shared.link.connected().borrow(),
        shared.link.client().connection_state(),
    );
}

/// Every host has the same overrides, the same audit and the same head of its chain, which proves sound.
async fn assert_alike(hosts: &[Facts]) -> Vec<AuditRecord> {
    for facts in hosts {
        until_current(facts, true).await;
    }
    let head = hosts[0].audit_head().await.unwrap();
    let records = hosts[0].audit(AuditQuery::default()).await.unwrap();
    let table = hosts[0].overrides().borrow().clone();
    for facts in hosts {
        assert_eq!(facts.audit_head().await.unwrap(), head);
        assert_eq!(facts.audit(AuditQuery::default()).await.unwrap(), records);
        until("the same overrides", async || {
            *facts.overrides().borrow() == table
        })
        .await;
        let proof = facts.prove_audit(Vec::new()).await.unwrap();
        assert!(proof.findings.is_empty(), "{proof:?}");
    }
    let revisions: Vec<u64> = records.iter().map(|record| record.revision.0).collect();
    let linear: Vec<u64> = (1..=records.len() as u64).collect();
    assert_eq!(revisions, linear, "one change for each revision");
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_changes_every_host_has_with_the_same_chain() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let hosts = hosts(3, &cluster.url(), &clock, directory.path()).await;
    let chat = key("chat");
    let request = change(&chat, Revision(0), FORCE, "ana", start(), None);
    let wanted = request.next.clone();
    let record = hosts[0].change(request).await.unwrap();
    assert_eq!((record.sequence, record.revision), (1, Revision(1)));
    assert_eq!(hosts[0].overrides().borrow().revision, Revision(1));
    let mut followed = hosts[1].overrides();
    let table = followed
        .wait_for(|table| table.revision == Revision(1))
        .await
        .unwrap()
        .clone();
    assert_eq!(table.slots[&chat].current, wanted);

    // Whoever names an old revision is told who was faster, also from a host that was not asked before.
    for facts in &hosts {
        let request = change(&chat, Revision(0), None, "bob", start(), None);
        let Err(ChangeError::Conflict(conflict)) = facts.change(request).await else {
            panic!("it was accepted");
        };
        assert_eq!(conflict.winner.as_deref(), Some(&record));
    }
    // A revision that this host has not seen yet is waited for.
    let request = change(&chat, Revision(1), None, "bob", start(), None);
    hosts[2].change(request).await.unwrap();
    let request = change(&chat, Revision(2), FORCE, "cy", start(), None);
    assert_eq!(hosts[1].change(request).await.unwrap().before, None);
    assert_eq!(assert_alike(&hosts).await.len(), 3);

    // A host that comes later has the same, and one that comes back only what it missed.
    let late = host(&cluster.url(), &clock, &directory.path().join("late")).await;
    assert_alike(&[hosts[0].clone(), late.clone()]).await;
    late.close().await.unwrap();
    let request = change(&key("other"), Revision(0), FORCE, "ana", start(), None);
    hosts[0].change(request).await.unwrap();
    let late = host(&cluster.url(), &clock, &directory.path().join("late")).await;
    assert_eq!(assert_alike(&[hosts[0].clone(), late]).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_hosts_have_one_winner_per_revision() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let mut hosts = hosts(4, &cluster.url(), &clock, directory.path()).await;
    // A further process of the last host: the same view.
    hosts.push(host(&cluster.url(), &clock, &directory.path().join("3")).await);
    let tasks = hosts.iter().cloned().enumerate().map(|(number, facts)| {
        tokio::spawn(async move {
            let mut made = BTreeSet::new();
            for turn in 0..10 {
                // One key for all, and one of their own each.
                let own = key(&format!("own-{number}"));
                let chosen = if turn % 2 == 0 { own } else { key("chat") };
                loop {
                    let expected = facts.overrides().borrow().expected(&chosen);
                    let request = change(&chosen, expected, FORCE, "ana", start(), None);
                    match facts.change(request).await {
                        Ok(record) => {
                            made.insert(record.revision.0);
                            break;
                        }
                        Err(ChangeError::Conflict(_)) => {}
                        // Those of others went before it for seconds; that it was not made is checked at the end.
                        Err(ChangeError::Store(StoreError::Failed { cause, .. }))
                            if cause.contains("too many change the state") => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            made
        })
    });
    let mut all = BTreeSet::new();
    let mut count = 0;
    for task in tasks.collect::<Vec<_>>() {
        let made = task.await.unwrap();
        count += made.len();
        all.extend(made);
    }
    assert_eq!((count, all.len()), (50, 50), "no revision twice");
    assert_eq!(assert_alike(&hosts).await.len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_is_ended_once_over_all_hosts() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let hosts = hosts(3, &cluster.url(), &clock, directory.path()).await;
    let minute = Duration::from_mins(1);
    for name in ["a", "b"] {
        let request = change(&key(name), Revision(0), FORCE, "ana", start(), Some(minute));
        hosts[0].change(request).await.unwrap();
    }
    for facts in &hosts {
        until_current(facts, true).await;
        assert!(facts.end_expired().await.unwrap().is_empty());
    }
    clock.advance(minute);
    let tasks = hosts.iter().cloned();
    let tasks = tasks.map(|facts| tokio::spawn(async move { facts.end_expired().await.unwrap() }));
    let mut ended = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        ended.extend(task.await.unwrap());
    }
    let targets: BTreeSet<&str> = ended.iter().map(|record| record.key.target()).collect();
    assert_eq!((ended.len(), targets), (2, BTreeSet::from(["a", "b"])));
    assert_eq!(assert_alike(&hosts).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_and_reviews_are_there_for_every_host() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let hosts = hosts(2, &cluster.url(), &clock, directory.path()).await;
    // A plan made here is applied there, once.
    let plan = plan("7f3a");
    hosts[0].put_plan(plan.clone()).await.unwrap();
    assert_eq!(
        hosts[1].plan(plan.id.clone()).await.unwrap(),
        Some((plan.clone(), None))
    );
    let mut request = change(&key("chat"), Revision(0), FORCE, "ana", start(), None);
    request.plan = Some(plan.id.clone());
    request.owes = vec!["chat".into()];
    hosts[1].change(request.clone()).await.unwrap();
    assert_eq!(
        hosts[0].plan(plan.id.clone()).await.unwrap(),
        Some((plan.clone(), Some(Revision(1))))
    );
    request.expected = Revision(1);
    assert!(matches!(
        hosts[0].change(request).await,
        Err(ChangeError::PlanUsed)
    ));
    let waiting = Plan {
        id: PlanId("1111".to_owned()),
        ..plan
    };
    hosts[0].put_plan(waiting.clone()).await.unwrap();
    let other = Plan {
        now_line: "another".to_owned(),
        ..waiting
    };
    assert!(matches!(
        hosts[1].put_plan(other).await,
        Err(StoreError::PlanTaken { .. })
    ));

    // A review pays what is owed; its outputs are larger than one message and do not pack well.
    let mut owed = hosts[1].reviewed();
    owed.wait_for(|reviewed| reviewed.debts.len() == 1)
        .await
        .unwrap();
    let mut chance = fastrand::Rng::with_seed(7);
    let noise: String = (0..3_000_000).map(|_| chance.alphanumeric()).collect();
    let big = review(1, start() + Duration::from_secs(1), noise);
    hosts[0].put_review(big.clone(), true).await.unwrap();
    owed.wait_for(|reviewed| reviewed.debts.is_empty())
        .await
        .unwrap();
    assert_eq!(
        hosts[1].review(big.head.id.clone()).await.unwrap().as_ref(),
        Some(&big)
    );
    assert_eq!(
        hosts[1]
            .reviews(ReviewQuery::default())
            .await
            .unwrap()
            .len(),
        1
    );
    let again = hosts[1]
        .put_review(review(1, big.head.at, "x".to_owned()), false)
        .await;
    assert!(again.unwrap_err().to_string().contains("is there already"));
    assert_eq!(
        hosts[1].review(big.head.id.clone()).await.unwrap().as_ref(),
        Some(&big)
    );

    // Their outputs go everywhere once they are old, but those of the newest.
    let second = review(2, start() + Duration::from_secs(2), String::new());
    hosts[1].put_review(second.clone(), false).await.unwrap();
    clock.advance(Duration::from_hours(24));
    let retention = Retention {
        reviews: Duration::from_hours(1),
        events: Duration::from_hours(1_000),
        audit: Duration::from_hours(1_000),
    };
    for facts in &hosts {
        facts.retain_reviews(retention).await.unwrap();
        let old = facts.review(big.head.id.clone()).await.unwrap().unwrap();
        assert!(old.stripped);
        let new = facts.review(second.head.id.clone()).await.unwrap().unwrap();
        assert!(!new.stripped);
    }
    let fresh = host(&cluster.url(), &clock, &directory.path().join("fresh")).await;
    let old = fresh.review(big.head.id.clone()).await.unwrap().unwrap();
    assert!(old.stripped, "the cluster has no more of it either");
}

fn plan(id: &str) -> Plan {
    Plan {
        radius: crate::model::Radius::default(),
        id: PlanId(id.to_owned()),
        made: start(),
        valid_until: start() + Duration::from_mins(10),
        actor: actor("ana"),
        verb: Verb::Force,
        key: key("chat"),
        expected: Revision(0),
        revision: Revision(0),
        before: None,
        after: FORCE,
        expires: None,
        fingerprint: "f".to_owned(),
        basis: String::new(),
        now_line: "now".to_owned(),
        after_line: "after".to_owned(),
        effects: Vec::new(),
        checks: Vec::new(),
        tier: crate::model::RiskTier::Confirm,
        undoes: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_cluster_a_host_has_what_it_saw_last_and_changes_nothing() {
    let (mut cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().join("here");
    let url = cluster.url();
    let facts = host(&url, &clock, &here).await;
    let chat = key("chat");
    let request = change(&chat, Revision(0), FORCE, "ana", start(), None);
    facts.change(request).await.unwrap();
    cluster.kill(0);
    until_current(&facts, false).await;
    let request = change(&chat, Revision(1), None, "ana", start(), None);
    let error = facts.change(request.clone()).await.unwrap_err();
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert_eq!(facts.audit(AuditQuery::default()).await.unwrap().len(), 1);
    facts.close().await.unwrap();

    // One that starts without it.
    let facts = Facts::open_or_wait(&link(&url, &clock).await, here.clone())
        .await
        .unwrap();
    assert!(facts.overrides().borrow().slots[&chat].current.is_some());
    assert!(matches!(&*facts.touch().borrow(), Touch::Apart { since, .. } if *since == start()));
    // An observer with nothing to show is told so.
    let elsewhere = directory.path().join("elsewhere");
    let failed = Facts::open(
        &link(&url, &clock).await,
        elsewhere.clone(),
        Access::Observe,
    )
    .await;
    assert!(failed.unwrap_err().to_string().contains("no server"));

    cluster.revive(0).await;
    until_current(&facts, true).await;
    facts.change(request).await.unwrap();
    let link = link(&url, &clock).await;
    let observer = Facts::open(&link, elsewhere, Access::Observe)
        .await
        .unwrap();
    assert_eq!(assert_alike(&[facts, observer.clone()]).await.len(), 2);
    let request = change(&chat, Revision(2), None, "ana", start(), None);
    assert!(matches!(
        observer.change(request).await,
        Err(ChangeError::Store(StoreError::ReadOnly))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_is_never_mixed_with_what_was_seen() {
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path().join("here");
    let facts = host(&cluster.url(), &clock, &here).await;
    for revision in 0..3 {
        let request = change(
            &key("chat"),
            Revision(revision),
            FORCE,
            "ana",
            start(),
            None,
        );
        facts.change(request).await.unwrap();
    }
    let context = async_nats::jetstream::new(cluster.client().await);
    context.delete_stream("backstop-state").await.unwrap();
    until_current(&facts, false).await;
    prepare(&cluster).await;
    until_current(&facts, true).await;
    assert_eq!(facts.overrides().borrow().revision, Revision(0));
    let request = change(&key("other"), Revision(0), FORCE, "bob", start(), None);
    facts.change(request).await.unwrap();
    assert_eq!(assert_alike(&[facts]).await.len(), 1);
    let kept = std::fs::read_dir(&here).unwrap().filter_map(Result::ok);
    let kept: Vec<_> = kept
        .map(|entry| entry.path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("before-")
        })
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let old = Sqlite::open(kept[0].clone(), Access::Write, clock)
        .await
        .unwrap();
    assert_eq!(old.audit(AuditQuery::default()).await.unwrap().len(), 3);
    assert!(
        old.prove_audit(Vec::new())
            .await
            .unwrap()
            .findings
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_that_are_killed_lose_nothing_and_make_nothing_twice() {
    let (mut cluster, clock) = (servers(3).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let hosts = hosts(3, &cluster.url(), &clock, directory.path()).await;
    let stop = CancellationToken::new();
    let tasks = hosts.iter().cloned().enumerate().map(|(number, facts)| {
        let stop = stop.clone();
        tokio::spawn(async move {
            let mut made = Vec::new();
            let own = key(&format!("own-{number}"));
            while !stop.is_cancelled() {
                let expected = facts.overrides().borrow().expected(&own);
                let mut request = change(&own, expected, FORCE, "ana", start(), None);
                request.audit.note = format!("{number} after {expected}");
                match facts.change(request).await {
                    Ok(record) => made.push((record.revision, record.note)),
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
            made
        })
    });
    let tasks: Vec<_> = tasks.collect();
    for _ in 0..3 {
        let seen = hosts[0].overrides().borrow().revision;
        let leader = cluster.leader_of("backstop-state").await;
        cluster.kill(leader);
        until("changes go on with another leader", async || {
            hosts[0].overrides().borrow().revision.0 > seen.0 + 30
        })
        .await;
        cluster.revive(leader).await;
        cluster.ready().await;
    }
    stop.cancel();
    let mut made = Vec::new();
    for task in tasks {
        made.extend(task.await.unwrap());
    }
    let records = assert_alike(&hosts).await;
    for (revision, note) in made {
        let found: Vec<_> = records
            .iter()
            .filter(|record| record.note == note)
            .collect();
        assert_eq!(found.len(), 1, "{note}");
        assert_eq!(found[0].revision, revision);
    }
    // Also what nobody knew of is there at most once.
    let notes: BTreeSet<&str> = records.iter().map(|record| record.note.as_str()).collect();
    assert_eq!(notes.len(), records.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_left_alone_is_apart_although_it_is_connected() {
    let (cluster, clock) = (servers(3).await, Clock::manual(start()));
    let directory = tempfile::tempdir().unwrap();
    let leader = cluster.leader_of("backstop-state").await;
    for (case, left) in [("its leader", leader), ("another", (leader + 1) % 3)] {
        let here = directory.path().join(case);
        let facts = host(&cluster.url_of(left), &clock, &here).await;
        until_current(&facts, true).await;
        let others: Vec<usize> = (0..3).filter(|index| *index != left).collect();
        for index in &others {
            cluster.pause(*index);
        }
        until_current(&facts, false).await;
        assert!(
            *facts.0.shared.link.connected().borrow(),
            "{case}: the line is up"
        );
        let expected = facts.overrides().borrow().expected(&key("chat"));
        let request = change(&key("chat"), expected, FORCE, "ana", start(), None);
        let error = facts.change(request).await.unwrap_err();
        assert!(
            error.to_string().contains("nothing was changed"),
            "{case}: {error}"
        );
        for index in &others {
            cluster.resume(*index);
        }
        until_current(&facts, true).await;
        let elsewhere = directory.path().join(format!("{case} elsewhere"));
        let other = host(&cluster.url(), &clock, &elsewhere).await;
        assert_alike(&[facts, other]).await;
    }
}

/// Facts as some host would have published them over the years.
async fn fill(cluster: &Cluster, count: u64) {
    let mut context = async_nats::jetstream::new(cluster.client().await);
    context.set_timeout(Duration::from_mins(2));
    let mut pending = std::collections::VecDeque::new();
    for number in 1..=count {
        let key = key(&format!("workload-{}", number % 50));
        let request = change(&key, Revision(0), FORCE, "ana", start(), None);
        let record = AuditRecord {
            sequence: number,
            revision: Revision(number),
            ..request.audit
        };
        let deed = Deed::Changed {
            keys: vec![KeyChange {
                key,
                slot: Slot {
                    revision: Revision(number),
                    current: request.next,
                },
                records: vec![serde_json::to_value(record).unwrap()],
                debts: Vec::new(),
            }],
            plan: None,
        };
        let fact = Fact::new(number.to_string(), start(), deed);
        let sent = context.publish("backstop.state", fact.write().unwrap().into());
        pending.push_back(sent.await.unwrap());
        if pending.len() >= 500
            && let Some(oldest) = pending.pop_front()
        {
            oldest.await.unwrap();
        }
    }
    for sent in pending {
        sent.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_host_comes_to_where_a_long_log_ends() {
    let count = std::env::var("BACKSTOP_FACTS").map_or(3_000, |count| count.parse().unwrap());
    let (cluster, clock) = (servers(1).await, Clock::manual(start()));
    fill(&cluster, count).await;
    let directory = tempfile::tempdir().unwrap();
    let began = Clock::instant();
    let fresh = host(&cluster.url(), &clock, &directory.path().join("fresh")).await;
    until_current(&fresh, true).await;
    eprintln!("{count} facts in {:?}", began.elapsed());
    assert_eq!(fresh.overrides().borrow().revision, Revision(count));
    let began = Clock::instant();
    let other = host(&cluster.url(), &clock, &directory.path().join("other")).await;
    assert_alike(&[fresh, other.clone()]).await;
    eprintln!("a second one, compared: {:?}", began.elapsed());
    other.close().await.unwrap();
    let began = Clock::instant();
    let again = host(&cluster.url(), &clock, &directory.path().join("other")).await;
    until_current(&again, true).await;
    eprintln!("once more from its disk: {:?}", began.elapsed());
}
