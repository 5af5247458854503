//! The release console in a terminal of 120x40, as an operator has it: `cargo bench --bench screen -- [EVENTS]
//! [WORKLOADS]`, a million and a thousand when not told.
//!
//! Told beside the goals: first paint and data, from the start of the process, and what starting any process of this
//! program in a terminal takes; key to first byte with nothing else going on, and while 2,000 events a second arrive;
//! bytes and time on the processor while a gateway lives that carries nothing, and while none lives; memory (PSS), and
//! how much of it is the program itself; and whether the screen is given back on SIGTERM, on SIGHUP, and with a
//! terminal that does not read. On a busy machine medians mean something, the rest little.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a bench is read by what it prints and fails by panicking"
)]

#[path = "../it/store_samples.rs"]
#[expect(dead_code, reason = "shared with the tests, which use all of it")]
mod store_samples;

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use backstop::{
    clock::Clock,
    model::{Entry, Event, EventId, Heartbeat, WorkloadTraffic},
    store::{Access, Store},
};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const COLUMNS: u16 = 120;
const ROWS: u16 = 40;
/// Nothing takes this long.
const DEADLINE: Duration = Duration::from_secs(30);
const STARTS: usize = 15;
const PRESSES: usize = 150;
/// Events that arrive while keys are pressed, each second.
const ARRIVING: u64 = 2_000;
const IDLE: Duration = Duration::from_secs(20);

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse().ok());
    let events: u64 = numbers.next().unwrap_or(1_000_000);
    let workloads: usize = numbers
        .next()
        .map_or(1_000, |number: u64| usize::try_from(number).unwrap());
    let place = Place::new(workloads);
    println!("{workloads} workloads, {events} events; 120x40");
    place.fill(events);
    starts(&place);
    keys(&place);
    idle(&place);
    ends(&place);
}

/// A configuration and its store.
struct Place {
    directory: tempfile::TempDir,
    config: PathBuf,
    runtime: tokio::runtime::Runtime,
    store: Store,
    workloads: usize,
    next: AtomicU64,
}

