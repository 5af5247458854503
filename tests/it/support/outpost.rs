//! A real gateway process with its providers and its store, and a layer that makes its system calls fail.
//!
//! Its workloads: `steady`, whose primary works; `careful`, which would rather return an error than a fallback
//! without an event; `eager` and `switched`, which would rather serve. The primary of these three always fails.

use std::{
    fmt::Write as _,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use backstop::{
    clock::Clock,
    store::{Access, Store},
};
use tokio::time::timeout;

use super::{
    gateway::{FALLBACK, OVERLOADED},
    pty::Pty,
    upstream::{DEADLINE, Script, Upstream},
};
use crate::cli_project::Run;

/// How many lines of a log are worth to be read by somebody whose test failed.
const RECENT: usize = 20;

/// Providers, a configuration, and the place of a store.
pub(crate) struct Outpost {
    directory: tempfile::TempDir,
    _providers: [Upstream; 2],
}

impl Outpost {
    /// `more` stands under `[gateway]`.
    pub(crate) async fn new(more: &str) -> Self {
        Self::with("url = \"sqlite:state\"", more).await
    }

    /// With these lines under `[store]`; its files are then not in `state`.
    pub(crate) async fn with(store: &str, more: &str) -> Self {
        let failing = Upstream::start(Script::json(503, OVERLOADED)).await;
        let working = Upstream::start(Script::json(200, FALLBACK)).await;
        let directory = tempfile::tempdir().unwrap();
        let text = configuration(&failing.url(), &working.url(), store, more);
        fs::write(directory.path().join("backstop.toml"), text).unwrap();
        Self {
            directory,
            _providers: [failing, working],
        }
    }

    /// Where everything is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the store.
    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// The store, as another process has it.
    pub(crate) async fn open(&self, access: Access) -> Store {
        let url = format!("sqlite:{}", self.state().display());
        Store::open(&url, access, Clock::system()).await.unwrap()
    }

    /// The program here, with nothing of the host's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.commands().command(args)
    }

    /// Runs one command line, split at blanks.
    pub(crate) fn run(&self, line: &str) -> Run {
        self.commands().run(line)
    }

    /// A shell here.
    pub(crate) fn commands(&self) -> Commands {
        Commands {
            directory: self.path().to_owned(),
        }
    }

    /// Starts the gateway; its system calls obey the faults of the name `gateway`.
    pub(crate) fn serve(&self) -> Gateway {
        self.serve_beside("serve")
    }

    /// Starts one more, whose log has another name.
    pub(crate) fn serve_beside(&self, name: &str) -> Gateway {
        let log = self.path().join(format!("{name}.log"));
        let mut command = self.command(&["serve"]);
        self.under_faults(&mut command, "gateway")
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap());
        Gateway {
            child: command.spawn().unwrap(),
            log,
        }
    }

    /// Loads the layer into a command; its calls obey the faults of this name.
    pub(crate) fn under_faults<'a>(&self, command: &'a mut Command, name: &str) -> &'a mut Command {
        under_faults(command, self.path(), name)
    }

    /// Opens a console whose system calls obey the faults of the name `console`.
    pub(crate) fn console(&self) -> Pty {
        let config = self.path().join("backstop.toml");
        let line = [
            &format!("LD_PRELOAD={}", layer().display()),
            &format!("FAULTS={}", self.path().join("faults-console").display()),
            env!("CARGO_BIN_EXE_backstop"),
            "console",
            "--write",
            "--config",
            config.to_str().unwrap(),
        ];
        Pty::start("env", &line, (120, 30))
    }

    /// How many seconds the clock is wrong from now on, for everything under the layer.
    pub(crate) fn wrong_clock(&self, seconds: i64) {
        put(self.path(), "clock", &seconds.to_string());
    }

    /// What happens to system calls from now on; see `faults.c`. Empty: nothing.
    pub(crate) fn faults(&self, name: &str, lines: &str) {
        faults(self.path(), name, lines);
    }
}

fn under_faults<'a>(command: &'a mut Command, directory: &Path, name: &str) -> &'a mut Command {
    command
        .env("LD_PRELOAD", layer())
        .env("FAULTS", directory.join(format!("faults-{name}")))
        .env("CLOCK", directory.join("clock"))
}

fn faults(directory: &Path, name: &str, lines: &str) {
    put(directory, &format!("faults-{name}"), lines);
}

fn put(directory: &Path, name: &str, text: &str) {
    let new = directory.join(format!("{name}.new"));
    fs::write(&new, text).unwrap();
    // In one step: nobody reads half of it.
    fs::rename(new, directory.join(name)).unwrap();
}

