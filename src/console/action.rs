//! What an operator can ask for, in one table: action, contexts, default chords, words.
//!
//! The keymap, the footer, the help screen, the documentation and the duplicate check all read this table.
//! It must not do anything: what an action means is `update`'s business.

use std::fmt;

use crossterm::event::KeyCode;

use super::{
    chord::{Chord, ctrl, key, named},
    keymap::Context::{
        self, Audit, Confirm, Detail, Drill, Events, Filter, Menu, Palette, Plan, Popup, Probe,
        Routes, Text, Workloads,
    },
};

/// Something an operator can ask for with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Move the selection, or the text, one row down.
    Down,
    /// One row up.
    Up,
    /// To the first row.
    Top,
    /// To the last row; in a followed list, follow again.
    Bottom,
    /// Half a page down.
    HalfPageDown,
    /// Half a page up.
    HalfPageUp,
    /// A page down.
    PageDown,
    /// A page up.
    PageUp,
    /// The next pane.
    NextPane,
    /// The pane before.
    PreviousPane,
    /// Open the selection.
    Open,
    /// Back, or cancel.
    Back,
    /// Back; at the top, quit.
    Quit,
    /// Quit from anywhere.
    Exit,
    /// The home screen.
    Workloads,
    /// The routes screen.
    Routes,
    /// The events screen.
    Events,
    /// The audit screen.
    Audit,
    /// The screen before this one.
    LastView,
    /// The item before this one.
    PreviousItem,
    /// The item after this one.
    NextItem,
    /// Start to type a filter.
    Filter,
    /// The next match.
    NextMatch,
    /// The match before.
    PreviousMatch,
    /// Start to type a command.
    Palette,
    /// Help for this screen.
    Help,
    /// Every action for this item, with reasons.
    Actions,
    /// Sort by the next column.
    Sort,
    /// Turn the order round.
    Reverse,
    /// More columns, or fewer.
    Wide,
    /// Stop the view, not the data; or go on.
    Pause,
    /// Follow the newest, or stop to.
    Follow,
    /// Wrap long lines, or cut them.
    Wrap,
    /// Ages or times of day.
    TimeStyle,
    /// Copy the row.
    Copy,
    /// Save the view as text and JSON.
    Save,
    /// "I'm on it", or not any more.
    Claim,
    /// Plan: all traffic to the fallback.
    Force,
    /// Plan: primary only.
    Hold,
    /// Plan: back to automatic.
    Auto,
    /// Plan: notice on or off.
    Notice,
    /// Plan: drain or undrain the route.
    Drain,
    /// Imagine the selection down, or ask again; no traffic moves.
    Drill,
    /// In a drill: another kind of failure.
    OutageClass,
    /// In a drill: the route alone, or its whole provider.
    OutageScope,
    /// Ask the selection's routes with its samples, now.
    Probe,
    /// Plan: undo my last change.
    Undo,
    /// Apply a plan after its target was typed.
    Apply,
    /// Apply a plan that needs no typing.
    Confirm,
    /// A plan's change ends sooner.
    Shorter,
    /// A plan's change ends later.
    Longer,
    /// Accept what was typed.
    Accept,
    /// Complete what was typed.
    Complete,
    /// The next field of a form.
    NextField,
    /// The field before.
    PreviousField,
    /// The next proposal.
    NextChoice,
    /// The proposal before.
    PreviousChoice,
    /// Mouse reporting on or off.
    Mouse,
    /// Draw the whole screen again.
    Repaint,
    /// Give the terminal back to the shell.
    Suspend,
}

/// Under which heading the help shows an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Verbs that open a plan.
    Change,
    /// Typing and plans.
    Form,
    /// Where am I.
    Move,
    /// Which rows, and how they look.
    View,
    /// The program itself.
    Session,
}

impl Group {
    /// The heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Form => "form",
            Self::Move => "move",
            Self::View => "view",
            Self::Session => "session",
        }
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What is asked for.
    pub action: Action,
    /// Its name in key files.
    pub name: &'static str,
    /// One word or two, for the footer.
    pub label: &'static str,
    /// One sentence, for the help.
    pub help: &'static str,
    /// Its heading in the help.
    pub group: Group,
    /// Where it can be asked for.
    pub contexts: &'static [Context],
    /// The chords that ask for it unless the operator's file says otherwise.
    pub chords: &'static [Chord],
}

const LISTS: &[Context] = &[Workloads, Routes, Events, Audit];
const SCREENS: &[Context] = &[Workloads, Routes, Events, Audit, Detail];
const ITEMS: &[Context] = &[Workloads, Detail];
const PANES: &[Context] = &[Workloads, Routes, Events, Audit, Detail, Probe];
const READING: &[Context] = &[
    Workloads, Routes, Events, Audit, Detail, Popup, Menu, Drill, Probe,
];
const PAGING: &[Context] = &[
    Workloads, Routes, Events, Audit, Detail, Popup, Menu, Drill, Probe, Plan, Confirm,
];
const LEAVING: &[Context] = &[
    Workloads, Routes, Events, Audit, Detail, Popup, Menu, Drill, Probe, Palette, Filter, Text,
    Plan, Confirm,
];

