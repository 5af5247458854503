//! Finds what an undo would put back: the newest own change that is still its key's last one, or the named
//! one.
//!
//! Pure over audit records that the door has read.

use jiff::Timestamp;

use super::{
    ControlError,
    intent::{DEFAULT_LASTING, Intent, end},
};
use crate::model::{Actor, AuditRecord, Change, Overrides, Verb};

/// Whether a record is this actor's own.
fn own(record: &AuditRecord, actor: &Actor) -> bool {
    record.actor.user == actor.user
        && record.actor.host == actor.host
        && record.actor.declared == actor.declared
}

/// Whether a record is the last word on its key, and what it set is still in force.
fn stands(record: &AuditRecord, overrides: &Overrides, now: Timestamp) -> bool {
    overrides.expected(&record.key) == record.revision
        && overrides.active(&record.key, now).map(|entry| entry.change) == record.after
}

/// Chooses the record to undo. `records` are oldest first.
///
/// Without a name, undos themselves are passed over: pressing undo twice goes back two changes, it does not
/// redo the first.
pub(super) fn choose<'a>(
    records: &'a [AuditRecord],
    sequence: Option<u64>,
    actor: &Actor,
    overrides: &Overrides,
    now: Timestamp,
) -> Result<&'a AuditRecord, ControlError> {
    let replaced = |record: &AuditRecord| ControlError::Replaced {
        sequence: record.sequence,
        target: record.key.to_string(),
        current: overrides.expected(&record.key),
    };
    if let Some(sequence) = sequence {
        let record = records
            .iter()
            .find(|record| record.sequence == sequence && record.verb.is_some())
            .ok_or(ControlError::NothingToUndo)?;
        return if stands(record, overrides, now) {
            Ok(record)
        } else {
            Err(replaced(record))
        };
    }
    let mine = || {
        records.iter().rev().filter(|record| {
            own(record, actor) && record.verb.is_some_and(|verb| verb != Verb::Undo)
        })
    };
    if let Some(record) = mine().find(|record| stands(record, overrides, now)) {
        return Ok(record);
    }
    // The newest own change was replaced: by an own undo that is no news, by somebody else it is.
    match mine().next() {
        Some(record) if last_of(records, record).is_some_and(|last| !own(last, actor)) => {
            Err(replaced(record))
        }
        Some(_) | None => Err(ControlError::NothingToUndo),
    }
}

fn last_of<'a>(records: &'a [AuditRecord], of: &AuditRecord) -> Option<&'a AuditRecord> {
    records.iter().rev().find(|record| record.key == of.key)
}

/// The intent that puts back what was in force before `record`, with what was left of its time.
pub(super) fn intent(
    record: &AuditRecord,
    records: &[AuditRecord],
    overrides: &Overrides,
    now: Timestamp,
) -> Intent {
    let earlier = predecessor(record, records);
    let mut after = record.before;
    let mut expires = earlier.and_then(|earlier| earlier.expires);
    if expires.is_some_and(|expires| expires <= now) {
        (after, expires) = (None, None);
    }
    let mut intent = Intent {
        verb: Verb::Undo,
        key: record.key.clone(),
        before: overrides.active(&record.key, now).map(|entry| entry.change),
        after,
        expires: after.and(expires),
        undoes: Some(record.sequence),
    };
    if earlier.is_none() && intent.must_expire() {
        // The record that knew its end is gone with the retention; it must not become endless.
        intent.expires = end(now, DEFAULT_LASTING);
    }
    intent
}

/// Whether what an undo puts back had been set by breaking glass: the mark comes back with it.
pub(super) fn restores_break_glass(
    sequence: u64,
    after: Option<Change>,
    records: &[AuditRecord],
) -> bool {
    after.is_some()
        && records
            .iter()
            .find(|record| record.sequence == sequence)
            .and_then(|record| predecessor(record, records))
            .is_some_and(|earlier| earlier.break_glass)
}

/// The change that made what `record` replaced.
fn predecessor<'a>(record: &AuditRecord, records: &'a [AuditRecord]) -> Option<&'a AuditRecord> {
    records
        .iter()
        .rev()
        .find(|earlier| earlier.key == record.key && earlier.sequence < record.sequence)
        .filter(|earlier| earlier.after == record.before)
}
