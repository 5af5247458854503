//! What an outage does, one named case each.

use std::collections::BTreeMap;

use super::{Drill, Fate, Ground, Outage, Sampled, drill};
use crate::{
    control::{
        Probed,
        fixture::{catalog, heartbeat, load, now, overrides, seconds, set, traffic},
        overview::overview,
    },
    model::{
        Capability, CapabilitySet, Catalog, Change, CircuitState, ErrorClass, Mode, NoticeGiven,
        OverrideKey, Overrides, Reason, Reviewed, RouteName,
    },
    policy::RequestFacts,
};

fn outage(catalog: &Catalog, names: &[&str], class: ErrorClass) -> Outage {
    Outage::named(catalog, names.iter().copied(), class).unwrap()
}

fn drilled(
    catalog: &Catalog,
    overrides: &Overrides,
    outage: Outage,
    needs: CapabilitySet,
) -> Drill {
    let beats = [heartbeat(
        vec![
            traffic("chat", 600, 0, 0, 0),
            traffic("batch", 5_700, 0, 0, 0),
        ],
        vec![load("stable", 60, 0, CircuitState::Closed)],
    )];
    let overview = overview(
        catalog,
        overrides,
        &beats,
        [],
        &Probed::default(),
        &Reviewed::default(),
        now(),
    );
    let samples = BTreeMap::from([(
        "chat".into(),
        vec![Sampled {
            id: "chat/special".into(),
            name: "special".to_owned(),
            facts: RequestFacts {
                needs,
                ..RequestFacts::default()
            },
        }],
    )]);
    drill(
        Ground {
            catalog,
            overrides,
            overview: &overview,
            samples: &samples,
            now: now(),
        },
        outage,
    )
}

