//! The demo: simulated providers, a gateway, traffic and an incident, all in one process on loopback and in
//! a temporary directory.
//!
//! Called by `cli`, which also runs the console beside it: this module and the console do not know each
//! other. It must not write to the terminal; what it has to say goes to its log file or to the caller.

mod answer;
mod anthropic;
mod ask;
mod board;
mod cast;
mod fault;
mod openai;
mod provider;
mod respond;
mod schema;
mod script;
mod shape;
mod signals;
mod simulate;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

pub use simulate::{SimulateOptions, simulate};

/// What `backstop demo` was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Ends by itself after this long.
    pub seconds: Option<Duration>,
    /// Makes traffic and answers repeatable. `None`: different on each run.
    pub seed: Option<u64>,
    /// Whether simulated applications send requests.
    pub traffic: bool,
    /// Whether the scripted incident runs.
    pub faults: bool,
    /// Whether the directory stays when the demo ends.
    pub keep: bool,
}

/// The demo or the simulated providers could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file or directory of the demo.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// In words.
        cause: std::io::Error,
    },
    /// A script of faults.
    #[error("{0}")]
    Script(String),
    /// A port.
    #[error("cannot listen on 127.0.0.1:{port}: {cause}; choose another port or 0")]
    Listen {
        /// Which.
        port: u16,
        /// In words.
        cause: std::io::Error,
    },
    /// Signals cannot be waited for.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
}

/// A demo whose directory, configuration and ports exist, and in which nothing runs yet.
#[derive(Debug)]
pub struct Prepared {}

/// Makes the directory, writes the configuration and binds the simulated providers. Takes milliseconds, so that
/// a console can open the configuration at once.
pub fn prepare(options: Options) -> Result<Prepared, DemoError> {
    let _ = options;
    todo!()
}

/// What the one in front of the demo (the console, or the waiting of `--headless`) is given.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Any other subcommand can be given this with `--config`.
    pub config: PathBuf,
    /// Cancelled when the demo's time is up: the front should end.
    pub end: CancellationToken,
}

impl Prepared {
    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        todo!()
    }

    /// Where logs belong: never on the screen.
    #[must_use]
    pub fn log(&self) -> &Path {
        todo!()
    }

    /// Starts everything and calls `front` at once, without waiting for the rest; when `front` returns, ends
    /// everything and removes the directory.
    ///
    /// # Errors
    /// When a part could not start; `front` has been told to end then.
    pub async fn run<Front, Output>(self, clock: Clock, front: Front) -> Result<Output, DemoError>
    where
        Front: AsyncFnOnce(Stage) -> Output,
    {
        let _ = (clock, front);
        todo!()
    }

    /// Runs without a screen: gives `print` one line of JSON once the gateway serves, and ends when the time is
    /// up or at SIGTERM or SIGINT.
    pub async fn headless(self, clock: Clock, print: impl FnOnce(&str)) -> Result<(), DemoError> {
        let _ = (clock, print);
        todo!()
    }
}
