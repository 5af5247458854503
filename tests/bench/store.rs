//! How fast events become durable, what that costs the writing thread, and how soon another handle sees an
//! override or an event. `cargo bench --bench store`; figures depend on the disk under the system's
//! temporary directory (`TMPDIR` chooses another one). `cargo bench --bench store -- scale`: ten million events.

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

use std::{
    fs,
    hint::black_box,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{
        Entry, ErrorClass, Event, EventId, Outcome, Retention, Revision, Seq, Stretch,
        WorkloadTraffic,
    },
    store::{Access, EventQuery, Store, TrafficQuery},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use jiff::Timestamp;
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

/// What a store of many events costs: `cargo bench --bench store -- scale`, with `BACKSTOP_SCALE_EVENTS` events
/// (10 million, each with its outcome; 13 GB under `TMPDIR`) over thirty days.
fn scale() {
    let events: u64 =
        std::env::var("BACKSTOP_SCALE_EVENTS").map_or(10_000_000, |text| text.parse().unwrap());
    let place = Place::new();
    let store = place.open();
    let days = 30;
    let first = Clock::system().now() - Duration::from_hours(24 * days);
    let step = Duration::from_hours(24 * days) / u32::try_from(events).unwrap();
    println!("\nscale: {events} events with their outcomes over {days} days");
    let begun = Clock::instant();
    let samples: Vec<Event> = (0..1_000).map(|number| event(number, first)).collect();
    for number in 0..events {
        let at = first + step * u32::try_from(number).unwrap();
        for entry in [
            Entry::Decision(Box::new(scattered(&samples, number, at))),
            Entry::Outcome(Outcome {
                event: scale_id(number, at),
                ..outcome(number, at + Duration::from_secs(1))
            }),
        ] {
            loop {
                if let Ok(reservation) = store.reserve() {
                    reservation.append_unawaited(entry);
                    break;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }
    let last = store.reserve().unwrap().append(decision(events + 1));
    place.runtime.block_on(last.durable()).unwrap();
    let wall = begun.elapsed().as_secs_f64();
    let state = place.directory.path().join("state");
    let size = |state: &std::path::Path| -> f64 {
        let files = fs::read_dir(state).unwrap().flatten();
        let bytes = files.map(|file| file.metadata().unwrap().len());
        bytes.sum::<u64>() as f64 / 1e9
    };
    println!(
        "  filled in {wall:.0} s = {:.0} entries/s; {:.1} GB; memory {}",
        2.0 * events as f64 / wall,
        size(&state),
        memory()
    );
    let beside = Beside::start(&place);
    questions(&place, &store, events, first, step);
    beside.told("the questions");
    let kept = export_and_import(&place, &store, events);
    beside.told("the export and the imports");
    let keep = Retention {
        events: Duration::from_hours(24 * days / 2),
        audit: Duration::from_hours(24 * 365),
        reviews: Duration::from_hours(24 * 365),
    };
    let begun = Clock::instant();
    let gone = place.runtime.block_on(store.retain(keep)).unwrap();
    println!(
        "  retention removed {} events in {:.1} s; memory {}",
        gone.0,
        begun.elapsed().as_secs_f64(),
        memory()
    );
    beside.told("the retention");
    let begun = Clock::instant();
    let gone = place.runtime.block_on(store.retain(keep)).unwrap();
    println!("  once more: {} events in {:.1?}", gone.0, begun.elapsed());
    beside.end();
    assert!(kept > 0);
    place.close(&store);
}

fn scale_id(number: u64, at: Timestamp) -> EventId {
    EventId::new(at, u128::from(number))
}

/// Seven workloads; the last one has one event in a hundred thousand.
fn scattered(samples: &[Event], number: u64, at: Timestamp) -> Event {
    let workload = if number % 100_000 == 17 {
        "image-understanding".into()
    } else {
        format!("workload-{}", number * 7 % 11 % 6).as_str().into()
    };
    Event {
        id: scale_id(number, at),
        at,
        workload,
        ..samples[usize::try_from(number % 1_000).unwrap()].clone()
    }
}

/// What this process holds in memory, and what it held at most.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().trim().trim_end_matches(" kB");
        number.parse::<u64>().unwrap() / 1_024
    };
    format!("{} MB (at most {} MB)", of("VmRSS:"), of("VmHWM:"))
}

/// A gateway that goes on meanwhile: a hundred events a second, each waited for.
struct Beside {
    stop: Arc<AtomicBool>,
    took: Arc<Mutex<Vec<Duration>>>,
    store: Store,
}

impl Beside {
    fn start(place: &Place) -> Self {
        let store = place.open();
        let beside = Self {
            stop: Arc::default(),
            took: Arc::default(),
            store: store.clone(),
        };
        let (stop, took) = (beside.stop.clone(), beside.took.clone());
        place.runtime.spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(10));
            let mut number = 1_u64 << 40;
            while !stop.load(Ordering::Relaxed) {
                tick.tick().await;
                number += 1;
                let at = Clock::instant();
                let now = Clock::system().now();
                let one = Event {
                    id: scale_id(number, now),
                    ..event(number, now)
                };
                let place = store.reserve().unwrap();
                place
                    .append(Entry::Decision(Box::new(one)))
                    .durable()
                    .await
                    .unwrap();
                took.lock().unwrap().push(at.elapsed());
            }
        });
        beside
    }

    fn told(&self, during: &str) {
        let mut took = self.took.lock().unwrap().split_off(0);
        took.sort();
        if !took.is_empty() {
            println!(
                "    beside {during}: an event durable in p50 {:.2?}, p99 {:.2?}, at most {:.2?}",
                percentile(&took, 500),
                percentile(&took, 990),
                percentile(&took, 1_000)
            );
        }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.store);
    }
}

