//! What unit tests of this module share: a small catalog and the parts of a scene. Tests only.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::model::{
    Actor, AllDown, Backoff, Basis, Boundary, Capability, Capture, Catalog, Change, CircuitState,
    Environment, ErrorClass, Family, GatewaySettings, Heartbeat, KeyPlace, LogFailure, Mode,
    NoticePolicy, NoticeStyle, Override, OverrideKey, Overrides, Probing, ReasonCode, Retention,
    ReviewHead, ReviewId, ReviewMode, ReviewPolicy, Revision, Route, RouteTraffic, Slot, Tally,
    Tier, Timeouts, Workload, WorkloadTraffic,
};

pub(super) fn now() -> Timestamp {
    "2026-11-21T14:32:00Z".parse().unwrap()
}

pub(super) fn seconds(offset: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_secs(offset)
}

pub(super) fn actor(user: &str) -> Actor {
    Actor {
        user: user.to_owned(),
        declared: None,
        host: "ops1".to_owned(),
        from: None,
        via: "cli".to_owned(),
    }
}

pub(super) fn route(name: &str) -> Route {
    Route {
        name: name.into(),
        provider: "acme".into(),
        base_url: "http://127.0.0.1:1".to_owned(),
        family: Family::OpenaiChat,
        model: format!("model-of-{name}"),
        credential: None,
        capabilities: [Capability::Streaming, Capability::Tools]
            .into_iter()
            .collect(),
        context_tokens: None,
        boundary: Boundary::default(),
        capacity_rps: Some(100.0),
        key: KeyPlace::None,
        price: None,
        max_concurrent: None,
        workloads: None,
        circuit: true,
        serves: Vec::new(),
    }
}

pub(super) fn workload(name: &str, primary: &str, fallback: Option<&str>) -> Workload {
    Workload {
        name: name.into(),
        description: String::new(),
        owner: None,
        family: Family::OpenaiChat,
        primary: primary.into(),
        fallback: fallback.map(Into::into),
        mode: Mode::Auto,
        tier: Tier::Standard,
        user_visible: true,
        triggers: [ErrorClass::ServerError, ErrorClass::Timeout]
            .into_iter()
            .collect(),
        justifications: BTreeMap::new(),
        timeouts: Timeouts {
            headers: Duration::from_secs(1),
            first_output: Duration::from_secs(1),
            idle: Duration::from_secs(1),
            total: Duration::from_secs(1),
        },
        backoff: Backoff {
            retries: 0,
            initial: Duration::ZERO,
            max_wait: Duration::ZERO,
        },
        max_attempts: 2,
        retry_share: 1.0,
        notice: NoticePolicy {
            text: "a simpler model answers".to_owned(),
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

/// `chat` on `premium` with `stable` behind it, `batch` on `cheap` with `stable` behind it, `code` on
/// `large` with nothing behind it.
pub(super) fn catalog() -> Catalog {
    let routes = ["premium", "stable", "cheap", "large"].map(route);
    let workloads = [
        workload("chat", "premium", Some("stable")),
        workload("batch", "cheap", Some("stable")),
        workload("code", "large", None),
    ];
    Catalog {
        source: "backstop.toml".into(),
        fingerprint: "f1".to_owned(),
        environment: Environment {
            name: "test".to_owned(),
            production: false,
        },
        store: "memory:test".into(),
        gateway: GatewaySettings {
            listen: ([127, 0, 0, 1], 0).into(),
            region: None,
            workers: 1,
            max_body: 1 << 20,
            max_body_memory: 64 << 20,
            max_connections: 1024,
            max_requests: 1024,
            idle: std::time::Duration::from_secs(75),
            pause: std::time::Duration::from_mins(1),
            tls: None,
            drain: Duration::from_secs(1),
            without_store: LogFailure::Serve,
        },
        probing: Probing::default(),
        retention: Retention {
            events: Duration::from_hours(24),
            audit: Duration::from_hours(24),
            reviews: Duration::from_hours(24),
        },
        providers: BTreeMap::new(),
        routes: routes.map(|route| (route.name.clone(), route)).into(),
        clients: BTreeMap::new(),
        workloads: workloads
            .map(|workload| (workload.name.clone(), workload))
            .into(),
    }
}

pub(super) fn heartbeat(workloads: Vec<WorkloadTraffic>, routes: Vec<RouteTraffic>) -> Heartbeat {
    Heartbeat {
        gateway: "gw1".into(),
        host: "ops1".to_owned(),
        region: None,
        pid: 1,
        version: "0".to_owned(),
        listen: ([127, 0, 0, 1], 1).into(),
        started: seconds(-3600),
        at: seconds(-1),
        revision: Revision(1_000_000),
        fingerprint: "f1".to_owned(),
        config_error: None,
        draining: false,
        unlogged: 0,
        withheld: 0,
        unlogged_at: None,
        apart_since: None,
        partings: 0,
        workloads,
        routes,
    }
}

/// Requests, failures of the primary, answers by the fallback, errors that nothing caught.
pub(super) fn traffic(
    workload: &str,
    requests: u64,
    primary_failures: u64,
    fallbacks: u64,
    uncaught: u64,
) -> WorkloadTraffic {
    WorkloadTraffic {
        workload: workload.into(),
        requests,
        primary_failures,
        fallbacks,
        errors: uncaught,
        uncaught,
        refused: 0,
        first_output_p50_ms: None,
        first_output_p95_ms: None,
        in_flight: 0,
        failing_since: (primary_failures > 0).then(|| seconds(-40)),
        last_primary_failure: None,
        last_uncaught: None,
        last_primary: None,
        last_primary_by: None,
        last_fallback_by: None,
        last_fallback: None,
        last_routed: None,
    }
}

pub(super) fn load(
    route: &str,
    attempts: u64,
    failures: u64,
    circuit: CircuitState,
) -> RouteTraffic {
    RouteTraffic {
        route: route.into(),
        attempts,
        failures,
        circuit,
        tripped_by: None,
        in_flight: 0,
    }
}

pub(super) fn set(change: Change, by: &str, expires: Option<Timestamp>) -> Override {
    Override {
        change,
        actor: actor(by),
        since: seconds(-300),
        expires,
        reason: ReasonCode::ServerErrors,
        note: String::new(),
        ticket: None,
        break_glass: false,
    }
}

/// A complete review of `chat` as it is in a catalog, with so many samples as good or better of ten.
pub(super) fn reviewed(catalog: &Catalog, same_or_better: usize) -> ReviewHead {
    let at = seconds(-3600);
    ReviewHead {
        id: ReviewId::new(at, 1),
        workload: "chat".into(),
        at,
        actor: actor("mira"),
        mode: ReviewMode::Blind,
        basis: Basis::now(catalog, &catalog.workloads["chat"]).unwrap(),
        tally: Tally {
            compared: 10,
            judged: 10,
            same_or_better,
            vetoes: 0,
        },
        vetoed: Vec::new(),
        note: String::new(),
    }
}

/// A table with these overrides, at revisions 1, 2, ...
pub(super) fn overrides(entries: Vec<(OverrideKey, Override)>) -> Overrides {
    let mut table = Overrides::default();
    for (key, current) in entries {
        table.revision.0 += 1;
        table.slots.insert(
            key,
            Slot {
                revision: table.revision,
                current: Some(current),
            },
        );
    }
    table
}
