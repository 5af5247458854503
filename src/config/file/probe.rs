//! `[probe]`: how often routes are asked by schedule, and what that may cost.

use std::collections::BTreeMap;

use super::Route;
use crate::{
    config::{
        diagnostic::Findings,
        reader::{At, Table},
        value,
    },
    model::{Budget, Probing},
};

/// Reads the schedule; the routes bring budgets of their own.
pub(super) fn probing(table: &Table<'_>, routes: &[Route], findings: &Findings) -> Probing {
    let period = |key| table.parsed(key, value::positive);
    let (interval, fresh) = (period("interval"), period("fresh"));
    if fresh.get_ref() < interval.get_ref() {
        findings.error(
            "fresh-before-interval",
            fresh.span(),
            "`fresh` is shorter than `interval`, so every proof would be stale before the next one",
            "make it at least as long as `interval`; three times as long forgives a lost round",
        );
    }
    Probing {
        active: table.flag("active").into_inner(),
        interval: interval.into_inner(),
        paused_interval: period("paused_interval").into_inner(),
        fresh: fresh.into_inner(),
        at_once: usize::try_from(table.whole("at_once", 1..65).into_inner()).unwrap_or(1),
        budget: Budget {
            requests_per_hour: Some(table.whole("requests_per_hour", 0..u32::MAX).into_inner()),
            cost_per_day: Some(
                table
                    .number("cost_per_day", |cost| cost >= 0.0, "zero or larger")
                    .into_inner(),
            ),
        },
        routes: routes
            .iter()
            .filter(|route| route.probes != Budget::default())
            .map(|route| (route.name.get_ref().as_str().into(), route.probes))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Reads the budget of one route.
pub(super) fn budget(table: &Table<'_>) -> Budget {
    Budget {
        requests_per_hour: table
            .whole_if_there("probes_per_hour", 0..u32::MAX)
            .map(At::into_inner),
        cost_per_day: table
            .number_if_there("probe_cost_per_day", |cost| cost >= 0.0, "zero or larger")
            .map(At::into_inner),
    }
}
