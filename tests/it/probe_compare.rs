//! Both routes asked at once: each answer is whole, clean and its own, and what is dropped stops at the providers.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use backstop::{
    clock::Clock,
    model::{
        Answer, Catalog, ErrorClass, PayloadClass, Place, Price, Sample, SampleCheck, SampleId,
    },
    probe::{self, CompareError, Comparison, News, Prober, Seat, Step as Heard},
    wire::{said::Delta, upstream::Tls},
};
use bytes::Bytes;
use proptest::prelude::*;
use tokio::{sync::Semaphore, task::LocalSet};

use crate::support::{
    gateway::{self, Plan},
    upstream::{Script, Step, Upstream},
};

const STREAM: &str = r#"{"stream":true,"model":"support-chat","messages":[{"role":"user","content":"Where is order 7?"}]}"#;

/// Two providers, and a workload between them.
struct Stage {
    directory: tempfile::TempDir,
    prober: Prober,
    catalog: Catalog,
    primary: Upstream,
    fallback: Upstream,
}

/// What was told of a seat, in words, and its answer.
#[derive(Default)]
struct Told {
    text: String,
    steps: usize,
    answer: Option<Box<Answer>>,
    unsent: Option<String>,
}

impl Stage {
    async fn new() -> Self {
        let primary = Upstream::start(streamed(&["The primary's ", "answer."])).await;
        let fallback = Upstream::start(streamed(&["The fallback's ", "answer."])).await;
        let catalog = gateway::catalog(
            &Plan::default(),
            "memory:unused",
            &primary.url(),
            &fallback.url(),
        );
        let mut stage = Self {
            directory: tempfile::tempdir().unwrap(),
            prober: Prober::new(Arc::new(Tls::new()), Clock::system()),
            catalog,
            primary,
            fallback,
        };
        stage.samples(&["one"]);
        stage
    }

    fn samples(&mut self, names: &[&str]) {
        let of = |name: &&str| {
            let path = self.directory.path().join(format!("{name}.json"));
            let body = STREAM.replace("order 7", &format!("order {name}"));
            std::fs::write(&path, &body).unwrap();
            Sample {
                id: SampleId::of(&"support-chat".into(), name),
                class: PayloadClass::Chat,
                path,
                digest: backstop::config::fingerprint(body.as_bytes()),
                stream: true,
                checks: vec![SampleCheck::NoRefusal],
            }
        };
        let samples = names.iter().map(of).collect();
        self.catalog
            .workloads
            .get_mut("support-chat")
            .unwrap()
            .samples = samples;
    }

    fn comparison(&self) -> Comparison<'_> {
        Comparison::of(&self.catalog, &self.catalog.workloads["support-chat"], &[]).unwrap()
    }

    async fn compare(&self, comparison: &Comparison<'_>) -> BTreeMap<Seat, Told> {
        let told = RefCell::new(BTreeMap::<Seat, Told>::new());
        let tell = |seat: &Seat, news: News| {
            let mut told = told.borrow_mut();
            let told = told.entry(seat.clone()).or_default();
            told.steps += 1;
            match news {
                News::Step(Heard::Said(Delta::Text(text))) => told.text.push_str(&text),
                News::Sent | News::Step(_) => {}
                News::Answered(answer) => told.answer = Some(answer),
                News::Unsent(error) => told.unsent = Some(error.to_string()),
            }
        };
        LocalSet::new()
            .run_until(self.prober.compare(comparison, &tell))
            .await;
        told.into_inner()
    }

    /// The one answer of the primary's side.
    async fn primary_says(&self, script: Script) -> Answer {
        self.primary.set(script);
        let mut told = self.compare(&self.comparison()).await;
        let first = told.remove(&seat("one", 0, Place::Primary)).unwrap();
        *first.answer.unwrap()
    }
}

fn seat(name: &str, run: usize, place: Place) -> Seat {
    Seat {
        sample: SampleId::of(&"support-chat".into(), name),
        run,
        place,
    }
}

fn chunk(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}}}}]}}\n\n")
}

const END: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

