//! Exit codes: the closed list that scripts may rely on. Printed by every `--help` and tested.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `check`: no finding.
    Done,
    /// Done with a reservation, or a negative answer: warnings, nothing to change, a change that not
    /// every gateway has confirmed yet.
    Reserved,
    /// The command line or the configuration is wrong.
    Usage,
    /// Refused: by the policy, because this is an OBSERVE session, by the cluster's permissions, or for want of
    /// confirmation.
    Refused,
    /// The plan is stale or unknown, or somebody else was faster.
    Stale,
    /// The store, the gateway's address or the terminal cannot be used.
    Unavailable,
    /// The store went away before it answered: nobody knows whether the change was made.
    Unknown,
    /// Ended by a signal: 128 and its number.
    Signal(i32),
}

/// The same list for people.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    done with a reservation, or a negative answer: warnings found, nothing to change,
       a probe that failed, a fallback below its bar, a change that not every gateway has
       confirmed in time
  2    the command line or the configuration is wrong
  3    refused by policy, by OBSERVE, by the permissions of a NATS login, or for want of
       confirmation; nothing was changed
  4    the plan is stale or unknown, or somebody else was faster; nothing was changed
  5    the store, an address or the terminal cannot be used
  6    nobody knows whether the change was made: the store went away before it answered; look
       at `backstop audit` before trying again
  130  interrupted (128 + signal number)

Data goes to standard output, talk to standard error. A closed pipe is no error.";

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Reserved => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Stale => 4,
            Self::Unavailable => 5,
            Self::Unknown => 6,
            Self::Signal(number) => u8::try_from(number).unwrap_or_default().saturating_add(128),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code() {
        for exit in [
            Exit::Done,
            Exit::Reserved,
            Exit::Usage,
            Exit::Refused,
            Exit::Stale,
            Exit::Unavailable,
            Exit::Unknown,
            Exit::Signal(2),
        ] {
            let line = format!("\n  {:<3}  ", exit.code());
            assert!(EXIT_CODES.contains(&line), "{exit:?}");
        }
    }
}
