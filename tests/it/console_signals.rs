//! What the real binary does with signals that stop and end it, and with the shell, wrapper or editor around it.

use std::{fs, process::Command};

use crate::support::pty::Pty;

/// The words of the home screen.
const HOME: &str = "Workloads 7/7";

/// SIGTERM and SIGHUP as exit codes of a shell.
const ENDED_BY_TERM: u32 = 128 + 15;
const ENDED_BY_HUP: u32 = 128 + 1;

/// A console that a shell has started as a job, and its number.
struct Job {
    pty: Pty,
    pid: String,
    _place: tempfile::TempDir,
}

impl Job {
    fn start(size: (u16, u16)) -> Self {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pid");
        let mut pty = Pty::start("/bin/sh", &["-i"], size);
        pty.wait_for("shell>");
        pty.press(&format!(
            "sh -c 'echo $$ >{}; exec {} demo --no-faults --no-traffic'\r",
            file.display(),
            env!("CARGO_BIN_EXE_backstop")
        ));
        pty.wait_for(HOME);
        let pid = fs::read_to_string(file).unwrap().trim().to_owned();
        Self {
            pty,
            pid,
            _place: place,
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid]).status();
        assert!(sent.unwrap().success(), "kill -s {name} {}", self.pid);
    }

    /// Asks the shell with what number the console has ended, and leaves.
    fn ended_with(&mut self, number: u32) {
        self.pty.press("echo ended with $?\r");
        self.pty.wait_for(&format!("ended with {number}"));
        self.pty.press("exit 0\r");
        self.pty.exits(0);
        self.pty.assert_restored();
    }
}

#[test]
fn a_stop_from_outside_gives_the_screen_back_at_once_and_fg_brings_it_back_in_the_new_size() {
    let mut job = Job::start((80, 24));
    for (columns, rows) in [(120, 40), (60, 15)] {
        job.signal("TSTP");
        job.pty.wait_for("topped");
        job.pty.assert_restored_screen();
        job.pty.press("echo the shell has it\r");
        job.pty.wait_for("the shell has it\n");
        job.pty.resize(columns, rows);
        job.pty.press("fg\r");
        job.pty.wait_for(HOME);
        job.pty.wait_for("? help");
        job.pty.press("3");
        job.pty.wait_for("Events 0");
        job.pty.press("1");
        job.pty.wait_for(HOME);
    }
    job.pty.press("q");
    job.pty.wait_gone(HOME);
    job.ended_with(0);
}

#[test]
fn the_key_and_a_stop_from_outside_can_follow_each_other_and_each_stops_once() {
    // So high that every line of the shell stays on it.
    let mut job = Job::start((100, 100));
    let mut stops = 0;
    for key in [true, false, true, false, true, true] {
        if key {
            job.pty.press("\x1a");
        } else {
            job.signal("TSTP");
        }
        stops += 1;
        job.pty.wait_until("one more stop", |text| {
            text.matches("topped").count() == stops
        });
        job.pty
            .press(&format!("echo after stop $(({stops} + 0))\r"));
        job.pty.wait_for(&format!("after stop {stops}"));
        job.pty.press("fg\r");
        job.pty.wait_for(HOME);
    }
    job.pty.press("q");
    job.pty.wait_gone(HOME);
    job.ended_with(0);
}

#[test]
fn a_signal_that_came_while_it_was_stopped_is_not_lost() {
    let mut job = Job::start((80, 24));
    job.pty.press("\x1a");
    job.pty.wait_for("topped");
    job.signal("TERM");
    job.pty.press("fg\r");
    job.ended_with(ENDED_BY_TERM);
}

#[test]
fn being_continued_is_a_whole_new_frame() {
    let job = Job::start((80, 24));
    let before = job.pty.bytes().len();
    job.signal("CONT");
    job.pty.wait_for_bytes("a whole frame", |bytes| {
        let after = String::from_utf8_lossy(&bytes[before..]).into_owned();
        after.contains("\x1b[?1049h") && after.contains("support-chat") && after.contains("help")
    });
    job.pty.wait_for(HOME);
}

#[test]
fn where_no_shell_could_bring_it_back_it_stays() {
    // The program leads the terminal's session, as under `tmux new-session backstop` or `ssh HOST backstop`.
    let mut pty = Pty::backstop(&["demo", "--no-faults", "--no-traffic"], (80, 24));
    pty.wait_for(HOME);
    pty.press("\x1a");
    pty.wait_for("cannot be suspended here");
    pty.signal("TSTP");
    pty.press("3");
    pty.wait_for("Events 0");
    pty.press("\x03");
    pty.exits(0);
    pty.assert_restored();
    let entered = String::from_utf8_lossy(&pty.bytes())
        .matches("\x1b[?1049h")
        .count();
    assert_eq!(entered, 1, "the screen was never given away");
}

#[test]
fn a_hang_up_ends_it_with_the_same_code_whatever_tells_it_first() {
    for _ in 0..5 {
        let mut pty = Pty::backstop(&["demo", "--no-faults", "--no-traffic"], (80, 24));
        pty.wait_for(HOME);
        pty.hang_up();
        pty.exits(ENDED_BY_HUP);
    }
}

#[test]
fn a_hang_up_that_no_signal_tells_of_ends_it_as_well() {
    // As under nohup, or below a shell that disowned it.
    let binary = env!("CARGO_BIN_EXE_backstop");
    let line = format!("trap '' HUP; exec {binary} demo --no-faults --no-traffic");
    let mut pty = Pty::start("/bin/sh", &["-c", &line], (80, 24));
    pty.wait_for(HOME);
    pty.hang_up();
    pty.exits(ENDED_BY_HUP);
}

#[test]
fn an_editor_that_is_suspended_takes_the_console_along_and_back() {
    // As editors do on their ctrl-z: the whole group, which is the shell's job.
    let editor = "VISUAL=sh -c 'kill -s TSTP 0; echo it is back; read line; \
                  sed -i s/yesterday/today/ \"$1\"' sh";
    let mut pty = Pty::start("env", &[editor, "/bin/sh", "-i"], (80, 24));
    pty.wait_for("shell>");
    pty.press(concat!(
        env!("CARGO_BIN_EXE_backstop"),
        " demo --no-faults --no-traffic\r"
    ));
    pty.wait_for(HOME);
    pty.press("/sup\r");
    pty.wait_for("Workloads 1/7");
    pty.press("c");
    pty.wait_for("A premium-chat primary  done");
    pty.press("e");
    pty.wait_for("PAYLOAD support-chat/");
    pty.press("\x0f");
    pty.wait_for("topped");
    pty.assert_restored_screen();
    pty.press("fg\r");
    pty.wait_for("it is back");
    pty.press("go\r");
    pty.wait_for("EDITED");
    pty.press("\x1b");
    pty.wait_for("r sends it");
    pty.press("\x03");
    pty.wait_gone("r sends it");
    pty.press("exit 0\r");
    pty.exits(0);
    pty.assert_restored();
}
