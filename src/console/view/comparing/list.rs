//! The samples of a workload, beside the answers: how far each is, and what was said of it.

use ratatui::layout::Rect;

use super::measured;
use crate::{
    console::{
        app::App,
        state::comparing::{Comparing, case::Case},
        theme::Role,
        view::{
            pen::{Pen, row},
            words,
        },
    },
    model::Judgement,
};

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, area: Rect, comparing: &Comparing) {
    let columns = area.width;
    for place in area.rows() {
        let divider = Rect {
            width: columns + 1,
            ..place
        };
        pen.put(divider, columns, pen.glyphs.divider, Role::Border);
    }
    pen.cell(row(area, 0), 4, columns, "SAMPLE", Role::Heading);
    pen.cell_right(row(area, 0), 0, columns - 1, "VERDICT", Role::Heading);
    let rows = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let offset = (comparing.selected + 1).saturating_sub(usize::from(rows.height));
    let shown = comparing.cases.iter().enumerate().skip(offset);
    for (place, (index, case)) in rows.rows().zip(shown) {
        let (sign, role) = state(app, comparing, case);
        pen.put(place, 2, sign, role);
        let verdict = verdict(comparing, case);
        let room = columns.saturating_sub(6 + u16::try_from(verdict.len()).unwrap_or(0));
        pen.cell(
            place,
            4,
            room,
            &words::safe(case.sample.id.name()),
            Role::Text,
        );
        pen.cell_right(place, 0, columns - 1, &verdict, Role::Muted);
        if index == comparing.selected {
            pen.put(place, 1, pen.glyphs.cursor, Role::Cursor);
            pen.style(place, Role::Selection);
        }
    }
}

/// How far a sample is; nothing that would tell blind sides apart.
fn state(app: &App, comparing: &Comparing, case: &Case) -> (&'static str, Role) {
    let Some(run) = case.run() else {
        return (" ", Role::Muted);
    };
    if case.running() {
        return (".", Role::Info);
    }
    if comparing.hides(case) {
        return if case.complete() {
            ("+", Role::Success)
        } else {
            ("x", Role::Error)
        };
    }
    let fares = [&run.primary, &run.fallback].map(|live| live.fares(app.clock));
    let worst = fares
        .into_iter()
        .max_by_key(|fares| match measured::sign(*fares).0 {
            "x" => 2,
            "!" => 1,
            _ => 0,
        });
    worst.map_or((" ", Role::Muted), measured::sign)
}

/// Whether the answers of a sample that nobody has judged yet differ, and in how much.
fn apart(comparing: &Comparing, case: &Case) -> String {
    let differences = comparing
        .weighed(case)
        .map(|weighed| weighed.comparison.differences().len());
    match differences {
        None => String::new(),
        Some(0) => "alike".to_owned(),
        Some(number) => format!("{number} differ"),
    }
}

fn verdict(comparing: &Comparing, case: &Case) -> String {
    let Some(judgement) = case.judgement else {
        return if case.edited.is_some() {
            "edited".to_owned()
        } else {
            apart(comparing, case)
        };
    };
    if comparing.hides(case) {
        return "judged".to_owned();
    }
    match judgement {
        Judgement::PrimaryBetter => "primary",
        Judgement::FallbackBetter => "fallback",
        Judgement::Same => "same",
        Judgement::BothBad => "both bad",
        Judgement::FallbackUnsafe => "UNSAFE",
        Judgement::PrimaryUnsafe => "primary unsafe",
        Judgement::BothUnsafe => "both UNSAFE",
    }
    .to_owned()
}
