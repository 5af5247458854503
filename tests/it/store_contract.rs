//! What every backend promises, run against each: in memory; SQLite through one handle, and through two handles that
//! know each other only by the files, as two processes do; NATS through two handles with one view, as two processes
//! of a host, and through two with a view each, as two hosts of a cluster of three servers.

use std::{collections::BTreeSet, time::Duration};

use backstop::{
    clock::Clock,
    model::{
        Asked, Capability, Captured, Change, Entry, ErrorClass, EventDecision, Mode, PayloadClass,
        PlanId, ProbeKey, ProbeRecord, ProbeSubject, Readiness, ReadinessReason, Retention,
        Revision, Rung, RungResult, Seq, Spent, Stretch, Verdict, WorkloadReadiness,
        WorkloadTraffic,
    },
    store::{Access, AuditQuery, ChangeError, EventQuery, Health, Store, StoreError, TrafficQuery},
};
use jiff::{SignedDuration, Timestamp};

use crate::store_pair::{Pair, Setup};
use crate::store_samples::{
    FORCE, actor, change, event, event_id, heartbeat, mode_key, outcome, plan, presence, start,
};

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

macro_rules! contract {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Pair::open(super::Setup::Memory).await).await;
            })+
        }
        mod sqlite_one_handle {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Pair::open(super::Setup::SqliteOnce).await).await;
            })+
        }
        mod sqlite_two_handles {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Pair::open(super::Setup::SqliteTwice).await).await;
            })+
        }
        mod nats_one_host {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Pair::open(super::Setup::NatsOneHost).await).await;
            })+
        }
        mod nats_two_hosts {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Pair::open(super::Setup::NatsTwoHosts).await).await;
            })+
        }
    };
}

pub(crate) use contract;

contract!(
    a_change_is_seen_by_both_and_audited,
    a_stale_change_is_refused_with_the_winner,
    each_scope_of_a_key_is_a_place_of_its_own,
    fifty_racing_changes_have_one_winner_per_revision,
    an_expired_override_is_ended_exactly_once,
    an_unexpired_override_is_left_alone,
    a_change_over_an_expired_override_keeps_its_end_in_the_audit,
    a_plan_is_applied_once,
    plans_are_forgotten_after_a_day,
    a_waiting_plan_is_not_overwritten,
    entries_come_back_in_order_from_both,
    outcomes_are_merged_into_their_events,
    the_first_outcome_counts,
    events_are_filtered,
    the_newest_place_is_followed,
    who_is_alive_moves_the_pulse,
    many_entries_from_both_all_get_their_own_place,
    the_queue_is_bounded,
    the_audit_is_filtered,
    heartbeats_are_kept_for_a_day,
    presences_are_kept_for_fifteen_seconds,
    the_latest_probe_of_each_key_is_kept_with_a_short_history,
    probes_are_forgotten_after_thirty_days,
    the_newest_captures_of_each_class_are_kept_for_a_day,
    captures_of_other_workloads_are_removed,
    retention_removes_old_and_never_reuses_a_place,
    a_lease_has_one_holder,
    fifty_who_want_a_lease_get_one,
    readiness_is_replaced_as_a_whole,
    spending_is_added_up_by_hour,
    an_observer_reads_and_may_not_write,
    after_close_everything_is_refused,
    traffic_of_the_past_is_kept_by_minute_and_by_hour,
    events_are_counted_by_class_and_minute,
);

async fn a_change_is_seen_by_both_and_audited(pair: Pair) {
    let key = mode_key("support-chat");
    assert_eq!(pair.first.overrides().borrow().revision, Revision(0));
    let request = change(&key, Revision(0), FORCE, "ana", start(), None);
    let wanted = request.next.clone();
    let record = pair.first.change(request).await.unwrap();
    assert_eq!((record.sequence, record.revision), (1, Revision(1)));
    assert_eq!((record.before, record.after), (None, FORCE));

    // The one who changed sees it at once, the other is woken.
    assert_eq!(pair.first.overrides().borrow().revision, Revision(1));
    let mut followed = pair.second.overrides();
    let table = tokio::time::timeout(PATIENCE, followed.wait_for(|it| it.revision == Revision(1)))
        .await
        .unwrap()
        .unwrap()
        .clone();
    assert_eq!(table.slots[&key].current, wanted);
    assert_eq!(table.slots[&key].revision, Revision(1));

    let request = change(&key, Revision(1), None, "bob", start(), None);
    let second = pair.second.change(request).await.unwrap();
    assert_eq!((second.sequence, second.revision), (2, Revision(2)));
    assert_eq!((second.before, second.after), (FORCE, None));
    let audit = pair.first.audit(AuditQuery::default()).await.unwrap();
    assert_eq!(audit, [record, second]);

    // The revision is one for the whole table, what a change must name is that of its key.
    let other = mode_key("batch-extraction");
    let request = change(&other, Revision(0), FORCE, "ana", start(), None);
    assert_eq!(
        pair.second.change(request).await.unwrap().revision,
        Revision(3)
    );
    let table = pair.second.overrides().borrow().clone();
    assert_eq!(table.expected(&key), Revision(2));
    assert_eq!(table.expected(&other), Revision(3));
    assert_eq!(table.slots[&key].current, None);
}

async fn a_stale_change_is_refused_with_the_winner(pair: Pair) {
    let key = mode_key("support-chat");
    let request = change(&key, Revision(0), FORCE, "ana", start(), None);
    let winner = pair.first.change(request).await.unwrap();
    let hold = Some(Change::Mode(Mode::Hold));
    for expected in [Revision(0), Revision(7)] {
        let request = change(&key, expected, hold, "bob", start(), None);
        let Err(ChangeError::Conflict(conflict)) = pair.second.change(request).await else {
            panic!("{expected} was accepted");
        };
        assert_eq!(conflict.expected, expected);
        assert_eq!(conflict.found.revision, Revision(1));
        assert_eq!(conflict.winner.as_deref(), Some(&winner));
    }
    // A key that was never changed is not at the table's revision.
    let never = mode_key("batch-extraction");
    let request = change(&never, Revision(1), hold, "bob", start(), None);
    let Err(ChangeError::Conflict(conflict)) = pair.second.change(request).await else {
        panic!("accepted");
    };
    assert_eq!(
        (conflict.found.revision, conflict.winner),
        (Revision(0), None)
    );
    assert_eq!(pair.first.overrides().borrow().revision, Revision(1));
    assert_eq!(
        pair.first.audit(AuditQuery::default()).await.unwrap().len(),
        1
    );
}

