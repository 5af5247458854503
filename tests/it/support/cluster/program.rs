//! Where the server's program is.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest server whose compare-and-set can be trusted.
const OLDEST: (u32, u32) = (2, 14);

/// The program that `BACKSTOP_NATS_SERVER` names, the one that `tests/nats-server` installed, or the system's when it
/// is new enough. Fails with what to do when there is none: these tests are never passed over in silence.
pub(crate) fn find() -> PathBuf {
    if let Some(named) = std::env::var_os("BACKSTOP_NATS_SERVER") {
        let named = PathBuf::from(named);
        assert!(
            fits(&named),
            "BACKSTOP_NATS_SERVER={} is not a nats-server of version {}.{} or newer",
            named.display(),
            OLDEST.0,
            OLDEST.1
        );
        return named;
    }
    // Cargo's directory for what tests make, in the target directory; unit tests are not told of it.
    let target = option_env!("CARGO_TARGET_TMPDIR").map_or_else(
        || Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("target")),
        |made| Path::new(made).parent().map(Path::to_owned),
    );
    let installed = target.map(|target| target.join("tools/bin/nats-server"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|place| place.join("nats-server"));
    let found = installed.into_iter().chain(system).find(|file| fits(file));
    let Some(file) = found else {
        panic!(
            "nats-server {}.{} or newer is needed and missing; run tests/nats-server once, which installs it under \
             target/, or name one in BACKSTOP_NATS_SERVER, or start the tests with tests/run",
            OLDEST.0, OLDEST.1
        );
    };
    file
}

fn fits(file: &Path) -> bool {
    if !file.is_file() {
        return false;
    }
    let Ok(output) = Command::new(file).arg("--version").output() else {
        return false;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let mut numbers = said
        .trim()
        .strip_prefix("nats-server: v")
        .unwrap_or_default()
        .split('.')
        .map_while(|number| number.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) >= OLDEST,
        _ => false,
    }
}
