//! One server as a process.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How many lines of a log are worth to be read by somebody whose test failed.
const RECENT: usize = 15;

/// A server: its program, its home, and its process while it runs.
pub(crate) struct Node {
    program: PathBuf,
    home: PathBuf,
    child: Option<Child>,
    ports: Option<Ports>,
}

/// Where it listens, by its own word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) clients: SocketAddr,
    pub(crate) monitoring: SocketAddr,
    /// For other servers; one alone has none.
    pub(crate) routes: Option<SocketAddr>,
}

impl Node {
    /// Writes its configuration; nothing runs yet.
    pub(crate) fn new(program: PathBuf, home: PathBuf, configuration: &str) -> Self {
        fs::create_dir_all(&home).unwrap();
        fs::write(home.join("nats-server.conf"), configuration).unwrap();
        Self {
            program,
            home,
            child: None,
            ports: None,
        }
    }

    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs", self.home.display());
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.home.join("log"))
            .unwrap();
        let child = Command::new(&self.program)
            .arg("--config")
            .arg(self.home.join("nats-server.conf"))
            .arg("--ports_file_dir")
            .arg(&self.home)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.ports = None;
    }

    /// Whether it has told its ports. Fails with its own words when it has ended.
    pub(crate) fn look(&mut self) -> bool {
        let child = self.child.as_mut().expect("the server was started");
        if let Some(ended) = child.try_wait().unwrap() {
            let log = fs::read_to_string(self.home.join("log")).unwrap_or_default();
            panic!("the server ended with {ended}:\n{log}");
        }
        let told = self.home.join(format!("nats-server_{}.ports", child.id()));
        self.ports = read(&told);
        self.ports.is_some()
    }

    pub(crate) fn ports(&self) -> Ports {
        self.ports.expect("the server was started once")
    }

    pub(crate) fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it runs, in words; for messages of tests that fail.
    pub(crate) fn state(&self) -> String {
        let Some(pid) = self.process() else {
            return "which does not run".to_owned();
        };
        let told = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = told
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        format!("process {pid} in state {}", state.unwrap_or('?'))
    }

    /// The end of what it has logged; errors and warnings are looked for further back.
    pub(crate) fn complaints(&self) -> String {
        let log = fs::read_to_string(self.home.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let recent = lines.len().saturating_sub(RECENT);
        let grave = |line: &&&str| {
            ["[ERR]", "[FTL]", "[WRN]"]
                .iter()
                .any(|word| line.contains(word))
        };
        let mut told: Vec<&str> = lines[..recent].iter().filter(grave).copied().collect();
        told.drain(..told.len().saturating_sub(RECENT));
        told.extend(&lines[recent..]);
        told.join("\n")
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        if let Some(mut child) = self.child.take() {
            child.wait().unwrap();
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            kill_process(Pid::from_child(child), signal).unwrap();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The file that a server writes when it listens; `None` while there is none, or not all of it.
fn read(told: &Path) -> Option<Ports> {
    let told: Value = serde_json::from_slice(&fs::read(told).ok()?).ok()?;
    let port = |kind: &str| -> Option<SocketAddr> {
        let url = told[kind].as_array()?.first()?.as_str()?;
        let (_, port) = url.rsplit_once(':')?;
        Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
    };
    Some(Ports {
        clients: port("nats")?,
        monitoring: port("monitoring")?,
        routes: port("cluster"),
    })
}
