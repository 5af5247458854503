//! One event in words: what was tried and when, why it was decided so, which rule said it, and what would change
//! it.

use std::time::Duration;

use jiff::Timestamp;

use super::{Explanation, Facts, Part, class::meaning, rule::rule};
use crate::{
    control::words::who,
    model::{
        Attempt, AuditRecord, Catalog, Event, EventDecision, NoticeGiven, Outcome, OutcomeKind,
        Reason, Scope, StoredEvent, Subject, Verb, visible,
    },
    policy,
};

/// Longest line of what others said.
const LINE: usize = 300;

/// Explains an event. `records` are audit records of its workload and routes, in any order.
pub(super) fn event(
    stored: &StoredEvent,
    catalog: &Catalog,
    records: &[AuditRecord],
) -> Explanation {
    let event = &stored.event;
    let known = catalog.workloads.get(&event.workload);
    let rule = known
        .map(|workload| rule(&event.reason, event.class, workload))
        .unwrap_or_default();
    let mut why = vec![visible(&policy::explain(&event.reason), LINE).into_owned()];
    if let Some(remark) = &event.remark {
        why.push(visible(remark, LINE).into_owned());
    }
    if let Some(class) = event.class {
        let detail = event
            .detail
            .map_or_else(String::new, |detail| format!(" ({detail})"));
        why.push(format!("{class}{detail}: {}", meaning(class)));
    }
    if !rule.says.is_empty() {
        why.push(format!("rule: {}", rule.says));
    }
    let mut change = rule.change.clone();
    if let Some(record) = behind(event, records) {
        why.push(switched(record));
        if !record.key.scope.is_all() {
            let scope = record.key.scope.to_string();
            change.push(format!(
                "the override holds {}: say it there, `--scope {}`",
                record.key.scope.words(),
                visible(&scope, 80)
            ));
        }
    }
    if known.is_none() {
        why.push(format!(
            "{} is not configured any more, so its rules cannot be told",
            event.workload
        ));
    } else if event.fingerprint != catalog.fingerprint {
        why.push(format!(
            "the configuration has changed since (then {}, now {}): the rule is told as it is now",
            visible(&event.fingerprint, 20),
            visible(&catalog.fingerprint, 20)
        ));
    }
    Explanation {
        headline: headline(event),
        parts: vec![
            Part::new("What happened", happened(stored)),
            Part::new("Why", why),
            Part::new("What would change it", change),
            Part::new("Record", record(stored)),
        ],
        facts: Facts::Event {
            event: Box::new(stored.clone()),
            rule,
        },
    }
}

fn headline(event: &Event) -> String {
    let (name, primary) = (&event.workload, &event.primary);
    let fallback = event
        .fallback
        .as_ref()
        .map_or("its fallback", |route| route.as_str());
    match event.decision {
        EventDecision::Fallback if event.attempts.is_empty() => {
            format!("{name} was served by {fallback}; {primary} was not asked")
        }
        EventDecision::Fallback => format!("{name} fell back from {primary} to {fallback}"),
        EventDecision::Refused if event.attempts.is_empty() => {
            format!("{name} did not fall back to {fallback}")
        }
        EventDecision::Refused => {
            format!("{name} did not fall back: the caller got the failure of {primary}")
        }
        EventDecision::Exhausted => {
            format!("{name} had nobody left: {primary} failed, and so did {fallback}")
        }
        EventDecision::Broken => {
            format!("an answer to {name} broke off after its first output; nothing was switched")
        }
        EventDecision::ProviderMade => {
            format!("a provider answered {name} with another model than it was asked for")
        }
        EventDecision::Readiness => format!("the readiness of {fallback} for {name} has changed"),
    }
}

fn happened(stored: &StoredEvent) -> Vec<String> {
    let event = &stored.event;
    if event.decision == EventDecision::Readiness {
        return vec!["there was no request; probes or switches changed what is known".to_owned()];
    }
    let mut lines: Vec<String> = event
        .attempts
        .iter()
        .enumerate()
        .map(|(index, attempt)| format!("{}. {}", index + 1, tried(attempt)))
        .collect();
    if lines.is_empty() {
        lines.push(format!("{} was not asked", event.primary));
    }
    lines.push(format!(
        "decided at {}: {}",
        moment(event.at),
        decided(event)
    ));
    lines.extend(told(stored));
    lines.push(ended(stored));
    lines
}

