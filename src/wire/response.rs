//! Answers: evidence from error responses, and the check that a 2xx really is an answer.
//!
//! Used by the gateway. It says what was seen; `policy::classify` says what that means.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use super::{
    Call, Shape, Verb, anthropic, gemini,
    json::{Kind, Malformed, Reader, escaped},
    openai, openai_embeddings, openai_responses, provider_error, retry_after,
};
use crate::policy::{BrokenKind, Evidence, ProviderError};

/// What the family's file finds in a whole answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Where an error object stands.
    pub(super) error: Option<Range<usize>>,
    /// It has what an answer of the family must have.
    pub(super) shaped: bool,
    /// Where the first text begins, after its quote.
    pub(super) text: Option<usize>,
}

/// Evidence from an error response (status 300 and above) and what was read of its body (at most 64 kB).
/// `now` turns a Retry-After date into a duration.
#[must_use]
pub fn error_evidence(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Evidence {
    if status.is_redirection() {
        return broken(BrokenKind::Redirect, status, ProviderError::default());
    }
    Evidence::Response {
        status: status.as_u16(),
        error: provider_error::read(body),
        retry_after: retry_after::of_answer(
            status,
            headers,
            || provider_error::retry_delay(body),
            now,
        ),
    }
}

/// Looks at the head of a success. `Some`: it cannot be an answer (redirect, HTML, JSON where a stream was
/// asked, ...). When it is `WrongContentType`, the body may say more: [`body_evidence`].
///
/// `events`: whether an event stream was asked. A missing content type is let through: the body is looked at
/// anyway.
#[must_use]
pub fn head_evidence(status: StatusCode, headers: &HeaderMap, events: bool) -> Option<Evidence> {
    let no_error = ProviderError::default();
    if status.is_redirection() {
        return Some(broken(BrokenKind::Redirect, status, no_error));
    }
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
        return Some(broken(BrokenKind::Empty, status, no_error));
    }
    // Asked for `identity`; what comes encoded all the same cannot be checked.
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity");
    if encoded {
        return Some(broken(BrokenKind::WrongContentType, status, no_error));
    }
    let is = |kind: &str| {
        headers
            .get(header::CONTENT_TYPE)
            .map(HeaderValue::as_bytes)
            .and_then(|value| value.get(..kind.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(kind.as_bytes()))
    };
    if is("text/html") || is("application/xhtml") {
        return Some(broken(BrokenKind::Html, status, no_error));
    }
    let wrong = if events {
        is("application/json") || is("application/problem+json")
    } else {
        is("text/event-stream")
    };
    wrong.then(|| broken(BrokenKind::WrongContentType, status, no_error))
}

/// Looks at a whole, not streamed body of a success: error object, HTML, `null`, empty, malformed, cut.
#[must_use]
pub fn body_evidence(call: impl Into<Call>, status: StatusCode, body: &[u8]) -> Option<Evidence> {
    let no_error = ProviderError::default();
    let kind = match read(call.into(), body) {
        Ok(Answer {
            error: Some(place), ..
        }) => {
            let object = body.get(place).unwrap_or_default();
            return Some(Evidence::Broken {
                kind: BrokenKind::ErrorInsideSuccess,
                error: provider_error::read(object),
                status: Some(status.as_u16()),
                retry_after: provider_error::retry_delay(object),
            });
        }
        Ok(Answer { shaped: true, .. }) => return None,
        Ok(Answer { shaped: false, .. }) => BrokenKind::Malformed,
        Err(malformed) => match body.trim_ascii_start().first() {
            None => BrokenKind::Empty,
            Some(b'<') => BrokenKind::Html,
            Some(_) if malformed.cut => BrokenKind::Cut,
            Some(_) => BrokenKind::Malformed,
        },
    };
    Some(broken(kind, status, no_error))
}

/// The same evidence, with the hint of the answer's head when it has one: there it outweighs the body's.
#[must_use]
pub fn with_hint(mut evidence: Evidence, headers: &HeaderMap, now: Timestamp) -> Evidence {
    if let Evidence::Broken {
        error, retry_after, ..
    } = &mut evidence
        && *error != ProviderError::default()
    {
        *retry_after = retry_after::of_headers(headers, now).or(*retry_after);
    }
    evidence
}

/// Puts a notice in front of the first text of a whole answer. `None`: there is no text to put it before
/// (a tool call, a refusal): the header alone tells.
#[must_use]
pub fn with_notice(call: impl Into<Call>, body: &[u8], notice: &str) -> Option<Vec<u8>> {
    let at = read(call.into(), body).ok()?.text?;
    spliced(body, at, &notice_text(notice))
}

/// A notice as it stands inside a JSON string, with an empty line after it.
pub(super) fn notice_text(notice: &str) -> String {
    escaped(notice) + "\\n\\n"
}

/// The bytes with a piece put in at an offset.
pub(super) fn spliced(bytes: &[u8], at: usize, piece: &str) -> Option<Vec<u8>> {
    let (before, after) = bytes.split_at_checked(at)?;
    Some([before, piece.as_bytes(), after].concat())
}

/// Reads a whole answer to its end.
fn read(call: Call, body: &[u8]) -> Result<Answer, Malformed> {
    let mut reader = Reader::new(body);
    let answer = match (call.shape, call.verb) {
        (Shape::OpenaiChat, _) => openai::answer(&mut reader)?,
        (Shape::OpenaiResponses, Verb::Generate | Verb::Stream(_) | Verb::Compact) => {
            openai_responses::answer(&mut reader)?
        }
        (Shape::OpenaiEmbeddings, _) => openai_embeddings::answer(&mut reader)?,
        (Shape::AnthropicMessages, Verb::Generate | Verb::Stream(_) | Verb::Compact) => {
            anthropic::answer(&mut reader)?
        }
        (Shape::OpenaiResponses | Shape::AnthropicMessages, Verb::CountTokens) => {
            count(&mut reader, b"input_tokens")?
        }
        (Shape::GeminiGenerate, Verb::Generate | Verb::Stream(_) | Verb::Compact) => {
            gemini::answer(&mut reader)?
        }
        (Shape::GeminiGenerate, Verb::CountTokens) => count(&mut reader, b"totalTokens")?,
    };
    reader.end()?;
    Ok(answer)
}

/// A count of tokens: a number by this name.
fn count(reader: &mut Reader<'_>, name: &[u8]) -> Result<Answer, Malformed> {
    let mut answer = Answer::default();
    reader.fields(|reader, key| match &*key.bytes() {
        b"error" => reader.filled().map(|place| answer.error = place),
        found if found == name => {
            answer.shaped = reader.kind()? == Kind::Number;
            reader.skip().map(drop)
        }
        _ => reader.skip().map(drop),
    })?;
    Ok(answer)
}

/// In a list of content blocks: where the text of the first text block begins. Both families write them so.
pub(super) fn first_text_block(reader: &mut Reader<'_>) -> Result<Option<usize>, Malformed> {
    let mut first = None;
    reader.items(|reader| {
        let (mut textual, mut text) = (false, None);
        reader.fields(|reader, key| match &*key.bytes() {
            b"type" => {
                let kind = reader.string()?;
                textual = kind.is_some_and(|kind| &*kind.bytes() == b"text");
                Ok(())
            }
            b"text" => reader.string().map(|value| text = value),
            _ => reader.skip().map(drop),
        })?;
        let place = text
            .filter(|text| textual && !text.is_empty())
            .map(|text| text.inside_start());
        first = first.or(place);
        Ok(())
    })?;
    Ok(first)
}

fn broken(kind: BrokenKind, status: StatusCode, error: ProviderError) -> Evidence {
    Evidence::Broken {
        kind,
        error,
        status: Some(status.as_u16()),
        retry_after: None,
    }
}
