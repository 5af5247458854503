//! What is special about `anthropic-messages`: path, authentication, where requests and answers keep what.

use http::{HeaderMap, HeaderName, HeaderValue, header::InvalidHeaderValue};

use super::{
    Verb,
    json::{Kind, Malformed, Reader},
    request::Found,
    response::{Answer, first_text_block},
    stream::Chunk,
};
use crate::model::Capability;

/// How deep content is followed: a tool result holds blocks, and no block below holds more.
const CONTENT_DEPTH: u32 = 3;

/// The path below a base URL, as the SDKs ask it; a base that names the version already gets none.
pub(super) fn upstream_path(prefix: &str, verb: Verb) -> String {
    let version = if prefix.ends_with("/v1") { "" } else { "/v1" };
    match verb {
        Verb::Generate | Verb::Stream(_) | Verb::Compact => format!("{prefix}{version}/messages"),
        Verb::CountTokens => format!("{prefix}{version}/messages/count_tokens"),
    }
}

/// `x-api-key: key`.
pub(super) fn credential(key: &str) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    HeaderValue::try_from(key).map(|value| (HeaderName::from_static("x-api-key"), value))
}

/// The API demands a version; a client that named one keeps it.
pub(super) fn demanded_headers(upstream: &mut HeaderMap) {
    upstream
        .entry("anthropic-version")
        .or_insert_with(|| HeaderValue::from_static("2023-06-01"));
}

/// Reads a request body. `false`: not an object.
pub(super) fn scan(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    reader.fields(|reader, key| match &*key.bytes() {
        b"model" => found.read_model(reader),
        b"stream" => reader.is_true().map(|stream| found.stream = stream),
        b"messages" => reader
            .items(|reader| {
                reader
                    .fields(|reader, key| match &*key.bytes() {
                        b"content" => blocks(reader, found, CONTENT_DEPTH),
                        _ => reader.skip().map(drop),
                    })
                    .map(drop)
            })
            .map(drop),
        b"container" => container(reader, found),
        b"system" => blocks(reader, found, 1),
        b"tools" | b"mcp_servers" => found.read_tools(reader),
        b"tool_choice" => found.read_tool_choice(reader),
        b"thinking" => found.read_thinking(reader),
        b"cache_control" => cache_mark(reader, found),
        b"output_format" => found.read_format(reader),
        b"output_config" => reader
            .fields(|reader, key| match &*key.bytes() {
                b"format" => found.read_format(reader),
                b"effort" => {
                    let asked = reader.is_filled()?;
                    found.need(Capability::Reasoning, asked);
                    Ok(())
                }
                _ => reader.skip().map(drop),
            })
            .map(drop),
        _ => reader.skip().map(drop),
    })
}

/// Content: blocks, some of which hold content again. Text alone needs nothing.
fn blocks(reader: &mut Reader<'_>, found: &mut Found, depth: u32) -> Result<(), Malformed> {
    if depth == 0 {
        return reader.skip().map(drop);
    }
    reader
        .items(|reader| {
            reader
                .fields(|reader, key| match &*key.bytes() {
                    b"type" => {
                        if let Some(kind) = reader.string()? {
                            match &*kind.bytes() {
                                // The pages of a document are read as images.
                                b"image" | b"document" => found.need(Capability::Vision, true),
                                b"thinking" => found.need(Capability::Reasoning, true),
                                // Encrypted for the model that wrote it.
                                b"redacted_thinking" => {
                                    found.need(Capability::Reasoning, true);
                                    found.need(Capability::SignedReasoning, true);
                                }
                                _ => {}
                            }
                        }
                        Ok(())
                    }
                    // Only thinking has one: it is bound to the model that wrote it.
                    b"signature" => found.read_need(reader, Capability::SignedReasoning),
                    b"content" => blocks(reader, found, depth - 1),
                    b"source" => found.read_file(reader),
                    b"file_id" => {
                        let filled = reader.is_filled()?;
                        found.need(Capability::ProviderState, filled);
                        Ok(())
                    }
                    b"cache_control" => cache_mark(reader, found),
                    _ => reader.skip().map(drop),
                })
                .map(drop)
        })
        .map(drop)
}

