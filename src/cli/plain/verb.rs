//! What a line means: the commands of the command line, and the few verbs that only a line mode has.

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};

use super::Command;
use crate::{
    cli::args::ReviewCommand,
    model::{Catalog, WorkloadName, visible},
};

/// A line as clap reads it.
#[derive(Debug, Parser)]
#[command(
    name = "",
    no_binary_name = true,
    disable_help_subcommand = true,
    color = clap::ColorChoice::Never
)]
struct Line {
    #[command(subcommand)]
    verb: Verb,
}

/// What a line asks for.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Every workload, worst first
    Workloads {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// One workload: what serves it, why, and whether its fallback is ready
    Show {
        /// Which
        workload: WorkloadName,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what happens as it comes, until Enter
    Watch,
    /// Tell the others that you are on a workload; without one, that you are on nothing
    Claim {
        /// Which
        workload: Option<WorkloadName>,
    },
    /// Say again what happened since you are here
    Messages,
    /// List the verbs, or explain one
    Help {
        /// Which
        #[arg(value_name = "VERB")]
        verb: Vec<String>,
    },
    /// End; so does the end of the input (ctrl-d)
    #[command(alias = "exit")]
    Quit,
    #[command(flatten)]
    Command(Command),
}

/// What was said.
pub(super) enum Said {
    /// Only Enter.
    Nothing,
    /// Something that is carried out.
    Verb(Box<Verb>),
    /// A question about a verb.
    Help(String),
    /// Something else; what to answer.
    Wrong(String),
}

/// Commands that have no place in a line mode, and why.
const ELSEWHERE: [(&str, &str); 8] = [
    ("console", "this is the console"),
    (
        "serve",
        "it runs until it is ended: start it in another shell",
    ),
    (
        "demo",
        "it runs until it is ended: start it in another shell",
    ),
    (
        "simulate",
        "it runs until it is ended: start it in another shell",
    ),
    ("restore", "the store is in use here: end this first"),
    ("completions", "they are for a shell"),
    ("man", "`help` and `help VERB` say it here"),
    ("version", "it stands in the first line"),
];

/// What belongs to a screen.
const SCREEN: [(&str, &str); 5] = [
    ("pause", "nothing moves here: there is nothing to pause"),
    (
        "save",
        "what was written stays; a shell can keep it: backstop console --plain | tee FILE",
    ),
    ("mouse", "there is none here"),
    (
        "filter",
        "name the workload instead: `show NAME`, `events --workload NAME`",
    ),
    ("sort", "the worst comes first"),
];

/// The words of every line, as clap has them.
pub(super) fn grammar() -> clap::Command {
    let mut grammar = Line::command();
    for (name, _) in ELSEWHERE {
        grammar = grammar.mut_subcommand(name, |command| command.hide(true));
    }
    grammar
}

/// Reads a line. `backstop` before it, or the colon of the palette, is allowed.
pub(super) fn read(line: &str, catalog: &Catalog) -> Said {
    let Some(words) = shlex::split(line.trim_start_matches(':')) else {
        return Said::Wrong("a quote is not closed; nothing was done".to_owned());
    };
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.first() == Some(&"backstop") {
        words.remove(0);
    }
    let Some(first) = words.first().copied() else {
        return Said::Nothing;
    };
    for (name, why) in ELSEWHERE.iter().chain(&SCREEN) {
        if first == *name {
            return Said::Wrong(format!("no `{name}` here: {why}"));
        }
    }
    match words.as_slice() {
        ["help", "help"] => words.truncate(1),
        // As the palette opens them.
        [name] if catalog.workloads.contains_key(*name) => words.insert(0, "show"),
        ["judge", ..] => words.insert(0, "review"),
        ["review", name, ..] if catalog.workloads.contains_key(*name) => words.insert(1, "judge"),
        ["reviews"] => words = vec!["review", "queue"],
        ["report"] => words.extend(["--since", "2h"]),
        ["drill", name, ..] if !name.starts_with('-') => words.insert(1, "--down"),
        _ => {}
    }
    let read = grammar()
        .try_get_matches_from(&words)
        .and_then(|matches| Line::from_arg_matches(&matches));
    match read {
        Ok(line) => match reads_input(&line.verb) {
            Some(why) => Said::Wrong(why),
            None => Said::Verb(Box::new(line.verb)),
        },
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            Said::Help(error.render().to_string())
        }
        Err(error) if error.kind() == ErrorKind::InvalidSubcommand && words.len() == 1 => {
            Said::Wrong(format!(
                "there is no verb and no workload `{}`; `help` lists the verbs",
                visible(first, 60)
            ))
        }
        Err(error) => Said::Wrong(short(&error.render().to_string())),
    }
}

/// Standard input is where lines are typed: nothing else is read from it.
fn reads_input(verb: &Verb) -> Option<String> {
    let Verb::Command(command) = verb else {
        return None;
    };
    let dash = std::path::Path::new("-");
    let reads = match command {
        Command::Compare(args) => args.body.as_deref() == Some(dash),
        Command::Samples {
            command: crate::cli::args::SamplesCommand::Add(args),
        } => !args.from_traffic && args.from.as_deref().is_none_or(|from| from == dash),
        Command::Review {
            command: ReviewCommand::Import(args),
        } => args.file == dash || args.comparison.as_deref() == Some(dash),
        Command::Review {
            command: ReviewCommand::Form { comparison },
        } => comparison == dash,
        _ => false,
    };
    reads.then(|| "standard input is where you type: name a file".to_owned())
}

/// Without what belongs to a program's command line.
fn short(text: &str) -> String {
    let lines = text.trim_end().lines().filter(|line| !line.is_empty());
    let lines = lines.map(|line| match line {
        "For more information, try '--help'." => "`help VERB` says more",
        line => line.strip_prefix("error: ").unwrap_or(line),
    });
    lines.collect::<Vec<_>>().join("\n")
}
