//! A gateway over in-test upstreams, with its store in the test's hands.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use backstop::{
    clock::Clock,
    gateway::{Gateway, Options},
    model::{
        Actor, AllDown, AuditRecord, Backoff, Boundary, Capability, Capture, Catalog, Change,
        ChangeRequest, Client, Environment, ErrorClass, Family, GatewaySettings, Heartbeat,
        KeyPlace, LogFailure, Mode, NoticePolicy, NoticeStyle, Override, OverrideKey, Probing,
        Provider, ReasonCode, Retention, ReviewPolicy, Revision, Route, Secret, StoredEvent, Tier,
        Timeouts, Workload,
    },
    store::{Access, EventQuery, Store},
    wire::upstream::Tls,
};
use tokio::{sync::watch, time::timeout};

use super::upstream::{DEADLINE, Script, Upstream};

/// A good whole answer of the primary.
pub(crate) const PRIMARY: &str = r#"{"id":"p","object":"chat.completion","model":"served-1","choices":[{"index":0,"message":{"role":"assistant","content":"from the primary"},"finish_reason":"stop"}],"extra":[1,2]}"#;
/// A good whole answer of the fallback.
pub(crate) const FALLBACK: &str = r#"{"id":"f","object":"chat.completion","model":"served-2","choices":[{"index":0,"message":{"role":"assistant","content":"from the fallback"},"finish_reason":"stop"}]}"#;
/// An error of the provider.
pub(crate) const OVERLOADED: &str =
    r#"{"error":{"message":"busy","type":"server_error","code":"server_is_overloaded"}}"#;

/// What a test may want to have otherwise.
pub(crate) struct Plan {
    /// `memory:` or `sqlite:`.
    pub(crate) store: Option<String>,
    /// How the gateway's store is opened.
    pub(crate) access: Access,
    /// Changes the one workload.
    pub(crate) workload: Box<dyn Fn(&mut Workload)>,
    /// Changes the primary's route.
    pub(crate) primary: Box<dyn Fn(&mut Route)>,
    /// Changes the fallback's route.
    pub(crate) fallback: Box<dyn Fn(&mut Route)>,
    /// Changes the settings.
    pub(crate) settings: Box<dyn Fn(&mut GatewaySettings)>,
    /// The family of everything.
    pub(crate) family: Family,
    /// Who may call.
    pub(crate) clients: Vec<Client>,
    /// Whom providers are trusted by.
    pub(crate) tls: Arc<Tls>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            store: None,
            access: Access::Write,
            workload: Box::new(|_| {}),
            primary: Box::new(|_| {}),
            fallback: Box::new(|_| {}),
            settings: Box::new(|_| {}),
            family: Family::OpenaiChat,
            clients: Vec::new(),
            tls: Arc::default(),
        }
    }
}

/// A gateway with two upstreams and one workload, `support-chat`.
pub(crate) struct Site {
    pub(crate) primary: Upstream,
    pub(crate) fallback: Upstream,
    pub(crate) gateway: Gateway,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) client: reqwest::Client,
    pub(crate) catalog: watch::Sender<Arc<Catalog>>,
    pub(crate) refused: watch::Sender<Option<String>>,
}

/// A name that no other test of this process has.
pub(crate) fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}-{}-{number}", std::process::id())
}

impl Site {
    /// Both upstreams answer well.
    pub(crate) async fn start() -> Self {
        Self::with(Plan::default()).await
    }

    /// As planned.
    pub(crate) async fn with(plan: Plan) -> Self {
        let primary = Upstream::start(Script::json(200, PRIMARY)).await;
        let fallback = Upstream::start(Script::json(200, FALLBACK)).await;
        Self::over(plan, primary, fallback).await
    }

    /// As planned, over these upstreams.
    pub(crate) async fn over(plan: Plan, primary: Upstream, fallback: Upstream) -> Self {
        let clock = Clock::system();
        let url = plan
            .store
            .clone()
            .unwrap_or_else(|| format!("memory:{}", unique("gateway")));
        let store = Store::open(&url, plan.access, clock.clone()).await.unwrap();
        let first = Arc::new(catalog(&plan, &url, &primary.url(), &fallback.url()));
        let (catalog, followed) = watch::channel(first);
        let (refused, refusals) = watch::channel(None);
        let gateway = Gateway::start(Options {
            catalog: followed,
            refused: refusals,
            store: store.clone(),
            clock: clock.clone(),
            tls: Arc::clone(&plan.tls),
            region: None,
        })
        .await
        .unwrap();
        Self {
            primary,
            fallback,
            gateway,
            store,
            clock,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            catalog,
            refused,
        }
    }