fn streamed(texts: &[&str]) -> Script {
    texts
        .iter()
        .fold(Script::stream(), |script, text| script.chunk(&chunk(text)))
        .chunk(END)
        .end()
}

#[tokio::test]
async fn both_sides_of_every_pair_are_told_and_answered_apart() {
    let mut stage = Stage::new().await;
    stage.samples(&["one", "two", "three"]);
    let mut comparison = stage.comparison();
    comparison.runs = 2;
    assert_eq!(comparison.requests(), 12);
    let told = stage.compare(&comparison).await;
    assert_eq!(told.len(), 12);
    for (seat, told) in &told {
        let (place, route) = match seat.place {
            Place::Primary => ("primary", "premium"),
            Place::Fallback => ("fallback", "stable"),
        };
        let answer = told.answer.as_ref().unwrap();
        assert_eq!(answer.text, format!("The {place}'s answer."), "{seat:?}");
        assert_eq!(told.text, answer.text, "{seat:?}");
        assert_eq!(answer.result.route.as_str(), route);
        assert_eq!(answer.result.sample, seat.sample);
        assert_eq!((answer.result.output.as_str(), answer.clipped), ("", false));
        assert_eq!(told.steps, 5, "sent, head, two pieces, answered: {seat:?}");
    }
    assert_eq!((stage.primary.count(), stage.fallback.count()), (6, 6));
}

#[tokio::test]
async fn both_sides_of_a_pair_are_asked_before_one_answers() {
    let stage = Stage::new().await;
    let gate = Arc::new(Semaphore::new(0));
    let held = |text: &str| {
        Script::stream()
            .step(Step::Gate(Arc::clone(&gate)))
            .chunk(&chunk(text))
            .chunk(END)
            .end()
    };
    stage.primary.set(held("a"));
    stage.fallback.set(held("b"));
    let comparison = stage.comparison();
    let open = async {
        stage.primary.asked(1).await;
        stage.fallback.asked(1).await;
        gate.add_permits(2);
    };
    let (told, ()) = tokio::join!(stage.compare(&comparison), open);
    assert!(told.values().all(|told| told.answer.is_some()));
}

#[tokio::test]
async fn a_side_that_fails_is_nothing_to_the_other() {
    let stage = Stage::new().await;
    let overloaded = r#"{"error":{"message":"busy","type":"server_error","code":"overloaded"}}"#;
    let cut = Script::stream().chunk(&chunk("Half of ")).step(Step::Close);
    for (case, script, class, text) in [
        (
            "refused",
            Script::json(503, overloaded),
            ErrorClass::Overloaded,
            "",
        ),
        ("cut", cut, ErrorClass::BrokenResponse, "Half of "),
        (
            "reset",
            Script::new().step(Step::Reset),
            ErrorClass::Unreachable,
            "",
        ),
    ] {
        stage.fallback.set(script);
        let told = stage.compare(&stage.comparison()).await;
        let primary = told[&seat("one", 0, Place::Primary)]
            .answer
            .as_ref()
            .unwrap();
        assert_eq!(primary.text, "The primary's answer.", "{case}");
        assert_eq!(primary.result.failure, None, "{case}");
        let fallback = told[&seat("one", 0, Place::Fallback)]
            .answer
            .as_ref()
            .unwrap();
        let failure = fallback.result.failure.as_ref().unwrap();
        assert_eq!(failure.class, class, "{case}");
        assert_eq!(fallback.text, text, "{case}");
    }
}

#[tokio::test]
async fn what_is_dropped_stops_at_both_providers() {
    let mut stage = Stage::new().await;
    stage.samples(&["one", "two"]);
    for upstream in [&stage.primary, &stage.fallback] {
        upstream.set(Script::stream().chunk(&chunk("a")).step(Step::Hang));
    }
    let comparison = stage.comparison();
    let local = LocalSet::new();
    let tell = |_: &Seat, _: News| ();
    let stop = async {
        stage.primary.asked(2).await;
        stage.fallback.asked(2).await;
    };
    local
        .run_until(async {
            tokio::select! {
                () = stage.prober.compare(&comparison, &tell) => panic!("it never ends by itself"),
                () = stop => {}
            }
            stage.primary.cancelled(2).await;
            stage.fallback.cancelled(2).await;
        })
        .await;
}

