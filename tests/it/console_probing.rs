//! Live probes in the console: what `r` asks, what is shown while answers come, and what Esc stops.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::{
        app::Overlay,
        effect::Effect,
        msg::{Msg, Told},
        state::probing::{Probing, Question, With},
        view,
    },
    control::{Mode as Door, News, Probed},
    model::{
        Asked, Budget, Capability, Catalog, CheckResult, Cost, ErrorClass, PayloadClass,
        ProbeFailure, ProbePoint, ProbeRecord, ProbeResult, Rung, RungResult, Sample, Spent, Usage,
        Verdict,
    },
};
use crossterm::event::KeyCode;
use jiff::Timestamp;

use crate::{
    console_screens::look,
    console_stage::{Stage, catalog},
};

/// The stage's configuration with samples for the two workloads that have a fallback and traffic.
pub(crate) fn sampled() -> Catalog {
    let mut catalog = catalog();
    for workload in catalog.workloads.values_mut() {
        workload.samples.clear();
    }
    for (workload, name, class) in [
        ("support-chat", "hello", PayloadClass::Chat),
        ("support-chat", "look-up", PayloadClass::Tools),
        ("image-understanding", "receipt", PayloadClass::Vision),
    ] {
        let of_it = catalog.workloads.get_mut(workload).unwrap();
        of_it.samples.push(Sample {
            id: format!("{workload}/{name}").as_str().into(),
            class,
            path: format!("/etc/backstop/samples/{name}.json").into(),
            digest: "abc".to_owned(),
            stream: false,
            checks: Vec::new(),
        });
    }
    catalog
}

/// A good answer.
pub(crate) fn answered(route: &str, sample: &str, now: Timestamp) -> ProbeResult {
    ProbeResult {
        route: route.into(),
        workload: "support-chat".into(),
        sample: sample.into(),
        class: PayloadClass::Chat,
        asked: Asked {
            base_url: "https://northwind.example".to_owned(),
            model: "nw-large-4".to_owned(),
            sample: Some("abc".to_owned()),
        },
        at: now,
        stream: true,
        status: Some(200),
        headers: Some(Duration::from_millis(120)),
        first_output: Some(Duration::from_millis(430)),
        total: Duration::from_millis(2_530),
        usage: Usage {
            input: Some(21),
            output: Some(84),
        },
        cost: Some(Cost {
            amount: 0.0031,
            currency: "USD".to_owned(),
        }),
        finish: Some("stop".to_owned()),
        model: None,
        checks: vec![CheckResult {
            check: "contains \"refund\"".to_owned(),
            verdict: Verdict::Passed,
            detail: String::new(),
        }],
        failure: None,
        output: "Hello, you asked about a refund.".to_owned(),
    }
}

fn stage(width: u16, height: u16, mode: Door) -> Stage {
    let mut stage = Stage::incident(width, height, mode);
    stage.news(News::Catalog(Arc::new(sampled())));
    stage
}

fn probing(stage: &Stage) -> &Probing {
    match stage.app.overlays.last() {
        Some(Overlay::Probe(probing)) => probing,
        other => panic!("no probe is open: {other:?}"),
    }
}

fn tell(stage: &mut Stage, question: usize, told: Told) -> Vec<Effect> {
    let request = probing(stage).request;
    stage.send(Msg::Probe {
        request,
        question,
        told,
    })
}

fn heard(text: &str) -> Told {
    Told::Heard {
        head: Some((200, Duration::from_millis(120))),
        first_output: Some(Duration::from_millis(430)),
        text: text.to_owned(),
        left_out: 0,
    }
}

fn asked(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Probe { questions, .. } => Some(questions),
            _ => None,
        })
        .flatten()
        .map(|Question { route, with }| match with {
            With::Sample(_, sample) => format!("{route} {sample}"),
            With::Ladder => format!("{route} ladder"),
        })
        .collect()
}

#[test]
fn r_asks_both_routes_the_same_and_a_route_its_samples() {
    for (case, keys, questions) in [
        (
            "a workload",
            "r",
            &[
                "premium-chat support-chat/hello",
                "stable-baseline support-chat/hello",
                "premium-chat support-chat/look-up",
                "stable-baseline support-chat/look-up",
            ][..],
        ),
        (
            "a route",
            "2/stable\rr",
            &[
                "stable-baseline support-chat/hello",
                "stable-baseline support-chat/look-up",
            ],
        ),
        (
            "a route without samples",
            "2/code-l\rr",
            &["code-large ladder"],
        ),
    ] {
        let mut stage = stage(80, 24, Door::Observe);
        let mut effects = Vec::new();
        for key in keys.chars() {
            effects.extend(match key {
                '\r' => stage.press(KeyCode::Enter),
                key => stage.press(KeyCode::Char(key)),
            });
        }
        assert_eq!(asked(&effects), questions, "{case}");
    }
}

