//! One route as a whole: how it fares, who uses it, what failed on it, and its ladder rung by rung.
//!
//! Stands below the list of routes, or beside it; what does not fit is scrolled to; the most urgent comes first.

use std::time::Duration;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::{
    pane_scroll,
    pen::{Line, Pen, paragraph},
    routes::{headroom, used_role},
    words,
};
use crate::{
    console::{
        action::Action,
        app::App,
        glyph::{ASCII, Glyphs},
        state::table::circuit_word,
        theme::Role,
    },
    control::{RouteStatus, Tried},
    model::{CircuitState, ProbeSubject, RouteName, Verdict},
};

/// Before the text of every line.
const LABEL: usize = 11;
/// First outputs up to this are drawn against it, so that quick routes look quick; above, against the slowest.
const SCALE: Duration = Duration::from_secs(1);

fn selected(app: &App) -> Option<&RouteStatus> {
    app.overview()?.route(app.routes.list.selected()?)
}

/// Draws the selected route.
pub(super) fn pane(app: &App, pen: &mut Pen<'_>, area: Rect) {
    let Some(status) = selected(app) else { return };
    let mut lines = lines(app, status, area.width, pen.glyphs);
    let height = usize::from(area.height);
    let most = lines.len().saturating_sub(height);
    lines.drain(..pane_scroll(app).min(most));
    if lines.len() > height {
        let more = lines.len() + 1 - height;
        lines.truncate(height.saturating_sub(1));
        let key = app.setup.keymap.shown(Action::PaneDown);
        let text = format!(
            " {} {more} more lines: {key} scrolls",
            pen.glyphs.more_below
        );
        lines.push(Line::of(Role::Muted, text));
    }
    pen.lines(area, &lines, 0);
}

/// By how many lines the selected route can be scrolled in an area.
pub(super) fn most(app: &App, area: Rect) -> usize {
    let Some(status) = selected(app) else {
        return 0;
    };
    let lines = lines(app, status, area.width, &ASCII).len();
    lines.saturating_sub(usize::from(area.height))
}

/// Everything that is known of a route.
pub(super) fn lines(app: &App, status: &RouteStatus, width: u16, glyphs: &Glyphs) -> Vec<Line> {
    let width = usize::from(width.saturating_sub(1));
    let labelled = |role, label: &str, text: &str| {
        paragraph(role, &format!(" {label:<w$}", w = LABEL - 1), text, width)
    };
    let mut lines = vec![title(app, status)];
    if let Some(failed) = status
        .probed
        .as_ref()
        .and_then(|probed| probed.why.as_ref())
    {
        lines.extend(labelled(Role::Error, "x probe", &words::safe(failed)));
    }
    if let Some(by) = &status.drained_by {
        let end = status.drained_until.map_or_else(String::new, |until| {
            format!(" until {}", words::until(app, until))
        });
        let text = format!("by {}{end}: no new request goes to it", words::safe(by));
        lines.extend(labelled(Role::Warning, "- drained", &text));
    }
    lines.extend(labelled(
        match status.circuit {
            CircuitState::Closed => used_role(status.used),
            CircuitState::HalfOpen => Role::Warning,
            CircuitState::Open => Role::Error,
        },
        "circuit",
        &live(app, status),
    ));
    lines.push(rungs(status));
    let classes = app.route_facts.classes(&status.route);
    if !classes.is_empty() {
        let told: Vec<String> = classes
            .iter()
            .map(|(class, count)| format!("{class} {count}"))
            .collect();
        lines.extend(labelled(Role::Text, "last hour", &told.join(", ")));
    }
    lines.extend(labelled(Role::Text, "used by", &users(app, status)));
    lines.push(first_output(app, &status.route, glyphs, 16));
    lines.extend(labelled(
        if status.spending.spent {
            Role::Warning
        } else {
            Role::Muted
        },
        "probes",
        &status.spending.to_string(),
    ));
    lines.push(Line::default());
    for tried in status.ladder.iter() {
        lines.extend(step(app, tried, width));
    }
    for tried in status.samples.iter() {
        lines.extend(step(app, tried, width));
    }
    lines
}

fn title(app: &App, status: &RouteStatus) -> Line {
    let catalog = app.data.catalog.as_ref();
    let provider = catalog
        .and_then(|catalog| catalog.routes.get(&status.route))
        .map_or_else(String::new, |route| format!("{}, ", route.provider));
    let about = format!("  {provider}{}, {}", status.model, status.family);
    Line::of(
        Role::Title,
        format!(" {}", words::safe(status.route.as_str())),
    )
    .and(Role::Muted, words::safe(&about).into_owned())
}

