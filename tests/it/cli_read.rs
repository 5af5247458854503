//! Looking from the command line: check, status, gateways and events, as tables and as JSON.

use std::io::{BufRead, BufReader};

use backstop::{
    clock::Clock,
    model::{Entry, EventDecision, Heartbeat, Method, Revision, Stretch, WorkloadTraffic},
    store::{Access, Store},
};
use jiff::SignedDuration;
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::timeout;

use crate::{
    cli_project::{DEADLINE, Running, run},
    control_project::{CONFIG, Project, decision, outcome, traffic},
};

#[test]
fn check_answers_with_its_exit_code() {
    let project = Project::new();
    let good = run(&project, "check").exits(0);
    // Both routes of two workloads are at one provider: worth a note, and no reason to fail.
    assert!(good.out.contains("note[shared-fate]"), "{}", good.out);
    assert!(good.err.contains("3 workloads"), "{}", good.err);
    let json = run(&project, "check --json").exits(0).json();
    assert_eq!(json["worst"], "note");
    assert_eq!(json["diagnostics"].as_array().unwrap().len(), 2);

    // The last workload of the file has no fallback.
    let project = Project::with(&(CONFIG.to_owned() + "triggers = [\"timeout\"]\n"));
    let warned = run(&project, "check").exits(1);
    assert!(warned.out.contains("do nothing"), "{}", warned.out);
    let json = run(&project, "check --json").exits(1).json();
    assert_eq!(json["worst"], "warning");
    // It can be used all the same; there is only no store yet.
    run(&project, "status").exits(5);

    let project =
        Project::with(&CONFIG.replace("fallback = \"stable-chat\"", "fallback = \"stabel-chat\""));
    let bad = run(&project, "check").exits(2);
    assert!(bad.out.contains("did you mean"), "{}", bad.out);
    assert!(!bad.out.contains('\x1b'), "no colour into a pipe");
    let json = run(&project, "check --json").exits(2).json();
    assert_eq!(json["worst"], "error");
    let errors = json["diagnostics"].as_array().unwrap().iter();
    assert_eq!(
        errors.filter(|found| found["severity"] == "error").count(),
        2
    );
    for key in [
        "severity", "code", "message", "file", "line", "column", "help",
    ] {
        assert!(json["diagnostics"][0].get(key).is_some(), "{key}");
    }
    let refused = run(&project, "status").exits(2);
    assert_eq!(refused.out, "");
    assert!(refused.err.contains("did you mean"), "{}", refused.err);
}

#[test]
fn a_drill_says_what_an_outage_would_do() {
    let project = Project::new();
    // A store is asked for switches and traffic; CI has none.
    run(&project, "drill --down premium-chat").exits(5);
    let drill = run(&project, "drill --offline --down premium-chat").exits(1);
    for line in [
        "imagined: premium-chat down, each request fails as overloaded; no traffic moves",
        "x FL  lonely            refused: the workload has no fallback by policy",
        "x FL  support-chat      refused: the policy does not list this failure as a trigger",
        "+ OK  batch-extraction  unaffected",
        "! lonely: it has no fallback",
        "! support-chat: both routes are at acme",
        "errors would reach callers of lonely, support-chat",
    ] {
        assert!(drill.out.contains(line), "{line}\n{}", drill.out);
    }

    let accepted = "drill --offline --down premium-chat --class timeout --accept lonely";
    let drill = run(&project, accepted).exits(0);
    let caught = "! FB  support-chat      falls back to stable-chat";
    assert!(drill.out.contains(caught), "{}", drill.out);
    let json = run(&project, &format!("{accepted} --json")).exits(0).json();
    assert_eq!(json["outage"]["down"][0], "premium-chat");
    assert_eq!(json["outage"]["class"], "timeout");
    assert_eq!(
        json["workloads"][0]["fate"]["reason"]["is"],
        "no-fallback-configured"
    );
    assert_eq!(json["workloads"][1]["fate"]["to"], "stable-chat");
    assert_eq!(json["targets"][0]["capacity_rps"], 100.0);

    // A switch of an operator counts when there is a store.
    run(
        &project,
        "hold support-chat --confirm sup --reason drill --no-wait",
    )
    .exits(0);
    let held = run(
        &project,
        "drill --down premium-chat --class 500 --accept lonely",
    )
    .exits(1);
    assert!(held.out.contains("the workload is on hold"), "{}", held.out);

    let unknown = run(&project, "drill --offline --down acm").exits(2);
    assert!(
        unknown.err.contains("did you mean `acme`?"),
        "{}",
        unknown.err
    );
    run(&project, "drill --offline --down acme --class 200").exits(2);
    run(&project, "drill --offline").exits(2);
}

#[test]
fn status_without_a_store_says_what_to_do() {
    let project = Project::new();
    let none = run(&project, "status").exits(5);
    assert!(none.err.contains("start the gateway"), "{}", none.err);
}

