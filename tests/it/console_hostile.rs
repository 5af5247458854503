//! Answers that try to do something to the terminal, to the screen, or to the time that a frame takes: they are shown
//! harmlessly, at every size and in every view, and by the real program in a real terminal.

use std::{fmt::Write as _, sync::Arc};

use backstop::{
    console::{glyph::UNICODE, msg::Msg, state::comparing::live::Told, theme::Theme, view},
    control::Mode as Door,
    model::{Answer, ErrorClass, Place, ProbeFailure, visible, visible_lines},
};
use crossterm::event::KeyCode;
use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    console_comparing::{
        TEXTS, answer, answer_all, asked, blind, compared, keys, press, seat, stage, tell,
        tells_nothing, usual,
    },
    console_stage::Stage,
    support::{
        pty::Pty,
        upstream::{Script, Upstream},
    },
};

/// Pieces that hostile answers are made of.
pub(crate) const PIECES: [&str; 26] = [
    "\u{1b}[2J",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;ZXZpbA==\u{1b}\\",
    "\u{1b}[8;9;9t",
    "\u{9b}31m",
    "\u{85}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{e0041}",
    "\r",
    "\u{8}\u{8}",
    "\u{0}",
    "\t",
    "\n",
    "\n\n",
    "a\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{2764}\u{fe0f}",
    "\u{1f1e9}\u{1f1ea}",
    "\u{4e2d}\u{6587}",
    "\u{ff21}",
    "word ",
    "- item\n",
    "```\nfn x() {}\n```\n",
];

fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)
        .prop_map(|pieces| pieces.concat())
}

