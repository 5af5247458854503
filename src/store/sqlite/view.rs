//! A directory as one host's view of a fleet's log: facts come in by their order, questions are answered as by any
//! other directory. Several processes of a host apply the same facts to it; each has an effect once.
//!
//! Only the backend for many hosts uses this. The methods that write by themselves are not for a view: what they
//! write is in no log.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{
    Sqlite, chain,
    desk::{Desk, Reader},
    fault::Fault,
    record::{counter, integer, micros},
    reviews, state,
};
use crate::{
    clock::Clock,
    model::{Review, ReviewHead, ReviewId},
    store::{
        Access, PLAN_LIFE, StoreError,
        fact::{Bases, Deed, Fact, Place, Request, Worked},
        reviews as packing,
    },
};

mod aside;
mod base;
mod work;

pub(super) use self::base::differing;

/// How many names of facts are kept: by them a host knows what became of its own.
const NAMES: u64 = 4_096;

/// What came of applying facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kept {
    /// The view is now here.
    Through(u64),
    /// What comes next is not among them; the view is here.
    Gap(u64),
    /// The view is of another log.
    OtherLog,
    /// The view has seen what this log never had.
    OtherPast,
}

/// A packed review as it is kept.
#[derive(Clone, Debug)]
pub(in crate::store) struct Body {
    /// Whose.
    pub(in crate::store) head: ReviewHead,
    /// Without its outputs.
    pub(in crate::store) stripped: bool,
    /// It, packed.
    pub(in crate::store) packed: Vec<u8>,
}

impl Sqlite {
    /// Opens a directory to be a view; it is made when it is not there. Also for processes that only observe the fleet.
    pub(in crate::store) async fn open_view(
        directory: PathBuf,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        Self::open(directory, Access::Write, clock).await
    }

    /// The same, and goes on trying when that is not possible now.
    pub(in crate::store) async fn open_view_or_wait(
        directory: PathBuf,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        Self::open_or_wait(directory, clock).await
    }

    /// How far the view is.
    pub(in crate::store) async fn place(&self) -> Result<Place, StoreError> {
        let work = |desk: &mut Desk| desk.state.look(|connection| place(connection));
        self.0.desk.call(work).await
    }

    /// Works out what a request has to write, and behind which place of the log. Nothing is written.
    pub(in crate::store) async fn work_out(
        &self,
        request: Request,
    ) -> Result<(Place, Worked), StoreError> {
        let work = move |desk: &mut Desk| {
            let (now, host) = (desk.clock.now(), desk.host.as_str());
            desk.state.look(|connection| {
                // One look at the file: what is worked out belongs to exactly this place.
                let transaction = connection.transaction()?;
                let place = place(&transaction)?;
                Ok((place, work::out(&transaction, request, now, host)?))
            })
        };
        self.0.desk.call(work).await
    }

    /// Applies facts of a log, in their order, all that continue the view in one transaction, and wakes whoever
    /// follows it in this and the other processes.
    pub(in crate::store) async fn apply(
        &self,
        lineage: Arc<str>,
        facts: Arc<[(u64, Fact)]>,
    ) -> Result<Kept, StoreError> {
        let work = move |desk: &mut Desk| {
            let before = desk.state.look(|connection| place(connection))?;
            let kept = desk
                .state
                .run(|connection| apply(connection, &lineage, &facts))?;
            if kept == Kept::Through(before.applied) {
                // Another process may have applied them a moment ago.
                desk.table.refresh(&mut desk.state)?;
            } else {
                desk.publish();
            }
            Ok(kept)
        };
        self.0.desk.call(work).await
    }

    /// Makes the view anew from the base with which the log begins, as what comes behind the view is not there any
    /// more. Anchors stay.
    pub(in crate::store) async fn adopt(
        &self,
        lineage: Arc<str>,
        sequence: u64,
        fact: Fact,
    ) -> Result<Kept, StoreError> {
        let work = move |desk: &mut Desk| {
            let kept = desk
                .state
                .run(|connection| base::adopt(connection, &lineage, sequence, &fact))?;
            desk.publish();
            Ok(kept)
        };
        self.0.desk.call(work).await
    }

