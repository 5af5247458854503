//! What the system asks of a line mode.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The number of ctrl-c.
pub(super) const INTERRUPT: i32 = SignalKind::interrupt().as_raw_value();

/// What was heard.
pub(super) enum Heard {
    /// ctrl-c.
    Interrupt,
    /// It should end; by which number.
    End(i32),
}

/// Ears for signals.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    pub(super) async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.interrupt.recv() => Heard::Interrupt,
            _ = self.terminate.recv() => Heard::End(SignalKind::terminate().as_raw_value()),
            _ = self.hangup.recv() => Heard::End(SignalKind::hangup().as_raw_value()),
        }
    }
}
