//! One word for each situation, by name.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Headroom, ReadinessFacts, readiness};
use crate::{
    model::{
        Asked, CheckResult, Mode, PayloadClass, ProbeFailure, ProbeRecord, ProbeResult, Readiness,
        ReviewId, Route, Rung, RungResult, Sample, Standing, Usage, Verdict, WorkloadReadiness,
    },
    policy::decide::{Case, case, open_circuit},
};

const FRESH: Duration = Duration::from_mins(15);

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

fn now() -> Timestamp {
    "2026-11-21T14:32:00Z".parse().unwrap()
}

fn sample(name: &str, class: PayloadClass) -> Sample {
    Sample {
        id: name.into(),
        class,
        path: "/nowhere.json".into(),
        digest: format!("digest of {name}"),
        stream: true,
        checks: Vec::new(),
    }
}

/// A workload with a sample for chat and one for pictures.
fn sampled() -> Case {
    case().with(|case| {
        case.workload.samples = vec![
            sample("chat/hello", PayloadClass::Chat),
            sample("chat/receipt", PayloadClass::Vision),
        ];
    })
}

fn probed(fallback: &Route, sample: &Sample, at: Timestamp) -> ProbeResult {
    ProbeResult {
        route: fallback.name.clone(),
        workload: "support-chat".into(),
        sample: sample.id.clone(),
        class: sample.class,
        asked: Asked::of(fallback, Some(sample)),
        at,
        stream: true,
        status: Some(200),
        headers: None,
        first_output: None,
        total: Duration::from_secs(1),
        usage: Usage::default(),
        cost: None,
        finish: None,
        model: None,
        checks: Vec::new(),
        failure: None,
        output: String::new(),
    }
}

fn rung(fallback: &Route, rung: Rung, verdict: Verdict, at: Timestamp) -> ProbeRecord {
    ProbeRecord::Rung(Box::new(RungResult {
        route: fallback.name.clone(),
        rung,
        asked: Asked::of(fallback, None),
        at,
        verdict,
        evidence: "as seen".to_owned(),
        class: None,
        sample: None,
        cost: None,
    }))
}

/// What is known besides the case.
#[derive(Clone, Debug)]
struct Known {
    records: Vec<ProbeRecord>,
    live: Option<Timestamp>,
    headroom: Option<Headroom>,
    review: Standing,
}

/// Both samples passed a minute ago.
fn good(case: &Case) -> Known {
    let fallback = case.fallback.as_ref().unwrap();
    Known {
        records: case
            .workload
            .samples
            .iter()
            .map(|sample| ProbeRecord::Sample(Box::new(probed(fallback, sample, ago(60)))))
            .collect(),
        live: None,
        headroom: None,
        review: Standing::NotRequired,
    }
}

fn judged(case: &Case, known: &Known) -> WorkloadReadiness {
    judged_at(case, known, now()).0
}

fn judged_at(case: &Case, known: &Known, now: Timestamp) -> (WorkloadReadiness, Timestamp) {
    readiness(&ReadinessFacts {
        situation: case.situation(),
        records: &known.records.iter().collect::<Vec<_>>(),
        live: known.live,
        headroom: known.headroom,
        review: &known.review,
        fresh: FRESH,
        now,
    })
}

#[test]
fn it_is_another_just_when_it_says_that_it_will_be() {
    let well = sampled();
    let known = good(&well);
    let (ready, next) = judged_at(&well, &known, now());
    let before = next - SignedDuration::from_nanos(1);
    assert_eq!(next, ago(60) + FRESH + Duration::from_nanos(1));
    assert_eq!(judged_at(&well, &known, before), (ready, next));
    let (old, never) = judged_at(&well, &known, next);
    assert_eq!((old.word, never), (Readiness::Stale, Timestamp::MAX));
}

fn bent(known: &Known, bend: impl FnOnce(&mut Known)) -> Known {
    let mut known = known.clone();
    bend(&mut known);
    known
}

