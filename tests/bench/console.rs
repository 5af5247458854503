//! What the console costs: a message, a frame, and the bytes of a frame. `cargo bench --bench console`; with
//! `-- soak` eight hours of work on a simulated clock instead.
//!
//! Bytes are those that leave for the terminal; they and the spread of whole frames are printed once, beside the
//! goals, before the timings.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench is read by its names, tells its byte counts, and fails by panicking"
)]

mod answers;
mod soak;

use std::{cell::Cell, collections::BTreeMap, hint::black_box, sync::Arc, time::Duration};

use backstop::{
    console::{
        self,
        app::{App, Setup},
        canvas::Canvas,
        depth::Depth,
        effect::Effect,
        glyph::UNICODE,
        keymap::Keymap,
        msg::Msg,
        state::comparing::live::Told,
        theme::Theme,
        theme_file, view,
    },
    control::{Mode, News, Probed},
    model::{
        Actor, AllDown, Answer, Asked, Attempt, Backoff, Boundary, Capture, Catalog, CircuitState,
        Entry, Environment, ErrorClass, Event, EventDecision, EventId, Family, GatewaySettings,
        Heartbeat, KeyPlace, LogFailure, Mode as Switch, NoticeGiven, NoticePolicy, NoticeStyle,
        Overrides, PayloadClass, Place, ProbeRecord, ProbeResult, Probing, Reason, Retention,
        ReviewPolicy, Revision, Route, RouteTraffic, Rung, RungResult, Sample, SampleId, Seq, Tier,
        Timeouts, Usage, Verdict, Workload, WorkloadTraffic,
    },
    probe::Seat,
    store::Health,
};
use criterion::{
    BatchSize, BenchmarkGroup, BenchmarkId, Criterion, criterion_group, measurement::WallTime,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::{buffer::Buffer, layout::Rect};
use rustix::time::{ClockId, clock_gettime};

/// Takes in a message, and all that is gone on with because of it.
fn update(app: &mut App, message: Msg, at: Timestamp) -> Vec<Effect> {
    let mut effects = console::update::update(app, message, at);
    while app.data.is_behind() {
        effects.extend(console::update::update(app, Msg::GoOn, at));
    }
    effects
}

fn now() -> Timestamp {
    "2026-11-21T14:32:07Z".parse().unwrap()
}

fn theme() -> Theme {
    theme_file::load("terminal", &[])
        .unwrap()
        .sheet
        .theme(Depth::Ansi)
}

fn catalog(workloads: usize) -> Catalog {
    let route = |name: &str| Route {
        name: name.into(),
        provider: "contoso".into(),
        base_url: "https://contoso.example".to_owned(),
        family: Family::OpenaiChat,
        model: "co-stable-2".to_owned(),
        credential: None,
        capabilities: backstop::model::CapabilitySet::EMPTY,
        context_tokens: None,
        boundary: Boundary::default(),
        capacity_rps: Some(120.0),
        key: KeyPlace::None,
        price: None,
        max_concurrent: None,
        workloads: None,
        circuit: true,
        serves: Vec::new(),
    };
    let workload = |name: String| Workload {
        name: name.into(),
        description: "a workload".to_owned(),
        owner: Some("team-chat".to_owned()),
        family: Family::OpenaiChat,
        primary: "premium-chat".into(),
        fallback: Some("stable-baseline".into()),
        mode: Switch::Auto,
        tier: Tier::Paid,
        user_visible: true,
        triggers: [ErrorClass::ServerError, ErrorClass::Overloaded]
            .into_iter()
            .collect(),
        justifications: BTreeMap::new(),
        timeouts: Timeouts {
            headers: Duration::from_secs(10),
            first_output: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            total: Duration::from_mins(2),
        },
        backoff: Backoff {
            retries: 2,
            initial: Duration::from_millis(250),
            max_wait: Duration::from_secs(4),
        },
        max_attempts: 4,
        retry_share: 1.0,
        notice: NoticePolicy {
            text: "A stand-in model is answering.".to_owned(),
            style: NoticeStyle::Header,
            enabled: true,
            required: false,
        },
        may_cross: Vec::new(),
        may_change_vectors: None,
        capture: Capture::Off,
        on_log_failure: LogFailure::Refuse,
        all_down: AllDown::Primary,
        review: ReviewPolicy::usual(false),
        samples: Vec::new(),
    };
    Catalog {
        source: "/etc/backstop/backstop.toml".into(),
        fingerprint: "c0ffee12".to_owned(),
        environment: Environment {
            name: "prod/eu-1".to_owned(),
            production: true,
        },
        store: "sqlite:/var/lib/backstop".into(),
        gateway: GatewaySettings {
            listen: "127.0.0.1:8080".parse().unwrap(),
            region: None,
            workers: 0,
            max_body: 1 << 20,
            max_body_memory: 64 << 20,
            max_connections: 1024,
            max_requests: 1024,
            idle: std::time::Duration::from_secs(75),
            pause: std::time::Duration::from_mins(1),
            tls: None,
            drain: Duration::from_secs(30),
            without_store: LogFailure::Serve,
        },
        probing: Probing::default(),
        retention: Retention {
            events: Duration::from_hours(24),
            audit: Duration::from_hours(24),
            reviews: Duration::from_hours(24),
        },
        providers: BTreeMap::new(),
        routes: ["premium-chat", "stable-baseline"]
            .into_iter()
            .map(|name| (name.into(), route(name)))
            .collect(),
        clients: BTreeMap::new(),
        workloads: (0..workloads)
            .map(|number| workload(format!("workload-{number:04}")))
            .map(|workload| (workload.name.clone(), workload))
            .collect(),
    }
}

fn heartbeat(workloads: usize, at: Timestamp, bump: u64) -> Heartbeat {
    Heartbeat {
        gateway: "gw1-4711-1".into(),
        host: "gw1".to_owned(),
        region: None,
        pid: 4711,
        version: "0.1.0".to_owned(),
        listen: "127.0.0.1:8080".parse().unwrap(),
        started: at,
        at,
        revision: Revision(0),
        fingerprint: "c0ffee12".to_owned(),
        config_error: None,
        draining: false,
        unlogged: 0,
        withheld: 0,
        unlogged_at: None,
        apart_since: None,
        partings: 0,
        workloads: (0..workloads)
            .map(|number| WorkloadTraffic {
                workload: format!("workload-{number:04}").into(),
                requests: 2_000 + number as u64 + bump,
                primary_failures: if number % 50 == 7 { 900 } else { 0 },
                fallbacks: 0,
                errors: if number % 50 == 7 { 900 } else { 0 },
                uncaught: if number % 50 == 7 { 900 } else { 0 },
                refused: 0,
                first_output_p50_ms: Some(640 + number as u64 % 300),
                first_output_p95_ms: Some(1900),
                in_flight: 3,
                failing_since: None,
                last_primary_failure: None,
                last_uncaught: None,
                last_primary: Some(at),
                last_primary_by: None,
                last_fallback_by: None,
                last_fallback: None,
                last_routed: None,
            })
            .collect(),
        routes: vec![RouteTraffic {
            route: "premium-chat".into(),
            attempts: 90_000,
            failures: 4_000,
            circuit: CircuitState::Closed,
            tripped_by: None,
            in_flight: 30,
        }],
    }
}

fn event(seq: u64, at: Timestamp) -> Event {
    let attempt = |route: &str, status, class| Attempt {
        route: route.into(),
        status: Some(status),
        code: None,
        class,
        detail: None,
        took: Duration::from_millis(40),
    };
    Event {
        id: EventId::new(at, u128::from(seq)),
        at,
        gateway: "gw1-4711-1".into(),
        workload: format!("workload-{:04}", seq % 12).into(),
        client: None,
        family: Family::OpenaiChat,
        primary: "premium-chat".into(),
        fallback: Some("stable-baseline".into()),
        decision: EventDecision::Fallback,
        reason: Reason::Trigger,
        class: Some(ErrorClass::Overloaded),
        detail: None,
        status: Some(503),
        attempts: vec![
            attempt("premium-chat", 503, Some(ErrorClass::Overloaded)),
            attempt("stable-baseline", 200, None),
        ],
        notice: NoticeGiven::Header,
        stream: true,
        revision: Revision(0),
        fingerprint: "c0ffee12".to_owned(),
        remark: None,
        method: None,
    }
}

fn entries(first: u64, count: u64, at: Timestamp) -> News {
    News::Entries(
        (first..first + count)
            .map(|seq| (Seq(seq), Entry::Decision(Box::new(event(seq, at)))))
            .collect(),
    )
}

fn actor() -> Actor {
    Actor {
        user: "mira".to_owned(),
        declared: None,
        host: "ops1".to_owned(),
        from: None,
        via: "console".to_owned(),
    }
}

/// A console with so many workloads and events.
fn app(workloads: usize, events: u64, size: (u16, u16)) -> App {
    let at = now();
    let mut app = App::new(Setup {
        actor: actor(),
        mode: Mode::Write,
        session: "s".to_owned(),
        process: 81,
        opened: at,
        keymap: Keymap::default(),
        size,
        seed: 7,
    });
    for news in [
        News::Health(Health::Good),
        News::Catalog(Arc::new(catalog(workloads))),
        News::Overrides(Arc::new(Overrides::default())),
        entries(1, events, at),
        News::Heartbeats(vec![heartbeat(workloads, at, 0)]),
    ] {
        update(&mut app, Msg::News(news), at);
    }
    update(&mut app, Msg::Tick, at + Duration::from_secs(1));
    app
}

/// The same with two routes of its own for each workload, and a round of probes of all of them.
fn probed(workloads: usize, size: (u16, u16)) -> App {
    let at = now();
    let mut app = app(workloads, 10_000, size);
    let mut catalog = catalog(workloads);
    let like = catalog.routes["stable-baseline"].clone();
    catalog.routes.clear();
    let mut records = Vec::new();
    for (number, workload) in catalog.workloads.values_mut().enumerate() {
        let names = ["primary", "fallback"].map(|side| format!("{side}-{number:04}"));
        workload.primary = names[0].as_str().into();
        workload.fallback = Some(names[1].as_str().into());
        workload.samples = ["hello", "look-up"]
            .map(|name| Sample {
                id: SampleId::of(&workload.name, name),
                class: PayloadClass::Chat,
                path: "/etc/backstop/samples/hello.json".into(),
                digest: "0123456789ab".to_owned(),
                stream: true,
                checks: Vec::new(),
            })
            .into();
        for name in names {
            let route = Route {
                name: name.as_str().into(),
                ..like.clone()
            };
            // Every fiftieth has a broken rung.
            records.extend(climbed(&route, at, number % 50 == 7));
            for sample in &workload.samples {
                records.push(proven(&route, workload, sample, at));
            }
            catalog.routes.insert(route.name.clone(), route);
        }
    }
    let mut beat = heartbeat(workloads, at, 0);
    beat.routes = catalog
        .routes
        .keys()
        .map(|route| RouteTraffic {
            route: route.clone(),
            ..beat.routes[0].clone()
        })
        .collect();
    for news in [
        News::Catalog(Arc::new(catalog)),
        News::Heartbeats(vec![beat]),
        News::Probes(Probed::new(records, &[])),
    ] {
        update(&mut app, Msg::News(news), at);
    }
    update(&mut app, Msg::Tick, at + Duration::from_secs(2));
    app
}

fn climbed(route: &Route, at: Timestamp, broken: bool) -> Vec<ProbeRecord> {
    [
        Rung::Key,
        Rung::Model,
        Rung::Minimal,
        Rung::Streaming,
        Rung::Errors,
    ]
    .map(|rung| {
        ProbeRecord::Rung(Box::new(RungResult {
            route: route.name.clone(),
            rung,
            asked: Asked::of(route, None),
            at,
            verdict: if broken && rung == Rung::Errors {
                Verdict::Failed
            } else {
                Verdict::Passed
            },
            evidence: "200 after 340ms, as it should be".to_owned(),
            class: None,
            sample: None,
            cost: None,
        }))
    })
    .into()
}

fn proven(route: &Route, workload: &Workload, sample: &Sample, at: Timestamp) -> ProbeRecord {
    ProbeRecord::Sample(Box::new(ProbeResult {
        route: route.name.clone(),
        workload: workload.name.clone(),
        sample: sample.id.clone(),
        class: sample.class,
        asked: Asked::of(route, Some(sample)),
        at,
        stream: true,
        status: Some(200),
        headers: Some(Duration::from_millis(210)),
        first_output: Some(Duration::from_millis(420)),
        total: Duration::from_secs(1),
        usage: Usage::default(),
        cost: None,
        finish: Some("stop".to_owned()),
        model: Some(route.model.clone()),
        checks: Vec::new(),
        failure: None,
        output: "It is on its way.".to_owned(),
    }))
}

/// A terminal in memory.
struct Counted {
    canvas: Canvas,
    theme: Theme,
    bytes: Vec<u8>,
}

impl Counted {
    fn new((width, height): (u16, u16)) -> Self {
        Self {
            canvas: Canvas::new(width, height),
            theme: theme(),
            bytes: Vec::new(),
        }
    }

    /// Draws; answers the bytes of this frame.
    fn bytes(&mut self, app: &App) -> usize {
        let theme = &self.theme;
        self.canvas
            .draw(|buffer| view::draw(app, theme, &UNICODE, buffer));
        self.bytes.clear();
        self.canvas.take(&mut self.bytes);
        self.bytes.len()
    }
}

fn key(app: &mut App, code: KeyCode, at: Timestamp) {
    let key = KeyEvent::new(code, KeyModifiers::NONE);
    black_box(update(app, Msg::Key(key), at));
}

/// Tells how many bytes each kind of frame costs.
fn tell_bytes() {
    for (size, workloads) in [
        ((80, 24), 12),
        ((120, 40), 12),
        ((120, 40), 1_000),
        ((200, 50), 1_000),
    ] {
        let mut app = app(workloads, 500, size);
        let mut screen = Counted::new(size);
        let mut at = now() + Duration::from_secs(1);
        let first = screen.bytes(&app);
        let same = screen.bytes(&app);
        at += Duration::from_millis(200);
        key(&mut app, KeyCode::Char('j'), at);
        let moved = screen.bytes(&app);
        at += Duration::from_secs(1);
        update(&mut app, Msg::Tick, at);
        let clock = screen.bytes(&app);
        update(&mut app, Msg::News(entries(10_000, 1, at)), at);
        let event = screen.bytes(&app);
        at += Duration::from_secs(1);
        let beat = heartbeat(workloads, at, 40);
        update(&mut app, Msg::News(News::Heartbeats(vec![beat])), at);
        let figures = screen.bytes(&app);
        key(&mut app, KeyCode::Char('3'), at + Duration::from_secs(1));
        let switched = screen.bytes(&app);
        eprintln!(
            "bytes {}x{} {workloads} workloads: first {first}, unchanged {same}, key {moved} (goal 300), clock {clock} \
             (goal 100), one event {event}, new figures {figures}, another screen {switched}",
            size.0, size.1
        );
    }
}

/// The time that this thread has had a processor: what others do on a busy machine is not counted.
fn on_processor() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}

