//! Leases and spending: what the processes of one store agree on so that only one of them probes, and not too
//! much.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ProbeResult, RouteName};

/// The right to do what only one process may do, until it ends or is renewed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who has it.
    pub holder: String,
    /// Until when.
    pub until: Timestamp,
    /// Grows with every change of the holder: what an earlier holder still does can be told apart.
    pub term: u64,
}

/// What probing a route has cost within one hour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Which route.
    pub route: RouteName,
    /// The hour, counted from 1970.
    pub hour: i64,
    /// Requests sent.
    pub requests: u64,
    /// Money, in the currency of the route's price; 0 where prices or counts are not known.
    pub cost: f64,
}

impl Spent {
    /// The hour of a moment.
    #[must_use]
    pub fn hour_of(at: Timestamp) -> i64 {
        at.as_second().div_euclid(3600)
    }

    /// What answers cost, by hour and route: each took one request.
    #[must_use]
    pub fn of<'r>(results: impl IntoIterator<Item = &'r ProbeResult>) -> Vec<Self> {
        let mut sums = BTreeMap::<(i64, &RouteName), Self>::new();
        for result in results {
            let hour = Self::hour_of(result.at);
            let sum = sums.entry((hour, &result.route)).or_insert_with(|| Self {
                route: result.route.clone(),
                hour,
                requests: 0,
                cost: 0.0,
            });
            sum.requests += 1;
            sum.cost += result.cost.as_ref().map_or(0.0, |cost| cost.amount);
        }
        sums.into_values().collect()
    }
}
