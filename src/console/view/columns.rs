//! The columns of the home screen's table: which of them, where, how wide.
//!
//! Depends on size and configuration only, so that columns do not jump about while figures change.

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
/// From so many columns on causes are told in full.
const ROOMY: u16 = 140;
/// The column of fallbacks gives way down to this before the others do, on a small and on a full screen.
const SHORT: (u16, u16) = (9, 12);

/// What the columns are, from left to right behind the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
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
        }
    }
}

/// The table's columns for a width.
pub(super) struct Columns {
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
            &[Column::Errors, Column::First]
        }
        (Room::Full, true) => &[
            Column::Errors,
            Column::First,
            Column::Slow,
            Column::Rate,
            Column::Since,
        ],
        (Room::Wide, true) => &[
            Column::Errors,
            Column::First,
            Column::Slow,
            Column::Rate,
            Column::Since,
            Column::Owner,
        ],
    };
    let flags: u16 = match (room, wide) {
        (Room::Summary | Room::List, _) | (Room::Full, true) => 0,
        (Room::Full, false) => 8,
        (Room::Wide, _) => 9,
    };
    let taken: u16 = kinds.iter().map(|kind| kind.width() + 1).sum();
    let left = width.saturating_sub(NAMES + taken + flags + 2);
    let names = share(
        left,
        naturals(overview, width),
        if room < Room::Full { SHORT.0 } else { SHORT.1 },
    );
    let mut at = NAMES + names.iter().sum::<u16>() + 2;
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