async fn each_scope_of_a_key_is_a_place_of_its_own(pair: Pair) {
    let all = mode_key("support-chat");
    // A host is called as it likes.
    let scopes = ["region:eu-west", "host:ops-1", "host:Ops 1/eu:west@home.*>"];
    let keys: Vec<_> = std::iter::once(all.clone())
        .chain(scopes.map(|scope| all.clone().within(scope.parse().unwrap())))
        .collect();
    for (key, revision) in keys.iter().zip(1..) {
        let request = change(key, Revision(0), FORCE, "ana", start(), None);
        let record = pair.first.change(request).await.unwrap();
        assert_eq!((record.revision, &record.key), (Revision(revision), key));
    }
    let hold = Some(Change::Mode(Mode::Hold));
    let request = change(&keys[2], Revision(3), hold, "bob", start(), None);
    pair.second.change(request).await.unwrap();
    let mut followed = pair.first.overrides();
    let table = tokio::time::timeout(PATIENCE, followed.wait_for(|it| it.revision == Revision(5)))
        .await
        .unwrap()
        .unwrap()
        .clone();
    let set = |key| table.slots[key].current.as_ref().map(|it| it.change);
    assert_eq!(
        keys.iter().map(set).collect::<Vec<_>>(),
        [FORCE, FORCE, hold, FORCE]
    );
    let expected: Vec<_> = keys.iter().map(|key| table.expected(key).0).collect();
    assert_eq!(expected, [1, 2, 5, 4]);

    // All of them are changes of one target.
    let query = AuditQuery {
        target: Some("support-chat".to_owned()),
        ..AuditQuery::default()
    };
    assert_eq!(pair.second.audit(query).await.unwrap().len(), 5);
}

