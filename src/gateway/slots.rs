//! A route's places for requests that run at the same time, shared by the workers.
//!
//! A limit never queues: who finds no place is told at once, and the policy decides what follows.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// The places of one route. The count outlives a reload; the limit is that of the configuration in force.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    taken: Arc<AtomicU32>,
    /// `None`: nothing is counted.
    limit: Option<u32>,
}

/// One place, given back when dropped.
#[derive(Debug)]
pub(super) struct Slot(Option<Arc<AtomicU32>>);

impl Slots {
    pub(super) const fn new(taken: Arc<AtomicU32>, limit: Option<u32>) -> Self {
        Self { taken, limit }
    }

    /// Takes a place. `None`: there is none left.
    pub(super) fn take(&self) -> Option<Slot> {
        let Some(limit) = self.limit else {
            return Some(Slot(None));
        };
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |taken| {
                (taken < limit).then_some(taken + 1)
            })
            .ok()
            .map(|_| Slot(Some(Arc::clone(&self.taken))))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(taken) = &self.0 {
            taken.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_and_a_smaller_limit_waits_for_those_who_run() {
        let taken = Arc::new(AtomicU32::new(0));
        let two = Slots::new(Arc::clone(&taken), Some(2));
        let (first, second) = (two.take(), two.take());
        assert!(first.is_some() && second.is_some());
        assert!(two.take().is_none());
        let one = Slots::new(Arc::clone(&taken), Some(1));
        drop(first);
        assert!(one.take().is_none());
        drop(second);
        assert!(one.take().is_some());
        assert!(one.take().is_some());
        assert!(Slots::new(taken, None).take().is_some());
    }
}
