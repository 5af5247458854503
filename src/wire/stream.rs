//! Server-sent events as they pass: finds the commit point, errors and the end marker, and passes on only
//! whole events. Changes no byte, except for an inline notice that is asked for.
//!
//! The gateway pushes what comes from upstream and sends what comes out. It holds that back itself until
//! [`Seen::output`] (or the end) and so decides what is still a fallback.

use bytes::Bytes;

use super::Shape;
use crate::policy::{Evidence, ProviderError};

/// What a watched stream has shown so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The first semantic output has passed: the commit point.
    pub output: bool,
    /// The family's end marker has passed.
    pub end: bool,
    /// An error event has passed.
    pub error: Option<ProviderError>,
    /// Something that is not an event stream, or an event whose data is not JSON, has passed.
    pub malformed: bool,
}

/// Watches one stream of a shape. Bytes may be split anywhere.
#[derive(Debug)]
pub struct Watch {}

impl Watch {
    /// A watch at the start of a stream.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let _ = shape;
        todo!()
    }

    /// A watch that also puts a notice in front of the first text.
    #[must_use]
    pub fn with_notice(shape: Shape, notice: &str) -> Self {
        let _ = (shape, notice);
        todo!()
    }

    /// Looks at the next bytes; appends to `out` what may go on: whole events, as slices of what was pushed.
    ///
    /// The beginning of an event stays here until its end comes, so that a stream that is cut can be ended
    /// with an error event that the client can read ([`super::error_body::stream_event`]).
    pub fn push(&mut self, bytes: Bytes, out: &mut Vec<Bytes>) -> &Seen {
        let _ = (bytes, out);
        todo!()
    }

    /// The upstream ended without a fault of the connection: what is still here counts and goes on.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> &Seen {
        let _ = out;
        todo!()
    }

    /// What was seen so far.
    #[must_use]
    pub fn seen(&self) -> &Seen {
        todo!()
    }

    /// Whether the notice stands in what has come out.
    #[must_use]
    pub fn notice_given(&self) -> bool {
        todo!()
    }

    /// Why this is no answer, from what was seen so far: an error event, or malformed. `None`: go on.
    #[must_use]
    pub fn evidence(&self) -> Option<Evidence> {
        todo!()
    }

    /// Why this was no answer, after [`Watch::finish`]: the above, or empty, or no end marker.
    #[must_use]
    pub fn evidence_at_end(&self) -> Option<Evidence> {
        todo!()
    }
}
