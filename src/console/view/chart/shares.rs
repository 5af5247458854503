//! Shares of requests over time, and the time to their first output.

use super::{
    super::{pen::Line, words},
    Rows, at, laid,
    plot::{Bar, plot},
    scale,
};
use crate::{
    console::{
        app::App,
        glyph::Glyphs,
        state::chart::{MINUTES, Picture, bins},
        theme::Role,
    },
    control::traffic::{Sum, Told},
};

/// Errors, and what the fallback answered.
pub(super) fn errors(
    app: &App,
    picture: &Picture,
    width: u16,
    rows: Rows,
    glyphs: &Glyphs,
) -> Vec<Line> {
    let mut lines = shares(
        app,
        picture,
        ("ERRORS", "errors"),
        (width, rows.errors),
        Sum::error_share,
        words::errors,
        glyphs,
    );
    lines.extend(shares(
        app,
        picture,
        ("BY FALLBACK", "answers by the fallback"),
        (width, rows.fallback),
        Sum::fallback_share,
        |_| Role::StateFallback,
        glyphs,
    ));
    lines
}

/// A share of requests over time.
fn shares(
    app: &App,
    picture: &Picture,
    (title, what): (&str, &str),
    (width, rows): (u16, usize),
    pick: fn(&Sum) -> Option<f64>,
    role: fn(Option<f64>) -> Role,
    glyphs: &Glyphs,
) -> Vec<Line> {
    let axis = laid(width, glyphs);
    let share = |told: &Told| told.sum().as_ref().and_then(pick);
    let most = most(&picture.minutes, |told| share(told));
    let top = scale::share(most.map(|(_, share)| share));
    let head = Line::of(Role::Heading, format!(" {title:<12}"));
    let head = match most {
        None => head.and(Role::Muted, unsaid(&picture.minutes)),
        Some((slot, most)) => {
            let last = &picture.minutes[MINUTES];
            let now = match last {
                Told::Unknown => "not told now".to_owned(),
                Told::Idle => "no traffic now".to_owned(),
                Told::Carried(_) => format!("{} now", words::percent(share(last))),
            };
            let most = if most > 0.0 {
                format!(
                    ", most {} {}",
                    words::percent(Some(most)),
                    at(app, picture, slot)
                )
            } else {
                format!(", no {what} in the hour")
            };
            let head = head.and(Role::Text, format!("{now}{most}"));
            scaled(head, &words::percent(Some(top)), width)
        }
    };
    let bars: Vec<Bar> = bins(&picture.minutes, axis)
        .iter()
        .map(|told| match (told, share(told)) {
            (Told::Unknown, _) => Bar::Unknown,
            (Told::Idle, _) | (Told::Carried(_), None) => Bar::Idle,
            (Told::Carried(_), Some(share)) => Bar::Value(share, role(Some(share))),
        })
        .collect();
    let labels = [words::percent(Some(top)), "0%".to_owned()];
    let mut lines = vec![head];
    lines.extend(framed(
        plot(&bars, axis, rows, top, glyphs),
        &labels,
        glyphs,
    ));
    lines
}

/// A head with its scale, where there is room to say it; it stands beside the picture, too.
fn scaled(head: Line, top: &str, width: u16) -> Line {
    let scale = format!(", scale 0-{top}");
    if head.width() + scale.len() < usize::from(width) {
        head.and(Role::Muted, scale)
    } else {
        head
    }
}

/// Where most was, and how much.
fn most(minutes: &[Told], pick: impl Fn(&Told) -> Option<f64>) -> Option<(usize, f64)> {
    let values = minutes
        .iter()
        .enumerate()
        .filter_map(|(slot, told)| Some((slot, pick(told)?)));
    // The newest of equals.
    values.max_by(|left, right| left.1.total_cmp(&right.1))
}

/// Why there is nothing to draw.
fn unsaid(minutes: &[Told]) -> &'static str {
    if minutes.contains(&Told::Idle) {
        "no traffic was counted in this hour"
    } else {
        "no gateway has told anything in this hour"
    }
}

/// The time to the first output: the median filled, the 95th percentile above it.
pub(super) fn first_output(
    app: &App,
    picture: &Picture,
    width: u16,
    rows: usize,
    glyphs: &Glyphs,
) -> Vec<Line> {
    let axis = laid(width, glyphs);
    let pick = |told: &Told| {
        let sum = told.sum()?;
        let low = sum.first_output_p50_ms?;
        let high = sum.first_output_p95_ms.unwrap_or(low);
        Some((millis(low), millis(high)))
    };
    let head = Line::of(Role::Heading, format!(" {:<12}", "FIRST OUTPUT"));
    let Some((slot, slowest)) = most(&picture.minutes, |told| Some(pick(told)?.1)) else {
        return vec![head.and(Role::Muted, " not told in this hour")];
    };
    let top = scale::millis(slowest);
    let last = pick(&picture.minutes[MINUTES]);
    let now = last.map_or_else(
        || "not told now".to_owned(),
        |(low, high)| format!("p50 {}, p95 {} now", length(low), length(high)),
    );
    let most = format!("p95 most {} {}", length(slowest), at(app, picture, slot));
    let head = head.and(Role::Text, format!(" {now}, {most}"));
    let head = scaled(head, &length(top), width);
    let bars: Vec<Bar> = bins(&picture.minutes, axis)
        .iter()
        .map(|told| match (told, pick(told)) {
            (Told::Unknown, _) | (Told::Carried(_), None) => Bar::Unknown,
            (Told::Idle, _) => Bar::Idle,
            (Told::Carried(_), Some((low, high))) => Bar::Pair(low, high),
        })
        .collect();
    let labels = [length(top), "0s".to_owned()];
    let mut lines = vec![head];
    lines.extend(framed(
        plot(&bars, axis, rows, top, glyphs),
        &labels,
        glyphs,
    ));
    lines
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a request")]
pub(super) const fn millis(value: u64) -> f64 {
    value as f64
}

fn length(millis: f64) -> String {
    words::seconds(std::time::Duration::try_from_secs_f64(millis / 1_000.0).ok())
}

/// Rows behind the numbers of their scale: the first one's is the top, the last one's the bottom.
fn framed<'a>(
    rows: Vec<Line>,
    [top, bottom]: &'a [String; 2],
    glyphs: &'a Glyphs,
) -> impl Iterator<Item = Line> + 'a {
    let last = rows.len().saturating_sub(1);
    rows.into_iter().enumerate().map(move |(index, row)| {
        let label = match index {
            0 => top.as_str(),
            index if index == last => bottom.as_str(),
            _ => "",
        };
        let mut line = Line::of(Role::Muted, format!(" {label:>w$}", w = super::GUTTER - 2))
            .and(Role::Border, glyphs.divider);
        line.0.extend(row.0);
        line
    })
}
