//! The feed of news: what it sends, that it conflates, and that it ends.

use std::time::Duration;

use backstop::{
    control::{Mode, News},
    model::{Change, Entry, EventDecision, Mode as WorkloadMode, OverrideKey},
};
use tokio::{sync::mpsc::Receiver, time::timeout};

use crate::control_project::{House, actor, consent, decision, mode, outcome};

const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for the first news that `pick` takes.
async fn wait_for<T>(news: &mut Receiver<News>, pick: impl Fn(News) -> Option<T>) -> T {
    timeout(DEADLINE, async {
        loop {
            let next = news
                .recv()
                .await
                .unwrap_or_else(|| panic!("the feed ended"));
            if let Some(found) = pick(next) {
                return found;
            }
        }
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn everything_is_told_at_first_and_then_what_changes() {
    let house = House::new("follow").await;
    house.beat(0, |_| {}).await;
    let door = house.door("jo", Mode::Write);
    let mut news = door.follow(100);
    let mut first = Vec::new();
    let kinds = [
        "catalog",
        "refused",
        "overrides",
        "reviews",
        "health",
        "touch",
        "heartbeats",
        "presences",
        "probes",
        "audit",
    ];
    while first.len() < kinds.len() {
        let kind = wait_for(&mut news, |news| Some(kind(&news))).await;
        if kind != "entries" {
            first.push(kind);
        }
    }
    assert_eq!(first, kinds);

    let plan = door
        .plan(mode("support-chat", WorkloadMode::Force), false)
        .await
        .unwrap();
    let record = door.apply(&plan, consent(&plan)).await.unwrap();
    let key = OverrideKey::mode("support-chat".into());
    let change = wait_for(&mut news, |news| match news {
        News::Overrides(table) => table.active(&key, house.clock.now()).map(|it| it.change),
        _ => None,
    })
    .await;
    assert_eq!(change, Change::Mode(WorkloadMode::Force));
    let audit = wait_for(&mut news, |news| match news {
        News::Audit(records) => Some(records),
        _ => None,
    })
    .await;
    assert_eq!(audit, [record]);

    house.beat(1, |_| {}).await;
    let beats = wait_for(&mut news, |news| match news {
        News::Heartbeats(beats) => Some(beats),
        _ => None,
    })
    .await;
    assert_eq!(beats[0].revision.0, 1);

    house
        .refused
        .send_replace(Some("line 3 is wrong".to_owned()));
    let refused = wait_for(&mut news, |news| match news {
        News::Refused(why) => why,
        _ => None,
    })
    .await;
    assert_eq!(refused, "line 3 is wrong");

    let presence = backstop::model::Presence {
        session: "s1".to_owned(),
        actor: actor("mira"),
        since: house.clock.now(),
        at: house.clock.now(),
        viewing: Some("support-chat".into()),
        plan: None,
        plan_since: None,
        plan_taken: None,
        claim: None,
        process: None,
    };
    house.store.put_presence(presence.clone()).await.unwrap();
    let presences = wait_for(&mut news, |news| match news {
        News::Presences(all) if !all.is_empty() => Some(all),
        _ => None,
    })
    .await;
    assert_eq!(presences, [presence]);
}

#[tokio::test]
async fn entries_begin_with_the_backlog_and_come_once_each() {
    let house = House::new("follow-entries").await;
    let now = house.clock.now();
    let write = async |entry| {
        let place = house.store.reserve().unwrap();
        place.append(entry).durable().await.unwrap()
    };
    let event = |number| decision(number, "support-chat", EventDecision::Fallback, now);
    for number in 0..5 {
        write(Entry::Decision(Box::new(event(number)))).await;
    }
    write(Entry::Outcome(outcome(&event(4)))).await;
    let mut news = house.door("jo", Mode::Observe).follow(2);
    let mut seen = Vec::new();
    let mut until = async |count: usize| {
        while seen.len() < count {
            let entries = wait_for(&mut news, |news| match news {
                News::Entries(entries) => Some(entries),
                _ => None,
            })
            .await;
            seen.extend(entries);
        }
        seen.clone()
    };
    let told: Vec<Entry> = until(3).await.into_iter().map(|(_, entry)| entry).collect();
    let expected = [
        Entry::Decision(Box::new(event(3))),
        Entry::Decision(Box::new(event(4))),
        Entry::Outcome(outcome(&event(4))),
    ];
    assert_eq!(told, expected, "the newest two, with their outcomes");

    // More than one page, while the follower is not listening.
    let mut last = backstop::model::Seq::default();
    for number in 5..1205 {
        last = write(Entry::Decision(Box::new(event(number)))).await;
    }
    let told = until(1203).await;
    assert_eq!(told.len(), 1203);
    assert!(
        told.is_sorted_by(|left, right| left.0 < right.0),
        "each once, in order"
    );
    assert_eq!(told.last().map(|(seq, _)| *seq), Some(last));
}

#[tokio::test]
async fn a_follower_that_does_not_listen_holds_nobody_up_and_misses_nothing_in_the_end() {
    let house = House::new("follow-slow").await;
    let door = house.door("jo", Mode::Write);
    let mut news = door.follow(0);
    // Far more changes than the feed has room for.
    for _ in 0..60 {
        for wanted in [WorkloadMode::Force, WorkloadMode::Auto] {
            let plan = door
                .plan(mode("support-chat", wanted), false)
                .await
                .unwrap();
            door.apply(&plan, consent(&plan)).await.unwrap();
        }
    }
    let newest = house.store.overrides().borrow().revision;
    assert_eq!(newest.0, 120);
    let (mut tables, mut audited) = (0, 0);
    timeout(DEADLINE, async {
        let mut last = 0;
        while last < newest.0 || audited < 120 {
            match news.recv().await.unwrap() {
                News::Overrides(table) => {
                    tables += 1;
                    last = table.revision.0;
                }
                News::Audit(records) => {
                    for record in records {
                        audited += 1;
                        assert_eq!(record.sequence, audited, "each once, in order");
                    }
                }
                _ => {}
            }
        }
    })
    .await
    .unwrap();
    assert!(tables < 60, "{tables} tables for 120 changes");
}

#[tokio::test]
async fn the_feed_ends_when_nobody_listens() {
    let house = House::new("follow-end").await;
    let catalogs = house.catalog.receiver_count();
    let door = house.door("jo", Mode::Observe);
    let mut news = door.follow(0);
    wait_for(&mut news, |news| (kind(&news) == "audit").then_some(())).await;
    drop((door, news));
    timeout(DEADLINE, async {
        while house.catalog.receiver_count() > catalogs {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

fn kind(news: &News) -> &'static str {
    match news {
        News::Catalog(_) => "catalog",
        News::Refused(_) => "refused",
        News::Overrides(_) => "overrides",
        News::Entries(_) => "entries",
        News::Heartbeats(_) => "heartbeats",
        News::Presences(_) => "presences",
        News::Audit(_) => "audit",
        News::Health(_) => "health",
        News::Touch(_) => "touch",
        News::Probes(_) => "probes",
        News::Reviews(_) => "reviews",
    }
}
