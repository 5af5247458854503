//! What a fleet costs and how fast it is, over three real servers on loopback that write to disk before they
//! acknowledge: events per second and how long one waits for its acknowledgement, a change until 10 and 100 hosts have
//! seen it, the longest time without an acknowledgement when the leader is killed, what a console that follows a storm
//! reads, what a fallback adds to an answer. `cargo bench --bench fleet`; a word after `--` runs one of: events, change,
//! leader, follow, answers.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a bench prints its figures and fails by panicking"
)]

#[path = "fleet_answers.rs"]
mod fleet_answers;
#[path = "../it/store_pair.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod store_pair;
#[path = "../it/store_samples.rs"]
#[expect(dead_code, reason = "as above")]
mod store_samples;
#[path = "../it/support"]
mod support {
    #[expect(
        dead_code,
        clippy::expect_used,
        clippy::panic,
        reason = "shared with the tests, which use all of it"
    )]
    pub(crate) mod cluster;
}

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{Entry, Revision, Seq, StorePlace},
    store::{Access, Store},
};
use store_samples::{FORCE, change, event, mode_key};
use support::cluster::{Cluster, Setup, until};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const SERVERS: usize = 3;
/// How long each rate is held.
const HELD: Duration = Duration::from_secs(10);
const GATEWAYS: usize = 4;
const WORKLOADS: u64 = 8;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| {
        let words = wanted.iter().filter(|word| !word.starts_with('-'));
        words.clone().count() == 0 || words.clone().any(|word| word == name)
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        if wants("events") {
            events().await;
        }
        if wants("change") {
            changes().await;
        }
        if wants("leader") {
            leader().await;
        }
        if wants("follow") {
            follow().await;
        }
        if wants("answers") {
            fleet_answers::answers(SERVERS).await;
        }
    });
}

/// Servers with the streams of a fleet and nothing between them and who asks them.
async fn direct(servers: usize) -> Cluster {
    let cluster = Cluster::with(Setup::of(servers).without_doors()).await;
    store_pair::make_streams(&cluster.url().as_str().into(), servers).await;
    cluster
}

async fn open(url: &str, view: &Path, access: Access) -> Store {
    let place = StorePlace {
        view: Some(view.to_owned()),
        ..StorePlace::from(url)
    };
    Store::open(&place, access, Clock::system()).await.unwrap()
}

/// So many hosts, each with a view of its own.
async fn hosts(url: &str, views: &Path, count: usize, access: Access) -> Vec<Store> {
    let mut stores = Vec::new();
    for index in 0..count {
        stores.push(open(url, &views.join(format!("host-{index}")), access).await);
    }
    stores
}

async fn close(stores: Vec<Store>) {
    for store in stores {
        store.close().await.unwrap();
    }
}