async fn fifty_racing_changes_have_one_winner_per_revision(pair: Pair) {
    let key = mode_key("support-chat");
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let store = if number % 2 == 0 {
                pair.first.clone()
            } else {
                pair.second.clone()
            };
            let key = key.clone();
            tokio::spawn(async move {
                // Everyone tries until they have won once, as operators who plan again would.
                let mut expected = Revision(0);
                loop {
                    let user = format!("operator-{number}");
                    let request = change(&key, expected, FORCE, &user, start(), None);
                    match store.change(request).await {
                        Ok(record) => return (expected, record),
                        Err(ChangeError::Conflict(conflict)) => {
                            let winner = conflict.winner.unwrap();
                            assert_eq!(winner.revision, conflict.found.revision);
                            assert_ne!(winner.actor, actor(&user));
                            expected = conflict.found.revision;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    let mut won = BTreeSet::new();
    let mut based = BTreeSet::new();
    for task in tasks {
        let (expected, record) = task.await.unwrap();
        assert_eq!(record.revision.0, expected.0 + 1);
        assert!(won.insert(record.revision), "two won {}", record.revision);
        assert!(based.insert(expected), "two changes rest on {expected}");
    }
    assert_eq!(won.len(), 50);
    let audit = pair.first.audit(AuditQuery::default()).await.unwrap();
    let sequences: Vec<u64> = audit.iter().map(|record| record.sequence).collect();
    assert_eq!(sequences, (1..=50).collect::<Vec<u64>>());
}

async fn an_expired_override_is_ended_exactly_once(pair: Pair) {
    let lasting = Some(Duration::from_mins(1));
    for workload in ["a", "b", "c"] {
        let request = change(
            &mode_key(workload),
            Revision(0),
            FORCE,
            "ana",
            start(),
            lasting,
        );
        pair.first.change(request).await.unwrap();
    }
    assert!(pair.first.end_expired().await.unwrap().is_empty());
    pair.clock.advance(Duration::from_mins(1));
    // Everybody tries at the same time, over both handles.
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let store = if number % 2 == 0 {
                pair.first.clone()
            } else {
                pair.second.clone()
            };
            tokio::spawn(async move { store.end_expired().await.unwrap() })
        })
        .collect();
    let mut ended = Vec::new();
    for task in tasks {
        ended.extend(task.await.unwrap());
    }
    ended.sort_by_key(|record| record.sequence);
    assert_eq!(ended.len(), 3);
    for (record, workload) in ended.iter().zip(["a", "b", "c"]) {
        assert_eq!(record.key, mode_key(workload));
        assert_eq!((record.before, record.after), (FORCE, None));
        assert_eq!(
            (record.verb, record.actor.user.as_str()),
            (None, "backstop")
        );
        assert_eq!(record.actor.via, "gateway");
        assert_eq!(record.reason.as_str(), "automatic");
        assert_eq!(record.at, start() + Duration::from_mins(1));
    }
    let audit = pair.second.audit(AuditQuery::default()).await.unwrap();
    assert_eq!(audit.get(3..), Some(ended.as_slice()));
    let mut followed = pair.second.overrides();
    let table = tokio::time::timeout(PATIENCE, followed.wait_for(|it| it.revision == Revision(6)))
        .await
        .unwrap()
        .unwrap()
        .clone();
    assert!(table.slots.values().all(|slot| slot.current.is_none()));
}

async fn an_unexpired_override_is_left_alone(pair: Pair) {
    let key = mode_key("support-chat");
    let lasting = Some(Duration::from_mins(1));
    let request = change(&key, Revision(0), FORCE, "ana", start(), lasting);
    pair.first.change(request).await.unwrap();
    let for_ever = change(&mode_key("b"), Revision(0), FORCE, "ana", start(), None);
    pair.first.change(for_ever).await.unwrap();
    // A host ends what it has heard of.
    let mut followed = pair.second.overrides();
    let heard = followed.wait_for(|table| table.revision == Revision(2));
    tokio::time::timeout(PATIENCE, heard)
        .await
        .unwrap()
        .unwrap();
    pair.clock.advance(Duration::from_millis(59_999));
    assert!(pair.second.end_expired().await.unwrap().is_empty());
    // A clock that jumps backwards ends nothing, and does not end anything twice later.
    pair.clock.set(start() - Duration::from_hours(1));
    assert!(pair.second.end_expired().await.unwrap().is_empty());
    pair.clock.set(start() + Duration::from_mins(1));
    assert_eq!(pair.second.end_expired().await.unwrap().len(), 1);
    pair.clock.set(start());
    assert!(pair.first.end_expired().await.unwrap().is_empty());
    pair.clock.set(start() + Duration::from_secs(90));
    assert!(pair.first.end_expired().await.unwrap().is_empty());
}

async fn a_change_over_an_expired_override_keeps_its_end_in_the_audit(pair: Pair) {
    let key = mode_key("support-chat");
    let lasting = Some(Duration::from_mins(1));
    let request = change(&key, Revision(0), FORCE, "ana", start(), lasting);
    pair.first.change(request).await.unwrap();
    pair.clock.advance(Duration::from_secs(61));
    let hold = Some(Change::Mode(Mode::Hold));
    let request = change(&key, Revision(1), hold, "bob", pair.clock.now(), None);
    let record = pair.second.change(request).await.unwrap();
    assert_eq!((record.before, record.after), (None, hold));
    assert_eq!((record.sequence, record.revision), (3, Revision(3)));
    let audit = pair.first.audit(AuditQuery::default()).await.unwrap();
    let told: Vec<_> = audit
        .iter()
        .map(|record| (record.verb.is_some(), record.before, record.after))
        .collect();
    assert_eq!(
        told,
        [
            (true, None, FORCE),
            (false, FORCE, None),
            (true, None, hold)
        ]
    );
    assert!(pair.first.end_expired().await.unwrap().is_empty());
}

async fn a_plan_is_applied_once(pair: Pair) {
    let kept = plan("3f9c", start());
    pair.first.put_plan(kept.clone()).await.unwrap();
    let found = pair.second.plan(kept.id.clone()).await.unwrap();
    assert_eq!(found, Some((kept.clone(), None)));
    assert_eq!(
        pair.second.plan(PlanId("0000".to_owned())).await.unwrap(),
        None
    );
    let mut request = change(&kept.key, Revision(0), FORCE, "ana", start(), None);
    request.plan = Some(kept.id.clone());
    pair.second.change(request.clone()).await.unwrap();
    let found = pair.first.plan(kept.id.clone()).await.unwrap();
    assert_eq!(found, Some((kept.clone(), Some(Revision(1)))));
    // Neither as it was nor against the new revision.
    for expected in [Revision(0), Revision(1)] {
        request.expected = expected;
        let again = pair.first.change(request.clone()).await;
        assert!(matches!(again, Err(ChangeError::PlanUsed)), "{again:?}");
    }
    // A change that loses leaves its plan as it was.
    let other = plan("77aa", start());
    pair.first.put_plan(other.clone()).await.unwrap();
    request.expected = Revision(0);
    request.plan = Some(other.id.clone());
    let lost = pair.first.change(request).await;
    assert!(matches!(lost, Err(ChangeError::Conflict(_))), "{lost:?}");
    assert_eq!(
        pair.first.plan(other.id.clone()).await.unwrap(),
        Some((other, None))
    );
}

async fn plans_are_forgotten_after_a_day(pair: Pair) {
    let kept = plan("3f9c", start());
    pair.first.put_plan(kept.clone()).await.unwrap();
    pair.clock.advance(Duration::from_hours(24));
    assert!(pair.second.plan(kept.id.clone()).await.unwrap().is_some());
    pair.clock.advance(Duration::from_millis(1));
    assert_eq!(pair.second.plan(kept.id).await.unwrap(), None);
}

async fn a_waiting_plan_is_not_overwritten(pair: Pair) {
    let waiting = plan("3f9c", start());
    pair.first.put_plan(waiting.clone()).await.unwrap();
    // The same once more is no harm.
    pair.first.put_plan(waiting.clone()).await.unwrap();
    let mut other = plan("3f9c", start());
    other.key = mode_key("batch-extraction");
    let taken = pair.second.put_plan(other.clone()).await;
    assert!(
        matches!(taken, Err(StoreError::PlanTaken { .. })),
        "{taken:?}"
    );
    // Its time being over, the id is free.
    pair.clock.advance(Duration::from_mins(10));
    pair.second.put_plan(other.clone()).await.unwrap();
    let found = pair.first.plan(other.id.clone()).await.unwrap();
    assert_eq!(found, Some((other, None)));
}

fn decision(number: u64) -> Entry {
    Entry::Decision(Box::new(event(number, start())))
}

async fn append(store: &Store, entry: Entry) -> Seq {
    let receipt = store.reserve().unwrap().append(entry);
    receipt.durable().await.unwrap()
}

async fn entries_come_back_in_order_from_both(pair: Pair) {
    let entries = [
        decision(1),
        decision(2),
        Entry::Outcome(outcome(1, start())),
        decision(3),
    ];
    let mut seqs = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let store = if index % 2 == 0 {
            &pair.first
        } else {
            &pair.second
        };
        seqs.push(append(store, entry.clone()).await);
    }
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    assert!(seqs[0] > Seq(0));
    let all: Vec<_> = seqs.iter().copied().zip(entries).collect();
    for store in [&pair.first, &pair.second] {
        assert_eq!(store.tail(Seq(0), 100).await.unwrap(), all);
        assert_eq!(store.tail(seqs[1], 1).await.unwrap(), all[2..3]);
        assert_eq!(store.tail(seqs[3], 100).await.unwrap(), []);
        assert_eq!(store.tail(Seq(u64::MAX), 100).await.unwrap(), []);
    }
}

async fn outcomes_are_merged_into_their_events(pair: Pair) {
    append(&pair.first, decision(1)).await;
    append(&pair.first, decision(2)).await;
    let reservation = pair.second.reserve().unwrap();
    reservation.append_unawaited(Entry::Outcome(outcome(2, start())));
    // What is appended later from the same process is durable later.
    append(&pair.second, decision(3)).await;
    let events = pair.first.events(EventQuery::default()).await.unwrap();
    let merged: Vec<_> = events
        .iter()
        .map(|stored| (stored.event.clone(), stored.outcome.clone()))
        .collect();
    assert_eq!(
        merged,
        [
            (event(1, start()), None),
            (event(2, start()), Some(outcome(2, start()))),
            (event(3, start()), None),
        ]
    );
}

async fn the_first_outcome_counts(pair: Pair) {
    append(&pair.first, decision(1)).await;
    let mut late = outcome(1, start());
    late.status = 502;
    append(&pair.first, Entry::Outcome(outcome(1, start()))).await;
    append(&pair.first, Entry::Outcome(late)).await;
    let events = pair.second.events(EventQuery::default()).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].outcome, Some(outcome(1, start())));
}

