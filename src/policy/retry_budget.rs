//! The retry budget: retries and fallbacks as a share of live requests, so that an outage is not amplified.

use std::time::Instant;

/// A budget over a sliding window.
#[derive(Clone, Debug)]
pub struct RetryBudget {}

impl RetryBudget {
    /// `share` of live requests, 0.0 to 1.0; 1.0 and above: no limit.
    #[must_use]
    pub fn new(share: f64) -> Self {
        let _ = share;
        Self {}
    }

    /// Counts a live request.
    pub fn request(&mut self, now: Instant) {
        let _ = now;
        todo!()
    }

    /// Takes one retry, if there is one left.
    pub fn take(&mut self, now: Instant) -> bool {
        let _ = now;
        todo!()
    }
}
