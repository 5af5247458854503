//! The request body: read what policy needs in one pass, replace only `model`, copy nothing else.
//!
//! Used by the gateway on every request. Unknown fields are neither read nor judged; the provider does that.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use http::{HeaderMap, header};

use super::{
    Call, Shape, Verb, anthropic,
    caller_limit::caller_limit,
    gemini,
    json::{Kind, Malformed, Reader},
    openai, openai_embeddings, openai_responses,
};
use crate::{
    model::{Capability, CapabilitySet},
    policy::RequestFacts,
};

/// What one pass over a request body finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// For the policy. `client_retries` and `caller_limit` come from the headers; `replayable` is for the caller to set.
    pub facts: RequestFacts,
    /// Where the value of `model` stands, quotes included. `None`: the family names the model in the path.
    pub model: Option<Range<usize>>,
    /// The answer must be of a given form (a JSON schema, any JSON, a count): a notice inside would break it.
    pub structured: bool,
}

/// The body is not what the family asks for. All are 400 but [`ScanError::Encoded`], which is 415.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Not a JSON object.
    #[error("the request body is not a JSON object (byte {at})")]
    NotJson {
        /// Where reading stopped.
        at: usize,
    },
    /// No `model`, or not a string.
    #[error("the request body has no \"model\"; name one as a string")]
    NoModel,
    /// Compressed: it cannot be read.
    #[error("the request body is compressed; send it without content-encoding")]
    Encoded,
}

impl ScanError {
    /// The byte at which reading stopped, where that is known.
    #[must_use]
    pub const fn at(&self) -> Option<usize> {
        match self {
            Self::NotJson { at } => Some(*at),
            Self::NoModel | Self::Encoded => None,
        }
    }
}

impl From<Malformed> for ScanError {
    fn from(malformed: Malformed) -> Self {
        Self::NotJson { at: malformed.at }
    }
}

/// What the family's file finds in a body. Of a field that is there twice, the last counts for `model` and
/// `stream`, as for every parser; what any of them needs is needed.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) model: Option<Range<usize>>,
    pub(super) stream: bool,
    pub(super) needs: CapabilitySet,
    pub(super) structured: bool,
}

impl Found {
    /// Notes a need when it is one.
    pub(super) fn need(&mut self, capability: Capability, needed: bool) {
        if needed {
            self.needs.insert(capability);
        }
    }

    /// Reads the value of `model`.
    pub(super) fn read_model(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.model = reader.string()?.map(|text| text.place());
        Ok(())
    }

    /// Reads a list of tools: tools are needed when there is one.
    pub(super) fn read_tools(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.items(|reader| {
            self.needs.insert(Capability::Tools);
            reader.fields(|reader, key| match &*key.bytes() {
                b"cache_control" => self.read_need(reader, Capability::CacheControl),
                b"strict" => self.read_strict(reader),
                b"function" => reader
                    .fields(|reader, key| match &*key.bytes() {
                        b"strict" => self.read_strict(reader),
                        _ => reader.skip().map(drop),
                    })
                    .map(drop),
                _ => reader.skip().map(drop),
            })?;
            Ok(())
        })?;
        Ok(())
    }

    fn read_strict(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let strict = reader.is_true()?;
        self.need(Capability::StrictTools, strict);
        Ok(())
    }

    /// Reads a field that is a need when it holds anything.
    pub(super) fn read_need(
        &mut self,
        reader: &mut Reader<'_>,
        capability: Capability,
    ) -> Result<(), Malformed> {
        let filled = reader.is_filled()?;
        self.need(capability, filled);
        Ok(())
    }

    /// Reads `tool_choice`, `"required"` or an object: a call is demanded unless it says `auto` or `none`.
    /// Anthropic keeps its say in parallel calls in the same object.
    pub(super) fn read_tool_choice(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let free = |choice: &[u8]| matches!(choice, b"auto" | b"none" | b"validated");
        if reader.kind()? != Kind::Object {
            let choice = reader.string()?;
            let demanded = choice.is_some_and(|choice| !free(&choice.bytes()));
            self.need(Capability::ForcedTools, demanded);
            return Ok(());
        }
        let mut demanded = true;
        reader.fields(|reader, key| match &*key.bytes() {
            b"type" | b"mode" => {
                let choice = reader.string()?;
                demanded &= !choice.is_some_and(|choice| free(&choice.bytes()));
                Ok(())
            }
            b"disable_parallel_tool_use" => {
                let disabled = reader.is_true()?;
                self.need(Capability::ParallelTools, disabled);
                Ok(())
            }
            _ => reader.skip().map(drop),
        })?;
        self.need(Capability::ForcedTools, demanded);
        Ok(())
    }

