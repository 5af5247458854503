//! Power cuts: a host with gateway and operators, and a whole fleet with its servers, lose everything that was not
//! synced to their disk, round after round. What somebody was told of is there afterwards: every event of a fallback
//! that a client saw, every change that an operator made, with the audit's chain whole.
//!
//! Two rounds of each; `tests/run power 50` does more and prints the figures. Where no disk can be mounted it says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{AuditRecord, Change, Entry, Mode, Seq, StorePlace},
    store::{Access, AuditQuery, ChangeError, Store, StoreError},
};
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    store_pair::make_streams,
    store_samples::{change, mode_key},
    support::{
        cluster::{Cluster, Setup, until},
        disk::Disk,
        outpost::{Outpost, ask},
        upstream::DEADLINE,
    },
};

const ROUNDS: usize = 2;
const CLIENTS: usize = 4;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What was promised to somebody before the power went, over all rounds.
#[derive(Default)]
struct Promised {
    events: BTreeSet<String>,
    changes: BTreeMap<u64, AuditRecord>,
}

/// What has to stand after a round.
struct Stage {
    disk: Disk,
    place: StorePlace,
    post: Outpost,
    servers: Option<Cluster>,
    promised: Promised,
}

impl Stage {
    async fn one_host(disk: Disk) -> Self {
        let state = disk.path().join("state");
        Self {
            place: StorePlace::from(&format!("sqlite:{}", state.display())),
            post: Outpost::with(&format!("url = \"sqlite:{}\"", state.display()), "").await,
            servers: None,
            disk,
            promised: Promised::default(),
        }
    }

    /// Three servers and the view of the gateway's host: all of it loses its power at once.
    async fn fleet(disk: Disk) -> Self {
        let servers = Cluster::with(Setup::of(3).on(&disk.path())).await;
        // Their configuration, which nobody loses.
        disk.sync();
        let view = disk.path().join("view");
        let place = StorePlace {
            view: Some(disk.path().join("operator")),
            ..StorePlace::from(&servers.url())
        };
        make_streams(&place, 3).await;
        let lines = format!("url = \"{}\"\nview = \"{}\"", servers.url(), view.display());
        Self {
            place,
            post: Outpost::with(&lines, "").await,
            servers: Some(servers),
            disk,
            promised: Promised::default(),
        }
    }

    async fn open(&self) -> Store {
        let mut last = None;
        until("the store can be opened", async || {
            let opened = Store::open(self.place.clone(), Access::Write, Clock::system()).await;
            opened.map(|store| last = Some(store)).is_ok()
        })
        .await;
        last.unwrap()
    }

