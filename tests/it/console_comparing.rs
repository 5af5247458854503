//! Comparisons in the console: what `c` asks, how answers are shown, what a blind review hides, and what becomes of
//! verdicts.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::{
        action::Action,
        effect::{Asking, Effect},
        msg::Msg,
        state::comparing::{Comparing, Mode, Saving, case::Side, live::Told},
    },
    control::{ControlError, Mode as Door, NewReview, News, Probed},
    model::{
        Answer, CalledTool, Catalog, CheckResult, ErrorClass, Judgement, PayloadClass, Place,
        ProbeFailure, ReviewHead, ReviewId, ReviewMode, Sample, SampleCheck, Spent, Tally, Verdict,
    },
    probe::Seat,
};
use crossterm::event::KeyCode;
use jiff::Timestamp;

use crate::{
    console_probing::answered,
    console_screens::look,
    console_stage::{Stage, actor, catalog},
};

/// What each sample of the stage is answered with: primary, fallback.
pub(crate) const TEXTS: [(&str, PayloadClass, &str, &str); 4] = [
    (
        "return-window",
        PayloadClass::Chat,
        "Your order shipped on 4 March, so the 30 day window ends on 3 April. You can still return it.\n\n1. Open Orders and choose the item.\n2. Pick a reason and print the label.\n3. Drop the parcel within 7 days.\n\nI can start the return now. Shall I?",
        "You can return this item. The window is 30 days from shipping.\n\n1. Open Orders and choose the item.\n2. Print the label.\n3. Drop the parcel within 14 days.",
    ),
    (
        "invoice",
        PayloadClass::Json,
        "{\"number\": \"A-2207\", \"total\": 1280.5, \"vat_id\": \"DE811907980\", \"lines\": 3}",
        "{\"number\": \"A-2207\", \"total\": \"1280.50\", \"lines\": 3}",
    ),
    (
        "debounce",
        PayloadClass::Code,
        "fn debounce(delay: u64) -> Timer {\n    let timer = Timer::new(delay);\n    timer.start();\n    timer\n}\n",
        "fn debounce(wait: u64) -> Timer {\n    let timer = Timer::new(wait);\n    timer\n}\n",
    ),
    ("look-up", PayloadClass::Tools, "", ""),
];

/// The stage's configuration, its support chat with a sample of each kind.
pub(crate) fn sampled() -> Catalog {
    let mut catalog = catalog();
    let support = catalog.workloads.get_mut("support-chat").unwrap();
    support.samples = TEXTS
        .iter()
        .map(|(name, class, _, _)| Sample {
            id: format!("support-chat/{name}").as_str().into(),
            class: *class,
            path: format!("/etc/backstop/samples/{name}.json").into(),
            digest: "abc".to_owned(),
            stream: false,
            checks: vec![
                SampleCheck::NoRefusal,
                SampleCheck::FirstOutputWithin {
                    limit: Duration::from_secs(3),
                },
            ],
        })
        .collect();
    catalog
}

pub(crate) fn stage(width: u16, height: u16, mode: Door) -> Stage {
    let mut stage = Stage::incident(width, height, mode);
    stage.news(News::Catalog(Arc::new(sampled())));
    stage
}

pub(crate) fn comparing(stage: &Stage) -> &Comparing {
    stage.app.comparing().expect("a comparison is on screen")
}

/// A good answer of a route to a sample.
pub(crate) fn answer(sample: &str, place: Place, text: &str, now: Timestamp) -> Answer {
    let (route, first, cost) = match place {
        Place::Primary => ("premium-chat", 430, 0.0031),
        Place::Fallback => ("stable-baseline", 1330, 0.0008),
    };
    let mut result = answered(route, sample, now);
    result.first_output = Some(Duration::from_millis(first));
    result.total = Duration::from_millis(first + 2100);
    result.cost.as_mut().unwrap().amount = cost;
    result.output = String::new();
    result.checks = vec![
        CheckResult {
            check: "no refusal".to_owned(),
            verdict: Verdict::Passed,
            detail: String::new(),
        },
        CheckResult {
            check: "first output in 3s".to_owned(),
            verdict: Verdict::Passed,
            detail: String::new(),
        },
    ];
    let tool = |order: &str| CalledTool {
        name: "look_up_order".to_owned(),
        arguments: format!("{{\"order\": \"{order}\"}}"),
    };
    let tools = match (sample.ends_with("look-up"), place) {
        (false, _) => Vec::new(),
        (true, Place::Primary) => vec![tool("8841")],
        (true, Place::Fallback) => vec![tool("8814")],
    };
    Answer {
        result,
        text: text.to_owned(),
        refusal: None,
        tools,
        vectors: Vec::new(),
        clipped: false,
    }
}

