//! Nothing is told by colour alone: every screen without colours says the same as with them.

use std::collections::BTreeMap;

use backstop::{
    console::{
        depth::Depth,
        glyph,
        theme::{Look, Looks, Role, Sheet, Theme, Variant},
        theme_file, view,
    },
    control::{Mode as Door, News},
    model::Revision,
};
use crossterm::event::KeyCode;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Color};

use crate::{
    console_comparing,
    console_screens::{PLANS, SCREENS, Script},
    console_stage::{Stage, forced, forced_record, heartbeat},
};

/// Sizes with other columns, panes and charts.
const SIZES: [(u16, u16); 4] = [(60, 18), (80, 24), (120, 40), (200, 50)];

/// What a role can tell that its text might not.
const TELLING: [Role; 17] = [
    Role::Success,
    Role::Warning,
    Role::Error,
    Role::StateOk,
    Role::StateDegraded,
    Role::StateFallback,
    Role::StateForced,
    Role::StateFailing,
    Role::StateUnknown,
    Role::StateDisabled,
    Role::DiffAdd,
    Role::DiffDel,
    Role::DiffChange,
    Role::EnvProd,
    Role::EnvOther,
    Role::ModeObserve,
    Role::ModeWrite,
];

/// A theme in which every role has a colour of its own.
fn telling() -> Theme {
    let mut number = 0;
    let looks = Role::ALL.map(|_| {
        number += 1;
        Looks {
            rgb: Some(Look {
                foreground: Some(Color::Rgb(number, 0, 0)),
                ..Look::default()
            }),
            ..Looks::default()
        }
    });
    Sheet {
        name: "telling".to_owned(),
        variant: Variant::Any,
        looks,
    }
    .theme(Depth::Rgb)
}

fn role(colour: Color) -> Option<Role> {
    let Color::Rgb(number, 0, 0) = colour else {
        return None;
    };
    Role::ALL.get(usize::from(number).checked_sub(1)?).copied()
}

