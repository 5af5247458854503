//! The events screen: newest at the bottom, followed or not, filtered or not.
//!
//! Rows are the numbers of events in the log, so that a cursor stays on its event while others arrive or fall
//! out of the log.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{
    filter::{Fields, Filter},
    list::Step,
    log::EventLog,
    marks::Marks,
};
use crate::{
    model::{ErrorClass, EventDecision, StoredEvent},
    policy,
};

/// The screen.
#[derive(Debug)]
pub struct Events {
    filter: Filter,
    /// Marked rows.
    pub marks: Marks<u64>,
    /// The numbers that pass the filter, oldest first; `None` without a filter.
    passed: Option<VecDeque<u64>>,
    /// Numbers up to here have been looked at by the filter.
    looked: u64,
    follow: bool,
    selected: Option<u64>,
    top: u64,
    height: usize,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            marks: Marks::default(),
            passed: None,
            looked: 0,
            follow: true,
            selected: None,
            top: 0,
            height: 1,
        }
    }
}

impl Fields for StoredEvent {
    const NAMES: &'static [&'static str] = &[
        "workload", "class", "decision", "route", "status", "gateway", "reason", "id", "since",
    ];

    fn words(field: &str) -> Vec<&'static str> {
        match field {
            "class" => ErrorClass::ALL.map(ErrorClass::as_str).to_vec(),
            "decision" => EventDecision::ALL.map(EventDecision::as_str).to_vec(),
            _ => Vec::new(),
        }
    }

    fn at(&self) -> Option<Timestamp> {
        Some(self.event.at)
    }

    fn any(&self, visitor: &mut dyn FnMut(&str, &str) -> bool) -> bool {
        let event = &self.event;
        visitor("workload", event.workload.as_str())
            || visitor("decision", event.decision.as_str())
            || event
                .class
                .is_some_and(|class| visitor("class", class.as_str()))
            || visitor("route", event.primary.as_str())
            || event
                .fallback
                .as_ref()
                .is_some_and(|route| visitor("route", route.as_str()))
            || event
                .status
                .is_some_and(|status| visitor("status", &status.to_string()))
            || visitor("gateway", event.gateway.as_str())
            || visitor("reason", &policy::explain(&event.reason))
            || visitor("id", &event.id.to_string())
    }
}

/// The rows that can be shown, oldest first.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Every number from the first up to, not including, the second.
    All(u64, u64),
    /// These.
    Passed(&'a VecDeque<u64>, usize),
}

impl Rows<'_> {
    /// How many there are.
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::All(first, end) => usize::try_from(end.saturating_sub(first)).unwrap_or(0),
            Self::Passed(_, count) => count,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The number of a row.
    #[must_use]
    pub fn get(self, row: usize) -> Option<u64> {
        if row >= self.len() {
            return None;
        }
        match self {
            Self::All(first, _) => Some(first + row as u64),
            Self::Passed(numbers, _) => numbers.get(row).copied(),
        }
    }

    /// The row of a number, or of the next newer one.
    #[must_use]
    pub fn row(self, number: u64) -> usize {
        match self {
            Self::All(first, _) => usize::try_from(number.saturating_sub(first)).unwrap_or(0),
            Self::Passed(numbers, _) => numbers.partition_point(|passed| *passed < number),
        }
        .min(self.len())
    }
}

impl Events {
    /// What is filtered.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether the newest is followed.
    #[must_use]
    pub const fn follows(&self) -> bool {
        self.follow
    }

    /// The number of the selected event.
    #[must_use]
    pub const fn selected(&self) -> Option<u64> {
        self.selected
    }

    /// Puts the cursor on an event.
    pub fn select(&mut self, number: u64) {
        self.follow = false;
        self.selected = Some(number);
    }

    /// The first visible row.
    #[must_use]
    pub fn offset(&self, rows: Rows<'_>) -> usize {
        rows.row(self.top)
    }

    /// The rows up to a number, which is the log's end unless the view is paused.
    #[must_use]
    pub fn rows(&self, log: &EventLog, end: u64) -> Rows<'_> {
        match &self.passed {
            None => Rows::All(log.first(), end.max(log.first())),
            Some(numbers) => Rows::Passed(numbers, numbers.partition_point(|number| *number < end)),
        }
    }

    /// Filters anew.
    pub fn set_filter(&mut self, filter: Filter, log: &EventLog) {
        self.passed = (!filter.is_empty()).then(VecDeque::new);
        self.filter = filter;
        self.looked = log.first();
        self.catch_up(log);
    }

    /// Looks at what is new in the log, and forgets what fell out of it.
    pub fn catch_up(&mut self, log: &EventLog) {
        let Some(passed) = &mut self.passed else {
            return;
        };
        while passed.front().is_some_and(|number| *number < log.first()) {
            passed.pop_front();
        }
        for number in self.looked.max(log.first())..log.end() {
            if log
                .get(number)
                .is_some_and(|event| self.filter.matches(event))
            {
                passed.push_back(number);
            }
        }
        self.looked = log.end();
    }

    /// Moves the cursor. Upwards ends following; to the last row begins it again.
    pub fn step(&mut self, step: Step, log: &EventLog, end: u64) {
        let rows = self.rows(log, end);
        let last = rows.len().saturating_sub(1);
        let from = self
            .selected
            .map_or(last, |number| rows.row(number))
            .min(last);
        let to = step.target(from, rows.len(), self.height);
        self.selected = rows.get(to);
        self.follow = step == Step::Last || (self.follow && to == last);
        self.settle(log, end, self.height);
    }

    /// Follows the newest, or stops to.
    pub fn set_follow(&mut self, follow: bool, log: &EventLog, end: u64) {
        self.follow = follow;
        self.settle(log, end, self.height);
    }

    /// Brings cursor and scroll position in line with the rows there are and the room there is.
    pub fn settle(&mut self, log: &EventLog, end: u64, height: usize) {
        self.height = height.max(1);
        let mut marks = std::mem::take(&mut self.marks);
        let rows = self.rows(log, end);
        let Some(last) = rows.len().checked_sub(1) else {
            (self.selected, self.top, self.marks) = (None, end, marks);
            return;
        };
        let row = match self.selected {
            Some(number) if !self.follow => rows.row(number).min(last),
            Some(_) | None => last,
        };
        let furthest = rows.len().saturating_sub(self.height);
        let lowest = (row + 1).saturating_sub(self.height);
        let offset = if self.follow {
            furthest
        } else {
            rows.row(self.top).clamp(lowest, row).min(furthest)
        };
        let (selected, top) = (rows.get(row), rows.get(offset).unwrap_or(end));
        marks.follow(
            selected.as_ref(),
            |number| Some(rows.row(*number)),
            |place| rows.get(place),
        );
        (self.selected, self.top, self.marks) = (selected, top, marks);
    }
}
