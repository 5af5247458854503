//! The demo and the simulated providers as processes: they say where they are, and leave nothing behind.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Long enough for a loaded machine; nothing waits this long when all is well.
const DEADLINE: Duration = Duration::from_mins(1);

/// A process that is killed when a test fails.
pub(crate) struct Running {
    child: Child,
    /// The line it printed.
    pub(crate) line: Value,
    /// What it prints after that line.
    rest: mpsc::Receiver<String>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_backstop"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let (first, line) = mpsc::channel();
        let (last, rest) = mpsc::channel();
        std::thread::spawn(move || read(output, &first, &last));
        let line = line.recv_timeout(DEADLINE);
        let Ok(line) = line else {
            let _ = child.kill();
            panic!("{arguments:?} did not print its line");
        };
        Self {
            child,
            line: serde_json::from_str(&line).unwrap(),
            rest,
        }
    }

    fn directory(&self) -> PathBuf {
        let config = Path::new(self.line["config"].as_str().unwrap());
        config.parent().unwrap().to_owned()
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end; nothing but the one line may have been printed.
    fn ends_well(mut self) {
        let rest = self.rest.recv_timeout(DEADLINE).unwrap();
        assert_eq!(rest, "", "one line only");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: ChildStdout, first: &mpsc::Sender<String>, last: &mpsc::Sender<String>) {
    let mut output = BufReader::new(output);
    let mut text = String::new();
    if output.read_line(&mut text).is_ok_and(|bytes| bytes > 0) {
        let _ = first.send(std::mem::take(&mut text));
    }
    let _ = output.read_to_string(&mut text);
    let _ = last.send(text);
}

/// Another subcommand on the same demo, from another shell.
fn other(config: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args(arguments)
        .env_clear()
        .env("BACKSTOP_CONFIG", config)
        .output()
        .unwrap();
    (
        done.status.code(),
        String::from_utf8_lossy(&done.stdout).into_owned(),
    )
}

#[test]
fn it_says_where_it_is_and_ends_when_its_time_is_up() {
    let demo = Running::start(&["demo", "--headless", "--seconds", "2", "--no-faults"]);
    let directory = demo.directory();
    let line = &demo.line;
    assert!(
        line["gateway"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    assert!(line["store"].as_str().unwrap().starts_with("sqlite:"));
    assert_eq!(line["workloads"].as_array().unwrap().len(), 7);
    assert_eq!(line["providers"].as_object().unwrap().len(), 9);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("keys")), 0o700);
    demo.ends_well();
    assert!(!directory.exists(), "nothing is left behind");
}

#[test]
fn signals_end_it_well() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let demo = Running::start(&["demo", "--headless"]);
        let directory = demo.directory();
        demo.signal(signal);
        demo.ends_well();
        assert!(!directory.exists(), "{signal:?} leaves nothing behind");
    }
}

#[test]
fn the_directory_is_kept_on_request() {
    let demo = Running::start(&["demo", "--headless", "--keep", "--seconds", "0"]);
    let directory = demo.directory();
    demo.ends_well();
    assert!(directory.join("backstop.toml").exists());
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn other_subcommands_work_on_it_and_soon_see_the_failing_workload_on_top() {
    let demo = Running::start(&["demo", "--headless", "--seed", "1"]);
    let config = demo.line["config"].as_str().unwrap().to_owned();
    let (code, _) = other(&config, &["check"]);
    assert_eq!(
        code,
        Some(1),
        "one warning: the code assistant's notice is off"
    );
    let deadline = backstop::clock::Clock::instant() + DEADLINE;
    loop {
        let (code, text) = other(&config, &["status", "--json"]);
        assert_eq!(code, Some(0), "{text}");
        let overview: Value = serde_json::from_str(&text).unwrap();
        let worst = &overview["workloads"][0];
        if worst["state"] == "failing" {
            assert_eq!(worst["workload"], "support-chat");
            break;
        }
        let now = backstop::clock::Clock::instant();
        assert!(now < deadline, "the incident does not show: {text}");
    }
    demo.signal(Signal::TERM);
    demo.ends_well();
}

#[test]
fn simulated_providers_run_alone() {
    let alone = Running::start(&["simulate", "--seconds", "1"]);
    let url = alone.line["providers"]["aurora"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!(alone.line["families"]["dune"], "anthropic-messages");
    assert_eq!(alone.line["models"]["aurora"][0], "aurora-large");
    assert!(alone.line["keys"]["cobalt"].is_string());
    alone.ends_well();
}

#[test]
fn a_script_that_cannot_be_used_is_told() {
    let done = Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args(["simulate", "--script", "no-such-script"])
        .output()
        .unwrap();
    assert!(!done.status.success());
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        said.contains("no-such-script") && said.contains("incident"),
        "{said}"
    );
    assert!(done.stdout.is_empty());
}

#[test]
fn the_hour_before_it_tells_the_same_as_events_minutes_and_audit() {
    let demo = Running::start(&["demo", "--headless", "--seconds", "60"]);
    let config = demo.line["config"].as_str().unwrap().to_owned();
    let (code, traffic) = other(
        &config,
        &["traffic", "support-chat", "--since", "70m", "--json"],
    );
    assert_eq!(code, Some(0));
    let traffic: Value = serde_json::from_str(&traffic).unwrap();
    let sum = |key: &str| -> u64 {
        let points = traffic["points"].as_array().unwrap().iter();
        points.filter_map(|point| point[key].as_u64()).sum()
    };
    let (code, events) = other(&config, &["events", "--since", "70m", "--json"]);
    assert_eq!(code, Some(0));
    let told: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &Value| {
            event["gateway"] == "demo-before" && event["workload"] == "support-chat"
        })
        .collect();
    let count = |decisions: &[&str]| {
        let of = told.iter().filter(|event| {
            let decision = event["decision"].as_str();
            decision.is_some_and(|decision| decisions.contains(&decision))
        });
        of.count() as u64
    };
    assert!(count(&["fallback"]) > 500, "{}", told.len());
    // The gateway that runs now has not told of a whole minute yet.
    assert_eq!(sum("fallbacks"), count(&["fallback"]));
    assert_eq!(sum("errors"), count(&["refused", "broken"]));
    let changes = traffic["changes"].as_array().unwrap();
    assert_eq!(changes[0]["verb"], "force");
    assert_eq!(changes[0]["effect"]["errors"], "fell");
    assert_eq!(changes[0]["effect"]["minutes"], 1);
    assert_eq!(changes[1]["verb"], "undo");
    assert_eq!(changes[1]["effect"]["errors"], "none");
}
