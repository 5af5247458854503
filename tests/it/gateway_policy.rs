//! What keeps a fallback from serving: the caller's own errors, the policy, budgets and circuits.

use std::sync::Arc;

use backstop::model::{
    BoundaryKind, Capability, ErrorClass, ErrorClassSet, EventDecision, OutcomeKind, Reason,
    RouteMark, Tier, Workload,
};

use crate::support::{
    gateway::{OVERLOADED, Plan, Site, header},
    upstream::Script,
};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn workload(change: impl Fn(&mut Workload) + 'static) -> Plan {
    Plan {
        workload: Box::new(change),
        ..Plan::default()
    }
}

#[tokio::test]
async fn errors_that_are_the_callers_come_back_byte_for_byte_with_a_refusal() {
    for (case, status, body, class, reason) in [
        (
            "400",
            400,
            r#"{"error": {"message":"bad","type":"invalid_request_error","x":[1]}}"#,
            ErrorClass::InvalidRequest,
            Reason::NeverTrigger,
        ),
        (
            "401",
            401,
            r#"{"error":{"message":"key","code":"invalid_api_key"}}"#,
            ErrorClass::Authentication,
            Reason::NeverTrigger,
        ),
        (
            "403",
            403,
            r#"{"error":{"message":"region"}}"#,
            ErrorClass::Forbidden,
            Reason::NotListed,
        ),
        (
            "404",
            404,
            r#"{"error":{"code":"model_not_found"}}"#,
            ErrorClass::InvalidRequest,
            Reason::NeverTrigger,
        ),
        (
            "429 for money",
            429,
            r#"{"error":{"code":"insufficient_quota"}}"#,
            ErrorClass::QuotaExhausted,
            Reason::NotListed,
        ),
        (
            "429 for load",
            429,
            r#"{"error":{"code":"rate_limit_exceeded"}}"#,
            ErrorClass::RateLimited,
            Reason::NotListed,
        ),
        (
            "not json",
            400,
            "plain words\n",
            ErrorClass::InvalidRequest,
            Reason::NeverTrigger,
        ),
    ] {
        let site = Site::start().await;
        let headers = [
            ("content-type", "application/json"),
            ("retry-after", "7"),
            ("x-request-id", "r"),
        ];
        site.primary.set(Script::answer(status, &headers, body));
        let response = site.ask(BODY).await;
        assert_eq!(response.status(), status, "{case}");
        assert_eq!(header(&response, "retry-after"), Some("7"), "{case}");
        assert_eq!(header(&response, "x-request-id"), Some("r"), "{case}");
        assert_eq!(
            header(&response, "x-backstop-route"),
            Some("premium"),
            "{case}"
        );
        assert_eq!(header(&response, "x-backstop-error"), None, "{case}");
        assert_eq!(header(&response, "x-backstop-fallback"), None, "{case}");
        assert_eq!(response.text().await.unwrap(), body, "{case}");
        let stored = site.event().await;
        assert_eq!(stored.event.decision, EventDecision::Refused, "{case}");
        assert_eq!(stored.event.reason, reason, "{case}");
        assert_eq!(
            (stored.event.class, stored.event.status),
            (Some(class), Some(status)),
            "{case}"
        );
        let outcome = stored.outcome.unwrap();
        assert_eq!(
            (outcome.kind, outcome.status),
            (OutcomeKind::ErrorReturned, status),
            "{case}"
        );
        assert_eq!(site.fallback.count(), 0, "{case}");
    }
}

