//! The relay: what goes up, what comes down, and for which workload.

use std::time::Duration;

use backstop::{
    clock::Clock,
    model::{Readiness, WorkloadReadiness},
    store::{Access, Store},
};
use serde_json::Value;
use tokio::time::timeout;

use crate::support::{
    gateway::{PRIMARY, Plan, Site, header, own_headers, unique},
    upstream::{DEADLINE, Script},
};

const BODY: &str = r#"{ "unknown": {"deep": [1, 2.50, "x"]}, "model": "whatever", "messages": [{"role": "user", "content": "hi \u00e9"}], "temperature": 1e-1 }"#;

#[tokio::test]
async fn bytes_pass_and_only_the_model_and_the_credential_change() {
    let site = Site::start().await;
    let response = site
        .client
        .post(site.url("/w/support-chat/v1/chat/completions?trace=1"))
        .header("authorization", "Bearer client-key")
        .header("cookie", "a=b")
        .header("x-backstop-anything", "1")
        .header("x-own", "stays")
        .header("content-type", "application/json; charset=utf-8")
        .body(BODY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        header(&response, "x-backstop-workload"),
        Some("support-chat")
    );
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(header(&response, "x-backstop-attempts"), Some("1"));
    assert_eq!(own_headers(&response).len(), 3);
    assert_eq!(response.text().await.unwrap(), PRIMARY);

    let seen = site.primary.only();
    assert_eq!(seen.line, "POST /v1/chat/completions?trace=1 HTTP/1.1");
    assert_eq!(seen.text(), BODY.replace("\"whatever\"", "\"model-1\""));
    assert_eq!(seen.header("authorization"), Some("Bearer key-1"));
    assert_eq!(seen.header("x-own"), Some("stays"));
    assert_eq!(
        seen.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        seen.header("host"),
        Some(site.primary.url().trim_start_matches("http://"))
    );
    assert_eq!(seen.header("cookie"), None);
    assert_eq!(seen.header("x-backstop-anything"), None);
    assert_eq!(site.fallback.count(), 0);
}

#[tokio::test]
async fn provider_headers_come_down_and_forged_ones_do_not() {
    let site = Site::start().await;
    site.primary.queue(Script::answer(
        200,
        &[
            ("content-type", "application/json"),
            ("x-request-id", "req-1"),
            ("x-ratelimit-remaining-requests", "7"),
            ("set-cookie", "a=1"),
            ("x-backstop-fallback", "forged"),
        ],
        PRIMARY,
    ));
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-request-id"), Some("req-1"));
    assert_eq!(
        header(&response, "x-ratelimit-remaining-requests"),
        Some("7")
    );
    assert_eq!(header(&response, "set-cookie"), None);
    assert_eq!(header(&response, "x-backstop-fallback"), None);
}