/// Whole frames one after the other, each with a heartbeat or a key before it: drawn, compared with the frame before,
/// and put into bytes.
fn tell_frames() {
    const FRAMES: u32 = 400;
    let size = (200, 50);
    for (name, screen, mut app) in [
        (
            "home, 1000 workloads, 10000 events",
            '1',
            Box::new(app(1_000, 10_000, size)),
        ),
        (
            "home, 2000 routes probed",
            '1',
            Box::new(probed(1_000, size)),
        ),
        (
            "routes, 2000 routes probed",
            '2',
            Box::new(probed(1_000, size)),
        ),
        (
            "events, 10000 events",
            '3',
            Box::new(app(1_000, 10_000, size)),
        ),
    ] {
        let mut canvas = Counted::new(size);
        let mut at = now() + Duration::from_secs(3);
        key(&mut app, KeyCode::Char(screen), at);
        canvas.bytes(&app);
        let mut took = Vec::new();
        for number in 0..FRAMES {
            at += Duration::from_millis(500);
            if number % 2 == 0 {
                let down = number % 100 < 50;
                key(&mut app, KeyCode::Char(if down { 'j' } else { 'k' }), at);
            } else {
                let beat = heartbeat(1_000, at, u64::from(number));
                update(&mut app, Msg::News(News::Heartbeats(vec![beat])), at);
                let first = 20_000 + u64::from(number);
                update(&mut app, Msg::News(entries(first, 1, at)), at);
            }
            let start = on_processor();
            black_box(canvas.bytes(&app));
            took.push(on_processor().saturating_sub(start));
        }
        took.sort_unstable();
        eprintln!(
            "frame 200x50 {name}: p50 {:.2} ms, p99 {:.2} ms (goal 1; time on the processor)",
            took[took.len() / 2].as_secs_f64() * 1e3,
            took[took.len() * 99 / 100].as_secs_f64() * 1e3,
        );
    }
}

