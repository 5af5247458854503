//! The palette: a command that is typed, what it could become, and what was typed before.
//!
//! It understands what is typed; what a command does is `update`'s business.

use super::{
    commands::{COMMANDS, Command, Takes, command_of, is_of_a_shell},
    field::Field,
    filter::holds_in_order,
};
use crate::{
    console::{action::Action, findings::nearest},
    model::{Catalog, ProviderName, RouteName, WorkloadName},
};

/// The most proposals. The view shows some of them at a time.
const PROPOSED: usize = 60;
/// The longest command.
const LONGEST: usize = 120;

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

/// A command that is being typed.
#[derive(Clone, Debug)]
pub struct Palette {
    /// The text.
    pub field: Field,
    /// What it could become, the likeliest first.
    pub proposals: Vec<String>,
    /// The chosen proposal.
    pub chosen: Option<usize>,
    /// Every theme there is.
    themes: Vec<String>,
    /// What was typed before, oldest first.
    history: Vec<String>,
    /// The place in it, and what stood in the field before it was walked through.
    walked: Option<(usize, String)>,
}

impl Palette {
    /// An empty one.
    #[must_use]
    pub fn new(catalog: Option<&Catalog>, themes: &[String], history: &[String]) -> Self {
        let mut palette = Self {
            field: Field::new(LONGEST),
            proposals: Vec::new(),
            chosen: None,
            themes: themes.to_vec(),
            history: history.to_vec(),
            walked: None,
        };
        palette.propose(catalog);
        palette
    }

    /// Proposes again for what is typed now.
    pub fn propose(&mut self, catalog: Option<&Catalog>) {
        self.walked = None;
        self.look_up(catalog);
    }

    fn look_up(&mut self, catalog: Option<&Catalog>) {
        self.chosen = None;
        let text = self.field.text().trim_start().to_ascii_lowercase();
        let mut found: Vec<(u8, String)> = match command_of(&text) {
            // A command that goes on takes a name.
            Some((command, rest)) if command.takes != Takes::Nothing => {
                let names = names(command.takes, catalog, &self.themes);
                names
                    .filter_map(|name| {
                        Some((likeness(name, rest)?, format!("{} {name}", command.words)))
                    })
                    .collect()
            }
            Some(_) | None => {
                let alone = COMMANDS.iter().map(|command| command.words);
                let alone = alone.chain(workloads(catalog));
                alone
                    .filter_map(|words| Some((likeness(words, &text)?, words.to_owned())))
                    .chain(self.short(&text, catalog))
                    .collect()
            }
        };
        found.sort_by_key(|(likeness, _)| *likeness);
        found.truncate(PROPOSED);
        self.proposals = found.into_iter().map(|(_, words)| words).collect();
    }

    /// `fo sup`: a command and a name that are both typed in short.
    fn short(&self, text: &str, catalog: Option<&Catalog>) -> Vec<(u8, String)> {
        let Some((verb, rest)) = text.split_once(' ').filter(|(_, rest)| !rest.is_empty()) else {
            return Vec::new();
        };
        COMMANDS
            .iter()
            .filter(|command| command.takes != Takes::Nothing)
            .filter_map(|command| Some((command, likeness(command.words, verb)?)))
            .flat_map(|(command, verb)| {
                let names = names(command.takes, catalog, &self.themes);
                names.filter_map(move |name| {
                    let both = verb.max(likeness(name, rest)?) + 4;
                    Some((both, format!("{} {name}", command.words)))
                })
            })
            .collect()
    }

    /// Moves through the proposals; upwards from the field through what was typed before.
    pub fn turn(&mut self, forward: bool, catalog: Option<&Catalog>) {
        match (self.chosen, forward) {
            (None, false) => self.walk(false, catalog),
            (None, true) if self.walked.is_some() => self.walk(true, catalog),
            (None, true) if !self.proposals.is_empty() => self.chosen = Some(0),
            (None, true) => {}
            (Some(0), false) => self.chosen = None,
            (Some(chosen), false) => self.chosen = Some(chosen - 1),
            (Some(chosen), true) => {
                self.chosen = Some((chosen + 1).min(self.proposals.len().saturating_sub(1)));
            }
        }
    }

