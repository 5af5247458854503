//! Slow links: a terminal that does not read holds up frames and nothing else, and shows what is so now when it does.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use backstop::{
    clock::Clock,
    console::{msg::Msg, state::link::Speed},
    control::{Mode as Door, News},
    model::{Entry, Seq},
};

use crate::{
    console_stage::{Stage, event},
    support::pty::Pty,
};

/// Long enough for a busy machine; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_mins(1);

/// Between two tries of a key.
const TYPED: Duration = Duration::from_millis(200);

/// The words of the home screen while the scripted incident runs.
const HOME: &str = "Workloads 7/7";

/// The files in a directory and below whose names end like this.
fn files(directory: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_terminal_that_stops_reading_holds_up_frames_only_and_is_current_when_it_reads_again() {
    let mut pty = Pty::backstop(&["demo", "--seed", "7"], (120, 40));
    pty.wait_for(HOME);
    let before = pty.bytes().len();
    pty.hold(true);
    pty.press("2");
    // Whole frames, far more than the pipe takes; and each time what is pressed is done although nobody reads.
    let held = Clock::instant();
    let mut saved = 0;
    while saved < 20 || held.elapsed() < Duration::from_secs(1) {
        let asked = Clock::instant();
        let mut pressed = None;
        while files(pty.home(), "routes.json").is_empty() {
            assert!(asked.elapsed() < DEADLINE, "{saved} views were saved");
            // What comes too quickly is taken for a paste and not obeyed.
            if pressed.is_none_or(|at: Instant| at.elapsed() > TYPED) {
                pty.press("\x0cS");
                pressed = Some(Clock::instant());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        for file in files(pty.home(), "routes.json") {
            fs::remove_file(file).unwrap();
        }
        saved += 1;
    }
    pty.press("3");
    pty.hold(false);
    pty.wait_for("WHAT HAPPENED");
    pty.wait_for("SLOW LINK");
    let more = pty.bytes().len() - before;
    assert!(more < 64 * 1024, "{more} bytes came for {saved} frames");
    // By itself, once frames are taken quickly again.
    pty.wait_gone("SLOW LINK");
    pty.hold(true);
    pty.press("\x03");
    assert_eq!(pty.ended_unread().exit_code(), 0);
    pty.hold(false);
}

#[test]
fn little_is_drawn_where_little_is_wanted() {
    let mut stage = Stage::incident(120, 40, Door::Write);
    let quick = stage.text();
    assert!(
        quick.contains("14:32:08Z") && quick.contains("data "),
        "{quick}"
    );
    stage.send(Msg::Link(Speed::Spared));
    let spared = stage.text();
    assert!(
        spared.contains("14:32Z") && spared.contains("  slow  "),
        "{spared}"
    );
    assert!(!spared.contains("data "), "{spared}");
    // Events come in steps, and time as well.
    let one = Entry::Decision(Box::new(event(9_000, stage.now, "support-chat")));
    stage.news(News::Entries(vec![(Seq(9_000), one)]));
    let newest = |stage: &Stage| stage.text().contains("14:32:08 ! support-chat");
    assert!(!newest(&stage), "{}", stage.text());
    stage.app.dirty = false;
    stage.wait(Duration::from_secs(1));
    assert!(!stage.app.dirty && !newest(&stage), "nothing is drawn");
    stage.wait(Duration::from_secs(1));
    assert!(stage.app.dirty && newest(&stage), "{}", stage.text());
    stage.send(Msg::Link(Speed::Slow));
    assert!(stage.text().contains("SLOW LINK"), "{}", stage.text());
    stage.send(Msg::Link(Speed::Quick));
    assert!(!stage.text().contains("SLOW"), "{}", stage.text());
}

#[test]
fn sixteen_colours_are_enough_on_a_slow_line() {
    let arguments = [
        "COLORTERM=truecolor",
        env!("CARGO_BIN_EXE_backstop"),
        "demo",
        "--slow",
        "--theme",
        "catppuccin-mocha",
    ];
    let mut pty = Pty::start("env", &arguments, (80, 24));
    pty.wait_for("> x FL");
    pty.wait_for("slow");
    pty.press("\x03");
    pty.exits(0);
    let bytes = String::from_utf8(pty.bytes()).unwrap();
    for long in ["38;2;", "48;2;", "38;5;", "48;5;"] {
        assert!(!bytes.contains(long), "{long}");
    }
}
