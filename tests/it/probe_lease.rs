//! Two gateway processes on one store: one of them probes, and when it is killed the other goes on, so that
//! nothing is asked twice.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use backstop::clock::Clock;
use tokio::time::timeout;

use crate::support::upstream::{Script, Upstream};

/// Of the schedule: what was asked may be asked again after nine tenths of it.
const INTERVAL: Duration = Duration::from_secs(3);
/// The longest time in which nobody probes: the life of the lease and one look of the other, by the clock of a
/// machine that has much else to do.
const TAKEOVER: Duration = Duration::from_secs(15 + 5 + 10);

const CONFIG: &str = r#"
schema = 1
[environment]
name = "test"
production = false
[store]
url = "sqlite:state"
[gateway]
listen = "127.0.0.1:0"
workers = 1
[probe]
interval = "3s"
fresh = "1m"
requests_per_hour = 10000
[providers.first]
base_url = "UPSTREAM/first"
family = "openai-chat"
key = { none = true }
[providers.second]
base_url = "UPSTREAM/second"
family = "openai-chat"
key = { none = true }
[routes.premium]
provider = "first"
model = "m"
capabilities = ["streaming"]
[routes.stable]
provider = "second"
model = "m"
capabilities = ["streaming"]
[workloads.chat]
primary = "premium"
fallback = "stable"
[[workloads.chat.samples]]
class = "chat"
file = "hello.json"
[[workloads.chat.samples]]
class = "chat"
file = "bye.json"
"#;

const ANSWER: &str = r#"{"id":"a","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"OK"},"finish_reason":"stop"}]}"#;

/// A gateway process; killed when dropped, too.
struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    fn start(directory: &Path, name: &str) -> Self {
        let log = directory.join(name);
        let child = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(["serve", "--config"])
            .arg(directory.join("backstop.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// SIGKILL: the lease is not given back.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has said that it probes.
    fn probes(&self) -> bool {
        fs::read_to_string(&self.log)
            .unwrap()
            .contains("this process probes the routes")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// When each request arrived; one that is the same asks the same thing of the same route.
type Asked = Arc<Mutex<BTreeMap<(String, Vec<u8>), Vec<Instant>>>>;

/// An upstream that answers everything at once and notes it.
async fn upstream() -> (Upstream, Asked) {
    let upstream = Upstream::start(Script::json(500, "{}")).await;
    let asked = Asked::default();
    let noted = Arc::clone(&asked);
    upstream.choose(move |seen| {
        let key = (seen.line.clone(), seen.body.clone());
        noted
            .lock()
            .unwrap()
            .entry(key)
            .or_default()
            .push(Clock::instant());
        if seen.line.starts_with("GET") {
            Script::json(200, r#"{"object":"list","data":[{"id":"m"}]}"#)
        } else {
            Script::json(200, ANSWER)
        }
    });
    (upstream, asked)
}

/// How often each sample was asked of each route.
fn rounds(asked: &Asked) -> Vec<usize> {
    let asked = asked.lock().unwrap();
    let of_sample = asked
        .iter()
        .filter(|((_, body), _)| std::str::from_utf8(body).is_ok_and(|text| text.contains("say ")));
    of_sample.map(|(_, times)| times.len()).collect()
}

async fn until(what: &str, limit: Duration, condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(limit, wait)
        .await
        .unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}

#[tokio::test]
async fn a_killed_prober_is_replaced_in_time_and_nothing_is_asked_twice() {
    let (upstream, asked) = upstream().await;
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    write(
        "backstop.toml",
        &CONFIG.replace("UPSTREAM", &upstream.url()),
    );
    for name in ["hello", "bye"] {
        let body =
            format!(r#"{{"model":"","messages":[{{"role":"user","content":"say {name}"}}]}}"#);
        write(&format!("{name}.json"), &body);
    }
    let mut processes = ["a.log", "b.log"].map(|name| Process::start(directory.path(), name));
    let all = |count: usize| {
        let asked = Arc::clone(&asked);
        move || {
            let rounds = rounds(&asked);
            rounds.len() == 4 && rounds.iter().all(|times| *times >= count)
        }
    };
    until("a round", INTERVAL * 10, all(2)).await;
    let probing = processes.each_ref().map(Process::probes);
    assert_ne!(probing[0], probing[1], "one of both probes");
    let [dead, other] = if probing[0] { [0, 1] } else { [1, 0] };
    processes[dead].kill();
    let before = rounds(&asked).into_iter().max().unwrap();
    until("a takeover", TAKEOVER, || processes[other].probes()).await;
    until("a round of the other", INTERVAL * 10, all(before + 1)).await;
    // In all of that, across the takeover, too.
    for ((line, body), times) in &*asked.lock().unwrap() {
        let nearest = times.windows(2).map(|pair| pair[1] - pair[0]).min();
        assert!(
            nearest.is_none_or(|gap| gap > INTERVAL / 2),
            "{line} {} was asked again after {nearest:?}",
            String::from_utf8_lossy(body)
        );
    }
}
