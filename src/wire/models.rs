//! Answers of model discovery: the workloads, as models. One body serves OpenAI's and Anthropic's clients,
//! as each reads only its own fields; Google's have a form of their own.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Shape;

/// The list.
#[must_use]
pub fn list<'a>(shape: Option<Shape>, names: impl IntoIterator<Item = &'a str>) -> Bytes {
    let names = names.into_iter();
    let list = match shape {
        Some(Shape::GeminiGenerate) => {
            json!({"models": names.map(gemini).collect::<Vec<_>>()})
        }
        Some(
            Shape::OpenaiChat
            | Shape::OpenaiResponses
            | Shape::OpenaiEmbeddings
            | Shape::AnthropicMessages,
        )
        | None => common_list(&names.map(common).collect::<Vec<_>>()),
    };
    Bytes::from(list.to_string())
}

/// One of them.
#[must_use]
pub fn one(shape: Option<Shape>, name: &str) -> Bytes {
    let model = match shape {
        Some(Shape::GeminiGenerate) => gemini(name),
        Some(
            Shape::OpenaiChat
            | Shape::OpenaiResponses
            | Shape::OpenaiEmbeddings
            | Shape::AnthropicMessages,
        )
        | None => common(name),
    };
    Bytes::from(model.to_string())
}

fn common_list(data: &[Value]) -> Value {
    let id = |model: Option<&Value>| model.map_or(Value::Null, |model| model["id"].clone());
    let (first, last) = (id(data.first()), id(data.last()));
    json!({
        "object": "list",
        "data": data,
        "has_more": false,
        "first_id": first,
        "last_id": last,
    })
}

/// A workload has no date of birth; both spellings of the field are demanded by strict clients.
fn common(name: &str) -> Value {
    json!({
        "id": name,
        "object": "model",
        "type": "model",
        "display_name": name,
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "owned_by": "backstop",
    })
}

/// What a workload can take depends on its routes, so no limits are told.
fn gemini(name: &str) -> Value {
    json!({
        "name": format!("models/{name}"),
        "baseModelId": name,
        "version": "1",
        "displayName": name,
        "description": "A workload of this gateway.",
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{list, one};
    use crate::wire::Shape;

    fn read(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn both_sdks_find_their_fields() {
        for shape in [None, Some(Shape::AnthropicMessages)] {
            let body = read(&list(shape, ["a", "b"]));
            assert_eq!(body["object"], "list");
            assert_eq!(body["data"][1]["id"], "b");
            assert_eq!(body["data"][1]["object"], "model");
            assert_eq!(body["data"][1]["type"], "model");
            assert_eq!(body["first_id"], "a");
            assert_eq!(body["last_id"], "b");
            assert_eq!(body["has_more"], false);
            assert_eq!(read(&one(shape, "b")), body["data"][1]);
            let empty = read(&list(shape, []));
            assert!(empty["first_id"].is_null());
        }
    }

    #[test]
    fn googles_sdk_finds_its_fields() {
        let gemini = Some(Shape::GeminiGenerate);
        let body = read(&list(gemini, ["a", "b"]));
        assert_eq!(body["models"][1]["name"], "models/b");
        assert_eq!(
            body["models"][1]["supportedGenerationMethods"][1],
            "streamGenerateContent"
        );
        assert_eq!(read(&one(gemini, "b")), body["models"][1]);
        assert!(body["nextPageToken"].is_null());
    }
}
