//! What answers say, whole and streamed, in every family; streams split at every byte; and the answers of an
//! independent server.

use std::path::Path;

use backstop::wire::{
    Shape,
    said::{self, Delta, Listener, Said, ToolCall},
};

/// Listens to a stream that comes in two pieces.
fn heard(shape: Shape, stream: &str, split: usize) -> (Said, Vec<Delta>) {
    let mut listener = Listener::new(shape);
    let (first, second) = stream.as_bytes().split_at(split);
    let mut deltas = listener.push(first);
    deltas.extend(listener.push(second));
    deltas.extend(listener.finish());
    (listener.into_said(), deltas)
}

fn lines(events: &[&str]) -> String {
    events.iter().fold(String::new(), |text, event| {
        text + "data: "
            + event
            + "

"
    })
}

struct Case {
    name: &'static str,
    shape: Shape,
    whole: &'static str,
    stream: String,
    text: &'static str,
    reasoning: &'static str,
    tools: &'static [(&'static str, &'static str)],
    refusal: Option<&'static str>,
    usage: (Option<u64>, Option<u64>),
    finish: &'static str,
    model: &'static str,
}

#[expect(clippy::too_many_lines, reason = "one table")]
fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "chat: text, reasoning and two calls",
            shape: Shape::OpenaiChat,
            whole: r#"{"model":"m","choices":[{"index":1,"message":{"content":"no"}},{"index":0,"finish_reason":"tool_calls","message":{"content":"Hi \u00e9","reasoning_content":"hm","reasoning":"hm","tool_calls":[{"function":{"name":"a","arguments":"{\"x\":1}"}},{"function":{"name":"b","arguments":""}}]}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            stream: lines(&[
                r#"{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
                r#"{"choices":[{"index":1,"delta":{"content":"no"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"reasoning_content":"hm"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"content":"Hi "}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"content":"\u00e9"}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"a","arguments":""}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"name":"b"}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
                r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
                "[DONE]",
            ]),
            text: "Hi \u{e9}",
            reasoning: "hm",
            tools: &[("a", "{\"x\":1}"), ("b", "")],
            refusal: None,
            usage: (Some(3), Some(4)),
            finish: "tool_calls",
            model: "m",
        },
        Case {
            name: "chat: a filter",
            shape: Shape::OpenaiChat,
            whole: r#"{"model":"m","choices":[{"index":0,"finish_reason":"content_filter","message":{"content":null}}]}"#,
            stream: lines(&[
                r#"{"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#,
            ]),
            text: "",
            reasoning: "",
            tools: &[],
            refusal: Some("content_filter"),
            usage: (None, None),
            finish: "content_filter",
            model: "m",
        },
        Case {
            name: "responses: text, reasoning and a call",
            shape: Shape::OpenaiResponses,
            whole: r#"{"model":"m","status":"completed","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},{"type":"message","content":[{"type":"output_text","text":"Hi"}]},{"type":"function_call","name":"a","arguments":"{}"}],"usage":{"input_tokens":3,"output_tokens":4}}"#,
            stream: lines(&[
                r#"{"type":"response.created","response":{"model":"m","status":"in_progress"}}"#,
                r#"{"type":"response.reasoning_summary_text.delta","delta":"hm"}"#,
                r#"{"type":"response.output_text.delta","output_index":1,"delta":"Hi"}"#,
                r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","name":"a","arguments":""}}"#,
                r#"{"type":"response.function_call_arguments.delta","output_index":2,"delta":"{}"}"#,
                r#"{"type":"response.completed","response":{"model":"m","status":"completed","usage":{"input_tokens":3,"output_tokens":4}}}"#,
            ]),
            text: "Hi",
            reasoning: "hm",
            tools: &[("a", "{}")],
            refusal: None,
            usage: (Some(3), Some(4)),
            finish: "completed",
            model: "m",
        },
        Case {
            name: "responses: a refusal that is cut",
            shape: Shape::OpenaiResponses,
            whole: r#"{"model":"m","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"refusal","refusal":"No."}]}]}"#,
            stream: lines(&[
                r#"{"type":"response.refusal.delta","delta":"No."}"#,
                r#"{"type":"response.incomplete","response":{"model":"m","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#,
            ]),
            text: "",
            reasoning: "",
            tools: &[],
            refusal: Some("No."),
            usage: (None, None),
            finish: "max_output_tokens",
            model: "m",
        },
        Case {
            name: "messages: thinking, text and a call",
            shape: Shape::AnthropicMessages,
            whole: r#"{"model":"m","stop_reason":"tool_use","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hi"},{"type":"tool_use","name":"a","input":{"x":1}}],"usage":{"input_tokens":1,"cache_read_input_tokens":2,"output_tokens":4}}"#,
            stream: lines(&[
                r#"{"type":"message_start","message":{"model":"m","usage":{"input_tokens":1,"cache_read_input_tokens":2,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
                r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}"#,
                r#"{"type":"ping"}"#,
                r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","name":"a","input":{}}}"#,
                r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\":1}"}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":4}}"#,
                r#"{"type":"message_stop"}"#,
            ]),
            text: "Hi",
            reasoning: "hm",
            tools: &[("a", "{\"x\":1}")],
            refusal: None,
            usage: (Some(3), Some(4)),
            finish: "tool_use",
            model: "m",
        },
        Case {
            name: "gemini: a thought, text and a call",
            shape: Shape::GeminiGenerate,
            whole: r#"{"modelVersion":"m","candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"Hi"},{"functionCall":{"name":"a","args":{"x":1}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"thoughtsTokenCount":3}}"#,
            stream: lines(&[
                r#"{"modelVersion":"m","candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"H"}]}}]}"#,
                r#"{"candidates":[{"content":{"parts":[{"text":"i"},{"functionCall":{"name":"a","args":{"x":1}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1,"thoughtsTokenCount":3}}"#,
            ]),
            text: "Hi",
            reasoning: "hm",
            tools: &[("a", "{\"x\":1}")],
            refusal: None,
            usage: (Some(3), Some(4)),
            finish: "STOP",
            model: "m",
        },
        Case {
            name: "gemini: blocked",
            shape: Shape::GeminiGenerate,
            whole: r#"{"modelVersion":"m","promptFeedback":{"blockReason":"SAFETY"}}"#,
            stream: lines(&[r#"{"modelVersion":"m","promptFeedback":{"blockReason":"SAFETY"}}"#]),
            text: "",
            reasoning: "",
            tools: &[],
            refusal: Some("SAFETY"),
            usage: (None, None),
            finish: "SAFETY",
            model: "m",
        },
    ]
}

