//! `gemini-generate` on the wire: what requests need, what answers are, and streams in both framings.
#![expect(clippy::too_many_lines, reason = "a table is as long as its cases")]

use backstop::{
    model::{Capability, CapabilitySet},
    policy::{BrokenKind, Evidence},
    wire::{
        Call, Framing, Shape, Verb,
        error_body::GatewayError,
        request::{self, Scan},
        response,
        stream::{Seen, Watch},
    },
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use Capability::{
    Audio, CacheControl, ForcedTools, JsonSchema, Logprobs, ProviderState, Reasoning,
    SignedReasoning, Streaming, StrictTools, Tools, Vision,
};

const fn call(verb: Verb) -> Call {
    Call {
        shape: Shape::GeminiGenerate,
        verb,
    }
}

fn scan(verb: Verb, body: &str) -> Scan {
    request::scan(call(verb), &HeaderMap::new(), body.as_bytes()).unwrap()
}

#[test]
fn a_request_needs_what_it_uses() {
    let part = |part: &str| format!(r#"{{"contents":[{{"role":"user","parts":[{part}]}}]}}"#);
    let setting = |setting: &str| format!(r#"{{"generationConfig":{{{setting}}}}}"#);
    let tool = |tool: &str| format!(r#"{{"contents":[],"tools":[{tool}]}}"#);
    for (case, body, needs, structured) in [
        ("nothing", "{}".to_owned(), &[][..], false),
        (
            "text",
            part(r#"{"text":"inlineData cachedContent"}"#),
            &[],
            false,
        ),
        (
            "image",
            part(r#"{"text":"t"},{"inlineData":{"mimeType":"image/png","data":"AA"}}"#),
            &[Vision],
            false,
        ),
        (
            "image, data first",
            part(r#"{"inlineData":{"data":"AA","mimeType":"IMAGE/PNG"}}"#),
            &[Vision],
            false,
        ),
        (
            "image, other spelling",
            part(r#"{"inline_data":{"mime_type":"image/jpeg","data":"AA"}}"#),
            &[Vision],
            false,
        ),
        (
            "image in the instruction",
            r#"{"system_instruction":{"parts":[{"inlineData":{"mimeType":"image/png"}}]}}"#
                .to_owned(),
            &[Vision],
            false,
        ),
        (
            "one part without a list",
            r#"{"contents":{"role":"user","parts":{"inlineData":{"mimeType":"image/png"}}}}"#
                .to_owned(),
            &[Vision],
            false,
        ),
        (
            "pages",
            part(r#"{"inlineData":{"mimeType":"application/pdf"}}"#),
            &[Vision],
            false,
        ),
        (
            "plain text as data",
            part(r#"{"inlineData":{"mimeType":"text/plain"}}"#),
            &[],
            false,
        ),
        (
            "audio",
            part(r#"{"inlineData":{"mimeType":"audio/wav"}}"#),
            &[Audio],
            false,
        ),
        (
            "video",
            part(r#"{"inlineData":{"mimeType":"video/mp4"}}"#),
            &[Vision, Audio],
            false,
        ),
        (
            "uploaded file",
            part(r#"{"fileData":{"mimeType":"image/png","fileUri":"https://x/files/a"}}"#),
            &[Vision, ProviderState],
            false,
        ),
        (
            "functions",
            tool(r#"{"functionDeclarations":[{"name":"f"}]}"#),
            &[Tools],
            false,
        ),
        (
            "functions, other spelling",
            tool(r#"{"function_declarations":[{"name":"f"}]}"#),
            &[Tools],
            false,
        ),
        (
            "no functions",
            tool(r#"{"functionDeclarations":[]}"#),
            &[],
            false,
        ),
        (
            "tools of the provider",
            tool(r#"{"googleSearch":{}}"#),
            &[Tools],
            false,
        ),
        (
            "code execution",
            tool(r#"{"codeExecution":{}}"#),
            &[Tools],
            false,
        ),
        (
            "stored files",
            tool(r#"{"fileSearch":{"fileSearchStoreNames":["s"]}}"#),
            &[Tools, ProviderState],
            false,
        ),
        (
            "a call is demanded",
            r#"{"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}"#.to_owned(),
            &[ForcedTools],
            false,
        ),
        (
            "arguments are bound",
            r#"{"tool_config":{"function_calling_config":{"mode":"VALIDATED"}}}"#.to_owned(),
            &[StrictTools],
            false,
        ),
        (
            "calls as it likes",
            r#"{"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}}"#.to_owned(),
            &[],
            false,
        ),
        (
            "earlier call",
            part(r#"{"functionCall":{"name":"f","args":{}}}"#),
            &[Tools],
            false,
        ),
        (
            "earlier result",
            part(r#"{"functionResponse":{"name":"f","response":{}}}"#),
            &[Tools],
            false,
        ),
        (
            "earlier thought",
            part(r#"{"text":"hm","thought":true}"#),
            &[Reasoning],
            false,
        ),
        (
            "sealed thought",
            part(r#"{"functionCall":{"name":"f"},"thoughtSignature":"AA"}"#),
            &[Tools, SignedReasoning],
            false,
        ),
        (
            "no thought",
            part(r#"{"text":"hm","thought":false,"thoughtSignature":""}"#),
            &[],
            false,
        ),
        (
            "schema",
            setting(r#""responseMimeType":"application/json","responseSchema":{"type":"OBJECT"}"#),
            &[JsonSchema],
            true,
        ),
        (
            "json schema",
            setting(r#""responseJsonSchema":{"type":"object"}"#),
            &[JsonSchema],
            true,
        ),
        (
            "schema, other spelling",
            r#"{"generation_config":{"response_schema":{"type":"OBJECT"}}}"#.to_owned(),
            &[JsonSchema],
            true,
        ),
        (
            "json",
            setting(r#""responseMimeType":"application/json""#),
            &[],
            true,
        ),
        (
            "enum",
            setting(r#""responseMimeType":"text/x.enum""#),
            &[],
            true,
        ),
        (
            "plain",
            setting(r#""responseMimeType":"text/plain""#),
            &[],
            false,
        ),
        (
            "logprobs",
            setting(r#""responseLogprobs":true"#),
            &[Logprobs],
            false,
        ),
        (
            "number of logprobs",
            setting(r#""logprobs":3"#),
            &[Logprobs],
            false,
        ),
        (
            "no logprobs",
            setting(r#""responseLogprobs":false"#),
            &[],
            false,
        ),
        (
            "thinking",
            setting(r#""thinkingConfig":{"includeThoughts":true}"#),
            &[Reasoning],
            false,
        ),
        (
            "thinking level",
            setting(r#""thinkingConfig":{"thinkingLevel":"low"}"#),
            &[Reasoning],
            false,
        ),
        (
            "a budget",
            setting(r#""thinkingConfig":{"thinkingBudget":1024}"#),
            &[Reasoning],
            false,
        ),
        (
            "as it likes",
            setting(r#""thinkingConfig":{"thinkingBudget":-1}"#),
            &[Reasoning],
            false,
        ),
        (
            "no thinking",
            setting(r#""thinkingConfig":{"thinkingBudget":0}"#),
            &[],
            false,
        ),
        (
            "speech",
            setting(r#""responseModalities":["AUDIO"],"speechConfig":{"voiceConfig":{}}"#),
            &[Audio],
            false,
        ),
        (
            "text and image out",
            setting(r#""responseModalities":["TEXT","IMAGE"]"#),
            &[],
            false,
        ),
        (
            "cached",
            r#"{"cachedContent":"cachedContents/x"}"#.to_owned(),
            &[CacheControl, ProviderState],
            false,
        ),
        (
            "not cached",
            r#"{"cachedContent":""}"#.to_owned(),
            &[],
            false,
        ),
        (
            "unknown",
            r#"{"new":{"inlineData":{"mimeType":"image/png"}}}"#.to_owned(),
            &[],
            false,
        ),
    ] {
        let scanned = scan(Verb::Generate, &body);
        let needs: CapabilitySet = needs.iter().copied().collect();
        assert_eq!(
            scanned.facts.needs, needs,
            "{case}: {}",
            scanned.facts.needs
        );
        assert_eq!(scanned.structured, structured, "{case}");
        assert_eq!(scanned.model, None, "{case}");
        assert!(!scanned.facts.stream, "{case}");
        let streamed = scan(Verb::Stream(Framing::Array), &body);
        assert!(streamed.facts.needs.contains(Streaming), "{case}");
        assert!(streamed.facts.stream, "{case}");
    }
}

#[test]
fn a_model_in_the_body_is_found_where_the_api_has_it() {
    for (case, verb, body, model) in [
        ("none", Verb::Generate, r#"{"contents":[]}"#, None),
        (
            "beside",
            Verb::Generate,
            r#"{"model":"models/m"}"#,
            Some("models/m"),
        ),
        (
            "below",
            Verb::CountTokens,
            r#"{"generateContentRequest":{"model":"models/m","contents":[]}}"#,
            Some("models/m"),
        ),
        (
            "other spelling",
            Verb::CountTokens,
            r#"{"generate_content_request":{"model":"models/m"}}"#,
            Some("models/m"),
        ),
        (
            "too deep",
            Verb::CountTokens,
            r#"{"generateContentRequest":{"generateContentRequest":{"model":"m"}}}"#,
            None,
        ),
    ] {
        let scanned = scan(verb, body);
        let found = request::model(&scanned, body.as_bytes());
        assert_eq!(found.as_deref(), model, "{case}");
    }
    let counted = r#"{"generateContentRequest":{"tools":[{"googleSearch":{}}]}}"#;
    let counted = scan(Verb::CountTokens, counted);
    assert!(counted.facts.needs.contains(Tools) && counted.structured);
}

fn kind(evidence: Option<Evidence>) -> Option<BrokenKind> {
    match evidence {
        None => None,
        Some(Evidence::Broken { kind, .. }) => Some(kind),
        Some(other) => panic!("{other:?}"),
    }
}

#[test]
fn answers_are_told_from_what_is_none() {
    use BrokenKind::{Cut, Empty, ErrorInsideSuccess, Html, Malformed};
    let counts = Verb::CountTokens;
    for (case, verb, body, wrong) in [
        (
            "text",
            Verb::Generate,
            r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
            None,
        ),
        (
            "without content",
            Verb::Generate,
            r#"{"candidates":[{"finishReason":"SAFETY"}]}"#,
            None,
        ),
        (
            "prompt blocked",
            Verb::Generate,
            r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{}}"#,
            None,
        ),
        (
            "no candidate",
            Verb::Generate,
            r#"{"candidates":[],"usageMetadata":{}}"#,
            Some(Malformed),
        ),
        (
            "usage alone",
            Verb::Generate,
            r#"{"usageMetadata":{"promptTokenCount":1}}"#,
            Some(Malformed),
        ),
        (
            "empty feedback",
            Verb::Generate,
            r#"{"promptFeedback":{}}"#,
            Some(Malformed),
        ),
        (
            "error",
            Verb::Generate,
            r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#,
            Some(ErrorInsideSuccess),
        ),
        (
            "error in a list",
            Verb::Generate,
            r#"[{"error":{"code":503,"status":"UNAVAILABLE"}}]"#,
            Some(ErrorInsideSuccess),
        ),
        ("null", Verb::Generate, "null", Some(Malformed)),
        ("html", Verb::Generate, "<html>", Some(Html)),
        ("cut", Verb::Generate, r#"{"candidates":["#, Some(Cut)),
        ("empty", Verb::Generate, "", Some(Empty)),
        ("count", counts, r#"{"totalTokens":31}"#, None),
        (
            "no count",
            counts,
            r#"{"candidates":[{}]}"#,
            Some(Malformed),
        ),
        (
            "count as text",
            counts,
            r#"{"totalTokens":"31"}"#,
            Some(Malformed),
        ),
    ] {
        let evidence = response::body_evidence(call(verb), StatusCode::OK, body.as_bytes());
        assert_eq!(kind(evidence), wrong, "{case}");
    }
}

#[test]
fn a_notice_is_put_before_the_first_text_that_is_shown() {
    for (case, body, expected) in [
        (
            "text",
            r#"{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b"}]}}]}"#,
            Some(r#"{"candidates":[{"content":{"parts":[{"text":"N\n\na"},{"text":"b"}]}}]}"#),
        ),
        (
            "thought first",
            r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"}]}}]}"#,
            Some(
                r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"N\n\na"}]}}]}"#,
            ),
        ),
        (
            "thought, other order",
            r#"{"candidates":[{"content":{"parts":[{"thought":true,"text":"hm"}]}}]}"#,
            None,
        ),
        (
            "only the first candidate",
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{}}]}},{"content":{"parts":[{"text":"a"}]}}]}"#,
            None,
        ),
        (
            "blocked",
            r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#,
            None,
        ),
    ] {
        let with = response::with_notice(Shape::GeminiGenerate, body.as_bytes(), "N");
        let with = with.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(with.as_deref(), expected, "{case}");
    }
}

/// Everything that came out, and what was seen.
#[derive(Debug, PartialEq)]
struct Passed {
    out: String,
    seen: Seen,
    evidence: Option<BrokenKind>,
    at_end: Option<BrokenKind>,
    ending: Option<Vec<u8>>,
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
        out: String::from_utf8_lossy(&out.concat()).into_owned(),
        seen: watch.seen().clone(),
        evidence: kind(watch.evidence()),
        at_end: kind(watch.evidence_at_end()),
        ending: watch.ending(&own_error()).map(|ending| ending.concat()),
    }
}

fn own_error() -> GatewayError {
    GatewayError {
        status: 502,
        code: "backstop_broken_response",
        message: "the provider's answer was broken".to_owned(),
    }
}

const FRAMINGS: [Framing; 2] = [Framing::Events, Framing::Array];

/// Answers as a stream of that framing, as Google's servers write it.
fn framed(framing: Framing, answers: &[String]) -> String {
    match framing {
        Framing::Events if answers.is_empty() => String::new(),
        Framing::Events => format!("data: {}\r\n\r\n", answers.join("\r\n\r\ndata: ")),
        Framing::Array => format!("[{}\n]\n", answers.join("\n,\r\n")),
    }
}

fn watch(framing: Framing) -> Watch {
    Watch::new(Shape::GeminiGenerate).framed(framing)
}

fn parts(parts: &str) -> String {
    format!(r#"{{"candidates":[{{"content":{{"parts":[{parts}],"role":"model"}},"index":0}}]}}"#)
}

fn text(text: &str) -> String {
    parts(&format!(r#"{{"text":"{text}"}}"#))
}

fn stop() -> String {
    r#"{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP","index":0}],"usageMetadata":{"totalTokenCount":9},"modelVersion":"m"}"#.to_owned()
}

fn error() -> String {
    r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#
        .to_owned()
}

#[test]
fn the_commit_point_is_the_first_semantic_output() {
    for (case, answer, output) in [
        ("text", text("h"), true),
        ("white space is text", text(" "), true),
        ("empty text", text(""), false),
        ("no parts", parts(""), false),
        ("an empty part", parts("{}"), false),
        (
            "a signature alone",
            parts(r#"{"text":"","thoughtSignature":"AA"}"#),
            false,
        ),
        ("thought", parts(r#"{"text":"hm","thought":true}"#), true),
        (
            "function call",
            parts(r#"{"functionCall":{"name":"f","args":{}}}"#),
            true,
        ),
        (
            "image",
            parts(r#"{"inlineData":{"mimeType":"image/png","data":"AA"}}"#),
            true,
        ),
        (
            "code",
            parts(r#"{"executableCode":{"language":"PYTHON","code":"1"}}"#),
            true,
        ),
        ("new kind", parts(r#"{"hologram":{"x":1}}"#), true),
        (
            "usage alone",
            r#"{"usageMetadata":{"promptTokenCount":3},"modelVersion":"m"}"#.to_owned(),
            false,
        ),
        ("finish alone", stop(), false),
        (
            "second candidate",
            r#"{"candidates":[{"index":0},{"index":1,"content":{"parts":[{"text":"h"}]}}]}"#
                .to_owned(),
            true,
        ),
    ] {
        for framing in FRAMINGS {
            let stream = framed(framing, std::slice::from_ref(&answer));
            let passed = pass(watch(framing), &[stream.as_bytes()], false);
            assert_eq!(passed.seen.output, output, "{case}, {framing:?}");
            assert!(!passed.seen.malformed, "{case}, {framing:?}");
        }
    }
}

#[test]
fn a_stream_ends_when_every_candidate_has_and_its_frame_is_whole() {
    let second = |finish: &str| {
        format!(
            r#"{{"candidates":[{{"index":1,"content":{{"parts":[{{"text":"b"}}]}}{finish}}}]}}"#
        )
    };
    let blocked = r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}"#.to_owned();
    let safety = r#"{"candidates":[{"finishReason":"SAFETY"}]}"#.to_owned();
    for (case, answers, wrong) in [
        ("usual", vec![text("a"), text("b"), stop()], None),
        (
            "in one piece",
            vec![text("a").replace("\"index\":0", "\"finishReason\":\"STOP\"")],
            None,
        ),
        (
            "usage behind the end",
            vec![text("a"), stop(), r#"{"usageMetadata":{}}"#.to_owned()],
            None,
        ),
        ("prompt blocked", vec![blocked], None),
        ("answer blocked", vec![safety], None),
        (
            "no finish reason",
            vec![text("a")],
            Some(BrokenKind::MissingEnd),
        ),
        (
            "two candidates",
            vec![
                text("a"),
                second(""),
                stop(),
                second(",\"finishReason\":\"STOP\""),
            ],
            None,
        ),
        (
            "one of two",
            vec![text("a"), second(""), stop()],
            Some(BrokenKind::MissingEnd),
        ),
        ("nothing", vec![], Some(BrokenKind::Empty)),
    ] {
        for framing in FRAMINGS {
            let stream = framed(framing, &answers);
            let passed = pass(watch(framing), &[stream.as_bytes()], true);
            assert_eq!(passed.at_end, wrong, "{case}, {framing:?}");
            assert_eq!(passed.seen.end, wrong.is_none(), "{case}, {framing:?}");
            if wrong.is_none() {
                assert_eq!(passed.out, stream, "{case}, {framing:?}");
            }
        }
    }
    // The array must close.
    let stream = framed(Framing::Array, &[text("a"), stop()]);
    let cut = stream.trim_end().trim_end_matches(']');
    let passed = pass(watch(Framing::Array), &[cut.as_bytes()], true);
    assert_eq!(passed.at_end, Some(BrokenKind::MissingEnd));
}

#[test]
fn what_is_no_stream_does_not_come_out() {
    use BrokenKind::{Malformed, StreamError};
    for (case, framing, stream, wrong) in [
        ("html", Framing::Array, "<html>".to_owned(), Malformed),
        ("html", Framing::Events, "<html>\n\n".to_owned(), Malformed),
        ("an answer in no array", Framing::Array, stop(), Malformed),
        ("an error in no array", Framing::Array, error(), StreamError),
        (
            "an error in no event",
            Framing::Events,
            format!("{}\n\n", error()),
            StreamError,
        ),
        (
            "a list of numbers",
            Framing::Array,
            "[1]".to_owned(),
            Malformed,
        ),
        (
            "a bare list of lists",
            Framing::Array,
            "[[{}]]".to_owned(),
            Malformed,
        ),
        (
            "broken json",
            Framing::Array,
            "[{\"a\":}]".to_owned(),
            Malformed,
        ),
    ] {
        let passed = pass(watch(framing), &[stream.as_bytes()], true);
        assert_eq!(passed.at_end, Some(wrong), "{case}, {framing:?}");
        assert_eq!(passed.out, "", "{case}, {framing:?}");
    }
}

#[test]
fn a_broken_stream_is_ended_so_that_the_client_can_read_it() {
    for framing in FRAMINGS {
        for (case, answers, cut, errors) in [
            ("cut between answers", vec![text("a"), text("b")], 0, 1),
            ("cut in an answer", vec![text("a"), text("b")], 9, 1),
            ("no finish reason", vec![text("a")], 0, 1),
            ("error of the provider", vec![text("a"), error()], 0, 1),
            (
                "error of the provider in a whole array",
                vec![text("a"), error(), stop()],
                0,
                1,
            ),
        ] {
            let mut stream = framed(framing, &answers);
            if case.starts_with("cut") {
                stream.truncate(stream.trim_end().trim_end_matches(']').trim_end().len() - cut);
            }
            for size in [1, 3, 10_000] {
                let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
                // The connection broke: what is held stays here.
                let passed = pass(watch(framing), &pieces, case == "no finish reason");
                let whole = [passed.out.as_bytes(), &passed.ending.clone().unwrap()].concat();
                let read = read(framing, &String::from_utf8(whole).unwrap());
                let told = read
                    .iter()
                    .filter(|answer| answer["error"].is_object())
                    .count();
                assert_eq!(told, errors, "{case}, {framing:?} by {size}: {read:#?}");
                assert!(
                    read[0]["candidates"].is_array(),
                    "{case}, {framing:?} by {size}"
                );
                let own = read
                    .iter()
                    .any(|answer| answer["error"]["source"] == "backstop");
                assert_eq!(
                    own,
                    !case.starts_with("error"),
                    "{case}, {framing:?} by {size}"
                );
            }
        }
    }
}

/// What a client reads.
fn read(framing: Framing, stream: &str) -> Vec<Value> {
    match framing {
        Framing::Events => stream
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect(),
        Framing::Array => serde_json::from_str(stream).unwrap(),
    }
}

#[test]
fn an_array_that_broke_before_anything_came_out_still_is_one() {
    let passed = pass(watch(Framing::Array), &[b"[{\"a\":"], false);
    let read = read(
        Framing::Array,
        std::str::from_utf8(&passed.ending.unwrap()).unwrap(),
    );
    assert_eq!(read[0]["error"]["status"], "UNAVAILABLE");
}

#[test]
fn an_image_beyond_all_measure_passes_as_it_comes() {
    let image = "A".repeat(3 * 1024 * 1024);
    let answer = parts(&format!(
        r#"{{"inlineData":{{"mimeType":"image/png","data":"{image}"}}}}"#
    ))
    .replace("\"index\":0", "\"finishReason\":\"STOP\"");
    for framing in FRAMINGS {
        for answers in [vec![answer.clone()], vec![text("a"), answer.clone()]] {
            let stream = framed(framing, &answers);
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(64 * 1024).collect();
            let passed = pass(watch(framing), &pieces, true);
            // Its finish reason was not read; the frame is whole, and that is what can be known.
            assert_eq!(passed.at_end, None, "{framing:?}");
            assert!(passed.seen.output, "{framing:?}");
            assert_eq!(passed.out, stream, "{framing:?}");
            let half = pass(watch(framing), &pieces[..30], false);
            match framing {
                // A blank line first, so that ours is an event of its own.
                Framing::Events => assert!(half.ending.unwrap().starts_with(b"\n\ndata: {")),
                Framing::Array => assert_eq!(half.ending, None, "nothing can be said inside it"),
            }
        }
    }
}

#[test]
fn a_notice_stands_before_the_first_text_in_both_framings() {
    for framing in FRAMINGS {
        let answers = [parts(r#"{"text":"hm","thought":true}"#), text("a"), stop()];
        let stream = framed(framing, &answers);
        let expected = stream.replace("\"text\":\"a\"", "\"text\":\"N\\n\\na\"");
        for size in [1, 7, 10_000] {
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            let watch = Watch::with_notice(Shape::GeminiGenerate, "N").framed(framing);
            let passed = pass(watch, &pieces, true);
            assert_eq!(passed.out, expected, "{framing:?} by {size}");
        }
    }
}

/// Streams made of real answers, of broken ones and of noise.
fn stream(framing: Framing) -> impl Strategy<Value = Vec<u8>> {
    let answer = prop::sample::select(vec![
        text("a"),
        text("]}\\\",{["),
        text(""),
        stop(),
        error(),
        json!({"candidates": [{"index": 1}]}).to_string(),
        "{\"a\":}".to_owned(),
        "null".to_owned(),
    ]);
    let answers = prop::collection::vec(answer, 0..6).prop_map(move |it| framed(framing, &it));
    (
        answers,
        prop::collection::vec(any::<u8>(), 0..6),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(stream, noise, place)| {
            let mut bytes = stream.into_bytes();
            if noise.len() > 3 {
                let place = place.index(bytes.len() + 1);
                bytes.splice(place..place, noise);
            }
            bytes
        })
}

proptest! {
    #[test]
    fn any_split_shows_the_same_and_loses_no_byte(
        (framing, stream) in prop::sample::select(FRAMINGS.to_vec())
            .prop_flat_map(|framing| (Just(framing), stream(framing))),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        finish: bool,
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        let whole = pass(watch(framing), &[&stream], finish);
        let split = pass(watch(framing), &pieces, finish);
        prop_assert_eq!(&whole, &split);
        let stream = String::from_utf8_lossy(&stream);
        if finish && whole.at_end.is_none() {
            prop_assert_eq!(&whole.out, &stream);
        }
    }

    #[test]
    fn an_array_ended_anywhere_parses(
        answers in prop::collection::vec(prop::sample::select(vec![text("a"), stop(), error()]), 0..6),
        cut in any::<prop::sample::Index>(),
        finish: bool,
    ) {
        let stream = framed(Framing::Array, &answers);
        let cut = cut.index(stream.len() + 1);
        let passed = pass(watch(Framing::Array), &[&stream.as_bytes()[..cut]], finish);
        if passed.at_end.is_some() {
            let whole = [passed.out.as_bytes(), &passed.ending.unwrap()].concat();
            let read: Result<Vec<Value>, _> = serde_json::from_slice(&whole);
            prop_assert!(read.is_ok(), "{}", String::from_utf8_lossy(&whole));
        }
    }

    #[test]
    fn any_body_is_answered(body in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = request::scan(call(Verb::Generate), &HeaderMap::new(), &body);
        let _ = response::body_evidence(call(Verb::CountTokens), StatusCode::OK, &body);
        let _ = response::with_notice(Shape::GeminiGenerate, &body, "n");
    }
}
