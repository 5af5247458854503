//! A console on a stage: fixed clock, fixed names, no terminal and no door. Shared by the console's tests.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use backstop::{
    console::{
        app::{App, Setup},
        effect::Effect,
        glyph::ASCII,
        keymap::Keymap,
        msg::Msg,
        theme::Theme,
        update::update,
        view,
    },
    control::{Drill, Drilled, Fate, Mode as Door, News, Outage, Probed, Target},
    model::{
        Actor, AllDown, Asked, Attempt, AuditRecord, Backoff, Boundary, Capability, Capture,
        Catalog, Change, Check, CheckVerdict, CircuitState, Command, Entry, Environment,
        ErrorClass, Event, EventDecision, EventId, Family, GatewaySettings, Heartbeat, KeyPlace,
        LogFailure, Mode, NoticeGiven, NoticePolicy, NoticeStyle, Outcome, OutcomeKind, Override,
        OverrideKey, Overrides, PayloadClass, Plan, PlanId, Presence, ProbeFailure, ProbeRecord,
        ProbeResult, Probing, Provider, Radius, Reason, ReasonCode, Retention, ReviewPolicy,
        Revision, RiskTier, Route, RouteTraffic, Sample, Scope, Seq, Slot, Tier, Timeouts, Usage,
        Verb, Workload, WorkloadName, WorkloadTraffic,
    },
    store::Health,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

/// 2026-11-21 14:32:07 UTC.
pub(crate) fn start() -> Timestamp {
    "2026-11-21T14:32:07Z".parse().unwrap()
}

/// A console and its clock.
pub(crate) struct Stage {
    pub(crate) app: App,
    pub(crate) now: Timestamp,
}

impl Stage {
    /// A console that knows nothing yet.
    pub(crate) fn dark(width: u16, height: u16, mode: Door) -> Self {
        let setup = Setup {
            actor: actor("mira"),
            mode,
            session: "s-mira".to_owned(),
            process: 81,
            opened: start(),
            keymap: Keymap::default(),
            size: (width, height),
            seed: 7,
        };
        Self {
            app: App::new(setup),
            now: start(),
        }
    }

    /// A console in the middle of an incident: `support-chat` fails.
    pub(crate) fn incident(width: u16, height: u16, mode: Door) -> Self {
        let mut stage = Self::dark(width, height, mode);
        stage.news(News::Health(Health::Good));
        stage.news(News::Catalog(Arc::new(catalog())));
        stage.news(News::Overrides(Arc::new(overrides(stage.now))));
        stage.news(News::Presences(vec![
            presence("mira", None),
            presence("jo", Some("batch-extraction")),
        ]));
        stage.news(News::Audit(vec![audit(1, "jo", stage.now)]));
        stage.news(News::Entries(entries(stage.now)));
        stage.news(News::Heartbeats(vec![heartbeat(stage.now, Revision(412))]));
        stage.news(News::Probes(probed(stage.now)));
        stage.wait(Duration::from_secs(1));
        stage
    }

    /// A console on an ordinary day: nothing fails.
    pub(crate) fn calm(width: u16, height: u16, mode: Door) -> Self {
        let mut stage = Self::dark(width, height, mode);
        stage.news(News::Health(Health::Good));
        stage.news(News::Catalog(Arc::new(catalog())));
        stage.news(News::Overrides(Arc::new(overrides(stage.now))));
        stage.news(News::Audit(vec![audit(1, "jo", stage.now)]));
        stage.news(News::Heartbeats(vec![calm_heartbeat(stage.now)]));
        stage.wait(Duration::from_secs(1));
        stage
    }

    pub(crate) fn send(&mut self, message: Msg) -> Vec<Effect> {
        update(&mut self.app, message, self.now)
    }

    pub(crate) fn news(&mut self, news: News) -> Vec<Effect> {
        self.send(Msg::News(news))
    }

    /// Time passes, with its tick.
    pub(crate) fn wait(&mut self, time: Duration) -> Vec<Effect> {
        self.now += time;
        self.send(Msg::Tick)
    }

    /// One key, by hand: well apart from the last one.
    pub(crate) fn press(&mut self, code: KeyCode) -> Vec<Effect> {
        self.now += Duration::from_millis(120);
        self.at_once(code)
    }

