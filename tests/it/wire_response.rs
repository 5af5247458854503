//! Answers: provider errors in the shapes of WIRE sections 1 to 4, and what a 2xx must be to count.
#![expect(clippy::too_many_lines, reason = "a table is as long as its cases")]

use std::time::Duration;

use backstop::{
    policy::{BrokenKind, Evidence, ProviderError},
    wire::{Shape, response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::Value;

use BrokenKind::{Cut, Empty, ErrorInsideSuccess, Html, Malformed, Redirect, WrongContentType};

fn headers(rows: &[(&'static str, &'static str)]) -> HeaderMap {
    rows.iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .collect()
}

fn error_evidence(status: u16, rows: &[(&'static str, &'static str)], body: &str) -> Evidence {
    let now: Timestamp = "2026-11-21T02:49:22Z".parse().unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    response::error_evidence(status, &headers(rows), body.as_bytes(), now)
}

fn error_of(evidence: Evidence) -> ProviderError {
    match evidence {
        Evidence::Response { error, .. } | Evidence::Broken { error, .. } => error,
        other @ (Evidence::Timeout { .. } | Evidence::Unreachable { .. }) => panic!("{other:?}"),
    }
}

fn kind(evidence: Option<Evidence>) -> Option<BrokenKind> {
    match evidence {
        None => None,
        Some(Evidence::Broken { kind, .. }) => Some(kind),
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn error_bodies_of_the_wild_are_read() {
    for (case, status, body, kind, code, message) in [
        (
            "openai",
            429,
            r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            Some("insufficient_quota"),
            Some("insufficient_quota"),
            Some("m"),
        ),
        (
            "openai, no code",
            500,
            r#"{"error":{"message":"m","type":"server_error","param":null,"code":null}}"#,
            Some("server_error"),
            None,
            Some("m"),
        ),
        (
            "openai, code as a text of the status",
            503,
            r#"{"error":{"message":"m","type":"t","code":"503"}}"#,
            Some("t"),
            Some("503"),
            Some("m"),
        ),
        (
            "azure filter",
            400,
            r#"{"error":{"message":"m","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            Some("400"),
            Some("content_filter"),
            Some("m"),
        ),
        (
            "anthropic",
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
            Some("overloaded_error"),
            None,
            Some("Overloaded"),
        ),
        (
            "anthropic spend limit",
            429,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
            Some("rate_limit_error"),
            Some("enforced_spend_limit_reached"),
            Some("m"),
        ),
        (
            "gemini",
            503,
            r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#,
            Some("UNAVAILABLE"),
            Some("503"),
            Some("m"),
        ),
        (
            "gemini, one in a list",
            503,
            r#"[{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}]"#,
            Some("UNAVAILABLE"),
            Some("503"),
            Some("m"),
        ),
        (
            "gemini day",
            429,
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"RequestsPerMinute"},{"quotaId":"RequestsPerDay-Free"}]}]}}"#,
            Some("RESOURCE_EXHAUSTED"),
            Some("RequestsPerDay-Free"),
            Some("m"),
        ),
        (
            "openrouter",
            402,
            r#"{"error":{"code":402,"message":"m","metadata":{"provider_name":"x"}},"user_id":"u"}"#,
            None,
            Some("402"),
            Some("m"),
        ),
        (
            "text as error",
            500,
            r#"{"error":"m"}"#,
            None,
            None,
            Some("m"),
        ),
        (
            "no envelope",
            400,
            r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
            Some("BadRequestError"),
            Some("400"),
            Some("m"),
        ),
        ("detail", 422, r#"{"detail":"m"}"#, None, None, Some("m")),
        (
            "details in a list",
            422,
            r#"{"detail":[{"loc":["body"]}]}"#,
            None,
            None,
            Some(r#"[{"loc":["body"]}]"#),
        ),
        (
            "null error",
            500,
            r#"{"error":null,"message":"m"}"#,
            None,
            None,
            Some("m"),
        ),
        (
            "page",
            502,
            "<html><head><title>502 Bad Gateway</title></head></html>",
            None,
            None,
            Some("502 Bad Gateway"),
        ),
        (
            "page without a title",
            502,
            "<html></html>",
            None,
            None,
            None,
        ),
        (
            "prose",
            503,
            "upstream connect error\n",
            None,
            None,
            Some("upstream connect error"),
        ),
        ("nothing", 500, "", None, None, None),
        ("null", 500, "null", None, None, None),
    ] {
        let error = error_of(error_evidence(status, &[], body));
        assert_eq!(error.kind.as_deref(), kind, "{case}");
        assert_eq!(error.code.as_deref(), code, "{case}");
        assert_eq!(error.message.as_deref(), message, "{case}");
    }
}

