//! The footer: the keys of what is on top, from the key table. `? help` comes first and is never cut.

use unicode_width::UnicodeWidthStr;

use super::pen::Pen;
use crate::{
    console::{
        action::{Action, Entry},
        app::App,
        keymap::Context,
        layout::Areas,
        state::verbs,
        theme::Role,
    },
    control::Mode,
    model::{Actor, Plan},
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
        let refused = reason(app, entry.action).is_some();
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

/// In which order keys are shown; 99: never.
#[expect(clippy::too_many_lines, reason = "one line for each action")]
fn rank(entry: &Entry, context: Context) -> u8 {
    let first = match context {
        Context::Compare | Context::Unsafe => COMPARED,
        Context::Payload => EDITED,
        Context::Verdicts => &[Action::Note, Action::PageDown],
        Context::Workloads
        | Context::Routes
        | Context::Events
        | Context::Reviews
        | Context::Audit
        | Context::Detail
        | Context::Question
        | Context::Popup
        | Context::Past
        | Context::Menu
        | Context::Drill
        | Context::Probe
        | Context::Palette
        | Context::Filter
        | Context::Text
        | Context::Plan
        | Context::Confirm => &[],
    };
    if let Some(place) = first.iter().position(|action| *action == entry.action) {
        return u8::try_from(place).map_or(99, |place| place + 3);
    }
    match entry.action {
        Action::Help => 0,
        Action::Apply | Action::Confirm | Action::Accept | Action::Yes | Action::SaveReview => 1,
        Action::Back => match context {
            Context::Workloads
            | Context::Routes
            | Context::Events
            | Context::Reviews
            | Context::Audit
            | Context::Detail
            | Context::Compare => 70,
            Context::Unsafe
            | Context::Verdicts
            | Context::Question
            | Context::Payload
            | Context::Popup
            | Context::Past
            | Context::Menu
            | Context::Drill
            | Context::Probe
            | Context::Palette
            | Context::Filter
            | Context::Text
            | Context::Plan
            | Context::Confirm => 2,
        },
        Action::NextPane | Action::PageDown if context == Context::Probe => 3,
        // Only where a probe waits for a yes, and there it is said beside what it costs.
        Action::Open if context == Context::Probe => 99,
        Action::Open | Action::OutageClass => 3,
        Action::Force | Action::OutageScope => 4,
        Action::Hold => 5,
        Action::Auto => 6,
        Action::Notice => 7,
        Action::Drain | Action::Probe | Action::Compare => 8,
        Action::Quit => 9,
        Action::Undo => 10,
        Action::Filter => 11,
        Action::Actions => 12,
        Action::Follow => 13,
        Action::Pause => 14,
        Action::Palette => 15,
        Action::Claim => 16,
        Action::Drill | Action::Events => 17,
        Action::Routes => 18,
        Action::Audit | Action::Reviews => 19,
        Action::Workloads => 20,
        Action::Complete | Action::NextField => 21,
        Action::Shorter => 22,
        Action::Longer => 23,
        Action::NextItem => 24,
        Action::PreviousItem => 25,
        Action::Wrap => 26,
        Action::Copy => 27,
        Action::Sort => 28,
        Action::TimeStyle => 29,
        Action::Save => 30,
        Action::Wide => 31,
        Action::Down
        | Action::Up
        | Action::Top
        | Action::Bottom
        | Action::HalfPageDown
        | Action::HalfPageUp
        | Action::PageDown
        | Action::PageUp
        | Action::NextPane
        | Action::PreviousPane
        | Action::PaneDown
        | Action::PaneUp
        | Action::Exit
        | Action::LastView
        | Action::NextMatch
        | Action::PreviousMatch
        | Action::Reverse
        | Action::PreviousField
        | Action::NextChoice
        | Action::PreviousChoice
        | Action::Rerun
        | Action::MoreRuns
        | Action::RunAll
        | Action::Blind
        | Action::VerdictA
        | Action::VerdictB
        | Action::VerdictSame
        | Action::VerdictBad
        | Action::VerdictUnsafe
        | Action::Note
        | Action::Reveal
        | Action::Verdicts
        | Action::NextView
        | Action::OtherSide
        | Action::LockScroll
        | Action::WordMarks
        | Action::NextDifference
        | Action::PreviousDifference
        | Action::EditPayload
        | Action::OutsideEditor
        | Action::ResetPayload
        | Action::UndoTyping
        | Action::RedoTyping
        | Action::Mouse
        | Action::Repaint
        | Action::Suspend => 99,
    }
}

/// Why an action is refused now; `None`: it is not.
#[expect(clippy::too_many_lines, reason = "one line for each action")]
pub(super) fn reason(app: &App, action: Action) -> Option<String> {
    match action {
        Action::Force | Action::Hold | Action::Auto | Action::Notice => {
            let workload = app.workload()?;
            verbs::for_workload(&app.data, workload, app.clock)
                .into_iter()
                .find(|offer| offer.action == action)?
                .command
                .err()
                .map(|why| format!("{workload}: {why}"))
        }
        Action::Apply | Action::Confirm => {
            let plan = app.form()?.plan();
            match (app.setup.mode, plan.and_then(Plan::refusal)) {
                (Mode::Observe, _) => Some("this session is OBSERVE".to_owned()),
                (Mode::Write, Some(refusal)) => Some(refusal.why.clone()),
                (Mode::Write, None) => None,
            }
        }
        Action::Undo => {
            let actor: &Actor = &app.setup.actor;
            verbs::undo(&app.data, actor)
                .command
                .err()
                .map(String::from)
        }
        Action::SaveReview => {
            (app.setup.mode == Mode::Observe).then(|| "this session is OBSERVE".to_owned())
        }
        Action::VerdictA
        | Action::VerdictB
        | Action::VerdictSame
        | Action::VerdictBad
        | Action::VerdictUnsafe => app.comparing()?.unjudgeable().map(str::to_owned),
        Action::Compare
        | Action::Rerun
        | Action::MoreRuns
        | Action::RunAll
        | Action::Blind
        | Action::Note
        | Action::Reveal
        | Action::Verdicts
        | Action::Yes
        | Action::NextView
        | Action::OtherSide
        | Action::LockScroll
        | Action::WordMarks
        | Action::NextDifference
        | Action::PreviousDifference
        | Action::EditPayload
        | Action::OutsideEditor
        | Action::ResetPayload
        | Action::UndoTyping
        | Action::RedoTyping
        | Action::Down
        | Action::Up
        | Action::Top
        | Action::Bottom
        | Action::HalfPageDown
        | Action::HalfPageUp
        | Action::PageDown
        | Action::PageUp
        | Action::NextPane
        | Action::PreviousPane
        | Action::PaneDown
        | Action::PaneUp
        | Action::Open
        | Action::Back
        | Action::Quit
        | Action::Exit
        | Action::Workloads
        | Action::Routes
        | Action::Events
        | Action::Reviews
        | Action::Audit
        | Action::LastView
        | Action::PreviousItem
        | Action::NextItem
        | Action::Filter
        | Action::NextMatch
        | Action::PreviousMatch
        | Action::Palette
        | Action::Help
        | Action::Actions
        | Action::Sort
        | Action::Reverse
        | Action::Wide
        | Action::Pause
        | Action::Follow
        | Action::Wrap
        | Action::TimeStyle
        | Action::Copy
        | Action::Save
        | Action::Claim
        | Action::Drain
        | Action::Drill
        | Action::OutageClass
        | Action::OutageScope
        | Action::Probe
        | Action::Shorter
        | Action::Longer
        | Action::Accept
        | Action::Complete
        | Action::NextField
        | Action::PreviousField
        | Action::NextChoice
        | Action::PreviousChoice
        | Action::Mouse
        | Action::Repaint
        | Action::Suspend => None,
    }
}
