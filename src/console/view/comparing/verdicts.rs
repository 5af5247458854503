//! What the verdicts of a review come to: how often the fallback would do, what the gate would say, and every
//! sample with its verdict. From here it is saved.

use super::measured::said;
use crate::{
    console::{
        app::App,
        layout::Areas,
        state::comparing::{Comparing, Saving, case::Case},
        theme::Role,
        view::{
            home::more,
            pen::{Line, Pen, paragraph},
            words,
        },
    },
    control::Mode,
    model::{Judgement, Place, ReviewPolicy, Standing, Tally},
    review::{self, Share},
};

pub(in crate::console::view) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, scroll: usize) {
    let head = Line::of(Role::Heading, "RESULT ").and(
        Role::Muted,
        "of the review so far; nothing is recorded before you save it",
    );
    pen.line(areas.head, 1, &head);
    let lines = lines(app, areas.body.width);
    pen.lines(areas.body, &lines, scroll);
    more(pen, areas.body, scroll, lines.len());
}

/// Every line of the result.
pub(in crate::console::view) fn lines(app: &App, width: u16) -> Vec<Line> {
    let Some(comparing) = app.comparing() else {
        return Vec::new();
    };
    let width = usize::from(width.saturating_sub(2));
    let tally = comparing.tally();
    let mut lines = vec![
        Line::of(Role::Text, format!(" {}", comparing.recorded_as().words()))
            .and(Role::Muted, " review of ")
            .and(
                Role::Text,
                words::safe(comparing.basis.fallback.route.as_str()).into_owned(),
            )
            .and(Role::Muted, " beside ")
            .and(
                Role::Text,
                words::safe(comparing.basis.primary.route.as_str()).into_owned(),
            )
            .and(
                Role::Muted,
                format!(": {} of {} judged", tally.judged, comparing.cases.len()),
            ),
        Line::default(),
    ];
    lines.extend(counted(comparing, tally));
    lines.push(Line::default());
    let workload = app.data.workload(&comparing.workload);
    if let Some(workload) = workload {
        lines.extend(bar(&workload.review, width));
        lines.extend(gate(app, comparing, &workload.review, width));
    }
    lines.push(Line::default());
    lines.extend(samples(comparing, width));
    if let Some(scores) = &comparing.scores {
        lines.push(Line::default());
        lines.push(Line::of(
            Role::Heading,
            " measured; none of it is a verdict",
        ));
        for (name, text) in scores.lines().into_iter().skip(1) {
            lines.extend(paragraph(
                Role::Muted,
                &format!("   {name:<28} "),
                &text,
                width,
            ));
        }
    }
    if !comparing.note.is_empty() {
        lines.push(Line::default());
        let note = words::safe(&comparing.note);
        lines.extend(paragraph(Role::Muted, " # ", &note, width));
    }
    lines.push(Line::default());
    let (role, mark, text) = match (&comparing.saving, app.setup.mode) {
        (Saving::Asked(_), _) => (Role::Info, " . ", "being saved ...".to_owned()),
        (Saving::Done(id), _) => (Role::Success, " + ", format!("saved as {id}")),
        (Saving::Not, Mode::Observe) => (
            Role::Warning,
            " ! ",
            "this session is OBSERVE: it can be looked at and not saved".to_owned(),
        ),
        (Saving::Not, Mode::Write) => (
            Role::Text,
            "   ",
            app.setup
                .keymap
                .keyed("<key:save-review> saves it; <key:note> writes a note on the whole; <key:back> goes on judging")
                .into_owned(),
        ),
    };
    lines.extend(paragraph(role, mark, &text, width));
    lines
}

