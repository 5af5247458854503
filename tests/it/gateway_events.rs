//! The write-ahead promise: no fallback answer without a durable event, and what happens when there cannot
//! be one.

use std::{sync::Arc, time::Duration};

use backstop::{
    model::{Change, LogFailure, Mode, OverrideKey},
    store::{Access, EventQuery, Store},
};
use tokio::{sync::Semaphore, time::timeout};

use crate::support::{
    gateway::{FALLBACK, OVERLOADED, Plan, Site, header, unique},
    upstream::{DEADLINE, LIMIT, Script, Step},
};

const BODY: &str = r#"{"model":"m","messages":[]}"#;
const STREAM: &str = r#"{"model":"m","stream":true,"messages":[]}"#;

fn on_failure(what: LogFailure) -> Plan {
    Plan {
        workload: Box::new(move |workload| workload.on_log_failure = what),
        ..Plan::default()
    }
}

#[tokio::test]
async fn the_event_is_in_the_files_when_the_answer_is_with_the_client() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().display());
    let site = Site::with(Plan {
        store: Some(url.clone()),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(503, OVERLOADED));
    site.fallback.set(Script::json(200, FALLBACK));
    let reader = Store::open(&url, Access::Observe, site.clock.clone())
        .await
        .unwrap();
    for round in 1..=4 {
        let response = site.ask(BODY).await;
        let id = header(&response, "x-backstop-event").unwrap().to_owned();
        // No waiting: it must be there already, for whoever reads the files.
        let events = reader.events(EventQuery::default()).await.unwrap();
        assert_eq!(events.len(), round);
        assert_eq!(events[round - 1].event.id.to_string(), id);
    }
}

#[tokio::test]
async fn a_streams_event_is_there_with_its_first_output() {
    let site = Site::start().await;
    let gate = Arc::new(Semaphore::new(0));
    site.primary.set(Script::json(503, OVERLOADED));
    site.fallback.set(
        Script::stream()
            .chunk("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}]}\n\n")
            .step(Step::Gate(Arc::clone(&gate)))
            .chunk("data: [DONE]\n\n")
            .end(),
    );
    let response = site.ask(STREAM).await;
    let id = header(&response, "x-backstop-event").unwrap().to_owned();
    let events = site.store.events(EventQuery::default()).await.unwrap();
    assert_eq!(events[0].event.id.to_string(), id);
    assert_eq!(events[0].outcome, None);
    gate.add_permits(1);
    response.text().await.unwrap();
    assert!(site.event().await.outcome.is_some());
}

/// A store that takes no event: closed, as a failing disk looks from here, or open only for reading.
#[derive(Clone, Copy, Debug)]
enum Failing {
    NoPlace,
    NotDurable,
}

async fn failing(what: LogFailure, how: Failing) -> (Site, Option<tempfile::TempDir>) {
    let plan = on_failure(what);
    let (plan, directory) = match how {
        Failing::NoPlace => (
            Plan {
                access: Access::Observe,
                store: Some(format!("memory:{}", unique("observed"))),
                ..plan
            },
            None,
        ),
        Failing::NotDurable => {
            let directory = tempfile::tempdir().unwrap();
            let store = Some(format!("sqlite:{}", directory.path().display()));
            (Plan { store, ..plan }, Some(directory))
        }
    };
    let site = Site::with(plan).await;
    match how {
        Failing::NoPlace => {}
        Failing::NotDurable => site.store.close().await.unwrap(),
    }
    (site, directory)
}

#[tokio::test]
async fn without_an_event_the_primary_s_error_is_returned() {
    for how in [Failing::NoPlace, Failing::NotDurable] {
        let (site, _directory) = failing(LogFailure::Refuse, how).await;
        site.primary
            .set(Script::answer(503, &[("retry-after", "2")], OVERLOADED));
        for body in [BODY, STREAM] {
            let response = site.ask(body).await;
            assert_eq!(response.status(), 503, "{how:?}");
            assert_eq!(header(&response, "retry-after"), Some("2"), "{how:?}");
            assert_eq!(header(&response, "x-backstop-fallback"), None, "{how:?}");
            assert_eq!(
                header(&response, "x-backstop-route"),
                Some("premium"),
                "{how:?}"
            );
            assert_eq!(response.text().await.unwrap(), OVERLOADED, "{how:?}");
        }
        let metrics = site.get("/metrics").await.text().await.unwrap();
        assert!(
            !metrics.contains(r#"unlogged_events_total{workload="support-chat"} 0"#),
            "{metrics}"
        );
    }
}

#[tokio::test]
async fn a_workload_that_serves_all_the_same_is_marked_and_counted() {
    for how in [Failing::NoPlace, Failing::NotDurable] {
        let (site, _directory) = failing(LogFailure::Serve, how).await;
        site.primary.set(Script::json(503, OVERLOADED));
        let response = site.ask(BODY).await;
        assert_eq!(response.status(), 200, "{how:?}");
        assert_eq!(
            header(&response, "x-backstop-unlogged"),
            Some("1"),
            "{how:?}"
        );
        assert_eq!(
            header(&response, "x-backstop-fallback"),
            Some("overloaded"),
            "{how:?}"
        );
        assert_eq!(response.text().await.unwrap(), FALLBACK, "{how:?}");
        let metrics = site.get("/metrics").await.text().await.unwrap();
        let line = r#"backstop_unlogged_events_total{workload="support-chat"} 1"#;
        assert!(metrics.contains(line), "{how:?} {metrics}");
    }
}

#[tokio::test]
async fn the_primary_goes_on_serving_when_the_store_is_down() {
    let (site, _directory) = failing(LogFailure::Refuse, Failing::NotDurable).await;
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(site.get("/readyz").await.status(), 200);
}

#[tokio::test]
async fn the_last_switches_stay_in_force_when_the_store_is_down_and_end_at_their_moment() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::with(Plan {
        store: Some(format!("sqlite:{}", directory.path().display())),
        ..on_failure(LogFailure::Serve)
    })
    .await;
    let key = OverrideKey::mode("support-chat".into());
    let lasting = Some(2 * LIMIT);
    site.switch_until(key, Some(Change::Mode(Mode::Force)), lasting)
        .await;
    site.store.close().await.unwrap();
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("forced"));
    // The store cannot end it, the gateway does.
    let ended = async {
        while header(&site.ask(BODY).await, "x-backstop-route") != Some("premium") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, ended).await.expect("the primary again");
}

#[tokio::test]
async fn a_forced_workload_that_must_be_logged_is_refused_with_an_error_of_our_own() {
    let directory = tempfile::tempdir().unwrap();
    let site = Site::with(Plan {
        store: Some(format!("sqlite:{}", directory.path().display())),
        ..on_failure(LogFailure::Refuse)
    })
    .await;
    let key = OverrideKey::mode("support-chat".into());
    site.switch(key, Some(Change::Mode(Mode::Force))).await;
    site.store.close().await.unwrap();
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 503);
    assert_eq!(
        header(&response, "x-backstop-error"),
        Some("backstop_event_not_durable")
    );
}
