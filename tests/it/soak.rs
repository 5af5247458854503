//! The soak: a gateway and a console under traffic whose primary always fails, with a store that fails now and then.
//! Nothing may grow but the event log, and no event may be lost.
//!
//! Fifteen seconds; `tests/run soak 10` does it for ten minutes and prints what was measured.

use std::{
    collections::HashSet,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{Entry, EventDecision, EventId, Seq},
    store::{Access, Store},
};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use crate::support::{
    outpost::{Outpost, ask},
    pty::Pty,
    upstream::DEADLINE,
};

/// How long unless `BACKSTOP_SOAK_SECONDS` says otherwise.
const SECONDS: u64 = 15;
/// How often it is measured.
const SAMPLES: u64 = 30;
const CLIENTS: usize = 4;
/// A client asks at most this often: the log shall not fill a disk in an hour.
const PAUSE: Duration = Duration::from_millis(20);

/// What may come on top of what it was after the first third: in kB, and as a share in percent.
const MEMORY_MORE: (u64, u64) = (3_072, 10);
/// Descriptors and threads: connections and blocking threads come and go.
const HANDLES_MORE: u64 = 8;
/// What one event may take in the store, with its outcome and what stands beside it.
const EVENT_BYTES: u64 = 4_096;

/// What one process holds.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Memory of its own, in kB. Not the pages of the program: how many of those it has to itself depends on who else
    /// runs the same program at that moment.
    memory: u64,
    /// 0 where only root may count them.
    descriptors: u64,
    threads: u64,
}

impl Held {
    fn of(pid: u32) -> Self {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
        let number = |text: &str, name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name));
            let rest = rest.unwrap().trim().trim_end_matches(" kB");
            rest.parse::<u64>().unwrap()
        };
        let status = read("status").unwrap();
        let open = fs::read_dir(format!("/proc/{pid}/fd"));
        Self {
            memory: number(&status, "RssAnon:"),
            descriptors: open.map_or(0, |open| open.count() as u64),
            threads: number(&status, "Threads:"),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    seconds: u64,
    gateway: Held,
    console: Held,
    store: u64,
    expected: usize,
    missing: usize,
}

/// Events of fallbacks as clients and the log have them.
#[derive(Default)]
struct Both {
    /// Of clients, and not yet found.
    open: HashSet<EventId>,
    /// Found before a client has had its answer.
    ahead: HashSet<EventId>,
}

/// What clients were told.
#[derive(Default)]
struct Seen {
    both: Mutex<Both>,
    events: AtomicUsize,
    unlogged: AtomicUsize,
    refused: AtomicUsize,
    stop: AtomicBool,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_grows_but_the_log() {
    let seconds = std::env::var("BACKSTOP_SOAK_SECONDS");
    let seconds = seconds.map_or(SECONDS, |text| text.parse().unwrap());
    let post = Outpost::new("").await;
    post.faults("gateway", "");
    let mut gateway = post.serve();
    let address = gateway.address().await;
    let config = post.path().join("backstop.toml");
    let line = ["console", "--config", config.to_str().unwrap()];
    let console = Pty::backstop(&line, (120, 40));
    console.wait_for("careful");
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let workload = ["careful", "eager", "steady", "switched"][number % 4];
        clients.spawn(client(address, workload, Arc::clone(&seen)));
    }
    let store = post.open(Access::Observe).await;
    let (mut place, mut samples) = (Seq(0), Vec::new());
    let mut tick = interval(Duration::from_millis(seconds * 1_000 / SAMPLES));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begun = Clock::instant();
    tick.tick().await;
    for number in 0..SAMPLES {
        // Of six stretches one has a full disk, and one a slow one.
        let faults = match number % 6 {
            2 => "pwrite events.db enospc 0\n",
            4 => "sync events.db slow 50\n",
            _ => "",
        };
        post.faults("gateway", faults);
        tick.tick().await;
        assert!(gateway.runs(), "{}", gateway.log());
        find(&store, &mut place, &seen).await;
        samples.push(Sample {
            seconds: begun.elapsed().as_secs(),
            gateway: Held::of(gateway.pid()),
            console: Held::of(console.pid()),
            store: size(&post.state()),
            expected: seen.events.load(Ordering::Relaxed),
            missing: seen.both.lock().unwrap().open.len(),
        });
    }
    post.faults("gateway", "");
    seen.stop.store(true, Ordering::Relaxed);
    while let Some(ended) = timeout(DEADLINE, clients.join_next()).await.unwrap() {
        ended.unwrap();
    }
    find(&store, &mut place, &seen).await;
    println!("{}", report(&samples, &seen, place));
    judge(&samples, &seen, place);
}

