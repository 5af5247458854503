//! Probing by schedule against a real socket: who probes, what is sent exactly, what it costs, what it proves.

use std::{sync::Arc, time::Duration};

use backstop::{
    clock::Clock,
    config::{self, Keys},
    model::{
        Basis, Catalog, ErrorClass, EventDecision, ProbeFailure, ProbeRecord, Readiness, Reason,
        Tally, WorkloadReadiness,
    },
    probe::{Prober, Rounds},
    store::{Access, EventQuery, Store},
    wire::upstream::Tls,
};
use jiff::Timestamp;
use tokio::{
    sync::watch,
    task::{JoinHandle, LocalSet},
};
use tokio_util::sync::CancellationToken;

use crate::{
    store_reviews::review,
    store_samples::start,
    support::upstream::{DEADLINE, Script, Seen, Upstream},
};

const HOUR: Duration = Duration::from_hours(1);
const ANSWER: &str = r#"{"id":"a","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"OK"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2}}"#;

/// What a provider in good health answers, but to pictures.
fn provider(seen: &Seen) -> Script {
    let body = seen.text();
    if seen.line.starts_with("GET") {
        Script::json(200, r#"{"object":"list","data":[{"id":"m"}]}"#)
    } else if body.contains("image_url") || body.contains("this is") {
        let error = r#"{"error":{"message":"no","type":"invalid_request_error","code":null}}"#;
        Script::json(400, error)
    } else if body.contains("\"stream\":true") {
        Script::stream()
            .chunk("data: {\"choices\":[{\"delta\":{\"content\":\"OK\"},\"finish_reason\":\"stop\"}]}\n\n")
            .chunk("data: [DONE]\n\n")
            .end()
    } else {
        Script::json(200, ANSWER)
    }
}

/// A project whose primary and fallback are at one upstream, with a plain sample and one with a picture.
struct Project {
    directory: tempfile::TempDir,
    upstream: Upstream,
    clock: Clock,
    store: Store,
}

impl Project {
    async fn new(settings: &str) -> Self {
        let upstream = Upstream::start(Script::json(500, "{}")).await;
        upstream.choose(provider);
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            r#"schema = 1
[probe]
interval = "1h"
fresh = "3h"
{settings}
[providers.p]
base_url = "{}"
family = "openai-chat"
key = {{ none = true }}
[routes.one]
provider = "p"
model = "m"
capabilities = ["streaming", "vision"]
price = {{ input = 100.0, output = 100.0 }}
[routes.two]
provider = "p"
model = "m"
capabilities = ["streaming", "vision"]
price = {{ input = 100.0, output = 100.0 }}
[workloads.chat]
primary = "one"
fallback = "two"
[[workloads.chat.samples]]
class = "chat"
file = "hello.json"
[[workloads.chat.samples]]
class = "vision"
file = "receipt.json"
"#,
            upstream.url()
        );
        let place = |name: &str| directory.path().join(name);
        let message = |content: &str| {
            format!(r#"{{"model":"","messages":[{{"role":"user","content":{content}}}]}}"#)
        };
        let picture = r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]"#;
        for (name, text) in [
            ("backstop.toml", text),
            ("hello.json", message("\"hello\"")),
            ("receipt.json", message(picture)),
        ] {
            std::fs::write(place(name), text).unwrap();
        }
        let clock = Clock::manual(start());
        let url = format!("sqlite:{}", place("state").display());
        let store = Store::open(&url, Access::Write, clock.clone())
            .await
            .unwrap();
        Self {
            directory,
            upstream,
            clock,
            store,
        }
    }

    fn catalog(&self) -> Catalog {
        let path = self.directory.path().join("backstop.toml");
        let loaded = config::load_with(&path, &|_| None, Keys::Needed);
        let report = loaded.report.render(false);
        loaded.catalog.unwrap_or_else(|| panic!("{report}"))
    }

    /// A process that would probe, with its own handle on the store. Aborted, it dies without a word.
    async fn process(&self, name: &str) -> (JoinHandle<()>, CancellationToken) {
        let url = format!("sqlite:{}", self.directory.path().join("state").display());
        let store = Store::open(&url, Access::Write, self.clock.clone())
            .await
            .unwrap();
        let rounds = Rounds {
            prober: Prober::new(Arc::new(Tls::new()), self.clock.clone()),
            catalog: watch::channel(Arc::new(self.catalog())).1,
            store,
            clock: self.clock.clone(),
            name: name.into(),
            beat: Duration::from_millis(10),
        };
        let stop = CancellationToken::new();
        (tokio::task::spawn_local(rounds.run(stop.clone())), stop)
    }

    /// Who holds the lease; asks for it with no intention to keep it.
    async fn holder(&self) -> Option<String> {
        let nobody = || "nobody".to_owned();
        let asked = self.store.lease("probe", nobody(), Duration::ZERO).await;
        asked.unwrap().err().map(|lease| lease.holder)
    }

    /// Until when somebody has the lease.
    async fn lease_end(&self) -> Option<Timestamp> {
        let nobody = "nobody".to_owned();
        let asked = self.store.lease("probe", nobody, Duration::ZERO).await;
        asked.unwrap().err().map(|lease| lease.until)
    }

    async fn readiness(&self) -> Vec<WorkloadReadiness> {
        self.store.readiness().await.unwrap()
    }
}

