//! A single-line text field: filter, typed name, written reason, ticket.
//!
//! The only file that knows the text area's crate. The view draws text and cursor from what is read here, so
//! that drawing cannot change the field.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_textarea::{CursorMove, TextArea};

use crate::model::visible;

/// A field with a limit.
#[derive(Clone, Debug)]
pub struct Field {
    area: TextArea<'static>,
    limit: usize,
}

impl Field {
    /// An empty field for at most `limit` characters.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::with(limit, "")
    }

    /// A field that holds a text, the cursor behind it.
    #[must_use]
    pub fn with(limit: usize, text: &str) -> Self {
        let line = visible(text, limit).into_owned();
        let mut area = TextArea::new(vec![line]);
        area.move_cursor(CursorMove::End);
        Self { area, limit }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        self.area.lines().first().map_or("", String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text().is_empty()
    }

    /// The characters before the cursor.
    #[must_use]
    pub fn cursor(&self) -> usize {
        self.area.cursor().1
    }

    /// Empties it. Answers whether there was anything.
    pub fn clear(&mut self) -> bool {
        let full = !self.is_empty();
        *self = Self::new(self.limit);
        full
    }

    /// Takes a key. Answers whether the field changed; keys that end a line do nothing.
    pub fn key(&mut self, key: KeyEvent) -> bool {
        match key.code {
            KeyCode::Char('m') if key.modifiers.contains(KeyModifiers::CONTROL) => false,
            // As in a shell; the text area would take back what was typed.
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.area.delete_line_by_head()
            }
            KeyCode::Enter | KeyCode::Tab | KeyCode::BackTab | KeyCode::Esc => false,
            KeyCode::Char(character) if plain(key.modifiers) => self.insert(character),
            _ => {
                let before = self.area.cursor();
                self.area.input(key) || self.area.cursor() != before
            }
        }
    }

    /// Takes one character, as typed.
    pub fn insert(&mut self, character: char) -> bool {
        if character.is_control() || self.text().chars().count() >= self.limit {
            return false;
        }
        self.area.insert_char(character);
        true
    }

    /// Takes the first line of a paste, made visible.
    pub fn paste(&mut self, text: &str) -> bool {
        let line = text.trim_start().lines().next().unwrap_or_default();
        let room = self.limit.saturating_sub(self.text().chars().count());
        let line: String = visible(line.trim_end(), line.len())
            .chars()
            .take(room)
            .collect();
        !line.is_empty() && self.area.insert_str(line)
    }
}

/// A character without control or alt; shift is part of the character.
fn plain(modifiers: KeyModifiers) -> bool {
    (modifiers - KeyModifiers::SHIFT).is_empty()
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::Field;

    fn press(field: &mut Field, code: KeyCode) -> bool {
        field.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn it_stays_one_line_and_within_its_limit() {
        let mut field = Field::new(5);
        for character in "support".chars() {
            press(&mut field, KeyCode::Char(character));
        }
        assert_eq!(field.text(), "suppo");
        assert!(!press(&mut field, KeyCode::Enter));
        assert!(press(&mut field, KeyCode::Backspace));
        assert_eq!((field.text(), field.cursor()), ("supp", 4));
        assert!(press(&mut field, KeyCode::Left));
        assert_eq!(field.cursor(), 3);
        field.key(KeyEvent::new(KeyCode::Char('m'), KeyModifiers::CONTROL));
        assert_eq!(field.text(), "supp");
    }

    #[test]
    fn control_u_empties_it_up_to_the_cursor_as_in_a_shell() {
        let mut field = Field::with(40, "premium-chat 503");
        let control_u = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
        for _ in 0..3 {
            press(&mut field, KeyCode::Left);
        }
        assert!(field.key(control_u));
        assert_eq!((field.text(), field.cursor()), ("503", 0));
        assert!(!field.key(control_u));
    }

    #[test]
    fn a_paste_gives_its_first_line_without_escapes() {
        let mut field = Field::new(40);
        assert!(field.paste("\n  INC-7\x1b[2J  \nF1sup\n"));
        assert_eq!(field.text(), "INC-7\u{241b}[2J");
        assert!(field.clear());
        assert!(!field.clear());
    }
}
