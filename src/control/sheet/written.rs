//! A comparison or review as Markdown: for a ticket, for somebody without a terminal. What models said stands in
//! blocks that it cannot end.

use std::{fmt::Write as _, time::Duration};

use super::Sheet;
use crate::{
    control::words::list,
    model::{
        Answer, ComparedRoute, Judgement, Place, ReviewedSample, Tally, Verdict, markdown,
        markdown_block,
    },
    review::{Mark, compare},
};

/// Of an answer so many characters are written; the JSON form has all of them.
const ANSWER: usize = 20_000;
/// Longest text of others on a line.
const TEXT: usize = 300;

impl Sheet {
    /// It as a Markdown file.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let _ = write!(
            out,
            "# {} of {}\n\n",
            if self.review.is_some() {
                "Review"
            } else {
                "Comparison"
            },
            text(self.workload.as_str())
        );
        let _ = writeln!(out, "| | |\n|---|---|");
        let mut row = |name: &str, value: String| {
            let _ = writeln!(out, "| {name} | {value} |");
        };
        row("primary", route(&self.basis.primary));
        row("fallback", route(&self.basis.fallback));
        row("at", self.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        if let Some(review) = &self.review {
            row("review", text(&review.id.0));
            row("by", text(review.actor.name()));
            row("how", review.mode.words().to_owned());
            row("verdict", verdict(&review.tally));
            if !review.note.is_empty() {
                row("note", text(&review.note));
            }
        }
        row("outputs", text(&self.fingerprint));
        if self.review.as_ref().is_some_and(|review| review.stripped) {
            out.push_str("\nThe answers are not kept any more: their retention is over.\n");
        }
        for sample in &self.samples {
            self.sample(&mut out, sample);
        }
        out
    }

    fn sample(&self, out: &mut String, sample: &ReviewedSample) {
        let _ = write!(
            out,
            "\n## {} ({})\n\n",
            text(sample.sample.as_str()),
            sample.class
        );
        if self.review.is_some() || sample.judgement.is_some() {
            let judged = sample.judgement.map_or_else(
                || "not judged".to_owned(),
                |it| format!("**{}**", words(it)),
            );
            let note = if sample.note.is_empty() {
                String::new()
            } else {
                format!(": {}", text(&sample.note))
            };
            let side = match sample.side_a {
                Place::Primary => "primary",
                Place::Fallback => "fallback",
            };
            let _ = write!(out, "{judged}{note} (side A was the {side})\n\n");
        }
        let _ = writeln!(out, "| | primary | fallback |\n|---|---|---|");
        let (primary, fallback) = (&sample.primary, &sample.fallback);
        for (name, of) in FACTS {
            let (left, right) = (of(primary), of(fallback));
            if !(left.is_empty() && right.is_empty()) {
                let _ = writeln!(out, "| {name} | {left} | {right} |");
            }
        }
        let _ = write!(out, "\n{}\n", differences(sample));
        for (name, answer) in [("Primary", primary), ("Fallback", fallback)] {
            let _ = write!(out, "\n{name}:\n\n{}\n", said(answer));
        }
    }
}

