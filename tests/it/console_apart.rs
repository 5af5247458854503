//! A console whose store has gone away: it shows what was known, says from when that is, and changes nothing.

use std::time::Duration;

use backstop::{
    console::{effect::Effect, msg::Msg},
    control::{ControlError, Mode as Door, News},
    model::{AuditRecord, PlanId, Revision},
    store::{StoreError, Touch},
};
use crossterm::event::KeyCode;

use crate::console_stage::{Stage, force_plan, forced_record, heartbeat};

fn apart(stage: &Stage) -> News {
    News::Touch(Touch::Apart {
        since: stage.now,
        cause: "no server answers".to_owned(),
    })
}

#[test]
fn what_was_known_stays_on_screen_with_its_time() {
    for (width, height) in [(80, 24), (120, 40), (60, 15)] {
        let mut stage = Stage::incident(width, height, Door::Write);
        let before = stage.app.data.overview.clone().unwrap();
        let news = apart(&stage);
        let then = stage.now.strftime("AS OF %H:%M:%SZ").to_string();
        stage.news(news);
        stage.wait(Duration::from_secs(42));
        let text = stage.text();
        for wanted in [
            then.as_str(),
            "APART",
            "DATA 43s OLD",
            "apart from the store for 42s: no server answers",
        ] {
            assert!(
                text.contains(wanted),
                "{width}x{height} lacks {wanted}\n{text}"
            );
        }
        // Silence is not taken for the gateways' end.
        let after = stage.app.data.overview.as_ref().unwrap();
        assert_eq!(after.workloads, before.workloads);
        assert_eq!(after.alive().count(), before.alive().count());
        assert!(!text.contains("NO GATEWAY"), "{text}");
    }
}

#[test]
fn what_was_done_before_does_not_hide_that_nothing_is_of_now() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    let record = forced_record(stage.now);
    stage.send(Msg::Applied {
        plan: PlanId("8f31".to_owned()),
        result: Ok(Box::new(record)),
    });
    assert!(stage.text().contains("forced support-chat: committed"));
    stage.wait(Duration::from_secs(6));
    let news = apart(&stage);
    stage.news(news);
    stage.wait(Duration::from_secs(2));
    let text = stage.text();
    assert!(text.contains("apart from the store for 2s"), "{text}");
    assert!(text.contains("here: you, ?"), "{text}");
}

#[test]
fn back_in_touch_everything_is_of_now() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    let news = apart(&stage);
    stage.news(news);
    stage.wait(Duration::from_secs(42));
    stage.news(News::Touch(Touch::Current));
    let beat = heartbeat(stage.now, Revision(412));
    stage.news(News::Heartbeats(vec![beat]));
    stage.wait(Duration::from_secs(1));
    let text = stage.text();
    assert!(text.contains("in touch with the store again"), "{text}");
    assert!(!text.contains("APART") && !text.contains("AS OF"), "{text}");
}

#[test]
fn every_changing_verb_is_refused_before_a_plan_opens() {
    for (screen, keys) in [("1", "FHADz"), ("2", "X"), ("5", "u")] {
        for key in keys.chars() {
            let mut stage = Stage::incident(120, 40, Door::Write);
            let news = apart(&stage);
            stage.news(news);
            stage.keys(screen);
            let effects = stage.keys(&key.to_string());
            let planned = effects
                .iter()
                .any(|effect| matches!(effect, Effect::Plan { .. }));
            assert!(!planned, "{key}: {effects:?}");
            assert!(stage.app.overlays.is_empty(), "{key}");
            let text = stage.text();
            assert!(
                text.contains("apart from the store since") || key == 'u',
                "{key}\n{text}"
            );
        }
    }
}

#[test]
fn a_plan_that_is_open_says_that_it_cannot_be_applied_now() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    stage.keys("F");
    let plan = force_plan(stage.now);
    stage.planned(plan);
    let news = apart(&stage);
    stage.news(news);
    let text = stage.text();
    assert!(text.contains("apart from the store since"), "{text}");
    stage.news(News::Touch(Touch::Current));
    assert!(
        !stage.text().contains("apart from the store"),
        "{}",
        stage.text()
    );
}

/// A change was sent, and no answer came.
fn unanswered() -> (Stage, AuditRecord) {
    let mut stage = Stage::incident(80, 24, Door::Write);
    stage.keys("F");
    let plan = force_plan(stage.now);
    stage.planned(plan);
    stage.keys("1sup");
    stage.press(KeyCode::Enter);
    let mut record = forced_record(stage.now);
    record.plan = Some(PlanId("8f31".to_owned()));
    let effects = stage.send(Msg::Applied {
        plan: PlanId("8f31".to_owned()),
        result: Err(ControlError::Store(StoreError::Unknown {
            place: "nats://store".to_owned(),
            cause: "the leader went away".to_owned(),
        })),
    });
    let watches = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Watch(_)));
    assert!(!watches, "{effects:?}");
    (stage, record)
}

#[test]
fn a_change_without_an_answer_is_told_as_unknown_and_never_offered_again() {
    let (stage, _) = unanswered();
    assert!(stage.app.form().is_none());
    let text = stage.text();
    assert!(text.contains("UNKNOWN whether"), "{text}");
    assert!(!text.contains("NOT applied"), "{text}");
    assert!(stage.app.changes.is_empty());
}

#[test]
fn the_audit_tells_later_what_became_of_it() {
    let (mut stage, record) = unanswered();
    let mut other = record.clone();
    other.plan = Some(PlanId("0000".to_owned()));
    other.sequence = record.sequence + 1;
    stage.news(News::Audit(vec![other]));
    assert!(stage.app.unknown.is_some());
    let mut late = record;
    late.sequence += 2;
    let effects = stage.news(News::Audit(vec![late.clone()]));
    assert!(
        effects.contains(&Effect::Watch(late.revision)),
        "{effects:?}"
    );
    assert!(stage.app.unknown.is_none());
    let told =
        |message: &backstop::console::state::message::Message| message.text.contains("WAS applied");
    assert!(stage.app.messages.said().any(told), "{}", stage.text());
}