/// How often the fallback would do.
fn counted(comparing: &Comparing, tally: Tally) -> Vec<Line> {
    let of = |judgements: &[Judgement]| {
        let said = comparing.cases.iter().filter_map(Case::counted);
        said.filter(|it| judgements.contains(it)).count()
    };
    let same = of(&[Judgement::Same]);
    let better = tally.same_or_better.saturating_sub(same);
    let worse = of(&[Judgement::PrimaryBetter]);
    let bad = of(&[Judgement::BothBad]);
    vec![
        Line::of(Role::Heading, " same or better  ").and(
            Role::Text,
            Share::new(tally.same_or_better, tally.judged).to_string(),
        ),
        Line::of(
            Role::Muted,
            format!(
                " better {better}, the same {same}, worse {worse}, both bad {bad}, vetoes {}",
                tally.vetoes
            ),
        ),
    ]
}

/// What the workload asks of a review.
fn bar(policy: &ReviewPolicy, width: usize) -> Vec<Line> {
    let bar = format!(
        "the bar: same or better on {} % of at least {}, and no veto",
        policy.at_least,
        words::count(policy.min_samples, "sample")
    );
    paragraph(Role::Muted, " ", &bar, width)
}

/// Whether the gate would open, and what is missing.
fn gate(app: &App, comparing: &Comparing, policy: &ReviewPolicy, width: usize) -> Vec<Line> {
    let Some(now) = comparing.basis_now(app.data.catalog.as_deref()) else {
        let text = "this workload has no fallback any more: the review cannot be saved";
        return paragraph(Role::Error, " x ", text, width);
    };
    // What it would come to is told also where nobody asks for it.
    let asked = ReviewPolicy {
        required: true,
        ..*policy
    };
    let head = comparing.head(&app.setup.actor, app.now);
    match review::standing(&asked, &[&head], &now, app.clock) {
        Standing::NotRequired | Standing::Missing | Standing::Passing { .. } => {
            let text = if policy.required {
                "it passes: saved, it allows to arm and to force the fallback"
            } else {
                "it passes; this workload does not ask for a review"
            };
            paragraph(Role::Success, " + ", text, width)
        }
        Standing::Failing { why, .. } => {
            let does = "it does not pass: saved, it keeps the gate shut";
            let mut lines = paragraph(Role::Error, " x ", does, width);
            for text in why {
                lines.extend(paragraph(Role::Error, "   ", &words::safe(&text), width));
            }
            lines
        }
        Standing::Stale { why, .. } => {
            let text =
                "what it compared was changed since it began: it cannot be saved, m begins anew";
            let mut lines = paragraph(Role::Error, " x ", text, width);
            for text in why {
                lines.extend(paragraph(Role::Error, "   ", &words::safe(&text), width));
            }
            lines
        }
    }
}

/// Every sample with its verdict.
fn samples(comparing: &Comparing, width: usize) -> Vec<Line> {
    let name = |case: &Case| words::safe(case.sample.id.name()).into_owned();
    let wide = comparing.cases.iter().map(|case| name(case).len()).max();
    let wide = wide.unwrap_or(0).clamp(6, 28);
    let mut lines = vec![Line::of(
        Role::Heading,
        format!("   {:<wide$}  A WAS     VERDICT", "SAMPLE"),
    )];
    for case in &comparing.cases {
        let was = match case.side_a {
            Place::Primary => "primary ",
            Place::Fallback => "fallback",
        };
        let (role, verdict) = match case.judgement {
            Some(_) if case.counted().is_none() => (
                Role::Warning,
                "does not count: no answer to compare with; r asks again".to_owned(),
            ),
            Some(judgement) if judgement.vetoes() => {
                (Role::Error, said(comparing, case, judgement))
            }
            Some(judgement) => (Role::Text, said(comparing, case, judgement)),
            None if case.edited.is_some() => (Role::Muted, "edited: not part of it".to_owned()),
            None => (Role::Muted, "not judged".to_owned()),
        };
        let was = if comparing.hides(case) {
            "hidden  "
        } else {
            was
        };
        let note = if case.note.is_empty() {
            String::new()
        } else {
            format!("  # {}", words::safe(&case.note))
        };
        let lead = format!("   {:<wide$}  {was}  ", name(case));
        lines.extend(paragraph(role, &lead, &format!("{verdict}{note}"), width));
    }
    lines
}
