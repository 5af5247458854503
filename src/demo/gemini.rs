//! The `gemini-generate` shape of simulated requests, answers and errors.
//!
//! Model and method stand in the path; [`Line`] puts what they say into the body, so that one reader sees it
//! all.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Content, Events, Invalid, Reply, tokens},
    cast::Member,
    fault::FaultKind,
};

/// What a request line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    model: String,
    /// Asks for a stream.
    stream: bool,
    /// As one JSON array, as without `alt=sse`.
    pub(super) array: bool,
    /// Asks only for the number of tokens.
    pub(super) count: bool,
}

impl Line {
    /// Reads `/v1beta/models/{model}:{method}`. `None`: another path.
    pub(super) fn of(path: &str, query: Option<&str>) -> Option<Self> {
        let (model, method) = path.strip_prefix("/v1beta/models/")?.rsplit_once(':')?;
        let stream = method == "streamGenerateContent";
        let count = method == "countTokens";
        let events = query.is_some_and(|query| query.split('&').any(|part| part == "alt=sse"));
        (stream || count || method == "generateContent").then(|| Self {
            model: model.to_owned(),
            stream,
            array: stream && !events,
            count,
        })
    }

    /// Puts it into a body.
    pub(super) fn add_to(&self, body: &mut Value) {
        if let Some(fields) = body.as_object_mut() {
            fields.insert("model".to_owned(), self.model.as_str().into());
            fields.insert("stream".to_owned(), self.stream.into());
        }
    }
}

/// Reads a request with its line.
pub(super) fn read(body: &Value) -> Result<Ask, Invalid> {
    let contents = body["contents"]
        .as_array()
        .filter(|contents| !contents.is_empty())
        .ok_or_else(|| {
            Invalid::parameter(
                "contents",
                "* GenerateContentRequest.contents: contents is not specified",
            )
        })?;
    let setting = &body["generationConfig"];
    let mut ask = Ask {
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        usage: true,
        max_tokens: setting["maxOutputTokens"].as_u64(),
        input_tokens: tokens(&body["contents"].to_string()),
        json: ["responseJsonSchema", "responseSchema"]
            .into_iter()
            .map(|place| &setting[place])
            .find(|schema| schema.is_object())
            .cloned(),
        ..Ask::default()
    };
    for content in contents.iter().filter(|content| content["role"] != "model") {
        for part in content["parts"].as_array().into_iter().flatten() {
            if let Some(text) = part["text"].as_str() {
                text.clone_into(&mut ask.text);
                ask.tool_result = None;
            }
            if let Some(data) = part["inlineData"]["data"].as_str() {
                ask.images.push(data.to_owned());
            }
            if part["functionResponse"].is_object() {
                ask.tool_result = Some(part["functionResponse"]["response"].to_string());
            }
        }
    }
    if ask.tool_result.is_none() {
        ask.tool = body["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|tool| {
                let function = &tool["functionDeclarations"][0];
                let schema = ["parametersJsonSchema", "parameters"]
                    .into_iter()
                    .map(|place| &function[place])
                    .find(|schema| schema.is_object());
                Some((
                    function["name"].as_str()?.to_owned(),
                    schema.cloned().unwrap_or_default(),
                ))
            });
    }
    Ok(ask)
}

const fn finish_reason(reply: &Reply) -> &'static str {
    if reply.cut { "MAX_TOKENS" } else { "STOP" }
}

fn usage(reply: &Reply) -> Value {
    json!({
        "promptTokenCount": reply.input_tokens,
        "candidatesTokenCount": reply.output_tokens,
        "totalTokenCount": reply.input_tokens + reply.output_tokens,
    })
}

fn answer(reply: &Reply, part: &Value) -> Value {
    json!({
        "candidates": [{"content": {"parts": [part], "role": "model"}, "index": 0}],
        "modelVersion": reply.model,
        "responseId": reply.id,
    })
}

/// An answer in one piece.
pub(super) fn whole(reply: &Reply) -> Value {
    let part = match &reply.content {
        Content::Text(text) => json!({"text": text}),
        Content::Call { name, arguments } => {
            json!({"functionCall": {"name": name, "args": arguments}})
        }
    };
    let mut whole = answer(reply, &part);
    whole["candidates"][0]["finishReason"] = finish_reason(reply).into();
    whole["usageMetadata"] = usage(reply);
    whole
}

/// The number of tokens.
pub(super) fn count(reply: &Reply) -> Value {
    json!({"totalTokens": reply.input_tokens})
}

/// An answer as a stream, as events or as one array.
pub(super) fn events(reply: &Reply, array: bool) -> Events {
    let mut answers: Vec<Value> = match &reply.content {
        Content::Text(_) => reply
            .pieces()
            .into_iter()
            .map(|piece| answer(reply, &json!({"text": piece})))
            .collect(),
        Content::Call { name, arguments } => {
            vec![answer(
                reply,
                &json!({"functionCall": {"name": name, "args": arguments}}),
            )]
        }
    };
    let mut last = answer(reply, &json!({"text": ""}));
    last["candidates"][0]["finishReason"] = finish_reason(reply).into();
    last["usageMetadata"] = usage(reply);
    answers.push(last);
    let mut pieces: Vec<String> = answers
        .iter()
        .enumerate()
        .map(|(index, answer)| match (array, index) {
            (false, _) => format!("data: {answer}\r\n\r\n"),
            (true, 0) => format!("[{answer}\n"),
            (true, _) => format!(",\r\n{answer}\n"),
        })
        .collect();
    let last = pieces.pop().unwrap_or_default();
    Events {
        opening: String::new(),
        pieces,
        closing: last + if array { "]\n" } else { "" },
    }
}

