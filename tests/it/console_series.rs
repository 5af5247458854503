//! Marked rows: what is done to all of them at once, and what one after the other.

use std::collections::BTreeSet;

use backstop::{
    console::{app::Overlay, effect::Effect, msg::Msg, state::message::Level},
    control::{ControlError, Mode as Door},
    model::{Command, OverrideKey, Plan, PlanId, ReasonCode},
};
use crossterm::event::KeyCode;

use crate::console_stage::{Stage, auto_plan, force_plan, forced_record};

fn stage() -> Stage {
    Stage::incident(80, 24, Door::Write)
}

/// The names of the workloads for which plans were asked.
fn asked(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Plan {
                command: Command::Mode { workload, .. },
                ..
            } => Some(workload.to_string()),
            _ => None,
        })
        .collect()
}

fn plan_of(stage: &Stage, name: &str) -> Plan {
    Plan {
        id: PlanId(format!("plan-{name}")),
        key: OverrideKey::mode(name.into()),
        ..force_plan(stage.now)
    }
}

/// Gives the plan on screen what it needs, applies it, and answers what came of that.
fn apply(stage: &mut Stage, name: &str, reason: &str) -> Vec<Effect> {
    let plan = plan_of(stage, name);
    stage.planned(plan.clone());
    stage.keys(reason);
    stage.keys(name.get(..3).unwrap());
    stage.press(KeyCode::PageDown);
    let effects = stage.press(KeyCode::Enter);
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Apply { .. })),
        "{name}: {}",
        stage.text()
    );
    let mut record = forced_record(stage.now);
    record.key = OverrideKey::mode(name.into());
    stage.send(Msg::Applied {
        plan: plan.id,
        result: Ok(Box::new(record)),
    })
}

fn last_said(stage: &Stage) -> (Level, String) {
    let last = stage
        .app
        .messages
        .said()
        .next()
        .expect("something was said");
    (last.level, last.text.clone())
}

#[test]
fn a_verb_on_marks_is_a_plan_for_each_one_after_the_other() {
    let mut stage = stage();
    let effects = stage.keys("  F");
    assert_eq!(asked(&effects), ["support-chat"]);
    assert_eq!(stage.app.form().unwrap().place, Some((1, 2)));
    assert!(stage.text().contains("PLAN 1 of 2"), "{}", stage.text());
    let effects = apply(&mut stage, "support-chat", "2");
    assert_eq!(
        asked(&effects),
        ["batch-extraction"],
        "after the first was applied"
    );
    let form = stage.app.form().unwrap();
    assert_eq!(form.reason, Some(ReasonCode::Timeout), "it is given once");
    assert!(form.name.is_empty(), "the name is typed for each");
    apply(&mut stage, "batch-extraction", "");
    assert!(stage.app.form().is_none());
    assert!(stage.app.series.is_none());
    let (level, text) = last_said(&stage);
    assert_eq!(
        text,
        "force: 2 of 2 applied (support-chat, batch-extraction)"
    );
    assert_eq!(level, Level::Done);
    assert_eq!(stage.app.marked(), (0, 0));
}

#[test]
fn leaving_a_plan_ends_the_series_and_what_is_left_stays_marked() {
    let mut stage = stage();
    stage.keys("  F");
    apply(&mut stage, "support-chat", "1");
    stage.press(KeyCode::Esc);
    assert!(stage.app.form().is_none() && stage.app.series.is_none());
    let (level, text) = last_said(&stage);
    assert_eq!(
        text,
        "force: 1 of 2 applied (support-chat); left as they are: batch-extraction"
    );
    assert_eq!(level, Level::Warning);
    assert_eq!(stage.app.marked_workloads(), ["batch-extraction".into()]);
}

#[test]
fn what_is_refused_is_passed_over_and_told_at_the_end() {
    let mut stage = stage();
    // The last one has no fallback by policy; the first is refused by the door.
    stage.keys(" G ");
    let effects = stage.keys("F");
    assert_eq!(asked(&effects), ["support-chat"]);
    let request = stage.app.form().unwrap().request;
    stage.send(Msg::Planned {
        request,
        result: Err(ControlError::Nothing {
            what: "it is forced already".to_owned(),
        }),
    });
    assert!(stage.app.form().is_none());
    let (_, text) = last_said(&stage);
    assert!(
        text.starts_with("force: 0 of 2 applied; support-chat not: "),
        "{text}"
    );
    assert!(
        text.contains("code-assistant not: no fallback by policy"),
        "{text}"
    );
}

