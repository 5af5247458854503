//! `probe` and `samples` as processes: exit codes, output, files, and what the store keeps.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use backstop::{
    clock::Clock,
    model::{Capability, Captured, PayloadClass, ProbeRecord, Spent, Verdict},
    store::{Access, Store},
};
use tokio::{task::spawn_blocking, time::timeout};

use crate::support::upstream::{DEADLINE, Script, Step, Upstream};

const ANSWER: &str = r#"{"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"It is on its way."}}],"usage":{"prompt_tokens":20,"completion_tokens":10}}"#;

struct Project(tempfile::TempDir);

impl Project {
    fn new(good: &Upstream, bad: &Upstream) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (good, bad) = (good.url(), bad.url());
        let config = format!(
            r#"schema = 1
[store]
url = "sqlite:state"
[providers.good]
base_url = "{good}"
family = "openai-chat"
key = {{ none = true }}
[providers.bad]
base_url = "{bad}"
family = "openai-chat"
key = {{ none = true }}
[routes.one]
provider = "good"
model = "m"
capabilities = ["streaming"]
[routes.two]
provider = "bad"
model = "n"
[workloads.chat]
primary = "one"
fallback = "two"
[[workloads.chat.samples]]
class = "chat"
file = "samples/hello.json"
checks = {{ contains = ["way"] }}
"#
        );
        std::fs::create_dir(directory.path().join("samples")).unwrap();
        let body = r#"{"model":"chat","messages":[{"role":"user","content":"Where is it?"}]}"#;
        std::fs::write(directory.path().join("samples/hello.json"), body).unwrap();
        std::fs::write(directory.path().join("backstop.toml"), config).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs the program; `(exit code, stdout, stderr)`.
    async fn run(&self, line: &str) -> (i32, String, String) {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_backstop"));
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path());
        let Output {
            status,
            stdout,
            stderr,
        } = spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }
}

async fn providers() -> (Upstream, Upstream) {
    let good = Upstream::start(Script::json(200, ANSWER)).await;
    let broken = r#"{"error":{"message":"no capacity","type":"server_error","code":"server_is_overloaded"}}"#;
    (good, Upstream::start(Script::json(503, broken)).await)
}

/// Requests that were counted, by route.
async fn requests(store: &Store) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for spent in store.spent(0).await.unwrap() {
        *sums.entry(spent.route.to_string()).or_default() += spent.requests;
    }
    sums
}

#[tokio::test]
async fn a_probe_says_by_its_exit_code_whether_all_is_well_and_keeps_what_it_found() {
    let (good, bad) = providers().await;
    let project = Project::new(&good, &bad);
    let (code, out, err) = project.run("probe one").await;
    assert_eq!((code, err.trim()), (0, "1 of 1 passed"), "{out}");
    assert!(out.contains("passed   chat/hello  one    200"), "{out}");

    let (code, out, err) = project.run("probe chat --json").await;
    assert_eq!((code, err.trim()), (1, "1 of 2 passed"), "{out}");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["passed"], &json["failed"]), (&1.into(), &1.into()));
    assert_eq!(
        json["records"][1]["sample"]["failure"]["class"],
        "overloaded"
    );
    assert_eq!(
        (good.count(), bad.count()),
        (2, 1),
        "one request for each probe"
    );

    let url = format!("sqlite:{}", project.path().join("state").display());
    let store = Store::open(&url, Access::Observe, Clock::system())
        .await
        .unwrap();
    let kept = store.probes(None).await.unwrap();
    let verdicts: Vec<(String, Verdict)> = kept
        .iter()
        .map(|record| (record.key().route.to_string(), record.verdict()))
        .collect();
    let wanted = [("one", Verdict::Passed), ("two", Verdict::Failed)];
    assert_eq!(
        verdicts,
        wanted.map(|(route, verdict)| (route.to_owned(), verdict))
    );
    assert_eq!(store.probe_history(kept[0].key()).await.unwrap().len(), 2);
    assert_eq!(
        requests(&store).await,
        [("one".to_owned(), 2), ("two".to_owned(), 1)].into(),
        "what is asked by hand counts for the budget"
    );

    let (code, out, _) = project.run("probe --all --ladder --no-store").await;
    assert_eq!(code, 1);
    assert!(
        out.contains("failed   two    minimal  overloaded: 503"),
        "{out}"
    );
    assert_eq!(
        store.probes(None).await.unwrap(),
        kept,
        "--no-store keeps nothing"
    );
    store.close().await.unwrap();
}

