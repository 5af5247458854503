//! The journey of one operator through an incident, as keys and screens: what is under it (a bare terminal, tmux,
//! SSH) is the caller's. `console_tmux` and `console_ssh` go it; the bare terminal is below.

use std::process::Command;

use serde_json::Value;

use crate::{
    demo_headless::Running,
    support::{alive::Alive, pty::Pty},
};

/// The words of the home screen.
const HOME: &str = "Workloads 7/7";

/// An incident, and a place for whoever logs in to work on it.
pub(crate) struct Incident {
    _demo: Running,
    config: String,
    pub(crate) home: tempfile::TempDir,
    pub(crate) alive: Alive,
}

impl Incident {
    pub(crate) fn new() -> Self {
        let demo = Running::start(&["demo", "--headless", "--seed", "7"]);
        let config = demo.line["config"].as_str().unwrap().to_owned();
        let home = tempfile::tempdir().unwrap();
        let alive = Alive::new(home.path());
        Self {
            _demo: demo,
            config,
            home,
            alive,
        }
    }

    /// What is typed to a shell to start the console.
    pub(crate) fn command(&self) -> String {
        format!(
            "{} console --write --config {} {}\r",
            env!("CARGO_BIN_EXE_backstop"),
            self.config,
            self.alive.held()
        )
    }

    /// The changes of this operator that the store holds, as verb and target, oldest first.
    pub(crate) fn changes(&self) -> Vec<String> {
        let text = self.read(&["audit", "--json"]);
        text.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            // Those of the demo's own past are not of this operator.
            .filter(|record| {
                record["actor"]["via"] == "console" && record["actor"]["host"] != "demo"
            })
            .map(|record| {
                let word = |name: &str| record[name].as_str().unwrap_or("undo").to_owned();
                format!("{} {}", word("verb"), word("key"))
            })
            .collect()
    }

    /// Fails unless the store holds exactly what this operator was told: a force, its undo, and a force again.
    pub(crate) fn assert_kept(&self) {
        let changes = self.changes();
        let key = "mode/support-chat";
        assert_eq!(changes.len(), 3, "{changes:?}");
        assert!(changes.iter().all(|change| change.ends_with(key)));
        assert_eq!(changes[2], format!("force {key}"), "{changes:?}");
        let status = self.read(&["status", "support-chat", "--json"]);
        let status: Value = serde_json::from_str(&status).unwrap();
        assert_eq!(status["mode"], "force", "{status}");
        assert_eq!(status["state"], "forced", "{status}");
        let others = self.read(&["status", "--json"]);
        let others: Value = serde_json::from_str(&others).unwrap();
        let forced = others["workloads"].as_array().unwrap().iter();
        let forced = forced.filter(|workload| workload["mode"] == "force");
        assert_eq!(forced.count(), 1, "{others}");
        // The chain of the audit is whole.
        self.read(&["audit", "--verify"]);
    }

    fn read(&self, arguments: &[&str]) -> String {
        let done = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(arguments)
            .args(["--config", &self.config])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}");
        String::from_utf8(done.stdout).unwrap()
    }
}

/// Where a journey takes place, besides its terminal.
pub(crate) trait Ground {
    /// Fails unless the shell has a terminal as it was before the console.
    fn assert_given_back(&self, pty: &Pty);

    /// Fails unless what is between sees the same screen; waits for it.
    fn assert_same(&self, pty: &Pty);
}

/// From the shell to a forced workload with a second plan half typed, with everything that can happen in between.
/// The terminal must be 120x40 and show a prompt.
pub(crate) fn go(incident: &Incident, pty: &mut Pty, ground: &dyn Ground) {
    // Start.
    pty.wait_for("shell>");
    pty.press(&incident.command());
    pty.wait_for(HOME);
    pty.wait_for("> x FL");
    ground.assert_same(pty);
    force(pty);
    // Undo.
    pty.press("z");
    pty.wait_for("undo support-chat");
    pty.press_until_gone("y", "y apply");
    pty.wait_gone("(by you)");
    pty.wait_for("undid the last change of support-chat: applied on 1/1 gateways");
    // Compare.
    pty.press("c");
    pty.wait_for("B stable-chat fallback  done");
    // Leaving what still runs stops it first.
    pty.press_until_gone("\x1b", "Compare support-chat");
    pty.wait_for(HOME);
    // Resize, slowly and too quickly for every size to be seen.
    for (columns, rows) in [(80, 24), (60, 15), (200, 50), (40, 5)] {
        pty.resize(columns, rows);
        pty.wait_for("support-chat");
    }
    for _ in 0..20 {
        for size in [(20, 3), (133, 47), (1, 1), (80, 24)] {
            pty.resize(size.0, size.1);
        }
    }
    pty.wait_for(HOME);
    pty.wait_for("? help");
    ground.assert_same(pty);
    // Suspend; another size meanwhile; resume.
    pty.press("\x1a");
    pty.wait_for("topped");
    ground.assert_given_back(pty);
    pty.resize(120, 40);
    pty.press("fg\r");
    pty.wait_for(HOME);
    pty.wait_for("? help");
    ground.assert_same(pty);
    // A change that is acknowledged, and one that is not even whole.
    force(pty);
    breathe(pty);
    pty.press("H");
    pty.wait_for("hold support-chat");
    pty.wait_for("+ gateways: 1 gateway alive");
    pty.press("1su");
    pty.wait_for("su_");
}

/// The six keys.
fn force(pty: &mut Pty) {
    breathe(pty);
    pty.press("F");
    // Enter that comes long before its plan is not obeyed, and a busy machine may take long.
    pty.wait_for("+ gateways: 1 gateway alive");
    pty.press("1sup\r");
    pty.wait_for("forced support-chat: applied on 1/1 gateways");
    pty.wait_for("(by you)");
}

/// Waits until the clock of the screen has moved on: nobody types everything in one breath, and what is typed like
/// that is taken for a paste.
pub(crate) fn breathe(pty: &Pty) {
    let drawn = clock(&pty.text());
    pty.wait_until("the next second", |text| clock(text) != drawn);
}

/// The time in the first line.
fn clock(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let time = line.split_whitespace().last()?;
    time.ends_with('Z').then(|| time.to_owned())
}

/// Nothing between the program and the terminal.
struct Bare;

impl Ground for Bare {
    fn assert_given_back(&self, pty: &Pty) {
        pty.assert_restored_screen();
    }

    fn assert_same(&self, _: &Pty) {}
}

#[test]
fn an_incident_in_a_bare_terminal_that_hangs_up_at_the_end() {
    let incident = Incident::new();
    let mut pty = Pty::start("/bin/sh", &["-i"], (120, 40));
    go(&incident, &mut pty, &Bare);
    pty.hang_up();
    incident.alive.wait_gone();
    incident.assert_kept();
}
