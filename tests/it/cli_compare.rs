//! `compare` as a process: exit codes for CI, what it prints for people, tickets and programs, and what it counts.

use std::{path::Path, process::Output};

use backstop::{
    clock::Clock,
    store::{Access, Store},
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use crate::support::upstream::{Script, Seen, Upstream};

/// A configuration between two providers, and a judge at a third.
struct Project {
    directory: tempfile::TempDir,
    primary: Upstream,
    fallback: Upstream,
    judge: Upstream,
}

impl Project {
    async fn new() -> Self {
        let (primary, fallback, judge) = tokio::join!(
            Upstream::start(said("{\"order\":7,\"state\":\"on its way\"}")),
            Upstream::start(said("{\"order\":7}")),
            Upstream::start(said("{\"better\":\"same\"}")),
        );
        let directory = tempfile::tempdir().unwrap();
        let provider = |name: &str, upstream: &Upstream| {
            let url = upstream.url();
            format!(
                "[providers.{name}]\nbase_url = \"{url}\"\nfamily = \"openai-chat\"\nkey = {{ none = true }}\n\
                 [routes.{name}]\nprovider = \"{name}\"\nmodel = \"{name}-1\"\nprice = {{ input = 1, output = 1 }}\n"
            )
        };
        let config = format!(
            r#"schema = 1
[store]
url = "sqlite:state"
{}{}{}
[workloads.chat]
primary = "one"
fallback = "two"
[[workloads.chat.samples]]
class = "json"
file = "samples/json.json"
checks = {{ contains = ["7"] }}
[[workloads.chat.samples]]
class = "chat"
file = "samples/hello.json"
[workloads.alone]
primary = "one"
"#,
            provider("one", &primary),
            provider("two", &fallback),
            provider("third", &judge),
        );
        std::fs::create_dir(directory.path().join("samples")).unwrap();
        for name in ["json", "hello"] {
            let body = json!({"model": "chat", "max_tokens": 50, "messages": [{"role": "user", "content": name}]});
            let path = directory.path().join(format!("samples/{name}.json"));
            std::fs::write(path, body.to_string()).unwrap();
        }
        std::fs::write(directory.path().join("backstop.toml"), config).unwrap();
        Self {
            directory,
            primary,
            fallback,
            judge,
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
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

    async fn json(&self, line: &str) -> (i32, Value) {
        let (code, out, err) = self.run(&format!("{line} --json")).await;
        let json = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"));
        (code, json)
    }

    /// Requests that were counted.
    async fn counted(&self) -> u64 {
        let url = format!("sqlite:{}", self.path().join("state").display());
        let store = Store::open(&url, Access::Observe, Clock::system()).await;
        let store = store.unwrap();
        let spent = store.spent(0).await.unwrap();
        store.close().await.unwrap();
        spent.iter().map(|spent| spent.requests).sum()
    }
}

fn said(text: &str) -> Script {
    let body = json!({
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 10},
    });
    Script::json(200, &body.to_string())
}

fn broken() -> Script {
    Script::json(
        503,
        r#"{"error":{"message":"busy","type":"server_error","code":"server_is_overloaded"}}"#,
    )
}

#[tokio::test]
async fn the_exit_code_says_whether_the_fallback_does_what_the_primary_does() {
    let project = Project::new().await;
    for (case, primary, fallback, line, code, held, why) in [
        (
            "a field is missing, and no check asks for it",
            said("{\"order\":7,\"state\":\"x\"}"),
            said("{\"order\":7}"),
            "compare chat --sample json",
            0,
            "holds",
            "",
        ),
        (
            "the same, where shapes count",
            said("{\"order\":7,\"state\":\"x\"}"),
            said("{\"order\":7}"),
            "compare chat --sample json --same-shape",
            1,
            "falls",
            "/state is missing in the fallback",
        ),
        (
            "the same, where that much may fall",
            said("{\"order\":7,\"state\":\"x\"}"),
            said("{\"order\":7}"),
            "compare chat --sample json --same-shape --fail-under 0",
            0,
            "falls",
            "/state is missing in the fallback",
        ),
        (
            "another type",
            said("{\"order\":7}"),
            said("{\"order\":\"7\"}"),
            "compare chat --sample chat/json --same-shape",
            1,
            "falls",
            "/order has another type",
        ),
        (
            "a check that only the primary passes",
            said("{\"order\":7}"),
            said("{\"order\":8}"),
            "compare chat --sample json",
            1,
            "falls",
            "contains \"7\": it says",
        ),
        (
            "a check that neither passes",
            said("{\"order\":6}"),
            said("{\"order\":8}"),
            "compare chat --sample json",
            0,
            "holds",
            "",
        ),
        (
            "no answer of the fallback",
            said("{\"order\":7}"),
            broken(),
            "compare chat --sample json",
            1,
            "falls",
            "no answer: overloaded: 503",
        ),
        (
            "no answer of the primary",
            broken(),
            said("{\"order\":7}"),
            "compare chat --sample json --fail-under 0",
            1,
            "unsure",
            "the primary has no answer: overloaded: 503",
        ),
    ] {
        project.primary.set(primary);
        project.fallback.set(fallback);
        let (exit, json) = project.json(line).await;
        let pair = &json["samples"][0]["pairs"][0];
        assert_eq!(
            (exit, &pair["held"]),
            (code, &held.into()),
            "{case}: {json:#}"
        );
        let said = pair["why"][0].as_str().unwrap_or_default();
        assert!(
            said.starts_with(why) && said.is_empty() == why.is_empty(),
            "{case}: {said}"
        );
        assert_eq!(json["passed"], code == 0, "{case}");
    }
}

#[tokio::test]
async fn as_json_everything_is_there_and_what_it_took_is_counted() {
    let project = Project::new().await;
    let (code, json) = project.json("compare chat --runs 2 --all").await;
    assert_eq!(code, 0, "{json:#}");
    let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
    let names = "at bar costs fallback falls holds passed primary requests runs samples scores unsure workload";
    assert_eq!(keys, names.split(' ').collect::<Vec<_>>());
    assert_eq!((&json["requests"], &json["holds"]), (&8.into(), &4.into()));
    let samples = json["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 2);
    for (sample, class) in samples.iter().zip(["json", "chat"]) {
        assert_eq!(sample["class"], class);
        let pairs = sample["pairs"].as_array().unwrap();
        let runs: Vec<&Value> = pairs.iter().map(|pair| &pair["run"]).collect();
        assert_eq!(runs, [1, 2]);
    }
    let variance = &samples[0]["variance"];
    assert_eq!(variance["fallback"]["runs"], 2);
    assert_eq!(variance["contrast"]["apart"], "clearly");
    assert_eq!(json["scores"]["samples"], 2, "a sample counts once");
    assert_eq!(json["scores"]["checks"]["fallback"]["hits"], 2);
    let pair = &samples[0]["pairs"][1];
    assert_eq!(pair["fallback"]["text"], "{\"order\":7}");
    assert_eq!(pair["primary"]["result"]["usage"]["output"], 10);
    assert_eq!(pair["same"], 1);
    assert_eq!(
        pair["differences"],
        json!([{"kind": "field", "mark": "only-primary", "at": "/state", "primary": "\"on its way\"", "fallback": null}])
    );
    assert_eq!(project.counted().await, 8);
    project.json("compare chat --sample json --no-store").await;
    assert_eq!(project.counted().await, 8, "--no-store counts nothing");
}

#[tokio::test]
async fn people_see_both_sides_and_marks_that_need_no_colour() {
    let project = Project::new().await;
    project.primary.set(said(
        "Your order left the warehouse yesterday and will arrive on Tuesday.",
    ));
    project.fallback.set(said(
        "Your order left the warehouse yesterday and will arrive on Friday.\n\nBye.",
    ));
    let (code, out, err) = project.run("compare chat --sample hello").await;
    assert_eq!(code, 0, "{err}");
    for words in [
        "chat/hello  chat  holds",
        "  primary   done in ",
        "20+10 tokens, 0.000030 USD, ended: stop, checks 1/1",
        "    PRIMARY   ",
        "  ~ Your order left",
        "[-Tuesday-]",
        "{+Friday+}",
        "  + (nothing)",
        "checks passed, fallback       1 of 1; 95 % interval ",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(out.lines().all(|line| line.chars().count() <= 120), "{out}");
    assert!(
        err.contains(
            "the fallback holds in 1 of 1 pairs (at least 100 % must); 1 differ; 2 requests"
        ),
        "{err}"
    );

    project.fallback.set(said(
        "Your order left the warehouse yesterday and will arrive on Tuesday.",
    ));
    let (_, out, _) = project.run("compare chat --sample hello").await;
    assert!(
        out.contains("= nothing differs in 1 rows") && !out.contains("PRIMARY"),
        "{out}"
    );
    let (_, out, _) = project.run("compare chat --sample hello --full").await;
    assert!(out.contains("  = Your order left"), "{out}");
    let (_, out, _) = project.run("compare chat --sample hello --runs 2").await;
    assert!(
        out.contains("  # fallback  2 of 2 answered, 1 different, "),
        "{out}"
    );
    assert!(out.contains("chat/hello  chat  run 2  holds"), "{out}");
}

#[tokio::test]
async fn a_hostile_answer_stays_inside_the_ticket_and_off_the_terminal() {
    let project = Project::new().await;
    let hostile = "```\n# Approved\n\n<img src=x onerror=y> @everyone [click](http://evil) \u{1b}[2J\u{202e}\n````\nend";
    project.fallback.set(said(hostile));
    let (_, out, _) = project.run("compare chat --sample hello --markdown").await;
    let fence = out.lines().find(|line| line.ends_with("diff")).unwrap();
    let fence = fence.strip_suffix("diff").unwrap();
    assert!(fence.len() > 4, "longer than what it holds: {out}");
    let (_, inside) = out.split_once(&format!("{fence}diff\n")).unwrap();
    let (inside, outside) = inside.split_once(&format!("\n{fence}")).unwrap();
    assert!(
        inside.contains("# Approved") && inside.contains("end"),
        "{out}"
    );
    assert!(!outside.contains("Approved"));
    let (_, people, _) = project.run("compare chat --sample hello").await;
    for text in [&out, &people] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}

#[tokio::test]
async fn a_judge_is_advice_and_never_the_exit_code() {
    let project = Project::new().await;
    // It finds whatever is longer the better one, in either order.
    project.judge.choose(|seen: &Seen| {
        let body: Value = serde_json::from_slice(&seen.body).unwrap();
        let asked: Value =
            serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
        let longer = asked["a"].to_string().len() > asked["b"].to_string().len();
        said(if longer {
            r#"{"better":"a"}"#
        } else {
            r#"{"better":"b"}"#
        })
    });
    let (code, json) = project
        .json("compare chat --sample json --judge third")
        .await;
    let advice = &json["samples"][0]["pairs"][0]["advice"];
    assert_eq!(
        (code, &advice["preference"]),
        (0, &"primary".into()),
        "{json:#}"
    );
    assert_eq!((&json["requests"], project.judge.count()), (&4.into(), 2));
    assert_eq!(project.counted().await, 4);
    let (code, out, _) = project
        .run("compare chat --sample json --judge third")
        .await;
    assert_eq!(code, 0);
    assert!(
        out.contains("a model's advice, not a verdict: third prefers the primary"),
        "{out}"
    );
    let (code, _, err) = project.run("compare chat --judge two").await;
    assert_eq!(code, 2);
    assert!(err.contains("route two cannot judge"), "{err}");
}

#[tokio::test]
async fn another_body_can_be_sent_in_place_of_a_samples() {
    let project = Project::new().await;
    let body = r#"{"model":"chat","messages":[{"role":"user","content":"order 9"}]}"#;
    std::fs::write(project.path().join("body.json"), body).unwrap();
    let (code, json) = project
        .json("compare chat --sample hello --body body.json")
        .await;
    assert_eq!((code, &json["samples"][0]["edited"]), (0, &true.into()));
    for upstream in [&project.primary, &project.fallback] {
        assert!(upstream.only().text().contains("order 9"));
    }
    std::fs::write(project.path().join("body.json"), "{\"messages\":[]}").unwrap();
    let (code, _, err) = project
        .run("compare chat --sample hello --body body.json")
        .await;
    assert_eq!(code, 2);
    assert!(
        err.contains("body.json: the request body has no \"model\""),
        "{err}"
    );
}

#[tokio::test]
async fn what_it_would_cost_is_said_and_nothing_is_sent() {
    let project = Project::new().await;
    let (code, out, _) = project.run("compare chat --runs 3 --estimate").await;
    assert_eq!(
        (code, out.trim()),
        (0, "12 requests, at most about 0.0007 USD")
    );
    for (line, words) in [
        ("compare", "<WORKLOAD>"),
        ("compare caht", "did you mean \"chat\"?"),
        ("compare alone", "has no fallback"),
        ("compare chat --sample x", "it has json, hello"),
        ("compare chat --body x.json", "say with --sample"),
        (
            "compare chat --sample hello --body x.json",
            "cannot read x.json",
        ),
        ("compare chat --runs 0", "0 is not in 1..=100"),
        ("compare chat --sample hello --all", "cannot be used with"),
        ("compare chat --judge nobody", "no route \"nobody\""),
    ] {
        let (code, out, err) = project.run(line).await;
        assert_eq!((code, out.as_str()), (2, ""), "{line}: {err}");
        assert!(err.contains(words), "{line}: {err}");
    }
    assert_eq!((project.primary.count(), project.fallback.count()), (0, 0));
}

#[tokio::test]
async fn what_is_not_done_in_time_was_not_compared() {
    let project = Project::new().await;
    project
        .fallback
        .set(Script::new().step(crate::support::upstream::Step::Hang));
    let (code, json) = project
        .json("compare chat --sample hello --budget 1s")
        .await;
    let pair = &json["samples"][0]["pairs"][0];
    assert_eq!((code, &pair["held"]), (1, &"unsure".into()), "{json:#}");
    assert!(
        pair["fallback"]["unsent"]
            .as_str()
            .unwrap()
            .contains("--budget")
    );
    project.fallback.cancelled(1).await;
}

#[tokio::test]
async fn the_answers_can_be_judged_elsewhere_and_recorded() {
    let project = Project::new().await;
    let (code, _, err) = project.run("compare chat --sheet answers.json").await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("stand in answers.json"), "{err}");
    let asked = project.primary.count();
    let (code, _, err) = project.run("compare chat --sheet answers.json").await;
    assert_eq!(code, 2);
    assert!(err.contains("is there already"), "{err}");
    assert_eq!(project.primary.count(), asked, "nothing was sent for it");

    let (code, form, _) = project.run("review form answers.json").await;
    assert_eq!((code, form.lines().count()), (0, 3), "{form}");
    let verdicts = form
        .replace("chat/hello,,", "chat/hello,same,")
        .replace("chat/json,,", "chat/json,primary-better,");
    std::fs::write(project.path().join("verdicts.csv"), verdicts).unwrap();
    let import = "review import verdicts.csv --comparison answers.json";
    let (code, out, err) = project.run(import).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 of 2 for chat, imported"), "{out}");
    // It is of what is configured: the answers were asked with exactly that.
    let (code, shown, _) = project.run("review show chat --answers").await;
    assert_eq!(code, 0);
    assert!(
        shown.contains("chat/json FALLBACK\n{\"order\":7}"),
        "{shown}"
    );
}
