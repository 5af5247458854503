//! The statements on `events.db`: the event log.

use jiff::Timestamp;
use rusqlite::{
    CachedStatement, Connection, OptionalExtension, Transaction, TransactionBehavior, params,
    types::{ToSqlOutput, ValueRef},
};

use super::{
    fault::Fault,
    record::{counter, decode, integer, micros},
    turn::Turn,
};
use crate::{
    model::{Entry, ErrorClass, EventDecision, Seq, StoredEvent, WorkloadName},
    store::EventQuery,
};

/// How far one read transaction goes: long ones would keep the write-ahead log growing.
#[derive(Clone, Copy, Debug)]
struct Steps {
    /// So many events it answers at most.
    page: usize,
    /// So many places it looks at.
    window: u64,
}

const STEPS: Steps = Steps {
    page: 2_000,
    window: 200_000,
};
/// How many entries one transaction of the retention removes: the writer waits for each.
const REMOVE: u32 = 1_000;

/// Entries as text, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Bodies {
    /// Forgets the last batch and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        // One huge batch must not be held for ever.
        self.text.shrink_to(4 * 1024 * 1024);
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, entry: &Entry) -> Result<(), Fault> {
        let before = self.text.len();
        if let Err(error) = serde_json::to_writer(&mut self.text, entry) {
            self.text.truncate(before);
            return Err(error.into());
        }
        self.ends.push(self.text.len());
        Ok(())
    }

    /// The size of all.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Each.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.text.get(start..*end).unwrap_or_default())
    }
}

fn minute(at: Timestamp) -> i64 {
    at.as_second().div_euclid(60)
}

/// The newest place that was ever given out.
pub(super) fn newest(connection: &Connection) -> Result<Seq, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT max((SELECT coalesce(max(seq), 0) FROM entries), (SELECT seq FROM removed))",
    )?;
    let mut rows = statement.query([])?;
    let row = rows.next()?;
    Ok(Seq(row.map_or(Ok(0), |row| counter(row, 0))?))
}

/// Waits for the lock.
pub(super) fn begin<'a>(
    connection: &'a mut Connection,
    turn: &Turn,
) -> Result<Transaction<'a>, Fault> {
    let taken = turn.take();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    drop(taken);
    Ok(transaction?)
}

/// Appends a batch in one transaction; answers the place before its first entry.
pub(super) fn append<'a>(
    connection: &mut Connection,
    turn: &Turn,
    entries: impl Iterator<Item = &'a Entry>,
    bodies: &Bodies,
) -> Result<Seq, Fault> {
    let transaction = begin(connection, turn)?;
    let base = newest(&transaction)?;
    {
        let mut rows = Rows::new(&transaction)?;
        let mut seq = base;
        for (entry, body) in entries.zip(bodies.iter()) {
            seq.0 += 1;
            rows.add(seq, entry, body)?;
        }
    }
    transaction.commit()?;
    Ok(base)
}

/// Adds entries inside a transaction.
pub(super) struct Rows<'a> {
    entries: CachedStatement<'a>,
    bodies: CachedStatement<'a>,
    minutes: CachedStatement<'a>,
    last_minute: Option<i64>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(transaction: &'a Transaction<'_>) -> Result<Self, Fault> {
        let prepare = |sql| transaction.prepare_cached(sql);
        Ok(Self {
            entries: prepare("INSERT INTO entries VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?,
            bodies: prepare("INSERT INTO bodies VALUES (?1, ?2)")?,
            minutes: prepare("INSERT OR IGNORE INTO minutes VALUES (?1, ?2)")?,
            last_minute: None,
        })
    }

    /// Adds an entry and its text at a place.
    pub(super) fn add(&mut self, seq: Seq, entry: &Entry, body: &[u8]) -> Result<(), Fault> {
        let (at, id, decision, workload, class) = match entry {
            Entry::Decision(event) => (
                event.at,
                event.id.to_bytes(),
                Some(event.decision.as_str()),
                Some(event.workload.as_str()),
                event.class.map(ErrorClass::as_str),
            ),
            Entry::Outcome(outcome) => (outcome.at, outcome.event.to_bytes(), None, None, None),
        };
        let seq = integer(seq.0);
        self.entries
            .execute(params![seq, micros(at), id, decision, workload, class])?;
        self.bodies
            .execute(params![seq, ToSqlOutput::Borrowed(ValueRef::Text(body))])?;
        if self.last_minute != Some(minute(at)) {
            self.last_minute = Some(minute(at));
            self.minutes.execute(params![minute(at), seq])?;
        }
        Ok(())
    }
}

/// Asks for the lock and changes a row, to see whether the disk takes writes again.
pub(super) fn probe(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute("UPDATE removed SET seq = seq + 0", [])?;
    transaction.commit()?;
    Ok(())
}

