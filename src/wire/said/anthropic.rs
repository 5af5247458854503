//! What `anthropic-messages` says: blocks of `content`, or events that build them.

use serde_json::Value;

use super::{Part, Take, index, items, number};

/// Reads a whole answer.
pub(super) fn whole(value: &Value, take: &mut Take) {
    about(value, take);
    let mut calls = 0;
    for block in items(value, "content") {
        take.add_value(Part::Text, block.get("text"));
        take.add_value(Part::Reasoning, block.get("thinking"));
        if is_tool(block) {
            let input = block.get("input").map(ToString::to_string);
            take.tool(calls, block.get("name"), input.as_deref());
            calls += 1;
        }
    }
    stopped(value.get("stop_reason"), take);
}

/// Reads the data of one event.
pub(super) fn event(value: &Value, take: &mut Take) {
    match value
        .get("type")
        .and_then(Value::as_str)
        .unwrap_or_default()
    {
        "message_start" => {
            if let Some(message) = value.get("message") {
                about(message, take);
            }
        }
        "content_block_start" => {
            if let Some(block) = value.get("content_block") {
                take.add_value(Part::Text, block.get("text"));
                take.add_value(Part::Reasoning, block.get("thinking"));
                if is_tool(block) {
                    take.tool(index(value, "index"), block.get("name"), None);
                }
            }
        }
        "content_block_delta" => {
            if let Some(delta) = value.get("delta") {
                take.add_value(Part::Text, delta.get("text"));
                take.add_value(Part::Reasoning, delta.get("thinking"));
                if let Some(json) = delta.get("partial_json").and_then(Value::as_str) {
                    take.tool(index(value, "index"), None, Some(json));
                }
            }
        }
        "message_delta" => {
            if let Some(usage) = value.get("usage") {
                take.usage(input(usage), number(usage, "output_tokens"));
            }
            stopped(
                value
                    .get("delta")
                    .and_then(|delta| delta.get("stop_reason")),
                take,
            );
        }
        _ => {}
    }
}

fn is_tool(block: &Value) -> bool {
    let kind = block.get("type").and_then(Value::as_str);
    matches!(kind, Some("tool_use" | "server_tool_use" | "mcp_tool_use"))
}

/// What a message says of itself at its beginning.
fn about(message: &Value, take: &mut Take) {
    take.model(message.get("model"));
    if let Some(usage) = message.get("usage") {
        take.usage(input(usage), number(usage, "output_tokens"));
    }
}

/// What went in, read from a cache or not.
fn input(usage: &Value) -> Option<u64> {
    let cached = |key| number(usage, key).unwrap_or(0);
    number(usage, "input_tokens").map(|fresh| {
        fresh
            .saturating_add(cached("cache_creation_input_tokens"))
            .saturating_add(cached("cache_read_input_tokens"))
    })
}

fn stopped(reason: Option<&Value>, take: &mut Take) {
    take.finish(reason);
    if reason.and_then(Value::as_str) == Some("refusal") {
        take.refused("refusal");
    }
}
