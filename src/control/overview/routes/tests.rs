//! What probes say of routes and workloads in the overview.

use std::time::Duration;

use crate::{
    control::{
        Overview, Probed,
        fixture::{catalog, heartbeat, now, seconds},
        overview::overview,
    },
    model::{
        Asked, Budget, Catalog, ErrorClass, Overrides, PayloadClass, ProbeFailure, ProbeRecord,
        ProbeResult, Readiness, Reviewed, Route, Rung, RungResult, Sample, Spent, Usage, Verdict,
    },
};

pub(in crate::control::overview) fn sample() -> Sample {
    Sample {
        id: "chat/hello".into(),
        class: PayloadClass::Chat,
        path: "/nowhere.json".into(),
        digest: "d1".to_owned(),
        stream: true,
        checks: Vec::new(),
    }
}

fn sampled() -> Catalog {
    let mut catalog = catalog();
    let chat = catalog.workloads.get_mut("chat").unwrap();
    chat.samples = vec![sample()];
    catalog
}

pub(in crate::control::overview) fn answered(route: &Route, failure: Option<&str>) -> ProbeRecord {
    ProbeRecord::Sample(Box::new(ProbeResult {
        route: route.name.clone(),
        workload: "chat".into(),
        sample: sample().id,
        class: PayloadClass::Chat,
        asked: Asked::of(route, Some(&sample())),
        at: seconds(-30),
        stream: true,
        status: Some(200),
        headers: None,
        first_output: Some(Duration::from_millis(420)),
        total: Duration::from_secs(1),
        usage: Usage::default(),
        cost: None,
        finish: None,
        model: None,
        checks: Vec::new(),
        failure: failure.map(|detail| ProbeFailure {
            class: ErrorClass::ServerError,
            detail: detail.to_owned(),
        }),
        output: String::new(),
    }))
}

pub(in crate::control::overview) fn rung(
    route: &Route,
    rung: Rung,
    verdict: Verdict,
    at: i64,
) -> ProbeRecord {
    ProbeRecord::Rung(Box::new(RungResult {
        route: route.name.clone(),
        rung,
        asked: Asked::of(route, None),
        at: seconds(at),
        verdict,
        evidence: "as seen".to_owned(),
        class: None,
        sample: None,
        cost: None,
    }))
}

fn seen(catalog: &Catalog, probed: &Probed) -> Overview {
    let heartbeats = [heartbeat(Vec::new(), Vec::new())];
    let none = Overrides::default();
    overview(
        catalog,
        &none,
        &heartbeats,
        [],
        probed,
        &Reviewed::default(),
        now(),
    )
}

#[test]
fn a_workload_has_the_readiness_that_its_fallbacks_probes_give() {
    let catalog = sampled();
    let stable = &catalog.routes["stable"];
    for (case, records, word, reasons) in [
        ("never probed", vec![], Readiness::Unverified, 1),
        (
            "answered",
            vec![answered(stable, None)],
            Readiness::Ready,
            0,
        ),
        (
            "failed",
            vec![answered(stable, Some("no pictures"))],
            Readiness::Blocked,
            1,
        ),
    ] {
        let seen = seen(&catalog, &Probed::new(records, &[]));
        let of = |name: &str| seen.workload(&name.into()).unwrap().readiness.clone();
        assert_eq!(of("chat").word, word, "{case}");
        assert_eq!(of("chat").reasons.len(), reasons, "{case}");
        assert_eq!(of("code").word, Readiness::NoneByPolicy, "{case}");
    }
}

#[test]
fn a_route_shows_its_ladder_its_samples_and_what_they_say_together() {
    let catalog = sampled();
    let stable = &catalog.routes["stable"];
    let before = Route {
        model: "another".to_owned(),
        ..stable.clone()
    };
    let probed = Probed::new(
        [
            answered(stable, Some("no pictures")),
            rung(stable, Rung::Minimal, Verdict::Passed, -20),
            rung(stable, Rung::Key, Verdict::Passed, -21),
            // Of a model that is not configured any more.
            rung(&before, Rung::Streaming, Verdict::Failed, -10),
        ],
        &[],
    );
    let seen = seen(&catalog, &probed);
    let status = seen.route(&"stable".into()).unwrap();
    let ladder: Vec<String> = (status.ladder.iter())
        .map(|tried| tried.subject.to_string())
        .collect();
    assert_eq!(ladder, ["rung:key", "rung:minimal"]);
    assert_eq!(
        status.samples[0].first_output,
        Some(Duration::from_millis(420))
    );
    let together = status.probed.clone().unwrap();
    assert_eq!(
        (together.verdict, together.at),
        (Verdict::Failed, seconds(-20))
    );
    assert_eq!(
        together.why.unwrap(),
        "chat/hello: server-error: no pictures"
    );
    // `large` is used by a workload without samples and was never probed.
    let large = seen.route(&"large".into()).unwrap();
    assert_eq!((&large.probed, large.ladder.len()), (&None, 0));
}

#[test]
fn spending_stands_beside_what_may_be_spent() {
    let mut catalog = sampled();
    let of_stable = Budget {
        requests_per_hour: Some(3),
        cost_per_day: None,
    };
    catalog.probing.routes.insert("stable".into(), of_stable);
    let hour = Spent::hour_of(now());
    let spent = |route: &str, hour, requests, cost| Spent {
        route: route.into(),
        hour,
        requests,
        cost,
    };
    let probed = Probed::new(
        [],
        &[
            spent("stable", hour, 3, 0.25),
            spent("stable", hour - 5, 40, 0.25),
            spent("premium", hour, 2, 0.5),
        ],
    );
    let seen = seen(&catalog, &probed);
    let of = |name: &str| seen.route(&name.into()).unwrap().spending;
    let stable = of("stable");
    assert_eq!((stable.requests, stable.requests_per_hour), (3, Some(3)));
    assert!((stable.cost - 0.5).abs() < 1e-9, "{}", stable.cost);
    assert!(stable.spent);
    assert!(!of("premium").spent);
    assert_eq!(seen.spent_budgets, ["stable".into()]);
    assert_eq!(
        (seen.spending.requests, seen.spending.requests_per_hour),
        (5, Some(600))
    );
    assert!(seen.spending.spent, "a currency unit a day is the default");
}
