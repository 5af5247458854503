//! What most commands begin with: configuration read, store opened, door made.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;

use super::{args::Global, error::CliError};
use crate::{
    clock::Clock,
    config::{self, Keys},
    control::{self, Control, Mode},
    model::{Actor, Catalog},
    store::{Access, Store},
};

/// An open door for one command.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) catalog: Arc<Catalog>,
    pub(super) store: Store,
    pub(super) control: Control,
    pub(super) clock: Clock,
}

/// Reads the environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Where the configuration is.
pub(super) fn config_path(global: &Global) -> Result<PathBuf, CliError> {
    config::find(global.config.as_deref(), &variable).map_err(CliError::NoConfig)
}

/// Reads the configuration. It prints nothing: a console may own the screen.
pub(super) fn catalog_with(global: &Global, keys: Keys) -> Result<Catalog, CliError> {
    let path = config_path(global)?;
    let loaded = config::load_with(&path, &variable, keys);
    if let Some(catalog) = loaded.catalog {
        return Ok(catalog);
    }
    Err(CliError::BadConfig {
        path,
        report: Box::new(loaded.report),
    })
}

/// Who acts.
pub(super) fn actor(global: &Global, via: &str) -> Actor {
    control::actor(&variable, global.declared.as_deref(), via)
}

/// Opens everything for one command. `wanted` is what the command needs; `--observe` always wins.
pub(super) async fn open(global: &Global, wanted: Mode) -> Result<Session, CliError> {
    let catalog = Arc::new(catalog_with(global, Keys::IfThere)?);
    let mode = if global.observe {
        Mode::Observe
    } else {
        wanted
    };
    let clock = Clock::system();
    let store = Store::open(&catalog.store, access(mode), clock.clone()).await?;
    Ok(door(global, catalog, store, clock, mode))
}

/// Opens a door onto the configuration alone: nothing was switched and nothing happened. For machines that
/// have no store, such as CI.
pub(super) async fn offline(global: &Global) -> Result<Session, CliError> {
    let catalog = Arc::new(catalog_with(global, Keys::IfThere)?);
    let clock = Clock::system();
    let store = Store::open("memory:offline", Access::Write, clock.clone()).await?;
    Ok(door(global, catalog, store, clock, Mode::Observe))
}

fn door(global: &Global, catalog: Arc<Catalog>, store: Store, clock: Clock, mode: Mode) -> Session {
    // One command reads the configuration once; following it is for those who stay.
    let control = Control::new(
        watch::channel(Arc::clone(&catalog)).1,
        watch::channel(None).1,
        store.clone(),
        clock.clone(),
        actor(global, "cli"),
        mode,
    );
    Session {
        catalog,
        store,
        control,
        clock,
    }
}

/// What a mode may do to the store.
pub(super) fn access(mode: Mode) -> Access {
    match mode {
        Mode::Observe => Access::Observe,
        Mode::Write => Access::Write,
    }
}
