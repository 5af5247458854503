//! A comparison: what is compared and how far it is, both answers, and what is measured and said of them.
//!
//! Answers are laid out by the state, once for a size; here only the lines that can be seen are drawn.

mod list;
mod measured;
mod over;
mod pane;
mod titles;
mod verdicts;

use ratatui::layout::Rect;

use super::{
    pen::{Line, Pen},
    words,
};
use crate::console::{
    app::App,
    layout::{Areas, PANE},
    state::comparing::{
        Comparing,
        case::{Case, Side},
        look::View,
        sheet::{self, Lines, SPLIT},
    },
    theme::Role,
};

pub(super) use over::draw as over;
pub(super) use titles::headline;
pub(super) use verdicts::{draw as verdicts, lines as verdict_lines};

/// The columns of the list of samples.
const LIST: u16 = 30;
/// From so many rows on the checks stand below the answers one by one.
const CHECKS: u16 = 28;
/// From so many rows on what was asked stands above the answers.
const ASKED: u16 = 26;
/// From so many rows on several rows of it.
const ASKED_WHOLE: u16 = 45;
/// Columns for marks beside an answer: the difference, its sign, a blank.
const GUTTER: u16 = 3;

/// Where the parts are.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    /// The list of samples; empty where there is no room for it.
    list: Rect,
    /// What was asked; one row or more, or none.
    asked: Rect,
    /// The names of the sides.
    title: Rect,
    /// The answers.
    text: Rect,
    /// What was measured.
    measured: Rect,
    /// What was checked, one by one.
    checks: Rect,
    /// The verdict.
    verdict: Rect,
}

fn parts(app: &App, comparing: &Comparing, areas: &Areas) -> Parts {
    // The row of heads and the body are one.
    let mut area = Rect {
        y: areas.head.y,
        height: areas.body.bottom().saturating_sub(areas.head.y),
        ..areas.body
    };
    let mut parts = Parts::default();
    if area.width >= PANE && comparing.cases.len() > 1 {
        parts.list = Rect {
            width: LIST,
            ..area
        };
        area.x += LIST + 1;
        area.width -= LIST + 1;
    }
    let known = comparing.case().is_some_and(|case| case.asked.is_some());
    let asked = match app.size.1 {
        height if known && height >= ASKED_WHOLE => 5,
        height if known && height >= ASKED => 1,
        _ => 0,
    };
    let measured = measured::height(app, comparing);
    let checks = if area.height >= CHECKS {
        measured::checks_height(comparing)
    } else {
        0
    };
    let mut take = |rows: u16| {
        let rows = rows.min(area.height);
        let part = Rect {
            height: rows,
            ..area
        };
        area.y += rows;
        area.height -= rows;
        part
    };
    parts.asked = take(asked);
    parts.title = take(1);
    let below = measured + checks + 1;
    let text = (area.height).saturating_sub(below).max(3).min(area.height);
    let mut take = |rows: u16| {
        let rows = rows.min(area.height);
        let part = Rect {
            height: rows,
            ..area
        };
        area.y += rows;
        area.height -= rows;
        part
    };
    parts.text = take(text);
    parts.measured = take(measured);
    parts.checks = take(checks);
    parts.verdict = take(1);
    parts
}

/// How both sides stand on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Panes {
    /// Side by side.
    Beside(Rect, Rect),
    /// One of them.
    Alone(Side, Rect),
    /// One above the other.
    Above(Rect, Rect),
    /// One text for both.
    Together(Rect),
}

fn panes(app: &App, comparing: &Comparing, text: Rect) -> Panes {
    let view = comparing.view(app.size.0);
    let together = match comparing.laid.as_ref().map(|laid| &laid.lines) {
        Some(Lines::Table(_) | Lines::Unified(_)) => true,
        Some(Lines::Flowing(_) | Lines::Rows(_)) | None => false,
    };
    if together {
        return Panes::Together(text);
    }
    match view {
        View::Stacked => {
            let half = text.height / 2;
            let below = Rect {
                y: text.y + half,
                height: text.height - half,
                ..text
            };
            // A row between them names the second side.
            Panes::Above(
                Rect {
                    height: half,
                    ..text
                },
                Rect {
                    y: below.y + below.height.min(1),
                    height: below.height.saturating_sub(1),
                    ..below
                },
            )
        }
        View::Aligned | View::Unified if app.size.0 >= SPLIT => {
            let half = text.width / 2;
            Panes::Beside(
                Rect {
                    width: half,
                    ..text
                },
                Rect {
                    x: text.x + half,
                    width: text.width - half,
                    ..text
                },
            )
        }
        View::Aligned | View::Unified => Panes::Alone(comparing.look.side, text),
    }
}