/// Changes the newest result of the second sample.
fn second(known: &mut Known, bend: impl FnOnce(&mut ProbeResult)) {
    if let Some(ProbeRecord::Sample(result)) = known.records.get_mut(1) {
        bend(result);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table is the point")]
fn every_situation_has_its_word_and_its_reason() {
    use Readiness::{Blocked, NoneByPolicy, Ready, Stale, Unreviewed, Unverified};
    let well = sampled();
    let known = good(&well);
    let fallback = well.fallback.clone().unwrap();
    let with = |bend: fn(&mut Case)| well.clone().with(bend);
    let bare = case();
    for (name, case, known, word, reason) in vec![
        ("all is proven", well.clone(), known.clone(), Ready, None),
        (
            "no fallback",
            with(|case| case.fallback = None),
            known.clone(),
            NoneByPolicy,
            None,
        ),
        (
            "a sample was never sent",
            well.clone(),
            bent(&known, |known| {
                known.records.pop();
            }),
            Unverified,
            Some("chat/receipt was never probed on baseline"),
        ),
        (
            "the model was changed since",
            with(|case| case.fallback.as_mut().unwrap().model = "newer".to_owned()),
            known.clone(),
            Unverified,
            Some("chat/hello was probed before it or baseline changed"),
        ),
        (
            "one kind of payload is broken",
            well.clone(),
            bent(&known, |known| {
                second(known, |result| {
                    result.failure = Some(ProbeFailure {
                        class: crate::model::ErrorClass::InvalidRequest,
                        detail: "no images".to_owned(),
                    });
                });
            }),
            Blocked,
            Some("chat/receipt failed: invalid-request: no images"),
        ),
        (
            "an answer that is not good enough",
            well.clone(),
            bent(&known, |known| {
                second(known, |result| {
                    result.checks.push(CheckResult {
                        check: "contains \"42\"".to_owned(),
                        verdict: Verdict::Failed,
                        detail: "it does not".to_owned(),
                    });
                });
            }),
            Blocked,
            Some("chat/receipt failed: contains \"42\": it does not"),
        ),
        (
            "live traffic does not take a failed payload back",
            well.clone(),
            bent(&known, |known| {
                known.live = Some(ago(1));
                second(known, |result| {
                    result.failure = Some(ProbeFailure {
                        class: crate::model::ErrorClass::Timeout,
                        detail: "slow".to_owned(),
                    });
                });
            }),
            Blocked,
            Some("chat/receipt failed: timeout: slow"),
        ),
        (
            "proven too long ago",
            well.clone(),
            bent(&known, |known| second(known, |result| result.at = ago(901))),
            Stale,
            Some("the last probe of chat/receipt is too old"),
        ),
        (
            "live traffic keeps a proof fresh",
            well.clone(),
            bent(&known, |known| {
                known.live = Some(ago(5));
                second(known, |result| result.at = ago(901));
            }),
            Ready,
            None,
        ),
        (
            "a capability is missing",
            with(|case| {
                case.fallback.as_mut().unwrap().capabilities = std::iter::empty().collect();
            }),
            known.clone(),
            Blocked,
            Some("vision requests are refused: baseline has no vision"),
        ),
        (
            "the route as such fails",
            well.clone(),
            bent(&known, |known| {
                known
                    .records
                    .push(rung(&fallback, Rung::Minimal, Verdict::Failed, ago(10)));
            }),
            Blocked,
            Some("minimal: as seen"),
        ),
        (
            "the route failed before its traffic went well",
            well.clone(),
            bent(&known, |known| {
                known.live = Some(ago(5));
                known
                    .records
                    .push(rung(&fallback, Rung::Minimal, Verdict::Failed, ago(10)));
            }),
            Ready,
            None,
        ),
        (
            "odd errors do not block",
            well.clone(),
            bent(&known, |known| {
                known
                    .records
                    .push(rung(&fallback, Rung::Errors, Verdict::Failed, ago(10)));
            }),
            Ready,
            None,
        ),
        (
            "on hold",
            with(|case| case.switches.mode = Mode::Hold),
            known.clone(),
            Blocked,
            Some("the workload is on hold: nothing falls back"),
        ),
        (
            "drained",
            with(|case| case.switches.fallback_drained_by = Some("jo".to_owned())),
            known.clone(),
            Blocked,
            Some("the fallback route is drained"),
        ),
        (
            "paused",
            with(|case| case.fallback_circuit = open_circuit()),
            known.clone(),
            Blocked,
            Some("its circuit is open: it is paused because it failed"),
        ),
        (
            "no room",
            well.clone(),
            bent(&known, |known| {
                known.headroom = Some(Headroom {
                    needed: 31.0,
                    capacity: 20.0,
                });
            }),
            Blocked,
            Some("the traffic of support-chat does not fit into the 20 rps of baseline"),
        ),
        (
            "room enough",
            well.clone(),
            bent(&known, |known| {
                known.headroom = Some(Headroom {
                    needed: 19.0,
                    capacity: 20.0,
                });
            }),
            Ready,
            None,
        ),
        (
            "a review is missing",
            well.clone(),
            bent(&known, |known| known.review = Standing::Missing),
            Unreviewed,
            Some("nobody has reviewed its output, and the workload requires it"),
        ),
        (
            "a review is too old",
            well.clone(),
            bent(&known, |known| {
                known.review = Standing::Stale {
                    why: vec!["the review is of 2026-10-22 and holds 30 days".to_owned()],
                    review: ReviewId("R1".to_owned()),
                };
            }),
            Unreviewed,
            Some("its review is stale: the review is of 2026-10-22 and holds 30 days"),
        ),
        (
            "a review speaks against it",
            well.clone(),
            bent(&known, |known| {
                known.review = Standing::Failing {
                    why: vec!["needs 5 judged samples, has 3".to_owned()],
                    review: ReviewId("R1".to_owned()),
                };
            }),
            Unreviewed,
            Some("its review is failing: needs 5 judged samples, has 3"),
        ),
        (
            "a review that holds",
            well.clone(),
            bent(&known, |known| {
                known.review = Standing::Passing {
                    review: ReviewId("R1".to_owned()),
                    until: now(),
                };
            }),
            Ready,
            None,
        ),
        (
            "no samples and nothing known",
            bare.clone(),
            good(&bare),
            Unverified,
            Some("support-chat has no samples and baseline was never probed"),
        ),
        (
            "no samples, but its own traffic",
            bare.clone(),
            bent(&good(&bare), |known| known.live = Some(ago(5))),
            Ready,
            None,
        ),
        (
            "no samples, and a probe of long ago",
            bare.clone(),
            bent(&good(&bare), |known| {
                known
                    .records
                    .push(rung(&fallback, Rung::Minimal, Verdict::Passed, ago(901)));
            }),
            Stale,
            Some("the last proof of baseline is too old"),
        ),
    ] {
        let judged = judged(&case, &known);
        assert_eq!(judged.word, word, "{name}: {:?}", judged.reasons);
        let first = judged.reasons.first().map(|reason| reason.why.as_str());
        assert_eq!(first, reason, "{name}");
    }
}

#[test]
fn all_reasons_are_told_worst_first() {
    let case = sampled().with(|case| case.switches.mode = Mode::Hold);
    let known = bent(&good(&case), |known| {
        known.records.pop();
        known.review = Standing::Missing;
    });
    let words: Vec<Readiness> = judged(&case, &known)
        .reasons
        .iter()
        .map(|reason| reason.word)
        .collect();
    assert_eq!(
        words,
        [
            Readiness::Blocked,
            Readiness::Unverified,
            Readiness::Unreviewed
        ]
    );
}

#[test]
fn the_age_is_that_of_the_oldest_proof() {
    let case = sampled();
    let known = bent(&good(&case), |known| {
        second(known, |result| result.at = ago(600));
    });
    assert_eq!(judged(&case, &known).proven, Some(ago(600)));
}