fn frames(criterion: &mut Criterion) {
    tell_bytes();
    answers::tell();
    tell_frames();
    let mut group = criterion.benchmark_group("frame");
    let theme = theme();
    for (name, workloads, size, keys) in [
        ("home 80x24, 12 workloads", 12, (80, 24), ""),
        ("home 120x40, 12 workloads", 12, (120, 40), ""),
        ("home 200x50, 1000 workloads", 1_000, (200, 50), ""),
        ("events 200x50, 10000 events", 12, (200, 50), "3"),
        ("detail 200x50", 12, (200, 50), "\r"),
        ("help 200x50", 12, (200, 50), "?"),
    ] {
        let mut app = app(workloads, 10_000, size);
        for (code, millis) in keys.chars().zip((0..).step_by(200)) {
            let code = if code == '\r' {
                KeyCode::Enter
            } else {
                KeyCode::Char(code)
            };
            key(
                &mut app,
                code,
                now() + Duration::from_millis(2_000 + millis),
            );
        }
        frame(&mut group, name, &app, &theme);
    }
    for (name, screen) in [
        ("home 200x50, 1000 workloads, 2000 routes probed", '1'),
        ("routes 200x50, 2000 routes probed", '2'),
    ] {
        let mut app = probed(1_000, (200, 50));
        let later = now() + Duration::from_secs(3);
        key(&mut app, KeyCode::Char(screen), later);
        key(
            &mut app,
            KeyCode::Char('j'),
            later + Duration::from_millis(200),
        );
        frame(&mut group, name, &app, &theme);
    }
    group.finish();
}

