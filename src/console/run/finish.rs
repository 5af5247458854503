//! The end: the terminal is given back first, then what is left is written, and what runs is ended.

use super::{Console, wait::End};
use crate::console::{ConsoleError, signals, update::session};

impl Console {
    /// Gives the terminal back, and then ends what runs.
    pub(super) async fn finish(mut self, end: End) -> Result<Option<String>, ConsoleError> {
        self.input = None;
        self.tty.screen.restore();
        // A terminal that went away is a hang-up, whether its signal, a read or a write tells it first.
        let end = match end {
            End::Lost(_) if self.tty.screen.is_lost() => End::Signal(signals::HANGUP),
            end => end,
        };
        if !matches!(end, End::Panicked)
            && let Some(directory) = self.sessions.take()
            && let Some(left) = session::left(&self.app)
        {
            self.executor.leave_session(directory, left);
        }
        drop(self.arrivals);
        self.executor.close().await;
        match end {
            End::Wanted => Ok(self.farewell),
            End::Signal(number) => Err(ConsoleError::Signal(number)),
            End::Panicked => Err(ConsoleError::Panicked),
            End::Lost(error) => Err(ConsoleError::Terminal(error)),
            End::Door(error) => Err(ConsoleError::Door(error)),
        }
    }
}
