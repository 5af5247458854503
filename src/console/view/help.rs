//! Help: the keys of what is below, by subject, from the key table; refused ones with their reason.

use std::fmt::Write as _;

use super::{
    home::more,
    pen::{Line, Pen, paragraph},
    refused, words,
};
use crate::console::{
    action::{Action, Group},
    app::{App, Helping, Overlay},
    keymap::Context,
    layout::{Areas, WIDE},
    theme::Role,
};
use crate::control::Mode;

const GROUPS: [Group; 6] = [
    Group::Change,
    Group::Judge,
    Group::Form,
    Group::Move,
    Group::View,
    Group::Session,
];

/// The context that the help is about: of what lies below it.
fn context(app: &App) -> Context {
    let below = app
        .overlays
        .iter()
        .rev()
        .find(|overlay| !matches!(overlay, Overlay::Help(_) | Overlay::Filter(..)));
    match below {
        None => app.screen_context(),
        Some(Overlay::Plan(form)) if form.typed() => Context::Plan,
        Some(Overlay::Plan(_)) => Context::Confirm,
        Some(overlay) => overlay.context(),
    }
}

/// Every line of the help.
pub(super) fn lines(app: &App, helping: &Helping, width: u16) -> Vec<Line> {
    let context = context(app);
    if width >= WIDE {
        let half = width / 2;
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for group in GROUPS {
            let shorter = if left.len() <= right.len() {
                &mut left
            } else {
                &mut right
            };
            shorter.extend(group_lines(app, context, group, helping, half));
        }
        let rows = left.len().max(right.len());
        left.resize(rows, Line::default());
        right.resize(rows, Line::default());
        return left
            .into_iter()
            .zip(right)
            .map(|(mut left, right)| {
                let gap = usize::from(half).saturating_sub(left.width());
                left.0.push((Role::Text, " ".repeat(gap)));
                left.0.extend(right.0);
                left
            })
            .chain(legend(helping, width))
            .collect();
    }
    GROUPS
        .into_iter()
        .flat_map(|group| group_lines(app, context, group, helping, width))
        .chain(legend(helping, width))
        .collect()
}

fn group_lines(
    app: &App,
    context: Context,
    group: Group,
    helping: &Helping,
    width: u16,
) -> Vec<Line> {
    let wanted = helping.filter.trim().to_lowercase();
    let mut lines: Vec<Line> = app
        .setup
        .keymap
        .entries(context)
        .filter(|(entry, _)| entry.group == group)
        .flat_map(|(entry, chords)| {
            let keys: Vec<String> = chords.iter().map(ToString::to_string).collect();
            let keys = keys.join(" ");
            let refused = refused::reason(app, entry.action);
            let role = if refused.is_some() {
                Role::KeyDisabled
            } else {
                Role::Key
            };
            let mut help = app.setup.keymap.keyed(entry.help).into_owned();
            if let Some(why) = refused {
                let why = app.setup.keymap.keyed(&why).into_owned();
                _ = write!(help, " - refused now: {why}");
            } else if app.setup.mode == Mode::Observe && verb(entry.action) {
                help.push_str(" (OBSERVE: to look at, not to apply)");
            }
            let holds = |text: &str| text.to_lowercase().contains(&wanted);
            if !(holds(&help) || holds(entry.name) || holds(entry.label) || holds(&keys)) {
                return Vec::new();
            }
            let wrapped = paragraph(Role::Text, &" ".repeat(20), &help, usize::from(width));
            wrapped
                .into_iter()
                .enumerate()
                .map(|(index, line)| {
                    if index > 0 {
                        return line;
                    }
                    let text = line.text().trim_start().to_owned();
                    Line::of(role, format!("  {keys:<17} ")).and(Role::Text, text)
                })
                .collect()
        })
        .collect();
    if !lines.is_empty() {
        lines.insert(0, Line::of(Role::Heading, format!(" {}", group.title())));
        lines.push(Line::default());
    }
    lines
}

/// Whether an action opens a plan.
fn verb(action: Action) -> bool {
    action.changes_the_world() && !matches!(action, Action::Claim | Action::Probe)
}

/// What the signs mean.
fn legend(helping: &Helping, width: u16) -> Vec<Line> {
    if !helping.filter.trim().is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::of(Role::Heading, " signs")];
    for (text, role) in [
        (
            "x FL  failing: requests fail and nothing catches them",
            Role::StateFailing,
        ),
        (
            "! FB  on the fallback by itself; ! FO  by an operator",
            Role::StateFallback,
        ),
        (
            "? UN  unknown: no gateway tells; + OK  the primary serves",
            Role::StateUnknown,
        ),
        ("- OFF held: no fallback would happen", Role::StateDisabled),
        (
            "fallback: + ready, ! stale, ? unverified or unreviewed, x blocked, - none; with the age of what that rests on",
            Role::Text,
        ),
        (
            "behind a route: + would serve, x fails or is paused, ? on trial, - drained",
            Role::Text,
        ),
        (
            "ERR: share of requests answered with an error; TTFT: median time to the first output",
            Role::Text,
        ),
        (
            "flags: paid tier, exp = the change ends then, glass = break-glass was used, notice = a fallback needs one, locked = needed and off",
            Role::Text,
        ),
    ] {
        lines.extend(paragraph(role, "  ", text, usize::from(width)));
    }
    lines
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, helping: &Helping) {
    pen.put(areas.head, 1, "HELP", Role::Heading);
    let filter = helping.filter.trim();
    let about = if filter.is_empty() {
        "<key:filter> filters; upper case changes the world and opens a plan first"
    } else {
        "only what holds:"
    };
    let about = app.setup.keymap.keyed(about);
    let at = pen.put(areas.head, 8, &about, Role::Muted);
    pen.put(areas.head, at + 1, &words::safe(filter), Role::Match);
    let mut lines = lines(app, helping, areas.body.width);
    if lines.is_empty() {
        lines.push(Line::of(Role::Muted, "  no key does that here"));
    }
    pen.lines(areas.body, &lines, helping.scroll);
    more(pen, areas.body, helping.scroll, lines.len());
}
