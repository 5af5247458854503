//! What a simulated model is asked for, the same for all families.
//!
//! Made by the readers of each family, read by [`super::answer`].

use serde_json::Value;

/// A request, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ask {
    /// Which model.
    pub(super) model: String,
    /// Whether the answer is streamed.
    pub(super) stream: bool,
    /// Whether a stream ends with its usage.
    pub(super) usage: bool,
    /// The newest text of the user.
    pub(super) text: String,
    /// The newest result of a tool.
    pub(super) tool_result: Option<String>,
    /// Whether JSON is wanted, and of which schema.
    pub(super) json: Option<Value>,
    /// The tool to call: its name and the schema of its input.
    pub(super) tool: Option<(String, Value)>,
    /// What vectors are wanted of, when they are.
    pub(super) embed: Option<Embed>,
    /// The images, as sent.
    pub(super) images: Vec<String>,
    /// The most tokens to answer with.
    pub(super) max_tokens: Option<u64>,
    /// How large the request is.
    pub(super) input_tokens: u64,
}

/// Texts that vectors are wanted of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Embed {
    /// The texts.
    pub(super) inputs: Vec<String>,
    /// The numbers of each vector.
    pub(super) length: usize,
    /// Whether they are packed.
    pub(super) base64: bool,
}

/// Why a request cannot be answered: always the client's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    /// The status.
    pub(super) status: u16,
    /// In words.
    pub(super) message: String,
    /// The parameter.
    pub(super) parameter: Option<&'static str>,
    /// A code, in families that have one.
    pub(super) code: Option<&'static str>,
}

impl Invalid {
    /// A wrong parameter.
    pub(super) fn parameter(parameter: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
            parameter: Some(parameter),
            code: None,
        }
    }
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// What the model answers.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// Text, or JSON as text.
    Text(String),
    /// A call of a tool.
    Call {
        /// Which.
        name: String,
        /// With what.
        arguments: Value,
    },
}

/// A whole answer, before a family shapes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reply {
    /// 24 letters and digits, to be prefixed.
    pub(super) id: String,
    /// Seconds since the epoch.
    pub(super) created: i64,
    /// The model that answers.
    pub(super) model: String,
    /// The answer.
    pub(super) content: Content,
    /// What vectors are wanted of; the answer is those and nothing else.
    pub(super) embed: Option<Embed>,
    /// Whether it was cut at the most tokens.
    pub(super) cut: bool,
    /// Tokens of the request.
    pub(super) input_tokens: u64,
    /// Tokens of the answer.
    pub(super) output_tokens: u64,
}

impl Reply {
    /// The answer in pieces of a few tokens, as a stream sends them.
    pub(super) fn pieces(&self) -> Vec<String> {
        let text = match &self.content {
            Content::Text(text) => text.clone(),
            Content::Call { arguments, .. } => arguments.to_string(),
        };
        let mut pieces = vec![String::new()];
        for word in text.split_inclusive([' ', '\n']) {
            match pieces.last_mut() {
                Some(last) if last.len() < PIECE => last.push_str(word),
                Some(_) | None => pieces.push(word.to_owned()),
            }
        }
        pieces
    }
}

/// About four tokens.
const PIECE: usize = 14;

/// A family's stream: what comes before the first output, the output, and what ends it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Events {
    /// Sent at once; none of it is output.
    pub(super) opening: String,
    /// Sent at the model's speed.
    pub(super) pieces: Vec<String>,
    /// Sent with the last piece; holds the end marker.
    pub(super) closing: String,
}

/// Tokens in a text, roughly.
pub(super) fn tokens(text: &str) -> u64 {
    u64::try_from(text.len().div_ceil(4)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Content, Reply};

    #[test]
    fn pieces_lose_nothing() {
        let text = "def f(x):\n    return x + 1\n\nThat is all there is to say about it.";
        let reply = Reply {
            content: Content::Text(text.to_owned()),
            ..Reply::default()
        };
        assert!(reply.pieces().len() > 3);
        assert_eq!(reply.pieces().concat(), text);
    }
}
