//! What the terminal shows and what it should show: finds the difference and has it painted.
//!
//! Owned by `run`. The view draws a frame into a buffer; rows that only moved up or down are moved by the terminal
//! itself, and of the others only what differs is written. It never writes to the terminal: `run` takes the bytes
//! of a frame and hands them to the outlet.

mod shift;

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
};
use unicode_width::UnicodeWidthStr as _;

use super::{layout, paint::Paint};

/// To write over so many cells that are right already costs no more than to jump over them.
const JUMP: u16 = 4;

/// The most regions that are moved in one frame.
const MOVES: usize = 3;

/// The screen of a terminal.
#[derive(Debug)]
pub struct Canvas {
    /// As the terminal shows it once it has taken every frame.
    shown: Buffer,
    /// Being drawn; the memory of the frame before the last.
    next: Buffer,
    paint: Paint,
}

impl Canvas {
    /// For a terminal that was just entered: blank, its cursor hidden.
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        let area = layout::area((columns, rows));
        Self {
            shown: Buffer::empty(area),
            next: Buffer::empty(area),
            paint: Paint::new(columns, rows),
        }
    }

    /// Draws a frame. Its bytes wait for [`Self::take`].
    pub fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) {
        self.next.reset();
        draw(&mut self.next);
        for _ in 0..MOVES {
            let Some(shift) = shift::find(&self.shown, &self.next) else {
                break;
            };
            self.paint
                .scroll(shift.top, shift.bottom, shift.up, shift.lines);
            shift.apply(&mut self.shown);
        }
        self.difference();
        std::mem::swap(&mut self.shown, &mut self.next);
    }

    /// Takes the bytes of what was drawn into `out`; nothing when nothing changed.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        self.paint.take(out);
    }

    /// The terminal may show anything: the next frame erases it and is a whole one.
    pub fn clear(&mut self) {
        self.shown.reset();
        self.paint.clear();
    }

    /// The terminal was entered anew: nothing is known about it but that it is blank.
    pub(super) fn forget(&mut self) {
        self.shown.reset();
        self.paint.forget();
    }

    /// The terminal has another size; what it shows is not known until [`Self::clear`].
    pub(super) fn resize(&mut self, columns: u16, rows: u16) {
        let area = layout::area((columns, rows));
        self.shown.resize(area);
        self.next.resize(area);
        self.paint.resize(columns, rows);
    }

    /// Paints what differs.
    fn difference(&mut self) {
        let mut behind = None;
        for (x, y, cell) in self.shown.diff_iter(&self.next) {
            if let Some((end, row)) = behind
                && row == y
                && end < x
                && x - end <= JUMP
                && let gap = Rect::new(end, y, x - end, 1)
                && gap.positions().all(|at| self.paint.goes_on(&self.next[at]))
            {
                for at in gap.positions() {
                    self.paint.put(at, &self.next[at]);
                }
            }
            self.paint.put((x, y).into(), cell);
            let mut end = x.saturating_add(width(cell));
            // Where a wide character was cut in two, terminals differ in what its other half becomes.
            if width(&self.shown[(end - 1, y)]) > 1
                && let Some(half) = self.next.cell((end, y))
                && self.shown.cell((end, y)) == Some(half)
            {
                self.paint.put((end, y).into(), half);
                end = end.saturating_add(1);
            }
            behind = Some((end, y));
        }
        self.paint.settle_all();
    }
}

/// How many columns a cell takes.
fn width(cell: &Cell) -> u16 {
    u16::try_from(cell.symbol().width()).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests;
