//! How many events there were of each class in each minute: from the headers of messages alone.
//!
//! Whoever asks again reads only what has come since.

use std::{collections::BTreeMap, ops::ControlFlow};

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::{
    pack::Counted,
    read::{self, Extent, SLACK},
};
use crate::{
    model::{ErrorClass, EventCount, EventTally, Stretch},
    store::{
        StoreError, TrafficQuery,
        nats::{layout::token, link::Link},
    },
};

/// How many messages are looked at at most: what lies before them is left out, and said to be.
const MOST: u64 = 500_000;
/// How many different counts are held; beyond it everything is counted anew when it is asked for.
const HELD: usize = 500_000;

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// The sequences that were counted: from the first, and before the second.
    from: u64,
    next: u64,
    /// Before it not everything was counted; `None`: there is nothing before.
    since: Option<Timestamp>,
    found: BTreeMap<Counted, u64>,
}

impl Tally {
    /// Counts.
    pub(super) async fn count(
        &self,
        link: &Link,
        query: &TrafficQuery,
    ) -> Result<EventTally, StoreError> {
        let begin = query.stretch.start(query.first());
        let mut counts = self.0.lock().await;
        let extent = read::extent(link).await?;
        let from = first(link, extent, begin).await?;
        if from < counts.from || counts.next < from || counts.found.len() > HELD {
            *counts = Counts {
                from,
                next: from,
                since: None,
                found: BTreeMap::new(),
            };
        }
        counts.read(link, extent).await?;
        Ok(counts.answer(query, begin))
    }

    /// Forgets everything: some of it was removed.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = Counts::default();
    }
}

/// Where what was made since a moment begins.
async fn first(link: &Link, extent: Extent, begin: Timestamp) -> Result<u64, StoreError> {
    let first = extent.first.max(1);
    match begin.checked_sub(SLACK) {
        Ok(begin) if extent.times_tell => Ok(read::position(link, extent, begin).await?.max(first)),
        Ok(_) | Err(_) => Ok(first),
    }
}

impl Counts {
    async fn read(&mut self, link: &Link, extent: Extent) -> Result<(), StoreError> {
        let least = (extent.last + 1).saturating_sub(MOST);
        let cut = self.next < least;
        if cut {
            (self.from, self.next) = (least, least);
            self.found.clear();
        }
        let mut cut_at = None;
        let (counts, next) = (&mut self.found, &mut self.next);
        read::stream(link, (*next, extent.last), false, |message| {
            if cut && cut_at.is_none() {
                cut_at = Some(message.stored);
            }
            for (counted, count) in message.summary().unwrap_or_default().tally {
                *counts.entry(counted).or_default() += count;
            }
            *next = message.sequence + 1;
            ControlFlow::Continue(())
        })
        .await?;
        // What is not there any more was seen as well.
        self.next = self.next.max(extent.last + 1);
        if cut {
            self.since = cut_at;
        }
        Ok(())
    }

    fn answer(&self, query: &TrafficQuery, begin: Timestamp) -> EventTally {
        let stretch = query.stretch;
        let first = match self.since {
            // The stretch in which the look began was not seen whole.
            Some(since) if since > begin => stretch.of(since) + 1,
            Some(_) | None => query.first(),
        };
        let workload = query.workload.as_ref().map(|name| token(name.as_str()));
        let mut told: BTreeMap<(i64, Option<ErrorClass>), u64> = BTreeMap::new();
        for (counted, count) in &self.found {
            let number = number(stretch, counted.minute);
            if (first..query.end()).contains(&number)
                && workload
                    .as_ref()
                    .is_none_or(|only| *only == counted.workload)
            {
                *told.entry((number, counted.class)).or_default() += count;
            }
        }
        EventTally {
            since: stretch.start(first),
            counts: told
                .into_iter()
                .map(|((number, class), count)| EventCount {
                    start: stretch.start(number),
                    class,
                    count,
                })
                .collect(),
        }
    }
}

fn number(stretch: Stretch, minute: i64) -> i64 {
    minute.saturating_mul(60).div_euclid(stretch.seconds())
}
