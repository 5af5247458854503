//! The statements on `state.db` for reviews and what is owed.
//!
//! They stand in `state.db` because a debt is written with the override that causes it, and is paid with the
//! review that pays it: one transaction, or it would be a matter of luck. Heads and packed outputs are tables
//! of their own, so that a list reads no outputs; reviews are made by hand, a few a day, so their size does
//! not matter to the overrides beside them.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tokio::sync::watch;

use super::{
    Sqlite,
    desk::{Desk, Reader},
    fault::Fault,
    record::{decode, integer, micros},
};
use crate::{
    model::{Debt, Retention, Review, ReviewHead, ReviewId, Reviewed, WorkloadName},
    store::{REVIEWS_FOLLOWED, ReviewQuery, StoreError, earlier, reviews},
};

/// Bodies that one transaction of the upkeep packs anew.
const STRIPPED_AT_ONCE: i64 = 4;

impl Sqlite {
    pub(in crate::store) fn reviewed(&self) -> watch::Receiver<Arc<Reviewed>> {
        self.0.table.subscribe_reviewed()
    }

    pub(in crate::store) async fn put_review(
        &self,
        review: Review,
        settles: bool,
    ) -> Result<(), StoreError> {
        self.may_write()?;
        let place = self.0.directory.display().to_string();
        let packed = tokio::task::spawn_blocking(move || {
            reviews::pack(&review).map(|packed| (review.head, packed))
        })
        .await
        .map_err(|error| error.to_string())
        .and_then(|packed| packed.map_err(|error| error.to_string()));
        let (head, body) = packed.map_err(|cause| StoreError::Failed { place, cause })?;
        let work = move |desk: &mut Desk| {
            desk.state
                .run(|connection| put(connection, &head, &body, settles))?;
            desk.publish();
            Ok(())
        };
        self.0.desk.call(work).await
    }

    pub(in crate::store) async fn reviews(
        &self,
        query: ReviewQuery,
    ) -> Result<Vec<ReviewHead>, StoreError> {
        let work =
            move |reader: &mut Reader| reader.state.run(|connection| heads(connection, &query));
        self.0.readers.call(work).await
    }

    pub(in crate::store) async fn review(
        &self,
        id: ReviewId,
    ) -> Result<Option<Review>, StoreError> {
        let work = move |reader: &mut Reader| reader.state.run(|connection| one(connection, &id));
        self.0.readers.call(work).await
    }

    /// Packs old reviews anew without their outputs, and removes heads that nobody needs.
    pub(in crate::store) async fn retain_reviews(
        &self,
        retention: Retention,
    ) -> Result<(), StoreError> {
        self.may_write()?;
        let now = self.0.clock.now();
        let heads_before = earlier(now, retention.audit);
        let outputs_before = earlier(now, retention.reviews);
        loop {
            let more = self
                .0
                .desk
                .call(move |desk| {
                    desk.state
                        .run(|connection| strip(connection, outputs_before))
                })
                .await?;
            if !more {
                break;
            }
        }
        let work = move |desk: &mut Desk| {
            if desk
                .state
                .run(|connection| forget(connection, heads_before))?
            {
                desk.publish();
            }
            Ok(())
        };
        self.0.desk.call(work).await
    }
}

/// Where the followed part stands.
pub(super) fn place(connection: &Connection) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached("SELECT place FROM reviewed")?;
    let place: i64 = statement.query_row([], |row| row.get(0))?;
    Ok(u64::try_from(place).unwrap_or(0))
}

fn move_on(transaction: &Transaction<'_>) -> Result<(), Fault> {
    transaction.execute("UPDATE reviewed SET place = place + 1", [])?;
    Ok(())
}

/// What is followed: the newest of each workload, and what is owed.
pub(super) fn reviewed(connection: &mut Connection) -> Result<Reviewed, Fault> {
    // One look at the file: nothing is kept between the questions.
    let transaction = connection.transaction()?;
    let mut reviewed = Reviewed {
        place: place(&transaction)?,
        ..Reviewed::default()
    };
    for workload in workloads(&transaction)? {
        let query = ReviewQuery {
            workload: Some(workload.as_str().into()),
            limit: REVIEWS_FOLLOWED,
            ..ReviewQuery::default()
        };
        reviewed.heads.extend(heads(&transaction, &query)?);
    }
    let mut statement = transaction.prepare_cached("SELECT debt FROM debts ORDER BY workload")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        reviewed.debts.push(decode(row, 0)?);
    }
    Ok(reviewed)
}