fn questions(place: &Place, store: &Store, events: u64, first: Timestamp, step: Duration) {
    let newest = store.newest().borrow().0;
    for (case, after) in [
        ("newest", newest - 500),
        ("middle", newest / 2),
        ("oldest", 0),
    ] {
        let begun = Clock::instant();
        let tail = store.tail(Seq(after), 500);
        let found = place.runtime.block_on(tail).unwrap();
        println!("  tail, {case} {}: {:.2?}", found.len(), begun.elapsed());
    }
    let all = EventQuery {
        limit: 200,
        ..EventQuery::default()
    };
    let back = |hours: u64| Some(Clock::system().now() - Duration::from_hours(hours));
    let old = events / 3;
    let old_at = first + step * u32::try_from(old).unwrap();
    let other = ErrorClass::Timeout;
    for (case, query) in [
        ("first page of the console: newest 200", all.clone()),
        (
            "newest 200 of a frequent workload",
            EventQuery {
                workload: Some("workload-3".into()),
                ..all.clone()
            },
        ),
        (
            "newest 20 of a rare workload",
            EventQuery {
                workload: Some("image-understanding".into()),
                limit: 20,
                ..all.clone()
            },
        ),
        (
            "newest 200 of a rare workload: looks at everything",
            EventQuery {
                workload: Some("image-understanding".into()),
                ..all.clone()
            },
        ),
        (
            "of a class that never was: looks at everything",
            EventQuery {
                class: Some(other),
                ..all.clone()
            },
        ),
        (
            "since an hour ago, newest 200",
            EventQuery {
                since: back(1),
                ..all.clone()
            },
        ),
        (
            "since a day ago, a frequent workload, newest 200",
            EventQuery {
                since: back(24),
                workload: Some("workload-3".into()),
                ..all.clone()
            },
        ),
        (
            "an event of the first third by its id",
            EventQuery {
                id: Some(scale_id(old, old_at)),
                since: Some(old_at - Duration::from_secs(1)),
                limit: 1,
                ..all.clone()
            },
        ),
        (
            "a stretch of an hour in the middle, newest 200",
            EventQuery {
                since: Some(old_at),
                until: Some(old_at + Duration::from_hours(1)),
                ..all
            },
        ),
    ] {
        let begun = Clock::instant();
        let found = place.runtime.block_on(store.events(query)).unwrap();
        println!("  {case}: {} in {:.2?}", found.len(), begun.elapsed());
    }
    let begun = Clock::instant();
    let fresh = place.open();
    println!("  another process opens it: {:.2?}", begun.elapsed());
    place.close(&fresh);
    histogram(place, store);
    println!("    memory {}", memory());
}

