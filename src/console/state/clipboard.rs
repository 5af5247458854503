//! Copying over the terminal (OSC 52), in words that say no more than is known: nobody answers whether it arrived.

use std::{fmt::Write as _, path::PathBuf};

/// The longest text that is sent, in bytes: encoded it is what common terminals take (just under 75 kB).
pub const LONGEST: usize = 56_000;

/// What stands between this program and the terminal of the operator, as far as the environment tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Between {
    /// Nothing that is known.
    #[default]
    Nothing,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
    /// tmux or screen on the machine that the operator came from.
    Either,
}

impl Between {
    /// As the environment tells.
    #[must_use]
    pub fn of(variables: &dyn Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variables(name).filter(|value| !value.is_empty());
        // The inner one may have inherited the variable of the outer one: the terminal is named by the inner.
        let term = set("TERM").unwrap_or_default();
        let (tmux, screen) = (set("TMUX").is_some(), set("STY").is_some());
        match (tmux, screen) {
            (true, true) if !term.starts_with("tmux") => Self::Either,
            (true, _) => Self::Tmux,
            (false, true) => Self::Screen,
            (false, false) if term.starts_with("tmux") || term.starts_with("screen") => {
                Self::Either
            }
            (false, false) => Self::Nothing,
        }
    }

    /// What it may do with what is sent.
    const fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Tmux => Some("tmux passes it on only with `set-clipboard on`"),
            Self::Screen => Some("screen does not pass it on"),
            Self::Either => Some("tmux or screen on the way may not pass it on"),
        }
    }
}

/// What was done with a copied text of so many bytes. Answers the sentence, and whether all of it was done.
#[must_use]
pub fn told(between: Between, length: usize, saved: &Result<PathBuf, String>) -> (String, bool) {
    let sent = length <= LONGEST;
    let mut text = match between.caveat() {
        _ if !sent => format!(
            "NOT sent to terminal: {} kB are more than the {} kB that terminals take",
            length.div_ceil(1_000),
            LONGEST / 1_000
        ),
        Some(caveat) => format!("sent to terminal ({caveat})"),
        None => "sent to terminal".to_owned(),
    };
    let and = if sent { "and" } else { "but" };
    // Writing to a string cannot fail.
    _ = match saved {
        Ok(file) => write!(text, ", {and} saved to {}", file.display()),
        Err(why) => write!(text, ", and not saved: {why}"),
    };
    (text, sent && saved.is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Between, LONGEST, told};

    #[test]
    fn what_is_between_is_told_by_the_environment() {
        for (case, variables, expected) in [
            (
                "nothing",
                &[("TERM", "xterm-256color")][..],
                Between::Nothing,
            ),
            (
                "tmux",
                &[("TMUX", "/tmp/t,1,0"), ("TERM", "screen")],
                Between::Tmux,
            ),
            (
                "screen",
                &[("STY", "1.pts"), ("TERM", "screen")],
                Between::Screen,
            ),
            (
                "tmux within screen",
                &[
                    ("TMUX", "/tmp/t,1,0"),
                    ("STY", "1.pts"),
                    ("TERM", "tmux-256color"),
                ],
                Between::Tmux,
            ),
            (
                "one within the other",
                &[("TMUX", "/tmp/t,1,0"), ("STY", "1.pts"), ("TERM", "screen")],
                Between::Either,
            ),
            ("before ssh", &[("TERM", "tmux-256color")], Between::Either),
            ("empty", &[("TMUX", ""), ("STY", "")], Between::Nothing),
        ] {
            let variables = |name: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Between::of(&variables), expected, "{case}");
        }
    }

    #[test]
    fn it_says_what_was_done_and_not_what_came_of_it() {
        let file = || Ok("/home/mira/copy.txt".into());
        for (case, between, length, saved, expected, all) in [
            (
                "sent",
                Between::Nothing,
                LONGEST,
                file(),
                "sent to terminal, and saved to /home/mira/copy.txt",
                true,
            ),
            (
                "tmux",
                Between::Tmux,
                10,
                file(),
                "sent to terminal (tmux passes it on only with `set-clipboard on`), and saved to /home/mira/copy.txt",
                true,
            ),
            (
                "too long",
                Between::Tmux,
                LONGEST + 1,
                file(),
                "NOT sent to terminal: 57 kB are more than the 56 kB that terminals take, but saved to /home/mira/copy.txt",
                false,
            ),
            (
                "no place",
                Between::Nothing,
                10,
                Err("no HOME".to_owned()),
                "sent to terminal, and not saved: no HOME",
                false,
            ),
        ] {
            assert_eq!(
                told(between, length, &saved),
                (expected.to_owned(), all),
                "{case}"
            );
        }
    }

    #[test]
    fn what_is_sent_stays_below_what_terminals_refuse() {
        assert!(LONGEST.div_ceil(3) * 4 < 74_994);
    }
}
