//! The sentences and cells of a written report. Whatever others said is escaped here.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::{
    control::{Carried, Episode, WorkloadReport, words::list},
    model::{AuditRecord, ErrorClass, ReviewHead, Verb, markdown},
};

/// Longest text of others.
const TEXT: usize = 300;

pub(super) fn in_short(workload: &WorkloadReport) -> String {
    let mut parts = Vec::new();
    if workload.served > 0 {
        let to = workload
            .fallback
            .as_ref()
            .map_or_else(|| "its fallback".to_owned(), |route| text(route.as_str()));
        parts.push(format!(
            "{}{} sent to {to}",
            counted(workload.served, "request"),
            share(workload)
        ));
    }
    if workload.failed > 0 {
        parts.push(format!(
            "{} reached its callers",
            counted(workload.failed, "failure")
        ));
    }
    if workload.provider_made > 0 {
        parts.push(format!(
            "{} by a provider's own choice of model",
            counted(workload.provider_made, "answer")
        ));
    }
    if parts.is_empty() {
        parts.push(format!(
            "{} of callers, nothing else",
            counted(workload.callers_fault, "wrong request")
        ));
    }
    let most = most(&workload.classes);
    if !most.is_empty() {
        parts.push(most);
    }
    if let (Some(first), Some(last)) = (workload.episodes.first(), workload.episodes.last()) {
        parts.push(format!(
            "from {} to {}",
            moment(first.from),
            moment(last.to)
        ));
    }
    format!("{}.", parts.join("; "))
}

/// What a workload carried: `1200, 41 % answered by the fallback, 0.3 % with an error`.
pub(super) fn all(carried: &Carried) -> String {
    let hours = if carried.by_hours {
        " (counted by whole hours)"
    } else {
        ""
    };
    format!(
        "{}: {} answered by the fallback, {} with an error{hours}",
        carried.requests,
        percent(carried.fallbacks, carried.requests),
        percent(carried.errors, carried.requests)
    )
}

/// `41 %`, `0.3 %`; what is not nothing never reads as nothing.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of requests are far below 2 to the 52"
)]
fn percent(part: u64, of: u64) -> String {
    if part == 0 || of == 0 {
        return "none".to_owned();
    }
    let share = part as f64 / of as f64 * 100.0;
    if share < 0.1 {
        "under 0.1 %".to_owned()
    } else if share < 10.0 {
        format!("{share:.1} %")
    } else {
        format!("{share:.0} %")
    }
}

/// Of everything that it carried, how much the fallback answered.
fn share(workload: &WorkloadReport) -> String {
    match &workload.carried {
        Some(carried) if carried.fallbacks > 0 => {
            let share = percent(carried.fallbacks, carried.requests);
            format!(" ({share} of all its answers)")
        }
        Some(_) | None => String::new(),
    }
}

pub(super) fn trouble(episode: &Episode) -> String {
    let mut parts = Vec::new();
    if episode.served > 0 {
        parts.push(format!(
            "{} sent to the fallback",
            counted(episode.served, "request")
        ));
    }
    if episode.failed > 0 {
        parts.push(format!(
            "{} reached the callers",
            counted(episode.failed, "failure")
        ));
    }
    if episode.provider_made > 0 {
        parts.push(format!(
            "{} by a provider's own choice of model",
            counted(episode.provider_made, "answer")
        ));
    }
    if parts.is_empty() {
        parts.push("a fallback was not allowed; the primary served".to_owned());
    }
    let most = most(&episode.classes);
    if !most.is_empty() {
        parts.push(most);
    }
    parts.join("; ")
}

pub(super) fn change(record: &AuditRecord) -> String {
    let verb = record.verb.map_or("expired:", Verb::as_str);
    let after = record
        .after
        .map_or_else(|| "as configured".to_owned(), |change| change.to_string());
    let until = record.expires.map_or_else(String::new, |end| {
        format!(" until {}", end.strftime("%H:%MZ"))
    });
    let glass = if record.break_glass {
        ", **break-glass**"
    } else {
        ""
    };
    format!(
        "{}: {verb} {} (now {after}{until}){glass}; {}",
        text(record.actor.name()),
        text(&record.key.named()),
        why(record)
    )
}

pub(super) fn reviewed(head: &ReviewHead) -> String {
    let tally = head.tally;
    let vetoes = if tally.vetoes > 0 {
        format!(", **{}**", counted(tally.vetoes, "veto"))
    } else {
        String::new()
    };
    format!(
        "{} reviewed {} ({}): {} of {} judged samples same or better{vetoes}{}",
        text(head.actor.name()),
        text(head.workload.as_str()),
        head.mode.words(),
        tally.same_or_better,
        tally.judged,
        because(&head.note)
    )
}

pub(super) fn who(record: &AuditRecord) -> String {
    let actor = &record.actor;
    match &actor.declared {
        Some(declared) => format!("{} ({})", text(declared), text(&actor.user)),
        None => text(&actor.user),
    }
}

/// Reason, ticket and note.
pub(super) fn why(record: &AuditRecord) -> String {
    let mut why = record.reason.to_string();
    if let Some(ticket) = &record.ticket {
        why.push_str(", ");
        why.push_str(&text(ticket));
    }
    why + &because(&record.note)
}

pub(super) fn because(note: &str) -> String {
    if note.is_empty() {
        String::new()
    } else {
        format!(": {}", text(note))
    }
}

/// `900 timeout, 3 overloaded`; the most frequent first.
pub(super) fn classes(classes: &BTreeMap<ErrorClass, u64>) -> String {
    let mut all: Vec<(&ErrorClass, &u64)> = classes.iter().collect();
    all.sort_by_key(|(class, count)| (std::cmp::Reverse(**count), **class));
    let words: Vec<String> = all
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    words.join(", ")
}

/// `timeout and overloaded`: what failed most, at most two.
pub(super) fn most(classes: &BTreeMap<ErrorClass, u64>) -> String {
    let mut all: Vec<(&ErrorClass, &u64)> = classes.iter().collect();
    all.sort_by_key(|(class, count)| (std::cmp::Reverse(**count), **class));
    let more = if all.len() > 2 { " and others" } else { "" };
    let named: Vec<String> = all
        .iter()
        .take(2)
        .map(|(class, _)| class.to_string())
        .collect();
    if more.is_empty() {
        list(named)
    } else {
        format!("{}{more}", named.join(", "))
    }
}

/// `3 completed, 1 broke off`; what is zero is left out.
pub(super) fn counts(parts: &[(&str, u64)]) -> String {
    let words: Vec<String> = parts
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    words.join(", ")
}

pub(super) fn reasons(reasons: &BTreeMap<String, u64>) -> String {
    let mut all: Vec<(&String, &u64)> = reasons.iter().collect();
    all.sort_by_key(|(sentence, count)| (std::cmp::Reverse(**count), *sentence));
    let words: Vec<String> = all
        .iter()
        .map(|(sentence, count)| format!("{}: {count}", text(sentence)))
        .collect();
    words.join("; ")
}

/// `1 request`, `2 requests`, `3 vetoes`.
pub(super) fn counted(count: impl TryInto<u64>, thing: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {thing}"),
        many if thing.ends_with('o') => format!("{many} {thing}es"),
        many => format!("{many} {thing}s"),
    }
}

pub(super) fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        many => format!("{many} times"),
    }
}

pub(super) fn text(text: &str) -> String {
    markdown(text, TEXT)
}

pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

pub(super) fn length(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
