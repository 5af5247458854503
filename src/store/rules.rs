//! The rules that are the same for every backend: compare-and-set and expiry of overrides with what both write
//! to the audit, and who gets a lease.
//!
//! Pure: a backend calls them inside its own transaction and keeps what they answer.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{
    Actor, AuditRecord, ChangeRequest, Debt, Lease, OverrideKey, ReasonCode, Revision, Slot,
};

/// What a backend has to write, all of it or nothing.
#[derive(Debug)]
pub(super) struct Applied {
    /// The key's new place in the table.
    pub(super) slot: Slot,
    /// The audit records, in order; the last one is that of the change itself.
    pub(super) records: Vec<AuditRecord>,
    /// Reviews that are owed from now on.
    pub(super) debts: Vec<Debt>,
}

/// Where the counters stand before a change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counters {
    /// The newest revision of the whole table.
    pub(super) revision: Revision,
    /// The newest sequence of the audit.
    pub(super) sequence: u64,
}

impl Counters {
    fn next(&mut self) -> (Revision, u64) {
        self.revision.0 += 1;
        self.sequence += 1;
        (self.revision, self.sequence)
    }
}

/// Makes a change, or answers with what is there when the revision is not the expected one.
///
/// An override that has expired but was not yet ended is ended first, with its own record: a later change
/// must not swallow it.
pub(super) fn change(
    slot: Option<&Slot>,
    mut counters: Counters,
    request: ChangeRequest,
    now: Timestamp,
    host: &str,
) -> Result<Applied, Box<Slot>> {
    let found = slot.cloned().unwrap_or(Slot {
        revision: Revision::default(),
        current: None,
    });
    if found.revision != request.expected {
        return Err(Box::new(found));
    }
    let mut records = Vec::with_capacity(1);
    let mut before = found.current.as_ref().map(|current| current.change);
    if let Some(ended) = expire(&request.key, &found, counters, now, host) {
        counters.next();
        before = None;
        records.extend(ended.records);
    }
    let (revision, sequence) = counters.next();
    let debt = |workload| Debt {
        workload,
        since: request.audit.at,
        by: request.audit.actor.clone(),
        note: request.audit.note.clone(),
        sequence,
    };
    let debts = request.owes.into_iter().map(debt).collect();
    records.push(AuditRecord {
        sequence,
        before,
        revision,
        ..request.audit
    });
    Ok(Applied {
        slot: Slot {
            revision,
            current: request.next,
        },
        records,
        debts,
    })
}

/// Ends an override whose time is up; `None` when there is none.
pub(super) fn expire(
    key: &OverrideKey,
    slot: &Slot,
    mut counters: Counters,
    now: Timestamp,
    host: &str,
) -> Option<Applied> {
    let current = slot.current.as_ref()?;
    if current.active(now) {
        return None;
    }
    let (revision, sequence) = counters.next();
    Some(Applied {
        slot: Slot {
            revision,
            current: None,
        },
        records: vec![AuditRecord {
            sequence,
            at: now,
            actor: Actor {
                user: "backstop".to_owned(),
                declared: None,
                host: host.to_owned(),
                from: None,
                via: "gateway".to_owned(),
            },
            verb: None,
            key: key.clone(),
            before: Some(current.change),
            after: None,
            expires: None,
            reason: ReasonCode::Automatic,
            note: format!("expired; set by {}", current.actor),
            ticket: current.ticket.clone(),
            revision,
            plan: None,
            undoes: None,
            break_glass: false,
        }],
        debts: Vec::new(),
    })
}

/// Gives a lease to whoever asks when it is theirs, free or over; `Err` is the one that somebody else has.
pub(super) fn lease(
    found: Option<Lease>,
    holder: &str,
    life: Duration,
    now: Timestamp,
) -> Result<Lease, Lease> {
    let term = match found {
        Some(lease) if lease.holder == holder && lease.until > now => lease.term,
        Some(lease) if lease.until > now => return Err(lease),
        // Also when it was one's own: in between it could have been another's.
        Some(lease) => lease.term + 1,
        None => 1,
    };
    Ok(Lease {
        holder: holder.to_owned(),
        until: now.checked_add(life).unwrap_or(Timestamp::MAX),
        term,
    })
}