/// A fact of an answer, in words; empty when there is nothing to say.
type Fact = (&'static str, fn(&Answer) -> String);

const FACTS: [Fact; 7] = [
    ("status", |answer| match &answer.result.failure {
        Some(failure) => format!("**failed**: {}: {}", failure.class, text(&failure.detail)),
        None if answer.clipped => "done; longer than what is kept".to_owned(),
        None => "done".to_owned(),
    }),
    ("first output", |answer| {
        answer.result.first_output.map(seconds).unwrap_or_default()
    }),
    ("total", |answer| seconds(answer.result.total)),
    ("tokens", |answer| {
        let usage = answer.result.usage;
        match (usage.input, usage.output) {
            (None, None) => String::new(),
            (input, output) => format!("{} in, {} out", number(input), number(output)),
        }
    }),
    ("cost", |answer| {
        let cost = answer.result.cost.as_ref();
        cost.map(|cost| format!("{:.6} {}", cost.amount, text(&cost.currency)))
            .unwrap_or_default()
    }),
    ("finish", |answer| {
        answer
            .result
            .finish
            .as_deref()
            .map(text)
            .unwrap_or_default()
    }),
    ("checks", |answer| {
        let checks = answer.result.checks.iter().map(|check| {
            let mark = match check.verdict {
                Verdict::Passed => "passed",
                Verdict::Failed => "**failed**",
                Verdict::Skipped => "skipped",
            };
            let detail = if check.detail.is_empty() {
                String::new()
            } else {
                format!(" ({})", text(&check.detail))
            };
            format!("{mark}: {}{detail}", text(&check.check))
        });
        checks.collect::<Vec<_>>().join("; ")
    }),
];

/// What differs, counted.
fn differences(sample: &ReviewedSample) -> String {
    let compared = compare(sample.class, &sample.primary, &sample.fallback);
    let marks = (0..compared.len()).filter_map(|row| compared.mark(row));
    let mut counts = [0_usize; 5];
    for mark in marks {
        let place = match mark {
            Mark::Same => 0,
            Mark::Changed => 1,
            Mark::TypeChanged => 2,
            Mark::OnlyA => 3,
            Mark::OnlyB => 4,
        };
        counts[place] += 1;
    }
    let words = [
        "the same",
        "changed",
        "of another type",
        "only in the primary's",
        "only in the fallback's",
    ];
    let told: Vec<String> = counts
        .iter()
        .zip(words)
        .filter(|(count, _)| **count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let told = if told.is_empty() {
        "Nothing to compare.".to_owned()
    } else {
        format!("Row by row: {}.", list(told))
    };
    let remarks = compared
        .remarks
        .iter()
        .map(|remark| format!("\n- {}", text(remark)));
    told + &remarks.collect::<String>()
}

fn said(answer: &Answer) -> String {
    let mut blocks = Vec::new();
    if !answer.text.is_empty() {
        blocks.push(markdown_block(&answer.text, ANSWER));
    }
    for tool in &answer.tools {
        blocks.push(format!(
            "calls {}:\n\n{}",
            text(&tool.name),
            markdown_block(&tool.arguments, ANSWER)
        ));
    }
    if !answer.vectors.is_empty() {
        let sizes = list(&answer.vectors);
        blocks.push(format!("vectors of {sizes} numbers"));
    }
    if let Some(refusal) = &answer.refusal {
        blocks.push(format!("refused:\n\n{}", markdown_block(refusal, ANSWER)));
    }
    if blocks.is_empty() {
        "(nothing)".to_owned()
    } else {
        blocks.join("\n\n")
    }
}

/// The sum of the verdicts in words: `7 of 8 judged samples same or better`.
fn verdict(tally: &Tally) -> String {
    let vetoes = match tally.vetoes {
        0 => String::new(),
        1 => ", **1 veto**".to_owned(),
        many => format!(", **{many} vetoes**"),
    };
    format!(
        "{} of {} judged samples same or better, {} compared{vetoes}",
        tally.same_or_better, tally.judged, tally.compared
    )
}

/// A judgement as a reader says it.
const fn words(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::PrimaryBetter => "primary better",
        Judgement::FallbackBetter => "fallback better",
        Judgement::Same => "same",
        Judgement::BothBad => "both bad",
        Judgement::FallbackUnsafe => "fallback UNSAFE",
        Judgement::PrimaryUnsafe => "primary unsafe",
        Judgement::BothUnsafe => "both UNSAFE",
    }
}

fn route(route: &ComparedRoute) -> String {
    format!(
        "{}: model {} at {}",
        text(route.route.as_str()),
        text(&route.model),
        text(&route.base_url)
    )
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "?".to_owned(), |number| number.to_string())
}

fn seconds(length: Duration) -> String {
    format!("{:.2} s", length.as_secs_f64())
}

fn text(text: &str) -> String {
    markdown(text, TEXT)
}
