//! Turns the difference between two screens into as few bytes as a slow line deserves.
//!
//! Owned by `canvas`, which says what stands where; `print` has it write single lines. It writes into memory. It
//! remembers where the cursor stands and which style is set, so that an unchanged frame is no byte at all. It never
//! asks the terminal anything, and it lets no control character through.

use std::io::Write as _;

use ratatui::{
    buffer::Cell,
    layout::{Position, Size},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

use crate::model::hostile;

/// Begins a synchronised update: terminals that know it show the frame at once.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// A frame up to this arrives as one packet and is shown at once without being told.
const PACKET: usize = 1_200;

/// From so many blanks on, erasing is shorter than writing them.
const ERASE: u16 = 6;
/// And more than these to the end of the line.
const ERASE_LINE: u16 = 3;

/// How the next character would look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pen {
    foreground: Color,
    background: Color,
    attributes: Modifier,
}

const PLAIN: Pen = Pen {
    foreground: Color::Reset,
    background: Color::Reset,
    attributes: Modifier::empty(),
};

impl Pen {
    fn of(cell: &Cell) -> Self {
        Self {
            foreground: cell.fg,
            background: cell.bg,
            attributes: cell.modifier,
        }
    }

    /// Whether a blank in this style looks like an erased cell, on every terminal.
    fn erases(self) -> bool {
        let visible = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        self.background == Color::Reset && !self.attributes.intersects(visible)
    }
}

/// The writer.
#[derive(Debug)]
pub(super) struct Paint {
    bytes: Vec<u8>,
    size: Size,
    /// Where the terminal's cursor is; `None`: not known, as after the last column.
    at: Option<Position>,
    /// Whether only ASCII was written since the last absolute move: then columns can be counted on.
    exact: bool,
    pen: Pen,
    /// Blanks that begin at the cursor and are not written yet.
    blanks: u16,
}

impl Paint {
    /// For a terminal that was just entered: blank, its cursor hidden.
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        Self {
            bytes: Vec::with_capacity(8 * 1024),
            size: Size::new(columns, rows),
            at: None,
            exact: true,
            pen: PLAIN,
            blanks: 0,
        }
    }

    /// The terminal has another size.
    pub(super) const fn resize(&mut self, columns: u16, rows: u16) {
        self.size = Size::new(columns, rows);
    }

    /// The terminal was entered anew: nothing is known about it but that it is blank.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
        (self.at, self.pen) = (None, PLAIN);
        self.blanks = 0;
    }

    /// Erases the screen. What was to be written would be erased: it is not written.
    pub(super) fn clear(&mut self) {
        self.forget();
        self.push(b"\x1b[m\x1b[H\x1b[2J");
        self.at = Some(Position::ORIGIN);
        self.exact = true;
    }

    /// Takes the bytes of a frame into `out`; nothing when nothing changed.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) {
        let large = self.bytes.len() > PACKET;
        if large {
            out.extend_from_slice(BEGIN);
        }
        out.append(&mut self.bytes);
        if large {
            out.extend_from_slice(END);
        }
    }

    /// Moves the rows from `top` to `bottom`, as every terminal since the VT100 can do it; the rows that become
    /// free are blank.
    pub(super) fn scroll(&mut self, top: u16, bottom: u16, up: bool, lines: u16) {
        self.settle_all();
        self.set(PLAIN);
        // Writing to a vector cannot fail.
        let _ = write!(self.bytes, "\x1b[{};{}r", top + 1, bottom + 1);
        let (edge, step): (_, &[u8]) = if up { (bottom, b"\n") } else { (top, b"\x1bM") };
        self.sequence(edge + 1, b'H');
        for _ in 0..lines {
            self.push(step);
        }
        self.push(b"\x1b[r");
        self.at = None;
    }

    /// Writes a cell behind the one before, wherever that is.
    pub(super) fn append(&mut self, cell: &Cell) {
        self.set(Pen::of(cell));
        self.symbol(cell.symbol());
    }

    /// Takes a line of appended cells into `out`; the next begins in the terminal's own style.
    pub(super) fn end_line(&mut self, out: &mut Vec<u8>) {
        self.set(PLAIN);
        self.push(b"\n");
        out.append(&mut self.bytes);
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A control sequence `ESC [ number letter`; 1 is left out.
    fn sequence(&mut self, number: u16, letter: u8) {
        if number == 1 {
            self.push(b"\x1b[");
        } else {
            // Writing to a vector cannot fail.
            let _ = write!(self.bytes, "\x1b[{number}");
        }
        self.bytes.push(letter);
    }

    /// Moves the cursor by the shortest way that is certain.
    fn move_to(&mut self, to: Position) {
        self.settle(to);
        match self.at {
            Some(from) if from == to => return,
            Some(from) if from.y == to.y && to.x == 0 => {
                self.push(b"\r");
                self.exact = true;
            }
            Some(from) if self.exact && from.y == to.y && from.x < to.x => {
                self.sequence(to.x - from.x, b'C');
            }
            Some(from) if from.y == to.y => {
                self.sequence(to.x + 1, b'G');
                self.exact = true;
            }
            Some(from) if from.y + 1 == to.y && to.x == 0 => {
                self.push(b"\r\n");
                self.exact = true;
            }
            _ => {
                match (to.y, to.x) {
                    (0, 0) => self.push(b"\x1b[H"),
                    (row, 0) => self.sequence(row + 1, b'H'),
                    (row, column) => {
                        let _ = write!(self.bytes, "\x1b[{};{}H", row + 1, column + 1);
                    }
                }
                self.exact = true;
            }
        }
        self.at = Some(to);
    }

    /// Writes or erases the blanks that wait, before something is done at `next`.
    fn settle(&mut self, next: Position) {
        let blanks = std::mem::take(&mut self.blanks);
        let Some(from) = self.at.filter(|_| blanks > 0) else {
            return;
        };
        // Erasing leaves the cursor where the blanks began: to go on behind them costs a move as well.
        let follows = from.y == next.y && from.x + blanks == next.x;
        if from.x + blanks >= self.size.width && blanks > ERASE_LINE {
            self.push(b"\x1b[K");
        } else if blanks < if follows { 2 * ERASE } else { ERASE } {
            self.bytes
                .extend(std::iter::repeat_n(b' ', usize::from(blanks)));
            self.advance(from, blanks);
        } else {
            self.sequence(blanks, b'X');
        }
    }

    /// Writes the blanks that wait: nothing follows.
    pub(super) fn settle_all(&mut self) {
        self.settle(Position::MAX);
    }

    /// Whether a cell looks like what was written last, so that it can be written behind it in one byte.
    pub(super) fn goes_on(&self, cell: &Cell) -> bool {
        let pen = Pen::of(cell);
        let blank = cell.symbol() == " " && pen.erases() && self.pen.erases();
        cell.symbol().len() == 1 && (pen == self.pen || blank)
    }

    /// After something `width` columns wide was written.
    fn advance(&mut self, from: Position, width: u16) {
        let x = from.x.saturating_add(width);
        // After the last column terminals differ in where the cursor is.
        self.at = (x < self.size.width).then_some(Position { x, y: from.y });
    }

    /// Has a cell stand at a place.
    pub(super) fn put(&mut self, place: Position, cell: &Cell) {
        let pen = Pen::of(cell);
        let symbol = cell.symbol();
        if symbol == " " && pen.erases() && self.pen.erases() {
            let end = self.at.map(|at| Position {
                x: at.x + self.blanks,
                ..at
            });
            if end != Some(place) {
                self.move_to(place);
            }
            self.blanks += 1;
            return;
        }
        self.move_to(place);
        self.set(pen);
        self.symbol(symbol);
        let width = u16::try_from(symbol.width()).unwrap_or(1).max(1);
        self.advance(place, width);
    }

    fn symbol(&mut self, symbol: &str) {
        if symbol.is_ascii() {
            if symbol.bytes().any(|byte| byte.is_ascii_control()) {
                self.bytes.push(b'?');
            } else {
                self.push(symbol.as_bytes());
            }
            return;
        }
        self.exact = false;
        if symbol.chars().any(hostile) {
            self.bytes.push(b'?');
        } else {
            self.push(symbol.as_bytes());
        }
    }

    /// Sets the style by the shorter of two ways: what differs, or everything anew.
    fn set(&mut self, pen: Pen) {
        if pen == self.pen {
            return;
        }
        let anew = codes(PLAIN, pen);
        let differs = codes(self.pen, pen);
        self.push(b"\x1b[");
        if anew.len() + 2 <= differs.len() || pen == PLAIN {
            if !anew.is_empty() {
                self.push(b"0;");
                self.push(&anew);
            }
        } else {
            self.push(&differs);
        }
        self.push(b"m");
        self.pen = pen;
    }
}

