//! Probes against a scripted provider: one question is one request, every failure gets its class, and what an
//! answer says is measured and checked.

use std::{collections::BTreeMap, process::Command, sync::Arc};

use backstop::{
    clock::Clock,
    model::{
        Capability, Catalog, ErrorClass, KeyPlace, PayloadClass, Price, ProbeResult, Route, Rung,
        Sample, SampleCheck, SampleId, Timeouts, Verdict, Workload,
    },
    probe::{self, ProbeError, Prober, Step},
    wire::upstream::Tls,
};
use tokio::task::{LocalSet, spawn_blocking};

use crate::support::{
    gateway::{self, Plan},
    upstream::{DEADLINE, LIMIT, Script, Seen, Upstream},
};

const CHAT: &str =
    r#"{"model":"support-chat","messages":[{"role":"user","content":"Where is order 7?"}]}"#;
const STREAM: &str = r#"{"stream":true,"model":"support-chat","messages":[{"role":"user","content":"Where is order 7?"}]}"#;
const ANSWER: &str = r#"{"id":"x","object":"chat.completion","model":"gpt-9-2026","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Your order is on its way."}}],"usage":{"prompt_tokens":20,"completion_tokens":10}}"#;

/// A directory with samples, and a workload whose routes both lead to one upstream.
struct Stage {
    directory: tempfile::TempDir,
    prober: Prober,
    catalog: Catalog,
}

impl Stage {
    fn new(upstream: &Upstream) -> Self {
        let url = upstream.url();
        let mut catalog = gateway::catalog(&Plan::default(), "memory:unused", &url, &url);
        for route in catalog.routes.values_mut() {
            route.key = KeyPlace::Variable("ROUTE_KEY".to_owned());
            route.price = Some(Price {
                input: 2.0,
                output: 8.0,
                currency: "USD".to_owned(),
            });
        }
        Self {
            directory: tempfile::tempdir().unwrap(),
            prober: Prober::new(Arc::new(Tls::new()), Clock::system()),
            catalog,
        }
    }

    fn workload(&self) -> &Workload {
        &self.catalog.workloads["support-chat"]
    }

    fn route(&self) -> &Route {
        &self.catalog.routes["premium"]
    }

    fn sample(
        &self,
        name: &str,
        class: PayloadClass,
        body: &str,
        checks: &[SampleCheck],
    ) -> Sample {
        let path = self.directory.path().join(format!("{name}.json"));
        std::fs::write(&path, body).unwrap();
        Sample {
            id: SampleId::of(&"support-chat".into(), name),
            class,
            path,
            digest: backstop::config::fingerprint(body.as_bytes()),
            stream: true,
            checks: checks.to_vec(),
        }
    }

    async fn probe(&self, sample: &Sample) -> ProbeResult {
        let mut hear = |_| ();
        let ask = self
            .prober
            .sample(self.workload(), sample, self.route(), &mut hear);
        LocalSet::new().run_until(ask).await.unwrap()
    }
}

fn chunk(delta: &str) -> String {
    format!(
        "data: {{\"model\":\"gpt-9-2026\",\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n"
    )
}

