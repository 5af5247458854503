//! Text from outside through every way in at once, and everything that comes out looked at: what commands print, as
//! text, JSON, Markdown, CSV and syslog, what gateways log and answer, what stands in files, and what a console
//! sends to its terminal.

use std::{
    fmt::Write as _,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::{
    cli_project::{Run, Running, listens},
    console_hostile::is_own,
    support::{
        pty::Pty,
        upstream::{Script, Upstream},
    },
    untrusted_text::{ATTACKS, harm},
};

/// Ways in that a round fills, each with another attack.
const WAYS: usize = 21;

/// A project in which every text that may be free is an attack.
struct Project {
    directory: tempfile::TempDir,
    /// The attack of the first way in.
    first: usize,
}

/// As TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

impl Project {
    fn new(first: usize, good: &str, bad: &str) -> Self {
        let project = Self {
            directory: tempfile::tempdir().unwrap(),
            first,
        };
        let home = project.home();
        fs::create_dir_all(home.join("samples")).unwrap();
        fs::create_dir_all(home.join(".config/backstop/themes")).unwrap();
        let own = format!(
            "[keys]\n{} = [{}]\n",
            quoted(&project.attack(0)),
            quoted(&project.attack(1))
        );
        fs::write(home.join(".config/backstop/other-keys.toml"), own).unwrap();
        let theme = format!("schema = 1\ninherits = {}\n", quoted(&project.attack(2)));
        let name = project.file_name(3);
        fs::write(
            home.join(".config/backstop/themes")
                .join(format!("{name}.toml")),
            theme,
        )
        .unwrap();
        for name in ["one", "two"] {
            let body = json!({
                "model": project.attack(4), project.attack(5): project.attack(6),
                "messages": [{"role": "user", "content": project.attack(7)}],
            });
            fs::write(home.join(format!("samples/{name}.json")), body.to_string()).unwrap();
        }
        fs::write(home.join("backstop.toml"), project.config(good, bad)).unwrap();
        project
    }

    fn attack(&self, way: usize) -> String {
        assert!(way < WAYS);
        ATTACKS[(self.first + way) % ATTACKS.len()].text.clone()
    }

    /// An attack as a name of a file: without what no name can hold.
    fn file_name(&self, way: usize) -> String {
        let name = self.attack(way).replace(['/', '\0'], "_");
        format!("x{}", name.chars().take(60).collect::<String>())
    }

    /// The home of the user, whose name is an attack, too.
    fn home(&self) -> PathBuf {
        self.directory.path().join(self.file_name(8))
    }

    fn config(&self, good: &str, bad: &str) -> String {
        let mut text = format!(
            "schema = 1\nenvironment = {{ name = {} }}\nstore = {{ url = \"sqlite:state\" }}\n\
             gateway = {{ listen = \"127.0.0.1:0\" }}\nprobe = {{ active = false }}\n",
            quoted(&self.attack(9))
        );
        for (name, url) in [("good", good), ("bad", bad)] {
            write!(
                text,
                "[providers.{name}]\nbase_url = \"{url}\"\nfamily = \"openai-chat\"\nkey = {{ none = true }}\n\
                 boundary = {{ billing = {}, region = {} }}\n[routes.{name}]\nprovider = \"{name}\"\nmodel = {}\n\
                 price = {{ input = 1.0, currency = {} }}\n",
                quoted(&self.attack(10)),
                quoted(&self.attack(11)),
                quoted(&self.attack(12)),
                quoted(&self.attack(13)),
            )
            .unwrap();
        }
        write!(
            text,
            "[workloads.chat]\ndescription = {}\nowner = {}\nprimary = \"bad\"\nfallback = \"good\"\n\
             triggers = [\"server-error\", \"overloaded\", \"forbidden\"]\njustify = {{ forbidden = {} }}\n\
             may_cross = [\"billing\", \"region\"]\nnotice = {{ text = \"backup\" }}\n\
             review = {{ required = false, min_samples = 1 }}\n",
            quoted(&self.attack(14)),
            quoted(&self.attack(15)),
            quoted(&self.attack(16)),
        )
        .unwrap();
        for name in ["one", "two"] {
            write!(
                text,
                "[[workloads.chat.samples]]\nclass = \"chat\"\nfile = \"samples/{name}.json\"\n\
                 checks = {{ contains = [{}] }}\n",
                quoted(&self.attack(7))
            )
            .unwrap();
        }
        text
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstop"));
        // A variable holds no NUL.
        let value = |way: usize| self.attack(way).replace('\0', "");
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home())
            .env("LOGNAME", value(17))
            .env("SUDO_USER", value(17))
            .env("SSH_CONNECTION", value(18))
            .env("SSH_CLIENT", value(18))
            .env("BACKSTOP_OPERATOR", value(19))
            .env("TERM", "xterm-256color")
            .current_dir(self.home())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }
}

