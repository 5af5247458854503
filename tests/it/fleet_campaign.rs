//! The campaign of many hosts: a cluster of three real servers whose leader is killed, which loses its power as a
//! whole, of which a server is restarted, stands still, is cut off or falls silent, while three gateways serve
//! traffic with a failing primary and five operators change what is in force, each from a host of their own. At the end:
//!
//! - every change that an operator was told of is in the audit, once; what was refused is not; of what nobody could
//!   know it is there once or never;
//! - the history is linearizable (see [`Attempt`]): revisions and numbers go up one by one, and the seals of all hosts
//!   are equal;
//! - every event that a client was told of is in the log, once, in the order of its gateway; also those that waited
//!   on a host while the cluster took none;
//! - every gateway has come to the newest revision by itself, and always served.
//!
//! Six rounds; `tests/run fleet 100` does more and prints the figures. `BACKSTOP_FLEET_SEED=N` repeats the choices.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use backstop::{
    clock::Clock,
    model::{AuditRecord, Change, Entry, Mode, OverrideKey, Revision, Seq, StorePlace},
    store::{Access, AuditQuery, ChangeError, Store, StoreError},
};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    store_pair::make_streams,
    store_samples::{change, mode_key},
    support::{
        cluster::{Cluster, Passage, until},
        outpost::{Gateway, Outpost, ask},
        upstream::DEADLINE,
    },
};

/// Rounds unless `BACKSTOP_FLEET_ROUNDS` says otherwise.
const ROUNDS: u64 = 6;
const SERVERS: usize = 3;
const GATEWAYS: usize = 3;
const CLIENTS: usize = 2;
const OPERATORS: usize = 5;
const WORKLOADS: [&str; 3] = ["careful", "eager", "switched"];
/// Between two requests of a client, between two changes of an operator, and how long a fault lasts: a pace, nothing
/// that is waited for.
const REQUEST: Duration = Duration::from_millis(5);
const CHANGE: Duration = Duration::from_millis(25);

/// One change that an operator wanted.
///
/// The register of a key is linearizable when there is an order of the changes that were made, such that each found
/// what the one before it left, and none comes before one that had ended when it began. The revision is that order:
/// it is one for the whole table, so what is checked of it is checked over all keys together.
#[derive(Debug)]
struct Attempt {
    began: Instant,
    ended: Instant,
    key: OverrideKey,
    expected: Revision,
    /// In the note of its record.
    name: String,
    end: End,
}

#[derive(Debug)]
enum End {
    Made(Box<AuditRecord>),
    /// Somebody was faster: what was found.
    Beaten(Revision),
    /// It was not made, and will not be.
    Refused,
    Unknown,
}

#[derive(Debug, Default)]
struct Figures {
    rounds: u64,
    faults: BTreeMap<&'static str, u64>,
    made: usize,
    beaten: usize,
    refused: usize,
    unknown: usize,
    unknown_made: usize,
    events: usize,
    unlogged: usize,
    unlogged_found: usize,
    answers: u64,
    refused_answers: u64,
    longest_gap: Duration,
    revision: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "rounds {}; {:?}; changes made {}, beaten {}, refused {}, of which nobody knew {} (of these made {}); \
             revision {}, one by one; events promised {}, each there once; answers without a promise {}, their events \
             there {}; answers {}, refused for want of a log {}; the longest time without a change {} ms",
            self.rounds,
            self.faults,
            self.made,
            self.beaten,
            self.refused,
            self.unknown,
            self.unknown_made,
            self.revision,
            self.events,
            self.unlogged,
            self.unlogged_found,
            self.answers,
            self.refused_answers,
            self.longest_gap.as_millis()
        )
    }
}

/// What clients saw.
#[derive(Debug, Default)]
struct Seen {
    promised: BTreeSet<String>,
    unlogged: BTreeSet<String>,
    refused: u64,
    answers: u64,
    lost: u64,
}

/// Everything that goes on at the same time.
struct Stage {
    gateways: Vec<Gateway>,
    cluster: Cluster,
    /// Providers and files of the gateways, by host.
    _posts: Vec<Outpost>,
    views: tempfile::TempDir,
    place: StorePlace,
}

