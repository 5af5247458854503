//! Where things are on the screen, for every size. The one place with such numbers.
//!
//! Used by the view to draw and by `update` to know how many rows can be seen. It must not know what is drawn.
//!
//! ```text
//!  status          environment, mode, counts, people, clock
//!  title           the screen's own line
//!  ----
//!  head            column heads
//!  body            rows
//!  ---- strip      home only: events
//!  message
//!  ----
//!  footer
//! ```

use ratatui::layout::Rect;

/// What fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Below 60x15: a summary in a line or two.
    Summary,
    /// Below 80x24: one list, fewer columns.
    List,
    /// 80x24 and more.
    Full,
    /// From 120 columns on: more columns.
    Wide,
}

/// The least for a list.
pub const LIST: (u16, u16) = (60, 15);
/// The least for everything.
pub const FULL: (u16, u16) = (80, 24);
/// From so many columns on there are more of them.
pub const WIDE: u16 = 120;
/// From so many columns on the selected workload stands beside the list.
pub const PANE: u16 = 160;
/// The least for a plan.
pub const PLAN: (u16, u16) = (60, 18);
/// The fewest rows of events on the home screen.
const STRIP: u16 = 4;
/// The fewest and the most rows of charts on the home screen, where there are columns for more.
const CHART: u16 = 9;
const CHART_MOST: u16 = 12;
/// Events by class on the events screen: not below so many rows of a screen, and then one in so many of them.
const CLASSES: u16 = 24;
const CLASSES_PART: u16 = 6;
/// The fewest rows for the selected route below the list.
const ROUTE: u16 = 8;
/// The fewest rows that the tour leaves of a list.
const TOUR: u16 = 5;
/// The most rows of a message.
pub const MESSAGE: u16 = 3;

impl Room {
    /// What fits into so many columns and rows.
    #[must_use]
    pub const fn of(width: u16, height: u16) -> Self {
        if width < LIST.0 || height < LIST.1 {
            Self::Summary
        } else if width < FULL.0 || height < FULL.1 {
            Self::List
        } else if width < WIDE {
            Self::Full
        } else {
            Self::Wide
        }
    }
}

/// The parts of a screen. A part for which there is no room has no height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// Environment, mode, counts, people, clock.
    pub status: Rect,
    /// The screen's own line.
    pub title: Rect,
    /// Column heads.
    pub head: Rect,
    /// Rows.
    pub body: Rect,
    /// The line over the events on the home screen.
    pub strip_title: Rect,
    /// Events on the home screen.
    pub strip: Rect,
    /// Charts of the selected workload on the home screen; on the events screen, the events by class.
    pub chart: Rect,
    /// The selected workload or route: from 160 columns on beside the list; of routes, else below it.
    pub pane: Rect,
    /// What the tour says, while it is on.
    pub tour: Rect,
    /// One sentence.
    pub message: Rect,
    /// Keys.
    pub footer: Rect,
    /// Horizontal rules.
    pub rules: [Rect; 3],
}

impl Areas {
    /// Takes so many rows over the message for the tour: from events and panes first, as they stand there. On a
    /// screen that has too few it gets none.
    #[must_use]
    pub fn reserve(mut self, rows: u16) -> Self {
        let top = self.message.y.saturating_sub(rows);
        if rows == 0 || top < self.body.y + TOUR {
            return self;
        }
        for part in [
            &mut self.body,
            &mut self.strip,
            &mut self.chart,
            &mut self.pane,
        ] {
            part.height = part.height.min(top.saturating_sub(part.y));
        }
        // A heading with nothing below it goes, too.
        for part in [&mut self.strip_title, &mut self.rules[2]] {
            if part.bottom() > top {
                *part = Rect::default();
            }
        }
        self.tour = Rect::new(self.message.x, top, self.message.width, rows);
        self
    }
}

/// The whole screen of so many columns and rows.
#[must_use]
pub const fn area(size: (u16, u16)) -> Rect {
    Rect::new(0, 0, size.0, size.1)
}

/// The home screen over `rows` workloads, with a message of so many rows.
#[must_use]
pub fn home(area: Rect, message: u16, rows: usize) -> Areas {
    let mut areas = screen(area, message);
    if Room::of(area.width, area.height) < Room::Full {
        return areas;
    }
    let room = areas.body.height;
    // A rule and a title belong to the strip; a blank row keeps the table apart from them.
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(1);
    let table = wanted.min(room.saturating_sub(STRIP + 2)).max(1);
    let top = areas.body.y + table;
    let rest = room - table;
    areas.body.height = table;
    areas.rules[2] = row(area, top);
    areas.strip_title = row(area, top + 1);
    areas.strip = Rect::new(area.x, top + 2, area.width, rest.saturating_sub(2));
    if area.width >= WIDE && area.width < PANE && areas.strip.height >= STRIP + CHART {
        let rows = (areas.strip.height - STRIP).min(CHART_MOST);
        areas.strip.height -= rows;
        areas.chart = Rect::new(area.x, areas.strip.bottom(), area.width, rows);
    }
    if area.width >= PANE {
        let first = areas.head.y;
        let left = area.width * 3 / 5;
        for part in [
            &mut areas.head,
            &mut areas.body,
            &mut areas.rules[2],
            &mut areas.strip_title,
            &mut areas.strip,
        ] {
            part.width = left;
        }
        areas.pane = Rect::new(
            area.x + left + 1,
            first,
            area.width - left - 1,
            areas.message.y - first,
        );
    }
    areas
}