/// What the stage answers to a sample.
pub(crate) fn usual(sample: &str, place: Place, now: Timestamp) -> Answer {
    let found = TEXTS.iter().find(|(name, ..)| sample.ends_with(name));
    let (_, _, primary, fallback) = found.unwrap();
    let text = match place {
        Place::Primary => primary,
        Place::Fallback => fallback,
    };
    answer(sample, place, text, now)
}

pub(crate) fn seat(sample: &str, run: usize, place: Place) -> Seat {
    Seat {
        sample: sample.into(),
        run,
        place,
    }
}

pub(crate) fn tell(stage: &mut Stage, request: u64, seat: Seat, told: Told) -> Vec<Effect> {
    let effects = stage.send(Msg::Compare {
        request,
        seat,
        told,
    });
    follow(stage, effects)
}

/// Puts answers beside each other when that is asked for; gives back the other effects.
pub(crate) fn follow(stage: &mut Stage, effects: Vec<Effect>) -> Vec<Effect> {
    let mut rest = Vec::new();
    for effect in effects {
        match effect {
            Effect::Weigh(weighing) => {
                let weighed = Msg::Weighed(Box::new(weighing.weigh()));
                rest.extend(stage.send(weighed));
            }
            Effect::Score(workload, samples) => {
                let scores = Box::new(backstop::review::scores(&samples));
                rest.extend(stage.send(Msg::Scored(workload, scores)));
            }
            other => rest.push(other),
        }
    }
    rest
}

/// Keys, and what follows from them.
pub(crate) fn keys(stage: &mut Stage, text: &str) -> Vec<Effect> {
    let effects = stage.keys(text);
    follow(stage, effects)
}

pub(crate) fn press(stage: &mut Stage, code: KeyCode) -> Vec<Effect> {
    let effects = stage.press(code);
    follow(stage, effects)
}

pub(crate) fn asked(effects: &[Effect]) -> (u64, Asking) {
    effects
        .iter()
        .find_map(|effect| match effect {
            Effect::Compare { request, asking } => Some((*request, asking.clone())),
            _ => None,
        })
        .expect("something is asked")
}

fn names(asking: &Asking) -> Vec<&str> {
    asking.samples.iter().map(|(id, _)| id.name()).collect()
}

/// Answers everything that was asked.
pub(crate) fn answer_all(stage: &mut Stage, effects: &[Effect]) {
    let (request, asking) = asked(effects);
    for (sample, _) in &asking.samples {
        for run in 0..asking.runs {
            for place in [Place::Primary, Place::Fallback] {
                let told = Told::Answered(Arc::new(usual(sample.as_str(), place, stage.now)));
                tell(stage, request, seat(sample.as_str(), run, place), told);
            }
        }
    }
}

/// A comparison of which every sample was answered.
pub(crate) fn compared(width: u16, height: u16, mode: Door) -> Stage {
    let mut stage = stage(width, height, mode);
    let effects = keys(&mut stage, "c");
    answer_all(&mut stage, &effects);
    let effects = keys(&mut stage, "*");
    answer_all(&mut stage, &effects);
    stage
}

/// A blind review of which every sample was answered.
pub(crate) fn blind(width: u16, height: u16, mode: Door) -> Stage {
    let mut stage = stage(width, height, mode);
    let effects = keys(&mut stage, "c");
    answer_all(&mut stage, &effects);
    let effects = keys(&mut stage, "m");
    answer_all(&mut stage, &effects);
    stage
}

fn heard(text: &str) -> Told {
    Told::Heard {
        head: Some((200, Duration::from_millis(120))),
        first_output: Some(Duration::from_millis(430)),
        text: text.to_owned(),
        left_out: 0,
    }
}

fn head(review: &NewReview, now: Timestamp) -> ReviewHead {
    ReviewHead {
        id: ReviewId::new(now, 7),
        workload: review.workload.clone(),
        at: now,
        actor: actor("mira"),
        mode: review.mode,
        basis: review.basis.clone(),
        tally: Tally::of(&review.samples),
        vetoed: Vec::new(),
        note: review.note.clone(),
    }
}

fn recorded(effects: &[Effect]) -> Option<(u64, &NewReview)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Record { request, review } => Some((*request, review.as_ref())),
        _ => None,
    })
}

