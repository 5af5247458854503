//! Keys that were planted, and everything that a whole run leaves behind looked through for them: what commands print,
//! logs, files, the store, metrics, command lines, the screen, a core dump.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    os::unix::{
        fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
        process::ExitStatusExt as _,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use backstop::config;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    cli_project::{Run, Running, listens, wait_for},
    support::{
        pty::Pty,
        upstream::{Script, Upstream},
    },
};

/// Where each key is, and the key.
const FROM_FILE: &str = "sk-planted-file-0123456789abcdef";
const FROM_VARIABLE: &str = "sk-planted-variable-0123456789abcdef";
const FROM_SYSTEMD: &str = "sk-planted-credential-0123456789abcdef";
/// What a caller sends beside its key.
const COOKIE: &str = "planted-cookie-0123456789abcdef";
const TRACING: &str = "planted-telemetry-0123456789abcdef";

struct Project {
    directory: tempfile::TempDir,
    /// What a client asks with, as it was printed once.
    client: String,
}

fn private(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

impl Project {
    fn new(urls: &BTreeMap<&str, String>) -> Self {
        let mut project = Self {
            directory: tempfile::tempdir().unwrap(),
            client: String::new(),
        };
        let path = project.path();
        fs::create_dir(path.join("credentials")).unwrap();
        private(&path.join("acme.key"), FROM_FILE);
        private(&path.join("credentials/third-key"), FROM_SYSTEMD);
        let body = json!({"model": "chat", "messages": [{"role": "user", "content": "hello"}]});
        fs::write(path.join("hello.json"), body.to_string()).unwrap();
        let made = project.run(&["key", "new", "bot", "--workload", "chat", "--json"]);
        let made = made.exits(0).json();
        made["key"]
            .as_str()
            .unwrap()
            .clone_into(&mut project.client);
        let mut text = format!(
            "schema = 1\nstore = {{ url = \"sqlite:state\" }}\ngateway = {{ listen = \"127.0.0.1:0\" }}\n\
             probe = {{ active = false }}\n[clients.bot]\nworkloads = [\"*\"]\nmetrics = true\nkeys = [{{ sha256 = \"{}\" }}]\n",
            made["sha256"].as_str().unwrap()
        );
        for (name, key) in [
            ("first", "{ file = \"acme.key\" }"),
            ("second", "{ env = \"SECOND_KEY\" }"),
            ("third", "{ credential = \"third-key\" }"),
        ] {
            write!(
                text,
                "[providers.{name}]\nbase_url = \"{}\"\nfamily = \"openai-chat\"\nkey = {key}\n\
                 [routes.{name}]\nprovider = \"{name}\"\nmodel = \"m-{name}\"\n\
                 capabilities = [\"streaming\", \"tools\"]\n",
                urls[name]
            )
            .unwrap();
        }
        for (name, primary, fallback) in [("chat", "first", "second"), ("talk", "third", "first")] {
            write!(
                text,
                "[workloads.{name}]\nprimary = \"{primary}\"\nfallback = \"{fallback}\"\n\
                 triggers = [\"server-error\", \"overloaded\", \"broken-response\"]\n\
                 review = {{ required = false, min_samples = 1 }}\ncapture = \"redacted\"\n\
                 [[workloads.{name}.samples]]\nclass = \"chat\"\nfile = \"hello.json\"\n"
            )
            .unwrap();
        }
        fs::write(project.path().join("backstop.toml"), text).unwrap();
        project
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let path = self.path();
        vec![
            ("HOME", path.display().to_string()),
            ("LOGNAME", "jo".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("SECOND_KEY", FROM_VARIABLE.to_owned()),
            (
                "CREDENTIALS_DIRECTORY",
                path.join("credentials").display().to_string(),
            ),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                format!("authorization=Bearer {TRACING}"),
            ),
            ("BACKSTOP_LOG", "trace".to_owned()),
        ]
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
        command
            .args(args)
            .env_clear()
            .envs(self.environment())
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    fn serve(&self) -> (Running, String) {
        let log = self.path().join("serve.log");
        let mut serving = self.command(&["serve", "--log", log.to_str().unwrap()]);
        let gateway = Running(
            serving
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let address = listens(&log);
        (gateway, address)
    }

    fn ask(&self, address: &str, path: &str, body: &str) -> String {
        let run = Command::new("curl")
            .args([
                "-s",
                "-S",
                "-i",
                "-m",
                "20",
                "-H",
                "content-type: application/json",
            ])
            .args(["-H", &format!("authorization: Bearer {}", self.client)])
            .args(["-H", &format!("cookie: session={COOKIE}")])
            .args(if body.is_empty() {
                vec![]
            } else {
                vec!["--data-binary", body]
            })
            .arg(format!("http://{address}{path}"))
            .output();
        String::from_utf8_lossy(&run.unwrap().stdout).into_owned()
    }
}

/// Everything that was said, by who said it.
#[derive(Default)]
struct Said(Vec<(String, Vec<u8>)>);

impl Said {
    fn by(&mut self, who: &str, what: impl Into<Vec<u8>>) {
        self.0.push((who.to_owned(), what.into()));
    }

    /// Every file below a directory, but those that are there to hold a key.
    fn files(&mut self, directory: &Path, but: &[PathBuf]) {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            let path = entry.path();
            if but.contains(&path) {
                continue;
            }
            if path.is_dir() {
                self.files(&path, but);
            } else {
                self.by(
                    &format!("the file {}", path.display()),
                    fs::read(&path).unwrap_or_default(),
                );
            }
        }
    }

    /// Fails when a secret, or a good part of one, is in any of it.
    #[track_caller]
    fn holds_none_of(&self, secrets: &[&str]) {
        for (who, what) in &self.0 {
            for secret in secrets {
                // The beginning alone would already tell too much.
                let telling = &secret.as_bytes()[..secret.len() - 8];
                let found = what
                    .windows(telling.len())
                    .position(|piece| piece == telling);
                let Some(place) = found else { continue };
                let around = &what[place.saturating_sub(80)..(place + 80).min(what.len())];
                panic!("{who} tells {secret}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

/// Providers that repeat the key they were asked with: in an error, in an answer, in a stream, in a header.
async fn providers() -> BTreeMap<&'static str, Upstream> {
    let mut all = BTreeMap::new();
    for name in ["first", "second", "third"] {
        let upstream = Upstream::start(Script::new()).await;
        upstream.choose(move |seen| {
            let key = seen.header("authorization").unwrap_or_default().replace("Bearer ", "");
            let header = format!("asked with {key}");
            let shown = [("content-type", "application/json"), ("x-debug", &*header)];
            let body = seen.text();
            if name == "first" && !body.contains("\"hello\"") {
                let error = json!({"error": {"message": format!("no {key}"), "type": key, "code": format!("bad {key}")}});
                return Script::answer(if body.contains("refuse") { 401 } else { 503 }, &shown, &error.to_string());
            }
            if body.contains("\"stream\":true") {
                let delta = json!({"choices": [{"index": 0, "delta": {"content": format!("your key is {key}")}}]});
                let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
                return Script::stream()
                    .chunk(&format!("data: {delta}\n\ndata: {end}\n\ndata: [DONE]\n\n"))
                    .end();
            }
            let answer = json!({
                "id": key, "model": key, "system_fingerprint": key,
                "choices": [{"index": 0, "finish_reason": "stop",
                    "message": {"role": "assistant", "content": format!("your key is {key}"),
                        "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": format!("{{\"k\":\"{key}\"}}")}}]}}],
            });
            Script::answer(200, &shown, &answer.to_string())
        });
        all.insert(name, upstream);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_key_is_in_nothing_that_a_whole_run_leaves_behind() {
    let providers = providers().await;
    let urls = providers
        .iter()
        .map(|(name, one)| (*name, one.url()))
        .collect();
    let project = Project::new(&urls);
    let (said, project) = spawn_blocking(move || (through(&project), project))
        .await
        .unwrap();
    let asked = providers.values().map(Upstream::count).min();
    assert!(asked >= Some(2), "every key was used: {asked:?}");
    let secrets = [
        FROM_FILE,
        FROM_VARIABLE,
        FROM_SYSTEMD,
        COOKIE,
        TRACING,
        &*project.client,
    ];
    said.holds_none_of(&secrets);
}

fn through(project: &Project) -> Said {
    let mut said = Said::default();
    let (gateway, address) = project.serve();
    // Errors with the key in them, told to the caller without it.
    for body in [
        "{\"model\":\"m\",\"messages\":[\"refuse\"]}",
        "{\"model\":\"m\",\"stream\":true,\"messages\":[\"refuse\"]}",
    ] {
        said.by(
            "a refusal",
            project.ask(&address, "/w/chat/v1/chat/completions", body),
        );
    }
    // A whole answer is the provider's word to its caller, key or no key: it is relayed, and kept nowhere.
    for path in ["chat", "talk"] {
        for stream in [false, true] {
            let body = json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}]});
            let answer = project.ask(
                &address,
                &format!("/w/{path}/v1/chat/completions"),
                &body.to_string(),
            );
            let head = answer.split("\r\n\r\n").next().unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
            said.by("the head of an answer", head);
        }
    }
    for path in ["/metrics", "/readyz", "/v1/models", "/w/nobody/v1/models"] {
        said.by(path, project.ask(&address, path, ""));
    }
    let pid = gateway.0.id();
    said.by(
        "the command line",
        fs::read(format!("/proc/{pid}/cmdline")).unwrap(),
    );
    for args in [
        &["check"][..],
        &["check", "--json"],
        &["status"],
        &["status", "--json"],
        &["events"],
        &["events", "--json"],
        &["explain", "chat"],
        &["explain", "chat", "--json"],
        &["probe", "--all"],
        &["probe", "--all", "--json"],
        &["probe", "first", "--ladder", "--json"],
        &["probe", "chat", "--curl"],
        &["compare", "chat"],
        &["compare", "talk", "--json"],
        &["compare", "talk", "--markdown"],
        &["compare", "chat", "--sheet", "sheet.json"],
        &["doctor"],
        &["doctor", "--deep", "--json"],
        &["paths", "--json"],
        &["key", "list"],
        &["gateways", "--json"],
        &["force", "chat", "--confirm", "chat", "--reason", "5xx"],
        &["audit", "--json"],
        &["audit", "--export", "jsonl"],
        &["audit", "--export", "syslog"],
        &["report", "--since", "1h"],
        &["report", "--since", "1h", "--json"],
        &["samples", "add", "chat", "--from-traffic"],
        &["samples", "check"],
        &["review", "queue"],
        &["drill", "--down", "first", "--json"],
        &["backup", "backup"],
        &["force", "--key", "x"],
    ] {
        let run = project.run(args);
        said.by(&format!("{args:?}"), run.out);
        said.by(&format!("{args:?}, told"), run.err);
    }
    said.by("the console", console(project));
    gateway.signal(Signal::TERM);
    let mut gateway = gateway;
    assert_eq!(gateway.ends(), Some(0));
    let keys = ["acme.key", "credentials"].map(|name| project.path().join(name));
    said.files(project.path(), &keys);
    let names: Vec<&str> = said.0.iter().map(|(who, _)| who.as_str()).collect();
    for file in [
        "serve.log",
        "state.db",
        "events.db",
        "backup/",
        "sheet.json",
    ] {
        assert!(
            names.iter().any(|name| name.contains(file)),
            "{file} was looked through: {names:?}"
        );
    }
    said
}

/// Every byte that a console sends while it looks at all of it and compares.
fn console(project: &Project) -> Vec<u8> {
    let variables =
        project
            .environment()
            .into_iter()
            .fold(String::new(), |mut all, (name, value)| {
                let _ = write!(all, "{name}='{value}' ");
                all
            });
    let command = format!(
        "cd '{}' && env {variables} '{}' console --write",
        project.path().display(),
        env!("CARGO_BIN_EXE_backstop")
    );
    let mut pty = Pty::start("/bin/sh", &["-c", &command], (120, 40));
    pty.wait_for("Workloads 2/2");
    for (key, there) in [
        ("2", "Routes "),
        ("3", "Events "),
        ("\r", "in force"),
        ("4", "Reviews "),
        ("5", "Audit "),
        ("6", "Gateways "),
        ("1", "Workloads "),
    ] {
        if there == "in force" {
            // The first row may not be there yet, and then Enter opens nothing.
            pty.press_until(key, there);
            pty.press_until_gone("\x1b", there);
            continue;
        }
        pty.press(key);
        // The title of a screen is in its second line; other screens name it elsewhere.
        pty.wait_until(there, |text| {
            let title = text.lines().nth(1).unwrap_or_default();
            title.trim_start().starts_with(there)
        });
    }
    // Right behind another key it could be part of a paste, and is not taken then.
    pty.press_until("c", "your key is ***");
    pty.press("\x03");
    pty.exits(0);
    pty.bytes()
}

#[test]
fn what_is_loaded_shows_no_key_when_it_is_printed_whole() {
    let urls: BTreeMap<_, _> = ["first", "second", "third"]
        .map(|name| (name, "http://127.0.0.1:9".to_owned()))
        .into();
    let project = Project::new(&urls);
    let variables: BTreeMap<_, _> = project.environment().into_iter().collect();
    let look = |name: &str| variables.get(name).cloned();
    let loaded = config::load(&project.path().join("backstop.toml"), &look);
    let catalog = loaded
        .catalog
        .unwrap_or_else(|| panic!("{}", loaded.report.render(false)));
    assert!(
        catalog
            .routes
            .values()
            .all(|route| route.credential.is_some())
    );
    // What the message of a panic, a log line or a debugger's `print` would be made of.
    let mut said = Said::default();
    said.by("the catalog", format!("{catalog:?} {catalog:#?}"));
    said.holds_none_of(&[FROM_FILE, FROM_VARIABLE, FROM_SYSTEMD]);
}

#[test]
fn a_process_that_is_killed_with_a_core_dump_leaves_none() {
    let urls: BTreeMap<_, _> = ["first", "second", "third"]
        .map(|name| (name, "http://127.0.0.1:9".to_owned()))
        .into();
    let project = Project::new(&urls);
    let serve = "ulimit -c unlimited 2>/dev/null; exec \"$0\" serve";
    let mut shell = Command::new("sh");
    shell
        .args(["-c", serve, env!("CARGO_BIN_EXE_backstop")])
        .env_clear()
        .envs(project.environment())
        .current_dir(project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut gateway = Running(shell.spawn().unwrap());
    wait_for("the gateway", || {
        let listed = project.run(&["gateways", "--json"]);
        let beats: Value = serde_json::from_str(&listed.out).ok()?;
        beats.as_array()?.first().map(drop)
    });
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.0.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let numbers: Vec<&str> = core.unwrap().split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"]);
    // Nobody but the superuser may look into it.
    for file in ["environ", "mem", "maps"] {
        let owner = fs::metadata(format!("/proc/{}/{file}", gateway.0.id()))
            .unwrap()
            .uid();
        assert_eq!(owner, 0, "{file}");
    }
    gateway.signal(Signal::ABORT);
    let status = gateway.0.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
    for entry in fs::read_dir(project.path()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(!name.starts_with("core"), "{name}");
    }
}

/// Everything that a run has made, which only its owner may read.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_makes_is_for_its_owner_alone() {
    let providers = providers().await;
    let urls = providers
        .iter()
        .map(|(name, one)| (*name, one.url()))
        .collect();
    let project = Project::new(&urls);
    let before = made(project.path());
    let project = spawn_blocking(move || {
        let (gateway, address) = project.serve();
        project.ask(
            &address,
            "/w/chat/v1/chat/completions",
            "{\"model\":\"m\",\"messages\":[]}",
        );
        project.run(&["backup", "backup"]).exits(0);
        project.run(&["compare", "talk", "--sheet", "sheet.json"]);
        console(&project);
        drop(gateway);
        project
    })
    .await
    .unwrap();
    let after = made(project.path());
    let fresh: Vec<_> = after.iter().filter(|path| !before.contains(path)).collect();
    for name in [
        "state/events.db",
        "state/state.db",
        "backup/state.db",
        "serve.log",
        "sheet.json",
        "console.log",
    ] {
        assert!(
            fresh.iter().any(|path| path.ends_with(name)),
            "{name} is among {fresh:?}"
        );
    }
    for path in fresh {
        let metadata = fs::metadata(path).unwrap();
        // `.local` and its like belong to all programs of the user, and the directory above keeps others out.
        let shared = [".local", "state", ".config"]
            .iter()
            .any(|name| path.ends_with(name))
            && metadata.is_dir();
        let open = metadata.permissions().mode() & 0o077;
        assert!(
            open == 0 || shared && open & 0o022 == 0,
            "{} has mode {open:o}",
            path.display()
        );
    }
}

/// Every path below a directory.
fn made(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            all.extend(made(&entry.path()));
        }
        all.push(entry.path());
    }
    all
}
