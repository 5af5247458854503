//! What `openai-responses` says: a list of `output` items, or events that build one.

use serde_json::Value;

use super::{Part, Take, index, items, number};

/// Reads a whole answer.
pub(super) fn whole(value: &Value, take: &mut Take) {
    ended(value, take);
    let mut calls = 0;
    for item in items(value, "output") {
        match item.get("type").and_then(Value::as_str) {
            Some("message") => {
                for part in items(item, "content") {
                    take.add_value(Part::Text, part.get("text"));
                    take.add_value(Part::Refusal, part.get("refusal"));
                }
            }
            Some("reasoning") => {
                for part in items(item, "summary").chain(items(item, "content")) {
                    take.add_value(Part::Reasoning, part.get("text"));
                }
            }
            Some("function_call") => {
                let arguments = item.get("arguments").and_then(Value::as_str);
                take.tool(calls, item.get("name"), arguments);
                calls += 1;
            }
            Some(_) | None => {}
        }
    }
}

/// Reads the data of one event.
pub(super) fn event(value: &Value, take: &mut Take) {
    let delta = value.get("delta");
    match value
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "response.output_text.delta" => take.add_value(Part::Text, delta),
        "response.refusal.delta" => take.add_value(Part::Refusal, delta),
        "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
            take.add_value(Part::Reasoning, delta);
        }
        "response.output_item.added" => {
            if let Some(item) = value.get("item")
                && item.get("type").and_then(Value::as_str) == Some("function_call")
            {
                take.tool(index(value, "output_index"), item.get("name"), None);
            }
        }
        "response.function_call_arguments.delta" => {
            let arguments = delta.and_then(Value::as_str);
            take.tool(index(value, "output_index"), None, arguments);
        }
        "response.completed" | "response.incomplete" | "response.failed" => {
            if let Some(response) = value.get("response") {
                ended(response, take);
            }
        }
        _ => {}
    }
}

/// What a response says of itself.
fn ended(response: &Value, take: &mut Take) {
    take.model(response.get("model"));
    if let Some(usage) = response.get("usage") {
        take.usage(
            number(usage, "input_tokens"),
            number(usage, "output_tokens"),
        );
    }
    let why = response
        .get("incomplete_details")
        .and_then(|details| details.get("reason"));
    take.finish(why.or_else(|| response.get("status")));
    if why.and_then(Value::as_str) == Some("content_filter") {
        take.refused("content_filter");
    }
}
