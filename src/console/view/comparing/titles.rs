//! Who stands where: the line of the screen, and the names over the answers, as far as they may be told.

use ratatui::layout::Rect;

use super::{GUTTER, Panes, Room, measured};
use crate::{
    console::{
        action::Action,
        app::App,
        state::comparing::{
            Comparing, Mode,
            case::{Case, Side},
        },
        theme::Role,
        view::{
            pen::{Line, Pen},
            words,
        },
    },
    model::Place,
};

/// The role of a side.
pub(super) const fn role(side: Side) -> Role {
    match side {
        Side::A => Role::SideA,
        Side::B => Role::SideB,
    }
}

/// A side with its route, where that may be told, and how far it is.
pub(super) fn title(app: &App, comparing: &Comparing, case: &Case, side: Side) -> Line {
    let mut line = Line::of(role(side), side.as_str());
    if comparing.buffers(case) {
        return line;
    }
    let place = case.place(side);
    if !comparing.hides(case) {
        let (route, what) = match place {
            Place::Primary => (&comparing.basis.primary.route, "primary"),
            Place::Fallback => (&comparing.basis.fallback.route, "fallback"),
        };
        line = line
            .and(Role::Title, format!(" {}", words::safe(route.as_str())))
            .and(Role::Muted, format!(" {what}"));
    }
    if let Some(live) = case.run().map(|run| run.at(place)) {
        let (_, role) = measured::sign(live.fares(app.clock));
        line = line.and(role, format!("  {}", live.word(app.clock)));
    }
    line
}

/// The names of the sides over their answers.
pub(super) fn draw(
    app: &App,
    pen: &mut Pen<'_>,
    head: Rect,
    comparing: &Comparing,
    case: &Case,
    panes: Panes,
    room: Room,
) {
    let of = |side| title(app, comparing, case, side);
    match panes {
        Panes::Beside(left, right) => {
            for (side, pane) in [(Side::A, left), (Side::B, right)] {
                let place = Rect {
                    x: pane.x,
                    width: pane.width.saturating_sub(1),
                    ..head
                };
                pen.line(place, GUTTER, &of(side));
                let page = page(room, side);
                pen.cell_right(place, 0, place.width, &page, Role::Muted);
            }
        }
        Panes::Alone(side, _) => {
            let at = pen.line(head, GUTTER, &of(side));
            let key = app.setup.keymap.shown(Action::OtherSide);
            let other = Line::of(Role::Muted, format!("    {key}: "))
                .and(role(side.other()), side.other().as_str());
            pen.line(head, at, &other);
            let page = page(room, side);
            pen.cell_right(head, 0, head.width.saturating_sub(1), &page, Role::Muted);
        }
        Panes::Above(first, second) => {
            pen.line(head, GUTTER, &of(Side::A));
            let between = Rect {
                y: first.bottom(),
                height: u16::from(second.y > first.bottom()),
                ..first
            };
            pen.line(between, GUTTER, &of(Side::B));
            for (side, place) in [(Side::A, head), (Side::B, between)] {
                let page = page(room, side);
                pen.cell_right(place, 0, place.width.saturating_sub(1), &page, Role::Muted);
            }
        }
        Panes::Together(_) => {
            let at = pen.line(head, GUTTER, &of(Side::A));
            pen.line(head, at + 3, &of(Side::B));
            let page = page(room, Side::A);
            pen.cell_right(head, 0, head.width.saturating_sub(1), &page, Role::Muted);
        }
    }
}

/// `page 2/3`; nothing when there is one.
fn page(room: Room, side: Side) -> String {
    let index = match side {
        Side::A => 0,
        Side::B => 1,
    };
    let count = room.counts.get(index).copied().unwrap_or_default();
    let at = room.at.get(index).copied().unwrap_or_default();
    let pages = count.div_ceil(room.height).max(1);
    if pages == 1 {
        return String::new();
    }
    let page = if at + room.height >= count {
        pages
    } else {
        at / room.height + 1
    };
    format!("page {page}/{pages}")
}

/// The line of the screen: what is compared, how, and how far it is.
pub(in crate::console::view) fn headline(app: &App) -> Option<(String, Line)> {
    let comparing = app.comparing()?;
    let case = comparing.case()?;
    let name = format!("Compare {}", words::safe(comparing.workload.as_str()));
    let mut line = match comparing.mode {
        Mode::Blind => Line::of(Role::Info, "  BLIND"),
        Mode::Open => Line::of(Role::Muted, "  open"),
    };
    let of = format!("  {} of {} ", comparing.selected + 1, comparing.cases.len());
    line = line
        .and(Role::Muted, of)
        .and(Role::Text, words::safe(case.sample.id.name()).into_owned())
        .and(Role::Muted, format!(" {}", case.sample.class));
    if case.edited.is_some() {
        line = line.and(Role::Warning, "  EDITED");
    }
    let judged = comparing.tally().judged;
    if judged > 0 || comparing.mode == Mode::Blind {
        line = line.and(
            Role::Text,
            format!("  judged {judged}/{}", comparing.cases.len()),
        );
    }
    let asked = comparing.cases.iter().filter(|case| case.running()).count();
    if asked > 0 {
        let done = comparing
            .cases
            .iter()
            .filter(|case| case.complete())
            .count();
        let text = format!("  {done} of {} answered", comparing.cases.len());
        line = line.and(Role::Info, text);
    }
    // What stands at the end of the row keeps its distance.
    Some((name, line.and(Role::Text, "  ")))
}