fn decided(event: &Event) -> String {
    match (event.decision, &event.fallback) {
        (EventDecision::Fallback, Some(route)) => format!("send it to {route}"),
        (EventDecision::Fallback, None) => "send it to the fallback".to_owned(),
        (EventDecision::Refused, _) => "no fallback".to_owned(),
        (EventDecision::Exhausted, _) => "return the failure".to_owned(),
        (EventDecision::Broken, _) => "end the answer with an error".to_owned(),
        (EventDecision::ProviderMade, _) => "nothing; the answer was passed on".to_owned(),
        (EventDecision::Readiness, _) => "nothing".to_owned(),
    }
}

fn tried(attempt: &Attempt) -> String {
    let took = span(attempt.took);
    let code = attempt.code.as_deref().map_or_else(String::new, |code| {
        format!(", code `{}`", visible(code, 60))
    });
    let detail = attempt
        .detail
        .map_or_else(String::new, |detail| format!(" ({detail})"));
    match (attempt.status, attempt.class) {
        (Some(status), Some(class)) => {
            format!(
                "{}: {status} after {took}: {class}{detail}{code}",
                attempt.route
            )
        }
        (None, Some(class)) => format!("{}: {class}{detail} after {took}{code}", attempt.route),
        (_, None) => format!("{}: answered, first output after {took}", attempt.route),
    }
}

/// How the caller learned that a fallback served.
fn told(stored: &StoredEvent) -> Option<String> {
    let event = &stored.event;
    if event.decision != EventDecision::Fallback {
        return None;
    }
    if stored.outcome.as_ref().is_some_and(Outcome::is_withheld) {
        return Some("the caller was given nothing of the fallback's answer".to_owned());
    }
    let given = stored.outcome.as_ref().and_then(|outcome| outcome.notice);
    Some(match given.unwrap_or(event.notice) {
        NoticeGiven::None => {
            "the caller was told by x-backstop-fallback only; no notice for people was given"
                .to_owned()
        }
        NoticeGiven::Header => "the caller was told by the header x-backstop-degraded".to_owned(),
        NoticeGiven::Inline => {
            "the caller was told by the header x-backstop-degraded and at the start of the answer"
                .to_owned()
        }
    })
}

fn ended(stored: &StoredEvent) -> String {
    let Some(outcome) = &stored.outcome else {
        return "how the answer ended is not known (yet): the gateway writes it when it ends"
            .to_owned();
    };
    if outcome.is_withheld() {
        return format!(
            "the answer was withheld: an event could not be made durable in time, and this workload would rather \
             return an error (on_log_failure = refuse); the caller got status {} after {}",
            outcome.status,
            span(outcome.total)
        );
    }
    let kind = match outcome.kind {
        OutcomeKind::Completed => "the answer was completed",
        OutcomeKind::ErrorReturned => "the caller got an error",
        OutcomeKind::Broken => "the answer broke off after its first output",
        OutcomeKind::ClientGone => "the client went away",
    };
    let first = outcome.first_output.map_or_else(String::new, |first| {
        format!(", first output after {}", span(first))
    });
    format!(
        "{kind}, status {}{first}, {} in all",
        outcome.status,
        span(outcome.total)
    )
}

fn record(stored: &StoredEvent) -> Vec<String> {
    let event = &stored.event;
    let client = event
        .client
        .as_ref()
        .map_or_else(String::new, |client| format!(" for client {client}"));
    let method = event
        .method
        .map_or_else(String::new, |method| format!(", {method}"));
    let stream = if event.stream { ", streaming" } else { "" };
    vec![
        format!(
            "event {} at gateway {}{client}",
            event.id,
            visible(event.gateway.as_str(), 60)
        ),
        format!(
            "{}{method}{stream}; override revision {}, configuration {}",
            event.family,
            event.revision,
            visible(&event.fingerprint, 20)
        ),
    ]
}

