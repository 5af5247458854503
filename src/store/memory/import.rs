//! Taking in entries that were exported, in memory.

use super::{Memory, decision};
use crate::{
    model::Entry,
    store::{Added, StoreError},
};

impl Memory {
    pub(in crate::store) fn import(&self, entries: Vec<Entry>) -> Result<Added, StoreError> {
        let mut added = Added::default();
        for entry in entries {
            let tables = self.write()?;
            let is_new = match &entry {
                Entry::Decision(event) => !tables
                    .log
                    .values()
                    .filter_map(decision)
                    .any(|held| held.id == event.id),
                Entry::Outcome(outcome) => !tables.outcomes.contains_key(&outcome.event),
            };
            drop(tables);
            added.count(&entry, is_new);
            if is_new {
                self.shared.append(entry);
            }
        }
        Ok(added)
    }
}
