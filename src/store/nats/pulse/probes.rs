//! What probes found: the stream keeps the last messages of each key, and whoever reads them makes the same of them as
//! the other backends.

use jiff::Timestamp;

use super::{
    super::layout::Stream,
    Pulse,
    ask::{self, Kept},
    part::Table,
};
use crate::{
    model::{ProbeKey, ProbePoint, ProbeRecord},
    store::{StoreError, memory::probes::Probes},
};

/// The most messages that the server stores together.
const TOGETHER: usize = 1_000;

impl Table for Probes {
    fn take(&mut self, message: &Kept) {
        match serde_json::from_slice(&message.payload) {
            // Nothing is forgotten here: every question says how old an answer may be.
            Ok(record) => self.put_at(message.sequence, vec![record]),
            Err(error) => {
                tracing::debug!(%error, subject = message.subject, "a probe of the cluster cannot be read");
            }
        }
    }
}

impl Pulse {
    /// Writes what probes found; all or nothing, except that of more than a thousand each thousand is for itself. When
    /// nobody says whether it was stored, this fails, and putting it again does no harm.
    pub(in crate::store) async fn put_probes(
        &self,
        records: Vec<ProbeRecord>,
    ) -> Result<(), StoreError> {
        let mut messages = Vec::with_capacity(records.len());
        for record in &records {
            let key = record.key();
            let tokens = [key.route.as_str(), &key.subject.to_string()];
            let subject = self.link.layout().subject(Stream::Probes, &tokens);
            messages.push(ask::message(subject, self.packed(record)?));
        }
        while !messages.is_empty() {
            let rest = messages.split_off(messages.len().min(TOGETHER));
            ask::store_all(&self.link, messages).await?;
            messages = rest;
        }
        Ok(())
    }

    /// The latest of each key that was made after a moment, or of all.
    pub(in crate::store) async fn probes(
        &self,
        after: Option<Timestamp>,
    ) -> Result<Vec<ProbeRecord>, StoreError> {
        let now = self.link.clock().now();
        self.probes.read(|probes| probes.latest(after, now)).await
    }

    /// The latest of each key that was kept after a place, and the newest place.
    pub(in crate::store) async fn probes_since(
        &self,
        place: u64,
    ) -> Result<(Vec<ProbeRecord>, u64), StoreError> {
        let now = self.link.clock().now();
        self.probes.read(|probes| probes.since(place, now)).await
    }

    /// The last points of one key, oldest first.
    pub(in crate::store) async fn probe_history(
        &self,
        key: ProbeKey,
    ) -> Result<Vec<ProbePoint>, StoreError> {
        let now = self.link.clock().now();
        self.probes
            .read(|probes| {
                probes.forget(now);
                probes.history(&key)
            })
            .await
    }
}
