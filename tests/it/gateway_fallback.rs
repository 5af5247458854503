//! Before the commit point: which failures lead to the fallback, which are returned, and what is recorded.

use std::{sync::Arc, time::Duration};

use backstop::model::{
    Attempt, BoundaryKind, Capability, ErrorClass, ErrorClassSet, EventDecision, Family,
    NoticeGiven, NoticeStyle, OutcomeKind, Reason, Tier, Workload,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore};

use crate::support::{
    gateway::{FALLBACK, OVERLOADED, PRIMARY, Plan, Site, header, own_headers},
    upstream::{Script, Step, Upstream},
};

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#;

fn workload(change: impl Fn(&mut Workload) + 'static) -> Plan {
    Plan {
        workload: Box::new(change),
        ..Plan::default()
    }
}

/// Short clocks for the upstreams that never answer.
fn hasty() -> Plan {
    workload(|workload| workload.timeouts.headers = Duration::from_millis(60))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn failures_of_the_route_are_served_by_the_fallback_with_one_event() {
    let json = |status: u16, body: &str| Script::json(status, body);
    let html = Script::answer(200, &[("content-type", "text/html")], "<html>no</html>");
    let cut = Script::new().send(
        "HTTP/1.1 200 OK\r\ncontent-length: 900\r\ncontent-type: application/json\r\n\r\n{\"id\":",
    );
    let rows = [
        ("500", json(500, "{}"), Some(500), ErrorClass::ServerError),
        (
            "502",
            json(502, "bad gateway"),
            Some(502),
            ErrorClass::ServerError,
        ),
        (
            "503",
            json(503, OVERLOADED),
            Some(503),
            ErrorClass::Overloaded,
        ),
        (
            "529",
            json(529, OVERLOADED),
            Some(529),
            ErrorClass::Overloaded,
        ),
        ("504", json(504, "{}"), Some(504), ErrorClass::Timeout),
        (
            "no head",
            Script::new().step(Step::Hang),
            None,
            ErrorClass::Timeout,
        ),
        (
            "closed before a head",
            Script::new().step(Step::Close),
            None,
            ErrorClass::Unreachable,
        ),
        (
            "reset before a head",
            Script::new().step(Step::Reset),
            None,
            ErrorClass::Unreachable,
        ),
        (
            "cut in the body",
            cut.clone().step(Step::Close),
            Some(200),
            ErrorClass::BrokenResponse,
        ),
        (
            "reset in the body",
            cut.step(Step::Reset),
            Some(200),
            ErrorClass::BrokenResponse,
        ),
        ("html", html, Some(200), ErrorClass::BrokenResponse),
        (
            "null",
            json(200, "null"),
            Some(200),
            ErrorClass::BrokenResponse,
        ),
        (
            "nothing",
            json(200, ""),
            Some(200),
            ErrorClass::BrokenResponse,
        ),
        (
            "half of json",
            json(200, "{\"choices\":["),
            Some(200),
            ErrorClass::BrokenResponse,
        ),
        (
            "an error inside a success",
            json(200, OVERLOADED),
            Some(200),
            ErrorClass::BrokenResponse,
        ),
        (
            "a redirect",
            Script::answer(302, &[("location", "http://127.0.0.1:1/")], ""),
            Some(302),
            ErrorClass::BrokenResponse,
        ),
        (
            "no http",
            Script::new().send("hello\r\n\r\n").step(Step::Close),
            None,
            ErrorClass::BrokenResponse,
        ),
    ];
    for (case, script, status, class) in rows {
        let site = Site::with(hasty()).await;
        site.primary.set(script);
        let response = site.ask(BODY).await;
        assert_eq!(response.status(), 200, "{case}");
        assert_eq!(
            header(&response, "x-backstop-route"),
            Some("stable"),
            "{case}"
        );
        assert_eq!(
            header(&response, "x-backstop-attempts"),
            Some("2"),
            "{case}"
        );
        assert_eq!(
            header(&response, "x-backstop-fallback"),
            Some(class.as_str()),
            "{case}"
        );
        let id = header(&response, "x-backstop-event").unwrap().to_owned();
        let notice = header(&response, "x-backstop-degraded");
        assert_eq!(notice, Some("Served by a backup model."), "{case}");
        assert_eq!(own_headers(&response).len(), 6, "{case}");
        assert_eq!(response.text().await.unwrap(), FALLBACK, "{case}");

        let stored = site.event().await;
        let event = &stored.event;
        assert_eq!(event.id.to_string(), id, "{case}");
        assert_eq!(event.decision, EventDecision::Fallback, "{case}");
        assert_eq!(event.reason, Reason::Trigger, "{case}");
        assert_eq!(event.class, Some(class), "{case}");
        assert_eq!(event.status, status, "{case}");
        assert_eq!(event.notice, NoticeGiven::Header, "{case}");
        let [
            Attempt {
                route, class: seen, ..
            },
        ] = &event.attempts[..]
        else {
            panic!("{case}: {event:?}");
        };
        assert_eq!((route.as_str(), *seen), ("premium", Some(class)), "{case}");
        let outcome = stored.outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Completed, "{case}");
        assert_eq!((outcome.status, outcome.class), (200, None), "{case}");

        let seen = site.fallback.only();
        assert_eq!(seen.text(), BODY.replace("\"m\"", "\"model-2\""), "{case}");
        assert_eq!(seen.header("authorization"), Some("Bearer key-2"), "{case}");
    }
}