/// The list of models.
pub(super) fn models(member: &Member) -> Value {
    let models = member.models.iter().map(|model| {
        json!({
            "name": format!("models/{}", model.name),
            "displayName": model.name,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
        })
    });
    json!({"models": models.collect::<Vec<_>>()})
}

/// The error object of a fault that is told by a status.
pub(super) fn error(kind: FaultKind) -> Value {
    let (status, message) = match kind {
        FaultKind::Authentication => ("UNAUTHENTICATED", "API key not valid."),
        FaultKind::Forbidden => (
            "PERMISSION_DENIED",
            "User location is not supported for the API use.",
        ),
        FaultKind::UnknownModel => ("NOT_FOUND", "models/x is not found for API version v1beta"),
        FaultKind::RateLimited | FaultKind::QuotaExhausted => (
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
        ),
        FaultKind::Unavailable | FaultKind::Overloaded => (
            "UNAVAILABLE",
            "The model is overloaded. Please try again later.",
        ),
        FaultKind::ServerError => ("INTERNAL", "An internal error has occurred."),
        FaultKind::InvalidRequest
        | FaultKind::StallHeaders
        | FaultKind::StallOutput
        | FaultKind::Cut
        | FaultKind::Html
        | FaultKind::Malformed
        | FaultKind::Empty
        | FaultKind::Refuse => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    };
    let mut error = shape(kind.status().unwrap_or(400), status, message);
    let quota = match kind {
        FaultKind::RateLimited => Some("GenerateRequestsPerMinutePerProjectPerModel"),
        FaultKind::QuotaExhausted => Some("GenerateRequestsPerDayPerProjectPerModel"),
        FaultKind::InvalidRequest
        | FaultKind::Authentication
        | FaultKind::Forbidden
        | FaultKind::UnknownModel
        | FaultKind::ServerError
        | FaultKind::Unavailable
        | FaultKind::Overloaded
        | FaultKind::StallHeaders
        | FaultKind::StallOutput
        | FaultKind::Cut
        | FaultKind::Html
        | FaultKind::Malformed
        | FaultKind::Empty
        | FaultKind::Refuse => None,
    };
    if let Some(quota) = quota {
        error["error"]["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": quota}],
        }]);
    }
    error
}

/// The error object of a request that is wrong by itself.
pub(super) fn invalid(invalid: &Invalid) -> Value {
    let status = if invalid.status == 404 {
        "NOT_FOUND"
    } else {
        "INVALID_ARGUMENT"
    };
    shape(invalid.status, status, &invalid.message)
}

fn shape(code: u16, status: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message, "status": status}})
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Line, error, events, read};
    use crate::demo::{
        ask::{Content, Reply},
        fault::FaultKind,
    };

    #[test]
    fn request_lines_say_how_the_answer_is_wanted() {
        let says = |path: &str, query| {
            Line::of(path, query).map(|line| (line.stream, line.array, line.count))
        };
        let base = "/v1beta/models/m";
        for (method, query, wanted) in [
            ("generateContent", None, Some((false, false, false))),
            (
                "streamGenerateContent",
                Some("alt=sse"),
                Some((true, false, false)),
            ),
            ("streamGenerateContent", None, Some((true, true, false))),
            ("countTokens", None, Some((false, false, true))),
            ("embedContent", None, None),
        ] {
            assert_eq!(says(&format!("{base}:{method}"), query), wanted, "{method}");
        }
        assert_eq!(says("/v1/messages", None), None);
    }

    #[test]
    fn requests_are_understood() {
        let mut body = json!({
            "contents": [{"role": "user", "parts": [
                {"inlineData": {"mimeType": "image/png", "data": "AA"}}, {"text": "caption it"},
            ]}],
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {}}]}],
            "generationConfig": {"maxOutputTokens": 64},
        });
        Line::of("/v1beta/models/m:streamGenerateContent", None)
            .unwrap()
            .add_to(&mut body);
        let ask = read(&body).unwrap();
        assert_eq!((ask.text.as_str(), ask.images.len()), ("caption it", 1));
        assert_eq!(ask.tool.unwrap().0, "f");
        assert_eq!(ask.max_tokens, Some(64));
        assert!(ask.stream);
        assert_eq!(read(&json!({})).unwrap_err().parameter, Some("contents"));
    }

    #[test]
    fn both_framings_hold_the_same_answers() {
        let reply = Reply {
            id: "x".to_owned(),
            created: 1,
            model: "m".to_owned(),
            content: Content::Text("one two three four five six".to_owned()),
            embed: None,
            cut: false,
            input_tokens: 2,
            output_tokens: 3,
        };
        let text = |array| {
            let stream = events(&reply, array);
            format!(
                "{}{}{}",
                stream.opening,
                stream.pieces.concat(),
                stream.closing
            )
        };
        let array: Vec<Value> = serde_json::from_str(&text(true)).unwrap();
        let events: Vec<Value> = text(false)
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(|data| serde_json::from_str(data).unwrap())
            .collect();
        assert_eq!(array, events);
        assert!(array.len() > 2);
        let last = array.last().unwrap();
        assert_eq!(last["candidates"][0]["finishReason"], "STOP");
    }

    #[test]
    fn a_spent_day_is_told_from_a_full_minute() {
        let quota = |kind| error(kind)["error"]["details"][0]["violations"][0]["quotaId"].clone();
        assert!(
            quota(FaultKind::QuotaExhausted)
                .to_string()
                .contains("PerDay")
        );
        assert!(
            quota(FaultKind::RateLimited)
                .to_string()
                .contains("PerMinute")
        );
    }
}
