//! Several plans of one kind, one after the other: what a verb becomes when rows are marked.
//!
//! A change of several workloads at once would need one consent for all of them, and the door takes a consent for
//! the one target that was named: nothing here can apply two plans. So each has its own plan with its own checks,
//! made after the one before was applied, and its own name to type; reason, ticket and end are given once.

use std::{collections::VecDeque, fmt::Write as _, time::Duration};

use super::{field::Field, plan::Form};
use crate::{
    console::action::Action,
    model::{ReasonCode, Scope},
};

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It was applied.
    Applied,
    /// It could not be, in words.
    Refused(String),
    /// Nobody knows whether it was applied; why, in words.
    Unknown(String),
}

/// What the operator has given with the plan before.
#[derive(Clone, Debug)]
struct Given {
    reason: Option<ReasonCode>,
    note: Field,
    ticket: Field,
    lasting: Option<Duration>,
    scope: Option<Scope>,
}

/// The series.
#[derive(Clone, Debug)]
pub struct Series {
    /// The verb.
    pub action: Action,
    /// The first one turns something on or off: the others follow it.
    pub turns: Option<bool>,
    rest: VecDeque<String>,
    current: Option<String>,
    became: Vec<(String, Became)>,
    total: usize,
    given: Option<Given>,
}

impl Series {
    /// A verb for these.
    #[must_use]
    pub fn new(action: Action, names: Vec<String>) -> Self {
        Self {
            action,
            turns: None,
            total: names.len(),
            rest: names.into(),
            current: None,
            became: Vec::new(),
            given: None,
        }
    }

    /// The next one, and which it is of how many.
    pub fn advance(&mut self) -> Option<(String, (usize, usize))> {
        self.current = self.rest.pop_front();
        let nth = self.total - self.rest.len();
        Some((self.current.clone()?, (nth, self.total)))
    }

    /// Notes what became of the one that is planned.
    pub fn note(&mut self, became: Became) {
        if let Some(name) = self.current.take() {
            self.became.push((name, became));
        }
    }

    /// Remembers what was given, for the next one.
    pub fn remember(&mut self, form: &Form) {
        self.given = Some(Given {
            reason: form.reason,
            note: form.note.clone(),
            ticket: form.ticket.clone(),
            lasting: form.lasting(),
            scope: form.scope().cloned(),
        });
    }

    /// For how long the one before lasts.
    #[must_use]
    pub fn lasting(&self) -> Option<Duration> {
        self.given.as_ref()?.lasting
    }

    /// On which gateways the one before holds.
    #[must_use]
    pub fn scope(&self) -> Option<&Scope> {
        self.given.as_ref()?.scope.as_ref()
    }

    /// Gives the same again; the name is typed for each.
    pub fn give(&self, form: &mut Form) {
        if let Some(given) = &self.given {
            form.reason = given.reason;
            form.note = given.note.clone();
            form.ticket = given.ticket.clone();
        }
    }

    /// The ones that were applied.
    pub fn applied(&self) -> impl Iterator<Item = &str> {
        let applied = |(_, became): &&(String, Became)| *became == Became::Applied;
        self.became
            .iter()
            .filter(applied)
            .map(|(name, _)| name.as_str())
    }

    /// What became of all of them, in words; and whether all were applied.
    #[must_use]
    pub fn told(&self) -> (String, bool) {
        let verb = self.action.entry().map_or("", |entry| entry.label);
        let applied: Vec<&str> = self.applied().collect();
        let mut text = format!("{verb}: {} of {} applied", applied.len(), self.total);
        if !applied.is_empty() {
            _ = write!(text, " ({})", applied.join(", "));
        }
        for (name, became) in &self.became {
            match became {
                Became::Applied => {}
                Became::Refused(why) => _ = write!(text, "; {name} not: {why}"),
                Became::Unknown(why) => _ = write!(text, "; {name} UNKNOWN: {why}"),
            }
        }
        let left: Vec<&str> = self
            .current
            .iter()
            .chain(&self.rest)
            .map(String::as_str)
            .collect();
        if !left.is_empty() {
            _ = write!(text, "; left as they are: {}", left.join(", "));
        }
        (text, applied.len() == self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::{Became, Series};
    use crate::console::action::Action;

    #[test]
    fn it_tells_what_became_of_each() {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let mut series = Series::new(Action::Force, names);
        assert_eq!(series.advance(), Some(("a".to_owned(), (1, 3))));
        series.note(Became::Applied);
        assert_eq!(series.advance(), Some(("b".to_owned(), (2, 3))));
        series.note(Became::Refused("no fallback by policy".to_owned()));
        assert_eq!(
            series.told().0,
            "force: 1 of 3 applied (a); b not: no fallback by policy; left as they are: c"
        );
        series.advance();
        series.note(Became::Applied);
        assert_eq!(series.advance(), None);
        assert_eq!(
            series.told(),
            (
                "force: 2 of 3 applied (a, c); b not: no fallback by policy".to_owned(),
                false
            )
        );
    }
}
