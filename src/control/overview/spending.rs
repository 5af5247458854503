//! What probing has cost beside what it may cost: of all routes, and of each.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    control::Probed,
    model::{Probing, RouteName},
};

/// What probing has cost, and may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spending {
    /// Requests within this hour of the clock.
    pub requests: u64,
    /// At most; `None`: no limit of its own.
    pub requests_per_hour: Option<u32>,
    /// Money within the last 24 hours, in the currency of the routes' prices.
    pub cost: f64,
    /// At most; `None`: no limit of its own.
    pub cost_per_day: Option<f64>,
    /// Whether nothing more may be sent for now. A budget of nothing is a decision, and is not spent.
    pub spent: bool,
}

impl Spending {
    /// Of one route, or of all together.
    pub(super) fn of(
        settings: &Probing,
        probed: &Probed,
        route: Option<&RouteName>,
        now: Timestamp,
    ) -> Self {
        let budget = route.map_or(settings.budget, |route| settings.of(route));
        let (requests, cost) = probed.spent(route, now);
        // The sum of nothing is minus nothing, and is shown.
        let cost = cost + 0.0;
        let out_of_requests = budget
            .requests_per_hour
            .is_some_and(|limit| limit > 0 && requests >= u64::from(limit));
        let out_of_money = budget
            .cost_per_day
            .is_some_and(|limit| limit > 0.0 && cost >= limit);
        Self {
            requests,
            requests_per_hour: budget.requests_per_hour,
            cost,
            cost_per_day: budget.cost_per_day,
            spent: out_of_requests || out_of_money,
        }
    }
}

/// `300/300 this hour, 0.42/1.00 in 24h`.
impl fmt::Display for Spending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.requests)?;
        if let Some(limit) = self.requests_per_hour {
            write!(formatter, "/{limit}")?;
        }
        write!(formatter, " this hour, {:.2}", self.cost)?;
        if let Some(limit) = self.cost_per_day {
            write!(formatter, "/{limit:.2}")?;
        }
        formatter.write_str(" in 24h")
    }
}
