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

use backstop::{
    clock::Clock,
    model::StorePlace,
    store::{Access, Store},
};
use tokio::time::timeout;

use crate::{
    store_pair::cluster,
    support::upstream::{Script, Upstream},
};

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

/// Two hosts whose clocks are an hour apart, over real servers: at no moment do both hold the lease.
#[tokio::test]
async fn clocks_that_are_an_hour_apart_make_no_two_holders() {
    const LIFE: Duration = Duration::from_secs(15);
    let cluster = cluster(1).await;
    let directory = tempfile::tempdir().unwrap();
    let now = Clock::system().now();
    let clocks = [now, now + Duration::from_hours(1)].map(Clock::manual);
    let mut hosts = Vec::new();
    for (number, clock) in clocks.iter().enumerate() {
        let place = StorePlace {
            view: Some(directory.path().join(number.to_string())),
            ..StorePlace::from(&cluster.url())
        };
        let store = Store::open(place, Access::Write, clock.clone()).await;
        hosts.push(store.unwrap());
    }
    let ask = async |host: usize| {
        let asked = hosts[host].lease("probe", format!("host-{host}"), LIFE);
        asked.await.unwrap()
    };
    let pass = |seconds| {
        for clock in &clocks {
            clock.advance(Duration::from_secs(seconds));
        }
    };
    // Until when each may act, by its own clock.
    let mut until = [None, None];
    let (mut terms, mut together) = (Vec::new(), 0);
    // The first is killed in the middle, the second at the end; then the first is there again.
    for second in 0..90_u64 {
        for (host, until) in until.iter_mut().enumerate() {
            let asks = match host {
                0 => !(30..60).contains(&second),
                _ => second < 60,
            };
            if asks && second.is_multiple_of(3) {
                *until = ask(host).await.ok().map(|lease| {
                    terms.push((host, lease.term));
                    lease.until
                });
            }
        }
        let acts = |host: usize| until[host].is_some_and(|until| clocks[host].now() < until);
        together += usize::from(acts(0) && acts(1));
        pass(1);
    }
    terms.dedup();
    assert_eq!(together, 0, "{terms:?}");
    assert_eq!(terms, [(0, 1), (1, 2), (0, 3)]);
}
