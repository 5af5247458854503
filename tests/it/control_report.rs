//! The incident report over a store in memory: a whole incident as Markdown, its facts, and its bounds.

use std::time::Duration;

use backstop::{
    control::{Consent, Control, ControlError, Mode, Range, Report},
    model::{
        Entry, ErrorClass, Event, EventDecision, Mode as WorkloadMode, Outcome, OutcomeKind,
        Readiness, Reason, ReasonCode,
    },
};
use jiff::Timestamp;

use crate::{
    control_project::{House, decision, mode, outcome},
    store_reviews,
};

fn range(house: &House) -> Range {
    Range {
        since: "2026-11-21T14:00:00Z".parse().unwrap(),
        until: house.clock.now(),
        workload: None,
    }
}

async fn keep(house: &House, entry: Entry) {
    let place = house.store.reserve().unwrap();
    place.append(entry).durable().await.unwrap();
}

/// An event of now and how it ended.
async fn happens(house: &House, event: Event, kind: OutcomeKind, status: u16) {
    let ended = Outcome {
        kind,
        status,
        ..outcome(&event)
    };
    keep(house, Entry::Decision(Box::new(event))).await;
    keep(house, Entry::Outcome(ended)).await;
}

fn event(house: &House, number: u128, workload: &str, decided: EventDecision) -> Event {
    decision(number, workload, decided, house.clock.now())
}

async fn force(door: &Control, workload: &str, note: &str, break_glass: bool) {
    let plan = door
        .plan(mode(workload, WorkloadMode::Force), false)
        .await
        .unwrap();
    let consent = Consent {
        typed: plan.target().to_owned(),
        reason: Some(ReasonCode::ServerErrors),
        note: note.to_owned(),
        ticket: Some("INC-7".to_owned()),
        break_glass,
    };
    door.apply(&plan, consent).await.unwrap();
}

/// Half an hour in which most things happen.
async fn incident(house: &House) {
    house.beat(0, |_| {}).await;
    let go = |seconds| house.clock.advance(Duration::from_secs(seconds));
    for number in 0..3 {
        let one = event(house, number, "support-chat", EventDecision::Fallback);
        happens(house, one, OutcomeKind::Completed, 200).await;
        go(40);
    }
    let mut unlisted = event(house, 10, "support-chat", EventDecision::Refused);
    unlisted.class = Some(ErrorClass::Overloaded);
    unlisted.reason = Reason::NotListed;
    happens(house, unlisted, OutcomeKind::ErrorReturned, 503).await;
    // The caller's own fault: no trouble of anybody's.
    let wrong = event(house, 11, "support-chat", EventDecision::Refused);
    happens(house, wrong, OutcomeKind::ErrorReturned, 400).await;
    // Its failure is told by a second event of the same request.
    let tried = event(house, 12, "support-chat", EventDecision::Fallback);
    happens(house, tried, OutcomeKind::ErrorReturned, 503).await;
    let mut failed = event(house, 13, "support-chat", EventDecision::Exhausted);
    failed.reason = Reason::AllRoutesFailed;
    happens(house, failed, OutcomeKind::ErrorReturned, 503).await;
    go(60);
    // A minute is over: 600 requests, 5 of them by the fallback.
    let busy = |beat: &mut backstop::model::Heartbeat| {
        beat.workloads[0].fallbacks = 5;
        beat.workloads[0].errors = 2;
    };
    house.beat(0, busy).await;
    let door = house.door("jo", Mode::Write);
    let note = "provider page: <b>major</b> | outage\u{1b}[2J";
    force(&door, "support-chat", note, false).await;
    go(30);
    let mut turned = event(house, 14, "batch-extraction", EventDecision::Readiness);
    turned.class = None;
    turned.reason = Reason::Readiness {
        before: Readiness::Ready,
        now: Readiness::Blocked,
        why: "batch/invoice failed: [not JSON](http://x)".to_owned(),
    };
    keep(house, Entry::Decision(Box::new(turned))).await;
    // Long after: an episode of its own. Nobody knows how it ended.
    go(20 * 60);
    let late = event(house, 15, "support-chat", EventDecision::Fallback);
    keep(house, Entry::Decision(Box::new(late))).await;
    let reviewed = store_reviews::review("support-chat", house.clock.now(), 1);
    house.store.put_review(reviewed, true).await.unwrap();
    go(60);
}

