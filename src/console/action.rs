//! What an operator can ask for, in one table: action, contexts, default chords, words.
//!
//! The keymap, the footer, the help screen, the documentation and the duplicate check all read this table.
//! It must not do anything: what an action means is `update`'s business.

mod group;

use std::fmt;

use crossterm::event::KeyCode;

pub use group::Group;

use super::{
    chord::{Chord, ctrl, key, named},
    keymap::Context::{
        self, Audit, Compare, Confirm, Detail, Drill, Events, Filter, Gateways, Help, Menu,
        Palette, Past, Payload, Plan, Popup, Probe, Question, Record, Reviews, Routes, Text,
        Unsafe, Verdicts, Workloads,
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
    /// What stands beside the list, further down.
    PaneDown,
    /// The same, further up.
    PaneUp,
    /// Open the selection.
    Open,
    /// Back, or cancel.
    Back,
    /// Back; at the top, quit.
    Quit,
    /// Quit from anywhere.
    Exit,
    /// Quit, and leave a summary in the terminal's history.
    Leave,
    /// The home screen.
    Workloads,
    /// The routes screen.
    Routes,
    /// The events screen.
    Events,
    /// Show the reviews.
    Reviews,
    /// Go first with a plan although another operator has one open for the same target.
    TakeOver,
    /// The audit screen.
    Audit,
    /// The gateways screen.
    Gateways,
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
    /// Everything that was said.
    Messages,
    /// Every action for this item, with reasons.
    Actions,
    /// Mark the row, or take its mark away.
    Mark,
    /// Mark from here to where the cursor goes; or end that.
    Range,
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
    /// The charts of the selection, or back to its facts.
    Charts,
    /// Both routes of the selection beside each other.
    Compare,
    /// In a comparison: ask again.
    Rerun,
    /// In a comparison: ask some more times.
    MoreRuns,
    /// In a comparison: ask with every sample.
    RunAll,
    /// In a comparison: blind, or open.
    Blind,
    /// Side A is better; behind `<key:verdict-unsafe>`, unsafe.
    VerdictA,
    /// Side B is better; behind `<key:verdict-unsafe>`, unsafe.
    VerdictB,
    /// Both are equally good; behind `<key:verdict-unsafe>`, both are unsafe.
    VerdictSame,
    /// Neither can be used.
    VerdictBad,
    /// One of them must never reach a user.
    VerdictUnsafe,
    /// Write why.
    Note,
    /// Show the names of a sample that was judged blind.
    Reveal,
    /// What the verdicts come to.
    Verdicts,
    /// Record the review.
    SaveReview,
    /// Yes.
    Yes,
    /// Another layout of two answers.
    NextView,
    /// The other side.
    OtherSide,
    /// Both sides scroll together, or each alone.
    LockScroll,
    /// Mark words that differ, or do not.
    WordMarks,
    /// To the next difference.
    NextDifference,
    /// To the difference before.
    PreviousDifference,
    /// Edit what is sent.
    EditPayload,
    /// Edit it in the operator's own editor.
    OutsideEditor,
    /// Back to the sample as it is.
    ResetPayload,
    /// Take back what was typed.
    UndoTyping,
    /// Type it again.
    RedoTyping,
    /// Plan: undo my last change.
    Undo,
    /// Plan: undo what a record of the audit tells of.
    UndoRecord,
    /// Apply a plan after its target was typed.
    Apply,
    /// Apply a plan that needs no typing.
    Confirm,
    /// A plan's change ends sooner.
    Shorter,
    /// A plan's change ends later.
    Longer,
    /// A plan's change holds on other gateways.
    Scope,
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
    /// The tour: its next step, or its beginning.
    Tour,
    /// Give the terminal back to the shell.
    Suspend,
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

/// Where the operator is, and can go elsewhere from.
const PLACES: &[Context] = &[
    Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Compare,
];
const SAVED: &[Context] = &[
    Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Compare, Past,
];
const LISTS: &[Context] = &[Workloads, Routes, Events, Reviews, Audit, Gateways];
const FILTERED: &[Context] = &[
    Workloads, Routes, Events, Reviews, Audit, Gateways, Menu, Help,
];
const SCREENS: &[Context] = &[Workloads, Routes, Events, Reviews, Audit, Gateways, Detail];
const ITEMS: &[Context] = &[Workloads, Detail];
const CLAIMED: &[Context] = &[Workloads, Events, Reviews, Detail, Compare];
const PANES: &[Context] = &[
    Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Probe,
];
const READING: &[Context] = &[
    Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Compare, Verdicts, Popup, Record,
    Help, Past, Menu, Drill, Probe,
];
const PAGING: &[Context] = &[
    Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Compare, Verdicts, Payload, Popup,
    Record, Help, Past, Menu, Drill, Probe, Text, Plan, Confirm,
];
const LEAVING: &[Context] = &[
    Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Compare, Unsafe, Verdicts,
    Question, Payload, Popup, Record, Help, Past, Menu, Drill, Probe, Palette, Filter, Text, Plan,
    Confirm,
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
        &[Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Compare, Unsafe, Verdicts, Question, Menu, Popup, Record, Help, Past, Drill, Probe, Plan, Confirm], &[key('?')]),
    entry(Action::Palette, "palette", "cmd", "type a command, the same verbs as on the command line", Group::View, PLACES, &[key(':')]),
    entry(Action::Filter, "filter", "filter", "filter: text, !not, ~fuzzy, field:value, since:15m", Group::View, FILTERED, &[key('/')]),
    entry(Action::Open, "open", "open", "open the selection", Group::Move,
        &[Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Menu, Probe, Record], &[named(KeyCode::Enter)]),
    entry(Action::Apply, "apply", "apply", "apply the plan, once the name of its target is typed", Group::Form, &[Plan], &[named(KeyCode::Enter)]),
    entry(Action::Confirm, "confirm", "yes, apply", "apply the plan", Group::Form, &[Confirm], &[key('y')]),
    entry(Action::Accept, "accept", "accept", "accept what was typed", Group::Form, &[Filter, Palette, Text], &[named(KeyCode::Enter)]),
    entry(Action::Back, "back", "back", "back, or cancel; nothing changes", Group::Move, LEAVING, &[named(KeyCode::Esc)]),
    entry(Action::TakeOver, "take-over", "take over", "go first although another operator has a plan open for it; they are told", Group::Form, &[Plan, Confirm, Text], &[ctrl('t')]),
    entry(Action::Shorter, "shorter", "shorter", "the change ends sooner", Group::Form, &[Plan, Confirm], &[key('[')]),
    entry(Action::Longer, "longer", "longer", "the change ends later", Group::Form, &[Plan, Confirm], &[key(']')]),
    entry(Action::Scope, "scope", "where", "the change holds on other gateways: on all, in a region, on a host", Group::Form, &[Plan, Confirm], &[key('@')]),
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
    entry(Action::Compare, "compare", "compare", "both routes beside each other, on the workload's own samples", Group::Judge, &[Workloads, Routes, Reviews, Detail, Past], &[key('c')]),

    entry(Action::VerdictA, "verdict-a", "A better", "A is better; behind `<key:verdict-unsafe>`: A is unsafe", Group::Judge, &[Compare, Unsafe], &[key('a')]),
    entry(Action::VerdictB, "verdict-b", "B better", "B is better; behind `<key:verdict-unsafe>`: B is unsafe", Group::Judge, &[Compare, Unsafe], &[key('b')]),
    entry(Action::VerdictSame, "verdict-same", "same", "both are equally good; behind `<key:verdict-unsafe>`: both are unsafe", Group::Judge, &[Compare, Unsafe], &[key('=')]),
    entry(Action::VerdictBad, "verdict-bad", "both bad", "neither can be used", Group::Judge, &[Compare], &[key('-')]),
    entry(Action::VerdictUnsafe, "verdict-unsafe", "unsafe", "one of them must never reach a user; a fallback's vetoes the review", Group::Judge, &[Compare], &[key('!')]),
    entry(Action::Note, "note", "note", "write why: of this sample, or of the whole review", Group::Judge, &[Compare, Verdicts], &[key('#')]),
    entry(Action::Verdicts, "verdicts", "result", "what the verdicts come to, and what the gate says of it; from there it is saved", Group::Judge, &[Compare], &[named(KeyCode::Enter)]),
    entry(Action::Blind, "blind", "blind/open", "a blind review, or back to an open one", Group::Judge, &[Compare], &[key('m')]),
    entry(Action::Reveal, "reveal", "uncover", "show the names of a sample that was judged blind; its verdict stands then", Group::Judge, &[Compare], &[key('u')]),
    entry(Action::SaveReview, "save-review", "save", "record the review", Group::Judge, &[Verdicts], &[key('y')]),
    entry(Action::Yes, "yes", "yes", "yes", Group::Form, &[Question], &[key('y')]),
    entry(Action::Rerun, "rerun", "rerun", "ask both routes again with this sample", Group::Judge, &[Compare], &[key('r')]),
    entry(Action::MoreRuns, "more-runs", "5 runs", "ask five times, to see how much the answers vary", Group::Judge, &[Compare], &[key('+')]),
    entry(Action::RunAll, "run-all", "all samples", "ask with every sample that has not been asked", Group::Judge, &[Compare], &[key('*')]),
    entry(Action::EditPayload, "edit-payload", "edit", "edit what is sent; its answers are not part of a review then", Group::Judge, &[Compare], &[key('e')]),
    entry(Action::OutsideEditor, "outside-editor", "$EDITOR", "edit it in your own editor", Group::Form, &[Payload], &[ctrl('o')]),
    entry(Action::ResetPayload, "reset-payload", "reset", "back to the sample as it is", Group::Form, &[Payload], &[ctrl('x')]),
    entry(Action::UndoTyping, "undo-typing", "undo", "take back what was typed", Group::Form, &[Payload], &[ctrl('u')]),
    entry(Action::RedoTyping, "redo-typing", "redo", "type it again", Group::Form, &[Payload], &[ctrl('r')]),

    entry(Action::NextView, "next-view", "view", "another layout: aligned, one above the other, one text", Group::View, &[Compare], &[key('v')]),
    entry(Action::OtherSide, "other-side", "other side", "the other side: at the same line where one is shown, else the one that moves alone", Group::View, &[Compare], &[named(KeyCode::Tab), named(KeyCode::BackTab), key('h'), key('l'), named(KeyCode::Left), named(KeyCode::Right)]),
    entry(Action::NextDifference, "next-difference", "difference", "to the next difference", Group::View, &[Compare], &[key('n')]),
    entry(Action::PreviousDifference, "previous-difference", "diff. before", "to the difference before", Group::View, &[Compare], &[key('N')]),
    entry(Action::WordMarks, "word-marks", "word marks", "mark the words that differ, or do not", Group::View, &[Compare], &[key('w')]),
    entry(Action::LockScroll, "lock-scroll", "lock", "both sides scroll together, or each alone", Group::View, &[Compare], &[key('s')]),
    entry(Action::Undo, "undo", "undo", "plan: undo my last change", Group::Change, PLACES, &[key('z')]),
    entry(Action::UndoRecord, "undo-record", "undo this", "plan: undo what this record tells of", Group::Change, &[Audit, Record], &[key('U')]),
    entry(Action::Claim, "claim", "claim", "say \"I'm on it\" to the others, or take it back", Group::Change, CLAIMED, &[key('i')]),
    entry(Action::Actions, "actions", "actions", "every action for this item, with keys and reasons", Group::Change, PLACES, &[key('x')]),

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
    entry(Action::PaneDown, "pane-down", "scroll", "scroll what stands beside the list", Group::Move, &[Routes], &[key('>')]),
    entry(Action::PaneUp, "pane-up", "scroll back", "scroll it back", Group::Move, &[Routes], &[key('<')]),
    entry(Action::PreviousItem, "previous-item", "before", "the item before", Group::Move, &[Detail, Compare, Past, Popup, Record], &[key('[')]),
    entry(Action::NextItem, "next-item", "next", "the next item", Group::Move, &[Detail, Compare, Past, Popup, Record], &[key(']')]),
    entry(Action::LastView, "last-view", "last view", "the screen before this one", Group::Move, SCREENS, &[key('-')]),
    entry(Action::Workloads, "workloads", "workloads", "workloads (home)", Group::Move, PLACES, &[key('1')]),
    entry(Action::Routes, "routes", "routes", "routes", Group::Move, PLACES, &[key('2')]),
    entry(Action::Events, "events", "events", "events", Group::Move, PLACES, &[key('3')]),
    entry(Action::Reviews, "reviews", "reviews", "reviews: whose fallback needs one first", Group::Move, PLACES, &[key('4')]),
    entry(Action::Audit, "audit", "audit", "audit", Group::Move, PLACES, &[key('5')]),
    entry(Action::Gateways, "gateways", "gateways", "gateways: what each has applied, knows and carries", Group::Move, PLACES, &[key('6')]),

    entry(Action::Charts, "charts", "charts", "charts of the last hour: errors, fallback, first output, events, changes", Group::View, ITEMS, &[key('b')]),
    entry(Action::Drill, "drill", "drill", "drill: imagine that this route is down; no traffic moves", Group::View, &[Workloads, Routes, Detail, Drill], &[key('d')]),
    entry(Action::OutageClass, "outage-class", "failure", "imagine another failure: 503, timeout, 429, 401, 500, no connection", Group::View, &[Drill], &[key('c')]),
    entry(Action::OutageScope, "outage-scope", "provider", "imagine the whole provider down, or the route alone", Group::View, &[Drill], &[key('s')]),
    entry(Action::Mark, "mark", "mark", "mark the row for what is done next, or take its mark away", Group::View, LISTS, &[key(' ')]),
    entry(Action::Range, "range", "range", "mark from here to where the cursor goes; again ends that", Group::View, LISTS, &[key('v')]),
    entry(Action::NextMatch, "next-match", "next match", "next match", Group::View, LISTS, &[key('n')]),
    entry(Action::PreviousMatch, "previous-match", "match before", "match before", Group::View, LISTS, &[key('N')]),
    entry(Action::Sort, "sort", "sort", "sort by the next column", Group::View, LISTS, &[key('o')]),
    entry(Action::Reverse, "reverse", "reverse", "turn the order round", Group::View, LISTS, &[key('O')]),
    entry(Action::Wide, "wide", "wide", "more columns, or fewer", Group::View, LISTS, &[key('W')]),
    entry(Action::Pause, "pause", "pause", "stop the view (not the data), or go on", Group::View, SCREENS, &[key('p')]),
    entry(Action::Follow, "follow", "follow", "follow the newest, or stop to", Group::View, SCREENS, &[key('f')]),
    entry(Action::Wrap, "wrap", "wrap", "wrap long lines, or cut them", Group::View, &[Detail, Popup, Record, Past], &[key('w')]),
    entry(Action::TimeStyle, "time-style", "time", "ages, times of day here, or times of day in UTC", Group::View, PLACES, &[key('t')]),
    entry(Action::Copy, "copy", "copy", "copy the row: sent to the terminal and saved to a file", Group::View, &[Workloads, Routes, Events, Reviews, Audit, Gateways, Detail, Compare, Popup, Record, Help, Past, Drill, Probe], &[key('y')]),
    entry(Action::Save, "save", "save", "save the view as text and JSON", Group::View, SAVED, &[key('S')]),

    entry(Action::Messages, "messages", "messages", "everything that was said here, the newest first", Group::Session, PLACES, &[key('L')]),
    entry(Action::Mouse, "mouse", "mouse", "mouse reporting on or off; off keeps the terminal's own selection", Group::Session, PLACES, &[key('M')]),
    entry(Action::Tour, "tour", "tour", "the tour of an incident: its next step, or its beginning", Group::Session, PLACES, &[key('T')]),
    entry(Action::Repaint, "repaint", "repaint", "draw the whole screen again", Group::Session, LEAVING, &[ctrl('l')]),
    entry(Action::Suspend, "suspend", "suspend", "give the terminal back to the shell; fg returns", Group::Session, LEAVING, &[ctrl('z')]),
    entry(Action::Quit, "quit", "quit", "back; at the top, quit", Group::Session, READING, &[key('q')]),
    entry(Action::Leave, "leave", "leave", "quit, and leave a summary in the terminal's history", Group::Session, SCREENS, &[key('Q')]),
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
