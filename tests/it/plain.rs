//! The line mode over pipes: the verbs, the guards of plans, what is said unasked, and nothing but lines.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{ChildStdin, Stdio},
    sync::mpsc,
};

use backstop::model::hostile;

use crate::{
    cli_project::{Run, Running, command, run, wait_for},
    control_project::{CONFIG, Project},
    support::upstream::{Script, Upstream},
};

/// The line mode of a project, with a script on standard input.
fn script(project: &Project, options: &str, lines: &str) -> Run {
    let line = format!("console --plain {options}");
    let mut child = command(project, line.split_whitespace())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    Run::of(child.wait_with_output().unwrap())
}

fn changes(project: &Project) -> usize {
    run(project, "audit --json").exits(0).lines().len()
}

#[track_caller]
fn only_lines(text: &str) {
    let found = text.chars().find(|it| *it != '\n' && hostile(*it));
    assert_eq!(found, None, "{text}");
}

/// A line mode that is talked to step by step.
struct Talk {
    _process: Running,
    input: ChildStdin,
    said: mpsc::Receiver<String>,
    heard: String,
}

impl Talk {
    fn start(project: &Project) -> Self {
        let mut process = command(project, ["console", "--plain"]);
        let mut child = process.stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, said) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while errors
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self {
            _process: Running(child),
            input,
            said,
            heard: String::new(),
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
    }

    #[track_caller]
    fn hears(&mut self, text: &str) {
        wait_for(text, || {
            self.heard.extend(self.said.try_iter());
            self.heard.contains(text).then_some(())
        });
    }
}

#[test]
fn an_incident_is_handled_by_lines_and_the_guards_are_those_of_the_command_line() {
    let project = Project::new();
    let lines = "workloads\nshow support-chat\nroutes\nexplain timeout\n\
                 force support-chat --no-wait\n1\nsup\naudit\n\
                 undo --no-wait\ny\nevents\nreviews\nmessages\nquit\nworkloads\n";
    let done = script(&project, "", lines).exits(0);
    for text in [
        "? UN, workload support-chat, serving now premium-chat",
        "state: ? UN (no gateway is alive)",
        "premium-chat, model ",
        "timeout",
        "support-chat is forced to its fallback until ",
        "who jo@",
        "did force, target support-chat",
        "support-chat is as configured",
    ] {
        assert!(done.out.contains(text), "{text} is not in {}", done.out);
    }
    for text in [
        "because --plain",
        "You are jo on ",
        "Nothing has changed yet",
        "reason? 1 5xx  2 timeout",
        "to force: sup\n",
        "apply it? [y/N] y\n",
        "backstop test/one> quit\n",
    ] {
        assert!(done.err.contains(text), "{text} is not in {}", done.err);
    }
    assert_eq!(done.err.matches("workloads\n").count(), 1, "quit ends");
    let audit = run(&project, "audit --json").exits(0).lines();
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[0]["reason"], "5xx");
    assert_eq!(audit[0]["actor"]["via"], "console");
    assert_eq!(audit[1]["undoes"], audit[0]["sequence"]);
    only_lines(&done.out);
    only_lines(&done.err);
}

#[test]
fn what_is_not_confirmed_changes_nothing_wherever_the_input_ends() {
    let project = Project::new();
    let force = "force support-chat --no-wait\n";
    for (case, lines, code) in [
        ("at the reason", force.to_owned(), 3),
        ("in the reason", format!("{force}1"), 3),
        ("at the name", format!("{force}1\n"), 3),
        ("in the name", format!("{force}1\nsup"), 3),
        ("another name", format!("{force}1\nyes\n"), 3),
        ("two letters", format!("{force}1\nsu\n"), 3),
        ("no such reason", format!("{force}9\nsup\n"), 3),
        ("a note is wanted", format!("{force}6\n"), 3),
        (
            "a quote is open",
            "force 'support-chat\n1\nsup\n".to_owned(),
            2,
        ),
        (
            "glass",
            "force support-chat --for until-changed\nsupport-chat\n".to_owned(),
            3,
        ),
        (
            "at its note",
            "force support-chat --for until-changed --break-glass\n".to_owned(),
            3,
        ),
        (
            "only a plan",
            "force support-chat --plan\n1\nsup\n".to_owned(),
            2,
        ),
        ("nothing to undo", "undo\ny\n".to_owned(), 1),
        (
            "another terminal's input",
            "samples add support-chat x --class chat\n".to_owned(),
            2,
        ),
    ] {
        let done = script(&project, "", &lines);
        assert_eq!(done.code, Some(code), "{case}: {done:?}");
        assert_eq!(changes(&project), 0, "{case}: {done:?}");
    }
}

#[test]
fn an_observer_sees_the_plan_and_cannot_apply_it() {
    let production = CONFIG.replace("[environment]\n", "[environment]\nproduction = true\n");
    let project = Project::with(&production);
    run(&project, "force support-chat --plan").exits(0);
    let lines = "force support-chat\n1\nsup\nclaim support-chat\n";
    let done = script(&project, "", lines).exits(3);
    assert!(
        done.err.contains("OBSERVE: nothing can be changed"),
        "{done:?}"
    );
    assert!(
        done.err.contains("backstop test/one (observe)> "),
        "{done:?}"
    );
    assert!(done.err.contains("NOW    "), "{done:?}");
    assert_eq!(done.err.matches("this is an OBSERVE session").count(), 2);
    assert_eq!(changes(&project), 0);
    let lines = "force support-chat --no-wait\n1\nsup\n";
    script(&project, "--write", lines).exits(0);
    assert_eq!(changes(&project), 1);
}

