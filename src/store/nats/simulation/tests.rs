//! A few seeds in every run of the tests; the bench plays many more.

use std::time::Duration;

use super::{Planted, Report, Size, simulate};

/// Some hosts, much trouble.
fn small() -> Size {
    Size {
        operators: 6,
        thought: Duration::from_millis(900),
        ..Size::of(10, Duration::from_mins(3))
    }
}

/// A seed that was found elsewhere is played again: `BACKSTOP_SIMULATION_SEED=42 cargo test simulation`.
fn seeds(from: u64, count: u64) -> Vec<u64> {
    let asked = std::env::var("BACKSTOP_SIMULATION_SEED").ok();
    let asked = asked.map(|seed| seed.parse().expect("a seed is a number"));
    asked.map_or_else(|| (from..from + count).collect(), |seed| vec![seed])
}

fn clean(report: &Report) {
    assert_eq!(
        report.violations,
        Vec::<String>::new(),
        "seed {}:\n{report}",
        report.seed
    );
}

#[test]
fn a_few_hosts_agree_through_everything_that_breaks() {
    let mut all = Report::default();
    for seed in seeds(1, 8) {
        let report = simulate(seed, &small());
        clean(&report);
        all.join(&report);
    }
    println!("{all}");
    // Unless one seed was asked for, all that can happen has happened.
    if all.steps > 300_000 {
        assert!(
            all.changes.acknowledged > 500 && all.changes.refused > 20,
            "\n{all}"
        );
        assert!(all.changes.unknown > 0 && all.changes.failed > 0, "\n{all}");
        assert!(
            all.leaders_lost > 50 && all.gaps > 10 && all.stalls > 0,
            "\n{all}"
        );
        assert!(all.apart > 5, "\n{all}");
        assert!(all.trims > 20 && all.adopted > 20, "\n{all}");
    }
}

/// One of two leaders stored a change, and the other said that something else was there: its author was told that it had
/// failed.
#[test]
fn a_seed_that_has_found_something_finds_it_no_more() {
    clean(&simulate(268, &small()));
}

#[test]
fn a_thousand_gateways_come_to_the_newest_revision() {
    for seed in seeds(1, 1) {
        let report = simulate(seed, &Size::of(1_000, Duration::from_secs(30)));
        clean(&report);
        println!("{report}");
    }
}

#[test]
fn the_same_seed_plays_the_same() {
    let size = Size {
        faults: Duration::from_mins(1),
        ..small()
    };
    let (one, again, other) = (simulate(7, &size), simulate(7, &size), simulate(8, &size));
    assert_eq!(one, again);
    assert_ne!(one.digest, other.digest);
}

/// A simulation that finds nothing shows nothing: each of these rules is broken on purpose, and that is seen.
#[test]
fn what_is_planted_is_found() {
    for planted in [
        Planted::Minority,
        Planted::Unordered,
        Planted::Gaps,
        Planted::Boastful,
        Planted::Asleep,
        Planted::Hasty,
        Planted::Lossy,
        Planted::Greedy,
        Planted::Beheading,
    ] {
        let size = Size {
            planted: Some(planted),
            ..small()
        };
        let found = (1..=60)
            .map(|seed| simulate(seed, &size))
            .find(|report| !report.violations.is_empty());
        let found = found.unwrap_or_else(|| panic!("{planted:?} was not found"));
        println!("{planted:?}: {}", found.violations[0]);
        assert!(!found.trace.is_empty());
    }
}
