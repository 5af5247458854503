//! The footer: the keys of what is on top, from the key table. `? help` comes first and is never cut.

use unicode_width::UnicodeWidthStr;

use super::{pen::Pen, refused};
use crate::console::{
    action::{Action, Entry},
    app::App,
    keymap::Context,
    layout::Areas,
    theme::Role,
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    keys(app, pen, areas.footer, app.context());
}

/// What stands in the footer.
struct Place {
    entry: &'static Entry,
    key: String,
    refused: bool,
    /// Its first column, and the one behind it.
    from: u16,
    to: u16,
}

/// As many keys of a context as fit into a row, in their order. A refused one stands in brackets: they say it where
/// colours cannot. The brackets stand in the gaps, so that what can be done with the next row moves no other key.
fn places(app: &App, width: u16, context: Context) -> Vec<Place> {
    let mut entries: Vec<(&'static Entry, String)> = app
        .setup
        .keymap
        .entries(context)
        .filter(|(entry, _)| rank(entry, context) < 99)
        .map(|(entry, _)| (entry, app.setup.keymap.shown(entry.action)))
        .collect();
    entries.sort_by_key(|(entry, _)| rank(entry, context));
    let mut at = 1_u16;
    let mut places = Vec::new();
    for (entry, key) in entries {
        let refused = refused::reason(app, entry.action).is_some();
        let wide = key.width() + 1 + entry.label.width();
        if usize::from(at) + wide + usize::from(refused) > usize::from(width) {
            continue;
        }
        let to = at.saturating_add(u16::try_from(wide).unwrap_or(width));
        places.push(Place {
            entry,
            key,
            refused,
            from: at,
            to,
        });
        at = to + 2;
    }
    places
}

/// The keys of a context in one row.
pub(super) fn keys(app: &App, pen: &mut Pen<'_>, area: ratatui::layout::Rect, context: Context) {
    for place in places(app, area.width, context) {
        let (key, label) = (&place.key, place.entry.label);
        if place.refused {
            pen.put(
                area,
                place.from - 1,
                &format!("({key} {label})"),
                Role::KeyDisabled,
            );
        } else {
            let at = pen.put(area, place.from, key, Role::Key);
            pen.put(area, at + 1, label, Role::Text);
        }
    }
}

/// The action whose key stands in a column of the footer.
pub(super) fn at(app: &App, width: u16, column: u16) -> Option<Action> {
    places(app, width, app.context())
        .into_iter()
        .find(|place| (place.from..place.to).contains(&column))
        .map(|place| place.entry.action)
}

/// What comes first in a comparison.
const COMPARED: &[Action] = &[
    Action::VerdictA,
    Action::VerdictB,
    Action::VerdictSame,
    Action::VerdictBad,
    Action::VerdictUnsafe,
    Action::Note,
    Action::NextItem,
    Action::Verdicts,
    Action::NextView,
    Action::OtherSide,
    Action::NextDifference,
    Action::Rerun,
    Action::Blind,
    Action::EditPayload,
    Action::RunAll,
    Action::WordMarks,
    Action::LockScroll,
    Action::Reveal,
    Action::MoreRuns,
];

/// What comes first in the editor of a payload.
const EDITED: &[Action] = &[
    Action::OutsideEditor,
    Action::UndoTyping,
    Action::ResetPayload,
    Action::RedoTyping,
    Action::PageDown,
];

/// What comes first everywhere else, behind the help.
const FIRST: &[Action] = &[
    Action::Open,
    Action::OutageClass,
    Action::UndoRecord,
    Action::Force,
    Action::OutageScope,
    Action::Hold,
    Action::Auto,
    Action::Notice,
    Action::Drain,
    Action::Probe,
    Action::Compare,
    Action::Quit,
    Action::Undo,
    Action::Filter,
    Action::Actions,
    Action::Follow,
    Action::Pause,
    Action::Palette,
    Action::Claim,
    Action::Mark,
    Action::Charts,
    Action::Drill,
    Action::Events,
    Action::Routes,
    Action::Audit,
    Action::Gateways,
    Action::Reviews,
    Action::Workloads,
    Action::Complete,
    Action::NextField,
    Action::Shorter,
    Action::Longer,
    Action::Scope,
    Action::NextItem,
    Action::PreviousItem,
    Action::Wrap,
    Action::Copy,
    Action::Sort,
    Action::TimeStyle,
    Action::Save,
    Action::Wide,
    Action::Messages,
];

/// The place of an action among these, behind so many others.
fn place(actions: &[Action], action: Action, behind: u8) -> Option<u8> {
    let place = actions.iter().position(|known| *known == action)?;
    Some(u8::try_from(place).map_or(99, |place| place.saturating_add(behind)))
}

/// In which order keys are shown; 99: never.
fn rank(entry: &Entry, context: Context) -> u8 {
    let first: &[Action] = match context {
        Context::Compare | Context::Unsafe => COMPARED,
        Context::Payload => EDITED,
        Context::Verdicts => &[Action::Note, Action::PageDown],
        Context::Probe => &[Action::NextPane, Action::PageDown],
        Context::Record => &[Action::Open, Action::UndoRecord, Action::NextItem],
        Context::Workloads
        | Context::Routes
        | Context::Events
        | Context::Reviews
        | Context::Audit
        | Context::Gateways
        | Context::Detail
        | Context::Question
        | Context::Popup
        | Context::Help
        | Context::Past
        | Context::Menu
        | Context::Drill
        | Context::Palette
        | Context::Filter
        | Context::Text
        | Context::Plan
        | Context::Confirm => &[],
    };
    let screen = matches!(
        context,
        Context::Workloads
            | Context::Routes
            | Context::Events
            | Context::Reviews
            | Context::Audit
            | Context::Gateways
            | Context::Detail
            | Context::Compare
    );
    match (entry.action, screen) {
        (Action::Help, _) => 0,
        // On a screen everybody finds the way back.
        (Action::Back, true) => 90,
        (Action::Back, false) => 2,
        // Only where a probe waits for a yes, and there it is said beside what it costs.
        (Action::Open, _) if context == Context::Probe => 99,
        (
            Action::Apply | Action::Confirm | Action::Accept | Action::Yes | Action::SaveReview,
            _,
        ) => 1,
        (action, _) => place(first, action, 3)
            .or_else(|| place(FIRST, action, 30))
            .unwrap_or(99),
    }
}