#[test]
fn c_asks_both_routes_with_the_first_sample_and_star_with_the_others() {
    let mut stage = stage(120, 40, Door::Observe);
    let effects = keys(&mut stage, "c");
    let (_, asking) = asked(&effects);
    assert_eq!((names(&asking), asking.runs), (vec!["return-window"], 1));
    assert!(effects.contains(&Effect::ReadAsked("support-chat".into())));
    answer_all(&mut stage, &effects);
    let effects = keys(&mut stage, "*");
    let (_, asking) = asked(&effects);
    assert_eq!(names(&asking), ["invoice", "debounce", "look-up"]);
    assert!(stage.text().contains("1 of 4 answered"), "{}", stage.text());
    let effects = keys(&mut stage, "+");
    assert_eq!(asked(&effects).1.runs, 5);
}

#[test]
fn both_answers_come_in_words_and_end_with_what_sets_them_apart() {
    let mut stage = stage(120, 40, Door::Observe);
    let effects = keys(&mut stage, "c");
    let (request, _) = asked(&effects);
    let sample = "support-chat/return-window";
    for place in [Place::Primary, Place::Fallback] {
        tell(&mut stage, request, seat(sample, 0, place), Told::Sent);
    }
    let text = stage.text();
    assert!(
        text.contains("A premium-chat primary  connecting"),
        "{text}"
    );
    tell(
        &mut stage,
        request,
        seat(sample, 0, Place::Primary),
        heard("Your order shipped"),
    );
    stage.wait(Duration::from_secs(6));
    let text = stage.text();
    for part in [
        "A premium-chat primary  stalled 6 s",
        "B stable-baseline fallback  connecting 6 s",
        "Your order shipped",
        "first 430ms",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    for place in [Place::Primary, Place::Fallback] {
        let mut answer = usual(sample, place, stage.now);
        if place == Place::Fallback {
            answer.result.finish = Some("max_tokens".to_owned());
        }
        tell(
            &mut stage,
            request,
            seat(sample, 0, place),
            Told::Answered(Arc::new(answer)),
        );
    }
    let text = stage.text();
    for part in [
        "A premium-chat primary  done",
        "B stable-baseline fallback  cut: max tokens",
        "B first output 900ms later, 900ms slower in all, as many tokens, costs 74% less than A",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_route_that_fails_is_an_answer_and_never_a_comparison_that_hangs() {
    let mut stage = stage(80, 24, Door::Observe);
    let effects = keys(&mut stage, "c");
    let (request, _) = asked(&effects);
    let sample = "support-chat/return-window";
    let mut failed = usual(sample, Place::Primary, stage.now);
    failed.text = String::new();
    failed.result.failure = Some(ProbeFailure {
        class: ErrorClass::Overloaded,
        detail: "503 overloaded_error: the service is overloaded".to_owned(),
    });
    tell(
        &mut stage,
        request,
        seat(sample, 0, Place::Primary),
        Told::Answered(Arc::new(failed)),
    );
    tell(
        &mut stage,
        request,
        seat(sample, 0, Place::Fallback),
        Told::Unsent("route stable-baseline: the key is not there".to_owned()),
    );
    let text = stage.text();
    assert!(text.contains("failed: overloaded"), "{text}");
    assert!(text.contains("503 overloaded_error"), "{text}");
    press(&mut stage, KeyCode::Tab);
    let text = stage.text();
    assert!(text.contains("not sent"), "{text}");
    keys(&mut stage, "a");
    assert!(comparing(&stage).cases[0].judgement.is_none());
    assert!(stage.text().contains("there are not two answers to judge"));
}

#[test]
fn esc_stops_what_runs_and_then_leaves_and_what_came_is_found_again() {
    let mut stage = stage(80, 24, Door::Observe);
    let effects = keys(&mut stage, "c");
    let (request, _) = asked(&effects);
    let sample = "support-chat/return-window";
    tell(
        &mut stage,
        request,
        seat(sample, 0, Place::Primary),
        Told::Sent,
    );
    tell(
        &mut stage,
        request,
        seat(sample, 0, Place::Primary),
        heard("Your order"),
    );
    let effects = press(&mut stage, KeyCode::Esc);
    assert!(effects.contains(&Effect::StopCompare(request)));
    assert!(stage.text().contains("stopped"), "{}", stage.text());
    press(&mut stage, KeyCode::Esc);
    assert!(stage.app.comparing().is_none(), "left");
    let effects = keys(&mut stage, "c");
    assert!(
        !effects
            .iter()
            .any(|it| matches!(it, Effect::Compare { .. }))
    );
    assert!(stage.text().contains("Your order"), "{}", stage.text());
    // What is late belongs to nobody any more.
    tell(
        &mut stage,
        request,
        seat(sample, 0, Place::Primary),
        heard("late"),
    );
    assert!(!stage.text().contains("late"));
    // After a while it is worth nothing: asked again.
    press(&mut stage, KeyCode::Esc);
    stage.wait(Duration::from_mins(6));
    let effects = keys(&mut stage, "c");
    assert_eq!(names(&asked(&effects).1), ["return-window"]);
}

#[test]
fn several_runs_show_how_much_the_answers_vary() {
    let mut stage = stage(160, 40, Door::Observe);
    let effects = keys(&mut stage, "c");
    answer_all(&mut stage, &effects);
    let effects = keys(&mut stage, "+");
    let (request, _) = asked(&effects);
    let sample = "support-chat/return-window";
    for run in 0..5 {
        for place in [Place::Primary, Place::Fallback] {
            let mut answer = usual(sample, place, stage.now);
            answer.result.total += Duration::from_millis(100 * run as u64);
            if place == Place::Fallback && run == 3 {
                answer.text = "Another text.".to_owned();
            }
            tell(
                &mut stage,
                request,
                seat(sample, run, place),
                Told::Answered(Arc::new(answer)),
            );
        }
    }
    let text = stage.text();
    assert!(
        text.contains("6 runs  A first 0.43-0.43s, total 2.53-2.93s, 1 text, 6/6 passed"),
        "{text}"
    );
    assert!(text.contains("2 texts"), "{text}");
}

#[test]
fn a_table_shows_the_dropped_field_and_the_changed_type_in_words() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut stage = compared(width, height, Door::Observe);
        keys(&mut stage, "]");
        let text = stage.text();
        for part in [
            "FIELD",
            "< vat_id",
            "missing in B",
            "! total",
            "type changed",
        ] {
            assert!(text.contains(part), "{part} at {width}: {text}");
        }
        keys(&mut stage, "nn");
        assert_eq!(comparing(&stage).look.difference, Some(1));
        keys(&mut stage, "n");
        assert!(stage.text().contains("that was the last difference"));
    }
}

#[test]
fn tool_calls_stand_in_one_row_each() {
    let mut stage = compared(120, 40, Door::Observe);
    keys(&mut stage, "]]]");
    let text = stage.text();
    let row = text
        .lines()
        .find(|line| line.contains("look_up_order"))
        .expect("the call");
    assert!(row.contains("8841") && row.contains("8814"), "{row}");
    assert!(row.trim_start().starts_with('~'), "{row}");
}

#[test]
fn a_narrow_screen_shows_one_side_and_tab_the_other_at_the_same_line() {
    let mut stage = compared(80, 24, Door::Observe);
    keys(&mut stage, "j");
    let first = stage.text();
    assert!(first.contains("A premium-chat"), "{first}");
    assert!(first.contains("print the label"), "{first}");
    press(&mut stage, KeyCode::Tab);
    let second = stage.text();
    assert!(second.contains("B stable-baseline"), "{second}");
    // What belongs together stands on the same row.
    let row = |text: &str, part: &str| text.lines().position(|line| line.contains(part));
    assert_eq!(
        row(&first, "1. Open Orders"),
        row(&second, "1. Open Orders")
    );
    assert_eq!(row(&first, "2. Pick a"), row(&second, "2. Print the"));
    keys(&mut stage, "v");
    let stacked = stage.text();
    assert!(stacked.contains("A premium-chat") && stacked.contains("B stable-baseline"));
    keys(&mut stage, "v");
    let unified = stage.text();
    assert!(
        unified.contains("< 2. Pick a") && unified.contains("> 2. Print the"),
        "{unified}"
    );
}

#[test]
fn sides_scroll_together_until_s_lets_them_go() {
    let mut stage = stage(100, 24, Door::Observe);
    let effects = keys(&mut stage, "c");
    let (request, _) = asked(&effects);
    let sample = "support-chat/return-window";
    for place in [Place::Primary, Place::Fallback] {
        let text = "one paragraph\n\n".repeat(40);
        let told = Told::Answered(Arc::new(answer(sample, place, &text, stage.now)));
        tell(&mut stage, request, seat(sample, 0, place), told);
    }
    keys(&mut stage, "jjj");
    assert_eq!(comparing(&stage).look.scroll, [Some(3), Some(3)]);
    keys(&mut stage, "s");
    press(&mut stage, KeyCode::Tab);
    keys(&mut stage, "k");
    assert_eq!(comparing(&stage).look.scroll, [Some(3), Some(2)]);
    keys(&mut stage, "s");
    assert_eq!(comparing(&stage).look.scroll, [Some(2), Some(2)]);
}

#[test]
fn what_comes_fills_pages_and_does_not_scroll() {
    let mut stage = stage(80, 24, Door::Observe);
    let effects = keys(&mut stage, "c");
    let (request, _) = asked(&effects);
    let sample = "support-chat/return-window";
    tell(
        &mut stage,
        request,
        seat(sample, 0, Place::Primary),
        Told::Sent,
    );
    let mut tops = Vec::new();
    for line in 0..40 {
        let told = heard(&format!("line {line}\n"));
        tell(&mut stage, request, seat(sample, 0, Place::Primary), told);
        let text = stage.text();
        let top = text.lines().find(|line| line.contains("line ")).unwrap();
        tops.push(top.trim().to_owned());
    }
    tops.dedup();
    assert!(
        tops.len() <= 5,
        "the top of the page moved too often: {tops:?}"
    );
    assert_eq!(tops[0], "line 0");
}

#[test]
fn a_blind_review_tells_nothing_until_it_is_judged_and_opened() {
    for (width, height) in [(80, 24), (120, 40), (200, 50)] {
        let mut stage = stage(width, height, Door::Write);
        let effects = keys(&mut stage, "c");
        answer_all(&mut stage, &effects);
        let effects = keys(&mut stage, "m");
        let (request, asking) = asked(&effects);
        assert_eq!(asking.samples.len(), 4, "every sample is asked at once");
        let sample = "support-chat/return-window";
        tell(
            &mut stage,
            request,
            seat(sample, 0, Place::Primary),
            Told::Sent,
        );
        tell(
            &mut stage,
            request,
            seat(sample, 0, Place::Primary),
            heard("Your order shipped"),
        );
        assert!(stage.text().contains("held back until both are there"));
        tells_nothing(&stage);
        let mut own = usual(sample, Place::Primary, stage.now);
        own.text = "I am nw-large-4 by northwind: your order shipped.".to_owned();
        tell(
            &mut stage,
            request,
            seat(sample, 0, Place::Primary),
            Told::Answered(Arc::new(own)),
        );
        tells_nothing(&stage);
        let other = usual(sample, Place::Fallback, stage.now);
        tell(
            &mut stage,
            request,
            seat(sample, 0, Place::Fallback),
            Told::Answered(Arc::new(other)),
        );
        assert!(stage.text().contains("You can return this item") || width < 100);
        tells_nothing(&stage);
        keys(&mut stage, "a[");
        assert!(
            stage.text().contains("verdict: A is better"),
            "{}",
            stage.text()
        );
        tells_nothing(&stage);
        keys(&mut stage, "u");
        let text = stage.text();
        assert!(text.contains("premium-chat") || text.contains("stable-baseline"));
        keys(&mut stage, "b");
        assert!(
            stage.text().contains("the verdict stands"),
            "a verdict is not changed once names are shown: {}",
            stage.text()
        );
    }
}

/// Nothing on screen tells the routes apart.
pub(crate) fn tells_nothing(stage: &Stage) {
    let text = stage.text();
    // The line on top counts workloads.
    let (_, text) = text.split_once('\n').unwrap();
    for word in [
        "premium-chat",
        "stable-baseline",
        "northwind",
        "contoso",
        "nw-large-4",
        "co-stable-2",
        "USD",
        "primary",
        "fallback",
        "first 430ms",
        "tokens/s",
        "streaming",
    ] {
        assert!(!text.contains(word), "{word}: {text}");
    }
}

#[test]
fn verdicts_are_about_routes_whichever_side_they_stood_on() {
    for (key, better, worse) in [
        ("a", Judgement::PrimaryBetter, Judgement::FallbackBetter),
        ("b", Judgement::FallbackBetter, Judgement::PrimaryBetter),
        ("!a", Judgement::PrimaryUnsafe, Judgement::FallbackUnsafe),
        ("!b", Judgement::FallbackUnsafe, Judgement::PrimaryUnsafe),
        ("=", Judgement::Same, Judgement::Same),
        ("-", Judgement::BothBad, Judgement::BothBad),
        ("!=", Judgement::BothUnsafe, Judgement::BothUnsafe),
    ] {
        let mut stage = blind(120, 40, Door::Write);
        for _ in 0..4 {
            keys(&mut stage, key);
        }
        for case in &comparing(&stage).cases {
            let expected = match case.side(Place::Primary) {
                Side::A => better,
                Side::B => worse,
            };
            assert_eq!(case.judgement, Some(expected), "{key}");
        }
    }
}

#[test]
fn a_review_of_all_samples_takes_a_key_for_each_and_two_to_save_it() {
    let mut stage = blind(120, 40, Door::Write);
    keys(&mut stage, "ab=");
    assert!(stage.text().contains("judged 3/4"), "{}", stage.text());
    keys(&mut stage, "-");
    assert!(
        stage
            .text()
            .contains("All are judged: Enter shows the result")
    );
    keys(&mut stage, "[");
    keys(&mut stage, "#");
    keys(&mut stage, "dropped a field");
    press(&mut stage, KeyCode::Enter);
    assert_eq!(comparing(&stage).cases[2].note, "dropped a field");
    press(&mut stage, KeyCode::Enter);
    let text = stage.text();
    assert!(text.contains("4 of 4 judged"), "{text}");
    let effects = keys(&mut stage, "y");
    let (request, review) = recorded(&effects).expect("it is sent off");
    assert_eq!(review.mode, ReviewMode::Blind);
    assert_eq!(review.samples.len(), 4);
    assert!(review.samples.iter().all(|it| it.judgement.is_some()));
    assert_eq!(review.samples[2].note, "dropped a field");
    assert_eq!(review.seed, comparing(&stage).seed);
    let head = head(review, stage.now);
    assert!(recorded(&keys(&mut stage, "y")).is_none(), "once");
    stage.send(Msg::Recorded {
        request,
        workload: "support-chat".into(),
        result: Ok(Box::new(head)),
    });
    assert!(
        stage.text().contains("saved: review of support-chat"),
        "{}",
        stage.text()
    );
    assert!(matches!(comparing(&stage).saving, Saving::Done(_)));
    press(&mut stage, KeyCode::Esc);
    assert!(
        stage.app.comparing().is_none(),
        "nothing is asked: it is saved"
    );
}

#[test]
fn a_review_that_was_not_saved_stays_and_says_why() {
    let mut stage = blind(120, 40, Door::Write);
    keys(&mut stage, "abab");
    press(&mut stage, KeyCode::Enter);
    let effects = keys(&mut stage, "y");
    let (request, _) = recorded(&effects).unwrap();
    stage.send(Msg::Recorded {
        request,
        workload: "support-chat".into(),
        result: Err(ControlError::Observe),
    });
    assert!(stage.text().contains("not saved:"), "{}", stage.text());
    assert!(comparing(&stage).unsaved());
    assert!(recorded(&keys(&mut stage, "y")).is_some(), "again");
}

#[test]
fn a_session_that_only_looks_sees_everything_and_saves_nothing() {
    let mut stage = blind(120, 40, Door::Observe);
    keys(&mut stage, "abab");
    press(&mut stage, KeyCode::Enter);
    let effects = keys(&mut stage, "y");
    assert!(recorded(&effects).is_none());
    let text = stage.text();
    assert!(
        text.contains("not saved: this session is OBSERVE"),
        "{text}"
    );
    assert!(comparing(&stage).unsaved(), "verdicts are kept");
}

#[test]
fn an_open_review_in_an_incident_is_recorded_as_such() {
    let mut stage = compared(120, 40, Door::Write);
    keys(&mut stage, "abab");
    press(&mut stage, KeyCode::Enter);
    let effects = keys(&mut stage, "y");
    let (_, review) = recorded(&effects).unwrap();
    // The stage's support chat fails.
    assert_eq!(review.mode, ReviewMode::OpenUnderIncident);
}

#[test]
fn a_half_done_review_is_asked_about_and_found_again() {
    let mut stage = blind(120, 40, Door::Write);
    keys(&mut stage, "ab");
    press(&mut stage, KeyCode::Esc);
    assert!(
        stage.text().contains("2 of 4 judged and not saved"),
        "{}",
        stage.text()
    );
    press(&mut stage, KeyCode::Esc);
    assert!(stage.app.comparing().is_some(), "no is the way back");
    press(&mut stage, KeyCode::Esc);
    keys(&mut stage, "y");
    assert!(stage.app.comparing().is_none());
    stage.wait(Duration::from_mins(30));
    let effects = keys(&mut stage, "c");
    assert!(
        !effects
            .iter()
            .any(|it| matches!(it, Effect::Compare { .. }))
    );
    assert_eq!(comparing(&stage).tally().judged, 2);
    assert!(stage.text().contains("your review goes on: 2 of 4 judged"));
    // Other screens take nothing away either.
    keys(&mut stage, "1");
    let effects = keys(&mut stage, "q");
    assert!(!effects.contains(&Effect::Quit), "quitting asks");
    assert!(stage.text().contains("would be lost"), "{}", stage.text());
    let effects = keys(&mut stage, "y");
    assert!(effects.contains(&Effect::Quit));
}

#[test]
fn a_judged_sample_is_asked_again_only_after_a_yes() {
    let mut stage = compared(120, 40, Door::Write);
    keys(&mut stage, "a[");
    let effects = keys(&mut stage, "r");
    assert!(
        !effects
            .iter()
            .any(|it| matches!(it, Effect::Compare { .. }))
    );
    assert!(stage.text().contains("its verdict is dropped"));
    let effects = keys(&mut stage, "y");
    assert_eq!(names(&asked(&effects).1), ["return-window"]);
    assert!(comparing(&stage).cases[0].judgement.is_none());
}

#[test]
fn blind_begins_anew_and_opening_it_is_recorded() {
    let mut stage = compared(120, 40, Door::Write);
    keys(&mut stage, "a");
    keys(&mut stage, "m");
    assert!(
        stage
            .text()
            .contains("verdicts and notes so far are dropped")
    );
    let effects = keys(&mut stage, "y");
    assert_eq!(asked(&effects).1.samples.len(), 4);
    assert_eq!(comparing(&stage).mode, Mode::Blind);
    answer_all(&mut stage, &effects);
    keys(&mut stage, "am");
    assert!(
        stage.text().contains("is recorded as one"),
        "{}",
        stage.text()
    );
    keys(&mut stage, "y");
    assert_eq!(comparing(&stage).mode, Mode::Open);
    assert_ne!(comparing(&stage).recorded_as(), ReviewMode::Blind);
}

#[test]
fn what_was_edited_is_marked_and_no_part_of_the_review() {
    let mut stage = compared(80, 24, Door::Write);
    let effects = keys(&mut stage, "e");
    let sample = "support-chat/return-window";
    let read = Effect::ReadPayload("support-chat".into(), sample.into());
    assert!(effects.contains(&read), "{effects:?}");
    stage.send(Msg::Payload {
        workload: "support-chat".into(),
        sample: sample.into(),
        edited: false,
        text: Ok(
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}".to_owned(),
        ),
    });
    let text = stage.text();
    assert!(text.contains("\"content\": \"Hi\""), "{text}");
    assert!(text.contains("+ fits"), "{text}");
    // Characters are text here, verbs are not triggered; and what is wrong is said at once.
    press(&mut stage, KeyCode::Down);
    let effects = keys(&mut stage, "a!rqF");
    assert!(effects.is_empty(), "{effects:?}");
    let text = stage.text();
    assert!(text.contains("a!rqF"), "{text}");
    assert!(text.contains("x line 2"), "{text}");
    stage.send(Msg::Paste("\u{1b}[2Jpasted\nlines".to_owned()));
    assert!(stage.text().contains("[2Jpasted"));
    assert!(!stage.text().contains('\u{1b}'));
    press(&mut stage, KeyCode::Esc);
    assert!(
        stage.text().contains("it cannot be sent"),
        "{}",
        stage.text()
    );
    assert!(stage.text().contains("EDITED"));
    keys(&mut stage, "a");
    assert!(comparing(&stage).cases[0].judgement.is_none());
    assert_eq!(comparing(&stage).reviewed().len(), 3);
    let effects = keys(&mut stage, "r");
    let (_, asking) = asked(&effects);
    let body = asking.samples[0].1.as_deref().expect("the edited text");
    assert!(body.contains("a!rqF"), "{body}");
}

