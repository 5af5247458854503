use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Effect, Point, Sum, Told, effect, points};
use crate::model::{Stretch, TrafficPast};

fn start() -> Timestamp {
    "2026-11-21T14:00:00Z".parse().unwrap()
}

fn minute(number: i64) -> Timestamp {
    start() + SignedDuration::from_mins(number)
}

/// One letter a minute: `?` unknown, `-` idle, a digit tenths of errors, `X` all.
fn told(letters: &str) -> Vec<Point> {
    let told = |letter: char| match letter {
        '?' => Told::Unknown,
        '-' => Told::Idle,
        letter => Told::Carried(Sum {
            requests: 100,
            errors: letter
                .to_digit(10)
                .map_or(100, |digit| u64::from(digit) * 10),
            ..Sum::default()
        }),
    };
    (0..)
        .zip(letters.chars())
        .map(|(number, letter)| Point {
            start: minute(number),
            told: told(letter),
        })
        .collect()
}

#[test]
fn a_change_is_judged_by_the_whole_minutes_on_both_sides() {
    for (case, letters, at, end, expected) in [
        (
            "it helped",
            "4444000",
            200,
            420,
            "errors 40 % -> 0 % within 1 min of it",
        ),
        (
            "not at once",
            "4444400",
            190,
            420,
            "errors 40 % -> 0 % within 2 min of it",
        ),
        (
            "not for long",
            "444400444",
            200,
            540,
            "errors 40 % -> 0 % within 1 min of it, but 40 % again later",
        ),
        (
            "it did not",
            "4444333",
            200,
            420,
            "errors 40 % -> 30 % after it: it did not halve them",
        ),
        (
            "it made it worse",
            "0000500",
            200,
            420,
            "errors ROSE 0 % -> 50 % within 1 min of it",
        ),
        (
            "nothing to help with",
            "0000000",
            200,
            420,
            "errors 0 % before and 0 % after it",
        ),
        (
            "too early",
            "4444",
            200,
            239,
            "no whole minute was counted after it: too early to say",
        ),
        (
            "the next change is not this one's doing",
            "4444400",
            200,
            290,
            "no whole minute was counted after it: too early to say",
        ),
        (
            "nobody counted",
            "???0000",
            190,
            420,
            "no traffic was counted in the minutes before it",
        ),
        (
            "nobody asked",
            "---0000",
            190,
            420,
            "no traffic was counted in the minutes before it",
        ),
        (
            "silence after",
            "4444???",
            200,
            420,
            "no whole minute was counted after it: too early to say",
        ),
        (
            "no points at all",
            "",
            200,
            420,
            "no traffic was counted in the minutes before it",
        ),
    ] {
        let found = effect(
            &told(letters),
            start() + SignedDuration::from_secs(at),
            start() + SignedDuration::from_secs(end),
        );
        assert_eq!(found.of("it"), expected, "{case}");
    }
}

#[test]
fn an_effect_as_json_has_the_same_fields_in_every_case() {
    for effect in [
        Effect::NothingBefore,
        Effect::Fell {
            before: 0.4,
            after: 0.0,
            minutes: 1,
            again: None,
        },
    ] {
        let json = serde_json::to_value(effect).unwrap();
        let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["after", "before", "errors", "minutes"]);
    }
}

#[test]
fn nobody_there_and_no_traffic_are_told_apart() {
    let past = TrafficPast {
        workload: "support-chat".into(),
        start: minute(2),
        stretch: Stretch::Minute,
        requests: 10,
        primary_failures: 0,
        fallbacks: 1,
        errors: 2,
        uncaught: 2,
        first_output_p50_ms: Some(180),
        first_output_p95_ms: None,
    };
    let range = (minute(0) + SignedDuration::from_secs(30), minute(4));
    let found = points(Stretch::Minute, range, &[minute(1), minute(2)], vec![past]);
    let told: Vec<_> = found.iter().map(|point| point.told).collect();
    let Told::Carried(sum) = told[2] else {
        panic!("{told:?}");
    };
    assert_eq!(
        (sum.requests, sum.errors, sum.first_output_p50_ms),
        (10, 2, Some(180))
    );
    assert_eq!(
        (told[0], told[1], told[3]),
        (Told::Unknown, Told::Idle, Told::Unknown)
    );
    assert_eq!(found[0].start, minute(0));
}

proptest! {
    #[test]
    fn every_stretch_of_a_range_has_one_point(
        length in 0_i64..200, counted in prop::collection::vec(0_i64..200, 0..50),
    ) {
        let counted: Vec<_> = counted.into_iter().map(minute).collect();
        let found = points(Stretch::Minute, (start(), minute(length)), &counted, Vec::new());
        let starts: Vec<_> = found.iter().map(|point| point.start).collect();
        prop_assert_eq!(starts, (0..length).map(minute).collect::<Vec<_>>());
    }

    #[test]
    fn no_change_and_no_end_makes_a_judgement_fail(
        letters in "[?\\-0-9X]{0,80}", at in -600_i64..6_000, end in -600_i64..6_000,
    ) {
        let found = effect(
            &told(&letters),
            start() + SignedDuration::from_secs(at),
            start() + SignedDuration::from_secs(end),
        );
        prop_assert!(!found.of("force by mira").is_empty());
    }
}
