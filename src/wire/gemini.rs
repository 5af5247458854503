//! What is special about `gemini-generate`: path, authentication, where answers keep what.
//!
//! The model stands in the path, and the method behind it says whether the answer is a stream. What requests
//! keep where is the part of [`request`], what request lines say that of [`mod@line`].

pub(super) mod line;
pub(super) mod request;

use http::{HeaderName, HeaderValue, header::InvalidHeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{
    Verb,
    json::{Kind, Malformed, Reader},
    response::Answer,
    stream::{Chunk, Turns},
};

/// What must not stand in a path as it is. A slash may: it is part of some models' resource names.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The path below a base URL. One without a version gets `/v1beta`, which all SDKs ask; one that names a
/// version anywhere is complete, so that Vertex bases (`.../v1/projects/P/locations/L/publishers/google`)
/// work as they are.
pub(super) fn upstream_path(prefix: &str, model: &str, verb: Verb) -> String {
    let version = if prefix.split('/').any(is_version) {
        ""
    } else {
        "/v1beta"
    };
    let model = resource(model);
    let model = utf8_percent_encode(&model, PATH);
    let method = match verb {
        Verb::Generate | Verb::Compact => "generateContent",
        Verb::Stream(_) => "streamGenerateContent",
        Verb::CountTokens => "countTokens",
    };
    format!("{prefix}{version}/{model}:{method}")
}

/// `v1`, `v1beta`, `v1beta1`, `v1alpha`, and what may follow.
pub(super) fn is_version(segment: &str) -> bool {
    let mut letters = segment.bytes();
    letters.next() == Some(b'v')
        && letters.next().is_some_and(|letter| letter.is_ascii_digit())
        && letters.all(|letter| letter.is_ascii_alphanumeric())
}

/// The resource name of a configured model: `models/` stands before a plain one. `tunedModels/x` and the
/// like are complete.
pub(super) fn resource(model: &str) -> String {
    if model.contains('/') {
        model.to_owned()
    } else {
        format!("models/{model}")
    }
}

/// `x-goog-api-key: key`.
pub(super) fn credential(key: &str) -> Result<(HeaderName, HeaderValue), InvalidHeaderValue> {
    HeaderValue::try_from(key).map(|value| (HeaderName::from_static("x-goog-api-key"), value))
}

/// Reads a whole answer. A usable one has a candidate, or says why the prompt was blocked: that is an answer
/// and no fault of the route. Some servers wrap an error into a list.
pub(super) fn answer(reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    each(reader, |reader| {
        reader.fields(|reader, key| match &*key.bytes() {
            b"error" => reader.filled().map(|place| answer.error = place),
            b"candidates" => reader
                .items(|reader| {
                    // Only the first candidate carries the notice.
                    let first = !std::mem::replace(&mut answer.shaped, true);
                    let candidate = candidate(reader)?;
                    answer.text = answer.text.or(candidate.text.filter(|_| first));
                    Ok(())
                })
                .map(drop),
            b"promptFeedback" => {
                answer.shaped |= reader.is_filled()?;
                Ok(())
            }
            _ => reader.skip().map(drop),
        })
    })?;
    Ok(answer)
}

/// Reads one answer of a stream: the data of an event, or an element of the array.
pub(super) fn chunk(reader: &mut Reader<'_>) -> Result<Chunk, Malformed> {
    let mut chunk = Chunk::default();
    let mut turns = Turns::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"error" => reader.filled().map(|place| chunk.error = place),
        b"candidates" => reader
            .items(|reader| {
                let candidate = candidate(reader)?;
                chunk.output |= candidate.output;
                chunk.text = chunk.text.or(candidate.text);
                turns.note(candidate.index, candidate.finished);
                Ok(())
            })
            .map(drop),
        b"promptFeedback" => reader
            .fields(|reader, key| match &*key.bytes() {
                // There will be no candidate.
                b"blockReason" => {
                    let blocked = reader.is_filled()?;
                    turns.note_blocked(blocked);
                    Ok(())
                }
                _ => reader.skip().map(drop),
            })
            .map(drop),
        _ => reader.skip().map(drop),
    })?;
    chunk.turns = turns;
    Ok(chunk)
}

/// One of the alternatives that a request may ask for; nearly always the only one.
#[derive(Debug, Default)]
struct Candidate {
    index: u32,
    output: bool,
    finished: bool,
    /// Where the first text that the user sees begins.
    text: Option<usize>,
}

fn candidate(reader: &mut Reader<'_>) -> Result<Candidate, Malformed> {
    let mut candidate = Candidate::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"content" => reader
            .fields(|reader, key| match &*key.bytes() {
                b"parts" => reader
                    .items(|reader| part(reader, &mut candidate))
                    .map(drop),
                _ => reader.skip().map(drop),
            })
            .map(drop),
        b"finishReason" => reader
            .is_filled()
            .map(|finished| candidate.finished = finished),
        b"index" => reader
            .number()
            .map(|index| candidate.index = index.unwrap_or_default()),
        _ => reader.skip().map(drop),
    })?;
    Ok(candidate)
}

/// One part. Empty texts and signatures alone are not output; what is new is, so that nothing that may have
/// been shown is ever switched.
fn part(reader: &mut Reader<'_>, candidate: &mut Candidate) -> Result<(), Malformed> {
    let (mut thought, mut text) = (false, None);
    reader.fields(|reader, key| match &*key.bytes() {
        b"text" => {
            text = reader.string()?.filter(|text| !text.is_empty());
            candidate.output |= text.is_some();
            Ok(())
        }
        b"thought" => reader.is_true().map(|is| thought = is),
        b"thoughtSignature" | b"partMetadata" => reader.skip().map(drop),
        _ => {
            candidate.output |= reader.is_filled()?;
            Ok(())
        }
    })?;
    let shown = text.filter(|_| !thought).map(|text| text.inside_start());
    candidate.text = candidate.text.or(shown);
    Ok(())
}

/// Reads a list, or one value where a list belongs: Google's servers take that for a list of one.
fn each(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<bool, Malformed>,
) -> Result<(), Malformed> {
    if reader.kind()? == Kind::Array {
        reader.items(|reader| read(reader).map(drop)).map(drop)
    } else {
        read(reader).map(drop)
    }
}
