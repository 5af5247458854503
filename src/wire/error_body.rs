//! Errors made by the gateway, in the client's own shape and with a marker, so that they are never mistaken
//! for the provider's.

use bytes::Bytes;
use serde_json::{Value, json};

use super::Shape;

/// A gateway-made error before it has a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayError {
    /// HTTP status.
    pub status: u16,
    /// A stable code, for instance `backstop_unknown_workload`.
    pub code: &'static str,
    /// One sentence that names the thing and the next step. Says nothing of other routes.
    pub message: String,
}

/// The body in a shape (OpenAI's when unknown), with `"source":"backstop"` inside.
#[must_use]
pub fn body(shape: Option<Shape>, error: &GatewayError) -> Bytes {
    Bytes::from(value(shape.unwrap_or(Shape::OpenaiChat), error).to_string())
}

/// The in-band error event for a stream that broke after its first output. Comes after a whole event.
#[must_use]
pub fn stream_event(shape: Shape, error: &GatewayError) -> Bytes {
    let data = value(shape, error);
    Bytes::from(match shape {
        Shape::OpenaiChat | Shape::OpenaiEmbeddings | Shape::GeminiGenerate => {
            format!("data: {data}\n\n")
        }
        Shape::OpenaiResponses => {
            format!("event: error\ndata: {}\n\n", response_error(error, data))
        }
        Shape::AnthropicMessages => format!("event: error\ndata: {data}\n\n"),
    })
}

/// The `error` event of a response stream: flat, as the API has it. The object inside is what OpenAI's SDKs
/// raise; without it a client that only gathers text would take the broken answer for a whole one. What the
/// right number would be is not known here, and strict clients demand one.
fn response_error(error: &GatewayError, mut data: Value) -> Value {
    data["type"] = "error".into();
    data["code"] = error.code.into();
    data["message"] = error.message.as_str().into();
    data["param"] = Value::Null;
    data["sequence_number"] = 0.into();
    data
}

/// What ends a JSON array of answers: an error as its last element, when there is one to tell.
#[must_use]
pub fn array_end(shape: Shape, begun: bool, error: Option<&GatewayError>) -> Bytes {
    let before = if begun { "," } else { "[" };
    Bytes::from(match error {
        Some(error) => format!("{before}{}]", value(shape, error)),
        None if begun => "]".to_owned(),
        None => "[]".to_owned(),
    })
}

fn value(shape: Shape, error: &GatewayError) -> Value {
    let GatewayError {
        status,
        code,
        message,
    } = error;
    let kind = kind(shape, *status);
    match shape {
        Shape::OpenaiChat | Shape::OpenaiResponses | Shape::OpenaiEmbeddings => json!({"error": {
            "message": message, "type": kind, "param": null, "code": code, "source": "backstop",
        }}),
        Shape::AnthropicMessages => json!({"type": "error", "error": {
            "type": kind, "message": message, "code": code, "source": "backstop",
        }}),
        Shape::GeminiGenerate => json!({"error": {
            "code": status, "message": message, "status": kind, "source": "backstop",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "backstop",
            }],
        }}),
    }
}

