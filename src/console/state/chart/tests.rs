use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Ask, Axis, Charts, Events, MINUTES, SLOTS, bins};
use crate::{
    console::state::log::EventLog,
    control::traffic::{History, Point, Sum, Told},
    model::{
        Entry, ErrorClass, Event, EventCount, EventDecision, EventId, EventTally, Family,
        NoticeGiven, Reason, Revision, Seq, Stretch, WorkloadName,
    },
};

fn carried(requests: u64) -> Told {
    Told::Carried(Sum {
        requests,
        ..Sum::default()
    })
}

#[test]
fn an_axis_widens_minutes_or_joins_them_and_ends_with_the_newest() {
    for (case, cells, in_cell, bars, used, last) in [
        ("a cell each", 61, 1, 61, 61, 60..61),
        ("a column to spare", 70, 1, 61, 61, 60..61),
        ("two cells each", 122, 1, 122, 122, 60..61),
        ("two to a bar", 60, 1, 31, 31, 59..61),
        ("three to a bar", 21, 1, 21, 21, 58..61),
        ("dots: two to a cell", 31, 2, 61, 31, 60..61),
        ("one cell", 1, 1, 1, 1, 0..61),
        ("none", 0, 1, 0, 0, 0..0),
    ] {
        let axis = Axis::new(SLOTS, cells, in_cell);
        assert_eq!((axis.bars(), axis.cells()), (bars, used), "{case}");
        assert_eq!(axis.slots(bars.saturating_sub(1)), last, "{case}");
    }
}

#[test]
fn what_is_joined_keeps_what_was_counted() {
    let axis = Axis::new(4, 2, 1);
    let told = [Told::Unknown, carried(5), Told::Idle, Told::Unknown];
    assert_eq!(bins(&told, axis), [carried(5), Told::Idle]);
    assert_eq!(bins(&[], Axis::new(0, 9, 1)), []);
}

proptest! {
    #[test]
    fn bars_cover_every_minute_in_order_and_their_sums_are_the_total(
        requests in prop::collection::vec(0_u64..1_000, 0..130), cells in 0_usize..320, in_cell in 1_usize..3,
    ) {
        let axis = Axis::new(requests.len(), cells, in_cell);
        prop_assert!(axis.cells() <= cells);
        let mut covered = Vec::new();
        let mut total = 0;
        for bar in 0..axis.bars() {
            let slots = axis.slots(bar);
            for slot in slots {
                // A minute of several bars is counted with its first one.
                if covered.last() != Some(&slot) {
                    covered.push(slot);
                    total += requests[slot];
                }
            }
        }
        let all: Vec<usize> = if cells == 0 { Vec::new() } else { (0..requests.len()).collect() };
        prop_assert_eq!(&covered, &all);
        if cells > 0 {
            prop_assert_eq!(total, requests.iter().sum::<u64>());
        }
        // Where a minute begins there is a cell, and later minutes never stand before it.
        let places: Vec<usize> = all.iter().map(|slot| axis.cell(*slot)).collect();
        prop_assert!(places.is_sorted());
        prop_assert!(places.iter().all(|place| *place < axis.cells().max(1)));
        for slot in all {
            let bars = (0..axis.bars()).filter(|bar| axis.slots(*bar).contains(&slot));
            let first = bars.map(|bar| bar / in_cell).min();
            prop_assert_eq!(first, Some(axis.cell(slot)));
        }
    }

    #[test]
    fn events_are_all_in_their_bins(minutes in prop::collection::vec((-70_i64..2, 0_u8..4), 0..200)) {
        let end: Timestamp = "2026-11-21T14:32:00Z".parse().unwrap();
        let mut minutes = minutes;
        minutes.sort_unstable();
        let mut log = EventLog::new(end);
        let entries = (1..).zip(&minutes).map(|(seq, (minute, kind))| {
            (Seq(seq), Entry::Decision(Box::new(event(end + SignedDuration::from_mins(*minute), *kind))))
        });
        log.extend(entries.collect());
        let found = Events::new(&log, None, None, 10_000, end).classes;
        let expected = minutes.iter().filter(|(minute, kind)| *minute >= -60 && *kind != 3).count();
        let total: u64 = found.iter().map(super::Class::total).sum();
        prop_assert_eq!(total, expected as u64);
        prop_assert!(found.iter().all(|class| class.counts.len() == SLOTS));
        prop_assert!(found.is_sorted_by_key(|class| std::cmp::Reverse(class.total())));
        let other = Events::new(&log, Some(&"another".into()), None, 10_000, end);
        prop_assert_eq!(other.classes, vec![]);
    }
}

fn event(at: Timestamp, kind: u8) -> Event {
    let (decision, class) = match kind {
        0 => (EventDecision::Fallback, Some(ErrorClass::Overloaded)),
        1 => (EventDecision::Refused, Some(ErrorClass::RateLimited)),
        2 => (EventDecision::Fallback, None),
        _ => (EventDecision::Readiness, None),
    };
    Event {
        id: EventId::new(at, 1),
        at,
        gateway: "gw-1".into(),
        workload: "support-chat".into(),
        client: None,
        family: Family::OpenaiChat,
        method: None,
        primary: "premium".into(),
        fallback: Some("baseline".into()),
        decision,
        reason: Reason::Trigger,
        class,
        detail: None,
        status: None,
        attempts: Vec::new(),
        notice: NoticeGiven::None,
        stream: false,
        revision: Revision(1),
        fingerprint: String::new(),
        remark: None,
    }
}