#[tokio::test]
async fn a_route_that_nobody_listens_on_is_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    let primary = Upstream::start(Script::json(200, PRIMARY)).await;
    let fallback = Upstream::start(Script::json(200, FALLBACK)).await;
    drop(gone);
    let site = Site::over(Plan::default(), primary, fallback).await;
    let mut catalog = (**site.catalog.borrow()).clone();
    catalog.routes.get_mut("premium").unwrap().base_url = format!("http://{address}");
    catalog.fingerprint = "f2".to_owned();
    site.catalog.send_replace(Arc::new(catalog));
    site.heartbeat(|beat| beat.fingerprint == "f2").await;
    let response = site.ask(BODY).await;
    assert_eq!(
        header(&response, "x-backstop-fallback"),
        Some("unreachable")
    );
    assert_eq!(response.text().await.unwrap(), FALLBACK);
    assert_eq!(site.event().await.event.fingerprint, "f2");
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
async fn when_both_routes_fail_the_primary_s_error_comes_back() {
    let site = Site::start().await;
    site.primary
        .set(Script::answer(503, &[("retry-after", "3")], OVERLOADED));
    site.fallback
        .set(Script::json(401, r#"{"error":{"code":"invalid_api_key"}}"#));
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 503);
    assert_eq!(header(&response, "retry-after"), Some("3"));
    assert_eq!(header(&response, "x-should-retry"), Some("false"));
    assert_eq!(header(&response, "x-backstop-attempts"), Some("2"));
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(header(&response, "x-backstop-fallback"), None);
    assert_eq!(response.text().await.unwrap(), OVERLOADED);
    let events = site.events(2).await;
    assert_eq!(events[0].event.decision, EventDecision::Fallback);
    assert_eq!(events[1].event.decision, EventDecision::Exhausted);
    assert_eq!(events[1].event.reason, Reason::AllRoutesFailed);
    assert_eq!(events[1].event.class, Some(ErrorClass::Authentication));
    assert_eq!(events[1].event.attempts.len(), 2);
    for stored in events {
        let outcome = stored.outcome.unwrap();
        assert_eq!(
            (outcome.kind, outcome.status),
            (OutcomeKind::ErrorReturned, 503)
        );
        assert_eq!(outcome.class, Some(ErrorClass::Authentication));
    }
}

#[tokio::test]
async fn a_failure_without_an_answer_becomes_an_error_in_the_clients_shape() {
    for (family, path, kind) in [
        (
            Family::OpenaiChat,
            "/w/support-chat/v1/chat/completions",
            "server_error",
        ),
        (
            Family::AnthropicMessages,
            "/w/support-chat/v1/messages",
            "timeout_error",
        ),
    ] {
        let site = Site::with(Plan {
            family,
            workload: Box::new(|workload| {
                workload.timeouts.headers = Duration::from_millis(50);
                workload.fallback = None;
            }),
            ..Plan::default()
        })
        .await;
        site.primary.set(Script::new().step(Step::Hang));
        let response = site
            .post(path, r#"{"model":"m","max_tokens":1,"messages":[]}"#)
            .await;
        assert_eq!(response.status(), 504);
        assert_eq!(
            header(&response, "x-backstop-error"),
            Some("backstop_upstream_timeout")
        );
        assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["type"], kind, "{body}");
        assert_eq!(body["error"]["source"], "backstop");
        site.primary.cancelled(1).await;
    }
}

#[tokio::test]
async fn the_first_attempt_is_cancelled_before_the_second_starts() {
    let site = Site::with(hasty()).await;
    let gate = Arc::new(Semaphore::new(0));
    site.primary.set(Script::new().step(Step::Hang));
    site.fallback
        .set(Script::json(200, FALLBACK).step(Step::Gate(Arc::clone(&gate))));
    let response = site.ask(BODY).await;
    assert_eq!(response.status(), 200);
    site.primary.cancelled(1).await;
}

#[tokio::test]
async fn an_inline_notice_stands_before_the_text_of_a_whole_answer() {
    let site = Site::with(workload(|workload| {
        workload.notice.style = NoticeStyle::Inline;
    }))
    .await;
    site.primary.set(Script::json(503, OVERLOADED));
    let response = site.ask(BODY).await;
    assert_eq!(
        header(&response, "x-backstop-degraded"),
        Some("Served by a backup model.")
    );
    let length: usize = header(&response, "content-length")
        .unwrap()
        .parse()
        .unwrap();
    let text = response.text().await.unwrap();
    assert_eq!(text.len(), length);
    let body: Value = serde_json::from_str(&text).unwrap();
    let content = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(
        content.starts_with("Served by a backup model."),
        "{content}"
    );
    assert!(content.ends_with("from the fallback"), "{content}");
    assert_eq!(body["model"], "served-2");
    assert_eq!(site.event().await.event.notice, NoticeGiven::Inline);
}

#[tokio::test]
async fn an_answer_in_a_demanded_form_keeps_its_form() {
    let site = Site::with(workload(|workload| {
        workload.notice.style = NoticeStyle::Inline;
    }))
    .await;
    site.primary.set(Script::json(503, OVERLOADED));
    let body = r#"{"model":"m","messages":[],"response_format":{"type":"json_object"}}"#;
    let response = site.ask(body).await;
    assert_eq!(
        header(&response, "x-backstop-degraded"),
        Some("Served by a backup model.")
    );
    assert_eq!(response.text().await.unwrap(), FALLBACK);
    assert_eq!(site.event().await.event.notice, NoticeGiven::Header);
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
    assert_eq!(why, "overloaded: 5 failures in a row");
    let traffic = &beat.workloads[0];
    assert_eq!(
        (traffic.fallbacks, traffic.primary_failures, traffic.errors),
        (6, 5, 0)
    );
    assert!(traffic.failing_since.is_some() && traffic.last_fallback.is_some());
    assert_eq!(traffic.last_primary, None);
}

#[tokio::test]
async fn errors_that_the_caller_made_are_told_from_those_that_nothing_caught() {
    let site = Site::with(workload(|workload| {
        workload.triggers = [ErrorClass::Timeout].into_iter().collect();
    }))
    .await;
    site.primary.set(Script::json(400, OVERLOADED));
    site.ask(BODY).await;
    site.primary.set(Script::json(503, OVERLOADED));
    site.ask(BODY).await;
    let beat = site
        .heartbeat(|beat| {
            beat.workloads
                .first()
                .is_some_and(|traffic| traffic.requests == 2)
        })
        .await;
    let traffic = &beat.workloads[0];
    assert_eq!(
        (traffic.errors, traffic.uncaught, traffic.primary_failures),
        (2, 1, 1)
    );
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
async fn anthropic_requests_fall_back_in_their_own_family() {
    let answer = r#"{"id":"msg_1","type":"message","role":"assistant","model":"served-2","content":[{"type":"text","text":"hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}"#;
    let site = Site::with(Plan {
        family: Family::AnthropicMessages,
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    ));
    site.fallback.set(Script::json(200, answer));
    let response = site
        .post(
            "/w/support-chat/v1/messages?beta=true",
            r#"{"model":"m","max_tokens":9,"messages":[]}"#,
        )
        .await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("overloaded"));
    assert_eq!(response.text().await.unwrap(), answer);
    let seen = site.fallback.only();
    assert_eq!(seen.line, "POST /v1/messages?beta=true HTTP/1.1");
    assert_eq!(seen.header("x-api-key"), Some("key-2"));
    assert_eq!(seen.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(site.event().await.event.family, Family::AnthropicMessages);
}