/// The routes screen over `rows` routes, with a message of so many rows: the selected one stands below the list,
/// or beside it where there is room.
#[must_use]
pub fn routes(area: Rect, message: u16, rows: usize) -> Areas {
    let mut areas = screen(area, message);
    if Room::of(area.width, area.height) < Room::Full {
        return areas;
    }
    if area.width >= PANE {
        let first = areas.head.y;
        let left = area.width * 3 / 5;
        areas.head.width = left;
        areas.body.width = left;
        areas.pane = Rect::new(
            area.x + left + 1,
            first,
            area.width - left - 1,
            areas.message.y - first,
        );
        return areas;
    }
    let room = areas.body.height;
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).max(1);
    let table = wanted.min(room.saturating_sub(ROUTE + 1)).max(1);
    areas.body.height = table;
    areas.rules[2] = row(area, areas.body.bottom());
    areas.pane = Rect::new(
        area.x,
        areas.body.bottom() + 1,
        area.width,
        room.saturating_sub(table + 1),
    );
    areas
}

/// The events screen, with so many classes of events and a message of so many rows.
#[must_use]
pub fn events(area: Rect, message: u16, classes: usize) -> Areas {
    let mut areas = screen(area, message);
    if area.height < CLASSES || areas.body.is_empty() {
        return areas;
    }
    let rows = u16::try_from(classes.max(1)).unwrap_or(u16::MAX);
    let rows = rows.saturating_add(1).min(area.height / CLASSES_PART);
    let part = rows.min(areas.body.height / 2);
    areas.chart = Rect::new(area.x, areas.head.y, area.width, part);
    areas.head.y += part;
    areas.body.y += part;
    areas.body.height -= part;
    areas
}

/// Any other screen, with a message of so many rows.
#[must_use]
pub fn screen(area: Rect, message: u16) -> Areas {
    let bottom = area.bottom();
    let message = message.clamp(1, MESSAGE);
    match Room::of(area.width, area.height) {
        Room::Summary => Areas {
            status: area,
            ..Areas::default()
        },
        Room::List => Areas {
            status: row(area, area.y),
            title: row(area, area.y + 1),
            head: row(area, area.y + 2),
            body: Rect::new(area.x, area.y + 3, area.width, area.height - 4 - message),
            message: Rect::new(area.x, bottom - 1 - message, area.width, message),
            footer: row(area, bottom - 1),
            ..Areas::default()
        },
        Room::Full | Room::Wide => Areas {
            status: row(area, area.y),
            title: row(area, area.y + 1),
            rules: [
                row(area, area.y + 2),
                row(area, bottom - 2),
                Rect::default(),
            ],
            head: row(area, area.y + 3),
            body: Rect::new(area.x, area.y + 4, area.width, area.height - 6 - message),
            message: Rect::new(area.x, bottom - 2 - message, area.width, message),
            footer: row(area, bottom - 1),
            ..Areas::default()
        },
    }
}

/// The parts of a plan that fills the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanAreas {
    /// What is planned.
    pub title: Rect,
    /// What it means; scrolls when it does not fit.
    pub body: Rect,
    /// What the operator gives.
    pub form: Rect,
    /// Keys.
    pub footer: Rect,
    /// Horizontal rules.
    pub rules: [Rect; 3],
}

/// A plan whose form takes `form` rows; `None` when it would be clipped.
#[must_use]
pub fn plan(area: Rect, form: u16) -> Option<PlanAreas> {
    if area.width < PLAN.0 || area.height < PLAN.1 || area.height < form + 8 {
        return None;
    }
    let bottom = area.bottom();
    Some(PlanAreas {
        title: row(area, area.y),
        body: Rect::new(area.x, area.y + 2, area.width, area.height - form - 5),
        form: Rect::new(area.x, bottom - 2 - form, area.width, form),
        footer: row(area, bottom - 1),
        rules: [
            row(area, area.y + 1),
            row(area, bottom - 3 - form),
            row(area, bottom - 2),
        ],
    })
}

/// One whole row.
fn row(area: Rect, y: u16) -> Rect {
    Rect::new(area.x, y, area.width, 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::layout::Rect;

    use super::{events, home, plan, routes, screen};

    proptest! {
        #[test]
        fn no_part_leaves_the_screen_or_covers_another(
            width in 1_u16..300, height in 1_u16..100, rows in 0_usize..2000,
            form in 1_u16..8, message in 0_u16..9, tour in 0_u16..5,
        ) {
            let area = Rect::new(0, 0, width, height);
            for areas in [
                home(area, message, rows), routes(area, message, rows), screen(area, message),
                events(area, message, rows),
            ] {
                let areas = areas.reserve(tour);
                let parts = [
                    areas.status, areas.title, areas.head, areas.body, areas.strip_title, areas.strip,
                    areas.chart, areas.pane, areas.tour, areas.message, areas.footer, areas.rules[0], areas.rules[1],
                    areas.rules[2],
                ];
                check(area, &parts)?;
                prop_assert!(areas.body.height > 0 || areas.status == area);
            }
            if let Some(areas) = plan(area, form) {
                let parts = [
                    areas.title, areas.body, areas.form, areas.footer, areas.rules[0],
                    areas.rules[1], areas.rules[2],
                ];
                check(area, &parts)?;
                prop_assert_eq!(areas.form.height, form);
                prop_assert!(areas.body.height >= 3);
            }
        }
    }

    fn check(area: Rect, parts: &[Rect]) -> Result<(), TestCaseError> {
        let parts: Vec<Rect> = parts
            .iter()
            .copied()
            .filter(|part| !part.is_empty())
            .collect();
        for (index, part) in parts.iter().enumerate() {
            prop_assert_eq!(part.intersection(area), *part);
            for other in &parts[..index] {
                prop_assert!(!part.intersects(*other), "{:?} {:?}", part, other);
            }
        }
        Ok(())
    }
}
