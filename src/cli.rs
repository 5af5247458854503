//! The command line: parses, chooses a mode, prints, and ends with a documented exit code.
//!
//! Called by `main` only. It must not decide whether a change is allowed, and must not write one to the store:
//! every change goes through `control`. (What probes found is no change.)

mod about;
mod announce;
mod args;
mod audit;
mod change;
mod check;
mod compare;
mod copy;
mod doctor;
mod drill;
mod error;
mod exit;
mod explain;
mod front;
mod harden;
mod key;
mod lines;
mod log;
mod output;
mod places;
mod plain;
mod plan_text;
mod probe;
mod probe_text;
mod prompt;
mod reference;
mod report;
mod review;
mod routes;
mod samples;
mod serve;
mod session;
mod standing_text;
mod status;
mod store;
mod supervisor;
mod table;
mod theme;
mod time;
mod traffic;
mod transfer;

use std::{ffi::OsString, ops::ControlFlow, process::ExitCode};

use clap::{ColorChoice, CommandFactory as _, FromArgMatches as _};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};

use crate::{
    model::{Command as Order, Mode as WorkloadMode, Verb},
    telemetry,
};
use args::{Args, Command, ConsoleArgs, Global, ModeArgs, NoticeArgs, Switch};
use change::Asked;
use error::CliError;
use session::Doors;

pub use exit::{EXIT_CODES, Exit};
pub use reference::reference;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    harden::harden();
    let plain = plain::wanted();
    if plain {
        output::no_colour();
    }
    let words: Vec<OsString> = std::env::args_os().collect();
    let args = match args::alone::console(&words) {
        Some(args) => Ok(args),
        None => whole(words, plain),
    };
    let args = match args {
        Ok(args) => args,
        Err(error) => {
            if error.use_stderr() {
                // It repeats what was typed, or what a script has put there.
                output::talk(error.render().to_string().trim_end());
                return Exit::Usage.into();
            }
            // Help and version are data and no error; a closed pipe is none either.
            let _ = error.print();
            return Exit::Done.into();
        }
    };
    let exit = run(args).unwrap_or_else(|error| {
        telemetry::flush();
        if let Some(message) = error.message() {
            output::talk(message);
        }
        error.exit()
    });
    telemetry::flush();
    exit.into()
}

/// Reads the words by all there is.
fn whole(words: Vec<OsString>, plain: bool) -> Result<Args, clap::Error> {
    let mut command = Args::command();
    if plain {
        command = command.color(ColorChoice::Never);
    }
    let matches = command.try_get_matches_from(words)?;
    Args::from_arg_matches(&matches)
}

fn run(args: Args) -> Result<Exit, CliError> {
    let Args { global, command } = args;
    let command = command.unwrap_or_else(|| Command::Console(ConsoleArgs::default()));
    let command = match at_once(&global, command) {
        ControlFlow::Break(exit) => return exit,
        ControlFlow::Continue(command) => command,
    };
    let runtime = runtime(&command)?;
    let exit = runtime.block_on(staying(global, command));
    // A read from the terminal that nobody will finish must not hold up the end.
    runtime.shutdown_background();
    exit
}

/// Commands that wait for nothing; the others come back.
fn at_once(global: &Global, command: Command) -> ControlFlow<Result<Exit, CliError>, Command> {
    ControlFlow::Break(match command {
        Command::Check { json, no_secrets } => check::run(global, json, !no_secrets),
        Command::Key { command } => key::run(global, command),
        Command::Theme { command } => theme::run(command),
        Command::Completions { shell } => about::completions(shell),
        Command::Man { command } => about::manual(command.as_deref()),
        Command::Unit { of } => about::unit(of),
        Command::Paths { json } => places::print(global, json),
        Command::Version => output::line(format_args!("backstop {}", env!("CARGO_PKG_VERSION")))
            .map(|()| Exit::Done)
            .map_err(CliError::from),
        command => return ControlFlow::Continue(command),
    })
}

/// One thread is enough for a command, and the quickest way from a key to its frame; what serves traffic wants
/// more.
fn runtime(command: &Command) -> Result<Runtime, CliError> {
    let stays = matches!(
        command,
        Command::Serve(_) | Command::Demo(_) | Command::Simulate(_)
    );
    let mut builder = if stays {
        Builder::new_multi_thread()
    } else {
        Builder::new_current_thread()
    };
    Ok(builder.enable_all().build()?)
}

/// Commands that bring their own handling of signals, and the others.
async fn staying(global: Global, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Console(args) => front::console(&global, args).await,
        Command::Serve(args) => serve::run(&global, args).await,
        Command::Demo(args) => front::demo(&global, args).await,
        Command::Simulate(args) => front::simulate(&global, args).await,
        command => {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let doors = Doors { global, held: None };
            tokio::select! {
                exit = passing(&doors, command) => exit,
                _ = interrupt.recv() => Ok(Exit::Signal(SignalKind::interrupt().as_raw_value())),
            }
        }
    }
}

