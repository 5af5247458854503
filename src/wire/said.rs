//! What was said: text, refusals, reasoning, tool calls, vectors, usage and finish reason out of whole answers
//! and streams, as each family writes them.
//!
//! Used where an answer is looked at, by probes and comparisons; the relay never reads so much. It copies and
//! parses whole events, and takes what it finds: whether an answer is usable at all is judged by
//! [`super::response`] and [`super::stream`]. Nothing here is sanitised for a terminal.

mod anthropic;
mod gemini;
mod hidden;
mod openai_chat;
mod openai_embeddings;
mod openai_responses;

use std::mem;

use serde_json::Value;

use super::{
    Shape,
    sse::{Boundary, Event},
};
use crate::model::Usage;

/// The most bytes of text, reasoning and arguments that are kept.
const KEPT: usize = 1 << 20;
/// The largest event that is read: a larger one is an image or audio.
const EVENT_LIMIT: usize = 4 << 20;
/// The most tool calls and vectors that are kept.
const MOST: usize = 256;

/// A tool call that a model made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool.
    pub name: String,
    /// JSON text, as far as it has come.
    pub arguments: String,
}

/// What an answer says, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The text for the user; of several choices, the first.
    pub text: String,
    /// What the model thought, where it shows it.
    pub reasoning: String,
    /// What it, or the provider's filter, says instead of an answer.
    pub refusal: Option<String>,
    /// The tools it calls.
    pub tools: Vec<ToolCall>,
    /// Of each vector, how many numbers it has.
    pub vectors: Vec<usize>,
    /// Tokens as the provider counts them.
    pub usage: Usage,
    /// Why it ended, in the family's word.
    pub finish: Option<String>,
    /// The model that the answer names.
    pub model: Option<String>,
    /// There was more than is kept.
    pub clipped: bool,
    /// What of [`KEPT`] is used.
    kept: usize,
}

/// A step of a stream, for a screen that shows it as it comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// More of the text.
    Text(String),
    /// More of the reasoning.
    Reasoning(String),
    /// More of a refusal.
    Refusal(String),
    /// A tool is called; its arguments follow.
    Tool(String),
    /// More of the arguments of the tool call with this index.
    Arguments(usize, String),
}

/// Which text goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Text,
    Reasoning,
    Refusal,
}

/// What of a whole body it says. A body that is not JSON says nothing.
#[must_use]
pub fn whole(shape: Shape, body: &[u8]) -> Said {
    let mut take = Take::default();
    let Some(value) = json(body) else {
        return take.said;
    };
    match shape {
        Shape::OpenaiChat => openai_chat::whole(&value, &mut take),
        Shape::OpenaiResponses => openai_responses::whole(&value, &mut take),
        Shape::OpenaiEmbeddings => openai_embeddings::whole(&value, &mut take),
        Shape::AnthropicMessages => anthropic::whole(&value, &mut take),
        Shape::GeminiGenerate => gemini::answer(&value, &mut take),
    }
    take.said
}

/// Reads JSON. Bytes that are no UTF-8 inside cost themselves, and not the whole.
fn json(bytes: &[u8]) -> Option<Value> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text).ok(),
        Err(_) => serde_json::from_str(&String::from_utf8_lossy(bytes)).ok(),
    }
}

/// Listens to a stream. Bytes may be split anywhere.
#[derive(Debug)]
pub struct Listener {
    shape: Shape,
    boundary: Boundary,
    /// The beginning of an event whose end has not come.
    part: Vec<u8>,
    /// The current event is too large to be read.
    oversize: bool,
    take: Take,
}

impl Listener {
    /// At the start of a stream.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        Self {
            shape,
            boundary: Boundary::default(),
            part: Vec::new(),
            oversize: false,
            take: Take::default(),
        }
    }

    /// Takes in the next bytes; answers what they added, in order.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Delta> {
        let mut rest = bytes;
        while let Some(length) = self.boundary.next(rest) {
            let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            if mem::take(&mut self.oversize) {
                continue;
            }
            self.part.extend_from_slice(piece);
            self.event();
        }
        if !self.oversize {
            self.part.extend_from_slice(rest);
            if self.part.len() > EVENT_LIMIT {
                self.part.clear();
                self.oversize = true;
                self.take.said.clipped = true;
            }
        }
        mem::take(&mut self.take.deltas)
    }

    /// The stream has ended: what is still here counts, too.
    pub fn finish(&mut self) -> Vec<Delta> {
        self.event();
        // Families count calls among other things that were put out: the gaps are no calls.
        self.take.said.tools.retain(|call| !call.name.is_empty());
        mem::take(&mut self.take.deltas)
    }

    /// What has been said so far. Until the end, tool calls without a name are places that may stay empty.
    #[must_use]
    pub const fn said(&self) -> &Said {
        &self.take.said
    }

    /// What was said.
    #[must_use]
    pub fn into_said(self) -> Said {
        self.take.said
    }

    fn event(&mut self) {
        let part = mem::take(&mut self.part);
        let event = Event::read(&part);
        let data = event.data.as_deref().unwrap_or_default();
        let Some(value) = json(data) else {
            return;
        };
        match self.shape {
            Shape::OpenaiChat => openai_chat::event(&value, &mut self.take),
            Shape::OpenaiResponses => openai_responses::event(&value, &mut self.take),
            // It does not stream.
            Shape::OpenaiEmbeddings => {}
            Shape::AnthropicMessages => anthropic::event(&value, &mut self.take),
            Shape::GeminiGenerate => gemini::answer(&value, &mut self.take),
        }
    }
}

