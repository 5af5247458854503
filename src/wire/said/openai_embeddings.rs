//! What `openai-embeddings` says: vectors, as numbers or as base64 of four bytes each.

use serde_json::Value;

use super::{Take, items, number};

/// Reads a whole answer.
pub(super) fn whole(value: &Value, take: &mut Take) {
    take.model(value.get("model"));
    if let Some(usage) = value.get("usage") {
        // Nothing is written, so nothing is counted for it.
        take.usage(number(usage, "prompt_tokens"), Some(0));
    }
    for entry in items(value, "data") {
        match entry.get("embedding") {
            Some(Value::Array(numbers)) => take.vector(numbers.len()),
            Some(Value::String(text)) => {
                let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
                take.vector((text.len() * 3 / 4).saturating_sub(padding) / 4);
            }
            Some(_) | None => {}
        }
    }
}
