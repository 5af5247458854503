//! Rows that only moved: a list that grew by a line at its end is the list before, further up.
//!
//! Called by the canvas before the difference is painted.

use ratatui::buffer::{Buffer, Cell};

/// To move rows must spare at least so many rows and bytes.
const ROWS: usize = 3;
const BYTES: usize = 48;

/// What it costs to go on elsewhere in a row, in bytes; and what is closer than this is written over.
const ELSEWHERE: usize = 6;

/// A part of the screen, full rows, whose content moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shift {
    /// Its first and its last row.
    pub(super) top: u16,
    pub(super) bottom: u16,
    /// Where to.
    pub(super) up: bool,
    /// By so many rows; as many become blank.
    pub(super) lines: u16,
}

impl Shift {
    /// Does to a buffer what the terminal does to its screen.
    pub(super) fn apply(self, buffer: &mut Buffer) {
        let width = usize::from(buffer.area.width);
        let (top, bottom) = (usize::from(self.top), usize::from(self.bottom) + 1);
        let part = &mut buffer.content[top * width..bottom * width];
        let moved = usize::from(self.lines) * width;
        let kept = part.len() - moved;
        let blank = if self.up {
            part.rotate_left(moved);
            &mut part[kept..]
        } else {
            part.rotate_right(moved);
            &mut part[..moved]
        };
        blank.fill(Cell::EMPTY);
    }
}

/// The shift that spares most of the painting; `None` where it is not worth it.
pub(super) fn find(shown: &Buffer, next: &Buffer) -> Option<Shift> {
    let width = usize::from(shown.area.width);
    if width == 0 || shown.area != next.area {
        return None;
    }
    let rows = Rows {
        shown: lines(shown, width),
        next: lines(next, width),
    };
    let worth = (rows.next.iter().zip(&rows.shown))
        .map(|(next, shown)| !next.blank && !shown.blank && next.cells != shown.cells)
        .collect::<Vec<bool>>();
    if worth.iter().filter(|worth| **worth).count() < ROWS {
        return None;
    }
    let shift = rows.best(&worth)?;
    let spared = rows
        .painted(Some)
        .saturating_sub(rows.painted(|row| shift.source(row)));
    (spared >= BYTES).then_some(shift)
}

/// A row, and whether there is nothing in it.
struct Row<'a> {
    cells: &'a [Cell],
    blank: bool,
}

fn lines(buffer: &Buffer, width: usize) -> Vec<Row<'_>> {
    let rows = buffer.content.chunks_exact(width);
    rows.map(|cells| Row {
        cells,
        blank: cells.iter().all(|cell| *cell == Cell::EMPTY),
    })
    .collect()
}

struct Rows<'a> {
    shown: Vec<Row<'a>>,
    next: Vec<Row<'a>>,
}

impl Rows<'_> {
    /// The longest run of rows that stand elsewhere, counted in rows that would have to be painted.
    fn best(&self, worth: &[bool]) -> Option<Shift> {
        let height = self.next.len();
        let mut best: Option<(usize, Shift)> = None;
        for lines in 1..height {
            for up in [true, false] {
                // The row of the next frame that the first of the runs below begins with.
                let (mut start, mut spared) = (0, 0);
                for row in 0..=height {
                    let from = if up {
                        Some(row + lines).filter(|from| *from < height)
                    } else {
                        row.checked_sub(lines).filter(|_| row < height)
                    };
                    if from.is_some_and(|from| self.same(row, from)) {
                        spared += usize::from(worth.get(row) == Some(&true));
                        continue;
                    }
                    if spared >= ROWS && best.is_none_or(|(most, _)| spared > most) {
                        let (top, bottom) = if up {
                            (start, row - 1 + lines)
                        } else {
                            (start - lines, row - 1)
                        };
                        best = Shift::new(top, bottom, up, lines).map(|shift| (spared, shift));
                    }
                    (start, spared) = (row + 1, 0);
                }
            }
        }
        best.map(|(_, shift)| shift)
    }

    /// Whether a row of the next frame is on the screen in the row `from`.
    fn same(&self, row: usize, from: usize) -> bool {
        let (next, shown) = (&self.next[row], &self.shown[from]);
        next.blank == shown.blank && (next.blank || next.cells == shown.cells)
    }

    /// About how many bytes it takes when each row is painted over the one that `source` says; `None`: over a
    /// blank one.
    fn painted(&self, source: impl Fn(usize) -> Option<usize>) -> usize {
        let rows = self.next.iter().enumerate();
        rows.map(|(row, next)| {
            let shown = source(row).map(|from| self.shown[from].cells);
            let mut last = None;
            let mut bytes = 0;
            for (column, cell) in next.cells.iter().enumerate() {
                if cell == shown.map_or(&Cell::EMPTY, |shown| &shown[column]) {
                    continue;
                }
                let behind = last.map_or(ELSEWHERE, |last| column - last - 1);
                bytes += 1 + behind.min(ELSEWHERE);
                last = Some(column);
            }
            bytes
        })
        .sum()
    }
}

impl Shift {
    fn new(top: usize, bottom: usize, up: bool, lines: usize) -> Option<Self> {
        let row = |row: usize| u16::try_from(row).ok();
        Some(Self {
            top: row(top)?,
            bottom: row(bottom)?,
            up,
            lines: row(lines)?,
        })
    }

    /// The row that stands in `row` afterwards; `None`: a blank one.
    fn source(self, row: usize) -> Option<usize> {
        let (top, bottom) = (usize::from(self.top), usize::from(self.bottom));
        let lines = usize::from(self.lines);
        if !(top..=bottom).contains(&row) {
            return Some(row);
        }
        if self.up {
            Some(row + lines).filter(|from| *from <= bottom)
        } else {
            row.checked_sub(lines).filter(|from| *from >= top)
        }
    }
}
