use std::sync::LazyLock;

use proptest::prelude::*;

use super::{Redactor, Unfit, class};
use crate::{
    model::PayloadClass,
    wire::{Call, Shape},
};

/// Made once: compiling the patterns takes longer than using them.
fn redactor() -> &'static Redactor {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new().expect("good patterns"));
    &REDACTOR
}

fn redact(shape: Shape, body: &str) -> Result<String, Unfit> {
    let redactor = redactor();
    let left = redactor.redact(Call::from(shape), body.as_bytes())?;
    Ok(left.body)
}

#[test]
fn form_and_parameters_stay_and_what_is_personal_goes() {
    for (case, shape, body, left) in [
        (
            "a conversation",
            Shape::OpenaiChat,
            r#"{"model":"m",  "seed":1234567890,"user":"bob","messages":[{"role":"user","name":"Bob","content":"I am bob@example.org"}]}"#,
            r#"{"model":"m",  "seed":1234567890,"user":"redacted","messages":[{"role":"user","name":"redacted","content":"I am person@example.com"}]}"#,
        ),
        (
            "escapes",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"role":"user","content":"bob\u0040example.org\n\"4111111111111234\""}]}"#,
            r#"{"model":"m","messages":[{"role":"user","content":"person@example.com\n\"1111111111111111\""}]}"#,
        ),
        (
            "a call and its result",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"call_Ab12Cd34","type":"function","function":{"name":"find","arguments":"{\"phone\": 4915112345678, \"password\":\"hunter2\"}"}},{"id":"call_zz","type":"function","function":{"name":"find","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_Ab12Cd34","content":"[{\"total\":1234567.89}]"}]}"#,
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"find","arguments":"{\"phone\": 1111111111111, \"password\":\"redacted\"}"}},{"id":"call_2","type":"function","function":{"name":"find","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_1","content":"[{\"total\":1111111.11}]"}]}"#,
        ),
        (
            "tools and schemas",
            Shape::AnthropicMessages,
            r#"{"model":"m","max_tokens":10000000,"tools":[{"type":"text_editor_20250728","name":"edit"},{"name":"find","input_schema":{"type":"object","properties":{"password":{"type":"string","pattern":"^[0-9]{7,}$"},"n":{"maximum":99999999}},"required":["password"]}}],"messages":[]}"#,
            r#"{"model":"m","max_tokens":10000000,"tools":[{"type":"text_editor_20250728","name":"edit"},{"name":"find","input_schema":{"type":"object","properties":{"password":{"type":"string","pattern":"^[0-9]{7,}$"},"n":{"maximum":99999999}},"required":["password"]}}],"messages":[]}"#,
        ),
        (
            "a tool's own secret",
            Shape::AnthropicMessages,
            r#"{"model":"m","mcp_servers":[{"url":"https://host.example/x?key=v","authorization_token":"abc"}],"messages":[]}"#,
            r#"{"model":"m","mcp_servers":[{"url":"https://host.example/x?redacted","authorization_token":"redacted"}],"messages":[]}"#,
        ),
        (
            "no data",
            Shape::OpenaiResponses,
            r#"{"model":"m","input":"data: 1/2; base"}"#,
            r#"{"model":"m","input":"data: 1/2; base"}"#,
        ),
        (
            "JSON that looks like a setting",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"role":"tool","content":"{\"text\":{\"n\":4915112345678,\"type\":\"bob12345678\"}}"}]}"#,
            r#"{"model":"m","messages":[{"role":"tool","content":"{\"text\":{\"n\":1111111111111,\"type\":\"bob11111111\"}}"}]}"#,
        ),
        (
            "names of fields",
            Shape::AnthropicMessages,
            r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"toolu_9","name":"f","input":{"bob@example.org":1}}]}]}"#,
            r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{"person@example.com":1}}]}]}"#,
        ),
        (
            "tokens",
            Shape::OpenaiEmbeddings,
            r#"{"model":"m","input":[[15339, 1917],[7]]}"#,
            r#"{"model":"m","input":[[1000, 1000],[1000]]}"#,
        ),
    ] {
        let found = redact(shape, body).expect(case);
        assert_eq!(found, left, "{case}");
        assert_eq!(redact(shape, left).expect(case), left, "{case}: twice");
    }
}

