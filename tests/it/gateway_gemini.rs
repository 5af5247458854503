//! Google's family through the gateway: both methods, both framings, before and after the commit point.

use backstop::model::{
    Capability, ErrorClass, EventDecision, Family, NoticeGiven, NoticeStyle, Reason, Workload,
};
use reqwest::Response;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{
    gateway::{Plan, Site, header, own_headers},
    upstream::{DEADLINE, LIMIT, Script, Step},
};

const MODEL: &str = "/w/support-chat/v1beta/models/anything";
const BODY: &str =
    r#"{ "contents" : [{"role":"user","parts":[{"text":"hi \u00e9"}]}], "new": {"a": 1.50} }"#;
const ANSWER: &str = r#"{"candidates":[{"content":{"parts":[{"text":"from the primary"}],"role":"model"},"finishReason":"STOP","index":0}],"modelVersion":"served-1","new":[1, 2]}"#;
const SECOND: &str = r#"{"candidates":[{"content":{"parts":[{"text":"from the fallback"}],"role":"model"},"finishReason":"STOP","index":0}],"modelVersion":"served-2"}"#;
const UNAVAILABLE: &str =
    r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#;

async fn site() -> Site {
    with(|_| {}).await
}

async fn with(workload: impl Fn(&mut Workload) + 'static) -> Site {
    let site = Site::with(Plan {
        family: Family::GeminiGenerate,
        workload: Box::new(workload),
        settings: Box::new(|settings| settings.max_body = 32 << 20),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(200, ANSWER));
    site.fallback.set(Script::json(200, SECOND));
    site
}

/// How a client asks for a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Framing {
    Events,
    Array,
}

const FRAMINGS: [Framing; 2] = [Framing::Events, Framing::Array];

impl Framing {
    fn path(self) -> String {
        match self {
            Self::Events => format!("{MODEL}:streamGenerateContent?alt=sse"),
            Self::Array => format!("{MODEL}:streamGenerateContent"),
        }
    }

    fn head(self) -> Script {
        let kind = match self {
            Self::Events => "text/event-stream",
            Self::Array => "application/json; charset=UTF-8",
        };
        Script::new().send(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        ))
    }

    /// One answer as Google's servers write it.
    fn answer(self, first: bool, answer: &str) -> String {
        match (self, first) {
            (Self::Events, _) => format!("data: {answer}\r\n\r\n"),
            (Self::Array, true) => format!("[{answer}\n"),
            (Self::Array, false) => format!(",\r\n{answer}\n"),
        }
    }

    fn close(self) -> &'static str {
        match self {
            Self::Events => "",
            Self::Array => "]\n",
        }
    }

    /// A whole stream, one chunk for each answer, and its bytes.
    fn stream(self, answers: &[&str]) -> (Script, String) {
        let (mut script, mut bytes) = (self.head(), String::new());
        for (index, answer) in answers.iter().enumerate() {
            let piece = self.answer(index == 0, answer);
            script = script.chunk(&piece);
            bytes += &piece;
        }
        if !self.close().is_empty() {
            script = script.chunk(self.close());
            bytes += self.close();
        }
        (script.end(), bytes)
    }

    /// What a client reads.
    fn read(self, stream: &str) -> Vec<Value> {
        match self {
            Self::Events => stream
                .lines()
                .filter_map(|line| line.strip_prefix("data: "))
                .map(|data| serde_json::from_str(data).unwrap())
                .collect(),
            Self::Array => serde_json::from_str(stream).unwrap(),
        }
    }
}

fn text(text: &str) -> String {
    json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}]})
        .to_string()
}

const STOP: &str = r#"{"candidates":[{"finishReason":"STOP","index":0}],"usageMetadata":{"totalTokenCount":7},"modelVersion":"served-1"}"#;

/// The body of a stream, by pieces as they come.
async fn piece(response: &mut Response) -> String {
    let piece = timeout(DEADLINE, response.chunk()).await.unwrap().unwrap();
    String::from_utf8(piece.expect("more of the body").to_vec()).unwrap()
}