/// The log after a place, oldest first.
pub(super) fn tail(
    connection: &Connection,
    after: Seq,
    limit: usize,
) -> Result<Vec<(Seq, Entry)>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT seq, body FROM bodies WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = statement.query(params![integer(after.0), integer(limit as u64)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push((Seq(counter(row, 0)?), decode(row, 1)?));
    }
    Ok(entries)
}

/// A walk through the log from its newest place downwards, in short steps.
#[derive(Debug)]
pub(super) struct Walk {
    query: EventQuery,
    steps: Steps,
    /// Everything at and above it has been looked at.
    top: u64,
    /// Nothing at or below it is wanted.
    bottom: u64,
    /// Newest first.
    found: Vec<StoredEvent>,
}

impl Walk {
    /// Begins at the newest place the query allows.
    pub(super) fn new(connection: &Connection, query: EventQuery) -> Result<Self, Fault> {
        let end = newest(connection)?.0.saturating_add(1);
        let mut bottom = query.after.0;
        if let Some(since) = query.since {
            let first: Option<i64> = connection
                .prepare_cached("SELECT min(first) FROM minutes WHERE minute >= ?1")?
                .query_row([minute(since)], |row| row.get(0))?;
            let first = first.and_then(|it| u64::try_from(it).ok()).unwrap_or(end);
            bottom = bottom.max(first.saturating_sub(1));
        }
        Ok(Self {
            top: query.before.map_or(end, |before| before.0.min(end)),
            bottom,
            query,
            steps: STEPS,
            found: Vec::new(),
        })
    }

    /// Whether there is more to look at.
    pub(super) fn goes_on(&self) -> bool {
        self.top > self.bottom + 1 && (self.query.limit == 0 || self.found.len() < self.query.limit)
    }

    /// Looks at the next places.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<(), Fault> {
        let low = self
            .bottom
            .max(self.top.saturating_sub(1 + self.steps.window));
        if self.query.id.is_some() {
            return self.step_up(connection);
        }
        self.look(connection, low)
    }

    /// Looks at what stands above a place.
    fn look(&mut self, connection: &Connection, low: u64) -> Result<(), Fault> {
        let most = if self.query.limit == 0 {
            self.steps.page
        } else {
            self.steps.page.min(self.query.limit - self.found.len())
        };
        let mut statement = connection.prepare_cached(
            "SELECT e.seq, b.body, (
                 SELECT ob.body FROM entries o CROSS JOIN bodies ob ON ob.seq = o.seq
                 WHERE o.event = e.event AND o.decision IS NULL ORDER BY o.seq LIMIT 1
             )
             FROM entries e CROSS JOIN bodies b ON b.seq = e.seq
             WHERE e.seq > ?1 AND e.seq < ?2 AND e.decision IS NOT NULL
               AND (?3 IS NULL OR e.at >= ?3) AND (?4 IS NULL OR e.workload = ?4)
               AND (?5 IS NULL OR e.class = ?5) AND (?6 IS NULL OR e.decision = ?6)
               AND (?8 IS NULL OR e.at < ?8) AND (?9 IS NULL OR e.event = ?9)
             ORDER BY e.seq DESC LIMIT ?7",
        )?;
        let mut rows = statement.query(params![
            integer(low),
            integer(self.top),
            self.query.since.map(micros),
            self.query.workload.as_ref().map(WorkloadName::as_str),
            self.query.class.map(ErrorClass::as_str),
            self.query.decision.map(EventDecision::as_str),
            integer(most as u64),
            self.query.until.map(micros),
            self.query.id.map(|id| id.to_bytes()),
        ])?;
        let mut count = 0;
        let mut lowest = self.top;
        while let Some(row) = rows.next()? {
            count += 1;
            lowest = counter(row, 0)?;
            let stored = stored(row, Seq(lowest))?;
            if self.query.wants(stored.seq, &stored.event) {
                self.found.push(stored);
            }
        }
        self.top = if count == most { lowest } else { low + 1 };
        Ok(())
    }

    /// The same from below: an event stands near the first place of its minute, and there is one of its id.
    fn step_up(&mut self, connection: &Connection) -> Result<(), Fault> {
        let top = self.top;
        let end = top.min(self.bottom.saturating_add(1 + self.steps.window));
        let mut statement = connection.prepare_cached(
            "SELECT max(seq) FROM entries
             WHERE seq > ?1 AND seq < ?2 AND event = ?3 AND decision IS NOT NULL",
        )?;
        let id = self.query.id.map(|id| id.to_bytes());
        let place: Option<i64> = statement
            .query_row(params![integer(self.bottom), integer(end), id], |row| {
                row.get(0)
            })?;
        match place.and_then(|place| u64::try_from(place).ok()) {
            Some(place) => {
                (self.bottom, self.top) = (place.saturating_sub(1), place.saturating_add(1));
                self.look(connection, self.bottom)?;
                self.top = self.bottom;
            }
            None => self.bottom = end.saturating_sub(1),
        }
        Ok(())
    }

    /// What was found, oldest first.
    pub(super) fn finish(mut self) -> Vec<StoredEvent> {
        self.found.reverse();
        self.found
    }
}

