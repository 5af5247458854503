//! A plan: what is, what would be, what stands against it, and what the operator gives.
//!
//! It fills the screen when the name of its target must be typed, so that no evidence is hidden; a plan that
//! needs one key stands over the lower part of the screen when it fits there whole. A plan is never clipped:
//! without room it says so and shows the command line instead.

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    Extent, footer,
    home::more,
    pen::{Line, Pen, paragraph, row, wrap},
    plan_form as form_view, status, tour, words,
};
use crate::{
    console::{
        action::Action,
        app::{App, Overlay},
        layout::{self, PLAN},
        state::plan::{Form, Stage},
        theme::Role,
    },
    model::{Check, CheckVerdict, Plan, Presence, RiskTier, Subject},
};

/// Rows of the screen below that stay visible over a panel.
const ABOVE: u16 = 6;

/// Draws a plan that fills the screen. Answers whether it did.
pub(super) fn draw(app: &App, pen: &mut Pen<'_>, area: Rect) -> bool {
    let Some(Overlay::Plan(form)) = app.overlays.last() else {
        return false;
    };
    if too_small(app, form, area) {
        enlarge(app, pen, area, form);
        return true;
    }
    if panel_rows(app, form, area).is_some() {
        return false;
    }
    let lines = form_view::lines(app, form, area.width);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let Some(areas) = layout::plan(area, rows) else {
        enlarge(app, pen, area, form);
        return true;
    };
    title(app, pen, areas.title, form);
    status::top(app, pen, areas.rules[0]);
    let body = body(app, form, areas.body.width, areas.body.height);
    pen.lines(areas.body, &body.lines, form.scroll);
    more(pen, areas.body, form.scroll, body.lines.len());
    tour::over_plan(app, pen, areas.body, body.lines.len());
    let end = form.scroll + usize::from(areas.body.height);
    let below = body.lines.len().saturating_sub(end);
    let page = app.setup.keymap.shown(Action::PageDown);
    let words = match (below, body.vital > end) {
        (0, _) => String::new(),
        (_, true) => format!("{} below: {page}", words::count(below, "more line")),
        (_, false) => format!(
            "{} below, where all is well: {page}",
            words::count(below, "more line")
        ),
    };
    pen.rule(areas.rules[1], &words);
    pen.lines(areas.form, &lines, 0);
    pen.rule(areas.rules[2], unchanged(form));
    footer::keys(app, pen, areas.footer, app.context());
    true
}

/// Said until it is true no more.
fn unchanged(form: &Form) -> &'static str {
    match form.stage {
        Stage::Planning(_) | Stage::Ready(_) => "nothing has changed yet",
        Stage::Applying(_) => "applying",
    }
}

/// Whether there is no room for the plan in any form.
fn too_small(app: &App, form: &Form, area: Rect) -> bool {
    let rows = form_view::lines(app, form, area.width).len();
    layout::plan(area, u16::try_from(rows).unwrap_or(u16::MAX)).is_none()
}

/// How long the plan's text is, and how much of it can be seen.
pub(super) fn measure(app: &App, form: &Form, area: Rect) -> Option<Extent> {
    if too_small(app, form, area) {
        return None;
    }
    if let Some(rows) = panel_rows(app, form, area) {
        return Some(Extent::of(usize::from(rows), rows));
    }
    let rows = form_view::lines(app, form, area.width).len();
    let areas = layout::plan(area, u16::try_from(rows).ok()?)?;
    let body = body(app, form, areas.body.width, areas.body.height);
    Some(Extent {
        vital: body.vital,
        ..Extent::of(body.lines.len(), areas.body.height)
    })
}

/// The rows of a plan over the lower part of the screen; `None`: it needs the whole.
fn panel_rows(app: &App, form: &Form, area: Rect) -> Option<u16> {
    if form.typed() {
        return None;
    }
    let body = body(app, form, area.width, 0).lines.len();
    let rows = body + form_view::lines(app, form, area.width).len() + 3;
    let rows = u16::try_from(rows).ok()?;
    (rows + ABOVE <= area.height).then_some(rows)
}

