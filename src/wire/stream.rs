//! Server-sent events as they pass: finds the commit point, errors and the end marker; changes no byte.

use bytes::Bytes;

use crate::{model::Family, policy::ProviderError};

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

/// Watches one stream of a family. Bytes may be split anywhere.
#[derive(Debug)]
pub struct Watch {}

impl Watch {
    /// A watch at the start of a stream.
    #[must_use]
    pub fn new(family: Family) -> Self {
        let _ = family;
        todo!()
    }

    /// Looks at the next bytes and answers what was seen so far.
    pub fn push(&mut self, bytes: &[u8]) -> &Seen {
        let _ = bytes;
        todo!()
    }

    /// Given that `bytes` are the next to be pushed: the offset in them at which an inline notice can be
    /// put, just before the event that holds the first text. `None`: not in these bytes.
    #[must_use]
    pub fn notice_offset(&self, bytes: &[u8]) -> Option<usize> {
        let _ = bytes;
        todo!()
    }
}

/// An inline notice as an event of the family, to be put at [`Watch::notice_offset`].
#[must_use]
pub fn notice_event(family: Family, notice: &str) -> Bytes {
    let _ = (family, notice);
    todo!()
}