impl Place {
    fn new(workloads: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = directory.path().join("backstop.toml");
        fs::write(&config, written(workloads)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let url = format!("sqlite:{}", directory.path().join("state").display());
        let store = runtime
            .block_on(Store::open(&url, Access::Write, Clock::system()))
            .unwrap();
        Self {
            directory,
            config,
            runtime,
            store,
            workloads,
            next: AtomicU64::new(0),
        }
    }

    /// Appends so many events and waits until they are durable.
    fn fill(&self, events: u64) {
        let mut left = events;
        while left > 0 {
            let batch = left.min(10_000);
            let mut last = None;
            for _ in 0..batch {
                last = Some(self.store.reserve().unwrap().append(self.event()));
            }
            self.runtime.block_on(last.unwrap().durable()).unwrap();
            left -= batch;
        }
        self.beat();
    }

    fn event(&self) -> Entry {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let at = Clock::system().now();
        let place = number % self.workloads as u64;
        Entry::Decision(Box::new(Event {
            id: EventId::new(at, u128::from(number)),
            workload: name(place).as_str().into(),
            primary: format!("primary-{place:04}").as_str().into(),
            fallback: Some(format!("fallback-{place:04}").as_str().into()),
            ..store_samples::event(number, at)
        }))
    }

    /// A gateway's sign of life, with traffic of every workload.
    fn beat(&self) {
        self.beat_with(self.workloads);
    }

    /// A sign of life, with traffic of so many workloads: what carries nothing is not told.
    fn beat_with(&self, workloads: usize) {
        let at = Clock::system().now();
        let traffic = |place: usize| WorkloadTraffic {
            workload: name(place as u64).as_str().into(),
            requests: 2_000 + self.next.load(Ordering::Relaxed),
            primary_failures: 0,
            fallbacks: 0,
            errors: 0,
            uncaught: 0,
            refused: 0,
            first_output_p50_ms: Some(640),
            first_output_p95_ms: Some(1_900),
            in_flight: 3,
            failing_since: None,
            last_primary_failure: None,
            last_uncaught: None,
            last_primary: Some(at),
            last_primary_by: None,
            last_fallback_by: None,
            last_fallback: None,
            last_routed: None,
        };
        let heartbeat = Heartbeat {
            workloads: (0..workloads).map(traffic).collect(),
            started: at,
            ..store_samples::heartbeat("gw-1", at)
        };
        self.runtime.block_on(self.store.beat(heartbeat)).unwrap();
    }

    fn console(&self) -> Screen {
        let words = [
            "console".as_ref(),
            "--config".as_ref(),
            self.config.as_os_str(),
        ];
        Screen::start(&words, self.directory.path())
    }

    /// The program where it does nothing but say its version: how long until that is there.
    fn floor(&self) -> f64 {
        let mut screen = Screen::start(&["version".as_ref()], self.directory.path());
        let said = screen.wait("version", |seen| seen.first.is_some());
        screen.ended();
        millis(said - screen.started)
    }
}

fn name(number: u64) -> String {
    format!("workload-{number:04}")
}

/// A configuration of so many workloads, two routes each.
fn written(workloads: usize) -> String {
    let mut text = "schema = 1\n[environment]\nname = \"bench\"\n[store]\nurl = \"sqlite:state\"\n\
         [providers.acme]\nbase_url = \"http://127.0.0.1:1/v1\"\nfamily = \"openai-chat\"\nkey = { none = true }\n"
        .to_owned();
    for number in 0..workloads {
        for side in ["primary", "fallback"] {
            let _ = writeln!(
                text,
                "[routes.{side}-{number:04}]\nprovider = \"acme\"\nmodel = \"{side}\""
            );
        }
        let _ = writeln!(
            text,
            "[workloads.workload-{number:04}]\nprimary = \"primary-{number:04}\"\nfallback = \"fallback-{number:04}\""
        );
    }
    text
}

/// What came from the program.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    /// When bytes came first, and when they came last.
    first: Option<Instant>,
    last: Option<Instant>,
    held: bool,
    closed: bool,
}

/// The program in its terminal.
struct Screen {
    started: Instant,
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Screen {
    fn start(words: &[&OsStr], home: &Path) -> Self {
        let size = PtySize {
            rows: ROWS,
            cols: COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_backstop"));
        command.args(words);
        command.env_clear();
        for (name, value) in [
            ("HOME", home.to_str().unwrap()),
            ("TERM", "xterm-256color"),
            ("COLORTERM", "truecolor"),
            ("LANG", "C.UTF-8"),
            ("USER", "mira"),
        ] {
            command.env(name, value);
        }
        let mut output = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let whole = |number| NonZeroU16::new(number).unwrap();
        let seen = Arc::new((
            Mutex::new(Seen {
                parser: vt100::Parser::new(whole(ROWS), whole(COLUMNS), 0),
                bytes: Vec::new(),
                first: None,
                last: None,
                held: false,
                closed: false,
            }),
            Condvar::new(),
        ));
        let shared = Arc::clone(&seen);
        let started = Clock::instant();
        let child = pair.slave.spawn_command(command).unwrap();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            loop {
                drop(
                    shared
                        .1
                        .wait_while(shared.0.lock().unwrap(), |seen| seen.held),
                );
                let read = output.read(&mut buffer).unwrap_or_default();
                let now = Clock::instant();
                let mut seen = shared.0.lock().unwrap();
                seen.first.get_or_insert(now);
                seen.last = Some(now);
                seen.parser.process(&buffer[..read]);
                seen.bytes.extend_from_slice(&buffer[..read]);
                seen.closed = read == 0;
                shared.1.notify_all();
                if seen.closed {
                    return;
                }
            }
        });
        Self {
            started,
            child,
            master: pair.master,
            keys,
            seen,
        }
    }

