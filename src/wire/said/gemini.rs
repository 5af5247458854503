//! What `gemini-generate` says: `candidates[0]` with `parts`. A stream is a row of such answers.

use serde_json::Value;

use super::{Part, Take, index, items, number};

/// Reads a whole answer, or one of a stream.
pub(super) fn answer(value: &Value, take: &mut Take) {
    // Some servers wrap it into a list.
    let value = value.get(0).unwrap_or(value);
    take.model(value.get("modelVersion"));
    if let Some(usage) = value.get("usageMetadata") {
        let thought = number(usage, "thoughtsTokenCount").unwrap_or(0);
        let output = number(usage, "candidatesTokenCount");
        take.usage(
            number(usage, "promptTokenCount"),
            output.map(|output| output.saturating_add(thought)),
        );
    }
    let blocked = value
        .get("promptFeedback")
        .and_then(|feedback| feedback.get("blockReason"));
    if let Some(why) = blocked.and_then(Value::as_str) {
        take.finish(blocked);
        take.refused(why);
    }
    for candidate in items(value, "candidates").filter(|candidate| index(candidate, "index") == 0) {
        if let Some(content) = candidate.get("content") {
            for part in items(content, "parts") {
                self::part(part, take);
            }
        }
        let reason = candidate.get("finishReason");
        take.finish(reason);
        if let Some(why @ ("SAFETY" | "RECITATION" | "PROHIBITED_CONTENT" | "SPII" | "BLOCKLIST")) =
            reason.and_then(Value::as_str)
        {
            take.refused(why);
        }
    }
}

fn part(part: &Value, take: &mut Take) {
    let thought = part.get("thought").and_then(Value::as_bool) == Some(true);
    let kind = if thought { Part::Reasoning } else { Part::Text };
    take.add_value(kind, part.get("text"));
    if let Some(call) = part.get("functionCall") {
        // A call comes whole.
        let arguments = call.get("args").map(ToString::to_string);
        let next = take.said.tools.len();
        take.tool(next, call.get("name"), arguments.as_deref());
    }
}
