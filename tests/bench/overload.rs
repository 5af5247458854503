//! More than the gateway can carry: `cargo bench --bench overload -- [SECONDS]`, 10 for each load when not told.
//!
//! A gateway with 64 places before a provider that takes 50 ms for an answer, so that its capacity is known: 1,280
//! requests a second. It is asked at half of that, and at twice that, at a steady pace that waits for nobody. Told are
//! how many were served and turned away, how long either took, and memory; the ratios are what counts. Then every
//! request fails at the primary: told are events expected and found.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a bench is read by what it prints and fails by panicking"
)]

use std::{
    convert::Infallible,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use backstop::{
    clock::Clock,
    model::EventDecision,
    store::{Access, EventQuery, Store},
};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

const PLACES: u32 = 64;
/// How long the provider takes.
const TAKES: Duration = Duration::from_millis(50);
const ANSWER: &str = r#"{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}]}"#;
const BUSY: &str =
    r#"{"error":{"message":"busy","type":"server_error","code":"server_is_overloaded"}}"#;
const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;

fn main() {
    let seconds = std::env::args().find_map(|word| word.parse().ok());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(Duration::from_secs(seconds.unwrap_or(10))));
}

/// Answers well, after its time; the model `failing` is busy at once.
async fn provide(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service_fn(|request: http::Request<Incoming>| async {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let failing = body.windows(9).any(|word| word == b"\"failing\"");
            let (status, body) = if failing { (503, BUSY) } else { (200, ANSWER) };
            if !failing {
                sleep(TAKES).await;
            }
            let answer = Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from_static(body.as_bytes())));
            Ok::<_, Infallible>(answer.unwrap())
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}

/// The gateway, ended with this, and where it listens.
struct Gateway(Child, String);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn gateway(folder: &Path, provider: &str) -> Gateway {
    let route = |name: &str, model: &str| {
        format!("[routes.{name}]\nprovider = \"p\"\nmodel = \"{model}\"\ncircuit = false\n")
    };
    let text = format!(
        "schema = 1\nstore = {{ url = \"sqlite:state\" }}\nprobe = {{ active = false }}\n\
         [gateway]\nlisten = \"127.0.0.1:0\"\nmax_requests = {PLACES}\n\
         [providers.p]\nbase_url = \"{provider}\"\nfamily = \"openai-chat\"\nkey = {{ none = true }}\n{}{}\
         [workloads.steady]\nprimary = \"good\"\n[workloads.storm]\nprimary = \"bad\"\nfallback = \"good\"\n",
        route("good", "working"),
        route("bad", "failing"),
    );
    std::fs::write(folder.join("backstop.toml"), text).unwrap();
    let log = folder.join("serve.log");
    let child = Command::new(env!("CARGO_BIN_EXE_backstop"))
        .arg("--config")
        .arg(folder.join("backstop.toml"))
        .arg("serve")
        .arg("--log")
        .arg(&log)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut gateway = Gateway(child, String::new());
    loop {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        if let Some((_, rest)) = text.split_once("the gateway serves address=") {
            rest.split_whitespace()
                .next()
                .unwrap()
                .clone_into(&mut gateway.1);
            return gateway;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What one load came to.
struct Load {
    served: Vec<Duration>,
    turned_away: Vec<Duration>,
    other: usize,
    events: usize,
}

impl Load {
    fn at(times: &[Duration], share: f64) -> f64 {
        let last = times.len().saturating_sub(1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list"
        )]
        let place = (last * share) as usize;
        times
            .get(place)
            .map_or(0.0, |time| time.as_secs_f64() * 1000.0)
    }

    fn tell(&self, what: &str, memory: usize) {
        println!(
            "{what:28} served {:6}  p50 {:7.1} ms  p99 {:7.1} ms   turned away {:6}  p50 {:6.1} ms  p99 {:6.1} ms   other {}   memory {memory} kB",
            self.served.len(),
            Self::at(&self.served, 0.5),
            Self::at(&self.served, 0.99),
            self.turned_away.len(),
            Self::at(&self.turned_away, 0.5),
            Self::at(&self.turned_away, 0.99),
            self.other,
        );
    }
}

/// Asks so many times a second, whatever becomes of it.
async fn load(client: &reqwest::Client, url: Arc<str>, rate: u32, lasting: Duration) -> Load {
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asked = JoinSet::new();
    let begin = Clock::instant();
    while begin.elapsed() < lasting {
        pace.tick().await;
        let (client, url) = (client.clone(), Arc::clone(&url));
        asked.spawn(async move {
            let begin = Clock::instant();
            let response = client.post(&*url).body(BODY).send().await.ok()?;
            let status = response.status().as_u16();
            let event = response.headers().contains_key("x-backstop-event");
            let full = response.headers().contains_key("x-backstop-error");
            response.bytes().await.ok()?;
            Some((status, full, event, Instant::elapsed(&begin)))
        });
    }
    let mut load = Load {
        served: Vec::new(),
        turned_away: Vec::new(),
        other: 0,
        events: 0,
    };
    while let Some(done) = asked.join_next().await {
        match done.unwrap() {
            Some((200, _, event, took)) => {
                load.served.push(took);
                load.events += usize::from(event);
            }
            Some((503, true, _, took)) => load.turned_away.push(took),
            Some(_) | None => load.other += 1,
        }
    }
    load.served.sort_unstable();
    load.turned_away.sort_unstable();
    load
}

/// Kilobytes that are the gateway's own.
fn memory(gateway: &Gateway) -> usize {
    let path = format!("/proc/{}/smaps_rollup", gateway.0.id());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("Pss:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or_default()
}

async fn run(lasting: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(provide(listener));
    let folder = tempfile::tempdir().unwrap();
    let gateway = gateway(folder.path(), &provider).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = |workload: &str| {
        Arc::from(format!(
            "http://{}/w/{workload}/v1/chat/completions",
            gateway.1
        ))
    };
    let capacity = PLACES * 20;
    load(&client, url("steady"), capacity / 4, Duration::from_secs(1)).await;
    let half = load(&client, url("steady"), capacity / 2, lasting).await;
    half.tell("half of what it can carry", memory(&gateway));
    let twice = load(&client, url("steady"), capacity * 2, lasting).await;
    twice.tell("twice what it can carry", memory(&gateway));
    println!(
        "admitted, twice against half: p50 {:.2}, p99 {:.2}; served {:.0} % of its capacity",
        Load::at(&twice.served, 0.5) / Load::at(&half.served, 0.5),
        Load::at(&twice.served, 0.99) / Load::at(&half.served, 0.99),
        twice.served.len() as f64 / (f64::from(capacity) * lasting.as_secs_f64()) * 100.0,
    );
    let failing = load(&client, url("storm"), capacity / 2, lasting).await;
    failing.tell("every request fails first", memory(&gateway));
    let place = format!("sqlite:{}", folder.path().join("state").display());
    let store = Store::open(&place, Access::Observe, Clock::system())
        .await
        .unwrap();
    // A change of readiness is an event, too.
    let fallbacks = EventQuery {
        decision: Some(EventDecision::Fallback),
        ..EventQuery::default()
    };
    let found = store.events(fallbacks).await.unwrap().len();
    println!(
        "a storm: events expected {}, found {found}; p50 {:.2} of the steady one",
        failing.events,
        Load::at(&failing.served, 0.5) / Load::at(&half.served, 0.5)
    );
    assert_eq!(
        failing.served.len(),
        failing.events,
        "a fallback without an event"
    );
    assert_eq!(found, failing.events, "events were lost");
}
