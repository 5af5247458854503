//! The strip of events on the home screen: how many there were, by minute, and the newest of them.

use ratatui::layout::Rect;

use super::{
    chart, events, home,
    pen::{Line, Pen, row},
    words,
};
use crate::console::{
    app::{App, BACKLOG},
    layout::Areas,
    state::log::Counts,
    theme::Role,
};

/// Charts of the selected workload, where there is room for them.
pub(super) fn charts(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    let (Some(name), false) = (app.home.list.selected(), areas.chart.is_empty()) else {
        return;
    };
    let text = format!("{} in the last hour", words::safe(name.as_str()));
    pen.rule(row(areas.chart, 0), &text);
    let rest = Rect {
        y: areas.chart.y + 1,
        height: areas.chart.height - 1,
        ..areas.chart
    };
    let lines = chart::glance(app, rest.width, rest.height, pen.glyphs);
    pen.lines(rest, &lines, 0);
}

/// So many minutes are counted.
const MINUTES: usize = 15;
const MINUTES_COUNTED: i64 = 15;

/// The newest events, and how many there were.
pub(super) fn draw(app: &App, pen: &mut Pen<'_>, areas: &Areas) {
    if areas.strip_title.is_empty() {
        return;
    }
    pen.rule(areas.rules[2], "");
    title(app, pen, areas.strip_title);
    let end = app.events_end();
    let log = &app.data.log;
    let height = u64::from(areas.strip.height);
    let first = end.saturating_sub(height).max(log.first());
    if first == end && app.overview().is_some() {
        home::empty(
            app,
            pen,
            areas.strip,
            "no event yet: nothing fell back, nothing was refused",
        );
    }
    let names = events::names(app);
    for (area, number) in areas.strip.rows().zip(first..end) {
        if let Some(stored) = log.get(number) {
            events::line(app, pen, area, stored, names);
        }
    }
}

fn title(app: &App, pen: &mut Pen<'_>, area: Rect) {
    let log = &app.data.log;
    let bars = log.histogram(MINUTES, app.clock);
    let mut sum = Counts::default();
    for bar in &bars {
        sum.fallback += bar.fallback;
        sum.refused += bar.refused;
        sum.failed += bar.failed;
        sum.provider_made += bar.provider_made;
    }
    let back = match log.counted_since(BACKLOG, MINUTES_COUNTED, app.clock) {
        None => "last 15m".to_owned(),
        Some(since) => format!("last {}", words::span(app.age(since))),
    };
    let mut line = Line::of(Role::Title, "Events");
    line = match app.held_back() {
        Some(held_back) => line.and(Role::Warning, format!("  PAUSED +{held_back}")),
        None => line,
    };
    line = line.and(
        Role::Text,
        format!(
            "  {back}: {} fallback, {} refused",
            sum.fallback, sum.refused
        ),
    );
    if sum.failed > 0 {
        line = line.and(Role::Error, format!(", {} failed", sum.failed));
    }
    if sum.provider_made > 0 {
        let words = format!(", {} by providers", sum.provider_made);
        line = line.and(Role::Muted, words);
    }
    let at = pen.line(area, 1, &line);
    let most = bars.iter().map(|bar| bar.total()).max().unwrap_or(0);
    let label = "/min";
    let columns = u16::try_from(MINUTES + label.len() + 1).unwrap_or(0);
    let start = area.width.saturating_sub(columns);
    if start <= at || most == 0 {
        return;
    }
    let levels = pen.glyphs.spark;
    let mut column = start;
    for bar in &bars {
        // Any event at all is at least the lowest visible level.
        let level = if bar.total() == 0 {
            0
        } else {
            usize::try_from(bar.total() * 7 / most)
                .unwrap_or(7)
                .clamp(1, 7)
        };
        let role = if level > 4 {
            Role::SparkHigh
        } else {
            Role::SparkLow
        };
        pen.put(area, column, levels[level], role);
        column += 1;
    }
    pen.put(area, column, label, Role::Muted);
}
