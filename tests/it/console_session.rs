//! What a console takes up of the last session: where the operator was, never what they were about to do.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use backstop::{
    console::{
        app::{App, Screen},
        effect::Effect,
        msg::Msg,
        state::{home::Sort, session::Session, themes::Themes},
        update::session::left,
    },
    control::Mode as Door,
};
use crossterm::event::KeyCode;

use crate::{
    console_journey::breathe, console_stage::Stage, demo_headless::Running, support::pty::Pty,
};

fn take_up(stage: &mut Stage, session: Session) -> Vec<Effect> {
    stage.app.themes = Themes::new("terminal", ["terminal", "nord"].map(str::to_owned).into());
    stage.send(Msg::Session(Ok(Some(Box::new(session)))))
}

/// Everything of a console that is kept.
fn kept(app: &App) -> Session {
    Session {
        left: None,
        ..left(app).unwrap()
    }
}

/// A console that somebody has used: an order, a filter, marks, a cursor, wide columns, and the events.
fn used(mut stage: Stage) -> Stage {
    stage.keys("oooO W");
    stage.keys("/at");
    stage.press(KeyCode::Enter);
    stage.keys("jj");
    stage.keys("2o");
    stage.keys("j");
    stage.keys("3/workload:support-chat");
    stage.press(KeyCode::Enter);
    stage
}

#[test]
fn a_calm_console_is_as_it_was_left() {
    let before = used(Stage::calm(80, 24, Door::Write));
    let session = left(&before.app).unwrap();
    assert_eq!(session.screen, "events");
    assert_eq!(session.lists["workloads"].filter, "at");
    assert_eq!(session.lists["workloads"].sort, "errors");
    assert!(session.lists["workloads"].wide && session.lists["workloads"].reversed);
    assert_eq!(session.lists["workloads"].marks.len(), 1);
    assert!(session.lists["workloads"].selected.is_some());
    assert_eq!(session.lists["routes"].sort, "name");
    let mut after = Stage::calm(80, 24, Door::Observe);
    take_up(&mut after, session);
    assert_eq!(after.app.screen, Screen::Events);
    assert_eq!(kept(&after.app), kept(&before.app));
    assert!(
        after.text().contains("as you left it of 2026-11-21 14:32Z"),
        "{}",
        after.text()
    );
    assert_eq!(
        after.app.setup.mode,
        Door::Observe,
        "what it may change is not restored"
    );
}

#[test]
fn while_something_fails_the_first_screen_comes_first_and_the_other_is_a_key_away() {
    let before = used(Stage::calm(80, 24, Door::Write));
    let mut after = Stage::incident(80, 24, Door::Write);
    take_up(&mut after, left(&before.app).unwrap());
    assert_eq!(after.app.screen, Screen::Home);
    assert!(after.app.home.filter.is_empty() && !after.app.home.touched);
    assert_eq!(after.app.home.sort, Sort::Errors);
    assert_eq!(
        after.app.home.list.selected().unwrap().as_str(),
        "support-chat"
    );
    assert!(after.text().contains("something fails"), "{}", after.text());
    after.keys("-");
    assert_eq!(after.app.screen, Screen::Events);
    assert_eq!(after.app.events.filter().text(), "workload:support-chat");
}

#[test]
fn what_was_half_typed_is_not_left_behind() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    stage.keys("F1sup");
    assert!(stage.app.form().is_some());
    let text = serde_json::to_string(&left(&stage.app).unwrap()).unwrap();
    for secret in ["sup\"", "force", "plan", "write", "observe", "reason"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let mut after = Stage::calm(80, 24, Door::Write);
    take_up(&mut after, serde_json::from_str(&text).unwrap());
    assert!(after.app.overlays.is_empty());
}

#[test]
fn whoever_was_quicker_is_not_moved() {
    let session = left(&used(Stage::calm(80, 24, Door::Write)).app).unwrap();
    let mut stage = Stage::calm(80, 24, Door::Write);
    stage.keys("4");
    take_up(&mut stage, session);
    assert_eq!(stage.app.screen, Screen::Reviews);
}