#[test]
fn what_others_do_is_said_after_enter_and_kept() {
    let project = Project::new();
    run(&project, "force support-chat --plan").exits(0);
    let mut talk = Talk::start(&project);
    talk.types("claim support-chat");
    talk.hears("backstop test/one> ");
    wait_for("the claim to be known", || {
        let plan = run(&project, "hold support-chat --plan --json")
            .exits(0)
            .json();
        let checks = plan["checks"].as_array().unwrap().clone();
        checks
            .iter()
            .any(|check| check["name"] == "people" && check["verdict"] == "warn")
            .then_some(())
    });
    let other = "--as mira hold support-chat --confirm support-chat --reason drill --no-wait";
    run(&project, other).exits(0);
    wait_for("it to be told", || {
        talk.types("");
        talk.heard.extend(talk.said.try_iter());
        talk.heard
            .contains("mira did hold support-chat, reason drill")
            .then_some(())
    });
    talk.types("help undo");
    talk.types("messages");
    talk.types("quit");
    talk.hears("> quit");
}

#[test]
fn lines_are_understood_as_in_the_palette_and_on_the_command_line() {
    let project = Project::new();
    for (line, text) in [
        ("support-chat", "workload: support-chat"),
        (":workloads", "workload support-chat"),
        ("backstop status", "workload support-chat"),
        ("gateways", ""),
        ("help", "change: a plan is shown and confirmed first:"),
        ("help force", "Usage: force [OPTIONS] <WORKLOAD>"),
        ("force --help", "--break-glass"),
        ("drill premium-chat", "imagined: premium-chat down"),
        ("theme list", "high-contrast-dark"),
        ("paths", "config"),
        ("workloads --json", "\"environment\""),
    ] {
        let done = script(&project, "", &format!("{line}\n"));
        assert!(done.out.contains(text), "{line}: {done:?}");
        assert_ne!(done.code, Some(2), "{line}: {done:?}");
    }
    for (line, text) in [
        ("serve", "start it in another shell"),
        ("pause", "nothing moves here"),
        ("nonsense", "there is no verb and no workload `nonsense`"),
        ("show support-chta", "did you mean `support-chat`?"),
        ("help nonsense", "there is no verb `nonsense`"),
        ("force", "required"),
        ("\u{1b}[A", "there is no verb"),
    ] {
        let done = script(&project, "", &format!("{line}\n")).exits(2);
        assert!(done.err.contains(text), "{line}: {done:?}");
        only_lines(&done.err);
    }
}

#[test]
fn the_environment_chooses_lines_and_no_colour() {
    let project = Project::new();
    for (name, value, why) in [
        ("ACCESSIBLE", "1", "because ACCESSIBLE is set"),
        ("TERM", "dumb", "because TERM is dumb"),
    ] {
        let mut program = command(&project, [""; 0]);
        let done = Run::of(program.env(name, value).output().unwrap()).exits(0);
        assert!(done.err.contains(why), "{done:?}");
    }
    let refused = run(&project, "").exits(5);
    assert!(
        refused.err.contains("backstop console --plain"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_providers_say_steers_a_terminal() {
    let hostile_text = "\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m\u{202e}evil\u{8}\u{0}\r\nend";
    let answer = serde_json::json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": hostile_text}, "finish_reason": "stop"}],
        "model": hostile_text,
    });
    let failure = serde_json::json!({"error": {"message": hostile_text, "code": hostile_text}});
    let good = Upstream::start(Script::json(200, &answer.to_string())).await;
    let bad = Upstream::start(Script::json(500, &failure.to_string())).await;
    let directory = tempfile::tempdir().unwrap();
    let provider = |name: &str, url: &str| {
        format!(
            "[providers.{name}]\nbase_url = \"{url}\"\nfamily = \"openai-chat\"\nkey = {{ none = true }}\n\
             [routes.{name}]\nprovider = \"{name}\"\nmodel = \"{name}-1\"\n"
        )
    };
    let body = "{\"model\":\"chat\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}";
    std::fs::write(directory.path().join("hello.json"), body).unwrap();
    let config = format!(
        "schema = 1\n[store]\nurl = \"sqlite:state\"\n{}{}\
         [workloads.chat]\nprimary = \"one\"\nfallback = \"two\"\n\
         [[workloads.chat.samples]]\nclass = \"chat\"\nfile = \"hello.json\"\n",
        provider("one", &good.url()),
        provider("two", &bad.url()),
    );
    std::fs::write(directory.path().join("backstop.toml"), config).unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args(["console", "--plain"])
        .env_clear()
        .env("HOME", directory.path())
        .current_dir(&directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = "probe chat\ncompare chat --full\ncompare chat --markdown\nroutes\nshow chat\n\
                 show \u{1b}[2J\nexplain \u{9b}\nsamples show chat/hello\nworkloads\n";
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut errors = child.stderr.take().unwrap();
    let talk = std::thread::spawn(move || {
        errors.read_to_end(&mut err).unwrap();
        err
    });
    child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
    let err = talk.join().unwrap();
    child.wait().unwrap();
    let (out, err) = (
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    );
    assert!(out.contains("evil"), "{out}{err}");
    only_lines(&out);
    only_lines(&err);
}
