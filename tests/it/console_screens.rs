//! What the screens look like: a snapshot of each, as text and as the styles of its cells.
//!
//! Clock, names and ids stand still. A changed screen is looked at, then accepted with `INSTA_UPDATE=always`.

use std::fmt::Write as _;

use backstop::{
    console::{
        app::Overlay, depth::Depth, glyph, keymap::Context, msg::Msg, theme::Theme, theme_file,
        view,
    },
    control::{Mode as Door, News},
    model::{
        AuditRecord, Check, CheckVerdict, Entry, Plan, Reviewed, Revision, RiskTier, Seq, Verb,
    },
};
use crossterm::event::KeyCode;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, style::Style};

use crate::console_stage::{
    Stage, audit, auto_plan, catalog, drill, event, force_plan, forced_record, heartbeat,
};

/// What is done on the stage before it is looked at.
pub(crate) type Script = fn(&mut Stage);

/// The terminals on which every screen is looked at: the smallest that has one, the usual ones, a large one.
const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 40), (200, 50)];

/// Every screen, and what lies over one, but for probes and comparisons: those are looked at beside their tests.
pub(crate) const SCREENS: [(&str, Script); 24] = [
    ("home", |_| {}),
    ("detail", |stage| {
        stage.press(KeyCode::Enter);
    }),
    ("detail-forced", |stage| {
        stage.keys("jj");
        stage.press(KeyCode::Enter);
    }),
    ("routes", |stage| {
        stage.keys("2");
    }),
    ("reviews", |stage| {
        stage.keys("4");
    }),
    ("events", |stage| {
        stage.keys("3");
    }),
    ("event", |stage| {
        stage.keys("3kk");
        stage.press(KeyCode::Enter);
    }),
    ("audit", |stage| {
        more_audit(stage);
        stage.keys("5");
    }),
    ("gateways", crate::console_fleet::fleet),
    ("apart", |stage| {
        stage.news(News::Touch(backstop::store::Touch::Apart {
            since: stage.now,
            cause: "no server answers".to_owned(),
        }));
        stage.wait(std::time::Duration::from_secs(42));
    }),
    ("record", |stage| {
        more_audit(stage);
        stage.keys("5G");
        stage.press(KeyCode::Enter);
    }),
    ("help", |stage| {
        stage.keys("G?");
    }),
    ("actions", |stage| {
        stage.keys("Gx");
    }),
    ("palette", |stage| {
        stage.keys(":force s");
    }),
    ("filter", |stage| {
        stage.keys("/st:f");
    }),
    ("plan-force", |stage| {
        typed(stage, force_plan);
    }),
    ("plan-auto", |stage| {
        stage.keys("jjA");
        let plan = auto_plan(stage.now);
        stage.planned(plan);
    }),
    ("plan-glass", |stage| {
        typed(stage, glass_plan);
        stage.press(KeyCode::Enter);
    }),
    ("marked", |stage| {
        stage.keys("vj");
    }),
    ("paused", |stage| {
        stage.keys("3p");
        stage.news(News::Entries(more_entries(stage)));
    }),
    ("messages", |stage| {
        stage.keys("i");
        stage.keys("U");
        stage.keys("L");
    }),
    ("store-fails", |stage| {
        let why = "the disk is full".to_owned();
        stage.news(News::Health(backstop::store::Health::Failing(why)));
    }),
    ("past", |stage| {
        let review = crate::store_reviews::review("support-chat", stage.now, 1);
        stage.news(News::Reviews(std::sync::Arc::new(Reviewed {
            place: 1,
            heads: vec![review.head.clone()],
            debts: Vec::new(),
        })));
        stage.keys("4/support");
        stage.press(KeyCode::Enter);
        stage.press(KeyCode::Enter);
        stage.send(Msg::ReviewRead(
            review.head.id.clone(),
            Ok(Box::new(review)),
        ));
    }),
    ("drill", |stage| {
        stage.keys("ds");
        let found = drill(stage.now);
        let request = stage.app.overlays.iter().find_map(|overlay| match overlay {
            Overlay::Drill(drilling) => Some(drilling.request),
            _ => None,
        });
        stage.send(Msg::Drilled {
            request: request.unwrap(),
            result: Ok(Box::new(found)),
        });
    }),
];

/// Plans on the smallest terminal that takes them.
pub(crate) const PLANS: [(&str, Script); 6] = [
    ("plan-planning", |stage| {
        stage.keys("F1s");
    }),
    ("plan-force", |stage| typed(stage, force_plan)),
    ("plan-glass", |stage| {
        typed(stage, glass_plan);
        stage.press(KeyCode::Enter);
    }),
    ("plan-refused", |stage| {
        stage.keys("F");
        let mut plan = glass_plan(stage.now);
        plan.checks[0].verdict = CheckVerdict::Refuse;
        stage.planned(plan);
    }),
    ("plan-auto", |stage| {
        stage.keys("jjA");
        let plan = auto_plan(stage.now);
        stage.planned(plan);
    }),
    ("plan-moved", |stage| {
        typed(stage, force_plan);
        let table = crate::console_stage::forced(stage.now, "jo", 413);
        stage.news(News::Overrides(std::sync::Arc::new(table)));
    }),
];

