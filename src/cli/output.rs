//! The one way to standard output and standard error. stdout is data, stderr is talk.

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use crate::model::hostile;

/// Columns of data that goes elsewhere than to a terminal.
const ELSEWHERE: usize = 120;

/// Writes a line of data.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Writes data as it is.
pub(super) fn raw(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()
}

/// Writes one JSON value on one line. What a terminal could obey stands in it as `\u....`.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    let mut text = escape(&text, hostile).into_owned();
    text.push('\n');
    raw(text.as_bytes())
}

/// JSON with nothing but ASCII in it, of the same meaning.
pub(super) fn ascii(json: &str) -> Cow<'_, str> {
    escape(json, |character| !matches!(character, ' '..='~'))
}

/// Writes some characters of JSON as `\u....`. Outside of its texts JSON has none that need it.
fn escape(json: &str, needs: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !json.chars().any(&needs) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 64);
    for character in json.chars() {
        if needs(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// Says something to the person; nobody listening is no reason to stop.
pub(super) fn talk(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Asks something, without a line end.
pub(super) fn ask(text: impl Display) {
    let mut out = io::stderr().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

/// Whether somebody sits there who can be asked.
pub(super) fn somebody_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether somebody sees what is said.
pub(super) fn somebody_watches() -> bool {
    io::stderr().is_terminal()
}

/// How wide a line of data may be, where somebody sees it; elsewhere what most windows hold twice side by side.
pub(super) fn columns() -> usize {
    let seen = io::stdout().is_terminal().then(crossterm::terminal::size);
    match seen {
        Some(Ok((columns, _))) => usize::from(columns),
        Some(Err(_)) | None => ELSEWHERE,
    }
}

/// Where colour may go.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Out,
    Err,
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    on: bool,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Attention,
    Bad,
    Strong,
}

impl Paint {
    /// Colour only for a terminal that wants it (`NO_COLOR`, `TERM=dumb`).
    pub(super) fn of(stream: Stream) -> Self {
        let terminal = match stream {
            Stream::Out => io::stdout().is_terminal(),
            Stream::Err => io::stderr().is_terminal(),
        };
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            on: terminal && !refused,
        }
    }

    pub(super) fn on(self) -> bool {
        self.on
    }

    /// The text in its tone. Words carry the meaning; colour only helps to find them.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Attention => "33",
            Tone::Bad => "1;31",
            Tone::Strong => "1",
        };
        if self.on {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_nothing_that_a_terminal_obeys() {
        let text = "a\u{1b}\u{9b}2J\u{202e}\u{e0041}\u{7f}\u{e9}\n";
        let json = serde_json::to_string(text).unwrap();
        let escaped = escape(&json, hostile);
        assert_eq!(
            escaped,
            "\"a\\u001b\\u009b2J\\u202e\\udb40\\udc41\\u007f\u{e9}\\n\""
        );
        let plain = ascii(&json);
        assert!(plain.is_ascii(), "{plain}");
        for written in [escaped, plain] {
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