#[tokio::test]
async fn bytes_pass_and_only_path_and_key_change() {
    let site = site().await;
    let response = site
        .client
        .post(site.url(&format!(
            "{MODEL}:generateContent?key=client-secret&prettyPrint=false"
        )))
        .header("x-goog-api-key", "client-secret")
        .header("authorization", "Bearer client-secret")
        .header("x-goog-api-client", "google-genai-sdk/1")
        .body(BODY)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
    assert_eq!(own_headers(&response).len(), 3);
    assert_eq!(response.text().await.unwrap(), ANSWER);
    let seen = site.primary.only();
    assert_eq!(
        seen.line,
        "POST /v1beta/models/model-1:generateContent?prettyPrint=false HTTP/1.1"
    );
    assert_eq!(seen.text(), BODY);
    assert_eq!(seen.header("x-goog-api-key"), Some("key-1"));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("x-goog-api-client"), Some("google-genai-sdk/1"));
    assert!(!format!("{seen:?}").contains("client-secret"));
}

#[tokio::test]
async fn a_workload_is_named_by_path_header_or_the_model_in_the_path() {
    let site = site().await;
    for (case, path, header, status) in [
        (
            "path",
            "/w/support-chat/v1beta/models/m:generateContent",
            None,
            200,
        ),
        (
            "stable version",
            "/w/support-chat/v1/models/m:generateContent",
            None,
            200,
        ),
        (
            "header",
            "/v1beta/models/m:generateContent",
            Some("support-chat"),
            200,
        ),
        (
            "model",
            "/v1beta/models/support-chat:generateContent",
            None,
            200,
        ),
        (
            "model, encoded",
            "/v1beta/models/support%2Dchat%3AgenerateContent",
            None,
            200,
        ),
        ("unknown", "/v1beta/models/other:generateContent", None, 404),
    ] {
        let mut request = site.client.post(site.url(path)).body(BODY);
        if let Some(name) = header {
            request = request.header("x-backstop-workload", name);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status, "{case}");
        if status == 404 {
            let body: Value = response.json().await.unwrap();
            assert_eq!(body["error"]["status"], "NOT_FOUND", "{case}: {body}");
            assert_eq!(
                body["error"]["details"][0]["reason"], "backstop_unknown_workload",
                "{case}: {body}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_relayed_is_refused_in_googles_shape() {
    let site = site().await;
    for (case, path, status, code) in [
        (
            "another method",
            "/w/support-chat/v1beta/models/m:embedContent",
            501,
            "backstop_unsupported_method",
        ),
        (
            "a batch",
            "/w/support-chat/v1beta/models/m:batchGenerateContent",
            501,
            "backstop_unsupported_method",
        ),
        (
            "a tuned model",
            "/w/support-chat/v1beta/tunedModels/m:generateContent",
            404,
            "backstop_no_such_path",
        ),
        (
            "files",
            "/w/support-chat/v1beta/files",
            404,
            "backstop_no_such_path",
        ),
        (
            "binary",
            "/w/support-chat/v1beta/models/m:generateContent?alt=proto",
            400,
            "backstop_unsupported_query",
        ),
        (
            "a part of the answer",
            "/w/support-chat/v1beta/models/m:generateContent?fields=usageMetadata",
            400,
            "backstop_unsupported_query",
        ),
    ] {
        let response = site.post(path, BODY).await;
        assert_eq!(response.status(), status, "{case}");
        assert_eq!(header(&response, "x-backstop-error"), Some(code), "{case}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["error"]["code"], status, "{case}: {body}");
        assert_eq!(
            body["error"]["details"][0]["reason"], code,
            "{case}: {body}"
        );
    }
    assert_eq!(site.primary.count(), 0);
}

#[tokio::test]
async fn streams_pass_byte_by_byte_in_both_framings() {
    let site = site().await;
    for framing in FRAMINGS {
        let (script, bytes) = framing.stream(&[&text("one"), &text("two"), STOP]);
        site.primary.set(script);
        let response = site.post(&framing.path(), BODY).await;
        assert_eq!(response.status(), 200, "{framing:?}");
        assert_eq!(header(&response, "x-backstop-route"), Some("premium"));
        assert_eq!(response.text().await.unwrap(), bytes, "{framing:?}");
        let seen = site.primary.seen().pop().unwrap();
        let line = match framing {
            Framing::Events => "POST /v1beta/models/model-1:streamGenerateContent?alt=sse HTTP/1.1",
            Framing::Array => "POST /v1beta/models/model-1:streamGenerateContent HTTP/1.1",
        };
        assert_eq!(seen.line, line);
        assert_eq!(seen.text(), BODY);
    }
    assert_eq!(site.fallback.count(), 0);
}

#[tokio::test]
async fn a_piece_of_an_array_goes_on_as_soon_as_it_is_whole() {
    let site = site().await;
    for framing in FRAMINGS {
        let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
        let first = framing.answer(true, &text("one"));
        let rest = format!("{}{}", framing.answer(false, STOP), framing.close());
        site.primary.set(
            framing
                .head()
                .chunk(&first)
                .step(Step::Gate(std::sync::Arc::clone(&gate)))
                .chunk(&rest)
                .end(),
        );
        let mut response = site.post(&framing.path(), BODY).await;
        let came = piece(&mut response).await;
        assert!(first.starts_with(&came) && came.contains("one"), "{came}");
        gate.add_permits(1);
        let left = response.text().await.unwrap();
        assert_eq!(came + &left, first + &rest, "{framing:?}");
    }
}

#[tokio::test]
async fn failures_before_the_first_output_are_served_by_the_fallback() {
    use ErrorClass::{BrokenResponse, Overloaded, RateLimited, ServerError};
    let html = || Script::answer(200, &[("content-type", "text/html")], "<html>");
    for framing in FRAMINGS {
        let error_first = framing.stream(&[UNAVAILABLE]).0;
        let cut = framing
            .head()
            .chunk(&framing.answer(true, r#"{"usageMetadata":{"promptTokenCount":3}}"#))
            .step(Step::Close);
        let silent = framing
            .stream(&[r#"{"usageMetadata":{"promptTokenCount":3}}"#])
            .0;
        for (case, script, class) in [
            ("503", Script::json(503, UNAVAILABLE), Overloaded),
            (
                "500 in a list",
                Script::json(
                    500,
                    r#"[{"error":{"code":500,"message":"m","status":"INTERNAL"}}]"#,
                ),
                ServerError,
            ),
            ("error first", error_first, BrokenResponse),
            ("cut before output", cut, BrokenResponse),
            ("no answer in it", silent, BrokenResponse),
            ("html", html(), BrokenResponse),
            (
                "error with success",
                Script::json(200, UNAVAILABLE),
                BrokenResponse,
            ),
            (
                "reset",
                Script::new().step(Step::Reset),
                ErrorClass::Unreachable,
            ),
            (
                "rate limit",
                Script::json(
                    429,
                    r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"GenerateRequestsPerMinute"}]}]}}"#,
                ),
                RateLimited,
            ),
        ] {
            let site = with(|workload| {
                workload.triggers = ErrorClass::ALL.into_iter().collect();
            })
            .await;
            site.primary.set(script);
            let (script, bytes) = framing.stream(&[&text("second"), STOP]);
            site.fallback.set(script);
            let response = site.post(&framing.path(), BODY).await;
            let told = header(&response, "x-backstop-fallback").map(str::to_owned);
            assert_eq!(told.as_deref(), Some(class.as_str()), "{case}, {framing:?}");
            assert_eq!(header(&response, "x-backstop-route"), Some("stable"));
            assert_eq!(response.text().await.unwrap(), bytes, "{case}, {framing:?}");
            let seen = site.fallback.only();
            assert!(
                seen.line.contains("/models/model-2:streamGenerateContent"),
                "{}",
                seen.line
            );
            assert_eq!(seen.header("x-goog-api-key"), Some("key-2"));
            let event = site.event().await.event;
            assert_eq!(event.decision, EventDecision::Fallback, "{case}");
            assert_eq!(event.family, Family::GeminiGenerate);
            assert!(event.stream);
        }
    }
}

#[tokio::test]
async fn failures_after_the_first_output_end_in_an_error_that_the_client_reads() {
    for framing in FRAMINGS {
        let begun = || framing.head().chunk(&framing.answer(true, &text("one")));
        let half = framing.answer(false, &text("two"));
        let half = half.get(..half.len() - 20).unwrap();
        for (case, script, own) in [
            ("cut", begun().step(Step::Close), true),
            (
                "cut in an answer",
                begun().chunk(half).step(Step::Close),
                true,
            ),
            ("reset", begun().chunk(half).step(Step::Reset), true),
            ("no finish reason", framing.stream(&[&text("one")]).0, true),
            (
                "not json",
                begun().chunk(&framing.answer(false, "{\"a\":}")).end(),
                true,
            ),
            (
                "error of the provider",
                begun()
                    .chunk(&framing.answer(false, UNAVAILABLE))
                    .step(Step::Close),
                false,
            ),
            (
                "error of the provider in a closed stream",
                begun()
                    .chunk(&framing.answer(false, UNAVAILABLE))
                    .chunk(framing.close())
                    .end(),
                false,
            ),
            ("stall", begun().step(Step::Hang), true),
        ] {
            let site = with(|workload| workload.timeouts.idle = LIMIT).await;
            site.primary.set(script);
            let response = site.post(&framing.path(), BODY).await;
            assert_eq!(response.status(), 200, "{case}, {framing:?}");
            let body = response.text().await.unwrap();
            let read = framing.read(&body);
            assert_eq!(read.len(), 2, "{case}, {framing:?}: {body}");
            assert_eq!(
                read[0]["candidates"][0]["content"]["parts"][0]["text"],
                "one"
            );
            let error = &read[1]["error"];
            assert!(error["code"].as_u64().unwrap() >= 500, "{case}: {body}");
            assert_eq!(error["source"] == "backstop", own, "{case}: {body}");
            assert_eq!(site.fallback.count(), 0, "{case}: never a second model");
            let event = site.event().await.event;
            assert_eq!(event.decision, EventDecision::Broken, "{case}");
            assert_eq!(event.reason, Reason::AfterCommit, "{case}");
        }
    }
}

#[tokio::test]
async fn a_blocked_prompt_is_an_answer_and_no_outage() {
    let blocked = r#"{"promptFeedback":{"blockReason":"SAFETY"},"modelVersion":"m"}"#;
    let site = site().await;
    site.primary.set(Script::json(200, blocked));
    let response = site.post(&format!("{MODEL}:generateContent"), BODY).await;
    assert_eq!(header(&response, "x-backstop-fallback"), None);
    assert_eq!(response.text().await.unwrap(), blocked);
    for framing in FRAMINGS {
        let (script, bytes) = framing.stream(&[blocked]);
        site.primary.set(script);
        let response = site.post(&framing.path(), BODY).await;
        assert_eq!(header(&response, "x-backstop-fallback"), None);
        assert_eq!(response.text().await.unwrap(), bytes, "{framing:?}");
    }
    assert_eq!(site.fallback.count(), 0);
}

#[tokio::test]
async fn a_notice_inside_stands_before_the_first_text() {
    for framing in FRAMINGS {
        let site = with(|workload| workload.notice.style = NoticeStyle::Inline).await;
        site.primary.set(Script::json(503, UNAVAILABLE));
        site.fallback
            .set(framing.stream(&[&text("second"), STOP]).0);
        let body = site.post(&framing.path(), BODY).await.text().await.unwrap();
        let read = framing.read(&body);
        assert_eq!(
            read[0]["candidates"][0]["content"]["parts"][0]["text"],
            "Served by a backup model.\n\nsecond",
            "{framing:?}"
        );
        assert_eq!(site.event().await.event.notice, NoticeGiven::Inline);
    }
    let site = with(|workload| workload.notice.style = NoticeStyle::Inline).await;
    site.primary.set(Script::json(503, UNAVAILABLE));
    let response = site.post(&format!("{MODEL}:generateContent"), BODY).await;
    let body: Value = response.json().await.unwrap();
    let said = &body["candidates"][0]["content"]["parts"][0]["text"];
    assert_eq!(said, "Served by a backup model.\n\nfrom the fallback");
}

#[tokio::test]
async fn a_demanded_form_is_kept_and_what_the_fallback_lacks_is_refused() {
    let schema = r#"{"contents":[],"generationConfig":{"responseJsonSchema":{"type":"object"}}}"#;
    let site = with(|workload| workload.notice.style = NoticeStyle::Inline).await;
    site.primary.set(Script::json(503, UNAVAILABLE));
    let response = site.post(&format!("{MODEL}:generateContent"), schema).await;
    assert_eq!(
        header(&response, "x-backstop-degraded"),
        Some("Served by a backup model.")
    );
    assert_eq!(response.text().await.unwrap(), SECOND);

    let site = Site::with(Plan {
        family: Family::GeminiGenerate,
        fallback: Box::new(|route| {
            route.capabilities = [Capability::Streaming].into_iter().collect();
        }),
        ..Plan::default()
    })
    .await;
    site.primary.set(Script::json(503, UNAVAILABLE));
    let response = site.post(&format!("{MODEL}:generateContent"), schema).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.text().await.unwrap(), UNAVAILABLE);
    let event = site.event().await.event;
    assert!(
        matches!(event.reason, Reason::MissingCapability { .. }),
        "{event:?}"
    );
    assert_eq!(site.fallback.count(), 0);
}

#[tokio::test]
async fn tokens_are_counted_under_the_same_policy() {
    let site = site().await;
    site.primary.set(Script::json(503, UNAVAILABLE));
    site.fallback
        .set(Script::json(200, r#"{"totalTokens":31}"#));
    let body = r#"{"generateContentRequest":{"model":"models/anything","contents":[]}}"#;
    let response = site.post(&format!("{MODEL}:countTokens"), body).await;
    assert_eq!(header(&response, "x-backstop-fallback"), Some("overloaded"));
    assert_eq!(response.text().await.unwrap(), r#"{"totalTokens":31}"#);
    let seen = site.fallback.only();
    assert_eq!(
        seen.line,
        "POST /v1beta/models/model-2:countTokens HTTP/1.1"
    );
    assert_eq!(
        seen.text(),
        body.replace("models/anything", "models/model-2")
    );
    assert_eq!(site.event().await.event.notice, NoticeGiven::Header);
}

#[tokio::test]
async fn a_large_image_goes_up_and_comes_down_unchanged() {
    let image = "A".repeat(20 << 20);
    let part = format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{image}"}}}}"#);
    let body = format!(r#"{{"contents":[{{"parts":[{part}]}}]}}"#);
    let site = site().await;
    let response = site.post(&format!("{MODEL}:generateContent"), &body).await;
    assert_eq!(response.text().await.unwrap(), ANSWER);
    assert!(
        site.primary.only().text() == body,
        "the request has changed"
    );
    for framing in FRAMINGS {
        let drawn = format!(
            r#"{{"candidates":[{{"content":{{"parts":[{part}]}},"finishReason":"STOP","index":0}}]}}"#
        );
        let (script, bytes) = framing.stream(&[&text("one"), &drawn]);
        site.primary.set(script);
        let response = site.post(&framing.path(), BODY).await;
        assert!(response.text().await.unwrap() == bytes, "{framing:?}");
    }
    assert_eq!(site.fallback.count(), 0);
}
