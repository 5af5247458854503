//! Streams as they pass: commit point, errors, end marker, whole events, notices. Any split gives the same.

use backstop::{
    policy::{BrokenKind, Evidence, ProviderError},
    wire::{
        Shape,
        stream::{Seen, Watch},
    },
};
use bytes::Bytes;
use proptest::prelude::*;

/// Everything that came out, joined, and what was seen.
struct Passed {
    out: Vec<u8>,
    seen: Seen,
    notice_given: bool,
    at_end: Option<Evidence>,
}

fn pass(mut watch: Watch, pieces: &[&[u8]], finish: bool) -> Passed {
    let mut out = Vec::new();
    for piece in pieces {
        watch.push(Bytes::copy_from_slice(piece), &mut out);
    }
    if finish {
        watch.finish(&mut out);
    }
    Passed {
        out: out.concat(),
        seen: watch.seen().clone(),
        notice_given: watch.notice_given(),
        at_end: watch.evidence_at_end(),
    }
}

fn kind(evidence: Option<Evidence>) -> Option<BrokenKind> {
    match evidence {
        None => None,
        Some(Evidence::Broken { kind, .. }) => Some(kind),
        Some(other) => panic!("{other:?}"),
    }
}

const CHAT_ROLE: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const CHAT_TEXT: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"he said \\\"error\\\"\"}}]}\n\n";
const CHAT_STOP: &str =
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const CHAT_DONE: &str = "data: [DONE]\n\n";
const MESSAGE_START: &str = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1}}}\n\n";
const BLOCK_START: &str = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
const MESSAGE_TEXT: &str = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n";
const RESPONSE_TEXT: &str = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"output_index\":0,\"content_index\":0,\"delta\":\"hello\"}\n\n";
const GEMINI_TEXT: &str = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hello\"}],\"role\":\"model\"},\"index\":0}]}\r\n\r\n";
const GEMINI_STOP: &str =
    "data: {\"candidates\":[{\"finishReason\":\"STOP\",\"index\":0}]}\r\n\r\n";
const MESSAGE_STOP: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

