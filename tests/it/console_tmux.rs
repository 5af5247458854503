//! The console in a real tmux: what it shows is what tmux holds, a client may come and go, and the end of the
//! server is the end of the console.

use std::time::Duration;

use backstop::clock::Clock;

use crate::{
    console_journey::{Ground, Incident, breathe, go},
    support::{pty::Pty, tmux::Tmux},
};

const DEADLINE: Duration = Duration::from_mins(1);

impl Ground for Tmux {
    fn assert_given_back(&self, _: &Pty) {
        // The client's own terminal says nothing of the program's.
        let modes = "#{alternate_on} #{cursor_flag} #{mouse_any_flag}";
        let shown = self.tell(&["display-message", "-p", "-t", "journey", modes]);
        assert_eq!(shown.trim(), "0 1 0", "{modes}");
    }

    fn assert_same(&self, pty: &Pty) {
        let lines = |text: &str| -> Vec<String> {
            let lines = text.lines().map(|line| line.trim_end().to_owned());
            let mut lines: Vec<String> = lines.collect();
            while lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
            lines
        };
        let deadline = Clock::instant() + DEADLINE;
        loop {
            let (held, shown) = (lines(&self.screen()), lines(&pty.text()));
            // The clock of the screen may tick between the two.
            if held == shown {
                return;
            }
            let late = Clock::instant() > deadline;
            assert!(!late, "tmux has\n{held:#?}\nthe client\n{shown:#?}");
        }
    }
}

#[test]
fn an_incident_in_tmux_whose_server_is_killed_at_the_end() {
    let incident = Incident::new();
    let tmux = Tmux::new("");
    let mut pty = tmux.attach((120, 40));
    go(&incident, &mut pty, &tmux);
    tmux.tell(&["kill-server"]);
    incident.alive.wait_gone();
    incident.assert_kept();
}

#[test]
fn a_client_that_is_killed_takes_nothing_along_and_the_next_one_sees_all_in_its_own_size() {
    let incident = Incident::new();
    let tmux = Tmux::new("");
    let mut pty = tmux.attach((120, 40));
    go(&incident, &mut pty, &tmux);
    pty.signal("KILL");
    drop(pty);
    assert!(incident.alive.is_held(), "tmux keeps the console");
    let mut pty = tmux.attach((80, 24));
    // Half typed as it was: whoever comes back to a plan sees it whole.
    pty.wait_for("hold support-chat");
    pty.wait_for("su_");
    pty.press("\x1b");
    pty.wait_for("Workloads 7/7");
    tmux.assert_same(&pty);
    pty.press("\x03");
    incident.alive.wait_gone();
    pty.wait_for("shell>");
    tmux.assert_given_back(&pty);
    incident.assert_kept();
}

#[test]
fn a_paste_into_a_list_is_no_verb_marked_or_not() {
    let incident = Incident::new();
    let tmux = Tmux::new("");
    let mut pty = tmux.attach((120, 40));
    pty.wait_for("shell>");
    pty.press(&incident.command());
    pty.wait_for("> x FL");
    // With the marks of bracketed paste.
    tmux.tell(&["set-buffer", "F1sup\nF1support-chat\nz\ny\nq\nH1sup\nX"]);
    tmux.tell(&["paste-buffer", "-p", "-t", "journey"]);
    pty.wait_for("a paste was ignored");
    // Without them, as by a terminal that knows none.
    tmux.tell(&["set-buffer", "F1sup\nF1sup\nHzqF"]);
    tmux.tell(&["paste-buffer", "-t", "journey"]);
    pty.wait_for("that looked like a paste");
    breathe(&pty);
    pty.press("\x03");
    incident.alive.wait_gone();
    assert_eq!(incident.changes(), [""; 0]);
}
