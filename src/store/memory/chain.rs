//! The audit as a chain, in memory.

use jiff::Timestamp;
use serde_json::Value;

use super::Memory;
use crate::{
    model::{Anchor, AuditRecord, Seal, SealedRecord},
    store::{
        AuditProof, Cut, StoreError,
        chain::{Beside, Check, StoredRecord},
    },
};

/// Oldest first, with what was removed.
#[derive(Debug, Default)]
pub(super) struct Audit {
    all: Vec<(AuditRecord, Seal)>,
    cut: Option<Cut>,
}

impl Audit {
    /// The number of the newest record.
    pub(super) fn newest(&self) -> u64 {
        self.head().sequence
    }

    pub(super) fn records(&self) -> impl DoubleEndedIterator<Item = &AuditRecord> {
        self.all.iter().map(|(record, _)| record)
    }

    /// Seals records and adds them.
    pub(super) fn append(&mut self, records: Vec<AuditRecord>) {
        for record in records {
            let seal = self.head().seal.over(&value(&record));
            self.all.push((record, seal));
        }
    }

    /// Removes the oldest, up to the first that is not too old; answers how many.
    pub(super) fn forget(&mut self, before: Timestamp, now: Timestamp) -> u64 {
        let kept = self.records().position(|record| record.at >= before);
        let gone: Vec<_> = self.all.drain(..kept.unwrap_or(self.all.len())).collect();
        if let Some((record, seal)) = gone.last() {
            self.cut = Some(Cut {
                through: Anchor {
                    sequence: record.sequence,
                    seal: *seal,
                },
                at: now,
                records: self.cut.map_or(0, |cut| cut.records) + gone.len() as u64,
            });
        }
        gone.len() as u64
    }

    fn head(&self) -> Anchor {
        let none = Anchor {
            sequence: 0,
            seal: Seal::FIRST,
        };
        let newest = self.all.last().map(|(record, seal)| Anchor {
            sequence: record.sequence,
            seal: *seal,
        });
        newest.unwrap_or(self.cut.map_or(none, |cut| cut.through))
    }
}

/// A record as JSON. Ours have text for keys, so this cannot fail.
fn value(record: &AuditRecord) -> Value {
    serde_json::to_value(record).unwrap_or_default()
}

impl Memory {
    pub(in crate::store) async fn prove_audit(
        &self,
        named: Vec<Anchor>,
    ) -> Result<AuditProof, StoreError> {
        let tables = self.read()?;
        let audit = &tables.audit;
        let mut check = Check::new(audit.cut, None, named.iter().copied());
        for (record, seal) in &audit.all {
            check.add(StoredRecord {
                sequence: record.sequence,
                at: record.at.as_microsecond(),
                target: record.key.target(),
                revision: record.revision.0,
                record: &value(record).to_string(),
                seal: Some(&seal.to_string()),
            });
        }
        Ok(check.finish(Beside {
            newest: audit.newest(),
            overrides: (**self.shared.overrides.borrow()).clone(),
            bases: Vec::new(),
            named,
        }))
    }

    pub(in crate::store) async fn sealed(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<SealedRecord>, StoreError> {
        let tables = self.read()?;
        let audit = &tables.audit;
        let mut previous = audit.cut.map_or(Seal::FIRST, |cut| cut.through.seal);
        let mut found = Vec::new();
        for (record, seal) in &audit.all {
            if record.sequence > after && found.len() < limit {
                found.push(SealedRecord {
                    previous,
                    seal: Some(*seal),
                    record: value(record),
                });
            }
            previous = *seal;
        }
        Ok(found)
    }

    pub(in crate::store) async fn audit_head(&self) -> Result<Anchor, StoreError> {
        Ok(self.read()?.audit.head())
    }
}