    /// Waits until `holds`; answers when the bytes came that made it so.
    fn wait(&self, what: &str, holds: impl Fn(&Seen) -> bool) -> Instant {
        let seen = self.seen.0.lock().unwrap();
        let (seen, _) = self
            .seen
            .1
            .wait_timeout_while(seen, DEADLINE, |seen| !holds(seen))
            .unwrap();
        assert!(
            holds(&seen),
            "no {what}:\n{}",
            seen.parser.screen().contents()
        );
        seen.last.unwrap_or(self.started)
    }

    fn shows(&self, text: &str) -> Instant {
        self.wait(text, |seen| seen.parser.screen().contents().contains(text))
    }

    fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; answers the exit code.
    fn ended(&mut self) -> u32 {
        self.child.wait().unwrap().exit_code()
    }

    /// Bytes that have come so far.
    fn count(&self) -> usize {
        self.seen.0.lock().unwrap().bytes.len()
    }

    /// Whether the terminal is as it was.
    fn is_restored(&self) -> bool {
        let seen = self.seen.0.lock().unwrap();
        let screen = seen.parser.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
    }

    /// Memory, and how much of it is its own: the rest is the program.
    fn memory(&self) -> String {
        let rollup = fs::read_to_string(self.place().join("smaps_rollup")).unwrap_or_default();
        let mebibytes = |name: &str| {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes =
                line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
            kibibytes.unwrap_or(0) as f64 / 1024.0
        };
        let (all, own) = (mebibytes("Pss:"), mebibytes("Pss_Anon:"));
        format!("{all:.1} MiB, {own:.1} of it its own")
    }

    /// Time on the processor.
    fn busy(&self) -> Duration {
        let threads = fs::read_dir(self.place().join("task")).unwrap().flatten();
        let nanos = threads
            .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
            .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
            .sum();
        Duration::from_nanos(nanos)
    }

    fn place(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid()))
    }
}

fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * 1e3
}

fn share(sorted: &[f64], share: usize) -> f64 {
    sorted[(sorted.len() * share / 100).min(sorted.len() - 1)]
}

fn starts(place: &Place) {
    let (mut floor, mut first, mut filled, mut bytes) = (vec![], vec![], vec![], 0);
    for _ in 0..STARTS {
        place.beat();
        floor.push(place.floor());
        let mut screen = place.console();
        screen.wait("first paint", |seen| {
            seen.parser.screen().contents().contains("? help")
        });
        let painted = screen.seen.0.lock().unwrap().first.unwrap();
        first.push(millis(painted - screen.started));
        bytes = screen.count();
        let title = format!("Workloads {0}/{0}", place.workloads);
        filled.push(millis(screen.shows(&title) - screen.started));
        screen.press("q");
        screen.ended();
    }
    floor.sort_unstable_by(f64::total_cmp);
    first.sort_unstable_by(f64::total_cmp);
    filled.sort_unstable_by(f64::total_cmp);
    println!(
        "first paint: p50 {:.1} ms, of which starting any process takes {:.1}, {bytes} bytes (goals 6 ms, 6,000); \
         data: p50 {:.1} ms, p90 {:.1} ms (goal 50)",
        share(&first, 50),
        share(&floor, 50),
        share(&filled, 50),
        share(&filled, 90)
    );
}

/// Presses keys, alone and while events arrive; answers from each the time until its first byte.
fn keys(place: &Place) {
    let mut screen = place.console();
    screen.shows("Workloads");
    screen.shows("workload-");
    std::thread::sleep(Duration::from_secs(2));
    let alone = pressed(&mut screen);
    let done = AtomicBool::new(false);
    let mut busy = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let start = Clock::instant();
            let mut sent = 0_u128;
            while !done.load(Ordering::Relaxed) {
                let due = start.elapsed().as_nanos() / (1_000_000_000 / u128::from(ARRIVING));
                while sent < due {
                    place
                        .store
                        .reserve()
                        .unwrap()
                        .append_unawaited(place.event());
                    sent += 1;
                }
                if sent % 1_000 < 20 {
                    place.beat();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        busy = pressed(&mut screen);
        done.store(true, Ordering::Relaxed);
    });
    let memory = screen.memory();
    println!(
        "key to first byte: p50 {:.2} ms, p99 {:.2} ms; {ARRIVING} events/s arriving: p50 {:.2} ms, p99 {:.2} ms \
         (goals 0.45, 5); memory {memory} (goal 25)",
        share(&alone, 50),
        share(&alone, 99),
        share(&busy, 50),
        share(&busy, 99),
    );
    screen.press("\x03");
    screen.ended();
}

