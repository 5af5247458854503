//! A past review, read again: how the reviews of a workload went, and both outputs of one of them.

use super::{
    home::more,
    pen::{Line, Pen, paragraph},
    words,
};
use crate::{
    console::{
        action::Action,
        app::App,
        layout::Areas,
        state::past::{Outputs, Past},
        theme::Role,
    },
    model::{Answer, Judgement, Place, Review, ReviewHead, ReviewedSample, Tally},
};

/// Of an answer so many characters are drawn; files have all of it.
const SHOWN: usize = 4_000;

pub(super) fn popup(app: &App, pen: &mut Pen<'_>, areas: &Areas, past: &Past) {
    let title = Line::of(Role::Heading, "REVIEWS  ").and(
        Role::Title,
        words::safe(past.workload.as_str()).into_owned(),
    );
    pen.line(areas.head, 1, &title);
    let lines = lines(app, past, areas.body.width);
    pen.lines(areas.body, &lines, past.scroll);
    more(pen, areas.body, past.scroll, lines.len());
}

/// Every line below the title.
pub(super) fn lines(app: &App, past: &Past, width: u16) -> Vec<Line> {
    let width = usize::from(width);
    let mut lines = history(app, past);
    lines.push(Line::default());
    match &past.outputs {
        Outputs::Reading => lines.push(Line::of(Role::Muted, " reading it ...")),
        Outputs::Failed(why) => {
            lines.extend(paragraph(Role::Error, " x ", &words::safe(why), width));
        }
        Outputs::Read(review) => whole(app, review, width, &mut lines),
    }
    lines
}

/// Every review in a line, the newest first.
fn history(app: &App, past: &Past) -> Vec<Line> {
    let key = |action| app.setup.keymap.shown(action);
    let mut lines = Vec::new();
    if past.heads.len() > 1 {
        let heads: Vec<&ReviewHead> = past.heads.iter().collect();
        lines.push(
            Line::of(Role::Heading, " same or better, oldest first: ")
                .and(Role::Text, trend(&heads, 8)),
        );
    }
    for (place, head) in past.heads.iter().enumerate() {
        let (mark, role) = if place == past.at {
            (" > ", Role::Text)
        } else {
            ("   ", Role::Muted)
        };
        let text = format!(
            "{}  {}  {}, by {}",
            head.at.strftime("%Y-%m-%d %H:%MZ"),
            share(&head.tally),
            head.mode.words(),
            words::safe(head.actor.name()),
        );
        lines.push(Line::of(role, format!("{mark}{text}")));
    }
    let hint = if past.heads.len() > 1 {
        format!(
            " {} newer, {} older; ",
            key(Action::PreviousItem),
            key(Action::NextItem)
        )
    } else {
        " ".to_owned()
    };
    lines.push(Line::of(
        Role::Muted,
        format!(
            "{hint}{} writes it to files, {} begins a new one",
            key(Action::Save),
            key(Action::Compare)
        ),
    ));
    lines
}

/// One review with its outputs.
fn whole(app: &App, review: &Review, width: usize, lines: &mut Vec<Line>) {
    let head = &review.head;
    lines.push(Line::of(
        Role::Muted,
        format!(" {}, {} ago", head.id, words::span(app.age(head.at))),
    ));
    for (name, route) in [
        ("primary ", &head.basis.primary),
        ("fallback", &head.basis.fallback),
    ] {
        lines.push(Line::of(
            Role::Text,
            format!(
                " {name} {} ({})",
                words::safe(route.route.as_str()),
                words::safe(&route.model)
            ),
        ));
    }
    if !head.note.is_empty() {
        lines.extend(paragraph(
            Role::Text,
            " # ",
            &words::safe(&head.note),
            width,
        ));
    }
    if review.stripped {
        let text = "its outputs are not kept any more: their retention is over";
        lines.extend(paragraph(Role::Warning, " ! ", text, width));
    }
    for (number, sample) in review.samples.iter().enumerate() {
        lines.push(Line::default());
        one(sample, number + 1, review.samples.len(), width, lines);
    }
}