    /// The absolute URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.address())
    }

    /// Asks the workload for a chat completion.
    pub(crate) async fn ask(&self, body: &str) -> reqwest::Response {
        self.post("/w/support-chat/v1/chat/completions", body).await
    }

    /// Posts a body.
    pub(crate) async fn post(&self, path: &str, body: &str) -> reqwest::Response {
        let request = self.client.post(self.url(path)).body(body.to_owned());
        timeout(DEADLINE, request.send()).await.unwrap().unwrap()
    }

    /// Asks for a path.
    pub(crate) async fn get(&self, path: &str) -> reqwest::Response {
        let request = self.client.get(self.url(path));
        timeout(DEADLINE, request.send()).await.unwrap().unwrap()
    }

    /// Waits until the store holds so many events, all of them with their outcome.
    pub(crate) async fn events(&self, count: usize) -> Vec<StoredEvent> {
        let mut newest = self.store.newest();
        let wait = async {
            loop {
                newest.mark_unchanged();
                let events = self.store.events(EventQuery::default()).await.unwrap();
                let ended = events.iter().all(|event| event.outcome.is_some());
                if events.len() >= count && ended {
                    return events;
                }
                newest.changed().await.unwrap();
            }
        };
        let Ok(events) = timeout(DEADLINE, wait).await else {
            let there = self.store.events(EventQuery::default()).await;
            panic!("{count} events with outcomes were waited for; there are {there:#?}");
        };
        assert_eq!(events.len(), count, "{events:#?}");
        events
    }

    /// The only event.
    pub(crate) async fn event(&self) -> StoredEvent {
        self.events(1).await.remove(0)
    }

    /// Changes an override and waits until the gateway has applied it.
    pub(crate) async fn switch(&self, key: OverrideKey, change: Option<Change>) -> AuditRecord {
        self.switch_until(key, change, None).await
    }

    /// The same, ending by itself after a while.
    pub(crate) async fn switch_until(
        &self,
        key: OverrideKey,
        change: Option<Change>,
        lasting: Option<Duration>,
    ) -> AuditRecord {
        let record = change_override(&self.store, &self.clock, key, change, lasting).await;
        self.applied(record.revision).await;
        record
    }

    /// Waits until the gateway's heartbeat says that it has applied a revision.
    pub(crate) async fn applied(&self, revision: Revision) -> Heartbeat {
        self.heartbeat(|heartbeat| heartbeat.revision >= revision)
            .await
    }

    /// Waits for a heartbeat.
    pub(crate) async fn heartbeat(&self, wanted: impl Fn(&Heartbeat) -> bool) -> Heartbeat {
        let name = self.gateway.name().clone();
        let wait = async {
            loop {
                let heartbeats = self.store.heartbeats().await.unwrap();
                let own = heartbeats.into_iter().find(|beat| beat.gateway == name);
                if let Some(heartbeat) = own.filter(&wanted) {
                    return heartbeat;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let Ok(heartbeat) = timeout(DEADLINE, wait).await else {
            let last = self.store.heartbeats().await;
            panic!("another heartbeat was waited for; the last ones are {last:#?}");
        };
        heartbeat
    }
}

/// Changes an override as an operator does.
pub(crate) async fn change_override(
    store: &Store,
    clock: &Clock,
    key: OverrideKey,
    change: Option<Change>,
    lasting: Option<Duration>,
) -> AuditRecord {
    let now = clock.now();
    let actor = Actor {
        user: "carol".to_owned(),
        declared: None,
        host: "test".to_owned(),
        from: None,
        via: "cli".to_owned(),
    };
    let expires = lasting.map(|lasting| now.checked_add(lasting).unwrap());
    let expected = store.overrides().borrow().expected(&key);
    let request = ChangeRequest {
        key: key.clone(),
        expected,
        next: change.map(|change| Override {
            change,
            actor: actor.clone(),
            since: now,
            expires,
            reason: ReasonCode::Drill,
            note: String::new(),
            ticket: None,
            break_glass: false,
        }),
        audit: AuditRecord {
            sequence: 0,
            at: now,
            actor,
            verb: None,
            key,
            before: None,
            after: change,
            expires,
            reason: ReasonCode::Drill,
            note: String::new(),
            ticket: None,
            revision: Revision(0),
            plan: None,
            undoes: None,
            break_glass: false,
        },
        plan: None,
        owes: Vec::new(),
    };
    store.change(request).await.unwrap()
}

/// The catalog of a site.
pub(crate) fn catalog(plan: &Plan, store: &str, primary: &str, fallback: &str) -> Catalog {
    let mut settings = GatewaySettings {
        listen: "127.0.0.1:0".parse().unwrap(),
        region: None,
        workers: 2,
        max_body: 1024 * 1024,
        max_body_memory: 64 << 20,
        max_connections: 1024,
        max_requests: 1024,
        idle: std::time::Duration::from_secs(75),
        pause: std::time::Duration::from_mins(1),
        tls: None,
        drain: Duration::from_secs(10),
        without_store: LogFailure::Serve,
    };
    (plan.settings)(&mut settings);
    let mut second = route("stable", fallback, "model-2", "key-2", plan.family);
    (plan.fallback)(&mut second);
    let mut first = route("premium", primary, "model-1", "key-1", plan.family);
    (plan.primary)(&mut first);
    let mut workload = workload(plan.family);
    (plan.workload)(&mut workload);
    let provider = Provider {
        name: "provider".into(),
        base_url: primary.to_owned(),
        family: plan.family,
        credential: None,
        boundary: Boundary::default(),
    };
    Catalog {
        source: "test.toml".into(),
        fingerprint: "f1".to_owned(),
        environment: Environment {
            name: "test".to_owned(),
            production: false,
        },
        store: store.into(),
        gateway: settings,
        probing: Probing::default(),
        retention: Retention {
            events: Duration::from_hours(24),
            audit: Duration::from_hours(24),
            reviews: Duration::from_hours(24),
        },
        providers: BTreeMap::from([(provider.name.clone(), provider)]),
        routes: [first, second]
            .into_iter()
            .map(|route| (route.name.clone(), route))
            .collect(),
        clients: plan
            .clients
            .iter()
            .map(|client| (client.name.clone(), client.clone()))
            .collect(),
        workloads: BTreeMap::from([(workload.name.clone(), workload)]),
    }
}

/// A route that can do everything.
pub(crate) fn route(name: &str, base_url: &str, model: &str, key: &str, family: Family) -> Route {
    Route {
        name: name.into(),
        provider: "provider".into(),
        base_url: base_url.to_owned(),
        family,
        model: model.to_owned(),
        credential: Some(Secret::new(key)),
        capabilities: Capability::ALL.into_iter().collect(),
        context_tokens: None,
        boundary: Boundary::default(),
        capacity_rps: None,
        key: KeyPlace::None,
        price: None,
        max_concurrent: None,
        workloads: None,
        circuit: true,
        serves: Vec::new(),
    }
}

/// A workload `support-chat` of these two.
pub(crate) fn workload(family: Family) -> Workload {
    let long = Duration::from_mins(1);
    Workload {
        name: "support-chat".into(),
        description: "test".to_owned(),
        owner: None,
        family,
        primary: "premium".into(),
        fallback: Some("stable".into()),
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
            headers: long,
            first_output: long,
            idle: long,
            total: long,
        },
        backoff: Backoff {
            retries: 0,
            initial: Duration::from_millis(1),
            max_wait: Duration::from_secs(5),
        },
        max_attempts: 4,
        retry_share: 1.0,
        notice: NoticePolicy {
            text: "Served by a backup model.".to_owned(),
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

/// A header of an answer as text.
pub(crate) fn header<'a>(response: &'a reqwest::Response, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

/// The names of the gateway's own headers in an answer.
pub(crate) fn own_headers(response: &reqwest::Response) -> BTreeSet<String> {
    response
        .headers()
        .keys()
        .map(|name| name.as_str().to_owned())
        .filter(|name| name.starts_with("x-backstop-"))
        .collect()
}
