//! One answer of a live probe: what was measured, and a page of what was said.

use std::time::Duration;

use ratatui::layout::Rect;

use super::{
    pen::{Line, Pen, paragraph, row, wrap},
    probing::side,
    words,
};
use crate::{
    console::{
        app::App,
        state::probing::{Answer, Probing, Stage},
        theme::Role,
    },
    model::{ProbeResult, Verdict},
};

/// The fewest rows for what was said, when something was.
const SAID: usize = 3;

/// One answer: what was measured, and a page of what was said.
pub(super) fn pane(
    app: &App,
    pen: &mut Pen<'_>,
    area: Rect,
    probing: &Probing,
    place: usize,
    answer: &Answer,
) {
    let facts = facts(answer, area);
    let text = said(answer, area);
    let (room, rows) = text_room(area, facts.len(), text.len());
    let (page, pages) = page_of(probing, place, text.len(), rows);
    let title = row(area, 0);
    let name = format!(
        "{} {}",
        words::safe(answer.question.route.as_str()),
        side(app, answer)
    );
    let role = if place == probing.selected {
        Role::Title
    } else {
        Role::Muted
    };
    pen.cell(title, 1, area.width.saturating_sub(12), &name, role);
    if pages > 1 {
        let page = format!("page {}/{pages}", page + 1);
        pen.cell_right(title, 1, area.width.saturating_sub(2), &page, Role::Muted);
    }
    let below = Rect {
        y: area.y + 1,
        height: room.y - area.y - 1,
        ..area
    };
    pen.lines(below, &facts, 0);
    for (row, line) in room.rows().zip(text.iter().skip(page * rows)) {
        pen.put(row, 1, line, Role::Text);
    }
}

/// Where the text stands below so many facts, and how many of its rows are a page.
pub(super) fn text_room(area: Rect, facts: usize, text: usize) -> (Rect, usize) {
    let below = usize::from(area.height.saturating_sub(1));
    let least = text.min(SAID).min(below);
    let taken = facts.min(below - least);
    let rows = below - taken;
    let taken = u16::try_from(taken + 1)
        .unwrap_or(area.height)
        .min(area.height);
    let room = Rect {
        y: area.y + taken,
        height: area.height - taken,
        ..area
    };
    (room, rows.max(1))
}

pub(super) fn page_of(
    probing: &Probing,
    place: usize,
    lines: usize,
    rows: usize,
) -> (usize, usize) {
    let pages = lines.div_ceil(rows).max(1);
    let wanted = probing.page.filter(|_| place == probing.selected);
    (wanted.unwrap_or(pages - 1).min(pages - 1), pages)
}

/// What was said, in lines.
pub(super) fn said(answer: &Answer, area: Rect) -> Vec<String> {
    let width = usize::from(area.width.saturating_sub(2));
    let mut lines: Vec<String> = answer
        .text
        .lines()
        .flat_map(|line| wrap(line, width))
        .collect();
    if answer.left_out > 0 {
        lines.push(format!(
            "... {} more characters are not kept",
            answer.left_out
        ));
    }
    lines
}

/// What was measured, in lines.
pub(super) fn facts(answer: &Answer, area: Rect) -> Vec<Line> {
    let width = usize::from(area.width.saturating_sub(1));
    let lines = |role, mark: &str, text: &str| paragraph(role, mark, text, width);
    match &answer.stage {
        Stage::Waiting => lines(Role::Muted, " ", "waits until others have answered"),
        Stage::Asked => lines(Role::Muted, " ", &so_far(answer)),
        Stage::Unsent(why) => lines(Role::Error, " x ", why),
        Stage::Climbed(_) => Vec::new(),
        Stage::Answered(result) => {
            let mut all = lines(Role::Text, " ", &measured(result));
            if let Some(failure) = &result.failure {
                let why = format!("{}: {}", failure.class, failure.detail);
                all.extend(lines(Role::Error, " x ", &why));
            }
            for check in &result.checks {
                let (role, mark) = match check.verdict {
                    Verdict::Passed => (Role::Success, " + "),
                    Verdict::Failed => (Role::Error, " x "),
                    Verdict::Skipped => (Role::Muted, " - "),
                };
                let gap = if check.detail.is_empty() { "" } else { ": " };
                let text = format!("{}{gap}{}", check.check, check.detail);
                all.extend(lines(role, mark, &words::safe(&text)));
            }
            if !answer.text.is_empty() {
                all.push(Line::default());
            }
            all
        }
    }
}

fn so_far(answer: &Answer) -> String {
    match (answer.head, answer.first_output) {
        (None, _) => "sent; no response head yet".to_owned(),
        (Some((status, after)), None) => {
            format!("{status} after {}; no output yet", precise(after))
        }
        (Some((status, after)), Some(first)) => format!(
            "{status} after {}, first output {}",
            precise(after),
            precise(first)
        ),
    }
}

/// Everything that was measured, in one sentence.
fn measured(result: &ProbeResult) -> String {
    let mut parts = Vec::new();
    match result.status.zip(result.headers) {
        Some((status, after)) => parts.push(format!("{status} after {}", precise(after))),
        None => parts.push("no response head".to_owned()),
    }
    if let Some(first) = result.first_output {
        parts.push(format!("first output {}", precise(first)));
    }
    parts.push(format!("total {}", precise(result.total)));
    if result.usage.input.or(result.usage.output).is_some() {
        parts.push(format!("{} tokens", tokens(result)));
    }
    if let Some(rate) = result.tokens_per_second() {
        parts.push(format!("{rate:.1} tokens/s"));
    }
    if let Some(cost) = &result.cost {
        parts.push(money(cost.amount, &cost.currency));
    }
    if let Some(finish) = &result.finish {
        parts.push(format!("ended: {}", words::safe(finish)));
    }
    parts.join(", ")
}

/// `340ms`, `2.14s`: for two answers that are compared.
fn precise(length: Duration) -> String {
    if length < Duration::from_secs(1) {
        format!("{}ms", length.as_millis())
    } else {
        format!("{:.2}s", length.as_secs_f64())
    }
}

/// `21+84`: in and out.
pub(super) fn tokens(result: &ProbeResult) -> String {
    let count = |tokens: Option<u64>| tokens.map_or_else(dash, |tokens| tokens.to_string());
    if result.usage.input.or(result.usage.output).is_none() {
        return dash();
    }
    format!(
        "{}+{}",
        count(result.usage.input),
        count(result.usage.output)
    )
}

/// An amount as it is written here.
pub(super) fn money(amount: f64, currency: &str) -> String {
    format!("{} {amount:.4}", words::safe(currency))
}

pub(super) fn dash() -> String {
    "-".to_owned()
}