fn typed(stage: &mut Stage, plan: fn(jiff::Timestamp) -> Plan) {
    stage.keys("F");
    let plan = plan(stage.now);
    stage.planned(plan);
    stage.keys("1sup");
}

fn glass_plan(now: jiff::Timestamp) -> Plan {
    let mut plan = force_plan(now);
    plan.tier = RiskTier::BreakGlass;
    plan.checks.insert(
        0,
        Check {
            name: "boundary".to_owned(),
            verdict: CheckVerdict::Fail,
            why: "the region would change from eu to us and the policy does not allow it"
                .to_owned(),
        },
    );
    for check in &mut plan.checks {
        if check.name == "readiness" {
            check.verdict = CheckVerdict::Fail;
            "stable-baseline failed its last probe: support-chat/greeting failed: timeout (40s ago)"
                .clone_into(&mut check.why);
        }
    }
    plan
}

fn more_audit(stage: &mut Stage) {
    let forced = forced_record(stage.now);
    let undone = AuditRecord {
        verb: Some(Verb::Undo),
        undoes: Some(2),
        at: stage.now,
        after: None,
        expires: None,
        ..audit(3, "mira", stage.now)
    };
    stage.news(News::Audit(vec![forced, undone]));
}

/// What happened while the view stands still.
fn more_entries(stage: &Stage) -> Vec<(Seq, Entry)> {
    (0..5)
        .map(|number| {
            let event = event(9_000 + number, stage.now, "batch-extraction");
            (Seq(90_000 + number), Entry::Decision(Box::new(event)))
        })
        .collect()
}

fn theme() -> Theme {
    theme_file::load("terminal", &[])
        .unwrap()
        .sheet
        .theme(Depth::Ansi)
}

