//! The write-ahead promise against SIGKILL: whatever a client has received from a fallback has its event.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use backstop::{
    clock::Clock,
    store::{Access, EventQuery, Store},
};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

use crate::support::{
    gateway::{FALLBACK, OVERLOADED},
    outpost::Outpost,
    upstream::{DEADLINE, Script, Upstream},
};

const ROUNDS: usize = 20;
const CLIENTS: usize = 16;

/// A gateway process; killed when dropped, too.
struct Process(Child);

impl Process {
    fn start(directory: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(["serve", "--config"])
            .arg(directory.join("backstop.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// SIGKILL: nothing is flushed, nobody says farewell.
    fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Where it listens, as its heartbeat says.
    async fn address(&self, store: &Store) -> SocketAddr {
        let pid = self.0.id();
        let wait = async {
            loop {
                let beats = store.heartbeats().await.unwrap();
                if let Some(beat) = beats.into_iter().find(|beat| beat.pid == pid) {
                    return beat.listen;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, wait)
            .await
            .expect("a heartbeat of the process")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn configuration(primary: &str, fallback: &str) -> String {
    format!(
        r#"
schema = 1
[environment]
name = "test"
production = false
[store]
url = "sqlite:state"
[gateway]
listen = "127.0.0.1:0"
workers = 2
[providers.first]
base_url = "{primary}"
family = "openai-chat"
key = {{ none = true }}
[providers.second]
base_url = "{fallback}"
family = "openai-chat"
key = {{ none = true }}
[routes.premium]
provider = "first"
model = "model-1"
capabilities = ["streaming"]
[routes.stable]
provider = "second"
model = "model-2"
capabilities = ["streaming"]
[workloads.support-chat]
primary = "premium"
fallback = "stable"
triggers = ["server-error", "overloaded", "timeout", "unreachable"]
"#
    )
}

/// Asks until the gateway is gone; notes the event of every fallback answer whose head has arrived.
async fn client(
    url: String,
    stream: bool,
    received: Arc<Mutex<BTreeSet<String>>>,
    count: Arc<AtomicUsize>,
    more: Arc<Notify>,
) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = format!(r#"{{"model":"m","stream":{stream},"messages":[]}}"#);
    while let Ok(response) = client.post(&url).body(body.clone()).send().await {
        assert_eq!(response.status(), 200);
        assert!(response.headers().contains_key("x-backstop-fallback"));
        let event = response.headers()["x-backstop-event"].to_str().unwrap();
        received.lock().unwrap().insert(event.to_owned());
        count.fetch_add(1, Ordering::Relaxed);
        more.notify_one();
        if response.bytes().await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn no_fallback_that_a_client_has_seen_is_without_its_event() {
    let primary = Upstream::start(Script::json(503, OVERLOADED)).await;
    let fallback = Upstream::start(Script::json(200, FALLBACK)).await;
    let whole = Script::json(200, FALLBACK);
    let stream = Script::stream()
        .chunk("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")
        .chunk("data: [DONE]\n\n")
        .end();
    fallback.choose(move |seen| {
        let streams = seen.text().contains("\"stream\":true");
        if streams {
            stream.clone()
        } else {
            whole.clone()
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let text = configuration(&primary.url(), &fallback.url());
    fs::write(directory.path().join("backstop.toml"), text).unwrap();
    let url = format!("sqlite:{}", directory.path().join("state").display());
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let received = Arc::new(Mutex::new(BTreeSet::new()));
    let mut all = 0;
    for round in 0..ROUNDS {
        let mut process = Process::start(directory.path());
        let address = process.address(&store).await;
        let count = Arc::new(AtomicUsize::new(0));
        let more = Arc::new(Notify::new());
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(client(
                format!("http://{address}/w/support-chat/v1/chat/completions"),
                number % 2 == 0,
                Arc::clone(&received),
                Arc::clone(&count),
                Arc::clone(&more),
            ));
        }
        // Each round dies at another moment, always with requests of all clients on their way.
        let enough = async {
            while count.load(Ordering::Relaxed) < 20 + 13 * round {
                more.notified().await;
            }
        };
        timeout(DEADLINE, enough).await.expect("answers");
        process.kill();
        while let Some(ended) = timeout(DEADLINE, clients.join_next()).await.unwrap() {
            ended.unwrap();
        }
        all += count.load(Ordering::Relaxed);
    }
    let events = store.events(EventQuery::default()).await.unwrap();
    let stored: BTreeSet<String> = events
        .iter()
        .map(|stored| stored.event.id.to_string())
        .collect();
    let received = received.lock().unwrap();
    assert_eq!(received.len(), all, "every answer has an event of its own");
    let lost: Vec<_> = received.difference(&stored).collect();
    assert!(
        lost.is_empty(),
        "{} of {all} answers without an event: {lost:?}",
        lost.len()
    );
}

/// Answers in which a provider tells of a fallback of its own, and the bytes that do.
fn told_by_providers() -> [(&'static str, &'static str, Script, &'static str); 3] {
    let event =
        |name: &str, rest: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{rest}}}\n\n");
    let other = r#"{"id":"1","object":"chat.completion","model":"meta/llama-3","choices":[{"index":0,"message":{"role":"assistant","content":"h"},"finish_reason":"stop"}]}"#;
    let after_output = Script::stream()
        .chunk(&event("message_start", r#","message":{"id":"m","type":"message","role":"assistant","model":"claude-fable-5","content":[],"usage":{"input_tokens":4}}"#))
        .chunk(&event("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#))
        .chunk(&event("content_block_delta", r#","index":0,"delta":{"type":"text_delta","text":"h"}"#))
        .chunk(&event("content_block_start", r#","index":1,"content_block":{"type":"fallback","from":{"model":"claude-fable-5"},"to":{"model":"claude-opus-4-8"}}"#))
        .chunk(&event("message_delta", r#","delta":{"stop_reason":"end_turn"},"usage":{}"#))
        .chunk(&event("message_stop", ""))
        .end();
    [
        ("routed", "a whole answer", Script::json(200, other), "llama-3"),
        (
            "routed",
            "the beginning of a stream",
            Script::stream()
                .chunk("data: {\"id\":\"1\",\"model\":\"meta/llama-3\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"}}]}\n\n")
                .chunk("data: [DONE]\n\n")
                .end(),
            "llama-3",
        ),
        ("declined", "a stream after its first output", after_output, "claude-opus-4-8"),
    ]
}

/// An outpost with workloads whose providers fall back by themselves.
async fn with_such_providers(provider: &Upstream) -> Outpost {
    let post = Outpost::new("").await;
    let file = post.path().join("backstop.toml");
    let mut text = fs::read_to_string(&file).unwrap();
    let url = provider.url();
    for (workload, family, model) in [
        ("routed", "openai-chat", "openai/gpt-4o"),
        ("declined", "anthropic-messages", "claude-fable-5"),
    ] {
        for policy in ["refuse", "serve"] {
            let _ = write!(
                text,
                r#"
[providers.{workload}-{policy}]
base_url = "{url}"
family = "{family}"
key = {{ none = true }}
[routes.{workload}-{policy}]
provider = "{workload}-{policy}"
model = "{model}"
circuit = false
[workloads.{workload}-{policy}]
primary = "{workload}-{policy}"
on_log_failure = "{policy}"
"#
            );
        }
    }
    fs::write(file, text).unwrap();
    post.faults("gateway", "");
    post
}

/// Asks and reads to the end, or to where it breaks: the head, and what came.
async fn read(
    client: &reqwest::Client,
    address: SocketAddr,
    workload: &str,
    streamed: bool,
) -> Option<(reqwest::StatusCode, reqwest::header::HeaderMap, String)> {
    let path = if workload.starts_with("routed") {
        "chat/completions"
    } else {
        "messages"
    };
    let mut response = client
        .post(format!("http://{address}/w/{workload}/v1/{path}"))
        .body(format!(
            r#"{{"model":"m","max_tokens":9,"stream":{streamed},"messages":[]}}"#
        ))
        .send()
        .await
        .ok()?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut text = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        text.extend(bytes);
    }
    Some((status, headers, String::from_utf8(text).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fallback_that_a_provider_made_is_seen_without_its_event() {
    let provider = Upstream::start(Script::json(200, FALLBACK)).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (workload, case, script, tells) in told_by_providers() {
        provider.set(script);
        for fault in [
            "pwrite events.db-wal kill-before 0\n",
            "pwrite events.db-wal kill-half 0\n",
            "sync events.db kill-before 0\n",
            "sync events.db kill-after 0\n",
        ] {
            let post = with_such_providers(&provider).await;
            let mut gateway = post.serve();
            let address = gateway.address().await;
            post.faults("gateway", fault);
            let workload = format!("{workload}-refuse");
            let seen = read(&client, address, &workload, !case.contains("whole")).await;
            let told = seen.is_some_and(|(_, headers, text)| {
                headers.contains_key("x-backstop-provider-fallback") || text.contains(tells)
            });
            let dies = async {
                while gateway.runs() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            timeout(DEADLINE, dies).await.expect("it dies at its event");
            let store = post.open(Access::Write).await;
            let events = store.events(EventQuery::default()).await.unwrap();
            assert!(
                !told || events.len() == 1,
                "{case}, {fault}: a client was told and there are {} events",
                events.len()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_s_fallback_whose_event_cannot_be_written_follows_the_workload() {
    let provider = Upstream::start(Script::json(200, FALLBACK)).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = with_such_providers(&provider).await;
    let mut gateway = post.serve();
    let address = gateway.address().await;
    post.faults("gateway", "pwrite events.db enospc 0\n");
    for (workload, case, script, tells) in told_by_providers() {
        provider.set(script);
        for policy in ["refuse", "serve"] {
            let streamed = !case.contains("whole");
            let workload = format!("{workload}-{policy}");
            let (status, headers, text) =
                read(&client, address, &workload, streamed).await.unwrap();
            let marked = headers.contains_key("x-backstop-unlogged");
            // Once its output has begun, an answer can no longer be refused.
            let refused = policy == "refuse" && !case.contains("after");
            if refused {
                assert_eq!(status, 503, "{case}, {policy}");
                assert!(
                    text.contains("backstop_event_not_durable"),
                    "{case}: {text}"
                );
                assert!(!text.contains(tells), "{case}: {text}");
            } else {
                assert_eq!(status, 200, "{case}, {policy}");
                assert!(text.contains(tells), "{case}: {text}");
                assert_eq!(marked, !case.contains("after"), "{case}, {policy}");
            }
        }
    }
    let metrics = client
        .get(format!("http://{address}/metrics"))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let unlogged: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("backstop_unlogged") && !line.contains('#'))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum();
    assert!(unlogged >= 6.0, "{metrics}");
    assert!(gateway.runs());
}
