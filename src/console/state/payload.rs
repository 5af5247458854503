//! The body of a sample while it is edited: text of several lines, and what is wrong with it so far.
//!
//! Like `field`, this file knows the text area's crate, and the view draws from what is read here. The text is what
//! will be sent, to the letter: what a terminal could obey is replaced when it is drawn, not here.

mod indent;

use crossterm::event::{KeyCode, KeyEvent};
use tui_textarea::{CursorMove, TextArea};

use crate::{
    model::{Catalog, SampleId, WorkloadName, visible},
    probe,
};

/// The longest text, in bytes. What is longer is for a real editor and a sample of its own.
pub const LARGEST: usize = 1 << 20;

/// The steps back that are remembered.
const STEPS: usize = 500;

/// A payload that is edited.
#[derive(Debug)]
pub struct Payload {
    /// Whose sample.
    pub workload: WorkloadName,
    /// Which.
    pub sample: SampleId,
    /// The sample's own text.
    original: String,
    area: TextArea<'static>,
    /// What is wrong with it, or doubtful.
    pub found: Found,
    /// The first line and column that are shown.
    pub corner: (usize, usize),
}

/// What is wrong with a payload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    #[default]
    Fits,
    /// It can be sent; what stands here is doubtful.
    Doubtful(Vec<String>),
    /// It cannot be sent.
    Broken {
        /// Why.
        why: String,
        /// The line and column, from 0, where that is known.
        at: Option<(usize, usize)>,
    },
}

impl Payload {
    /// An editor for a sample's text, with what was edited before.
    ///
    /// # Errors
    /// In words, when it is too long for this.
    pub fn new(
        workload: WorkloadName,
        sample: SampleId,
        original: &str,
        edited: Option<&str>,
    ) -> Result<Self, String> {
        if original.len().max(edited.map_or(0, str::len)) > LARGEST {
            return Err(format!(
                "{sample} is larger than 1 MiB: too large to be edited here"
            ));
        }
        let original = indent::readable(original);
        let area = area(edited.unwrap_or(&original));
        Ok(Self {
            workload,
            sample,
            original,
            area,
            found: Found::Fits,
            corner: (0, 0),
        })
    }

    /// Its lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.area.lines()
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    /// The text, when it is another one than the sample's own.
    #[must_use]
    pub fn edited(&self) -> Option<String> {
        let text = self.text();
        (text.trim_end() != self.original.trim_end()).then_some(text)
    }

    /// Line and column of the cursor, in characters.
    #[must_use]
    pub fn cursor(&self) -> (usize, usize) {
        let cursor = self.area.cursor();
        (cursor.0, cursor.1)
    }

    /// Takes a key that asks for nothing else. Answers whether the text changed.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        let grows = matches!(key.code, KeyCode::Char(_) | KeyCode::Enter | KeyCode::Tab);
        if grows && self.size() >= LARGEST {
            return false;
        }
        match key.code {
            // Two blanks, as the text is indented; a tab would be one column on the screen.
            KeyCode::Tab => self.area.insert_str("  "),
            KeyCode::BackTab | KeyCode::Esc => false,
            KeyCode::Enter => {
                let line = self.area.lines().get(self.area.cursor().0);
                let indent: String = line
                    .map(|line| line.chars().take_while(|it| *it == ' ').collect())
                    .unwrap_or_default();
                self.area.insert_newline();
                self.area.insert_str(indent);
                true
            }
            _ => self.area.input(key),
        }
    }

    /// Takes a paste, as text. Answers whether it fitted.
    pub fn paste(&mut self, text: &str) -> bool {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        if self.size() + text.len() > LARGEST {
            return false;
        }
        // No JSON holds control characters; what came along with a paste shows as what it is.
        let safe: String = text
            .chars()
            .map(|character| match character {
                '\n' | '\t' => character,
                other if other.is_control() => '\u{fffd}',
                other => other,
            })
            .collect();
        self.area.insert_str(safe)
    }

    /// Takes another text for the whole, as one step that can be taken back.
    pub fn replace(&mut self, text: &str) {
        self.area.select_all();
        self.area.insert_str(text.trim_end_matches('\n'));
        self.area.move_cursor(CursorMove::Top);
        self.area.move_cursor(CursorMove::Head);
    }

    /// Back to the sample's own text; can be taken back.
    pub fn reset(&mut self) {
        let original = self.original.clone();
        self.replace(&original);
    }

    /// Takes a step back.
    pub fn undo(&mut self) -> bool {
        self.area.undo()
    }

    /// Takes it again.
    pub fn redo(&mut self) -> bool {
        self.area.redo()
    }

    /// So many lines down, for pages.
    pub fn page(&mut self, lines: isize) {
        let last = self.area.lines().len().saturating_sub(1);
        let row = self.cursor().0.saturating_add_signed(lines).min(last);
        let row = u16::try_from(row).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(row, 0));
    }

    /// Looks what is wrong with it now.
    pub fn look(&mut self, catalog: Option<&Catalog>) {
        let text = self.text();
        self.found = catalog
            .and_then(|catalog| {
                let workload = catalog.workloads.get(&self.workload)?;
                let sample = workload.samples.iter().find(|it| it.id == self.sample)?;
                Some(
                    match probe::findings_of(catalog, workload, sample, text.as_bytes()) {
                        Ok(doubts) if doubts.is_empty() => Found::Fits,
                        Ok(doubts) => Found::Doubtful(doubts),
                        Err(error) => Found::Broken {
                            at: error.at().map(|at| place(&text, at)),
                            why: visible(&error.to_string(), 200).into_owned(),
                        },
                    },
                )
            })
            .unwrap_or_default();
    }

    /// Brings the cursor into a window of so many lines and columns.
    pub fn settle(&mut self, rows: usize, columns: usize) {
        let (row, column) = self.cursor();
        self.corner = (
            window(self.corner.0, row, rows),
            window(self.corner.1, column, columns),
        );
    }

    fn size(&self) -> usize {
        self.area.lines().iter().map(|line| line.len() + 1).sum()
    }
}