/// Draws a plan over the lower part of the screen.
pub(super) fn panel(app: &App, pen: &mut Pen<'_>, area: Rect, form: &Form) {
    let Some(rows) = panel_rows(app, form, area) else {
        return;
    };
    let place = Rect {
        y: area.bottom() - rows - 1,
        height: rows + 1,
        ..area
    };
    pen.clear(place);
    pen.rule(row(place, 0), "");
    title(app, pen, row(place, 1), form);
    let body = body(app, form, area.width, 0).lines;
    let at = Rect {
        y: place.y + 2,
        height: u16::try_from(body.len()).unwrap_or(0),
        ..place
    };
    pen.lines(at, &body, 0);
    let lines = form_view::lines(app, form, area.width);
    let at = Rect {
        y: at.bottom(),
        height: u16::try_from(lines.len()).unwrap_or(0),
        ..place
    };
    pen.lines(at, &lines, 0);
    pen.rule(row(place, place.height - 2), unchanged(form));
    footer::keys(app, pen, row(place, place.height - 1), app.context());
}

/// What is planned, where, and how far it is.
fn title(app: &App, pen: &mut Pen<'_>, area: Rect, form: &Form) {
    let id = form
        .plan()
        .map_or_else(String::new, |plan| format!(" #{}", words::safe(&plan.id.0)));
    let (stage, role) = match &form.stage {
        Stage::Planning(None) => ("planning ...", Role::Info),
        Stage::Planning(Some(_)) => ("being made again ...", Role::Warning),
        Stage::Applying(_) => ("applying ...", Role::Info),
        Stage::Ready(plan) if plan.refusal().is_some() => ("REFUSED", Role::Error),
        Stage::Ready(plan) if plan.tier == RiskTier::BreakGlass => ("BREAK-GLASS", Role::Error),
        Stage::Ready(_) => ("", Role::Text),
    };
    let place = form
        .place
        .map_or_else(String::new, |(nth, total)| format!(" {nth} of {total}"));
    let titled = |gap: &str| {
        let stage = format!("{gap}{stage}");
        Line::of(Role::Title, format!(" PLAN{place}{id}{gap}"))
            .and(Role::Title, words::safe(&form.title()).into_owned())
            .and(role, if stage == gap { String::new() } else { stage })
    };
    let mut left = titled("  ");
    let revision = form
        .plan()
        .map_or_else(String::new, |plan| format!("  rev {}", plan.revision));
    let clock = format!("  {}", app.clock.strftime("%H:%M:%SZ"));
    let place = status::place(app, pen);
    let timed = place.clone().and(Role::Text, clock.clone());
    let full = place
        .clone()
        .and(Role::Muted, revision)
        .and(Role::Text, clock);
    // Where this is and whether it may be changed is never left out: what is planned stands in the form as well.
    let room = usize::from(area.width).saturating_sub(left.width() + 2);
    let right = [full, timed]
        .into_iter()
        .find(|right| right.width() <= room)
        .unwrap_or(place);
    let start = usize::from(area.width).saturating_sub(right.width() + 1);
    if left.width() + 1 > start {
        left = titled(" ");
    }
    let start = u16::try_from(start).unwrap_or(0);
    let before = Rect {
        width: start.saturating_sub(1),
        ..area
    };
    pen.line(before, 0, &left);
    pen.line(area, start, &right);
}

/// The text of a plan.
struct Body {
    lines: Vec<Line>,
    /// So many of them must have been seen before it can be applied: behind them only what is well is told.
    vital: usize,
}

/// The text of a plan. Passed checks are told in full when there is room, else in one flow.
fn body(app: &App, form: &Form, width: u16, height: u16) -> Body {
    let Some(plan) = form.plan() else {
        let lines = paragraph(
            Role::Muted,
            " ",
            "looking at routes, traffic, policy and people; nothing has changed yet",
            usize::from(width),
        );
        return Body {
            vital: lines.len(),
            lines,
        };
    };
    let full = lines(app, plan, width, true);
    if full.lines.len() <= usize::from(height) {
        return full;
    }
    lines(app, plan, width, false)
}