#[tokio::test]
async fn each_result_is_kept_and_counted_as_it_comes() {
    let (good, slow) = providers().await;
    slow.set(Script::new().step(Step::Hang));
    let project = Project::new(&good, &slow);
    let store = async || {
        let url = format!("sqlite:{}", project.path().join("state").display());
        let store = Store::open(&url, Access::Write, Clock::system()).await;
        store.unwrap()
    };
    let kept = async |store: &Store| -> Vec<String> {
        let records = store.probes(None).await.unwrap();
        let of = |record: &ProbeRecord| format!("{:?}", record.key().subject);
        records.iter().map(of).collect()
    };

    // It is killed while one route has answered and the other one never will.
    let watching = store().await;
    let mut running = std::process::Command::new(env!("CARGO_BIN_EXE_backstop"))
        .args(["probe", "chat"])
        .current_dir(project.path())
        .env_clear()
        .env("HOME", project.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let there = async {
        while kept(&watching).await.is_empty() || requests(&watching).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEADLINE, there).await.expect("the first result");
    slow.asked(1).await;
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(kept(&watching).await.len(), 1);
    assert_eq!(requests(&watching).await, [("one".to_owned(), 1)].into());

    // What is not answered within the time was sent all the same; what is not begun costs nothing.
    let (code, out, _) = project.run("probe chat --budget 1s").await;
    assert_eq!(code, 1);
    assert!(
        out.contains("chat/hello to two: not probed to its end: the time for all probes"),
        "{out}"
    );
    assert_eq!(
        requests(&watching).await,
        [("one".to_owned(), 2), ("two".to_owned(), 1)].into()
    );

    // Of a ladder that is given up half-way, what was found counts, and the schedule climbs it again.
    slow.choose(|seen| {
        if seen.line.starts_with("GET") {
            Script::json(200, r#"{"object":"list","data":[{"id":"n"}]}"#)
        } else {
            Script::new().step(Step::Hang)
        }
    });
    let (code, out, _) = project.run("probe two --ladder --budget 1s").await;
    assert_eq!(code, 1);
    assert!(out.contains("two: not probed to its end"), "{out}");
    assert_eq!(
        requests(&watching).await["two"],
        3,
        "the list, and one more"
    );
    assert!(!kept(&watching).await.iter().any(|it| it.contains("Key")));
    watching.close().await.unwrap();
}

#[tokio::test]
async fn a_spent_budget_is_told_by_status() {
    let (good, bad) = providers().await;
    let project = Project::new(&good, &bad);
    let config = project.path().join("backstop.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text.replace("model = \"n\"", "model = \"n\"\nprobes_per_hour = 1");
    let status = async || {
        // Within one hour of the clock, or again.
        loop {
            let hour = || Spent::hour_of(Clock::system().now());
            let began = hour();
            let (code, ..) = project.run("probe chat").await;
            assert_eq!(code, 1);
            let (_, text, _) = project.run("status").await;
            let (_, json, _) = project.run("status --json").await;
            if began == hour() {
                return (
                    text,
                    serde_json::from_str::<serde_json::Value>(&json).unwrap(),
                );
            }
        }
    };
    std::fs::write(&config, format!("{text}[probe]\nrequests_per_hour = 900\n")).unwrap();
    let (out, json) = status().await;
    assert!(!out.contains("the budget of all routes"), "{out}");
    assert!(
        out.contains("! probes: the budget of route two is spent (1/1 this hour, "),
        "{out}"
    );
    assert_eq!(json["spending"]["spent"], false);
    assert_eq!(json["spent_budgets"], serde_json::json!(["two"]));

    std::fs::write(&config, format!("{text}[probe]\nrequests_per_hour = 1\n")).unwrap();
    let (out, json) = status().await;
    assert!(
        out.contains("! probes: the budget of all routes is spent (4/1 this hour, "),
        "{out}"
    );
    assert_eq!(json["spending"]["spent"], true);
}

#[tokio::test]
async fn what_cannot_be_probed_is_a_usage_error_and_asks_nobody() {
    let (good, bad) = providers().await;
    let project = Project::new(&good, &bad);
    for (line, words) in [
        ("probe", "or say --all"),
        ("probe nobody", "no workload and no route \"nobody\""),
        (
            "probe chat --sample x",
            "no sample of these is called \"x\"",
        ),
        ("probe chat --timeout 0s", "lets nothing happen"),
    ] {
        let (code, out, err) = project.run(line).await;
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.contains(words), "{line}: {err}");
    }
    let (code, out, _) = project.run("probe chat --curl").await;
    assert_eq!(
        (code, out.matches("curl --silent").count()),
        (0, 2),
        "{out}"
    );
    assert_eq!((good.count(), bad.count()), (0, 0));
}

#[tokio::test]
async fn samples_are_added_checked_listed_and_shown() {
    let (good, bad) = providers().await;
    let project = Project::new(&good, &bad);
    let body = r#"{"model":"gpt-secret","stream":true,"messages":[]}"#;
    std::fs::write(project.path().join("captured.json"), body).unwrap();
    let (code, out, err) = project
        .run("samples add chat streamed --class tools --from captured.json")
        .await;
    assert_eq!(code, 0, "{err}");
    let file = project.path().join("samples/streamed.json");
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written, body.replace("gpt-secret", "chat"));
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = "samples add chat streamed --class tools --from captured.json";
    assert_eq!(project.run(again).await.0, 2, "no file is written over");

    // The printed lines are good configuration.
    let config = project.path().join("backstop.toml");
    let text = std::fs::read_to_string(&config).unwrap() + &out;
    std::fs::write(&config, text).unwrap();
    let (code, out, _) = project.run("samples list").await;
    assert_eq!(code, 0);
    assert!(out.contains("chat/streamed  tools"), "{out}");
    let (code, out, _) = project.run("samples check").await;
    assert_eq!(code, 1);
    for words in [
        "chat/streamed: it needs streaming, which the configuration does not give to route two",
        "chat/streamed: its class is tools, and nothing in it asks for that",
        "chat/streamed: it streams without",
    ] {
        assert!(out.contains(words), "{out}");
    }
    assert!(!out.contains("chat/hello"), "{out}");
    let (code, out, _) = project.run("samples show chat/streamed").await;
    assert_eq!((code, out.trim_end()), (0, written.as_str()));
    assert_eq!(project.run("samples show chat/none").await.0, 2);

    for (name, body) in [("list", "[]"), ("nomodel", "{\"messages\":[]}")] {
        std::fs::write(project.path().join("captured.json"), body).unwrap();
        let line = format!("samples add chat {name} --class chat --from captured.json");
        assert_eq!(project.run(&line).await.0, 2, "{name}");
    }
}

