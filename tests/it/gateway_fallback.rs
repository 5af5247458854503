//! Before the commit point: which failures lead to the fallback, and what is recorded.

use std::{sync::Arc, time::Duration};

use backstop::model::{
    Attempt, ErrorClass, ErrorDetail, EventDecision, Family, NoticeGiven, NoticeStyle, OutcomeKind,
    Reason, Workload, WorkloadTraffic,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Semaphore};

use crate::support::{
    gateway::{FALLBACK, OVERLOADED, PRIMARY, Plan, Site, header, own_headers},
    upstream::{LIMIT, Script, Step, Upstream},
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
    workload(|workload| workload.timeouts.headers = LIMIT)
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
async fn an_event_says_what_exactly_was_wrong() {
    for (case, status, body, class, detail) in [
        (
            "unknown model",
            404,
            r#"{"error":{"message":"The model `m` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            ErrorClass::InvalidRequest,
            Some(ErrorDetail::UnknownModel),
        ),
        (
            "context length",
            400,
            r#"{"error":{"message":"m","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            ErrorClass::InvalidRequest,
            Some(ErrorDetail::ContextLength),
        ),
        (
            "nothing more",
            503,
            OVERLOADED,
            ErrorClass::Overloaded,
            None,
        ),
    ] {
        let site = Site::start().await;
        site.primary.set(Script::json(status, body));
        site.ask(BODY).await;
        let event = site.event().await.event;
        assert_eq!((event.class, event.detail), (Some(class), detail), "{case}");
        assert_eq!(event.attempts[0].detail, detail, "{case}");
    }
}

#[tokio::test]
async fn the_outcome_says_how_the_notice_in_fact_came() {
    let large = FALLBACK.replace("from the fallback", &"long ".repeat(800 * 1024));
    let tool = r#"{"id":"f","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}"#;
    for (case, style, answer, decided, given) in [
        (
            "text",
            NoticeStyle::Inline,
            FALLBACK,
            NoticeGiven::Inline,
            NoticeGiven::Inline,
        ),
        (
            "no text",
            NoticeStyle::Inline,
            tool,
            NoticeGiven::Inline,
            NoticeGiven::Header,
        ),
        (
            "too large to be read",
            NoticeStyle::Inline,
            &*large,
            NoticeGiven::Inline,
            NoticeGiven::Header,
        ),
        (
            "by header",
            NoticeStyle::Header,
            FALLBACK,
            NoticeGiven::Header,
            NoticeGiven::Header,
        ),
    ] {
        let site = Site::with(workload(move |workload| workload.notice.style = style)).await;
        site.primary.set(Script::json(503, OVERLOADED));
        site.fallback.set(Script::json(200, answer));
        let response = site.ask(BODY).await;
        assert!(header(&response, "x-backstop-degraded").is_some(), "{case}");
        let text = response.text().await.unwrap();
        assert_eq!(
            text.contains("Served by a backup model."),
            given == NoticeGiven::Inline,
            "{case}"
        );
        let stored = site.event().await;
        assert_eq!(stored.event.notice, decided, "{case}");
        assert_eq!(stored.outcome.unwrap().notice, Some(given), "{case}");
    }
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
    assert!(traffic.last_uncaught.is_some());

    // A heartbeat of a version that did not tell is read all the same.
    let mut before = serde_json::to_value(traffic).unwrap();
    before.as_object_mut().unwrap().remove("last_uncaught");
    let read: WorkloadTraffic = serde_json::from_value(before).unwrap();
    assert_eq!((read.uncaught, read.last_uncaught), (1, None));
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