/// Whether a terminal could obey a character, or be fooled by it.
fn harms(character: char) -> bool {
    matches!(character,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The screen, whose every cell is looked at.
fn harmless(stage: &Stage) -> Result<(), TestCaseError> {
    let (width, height) = stage.app.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw(&stage.app, &Theme::default(), &UNICODE, &mut buffer);
    for cell in buffer.content() {
        prop_assert!(!cell.symbol().chars().any(harms), "{:?}", cell.symbol());
        prop_assert!(
            cell.symbol().chars().count() <= 16,
            "a cell that takes a terminal long: {:?}",
            cell.symbol()
        );
    }
    Ok(())
}

/// An answer as the prober would hand it on.
fn handed_on(sample: &str, place: Place, text: &str, stage: &Stage) -> Answer {
    let mut answer = answer(sample, place, "", stage.now);
    answer.text = visible_lines(text, Answer::TEXT_LIMIT);
    answer.refusal = text
        .len()
        .is_multiple_of(3)
        .then(|| visible_lines(text, 200));
    for tool in &mut answer.tools {
        tool.arguments = visible_lines(text, 500);
    }
    for check in &mut answer.result.checks {
        check.detail = visible(text, 300).into_owned();
    }
    answer.result.failure = text.len().is_multiple_of(5).then(|| ProbeFailure {
        class: ErrorClass::BrokenResponse,
        detail: visible(text, 300).into_owned(),
    });
    // As the provider says it: not made visible by anybody yet.
    answer.result.finish = Some(text.chars().take(20).collect());
    answer.result.model = Some(text.chars().take(20).collect());
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn hostile_answers_are_harmless_in_every_view(
        a in hostile(), b in hostile(), asks in hostile(), at in 0_usize..4,
        width in 60_u16..180, height in 15_u16..50, open in any::<bool>(),
    ) {
        let mut stage = stage(width, height, Door::Write);
        let effects = keys(&mut stage, "c");
        answer_all(&mut stage, &effects);
        let effects = keys(&mut stage, if open { "*" } else { "m" });
        let (request, asking) = asked(&effects);
        let texts: Vec<_> = asking.samples.iter().map(|(id, _)| (id.clone(), asks.clone())).collect();
        let texts = texts.into_iter().map(|(id, text)| (id, visible_lines(&text, 2_000))).collect();
        stage.send(Msg::Asked("support-chat".into(), texts));
        for (sample, _) in &asking.samples {
            for (place, text) in [(Place::Primary, &a), (Place::Fallback, &b)] {
                let heard = Told::Heard {
                    head: Some((200, std::time::Duration::from_millis(5))),
                    first_output: None,
                    text: visible_lines(text, 1_000),
                    left_out: 0,
                };
                tell(&mut stage, request, seat(sample.as_str(), 0, place), Told::Sent);
                tell(&mut stage, request, seat(sample.as_str(), 0, place), heard);
                harmless(&stage)?;
                let answer = handed_on(sample.as_str(), place, text, &stage);
                tell(&mut stage, request, seat(sample.as_str(), 0, place), Told::Answered(Arc::new(answer)));
            }
        }
        for _ in 0..at {
            keys(&mut stage, "]");
        }
        for key in "vvvwjGkgnNs".chars() {
            keys(&mut stage, &key.to_string());
            harmless(&stage)?;
            press(&mut stage, KeyCode::Tab);
            harmless(&stage)?;
        }
        if !open {
            tells_nothing(&stage);
        }
        keys(&mut stage, "a");
        press(&mut stage, KeyCode::Enter);
        harmless(&stage)?;
    }

    #[test]
    fn a_payload_is_harmless_and_stays_what_it_is(text in hostile(), width in 60_u16..210) {
        let mut stage = compared(width, 24, Door::Write);
        keys(&mut stage, "e");
        stage.send(Msg::Payload {
            workload: "support-chat".into(),
            sample: "support-chat/return-window".into(),
            edited: false,
            text: Ok(format!("{{\n\"x\": \"{text}\"\n}}")),
        });
        harmless(&stage)?;
        for key in [KeyCode::Down, KeyCode::End, KeyCode::Right, KeyCode::PageDown] {
            press(&mut stage, key);
            harmless(&stage)?;
        }
    }

    #[test]
    fn every_size_is_drawn_in_every_state(
        sizes in prop::collection::vec((1_u16..220, 1_u16..60), 1..12),
        script in prop::collection::vec(
            prop::sample::select("jkgGvwsnN[]ab=-!#mu*+reyxc?1 q:".chars().collect::<Vec<_>>()), 0..25),
        blindly in any::<bool>(),
    ) {
        let mut stage = if blindly {
            blind(120, 40, Door::Write)
        } else {
            compared(80, 24, Door::Observe)
        };
        let mut sizes = sizes.into_iter().cycle();
        for key in script {
            let effects = match key {
                ' ' => press(&mut stage, KeyCode::Enter),
                key => keys(&mut stage, &key.to_string()),
            };
            // What was read comes back; what was asked sometimes never does.
            for effect in effects {
                if let backstop::console::effect::Effect::ReadPayload(workload, sample) = effect {
                    let text = Ok("{\"model\": \"m\", \"messages\": []}".to_owned());
                    stage.send(Msg::Payload { workload, sample, edited: false, text });
                }
            }
            if let Some((width, height)) = sizes.next() {
                stage.send(Msg::Resize(width, height));
            }
            harmless(&stage)?;
        }
        // The terminal may already have another size than the console knows of.
        for (width, height) in [(1, 1), (200, 60), (61, 16)] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            view::draw(&stage.app, &Theme::default(), &UNICODE, &mut buffer);
        }
    }
}

#[test]
fn every_small_size_of_every_state_is_drawn() {
    for script in ["", "v", "vv", "]", "]]", "]]]", "#", "!", "a\r", "e"] {
        let mut stage = compared(80, 24, Door::Write);
        for key in script.chars() {
            match key {
                '\r' => press(&mut stage, KeyCode::Enter),
                key => keys(&mut stage, &key.to_string()),
            };
        }
        for width in [
            1, 2, 5, 12, 39, 59, 60, 61, 79, 80, 99, 100, 101, 119, 120, 159, 160, 161,
        ] {
            for height in [1, 2, 5, 14, 15, 16, 24, 26, 33, 45] {
                stage.send(Msg::Resize(width, height));
                harmless(&stage).unwrap();
            }
        }
    }
}

#[test]
fn a_mega_byte_on_one_line_and_a_flood_of_marks_are_cut_and_said() {
    let sample = "support-chat/return-window";
    let mut stage = stage(120, 40, Door::Write);
    let effects = keys(&mut stage, "c");
    let (request, _) = asked(&effects);
    for (place, text) in [
        (Place::Primary, "x".repeat(1 << 20)),
        (Place::Fallback, format!("a{}", "\u{301}".repeat(200_000))),
    ] {
        let mut answer = usual(sample, place, stage.now);
        answer.text = visible_lines(&text, Answer::TEXT_LIMIT);
        answer.clipped = place == Place::Primary;
        tell(
            &mut stage,
            request,
            seat(sample, 0, place),
            Told::Answered(Arc::new(answer)),
        );
    }
    harmless(&stage).unwrap();
    let text = stage.text();
    assert!(text.contains("longer than what is kept"), "{text}");
    keys(&mut stage, "G");
    harmless(&stage).unwrap();
}

#[test]
fn every_class_of_sample_is_among_them() {
    let classes: std::collections::BTreeSet<_> = TEXTS.iter().map(|(_, class, ..)| class).collect();
    assert_eq!(classes.len(), TEXTS.len());
}

/// One event of a stream with a piece of text.
fn delta(text: &str) -> String {
    let text = serde_json::Value::from(text).to_string();
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}}}}]}}\n\n")
}