#[test]
fn pictures_documents_and_sounds_are_replaced_and_still_needed() {
    for (case, shape, body, media) in [
        (
            "a picture",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,SECRET"}}]}]}"#,
            "data:image/png;base64,iVBOR",
        ),
        (
            "a picture elsewhere",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://host.example/SECRET.jpg"}}]}]}"#,
            "data:image/png;base64,iVBOR",
        ),
        (
            "a picture of a response",
            Shape::OpenaiResponses,
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"https://host.example/SECRET.jpg"}]}]}"#,
            "data:image/png;base64,iVBOR",
        ),
        (
            "a document",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"SECRET.pdf","file_data":"data:application/pdf;base64,SECRET"}}]}]}"#,
            "data:application/pdf;base64,JVBER",
        ),
        (
            "a picture of messages",
            Shape::AnthropicMessages,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","data":"SECRET","media_type":"image/webp"}}]}]}"#,
            r#""media_type":"image/png""#,
        ),
        (
            "one by its address",
            Shape::AnthropicMessages,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://host.example/SECRET"}}]}]}"#,
            r#""media_type":"image/png""#,
        ),
        (
            "a document by its address",
            Shape::AnthropicMessages,
            r#"{"model":"m","messages":[{"role":"user","content":[{"source":{"type":"url","url":"https://host.example/SECRET"},"type":"document"}]}]}"#,
            r#""media_type":"application/pdf""#,
        ),
        (
            "a picture of parts",
            Shape::GeminiGenerate,
            r#"{"contents":[{"parts":[{"inline_data":{"data":"SECRET","mime_type":"image/jpeg"}}]}]}"#,
            r#""mime_type":"image/png""#,
        ),
        (
            "a sound",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"SECRET","format":"mp3"}}]}]}"#,
            r#""format":"wav""#,
        ),
    ] {
        let found = redact(shape, body).expect(case);
        assert!(found.contains(media), "{case}: {found}");
        assert!(!found.contains("SECRET"), "{case}: {found}");
    }
}

#[test]
fn what_cannot_be_redacted_for_sure_is_refused() {
    let deep = format!(
        r#"{{"model":"m","messages":{}{}}}"#,
        "[".repeat(90),
        "]".repeat(90)
    );
    for (case, shape, body, unfit) in [
        ("no JSON", Shape::OpenaiChat, "{", Unfit::Unreadable),
        (
            "a broken escape",
            Shape::OpenaiChat,
            r#"{"model":"m","messages":[{"content":"\x"}]}"#,
            Unfit::Unreadable,
        ),
        ("too deep", Shape::OpenaiChat, &deep, Unfit::Deep),
        (
            "what is kept elsewhere",
            Shape::OpenaiResponses,
            r#"{"model":"m","previous_response_id":"resp_1","input":"x"}"#,
            Unfit::Bound,
        ),
        (
            "what is sealed",
            Shape::AnthropicMessages,
            r#"{"model":"m","messages":[{"content":[{"type":"redacted_thinking","data":"x"}]}]}"#,
            Unfit::Bound,
        ),
        (
            "a film",
            Shape::GeminiGenerate,
            r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"video/mp4","data":"x"}}]}]}"#,
            Unfit::Media,
        ),
        (
            "data of no type",
            Shape::AnthropicMessages,
            r#"{"model":"m","messages":[{"content":[{"type":"image","source":{"data":"x"}}]}]}"#,
            Unfit::Media,
        ),
        (
            "a document elsewhere",
            Shape::OpenaiResponses,
            r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_file","file_url":"https://host.example/x"}]}]}"#,
            Unfit::Media,
        ),
    ] {
        assert_eq!(redact(shape, body).err(), Some(unfit), "{case}");
    }
}

