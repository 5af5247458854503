//! Operators' switches on live traffic: force, hold, notice, drain; expiry; what heartbeats confirm.

use std::{sync::Arc, time::Duration};

use backstop::{
    model::{
        Change, ErrorClass, EventDecision, Mode, NoticeGiven, OutcomeKind, OverrideKey, Reason,
        Revision,
    },
    store::EventQuery,
};
use tokio::sync::Semaphore;

use crate::support::{
    gateway::{FALLBACK, OVERLOADED, PRIMARY, Plan, Site, change_override, header},
    upstream::{Script, Step},
};

const BODY: &str = r#"{"model":"m","messages":[]}"#;

fn mode() -> OverrideKey {
    OverrideKey::mode("support-chat".into())
}

fn notice() -> OverrideKey {
    OverrideKey::notice("support-chat".into())
}

fn drain(route: &str) -> OverrideKey {
    OverrideKey::drain(route.into())
}

#[tokio::test]
async fn force_moves_all_traffic_and_every_answer_has_its_event() {
    let site = Site::start().await;
    let record = site.switch(mode(), Some(Change::Mode(Mode::Force))).await;
    for _ in 0..3 {
        let response = site.ask(BODY).await;
        assert_eq!(header(&response, "x-backstop-fallback"), Some("forced"));
        assert_eq!(header(&response, "x-backstop-attempts"), Some("1"));
        assert_eq!(response.text().await.unwrap(), FALLBACK);
    }
    assert_eq!(site.primary.count(), 0);
    for stored in site.events(3).await {
        let by = "carol".to_owned();
        let reason = Reason::Forced {
            by,
            revision: record.revision,
        };
        assert_eq!(stored.event.reason, reason);
        assert_eq!(
            (stored.event.class, stored.event.revision),
            (None, record.revision)
        );
        assert_eq!(stored.outcome.unwrap().kind, OutcomeKind::Completed);
    }
    // The console learns of the first request that took the new path.
    let beat = site
        .heartbeat(|beat| {
            beat.workloads
                .first()
                .is_some_and(|traffic| traffic.requests == 3)
        })
        .await;
    let routed = beat.workloads[0].last_routed.clone().unwrap();
    assert_eq!(
        (routed.route.as_str(), routed.revision),
        ("stable", record.revision)
    );

    site.switch(mode(), None).await;
    assert_eq!(site.ask(BODY).await.text().await.unwrap(), PRIMARY);
}

#[tokio::test]
async fn the_most_specific_scope_of_the_own_site_decides() {
    let site = Site::start().await;
    let own = site.heartbeat(|_| true).await;
    assert_eq!(own.region, None);
    let served = async |case: &str, route: &str| {
        let response = site.ask(BODY).await;
        assert_eq!(header(&response, "x-backstop-route"), Some(route), "{case}");
    };
    let on = |scope: &str| mode().within(scope.parse().unwrap());
    let (force, hold) = (Mode::Force, Mode::Hold);
    let host = format!("host:{}", own.host);

    site.switch(on("region:eu"), Some(Change::Mode(force)))
        .await;
    served("a gateway without a region", "premium").await;
    let mut catalog = (**site.catalog.borrow()).clone();
    catalog.gateway.region = Some("eu".into());
    site.catalog.send_replace(Arc::new(catalog));
    site.heartbeat(|beat| beat.region == Some("eu".into()))
        .await;
    served("its region is forced", "stable").await;
    let forced = site.event().await.event.reason;
    assert!(
        matches!(&forced, Reason::Forced { by, .. } if by == "carol in region eu"),
        "{forced:?}"
    );
    site.switch(on("region:us"), Some(Change::Mode(hold))).await;
    site.switch(on("host:elsewhere"), Some(Change::Mode(hold)))
        .await;
    served("others are held", "stable").await;
    site.switch(mode(), Some(Change::Mode(hold))).await;
    served("all are held, its region is not", "stable").await;
    site.switch(on(&host), Some(Change::Mode(hold))).await;
    served("its host is held", "premium").await;
    site.switch(on(&host), None).await;
    served("its host's ended", "stable").await;
    site.switch(on("region:eu"), None).await;
    served("its region's ended: what all have", "premium").await;
}

#[tokio::test]
async fn hold_keeps_the_primary_and_says_so() {
    let site = Site::start().await;
    site.switch(mode(), Some(Change::Mode(Mode::Hold))).await;
    site.primary.set(Script::json(503, OVERLOADED));
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), OVERLOADED);
    let event = site.event().await.event;
    assert_eq!(
        (event.decision, event.reason),
        (EventDecision::Refused, Reason::Held)
    );
}

#[tokio::test]
async fn a_drained_primary_is_served_by_the_fallback_and_a_drained_fallback_serves_nobody() {
    let site = Site::start().await;
    site.switch(drain("premium"), Some(Change::Drain)).await;
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("drained"));
    let by = "carol".to_owned();
    assert_eq!(site.event().await.event.reason, Reason::Drained { by });
    site.switch(drain("premium"), None).await;
    site.switch(drain("stable"), Some(Change::Drain)).await;
    site.primary.set(Script::json(503, OVERLOADED));
    assert_eq!(site.ask(BODY).await.status(), 503);
    let events = site.events(2).await;
    assert_eq!(events[1].event.reason, Reason::FallbackDrained);
}