/// The first of so many that are shown, when this one must be among them.
fn window(first: usize, shown: usize, count: usize) -> usize {
    let count = count.max(1);
    first.min(shown).max((shown + 1).saturating_sub(count))
}

fn area(text: &str) -> TextArea<'static> {
    let mut area = TextArea::new(
        text.trim_end_matches('\n')
            .split('\n')
            .map(str::to_owned)
            .collect(),
    );
    area.set_max_histories(STEPS);
    area
}

/// Line and column of a byte.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(at)).unwrap_or(text);
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(start..).unwrap_or_default().chars().count();
    (line, column)
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::{LARGEST, Payload, place};

    fn payload(text: &str) -> Payload {
        Payload::new("chat".into(), "chat/hello".into(), text, None).unwrap()
    }

    fn press(payload: &mut Payload, code: KeyCode) {
        payload.key(KeyEvent::new(code, KeyModifiers::NONE));
    }

    #[test]
    fn a_text_that_was_not_changed_is_not_edited() {
        let mut payload = payload("{\"a\":1}\n");
        assert_eq!(payload.text(), "{\n  \"a\": 1\n}");
        assert_eq!(payload.edited(), None);
        press(&mut payload, KeyCode::Char('x'));
        assert!(payload.edited().is_some());
        assert!(payload.undo());
        assert_eq!(payload.edited(), None);
        assert!(payload.redo());
        payload.reset();
        assert_eq!(payload.edited(), None);
        assert!(payload.undo(), "a reset can be taken back");
        assert!(payload.edited().is_some());
    }

    #[test]
    fn a_paste_is_text_of_several_lines_and_nothing_a_terminal_obeys() {
        let mut payload = payload("{}");
        assert!(payload.paste("\"a\":\r\n\u{1b}[2J1\t"));
        assert_eq!(payload.text(), "\"a\":\n\u{fffd}[2J1\t{}");
        assert!(!payload.paste(&"x".repeat(LARGEST)), "too long");
    }

    #[test]
    fn a_new_line_keeps_the_indent() {
        let mut payload = payload("  x\n}");
        press(&mut payload, KeyCode::End);
        press(&mut payload, KeyCode::Enter);
        press(&mut payload, KeyCode::Char('y'));
        assert_eq!(payload.text(), "  x\n  y\n}");
    }

    #[test]
    fn the_cursor_stays_in_the_window() {
        let mut payload = payload(&"line\n".repeat(50));
        payload.page(30);
        payload.settle(10, 3);
        assert_eq!(payload.corner, (21, 0));
        press(&mut payload, KeyCode::End);
        payload.settle(10, 3);
        assert_eq!(payload.corner, (21, 2));
        payload.page(-25);
        payload.settle(10, 3);
        assert_eq!(payload.corner, (5, 0));
    }

    #[test]
    fn a_byte_is_found_on_its_line() {
        assert_eq!(place("a\nbc\nd", 3), (1, 1));
        assert_eq!(place("\u{e9}x", 2), (0, 1));
        assert_eq!(place("a\n", 99), (1, 0));
    }
}
