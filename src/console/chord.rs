//! Chords: one key press with its modifiers, as it is written in files and on the screen.
//!
//! Used by the action table and the keymap. It must not know what a chord is bound to.

use std::{fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key press. Shift is part of the character (`F`) or of the key (`shift-tab`), never a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Chord {
    code: KeyCode,
    control: bool,
    alt: bool,
}

/// Why a text is not a chord, or not one that can be bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChordError {
    /// Not understood.
    #[error("`{0}` is not a key; write for instance \"F\", \"ctrl-d\", \"enter\" or \"space\"")]
    Unknown(String),
    /// Kept free for the programs around this one.
    #[error("`{chord}` cannot be bound: {taken_by}")]
    Reserved {
        /// Which.
        chord: Chord,
        /// Who needs it.
        taken_by: &'static str,
    },
}

/// Chords that are never bound, with the reason.
const RESERVED: [(char, &str); 8] = [
    ('a', "it is the prefix of screen"),
    ('b', "it is the prefix of tmux"),
    ('h', "terminals send it for backspace"),
    ('i', "terminals send it for tab"),
    ('j', "terminals send it for enter"),
    ('m', "terminals send it for enter"),
    ('q', "it resumes a stopped terminal"),
    ('s', "it stops the terminal"),
];

/// The keys that have a name.
const NAMED: [(KeyCode, &str); 15] = [
    (KeyCode::Enter, "enter"),
    (KeyCode::Esc, "esc"),
    (KeyCode::Tab, "tab"),
    (KeyCode::BackTab, "shift-tab"),
    (KeyCode::Backspace, "backspace"),
    (KeyCode::Delete, "delete"),
    (KeyCode::Insert, "insert"),
    (KeyCode::Up, "up"),
    (KeyCode::Down, "down"),
    (KeyCode::Left, "left"),
    (KeyCode::Right, "right"),
    (KeyCode::Home, "home"),
    (KeyCode::End, "end"),
    (KeyCode::PageUp, "pgup"),
    (KeyCode::PageDown, "pgdn"),
];

/// A character without modifiers; upper case means shift.
#[must_use]
pub const fn key(character: char) -> Chord {
    Chord {
        code: KeyCode::Char(character),
        control: false,
        alt: false,
    }
}

/// A character with control.
#[must_use]
pub const fn ctrl(character: char) -> Chord {
    Chord {
        code: KeyCode::Char(character),
        control: true,
        alt: false,
    }
}

/// A key that is not a character.
#[must_use]
pub const fn named(code: KeyCode) -> Chord {
    Chord {
        code,
        control: false,
        alt: false,
    }
}

impl Chord {
    /// The chord of a key event, however the terminal reports shift.
    #[must_use]
    pub fn of(event: &KeyEvent) -> Self {
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            KeyCode::Tab if shift => KeyCode::BackTab,
            // Terminals cannot tell control with shift from control.
            KeyCode::Char(character) if control => KeyCode::Char(character.to_ascii_lowercase()),
            KeyCode::Char(character) if shift => KeyCode::Char(character.to_ascii_uppercase()),
            other => other,
        };
        Self {
            code,
            control,
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }

    /// The character it types, when it has no modifier.
    #[must_use]
    pub const fn character(&self) -> Option<char> {
        match self.code {
            KeyCode::Char(character) if !self.control && !self.alt => Some(character),
            _ => None,
        }
    }

    /// Why this chord must stay free, if it must.
    #[must_use]
    pub fn reserved(&self) -> Option<&'static str> {
        let KeyCode::Char(character) = self.code else {
            return None;
        };
        RESERVED
            .iter()
            .find(|(reserved, _)| self.control && *reserved == character)
            .map(|(_, taken_by)| *taken_by)
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        if self.control {
            text.push_str("ctrl-");
        }
        if self.alt {
            text.push_str("alt-");
        }
        match self.code {
            KeyCode::Char(' ') => text.push_str("space"),
            KeyCode::Char(character) => text.push(character),
            KeyCode::F(number) => text.extend(["f", &number.to_string()]),
            code => match NAMED.iter().find(|(named, _)| *named == code) {
                // Keys of one syllable are written as on the key cap.
                Some((_, name)) => text.push_str(&capital(name)),
                None => text.push('?'),
            },
        }
        formatter.pad(&text)
    }
}

/// `enter` as `Enter`; `shift-tab`, `pgup` and `pgdn` as `Shift-Tab`, `PgUp` and `PgDn`.
fn capital(name: &str) -> String {
    match name {
        "pgup" => "PgUp".to_owned(),
        "pgdn" => "PgDn".to_owned(),
        "shift-tab" => "Shift-Tab".to_owned(),
        name => {
            let mut characters = name.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(characters).collect()
        }
    }
}

