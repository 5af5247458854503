//! A provider's error object, out of any of the shapes that are seen in the wild.
//!
//! Used where an answer has already failed, so it parses with serde and copies. It reads by form and not by
//! family: proxies in front of a provider answer in their own.

use std::time::Duration;

use memchr::memmem;
use serde_json::Value;

use super::retry_after;
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

/// The delay that a body asks for: Google's `RetryInfo.retryDelay`, OpenRouter's `retry_after_seconds`.
pub(super) fn retry_delay(body: &[u8]) -> Option<Duration> {
    let body = body.get(..BODY_LIMIT).unwrap_or(body);
    // Most errors have none: a search is much cheaper than a tree.
    memmem::find(body, b"retryDelay").or_else(|| memmem::find(body, b"retry_after_seconds"))?;
    let value: Value = serde_json::from_slice(body).ok()?;
    let error = envelope(&value);
    let google = details(error).find_map(|detail| match detail.get("retryDelay")? {
        Value::String(text) => retry_after::duration(text),
        // The same message as some libraries write it out.
        delay @ Value::Object(_) => number(delay.get("seconds")?)
            .map(|seconds| seconds + delay.get("nanos").and_then(number).unwrap_or(0.0) * 1e-9)
            .and_then(retry_after::of_seconds),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    });
    google.or_else(|| {
        let seconds = error.get("metadata")?.get("retry_after_seconds")?;
        number(seconds).and_then(retry_after::of_seconds)
    })
}

/// A number, also as a text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| {
        value
            .as_str()?
            .parse()
            .ok()
            .filter(|seconds: &f64| seconds.is_finite())
    })
}

/// The object that holds `message` and the like: below `error`, also of the first of a list or of the response
/// that failed, or the body.
fn envelope(value: &Value) -> &Value {
    let value = value.get(0).unwrap_or(value);
    let error = |value: &'_ Value| value.get("error").is_some_and(|error| !error.is_null());
    [Some(value), value.get("response")]
        .into_iter()
        .flatten()
        .find(|value| error(value))
        .and_then(|value| value.get("error"))
        .unwrap_or(value)
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
    let code = detailed_code(error)
        .or_else(|| word(error.get("code")?))
        .or_else(|| word(error.get("innererror")?.get("code")?));
    let inner = inner(error, message.as_deref());
    ProviderError {
        kind,
        code,
        message: match (message, inner) {
            (Some(outer), Some(inner)) => cut(&format!("{outer}: {inner}"), MESSAGE_LIMIT),
            (message, inner) => message.or(inner),
        },
    }
}

/// The words of the error that a router passes on inside its own. Its code stays unread: what the router could
/// not get from its provider is not what this account cannot get.
fn inner(error: &Value, message: Option<&str>) -> Option<String> {
    let raw = match error
        .get("metadata")
        .and_then(|metadata| metadata.get("raw"))
    {
        Some(Value::String(raw)) => raw.as_str(),
        Some(raw @ Value::Object(_)) => return word_of(raw),
        Some(_) | None => message?,
    };
    let value: Value = raw
        .trim_start()
        .starts_with(['{', '['])
        .then(|| serde_json::from_str(raw).ok())??;
    word_of(&value)
}

/// The message of an error object, one level deep.
fn word_of(value: &Value) -> Option<String> {
    cut(envelope(value).get("message")?.as_str()?, MESSAGE_LIMIT)
}

/// The code that says more than `code`: Anthropic's `details.error_code`, OpenRouter's `metadata.error_type`, a
/// Gemini quota id or reason.
fn detailed_code(error: &Value) -> Option<String> {
    if let Some(code) = error.get("details").and_then(|it| it.get("error_code")) {
        return word(code);
    }
    if let Some(metadata) = error.get("metadata") {
        if let Some(code) = metadata.get("error_type") {
            return word(code);
        }
        // Older answers of OpenRouter tell a moderated input by what is flagged alone.
        if metadata.get("flagged_input").is_some() {
            return Some("content_policy_violation".to_owned());
        }
    }
    let quotas: Vec<&str> = details(error)
        .filter_map(|detail| detail.get("violations")?.as_array())
        .flatten()
        .filter_map(|violation| violation.get("quotaId")?.as_str())
        .collect();
    // A spent day outweighs a full minute.
    let spent = quotas.iter().find(|quota| quota.contains("PerDay"));
    match spent.or(quotas.first()) {
        Some(quota) => cut(quota, WORD_LIMIT),
        None => details(error).find_map(|detail| word(detail.get("reason")?)),
    }
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
