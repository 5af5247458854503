//! A plain list screen: rows by key, a filter and an order. Routes and audit are such lists.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    filter::{Fields, Filter},
    list::{List, Step},
    marks::Marks,
};
use crate::{
    control::{self, RouteStatus},
    model::{AuditRecord, CircuitState, Family, RouteName, Verb, Verdict},
};

/// The list.
#[derive(Debug)]
pub struct Table<K> {
    /// The cursor.
    pub list: List<K>,
    /// Which rows.
    pub filter: Filter,
    /// Marked rows.
    pub marks: Marks<K>,
    /// The place of the order in the screen's list of orders.
    pub sort: usize,
    /// The order is turned round.
    pub reversed: bool,
    /// The operator moved the cursor: it stays on the first row no more.
    pub touched: bool,
    /// The rows, in order.
    pub keys: Vec<K>,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self {
            list: List::default(),
            filter: Filter::default(),
            marks: Marks::default(),
            sort: 0,
            reversed: false,
            touched: false,
            keys: Vec::new(),
        }
    }
}

impl<K: Clone + Ord> Table<K> {
    /// Moves the cursor.
    pub fn step(&mut self, step: Step) {
        self.touched = true;
        self.list.step(step, &self.keys);
    }

    /// Brings the cursor in line with the rows.
    pub fn settle(&mut self, height: usize) {
        if let Some(first) = self.keys.first()
            && !self.touched
        {
            self.list.select(first.clone());
        }
        self.list.settle(&self.keys, height);
        let keys = &self.keys;
        self.marks.follow(
            self.list.selected(),
            |row| keys.iter().position(|key| key == row),
            |place| keys.get(place).cloned(),
        );
    }

    /// The next of so many orders.
    pub fn next_order(&mut self, orders: usize) {
        self.sort = (self.sort + 1) % orders.max(1);
    }
}

/// The orders of the routes screen.
pub const ROUTE_ORDERS: [&str; 4] = ["severity", "name", "errors", "traffic"];
/// The orders of the audit screen.
pub const AUDIT_ORDERS: [&str; 4] = ["time", "who", "what", "target"];

/// The word of a circuit.
#[must_use]
pub const fn circuit_word(circuit: CircuitState) -> &'static str {
    match circuit {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
        CircuitState::HalfOpen => "half-open",
    }
}

impl Fields for RouteStatus {
    const NAMES: &'static [&'static str] = &[
        "route", "family", "model", "circuit", "probe", "workload", "drained",
    ];
    const BY_NAME_ONLY: &'static [&'static str] = &["family", "probe", "workload"];

    fn words(field: &str) -> Vec<&'static str> {
        match field {
            "family" => Family::ALL.map(Family::as_str).to_vec(),
            "circuit" => vec!["closed", "open", "half-open"],
            _ => Vec::new(),
        }
    }

    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        visitor("route", self.route.as_str())
            || visitor("family", self.family.as_str())
            || visitor("model", &self.model)
            || visitor("circuit", circuit_word(self.circuit))
            || visitor(
                "probe",
                self.probed
                    .as_ref()
                    .map_or("never", |probed| probed.verdict.as_str()),
            )
            || self
                .drained_by
                .as_deref()
                .is_some_and(|by| visitor("drained", by))
            || self
                .used_by
                .iter()
                .any(|workload| visitor("workload", workload.as_str()))
    }
}

impl Fields for AuditRecord {
    const NAMES: &'static [&'static str] =
        &["who", "what", "target", "why", "ticket", "host", "since"];

    fn words(field: &str) -> Vec<&'static str> {
        match field {
            "what" => vec![
                "force",
                "hold",
                "auto",
                "notice-on",
                "notice-off",
                "drain",
                "undrain",
                "undo",
                "expired",
            ],
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.at)
    }

    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        visitor("who", self.actor.name())
            || visitor(
                "what",
                self.verb.map_or("expired", crate::model::Verb::as_str),
            )
            || visitor("target", self.key.target())
            || visitor("why", self.reason.as_str())
            || visitor("why", &self.note)
            || self
                .ticket
                .as_deref()
                .is_some_and(|ticket| visitor("ticket", ticket))
            || visitor("host", &self.actor.host)
    }
}

impl Table<RouteName> {
    /// Orders and filters the routes again.
    pub fn arrange(&mut self, routes: &[Arc<RouteStatus>]) {
        let mut shown: Vec<&RouteStatus> = routes
            .iter()
            .map(|route| &**route)
            .filter(|route| self.filter.matches(*route))
            .collect();
        match ROUTE_ORDERS.get(self.sort).copied() {
            // So they come.
            Some("name") => {}
            Some("errors") => shown.sort_by(|left, right| {
                let share = |route: &RouteStatus| route.failure_share.unwrap_or(-1.0);
                share(right).total_cmp(&share(left))
            }),
            Some("traffic") => shown.sort_by(|left, right| right.rps.total_cmp(&left.rps)),
            // They come by name, and those that are alike stay so.
            Some(_) | None => shown.sort_by_key(|route| severity(route)),
        }
        if self.reversed {
            shown.reverse();
        }
        self.keys = shown.into_iter().map(|route| route.route.clone()).collect();
    }
}

/// Whether a probe of it has failed.
#[must_use]
pub fn probe_failed(route: &RouteStatus) -> bool {
    let verdict = route.probed.as_ref().map(|probed| probed.verdict);
    verdict == Some(Verdict::Failed)
}

/// Worst first: circuits that are not closed, then those that fail, in traffic or in probes, then drained ones.
fn severity(route: &RouteStatus) -> u8 {
    match (route.circuit, control::fails(route), &route.drained_by) {
        (CircuitState::Open, _, _) => 0,
        (CircuitState::HalfOpen, _, _) => 1,
        (CircuitState::Closed, true, _) => 2,
        (CircuitState::Closed, false, _) if probe_failed(route) => 3,
        (CircuitState::Closed, false, Some(_)) => 4,
        (CircuitState::Closed, false, None) => 5,
    }
}

impl Table<u64> {
    /// Orders and filters the audit again; what is alike stands with the newest first.
    pub fn arrange<'a>(&mut self, audit: impl DoubleEndedIterator<Item = &'a AuditRecord>) {
        let mut shown: Vec<&AuditRecord> = audit
            .rev()
            .filter(|record| self.filter.matches(*record))
            .collect();
        match AUDIT_ORDERS.get(self.sort).copied() {
            Some("who") => shown.sort_by(|left, right| left.actor.name().cmp(right.actor.name())),
            Some("what") => shown.sort_by_key(|record| record.verb.map(Verb::as_str)),
            Some("target") => {
                shown.sort_by(|left, right| left.key.target().cmp(right.key.target()));
            }
            Some(_) | None => {}
        }
        self.keys = shown.into_iter().map(|record| record.sequence).collect();
        if self.reversed {
            self.keys.reverse();
        }
    }
}