#[test]
fn status_is_a_table_or_json() {
    let project = Project::new();
    run(
        &project,
        "hold support-chat --confirm sup --reason drill --no-wait",
    )
    .exits(0);
    let json = run(&project, "status --json").exits(0).json();
    for key in [
        "at",
        "environment",
        "revision",
        "workloads",
        "routes",
        "gateways",
    ] {
        assert!(json.get(key).is_some(), "{key}");
    }
    assert_eq!(json["environment"], "test/one");
    assert_eq!(json["workloads"].as_array().unwrap().len(), 3);
    assert_eq!(json["workloads"][0]["state"], "unknown");
    assert_eq!(json["routes"].as_array().unwrap().len(), 3);
    assert_eq!(json["gateways"], Value::Array(vec![]));
    let table = run(&project, "status").exits(0).out;
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0].starts_with("test/one  revision 1  0/0 gateways alive"),
        "{table}"
    );
    assert!(lines[1].starts_with("ST    WORKLOAD"), "{table}");
    assert_eq!(lines.len(), 5, "{table}");
    assert!(
        lines.iter().all(|line| *line == line.trim_end()),
        "nothing trails"
    );

    let one = run(&project, "status support-chat --json").exits(0).json();
    assert_eq!(one["workload"], "support-chat");
    assert_eq!(one["mode"], "hold");
    let detail = run(&project, "status support-chat").exits(0).out;
    assert!(detail.contains("hold by jo until"), "{detail}");
    let unknown = run(&project, "status batch").exits(2);
    assert!(
        unknown.err.contains("did you mean `batch-extraction`?"),
        "{}",
        unknown.err
    );
    assert_eq!(
        run(&project, "gateways --json").exits(0).json(),
        Value::Array(vec![])
    );
}

async fn write(store: &Store, entry: Entry) {
    store
        .reserve()
        .unwrap()
        .append(entry)
        .durable()
        .await
        .unwrap();
}

