//! Where this program keeps what belongs to its user: log, saved views, keys and themes.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{args::Global, error::CliError, exit::Exit, output, session};
use crate::config::{self, Keys};

/// The console's log.
pub(super) fn log() -> PathBuf {
    state().join("console.log")
}

/// Saved views and copied texts.
pub(super) fn saves() -> PathBuf {
    state().join("saves")
}

/// The operator's own keys.
pub(super) fn keys() -> PathBuf {
    own_config().join("keys.toml")
}

/// The operator's own themes.
pub(super) fn themes() -> PathBuf {
    own_config().join("themes")
}

fn state() -> PathBuf {
    base("XDG_STATE_HOME", ".local/state")
}

fn own_config() -> PathBuf {
    base("XDG_CONFIG_HOME", ".config")
}

/// As the XDG base directory rules say: a relative path does not count.
fn base(name: &str, under_home: &str) -> PathBuf {
    let absolute = |text: String| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    session::variable(name)
        .and_then(absolute)
        .or_else(|| {
            session::variable("HOME")
                .and_then(absolute)
                .map(|home| home.join(under_home))
        })
        .unwrap_or_else(std::env::temp_dir)
        .join("backstop")
}

/// Prints every path that is used.
pub(super) fn print(global: &Global, as_json: bool) -> Result<Exit, CliError> {
    let config = session::config_path(global);
    let store = config.as_ref().ok().and_then(|path| {
        config::load_with(path, &session::variable, Keys::IfThere)
            .catalog
            .map(|catalog| catalog.store)
    });
    let show = |path: &Path| path.display().to_string();
    let rows = [
        ("config", config.as_ref().ok().map(|path| show(path))),
        ("store", store),
        ("keys", Some(show(&keys()))),
        ("themes", Some(show(&themes()))),
        ("log", Some(show(&log()))),
        ("saves", Some(show(&saves()))),
    ];
    if as_json {
        let object: serde_json::Map<String, serde_json::Value> = rows
            .into_iter()
            .map(|(name, path)| (name.to_owned(), json!(path)))
            .collect();
        output::json(&object)?;
    } else {
        for (name, path) in rows {
            output::line(format_args!(
                "{name:<8}{}",
                path.as_deref().unwrap_or("none")
            ))?;
        }
    }
    if let Err(CliError::NoConfig(looked)) = config {
        for path in looked {
            output::talk(format_args!("no configuration at {}", path.display()));
        }
    }
    Ok(Exit::Done)
}