fn entry(number: u64) -> Entry {
    let mut of = event(number, Clock::system().now());
    of.workload = format!("workload-{}", number % WORKLOADS).as_str().into();
    Entry::Decision(Box::new(of))
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

/// Prints how long something took; answers the times in their order.
fn told(what: &str, mut took: Vec<Duration>) -> Vec<Duration> {
    took.sort_unstable();
    println!(
        "{what}: p50 {:.2} ms, p99 {:.2} ms, worst {:.2} ms ({} of them)",
        percentile(&took, 50).as_secs_f64() * 1e3,
        percentile(&took, 99).as_secs_f64() * 1e3,
        took.last().copied().unwrap_or_default().as_secs_f64() * 1e3,
        took.len()
    );
    took
}

/// Appends at a pace over all gateways; how long each waited for its acknowledgement.
async fn paced(stores: &[Store], rate: u64, from: u64, held: Duration) -> (Vec<Duration>, u64) {
    let (begun, mut number, mut waiting) = (Clock::instant(), from, JoinSet::new());
    let (mut took, mut refused) = (Vec::new(), 0);
    while begun.elapsed() < held {
        let due = from + (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        while number < due {
            number += 1;
            let store = &stores[number as usize % stores.len()];
            let (since, receipt) = (
                Clock::instant(),
                store.reserve().unwrap().append(entry(number)),
            );
            waiting.spawn(async move { receipt.durable().await.map(|_| since.elapsed()) });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        while let Some(one) = waiting.try_join_next() {
            one.unwrap()
                .map_or_else(|_| refused += 1, |one| took.push(one));
        }
    }
    while let Some(one) = waiting.join_next().await {
        one.unwrap()
            .map_or_else(|_| refused += 1, |one| took.push(one));
    }
    (took, refused)
}

async fn events() {
    let (cluster, views) = (direct(SERVERS).await, tempfile::tempdir().unwrap());
    let stores = hosts(&cluster.url(), views.path(), GATEWAYS, Access::Write).await;
    let mut from = 0;
    for rate in [100, 1_000, 10_000] {
        let (took, refused) = paced(&stores, rate, from, HELD).await;
        from += 10_000_000;
        let second = took.len() as f64 / HELD.as_secs_f64();
        let what =
            format!("events, {GATEWAYS} gateways, {rate}/s wanted, {second:.0}/s acknowledged");
        told(&what, took);
        assert_eq!(refused, 0);
    }
    // As many as go: whatever a gateway may have waiting.
    let begun = Clock::instant();
    let mut receipts = Vec::new();
    for number in 0..200_000 {
        let store = &stores[number as usize % stores.len()];
        loop {
            match store.reserve() {
                Ok(place) => break receipts.push(place.append(entry(from + number))),
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }
    let count = receipts.len() as f64;
    for receipt in receipts {
        receipt.durable().await.unwrap();
    }
    println!(
        "events, as many as go: {:.0}/s",
        count / begun.elapsed().as_secs_f64()
    );
    close(stores).await;
}

async fn changes() {
    let (cluster, views) = (direct(SERVERS).await, tempfile::tempdir().unwrap());
    let operator = open(
        &cluster.url(),
        &views.path().join("operator"),
        Access::Write,
    )
    .await;
    let (key, mut revision) = (mode_key("support-chat"), Revision(0));
    for watchers in [10, 100] {
        let stores = hosts(
            &cluster.url(),
            &views.path().join(format!("of-{watchers}")),
            watchers,
            Access::Observe,
        )
        .await;
        let (mut made, mut seen) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let now = Clock::system().now();
            let request = change(&key, revision, FORCE, "ana", now, None);
            let begun = Clock::instant();
            let mut looking = JoinSet::new();
            for store in &stores {
                let (mut table, wanted) = (store.overrides(), revision);
                looking.spawn(async move {
                    let newer = table.wait_for(|table| table.revision > wanted);
                    drop(newer.await.unwrap());
                    begun.elapsed()
                });
            }
            revision = operator.change(request).await.unwrap().revision;
            made.push(begun.elapsed());
            while let Some(one) = looking.join_next().await {
                seen.push(one.unwrap());
            }
        }
        told(
            &format!("a change, until it is made, {watchers} hosts watch"),
            made,
        );
        told(
            &format!("a change, until each of {watchers} hosts has seen it"),
            seen,
        );
        close(stores).await;
    }
    operator.close().await.unwrap();
}

/// The longest time without an acknowledgement around the end of a leader, of events and of changes.
async fn leader() {
    let (mut cluster, views) = (direct(SERVERS).await, tempfile::tempdir().unwrap());
    let store = open(&cluster.url(), views.path(), Access::Write).await;
    let (mut number, mut revision) = (0, Revision(0));
    let key = mode_key("support-chat");
    for stream in ["backstop-events", "backstop-state"] {
        let mut gaps = Vec::new();
        for _ in 0..5 {
            let gone = cluster.leader_of(stream).await;
            cluster.kill(gone);
            let (mut last, mut longest) = (Clock::instant(), Duration::ZERO);
            let begun = last;
            while begun.elapsed() < Duration::from_secs(10) {
                number += 1;
                let went = if stream == "backstop-events" {
                    let receipt = store.reserve().unwrap().append(entry(number));
                    receipt.durable().await.is_ok()
                } else {
                    let now = Clock::system().now();
                    let request = change(&key, revision, FORCE, "ana", now, None);
                    let made = store.change(request).await;
                    revision = store
                        .overrides()
                        .borrow()
                        .slots
                        .get(&key)
                        .map_or(revision, |slot| slot.revision);
                    made.is_ok()
                };
                if went {
                    longest = longest.max(last.elapsed());
                    last = Clock::instant();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            gaps.push(longest);
            cluster.revive(gone).await;
            cluster.ready().await;
        }
        told(
            &format!("{stream}: no acknowledgement after its leader was killed, at most"),
            gaps,
        );
    }
    store.close().await.unwrap();
}

/// A console that follows 2,000 events a second: what it reads.
async fn follow() {
    let (cluster, views) = (direct(SERVERS).await, tempfile::tempdir().unwrap());
    let stores = hosts(&cluster.url(), views.path(), GATEWAYS, Access::Write).await;
    let (url, read) = counted(&cluster).await;
    let console = open(&url, &views.path().join("console"), Access::Observe).await;
    let mut newest = console.newest();
    let storm = paced(&stores, 2_000, 0, HELD);
    let followed = async {
        let (mut seen, mut entries, mut behind) = (Seq(0), 0_u64, Vec::new());
        let mut settled = None;
        loop {
            let page = console.tail(seen, 500).await.unwrap();
            if let Some((last, entry)) = page.last() {
                seen = *last;
                entries += page.len() as u64;
                if let Entry::Decision(event) = entry {
                    let age = Clock::system().now().duration_since(event.at);
                    behind.push(age.unsigned_abs());
                }
                settled.get_or_insert_with(|| read.load(Ordering::Relaxed));
                continue;
            }
            if tokio::time::timeout(Duration::from_secs(2), newest.changed())
                .await
                .is_err()
            {
                return (
                    entries,
                    behind,
                    read.load(Ordering::Relaxed) - settled.unwrap_or(0),
                );
            }
        }
    };
    let ((took, refused), (entries, behind, bytes)) = tokio::join!(storm, followed);
    assert_eq!(entries, took.len() as u64 + refused);
    println!(
        "a console follows {:.0} events/s: {:.1} kB/s, {:.0} bytes each",
        entries as f64 / HELD.as_secs_f64(),
        bytes as f64 / HELD.as_secs_f64() / 1e3,
        bytes as f64 / entries as f64
    );
    told("a console that follows is behind", behind);
    console.close().await.unwrap();
    close(stores).await;
}

/// A way to the cluster on which the bytes that are read are counted.
async fn counted(cluster: &Cluster) -> (String, Arc<AtomicU64>) {
    let (listener, read) = (
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        Arc::<AtomicU64>::default(),
    );
    let (url, target) = (
        format!("nats://{}", listener.local_addr().unwrap()),
        cluster.address(0),
    );
    let counter = Arc::clone(&read);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(target).await.unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, Arc::default()));
            tokio::spawn(carry(far_in, near_out, Arc::clone(&counter)));
        }
    });
    until("the way is open", async || {
        TcpStream::connect(target).await.is_ok()
    })
    .await;
    (url, read)
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    counted: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        counted.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