    /// Traffic and an operator, until the power goes; then everything comes back, and is compared.
    async fn round(&mut self, enough: usize) {
        let mut gateway = self.post.serve();
        let address = gateway.address().await;
        let answered = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(client(address, Arc::clone(&answered))))
            .collect();
        let ended = Arc::new(AtomicBool::new(false));
        let made = Arc::new(AtomicUsize::new(0));
        let store = self.open().await;
        let operator = tokio::spawn(operator(store, Arc::clone(&made), Arc::clone(&ended)));
        until("there is something to lose", async || {
            answered.load(Ordering::Relaxed) >= enough && made.load(Ordering::Relaxed) >= 3
        })
        .await;
        ended.store(true, Ordering::Relaxed);
        let (store, changes) = joined(operator).await;
        gateway.kill();
        if let Some(servers) = &mut self.servers {
            servers.power_cut();
        }
        let cut = self.disk.cut();
        for client in clients {
            self.promised.events.extend(joined(client).await);
        }
        for record in changes {
            self.promised.changes.insert(record.sequence, record);
        }
        drop(store);
        self.disk.power_up(&cut);
        if let Some(servers) = &mut self.servers {
            servers.power_up().await;
        }
        self.check().await;
    }

    async fn check(&self) {
        let store = self.open().await;
        until("every change is there", async || {
            store.audit_head().await.unwrap().sequence >= self.last_change()
        })
        .await;
        let audit = store.audit(AuditQuery::default()).await.unwrap();
        for (index, record) in (1_u64..).zip(&audit) {
            assert_eq!(record.sequence, index, "{record:?}");
        }
        for (sequence, promised) in &self.promised.changes {
            let found = audit.iter().find(|record| record.sequence == *sequence);
            assert_eq!(found, Some(promised), "a change that was made is lost");
        }
        let proof = store.prove_audit(Vec::new()).await.unwrap();
        assert!(proof.intact, "{proof:#?}");

        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut place = Seq(0);
        // A server that is behind may answer: read until all is there, or for long enough to call it lost.
        let start = Clock::instant();
        let lost = loop {
            while let Ok(page) = store.tail(place, 2_000).await {
                let Some((last, _)) = page.last() else { break };
                place = *last;
                for (_, entry) in page {
                    if let Entry::Decision(event) = entry {
                        *found.entry(event.id.to_string()).or_default() += 1;
                    }
                }
            }
            let promised = self.promised.events.iter();
            let lost: Vec<_> = promised.filter(|id| !found.contains_key(*id)).collect();
            if lost.is_empty() || start.elapsed() > DEADLINE {
                break lost;
            }
            tokio::time::sleep(LOOK).await;
        };
        assert!(lost.is_empty(), "{} promised events: {lost:?}", lost.len());
        let twice: Vec<_> = found.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        store.close().await.unwrap();
    }

    fn last_change(&self) -> u64 {
        self.promised
            .changes
            .keys()
            .next_back()
            .copied()
            .unwrap_or_default()
    }
}

/// What a task has to tell, in time.
async fn joined<T>(task: JoinHandle<T>) -> T {
    timeout(DEADLINE, task).await.expect("an end").unwrap()
}

/// Asks until the gateway is gone; answers the events that it was promised.
async fn client(address: SocketAddr, answered: Arc<AtomicUsize>) -> BTreeSet<String> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut promised = BTreeSet::new();
    while let Some(answer) = ask(&client, address, "careful").await {
        if answer.fallback.is_some() && !answer.unlogged {
            promised.extend(answer.event);
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
    promised
}

/// Changes one workload, which nobody asks, until it is told to end.
async fn operator(
    store: Store,
    made: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
) -> (Store, Vec<AuditRecord>) {
    let key = mode_key("switched");
    let mut records = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        let next = [Some(Change::Mode(Mode::Force)), None][records.len() % 2];
        let expected = store.overrides().borrow().expected(&key);
        let request = change(&key, expected, next, "jo", Clock::system().now(), None);
        match store.change(request).await {
            Ok(record) => {
                records.push(record);
                made.fetch_add(1, Ordering::Relaxed);
            }
            // Before the fleet is there again; the round waits for changes that were made.
            Err(
                ChangeError::Conflict(_)
                | ChangeError::Store(StoreError::Failed { .. } | StoreError::Unknown { .. }),
            ) => {}
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (store, records)
}

#[expect(clippy::print_stdout, reason = "the long form prints its figures")]
async fn campaign(name: &str, mut stage: Stage) {
    let rounds =
        std::env::var("BACKSTOP_POWER_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    for round in 0..rounds {
        stage.round(20 + fastrand::usize(..200)).await;
        if (round + 1) % 10 == 0 {
            println!("power cut: {name}, round {}", round + 1);
        }
    }
    println!(
        "power cut: {name}, rounds {rounds}; events promised {}, changes promised {}, each there",
        stage.promised.events.len(),
        stage.promised.changes.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_host_that_loses_its_power_has_everything_that_was_promised() {
    let Some(disk) = Disk::new() else { return };
    let stage = Stage::one_host(disk).await;
    campaign("one host", stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_fleet_that_loses_its_power_has_everything_that_was_promised() {
    let Some(disk) = Disk::new() else { return };
    let stage = Stage::fleet(disk).await;
    campaign("a fleet", stage).await;
}