fn assert_said(said: &Said, case: &Case, how: &str) {
    let name = case.name;
    assert_eq!(said.text, case.text, "{name}, {how}");
    assert_eq!(said.reasoning, case.reasoning, "{name}, {how}");
    let calls: Vec<ToolCall> = case
        .tools
        .iter()
        .map(|(name, arguments)| ToolCall {
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
        })
        .collect();
    assert_eq!(said.tools, calls, "{name}, {how}");
    assert_eq!(said.refusal.as_deref(), case.refusal, "{name}, {how}");
    assert_eq!(
        (said.usage.input, said.usage.output),
        case.usage,
        "{name}, {how}"
    );
    assert_eq!(said.finish.as_deref(), Some(case.finish), "{name}, {how}");
    assert_eq!(said.model.as_deref(), Some(case.model), "{name}, {how}");
    assert!(!said.clipped, "{name}, {how}");
}

#[test]
fn whole_and_streamed_answers_say_the_same_in_every_family() {
    for case in cases() {
        assert_said(
            &said::whole(case.shape, case.whole.as_bytes()),
            &case,
            "whole",
        );
        for split in 0..=case.stream.len() {
            let (said, deltas) = heard(case.shape, &case.stream, split);
            assert_said(&said, &case, "streamed");
            let text: String = deltas
                .iter()
                .filter_map(|delta| match delta {
                    Delta::Text(text) => Some(text.as_str()),
                    Delta::Reasoning(_)
                    | Delta::Refusal(_)
                    | Delta::Tool(_)
                    | Delta::Arguments(..) => None,
                })
                .collect();
            assert_eq!(text, case.text, "{}", case.name);
        }
    }
}

#[test]
fn vectors_are_counted_in_both_forms() {
    let body = r#"{"model":"e","data":[{"embedding":[0.1,0.2,0.3]},{"embedding":"AAAAAAAAAAAAAAAA"},{"embedding":"AAAAAAAAAAA="}],"usage":{"prompt_tokens":5}}"#;
    let said = said::whole(Shape::OpenaiEmbeddings, body.as_bytes());
    assert_eq!(said.vectors, [3, 3, 2]);
    assert_eq!(said.usage.input, Some(5));
}

#[test]
fn what_is_too_much_is_clipped_and_says_so() {
    let word = "\u{e9}".repeat(400_000);
    let event = format!("{{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}}}}]}}");
    let (said, _) = heard(Shape::OpenaiChat, &lines(&[&event, &event]), 7);
    assert!(said.clipped);
    assert!(said.text.len() <= 1 << 20, "{}", said.text.len());
}

#[test]
fn rubbish_says_nothing() {
    for shape in Shape::ALL {
        for body in [
            "",
            "null",
            "[]",
            "7",
            "<html>",
            "{\"choices\":7,\"content\":7,\"candidates\":{}}",
        ] {
            assert_eq!(
                said::whole(shape, body.as_bytes()),
                Said::default(),
                "{shape} {body}"
            );
            let stream = format!("data: {body}\n\n");
            assert_eq!(
                heard(shape, &stream, 0).0,
                Said::default(),
                "{shape} {body}"
            );
        }
    }
}

#[test]
fn answers_of_an_independent_server_are_understood() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
    for (file, shape, stream) in [
        ("aimock-chat-ok.txt", Shape::OpenaiChat, false),
        ("aimock-chat-stream-ok.txt", Shape::OpenaiChat, true),
        ("aimock-messages-ok.txt", Shape::AnthropicMessages, false),
        (
            "aimock-messages-stream-ok.txt",
            Shape::AnthropicMessages,
            true,
        ),
        ("aimock-responses-ok.txt", Shape::OpenaiResponses, false),
        (
            "aimock-responses-stream-ok.txt",
            Shape::OpenaiResponses,
            true,
        ),
    ] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let end = memchr::memmem::find(&bytes, b"\r\n\r\n").unwrap();
        let body = &bytes[end + 4..];
        let said = if stream {
            heard(shape, std::str::from_utf8(body).unwrap(), 0).0
        } else {
            said::whole(shape, body)
        };
        assert!(!said.text.is_empty(), "{file}: {said:?}");
        assert!(
            said.finish.is_some() && said.model.is_some(),
            "{file}: {said:?}"
        );
    }
}