#[test]
fn the_delay_of_a_body_counts_when_no_header_has_one() {
    let body = r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"RetryInfo","retryDelay":"34.5s"}]}}"#;
    for (case, status, rows, hint) in [
        ("body", 429, &[][..], Some(34.5)),
        ("header first", 429, &[("retry-after", "2")], Some(2.0)),
        ("of an overload, too", 503, &[], Some(34.5)),
    ] {
        let Evidence::Response { retry_after, .. } = error_evidence(status, rows, body) else {
            panic!("{case}");
        };
        assert_eq!(retry_after, hint.map(Duration::from_secs_f64), "{case}");
    }
}

#[test]
fn long_texts_are_cut_and_hostile_ones_kept_as_sent() {
    let long = "\u{e9}".repeat(5000);
    let error = error_of(error_evidence(
        500,
        &[],
        &format!(r#"{{"error":"{long}"}}"#),
    ));
    let message = error.message.unwrap();
    assert!(message.len() <= 2048 && message.len() > 2040);
    let error = error_of(error_evidence(500, &[], r#"{"error":"\u001b[2J"}"#));
    assert_eq!(error.message.as_deref(), Some("\u{1b}[2J"));
}

#[test]
fn a_redirect_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let rows = &[("location", "http://elsewhere")];
        let evidence = error_evidence(status, rows, "");
        assert_eq!(kind(Some(evidence)), Some(Redirect), "{status}");
        let status = StatusCode::from_u16(status).unwrap();
        let evidence = response::head_evidence(status, &headers(rows), false);
        assert_eq!(kind(evidence), Some(Redirect), "{status}");
    }
}

#[test]
fn heads_that_cannot_be_an_answer_are_known() {
    let json = ("content-type", "application/json; charset=utf-8");
    let events = ("content-type", "Text/Event-Stream; charset=utf-8");
    let html = ("content-type", "text/html; charset=utf-8");
    for (case, status, rows, stream, expected) in [
        ("json", 200, &[json][..], false, None),
        ("events", 200, &[events], true, None),
        ("no type", 200, &[], false, None),
        ("no type, stream", 200, &[], true, None),
        (
            "plain text is looked at",
            200,
            &[("content-type", "text/plain")],
            true,
            None,
        ),
        (
            "json for a stream",
            200,
            &[json],
            true,
            Some(WrongContentType),
        ),
        (
            "stream for json",
            200,
            &[events],
            false,
            Some(WrongContentType),
        ),
        ("html", 200, &[html], false, Some(Html)),
        ("html for a stream", 200, &[html], true, Some(Html)),
        ("no content", 204, &[], false, Some(Empty)),
        (
            "compressed",
            200,
            &[json, ("content-encoding", "gzip")],
            false,
            Some(WrongContentType),
        ),
        (
            "not compressed",
            200,
            &[json, ("content-encoding", "identity")],
            false,
            None,
        ),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let evidence = response::head_evidence(status, &headers(rows), stream);
        assert_eq!(kind(evidence), expected, "{case}");
    }
}

const CHAT: &str = r#"{"id":"c","error":null,"choices":[{"index":0,"message":{"role":"assistant","content":"hello"}}]}"#;
const MESSAGE: &str =
    r#"{"id":"m","type":"message","content":[{"type":"text","text":"hello"}],"model":"m"}"#;

#[test]
fn bodies_that_are_no_answer_are_known() {
    let chat = Shape::OpenaiChat;
    let messages = Shape::AnthropicMessages;
    for (case, shape, body, expected) in [
        ("chat", chat, CHAT, None),
        ("message", messages, MESSAGE, None),
        (
            "an empty message is one",
            messages,
            r#"{"type":"message","content":[],"stop_reason":"end_turn"}"#,
            None,
        ),
        ("byte order mark", chat, "\u{feff}{\"choices\":[{}]}", None),
        ("empty", chat, "", Some(Empty)),
        ("blank", chat, " \r\n", Some(Empty)),
        ("null", chat, "null", Some(Malformed)),
        ("a string", chat, "\"ok\"", Some(Malformed)),
        ("a list", messages, "[]", Some(Malformed)),
        ("nothing inside", chat, "{}", Some(Malformed)),
        ("no choice", chat, r#"{"choices":[]}"#, Some(Malformed)),
        (
            "content is no list",
            messages,
            r#"{"content":"x"}"#,
            Some(Malformed),
        ),
        ("another family", chat, MESSAGE, Some(Malformed)),
        ("another family, too", messages, CHAT, Some(Malformed)),
        (
            "chaos",
            chat,
            "{malformed json: <<<chaos>>>",
            Some(Malformed),
        ),
        ("html", chat, "<!DOCTYPE html><html></html>", Some(Html)),
        ("cut", chat, CHAT.split_at(40).0, Some(Cut)),
        ("two of them", chat, "{\"choices\":[{}]}{}", Some(Malformed)),
        (
            "error",
            chat,
            r#"{"error":{"message":"m"}}"#,
            Some(ErrorInsideSuccess),
        ),
        (
            "error as text",
            chat,
            r#"{"error":"m"}"#,
            Some(ErrorInsideSuccess),
        ),
        (
            "error beside choices",
            chat,
            r#"{"choices":[{}],"error":{"message":"m"}}"#,
            Some(ErrorInsideSuccess),
        ),
        (
            "error in a choice",
            chat,
            r#"{"choices":[{"error":{"message":"m"},"finish_reason":"error"}]}"#,
            Some(ErrorInsideSuccess),
        ),
        (
            "anthropic error",
            messages,
            r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
            Some(ErrorInsideSuccess),
        ),
    ] {
        let evidence = response::body_evidence(shape, StatusCode::OK, body.as_bytes());
        if let Some(Evidence::Broken { error, status, .. }) = &evidence {
            assert_eq!(*status, Some(200), "{case}");
            let said = (expected == Some(ErrorInsideSuccess)).then_some("m");
            assert_eq!(error.message.as_deref(), said, "{case}");
        }
        assert_eq!(kind(evidence), expected, "{case}");
    }
}

#[test]
fn a_notice_is_put_before_the_first_text() {
    let chat = Shape::OpenaiChat;
    let messages = Shape::AnthropicMessages;
    for (case, shape, body, text) in [
        ("chat", chat, CHAT, Some("hello")),
        ("message", messages, MESSAGE, Some("hello")),
        (
            "text parts",
            chat,
            r#"{"choices":[{"message":{"content":[{"type":"text","text":"hello"}]}}]}"#,
            Some("hello"),
        ),
        (
            "only the first choice",
            chat,
            r#"{"choices":[{"message":{"content":"hello"}},{"message":{"content":"other"}}]}"#,
            Some("hello"),
        ),
        (
            "thoughts first",
            messages,
            r#"{"content":[{"type":"thinking","thinking":"t"},{"text":"hello","type":"text"},{"type":"text","text":"b"}]}"#,
            Some("hello"),
        ),
        (
            "escapes behind it",
            chat,
            r#"{"choices":[{"message":{"content":"hello \"\u00e9\" \\"}}]}"#,
            Some("hello"),
        ),
        (
            "tool call",
            chat,
            r#"{"choices":[{"message":{"content":null,"tool_calls":[{}]}}]}"#,
            None,
        ),
        (
            "empty text",
            chat,
            r#"{"choices":[{"message":{"content":""}}]}"#,
            None,
        ),
        (
            "tool use",
            messages,
            r#"{"content":[{"type":"tool_use","input":{"text":"hello"}}]}"#,
            None,
        ),
        ("no answer", chat, "{", None),
    ] {
        let notice = "Note \"x\"\n\u{1b}";
        let spliced = response::with_notice(shape, body.as_bytes(), notice);
        let expected =
            text.map(|text| body.replacen(text, &format!(r#"Note \"x\"\n\u001b\n\n{text}"#), 1));
        let spliced = spliced.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(spliced, expected, "{case}");
    }
}

proptest! {
    #[test]
    fn any_body_is_answered(
        status in 300_u16..1000,
        body in prop::collection::vec(any::<u8>(), 0..200),
        retry_after in "[ -~]{0,20}",
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_str(&retry_after).unwrap());
        let _ = response::error_evidence(status, &headers, &body, Timestamp::UNIX_EPOCH);
        for shape in Shape::ALL {
            let _ = response::body_evidence(shape, StatusCode::OK, &body);
            let _ = response::with_notice(shape, &body, "n");
        }
    }

    #[test]
    fn a_notice_reads_back_and_changes_nothing_else(notice: String, text in "\\PC{1,30}") {
        let mut value: Value = serde_json::from_str(CHAT).unwrap();
        value["choices"][0]["message"]["content"] = Value::from(text.clone());
        let body = value.to_string();
        let spliced = response::with_notice(Shape::OpenaiChat, body.as_bytes(), &notice).unwrap();
        let spliced: Value = serde_json::from_slice(&spliced).unwrap();
        value["choices"][0]["message"]["content"] = Value::from(format!("{notice}\n\n{text}"));
        prop_assert_eq!(spliced, value);
    }
}