fn one(sample: &ReviewedSample, number: usize, of: usize, width: usize, lines: &mut Vec<Line>) {
    let side = match sample.side_a {
        Place::Primary => "A was the primary",
        Place::Fallback => "A was the fallback",
    };
    lines.push(
        Line::of(
            Role::Heading,
            format!(" {number} of {of}  {}", words::safe(sample.sample.name())),
        )
        .and(Role::Muted, format!("  {}, {side}", sample.class)),
    );
    let (role, verdict) = match sample.judgement {
        None => (Role::Muted, "not judged".to_owned()),
        Some(judgement) if judgement.vetoes() => (Role::Error, in_words(judgement).to_owned()),
        Some(judgement)
            if judgement
                .counted(sample.primary.is_whole(), sample.fallback.is_whole())
                .is_none() =>
        {
            (
                Role::Warning,
                format!("{}; it did not count", in_words(judgement)),
            )
        }
        Some(judgement) => (Role::Text, in_words(judgement).to_owned()),
    };
    lines.push(Line::of(role, format!("   verdict: {verdict}")));
    if !sample.note.is_empty() {
        lines.extend(paragraph(
            Role::Text,
            "   # ",
            &words::safe(&sample.note),
            width,
        ));
    }
    for (name, answer) in [("PRIMARY", &sample.primary), ("FALLBACK", &sample.fallback)] {
        said(name, answer, width, lines);
    }
}

/// What a route said.
fn said(name: &str, answer: &Answer, width: usize, lines: &mut Vec<Line>) {
    let total = words::seconds(Some(answer.result.total));
    lines.push(Line::of(Role::Heading, format!("   {name}")).and(
        Role::Muted,
        format!("  {total} in all, {} letters", answer.text.chars().count()),
    ));
    if let Some(failure) = &answer.result.failure {
        let text = format!("no answer: {}: {}", failure.class, failure.detail);
        lines.extend(paragraph(Role::Error, "   x ", &words::safe(&text), width));
    }
    if let Some(refusal) = &answer.refusal {
        let text = format!("refused: {refusal}");
        lines.extend(paragraph(
            Role::Warning,
            "   ! ",
            &words::safe(&text),
            width,
        ));
    }
    let mut left = SHOWN;
    for text in answer.text.lines() {
        if left == 0 {
            let text = "the rest is in the files";
            lines.push(Line::of(Role::Muted, format!("     ({text})")));
            break;
        }
        let shown: String = text.chars().take(left).collect();
        left = left.saturating_sub(shown.chars().count() + 1);
        lines.extend(paragraph(Role::Text, "     ", &words::safe(&shown), width));
    }
    for call in &answer.tools {
        let text: String = format!("{}({})", call.name, call.arguments)
            .chars()
            .take(SHOWN)
            .collect();
        lines.extend(paragraph(Role::Text, "   - ", &words::safe(&text), width));
    }
    for vector in &answer.vectors {
        lines.push(Line::of(
            Role::Text,
            format!("   - a vector of {vector} numbers"),
        ));
    }
}

const fn in_words(judgement: Judgement) -> &'static str {
    match judgement {
        Judgement::PrimaryBetter => "the primary's is better",
        Judgement::FallbackBetter => "the fallback's is better",
        Judgement::Same => "the same",
        Judgement::BothBad => "neither can be used",
        Judgement::FallbackUnsafe => "the fallback's is UNSAFE: a veto",
        Judgement::PrimaryUnsafe => "the primary's is unsafe",
        Judgement::BothUnsafe => "both are UNSAFE: a veto",
    }
}

/// `7 of 8 same or better`, with vetoes.
pub(super) fn share(tally: &Tally) -> String {
    let vetoes = match tally.vetoes {
        0 => String::new(),
        vetoes => format!(", {}", words::count(vetoes, "VETO")),
    };
    format!(
        "{} of {} same or better{vetoes}",
        tally.same_or_better, tally.judged
    )
}

/// How the newest of some reviews went, oldest first; `heads` are newest first.
pub(super) fn trend(heads: &[&ReviewHead], most: usize) -> String {
    let shown: Vec<String> = heads
        .iter()
        .take(most)
        .rev()
        .map(|head| format!("{}/{}", head.tally.same_or_better, head.tally.judged))
        .collect();
    if shown.is_empty() {
        "-".to_owned()
    } else {
        shown.join(" ")
    }
}