    /// One key right behind the last one.
    pub(crate) fn at_once(&mut self, code: KeyCode) -> Vec<Effect> {
        self.send(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    /// Characters, by hand.
    pub(crate) fn keys(&mut self, text: &str) -> Vec<Effect> {
        text.chars()
            .flat_map(|character| self.press(KeyCode::Char(character)))
            .collect()
    }

    /// The answer to the newest request for a plan.
    pub(crate) fn planned(&mut self, plan: Plan) -> Vec<Effect> {
        let request = self.app.form().expect("a plan is open").request;
        self.send(Msg::Planned {
            request,
            result: Ok(Box::new(plan)),
        })
    }

    /// What is on screen.
    pub(crate) fn frame(&self) -> Buffer {
        let (width, height) = self.app.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal
            .draw(|frame| view::view(&self.app, &Theme::default(), &ASCII, frame))
            .unwrap();
        terminal.backend().buffer().clone()
    }

    /// The same as text.
    pub(crate) fn text(&self) -> String {
        view::text_of(&self.frame())
    }
}

pub(crate) fn actor(user: &str) -> Actor {
    Actor {
        user: user.to_owned(),
        declared: None,
        host: "ops1".to_owned(),
        from: Some("10.0.0.7".to_owned()),
        via: "console".to_owned(),
    }
}

pub(crate) fn presence(user: &str, viewing: Option<&str>) -> Presence {
    Presence {
        session: format!("s-{user}"),
        actor: actor(user),
        since: start(),
        at: start(),
        viewing: viewing.map(WorkloadName::from),
        plan: None,
        plan_since: None,
        plan_taken: None,
        claim: None,
        process: None,
    }
}

fn route(name: &str, provider: &str, model: &str, family: Family, capacity: f64) -> Route {
    Route {
        name: name.into(),
        provider: provider.into(),
        base_url: format!("https://{provider}.example"),
        family,
        model: model.to_owned(),
        credential: None,
        capabilities: Capability::ALL.into_iter().collect(),
        context_tokens: Some(128_000),
        boundary: Boundary::default(),
        capacity_rps: Some(capacity),
        key: KeyPlace::None,
        price: None,
        max_concurrent: None,
        workloads: None,
        circuit: true,
        serves: Vec::new(),
    }
}

fn workload(name: &str, primary: &str, fallback: Option<&str>, family: Family) -> Workload {
    Workload {
        name: name.into(),
        description: String::new(),
        owner: Some("team-chat".to_owned()),
        family,
        primary: primary.into(),
        fallback: fallback.map(Into::into),
        mode: Mode::Auto,
        tier: Tier::Standard,
        user_visible: true,
        triggers: [
            ErrorClass::ServerError,
            ErrorClass::Overloaded,
            ErrorClass::Timeout,
            ErrorClass::Unreachable,
            ErrorClass::BrokenResponse,
        ]
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
    }
}

/// Four workloads, as in the policy table.
/// What an outage of `northwind` would do.
pub(crate) fn drill(now: Timestamp) -> Drill {
    let drilled = |name: &str, fate: Fate, rps: f64| Drilled {
        workload: name.into(),
        fate,
        samples: BTreeMap::new(),
        reaches: BTreeMap::new(),
        readiness: None,
        rps,
        tier: Tier::Standard,
        user_visible: false,
        single_homed: None,
        remarks: Vec::new(),
    };
    let falls_back = |to: &str, notice| Fate::FallsBack {
        to: to.into(),
        notice,
    };
    Drill {
        at: now,
        outage: Outage {
            down: ["premium-chat", "code-large"].map(Into::into).into(),
            class: ErrorClass::Overloaded,
        },
        workloads: vec![
            Drilled {
                tier: Tier::Paid,
                user_visible: true,
                single_homed: Some("it has no fallback".to_owned()),
                ..drilled(
                    "code-assistant",
                    Fate::Refused {
                        reason: Reason::NoFallbackConfigured,
                        why: "no fallback is configured for this workload".to_owned(),
                    },
                    38.0,
                )
            },
            Drilled {
                tier: Tier::Paid,
                samples: [("vision".to_owned(), Fate::Dark)].into(),
                remarks: vec![
                    "until the primary's circuit opens, at most 20 % of requests may fall back"
                        .to_owned(),
                ],
                ..drilled(
                    "support-chat",
                    falls_back("stable-baseline", NoticeGiven::Header),
                    38.0,
                )
            },
            drilled(
                "batch-extraction",
                falls_back("extract-baseline", NoticeGiven::None),
                2.0,
            ),
            drilled("image-understanding", Fate::Unaffected, 5.0),
        ],
        targets: vec![
            Target {
                route: "extract-baseline".into(),
                rps: 11.5,
                rps_after: 13.5,
                capacity_rps: None,
            },
            Target {
                route: "stable-baseline".into(),
                rps: 2.0,
                rps_after: 132.0,
                capacity_rps: Some(120.0),
            },
        ],
    }
}

fn sample(id: &str, class: PayloadClass) -> Sample {
    Sample {
        id: id.into(),
        class,
        path: format!("/etc/backstop/samples/{id}.json").into(),
        digest: id.to_owned(),
        stream: true,
        checks: Vec::new(),
    }
}

/// What probing has found of the fallbacks: one is proven, one was long ago, one sees no pictures.
fn probed(now: Timestamp) -> Probed {
    let catalog = catalog();
    let found = |workload: &str, age: Duration, failure: Option<&str>| {
        let workload = &catalog.workloads[workload];
        let route = &catalog.routes[workload.fallback.as_ref().unwrap()];
        let sample = &workload.samples[0];
        ProbeRecord::Sample(Box::new(ProbeResult {
            route: route.name.clone(),
            workload: workload.name.clone(),
            sample: sample.id.clone(),
            class: sample.class,
            asked: Asked::of(route, Some(sample)),
            at: now - age,
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
            failure: failure.map(|detail| ProbeFailure {
                class: ErrorClass::InvalidRequest,
                detail: detail.to_owned(),
            }),
            output: String::new(),
        }))
    };
    let records = [
        found("support-chat", Duration::from_secs(100), None),
        found("batch-extraction", Duration::from_hours(5), None),
        found(
            "image-understanding",
            Duration::from_secs(40),
            Some("400: image input is not supported"),
        ),
    ];
    Probed::new(records, &[])
}

pub(crate) fn catalog() -> Catalog {
    let chat = Family::OpenaiChat;
    let claude = Family::AnthropicMessages;
    let routes = [
        route("premium-chat", "northwind", "nw-large-4", chat, 120.0),
        route("stable-baseline", "contoso", "co-stable-2", chat, 120.0),
        route("low-cost-extract", "fabrikam", "fk-mini", chat, 60.0),
        route("extract-baseline", "contoso", "co-extract", chat, 60.0),
        route("code-large", "northwind", "nw-code-4", claude, 40.0),
        route("vision-main", "fabrikam", "fk-vision", claude, 40.0),
        route("vision-baseline", "contoso", "co-vision", claude, 40.0),
    ];
    let mut support = workload(
        "support-chat",
        "premium-chat",
        Some("stable-baseline"),
        chat,
    );
    "Customer support chat".clone_into(&mut support.description);
    support.tier = Tier::Paid;
    support.notice.required = true;
    let mut code = workload("code-assistant", "code-large", None, claude);
    code.tier = Tier::Paid;
    code.notice.required = true;
    code.notice.text = String::new();
    let mut batch = workload(
        "batch-extraction",
        "low-cost-extract",
        Some("extract-baseline"),
        chat,
    );
    batch.user_visible = false;
    batch.notice.enabled = false;
    let mut image = workload(
        "image-understanding",
        "vision-main",
        Some("vision-baseline"),
        claude,
    );
    support.samples = vec![sample("support-chat/greeting", PayloadClass::Chat)];
    batch.samples = vec![sample("batch-extraction/invoice", PayloadClass::Json)];
    image.samples = vec![sample("image-understanding/receipt", PayloadClass::Vision)];
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
            events: Duration::from_hours(24 * 30),
            audit: Duration::from_hours(24 * 365),
            reviews: Duration::from_hours(24),
        },
        providers: ["northwind", "contoso", "fabrikam"]
            .into_iter()
            .map(|name| {
                let provider = Provider {
                    name: name.into(),
                    base_url: format!("https://{name}.example"),
                    family: chat,
                    credential: None,
                    boundary: Boundary::default(),
                };
                (provider.name.clone(), provider)
            })
            .collect(),
        routes: routes
            .into_iter()
            .map(|route| (route.name.clone(), route))
            .collect(),
        clients: BTreeMap::new(),
        workloads: [support, code, batch, image]
            .into_iter()
            .map(|workload| (workload.name.clone(), workload))
            .collect(),
    }
}

