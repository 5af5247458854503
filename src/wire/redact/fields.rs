//! What the names of fields say about what is in them: data, somebody's name, a secret, the name of a call.

use std::borrow::Cow;

use super::{Place, media::StandIn, net::GONE};
use crate::wire::json::{Malformed, Reader};

/// What an object holds, before it is walked.
#[derive(Default)]
pub(super) struct Look {
    /// What stands in for its data, when it is data.
    pub(super) media: Option<StandIn>,
    /// It holds data as base64.
    pub(super) data: bool,
    /// It names a picture by its address.
    pub(super) remote: bool,
}

impl Look {
    pub(super) fn at(mut reader: Reader<'_>, key: &str) -> Result<Self, Malformed> {
        let mut look = Self::default();
        if !matches!(key, "source" | "inlineData" | "inline_data" | "input_audio") {
            return Ok(look);
        }
        let (mut kind, mut media, mut data) = (None, None, false);
        reader.fields(|reader, key| {
            match &*key.bytes() {
                b"type" => kind = plain(reader)?,
                b"media_type" | b"mimeType" | b"mime_type" | b"format" => media = plain(reader)?,
                b"data" => data = reader.is_filled()?,
                _ => return reader.skip().map(drop),
            }
            Ok(())
        })?;
        // A document may be text as it is.
        look.data = data && kind.as_deref() != Some("text");
        look.remote = kind.as_deref() == Some("url");
        if look.data {
            look.media = media.and_then(|media| StandIn::of(&media));
        }
        Ok(look)
    }
}

fn plain(reader: &mut Reader<'_>) -> Result<Option<String>, Malformed> {
    Ok(reader
        .string()?
        .and_then(|text| text.text().map(Cow::into_owned)))
}

/// Whether a block of content is a document.
pub(super) fn is_document(mut reader: Reader<'_>) -> Result<bool, Malformed> {
    let mut document = false;
    reader.fields(|reader, key| {
        if &*key.bytes() != b"type" {
            return reader.skip().map(drop);
        }
        document = reader
            .string()?
            .is_some_and(|kind| &*kind.bytes() == b"document");
        Ok(())
    })?;
    Ok(document)
}

/// The names of a call and of what answers it.
pub(super) fn is_call_name(key: &str) -> bool {
    matches!(
        key,
        "id" | "call_id" | "callId" | "tool_call_id" | "tool_use_id"
    )
}

/// What is replaced as a whole, because its field says that it is somebody's name or a secret.
pub(super) fn whole(text: &str, place: Place<'_>) -> Option<String> {
    if place.key == "filename" || place.key == "file_name" {
        let end = text.rsplit_once('.').map_or("", |(_, end)| end);
        let plain = end.len() <= 4 && end.bytes().all(|byte| byte.is_ascii_alphabetic());
        return Some(format!("file.{}", if plain { end } else { "txt" }));
    }
    let person = matches!(
        place.key,
        "user"
            | "user_id"
            | "userId"
            | "username"
            | "safety_identifier"
            | "prompt_cache_key"
            | "session_id"
            | "displayName"
            | "display_name"
            | "first_name"
            | "last_name"
            | "full_name"
            | "address"
            | "street"
    );
    let speaker = place.parent == "messages" && place.key == "name";
    let labels = place.root == "metadata" || place.root == "labels";
    (person || speaker || labels || is_secret(place.key)).then(|| GONE.to_owned())
}

/// Whether a field is called like a secret.
fn is_secret(key: &str) -> bool {
    const WORDS: [&str; 8] = [
        "password",
        "passwd",
        "secret",
        "apikey",
        "token",
        "authorization",
        "credential",
        "cookie",
    ];
    let plain: String = key
        .chars()
        .filter(|c| !matches!(c, '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    WORDS.iter().any(|word| plain.contains(word))
}
