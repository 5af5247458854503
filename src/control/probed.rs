//! What probing has found and spent, kept in memory and read on: never all of it again.
//!
//! Filled by the door from the store, sent to followers as news, and used by the overview. It must not send a
//! probe.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    model::{ProbeKey, ProbeRecord, ProbeSubject, RouteName, Rung, Spent},
    probe::Purse,
    store::{Store, StoreError},
};

/// Of what an answer said, so many characters are kept here: enough to recognise it.
const OUTPUT: usize = 400;

/// Sums of spending are read at most so often.
const SUMS_APART: Duration = Duration::from_secs(5);

/// The newest record of everything that was probed, and what that has cost. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    records: Arc<BTreeMap<ProbeKey, ProbeRecord>>,
    purse: Arc<Purse>,
}

impl Probed {
    /// Out of the newest records and of what was spent within a day.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = ProbeRecord>, spent: &[Spent]) -> Self {
        let records = records.into_iter().map(|record| (record.key(), record));
        Self {
            records: Arc::new(records.collect()),
            purse: Arc::new(Purse::of(spent)),
        }
    }

    /// Every record, by key.
    pub fn records(&self) -> impl Iterator<Item = &ProbeRecord> {
        self.records.values()
    }

    /// The newest record of one thing.
    #[must_use]
    pub fn record(&self, key: &ProbeKey) -> Option<&ProbeRecord> {
        self.records.get(key)
    }

    /// The records of one route: its rungs from the lowest up, then its samples by name.
    pub fn of_route(&self, route: &RouteName) -> impl Iterator<Item = &ProbeRecord> {
        let first = ProbeKey {
            route: route.clone(),
            subject: ProbeSubject::Rung(Rung::Key),
        };
        let of_it = route.clone();
        self.records
            .range(first..)
            .take_while(move |(key, _)| key.route == of_it)
            .map(|(_, record)| record)
    }

    /// Requests within the hour of a moment and money within the day before it, of a route or of all.
    #[must_use]
    pub fn spent(&self, route: Option<&RouteName>, now: Timestamp) -> (u64, f64) {
        self.purse.spent(route, Spent::hour_of(now))
    }

    /// Whether both are the very same.
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.records, &other.records) && Arc::ptr_eq(&self.purse, &other.purse)
    }
}

/// Reads on.
#[derive(Debug, Default)]
pub(super) struct Reader {
    probed: Probed,
    /// The place in the store from which to read on.
    read: u64,
    /// When the sums were read, and in which hour.
    summed: Option<(Instant, i64)>,
    /// Something was probed since.
    spent: bool,
}

impl Reader {
    /// Reads what is new, and answers with everything.
    pub(super) async fn read(
        &mut self,
        store: &Store,
        now: Timestamp,
    ) -> Result<Probed, StoreError> {
        let (newer, read) = store.probes_since(self.read).await?;
        self.read = read;
        if !newer.is_empty() {
            let records = Arc::make_mut(&mut self.probed.records);
            for mut record in newer {
                shorten(&mut record);
                records.insert(record.key(), record);
            }
            self.spent = true;
        }
        let hour = Spent::hour_of(now);
        let due = match self.summed {
            None => true,
            Some((_, of)) if of != hour => true,
            Some((at, _)) => self.spent && at.elapsed() >= SUMS_APART,
        };
        if due {
            let spent = store.spent(Purse::since(hour)).await?;
            self.probed.purse = Arc::new(Purse::of(&spent));
            self.summed = Some((Instant::now(), hour));
            self.spent = false;
        }
        Ok(self.probed.clone())
    }
}

fn shorten(record: &mut ProbeRecord) {
    if let ProbeRecord::Sample(result) = record
        && let Some((end, _)) = result.output.char_indices().nth(OUTPUT)
    {
        result.output.truncate(end);
        result.output.shrink_to_fit();
    }
}
