//! `review queue` and `review check`: whose gate is shut, why, and who comes first.

use serde_json::json;

use crate::{
    cli::{
        error::CliError,
        exit::Exit,
        output::{self, Paint, Stream, Tone},
        session::Session,
        table::Table,
        time,
    },
    control::{Due, Urgency, queue as queued},
    model::{Standing, WorkloadName, visible},
};

async fn whole(session: &Session) -> Result<Vec<Due>, CliError> {
    let overview = session.control.overview().await?;
    let reviewed = session.control.reviewed().borrow().clone();
    Ok(queued(&session.catalog, &overview, &reviewed))
}

/// Prints the queue, the most pressing first.
pub(super) async fn queue(session: &Session, all: bool, json: bool) -> Result<Exit, CliError> {
    let mut queue = whole(session).await?;
    if !all {
        queue.retain(|due| due.urgency.is_due());
    }
    if json {
        output::json(&queue)?;
        return Ok(Exit::Done);
    }
    tell_orphaned(session);
    if queue.is_empty() {
        output::talk("no review is due");
        return Ok(Exit::Done);
    }
    let now = session.clock.now();
    let mut table = Table::new(&["", "WORKLOAD", "FALLBACK", "REVIEW", "RPS", "LAST", "WHY"]);
    for due in &queue {
        let (tone, mark) = mark(due);
        table.row(
            tone,
            &[
                mark,
                due.workload.as_str(),
                due.fallback.as_str(),
                due.urgency.words(),
                &format!("{:.1}", due.rps),
                &due.reviewed.map_or_else(
                    || "never".to_owned(),
                    |at| format!("{} ago", time::age(at, now)),
                ),
                due.why.first().map_or("", String::as_str),
            ],
        );
        for more in due.why.iter().skip(1) {
            table.row(Tone::Plain, &["", "", "", "", "", "", more]);
        }
    }
    output::line(table.render(Paint::of(Stream::Out)))?;
    Ok(Exit::Done)
}

/// Says what is owed and cannot be paid.
fn tell_orphaned(session: &Session) {
    let now = session.clock.now();
    for debt in &session.control.reviewed().borrow().debts {
        if session.catalog.workloads.contains_key(&debt.workload) {
            continue;
        }
        output::talk(format_args!(
            "orphaned: a review of {}, which is no longer configured ({} went past the gate {} ago); it is owed again \
             when the workload is configured again",
            visible(debt.workload.as_str(), 100),
            visible(debt.by.name(), 40),
            time::age(debt.since, now)
        ));
    }
}

/// The signs of the console: `x` wants somebody now, `!` soon.
const fn mark(due: &Due) -> (Tone, &'static str) {
    match due.urgency {
        Urgency::Owed | Urgency::InUse => (Tone::Bad, "x"),
        Urgency::Armed | Urgency::Shut | Urgency::Soon => (Tone::Attention, "!"),
        Urgency::Holds => (Tone::Good, "+"),
        Urgency::NotRequired => (Tone::Plain, "-"),
    }
}

/// Prints where workloads stand. Negative when a gate is shut.
pub(super) async fn check(
    session: &Session,
    workloads: &[WorkloadName],
    json: bool,
) -> Result<Exit, CliError> {
    for workload in workloads {
        session.control.workload_known(workload)?;
    }
    let mut queue = whole(session).await?;
    queue.retain(|due| {
        if workloads.is_empty() {
            due.standing != Standing::NotRequired
        } else {
            workloads.contains(&due.workload)
        }
    });
    let open = queue.iter().all(|due| due.standing.is_open());
    if json {
        let rows: Vec<_> = queue
            .iter()
            .map(|due| {
                json!({
                    "workload": due.workload,
                    "fallback": due.fallback,
                    "standing": due.standing,
                    "missing": due.standing.missing(),
                    "debt": due.debt,
                })
            })
            .collect();
        output::json(&json!({ "open": open, "workloads": rows }))?;
    } else {
        let paint = Paint::of(Stream::Out);
        let mut table = Table::new(&["", "WORKLOAD", "REVIEW", "WHY"]);
        for due in &queue {
            let (tone, mark) = if due.standing.is_open() {
                (Tone::Good, "+")
            } else {
                (Tone::Bad, "x")
            };
            let why = due.why.first().map_or("", String::as_str);
            let cells = [mark, due.workload.as_str(), due.standing.as_str(), why];
            table.row(tone, &cells);
            for more in due.why.iter().skip(1) {
                table.row(Tone::Plain, &["", "", "", more]);
            }
        }
        if queue.is_empty() {
            output::talk("no workload asks for a review");
        } else {
            output::line(table.render(paint))?;
        }
    }
    Ok(if open { Exit::Done } else { Exit::Reserved })
}