    /// What is noted of the bases in the log.
    pub(in crate::store) async fn bases(&self) -> Result<Bases, StoreError> {
        let work = |desk: &mut Desk| {
            desk.state.look(|connection| {
                let transaction = connection.transaction()?;
                base::bases(&transaction)
            })
        };
        self.0.desk.call(work).await
    }

    /// The name of the fact at a place, if it is one of the newest.
    pub(in crate::store) async fn fact_at(
        &self,
        sequence: u64,
    ) -> Result<Option<String>, StoreError> {
        let work =
            move |desk: &mut Desk| desk.state.look(|connection| name_of(connection, sequence));
        self.0.desk.call(work).await
    }

    /// Notes when the view was last known to show all there is.
    pub(in crate::store) async fn note_current(&self, at: Timestamp) -> Result<(), StoreError> {
        let work = move |desk: &mut Desk| {
            desk.state.run(|connection| {
                connection
                    .prepare_cached("UPDATE applied SET current = ?1")?
                    .execute([micros(at)])?;
                Ok(())
            })
        };
        self.0.desk.call(work).await
    }

    /// When the view was last known to show all there is, as it was noted.
    pub(in crate::store) async fn noted_current(&self) -> Result<Option<Timestamp>, StoreError> {
        let work = |desk: &mut Desk| {
            desk.state.look(|connection| {
                let at: Option<Option<i64>> = connection
                    .prepare_cached("SELECT current FROM applied")?
                    .query_row([], |row| row.get(0))
                    .optional()?;
                Ok(at
                    .flatten()
                    .and_then(|at| Timestamp::from_microsecond(at).ok()))
            })
        };
        self.0.desk.call(work).await
    }

    /// Makes the view one of another log, with nothing in it. What was in it is kept beside it; answers where.
    pub(in crate::store) async fn begin_anew(
        &self,
        lineage: String,
        force: bool,
    ) -> Result<Option<PathBuf>, StoreError> {
        let directory = self.0.directory.clone();
        let work = move |desk: &mut Desk| {
            let done = desk
                .state
                .run(|connection| aside::begin_anew(connection, &directory, &lineage, force))?;
            desk.publish();
            Ok(done)
        };
        self.0.desk.call(work).await
    }

    /// The packed outputs of a review, if they are here, and its head, if that is.
    pub(in crate::store) async fn body(
        &self,
        id: ReviewId,
    ) -> Result<(Option<ReviewHead>, Option<Review>), StoreError> {
        let work = move |reader: &mut Reader| {
            reader.state.run(|connection| {
                let head = reviews::head(connection, &id)?;
                Ok((head, reviews::one(connection, &id)?))
            })
        };
        self.0.readers.call(work).await
    }

    /// Keeps the outputs of a review that came from elsewhere.
    pub(in crate::store) async fn keep_body(&self, body: Body) -> Result<(), StoreError> {
        let work = move |desk: &mut Desk| {
            desk.state.run(|connection| {
                reviews::put_body(connection, &body.head, body.stripped, &body.packed)
            })
        };
        self.0.desk.call(work).await
    }
}