#[test]
fn the_operators_own_editor_gets_the_text_and_gives_it_back() {
    let mut stage = compared(80, 24, Door::Write);
    keys(&mut stage, "e");
    let sample = "support-chat/return-window";
    let payload = |edited, text: &str| Msg::Payload {
        workload: "support-chat".into(),
        sample: sample.into(),
        edited,
        text: Ok(text.to_owned()),
    };
    stage.send(payload(false, "{\"model\": \"m\",\n\"messages\": []}"));
    let control_o = crossterm::event::KeyEvent::new(
        KeyCode::Char('o'),
        crossterm::event::KeyModifiers::CONTROL,
    );
    let effects = stage.send(Msg::Key(control_o));
    let lent = effects.iter().find_map(|effect| match effect {
        Effect::EditPayload(_, _, text) => Some(text.to_string()),
        _ => None,
    });
    assert_eq!(
        lent.as_deref(),
        Some("{\"model\": \"m\",\n\"messages\": []}")
    );
    stage.send(payload(true, "{\"model\": \"other\"}\n"));
    assert!(stage.text().contains("other"), "{}", stage.text());
    press(&mut stage, KeyCode::Esc);
    assert_eq!(
        comparing(&stage).cases[0].edited.as_deref(),
        Some("{\"model\": \"other\"}")
    );
}

