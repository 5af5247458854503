//! The `openai-responses` shape of simulated requests and answers. Errors are those of `openai-chat`.
//!
//! Nothing is stored: an id of an earlier response is unknown here, as it is at any provider that did not make it.

use serde_json::{Value, json};

use super::ask::{Ask, Content, Events, Invalid, Reply, tokens};

/// Reads a request for `/v1/responses`.
pub(super) fn read(body: &Value) -> Result<Ask, Invalid> {
    let Some(model) = body["model"].as_str() else {
        return Err(Invalid::parameter(
            "model",
            "you must provide a model parameter",
        ));
    };
    if let Some(earlier) = body["previous_response_id"].as_str() {
        return Err(Invalid {
            code: Some("previous_response_not_found"),
            ..Invalid::parameter(
                "previous_response_id",
                format!("Previous response with id '{earlier}' not found."),
            )
        });
    }
    let format = &body["text"]["format"];
    let mut ask = Ask {
        model: model.to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        max_tokens: body["max_output_tokens"].as_u64(),
        input_tokens: tokens(&body["input"].to_string()),
        json: match format["type"].as_str() {
            Some("json_schema") => Some(format["schema"].clone()),
            Some("json_object") => Some(Value::Null),
            Some(_) | None => None,
        },
        ..Ask::default()
    };
    match &body["input"] {
        Value::String(text) if !text.is_empty() => ask.text.clone_from(text),
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                read_item(item, &mut ask);
            }
        }
        _ => {
            return Err(Invalid::parameter(
                "input",
                "'input' must be a text or a list with at least one item",
            ));
        }
    }
    if body["tool_choice"] != "none" && ask.tool_result.is_none() {
        ask.tool = tool(body);
    }
    Ok(ask)
}