/// The columns that there are for answers.
pub(super) fn columns(app: &App, comparing: &Comparing, areas: &Areas) -> sheet::Room {
    let text = parts(app, comparing, areas).text;
    let whole = text.width.saturating_sub(GUTTER + 1);
    let pane = match comparing.view(app.size.0) {
        View::Aligned if app.size.0 >= SPLIT => (text.width / 2).saturating_sub(GUTTER + 1),
        View::Aligned | View::Stacked | View::Unified => whole,
    };
    sheet::Room {
        pane: usize::from(pane),
        whole: usize::from(whole),
        table: pane::columns(usize::from(whole)).map(usize::from),
    }
}

/// What can be seen of the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// The first line of each side that is shown.
    pub at: [usize; 2],
    /// How many lines each side has.
    pub counts: [usize; 2],
    /// How many lines of a side can be seen.
    pub height: usize,
}

pub(super) fn room(app: &App, comparing: &Comparing, areas: &Areas) -> Room {
    let parts = parts(app, comparing, areas);
    let height = match panes(app, comparing, parts.text) {
        Panes::Above(first, second) => first.height.min(second.height),
        Panes::Beside(area, _) | Panes::Alone(_, area) | Panes::Together(area) => area.height,
    };
    let height = usize::from(height).max(1);
    let counts = comparing.laid.as_ref().map_or([0, 0], sheet::Laid::counts);
    let coming = comparing.case().is_some_and(Case::running);
    let at = [0, 1].map(|index: usize| {
        let count = counts.get(index).copied().unwrap_or_default();
        let wanted = comparing.look.scroll.get(index).copied().flatten();
        match wanted {
            Some(line) => line.min(count.saturating_sub(height)),
            // What comes fills pages and does not scroll.
            None if coming => count.saturating_sub(1) / height * height,
            None => 0,
        }
    });
    Room { at, counts, height }
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let Some(comparing) = app.comparing() else {
        pen.put(areas.body, 3, "there is nothing to compare", Role::Muted);
        return;
    };
    let Some(case) = comparing.case() else {
        return;
    };
    let parts = parts(app, comparing, areas);
    if !parts.list.is_empty() {
        list::draw(app, pen, parts.list, comparing);
    }
    asked(pen, parts.asked, case);
    let panes = panes(app, comparing, parts.text);
    let room = room(app, comparing, areas);
    titles::draw(app, pen, parts.title, comparing, case, panes, room);
    pane::draw(pen, comparing, case, panes, room);
    measured::draw(app, pen, parts.measured, comparing, case);
    measured::checks(pen, parts.checks, comparing, case);
    measured::verdict(pen, parts.verdict, comparing, case);
}

/// What the sample asks.
fn asked(pen: &mut Pen<'_>, area: Rect, case: &Case) {
    let Some(text) = case.asked.as_deref().filter(|_| area.height > 0) else {
        return;
    };
    let lead = Line::of(Role::Heading, "asks: ");
    if area.height == 1 {
        let line = text
            .split('\n')
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        pen.line(
            area,
            1,
            &lead.and(Role::Muted, words::safe(&line).into_owned()),
        );
        return;
    }
    let width = usize::from(area.width.saturating_sub(8));
    let lines: Vec<String> = text
        .lines()
        .flat_map(|line| super::pen::wrap(line, width))
        .collect();
    let fits = usize::from(area.height - 1);
    let more = lines.len() > fits;
    for (index, place) in area.rows().take(fits).enumerate() {
        if index == 0 {
            pen.line(place, 1, &lead);
        }
        if let Some(line) = lines.get(index) {
            let cut = if more && index + 1 == fits {
                format!("{line} {}", pen.glyphs.cut)
            } else {
                line.clone()
            };
            pen.put(place, 7, &cut, Role::Muted);
        }
    }
}

/// Both answers as text, with what may be told of them.
pub(super) fn copied(app: &App) -> Option<String> {
    let comparing = app.comparing()?;
    let case = comparing.case()?;
    if comparing.buffers(case) || !sheet::shown(comparing, case) {
        return None;
    }
    let mut text = format!("{} {}\n", comparing.workload, case.sample.id);
    for side in Side::BOTH {
        let title = titles::title(app, comparing, case, side).text();
        let body = match comparing.weighed(case) {
            Some(weighed) => weighed.answer(side).text.clone(),
            None => case.run()?.at(case.place(side)).text.clone(),
        };
        text = format!("{text}\n{title}\n{}\n", body.trim_end());
    }
    Some(text)
}
