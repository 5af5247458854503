//! A message of the stream, as it was read.

use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use jiff::Timestamp;

use super::pack::{self, CODING_HEADER, ENTRIES_HEADER, Summary, TALLY_HEADER};
use crate::model::{Entry, Seq};

/// A message of the stream.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) sequence: u64,
    /// When a server took it.
    pub(super) stored: Timestamp,
    pub(super) headers: HeaderMap,
    pub(super) payload: Bytes,
}

impl Message {
    /// Its entries and their places.
    pub(super) fn entries(&self) -> Vec<(Seq, Entry)> {
        let coding = self.headers.get(CODING_HEADER).map(HeaderValue::as_str);
        match pack::unpack(&self.payload, coding) {
            Ok(entries) => entries
                .into_iter()
                .map(|(index, entry)| (pack::place(self.sequence, index), entry))
                .collect(),
            Err(error) => {
                tracing::warn!(sequence = self.sequence, %error, "events could not be read");
                Vec::new()
            }
        }
    }

    /// What its headers say of them.
    pub(super) fn summary(&self) -> Option<Summary> {
        let text = |name| self.headers.get(name).map_or("", |value| value.as_str());
        Summary::read(text(ENTRIES_HEADER), text(TALLY_HEADER))
    }

    /// How much it is.
    pub(super) fn size(&self) -> usize {
        self.payload.len() + 200
    }
}