#[tokio::test]
async fn an_edited_payload_is_sent_as_it_is_and_told_apart() {
    let stage = Stage::new().await;
    let edited = STREAM.replace("order 7", "order 8");
    let mut comparison = stage.comparison();
    comparison.payloads[0].body = Some(Bytes::from(edited.clone()));
    let told = stage.compare(&comparison).await;
    let digest = backstop::config::fingerprint(edited.as_bytes());
    for told in told.values() {
        let answer = told.answer.as_ref().unwrap();
        assert_eq!(answer.result.asked.sample, Some(digest.clone()));
    }
    assert!(stage.primary.only().text().contains("order 8"));

    comparison.payloads[0].body = Some(Bytes::from_static(b"{\"stream\":true"));
    let told = stage.compare(&comparison).await;
    for told in told.values() {
        let unsent = told.unsent.as_deref().unwrap();
        assert!(unsent.contains("does not fit its family"), "{unsent}");
    }
    assert_eq!(stage.primary.count(), 1);
}

#[tokio::test]
async fn what_cannot_be_compared_is_said() {
    let mut stage = Stage::new().await;
    let workload = stage.catalog.workloads["support-chat"].clone();
    let error = |stage: &Stage, workload: &backstop::model::Workload, names: &[String]| {
        let made = Comparison::of(&stage.catalog, workload, names);
        made.map(|_| ()).unwrap_err()
    };
    let mut alone = workload.clone();
    alone.fallback = None;
    assert!(matches!(
        error(&stage, &alone, &[]),
        CompareError::NoFallback(_)
    ));
    let mut bare = workload.clone();
    bare.samples.clear();
    assert!(matches!(
        error(&stage, &bare, &[]),
        CompareError::NoSamples(_)
    ));
    let unknown = error(&stage, &workload, &["tow".to_owned()]).to_string();
    assert!(
        unknown.ends_with("no sample \"tow\"; it has one"),
        "{unknown}"
    );
    stage.catalog.routes.remove("stable");
    assert!(matches!(
        error(&stage, &workload, &[]),
        CompareError::NoRoute(_)
    ));
}

#[tokio::test]
async fn hostile_answers_become_clean_and_bounded() {
    let stage = Stage::new().await;
    let long = "x".repeat(1 << 20);
    let marks = format!("e{}", "\u{301}".repeat(5_000));
    let wide = "\u{1f469}\u{200d}\u{1f4bb}".repeat(2_000);
    for (case, said, clean) in [
        ("escape", "a\u{1b}[2Jb\u{7}", Some("a\u{241b}[2Jb\u{2407}")),
        ("c1", "a\u{9b}31mb", Some("a\u{fffd}31mb")),
        ("bidi", "a\u{202e}b\u{2066}c", Some("a\u{fffd}b\u{fffd}c")),
        ("lines and tabs", "a\n\tb", Some("a\n b")),
        ("one long line", long.as_str(), None),
        ("combining", marks.as_str(), Some(marks.as_str())),
        ("wide", wide.as_str(), None),
    ] {
        let answer = stage.primary_says(streamed(&[said])).await;
        assert_eq!(answer.result.failure, None, "{case}");
        if let Some(clean) = clean {
            assert_eq!(answer.text, clean, "{case}");
        }
        assert_eq!(answer.clipped, case == "one long line", "{case}");
        is_clean(&answer);
    }
}

#[tokio::test]
async fn ten_thousand_tiny_pieces_are_put_together() {
    let stage = Stage::new().await;
    let pieces = vec!["ab "; 10_000];
    let answer = stage.primary_says(streamed(&pieces)).await;
    assert_eq!(answer.text, pieces.concat());
    assert!(!answer.clipped);
}

