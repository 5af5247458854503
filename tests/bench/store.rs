//! How fast events become durable, what that costs the writing thread, and how soon another handle sees an
//! override or an event. `cargo bench --bench store`; figures depend on the disk under the system's
//! temporary directory (`TMPDIR` chooses another one).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a bench prints its figures and fails by panicking"
)]

#[path = "../it/store_samples.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod store_samples;

use std::{fs, hint::black_box, sync::Mutex, time::Duration};

use backstop::{
    clock::Clock,
    model::{Entry, Event, Retention, Revision},
    store::{Access, EventQuery, Store},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use store_samples::{FORCE, change, event, mode_key, outcome};
use tokio::runtime::Runtime;

struct Place {
    runtime: Runtime,
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap(),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn open(&self) -> Store {
        let url = format!("sqlite:{}", self.directory.path().join("state").display());
        self.runtime
            .block_on(Store::open(&url, Access::Write, Clock::system()))
            .unwrap()
    }

    /// The files must not be removed while a thread still uses them.
    fn close(&self, store: &Store) {
        self.runtime.block_on(store.close()).unwrap();
    }
}

fn decision(number: u64) -> Entry {
    Entry::Decision(Box::new(event(number, Clock::system().now())))
}

/// Waits for a batch that was appended in one go: what group commit makes of it.
fn append(criterion: &mut Criterion) {
    let place = Place::new();
    let store = place.open();
    let mut group = criterion.benchmark_group("append until durable");
    for batch in [1_u64, 10, 100, 1_000] {
        group.throughput(Throughput::Elements(batch));
        group.bench_with_input(
            BenchmarkId::from_parameter(batch),
            &batch,
            |bencher, batch| {
                let mut number = 0;
                bencher.iter(|| {
                    let mut last = None;
                    for _ in 0..*batch {
                        number += 1;
                        last = Some(store.reserve().unwrap().append(decision(number)));
                    }
                    place
                        .runtime
                        .block_on(async { black_box(last.unwrap().durable().await.unwrap()) })
                });
            },
        );
    }
    group.finish();
    place.close(&store);
}

/// From the call that changes an override to its sight in another handle.
fn propagation(criterion: &mut Criterion) {
    let place = Place::new();
    let (first, second) = (place.open(), place.open());
    let key = mode_key("support-chat");
    let mut revision = Revision(0);
    criterion.bench_function("override seen by another handle", |bencher| {
        bencher.iter(|| {
            place.runtime.block_on(async {
                let now = Clock::system().now();
                let request = change(&key, revision, FORCE, "ana", now, None);
                let mut seen = second.overrides();
                let changed = first.change(request).await.unwrap();
                revision = changed.revision;
                drop(seen.wait_for(|it| it.revision >= revision).await.unwrap());
            });
        });
    });
    let mut newest = second.newest();
    let mut number = 0;
    criterion.bench_function("lone event seen by another handle", |bencher| {
        bencher.iter_custom(|iterations| {
            let mut took = Duration::ZERO;
            for _ in 0..iterations {
                took += place.runtime.block_on(async {
                    // A bell rings at once only after it was silent for a while.
                    tokio::time::sleep(Duration::from_millis(25)).await;
                    number += 1;
                    let begun = Clock::instant();
                    let receipt = first.reserve().unwrap().append(decision(number));
                    let seq = receipt.durable().await.unwrap();
                    drop(newest.wait_for(|it| *it >= seq).await.unwrap());
                    begun.elapsed()
                });
            }
            took
        });
    });
    place.close(&first);
    place.close(&second);
}

/// CPU time of our threads by name, in seconds.
fn thread_seconds(name: &str) -> f64 {
    let mut ticks = 0_u32;
    for task in fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(stat) = fs::read_to_string(task.path().join("stat")) else {
            continue;
        };
        let (head, tail) = stat.split_once(") ").unwrap();
        if head.ends_with(name) {
            let fields: Vec<&str> = tail.split(' ').collect();
            ticks += fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
        }
    }
    f64::from(ticks) / 100.0
}

fn percentile(sorted: &[Duration], per_mille: usize) -> Duration {
    sorted[(sorted.len() - 1) * per_mille / 1_000]
}

