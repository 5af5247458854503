//! `openai-responses` through a gateway: bytes, the commit point, faults before and after it, and what only
//! its provider keeps.

use std::sync::Arc;

use backstop::model::{
    Capability, CapabilitySet, ErrorClass, EventDecision, Family, Method, Mode, NoticeGiven,
    NoticeStyle, OutcomeKind, Reason, Route, Workload,
};
use serde_json::Value;
use tokio::{sync::Semaphore, time::timeout};

use crate::support::{
    gateway::{OVERLOADED, Plan, Site, header},
    upstream::{DEADLINE, LIMIT, Script, Step},
};

const PATH: &str = "/w/support-chat/v1/responses";
const WHOLE: &str = r#"{ "model": "m", "input": "hi", "new_field": {"a": [1.50, null]} }"#;
const STREAM: &str = r#"{"model":"m","input":"hi","stream":true}"#;
const ANSWER: &str = r#"{"id":"resp_1","object":"response","status":"completed","error":null,"model":"real","output":[{"type":"message","content":[{"type":"output_text","text":"one"}]}],"new":1}"#;
const OTHER: &str =
    r#"{"id":"resp_2","status":"completed","error":null,"model":"other","output":[]}"#;

const CREATED: &str = "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"status\":\"in_progress\",\"error\":null,\"output\":[]}}\n\n";
const ADDED: &str = "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\",\"content\":[]}}\n\n";
const ONE: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"one\"}\n\n";
const TWO: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"two\"}\n\n";
const COMPLETED: &str = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"error\":null,\"output\":[{\"type\":\"message\"}]}}\n\n";
const FAILED: &str = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"server_is_overloaded\",\"message\":\"sorry\"}}}\n\n";
const ERROR: &str = "event: error\ndata: {\"type\":\"error\",\"code\":\"server_is_overloaded\",\"message\":\"sorry\",\"param\":null,\"sequence_number\":2}\n\n";

fn good(words: &str) -> Script {
    Script::stream()
        .chunk(CREATED)
        .chunk(ADDED)
        .chunk(words)
        .chunk(COMPLETED)
        .end()
}

async fn site(workload: impl Fn(&mut Workload) + 'static) -> Site {
    with(workload, |_| {}).await
}

