//! Text in lines of so many columns, in parts that each have a tone.
//!
//! Worked out once for a size, or for what came in addition; never for a frame. A flood of combining marks on one
//! letter is cut short with a visible mark: terminals draw all of them, and slowly.

use unicode_width::UnicodeWidthChar;

/// The most marks on one letter. Written languages need three.
const MARKS: usize = 4;
/// Makes the sign before it an emoji of two columns.
const EMOJI: char = '\u{fe0f}';

/// What a part of a line means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Text that is the same on both sides, or is not compared.
    #[default]
    Plain,
    /// Text of a place that differs.
    Differs,
    /// The words that differ in it.
    Word,
    /// Not text of the answer.
    Aside,
    /// A name: of a field, of a tool.
    Name,
}

/// A part of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// What it means.
    pub tone: Tone,
    /// Without line feeds.
    pub text: String,
}

impl Part {
    /// A part of one tone.
    #[must_use]
    pub fn of(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
        }
    }
}

/// A line of parts.
pub type Line = Vec<Part>;

/// Parts in lines of at most so many columns, broken between words and at line feeds; a longer word is broken
/// inside. At least one line.
#[must_use]
pub fn wrap<'t>(parts: impl IntoIterator<Item = (Tone, &'t str)>, width: usize) -> Vec<Line> {
    let mut wrapping = Wrapping::new(width);
    for (tone, text) in parts {
        for character in text.chars() {
            wrapping.push(tone, character);
        }
    }
    wrapping.finish()
}

struct Wrapping {
    width: usize,
    lines: Vec<Line>,
    /// The line that is being filled: characters with their tones and columns.
    line: Vec<(Tone, char, usize)>,
    used: usize,
    /// Behind the last blank of the line.
    word: usize,
    marks: usize,
}

impl Wrapping {
    fn new(width: usize) -> Self {
        Self {
            width: width.max(1),
            lines: Vec::new(),
            line: Vec::new(),
            used: 0,
            word: 0,
            marks: 0,
        }
    }

    fn push(&mut self, tone: Tone, character: char) {
        if character == '\n' {
            self.break_at(self.line.len());
            return;
        }
        let mut columns = character.width().unwrap_or(0);
        if columns == 0 {
            self.marks += 1;
            if self.marks > MARKS {
                if self.marks == MARKS + 1 {
                    self.place(tone, '\u{fffd}', 1);
                }
                return;
            }
            if character == EMOJI && self.line.last().is_some_and(|(_, _, before)| *before == 1) {
                columns = 1;
            }
        } else {
            self.marks = 0;
        }
        self.place(tone, character, columns);
    }

    fn place(&mut self, tone: Tone, character: char, columns: usize) {
        // What goes over to the next line may fill it again.
        while self.used + columns > self.width && !self.line.is_empty() {
            if character == ' ' {
                // The blank between two lines is the break itself.
                self.break_at(self.line.len());
                return;
            }
            let at = if self.word > 0 {
                self.word
            } else {
                self.line.len()
            };
            self.break_at(at);
        }
        self.line.push((tone, character, columns));
        self.used += columns;
        if character == ' ' && self.line.iter().any(|(_, before, _)| *before != ' ') {
            self.word = self.line.len();
        }
    }

    /// Ends the line before one of its characters.
    fn break_at(&mut self, at: usize) {
        let rest = self.line.split_off(at.min(self.line.len()));
        let full = std::mem::replace(&mut self.line, rest);
        self.lines.push(line_of(&full));
        self.used = self.line.iter().map(|(_, _, columns)| columns).sum();
        self.word = 0;
    }

    fn finish(mut self) -> Vec<Line> {
        let rest = std::mem::take(&mut self.line);
        self.lines.push(line_of(&rest));
        self.lines
    }
}

fn line_of(characters: &[(Tone, char, usize)]) -> Line {
    let mut line: Line = Vec::new();
    for (tone, character, _) in characters {
        match line.last_mut() {
            Some(part) if part.tone == *tone => part.text.push(*character),
            Some(_) | None => line.push(Part::of(*tone, character.to_string())),
        }
    }
    if let Some(last) = line.last_mut() {
        last.text.truncate(last.text.trim_end_matches(' ').len());
    }
    line
}