/// The workloads that were ever reviewed, by name; one step through the index for each.
fn workloads(connection: &Connection) -> Result<Vec<String>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT min(workload) FROM reviews WHERE workload > ?1")?;
    let mut names: Vec<String> = Vec::new();
    loop {
        let last = names.last().map_or("", String::as_str);
        match statement.query_row([last], |row| row.get(0))? {
            Some(next) => names.push(next),
            None => return Ok(names),
        }
    }
}

/// Writes what a change made owed; what is owed already stays owed since then.
pub(super) fn owe(transaction: &Transaction<'_>, debts: &[Debt]) -> Result<(), Fault> {
    for debt in debts {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO debts VALUES (?1, ?2, ?3)")?
            .execute(params![
                debt.workload.as_str(),
                micros(debt.since),
                serde_json::to_string(debt)?
            ])?;
        move_on(transaction)?;
    }
    Ok(())
}

fn put(
    connection: &mut Connection,
    head: &ReviewHead,
    body: &[u8],
    settles: bool,
) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    put_head(&transaction, head, settles)?;
    transaction
        .prepare_cached("INSERT INTO review_bodies VALUES (?1, ?2, TRUE, ?3)")?
        .execute(params![head.id.0, micros(head.at), body])?;
    transaction.commit()?;
    Ok(())
}

/// Writes a review's head, and what it pays.
pub(super) fn put_head(
    transaction: &Transaction<'_>,
    head: &ReviewHead,
    settles: bool,
) -> Result<(), Fault> {
    let (id, workload, at) = (&head.id.0, head.workload.as_str(), micros(head.at));
    transaction
        .prepare_cached("INSERT INTO reviews (id, workload, at, head) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![id, workload, at, serde_json::to_string(head)?])?;
    if settles {
        transaction
            .prepare_cached("DELETE FROM debts WHERE workload = ?1 AND since <= ?2")?
            .execute(params![workload, at])?;
    }
    move_on(transaction)
}

/// Whether a review is there.
pub(super) fn is_there(connection: &Connection, id: &ReviewId) -> Result<bool, Fault> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM reviews WHERE id = ?1")?;
    Ok(statement.exists([&id.0])?)
}

/// Keeps the outputs of a review whose head came without them, or those that are left of them; but no outputs that
/// were forgotten meanwhile.
pub(super) fn put_body(
    connection: &Connection,
    review: &ReviewHead,
    stripped: bool,
    body: &[u8],
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO review_bodies SELECT ?1, ?2, ?3, ?4
             WHERE EXISTS (SELECT 1 FROM reviews WHERE id = ?1 AND NOT (stripped AND ?3))",
        )?
        .execute(params![review.id.0, micros(review.at), !stripped, body])?;
    Ok(())
}

/// Heads, newest first.
fn heads(connection: &Connection, query: &ReviewQuery) -> Result<Vec<ReviewHead>, Fault> {
    // Two statements, so that each walks the index that fits it.
    let sql = if query.workload.is_some() {
        "SELECT head FROM reviews WHERE workload = ?1 AND (?2 IS NULL OR id < ?2)
         ORDER BY id DESC LIMIT ?3"
    } else {
        "SELECT head FROM reviews WHERE ?1 IS NULL AND (?2 IS NULL OR id < ?2)
         ORDER BY id DESC LIMIT ?3"
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![
        query.workload.as_ref().map(WorkloadName::as_str),
        query.before.as_ref().map(|before| before.0.as_str()),
        // Negative means none.
        if query.limit == 0 {
            -1
        } else {
            integer(query.limit as u64)
        },
    ])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push(decode(row, 0)?);
    }
    Ok(heads)
}

/// A review's head.
pub(super) fn head(connection: &Connection, id: &ReviewId) -> Result<Option<ReviewHead>, Fault> {
    let mut statement = connection.prepare_cached("SELECT head FROM reviews WHERE id = ?1")?;
    let mut rows = statement.query([&id.0])?;
    rows.next()?.map(|row| decode(row, 0)).transpose()
}

pub(super) fn one(connection: &Connection, id: &ReviewId) -> Result<Option<Review>, Fault> {
    let packed: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM review_bodies WHERE id = ?1")?
        .query_row([&id.0], |row| row.get(0))
        .optional()?;
    packed.map(|packed| unpack(&packed)).transpose()
}

fn unpack(packed: &[u8]) -> Result<Review, Fault> {
    reviews::unpack(packed).map_err(|error| Fault::Words(error.to_string()))
}