/// Before every line: the label of its part, on the first line of it.
const LABEL: usize = 9;

fn lines(app: &App, plan: &Plan, width: u16, full: bool) -> Body {
    let wide = usize::from(width).saturating_sub(LABEL + 1);
    let text = |text: &str| paragraph(Role::Text, "", &words::safe(text), wide);
    let mut lines = Vec::new();
    part(&mut lines, "NOW", text(&plan.now_line));
    part(&mut lines, "AFTER", text(&plan.after_line));
    // What stops it is on the first page of the smallest screen.
    let stopping = plan.checks.iter().filter(|check| stops(check));
    part(
        &mut lines,
        "STOPS",
        stopping.flat_map(|check| told(check, wide)).collect(),
    );
    let effects = plan
        .effects
        .iter()
        .flat_map(|effect| paragraph(Role::Text, "- ", &words::safe(effect), wide))
        .collect();
    part(&mut lines, "CHANGES", effects);
    let (passed, doubts): (Vec<&Check>, Vec<&Check>) = plan
        .checks
        .iter()
        .filter(|check| !about_people(check) && !stops(check))
        .partition(|check| check.verdict == CheckVerdict::Pass);
    let doubts: Vec<Line> = doubts.iter().flat_map(|check| told(check, wide)).collect();
    let label = if doubts.is_empty() { "CHECKS" } else { "" };
    part(&mut lines, "CHECKS", doubts);
    // Nothing that speaks against it stands behind what is well.
    let people = people(app, plan, wide);
    let mut roles = people.iter().flat_map(|line| &line.0);
    let calm = roles.all(|(role, _)| *role == Role::Text);
    let mut vital = lines.len();
    let passed = well(&passed, wide, full);
    if calm {
        part(&mut lines, label, passed);
        part(&mut lines, "PEOPLE", people);
    } else {
        part(&mut lines, "PEOPLE", people);
        vital = lines.len();
        part(&mut lines, "CHECKS", passed);
    }
    Body { lines, vital }
}

/// Adds the lines of one part.
fn part(lines: &mut Vec<Line>, label: &str, part: Vec<Line>) {
    for (index, line) in part.into_iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        let mut labelled = Line::of(Role::Heading, format!(" {label:<8}"));
        labelled.0.extend(line.0);
        lines.push(labelled);
    }
}

/// The checks that passed: in full, or their names side by side.
fn well(passed: &[&Check], wide: usize, full: bool) -> Vec<Line> {
    if full {
        return passed.iter().flat_map(|check| told(check, wide)).collect();
    }
    let names: Vec<String> = passed
        .iter()
        .map(|check| format!("+ {}", words::safe(&check.name)))
        .collect();
    flow(&names, wide, "   ")
        .into_iter()
        .map(|line| Line::of(Role::Success, line))
        .collect()
}

/// Sign, name and why.
fn told(check: &Check, wide: usize) -> Vec<Line> {
    let (sign, role) = words::verdict(check.verdict);
    let stops = match check.verdict {
        CheckVerdict::Pass | CheckVerdict::Warn => "",
        CheckVerdict::Fail => "FAILS: ",
        CheckVerdict::Refuse => "REFUSED: ",
    };
    let lead = format!("{sign} {}: ", words::safe(&check.name));
    let text = format!("{lead}{stops}{}", words::safe(&check.why));
    wrap(&text, wide.saturating_sub(2))
        .into_iter()
        .enumerate()
        .map(|(index, line)| match line.strip_prefix(&lead) {
            Some(why) if index == 0 => Line::of(role, lead.clone()).and(Role::Text, why),
            Some(_) | None if index == 0 => Line::of(role, line),
            Some(_) | None => Line::of(Role::Text, format!("  {line}")),
        })
        .collect()
}

/// Words side by side, in as few lines as possible.
pub(super) fn flow(words: &[String], width: usize, gap: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.width() + gap.width() + word.width() <= width => {
                line.push_str(gap);
                line.push_str(word);
            }
            Some(_) | None if word.width() <= width => lines.push(word.clone()),
            Some(_) | None => lines.extend(wrap(word, width)),
        }
    }
    lines
}