#[test]
fn both_answers_stream_in_and_what_was_measured_stands_there() {
    let mut stage = stage(80, 24, Door::Write);
    stage.keys("r");
    tell(&mut stage, 0, Told::Sent);
    tell(&mut stage, 1, Told::Sent);
    assert_eq!(probing(&stage).answers[0].word(stage.now), "connecting");
    tell(&mut stage, 0, heard("Hello, "));
    assert_eq!(probing(&stage).answers[0].word(stage.now), "streaming");
    stage.wait(Duration::from_secs(6));
    assert_eq!(probing(&stage).answers[0].word(stage.now), "stalled 6 s");
    assert_eq!(probing(&stage).answers[1].word(stage.now), "connecting 6 s");
    tell(&mut stage, 0, heard("you asked"));
    assert_eq!(probing(&stage).answers[0].text, "Hello, you asked");

    let mut cut = answered("premium-chat", "support-chat/hello", stage.now);
    cut.finish = Some("length".to_owned());
    tell(&mut stage, 0, Told::Answered(Box::new(cut)));
    tell(&mut stage, 0, Told::Kept(Ok(true)));
    let mut failed = answered("stable-baseline", "support-chat/hello", stage.now);
    failed.failure = Some(ProbeFailure {
        class: ErrorClass::Overloaded,
        detail: "503 try later".to_owned(),
    });
    tell(&mut stage, 1, Told::Answered(Box::new(failed)));
    let words: Vec<_> = probing(&stage).answers[..3]
        .iter()
        .map(|answer| answer.word(stage.now))
        .collect();
    assert_eq!(words, ["cut: length", "overloaded", "waiting"]);
    let text = stage.text();
    for part in [
        "200 after 120ms, first output 430ms, total 2.53s, 21+84 tokens, 40.0 tokens/s",
        "ended: length",
        "+ contains \"refund\"",
        "1 recorded",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    stage.press(KeyCode::Tab);
    assert!(stage.text().contains("x overloaded: 503 try later"));
}

#[test]
fn esc_stops_what_runs_and_leaves_what_is_over() {
    let mut stage = stage(80, 24, Door::Write);
    stage.keys("2r");
    let effects = stage.press(KeyCode::Esc);
    assert!(effects.contains(&Effect::StopProbe), "{effects:?}");
    assert!(stage.app.overlays.is_empty());
    assert!(stage.text().contains("the probe was cancelled"));

    stage.keys("r");
    let count = probing(&stage).answers.len();
    for question in 0..count {
        tell(&mut stage, question, Told::Unsent("no key".to_owned()));
    }
    let effects = stage.press(KeyCode::Esc);
    assert!(!effects.contains(&Effect::StopProbe), "nothing runs");
}

#[test]
fn news_of_a_probe_that_was_left_is_dropped() {
    let mut stage = stage(80, 24, Door::Write);
    stage.keys("r");
    let left = probing(&stage).request;
    let effects = stage.keys("r");
    assert_eq!(asked(&effects).len(), 4, "r in a probe asks again");
    stage.send(Msg::Probe {
        request: left,
        question: 0,
        told: heard("late"),
    });
    assert_eq!(probing(&stage).answers[0].text, "");
}

#[test]
fn an_answer_fills_pages_and_never_more_than_is_kept() {
    let mut stage = stage(80, 24, Door::Write);
    stage.keys("r");
    tell(&mut stage, 0, Told::Sent);
    for _ in 0..2_000 {
        tell(&mut stage, 0, heard(&format!("{}\n", "word ".repeat(15))));
    }
    let answer = &probing(&stage).answers[0];
    assert!(answer.text.len() <= 100_000);
    assert!(answer.left_out > 0);
    let text = stage.text();
    assert!(text.contains("more characters are not kept"), "{text}");
    let (page, pages) = view::probe_pages(&stage.app).unwrap();
    assert_eq!(page + 1, pages, "the newest page is shown");
    stage.press(KeyCode::PageUp);
    assert!(
        stage
            .text()
            .contains(&format!("page {}/{pages}", pages - 1))
    );
    stage.keys("g");
    assert!(stage.text().contains(&format!("page 1/{pages}")));
    stage.keys("G");
    assert!(stage.text().contains(&format!("page {pages}/{pages}")));
}

#[test]
fn a_door_that_only_looks_probes_and_says_that_nothing_is_recorded() {
    let mut stage = stage(80, 24, Door::Observe);
    let effects = stage.keys("r");
    assert_eq!(asked(&effects).len(), 4);
    tell(&mut stage, 0, Told::Kept(Ok(false)));
    assert!(
        stage
            .text()
            .contains("not recorded: this session is OBSERVE")
    );
}

#[test]
fn what_providers_say_never_reaches_the_terminal_as_it_came() {
    let mut stage = stage(80, 24, Door::Write);
    stage.keys("r");
    let mut failed = answered("premium-chat", "support-chat/hello", stage.now);
    failed.checks.push(CheckResult {
        check: "matches /a\x1b/".to_owned(),
        verdict: Verdict::Failed,
        detail: "\u{202e}evil".to_owned(),
    });
    failed.finish = Some("\x1b]0;evil\x07".to_owned());
    tell(&mut stage, 0, Told::Answered(Box::new(failed)));
    tell(&mut stage, 1, Told::Unsent("\x1b[2Jevil".to_owned()));
    for _ in 0..2 {
        let text = stage.text();
        assert!(text.contains("evil"), "{text}");
        assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
        stage.press(KeyCode::Tab);
    }
}

/// In the middle of a probe of the failing workload.
fn half_way(stage: &mut Stage) {
    stage.keys("r");
    for question in 0..4 {
        tell(stage, question, Told::Sent);
    }
    let mut failed = answered("premium-chat", "support-chat/hello", stage.now);
    failed.status = Some(503);
    failed.checks.clear();
    failed.usage = Usage::default();
    failed.cost = None;
    failed.finish = None;
    failed.first_output = None;
    failed.output = String::new();
    failed.failure = Some(ProbeFailure {
        class: ErrorClass::Overloaded,
        detail: "503 overloaded_error: the service is overloaded".to_owned(),
    });
    tell(stage, 0, Told::Answered(Box::new(failed)));
    let good = answered("stable-baseline", "support-chat/hello", stage.now);
    tell(
        stage,
        1,
        heard("Hello, you asked about a refund.\nIt takes two days."),
    );
    tell(stage, 1, Told::Answered(Box::new(good)));
    tell(stage, 0, Told::Kept(Ok(true)));
    tell(stage, 1, Told::Kept(Ok(true)));
    tell(stage, 3, heard("(calls) look_up {\"order\":"));
    stage.wait(Duration::from_secs(4));
    stage.keys("j");
}

#[test]
fn what_a_probe_looks_like() {
    for (width, height) in [(80, 24), (120, 40), (200, 50), (60, 15)] {
        let mut stage = stage(width, height, Door::Write);
        half_way(&mut stage);
        look("probe", &stage);
    }
    let mut stage = stage(80, 24, Door::Write);
    stage.keys("2/code-l");
    stage.press(KeyCode::Enter);
    stage.keys("r");
    tell(&mut stage, 0, Told::Sent);
    tell(
        &mut stage,
        0,
        heard("key: passed: found\nmodel: failed: not in the list\n"),
    );
    let rung = |rung, verdict, evidence: &str| RungResult {
        route: "code-large".into(),
        rung,
        asked: Asked {
            base_url: String::new(),
            model: String::new(),
            sample: None,
        },
        at: stage.now,
        verdict,
        evidence: evidence.to_owned(),
        class: None,
        sample: None,
        cost: None,
    };
    let rungs = vec![
        rung(Rung::Key, Verdict::Passed, "found"),
        rung(Rung::Model, Verdict::Failed, "not in the list"),
    ];
    tell(&mut stage, 0, Told::Climbed(rungs, 1));
    look("probe-ladder", &stage);
}

/// What the schedule has found of the stage's routes: all is well but what one fallback sees.
pub(crate) fn found(now: Timestamp) -> Probed {
    let catalog = sampled();
    let mut records = Vec::new();
    for (name, seconds) in [
        ("premium-chat", 4),
        ("stable-baseline", 12),
        ("vision-main", 200),
        ("vision-baseline", 9),
    ] {
        let at = now - Duration::from_secs(seconds);
        let route = &catalog.routes[name];
        for (rung, evidence) in [
            (Rung::Key, "there, in the file keys/main"),
            (Rung::Model, "among 12 models"),
            (Rung::Minimal, "200 after 340ms"),
            (Rung::Streaming, "first output after 420ms"),
            (Rung::Capability(Capability::Vision), "the sample passed"),
            (
                Rung::Errors,
                "400 invalid_request_error, as the family says",
            ),
        ] {
            let blind = name == "vision-baseline" && rung == Rung::Capability(Capability::Vision);
            let sample = matches!(rung, Rung::Capability(_))
                .then(|| catalog.workloads["image-understanding"].samples[0].clone());
            if sample.is_some() && !name.starts_with("vision") {
                continue;
            }
            records.push(ProbeRecord::Rung(Box::new(RungResult {
                route: name.into(),
                rung,
                asked: Asked::of(route, sample.as_ref()),
                at,
                verdict: if blind {
                    Verdict::Failed
                } else {
                    Verdict::Passed
                },
                evidence: if blind {
                    "matches /(?i)receipt/: it says: \"I do not see a picture\"".to_owned()
                } else {
                    evidence.to_owned()
                },
                class: None,
                sample: sample.map(|sample| sample.id),
                cost: None,
            })));
        }
        for workload in catalog.users_of(&name.into()) {
            for sample in &workload.samples {
                let mut result = answered(name, sample.id.as_str(), at);
                result.asked = Asked::of(route, Some(sample));
                if name == "vision-baseline" {
                    result.checks[0].verdict = Verdict::Failed;
                    "it says: \"I do not see a picture\"".clone_into(&mut result.checks[0].detail);
                }
                records.push(ProbeRecord::Sample(Box::new(result)));
            }
        }
    }
    let spent = Spent {
        route: "premium-chat".into(),
        hour: Spent::hour_of(now),
        requests: 34,
        cost: 0.02,
    };
    Probed::new(records, &[spent])
}

/// The routes screen after a round of probes and an hour of traffic.
fn routes(width: u16, height: u16) -> Stage {
    let mut stage = stage(width, height, Door::Write);
    let found = found(stage.now);
    stage.news(News::Probes(found));
    stage.keys("2");
    stage.wait(Duration::from_secs(1));
    let histories = ["premium-chat", "vision-baseline"].map(|name| {
        let points = (0..9_u64).map(|number| ProbePoint {
            at: stage.now - Duration::from_secs(600 - number * 60),
            verdict: if number == 5 {
                Verdict::Failed
            } else {
                Verdict::Passed
            },
            class: None,
            first_output: Some(Duration::from_millis(180 * (number + 1))),
        });
        (name.into(), points.collect())
    });
    stage.send(Msg::History(histories.into()));
    stage
}

#[test]
fn what_the_routes_look_like() {
    for (width, height) in [(80, 24), (120, 40), (200, 50), (60, 15)] {
        let mut stage = routes(width, height);
        stage.keys("jj");
        look("routes-probed", &stage);
    }
}

#[test]
fn a_ladder_that_does_not_fit_beside_the_list_is_scrolled_to_its_end() {
    let hidden = |stage: &Stage| {
        let text = stage.text();
        let line = text.lines().find(|line| line.contains("more lines"));
        line.map(|line| line.trim().to_owned())
    };
    let mut stage = routes(80, 24);
    stage.keys("jj");
    let first = hidden(&stage);
    assert_eq!(first.as_deref(), Some("v 9 more lines: > scrolls"));
    let receipt = "image-understanding/receipt";
    assert!(!stage.text().contains(receipt), "{}", stage.text());
    stage.keys(">>>>>>>>>>>>>>>>>>>>>>>>>>>>>>");
    assert!(stage.text().contains(receipt), "{}", stage.text());
    assert_eq!(hidden(&stage), None);
    // What was pressed beyond the end does not have to be taken back.
    stage.keys("<");
    assert!(hidden(&stage).is_some(), "{}", stage.text());
    stage.keys("<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<");
    assert_eq!(hidden(&stage), first);
    // Another route begins at its own top, and one comes back to where one was.
    for (keys, scrolled) in [(">>>", 3), ("j", 0), ("k", 3)] {
        stage.keys(keys);
        assert_eq!(view::pane_scroll(&stage.app), scrolled, "{keys}");
    }
}

#[test]
fn a_workload_or_a_route_is_probed_by_its_name() {
    for (typed, count) in [(":probe support-chat", 4), (":probe vision-b", 1)] {
        let mut stage = stage(120, 40, Door::Write);
        stage.keys(typed);
        let effects = stage.press(KeyCode::Enter);
        let asked = effects.iter().find_map(|effect| match effect {
            Effect::Probe { questions, .. } => Some(questions.len()),
            _ => None,
        });
        assert_eq!(asked, Some(count), "{typed}: {effects:?}");
    }
}

#[test]
fn a_spent_budget_is_seen_on_every_screen() {
    let mut catalog = catalog();
    let found = |now| {
        let spent = Spent {
            route: "premium-chat".into(),
            hour: Spent::hour_of(now),
            requests: 34,
            cost: 0.02,
        };
        Probed::new([], &[spent])
    };
    let limit = |requests| Budget {
        requests_per_hour: Some(requests),
        cost_per_day: None,
    };
    for (case, all, route, told) in [
        ("room", 600, 600, None),
        ("all", 34, 600, Some("PROBE BUDGET SPENT  ")),
        ("one route", 600, 34, Some("PROBE BUDGET SPENT (1 route)  ")),
        ("nothing by decision", 0, 600, None),
    ] {
        catalog.probing.budget = limit(all);
        let of_route = limit(route);
        catalog
            .probing
            .routes
            .insert("premium-chat".into(), of_route);
        for (width, height) in [(160, 40), (80, 24), (60, 15)] {
            let mut stage = Stage::incident(width, height, Door::Write);
            stage.news(News::Catalog(Arc::new(catalog.clone())));
            let found = found(stage.now);
            stage.news(News::Probes(found));
            stage.wait(Duration::from_secs(1));
            for screen in ["1", "2", "3", "5"] {
                stage.keys(screen);
                let text = stage.text();
                let title = text.lines().nth(1).unwrap().to_owned() + "  ";
                let right = match told {
                    Some(words) if width == 160 => title.contains(words),
                    Some(_) => title.contains("SPENT"),
                    None => !title.contains("SPENT"),
                };
                assert!(right, "{case} {width} {screen}: {text}");
            }
        }
    }
}

#[test]
fn a_fallback_whose_probe_failed_stands_on_top_with_its_reason() {
    let mut stage = routes(80, 24);
    stage.keys("/vision-b");
    stage.press(KeyCode::Enter);
    let text = stage.text();
    for part in [
        "! vision-baseline  failed 11s 5/6 x vision",
        "x probe   vision: matches /(?i)receipt/",
        "I do not see a picture",
        "image-understanding (fallback)",
        "probes 34/600 this hour, 0.02/1.00 in 24h",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    stage.press(KeyCode::Esc);
    let first = stage.app.routes.keys.first().unwrap().as_str();
    assert_eq!(first, "low-cost-extract", "its circuit is half-open");
    assert_eq!(stage.app.routes.keys[2].as_str(), "vision-baseline");
    stage.keys("/probe:failed");
    assert_eq!(stage.app.routes.keys.len(), 1);
}

#[test]
fn the_past_of_a_route_is_asked_for_once_and_only_when_it_is_seen() {
    let asked = |effects: Vec<Effect>| {
        let mut routes = Vec::new();
        for effect in effects {
            if let Effect::History(more) = effect {
                routes.extend(more);
            }
        }
        routes.len()
    };
    let mut stage = stage(80, 24, Door::Write);
    assert_eq!(asked(stage.keys("jj")), 0);
    assert_eq!(asked(stage.keys("2")), 7);
    assert_eq!(asked(stage.keys("jjjk")), 0);
    assert_eq!(asked(stage.keys("12")), 0);
}

#[test]
fn what_goes_over_the_budget_is_sent_only_after_its_cost_was_shown() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    let mut catalog = sampled();
    catalog.probing.budget.requests_per_hour = Some(36);
    stage.news(News::Catalog(Arc::new(catalog)));
    let found = found(stage.now);
    stage.news(News::Probes(found));
    stage.wait(Duration::from_secs(1));
    assert_eq!(asked(&stage.keys("r")).len(), 0);
    look("probe-over-budget", &stage);
    assert_eq!(asked(&stage.keys("r")).len(), 0, "its own key is no yes");
    assert_eq!(
        asked(&stage.at_once(KeyCode::Enter)).len(),
        0,
        "nor is a burst"
    );
    assert_eq!(asked(&stage.press(KeyCode::Enter)).len(), 4);
    assert_eq!(asked(&stage.press(KeyCode::Enter)).len(), 0, "once");
    assert!(stage.press(KeyCode::Esc).contains(&Effect::StopProbe));

    stage.keys("r");
    let effects = stage.press(KeyCode::Esc);
    assert!(!effects.contains(&Effect::StopProbe), "nothing was sent");
}