/// Commands that open the store, do one thing and end.
async fn passing(doors: &Doors, command: Command) -> Result<Exit, CliError> {
    let global = &doors.global;
    let reading = async || doors.reading().await;
    match command {
        Command::Status { workload, json } => {
            status::status(&reading().await?, workload, json).await
        }
        Command::Routes { json } => routes::run(&reading().await?, json).await,
        Command::Gateways {
            forget: Some(gateway),
            ..
        } => status::forget(&doors.writing().await?, gateway).await,
        Command::Gateways { json, forget: None } => status::gateways(&reading().await?, json).await,
        Command::Plan { id, json } => status::plan(&reading().await?, id, json).await,
        Command::Drill(args) => {
            let session = if args.offline {
                session::offline(global).await?
            } else if args.live {
                doors.writing().await?
            } else {
                reading().await?
            };
            drill::run(&session, args).await
        }
        Command::Explain(args) => explain::run(doors, args).await,
        Command::Report(args) => report::run(&reading().await?, args).await,
        Command::Traffic(args) => traffic::run(&reading().await?, args).await,
        Command::Review { command } => review::run(doors, command).await,
        Command::Samples { command } => samples::run(global, command).await,
        Command::Events(args) => transfer::events(doors, args).await,
        Command::Audit(args) => audit::run(&reading().await?, args).await,
        Command::Doctor { deep, json } => doctor::run(global, deep, json).await,
        Command::Backup(args) => copy::backup(global, args.directory, args.json).await,
        Command::Restore(args) => {
            copy::restore(global, args.directory, args.discard_newer, args.json).await
        }
        Command::Store { command } => store::run(global, command).await,
        Command::Probe(args) => probe::run(global, args).await,
        Command::Compare(args) => compare::run(global, *args).await,
        Command::Force(args) => mode(doors, args, WorkloadMode::Force, Verb::Force).await,
        Command::Hold(args) => mode(doors, args, WorkloadMode::Hold, Verb::Hold).await,
        Command::Auto(args) => mode(doors, args, WorkloadMode::Auto, Verb::Auto).await,
        Command::Notice(args) => notice(doors, args).await,
        Command::Drain(args) => {
            let asked = Asked {
                verb: Verb::Drain,
                target: Some(args.route.to_string()),
                command: Order::Drain {
                    route: args.route,
                    lasting: args.lasting.lasting,
                    scope: args.scope.scope.clone(),
                },
            };
            change::run(&doors.writing().await?, asked, args.change).await
        }
        Command::Undrain(args) => {
            let asked = Asked {
                verb: Verb::Undrain,
                target: Some(args.route.to_string()),
                command: Order::Undrain {
                    route: args.route,
                    scope: args.scope.scope.clone(),
                },
            };
            change::run(&doors.writing().await?, asked, args.change).await
        }
        Command::Undo(args) => {
            let asked = Asked {
                verb: Verb::Undo,
                target: None,
                command: Order::Undo {
                    sequence: args.sequence,
                },
            };
            change::run(&doors.writing().await?, asked, args.change).await
        }
        Command::Console(_)
        | Command::Serve(_)
        | Command::Check { .. }
        | Command::Key { .. }
        | Command::Demo(_)
        | Command::Simulate(_)
        | Command::Theme { .. }
        | Command::Completions { .. }
        | Command::Man { .. }
        | Command::Unit { .. }
        | Command::Paths { .. }
        | Command::Version => Ok(Exit::Done),
    }
}

async fn notice(doors: &Doors, args: NoticeArgs) -> Result<Exit, CliError> {
    let enabled = args.switch == Switch::On;
    let asked = Asked {
        verb: if enabled {
            Verb::NoticeOn
        } else {
            Verb::NoticeOff
        },
        target: Some(args.workload.to_string()),
        command: Order::Notice {
            workload: args.workload,
            enabled,
            lasting: args.lasting.lasting,
            scope: args.scope.scope.clone(),
        },
    };
    change::run(&doors.writing().await?, asked, args.change).await
}

async fn mode(
    doors: &Doors,
    args: ModeArgs,
    mode: WorkloadMode,
    verb: Verb,
) -> Result<Exit, CliError> {
    let asked = Asked {
        verb,
        target: Some(args.workload.to_string()),
        command: Order::Mode {
            workload: args.workload,
            mode,
            lasting: args.lasting.lasting,
            scope: args.scope.scope.clone(),
        },
    };
    change::run(&doors.writing().await?, asked, args.change).await
}