#[tokio::test]
async fn an_incident_is_written_down() {
    let house = House::new("report-incident").await;
    incident(&house).await;
    let door = house.door("mira", Mode::Observe);
    let report = door.report(range(&house)).await.unwrap();
    // The configuration stands in a directory of the test.
    let written = report
        .markdown()
        .replace(&report.fingerprint, "(fingerprint)");
    insta::assert_snapshot!("report", written);

    let support = &report.workloads[0];
    assert_eq!(support.workload.as_str(), "support-chat");
    assert_eq!((support.served, support.failed), (5, 2));
    assert_eq!((support.refused, support.exhausted), (1, 1));
    assert_eq!(support.callers_fault, 1);
    assert_eq!(support.told.header, 5);
    assert_eq!((support.ended.completed, support.ended.errors), (3, 1));
    assert_eq!(support.ended.unknown, 1);
    assert_eq!(support.episodes.len(), 2, "{:?}", support.episodes);
    assert_eq!(report.looked.events, 9);
    assert!(!report.looked.more);
}

async fn of(house: &House, range: Range) -> Report {
    let door = house.door("mira", Mode::Observe);
    door.report(range).await.unwrap()
}

#[tokio::test]
async fn a_report_keeps_to_its_range_and_its_workload() {
    let house = House::new("report-range").await;
    incident(&house).await;
    let whole = range(&house);
    let first: Timestamp = "2026-11-21T14:32:40Z".parse().unwrap();
    let early = of(
        &house,
        Range {
            until: first,
            ..whole.clone()
        },
    )
    .await;
    assert_eq!(early.workloads[0].served, 1);
    assert_eq!(early.changes, []);
    assert_eq!(early.reviews, []);
    let other = of(
        &house,
        Range {
            workload: Some("batch-extraction".into()),
            ..whole.clone()
        },
    )
    .await;
    assert_eq!(other.workloads, []);
    assert_eq!((other.changes.len(), other.readiness.len()), (0, 1));
    assert!(other.markdown().contains("Only about batch-extraction"));
    let unknown = house
        .door("mira", Mode::Observe)
        .report(Range {
            workload: Some("support".into()),
            ..whole
        })
        .await
        .unwrap_err();
    assert!(matches!(unknown, ControlError::Unknown { .. }), "{unknown}");
}

#[tokio::test]
async fn a_quiet_time_says_so() {
    let house = House::new("report-quiet").await;
    house.clock.advance(Duration::from_mins(1));
    let report = of(&house, range(&house)).await;
    let text = report.markdown();
    for line in [
        "No request fell back, and none was refused a fallback.",
        "Nobody changed anything.",
        "Nothing happened.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("## Changes"), "{text}");
}

#[tokio::test]
async fn a_report_of_very_much_stays_short() {
    let house = House::new("report-much").await;
    // Every one is an episode of its own; more of them than a list may have.
    for number in 0..600_u128 {
        let event = event(&house, number, "support-chat", EventDecision::Fallback);
        keep(&house, Entry::Decision(Box::new(event))).await;
        house.clock.advance(Duration::from_mins(10));
    }
    let report = of(&house, range(&house)).await;
    assert_eq!(report.workloads[0].served, 600);
    assert_eq!(report.timeline.len(), 400);
    // The newest stay.
    let last = report.timeline.last().unwrap();
    assert!(house.clock.now().duration_since(last.at).as_secs() <= 600);
}
