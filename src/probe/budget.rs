//! What probing may still cost: requests within the hour, money within the day, in all and for each route.
//!
//! Pure; `rounds` asks before it sends and tells what was spent. The sums are those of the store, so that a
//! takeover does not begin with a full purse.

use std::collections::BTreeMap;

use crate::model::{Budget, Probing, RouteName, Spent};

/// Hours in which money is counted.
const DAY: i64 = 24;

/// Requests and money by hour.
type Hours = BTreeMap<i64, (u64, f64)>;

/// What was spent so far.
#[derive(Clone, Debug, Default)]
pub struct Purse {
    all: Hours,
    routes: BTreeMap<RouteName, Hours>,
}

/// What was spent on a route in an hour.
pub(super) fn spent(route: &RouteName, hour: i64, requests: u64, cost: f64) -> Spent {
    Spent {
        route: route.clone(),
        hour,
        requests,
        cost,
    }
}

impl Purse {
    /// The oldest hour that matters at an hour.
    #[must_use]
    pub const fn since(hour: i64) -> i64 {
        hour - DAY + 1
    }

    /// Out of the sums of the store.
    #[must_use]
    pub fn of(spent: &[Spent]) -> Self {
        let mut purse = Self::default();
        for spent in spent {
            purse.add(spent);
        }
        purse
    }

    pub(super) fn add(&mut self, spent: &Spent) {
        let of_route = self.routes.entry(spent.route.clone()).or_default();
        for hours in [&mut self.all, of_route] {
            let sum = hours.entry(spent.hour).or_default();
            sum.0 += spent.requests;
            sum.1 += spent.cost;
        }
    }

    /// What was expected to be sent was more than what was sent: the rest is free again.
    pub(super) fn give_back(&mut self, route: &RouteName, hour: i64, requests: u64) {
        let of_route = self.routes.entry(route.clone()).or_default();
        for hours in [&mut self.all, of_route] {
            if let Some(sum) = hours.get_mut(&hour) {
                sum.0 = sum.0.saturating_sub(requests);
            }
        }
    }

    /// Requests within an hour and money within the day that it ends, of a route or of all.
    #[must_use]
    pub fn spent(&self, route: Option<&RouteName>, hour: i64) -> (u64, f64) {
        let hours = match route {
            Some(route) => self.routes.get(route),
            None => Some(&self.all),
        };
        hours.map(|hours| sums(hours, hour)).unwrap_or_default()
    }

    /// Whether a route may be asked that many more times in this hour. What an answer will cost is not known
    /// before it is there: money is counted afterwards, so that what runs at the limit may go beyond it.
    pub(super) fn allows(
        &self,
        settings: &Probing,
        route: &RouteName,
        hour: i64,
        requests: u64,
    ) -> bool {
        let fits = |budget: Budget, hours: Option<&Hours>| {
            let (asked, cost) = hours.map(|hours| sums(hours, hour)).unwrap_or_default();
            budget
                .requests_per_hour
                .is_none_or(|limit| asked + requests <= u64::from(limit))
                && budget
                    .cost_per_day
                    .is_none_or(|limit| cost <= 0.0 || cost < limit)
        };
        fits(settings.budget, Some(&self.all)) && fits(settings.of(route), self.routes.get(route))
    }
}

/// Requests within the hour and money within the day.
fn sums(hours: &Hours, hour: i64) -> (u64, f64) {
    let requests = hours.get(&hour).map_or(0, |(requests, _)| *requests);
    let cost = hours
        .range(Purse::since(hour)..)
        .map(|(_, (_, cost))| cost)
        .sum();
    (requests, cost)
}

#[cfg(test)]
mod tests {
    use super::Purse;
    use crate::model::{Budget, Probing, Spent};

    fn spent(route: &str, hour: i64, requests: u64, cost: f64) -> Spent {
        Spent {
            route: route.into(),
            hour,
            requests,
            cost,
        }
    }

    #[test]
    fn limits_hold_in_all_and_for_each_route() {
        let budget = |requests_per_hour, cost_per_day| Budget {
            requests_per_hour,
            cost_per_day,
        };
        let settings = |all, of_a| Probing {
            budget: all,
            routes: [("a".into(), of_a)].into(),
            ..Probing::default()
        };
        let none = Budget::default();
        for (case, settings, spent, route, allowed) in [
            (
                "nothing spent",
                settings(budget(Some(2), Some(1.0)), none),
                vec![],
                "a",
                true,
            ),
            (
                "one request is left",
                settings(budget(Some(2), None), none),
                vec![spent("b", 100, 1, 0.0)],
                "a",
                true,
            ),
            (
                "no request is left",
                settings(budget(Some(2), None), none),
                vec![spent("b", 100, 2, 0.0)],
                "a",
                false,
            ),
            (
                "another hour has requests of its own",
                settings(budget(Some(2), None), none),
                vec![spent("b", 99, 2, 0.0)],
                "a",
                true,
            ),
            (
                "money counts for a day",
                settings(budget(None, Some(1.0)), none),
                vec![spent("b", 77, 1, 0.5), spent("a", 100, 1, 0.5)],
                "a",
                false,
            ),
            (
                "and not longer",
                settings(budget(None, Some(1.0)), none),
                vec![spent("b", 76, 1, 0.5), spent("a", 100, 1, 0.5)],
                "a",
                true,
            ),
            (
                "a route's own limit",
                settings(none, budget(Some(1), None)),
                vec![spent("a", 100, 1, 0.0)],
                "a",
                false,
            ),
            (
                "is not another's",
                settings(none, budget(Some(1), None)),
                vec![spent("a", 100, 1, 0.0)],
                "b",
                true,
            ),
            (
                "nothing at all",
                settings(budget(Some(0), None), none),
                vec![],
                "a",
                false,
            ),
            (
                "no money, but what costs none",
                settings(budget(None, Some(0.0)), none),
                vec![spent("a", 100, 1, 0.0)],
                "a",
                true,
            ),
        ] {
            let purse = Purse::of(&spent);
            let allows = purse.allows(&settings, &route.into(), 100, 1);
            assert_eq!(allows, allowed, "{case}");
        }
    }
}