fn frame(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, app: &App, theme: &Theme) {
    let area = Rect::new(0, 0, app.size.0, app.size.1);
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter_batched_ref(
            || Buffer::empty(area),
            |buffer| view::draw(app, theme, &UNICODE, black_box(buffer)),
            BatchSize::SmallInput,
        );
    });
}

fn messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message");
    for workloads in [12, 1_000] {
        let mut app = app(workloads, 10_000, (200, 50));
        let at = Cell::new(now() + Duration::from_secs(2));
        let mut down = false;
        group.bench_function(BenchmarkId::new("key", workloads), |bencher| {
            bencher.iter(|| {
                down = !down;
                // The clock stands still: only the key counts.
                key(
                    &mut app,
                    KeyCode::Char(if down { 'j' } else { 'k' }),
                    at.get(),
                );
            });
        });
        let mut seq = 100_000;
        group.bench_function(BenchmarkId::new("event", workloads), |bencher| {
            bencher.iter_batched(
                || {
                    seq += 1;
                    entries(seq, 1, at.get())
                },
                |news| black_box(update(&mut app, Msg::News(news), at.get())),
                BatchSize::SmallInput,
            );
        });
        group.bench_function(
            BenchmarkId::new("heartbeat and overview", workloads),
            |bencher| {
                bencher.iter_batched(
                    || heartbeat(workloads, at.get(), 1),
                    |beat| {
                        at.set(at.get() + Duration::from_secs(1));
                        black_box(update(
                            &mut app,
                            Msg::News(News::Heartbeats(vec![beat])),
                            at.get(),
                        ))
                    },
                    BatchSize::SmallInput,
                );
            },
        );
    }
    group.finish();
}

