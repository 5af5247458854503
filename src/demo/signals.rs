//! Waiting to be asked to end: SIGTERM, SIGINT, SIGHUP, or the time being up.

use std::{io, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the process is asked to end, or after `seconds`.
///
/// # Errors
/// When signals cannot be received; nothing was waited for then.
pub(super) async fn asked_to_end(seconds: Option<Duration>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
        () = time_up(seconds) => {}
    }
    Ok(())
}

/// Resolves after `seconds`; never for `None`.
pub(super) async fn time_up(seconds: Option<Duration>) {
    match seconds {
        Some(seconds) => tokio::time::sleep(seconds).await,
        None => std::future::pending().await,
    }
}
