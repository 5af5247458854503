//! The event log of a fleet on real servers: nothing that was acknowledged is ever lost, what the cluster did not
//! take comes in order and once, and every question is answered as the backend in memory answers it.

use std::{collections::HashMap, path::Path, time::Duration};

use backstop::{
    clock::Clock,
    model::{Entry, ErrorClass, EventDecision, Seq, StorePlace, Stretch},
    store::{Access, Added, EventQuery, Health, Store, StoreError, TrafficQuery},
};
use jiff::{SignedDuration, Timestamp};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{TestCaseResult, TestRunner},
};

use crate::{
    store_pair::{cluster, make_streams},
    store_samples::{event, event_id, outcome, start},
    support::cluster::{Cluster, Passage, until},
};

const SERVERS: usize = 3;

fn place(cluster: &Cluster, view: &Path) -> StorePlace {
    StorePlace {
        view: Some(view.to_owned()),
        ..StorePlace::from(&cluster.url())
    }
}

async fn open(cluster: &Cluster, view: &Path) -> Store {
    let place = place(cluster, view);
    Store::open(&place, Access::Write, Clock::system())
        .await
        .unwrap()
}

/// With streams, and doors that can be shut.
async fn servers(count: usize) -> Cluster {
    let cluster = Cluster::start(count).await;
    make_streams(&StorePlace::from(&cluster.url()), count).await;
    cluster
}

fn decision(number: u64) -> Entry {
    Entry::Decision(Box::new(event(number, Clock::system().now())))
}

async fn append(store: &Store, entry: Entry) -> Result<Seq, StoreError> {
    store.reserve().unwrap().append(entry).durable().await
}

/// Between two tries. What waits is sent first, and has to come to an end: whoever adds to it without a pause may be
/// as quick as that.
const PACE: Duration = Duration::from_millis(10);

/// Appends decisions until one is promised. On a busy machine one may wait for longer than somebody waits for it; it
/// comes later, in its order.
async fn promised(store: &Store, count: &mut u64) -> Seq {
    let mut promised = None;
    until("an event is promised", async || {
        *count += 1;
        promised = append(store, decision(*count)).await.ok();
        promised.is_some()
    })
    .await;
    promised.unwrap()
}

