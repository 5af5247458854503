//! Runs the real binary on a project of its own: what the tests of the command line share.

use std::{
    ffi::OsStr,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use backstop::clock::Clock;
use serde_json::Value;

use crate::control_project::Project;

/// How long a condition may take to become true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(5);

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON value on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Every line of standard output as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Itself, after checking the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// The binary in a project's directory, with nothing of the host's environment, as user `jo`.
pub(crate) fn command<S: AsRef<OsStr>>(
    project: &Project,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
    command
        .args(args)
        .env_clear()
        .env("HOME", project.path())
        .env("LOGNAME", "jo")
        .env("TERM", "xterm-256color")
        .current_dir(project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs one command line, split at blanks.
pub(crate) fn run(project: &Project, line: &str) -> Run {
    Run::of(command(project, line.split_whitespace()).output().unwrap())
}

/// Waits until `condition` gives something.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Clock::instant();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < DEADLINE, "waited too long for {what}");
        // Not at once: who looks without a pause takes a core from what is waited for.
        std::thread::sleep(LOOK);
    }
}

/// A process that is killed when the test is over, whatever happens.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn start(project: &Project, line: &str) -> Self {
        Self(command(project, line.split_whitespace()).spawn().unwrap())
    }

    /// Like [`Running::start`], with everything logged into a file.
    pub(crate) fn start_traced(project: &Project, line: &str, log: std::fs::File) -> Self {
        let mut command = command(project, line.split_whitespace());
        command.env("BACKSTOP_LOG", "trace").stderr(log);
        Self(command.spawn().unwrap())
    }

    /// `serve` that may have so many files open, logging into a file.
    pub(crate) fn start_limited(project: &Project, files: u32, log: std::fs::File) -> Self {
        let serve = format!("ulimit -n {files}; exec \"$0\" serve");
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &serve, env!("CARGO_BIN_EXE_backstop")])
            .env_clear()
            .env("HOME", project.path())
            .current_dir(project.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        Self(shell.spawn().unwrap())
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.0.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end; the exit code.
    pub(crate) fn ends(&mut self) -> Option<i32> {
        let child = &mut self.0;
        wait_for("the process to end", || child.try_wait().unwrap()).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the gateway that logs into this file listens.
pub(crate) fn listens(log: &std::path::Path) -> String {
    wait_for("the gateway", || {
        let text = std::fs::read_to_string(log).ok()?;
        let (_, rest) = text.split_once("the gateway serves address=")?;
        Some(rest.split_whitespace().next()?.to_owned())
    })
}
