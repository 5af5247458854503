//! The statements on `events.db` that count events by class and time, from the newest place downwards, in steps.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::{
    Sqlite,
    desk::Reader,
    fault::Fault,
    log,
    record::{counter, integer, micros},
};
use crate::{
    model::{ErrorClass, EventCount, EventDecision, EventTally, WorkloadName},
    store::{StoreError, TrafficQuery},
};

/// Places looked at in one step, and at most: a flood must not keep a reader for seconds.
const STEP: u64 = 100_000;
const MOST: u64 = 1_000_000;

/// A count under way.
struct Tally {
    query: TrafficQuery,
    /// Everything above it has been counted; down to the second one it is wanted.
    top: u64,
    bottom: u64,
    left: u64,
    counts: BTreeMap<(i64, Option<ErrorClass>), u64>,
}

impl Tally {
    fn new(connection: &Connection, query: TrafficQuery) -> Result<Self, Fault> {
        let top = log::newest(connection)?.0;
        let minute = query
            .stretch
            .start(query.first())
            .as_second()
            .div_euclid(60);
        let first: Option<i64> = connection
            .prepare_cached("SELECT min(first) FROM minutes WHERE minute >= ?1")?
            .query_row([minute], |row| row.get(0))?;
        let first = first.and_then(|first| u64::try_from(first).ok());
        Ok(Self {
            bottom: first.map_or(top, |first| first.saturating_sub(1)),
            top,
            query,
            left: MOST,
            counts: BTreeMap::new(),
        })
    }

    const fn goes_on(&self) -> bool {
        self.top > self.bottom && self.left > 0
    }

    fn step(&mut self, connection: &Connection) -> Result<(), Fault> {
        let low = self.top.saturating_sub(STEP).max(self.bottom);
        let stretch = self.query.stretch;
        let mut statement = connection.prepare_cached(
            "SELECT at / ?1, class, count(*) FROM entries
             WHERE seq > ?2 AND seq <= ?3 AND decision IS NOT NULL AND decision <> ?4
               AND at >= ?5 AND at < ?6 AND (?7 IS NULL OR workload = ?7)
             GROUP BY 1, 2",
        )?;
        let mut rows = statement.query(params![
            stretch.seconds() * 1_000_000,
            integer(low),
            integer(self.top),
            EventDecision::Readiness.as_str(),
            micros(stretch.start(self.query.first())),
            micros(stretch.start(self.query.end())),
            self.query.workload.as_ref().map(WorkloadName::as_str),
        ])?;
        while let Some(row) = rows.next()? {
            let class: Option<String> = row.get(1)?;
            let class = class.and_then(|class| class.parse().ok());
            *self.counts.entry((row.get(0)?, class)).or_default() += counter(row, 2)?;
        }
        self.left = self.left.saturating_sub(self.top - low);
        self.top = low;
        Ok(())
    }

    fn finish(self, connection: &Connection) -> Result<EventTally, Fault> {
        let stretch = self.query.stretch;
        // What could not be looked at whole is left out.
        let first = if self.top > self.bottom {
            let at: i64 = connection
                .prepare_cached("SELECT at FROM entries WHERE seq > ?1 ORDER BY seq LIMIT 1")?
                .query_row([integer(self.top)], |row| row.get(0))?;
            at.div_euclid(stretch.seconds() * 1_000_000) + 1
        } else {
            self.query.first()
        };
        let counts = self.counts.into_iter();
        Ok(EventTally {
            since: stretch.start(first),
            counts: counts
                .filter(|((number, _), _)| *number >= first)
                .map(|((number, class), count)| EventCount {
                    start: stretch.start(number),
                    class,
                    count,
                })
                .collect(),
        })
    }
}

impl Sqlite {
    pub(in crate::store) async fn event_tally(
        &self,
        query: TrafficQuery,
    ) -> Result<EventTally, StoreError> {
        let work = move |reader: &mut Reader| {
            let log = &mut reader.log;
            let mut tally = log.run(|connection| Tally::new(connection, query))?;
            while tally.goes_on() {
                log.run(|connection| tally.step(connection))?;
            }
            log.run(|connection| tally.finish(connection))
        };
        self.0.readers.call(work).await
    }
}
