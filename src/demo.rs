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
mod gemini;
mod history;
mod leftover;
mod openai;
mod openai_embeddings;
mod openai_responses;
mod project;
mod prompts;
mod provider;
mod respond;
mod schema;
mod script;
mod shape;
mod signals;
mod simulate;
mod stage;
mod traffic;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{gateway::StartError, store::StoreError};

pub use simulate::{SimulateOptions, simulate};
pub use stage::{Prepared, Serving, Stage, prepare};

/// What `backstop demo` was asked for.
#[derive(Clone, Copy, Debug)]
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

impl Default for Options {
    fn default() -> Self {
        Self {
            seconds: None,
            seed: None,
            traffic: true,
            faults: true,
            keep: false,
        }
    }
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
    /// The configuration that the demo wrote is not accepted.
    #[error("the demo's own configuration is refused:\n{0}")]
    Config(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] StartError),
    /// The simulated applications.
    #[error("cannot start the traffic: {0}")]
    Traffic(reqwest::Error),
    /// The schedule of probes could not start.
    #[error("cannot start to probe: {0}")]
    Probing(std::io::Error),
    /// Signals cannot be waited for.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
}

impl DemoError {
    fn write(path: &Path, cause: std::io::Error) -> Self {
        Self::Write {
            path: path.to_owned(),
            cause,
        }
    }
}
