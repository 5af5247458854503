//! The commands as a table for the README, read from the same definitions that parse them.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::args::Args;

/// A Markdown table of every command with its arguments and what it does.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from("| command | does |\n|---|---|\n");
    for command in Args::command().get_subcommands_mut() {
        row(&mut out, "", command);
    }
    out
}

fn row(out: &mut String, before: &str, command: &mut Command) {
    let name = format!("{before}{}", command.get_name());
    if command.get_subcommands().next().is_some() {
        for inner in command.get_subcommands_mut() {
            row(out, &format!("{name} "), inner);
        }
        return;
    }
    let mut usage = name;
    for argument in command.get_positionals() {
        let value = argument.get_id().as_str().to_uppercase();
        let _ = if argument.is_required_set() {
            write!(usage, " {value}")
        } else {
            write!(usage, " [{value}]")
        };
    }
    let about = command.get_about().map(ToString::to_string);
    let about = about.unwrap_or_default().replace('|', "\\|");
    let _ = writeln!(out, "| `{usage}` | {about} |");
}
