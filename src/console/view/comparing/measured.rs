//! What was measured and checked of both answers, and what the reviewer said of them.

use std::time::Duration;

use ratatui::layout::Rect;

use super::titles::role;
use crate::{
    console::{
        app::App,
        layout::Room,
        state::{
            comparing::{
                Comparing, Mode,
                case::{Case, Side},
                live::{Live, Stage},
                run::Measured,
            },
            probing::Fares,
        },
        theme::Role,
        view::{
            answer::{dash, money, tokens},
            pen::{Line, Pen},
            words,
        },
    },
    model::{CheckResult, Judgement, Place, ProbeResult, SampleCheck, Verdict},
};

/// The most checks that are listed.
const MOST: u16 = 6;

/// A sign for how an answer fares.
pub(super) const fn sign(fares: Fares) -> (&'static str, Role) {
    match fares {
        Fares::Running => (".", Role::Info),
        Fares::Stalled | Fares::Cut => ("!", Role::Warning),
        Fares::Well => ("+", Role::Success),
        Fares::Badly => ("x", Role::Error),
    }
}

/// The rows of what is measured.
pub(super) fn height(app: &App, comparing: &Comparing) -> u16 {
    let Some(case) = comparing.case() else {
        return 0;
    };
    match (comparing.hides(case), app.room()) {
        (true, _) => 1,
        (false, Room::Summary | Room::List) => 2,
        (false, Room::Full | Room::Wide) => 3,
    }
}

/// The rows of the checks, with their head.
pub(super) fn checks_height(comparing: &Comparing) -> u16 {
    let checks = comparing
        .case()
        .map_or(0, |case| case.sample.checks.len().min(usize::from(MOST)));
    u16::try_from(checks).map_or(0, |checks| if checks == 0 { 0 } else { checks + 1 })
}

pub(super) fn draw(app: &App, pen: &mut Pen<'_>, area: Rect, comparing: &Comparing, case: &Case) {
    let mut rows = area.rows();
    if comparing.hides(case) {
        if let Some(place) = rows.next() {
            let text = "names, length, speed and cost are hidden: they would tell the routes apart";
            pen.put(place, 3, text, Role::Muted);
        }
        return;
    }
    for (side, place) in Side::BOTH.into_iter().zip(rows.by_ref()) {
        let live = case.run().map(|run| run.at(case.place(side)));
        pen.line(place, 1, &one(app, side, live));
    }
    if let Some(place) = rows.next() {
        let line = varied(case).or_else(|| apart(case));
        pen.line(place, 1, &line.unwrap_or_default());
    }
}

/// Everything that was measured of one answer.
fn one(app: &App, side: Side, heard: Option<&Live>) -> Line {
    let Some(live) = heard else {
        return Line::of(role(side), side.as_str());
    };
    let (mark, tone) = sign(live.fares(app.clock));
    let (role_of_rest, rest) = match (&live.stage, live.result()) {
        (_, Some(result)) => (Role::Text, result_words(result)),
        (Stage::Unsent(why), None) => (Role::Error, why.clone()),
        (_, None) => (Role::Muted, so_far(app, live)),
    };
    Line::of(role(side), format!("{} ", side.as_str()))
        .and(tone, mark)
        .and(role_of_rest, format!(" {rest}"))
}

/// In columns, so that the two sides can be read one below the other; what matters least comes last and is cut
/// first.
fn result_words(result: &ProbeResult) -> String {
    let mut parts = Vec::new();
    if let Some(failure) = &result.failure {
        parts.push(format!("{}: {}", failure.class, failure.detail));
    }
    let (passed, failed) = counted(&result.checks);
    let checks = match passed + failed {
        0 => dash(),
        all => format!("{passed}/{all}"),
    };
    parts.push(format!("first {:>6}", first(result)));
    parts.push(format!("total {:>6}", precise(result.total)));
    parts.push(format!("tokens {:>7}", tokens(result)));
    let rate = result.tokens_per_second();
    parts.push(rate.map_or_else(|| format!("{:>5}", dash()), |rate| format!("{rate:>3.0}/s")));
    parts.push(format!("checks {checks}"));
    let cost = result.cost.as_ref();
    parts.extend(cost.map(|cost| money(cost.amount, &cost.currency)));
    let finish = result.finish.as_deref();
    parts.extend(finish.map(|finish| format!("ended: {}", words::safe(finish))));
    parts.join(" ")
}

fn so_far(app: &App, live: &Live) -> String {
    let mut parts = vec![live.word(app.clock)];
    if let Some((status, after)) = live.head {
        parts.push(format!("{status} after {}", precise(after)));
    }
    if let Some(first) = live.first_output {
        parts.push(format!("first {}", precise(first)));
    }
    if let (Stage::Asked, Some(sent)) = (&live.stage, live.sent) {
        parts.push(format!("for {}", words::span(app.age(sent))));
    }
    parts.join("  ")
}

