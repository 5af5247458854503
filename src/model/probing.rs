//! How and how often routes are probed by themselves, and what that may cost.

use std::{collections::BTreeMap, time::Duration};

use super::RouteName;

/// What probing may cost; `None`: no limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Budget {
    /// Requests within one hour of the clock.
    pub requests_per_hour: Option<u32>,
    /// Money within the last 24 hours, in the currency of the routes' prices.
    pub cost_per_day: Option<f64>,
}

/// The schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Probing {
    /// Whether anything is sent by schedule.
    pub active: bool,
    /// How often a silent route is asked with each sample.
    pub interval: Duration,
    /// How often a route is asked whose circuit is open or whose last probe failed.
    pub paused_interval: Duration,
    /// How long a proof holds.
    pub fresh: Duration,
    /// Probes that run at the same time.
    pub at_once: usize,
    /// Of all routes together.
    pub budget: Budget,
    /// Of single routes.
    pub routes: BTreeMap<RouteName, Budget>,
}

impl Default for Probing {
    /// The defaults of the configuration.
    fn default() -> Self {
        Self {
            active: true,
            interval: Duration::from_mins(10),
            paused_interval: Duration::from_mins(1),
            fresh: Duration::from_mins(30),
            at_once: 4,
            budget: Budget {
                requests_per_hour: Some(600),
                cost_per_day: Some(1.0),
            },
            routes: BTreeMap::new(),
        }
    }
}

impl Probing {
    /// The most requests that climbing a route's ladder takes, besides one for each sample.
    pub const LADDER_REQUESTS: u32 = 4;

    /// The budget of one route.
    #[must_use]
    pub fn of(&self, route: &RouteName) -> Budget {
        self.routes.get(route).copied().unwrap_or_default()
    }
}
