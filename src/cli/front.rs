//! Opening the console, alone or in front of the demo.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::{
    args::{ConsoleArgs, DemoArgs, Global, SimulateArgs},
    error::CliError,
    exit::Exit,
    output, places, session,
};
use crate::{
    clock::Clock,
    config::{self, Keys},
    console::{self, Appearance},
    control::{Control, Mode},
    demo,
    store::Store,
    telemetry,
};

/// Opens the console on a configuration.
pub(super) async fn console(global: &Global, args: ConsoleArgs) -> Result<Exit, CliError> {
    let log = places::log();
    if let Err(error) = telemetry::to_file(&log) {
        output::talk(format_args!(
            "no log: {} cannot be written: {error}",
            log.display()
        ));
    }
    open(global, args, CancellationToken::new()).await
}

/// Runs one console until it ends.
async fn open(
    global: &Global,
    args: ConsoleArgs,
    end: CancellationToken,
) -> Result<Exit, CliError> {
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    let mode = match (global.observe, args.write, catalog.environment.production) {
        (true, _, _) | (false, false, true) => Mode::Observe,
        (false, true, _) | (false, false, false) => Mode::Write,
    };
    let clock = Clock::system();
    let actor = session::actor(global, "console");
    let url = catalog.store.clone();
    // Dropped after the console has ended: it follows the file as long as somebody looks.
    let (followed, _follow) = config::follow_with(catalog, Keys::IfThere);
    let (door_actor, door_clock) = (actor.clone(), clock.clone());
    let door: console::Opening = Box::pin(async move {
        let store = Store::open(&url, session::access(mode), door_clock.clone())
            .await
            .map_err(CliError::from)?;
        Ok(Control::new(
            followed.catalog,
            followed.refused,
            store,
            door_clock,
            door_actor,
            mode,
        ))
    });
    console::run(console::Options {
        door,
        actor,
        mode,
        clock,
        appearance: Appearance {
            theme: args.theme.unwrap_or_else(|| Appearance::default().theme),
            directories: vec![places::themes()],
            ..Appearance::default()
        },
        keys: Some(places::keys()).filter(|path| path.exists()),
        saves: places::saves(),
        variables: Arc::new(session::variable),
        end,
    })
    .await?;
    Ok(Exit::Done)
}

/// Runs the demo with its console in front, or headless.
pub(super) async fn demo(global: &Global, args: DemoArgs) -> Result<Exit, CliError> {
    let prepared = demo::prepare(demo::Options {
        seconds: args.seconds.map(std::time::Duration::from_secs),
        seed: args.seed,
        traffic: !args.no_traffic,
        faults: !args.no_faults,
        keep: args.keep,
    })?;
    if args.headless {
        telemetry::to_stderr(global.log_json);
        let mut printed = Ok(());
        prepared
            .headless(Clock::system(), |line| printed = output::line(line))
            .await?;
        printed?;
        return Ok(Exit::Done);
    }
    if let Err(error) = telemetry::to_file(prepared.log()) {
        output::talk(format_args!(
            "no log: {} cannot be written: {error}",
            prepared.log().display()
        ));
    }
    let args = ConsoleArgs {
        write: false,
        theme: args.theme,
    };
    let front = async |stage: demo::Stage| {
        let global = Global {
            config: Some(stage.config),
            ..global.clone()
        };
        open(&global, args, stage.end).await
    };
    prepared.run(Clock::system(), front).await?
}

/// Runs the simulated providers alone.
pub(super) async fn simulate(global: &Global, args: SimulateArgs) -> Result<Exit, CliError> {
    telemetry::to_stderr(global.log_json);
    let options = demo::SimulateOptions {
        port: args.port,
        script: args.script,
        seconds: args.seconds.map(std::time::Duration::from_secs),
        seed: args.seed,
    };
    let mut printed = Ok(());
    demo::simulate(options, |line| printed = output::line(line)).await?;
    printed?;
    Ok(Exit::Done)
}