async fn log(store: &Store) -> Vec<(Seq, Entry)> {
    let mut all: Vec<(Seq, Entry)> = Vec::new();
    loop {
        let after = all.last().map_or(Seq(0), |(seq, _)| *seq);
        let page = store.tail(after, 500).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// The numbers of all decisions, in the order of the log.
fn numbers(log: &[(Seq, Entry)], count: u64) -> Vec<u64> {
    let of: HashMap<_, _> = (0..=count)
        .map(|number| (event_id(number), number))
        .collect();
    let decisions = log.iter().filter_map(|(_, entry)| match entry {
        Entry::Decision(event) => Some(of[&event.id]),
        Entry::Outcome(_) => None,
    });
    decisions.collect()
}

/// Nothing waits on this host any more, and the store says that all is well.
async fn sent(store: &Store) {
    let mut health = store.health();
    until("everything is in the cluster", async || {
        store.waiting() == 0 && *health.borrow_and_update() == Health::Good
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_was_acknowledged_outlives_the_leader_and_the_rest_comes_in_order() {
    let mut cluster = servers(SERVERS).await;
    let view = tempfile::tempdir().unwrap();
    let store = open(&cluster, view.path()).await;
    let (mut count, mut acknowledged, mut refused) = (0, Vec::new(), 0);
    while acknowledged.len() < 200 {
        let seq = promised(&store, &mut count).await;
        acknowledged.push((seq, count));
    }
    let leader = cluster.leader_of("backstop-events").await;
    cluster.kill(leader);
    // Until another one takes events; it may do so before anybody has noticed.
    let mut well = 0;
    while well < if refused > 0 { 100 } else { 2_000 } {
        count += 1;
        if let Ok(seq) = append(&store, decision(count)).await {
            acknowledged.push((seq, count));
            well += 1;
        } else {
            refused += 1;
            tokio::time::sleep(PACE).await;
        }
    }
    sent(&store).await;
    let found = log(&store).await;
    let expected: Vec<u64> = (1..=count).collect();
    assert_eq!(numbers(&found, count), expected, "all, once, in order");
    let places: HashMap<Seq, &Entry> = found.iter().map(|(seq, entry)| (*seq, entry)).collect();
    for (seq, number) in &acknowledged {
        let Some(Entry::Decision(event)) = places.get(seq) else {
            panic!("nothing at {seq:?}, where {number} was promised");
        };
        assert_eq!(event.id, event_id(*number));
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_cluster_that_falls_silent_gets_everything_once() {
    let cluster = servers(SERVERS).await;
    let view = tempfile::tempdir().unwrap();
    let store = open(&cluster, view.path()).await;
    let mut count = 0;
    for _ in 0..2 {
        for _ in 0..100 {
            promised(&store, &mut count).await;
        }
        // What is on its way arrives when the network holds it no longer, and was sent again by then.
        let on_its_way: Vec<_> = (0..50)
            .map(|_| {
                count += 1;
                store.reserve().unwrap().append(decision(count))
            })
            .collect();
        cluster.cut_clients_off(Passage::Silent);
        for receipt in on_its_way {
            let _ = receipt.durable().await;
        }
        until("the store says that events do not arrive", async || {
            count += 1;
            let _ = append(&store, decision(count)).await;
            *store.health().borrow() != Health::Good
        })
        .await;
        for _ in 0..100 {
            count += 1;
            let refused = append(&store, decision(count)).await;
            assert!(refused.is_err(), "nobody can have promised this");
        }
        for server in 0..SERVERS {
            cluster.heal(server);
        }
        sent(&store).await;
        let expected: Vec<u64> = (1..=count).collect();
        assert_eq!(numbers(&log(&store).await, count), expected);
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_never_saw_a_cluster_waits_for_the_next_process() {
    let cluster = servers(1).await;
    let view = tempfile::tempdir().unwrap();
    cluster.cut_clients_off(Passage::Closed);
    let count = 300;
    {
        let place = place(&cluster, view.path());
        let store = Store::open_or_wait(&place, Clock::system()).await.unwrap();
        for number in 1..=count {
            assert!(append(&store, decision(number)).await.is_err());
            let ended = Entry::Outcome(outcome(number, Clock::system().now()));
            store.reserve().unwrap().append_unawaited(ended);
        }
        assert!(matches!(&*store.health().borrow(), Health::Failing(_)));
        assert!(
            store.close().await.is_err(),
            "it says that something is left"
        );
    }
    cluster.heal(0);
    let store = open(&cluster, view.path()).await;
    let mut found = Vec::new();
    until("everything is in the log", async || {
        found = log(&store).await;
        found.len() >= 2 * usize::try_from(count).unwrap()
    })
    .await;
    assert_eq!(numbers(&found, count), (1..=count).collect::<Vec<_>>());
    let events = store.events(EventQuery::default()).await.unwrap();
    assert!(events.iter().all(|event| event.outcome.is_some()));
    store.close().await.unwrap();
    let left: Vec<_> = std::fs::read_dir(view.path().join("spool"))
        .map(|files| files.flatten().map(|file| file.file_name()).collect())
        .unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_import_adds_what_is_not_there() {
    let cluster = cluster(1).await;
    let view = tempfile::tempdir().unwrap();
    let store = open(&cluster, view.path()).await;
    append(&store, decision(1)).await.unwrap();
    let ended = || Entry::Outcome(outcome(2, start()));
    let entries = vec![decision(1), decision(2), ended(), decision(2), decision(3)];
    let added = store.import().unwrap().add(entries.clone()).await.unwrap();
    let expected = Added {
        decisions: 2,
        outcomes: 1,
        known: 2,
    };
    assert_eq!(added, expected);
    let again = store.import().unwrap().add(entries).await.unwrap();
    assert_eq!(again.known, 5);
    let events = store.events(EventQuery::default()).await.unwrap();
    let with: Vec<bool> = events.iter().map(|event| event.outcome.is_some()).collect();
    assert_eq!(with, [false, true, false]);
    store.close().await.unwrap();
}

const CLASSES: [Option<ErrorClass>; 3] = [
    None,
    Some(ErrorClass::Timeout),
    Some(ErrorClass::Overloaded),
];
const DECISIONS: [EventDecision; 3] = [
    EventDecision::Fallback,
    EventDecision::Refused,
    EventDecision::Readiness,
];

/// An entry each: when it is decided, what it is like, whether it ends, and how many decisions later.
fn history() -> impl Strategy<Value = Vec<(u64, usize, bool, usize)>> {
    let one = (0_u64..600, 0_usize..360, any::<bool>(), 0_usize..30);
    proptest::collection::vec(one, 1..120)
}

fn entries(history: &[(u64, usize, bool, usize)], workloads: usize, from: Timestamp) -> Vec<Entry> {
    let (mut all, mut open): (Vec<Entry>, Vec<(usize, Entry)>) = (Vec::new(), Vec::new());
    for (index, (seconds, kind, ended, later)) in history.iter().enumerate() {
        let number = u64::try_from(index).unwrap();
        let mut one = event(number, from + Duration::from_secs(*seconds));
        one.workload = workload(kind % workloads);
        one.class = CLASSES[kind % 3];
        one.decision = DECISIONS[kind / 3 % 3];
        if *ended {
            open.push((index + later, Entry::Outcome(outcome(number, one.at))));
        }
        all.push(Entry::Decision(Box::new(one)));
        let (due, rest) = open.into_iter().partition(|(at, _)| *at <= index);
        open = rest;
        let due: Vec<(usize, Entry)> = due;
        all.extend(due.into_iter().map(|(_, entry)| entry));
    }
    all.extend(open.into_iter().map(|(_, entry)| entry));
    all
}

fn workload(number: usize) -> backstop::model::WorkloadName {
    format!("workload {number}").as_str().into()
}

/// A question whose places are given by the number of an entry.
#[derive(Clone, Debug)]
struct Question {
    query: EventQuery,
    after: Option<usize>,
    before: Option<usize>,
    id: Option<u64>,
}

fn question(from: Timestamp) -> impl Strategy<Value = Question> {
    let second = || proptest::option::of(-100_i64..700);
    let number = || proptest::option::of(0_usize..200);
    (
        (second(), second(), number(), number()),
        proptest::option::of(0_usize..4),
        0_usize..3,
        proptest::option::of(0_usize..3),
        proptest::option::weighted(0.1, 0_u64..120),
        0_usize..12,
    )
        .prop_map(move |(bounds, of, class, decision, id, limit)| {
            let (since, until, after, before) = bounds;
            let at = |seconds: i64| from + SignedDuration::from_secs(seconds);
            Question {
                query: EventQuery {
                    since: since.map(at),
                    until: until.map(at),
                    workload: of.map(workload),
                    class: CLASSES[class],
                    decision: decision.map(|index| DECISIONS[index]),
                    limit,
                    ..EventQuery::default()
                },
                after,
                before,
                id,
            }
        })
}

/// The same entries in both, and where each of them stands.
struct Both {
    fleet: (Store, Vec<Seq>),
    memory: (Store, Vec<Seq>),
}

impl Both {
    async fn ask(&self, question: &Question) -> TestCaseResult {
        let of = |places: &[Seq]| {
            let at = |index: usize| places[index % places.len()];
            let mut query = EventQuery {
                after: question.after.map_or(Seq(0), at),
                before: question.before.map(at),
                ..question.query.clone()
            };
            if let Some(number) = question.id {
                query.id = Some(event_id(number));
                (query.since, query.limit) = (None, 1);
            }
            query
        };
        let (fleet, places) = &self.fleet;
        let (memory, known) = &self.memory;
        let mut expected = memory.events(of(known)).await.unwrap();
        for found in &mut expected {
            let index = known.iter().position(|seq| *seq == found.seq).unwrap();
            found.seq = places[index];
        }
        let found = fleet.events(of(places)).await.unwrap();
        prop_assert_eq!(found, expected, "{:?}", question);
        let start = |at: Option<Timestamp>, or: i64| {
            at.unwrap_or_else(|| start() + SignedDuration::from_secs(or))
        };
        let tally = TrafficQuery {
            since: start(question.query.since, 0),
            until: start(question.query.until, 700),
            stretch: [Stretch::Minute, Stretch::Hour][question.query.limit % 2],
            workload: question.query.workload.clone(),
        };
        let expected = memory.event_tally(tally.clone()).await.unwrap();
        prop_assert_eq!(fleet.event_tally(tally).await.unwrap(), expected);
        Ok(())
    }
}

/// Histories of any shape, in flushes of any size, of now and of long ago, of few workloads and of more than get
/// messages of their own: every question is answered as by the backend in memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn questions_are_answered_as_by_memory() {
    let cluster = Cluster::start(1).await;
    let mut runner = TestRunner::deterministic();
    for round in 0..12_usize {
        // A clock that is hours from the cluster's; now, with events that come late and events that do not; an hour
        // ago, when every event comes late.
        let (clock, from) = match round % 3 {
            0 => (Clock::manual(start()), start()),
            1 => (
                Clock::system(),
                Clock::system().now() - Duration::from_mins(12),
            ),
            _ => (
                Clock::system(),
                Clock::system().now() - Duration::from_hours(1),
            ),
        };
        let view = tempfile::tempdir().unwrap();
        let mut place = place(&cluster, view.path());
        place.nats.prefix = format!("round-{round}");
        make_streams(&place, 1).await;
        let fleet = Store::open(&place, Access::Write, clock.clone())
            .await
            .unwrap();
        let name = format!("memory:{}", view.path().display());
        let memory = Store::open(&name, Access::Write, clock).await.unwrap();
        let history = history().new_tree(&mut runner).unwrap().current();
        let all = entries(&history, [1, 3, 40][round / 3 % 3], from);
        let mut stood = Vec::new();
        for some in all.chunks([1, 7, 60][round % 3]) {
            let receipts: Vec<_> = some
                .iter()
                .map(|entry| fleet.reserve().unwrap().append(entry.clone()))
                .collect();
            for (receipt, entry) in receipts.into_iter().zip(some) {
                stood.push((receipt.durable().await.unwrap(), entry.clone()));
            }
        }
        // Workloads of one flush may change places; each has its order.
        stood.sort_by_key(|(seq, _)| *seq);
        assert_eq!(fleet.tail(Seq(0), 10_000).await.unwrap(), stood);
        let mut known = Vec::new();
        for (_, entry) in &stood {
            known.push(append(&memory, entry.clone()).await.unwrap());
        }
        let places = stood.iter().map(|(seq, _)| *seq).collect();
        let both = Both {
            fleet: (fleet, places),
            memory: (memory, known),
        };
        for _ in 0..60 {
            let question = question(from).new_tree(&mut runner).unwrap().current();
            both.ask(&question).await.unwrap();
        }
        both.fleet.0.close().await.unwrap();
    }
}
