//! The gateways screen: a fleet of which some run something else, some are behind, and some are not heard.

use std::time::Duration;

use backstop::{
    console::{app::Screen, effect::Effect, msg::Msg},
    control::{Applying, Mode as Door, News, OnGateway, Progress},
    model::{Heartbeat, OverrideKey, PlanId, Presence, ReasonCode, Revision, Verb},
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console_stage::{Stage, actor, force_plan, forced, forced_record, heartbeat, presence};

/// One gateway of the fleet.
fn member(
    stage: &Stage,
    name: &str,
    revision: u64,
    bend: impl FnOnce(&mut Heartbeat),
) -> Heartbeat {
    let mut beat = Heartbeat {
        gateway: format!("{name}-81-19a6").as_str().into(),
        host: name.to_owned(),
        region: Some("eu-west".into()),
        ..heartbeat(stage.now, Revision(revision))
    };
    bend(&mut beat);
    beat
}

/// Four gateways: as it should be, another configuration, behind and apart, silent.
pub(crate) fn fleet(stage: &mut Stage) {
    let long_ago = stage.now - Duration::from_secs(95);
    let beats = vec![
        member(stage, "ops-1", 412, |_| {}),
        member(stage, "ops-2", 412, |beat| {
            "0badc0ffee00".clone_into(&mut beat.fingerprint);
            beat.region = Some("eu-east".into());
            for traffic in &mut beat.workloads {
                traffic.requests /= 2;
            }
        }),
        member(stage, "ops-3", 410, |beat| {
            beat.apart_since = Some(long_ago);
            beat.partings = 2;
        }),
        member(stage, "ops-4", 412, |beat| beat.at = long_ago),
    ];
    stage.news(News::Heartbeats(beats));
    stage.wait(Duration::from_secs(1));
    stage.keys("6");
}

fn shown(width: u16, height: u16) -> Stage {
    let mut stage = Stage::incident(width, height, Door::Write);
    fleet(&mut stage);
    assert_eq!(stage.app.screen, Screen::Gateways);
    stage
}

/// The row of a gateway in the list.
fn row(stage: &Stage, name: &str) -> String {
    let text = stage.text();
    let in_list = |line: &&str| line.get(5..).is_some_and(|rest| rest.starts_with(name));
    let row = text.lines().find(in_list);
    row.unwrap_or_else(|| panic!("no {name}\n{text}"))
        .to_owned()
}

#[test]
fn every_gateway_tells_what_it_has_applied_and_knows() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let stage = shown(width, height);
        let text = stage.text();
        for (name, wanted) in [
            ("ops-1-81", &["+", "alive", "412"][..]),
            ("ops-2-81", &["!", "alive", "!0badc0ff"]),
            ("ops-3-81", &["!", "apart", "410 -1", "1m"]),
            ("ops-4-81", &["?", "silent"]),
        ] {
            let row = row(&stage, name);
            for part in wanted {
                assert!(row.contains(part), "{name} lacks {part}: {row}\n{text}");
            }
        }
        assert!(text.contains("Gateways 4/4"), "{text}");
        assert!(
            text.contains("1 of 3 gateways run another configuration"),
            "{text}"
        );
        assert!(text.contains("gateways 2/3 at rev 412, 1 SILENT"), "{text}");
    }
}

