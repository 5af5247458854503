//! Where this program keeps what belongs to its user: log, saved views, keys and themes.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{args::Global, error::CliError, exit::Exit, output, session};
use crate::config::{self, Keys};

/// The variables that give these places, for messages.
pub(super) const WANTED: &str = "set HOME, or XDG_STATE_HOME and XDG_CONFIG_HOME";

/// The console's log. `None` of these: the user has no place of their own.
pub(super) fn log() -> Option<PathBuf> {
    Some(state()?.join("console.log"))
}

/// Saved views and copied texts.
pub(super) fn saves() -> Option<PathBuf> {
    Some(state()?.join("saves"))
}

/// What the console leaves for its next start.
pub(super) fn sessions() -> Option<PathBuf> {
    Some(state()?.join("sessions"))
}

/// The operator's own keys.
pub(super) fn keys() -> Option<PathBuf> {
    Some(own_config()?.join("keys.toml"))
}

/// The operator's own themes.
pub(super) fn themes() -> Option<PathBuf> {
    Some(own_config()?.join("themes"))
}

/// Where themes are looked for, in this order, before the built-in ones.
pub(super) fn theme_directories() -> Vec<PathBuf> {
    themes()
        .into_iter()
        .chain(["/etc/xdg/backstop/themes".into()])
        .collect()
}

/// Whether the tour was never shown to this user; from now on it was. Without a place to remember it, it is not
/// shown unasked: it would come every time.
pub(super) fn first_tour() -> bool {
    state().is_some_and(|state| {
        let first = std::fs::create_dir_all(&state)
            .and_then(|()| std::fs::File::create_new(state.join("tour-shown")));
        first.is_ok()
    })
}

fn state() -> Option<PathBuf> {
    base("XDG_STATE_HOME", ".local/state")
}

fn own_config() -> Option<PathBuf> {
    base("XDG_CONFIG_HOME", ".config")
}

/// As the XDG base directory rules say: a relative path does not count. There is no other place: in a
/// directory that is shared, anybody could put keys and themes for somebody else.
fn base(name: &str, under_home: &str) -> Option<PathBuf> {
    let absolute = |text: String| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    let base = session::variable(name).and_then(absolute).or_else(|| {
        let home = session::variable("HOME").and_then(absolute)?;
        Some(home.join(under_home))
    })?;
    Some(base.join("backstop"))
}

/// Prints every path that is used.
pub(super) fn print(global: &Global, as_json: bool) -> Result<Exit, CliError> {
    let config = session::config_path(global);
    let store = config.as_ref().ok().and_then(|path| {
        config::load_with(path, &session::variable, Keys::IfThere)
            .catalog
            .map(|catalog| catalog.store.url)
    });
    let show = |path: &Path| path.display().to_string();
    let own = |path: Option<PathBuf>| path.as_deref().map(show);
    let rows = [
        ("config", config.as_ref().ok().map(|path| show(path))),
        ("store", store),
        ("keys", own(keys())),
        ("themes", own(themes())),
        ("log", own(log())),
        ("saves", own(saves())),
        ("sessions", own(sessions())),
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
                "{name:<10}{}",
                path.as_deref().unwrap_or("none")
            ))?;
        }
    }
    if state().is_none() || own_config().is_none() {
        output::talk(format_args!(
            "no home, so no place for files of your own; {WANTED}"
        ));
    }
    if let Err(CliError::NoConfig(looked)) = config {
        for path in looked {
            output::talk(format_args!("no configuration at {}", path.display()));
        }
    }
    Ok(Exit::Done)
}
