//! The mouse as far as the console knows one: when it is listened to, and what it can say.
//!
//! It is never needed: whatever it does, a key does.

use std::str::FromStr;

/// When the mouse is listened to from the start. Off, the terminal's own selection works as ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mouse {
    /// Not before it is switched on.
    #[default]
    Off,
    /// Where the terminal is on this machine: over SSH, reports are slow and selecting text is what a mouse is for.
    Local,
    /// Always.
    On,
}

impl FromStr for Mouse {
    type Err = String;

    /// As given to `--mouse`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "local" => Ok(Self::Local),
            "on" => Ok(Self::On),
            other => Err(format!("`{other}` is no such moment; use off, local or on")),
        }
    }
}

impl Mouse {
    /// Whether it is listened to in this environment.
    #[must_use]
    pub fn wanted(self, variables: &dyn Fn(&str) -> Option<String>) -> bool {
        let far = || {
            ["SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"]
                .into_iter()
                .any(|name| variables(name).is_some_and(|value| !value.is_empty()))
        };
        match self {
            Self::Off => false,
            Self::Local => !far(),
            Self::On => true,
        }
    }
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// Its first button was pressed.
    Press,
    /// Its wheel was turned away.
    WheelUp,
    /// Its wheel was turned near.
    WheelDown,
}

#[cfg(test)]
mod tests {
    use super::Mouse;

    #[test]
    fn it_is_listened_to_where_that_is_wanted() {
        let here = |_: &str| None;
        let far = |name: &str| (name == "SSH_TTY").then(|| "/dev/pts/1".to_owned());
        let empty = |_: &str| Some(String::new());
        for (case, mouse, local, over_ssh) in [
            ("off", Mouse::Off, false, false),
            ("local", Mouse::Local, true, false),
            ("on", Mouse::On, true, true),
        ] {
            assert_eq!(mouse.wanted(&here), local, "{case}");
            assert_eq!(mouse.wanted(&empty), local, "{case}, empty is not set");
            assert_eq!(mouse.wanted(&far), over_ssh, "{case}");
            assert_eq!(case.parse(), Ok(mouse));
        }
    }
}