/// Asks again and again.
async fn client(address: SocketAddr, workload: &'static str, seen: Arc<Seen>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut pause = interval(PAUSE);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !seen.stop.load(Ordering::Relaxed) {
        pause.tick().await;
        let answer = ask(&client, address, workload).await.expect("a gateway");
        match (answer.fallback, answer.event) {
            (Some(_), Some(event)) if !answer.unlogged => {
                let event = event.parse().unwrap();
                let mut both = seen.both.lock().unwrap();
                if !both.ahead.remove(&event) {
                    both.open.insert(event);
                }
                drop(both);
                seen.events.fetch_add(1, Ordering::Relaxed);
            }
            (Some(_), _) => {
                assert!(answer.unlogged, "a silent fallback");
                seen.unlogged.fetch_add(1, Ordering::Relaxed);
            }
            (None, _) if answer.status != 200 => {
                seen.refused.fetch_add(1, Ordering::Relaxed);
            }
            (None, _) => assert_eq!(workload, "steady"),
        }
    }
}

/// Crosses off what is in the log by now.
async fn find(store: &Store, place: &mut Seq, seen: &Seen) {
    loop {
        let page = store.tail(*place, 1_000).await.unwrap();
        let Some((last, _)) = page.last() else {
            return;
        };
        *place = *last;
        let mut both = seen.both.lock().unwrap();
        for (_, entry) in page {
            if let Entry::Decision(event) = entry
                && event.decision == EventDecision::Fallback
                && !both.open.remove(&event.id)
            {
                both.ahead.insert(event.id);
            }
        }
    }
}

fn size(directory: &Path) -> u64 {
    let files = fs::read_dir(directory).unwrap().flatten();
    files
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

fn report(samples: &[Sample], seen: &Seen, place: Seq) -> String {
    let mut text = format!(
        "{:>7} | {:>9} {:>4} {:>4} | {:>9} {:>4} {:>4} | {:>9} | {:>9} {:>7}\n",
        "seconds",
        "gateway",
        "fds",
        "thr",
        "console",
        "fds",
        "thr",
        "store kB",
        "events",
        "to find"
    );
    for sample in samples {
        let (gateway, console) = (sample.gateway, sample.console);
        let _ = writeln!(
            text,
            "{:>7} | {:>6} kB {:>4} {:>4} | {:>6} kB {:>4} {:>4} | {:>9} | {:>9} {:>7}",
            sample.seconds,
            gateway.memory,
            gateway.descriptors,
            gateway.threads,
            console.memory,
            console.descriptors,
            console.threads,
            sample.store / 1_000,
            sample.expected,
            sample.missing
        );
    }
    let expected = seen.events.load(Ordering::Relaxed);
    let _ = write!(
        text,
        "soak: events expected {expected}, found {}, marked as unlogged {}, refused for want of one {}, entries in \
         the log {}",
        expected - seen.both.lock().unwrap().open.len(),
        seen.unlogged.load(Ordering::Relaxed),
        seen.refused.load(Ordering::Relaxed),
        place.0
    );
    text
}

fn judge(samples: &[Sample], seen: &Seen, place: Seq) {
    let both = seen.both.lock().unwrap();
    assert!(
        both.open.is_empty(),
        "events that clients hold are lost: {:?}",
        both.open
    );
    drop(both);
    assert!(seen.events.load(Ordering::Relaxed) > 0);
    assert!(
        seen.unlogged.load(Ordering::Relaxed) > 0,
        "no fault was met"
    );
    let third = samples.len() / 3;
    let (early, late) = (&samples[..2 * third], &samples[2 * third..]);
    for (name, of) in [
        ("gateway", (|sample| sample.gateway) as fn(&Sample) -> Held),
        ("console", |sample| sample.console),
    ] {
        for (what, value, more) in [
            (
                "memory",
                (|held| held.memory) as fn(Held) -> u64,
                MEMORY_MORE,
            ),
            ("descriptors", |held| held.descriptors, (HANDLES_MORE, 0)),
            ("threads", |held| held.threads, (HANDLES_MORE, 0)),
        ] {
            let most = |samples: &[Sample]| samples.iter().map(|it| value(of(it))).max().unwrap();
            let (before, after) = (most(early), most(late));
            let bound = before + more.0.max(before * more.1 / 100);
            assert!(
                after <= bound,
                "{name}: {what} went from {before} to {after}"
            );
        }
    }
    let last = samples.last().unwrap();
    let bound = 64_000_000 + place.0 * EVENT_BYTES;
    assert!(last.store <= bound, "the store has {} bytes", last.store);
}
