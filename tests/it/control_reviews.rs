//! Reviews through the door, and the gate that they open and shut.

use std::{sync::Arc, time::Duration};

use backstop::{
    control::{Consent, Control, ControlError, Mode, NewReview, News},
    model::{
        Answer, Basis, CalledTool, CheckVerdict, Judgement, Mode as WorkloadMode, PayloadClass,
        Place, Plan, ReviewMode, ReviewPolicy, ReviewedSample, RiskTier, Sample, Standing,
        WorkloadName,
    },
    store::ReviewQuery,
};

use crate::{
    console_probing::answered,
    control_project::{House, consent, mode, undo},
};

const NAME: &str = "support-chat";

fn name() -> WorkloadName {
    NAME.into()
}

/// A house in which `support-chat` has six samples and asks for a review of five.
async fn house(of: &str) -> House {
    let house = House::new(of).await;
    house.catalog.send_modify(|catalog| {
        let workloads = &mut Arc::make_mut(catalog).workloads;
        let workload = workloads.get_mut(&name()).unwrap();
        workload.review = ReviewPolicy::usual(true);
        workload.samples = (0..6)
            .map(|number| Sample {
                id: format!("{NAME}/{number}").as_str().into(),
                class: PayloadClass::Chat,
                path: "/nowhere.json".into(),
                digest: format!("digest-{number}"),
                stream: true,
                checks: Vec::new(),
            })
            .collect();
    });
    house.beat(0, |_| {}).await;
    house
}

fn basis(house: &House) -> Basis {
    let catalog = house.catalog.borrow();
    Basis::now(&catalog, &catalog.workloads[NAME]).unwrap()
}

fn answer(house: &House, text: &str) -> Answer {
    Answer {
        result: answered("stable-chat", NAME, house.clock.now()),
        text: text.to_owned(),
        refusal: None,
        tools: Vec::new(),
        vectors: Vec::new(),
        clipped: false,
    }
}

/// A review whose samples are judged like this, one after the other.
fn review(house: &House, judgements: &[Option<Judgement>]) -> NewReview {
    let samples = judgements.iter().enumerate();
    NewReview {
        workload: name(),
        basis: basis(house),
        mode: ReviewMode::Blind,
        seed: 7,
        samples: samples
            .map(|(number, judgement)| ReviewedSample {
                sample: format!("{NAME}/{number}").as_str().into(),
                class: PayloadClass::Chat,
                primary: answer(house, "Good morning"),
                fallback: answer(house, "Hi"),
                side_a: Place::Primary,
                judgement: *judgement,
                note: "  fine\u{1b}[2J ".to_owned(),
            })
            .collect(),
        note: String::new(),
    }
}

async fn force(door: &Control) -> Plan {
    let command = mode(NAME, WorkloadMode::Force);
    door.plan(command, false).await.unwrap()
}

fn failed(plan: &Plan) -> Vec<&str> {
    let failed = |check: &&backstop::model::Check| check.verdict == CheckVerdict::Fail;
    let failed = plan.checks.iter().filter(failed);
    failed.map(|check| check.why.as_str()).collect()
}

fn glass(plan: &Plan) -> Consent {
    Consent {
        note: "users are stuck, it is the lesser evil".to_owned(),
        break_glass: true,
        ..consent(plan)
    }
}

async fn standing(door: &Control) -> Standing {
    let overview = door.overview().await.unwrap();
    overview.workload(&name()).unwrap().review.clone()
}

const SAME: Option<Judgement> = Some(Judgement::Same);
const WORSE: Option<Judgement> = Some(Judgement::PrimaryBetter);
const UNSAFE: Option<Judgement> = Some(Judgement::FallbackUnsafe);

#[tokio::test]
async fn without_a_review_forcing_is_refused_and_glass_leaves_a_mark_and_a_debt() {
    let house = house("gate-glass").await;
    let door = house.door("jo", Mode::Write);
    let plan = force(&door).await;
    assert_eq!(
        failed(&plan),
        ["stable-chat: nobody has reviewed its output"]
    );
    assert_eq!(plan.tier, RiskTier::BreakGlass);
    let owed = "a review of support-chat is owed from then on, until it is done";
    assert!(plan.effects.iter().any(|line| line == owed), "{plan:?}");
    let refused = door.apply(&plan, consent(&plan)).await.unwrap_err();
    assert!(matches!(refused, ControlError::Consent { .. }), "{refused}");
    assert_eq!(door.reviewed().borrow().debts, []);

    let record = door.apply(&plan, glass(&plan)).await.unwrap();
    let overview = door.overview().await.unwrap();
    let status = overview.workload(&name()).unwrap();
    assert!(status.break_glass);
    let debt = status.debt.clone().unwrap();
    assert_eq!(
        (debt.sequence, debt.by.user.as_str()),
        (record.sequence, "jo")
    );
    assert_eq!(debt.note, record.note);

    // The way back is open, and what is owed stays owed when the override is gone, however long.
    let back = door.plan(undo(), false).await.unwrap();
    assert_eq!(failed(&back), Vec::<&str>::new());
    assert_eq!(back.tier, RiskTier::Confirm);
    door.apply(&back, consent(&back)).await.unwrap();
    house.clock.advance(Duration::from_hours(24 * 365));
    let overview = door.overview().await.unwrap();
    let status = overview.workload(&name()).unwrap();
    assert!(!status.break_glass);
    assert_eq!(status.debt, Some(debt));
}

