//! Answers: evidence from error responses, and the check that a 2xx really is an answer.

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::Shape;
use crate::policy::Evidence;

/// Evidence from an error response (status 300 and above) and what was read of its body (at most 64 kB).
/// `now` turns a Retry-After date into a duration.
#[must_use]
pub fn error_evidence(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Evidence {
    let _ = (status, headers, body, now);
    todo!()
}

/// Looks at the head of a success. `Some`: it cannot be an answer (redirect, HTML, JSON where a stream was
/// asked, ...). When it is `WrongContentType`, the body may say more: [`body_evidence`].
#[must_use]
pub fn head_evidence(status: StatusCode, headers: &HeaderMap, stream: bool) -> Option<Evidence> {
    let _ = (status, headers, stream);
    todo!()
}

/// Looks at a whole, not streamed body of a success: error object, HTML, `null`, empty, malformed, cut.
#[must_use]
pub fn body_evidence(shape: Shape, status: StatusCode, body: &[u8]) -> Option<Evidence> {
    let _ = (shape, status, body);
    todo!()
}

/// Puts a notice in front of the first text of a whole answer. `None`: there is no text to put it before
/// (a tool call, a refusal): the header alone tells.
#[must_use]
pub fn with_notice(shape: Shape, body: &[u8], notice: &str) -> Option<Vec<u8>> {
    let _ = (shape, body, notice);
    todo!()
}
