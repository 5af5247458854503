//! Programs of the system that journeys go through: looked for, and asked for in words when they are missing.

use std::path::{Path, PathBuf};

/// Where a program is. Fails with what to install when it is nowhere.
pub(crate) fn find(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Servers stand where the path of a user need not lead.
    let places = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(PathBuf::from));
    let found = places
        .map(|place| place.join(name))
        .find(|file| file.is_file());
    let Some(file) = found else {
        panic!(
            "{name} is needed and missing; install it (on Debian: apt-get install {package}), \
             or start the tests with tests/run, which does"
        );
    };
    file
}

/// A path as a command line takes it.
pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
