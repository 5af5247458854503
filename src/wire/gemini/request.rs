//! What a `gemini-generate` request depends on.
//!
//! Every name is read in both of its spellings, as Google's servers do: `inlineData` and `inline_data`.

use std::borrow::Cow;

use super::{
    super::{
        json::{Malformed, Reader, Text},
        request::Found,
    },
    each,
};
use crate::model::Capability;

/// How deep requests are followed: `countTokens` may hold a whole one.
const DEPTH: u32 = 2;

/// Reads a request body. `false`: not an object.
pub(in crate::wire) fn scan(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    request(reader, found, DEPTH)
}

fn request(reader: &mut Reader<'_>, found: &mut Found, depth: u32) -> Result<bool, Malformed> {
    reader.fields(|reader, key| match &*name(key) {
        b"contents" | b"systemInstruction" => each(reader, |reader| content(reader, found)),
        b"tools" => each(reader, |reader| tool(reader, found)),
        b"toolConfig" => reader
            .fields(|reader, key| match &*name(key) {
                b"functionCallingConfig" => calling(reader, found),
                _ => reader.skip().map(drop),
            })
            .map(drop),
        b"generationConfig" => reader
            .fields(|reader, key| setting(reader, &name(key), found))
            .map(drop),
        b"cachedContent" => {
            let cached = reader.is_filled()?;
            found.need(Capability::CacheControl, cached);
            found.need(Capability::ProviderState, cached);
            Ok(())
        }
        b"generateContentRequest" if depth > 1 => request(reader, found, depth - 1).map(drop),
        // The path names the model; where the body does so, too, both must agree.
        b"model" => found.read_model(reader),
        _ => reader.skip().map(drop),
    })
}

/// A turn of the conversation.
fn content(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    reader.fields(|reader, key| match &*key.bytes() {
        b"parts" => each(reader, |reader| part(reader, found)),
        _ => reader.skip().map(drop),
    })
}

fn part(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    reader.fields(|reader, key| {
        match &*name(key) {
            b"inlineData" => media(reader, found)?,
            b"fileData" => {
                // An uploaded file is there for the account that uploaded it.
                found.need(Capability::ProviderState, true);
                media(reader, found)?;
            }
            b"functionCall"
            | b"functionResponse"
            | b"toolCall"
            | b"toolResponse"
            | b"executableCode"
            | b"codeExecutionResult" => {
                found.read_need(reader, Capability::Tools)?;
            }
            b"thought" => {
                let thought = reader.is_true()?;
                found.need(Capability::Reasoning, thought);
            }
            // Sealed for the model that thought it.
            b"thoughtSignature" => found.read_need(reader, Capability::SignedReasoning)?,
            _ => {
                reader.skip()?;
            }
        }
        Ok(())
    })
}

/// Data or a file: its type says which sense is needed.
fn media(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| {
            if &*name(key) != b"mimeType" {
                return reader.skip().map(drop);
            }
            if let Some(kind) = reader.string()? {
                let kind = kind.bytes().to_ascii_lowercase();
                // The pages of a document are read as images, and a video is both.
                let seen = kind.starts_with(b"image/") || kind == b"application/pdf";
                let video = kind.starts_with(b"video/");
                found.need(Capability::Vision, seen || video);
                found.need(Capability::Audio, video || kind.starts_with(b"audio/"));
            }
            Ok(())
        })
        .map(drop)
}

/// One entry of `tools`: functions of the client's, or a tool that the provider runs (`googleSearch`).
fn tool(reader: &mut Reader<'_>, found: &mut Found) -> Result<bool, Malformed> {
    reader.fields(|reader, key| match &*name(key) {
        b"functionDeclarations" => found.read_need(reader, Capability::Tools),
        // They search what is stored at the provider.
        b"fileSearch" | b"retrieval" => {
            found.need(Capability::Tools, true);
            found.need(Capability::ProviderState, true);
            reader.skip().map(drop)
        }
        // Most are switched on by an empty object.
        _ => {
            found.need(Capability::Tools, true);
            reader.skip().map(drop)
        }
    })
}

/// How functions may be called: `ANY` demands a call, `VALIDATED` binds arguments to their schema.
fn calling(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| {
            if &*key.bytes() != b"mode" {
                return reader.skip().map(drop);
            }
            if let Some(mode) = reader.string()? {
                let mode = mode.bytes().to_ascii_uppercase();
                found.need(Capability::ForcedTools, mode == b"ANY");
                found.need(Capability::StrictTools, mode == b"VALIDATED");
            }
            Ok(())
        })
        .map(drop)
}

/// One field of `generationConfig`.
fn setting(reader: &mut Reader<'_>, name: &[u8], found: &mut Found) -> Result<(), Malformed> {
    match name {
        b"responseSchema" | b"responseJsonSchema" => {
            let demanded = reader.is_filled()?;
            found.need(Capability::JsonSchema, demanded);
            found.structured |= demanded;
        }
        b"responseMimeType" => {
            let kind = reader.string()?;
            found.structured |= kind
                .is_some_and(|kind| matches!(&*kind.bytes(), b"application/json" | b"text/x.enum"));
        }
        b"responseLogprobs" => {
            let asked = reader.is_true()?;
            found.need(Capability::Logprobs, asked);
        }
        b"logprobs" => {
            found.read_need(reader, Capability::Logprobs)?;
        }
        b"thinkingConfig" => thinking(reader, found)?,
        b"speechConfig" => {
            found.read_need(reader, Capability::Audio)?;
        }
        b"responseModalities" => {
            reader.items(|reader| {
                let modality = reader.string()?;
                let audio = modality.is_some_and(|it| it.bytes().eq_ignore_ascii_case(b"audio"));
                found.need(Capability::Audio, audio);
                Ok(())
            })?;
        }
        _ => {
            reader.skip()?;
        }
    }
    Ok(())
}

/// Thinking is needed unless all that is said is a budget of nothing.
fn thinking(reader: &mut Reader<'_>, found: &mut Found) -> Result<(), Malformed> {
    reader
        .fields(|reader, key| {
            let asked = if &*name(key) == b"thinkingBudget" {
                reader.number()? != Some(0)
            } else {
                reader.is_filled()?
            };
            found.need(Capability::Reasoning, asked);
            Ok(())
        })
        .map(drop)
}

/// A key in its usual spelling: `system_instruction` is `systemInstruction`. A line that stands anywhere but between two
/// words makes another key of it.
fn name(key: Text<'_>) -> Cow<'_, [u8]> {
    let written = key.bytes();
    if !written.contains(&b'_') {
        return written;
    }
    let mut name = Vec::with_capacity(written.len());
    let mut bytes = written.iter();
    while let Some(byte) = bytes.next() {
        if *byte != b'_' {
            name.push(*byte);
            continue;
        }
        match bytes.next() {
            Some(letter) if letter.is_ascii_lowercase() && !name.is_empty() => {
                name.push(letter.to_ascii_uppercase());
            }
            Some(_) | None => return written,
        }
    }
    Cow::Owned(name)
}
