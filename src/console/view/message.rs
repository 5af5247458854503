//! The message line: what was just said; else what is wrong; else what others do; else what changed last.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::{
    messages,
    pen::{Pen, wrap},
    words,
};
use crate::{
    console::{
        action::Action,
        app::App,
        layout::{Areas, MESSAGE},
        state::message::Level,
        theme::Role,
    },
    control::{self, Overview},
    store::Health,
};

/// A change is news for so long.
const JUST: Duration = Duration::from_mins(1);

/// How many rows the message needs.
pub(super) fn rows(app: &App, width: u16) -> u16 {
    let (_, text) = said(app);
    let room = usize::from(width.saturating_sub(2)).max(1);
    if text.width() <= room {
        return 1;
    }
    u16::try_from(wrap(&text, room).len())
        .unwrap_or(MESSAGE)
        .min(MESSAGE)
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let area = areas.message;
    let (role, text) = said(app);
    let room = usize::from(area.width.saturating_sub(2)).max(1);
    let lines = wrap(&text, room);
    let fits = usize::from(area.height);
    for (index, row) in area.rows().enumerate() {
        let Some(line) = lines.get(index) else { break };
        // The last row that is there tells that there is more.
        let rest = if index + 1 == fits && lines.len() > fits {
            format!("{line}{}", pen.glyphs.cut)
        } else {
            line.clone()
        };
        pen.put(row, 1, &rest, role);
    }
}

/// What the line says, and how it is meant.
fn said(app: &App) -> (Role, String) {
    // That nothing here is of now is worth more than what was done before.
    let before = |at| app.data.apart().is_some_and(|(since, _)| at <= since);
    let shown = app.messages.shown();
    let shown = shown.filter(|message| message.level == Level::Error || !before(message.at));
    if let Some(message) = shown {
        let (sign, role) = messages::level(message.level);
        let back = app.setup.keymap.shown(Action::Back);
        let end = match (message.level, app.messages.waiting()) {
            (Level::Error, 0) => format!("  ({back}: read)"),
            (Level::Error, waiting) => format!("  ({back}: read, {waiting} more)"),
            (Level::Note | Level::Done | Level::Warning, _) => String::new(),
        };
        return (role, format!("{sign}{}{end}", message.text));
    }
    if let Some(wrong) = wrong(app) {
        return (Role::Error, format!("x {wrong}"));
    }
    // What somebody is about to change, or has just changed, may explain what is seen.
    if let Some(others) = others(app, Doing::Plans) {
        return (Role::Info, others);
    }
    if let Some(change) = last_change(app, Some(JUST)) {
        return (Role::Info, change);
    }
    let other = app.data.overview.as_ref().and_then(Overview::other_configs);
    if let Some(other) = other {
        return (Role::Warning, format!("! {other}"));
    }
    if let Some(others) = others(app, Doing::Anything) {
        return (Role::Info, others);
    }
    (Role::Muted, last_change(app, None).unwrap_or_default())
}

/// What stays wrong until somebody mends it, the worst first.
pub(super) fn wrong(app: &App) -> Option<String> {
    if let Some((since, cause)) = app.data.apart() {
        let then = since.strftime("%H:%M:%SZ");
        return Some(format!(
            "apart from the store for {}: {}; this is what was known at {then}, nothing can be changed from here, and \
             gateways serve with the switches they saw",
            words::span(app.age(since)),
            words::safe(cause)
        ));
    }
    if let Some(Health::Failing(why)) = &app.data.health {
        return Some(format!(
            "the store fails: {}; gateways go on with the last switches they saw",
            words::safe(why)
        ));
    }
    let overview = app.data.overview.as_ref()?;
    let alive: Vec<_> = overview.alive().collect();
    let losing = alive.iter().filter(|it| it.loses_events(app.clock));
    let (unlogged, withheld) = losing.fold((0, 0), |(unlogged, withheld), it| {
        (unlogged + it.unlogged, withheld + it.withheld)
    });
    if let Some(lost) = control::unlogged_words(unlogged, withheld) {
        return Some(lost);
    }
    if alive.is_empty() {
        return Some(match app.data.age(app.clock) {
            None => "no gateway was ever heard of: nothing here tells about traffic".to_owned(),
            Some(age) => format!(
                "no gateway is alive: the last one was heard of {} ago",
                words::span(age)
            ),
        });
    }
    if let Some(refused) = &app.data.refused {
        return Some(format!(
            "the changed configuration is refused, the old one stays in force: {}",
            words::safe(refused)
        ));
    }
    if let Some(gateway) = alive.iter().find(|gateway| gateway.config_error.is_some()) {
        return Some(format!(
            "gateway {} refused its configuration: {}",
            words::safe(gateway.gateway.as_str()),
            words::safe(gateway.config_error.as_deref().unwrap_or_default())
        ));
    }
    if let Some(apart) = alive.iter().find_map(|gateway| {
        let since = gateway.apart_since?;
        Some((gateway, since))
    }) {
        let (gateway, since) = apart;
        return Some(format!(
            "gateway {} cannot ask the store since {}: it serves with the switches of revision {}",
            words::safe(gateway.gateway.as_str()),
            words::moment(app, since),
            gateway.revision
        ));
    }
    None
}

/// What is told of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// What they are about to change.
    Plans,
    /// That, what they are on, and where they look.
    Anything,
}

/// What the other operators do: plans before claims before looking.
fn others(app: &App, doing: Doing) -> Option<String> {
    let mut told: Vec<(u8, String)> = app
        .others()
        .filter_map(|other| {
            let name = words::operator(app, &other.actor);
            if let Some((plan, key)) = &other.plan {
                let target = words::safe(&key.named()).into_owned();
                return Some((0, format!("{name} has plan #{plan} open for {target}")));
            }
            if doing == Doing::Plans {
                return None;
            }
            if let Some(claim) = &other.claim {
                return Some((1, format!("{name} is on {}", words::safe(claim.as_str()))));
            }
            let viewing = other.viewing.as_ref()?;
            Some((
                2,
                format!("{name} is looking at {}", words::safe(viewing.as_str())),
            ))
        })
        .collect();
    told.sort();
    let told: Vec<String> = told.into_iter().map(|(_, text)| text).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// What changed last, by whom; `within`: if it was not longer ago.
fn last_change(app: &App, within: Option<Duration>) -> Option<String> {
    let record = app.data.audit.back()?;
    let age = app.age(record.at);
    if within.is_some_and(|within| age > within) {
        return None;
    }
    Some(format!(
        "last change {} ago: {} {} {}",
        words::span(age),
        words::operator(app, &record.actor),
        super::audit::what(record),
        words::safe(&record.key.named())
    ))
}
