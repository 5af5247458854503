//! Overrides that hold on some gateways only, on the screen: choosing the scope of a plan, and what home and detail
//! say of gateways that differ.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::{effect::Effect, msg::Msg},
    control::{ControlError, Mode as Door, News},
    model::{Change, Command, Heartbeat, Mode, OverrideKey, Overrides, Plan, Revision, Scope},
};
use crossterm::event::KeyCode;

use crate::console_stage::{Stage, force_plan, forced, forced_record, heartbeat};

/// Three gateways: two in `eu`, on one host each, and one in `us`.
fn fleet(stage: &mut Stage) {
    let now = stage.now;
    let gateway = |name: &str, host: &str, region: &str| Heartbeat {
        gateway: name.into(),
        host: host.to_owned(),
        region: Some(region.into()),
        ..heartbeat(now, Revision(412))
    };
    let beats = vec![
        gateway("g1", "ops-1", "eu"),
        gateway("g2", "ops-2", "eu"),
        gateway("g3", "ops-3", "us"),
    ];
    stage.news(News::Heartbeats(beats));
    stage.wait(Duration::from_secs(1));
}

fn asked(effects: &[Effect]) -> Vec<String> {
    let scope = |effect: &Effect| match effect {
        Effect::Plan { command, .. } => command.scope().map(ToString::to_string),
        _ => None,
    };
    effects.iter().filter_map(scope).collect()
}

/// The plan that is asked for, in the scope that is asked for.
fn answer(stage: &mut Stage) {
    let scope = stage.app.form().unwrap().scope().cloned().unwrap();
    let plan = force_plan(stage.now);
    let plan = Plan {
        key: plan.key.clone().within(scope),
        ..plan
    };
    stage.planned(plan);
}

fn refuse(stage: &mut Stage, what: &str) -> Vec<Effect> {
    let request = stage.app.form().unwrap().request;
    let what = what.to_owned();
    stage.send(Msg::Planned {
        request,
        result: Err(ControlError::Nothing { what }),
    })
}

#[test]
fn a_key_walks_through_the_places_that_there_are() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    fleet(&mut stage);
    assert_eq!(asked(&stage.keys("F")), ["all"]);
    answer(&mut stage);
    let text = stage.text();
    assert!(
        text.contains("where   on all gateways   @ in region eu"),
        "{text}"
    );
    // What was typed for one place is not typed for another.
    stage.keys("1sup");
    for scope in [
        "region:eu",
        "region:us",
        "host:ops-1",
        "host:ops-2",
        "host:ops-3",
        "all",
    ] {
        assert_eq!(asked(&stage.keys("@")), [scope]);
        assert_eq!(stage.app.form().unwrap().name.text(), "");
        answer(&mut stage);
        let place = scope.parse::<Scope>().unwrap().words();
        assert!(
            stage.text().contains(&format!("where   {place}")),
            "{place}"
        );
    }
}

#[test]
fn the_scope_is_part_of_the_title_and_of_the_command_line() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    fleet(&mut stage);
    stage.keys("F");
    answer(&mut stage);
    stage.keys("@");
    answer(&mut stage);
    let form = stage.app.form().unwrap();
    assert_eq!(form.title(), "force support-chat in region eu");
    assert_eq!(
        form.command_line(),
        "backstop force support-chat --for 30m --scope region:eu"
    );
    stage.keys("1sup");
    let effects = stage.press(KeyCode::Enter);
    let applied = effects.iter().any(|effect| {
        matches!(effect, Effect::Apply { plan, .. } if plan.key.scope == Scope::Region("eu".into()))
    });
    assert!(applied, "{effects:?}");
}

#[test]
fn a_place_where_it_is_so_already_is_passed_by() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    fleet(&mut stage);
    stage.keys("F");
    answer(&mut stage);
    assert_eq!(asked(&stage.keys("@")), ["region:eu"]);
    let effects = refuse(&mut stage, "`support-chat` is forced in region eu by jo");
    assert_eq!(asked(&effects), ["all"], "back to where it was");
    answer(&mut stage);
    assert!(stage.text().contains("is forced in region eu by jo"));
    assert_eq!(asked(&stage.keys("@")), ["region:us"], "and on from there");
}

