//! Why a command did not do what was asked, and with which exit code that ends.

use std::{io, path::PathBuf};

use super::{exit::Exit, output};
use crate::{
    config::{Report, Severity},
    console::ConsoleError,
    control::{ControlError, SheetError},
    demo::DemoError,
    gateway::StartError,
    model::visible,
    probe::{CompareError, JobError, JudgeError, ProbeError},
    store::{CopyError, StoreError},
};

/// A command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// There is no configuration.
    #[error("there is no configuration; looked at {}; give one with --config PATH, or try `backstop demo`", places(.0))]
    NoConfig(Vec<PathBuf>),
    /// The configuration has errors.
    #[error("{} cannot be used: {} {}; the findings stand above", .path.display(), .report.count(Severity::Error), if .report.count(Severity::Error) == 1 { "error" } else { "errors" })]
    BadConfig {
        /// Which.
        path: PathBuf,
        /// The findings.
        report: Box<Report>,
    },
    /// The plan that was named is for something else.
    #[error("plan {plan} is to {planned}, not to {asked}")]
    OtherPlan {
        /// Which.
        plan: String,
        /// What it does.
        planned: String,
        /// What was asked.
        asked: String,
    },
    /// The command line is wrong in a way that only shows here.
    #[error("{0}")]
    Usage(String),
    /// A line of a line mode that means nothing, in words of its own.
    #[error("{0}")]
    Said(String),
    /// There is nothing to show.
    #[error("{0}")]
    Negative(String),
    /// A comparison or verdicts in a file.
    #[error("{0}; nothing was recorded")]
    Sheet(#[from] SheetError),
    /// Nothing of the catalog has that name.
    #[error(transparent)]
    Job(#[from] JobError),
    /// There is nothing to compare.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// A route that may not judge.
    #[error(transparent)]
    Judge(#[from] JudgeError),
    /// A probe that could not be sent.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Somebody else has taken the plan over, while it was asked about.
    #[error("{0}; nothing was changed")]
    TakenOver(String),
    /// The person said no.
    #[error("not confirmed; nothing was changed")]
    Declined,
    /// The door.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A backup.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] StartError),
    /// The console.
    #[error(transparent)]
    Console(#[from] ConsoleError),
    /// The demo.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// Standard input.
    #[error("cannot read what is typed: {0}")]
    Input(#[source] io::Error),
    /// A stream of our own.
    #[error("cannot write the output: {0}")]
    Stream(#[from] io::Error),
}

impl CliError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::NoConfig(_)
            | Self::BadConfig { .. }
            | Self::OtherPlan { .. }
            | Self::Job(_)
            | Self::Compare(_)
            | Self::Judge(_)
            | Self::Probe(_)
            | Self::Said(_)
            | Self::Usage(_) => Exit::Usage,
            Self::Negative(_) => Exit::Reserved,
            Self::Sheet(error) => sheet(error),
            Self::TakenOver(_) => Exit::Stale,
            Self::Declined => Exit::Refused,
            Self::Control(error) => control(error),
            Self::Store(error) => store(error),
            Self::Copy(error) => copy(error),
            Self::Console(error) => console(error),
            // Whoever reads has heard enough.
            Self::Stream(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Self::Gateway(_) | Self::Demo(_) | Self::Input(_) | Self::Stream(_) => {
                Exit::Unavailable
            }
        }
    }

    /// What to print on standard error; `None`: nothing.
    pub(super) fn message(&self) -> Option<String> {
        match self {
            Self::Stream(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
            Self::Console(ConsoleError::Signal(_) | ConsoleError::Panicked) => None,
            Self::BadConfig { report, .. } => {
                let colour = output::Paint::of(output::Stream::Err).on();
                Some(format!("{}\nerror: {self}", report.render(colour)))
            }
            Self::Said(text) => Some(text.clone()),
            _ => Some(format!("error: {}", visible(&self.to_string(), 2000))),
        }
    }
}

fn sheet(error: &SheetError) -> Exit {
    match error {
        SheetError::Unreadable { .. }
        | SheetError::OtherForm { .. }
        | SheetError::UnknownSample { .. }
        | SheetError::Twice { .. }
        | SheetError::UnknownJudgement { .. }
        | SheetError::NoVerdict => Exit::Usage,
        SheetError::Changed { .. }
        | SheetError::Unnamed(_)
        | SheetError::OtherOutputs { .. }
        | SheetError::Stripped(_) => Exit::Refused,
    }
}

fn control(error: &ControlError) -> Exit {
    match error {
        ControlError::Unknown { .. }
        | ControlError::NoEvent(_)
        | ControlError::NoReview(_)
        | ControlError::BadReview { .. } => Exit::Usage,
        ControlError::Nothing { .. } | ControlError::NothingToUndo => Exit::Reserved,
        ControlError::Observe | ControlError::Refused { .. } | ControlError::Consent { .. } => {
            Exit::Refused
        }
        ControlError::NoPlan(_)
        | ControlError::Stale { .. }
        | ControlError::Conflict(_)
        | ControlError::Replaced { .. } => Exit::Stale,
        ControlError::Apart { .. } => Exit::Unavailable,
        ControlError::Store(error) => store(error),
    }
}

fn store(error: &StoreError) -> Exit {
    match error {
        StoreError::UnknownUrl { .. } | StoreError::NoCluster { .. } => Exit::Usage,
        StoreError::ReadOnly | StoreError::Forbidden { .. } => Exit::Refused,
        StoreError::Unknown { .. } => Exit::Unknown,
        StoreError::Open { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::OlderSchema { .. }
        | StoreError::PlanTaken { .. }
        | StoreError::Failed { .. }
        | StoreError::QueueFull { .. }
        | StoreError::Closed => Exit::Unavailable,
    }
}

fn copy(error: &CopyError) -> Exit {
    match error {
        CopyError::NoFiles(_) | CopyError::Taken(_) | CopyError::NoBackup { .. } => Exit::Usage,
        CopyError::InUse { .. } | CopyError::Newer { .. } => Exit::Refused,
        CopyError::Io { .. } => Exit::Unavailable,
        CopyError::Store(error) => store(error),
    }
}

fn console(error: &ConsoleError) -> Exit {
    match error {
        ConsoleError::NoTheme { .. } => Exit::Usage,
        ConsoleError::Signal(number) => Exit::Signal(*number),
        ConsoleError::Door(error) => error
            .downcast_ref::<CliError>()
            .map_or(Exit::Unavailable, CliError::exit),
        ConsoleError::NoTerminal | ConsoleError::Terminal(_) | ConsoleError::Panicked => {
            Exit::Unavailable
        }
    }
}

fn places(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_and_what_cannot_be_asked_have_codes_of_their_own() {
        let unknown = CliError::Control(ControlError::Store(StoreError::Unknown {
            place: "nats".to_owned(),
            cause: "no answer".to_owned(),
        }));
        let apart = CliError::Control(ControlError::Apart {
            since: jiff::Timestamp::UNIX_EPOCH,
            cause: "no server answers".to_owned(),
        });
        assert_eq!((unknown.exit().code(), apart.exit().code()), (6, 5));
        let message = unknown.message().unwrap_or_default();
        assert!(message.contains("nobody knows"), "{message}");
    }
}
