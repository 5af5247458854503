//! The `openai-chat` shape of simulated requests, answers and errors.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Content, Events, Invalid, Reply, tokens},
    cast::Member,
    fault::FaultKind,
};

/// Reads a request for `/v1/chat/completions`.
pub(super) fn read(body: &Value) -> Result<Ask, Invalid> {
    let Some(model) = body["model"].as_str() else {
        return Err(Invalid::parameter(
            "model",
            "you must provide a model parameter",
        ));
    };
    let messages = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
        .ok_or_else(|| {
            Invalid::parameter(
                "messages",
                "'messages' must be an array with at least one message",
            )
        })?;
    if let Some(temperature) = body["temperature"].as_f64()
        && !(0.0..=2.0).contains(&temperature)
    {
        return Err(Invalid {
            code: Some("decimal_above_max_value"),
            ..Invalid::parameter(
                "temperature",
                format!(
                    "Invalid 'temperature': expected a value between 0 and 2, got {temperature}."
                ),
            )
        });
    }
    let mut ask = Ask {
        model: model.to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        usage: body["stream_options"]["include_usage"]
            .as_bool()
            .unwrap_or(false),
        max_tokens: body["max_completion_tokens"]
            .as_u64()
            .or_else(|| body["max_tokens"].as_u64()),
        input_tokens: tokens(&body["messages"].to_string()),
        json: match body["response_format"]["type"].as_str() {
            Some("json_schema") => Some(body["response_format"]["json_schema"]["schema"].clone()),
            Some("json_object") => Some(Value::Null),
            Some(_) | None => None,
        },
        ..Ask::default()
    };
    for message in messages {
        match (message["role"].as_str(), &message["content"]) {
            (Some("user"), Value::String(text)) => ask.text.clone_from(text),
            (Some("user"), Value::Array(parts)) => {
                for part in parts {
                    if let Some(text) = part["text"].as_str() {
                        text.clone_into(&mut ask.text);
                    }
                    if let Some(url) = part["image_url"]["url"].as_str() {
                        ask.images.push(url.to_owned());
                    }
                }
            }
            (Some("tool"), Value::String(text)) => ask.tool_result = Some(text.clone()),
            _ => {}
        }
    }
    let last_is_tool = messages.last().is_some_and(|last| last["role"] == "tool");
    if body["tool_choice"] != "none" && !last_is_tool {
        ask.tool = tool(body);
    }
    Ok(ask)
}

fn tool(body: &Value) -> Option<(String, Value)> {
    let tools = body["tools"].as_array()?;
    let wanted = body["tool_choice"]["function"]["name"].as_str();
    let chosen = tools
        .iter()
        .map(|tool| &tool["function"])
        .find(|function| wanted.is_none() || function["name"].as_str() == wanted)?;
    Some((
        chosen["name"].as_str()?.to_owned(),
        chosen["parameters"].clone(),
    ))
}

const fn finish(reply: &Reply) -> &'static str {
    match (&reply.content, reply.cut) {
        (Content::Call { .. }, _) => "tool_calls",
        (Content::Text(_), true) => "length",
        (Content::Text(_), false) => "stop",
    }
}

fn usage(reply: &Reply) -> Value {
    json!({
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    })
}

/// An answer in one piece.
pub(super) fn whole(reply: &Reply) -> Value {
    let message = match &reply.content {
        Content::Text(text) => json!({"role": "assistant", "content": text, "refusal": null}),
        Content::Call { name, arguments } => json!({
            "role": "assistant", "content": null, "refusal": null,
            "tool_calls": [{
                "id": format!("call_{}", reply.id), "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            }],
        }),
    };
    json!({
        "id": format!("chatcmpl-{}", reply.id),
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [{
            "index": 0, "message": message, "logprobs": null, "finish_reason": finish(reply),
        }],
        "usage": usage(reply),
        "system_fingerprint": "fp_simulated",
    })
}

/// An answer as a stream.
pub(super) fn events(reply: &Reply, with_usage: bool) -> Events {
    let chunk = |choices: Value| {
        json!({
            "id": format!("chatcmpl-{}", reply.id),
            "object": "chat.completion.chunk",
            "created": reply.created,
            "model": reply.model,
            "system_fingerprint": "fp_simulated",
            "choices": choices,
        })
    };
    let delta = |delta: Value, finish: Option<&str>| {
        let choices =
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        line(&chunk(choices))
    };
    let mut events = Events::default();
    match &reply.content {
        Content::Text(_) => {
            events.opening = delta(json!({"role": "assistant", "content": ""}), None);
            events.pieces = reply
                .pieces()
                .iter()
                .map(|piece| delta(json!({"content": piece}), None))
                .collect();
        }
        Content::Call { name, .. } => {
            events.opening = delta(json!({"role": "assistant", "content": null}), None);
            let call = json!({"tool_calls": [{
                "index": 0, "id": format!("call_{}", reply.id), "type": "function",
                "function": {"name": name, "arguments": ""},
            }]});
            events.pieces.push(delta(call, None));
            events.pieces.extend(reply.pieces().iter().map(|piece| {
                let call = json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]});
                delta(call, None)
            }));
        }
    }
    events.closing = delta(json!({}), Some(finish(reply)));
    if with_usage {
        let mut last = chunk(json!([]));
        last["usage"] = usage(reply);
        events.closing.push_str(&line(&last));
    }
    events.closing.push_str("data: [DONE]\n\n");
    events
}

