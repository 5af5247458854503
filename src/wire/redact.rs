//! Redacts a request body before it is kept: what may be personal or secret in it is replaced, and its form
//! stays, so that it can stand for the traffic it came from.
//!
//! Used by the gateway for workloads that are captured, off the data path. It sees bodies only; headers are
//! never kept. A body that cannot be redacted for sure is refused: nothing of it may be written.

mod fields;
mod media;
mod net;

use std::{collections::HashMap, ops::Range};

use http::HeaderMap;

use super::{
    Call, Shape,
    json::{Kind, Malformed, Reader, Text},
    request::{self, Scan, ScanError},
};
use crate::model::{Capability, PayloadClass};
use fields::{Look, is_call_name, is_document, whole};
use media::StandIn;
use net::{DIGITS, Net, ones};

/// The deepest nesting that is followed, JSON inside of texts included.
const DEPTH: u32 = 64;
/// From so many bytes on a body stands for long ones: some ten thousand tokens.
const LONG: usize = 40_000;

/// Redacts bodies.
#[derive(Debug)]
pub struct Redactor(Net);

/// What is left of a body.
#[derive(Clone, Debug)]
pub struct Redacted {
    /// JSON of the same family.
    pub body: String,
    /// What it needs; the same as before.
    pub scan: Scan,
}

/// Why a body is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read, so nobody knows what is in it.
    #[error("it cannot be read as text")]
    Unreadable,
    /// It is nested too deeply to be followed.
    #[error("it is nested too deeply")]
    Deep,
    /// It names what the provider keeps, or what only its model can open.
    #[error("it works only where it was made")]
    Bound,
    /// It holds data that nothing can stand in for.
    #[error("nothing can stand in for its data")]
    Media,
    /// Without what was replaced it asks for something else.
    #[error("it would not be the same request any more")]
    Changed,
}

impl From<ScanError> for Unfit {
    fn from(_: ScanError) -> Self {
        Self::Unreadable
    }
}

impl Redactor {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// When one is not a regular expression.
    pub fn new() -> Result<Self, regex::Error> {
        Net::new().map(Self)
    }

    /// What is left of a body.
    ///
    /// # Errors
    /// When it must not be kept.
    pub fn redact(&self, call: Call, body: &[u8]) -> Result<Redacted, Unfit> {
        let none = HeaderMap::new();
        let before = request::scan(call, &none, body)?;
        let needs = before.facts.needs;
        if needs.contains(Capability::ProviderState) || needs.contains(Capability::SignedReasoning)
        {
            return Err(Unfit::Bound);
        }
        let mut names = Names::default();
        let top = Place {
            depth: 0,
            root: "",
            parent: "",
            key: "",
            media: None,
            document: false,
        };
        let left = Walk::run(&self.0, &mut names, body, call.shape, top)?;
        let scan = request::scan(call, &none, left.as_bytes())?;
        let same = scan.facts == before.facts && scan.structured == before.structured;
        if !same || serde_json::from_str::<serde::de::IgnoredAny>(&left).is_err() {
            return Err(Unfit::Changed);
        }
        Ok(Redacted { body: left, scan })
    }
}

/// What a request looks like. Code and plain conversation are not told apart.
#[must_use]
pub fn class(shape: Shape, scan: &Scan, size: usize) -> PayloadClass {
    let needs = scan.facts.needs;
    if shape == Shape::OpenaiEmbeddings {
        PayloadClass::Embeddings
    } else if needs.contains(Capability::Vision) {
        PayloadClass::Vision
    } else if needs.contains(Capability::Tools) {
        PayloadClass::Tools
    } else if scan.structured {
        PayloadClass::Json
    } else if size >= LONG {
        PayloadClass::Long
    } else {
        PayloadClass::Chat
    }
}

