//! Everything of a store on one host taken over into a cluster: the audit with its chain, overrides, plans, reviews and
//! what is owed, events, what is known of traffic and of probes with their past, and what was captured of requests in
//! the last day.
//!
//! Used by the command line. What is there already is passed over, so a migration that was interrupted is run again.
//! Nothing is taken over into a cluster with a past of its own.

mod captured;
mod compare;
mod past;

use std::{collections::BTreeMap, path::PathBuf};

use serde::Serialize;

use super::{
    Access, Added, Backend, ReviewQuery, Store, StoreError,
    fact::{Deed, KeyChange},
    nats::Nats,
    sqlite::Sqlite,
};
use crate::{
    clock::Clock,
    model::{
        Anchor, AuditRecord, Entry, Override, OverrideKey, PlanId, Revision, Seal, Seq, Slot,
        StorePlace, Stretch,
    },
};

/// Records of the audit that are read at once, and go into one message unless they are long.
const RECORDS: usize = 100;
/// How long a message with records may be.
const LONG: usize = 256 << 10;
/// Entries of the log that are read at once.
const ENTRIES: usize = 1_000;

/// A store on one host, and a cluster that is to have the same.
#[derive(Debug)]
pub struct Migration {
    from: Sqlite,
    /// The same, for what is asked as everybody asks it.
    source: Store,
    to: Nats,
    target: Store,
    clock: Clock,
    /// Where the view of the cluster lies meanwhile.
    _view: tempfile::TempDir,
}

/// What one side has, and what was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Migrated {
    /// The number of the newest record of the audit.
    pub audit: u64,
    /// Records of it that were taken over now.
    pub records: u64,
    /// Overrides and ended ones.
    pub overrides: usize,
    /// Plans that were taken over now.
    pub plans: usize,
    /// Reviews.
    pub reviews: usize,
    /// Reviews that are owed.
    pub debts: usize,
    /// Events and outcomes that were taken over now, and those that were there.
    pub events: Added,
    /// Minutes and hours of traffic.
    pub stretches: usize,
    /// What probes found.
    pub probes: usize,
    /// Points of their history.
    pub points: usize,
    /// Captured requests.
    pub captures: usize,
}

impl Migration {
    /// Opens both.
    ///
    /// # Errors
    /// When one of them cannot be opened, or is not of its kind.
    pub async fn open(from: &str, to: &StorePlace, clock: Clock) -> Result<Self, StoreError> {
        let source = Store::open(from, Access::Observe, clock.clone()).await?;
        let unknown = |url: &str| StoreError::UnknownUrl {
            url: url.to_owned(),
        };
        let Backend::Sqlite(sqlite) = source.0.clone() else {
            return Err(unknown(from));
        };
        let failed = |error: std::io::Error| StoreError::Open {
            place: to.url.clone(),
            cause: error.to_string(),
        };
        // Not this host's own view: whoever migrates need not be whom that belongs to.
        let view = tempfile::tempdir().map_err(failed)?;
        let place = StorePlace {
            view: Some(PathBuf::from(view.path())),
            ..to.clone()
        };
        let target = Store::open(place, Access::Write, clock.clone()).await?;
        let Backend::Nats(nats) = target.0.clone() else {
            return Err(StoreError::NoCluster {
                url: to.url.clone(),
            });
        };
        Ok(Self {
            from: sqlite,
            source,
            to: nats,
            target,
            clock,
            _view: view,
        })
    }