    /// Puts an older or a newer command into the field; behind the newest, what stood there before.
    fn walk(&mut self, newer: bool, catalog: Option<&Catalog>) {
        let (place, before) = match self.walked.take() {
            Some(walked) => walked,
            None => (self.history.len(), self.field.text().to_owned()),
        };
        let place = if newer {
            place + 1
        } else {
            place.saturating_sub(1)
        };
        match self.history.get(place) {
            Some(text) => {
                self.field = Field::with(LONGEST, text);
                self.walked = Some((place, before));
            }
            None => self.field = Field::with(LONGEST, &before),
        }
        self.look_up(catalog);
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
        let goes_on = |command: &Command| {
            command.words == proposal.as_str() && command.takes != Takes::Nothing
        };
        let text = if COMMANDS.iter().any(goes_on) {
            format!("{proposal} ")
        } else {
            proposal.clone()
        };
        self.field = Field::with(LONGEST, &text);
        self.propose(catalog);
    }

    /// The theme under the cursor, or the one whose name is typed.
    #[must_use]
    pub fn theme(&self) -> Option<&str> {
        let (command, name) = command_of(self.text())?;
        let theme = self.themes.iter().find(|theme| *theme == name)?;
        (command.takes == Takes::Theme).then_some(theme)
    }

    /// What Enter would say: the chosen proposal, else what is typed.
    #[must_use]
    pub fn text(&self) -> &str {
        let chosen = self.chosen.and_then(|chosen| self.proposals.get(chosen));
        chosen.map_or_else(|| self.field.text().trim(), String::as_str)
    }

    /// What was said, or why it is not understood.
    ///
    /// # Errors
    /// In words, with what was meant perhaps.
    pub fn understand(&self, catalog: Option<&Catalog>) -> Result<Spoken, String> {
        let text = self.text();
        if let Some(name) = workloads(catalog).find(|name| *name == text) {
            return Ok(Spoken::Open(name.into()));
        }
        let Some((command, rest)) = command_of(text) else {
            return Err(self.not_understood(text, catalog));
        };
        let verb = command.words;
        let action = match (command.takes, command.action) {
            (Takes::Nothing, Some(action)) if rest.is_empty() => return Ok(Spoken::Do(action)),
            (Takes::Nothing, _) => {
                return Err(format!("`{verb}` takes nothing behind it, not `{rest}`"));
            }
            (_, action) => action,
        };
        let name = one(command, rest, names(command.takes, catalog, &self.themes))?;
        Ok(match (command.takes, action) {
            (Takes::Workload, Some(Action::Notice)) => {
                Spoken::Notice(name.into(), verb == "notice on")
            }
            (Takes::Workload, Some(Action::Compare)) => {
                Spoken::Compare(name.into(), verb == "review")
            }
            (Takes::Workload, Some(action)) => Spoken::Workload(action, name.into()),
            (Takes::Route, _) => Spoken::Drain(name.into(), verb == "drain"),
            (Takes::Probed, _) => Spoken::Probe(name.to_owned()),
            (Takes::Outage, _) => Spoken::Drill(name.to_owned()),
            (Takes::Nothing | Takes::Workload | Takes::Theme, _) => Spoken::Theme(name.to_owned()),
        })
    }

    fn not_understood(&self, text: &str, catalog: Option<&Catalog>) -> String {
        if is_of_a_shell(text) {
            return format!("that is a command for a shell: backstop {text}");
        }
        let known = COMMANDS.iter().map(|command| command.words);
        let near = nearest(text, known.chain(workloads(catalog)));
        let first = text.split_whitespace().next().unwrap_or_default();
        let verb = || nearest(first, COMMANDS.iter().map(|command| command.words));
        let proposed = self.proposals.first().map(String::as_str);
        match near.or_else(verb).or(proposed) {
            Some(near) => format!("`{text}` is no command, did you mean `{near}`?"),
            None => format!(
                "`{text}` is no command; <key:complete> completes, <key:help> lists the keys"
            ),
        }
    }
}

/// How far a name is from what is typed of it: 0 it begins so, 1 a word of it does, 2 it holds it, 3 it holds its
/// letters in order; `None`: it does not.
fn likeness(name: &str, typed: &str) -> Option<u8> {
    if name.starts_with(typed) {
        return Some(0);
    }
    match name.split_once(typed) {
        Some((before, _)) if before.ends_with([' ', '-', '_', '.']) => Some(1),
        Some(_) => Some(2),
        // One or two letters in order are in almost everything.
        None if typed.len() > 2 && holds_in_order(name, typed) => Some(3),
        None => None,
    }
}

