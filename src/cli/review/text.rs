//! Reviews for people: the list, one of them, and what was recorded.

use crate::{
    cli::{
        output::{Paint, Tone},
        table::Table,
        time,
    },
    model::{
        Actor, Answer, Judgement, Place, Review, ReviewHead, ReviewedSample, Tally, visible,
        visible_lines,
    },
};

/// The list, newest first.
pub(super) fn list(heads: &[ReviewHead], paint: Paint) -> String {
    let mut table = Table::new(&[
        "AT",
        "WORKLOAD",
        "WHO",
        "HOW",
        "SAME OR BETTER",
        "ID",
        "NOTE",
    ]);
    for head in heads {
        table.row(
            tone(&head.tally),
            &[
                &time::moment(head.at),
                head.workload.as_str(),
                head.actor.name(),
                head.mode.words(),
                &tally(&head.tally),
                &head.id.0,
                &head.note,
            ],
        );
    }
    table.render(paint)
}

/// One of them.
pub(super) fn review(review: &Review, answers: bool, paint: Paint) -> String {
    let head = &review.head;
    let mut table = Table::new(&["REVIEW", &head.id.0]);
    let mut row = |name: &str, value: &str| table.row(Tone::Plain, &[name, value]);
    row("workload", head.workload.as_str());
    row("at", &time::moment(head.at));
    row("by", &who(&head.actor));
    row("how", head.mode.words());
    for (name, route) in [
        ("primary", &head.basis.primary),
        ("fallback", &head.basis.fallback),
    ] {
        row(name, &format!("{} ({})", route.route, route.model));
    }
    row("verdict", &tally(&head.tally));
    if !head.note.is_empty() {
        row("note", &head.note);
    }
    if review.stripped {
        row("answers", "not kept any more: their retention is over");
    }
    let mut lines = vec![table.render(paint), String::new()];
    let mut table = Table::new(&["SAMPLE", "CLASS", "VERDICT", "SIDE A", "NOTE"]);
    for sample in &review.samples {
        table.row(
            sample.judgement.map_or(Tone::Plain, judged),
            &[
                sample.sample.as_str(),
                sample.class.as_str(),
                sample.judgement.map_or("not judged", Judgement::as_str),
                match sample.side_a {
                    Place::Primary => "primary",
                    Place::Fallback => "fallback",
                },
                &sample.note,
            ],
        );
    }
    lines.push(table.render(paint));
    if answers {
        lines.extend(review.samples.iter().map(|sample| said(sample, paint)));
    }
    lines.join("\n")
}

fn said(sample: &ReviewedSample, paint: Paint) -> String {
    let mut lines = Vec::new();
    for (name, answer) in [("PRIMARY", &sample.primary), ("FALLBACK", &sample.fallback)] {
        let title = format!("{} {name}", sample.sample);
        lines.push(String::new());
        lines.push(paint.paint(Tone::Strong, &visible(&title, 120)));
        if let Some(failure) = &answer.result.failure {
            let failure = format!("no answer: {}: {}", failure.class, failure.detail);
            lines.push(visible(&failure, 400).into_owned());
        }
        if let Some(refusal) = &answer.refusal {
            lines.push(format!("refused: {}", visible(refusal, 400)));
        }
        if !answer.text.is_empty() {
            lines.push(visible_lines(&answer.text, Answer::TEXT_LIMIT));
        }
        for tool in &answer.tools {
            let call = format!("{}({})", tool.name, tool.arguments);
            lines.push(visible_lines(&call, Answer::ARGUMENTS_LIMIT));
        }
        for vector in &answer.vectors {
            lines.push(format!("a vector of {vector} numbers"));
        }
    }
    lines.join("\n")
}

/// What was recorded, on one line.
pub(super) fn recorded(head: &ReviewHead) -> String {
    let text = format!(
        "recorded as {}: {} for {}, {}",
        head.id,
        tally(&head.tally),
        head.workload,
        head.mode.words()
    );
    visible(&text, 400).into_owned()
}

/// `7 of 8, 1 veto`.
pub(super) fn tally(tally: &Tally) -> String {
    let unjudged = tally.compared.saturating_sub(tally.judged);
    let mut parts = vec![format!("{} of {}", tally.same_or_better, tally.judged)];
    match tally.vetoes {
        0 => {}
        1 => parts.push("1 VETO".to_owned()),
        many => parts.push(format!("{many} VETOES")),
    }
    if unjudged > 0 {
        parts.push(format!("{unjudged} not judged"));
    }
    parts.join(", ")
}

const fn tone(tally: &Tally) -> Tone {
    if tally.vetoes > 0 {
        Tone::Bad
    } else {
        Tone::Strong
    }
}

fn judged(judgement: Judgement) -> Tone {
    if judgement.vetoes() {
        Tone::Bad
    } else if judgement.same_or_better() {
        Tone::Good
    } else {
        Tone::Attention
    }
}

fn who(actor: &Actor) -> String {
    match &actor.declared {
        Some(declared) => format!("{declared} ({}@{})", actor.user, actor.host),
        None => format!("{}@{}", actor.user, actor.host),
    }
}
