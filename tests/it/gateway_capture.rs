//! Captures over real sockets: nothing where they are off; where they are on, what is left of a body, and
//! nothing else of the request.

use std::{path::Path, time::Duration};

use backstop::model::{Capability, Capture, Captured, PayloadClass};
use tokio::time::timeout;

use crate::support::{
    gateway::{OVERLOADED, PRIMARY, Plan, Site},
    upstream::{DEADLINE, Script, Upstream},
};

const PATH: &str = "/w/support-chat/v1/chat/completions";
const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"I am bob@example.org, card 4111 1111 1111 1234, Bearer abcdefghij"}]}"#;
const LEFT: &str = r#"{"model":"m","messages":[{"role":"user","content":"I am person@example.com, card 1111 1111 1111 1111, Bearer redacted"}]}"#;
const TOOLS: &str =
    r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"find"}}]}"#;
/// What was in the request and must not be on disk.
const SECRETS: [&str; 5] = [
    "bob@example.org",
    "4111 1111 1111 1234",
    "abcdefghij",
    "header-secret",
    "query-secret",
];

fn plan(capture: Capture, directory: &Path) -> Plan {
    Plan {
        store: Some(format!("sqlite:{}", directory.join("state").display())),
        workload: Box::new(move |workload| workload.capture = capture),
        ..Plan::default()
    }
}

async fn ask(site: &Site, body: &str) -> u16 {
    let url = site.url(PATH) + "?x=query-secret";
    let request = site.client.post(url).body(body.to_owned());
    let request = request.header("x-own", "header-secret").send();
    let response = timeout(DEADLINE, request).await.unwrap().unwrap();
    let status = response.status().as_u16();
    response.bytes().await.unwrap();
    status
}

/// Waits until so much was captured.
async fn captured(site: &Site, count: usize) -> Vec<Captured> {
    let wait = async {
        loop {
            let found = site.store.captures("support-chat".into()).await.unwrap();
            if found.len() == count {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(DEADLINE, wait).await.expect("captures")
}

/// Every byte of every file of the state.
fn on_disk(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory.join("state")).unwrap() {
        all.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    all
}

fn contains(all: &[u8], text: &str) -> bool {
    all.windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn without_the_key_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::with(plan(Capture::Off, directory.path())).await;
    assert_eq!(ask(&site, BODY).await, 200);
    assert_eq!(captured(&site, 0).await, []);
    site.gateway.stop().await;
    site.store.close().await.unwrap();
    assert!(!directory.path().join("state/captures.db").exists());
    let all = on_disk(directory.path());
    for secret in SECRETS.into_iter().chain(["I am"]) {
        assert!(!contains(&all, secret), "{secret}");
    }
}

#[tokio::test]
async fn what_is_left_of_a_body_is_kept_and_one_of_each_class_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::with(plan(Capture::Redacted, directory.path())).await;
    for body in [BODY, BODY, TOOLS, TOOLS] {
        assert_eq!(ask(&site, body).await, 200);
    }
    let found = captured(&site, 2).await;
    assert_eq!(found[1].body, LEFT);
    assert_eq!(found[1].class, PayloadClass::Chat);
    assert_eq!((found[1].number, found[1].stream), (1, false));
    assert_eq!(found[0].body, TOOLS);
    assert_eq!(found[0].class, PayloadClass::Tools);
    assert!(found[0].needs.contains(Capability::Tools));
    // The traffic itself is as it was.
    assert!(site.primary.seen()[0].text().contains("bob@example.org"));
    let all = on_disk(directory.path());
    assert!(contains(&all, "person@example.com"));
    for secret in SECRETS {
        assert!(!contains(&all, secret), "{secret}");
    }

    // Switched off, what was kept goes, also from the disk.
    let mut catalog = (**site.catalog.borrow()).clone();
    for workload in catalog.workloads.values_mut() {
        workload.capture = Capture::Off;
    }
    site.catalog.send_replace(catalog.into());
    assert_eq!(captured(&site, 0).await, []);
    site.gateway.stop().await;
    site.store.close().await.unwrap();
    assert!(!contains(&on_disk(directory.path()), "person@example.com"));
}

#[tokio::test]
async fn what_was_not_answered_well_is_not_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut plan = plan(Capture::Redacted, directory.path());
    plan.workload = Box::new(|workload| {
        workload.capture = Capture::Redacted;
        workload.fallback = None;
    });
    let primary = Upstream::start(Script::json(503, OVERLOADED)).await;
    let fallback = Upstream::start(Script::json(200, PRIMARY)).await;
    let site = Site::over(plan, primary, fallback).await;
    assert_eq!(ask(&site, BODY).await, 503);
    // What comes later is there: the first would have been, too.
    site.primary.set(Script::json(200, PRIMARY));
    assert_eq!(ask(&site, TOOLS).await, 200);
    let found = captured(&site, 1).await;
    assert_eq!(found[0].class, PayloadClass::Tools);
}