fn read_item(item: &Value, ask: &mut Ask) {
    match (item["type"].as_str(), item["role"].as_str()) {
        (Some("message") | None, Some("user")) => {
            // What was found out for an earlier question does not answer this one.
            ask.tool_result = None;
            match &item["content"] {
                Value::String(text) => ask.text.clone_from(text),
                Value::Array(parts) => {
                    for part in parts {
                        if let Some(text) = part["text"].as_str() {
                            text.clone_into(&mut ask.text);
                        }
                        if let Some(url) = part["image_url"].as_str() {
                            ask.images.push(url.to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        (Some("function_call_output"), _) => {
            let output = &item["output"];
            let text = output.as_str().map(str::to_owned);
            ask.tool_result = Some(text.unwrap_or_else(|| output.to_string()));
        }
        _ => {}
    }
}

fn tool(body: &Value) -> Option<(String, Value)> {
    let wanted = body["tool_choice"]["name"].as_str();
    let chosen = body["tools"].as_array()?.iter().find(|tool| {
        tool["type"] == "function" && (wanted.is_none() || tool["name"].as_str() == wanted)
    })?;
    Some((
        chosen["name"].as_str()?.to_owned(),
        chosen["parameters"].clone(),
    ))
}

/// The one item of the output, at work (`done: false`: it holds nothing yet) or finished.
fn item(reply: &Reply, done: bool) -> Value {
    let status = match (done, reply.cut) {
        (false, _) => "in_progress",
        (true, true) => "incomplete",
        (true, false) => "completed",
    };
    match &reply.content {
        Content::Text(text) => {
            let part = json!({"type": "output_text", "text": text, "annotations": []});
            let content: Vec<Value> = done.then_some(part).into_iter().collect();
            json!({
                "type": "message", "id": format!("msg_{}", reply.id), "status": status,
                "role": "assistant", "content": content,
            })
        }
        Content::Call { name, arguments } => json!({
            "type": "function_call", "id": format!("fc_{}", reply.id), "status": status,
            "call_id": format!("call_{}", reply.id), "name": name,
            "arguments": if done { arguments.to_string() } else { String::new() },
        }),
    }
}

/// The response as it stands: `output` is what there is of it.
fn response(reply: &Reply, status: &str, output: &[Value]) -> Value {
    let ended = status != "in_progress";
    let incomplete = ended && reply.cut;
    json!({
        "id": format!("resp_{}", reply.id),
        "object": "response",
        "created_at": reply.created,
        "status": status,
        "error": null,
        "incomplete_details": if incomplete { json!({"reason": "max_output_tokens"}) } else { Value::Null },
        "model": reply.model,
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "usage": if ended { usage(reply) } else { Value::Null },
    })
}

fn usage(reply: &Reply) -> Value {
    json!({
        "input_tokens": reply.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.input_tokens + reply.output_tokens,
    })
}

const fn ended(reply: &Reply) -> &'static str {
    if reply.cut { "incomplete" } else { "completed" }
}

/// An answer in one piece.
pub(super) fn whole(reply: &Reply) -> Value {
    response(reply, ended(reply), &[item(reply, true)])
}

/// An answer as a stream.
pub(super) fn events(reply: &Reply) -> Events {
    let mut number = 0_u64;
    let mut line = |kind: &str, mut event: Value| {
        event["type"] = kind.into();
        event["sequence_number"] = number.into();
        number += 1;
        format!("event: {kind}\ndata: {event}\n\n")
    };
    let begun = json!({"response": response(reply, "in_progress", &[])});
    let mut events = Events {
        opening: line("response.created", begun.clone()) + &line("response.in_progress", begun),
        ..Events::default()
    };
    let added = line(
        "response.output_item.added",
        json!({"output_index": 0, "item": item(reply, false)}),
    );
    match &reply.content {
        Content::Text(text) => {
            let of = |mut event: Value| {
                event["item_id"] = format!("msg_{}", reply.id).into();
                event["output_index"] = 0.into();
                event["content_index"] = 0.into();
                event
            };
            let part = |text: &str| {
                of(json!({"part": {"type": "output_text", "text": text, "annotations": []}}))
            };
            events.opening += &added;
            events.opening += &line("response.content_part.added", part(""));
            for piece in reply.pieces() {
                let delta = of(json!({"delta": piece, "logprobs": []}));
                events
                    .pieces
                    .push(line("response.output_text.delta", delta));
            }
            let whole_text = of(json!({"text": text, "logprobs": []}));
            events.closing = line("response.output_text.done", whole_text);
            events.closing += &line("response.content_part.done", part(text));
        }
        Content::Call { arguments, .. } => {
            let of = |mut event: Value| {
                event["item_id"] = format!("fc_{}", reply.id).into();
                event["output_index"] = 0.into();
                event
            };
            events.pieces.push(added);
            for piece in reply.pieces() {
                let delta = of(json!({"delta": piece}));
                let kind = "response.function_call_arguments.delta";
                events.pieces.push(line(kind, delta));
            }
            let all = of(json!({"arguments": arguments.to_string()}));
            events.closing = line("response.function_call_arguments.done", all);
        }
    }
    events.closing += &line(
        "response.output_item.done",
        json!({"output_index": 0, "item": item(reply, true)}),
    );
    let kind = format!("response.{}", ended(reply));
    events.closing += &line(&kind, json!({"response": whole(reply)}));
    events
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{events, read, whole};
    use crate::demo::ask::{Content, Reply};

    #[test]
    fn requests_are_understood() {
        let ask = read(&json!({
            "model": "m", "stream": true, "instructions": "be brief",
            "input": [{"role": "user", "content": [
                {"type": "input_text", "text": "what is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA"},
            ]}],
            "tools": [
                {"type": "web_search"},
                {"type": "function", "name": "look", "parameters": {"type": "object"}},
            ],
            "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
        }))
        .unwrap();
        assert!(ask.stream);
        assert_eq!(ask.text, "what is this?");
        assert_eq!(ask.images.len(), 1);
        assert_eq!(ask.tool.unwrap().0, "look");
        assert_eq!(ask.json, Some(json!({"type": "object"})));
        assert_eq!(
            read(&json!({"model": "m", "input": "hi"})).unwrap().text,
            "hi"
        );
    }

    #[test]
    fn a_tool_result_is_not_answered_with_the_same_call() {
        let ask = read(&json!({
            "model": "m",
            "input": [
                {"role": "user", "content": "q"},
                {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "42"},
            ],
            "tools": [{"type": "function", "name": "look"}],
        }))
        .unwrap();
        assert_eq!((ask.tool, ask.tool_result.as_deref()), (None, Some("42")));
    }

    #[test]
    fn wrong_requests_are_refused_by_parameter() {
        for (parameter, body) in [
            ("model", json!({"input": "hi"})),
            ("input", json!({"model": "m"})),
            ("input", json!({"model": "m", "input": []})),
            (
                "previous_response_id",
                json!({"model": "m", "input": "hi", "previous_response_id": "resp_1"}),
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
    fn a_stream_opens_without_output_and_its_end_is_the_whole_answer() {
        for (content, cut, first, last) in [
            (
                Content::Text("hello there, this is a text".to_owned()),
                false,
                "response.output_text.delta",
                "response.completed",
            ),
            (
                Content::Text("hello the".to_owned()),
                true,
                "response.output_text.delta",
                "response.incomplete",
            ),
            (
                Content::Call {
                    name: "look".to_owned(),
                    arguments: json!({"order": "1"}),
                },
                false,
                "response.output_item.added",
                "response.completed",
            ),
        ] {
            let reply = Reply {
                content,
                cut,
                id: "x".to_owned(),
                created: 1,
                model: "m".to_owned(),
                ..Reply::default()
            };
            let stream = events(&reply);
            assert!(!stream.opening.contains("delta"), "{}", stream.opening);
            assert!(stream.pieces[0].contains(first), "{}", stream.pieces[0]);
            let all = stream.opening + &stream.pieces.concat() + &stream.closing;
            let read: Vec<Value> = all
                .lines()
                .filter_map(|line| line.strip_prefix("data: "))
                .map(|data| serde_json::from_str(data).unwrap())
                .collect();
            for (number, event) in read.iter().enumerate() {
                assert_eq!(event["sequence_number"], number, "{event}");
            }
            let end = read.last().unwrap();
            assert_eq!(
                (&end["type"], &end["response"]),
                (&json!(last), &whole(&reply))
            );
        }
    }
}
