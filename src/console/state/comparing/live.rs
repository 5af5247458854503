//! One route's answer while it comes, and what became of it.
//!
//! Part of a [`super::run::Run`]. What is kept of a text is bounded, and safe to print when it gets here.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    console::state::probing::Fares,
    model::{Answer, ProbeResult, Verdict, visible},
};

/// Nothing came for this long: it is said.
const STALLED: SignedDuration = SignedDuration::from_secs(3);

/// An answer and how far it is.
#[derive(Debug, Default)]
pub struct Live {
    /// How far it is.
    pub stage: Stage,
    /// When it was sent.
    pub sent: Option<Timestamp>,
    /// When something came last.
    pub heard: Option<Timestamp>,
    /// The HTTP status, and the time from sending to it.
    pub head: Option<(u16, Duration)>,
    /// The time from sending to the first output.
    pub first_output: Option<Duration>,
    /// What was said so far; empty once it is over, as the answer has it then.
    pub text: String,
    /// Characters that came and are not kept.
    pub left_out: usize,
}

/// How far an answer is.
#[derive(Clone, Debug, Default)]
pub enum Stage {
    /// Others are asked first.
    #[default]
    Waiting,
    /// It was sent.
    Asked,
    /// It was answered, well or badly.
    Answered(Arc<Answer>),
    /// Nothing was sent; why.
    Unsent(String),
    /// The operator stopped it.
    Stopped,
}

/// What an answer tells while it comes.
#[derive(Clone, Debug)]
pub enum Told {
    /// It is on its way.
    Sent,
    /// More has come; many small steps come as one.
    Heard {
        /// The HTTP status, once there is one, and the time from sending to it.
        head: Option<(u16, Duration)>,
        /// The time from sending to the first output.
        first_output: Option<Duration>,
        /// What was said since the last news: safe to print, with line feeds.
        text: String,
        /// Characters that came and are not kept.
        left_out: usize,
    },
    /// It was answered, well or badly.
    Answered(Arc<Answer>),
    /// Nothing was sent; in words.
    Unsent(String),
}

impl Live {
    /// Takes in what was told.
    pub fn take(&mut self, told: Told, now: Timestamp) {
        if self.over() {
            return;
        }
        match told {
            Told::Sent => {
                self.stage = Stage::Asked;
                self.sent = Some(now);
                self.heard = Some(now);
            }
            Told::Heard {
                head,
                first_output,
                text,
                left_out,
            } => {
                self.heard = Some(now);
                self.head = head.or(self.head);
                self.first_output = first_output.or(self.first_output);
                // Bytes are never fewer than characters, so that what is kept stays within the limit.
                let room = Answer::TEXT_LIMIT.saturating_sub(self.text.len());
                let end = text.floor_char_boundary(room);
                let (kept, rest) = text.split_at(end);
                self.text.push_str(kept);
                self.left_out += left_out + rest.chars().count();
            }
            Told::Answered(answer) => {
                self.text = String::new();
                self.stage = Stage::Answered(answer);
            }
            Told::Unsent(why) => self.stage = Stage::Unsent(visible(&why, 400).into_owned()),
        }
    }

    /// Nothing more is waited for.
    pub fn stop(&mut self) {
        if !self.over() {
            self.stage = Stage::Stopped;
        }
    }

    /// Whether nothing more comes.
    #[must_use]
    pub fn over(&self) -> bool {
        match self.stage {
            Stage::Waiting | Stage::Asked => false,
            Stage::Answered(_) | Stage::Unsent(_) | Stage::Stopped => true,
        }
    }

    /// The answer, once there is one. It may be a failure.
    #[must_use]
    pub fn answer(&self) -> Option<&Arc<Answer>> {
        match &self.stage {
            Stage::Answered(answer) => Some(answer),
            Stage::Waiting | Stage::Asked | Stage::Unsent(_) | Stage::Stopped => None,
        }
    }

    /// What was measured, once it is over.
    #[must_use]
    pub fn result(&self) -> Option<&ProbeResult> {
        self.answer().map(|answer| &answer.result)
    }

    /// How long nothing has come, when that is long.
    fn silent(&self, now: Timestamp) -> Option<i64> {
        let silent = now.duration_since(self.heard?);
        (silent >= STALLED).then(|| silent.as_secs())
    }

    /// How it fares.
    #[must_use]
    pub fn fares(&self, now: Timestamp) -> Fares {
        match &self.stage {
            Stage::Asked if self.silent(now).is_some() => Fares::Stalled,
            Stage::Waiting | Stage::Asked => Fares::Running,
            Stage::Answered(answer) if answer.result.verdict() == Verdict::Failed => Fares::Badly,
            Stage::Answered(answer) if answer.result.is_cut() => Fares::Cut,
            Stage::Answered(_) => Fares::Well,
            Stage::Unsent(_) | Stage::Stopped => Fares::Badly,
        }
    }

    /// How far it is, in a word or two.
    #[must_use]
    pub fn word(&self, now: Timestamp) -> String {
        match &self.stage {
            Stage::Waiting => "waiting".to_owned(),
            Stage::Asked => match (self.head, self.silent(now)) {
                (None, None) => "connecting".to_owned(),
                (None, Some(seconds)) => format!("connecting {seconds} s"),
                (Some(_), None) => "streaming".to_owned(),
                (Some(_), Some(seconds)) => format!("stalled {seconds} s"),
            },
            Stage::Answered(answer) => match &answer.result.failure {
                Some(failure) => format!("failed: {}", failure.class),
                None if answer.result.is_cut() => "cut: max tokens".to_owned(),
                None => "done".to_owned(),
            },
            Stage::Unsent(_) => "not sent".to_owned(),
            Stage::Stopped => "stopped".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Answer, Live, Told};

    fn heard(text: &str) -> Told {
        Told::Heard {
            head: Some((200, Duration::from_millis(120))),
            first_output: Some(Duration::from_millis(400)),
            text: text.to_owned(),
            left_out: 0,
        }
    }

    #[test]
    fn it_says_in_words_how_far_it_is() {
        let start = Timestamp::UNIX_EPOCH;
        let mut live = Live::default();
        assert_eq!(live.word(start), "waiting");
        live.take(Told::Sent, start);
        assert_eq!(live.word(start), "connecting");
        assert_eq!(live.word(start + Duration::from_secs(4)), "connecting 4 s");
        live.take(heard("Hello"), start + Duration::from_secs(4));
        assert_eq!(live.word(start + Duration::from_secs(4)), "streaming");
        assert_eq!(live.word(start + Duration::from_secs(10)), "stalled 6 s");
        live.stop();
        assert_eq!(live.word(start), "stopped");
        live.take(heard(" late"), start);
        assert_eq!(live.text, "Hello", "what comes behind a stop is dropped");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_rest_is_counted() {
        let mut live = Live::default();
        live.take(Told::Sent, Timestamp::UNIX_EPOCH);
        for _ in 0..600 {
            live.take(heard(&"\u{4e2d}".repeat(1_000)), Timestamp::UNIX_EPOCH);
        }
        assert!(live.text.len() <= Answer::TEXT_LIMIT);
        assert_eq!(live.text.chars().count() + live.left_out, 600_000);
    }
}
