//! Answers of `GET /v1/models`: the workloads, as models. One body serves OpenAI's and Anthropic's clients,
//! as each reads only its own fields.

use bytes::Bytes;
use serde_json::{Value, json};

/// The list.
#[must_use]
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> Bytes {
    let data: Vec<Value> = names.into_iter().map(model).collect();
    let id = |model: Option<&Value>| model.map_or(Value::Null, |model| model["id"].clone());
    let (first, last) = (id(data.first()), id(data.last()));
    Bytes::from(
        json!({
            "object": "list",
            "data": data,
            "has_more": false,
            "first_id": first,
            "last_id": last,
        })
        .to_string(),
    )
}

/// One of them.
#[must_use]
pub fn one(name: &str) -> Bytes {
    Bytes::from(model(name).to_string())
}

/// A workload has no date of birth; both spellings of the field are demanded by strict clients.
fn model(name: &str) -> Value {
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{list, one};

    #[test]
    fn both_sdks_find_their_fields() {
        let body: Value = serde_json::from_slice(&list(["a", "b"])).unwrap();
        assert_eq!(body["object"], "list");
        assert_eq!(body["data"][1]["id"], "b");
        assert_eq!(body["data"][1]["object"], "model");
        assert_eq!(body["data"][1]["type"], "model");
        assert_eq!(body["first_id"], "a");
        assert_eq!(body["last_id"], "b");
        assert_eq!(body["has_more"], false);
        assert_eq!(
            serde_json::from_slice::<Value>(&one("b")).unwrap(),
            body["data"][1]
        );
        let empty: Value = serde_json::from_slice(&list([])).unwrap();
        assert!(empty["first_id"].is_null());
    }
}