/// Presses keys, now and then; answers the times until their first bytes, the shortest first.
fn pressed(screen: &mut Screen) -> Vec<f64> {
    let mut took = Vec::new();
    for number in 0..PRESSES {
        // Between two frames of data, now here and now there.
        std::thread::sleep(Duration::from_millis(43 + number as u64 * 7 % 31));
        let before = screen.count();
        let pressed = Clock::instant();
        screen.press(if number / 10 % 2 == 0 { "j" } else { "k" });
        let came = screen.wait("answer to a key", |seen| seen.bytes.len() > before);
        took.push(millis(came - pressed));
    }
    took.sort_unstable_by(f64::total_cmp);
    took
}

fn idle(place: &Place) {
    let mut screen = place.console();
    screen.shows("workload-");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                place.beat_with(0);
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        tell_idle("a gateway without requests", &screen);
        done.store(true, Ordering::Relaxed);
    });
    std::thread::sleep(Duration::from_secs(8));
    tell_idle("no gateway", &screen);
    // Keys alone.
    let mut bytes = Vec::new();
    for number in 0..40 {
        let before = screen.count();
        screen.press(if number / 10 % 2 == 0 { "j" } else { "k" });
        screen.wait("answer to a key", |seen| seen.bytes.len() > before);
        std::thread::sleep(Duration::from_millis(30));
        bytes.push((screen.count() - before) as f64);
    }
    bytes.sort_unstable_by(f64::total_cmp);
    println!("bytes per key: p50 {} (goal 300)", share(&bytes, 50));
    screen.press("\x03");
    screen.ended();
}

fn tell_idle(what: &str, screen: &Screen) {
    std::thread::sleep(Duration::from_secs(2));
    let (before, busy) = (screen.count(), screen.busy());
    std::thread::sleep(IDLE);
    let (after, busier) = (screen.count(), screen.busy());
    println!(
        "nothing going on, {what}: {:.0} bytes/s (goal 100), {:.2} % of a core (goal 0.1), memory {}",
        (after - before) as f64 / IDLE.as_secs_f64(),
        busier.saturating_sub(busy).as_secs_f64() / IDLE.as_secs_f64() * 100.0,
        screen.memory()
    );
}

fn ends(place: &Place) {
    for signal in ["TERM", "HUP"] {
        let mut screen = place.console();
        screen.shows("workload-");
        screen.signal(signal);
        let code = screen.ended();
        screen.wait("end", |seen| seen.closed);
        println!(
            "SIG{signal}: exit {code}, screen restored: {}",
            screen.is_restored()
        );
    }
    let mut screen = place.console();
    screen.shows("workload-");
    screen.seen.0.lock().unwrap().held = true;
    for rows in 0..60 {
        screen.press("\x0c");
        let size = PtySize {
            rows: ROWS - rows % 2,
            cols: COLUMNS,
            pixel_width: 0,
            pixel_height: 0,
        };
        screen.master.resize(size).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    let asked = Clock::instant();
    screen.signal("TERM");
    let code = screen.ended();
    let took = millis(asked.elapsed());
    screen.seen.0.lock().unwrap().held = false;
    screen.seen.1.notify_all();
    screen.wait("end", |seen| seen.closed);
    println!(
        "SIGTERM, terminal stalled: exit {code} after {took:.0} ms, screen restored: {}",
        screen.is_restored()
    );
}
