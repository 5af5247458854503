//! What a fallback adds to an answer, as its client sees it: a gateway as a process before a primary that always fails
//! and a fallback that answers at once. Asked beside each other at the same pace: the provider itself, the gateway with
//! its event in the embedded store, the gateway with its event in the cluster.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use backstop::clock::Clock;
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

use super::{direct, percentile, told};

const ANSWER: &str = r#"{"id":"1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}]}"#;
const BUSY: &str =
    r#"{"error":{"message":"busy","type":"server_error","code":"server_is_overloaded"}}"#;
const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#;
/// How long each load is held, and how often.
const HELD: Duration = Duration::from_secs(5);
const ROUNDS: u32 = 3;

/// Answers at once; the model `failing` is busy.
async fn provide(listener: TcpListener) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let service = service_fn(|request: http::Request<Incoming>| async {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let failing = body.windows(9).any(|word| word == b"\"failing\"");
            let (status, body) = if failing { (503, BUSY) } else { (200, ANSWER) };
            let answer = Response::builder()
                .status(status)
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from_static(body.as_bytes())));
            Ok::<_, Infallible>(answer.unwrap())
        });
        tokio::spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that goes away is none of its business.
            let _ = connection.await;
        });
    }
}

/// A gateway, ended with this.
struct Gateway(Child, String);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn gateway(folder: PathBuf, provider: &str, store: &str) -> Gateway {
    std::fs::create_dir_all(&folder).unwrap();
    let route = |name: &str, model: &str| {
        format!("[routes.{name}]\nprovider = \"p\"\nmodel = \"{model}\"\ncircuit = false\n")
    };
    let text = format!(
        "schema = 1\n[store]\nurl = \"{store}\"\n{}[probe]\nactive = false\n[gateway]\nlisten = \"127.0.0.1:0\"\n\
         [providers.p]\nbase_url = \"{provider}\"\nfamily = \"openai-chat\"\nkey = {{ none = true }}\n{}{}\
         [workloads.storm]\nprimary = \"bad\"\nfallback = \"good\"\n",
        if store.starts_with("nats") {
            "view = \"view\"\n"
        } else {
            ""
        },
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
            let address = rest.split_whitespace().next().unwrap();
            gateway.1 = format!("http://{address}/w/storm/v1/chat/completions");
            return gateway;
        }
        assert!(gateway.0.try_wait().unwrap().is_none(), "it ended: {text}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Asks so many times a second, whatever becomes of it; how long each answer took. An answer of a gateway is one of its
/// fallback, with its event.
async fn load(url: &Arc<str>, rate: u32, lasting: Duration, event: bool) -> Vec<Duration> {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut asked, begin) = (JoinSet::new(), Clock::instant());
    while begin.elapsed() < lasting {
        pace.tick().await;
        let (client, url) = (client.clone(), Arc::clone(url));
        asked.spawn(async move {
            let begin = Clock::instant();
            let response = client.post(&*url).body(BODY).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let has = response.headers().contains_key("x-backstop-event");
            assert_eq!(has, event, "who answers");
            response.bytes().await.unwrap();
            Instant::elapsed(&begin)
        });
    }
    asked.join_all().await
}

/// Prints what each kind of answer takes, and by how much it is more than another.
pub(super) async fn answers(servers: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(provide(listener));
    let (cluster, folder) = (direct(servers).await, tempfile::tempdir().unwrap());
    let path: &Path = folder.path();
    let embedded = gateway(path.join("sqlite"), &provider, "sqlite:state").await;
    let fleet = gateway(path.join("nats"), &provider, &cluster.url()).await;
    let kinds: [(&str, Arc<str>); 3] = [
        (
            "the provider",
            format!("{provider}/v1/chat/completions").into(),
        ),
        (
            "a fallback, its event in the embedded store",
            embedded.1.as_str().into(),
        ),
        (
            "a fallback, its event in the cluster",
            fleet.1.as_str().into(),
        ),
    ];
    for (_, url) in &kinds {
        let event = !url.starts_with(&provider);
        load(url, 100, Duration::from_secs(1), event).await;
    }
    for rate in [100, 1_000] {
        let mut took = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for ((_, url), took) in kinds.iter().zip(&mut took) {
                let event = !url.starts_with(&provider);
                took.extend(load(url, rate, HELD, event).await);
            }
        }
        let mut at = Vec::new();
        for ((name, _), took) in kinds.iter().zip(took) {
            at.push(told(&format!("an answer, {rate}/s, {name}"), took));
        }
        let added = |more: &[Duration], less: &[Duration], percent| {
            let of = |took| percentile(took, percent).as_secs_f64() * 1e3;
            of(more) - of(less)
        };
        for (what, more, less) in [
            ("embedded store", 1, 0),
            ("cluster", 2, 0),
            ("cluster instead of the embedded store", 2, 1),
        ] {
            println!(
                "added latency of a fallback answer, {rate}/s, {what}: p50 {:.2} ms, p99 {:.2} ms",
                added(&at[more], &at[less], 50),
                added(&at[more], &at[less], 99)
            );
        }
    }
}