#[test]
fn what_would_go_over_a_budget_is_said_before_it_is_sent() {
    let mut stage = stage(80, 24, Door::Write);
    let mut catalog = sampled();
    catalog.probing.budget.requests_per_hour = Some(1);
    stage.news(News::Catalog(Arc::new(catalog)));
    let spent = Spent {
        route: "premium-chat".into(),
        hour: Spent::hour_of(stage.now),
        requests: 1,
        cost: 0.0,
    };
    stage.news(News::Probes(Probed::new([], &[spent])));
    stage.wait(Duration::from_secs(2));
    let effects = keys(&mut stage, "c");
    assert!(
        !effects
            .iter()
            .any(|it| matches!(it, Effect::Compare { .. }))
    );
    assert!(stage.text().contains("over the budget"), "{}", stage.text());
    let effects = keys(&mut stage, "y");
    assert_eq!(names(&asked(&effects).1), ["return-window"]);
}

#[test]
fn a_burst_of_keys_gives_no_verdicts() {
    let mut stage = blind(120, 40, Door::Write);
    stage.now += Duration::from_secs(1);
    for key in "abab=-ababab".chars() {
        stage.at_once(KeyCode::Char(key));
    }
    // The first cannot be told from typing; the rest is dropped.
    assert_eq!(comparing(&stage).tally().judged, 1);
    stage.wait(Duration::from_secs(1));
    let before = comparing(&stage).tally().judged;
    stage.send(Msg::Paste("aaaa".to_owned()));
    assert_eq!(comparing(&stage).tally().judged, before);
}

