//! `openai-embeddings` through a gateway: bytes of both encodings, large batches, and vectors of one model
//! only.

use backstop::model::{
    Capability, CapabilitySet, ErrorClass, EventDecision, Family, NoticeGiven, NoticeStyle, Reason,
    Route, Workload,
};

use crate::support::{
    gateway::{OVERLOADED, Plan, Site, header},
    upstream::{Script, Step},
};

const PATH: &str = "/w/support-chat/v1/embeddings";
const BODY: &str = r#"{ "model": "m", "input": ["a", "b"], "new": 1.0 }"#;
const FLOATS: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-2.5e-3]}],"model":"real","usage":{"prompt_tokens":1,"total_tokens":1},"new":{}}"#;
const BASE64: &str = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":"zczMPQ=="}],"model":"real"}"#;

/// Both routes serve the same model, unless a test says otherwise.
async fn site(
    workload: impl Fn(&mut Workload) + 'static,
    fallback: impl Fn(&mut Route) + 'static,
) -> Site {
    let site = Site::with(Plan {
        family: Family::OpenaiEmbeddings,
        workload: Box::new(workload),
        fallback: Box::new(move |route| {
            "model-1".clone_into(&mut route.model);
            fallback(route);
        }),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(200, FLOATS));
    site.fallback.set(Script::json(200, BASE64));
    site
}

#[tokio::test]
async fn vectors_pass_as_bytes_in_both_encodings() {
    let site = site(|_| {}, |_| {}).await;
    for (body, answer) in [
        (BODY.to_owned(), FLOATS),
        (
            BODY.replace("\"new\": 1.0", "\"encoding_format\": \"base64\""),
            BASE64,
        ),
        (BODY.replace("\"new\": 1.0", "\"stream\": true"), FLOATS),
    ] {
        site.primary.set(Script::json(200, answer));
        let response = site.post(PATH, &body).await;
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
        assert_eq!(response.text().await.unwrap(), answer);
    }
    let seen = site.primary.seen();
    assert_eq!(seen[0].line, "POST /v1/embeddings HTTP/1.1");
    assert_eq!(seen[0].text(), BODY.replace("\"m\"", "\"model-1\""));
    assert_eq!(seen[0].header("authorization"), Some("Bearer key-1"));
}

#[tokio::test]
async fn a_large_batch_passes_unchanged() {
    let site = site(|_| {}, |_| {}).await;
    let numbers = vec!["-0.012345678"; 1536].join(",");
    let items: Vec<String> = (0..200)
        .map(|index| format!(r#"{{"object":"embedding","index":{index},"embedding":[{numbers}]}}"#))
        .collect();
    let answer = format!(
        r#"{{"object":"list","data":[{}],"model":"real"}}"#,
        items.join(",")
    );
    assert!(answer.len() > 3 << 20);
    site.primary.set(Script::json(200, &answer));
    let texts = vec![r#""a page of text""#; 2048].join(",");
    let body = format!(r#"{{"model":"m","input":[{texts}]}}"#);
    let response = site.post(PATH, &body).await;
    assert!(response.text().await.unwrap() == answer, "every byte");
    assert_eq!(
        site.primary.only().body.len(),
        body.len() + "model-1".len() - 1
    );
}

#[tokio::test]
async fn the_same_model_elsewhere_serves_when_the_primary_fails() {
    for (case, script, class) in [
        (
            "status",
            Script::json(503, OVERLOADED),
            ErrorClass::Overloaded,
        ),
        (
            "reset",
            Script::new().step(Step::Reset),
            ErrorClass::Unreachable,
        ),
        (
            "no vectors",
            Script::json(200, r#"{"data":[]}"#),
            ErrorClass::BrokenResponse,
        ),
        (
            "page",
            Script::json(200, "<html>"),
            ErrorClass::BrokenResponse,
        ),
        (
            "error inside",
            Script::json(
                200,
                r#"{"error":{"code":"server_is_overloaded","message":"m"}}"#,
            ),
            ErrorClass::BrokenResponse,
        ),
        (
            "null",
            Script::json(200, "null"),
            ErrorClass::BrokenResponse,
        ),
    ] {
        let site = site(
            |workload| workload.notice.style = NoticeStyle::Inline,
            |_| {},
        )
        .await;
        site.primary.set(script);
        let response = site.post(PATH, BODY).await;
        assert_eq!(
            header(&response, "x-backstop-fallback"),
            Some(class.as_str()),
            "{case}"
        );
        assert_eq!(
            header(&response, "x-backstop-degraded"),
            Some("Served by a backup model."),
            "{case}"
        );
        assert_eq!(
            response.text().await.unwrap(),
            BASE64,
            "{case}: vectors are not touched"
        );
        let event = site.event().await.event;
        assert_eq!(event.notice, NoticeGiven::Header, "{case}");
        assert_eq!(event.class, Some(class), "{case}");
    }
}

#[tokio::test]
async fn vectors_of_another_model_are_refused_and_the_event_says_why() {
    let other = |route: &mut Route| "model-2".clone_into(&mut route.model);
    let site = site(|_| {}, other).await;
    site.primary.set(Script::json(503, OVERLOADED));
    let response = site.post(PATH, BODY).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), OVERLOADED);
    let event = site.event().await.event;
    assert_eq!(event.decision, EventDecision::Refused);
    assert_eq!(event.reason, Reason::VectorsDiffer);
    assert_eq!(site.fallback.seen().len(), 0);
}

#[tokio::test]
async fn vectors_of_another_model_serve_with_a_written_reason_and_are_told() {
    let site = site(
        |workload| workload.may_change_vectors = Some("the index holds both".to_owned()),
        |route| "model-2".clone_into(&mut route.model),
    )
    .await;
    site.primary.set(Script::json(503, OVERLOADED));
    let response = site.post(PATH, BODY).await;
    assert_eq!(header(&response, "x-backstop-route"), Some("stable"));
    assert_eq!(header(&response, "x-backstop-fallback"), Some("overloaded"));
    assert_eq!(
        site.fallback.only().text(),
        BODY.replace("\"m\"", "\"model-2\"")
    );
}

#[tokio::test]
async fn a_length_or_tokens_that_the_fallback_does_not_know_are_refused() {
    for (body, need) in [
        (
            r#"{"model":"m","input":"a","dimensions":8}"#,
            Capability::Dimensions,
        ),
        (r#"{"model":"m","input":[1,2,3]}"#, Capability::TokenInput),
    ] {
        let site = site(|_| {}, |route| route.capabilities = CapabilitySet::EMPTY).await;
        site.primary.set(Script::json(503, OVERLOADED));
        assert_eq!(site.post(PATH, body).await.status(), 503);
        let missing = [need].into_iter().collect();
        assert_eq!(
            site.event().await.event.reason,
            Reason::MissingCapability { missing }
        );
    }
}
