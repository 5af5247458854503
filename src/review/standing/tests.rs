use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{Actor, ComparedSample, ReviewId, ReviewMode, Tally};

fn now() -> Timestamp {
    "2026-11-21T14:32:00Z".parse().unwrap()
}

fn ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(days * 24)
}

fn policy() -> ReviewPolicy {
    ReviewPolicy::usual(true)
}

fn compared(route: &str) -> ComparedRoute {
    ComparedRoute {
        route: route.into(),
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        model: format!("model-of-{route}"),
    }
}

fn basis() -> Basis {
    let sample = |name: &str| ComparedSample {
        sample: name.into(),
        digest: format!("digest-of-{name}"),
        checks: vec!["no refusal".to_owned()],
    };
    Basis {
        primary: compared("premium"),
        fallback: compared("stable"),
        samples: ["chat/a", "chat/b"].map(sample).to_vec(),
    }
}

fn tally(judged: usize, same_or_better: usize, vetoes: usize) -> Tally {
    Tally {
        compared: 8,
        judged,
        same_or_better,
        vetoes,
    }
}

fn head(name: &str, at: Timestamp, tally: Tally) -> ReviewHead {
    ReviewHead {
        id: ReviewId(name.to_owned()),
        workload: "chat".into(),
        at,
        actor: Actor {
            user: "jo".to_owned(),
            declared: None,
            host: "ops1".to_owned(),
            from: None,
            via: "console".to_owned(),
        },
        mode: ReviewMode::Blind,
        basis: basis(),
        tally,
        vetoed: Vec::new(),
        note: String::new(),
    }
}

fn judge(policy: &ReviewPolicy, heads: &[ReviewHead], at: Timestamp) -> Standing {
    standing(policy, &heads.iter().collect::<Vec<_>>(), &basis(), at)
}