#[test]
fn a_configuration_that_changed_makes_the_review_worthless_and_it_is_said() {
    let mut stage = blind(120, 40, Door::Write);
    keys(&mut stage, "abab");
    let mut catalog = sampled();
    "other-model".clone_into(&mut catalog.routes.get_mut("premium-chat").unwrap().model);
    stage.news(News::Catalog(Arc::new(catalog)));
    press(&mut stage, KeyCode::Enter);
    let effects = keys(&mut stage, "y");
    assert!(recorded(&effects).is_none());
    assert!(stage.text().contains("routes or samples were changed"));
}

#[test]
fn what_cannot_be_compared_says_why() {
    let mut stage = stage(120, 40, Door::Observe);
    keys(&mut stage, "/code");
    press(&mut stage, KeyCode::Enter);
    keys(&mut stage, "c");
    assert!(
        stage.text().contains("it has no fallback by policy"),
        "{}",
        stage.text()
    );
}

#[test]
fn a_verb_in_the_palette_does_what_its_key_does() {
    let mut stage = stage(120, 40, Door::Observe);
    keys(&mut stage, ":review sup");
    let effects = press(&mut stage, KeyCode::Enter);
    assert_eq!(asked(&effects).1.samples.len(), 4);
    assert_eq!(comparing(&stage).mode, Mode::Blind);
    assert_eq!(Action::named("compare"), Some(Action::Compare));
}