/// The operator's change that a decision rests on: the newest of the key at the revision in force.
fn behind<'a>(event: &Event, records: &'a [AuditRecord]) -> Option<&'a AuditRecord> {
    let subject = match &event.reason {
        Reason::Forced { .. } | Reason::Held => Subject::Mode(event.workload.clone()),
        Reason::Drained { .. } => Subject::Drain(event.primary.clone()),
        Reason::FallbackDrained => Subject::Drain(event.fallback.clone()?),
        Reason::NoticeImpossible | Reason::PaidTierWithoutNotice => {
            Subject::Notice(event.workload.clone())
        }
        Reason::Trigger
        | Reason::ForcedByConfig
        | Reason::CircuitOpen
        | Reason::NeverTrigger
        | Reason::NotListed
        | Reason::NoFallbackConfigured
        | Reason::FallbackCircuitOpen
        | Reason::FamilyDiffers
        | Reason::MissingCapability { .. }
        | Reason::VectorsDiffer
        | Reason::ContextTooSmall { .. }
        | Reason::ReasoningBound
        | Reason::NotEntitled
        | Reason::BoundaryCrossed { .. }
        | Reason::AttemptsSpent
        | Reason::RetryBudgetSpent
        | Reason::EventNotDurable
        | Reason::NotReplayable
        | Reason::CallerLimit
        | Reason::AfterCommit
        | Reason::AllRoutesFailed
        | Reason::ProviderFallback { .. }
        | Reason::AllRoutesDown { .. }
        | Reason::PrimarySaturated
        | Reason::FallbackSaturated
        | Reason::Readiness { .. } => return None,
    };
    let newest = |fits: &dyn Fn(&AuditRecord) -> bool| {
        records
            .iter()
            .filter(|record| record.key.subject == subject && record.revision <= event.revision)
            .filter(|record| fits(record))
            .max_by_key(|record| record.sequence)
    };
    // The reason names who and where, in the words of the switches.
    let named = if let Reason::Forced { by, .. } | Reason::Drained { by } = &event.reason {
        newest(&|record| {
            let name = record.actor.name();
            record.after.is_some()
                && match &record.key.scope {
                    Scope::All => by == name,
                    scope @ (Scope::Region(_) | Scope::Host(_)) => {
                        *by == format!("{name} {}", scope.words())
                    }
                }
        })
    } else {
        None
    };
    named.or_else(|| {
        newest(&|record| match &record.key.scope {
            Scope::All | Scope::Region(_) => true,
            // A gateway's name begins with its host.
            Scope::Host(host) => event.gateway.as_str().starts_with(&format!("{host}-")),
        })
    })
}

fn switched(record: &AuditRecord) -> String {
    let place = match &record.key.scope {
        Scope::All => String::new(),
        scope @ (Scope::Region(_) | Scope::Host(_)) => {
            format!(" {}", visible(&scope.words(), 80))
        }
    };
    let mut line = format!(
        "audit {}: {}{place} by {} at {}, reason {}",
        record.sequence,
        record.verb.map_or("expired", Verb::as_str),
        who(&record.actor),
        moment(record.at),
        record.reason
    );
    if let Some(ticket) = &record.ticket {
        line.push_str(", ticket ");
        line.push_str(&visible(ticket, 60));
    }
    if record.break_glass {
        line.push_str(", break-glass");
    }
    if !record.note.is_empty() {
        line.push_str(": ");
        line.push_str(&visible(&record.note, LINE));
    }
    line
}

fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string()
}

