//! What every backend promises of reviews and debts, run against each as in `store_contract`.

use std::{slice::from_ref, time::Duration};

use backstop::{
    clock::Clock,
    model::{
        Answer, Basis, ComparedRoute, ComparedSample, Debt, Judgement, PayloadClass, Place,
        Retention, Review, ReviewHead, ReviewId, ReviewMode, Reviewed, ReviewedSample, Revision,
        Tally,
    },
    store::{Access, ReviewQuery, Store, StoreError},
};
use jiff::Timestamp;

use crate::{
    console_probing::answered,
    store_contract::contract,
    store_pair::{Pair, Setup},
    store_samples::{FORCE, actor, change, mode_key, start},
};

/// Long enough that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

contract!(
    a_review_is_seen_by_both_and_comes_back_whole,
    reviews_are_listed_newest_first_in_pages,
    the_newest_sixteen_of_each_workload_are_followed,
    a_debt_comes_with_its_override_and_goes_with_a_review,
    a_conflict_leaves_no_debt,
    retention_takes_outputs_and_leaves_the_newest,
    an_observer_reads_reviews_and_records_none,
);

fn route(name: &str) -> ComparedRoute {
    ComparedRoute {
        route: name.into(),
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        model: format!("model-of-{name}"),
    }
}

fn answer(text: &str, at: Timestamp) -> Answer {
    Answer {
        result: answered("premium", "chat/hello", at),
        text: text.to_owned(),
        refusal: None,
        tools: Vec::new(),
        vectors: Vec::new(),
        clipped: false,
    }
}

pub(crate) fn review(workload: &str, at: Timestamp, random: u128) -> Review {
    let samples = vec![ReviewedSample {
        sample: "chat/hello".into(),
        class: PayloadClass::Chat,
        primary: answer("Good morning, how can I help?", at),
        fallback: answer("Hi! \u{4e2d}\u{6587}", at),
        side_a: Place::Fallback,
        judgement: Some(Judgement::Same),
        note: "both fine".to_owned(),
    }];
    Review {
        head: ReviewHead {
            id: ReviewId::new(at, random),
            workload: workload.into(),
            at,
            actor: actor("ana"),
            mode: ReviewMode::Blind,
            basis: Basis {
                primary: route("premium"),
                fallback: route("stable"),
                samples: vec![ComparedSample {
                    sample: "chat/hello".into(),
                    digest: "0123456789ab".to_owned(),
                    checks: vec!["no refusal".to_owned()],
                }],
            },
            tally: Tally::of(&samples),
            vetoed: Vec::new(),
            note: "quick look".to_owned(),
        },
        seed: 42,
        samples,
        stripped: false,
    }
}

fn later(seconds: u64) -> Timestamp {
    start() + Duration::from_secs(seconds)
}

async fn until(store: &Store, what: impl Fn(&Reviewed) -> bool) -> Reviewed {
    let mut followed = store.reviewed();
    let seen = followed.wait_for(|reviewed| what(reviewed));
    let seen = tokio::time::timeout(PATIENCE, seen).await.unwrap().unwrap();
    seen.as_ref().clone()
}

async fn a_review_is_seen_by_both_and_comes_back_whole(pair: Pair) {
    let made = review("support-chat", start(), 1);
    pair.first.put_review(made.clone(), true).await.unwrap();
    // Whoever wrote it sees it at once.
    assert_eq!(*pair.first.reviewed().borrow().heads, *from_ref(&made.head));
    let seen = until(&pair.second, |reviewed| !reviewed.heads.is_empty()).await;
    assert_eq!(*seen.heads, *from_ref(&made.head));
    let found = pair.second.review(made.head.id.clone()).await.unwrap();
    assert_eq!(found.as_ref(), Some(&made));
    let other = ReviewId::new(start(), 2);
    assert_eq!(pair.second.review(other).await.unwrap(), None);
    // A name is given once.
    let again = pair.second.put_review(made.clone(), true).await;
    assert!(matches!(again, Err(StoreError::Failed { .. })), "{again:?}");
    // Whoever comes later knows it from the first.
    let third = Store::open(pair.place.clone(), Access::Write, pair.clock.clone())
        .await
        .unwrap();
    assert_eq!(third.reviewed().borrow().heads, [made.head]);
}

async fn reviews_are_listed_newest_first_in_pages(pair: Pair) {
    let mut made = Vec::new();
    for number in 0..6_u64 {
        let workload = if number % 2 == 0 { "chat" } else { "batch" };
        let review = review(workload, later(number), u128::from(number));
        made.insert(0, review.head.clone());
        pair.first.put_review(review, false).await.unwrap();
    }
    let list = async |query: ReviewQuery| pair.second.reviews(query).await.unwrap();
    assert_eq!(list(ReviewQuery::default()).await, made);
    let page = ReviewQuery {
        limit: 2,
        before: Some(made[1].id.clone()),
        ..ReviewQuery::default()
    };
    assert_eq!(list(page).await, made[2..4]);
    let of_one = ReviewQuery {
        workload: Some("batch".into()),
        ..ReviewQuery::default()
    };
    let batch: Vec<_> = made.iter().step_by(2).cloned().collect();
    assert_eq!(list(of_one.clone()).await, batch);
    let page = ReviewQuery {
        limit: 1,
        before: Some(batch[0].id.clone()),
        ..of_one
    };
    assert_eq!(list(page).await, batch[1..2]);
    let nobody = ReviewQuery {
        workload: Some("nobody".into()),
        ..ReviewQuery::default()
    };
    assert_eq!(list(nobody).await, []);
}

