//! The retry budget: retries and fallbacks as a share of live requests, so that an outage is not amplified.

use std::time::{Duration, Instant};

/// How far back is counted.
const WINDOW: usize = 10;
/// What is always allowed within the window, so that a quiet workload can fall back at all.
const FLOOR: f64 = 10.0;

/// A budget over the last ten seconds.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    share: f64,
    seconds: [Second; WINDOW],
    start: Option<Instant>,
}

/// What happened in one second.
#[derive(Clone, Copy, Debug, Default)]
struct Second {
    number: u64,
    requests: u32,
    retries: u32,
}

impl RetryBudget {
    /// `share` of live requests, 0.0 to 1.0; 1.0 and above: no limit.
    #[must_use]
    pub fn new(share: f64) -> Self {
        Self {
            share,
            seconds: [Second::default(); WINDOW],
            start: None,
        }
    }

    /// Counts a live request.
    pub fn request(&mut self, now: Instant) {
        if self.unlimited() {
            return;
        }
        self.second(now).requests += 1;
    }

    /// Takes one retry, if there is one left.
    pub fn take(&mut self, now: Instant) -> bool {
        if self.unlimited() {
            return true;
        }
        let current = self.second(now).number;
        let (mut requests, mut retries) = (0_u32, 0_u32);
        for second in &self.seconds {
            if current - second.number < WINDOW as u64 {
                requests += second.requests;
                retries += second.retries;
            }
        }
        let allowed = f64::from(retries) < f64::from(requests).mul_add(self.share, FLOOR);
        if allowed {
            self.second(now).retries += 1;
        }
        allowed
    }

    fn unlimited(&self) -> bool {
        self.share >= 1.0
    }

    /// The bucket of this second, emptied when it was last used a window ago.
    fn second(&mut self, now: Instant) -> &mut Second {
        let start = *self.start.get_or_insert(now);
        let elapsed = now.saturating_duration_since(start) + Duration::from_secs(WINDOW as u64);
        let number = elapsed.as_secs();
        let place = usize::try_from(number % WINDOW as u64).unwrap_or_default();
        let second = &mut self.seconds[place];
        if second.number != number {
            *second = Second {
                number,
                ..Second::default()
            };
        }
        second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn quiet_workloads_have_a_floor() {
        let now = Clock::instant();
        let mut budget = RetryBudget::new(0.0);
        let taken = (0..100).filter(|_| budget.take(now)).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn busy_workloads_get_their_share_and_the_window_slides() {
        let now = Clock::instant();
        let mut budget = RetryBudget::new(0.2);
        (0..1000).for_each(|_| budget.request(now));
        assert_eq!((0..1000).filter(|_| budget.take(now)).count(), 210);
        let later = now + Duration::from_secs(11);
        assert_eq!((0..1000).filter(|_| budget.take(later)).count(), 10);
    }

    #[test]
    fn a_full_share_is_no_limit() {
        let now = Clock::instant();
        let mut budget = RetryBudget::new(1.0);
        assert!((0..10_000).all(|_| budget.take(now)));
    }
}
