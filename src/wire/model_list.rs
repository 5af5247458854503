//! The list of models that a provider has: where it is asked for, and what it names.
//!
//! Used by probes. ([`super::models`] is the list that the gateway answers with.)

use http::{Uri, uri::PathAndQuery};
use serde_json::Value;

use super::Shape;

/// Where the list is, beside the address that the route's requests go to. `None`: that is of no known form.
#[must_use]
pub fn uri(shape: Shape, requests: &Uri) -> Option<Uri> {
    let path = requests.path();
    let beside = |method: &str, list: &str| Some(path.strip_suffix(method)?.to_owned() + list);
    let list = match shape {
        Shape::OpenaiChat => beside("/chat/completions", "/models"),
        Shape::OpenaiResponses => beside("/responses", "/models"),
        Shape::OpenaiEmbeddings => beside("/embeddings", "/models"),
        // Pages are short unless asked otherwise.
        Shape::AnthropicMessages => beside("/messages", "/models?limit=1000"),
        Shape::GeminiGenerate => path
            .rfind("/models/")
            .and_then(|at| path.get(..at))
            .map(|base| format!("{base}/models?pageSize=1000")),
    }?;
    let mut parts = requests.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(list).ok()?);
    Uri::from_parts(parts).ok()
}

/// The names in a list. `None`: it is no list of models.
#[must_use]
pub fn names(body: &[u8]) -> Option<Vec<String>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    // Some servers of the OpenAI shape leave the envelope out.
    let list = ["data", "models"]
        .into_iter()
        .find_map(|key| value.get(key))
        .unwrap_or(&value)
        .as_array()?;
    let name = |model: &Value| {
        let name = model.get("id").or_else(|| model.get("name"))?.as_str()?;
        // Gemini's are resource names.
        Some(name.strip_prefix("models/").unwrap_or(name).to_owned())
    };
    Some(list.iter().filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::{Shape, names, uri};

    #[test]
    fn the_list_stands_beside_the_requests() {
        for (shape, requests, list) in [
            (
                Shape::OpenaiChat,
                "http://a/v1/chat/completions",
                "http://a/v1/models",
            ),
            (
                Shape::OpenaiResponses,
                "https://a/x/responses",
                "https://a/x/models",
            ),
            (
                Shape::OpenaiEmbeddings,
                "http://a/v1/embeddings",
                "http://a/v1/models",
            ),
            (
                Shape::AnthropicMessages,
                "http://a/v1/messages",
                "http://a/v1/models?limit=1000",
            ),
            (
                Shape::GeminiGenerate,
                "http://a/v1beta/models/g-1:generateContent",
                "http://a/v1beta/models?pageSize=1000",
            ),
        ] {
            let requests: Uri = requests.parse().unwrap();
            assert_eq!(uri(shape, &requests).unwrap().to_string(), list);
        }
        let elsewhere = Uri::from_static("http://a/other");
        assert_eq!(uri(Shape::OpenaiChat, &elsewhere), None);
    }

    #[test]
    fn lists_are_read_in_every_form() {
        for (body, found) in [
            (r#"{"data":[{"id":"a"},{"id":"b"}]}"#, Some(vec!["a", "b"])),
            (r#"{"models":[{"name":"models/g"}]}"#, Some(vec!["g"])),
            (r#"[{"id":"a"}]"#, Some(vec!["a"])),
            (r#"{"data":[]}"#, Some(vec![])),
            (r#"{"error":{}}"#, None),
            ("<html>", None),
        ] {
            let found = found.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(names(body.as_bytes()), found, "{body}");
        }
    }
}