/// What is asked, and the numbers of the events that must come back.
#[expect(clippy::too_many_lines, reason = "the table is the point")]
fn event_queries(places: &[Seq]) -> Vec<(&'static str, EventQuery, Vec<u64>)> {
    let all = EventQuery::default();
    vec![
        ("all", all.clone(), (0..20).collect()),
        (
            "newest three",
            EventQuery {
                limit: 3,
                ..all.clone()
            },
            vec![17, 18, 19],
        ),
        (
            "workload",
            EventQuery {
                workload: Some("code-assistant".into()),
                limit: 2,
                ..all.clone()
            },
            vec![15, 18],
        ),
        (
            "class, which the others do not have",
            EventQuery {
                class: Some(ErrorClass::Overloaded),
                limit: 4,
                ..all.clone()
            },
            vec![14, 16, 17, 19],
        ),
        (
            "no such class",
            EventQuery {
                class: Some(ErrorClass::Timeout),
                ..all.clone()
            },
            vec![],
        ),
        (
            "decision",
            EventQuery {
                decision: Some(EventDecision::Refused),
                ..all.clone()
            },
            vec![0, 4, 8, 12, 16],
        ),
        (
            "since is inclusive and finer than a minute",
            EventQuery {
                since: Some(start() + Duration::from_secs(30 * 17)),
                ..all.clone()
            },
            vec![17, 18, 19],
        ),
        (
            "since later than all",
            EventQuery {
                since: Some(start() + Duration::from_hours(1)),
                ..all.clone()
            },
            vec![],
        ),
        (
            "until is exclusive",
            EventQuery {
                since: Some(start() + Duration::from_secs(30 * 3)),
                until: Some(start() + Duration::from_mins(3)),
                ..all.clone()
            },
            vec![3, 4, 5],
        ),
        (
            "by its id",
            EventQuery {
                since: Some(event_id(7).at()),
                id: Some(event_id(7)),
                limit: 1,
                ..all.clone()
            },
            vec![7],
        ),
        (
            "since earlier than all, with a decision",
            EventQuery {
                since: Some(start() - Duration::from_hours(1)),
                decision: Some(EventDecision::Refused),
                limit: 1,
                ..all.clone()
            },
            vec![16],
        ),
        (
            "a page backwards",
            EventQuery {
                before: Some(places[10]),
                limit: 2,
                ..all.clone()
            },
            vec![8, 9],
        ),
        (
            "between two places",
            EventQuery {
                after: places[4],
                before: Some(places[7]),
                ..all
            },
            vec![5, 6],
        ),
    ]
}

async fn events_are_filtered(pair: Pair) {
    // Ten minutes, two events in each; every third one is another workload's, every fourth one refused.
    let mut stored = Vec::new();
    for number in 0..20_u64 {
        let mut one = event(number, start() + Duration::from_secs(30 * number));
        if number % 3 == 0 {
            one.workload = "code-assistant".into();
            one.class = None;
        }
        if number % 4 == 0 {
            one.decision = EventDecision::Refused;
        }
        let seq = append(&pair.first, Entry::Decision(Box::new(one.clone()))).await;
        append(&pair.first, Entry::Outcome(outcome(number, one.at))).await;
        stored.push((seq, number));
    }
    let places: Vec<Seq> = stored.iter().map(|(seq, _)| *seq).collect();
    let cases = event_queries(&places);
    for (case, query, expected) in cases {
        let found = pair.second.events(query).await.unwrap();
        let numbers: Vec<u64> = found
            .iter()
            .map(|found| stored.iter().find(|(seq, _)| *seq == found.seq).unwrap().1)
            .collect();
        assert_eq!(numbers, expected, "{case}");
        assert!(found.iter().all(|found| found.outcome.is_some()), "{case}");
    }
}

async fn the_newest_place_is_followed(pair: Pair) {
    let mut followed = pair.second.newest();
    for number in 0..5 {
        let seq = append(&pair.first, decision(number)).await;
        let seen = tokio::time::timeout(PATIENCE, followed.wait_for(|newest| *newest >= seq))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(*seen, seq);
    }
    // Who follows later is told, too.
    let newest = *followed.borrow();
    let mut late = pair.second.newest();
    tokio::time::timeout(PATIENCE, late.wait_for(|seen| *seen == newest))
        .await
        .unwrap()
        .unwrap();
}

async fn who_is_alive_moves_the_pulse(pair: Pair) {
    // Where nobody is told, one looks.
    let Some(mut pulse) = pair.second.pulse() else {
        return;
    };
    for (case, store) in [("its own", &pair.second), ("another's", &pair.first)] {
        for second in 0..3 {
            pulse.mark_unchanged();
            let at = start() + Duration::from_secs(second);
            store.beat(heartbeat(case, at)).await.unwrap();
            let moved = tokio::time::timeout(PATIENCE, pulse.changed()).await;
            assert!(moved.is_ok_and(|moved| moved.is_ok()), "{case}");
        }
    }
}

async fn many_entries_from_both_all_get_their_own_place(pair: Pair) {
    let tasks: Vec<_> = (0..8_u64)
        .map(|task| {
            let store = if task % 2 == 0 {
                pair.first.clone()
            } else {
                pair.second.clone()
            };
            tokio::spawn(async move {
                let receipts: Vec<_> = (0..250)
                    .map(|number| {
                        let reservation = store.reserve().unwrap();
                        reservation.append(decision(task * 1_000 + number))
                    })
                    .collect();
                let mut seqs = Vec::new();
                for receipt in receipts {
                    seqs.push(receipt.durable().await.unwrap());
                }
                assert!(
                    seqs.is_sorted_by(|a, b| a < b),
                    "one caller's order is kept"
                );
                seqs
            })
        })
        .collect();
    let mut places = BTreeSet::new();
    for task in tasks {
        places.extend(task.await.unwrap());
    }
    assert_eq!(places.len(), 2_000);
    let log = pair.first.tail(Seq(0), 10_000).await.unwrap();
    let told: BTreeSet<Seq> = log.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(told, places);
    let events = pair.second.events(EventQuery::default()).await.unwrap();
    assert_eq!(events.len(), 2_000);
}