/// Where the families' readers put what they find.
#[derive(Debug, Default)]
struct Take {
    said: Said,
    deltas: Vec<Delta>,
}

impl Take {
    /// More of a text; what is beyond the limit is dropped.
    fn add(&mut self, part: Part, text: &str) {
        let text = self.room(text);
        if text.is_empty() {
            return;
        }
        let delta = match part {
            Part::Text => Delta::Text,
            Part::Reasoning => Delta::Reasoning,
            Part::Refusal => Delta::Refusal,
        };
        self.deltas.push(delta(text.to_owned()));
        match part {
            Part::Text => &mut self.said.text,
            Part::Reasoning => &mut self.said.reasoning,
            Part::Refusal => self.said.refusal.get_or_insert_default(),
        }
        .push_str(text);
    }

    /// More of a text that may be there.
    fn add_value(&mut self, part: Part, text: Option<&Value>) {
        self.add(part, text.and_then(Value::as_str).unwrap_or_default());
    }

    /// The provider or the model refused; the word is the reason when there is no text.
    fn refused(&mut self, why: &str) {
        if self.said.refusal.is_none() {
            self.add(Part::Refusal, why);
        }
    }

    /// A tool call at an index of the answer's own; its name comes once, its arguments in pieces.
    fn tool(&mut self, index: usize, name: Option<&Value>, arguments: Option<&str>) {
        if index >= MOST {
            self.said.clipped = true;
            return;
        }
        if self.said.tools.len() <= index {
            self.said.tools.resize_with(index + 1, ToolCall::default);
        }
        let name = self.room(name.and_then(Value::as_str).unwrap_or_default());
        let arguments = self.room(arguments.unwrap_or_default());
        let Some(call) = self.said.tools.get_mut(index) else {
            return;
        };
        if call.name.is_empty() && !name.is_empty() {
            name.clone_into(&mut call.name);
            self.deltas.push(Delta::Tool(name.to_owned()));
        }
        if !arguments.is_empty() {
            call.arguments.push_str(arguments);
            let delta = Delta::Arguments(index, arguments.to_owned());
            self.deltas.push(delta);
        }
    }

    /// A vector of so many numbers.
    fn vector(&mut self, length: usize) {
        if self.said.vectors.len() < MOST {
            self.said.vectors.push(length);
        } else {
            self.said.clipped = true;
        }
    }

    /// A count that may be there; a later one counts.
    fn usage(&mut self, input: Option<u64>, output: Option<u64>) {
        let usage = &mut self.said.usage;
        usage.input = input.or(usage.input);
        usage.output = output.or(usage.output);
    }

    fn finish(&mut self, reason: Option<&Value>) {
        if let Some(reason) = reason.and_then(Value::as_str) {
            self.said.finish = Some(reason.to_owned());
        }
    }

    fn model(&mut self, model: Option<&Value>) {
        if let Some(model) = model.and_then(Value::as_str)
            && self.said.model.is_none()
        {
            self.said.model = Some(model.to_owned());
        }
    }

    /// As much of a text as there is still room for.
    fn room<'t>(&mut self, text: &'t str) -> &'t str {
        let end = text.floor_char_boundary(KEPT - self.said.kept);
        self.said.clipped |= end < text.len();
        self.said.kept += end;
        text.get(..end).unwrap_or_default()
    }
}

/// A whole number that may be there.
fn number(object: &Value, key: &str) -> Option<u64> {
    object.get(key)?.as_u64()
}

/// The items of a list that may be there.
fn items<'v>(object: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    object
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Where in a list a stream's piece belongs.
fn index(object: &Value, key: &str) -> usize {
    number(object, key)
        .and_then(|index| usize::try_from(index).ok())
        .unwrap_or(0)
}