#[tokio::test]
async fn no_framing_makes_a_trigger_of_an_error_that_is_the_callers() {
    for status in [400, 401] {
        let site = Site::start().await;
        let both = "transfer-encoding: chunked\r\ncontent-length: 2";
        let answer = format!("HTTP/1.1 {status} X\r\n{both}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
        site.primary.set(Script::new().send(answer));
        let response = site.ask(BODY).await;
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
        assert_eq!(site.event().await.event.reason, Reason::NeverTrigger);
        assert_eq!(site.fallback.count(), 0);
    }
}

#[tokio::test]
async fn a_fallback_is_refused_by_policy_and_the_event_says_why() {
    type Change = Box<dyn Fn(&mut Workload)>;
    let rows: [(&str, Change, &str, Reason); 6] = [
        (
            "not listed",
            Box::new(|workload| workload.triggers = ErrorClassSet::EMPTY),
            BODY,
            Reason::NotListed,
        ),
        (
            "no fallback",
            Box::new(|workload| workload.fallback = None),
            BODY,
            Reason::NoFallbackConfigured,
        ),
        (
            "notice demanded, none given",
            Box::new(|workload| {
                workload.notice.enabled = false;
                workload.notice.required = true;
            }),
            BODY,
            Reason::NoticeImpossible,
        ),
        (
            "paid tier",
            Box::new(|workload| {
                workload.notice.enabled = false;
                workload.tier = Tier::Paid;
            }),
            BODY,
            Reason::PaidTierWithoutNotice,
        ),
        (
            "attempts spent",
            Box::new(|workload| workload.max_attempts = 1),
            BODY,
            Reason::AttemptsSpent,
        ),
        (
            "a tool call that the fallback cannot do",
            Box::new(|_| {}),
            r#"{"model":"m","messages":[],"tools":[{"type":"function","function":{"name":"f"}}]}"#,
            Reason::MissingCapability {
                missing: [Capability::Tools].into_iter().collect(),
            },
        ),
    ];
    for (case, change, body, reason) in rows {
        let site = Site::with(Plan {
            workload: change,
            fallback: Box::new(|route| {
                route.capabilities = [Capability::Streaming].into_iter().collect();
            }),
            ..Plan::default()
        })
        .await;
        site.primary.set(Script::json(503, OVERLOADED));
        let response = site.ask(body).await;
        assert_eq!(response.status(), 503, "{case}");
        let told = header(&response, "x-should-retry").map(str::to_owned);
        assert_eq!(told.is_some(), reason == Reason::AttemptsSpent, "{case}");
        assert_eq!(response.text().await.unwrap(), OVERLOADED, "{case}");
        let event = site.event().await.event;
        assert_eq!(
            (event.decision, event.reason),
            (EventDecision::Refused, reason),
            "{case}"
        );
        assert_eq!(site.fallback.count(), 0, "{case}");
    }
}

#[tokio::test]
async fn a_boundary_is_crossed_only_when_the_policy_allows_it() {
    for allowed in [false, true] {
        let site = Site::with(Plan {
            workload: Box::new(move |workload| {
                if allowed {
                    workload.may_cross = vec![BoundaryKind::Region];
                }
            }),
            fallback: Box::new(|route| route.boundary.region = Some("us".to_owned())),
            ..Plan::default()
        })
        .await;
        site.primary.set(Script::json(503, OVERLOADED));
        let response = site.ask(BODY).await;
        assert_eq!(response.status(), if allowed { 200 } else { 503 });
        let event = site.event().await.event;
        let reason = if allowed {
            Reason::Trigger
        } else {
            Reason::BoundaryCrossed {
                boundary: BoundaryKind::Region,
            }
        };
        assert_eq!(event.reason, reason);
    }
}

#[tokio::test]
async fn client_retries_count_as_attempts() {
    let site = Site::with(workload(|workload| workload.max_attempts = 2)).await;
    site.primary.set(Script::json(503, OVERLOADED));
    let ask = |retries: &'static str| {
        let request = site
            .client
            .post(site.url("/w/support-chat/v1/chat/completions"));
        request
            .header("x-stainless-retry-count", retries)
            .body(BODY)
            .send()
    };
    assert_eq!(ask("0").await.unwrap().status(), 200);
    assert_eq!(ask("1").await.unwrap().status(), 503);
    let events = site.events(2).await;
    assert_eq!(events[1].event.reason, Reason::AttemptsSpent);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_then_the_policy_is_asked() {
    let limited = || {
        Script::answer(
            429,
            &[
                ("retry-after-ms", "1"),
                ("content-type", "application/json"),
            ],
            r#"{"error":{"code":"rate_limit_exceeded"}}"#,
        )
    };
    let backing_off = |listed: bool| {
        workload(move |workload| {
            workload.backoff.retries = 2;
            if listed {
                workload.triggers.insert(ErrorClass::RateLimited);
            }
        })
    };
    // The limit ends in time: nothing is recorded, as nothing was decided but to wait.
    let site = Site::with(backing_off(false)).await;
    site.primary.queue(limited());
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-attempts"), Some("2"));
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));

    // It does not: served by the fallback if listed, else returned.
    let site = Site::with(backing_off(true)).await;
    site.primary.set(limited());
    let response = site.ask(BODY).await;
    assert_eq!(
        header(&response, "x-backstop-fallback"),
        Some("rate-limited")
    );
    assert_eq!(header(&response, "x-backstop-attempts"), Some("4"));
    assert_eq!(site.event().await.event.attempts.len(), 3);

    let site = Site::with(backing_off(false)).await;
    site.primary.set(limited());
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 429);
    assert_eq!(header(&response, "x-backstop-attempts"), Some("3"));
    assert_eq!(site.event().await.event.reason, Reason::NotListed);
}

