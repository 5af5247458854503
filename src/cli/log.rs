//! `events` and `audit`: what happened, and who changed what.

use std::collections::HashSet;

use serde_json::json;

use super::{
    args::{AuditArgs, EventsArgs},
    error::CliError,
    exit::Exit,
    output::{self, Paint, Stream, Tone},
    session::Session,
    table::Table,
    time::{self, Since},
};
use crate::{
    model::{
        AuditRecord, Change, Entry, Event, EventDecision, EventId, Outcome, OutcomeKind, Seq,
        StoredEvent, Verb, visible,
    },
    policy,
    store::{AuditQuery, EventQuery, StoreError},
};

/// Events listed unless said otherwise.
const EVENTS: usize = 100;

/// Audit records listed unless said otherwise.
const RECORDS: usize = 50;

/// Entries read at once while following.
const PAGE: usize = 500;

/// Events whose outcome may still come; older ones are forgotten.
const OPEN: usize = 10_000;

/// Prints events, and goes on with `--follow`.
pub(super) async fn events(session: &Session, args: EventsArgs) -> Result<Exit, CliError> {
    let mut newest = session.store.newest();
    let start = *newest.borrow_and_update();
    let query = EventQuery {
        since: args.since.map(|since| since.at(session.clock.now())),
        workload: args.workload.clone(),
        class: args.class,
        decision: args.decision,
        before: Some(Seq(start.0.saturating_add(1))),
        limit: limit(args.limit, args.since, EVENTS),
        ..EventQuery::default()
    };
    let mut open = HashSet::new();
    for stored in session.store.events(query).await? {
        if stored.outcome.is_none() {
            open.insert(stored.event.id);
        }
        print(&stored, args.json)?;
    }
    if !args.follow {
        return Ok(Exit::Done);
    }
    let mut health = session.store.health();
    let mut seen = start;
    loop {
        let full = match session.store.tail(seen, PAGE).await {
            Ok(entries) => {
                let full = entries.len() == PAGE;
                if let Some((last, _)) = entries.last() {
                    seen = *last;
                }
                pass_on(entries, &args, &mut open)?;
                full
            }
            Err(StoreError::Closed) => return Ok(Exit::Done),
            // Nothing is lost: the next wake-up reads on from the same place.
            Err(error) => {
                output::talk(format_args!("! {}", visible(&error.to_string(), 400)));
                false
            }
        };
        // A full page means that more is waiting already.
        if !full {
            tokio::select! {
                moved = newest.changed() => if moved.is_err() {
                    return Ok(Exit::Done);
                },
                Ok(()) = health.changed() => {}
            }
        }
    }
}

/// How many to list: everything since a moment, else the newest few.
fn limit(asked: Option<usize>, since: Option<Since>, usual: usize) -> usize {
    asked.unwrap_or(if since.is_some() { 0 } else { usual })
}

/// Prints new entries: decisions that fit, and outcomes of events printed before.
fn pass_on(
    entries: Vec<(Seq, Entry)>,
    args: &EventsArgs,
    open: &mut HashSet<EventId>,
) -> Result<(), CliError> {
    for (seq, entry) in entries {
        match entry {
            Entry::Decision(event) if fits(&event, args) => {
                if open.len() >= OPEN {
                    open.clear();
                }
                open.insert(event.id);
                let stored = StoredEvent {
                    seq,
                    event: *event,
                    outcome: None,
                };
                print(&stored, args.json)?;
            }
            Entry::Decision(_) => {}
            Entry::Outcome(outcome) => {
                if open.remove(&outcome.event) {
                    if args.json {
                        output::json(&json!({ "seq": seq, "outcome": outcome }))?;
                    } else if outcome.kind != OutcomeKind::Completed {
                        output::line(format_args!(
                            "{}    {} {}",
                            time::moment(outcome.at),
                            outcome.event,
                            ended(&outcome)
                        ))?;
                    }
                }
            }
        }
    }
    Ok(())
}

fn fits(event: &Event, args: &EventsArgs) -> bool {
    args.workload
        .as_ref()
        .is_none_or(|workload| *workload == event.workload)
        && args.class.is_none_or(|class| event.class == Some(class))
        && args
            .decision
            .is_none_or(|decision| event.decision == decision)
}

fn print(stored: &StoredEvent, json: bool) -> Result<(), CliError> {
    if json {
        output::json(stored)?;
    } else {
        output::line(event_line(stored, Paint::of(Stream::Out)))?;
    }
    Ok(())
}