fn frame(stage: &Stage, theme: &Theme) -> Buffer {
    let (width, height) = stage.app.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::view(&stage.app, theme, &glyph::ASCII, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// Every screen, in several moments of an incident.
fn stages() -> Vec<(String, Stage)> {
    let moments: [(&str, Script); 4] = [
        ("incident", |_| {}),
        ("forced", |stage| {
            let table = forced(stage.now, "mira", 413);
            stage.news(News::Overrides(std::sync::Arc::new(table)));
            let record = forced_record(stage.now);
            stage.news(News::Audit(vec![record]));
            stage.news(News::Heartbeats(vec![heartbeat(stage.now, Revision(413))]));
            stage.wait(std::time::Duration::from_secs(1));
        }),
        ("silence", |stage| {
            stage.news(News::Heartbeats(Vec::new()));
            stage.wait(std::time::Duration::from_mins(2));
        }),
        ("tour", |stage| {
            stage.keys("T");
        }),
    ];
    let mut stages = Vec::new();
    for (width, height) in SIZES {
        for door in [Door::Write, Door::Observe] {
            for (moment, script) in moments {
                for (name, screen) in SCREENS.iter().chain(&PLANS) {
                    let mut stage = Stage::incident(width, height, door);
                    script(&mut stage);
                    // A plan is only made where its verb is offered.
                    if name.starts_with("plan") && (moment == "silence" || door == Door::Observe) {
                        continue;
                    }
                    let plans = name.starts_with("plan") && moment == "forced";
                    if plans || (*name == "drill" && moment == "silence") {
                        continue;
                    }
                    screen(&mut stage);
                    stages.push((format!("{moment} {name} {width}x{height} {door:?}"), stage));
                }
            }
        }
        for (name, mut stage) in [
            (
                "compared",
                console_comparing::compared(width, height, Door::Write),
            ),
            (
                "blind",
                console_comparing::blind(width, height, Door::Write),
            ),
        ] {
            stages.push((format!("{name} {width}x{height}"), {
                stage.press(KeyCode::Char('n'));
                stage
            }));
        }
    }
    stages
}

#[test]
fn rows_that_read_the_same_mean_the_same() {
    let theme = telling();
    let mut known: BTreeMap<String, (Vec<Role>, String)> = BTreeMap::new();
    for (name, stage) in stages() {
        let buffer = frame(&stage, &theme);
        let text = view::text_of(&buffer);
        for (y, line) in (0..).zip(text.lines()) {
            let mut told: Vec<Role> = (0..buffer.area.width)
                .filter(|x| buffer[(*x, y)].symbol() != " ")
                .filter_map(|x| role(buffer[(x, y)].style().fg?))
                .filter(|role| TELLING.contains(role))
                .collect();
            told.dedup();
            let line = line.trim();
            if line.chars().any(char::is_alphanumeric) {
                let entry = known
                    .entry(line.to_owned())
                    .or_insert_with(|| (told.clone(), name.clone()));
                assert_eq!(
                    entry.0, told,
                    "only colours tell `{line}` of {name} from that of {}",
                    entry.1
                );
            }
        }
    }
    assert!(known.len() > 500, "{}", known.len());
}

#[test]
fn states_and_verdicts_have_a_sign_or_a_word_wherever_they_are_coloured() {
    let theme = telling();
    let mut seen = 0;
    for (name, stage) in stages() {
        let buffer = frame(&stage, &theme);
        for y in 0..buffer.area.height {
            let mut runs: Vec<(Role, String)> = Vec::new();
            for x in 0..buffer.area.width {
                let cell = &buffer[(x, y)];
                let Some(role) = cell.style().fg.and_then(role) else {
                    continue;
                };
                match runs.last_mut() {
                    Some((last, text)) if *last == role => text.push_str(cell.symbol()),
                    Some(_) | None => runs.push((role, cell.symbol().to_owned())),
                }
            }
            let row: String = runs.iter().map(|(_, text)| text.as_str()).collect();
            for (role, text) in runs {
                let spark = matches!(role, Role::SparkLow | Role::SparkHigh);
                if text.trim().is_empty() || !(spark || TELLING.contains(&role)) {
                    continue;
                }
                // In the field of a chart the length and the place of a mark tell, not its colour.
                let mark = !text.chars().any(char::is_alphanumeric);
                if mark && row.contains('|') {
                    continue;
                }
                seen += 1;
                let signs = |text: &str| {
                    text.split_whitespace()
                        .any(|word| word.starts_with(['+', '!', 'x', '?', '-', '~', '=', '<', '>']))
                };
                let says = |text: &str| text.chars().any(char::is_alphanumeric) || signs(text);
                // A line of bars has its figure beside it.
                let told = if spark { says(&row) } else { says(&text) };
                assert!(told, "{role:?} `{text}` in {name}: {row}");
            }
        }
    }
    assert!(seen > 1_000, "{seen}");
}

#[test]
fn without_colours_every_screen_has_the_same_text_and_no_colour() {
    let load = |name: &str, depth| theme_file::load(name, &[]).unwrap().sheet.theme(depth);
    let (colours, mono) = (load("terminal", Depth::Ansi), load("mono", Depth::Mono));
    for (name, stage) in stages() {
        let (colours, mono) = (frame(&stage, &colours), frame(&stage, &mono));
        assert_eq!(view::text_of(&colours), view::text_of(&mono), "{name}");
        for cell in mono.content() {
            let style = cell.style();
            assert_eq!(style.fg, Some(Color::Reset), "{name}");
            assert_eq!(style.bg, Some(Color::Reset), "{name}");
        }
    }
}

#[test]
fn an_empty_list_names_its_key() {
    for screen in ["1", "2", "3", "4", "5", "6"] {
        let mut stage = Stage::incident(80, 24, Door::Write);
        stage.keys(&format!("{screen}/nothing-like-it"));
        stage.press(KeyCode::Enter);
        let text = stage.text();
        assert!(text.contains("filter; Esc lifts it"), "{screen}: {text}");
        assert!(!text.contains("<key:"), "{screen}: {text}");
    }
}

#[test]
fn every_state_has_a_sign_and_a_word_of_its_own() {
    let mut shown = String::new();
    for (_, stage) in stages() {
        shown.push_str(&stage.text());
    }
    for state in ["x FL", "! FB", "! FO", "+ OK", "? UN"] {
        assert!(shown.contains(&format!(" {state} ")), "{state}");
    }
}