#[test]
fn what_a_comparison_looks_like() {
    for (width, height) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        let mut stage = compared(width, height, Door::Write);
        let asks = "Customer asks whether order 8841 can still be returned.\nPolicy: 30 days.";
        stage.send(Msg::Asked(
            "support-chat".into(),
            vec![("support-chat/return-window".into(), asks.to_owned())],
        ));
        look("compare-chat", &stage);
        keys(&mut stage, "]");
        keys(&mut stage, "n");
        look("compare-json", &stage);
        keys(&mut stage, "]");
        look("compare-code", &stage);
    }
}

#[test]
fn what_a_review_looks_like() {
    for (width, height) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        let mut stage = blind(width, height, Door::Write);
        look("review-blind", &stage);
        keys(&mut stage, "ab!");
        look("review-unsafe", &stage);
        keys(&mut stage, "b=");
        press(&mut stage, KeyCode::Enter);
        look("review-verdicts", &stage);
    }
}

#[test]
fn what_a_payload_looks_like() {
    for (width, height) in [(60, 15), (80, 24), (120, 40)] {
        let mut stage = compared(width, height, Door::Write);
        keys(&mut stage, "e");
        stage.send(Msg::Payload {
            workload: "support-chat".into(),
            sample: "support-chat/return-window".into(),
            edited: false,
            text: Ok("{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"May I return it?\"}]}".to_owned()),
        });
        press(&mut stage, KeyCode::Down);
        keys(&mut stage, "!");
        look("payload", &stage);
    }
}