async fn with(
    workload: impl Fn(&mut Workload) + 'static,
    fallback: impl Fn(&mut Route) + 'static,
) -> Site {
    let site = Site::with(Plan {
        family: Family::OpenaiResponses,
        workload: Box::new(workload),
        fallback: Box::new(fallback),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(200, ANSWER));
    site.fallback.set(Script::json(200, OTHER));
    site
}

#[tokio::test]
async fn a_whole_answer_passes_as_bytes_and_only_the_model_is_replaced() {
    let site = site(|_| {}).await;
    let response = site.post(PATH, WHOLE).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(response.text().await.unwrap(), ANSWER);
    let seen = site.primary.only();
    assert_eq!(seen.line, "POST /v1/responses HTTP/1.1");
    assert_eq!(seen.text(), WHOLE.replace("\"m\"", "\"model-1\""));
    assert_eq!(seen.header("authorization"), Some("Bearer key-1"));
}

#[tokio::test]
async fn a_stream_passes_as_bytes_with_events_that_nobody_knows() {
    let site = site(|_| {}).await;
    let news = "event: response.new_thing.delta\nid: 7\ndata: {\"type\":\"response.new_thing.delta\", \"delta\" : {\"x\":1}}\n\n";
    let pieces = [
        ": hello\n\n",
        CREATED,
        "event: keepalive\ndata: {\"type\":\"keepalive\",\"sequence_number\":1}\n\n",
        ADDED,
        ONE.split_at(40).0,
        ONE.split_at(40).1,
        news,
        TWO,
        "event: response.new_thing.done\ndata: {\"type\":\"response.new_thing.done\",\"error\":\"a word\"}\n\n",
        COMPLETED,
    ];
    let script = pieces
        .iter()
        .fold(Script::stream(), |script, piece| script.chunk(piece));
    site.primary.set(script.end());
    let response = site.post(PATH, STREAM).await;
    assert_eq!(header(&response, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&response, "x-backstop-attempts"), Some("1"));
    assert_eq!(response.text().await.unwrap(), pieces.concat());
    assert_eq!(site.fallback.seen().len(), 0);
}

#[tokio::test]
async fn what_breaks_before_the_first_output_is_served_by_the_fallback() {
    let broken = ErrorClass::BrokenResponse;
    let rows = [
        (
            "a status",
            Script::json(503, OVERLOADED),
            ErrorClass::Overloaded,
        ),
        ("cut at once", Script::stream().step(Step::Reset), broken),
        (
            "cut after an empty message",
            Script::stream()
                .chunk(CREATED)
                .chunk(ADDED)
                .step(Step::Reset),
            broken,
        ),
        (
            "ended after it began",
            Script::stream().chunk(CREATED).end(),
            broken,
        ),
        (
            "failed",
            Script::stream().chunk(CREATED).chunk(FAILED).end(),
            broken,
        ),
        (
            "an error event",
            Script::stream().chunk(CREATED).chunk(ERROR).end(),
            broken,
        ),
        (
            "failed together with its first words",
            Script::stream()
                .chunk(&[CREATED, ONE, FAILED].concat())
                .end(),
            broken,
        ),
        (
            "no output in time",
            Script::stream()
                .chunk(CREATED)
                .chunk(ADDED)
                .step(Step::Hang),
            ErrorClass::Timeout,
        ),
        ("json", Script::json(200, ANSWER), broken),
        (
            "not json",
            Script::stream().chunk("event: x\ndata: {nope\n\n").end(),
            broken,
        ),
    ];
    for (case, script, class) in rows {
        let site = site(|workload| {
            workload.timeouts.first_output = LIMIT;
        })
        .await;
        site.primary.set(script);
        site.fallback.set(good(TWO));
        let response = site.post(PATH, STREAM).await;
        assert_eq!(response.status(), 200, "{case}");
        assert_eq!(
            header(&response, "x-backstop-route"),
            Some("stable"),
            "{case}"
        );
        assert_eq!(
            header(&response, "x-backstop-fallback"),
            Some(class.as_str()),
            "{case}"
        );
        assert_eq!(
            response.text().await.unwrap(),
            [CREATED, ADDED, TWO, COMPLETED].concat(),
            "{case}: nothing of the primary's"
        );
        let event = site.event().await;
        assert_eq!(event.event.decision, EventDecision::Fallback, "{case}");
        assert_eq!(event.event.class, Some(class), "{case}");
        assert_eq!(
            event.outcome.unwrap().kind,
            OutcomeKind::Completed,
            "{case}"
        );
    }
}

#[tokio::test]
async fn what_breaks_after_the_first_output_ends_with_an_error_that_sdks_raise() {
    let begun = [CREATED, ADDED, ONE].concat();
    let gate = Arc::new(Semaphore::new(0));
    let opening = || {
        Script::stream()
            .chunk(&begun)
            .step(Step::Gate(Arc::clone(&gate)))
    };
    for (case, script, own) in [
        ("cut", opening().step(Step::Reset), true),
        (
            "cut within an event",
            opening().chunk(TWO.split_at(30).0).step(Step::Reset),
            true,
        ),
        ("no verdict", opening().end(), true),
        ("idle", opening().step(Step::Hang), true),
        ("not json", opening().chunk("data: [nope\n\n").end(), true),
        ("failed", opening().chunk(FAILED).end(), false),
        ("an error event", opening().chunk(ERROR).end(), false),
    ] {
        let site = site(|workload| workload.timeouts.idle = LIMIT).await;
        site.primary.set(script);
        let mut response = site.post(PATH, STREAM).await;
        let mut text = Vec::new();
        // It breaks only when the first words are here.
        while text != begun.as_bytes() {
            let chunk = timeout(DEADLINE, response.chunk()).await.unwrap();
            text.extend_from_slice(&chunk.unwrap().expect(case));
        }
        gate.add_permits(1);
        while let Some(chunk) = timeout(DEADLINE, response.chunk()).await.unwrap().unwrap() {
            text.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(text).unwrap();
        let rest = text.strip_prefix(&begun).expect(case);
        if own {
            let data = rest.strip_prefix("event: error\ndata: ").expect(case);
            let error: Value = serde_json::from_str(data).unwrap();
            assert_eq!(error["type"], "error", "{case}");
            assert!(error["message"].is_string(), "{case}");
            assert!(error["sequence_number"].is_u64(), "{case}");
            assert_eq!(error["error"]["source"], "backstop", "{case}");
            assert_eq!(error["error"]["code"], error["code"], "{case}");
        } else {
            assert!(
                rest == FAILED || rest == ERROR,
                "{case}: the provider's own: {rest}"
            );
        }
        assert_eq!(site.fallback.seen().len(), 0, "{case}");
        let event = site.event().await;
        assert_eq!(event.event.decision, EventDecision::Broken, "{case}");
        assert_eq!(event.event.reason, Reason::AfterCommit, "{case}");
        assert_eq!(event.outcome.unwrap().kind, OutcomeKind::Broken, "{case}");
    }
}

#[tokio::test]
async fn a_response_that_failed_inside_a_200_is_a_failure_and_one_that_was_cut_is_an_answer() {
    let site = site(|_| {}).await;
    let failed =
        r#"{"status":"failed","error":{"code":"server_is_overloaded","message":"m"},"output":[]}"#;
    site.primary.set(Script::json(200, failed));
    let response = site.post(PATH, WHOLE).await;
    assert_eq!(
        header(&response, "x-backstop-fallback"),
        Some("broken-response")
    );
    assert_eq!(response.text().await.unwrap(), OTHER);
    let cut = r#"{"status":"incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#;
    site.primary.set(Script::json(200, cut));
    let response = site.post(PATH, WHOLE).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(response.text().await.unwrap(), cut);
}

#[tokio::test]
async fn what_only_the_primarys_provider_keeps_is_never_asked_of_another() {
    for (case, field) in [
        ("earlier response", r#""previous_response_id":"resp_1""#),
        ("conversation", r#""conversation":{"id":"conv_1"}"#),
        ("background", r#""background":true"#),
        (
            "sealed thought",
            r#""include":[],"input":[{"type":"reasoning","encrypted_content":"gAA"}]"#,
        ),
    ] {
        let body = format!(r#"{{"model":"m",{field}}}"#);
        let all_but_state: CapabilitySet = Capability::ALL
            .into_iter()
            .filter(|capability| *capability != Capability::ProviderState)
            .collect();
        let site = with(|_| {}, move |route| route.capabilities = all_but_state).await;
        site.primary.set(Script::json(503, OVERLOADED));
        let response = site.post(PATH, &body).await;
        assert_eq!(response.status(), 503, "{case}");
        assert_eq!(
            response.text().await.unwrap(),
            OVERLOADED,
            "{case}: its own words"
        );
        let event = site.event().await.event;
        assert_eq!(event.decision, EventDecision::Refused, "{case}");
        assert_eq!(
            event.reason,
            Reason::MissingCapability {
                missing: [Capability::ProviderState].into_iter().collect()
            },
            "{case}"
        );
        assert_eq!(site.fallback.seen().len(), 0, "{case}");

        let all = |route: &mut Route| route.capabilities = Capability::ALL.into_iter().collect();
        let site = with(|_| {}, all).await;
        site.primary.set(Script::json(503, OVERLOADED));
        let response = site.post(PATH, &body).await;
        assert_eq!(
            header(&response, "x-backstop-route"),
            Some("stable"),
            "{case}"
        );
    }
}

#[tokio::test]
async fn an_inline_notice_is_given_by_header_and_recorded_so() {
    for (body, script) in [(WHOLE, Script::json(200, OTHER)), (STREAM, good(TWO))] {
        let site = site(|workload| workload.notice.style = NoticeStyle::Inline).await;
        site.primary.set(Script::json(503, OVERLOADED));
        site.fallback.set(script);
        let response = site.post(PATH, body).await;
        assert_eq!(
            header(&response, "x-backstop-degraded"),
            Some("Served by a backup model.")
        );
        let text = response.text().await.unwrap();
        let unchanged = [CREATED, ADDED, TWO, COMPLETED].concat();
        assert!(text == OTHER || text == unchanged, "{text}");
        assert_eq!(site.event().await.event.notice, NoticeGiven::Header);
    }
}

#[tokio::test]
async fn a_count_of_tokens_is_asked_at_its_own_path() {
    let site = site(|_| {}).await;
    let count = r#"{"object":"response.input_tokens","input_tokens":11}"#;
    site.primary.set(Script::json(200, count));
    let response = site.post(&format!("{PATH}/input_tokens"), WHOLE).await;
    assert_eq!(response.text().await.unwrap(), count);
    let seen = site.primary.only();
    assert_eq!(seen.line, "POST /v1/responses/input_tokens HTTP/1.1");
}

#[tokio::test]
async fn errors_of_the_gateway_have_the_clients_shape() {
    let site = site(|_| {}).await;
    for (path, body, status, code) in [
        (
            "/w/nobody/v1/responses",
            WHOLE,
            404,
            "backstop_unknown_workload",
        ),
        (PATH, "{}", 400, "backstop_no_model"),
        (PATH, "not json", 400, "backstop_not_json"),
        (
            "/w/support-chat/v1/embeddings",
            WHOLE,
            400,
            "backstop_wrong_family",
        ),
    ] {
        let response = site.post(path, body).await;
        assert_eq!(response.status(), status, "{code}");
        assert_eq!(header(&response, "x-backstop-error"), Some(code));
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["code"], code);
        assert_eq!(error["error"]["source"], "backstop");
    }
}

#[tokio::test]
async fn what_is_stored_is_asked_of_the_primary_and_relayed_as_it_comes() {
    let site = site(|_| {}).await;
    for (method, path, upstream) in [
        (
            "GET",
            "/resp_1?include[]=x",
            "GET /v1/responses/resp_1?include[]=x",
        ),
        ("DELETE", "/resp_1", "DELETE /v1/responses/resp_1"),
        ("POST", "/resp_1/cancel", "POST /v1/responses/resp_1/cancel"),
        (
            "GET",
            "/resp_1/input_items?limit=2",
            "GET /v1/responses/resp_1/input_items?limit=2",
        ),
    ] {
        let answer = r#"{"id":"resp_1","deleted":true,"output":null}"#;
        site.primary.set(Script::json(200, answer));
        let before = site.primary.count();
        let response = send(&site, method, path).await;
        assert_eq!(response.status(), 200, "{method} {path}");
        assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
        assert_eq!(response.text().await.unwrap(), answer);
        let seen = site.primary.seen().remove(before);
        assert_eq!(seen.line, format!("{upstream} HTTP/1.1"));
        assert_eq!(seen.header("authorization"), Some("Bearer key-1"));
        assert_eq!(seen.text(), "", "{method} {path}");
    }
    let stream = [CREATED, ONE, COMPLETED].concat();
    site.primary.set(Script::stream().chunk(&stream).end());
    let response = send(&site, "GET", "/resp_1?stream=true&starting_after=1").await;
    assert_eq!(header(&response, "content-type"), Some("text/event-stream"));
    assert_eq!(response.text().await.unwrap(), stream);
}

async fn send(site: &Site, method: &str, path: &str) -> reqwest::Response {
    let url = site.url(&format!("{PATH}{path}"));
    let request = site.client.request(method.parse().unwrap(), url);
    timeout(DEADLINE, request.send()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_is_stored_is_never_asked_of_a_fallback_elsewhere() {
    let none = |route: &mut Route| route.capabilities = CapabilitySet::EMPTY;
    let missing = Reason::MissingCapability {
        missing: [Capability::ProviderState].into_iter().collect(),
    };
    let site = with(|_| {}, none).await;
    site.primary.set(Script::json(503, OVERLOADED));
    let response = send(&site, "GET", "/resp_1").await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), OVERLOADED);
    let event = site.event().await.event;
    assert_eq!(event.decision, EventDecision::Refused);
    assert_eq!(event.reason, missing);
    assert_eq!(event.method, Some(Method::Stored));
    assert_eq!(site.fallback.count(), 0);

    // Forced to the fallback: what is stored is still where it is, and the event says why it was asked there.
    let site = with(|workload| workload.mode = Mode::Force, none).await;
    let not_found = r#"{"error":{"message":"Response with id 'resp_2' not found.","type":"invalid_request_error","param":"id","code":null}}"#;
    site.primary.set(Script::json(404, not_found));
    let response = send(&site, "GET", "/resp_2").await;
    assert_eq!(response.status(), 404);
    assert_eq!(response.text().await.unwrap(), not_found);
    assert!(
        site.events(2)
            .await
            .iter()
            .any(|event| event.event.reason == missing)
    );
    assert_eq!(site.fallback.count(), 0);

    // A conversation is sealed by who makes it short.
    let site = with(|_| {}, none).await;
    site.primary.set(Script::json(503, OVERLOADED));
    let response = site.post(&format!("{PATH}/compact"), WHOLE).await;
    assert_eq!(response.status(), 503);
    let event = site.event().await.event;
    assert_eq!(event.reason, missing);
    assert_eq!(event.method, Some(Method::Compact));
    let seen = site.primary.only();
    assert_eq!(seen.line, "POST /v1/responses/compact HTTP/1.1");
    assert_eq!(seen.text(), WHOLE.replace("\"m\"", "\"model-1\""));
}

#[tokio::test]
async fn what_is_stored_needs_a_workload_of_its_family_and_a_path_of_the_api() {
    let site = site(|_| {}).await;
    for (method, path, status, code) in [
        (
            "GET",
            "/v1/responses/resp_1",
            404,
            "backstop_unknown_workload",
        ),
        (
            "PUT",
            "/w/support-chat/v1/responses/resp_1",
            405,
            "backstop_wrong_method",
        ),
        (
            "GET",
            "/w/support-chat/v1/responses/a%2Fb",
            404,
            "backstop_no_such_path",
        ),
        (
            "GET",
            "/w/support-chat/v1/responses/resp_1/other",
            404,
            "backstop_no_such_path",
        ),
    ] {
        let request = site.client.request(method.parse().unwrap(), site.url(path));
        let response = timeout(DEADLINE, request.send()).await.unwrap().unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(header(&response, "x-backstop-error"), Some(code), "{path}");
    }
    assert_eq!(site.primary.count(), 0);
}