/// How something is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    Markdown,
    Csv,
    Syslog,
}

/// Fails when what came out could do something to who reads it.
#[track_caller]
fn looked_at(what: &str, text: &str, form: Form) {
    assert_eq!(harm(text, "\n"), None, "{what}: {text:?}");
    match form {
        Form::Text => {}
        Form::Json => {
            for line in text.lines() {
                let read: Result<Value, _> = serde_json::from_str(line);
                assert!(read.is_ok(), "{what}: {line}");
            }
        }
        Form::Markdown => {
            for piece in ["<script", "<img", "[click](", "![x](", "| evil |"] {
                // In a block of code nothing of it means anything.
                let prose = outside_of_blocks(text);
                let mut found = prose.match_indices(piece);
                let means = found.find(|(place, _)| !prose.split_at(*place).0.ends_with('\\'));
                assert_eq!(means, None, "{what}: {prose}");
            }
        }
        Form::Csv => {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            for row in reader.records() {
                for cell in &row.unwrap() {
                    assert!(
                        !cell.starts_with(['=', '+', '@', '-', '\t', '\r']),
                        "{what}: {cell:?}"
                    );
                }
            }
        }
        Form::Syslog => {
            for line in text.lines() {
                assert!(line.is_ascii() && line.starts_with('<'), "{what}: {line:?}");
                let version = line.split_once('>').map(|(_, rest)| rest.starts_with("1 "));
                assert_eq!(version, Some(true), "{what}: {line:?}");
            }
        }
    }
}

fn outside_of_blocks(text: &str) -> String {
    let mut fence: Option<String> = None;
    let mut prose = String::new();
    for line in text.lines() {
        let ticks: String = line.chars().take_while(|letter| *letter == '`').collect();
        match &fence {
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => {
                prose.push_str(line);
                prose.push('\n');
            }
            Some(open) if line == open => fence = None,
            Some(_) => {}
        }
    }
    prose
}

/// Everything that stands in the files of a directory and is text for people.
fn logs(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            logs(&path, found);
        } else if path
            .extension()
            .is_some_and(|kind| kind == "log" || kind == "txt")
        {
            found.push(path);
        }
    }
}

/// An answer and an error that are attacks from end to end.
fn hostile_provider(first: usize) -> (Script, Script) {
    let text = |way: usize| ATTACKS[(first + way) % ATTACKS.len()].text.clone();
    let all: String = ATTACKS.iter().map(|attack| attack.text.as_str()).collect();
    let good = json!({
        "id": text(1), "model": text(2), text(3): text(4),
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": all, "refusal": null,
                "tool_calls": [{"id": text(5), "type": "function", "function": {"name": text(6), "arguments": text(7)}}]}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    });
    let bad =
        json!({"error": {"message": all, "type": text(8), "code": text(9), text(10): text(11)}});
    // A header cannot hold a line end or NUL; eight-bit bytes it can.
    let mut header = b"HTTP/1.1 503 Busy\r\ncontent-type: application/json\r\nx-hostile: \x9b2J\x9d0;x\x9c\r\nx-request-id: \xc2\x9b6n\r\n".to_vec();
    let body = bad.to_string();
    header.extend(format!("content-length: {}\r\n\r\n{body}", body.len()).into_bytes());
    (
        Script::json(200, &good.to_string()),
        Script::new().send(header),
    )
}

