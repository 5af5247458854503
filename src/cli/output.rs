//! The one way to standard output and standard error. stdout is data, stderr is talk.
//!
//! It is also the last border in front of a terminal: whatever a caller forgot to make visible becomes a mark here.
//! The only escape sequences that pass are those of [`Paint`]. A test sees to it that nothing else writes there.

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicU8, Ordering},
};

use serde::Serialize;

use crate::{
    model::{hostile, visible},
    telemetry::Style,
};

/// Every escape sequence that [`Paint`] makes.
const STYLES: [&str; 5] = ["\x1b[32m", "\x1b[33m", "\x1b[1;31m", "\x1b[1m", "\x1b[0m"];

/// The longest line of a log, in characters.
const LOG_LINE: usize = 16 * 1024;

/// Columns of data that goes elsewhere than to a terminal.
const ELSEWHERE: usize = 120;

/// Set before anything is written. The streams belong to the whole process, and so does this.
static PLAIN: AtomicU8 = AtomicU8::new(0);
const NO_COLOUR: u8 = 1;
const ONLY_LINES: u8 = 2;

/// From now on there is no colour.
pub(super) fn no_colour() {
    PLAIN.fetch_max(NO_COLOUR, Ordering::Relaxed);
}

/// From now on nothing leaves but text and ends of lines: for screen readers, and for terminals that can do nothing
/// else.
pub(super) fn only_lines() {
    PLAIN.fetch_max(ONLY_LINES, Ordering::Relaxed);
}

/// Whether colour is allowed at all.
pub(super) fn has_colour() -> bool {
    !plain_at_least(NO_COLOUR)
}

/// Whether only lines leave.
pub(super) fn are_only_lines() -> bool {
    plain_at_least(ONLY_LINES)
}

fn plain_at_least(wanted: u8) -> bool {
    PLAIN.load(Ordering::Relaxed) >= wanted
}

/// Writes a line of data, or several.
pub(super) fn line(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{}", harmless(&text.to_string()))
}

/// Writes a document of several lines: Markdown, CSV, commands for a shell.
pub(super) fn document(text: &str) -> io::Result<()> {
    raw(harmless(text).as_bytes())
}

/// Writes what this program has made itself as it is: scripts, manual pages, pictures of a screen.
pub(super) fn raw(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if are_only_lines() {
        out.write_all(harmless(&String::from_utf8_lossy(text)).as_bytes())?;
    } else {
        out.write_all(text)?;
    }
    out.flush()
}

/// Writes one JSON value on one line. What a terminal could obey stands in it as `\u....`.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    let mut text = escape(&text, hostile).into_owned();
    text.push('\n');
    raw(text.as_bytes())
}

/// The same, a value on each line, all of them at once.
pub(super) fn json_lines(values: impl Iterator<Item = impl Serialize>) -> io::Result<()> {
    let mut page = String::new();
    for value in values {
        page.push_str(&escape(&serde_json::to_string(&value)?, hostile));
        page.push('\n');
    }
    raw(page.as_bytes())
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
    let _ = writeln!(io::stderr().lock(), "{}", harmless(&text.to_string()));
}

/// Asks something, without a line end.
pub(super) fn ask(text: impl Display) {
    let text = text.to_string();
    let mut out = io::stderr().lock();
    let _ = write!(out, "{}", harmless(&text));
    let _ = out.flush();
}

/// Text with a mark for whatever a terminal could obey, but for line ends and our own colours.
fn harmless(text: &str) -> Cow<'_, str> {
    let obeyed = |character: char| character != '\n' && hostile(character);
    if !text.chars().any(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        // Where only lines leave nothing was coloured here.
        let own = STYLES
            .iter()
            .find(|style| !are_only_lines() && rest.starts_with(**style));
        let length = own.map_or(character.len_utf8(), |style| style.len());
        let (piece, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if own.is_none() && obeyed(character) {
            out.push_str(&visible(piece, 1));
        } else {
            out.push_str(piece);
        }
        rest = behind;
    }
    Cow::Owned(out)
}

/// A line of the log: one line, whatever is in it.
pub(super) fn log_line(text: &str) -> Cow<'_, str> {
    visible(text, LOG_LINE)
}

/// The same as JSON.
pub(super) fn log_json(text: &str) -> Cow<'_, str> {
    escape(text, hostile)
}

/// How this process logs.
pub(super) fn log_style(json: bool) -> Style {
    Style {
        json,
        border: if json { log_json } else { log_line },
    }
}

/// Whether somebody sits there who can be asked.
pub(super) fn somebody_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether what is read is typed at a terminal.
pub(super) fn somebody_types() -> bool {
    io::stdin().is_terminal()
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
            on: terminal && !refused && !plain_at_least(NO_COLOUR),
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
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_text_holds_nothing_that_a_terminal_obeys_but_line_ends(
            text in "(\\PC|[\\x00-\\x1f\\x7f-\\x9f\\u{202e}\\u{200b}]|\r\n){0,60}",
        ) {
            let plain = harmless(&text);
            prop_assert!(!plain.contains(|it: char| it != '\n' && hostile(it)), "{plain:?}");
            prop_assert_eq!(plain.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(harmless(&plain), plain.clone());
        }
    }

    #[test]
    fn what_a_caller_forgot_is_marked_here_and_our_own_colours_stay() {
        let paint = Paint { on: true };
        for tone in [Tone::Good, Tone::Attention, Tone::Bad, Tone::Strong] {
            let painted = paint.paint(tone, "word\nnext");
            assert_eq!(harmless(&painted), painted);
        }
        assert_eq!(
            harmless("\u{1b}[1mbold\u{1b}[0m \u{1b}[8mhidden\u{1b}]0;title\u{7}\r\n\u{202e}"),
            "\u{1b}[1mbold\u{1b}[0m \u{241b}[8mhidden\u{241b}]0;title\u{2407}\u{240d}\n\u{fffd}"
        );
        assert_eq!(log_line("one\ntwo\u{1b}[m"), "one\u{240a}two\u{241b}[m");
    }

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
