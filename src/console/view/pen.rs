//! Drawing: text with a meaning, at a place, never outside of it.
//!
//! Everything is measured in columns as the terminal counts them. What does not fit is cut with a visible mark.

use std::borrow::Cow;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr;

use crate::console::{
    glyph::Glyphs,
    theme::{Role, Theme},
};

/// Before a marked row.
const MARK: &str = "*";

/// Of a selected row so many columns wear the selection where little is to change: the sign and the name.
const SPARED: u16 = 28;

/// Draws with a theme and a set of signs.
pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    theme: &'a Theme,
    pub(super) glyphs: &'a Glyphs,
    /// Little is to change from one frame to the next.
    spared: bool,
}

/// A line of text in parts, each with its meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line(pub(super) Vec<(Role, String)>);

impl Line {
    /// A line of one part.
    pub(super) fn of(role: Role, text: impl Into<String>) -> Self {
        Self(vec![(role, text.into())])
    }

    /// Adds a part.
    pub(super) fn and(mut self, role: Role, text: impl Into<String>) -> Self {
        self.0.push((role, text.into()));
        self
    }

    /// Its columns.
    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| columns(text)).sum()
    }

    /// Without meanings.
    pub(super) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }
}

impl<'a> Pen<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, theme: &'a Theme, glyphs: &'a Glyphs) -> Self {
        Self {
            buffer,
            theme,
            glyphs,
            spared: false,
        }
    }

    /// The same for a slow line: less changes from one frame to the next.
    pub(super) const fn spared(mut self, spared: bool) -> Self {
        self.spared = spared;
        self
    }

    /// Writes into the first row of an area, from a column of it on; answers the column behind.
    pub(super) fn put(&mut self, area: Rect, column: u16, text: &str, role: Role) -> u16 {
        let room = area.width.saturating_sub(column);
        if area.height == 0 || room == 0 || text.is_empty() {
            return column;
        }
        let style = self.theme.style(role);
        if text.len() <= usize::from(room) && text.bytes().all(plain) {
            return self.put_plain(area, column, text, style);
        }
        let text = fit(text, usize::from(room), self.glyphs.cut);
        let (end, _) =
            self.buffer
                .set_stringn(area.x + column, area.y, text, usize::from(room), style);
        end - area.x
    }

    /// The same for characters that are one column wide each: most of the screen, so it is worth its own way.
    fn put_plain(&mut self, area: Rect, column: u16, text: &str, style: Style) -> u16 {
        let mut at = area.x + column;
        for byte in text.bytes() {
            if let Some(cell) = self.buffer.cell_mut((at, area.y)) {
                cell.set_char(char::from(byte)).set_style(style);
            }
            at += 1;
        }
        at - area.x
    }

    /// The same for a cell of a table: no wider than `width`.
    pub(super) fn cell(&mut self, area: Rect, column: u16, width: u16, text: &str, role: Role) {
        let cell = Rect {
            width: area.width.min(column.saturating_add(width)),
            ..area
        };
        self.put(cell, column, text, role);
    }

    /// The same, with the last column at the cell's end.
    pub(super) fn cell_right(
        &mut self,
        area: Rect,
        column: u16,
        width: u16,
        text: &str,
        role: Role,
    ) {
        let wide = u16::try_from(text.width()).unwrap_or(u16::MAX);
        let shift = width.saturating_sub(wide);
        self.cell(area, column + shift, width - shift, text, role);
    }

    /// Writes a line of parts.
    pub(super) fn line(&mut self, area: Rect, column: u16, line: &Line) -> u16 {
        let mut at = column;
        for (role, text) in &line.0 {
            at = self.put(area, at, text, *role);
        }
        at
    }

    /// Writes lines one below the other, the first of them being number `skip`.
    pub(super) fn lines(&mut self, area: Rect, lines: &[Line], skip: usize) {
        for (row, line) in area.rows().zip(lines.iter().skip(skip)) {
            self.line(row, 0, line);
        }
    }

    /// A horizontal rule, with words in it when there are any.
    pub(super) fn rule(&mut self, area: Rect, words: &str) {
        if area.is_empty() {
            return;
        }
        let lead = if words.is_empty() { 0 } else { 2 };
        let style = self.theme.style(Role::Border);
        for column in area.x..area.right() {
            if let Some(cell) = self.buffer.cell_mut((column, area.y)) {
                cell.set_symbol(self.glyphs.rule).set_style(style);
            }
        }
        if lead > 0 {
            self.put(area, lead, &format!(" {words} "), Role::Heading);
        }
    }

    /// Draws a rule that is there in the colour of a role: of what is behind its text, where it has that.
    pub(super) fn accent(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        let colour = style.bg.or(style.fg);
        let not_of_lines = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::DIM;
        let style = Style {
            fg: colour,
            bg: None,
            ..style.remove_modifier(not_of_lines)
        };
        self.buffer
            .set_style(area.intersection(self.buffer.area), style);
    }

    /// Lays a role's style over an area.
    pub(super) fn style(&mut self, area: Rect, role: Role) {
        self.buffer
            .set_style(area.intersection(self.buffer.area), self.theme.style(role));
    }

    /// Marks a row as the selected one, its cursor in this column. What stands on a background of its own keeps
    /// it: on the selection's it could not be read. Nothing of it is pale: it is what is looked at, and every change
    /// of style along a row is bytes on a slow line.
    pub(super) fn select(&mut self, area: Rect, column: u16) {
        let behind = self.theme.style(Role::Text).bg.unwrap_or_default();
        let selection = self.theme.style(Role::Selection);
        let selection = selection.remove_modifier(Modifier::DIM);
        let area = area.intersection(self.buffer.area);
        let width = if self.spared { SPARED } else { u16::MAX };
        let marked = Rect {
            width: area.width.min(width),
            ..area
        };
        for position in marked.positions() {
            if let Some(cell) = self.buffer.cell_mut(position) {
                let (own, stays) = (cell.bg, cell.bg != behind && cell.bg != Color::Reset);
                cell.set_style(selection);
                if stays {
                    cell.set_bg(own);
                }
            }
        }
        self.put(area, column, self.glyphs.cursor, Role::Cursor);
    }

    /// Shows in a column that a row is marked.
    pub(super) fn mark(&mut self, area: Rect, column: u16) {
        self.put(area, column, MARK, Role::Match);
    }

    /// Empties an area.
    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
        self.style(area, Role::Text);
    }
}