/// The word that the family's clients know for a status.
fn kind(shape: Shape, status: u16) -> &'static str {
    let common = match status {
        401 => Some("authentication_error"),
        403 => Some("permission_error"),
        429 => Some("rate_limit_error"),
        _ => None,
    };
    let own = match shape {
        Shape::OpenaiChat | Shape::OpenaiResponses | Shape::OpenaiEmbeddings => match status {
            503 => "service_unavailable_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        },
        Shape::AnthropicMessages => match status {
            404 => "not_found_error",
            413 => "request_too_large",
            503 | 529 => "overloaded_error",
            504 => "timeout_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        },
        Shape::GeminiGenerate => return canonical(status),
    };
    common.unwrap_or(own)
}

/// Google's canonical code for a status.
const fn canonical(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        405 | 501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{GatewayError, array_end, body, stream_event};
    use crate::wire::Shape;

    fn error(status: u16) -> GatewayError {
        GatewayError {
            status,
            code: "backstop_unknown_workload",
            message: "no workload \"x\"\nhere".to_owned(),
        }
    }

    #[test]
    fn errors_have_the_clients_shape_and_the_marker() {
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let openai = json!({"error": {
            "message": "no workload \"x\"\nhere",
            "type": "invalid_request_error",
            "param": null,
            "code": "backstop_unknown_workload",
            "source": "backstop",
        }});
        let anthropic = json!({"type": "error", "error": {
            "type": "not_found_error",
            "message": "no workload \"x\"\nhere",
            "code": "backstop_unknown_workload",
            "source": "backstop",
        }});
        assert_eq!(read(&body(None, &error(404))), openai);
        for shape in [
            Shape::OpenaiChat,
            Shape::OpenaiResponses,
            Shape::OpenaiEmbeddings,
        ] {
            assert_eq!(read(&body(Some(shape), &error(404))), openai, "{shape}");
        }
        assert_eq!(
            read(&body(Some(Shape::AnthropicMessages), &error(404))),
            anthropic
        );
    }

    #[test]
    fn googles_clients_read_their_own_form() {
        let told = body(Some(Shape::GeminiGenerate), &error(404));
        assert_eq!(
            serde_json::from_slice::<Value>(&told).unwrap(),
            json!({"error": {
                "code": 404,
                "message": "no workload \"x\"\nhere",
                "status": "NOT_FOUND",
                "source": "backstop",
                "details": [{
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "backstop_unknown_workload",
                    "domain": "backstop",
                }],
            }})
        );
        for (status, word) in [
            (400, "INVALID_ARGUMENT"),
            (401, "UNAUTHENTICATED"),
            (403, "PERMISSION_DENIED"),
            (405, "UNIMPLEMENTED"),
            (408, "DEADLINE_EXCEEDED"),
            (413, "INVALID_ARGUMENT"),
            (429, "RESOURCE_EXHAUSTED"),
            (500, "INTERNAL"),
            (501, "UNIMPLEMENTED"),
            (502, "UNAVAILABLE"),
            (503, "UNAVAILABLE"),
            (504, "DEADLINE_EXCEEDED"),
        ] {
            let told = body(Some(Shape::GeminiGenerate), &error(status));
            let told: Value = serde_json::from_slice(&told).unwrap();
            assert_eq!(told["error"]["status"], word, "{status}");
        }
    }

    #[test]
    fn an_array_is_ended_whatever_came_before() {
        let shape = Shape::GeminiGenerate;
        for (begun, told, before, answers) in [
            (true, true, "[{}", 2),
            (true, false, "[{}", 1),
            (false, true, "", 1),
            (false, false, "", 0),
        ] {
            let error = error(502);
            let end = array_end(shape, begun, told.then_some(&error));
            let whole = [before.as_bytes(), &end].concat();
            let read: Vec<Value> = serde_json::from_slice(&whole).unwrap();
            assert_eq!(read.len(), answers, "{begun} {told}");
        }
    }

    #[test]
    fn every_status_has_a_word_that_clients_know() {
        for (status, openai, anthropic) in [
            (400, "invalid_request_error", "invalid_request_error"),
            (401, "authentication_error", "authentication_error"),
            (403, "permission_error", "permission_error"),
            (404, "invalid_request_error", "not_found_error"),
            (405, "invalid_request_error", "invalid_request_error"),
            (413, "invalid_request_error", "request_too_large"),
            (429, "rate_limit_error", "rate_limit_error"),
            (500, "server_error", "api_error"),
            (501, "server_error", "api_error"),
            (502, "server_error", "api_error"),
            (503, "service_unavailable_error", "overloaded_error"),
            (504, "server_error", "timeout_error"),
            (529, "server_error", "overloaded_error"),
        ] {
            let kind = |shape| {
                let body: Value =
                    serde_json::from_slice(&body(Some(shape), &error(status))).unwrap();
                body["error"]["type"].as_str().unwrap().to_owned()
            };
            assert_eq!(kind(Shape::OpenaiChat), openai, "{status}");
            assert_eq!(kind(Shape::AnthropicMessages), anthropic, "{status}");
        }
    }

    #[test]
    fn an_event_is_one_event() {
        for (shape, start) in [
            (Shape::OpenaiChat, "data: {\"error\":"),
            (Shape::OpenaiResponses, "event: error\ndata: {"),
            (Shape::AnthropicMessages, "event: error\ndata: {"),
            (Shape::GeminiGenerate, "data: {\"error\":"),
        ] {
            let event = stream_event(shape, &error(502));
            let text = std::str::from_utf8(&event).unwrap();
            assert!(text.starts_with(start), "{text}");
            assert!(text.ends_with("}\n\n"), "{text}");
            assert_eq!(text.matches("\n\n").count(), 1, "{text}");
            assert!(text.contains("\"source\":\"backstop\""), "{text}");
        }
    }
}
