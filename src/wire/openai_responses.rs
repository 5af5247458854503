//! What is special about `openai-responses`: where requests and answers keep what. Path and authentication
//! are those of `openai-chat`.

use memchr::memmem;

use super::{
    json::{Kind, Malformed, Reader},
    openai,
    request::Found,
    response::Answer,
    stream::Chunk,
};
use crate::model::Capability;

/// How deep tools are followed for what they name: `environment` and `container` hold it one level down.
const TOOL_DEPTH: u32 = 2;

/// Reads a request body. `false`: not an object.
pub(super) fn scan(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    reader.fields(|reader, key| match &*key.bytes() {
        b"model" => found.read_model(reader),
        b"stream" => reader.is_true().map(|stream| found.stream = stream),
        b"input" => reader.items(|reader| item(reader, found)).map(drop),
        b"tools" => tools(reader, found),
        b"text" => reader
            .fields(|reader, key| match &*key.bytes() {
                b"format" => found.read_format(reader),
                _ => reader.skip().map(drop),
            })
            .map(drop),
        b"reasoning" => reasoning(reader, found),
        b"include" => reader.items(|reader| included(reader, found)).map(drop),
        b"top_logprobs" => {
            let asked = reader
                .filled()?
                .is_some_and(|place| reader.slice(place) != b"0");
            found.need(Capability::Logprobs, asked);
            Ok(())
        }
        b"audio" => need_if_filled(reader, found, Capability::Audio),
        // What is fetched, continued or filled in where it was stored.
        b"previous_response_id" | b"conversation" | b"background" | b"prompt" => {
            need_if_filled(reader, found, Capability::ProviderState)
        }
        _ => reader.skip().map(drop),
    })
}

fn need_if_filled(
    reader: &mut Reader<'_>,
    found: &mut Found,
    capability: Capability,
) -> Result<(), Malformed> {
    let filled = reader.is_filled()?;
    found.need(capability, filled);
    Ok(())
}

/// `reasoning`: effort and summary, needed unless the effort is none and nothing else is said.
fn reasoning(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| {
            let place = reader.filled()?;
            let silent = &*key.bytes() == b"effort"
                && place
                    .clone()
                    .is_some_and(|place| reader.slice(place) == b"\"none\"");
            found.need(Capability::Reasoning, place.is_some() && !silent);
            Ok(())
        })
        .map(drop)
}

/// One wish for more in the answer.
fn included(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    if let Some(wish) = reader.string()? {
        match &*wish.bytes() {
            b"reasoning.encrypted_content" => found.need(Capability::Reasoning, true),
            b"message.output_text.logprobs" => found.need(Capability::Logprobs, true),
            _ => {}
        }
    }
    Ok(())
}

/// The tools: the application's own and those that the provider runs.
fn tools(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .items(|reader| {
            found.need(Capability::Tools, true);
            stored_parts(reader, found, TOOL_DEPTH)
        })
        .map(drop)
}

/// Looks for names of things that the provider keeps.
fn stored_parts(reader: &mut Reader<'_>, found: &mut Found, depth: u32) -> Result<(), Malformed> {
    if depth == 0 {
        return reader.skip().map(drop);
    }
    reader
        .fields(|reader, key| match &*key.bytes() {
            b"vector_store_ids" | b"file_id" | b"file_ids" | b"container_id" | b"connector_id" => {
                need_if_filled(reader, found, Capability::ProviderState)
            }
            b"container" if reader.kind()? == Kind::String => {
                need_if_filled(reader, found, Capability::ProviderState)
            }
            b"container" | b"environment" | b"input_image_mask" => {
                stored_parts(reader, found, depth - 1)
            }
            _ => reader.skip().map(drop),
        })
        .map(drop)
}

/// One item of the input: a message, a call and its result, a thought, or a reference.
fn item(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    let (mut kind, mut named, mut spoken, mut sealed) = (None, false, false, false);
    let object = reader.fields(|reader, key| match &*key.bytes() {
        b"type" => reader.string().map(|text| kind = text),
        b"id" => reader.is_filled().map(|filled| named = filled),
        b"role" => reader.is_filled().map(|filled| spoken |= filled),
        b"content" => {
            spoken = true;
            parts(reader, found)
        }
        b"output" => parts(reader, found),
        // It can be opened only where it was sealed.
        b"encrypted_content" => reader.is_filled().map(|filled| sealed = filled),
        _ => reader.skip().map(drop),
    })?;
    if !object {
        return Ok(());
    }
    let kind = kind.map(|kind| kind.bytes());
    match kind.as_deref() {
        Some(b"reasoning") => {
            found.need(Capability::Reasoning, true);
            // With no words of its own it stands for what was stored.
            sealed |= !spoken && named;
        }
        Some(b"item_reference") => sealed = true,
        // The type of a reference may be left out.
        None => sealed |= named && !spoken,
        Some(b"computer_call_output") => found.need(Capability::Vision, true),
        Some(kind) if kind.ends_with(b"_call") || kind.ends_with(b"_call_output") => {
            found.need(Capability::Tools, true);
        }
        Some(_) => {}
    }
    found.need(Capability::ProviderState, sealed);
    Ok(())
}

/// The content of a message or the output of a tool: a text, one part, or a list of them.
fn parts(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    if reader.kind()? == Kind::Array {
        return reader.items(|reader| part(reader, found)).map(drop);
    }
    part(reader, found)
}

