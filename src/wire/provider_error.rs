//! A provider's error object, out of any of the shapes that are seen in the wild.
//!
//! Used where an answer has already failed, so it parses with serde and copies. It reads by form and not by
//! family: proxies in front of a provider answer in their own.

use serde_json::Value;

use crate::policy::ProviderError;

/// The most of a body that is parsed.
const BODY_LIMIT: usize = 64 * 1024;
/// The most of a message that is kept.
const MESSAGE_LIMIT: usize = 2 * 1024;
/// The most of a kind or code that is kept.
const WORD_LIMIT: usize = 128;

/// Reads the error in a body or in the data of an event. What is no JSON becomes the message.
pub(super) fn read(body: &[u8]) -> ProviderError {
    let body = body.get(..BODY_LIMIT).unwrap_or(body);
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => of_value(&value),
        Err(_no_json) => of_text(&String::from_utf8_lossy(body)),
    }
}

/// The delay that a Gemini-shaped body asks for (`RetryInfo.retryDelay`), in seconds.
pub(super) fn retry_delay(body: &[u8]) -> Option<f64> {
    let body = body.get(..BODY_LIMIT).unwrap_or(body);
    // Most errors have none: a search is much cheaper than a tree.
    memchr::memmem::find(body, b"retryDelay")?;
    let value: Value = serde_json::from_slice(body).ok()?;
    details(envelope(&value))
        .find_map(|detail| detail.get("retryDelay")?.as_str())?
        .strip_suffix('s')?
        .parse()
        .ok()
}

/// The object that holds `message` and the like: below `error`, below the first of a list, or the body.
fn envelope(value: &Value) -> &Value {
    let value = value.get(0).unwrap_or(value);
    match value.get("error") {
        Some(error) if !error.is_null() => error,
        Some(_) | None => value,
    }
}

fn of_value(value: &Value) -> ProviderError {
    let error = envelope(value);
    if let Some(message) = error.as_str() {
        return ProviderError {
            message: cut(message, MESSAGE_LIMIT),
            ..ProviderError::default()
        };
    }
    // `type: error` is the envelope's, not the error's own.
    let kind = ["type", "status"]
        .into_iter()
        .filter_map(|key| word(error.get(key)?))
        .find(|kind| kind != "error");
    let message = ["message", "detail", "msg", "error_description"]
        .into_iter()
        .find_map(|key| match error.get(key)? {
            Value::String(text) => cut(text, MESSAGE_LIMIT),
            Value::Array(list) => cut(&Value::from(list.clone()).to_string(), MESSAGE_LIMIT),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        });
    ProviderError {
        kind,
        code: detailed_code(error).or_else(|| word(error.get("code")?)),
        message,
    }
}

/// The code that says more than `code`: Anthropic's `details.error_code`, a Gemini quota id.
fn detailed_code(error: &Value) -> Option<String> {
    if let Some(code) = error.get("details").and_then(|it| it.get("error_code")) {
        return word(code);
    }
    let quotas: Vec<&str> = details(error)
        .filter_map(|detail| detail.get("violations")?.as_array())
        .flatten()
        .filter_map(|violation| violation.get("quotaId")?.as_str())
        .collect();
    // A spent day outweighs a full minute.
    let spent = quotas.iter().find(|quota| quota.contains("PerDay"));
    cut(spent.or(quotas.first())?, WORD_LIMIT)
}

fn details(error: &Value) -> impl Iterator<Item = &Value> {
    error
        .get("details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A short text or number.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => cut(text, WORD_LIMIT),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A page or a plain sentence, as proxies answer.
fn of_text(text: &str) -> ProviderError {
    let title = text
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .map(|(title, _)| title);
    let page = text.trim_start().starts_with('<');
    let message = match title {
        Some(title) => cut(title, MESSAGE_LIMIT),
        None if page => None,
        None => cut(text, MESSAGE_LIMIT),
    };
    ProviderError {
        message,
        ..ProviderError::default()
    }
}

/// The text, trimmed and cut at a character; `None` when nothing is left.
fn cut(text: &str, limit: usize) -> Option<String> {
    let text = text.trim();
    let end = text.floor_char_boundary(limit);
    let kept = text.get(..end).unwrap_or_default();
    (!kept.is_empty()).then(|| kept.to_owned())
}
