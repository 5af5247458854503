//! The write-ahead promise against SIGKILL: whatever a client has received from a fallback has its event.

use std::{
    collections::BTreeSet,
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