#[tokio::test]
async fn a_force_that_the_policy_forbids_is_refused_and_the_primary_serves() {
    let site = Site::with(Plan {
        workload: Box::new(|workload| {
            workload.notice.required = true;
            workload.notice.enabled = false;
        }),
        ..Plan::default()
    })
    .await;
    site.switch(mode(), Some(Change::Mode(Mode::Force))).await;
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    let stored = site.event().await;
    assert_eq!(stored.event.decision, EventDecision::Refused);
    assert_eq!(stored.event.reason, Reason::NoticeImpossible);
    assert_eq!(stored.event.class, None);
    assert_eq!(stored.outcome.unwrap().kind, OutcomeKind::Completed);
}

#[tokio::test]
async fn an_error_of_a_fallback_that_was_asked_alone_has_its_event_too() {
    for (case, script, status) in [
        ("its own", Script::json(400, r#"{"error":{}}"#), 400),
        ("overloaded", Script::json(503, OVERLOADED), 503),
        ("no answer", Script::new().step(Step::Close), 502),
    ] {
        let site = Site::start().await;
        site.switch(mode(), Some(Change::Mode(Mode::Force))).await;
        site.fallback.set(script);
        let response = site.ask(BODY).await;
        assert_eq!(response.status(), status, "{case}");
        assert_eq!(header(&response, "x-backstop-fallback"), Some("forced"));
        assert_eq!(header(&response, "x-backstop-degraded"), None);
        let event = header(&response, "x-backstop-event").unwrap().to_owned();
        let durable = site.store.events(EventQuery::default()).await.unwrap();
        let told = durable.iter().find(|it| it.event.id.to_string() == event);
        let decision = told.map(|it| it.event.decision);
        assert_eq!(decision, Some(EventDecision::Fallback), "{case}");
    }
}

#[tokio::test]
async fn the_notice_is_switched_off_and_on() {
    let site = Site::start().await;
    site.primary.set(Script::json(503, OVERLOADED));
    site.switch(notice(), Some(Change::Notice(false))).await;
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("overloaded"));
    assert_eq!(header(&response, "x-backstop-degraded"), None);
    site.switch(notice(), Some(Change::Notice(true))).await;
    let response = site.ask(BODY).await;
    assert!(header(&response, "x-backstop-degraded").is_some());
    let events = site.events(2).await;
    assert_eq!(events[0].event.notice, NoticeGiven::None);
    assert_eq!(events[1].event.notice, NoticeGiven::Header);
}

#[tokio::test]
async fn an_override_ends_by_itself_and_the_store_says_that_it_did() {
    let site = Site::start().await;
    let lasting = Some(Duration::from_millis(300));
    let record = site
        .switch_until(mode(), Some(Change::Mode(Mode::Force)), lasting)
        .await;
    let ended = site.heartbeat(|beat| beat.revision > record.revision).await;
    assert_eq!(ended.revision, Revision(record.revision.0 + 1));
    assert_eq!(
        header(&site.ask(BODY).await, "x-backstop-route"),
        Some("premium")
    );
    let audit = site
        .store
        .audit(backstop::store::AuditQuery::default())
        .await
        .unwrap();
    assert_eq!(audit.len(), 2, "{audit:#?}");
    assert_eq!((audit[1].verb, audit[1].after), (None, None));
}

#[tokio::test]
async fn a_running_request_keeps_what_it_began_with() {
    let site = Site::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let answer = Script::json(200, PRIMARY).into_steps().remove(0);
    site.primary.set(
        Script::new()
            .step(Step::Gate(Arc::clone(&gate)))
            .step(answer),
    );
    let switched = async {
        site.primary.asked(1).await;
        site.switch(mode(), Some(Change::Mode(Mode::Force))).await;
        let moved = site.ask(BODY).await;
        assert_eq!(header(&moved, "x-backstop-route"), Some("stable"));
        gate.add_permits(1);
    };
    let (running, ()) = tokio::join!(site.ask(BODY), switched);
    assert_eq!(header(&running, "x-backstop-route"), Some("premium"));
}

#[tokio::test]
async fn a_reload_is_applied_and_told() {
    let site = Site::start().await;
    let mut catalog = (**site.catalog.borrow()).clone();
    catalog.fingerprint = "f2".to_owned();
    let workload = catalog.workloads.get_mut("support-chat").unwrap();
    workload.triggers = [ErrorClass::Timeout].into_iter().collect();
    site.catalog.send_replace(Arc::new(catalog));
    site.heartbeat(|beat| beat.fingerprint == "f2").await;
    site.primary.set(Script::json(503, OVERLOADED));
    assert_eq!(site.ask(BODY).await.status(), 503);
    let event = site.event().await.event;
    assert_eq!(
        (event.reason, event.fingerprint.as_str()),
        (Reason::NotListed, "f2")
    );
    site.refused
        .send_replace(Some("line 3: unknown key".to_owned()));
    site.heartbeat(|beat| beat.config_error.is_some()).await;
}

#[tokio::test]
async fn a_flip_by_another_process_is_applied_through_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().display());
    let site = Site::with(Plan {
        store: Some(url.clone()),
        ..Plan::default()
    })
    .await;
    // A second handle, as a console in another process has one.
    let other =
        backstop::store::Store::open(&url, backstop::store::Access::Write, site.clock.clone())
            .await
            .unwrap();
    let record = change_override(
        &other,
        &site.clock,
        mode(),
        Some(Change::Mode(Mode::Force)),
        None,
    )
    .await;
    site.applied(record.revision).await;
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("forced"));
    let id = header(&response, "x-backstop-event").unwrap().to_owned();
    let events = other
        .events(backstop::store::EventQuery::default())
        .await
        .unwrap();
    assert_eq!(events[0].event.id.to_string(), id);
}
