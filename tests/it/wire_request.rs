//! Request bodies: what they need, and the model that is replaced in them.
#![expect(clippy::too_many_lines, reason = "a table is as long as its cases")]

use backstop::{
    model::{Capability, CapabilitySet},
    wire::{
        Shape,
        request::{self, Scan, ScanError},
    },
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use Capability::{
    Audio, CacheControl, ForcedTools, JsonSchema, Logprobs, ParallelTools, ProviderState,
    Reasoning, SignedReasoning, Streaming, StrictTools, Tools, Vision,
};

/// The families whose requests name the model in the body.
const BODY_NAMES_MODEL: [Shape; 4] = [
    Shape::OpenaiChat,
    Shape::OpenaiResponses,
    Shape::OpenaiEmbeddings,
    Shape::AnthropicMessages,
];

fn scan(shape: Shape, body: &str) -> Result<Scan, ScanError> {
    request::scan(shape, &HeaderMap::new(), body.as_bytes())
}

#[test]
fn an_openai_request_needs_what_it_asks_for() {
    for (case, fields, needs) in [
        ("nothing", "", &[][..]),
        ("stream", r#""stream":true"#, &[Streaming]),
        ("no stream", r#""stream":false"#, &[]),
        (
            "stream twice, the last counts",
            r#""stream":true,"stream":false"#,
            &[],
        ),
        (
            "tools",
            r#""tools":[{"type":"function","function":{"name":"f"}}]"#,
            &[Tools],
        ),
        ("no tools", r#""tools":[]"#, &[]),
        ("tools null", r#""tools":null"#, &[]),
        ("functions", r#""functions":[{"name":"f"}]"#, &[Tools]),
        (
            "json schema",
            r#""response_format":{"type":"json_schema","json_schema":{"type":"x"}}"#,
            &[JsonSchema],
        ),
        (
            "json object is no schema",
            r#""response_format":{"type":"json_object"}"#,
            &[],
        ),
        ("text format", r#""response_format":{"type":"text"}"#, &[]),
        ("logprobs", r#""logprobs":true"#, &[Logprobs]),
        ("no logprobs", r#""logprobs":false"#, &[]),
        (
            "reasoning effort",
            r#""reasoning_effort":"low""#,
            &[Reasoning],
        ),
        ("no reasoning effort", r#""reasoning_effort":"none""#, &[]),
        ("reasoning effort null", r#""reasoning_effort":null"#, &[]),
        (
            "reasoning of routers",
            r#""reasoning":{"effort":"high"}"#,
            &[Reasoning],
        ),
        (
            "thinking of others",
            r#""thinking":{"type":"enabled"}"#,
            &[Reasoning],
        ),
        (
            "audio out",
            r#""modalities":["text","audio"],"audio":{"voice":"v"}"#,
            &[Audio],
        ),
        ("text out", r#""modalities":["text"]"#, &[]),
        (
            "text parts",
            r#""messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]"#,
            &[],
        ),
        (
            "image",
            r#""messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:"}}]}]"#,
            &[Vision],
        ),
        (
            "image in a later message",
            r#""messages":[{"content":"a"},{"content":[{"image_url":{"url":"u"},"type":"image_url"}]}]"#,
            &[Vision],
        ),
        (
            "file",
            r#""messages":[{"role":"user","content":[{"type":"file","file":{}}]}]"#,
            &[Vision],
        ),
        (
            "file in the request",
            r#""messages":[{"role":"user","content":[{"type":"file","file":{"filename":"f","file_data":"d"}}]}]"#,
            &[Vision],
        ),
        (
            "stored file",
            r#""messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]"#,
            &[Vision, ProviderState],
        ),
        (
            "audio in",
            r#""messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]"#,
            &[Audio],
        ),
        (
            "audio of before",
            r#""messages":[{"role":"assistant","audio":{"id":"a"}}]"#,
            &[Audio, ProviderState],
        ),
        (
            "cache mark",
            r#""messages":[{"content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]"#,
            &[CacheControl],
        ),
        (
            "cache mark null",
            r#""messages":[{"content":[{"type":"text","text":"x","cache_control":null}]}]"#,
            &[],
        ),
        (
            "text that speaks of images",
            r#""messages":[{"role":"user","content":"{\"type\":\"image_url\"}"}]"#,
            &[],
        ),
        (
            "arguments that speak of images",
            r#""messages":[{"role":"assistant","tool_calls":[{"type":"image_url"}]}]"#,
            &[],
        ),
        (
            "metadata is not ours",
            r#""metadata":{"stream":true,"tools":[1]}"#,
            &[],
        ),
        (
            "a strict function",
            r#""tools":[{"function":{"name":"f","strict":true}},{"function":{"strict":false}}]"#,
            &[Tools, StrictTools],
        ),
        (
            "a tool must be called",
            r#""tools":[{}],"tool_choice":"required""#,
            &[Tools, ForcedTools],
        ),
        (
            "a named tool must be called",
            r#""tools":[{}],"tool_choice":{"type":"function","function":{"name":"f"}}"#,
            &[Tools, ForcedTools],
        ),
        (
            "a named function must be called",
            r#""functions":[{}],"function_call":{"name":"f"}"#,
            &[Tools, ForcedTools],
        ),
        (
            "a choice that is free",
            r#""tools":[{}],"tool_choice":"auto","function_call":"none""#,
            &[Tools],
        ),
        ("no choice", r#""tool_choice":null"#, &[]),
        (
            "one call at a time",
            r#""parallel_tool_calls":false"#,
            &[ParallelTools],
        ),
        (
            "as many calls as it likes",
            r#""parallel_tool_calls":true"#,
            &[],
        ),
        (
            "reasoning that a router has kept",
            r#""messages":[{"role":"assistant","reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}]"#,
            &[SignedReasoning],
        ),
        (
            "reasoning in the open",
            r#""messages":[{"role":"assistant","reasoning_content":"hm","thinking_blocks":[]}]"#,
            &[],
        ),
        (
            "a signature beside a tool call",
            r#""messages":[{"role":"assistant","tool_calls":[{"id":"c","extra_content":{"google":{"thought_signature":"s"}}}]}]"#,
            &[SignedReasoning],
        ),
        ("escaped key", r#""str\u0065am":true"#, &[Streaming]),
        (
            "all at once",
            r#""stream":true,"logprobs":true,"tools":[{}]"#,
            &[Streaming, Tools, Logprobs],
        ),
    ] {
        let comma = if fields.is_empty() { "" } else { "," };
        let body = format!(r#"{{"model":"m"{comma}{fields}}}"#);
        let scan = scan(Shape::OpenaiChat, &body).unwrap();
        let expected: CapabilitySet = needs.iter().copied().collect();
        assert_eq!(scan.facts.needs, expected, "{case}");
        assert_eq!(scan.facts.stream, needs.contains(&Streaming), "{case}");
    }
}

#[test]
fn an_anthropic_request_needs_what_it_asks_for() {
    for (case, fields, needs) in [
        ("nothing", r#""max_tokens":1"#, &[][..]),
        ("stream", r#""stream":true"#, &[Streaming]),
        (
            "tools",
            r#""tools":[{"name":"f","input_schema":{"type":"object"}}]"#,
            &[Tools],
        ),
        ("no tools", r#""tools":[]"#, &[]),
        (
            "stored image",
            r#""messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]"#,
            &[Vision, ProviderState],
        ),
        (
            "stored document in a tool result",
            r#""messages":[{"content":[{"type":"tool_result","content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}]"#,
            &[Vision, ProviderState],
        ),
        (
            "stored file for a container",
            r#""messages":[{"content":[{"type":"container_upload","file_id":"f"}]}]"#,
            &[ProviderState],
        ),
        (
            "a container by its id",
            r#""container":"container_1""#,
            &[ProviderState],
        ),
        (
            "a container by its id, with skills",
            r#""container":{"id":"container_1","skills":[]}"#,
            &[ProviderState],
        ),
        (
            "a new container",
            r#""container":{"id":null,"skills":[{"type":"anthropic","skill_id":"xlsx"}]}"#,
            &[],
        ),
        (
            "cache mark on a tool",
            r#""tools":[{"name":"f","cache_control":{"type":"ephemeral"}}]"#,
            &[Tools, CacheControl],
        ),
        (
            "cache mark on the system prompt",
            r#""system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]"#,
            &[CacheControl],
        ),
        ("plain system prompt", r#""system":"image""#, &[]),
        (
            "cache for all",
            r#""cache_control":{"type":"ephemeral"}"#,
            &[CacheControl],
        ),
        (
            "thinking",
            r#""thinking":{"type":"enabled","budget_tokens":1024}"#,
            &[Reasoning],
        ),
        (
            "adaptive thinking",
            r#""thinking":{"type":"adaptive"}"#,
            &[Reasoning],
        ),
        (
            "thinking switched off",
            r#""thinking":{"type":"disabled"}"#,
            &[],
        ),
        (
            "effort",
            r#""output_config":{"effort":"low"}"#,
            &[Reasoning],
        ),
        (
            "schema",
            r#""output_config":{"format":{"type":"json_schema","schema":{}}}"#,
            &[JsonSchema],
        ),
        (
            "schema, first spelling",
            r#""output_format":{"type":"json_schema","schema":{}}"#,
            &[JsonSchema],
        ),
        (
            "text",
            r#""messages":[{"role":"user","content":"image"}]"#,
            &[],
        ),
        (
            "image",
            r#""messages":[{"role":"user","content":[{"type":"image","source":{}}]}]"#,
            &[Vision],
        ),
        (
            "document",
            r#""messages":[{"role":"user","content":[{"type":"document","source":{}}]}]"#,
            &[Vision],
        ),
        (
            "image in a tool result",
            r#""messages":[{"content":[{"type":"tool_result","content":[{"type":"image"}]}]}]"#,
            &[Vision],
        ),
        (
            "signed thoughts",
            r#""messages":[{"content":[{"type":"thinking","thinking":"t","signature":"s"}]}]"#,
            &[Reasoning, SignedReasoning],
        ),
        (
            "thoughts without a signature",
            r#""messages":[{"content":[{"type":"thinking","thinking":"t","signature":""}]}]"#,
            &[Reasoning],
        ),
        (
            "encrypted thoughts",
            r#""messages":[{"content":[{"type":"redacted_thinking","data":"d"}]}]"#,
            &[Reasoning, SignedReasoning],
        ),
        (
            "any tool must be called, one at a time",
            r#""tool_choice":{"type":"any","disable_parallel_tool_use":true}"#,
            &[ForcedTools, ParallelTools],
        ),
        (
            "a tool may be called",
            r#""tool_choice":{"type":"auto","disable_parallel_tool_use":false}"#,
            &[],
        ),
        (
            "a strict tool",
            r#""tools":[{"name":"f","strict":true,"input_schema":{"strict":false}}]"#,
            &[Tools, StrictTools],
        ),
        (
            "tool input that speaks of images",
            r#""messages":[{"content":[{"type":"tool_use","input":{"type":"image","content":[{"type":"image"}]}}]}]"#,
            &[],
        ),
    ] {
        let body = format!(r#"{{{fields},"model":"m"}}"#);
        let scan = scan(Shape::AnthropicMessages, &body).unwrap();
        let expected: CapabilitySet = needs.iter().copied().collect();
        assert_eq!(scan.facts.needs, expected, "{case}");
    }
}

#[test]
fn an_answer_of_a_given_form_is_known() {
    for (shape, fields, structured) in [
        (
            Shape::OpenaiChat,
            r#""response_format":{"type":"json_object"}"#,
            true,
        ),
        (
            Shape::OpenaiChat,
            r#""response_format":{"type":"json_schema"}"#,
            true,
        ),
        (
            Shape::OpenaiChat,
            r#""response_format":{"type":"text"}"#,
            false,
        ),
        (
            Shape::AnthropicMessages,
            r#""output_config":{"format":{"type":"json_schema"}}"#,
            true,
        ),
        (Shape::AnthropicMessages, r#""max_tokens":1"#, false),
    ] {
        let body = format!(r#"{{"model":"m",{fields}}}"#);
        assert_eq!(
            scan(shape, &body).unwrap().structured,
            structured,
            "{fields}"
        );
    }
}

#[test]
fn the_model_is_found_wherever_it_stands() {
    for (case, body, model) in [
        ("first", r#"{"model":"gpt","messages":[]}"#, "gpt"),
        ("last", r#"{"messages":[],"model" : "gpt" }"#, "gpt"),
        (
            "among others of its name",
            r#"{"metadata":{"model":"x"},"model":"gpt","tools":[{"model":"y"}]}"#,
            "gpt",
        ),
        (
            "twice, the last counts",
            r#"{"model":"a","model":"gpt"}"#,
            "gpt",
        ),
        ("escaped slash", r#"{"model":"org\/gpt"}"#, "org/gpt"),
        ("escaped key", r#"{"mod\u0065l":"gpt"}"#, "gpt"),
        ("byte order mark", "\u{feff}{\"model\":\"gpt\"}", "gpt"),
        ("line feeds", "\n{\n\"model\"\n:\n\"gpt\"\n}\n", "gpt"),
    ] {
        let scan = scan(Shape::OpenaiChat, body).unwrap();
        assert_eq!(
            request::model(&scan, body.as_bytes()).unwrap(),
            model,
            "{case}"
        );
        let [before, middle, after] = request::with_model(
            &Bytes::copy_from_slice(body.as_bytes()),
            scan.model.as_ref().unwrap(),
            request::model_json("new \"one\""),
        );
        let whole = [before, middle, after].concat();
        let text = std::str::from_utf8(&whole)
            .unwrap()
            .trim_start_matches('\u{feff}');
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(value["model"], "new \"one\"", "{case}");
    }
}

#[test]
fn what_is_no_request_is_refused_with_the_reason() {
    let not_json = |at| ScanError::NotJson { at };
    for (case, body, error) in [
        ("empty", "", not_json(0)),
        ("cut", r#"{"model":"#, not_json(9)),
        ("prose", "hello", not_json(0)),
        ("array", "[]", not_json(0)),
        ("null", "null", not_json(0)),
        ("more after it", r#"{"model":"m"} x"#, not_json(14)),
        ("bad number", r#"{"model":"m","n":01}"#, not_json(18)),
        ("no model", r#"{"messages":[]}"#, ScanError::NoModel),
        ("model null", r#"{"model":null}"#, ScanError::NoModel),
        ("model below", r#"{"a":{"model":"m"}}"#, ScanError::NoModel),
        (
            "model, then null",
            r#"{"model":"m","model":null}"#,
            ScanError::NoModel,
        ),
    ] {
        for shape in BODY_NAMES_MODEL {
            assert_eq!(scan(shape, body), Err(error.clone()), "{case}, {shape}");
        }
    }
    let mut headers = HeaderMap::new();
    headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    let refused = request::scan(Shape::OpenaiChat, &headers, br#"{"model":"m"}"#).unwrap_err();
    assert_eq!(refused, ScanError::Encoded);
}

#[test]
fn the_clients_own_retries_are_counted() {
    for (value, retries) in [
        (None, 0),
        (Some("0"), 0),
        (Some("2"), 2),
        (Some("-1"), 0),
        (Some("many"), 0),
        (Some("4294967296"), 0),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert("x-stainless-retry-count", HeaderValue::from_static(value));
        }
        let scan = request::scan(Shape::OpenaiChat, &headers, br#"{"model":"m"}"#).unwrap();
        assert_eq!(scan.facts.client_retries, retries, "{value:?}");
    }
}

#[test]
fn a_body_with_a_large_image_is_scanned_whole() {
    let image = "A".repeat(4 * 1024 * 1024);
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{image}")}},
    ]}], "model": "m"})
    .to_string();
    let scan = scan(Shape::OpenaiChat, &body).unwrap();
    assert!(scan.facts.needs.contains(Vision));
    assert_eq!(request::model(&scan, body.as_bytes()).unwrap(), "m");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Keys that mean something somewhere, and others.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "model",
            "stream",
            "messages",
            "content",
            "type",
            "tools",
            "thinking",
            "system",
            "response_format",
            "cache_control",
            "output_config",
            "modalities",
            "audio",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn only_the_model_changes(
        fields in prop::collection::btree_map(key(), value(), 0..8),
        model: String,
        new: String,
        pretty: bool,
        shape in prop::sample::select(BODY_NAMES_MODEL.to_vec()),
    ) {
        let mut fields: serde_json::Map<String, Value> = fields.into_iter().collect();
        fields.insert("model".to_owned(), Value::from(model.clone()));
        let mut value = Value::Object(fields);
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        let body = Bytes::from(text);
        let scan = request::scan(shape, &HeaderMap::new(), &body).unwrap();
        prop_assert_eq!(request::model(&scan, &body).unwrap(), model);
        // There is no stream of vectors, whatever is asked.
        let streams = value["stream"] == true && shape != Shape::OpenaiEmbeddings;
        prop_assert_eq!(scan.facts.stream, streams);
        let place = scan.model.clone().unwrap();
        let parts = request::with_model(&body, &place, request::model_json(&new));
        prop_assert_eq!(&parts[0][..], &body[..place.start]);
        prop_assert_eq!(&parts[2][..], &body[place.end..]);
        value["model"] = Value::from(new);
        prop_assert_eq!(serde_json::from_slice::<Value>(&parts.concat()).unwrap(), value);
    }

    #[test]
    fn any_bytes_are_answered(
        body in prop::collection::vec(any::<u8>(), 0..120),
        shape in prop::sample::select(Shape::ALL.to_vec()),
    ) {
        let _ = request::scan(shape, &HeaderMap::new(), &body);
    }

    #[test]
    fn any_json_is_answered(value in value(), shape in prop::sample::select(BODY_NAMES_MODEL.to_vec())) {
        let body = value.to_string();
        let named = value.get("model").is_some_and(Value::is_string);
        prop_assert_eq!(scan(shape, &body).is_ok(), named);
    }
}
