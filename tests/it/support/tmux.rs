//! A tmux of its own: own socket, own settings, nothing of the user's.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{pty::Pty, tool};

/// A server that is ended with the test.
pub(crate) struct Tmux {
    program: PathBuf,
    socket: PathBuf,
    settings: PathBuf,
    _directory: tempfile::TempDir,
}

impl Tmux {
    /// The server is started by the first client.
    pub(crate) fn new(settings: &str) -> Self {
        let program = tool::find("tmux", "tmux");
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tmux.conf");
        // Without its own line at the bottom what tmux shows is what the program has drawn, cell by cell.
        std::fs::write(&file, format!("set -g status off\n{settings}\n")).unwrap();
        Self {
            program,
            socket: directory.path().join("socket"),
            settings: file,
            _directory: directory,
        }
    }

    /// The command line of a client that starts a session or comes back to it.
    pub(crate) fn client(&self) -> Vec<String> {
        let mut line = vec![tool::shown(&self.program)];
        line.extend(self.options());
        line.extend(
            [
                "new-session",
                "-A",
                "-s",
                "journey",
                "PS1='shell> ' exec /bin/sh -i",
            ]
            .map(str::to_owned),
        );
        line
    }

    fn options(&self) -> [String; 4] {
        let path = |path: &Path| tool::shown(path);
        let (socket, settings) = (path(&self.socket), path(&self.settings));
        ["-S".to_owned(), socket, "-f".to_owned(), settings]
    }

    /// A client in a terminal.
    pub(crate) fn attach(&self, size: (u16, u16)) -> Pty {
        let line = self.client();
        let arguments: Vec<&str> = line[1..].iter().map(String::as_str).collect();
        Pty::start(&line[0], &arguments, size)
    }

    /// Tells the server something; answers what it printed.
    pub(crate) fn tell(&self, command: &[&str]) -> String {
        let done = Command::new(&self.program)
            .args(self.options())
            .args(command)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "tmux {command:?}: {said}");
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// What tmux holds to be on the screen of the program.
    pub(crate) fn screen(&self) -> String {
        self.tell(&["capture-pane", "-p", "-t", "journey"])
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = Command::new(&self.program)
            .args(self.options())
            .arg("kill-server")
            .output();
    }
}