async fn the_newest_sixteen_of_each_workload_are_followed(pair: Pair) {
    for number in 0..20 {
        let review = review("chat", later(number), u128::from(number));
        pair.first.put_review(review, false).await.unwrap();
    }
    let lonely = review("batch", start(), 99);
    pair.first.put_review(lonely.clone(), false).await.unwrap();
    let seen = until(&pair.second, |reviewed| reviewed.heads.len() == 17).await;
    assert_eq!(seen.heads[0], lonely.head);
    let moments: Vec<_> = seen.of(&"chat".into()).map(|head| head.at).collect();
    let wanted: Vec<_> = (4..20).rev().map(later).collect();
    assert_eq!(moments, wanted);
}

async fn a_debt_comes_with_its_override_and_goes_with_a_review(pair: Pair) {
    let key = mode_key("support-chat");
    let mut request = change(&key, Revision(0), FORCE, "ana", later(10), None);
    request.owes = vec!["support-chat".into(), "batch".into()];
    let record = pair.first.change(request).await.unwrap();
    let seen = until(&pair.second, |reviewed| reviewed.debts.len() == 2).await;
    let debt = |workload: &str| Debt {
        workload: workload.into(),
        since: later(10),
        by: actor("ana"),
        note: record.note.clone(),
        sequence: record.sequence,
    };
    assert_eq!(seen.debts, [debt("batch"), debt("support-chat")]);

    // What is owed already stays owed since then.
    let mut request = change(&key, Revision(1), None, "ben", later(20), None);
    request.owes = vec!["support-chat".into()];
    pair.second.change(request).await.unwrap();
    assert_eq!(pair.second.reviewed().borrow().debts, seen.debts);

    // Neither time, nor a review made before, nor one that is not complete pays.
    pair.clock.advance(Duration::from_hours(24 * 365));
    let settle = async |review: Review, settles: bool| {
        pair.second.put_review(review, settles).await.unwrap();
        pair.second.reviewed().borrow().debts.clone()
    };
    let before = review("support-chat", later(9), 1);
    assert_eq!(settle(before, true).await, seen.debts);
    let part = review("support-chat", later(30), 2);
    assert_eq!(settle(part, false).await, seen.debts);
    let whole = review("support-chat", later(31), 3);
    assert_eq!(settle(whole, true).await, [debt("batch")]);
    until(&pair.first, |reviewed| reviewed.debts.len() == 1).await;
}

async fn a_conflict_leaves_no_debt(pair: Pair) {
    let key = mode_key("support-chat");
    let mut request = change(&key, Revision(7), FORCE, "ana", start(), None);
    request.owes = vec!["support-chat".into()];
    assert!(pair.first.change(request).await.is_err());
    assert_eq!(pair.first.reviewed().borrow().debts, []);
}

async fn retention_takes_outputs_and_leaves_the_newest(pair: Pair) {
    for number in 0..20 {
        let review = review("chat", later(number), u128::from(number));
        pair.first.put_review(review, false).await.unwrap();
    }
    let lonely = review("batch", start(), 99);
    pair.first.put_review(lonely.clone(), false).await.unwrap();
    let keep = |outputs: u64, heads: u64| Retention {
        events: Duration::from_hours(1),
        audit: Duration::from_secs(heads),
        reviews: Duration::from_secs(outputs),
    };
    pair.clock.advance(Duration::from_secs(100));
    // Older than 90 s at second 100: those of the seconds 0 to 9.
    pair.retain(keep(90, 1000)).await;
    let all = pair.second.reviews(ReviewQuery::default()).await.unwrap();
    assert_eq!(all.len(), 21);
    for head in all {
        let found = pair.first.review(head.id.clone()).await.unwrap().unwrap();
        let stripped = head.workload.as_str() == "chat" && head.at < later(10);
        assert_eq!(found.stripped, stripped, "{head:?}");
        assert_eq!(found.head, head);
        let sample = &found.samples[0];
        assert_eq!(sample.primary.text.is_empty(), stripped);
        // What people said outlives it.
        assert_eq!(sample.judgement, Some(Judgement::Same));
        assert_eq!(sample.note, "both fine");
    }
    // Heads go later, and never those that are followed.
    pair.retain(keep(0, 0)).await;
    let all = pair.first.reviews(ReviewQuery::default()).await.unwrap();
    assert_eq!(all.len(), 17);
    let newest = pair.first.review(ReviewId::new(later(19), 19)).await;
    assert!(!newest.unwrap().unwrap().stripped);
    let gone = pair.first.review(ReviewId::new(later(0), 0)).await;
    assert_eq!(gone.unwrap(), None);
    let only = pair.first.review(lonely.head.id.clone()).await.unwrap();
    assert_eq!(only, Some(lonely));
}

async fn an_observer_reads_reviews_and_records_none(pair: Pair) {
    let made = review("chat", start(), 1);
    pair.first.put_review(made.clone(), true).await.unwrap();
    let observer = Store::open(pair.place.clone(), Access::Observe, pair.clock.clone())
        .await
        .unwrap();
    assert_eq!(*observer.reviewed().borrow().heads, *from_ref(&made.head));
    let found = observer.review(made.head.id.clone()).await.unwrap();
    assert_eq!(found, Some(made.clone()));
    let refused = observer.put_review(review("chat", start(), 2), true).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    let second = review("chat", later(1), 3);
    pair.second.put_review(second, true).await.unwrap();
    until(&observer, |reviewed| reviewed.heads.len() == 2).await;
}

#[tokio::test]
async fn reviews_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("state").display());
    let store = Store::open(&url, Access::Write, Clock::system())
        .await
        .unwrap();
    store
        .put_review(review("chat", start(), 1), true)
        .await
        .unwrap();
    store.close().await.unwrap();
    let mut files = 0;
    for entry in std::fs::read_dir(directory.path().join("state")).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
        files += 1;
    }
    assert!(files > 0);
}
