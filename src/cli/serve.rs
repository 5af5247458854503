//! `serve`: the gateway alone, until a signal ends it.

use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    args::{Global, ServeArgs},
    error::CliError,
    exit::Exit,
    harden, output, session, supervisor,
};
use crate::{
    clock::Clock,
    config::{self, Keys},
    gateway::{Gateway, Options},
    model::LogFailure,
    probe::{self, Prober, Rounds, Schedule},
    store::{Access, Store},
    telemetry,
};

/// Serves. The first SIGTERM or SIGINT drains, a second one ends at once; SIGHUP reads the configuration
/// again.
pub(super) async fn run(global: &Global, args: ServeArgs) -> Result<Exit, CliError> {
    let style = output::log_style(global.log_json);
    match &args.log {
        None => telemetry::to_stderr(style)?,
        Some(path) => telemetry::to_file(path, style).map_err(|error| {
            CliError::Usage(format!(
                "the log {} cannot be written: {error}",
                path.display()
            ))
        })?,
    }
    allow_descriptors();
    // Before anything else: a signal during the start must not be lost, or kill half a gateway.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;

    if harden::open() {
        tracing::warn!(
            "{} is set: a core dump of this process shows its keys",
            harden::VARIABLE
        );
    }
    let catalog = session::catalog_with(global, Keys::Needed)?;
    let open_files = getrlimit(Resource::Nofile).current;
    tracing::info!(
        environment = catalog.environment.name,
        store = catalog.store.url,
        open_files,
        "starting"
    );
    let connections = catalog.gateway.max_connections;
    // One to the client and one to the provider.
    if let Some(most) = open_files
        && most / 2 < u64::try_from(connections).unwrap_or(u64::MAX)
    {
        tracing::warn!(
            "the limit of {most} open files is reached before gateway.max_connections = {connections}: \
             raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn), or lower that"
        );
    }
    let clock = Clock::system();
    let store = match catalog.gateway.without_store {
        LogFailure::Serve => Store::open_or_wait(&catalog.store, clock.clone()).await?,
        LogFailure::Refuse => Store::open(&catalog.store, Access::Write, clock.clone()).await?,
    };
    let (followed, follow) = config::follow(catalog);
    let tls = Arc::default();
    let gateway = Gateway::start(Options {
        catalog: followed.catalog.clone(),
        refused: followed.refused,
        store: store.clone(),
        clock: clock.clone(),
        tls: Arc::clone(&tls),
        region: args.region,
    })
    .await?;
    let schedule = Schedule::start(Rounds {
        prober: Prober::new(tls, clock.clone()),
        catalog: followed.catalog,
        store: store.clone(),
        clock,
        name: gateway.name().clone(),
        beat: probe::BEAT,
    })?;
    supervisor::tell(&format!("READY=1\nSTATUS=serving at {}", gateway.address()));
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                tracing::info!("SIGHUP: reading the configuration again");
                follow.reload();
            }
        }
    }
    supervisor::tell("STOPPING=1\nSTATUS=draining");
    tracing::info!("draining; another signal ends at once");
    let stopping = async {
        schedule.stop().await;
        gateway.stop().await;
    };
    let number = tokio::select! {
        () = stopping => None,
        _ = terminate.recv() => Some(SignalKind::terminate()),
        _ = interrupt.recv() => Some(SignalKind::interrupt()),
    };
    if let Some(kind) = number {
        tracing::warn!("ended before every request had finished");
        return Ok(Exit::Signal(kind.as_raw_value()));
    }
    store.close().await?;
    tracing::info!("ended");
    Ok(Exit::Done)
}

/// A stream is two descriptors, and the usual limit of 1,024 would end the service at some five hundred: what
/// the system allows at most is used.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, all) {
        tracing::warn!(%error, limit = ?limit.current, "cannot raise the limit of open files");
    }
}
