//! The console over a real SSH connection on loopback: the way it is used.

use crate::{
    console_journey::{Ground, Incident, go},
    support::{pty::Pty, ssh::Server, tmux::Tmux},
};

/// A shell that runs as the command of a login.
const SHELL: &str = "PS1='shell> ' exec /bin/sh -i";

/// Nothing but the connection.
struct Connection;

impl Ground for Connection {
    fn assert_given_back(&self, pty: &Pty) {
        pty.assert_restored_screen();
    }

    fn assert_same(&self, _: &Pty) {}
}

#[test]
fn an_incident_over_ssh_whose_connection_breaks_at_the_end() {
    let incident = Incident::new();
    let server = Server::new(incident.home.path());
    let mut pty = server.log_in(SHELL, (120, 40));
    go(&incident, &mut pty, &Connection);
    pty.signal("KILL");
    incident.alive.wait_gone();
    incident.assert_kept();
}

#[test]
fn a_connection_that_breaks_leaves_what_runs_in_tmux_for_the_next_login() {
    let incident = Incident::new();
    let server = Server::new(incident.home.path());
    let tmux = Tmux::new("");
    let line: Vec<String> = tmux
        .client()
        .iter()
        .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
        .collect();
    let client = format!("PS1='shell> ' exec {}", line.join(" "));
    let mut pty = server.log_in(&client, (120, 40));
    go(&incident, &mut pty, &tmux);
    pty.signal("KILL");
    drop(pty);
    let mut pty = server.log_in(&client, (80, 24));
    pty.wait_for("hold support-chat");
    pty.wait_for("su_");
    pty.press("\x1b");
    pty.wait_for("Workloads 7/7");
    pty.press("q");
    incident.alive.wait_gone();
    pty.wait_for("shell>");
    pty.press("exit 0\r");
    pty.exits(0);
    pty.assert_restored();
    incident.assert_kept();
}
