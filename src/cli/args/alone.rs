//! The command line of those who only open the console, read without the words of all other commands: putting those
//! together takes longer than the first frame.
//!
//! Asked first by `cli`. It must not take a line that the whole command line would read otherwise, and says nothing.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

use super::{Args, Command, ConsoleArgs, Global};

#[derive(Debug, Parser)]
#[command(name = "backstop", disable_help_subcommand = true)]
struct Alone {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Only>,
}

#[derive(Debug, Subcommand)]
enum Only {
    Console(ConsoleArgs),
}

/// Reads the words, the program's own first. `None`: they ask for something else, for help, or are wrong.
pub(in crate::cli) fn console(words: &[OsString]) -> Option<Args> {
    if words.len() > 1 && !words.iter().any(|word| word == "console") {
        return None;
    }
    let Alone { global, command } = Alone::try_parse_from(words).ok()?;
    Some(Args {
        global,
        command: command.map(|Only::Console(args)| Command::Console(args)),
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Parser as _;

    use super::{Args, console};

    #[test]
    fn the_short_way_reads_what_the_whole_command_line_reads() {
        for (line, taken) in [
            ("backstop", true),
            ("backstop console", true),
            ("backstop --config a.toml --as jo console --write", true),
            (
                "backstop console --observe --plain --theme nord --slow",
                true,
            ),
            (
                "backstop console --color 256 --glyphs ascii --config=a.toml",
                true,
            ),
            ("backstop --config console", true),
            ("backstop --config a.toml", false),
            ("backstop console --help", false),
            ("backstop console --write --observe", false),
            ("backstop console --no-such", false),
            ("backstop console more", false),
            ("backstop status console", false),
            ("backstop consol", false),
            ("backstop help console", false),
            ("backstop --version console", false),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let short = console(&words);
            assert_eq!(short.is_some(), taken, "{line}");
            if let Some(short) = short {
                let whole = Args::try_parse_from(&words).unwrap();
                assert_eq!(format!("{short:?}"), format!("{whole:?}"), "{line}");
            }
        }
    }
}