#[tokio::test]
async fn bytes_that_are_no_text_do_not_silence_the_rest() {
    let stage = Stage::new().await;
    let mut bad = chunk("before ~ after").into_bytes();
    let at = bad.iter().position(|byte| *byte == b'~').unwrap();
    bad[at] = 0xff;
    let mut body = format!("{:x}\r\n", bad.len()).into_bytes();
    body.extend(bad);
    body.extend(b"\r\n");
    let script = Script::stream()
        .chunk(&chunk("first "))
        .send(body)
        .chunk(&chunk(" last"))
        .chunk(END)
        .end();
    let answer = stage.primary_says(script).await;
    assert_eq!(answer.result.failure, None);
    assert_eq!(answer.text, "first before \u{fffd} after last");
}

#[tokio::test]
async fn what_it_costs_at_most_is_known_before() {
    let mut stage = Stage::new().await;
    stage.samples(&["one", "two"]);
    let price = |input, output| Price {
        input,
        output,
        currency: "USD".to_owned(),
    };
    stage.catalog.routes.get_mut("premium").unwrap().price = Some(price(1_000.0, 1e6));
    let mut comparison = stage.comparison();
    comparison.runs = 2;
    comparison.payloads[1].body = Some(Bytes::from(
        STREAM.replace("\"stream\"", "\"max_tokens\":7,\"stream\""),
    ));
    let estimate = comparison.estimate().await.unwrap();
    assert_eq!(estimate.requests, 8);
    assert_eq!(estimate.unpriced, ["stable".into()]);
    assert_eq!(
        estimate.unlimited,
        [comparison.payloads[0].sample.id.clone()]
    );
    // Twice seven tokens of output, and a few of input.
    let cost = estimate.costs["USD"];
    assert!(cost > 14.0 && cost < 14.2, "{cost}");
}

#[tokio::test]
async fn an_edited_payload_is_judged_while_it_is_typed() {
    let stage = Stage::new().await;
    let workload = &stage.catalog.workloads["support-chat"];
    let sample = &workload.samples[0];
    let usage = r#""stream":true,"stream_options":{"include_usage":true}"#;
    for (case, body, found) in [
        (
            "good",
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"a"}}],{usage}}}"#),
            Ok(None),
        ),
        (
            "half typed",
            r#"{"model":"m","messages":["#.to_owned(),
            Err("not a JSON object"),
        ),
        (
            "no model",
            r#"{"messages":[]}"#.to_owned(),
            Err("no \"model\""),
        ),
        (
            "no messages",
            r#"{"model":"m"}"#.to_owned(),
            Ok(Some("`messages` must be a list, and not empty")),
        ),
        (
            "a text as messages",
            r#"{"model":"m","messages":"hello"}"#.to_owned(),
            Ok(Some("`messages` must be a list, and not empty")),
        ),
    ] {
        let judged = probe::findings_of(&stage.catalog, workload, sample, body.as_bytes());
        match (judged, found) {
            (Ok(all), Ok(words)) => assert_eq!(all.first().map(String::as_str), words, "{case}"),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{case}"),
            (judged, _) => panic!("{case}: {judged:?}"),
        }
    }
}

/// Nothing that a terminal could obey, and no more than is promised.
fn is_clean(answer: &Answer) {
    let texts = [Some(&answer.text), answer.refusal.as_ref()];
    let tools = answer.tools.iter().flat_map(|it| [&it.name, &it.arguments]);
    for text in texts.into_iter().flatten().chain(tools) {
        assert!(text.chars().count() <= Answer::TEXT_LIMIT);
        let again = backstop::model::visible_lines(text, usize::MAX);
        assert_eq!(*text, again);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// However a text is chopped up, what is told and what is kept are the same, and clean.
    #[test]
    fn any_text_is_kept_whole_and_clean(pieces in prop::collection::vec("(?s:.{0,12})", 0..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::new().await;
            let texts: Vec<&str> = pieces.iter().map(String::as_str).collect();
            stage.primary.set(streamed(&texts));
            let told = stage.compare(&stage.comparison()).await;
            let told = &told[&seat("one", 0, Place::Primary)];
            let answer = told.answer.as_ref().unwrap();
            prop_assert_eq!(&told.text, &pieces.concat());
            prop_assert_eq!(&answer.text, &backstop::model::visible_lines(&told.text, usize::MAX));
            is_clean(answer);
            Ok(())
        })?;
    }
}
