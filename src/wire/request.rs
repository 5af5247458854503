//! The request body: read what policy needs in one pass, replace only `model`, copy nothing else.

use std::ops::Range;

use bytes::Bytes;
use http::HeaderMap;

use crate::{model::Family, policy::RequestFacts};

/// What one pass over a request body finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// For the policy. `client_retries` comes from the headers.
    pub facts: RequestFacts,
    /// Where the value of the top-level `model` stands, quotes included.
    pub model: Option<Range<usize>>,
}

/// The body is not what the family asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// Not a JSON object.
    #[error("the request body is not a JSON object (byte {at})")]
    NotJson {
        /// Where reading stopped.
        at: usize,
    },
    /// No `model`, where the family needs one.
    #[error("the request body has no \"model\"")]
    NoModel,
}

/// Scans a body without building a tree.
pub fn scan(family: Family, headers: &HeaderMap, body: &[u8]) -> Result<Scan, ScanError> {
    let _ = (family, headers, body);
    todo!()
}

/// The `model` value of a scanned body, unescaped only when it is plain.
#[must_use]
pub fn model<'a>(scan: &Scan, body: &'a [u8]) -> Option<&'a str> {
    let _ = (scan, body);
    todo!()
}

/// The body in three slices, the middle one being the new model as a JSON string. No copy of the rest.
#[must_use]
pub fn with_model(body: &Bytes, place: &Range<usize>, model: &str) -> [Bytes; 3] {
    let _ = (body, place, model);
    todo!()
}
