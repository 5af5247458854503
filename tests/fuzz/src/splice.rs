//! Request bodies: only `model` is replaced, and nothing is refused that every parser accepts.

use backstop::wire::{Call, Framing, Shape, Verb, request};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

const MODEL: &str = "served \"model\" \u{e9}\\";

/// Every method of every family.
fn calls() -> impl Iterator<Item = Call> {
    let stream = Call {
        shape: Shape::GeminiGenerate,
        verb: Verb::Stream(Framing::Events),
    };
    Shape::ALL
        .into_iter()
        .flat_map(|shape| [Verb::Generate, Verb::CountTokens].map(|verb| Call { shape, verb }))
        .chain([stream])
}

/// Checks one body.
pub fn check(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let parsed = serde_json::from_slice::<Value>(data).ok();
    for call in calls() {
        let scanned = request::scan(call, &HeaderMap::new(), data);
        if let Some(parsed) = &parsed {
            let usable = match call.shape {
                // Its model stands in the path.
                Shape::GeminiGenerate => parsed.is_object(),
                Shape::OpenaiChat
                | Shape::OpenaiResponses
                | Shape::OpenaiEmbeddings
                | Shape::AnthropicMessages => parsed.get("model").is_some_and(Value::is_string),
            };
            assert_eq!(scanned.is_ok(), usable, "{call:?}: {scanned:?}");
        }
        let Ok(scan) = scanned else {
            continue;
        };
        let Some(place) = &scan.model else {
            continue;
        };
        let spliced = request::with_model(&body, place, request::model_json(MODEL));
        assert_eq!(spliced[0], data[..place.start]);
        assert_eq!(spliced[2], data[place.end..]);
        let spliced = spliced.concat();

        // The result is read as the original was, and putting the old model back gives the old body.
        let again = request::scan(call, &HeaderMap::new(), &spliced).expect("still a request");
        assert_eq!(request::model(&again, &spliced).as_deref(), Some(MODEL));
        assert_eq!(again.facts, scan.facts);
        assert_eq!(again.structured, scan.structured);
        let new_place = again.model.expect("still names a model");
        let old = body.slice(place.clone());
        let back = request::with_model(&Bytes::from(spliced.clone()), &new_place, old).concat();
        assert_eq!(back, data);

        if let Some(parsed) = &parsed {
            assert_eq!(
                request::model(&scan, data).as_deref(),
                parsed["model"].as_str()
            );
            let asked = parsed.get("stream") == Some(&Value::Bool(true));
            let streams = match call.verb {
                Verb::Generate => asked && asks_in_body(call.shape),
                Verb::Stream(_) => true,
                Verb::CountTokens | Verb::Compact => false,
            };
            assert_eq!(scan.facts.stream, streams);
            let mut expected = parsed.clone();
            expected["model"] = Value::from(MODEL);
            let spliced: Value = serde_json::from_slice(&spliced).expect("still JSON");
            assert_eq!(spliced, expected);
        }
    }
}

/// Whether the family has a `stream` in its body.
const fn asks_in_body(shape: Shape) -> bool {
    match shape {
        Shape::OpenaiChat | Shape::OpenaiResponses | Shape::AnthropicMessages => true,
        Shape::OpenaiEmbeddings | Shape::GeminiGenerate => false,
    }
}
