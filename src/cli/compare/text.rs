//! A comparison for people: both answers side by side where there is room, one below the other where there is none.

use std::ops::Range;

use unicode_width::UnicodeWidthStr as _;

use super::{
    outcome::Outcome,
    pair::{Held, Pair, Side},
    rows::{Kind, Row},
    strip,
    wrap::wrap,
};
use crate::{
    cli::output::{Paint, Tone},
    model::visible,
    review::Mark,
};

/// From this width on both sides stand side by side.
const SPLIT: usize = 100;
/// The most rows of one pair.
const ROWS: usize = 200;
/// The most characters of one side of a row.
const CELL: usize = 4_000;
/// What stands where a side has nothing.
const NOTHING: &str = "(nothing)";
/// Before a row: its mark.
const GUTTER: usize = 4;
/// The longest name of a score.
const SCORE: usize = 28;
/// Between the sides.
const BETWEEN: &str = " | ";

/// Draws everything, without a last line end.
pub(super) fn render(outcome: &Outcome, full: bool, columns: usize, paint: Paint) -> String {
    let mut page = Page {
        full,
        columns: columns.max(40),
        paint,
        lines: Vec::new(),
    };
    let (primary, fallback) = (&outcome.primary, &outcome.fallback);
    page.text(format!(
        "{}  primary {} ({})  fallback {} ({})",
        page.paint
            .paint(Tone::Strong, &outcome.workload.to_string()),
        primary.route,
        primary.model,
        fallback.route,
        fallback.model
    ));
    for sample in &outcome.samples {
        for pair in &sample.pairs {
            page.pair(pair, outcome.runs);
        }
        if let Some(varies) = &sample.variance {
            page.text(String::new());
            for line in varies.lines() {
                page.behind("  # ", &visible(&line, CELL));
            }
        }
    }
    page.text(String::new());
    for (name, words) in outcome.scores.lines() {
        page.behind(&format!("{name:SCORE$}  "), &words);
    }
    page.lines.join("\n")
}

struct Page {
    full: bool,
    columns: usize,
    paint: Paint,
    lines: Vec<String>,
}

impl Page {
    fn text(&mut self, text: String) {
        self.lines.push(text);
    }

    /// A text behind a word; further lines stand below its beginning.
    fn behind(&mut self, word: &str, text: &str) {
        let lead = word.width();
        for (number, line) in wrap(text, self.columns.saturating_sub(lead))
            .into_iter()
            .enumerate()
        {
            let before = if number == 0 { word } else { "" };
            self.lines.push(format!("{before:lead$}{line}"));
        }
    }

    fn pair(&mut self, pair: &Pair, runs: usize) {
        let (word, tone) = match pair.held {
            Held::Holds => ("holds", Tone::Good),
            Held::Falls => ("falls behind", Tone::Bad),
            Held::Unsure => ("unsure", Tone::Attention),
        };
        let run = match runs {
            0 | 1 => String::new(),
            _ => format!("  run {}", pair.run),
        };
        let edited = if pair.edited { ", edited" } else { "" };
        let name = self.paint.paint(Tone::Strong, pair.sample.as_str());
        let word = self.paint.paint(tone, word);
        self.text(String::new());
        self.text(format!("{name}  {}{edited}{run}  {word}", pair.class));
        self.behind("  primary   ", &said(&pair.primary));
        self.behind("  fallback  ", &said(&pair.fallback));
        if let (Ok(primary), Ok(fallback)) = (&pair.primary, &pair.fallback) {
            let deltas = strip::deltas(primary, fallback).join(", ");
            if !deltas.is_empty() {
                self.behind("            ", &deltas);
            }
        }
        for why in &pair.why {
            self.behind("  x ", &visible(why, CELL));
        }
        for remark in &pair.remarks {
            self.behind("  ! ", &visible(remark, CELL));
        }
        if let Some(advice) = &pair.advice {
            self.behind("  ? ", &judged(advice));
        }
        self.rows(pair);
    }

    fn rows(&mut self, pair: &Pair) {
        let rows = if self.full {
            &pair.rows
        } else {
            &pair.differences
        };
        if !rows.is_empty() {
            self.text(String::new());
            if self.columns >= SPLIT {
                self.sides(' ', "PRIMARY", "FALLBACK", Tone::Strong);
            }
        }
        for row in rows.iter().take(ROWS) {
            self.row(row);
        }
        if let Some(more) = rows.len().checked_sub(ROWS + 1) {
            self.text(format!("    {} more rows; --json has all", more + 1));
        }
        match (self.full, pair.differences.len(), pair.same) {
            (true, ..) | (false, _, 0) => {}
            (false, 0, same) => self.text(format!("  = nothing differs in {same} rows")),
            (false, _, 1) => self.text("  = 1 more is the same".to_owned()),
            (false, _, same) => self.text(format!("  = {same} more are the same")),
        }
    }