impl Sqlite {
    /// The reviews whose outputs are older than a moment and are not known to be gone, but not the newest of a
    /// workload.
    pub(in crate::store) async fn to_be_stripped(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ReviewHead>, StoreError> {
        let work = move |reader: &mut Reader| {
            reader
                .state
                .run(|connection| reviews::to_be_stripped(connection, before, limit))
        };
        self.0.readers.call(work).await
    }

    /// The reviews that are older than a moment and are not followed.
    pub(in crate::store) async fn to_be_forgotten(
        &self,
        before: Timestamp,
    ) -> Result<Vec<ReviewId>, StoreError> {
        let work = move |reader: &mut Reader| {
            reader
                .state
                .run(|connection| reviews::to_be_forgotten(connection, before))
        };
        self.0.readers.call(work).await
    }
}

/// Unpacks a review that came from elsewhere.
pub(in crate::store) fn unpack(packed: &[u8]) -> Result<Review, String> {
    packing::unpack(packed).map_err(|error| error.to_string())
}

fn place(connection: &Connection) -> Result<Place, Fault> {
    let mut statement = connection.prepare_cached("SELECT lineage, sequence FROM applied")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(Place::default());
    };
    let applied = counter(row, 1)?;
    Ok(Place {
        lineage: Some(row.get(0)?),
        applied,
        id: name_of(connection, applied)?,
    })
}

fn name_of(connection: &Connection, sequence: u64) -> Result<Option<String>, Fault> {
    let mut statement = connection.prepare_cached("SELECT id FROM facts WHERE sequence = ?1")?;
    Ok(statement
        .query_row([integer(sequence)], |row| row.get(0))
        .optional()?)
}

fn apply(connection: &mut Connection, lineage: &str, facts: &[(u64, Fact)]) -> Result<Kept, Fault> {
    let last = facts.last().map_or(0, |(sequence, _)| *sequence);
    // Looked at first: the processes of a host all come with the same facts.
    let found = place(connection)?;
    if found.lineage.as_deref() == Some(lineage) && found.applied >= last {
        return Ok(Kept::Through(found.applied));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = place(&transaction)?;
    if found.lineage.as_deref() != Some(lineage) {
        return Ok(Kept::OtherLog);
    }
    let mut applied = found.applied;
    for (sequence, fact) in facts
        .iter()
        .filter(|(sequence, _)| *sequence > found.applied)
    {
        if *sequence != applied + 1 {
            break;
        }
        perform(&transaction, *sequence, fact)?;
        note(&transaction, *sequence, fact)?;
        applied = *sequence;
    }
    transaction
        .prepare_cached("DELETE FROM facts WHERE sequence <= ?1")?
        .execute([integer(applied.saturating_sub(NAMES))])?;
    transaction.commit()?;
    Ok(if applied >= last {
        Kept::Through(applied)
    } else {
        Kept::Gap(applied)
    })
}

/// Notes that the view is here.
fn note(transaction: &Transaction<'_>, sequence: u64, fact: &Fact) -> Result<(), Fault> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO facts VALUES (?1, ?2)")?
        .execute(params![integer(sequence), fact.id])?;
    transaction
        .prepare_cached("UPDATE applied SET sequence = ?1")?
        .execute([integer(sequence)])?;
    Ok(())
}

fn perform(transaction: &Transaction<'_>, sequence: u64, fact: &Fact) -> Result<(), Fault> {
    match &fact.deed {
        Deed::Changed { keys, plan } => {
            for change in keys {
                state::put_slot(transaction, &change.key, &change.slot)?;
                reviews::owe(transaction, &change.debts)?;
                chain::append_told(transaction, &change.records)?;
            }
            if let (Some(plan), Some(last)) = (plan, keys.last()) {
                state::mark_plan(transaction, plan, last.slot.revision)?;
            }
            Ok(())
        }
        Deed::Continued { after } => chain::go_on_behind(transaction, after, fact.at),
        Deed::Planned { plan } => {
            state::forget_plans(transaction, fact.at, PLAN_LIFE)?;
            state::keep_plan(transaction, plan)
        }
        Deed::Reviewed { head, settles } => reviews::put_head(transaction, head, *settles),
        Deed::Forgotten {
            through,
            outputs,
            reviews: whole,
        } => {
            if let Some(through) = through {
                chain::forget_told(transaction, *through, fact.at)?;
            }
            for id in outputs {
                reviews::strip_told(transaction, id)?;
            }
            for id in whole {
                reviews::forget_told(transaction, id)?;
            }
            Ok(())
        }
        Deed::Based { base } => base::compare(transaction, sequence, fact.at, base),
    }
}
