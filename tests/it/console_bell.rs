//! The terminal's bell: once for what is new, never for what was so, and never without being asked for.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::effect::Effect,
    control::{Mode as Door, News},
    model::Revision,
};

use crate::{
    console_stage::{Stage, calm_heartbeat, forced, heartbeat, overrides},
    support::pty::Pty,
};

const SECOND: Duration = Duration::from_secs(1);

/// An ordinary day, and a console that may ring.
fn calm() -> Stage {
    let mut stage = Stage::calm(80, 24, Door::Observe);
    stage.app.bell.enabled = true;
    assert!(!rings(&mut stage, SECOND), "nothing is new at the start");
    stage
}

/// Whether the bell rings when time passes.
fn rings(stage: &mut Stage, time: Duration) -> bool {
    stage.wait(time).contains(&Effect::Bell)
}

fn fail(stage: &mut Stage) {
    let beat = heartbeat(stage.now, Revision(412));
    stage.news(News::Heartbeats(vec![beat]));
}

fn recover(stage: &mut Stage) {
    let beat = calm_heartbeat(stage.now);
    stage.news(News::Heartbeats(vec![beat]));
}

#[test]
fn a_workload_that_begins_to_fail_rings_once() {
    let mut stage = calm();
    fail(&mut stage);
    assert!(rings(&mut stage, SECOND));
    for _ in 0..30 {
        fail(&mut stage);
        assert!(!rings(&mut stage, SECOND), "it fails still");
    }
    for _ in 0..30 {
        recover(&mut stage);
        assert!(!rings(&mut stage, SECOND));
        fail(&mut stage);
        assert!(!rings(&mut stage, SECOND), "it flaps");
    }
    for _ in 0..70 {
        recover(&mut stage);
        assert!(!rings(&mut stage, SECOND));
    }
    fail(&mut stage);
    assert!(rings(&mut stage, SECOND), "after a calm minute it is new");
}

#[test]
fn what_failed_before_anybody_looked_is_no_news() {
    let mut stage = Stage::incident(80, 24, Door::Observe);
    stage.app.bell.enabled = true;
    for _ in 0..5 {
        assert!(!rings(&mut stage, SECOND));
    }
}

#[test]
fn an_override_that_ends_by_itself_rings_once_and_one_that_is_taken_back_does_not() {
    // The one of image-understanding ends in four minutes.
    let mut stage = calm();
    recover(&mut stage);
    assert!(!rings(&mut stage, Duration::from_secs(200)));
    recover(&mut stage);
    assert!(rings(&mut stage, Duration::from_secs(45)));
    assert!(!rings(&mut stage, Duration::from_secs(20)));

    let mut stage = calm();
    let mut taken_back = overrides(stage.now);
    taken_back.slots.clear();
    stage.news(News::Overrides(Arc::new(taken_back)));
    assert!(!rings(&mut stage, SECOND));
    recover(&mut stage);
    assert!(!rings(&mut stage, Duration::from_mins(5)));

    // Made longer before its end: it has not ended.
    let mut stage = calm();
    stage.now += Duration::from_mins(3);
    let longer = forced(stage.now, "jo", 413);
    stage.news(News::Overrides(Arc::new(longer)));
    recover(&mut stage);
    assert!(!rings(&mut stage, SECOND));
}

#[test]
fn two_things_in_one_moment_ring_once() {
    let mut stage = calm();
    fail(&mut stage);
    assert!(rings(&mut stage, SECOND));
    let mut beat = heartbeat(stage.now, Revision(412));
    beat.workloads.reverse();
    for traffic in &mut beat.workloads {
        traffic.errors = traffic.requests;
        traffic.uncaught = traffic.requests;
        traffic.failing_since = Some(stage.now);
    }
    stage.news(News::Heartbeats(vec![beat]));
    assert!(!rings(&mut stage, SECOND), "whoever was called is looking");
}

#[test]
fn without_being_asked_for_it_never_rings() {
    let mut stage = Stage::calm(80, 24, Door::Observe);
    fail(&mut stage);
    assert!(!rings(&mut stage, SECOND));
}

#[test]
fn the_incident_of_the_demo_rings_in_a_real_terminal_only_when_asked_for() {
    let demo = [env!("CARGO_BIN_EXE_backstop"), "demo", "--seed", "7"];
    for (case, before, behind, rings) in [
        ("flag", &[][..], &["--bell"][..], true),
        ("variable", &["BACKSTOP_BELL=1"], &[], true),
        ("variable says no", &["BACKSTOP_BELL=false"], &[], false),
        ("nothing", &[], &[], false),
    ] {
        let arguments = [before, &demo, behind].concat();
        let mut pty = Pty::start("env", &arguments, (80, 24));
        pty.wait_for("> x FL");
        if rings {
            pty.wait_for_bytes("a bell", |bytes| bytes.contains(&0x07));
        }
        pty.press("\x03");
        pty.exits(0);
        pty.assert_restored();
        let bells = pty.bytes().split(|byte| *byte == 0x07).count() - 1;
        assert!(rings || bells == 0, "{case}: {bells}");
        assert!(bells <= 2, "{case}: {bells}");
    }
}
