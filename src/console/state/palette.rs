//! The palette: commands by name, the same verbs as on the command line, with proposals.
//!
//! It understands what is typed; what a command does is `update`'s business.

use super::field::Field;
use crate::{
    console::action::Action,
    model::{Catalog, ProviderName, RouteName, WorkloadName},
};

/// The most proposals. The view shows some of them at a time.
const PROPOSED: usize = 60;

/// A command that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// The same as a key.
    Do(Action),
    /// A verb for a workload.
    Workload(Action, WorkloadName),
    /// The notice of a workload: on or off.
    Notice(WorkloadName, bool),
    /// A route: drained or not.
    Drain(RouteName, bool),
    /// Probe a workload or a route.
    Probe(String),
    /// Imagine a route or a provider down.
    Drill(String),
    /// Wear a theme.
    Theme(String),
    /// Both routes of a workload beside each other; blind, when it is a review.
    Compare(WorkloadName, bool),
    /// Open a workload.
    Open(WorkloadName),
}

/// What stands alone.
const ALONE: [(&str, Action); 11] = [
    ("workloads", Action::Workloads),
    ("routes", Action::Routes),
    ("events", Action::Events),
    ("reviews", Action::Reviews),
    ("audit", Action::Audit),
    ("undo", Action::Undo),
    ("pause", Action::Pause),
    ("save", Action::Save),
    ("tour", Action::Tour),
    ("help", Action::Help),
    ("quit", Action::Exit),
];
/// What needs a workload.
const WITH_WORKLOAD: [&str; 8] = [
    "force",
    "hold",
    "auto",
    "notice on",
    "notice off",
    "claim",
    "compare",
    "review",
];
/// What needs a route.
const WITH_ROUTE: [&str; 2] = ["drain", "undrain"];

/// What needs a route or a provider.
const WITH_OUTAGE: &str = "drill";

/// What needs a workload or a route.
const WITH_PROBED: &str = "probe";

/// What needs a theme.
const WITH_THEME: &str = "theme";

/// A command that is being typed.
#[derive(Clone, Debug)]
pub struct Palette {
    /// The text.
    pub field: Field,
    /// What it could become.
    pub proposals: Vec<String>,
    /// The chosen proposal.
    pub chosen: Option<usize>,
    /// Every theme there is.
    themes: Vec<String>,
}

impl Palette {
    /// An empty one.
    #[must_use]
    pub fn new(catalog: Option<&Catalog>, themes: &[String]) -> Self {
        let mut palette = Self {
            field: Field::new(120),
            proposals: Vec::new(),
            chosen: None,
            themes: themes.to_vec(),
        };
        palette.propose(catalog);
        palette
    }

