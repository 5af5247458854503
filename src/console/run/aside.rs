//! Standing aside: the shell has the terminal while the process is stopped, by its own key or by somebody's SIGTSTP.

use std::{io, time::Duration};

use tokio::time::timeout;

use super::Console;
use crate::console::msg::Msg;

/// How long after a stop its end, and after telling the group our own part of it, may take to be heard of.
const HEARD: Duration = Duration::from_secs(1);

/// Who wants the console to stand aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// The operator, by a key: whatever wraps the console is to stop as well.
    Key,
    /// Somebody, by a signal.
    Signal,
}

impl Console {
    /// Gives the terminal to the shell and takes it again afterwards. Where nobody could continue it, it stays, as
    /// it would if the kernel decided.
    pub(super) async fn stand_aside(&mut self, by: Aside) -> io::Result<()> {
        if !(self.tty.jobs.can_stop)() {
            if by == Aside::Key {
                self.take_in(Msg::NotSuspended);
            }
            return Ok(());
        }
        self.input = None;
        self.tty.screen.restore();
        if by == Aside::Key && (self.tty.jobs.tell_group)()? {
            // What we told ourselves is no news.
            let _ = timeout(HEARD, self.signals.told_to_stop()).await;
        }
        self.stand_still().await?;
        self.listen()?;
        self.come_back()
    }

    /// Stops, and returns when the process is continued.
    pub(super) async fn stand_still(&mut self) -> io::Result<()> {
        if (self.tty.jobs.stop)()? {
            // That it was continued is known now; what else was sent meanwhile must not be lost.
            let _ = timeout(HEARD, self.signals.continued()).await;
        }
        Ok(())
    }
}