/// A shell in the directory of an outpost.
#[derive(Clone)]
pub(crate) struct Commands {
    directory: PathBuf,
}

impl Commands {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
        command
            .args(args)
            .env_clear()
            .env("HOME", &self.directory)
            .env("LOGNAME", "jo")
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs one command line, split at blanks.
    pub(crate) fn run(&self, line: &str) -> Run {
        Run::of(self.start(line, None).wait_with_output().unwrap())
    }

    /// Starts one; with faults of a name, if any.
    pub(crate) fn start(&self, line: &str, armed: Option<(&str, String)>) -> Child {
        let args: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.command(&args);
        if let Some((name, lines)) = armed {
            faults(&self.directory, name, &lines);
            under_faults(&mut command, &self.directory, name);
        }
        command.spawn().unwrap()
    }
}

/// The layer, compiled once.
fn layer() -> &'static Path {
    static LAYER: OnceLock<PathBuf> = OnceLock::new();
    LAYER.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/faults.c");
        let made = format!(
            "{}/faults-{}.so",
            env!("CARGO_TARGET_TMPDIR"),
            std::process::id()
        );
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let output = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o", &made, source, "-ldl"])
            .output()
            .expect("a C compiler");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // Under a name that stays; several test processes may do the same.
        let layer = PathBuf::from(format!("{}/faults.so", env!("CARGO_TARGET_TMPDIR")));
        fs::rename(made, &layer).unwrap();
        layer
    })
}

/// A gateway process; killed when dropped.
pub(crate) struct Gateway {
    child: Child,
    log: PathBuf,
}

impl Gateway {
    /// Where it listens, as its log says: it may have no store to say it in.
    pub(crate) async fn address(&mut self) -> SocketAddr {
        let said = self.says("the gateway serves address=").await;
        let rest = said.split_once("address=").unwrap().1;
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Waits until a line with these words is in its log.
    pub(crate) async fn says(&mut self, words: &str) -> String {
        let wait = async {
            loop {
                let log = fs::read_to_string(&self.log).unwrap();
                if let Some(line) = log.lines().find(|line| line.contains(words)) {
                    return line.to_owned();
                }
                let ended = self.child.try_wait().unwrap();
                assert_eq!(ended, None, "the gateway has ended: {log}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let said = timeout(DEADLINE, wait).await;
        said.unwrap_or_else(|_| panic!("no `{words}` in {}", self.log()))
    }

    /// Its log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL: nothing is flushed, nobody says farewell.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::print_stderr,
    reason = "beside the message of the test that fails"
)]
impl Drop for Gateway {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        self.kill();
        if std::thread::panicking() {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let recent = &lines[lines.len().saturating_sub(RECENT)..];
            eprintln!("the gateway, {ended:?}, said:\n{}", recent.join("\n"));
        }
    }
}

/// What a client was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The class that made a fallback answer.
    pub(crate) fallback: Option<String>,
    pub(crate) event: Option<String>,
    /// The event could not be written, and the answer says so.
    pub(crate) unlogged: bool,
}

/// Asks a workload; `None`: the gateway is gone.
pub(crate) async fn ask(
    client: &reqwest::Client,
    address: SocketAddr,
    workload: &str,
) -> Option<Answer> {
    let url = format!("http://{address}/w/{workload}/v1/chat/completions");
    let body = r#"{"model":"m","messages":[]}"#;
    let response = client.post(url).body(body).send().await.ok()?;
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    Some(Answer {
        status: response.status().as_u16(),
        fallback: header("x-backstop-fallback"),
        event: header("x-backstop-event"),
        unlogged: header("x-backstop-unlogged").is_some(),
    })
}

fn configuration(failing: &str, working: &str, store: &str, more: &str) -> String {
    let mut text = format!(
        r#"
schema = 1
[environment]
name = "test"
[store]
{store}
[probe]
active = false
[gateway]
listen = "127.0.0.1:0"
workers = 2
{more}
[providers.failing]
base_url = "{failing}"
family = "openai-chat"
key = {{ none = true }}
[providers.working]
base_url = "{working}"
family = "openai-chat"
key = {{ none = true }}
[routes.premium]
provider = "failing"
model = "model-1"
circuit = false
[routes.stable]
provider = "working"
model = "model-2"
[workloads.steady]
primary = "stable"
"#
    );
    for (name, policy) in [
        ("careful", "refuse"),
        ("eager", "serve"),
        ("switched", "serve"),
    ] {
        let _ = write!(
            text,
            r#"
[workloads.{name}]
primary = "premium"
fallback = "stable"
triggers = ["server-error", "overloaded", "timeout", "unreachable"]
on_log_failure = "{policy}"
"#
        );
    }
    text
}