fn workloads(catalog: Option<&Catalog>) -> impl Iterator<Item = &str> + Clone {
    catalog
        .into_iter()
        .flat_map(|catalog| catalog.workloads.keys().map(WorkloadName::as_str))
}

/// The names that may follow a command.
fn names<'a>(
    takes: Takes,
    catalog: Option<&'a Catalog>,
    themes: &'a [String],
) -> impl Iterator<Item = &'a str> + Clone {
    let of_workloads = matches!(takes, Takes::Workload | Takes::Probed);
    let of_routes = matches!(takes, Takes::Route | Takes::Probed | Takes::Outage);
    let routes = catalog
        .into_iter()
        .flat_map(|catalog| catalog.routes.keys().map(RouteName::as_str))
        .filter(move |_| of_routes);
    let providers = catalog
        .into_iter()
        .flat_map(|catalog| catalog.providers.keys().map(ProviderName::as_str))
        .filter(move |_| takes == Takes::Outage);
    workloads(catalog)
        .filter(move |_| of_workloads)
        .chain(routes)
        .chain(providers)
        .chain(
            themes
                .iter()
                .map(String::as_str)
                .filter(move |_| takes == Takes::Theme),
        )
}

/// The one name that is meant: in full, or by a beginning that no other has.
fn one<'a>(
    command: &Command,
    typed: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Result<&'a str, String> {
    let verb = command.words;
    if typed.is_empty() {
        return Err(format!("`{verb}` needs a name: {}", command.takes.as_str()));
    }
    let near: Vec<&str> = names
        .clone()
        .filter(|name| name.starts_with(typed))
        .collect();
    match near.as_slice() {
        [] => Err(match nearest(typed, names) {
            Some(near) => format!("`{verb}`: there is no `{typed}`, did you mean `{near}`?"),
            None => format!("`{verb}`: there is no `{typed}`"),
        }),
        [name] => Ok(name),
        many => many
            .iter()
            .copied()
            .find(|name| *name == typed)
            .ok_or_else(|| format!("`{verb} {typed}` could be {} things; type more", many.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Palette, likeness};

    fn typed(text: &str, history: &[&str]) -> Palette {
        let history: Vec<String> = history.iter().map(|text| (*text).to_owned()).collect();
        let mut palette = Palette::new(None, &["nord".to_owned()], &history);
        palette.field.paste(text);
        palette.propose(None);
        palette
    }

    #[test]
    fn the_likeliest_comes_first() {
        for (name, text, expected) in [
            ("support-chat", "sup", Some(0)),
            ("support-chat", "chat", Some(1)),
            ("support-chat", "port", Some(2)),
            ("support-chat", "spch", Some(3)),
            ("support-chat", "xyz", None),
            ("support-chat", "st", None),
            ("anything", "", Some(0)),
        ] {
            assert_eq!(likeness(name, text), expected, "{name} {text}");
        }
        assert_eq!(
            typed("rev", &[]).proposals,
            ["review", "reviews", "reverse"]
        );
        assert_eq!(typed("th no", &[]).proposals, ["theme nord"]);
    }

    #[test]
    fn what_is_not_understood_says_what_was_meant() {
        for (text, told) in [
            ("audti", "`audti` is no command, did you mean `audit`?"),
            ("focre x", "`focre x` is no command, did you mean `force`?"),
            (
                "report --since 2h",
                "that is a command for a shell: backstop report --since 2h",
            ),
            (
                "theme nrod",
                "`theme`: there is no `nrod`, did you mean `nord`?",
            ),
            ("force", "`force` needs a name: WORKLOAD"),
            ("audit all", "`audit` takes nothing behind it, not `all`"),
        ] {
            assert_eq!(typed(text, &[]).understand(None), Err(told.to_owned()));
        }
    }

    #[test]
    fn arrows_walk_back_through_what_was_typed_and_forth_through_proposals() {
        let mut palette = typed("aud", &["help", "routes"]);
        let fields = |palette: &Palette| palette.field.text().to_owned();
        palette.turn(false, None);
        assert_eq!(fields(&palette), "routes");
        palette.turn(false, None);
        palette.turn(false, None);
        assert_eq!(fields(&palette), "help", "the oldest");
        palette.turn(true, None);
        palette.turn(true, None);
        assert_eq!(fields(&palette), "aud", "what was being typed");
        palette.turn(true, None);
        assert_eq!(palette.text(), "audit");
        palette.turn(false, None);
        assert_eq!(palette.text(), "aud");
    }
}
