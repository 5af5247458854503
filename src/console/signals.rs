//! The signals that concern a console: the ones that end it, the one that stops it, and the one after a stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The number of SIGHUP.
pub(super) const HANGUP: i32 = rustix::process::Signal::HUP.as_raw();

/// Listens from the moment it is made.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
    stop: Signal,
    cont: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// End, because of this signal.
    End(i32),
    /// Give the terminal back and stop.
    Stop,
    /// The process was stopped and goes on: somebody else had the terminal.
    Continued,
}

/// A signal that tokio has no name for.
fn named(signal: rustix::process::Signal) -> SignalKind {
    SignalKind::from_raw(signal.as_raw())
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            quit: signal(SignalKind::quit())?,
            stop: signal(named(rustix::process::Signal::TSTP))?,
            cont: signal(named(rustix::process::Signal::CONT))?,
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
            _ = self.stop.recv() => return Heard::Stop,
            _ = self.cont.recv() => return Heard::Continued,
        };
        Heard::End(kind.as_raw_value())
    }

    /// Waits until somebody wants the process to stop. Can be dropped and called again.
    pub(super) async fn told_to_stop(&mut self) {
        self.stop.recv().await;
    }

    /// Waits until the process is continued. Can be dropped and called again.
    pub(super) async fn continued(&mut self) {
        self.cont.recv().await;
    }
}
