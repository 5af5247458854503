//! The reviews screen: whose fallback needs a review, the most pressing first.

use super::{
    filter::{Fields, Filter},
    table::Table,
};
use crate::{
    control::{Due, Overview, queue},
    model::{Catalog, Reviewed, WorkloadName},
};

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
        let shown = self.queue.iter().filter(|due| filter.matches(*due));
        self.table.keys = shown.map(|due| due.workload.clone()).collect();
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

    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        visitor("workload", self.workload.as_str())
            || visitor("fallback", self.fallback.as_str())
            || visitor("due", self.urgency.words())
            || visitor("standing", self.standing.as_str())
            || self.why.iter().any(|why| visitor("why", why))
    }
}