fn part(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| match &*key.bytes() {
            b"type" => {
                if let Some(kind) = reader.string()? {
                    match &*kind.bytes() {
                        // The pages of a file are read as images.
                        b"input_image" | b"input_file" | b"computer_screenshot" => {
                            found.need(Capability::Vision, true);
                        }
                        b"input_audio" => found.need(Capability::Audio, true),
                        _ => {}
                    }
                }
                Ok(())
            }
            b"file_id" => need_if_filled(reader, found, Capability::ProviderState),
            _ => reader.skip().map(drop),
        })
        .map(drop)
}

/// Reads a whole answer. A usable one has a list of output, which is empty while a response waits in the
/// background. `incomplete` is an answer that was cut at a limit or by a filter, as a chat's `length` is.
pub(super) fn answer(reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    let mut failed = None;
    reader.fields(|reader, key| match &*key.bytes() {
        b"error" => openai::error(reader, &mut answer.error),
        b"status" => {
            failed = reader
                .string()?
                .filter(|status| &*status.bytes() == b"failed")
                .map(|status| status.place());
            Ok(())
        }
        b"output" => {
            answer.shaped = reader.kind()? == Kind::Array;
            reader.skip().map(drop)
        }
        _ => reader.skip().map(drop),
    })?;
    // It failed even when it does not say why.
    answer.error = answer.error.or(failed);
    Ok(answer)
}

/// Reads the data of one stream event.
pub(super) fn chunk(reader: &mut Reader<'_>) -> Result<Chunk, Malformed> {
    let mut chunk = Chunk::default();
    let mut kind = EventKind::Other;
    let (mut piece, mut item, mut response_error) = (false, false, None);
    reader.fields(|reader, key| match &*key.bytes() {
        b"type" => {
            if let Some(name) = reader.string()? {
                kind = EventKind::of(&name.bytes());
            }
            Ok(())
        }
        b"error" => openai::error(reader, &mut chunk.error),
        b"delta" | b"text" | b"refusal" | b"arguments" | b"input" | b"code"
        | b"partial_image_b64" => {
            piece |= reader.is_filled()?;
            Ok(())
        }
        b"item" => item_output(reader).map(|output| item = output),
        b"part" => part_output(reader).map(|output| piece |= output),
        b"response" => reader
            .fields(|reader, key| match &*key.bytes() {
                b"error" => openai::error(reader, &mut response_error),
                _ => reader.skip().map(drop),
            })
            .map(drop),
        _ => reader.skip().map(drop),
    })?;
    match kind {
        EventKind::Piece => chunk.output = piece,
        EventKind::Item => chunk.output = item,
        EventKind::End => {
            // All there is stands in it: an answer without any piece is given on, too.
            chunk.end = true;
            chunk.output = true;
        }
        EventKind::Failed => {
            chunk.error = chunk.error.or(response_error);
            chunk.bare_error = true;
        }
        EventKind::Error => chunk.bare_error = true,
        EventKind::Other => {}
    }
    Ok(chunk)
}

/// Whether an item is output. A message or a thought opens empty; a call is output from its start, as it is
/// named there, and what is new is output, so that nothing that may have been shown is ever switched.
fn item_output(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    let (mut silent, mut filled) = (false, false);
    reader.fields(|reader, key| match &*key.bytes() {
        b"type" => {
            if let Some(kind) = reader.string()? {
                silent = matches!(&*kind.bytes(), b"message" | b"reasoning");
            }
            Ok(())
        }
        b"content" | b"summary" => {
            filled |= reader.is_filled()?;
            Ok(())
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(filled || !silent)
}

/// Whether a part of a message or of a thought holds text.
fn part_output(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    let mut filled = false;
    reader.fields(|reader, key| match &*key.bytes() {
        b"text" | b"refusal" => {
            filled |= reader.is_filled()?;
            Ok(())
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(filled)
}

/// Whether the beginning of an event, of which its name and no more can be seen, opens the end marker.
pub(super) fn opens_end(line: &[u8]) -> bool {
    [&b"response.completed"[..], b"response.incomplete"]
        .iter()
        .any(|name| memmem::find(line, name).is_some())
}

/// The events that mean something for the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventKind {
    /// A piece of text, thought, refusal, arguments, code, sound or image, or a finished part of them.
    Piece,
    /// `response.output_item.added` and `.done`
    Item,
    /// `response.completed` and `response.incomplete`
    End,
    /// `response.failed`
    Failed,
    /// `error`
    Error,
    /// `response.created`, `.in_progress`, `.queued`, the progress of a tool, keep-alives, or new.
    Other,
}

impl EventKind {
    /// By its name, as `event:` or as `type`.
    pub(super) fn of(name: &[u8]) -> Self {
        match name {
            b"response.completed" | b"response.incomplete" => Self::End,
            b"response.failed" => Self::Failed,
            b"error" => Self::Error,
            b"response.output_item.added" | b"response.output_item.done" => Self::Item,
            b"response.content_part.added" | b"response.reasoning_summary_part.added" => {
                Self::Piece
            }
            _ if [&b".delta"[..], b".done", b".partial_image"]
                .iter()
                .any(|end| name.ends_with(end)) =>
            {
                Self::Piece
            }
            _ => Self::Other,
        }
    }

    /// Whether the event decides how the answer ended, so that it must be read.
    pub(super) const fn is_verdict(self) -> bool {
        match self {
            Self::End | Self::Failed | Self::Error => true,
            Self::Piece | Self::Item | Self::Other => false,
        }
    }
}
