//! Answers of an independent server, as received (`tests/fixtures/wire`), through wire and policy:
//! capture -> evidence -> error class.

use std::{path::Path, time::Duration};

use backstop::{
    model::ErrorClass,
    policy::{BrokenKind, Evidence, classify},
    wire::{Shape, response, stream::Watch},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;

/// One answer as received.
struct Capture {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
    /// The connection ended before the body did.
    cut: bool,
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire")
}

fn read(name: &str) -> Capture {
    let bytes = std::fs::read(folder().join(name)).unwrap();
    let end = memchr::memmem::find(&bytes, b"\r\n\r\n").unwrap();
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let body = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect();
    let cut = name.ends_with(".raw.txt");
    Capture {
        status: status.parse().unwrap(),
        headers,
        body: if cut { dechunked(body) } else { body.to_vec() },
        cut,
    }
}

/// The content of chunks; the last one is missing where the connection was cut.
fn dechunked(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = memchr::memmem::find(raw, b"\r\n") {
        let size = std::str::from_utf8(&raw[..line]).unwrap();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            break;
        };
        body.extend_from_slice(&raw[line + 2..line + 2 + size]);
        raw = &raw[line + 2 + size + 2..];
    }
    body
}

/// What the gateway does with an answer, without the waiting.
fn evidence(shape: Shape, stream: bool, capture: &Capture) -> Option<Evidence> {
    let now: Timestamp = "2026-11-21T02:49:22Z".parse().unwrap();
    let Capture {
        status,
        headers,
        body,
        cut,
    } = capture;
    if !status.is_success() {
        return Some(response::error_evidence(*status, headers, body, now));
    }
    if let Some(evidence) = response::head_evidence(*status, headers, stream) {
        return Some(evidence);
    }
    if !stream {
        return response::body_evidence(shape, *status, body);
    }
    let mut watch = Watch::new(shape);
    let mut out = Vec::new();
    watch.push(Bytes::copy_from_slice(body), &mut out);
    if !cut {
        watch.finish(&mut out);
    }
    watch.evidence_at_end()
}

fn shape_of(name: &str) -> Shape {
    if name.contains("-messages-") {
        Shape::AnthropicMessages
    } else if name.contains("-responses-") {
        Shape::OpenaiResponses
    } else if name.contains("-embeddings-") {
        Shape::OpenaiEmbeddings
    } else {
        Shape::OpenaiChat
    }
}