/// Jo forced `image-understanding` for 30 minutes, four minutes of which are left.
pub(crate) fn overrides(now: Timestamp) -> Overrides {
    let slot = Slot {
        revision: Revision(412),
        current: Some(Override {
            change: Change::Mode(Mode::Force),
            actor: actor("jo"),
            since: now - Duration::from_mins(26),
            expires: Some(now + Duration::from_mins(4)),
            reason: ReasonCode::Quality,
            note: "blurred captions".to_owned(),
            ticket: Some("INC-7".to_owned()),
            break_glass: false,
        }),
    };
    Overrides {
        revision: Revision(412),
        slots: BTreeMap::from([(OverrideKey::mode("image-understanding".into()), slot)]),
    }
}

/// The table after somebody forced `support-chat`.
pub(crate) fn forced(now: Timestamp, by: &str, revision: u64) -> Overrides {
    let mut table = overrides(now);
    table.revision = Revision(revision);
    table.slots.insert(
        OverrideKey::mode("support-chat".into()),
        Slot {
            revision: Revision(revision),
            current: Some(Override {
                change: Change::Mode(Mode::Force),
                actor: actor(by),
                since: now,
                expires: Some(now + Duration::from_mins(30)),
                reason: ReasonCode::ServerErrors,
                note: String::new(),
                ticket: None,
                break_glass: false,
            }),
        },
    );
    table
}