/// Names of calls that were replaced: equal ones stay equal, and different ones different.
#[derive(Debug, Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn of(&mut self, name: &str) -> String {
        let prefix = name.split_once('_').map(|(prefix, _)| prefix);
        let known = |prefix: &&str| matches!(*prefix, "call" | "toolu" | "fc" | "msg" | "rs");
        let prefix = prefix.filter(known).unwrap_or("id");
        let next = self.0.len() + 1;
        let new = self.0.entry(name.to_owned());
        new.or_insert_with(|| format!("{prefix}_{next}")).clone()
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place<'p> {
    depth: u32,
    /// Of the whole body's fields, the one it is in.
    root: &'p str,
    /// The field that holds the object it is in.
    parent: &'p str,
    /// Its own field, or that of the list it is in.
    key: &'p str,
    /// What replaces the data of the object it is in.
    media: Option<StandIn>,
    /// The object it is in is a document, which may have pages elsewhere.
    document: bool,
}

impl Place<'_> {
    /// What the application's authors wrote: tools, schemas, parameters.
    fn is_setting(&self) -> bool {
        matches!(
            self.root,
            "tools"
                | "functions"
                | "tool_choice"
                | "toolConfig"
                | "tool_config"
                | "response_format"
                | "text"
                | "output_format"
                | "output_config"
                | "generationConfig"
                | "generation_config"
                | "reasoning"
                | "thinking"
        )
    }
}

/// One pass over a text, collecting what has to be replaced.
struct Walk<'w> {
    net: &'w Net,
    names: &'w mut Names,
    shape: Shape,
    edits: Vec<(Range<usize>, String)>,
    unfit: Option<Unfit>,
}