#[test]
fn every_capture_is_an_answer_or_has_its_class() {
    use ErrorClass::{
        Authentication, BrokenResponse, Forbidden, InvalidRequest, Overloaded, QuotaExhausted,
        RateLimited, ServerError, Timeout,
    };
    let rows = [
        ("aimock-chat-bad-json.txt", Some(InvalidRequest)),
        ("aimock-chat-err-400.txt", Some(InvalidRequest)),
        ("aimock-chat-err-401.txt", Some(Authentication)),
        ("aimock-chat-err-402.txt", Some(QuotaExhausted)),
        ("aimock-chat-err-403.txt", Some(Forbidden)),
        ("aimock-chat-err-404.txt", Some(InvalidRequest)),
        ("aimock-chat-err-408.txt", Some(Timeout)),
        ("aimock-chat-err-409.txt", Some(RateLimited)),
        ("aimock-chat-err-413.txt", Some(InvalidRequest)),
        ("aimock-chat-err-422.txt", Some(InvalidRequest)),
        ("aimock-chat-err-429-quota.txt", Some(QuotaExhausted)),
        ("aimock-chat-err-429.txt", Some(RateLimited)),
        ("aimock-chat-err-500.txt", Some(ServerError)),
        ("aimock-chat-err-502.txt", Some(ServerError)),
        ("aimock-chat-err-503.txt", Some(Overloaded)),
        ("aimock-chat-err-504.txt", Some(Timeout)),
        ("aimock-chat-err-529.txt", Some(Overloaded)),
        ("aimock-chat-err-ctx.txt", Some(InvalidRequest)),
        ("aimock-chat-malformed.txt", Some(BrokenResponse)),
        ("aimock-chat-ok.txt", None),
        ("aimock-chat-stream-cut.raw.txt", Some(BrokenResponse)),
        ("aimock-chat-stream-err-401.txt", Some(Authentication)),
        ("aimock-chat-stream-err-429.txt", Some(RateLimited)),
        ("aimock-chat-stream-err-503.txt", Some(Overloaded)),
        ("aimock-chat-stream-malformed.txt", Some(BrokenResponse)),
        ("aimock-chat-stream-ok-usage.txt", None),
        ("aimock-chat-stream-ok.txt", None),
        ("aimock-chat-stream-tool.txt", None),
        ("aimock-chat-tool.txt", None),
        ("aimock-chat-unmatched-strict.txt", Some(Overloaded)),
        ("aimock-embeddings-err-401.txt", Some(Authentication)),
        ("aimock-embeddings-err-429.txt", Some(RateLimited)),
        ("aimock-embeddings-err-503.txt", Some(Overloaded)),
        ("aimock-embeddings-ok.txt", None),
        ("aimock-messages-err-400.txt", Some(InvalidRequest)),
        ("aimock-messages-err-401.txt", Some(Authentication)),
        ("aimock-messages-err-429.txt", Some(RateLimited)),
        ("aimock-messages-err-500.txt", Some(ServerError)),
        ("aimock-messages-err-503.txt", Some(Overloaded)),
        ("aimock-messages-err-529.txt", Some(Overloaded)),
        ("aimock-messages-ok.txt", None),
        ("aimock-messages-stream-cut.raw.txt", Some(BrokenResponse)),
        ("aimock-messages-stream-ok.txt", None),
        ("aimock-no-route.txt", Some(InvalidRequest)),
        ("aimock-responses-err-400.txt", Some(InvalidRequest)),
        ("aimock-responses-err-401.txt", Some(Authentication)),
        ("aimock-responses-err-429.txt", Some(RateLimited)),
        ("aimock-responses-err-500.txt", Some(ServerError)),
        ("aimock-responses-err-503.txt", Some(Overloaded)),
        ("aimock-responses-err-529.txt", Some(Overloaded)),
        ("aimock-responses-ok.txt", None),
        ("aimock-responses-stream-cut.raw.txt", Some(BrokenResponse)),
        ("aimock-responses-stream-ok.txt", None),
    ];
    let mut names: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, rows.map(|(name, _)| name), "every capture has a row");
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(name, class)| {
            let evidence = evidence(shape_of(name), name.contains("stream"), &read(name));
            let found = evidence.as_ref().map(classify);
            (found != *class).then(|| format!("{name}: {found:?}, {evidence:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn evidence_says_what_was_seen() {
    let of = |name: &str| evidence(shape_of(name), name.contains("stream"), &read(name)).unwrap();
    let Evidence::Response {
        status,
        error,
        retry_after,
    } = of("aimock-chat-err-429.txt")
    else {
        panic!("an error response");
    };
    assert_eq!(status, 429);
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    assert_eq!(error.kind.as_deref(), Some("rate_limit_error"));
    assert_eq!(error.code.as_deref(), Some("rate_limit_exceeded"));
    assert_eq!(
        error.message.as_deref(),
        Some("Rate limit reached for requests")
    );
    for (name, kind) in [
        ("aimock-chat-malformed.txt", BrokenKind::Malformed),
        (
            "aimock-chat-stream-malformed.txt",
            BrokenKind::WrongContentType,
        ),
        ("aimock-chat-stream-cut.raw.txt", BrokenKind::MissingEnd),
        ("aimock-messages-stream-cut.raw.txt", BrokenKind::MissingEnd),
        (
            "aimock-responses-stream-cut.raw.txt",
            BrokenKind::MissingEnd,
        ),
    ] {
        let Evidence::Broken { kind: found, .. } = of(name) else {
            panic!("{name}");
        };
        assert_eq!(found, kind, "{name}");
    }
}

#[test]
fn captured_streams_commit_where_their_text_begins() {
    for (name, output, end) in [
        ("aimock-chat-stream-ok.txt", true, true),
        ("aimock-chat-stream-ok-usage.txt", true, true),
        ("aimock-chat-stream-tool.txt", true, true),
        ("aimock-chat-stream-cut.raw.txt", true, false),
        ("aimock-messages-stream-ok.txt", true, true),
        // Cut after the start of an empty block: nothing was said, a fallback may still answer.
        ("aimock-messages-stream-cut.raw.txt", false, false),
        ("aimock-responses-stream-ok.txt", true, true),
        // Cut after it said that it is at work.
        ("aimock-responses-stream-cut.raw.txt", false, false),
    ] {
        let capture = read(name);
        let mut watch = Watch::new(shape_of(name));
        let mut out = Vec::new();
        let mut committed_at = None;
        for (at, byte) in capture.body.iter().enumerate() {
            watch.push(Bytes::copy_from_slice(&[*byte]), &mut out);
            if watch.seen().output && committed_at.is_none() {
                committed_at = Some(at + 1);
            }
        }
        assert_eq!(watch.seen().output, output, "{name}");
        assert_eq!(watch.seen().end, end, "{name}");
        assert_eq!(out.concat(), capture.body, "{name}");
        if let Some(at) = committed_at {
            let before = String::from_utf8_lossy(&capture.body[..at]);
            let last = before.trim_end().rsplit("\n\n").next().unwrap();
            let first_output = ["hello", "The quick", "tool_calls"];
            assert!(
                first_output.iter().any(|text| last.contains(text)),
                "{name}: {last}"
            );
        }
    }
}
