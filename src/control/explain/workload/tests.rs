//! What is said of a workload, in the situations that operators ask about.

use super::*;
use crate::{
    control::{Probed, fixture, overview},
    model::{Change, Heartbeat, OverrideKey, Reviewed},
};

fn explained(
    catalog: &Catalog,
    overrides: &Overrides,
    heartbeats: &[Heartbeat],
    name: &str,
) -> Explanation {
    let now = fixture::now();
    let seen = overview(
        catalog,
        overrides,
        heartbeats,
        [],
        &Probed::default(),
        &Reviewed::default(),
        now,
    );
    let ground = Ground {
        catalog,
        overrides,
        overview: &seen,
        now,
    };
    workload(ground, &catalog.workloads[name])
}

/// A gateway whose circuits are as given.
fn beat(circuits: &[(&str, CircuitState, &str)]) -> Heartbeat {
    let loads = circuits.iter().map(|(route, circuit, why)| {
        let mut load = fixture::load(route, 600, 0, *circuit);
        load.tripped_by = (!why.is_empty()).then(|| (*why).to_owned());
        load
    });
    fixture::heartbeat(
        vec![fixture::traffic("chat", 600, 0, 0, 0)],
        loads.collect(),
    )
}

#[test]
fn the_headline_says_where_the_next_request_goes() {
    let catalog = fixture::catalog();
    let mode = || OverrideKey::mode("chat".into());
    let calm = || beat(&[]);
    for (case, overrides, heartbeat, name, said) in [
        (
            "armed",
            fixture::overrides(vec![]),
            calm(),
            "chat",
            "the next request of chat goes to premium; stable catches server-error and timeout",
        ),
        (
            "nothing behind it",
            fixture::overrides(vec![]),
            calm(),
            "code",
            "the next request of code goes to large, and nothing catches it when that fails",
        ),
        (
            "forced",
            fixture::overrides(vec![(
                mode(),
                fixture::set(Change::Mode(Mode::Force), "mira", None),
            )]),
            calm(),
            "chat",
            "goes to stable, not to premium: forced by mira (revision 1)",
        ),
        (
            "forced onto a drained route",
            fixture::overrides(vec![
                (
                    mode(),
                    fixture::set(Change::Mode(Mode::Force), "mira", None),
                ),
                (
                    OverrideKey::drain("stable".into()),
                    fixture::set(Change::Drain, "jo", None),
                ),
            ]),
            calm(),
            "chat",
            "goes to premium, although it should not: the fallback route is drained",
        ),
        (
            "the primary is paused by a trigger",
            fixture::overrides(vec![]),
            beat(&[(
                "premium",
                CircuitState::Open,
                "server-error: 5 failures in a row",
            )]),
            "chat",
            "goes to stable, not to premium: the primary's circuit is open",
        ),
        (
            "the primary is on trial",
            fixture::overrides(vec![]),
            beat(&[(
                "premium",
                CircuitState::HalfOpen,
                "timeout: 5 failures in a row",
            )]),
            "chat",
            "the primary's circuit is open (one at a time tries premium)",
        ),
        (
            "the primary is paused by something else",
            fixture::overrides(vec![]),
            beat(&[(
                "premium",
                CircuitState::Open,
                "broken-response: 5 failures in a row",
            )]),
            "chat",
            "the next request of chat goes to premium; stable catches",
        ),
    ] {
        let told = explained(&catalog, &overrides, &[heartbeat], name);
        assert!(told.headline.contains(said), "{case}: {}", told.headline);
    }
}

#[test]
fn every_class_has_its_fate_with_the_rule() {
    let mut catalog = fixture::catalog();
    let chat = catalog.workloads.get_mut("chat").unwrap();
    chat.triggers.insert(ErrorClass::RateLimited);
    chat.backoff.retries = 2;
    let told = explained(&catalog, &fixture::overrides(vec![]), &[beat(&[])], "chat");
    let Facts::Workload { classes, .. } = &told.facts else {
        panic!("{told:?}");
    };
    assert_eq!(classes.len(), ErrorClass::ALL.len());
    let stable = Some("stable".into());
    for (class, route, again, rule) in [
        (ErrorClass::InvalidRequest, None, 0, "fixed"),
        (ErrorClass::Authentication, None, 0, "fixed"),
        (ErrorClass::Forbidden, None, 0, "is not one of them"),
        (
            ErrorClass::RateLimited,
            stable.clone(),
            2,
            "`triggers` of chat",
        ),
        (
            ErrorClass::ServerError,
            stable.clone(),
            0,
            "`triggers` of chat",
        ),
        (ErrorClass::Timeout, stable, 0, "`triggers` of chat"),
        (ErrorClass::Overloaded, None, 0, "is not one of them"),
    ] {
        let fate = &classes[&class];
        assert_eq!(fate.falls_back_to, route, "{class}");
        assert_eq!(fate.asked_again, again, "{class}");
        assert!(fate.rule.says.contains(rule), "{class}: {fate:?}");
    }
    let text = told.text();
    assert!(!text.contains("nothing in the configuration can"), "{text}");
    for line in [
        "rate-limited     asked again 2 times, then falls back to stable, told by header",
        "authentication   the caller gets it: an invalid request or a refused credential",
        "  name `overloaded` in `triggers`",
        "mode auto, by the configuration",
        "notice: given, \"a simpler model answers\"",
        "primary premium: circuit closed",
        "readiness: unverified",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn a_hold_is_told_with_who_and_why_and_its_end() {
    let catalog = fixture::catalog();
    let mut held = fixture::set(
        Change::Mode(Mode::Hold),
        "mira",
        Some(fixture::seconds(600)),
    );
    held.note = "quality \u{1b}[2Jis bad".to_owned();
    let overrides = fixture::overrides(vec![(OverrideKey::mode("chat".into()), held)]);
    let text = explained(&catalog, &overrides, &[beat(&[])], "chat").text();
    for line in [
        "mode hold, by mira since 14:27Z until 14:42Z, reason 5xx: quality \u{241b}[2Jis bad",
        "server-error     the caller gets it: the workload is on hold: primary only",
        "`backstop auto chat` arms it",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
