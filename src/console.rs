//! The console: screen and keys for one operator, over the door.
//!
//! Started by `cli` and `demo`. Its pure half is [`update::update`] (messages in, effects out, no I/O) and
//! [`view`] (state in, frame out, no state change); the rest reads keys, follows the feeds and carries out
//! effects. It must not write to the store: every change goes through `control`.

pub mod action;
pub mod app;
pub mod canvas;
pub mod chord;
pub mod colour;
mod decode;
pub mod depth;
pub mod effect;
mod execute;
mod feed;
mod findings;
pub mod glyph;
mod input;
mod jobs;
pub mod keymap;
pub mod keymap_file;
pub mod layout;
mod look;
pub mod msg;
mod outlet;
mod paint;
pub mod pointer;
pub mod print;
mod reload;
mod role;
mod run;
mod saves;
mod session_file;
mod signals;
pub mod state;
mod terminal;
pub mod theme;
mod theme_derive;
pub mod theme_file;
mod theme_find;
pub mod theme_judge;
mod theme_look;
pub mod update;
pub mod view;

use std::{fmt, io, path::PathBuf, pin::Pin, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    control::Control,
    model::{Actor, AuditRecord, Command},
};

pub use depth::Depth;
pub use glyph::Choice as Glyphs;
pub use pointer::Mouse;

/// What opens the door: configuration read, store opened. Awaited after the first paint, so that nothing slow
/// holds the screen back.
pub type Opening =
    Pin<Box<dyn Future<Output = Result<Control, Box<dyn std::error::Error + Send + Sync>>> + Send>>;

/// Asks about a plan in lines, on a terminal that is lent for it because it is too small for the plan's screen; applies
/// it when it is confirmed. Answers the record, or why nothing was changed, in words.
pub type InLines = Arc<
    dyn Fn(
            Control,
            Command,
        ) -> Pin<Box<dyn Future<Output = Result<Box<AuditRecord>, String>> + Send>>
        + Send
        + Sync,
>;

/// Reads an environment variable; a test passes its own.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What the console needs to start.
pub struct Options {
    /// Becomes the door, which knows whether plans can be applied.
    pub door: Opening,
    /// Who sits here; the same as the door's.
    pub actor: Actor,
    /// The time.
    pub clock: Clock,
    /// How it looks.
    pub appearance: Appearance,
    /// The operator's key file (`[keys]`), when there is one. A mistake in it is shown, and the built-in keys hold.
    pub keys: Option<PathBuf>,
    /// The directory for copied texts and saved views; made when first needed. `None`: nothing can be saved.
    pub saves: Option<PathBuf>,
    /// Asks about a plan for which the screen has no room.
    pub in_lines: InLines,
    /// Whether the tour is on from the start.
    pub tour: bool,
    /// What is taken up of the last session, and left for the next one.
    pub sessions: Sessions,
    /// The environment.
    pub variables: Variables,
    /// Cancelled when the console should end by itself.
    pub end: CancellationToken,
}

/// What goes from one session of an operator to the next.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// The directory for it; made when first needed. `None`: nothing is taken up and nothing is left.
    pub directory: Option<PathBuf>,
    /// Nothing is taken up.
    pub fresh: bool,
    /// The theme of [`Appearance`] was asked for: none is restored over it.
    pub theme_given: bool,
}

/// How the console looks, and how it calls.
#[derive(Clone, Debug)]
pub struct Appearance {
    /// A theme's name; `terminal` is right everywhere.
    pub theme: String,
    /// Where themes are looked for before the built-in ones, in this order.
    pub directories: Vec<PathBuf>,
    /// `None`: as the environment says.
    pub depth: Option<Depth>,
    /// The signs.
    pub glyphs: Glyphs,
    /// When the mouse is listened to.
    pub mouse: Mouse,
    /// Little is drawn, for a slow line: rare frames, sixteen colours at most, lists that go on in steps.
    pub slow: bool,
    /// Whether the terminal's bell rings for a workload that begins to fail and an override that has ended.
    pub bell: bool,
}

impl Default for Appearance {
    fn default() -> Self {
        Self {
            theme: "terminal".to_owned(),
            directories: Vec::new(),
            depth: None,
            glyphs: Glyphs::default(),
            mouse: Mouse::default(),
            slow: false,
            bell: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("actor", &self.actor)
            .field("appearance", &self.appearance)
            .field("keys", &self.keys)
            .field("saves", &self.saves)
            .finish_non_exhaustive()
    }
}

/// The console could not start, or did not end by the operator's wish. The terminal is restored by then.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// Nobody could see it.
    #[error(
        "the console needs a terminal; `backstop console --plain` needs none, and `backstop status` says it once"
    )]
    NoTerminal,
    /// There is no theme of this name.
    #[error("there is no theme `{name}`{}; known are {}", .suggestion.as_ref().map(|near| format!(", did you mean `{near}`?")).unwrap_or_default(), .known.join(", "))]
    NoTheme {
        /// As asked for.
        name: String,
        /// A near name.
        suggestion: Option<String>,
        /// Every name.
        known: Vec<String>,
    },
    /// The door did not open.
    #[error("{0}")]
    Door(Box<dyn std::error::Error + Send + Sync>),
    /// Reading from or writing to the terminal failed.
    #[error("the terminal is lost: {0}")]
    Terminal(#[from] io::Error),
    /// A signal ended it; its number, so that the exit code can be 128 and that.
    #[error("ended by signal {0}")]
    Signal(i32),
    /// A part of the program panicked; the message is on standard error already.
    #[error("a part of the program panicked; what it said stands above")]
    Panicked,
}

/// Runs the console until the operator quits. The terminal is as it was when this returns, or panics. Answers the
/// summary that they want left in its history.
///
/// # Errors
/// See [`ConsoleError`].
pub async fn run(options: Options) -> Result<Option<String>, ConsoleError> {
    // The whole console lives in this future: too large for the stacks of its callers.
    Box::pin(run::run(options)).await
}
