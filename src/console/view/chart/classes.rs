//! Events by class over time.

use super::{
    super::{pen::Line, words},
    minute,
    plot::{Bar, plot},
    shares::millis,
};
use crate::console::{
    app::App,
    glyph::Glyphs,
    state::chart::{Axis, Class, Events, Picture, SLOTS},
    theme::Role,
};

/// Names of classes take so many columns.
const NAMES: usize = 18;

/// The events of a workload by class.
pub(super) fn by_class(
    app: &App,
    picture: &Picture,
    width: u16,
    rows: usize,
    glyphs: &Glyphs,
) -> Vec<Line> {
    histogram(app, Some(&picture.events), (width, rows), glyphs)
}

/// Events by class over the hour: a head, and a row for each class as far as there are rows.
pub(in crate::console::view) fn histogram(
    app: &App,
    events: Option<&Events>,
    (width, rows): (u16, usize),
    glyphs: &Glyphs,
) -> Vec<Line> {
    let Some(events) = events else {
        return Vec::new();
    };
    let (classes, since, end) = (&events.classes, events.since, events.end);
    let head = Line::of(Role::Heading, " EVENTS BY CLASS ");
    let cut = since.map_or_else(String::new, |since| {
        format!(", those before {} are not here", minute(app, since))
    });
    if classes.is_empty() {
        let text = format!("none in this hour{cut}");
        return vec![head.and(Role::Muted, text)];
    }
    let per_minute = |class: &Class| class.counts.iter().copied().max().unwrap_or(0);
    let most = classes.iter().map(per_minute).max().unwrap_or(0);
    let total: u64 = classes.iter().map(Class::total).sum();
    let text = format!("{total}, at most {most} in a minute{cut}");
    let mut lines = vec![head.and(Role::Text, text)];
    let lead = NAMES + 8;
    let cells = usize::from(width).saturating_sub(lead + 1);
    let axis = Axis::new(SLOTS, cells, glyphs.chart.fill.bars());
    let unknown = since.map_or(0, |since| {
        let minutes = end.duration_since(since).as_secs().div_euclid(60);
        SLOTS.saturating_sub(usize::try_from(minutes).unwrap_or(0) + 2)
    });
    let shown = if classes.len() > rows {
        rows.saturating_sub(1).max(1)
    } else {
        rows
    };
    // Bars of several minutes add up.
    let sum = |class: &Class, bar: usize| -> u64 {
        class
            .counts
            .get(axis.slots(bar))
            .unwrap_or_default()
            .iter()
            .sum()
    };
    let top = classes
        .iter()
        .flat_map(|class| (0..axis.bars()).map(move |bar| sum(class, bar)))
        .max()
        .unwrap_or(1);
    for class in classes.iter().take(shown) {
        let bars: Vec<Bar> = (0..axis.bars())
            .map(|bar| match sum(class, bar) {
                0 if axis.slots(bar).end <= unknown => Bar::Unknown,
                count => Bar::Value(millis(count), Role::SparkHigh),
            })
            .collect();
        let mut line = Line::of(
            Role::Text,
            format!(" {:<w$}{:>6} ", class.name(), class.total(), w = NAMES),
        );
        for row in plot(&bars, axis, 1, millis(top), glyphs) {
            line.0.extend(row.0);
        }
        lines.push(line);
    }
    if let Some(rest) = classes
        .get(shown..)
        .filter(|rest| !rest.is_empty() && lines.len() <= rows)
    {
        let events: u64 = rest.iter().map(Class::total).sum();
        let text = format!(" and {events} of {}", words::count(rest.len(), "more kind"));
        lines.push(Line::of(Role::Muted, text));
    }
    lines
}
