//! A live probe: one row for each question, and below them what was answered, page by page; side by side with
//! the other route where there is room.

use ratatui::layout::Rect;

use super::{
    answer::{dash, facts, money, page_of, pane, said, text_room, tokens},
    pen::{Line, Pen, paragraph, row},
    words,
};
use crate::{
    console::{
        app::App,
        layout::{Areas, Room},
        state::probing::{Answer, Fares, Probing, Stage, Subject, With},
        theme::Role,
    },
    model::{ProbeResult, Verdict},
};

/// From so many columns on both answers to a sample stand side by side.
const SPLIT: u16 = 100;
/// Where the parts are.
struct Parts {
    head: Rect,
    table: Rect,
    /// The answers that are shown, and where.
    panes: Vec<(usize, Rect)>,
}

fn parts(probing: &Probing, body: Rect) -> Parts {
    let most = (body.height / 3).max(2);
    let rows = u16::try_from(probing.answers.len()).unwrap_or(u16::MAX);
    let table = Rect {
        y: body.y + 1.min(body.height),
        height: rows.min(most).min(body.height.saturating_sub(1)),
        ..body
    };
    let below = body.height.saturating_sub(table.height + 2);
    let pane = Rect {
        y: table.bottom() + 1,
        height: below,
        ..body
    };
    let pair = probing.pair();
    let panes = if below == 0 {
        Vec::new()
    } else if let ([left, right], true) = (pair.as_slice(), body.width >= SPLIT) {
        let half = body.width / 2;
        let other = Rect {
            x: pane.x + half,
            width: body.width - half,
            ..pane
        };
        vec![
            (
                *left,
                Rect {
                    width: half - 1,
                    ..pane
                },
            ),
            (*right, other),
        ]
    } else {
        vec![(probing.selected, pane)]
    };
    Parts {
        head: row(body, 0),
        table,
        panes,
    }
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas, probing: &Probing) {
    pen.line(areas.head, 1, &title(app, probing));
    let parts = parts(probing, areas.body);
    let columns = columns(app, areas.body.width);
    for column in &columns {
        column.put(pen, parts.head, column.title, Role::Heading);
    }
    let offset = (probing.selected + 1).saturating_sub(usize::from(parts.table.height));
    let shown = probing.answers.iter().enumerate().skip(offset);
    for (area, (place, answer)) in parts.table.rows().zip(shown) {
        line(app, pen, area, &columns, probing, answer);
        if place == probing.selected {
            pen.select(area, 1);
        }
    }
    super::home::more(pen, parts.table, offset, probing.answers.len());
    if let Some(first) = &probing.first {
        let keys = "<key:open> sends them all the same, <key:back> leaves";
        let text = format!("{first}. {}", app.setup.keymap.keyed(keys));
        let below = Rect {
            y: parts.table.bottom() + 1,
            height: areas.body.bottom().saturating_sub(parts.table.bottom() + 1),
            ..areas.body
        };
        let width = usize::from(below.width.saturating_sub(1));
        pen.lines(below, &paragraph(Role::Warning, " ! ", &text, width), 0);
        return;
    }
    for (place, area) in &parts.panes {
        if let Some(answer) = probing.answers.get(*place) {
            pane(app, pen, *area, probing, *place, answer);
        }
    }
    if let [(_, left), (_, right)] = parts.panes.as_slice() {
        for row in left.rows() {
            let divider = Rect {
                x: right.x - 1,
                width: 1,
                ..row
            };
            pen.put(divider, 0, pen.glyphs.divider, Role::Border);
        }
    }
}

/// What is probed, how far it is, what it cost, and whether it is recorded.
fn title(app: &App, probing: &Probing) -> Line {
    let over = probing.answers.iter().filter(|answer| answer.over());
    let all = probing.answers.len();
    let mut line = Line::of(
        Role::Heading,
        format!("PROBE {}", words::safe(probing.subject.as_str())),
    )
    .and(Role::Text, format!("  {}/{all}", over.count()));
    let (well, badly) = probing.counts(app.clock);
    if well > 0 {
        line = line.and(Role::Success, format!("  {well} passed"));
    }
    if badly > 0 {
        line = line.and(Role::Error, format!("  {badly} failed"));
    }
    if let Some((amount, currency)) = probing.cost() {
        line = line.and(Role::Text, format!("  {}", money(amount, currency)));
    }
    if probing.left_out > 0 {
        let more = format!("  {} more: `backstop probe`", probing.left_out);
        line = line.and(Role::Muted, more);
    }
    match &probing.not_kept {
        Some(why) => line.and(Role::Warning, format!("  {why}")),
        None if probing.kept > 0 => {
            let recorded = format!("  {} recorded", probing.kept);
            line.and(Role::Muted, recorded)
        }
        None => line,
    }
}

/// One column of the table.
struct Column {
    title: &'static str,
    at: u16,
    width: u16,
    right: bool,
}

impl Column {
    fn put(&self, pen: &mut Pen<'_>, area: Rect, text: &str, role: Role) {
        if self.right {
            pen.cell_right(area, self.at, self.width, text, role);
        } else {
            pen.cell(area, self.at, self.width, text, role);
        }
    }
}

