//! Opening the console, alone or in front of the demo.

use std::{
    sync::{Arc, OnceLock},
    thread,
};

use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    args::{ConsoleArgs, DemoArgs, Global, SimulateArgs},
    change,
    error::CliError,
    exit::Exit,
    output, places, plain, session,
};
use crate::{
    clock::Clock,
    config::{self, Keys},
    console::{self, Appearance, ConsoleError},
    control::{Control, Mode},
    demo,
    model::{Actor, Catalog},
    store::Store,
    telemetry,
};

/// Opens the console on a configuration.
pub(super) async fn console(global: &Global, args: ConsoleArgs) -> Result<Exit, CliError> {
    match places::log() {
        None => output::talk(format_args!(
            "no log, for there is no home; {}",
            places::WANTED
        )),
        Some(log) => {
            if let Err(error) = telemetry::to_file(&log, output::log_style(global.log_json)) {
                output::talk(format_args!(
                    "no log: {} cannot be written: {error}",
                    log.display()
                ));
            }
        }
    }
    open(global, args, CancellationToken::new(), None).await
}

/// Runs one console until it ends: a screen, or lines.
async fn open(
    global: &Global,
    args: ConsoleArgs,
    end: CancellationToken,
    serving: Option<watch::Receiver<Option<demo::Serving>>>,
) -> Result<Exit, CliError> {
    let clock = Clock::system();
    let actor = session::actor(global, "console");
    if let Some(because) = plain::because(global) {
        let follow = OnceLock::new();
        let door = async |global| {
            // The door of a demo opens when everything serves.
            if let Some(mut serving) = serving {
                let _ = serving.wait_for(Option::is_some).await;
            }
            door(global, args.write, actor, clock, &follow).await
        };
        return plain::run(global, because, end, door).await;
    }
    // Dropped after the console has ended: it follows the file as long as somebody looks.
    let follow = Arc::new(OnceLock::new());
    let door: console::Opening = Box::pin({
        let (actor, clock, follow) = (actor.clone(), clock.clone(), Arc::clone(&follow));
        let (global, write) = (global.clone(), args.write);
        async move { Ok(door(global, write, actor, clock, &follow).await?.control) }
    });
    let sessions = places::sessions().filter(|_| serving.is_none());
    let theme_given = args.look.theme.is_some();
    let farewell = console::run(console::Options {
        door,
        actor,
        clock,
        appearance: Appearance {
            glyphs: args.look.signs(),
            theme: args
                .look
                .theme
                .unwrap_or_else(|| Appearance::default().theme),
            directories: places::theme_directories(),
            depth: args.look.color,
            mouse: args.look.mouse,
            slow: args.look.slow,
            bell: args.look.bell,
        },
        keys: places::keys().filter(|path| path.exists()),
        saves: places::saves(),
        in_lines: Arc::new(|control, command| Box::pin(change::in_lines(control, command))),
        tour: args.tour,
        sessions: console::Sessions {
            // Each demo is the first one.
            directory: sessions,
            fresh: args.fresh,
            theme_given,
        },
        variables: Arc::new(session::variable),
        end,
    })
    .await
    .map_err(|error| match error {
        // What kept the door shut has its own exit code and words.
        ConsoleError::Door(error) => match error.downcast::<CliError>() {
            Ok(error) => *error,
            Err(error) => ConsoleError::Door(error).into(),
        },
        error => error.into(),
    })?;
    if let Some(text) = farewell {
        output::document(&text)?;
    }
    Ok(Exit::Done)
}

/// An open door for as long as somebody stays, and what it was made from.
pub(super) struct Opened {
    /// As the configuration file is now.
    pub(super) catalog: watch::Receiver<Arc<Catalog>>,
    pub(super) store: Store,
    pub(super) control: Control,
    pub(super) clock: Clock,
}

/// Reads the configuration and opens the store, while the console shows its skeleton.
async fn door(
    global: Global,
    write: bool,
    actor: Actor,
    clock: Clock,
    follow: &OnceLock<config::Follow>,
) -> Result<Opened, CliError> {
    let observe = global.observe;
    let (tell, told) = oneshot::channel();
    // A thread of its own, which ends: what it needed to understand a large file is memory for those that come
    // after it. One that stays would keep that, and it is more than the configuration itself.
    thread::Builder::new()
        .name("reading".to_owned())
        .spawn(move || {
            // Nobody waits any more when the console has ended.
            let _ = tell.send(session::catalog_with(&global, Keys::IfThere));
        })?;
    let catalog = told
        .await
        .map_err(|_| CliError::Console(ConsoleError::Panicked))??;
    let mode = match (observe, write, catalog.environment.production) {
        (true, _, _) | (false, false, true) => Mode::Observe,
        (false, true, _) | (false, false, false) => Mode::Write,
    };
    let url = catalog.store.clone();
    let (followed, following) = config::follow_with(catalog, Keys::IfThere);
    let _ = follow.set(following);
    let store = Store::open(&url, session::access(mode), clock.clone()).await?;
    let control = Control::new(
        followed.catalog.clone(),
        followed.refused,
        store.clone(),
        clock.clone(),
        actor,
        mode,
    );
    Ok(Opened {
        catalog: followed.catalog,
        store,
        control,
        clock,
    })
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
        telemetry::to_stderr(output::log_style(global.log_json))?;
        let mut printed = Ok(());
        prepared
            .headless(Clock::system(), |line| printed = output::line(line))
            .await?;
        printed?;
        return Ok(Exit::Done);
    }
    if let Err(error) = telemetry::to_file(prepared.log(), output::log_style(global.log_json)) {
        output::talk(format_args!(
            "no log: {} cannot be written: {error}",
            prepared.log().display()
        ));
    }
    let args = ConsoleArgs {
        write: false,
        tour: args.tour
            || (!args.no_tour && plain::because(global).is_none() && places::first_tour()),
        fresh: true,
        look: args.look,
    };
    let front = async |stage: demo::Stage| {
        let global = Global {
            config: Some(stage.config),
            ..global.clone()
        };
        open(&global, args, stage.end, Some(stage.serving)).await
    };
    prepared.run(Clock::system(), front).await?
}

/// Runs the simulated providers alone.
pub(super) async fn simulate(global: &Global, args: SimulateArgs) -> Result<Exit, CliError> {
    telemetry::to_stderr(output::log_style(global.log_json))?;
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