#[tokio::test]
async fn a_passing_review_opens_the_gate_until_it_is_too_old() {
    let house = house("gate-open").await;
    let door = house.door("jo", Mode::Write);
    let new = review(&house, &[SAME, SAME, WORSE, SAME, SAME, None]);
    let head = door.record_review(new).await.unwrap();
    assert_eq!(head.actor.user, "jo");
    assert_eq!(head.at, house.clock.now());
    assert_eq!((head.tally.judged, head.tally.same_or_better), (5, 4));
    assert!(standing(&door).await.is_open());
    let plan = force(&door).await;
    assert_eq!(failed(&plan), Vec::<&str>::new());
    assert_eq!(plan.tier, RiskTier::Typed);
    let kept = door.review(head.id.clone()).await.unwrap();
    assert_eq!(kept.head, head);
    assert_eq!(kept.samples[0].note, "fine\u{241b}[2J");

    house.clock.advance(Duration::from_hours(30 * 24));
    house.beat(0, |_| {}).await;
    let too_old = force(&door).await;
    assert_eq!(
        failed(&too_old),
        ["stable-chat: the review is of 2026-11-21 and holds 30 days"]
    );
    // A plan that was made while it was open goes through the gate again when it is applied.
    let late = Plan {
        valid_until: house.clock.now() + Duration::from_mins(1),
        expires: too_old.expires,
        ..plan
    };
    let refused = door.apply(&late, consent(&late)).await.unwrap_err();
    assert!(matches!(refused, ControlError::Stale { .. }), "{refused}");
}

#[tokio::test]
async fn a_debt_is_paid_by_a_complete_review_of_what_is_configured() {
    let house = house("gate-debt").await;
    let door = house.door("jo", Mode::Write);
    let before = basis(&house);
    let plan = force(&door).await;
    door.apply(&plan, glass(&plan)).await.unwrap();
    let owed = || door.reviewed().borrow().debts.len();
    assert_eq!(owed(), 1);

    let few = review(&house, &[SAME, SAME, None, None, None, None]);
    door.record_review(few).await.unwrap();
    assert_eq!(owed(), 1, "two of five are no review");
    assert_eq!(
        standing(&door).await.missing(),
        ["needs 5 judged samples, has 2"]
    );

    // The route has changed while somebody compared: the review is kept, and is of something else.
    house.catalog.send_modify(|catalog| {
        let routes = &mut Arc::make_mut(catalog).routes;
        routes.get_mut("stable-chat").unwrap().model = "stable-2".to_owned();
    });
    house.clock.advance(Duration::from_secs(1));
    let of_before = NewReview {
        basis: before,
        ..review(&house, &[SAME; 6])
    };
    door.record_review(of_before).await.unwrap();
    assert_eq!(owed(), 1);
    assert_eq!(
        standing(&door).await.missing(),
        ["the model of stable-chat changed from stable-1 to stable-2"]
    );

    // One that fails has been done all the same: it is not owed any more, and keeps the gate shut.
    house.clock.advance(Duration::from_secs(1));
    let poor = review(&house, &[SAME, UNSAFE, WORSE, WORSE, SAME, SAME]);
    let head = door.record_review(poor).await.unwrap();
    assert_eq!(head.vetoed, ["support-chat/1".into()]);
    assert_eq!(owed(), 0);
    assert_eq!(
        standing(&door).await.missing(),
        [
            "the fallback's answer to support-chat/1 was judged unsafe",
            "same or better on 50 % of 6 samples, needs 80 %"
        ]
    );
    // It is told, and what is in use is left alone.
    let overview = door.overview().await.unwrap();
    let status = overview.workload(&name()).unwrap();
    assert_eq!(status.mode, WorkloadMode::Force);
    assert_eq!(status.alarms.len(), 1);
    let list = door.reviews(ReviewQuery::default()).await.unwrap();
    assert_eq!(list.len(), 3);
    assert_eq!(list[0].id, head.id);
}