#[tokio::test]
async fn five_failures_open_the_circuit_and_the_primary_is_spared() {
    let site = Site::start().await;
    site.primary.set(Script::json(503, OVERLOADED));
    for _ in 0..5 {
        assert_eq!(
            header(&site.ask(BODY).await, "x-backstop-fallback"),
            Some("overloaded")
        );
    }
    let response = site.ask(BODY).await;
    assert_eq!(
        header(&response, "x-backstop-fallback"),
        Some("circuit-open")
    );
    assert_eq!(header(&response, "x-backstop-attempts"), Some("1"));
    assert_eq!(site.primary.count(), 5);
    let events = site.events(6).await;
    assert_eq!(events[5].event.reason, Reason::CircuitOpen);
    assert_eq!(events[5].event.class, Some(ErrorClass::Overloaded));
    assert!(events[5].event.attempts.is_empty());
    let beat = site
        .heartbeat(|beat| {
            beat.workloads
                .first()
                .is_some_and(|traffic| traffic.requests == 6)
        })
        .await;
    let premium = beat
        .routes
        .iter()
        .find(|route| route.route.as_str() == "premium")
        .unwrap();
    assert_eq!(premium.circuit, backstop::model::CircuitState::Open);
    let why = premium.tripped_by.as_deref().unwrap();
    assert!(
        why.starts_with("overloaded: 5 failures in a row, since "),
        "{why}"
    );
    let remark = events[5].event.remark.as_deref().unwrap();
    assert!(
        remark.starts_with("premium is paused: overloaded: 5 "),
        "{remark}"
    );
    let metrics = site.get("/metrics").await.text().await.unwrap();
    for line in [
        r#"backstop_circuit_opened_total{route="premium"} 1"#,
        r#"backstop_circuit_tripped{route="premium",class="overloaded",count="consecutive"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let traffic = &beat.workloads[0];
    assert_eq!(
        (traffic.fallbacks, traffic.primary_failures, traffic.errors),
        (6, 5, 0)
    );
    assert!(traffic.failing_since.is_some() && traffic.last_fallback.is_some());
    assert_eq!(traffic.last_primary, None);

    // The heartbeat says which route answered, so that no other one is taken for proven after a change.
    let mark = |site: &Site| {
        let catalog = site.catalog.borrow();
        let fallback = catalog.workloads[&traffic.workload].fallback.clone();
        RouteMark::of(&catalog.routes[&fallback.unwrap()])
    };
    let answered = mark(&site);
    assert_eq!(traffic.last_fallback_by, Some(answered));
    assert_eq!(traffic.last_primary_by, None);
    site.catalog.send_modify(|catalog| {
        let catalog = Arc::make_mut(catalog);
        for route in catalog.routes.values_mut() {
            route.model = format!("{}-newer", route.model);
        }
        "newer".clone_into(&mut catalog.fingerprint);
    });
    let beat = site.heartbeat(|beat| beat.fingerprint == "newer").await;
    assert_eq!(beat.workloads[0].last_fallback_by, Some(answered));
    site.ask(BODY).await;
    let newer = mark(&site);
    assert_ne!(newer, answered);
    site.heartbeat(|beat| beat.workloads[0].last_fallback_by == Some(newer))
        .await;
}

#[tokio::test]
async fn the_retry_budget_keeps_an_outage_from_being_multiplied() {
    // Ten are always allowed; 200 requests at a share of 0.05 allow about as many again.
    let site = Site::with(workload(|workload| {
        workload.retry_share = 0.01;
        // So that the circuit does not open: its class is not a fault of the route.
        workload.triggers.insert(ErrorClass::RateLimited);
    }))
    .await;
    site.primary.set(Script::json(
        429,
        r#"{"error":{"code":"rate_limit_exceeded"}}"#,
    ));
    let mut served = 0;
    for _ in 0..40 {
        served += usize::from(site.ask(BODY).await.status() == 200);
    }
    assert!((10..20).contains(&served), "{served}");
    let events = site.events(40).await;
    let refused = events
        .iter()
        .filter(|stored| stored.event.reason == Reason::RetryBudgetSpent)
        .count();
    assert_eq!(refused, 40 - served);
}

#[tokio::test]
async fn the_hint_of_a_rate_limit_inside_a_success_is_kept() {
    const LIMIT: &str = r#"{"error":{"code":"rate_limit_exceeded","message":"slow"}}"#;
    const INFO: &str = r#"{"error":{"code":"rate_limit_exceeded","message":"slow","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7.5s"}]}}"#;
    let json = "content-type: application/json\r\n";
    let events = "content-type: text/event-stream\r\n";
    let told = "retry-after: 5\r\n";
    for (case, stream, head, body, hint) in [
        ("a body and a head", false, [json, told], LIMIT, Some("5")),
        ("a body alone", false, [json, ""], INFO, Some("8")),
        ("both: the head", false, [json, told], INFO, Some("5")),
        (
            "an event and a head",
            true,
            [events, told],
            LIMIT,
            Some("5"),
        ),
        ("an event alone", true, [events, ""], INFO, Some("8")),
        ("a body for a stream", true, [json, told], LIMIT, Some("5")),
        ("neither: none is made up", false, [json, ""], LIMIT, None),
        ("no error: no hint", false, [json, told], "{}", None),
    ] {
        let site = Site::start().await;
        let data = if stream && head[0] == events {
            format!("data: {body}\n\n")
        } else {
            body.to_owned()
        };
        let head = format!("{}content-length: {}\r\n", head.concat(), data.len());
        let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n{data}");
        site.primary.set(Script::new().send(answer));
        // The fallback must not hide it.
        site.fallback.set(Script::json(503, OVERLOADED));
        let ask = format!(r#"{{"model":"m","stream":{stream},"messages":[]}}"#);
        let response = site.ask(&ask).await;
        assert_eq!(response.status(), 502, "{case}");
        assert_eq!(header(&response, "retry-after"), hint, "{case}");
    }
}

#[tokio::test]
async fn a_rate_limit_inside_a_success_is_waited_for_as_long_as_it_asks() {
    let site = Site::with(workload(|workload| workload.backoff.retries = 1)).await;
    let body = r#"{"error":{"code":"rate_limit_exceeded","message":"slow"}}"#;
    // Longer than the policy waits, so it is not asked again: a hint that was lost would be.
    site.primary.set(Script::answer(
        200,
        &[
            ("content-type", "application/json"),
            ("retry-after", "3600"),
        ],
        body,
    ));
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "retry-after"), Some("3600"));
    assert_eq!(site.primary.count(), 1);
}