#[tokio::test]
async fn a_workload_is_named_by_path_header_or_model() {
    let site = Site::start().await;
    let named = |path: &str, header: Option<&str>, model: &str| {
        let mut request = site.client.post(site.url(path));
        if let Some(name) = header {
            request = request.header("x-backstop-workload", name);
        }
        request
            .body(format!(r#"{{"model":"{model}","messages":[]}}"#))
            .send()
    };
    for (case, path, header, model) in [
        ("path", "/w/support-chat/v1/chat/completions", None, "m"),
        (
            "path wins",
            "/w/support-chat/v1/chat/completions",
            Some("other"),
            "m",
        ),
        ("header", "/v1/chat/completions", Some("support-chat"), "m"),
        ("model", "/v1/chat/completions", None, "support-chat"),
    ] {
        let response = named(path, header, model).await.unwrap();
        assert_eq!(response.status(), 200, "{case}");
    }
    for (case, path, header, model) in [
        ("path", "/w/other/v1/chat/completions", None, "m"),
        (
            "header",
            "/v1/chat/completions",
            Some("other"),
            "support-chat",
        ),
        ("model", "/v1/chat/completions", None, "other"),
    ] {
        let response = named(path, header, model).await.unwrap();
        assert_eq!(response.status(), 404, "{case}");
        let code = response.headers()["x-backstop-error"].clone();
        assert_eq!(code, "backstop_unknown_workload", "{case}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["source"], "backstop", "{case}: {body}");
    }
}

#[tokio::test]
async fn requests_that_are_none_get_an_error_of_our_own() {
    let site = Site::start().await;
    let chat = "/w/support-chat/v1/chat/completions";
    for (case, path, body, status, code) in [
        ("no such path", "/v2/x", "{}", 404, "backstop_no_such_path"),
        (
            "a method of another path",
            "/v1/models",
            "{}",
            405,
            "backstop_wrong_method",
        ),
        (
            "another family",
            "/w/support-chat/v1/messages",
            r#"{"model":"m","max_tokens":1,"messages":[]}"#,
            400,
            "backstop_wrong_family",
        ),
        ("not json", chat, "hello", 400, "backstop_not_json"),
        (
            "no model",
            chat,
            r#"{"messages":[]}"#,
            400,
            "backstop_no_model",
        ),
    ] {
        let response = site.post(path, body).await;
        assert_eq!(response.status(), status, "{case}");
        assert_eq!(header(&response, "x-backstop-error"), Some(code), "{case}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["source"], "backstop", "{case}: {body}");
    }
    assert_eq!(site.primary.count(), 0);
    assert_eq!(site.ask(BODY).await.status(), 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let site = Site::start().await;
    let limit = 1024 * 1024;
    let body = |size: usize| {
        let frame = r#"{"model":"m","messages":[],"pad":""}"#;
        let pad = "x".repeat(size - frame.len());
        format!(r#"{{"model":"m","messages":[],"pad":"{pad}"}}"#)
    };
    let large = body(limit);
    assert_eq!(large.len(), limit);
    assert_eq!(site.ask(&large).await.status(), 200);
    assert_eq!(
        site.primary.only().text(),
        large.replace("\"m\"", "\"model-1\"")
    );
    let response = site.ask(&body(limit + 1)).await;
    assert_eq!(response.status(), 413);
    assert_eq!(
        header(&response, "x-backstop-error"),
        Some("backstop_body_too_large")
    );
    assert_eq!(site.primary.count(), 1);
}

#[tokio::test]
async fn an_answer_that_is_larger_than_what_is_checked_passes_whole() {
    let site = Site::start().await;
    let answer = PRIMARY.replace("from the primary", &"word ".repeat(300_000));
    site.primary.queue(Script::json(200, &answer));
    let response = site.ask(BODY).await;
    assert_eq!(
        header(&response, "content-length"),
        Some(answer.len().to_string().as_str())
    );
    assert_eq!(response.text().await.unwrap(), answer);
}

#[tokio::test]
async fn connections_upstream_are_kept_and_a_dead_one_is_replaced() {
    let site = Site::start().await;
    let client = &site.client;
    for _ in 0..3 {
        assert_eq!(site.ask(BODY).await.status(), 200);
    }
    let seen = site.primary.seen();
    assert!(seen.iter().all(|seen| seen.connection == seen.connection));
    // The provider closes a kept connection when it has the request: it may be at work on it, so the request
    // is not sent again to the same route behind everybody's back.
    site.primary
        .queue(Script::new().step(crate::support::upstream::Step::Reset));
    let response = client
        .post(site.url("/w/support-chat/v1/chat/completions"))
        .body(BODY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-route"), Some("stable"));
    assert_eq!(header(&response, "x-backstop-attempts"), Some("2"));
    assert_eq!(site.primary.count(), 4);
    assert_eq!(site.fallback.count(), 1);
    // The dead connection is forgotten.
    let response = site.ask(BODY).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
}

#[tokio::test]
async fn the_workloads_are_listed_as_models() {
    let site = Site::start().await;
    for path in ["/v1/models", "/w/support-chat/v1/models"] {
        let body: Value = site.get(path).await.json().await.unwrap();
        assert_eq!(body["data"][0]["id"], "support-chat", "{path}: {body}");
    }
    let body: Value = site
        .get("/v1/models/support-chat")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(body["id"], "support-chat");
    assert_eq!(site.get("/v1/models/other").await.status(), 404);
    assert_eq!(site.get("/w/other/v1/models").await.status(), 404);
}

#[tokio::test]
async fn health_readiness_and_metrics_are_told() {
    let site = Site::start().await;
    site.ask(BODY).await;
    assert_eq!(site.get("/healthz").await.text().await.unwrap(), "alive\n");
    let ready = site.get("/readyz").await;
    assert_eq!(ready.status(), 200);
    let text = ready.text().await.unwrap();
    assert!(
        text.contains("store: good") && text.contains("f1 in force"),
        "{text}"
    );
    site.refused.send_replace(Some("line 3: bad".to_owned()));
    let text = site.get("/readyz").await.text().await.unwrap();
    assert!(text.contains("refused: line 3: bad"), "{text}");
    let metrics = site.get("/metrics").await.text().await.unwrap();
    for line in [
        r#"backstop_requests_total{workload="support-chat",route="premium",outcome="served"} 1"#,
        r#"backstop_attempts_total{route="premium",class="none"} 1"#,
        r#"backstop_fallback_served_total{workload="support-chat"} 0"#,
        r#"backstop_circuit_state{route="premium"} 0"#,
        r#"backstop_gateway_overhead_seconds_count{workload="support-chat"} 1"#,
        "backstop_applied_revision 0",
        "backstop_event_queue 0",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} not in\n{metrics}");
    }
}

#[tokio::test]
async fn the_metrics_say_which_fallback_is_ready() {
    let url = format!("memory:{}", unique("readiness"));
    // Held, so that what the prober has written is there when the gateway starts.
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    let of = |workload: &str| WorkloadReadiness {
        workload: workload.into(),
        fallback: Some("stable".into()),
        word: Readiness::Blocked,
        reasons: Vec::new(),
        proven: None,
    };
    let known = vec![of("support-chat"), of("gone")];
    store.put_readiness(known).await.unwrap();
    let site = Site::with(Plan {
        store: Some(url),
        ..Plan::default()
    })
    .await;
    let page = async {
        loop {
            let page = site.get("/metrics").await.text().await.unwrap();
            if page.contains("support-chat\",word=") {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let page = timeout(DEADLINE, page).await.expect("readiness is told");
    for line in [
        r#"backstop_workload_readiness{workload="support-chat",word="blocked"} 1"#,
        r#"backstop_workload_readiness{workload="support-chat",word="ready"} 0"#,
    ] {
        assert!(page.contains(line), "{line} not in\n{page}");
    }
    assert!(!page.contains("gone"), "only what is configured: {page}");
}