impl FromStr for Chord {
    type Err = ChordError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ChordError::Unknown(text.to_owned());
        let mut rest = text;
        let (mut control, mut alt) = (false, false);
        loop {
            // A lone `-` at the end is the key itself, as in "ctrl--".
            if let Some(after) = strip(rest, "ctrl-").filter(|_| !control) {
                (control, rest) = (true, after);
            } else if let Some(after) = strip(rest, "alt-").filter(|_| !alt) {
                (alt, rest) = (true, after);
            } else {
                break;
            }
        }
        let lower = rest.to_ascii_lowercase();
        let mut characters = rest.chars();
        let code = match (characters.next(), characters.next()) {
            (Some(one), None) if !one.is_control() => KeyCode::Char(if control {
                one.to_ascii_lowercase()
            } else {
                one
            }),
            _ if lower == "space" => KeyCode::Char(' '),
            _ => match NAMED.iter().find(|(_, name)| *name == lower) {
                Some((code, _)) => *code,
                None => function(&lower).ok_or_else(unknown)?,
            },
        };
        let chord = Self { code, control, alt };
        match chord.reserved() {
            Some(taken_by) => Err(ChordError::Reserved { chord, taken_by }),
            None => Ok(chord),
        }
    }
}

/// `text` after `prefix`, whatever the case, when something is left.
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    (head.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

/// `f1` to `f12`.
fn function(text: &str) -> Option<KeyCode> {
    let number: u8 = text.strip_prefix('f')?.parse().ok()?;
    (1..=12).contains(&number).then_some(KeyCode::F(number))
}

#[cfg(test)]
mod tests {
    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::{Chord, ChordError, ctrl, key, named};

    #[test]
    fn chords_read_as_written_and_print_as_on_the_key() {
        for (text, chord, shown) in [
            ("F", key('F'), "F"),
            ("ctrl-d", ctrl('d'), "ctrl-d"),
            ("Ctrl-D", ctrl('d'), "ctrl-d"),
            ("-", key('-'), "-"),
            ("ctrl--", ctrl('-'), "ctrl--"),
            ("space", key(' '), "space"),
            ("Enter", named(KeyCode::Enter), "Enter"),
            ("pgdn", named(KeyCode::PageDown), "PgDn"),
            ("shift-tab", named(KeyCode::BackTab), "Shift-Tab"),
            ("f12", named(KeyCode::F(12)), "f12"),
            ("?", key('?'), "?"),
        ] {
            let parsed: Chord = text.parse().unwrap();
            assert_eq!(parsed, chord, "{text}");
            assert_eq!(parsed.to_string(), shown, "{text}");
            assert_eq!(shown.parse::<Chord>().unwrap(), chord, "{shown} reads back");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "ctrl-",
            "hyper-x",
            "jj",
            "f13",
            "ctrl-ctrl-x",
            "\u{1b}",
            "escape",
        ] {
            assert!(
                matches!(text.parse::<Chord>(), Err(ChordError::Unknown(_))),
                "{text:?}"
            );
        }
    }

    #[test]
    fn chords_of_multiplexers_and_flow_control_stay_free() {
        for text in [
            "ctrl-a", "ctrl-b", "ctrl-s", "ctrl-q", "CTRL-S", "ctrl-m", "ctrl-i",
        ] {
            assert!(
                matches!(text.parse::<Chord>(), Err(ChordError::Reserved { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn shift_is_part_of_the_character_however_it_is_reported() {
        for (case, code, modifiers, chord) in [
            (
                "upper with shift",
                KeyCode::Char('F'),
                KeyModifiers::SHIFT,
                key('F'),
            ),
            (
                "upper without",
                KeyCode::Char('F'),
                KeyModifiers::NONE,
                key('F'),
            ),
            (
                "lower with shift",
                KeyCode::Char('f'),
                KeyModifiers::SHIFT,
                key('F'),
            ),
            (
                "tab with shift",
                KeyCode::Tab,
                KeyModifiers::SHIFT,
                named(KeyCode::BackTab),
            ),
            (
                "back tab",
                KeyCode::BackTab,
                KeyModifiers::SHIFT,
                named(KeyCode::BackTab),
            ),
            (
                "sign with shift",
                KeyCode::Char('?'),
                KeyModifiers::SHIFT,
                key('?'),
            ),
            (
                "control with shift",
                KeyCode::Char('D'),
                KeyModifiers::CONTROL.union(KeyModifiers::SHIFT),
                ctrl('d'),
            ),
        ] {
            assert_eq!(Chord::of(&KeyEvent::new(code, modifiers)), chord, "{case}");
        }
    }
}
