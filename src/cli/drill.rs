//! `drill`: an outage, imagined, and what it would do to every workload.
//!
//! It prints what [`crate::control::Control::drill`] finds. With `--live` the samples that would fall back are
//! sent to the routes that would serve them, past the gateway: no traffic moves.

mod live;

use super::{
    args::DrillArgs,
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session::Session,
    table::Table,
};
use crate::{
    control::{Drill, Drilled, Fate, Target},
    model::{NoticeGiven, Tier, WorkloadName},
};
use live::Live;

/// Prints the drill. Negative when some request would get an error and that was not accepted.
pub(super) async fn run(session: &Session, args: DrillArgs) -> Result<Exit, CliError> {
    for workload in &args.accept {
        session.control.workload_known(workload)?;
    }
    let drill = session.control.drill(&args.down, args.class).await?;
    let live = if args.live {
        Some(live::run(session, &drill).await?)
    } else {
        None
    };
    match (&live, args.json) {
        (Some(live), true) => output::json(&live.whole(&drill))?,
        (None, true) => output::json(&drill)?,
        (_, false) => output::line(render(&drill, live.as_ref(), Paint::of(Stream::Out)))?,
    }
    let uncovered = drill
        .uncovered()
        .filter(|drilled| !args.accept.contains(&drilled.workload))
        .count();
    let overrun = drill.targets.iter().any(Target::overrun);
    let unproven = live.is_some_and(|live| {
        let mut unproven = live.unproven(&drill);
        unproven.any(|workload| !args.accept.contains(workload))
    });
    Ok(if uncovered > 0 || overrun || unproven {
        Exit::Reserved
    } else {
        Exit::Done
    })
}

fn render(drill: &Drill, live: Option<&Live>, paint: Paint) -> String {
    let down: Vec<&str> = drill
        .outage
        .down
        .iter()
        .map(crate::model::RouteName::as_str)
        .collect();
    let mut lines = vec![format!(
        "imagined: {} down, each request fails as {}; no traffic moves",
        down.join(", "),
        drill.outage.class
    )];
    let mut table = Table::new(&[
        "ST",
        "WORKLOAD",
        "WHAT HAPPENS",
        "READY",
        "TOLD",
        "RPS",
        "FLAGS",
    ]);
    for drilled in &drill.workloads {
        let (tone, mark) = mark(&drilled.fate);
        table.row(
            tone,
            &[
                mark,
                drilled.workload.as_str(),
                &words(&drilled.fate),
                drilled
                    .readiness
                    .as_ref()
                    .map_or("", |readiness| readiness.word.as_str()),
                told(&drilled.fate),
                &format!("{:.1}", drilled.rps),
                &flags(drilled),
            ],
        );
        for (sample, fate) in &drilled.samples {
            let (tone, mark) = self::mark(fate);
            table.row(
                tone,
                &[
                    mark,
                    &format!("  {sample} requests"),
                    &words(fate),
                    "",
                    told(fate),
                    "",
                    "",
                ],
            );
        }
    }
    lines.push(table.render(paint));
    if !drill.targets.is_empty() {
        lines.push(String::new());
        lines.push(targets(drill).render(paint));
    }
    let remarks: Vec<String> = drill
        .workloads
        .iter()
        .flat_map(|drilled| {
            let home = drilled.single_homed.iter();
            home.chain(&drilled.remarks)
                .map(|remark| format!("! {}: {remark}", drilled.workload))
        })
        .collect();
    if !remarks.is_empty() {
        lines.push(String::new());
        lines.extend(
            remarks
                .iter()
                .map(|remark| paint.paint(Tone::Attention, remark)),
        );
    }
    lines.push(String::new());
    if let Some(live) = live {
        lines.push(live.render(paint));
        lines.push(String::new());
    }
    lines.push(summary(drill, live));
    lines.join("\n")
}

/// What the routes would carry that take over.
fn targets(drill: &Drill) -> Table {
    let mut table = Table::new(&["ROUTE", "RPS NOW", "AFTER", "CAPACITY", "USED"]);
    for target in &drill.targets {
        let tone = if target.overrun() {
            Tone::Bad
        } else {
            Tone::Plain
        };
        let capacity = target.capacity_rps.filter(|capacity| *capacity > 0.0);
        table.row(
            tone,
            &[
                target.route.as_str(),
                &format!("{:.1}", target.rps),
                &format!("{:.1}", target.rps_after),
                &capacity.map_or_else(|| "unknown".to_owned(), |rps| format!("{rps:.0}")),
                &capacity.map_or_else(String::new, |capacity| {
                    format!("{:.0}%", target.rps_after / capacity * 100.0)
                }),
            ],
        );
    }
    table
}

fn summary(drill: &Drill, live: Option<&Live>) -> String {
    let uncovered: Vec<&str> = drill
        .uncovered()
        .map(|drilled| drilled.workload.as_str())
        .collect();
    let overrun: Vec<&str> = drill
        .targets
        .iter()
        .filter(|target| target.overrun())
        .map(|target| target.route.as_str())
        .collect();
    let mut sentences = Vec::new();
    if uncovered.is_empty() {
        sentences.push("every request of every workload would be answered".to_owned());
    } else {
        sentences.push(format!(
            "errors would reach callers of {}",
            uncovered.join(", ")
        ));
    }
    if !overrun.is_empty() {
        sentences.push(format!(
            "more than it may carry would go to {}",
            overrun.join(", ")
        ));
    }
    if let Some(live) = live {
        let unproven: Vec<&str> = live.unproven(drill).map(WorkloadName::as_str).collect();
        sentences.push(if unproven.is_empty() {
            "every sample that would fall back was answered well".to_owned()
        } else {
            format!("not proven: {}", unproven.join(", "))
        });
    }
    sentences.join("; ")
}

/// The state words of the console, as far as they apply.
const fn mark(fate: &Fate) -> (Tone, &'static str) {
    match fate {
        Fate::Unaffected => (Tone::Good, "+ OK"),
        Fate::Unprotected { .. } => (Tone::Attention, "! OK"),
        Fate::Stays { .. } => (Tone::Attention, "! FO"),
        Fate::FallsBack { .. } => (Tone::Attention, "! FB"),
        Fate::Refused { .. } | Fate::Dark => (Tone::Bad, "x FL"),
    }
}

fn words(fate: &Fate) -> String {
    match fate {
        Fate::Unaffected => "unaffected".to_owned(),
        Fate::Unprotected { fallback } => {
            format!("its primary serves; {fallback} behind it is down")
        }
        Fate::Stays { on, .. } => format!("stays on {on}; no way back to its primary"),
        Fate::FallsBack { to, .. } => format!("falls back to {to}"),
        Fate::Refused { why, .. } => format!("refused: {why}"),
        Fate::Dark => "errors: every route that could serve is down".to_owned(),
    }
}

const fn told(fate: &Fate) -> &'static str {
    match fate {
        Fate::Stays { notice, .. } | Fate::FallsBack { notice, .. } => match notice {
            NoticeGiven::None => "no notice",
            NoticeGiven::Header => "header",
            NoticeGiven::Inline => "inline",
        },
        Fate::Unaffected | Fate::Unprotected { .. } | Fate::Refused { .. } | Fate::Dark => "",
    }
}

fn flags(drilled: &Drilled) -> String {
    let mut flags = Vec::new();
    if drilled.tier == Tier::Paid {
        flags.push("paid");
    }
    if drilled.user_visible {
        flags.push("user-visible");
    }
    if drilled.single_homed.is_some() {
        flags.push("single-homed");
    }
    flags.join(" ")
}