/// The lines of a text that grows: only its last paragraph is broken again.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// The lines.
    pub lines: Vec<Line>,
    width: usize,
    /// Bytes of the text that stand before the last paragraph, and the lines that they take.
    whole: (usize, usize),
}

impl Flow {
    /// Takes in a text that begins as it did before, in so many columns.
    pub fn take(&mut self, text: &str, width: usize) {
        if self.width != width || text.len() < self.whole.0 {
            *self = Self {
                width,
                ..Self::default()
            };
        }
        let (bytes, lines) = self.whole;
        self.lines.truncate(lines);
        let Some(rest) = text.get(bytes..) else {
            return;
        };
        if rest.is_empty() {
            return;
        }
        let last = rest.rfind('\n').map_or(0, |at| at + 1);
        let (paragraphs, open) = rest.split_at(last);
        if let Some(paragraphs) = paragraphs.strip_suffix('\n') {
            self.lines.extend(wrap([(Tone::Plain, paragraphs)], width));
        }
        self.whole = (bytes + last, self.lines.len());
        if !open.is_empty() {
            self.lines.extend(wrap([(Tone::Plain, open)], width));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::{Flow, Line, Tone, wrap};

    fn text(line: &Line) -> String {
        line.iter().map(|part| part.text.as_str()).collect()
    }

    fn lines(source: &str, width: usize) -> Vec<String> {
        wrap([(Tone::Plain, source)], width)
            .iter()
            .map(text)
            .collect()
    }

    #[test]
    fn lines_are_broken_between_words_and_indents_stay() {
        for (case, source, width, expected) in [
            (
                "words",
                "returns by itself in 30m",
                11,
                &["returns by", "itself in", "30m"][..],
            ),
            (
                "a long word",
                "premium-chat-eu now",
                8,
                &["premium-", "chat-eu", "now"],
            ),
            ("nothing", "", 8, &[""]),
            ("line feeds", "a\n\nb", 8, &["a", "", "b"]),
            (
                "an indent",
                "    if x {\n        y",
                12,
                &["    if x {", "        y"],
            ),
            ("only an indent fits", "          deep", 8, &["", " deep"]),
            ("wide signs", "日本語", 4, &["日本", "語"]),
        ] {
            assert_eq!(lines(source, width), expected, "{case}");
        }
    }

    #[test]
    fn a_flood_of_marks_is_cut_short() {
        let flood = format!("a{}b", "\u{301}".repeat(10_000));
        assert_eq!(
            lines(&flood, 10),
            [format!("a{}\u{fffd}b", "\u{301}".repeat(4))]
        );
    }

    #[test]
    fn parts_keep_their_tones_over_a_break() {
        let lines = wrap([(Tone::Plain, "same "), (Tone::Word, "other words")], 10);
        let tones: Vec<Vec<Tone>> = lines
            .iter()
            .map(|line| line.iter().map(|part| part.tone).collect())
            .collect();
        assert_eq!(tones, [vec![Tone::Plain, Tone::Word], vec![Tone::Word]]);
    }

    proptest! {
        #[test]
        fn every_line_fits_and_no_letter_is_lost(
            source in "[a-z \u{4e2d}\u{301}\u{2764}\u{fe0f}\u{1f600}\n]{0,200}", width in 2_usize..40,
        ) {
            let lines = lines(&source, width);
            for line in &lines {
                prop_assert!(line.width() <= width, "{line:?} in {width}");
            }
            let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&source));
        }

        #[test]
        fn a_text_that_grows_comes_out_as_if_it_came_at_once(
            pieces in prop::collection::vec("[a-z \n]{0,20}", 1..12), width in 3_usize..30,
        ) {
            let mut flow = Flow::default();
            let mut whole = String::new();
            for piece in &pieces {
                whole.push_str(piece);
                flow.take(&whole, width);
                let mut expected = wrap([(Tone::Plain, whole.as_str())], width);
                if whole.is_empty() || whole.ends_with('\n') {
                    expected.pop();
                }
                prop_assert_eq!(&flow.lines, &expected);
            }
        }
    }
}
