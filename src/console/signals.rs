//! The signals that concern a console: the ones that end it, and the one after a stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from the moment it is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
    cont: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// End, because of this signal.
    End(i32),
    /// The process was stopped and goes on: somebody else had the terminal.
    Continued,
}

/// SIGCONT, which tokio has no name for.
fn continued() -> SignalKind {
    SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            cont: signal(continued())?,
        })
    }

    /// Forgets what keys of the terminal have sent meanwhile: it was for whoever had the terminal.
    pub(super) fn forget_keys(&mut self) -> io::Result<()> {
        self.interrupt = signal(SignalKind::interrupt())?;
        self.quit = signal(SignalKind::quit())?;
        Ok(())
    }

    /// Waits for the next one. Can be dropped and called again.
    pub(super) async fn next(&mut self) -> Heard {
        let kind = tokio::select! {
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hangup.recv() => SignalKind::hangup(),
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.quit.recv() => SignalKind::quit(),
            _ = self.cont.recv() => return Heard::Continued,
        };
        Heard::End(kind.as_raw_value())
    }
}
