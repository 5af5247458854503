//! Counting tokens: the same policy as any request, and the truth about who counted.

use backstop::model::{Family, Method, NoticeGiven, NoticeStyle, Workload};
use serde_json::Value;

use crate::support::{
    gateway::{Plan, Site, header, own_headers},
    upstream::Script,
};

const BODY: &str =
    r#"{ "model" : "m", "messages": [{"role":"user","content":"hi"}], "new": {"a": 1.50} }"#;
const PATH: &str = "/w/support-chat/v1/messages/count_tokens";
const OVERLOADED: &str =
    r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;

async fn site(workload: impl Fn(&mut Workload) + 'static) -> Site {
    let site = Site::with(Plan {
        family: Family::AnthropicMessages,
        workload: Box::new(workload),
        ..Plan::default()
    })
    .await;
    site.primary
        .set(Script::json(200, r#"{"input_tokens":14}"#));
    site.fallback
        .set(Script::json(200, r#"{"input_tokens":17,"new":true}"#));
    site
}

#[tokio::test]
async fn a_count_passes_as_bytes_and_asks_the_routes_model() {
    let site = site(|_| {}).await;
    let response = site.post(&format!("{PATH}?beta=true"), BODY).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(own_headers(&response).len(), 3);
    assert_eq!(response.text().await.unwrap(), r#"{"input_tokens":14}"#);
    let seen = site.primary.only();
    assert_eq!(
        seen.line,
        "POST /v1/messages/count_tokens?beta=true HTTP/1.1"
    );
    assert_eq!(seen.text(), BODY.replace("\"m\"", "\"model-1\""));
    assert_eq!(seen.header("x-api-key"), Some("key-1"));
}

#[tokio::test]
async fn a_count_of_another_model_says_so_and_its_body_keeps_its_form() {
    // An inline notice has no place in a number: it is given in the header.
    let site = site(|workload| workload.notice.style = NoticeStyle::Inline).await;
    site.primary.set(Script::json(529, OVERLOADED));
    let response = site.post(PATH, BODY).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("stable"));
    assert_eq!(header(&response, "x-backstop-fallback"), Some("overloaded"));
    assert_eq!(
        header(&response, "x-backstop-degraded"),
        Some("Served by a backup model.")
    );
    let id = header(&response, "x-backstop-event").unwrap().to_owned();
    assert_eq!(
        response.text().await.unwrap(),
        r#"{"input_tokens":17,"new":true}"#
    );
    let event = site.event().await.event;
    assert_eq!(event.id.to_string(), id);
    assert_eq!(event.notice, NoticeGiven::Header);
    assert!(!event.stream);
    assert_eq!(event.method, Some(Method::CountTokens));
}

#[tokio::test]
async fn an_answer_without_a_count_is_no_answer() {
    for (case, answer) in [
        ("a message", r#"{"type":"message","content":[]}"#),
        ("a word", r#"{"input_tokens":"many"}"#),
        ("an error", OVERLOADED),
        ("null", "null"),
    ] {
        let site = site(|_| {}).await;
        site.primary.set(Script::json(200, answer));
        let response = site.post(PATH, BODY).await;
        assert_eq!(
            header(&response, "x-backstop-fallback"),
            Some("broken-response"),
            "{case}"
        );
    }
}

#[tokio::test]
async fn a_count_is_never_streamed_whatever_the_body_says() {
    let site = site(|_| {}).await;
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let response = site.post(PATH, body).await;
    assert_eq!(response.text().await.unwrap(), r#"{"input_tokens":14}"#);
    assert_eq!(
        site.primary.only().text(),
        body.replace("\"m\"", "\"model-1\"")
    );
}

#[tokio::test]
async fn a_workload_of_another_family_has_no_count() {
    let site = Site::start().await;
    let response = site.post(PATH, BODY).await;
    assert_eq!(response.status(), 400);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["type"], "error", "{body}");
    assert_eq!(body["error"]["code"], "backstop_wrong_family", "{body}");
}