#[tokio::test]
async fn what_is_no_review_is_not_recorded() {
    let house = house("gate-bad").await;
    let door = house.door("jo", Mode::Write);
    let good = || review(&house, &[SAME, None]);
    let mut strange = good();
    strange.samples[1].sample = "batch/1".into();
    let mut twice = good();
    twice.samples[1].sample = twice.samples[0].sample.clone();
    for (case, new, why) in [
        (
            "another's sample",
            strange,
            "batch/1 was not among what was compared",
        ),
        ("a sample twice", twice, "support-chat/0 is in it twice"),
        (
            "nothing judged",
            review(&house, &[None, None]),
            "no sample is judged; judge at least one",
        ),
        (
            "nothing at all",
            review(&house, &[]),
            "no sample is judged; judge at least one",
        ),
    ] {
        let refused = door.record_review(new).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("the review is not recorded: {why}"),
            "{case}"
        );
    }
    let observer = house.door("mira", Mode::Observe);
    let refused = observer.record_review(good()).await.unwrap_err();
    assert!(matches!(refused, ControlError::Observe), "{refused}");
    assert_eq!(door.reviews(ReviewQuery::default()).await.unwrap(), []);
    let unknown = door.review(backstop::model::ReviewId("x".to_owned())).await;
    assert!(matches!(unknown, Err(ControlError::NoReview(_))));
}

#[tokio::test]
async fn long_answers_are_cut_and_say_so() {
    let house = house("gate-long").await;
    let door = house.door("jo", Mode::Write);
    let mut new = review(&house, &[SAME; 6]);
    let wide = "\u{4e2d}";
    new.samples[0].primary.text = wide.repeat(Answer::TEXT_LIMIT + 1);
    new.samples[1].primary.text = wide.repeat(100);
    new.samples[2].fallback.tools = vec![CalledTool {
        name: "lookup".to_owned(),
        arguments: "x".repeat(Answer::ARGUMENTS_LIMIT + 1),
    }];
    let head = door.record_review(new.clone()).await.unwrap();
    let kept = door.review(head.id).await.unwrap();
    let letters = |answer: &Answer| answer.text.chars().count();
    assert_eq!(letters(&kept.samples[0].primary), Answer::TEXT_LIMIT);
    assert!(kept.samples[0].primary.clipped);
    assert_eq!(letters(&kept.samples[1].primary), 100);
    assert!(!kept.samples[1].primary.clipped);
    let tool = &kept.samples[2].fallback.tools[0];
    assert_eq!(tool.arguments.len(), Answer::ARGUMENTS_LIMIT);
    assert!(kept.samples[2].fallback.clipped);

    // All of them at their most are more than a review may be: the longest are cut, the short ones stay.
    for sample in &mut new.samples {
        sample.primary.text = wide.repeat(Answer::TEXT_LIMIT);
        sample.fallback.text = wide.repeat(Answer::TEXT_LIMIT);
    }
    new.samples[5].fallback.text = "short".to_owned();
    let head = door.record_review(new).await.unwrap();
    let kept = door.review(head.id).await.unwrap();
    let bytes: usize = kept
        .samples
        .iter()
        .map(|sample| sample.primary.text.len() + sample.fallback.text.len())
        .sum();
    assert!(bytes <= 8 << 20, "{bytes}");
    assert!(kept.samples[0].primary.clipped);
    assert_eq!(kept.samples[5].fallback.text, "short");
    assert!(!kept.samples[5].fallback.clipped);
}

#[tokio::test]
async fn reviews_and_debts_are_news() {
    let house = house("gate-news").await;
    let door = house.door("jo", Mode::Write);
    let mut news = house.door("mira", Mode::Observe).follow(0);
    let mut told = async || {
        let next = async {
            loop {
                if let News::Reviews(reviewed) = news.recv().await.unwrap() {
                    return reviewed;
                }
            }
        };
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, next).await.unwrap()
    };
    assert_eq!(told().await.heads, []);
    let plan = force(&door).await;
    door.apply(&plan, glass(&plan)).await.unwrap();
    assert_eq!(told().await.debts[0].workload, name());
    let head = door
        .record_review(review(&house, &[SAME; 6]))
        .await
        .unwrap();
    let last = told().await;
    assert_eq!(last.heads, [head]);
    assert_eq!(last.debts, []);
}