/// Whether a check stands in the way.
fn stops(check: &Check) -> bool {
    check.verdict >= CheckVerdict::Fail
}

/// Told from what is known now, which may be newer than the plan.
fn about_people(check: &Check) -> bool {
    check.name == "people" || check.name == "history"
}

/// Since when their plan is open.
fn since(other: &Presence) -> String {
    other.plan_since.map_or_else(String::new, |since| {
        format!(" since {}", since.strftime("%H:%M:%SZ"))
    })
}

/// Who else is at it, and what changed last.
fn people(app: &App, plan: &Plan, wide: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let target = plan.target();
    let workload = match &plan.key.subject {
        Subject::Mode(workload) | Subject::Notice(workload) => Some(workload),
        Subject::Drain(_) => None,
    };
    for other in app.others() {
        let name = words::operator(app, &other.actor);
        let at_it = if let Some((id, _)) = other
            .plan
            .as_ref()
            .filter(|(_, key)| key.target() == target)
        {
            Some((
                "!",
                Role::Warning,
                format!("{name} has plan #{id} open for it{}", since(other)),
            ))
        } else if workload.is_some() && other.claim.as_ref() == workload {
            Some(("!", Role::Warning, format!("{name} said \"I'm on it\"")))
        } else if workload.is_some() && other.viewing.as_ref() == workload {
            Some(("+", Role::Text, format!("{name} looks at it")))
        } else {
            None
        };
        if let Some((sign, role, text)) = at_it {
            lines.extend(paragraph(role, &format!("{sign} "), &text, wide));
        }
    }
    if lines.is_empty() {
        lines.push(Line::of(Role::Text, "+ nobody else is at it"));
    }
    let history = plan.checks.iter().find(|check| check.name == "history");
    if let Some(history) = history {
        let (sign, role) = words::verdict(history.verdict);
        let role = if history.verdict == CheckVerdict::Pass {
            Role::Text
        } else {
            role
        };
        let text = words::safe(&history.why);
        let short = lines.len() == 1 && lines[0].width() + text.width() + 2 <= wide;
        match lines.first_mut() {
            Some(first) if short && role == Role::Text => {
                first.0.push((role, format!("; {text}")));
            }
            Some(_) | None => lines.extend(paragraph(role, &format!("{sign} "), &text, wide)),
        }
    }
    lines
}

/// No room: says so, and gives the command line in full.
fn enlarge(app: &App, pen: &mut Pen<'_>, area: Rect, form: &Form) {
    let back = app.setup.keymap.shown(Action::Back);
    let asks = if form.typed() {
        Action::Apply
    } else {
        Action::Confirm
    };
    let asks = app.setup.keymap.shown(asks);
    let width = usize::from(area.width);
    let text = format!(
        "{}: a plan needs {}x{}. {asks} asks in lines; or enlarge the terminal; or leave with {back} and run:",
        form.title(),
        PLAN.0,
        PLAN.1
    );
    let mut lines: Vec<Line> = wrap(&words::safe(&text), width)
        .into_iter()
        .map(|line| Line::of(Role::Warning, line))
        .collect();
    let command = form.command_line();
    lines.extend(
        wrap(&words::safe(&command), width)
            .into_iter()
            .map(|line| Line::of(Role::Text, line)),
    );
    if let Some(rival) = app.rival() {
        let text = words::rival(app, rival);
        let text = app.setup.keymap.keyed(&text);
        lines.extend(paragraph(Role::Warning, "", &text, width));
    }
    match &form.remark {
        Some(remark) => {
            let text = app.setup.keymap.keyed(remark);
            lines.extend(paragraph(Role::Warning, "", &text, width));
        }
        None => lines.push(Line::of(Role::Muted, "nothing has changed")),
    }
    // The command matters more than the explanation.
    let height = usize::from(area.height);
    let skip = lines
        .len()
        .saturating_sub(height)
        .min(lines.len().saturating_sub(2));
    pen.lines(area, &lines, skip);
}