#[tokio::test]
async fn check_says_where_a_sample_does_not_fit_its_routes() {
    let (good, bad) = providers().await;
    let project = Project::new(&good, &bad);
    let (code, out, _) = project.run("check").await;
    let before = out.lines().count();
    assert!(!out.contains("sample-"), "{out}");

    // Of these, each is wrong in one way.
    let samples = [
        (
            "streamed",
            "chat",
            r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"a"}]}"#,
            "sample-needs",
            "it needs streaming, which the configuration does not give to route two",
        ),
        (
            "long",
            "long",
            r#"{"model":"m","max_tokens":9000,"messages":[{"role":"user","content":"a"}]}"#,
            "sample-too-long",
            "tokens of context or more, and route two has 8000",
        ),
        (
            "plain",
            "vision",
            r#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#,
            "sample-class",
            "its class is vision, and nothing in it asks for that",
        ),
        (
            "nameless",
            "chat",
            r#"{"messages":[]}"#,
            "sample-unfit",
            "the request body has no \"model\"",
        ),
    ];
    let config = project.path().join("backstop.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    text = text.replace("model = \"n\"", "model = \"n\"\ncontext_tokens = 8000");
    for (name, class, body, ..) in samples {
        let file = format!("samples/{name}.json");
        std::fs::write(project.path().join(&file), body).unwrap();
        let entry = [
            "[[workloads.chat.samples]]".to_owned(),
            format!("class = \"{class}\""),
            format!("file = \"{file}\"\n"),
        ];
        text += &entry.join("\n");
    }
    std::fs::write(&config, &text).unwrap();

    let (code_now, out, err) = project.run("check --json").await;
    assert_eq!((code_now, code), (1, 1), "{err}");
    assert!(before > 0, "it has a warning of its own");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["worst"], "warning");
    let found = json["diagnostics"].as_array().unwrap();
    for (name, _, _, code, words) in samples {
        let line = format!("file = \"samples/{name}.json\"");
        let line = text.lines().position(|it| it == line).unwrap() + 1;
        let of = |it: &&serde_json::Value| it["code"] == code;
        let found = found
            .iter()
            .find(of)
            .unwrap_or_else(|| panic!("{code}: {out}"));
        assert_eq!(found["severity"], "warning", "{code}");
        assert_eq!(
            (&found["line"], &found["column"]),
            (&line.into(), &8.into()),
            "{code}"
        );
        let message = found["message"].as_str().unwrap();
        assert!(message.contains(words), "{code}: {message}");
        assert!(message.contains(&format!("chat/{name}")), "{message}");
        assert!(!found["help"].as_str().unwrap().is_empty(), "{code}");
    }
    let lines: Vec<&serde_json::Value> = found.iter().map(|it| &it["line"]).collect();
    let mut sorted = lines.clone();
    sorted.sort_by_key(|line| line.as_u64());
    assert_eq!(lines, sorted, "in the order of the file");

    let (code, out, _) = project.run("check").await;
    assert_eq!(code, 1);
    assert!(out.contains("samples/long.json"), "{out}");
    assert!(out.contains("sample-too-long"), "{out}");
    assert_eq!((good.count(), bad.count()), (0, 0), "nothing was sent");
}

