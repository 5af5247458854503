//! What most commands begin with: configuration read, store opened, door made.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::watch;

use super::{announce::Here, args::Global, error::CliError, prompt::Asker};
use crate::{
    clock::Clock,
    config::{self, Keys},
    control::{self, Control, Mode},
    model::{Actor, Catalog},
    store::{Access, Store},
};

/// An open door for one command.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) catalog: Arc<Catalog>,
    pub(super) store: Store,
    pub(super) control: Control,
    pub(super) clock: Clock,
    /// Who answers questions.
    pub(super) asker: Asker,
    /// What the others are told all the time; `None`: only of plans, while they are open.
    pub(super) here: Option<Here>,
}

/// How a command comes to its door: its own, or the one that a line mode holds open.
#[derive(Debug)]
pub(super) struct Doors {
    pub(super) global: Global,
    pub(super) held: Option<Session>,
}

impl Doors {
    /// A door to look through.
    pub(super) async fn reading(&self) -> Result<Session, CliError> {
        self.open(Mode::Observe).await
    }

    /// A door to change something through, unless nothing may be.
    pub(super) async fn writing(&self) -> Result<Session, CliError> {
        self.open(Mode::Write).await
    }

    async fn open(&self, wanted: Mode) -> Result<Session, CliError> {
        match &self.held {
            Some(session) => Ok(session.clone()),
            None => open(&self.global, wanted).await,
        }
    }
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
async fn open(global: &Global, wanted: Mode) -> Result<Session, CliError> {
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
        asker: Asker::default(),
        here: None,
    }
}

/// What a mode may do to the store.
pub(super) fn access(mode: Mode) -> Access {
    match mode {
        Mode::Observe => Access::Observe,
        Mode::Write => Access::Write,
    }
}