/// What sets the sides apart, in words.
fn apart(case: &Case) -> Option<Line> {
    let run = case.run()?;
    let of = |side| run.at(case.place(side)).result();
    let (a, b) = of(Side::A).zip(of(Side::B))?;
    if a.failure.is_some() || b.failure.is_some() {
        return None;
    }
    let mut parts = Vec::new();
    if let Some((a, b)) = a.first_output.zip(b.first_output) {
        let by = beside(a, b, ["later", "sooner"]);
        parts.extend(by.map(|by| format!("first output {by}")));
    }
    let by = beside(a.total, b.total, ["slower", "quicker"]);
    parts.extend(by.map(|by| format!("{by} in all")));
    if let Some((a, b)) = a.usage.output.zip(b.usage.output) {
        parts.push(match b.checked_sub(a) {
            Some(0) => "as many tokens".to_owned(),
            Some(more) => format!("{more} tokens more"),
            None => format!("{} tokens fewer", a - b),
        });
    }
    if let (Some(a), Some(b)) = (&a.cost, &b.cost)
        && a.currency == b.currency
        && a.amount > 0.0
    {
        let share = (b.amount / a.amount - 1.0) * 100.0;
        if share.abs() >= 1.0 {
            let word = if share > 0.0 { "more" } else { "less" };
            parts.push(format!("costs {:.0}% {word}", share.abs()));
        }
    }
    if parts.is_empty() {
        return None;
    }
    Some(
        Line::of(Role::Muted, "B ")
            .and(Role::Text, parts.join(", "))
            .and(Role::Muted, " than A"),
    )
}

/// `900ms later`: of B, beside A; `None`: not worth a word.
fn beside(a: Duration, b: Duration, [more, less]: [&str; 2]) -> Option<String> {
    let (by, word) = match b.checked_sub(a) {
        Some(by) => (by, more),
        None => (a.saturating_sub(b), less),
    };
    (by >= Duration::from_millis(50)).then(|| format!("{} {word}", precise(by)))
}

/// How much the answers vary, when there were several.
fn varied(case: &Case) -> Option<Line> {
    let of = |place| case.measured(place);
    let (a, b) = (of(case.place(Side::A)), of(case.place(Side::B)));
    if a.len().max(b.len()) < 2 {
        return None;
    }
    let runs = a.len().max(b.len());
    let mut line = Line::of(Role::Muted, format!("{runs} runs"));
    for (side, measured) in [(Side::A, a), (Side::B, b)] {
        line = line
            .and(Role::Text, "  ")
            .and(role(side), side.as_str())
            .and(Role::Text, format!(" {}", spread(measured)));
    }
    Some(line)
}

fn spread(measured: &[Measured]) -> String {
    let good: Vec<&Measured> = measured
        .iter()
        .filter(|it| it.result.failure.is_none())
        .collect();
    let mut parts = Vec::new();
    let firsts: Vec<Duration> = good
        .iter()
        .filter_map(|it| it.result.first_output)
        .collect();
    parts.extend(range(&firsts).map(|range| format!("first {range}")));
    let totals: Vec<Duration> = good.iter().map(|it| it.result.total).collect();
    parts.extend(range(&totals).map(|range| format!("total {range}")));
    let mut texts: Vec<u64> = good.iter().map(|it| it.text).collect();
    texts.sort_unstable();
    texts.dedup();
    parts.push(words::count(texts.len(), "text"));
    let passed = good
        .iter()
        .filter(|it| it.result.verdict() == Verdict::Passed)
        .count();
    parts.push(format!("{passed}/{} passed", measured.len()));
    parts.join(", ")
}

/// `0.41-0.90s`.
fn range(times: &[Duration]) -> Option<String> {
    let (least, most) = (times.iter().min()?, times.iter().max()?);
    Some(format!(
        "{:.2}-{:.2}s",
        least.as_secs_f64(),
        most.as_secs_f64()
    ))
}

