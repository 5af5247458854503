//! On a terminal: the plan is shown, the questions are asked, and a no changes nothing; the console opens in
//! the right mode.

use std::{
    io::{Read as _, Write},
    sync::{Arc, Mutex},
};

use backstop::{
    clock::Clock,
    model::{Actor, OverrideKey, PlanId, Presence},
    store::{Access, Store},
};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::{
    cli_project::{run, wait_for},
    control_project::{CONFIG, Project},
};

/// The binary on a terminal of its own.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    input: Box<dyn Write + Send>,
    seen: Arc<Mutex<String>>,
    _master: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn start(project: &Project, line: &str) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize {
                rows: 40,
                cols: 200,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_backstop"));
        command.args(line.split_whitespace());
        command.env_clear();
        command.env("HOME", project.path());
        command.env("LOGNAME", "jo");
        command.env("TERM", "xterm-256color");
        command.cwd(project.path());
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let seen = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal whose last process ended reads as an error.
            while let Ok(count) = reader.read(&mut bytes) {
                if count == 0 {
                    return;
                }
                let text = String::from_utf8_lossy(&bytes[..count]);
                sink.lock().unwrap().push_str(&text);
            }
        });
        Self {
            child,
            input: pair.master.take_writer().unwrap(),
            seen,
            _master: pair.master,
        }
    }

    /// Waits until the text stands on the terminal.
    #[track_caller]
    fn sees(&self, text: &str) {
        wait_for(text, || {
            self.seen.lock().unwrap().contains(text).then_some(())
        });
    }

    fn types(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for its end; the exit code.
    fn ends(&mut self) -> u32 {
        let child = &mut self.child;
        wait_for("the end", || child.try_wait().unwrap()).exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn changes(project: &Project) -> usize {
    run(project, "audit --json").exits(0).lines().len()
}

#[test]
fn the_plan_is_shown_and_the_name_asked_for() {
    let project = Project::new();
    let mut terminal = Terminal::start(&project, "force support-chat --no-wait");
    terminal.sees("Nothing has changed yet");
    terminal.sees("reason? 1 5xx  2 timeout");
    assert_eq!(changes(&project), 0);
    wait_for("the open plan to be known", || {
        let plan = run(&project, "hold support-chat --plan --json")
            .exits(0)
            .json();
        plan["checks"]
            .as_array()
            .unwrap()
            .iter()
            .any(|check| {
                check["name"] == "people"
                    && check["verdict"] == "warn"
                    && check["why"].as_str().unwrap().starts_with("jo has plan ")
            })
            .then_some(())
    });
    terminal.types("2\r");
    terminal.sees("type 3 or more letters of `support-chat` to force: ");
    terminal.types("sup\r");
    terminal.sees("support-chat is forced to its fallback until ");
    assert_eq!(terminal.ends(), 0);
    let audit = run(&project, "audit --json").exits(0).lines();
    assert_eq!(audit[0]["reason"], "timeout");

    let mut terminal = Terminal::start(&project, "undo --no-wait");
    terminal.sees("apply it? [y/N] ");
    terminal.types("\r");
    assert_eq!(terminal.ends(), 3, "no is the default");
    assert_eq!(changes(&project), 1);
    let mut terminal = Terminal::start(&project, "undo --no-wait");
    terminal.sees("apply it? [y/N] ");
    terminal.types("y\r");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(changes(&project), 2);
}

#[tokio::test]
async fn a_plan_that_is_taken_over_at_the_prompt_is_told_of_and_not_applied() {
    let project = Project::new();
    let mut terminal = Terminal::start(&project, "force support-chat --reason 5xx");
    terminal.sees("to force: ");
    // Somebody at the console of another host.
    let state = format!("sqlite:{}", project.path().join("state").display());
    let clock = Clock::system();
    let store = Store::open(&state, Access::Write, clock.clone())
        .await
        .unwrap();
    let mira = Presence {
        session: "edge-b-81-1".to_owned(),
        actor: Actor {
            user: "mira".to_owned(),
            declared: None,
            host: "edge-b".to_owned(),
            from: None,
            via: "console".to_owned(),
        },
        since: clock.now(),
        at: clock.now(),
        viewing: None,
        plan: Some((
            PlanId("77cc".to_owned()),
            OverrideKey::mode("support-chat".into()),
        )),
        plan_since: Some(clock.now()),
        plan_taken: Some(clock.now()),
        claim: None,
        process: Some(81),
    };
    store.put_presence(mira).await.unwrap();
    terminal.sees("! mira on edge-b took support-chat over at ");
    terminal.sees("answers do not count any more");
    terminal.types("sup\r");
    terminal.sees("error: mira on edge-b took support-chat over at ");
    terminal.sees("with plan 77cc; nothing was changed");
    assert_eq!(terminal.ends(), 4);
    assert_eq!(changes(&project), 0);
    store.close().await.unwrap();
}

#[test]
fn a_wrong_name_and_ctrl_c_change_nothing() {
    let project = Project::new();
    let mut terminal = Terminal::start(&project, "force support-chat --reason drill");
    terminal.sees("to force: ");
    terminal.types("yes\r");
    terminal.sees("does not begin `support-chat`");
    assert_eq!(terminal.ends(), 3);

    let mut terminal = Terminal::start(&project, "force support-chat --reason drill");
    terminal.sees("to force: ");
    terminal.types("\x03");
    assert_eq!(terminal.ends(), 130);

    let mut terminal = Terminal::start(&project, "force support-chat --reason drill");
    terminal.sees("to force: ");
    terminal.types("\x04");
    assert_eq!(terminal.ends(), 3, "the end of the input is a no");
    assert_eq!(changes(&project), 0);
}

#[test]
fn breaking_glass_asks_for_words_and_the_whole_name() {
    let project = Project::new();
    let line = "force support-chat --for until-changed";
    let mut terminal = Terminal::start(&project, line);
    terminal.sees("FAIL");
    terminal.sees("break-glass");
    assert_eq!(terminal.ends(), 3, "it must be said on the command line");
    let mut terminal = Terminal::start(&project, &format!("{line} --break-glass --no-wait"));
    terminal.sees("why override a failed check? ");
    terminal.types("the provider is gone\r");
    terminal.sees("type the whole name `support-chat`: ");
    terminal.types("support-chat\r");
    assert_eq!(terminal.ends(), 0);
    assert_eq!(changes(&project), 1);
}

#[test]
fn the_console_observes_in_production_unless_told_to_write() {
    let production = CONFIG.replace("[environment]\n", "[environment]\nproduction = true\n");
    for (config, line, shown) in [
        (production.as_str(), "", "OBSERVE"),
        (production.as_str(), "console", "OBSERVE"),
        (production.as_str(), "console --write", "WRITE"),
        (CONFIG, "", "WRITE"),
        (CONFIG, "console --observe", "OBSERVE"),
    ] {
        let project = Project::with(config);
        // An observer makes no store of its own.
        run(&project, "force support-chat --plan").exits(0);
        let mut terminal = Terminal::start(&project, line);
        terminal.sees(shown);
        terminal.sees("support-chat");
        let other = if shown == "WRITE" { "OBSERVE" } else { "WRITE" };
        assert!(!terminal.seen.lock().unwrap().contains(other), "{line}");
        terminal.types("q");
        assert_eq!(terminal.ends(), 0, "{line}");
    }
}

#[test]
fn a_console_that_cannot_open_its_store_says_so_and_leaves_the_terminal() {
    let project = Project::new();
    let mut terminal = Terminal::start(&project, "console --observe");
    terminal.sees("start the gateway first");
    assert_eq!(terminal.ends(), 5);
}
