//! `traffic`: what workloads carried over time, as numbers, as a line of signs, and as JSON. What the charts of the
//! console are drawn from.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    args::TrafficArgs,
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session::{self, Session},
    table::Table,
    time,
};
use crate::{
    console::{
        Glyphs, glyph,
        state::chart::{Axis, bins},
    },
    control::traffic::{self, History, Mark, Sum, Told},
    model::{ErrorClass, Stretch},
};

/// The most signs of a line.
const SIGNS: usize = 60;

/// One workload.
#[derive(Serialize)]
struct Traffic {
    #[serde(flatten)]
    history: History,
    /// The last 60 seconds.
    now: Told,
    /// Oldest first.
    changes: Vec<Mark>,
}

/// Shows what was carried.
pub(super) async fn run(session: &Session, args: TrafficArgs) -> Result<Exit, CliError> {
    let now = session.clock.now();
    let since = args.since.at(now);
    let heartbeats = session.store.heartbeats().await?;
    let names = match &args.workload {
        Some(name) => vec![name.clone()],
        None => session.catalog.workloads.keys().cloned().collect(),
    };
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        let history = session.control.history(Some(&name), since).await?;
        all.push(Traffic {
            changes: session.control.marks(&history, since).await?,
            now: traffic::now(&heartbeats, &name, now),
            history,
        });
    }
    match (&args.workload, args.json, all.as_slice()) {
        (Some(_), true, [one]) => output::json(one)?,
        (_, true, all) => output::json(&all)?,
        (one, false, all) => {
            output::line(render(all, one.is_some(), Paint::of(Stream::Out)))?;
        }
    }
    Ok(Exit::Done)
}

fn render(all: &[Traffic], alone: bool, paint: Paint) -> String {
    let signs = glyph::Glyphs::of(Glyphs::Auto, &session::variable);
    let mut table = Table::new(&[
        "WORKLOAD",
        "REQUESTS",
        "ERR",
        "MOST",
        "AT",
        "FB",
        "NOW",
        "P50",
        "P95",
        "ERRORS OVER TIME",
    ]);
    for one in all {
        let sum = total(one);
        let worst = one
            .history
            .points
            .iter()
            .filter_map(|point| Some((point.start, point.told.sum()?.error_share()?)))
            .max_by(|left, right| left.1.total_cmp(&right.1));
        let share =
            |sum: Option<Sum>, pick: fn(&Sum) -> Option<f64>| percent(sum.as_ref().and_then(pick));
        table.row(
            Tone::Plain,
            &[
                one.history
                    .workload
                    .as_ref()
                    .map_or("-", |workload| workload.as_str()),
                &sum.map_or_else(|| "-".to_owned(), |sum| sum.requests.to_string()),
                &share(sum, Sum::error_share),
                &percent(worst.map(|(_, share)| share)),
                &worst.filter(|(_, share)| *share > 0.0).map_or_else(
                    || "-".to_owned(),
                    |(at, _)| at.strftime("%H:%MZ").to_string(),
                ),
                &share(sum, Sum::fallback_share),
                &share(one.now.sum(), Sum::error_share),
                &millis(sum.and_then(|sum| sum.first_output_p50_ms)),
                &millis(sum.and_then(|sum| sum.first_output_p95_ms)),
                &line(one, &signs),
            ],
        );
    }
    let mut lines = vec![table.render(paint)];
    if let Some(first) = all.first() {
        lines.push(legend(first, &signs));
    }
    if alone {
        lines.extend(all.iter().map(|one| events(&one.history)));
        for mark in all.iter().flat_map(|one| &one.changes) {
            let done = format!("{} by {} {}", mark.done(), mark.by, time::moment(mark.at));
            lines.push(crate::model::visible(&mark.effect.of(&done), 400).into_owned());
        }
    }
    lines.join("\n")
}

/// The events by class, the most frequent first.
fn events(history: &History) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for of in &history.events.counts {
        let class = of.class.map_or("switched by hand", ErrorClass::as_str);
        *counts.entry(class).or_default() += of.count;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let said: Vec<String> = counts
        .iter()
        .map(|(class, count)| format!("{class} {count}"))
        .collect();
    if said.is_empty() {
        "no events".to_owned()
    } else {
        format!("events: {}", said.join(", "))
    }
}

fn total(one: &Traffic) -> Option<Sum> {
    let told = one.history.points.iter().map(|point| point.told);
    told.fold(Told::Unknown, Told::and).sum()
}

/// One sign for each stretch, or for some of them.
fn line(one: &Traffic, signs: &glyph::Glyphs) -> String {
    let told: Vec<Told> = one.history.points.iter().map(|point| point.told).collect();
    // A minute or an hour each; with more of them, several together.
    let axis = Axis::new(told.len(), told.len().min(SIGNS), 1);
    let sign = |told: &Told| match told {
        Told::Unknown => signs.chart.unknown,
        Told::Idle => " ",
        Told::Carried(sum) => match sum.error_share() {
            Some(share) if share > 0.0 => level(share, signs),
            Some(_) | None => signs.chart.zero,
        },
    };
    bins(&told, axis).iter().map(sign).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the levels there are"
)]
fn level(share: f64, signs: &glyph::Glyphs) -> &'static str {
    let level = (share * 7.0).round().clamp(1.0, 7.0) as usize;
    signs.spark.get(level).copied().unwrap_or("#")
}

fn legend(one: &Traffic, signs: &glyph::Glyphs) -> String {
    let since = one
        .history
        .points
        .first()
        .map_or(one.history.until, |point| point.start);
    let stretch = match one.history.stretch {
        Stretch::Minute => "minutes",
        Stretch::Hour => "hours",
    };
    format!(
        "{} to {} by {stretch}; {} none, {} nobody told, blank no traffic, {} all; first outputs of the slowest {}",
        time::moment(since),
        time::moment(one.history.until),
        signs.chart.zero,
        signs.chart.unknown,
        signs.spark[7],
        stretch.trim_end_matches('s'),
    )
}

fn percent(share: Option<f64>) -> String {
    match share {
        None => "-".to_owned(),
        Some(share) if share > 0.0 && share < 0.005 => "<1%".to_owned(),
        Some(share) => format!("{:.0}%", share * 100.0),
    }
}

fn millis(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |millis| format!("{millis}ms"))
}