#[test]
fn the_worst_comes_first_and_the_list_is_filtered_and_sorted_as_others_are() {
    let mut stage = shown(120, 40);
    let order = |stage: &Stage| -> Vec<String> {
        let keys = stage.app.gateways.keys.iter();
        keys.map(|name| name.as_str().chars().take(5).collect())
            .collect()
    };
    assert_eq!(order(&stage), ["ops-4", "ops-3", "ops-2", "ops-1"]);
    stage.keys("o");
    assert_eq!(order(&stage), ["ops-1", "ops-2", "ops-3", "ops-4"]);
    stage.keys("O");
    assert_eq!(order(&stage), ["ops-4", "ops-3", "ops-2", "ops-1"]);
    for (filter, wanted) in [
        ("config:another", &["ops-2"][..]),
        ("state:silent", &["ops-4"]),
        ("region:eu-west", &["ops-4", "ops-3", "ops-1"]),
        ("!state:alive", &["ops-4", "ops-3"]),
    ] {
        stage.keys(&format!("/{filter}"));
        stage.press(KeyCode::Enter);
        // Typing took a while: they are heard of again.
        fleet(&mut stage);
        assert_eq!(order(&stage), wanted, "{filter}\n{}", stage.text());
        stage.press(KeyCode::Esc);
    }
    // Its events are one key away.
    stage.keys("g");
    stage.press(KeyCode::Enter);
    assert_eq!(stage.app.screen, Screen::Events);
    assert!(
        stage.text().contains("gateway:ops-4-81-19a6"),
        "{}",
        stage.text()
    );
}

#[test]
fn other_columns_tell_where_they_run() {
    let mut stage = shown(80, 24);
    assert!(!row(&stage, "ops-1-81").contains("eu-west"));
    stage.keys("W");
    assert!(
        row(&stage, "ops-1-81").contains("eu-west"),
        "{}",
        stage.text()
    );
}

#[test]
fn a_change_is_followed_gateway_by_gateway() {
    let mut stage = Stage::incident(120, 40, Door::Write);
    stage.keys("F");
    let plan = force_plan(stage.now);
    stage.planned(plan);
    stage.keys("1sup");
    stage.press(KeyCode::Enter);
    let record = forced_record(stage.now);
    stage.send(Msg::Applied {
        plan: PlanId("8f31".to_owned()),
        result: Ok(Box::new(record)),
    });
    let since = stage.now;
    let one = |name: &str, applying| OnGateway {
        gateway: format!("{name}-81-19a6").as_str().into(),
        host: name.to_owned(),
        applying,
    };
    stage.send(Msg::Progress {
        revision: Revision(413),
        result: Ok(Progress {
            applied: 1,
            gateways: 2,
            elapsed: Duration::from_millis(20),
            each: vec![
                one("ops-1", Applying::Applied { after_ms: Some(12) }),
                one("ops-2", Applying::Waits),
                one("ops-4", Applying::Silent { since }),
            ],
        }),
    });
    let text = stage.text();
    assert!(
        text.contains("applied on 1/2 gateways in 0.02 s; ops-2-81-19a6 has not yet"),
        "{text}"
    );
    assert!(text.contains("ops-4-81-19a6 is silent for"), "{text}");

    let table = forced(stage.now, "mira", 413);
    stage.news(News::Overrides(std::sync::Arc::new(table)));
    let beats = vec![
        member(&stage, "ops-1", 413, |_| {}),
        member(&stage, "ops-2", 412, |_| {}),
    ];
    stage.news(News::Heartbeats(beats));
    stage.wait(Duration::from_secs(1));
    stage.keys("6");
    let text = stage.text();
    assert!(text.contains("413 in 12 ms"), "{text}");
    assert!(text.contains("412 -1"), "{text}");
    assert!(
        text.contains("forced support-chat: applied on 1/2"),
        "{text}"
    );
}

/// A plan is open here, and somebody else has one open for the same target.
fn contested(theirs: impl FnOnce(&mut Presence, jiff::Timestamp)) -> Stage {
    let mut stage = Stage::incident(80, 24, Door::Write);
    stage.keys("F");
    let mut jo = presence("jo", None);
    "ops-2".clone_into(&mut jo.actor.host);
    jo.plan = Some((
        PlanId("77cc".to_owned()),
        OverrideKey::mode("support-chat".into()),
    ));
    jo.plan_since = Some(stage.now - Duration::from_secs(40));
    theirs(&mut jo, stage.now);
    stage.news(News::Presences(vec![jo]));
    let plan = force_plan(stage.now);
    stage.planned(plan);
    stage
}

