//! A small project on disk, and doors to it: what tests of `control` and `cli` share.

use std::{path::PathBuf, sync::Arc, time::Duration};

use backstop::{
    clock::Clock,
    config,
    control::{Consent, Control, Mode},
    model::{
        Actor, Attempt, Catalog, Change, CircuitState, Command, ErrorClass, Event, EventDecision,
        EventId, Family, Heartbeat, Mode as WorkloadMode, NoticeGiven, Outcome, OutcomeKind, Plan,
        Reason, ReasonCode, Revision, RouteTraffic, Scope, WorkloadTraffic,
    },
    store::{Access, Store},
};
use jiff::Timestamp;
use tokio::sync::watch;

/// Two workloads that share a fallback, and one with none. Nothing listens anywhere.
pub(crate) const CONFIG: &str = r#"
schema = 1

[environment]
name = "test/one"

[store]
url = "sqlite:state"

[gateway]
listen = "127.0.0.1:0"

[providers.acme]
base_url = "http://127.0.0.1:9"
family = "openai-chat"
key = { none = true }

[routes.premium-chat]
provider = "acme"
model = "premium-1"
capacity_rps = 100.0

[routes.stable-chat]
provider = "acme"
model = "stable-1"
capacity_rps = 100.0

[routes.cheap-chat]
provider = "acme"
model = "cheap-1"

[workloads.support-chat]
description = "Chat with customers"
primary = "premium-chat"
fallback = "stable-chat"
triggers = ["server-error", "timeout", "unreachable"]
notice = { text = "A simpler model answers.", style = "header" }

[workloads.batch-extraction]
description = "Invoices"
primary = "cheap-chat"
fallback = "stable-chat"
triggers = ["server-error"]

[workloads.lonely]
description = "Nothing behind it"
primary = "premium-chat"
"#;

/// A directory with a configuration.
#[derive(Debug)]
pub(crate) struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self::with(CONFIG)
    }

    pub(crate) fn with(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let project = Self { directory };
        std::fs::write(project.config(), config).unwrap();
        project
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("backstop.toml")
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }

    pub(crate) fn catalog(&self) -> Catalog {
        let loaded = config::load(&self.config(), &|_| None);
        loaded
            .catalog
            .unwrap_or_else(|| panic!("{}", loaded.report.render(false)))
    }
}

pub(crate) fn actor(user: &str) -> Actor {
    Actor {
        user: user.to_owned(),
        declared: None,
        host: "ops1".to_owned(),
        from: None,
        via: "cli".to_owned(),
    }
}

/// A store in memory with several doors on it, and a clock that stands still.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) catalog: watch::Sender<Arc<Catalog>>,
    pub(crate) refused: watch::Sender<Option<String>>,
}

impl House {
    /// `name` keeps the stores of tests apart.
    pub(crate) async fn new(name: &str) -> Self {
        let start: Timestamp = "2026-11-21T14:32:00Z".parse().unwrap();
        let clock = Clock::manual(start);
        let store = Store::open(&format!("memory:{name}"), Access::Write, clock.clone())
            .await
            .unwrap();
        Self {
            clock,
            store,
            catalog: watch::channel(Arc::new(Project::new().catalog())).0,
            refused: watch::channel(None).0,
        }
    }

    pub(crate) fn door(&self, user: &str, mode: Mode) -> Control {
        Control::new(
            self.catalog.subscribe(),
            self.refused.subscribe(),
            self.store.clone(),
            self.clock.clone(),
            actor(user),
            mode,
        )
    }

    /// A gateway that gives a sign of life, under the configuration in force.
    pub(crate) async fn beat(&self, revision: u64, bend: impl FnOnce(&mut Heartbeat)) {
        let mut heartbeat = Heartbeat {
            gateway: "gw1".into(),
            host: "ops1".to_owned(),
            region: None,
            pid: 1,
            version: "0".to_owned(),
            listen: ([127, 0, 0, 1], 1).into(),
            started: "2026-11-21T00:00:00Z".parse().unwrap(),
            at: self.clock.now(),
            revision: Revision(revision),
            fingerprint: self.catalog.borrow().fingerprint.clone(),
            config_error: None,
            draining: false,
            unlogged: 0,
            withheld: 0,
            unlogged_at: None,
            apart_since: None,
            partings: 0,
            workloads: vec![traffic("support-chat", 600)],
            routes: vec![load("premium-chat", 600, 0), load("stable-chat", 600, 0)],
        };
        bend(&mut heartbeat);
        self.store.beat(heartbeat).await.unwrap();
    }
}