/// `12 ms`, `3.41 s`.
fn span(length: Duration) -> String {
    if length < Duration::from_secs(1) {
        format!("{} ms", length.as_millis())
    } else {
        format!("{:.2} s", length.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        control::fixture,
        model::{
            Change, ErrorClass, EventId, Family, Mode, Outcome, OverrideKey, PlanId, ReasonCode,
            Revision, Seq,
        },
    };

    fn fallback() -> StoredEvent {
        let at = fixture::now();
        StoredEvent {
            seq: Seq(1),
            event: Event {
                id: EventId::new(at, 1),
                at,
                gateway: "gw1".into(),
                workload: "chat".into(),
                client: Some("shop".into()),
                family: Family::OpenaiChat,
                method: None,
                primary: "premium".into(),
                fallback: Some("stable".into()),
                decision: EventDecision::Fallback,
                reason: Reason::Trigger,
                class: Some(ErrorClass::ServerError),
                detail: None,
                status: Some(503),
                attempts: vec![Attempt {
                    route: "premium".into(),
                    status: Some(500),
                    code: Some("\u{1b}[31mred".to_owned()),
                    class: Some(ErrorClass::ServerError),
                    detail: None,
                    took: Duration::from_millis(212),
                }],
                notice: NoticeGiven::Header,
                stream: true,
                revision: Revision(5),
                fingerprint: "f1".to_owned(),
                remark: None,
            },
            outcome: Some(Outcome {
                event: EventId::new(at, 1),
                at,
                kind: OutcomeKind::Completed,
                status: 200,
                class: None,
                notice: None,
                first_output: Some(Duration::from_millis(900)),
                total: Duration::from_millis(2100),
            }),
        }
    }

    fn change(sequence: u64, revision: u64, by: &str) -> AuditRecord {
        AuditRecord {
            sequence,
            at: fixture::seconds(-600),
            actor: fixture::actor(by),
            verb: Some(Verb::Force),
            key: OverrideKey::mode("chat".into()),
            before: None,
            after: Some(Change::Mode(Mode::Force)),
            expires: None,
            reason: ReasonCode::ServerErrors,
            note: "provider page \u{202e}says so".to_owned(),
            ticket: Some("INC-7".to_owned()),
            revision: Revision(revision),
            plan: Some(PlanId("8f31".to_owned())),
            undoes: None,
            break_glass: false,
        }
    }

    #[test]
    fn a_fallback_is_told_attempt_by_attempt_with_its_rule() {
        let told = event(&fallback(), &fixture::catalog(), &[]);
        assert_eq!(told.headline, "chat fell back from premium to stable");
        let text = told.text();
        for line in [
            "1. premium: 500 after 212 ms: server-error, code `\u{241b}[31mred`",
            "decided at 2026-11-21 14:32:00.000Z: send it to stable",
            "the caller was told by the header x-backstop-degraded",
            "the answer was completed, status 200, first output after 900 ms, 2.10 s in all",
            "the policy lists this failure as a trigger",
            "server-error: the provider broke",
            "rule: `triggers` of chat: server-error and timeout",
            "`backstop hold chat` keeps everything on premium for a while",
            "at gateway gw1 for client shop",
            "openai-chat, streaming; override revision 5, configuration f1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("has changed since"), "{text}");
    }

    #[test]
    fn a_fallback_whose_answer_was_withheld_is_told_as_nothing_served() {
        let mut withheld = fallback();
        let outcome = withheld.outcome.as_mut().unwrap();
        (outcome.kind, outcome.status) = (OutcomeKind::ErrorReturned, 503);
        let text = event(&withheld, &fixture::catalog(), &[]).text();
        for line in [
            "the caller was given nothing of the fallback's answer",
            "the answer was withheld: an event could not be made durable in time",
            "the caller got status 503 after 2.10 s",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("x-backstop-degraded"), "{text}");
        // A failure of the route itself is another thing.
        let outcome = withheld.outcome.as_mut().unwrap();
        outcome.class = Some(ErrorClass::ServerError);
        let text = event(&withheld, &fixture::catalog(), &[]).text();
        assert!(text.contains("the caller got an error"), "{text}");
    }

    #[test]
    fn who_forced_it_is_told_as_it_was_then() {
        let mut forced = fallback();
        forced.event.attempts.clear();
        forced.event.class = None;
        forced.event.reason = Reason::Forced {
            by: "mira".to_owned(),
            revision: Revision(4),
        };
        forced.outcome = None;
        forced.event.fingerprint = "f0".to_owned();
        let records = [
            change(1, 2, "jo"),
            change(2, 4, "mira"),
            change(3, 9, "kim"),
        ];
        let told = event(&forced, &fixture::catalog(), &records);
        assert_eq!(
            told.headline,
            "chat was served by stable; premium was not asked"
        );
        let text = told.text();
        for line in [
            "audit 2: force by mira at 2026-11-21 14:22:00.000Z, reason 5xx, ticket INC-7: provider page \u{fffd}says so",
            "`backstop auto chat`, or the end of the override",
            "the configuration has changed since (then f0, now f1)",
            "how the answer ended is not known (yet)",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("jo at") && !text.contains("kim"), "{text}");
    }

    #[test]
    fn an_event_of_a_workload_that_is_gone_says_so() {
        let mut gone = fallback();
        gone.event.workload = "old".into();
        let text = event(&gone, &fixture::catalog(), &[]).text();
        assert!(
            text.contains("old is not configured any more, so its rules cannot be told"),
            "{text}"
        );
    }
}
