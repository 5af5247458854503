//! What a sample asks, in words: the last thing that a user says in it.
//!
//! For a line or two over two answers, on the screen and in lines; whoever wants all of it opens the payload.

use serde_json::Value;

use crate::model::visible_lines;

/// The most characters of it.
const MOST: usize = 2_000;

/// What a body asks; `None`: nothing of the kind is in it.
#[must_use]
pub fn asked(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = ["messages", "input", "contents"]
        .into_iter()
        .find_map(|field| last(&body[field]))?;
    let text = visible_lines(text.trim(), MOST);
    (!text.is_empty()).then_some(text)
}

/// The last text of a conversation.
fn last(conversation: &Value) -> Option<String> {
    match conversation {
        Value::String(text) => Some(text.clone()),
        Value::Array(turns) => turns
            .iter()
            .rev()
            .filter(|turn| turn["role"].as_str().is_none_or(|role| role == "user"))
            .find_map(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// The text of a turn, or of a part of one. Pictures and files are named by their kind.
fn text(turn: &Value) -> Option<String> {
    match turn {
        Value::String(text) => Some(text.clone()),
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().filter_map(text).collect();
            (!parts.is_empty()).then(|| parts.join("\n"))
        }
        Value::Object(_) => ["content", "parts", "text"]
            .into_iter()
            .find_map(|field| text(&turn[field]))
            .or_else(|| Some(format!("[{}]", turn["type"].as_str()?))),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::asked;

    #[test]
    fn the_last_words_of_the_user_are_found_in_every_family() {
        for (case, body, expected) in [
            (
                "chat",
                r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"one"},{"role":"user","content":"two"}]}"#,
                Some("two"),
            ),
            (
                "parts",
                r#"{"messages":[{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{}}]}]}"#,
                Some("What is it?\n[image_url]"),
            ),
            (
                "a tool's result is no question",
                r#"{"messages":[{"role":"user","content":"Where?"},{"role":"tool","content":"{}"}]}"#,
                Some("Where?"),
            ),
            ("responses", r#"{"input":"Hello"}"#, Some("Hello")),
            (
                "gemini",
                r#"{"contents":[{"role":"user","parts":[{"text":"Hi\u001b[2J"}]}]}"#,
                Some("Hi\u{241b}[2J"),
            ),
            ("embeddings", r#"{"input":["a","b"]}"#, Some("b")),
            ("nothing", r#"{"model":"m"}"#, None),
            ("no JSON", "x", None),
        ] {
            assert_eq!(asked(body.as_bytes()).as_deref(), expected, "{case}");
        }
    }
}