/// Every check, one row each, with what was found on each side.
pub(super) fn checks(pen: &mut Pen<'_>, area: Rect, comparing: &Comparing, case: &Case) {
    let mut rows = area.rows();
    let Some(head) = rows.next() else { return };
    let columns = super::pane::columns(usize::from(area.width.saturating_sub(5)));
    let at = [3, columns[0] + 4, columns[0] + columns[1] + 5];
    pen.cell(head, at[0], columns[0], "CHECKS", Role::Heading);
    for (side, (at, wide)) in Side::BOTH.into_iter().zip(at.iter().zip(columns).skip(1)) {
        pen.cell(head, *at, wide, side.as_str(), role(side));
    }
    // Of a blind sample only what is masked is shown, once it is there.
    let result = |side: Side| match comparing.weighed(case) {
        Some(weighed) => Some(&weighed.answer(side).result),
        None if comparing.hides(case) => None,
        None => case.run()?.at(case.place(side)).result(),
    };
    for (index, (place, check)) in rows.zip(&case.sample.checks).enumerate() {
        let name = check.to_string();
        pen.cell(place, at[0], columns[0], &words::safe(&name), Role::Text);
        for (side, (at, wide)) in Side::BOTH.into_iter().zip(at.iter().zip(columns).skip(1)) {
            // What is measured in seconds tells the routes apart.
            let hidden = comparing.hides(case) && timed(check);
            let (text, role) = match result(side).and_then(|it| it.checks.get(index)) {
                _ if hidden => ("hidden".to_owned(), Role::Muted),
                Some(found) => found_words(found),
                None => (dash(), Role::Muted),
            };
            pen.cell(place, *at, wide, &text, role);
        }
    }
}

fn found_words(found: &CheckResult) -> (String, Role) {
    let (mark, role) = match found.verdict {
        Verdict::Passed => ("+ ok", Role::Success),
        Verdict::Failed => ("x", Role::Error),
        Verdict::Skipped => ("-", Role::Muted),
    };
    let gap = if found.detail.is_empty() { "" } else { " " };
    (format!("{mark}{gap}{}", words::safe(&found.detail)), role)
}

fn counted(checks: &[CheckResult]) -> (usize, usize) {
    let count = |verdict| checks.iter().filter(|it| it.verdict == verdict).count();
    (count(Verdict::Passed), count(Verdict::Failed))
}

/// What was said of the sample on screen, and how the review stands.
pub(super) fn verdict(pen: &mut Pen<'_>, area: Rect, comparing: &Comparing, case: &Case) {
    let mut line = match case.judgement {
        Some(judgement) => {
            let text = said(comparing, case, judgement);
            Line::of(Role::Heading, "verdict: ").and(Role::Success, text)
        }
        None if comparing.unjudgeable().is_some() => Line::default(),
        None => Line::of(Role::Heading, "verdict: ").and(Role::Muted, "not judged yet"),
    };
    if !case.note.is_empty() {
        line = line.and(Role::Muted, format!("  # {}", words::safe(&case.note)));
    }
    let at = pen.line(area, 1, &line);
    let stands = stands(comparing);
    let wide = u16::try_from(stands.width()).unwrap_or(u16::MAX);
    let start = area.width.saturating_sub(wide + 1);
    if start > at {
        pen.line(area, start, &stands);
    }
}

/// A verdict in terms of the sides on screen, and of the routes once they are shown.
pub(super) fn said(comparing: &Comparing, case: &Case, judgement: Judgement) -> String {
    let letter = |place: Place| case.side(place).as_str();
    let (primary, fallback) = (letter(Place::Primary), letter(Place::Fallback));
    let mut text = match judgement {
        Judgement::PrimaryBetter => format!("{primary} is better"),
        Judgement::FallbackBetter => format!("{fallback} is better"),
        Judgement::Same => "the same".to_owned(),
        Judgement::BothBad => "both are bad".to_owned(),
        Judgement::FallbackUnsafe => format!("{fallback} is unsafe"),
        Judgement::PrimaryUnsafe => format!("{primary} is unsafe"),
        Judgement::BothUnsafe => "both are unsafe".to_owned(),
    };
    if !comparing.hides(case) {
        text.push_str(match judgement {
            Judgement::PrimaryBetter | Judgement::PrimaryUnsafe => " (the primary)",
            Judgement::FallbackBetter | Judgement::FallbackUnsafe => " (the fallback)",
            Judgement::Same | Judgement::BothBad | Judgement::BothUnsafe => "",
        });
    }
    text
}

/// `same or better 2, worse 0, unsafe 0`; of a blind review only how much is judged, as the rest would tell.
fn stands(comparing: &Comparing) -> Line {
    let tally = comparing.tally();
    if tally.judged == 0 || comparing.mode == Mode::Blind {
        return Line::default();
    }
    let text = format!(
        "same or better {} of {}, vetoes {}",
        tally.same_or_better, tally.judged, tally.vetoes
    );
    Line::of(Role::Muted, text)
}

fn first(result: &ProbeResult) -> String {
    result.first_output.map_or_else(dash, precise)
}

/// `340ms`, `2.14s`.
fn precise(length: Duration) -> String {
    if length < Duration::from_secs(1) {
        format!("{}ms", length.as_millis())
    } else {
        format!("{:.2}s", length.as_secs_f64())
    }
}

/// Whether a check tells how quick a route was.
const fn timed(check: &SampleCheck) -> bool {
    matches!(check, SampleCheck::FirstOutputWithin { .. })
}
