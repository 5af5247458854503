//! Two answers in lines, for a size of the screen: laid out once, then only looked at.

use super::{
    Comparing,
    case::{Case, Side},
    flow::{self, Flow, Line, Part, Tone},
    live::{Live, Stage},
    look::View,
    rows,
};
use crate::{model::Answer, review::Mark};

/// From so many columns of the screen on both sides stand beside each other.
pub const SPLIT: u16 = 100;

/// The columns that there are for answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// For each side, in a pane of its own.
    pub pane: usize,
    /// For both, where they share one.
    pub whole: usize,
    /// In a table: for names, for A, for B.
    pub table: [usize; 3],
}

/// The answers to a sample in lines.
#[derive(Debug)]
pub struct Laid {
    key: Key,
    /// The lines.
    pub lines: Lines,
}

/// How they stand.
#[derive(Debug)]
pub enum Lines {
    /// Each side by itself: while it comes, or where there is nothing to compare. A first.
    Flowing([Flow; 2]),
    /// Row beside row.
    Rows(Vec<Row>),
    /// Each difference stands twice, A's text above B's.
    Unified(Vec<Row>),
    /// A table: names, and what each side says.
    Table(Vec<Row>),
}

/// One line of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What it says of the two sides; `None`: a heading, or the row above goes on.
    pub mark: Option<Mark>,
    /// The name of a field, in a table.
    pub name: Line,
    /// What stands on side A, or over both of them.
    pub a: Line,
    /// What stands on side B.
    pub b: Line,
    /// It is no part of the answers.
    pub heading: bool,
    /// The difference that it is a part of.
    pub difference: Option<usize>,
    /// The row above is of the same place.
    pub goes_on: bool,
}

/// Everything that a layout depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    case: usize,
    run: Option<(u64, usize)>,
    /// What is known of each side: bytes that came, and whether it is over.
    known: [(usize, bool); 2],
    hidden: bool,
    weighed: bool,
    view: View,
    words: bool,
    room: Room,
}

impl Laid {
    /// The first row of every difference.
    #[must_use]
    pub fn differences(&self) -> Vec<usize> {
        let rows = match &self.lines {
            Lines::Flowing(_) => return Vec::new(),
            Lines::Rows(rows) | Lines::Unified(rows) | Lines::Table(rows) => rows,
        };
        let mut starts = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            if row.difference.is_some_and(|number| number == starts.len()) {
                starts.push(index);
            }
        }
        starts
    }

    /// The lines of each side.
    #[must_use]
    pub fn counts(&self) -> [usize; 2] {
        match &self.lines {
            Lines::Flowing([a, b]) => [a.lines.len(), b.lines.len()],
            Lines::Rows(rows) | Lines::Unified(rows) | Lines::Table(rows) => {
                [rows.len(), rows.len()]
            }
        }
    }
}

impl Comparing {
    /// Lays the sample on screen out, on a screen of so many columns, unless it is laid out so already.
    pub fn lay(&mut self, columns: u16, room: Room) {
        let Some(key) = self.key(columns, room) else {
            self.laid = None;
            return;
        };
        let before = match self.laid.take() {
            Some(laid) if laid.key == key => {
                self.laid = Some(laid);
                return;
            }
            Some(Laid {
                key: old,
                lines: Lines::Flowing(flows),
            }) if (old.case, old.run) == (key.case, key.run) => flows,
            Some(_) | None => [Flow::default(), Flow::default()],
        };
        let weighed = self.case().and_then(|case| self.weighed(case));
        let lines = match weighed {
            Some(weighed) => rows::lines(weighed, key.view, key.words, room),
            None => Lines::Flowing(self.flowing(before, room.pane)),
        };
        self.laid = Some(Laid { key, lines });
    }

    fn key(&self, columns: u16, room: Room) -> Option<Key> {
        let case = self.case()?;
        let run = case.run();
        let known = Side::BOTH.map(|side| {
            run.map_or((0, false), |run| {
                let live = run.at(case.place(side));
                (live.text.len(), live.over())
            })
        });
        Some(Key {
            case: self.selected,
            run: run.map(|run| (run.request, run.number)),
            known,
            hidden: self.hides(case),
            weighed: self.weighed(case).is_some(),
            view: self.view(columns),
            words: self.look.marks_words(case.sample.class),
            room,
        })
    }

    /// Each side by itself, going on from what was laid out before.
    fn flowing(&self, [mut a, mut b]: [Flow; 2], width: usize) -> [Flow; 2] {
        let Some(case) = self.case() else {
            return [a, b];
        };
        // Nothing of a blind sample is shown before names can be masked.
        let hidden = self.hides(case);
        for (side, flow) in [(Side::A, &mut a), (Side::B, &mut b)] {
            let live = case.run().map(|run| run.at(case.place(side)));
            match live {
                Some(live) if !hidden => come(flow, live, width),
                Some(_) | None => *flow = Flow::default(),
            }
        }
        [a, b]
    }
}

/// What came of an answer, in lines.
fn come(flow: &mut Flow, live: &Live, width: usize) {
    match &live.stage {
        Stage::Waiting => *flow = Flow::default(),
        Stage::Asked | Stage::Stopped => flow.take(&live.text, width),
        Stage::Answered(answer) => {
            *flow = Flow::default();
            flow.lines = said(answer, width);
        }
        Stage::Unsent(why) => {
            *flow = Flow::default();
            flow.lines = flow::wrap([(Tone::Aside, why.as_str())], width);
        }
    }
}

/// Everything that an answer says, in lines.
#[must_use]
pub fn said(answer: &Answer, width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some(failure) = &answer.result.failure {
        let why = format!("{}: {}", failure.class, failure.detail);
        lines.extend(flow::wrap([(Tone::Aside, why.as_str())], width));
    }
    if !answer.text.is_empty() {
        lines.extend(flow::wrap([(Tone::Plain, answer.text.as_str())], width));
    }
    if let Some(refusal) = &answer.refusal {
        let parts = [(Tone::Aside, "(refuses) "), (Tone::Plain, refusal.as_str())];
        lines.extend(flow::wrap(parts, width));
    }
    for tool in &answer.tools {
        let parts = [
            (Tone::Aside, "(calls) "),
            (Tone::Name, tool.name.as_str()),
            (Tone::Plain, " "),
            (Tone::Plain, tool.arguments.as_str()),
        ];
        lines.extend(flow::wrap(parts, width));
    }
    if let Some(first) = answer.vectors.first() {
        let text = format!(
            "({} vectors, the first of {first} numbers)",
            answer.vectors.len()
        );
        lines.extend(flow::wrap([(Tone::Aside, text.as_str())], width));
    }
    if answer.clipped {
        lines.push(vec![Part::of(
            Tone::Aside,
            "... there was more than is kept",
        )]);
    }
    lines
}

/// Whether anything of a sample's answers may be shown now.
#[must_use]
pub fn shown(comparing: &Comparing, case: &Case) -> bool {
    !comparing.hides(case) || comparing.weighed(case).is_some()
}