    /// Proposes again for what is typed now.
    pub fn propose(&mut self, catalog: Option<&Catalog>) {
        self.chosen = None;
        let text = self.field.text().trim_start();
        self.proposals = match verb_of(text) {
            None => ALONE
                .iter()
                .map(|(name, _)| *name)
                .chain(WITH_WORKLOAD)
                .chain(WITH_ROUTE)
                .chain([WITH_PROBED, WITH_OUTAGE, WITH_THEME])
                .chain(workloads(catalog))
                .filter(|name| name.contains(text))
                .take(PROPOSED)
                .map(str::to_owned)
                .collect(),
            Some((verb, rest)) => names(verb, catalog, &self.themes)
                .filter(|name| name.contains(rest))
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

    /// Chooses a proposal, if there is one in this place.
    pub fn choose(&mut self, place: usize) {
        if place < self.proposals.len() {
            self.chosen = Some(place);
        }
    }

    /// Puts the chosen proposal, or the first, into the field.
    pub fn complete(&mut self, catalog: Option<&Catalog>) {
        let Some(proposal) = self.proposals.get(self.chosen.unwrap_or(0)) else {
            return;
        };
        let goes_on = WITH_WORKLOAD
            .iter()
            .chain(&WITH_ROUTE)
            .chain([&WITH_OUTAGE, &WITH_THEME])
            .any(|name| name == proposal);
        let text = if goes_on {
            format!("{proposal} ")
        } else {
            proposal.clone()
        };
        self.field = Field::with(120, &text);
        self.propose(catalog);
    }

    /// The theme under the cursor, or the one whose name is typed.
    #[must_use]
    pub fn theme(&self) -> Option<&str> {
        let chosen = self.chosen.and_then(|chosen| self.proposals.get(chosen));
        let text = chosen.map_or_else(|| self.field.text(), String::as_str);
        let (verb, name) = verb_of(text.trim())?;
        let theme = self.themes.iter().find(|theme| *theme == name)?;
        (verb == WITH_THEME).then_some(theme)
    }

    /// What was said, or why it is not understood.
    pub fn understand(&self, catalog: Option<&Catalog>) -> Result<Spoken, String> {
        let text = match self.chosen.and_then(|chosen| self.proposals.get(chosen)) {
            Some(proposal) => proposal.as_str(),
            None => self.field.text().trim(),
        };
        if let Some((_, action)) = ALONE.iter().find(|(name, _)| *name == text) {
            return Ok(Spoken::Do(*action));
        }
        if let Some(name) = workloads(catalog).find(|name| *name == text) {
            return Ok(Spoken::Open(name.into()));
        }
        let Some((verb, rest)) = verb_of(text) else {
            return Err(format!(
                "`{text}` is no command; <key:complete> completes, <key:help> lists the keys"
            ));
        };
        let name = one(verb, rest, names(verb, catalog, &self.themes))?;
        Ok(match verb {
            "force" => Spoken::Workload(Action::Force, name.into()),
            "hold" => Spoken::Workload(Action::Hold, name.into()),
            "auto" => Spoken::Workload(Action::Auto, name.into()),
            "claim" => Spoken::Workload(Action::Claim, name.into()),
            "compare" => Spoken::Compare(name.into(), false),
            "review" => Spoken::Compare(name.into(), true),
            "notice on" => Spoken::Notice(name.into(), true),
            "notice off" => Spoken::Notice(name.into(), false),
            WITH_PROBED => Spoken::Probe(name.to_owned()),
            WITH_OUTAGE => Spoken::Drill(name.to_owned()),
            WITH_THEME => Spoken::Theme(name.to_owned()),
            "undrain" => Spoken::Drain(name.into(), false),
            _ => Spoken::Drain(name.into(), true),
        })
    }
}

/// The verb that a text begins with, and what follows it.
fn verb_of(text: &str) -> Option<(&'static str, &str)> {
    WITH_WORKLOAD
        .into_iter()
        .chain(WITH_ROUTE)
        .chain([WITH_PROBED, WITH_OUTAGE, WITH_THEME])
        .find_map(|verb| {
            let rest = text.strip_prefix(verb)?;
            (rest.is_empty() || rest.starts_with(' ')).then(|| (verb, rest.trim()))
        })
}

fn workloads(catalog: Option<&Catalog>) -> impl Iterator<Item = &str> {
    catalog
        .into_iter()
        .flat_map(|catalog| catalog.workloads.keys().map(WorkloadName::as_str))
}

/// The names that may follow a verb.
fn names<'a>(
    verb: &str,
    catalog: Option<&'a Catalog>,
    themes: &'a [String],
) -> impl Iterator<Item = &'a str> {
    let of_themes = verb == WITH_THEME;
    let of_providers = verb == WITH_OUTAGE;
    let probed = verb == WITH_PROBED;
    let of_routes = of_providers || WITH_ROUTE.contains(&verb);
    let routes = catalog
        .into_iter()
        .flat_map(|catalog| catalog.routes.keys().map(RouteName::as_str))
        .filter(move |_| of_routes || probed);
    let providers = catalog
        .into_iter()
        .flat_map(|catalog| catalog.providers.keys().map(ProviderName::as_str))
        .filter(move |_| of_providers);
    workloads(catalog)
        .filter(move |_| !of_routes && !of_themes)
        .chain(routes)
        .chain(providers)
        .chain(themes.iter().map(String::as_str).filter(move |_| of_themes))
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