pub(crate) fn traffic(workload: &str, requests: u64) -> WorkloadTraffic {
    WorkloadTraffic {
        workload: workload.into(),
        requests,
        primary_failures: 0,
        fallbacks: 0,
        errors: 0,
        uncaught: 0,
        refused: 0,
        first_output_p50_ms: None,
        first_output_p95_ms: None,
        in_flight: 0,
        failing_since: None,
        last_primary_failure: None,
        last_uncaught: None,
        last_primary: None,
        last_primary_by: None,
        last_fallback_by: None,
        last_fallback: None,
        last_routed: None,
    }
}

pub(crate) fn load(route: &str, attempts: u64, failures: u64) -> RouteTraffic {
    RouteTraffic {
        route: route.into(),
        attempts,
        failures,
        circuit: CircuitState::Closed,
        tripped_by: None,
        in_flight: 0,
    }
}

/// `force support-chat` and the like.
pub(crate) fn mode(workload: &str, mode: WorkloadMode) -> Command {
    Command::Mode {
        workload: workload.into(),
        mode,
        lasting: None,
        scope: Scope::All,
    }
}

pub(crate) fn undo() -> Command {
    Command::Undo { sequence: None }
}

/// What a plan of any tier but break-glass wants.
pub(crate) fn consent(plan: &Plan) -> Consent {
    Consent {
        typed: plan.target().to_owned(),
        reason: Some(ReasonCode::ServerErrors),
        note: String::new(),
        ticket: Some("INC-7".to_owned()),
        break_glass: false,
    }
}

/// The value in force for `support-chat`.
pub(crate) fn in_force(house: &House) -> Option<Change> {
    let key = backstop::model::OverrideKey::mode("support-chat".into());
    house
        .store
        .overrides()
        .borrow()
        .active(&key, house.clock.now())
        .map(|entry| entry.change)
}

/// An event, as gateways write them.
pub(crate) fn decision(
    number: u128,
    workload: &str,
    decision: EventDecision,
    at: Timestamp,
) -> Event {
    Event {
        id: EventId::new(at, number),
        at,
        gateway: "gw1".into(),
        workload: workload.into(),
        client: None,
        family: Family::OpenaiChat,
        primary: "premium-chat".into(),
        fallback: Some("stable-chat".into()),
        decision,
        reason: match decision {
            EventDecision::Fallback => Reason::Trigger,
            EventDecision::Refused
            | EventDecision::Exhausted
            | EventDecision::Broken
            | EventDecision::ProviderMade
            | EventDecision::Readiness => Reason::NeverTrigger,
        },
        class: Some(match decision {
            EventDecision::Refused => ErrorClass::InvalidRequest,
            EventDecision::Fallback
            | EventDecision::Exhausted
            | EventDecision::Broken
            | EventDecision::ProviderMade
            | EventDecision::Readiness => ErrorClass::ServerError,
        }),
        detail: None,
        status: Some(503),
        attempts: vec![Attempt {
            route: "premium-chat".into(),
            status: Some(503),
            code: Some("\x1b[31mred".to_owned()),
            class: Some(ErrorClass::ServerError),
            detail: None,
            took: Duration::from_millis(5),
        }],
        notice: NoticeGiven::Header,
        stream: false,
        revision: Revision(0),
        fingerprint: "f1".to_owned(),
        remark: None,
        method: None,
    }
}

/// How it ended.
pub(crate) fn outcome(event: &Event) -> Outcome {
    Outcome {
        event: event.id,
        at: event.at,
        kind: OutcomeKind::ErrorReturned,
        status: 503,
        class: None,
        notice: None,
        first_output: None,
        total: Duration::from_millis(40),
    }
}