const ATTRIBUTES: [(Modifier, u8, u8); 7] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// The numbers, separated by semicolons, that make one style another.
fn codes(from: Pen, to: Pen) -> Vec<u8> {
    let mut out = Vec::with_capacity(24);
    let mut current = from.attributes;
    for (attribute, _, off) in ATTRIBUTES {
        if current.contains(attribute) && !to.attributes.contains(attribute) {
            code(&mut out, off);
            // Bold and dim end together.
            current.remove(match off {
                22 => Modifier::BOLD | Modifier::DIM,
                _ => attribute,
            });
        }
    }
    // Where a terminal knows only one of bold and dim at a time, the last wins: always the same one.
    let bolder = to.attributes.contains(Modifier::BOLD) && !current.contains(Modifier::BOLD);
    current.set(Modifier::DIM, current.contains(Modifier::DIM) && !bolder);
    for (attribute, on, _) in ATTRIBUTES {
        if to.attributes.contains(attribute) && !current.contains(attribute) {
            code(&mut out, on);
        }
    }
    if from.foreground != to.foreground {
        colour(&mut out, to.foreground, 0);
    }
    if from.background != to.background {
        colour(&mut out, to.background, 10);
    }
    out
}

fn code(out: &mut Vec<u8>, number: u8) {
    let separator = if out.is_empty() { "" } else { ";" };
    let _ = write!(out, "{separator}{number}");
}

/// `offset` is 0 for the text and 10 for what is behind it.
fn colour(out: &mut Vec<u8>, colour: Color, offset: u8) {
    let number = match colour {
        Color::Reset => 39,
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        Color::Indexed(index) => {
            code(out, 38 + offset);
            let _ = write!(out, ";5;{index}");
            return;
        }
        Color::Rgb(red, green, blue) => {
            code(out, 38 + offset);
            let _ = write!(out, ";2;{red};{green};{blue}");
            return;
        }
    };
    code(out, number + offset);
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Cell;

    use super::Paint;

    #[test]
    fn control_characters_do_not_pass() {
        let mut paint = Paint::new(10, 1);
        let cells = ["\x1b", "\u{9b}", "\x07", "\n"].map(Cell::new);
        for (x, cell) in (0..).zip(&cells) {
            paint.put((x, 0).into(), cell);
        }
        let mut out = Vec::new();
        paint.take(&mut out);
        assert_eq!(out, b"\x1b[H????");
    }
}