/// Waits until `condition` holds.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, wait).await;
    assert!(waited.is_ok(), "waited too long: {what}");
}

/// A ladder asks for the list, small, streamed, with the picture and badly; each route once. The sample with the
/// picture is part of the ladder, so that one of its own can come before it.
fn questions(seen: &[Seen]) -> (usize, usize, usize) {
    let lists = seen
        .iter()
        .filter(|seen| seen.line.starts_with("GET"))
        .count();
    let of = |text: &str| {
        seen.iter()
            .filter(|seen| seen.text().contains(text))
            .count()
    };
    (lists, of("hello"), of("this is"))
}

#[tokio::test]
async fn one_process_probes_each_thing_once_and_another_takes_over() {
    LocalSet::new()
        .run_until(async {
            let project = Project::new("").await;
            let (first, _) = project.process("first").await;
            until("it begins", async || project.readiness().await.len() == 1).await;
            assert_eq!(project.holder().await.as_deref(), Some("first"));
            // Within the first interval everything has its turn, exactly once.
            project.clock.advance(HOUR);
            until("everything was asked", async || {
                questions(&project.upstream.seen()) == (2, 2, 2)
            })
            .await;

            // A second process waits as long as the first lives, however long that is.
            let (second, stop) = project.process("second").await;
            for _ in 0..30 {
                let before = project.lease_end().await;
                project.clock.advance(Duration::from_secs(5));
                until("the first renews", async || {
                    project.lease_end().await > before
                })
                .await;
                assert_eq!(project.holder().await.as_deref(), Some("first"));
            }
            let asked = questions(&project.upstream.seen());

            // The first dies. Nobody sends anything before its lease is over, and then nobody asks again what
            // was asked.
            first.abort();
            project.clock.advance(Duration::from_secs(14));
            assert_eq!(project.holder().await.as_deref(), Some("first"));
            project.clock.advance(Duration::from_secs(2));
            until("the other takes over", async || {
                project.holder().await.as_deref() == Some("second")
            })
            .await;
            assert_eq!(
                questions(&project.upstream.seen()),
                asked,
                "no double round"
            );
            // It goes on with what falls due. It counts from when it has read the store, which is soon, so the
            // clock moves on until then and beyond.
            let (lists, hello, bad) = asked;
            until("the next round", async || {
                project.clock.advance(Duration::from_mins(1));
                questions(&project.upstream.seen()) >= (lists + 2, hello + 2, bad + 2)
            })
            .await;

            stop.cancel();
            first.abort();
            second.abort();
        })
        .await;
}

