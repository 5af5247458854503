//! The message line: one sentence at a time. Errors stay until they are read; the rest fades.

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::model::visible;

/// How long a note that is no error stays.
const NOTE: Duration = Duration::from_secs(8);
/// How long a confirmation stays.
const DONE: Duration = Duration::from_mins(1);
/// The most unread errors kept; the oldest go first.
const KEPT: usize = 20;

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Note,
    /// What was asked has happened.
    Done,
    /// Needs care.
    Warning,
    /// Did not happen; stays until read.
    Error,
}

/// One sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How it is meant.
    pub level: Level,
    /// In words, safe to print.
    pub text: String,
    /// When.
    pub at: Timestamp,
}

/// So many messages are remembered.
const REMEMBERED: usize = 200;

/// The line.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    /// Everything that was said, oldest first.
    said: VecDeque<Message>,
    /// Errors that were not read yet, oldest first.
    unread: VecDeque<Message>,
    /// Anything else; the newest only.
    latest: Option<Message>,
}

impl Messages {
    /// Says something.
    pub fn say(&mut self, level: Level, text: &str, now: Timestamp) {
        let message = Message {
            level,
            text: visible(text, 600).into_owned(),
            at: now,
        };
        let repeated = self
            .said
            .back()
            .is_some_and(|last| (last.level, &last.text) == (level, &message.text));
        if repeated {
            self.said.pop_back();
        }
        self.said.push_back(message.clone());
        if self.said.len() > REMEMBERED {
            self.said.pop_front();
        }
        match level {
            Level::Error => {
                if self.unread.back().is_some_and(|last| last.text == text) {
                    return;
                }
                self.unread.push_back(message);
                if self.unread.len() > KEPT {
                    self.unread.pop_front();
                }
            }
            Level::Note | Level::Done | Level::Warning => self.latest = Some(message),
        }
    }

    /// What the line shows: unread errors before anything else.
    #[must_use]
    pub fn shown(&self) -> Option<&Message> {
        self.unread.front().or(self.latest.as_ref())
    }

    /// Errors behind the one that is shown.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.unread.len().saturating_sub(1)
    }

    /// Whether an error is shown.
    #[must_use]
    pub fn is_error(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Marks what is shown as read. Answers whether there was anything.
    pub fn read(&mut self) -> bool {
        self.unread.pop_front().is_some() || self.latest.take().is_some()
    }

    /// Everything that was said, the newest first.
    pub fn said(&self) -> impl Iterator<Item = &Message> {
        self.said.iter().rev()
    }

    /// Marks everything as read.
    pub fn read_all(&mut self) {
        self.unread.clear();
        self.latest = None;
    }

    /// Lets what is old enough fade. Answers whether the line changed.
    pub fn fade(&mut self, now: Timestamp) -> bool {
        let Some(latest) = &self.latest else {
            return false;
        };
        let stays = match latest.level {
            Level::Note | Level::Error => NOTE,
            Level::Done | Level::Warning => DONE,
        };
        let old = now.duration_since(latest.at)
            >= SignedDuration::try_from(stays).unwrap_or(SignedDuration::ZERO);
        if old {
            self.latest = None;
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Level, Messages};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn errors_stay_until_read_and_notes_fade() {
        let mut line = Messages::default();
        line.say(Level::Error, "the store failed", at(0));
        line.say(Level::Error, "the plan is stale", at(1));
        line.say(Level::Note, "saved", at(2));
        line.fade(at(0) + Duration::from_hours(1));
        assert_eq!(line.shown().unwrap().text, "the store failed");
        assert_eq!(line.waiting(), 1);
        assert!(line.read() && line.read());
        assert_eq!(line.shown(), None, "the note faded behind the errors");
        assert!(!line.read());
    }

    #[test]
    fn hostile_text_is_made_visible() {
        let mut line = Messages::default();
        line.say(Level::Note, "a\x1b[2Jb", at(0));
        assert_eq!(line.shown().unwrap().text, "a\u{241b}[2Jb");
    }
}