    fn row(&mut self, row: &Row) {
        let (sign, tone) = match row.mark {
            Mark::Same => ('=', Tone::Plain),
            Mark::Changed => ('~', Tone::Attention),
            Mark::TypeChanged => ('!', Tone::Bad),
            Mark::OnlyA => ('-', Tone::Bad),
            Mark::OnlyB => ('+', Tone::Attention),
        };
        let primary = cell(row, row.primary.as_deref(), &row.words[0], ("[-", "-]"));
        let fallback = cell(row, row.fallback.as_deref(), &row.words[1], ("{+", "+}"));
        if self.columns >= SPLIT {
            self.sides(sign, &primary, &fallback, tone);
        } else if row.mark == Mark::Same {
            self.stacked(sign, "", &primary, tone);
        } else {
            self.stacked(sign, "primary   ", &primary, tone);
            self.stacked(' ', "fallback  ", &fallback, tone);
        }
        // The sign and the empty side say the rest.
        let words = match row.mark {
            Mark::TypeChanged => "another type",
            Mark::Same | Mark::Changed | Mark::OnlyA | Mark::OnlyB => row.note.as_str(),
        };
        if !words.is_empty() {
            self.behind("      ", &format!("({words})"));
        }
    }

    fn sides(&mut self, sign: char, primary: &str, fallback: &str, tone: Tone) {
        let width = (self.columns - GUTTER - BETWEEN.len()) / 2;
        let (left, right) = (wrap(primary, width), wrap(fallback, width));
        for number in 0..left.len().max(right.len()) {
            let of = |lines: &[String]| lines.get(number).cloned().unwrap_or_default();
            let (left, right) = (of(&left), of(&right));
            let sign = if number == 0 { sign } else { ' ' };
            let sign = self.paint.paint(tone, &format!("  {sign} "));
            let room = " ".repeat(width - left.width());
            let line = format!("{sign}{left}{room}{BETWEEN}{right}");
            self.lines.push(line.trim_end().to_owned());
        }
    }

    fn stacked(&mut self, sign: char, name: &str, text: &str, tone: Tone) {
        let lead = GUTTER + name.width();
        let lines = wrap(text, self.columns - lead);
        for (number, line) in lines.into_iter().enumerate() {
            let before = match number {
                0 => self.paint.paint(tone, &format!("  {sign} ")) + name,
                _ => " ".repeat(lead),
            };
            self.lines.push(format!("{before}{line}"));
        }
    }
}

fn said(side: &Side) -> String {
    match side {
        Ok(answer) => strip::strip(answer).join(", "),
        Err(why) => format!("not asked: {}", visible(why, CELL)),
    }
}

/// What a judge says, never without saying what that is worth.
pub(super) fn judged(advice: &Result<crate::probe::Advice, String>) -> String {
    let said = match advice {
        Err(why) => format!("the judge was not asked: {}", visible(why, CELL)),
        Ok(advice) => {
            let words = match advice.preference {
                Some(preference) => preference.words(),
                None => "says nothing that can be used",
            };
            match advice.why.as_str() {
                "" => format!("{} {words}", advice.judge),
                why => format!("{} {words}: {}", advice.judge, visible(why, CELL)),
            }
        }
    };
    format!("a model's advice, not a verdict: {said}")
}

/// One side of a row, with marks around the words that differ.
fn cell(row: &Row, text: Option<&str>, words: &[Range<usize>], marks: (&str, &str)) -> String {
    let Some(text) = text else {
        return NOTHING.to_owned();
    };
    let text = bounded(&marked(text, words, marks));
    match row.kind {
        Kind::Text | Kind::Label | Kind::Code => text,
        Kind::Field | Kind::Call | Kind::Argument | Kind::Vectors => {
            format!("{}: {text}", row.at)
        }
    }
}

/// Puts marks around ranges of a text.
pub(super) fn marked(text: &str, words: &[Range<usize>], (open, close): (&str, &str)) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for word in words {
        let (Some(before), Some(inside)) = (text.get(at..word.start), text.get(word.clone()))
        else {
            continue;
        };
        out.extend([before, open, inside, close]);
        at = word.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// No more than a person reads; what is left out is said.
pub(super) fn bounded(text: &str) -> String {
    match text.char_indices().nth(CELL) {
        Some((end, _)) => {
            let left = text.len() - end;
            format!(
                "{} ~ ({left} more bytes)",
                text.get(..end).unwrap_or_default()
            )
        }
        None => text.to_owned(),
    }
}