impl Walk<'_> {
    fn run(
        net: &Net,
        names: &mut Names,
        text: &[u8],
        shape: Shape,
        place: Place<'_>,
    ) -> Result<String, Unfit> {
        let mut walk = Walk {
            net,
            names,
            shape,
            edits: Vec::new(),
            unfit: None,
        };
        let mut reader = Reader::new(text);
        let read = walk.value(&mut reader, place).and_then(|()| reader.end());
        if let Some(unfit) = walk.unfit {
            return Err(unfit);
        }
        read.map_err(|_| Unfit::Unreadable)?;
        splice(text, &walk.edits).ok_or(Unfit::Unreadable)
    }

    fn put(&mut self, place: Range<usize>, text: &str) {
        let quoted = serde_json::Value::from(text).to_string();
        self.edits.push((place, quoted));
    }

    fn value(&mut self, reader: &mut Reader<'_>, place: Place<'_>) -> Result<(), Malformed> {
        if place.depth > DEPTH {
            self.unfit = Some(Unfit::Deep);
        }
        if self.unfit.is_some() {
            return reader.skip().map(drop);
        }
        let deeper = Place {
            depth: place.depth + 1,
            ..place
        };
        match reader.kind()? {
            Kind::Object => self.object(reader, deeper),
            Kind::Array => reader.items(|reader| self.value(reader, deeper)).map(drop),
            Kind::String => {
                if let Some(text) = reader.string()? {
                    self.string(&text, place);
                }
                Ok(())
            }
            Kind::Number => {
                let number = reader.skip()?;
                self.number(reader.slice(number.clone()), number, place);
                Ok(())
            }
            Kind::True | Kind::False | Kind::Null => reader.skip().map(drop),
        }
    }

    fn object(&mut self, reader: &mut Reader<'_>, place: Place<'_>) -> Result<(), Malformed> {
        let look = Look::at(reader.clone(), place.key)?;
        if look.remote {
            let whole = reader.skip()?;
            let media = if place.document {
                StandIn::Page
            } else {
                StandIn::Picture
            };
            let object = serde_json::json!({
                "type": "base64", "media_type": media.media_type(), "data": media.data(),
            });
            self.edits.push((whole, object.to_string()));
            return Ok(());
        }
        if look.data && look.media.is_none() {
            self.unfit = Some(Unfit::Media);
        }
        let document = place.key == "content" && is_document(reader.clone())?;
        reader
            .fields(|reader, key| {
                let Some(name) = key.text() else {
                    self.unfit = Some(Unfit::Unreadable);
                    return reader.skip().map(drop);
                };
                if let Some(name) = self.net.redact(&name) {
                    self.put(key.place(), &name);
                }
                let inside = Place {
                    root: if place.root.is_empty() {
                        &name
                    } else {
                        place.root
                    },
                    parent: place.key,
                    key: &name,
                    media: look.media,
                    document,
                    ..place
                };
                self.value(reader, inside)
            })
            .map(drop)
    }

    fn string(&mut self, text: &Text<'_>, place: Place<'_>) {
        let Some(plain) = text.text() else {
            self.unfit = Some(Unfit::Unreadable);
            return;
        };
        match self.instead(&plain, place) {
            Ok(Some(new)) => self.put(text.place(), &new),
            Ok(None) => {}
            Err(unfit) => self.unfit = Some(unfit),
        }
    }

    /// What stands in for a text; `None`: it stays.
    fn instead(&mut self, text: &str, place: Place<'_>) -> Result<Option<String>, Unfit> {
        if let Some(media) = place.media {
            match place.key {
                "data" => return Ok(Some(media.data())),
                "media_type" | "mimeType" | "mime_type" => {
                    return Ok(Some(media.media_type().to_owned()));
                }
                "format" => return Ok(Some("wav".to_owned())),
                _ => {}
            }
        }
        if let Some(rest) = text.strip_prefix("data:") {
            let kind = rest.split([';', ',']).next().unwrap_or_default();
            if kind.contains('/') && !kind.contains(char::is_whitespace) {
                let media = StandIn::of(kind).ok_or(Unfit::Media)?;
                return Ok(Some(media.url()));
            }
        }
        match (place.parent, place.key) {
            ("image_url", "url") | (_, "image_url") => return Ok(Some(StandIn::Picture.url())),
            ("video_url" | "file_url", "url") | (_, "video_url" | "file_url" | "file_data") => {
                return Err(Unfit::Media);
            }
            _ => {}
        }
        // A tool's type is a version of the provider's, digits and all.
        let plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.');
        if place.is_setting() && place.key == "type" && text.bytes().all(plain) {
            return Ok(None);
        }
        if let Some(whole) = whole(text, place) {
            return Ok(Some(whole));
        }
        if is_call_name(place.key) && !place.is_setting() {
            return Ok(Some(self.names.of(text)));
        }
        if let Some(left) = self.inner(text, place)? {
            return Ok(left);
        }
        Ok(self.net.redact(text))
    }

    /// JSON inside of a text, as arguments and results of tools are. The outer `None`: it is none.
    #[expect(clippy::option_option, reason = "it is JSON, and may stay as it is")]
    fn inner(&mut self, text: &str, place: Place<'_>) -> Result<Option<Option<String>>, Unfit> {
        if !text.trim_start().starts_with(['{', '[']) {
            return Ok(None);
        }
        let mut reader = Reader::new(text.as_bytes());
        if reader.skip().and_then(|_| reader.end()).is_err() {
            return Ok(None);
        }
        let left = Walk::run(
            self.net,
            self.names,
            text.as_bytes(),
            self.shape,
            Place {
                depth: place.depth + 1,
                media: None,
                ..place
            },
        )?;
        Ok(Some((left != text).then_some(left)))
    }

    /// Token numbers are text; long numbers are accounts and telephones. Parameters stay.
    fn number(&mut self, number: &[u8], at: Range<usize>, place: Place<'_>) {
        if place.is_setting() {
            return;
        }
        if self.shape == Shape::OpenaiEmbeddings && place.root == "input" {
            self.edits.push((at, "1000".to_owned()));
            return;
        }
        let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
        if place.depth > 1 && digits >= DIGITS {
            let text = String::from_utf8_lossy(number);
            self.edits.push((at, ones(&text)));
        }
    }
}

/// The text with the edits, which come in order.
fn splice(text: &[u8], edits: &[(Range<usize>, String)]) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for (place, new) in edits {
        out.extend_from_slice(text.get(from..place.start)?);
        out.extend_from_slice(new.as_bytes());
        from = place.end;
    }
    out.extend_from_slice(text.get(from..)?);
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests;
