//! Answers that failed, or say they did not: what the body says is read whole, and never makes a trigger of a
//! request that was wrong.

use std::time::Duration;

use backstop::{
    model::ErrorClass,
    policy::{BrokenKind, Evidence, ProviderError, classify},
    wire::{Shape, response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

const NOTICE: &str = "Served by a fallback.";

/// Checks one body. Its first line is a Retry-After, too.
pub fn check(data: &[u8]) {
    let mut hinted = HeaderMap::new();
    let line = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_bytes(line) {
        for name in [
            "retry-after",
            "retry-after-ms",
            "x-ratelimit-reset-requests",
        ] {
            hinted.insert(name, value.clone());
        }
    }
    for status in [
        300, 307, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 499, 500, 502, 503, 504,
        520, 529, 599,
    ] {
        for headers in [&HeaderMap::new(), &hinted] {
            failed(StatusCode::from_u16(status).unwrap(), headers, data);
        }
    }
    for shape in Shape::ALL {
        answered(shape, data);
    }
}

/// An error status.
fn failed(status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    let evidence = response::error_evidence(status, headers, body, Timestamp::UNIX_EPOCH);
    let class = classify(&evidence);
    match evidence {
        Evidence::Response {
            status: told,
            error,
            retry_after,
        } => {
            assert_eq!(told, status.as_u16());
            bounded(&error);
            if let Some(wait) = retry_after {
                assert!(wait < Duration::from_secs(u64::from(u32::MAX)), "{wait:?}");
                let body = body.to_ascii_lowercase();
                let hint = [&b"retry"[..], b"again in"]
                    .iter()
                    .any(|word| contains(&body, word));
                assert!(hint || !headers.is_empty(), "a wait that nobody asked for");
            }
        }
        Evidence::Broken { kind, .. } => {
            assert!(status.is_redirection());
            assert_eq!(kind, BrokenKind::Redirect);
        }
        Evidence::Timeout { .. } | Evidence::Unreachable { .. } => panic!("{evidence:?}"),
    }
    match status.as_u16() {
        400 => assert_eq!(class, ErrorClass::InvalidRequest),
        401 => assert_eq!(class, ErrorClass::Authentication),
        403 => assert!(matches!(
            class,
            ErrorClass::Forbidden | ErrorClass::QuotaExhausted
        )),
        _ => {}
    }
}

/// A success status: an answer of the shape, or evidence that there is none.
fn answered(shape: Shape, body: &[u8]) {
    let parsed = serde_json::from_slice::<Value>(body).ok();
    match response::body_evidence(shape, StatusCode::OK, body) {
        Some(Evidence::Broken { error, status, .. }) => {
            assert_eq!(status, Some(200));
            bounded(&error);
        }
        Some(evidence) => panic!("{evidence:?}"),
        None => {
            let error = parsed.as_ref().and_then(|parsed| parsed.get("error"));
            assert!(
                !error.is_some_and(is_filled),
                "an error was taken for an answer"
            );
        }
    }
    let Some(told) = response::with_notice(shape, body, NOTICE) else {
        return;
    };
    // The notice stands in one text, and nothing else has changed.
    let inside = format!("{NOTICE}\\n\\n");
    assert_eq!(told.len(), body.len() + inside.len());
    if let Some(parsed) = parsed {
        let told: Value = serde_json::from_slice(&told).expect("still JSON");
        let mut texts = 0;
        assert!(same_but_notice(&parsed, &told, &mut texts));
        // A field that is there twice may hide it.
        assert!(texts <= 1, "told {texts} times");
    }
    let headers = HeaderMap::from_iter([(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    )]);
    assert_eq!(
        response::head_evidence(StatusCode::OK, &headers, false),
        None
    );
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

fn same_but_notice(before: &Value, after: &Value, texts: &mut u32) -> bool {
    match (before, after) {
        (Value::String(before), Value::String(after)) => {
            let told = after
                .strip_prefix(NOTICE)
                .and_then(|it| it.strip_prefix("\n\n"));
            if before != after {
                *texts += 1;
            }
            before == after || told == Some(before)
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len()
                && before
                    .iter()
                    .zip(after)
                    .all(|(before, after)| same_but_notice(before, after, texts))
        }
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before.iter().zip(after).all(|(before, after)| {
                    before.0 == after.0 && same_but_notice(before.1, after.1, texts)
                })
        }
        (before, after) => before == after,
    }
}

/// What is kept of somebody else's texts has a limit, and there are no empty ones.
fn bounded(error: &ProviderError) {
    for (text, limit) in [
        (&error.kind, 128),
        (&error.code, 128),
        (&error.message, 2048),
    ] {
        let length = text.as_ref().map_or(1, String::len);
        assert!((1..=limit).contains(&length), "{error:?}");
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
