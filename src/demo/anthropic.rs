//! The `anthropic-messages` shape of simulated requests, answers and errors.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Content, Events, Invalid, Reply, tokens},
    cast::Member,
    fault::FaultKind,
};

/// Reads a request for `/v1/messages`.
pub(super) fn read(body: &Value) -> Result<Ask, Invalid> {
    let Some(model) = body["model"].as_str() else {
        return Err(Invalid::parameter("model", "model: Field required"));
    };
    let Some(max_tokens) = body["max_tokens"].as_u64().filter(|most| *most > 0) else {
        return Err(Invalid::parameter(
            "max_tokens",
            "max_tokens: Field required",
        ));
    };
    let messages = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
        .ok_or_else(|| {
            Invalid::parameter("messages", "messages: at least one message is required")
        })?;
    let mut ask = Ask {
        model: model.to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        usage: true,
        max_tokens: Some(max_tokens),
        input_tokens: tokens(&body["messages"].to_string()),
        json: ["output_format", "output_config"]
            .into_iter()
            .map(|place| &body[place])
            .flat_map(|place| [&place["schema"], &place["format"]["schema"]])
            .find(|schema| schema.is_object())
            .cloned(),
        ..Ask::default()
    };
    for message in messages.iter().filter(|message| message["role"] == "user") {
        match &message["content"] {
            Value::String(text) => {
                ask.text.clone_from(text);
                ask.tool_result = None;
            }
            Value::Array(blocks) => {
                ask.tool_result = None;
                for block in blocks {
                    read_block(block, &mut ask);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
        }
    }
    if body["tool_choice"]["type"] != "none" && ask.tool_result.is_none() {
        ask.tool = tool(body);
    }
    Ok(ask)
}

fn read_block(block: &Value, ask: &mut Ask) {
    match block["type"].as_str() {
        Some("text") => block["text"]
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut ask.text),
        Some("image") => {
            let source = &block["source"];
            let image = source["data"].as_str().or_else(|| source["url"].as_str());
            ask.images.push(image.unwrap_or_default().to_owned());
        }
        Some("tool_result") => {
            let content = &block["content"];
            let text = content.as_str().or_else(|| content[0]["text"].as_str());
            ask.tool_result = Some(text.unwrap_or_default().to_owned());
        }
        Some(_) | None => {}
    }
}

fn tool(body: &Value) -> Option<(String, Value)> {
    let wanted = body["tool_choice"]["name"].as_str();
    let chosen = body["tools"]
        .as_array()?
        .iter()
        .find(|tool| wanted.is_none() || tool["name"].as_str() == wanted)?;
    Some((
        chosen["name"].as_str()?.to_owned(),
        chosen["input_schema"].clone(),
    ))
}

const fn stop_reason(reply: &Reply) -> &'static str {
    match (&reply.content, reply.cut) {
        (Content::Call { .. }, _) => "tool_use",
        (Content::Text(_), true) => "max_tokens",
        (Content::Text(_), false) => "end_turn",
    }
}

/// An answer in one piece.
pub(super) fn whole(reply: &Reply) -> Value {
    let block = match &reply.content {
        Content::Text(text) => json!({"type": "text", "text": text}),
        Content::Call { name, arguments } => json!({
            "type": "tool_use", "id": format!("toolu_{}", reply.id), "name": name, "input": arguments,
        }),
    };
    json!({
        "id": format!("msg_{}", reply.id),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [block],
        "stop_reason": stop_reason(reply),
        "stop_sequence": null,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": reply.output_tokens},
    })
}

/// An answer as a stream.
pub(super) fn events(reply: &Reply) -> Events {
    let block = match &reply.content {
        Content::Text(_) => json!({"type": "text", "text": ""}),
        Content::Call { name, .. } => json!({
            "type": "tool_use", "id": format!("toolu_{}", reply.id), "name": name, "input": {},
        }),
    };
    let start = json!({"type": "message_start", "message": {
        "id": format!("msg_{}", reply.id), "type": "message", "role": "assistant", "model": reply.model,
        "content": [], "stop_reason": null, "stop_sequence": null,
        "usage": {"input_tokens": reply.input_tokens, "output_tokens": 1},
    }});
    let block = json!({"type": "content_block_start", "index": 0, "content_block": block});
    let piece = |piece: &String| {
        let delta = match reply.content {
            Content::Text(_) => json!({"type": "text_delta", "text": piece}),
            Content::Call { .. } => json!({"type": "input_json_delta", "partial_json": piece}),
        };
        line(&json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    };
    let mut opening = line(&start);
    let mut pieces: Vec<String> = reply.pieces().iter().map(piece).collect();
    match reply.content {
        Content::Text(_) => opening.push_str(&line(&block)),
        // The start of a tool call is output.
        Content::Call { .. } => pieces.insert(0, line(&block)),
    }
    opening.push_str(&line(&json!({"type": "ping"})));
    let closing = [
        json!({"type": "content_block_stop", "index": 0}),
        json!({
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason(reply), "stop_sequence": null},
            "usage": {"output_tokens": reply.output_tokens},
        }),
        json!({"type": "message_stop"}),
    ];
    Events {
        opening,
        pieces,
        closing: closing.iter().map(line).collect(),
    }
}

