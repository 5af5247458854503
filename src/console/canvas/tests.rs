//! What a terminal shows after small differences is what it shows after a full paint.

use proptest::prelude::*;
use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier, Style},
};

use super::Canvas;

type Text<'t> = (u16, u16, &'t str, Style);

/// Draws texts and answers the bytes.
fn draw(canvas: &mut Canvas, texts: &[Text<'_>]) -> Vec<u8> {
    canvas.draw(|buffer| write(buffer, texts));
    let mut out = Vec::new();
    canvas.take(&mut out);
    out
}

fn write(buffer: &mut Buffer, texts: &[Text<'_>]) {
    for (x, y, text, style) in texts {
        buffer.set_string(*x, *y, text, *style);
    }
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\x1b', "^")
}

#[test]
fn nothing_changed_is_no_byte() {
    let mut canvas = Canvas::new(20, 3);
    let texts: &[Text<'_>] = &[(1, 1, "hello", Style::new().fg(Color::Red))];
    assert!(!draw(&mut canvas, texts).is_empty());
    assert_eq!(draw(&mut canvas, texts), b"");
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
            "a short gap is written",
            (0, 0, "a--b", plain),
            (0, 0, "x--y", plain),
            "^[Hx--y",
        ),
        (
            "a gap of another colour is jumped",
            (0, 0, "a b", red),
            (0, 0, "x y", red),
            "^[H^[31mx y",
        ),
        (
            "a long gap is jumped",
            (0, 0, "a-------b", plain),
            (0, 0, "x-------y", plain),
            "^[Hx^[7Cy",
        ),
        (
            "behind a character of uncertain width the column is said",
            (0, 0, "\u{2192}-------b", plain),
            (0, 0, "\u{2190}-------y", plain),
            "^[H\u{2190}^[9Gy",
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
            "^[2;2H^[K",
        ),
    ] {
        let mut canvas = Canvas::new(20, 3);
        // The first frame leaves the cursor and the style somewhere: put both where they are known.
        draw(&mut canvas, &[before, (19, 2, "z", plain)]);
        let bytes_after = draw(&mut canvas, &[(19, 2, "z", plain), after]);
        let bytes_after = shown(&bytes_after);
        assert_eq!(bytes_after.replace("^[m", ""), bytes, "{case}");
    }
}

#[test]
fn the_next_row_begins_with_a_line_feed() {
    let plain = Style::new();
    let mut canvas = Canvas::new(20, 3);
    let bytes = draw(&mut canvas, &[(0, 0, "a", plain), (0, 1, "b", plain)]);
    assert_eq!(shown(&bytes), "^[Ha\r\nb");
}

#[test]
fn what_is_left_of_a_wide_character_is_written_again() {
    let marked = Style::new().add_modifier(Modifier::DIM | Modifier::UNDERLINED);
    for (case, before, after) in [
        (
            "a mark ends where it was",
            (12, 1, "a\u{65e5}", Style::new()),
            (4, 1, "  a a  a a", marked),
        ),
        (
            "a mark of its own goes",
            (12, 1, "a\u{65e5}", marked),
            (13, 1, "b", Style::new()),
        ),
        (
            "another wide character over its first half",
            (5, 1, "\u{65e5}", Style::new()),
            (4, 1, "\u{65e5}", marked),
        ),
        (
            "at the edge",
            (28, 1, "\u{65e5}", Style::new()),
            (28, 1, "b", marked),
        ),
    ] {
        let mut stepwise = Canvas::new(30, 6);
        let (mut shown, mut once) = (blank(), blank());
        shown.process(&draw(&mut stepwise, &[before]));
        shown.process(&draw(&mut stepwise, &[after]));
        once.process(&draw(&mut Canvas::new(30, 6), &[after]));
        assert_eq!(screen(&shown), screen(&once), "{case}");
    }
}

/// A list between a head and a foot, from its line number `first` on.
fn list(first: u16, rows: u16) -> Vec<(u16, u16, String, Style)> {
    let plain = Style::new();
    let mut texts = vec![(0, 0, "head".to_owned(), plain)];
    for row in 0..rows {
        let number = first + row;
        let dim = Style::new().add_modifier(Modifier::DIM);
        texts.push((0, 1 + row, format!("14:32:{:02}", number % 60), dim));
        let text = format!("event {number} of some length");
        texts.push((10, 1 + row, text, plain));
    }
    texts.push((0, rows + 1, "foot".to_owned(), plain));
    texts
}

fn borrowed(texts: &[(u16, u16, String, Style)]) -> Vec<Text<'_>> {
    let texts = texts.iter();
    texts
        .map(|(x, y, text, style)| (*x, *y, text.as_str(), *style))
        .collect()
}

#[test]
fn rows_that_only_moved_are_moved_by_the_terminal() {
    for (case, from, to, bytes) in [
        ("two new lines", 100, 102, "^[2;21r^[21H\n\n^[r"),
        ("two lines back", 100, 98, "^[2;21r^[2H^M^M^[r"),
    ] {
        let mut canvas = Canvas::new(60, 22);
        let whole = draw(&mut canvas, &borrowed(&list(from, 20))).len();
        let moved = draw(&mut canvas, &borrowed(&list(to, 20)));
        assert!(shown(&moved).contains(bytes), "{case}: {}", shown(&moved));
        assert!(moved.len() * 6 < whole, "{case}: {} {whole}", moved.len());
    }
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

type Owned = Vec<(u16, u16, String, Style)>;

fn texts() -> impl Strategy<Value = Owned> {
    let text = prop_oneof![
        "[a-c ]{1,12}",
        " {1,30}",
        "[a\u{e9} ]{1,6}",
        "[a\u{65e5}]{1,4}"
    ];
    proptest::collection::vec((0..30_u16, 0..6_u16, text, style()), 0..12)
}

/// Frames that repeat rows of the frame before in other places, with something written over them.
fn moving() -> impl Strategy<Value = Vec<Owned>> {
    let rows = proptest::collection::vec(("[a-d ]{4,30}", style()), 6..14);
    let steps = proptest::collection::vec((0..9_usize, 0..3_u16, texts()), 1..6);
    (rows, steps).prop_map(|(rows, steps)| {
        steps
            .into_iter()
            .map(|(first, top, over)| {
                let visible = rows.iter().skip(first).zip(top..6);
                let visible = visible.map(|((text, style), y)| (0, y, text.clone(), *style));
                visible.chain(over.into_iter().take(2)).collect()
            })
            .collect()
    })
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
    fn a_difference_shows_what_a_full_paint_shows(
        frames in prop_oneof![proptest::collection::vec(texts(), 1..5), moving()],
    ) {
        let mut stepwise = Canvas::new(30, 6);
        let mut shown = blank();
        for frame in &frames {
            let texts = borrowed(frame);
            shown.process(&draw(&mut stepwise, &texts));
            let mut once = blank();
            once.process(&draw(&mut Canvas::new(30, 6), &texts));
            prop_assert_eq!(screen(&shown), screen(&once));
        }
    }
}