/// Fallbacks at a fixed rate, each a decision that is waited for and an outcome that is not. A second handle
/// follows the log, and an operator changes an override twenty times a second.
fn rates() {
    println!(
        "\nfallbacks/s | decision durable p50 / p99 / max ms | override seen p50 / p99 ms | entries/s | \
         cores: writer + upkeep + followers | MB/s"
    );
    for (rate, both) in [
        (100_u32, false),
        (1_000, false),
        (10_000, false),
        (30_000, false),
        (45_000, false),
        (1_000, true),
        (10_000, true),
    ] {
        let place = Place::new();
        let (store, other) = (place.open(), place.open());
        let newest = other.newest();
        let seconds = 5;
        let begun = Clock::instant();
        let before = ["store-events", "store-upkeep", "store-follow"].map(thread_seconds);
        let operator = place.runtime.spawn(operate(store.clone(), other.clone()));
        let mut latencies = place.runtime.block_on(async {
            if both {
                let halves = (
                    load(&store, rate / 2, rate / 2 * seconds),
                    load(&other, rate / 2, rate / 2 * seconds),
                );
                let (mut one, two) = tokio::join!(halves.0, halves.1);
                one.extend(two);
                one
            } else {
                load(&store, rate, rate * seconds).await
            }
        });
        let wall = begun.elapsed().as_secs_f64();
        let after = ["store-events", "store-upkeep", "store-follow"].map(thread_seconds);
        operator.abort();
        let mut seen = SEEN.lock().unwrap().split_off(0);
        latencies.sort();
        seen.sort();
        let size: u64 = fs::read_dir(place.directory.path().join("state"))
            .unwrap()
            .flatten()
            .map(|file| file.metadata().unwrap().len())
            .sum();
        println!(
            "{rate:>7}{} | {:>7.2} / {:>7.2} / {:>7.2} | {:>7.2} / {:>7.2} | {:>7.0} | {:.2} + {:.2} + {:.2} | {:.1}",
            if both { " by two" } else { "" },
            percentile(&latencies, 500).as_secs_f64() * 1e3,
            percentile(&latencies, 990).as_secs_f64() * 1e3,
            percentile(&latencies, 1_000).as_secs_f64() * 1e3,
            percentile(&seen, 500).as_secs_f64() * 1e3,
            percentile(&seen, 990).as_secs_f64() * 1e3,
            f64::from(2 * rate * seconds) / wall,
            (after[0] - before[0]) / wall,
            (after[1] - before[1]) / wall,
            (after[2] - before[2]) / wall,
            size as f64 / 1e6 / wall,
        );
        drop(newest);
        place.close(&store);
        place.close(&other);
    }
}

/// Appends at a rate; answers how long each decision took to become durable.
async fn load(store: &Store, rate: u32, count: u32) -> Vec<Duration> {
    let begun = Clock::instant();
    let mut waiting = Vec::new();
    let mut sent = 0_u32;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    while sent < count {
        tick.tick().await;
        let due = (begun.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while sent < due.min(count) {
            sent += 1;
            let at = Clock::instant();
            let number = u64::from(sent);
            let receipt = store.reserve().unwrap().append(decision(number));
            let store = store.clone();
            waiting.push(tokio::spawn(async move {
                receipt.durable().await.unwrap();
                let took = at.elapsed();
                let ended = Entry::Outcome(outcome(number, Clock::system().now()));
                store.reserve().unwrap().append_unawaited(ended);
                took
            }));
        }
    }
    let mut latencies = Vec::with_capacity(waiting.len());
    for task in waiting {
        latencies.push(task.await.unwrap());
    }
    latencies
}

/// How long each change of an override took until the other handle saw it.
static SEEN: Mutex<Vec<Duration>> = Mutex::new(Vec::new());

async fn operate(store: Store, other: Store) {
    let key = mode_key("support-chat");
    let mut seen = other.overrides();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    let mut expected = Revision(0);
    loop {
        tick.tick().await;
        let begun = Clock::instant();
        let request = change(&key, expected, FORCE, "ana", Clock::system().now(), None);
        expected = store.change(request).await.unwrap().revision;
        drop(seen.wait_for(|it| it.revision >= expected).await.unwrap());
        SEEN.lock().unwrap().push(begun.elapsed());
    }
}

/// As fast as the queue lets: how many entries a second one writer makes durable.
fn flood() {
    let place = Place::new();
    let store = place.open();
    let begun = Clock::instant();
    let busy = thread_seconds("store-events");
    let entries = 1_000_000_u64;
    let samples: Vec<Entry> = (0..1_000).map(decision).collect();
    for number in 0..entries {
        let entry = samples[usize::try_from(number % 1_000).unwrap()].clone();
        loop {
            match store.reserve() {
                Ok(reservation) => {
                    reservation.append_unawaited(entry);
                    break;
                }
                Err(_) => std::thread::yield_now(),
            }
        }
    }
    let writer = thread_seconds("store-events") - busy;
    let end = store.newest().borrow().0;
    let rare = Event {
        workload: "image-understanding".into(),
        ..event(end, Clock::system().now())
    };
    let last = store
        .reserve()
        .unwrap()
        .append(Entry::Decision(Box::new(rare)));
    place.runtime.block_on(last.durable()).unwrap();
    let wall = begun.elapsed().as_secs_f64();
    println!(
        "\nflood: {entries} decisions in {wall:.2} s = {:.0}/s, writer thread about {writer:.2} s of CPU",
        entries as f64 / wall
    );
    let all = EventQuery::default();
    for (case, query) in [
        (
            "newest 200",
            EventQuery {
                limit: 200,
                ..all.clone()
            },
        ),
        (
            "newest 200 of a workload with one event: looks at every row",
            EventQuery {
                workload: Some("image-understanding".into()),
                limit: 200,
                ..all.clone()
            },
        ),
        (
            "since one second ago, newest 200",
            EventQuery {
                since: Some(Clock::system().now() - Duration::from_secs(1)),
                limit: 200,
                ..all
            },
        ),
    ] {
        let begun = Clock::instant();
        let found = place.runtime.block_on(store.events(query)).unwrap();
        println!("  {case}: {} found in {:?}", found.len(), begun.elapsed());
    }
    let begun = Clock::instant();
    let keep = Retention {
        events: Duration::ZERO,
        audit: Duration::ZERO,
        reviews: Duration::ZERO,
    };
    let gone = place.runtime.block_on(store.retain(keep)).unwrap();
    println!("  retention removed {} in {:?}", gone.0, begun.elapsed());
    place.close(&store);
}

criterion_group! {
    name = store;
    config = Criterion::default().sample_size(50);
    targets = append, propagation
}

fn main() {
    store();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        flood();
        rates();
    }
}
