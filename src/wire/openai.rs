//! What is special about `openai-chat`: path, authentication, where requests and answers keep what. The
//! other shapes of OpenAI share the first two.

use std::ops::Range;

use http::{HeaderName, HeaderValue, header, header::InvalidHeaderValue};
use memchr::memmem;

use super::{
    json::{Kind, Malformed, Reader},
    request::Found,
    response::Answer,
    stream::Chunk,
};
use crate::model::Capability;

/// The path below a base URL, as the SDKs ask it; a bare base gets the version that OpenAI's has.
pub(super) fn upstream_path(prefix: &str, method: &str) -> String {
    let version = if prefix.is_empty() { "/v1" } else { "" };
    format!("{prefix}{version}/{method}")
}

/// `authorization: Bearer key`.
pub(super) fn credential(key: &str) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    HeaderValue::try_from(format!("Bearer {key}")).map(|value| (header::AUTHORIZATION, value))
}

/// Reads a request body. `false`: not an object.
pub(super) fn scan(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    reader.fields(|reader, key| match &*key.bytes() {
        b"model" => found.read_model(reader),
        b"stream" => reader.is_true().map(|stream| found.stream = stream),
        b"messages" => reader.items(|reader| message(reader, found)).map(drop),
        b"tools" | b"functions" => found.read_tools(reader),
        b"tool_choice" | b"function_call" => found.read_tool_choice(reader),
        b"parallel_tool_calls" => found.read_parallel(reader),
        b"response_format" => found.read_format(reader),
        b"logprobs" => {
            let asked = reader.is_true()?;
            found.need(Capability::Logprobs, asked);
            Ok(())
        }
        b"reasoning_effort" => {
            let effort = reader.string()?;
            let asked = effort.is_some_and(|effort| &*effort.bytes() != b"none");
            found.need(Capability::Reasoning, asked);
            Ok(())
        }
        b"reasoning" => {
            let asked = reader.is_filled()?;
            found.need(Capability::Reasoning, asked);
            Ok(())
        }
        b"thinking" => found.read_thinking(reader),
        b"audio" => {
            let asked = reader.is_filled()?;
            found.need(Capability::Audio, asked);
            Ok(())
        }
        b"modalities" => reader
            .items(|reader| {
                let modality = reader.string()?;
                let audio = modality.is_some_and(|modality| &*modality.bytes() == b"audio");
                found.need(Capability::Audio, audio);
                Ok(())
            })
            .map(drop),
        _ => reader.skip().map(drop),
    })
}

/// One message of a request.
fn message(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| match &*key.bytes() {
            b"content" => reader.items(|reader| part(reader, found)).map(drop),
            // What was said before, by the id under which it is kept.
            b"audio" => reader
                .fields(|reader, key| {
                    let filled = reader.is_filled()?;
                    found.need(Capability::Audio, filled);
                    found.need(Capability::ProviderState, filled && &*key.bytes() == b"id");
                    Ok(())
                })
                .map(drop),
            b"cache_control" => cache_mark(reader, found),
            // As routers hand on what a model has signed or encrypted.
            b"reasoning_details" | b"thinking_blocks" => {
                found.read_need(reader, Capability::SignedReasoning)
            }
            b"tool_calls" => reader.items(|reader| earlier_call(reader, found)).map(drop),
            _ => reader.skip().map(drop),
        })
        .map(drop)
}

/// A tool call of an earlier turn; Gemini's OpenAI shape keeps its signature beside it.
fn earlier_call(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| match &*key.bytes() {
            b"extra_content" => found.read_need(reader, Capability::SignedReasoning),
            _ => reader.skip().map(drop),
        })
        .map(drop)
}

/// One part of a message's content.
fn part(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| match &*key.bytes() {
            b"type" => {
                if let Some(kind) = reader.string()? {
                    match &*kind.bytes() {
                        // The pages of a file are read as images.
                        b"image_url" | b"image" | b"input_image" | b"file" | b"video_url" => {
                            found.need(Capability::Vision, true);
                        }
                        b"input_audio" | b"audio" => found.need(Capability::Audio, true),
                        b"thinking" => found.need(Capability::Reasoning, true),
                        _ => {}
                    }
                }
                Ok(())
            }
            b"file" => found.read_file(reader),
            b"cache_control" => cache_mark(reader, found),
            _ => reader.skip().map(drop),
        })
        .map(drop)
}

/// `cache_control` as routers accept it in this shape, too.
fn cache_mark(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    let marked = reader.is_filled()?;
    found.need(Capability::CacheControl, marked);
    Ok(())
}

