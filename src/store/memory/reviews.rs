//! Reviews and what is owed, in memory.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

use super::Memory;
use crate::{
    model::{Debt, Retention, Review, ReviewHead, ReviewId, Reviewed, WorkloadName},
    store::{REVIEWS_FOLLOWED, ReviewQuery, StoreError, earlier},
};

/// All of them, and what is followed of them.
#[derive(Debug, Default)]
pub(super) struct Reviews {
    all: BTreeMap<ReviewId, Review>,
    debts: BTreeMap<WorkloadName, Debt>,
    place: u64,
    followed: watch::Sender<Arc<Reviewed>>,
}

impl Reviews {
    /// Keeps what a change made owed; what is owed already stays owed since then.
    pub(super) fn owe(&mut self, debts: Vec<Debt>) {
        if debts.is_empty() {
            return;
        }
        for debt in debts {
            self.debts.entry(debt.workload.clone()).or_insert(debt);
        }
        self.publish();
    }

    /// The newest first.
    fn of<'a>(&'a self, workload: &'a WorkloadName) -> impl Iterator<Item = &'a ReviewHead> {
        let heads = self.all.values().rev().map(|review| &review.head);
        heads.filter(move |head| head.workload == *workload)
    }

    fn workloads(&self) -> Vec<WorkloadName> {
        let mut names: Vec<_> = self
            .all
            .values()
            .map(|review| review.head.workload.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    fn publish(&mut self) {
        self.place += 1;
        let heads = self
            .workloads()
            .iter()
            .flat_map(|workload| self.of(workload).take(REVIEWS_FOLLOWED))
            .cloned()
            .collect();
        self.followed.send_replace(Arc::new(Reviewed {
            place: self.place,
            heads,
            debts: self.debts.values().cloned().collect(),
        }));
    }
}

impl Memory {
    pub(in crate::store) fn reviewed(&self) -> watch::Receiver<Arc<Reviewed>> {
        self.shared.lock().reviews.followed.subscribe()
    }

    pub(in crate::store) async fn put_review(
        &self,
        review: Review,
        settles: bool,
    ) -> Result<(), StoreError> {
        let kept = &mut self.write()?.reviews;
        if kept.all.contains_key(&review.head.id) {
            return Err(StoreError::Failed {
                place: "memory".to_owned(),
                cause: format!("review {} is there already", review.head.id),
            });
        }
        if settles {
            let paid =
                |debt: &Debt| debt.workload == review.head.workload && debt.since <= review.head.at;
            kept.debts.retain(|_, debt| !paid(debt));
        }
        kept.all.insert(review.head.id.clone(), review);
        kept.publish();
        Ok(())
    }

    pub(in crate::store) async fn reviews(
        &self,
        query: ReviewQuery,
    ) -> Result<Vec<ReviewHead>, StoreError> {
        let limit = if query.limit == 0 {
            usize::MAX
        } else {
            query.limit
        };
        let kept = &self.read()?.reviews;
        let heads = kept.all.values().rev().map(|review| &review.head);
        Ok(heads
            .filter(|head| query.wants(head))
            .take(limit)
            .cloned()
            .collect())
    }

    pub(in crate::store) async fn review(
        &self,
        id: ReviewId,
    ) -> Result<Option<Review>, StoreError> {
        Ok(self.read()?.reviews.all.get(&id).cloned())
    }

    /// Removes the outputs of old reviews, and heads that nobody needs.
    pub(in crate::store) async fn retain_reviews(
        &self,
        retention: Retention,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let heads_before = earlier(now, retention.audit);
        let outputs_before = earlier(now, retention.reviews);
        let kept = &mut self.write()?.reviews;
        let count = kept.all.len();
        for workload in kept.workloads() {
            let ids: Vec<_> = kept.of(&workload).map(|head| head.id.clone()).collect();
            for (place, id) in ids.iter().enumerate().skip(1) {
                let Some(review) = kept.all.get_mut(id) else {
                    continue;
                };
                if review.head.at < outputs_before {
                    review.strip();
                }
                if place >= REVIEWS_FOLLOWED && review.head.at < heads_before {
                    kept.all.remove(id);
                }
            }
        }
        if kept.all.len() != count {
            kept.publish();
        }
        Ok(())
    }
}