fn applies(effects: &[Effect]) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::Apply { .. }))
}

#[test]
fn whoever_opens_a_second_plan_sees_the_first_before_typing_and_may_take_it_over() {
    let mut stage = contested(|_, _| {});
    for typed in ["", "1", "sup"] {
        stage.keys(typed);
        let text = stage.text();
        for told in [
            "! jo on ops-2 has plan #77cc open for it since 14:31:",
            "ctrl-t takes it over",
        ] {
            assert!(text.contains(told), "behind {typed:?}\n{text}");
        }
    }
    assert!(!applies(&stage.press(KeyCode::Enter)));
    let text = stage.text();
    assert!(
        text.contains("! not applied: another plan goes first"),
        "{text}"
    );

    let take = KeyEvent::new(KeyCode::Char('t'), KeyModifiers::CONTROL);
    stage.now += Duration::from_secs(1);
    let effects = stage.send(Msg::Key(take));
    let told = effects.iter().find_map(|effect| match effect {
        Effect::Present(presence) => presence.plan_taken,
        _ => None,
    });
    assert_eq!(told, Some(stage.now));
    assert!(applies(&stage.press(KeyCode::Enter)), "{}", stage.text());
}

#[test]
fn whoever_opened_first_goes_first_until_the_other_takes_it_over() {
    let mut stage = contested(|jo, now| jo.plan_since = Some(now + Duration::from_secs(5)));
    assert_eq!(stage.app.form().unwrap().remark, None);
    let mut jo = stage.app.data.presences[0].clone();
    jo.plan_taken = Some(stage.now);
    stage.news(News::Presences(vec![jo]));
    stage.keys("1sup");
    let text = stage.text();
    assert!(
        text.contains("jo on ops-2 took this over at 14:32:"),
        "what is typed takes it from nobody's eyes\n{text}"
    );
    assert!(!applies(&stage.press(KeyCode::Enter)));
    // The other one leaves theirs.
    stage.news(News::Presences(Vec::new()));
    assert!(applies(&stage.press(KeyCode::Enter)), "{}", stage.text());
}

#[test]
fn a_plan_for_something_else_or_of_an_older_version_stands_in_nobodys_way() {
    for (case, bend) in [
        (
            "another target",
            (|jo| {
                jo.plan = Some((
                    PlanId("77cc".to_owned()),
                    OverrideKey::mode("batch-extraction".into()),
                ));
            }) as fn(&mut Presence),
        ),
        ("no time told", |jo| jo.plan_since = None),
    ] {
        let mut stage = contested(|jo, _| bend(jo));
        stage.keys("1sup");
        assert!(applies(&stage.press(KeyCode::Enter)), "{case}");
    }
}

#[test]
fn two_sessions_under_one_name_are_rivals_all_the_same() {
    let mut stage = contested(|jo, _| jo.actor = actor("mira"));
    let text = stage.text();
    assert!(
        text.contains("mira, your own name in another session, has plan #77cc open"),
        "{text}"
    );
    stage.keys("1sup");
    assert!(!applies(&stage.press(KeyCode::Enter)));
}

#[test]
fn who_is_about_to_change_a_workload_is_seen_before_a_plan_is_opened() {
    for (width, height, flag) in [(80, 24, "jo:plan"), (120, 40, "jo:plan")] {
        let mut stage = Stage::incident(width, height, Door::Write);
        let mut here: Vec<Presence> = ["ann", "bo", "cy", "di"]
            .map(|name| presence(name, None))
            .into();
        let mut jo = presence("jo", None);
        "ops-2".clone_into(&mut jo.actor.host);
        let key = OverrideKey::mode("support-chat".into());
        jo.plan = Some((PlanId("77cc".to_owned()), key));
        jo.plan_since = Some(stage.now);
        here.push(jo);
        stage.news(News::Presences(here));
        stage.wait(Duration::from_secs(1));
        let text = stage.text();
        for told in [
            flag,
            "here: you, jo",
            "jo on ops-2 has plan #77cc open for support-chat",
        ] {
            assert!(text.contains(told), "{width}x{height}: {told}\n{text}");
        }
        stage.press(KeyCode::Enter);
        let text = stage.text();
        assert!(
            text.contains("jo on ops-2 has a plan open for it since 14:3"),
            "{text}"
        );
    }
}