/// The first row of an area, `down` rows below its top.
pub(super) fn row(area: Rect, down: u16) -> Rect {
    Rect {
        y: area.y + down.min(area.height),
        height: u16::from(down < area.height),
        ..area
    }
}

/// Whether a byte is a character that is one column wide.
const fn plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// The columns that a text takes when it is drawn. Character by character it would come out as too little: a mark behind
/// a sign can make it wider.
pub(super) fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// A text in no more columns than there are, with a mark where it was cut.
pub(super) fn fit<'t>(text: &'t str, width: usize, cut: &str) -> Cow<'t, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let room = width.saturating_sub(cut.width());
    let mut fitting = String::new();
    let mut used = 0;
    for sign in text.graphemes(true) {
        used += sign.width();
        if used > room {
            break;
        }
        fitting.push_str(sign);
    }
    if cut.width() <= width {
        fitting.push_str(cut);
    }
    Cow::Owned(fitting)
}

/// A text in lines of at most so many columns, broken between words; a longer word is broken inside.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let wide = columns(word);
        if used > 0 && used + 1 + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        if used + wide <= width {
            line.push_str(word);
            used += wide;
            continue;
        }
        for sign in word.graphemes(true) {
            let wide = sign.width();
            if used + wide > width && used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(sign);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

/// A paragraph: lines of one role, indented, the first one by a mark.
pub(super) fn paragraph(role: Role, mark: &str, text: &str, width: usize) -> Vec<Line> {
    let indent = mark.width();
    wrap(text, width.saturating_sub(indent))
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let lead = if index == 0 {
                mark.to_owned()
            } else {
                " ".repeat(indent)
            };
            Line::of(role, lead + &line)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Pen, columns, fit, wrap};
    use crate::console::{
        glyph::ASCII,
        theme::{Role, Theme},
    };
    use proptest::prelude::*;
    use ratatui::{buffer::Buffer, layout::Rect};

    #[test]
    fn what_does_not_fit_is_cut_with_a_mark() {
        for (text, width, cut) in [
            ("support", 7, "support"),
            ("support", 5, "supp~"),
            ("support", 1, "~"),
            ("support", 0, ""),
            ("日本語", 6, "日本語"),
            ("日本語", 5, "日本~"),
            ("日本語", 4, "日~"),
            // A heart and what makes it a picture take two columns together.
            ("\u{2764}\u{fe0f}ab", 4, "\u{2764}\u{fe0f}ab"),
            ("\u{2764}\u{fe0f}ab", 3, "\u{2764}\u{fe0f}~"),
        ] {
            assert_eq!(fit(text, width, "~"), cut, "{text} in {width}");
        }
    }

    #[test]
    fn a_state_can_be_read_on_the_selected_row() {
        let sheet = crate::console::theme_file::load("nord", &[]).unwrap().sheet;
        let theme = sheet.theme(crate::console::Depth::Rgb);
        let area = Rect::new(0, 0, 30, 1);
        let mut buffer = Buffer::empty(area);
        let mut pen = Pen::new(&mut buffer, &theme, &ASCII);
        pen.style(area, Role::Text);
        pen.put(area, 3, "x FL", Role::StateFailing);
        pen.put(area, 8, "+ OK", Role::StateOk);
        pen.select(area, 1);
        let behind = |column: u16| Some(buffer[(column, 0)].bg);
        assert_eq!(behind(3), theme.style(Role::StateFailing).bg);
        assert_eq!(behind(8), theme.style(Role::Selection).bg);
        assert_eq!(behind(1), theme.style(Role::Cursor).bg);
        assert_eq!(buffer[(1, 0)].symbol(), ">");
    }

    #[test]
    fn words_are_kept_whole_where_that_is_possible() {
        assert_eq!(
            wrap("returns by itself in 30m", 11),
            ["returns by", "itself in", "30m"]
        );
        assert_eq!(wrap("premium-chat-eu", 8), ["premium-", "chat-eu"]);
        assert_eq!(wrap("", 8), [""]);
    }

    proptest! {
        #[test]
        fn nothing_is_drawn_outside(
            text in "\\PC{0,40}", column in 0_u16..60, width in 0_u16..60, right in any::<bool>(),
        ) {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 40, 3));
            let theme = Theme::default();
            let mut pen = Pen::new(&mut buffer, &theme, &ASCII);
            let area = Rect::new(5, 1, 30, 1);
            if right {
                pen.cell_right(area, column, width, &text, Role::Text);
            } else {
                pen.cell(area, column, width, &text, Role::Text);
            }
            let mut expected = Buffer::empty(Rect::new(0, 0, 40, 3));
            for y in 0..3 {
                for x in 0..40 {
                    if area.contains((x, y).into()) {
                        expected[(x, y)] = buffer[(x, y)].clone();
                    }
                }
            }
            prop_assert_eq!(buffer, expected);
        }

        #[test]
        fn the_quick_way_draws_the_same(text in "[ -~]{0,30}", column in 0_u16..10) {
            let (mut quick, mut plain) = (Buffer::empty(Rect::new(0, 0, 40, 1)), Buffer::empty(Rect::new(0, 0, 40, 1)));
            let theme = Theme::default();
            let area = Rect::new(0, 0, 40, 1);
            let end = Pen::new(&mut quick, &theme, &ASCII).put(area, column, &text, Role::Text);
            let (expected, _) = plain.set_stringn(column, 0, &text, 40, theme.style(Role::Text));
            prop_assert_eq!(end, expected);
            prop_assert_eq!(quick, plain);
        }

        #[test]
        fn wrapped_lines_fit_and_lose_nothing(
            text in "([a-z ]|\u{2764}\u{fe0f}|\u{4e2d}|e\u{301}|\u{644}\u{627}|\u{1f468}\u{200d}\u{1f469}){0,80}",
            width in 2_usize..30,
        ) {
            let lines = wrap(&text, width);
            prop_assert!(lines.iter().all(|line| columns(line) <= width), "{:?}", lines);
            let letters = |text: &str| text.replace(' ', "");
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }
}