#[tokio::test]
async fn a_fallback_that_nobody_reviewed_is_told_and_a_review_ends_that() {
    LocalSet::new()
        .run_until(async {
            let gate = "[workloads.chat.review]\nrequired = true\nmin_samples = 2";
            let project = Project::new(gate).await;
            project.upstream.choose(|seen| {
                if seen.text().contains("image_url") {
                    Script::json(200, ANSWER)
                } else {
                    provider(seen)
                }
            });
            let (process, stop) = project.process("gw1").await;
            let word = async || {
                let known = project.readiness().await;
                known.first().map(|known| known.word)
            };
            until("it begins", async || word().await.is_some()).await;
            project.clock.advance(HOUR);
            until("everything is proven", async || {
                word().await == Some(Readiness::Unreviewed)
            })
            .await;
            let catalog = project.catalog();
            let basis = Basis::now(&catalog, &catalog.workloads["chat"]).unwrap();
            let mut review = review("chat", project.clock.now(), 1);
            review.head.basis = basis;
            review.head.tally = Tally {
                compared: 2,
                judged: 2,
                same_or_better: 2,
                vetoes: 0,
            };
            project.store.put_review(review, true).await.unwrap();
            until("it is ready", async || {
                word().await == Some(Readiness::Ready)
            })
            .await;
            let mut told = Vec::new();
            until("both are events", async || {
                let events = project.store.events(EventQuery::default()).await.unwrap();
                let reasons = events.into_iter().map(|stored| stored.event.reason);
                told = reasons.collect();
                told.len() >= 2
            })
            .await;
            let word = |reason: &Reason| match reason {
                Reason::Readiness { now, why, .. } => Some((*now, why.clone())),
                _ => None,
            };
            let words: Vec<_> = told.iter().filter_map(word).collect();
            let missing = "nobody has reviewed its output, and the workload requires it";
            assert_eq!(
                words,
                [
                    (Readiness::Unreviewed, missing.to_owned()),
                    (Readiness::Ready, String::new())
                ]
            );
            stop.cancel();
            process.await.unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_broken_payload_class_is_not_ready_and_that_is_an_event() {
    LocalSet::new()
        .run_until(async {
            let project = Project::new("").await;
            let (process, stop) = project.process("gw1").await;
            until("it begins", async || project.readiness().await.len() == 1).await;
            assert_eq!(project.readiness().await[0].word, Readiness::Unverified);
            project.clock.advance(HOUR);
            until("it is judged", async || {
                project.readiness().await[0].word == Readiness::Blocked
            })
            .await;
            until("all is asked", async || {
                questions(&project.upstream.seen()) == (2, 2, 2)
            })
            .await;
            let seen = &project.readiness().await[0];
            assert!(
                seen.reasons[0]
                    .why
                    .starts_with("chat/receipt failed: invalid-request"),
                "{seen:?}"
            );
            let mut events = Vec::new();
            until("the event", async || {
                events = project.store.events(EventQuery::default()).await.unwrap();
                !events.is_empty()
            })
            .await;
            assert_eq!(events[0].event.decision, EventDecision::Readiness);
            assert!(matches!(
                &events[0].event.reason,
                Reason::Readiness {
                    before: Readiness::Unverified,
                    now: Readiness::Blocked,
                    ..
                }
            ));

            // Repaired, it is ready after the next probe, and that is told, too.
            project.upstream.choose(|seen| {
                if seen.text().contains("image_url") {
                    Script::json(200, ANSWER)
                } else {
                    provider(seen)
                }
            });
            // A route in trouble is asked more often.
            project.clock.advance(Duration::from_secs(80));
            until("it is ready", async || {
                project.readiness().await[0].word == Readiness::Ready
            })
            .await;

            // An end in good order gives the lease back at once.
            stop.cancel();
            process.await.unwrap();
            assert_eq!(project.holder().await, None);
        })
        .await;
}

#[tokio::test]
async fn what_another_process_keeps_late_is_taken_in() {
    LocalSet::new()
        .run_until(async {
            let project = Project::new("").await;
            project.upstream.choose(|seen| {
                if seen.text().contains("image_url") {
                    Script::json(200, ANSWER)
                } else {
                    provider(seen)
                }
            });
            let (process, stop) = project.process("gw1").await;
            until("it begins", async || project.readiness().await.len() == 1).await;
            project.clock.advance(HOUR);
            until("it is ready", async || {
                project.readiness().await[0].word == Readiness::Ready
            })
            .await;

            // Another process probes the fallback, and keeps the later of its results first.
            project.clock.advance(Duration::from_secs(2));
            let now = project.clock.now();
            let records = project.store.probes(None).await.unwrap();
            let again = |sample: &str, at: Timestamp, failure: Option<ProbeFailure>| {
                let found = records.iter().find_map(|record| match record {
                    ProbeRecord::Sample(result)
                        if result.route.as_str() == "two" && result.sample.name() == sample =>
                    {
                        Some(result.clone())
                    }
                    ProbeRecord::Sample(_) | ProbeRecord::Rung(_) => None,
                });
                let mut result = found.unwrap();
                (result.at, result.failure) = (at, failure);
                vec![ProbeRecord::Sample(result)]
            };
            project
                .store
                .put_probes(again("receipt", now, None))
                .await
                .unwrap();
            for _ in 0..2 {
                let before = project.lease_end().await;
                project.clock.advance(Duration::from_secs(1));
                until("it looks", async || project.lease_end().await > before).await;
            }
            let failure = ProbeFailure {
                class: ErrorClass::Overloaded,
                detail: "529".to_owned(),
            };
            let earlier = now.checked_sub(Duration::from_secs(1)).unwrap();
            let late = again("hello", earlier, Some(failure));
            project.store.put_probes(late).await.unwrap();
            until("the failure counts", async || {
                project.readiness().await[0].word == Readiness::Blocked
            })
            .await;
            stop.cancel();
            process.await.unwrap();
        })
        .await;
}

#[tokio::test]
async fn every_request_and_every_answer_is_counted_once() {
    LocalSet::new()
        .run_until(async {
            let project = Project::new("").await;
            project.upstream.choose(|seen| {
                if seen.line.starts_with("GET") {
                    // Asked, and nothing to be judged by.
                    Script::json(404, r#"{"error":{"message":"no list"}}"#)
                } else if seen.text().contains("image_url") {
                    Script::json(200, ANSWER)
                } else {
                    provider(seen)
                }
            });
            let (process, stop) = project.process("gw1").await;
            until("it begins", async || project.readiness().await.len() == 1).await;
            project.clock.advance(HOUR);
            let mut spent = Vec::new();
            until("everything was asked and counted", async || {
                spent = project.store.spent(0).await.unwrap();
                let counted: u64 = spent.iter().map(|spent| spent.requests).sum();
                questions(&project.upstream.seen()) == (2, 2, 2)
                    && counted == project.upstream.count() as u64
            })
            .await;
            let answers = project.upstream.seen().into_iter().filter(|seen| {
                let body = seen.text();
                seen.line.starts_with("POST")
                    && !body.contains("this is")
                    && !body.contains("\"stream\":true")
            });
            // Ten tokens in and two out, at a hundred for a million.
            let millionths = answers.count() * 1200;
            let cost: f64 = spent.iter().map(|spent| spent.cost).sum();
            assert_eq!(format!("{cost:.6}"), format!("0.{millionths:06}"));
            stop.cancel();
            process.await.unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_budget_is_kept_and_survives_a_takeover() {
    LocalSet::new()
        .run_until(async {
            // A ladder is five requests with its picture, and two samples are left for the rest of the hour.
            let project = Project::new("requests_per_hour = 8").await;
            let (process, _) = project.process("gw1").await;
            until("it begins", async || project.readiness().await.len() == 1).await;
            // The clock of the test starts with an hour: this is its last minute.
            project.clock.advance(Duration::from_mins(59));
            let spent = async || {
                let spent = project.store.spent(0).await.unwrap();
                let cost: f64 = spent.iter().map(|spent| spent.cost).sum();
                (spent.iter().map(|spent| spent.requests).sum::<u64>(), cost)
            };
            until("a ladder was climbed", async || spent().await.0 >= 4).await;
            process.abort();
            let (asked, counted) = (project.upstream.count(), spent().await.0);
            assert!(asked <= 8, "{asked}");
            // What was on its way when the process died is not counted: at most so many at once.
            assert!(
                counted <= asked as u64 && counted + 4 >= asked as u64,
                "{counted} of {asked}"
            );
            // Ten tokens in and two out for each good answer, at a hundred for a million.
            assert!(spent().await.1 > 0.001, "{}", spent().await.1);

            // An heir finds the purse as it was left: the hour is nearly spent.
            project.clock.advance(Duration::from_secs(16));
            let (heir, stop) = project.process("gw2").await;
            until("it takes over", async || {
                project.holder().await.as_deref() == Some("gw2")
            })
            .await;
            stop.cancel();
            heir.await.unwrap();
            assert!(
                project.upstream.count() <= 8,
                "{}",
                project.upstream.count()
            );
        })
        .await;
}
