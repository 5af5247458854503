//! The request body: read what policy needs in one pass, replace only `model`, copy nothing else.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use http::HeaderMap;

use super::Shape;
use crate::policy::RequestFacts;

/// What one pass over a request body finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// For the policy. `client_retries` comes from the headers; `replayable` is for the caller to set.
    pub facts: RequestFacts,
    /// Where the value of the top-level `model` stands, quotes included.
    pub model: Range<usize>,
    /// The answer must be of a given form (a JSON schema or any JSON): a notice inside would break it.
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

/// Scans a body without building a tree.
pub fn scan(shape: Shape, headers: &HeaderMap, body: &[u8]) -> Result<Scan, ScanError> {
    let _ = (shape, headers, body);
    todo!()
}

/// The `model` value of a scanned body. `None`: not UTF-8 or a broken escape.
#[must_use]
pub fn model<'a>(scan: &Scan, body: &'a [u8]) -> Option<Cow<'a, str>> {
    let _ = (scan, body);
    todo!()
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