#[test]
fn one_gateway_leaves_nothing_to_choose() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    stage.keys("F");
    answer(&mut stage);
    assert!(!stage.text().contains("where  "), "nothing to choose");
}

/// `support-chat` is forced in a scope.
fn forced_in(stage: &Stage, scope: &str) -> Overrides {
    let mut table = forced(stage.now, "jo", 413);
    let all = OverrideKey::mode("support-chat".into());
    let slot = table.slots.remove(&all).unwrap();
    let current = slot.current.as_ref().unwrap();
    assert_eq!(current.change, Change::Mode(Mode::Force));
    table.slots.insert(all.within(scope.parse().unwrap()), slot);
    table
}

#[test]
fn home_and_detail_say_where_gateways_differ() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::calm(width, height, Door::Write);
        let table = forced_in(&stage, "region:eu");
        stage.news(News::Overrides(Arc::new(table)));
        fleet_calm(&mut stage);
        let text = stage.text();
        assert!(
            text.contains("force on 2 of 3"),
            "{width}x{height}:\n{text}"
        );
        select(&mut stage, "support-chat");
        stage.press(KeyCode::Enter);
        let text = stage.text();
        assert!(text.contains("mixed: force on 2 of 3 gateways"), "{text}");
        assert!(text.contains("in region eu: force by jo"), "{text}");
    }
}

fn select(stage: &mut Stage, workload: &str) {
    stage.keys("g");
    for _ in 0..9 {
        if stage.app.home.list.selected().unwrap().as_str() == workload {
            return;
        }
        stage.keys("j");
    }
    panic!("{workload} is not there");
}

fn fleet_calm(stage: &mut Stage) {
    let now = stage.now;
    let gateway = |name: &str, host: &str, region: &str| Heartbeat {
        gateway: name.into(),
        host: host.to_owned(),
        region: Some(region.into()),
        ..crate::console_stage::calm_heartbeat(now)
    };
    let beats = vec![
        gateway("g1", "ops-1", "eu"),
        gateway("g2", "ops-2", "eu"),
        gateway("g3", "ops-3", "us"),
    ];
    stage.news(News::Heartbeats(beats));
    stage.wait(Duration::from_secs(1));
}

#[test]
fn back_to_auto_begins_where_the_override_is() {
    let mut stage = Stage::calm(80, 24, Door::Write);
    let table = forced_in(&stage, "region:eu");
    stage.news(News::Overrides(Arc::new(table)));
    fleet_calm(&mut stage);
    select(&mut stage, "support-chat");
    let effects = stage.keys("A");
    let command = effects.iter().find_map(|effect| match effect {
        Effect::Plan { command, .. } => Some(command),
        _ => None,
    });
    assert_eq!(
        command,
        Some(&Command::Mode {
            workload: "support-chat".into(),
            mode: Mode::Auto,
            lasting: None,
            scope: Scope::Region("eu".into()),
        })
    );
}

#[test]
fn marked_ones_follow_the_first_to_its_place() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    fleet(&mut stage);
    assert_eq!(asked(&stage.keys("  F")), ["all"]);
    answer(&mut stage);
    stage.keys("@");
    answer(&mut stage);
    stage.keys("1sup");
    stage.press(KeyCode::PageDown);
    let applied = stage.press(KeyCode::Enter);
    assert!(
        applied.iter().any(|it| matches!(it, Effect::Apply { .. })),
        "{}",
        stage.text()
    );
    let plan = stage.app.form().unwrap().plan().unwrap().id.clone();
    let mut record = forced_record(stage.now);
    record.key = record.key.within(Scope::Region("eu".into()));
    let effects = stage.send(Msg::Applied {
        plan,
        result: Ok(Box::new(record)),
    });
    assert_eq!(asked(&effects), ["region:eu"]);
}

#[test]
fn the_audit_keeps_the_place_when_it_cuts_the_name() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = Stage::calm(width, height, Door::Write);
        let mut record = forced_record(stage.now);
        record.key =
            OverrideKey::mode("batch-extraction".into()).within(Scope::Host("ops-1".into()));
        stage.news(News::Audit(vec![record]));
        stage.keys("5");
        let text = stage.text();
        assert!(text.contains("@ops-1 "), "{width}x{height}:\n{text}");
    }
}