/// A container by its id, or a new one that may name one.
fn container(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    if reader.kind()? == Kind::String {
        let filled = reader.is_filled()?;
        found.need(Capability::ProviderState, filled);
        return Ok(());
    }
    reader
        .fields(|reader, key| {
            let filled = reader.is_filled()?;
            found.need(Capability::ProviderState, filled && &*key.bytes() == b"id");
            Ok(())
        })
        .map(drop)
}

fn cache_mark(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    let marked = reader.is_filled()?;
    found.need(Capability::CacheControl, marked);
    Ok(())
}

/// Reads a whole answer. A usable one has a list of content, which may be empty.
pub(super) fn answer(reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"error" => reader.filled().map(|place| answer.error = place),
        b"content" => {
            answer.shaped = reader.kind()? == Kind::Array;
            answer.text = first_text_block(reader)?;
            Ok(())
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(answer)
}

/// Reads the data of one stream event.
pub(super) fn chunk(reader: &mut Reader<'_>) -> Result<Chunk, Malformed> {
    let mut chunk = Chunk::default();
    let mut kind = EventKind::Other;
    let mut piece = Piece::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"type" => {
            if let Some(name) = reader.string()? {
                kind = EventKind::of(&name.bytes());
            }
            Ok(())
        }
        b"error" => reader.filled().map(|place| chunk.error = place),
        b"delta" | b"content_block" => piece.read(reader),
        _ => reader.skip().map(drop),
    })?;
    match kind {
        EventKind::Delta | EventKind::BlockStart => {
            chunk.output = piece.output;
            chunk.text = piece.text;
        }
        EventKind::Stop => chunk.end = true,
        EventKind::Error => chunk.bare_error = true,
        EventKind::Other => {}
    }
    Ok(chunk)
}

/// The events that mean something for the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    /// `content_block_delta`
    Delta,
    /// `content_block_start`
    BlockStart,
    /// `message_stop`
    Stop,
    /// `error`
    Error,
    /// `ping`, `message_start`, `message_delta`, `content_block_stop`, or new.
    Other,
}

impl EventKind {
    /// By its name, as `event:` or as `type`.
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"content_block_delta" => Self::Delta,
            b"content_block_start" => Self::BlockStart,
            b"message_stop" => Self::Stop,
            b"error" => Self::Error,
            _ => Self::Other,
        }
    }
}

/// A `delta` or a `content_block`.
#[derive(Debug, Default)]
struct Piece {
    /// It holds semantic output.
    output: bool,
    /// Where its text begins.
    text: Option<usize>,
}

impl Piece {
    /// Reads one. Empty texts and signatures are not output; a tool call is one from its start, as it is
    /// named there; what is new is output, so that nothing that may have been shown is ever switched.
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        let mut textual = false;
        let mut silent = true;
        let mut filled = false;
        let mut text = None;
        reader.fields(|reader, key| match &*key.bytes() {
            b"type" => {
                if let Some(kind) = reader.string()? {
                    let kind = kind.bytes();
                    textual = matches!(&*kind, b"text" | b"text_delta");
                    silent = textual
                        || matches!(&*kind, b"thinking" | b"thinking_delta" | b"signature_delta");
                }
                Ok(())
            }
            b"text" => {
                text = reader.string()?.filter(|text| !text.is_empty());
                filled |= text.is_some();
                Ok(())
            }
            b"thinking" => {
                filled |= reader.is_filled()?;
                Ok(())
            }
            _ => reader.skip().map(drop),
        })?;
        self.output = filled || !silent;
        self.text = text.filter(|_| textual).map(|text| text.inside_start());
        Ok(())
    }
}
