//! What probing has found and spent, kept in memory and read on: never all of it again.
//!
//! Filled by the door from the store, sent to followers as news, and used by the overview. It must not send a
//! probe.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    model::{ProbeKey, ProbeRecord, ProbeSubject, RouteName, Spent},
    probe::Purse,
    store::{Store, StoreError},
};

/// Of what an answer said, so many characters are kept here: enough to recognise it.
const OUTPUT: usize = 400;

/// Sums of spending are read at most so often.
const SUMS_APART: Duration = Duration::from_secs(5);

/// The records of one route, by subject: rungs from the lowest up, then samples by name.
pub(super) type OfRoute = Arc<BTreeMap<ProbeSubject, ProbeRecord>>;

/// The newest record of everything that was probed, and what that has cost. Cheap to clone, and what is new of one
/// route leaves the records of the others where they are.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    routes: Arc<BTreeMap<RouteName, OfRoute>>,
    purse: Arc<Purse>,
}

impl Probed {
    /// Out of the newest records and of what was spent within a day.
    #[must_use]
    pub fn new(records: impl IntoIterator<Item = ProbeRecord>, spent: &[Spent]) -> Self {
        let mut probed = Self {
            purse: Arc::new(Purse::of(spent)),
            ..Self::default()
        };
        probed.add(records);
        probed
    }

    pub(super) fn add(&mut self, records: impl IntoIterator<Item = ProbeRecord>) {
        let routes = Arc::make_mut(&mut self.routes);
        for record in records {
            let key = record.key();
            let of_it = routes.entry(key.route).or_default();
            Arc::make_mut(of_it).insert(key.subject, record);
        }
    }

    /// The newest record of one thing.
    #[must_use]
    pub fn record(&self, key: &ProbeKey) -> Option<&ProbeRecord> {
        self.routes.get(&key.route)?.get(&key.subject)
    }

    /// The records of one route.
    pub(super) fn of_route(&self, route: &RouteName) -> Option<&OfRoute> {
        self.routes.get(route)
    }

    /// Requests within the hour of a moment and money within the day before it, of a route or of all.
    #[must_use]
    pub fn spent(&self, route: Option<&RouteName>, now: Timestamp) -> (u64, f64) {
        self.purse.spent(route, Spent::hour_of(now))
    }

    /// Whether both are the very same.
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.routes, &other.routes) && Arc::ptr_eq(&self.purse, &other.purse)
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
            let shortened = newer.into_iter().map(|mut record| {
                shorten(&mut record);
                record
            });
            self.probed.add(shortened);
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