async fn the_queue_is_bounded(pair: Pair) {
    let mut held = Vec::new();
    let capacity = loop {
        match pair.first.reserve() {
            Ok(reservation) => held.push(reservation),
            Err(StoreError::QueueFull { capacity }) => break capacity,
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(held.len(), capacity);
    // A place that is not used is given back, and so is one whose entry is durable.
    held.pop();
    append(&pair.first, decision(1)).await;
    let again = pair.first.reserve().unwrap();
    assert!(pair.first.reserve().is_err());
    drop(again);
    held.clear();
    append(&pair.first, decision(2)).await;
}

async fn the_audit_is_filtered(pair: Pair) {
    let (a, b) = (mode_key("a"), mode_key("b"));
    let mut expected = [Revision(0), Revision(0)];
    for number in 0..6_u64 {
        let which = usize::from(number % 3 == 0);
        let key = [&a, &b][which];
        let at = start() + Duration::from_secs(number);
        let request = change(key, expected[which], FORCE, "ana", at, None);
        expected[which] = pair.first.change(request).await.unwrap().revision;
    }
    let all = AuditQuery::default();
    for (case, query, sequences) in [
        ("all", all.clone(), vec![1, 2, 3, 4, 5, 6]),
        (
            "target",
            AuditQuery {
                target: Some("b".to_owned()),
                ..all.clone()
            },
            vec![1, 4],
        ),
        (
            "since",
            AuditQuery {
                since: Some(start() + Duration::from_secs(4)),
                ..all.clone()
            },
            vec![5, 6],
        ),
        (
            "after",
            AuditQuery {
                after: 4,
                ..all.clone()
            },
            vec![5, 6],
        ),
        (
            "newest of a target",
            AuditQuery {
                target: Some("a".to_owned()),
                limit: 2,
                ..all
            },
            vec![5, 6],
        ),
    ] {
        let found = pair.second.audit(query).await.unwrap();
        let found: Vec<u64> = found.iter().map(|record| record.sequence).collect();
        assert_eq!(found, sequences, "{case}");
    }
}

async fn heartbeats_are_kept_for_a_day(pair: Pair) {
    pair.first.beat(heartbeat("gw-2", start())).await.unwrap();
    let mut newer = heartbeat("gw-1", start());
    pair.first.beat(newer.clone()).await.unwrap();
    newer.revision = Revision(9);
    pair.first.beat(newer.clone()).await.unwrap();
    let found = pair.second.heartbeats().await.unwrap();
    assert_eq!(found, [newer, heartbeat("gw-2", start())]);
    pair.second.farewell("gw-1".into()).await.unwrap();
    let silent = [heartbeat("gw-2", start())];
    assert_eq!(pair.first.heartbeats().await.unwrap(), silent);
    pair.clock.advance(Duration::from_hours(24));
    assert_eq!(pair.first.heartbeats().await.unwrap(), silent);
    pair.clock.advance(Duration::from_millis(1));
    assert_eq!(pair.first.heartbeats().await.unwrap(), []);
}

async fn presences_are_kept_for_fifteen_seconds(pair: Pair) {
    let early = presence("one", start());
    pair.first.put_presence(early.clone()).await.unwrap();
    pair.clock.advance(Duration::from_secs(10));
    let late = presence("two", pair.clock.now());
    pair.second.put_presence(late.clone()).await.unwrap();
    assert_eq!(
        pair.second.presences().await.unwrap(),
        [early, late.clone()]
    );
    pair.clock.advance(Duration::from_secs(6));
    assert_eq!(pair.first.presences().await.unwrap(), [late]);
    pair.first.remove_presence("two".to_owned()).await.unwrap();
    assert_eq!(pair.second.presences().await.unwrap(), []);
}

pub(crate) fn rung(route: &str, rung: Rung, at: jiff::Timestamp, verdict: Verdict) -> ProbeRecord {
    ProbeRecord::Rung(Box::new(RungResult {
        route: route.into(),
        rung,
        asked: Asked {
            base_url: "http://127.0.0.1:1".to_owned(),
            model: "m".to_owned(),
            sample: None,
        },
        at,
        verdict,
        evidence: format!("at {at}"),
        class: None,
        sample: None,
        cost: None,
    }))
}

async fn the_latest_probe_of_each_key_is_kept_with_a_short_history(pair: Pair) {
    let second = |second: i64| start() + jiff::SignedDuration::from_secs(second);
    let old = rung("b", Rung::Key, second(-1), Verdict::Failed);
    let minimal = rung("b", Rung::Minimal, second(3), Verdict::Passed);
    let key = rung("b", Rung::Key, second(2), Verdict::Passed);
    let other = rung("a", Rung::Key, second(2), Verdict::Skipped);
    let put = vec![minimal.clone(), key.clone(), other.clone()];
    pair.first.put_probes(put).await.unwrap();
    // What comes late does not hide what is newer.
    let (all, place) = pair.second.probes_since(0).await.unwrap();
    assert_eq!(all.len(), 3);
    pair.second.put_probes(vec![old]).await.unwrap();
    let (none, place) = pair.second.probes_since(place).await.unwrap();
    assert_eq!(none, []);
    // Made earlier than what was read, kept later.
    let late = rung("a", Rung::Model, second(-9), Verdict::Failed);
    pair.first.put_probes(vec![late.clone()]).await.unwrap();
    let (fresh, place) = pair.second.probes_since(place).await.unwrap();
    assert_eq!(fresh, std::slice::from_ref(&late));
    assert_eq!(
        pair.second.probes_since(place).await.unwrap(),
        (vec![], place)
    );
    let latest = pair.second.probes(None).await.unwrap();
    assert_eq!(latest, [other, late, key.clone(), minimal.clone()]);
    let since = pair.first.probes(Some(second(2))).await.unwrap();
    assert_eq!(since, [minimal]);

    let history = pair.second.probe_history(key.key()).await.unwrap();
    let verdicts: Vec<Verdict> = history.iter().map(|point| point.verdict).collect();
    assert_eq!(verdicts, [Verdict::Failed, Verdict::Passed]);
    for at in 3..40 {
        let record = rung("b", Rung::Key, second(at), Verdict::Skipped);
        pair.first.put_probes(vec![record]).await.unwrap();
    }
    let history = pair.first.probe_history(key.key()).await.unwrap();
    let ends = history.first().zip(history.last());
    let ends = ends.map(|(first, last)| (first.at, last.at));
    assert_eq!((history.len(), ends), (16, Some((second(24), second(39)))));
    let never = ProbeKey {
        route: "b".into(),
        subject: ProbeSubject::Sample("chat/x".into()),
    };
    assert_eq!(pair.first.probe_history(never).await.unwrap(), []);
}

async fn probes_are_forgotten_after_thirty_days(pair: Pair) {
    let days = |days: i64| start() - jiff::SignedDuration::from_hours(24 * days);
    let old = rung("a", Rung::Key, days(31), Verdict::Passed);
    let kept = rung("b", Rung::Key, days(29), Verdict::Passed);
    pair.first
        .put_probes(vec![old.clone(), kept.clone()])
        .await
        .unwrap();
    assert_eq!(pair.second.probes(None).await.unwrap(), [kept]);
    assert_eq!(pair.first.probe_history(old.key()).await.unwrap(), []);
}

pub(crate) fn capture(workload: &str, class: PayloadClass, at: Timestamp) -> Captured {
    Captured {
        number: 0,
        at,
        workload: workload.into(),
        class,
        needs: [Capability::Tools].into_iter().collect(),
        stream: true,
        body: format!("{{\"at\":\"{at}\"}}"),
    }
}

async fn numbers(store: &Store, workload: &str) -> Vec<u64> {
    let found = store.captures(workload.into()).await.unwrap();
    found.iter().map(|one| one.number).collect()
}

async fn the_newest_captures_of_each_class_are_kept_for_a_day(pair: Pair) {
    assert_eq!(numbers(&pair.second, "a").await, [0; 0]);
    let at = |minutes: i64| start() + jiff::SignedDuration::from_mins(minutes);
    for minute in 0..6 {
        let one = capture("a", PayloadClass::Chat, at(minute));
        pair.first.put_capture(one).await.unwrap();
    }
    for (workload, class) in [("a", PayloadClass::Tools), ("b", PayloadClass::Chat)] {
        let one = capture(workload, class, at(6));
        pair.second.put_capture(one).await.unwrap();
    }
    assert_eq!(numbers(&pair.second, "a").await, [7, 6, 5, 4, 3]);
    assert_eq!(numbers(&pair.first, "b").await, [8]);
    let found = pair.first.captures("a".into()).await.unwrap();
    let wanted = capture("a", PayloadClass::Tools, at(6));
    assert_eq!(
        found[0],
        Captured {
            number: 7,
            ..wanted
        }
    );

    pair.clock
        .advance(Duration::from_hours(24) + Duration::from_mins(4));
    assert_eq!(numbers(&pair.second, "a").await, [7, 6, 5]);
    let both = vec!["a".into(), "b".into()];
    assert_eq!(pair.first.keep_captures(both.clone()).await.unwrap(), 2);
    assert_eq!(pair.first.keep_captures(both).await.unwrap(), 0);
}

async fn captures_of_other_workloads_are_removed(pair: Pair) {
    assert_eq!(pair.first.keep_captures(Vec::new()).await.unwrap(), 0);
    for workload in ["a", "b"] {
        let one = capture(workload, PayloadClass::Chat, start());
        pair.first.put_capture(one).await.unwrap();
    }
    let kept = vec!["b".into()];
    assert_eq!(pair.second.keep_captures(kept).await.unwrap(), 1);
    assert_eq!(numbers(&pair.first, "a").await, [0; 0]);
    assert_eq!(numbers(&pair.first, "b").await, [2]);
    assert_eq!(pair.first.keep_captures(Vec::new()).await.unwrap(), 1);
    // A number is not used twice.
    let one = capture("a", PayloadClass::Chat, start());
    pair.second.put_capture(one).await.unwrap();
    assert_eq!(numbers(&pair.first, "a").await, [3]);
}

async fn retention_removes_old_and_never_reuses_a_place(pair: Pair) {
    let key = mode_key("support-chat");
    let request = change(&key, Revision(0), FORCE, "ana", start(), None);
    pair.first.change(request).await.unwrap();
    for number in 0..3 {
        append(&pair.first, decision(number)).await;
    }
    append(&pair.first, Entry::Outcome(outcome(1, start()))).await;
    pair.clock.advance(Duration::from_secs(100));
    let young = event(7, pair.clock.now());
    let kept = append(&pair.first, Entry::Decision(Box::new(young.clone()))).await;
    let retention = |seconds| Retention {
        events: Duration::from_secs(seconds),
        audit: Duration::from_secs(seconds),
        reviews: Duration::from_secs(seconds),
    };
    assert_eq!(pair.retain(retention(100)).await, (0, 0));
    assert_eq!(pair.retain(retention(99)).await, (3, 1));
    let tail = pair.first.tail(Seq(0), 100).await.unwrap();
    assert_eq!(tail, [(kept, Entry::Decision(Box::new(young)))]);
    assert_eq!(pair.first.audit(AuditQuery::default()).await.unwrap(), []);
    // The overrides themselves are no history.
    assert!(
        pair.first.overrides().borrow().slots[&key]
            .current
            .is_some()
    );

    pair.clock.advance(Duration::from_secs(1));
    assert_eq!(pair.second.retain(retention(0)).await.unwrap(), (1, 0));
    assert_eq!(pair.first.tail(Seq(0), 100).await.unwrap(), []);
    assert_eq!(pair.first.events(EventQuery::default()).await.unwrap(), []);
    assert!(append(&pair.second, decision(8)).await > kept);
    let request = change(&key, Revision(1), None, "ana", start(), None);
    assert_eq!(pair.second.change(request).await.unwrap().sequence, 2);
}

async fn a_lease_has_one_holder(pair: Pair) {
    const LIFE: Duration = Duration::from_secs(15);
    let take = async |store: &Store, holder: &str| {
        store.lease("probe", holder.to_owned(), LIFE).await.unwrap()
    };
    let first = take(&pair.first, "a").await.unwrap();
    assert_eq!((first.holder.as_str(), first.term), ("a", 1));
    assert_eq!(take(&pair.second, "b").await.unwrap_err(), first);

    // Renewed in time it stays, and in the same term.
    pair.clock.advance(Duration::from_secs(14));
    let renewed = take(&pair.second, "a").await.unwrap();
    assert_eq!(renewed.term, 1);
    pair.clock.advance(Duration::from_secs(2));
    assert_eq!(take(&pair.first, "b").await.unwrap_err(), renewed);

    // Not renewed it goes to whoever asks, in a new term; the old holder sees that.
    pair.clock.advance(LIFE);
    let taken = take(&pair.first, "b").await.unwrap();
    assert_eq!((taken.holder.as_str(), taken.term), ("b", 2));
    assert_eq!(take(&pair.second, "a").await.unwrap_err(), taken);

    // Another's lease cannot be given back; one's own can.
    let release = async |holder: &str| {
        let holder = holder.to_owned();
        pair.second.release("probe", holder).await.unwrap();
    };
    release("a").await;
    assert_eq!(take(&pair.second, "a").await.unwrap_err(), taken);
    release("b").await;
    assert_eq!(take(&pair.first, "a").await.unwrap().term, 3);

    // Another name is another lease.
    let other = pair.second.lease("other", "b".to_owned(), LIFE).await;
    assert_eq!(other.unwrap().unwrap().term, 1);
}

async fn fifty_who_want_a_lease_get_one(pair: Pair) {
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..50 {
        let store = if number % 2 == 0 {
            &pair.first
        } else {
            &pair.second
        };
        let store = store.clone();
        racing.spawn(async move {
            let holder = format!("gateway-{number}");
            let life = Duration::from_secs(15);
            store.lease("probe", holder, life).await.unwrap().is_ok()
        });
    }
    let all = racing.join_all().await;
    assert_eq!(all.iter().filter(|got| **got).count(), 1);
}

async fn readiness_is_replaced_as_a_whole(pair: Pair) {
    let one = |workload: &str, word| WorkloadReadiness {
        workload: workload.into(),
        fallback: Some("stable-chat".into()),
        word,
        reasons: vec![ReadinessReason {
            at: None,
            word,
            why: "because".to_owned(),
        }],
        proven: Some(start()),
    };
    assert_eq!(pair.first.readiness().await.unwrap(), []);
    let (chat, batch) = (
        one("support-chat", Readiness::Ready),
        one("batch-extraction", Readiness::Stale),
    );
    let both = vec![chat.clone(), batch.clone()];
    pair.first.put_readiness(both).await.unwrap();
    assert_eq!(
        pair.second.readiness().await.unwrap(),
        [batch, chat.clone()]
    );
    // A workload that is gone from the configuration is gone from here.
    pair.second.put_readiness(vec![chat.clone()]).await.unwrap();
    assert_eq!(pair.first.readiness().await.unwrap(), [chat]);
}

async fn spending_is_added_up_by_hour(pair: Pair) {
    let spend = |route: &str, hour, requests, cost| Spent {
        route: route.into(),
        hour,
        requests,
        cost,
    };
    let hour = Spent::hour_of(start());
    for spent in [
        spend("a", hour, 1, 0.25),
        spend("a", hour, 2, 0.5),
        spend("b", hour, 1, 0.0),
        spend("a", hour - 1, 7, 1.0),
    ] {
        pair.first.spend(spent).await.unwrap();
    }
    assert_eq!(
        pair.second.spent(hour).await.unwrap(),
        [spend("a", hour, 3, 0.75), spend("b", hour, 1, 0.0)]
    );
    assert_eq!(pair.second.spent(hour - 1).await.unwrap().len(), 3);
}

async fn an_observer_reads_and_may_not_write(pair: Pair) {
    let key = mode_key("support-chat");
    let request = change(&key, Revision(0), FORCE, "ana", start(), None);
    pair.first.change(request.clone()).await.unwrap();
    append(&pair.first, decision(1)).await;
    let observer = Store::open(pair.place.clone(), Access::Observe, pair.clock.clone())
        .await
        .unwrap();
    assert_eq!(observer.overrides().borrow().revision, Revision(1));
    assert_eq!(observer.tail(Seq(0), 9).await.unwrap().len(), 1);
    assert_eq!(
        observer.events(EventQuery::default()).await.unwrap().len(),
        1
    );
    assert_eq!(
        observer.audit(AuditQuery::default()).await.unwrap().len(),
        1
    );
    assert_eq!(*observer.health().borrow(), Health::Good);

    let changed = observer.change(request).await;
    assert!(matches!(
        changed,
        Err(ChangeError::Store(StoreError::ReadOnly))
    ));
    assert!(matches!(observer.reserve(), Err(StoreError::ReadOnly)));
    let retention = Retention {
        events: Duration::ZERO,
        audit: Duration::ZERO,
        reviews: Duration::ZERO,
    };
    for (case, refused) in [
        ("end_expired", observer.end_expired().await.map(drop)),
        ("retain", observer.retain(retention).await.map(drop)),
        ("put_plan", observer.put_plan(plan("1", start())).await),
        ("beat", observer.beat(heartbeat("gw", start())).await),
        ("farewell", observer.farewell("gw".into()).await),
    ] {
        assert!(matches!(refused, Err(StoreError::ReadOnly)), "{case}");
    }

    // It follows what others write, and may say that it is there.
    let mut followed = observer.overrides();
    let mut newest = observer.newest();
    let request = change(&key, Revision(1), None, "ana", start(), None);
    pair.second.change(request).await.unwrap();
    let seq = append(&pair.second, decision(2)).await;
    let seen = followed.wait_for(|it| it.revision == Revision(2));
    drop(tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap());
    let seen = newest.wait_for(|newest| *newest == seq);
    drop(tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap());
    let there = presence("observer", start());
    observer.put_presence(there.clone()).await.unwrap();
    assert_eq!(pair.first.presences().await.unwrap(), [there]);
    observer.close().await.unwrap();
}

async fn after_close_everything_is_refused(pair: Pair) {
    let reservation = pair.first.reserve().unwrap();
    let last = pair.first.reserve().unwrap().append(decision(1));
    pair.first.close().await.unwrap();
    // What was appended before is durable.
    last.durable().await.unwrap();
    assert!(matches!(pair.first.reserve(), Err(StoreError::Closed)));
    let late = reservation.append(decision(2)).durable().await;
    assert!(matches!(late, Err(StoreError::Closed)) || late.is_ok());
    let refused = pair.first.tail(Seq(0), 9).await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    let refused = pair.first.heartbeats().await;
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    // Closing twice is no harm, and the others go on.
    pair.first.close().await.unwrap();
    let other = Store::open(pair.place.clone(), Access::Write, pair.clock.clone())
        .await
        .unwrap();
    append(&other, decision(3)).await;
    assert!(other.tail(Seq(0), 9).await.unwrap().len() >= 2);
}

#[tokio::test]
async fn a_url_of_no_known_kind_is_refused() {
    for url in [
        "",
        "sqlite",
        "sqlite:",
        "memory:",
        "nats:localhost",
        "/var/lib",
    ] {
        let opened = Store::open(url, Access::Write, Clock::system()).await;
        assert!(
            matches!(opened, Err(StoreError::UnknownUrl { .. })),
            "{url}: {opened:?}"
        );
    }
}

/// So many requests in the last minute, all of them answered.
fn traffic(workload: &str, requests: u64) -> WorkloadTraffic {
    WorkloadTraffic {
        workload: workload.into(),
        requests,
        primary_failures: 0,
        fallbacks: 0,
        errors: 0,
        uncaught: 0,
        refused: 0,
        first_output_p50_ms: None,
        first_output_p95_ms: None,
        in_flight: 0,
        failing_since: None,
        last_primary_failure: None,
        last_primary: None,
        last_fallback: None,
        last_routed: None,
        last_fallback_by: None,
        last_primary_by: None,
        last_uncaught: None,
    }
}

async fn events_are_counted_by_class_and_minute(pair: Pair) {
    let begin: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    for (number, second, class, decision) in [
        (1, -1, Some(ErrorClass::Timeout), EventDecision::Fallback),
        (2, 1, Some(ErrorClass::Timeout), EventDecision::Fallback),
        (3, 2, Some(ErrorClass::Timeout), EventDecision::Refused),
        (4, 59, None, EventDecision::Fallback),
        (5, 61, Some(ErrorClass::Overloaded), EventDecision::Broken),
        (6, 62, None, EventDecision::Readiness),
        (7, 125, Some(ErrorClass::Timeout), EventDecision::Fallback),
    ] {
        let mut of = event(number, begin + SignedDuration::from_secs(second));
        (of.class, of.decision) = (class, decision);
        append(&pair.first, Entry::Decision(Box::new(of.clone()))).await;
        append(&pair.first, Entry::Outcome(outcome(number, of.at))).await;
    }
    let query = TrafficQuery {
        since: begin,
        until: begin + SignedDuration::from_secs(120),
        stretch: Stretch::Minute,
        workload: None,
    };
    let workload = event(1, begin).workload;
    for workload in [None, Some(workload)] {
        let query = TrafficQuery {
            workload,
            ..query.clone()
        };
        let tally = pair.second.event_tally(query).await.unwrap();
        assert_eq!(tally.since, begin);
        let told: Vec<_> = tally
            .counts
            .iter()
            .map(|count| {
                let start = count.start.duration_since(begin).as_secs();
                (start, count.class, count.count)
            })
            .collect();
        assert_eq!(
            told,
            [
                (0, None, 1),
                (0, Some(ErrorClass::Timeout), 2),
                (60, Some(ErrorClass::Overloaded), 1)
            ]
        );
    }
    let other = TrafficQuery {
        workload: Some("another".into()),
        ..query
    };
    assert_eq!(pair.second.event_tally(other).await.unwrap().counts, []);
}

async fn traffic_of_the_past_is_kept_by_minute_and_by_hour(pair: Pair) {
    let begin: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
    let beat = async |store: &Store, gateway: &str, second: i64, requests: u64| {
        let at = begin + SignedDuration::from_secs(second);
        let mut beat = heartbeat(gateway, at);
        beat.workloads = vec![WorkloadTraffic {
            fallbacks: requests / 10,
            first_output_p50_ms: Some(requests / 2),
            first_output_p95_ms: (gateway == "gw-1").then_some(requests),
            ..traffic("support-chat", requests)
        }];
        beat.workloads.retain(|of| of.requests > 0);
        store.beat(beat).await.unwrap();
    };
    // The first one says nothing of a whole minute; within a minute nothing is counted twice.
    beat(&pair.first, "gw-1", 58, 500).await;
    beat(&pair.first, "gw-1", 60, 600).await;
    beat(&pair.first, "gw-1", 61, 610).await;
    beat(&pair.second, "gw-2", 59, 60).await;
    beat(&pair.second, "gw-2", 61, 60).await;
    beat(&pair.first, "gw-1", 121, 700).await;
    beat(&pair.first, "gw-1", 3_630, 100).await;
    let ask = async |stretch, since: i64, until: i64| {
        let query = TrafficQuery {
            since: begin + SignedDuration::from_secs(since),
            until: begin + SignedDuration::from_secs(until),
            stretch,
            workload: Some("support-chat".into()),
        };
        let past = pair.second.traffic(query).await.unwrap();
        let told = past.iter().map(|past| {
            let start = past.start.duration_since(begin).as_secs();
            (start, past.requests, past.fallbacks)
        });
        told.collect::<Vec<_>>()
    };
    assert_eq!(
        ask(Stretch::Minute, 0, 7_200).await,
        [(0, 660, 66), (60, 700, 70), (3_540, 100, 10)]
    );
    assert_eq!(ask(Stretch::Minute, 60, 120).await, [(60, 700, 70)]);
    assert_eq!(ask(Stretch::Hour, 1_800, 1_801).await, [(0, 1_460, 146)]);
    assert_eq!(ask(Stretch::Hour, 3_600, 7_200).await, []);
    let other = TrafficQuery {
        since: begin,
        until: begin + SignedDuration::from_hours(1),
        stretch: Stretch::Hour,
        workload: Some("batch".into()),
    };
    // The slowest gateway's; of an hour, in its slowest minute.
    for (stretch, slowest) in [
        (Stretch::Minute, [Some(300), Some(600)]),
        (Stretch::Hour, [Some(350), Some(700)]),
    ] {
        let query = TrafficQuery {
            until: begin + SignedDuration::from_secs(1),
            workload: None,
            stretch,
            ..other.clone()
        };
        let past = pair.second.traffic(query).await.unwrap();
        let told = past
            .iter()
            .map(|past| [past.first_output_p50_ms, past.first_output_p95_ms]);
        assert_eq!(told.collect::<Vec<_>>(), [slowest]);
    }
    // A gateway that was there and carried nothing is told from nobody there.
    beat(&pair.first, "gw-1", 3_661, 0).await;
    let counted = TrafficQuery {
        until: begin + SignedDuration::from_hours(2),
        stretch: Stretch::Minute,
        ..other.clone()
    };
    let starts = pair.second.counted(counted).await.unwrap();
    let starts = starts
        .iter()
        .map(|start| start.duration_since(begin).as_secs());
    assert_eq!(starts.collect::<Vec<_>>(), [0, 60, 3_540, 3_600]);
    let quiet = ask(Stretch::Minute, 3_600, 7_200).await;
    assert_eq!(quiet, []);
    assert_eq!(pair.first.traffic(other).await.unwrap(), []);
    // Minutes are forgotten after hours, hours after weeks.
    beat(&pair.first, "gw-1", 8 * 3_600, 60).await;
    assert_eq!(ask(Stretch::Minute, 0, 7_200).await, []);
    assert_eq!(ask(Stretch::Hour, 0, 1).await, [(0, 1_460, 146)]);
    beat(&pair.first, "gw-1", 32 * 86_400, 60).await;
    assert_eq!(ask(Stretch::Hour, 0, 1).await, []);
}