/// What charts show: by workload, from what gateways have counted minute by minute.
fn histogram(place: &Place, store: &Store) {
    let now = Clock::system().now();
    for minute in (0..2_880_u64).rev() {
        let at = now - Duration::from_mins(minute);
        let mut beat = store_samples::heartbeat("gw-1", at);
        beat.workloads = (0..7)
            .map(|number| WorkloadTraffic {
                workload: format!("workload-{number}").as_str().into(),
                requests: 60,
                primary_failures: 9,
                fallbacks: 7,
                errors: 2,
                uncaught: 0,
                last_uncaught: None,
                refused: 0,
                first_output_p50_ms: None,
                first_output_p95_ms: None,
                in_flight: 0,
                failing_since: None,
                last_primary_failure: None,
                last_primary: None,
                last_primary_by: None,
                last_fallback: None,
                last_fallback_by: None,
                last_routed: None,
            })
            .collect();
        place.runtime.block_on(store.beat(beat)).unwrap();
    }
    for (case, stretch, hours) in [
        ("an hour by minute", Stretch::Minute, 1),
        ("two days by hour", Stretch::Hour, 48),
    ] {
        let query = TrafficQuery {
            since: now - Duration::from_hours(hours),
            until: now,
            stretch,
            workload: None,
        };
        let begun = Clock::instant();
        let found = place.runtime.block_on(store.traffic(query)).unwrap();
        println!(
            "  histogram of every workload, {case}: {} bars in {:.2?}",
            found.len(),
            begun.elapsed()
        );
    }
}

/// The whole log in pages, and a part of it into this store again and into an empty one.
fn export_and_import(place: &Place, store: &Store, events: u64) -> u64 {
    let begun = Clock::instant();
    let (mut seen, mut count, mut bytes) = (Seq(0), 0_u64, 0);
    let part = (events / 5).max(1);
    let empty = Place::new();
    let other = empty.open();
    let import = other.import().unwrap();
    let mut importing = Duration::ZERO;
    loop {
        let page = place.runtime.block_on(store.tail(seen, 1_000)).unwrap();
        let Some((last, _)) = page.last() else {
            break;
        };
        seen = *last;
        for (_, entry) in &page {
            bytes += serde_json::to_string(entry).unwrap().len();
        }
        if count < part {
            let at = Clock::instant();
            let entries = page.iter().map(|(_, entry)| entry.clone()).collect();
            empty.runtime.block_on(import.add(entries)).unwrap();
            importing += at.elapsed();
        }
        count += page.len() as u64;
    }
    let took = begun.elapsed().saturating_sub(importing).as_secs_f64();
    println!(
        "  export: {count} entries, {:.1} GB, in {took:.0} s = {:.0}/s; memory {}",
        bytes as f64 / 1e9,
        count as f64 / took,
        memory()
    );
    println!(
        "  import into an empty store: {part} entries in {:.0} s = {:.0}/s; memory {}",
        importing.as_secs_f64(),
        part as f64 / importing.as_secs_f64(),
        memory()
    );
    let import = store.import().unwrap();
    let begun = Clock::instant();
    let page = place.runtime.block_on(store.tail(Seq(0), 1_000)).unwrap();
    let entries = |page: &[(Seq, Entry)]| -> Vec<Entry> {
        page.iter().map(|(_, entry)| entry.clone()).collect()
    };
    let added = place.runtime.block_on(import.add(entries(&page))).unwrap();
    println!(
        "  import of what is there, first page: {added:?} in {:.1?} (the ids of the log are noted); memory {}",
        begun.elapsed(),
        memory()
    );
    let begun = Clock::instant();
    let mut seen = Seq(1_000);
    for _ in 0..200 {
        let page = place.runtime.block_on(store.tail(seen, 1_000)).unwrap();
        seen = page.last().map_or(seen, |(seq, _)| *seq);
        place.runtime.block_on(import.add(entries(&page))).unwrap();
    }
    println!(
        "  further pages: {:.0} entries/s",
        200_000.0 / begun.elapsed().as_secs_f64()
    );
    empty.close(&other);
    count
}

fn main() {
    if std::env::args().any(|argument| argument == "scale") {
        scale();
        return;
    }
    store();
    Criterion::default().configure_from_args().final_summary();
    // `cargo test --benches` only wants to know that it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        flood();
        rates();
    }
}
