//! The tour: five steps told while they are done, never over what they tell of, shown once and left at any time.

use std::time::Duration;

use backstop::{
    console::{app::Screen, state::tour::Step},
    control::{Mode as Door, News},
};
use crossterm::event::KeyCode;

use crate::{
    console_comparing::{answer_all, press, sampled},
    console_stage::{Stage, force_plan, forced, forced_record, heartbeat, overrides},
    support::pty::Pty,
};

fn toured(width: u16, height: u16) -> Stage {
    let mut stage = Stage::incident(width, height, Door::Write);
    stage.news(News::Catalog(std::sync::Arc::new(sampled())));
    stage.keys("T");
    stage
}

#[track_caller]
fn tells(stage: &Stage, step: Step, text: &str) {
    assert_eq!(stage.app.tour.as_ref().map(|tour| tour.step), Some(step));
    let shown = stage.text();
    let title = format!("tour, step {} of 5", step.number());
    assert!(shown.contains(&title), "{title}: {shown}");
    assert!(shown.contains(text), "{text}: {shown}");
}

#[test]
fn every_step_is_told_and_left_by_doing_it() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let mut stage = toured(width, height);
        tells(&stage, Step::See, "support-chat is failing (FL)");
        for seen in [
            "x FL  support-chat",
            "! FB  batch-extraction",
            "+ OK  code-assistant",
        ] {
            assert!(
                stage.text().contains(seen),
                "{seen} is hidden: {}",
                stage.text()
            );
        }
        stage.press(KeyCode::Enter);
        tells(&stage, Step::Why, "3: the events");
        stage.keys("3");
        tells(&stage, Step::Compare, "c: both routes");
        stage.keys("1");
        let effects = press(&mut stage, KeyCode::Char('c'));
        tells(&stage, Step::Compare, "No traffic moves");
        answer_all(&mut stage, &effects);
        tells(&stage, Step::Force, "F on the workload");
        stage.keys("q1F");
        let plan = force_plan(stage.now);
        stage.planned(plan);
        assert!(stage.text().contains("nothing has changed yet"));
        stage.press(KeyCode::Esc);
        tells(&stage, Step::Force, "letters of its name");
        let mut table = forced(stage.now, "mira", 413);
        let actor = stage.app.setup.actor.clone();
        for (key, slot) in &mut table.slots {
            if let (Some(current), "support-chat") = (&mut slot.current, key.target()) {
                current.actor = actor.clone();
            }
        }
        stage.news(News::Overrides(std::sync::Arc::new(table)));
        stage.news(News::Audit(vec![forced_record(stage.now)]));
        stage.news(News::Heartbeats(vec![heartbeat(
            stage.now,
            backstop::model::Revision(413),
        )]));
        stage.wait(Duration::from_secs(1));
        tells(&stage, Step::Undo, "z: put");
        stage.news(News::Overrides(std::sync::Arc::new(overrides(stage.now))));
        stage.wait(Duration::from_secs(1));
        tells(&stage, Step::Undo, "5: who");
        stage.keys("5");
        assert_eq!(stage.app.tour, None);
        assert!(
            stage.text().contains("the tour is over"),
            "{}",
            stage.text()
        );
    }
}

#[test]
fn steps_can_be_passed_over_and_the_tour_left_at_once() {
    let mut stage = toured(80, 24);
    for step in &Step::ALL[1..] {
        stage.keys("T");
        tells(&stage, *step, "tour");
    }
    stage.keys("T");
    assert_eq!(stage.app.tour, None);
    let mut stage = toured(80, 24);
    stage.press(KeyCode::Esc);
    assert_eq!(stage.app.tour, None);
    assert_eq!(stage.app.screen, Screen::Home);
    stage.keys(":tour");
    stage.press(KeyCode::Enter);
    tells(&stage, Step::See, "support-chat");
    stage.keys("2:tour");
    stage.press(KeyCode::Enter);
    assert_eq!(stage.app.tour, None);
}

#[test]
fn every_text_fits_its_rows_and_a_plan_is_never_clipped_for_it() {
    for (width, height) in [(80, 24), (81, 30), (120, 40)] {
        for moment in ["calm", "trouble"] {
            let mut stage = if moment == "calm" {
                Stage::dark(width, height, Door::Write)
            } else {
                Stage::incident(width, height, Door::Write)
            };
            for _ in Step::ALL {
                stage.keys("T");
                let shown = stage.text();
                let mut rows = shown
                    .lines()
                    .skip_while(|line| !line.contains("tour, step"));
                let text: Vec<&str> = rows.by_ref().skip(1).take(2).collect();
                let last = text.iter().rev().find(|line| !line.trim().is_empty());
                let last = last.unwrap().trim_end();
                assert!(
                    last.ends_with(['.', ')']),
                    "cut at {width}x{height}: {shown}"
                );
            }
        }
        let (mut with, mut without) = (
            toured(width, height),
            Stage::incident(width, height, Door::Write),
        );
        for stage in [&mut with, &mut without] {
            stage.keys("F");
            let plan = force_plan(stage.now);
            stage.planned(plan);
        }
        for line in without
            .text()
            .lines()
            .filter(|line| !line.trim().is_empty())
        {
            assert!(
                with.text().contains(line),
                "{line} is hidden: {}",
                with.text()
            );
        }
    }
}

#[test]
fn too_small_a_terminal_has_the_list_and_no_tour() {
    let mut stage = Stage::incident(79, 23, Door::Write);
    let before = stage.text();
    stage.keys("T");
    assert_eq!(stage.text(), before);
    assert!(stage.app.tour.is_some());
}

#[test]
fn the_first_demo_shows_it_and_the_six_keys_work_under_it() {
    let home = tempfile::tempdir().unwrap();
    let home = format!("HOME={}", home.path().display());
    let binary = env!("CARGO_BIN_EXE_backstop");
    let start = |more: &[&str]| {
        let arguments = [&[home.as_str(), binary, "demo", "--seed", "7"], more].concat();
        Pty::start("env", &arguments, (80, 24))
    };
    let mut first = start(&[]);
    first.wait_for("tour, step 1 of 5");
    first.wait_for("> x FL");
    first.press("F1sup\r");
    first.wait_for("applied on 1/1 gateways");
    first.wait_for("tour, step 5 of 5");
    first.wait_for("! FO");
    first.press("\x03");
    first.exits(0);
    first.assert_restored();

    let mut second = start(&[]);
    second.wait_for("Workloads 7/7");
    assert!(!second.text().contains("tour, step"), "{}", second.text());
    second.press("T");
    second.wait_for("tour, step 1 of 5");
    second.press("\x1b");
    second.wait_gone("tour, step");
    second.press("\x03");
    second.exits(0);

    let mut asked = start(&["--tour"]);
    asked.wait_for("tour, step 1 of 5");
    asked.press("\x03");
    asked.exits(0);
}