#[tokio::test]
async fn a_live_drill_asks_the_routes_that_would_take_over_and_nobody_else() {
    let (good, bad) = providers().await;
    let project = Project::new(&good, &bad);
    // The policy sends the traffic to `two`, and `two` does not answer.
    let (code, out, _) = project.run("drill --down one --live").await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("falls back to two"), "{out}");
    assert!(out.contains("failed   chat/hello  two"), "{out}");
    assert!(out.contains("not proven: chat"), "{out}");
    assert_eq!((good.count(), bad.count()), (0, 1), "one probe, no retry");

    // What was found is kept: the word is known from now on, also without asking.
    let (code, out, _) = project.run("drill --down one --json").await;
    let drill: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0, "the policy alone would answer: {out}");
    assert_eq!(drill["workloads"][0]["readiness"]["word"], "blocked");
    assert_eq!(drill["workloads"][0]["reaches"]["chat/hello"], "two");

    bad.set(Script::json(200, ANSWER));
    let (code, out, _) = project
        .run("drill --down one --live --offline --json")
        .await;
    let drill: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &drill["unproven"]),
        (0, &serde_json::json!([])),
        "{out}"
    );
    assert_eq!(drill["probes"].as_array().map(Vec::len), Some(1));
    let (_, out, _) = project.run("drill --down one").await;
    assert!(out.contains("blocked"), "offline keeps nothing: {out}");

    // Nothing falls back, so nothing is asked.
    let before = (good.count(), bad.count());
    let (_, out, _) = project.run("drill --down two --live").await;
    assert!(out.contains("nothing was asked"), "{out}");
    assert_eq!((good.count(), bad.count()), before);
}

#[tokio::test]
async fn a_captured_body_becomes_a_sample() {
    let (good, bad) = providers().await;
    let project = Project::new(&good, &bad);
    let url = format!("sqlite:{}", project.path().join("state").display());
    let clock = Clock::system();
    let store = Store::open(&url, Access::Write, clock.clone())
        .await
        .unwrap();
    let list = "samples add chat --from-traffic";
    let (code, out, err) = project.run(list).await;
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("\"chat\" is not captured"), "{err}");

    let body = r#"{"model":"gpt","messages":[{"role":"user","content":"Where is  it, person@example.com?"}]}"#;
    for (class, stream) in [(PayloadClass::Chat, false), (PayloadClass::Tools, true)] {
        let captured = Captured {
            number: 0,
            at: clock.now(),
            workload: "chat".into(),
            class,
            needs: [Capability::Tools].into_iter().collect(),
            stream,
            body: body.to_owned(),
        };
        store.put_capture(captured).await.unwrap();
    }
    let (code, out, err) = project.run(list).await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("--pick NUMBER"), "{err}");
    let row = "chat   90    tools  Where is it, person@example.com?";
    assert!(out.contains(row), "{out}");
    assert_eq!(out.lines().count(), 3, "{out}");
    let (_, out, _) = project
        .run("samples add chat --from-traffic --class tools --json")
        .await;
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(
        (&rows[0]["number"], &rows[0]["stream"]),
        (&2.into(), &true.into())
    );

    let pick = "samples add chat asked --from-traffic --pick 1";
    let (code, out, err) = project.run(pick).await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("look through it"), "{err}");
    let lines = "[[workloads.chat.samples]]\nclass = \"chat\"\nfile = \"samples/asked.json\"\n";
    assert_eq!(out, lines);
    let file = project.path().join("samples/asked.json");
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written, body.replace("gpt", "chat"));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let config = project.path().join("backstop.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + &out).unwrap();
    assert_eq!(
        project.run("samples show chat/asked").await.1.trim(),
        written
    );

    let (code, out, _) = project
        .run("samples add chat --from-traffic --pick 2 --json")
        .await;
    assert_eq!(code, 0);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(told["class"], "tools");
    assert!(project.path().join("samples/traffic-2.json").exists());
    for (line, words) in [
        (pick, "cannot write"),
        (
            "samples add chat --from-traffic --pick 9",
            "number 9 any more",
        ),
        (
            "samples add chat asked --from-traffic",
            "which one gets this name",
        ),
        (
            "samples add nobody --from-traffic",
            "no workload \"nobody\"",
        ),
        ("samples add chat --from-traffic --class x", "is not one of"),
        ("samples add chat --class chat", "<NAME>"),
        ("samples add chat x --pick 1", "--from-traffic"),
    ] {
        let (code, out, err) = project.run(line).await;
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.contains(words), "{line}: {err}");
    }
    store.close().await.unwrap();
    let mode = std::fs::metadata(project.path().join("state/captures.db"));
    assert_eq!(mode.unwrap().permissions().mode() & 0o777, 0o600);
}
