//! How a comparison is looked at: which view, which side, from which line on.

use super::case::Side;
use crate::{console::state::list::Step, model::PayloadClass};

/// How two answers are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// What fits the kind of answer: a table of fields or calls, or paragraph beside paragraph, where there is room
    /// for both; else one side at a time, at the same line.
    Aligned,
    /// One above the other.
    Stacked,
    /// One text in which what differs stands twice.
    Unified,
}

impl View {
    /// The one to begin with.
    #[must_use]
    pub const fn usual(class: PayloadClass, narrow: bool) -> Self {
        match class {
            // Lines of code are compared as lines; two halves of a narrow screen would break them all.
            PayloadClass::Code if narrow => Self::Unified,
            PayloadClass::Code
            | PayloadClass::Chat
            | PayloadClass::Json
            | PayloadClass::Tools
            | PayloadClass::Vision
            | PayloadClass::Long
            | PayloadClass::Embeddings => Self::Aligned,
        }
    }

    /// The next one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Aligned => Self::Stacked,
            Self::Stacked => Self::Unified,
            Self::Unified => Self::Aligned,
        }
    }
}

/// Where the operator looks. Begins anew with every sample, but for what they chose.
#[derive(Clone, Debug)]
pub struct Look {
    /// The view; `None`: the usual one.
    pub view: Option<View>,
    /// The side that is shown alone, or that moves alone.
    pub side: Side,
    /// Both sides move together.
    pub locked: bool,
    /// Whether words that differ are marked; `None`: as usual for the class.
    pub words: Option<bool>,
    /// The first line of each side that is shown; `None`: the newest page while it comes, the first when it is
    /// there.
    pub scroll: [Option<usize>; 2],
    /// The difference that was jumped to.
    pub difference: Option<usize>,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            view: None,
            side: Side::A,
            locked: true,
            words: None,
            scroll: [None, None],
            difference: None,
        }
    }
}

impl Look {
    /// At another sample: from its beginning.
    pub fn anew(&mut self) {
        self.scroll = [None, None];
        self.difference = None;
        self.side = Side::A;
    }

    /// Whether words that differ are marked.
    #[must_use]
    pub fn marks_words(&self, class: PayloadClass) -> bool {
        self.words.unwrap_or(match class {
            PayloadClass::Code | PayloadClass::Json | PayloadClass::Tools => true,
            // Two answers in prose differ in nearly every word: marks would be noise.
            PayloadClass::Chat
            | PayloadClass::Vision
            | PayloadClass::Long
            | PayloadClass::Embeddings => false,
        })
    }

    /// Moves from lines `at` by a step; `counts` are the lines of each side, `height` those that can be seen.
    pub fn step(&mut self, step: Step, at: [usize; 2], counts: [usize; 2], height: usize) {
        self.difference = None;
        let most = counts.map(|count| count.saturating_sub(height));
        let to = |index: usize| {
            let (at, most) = (at.get(index), most.get(index));
            let (at, most) = (
                at.copied().unwrap_or_default(),
                most.copied().unwrap_or_default(),
            );
            Some(match step {
                Step::Rows(rows) => at.saturating_add_signed(rows).min(most),
                Step::HalfPages(halves) => {
                    let half = isize::try_from((height / 2).max(1)).unwrap_or(1);
                    at.saturating_add_signed(half.saturating_mul(halves))
                        .min(most)
                }
                Step::First => 0,
                Step::Last => most,
            })
        };
        let [first, second] = &mut self.scroll;
        match (self.locked, self.side) {
            (true, _) => (*first, *second) = (to(0), to(1)),
            (false, Side::A) => *first = to(0),
            (false, Side::B) => *second = to(1),
        }
    }

    /// To the next difference behind what is shown, or the one before; `starts` are their first lines. Answers
    /// whether there was one.
    pub fn jump(&mut self, forward: bool, starts: &[usize], at: usize) -> bool {
        let next = match (self.difference, forward) {
            (Some(current), true) => Some(current + 1),
            (Some(current), false) => current.checked_sub(1),
            (None, true) => starts
                .iter()
                .position(|start| *start >= at)
                .or(Some(starts.len())),
            (None, false) => starts.iter().rposition(|start| *start < at),
        };
        let Some((place, start)) = next.and_then(|place| Some((place, starts.get(place)?))) else {
            return false;
        };
        self.difference = Some(place);
        // A line or two before it say where it is.
        let line = Some(start.saturating_sub(1));
        self.scroll = [line, line];
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Side, Step};

    #[test]
    fn sides_move_together_until_they_are_let_go() {
        let mut look = Look::default();
        look.step(Step::Rows(3), [0, 0], [40, 20], 10);
        assert_eq!(look.scroll, [Some(3), Some(3)]);
        look.step(Step::Last, [3, 3], [40, 20], 10);
        assert_eq!(look.scroll, [Some(30), Some(10)]);
        look.locked = false;
        look.side = Side::B;
        look.step(Step::First, [30, 10], [40, 20], 10);
        assert_eq!(look.scroll, [Some(30), Some(0)]);
    }

    #[test]
    fn differences_are_walked_through_in_order_and_not_round_the_end() {
        let starts = [4, 9, 30];
        let mut look = Look::default();
        assert!(!look.jump(false, &starts, 0), "there is none before");
        for (forward, expected) in [
            (true, Some(0)),
            (true, Some(1)),
            (true, Some(2)),
            (true, Some(2)),
            (false, Some(1)),
        ] {
            look.jump(forward, &starts, 0);
            assert_eq!(look.difference, expected);
        }
        assert_eq!(look.scroll, [Some(8), Some(8)]);
        look.step(Step::Rows(10), [8, 8], [60, 60], 10);
        assert!(look.jump(true, &starts, 18));
        assert_eq!(look.difference, Some(2), "from where one looks");
    }
}