/// Heads of reviews whose outputs are too old and are not forgotten, but not the newest of a workload.
pub(super) fn to_be_stripped(
    connection: &Connection,
    before: Timestamp,
    limit: usize,
) -> Result<Vec<ReviewHead>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT head.head FROM reviews head
         WHERE head.at < ?1 AND NOT head.stripped AND EXISTS (
             SELECT 1 FROM reviews newer
             WHERE newer.workload = head.workload AND newer.id > head.id)
         ORDER BY head.id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![micros(before), integer(limit as u64)])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push(decode(row, 0)?);
    }
    Ok(heads)
}

/// Reviews that are too old and not followed.
pub(super) fn to_be_forgotten(
    connection: &Connection,
    before: Timestamp,
) -> Result<Vec<ReviewId>, Fault> {
    let mut found = Vec::new();
    for workload in workloads(connection)? {
        let ids = connection
            .prepare_cached(
                "SELECT id FROM reviews WHERE workload = ?1 AND at < ?2 AND id < (
                     SELECT id FROM reviews WHERE workload = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
            )?
            .query_map(
                params![workload, micros(before), integer(REVIEWS_FOLLOWED as u64 - 1)],
                |row| row.get(0).map(ReviewId),
            )?
            .collect::<Result<Vec<_>, _>>()?;
        found.extend(ids);
    }
    Ok(found)
}

/// Forgets the outputs of a review: what is left of them is fetched when somebody asks. Whether they were kept.
pub(super) fn strip_told(transaction: &Transaction<'_>, id: &ReviewId) -> Result<bool, Fault> {
    let stripped = transaction
        .prepare_cached("UPDATE reviews SET stripped = TRUE WHERE id = ?1 AND NOT stripped")?
        .execute([&id.0])?;
    transaction
        .prepare_cached("DELETE FROM review_bodies WHERE id = ?1 AND whole")?
        .execute([&id.0])?;
    Ok(stripped > 0)
}

/// Forgets a review. Whether it was kept.
pub(super) fn forget_told(transaction: &Transaction<'_>, id: &ReviewId) -> Result<bool, Fault> {
    let gone = transaction
        .prepare_cached("DELETE FROM reviews WHERE id = ?1")?
        .execute([&id.0])?;
    transaction
        .prepare_cached("DELETE FROM review_bodies WHERE id = ?1")?
        .execute([&id.0])?;
    if gone > 0 {
        move_on(transaction)?;
    }
    Ok(gone > 0)
}

/// Packs a few old reviews anew without their outputs; `true`: there are more.
fn strip(connection: &mut Connection, before: Timestamp) -> Result<bool, Fault> {
    let found: Vec<(String, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT body.id, body.body FROM review_bodies body JOIN reviews head USING (id)
             WHERE body.whole AND body.at < ?1 AND EXISTS (
                 SELECT 1 FROM reviews newer
                 WHERE newer.workload = head.workload AND newer.id > head.id)
             ORDER BY body.at LIMIT ?2",
        )?
        .query_map(params![micros(before), STRIPPED_AT_ONCE], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Ok(false);
    }
    // Packed before the turn is taken: nobody waits for that.
    let stripped = found.iter().map(|(id, packed)| {
        let mut review = unpack(packed)?;
        review.strip();
        let packed = reviews::pack(&review).map_err(|error| Fault::Words(error.to_string()))?;
        Ok::<_, Fault>((id, packed))
    });
    let stripped = stripped.collect::<Result<Vec<_>, _>>()?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (id, packed) in stripped {
        transaction
            .prepare_cached("UPDATE review_bodies SET whole = FALSE, body = ?2 WHERE id = ?1")?
            .execute(params![id, packed])?;
    }
    transaction.commit()?;
    Ok(true)
}

/// Removes old reviews whole, but those that are followed; `true`: there were any.
fn forget(connection: &mut Connection, before: Timestamp) -> Result<bool, Fault> {
    let oldest = |connection: &Connection| {
        let mut statement = connection.prepare_cached("SELECT min(at) FROM reviews")?;
        statement.query_row([], |row| row.get::<_, Option<i64>>(0))
    };
    if oldest(connection)?.is_none_or(|oldest| oldest >= micros(before)) {
        return Ok(false);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut gone = 0;
    for workload in workloads(&transaction)? {
        gone += transaction
            .prepare_cached(
                "DELETE FROM reviews WHERE workload = ?1 AND at < ?2 AND id < (
                     SELECT id FROM reviews WHERE workload = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
            )?
            .execute(params![
                workload,
                micros(before),
                integer(REVIEWS_FOLLOWED as u64 - 1)
            ])?;
    }
    if gone > 0 {
        transaction.execute(
            "DELETE FROM review_bodies WHERE id NOT IN (SELECT id FROM reviews)",
            [],
        )?;
        move_on(&transaction)?;
    }
    transaction.commit()?;
    Ok(gone > 0)
}
