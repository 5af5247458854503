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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::fixture::{actor, now, overrides, seconds, set},
        model::{Mode, OverrideKey, ReasonCode, Revision},
    };

    const FORCE: Option<Change> = Some(Change::Mode(Mode::Force));
    const HOLD: Option<Change> = Some(Change::Mode(Mode::Hold));

    fn record(
        sequence: u64,
        user: &str,
        verb: Option<Verb>,
        workload: &str,
        before: Option<Change>,
        after: Option<Change>,
    ) -> AuditRecord {
        AuditRecord {
            sequence,
            at: seconds(-600),
            actor: actor(user),
            verb,
            key: OverrideKey::mode(workload.into()),
            before,
            after,
            expires: after.map(|_| seconds(600)),
            reason: ReasonCode::ServerErrors,
            note: String::new(),
            ticket: None,
            revision: Revision(sequence),
            plan: None,
            undoes: None,
            break_glass: false,
        }
    }

    /// The table that a history leads to.
    fn table(records: &[AuditRecord]) -> Overrides {
        let mut table = Overrides::default();
        for record in records {
            let entry = (
                record.key.clone(),
                set(Change::Drain, &record.actor.user, record.expires),
            );
            let mut one = overrides(vec![entry]);
            let slot = one.slots.get_mut(&record.key).unwrap();
            slot.revision = record.revision;
            slot.current = slot
                .current
                .take()
                .zip(record.after)
                .map(|(current, change)| crate::model::Override { change, ..current });
            table.slots.append(&mut one.slots);
            table.revision = record.revision;
        }
        table
    }

    #[test]
    fn the_newest_own_change_that_stands_is_chosen() {
        let force = |sequence, user| record(sequence, user, Some(Verb::Force), "chat", None, FORCE);
        let undo = |sequence, user| record(sequence, user, Some(Verb::Undo), "chat", FORCE, None);
        let other = |sequence, user| record(sequence, user, Some(Verb::Hold), "batch", None, HOLD);
        let expired = |sequence| record(sequence, "backstop", None, "chat", FORCE, None);
        for (case, records, named, chosen) in [
            ("nothing was ever changed", vec![], None, Err("nothing")),
            ("the only one", vec![force(1, "jo")], None, Ok(1)),
            (
                "somebody else's",
                vec![force(1, "mira")],
                None,
                Err("nothing"),
            ),
            (
                "somebody else's, by its number",
                vec![force(1, "mira")],
                Some(1),
                Ok(1),
            ),
            (
                "no such number",
                vec![force(1, "jo")],
                Some(2),
                Err("nothing"),
            ),
            (
                "the newer of two",
                vec![force(1, "jo"), other(2, "jo")],
                None,
                Ok(2),
            ),
            (
                "behind an own undo comes the change before",
                vec![other(1, "jo"), force(2, "jo"), undo(3, "jo")],
                None,
                Ok(1),
            ),
            (
                "all undone",
                vec![force(1, "jo"), undo(2, "jo")],
                None,
                Err("nothing"),
            ),
            (
                "an undo can be undone by its number",
                vec![force(1, "jo"), undo(2, "jo")],
                Some(2),
                Ok(2),
            ),
            (
                "replaced by somebody else",
                vec![force(1, "jo"), undo(2, "mira")],
                None,
                Err("replaced"),
            ),
            (
                "replaced, by its number",
                vec![force(1, "jo"), undo(2, "jo")],
                Some(1),
                Err("replaced"),
            ),
            (
                "it ended by itself",
                vec![force(1, "jo"), expired(2)],
                None,
                Err("replaced"),
            ),
            (
                "an expiry is nobody's to undo",
                vec![force(1, "jo"), expired(2)],
                Some(2),
                Err("nothing"),
            ),
        ] {
            let found = choose(&records, named, &actor("jo"), &table(&records), now());
            let found = match &found {
                Ok(record) => Ok(record.sequence),
                Err(ControlError::NothingToUndo) => Err("nothing"),
                Err(ControlError::Replaced { .. }) => Err("replaced"),
                Err(other) => panic!("{case}: {other}"),
            };
            assert_eq!(found, chosen, "{case}");
        }
    }

    #[test]
    fn a_change_whose_time_is_up_is_not_there_to_undo() {
        let mut force = record(1, "jo", Some(Verb::Force), "chat", None, FORCE);
        force.expires = Some(seconds(-1));
        let records = vec![force];
        let found = choose(&records, None, &actor("jo"), &table(&records), now());
        assert!(
            matches!(found, Err(ControlError::NothingToUndo)),
            "{found:?}"
        );
    }

    #[test]
    fn what_was_before_comes_back_with_what_is_left_of_its_time() {
        let hold = record(1, "mira", Some(Verb::Hold), "chat", None, HOLD);
        let force = record(2, "jo", Some(Verb::Force), "chat", HOLD, FORCE);
        let late = AuditRecord {
            expires: Some(seconds(-1)),
            ..hold.clone()
        };
        for (case, records, after, expires) in [
            (
                "its time is left",
                vec![hold, force.clone()],
                HOLD,
                Some(seconds(600)),
            ),
            ("its time is up", vec![late, force.clone()], None, None),
            (
                "nobody knows its time any more",
                vec![force.clone()],
                HOLD,
                Some(seconds(1800)),
            ),
        ] {
            let intent = intent(&force, &records, &table(&records), now());
            assert_eq!((intent.before, intent.after), (FORCE, after), "{case}");
            assert_eq!(intent.expires, expires, "{case}");
            assert_eq!(intent.undoes, Some(2), "{case}");
        }
    }
}