/// A hundred kilobytes of prose, a paragraph for each line.
fn prose(side: &str) -> String {
    let sentence = |number: usize| {
        format!(
            "Paragraph {number} of {side} says what the order holds, when it comes and why it is late.\n\n"
        )
    };
    let mut text = String::new();
    let mut number = 0;
    while text.len() < 100_000 {
        text.push_str(&sentence(number));
        number += 1;
    }
    text
}

/// An answer with such a text.
fn answered(sample: &SampleId, text: String) -> Arc<Answer> {
    Arc::new(Answer {
        result: ProbeResult {
            route: "premium-chat".into(),
            workload: "workload-0000".into(),
            sample: sample.clone(),
            class: PayloadClass::Chat,
            asked: Asked {
                base_url: String::new(),
                model: String::new(),
                sample: None,
            },
            at: now(),
            stream: true,
            status: Some(200),
            headers: None,
            first_output: Some(Duration::from_millis(400)),
            total: Duration::from_secs(3),
            usage: Usage::default(),
            cost: None,
            finish: Some("stop".to_owned()),
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
    })
}

/// A console that compares two routes with one sample, the number of the request, and the sample.
fn asked(size: (u16, u16)) -> (App, u64, SampleId) {
    let mut app = app(12, 500, size);
    let mut catalog = catalog(12);
    let sample = SampleId::of(&"workload-0000".into(), "long");
    let workload = catalog.workloads.get_mut("workload-0000").unwrap();
    workload.samples = vec![Sample {
        id: sample.clone(),
        class: PayloadClass::Chat,
        path: "/nowhere".into(),
        digest: String::new(),
        stream: true,
        checks: Vec::new(),
    }];
    let at = now() + Duration::from_secs(2);
    update(&mut app, Msg::News(News::Catalog(Arc::new(catalog))), at);
    let mut effects = Vec::new();
    for (character, millis) in ":compare workload-0000\r".chars().zip((0..).step_by(100)) {
        let code = match character {
            '\r' => KeyCode::Enter,
            character => KeyCode::Char(character),
        };
        let event = KeyEvent::new(code, KeyModifiers::NONE);
        let moment = at + Duration::from_millis(millis);
        effects.extend(update(&mut app, Msg::Key(event), moment));
    }
    let request = effects.iter().find_map(|effect| match effect {
        Effect::Compare { request, .. } => Some(*request),
        _ => None,
    });
    (app, request.unwrap(), sample)
}

/// A console that compares two answers of a hundred kilobytes each.
fn comparing(size: (u16, u16)) -> App {
    let (mut app, request, sample) = asked(size);
    let at = now() + Duration::from_secs(2);
    for (place, side) in [(Place::Primary, "one side"), (Place::Fallback, "the other")] {
        let told = Msg::Compare {
            request,
            seat: Seat {
                sample: sample.clone(),
                run: 0,
                place,
            },
            told: Told::Answered(answered(&sample, prose(side))),
        };
        for effect in update(&mut app, told, at) {
            if let Effect::Weigh(weighing) = effect {
                let weighed = Msg::Weighed(Box::new(weighing.weigh()));
                update(&mut app, weighed, at);
            }
        }
    }
    app
}

fn comparisons(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("comparison");
    let theme = theme();
    for size in [(80, 24), (200, 50)] {
        let mut app = comparing(size);
        let name = format!("100 KB a side {}x{}", size.0, size.1);
        let area = Rect::new(0, 0, size.0, size.1);
        group.bench_function(BenchmarkId::new("frame", &name), |bencher| {
            bencher.iter_batched_ref(
                || Buffer::empty(area),
                |buffer| view::draw(&app, &theme, &UNICODE, black_box(buffer)),
                BatchSize::SmallInput,
            );
        });
        let at = now() + Duration::from_secs(9);
        let mut down = false;
        group.bench_function(BenchmarkId::new("scroll", &name), |bencher| {
            bencher.iter(|| {
                down = !down;
                key(&mut app, KeyCode::Char(if down { 'j' } else { 'k' }), at);
            });
        });
        let mut wide = false;
        group.bench_function(BenchmarkId::new("lay out anew", &name), |bencher| {
            bencher.iter(|| {
                wide = !wide;
                update(&mut app, Msg::Resize(size.0 + u16::from(wide), size.1), at)
            });
        });
    }
    group.finish();
}

/// What one beat costs when everything is probed: the overview, and every list arranged again; and a key.
fn probed_messages(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message, 2000 routes probed");
    for (name, screen) in [("home", '1'), ("routes", '2')] {
        let mut app = probed(1_000, (200, 50));
        let mut at = now() + Duration::from_secs(3);
        key(&mut app, KeyCode::Char(screen), at);
        let mut down = false;
        group.bench_function(BenchmarkId::new("key", name), |bencher| {
            bencher.iter(|| {
                down = !down;
                key(&mut app, KeyCode::Char(if down { 'j' } else { 'k' }), at);
            });
        });
        group.bench_function(BenchmarkId::new("overview", name), |bencher| {
            bencher.iter(|| {
                at += Duration::from_secs(1);
                black_box(update(&mut app, Msg::Tick, at))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames, messages, comparisons, probed_messages);

fn main() {
    if std::env::args().any(|word| word == "soak") {
        return soak::soak();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