#[test]
fn a_class_is_seen_in_what_a_body_needs() {
    let redactor = redactor();
    for (body, size, wanted) in [
        (r#"{"model":"m","messages":[]}"#, 100, PayloadClass::Chat),
        (r#"{"model":"m","messages":[]}"#, 40_000, PayloadClass::Long),
        (
            r#"{"model":"m","messages":[],"tools":[{"type":"function"}],"response_format":{"type":"json_object"}}"#,
            100,
            PayloadClass::Tools,
        ),
        (
            r#"{"model":"m","messages":[],"response_format":{"type":"json_object"}}"#,
            100,
            PayloadClass::Json,
        ),
        (
            r#"{"model":"m","messages":[{"content":[{"type":"image_url"}]}]}"#,
            100,
            PayloadClass::Vision,
        ),
    ] {
        let shape = Shape::OpenaiChat;
        let left = redactor.redact(shape.into(), body.as_bytes()).expect(body);
        assert_eq!(class(shape, &left.scan, size), wanted, "{body}");
    }
}

/// Something that must not be kept, and the part of it that nobody may read afterwards.
fn secret() -> impl Strategy<Value = (String, String)> {
    let both = |text: String| (text.clone(), text);
    prop_oneof![
        ("[a-z]{3,9}[0-9]{1,3}", "[a-z]{3,9}").prop_map(|(who, host)| {
            let address = format!("{who}@{host}.example.org");
            (address, who)
        }),
        "\\+[1-9][0-9] [2-9]{3} [2-9]{3}-[2-9]{4}".prop_map(both),
        "[2-9]{4} [2-9]{4} [2-9]{4} [2-9]{4}".prop_map(both),
        "[2-9]{7,24}".prop_map(both),
        "DE[2-9]{2}( [2-9]{4}){4} [2-9]{2}".prop_map(both),
        "[A-Za-z0-9]{12,60}".prop_map(|key| (format!("Bearer {key}"), key)),
        "[A-Za-z0-9]{16,60}".prop_map(|key| (format!("sk-{key}"), key)),
        "[A-Za-z0-9]{16,60}".prop_map(|key| (format!("api_key={key}"), key)),
        "[A-Za-z0-9%.]{6,60}".prop_map(|key| (format!("https://h.example/p?sig={key}"), key)),
        "[A-Za-z0-9]{6,20}".prop_map(|key| (format!("https://u:{key}@h.example/p"), key)),
        "[A-Za-z0-9+/]{40,90}".prop_map(|key| (format!("data:image/png;base64,{key}"), key)),
    ]
}

/// Bodies with a place for a text, as the inside of a JSON string.
const BODIES: [(Shape, &str); 10] = [
    (
        Shape::OpenaiChat,
        r#"{"model":"m","messages":[{"role":"user","content":"@"}]}"#,
    ),
    (
        Shape::OpenaiChat,
        r#"{"model":"m","stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"@"}]}]}"#,
    ),
    (
        Shape::OpenaiChat,
        r#"{"model":"m","messages":[],"metadata":{"x":"@"},"tools":[{"type":"function","function":{"name":"f","description":"@"}}]}"#,
    ),
    (
        Shape::OpenaiChat,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"@"}}]}]}"#,
    ),
    (
        Shape::OpenaiResponses,
        r#"{"model":"m","instructions":"@","input":"@"}"#,
    ),
    (
        Shape::OpenaiEmbeddings,
        r#"{"model":"m","input":["a","@"]}"#,
    ),
    (
        Shape::AnthropicMessages,
        r#"{"model":"m","system":"@","messages":[{"role":"assistant","content":[{"type":"tool_use","id":"@","name":"f","input":{"id":"@","x":["@"],"@":1}}]}]}"#,
    ),
    (
        Shape::AnthropicMessages,
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"@"}}]}]}"#,
    ),
    (
        Shape::GeminiGenerate,
        r#"{"contents":[{"role":"user","parts":[{"text":"@"},{"functionResponse":{"name":"f","response":{"x":"@"}}}]}]}"#,
    ),
    (
        Shape::GeminiGenerate,
        r#"{"systemInstruction":{"parts":[{"text":"@"}]},"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"@"}}]}],"x":"@"}"#,
    ),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_planted_secret_is_never_kept(
        (secret, hidden) in secret(),
        before in "[a-z]{0,8}[ ,:(\"\n]",
        after in "[ ,)\"\n][a-z]{0,8}",
        (shape, frame) in proptest::sample::select(BODIES.to_vec()),
        nested in any::<bool>(),
    ) {
        let mut text = format!("{before}{secret}{after}");
        if nested {
            text = serde_json::json!({"said": [text]}).to_string();
        }
        let body = frame.replace('@', &crate::wire::json::escaped(&text));
        let redactor = redactor();
        match redactor.redact(shape.into(), body.as_bytes()) {
            Ok(left) => {
                prop_assert!(!left.body.contains(&hidden), "{} in {}", hidden, left.body);
                let value = serde_json::from_str::<serde_json::Value>(&left.body);
                prop_assert!(value.is_ok(), "{}", left.body);
                let none = http::HeaderMap::new();
                let scan = crate::wire::request::scan(shape, &none, body.as_bytes());
                prop_assert_eq!(scan.expect("a request").facts, left.scan.facts);
                let again = redactor.redact(shape.into(), left.body.as_bytes());
                prop_assert_eq!(again.expect("twice").body, left.body);
            }
            // A text that is data of an unknown kind is not kept at all.
            Err(unfit) => prop_assert_eq!(unfit, Unfit::Media),
        }
    }

    #[test]
    fn no_body_makes_it_fail_otherwise(body in "\\PC{0,200}") {
        let redactor = redactor();
        for shape in Shape::ALL {
            if let Ok(left) = redactor.redact(shape.into(), body.as_bytes()) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&left.body).is_ok());
            }
        }
    }
}
