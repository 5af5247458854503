//! What `openai-chat` says: `choices[0]` with a `message`, or with `delta`s.

use serde_json::Value;

use super::{Part, Take, index, items, number};

/// Reads a whole answer.
pub(super) fn whole(value: &Value, take: &mut Take) {
    common(value, take, "message");
}

/// Reads the data of one event.
pub(super) fn event(value: &Value, take: &mut Take) {
    common(value, take, "delta");
}

fn common(value: &Value, take: &mut Take, holder: &str) {
    take.model(value.get("model"));
    if let Some(usage) = value.get("usage") {
        take.usage(
            number(usage, "prompt_tokens"),
            number(usage, "completion_tokens"),
        );
    }
    for choice in items(value, "choices").filter(|choice| index(choice, "index") == 0) {
        if let Some(message) = choice.get(holder) {
            self::message(message, take);
        }
        let reason = choice.get("finish_reason");
        take.finish(reason);
        if reason.and_then(Value::as_str) == Some("content_filter") {
            take.refused("content_filter");
        }
    }
}

fn message(message: &Value, take: &mut Take) {
    match message.get("content") {
        Some(Value::Array(parts)) => {
            for part in parts {
                take.add_value(Part::Text, part.get("text"));
                take.add_value(Part::Refusal, part.get("refusal"));
            }
        }
        content => take.add_value(Part::Text, content),
    }
    take.add_value(Part::Refusal, message.get("refusal"));
    // Two names for the same, and routers send both.
    let reasoning = message
        .get("reasoning_content")
        .filter(|text| text.is_string());
    take.add_value(
        Part::Reasoning,
        reasoning.or_else(|| message.get("reasoning")),
    );
    for (place, call) in items(message, "tool_calls").enumerate() {
        let at = call.get("index").map_or(place, |_| index(call, "index"));
        if let Some(function) = call.get("function") {
            tool(take, at, function);
        }
    }
    if let Some(function) = message.get("function_call").filter(|it| it.is_object()) {
        tool(take, 0, function);
    }
}

fn tool(take: &mut Take, at: usize, function: &Value) {
    let arguments = function.get("arguments").and_then(Value::as_str);
    take.tool(at, function.get("name"), arguments);
}