/// Everything that the pieces can do, ten thousand crumbs, a line of a megabyte, and bytes that are no text.
fn attack() -> Script {
    let mut script = Script::stream();
    for piece in PIECES {
        script = script.chunk(&delta(piece));
    }
    let mut crumbs = String::new();
    for _ in 0..10_000 {
        crumbs.push_str(&delta("."));
    }
    script = script.chunk(&crumbs);
    script = script.chunk(&delta(&"x".repeat(1 << 20)));
    let mut bytes = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"bad \xff\xfe\x1b[31m bytes\"}}]}\n\n".to_vec();
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.append(&mut bytes);
    chunk.extend(b"\r\n");
    script
        .send(chunk)
        .chunk(&delta("THE END"))
        .chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
        .end()
}

/// What a console may send: its own modes, colours and moves; and nothing else behind an escape.
pub(crate) fn is_own(sequence: &str) -> bool {
    let Some(rest) = sequence.strip_prefix('[') else {
        // One line back, at the top of a region that scrolls.
        return sequence.starts_with('M');
    };
    rest.chars()
        .find(|character| !character.is_ascii_digit() && !";?".contains(*character))
        .is_some_and(|last| "mHJKhlABCDGdXrsu".contains(last))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_shows_an_attack_harmlessly_in_a_real_terminal() {
    let primary = Upstream::start(attack()).await;
    let fallback = Upstream::start(attack()).await;
    let directory = tempfile::tempdir().unwrap();
    let body = r#"{"model":"chat","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
    std::fs::write(directory.path().join("hello.json"), body).unwrap();
    let mut text =
        "schema = 1\nenvironment = { name = \"test\" }\nstore = { url = \"sqlite:state\" }\n"
            .to_owned();
    for (name, upstream) in [("first", &primary), ("second", &fallback)] {
        let url = upstream.url();
        write!(
            text,
            "providers.{name} = {{ base_url = \"{url}/v1\", family = \"openai-chat\", key = {{ none = true }} }}\nroutes.{name} = {{ provider = \"{name}\", model = \"m\" }}\n"
        )
        .unwrap();
    }
    text.push_str("[workloads.chat]\nprimary = \"first\"\nfallback = \"second\"\nsamples = [{ class = \"chat\", file = \"hello.json\" }]\n");
    let file = directory.path().join("backstop.toml");
    std::fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let shown = tokio::task::spawn_blocking(move || {
        let mut pty = Pty::backstop(&["console", "--write", "--config", &file], (120, 40));
        pty.wait_for("Workloads 1/1");
        pty.press("c");
        pty.wait_for("longer than what is kept");
        for key in ["v", "v", "G", "g", "v", "G"] {
            pty.press(key);
            pty.wait_for("? help");
        }
        pty.press("\x03");
        pty.exits(0);
        pty.assert_restored();
        pty.bytes()
    })
    .await
    .unwrap();
    let text = String::from_utf8(shown).expect("only UTF-8 is sent");
    for sequence in text.split('\x1b').skip(1) {
        assert!(
            is_own(sequence),
            "{:?}",
            sequence.get(..20).unwrap_or(sequence)
        );
    }
    let others: Vec<char> = text
        .chars()
        .filter(|character| harms(*character) && !"\x1b\r\n".contains(*character))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}
