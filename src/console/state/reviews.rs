//! The reviews screen: whose fallback needs a review, the most pressing first.

use super::{
    filter::{Fields, Filter},
    table::Table,
};
use crate::{
    control::{Due, Overview, queue},
    model::{Catalog, Reviewed, WorkloadName},
};

/// The orders of the screen.
pub const REVIEW_ORDERS: [&str; 4] = ["urgency", "name", "age", "traffic"];

/// The screen.
#[derive(Debug, Default)]
pub struct Reviews {
    /// The rows that are shown.
    pub table: Table<WorkloadName>,
    /// Every workload with a fallback. Kept up to date while the screen is shown.
    pub queue: Vec<Due>,
}

impl Reviews {
    /// Finds out who needs a review, and filters.
    pub fn arrange(&mut self, catalog: &Catalog, overview: &Overview, reviewed: &Reviewed) {
        self.queue = queue(catalog, overview, reviewed);
        let filter: &Filter = &self.table.filter;
        let mut shown: Vec<&Due> = self
            .queue
            .iter()
            .filter(|due| filter.matches(*due))
            .collect();
        match REVIEW_ORDERS.get(self.table.sort).copied() {
            Some("name") => shown.sort_by(|left, right| left.workload.cmp(&right.workload)),
            // What was never reviewed is the oldest.
            Some("age") => shown.sort_by_key(|due| due.reviewed),
            Some("traffic") => shown.sort_by(|left, right| right.rps.total_cmp(&left.rps)),
            Some(_) | None => {}
        }
        self.table.keys = shown.into_iter().map(|due| due.workload.clone()).collect();
        if self.table.reversed {
            self.table.keys.reverse();
        }
    }

    /// A row by its workload.
    #[must_use]
    pub fn due(&self, workload: &WorkloadName) -> Option<&Due> {
        self.queue.iter().find(|due| due.workload == *workload)
    }
}

impl Fields for Due {
    const NAMES: &'static [&'static str] = &["workload", "fallback", "due", "standing", "why"];

    fn words(field: &str) -> Vec<&'static str> {
        match field {
            "due" => vec![
                "owed",
                "in use",
                "armed",
                "shut",
                "soon",
                "holds",
                "not required",
            ],
            _ => Vec::new(),
        }
    }

    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        visitor("workload", self.workload.as_str())
            || visitor("fallback", self.fallback.as_str())
            || visitor("due", self.urgency.words())
            || visitor("standing", self.standing.as_str())
            || self.why.iter().any(|why| visitor("why", why))
    }
}