fn stored(row: &rusqlite::Row<'_>, seq: Seq) -> Result<StoredEvent, Fault> {
    let Entry::Decision(event) = decode(row, 1)? else {
        return Err(Fault::Words(format!(
            "entry {} is no decision although its row says so",
            seq.0
        )));
    };
    let outcome = match row.get_ref(2)? {
        ValueRef::Null => None,
        _ => match decode(row, 2)? {
            Entry::Outcome(outcome) => Some(outcome),
            Entry::Decision(_) => None,
        },
    };
    Ok(StoredEvent {
        seq,
        event: *event,
        outcome,
    })
}

/// Removes some of what is older than a moment; answers how many decisions went, and whether more is left.
pub(super) fn remove(
    connection: &mut Connection,
    turn: &Turn,
    before: Timestamp,
) -> Result<(u64, bool), Fault> {
    let transaction = begin(connection, turn)?;
    // No place at or above it holds anything so old, unless its clock went wrong; that goes later.
    let bound: Option<i64> = transaction
        .prepare_cached("SELECT min(first) FROM minutes WHERE minute > ?1")?
        .query_row([minute(before)], |row| row.get(0))
        .optional()?
        .flatten();
    let old: Vec<(i64, bool)> = transaction
        .prepare_cached(
            "SELECT seq, decision IS NOT NULL FROM entries WHERE seq < ?1 AND at < ?2
             ORDER BY seq LIMIT ?3",
        )?
        .query_map(
            params![bound.unwrap_or(i64::MAX), micros(before), REMOVE],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect::<Result<_, _>>()?;
    let more = old.len() == REMOVE as usize;
    {
        let mut entry = transaction.prepare_cached("DELETE FROM entries WHERE seq = ?1")?;
        let mut body = transaction.prepare_cached("DELETE FROM bodies WHERE seq = ?1")?;
        for (seq, _) in &old {
            entry.execute([seq])?;
            body.execute([seq])?;
        }
    }
    if let Some((last, _)) = old.last() {
        transaction.execute("UPDATE removed SET seq = max(seq, ?1)", [last])?;
    }
    if !more {
        transaction.execute("DELETE FROM minutes WHERE minute < ?1", [minute(before)])?;
    }
    transaction.commit()?;
    Ok((
        old.iter().filter(|(_, decision)| *decision).count() as u64,
        more,
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{
            Event, EventDecision, EventId, Family, NoticeGiven, Outcome, OutcomeKind, Reason,
            Revision,
        },
        store::sqlite::schema,
    };

    const CLASSES: [Option<ErrorClass>; 3] = [
        None,
        Some(ErrorClass::Timeout),
        Some(ErrorClass::Overloaded),
    ];
    const DECISIONS: [EventDecision; 2] = [EventDecision::Fallback, EventDecision::Refused];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn decision(number: usize, seconds: i64, kind: usize) -> Entry {
        let random = u128::try_from(number).unwrap();
        Entry::Decision(Box::new(Event {
            id: EventId::new(at(0), random),
            at: at(seconds),
            gateway: "gw".into(),
            workload: ["a", "b"][kind % 2].into(),
            client: None,
            family: Family::OpenaiChat,
            primary: "p".into(),
            fallback: None,
            decision: DECISIONS[kind / 2 % 2],
            reason: Reason::Trigger,
            class: CLASSES[kind % 3],
            detail: None,
            status: None,
            attempts: Vec::new(),
            notice: NoticeGiven::None,
            stream: false,
            revision: Revision(0),
            fingerprint: String::new(),
            remark: None,
            method: None,
        }))
    }

    fn outcome(number: usize, seconds: i64) -> Entry {
        let random = u128::try_from(number).unwrap();
        Entry::Outcome(Outcome {
            event: EventId::new(at(0), random),
            at: at(seconds),
            kind: OutcomeKind::Completed,
            status: 200,
            class: None,
            notice: None,
            first_output: None,
            total: Duration::from_millis(1),
        })
    }

    fn log(batches: &[Vec<Entry>]) -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::EVENTS.climb(&mut connection).unwrap();
        let mut bodies = Bodies::default();
        for batch in batches {
            bodies.clear();
            for entry in batch {
                bodies.push(entry).unwrap();
            }
            append(&mut connection, &Turn::none(), batch.iter(), &bodies).unwrap();
        }
        connection
    }

    fn ask(connection: &Connection, query: EventQuery, steps: Steps) -> Vec<StoredEvent> {
        let mut walk = Walk::new(connection, query).unwrap();
        walk.steps = steps;
        while walk.goes_on() {
            walk.step(connection).unwrap();
        }
        walk.finish()
    }

    fn queries() -> impl Strategy<Value = EventQuery> {
        (
            (
                proptest::option::of(-100_i64..700),
                proptest::option::of(-100_i64..700),
                proptest::option::of(0_u128..60),
            ),
            proptest::option::of(0_usize..2),
            0_usize..3,
            proptest::option::of(0_usize..2),
            0_u64..40,
            proptest::option::of(0_u64..80),
            0_usize..12,
        )
            .prop_map(
                |((since, until, id), workload, class, decision, after, before, limit)| {
                    EventQuery {
                        since: since.map(at),
                        until: until.map(at),
                        id: id.map(|number| EventId::new(at(0), number)),
                        workload: workload.map(|index| ["a", "b"][index].into()),
                        class: CLASSES[class],
                        decision: decision.map(|index| DECISIONS[index]),
                        after: Seq(after),
                        before: before.map(Seq),
                        limit,
                    }
                },
            )
    }

    proptest! {
        /// Clocks that jump, batches of any size, a retention in between, steps of any size: the walk
        /// finds what a look at every single entry finds.
        #[test]
        fn a_walk_finds_what_is_there(
            times in proptest::collection::vec((0_i64..600, 0_usize..12, any::<bool>()), 1..60),
            batch in 1_usize..9,
            forget in proptest::option::of(0_i64..600),
            query in queries(),
            page in 1_usize..5,
            window in 1_u64..20,
        ) {
            let mut entries = Vec::new();
            for (number, (seconds, kind, ended)) in times.iter().enumerate() {
                entries.push(decision(number, *seconds, *kind));
                if *ended {
                    entries.push(outcome(number, *seconds + 1));
                }
            }
            let batches: Vec<Vec<Entry>> = entries.chunks(batch).map(<[Entry]>::to_vec).collect();
            let mut connection = log(&batches);
            if let Some(forget) = forget {
                let (_, more) = remove(&mut connection, &Turn::none(), at(forget)).unwrap();
                prop_assert!(!more);
            }
            let left = tail(&connection, Seq(0), usize::MAX).unwrap();
            let mut expected: Vec<StoredEvent> = left
                .iter()
                .filter_map(|(seq, entry)| match entry {
                    Entry::Decision(event) if query.wants(*seq, event) => Some((*seq, event)),
                    Entry::Decision(_) | Entry::Outcome(_) => None,
                })
                .map(|(seq, event)| StoredEvent {
                    seq,
                    event: (**event).clone(),
                    outcome: left.iter().find_map(|(_, entry)| match entry {
                        Entry::Outcome(outcome) if outcome.event == event.id => Some(outcome.clone()),
                        Entry::Decision(_) | Entry::Outcome(_) => None,
                    }),
                })
                .collect();
            if query.limit > 0 && expected.len() > query.limit {
                expected.drain(..expected.len() - query.limit);
            }
            prop_assert_eq!(ask(&connection, query, Steps { page, window }), expected);
        }

        /// Whatever is removed was old, nothing old stays for good, and no place is used twice.
        #[test]
        fn retention_removes_only_what_is_old(
            times in proptest::collection::vec(0_i64..600, 1..60),
            forget in 0_i64..600,
        ) {
            let entries: Vec<Entry> = times.iter().enumerate()
                .map(|(number, seconds)| decision(number, *seconds, 0))
                .collect();
            let mut connection = log(&[entries]);
            let before = newest(&connection).unwrap();
            let (gone, _) = remove(&mut connection, &Turn::none(), at(forget)).unwrap();
            let left = tail(&connection, Seq(0), usize::MAX).unwrap();
            prop_assert_eq!(left.len() as u64 + gone, times.len() as u64);
            let young = times.iter().filter(|seconds| **seconds >= forget).count();
            prop_assert!(left.len() >= young);
            prop_assert_eq!(newest(&connection).unwrap(), before);
            // When everything is older than a later limit, everything goes.
            remove(&mut connection, &Turn::none(), at(10_000)).unwrap();
            prop_assert_eq!(tail(&connection, Seq(0), usize::MAX).unwrap(), vec![]);
            prop_assert_eq!(newest(&connection).unwrap(), before);
        }
    }
}