fn line(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// The list of models.
pub(super) fn models(member: &Member) -> Value {
    let models = member.models.iter().map(|model| {
        json!({"id": model.name, "object": "model", "created": 1_780_000_000, "owned_by": member.name})
    });
    json!({"object": "list", "data": models.collect::<Vec<_>>()})
}

/// The error object of a fault that is told by a status.
pub(super) fn error(kind: FaultKind) -> Value {
    let (message, class, code) = match kind {
        FaultKind::Authentication => (
            "Incorrect API key provided: sim****key.",
            "invalid_request_error",
            Some("invalid_api_key"),
        ),
        FaultKind::Forbidden => (
            "Country, region, or territory not supported",
            "request_forbidden",
            Some("unsupported_country_region_territory"),
        ),
        FaultKind::UnknownModel => (
            "The model does not exist or you do not have access to it.",
            "invalid_request_error",
            Some("model_not_found"),
        ),
        FaultKind::RateLimited => (
            "Rate limit reached for requests per minute. Please try again shortly.",
            "requests",
            Some("rate_limit_exceeded"),
        ),
        FaultKind::QuotaExhausted => (
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            Some("insufficient_quota"),
        ),
        FaultKind::Unavailable | FaultKind::Overloaded => (
            "The server is currently overloaded with other requests. Please try again later.",
            "service_unavailable_error",
            Some("server_is_overloaded"),
        ),
        FaultKind::ServerError => (
            "The server had an error while processing your request. Sorry about that!",
            "server_error",
            None,
        ),
        FaultKind::InvalidRequest
        | FaultKind::StallHeaders
        | FaultKind::StallOutput
        | FaultKind::Cut
        | FaultKind::Html
        | FaultKind::Malformed
        | FaultKind::Empty
        | FaultKind::Refuse => (
            "Invalid value for a parameter of this request.",
            "invalid_request_error",
            Some("invalid_value"),
        ),
    };
    json!({"error": {"message": message, "type": class, "param": null, "code": code}})
}

/// The error object of a request that is wrong by itself.
pub(super) fn invalid(invalid: &Invalid) -> Value {
    json!({"error": {
        "message": invalid.message,
        "type": "invalid_request_error",
        "param": invalid.parameter,
        "code": invalid.code,
    }})
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{events, read};
    use crate::demo::ask::{Content, Reply};

    #[test]
    fn requests_are_understood() {
        let ask = read(&json!({
            "model": "m", "stream": true, "stream_options": {"include_usage": true},
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [
                    {"type": "text", "text": "what is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
                ]},
            ],
            "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
        }))
        .unwrap();
        assert!(ask.stream && ask.usage);
        assert_eq!(ask.text, "what is this?");
        assert_eq!(ask.images.len(), 1);
        assert_eq!(ask.tool.unwrap().0, "look");
        assert_eq!(ask.json, Some(json!({"type": "object"})));
    }

    #[test]
    fn a_tool_result_is_not_answered_with_the_same_call() {
        let ask = read(&json!({
            "model": "m",
            "messages": [{"role": "user", "content": "q"}, {"role": "tool", "content": "42"}],
            "tools": [{"type": "function", "function": {"name": "look"}}],
        }))
        .unwrap();
        assert_eq!((ask.tool, ask.tool_result.as_deref()), (None, Some("42")));
    }

    #[test]
    fn wrong_requests_are_refused_by_parameter() {
        for (parameter, body) in [
            (
                "model",
                json!({"messages": [{"role": "user", "content": "hi"}]}),
            ),
            ("messages", json!({"model": "m"})),
            ("messages", json!({"model": "m", "messages": []})),
            (
                "temperature",
                json!({"model": "m", "temperature": 9, "messages": [{"role": "user", "content": "hi"}]}),
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
    fn a_stream_opens_without_output_and_ends_with_its_marker() {
        let reply = Reply {
            id: "x".to_owned(),
            created: 1,
            model: "m".to_owned(),
            content: Content::Text("hello there".to_owned()),
            embed: None,
            cut: false,
            input_tokens: 2,
            output_tokens: 3,
        };
        let stream = events(&reply, true);
        assert!(
            stream.opening.contains("\"content\":\"\""),
            "{}",
            stream.opening
        );
        assert!(stream.pieces.concat().contains("hello there"));
        assert!(stream.closing.ends_with("data: [DONE]\n\n"));
        assert!(stream.closing.contains("\"total_tokens\":5"));
        assert!(!events(&reply, false).closing.contains("usage"));
    }
}
