//! Which chord asks for which action, and where: the table of `action` with the operator's file on top.
//!
//! `update` asks it what a key means; footer and help ask it for the keys to show.

use std::{borrow::Cow, collections::HashMap};

use crossterm::event::KeyEvent;

use super::{
    action::{Action, Entry, TABLE},
    chord::Chord,
};

/// Where keys go: the top of what is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// The home screen.
    Workloads,
    /// The routes screen.
    Routes,
    /// The events screen.
    Events,
    /// The reviews.
    Reviews,
    /// The audit screen.
    Audit,
    /// The gateways screen.
    Gateways,
    /// One workload.
    Detail,
    /// The routes of a workload beside each other.
    Compare,
    /// A side that is unsafe must be named.
    Unsafe,
    /// What the verdicts of a review come to.
    Verdicts,
    /// A question that yes answers.
    Question,
    /// The payload of a sample is being typed.
    Payload,
    /// A past review.
    Past,
    /// Something to read: one event, messages.
    Popup,
    /// A record of the audit.
    Record,
    /// The help.
    Help,
    /// The list of actions for an item.
    Menu,
    /// A drill.
    Drill,
    /// A live probe.
    Probe,
    /// A command is being typed.
    Palette,
    /// A filter is being typed.
    Filter,
    /// Free text is being typed: a note, a ticket.
    Text,
    /// A plan whose target is typed: characters are text.
    Plan,
    /// A plan that needs one key.
    Confirm,
}

impl Context {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::Workloads,
        Self::Routes,
        Self::Events,
        Self::Reviews,
        Self::Audit,
        Self::Gateways,
        Self::Detail,
        Self::Compare,
        Self::Unsafe,
        Self::Verdicts,
        Self::Question,
        Self::Payload,
        Self::Popup,
        Self::Record,
        Self::Help,
        Self::Past,
        Self::Menu,
        Self::Drill,
        Self::Probe,
        Self::Palette,
        Self::Filter,
        Self::Text,
        Self::Plan,
        Self::Confirm,
    ];

    /// Its name in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workloads => "workloads",
            Self::Routes => "routes",
            Self::Events => "events",
            Self::Reviews => "reviews",
            Self::Audit => "audit",
            Self::Gateways => "gateways",
            Self::Detail => "the detail of a workload",
            Self::Compare => "a comparison",
            Self::Unsafe => "an unsafe verdict",
            Self::Verdicts => "the result of a review",
            Self::Question => "a question",
            Self::Payload => "a payload",
            Self::Popup => "a text",
            Self::Record => "a record of the audit",
            Self::Help => "the help",
            Self::Past => "a past review",
            Self::Menu => "the list of actions",
            Self::Drill => "a drill",
            Self::Probe => "a live probe",
            Self::Palette => "the palette",
            Self::Filter => "the filter",
            Self::Text => "a field",
            Self::Plan => "a plan",
            Self::Confirm => "a plan to confirm",
        }
    }

    /// Whether text is typed here.
    #[must_use]
    pub const fn is_typing(self) -> bool {
        match self {
            Self::Palette | Self::Filter | Self::Text | Self::Payload | Self::Plan => true,
            Self::Workloads
            | Self::Routes
            | Self::Events
            | Self::Reviews
            | Self::Audit
            | Self::Gateways
            | Self::Detail
            | Self::Compare
            | Self::Unsafe
            | Self::Verdicts
            | Self::Question
            | Self::Popup
            | Self::Record
            | Self::Help
            | Self::Past
            | Self::Menu
            | Self::Drill
            | Self::Probe
            | Self::Confirm => false,
        }
    }

    /// Whether a chord is text here, and so can never be bound.
    #[must_use]
    pub fn takes_as_text(self, chord: Chord) -> bool {
        let Some(character) = chord.character() else {
            return false;
        };
        match self {
            // What is typed in a plan is a name; a bracket is in none, and changes the expiry.
            Self::Plan => character.is_alphanumeric() || "-_. ".contains(character),
            other => other.is_typing(),
        }
    }
}

/// What every chord means.
#[derive(Clone, Debug)]
pub struct Keymap {
    chords: Vec<(&'static Entry, Vec<Chord>)>,
    bound: HashMap<(Context, Chord), Action>,
}

impl Default for Keymap {
    /// The table as it stands.
    fn default() -> Self {
        Self::from_chords(
            TABLE
                .iter()
                .map(|entry| (entry, entry.chords.to_vec()))
                .collect(),
        )
    }
}

impl Keymap {
    /// A keymap of chosen chords. Where text is typed, characters stay text.
    pub(super) fn from_chords(chords: Vec<(&'static Entry, Vec<Chord>)>) -> Self {
        let mut bound = HashMap::new();
        for (entry, chords) in &chords {
            for context in entry.contexts {
                for chord in chords {
                    if !context.takes_as_text(*chord) {
                        bound.insert((*context, *chord), entry.action);
                    }
                }
            }
        }
        Self { chords, bound }
    }

    /// What a key asks for in a context; `None`: nothing, so where text is typed it is text.
    #[must_use]
    pub fn action(&self, context: Context, event: KeyEvent) -> Option<Action> {
        self.bound(context, Chord::of(&event))
    }

    /// The same for a chord.
    #[must_use]
    pub fn bound(&self, context: Context, chord: Chord) -> Option<Action> {
        self.bound.get(&(context, chord)).copied()
    }

    /// The chords of an action, the one to show first.
    #[must_use]
    pub fn chords(&self, action: Action) -> &[Chord] {
        self.chords
            .iter()
            .find(|(entry, _)| entry.action == action)
            .map_or(&[], |(_, chords)| chords)
    }

    /// The chord to show for an action; empty when it has none.
    #[must_use]
    pub fn shown(&self, action: Action) -> String {
        self.chords(action)
            .first()
            .map(Chord::to_string)
            .unwrap_or_default()
    }

    /// A text with the keys in it: `<key:back>` becomes the chord of the action `back`, or its name when it has none.
    /// Texts that name a key by itself are wrong as soon as somebody has bound another.
    #[must_use]
    pub fn keyed<'t>(&self, text: &'t str) -> Cow<'t, str> {
        const OPEN: &str = "<key:";
        if !text.contains(OPEN) {
            return Cow::Borrowed(text);
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            filled.push_str(before);
            let named = after
                .split_once('>')
                .and_then(|(name, rest)| Some((Action::named(name)?, name, rest)));
            let Some((action, name, behind)) = named else {
                filled.push_str(OPEN);
                rest = after;
                continue;
            };
            let chord = self.shown(action);
            filled.push_str(if chord.is_empty() { name } else { &chord });
            rest = behind;
        }
        filled.push_str(rest);
        Cow::Owned(filled)
    }

    /// What can be asked for in a context, in the order of footer and help, with all its chords.
    pub fn entries(
        &self,
        context: Context,
    ) -> impl Iterator<Item = (&'static Entry, &[Chord])> + '_ {
        self.chords
            .iter()
            .filter(move |(entry, chords)| entry.contexts.contains(&context) && !chords.is_empty())
            .map(|(entry, chords)| (*entry, chords.as_slice()))
    }
}
