//! Turns the difference between two screens into as few bytes as a slow line deserves.
//!
//! A ratatui backend that writes into memory: `run` takes the bytes of a whole frame and hands them to the
//! outlet. It remembers where the cursor stands and which style is set, so that an unchanged frame is no byte
//! at all. It never asks the terminal anything, and it lets no control character through.

use std::{convert::Infallible, io::Write as _};

use ratatui::{
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr as _;

/// Begins a synchronised update: terminals that know it show the frame at once.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";

/// From so many blanks on, erasing is shorter than writing them.
const ERASE: u16 = 6;

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
    /// Whether a blank in this style looks like an erased cell, on every terminal.
    fn erases(self) -> bool {
        let visible = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        self.background == Color::Reset && !self.attributes.intersects(visible)
    }
}

/// The backend.
#[derive(Debug)]
pub struct Paint {
    bytes: Vec<u8>,
    size: Size,
    /// Where the terminal's cursor is; `None`: not known, as after the last column.
    at: Option<Position>,
    /// Whether only ASCII was written since the last absolute move: then columns can be counted on.
    exact: bool,
    pen: Pen,
    cursor_shown: bool,
    /// Blanks that begin at the cursor and are not written yet.
    blanks: u16,
}

impl Paint {
    /// For a terminal that was just entered: blank, its cursor hidden.
    #[must_use]
    pub fn new(columns: u16, rows: u16) -> Self {
        Self {
            bytes: Vec::with_capacity(8 * 1024),
            size: Size::new(columns, rows),
            at: None,
            exact: true,
            pen: PLAIN,
            cursor_shown: false,
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
        (self.at, self.pen, self.cursor_shown) = (None, PLAIN, false);
        self.blanks = 0;
    }

    /// Takes the bytes of a frame into `out`; nothing when nothing changed.
    pub fn take(&mut self, out: &mut Vec<u8>) {
        if self.bytes.is_empty() {
            return;
        }
        out.extend_from_slice(BEGIN);
        out.append(&mut self.bytes);
        out.extend_from_slice(END);
    }

    /// Writes a cell behind the one before, wherever that is.
    pub(super) fn append(&mut self, cell: &Cell) {
        self.set(Pen {
            foreground: cell.fg,
            background: cell.bg,
            attributes: cell.modifier,
        });
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
            Some(from) if self.exact && from.y == to.y && from.x < to.x => {
                self.sequence(to.x - from.x, b'C');
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
        if blanks < if follows { 2 * ERASE } else { ERASE } {
            self.bytes
                .extend(std::iter::repeat_n(b' ', usize::from(blanks)));
            self.advance(from, blanks);
        } else {
            self.sequence(blanks, b'X');
        }
    }

    /// After something `width` columns wide was written.
    fn advance(&mut self, from: Position, width: u16) {
        let x = from.x.saturating_add(width);
        // After the last column terminals differ in where the cursor is.
        self.at = (x < self.size.width).then_some(Position { x, y: from.y });
    }

    fn put(&mut self, place: Position, cell: &Cell) {
        let pen = Pen {
            foreground: cell.fg,
            background: cell.bg,
            attributes: cell.modifier,
        };
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
        if symbol.chars().any(char::is_control) {
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

impl Backend for Paint {
    type Error = Infallible;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            self.put(Position { x, y }, cell);
        }
        self.settle(Position::MAX);
        Ok(())
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        if self.cursor_shown {
            self.push(b"\x1b[?25l");
            self.cursor_shown = false;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        if !self.cursor_shown {
            self.push(b"\x1b[?25h");
            self.cursor_shown = true;
        }
        Ok(())
    }

    fn get_cursor_position(&mut self) -> Result<Position, Self::Error> {
        Ok(self.at.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Self::Error> {
        self.move_to(position.into());
        Ok(())
    }

    fn clear(&mut self) -> Result<(), Self::Error> {
        // What was to be written would be erased.
        self.bytes.clear();
        self.blanks = 0;
        if self.cursor_shown {
            self.push(b"\x1b[?25h");
        }
        self.push(b"\x1b[m\x1b[H\x1b[2J");
        self.pen = PLAIN;
        self.at = Some(Position::ORIGIN);
        self.exact = true;
        Ok(())
    }

    fn clear_region(&mut self, _region: ClearType) -> Result<(), Self::Error> {
        // A full-screen viewport only ever clears all.
        self.clear()
    }

    fn size(&self) -> Result<Size, Self::Error> {
        Ok(self.size)
    }

    fn window_size(&mut self) -> Result<WindowSize, Self::Error> {
        Ok(WindowSize {
            columns_rows: self.size,
            pixels: Size::ZERO,
        })
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::{
        Terminal,
        backend::Backend as _,
        buffer::Cell,
        layout::Position,
        style::{Color, Modifier, Style},
    };

    use super::Paint;

    fn terminal(columns: u16, rows: u16) -> Terminal<Paint> {
        match Terminal::new(Paint::new(columns, rows)) {
            Ok(terminal) => terminal,
            Err(never) => match never {},
        }
    }

    type Text<'t> = (u16, u16, &'t str, Style);

    /// Draws texts and answers the bytes.
    fn draw(terminal: &mut Terminal<Paint>, texts: &[Text<'_>]) -> Vec<u8> {
        let drawn = terminal.draw(|frame| {
            for (x, y, text, style) in texts {
                frame.buffer_mut().set_string(*x, *y, text, *style);
            }
        });
        assert!(drawn.is_ok());
        let mut out = Vec::new();
        terminal.backend_mut().take(&mut out);
        out
    }

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes)
            .replace("\x1b[?2026h", "")
            .replace("\x1b[?2026l", "")
            .replace('\x1b', "^")
    }

    #[test]
    fn nothing_changed_is_no_byte() {
        let mut terminal = terminal(20, 3);
        let texts: &[Text<'_>] = &[(1, 1, "hello", Style::new().fg(Color::Red))];
        assert!(!draw(&mut terminal, texts).is_empty());
        assert_eq!(draw(&mut terminal, texts), b"");
    }

    #[test]
    fn a_change_costs_what_it_changes() {
        let plain = Style::new();
        let red = Style::new().fg(Color::Red);
        let bold = red.add_modifier(Modifier::BOLD);
        for (case, before, after, bytes) in [
            (
                "one digit",
                (3, 1, "12:30", plain),
                (3, 1, "12:31", plain),
                "^[2;8H1",
            ),
            (
                "first column",
                (0, 1, "a", plain),
                (0, 1, "b", plain),
                "^[2Hb",
            ),
            ("home", (0, 0, "a", plain), (0, 0, "b", plain), "^[Hb"),
            ("colour", (0, 0, "a", plain), (0, 0, "a", red), "^[H^[31ma"),
            (
                "colour and bold",
                (0, 0, "ab", red),
                (0, 0, "ab", bold),
                "^[H^[1;31mab",
            ),
            (
                "a gap is jumped",
                (0, 0, "a  b", plain),
                (0, 0, "x  y", plain),
                "^[Hx^[2Cy",
            ),
            (
                "long blanks are erased",
                (0, 0, "aaaaaaaaaab", plain),
                (0, 0, "          b", plain),
                "^[H^[10X",
            ),
            (
                "short blanks are written",
                (0, 0, "aaab", plain),
                (0, 0, "   c", plain),
                "^[H   c",
            ),
            (
                "after erased blanks",
                (0, 0, "aaaaaaaaaab", plain),
                (0, 0, "          c", plain),
                "^[H          c",
            ),
            (
                "blanks to the edge",
                (0, 1, "aaaaaaaaaaaaaaaaaaaa", plain),
                (0, 1, "a", plain),
                "^[2;2H^[19X",
            ),
        ] {
            let mut terminal = terminal(20, 3);
            // The first frame leaves the cursor and the style somewhere: put both where they are known.
            draw(&mut terminal, &[before, (19, 2, "z", plain)]);
            let bytes_after = draw(&mut terminal, &[(19, 2, "z", plain), after]);
            let bytes_after = shown(&bytes_after);
            assert_eq!(bytes_after.replace("^[m", ""), bytes, "{case}");
        }
    }

    #[test]
    fn control_characters_do_not_pass() {
        let mut paint = Paint::new(10, 1);
        let cells = ["\x1b", "\u{9b}", "\x07", "\n"].map(Cell::new);
        let placed = (0..).zip(&cells).map(|(x, cell)| (x, 0, cell));
        assert!(paint.draw(placed).is_ok());
        let mut out = Vec::new();
        paint.take(&mut out);
        assert_eq!(shown(&out), "^[H????");
    }

    #[test]
    fn a_cursor_is_shown_where_it_was_put_and_hidden_again() {
        let mut terminal = terminal(10, 2);
        let mut frame = |cursor: Option<(u16, u16)>| {
            let drawn = terminal.draw(|frame| {
                if let Some((x, y)) = cursor {
                    frame.set_cursor_position(Position { x, y });
                }
            });
            assert!(drawn.is_ok());
            let mut out = Vec::new();
            terminal.backend_mut().take(&mut out);
            shown(&out)
        };
        assert_eq!(frame(Some((3, 1))), "^[?25h^[2;4H");
        assert_eq!(frame(Some((3, 1))), "");
        assert_eq!(frame(None), "^[?25l");
    }

    fn style() -> impl Strategy<Value = Style> {
        let colours = prop_oneof![
            Just(Color::Reset),
            Just(Color::Red),
            Just(Color::LightBlue),
            Just(Color::Indexed(99)),
            Just(Color::Rgb(1, 2, 3)),
        ];
        let attributes = prop_oneof![
            Just(Modifier::empty()),
            Just(Modifier::BOLD),
            Just(Modifier::DIM | Modifier::UNDERLINED),
            Just(Modifier::REVERSED),
            Just(Modifier::BOLD | Modifier::ITALIC),
        ];
        (colours.clone(), colours, attributes).prop_map(|(text, behind, attributes)| {
            Style::new().fg(text).bg(behind).add_modifier(attributes)
        })
    }

    fn texts() -> impl Strategy<Value = Vec<(u16, u16, String, Style)>> {
        let text = prop_oneof!["[a-c ]{1,12}", " {1,30}", "[a\u{e9} ]{1,6}"];
        proptest::collection::vec((0..30_u16, 0..6_u16, text, style()), 0..12)
    }

    fn blank() -> vt100::Parser {
        let size = |number| std::num::NonZeroU16::new(number).unwrap();
        vt100::Parser::new(size(6), size(30), 0)
    }

    /// What a terminal shows after the bytes: symbol and style of every cell.
    fn screen(parser: &vt100::Parser) -> Vec<(String, String)> {
        let mut cells = Vec::new();
        for row in 0..6 {
            for column in 0..30 {
                let Some(cell) = parser.screen().cell(row, column) else {
                    continue;
                };
                let symbol = match cell.contents() {
                    "" => " ",
                    symbol => symbol,
                };
                // The text's colour and weight cannot be seen on a blank.
                let ink = if symbol == " " && !cell.inverse() && !cell.underline() {
                    String::new()
                } else {
                    format!(
                        "{:?} {} {} {}",
                        cell.fgcolor(),
                        cell.bold(),
                        cell.dim(),
                        cell.italic()
                    )
                };
                let ground = format!(
                    "{:?} {} {}",
                    cell.bgcolor(),
                    cell.inverse(),
                    cell.underline()
                );
                cells.push((symbol.to_owned(), format!("{ink}/{ground}")));
            }
        }
        cells
    }

    proptest! {
        /// Whatever frame follows whatever frame: the small difference leaves the same screen as a full paint.
        #[test]
        fn a_difference_shows_what_a_full_paint_shows(frames in proptest::collection::vec(texts(), 1..5)) {
            let mut stepwise = terminal(30, 6);
            let mut shown = blank();
            for frame in &frames {
                let texts: Vec<Text<'_>> = frame.iter().map(|(x, y, text, style)| (*x, *y, text.as_str(), *style)).collect();
                shown.process(&draw(&mut stepwise, &texts));
                let mut once = blank();
                once.process(&draw(&mut terminal(30, 6), &texts));
                prop_assert_eq!(screen(&shown), screen(&once));
            }
        }
    }
}
