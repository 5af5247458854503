//! `openai-responses`: what a request needs, what an answer must have, and where a stream commits and ends.
#![expect(clippy::too_many_lines, reason = "a table is as long as its cases")]

use backstop::{
    model::{Capability, CapabilitySet},
    policy::{BrokenKind, Evidence, ProviderError},
    wire::{Call, Shape, Verb, request, response, stream::Watch},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use Capability::{Audio, JsonSchema, Logprobs, ProviderState, Reasoning, Streaming, Tools, Vision};

#[test]
fn a_request_needs_what_it_asks_for() {
    for (case, fields, needs) in [
        ("text", r#""input":"hi""#, &[][..]),
        ("stream", r#""stream":true"#, &[Streaming]),
        (
            "its own instructions",
            r#""instructions":"be brief","store":true"#,
            &[],
        ),
        (
            "own tool",
            r#""tools":[{"type":"function","name":"f"}]"#,
            &[Tools],
        ),
        (
            "a tool of the provider",
            r#""tools":[{"type":"web_search"}]"#,
            &[Tools],
        ),
        ("no tools", r#""tools":[]"#, &[]),
        (
            "vector stores",
            r#""tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]"#,
            &[Tools, ProviderState],
        ),
        (
            "a container by its id",
            r#""tools":[{"type":"code_interpreter","container":"cntr_1"}]"#,
            &[Tools, ProviderState],
        ),
        (
            "a new container",
            r#""tools":[{"type":"code_interpreter","container":{"type":"auto"}}]"#,
            &[Tools],
        ),
        (
            "a new container with stored files",
            r#""tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["f"]}}]"#,
            &[Tools, ProviderState],
        ),
        (
            "a shell in a stored container",
            r#""tools":[{"type":"shell","environment":{"container_id":"c"}}]"#,
            &[Tools, ProviderState],
        ),
        (
            "schema",
            r#""text":{"format":{"type":"json_schema","name":"n","schema":{"file_id":"x"}}}"#,
            &[JsonSchema],
        ),
        (
            "any json is no schema",
            r#""text":{"format":{"type":"json_object"}}"#,
            &[],
        ),
        (
            "plain text",
            r#""text":{"format":{"type":"text"},"verbosity":"low"}"#,
            &[],
        ),
        ("effort", r#""reasoning":{"effort":"low"}"#, &[Reasoning]),
        ("no effort", r#""reasoning":{"effort":"none"}"#, &[]),
        (
            "nothing said",
            r#""reasoning":{"effort":null,"summary":null}"#,
            &[],
        ),
        (
            "no effort, but a summary",
            r#""reasoning":{"effort":"none","summary":"auto"}"#,
            &[Reasoning],
        ),
        (
            "sealed thoughts wanted",
            r#""include":["reasoning.encrypted_content"]"#,
            &[Reasoning],
        ),
        (
            "logprobs",
            r#""include":["message.output_text.logprobs"]"#,
            &[Logprobs],
        ),
        (
            "sources",
            r#""include":["web_search_call.action.sources"]"#,
            &[],
        ),
        ("top logprobs", r#""top_logprobs":3"#, &[Logprobs]),
        ("no top logprobs", r#""top_logprobs":0"#, &[]),
        (
            "earlier response",
            r#""previous_response_id":"resp_1""#,
            &[ProviderState],
        ),
        ("no earlier response", r#""previous_response_id":null"#, &[]),
        (
            "conversation",
            r#""conversation":"conv_1""#,
            &[ProviderState],
        ),
        (
            "conversation object",
            r#""conversation":{"id":"conv_1"}"#,
            &[ProviderState],
        ),
        ("background", r#""background":true"#, &[ProviderState]),
        ("no background", r#""background":false"#, &[]),
        (
            "stored prompt",
            r#""prompt":{"id":"pmpt_1"}"#,
            &[ProviderState],
        ),
        (
            "messages",
            r#""input":[{"role":"user","content":"hi"},{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]"#,
            &[],
        ),
        (
            "an answer sent back",
            r#""input":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"hi"}]}]"#,
            &[],
        ),
        (
            "image",
            r#""input":[{"role":"user","content":[{"type":"input_image","image_url":"data:x"}]}]"#,
            &[Vision],
        ),
        (
            "stored image",
            r#""input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]"#,
            &[Vision, ProviderState],
        ),
        (
            "file in the request",
            r#""input":[{"role":"user","content":[{"type":"input_file","file_data":"d","file_id":null}]}]"#,
            &[Vision],
        ),
        (
            "stored file",
            r#""input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]"#,
            &[Vision, ProviderState],
        ),
        (
            "sound",
            r#""input":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]"#,
            &[Audio],
        ),
        (
            "call and result",
            r#""input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"42"}]"#,
            &[Tools],
        ),
        (
            "a result with an image",
            r#""input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"u"}]}]"#,
            &[Tools, Vision],
        ),
        (
            "a screenshot",
            r#""input":[{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot","image_url":"u"}}]"#,
            &[Vision],
        ),
        (
            "a reference",
            r#""input":[{"type":"item_reference","id":"msg_1"}]"#,
            &[ProviderState],
        ),
        (
            "a reference without its type",
            r#""input":[{"id":"msg_1"}]"#,
            &[ProviderState],
        ),
        (
            "a sealed thought",
            r#""input":[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAA"}]"#,
            &[Reasoning, ProviderState],
        ),
        (
            "a stored thought",
            r#""input":[{"type":"reasoning","id":"rs_1","summary":[]}]"#,
            &[Reasoning, ProviderState],
        ),
        (
            "an open thought",
            r#""input":[{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"t"}]}]"#,
            &[Reasoning],
        ),
        (
            "a sealed conversation",
            r#""input":[{"type":"compaction","encrypted_content":"gAA"}]"#,
            &[ProviderState],
        ),
        (
            "words that look like it",
            r#""input":"{\"type\":\"item_reference\"}","metadata":{"previous_response_id":"x","stream":"true"}"#,
            &[],
        ),
        ("odd items", r#""input":[1,null,"x",[],{}]"#, &[]),
    ] {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        let scan = request::scan(Shape::OpenaiResponses, &HeaderMap::new(), body.as_bytes());
        let wanted: CapabilitySet = needs.iter().copied().collect();
        assert_eq!(scan.unwrap().facts.needs, wanted, "{case}");
    }
}

fn seen(body: &str) -> Option<(BrokenKind, ProviderError)> {
    match response::body_evidence(Shape::OpenaiResponses, StatusCode::OK, body.as_bytes())? {
        Evidence::Broken { kind, error, .. } => Some((kind, error)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_has_output_and_did_not_fail() {
    let kind = |body| seen(body).map(|(kind, _)| kind);
    for (case, body, wanted) in [
        (
            "completed",
            r#"{"id":"r","status":"completed","error":null,"output":[{"type":"message"}]}"#,
            None,
        ),
        (
            "no text at all",
            r#"{"status":"completed","output":[]}"#,
            None,
        ),
        (
            "cut at a limit",
            r#"{"status":"incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#,
            None,
        ),
        (
            "waiting in the background",
            r#"{"status":"queued","output":[],"error":null}"#,
            None,
        ),
        (
            "unknown fields",
            r#"{"output":[{"type":"new_thing","x":[1]}],"more":{}}"#,
            None,
        ),
        (
            "failed",
            r#"{"status":"failed","error":{"code":"server_error","message":"m"},"output":[]}"#,
            Some(BrokenKind::ErrorInsideSuccess),
        ),
        (
            "failed without a word",
            r#"{"status":"failed","error":null,"output":[]}"#,
            Some(BrokenKind::ErrorInsideSuccess),
        ),
        (
            "error of a proxy",
            r#"{"error":{"message":"m","code":502}}"#,
            Some(BrokenKind::ErrorInsideSuccess),
        ),
        (
            "another shape",
            r#"{"choices":[]}"#,
            Some(BrokenKind::Malformed),
        ),
        ("null", "null", Some(BrokenKind::Malformed)),
        ("empty", "", Some(BrokenKind::Empty)),
        ("page", "<html>", Some(BrokenKind::Html)),
        ("cut", r#"{"output":[{"type":"#, Some(BrokenKind::Cut)),
    ] {
        assert_eq!(kind(body), wanted, "{case}");
    }
    let (_, error) = seen(
        r#"{"status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"},"output":[]}"#,
    )
    .unwrap();
    assert_eq!(error.code.as_deref(), Some("rate_limit_exceeded"));
    assert_eq!(error.message.as_deref(), Some("slow down"));
}

fn event(data: &str) -> String {
    let kind = data.split('"').nth(3).unwrap();
    format!("event: {kind}\ndata: {data}\n\n")
}

fn watch(stream: &str) -> Watch {
    let mut watch = Watch::new(Shape::OpenaiResponses);
    let mut out = Vec::new();
    watch.push(Bytes::copy_from_slice(stream.as_bytes()), &mut out);
    assert_eq!(out.concat(), stream.as_bytes(), "nothing is changed");
    watch
}

const CREATED: &str =
    r#"{"type":"response.created","response":{"status":"in_progress","error":null,"output":[]}}"#;
const TEXT: &str = r#"{"type":"response.output_text.delta","output_index":0,"delta":"hi"}"#;
const COMPLETED: &str = r#"{"type":"response.completed","response":{"status":"completed","error":null,"output":[{"type":"message"}]}}"#;
const FAILED: &str = r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"sorry"},"output":[]}}"#;

#[test]
fn a_stream_commits_with_its_first_semantic_output() {
    for (case, data, output) in [
        ("created", CREATED, false),
        (
            "queued",
            r#"{"type":"response.queued","response":{}}"#,
            false,
        ),
        (
            "in progress",
            r#"{"type":"response.in_progress","response":{}}"#,
            false,
        ),
        (
            "keep-alive",
            r#"{"type":"keepalive","sequence_number":3}"#,
            false,
        ),
        (
            "unknown progress",
            r#"{"type":"response.new_tool.searching","item_id":"i"}"#,
            false,
        ),
        (
            "an empty message opens",
            r#"{"type":"response.output_item.added","item":{"type":"message","id":"m","content":[]}}"#,
            false,
        ),
        (
            "a thought opens",
            r#"{"type":"response.output_item.added","item":{"type":"reasoning","id":"r","summary":[],"encrypted_content":"gAA"}}"#,
            false,
        ),
        (
            "an empty part opens",
            r#"{"type":"response.content_part.added","part":{"type":"output_text","text":"","annotations":[]}}"#,
            false,
        ),
        (
            "an empty summary opens",
            r#"{"type":"response.reasoning_summary_part.added","part":{"type":"summary_text","text":""}}"#,
            false,
        ),
        (
            "an empty piece",
            r#"{"type":"response.output_text.delta","delta":""}"#,
            false,
        ),
        ("text", TEXT, true),
        (
            "refusal",
            r#"{"type":"response.refusal.delta","delta":"no"}"#,
            true,
        ),
        (
            "thought",
            r#"{"type":"response.reasoning_text.delta","delta":"t"}"#,
            true,
        ),
        (
            "summary",
            r#"{"type":"response.reasoning_summary_text.delta","delta":"t"}"#,
            true,
        ),
        (
            "a call is named",
            r#"{"type":"response.output_item.added","item":{"type":"function_call","name":"f","arguments":""}}"#,
            true,
        ),
        (
            "arguments",
            r#"{"type":"response.function_call_arguments.delta","delta":"{"}"#,
            true,
        ),
        (
            "a tool of the provider begins",
            r#"{"type":"response.output_item.added","item":{"type":"web_search_call","status":"in_progress"}}"#,
            true,
        ),
        (
            "code",
            r#"{"type":"response.code_interpreter_call_code.delta","delta":"x"}"#,
            true,
        ),
        (
            "sound",
            r#"{"type":"response.audio.delta","delta":"AAA"}"#,
            true,
        ),
        (
            "image",
            r#"{"type":"response.image_generation_call.partial_image","partial_image_b64":"AAA"}"#,
            true,
        ),
        (
            "a part that opens with text",
            r#"{"type":"response.content_part.added","part":{"type":"output_text","text":"hi"}}"#,
            true,
        ),
        (
            "text without pieces",
            r#"{"type":"response.output_text.done","text":"hi"}"#,
            true,
        ),
        ("all at once", COMPLETED, true),
    ] {
        for stream in [event(data), format!("data: {data}\n\n")] {
            let watch = watch(&stream);
            assert_eq!(watch.seen().output, output, "{case}");
            assert_eq!(watch.seen().error, None, "{case}");
        }
    }
}

#[test]
fn a_stream_ends_with_a_verdict() {
    let incomplete = r#"{"type":"response.incomplete","response":{"status":"incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"}}}"#;
    let done = "data: [DONE]\n\n";
    for (case, stream, ends) in [
        ("completed", event(COMPLETED), true),
        ("incomplete", event(incomplete), true),
        (
            "without an event line",
            format!("data: {COMPLETED}\n\n"),
            true,
        ),
        (
            "with the marker of chats behind",
            event(COMPLETED) + done,
            true,
        ),
        ("only the marker of chats", done.to_owned(), false),
        ("nothing", String::new(), false),
    ] {
        for before in [String::new(), event(CREATED), event(CREATED) + &event(TEXT)] {
            let watch = watch(&(before.clone() + &stream));
            assert_eq!(watch.seen().end, ends, "{case} after {before}");
            assert_eq!(
                watch.evidence_at_end().is_none(),
                ends,
                "{case} after {before}"
            );
            assert!(!watch.seen().malformed, "{case}");
        }
    }
}

#[test]
fn a_stream_that_fails_says_so_before_and_after_its_first_output() {
    for (case, data, code, message) in [
        ("failed", FAILED, Some("server_error"), Some("sorry")),
        (
            "failed without a reason",
            r#"{"type":"response.failed","response":{"status":"failed","error":null}}"#,
            None,
            None,
        ),
        (
            "error as documented",
            r#"{"type":"error","code":"rate_limit_exceeded","message":"m","param":null,"sequence_number":1}"#,
            Some("rate_limit_exceeded"),
            Some("m"),
        ),
        (
            "error as sent",
            r#"{"type":"error","error":{"type":"server_error","code":"c","message":"m"},"sequence_number":1}"#,
            Some("c"),
            Some("m"),
        ),
        (
            "error of a proxy",
            r#"{"error":{"code":"c","message":"m"}}"#,
            Some("c"),
            Some("m"),
        ),
    ] {
        let plain = format!("data: {data}\n\n");
        let named = if data.starts_with("{\"type\"") {
            event(data)
        } else {
            plain.clone()
        };
        for stream in [plain, named] {
            for before in ["", &event(CREATED), &(event(CREATED) + &event(TEXT))] {
                let watch = watch(&(before.to_owned() + &stream));
                let error = watch.seen().error.clone().expect(case);
                assert_eq!(error.code.as_deref(), code, "{case}");
                assert_eq!(error.message.as_deref(), message, "{case}");
                assert_eq!(watch.seen().output, before.contains("delta"), "{case}");
                let Some(Evidence::Broken { kind, .. }) = watch.evidence() else {
                    panic!("{case}");
                };
                assert_eq!(kind, BrokenKind::StreamError, "{case}");
            }
        }
    }
}

#[test]
fn a_whole_response_beyond_all_measure_is_an_end_when_all_of_it_has_come() {
    let image = "A".repeat(3 << 20);
    let last = format!(
        r#"{{"type":"response.completed","response":{{"status":"completed","output":[{{"type":"image_generation_call","result":"{image}"}}]}}}}"#
    );
    let image = format!(
        r#"{{"type":"response.image_generation_call.partial_image","partial_image_b64":"{image}"}}"#
    );
    for (case, stream, end) in [
        ("named", event(&last), true),
        ("without an event line", format!("data: {last}\n\n"), true),
        ("a picture", event(&image), false),
    ] {
        for size in [1000, 1 << 16, 2 << 20, 8 << 20] {
            let mut watch = Watch::new(Shape::OpenaiResponses);
            let mut out = Vec::new();
            let bytes = Bytes::from(stream.clone());
            let (most, rest) = (
                bytes.slice(..bytes.len() - 1),
                bytes.slice(bytes.len() - 1..),
            );
            for piece in most.chunks(size) {
                watch.push(Bytes::copy_from_slice(piece), &mut out);
            }
            assert!(
                !watch.seen().end,
                "{case} by {size}: not before its last byte"
            );
            watch.push(rest, &mut out);
            assert_eq!(watch.seen().end, end, "{case} by {size}");
            assert!(
                watch.seen().output && !watch.seen().malformed,
                "{case} by {size}"
            );
            assert_eq!(out.concat(), stream.as_bytes(), "{case} by {size}");
        }
    }
}

#[test]
fn a_count_of_tokens_is_a_number() {
    let call = Call {
        shape: Shape::OpenaiResponses,
        verb: Verb::CountTokens,
    };
    for (body, good) in [
        (
            r#"{"object":"response.input_tokens","input_tokens":11}"#,
            true,
        ),
        (r#"{"object":"response","output":[]}"#, false),
        (r#"{"input_tokens":1,"error":{"message":"m"}}"#, false),
    ] {
        let evidence = response::body_evidence(call, StatusCode::OK, body.as_bytes());
        assert_eq!(evidence.is_none(), good, "{body}");
    }
}
