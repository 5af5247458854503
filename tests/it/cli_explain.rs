//! `explain` and `report` on real processes.

use backstop::{
    clock::Clock,
    model::{Entry, EventDecision},
    store::{Access, Store},
};
use serde_json::Value;

use crate::{
    cli_project::run,
    control_project::{Project, decision, outcome},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_explained() {
    let project = Project::new();
    let url = project.catalog().store;
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let now = Clock::system().now();
    let mut fallback = decision(1, "support-chat", EventDecision::Fallback, now);
    fallback.fingerprint = project.catalog().fingerprint;
    let refused = decision(2, "support-chat", EventDecision::Refused, now);
    for event in [&fallback, &refused] {
        let place = store.reserve().unwrap();
        let entry = Entry::Decision(Box::new(event.clone()));
        place.append(entry).durable().await.unwrap();
    }
    let place = store.reserve().unwrap();
    let entry = Entry::Outcome(outcome(&refused));
    place.append(entry).durable().await.unwrap();

    let told = run(&project, &format!("explain {}", fallback.id))
        .exits(0)
        .out;
    for line in [
        "support-chat fell back from premium-chat to stable-chat\n",
        "  1. premium-chat: 503 after 5 ms: server-error, code `\u{241b}[31mred`",
        "  rule: `triggers` of support-chat: server-error, timeout and unreachable",
        "What would change it\n  `backstop hold support-chat`",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(!told.contains('\x1b'), "{told}");
    assert!(!told.contains("has changed since"), "{told}");

    let json = run(&project, &format!("explain {} --json", refused.id))
        .exits(0)
        .json();
    assert_eq!(json["about"], "event");
    assert_eq!(json["event"]["id"], refused.id.to_string());
    assert_eq!(json["event"]["outcome"]["status"], 503);
    assert!(json["rule"]["says"].as_str().unwrap().starts_with("fixed"));
    assert_eq!(json["parts"][0]["title"], "What happened");

    let gone = backstop::model::EventId::new(now, 99);
    let unknown = run(&project, &format!("explain {gone}")).exits(2);
    assert!(unknown.err.contains("there is no event"), "{}", unknown.err);
}

#[test]
fn a_workload_is_explained_as_it_is_now() {
    let project = Project::new();
    let none = run(&project, "explain support-chat").exits(5);
    assert!(none.err.contains("start the gateway"), "{}", none.err);
    run(
        &project,
        "hold support-chat --confirm sup --reason drill --no-wait",
    )
    .exits(0);
    let told = run(&project, "explain support-chat").exits(0).out;
    for line in [
        "the next request of support-chat goes to premium-chat, and nothing catches it",
        "  mode hold, by jo since ",
        "  timeout          the caller gets it: the workload is on hold: primary only",
        "  `backstop auto support-chat` arms it",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let json = run(&project, "explain batch-extraction --json")
        .exits(0)
        .json();
    assert_eq!(json["about"], "workload");
    assert_eq!(json["mode"], "auto");
    assert_eq!(
        json["classes"]["server-error"]["falls_back_to"],
        "stable-chat"
    );
    assert_eq!(json["classes"]["timeout"]["falls_back_to"], Value::Null);
}

#[test]
fn a_class_needs_no_store_and_no_configuration() {
    let project = Project::new();
    let told = run(&project, "explain timeout").exits(0).out;
    assert!(told.contains("A trigger of\n  support-chat"), "{told}");
    let json = run(&project, "explain quota-exhausted --json")
        .exits(0)
        .json();
    assert_eq!(json["may_trigger"], "with-reason");
    assert_eq!(json["triggers_of"], Value::Array(vec![]));
    std::fs::remove_file(project.config()).unwrap();
    let told = run(&project, "explain authentication").exits(0).out;
    assert!(told.contains("never causes a fallback"), "{told}");
    assert!(!told.contains("A trigger of"), "{told}");
    run(&project, "explain support-chat").exits(2);
}

#[test]
fn what_is_none_of_them_gets_a_near_name() {
    let project = Project::new();
    // Something opened the store before.
    run(
        &project,
        "hold support-chat --confirm sup --reason drill --no-wait",
    )
    .exits(0);
    for (name, near) in [("support", "support-chat"), ("timeot", "timeout")] {
        let unknown = run(&project, &format!("explain {name}")).exits(2);
        assert!(
            unknown.err.contains(&format!("did you mean `{near}`?")),
            "{}",
            unknown.err
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_markdown_or_json() {
    let project = Project::new();
    let url = project.catalog().store;
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let now = Clock::system().now();
    let event = decision(1, "support-chat", EventDecision::Fallback, now);
    let place = store.reserve().unwrap();
    let entry = Entry::Decision(Box::new(event));
    place.append(entry).durable().await.unwrap();
    run(
        &project,
        "hold support-chat --confirm sup --reason drill --no-wait",
    )
    .exits(0);
    let written = run(&project, "report --since 2h").exits(0).out;
    for line in [
        "# Incident report: test/one\n",
        "- **support-chat**: 1 request sent to stable-chat; server-error; from ",
        "- 1 change by jo.",
        "## Changes",
        "- [ ] still in force: hold on support-chat, until ",
        "## To be filled in",
    ] {
        assert!(written.contains(line), "{line}\n{written}");
    }
    let json = run(&project, "report --since 2h --workload support-chat --json")
        .exits(0)
        .json();
    assert_eq!(json["workloads"][0]["served"], 1);
    assert_eq!(json["changes"][0]["verb"], "hold");
    assert_eq!(json["timeline"][0]["is"], "trouble");
    let none = run(&project, "report --since 2h --until 1h").exits(0).out;
    assert!(none.contains("Nothing happened."), "{none}");
    run(&project, "report --since 1h --until 2h").exits(2);
    run(&project, "report").exits(2);
}
