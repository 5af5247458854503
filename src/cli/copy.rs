//! `backup` and `restore`: a copy of the store while it is in use, and the way back.

use std::path::{Path, PathBuf};

use super::{
    args::Global,
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session, time,
};
use crate::{
    clock::Clock,
    config::Keys,
    model::visible,
    store::{self, Backup},
};

/// Copies the store of the configuration.
pub(super) async fn backup(global: &Global, to: PathBuf, json: bool) -> Result<Exit, CliError> {
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    let made = store::backup(&catalog.store.url, to.clone(), &Clock::system()).await?;
    if json {
        output::json(&made)?;
    } else {
        let paint = Paint::of(Stream::Out);
        output::line(format_args!(
            "{} {}: {}",
            paint.paint(Tone::Good, "+"),
            shown(&to),
            content(&made)
        ))?;
        if let Some(anchor) = &made.audit {
            output::line(format_args!("anchor {}", visible(anchor, 200)))?;
        }
    }
    Ok(Exit::Done)
}

/// Puts a backup in the place of the store of the configuration.
pub(super) async fn restore(
    global: &Global,
    from: PathBuf,
    discard_newer: bool,
    json: bool,
) -> Result<Exit, CliError> {
    let catalog = session::catalog_with(global, Keys::IfThere)?;
    let clock = Clock::system();
    let restored = store::restore(from, &catalog.store.url, discard_newer, &clock).await?;
    if json {
        output::json(&restored)?;
        return Ok(Exit::Done);
    }
    let paint = Paint::of(Stream::Out);
    let backup = &restored.backup;
    output::line(format_args!(
        "{} {}: the backup of {} on {}; {}",
        paint.paint(Tone::Good, "+"),
        shown(&restored.to),
        time::moment(backup.made),
        visible(&backup.host, 100),
        content(backup)
    ))?;
    if let Some(aside) = &restored.aside {
        output::line(format_args!("  what was there is in {}", shown(aside)))?;
    }
    output::talk("start the gateways; overrides that have ended meanwhile are ended then");
    Ok(Exit::Done)
}

fn content(backup: &Backup) -> String {
    let bytes: u64 = backup.files.iter().map(|file| file.bytes).sum();
    format!(
        "overrides at revision {}, event log up to {}, {} kB",
        backup.revision,
        backup.events.0,
        bytes.div_ceil(1000)
    )
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy(), 400).into_owned()
}