fn other(mut head: ReviewHead) -> ReviewHead {
    head.basis.fallback.model = "older".to_owned();
    head
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table is the point")]
fn every_case_has_its_standing_and_its_words() {
    let good = || head("good", ago(1), tally(8, 7, 0));
    let vetoed = |name: &str, days| {
        let mut head = head(name, ago(days), tally(2, 1, 1));
        head.vetoed = vec!["chat/b".into()];
        head
    };
    let lax = ReviewPolicy {
        required: false,
        ..policy()
    };
    for (case, policy, heads, word, review, words) in [
        ("not asked for", lax, vec![], "not required", "", vec![]),
        (
            "not asked for, and failing",
            lax,
            vec![vetoed("bad", 0)],
            "not required",
            "",
            vec![],
        ),
        (
            "never",
            policy(),
            vec![],
            "missing",
            "",
            vec!["nobody has reviewed its output"],
        ),
        ("good", policy(), vec![good()], "passing", "good", vec![]),
        (
            "too few",
            policy(),
            vec![head("few", ago(1), tally(3, 3, 0))],
            "failing",
            "few",
            vec!["needs 5 judged samples, has 3"],
        ),
        (
            "too few, behind them a good one",
            policy(),
            vec![head("few", ago(0), tally(3, 1, 0)), good()],
            "passing",
            "good",
            vec![],
        ),
        (
            "too few, with a veto, behind them a good one",
            policy(),
            vec![vetoed("bad", 0), good()],
            "failing",
            "bad",
            vec![
                "the fallback's answer to chat/b was judged unsafe",
                "needs 5 judged samples, has 2",
                "same or better on 50 % of 2 samples, needs 80 %",
            ],
        ),
        (
            "a good one after a veto",
            policy(),
            vec![good(), vetoed("bad", 2)],
            "passing",
            "good",
            vec![],
        ),
        (
            "not good enough",
            policy(),
            vec![head("poor", ago(1), tally(5, 3, 0)), good()],
            "failing",
            "poor",
            vec!["same or better on 60 % of 5 samples, needs 80 %"],
        ),
        (
            "just good enough",
            policy(),
            vec![head("just", ago(1), tally(5, 4, 0))],
            "passing",
            "just",
            vec![],
        ),
        (
            "a hair below, which would round up",
            policy(),
            vec![head("hair", ago(1), tally(999, 799, 0))],
            "failing",
            "hair",
            vec!["same or better on 79 % of 999 samples, needs 80 %"],
        ),
        (
            "a veto beside only good ones",
            policy(),
            vec![head("veto", ago(1), tally(8, 8, 1))],
            "failing",
            "veto",
            vec!["the fallback was judged unsafe"],
        ),
        (
            "old",
            policy(),
            vec![head("old", ago(30), tally(8, 8, 0))],
            "stale",
            "old",
            vec!["the review is of 2026-10-22 and holds 30 days"],
        ),
        (
            "old and bad is bad",
            policy(),
            vec![head("bad", ago(99), tally(8, 1, 0))],
            "failing",
            "bad",
            vec!["same or better on 12 % of 8 samples, needs 80 %"],
        ),
        (
            "of another model",
            policy(),
            vec![other(good())],
            "stale",
            "good",
            vec!["the model of stable changed from older to model-of-stable"],
        ),
        (
            "of another model, behind it one of this",
            policy(),
            vec![other(vetoed("other", 0)), good()],
            "passing",
            "good",
            vec![],
        ),
    ] {
        let found = judge(&policy, &heads, now());
        assert_eq!(found.as_str(), word, "{case}: {found:?}");
        let name = found.review().map_or("", |id| id.0.as_str());
        assert_eq!(name, review, "{case}");
        assert_eq!(found.missing(), words, "{case}");
        assert_eq!(found.is_open(), found.missing().is_empty(), "{case}");
    }
}

#[test]
fn every_change_of_what_was_compared_has_its_words() {
    type Bend = fn(&mut Basis);
    let cases: [(Bend, &str); 9] = [
        (
            |it| it.primary = compared("cheap"),
            "the primary changed from premium to cheap",
        ),
        (
            |it| it.fallback = compared("cheap"),
            "the fallback changed from stable to cheap",
        ),
        (
            |it| it.primary.model = "m\u{1b}[2J".to_owned(),
            "the model of premium changed from model-of-premium to m\u{241b}[2J",
        ),
        (
            |it| it.fallback.base_url = "http://127.0.0.1:2/v1".to_owned(),
            "the address of stable has changed",
        ),
        (
            |it| it.samples[1].digest = "new".to_owned(),
            "chat/b has changed",
        ),
        (
            |it| it.samples[0].checks.push("contains \"x\"".to_owned()),
            "what is expected of chat/a has changed",
        ),
        (
            |it| it.samples[0].sample = "chat/c".into(),
            "chat/c is a new sample",
        ),
        (
            |it| drop(it.samples.pop()),
            "chat/b is not a sample any more",
        ),
        (|it| it.samples.clear(), "chat/a is not a sample any more"),
    ];
    for (bend, words) in cases {
        let mut changed = basis();
        bend(&mut changed);
        let found = changes(&basis(), &changed);
        assert_eq!(found.first().map(String::as_str), Some(words));
    }
    let mut turned = basis();
    turned.samples.reverse();
    assert_eq!(changes(&basis(), &turned), Vec::<String>::new());
}

#[test]
fn how_long_one_holds_is_told_in_fitting_units() {
    for (age, words) in [
        (Duration::from_hours(24), "1 day"),
        (Duration::from_hours(48), "2 days"),
        (Duration::from_hours(36), "36 h"),
        (Duration::from_secs(90), "90 s"),
    ] {
        let policy = ReviewPolicy {
            max_age: age,
            ..policy()
        };
        assert_eq!(days(&policy), words);
    }
}

fn any_policy() -> impl Strategy<Value = ReviewPolicy> {
    (0_u64..100, 1_usize..10, 0_u8..=100).prop_map(|(days, min_samples, at_least)| ReviewPolicy {
        required: true,
        max_age: Duration::from_hours(days * 24),
        min_samples,
        at_least,
    })
}

fn any_head() -> impl Strategy<Value = ReviewHead> {
    (
        0_i64..100,
        0_usize..12,
        0_usize..12,
        0_usize..3,
        any::<bool>(),
    )
        .prop_map(|(days, judged, same, vetoes, elsewhere)| {
            let vetoes = vetoes.min(judged);
            let tally = tally(judged, same.min(judged - vetoes), vetoes);
            let head = head(&format!("of {days} days ago"), ago(days), tally);
            if elsewhere { other(head) } else { head }
        })
}

fn any_heads() -> impl Strategy<Value = Vec<ReviewHead>> {
    prop::collection::vec(any_head(), 0..6).prop_map(|mut heads| {
        heads.sort_by_key(|head| std::cmp::Reverse(head.at));
        heads
    })
}

proptest! {
    /// The newest word on a basis is a veto: nothing behind it opens the gate.
    #[test]
    fn a_veto_never_passes(policy in any_policy(), mut heads in any_heads(), judged in 1_usize..12) {
        heads.insert(0, head("veto", now(), tally(judged, judged - 1, 1)));
        prop_assert!(!judge(&policy, &heads, now()).is_open());
    }

    /// A review that passes keeps what the policy demands, whatever else there is.
    #[test]
    fn what_passes_meets_the_policy(policy in any_policy(), heads in any_heads()) {
        if let Standing::Passing { review, until } = judge(&policy, &heads, now()) {
            let head = heads.iter().find(|head| head.id == review && head.basis == basis()).unwrap();
            prop_assert!(head.tally.vetoes == 0);
            prop_assert!(head.tally.judged >= policy.min_samples);
            prop_assert!(head.tally.same_or_better * 100 >= head.tally.judged * usize::from(policy.at_least));
            prop_assert!(until > now());
        }
    }

    /// Whatever part of what was compared is another now, nothing passes.
    #[test]
    fn a_change_of_any_part_shuts_the_gate(policy in any_policy(), heads in any_heads(), part in 0..8) {
        let mut changed = basis();
        match part {
            0 => changed.primary.route = "x".into(),
            1 => changed.primary.model.push('x'),
            2 => changed.primary.base_url.push('x'),
            3 => changed.fallback.route = "x".into(),
            4 => changed.fallback.model.push('x'),
            5 => changed.fallback.base_url.push('x'),
            6 => changed.samples[0].digest.push('x'),
            _ => changed.samples[1].checks.push("x".to_owned()),
        }
        let heads: Vec<&ReviewHead> = heads.iter().filter(|head| head.basis == basis()).collect();
        let found = standing(&policy, &heads, &changed, now());
        prop_assert!(!found.is_open());
    }

    /// Waiting never opens the gate.
    #[test]
    fn time_opens_nothing(policy in any_policy(), heads in any_heads(), wait in 0_i64..200) {
        let later = now() + SignedDuration::from_hours(wait * 24);
        let (before, after) = (judge(&policy, &heads, now()), judge(&policy, &heads, later));
        prop_assert!(before.is_open() || !after.is_open());
    }
}
