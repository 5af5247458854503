//! The one way to standard output and standard error. stdout is data, stderr is talk.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

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

/// Writes one JSON value on one line.
pub(super) fn json(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    raw(&text)
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