pub(crate) fn audit(sequence: u64, by: &str, now: Timestamp) -> AuditRecord {
    AuditRecord {
        sequence,
        at: now - Duration::from_mins(26),
        actor: actor(by),
        verb: Some(Verb::Force),
        key: OverrideKey::mode("image-understanding".into()),
        before: None,
        after: Some(Change::Mode(Mode::Force)),
        expires: Some(now + Duration::from_mins(4)),
        reason: ReasonCode::Quality,
        note: "blurred captions".to_owned(),
        ticket: Some("INC-7".to_owned()),
        revision: Revision(412),
        plan: Some(PlanId("77aa".to_owned())),
        undoes: None,
        break_glass: false,
    }
}

/// The record of forcing `support-chat`.
pub(crate) fn forced_record(now: Timestamp) -> AuditRecord {
    AuditRecord {
        sequence: 2,
        at: now,
        actor: actor("mira"),
        key: OverrideKey::mode("support-chat".into()),
        expires: Some(now + Duration::from_mins(30)),
        reason: ReasonCode::ServerErrors,
        note: String::new(),
        ticket: None,
        revision: Revision(413),
        plan: Some(PlanId("8f31".to_owned())),
        ..audit(2, "mira", now)
    }
}

fn traffic(name: &str, now: Timestamp) -> WorkloadTraffic {
    WorkloadTraffic {
        workload: name.into(),
        requests: 2280,
        primary_failures: 0,
        fallbacks: 0,
        errors: 0,
        uncaught: 0,
        refused: 0,
        first_output_p50_ms: Some(640),
        first_output_p95_ms: Some(1900),
        in_flight: 12,
        failing_since: None,
        last_primary_failure: None,
        last_uncaught: None,
        last_primary: Some(now),
        last_primary_by: None,
        last_fallback_by: None,
        last_fallback: None,
        last_routed: None,
    }
}

/// The one gateway: `support-chat` fails uncaught, `batch-extraction` is caught.
pub(crate) fn heartbeat(now: Timestamp, revision: Revision) -> Heartbeat {
    let route = |name: &str, attempts, failures, circuit| RouteTraffic {
        route: name.into(),
        attempts,
        failures,
        circuit,
        tripped_by: None,
        in_flight: 3,
    };
    Heartbeat {
        gateway: "gw1-4711-1".into(),
        host: "gw1".to_owned(),
        region: None,
        pid: 4711,
        version: "0.1.0".to_owned(),
        listen: "127.0.0.1:8080".parse().unwrap(),
        started: now - Duration::from_hours(3),
        at: now,
        revision,
        fingerprint: "c0ffee12".to_owned(),
        config_error: None,
        draining: false,
        unlogged: 0,
        withheld: 0,
        unlogged_at: None,
        apart_since: None,
        partings: 0,
        workloads: vec![
            WorkloadTraffic {
                primary_failures: 935,
                errors: 935,
                uncaught: 935,
                first_output_p50_ms: Some(9800),
                first_output_p95_ms: Some(21_000),
                failing_since: Some(now - Duration::from_secs(173)),
                ..traffic("support-chat", now)
            },
            WorkloadTraffic {
                primary_failures: 700,
                fallbacks: 690,
                errors: 10,
                uncaught: 10,
                first_output_p50_ms: Some(1100),
                failing_since: Some(now - Duration::from_mins(12)),
                ..traffic("batch-extraction", now)
            },
            WorkloadTraffic {
                requests: 300,
                fallbacks: 300,
                errors: 2,
                uncaught: 2,
                first_output_p50_ms: Some(1900),
                ..traffic("image-understanding", now)
            },
            WorkloadTraffic {
                first_output_p50_ms: Some(80),
                ..traffic("code-assistant", now)
            },
        ],
        routes: vec![
            route("premium-chat", 2280, 935, CircuitState::Closed),
            route("stable-baseline", 120, 0, CircuitState::Closed),
            route("low-cost-extract", 2280, 700, CircuitState::HalfOpen),
            route("extract-baseline", 690, 0, CircuitState::Closed),
            route("code-large", 2280, 0, CircuitState::Closed),
            route("vision-baseline", 300, 2, CircuitState::Closed),
        ],
    }
}