impl Stage {
    async fn new() -> Self {
        let cluster = Cluster::start(SERVERS).await;
        let place = StorePlace::from(&cluster.url());
        make_streams(&place, SERVERS).await;
        let mut posts = Vec::new();
        for number in 0..GATEWAYS {
            let store = format!("url = \"{}\"\nview = \"view\"", cluster.url());
            posts.push(Outpost::with(&store, &format!("region = \"r{number}\"")).await);
        }
        let gateways = posts.iter().map(Outpost::serve).collect();
        Self {
            gateways,
            cluster,
            _posts: posts,
            views: tempfile::tempdir().unwrap(),
            place,
        }
    }

    /// The store as a host of its own has it.
    async fn host(&self, name: &str) -> Store {
        let place = StorePlace {
            view: Some(self.views.path().join(name)),
            ..self.place.clone()
        };
        Store::open(place, Access::Write, Clock::system())
            .await
            .unwrap()
    }

    /// Does harm for a while.
    async fn harm(&mut self, random: &mut fastrand::Rng) -> &'static str {
        let lasts = Duration::from_millis(random.u64(300..2_500));
        let victim = random.usize(..SERVERS);
        match random.u8(..6) {
            0 | 1 => {
                let leader = self.cluster.leader_of("backstop-state").await;
                self.cluster.kill(leader);
                tokio::time::sleep(lasts).await;
                self.cluster.revive(leader).await;
                "leader killed"
            }
            2 => {
                self.cluster.stop(victim);
                tokio::time::sleep(lasts).await;
                self.cluster.revive(victim).await;
                "server restarted"
            }
            3 => {
                let how = [Passage::Closed, Passage::Silent][random.usize(..2)];
                self.cluster.cut_off(victim, how);
                tokio::time::sleep(lasts * 3).await;
                self.cluster.heal(victim);
                "server cut off"
            }
            4 => {
                self.cluster.pause(victim);
                tokio::time::sleep(lasts * 2).await;
                self.cluster.resume(victim);
                "server stood still"
            }
            _ => {
                self.cluster.power_cut();
                tokio::time::sleep(lasts).await;
                self.cluster.power_up().await;
                "all killed"
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn whatever_happens_to_the_cluster_nothing_is_lost() {
    let variable = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let rounds = variable("BACKSTOP_FLEET_ROUNDS").unwrap_or(ROUNDS);
    let choices = variable("BACKSTOP_FLEET_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("fleet: seed {choices}");
    let mut random = fastrand::Rng::with_seed(choices);
    let mut stage = Stage::new().await;
    let mut addresses = Vec::new();
    for gateway in &mut stage.gateways {
        addresses.push(gateway.address().await);
    }
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut clients = JoinSet::new();
    for (number, address) in addresses.iter().enumerate() {
        for other in 0..CLIENTS {
            let workload = WORKLOADS[(number + other) % 2];
            clients.spawn(client(
                *address,
                workload,
                Arc::clone(&seen),
                Arc::clone(&ended),
            ));
        }
    }
    let made = Arc::new(AtomicU64::new(0));
    let mut operators = JoinSet::new();
    for number in 0..OPERATORS {
        let store = stage.host(&format!("operator-{number}")).await;
        operators.spawn(operator(
            number,
            store,
            random.u64(..),
            Arc::clone(&made),
            Arc::clone(&ended),
        ));
    }

    let mut figures = Figures::default();
    for _ in 0..rounds {
        let harm = stage.harm(&mut random).await;
        *figures.faults.entry(harm).or_default() += 1;
        let before = made.load(Ordering::Relaxed);
        until("a change is made again", async || {
            made.load(Ordering::Relaxed) > before + 5
        })
        .await;
        figures.rounds += 1;
    }
    stage.cluster.ready().await;
    ended.store(true, Ordering::Relaxed);
    let mut attempts = Vec::new();
    let mut stores = Vec::new();
    while let Some(done) = timeout(DEADLINE * 4, operators.join_next())
        .await
        .expect("operators end")
    {
        let (store, more) = done.unwrap();
        stores.push(store);
        attempts.extend(more);
    }
    while let Some(done) = timeout(DEADLINE * 4, clients.join_next())
        .await
        .expect("clients end")
    {
        done.unwrap();
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    check_changes(&stores, &attempts, &mut figures).await;
    check_gateways(&mut stage, &stores[0], &figures).await;
    check_events(&stores[0], &seen, &mut figures).await;
    println!("fleet: {figures}");
    assert!(figures.events > 0 && figures.made > 0, "{figures}");
    assert_eq!(seen.lost, 0, "a gateway did not answer");
}

/// Asks again and again.
async fn client(
    address: SocketAddr,
    workload: &'static str,
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
) {
    let client = reqwest::Client::new();
    while !ended.load(Ordering::Relaxed) {
        let answer = timeout(DEADLINE, ask(&client, address, workload))
            .await
            .expect("an answer");
        {
            let mut seen = seen.lock().unwrap();
            let Some(answer) = answer else {
                seen.lost += 1;
                continue;
            };
            seen.answers += 1;
            match answer.event {
                Some(event) if answer.unlogged => {
                    seen.unlogged.insert(event);
                }
                Some(event) if answer.fallback.is_some() => {
                    seen.promised.insert(event);
                }
                Some(_) | None => {}
            }
            if workload == "careful" && answer.status == 503 {
                seen.refused += 1;
            }
        }
        tokio::time::sleep(REQUEST).await;
    }
}

/// Changes one key after the other, by the table that this host sees.
async fn operator(
    number: usize,
    store: Store,
    seed: u64,
    made: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
) -> (Store, Vec<Attempt>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut attempts = Vec::new();
    for count in 0.. {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let key = mode_key(WORKLOADS[random.usize(..WORKLOADS.len())]);
        let next = [
            None,
            Some(Change::Mode(Mode::Force)),
            Some(Change::Mode(Mode::Auto)),
        ][random.usize(..3)];
        let expected = store.overrides().borrow().expected(&key);
        let now = Clock::system().now();
        let mut request = change(
            &key,
            expected,
            next,
            &format!("operator-{number}"),
            now,
            None,
        );
        let name = format!("{number}/{count}");
        request.audit.note.clone_from(&name);
        let began = Clock::instant();
        let end = match timeout(DEADLINE, store.change(request))
            .await
            .expect("an answer")
        {
            Ok(record) => {
                made.fetch_add(1, Ordering::Relaxed);
                End::Made(Box::new(record))
            }
            Err(ChangeError::Conflict(conflict)) => End::Beaten(conflict.found.revision),
            Err(ChangeError::Store(StoreError::Unknown { .. })) => End::Unknown,
            Err(ChangeError::Store(_)) => End::Refused,
            Err(ChangeError::PlanUsed) => panic!("there is no plan"),
        };
        attempts.push(Attempt {
            began,
            ended: Clock::instant(),
            key,
            expected,
            name,
            end,
        });
        tokio::time::sleep(CHANGE.mul_f64(random.f64())).await;
    }
    (store, attempts)
}

/// The history of all operators against the audit.
async fn check_changes(stores: &[Store], attempts: &[Attempt], figures: &mut Figures) {
    let newest = attempts
        .iter()
        .filter_map(|attempt| match &attempt.end {
            End::Made(record) => Some(record.sequence),
            _ => None,
        })
        .max()
        .unwrap_or_default();
    let mut audits = Vec::new();
    for store in stores {
        until("a host has seen every change", async || {
            store.audit_head().await.unwrap().sequence >= newest
        })
        .await;
    }
    let last = stores[0].audit_head().await.unwrap();
    for store in stores {
        until("all hosts have the same seal", async || {
            store.audit_head().await.unwrap() == stores[0].audit_head().await.unwrap()
        })
        .await;
        let proof = store.prove_audit(vec![last]).await.unwrap();
        assert!(proof.findings.is_empty(), "{proof:?}");
        audits.push(store.audit(AuditQuery::default()).await.unwrap());
    }
    let audit = &audits[0];
    assert!(audits.iter().all(|other| other == audit));

    let mut at = BTreeMap::new();
    let mut tables: BTreeMap<OverrideKey, Revision> = BTreeMap::new();
    for (index, record) in (1_u64..).zip(audit) {
        assert_eq!(record.sequence, index, "{record:?}");
        assert_eq!(record.revision, Revision(index), "{record:?}");
        assert!(
            at.insert(record.note.clone(), record).is_none(),
            "made twice: {record:?}"
        );
    }
    let by_name: BTreeMap<&str, &Attempt> = attempts
        .iter()
        .map(|attempt| (attempt.name.as_str(), attempt))
        .collect();
    // Each found what the one before it left.
    for record in audit {
        let attempt = by_name[record.note.as_str()];
        let found = tables.insert(record.key.clone(), record.revision);
        assert_eq!(attempt.expected, found.unwrap_or_default(), "{attempt:?}");
        assert_eq!(attempt.key, record.key);
    }
    for attempt in attempts {
        let there = at.get(&attempt.name);
        match &attempt.end {
            End::Made(record) => {
                figures.made += 1;
                assert_eq!(
                    there.copied(),
                    Some(&**record),
                    "a change that was told of is not there"
                );
            }
            End::Beaten(found) => {
                figures.beaten += 1;
                assert_eq!(there, None, "{attempt:?}");
                assert_ne!(*found, attempt.expected, "{attempt:?}");
            }
            End::Refused => {
                figures.refused += 1;
                assert_eq!(there, None, "refused, and made: {attempt:?}");
            }
            End::Unknown => {
                figures.unknown += 1;
                figures.unknown_made += usize::from(there.is_some());
            }
        }
    }
    // None before one that had ended when it began: of those that had ended by then, the newest is not newer.
    let mut made: Vec<(&Attempt, Revision)> = attempts
        .iter()
        .filter_map(|attempt| match &attempt.end {
            End::Made(record) => Some((attempt, record.revision)),
            _ => None,
        })
        .collect();
    made.sort_by_key(|(attempt, _)| attempt.ended);
    let mut later: Vec<_> = made.clone();
    later.sort_by_key(|(attempt, _)| attempt.began);
    let (mut done, mut newest) = (made.iter().peekable(), Revision(0));
    for (attempt, revision) in later {
        while let Some((_, before)) = done.next_if(|(before, _)| before.ended < attempt.began) {
            newest = newest.max(*before);
        }
        assert!(revision > newest, "{attempt:?} before {newest}");
    }
    figures.longest_gap = made
        .windows(2)
        .map(|pair| pair[1].0.ended - pair[0].0.ended)
        .max()
        .unwrap_or_default();
    figures.revision = audit.len() as u64;
}

/// They all run, and have what is in force.
async fn check_gateways(stage: &mut Stage, store: &Store, figures: &Figures) {
    for gateway in &mut stage.gateways {
        assert!(gateway.runs(), "{}", gateway.log());
    }
    until("every gateway has the newest revision", async || {
        let Ok(beats) = store.heartbeats().await else {
            return false;
        };
        beats.len() == GATEWAYS
            && beats
                .iter()
                .all(|beat| beat.revision == Revision(figures.revision))
    })
    .await;
}

/// The log has what clients were told of, once.
async fn check_events(store: &Store, seen: &Seen, figures: &mut Figures) {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let mut place = Seq(0);
    let complete = |found: &BTreeMap<String, usize>| {
        let all = seen.promised.iter().chain(&seen.unlogged);
        all.filter(|id| !found.contains_key(*id)).count()
    };
    until(
        "the log has every event, also those that waited",
        async || {
            while let Ok(page) = store.tail(place, 2_000).await {
                let Some((last, _)) = page.last() else { break };
                assert!(*last > place, "places go up");
                place = *last;
                for (_, entry) in page {
                    if let Entry::Decision(event) = entry {
                        *found.entry(event.id.to_string()).or_default() += 1;
                    }
                }
            }
            complete(&found) == 0
        },
    )
    .await;
    let twice: Vec<_> = found.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    figures.events = seen.promised.len();
    figures.unlogged = seen.unlogged.len();
    figures.unlogged_found = seen
        .unlogged
        .iter()
        .filter(|id| found.contains_key(*id))
        .count();
    figures.answers = seen.answers;
    figures.refused_answers = seen.refused;
}
