//! The columns of the home screen's table: which of them, where, how wide.
//!
//! Depends on size and configuration only, so that columns do not jump about while figures change. On a small
//! screen the readiness of a fallback says more than its name: the name is in the detail.

use crate::{
    console::{
        app::App,
        layout::{Room, WIDE},
    },
    control::Overview,
};

/// Where the first column of names begins: cursor, sign and word stand before it.
pub(super) const NAMES: u16 = 9;
/// The three columns of names are never narrower.
const LEAST: u16 = 8;
/// From so many columns on causes are told in full, and owners.
const ROOMY: u16 = 140;
/// The column of fallbacks gives way down to this before the others do.
const SHORT: u16 = 12;

/// What the columns are, from left to right behind the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Ready,
    Errors,
    First,
    Slow,
    Rate,
    Since,
    Owner,
}

impl Column {
    pub(super) const fn head(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Errors => "ERR",
            Self::First => "TTFT",
            Self::Slow => "P95",
            Self::Rate => "RPS",
            Self::Since => "SINCE",
            Self::Owner => "OWNER",
        }
    }

    pub(super) const fn width(self) -> u16 {
        match self {
            Self::Errors | Self::First | Self::Slow => 4,
            Self::Since | Self::Rate => 5,
            Self::Owner => 10,
            Self::Ready => 13,
        }
    }
}

/// The table's columns for a width.
pub(super) struct Columns {
    /// The workload, the route that serves, its fallback; no fallback where there is no room for names.
    pub(super) names: [u16; 3],
    pub(super) fixed: Vec<(u16, Column)>,
    pub(super) flags: Option<u16>,
}

pub(super) fn columns(app: &App, overview: &Overview, width: u16) -> Columns {
    let room = match app.room() {
        Room::Wide if width < WIDE => Room::Full,
        room => room,
    };
    let wide = (room == Room::Wide) != app.home.wide;
    let kinds: &[Column] = match (room, wide) {
        (Room::Summary | Room::List, _) | (Room::Full | Room::Wide, false) => {
            &[Column::Ready, Column::Errors, Column::First]
        }
        (Room::Wide, true) if width >= ROOMY => &[
            Column::Ready,
            Column::Errors,
            Column::First,
            Column::Slow,
            Column::Rate,
            Column::Since,
            Column::Owner,
        ],
        (Room::Full | Room::Wide, true) => &[
            Column::Ready,
            Column::Errors,
            Column::First,
            Column::Slow,
            Column::Rate,
            Column::Since,
        ],
    };
    let flags: u16 = match (room, wide) {
        (Room::Summary | Room::List, _) | (Room::Full, true) => 0,
        (Room::Full, false) => 8,
        (Room::Wide, _) => 9,
    };
    let taken: u16 = kinds.iter().map(|kind| kind.width() + 1).sum();
    let left = width.saturating_sub(NAMES + taken + flags + 2);
    let mut wanted = naturals(overview, width);
    if room < Room::Wide {
        wanted[2] = 0;
    }
    let names = share(left, wanted, SHORT);
    let mut at = NAMES + names.iter().sum::<u16>() + gaps(names);
    let mut fixed = Vec::with_capacity(kinds.len());
    for kind in kinds {
        fixed.push((at + 1, *kind));
        at += kind.width() + 1;
    }
    Columns {
        names,
        fixed,
        flags: (flags > 0).then_some(at + 1),
    }
}

/// Between the columns of names that there are.
const fn gaps(names: [u16; 3]) -> u16 {
    if names[2] > 0 { 2 } else { 1 }
}

/// How wide the names are: depends on the configuration only, so that columns do not jump about.
fn naturals(overview: &Overview, width: u16) -> [u16; 3] {
    // Names are plain ASCII: the configuration takes no others.
    let longest = |lengths: &mut dyn Iterator<Item = usize>| {
        u16::try_from(lengths.max().unwrap_or(0)).unwrap_or(u16::MAX)
    };
    let workload = longest(
        &mut overview
            .workloads
            .iter()
            .map(|status| status.workload.as_str().len()),
    );
    let route = longest(
        &mut overview
            .routes
            .iter()
            .map(|status| status.route.as_str().len()),
    );
    let cause = if width >= ROOMY { 19 } else { 7 };
    [
        workload.max(8),
        (route + cause).max(11),
        (route + 2).max(14),
    ]
}

/// Shares columns out: what is needed where there is room. Else the fallbacks give first, because their sign
/// says more than their name, and then the widest.
fn share(left: u16, wanted: [u16; 3], short: u16) -> [u16; 3] {
    let mut given = wanted;
    while given.iter().sum::<u16>() > left && given[2] > short {
        given[2] -= 1;
    }
    while given.iter().sum::<u16>() > left {
        let Some(widest) = given.iter_mut().max().filter(|width| **width > LEAST) else {
            break;
        };
        *widest -= 1;
    }
    given
}
