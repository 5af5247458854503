//! The commands of the palette, in one table: words, what they take, and the key that does the same.
//!
//! They are the verbs of the command line and the names of screens and keys. What a command does is `update`'s business.

use crate::console::action::Action;

/// What stands behind a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A workload.
    Workload,
    /// A route.
    Route,
    /// A workload or a route.
    Probed,
    /// A route or a provider.
    Outage,
    /// A theme.
    Theme,
}

impl Takes {
    /// In a word, for who has not typed it yet; empty for nothing.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Workload => "WORKLOAD",
            Self::Route => "ROUTE",
            Self::Probed => "WORKLOAD or ROUTE",
            Self::Outage => "ROUTE or PROVIDER",
            Self::Theme => "THEME",
        }
    }
}

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// How it is said.
    pub words: &'static str,
    /// What stands behind it.
    pub takes: Takes,
    /// The action that is the same; `None`: there is no key for it.
    pub action: Option<Action>,
}

const fn alone(words: &'static str, action: Action) -> Command {
    Command {
        words,
        takes: Takes::Nothing,
        action: Some(action),
    }
}

const fn with(words: &'static str, takes: Takes, action: Action) -> Command {
    Command {
        words,
        takes,
        action: Some(action),
    }
}

/// All of them, in the order of proposals.
pub const COMMANDS: [Command; 35] = [
    with("force", Takes::Workload, Action::Force),
    with("hold", Takes::Workload, Action::Hold),
    with("auto", Takes::Workload, Action::Auto),
    with("notice on", Takes::Workload, Action::Notice),
    with("notice off", Takes::Workload, Action::Notice),
    with("drain", Takes::Route, Action::Drain),
    with("undrain", Takes::Route, Action::Drain),
    alone("undo", Action::Undo),
    with("probe", Takes::Probed, Action::Probe),
    with("compare", Takes::Workload, Action::Compare),
    with("review", Takes::Workload, Action::Compare),
    with("drill", Takes::Outage, Action::Drill),
    with("claim", Takes::Workload, Action::Claim),
    alone("workloads", Action::Workloads),
    alone("routes", Action::Routes),
    alone("events", Action::Events),
    alone("reviews", Action::Reviews),
    alone("audit", Action::Audit),
    alone("gateways", Action::Gateways),
    alone("messages", Action::Messages),
    alone("pause", Action::Pause),
    alone("follow", Action::Follow),
    alone("sort", Action::Sort),
    alone("reverse", Action::Reverse),
    alone("wide", Action::Wide),
    alone("time", Action::TimeStyle),
    alone("copy", Action::Copy),
    alone("save", Action::Save),
    alone("mouse", Action::Mouse),
    Command {
        words: "theme",
        takes: Takes::Theme,
        action: None,
    },
    alone("actions", Action::Actions),
    alone("tour", Action::Tour),
    alone("help", Action::Help),
    alone("leave", Action::Leave),
    alone("quit", Action::Exit),
];

/// Commands of a shell that are none here, by their first word.
pub const OF_A_SHELL: [&str; 19] = [
    "serve",
    "check",
    "status",
    "plan",
    "explain",
    "report",
    "key",
    "samples",
    "doctor",
    "backup",
    "restore",
    "demo",
    "simulate",
    "completions",
    "man",
    "paths",
    "traffic",
    "version",
    "console",
];

/// The command that a text begins with, and what follows it.
#[must_use]
pub fn command_of(text: &str) -> Option<(&'static Command, &str)> {
    COMMANDS.iter().find_map(|command| {
        let rest = text.strip_prefix(command.words)?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| (command, rest.trim()))
    })
}

/// Whether a text is a command of a shell that is none here.
#[must_use]
pub fn is_of_a_shell(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    OF_A_SHELL.contains(&first)
}