    /// What the store has; nothing is taken over.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn look(&self) -> Result<Migrated, StoreError> {
        let from = &self.source;
        let mut events = Added::default();
        self.each_page(async |page| {
            for entry in &page {
                events.count(entry, true);
            }
            Ok(())
        })
        .await?;
        let reviewed = from.reviewed().borrow().clone();
        let done = self.target.audit_head().await?.sequence;
        let audit = from.audit_head().await?.sequence;
        let mut stretches = 0;
        for stretch in Stretch::ALL {
            stretches += self.past(stretch).await?.len();
        }
        let found = from.probes(None).await?;
        let mut points = 0;
        for record in &found {
            points += from.probe_history(record.key()).await?.len();
        }
        Ok(Migrated {
            audit,
            records: audit.saturating_sub(done),
            overrides: from.overrides().borrow().slots.len(),
            plans: self.from.plans().await?.len(),
            reviews: from.reviews(ReviewQuery::default()).await?.len(),
            debts: reviewed.debts.len(),
            events,
            stretches,
            probes: found.len(),
            points,
            captures: self.from.all_captures().await?.len(),
        })
    }

    /// Takes everything over, and compares both afterwards.
    ///
    /// # Errors
    /// When the cluster has a past of its own, either fails, or they differ afterwards.
    pub async fn run(&self) -> Result<Migrated, StoreError> {
        let mut done = Migrated {
            plans: self.plans().await?,
            records: self.audit().await?,
            ..Migrated::default()
        };
        self.slots().await?;
        done.reviews = self.reviews().await?;
        done.debts = self.debts().await?;
        let import = self.target.import()?;
        let mut events = Added::default();
        self.each_page(async |page| {
            events += import.add(page).await?;
            Ok(())
        })
        .await?;
        done.events = events;
        done.stretches = self.traffic().await?;
        (done.probes, done.points) = self.probes().await?;
        done.captures = self.captures().await?;
        (done.audit, done.overrides) = self.compare(&done).await?;
        Ok(done)
    }

    /// Closes both.
    ///
    /// # Errors
    /// When something was not made durable.
    pub async fn close(self) -> Result<(), StoreError> {
        let target = self.target.close().await;
        self.source.close().await.and(target)
    }

    /// The records that are not there yet, in their order; each leaves its override as it did once.
    async fn audit(&self) -> Result<u64, StoreError> {
        let mut head = self.agreed().await?;
        let applied: BTreeMap<PlanId, Option<Revision>> = self
            .from
            .plans()
            .await?
            .into_iter()
            .map(|(plan, applied)| (plan.id, applied))
            .collect();
        let mut taken = 0;
        loop {
            let page = self.source.sealed(head.sequence, RECORDS).await?;
            if page.is_empty() {
                return Ok(taken);
            }
            let (mut keys, mut length, mut last) = (Vec::new(), 0, head);
            for sealed in page {
                let (Some(record), Some(seal)) = (sealed.read(), sealed.seal) else {
                    return Err(self.differ("a record of the audit cannot be read, or has no seal; look at `backstop audit --verify`"));
                };
                if sealed.previous != last.seal || record.sequence != last.sequence + 1 {
                    return Err(self.differ(
                        "the chain of the audit is broken; look at `backstop audit --verify`",
                    ));
                }
                last = Anchor {
                    sequence: record.sequence,
                    seal,
                };
                let plan = record
                    .plan
                    .clone()
                    .filter(|plan| applied.contains_key(plan));
                length += sealed.record.to_string().len();
                keys.push(KeyChange {
                    key: record.key.clone(),
                    slot: slot_after(&record),
                    records: vec![sealed.record],
                    debts: Vec::new(),
                });
                // A plan is marked at the last key of its fact.
                if plan.is_some() || length > LONG {
                    taken += self.take(head, std::mem::take(&mut keys), plan).await?;
                    (head, length) = (last, 0);
                }
            }
            if !keys.is_empty() {
                taken += self.take(head, keys, None).await?;
            }
            head = last;
        }
    }

    async fn take(
        &self,
        after: Anchor,
        keys: Vec<KeyChange>,
        plan: Option<PlanId>,
    ) -> Result<u64, StoreError> {
        let records = keys.len() as u64;
        self.to
            .take_over(after, Deed::Changed { keys, plan })
            .await?;
        Ok(records)
    }

    /// Where the audit of the cluster ends; it must be a place of the store's.
    async fn agreed(&self) -> Result<Anchor, StoreError> {
        let head = self.target.audit_head().await?;
        if head.sequence > 0 {
            let there = self.source.sealed(head.sequence - 1, 1).await?;
            let same = there.first().is_some_and(|sealed| {
                sealed.seal == Some(head.seal)
                    && sealed
                        .read()
                        .is_some_and(|record| record.sequence == head.sequence)
            });
            // All records of the store may be too old to be there.
            let none_left = there.is_empty() && self.source.audit_head().await? == head;
            if !same && !none_left {
                return Err(self.differ("the cluster has a past of its own"));
            }
            return Ok(head);
        }
        // What retention removed is not there, and what follows goes on behind it.
        let first = self.source.sealed(0, 1).await?;
        let behind = match first.first() {
            Some(sealed) => sealed.read().map(|record| Anchor {
                sequence: record.sequence.saturating_sub(1),
                seal: sealed.previous,
            }),
            None => Some(self.source.audit_head().await?),
        };
        match behind {
            Some(after) if after.sequence > 0 => {
                let first = Anchor {
                    sequence: 0,
                    seal: Seal::FIRST,
                };
                self.to.take_over(first, Deed::Continued { after }).await?;
                Ok(after)
            }
            Some(_) | None => Ok(head),
        }
    }

    /// Overrides of which no record is left, or whose record says less than they do.
    async fn slots(&self) -> Result<(), StoreError> {
        let (from, to) = (self.source.overrides(), self.target.overrides());
        let (from, to) = (from.borrow().clone(), to.borrow().clone());
        let missing = from
            .slots
            .iter()
            .filter(|(key, slot)| to.slots.get(*key) != Some(*slot));
        let keys: Vec<KeyChange> = missing
            .map(|(key, slot)| bare(key.clone(), slot.clone()))
            .collect();
        if keys.is_empty() {
            return Ok(());
        }
        let head = self.target.audit_head().await?;
        self.take(head, keys, None).await.map(drop)
    }

    /// Plans come before the records that say that they were applied.
    async fn plans(&self) -> Result<usize, StoreError> {
        let mut taken = 0;
        for (plan, _) in self.from.plans().await? {
            if self.target.plan(plan.id.clone()).await?.is_none() {
                let head = self.target.audit_head().await?;
                self.to.take_over(head, Deed::Planned { plan }).await?;
                taken += 1;
            }
        }
        Ok(taken)
    }

    async fn reviews(&self) -> Result<usize, StoreError> {
        let mut from = self.source.reviews(ReviewQuery::default()).await?;
        let to = self.target.reviews(ReviewQuery::default()).await?;
        let all = from.len();
        from.retain(|head| !to.iter().any(|there| there.id == head.id));
        // Oldest first, as they were made.
        for head in from.into_iter().rev() {
            if let Some(review) = self.source.review(head.id).await? {
                self.target.put_review(review, false).await?;
            }
        }
        Ok(all)
    }

    /// What is owed now stands with the override that it came with.
    async fn debts(&self) -> Result<usize, StoreError> {
        let owed = self.source.reviewed().borrow().debts.clone();
        let there = self.target.reviewed().borrow().debts.clone();
        let all = owed.len();
        let missing: Vec<_> = owed
            .into_iter()
            .filter(|debt| !there.contains(debt))
            .collect();
        let overrides = self.source.overrides().borrow().clone();
        let mut slots = overrides.slots.iter();
        if let (false, Some((key, slot))) = (missing.is_empty(), slots.next()) {
            let head = self.target.audit_head().await?;
            let change = KeyChange {
                debts: missing,
                ..bare(key.clone(), slot.clone())
            };
            self.take(head, vec![change], None).await?;
        }
        Ok(all)
    }

    async fn each_page(
        &self,
        mut take: impl AsyncFnMut(Vec<Entry>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut seen = Seq(0);
        loop {
            let page = self.source.tail(seen, ENTRIES).await?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            seen = *last;
            take(page.into_iter().map(|(_, entry)| entry).collect()).await?;
        }
    }

    fn differ(&self, cause: &str) -> StoreError {
        self.to.failed(&cause)
    }
}

/// A key as it is, with nothing to say about how it came.
fn bare(key: OverrideKey, slot: Slot) -> KeyChange {
    KeyChange {
        key,
        slot,
        records: Vec::new(),
        debts: Vec::new(),
    }
}

/// What a record left behind.
fn slot_after(record: &AuditRecord) -> Slot {
    Slot {
        revision: record.revision,
        current: record.after.map(|change| Override {
            change,
            actor: record.actor.clone(),
            since: record.at,
            expires: record.expires,
            reason: record.reason,
            note: record.note.clone(),
            ticket: record.ticket.clone(),
            break_glass: record.break_glass,
        }),
    }
}