fn streamed() -> Script {
    Script::stream()
        .chunk(&chunk(r#"{"role":"assistant","content":""}"#))
        .chunk(&chunk(r#"{"content":"Your order "}"#))
        .chunk(&chunk(r#"{"content":"is on its way."}"#))
        .chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
        .chunk(
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":20,\"completion_tokens\":10}}\n\n",
        )
        .chunk("data: [DONE]\n\n")
        .end()
}

/// A case's name, what is asked, how it is answered, the class that this is, and words of the detail.
type Failing = (&'static str, &'static str, Script, ErrorClass, &'static str);

#[expect(clippy::too_many_lines, reason = "one table")]
fn failures() -> Vec<Failing> {
    let error = |status: u16, kind: &str, code: &str| {
        let body = format!(
            r#"{{"error":{{"message":"it broke","type":"{kind}","param":null,"code":"{code}"}}}}"#
        );
        Script::json(status, &body)
    };
    let retry = Script::answer(
        429,
        &[("content-type", "application/json"), ("retry-after", "7")],
        r#"{"error":{"message":"slow down","type":"rate_limit_error","code":"slow_down"}}"#,
    );
    let cut = Script::stream()
        .chunk(&chunk(r#"{"content":"Your "}"#))
        .step(crate::support::upstream::Step::Close);
    let unended = Script::stream()
        .chunk(&chunk(r#"{"content":"Your "}"#))
        .end();
    let failing = Script::stream()
        .chunk(&chunk(r#"{"content":"Your "}"#))
        .chunk("data: {\"error\":{\"message\":\"gone\",\"type\":\"server_error\"}}\n\n")
        .end();
    let silent = Script::stream()
        .chunk(&chunk(r#"{"role":"assistant"}"#))
        .step(crate::support::upstream::Step::Hang);
    let html = Script::answer(200, &[("content-type", "text/html")], "<html>hello</html>");
    let reset = Script::new().step(crate::support::upstream::Step::Reset);
    let hang = Script::new().step(crate::support::upstream::Step::Hang);
    vec![
        (
            "bad request",
            CHAT,
            error(400, "invalid_request_error", "x"),
            ErrorClass::InvalidRequest,
            "400 x: it broke",
        ),
        (
            "bad key",
            CHAT,
            error(401, "authentication_error", "invalid_api_key"),
            ErrorClass::Authentication,
            "401 invalid_api_key",
        ),
        (
            "no money",
            CHAT,
            error(402, "billing_error", "x"),
            ErrorClass::QuotaExhausted,
            "402",
        ),
        (
            "forbidden",
            CHAT,
            error(403, "permission_error", "x"),
            ErrorClass::Forbidden,
            "403",
        ),
        (
            "no such model",
            CHAT,
            error(404, "invalid_request_error", "model_not_found"),
            ErrorClass::InvalidRequest,
            "404 model_not_found",
        ),
        (
            "too fast",
            CHAT,
            retry,
            ErrorClass::RateLimited,
            "it asks to wait 7 s",
        ),
        (
            "spent",
            CHAT,
            error(429, "insufficient_quota", "insufficient_quota"),
            ErrorClass::QuotaExhausted,
            "429 insufficient_quota",
        ),
        (
            "broken",
            CHAT,
            error(500, "server_error", "x"),
            ErrorClass::ServerError,
            "500",
        ),
        (
            "overloaded",
            CHAT,
            error(503, "service_unavailable_error", "server_is_overloaded"),
            ErrorClass::Overloaded,
            "503 server_is_overloaded",
        ),
        (
            "a page",
            CHAT,
            html,
            ErrorClass::BrokenResponse,
            "a web page",
        ),
        (
            "half of it",
            CHAT,
            Script::json(200, r#"{"choices":[{"#),
            ErrorClass::BrokenResponse,
            "200, but",
        ),
        (
            "nothing",
            CHAT,
            Script::json(200, ""),
            ErrorClass::BrokenResponse,
            "it is empty",
        ),
        (
            "an error in a success",
            CHAT,
            Script::json(200, r#"{"error":{"message":"odd"}}"#),
            ErrorClass::BrokenResponse,
            "the body is an error odd",
        ),
        (
            "a reset",
            CHAT,
            reset,
            ErrorClass::Unreachable,
            "the connection ended before any response",
        ),
        (
            "no head",
            CHAT,
            hang,
            ErrorClass::Timeout,
            "no response head in 2s",
        ),
        (
            "no output",
            STREAM,
            silent,
            ErrorClass::Timeout,
            "no output in 2s",
        ),
        (
            "cut",
            STREAM,
            cut,
            ErrorClass::BrokenResponse,
            "cut in the middle",
        ),
        (
            "no end",
            STREAM,
            unended,
            ErrorClass::BrokenResponse,
            "no end marker",
        ),
        (
            "an error in a stream",
            STREAM,
            failing,
            ErrorClass::BrokenResponse,
            "the stream has an error server_error: gone",
        ),
    ]
}

#[tokio::test]
async fn every_failure_is_one_request_and_has_its_class() {
    let short = LIMIT;
    for (case, body, script, class, words) in failures() {
        let upstream = Upstream::start(script).await;
        let mut stage = Stage::new(&upstream);
        let workload = stage.catalog.workloads.values_mut().next().unwrap();
        workload.timeouts = Timeouts {
            headers: short,
            first_output: short,
            ..workload.timeouts
        };
        // A policy that would retry and fall back: a probe does neither.
        workload.backoff.retries = 3;
        let sample = stage.sample("chat", PayloadClass::Chat, body, &[SampleCheck::NoRefusal]);
        let result = stage.probe(&sample).await;
        let failure = result
            .failure
            .clone()
            .unwrap_or_else(|| panic!("{case}: {result:?}"));
        assert_eq!(failure.class, class, "{case}: {failure:?}");
        assert!(failure.detail.contains(words), "{case}: {failure:?}");
        assert_eq!(result.verdict(), Verdict::Failed, "{case}");
        assert_eq!(result.checks, [], "{case}");
        assert_eq!(upstream.count(), 1, "{case}");
    }
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let upstream = Upstream::start(Script::new()).await;
    let mut stage = Stage::new(&upstream);
    for route in stage.catalog.routes.values_mut() {
        route.base_url.clone_from(&url);
    }
    let sample = stage.sample("chat", PayloadClass::Chat, CHAT, &[]);
    let failure = stage.probe(&sample).await.failure.unwrap();
    assert_eq!(failure.class, ErrorClass::Unreachable);
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn an_answer_is_measured_priced_and_checked() {
    let checks = [
        SampleCheck::NoRefusal,
        SampleCheck::Contains {
            text: "ORDER".to_owned(),
        },
        SampleCheck::FirstOutputWithin { limit: DEADLINE },
        SampleCheck::Matches {
            pattern: "^Mine".to_owned(),
        },
    ];
    for (body, script, stream) in [
        (CHAT, Script::json(200, ANSWER), false),
        (STREAM, streamed(), true),
    ] {
        let upstream = Upstream::start(script).await;
        let stage = Stage::new(&upstream);
        let sample = stage.sample("chat", PayloadClass::Chat, body, &checks);
        let result = stage.probe(&sample).await;
        assert_eq!(result.failure, None);
        assert_eq!((result.stream, result.status), (stream, Some(200)));
        assert_eq!(result.output, "Your order is on its way.");
        assert_eq!(
            (result.usage.input, result.usage.output),
            (Some(20), Some(10))
        );
        let cost = result.cost.clone().unwrap();
        assert!((cost.amount - 0.00012).abs() < 1e-9 && cost.currency == "USD");
        assert_eq!(result.finish.as_deref(), Some("stop"));
        assert_eq!(result.model.as_deref(), Some("gpt-9-2026"));
        assert!(result.headers.unwrap() <= result.first_output.unwrap());
        assert!(result.first_output.unwrap() <= result.total);
        assert_eq!(result.tokens_per_second().is_some(), stream);
        let verdicts: Vec<Verdict> = result.checks.iter().map(|check| check.verdict).collect();
        assert_eq!(
            verdicts,
            [
                Verdict::Passed,
                Verdict::Passed,
                Verdict::Passed,
                Verdict::Failed
            ]
        );
        assert_eq!(
            result.why().unwrap(),
            "matches /^Mine/: it says: \"Your order is on its way.\""
        );
        assert_eq!(result.asked.sample.as_deref(), Some(sample.digest.as_str()));

        // What was sent is what the gateway would send: the route's model and key, nothing else changed.
        let seen = upstream.only();
        assert_eq!(seen.line, "POST /v1/chat/completions HTTP/1.1");
        assert_eq!(
            seen.text(),
            body.replace("support-chat", &stage.route().model)
        );
        let key = stage.route().credential.as_ref().unwrap().expose();
        assert_eq!(
            seen.header("authorization"),
            Some(&*format!("Bearer {key}"))
        );
        assert!(seen.header("user-agent").unwrap().ends_with("(probe)"));
    }
}

#[tokio::test]
async fn what_comes_is_heard_as_it_comes() {
    let upstream = Upstream::start(streamed()).await;
    let stage = Stage::new(&upstream);
    let sample = stage.sample("chat", PayloadClass::Chat, STREAM, &[]);
    let mut steps = Vec::new();
    let mut hear = |step| steps.push(step);
    let ask = stage
        .prober
        .sample(stage.workload(), &sample, stage.route(), &mut hear);
    LocalSet::new().run_until(ask).await.unwrap();
    assert_eq!(steps[0], Step::Head(200));
    assert_eq!(steps.len(), 3, "{steps:?}");
}

#[tokio::test]
async fn what_becomes_of_the_connection_behind_the_end_is_no_failure() {
    let whole = || {
        Script::stream()
            .chunk(&chunk(r#"{"content":"Your order"}"#))
            .chunk("data: [DONE]\n\n")
    };
    for (case, script) in [
        (
            "closed",
            whole().step(crate::support::upstream::Step::Close),
        ),
        (
            "left open",
            whole().step(crate::support::upstream::Step::Hang),
        ),
    ] {
        let upstream = Upstream::start(script).await;
        let stage = Stage::new(&upstream);
        let sample = stage.sample("chat", PayloadClass::Chat, STREAM, &[]);
        let result = stage.probe(&sample).await;
        assert_eq!(result.failure, None, "{case}");
        assert_eq!(result.verdict(), Verdict::Passed, "{case}");
    }
}

#[tokio::test]
async fn a_probe_that_is_dropped_stops_asking() {
    let upstream =
        Upstream::start(Script::stream().step(crate::support::upstream::Step::Hang)).await;
    let stage = Stage::new(&upstream);
    let sample = stage.sample("chat", PayloadClass::Chat, STREAM, &[]);
    LocalSet::new()
        .run_until(async {
            let mut hear = |_| ();
            let ask = stage
                .prober
                .sample(stage.workload(), &sample, stage.route(), &mut hear);
            tokio::select! {
                result = ask => panic!("{result:?}"),
                () = upstream.asked(1) => {}
            }
            upstream.cancelled(1).await;
        })
        .await;
    assert_eq!(upstream.count(), 1);
}

#[tokio::test]
async fn without_its_key_a_route_is_not_asked() {
    let upstream = Upstream::start(Script::json(200, ANSWER)).await;
    let mut stage = Stage::new(&upstream);
    for route in stage.catalog.routes.values_mut() {
        route.credential = None;
    }
    let sample = stage.sample("chat", PayloadClass::Chat, CHAT, &[]);
    let mut hear = |_| ();
    let asked = stage
        .prober
        .sample(stage.workload(), &sample, stage.route(), &mut hear)
        .await;
    assert!(matches!(asked, Err(ProbeError::NoKey { .. })), "{asked:?}");
    let climb = LocalSet::new()
        .run_until(
            stage
                .prober
                .ladder(&stage.catalog, stage.route(), &mut |_| ()),
        )
        .await
        .unwrap();
    assert_eq!(verdicts(&climb)[0], (Rung::Key, Verdict::Failed));
    assert!(
        climb.rungs[1..]
            .iter()
            .all(|rung| rung.verdict == Verdict::Skipped)
    );
    assert_eq!(upstream.count(), 0);
}

const TOOLS: &str = r#"{"model":"x","messages":[{"role":"user","content":"Order 7?"}],"tools":[{"type":"function","function":{"name":"lookup"}}]}"#;
const VISION: &str = r#"{"model":"x","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]}"#;
const CALL: &str = r#"{"model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"lookup","arguments":"{\"order\":7}"}}]}}]}"#;

/// A provider whose plain chat, streams and tools work, and whose eyes do not.
fn blind(seen: &Seen, model: &str) -> Script {
    if seen.line.starts_with("GET /v1/models ") {
        return Script::json(
            200,
            &format!(r#"{{"data":[{{"id":"other"}},{{"id":"{model}"}}]}}"#),
        );
    }
    let text = seen.text();
    if text.contains("this is") {
        Script::json(
            400,
            r#"{"error":{"message":"messages must be a list","type":"invalid_request_error"}}"#,
        )
    } else if text.contains("image_url") {
        Script::json(
            400,
            r#"{"error":{"message":"images are not enabled","type":"invalid_request_error"}}"#,
        )
    } else if text.contains("\"tools\"") {
        Script::json(200, CALL)
    } else if text.contains("\"stream\":true") {
        streamed()
    } else {
        Script::json(200, ANSWER)
    }
}

fn verdicts(climb: &probe::Climb) -> Vec<(Rung, Verdict)> {
    climb
        .rungs
        .iter()
        .map(|rung| (rung.rung, rung.verdict))
        .collect()
}

#[tokio::test]
async fn the_ladder_finds_what_a_ping_does_not() {
    let upstream = Upstream::start(Script::new()).await;
    let mut stage = Stage::new(&upstream);
    let model = stage.route().model.clone();
    upstream.choose(move |seen| blind(seen, &model));
    let tool = SampleCheck::ToolCalled {
        tool: "lookup".to_owned(),
    };
    let samples = vec![
        stage.sample("tools", PayloadClass::Tools, TOOLS, &[tool]),
        stage.sample("vision", PayloadClass::Vision, VISION, &[]),
    ];
    stage.catalog.workloads.values_mut().next().unwrap().samples = samples;
    let mut told = 0;
    let climb = LocalSet::new()
        .run_until(
            stage
                .prober
                .ladder(&stage.catalog, stage.route(), &mut |_| told += 1),
        )
        .await
        .unwrap();
    let tools = Rung::Capability(Capability::Tools);
    let vision = Rung::Capability(Capability::Vision);
    assert_eq!(
        verdicts(&climb),
        [
            (Rung::Key, Verdict::Passed),
            (Rung::Model, Verdict::Passed),
            (Rung::Minimal, Verdict::Passed),
            (Rung::Streaming, Verdict::Passed),
            (tools, Verdict::Passed),
            (vision, Verdict::Failed),
            (Rung::Errors, Verdict::Passed),
        ],
        "{climb:#?}"
    );
    assert_eq!(told, 7);
    let seen = &climb.rungs[5];
    assert_eq!(seen.class, Some(ErrorClass::InvalidRequest));
    assert!(
        seen.evidence.contains("images are not enabled"),
        "{}",
        seen.evidence
    );
    assert_eq!(climb.samples.len(), 2);

    // Exactly the probes, in their order, each once.
    let lines: Vec<String> = upstream
        .seen()
        .iter()
        .map(|seen| seen.line.clone())
        .collect();
    let post = "POST /v1/chat/completions HTTP/1.1".to_owned();
    assert_eq!(lines[0], "GET /v1/models HTTP/1.1");
    assert_eq!(lines[1..], vec![post; 5]);
    let connections: Vec<usize> = upstream.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [1, 2, 3, 4, 5, 6]);
}

/// Picks an answer by the request.
type Choice = fn(&Seen) -> Script;
/// Rungs with their verdicts and words of their evidence.
type Rungs = &'static [(Rung, Verdict, &'static str)];

#[tokio::test]
async fn the_ladder_says_what_it_saw_at_each_rung() {
    let unlisted = |seen: &Seen| {
        if seen.line.starts_with("GET ") {
            Script::json(200, r#"{"data":[{"id":"premium-modes"}]}"#)
        } else {
            Script::json(200, ANSWER)
        }
    };
    let no_list = |seen: &Seen| {
        if seen.line.starts_with("GET ") {
            Script::json(404, "{}")
        } else {
            Script::json(500, r#"{"error":{"message":"it broke"}}"#)
        }
    };
    let unknown = |seen: &Seen| {
        if seen.line.starts_with("GET ") {
            Script::json(200, r#"{"data":[{"id":"model-2"}]}"#)
        } else {
            Script::json(404, r#"{"error":{"message":"no such model"}}"#)
        }
    };
    let cases: [(&str, Choice, Rungs); 3] = [
        (
            "a model that is not there",
            unknown,
            &[
                (
                    Rung::Model,
                    Verdict::Failed,
                    "model-1 is not among 1 models; nearest: model-2",
                ),
                (Rung::Minimal, Verdict::Failed, "404 no such model"),
            ],
        ),
        (
            "a model that is not listed, and a provider that answers anything",
            unlisted,
            &[
                (
                    Rung::Model,
                    Verdict::Skipped,
                    "is not among 1 models; yet it answers",
                ),
                (Rung::Minimal, Verdict::Passed, "Your order is on its wa~"),
                (Rung::Streaming, Verdict::Failed, "of the wrong kind"),
                (Rung::Errors, Verdict::Failed, "makes no sense was answered"),
            ],
        ),
        (
            "no list, and nothing works",
            no_list,
            &[
                (Rung::Model, Verdict::Skipped, "gives no list"),
                (Rung::Minimal, Verdict::Failed, "500 it broke"),
                (
                    Rung::Streaming,
                    Verdict::Skipped,
                    "the smallest request already fails",
                ),
                (
                    Rung::Errors,
                    Verdict::Skipped,
                    "the smallest request already fails",
                ),
            ],
        ),
    ];
    for (case, choice, wanted) in cases {
        let upstream = Upstream::start(Script::new()).await;
        upstream.choose(choice);
        let stage = Stage::new(&upstream);
        let climb = LocalSet::new()
            .run_until(
                stage
                    .prober
                    .ladder(&stage.catalog, stage.route(), &mut |_| ()),
            )
            .await
            .unwrap();
        for (rung, verdict, words) in wanted {
            let found = climb
                .rungs
                .iter()
                .find(|found| found.rung == *rung)
                .unwrap();
            assert_eq!(found.verdict, *verdict, "{case}: {found:?}");
            assert!(found.evidence.contains(words), "{case}: {found:?}");
        }
    }
}

#[tokio::test]
async fn the_printed_command_sends_the_same_request() {
    let upstream = Upstream::start(Script::json(200, ANSWER)).await;
    let stage = Stage::new(&upstream);
    // Everything that a shell or a terminal could take amiss.
    let odd = "{\"model\":\"support-chat\",\"messages\":[{\"role\":\"user\",\"content\":\"it's $HOME `id` \\\\ \\\"q\\\" !x \u{e9}\u{202e}\u{9b}\"}],\n\"a\":\n1}";
    let sample = stage.sample("odd", PayloadClass::Chat, odd, &[]);
    let command = probe::curl(&sample, stage.route()).unwrap();
    let key = stage.route().credential.as_ref().unwrap().expose();
    assert!(!command.contains(key), "{command}");
    assert!(!command.contains(['\u{202e}', '\u{9b}']), "{command}");

    // Without the variable nothing is sent.
    let bash = |key: Option<&str>| {
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(&command).env_remove("ROUTE_KEY");
        bash.envs(key.map(|key| ("ROUTE_KEY", key)));
        async move {
            spawn_blocking(move || bash.output())
                .await
                .unwrap()
                .unwrap()
        }
    };
    let refused = bash(None).await;
    assert!(!refused.status.success());
    assert_eq!(upstream.count(), 0);
    let done = bash(Some(key)).await;
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("on its way"));
    stage.probe(&sample).await;
    let seen = upstream.seen();
    let [by_hand, probed] = &seen[..] else {
        panic!("{seen:#?}");
    };
    assert_eq!(by_hand.line, probed.line);
    let value = |seen: &Seen| serde_json::from_slice::<serde_json::Value>(&seen.body).unwrap();
    assert_eq!(value(by_hand), value(probed));
    let headers = |seen: &Seen| -> BTreeMap<String, String> {
        let same = |(name, _): &(String, String)| !["accept", "content-length"].contains(&&**name);
        seen.headers.iter().filter(|it| same(it)).cloned().collect()
    };
    assert_eq!(headers(by_hand), headers(probed));
}

#[test]
fn jobs_are_each_sample_to_each_route_once() {
    let mut catalog = gateway::catalog(
        &Plan::default(),
        "memory:unused",
        "http://127.0.0.1:1",
        "http://127.0.0.1:2",
    );
    let sample = |name: &str| Sample {
        id: SampleId::of(&"support-chat".into(), name),
        class: PayloadClass::Chat,
        path: "none".into(),
        digest: String::new(),
        stream: true,
        checks: Vec::new(),
    };
    catalog.workloads.values_mut().next().unwrap().samples = vec![sample("a"), sample("b")];
    let jobs = |names: &[&str], wanted| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        probe::jobs(&catalog, &names, wanted).map(|jobs| {
            jobs.iter()
                .map(|job| format!("{} {}", job.sample.id.name(), job.route.name))
                .collect::<Vec<_>>()
        })
    };
    let all = ["a premium", "b premium", "a stable", "b stable"];
    assert_eq!(jobs(&[], None).unwrap(), all);
    assert_eq!(jobs(&["support-chat", "stable"], None).unwrap(), all);
    assert_eq!(jobs(&["stable"], Some("b")).unwrap(), ["b stable"]);
    assert_eq!(
        jobs(&[], Some("support-chat/a")).unwrap(),
        ["a premium", "a stable"]
    );
    let wrong = jobs(&["stabel"], None).unwrap_err().to_string();
    assert!(wrong.contains("did you mean \"stable\""), "{wrong}");
    assert!(jobs(&[], Some("c")).is_err());
}
