//! The smallest request of each family, and one that every provider must refuse.
//!
//! They name no model, as [`super::target`] puts the route's in. They set no limit of output where the family
//! does not demand one: its name differs from model to model, and a refused limit would prove nothing.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::wire::{Framing, Shape, Verb};

/// What is asked: it costs a few tokens.
const QUESTION: &str = "Reply with the word OK and nothing else.";

/// The smallest request.
pub(super) fn minimal(shape: Shape) -> Bytes {
    body(&smallest(shape))
}

/// The same as a stream: a body says so, or the method. `None`: the family does not stream.
pub(super) fn streaming(shape: Shape) -> Option<(Verb, Bytes)> {
    let mut value = smallest(shape);
    match shape {
        Shape::OpenaiChat | Shape::OpenaiResponses | Shape::AnthropicMessages => {
            value["stream"] = true.into();
            Some((Verb::Generate, body(&value)))
        }
        Shape::GeminiGenerate => Some((Verb::Stream(Framing::Events), body(&value))),
        Shape::OpenaiEmbeddings => None,
    }
}

/// A request whose central field is of the wrong kind.
pub(super) fn bad(shape: Shape) -> Bytes {
    let mut value = smallest(shape);
    let field = match shape {
        Shape::OpenaiChat | Shape::AnthropicMessages => "messages",
        Shape::OpenaiResponses | Shape::OpenaiEmbeddings => "input",
        Shape::GeminiGenerate => "contents",
    };
    value[field] = json!({"this is": 7, "and no": field});
    body(&value)
}

fn smallest(shape: Shape) -> Value {
    match shape {
        Shape::OpenaiChat => {
            json!({"model": "", "messages": [{"role": "user", "content": QUESTION}]})
        }
        Shape::OpenaiResponses => json!({"model": "", "input": QUESTION}),
        Shape::OpenaiEmbeddings => json!({"model": "", "input": "OK"}),
        Shape::AnthropicMessages => {
            json!({"model": "", "max_tokens": 64, "messages": [{"role": "user", "content": QUESTION}]})
        }
        Shape::GeminiGenerate => {
            json!({"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]})
        }
    }
}

fn body(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}
