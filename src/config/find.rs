//! Where the configuration is.

use std::path::{Path, PathBuf};

use super::Variables;

/// Where the configuration is, in order: `explicit`, `BACKSTOP_CONFIG`, `./backstop.toml`,
/// `$XDG_CONFIG_HOME/backstop/backstop.toml` (`~/.config` without it), `/etc/backstop/backstop.toml`.
///
/// What the caller or the variable names is taken as it is, so that a wrong path is reported and not
/// passed over.
///
/// # Errors
/// The places that were looked at, when there is none.
pub fn find(explicit: Option<&Path>, variables: Variables<'_>) -> Result<PathBuf, Vec<PathBuf>> {
    let set = |name: &str| variables(name).filter(|value| !value.is_empty());
    if let Some(path) = explicit {
        return Ok(path.to_owned());
    }
    if let Some(path) = set("BACKSTOP_CONFIG") {
        return Ok(path.into());
    }
    // A relative path would depend on who started us where.
    let absolute = |name: &str| {
        set(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let home = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")));
    let mut places = vec![PathBuf::from("backstop.toml")];
    places.extend(home.map(|home| home.join("backstop").join("backstop.toml")));
    places.push(PathBuf::from("/etc/backstop/backstop.toml"));
    match places.iter().find(|place| place.exists()) {
        Some(place) => Ok(place.clone()),
        None => Err(places),
    }
}