#[test]
fn a_key_that_confirms_one_plan_does_not_confirm_the_next() {
    let mut stage = stage();
    stage.keys("j  A");
    let first = auto_plan(stage.now);
    stage.planned(first.clone());
    stage.press(KeyCode::Char('y'));
    stage.send(Msg::Applied {
        plan: first.id,
        result: Ok(Box::new(forced_record(stage.now))),
    });
    if stage.app.form().is_some() {
        let mut second = auto_plan(stage.now);
        second.id = PlanId("other".to_owned());
        stage.planned(second);
        let effects = stage.press(KeyCode::Char('y'));
        assert!(
            !effects
                .iter()
                .any(|effect| matches!(effect, Effect::Apply { .. })),
            "it was not looked at yet"
        );
    }
}

#[test]
fn marks_are_copied_saved_and_probed_together() {
    let mut stage = stage();
    let effects = stage.keys("  y");
    let copied = effects.iter().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.expect("copied");
    assert_eq!(copied.lines().count(), 2, "{copied}");
    let effects = stage.keys("S");
    let saved = effects.iter().find_map(|effect| match effect {
        Effect::Save { json, name, .. } => Some((name.clone(), json.clone())),
        _ => None,
    });
    let (name, json) = saved.expect("saved");
    assert_eq!(name, "workloads-marked");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json.as_array().map(Vec::len), Some(2));
    stage.keys("r");
    let Some(Overlay::Probe(probing)) = stage.app.overlays.last() else {
        panic!("a probe is open: {}", stage.text());
    };
    let routes: BTreeSet<String> = probing
        .answers
        .iter()
        .map(|answer| answer.question.route.to_string())
        .collect();
    assert!(routes.len() >= 3, "{routes:?}");
    assert!(stage.text().contains("2 marked"), "{}", stage.text());
}

#[test]
fn a_broken_key_file_locks_nobody_out_and_says_what_is_wrong_until_it_is_read() {
    let mut stage = stage();
    stage.send(Msg::KeysRefused(vec![
        "keys.toml:2:9: error[clash]: `F` is `force` and `hold` in workloads".to_owned(),
    ]));
    stage.wait(std::time::Duration::from_mins(10));
    let text = stage.text();
    assert!(text.contains("keys.toml:2:9"), "{text}");
    assert!(stage.app.messages.is_error());
    let effects = stage.keys("F");
    assert_eq!(
        asked(&effects),
        ["support-chat"],
        "the keys of the table hold"
    );
}

#[test]
fn the_last_words_tell_what_is_wrong_and_are_printed_only_when_asked_for() {
    let mut stage = stage();
    let effects = stage.keys("Q");
    let [.., Effect::Farewell(text), Effect::Quit] = &effects[..] else {
        panic!("{effects:?}");
    };
    assert!(text.starts_with("prod/eu-1 WRITE  x1 failing"), "{text}");
    assert!(text.contains("support-chat x failing"), "{text}");
    assert!(
        !text.contains("code-assistant"),
        "what is well is not told: {text}"
    );
    assert_eq!(
        Stage::incident(80, 24, Door::Write).keys("q"),
        [Effect::Quit]
    );
}

#[test]
fn what_is_wrong_has_room_beside_marks_and_a_filter() {
    let mut stage = stage();
    stage.keys("/!xyz !uvw");
    stage.press(KeyCode::Enter);
    stage.keys("  v");
    stage.wait(std::time::Duration::from_mins(2));
    let title = |stage: &Stage| stage.text().lines().nth(1).unwrap().to_owned();
    assert!(title(&stage).contains("(range) "), "{}", title(&stage));
    assert!(title(&stage).ends_with("OLD"), "{}", title(&stage));
    stage.keys("/ and a filter that is longer than the whole line is");
    stage.press(KeyCode::Enter);
    assert!(title(&stage).contains("~ NO GATEWAY"), "{}", title(&stage));
    assert!(title(&stage).ends_with("OLD"), "{}", title(&stage));
}

#[test]
fn other_columns_are_shown_where_they_do_not_fit_beside_the_usual_ones() {
    for (screen, usual, other) in [("4", "WHY", "BEFORE"), ("5", "WHY", "BEFORE -> AFTER")] {
        let mut stage = stage();
        stage.keys(screen);
        let head = |stage: &Stage| stage.text().lines().nth(3).unwrap().to_owned();
        assert!(head(&stage).contains(usual));
        stage.keys("W");
        assert!(head(&stage).contains(other), "{}", head(&stage));
        stage.keys("W");
        assert!(head(&stage).contains(usual));
    }
}
