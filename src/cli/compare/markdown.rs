//! A comparison as Markdown, for a ticket. What providers said stands in fences that nothing inside can close, or
//! in table cells in which nothing has a meaning.

use std::fmt::Write as _;

use super::{
    outcome::{Outcome, Varies},
    pair::{Held, Pair, Side},
    rows::{Row, mark},
    strip,
    text::{bounded, judged, marked},
};
use crate::{model::visible_lines, review::Mark};

/// The most rows of one pair.
const ROWS: usize = 200;

/// The whole report, without a last line end.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut out = String::new();
    let (primary, fallback) = (&outcome.primary, &outcome.fallback);
    let _ = writeln!(
        out,
        "## Comparison of {}\n\n{}: {}.\n\n| | route | model | address |\n|---|---|---|---|",
        cell(outcome.workload.as_str()),
        if outcome.passed {
            "Passed"
        } else {
            "Not passed"
        },
        cell(&outcome.summary()),
    );
    for (name, route) in [("primary", primary), ("fallback", fallback)] {
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} |",
            cell(route.route.as_str()),
            cell(&route.model),
            cell(&route.base_url)
        );
    }
    let _ = writeln!(
        out,
        "\nAsked at {}, {} for each sample.\n\n| sample | class | comes out | differences | primary | fallback |\n|---|---|---|---|---|---|",
        outcome.at.strftime("%Y-%m-%d %H:%M:%SZ"),
        match outcome.runs {
            0 | 1 => "once".to_owned(),
            runs => format!("{runs} times"),
        },
    );
    for pair in outcome.pairs() {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            cell(&name(pair, outcome.runs)),
            pair.class,
            held(pair.held),
            pair.differences.len(),
            side(&pair.primary),
            side(&pair.fallback),
        );
    }
    out.push_str("\n| score | |\n|---|---|\n");
    for (name, words) in outcome.scores.lines() {
        let _ = writeln!(out, "| {name} | {} |", cell(&words));
    }
    for sample in &outcome.samples {
        let lines = sample.variance.iter().flat_map(Varies::lines);
        let lines: Vec<String> = lines.map(|line| format!("- {}\n", cell(&line))).collect();
        if !lines.is_empty() {
            let name = cell(sample.sample.as_str());
            let _ = write!(out, "\n{name}, run by run:\n\n{}", lines.concat());
        }
    }
    for pair in outcome.pairs() {
        details(&mut out, pair, outcome.runs);
    }
    out.trim_end().to_owned()
}

fn details(out: &mut String, pair: &Pair, runs: usize) {
    let nothing = pair.differences.is_empty() && pair.why.is_empty() && pair.remarks.is_empty();
    if nothing && pair.advice.is_none() {
        return;
    }
    let _ = writeln!(out, "\n### {}\n", cell(&name(pair, runs)));
    for why in &pair.why {
        let _ = writeln!(out, "- does not hold: {}", cell(why));
    }
    for remark in &pair.remarks {
        let _ = writeln!(out, "- {}", cell(remark));
    }
    if let Some(advice) = &pair.advice {
        let _ = writeln!(out, "- {}", cell(&judged(advice)));
    }
    if let (Ok(primary), Ok(fallback)) = (&pair.primary, &pair.fallback) {
        let deltas = strip::deltas(primary, fallback);
        if !deltas.is_empty() {
            let _ = writeln!(out, "- the fallback: {}", cell(&deltas.join(", ")));
        }
    }
    if pair.differences.is_empty() {
        return;
    }
    let mut text = String::new();
    for row in pair.differences.iter().take(ROWS) {
        rows(&mut text, row);
    }
    if let Some(more) = pair.differences.len().checked_sub(ROWS + 1) {
        let _ = writeln!(text, "({} more rows)", more + 1);
    }
    out.push('\n');
    fenced(out, "diff", &text);
}

/// A row as lines of a diff.
fn rows(out: &mut String, row: &Row) {
    let words = match (row.mark, row.note.as_str()) {
        (Mark::Same | Mark::Changed, note) => note.to_owned(),
        (of, "") => mark(of).to_owned(),
        (of, note) => format!("{}; {note}", mark(of)),
    };
    let head = [row.at.as_str(), words.as_str()];
    let head: Vec<&str> = head.into_iter().filter(|word| !word.is_empty()).collect();
    if !head.is_empty() {
        let _ = writeln!(out, "@@ {} @@", head.join("  "));
    }
    let sides = [
        ('-', &row.primary, &row.words[0], ("[-", "-]")),
        ('+', &row.fallback, &row.words[1], ("{+", "+}")),
    ];
    for (sign, text, words, marks) in sides {
        let Some(text) = text else {
            continue;
        };
        for line in bounded(&marked(text, words, marks)).split('\n') {
            let _ = writeln!(out, "{sign} {line}");
        }
    }
}

fn name(pair: &Pair, runs: usize) -> String {
    let run = if runs > 1 {
        format!(", run {}", pair.run)
    } else {
        String::new()
    };
    let edited = if pair.edited { ", edited" } else { "" };
    format!("{}{run}{edited}", pair.sample)
}

const fn held(held: Held) -> &'static str {
    match held {
        Held::Holds => "holds",
        Held::Falls => "**falls behind**",
        Held::Unsure => "unsure",
    }
}

fn side(side: &Side) -> String {
    match side {
        Ok(answer) => cell(&strip::strip(answer).join(", ")),
        Err(why) => cell(&format!("not asked: {why}")),
    }
}

/// A text in a fence that is longer than any run of backticks in it.
fn fenced(out: &mut String, language: &str, text: &str) {
    let longest = text.split(|letter| letter != '`').map(str::len).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let text = visible_lines(text, usize::MAX);
    let _ = writeln!(out, "{fence}{language}\n{}\n{fence}", text.trim_end());
}

/// A text in which nothing has a meaning: not for Markdown, not for HTML, no mention and no link.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in crate::model::visible(text, 1_000).chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '#' | '@' | '!'
            | '{' | '}' | '$' => {
                let _ = write!(out, "&#{};", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    // Bare addresses become links.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::{cell, fenced};

    #[test]
    fn no_text_gets_out_of_its_fence() {
        for text in ["plain", "```\n# out\n```", "a ```` b", "`", ""] {
            let mut out = String::new();
            fenced(&mut out, "diff", text);
            let mut lines = out.lines();
            let fence = lines.next().unwrap().strip_suffix("diff").unwrap();
            let inside: Vec<&str> = lines.clone().take(lines.clone().count() - 1).collect();
            assert_eq!(lines.next_back(), Some(fence), "{text}");
            let closes = |line: &&&str| line.trim().starts_with(fence);
            assert_eq!(inside.iter().find(closes), None, "{text}");
        }
    }

    #[test]
    fn a_cell_is_plain_text() {
        let hostile =
            "a|b `c` <img src=x> [l](http://x) @all #1 ![i](y) **b** ~~s~~\n## h\u{1b}[2J";
        let text = cell(hostile);
        let bare = text.replace("&#", "");
        assert!(!bare.contains(['|', '`', '<', '>', '[', ']', '@', '#', '*', '\n', '\u{1b}']));
        assert!(!text.contains("http://"), "{text}");
    }
}
