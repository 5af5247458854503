//! The system's clock jumps under real gateways and commands: no override ends early for it, none stays, none ends
//! twice, and who starts meanwhile is not misled.

use std::time::Duration;

use backstop::{
    clock::Clock,
    model::AuditRecord,
    store::{Access, AuditQuery, Store},
};
use jiff::Timestamp;
use tokio::time::timeout;

use crate::{
    cli_project::Run,
    support::{
        outpost::{Gateway, Outpost, ask},
        upstream::DEADLINE,
    },
};

const DAY: i64 = 86_400;

/// A command under the wrong clock.
fn misled(post: &Outpost, line: &str) -> Run {
    let args: Vec<&str> = line.split(' ').collect();
    let mut command = post.command(&args);
    Run::of(post.under_faults(&mut command, "command").output().unwrap())
}

/// Whether another program sees the wrong time.
fn is_wrong(post: &Outpost, wrong: i64) -> bool {
    let mut date = std::process::Command::new("date");
    let said = post
        .under_faults(date.arg("+%s"), "command")
        .output()
        .unwrap();
    let said: i64 = String::from_utf8(said.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    (said - wrong - Clock::system().now().as_second()).abs() < 30
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reached = timeout(DEADLINE, wait).await;
    assert!(reached.is_ok(), "never: {what}");
}

async fn records(store: &Store) -> Vec<AuditRecord> {
    store.audit(AuditQuery::default()).await.unwrap()
}

/// Whether something was noted since then, by the clock that does not jump; give or take a second.
fn noted_since(begun: Timestamp, at: Timestamp) -> bool {
    let second = Duration::from_secs(1);
    (begun - second..=Clock::system().now() + second).contains(&at)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_does_no_harm_to_overrides() {
    let start = Clock::system().now();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = Outpost::new("").await;
    post.faults("gateway", "");
    post.faults("command", "");
    post.wrong_clock(0);
    let mut gateways: Vec<Gateway> = ["one", "two", "three"]
        .map(|name| post.serve_beside(name))
        .into();
    let mut addresses = Vec::new();
    for gateway in &mut gateways {
        addresses.push(gateway.address().await);
    }
    let store = post.open(Access::Write).await;
    until("three heartbeats", async || {
        store.heartbeats().await.unwrap().len() == 3
    })
    .await;
    post.run("hold switched --for 1h --confirm switched --reason drill --no-wait")
        .exits(0);
    let mut made = 1;
    for wrong in [DAY, -DAY, 3_650 * DAY, -3_650 * DAY, 0] {
        post.wrong_clock(wrong);
        assert!(is_wrong(&post, wrong), "the layer does not set the clock");
        // Each gateway has looked at the clock several times, and says what it makes of it.
        let begun = Clock::system().now();
        until("heartbeats of the right time", async || {
            let beats = store.heartbeats().await.unwrap();
            beats.len() == 3
                && beats
                    .iter()
                    .all(|beat| beat.at > begun + Duration::from_secs(2))
        })
        .await;
        for address in &addresses {
            let answer = ask(&client, *address, "switched").await.unwrap();
            assert_eq!(answer.status, 503, "{wrong}: it is on hold");
        }
        // An operator who begins only now.
        let asked = Clock::system().now();
        let told = misled(
            &post,
            "force eager --for 10m --confirm eager --reason drill --no-wait --json",
        );
        let told = told.exits(0).json();
        let expires: Timestamp = told["audit"]["expires"].as_str().unwrap().parse().unwrap();
        let since = expires - Duration::from_mins(10);
        assert!(
            noted_since(asked, since),
            "{wrong}: {expires}, asked at {asked}"
        );
        misled(&post, "auto eager --confirm eager --reason drill --no-wait").exits(0);
        made += 2;
        let audit = records(&store).await;
        assert_eq!(audit.len(), made, "{wrong}: {audit:#?}");
        assert!(
            audit.iter().all(|record| noted_since(start, record.at)),
            "{wrong}: since {start}: {audit:#?}"
        );
    }

    // One ends while the clock goes back and forth: in its time, and once.
    let begun = Clock::instant();
    post.run("force careful --for 3s --confirm careful --reason drill --no-wait")
        .exits(0);
    let mut wrong = [DAY, 0, -DAY, 7, -3_650 * DAY].into_iter().cycle();
    let ended = async {
        loop {
            post.wrong_clock(wrong.next().unwrap());
            let audit = records(&store).await;
            if audit.iter().any(|record| record.verb.is_none()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(37)).await;
        }
    };
    timeout(DEADLINE, ended).await.expect("it ends");
    assert!(begun.elapsed() >= Duration::from_secs(2), "it ended early");
    post.wrong_clock(0);
    // Everybody has had a chance to end it again.
    let begun = Clock::system().now();
    until("further heartbeats", async || {
        let beats = store.heartbeats().await.unwrap();
        beats
            .iter()
            .all(|beat| beat.at > begun + Duration::from_secs(2))
    })
    .await;
    let audit = records(&store).await;
    let ends = audit.iter().filter(|record| record.verb.is_none());
    assert_eq!(ends.count(), 1, "{audit:#?}");
    assert!(audit.is_sorted_by(|one, next| one.revision < next.revision && one.at <= next.at));
    assert!(gateways.iter_mut().all(Gateway::runs));
}
