//! What an answer says of the model that gave it, and of a model that the provider itself put in the place of
//! another.
//!
//! Used by [`super::stream`] and by the gateway. Nothing is parsed as a whole: a name is read up to where it
//! stands, and a block only after a search has found its word. It does not judge whether a name is the right
//! one; `policy` does.
//!
//! A router's `provider` field (OpenRouter) is not compared: spreading one model over hosts is what a router is
//! for, no route declares a host, and a change of host alone would be an event for nearly every answer. Who must
//! stay with one host says so to the router, in the request (`provider.only`); that passes through untouched.

use memchr::memmem;
use serde_json::Value;

use super::{
    Shape,
    anthropic::EventKind,
    json::{Malformed, Reader},
};
use crate::model::visible;

/// The longest name that is kept.
const NAME_LIMIT: usize = 128;

/// What an answer has said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The model that it names as its own.
    pub model: Option<String>,
    /// The provider says that another model of its own took over.
    pub hand_over: Option<HandOver>,
}

/// A fallback inside a provider (Anthropic's `fallback` block and `fallback_message`). Texts are fit to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HandOver {
    /// The model that declined. `None`: not said.
    pub from: Option<String>,
    /// The model that answered.
    pub to: String,
    /// Why, for instance `refusal: cyber`.
    pub trigger: Option<String>,
}

impl Served {
    /// Reads a whole answer.
    #[must_use]
    pub fn in_answer(shape: Shape, body: &[u8]) -> Self {
        let mut served = Self {
            model: model(body),
            hand_over: None,
        };
        if shape == Shape::AnthropicMessages && names_fallback(body) {
            let mut reader = Reader::new(body);
            // What is malformed was said so elsewhere.
            let _ = reader.fields(|reader, key| match &*key.bytes() {
                b"content" => reader
                    .items(|reader| {
                        let place = reader.skip()?;
                        served.block(reader.slice(place));
                        Ok(())
                    })
                    .map(drop),
                b"usage" => {
                    let place = reader.skip()?;
                    served.usage(reader.slice(place));
                    Ok(())
                }
                _ => reader.skip().map(drop),
            });
        }
        served
    }

    /// Reads on, with the data of one event of a stream. After the first output only what may say that another
    /// model took over is looked at.
    pub(super) fn event(&mut self, shape: Shape, name: Option<&[u8]>, data: &[u8], output: bool) {
        if self.model.is_none() && !output {
            self.model = model(data);
        }
        let quiet = match name.map(EventKind::of) {
            Some(EventKind::Delta | EventKind::Stop | EventKind::Error) => true,
            Some(EventKind::BlockStart | EventKind::Other) | None => false,
        };
        if quiet || shape != Shape::AnthropicMessages || !names_fallback(data) {
            return;
        }
        let mut reader = Reader::new(data);
        let _ = reader.fields(|reader, key| {
            let place = reader.skip()?;
            match &*key.bytes() {
                b"content_block" => self.block(reader.slice(place)),
                b"usage" => self.usage(reader.slice(place)),
                _ => {}
            }
            Ok(())
        });
    }

    /// One content block. Of several hand-overs the first says from where and the last to where.
    fn block(&mut self, block: &[u8]) {
        if !names_fallback(block) {
            return;
        }
        let Ok(block) = serde_json::from_slice::<Value>(block) else {
            return;
        };
        if block.get("type").and_then(Value::as_str) != Some("fallback") {
            return;
        }
        let model = |key: &str| {
            let side = block.get(key)?;
            word(side.get("model").unwrap_or(side))
        };
        let Some(to) = model("to") else {
            return;
        };
        let first = self.hand_over.take().unwrap_or_default();
        self.hand_over = Some(HandOver {
            from: first.from.or_else(|| model("from")),
            to,
            trigger: block.get("trigger").and_then(trigger).or(first.trigger),
        });
    }

    /// The accounts of a message: one entry says that a fallback gave it, also where no block does.
    fn usage(&mut self, usage: &[u8]) {
        if self.hand_over.is_some() || !names_fallback(usage) {
            return;
        }
        let usage = serde_json::from_slice::<Value>(usage).unwrap_or_default();
        let entries = usage.get("iterations").and_then(Value::as_array);
        let to = entries.into_iter().flatten().find_map(|entry| {
            let fallback = entry.get("type")?.as_str()? == "fallback_message";
            fallback.then(|| word(entry.get("model")?)).flatten()
        });
        self.hand_over = to.map(|to| HandOver {
            to,
            ..HandOver::default()
        });
    }
}

/// A search that is much cheaper than reading: also finds what only looks like it.
fn names_fallback(json: &[u8]) -> bool {
    memmem::find(json, b"\"fallback").is_some()
}

/// `refusal: cyber`, `refusal`.
fn trigger(value: &Value) -> Option<String> {
    let kind = word(value.get("type").unwrap_or(value))?;
    Some(match value.get("category").and_then(word) {
        Some(category) => format!("{kind}: {category}"),
        None => kind,
    })
}

fn word(value: &Value) -> Option<String> {
    shown(value.as_str()?)
}

/// A name as it may be shown. Google writes its resource's path.
fn shown(text: &str) -> Option<String> {
    let text = text.strip_prefix("models/").unwrap_or(text);
    (!text.is_empty()).then(|| visible(text, NAME_LIMIT).into_owned())
}

/// The model that an object names as its own: an answer, a chunk, or the message or response inside an event.
/// Reads no further than to the name.
fn model(json: &[u8]) -> Option<String> {
    let mut found = None;
    let _ = Reader::new(json).fields(|reader, key| match &*key.bytes() {
        b"model" | b"modelVersion" => name(reader, &mut found),
        b"message" | b"response" => reader
            .fields(|reader, key| match &*key.bytes() {
                b"model" => name(reader, &mut found),
                _ => reader.skip().map(drop),
            })
            .map(drop),
        _ => reader.skip().map(drop),
    });
    found
}

/// Takes a name and stops the reading, when it is one.
fn name(reader: &mut Reader<'_>, found: &mut Option<String>) -> Result<(), Malformed> {
    let Some(text) = reader.string()? else {
        return Ok(());
    };
    *found = shown(&String::from_utf8_lossy(&text.bytes()));
    Err(Malformed { at: 0, cut: false })
}
