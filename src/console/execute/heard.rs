//! The steps of one answer, put together: many small ones become one piece of news.
//!
//! Used by the tasks that ask routes. What is told is bounded and safe to print.

use std::{
    mem,
    time::{Duration, Instant},
};

use crate::{clock::Clock, model::visible_lines, probe::Step, wire::said::Delta};

/// What comes within this time is told at once.
pub(super) const TOGETHER: Duration = Duration::from_millis(50);

/// What came in addition.
pub(super) struct Fresh {
    /// The HTTP status, once there is one, and the time from sending to it.
    pub(super) head: Option<(u16, Duration)>,
    /// The time from sending to the first output.
    pub(super) first_output: Option<Duration>,
    /// Safe to print, with line feeds.
    pub(super) text: String,
    /// Characters that came and are not kept.
    pub(super) left_out: usize,
}

/// What came since the last news.
pub(super) struct Heard {
    /// The most characters that are told in all.
    limit: usize,
    sent: Instant,
    head: Option<(u16, Duration)>,
    first_output: Option<Duration>,
    fresh: String,
    /// What was added last.
    part: Part,
    taken: usize,
    left_out: usize,
    changed: bool,
}

/// Parts of an answer; each begins on a line of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Nothing,
    Text,
    Reasoning,
    Refusal,
    Call,
}

impl Heard {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            sent: Clock::instant(),
            head: None,
            first_output: None,
            fresh: String::new(),
            part: Part::Nothing,
            taken: 0,
            left_out: 0,
            changed: false,
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        let after = Clock::instant().saturating_duration_since(self.sent);
        match step {
            Step::Head(status) => {
                self.head = Some((status, after));
                self.changed = true;
            }
            Step::Said(delta) => {
                self.first_output.get_or_insert(after);
                match delta {
                    Delta::Text(text) => self.say(Part::Text, "", &text),
                    Delta::Reasoning(text) => self.say(Part::Reasoning, "(thinks) ", &text),
                    Delta::Refusal(text) => self.say(Part::Refusal, "(refuses) ", &text),
                    Delta::Tool(name) => {
                        self.part = Part::Nothing;
                        self.say(Part::Call, "(calls) ", &format!("{name} "));
                    }
                    Delta::Arguments(_, text) => self.add(&text),
                }
            }
        }
    }

    /// Adds to a part, or begins it.
    fn say(&mut self, part: Part, lead: &str, text: &str) {
        if self.part != part {
            if self.taken > 0 {
                self.add("\n");
            }
            self.add(lead);
            self.part = part;
        }
        self.add(text);
    }

    pub(super) fn add(&mut self, text: &str) {
        self.changed = true;
        let end = text.floor_char_boundary(self.limit.saturating_sub(self.taken));
        let (kept, rest) = text.split_at(end);
        self.fresh.push_str(kept);
        self.taken += kept.len();
        self.left_out += rest.chars().count();
    }

    /// What came since this was last asked; `None`: nothing.
    pub(super) fn news(&mut self) -> Option<Fresh> {
        if !mem::take(&mut self.changed) {
            return None;
        }
        let fresh = mem::take(&mut self.fresh);
        Some(Fresh {
            head: self.head,
            first_output: self.first_output,
            text: visible_lines(&fresh, self.limit),
            left_out: mem::take(&mut self.left_out),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Delta, Fresh, Heard, Step};

    /// What these tests keep.
    const KEPT: usize = 100_000;

    fn text(news: Option<Fresh>) -> (String, usize) {
        let news = news.expect("news");
        (news.text, news.left_out)
    }

    #[test]
    fn many_small_steps_are_one_piece_of_news() {
        let mut heard = Heard::new(KEPT);
        heard.step(Step::Head(200));
        for _ in 0..10_000 {
            heard.step(Step::Said(Delta::Text("a".to_owned())));
        }
        assert_eq!(text(heard.news()), ("a".repeat(10_000), 0));
        assert!(heard.news().is_none(), "nothing new is no news");
    }

    #[test]
    fn every_part_begins_on_its_own_line_and_is_safe() {
        let mut heard = Heard::new(KEPT);
        for delta in [
            Delta::Reasoning("hm".to_owned()),
            Delta::Reasoning("m".to_owned()),
            Delta::Text("a\u{1b}[2Jb".to_owned()),
            Delta::Tool("look_up".to_owned()),
            Delta::Arguments(0, "{\"a\":".to_owned()),
            Delta::Arguments(0, "1}".to_owned()),
            Delta::Tool("look_up".to_owned()),
        ] {
            heard.step(Step::Said(delta));
        }
        assert_eq!(
            text(heard.news()).0,
            "(thinks) hmm\na\u{241b}[2Jb\n(calls) look_up {\"a\":1}\n(calls) look_up "
        );
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_rest_is_counted() {
        let mut heard = Heard::new(KEPT);
        heard.step(Step::Said(Delta::Text("é".repeat(KEPT))));
        let (kept, left_out) = text(heard.news());
        assert_eq!((kept.len(), left_out), (KEPT, KEPT / 2));
        heard.step(Step::Said(Delta::Text("more".to_owned())));
        assert_eq!(text(heard.news()), (String::new(), 4));
    }

    #[test]
    fn the_first_output_is_counted_once() {
        let mut heard = Heard::new(KEPT);
        heard.step(Step::Said(Delta::Text("a".to_owned())));
        let first = heard.first_output;
        heard.step(Step::Said(Delta::Text("b".to_owned())));
        assert_eq!(heard.first_output, first);
        assert!(first.is_some_and(|first| first < Duration::from_secs(5)));
    }
}