    /// Reads `parallel_tool_calls`. Only `false` is a need: who cannot call in parallel honours `true` as
    /// well as it can, but several calls at once break a client that asked for one.
    pub(super) fn read_parallel(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let forbidden = reader.kind()? == Kind::False;
        reader.skip()?;
        self.need(Capability::ParallelTools, forbidden);
        Ok(())
    }

    /// Reads `{"type":"json_schema"}` and its like.
    pub(super) fn read_format(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.fields(|reader, key| {
            if &*key.bytes() != b"type" {
                return reader.skip().map(|_| ());
            }
            if let Some(kind) = reader.string()? {
                let kind = kind.bytes();
                self.need(Capability::JsonSchema, &*kind == b"json_schema");
                self.structured |= matches!(&*kind, b"json_schema" | b"json_object");
            }
            Ok(())
        })?;
        Ok(())
    }

    /// Reads what holds a file or its place: by its id it is only where it was sent.
    pub(super) fn read_file(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.fields(|reader, key| {
            let filled = reader.is_filled()?;
            self.need(
                Capability::ProviderState,
                filled && &*key.bytes() == b"file_id",
            );
            Ok(())
        })?;
        Ok(())
    }

    /// Reads `thinking`: reasoning is needed unless it says `disabled`.
    pub(super) fn read_thinking(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut disabled = false;
        let object = reader.fields(|reader, key| {
            if &*key.bytes() != b"type" {
                return reader.skip().map(|_| ());
            }
            disabled = reader
                .string()?
                .is_some_and(|kind| &*kind.bytes() == b"disabled");
            Ok(())
        })?;
        self.need(Capability::Reasoning, object && !disabled);
        Ok(())
    }
}

/// Scans a body without building a tree.
pub fn scan(call: impl Into<Call>, headers: &HeaderMap, body: &[u8]) -> Result<Scan, ScanError> {
    let call = call.into();
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding.as_bytes() != b"identity")
    {
        return Err(ScanError::Encoded);
    }
    let mut found = Found::default();
    let mut reader = Reader::new(body);
    let object = match call.shape {
        Shape::OpenaiChat => openai::scan(&mut reader, &mut found)?,
        Shape::OpenaiResponses => openai_responses::scan(&mut reader, &mut found)?,
        Shape::OpenaiEmbeddings => openai_embeddings::scan(&mut reader, &mut found)?,
        Shape::AnthropicMessages => anthropic::scan(&mut reader, &mut found)?,
        Shape::GeminiGenerate => gemini::request::scan(&mut reader, &mut found)?,
    };
    reader.end()?;
    if !object {
        return Err(ScanError::NotJson { at: 0 });
    }
    match call.verb {
        Verb::Generate => {}
        Verb::Stream(_) => found.stream = true,
        Verb::CountTokens | Verb::Compact => {
            found.stream = false;
            found.structured = true;
            found.need(Capability::ProviderState, call.verb == Verb::Compact);
        }
    }
    found.need(Capability::Streaming, found.stream);
    let model = match call.shape {
        Shape::OpenaiChat
        | Shape::OpenaiResponses
        | Shape::OpenaiEmbeddings
        | Shape::AnthropicMessages => Some(found.model.ok_or(ScanError::NoModel)?),
        Shape::GeminiGenerate => found.model,
    };
    Ok(Scan {
        facts: RequestFacts {
            stream: found.stream,
            needs: found.needs,
            client_retries: client_retries(headers),
            replayable: false,
            caller_limit: caller_limit(headers),
            context: None,
        },
        model,
        structured: found.structured,
    })
}

/// What policy needs to know of a request about what a provider keeps.
#[must_use]
pub fn facts_of_stored(headers: &HeaderMap) -> RequestFacts {
    RequestFacts {
        needs: [Capability::ProviderState].into_iter().collect(),
        client_retries: client_retries(headers),
        ..RequestFacts::default()
    }
}

/// How often the client says it has tried before.
fn client_retries(headers: &HeaderMap) -> u32 {
    headers
        .get("x-stainless-retry-count")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(0)
}

/// The `model` value of a scanned body. `None`: there is none, not UTF-8 or a broken escape.
#[must_use]
pub fn model<'a>(scan: &Scan, body: &'a [u8]) -> Option<Cow<'a, str>> {
    let place = body.get(scan.model.clone()?)?;
    Reader::new(place).string().ok()??.text()
}

/// A model's name as a JSON string, quotes included; made once per route ([`super::RouteHead::model`]).
#[must_use]
pub fn model_json(model: &str) -> Bytes {
    Bytes::from(serde_json::Value::from(model).to_string())
}

/// The body in three slices, the middle one being the new model as a JSON string. No copy of the rest.
#[must_use]
pub fn with_model(body: &Bytes, place: &Range<usize>, model: Bytes) -> [Bytes; 3] {
    [body.slice(..place.start), model, body.slice(place.end..)]
}