fn columns(app: &App, width: u16) -> Vec<Column> {
    let sizes: &[(&str, u16, bool)] = match app.room() {
        Room::Summary | Room::List => &[
            ("ROUTE", 16, false),
            ("SAMPLE", 14, false),
            ("STATUS", 14, false),
            ("FIRST", 5, true),
        ],
        Room::Full => &[
            ("SIDE", 8, false),
            ("ROUTE", 18, false),
            ("SAMPLE", 18, false),
            ("STATUS", 15, false),
            ("FIRST", 5, true),
            ("TOTAL", 5, true),
        ],
        Room::Wide => &[
            ("SIDE", 8, false),
            ("ROUTE", 20, false),
            ("SAMPLE", 22, false),
            ("STATUS", 16, false),
            ("HEAD", 5, true),
            ("FIRST", 5, true),
            ("TOTAL", 5, true),
            ("TOKENS", 9, true),
            ("TOK/S", 6, true),
            ("CHECKS", 6, true),
        ],
    };
    let mut at = 5;
    let mut columns = Vec::with_capacity(sizes.len());
    for (title, wide, right) in sizes {
        if at + wide > width {
            break;
        }
        columns.push(Column {
            title,
            at,
            width: *wide,
            right: *right,
        });
        at += wide + 1;
    }
    columns
}

fn sign(fares: Fares) -> (&'static str, Role) {
    match fares {
        Fares::Running => (".", Role::Info),
        Fares::Stalled | Fares::Cut => ("!", Role::Warning),
        Fares::Well => ("+", Role::Success),
        Fares::Badly => ("x", Role::Error),
    }
}

fn line(
    app: &App,
    pen: &mut Pen<'_>,
    area: Rect,
    columns: &[Column],
    probing: &Probing,
    answer: &Answer,
) {
    let (sign, role) = sign(answer.fares(app.clock));
    pen.put(area, 3, sign, role);
    let result = result(answer);
    for column in columns {
        let (text, role) = match column.title {
            "SIDE" => (side(app, answer).to_owned(), Role::Muted),
            "ROUTE" => (
                words::safe(answer.question.route.as_str()).into_owned(),
                Role::Text,
            ),
            "SAMPLE" => (asked(probing, answer), Role::Text),
            "STATUS" => (answer.word(app.clock), role),
            "HEAD" => (
                words::seconds(answer.head.map(|(_, after)| after)),
                Role::Text,
            ),
            "FIRST" => (words::seconds(answer.first_output), Role::Text),
            "TOTAL" => (total(app, answer), Role::Text),
            "TOKENS" => (result.map_or_else(dash, tokens), Role::Text),
            "TOK/S" => (
                result
                    .and_then(ProbeResult::tokens_per_second)
                    .map_or_else(dash, |rate| format!("{rate:.1}")),
                Role::Text,
            ),
            "CHECKS" => result.map_or_else(|| (dash(), Role::Muted), checks),
            _ => continue,
        };
        column.put(pen, area, &text, role);
    }
}

fn result(answer: &Answer) -> Option<&ProbeResult> {
    match &answer.stage {
        Stage::Answered(result) => Some(result),
        Stage::Waiting | Stage::Asked | Stage::Climbed(_) | Stage::Unsent(_) => None,
    }
}

/// Which side of its workload the route is.
pub(super) fn side(app: &App, answer: &Answer) -> &'static str {
    let With::Sample(workload, _) = &answer.question.with else {
        return "ladder";
    };
    let primary = app
        .data
        .workload(workload)
        .map(|workload| &workload.primary);
    if primary == Some(&answer.question.route) {
        "primary"
    } else {
        "fallback"
    }
}

/// What was sent.
fn asked(probing: &Probing, answer: &Answer) -> String {
    let With::Sample(_, sample) = &answer.question.with else {
        return "no sample: ladder".to_owned();
    };
    let name = match probing.subject {
        Subject::Workload(_) => sample.name(),
        Subject::Route(_) | Subject::Several(..) => sample.as_str(),
    };
    words::safe(name).into_owned()
}

/// How long it took, or takes.
fn total(app: &App, answer: &Answer) -> String {
    match (&answer.stage, answer.sent) {
        (Stage::Answered(result), _) => words::seconds(Some(result.total)),
        (Stage::Asked, Some(sent)) => words::span(app.age(sent)),
        (Stage::Waiting | Stage::Asked | Stage::Climbed(_) | Stage::Unsent(_), _) => dash(),
    }
}

/// `2/3`: of the checks that were made, how many passed.
fn checks(result: &ProbeResult) -> (String, Role) {
    let count = |verdict| {
        let of_it = result.checks.iter().filter(|it| it.verdict == verdict);
        of_it.count()
    };
    let (passed, failed) = (count(Verdict::Passed), count(Verdict::Failed));
    let role = if failed > 0 { Role::Error } else { Role::Text };
    if passed + failed == 0 {
        (dash(), Role::Muted)
    } else {
        (format!("{passed}/{}", passed + failed), role)
    }
}

/// The page that is shown of the answer under the cursor, and how many there are.
pub(super) fn pages(app: &App, probing: &Probing) -> (usize, usize) {
    let parts = parts(probing, super::areas(app).body);
    let shown = parts
        .panes
        .iter()
        .find(|(place, _)| *place == probing.selected);
    let (Some((place, area)), Some(answer)) = (shown, probing.current()) else {
        return (0, 1);
    };
    let text = said(answer, *area).len();
    let (_, rows) = text_room(*area, facts(answer, *area).len(), text);
    page_of(probing, *place, text, rows)
}

/// The answer under the cursor as text.
pub(super) fn copied(app: &App, probing: &Probing) -> String {
    let Some(answer) = probing.current() else {
        return String::new();
    };
    let area = Rect::new(0, 0, 200, 100);
    let facts: Vec<String> = facts(answer, area)
        .iter()
        .map(|line| line.text().trim().to_owned())
        .collect();
    format!(
        "{} {} {}: {}\n{}\n\n{}\n",
        words::safe(answer.question.route.as_str()),
        side(app, answer),
        asked(probing, answer),
        answer.word(app.clock),
        facts.join("\n"),
        answer.text.trim_end(),
    )
}
