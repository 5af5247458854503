//! Job control: stopping so that the shell gets the terminal, and only where somebody can continue what stopped.
//!
//! Called by `run`. SIGTSTP is caught here, so that the screen is given back before the process stands still
//! (`signals` hears it); what really stops it then is SIGSTOP. That one is obeyed everywhere, also where the kernel
//! would ignore SIGTSTP because nobody is left to continue the process: so that is asked first.

use std::io;

use rustix::process::{
    Signal, getpgid, getpgrp, getpid, getsid, kill_current_process_group, kill_process,
};

/// Stopping, as the loop sees it; a test has its own.
#[derive(Clone, Copy)]
pub(super) struct Jobs {
    /// Whether somebody could continue this process.
    pub(super) can_stop: fn() -> bool,
    /// Tells the others of the process group to stop, as the terminal's own ctrl-z would: a wrapper that went on
    /// would keep the shell waiting. Answers whether this process is told as well and will hear of it.
    pub(super) tell_group: fn() -> io::Result<bool>,
    /// Stops this process; returns when it is continued. Answers whether SIGCONT will be heard of.
    pub(super) stop: fn() -> io::Result<bool>,
}

impl Jobs {
    /// Those of this process.
    pub(super) const REAL: Self = Self {
        can_stop,
        tell_group,
        stop,
    };
}

/// A shell gives each job a process group of its own. In the group of the session's leader there is no shell
/// outside that could continue us: so it is for what tmux or `ssh HOST backstop` have started.
fn can_stop() -> bool {
    let leader = getsid(None).and_then(|session| getpgid(Some(session)));
    leader.is_ok_and(|group| group != getpgrp())
}

fn tell_group() -> io::Result<bool> {
    kill_current_process_group(Signal::TSTP)?;
    Ok(true)
}

fn stop() -> io::Result<bool> {
    kill_process(getpid(), Signal::STOP)?;
    Ok(true)
}