#[test]
fn a_past_is_read_once_a_minute_and_again_soon_when_that_failed() {
    let now: Timestamp = "2026-11-21T14:32:07Z".parse().unwrap();
    let after = |seconds| now + Duration::from_secs(seconds);
    let name = Some("support-chat".into());
    let other = "batch".into();
    let until = Stretch::Minute.start(Stretch::Minute.of(now));
    let mut charts = Charts::default();
    let whole = Ask::Since(now - SignedDuration::from_mins(62));
    assert_eq!(charts.ask(name.as_ref(), now), whole, "nothing is known");
    assert_eq!(
        charts.ask(name.as_ref(), now),
        Ask::Nothing,
        "it is being read"
    );
    let soon = charts.ask(Some(&other), now);
    assert_eq!(soon, Ask::Nothing, "one at a time");
    let history = history(until - SignedDuration::from_mins(3), until);
    charts.told(name.clone(), Ok(history.clone()), now);
    assert_eq!(
        charts.ask(name.as_ref(), after(50)),
        Ask::Nothing,
        "the minute is not over"
    );
    assert_eq!(
        charts.ask(name.as_ref(), after(56)),
        Ask::Since(until),
        "only what is new"
    );
    charts.told(name.clone(), Err("the disk is full".to_owned()), after(56));
    let past = charts.past(name.as_ref());
    assert_eq!(past.history, Some(&history), "what was known stays");
    assert_eq!(past.failed, Some("the disk is full"));
    assert_eq!(charts.ask(name.as_ref(), after(60)), Ask::Nothing);
    assert_eq!(charts.ask(name.as_ref(), after(66)), Ask::Since(until));
    let newer = self::history(until, until + SignedDuration::from_mins(1));
    charts.told(name.clone(), Ok(newer), after(66));
    let past = charts.past(name.as_ref());
    assert_eq!(past.failed, None);
    let joined = past.history.unwrap();
    assert_eq!(joined.points.len(), 4);
    assert_eq!(joined.events.counts.len(), 4);
    assert_eq!(joined.since, history.since);
    assert_eq!(SLOTS, MINUTES + 1);
}

#[test]
fn a_row_that_the_cursor_only_passes_is_not_read() {
    let now: Timestamp = "2026-11-21T14:32:07Z".parse().unwrap();
    let after = |millis| now + Duration::from_millis(millis);
    let names: Vec<Option<WorkloadName>> = ["a", "b", "c"].map(|name| Some(name.into())).into();
    let whole = |at| Ask::Since(at - SignedDuration::from_mins(62));
    let rest = |millis| Ask::Later(Duration::from_millis(millis));
    let mut charts = Charts::default();
    let told = |charts: &mut Charts, name: &Option<WorkloadName>| {
        let until = Stretch::Minute.start(Stretch::Minute.of(now));
        let read = history(until - SignedDuration::from_mins(3), until);
        charts.told(name.clone(), Ok(read), now);
    };
    for (case, place, at, asked) in [
        ("the first one is looked at", 0, 0, whole(now)),
        ("the next, while that is read", 1, 10, Ask::Nothing),
        ("when it was read", 1, 40, rest(220)),
        ("it is said once", 1, 100, Ask::Nothing),
        ("the cursor goes on", 2, 200, rest(250)),
        ("and back to what is known", 0, 300, Ask::Nothing),
        ("and on again", 2, 400, rest(250)),
        ("where it rests", 2, 650, whole(after(650))),
    ] {
        if at == 40 {
            told(&mut charts, &names[0]);
        }
        let found = charts.ask(names[place].as_ref(), after(at));
        assert_eq!(found, asked, "{case}");
    }
}

/// A minute each, every one with an event.
fn history(since: Timestamp, until: Timestamp) -> History {
    let minutes = until.duration_since(since).as_mins();
    let start = |minute| since + SignedDuration::from_mins(minute);
    History {
        workload: Some("support-chat".into()),
        since,
        stretch: Stretch::Minute,
        points: (0..minutes)
            .map(|minute| Point {
                start: start(minute),
                told: carried(7),
            })
            .collect(),
        until,
        events: EventTally {
            since,
            counts: (0..minutes)
                .map(|minute| EventCount {
                    start: start(minute),
                    class: Some(ErrorClass::Overloaded),
                    count: 3,
                })
                .collect(),
        },
    }
}

#[test]
fn whole_minutes_are_the_stores_and_the_running_one_is_the_logs() {
    let end: Timestamp = "2026-11-21T14:32:00Z".parse().unwrap();
    let now = end + Duration::from_secs(20);
    let mut log = EventLog::new(now);
    let entries = [-2, -1, 0, 0].into_iter().zip(1..).map(|(minute, seq)| {
        let at = end + SignedDuration::from_mins(minute) + Duration::from_secs(5);
        (Seq(seq), Entry::Decision(Box::new(event(at, 0))))
    });
    log.extend(entries.collect());
    let past = history(end - SignedDuration::from_mins(4), end);
    let events = Events::new(&log, None, Some(&past), 2_000, now);
    assert_eq!(events.classes.len(), 1);
    assert_eq!(events.classes[0].counts[MINUTES - 4..], [3, 3, 3, 3, 2]);
    assert_eq!(
        events.since,
        Some(past.since),
        "and what lies before is not known"
    );
}