fn line(value: &Value) -> String {
    let name = value["type"].as_str().unwrap_or_default();
    format!("event: {name}\ndata: {value}\n\n")
}

/// The list of models.
pub(super) fn models(member: &Member) -> Value {
    let models = member.models.iter().map(|model| {
        json!({
            "type": "model", "id": model.name, "display_name": model.name,
            "created_at": "2026-06-01T00:00:00Z",
        })
    });
    json!({"data": models.collect::<Vec<_>>(), "has_more": false, "first_id": null, "last_id": null})
}

/// The error object of a fault that is told by a status.
pub(super) fn error(kind: FaultKind, request_id: &str) -> Value {
    let (class, message) = match kind {
        FaultKind::Authentication => ("authentication_error", "invalid x-api-key"),
        FaultKind::Forbidden => (
            "permission_error",
            "Your account does not have permission to use this resource.",
        ),
        FaultKind::UnknownModel => ("not_found_error", "model not found"),
        FaultKind::RateLimited => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit of requests per minute.",
        ),
        FaultKind::QuotaExhausted => (
            "rate_limit_error",
            "Your organization has reached its spend limit for this period.",
        ),
        FaultKind::Unavailable | FaultKind::Overloaded => ("overloaded_error", "Overloaded"),
        FaultKind::ServerError => ("api_error", "Internal server error"),
        FaultKind::InvalidRequest
        | FaultKind::StallHeaders
        | FaultKind::StallOutput
        | FaultKind::Cut
        | FaultKind::Html
        | FaultKind::Malformed
        | FaultKind::Empty
        | FaultKind::Refuse => ("invalid_request_error", "messages: invalid value"),
    };
    let mut error = shape(class, message, request_id);
    if kind == FaultKind::QuotaExhausted {
        error["error"]["details"] = json!({"error_code": "enforced_spend_limit_reached"});
    }
    error
}

/// The error object of a request that is wrong by itself.
pub(super) fn invalid(invalid: &Invalid, request_id: &str) -> Value {
    let class = if invalid.status == 404 {
        "not_found_error"
    } else {
        "invalid_request_error"
    };
    shape(class, &invalid.message, request_id)
}

fn shape(class: &str, message: &str, request_id: &str) -> Value {
    json!({
        "type": "error",
        "error": {"type": class, "message": message},
        "request_id": request_id,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{error, events, read};
    use crate::demo::{
        ask::{Content, Reply},
        fault::FaultKind,
    };

    #[test]
    fn requests_are_understood() {
        let ask = read(&json!({
            "model": "m", "max_tokens": 64, "stream": true,
            "messages": [{"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
                {"type": "text", "text": "caption it"},
            ]}],
            "tools": [{"name": "a", "input_schema": {}}, {"name": "b", "input_schema": {}}],
            "tool_choice": {"type": "tool", "name": "b"},
        }))
        .unwrap();
        assert_eq!((ask.text.as_str(), ask.images.len()), ("caption it", 1));
        assert_eq!(ask.tool.unwrap().0, "b");
        assert_eq!(ask.max_tokens, Some(64));
    }

    #[test]
    fn wrong_requests_are_refused_by_parameter() {
        let messages = json!([{"role": "user", "content": "hi"}]);
        for (parameter, body) in [
            ("model", json!({"max_tokens": 1, "messages": messages})),
            ("max_tokens", json!({"model": "m", "messages": messages})),
            (
                "messages",
                json!({"model": "m", "max_tokens": 1, "messages": []}),
            ),
        ] {
            assert_eq!(
                read(&body).unwrap_err().parameter,
                Some(parameter),
                "{body}"
            );
        }
    }

    #[test]
    fn a_stream_has_the_events_of_the_real_one_in_order() {
        let reply = Reply {
            embed: None,
            id: "x".to_owned(),
            created: 1,
            model: "m".to_owned(),
            content: Content::Text("hello".to_owned()),
            cut: false,
            input_tokens: 2,
            output_tokens: 3,
        };
        let stream = events(&reply);
        let text = format!(
            "{}{}{}",
            stream.opening,
            stream.pieces.concat(),
            stream.closing
        );
        let names: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("event: "))
            .collect();
        assert_eq!(
            names,
            [
                "message_start",
                "content_block_start",
                "ping",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop"
            ]
        );
    }

    #[test]
    fn a_spend_limit_is_told_by_its_code() {
        let body = error(FaultKind::QuotaExhausted, "req_x");
        assert_eq!(body["error"]["type"], "rate_limit_error");
        assert_eq!(
            body["error"]["details"]["error_code"],
            "enforced_spend_limit_reached"
        );
        assert_eq!(body["request_id"], "req_x");
    }
}