/// Circuit and load.
fn live(app: &App, status: &RouteStatus) -> String {
    let why = status
        .tripped_by
        .as_deref()
        .or_else(|| app.data.tripped_by(&status.route))
        .filter(|_| status.circuit != CircuitState::Closed)
        .map_or_else(String::new, |why| format!(" ({})", words::safe(why)));
    let capacity = app
        .data
        .catalog
        .as_ref()
        .and_then(|catalog| catalog.routes.get(&status.route)?.capacity_rps);
    let room = match capacity {
        Some(capacity) => format!(
            "{} of {} rps used, room {}",
            words::rate(status.rps),
            words::rate(capacity),
            headroom(status.used)
        ),
        None => format!("{} rps, no capacity configured", words::rate(status.rps)),
    };
    format!(
        "{}{why}; errors {}; {room}",
        circuit_word(status.circuit),
        words::percent(status.failure_share),
    )
}

/// The whole ladder in one line.
fn rungs(status: &RouteStatus) -> Line {
    let mut line = Line::of(Role::Text, format!(" {:<w$}", "ladder", w = LABEL - 1));
    if status.ladder.is_empty() {
        return line.and(Role::Muted, "never climbed as it is configured now");
    }
    for tried in status.ladder.iter() {
        if let ProbeSubject::Rung(rung) = &tried.subject {
            let (sign, role) = sign(tried.verdict);
            line = line.and(role, format!("{sign}{rung} "));
        }
    }
    line
}

/// Who uses it, and as what.
fn users(app: &App, status: &RouteStatus) -> String {
    let names: Vec<String> = status
        .used_by
        .iter()
        .map(|name| {
            let primary = app.data.workload(name).map(|workload| &workload.primary);
            let side = if primary == Some(&status.route) {
                "primary"
            } else {
                "fallback"
            };
            format!("{} ({side})", words::safe(name.as_str()))
        })
        .collect();
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

/// The last first-output time and a sparkline of those before it; a probe that failed is an `x`.
pub(super) fn first_output(app: &App, route: &RouteName, glyphs: &Glyphs, most: usize) -> Line {
    let line = Line::of(Role::Text, format!(" {:<w$}", "first out", w = LABEL - 1));
    let (last, spark) = sparkline(app, route, glyphs, most);
    let Some(last) = last else {
        return line.and(Role::Muted, "no sample was answered yet");
    };
    let mut line = line.and(Role::Text, format!("{last:<5}"));
    line.0.extend(spark.0);
    line.and(Role::Muted, " of its last probes")
}

/// The newest first-output time, and one sign for each of the last probes.
pub(super) fn sparkline(
    app: &App,
    route: &RouteName,
    glyphs: &Glyphs,
    most: usize,
) -> (Option<String>, Line) {
    let mut points: Vec<_> = app.route_facts.points(route).rev().take(most).collect();
    points.reverse();
    let firsts = points.iter().filter_map(|point| point.first_output);
    let slowest = firsts.max().unwrap_or_default().max(SCALE);
    let mut spark = Line::default();
    for point in &points {
        let (sign, role) = match (point.verdict, point.first_output) {
            (Verdict::Passed | Verdict::Skipped, Some(first)) => {
                let share = first.as_secs_f64() / slowest.as_secs_f64();
                let level = level(share);
                let role = if level > 4 {
                    Role::SparkHigh
                } else {
                    Role::SparkLow
                };
                (glyphs.spark.get(level).copied().unwrap_or("#"), role)
            }
            (Verdict::Failed, _) => ("x", Role::Error),
            (Verdict::Passed | Verdict::Skipped, None) => (" ", Role::Text),
        };
        spark = spark.and(role, sign);
    }
    let last = points.iter().rev().find_map(|point| point.first_output);
    (last.map(|last| words::seconds(Some(last))), spark)
}

/// The lowest visible level to the highest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped before"
)]
fn level(share: f64) -> usize {
    (share * 7.0).round().clamp(1.0, 7.0) as usize
}

/// Sign and role of a verdict.
pub(super) const fn sign(verdict: Verdict) -> (&'static str, Role) {
    match verdict {
        Verdict::Passed => ("+", Role::Success),
        Verdict::Failed => ("x", Role::Error),
        Verdict::Skipped => ("-", Role::Muted),
    }
}

/// One rung or sample: verdict, age, evidence.
fn step(app: &App, tried: &Tried, width: usize) -> Vec<Line> {
    let (sign, role) = sign(tried.verdict);
    let name = match &tried.subject {
        ProbeSubject::Rung(rung) => rung.to_string(),
        ProbeSubject::Sample(sample) => sample.to_string(),
    };
    let name = words::safe(&name).into_owned();
    let age = words::span(app.age(tried.at));
    let first = tried
        .first_output
        .map_or_else(String::new, |first| words::seconds(Some(first)));
    let gap = if first.is_empty() || tried.why.is_empty() {
        ""
    } else {
        ", "
    };
    let mark = format!(" {sign} {name:<20} {age:>4}  ");
    let text = format!("{first}{gap}{}", words::safe(&tried.why));
    let mut lines = paragraph(Role::Text, &mark, &text, width.max(mark.width() + 20));
    if let Some(first) = lines.first_mut() {
        let rest = first.text().split_off(mark.len());
        *first = Line::of(role, format!(" {sign} "))
            .and(Role::Text, format!("{name:<20} "))
            .and(Role::Muted, format!("{age:>4}  "))
            .and(Role::Text, rest);
    }
    lines
}
