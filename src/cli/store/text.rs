//! How `store init` and `store status` read.

use std::io;

use jiff::Timestamp;

use super::{
    super::{
        output::{self, Paint, Tone},
        table::Table,
        time,
    },
    verb,
};
use crate::{
    model::visible,
    store::{Act, Difference, Migrated, Step, StreamFound, Survey},
};

const KIBIBYTE: u64 = 1 << 10;
const DAY: u64 = 86_400;

/// The servers.
pub(super) fn servers(survey: &Survey) -> Table {
    let mut table = Table::new(&["SERVER", "ADDRESS", "VERSION", "CLUSTER", "LEADS", "STATE"]);
    for server in &survey.servers {
        let leads = |stream: &&StreamFound| stream.leader.is_some() && stream.leader == server.name;
        let leads = survey.streams.iter().filter(leads).count();
        let (tone, state) = match (&server.problem, server.leaving) {
            (Some(problem), _) => (Tone::Bad, problem.as_str()),
            (None, true) => (Tone::Attention, "about to stop"),
            (None, false) => (Tone::Good, "answers"),
        };
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let count = match server.name {
            Some(_) => leads.to_string(),
            None => "-".to_owned(),
        };
        table.row(
            tone,
            &[
                &or_dash(&server.name),
                &server.address,
                &or_dash(&server.version),
                &or_dash(&server.cluster),
                &count,
                state,
            ],
        );
    }
    table
}

/// The streams.
pub(super) fn streams(survey: &Survey, now: Timestamp) -> Table {
    let mut table = Table::new(&[
        "STREAM", "LEADER", "COPIES", "MESSAGES", "SIZE", "OLDEST", "NEWEST", "KEEPS",
    ]);
    for stream in &survey.streams {
        let current = stream.followers.iter();
        let current = current.filter(|one| one.current && !one.offline).count();
        // One server alone names no leader; it is it.
        let current = current + usize::from(stream.leader.is_some() || stream.replicas == 1);
        let lag = stream.followers.iter().map(|one| one.lag).max();
        let copies = match lag.unwrap_or_default() {
            0 => format!("{current}/{}", stream.replicas),
            lag => format!("{current}/{}, {lag} behind", stream.replicas),
        };
        let tone = if current == stream.replicas {
            Tone::Good
        } else if stream.leader.is_none() {
            Tone::Bad
        } else {
            Tone::Attention
        };
        let ago = |at: Option<Timestamp>| match at {
            Some(at) => format!("{} ago", time::age(at, now)),
            None => "-".to_owned(),
        };
        table.row(
            tone,
            &[
                &stream.name,
                stream.leader.as_deref().unwrap_or("-"),
                &copies,
                &stream.messages.to_string(),
                &size(stream.bytes),
                &ago(stream.oldest),
                &ago(stream.newest),
                &keeps(stream.keeps_seconds),
            ],
        );
    }
    table
}

/// What a step would do.
pub(super) fn planned(step: &Step, paint: Paint) -> io::Result<()> {
    let (what, how) = verb(step);
    let (mark, tone, what) = match &step.act {
        Act::Keep => ("+", Tone::Good, what.to_owned()),
        Act::Make { .. } | Act::Change { .. } => ("!", Tone::Attention, format!("would be {what}")),
    };
    line(step, &paint.paint(tone, mark), &what, &how)
}

/// What a step has done.
pub(super) fn done(step: &Step, paint: Paint) -> io::Result<()> {
    let (what, how) = verb(step);
    let (mark, tone) = if matches!(step.act, Act::Change { .. }) && !step.does_something() {
        ("x", Tone::Bad)
    } else {
        ("+", Tone::Good)
    };
    let what = if tone == Tone::Bad {
        "cannot be changed"
    } else {
        what
    };
    line(step, &paint.paint(tone, mark), what, &how)
}

/// How a stream that is there differs, said to whoever has to agree.
pub(super) fn differs(step: &Step) {
    let (_, how) = verb(step);
    output::talk(format_args!("{}: {how}", visible(&step.stream, 100)));
}

/// `max_age 2d, not 1d`.
pub(super) fn difference(one: &Difference) -> String {
    let fixed = if one.changeable {
        ""
    } else {
        " (cannot be changed)"
    };
    format!(
        "{} {}, not {}{fixed}",
        one.setting,
        visible(&one.found, 100),
        one.wanted
    )
}

/// What was taken over, or would be.
pub(super) fn migrated(done: &Migrated, dry: bool) -> String {
    let Migrated { events, .. } = done;
    format!(
        "{}: {} audit records (up to {}), {} overrides, {} plans, {} reviews and {} that are owed, {} events and {} \
         outcomes{}, {} minutes and hours of traffic, {} probes with {} points of their past, {} captured requests",
        if dry {
            "would be taken over"
        } else {
            "taken over"
        },
        done.records,
        done.audit,
        done.overrides,
        done.plans,
        done.reviews,
        done.debts,
        events.decisions,
        events.outcomes,
        match events.known {
            0 => String::new(),
            known => format!(" ({known} were there)"),
        },
        done.stretches,
        done.probes,
        done.points,
        done.captures
    )
}

fn line(step: &Step, mark: &str, what: &str, how: &str) -> io::Result<()> {
    let colon = if how.is_empty() { "" } else { ": " };
    let name = visible(&step.stream, 100);
    output::line(format_args!("{mark} {name:<20}{what}{colon}{how}"))
}

fn size(bytes: u64) -> String {
    let mut rest = bytes;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if rest < 10 * KIBIBYTE {
            return format!("{rest} {unit}");
        }
        rest /= KIBIBYTE;
    }
    format!("{rest} TiB")
}

fn keeps(seconds: Option<u64>) -> String {
    match seconds {
        None => "all".to_owned(),
        Some(seconds) if seconds % DAY == 0 => format!("{}d", seconds / DAY),
        Some(seconds) => format!("{}h", seconds.div_ceil(3600)),
    }
}