/// Reads a whole answer. A usable one has a choice.
pub(super) fn answer(reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"error" => error(reader, &mut answer.error),
        b"choices" => reader
            .items(|reader| {
                // Only the first choice carries the notice.
                let first = !std::mem::replace(&mut answer.shaped, true);
                choice(reader, &mut answer, first)
            })
            .map(drop),
        _ => reader.skip().map(drop),
    })?;
    Ok(answer)
}

/// Notes where an error stands, when it is one.
pub(super) fn error(
    reader: &mut Reader<'_>,
    place: &mut Option<Range<usize>>,
) -> Result<(), Malformed> {
    if let Some(filled) = reader.filled()? {
        *place = Some(filled);
    }
    Ok(())
}

/// One choice of a whole answer; routers put an upstream's error here.
fn choice(reader: &mut Reader<'_>, answer: &mut Answer, first: bool) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| match &*key.bytes() {
            b"error" => error(reader, &mut answer.error),
            b"message" if first => reader
                .fields(|reader, key| match &*key.bytes() {
                    b"content" => first_text(reader).map(|text| answer.text = text),
                    _ => reader.skip().map(drop),
                })
                .map(drop),
            _ => reader.skip().map(drop),
        })
        .map(drop)
}

/// Where the text of a message's content begins: a string that is not empty, or the first text part.
fn first_text(reader: &mut Reader<'_>) -> Result<Option<usize>, Malformed> {
    if reader.kind()? == Kind::Array {
        return super::response::first_text_block(reader);
    }
    Ok(reader
        .string()?
        .filter(|text| !text.is_empty())
        .map(|text| text.inside_start()))
}

/// Reads the data of one stream event that is not the end marker.
pub(super) fn chunk(reader: &mut Reader<'_>) -> Result<Chunk, Malformed> {
    let mut chunk = Chunk::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"error" => error(reader, &mut chunk.error),
        // An error without an envelope, as some servers send it.
        b"object" => {
            let kind = reader.string()?;
            chunk.bare_error |= kind.is_some_and(|kind| &*kind.bytes() == b"error");
            Ok(())
        }
        b"choices" => reader
            .items(|reader| {
                reader
                    .fields(|reader, key| match &*key.bytes() {
                        b"error" => error(reader, &mut chunk.error),
                        b"finish_reason" => finish(reader, &mut chunk),
                        b"delta" => reader
                            .fields(|reader, key| delta(reader, &key.bytes(), &mut chunk))
                            .map(drop),
                        _ => reader.skip().map(drop),
                    })
                    .map(drop)
            })
            .map(drop),
        _ => reader.skip().map(drop),
    })?;
    Ok(chunk)
}

/// Whether the data of an event may say why a choice has ended, without reading it.
pub(super) fn finishes(data: &[u8]) -> bool {
    const KEY: &[u8] = b"\"finish_reason\"";
    memmem::find_iter(data, KEY).any(|at| {
        let value = data.get(at + KEY.len()..).unwrap_or_default();
        let value = value.trim_ascii_start().strip_prefix(b":").unwrap_or(value);
        !value.trim_ascii_start().starts_with(b"null")
    })
}

/// Why a choice has ended, if it has. A router says `error` there, with or without an error object.
fn finish(reader: &mut Reader<'_>, chunk: &mut Chunk) -> Result<(), Malformed> {
    let reason = reader.string()?.filter(|reason| !reason.is_empty());
    chunk.bare_error |= reason.is_some_and(|reason| &*reason.bytes() == b"error");
    chunk.finished = Some(reason.is_some());
    Ok(())
}

/// One field of a delta. A role alone, and empty texts beside it, are not output.
fn delta(reader: &mut Reader<'_>, key: &[u8], chunk: &mut Chunk) -> Result<(), Malformed> {
    match key {
        b"content" => {
            if reader.kind()? == Kind::String {
                let text = reader.string()?.filter(|text| !text.is_empty());
                chunk.output |= text.is_some();
                chunk.text = chunk.text.or(text.map(|text| text.inside_start()));
            } else {
                chunk.output |= reader.is_filled()?;
            }
            Ok(())
        }
        b"tool_calls" | b"function_call" | b"refusal" | b"audio" | b"images"
        | b"reasoning_content" | b"reasoning" | b"reasoning_details" | b"thinking_blocks" => {
            chunk.output |= reader.is_filled()?;
            Ok(())
        }
        _ => reader.skip().map(drop),
    }
}