#[test]
fn the_commit_point_of_openai_chat_is_the_first_semantic_output() {
    let delta =
        |delta: &str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
    for (case, event, output) in [
        ("role only", CHAT_ROLE.to_owned(), false),
        ("role null", delta(r#"{"role":null,"content":null}"#), false),
        ("empty delta", delta("{}"), false),
        (
            "everything empty",
            delta(
                r#"{"role":"assistant","content":"","tool_calls":null,"refusal":null,"reasoning_content":""}"#,
            ),
            false,
        ),
        ("empty tool calls", delta(r#"{"tool_calls":[]}"#), false),
        ("text", delta(r#"{"content":"h"}"#), true),
        ("white space is text", delta(r#"{"content":"\n"}"#), true),
        (
            "text with a role",
            delta(r#"{"role":"assistant","content":"h"}"#),
            true,
        ),
        (
            "text parts",
            delta(r#"{"content":[{"type":"text","text":"h"}]}"#),
            true,
        ),
        (
            "tool call",
            delta(
                r#"{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}"#,
            ),
            true,
        ),
        (
            "old function call",
            delta(r#"{"function_call":{"name":"f"}}"#),
            true,
        ),
        ("refusal", delta(r#"{"refusal":"no"}"#), true),
        ("reasoning", delta(r#"{"reasoning":"hm"}"#), true),
        (
            "reasoning content",
            delta(r#"{"content":null,"reasoning_content":"hm"}"#),
            true,
        ),
        (
            "reasoning details",
            delta(r#"{"reasoning_details":[{"type":"reasoning.text","text":"hm"}]}"#),
            true,
        ),
        ("image", delta(r#"{"images":[{"type":"image_url"}]}"#), true),
        ("audio", delta(r#"{"audio":{"id":"a","data":"x"}}"#), true),
        (
            "second choice",
            "data: {\"choices\":[{\"delta\":{}},{\"index\":1,\"delta\":{\"content\":\"h\"}}]}\n\n"
                .to_owned(),
            true,
        ),
        ("escaped key", delta("{\"con\\u0074ent\":\"h\"}"), true),
        ("comment", ": OPENROUTER PROCESSING\n\n".to_owned(), false),
        (
            "azure filter chunk",
            "data: {\"choices\":[],\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n"
                .to_owned(),
            false,
        ),
        (
            "usage chunk",
            "data: {\"choices\":[],\"usage\":{\"total_tokens\":7}}\n\n".to_owned(),
            false,
        ),
        ("finish", CHAT_STOP.to_owned(), false),
        ("done", CHAT_DONE.to_owned(), false),
    ] {
        let passed = pass(Watch::new(Shape::OpenaiChat), &[event.as_bytes()], false);
        assert_eq!(passed.seen.output, output, "{case}");
        assert!(!passed.seen.malformed, "{case}");
        assert_eq!(passed.out, event.as_bytes(), "{case}");
    }
}

#[test]
fn the_commit_point_of_anthropic_messages_is_the_first_semantic_output() {
    let delta = |delta: &str| {
        format!(
            "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{delta}}}\n\n"
        )
    };
    let block = |block: &str| {
        format!(
            "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{block}}}\n\n"
        )
    };
    for (case, event, output) in [
        ("message start", MESSAGE_START.to_owned(), false),
        ("ping", "event: ping\ndata: {\"type\":\"ping\"}\n\n".to_owned(), false),
        ("text block start", BLOCK_START.to_owned(), false),
        ("thinking block start", block(r#"{"type":"thinking","thinking":"","signature":""}"#), false),
        ("tool block start names the tool", block(r#"{"type":"tool_use","id":"t","name":"f","input":{}}"#), true),
        ("redacted thinking", block(r#"{"type":"redacted_thinking","data":"x"}"#), true),
        ("text block with text", block(r#"{"type":"text","text":"h"}"#), true),
        ("new block", block(r#"{"type":"fallback","from":"a","to":"b"}"#), true),
        ("empty text", delta(r#"{"type":"text_delta","text":""}"#), false),
        ("text", delta(r#"{"type":"text_delta","text":"h"}"#), true),
        ("type last", delta(r#"{"text":"h","type":"text_delta"}"#), true),
        ("thinking", delta(r#"{"type":"thinking_delta","thinking":"h"}"#), true),
        ("empty thinking", delta(r#"{"type":"thinking_delta","thinking":""}"#), false),
        ("signature", delta(r#"{"type":"signature_delta","signature":"x"}"#), false),
        ("tool input", delta(r#"{"type":"input_json_delta","partial_json":""}"#), true),
        ("no event line", "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"h\"}}\n\n".to_owned(), true),
        ("block stop", "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n".to_owned(), false),
        ("refusal is an answer", "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"}}\n\n".to_owned(), false),
    ] {
        let passed = pass(
            Watch::new(Shape::AnthropicMessages),
            &[event.as_bytes()],
            false,
        );
        assert_eq!(passed.seen.output, output, "{case}");
        assert!(!passed.seen.malformed, "{case}");
        assert!(passed.seen.error.is_none(), "{case}");
        assert_eq!(passed.out, event.as_bytes(), "{case}");
    }
}

#[test]
fn whole_streams_end_with_their_marker() {
    for (shape, events) in [
        (
            Shape::OpenaiChat,
            vec![CHAT_ROLE, CHAT_TEXT, CHAT_STOP, CHAT_DONE],
        ),
        (
            Shape::AnthropicMessages,
            vec![MESSAGE_START, BLOCK_START, MESSAGE_TEXT, MESSAGE_STOP],
        ),
    ] {
        let stream = events.concat();
        let passed = pass(Watch::new(shape), &[stream.as_bytes()], true);
        assert_eq!(
            passed.seen,
            Seen {
                output: true,
                end: true,
                error: None,
                malformed: false
            },
            "{shape}"
        );
        assert_eq!(passed.at_end, None, "{shape}");
        assert_eq!(passed.out, stream.as_bytes(), "{shape}");
        for missing in 1..events.len() {
            // A chat that has said why it ended is whole without its marker.
            if events[missing - 1] == CHAT_STOP {
                continue;
            }
            let cut = events[..missing].concat();
            let passed = pass(Watch::new(shape), &[cut.as_bytes()], true);
            assert_eq!(
                kind(passed.at_end),
                Some(BrokenKind::MissingEnd),
                "{shape}, {missing} events"
            );
        }
        let passed = pass(Watch::new(shape), &[], true);
        assert_eq!(kind(passed.at_end), Some(BrokenKind::Empty), "{shape}");
    }
    let lazy = [CHAT_TEXT, "data: [DONE]"].concat();
    let passed = pass(Watch::new(Shape::OpenaiChat), &[lazy.as_bytes()], true);
    assert_eq!(passed.at_end, None, "a last event without its blank line");
    assert_eq!(passed.out, lazy.as_bytes());
}

#[test]
fn a_chat_that_said_why_it_ended_may_leave_out_its_marker() {
    let chunk = |choices: &str| format!("data: {{\"id\":\"c\",\"choices\":[{choices}]}}\n\n");
    let text = |index: u8| {
        format!("{{\"index\":{index},\"delta\":{{\"content\":\"h\"}},\"finish_reason\":null}}")
    };
    let stop =
        |index: u8| format!("{{\"index\":{index},\"delta\":{{}}, \"finish_reason\" : \"stop\"}}");
    let usage = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"total_tokens\":7}}\n\n";
    for (case, stream, broken) in [
        ("stop", chunk(&text(0)) + &chunk(&stop(0)), None),
        (
            "usage behind it",
            chunk(&text(0)) + &chunk(&stop(0)) + usage,
            None,
        ),
        (
            "an answer without output",
            CHAT_ROLE.to_owned() + CHAT_STOP,
            None,
        ),
        (
            "two choices, both ended",
            chunk(&text(0)) + &chunk(&text(1)) + &chunk(&stop(0)) + &chunk(&stop(1)),
            None,
        ),
        (
            "two choices, one still speaks",
            chunk(&text(0)) + &chunk(&stop(0)) + &chunk(&text(1)),
            Some(BrokenKind::MissingEnd),
        ),
        (
            "two choices in one event",
            chunk(&text(0)) + &chunk(&format!("{},{}", text(0), stop(1))),
            None,
        ),
        (
            "no reason",
            chunk(&text(0)) + usage,
            Some(BrokenKind::MissingEnd),
        ),
        (
            "an empty reason",
            chunk(&text(0)) + &chunk("{\"delta\":{},\"finish_reason\":\"\"}"),
            Some(BrokenKind::MissingEnd),
        ),
        (
            "a text that speaks of reasons",
            chunk("{\"delta\":{\"content\":\"\\\"finish_reason\\\":\\\"stop\\\"\"}}"),
            Some(BrokenKind::MissingEnd),
        ),
        (
            "a router's error without an error object",
            chunk(&text(0)) + &chunk("{\"delta\":{},\"finish_reason\":\"error\"}"),
            Some(BrokenKind::StreamError),
        ),
    ] {
        let passed = pass(Watch::new(Shape::OpenaiChat), &[stream.as_bytes()], true);
        assert_eq!(kind(passed.at_end), broken, "{case}");
        assert_eq!(passed.out, stream.as_bytes(), "{case}");
    }
}

#[test]
fn any_line_end_and_any_form_of_data_reads_the_same() {
    let plain = [CHAT_ROLE, CHAT_TEXT, CHAT_STOP, CHAT_DONE].concat();
    let in_lines = plain.replace(",\"choices\"", ",\ndata: \"choices\"");
    for (case, stream) in [
        ("line feeds", plain.clone()),
        ("both", plain.replace('\n', "\r\n")),
        ("carriage returns", plain.replace('\n', "\r")),
        ("byte order mark", format!("\u{feff}{plain}")),
        (
            "comments",
            format!(": OPENROUTER PROCESSING\n\n: again\n{plain}"),
        ),
        ("a comment inside", plain.replace("data:", ": x\ndata:")),
        ("no space", plain.replace("data: ", "data:")),
        ("data in several lines", in_lines.clone()),
        ("both at once", in_lines.replace('\n', "\r")),
        ("no last line end", plain.trim_end().to_owned()),
        ("other fields", format!("retry: 5\nid: 7\n{plain}")),
        (
            "role null, and a new id for each event",
            plain
                .replace("\"role\":\"assistant\"", "\"role\":null")
                .replacen("\"id\":\"c\"", "\"id\":\"d\"", 1),
        ),
    ] {
        for size in [1, 2, 3, 7, 64, 10_000] {
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            let passed = pass(Watch::new(Shape::OpenaiChat), &pieces, true);
            assert!(passed.seen.output && passed.seen.end, "{case} by {size}");
            assert!(!passed.seen.malformed, "{case} by {size}");
            assert_eq!(passed.at_end, None, "{case} by {size}");
            assert_eq!(passed.out, stream.as_bytes(), "{case} by {size}");
        }
    }
    let torn = [
        CHAT_TEXT.replace("he said", "\u{e9}").as_bytes(),
        b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xc3\"}}]}\n\n",
        CHAT_DONE.as_bytes(),
    ]
    .concat();
    let passed = pass(Watch::new(Shape::OpenaiChat), &[&torn], true);
    assert_eq!(
        passed.at_end, None,
        "bytes that are no text are the client's to judge"
    );
    assert_eq!(passed.out, torn);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table is as long as its cases")]
fn error_events_are_read_before_and_after_the_first_output() {
    let full = |kind: &str, code: Option<&str>, message: &str| ProviderError {
        kind: Some(kind.to_owned()),
        code: code.map(str::to_owned),
        message: Some(message.to_owned()),
    };
    let only = |message: &str| ProviderError {
        message: Some(message.to_owned()),
        ..ProviderError::default()
    };
    let chat = Shape::OpenaiChat;
    let messages = Shape::AnthropicMessages;
    for (case, shape, event, error) in [
        (
            "openai",
            chat,
            "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":\"c\"}}\n\n",
            full("server_error", Some("c"), "m"),
        ),
        (
            "openai, named",
            chat,
            "event: error\ndata: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":null}}\n\n",
            full("server_error", None, "m"),
        ),
        (
            "openai, code as a number",
            chat,
            "data: {\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":429}}\n\n",
            full("t", Some("429"), "m"),
        ),
        (
            "openrouter, beside choices",
            chat,
            "data: {\"id\":\"x\",\"error\":{\"code\":502,\"message\":\"m\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
            ProviderError {
                code: Some("502".to_owned()),
                ..only("m")
            },
        ),
        (
            "error in a choice",
            chat,
            "data: {\"choices\":[{\"delta\":{},\"error\":{\"code\":502,\"message\":\"m\"}}]}\n\n",
            ProviderError {
                code: Some("502".to_owned()),
                ..only("m")
            },
        ),
        (
            "error as text",
            chat,
            "data: {\"error\":\"m\"}\n\n",
            only("m"),
        ),
        (
            "error without envelope",
            chat,
            "data: {\"object\":\"error\",\"message\":\"m\",\"type\":\"t\",\"code\":400}\n\n",
            full("t", Some("400"), "m"),
        ),
        (
            "named, not json",
            chat,
            "event: error\ndata: oops\n\n",
            only("oops"),
        ),
        (
            "anthropic",
            messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
            full("overloaded_error", None, "Overloaded"),
        ),
        (
            "gemini",
            Shape::GeminiGenerate,
            "data: {\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n",
            full("UNAVAILABLE", Some("503"), "m"),
        ),
        (
            "anthropic, no event line",
            messages,
            "data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"m\"}}\n\n",
            full("api_error", None, "m"),
        ),
        (
            "openai's shape in an anthropic stream",
            messages,
            "data: {\"error\":{\"type\":\"t\",\"message\":\"m\"}}\n\n",
            full("t", None, "m"),
        ),
    ] {
        let before = pass(Watch::new(shape), &[event.as_bytes()], true);
        assert_eq!(before.seen.error.as_ref(), Some(&error), "{case}, first");
        assert!(!before.seen.output, "{case}");
        assert_eq!(kind(before.at_end), Some(BrokenKind::StreamError), "{case}");
        let text = match shape {
            Shape::OpenaiChat | Shape::OpenaiEmbeddings => CHAT_TEXT,
            Shape::OpenaiResponses => RESPONSE_TEXT,
            Shape::AnthropicMessages => MESSAGE_TEXT,
            Shape::GeminiGenerate => GEMINI_TEXT,
        };
        let stream = [text, event].concat();
        let after = pass(Watch::new(shape), &[stream.as_bytes()], true);
        assert_eq!(after.seen.error.as_ref(), Some(&error), "{case}, later");
        assert!(after.seen.output, "{case}");
        assert_eq!(after.out, stream.as_bytes(), "{case}: the client reads it");
    }
}

#[test]
fn texts_that_speak_of_errors_are_none() {
    for text in [
        "data: {\"error\":null,\"choices\":[{\"delta\":{\"content\":\"error\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"error\\\":{}}\"}}],\"error\":{}}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"error\":\"x\"}]}}]}\n\n",
    ] {
        let stream = [CHAT_TEXT, text, CHAT_DONE].concat();
        let passed = pass(Watch::new(Shape::OpenaiChat), &[stream.as_bytes()], true);
        assert_eq!(passed.seen.error, None, "{text}");
        assert_eq!(passed.at_end, None, "{text}");
    }
}

#[test]
fn what_is_no_event_stream_is_malformed_and_does_not_come_out() {
    for (case, stream, error) in [
        (
            "html",
            "<html>\n<body>502 Bad Gateway</body>\n\n</html>\n",
            None,
        ),
        ("prose", "upstream connect error\n\n", None),
        ("data is not json", "data: {\"choices\":[}\n\n", None),
        ("data is prose", "data: hello\n\n", None),
        (
            "data ends early",
            "data: {\"choices\":[{\"delta\":\n\n",
            None,
        ),
        (
            "bare json error",
            "{\"error\":{\"message\":\"m\"}}\n",
            Some("m"),
        ),
        ("chaos", "{malformed json: <<<chaos>>>", None),
    ] {
        let passed = pass(Watch::new(Shape::OpenaiChat), &[stream.as_bytes()], true);
        assert!(passed.seen.malformed, "{case}");
        assert!(!passed.seen.output, "{case}");
        assert_eq!(
            passed.seen.error.and_then(|error| error.message).as_deref(),
            error,
            "{case}"
        );
        assert!(passed.out.is_empty(), "{case}");
    }
    let stream = [CHAT_TEXT, "data: {\"id\":\"c\",\"cho\n\n", CHAT_DONE].concat();
    let passed = pass(Watch::new(Shape::OpenaiChat), &[stream.as_bytes()], true);
    assert!(passed.seen.malformed && passed.seen.output && !passed.seen.end);
    assert_eq!(
        passed.out,
        CHAT_TEXT.as_bytes(),
        "nothing after the last good event"
    );
}

#[test]
fn a_cut_event_stays_here() {
    let stream = [CHAT_ROLE, CHAT_TEXT].concat();
    for end in CHAT_ROLE.len()..stream.len() {
        let passed = pass(
            Watch::new(Shape::OpenaiChat),
            &[&stream.as_bytes()[..end]],
            false,
        );
        assert_eq!(passed.out, CHAT_ROLE.as_bytes(), "cut at {end}");
    }
}

#[test]
fn keep_alive_comments_are_not_held_back() {
    let mut watch = Watch::new(Shape::OpenaiChat);
    let mut out = Vec::new();
    watch.push(Bytes::from_static(b": ping\n"), &mut out);
    assert_eq!(out.concat(), b": ping\n");
}

#[test]
fn an_event_beyond_all_measure_is_output_and_passes_as_it_comes() {
    let audio = "A".repeat(3 * 1024 * 1024);
    let event =
        format!("data: {{\"choices\":[{{\"delta\":{{\"audio\":{{\"data\":\"{audio}\"}}}}}}]}}\n\n");
    let stream = [CHAT_ROLE, &event, CHAT_DONE].concat();
    let whole = pass(Watch::new(Shape::OpenaiChat), &[stream.as_bytes()], true);
    let pieces: Vec<&[u8]> = stream.as_bytes().chunks(16 * 1024).collect();
    let split = pass(Watch::new(Shape::OpenaiChat), &pieces, true);
    for passed in [whole, split] {
        assert!(passed.seen.output && passed.seen.end && !passed.seen.malformed);
        assert_eq!(passed.out.len(), stream.len());
    }
    let garbage = "x".repeat(3 * 1024 * 1024);
    let passed = pass(Watch::new(Shape::OpenaiChat), &[garbage.as_bytes()], true);
    assert!(passed.seen.malformed && passed.out.is_empty());
}

#[test]
fn a_notice_stands_in_front_of_the_first_text_and_nothing_else_changes() {
    let notice = "Note: \"stable\" answers\n";
    let escaped = r#"Note: \"stable\" answers\n\n\n"#;
    let tool = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n";
    let reasoning = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n";
    let message_tool = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"name\":\"f\"}}\n\n";
    let chat = Shape::OpenaiChat;
    let messages = Shape::AnthropicMessages;
    for (case, shape, stream, text) in [
        (
            "chat",
            chat,
            [CHAT_ROLE, CHAT_TEXT, CHAT_TEXT, CHAT_DONE].concat(),
            Some("he said"),
        ),
        (
            "reasoning first",
            chat,
            [reasoning, CHAT_TEXT, CHAT_DONE].concat(),
            Some("he said"),
        ),
        (
            "carriage returns",
            chat,
            [CHAT_ROLE, CHAT_TEXT].concat().replace('\n', "\r\n"),
            Some("he said"),
        ),
        (
            "tool call only",
            chat,
            [CHAT_ROLE, tool, CHAT_DONE].concat(),
            None,
        ),
        (
            "messages",
            messages,
            [MESSAGE_START, BLOCK_START, MESSAGE_TEXT, MESSAGE_STOP].concat(),
            Some("hello"),
        ),
        (
            "tool only",
            messages,
            [MESSAGE_START, message_tool, MESSAGE_STOP].concat(),
            None,
        ),
    ] {
        let expected = match text {
            Some(text) => stream.replacen(text, &format!("{escaped}{text}"), 1),
            None => stream.clone(),
        };
        for size in [1, 2, 7, 64, 10_000] {
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            let passed = pass(Watch::with_notice(shape, notice), &pieces, true);
            assert_eq!(
                String::from_utf8(passed.out).unwrap(),
                expected,
                "{case} by {size}"
            );
            assert_eq!(passed.notice_given, text.is_some(), "{case} by {size}");
            assert!(passed.seen.output, "{case} by {size}");
        }
    }
}

fn shape() -> impl Strategy<Value = Shape> {
    prop::sample::select(Shape::ALL.to_vec())
}

/// Streams made of real events, of broken ones and of noise.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let event = prop_oneof![
        8 => prop::sample::select(vec![
            CHAT_ROLE, CHAT_TEXT, CHAT_STOP, CHAT_DONE, MESSAGE_START, BLOCK_START, MESSAGE_TEXT,
            MESSAGE_STOP, GEMINI_TEXT, GEMINI_STOP, ": ping\n", ": ping\n\n", ": ping\r", "\n", "\r\n", "\r",
            "data: {\"choices\":[{\"delta\":{\"content\":\"h\"}}]}\r\r",
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
            "event: error\ndata: {\"error\":{\"message\":\"m\"}}\n\n",
            "data: {\"error\":{\"message\":\"m\"}}\r\n\r\n",
            "data: {\ndata: }\n\n", "data: nope\n\n", "<html>\n\n", "\u{feff}", "retry: 1\n",
        ]).prop_map(|event| event.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(event, 0..10).prop_map(|events| events.concat())
}

#[test]
fn a_part_of_an_event_that_has_gone_on_is_closed_before_ours() {
    let mut out = Vec::new();
    let mut watch = Watch::new(Shape::OpenaiChat);
    watch.push(Bytes::from(CHAT_ROLE), &mut out);
    assert_eq!(watch.closing(), None, "whole events");
    watch.push(Bytes::from(CHAT_STOP.trim_end()), &mut out);
    assert_eq!(watch.closing(), None, "nothing of it has gone on");
    watch.finish(&mut out);
    assert_eq!(
        out.concat(),
        [CHAT_ROLE, CHAT_STOP.trim_end()].concat().as_bytes()
    );
    assert_eq!(watch.closing(), Some(Bytes::from("\n\n")));
}

proptest! {
    #[test]
    fn any_split_shows_the_same_and_loses_no_byte(
        shape in shape(),
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        finish: bool,
        notice: bool,
    ) {
        let watch = || if notice {
            Watch::with_notice(shape, "note")
        } else {
            Watch::new(shape)
        };
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let whole = pass(watch(), &[&stream], finish);
        let split = pass(watch(), &pieces, finish);
        prop_assert_eq!(&whole.seen, &split.seen);
        prop_assert_eq!(&whole.out, &split.out);
        prop_assert_eq!(whole.notice_given, split.notice_given);
        prop_assert_eq!(whole.at_end, split.at_end);
        if !whole.notice_given {
            prop_assert!(stream.starts_with(&whole.out));
            if finish && !whole.seen.malformed {
                prop_assert_eq!(whole.out, stream);
            }
        }
    }
}
