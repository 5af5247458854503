//! The newest record of each subject, as long as it was not taken back.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::{ask::Kept, part::Table};

/// By subject.
#[derive(Debug)]
pub(super) struct Newest<T>(BTreeMap<String, T>);

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Newest<T> {
    /// The records, by subject.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }

    /// Forgets what no reader wants any more, whichever way its clock goes.
    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.0.retain(|_, record| keep(record));
    }
}

impl<T: DeserializeOwned + Send + 'static> Table for Newest<T> {
    fn take(&mut self, message: &Kept) {
        if message.payload.is_empty() {
            self.0.remove(&message.subject);
            return;
        }
        match serde_json::from_slice(&message.payload) {
            Ok(record) => {
                self.0.insert(message.subject.clone(), record);
            }
            // Written by a version that says it differently: what was known grows old by itself.
            Err(error) => {
                tracing::debug!(%error, subject = message.subject, "a record of the cluster cannot be read");
            }
        }
    }
}