fn fate(drill: &Drill, workload: &str) -> Fate {
    let of_it = |drilled: &&super::Drilled| drilled.workload.as_str() == workload;
    drill.workloads.iter().find(of_it).unwrap().fate.clone()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn the_policy_says_what_an_outage_does() {
    let switched = |mode| {
        overrides(vec![(
            OverrideKey::mode("chat".into()),
            set(Change::Mode(mode), "jo", Some(seconds(600))),
        )])
    };
    let refused = |reason: Reason| Fate::Refused {
        why: crate::policy::explain(&reason),
        reason,
    };
    let to_stable = Fate::FallsBack {
        to: "stable".into(),
        notice: NoticeGiven::Header,
    };
    let none = Overrides::default;
    for (case, overrides, down, class, workload, expected) in [
        (
            "the primary",
            none(),
            &["premium"][..],
            ErrorClass::ServerError,
            "chat",
            to_stable.clone(),
        ),
        (
            "another's primary",
            none(),
            &["premium"],
            ErrorClass::ServerError,
            "batch",
            Fate::Unaffected,
        ),
        (
            "nothing behind it",
            none(),
            &["large"],
            ErrorClass::ServerError,
            "code",
            refused(Reason::NoFallbackConfigured),
        ),
        (
            "a class that is no trigger",
            none(),
            &["premium"],
            ErrorClass::Overloaded,
            "chat",
            refused(Reason::NotListed),
        ),
        (
            "never a trigger",
            none(),
            &["premium"],
            ErrorClass::Authentication,
            "chat",
            refused(Reason::NeverTrigger),
        ),
        (
            "the fallback",
            none(),
            &["stable"],
            ErrorClass::ServerError,
            "chat",
            Fate::Unprotected {
                fallback: "stable".into(),
            },
        ),
        (
            "both routes",
            none(),
            &["premium", "stable"],
            ErrorClass::ServerError,
            "chat",
            Fate::Dark,
        ),
        (
            "their provider",
            none(),
            &["acme"],
            ErrorClass::ServerError,
            "chat",
            Fate::Dark,
        ),
        (
            "on hold",
            switched(Mode::Hold),
            &["premium"],
            ErrorClass::ServerError,
            "chat",
            refused(Reason::Held),
        ),
        (
            "forced away from it",
            switched(Mode::Force),
            &["premium"],
            ErrorClass::ServerError,
            "chat",
            Fate::Stays {
                on: "stable".into(),
                notice: NoticeGiven::Header,
            },
        ),
        (
            "forced into it",
            switched(Mode::Force),
            &["stable"],
            ErrorClass::ServerError,
            "chat",
            Fate::Dark,
        ),
        (
            "forced, elsewhere",
            switched(Mode::Force),
            &["cheap"],
            ErrorClass::ServerError,
            "chat",
            Fate::Unaffected,
        ),
    ] {
        let catalog = catalog();
        let drill = drilled(
            &catalog,
            &overrides,
            outage(&catalog, down, class),
            CapabilitySet::EMPTY,
        );
        assert_eq!(fate(&drill, workload), expected, "{case}");
    }
}

#[test]
fn what_moves_is_added_up_on_the_route_that_takes_it() {
    let catalog = catalog();
    let down = outage(&catalog, &["premium", "cheap"], ErrorClass::Timeout);
    let drill = drilled(&catalog, &Overrides::default(), down, CapabilitySet::EMPTY);
    let [target] = &drill.targets[..] else {
        panic!("{:?}", drill.targets);
    };
    // One of its own, ten of chat, ninety-five of batch; a hundred is what it may carry.
    assert_eq!(target.route.as_str(), "stable");
    assert!(
        (target.rps_after - 106.0).abs() < 1e-6,
        "{}",
        target.rps_after
    );
    assert!(target.overrun());
}

#[test]
fn a_sampled_request_that_the_fallback_cannot_serve_stands_out() {
    let catalog = catalog();
    let vision: CapabilitySet = [Capability::Vision].into_iter().collect();
    let down = || outage(&catalog, &["premium"], ErrorClass::Timeout);
    let drill = drilled(&catalog, &Overrides::default(), down(), vision);
    let chat = &drill.workloads[0];
    assert_eq!(
        chat.workload.as_str(),
        "chat",
        "what is not covered comes first"
    );
    assert!(!chat.covered());
    assert_eq!(
        chat.samples["special"],
        Fate::Refused {
            why: "the request needs vision, which the fallback lacks".to_owned(),
            reason: Reason::MissingCapability { missing: vision },
        }
    );
    // What fares like the rest is not repeated.
    let drill = drilled(
        &catalog,
        &Overrides::default(),
        down(),
        CapabilitySet::EMPTY,
    );
    assert_eq!(drill.uncovered().count(), 0);
    assert!(
        drill
            .workloads
            .iter()
            .all(|drilled| drilled.samples.is_empty())
    );
}

#[test]
fn one_home_for_both_routes_is_told() {
    let mut catalog = catalog();
    let told = |catalog: &Catalog, workload: &str| {
        let down = outage(catalog, &["premium"], ErrorClass::Timeout);
        let drill = drilled(catalog, &Overrides::default(), down, CapabilitySet::EMPTY);
        let of_it = drill
            .workloads
            .iter()
            .find(|drilled| drilled.workload.as_str() == workload);
        of_it.unwrap().single_homed.clone()
    };
    assert_eq!(
        told(&catalog, "code").as_deref(),
        Some("it has no fallback")
    );
    assert_eq!(
        told(&catalog, "chat").as_deref(),
        Some("both routes are at acme")
    );
    let stable = catalog.routes.get_mut(&RouteName::from("stable")).unwrap();
    stable.provider = "other".into();
    assert_eq!(
        told(&catalog, "chat").as_deref(),
        Some("both routes are on 127.0.0.1:1")
    );
    let stable = catalog.routes.get_mut(&RouteName::from("stable")).unwrap();
    stable.base_url = "http://127.0.0.1:2".to_owned();
    assert_eq!(told(&catalog, "chat"), None);
}

#[test]
fn an_unknown_name_gets_a_near_one() {
    let error = Outage::named(&catalog(), ["premum"], ErrorClass::Timeout).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no route or provider `premum`; did you mean `premium`?"
    );
}