/// One event on one line: when, what, which way, why, how it ended.
fn event_line(stored: &StoredEvent, paint: Paint) -> String {
    let event = &stored.event;
    let (mark, tone) = match event.decision {
        EventDecision::Fallback => ("! fallback ", Tone::Attention),
        EventDecision::Refused => ("- refused  ", Tone::Plain),
        EventDecision::Exhausted => ("x exhausted", Tone::Bad),
        EventDecision::Broken => ("x broken   ", Tone::Bad),
        EventDecision::ProviderMade => ("~ provider ", Tone::Attention),
        EventDecision::Readiness => ("? readiness", Tone::Attention),
    };
    let failure = match (event.status, event.class) {
        (Some(status), Some(class)) => format!(" {status} {class}"),
        (None, Some(class)) => format!(" {class}"),
        (Some(status), None) => format!(" {status}"),
        (None, None) => String::new(),
    };
    let failure = match event.detail {
        Some(detail) => format!("{failure} ({detail})"),
        None => failure,
    };
    let way = match (&event.fallback, event.decision) {
        (Some(fallback), EventDecision::Fallback | EventDecision::Exhausted) => {
            format!(" -> {fallback}")
        }
        (Some(_) | None, _) => String::new(),
    };
    let end = match (&stored.outcome, event.decision) {
        (Some(outcome), _) => format!("; {}", ended(outcome)),
        // There was no request that could end.
        (None, EventDecision::Readiness) => String::new(),
        (None, _) => "; outcome not known yet".to_owned(),
    };
    let whose = match (&event.fallback, event.decision) {
        (Some(fallback), EventDecision::Readiness) => fallback,
        (_, _) => &event.primary,
    };
    let client = event.client.as_ref().map(|client| format!("for {client} "));
    let method = event.method.map(|method| format!("{method} at "));
    let remark = event.remark.as_ref().map(|remark| format!(" ({remark})"));
    let text = format!(
        "{:<20} {}{}{whose}{failure}{way}  {}{}{end}  {}",
        event.workload,
        client.unwrap_or_default(),
        method.unwrap_or_default(),
        policy::explain(&event.reason),
        remark.unwrap_or_default(),
        event.id
    );
    format!(
        "{} {} {}",
        time::moment(event.at),
        paint.paint(tone, mark),
        visible(&text, 400)
    )
}

fn ended(outcome: &Outcome) -> String {
    let kind = match outcome.kind {
        _ if outcome.is_withheld() => "withheld as an event was not durable, error returned",
        OutcomeKind::Completed => "completed",
        OutcomeKind::ErrorReturned => "error returned",
        OutcomeKind::Broken => "broke off",
        OutcomeKind::ClientGone => "client went away",
    };
    format!(
        "{kind} {} in {:.1} s",
        outcome.status,
        outcome.total.as_secs_f64()
    )
}

/// Prints audit records.
pub(super) async fn audit(session: &Session, args: AuditArgs) -> Result<Exit, CliError> {
    let now = session.clock.now();
    let records = session
        .store
        .audit(AuditQuery {
            since: args.since.map(|since| since.at(now)),
            target: args.target,
            limit: limit(args.limit, args.since, RECORDS),
            ..AuditQuery::default()
        })
        .await?;
    if args.json {
        for record in &records {
            output::json(record)?;
        }
        return Ok(Exit::Done);
    }
    if records.is_empty() {
        output::talk("nothing was changed yet");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        "SEQ", "AT", "WHO", "DID", "TARGET", "BEFORE", "AFTER", "UNTIL", "REASON", "NOTE",
    ]);
    for record in &records {
        table.row(
            Tone::Strong,
            &[
                &record.sequence.to_string(),
                &time::moment(record.at),
                &who(record),
                &did(record),
                &visible(&record.key.named(), 120),
                &value(record.before),
                &value(record.after),
                &record
                    .expires
                    .map(|expires| time::short(expires, now))
                    .unwrap_or_default(),
                record.reason.as_str(),
                &note(record),
            ],
        );
    }
    output::line(table.render(Paint::of(Stream::Out)))?;
    Ok(Exit::Done)
}

fn who(record: &AuditRecord) -> String {
    let actor = &record.actor;
    let mut who = actor.user.clone();
    if let Some(declared) = &actor.declared {
        who = format!("{declared} ({who})");
    }
    who.push('@');
    who.push_str(&actor.host);
    if let Some(from) = &actor.from {
        who.push_str(" from ");
        who.push_str(from);
    }
    who
}

fn did(record: &AuditRecord) -> String {
    let verb = record.verb.map_or("expired", Verb::as_str);
    let glass = if record.break_glass {
        " !break-glass"
    } else {
        ""
    };
    match record.undoes {
        Some(sequence) => format!("{verb} {sequence}{glass}"),
        None => format!("{verb}{glass}"),
    }
}

fn value(change: Option<Change>) -> String {
    change.map_or_else(|| "configuration".to_owned(), |change| change.to_string())
}

fn note(record: &AuditRecord) -> String {
    match (&record.ticket, record.note.as_str()) {
        (Some(ticket), "") => ticket.clone(),
        (Some(ticket), note) => format!("{ticket}: {note}"),
        (None, note) => note.to_owned(),
    }
}