const fn entry(
    action: Action,
    name: &'static str,
    label: &'static str,
    help: &'static str,
    group: Group,
    contexts: &'static [Context],
    chords: &'static [Chord],
) -> Entry {
    Entry {
        action,
        name,
        label,
        help,
        group,
        contexts,
        chords,
    }
}

/// Every action, in the order of footer and help.
#[rustfmt::skip]
pub const TABLE: &[Entry] = &[
    entry(Action::Help, "help", "help", "help for this screen", Group::Session,
        &[Workloads, Routes, Events, Audit, Detail, Menu, Popup, Drill, Probe, Plan, Confirm], &[key('?')]),
    entry(Action::Palette, "palette", "cmd", "type a command, the same verbs as on the command line", Group::View, SCREENS, &[key(':')]),
    entry(Action::Filter, "filter", "filter", "filter: text, !not, ~fuzzy, field:value", Group::View, LISTS, &[key('/')]),
    entry(Action::Open, "open", "open", "open the selection", Group::Move,
        &[Workloads, Routes, Events, Audit, Detail, Menu, Probe], &[named(KeyCode::Enter)]),
    entry(Action::Apply, "apply", "apply", "apply the plan, once the name of its target is typed", Group::Form, &[Plan], &[named(KeyCode::Enter)]),
    entry(Action::Confirm, "confirm", "yes, apply", "apply the plan", Group::Form, &[Confirm], &[key('y')]),
    entry(Action::Accept, "accept", "accept", "accept what was typed", Group::Form, &[Filter, Palette, Text], &[named(KeyCode::Enter)]),
    entry(Action::Back, "back", "back", "back, or cancel; nothing changes", Group::Move, LEAVING, &[named(KeyCode::Esc)]),
    entry(Action::Shorter, "shorter", "shorter", "the change ends sooner", Group::Form, &[Plan, Confirm], &[key('[')]),
    entry(Action::Longer, "longer", "longer", "the change ends later", Group::Form, &[Plan, Confirm], &[key(']')]),
    entry(Action::NextField, "next-field", "next field", "next field", Group::Form, &[Plan, Text], &[named(KeyCode::Tab), named(KeyCode::Down)]),
    entry(Action::PreviousField, "previous-field", "field before", "field before", Group::Form, &[Plan, Text], &[named(KeyCode::BackTab), named(KeyCode::Up)]),
    entry(Action::Complete, "complete", "complete", "complete what was typed", Group::Form, &[Palette, Filter], &[named(KeyCode::Tab)]),
    entry(Action::NextChoice, "next-choice", "next", "next proposal", Group::Form, &[Palette, Filter], &[named(KeyCode::Down)]),
    entry(Action::PreviousChoice, "previous-choice", "before", "proposal before", Group::Form, &[Palette, Filter], &[named(KeyCode::Up)]),

    entry(Action::Force, "force", "force", "plan: force all traffic to the fallback", Group::Change, ITEMS, &[key('F')]),
    entry(Action::Hold, "hold", "hold", "plan: hold the primary, no fallback", Group::Change, ITEMS, &[key('H')]),
    entry(Action::Auto, "auto", "auto", "plan: back to automatic", Group::Change, ITEMS, &[key('A')]),
    entry(Action::Notice, "notice", "notice", "plan: turn the degraded notice on or off", Group::Change, ITEMS, &[key('D')]),
    entry(Action::Drain, "drain", "drain", "plan: drain the route, or undrain it", Group::Change, &[Routes], &[key('X')]),
    entry(Action::Probe, "probe", "probe", "probe it now with its samples; both answers as they come", Group::Change, &[Workloads, Routes, Detail, Probe], &[key('r')]),
    entry(Action::Undo, "undo", "undo", "plan: undo my last change", Group::Change, SCREENS, &[key('z')]),
    entry(Action::Claim, "claim", "claim", "say \"I'm on it\" to the others, or take it back", Group::Change, ITEMS, &[key('i')]),
    entry(Action::Actions, "actions", "actions", "every action for this item, with keys and reasons", Group::Change, SCREENS, &[key('x')]),

    entry(Action::Down, "down", "down", "one row down", Group::Move, READING, &[key('j'), named(KeyCode::Down)]),
    entry(Action::Up, "up", "up", "one row up", Group::Move, READING, &[key('k'), named(KeyCode::Up)]),
    entry(Action::Top, "top", "top", "to the first row", Group::Move, READING, &[key('g'), named(KeyCode::Home)]),
    entry(Action::Bottom, "bottom", "bottom", "to the last row, and follow", Group::Move, READING, &[key('G'), named(KeyCode::End)]),
    entry(Action::HalfPageDown, "half-page-down", "half page", "half a page down", Group::Move, READING, &[ctrl('d')]),
    entry(Action::HalfPageUp, "half-page-up", "half page up", "half a page up", Group::Move, READING, &[ctrl('u')]),
    entry(Action::PageDown, "page-down", "page", "a page down", Group::Move, PAGING, &[named(KeyCode::PageDown)]),
    entry(Action::PageUp, "page-up", "page up", "a page up", Group::Move, PAGING, &[named(KeyCode::PageUp)]),
    entry(Action::NextPane, "next-pane", "pane", "next pane", Group::Move, PANES, &[named(KeyCode::Tab), key('l'), named(KeyCode::Right)]),
    entry(Action::PreviousPane, "previous-pane", "pane before", "pane before", Group::Move, PANES, &[named(KeyCode::BackTab), key('h'), named(KeyCode::Left)]),
    entry(Action::PreviousItem, "previous-item", "before", "the item before", Group::Move, &[Detail], &[key('[')]),
    entry(Action::NextItem, "next-item", "next", "the next item", Group::Move, &[Detail], &[key(']')]),
    entry(Action::LastView, "last-view", "last view", "the screen before this one", Group::Move, SCREENS, &[key('-')]),
    entry(Action::Workloads, "workloads", "workloads", "workloads (home)", Group::Move, SCREENS, &[key('1')]),
    entry(Action::Routes, "routes", "routes", "routes", Group::Move, SCREENS, &[key('2')]),
    entry(Action::Events, "events", "events", "events", Group::Move, SCREENS, &[key('3')]),
    entry(Action::Audit, "audit", "audit", "audit", Group::Move, SCREENS, &[key('5')]),

    entry(Action::Drill, "drill", "drill", "drill: imagine that this route is down; no traffic moves", Group::View, &[Workloads, Routes, Detail, Drill], &[key('d')]),
    entry(Action::OutageClass, "outage-class", "failure", "imagine another failure: 503, timeout, 429, 401, 500, no connection", Group::View, &[Drill], &[key('c')]),
    entry(Action::OutageScope, "outage-scope", "provider", "imagine the whole provider down, or the route alone", Group::View, &[Drill], &[key('s')]),
    entry(Action::NextMatch, "next-match", "next match", "next match", Group::View, LISTS, &[key('n')]),
    entry(Action::PreviousMatch, "previous-match", "match before", "match before", Group::View, LISTS, &[key('N')]),
    entry(Action::Sort, "sort", "sort", "sort by the next column", Group::View, LISTS, &[key('o')]),
    entry(Action::Reverse, "reverse", "reverse", "turn the order round", Group::View, LISTS, &[key('O')]),
    entry(Action::Wide, "wide", "wide", "more columns, or fewer", Group::View, LISTS, &[key('W')]),
    entry(Action::Pause, "pause", "pause", "stop the view (not the data), or go on", Group::View, SCREENS, &[key('p')]),
    entry(Action::Follow, "follow", "follow", "follow the newest, or stop to", Group::View, SCREENS, &[key('f')]),
    entry(Action::Wrap, "wrap", "wrap", "wrap long lines, or cut them", Group::View, &[Workloads, Routes, Events, Audit, Detail, Popup], &[key('w')]),
    entry(Action::TimeStyle, "time-style", "time", "ages, or times of day in UTC", Group::View, SCREENS, &[key('t')]),
    entry(Action::Copy, "copy", "copy", "copy the row: sent to the terminal and saved to a file", Group::View, &[Workloads, Routes, Events, Audit, Detail, Popup, Drill, Probe], &[key('y')]),
    entry(Action::Save, "save", "save", "save the view as text and JSON", Group::View, SCREENS, &[key('S')]),

    entry(Action::Mouse, "mouse", "mouse", "mouse reporting on or off; off keeps the terminal's own selection", Group::Session, SCREENS, &[key('M')]),
    entry(Action::Repaint, "repaint", "repaint", "draw the whole screen again", Group::Session, LEAVING, &[ctrl('l')]),
    entry(Action::Suspend, "suspend", "suspend", "give the terminal back to the shell; fg returns", Group::Session, LEAVING, &[ctrl('z')]),
    entry(Action::Quit, "quit", "quit", "back; at the top, quit", Group::Session, READING, &[key('q')]),
    entry(Action::Exit, "exit", "exit", "quit from anywhere", Group::Session, LEAVING, &[ctrl('c')]),
];

impl Action {
    /// Its line in the table.
    #[must_use]
    pub fn entry(self) -> Option<&'static Entry> {
        TABLE.iter().find(|entry| entry.action == self)
    }

    /// The action of a name in a key file.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.action)
    }

    /// Its name in key files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.entry().map_or("", |entry| entry.name)
    }

    /// Whether it sets out to change the world: such an action is never taken from a burst of keys.
    #[must_use]
    pub fn changes_the_world(self) -> bool {
        self.entry()
            .is_some_and(|entry| entry.group == Group::Change && self != Self::Actions)
            || matches!(self, Self::Apply | Self::Confirm)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