#[test]
fn the_theme_is_worn_unless_another_was_asked_for_and_unknown_ones_are_nothing() {
    for (case, theme, given, worn) in [
        ("left", Some("nord"), false, "nord"),
        ("given", Some("nord"), true, "terminal"),
        ("unknown", Some("../../etc/passwd"), false, "terminal"),
        ("none", None, false, "terminal"),
    ] {
        let mut stage = Stage::calm(80, 24, Door::Observe);
        stage.app.sessions.theme_given = given;
        let session = Session {
            theme: theme.map(str::to_owned),
            ..Session::default()
        };
        let effects = take_up(&mut stage, session);
        assert_eq!(stage.app.themes.worn, worn, "{case}");
        let wears = effects.contains(&Effect::Wear("nord".to_owned()));
        assert_eq!(wears, worn == "nord", "{case}");
        if given {
            let kept = left(&stage.app).unwrap().theme;
            assert_eq!(
                kept.as_deref(),
                theme,
                "what was asked for once is not kept"
            );
        }
    }
}

#[test]
fn hostile_contents_are_nothing() {
    let session: Session = serde_json::from_str(
        r#"{"screen": "detail", "workload": "nobody\u001b[2J", "lists": {
            "workloads": {"filter": "\u001b]52;c;eA==\u0007", "sort": "no such order", "selected": "nobody",
                          "marks": ["nobody", "support-chat", "\u202e"]},
            "routes": {"marks": ["nothing"], "selected": "nothing"},
            "audit": {"marks": ["-1", "99999999999999999999", "1"], "selected": "x"},
            "compare": {"filter": "x"}}, "mode": "write", "plan": {"apply": true}}"#,
    )
    .unwrap();
    let mut stage = Stage::calm(80, 24, Door::Observe);
    let effects = take_up(&mut stage, session.bounded());
    assert!(!effects.iter().any(|effect| matches!(
        effect,
        Effect::Plan { .. } | Effect::Apply { .. } | Effect::Copy(_)
    )));
    let app = &stage.app;
    assert_eq!(app.screen, Screen::Home);
    assert!(app.home.filter.is_empty());
    assert_eq!(app.home.sort, Sort::Severity);
    assert_eq!(app.home.marks.all().len(), 1, "support-chat is there");
    assert!(app.routes.marks.is_empty());
    assert_eq!(app.setup.mode, Door::Observe);
    let text = stage.text();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
}

/// A console over a demo, in a home that is kept.
fn console(home: &Path, config: &str, more: &str) -> Pty {
    let home = format!("HOME={}", home.display());
    let binary = env!("CARGO_BIN_EXE_backstop");
    let mut arguments = vec![&home, binary, "console", "--write", "--config", config];
    arguments.extend(more.split_whitespace());
    let pty = Pty::start("env", &arguments, (120, 40));
    pty.wait_for("store ok");
    pty
}

fn quit(mut pty: Pty) {
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
}

#[test]
fn a_real_console_takes_up_what_a_hang_up_has_left_and_fresh_does_not() {
    let demo = Running::start(&["demo", "--headless", "--no-faults"]);
    let config = demo.line["config"].as_str().unwrap().to_owned();
    let home = tempfile::tempdir().unwrap();
    let mut pty = console(home.path(), &config, "");
    pty.wait_for("Workloads 7/7");
    pty.press("2");
    pty.wait_for("Routes 14/14");
    pty.press("/stable\r");
    pty.wait_for("Routes 1/14");
    breathe(&pty);
    pty.press("X");
    pty.wait_for("To confirm, type stable-chat");
    breathe(&pty);
    pty.press("5sta");
    pty.wait_for("sta_");
    pty.signal("HUP");
    pty.exits(129);

    let file = home.path().join(".local/state/backstop/sessions/demo.json");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let pty = console(home.path(), &config, "");
    pty.wait_for("Routes 1/14");
    pty.wait_for("as you left it");
    assert!(!pty.text().contains("drain stable-chat"), "{}", pty.text());
    quit(pty);

    let pty = console(home.path(), &config, "--fresh");
    pty.wait_for("Workloads 7/7");
    assert!(!pty.text().contains("as you left it"));
    quit(pty);

    fs::write(
        &file,
        "{\"schema\": 1, \"environment\": \"demo\", \"screen\": [",
    )
    .unwrap();
    let pty = console(home.path(), &config, "");
    pty.wait_for("the last session is not taken up");
    pty.wait_for("Workloads 7/7");
    quit(pty);
    let pty = console(home.path(), &config, "");
    pty.wait_for("Workloads 7/7");
    quit(pty);
}