fn frame(stage: &Stage, theme: &Theme) -> Buffer {
    let (width, height) = stage.app.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::view(&stage.app, theme, &glyph::ASCII, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The rows as text; below them, for each row, the columns that have a style.
fn picture(buffer: &Buffer) -> String {
    let mut picture = view::text_of(buffer);
    picture.push('\n');
    for y in 0..buffer.area.height {
        let mut runs: Vec<(u16, u16, Style)> = Vec::new();
        for x in 0..buffer.area.width {
            let style = buffer[(x, y)].style();
            match runs.last_mut() {
                Some((_, end, last)) if *last == style => *end = x,
                Some(_) | None => runs.push((x, x, style)),
            }
        }
        let told: Vec<String> = runs
            .into_iter()
            .filter_map(|(start, end, style)| {
                let words = describe(style);
                (!words.is_empty()).then(|| format!("{start}-{end} {words}"))
            })
            .collect();
        if !told.is_empty() {
            writeln!(picture, "{y}: {}", told.join(", ")).unwrap();
        }
    }
    picture
}

fn describe(style: Style) -> String {
    let mut words = Vec::new();
    for colour in [style.fg, style.bg].into_iter().flatten() {
        if colour != ratatui::style::Color::Reset {
            words.push(colour.to_string().to_lowercase());
        }
    }
    if !style.add_modifier.is_empty() {
        let names: Vec<String> = style
            .add_modifier
            .iter_names()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        words.push(names.join("+"));
    }
    words.join(" ")
}

pub(crate) fn look(name: &str, stage: &Stage) {
    let (width, height) = stage.app.size;
    let picture = picture(&frame(stage, &theme()));
    insta::assert_snapshot!(format!("{name}-{width}x{height}"), picture);
}

#[test]
fn every_screen_at_every_usual_size() {
    for (width, height) in SIZES {
        for (name, script) in SCREENS {
            let mut stage = Stage::incident(width, height, Door::Write);
            script(&mut stage);
            look(name, &stage);
        }
    }
}

/// What is looked at here and beside the tests of probes and comparisons is all there is.
#[test]
fn every_place_of_the_console_is_looked_at() {
    let elsewhere = [
        Context::Compare,
        Context::Unsafe,
        Context::Verdicts,
        Context::Question,
        Context::Payload,
        Context::Probe,
        Context::Text,
    ];
    let mut seen: Vec<Context> = elsewhere.to_vec();
    for (_, script) in SCREENS {
        let mut stage = Stage::incident(120, 40, Door::Write);
        script(&mut stage);
        seen.push(stage.app.context());
    }
    for context in Context::ALL {
        assert!(seen.contains(&context), "no picture of {context:?}");
    }
}

#[test]
fn fields_and_questions_over_a_comparison_at_every_usual_size() {
    for (width, height) in SIZES {
        for (name, keys) in [("compare-note", "#"), ("compare-question", "a[r")] {
            let mut stage = crate::console_comparing::compared(width, height, Door::Write);
            crate::console_comparing::keys(&mut stage, keys);
            look(name, &stage);
        }
    }
}

#[test]
fn charts_in_colours_at_every_usual_size() {
    for (width, height) in SIZES {
        let mut stage = crate::console_charts::stage(width, height);
        stage.keys("b");
        crate::console_charts::told(&mut stage);
        look("charts", &stage);
    }
}

/// The default theme is for sixteen colours; without any, meanings are told by attributes alone.
#[test]
fn the_incident_its_plan_and_a_comparison_without_any_colour() {
    let theme = theme_file::load("mono", &[])
        .unwrap()
        .sheet
        .theme(Depth::Mono);
    let mut plan = Stage::incident(80, 24, Door::Write);
    typed(&mut plan, force_plan);
    let compare = crate::console_comparing::compared(80, 24, Door::Write);
    let home = Stage::incident(80, 24, Door::Write);
    for (name, stage) in [
        ("home", Box::new(home)),
        ("plan-force", Box::new(plan)),
        ("compare", Box::new(compare)),
    ] {
        insta::assert_snapshot!(
            format!("{name}-mono-80x24"),
            picture(&frame(&stage, &theme))
        );
    }
}

#[test]
fn plans_at_60x18() {
    for (name, script) in PLANS {
        let mut stage = Stage::incident(60, 18, Door::Write);
        script(&mut stage);
        look(name, &stage);
    }
}

#[test]
fn plans_at_80x24() {
    let elsewhere = |name| SCREENS.iter().any(|(other, _)| *other == name);
    for (name, script) in PLANS.into_iter().filter(|(name, _)| !elsewhere(*name)) {
        let mut stage = Stage::incident(80, 24, Door::Write);
        script(&mut stage);
        look(name, &stage);
    }
    let mut stage = Stage::incident(80, 24, Door::Observe);
    typed(&mut stage, force_plan);
    look("plan-observe", &stage);
}

#[test]
fn the_first_frame_stands_before_anything_is_known() {
    look("dark", &Stage::dark(80, 24, Door::Observe));
    let mut stage = Stage::dark(80, 24, Door::Write);
    stage.news(News::Catalog(std::sync::Arc::new(catalog())));
    stage.news(News::Overrides(std::sync::Arc::default()));
    look("no-gateway", &stage);
}

#[test]
fn the_smallest_terminals_get_a_summary() {
    look("home", &Stage::incident(40, 5, Door::Write));
}

#[test]
fn large_terminals_show_the_selected_workload_beside_the_list() {
    look("home", &Stage::incident(160, 40, Door::Write));
}

#[test]
fn after_a_change_the_row_and_the_message_tell_how_far_it_is() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    typed(&mut stage, force_plan);
    stage.press(KeyCode::Enter);
    look("plan-applying", &stage);
    let record = forced_record(stage.now);
    stage.send(backstop::console::msg::Msg::Applied {
        plan: backstop::model::PlanId("8f31".to_owned()),
        result: Ok(Box::new(record)),
    });
    let table = crate::console_stage::forced(stage.now, "mira", 413);
    stage.news(News::Overrides(std::sync::Arc::new(table)));
    stage.news(News::Heartbeats(vec![heartbeat(stage.now, Revision(412))]));
    stage.wait(std::time::Duration::from_secs(1));
    look("home-pending", &stage);
}

#[test]
fn two_themes_give_two_frames_and_the_same_text() {
    let stage = Stage::incident(80, 24, Door::Write);
    let mono = theme_file::load("mono", &[])
        .unwrap()
        .sheet
        .theme(Depth::Mono);
    let (colour, mono) = (frame(&stage, &theme()), frame(&stage, &mono));
    assert_ne!(colour, mono);
    assert_eq!(view::text_of(&colour), view::text_of(&mono));
}

#[test]
fn without_any_colour_every_state_still_has_its_sign_and_word() {
    let stage = Stage::incident(80, 24, Door::Write);
    let text = stage.text();
    for state in [
        "x FL  support-chat",
        "! FB  batch-extraction",
        "+ OK  code-assistant",
    ] {
        assert!(text.contains(state), "{state}: {text}");
    }
}

#[test]
fn hostile_text_never_reaches_the_terminal() {
    let mut stage = Stage::incident(80, 24, Door::Write);
    let hostile = "\x1b]0;pwned\x07\u{202e}evil";
    let mut plan = force_plan(stage.now);
    plan.now_line = hostile.to_owned();
    plan.effects.push(hostile.to_owned());
    plan.checks[0].why = hostile.to_owned();
    stage.news(News::Health(backstop::store::Health::Failing(
        hostile.to_owned(),
    )));
    let mut frames = vec![stage.text()];
    stage.keys("F");
    stage.planned(plan);
    frames.push(stage.text());
    for text in frames {
        assert!(text.contains("evil"), "{text}");
        assert!(!text.contains(['\x1b', '\x07', '\u{202e}']), "{text:?}");
    }
}