async fn store(project: &Project) -> Store {
    let url = project.catalog().store;
    Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_filtered_and_followed() {
    let project = Project::new();
    let store = store(&project).await;
    let now = Clock::system().now();
    let old = decision(
        1,
        "support-chat",
        EventDecision::Fallback,
        now - SignedDuration::from_hours(2),
    );
    let refused = decision(2, "support-chat", EventDecision::Refused, now);
    let mut other = decision(3, "batch-extraction", EventDecision::Fallback, now);
    other.method = Some(Method::CountTokens);
    other.remark = Some("premium-chat is paused: 5 failures in a row".to_owned());
    for event in [&old, &refused, &other] {
        write(&store, Entry::Decision(Box::new(event.clone()))).await;
    }
    write(&store, Entry::Outcome(outcome(&refused))).await;

    let listed = |line: &str| -> Vec<String> {
        let events = run(&project, line).exits(0).lines();
        events
            .iter()
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let [old_id, refused_id, other_id] = [&old, &refused, &other].map(|event| event.id.to_string());
    for (line, expected) in [
        ("events --json", vec![&old_id, &refused_id, &other_id]),
        ("events --json --since 1h", vec![&refused_id, &other_id]),
        ("events --json --workload batch-extraction", vec![&other_id]),
        ("events --json --class invalid-request", vec![&refused_id]),
        (
            "events --json --decision fallback",
            vec![&old_id, &other_id],
        ),
        ("events --json --limit 1", vec![&other_id]),
    ] {
        assert_eq!(listed(line).iter().collect::<Vec<_>>(), expected, "{line}");
    }
    let events = run(&project, "events --json").exits(0).lines();
    assert_eq!(events[0]["outcome"], Value::Null);
    assert_eq!(events[1]["outcome"]["kind"], "error-returned");
    assert_eq!(events[1]["method"], Value::Null);
    assert_eq!(events[2]["method"], "count-tokens");

    let table = run(&project, "events").exits(0).out;
    assert_eq!(table.lines().count(), 3);
    assert!(
        table.contains("premium-chat 503 server-error -> stable-chat"),
        "{table}"
    );
    for told in [
        "count-tokens at premium-chat 503",
        "(premium-chat is paused: 5 failures in a row)",
    ] {
        assert_eq!(table.matches(told).count(), 1, "{table}");
    }
    assert!(
        table.contains("never causes a fallback; error returned 503"),
        "{table}"
    );
    assert!(
        !table.contains('\x1b'),
        "what providers say reaches no terminal as it is"
    );

    let mut follower = Running::start(
        &project,
        "events --follow --json --workload support-chat --limit 1",
    );
    let mut lines = BufReader::new(follower.0.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["id"], refused_id);
    let fresh = decision(4, "support-chat", EventDecision::Exhausted, now);
    let elsewhere = decision(5, "batch-extraction", EventDecision::Fallback, now);
    write(&store, Entry::Decision(Box::new(elsewhere.clone()))).await;
    write(&store, Entry::Outcome(outcome(&elsewhere))).await;
    write(&store, Entry::Decision(Box::new(fresh.clone()))).await;
    assert_eq!(next()["id"], fresh.id.to_string());
    write(&store, Entry::Outcome(outcome(&fresh))).await;
    assert_eq!(next()["outcome"]["event"], fresh.id.to_string());
    follower.signal(Signal::INT);
    assert_eq!(follower.ends(), Some(130));
}

#[tokio::test(flavor = "multi_thread")]
async fn following_ends_quietly_when_the_reader_goes_away() {
    let project = Project::new();
    let store = store(&project).await;
    let now = Clock::system().now();
    let first = decision(1, "support-chat", EventDecision::Fallback, now);
    write(&store, Entry::Decision(Box::new(first))).await;
    let mut follower = Running::start(&project, "events --follow --json");
    let mut reader = BufReader::new(follower.0.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    // One more may still be taken: a process that another test is starting holds a copy of the pipe until
    // its own program runs.
    timeout(DEADLINE, async {
        for number in 2.. {
            let next = decision(number, "support-chat", EventDecision::Fallback, now);
            write(&store, Entry::Decision(Box::new(next))).await;
            if let Some(status) = follower.0.try_wait().unwrap() {
                assert_eq!(status.code(), Some(0));
                return;
            }
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_of_the_past_as_a_table_and_as_json() {
    let project = Project::new();
    let store = store(&project).await;
    let now = Clock::system().now();
    let end = Stretch::Minute.start(Stretch::Minute.of(now));
    // The minutes that began five and four minutes ago, the first one half of errors; since then nobody was there.
    for (ago, requests, errors) in [(5, 0, 0), (4, 100, 50), (3, 100, 0)] {
        let at = end - SignedDuration::from_mins(ago);
        store.beat(beating(at, requests, errors)).await.unwrap();
    }
    let json = run(&project, "traffic support-chat --since 10m --json")
        .exits(0)
        .json();
    assert_eq!(json["workload"], "support-chat");
    assert_eq!(json["stretch"], "minute");
    assert_eq!(json["changes"], Value::Array(vec![]));
    assert_eq!(json["events"]["counts"], Value::Array(vec![]));
    let points = json["points"].as_array().unwrap();
    let told: Vec<_> = points
        .iter()
        .map(|point| (point["is"].as_str().unwrap(), point["errors"].as_u64()))
        .filter(|(is, _)| *is != "unknown")
        .collect();
    assert_eq!(told, [("carried", Some(50)), ("carried", Some(0))]);
    assert!(points.len() >= 9, "{json}");
    let quiet = run(&project, "traffic batch-extraction --since 10m --json")
        .exits(0)
        .json();
    let idle = quiet["points"].as_array().unwrap().iter();
    assert_eq!(idle.filter(|point| point["is"] == "idle").count(), 2);

    let all = run(&project, "traffic --json").exits(0).json();
    assert_eq!(all.as_array().unwrap().len(), 3);
    let table = run(&project, "traffic").exits(0).out;
    assert!(table.starts_with("WORKLOAD"), "{table}");
    let row = table.lines().find(|line| line.starts_with("support-chat"));
    let row = row.unwrap();
    for cell in ["200", "25%", "50%", "="] {
        assert!(row.contains(cell), "{cell}: {table}");
    }
    assert!(row.contains("=_"), "half, then none: {table}");
    let unknown = run(&project, "traffic batch").exits(2);
    assert!(
        unknown.err.contains("did you mean `batch-extraction`?"),
        "{}",
        unknown.err
    );
}

fn beating(at: jiff::Timestamp, requests: u64, errors: u64) -> Heartbeat {
    let traffic = WorkloadTraffic {
        errors,
        ..traffic("support-chat", requests)
    };
    Heartbeat {
        gateway: "gw1".into(),
        host: "ops1".to_owned(),
        region: None,
        pid: 1,
        version: "0".to_owned(),
        listen: ([127, 0, 0, 1], 1).into(),
        started: at - SignedDuration::from_hours(1),
        at,
        revision: Revision(1),
        fingerprint: "c0ffee".to_owned(),
        config_error: None,
        draining: false,
        unlogged: 0,
        withheld: 0,
        unlogged_at: None,
        apart_since: None,
        partings: 0,
        workloads: vec![traffic],
        routes: Vec::new(),
    }
}

#[tokio::test]
async fn a_silent_gateway_is_forgotten_when_somebody_says_so() {
    let project = Project::new();
    let store = store(&project).await;
    let now = Clock::system().now();
    store.beat(beating(now, 1, 0)).await.unwrap();
    let refused = run(&project, "gateways --forget gw1").exits(3);
    assert!(refused.err.contains("gw1 is alive"), "{refused:?}");

    let gone = now - SignedDuration::from_mins(3);
    store.farewell("gw1".into()).await.unwrap();
    store.beat(beating(gone, 1, 0)).await.unwrap();
    let status = run(&project, "status").exits(0).out;
    assert!(
        status.contains("`backstop gateways --forget gw1`"),
        "{status}"
    );
    run(&project, "--observe gateways --forget gw1").exits(3);
    let told = run(&project, "gateways --forget gw1").exits(0).out;
    assert!(told.contains("gw1 is forgotten"), "{told}");
    assert_eq!(
        run(&project, "gateways --json").exits(0).json(),
        Value::Array(vec![])
    );
    let again = run(&project, "gateways --forget gw1").exits(1);
    assert!(again.err.contains("nothing was heard of"), "{again:?}");
}
