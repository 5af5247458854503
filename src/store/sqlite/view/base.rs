//! The state of a view as a whole: written down, compared with what another host wrote down, and taken over by a view
//! that is behind the beginning of the log. And what the fleet forgets, worked out.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{
    super::{
        chain,
        fault::Fault,
        record::{counter, decode, integer, micros},
        reviews, state,
    },
    Kept, aside, note, place, work,
};
use crate::{
    model::ReviewId,
    store::fact::{Base, Bases, Deed, Fact, KeptPlan, KeptReview, KeptSlot, Noted, Worked},
};

/// The whole of it.
pub(super) fn state(connection: &Connection) -> Result<Base, Fault> {
    let table = state::overrides(connection)?;
    let slots = table.slots.into_iter();
    let plans = state::plans(connection)?.into_iter();
    let mut statement =
        connection.prepare_cached("SELECT head, stripped FROM reviews ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        kept.push(KeptReview {
            head: decode(row, 0)?,
            stripped: row.get(1)?,
        });
    }
    let mut statement = connection.prepare_cached("SELECT debt FROM debts ORDER BY workload")?;
    let mut rows = statement.query([])?;
    let mut debts = Vec::new();
    while let Some(row) = rows.next()? {
        debts.push(decode(row, 0)?);
    }
    Ok(Base {
        head: chain::head(connection)?,
        slots: slots.map(|(key, slot)| KeptSlot { key, slot }).collect(),
        plans: plans
            .map(|(plan, applied)| KeptPlan { plan, applied })
            .collect(),
        reviews: kept,
        debts,
    })
}

/// Compares a base with what is here, and notes it. What is here stays.
pub(super) fn compare(
    transaction: &Transaction<'_>,
    sequence: u64,
    at: Timestamp,
    base: &Base,
) -> Result<(), Fault> {
    let differs = base.differs(&state(transaction)?);
    if let Some(differs) = &differs {
        tracing::error!(
            sequence,
            differs,
            "the cluster's log says that the state is another one than this host has; `backstop audit --verify` tells \
             what to do"
        );
    }
    keep(transaction, sequence, at, base, differs.as_deref())
}

fn keep(
    transaction: &Transaction<'_>,
    sequence: u64,
    at: Timestamp,
    base: &Base,
    differs: Option<&str>,
) -> Result<(), Fault> {
    let head = integer(base.head.sequence);
    transaction
        .prepare_cached("INSERT OR REPLACE INTO bases VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![integer(sequence), head, micros(at), differs])?;
    Ok(())
}

/// Fills a view from a base, when it does not come to it by itself.
pub(super) fn adopt(
    connection: &mut Connection,
    lineage: &str,
    sequence: u64,
    fact: &Fact,
) -> Result<Kept, Fault> {
    let Deed::Based { base } = &fact.deed else {
        return Err(Fault::Words(
            "what was to be taken over is no base".to_owned(),
        ));
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = place(&transaction)?;
    if found.lineage.as_deref() != Some(lineage) {
        return Ok(Kept::OtherLog);
    }
    if found.applied + 1 >= sequence {
        // Another process of this host was faster.
        return Ok(Kept::Through(found.applied));
    }
    let head = chain::head(&transaction)?;
    let ahead = head.sequence > base.head.sequence
        || (head.sequence == base.head.sequence && head.seal != base.head.seal);
    if found.applied > 0 && ahead {
        return Ok(Kept::OtherPast);
    }
    transaction.execute_batch(aside::EMPTY)?;
    if base.head.sequence > 0 {
        chain::go_on_behind(&transaction, &base.head, fact.at)?;
    }
    for kept in &base.slots {
        state::put_slot(&transaction, &kept.key, &kept.slot)?;
    }
    for KeptPlan { plan, applied } in &base.plans {
        state::keep_plan(&transaction, plan)?;
        if let Some(revision) = applied {
            state::mark_plan(&transaction, &plan.id, *revision)?;
        }
    }
    for kept in &base.reviews {
        reviews::put_head(&transaction, &kept.head, false)?;
        if kept.stripped {
            reviews::strip_told(&transaction, &kept.head.id)?;
        }
    }
    reviews::owe(&transaction, &base.debts)?;
    keep(&transaction, sequence, fact.at, base, None)?;
    note(&transaction, sequence, fact)?;
    transaction.commit()?;
    Ok(Kept::Through(sequence))
}

/// The place of the newest base in the log.
pub(super) fn newest(connection: &Connection) -> Result<Option<u64>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT sequence FROM bases ORDER BY sequence DESC LIMIT 1")?;
    let newest: Option<i64> = statement.query_row([], |row| row.get(0)).optional()?;
    Ok(newest.and_then(|newest| u64::try_from(newest).ok()))
}

/// What is noted of all of them.
pub(super) fn bases(connection: &Connection) -> Result<Bases, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, head, at, differs IS NULL FROM bases ORDER BY sequence",
    )?;
    let mut rows = statement.query([])?;
    let mut noted = Vec::new();
    while let Some(row) = rows.next()? {
        noted.push(Noted {
            sequence: counter(row, 0)?,
            head: counter(row, 1)?,
            at: Timestamp::from_microsecond(row.get(2)?).unwrap_or(Timestamp::MIN),
            fits: row.get(3)?,
        });
    }
    Ok(Bases {
        applied: place(connection)?.applied,
        forgotten: chain::cut(connection)?.map_or(0, |cut| cut.through.sequence),
        noted,
    })
}

/// Those that are not the state that was here, with where they differ.
pub(in crate::store::sqlite) fn differing(
    connection: &Connection,
) -> Result<Vec<(u64, String)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, differs FROM bases WHERE differs IS NOT NULL ORDER BY sequence",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((counter(row, 0)?, row.get(1)?));
    }
    Ok(found)
}

/// What of a wish to forget is not forgotten yet.
pub(super) fn forget(
    connection: &Connection,
    before: Option<Timestamp>,
    outputs: Vec<ReviewId>,
    reviews: Vec<ReviewId>,
) -> Result<Worked, Fault> {
    let through = match before {
        Some(before) => chain::to_be_forgotten(connection, before)?,
        None => None,
    };
    let outputs = kept(
        connection,
        "SELECT 1 FROM reviews WHERE id = ?1 AND NOT stripped",
        outputs,
    )?;
    let reviews = kept(connection, "SELECT 1 FROM reviews WHERE id = ?1", reviews)?;
    if through.is_none() && outputs.is_empty() && reviews.is_empty() {
        return Ok(Worked::Nothing);
    }
    Ok(work::worked(Deed::Forgotten {
        through,
        outputs,
        reviews,
    }))
}

fn kept(connection: &Connection, sql: &str, ids: Vec<ReviewId>) -> Result<Vec<ReviewId>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut kept = Vec::with_capacity(ids.len());
    for id in ids {
        if statement.exists([&id.0])? {
            kept.push(id);
        }
    }
    Ok(kept)
}