/// One round: every way in holds another attack than in the round before.
async fn round(first: usize) {
    let (answer, error) = hostile_provider(first);
    let (good, bad) = (Upstream::start(answer).await, Upstream::start(error).await);
    let project = Project::new(first, &good.url(), &bad.url());
    spawn_blocking(move || through(&project)).await.unwrap();
    drop((good, bad));
}

fn through(project: &Project) {
    let log = project.home().join("serve.log");
    let mut serving = project.command(&["serve", "--log", log.to_str().unwrap()]);
    let gateway = Running(
        serving
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let address = listens(&log);
    traffic(project, &address);
    operators(project);
    for (args, form) in [
        (&["check"][..], Form::Text),
        (&["check", "--json"], Form::Json),
        (&["status"], Form::Text),
        (&["status", "chat"], Form::Text),
        (&["status", "--json"], Form::Json),
        (&["events"], Form::Text),
        (&["events", "--json"], Form::Json),
        (&["audit"], Form::Text),
        (&["audit", "--json"], Form::Json),
        (&["audit", "--export", "jsonl"], Form::Json),
        (&["audit", "--export", "syslog"], Form::Syslog),
        (&["audit", "--verify"], Form::Text),
        (&["explain", "chat"], Form::Text),
        (&["explain", "chat", "--json"], Form::Json),
        (&["report", "--since", "1h"], Form::Markdown),
        (&["report", "--since", "1h", "--json"], Form::Json),
        (&["drill", "--down", "bad"], Form::Text),
        (&["drill", "--down", "bad", "--json"], Form::Json),
        (&["gateways"], Form::Text),
        (&["doctor"], Form::Text),
        (&["doctor", "--json"], Form::Json),
        (&["paths"], Form::Text),
        (&["paths", "--json"], Form::Json),
        (&["samples", "list"], Form::Text),
        (&["samples", "check"], Form::Text),
        (&["probe", "chat"], Form::Text),
        (&["probe", "chat", "--json"], Form::Json),
        (&["probe", "chat", "--curl"], Form::Text),
        (&["compare", "chat"], Form::Text),
        (&["compare", "chat", "--json"], Form::Json),
        (&["compare", "chat", "--markdown"], Form::Markdown),
        (&["review", "queue"], Form::Text),
        (&["review", "list"], Form::Text),
        (&["theme", "list"], Form::Text),
        (&["theme", "check"], Form::Text),
        (&["key", "list"], Form::Text),
    ] {
        shown(project, args, form);
    }
    reviews(project);
    misused(project);
    drop(gateway);
    let mut files = Vec::new();
    logs(&project.home(), &mut files);
    assert!(files.contains(&log));
    for file in files {
        let text = String::from_utf8(fs::read(&file).unwrap()).unwrap();
        looked_at(&format!("{}", file.display()), &text, Form::Text);
    }
}

fn shown(project: &Project, args: &[&str], form: Form) -> Run {
    let run = project.run(args);
    let what = format!("{args:?} of round {}", project.first);
    looked_at(&what, &run.out, form);
    looked_at(&format!("{what}, told"), &run.err, Form::Text);
    run
}

/// Requests whose every part is an attack, and the errors that the gateway makes of them.
fn traffic(project: &Project, address: &str) {
    let ask = |path: &str, body: String| {
        let url = format!("http://{address}{path}");
        let run = Command::new("curl")
            .args([
                "-s",
                "-S",
                "-m",
                "20",
                "-X",
                "POST",
                "-H",
                "content-type: application/json",
                "--data-binary",
            ])
            .args([&body, &url])
            .output();
        String::from_utf8_lossy(&run.unwrap().stdout).into_owned()
    };
    let body =
        json!({"model": "chat", "messages": [{"role": "user", "content": project.attack(20)}]});
    for _ in 0..2 {
        ask("/w/chat/v1/chat/completions", body.to_string());
    }
    for way in 0..4 {
        let body = json!({"model": project.attack(way), "messages": []});
        looked_at(
            "an unknown model",
            &ask("/v1/chat/completions", body.to_string()),
            Form::Json,
        );
        let name: String = project
            .attack(way)
            .bytes()
            .fold(String::new(), |mut path, byte| {
                let _ = write!(path, "%{byte:02x}");
                path
            });
        let answer = ask(&format!("/w/{name}/v1/chat/completions"), "{}".to_owned());
        looked_at("an unknown workload", &answer, Form::Json);
    }
}

/// Changes with attacks in every text that an operator writes.
fn operators(project: &Project) {
    let text = |way: usize| project.attack(way).replace('\0', "");
    let (note, ticket, name) = (text(0), text(1), text(2));
    for line in [
        ["force", "chat", "--confirm", "chat"],
        ["undo", "--confirm", "chat", "--no-wait"],
        ["drain", "bad", "--confirm", "bad"],
    ] {
        let note = format!("--note=written reason {note}");
        let (ticket, name) = (format!("--ticket={ticket}"), format!("--as={name}"));
        let mut args = line.to_vec();
        args.extend(["--reason=other", "--break-glass", &note, &ticket, &name]);
        shown(project, &args, Form::Text);
    }
    let audit = project.run(&["audit", "--json"]).lines();
    assert!(audit.len() >= 2, "changes were made: {audit:?}");
}

/// A review with attacks in its notes and answers, out and in again.
fn reviews(project: &Project) {
    let sheet = project.home().join("sheet.json");
    shown(
        project,
        &["compare", "chat", "--sheet", sheet.to_str().unwrap()],
        Form::Text,
    );
    let form = shown(
        project,
        &["review", "form", sheet.to_str().unwrap()],
        Form::Csv,
    );
    let verdicts = project.home().join("verdicts.csv");
    let mut filled = csv::Writer::from_writer(Vec::new());
    let mut read = csv::Reader::from_reader(form.out.as_bytes());
    filled.write_record(read.headers().unwrap()).unwrap();
    for row in read.records() {
        let row = row.unwrap();
        let cells = ["same".to_owned(), project.attack(3)];
        filled
            .write_record([&row[0], &cells[0], &cells[1], &row[3]])
            .unwrap();
    }
    fs::write(&verdicts, filled.into_inner().unwrap()).unwrap();
    let args = [
        "review",
        "import",
        verdicts.to_str().unwrap(),
        "--comparison",
        sheet.to_str().unwrap(),
    ];
    let imported = shown(project, &args, Form::Text);
    // Without two answers to compare there is nothing to judge, and nothing to export.
    if imported.code == Some(0) {
        for (args, form) in [
            (&["review", "show", "chat"][..], Form::Text),
            (&["review", "export", "chat"], Form::Json),
            (&["review", "export", "chat", "--markdown"], Form::Markdown),
            (&["review", "export", "chat", "--csv"], Form::Csv),
        ] {
            shown(project, args, form);
        }
    }
}

/// Command lines and files that are refused with the words that they hold.
fn misused(project: &Project) {
    for way in 0..WAYS {
        let text = project.attack(way).replace('\0', "");
        for args in [
            &["status", &text][..],
            &["explain", &text],
            &[&text],
            &["force", "chat", "--reason", &text],
            &["--config", &text, "status"],
            &["theme", "preview", &text],
            &["review", "show", &text],
            &["events", "--since", &text],
        ] {
            shown(project, args, Form::Text);
        }
    }
    let broken = project.home().join("broken.toml");
    for way in 0..WAYS {
        let (key, value) = (
            quoted(&project.attack(way)),
            quoted(&project.attack(way + 1 - way / (WAYS - 1))),
        );
        fs::write(
            &broken,
            format!("schema = 1\n{key} = {value}\n[workloads.{key}]\nprimary = {value}\n"),
        )
        .unwrap();
        for line in [
            &["check"][..],
            &["check", "--json"],
            &["doctor"],
            &["status"],
        ] {
            let mut args = vec!["--config", broken.to_str().unwrap()];
            args.extend(line);
            shown(project, &args, Form::Text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_from_outside_is_obeyed_wherever_it_comes_out() {
    // Every attack stands in every way in once in all rounds of a long run; here in some of them.
    let step = if std::env::var_os("BACKSTOP_LONG").is_some() {
        1
    } else {
        14
    };
    for first in (0..ATTACKS.len()).step_by(step) {
        round(first).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_over_hostile_state_sends_nothing_of_it_to_the_terminal() {
    let (answer, error) = hostile_provider(0);
    let (good, bad) = (Upstream::start(answer).await, Upstream::start(error).await);
    let project = Project::new(3, &good.url(), &bad.url());
    let bytes = spawn_blocking(move || {
        let log = project.home().join("serve.log");
        let mut serving = project.command(&["serve", "--log", log.to_str().unwrap()]);
        let gateway = Running(
            serving
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let address = listens(&log);
        traffic(&project, &address);
        operators(&project);
        let config = project.home().join("backstop.toml");
        let mut pty = Pty::backstop(
            &["console", "--write", "--config", config.to_str().unwrap()],
            (120, 40),
        );
        pty.wait_for("Workloads 1/1");
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
        pty.press("\x03");
        pty.exits(0);
        drop(gateway);
        pty.bytes()
    })
    .await
    .unwrap();
    drop((good, bad));
    let text = String::from_utf8(bytes).expect("only UTF-8 is sent");
    for sequence in text.split('\x1b').skip(1) {
        assert!(
            is_own(sequence),
            "{:?}",
            sequence.chars().take(20).collect::<String>()
        );
    }
    assert_eq!(harm(&text, "\x1b\r\n"), None);
}

/// Files of the source that write to the terminal, and why they may.
const DOORS: [(&str, &str); 5] = [
    ("src/cli/output.rs", "the one way out of commands"),
    ("src/cli/theme.rs", "asks whether it is a terminal"),
    ("src/console/terminal.rs", "the screen of the console"),
    ("src/telemetry.rs", "the log, behind its border"),
    ("src/cli.rs", "help and version"),
];

/// Files that print what needs no border, because this program has made it.
const RAW: [(&str, &str); 3] = [
    ("src/cli/output.rs", "defines it"),
    (
        "src/cli/about.rs",
        "completions, manual pages, the unit of the service",
    ),
    ("src/cli/theme.rs", "pictures of a sample screen"),
];

fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.as_os_str().as_bytes().ends_with(b".rs") {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            found.push((
                name.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

#[test]
fn nothing_goes_around_the_border() {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(all.len() > 100);
    let mut wrong = Vec::new();
    for (name, text) in &all {
        // Tests may print.
        if name.ends_with("/tests.rs") || name.contains("/tests/") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            let place = format!("{name}:{}: {}", number + 1, line.trim());
            let writes = [
                "stdout()",
                "stderr()",
                "println!",
                "eprint",
                "/dev/tty",
                "libc::write",
            ]
            .iter()
            .any(|door| line.contains(door));
            if writes && !DOORS.iter().any(|(file, _)| file == name) {
                wrong.push(format!("{place}: print by `cli::output`"));
            }
            if line.contains("output::raw(") && !RAW.iter().any(|(file, _)| file == name) {
                wrong.push(format!(
                    "{place}: text from outside goes by `line`, `document` or `json`"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