/// A heartbeat of a gateway without a failure.
pub(crate) fn calm_heartbeat(now: Timestamp) -> Heartbeat {
    let mut beat = heartbeat(now, Revision(412));
    for traffic in &mut beat.workloads {
        traffic.primary_failures = 0;
        traffic.fallbacks = 0;
        traffic.errors = 0;
        traffic.uncaught = 0;
        traffic.failing_since = None;
    }
    beat
}

pub(crate) fn event(seq: u64, at: Timestamp, workload: &str) -> Event {
    let (primary, fallback) = match workload {
        "support-chat" => ("premium-chat", "stable-baseline"),
        "batch-extraction" => ("low-cost-extract", "extract-baseline"),
        "code-assistant" => ("code-large", ""),
        _ => ("vision-main", "vision-baseline"),
    };
    let family = if workload == "support-chat" || workload == "batch-extraction" {
        Family::OpenaiChat
    } else {
        Family::AnthropicMessages
    };
    Event {
        id: EventId::new(at, u128::from(seq)),
        at,
        gateway: "gw1-4711-1".into(),
        workload: workload.into(),
        client: None,
        family,
        primary: primary.into(),
        fallback: (!fallback.is_empty()).then(|| fallback.into()),
        decision: EventDecision::Fallback,
        reason: Reason::Trigger,
        class: Some(ErrorClass::Overloaded),
        detail: None,
        status: Some(503),
        attempts: vec![
            Attempt {
                route: primary.into(),
                status: Some(503),
                code: Some("overloaded_error".to_owned()),
                class: Some(ErrorClass::Overloaded),
                detail: None,
                took: Duration::from_millis(40),
            },
            Attempt {
                route: fallback.into(),
                status: Some(200),
                code: None,
                class: None,
                detail: None,
                took: Duration::from_millis(420),
            },
        ],
        notice: NoticeGiven::Header,
        stream: true,
        revision: Revision(412),
        fingerprint: "c0ffee12".to_owned(),
        remark: None,
        method: None,
    }
}

pub(crate) fn outcome(event: &Event, kind: OutcomeKind) -> Outcome {
    Outcome {
        event: event.id,
        at: event.at + Duration::from_millis(1100),
        kind,
        status: 200,
        class: None,
        notice: None,
        first_output: Some(Duration::from_millis(460)),
        total: Duration::from_millis(1100),
    }
}

/// What happened in the last minutes.
pub(crate) fn entries(now: Timestamp) -> Vec<(Seq, Entry)> {
    let mut entries = Vec::new();
    let mut seq = 0;
    let mut add = |entry: Entry| {
        seq += 1;
        entries.push((Seq(seq), entry));
    };
    for minutes in (1..15).rev() {
        for part in 0..(3 + minutes * minutes % 11) {
            let at = now - Duration::from_mins(minutes) + Duration::from_secs(part);
            let event = event(minutes * 100 + part, at, "batch-extraction");
            let outcome = outcome(&event, OutcomeKind::Completed);
            add(Entry::Decision(Box::new(event)));
            add(Entry::Outcome(outcome));
        }
    }
    let ago = |seconds| now - Duration::from_secs(seconds);
    let bad = Event {
        decision: EventDecision::Refused,
        reason: Reason::NeverTrigger,
        class: Some(ErrorClass::InvalidRequest),
        detail: None,
        status: Some(400),
        notice: NoticeGiven::None,
        ..event(2001, ago(30), "support-chat")
    };
    add(Entry::Decision(Box::new(bad)));
    let paid = Event {
        decision: EventDecision::Refused,
        reason: Reason::FallbackDrained,
        ..event(2002, ago(24), "support-chat")
    };
    add(Entry::Decision(Box::new(paid)));
    let forced = Event {
        reason: Reason::Forced {
            by: "jo".to_owned(),
            revision: Revision(412),
        },
        class: None,
        status: None,
        ..event(2003, ago(17), "image-understanding")
    };
    let ended = outcome(&forced, OutcomeKind::Completed);
    add(Entry::Decision(Box::new(forced)));
    add(Entry::Outcome(ended));
    let timeout = Event {
        class: Some(ErrorClass::Timeout),
        status: None,
        ..event(2004, ago(9), "batch-extraction")
    };
    let ended = outcome(&timeout, OutcomeKind::Completed);
    add(Entry::Decision(Box::new(timeout)));
    add(Entry::Outcome(ended));
    let both = Event {
        decision: EventDecision::Exhausted,
        reason: Reason::AllRoutesFailed,
        ..event(2005, ago(4), "batch-extraction")
    };
    add(Entry::Decision(Box::new(both)));
    add(Entry::Decision(Box::new(event(
        2006,
        ago(1),
        "batch-extraction",
    ))));
    entries
}

