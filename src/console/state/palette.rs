//! The palette: commands by name, the same verbs as on the command line, with proposals.
//!
//! It understands what is typed; what a command does is `update`'s business.

use super::field::Field;
use crate::{
    console::action::Action,
    model::{Catalog, RouteName, WorkloadName},
};

/// The most proposals.
const PROPOSED: usize = 8;

/// A command that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// The same as a key.
    Do(Action),
    /// A verb for a workload.
    Workload(Action, WorkloadName),
    /// A verb for a route.
    Route(Action, RouteName),
    /// Open a workload.
    Open(WorkloadName),
}

/// What stands alone.
const ALONE: [(&str, Action); 9] = [
    ("workloads", Action::Workloads),
    ("routes", Action::Routes),
    ("events", Action::Events),
    ("audit", Action::Audit),
    ("undo", Action::Undo),
    ("pause", Action::Pause),
    ("save", Action::Save),
    ("help", Action::Help),
    ("quit", Action::Exit),
];
/// What needs a workload.
const WITH_WORKLOAD: [(&str, Action); 5] = [
    ("force", Action::Force),
    ("hold", Action::Hold),
    ("auto", Action::Auto),
    ("notice", Action::Notice),
    ("claim", Action::Claim),
];
/// What needs a route.
const WITH_ROUTE: [(&str, Action); 1] = [("drain", Action::Drain)];

/// A command that is being typed.
#[derive(Clone, Debug)]
pub struct Palette {
    /// The text.
    pub field: Field,
    /// What it could become.
    pub proposals: Vec<String>,
    /// The chosen proposal.
    pub chosen: Option<usize>,
}

impl Palette {
    /// An empty one.
    #[must_use]
    pub fn new(catalog: Option<&Catalog>) -> Self {
        let mut palette = Self {
            field: Field::new(120),
            proposals: Vec::new(),
            chosen: None,
        };
        palette.propose(catalog);
        palette
    }

    /// Proposes again for what is typed now.
    pub fn propose(&mut self, catalog: Option<&Catalog>) {
        self.chosen = None;
        let text = self.field.text().trim_start();
        self.proposals = match text.split_once(' ') {
            None => ALONE
                .iter()
                .chain(&WITH_WORKLOAD)
                .chain(&WITH_ROUTE)
                .map(|(name, _)| *name)
                .chain(
                    catalog
                        .iter()
                        .flat_map(|catalog| catalog.workloads.keys().map(WorkloadName::as_str)),
                )
                .filter(|name| name.contains(text))
                .take(PROPOSED)
                .map(str::to_owned)
                .collect(),
            Some((verb, rest)) => names(verb, catalog)
                .filter(|name| name.contains(rest.trim()))
                .take(PROPOSED)
                .map(|name| format!("{verb} {name}"))
                .collect(),
        };
    }

    /// Moves through the proposals.
    pub fn turn(&mut self, forward: bool) {
        let Some(last) = self.proposals.len().checked_sub(1) else {
            return;
        };
        self.chosen = Some(match (self.chosen, forward) {
            (None, true) => 0,
            (None | Some(0), false) => last,
            (Some(chosen), true) => (chosen + 1).min(last),
            (Some(chosen), false) => chosen - 1,
        });
    }

    /// Puts the chosen proposal, or the first, into the field.
    pub fn complete(&mut self, catalog: Option<&Catalog>) {
        let Some(proposal) = self.proposals.get(self.chosen.unwrap_or(0)) else {
            return;
        };
        let goes_on = WITH_WORKLOAD
            .iter()
            .chain(&WITH_ROUTE)
            .any(|(name, _)| name == proposal);
        let text = if goes_on {
            format!("{proposal} ")
        } else {
            proposal.clone()
        };
        self.field = Field::with(120, &text);
        self.propose(catalog);
    }

    /// What was said, or why it is not understood.
    pub fn understand(&self, catalog: Option<&Catalog>) -> Result<Spoken, String> {
        let text = match self.chosen.and_then(|chosen| self.proposals.get(chosen)) {
            Some(proposal) => proposal.as_str(),
            None => self.field.text().trim(),
        };
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        if let Some((_, action)) = ALONE.iter().find(|(name, _)| *name == word)
            && rest.is_empty()
        {
            return Ok(Spoken::Do(*action));
        }
        if let Some((_, action)) = WITH_WORKLOAD.iter().find(|(name, _)| *name == word) {
            return one(word, rest, names(word, catalog))
                .map(|name| Spoken::Workload(*action, name.into()));
        }
        if let Some((_, action)) = WITH_ROUTE.iter().find(|(name, _)| *name == word) {
            return one(word, rest, names(word, catalog))
                .map(|name| Spoken::Route(*action, name.into()));
        }
        let workloads = catalog
            .into_iter()
            .flat_map(|catalog| catalog.workloads.keys().map(WorkloadName::as_str));
        if let Some(name) = workloads.into_iter().find(|name| *name == text) {
            return Ok(Spoken::Open(name.into()));
        }
        Err(format!(
            "`{text}` is no command; Tab completes, ? lists the keys"
        ))
    }
}

/// The names that may follow a verb.
fn names<'a>(verb: &str, catalog: Option<&'a Catalog>) -> impl Iterator<Item = &'a str> {
    let is = |list: &[(&str, Action)]| list.iter().any(|(name, _)| *name == verb);
    let (workloads, routes) = (is(&WITH_WORKLOAD), is(&WITH_ROUTE));
    catalog.into_iter().flat_map(move |catalog| {
        let workloads = catalog
            .workloads
            .keys()
            .map(WorkloadName::as_str)
            .filter(move |_| workloads);
        let routes = catalog
            .routes
            .keys()
            .map(RouteName::as_str)
            .filter(move |_| routes);
        workloads.chain(routes)
    })
}

/// The one name that is meant: in full, or by a beginning that no other has.
fn one<'a>(
    verb: &str,
    typed: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<&'a str, String> {
    if typed.is_empty() {
        return Err(format!("`{verb}` needs a name"));
    }
    let near: Vec<&str> = names.filter(|name| name.starts_with(typed)).collect();
    match near.as_slice() {
        [] => Err(format!("`{verb}`: there is no `{typed}`")),
        [name] => Ok(name),
        many => many
            .iter()
            .copied()
            .find(|name| *name == typed)
            .ok_or_else(|| format!("`{verb} {typed}` could be {} things; type more", many.len())),
    }
}