/// `support-chat` was forced here, and every gateway but a silent one has it.
fn followed() -> Stage {
    let mut stage = Stage::incident(80, 24, Door::Write);
    stage.keys("F");
    let plan = force_plan(stage.now);
    stage.planned(plan);
    stage.keys("1sup");
    stage.press(KeyCode::Enter);
    let record = forced_record(stage.now);
    stage.send(Msg::Applied {
        plan: PlanId("8f31".to_owned()),
        result: Ok(Box::new(record.clone())),
    });
    stage.news(News::Audit(vec![record]));
    let since = stage.now - Duration::from_secs(9);
    let one = |name: &str, applying| OnGateway {
        gateway: format!("{name}-81-19a6").as_str().into(),
        host: name.to_owned(),
        applying,
    };
    stage.send(Msg::Progress {
        revision: Revision(413),
        result: Ok(Progress {
            applied: 1,
            gateways: 1,
            elapsed: Duration::from_millis(20),
            each: vec![
                one("ops-1", Applying::Applied { after_ms: Some(12) }),
                one("ops-4", Applying::Silent { since }),
            ],
        }),
    });
    stage
}

#[test]
fn a_gateway_that_was_silent_and_comes_back_with_a_change_is_counted() {
    let mut stage = followed();
    let words = |stage: &Stage| {
        let text = stage.text();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = words(&stage);
    assert!(text.contains("applied on 1/1 gateways"), "{text}");
    assert!(text.contains("ops-4-81-19a6 is silent for"), "{text}");
    for (revision, wanted) in [(412, "applied on 1/1"), (413, "applied on 2/2")] {
        let beats = vec![
            member(&stage, "ops-1", 413, |_| {}),
            member(&stage, "ops-4", revision, |_| {}),
        ];
        stage.news(News::Heartbeats(beats));
        let text = words(&stage);
        assert!(text.contains(wanted), "{text}");
        let silent = text.contains("is silent for");
        assert_eq!(silent, revision == 412, "{text}");
    }
}

#[test]
fn whoever_is_undone_by_somebody_else_is_told_by_whom() {
    let mut stage = followed();
    stage.news(News::Heartbeats(vec![member(&stage, "ops-1", 413, |_| {})]));
    let undone = |by: &str, plan: &str| {
        let mut record = forced_record(stage.now);
        record.sequence = 3;
        record.revision = Revision(414);
        record.actor = actor(by);
        "ops-2".clone_into(&mut record.actor.host);
        record.verb = Some(Verb::Undo);
        record.after = None;
        record.undoes = Some(2);
        record.reason = ReasonCode::Automatic;
        record.plan = Some(PlanId(plan.to_owned()));
        record
    };
    let record = undone("jo", "99aa");
    stage.news(News::Audit(vec![record]));
    let text = stage.text();
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        line.contains("jo on ops-2 changed support-chat after you: undo (undoes #2), audit #3"),
        "{text}"
    );
    stage.news(News::Heartbeats(vec![member(&stage, "ops-1", 414, |_| {})]));
    stage.keys("6");
    let text = stage.text();
    assert!(!text.contains("forced support-chat: applied"), "{text}");
}

#[test]
fn an_audit_names_the_host_of_whoever_sat_elsewhere() {
    let mut stage = Stage::incident(120, 40, Door::Write);
    let mut record = forced_record(stage.now);
    record.actor = actor("jo");
    "edge-b".clone_into(&mut record.actor.host);
    stage.news(News::Audit(vec![record]));
    stage.keys("5");
    let text = stage.text();
    assert!(text.contains("jo@edge-b"), "{text}");
}