/// A plan to force `support-chat`.
pub(crate) fn force_plan(now: Timestamp) -> Plan {
    let check = |name: &str, verdict, why: &str| Check {
        name: name.to_owned(),
        verdict,
        why: why.to_owned(),
    };
    Plan {
        id: PlanId("8f31".to_owned()),
        made: now,
        valid_until: now + Duration::from_mins(10),
        actor: actor("mira"),
        verb: Verb::Force,
        key: OverrideKey::mode("support-chat".into()),
        expected: Revision(0),
        revision: Revision(412),
        before: None,
        after: Some(Change::Mode(Mode::Force)),
        expires: Some(now + Duration::from_mins(30)),
        fingerprint: "c0ffee12".to_owned(),
        basis: String::new(),
        now_line: "premium-chat fails 41%, first output 9.8 s, 38.0 rps".to_owned(),
        after_line: "stable-baseline serves all requests; circuit closed, 0% fail".to_owned(),
        effects: vec![
            "38.0 rps (100% of support-chat) move from premium-chat to stable-baseline; running answers finish where they are".to_owned(),
            "stable-baseline: 2.0 -> 40.0 of 120 rps; nobody else uses it".to_owned(),
            "callers are told: notice in the header x-backstop-degraded".to_owned(),
            "invalid-request and authentication still never change route".to_owned(),
            "returns by itself at 15:02Z (in 30 min)".to_owned(),
            "undo: `z` in the console, `backstop undo` in a shell".to_owned(),
        ],
        checks: vec![
            check("tier", CheckVerdict::Warn, "a paid tier is moved; its users get the notice"),
            check("family", CheckVerdict::Pass, "both routes speak openai-chat"),
            check("boundary", CheckVerdict::Pass, "billing, region and compliance stay the same"),
            check("circuit", CheckVerdict::Pass, "stable-baseline is closed and fails 0%"),
            check("readiness", CheckVerdict::Pass, "stable-baseline was proven 1m ago"),
            check("headroom", CheckVerdict::Pass, "33% of its capacity would be used"),
            check("expiry", CheckVerdict::Pass, "returns by itself at 15:02Z (in 30 min)"),
            check("gateways", CheckVerdict::Pass, "1 gateway alive"),
            check("people", CheckVerdict::Pass, "nobody else is looking, no other plan is open"),
            check("history", CheckVerdict::Pass, "never changed before"),
        ],
        tier: RiskTier::Typed,
        undoes: None,
        radius: Radius::default(),
    }
}

/// A plan to put `image-understanding` back to auto.
pub(crate) fn auto_plan(now: Timestamp) -> Plan {
    Plan {
        id: PlanId("8f32".to_owned()),
        verb: Verb::Auto,
        key: OverrideKey::mode("image-understanding".into()),
        expected: Revision(412),
        before: Some(Change::Mode(Mode::Force)),
        after: None,
        expires: None,
        now_line: "vision-baseline serves, forced by jo".to_owned(),
        after_line: "vision-main serves, vision-baseline catches its failures".to_owned(),
        effects: vec!["5.0 rps (100% of image-understanding) move back to vision-main".to_owned()],
        tier: RiskTier::Confirm,
        ..force_plan(now)
    }
}

/// The command that is asked for by `F` on `support-chat`.
pub(crate) fn force_command() -> Command {
    Command::Mode {
        workload: "support-chat".into(),
        mode: Mode::Force,
        lasting: Some(Duration::from_mins(30)),
        scope: Scope::All,
    }
}
