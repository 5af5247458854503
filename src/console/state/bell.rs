//! The terminal's bell: once for a workload that begins to fail, once for an override that ends by itself.
//!
//! Part of the state; `update` looks once a second, whatever is on the screen. It never rings for what was so when
//! the console began to look, for a workload that flaps, or twice in a short while.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    control::{Overview, State},
    model::{OverrideKey, Overrides, Revision, WorkloadName},
};

/// A workload that failed so lately fails still: it is no news when it does again.
const CALM: SignedDuration = SignedDuration::from_secs(60);

/// Whoever was called so lately is looking.
const APART: SignedDuration = SignedDuration::from_secs(10);

/// What was there when it was looked last.
#[derive(Clone, Debug, Default)]
pub struct Bell {
    /// Whether it may ring.
    pub enabled: bool,
    /// When each workload was last seen failing; `None` before the first look.
    failing: Option<BTreeMap<WorkloadName, Timestamp>>,
    /// When the overrides that end by themselves do.
    ending: BTreeMap<OverrideKey, (Revision, Timestamp)>,
    /// The second in which it was looked last.
    looked: Option<i64>,
    rang: Option<Timestamp>,
}

impl Bell {
    /// Looks, once a second; answers whether the bell is to ring.
    pub fn look(
        &mut self,
        overview: Option<&Overview>,
        overrides: Option<&Overrides>,
        now: Timestamp,
    ) -> bool {
        let second = Some(now.as_second());
        if !self.enabled || self.looked == second {
            return false;
        }
        self.looked = second;
        let fails = overview.is_some_and(|overview| self.fails(overview, now));
        let ended = overrides.is_some_and(|overrides| self.ended(overrides, now));
        let lately = self
            .rang
            .is_some_and(|rang| now.duration_since(rang) < APART);
        let rings = (fails || ended) && !lately;
        if rings {
            self.rang = Some(now);
        }
        rings
    }

    /// Whether a workload has begun to fail.
    fn fails(&mut self, overview: &Overview, now: Timestamp) -> bool {
        let first = self.failing.is_none();
        let seen = self.failing.get_or_insert_default();
        seen.retain(|_, at| now.duration_since(*at) < CALM);
        let mut new = false;
        for status in &overview.workloads {
            if status.state == State::Failing {
                new |= seen.insert(status.workload.clone(), now).is_none();
            }
        }
        new && !first
    }

    /// Whether an override has ended by itself. One that was taken back has not.
    fn ended(&mut self, overrides: &Overrides, now: Timestamp) -> bool {
        let over = self.ending.iter().any(|(key, (revision, at))| {
            *at <= now
                && overrides
                    .slots
                    .get(key)
                    .is_none_or(|slot| slot.revision == *revision || slot.current.is_none())
        });
        self.ending = overrides
            .slots
            .iter()
            .filter_map(|(key, slot)| {
                let at = slot.current.as_ref()?.expires?;
                (at > now).then(|| (key.clone(), (slot.revision, at)))
            })
            .collect();
        over
    }
}
