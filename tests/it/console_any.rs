//! Whatever happens, on whatever terminal: the console never panics, and a plan is shown whole or not at all.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::{
        app::{App, Overlay},
        effect::Effect,
        glyph::{ASCII, Glyphs, UNICODE},
        msg::{Msg, Told},
        state::plan::Stage as Planning,
        theme::Theme,
        view,
    },
    control::{ControlError, Mode as Door, News, Progress},
    model::{
        Check, CheckVerdict, Entry, OutcomeKind, OverrideKey, Plan, PlanId, Revision, RiskTier, Seq,
    },
    store::Health,
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::{Frame, Terminal, backend::TestBackend, layout::Rect};

use crate::console_probing::answered;
use crate::console_stage::{
    Stage, auto_plan, catalog, event, force_plan, forced, forced_record, heartbeat, outcome,
    overrides, presence,
};

/// Something that can happen.
#[derive(Clone, Debug)]
enum Step {
    Key(KeyCode, bool),
    /// The same key right behind the last one.
    Quick(KeyCode),
    Paste(String),
    Resize(u16, u16),
    Wait(u64),
    Events(u8, String),
    Outcomes,
    Heartbeat(u64),
    Silence,
    Overrides(u64),
    Catalog(bool),
    People,
    Sick(bool),
    Audit(u64),
    Planned(u8, usize),
    NotPlanned,
    Applied(bool),
    Progress(usize, usize),
    Told(usize, u8, String),
}

fn code() -> impl Strategy<Value = KeyCode> {
    prop_oneof![
        6 => prop::sample::select("jkgG?/:123 45-[]pfwtyYSxiFHADXzoOWnNqMsuportbchay!~rr  vvLUTW".chars().collect::<Vec<_>>())
            .prop_map(KeyCode::Char),
        3 => prop::sample::select(vec![
            KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Backspace,
            KeyCode::Up, KeyCode::Down, KeyCode::Left, KeyCode::Right, KeyCode::Home,
            KeyCode::End, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Delete,
        ]),
        1 => any::<char>().prop_map(KeyCode::Char),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (code(), any::<bool>()).prop_map(|(code, control)| Step::Key(code, control)),
        4 => code().prop_map(Step::Quick),
        1 => "\\PC{0,30}".prop_map(Step::Paste),
        4 => (1_u16..300, 1_u16..100).prop_map(|(width, height)| Step::Resize(width, height)),
        2 => (58_u16..64, 14_u16..26).prop_map(|(width, height)| Step::Resize(width, height)),
        3 => (0_u64..2_000).prop_map(Step::Wait),
        2 => (0_u8..40, "[a-z-]{1,30}").prop_map(|(count, name)| Step::Events(count, name)),
        1 => Just(Step::Outcomes),
        2 => (410_u64..416).prop_map(Step::Heartbeat),
        1 => Just(Step::Silence),
        1 => (412_u64..416).prop_map(Step::Overrides),
        1 => any::<bool>().prop_map(Step::Catalog),
        1 => Just(Step::People),
        1 => any::<bool>().prop_map(Step::Sick),
        1 => (1_u64..40).prop_map(Step::Audit),
        4 => (0_u8..4, 0_usize..30).prop_map(|(kind, long)| Step::Planned(kind, long)),
        1 => Just(Step::NotPlanned),
        1 => any::<bool>().prop_map(Step::Applied),
        1 => (0_usize..3, 0_usize..3).prop_map(|(applied, gateways)| Step::Progress(applied, gateways)),
        4 => (0_usize..5, 0_u8..7, "[a-z \\n\u{4e2d}]{0,400}").prop_map(|(place, kind, text)| Step::Told(place, kind, text)),
    ]
}

fn plan(stage: &Stage, kind: u8, long: usize) -> Plan {
    let mut plan = match kind {
        0 => auto_plan(stage.now),
        _ => force_plan(stage.now),
    };
    if kind == 2 {
        plan.tier = RiskTier::BreakGlass;
    }
    let sentence = "these words go on for quite a while and then some more ".repeat(long % 7);
    plan.effects
        .extend(std::iter::repeat_n(sentence.clone(), long / 3));
    plan.checks.insert(
        0,
        Check {
            name: "boundary".to_owned(),
            verdict: match kind {
                2 => CheckVerdict::Fail,
                3 => CheckVerdict::Refuse,
                _ => CheckVerdict::Warn,
            },
            why: sentence + &"x".repeat(long * 9),
        },
    );
    if long % 4 == 3 {
        plan.key = OverrideKey::mode("a-very-long-name-that-goes-on-and-on-and-on-and-on".into());
    }
    plan
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each thing that can happen"
)]
fn take(stage: &mut Stage, step: Step) -> Vec<Effect> {
    let modifiers = |control| {
        if control {
            KeyModifiers::CONTROL
        } else {
            KeyModifiers::NONE
        }
    };
    match step {
        Step::Key(code, control) => {
            stage.now += Duration::from_millis(120);
            // One in four of them with control would end too many runs.
            let control = control && matches!(code, KeyCode::Char('d' | 'u' | 'l'));
            stage.send(Msg::Key(KeyEvent::new(code, modifiers(control))))
        }
        Step::Quick(code) => {
            stage.now += Duration::from_millis(2);
            stage.at_once(code)
        }
        Step::Paste(text) => stage.send(Msg::Paste(text)),
        Step::Resize(width, height) => stage.send(Msg::Resize(width, height)),
        Step::Wait(millis) => stage.wait(Duration::from_millis(millis)),
        Step::Events(count, name) => {
            let first = stage.app.data.log.end() + 1_000;
            let entries = (0..u64::from(count))
                .map(|number| {
                    let event = event(first + number, stage.now, &name);
                    (Seq(first * 10 + number), Entry::Decision(Box::new(event)))
                })
                .collect();
            stage.news(News::Entries(entries))
        }
        Step::Outcomes => {
            let open: Vec<_> = stage
                .app
                .data
                .log
                .iter()
                .filter(|stored| stored.outcome.is_none())
                .map(|stored| outcome(&stored.event, OutcomeKind::Completed))
                .collect();
            let entries = open
                .into_iter()
                .zip(1_000_000_u64..)
                .map(|(outcome, seq)| (Seq(seq), Entry::Outcome(outcome)))
                .collect();
            stage.news(News::Entries(entries))
        }
        Step::Heartbeat(revision) => {
            let beat = heartbeat(stage.now, Revision(revision));
            stage.news(News::Heartbeats(vec![beat]))
        }
        Step::Silence => stage.news(News::Heartbeats(Vec::new())),
        Step::Overrides(revision) => {
            let table = match revision {
                412 => overrides(stage.now),
                other => forced(stage.now, "jo", other),
            };
            stage.news(News::Overrides(Arc::new(table)))
        }
        Step::Catalog(empty) => {
            let mut other = catalog();
            if empty {
                other.fingerprint.push('x');
                other.workloads.clear();
                other.routes.clear();
            }
            stage.news(News::Catalog(Arc::new(other)))
        }
        Step::People => {
            let mut jo = presence("jo", Some("support-chat"));
            jo.plan = Some((
                PlanId("77cc".to_owned()),
                OverrideKey::mode("support-chat".into()),
            ));
            stage.news(News::Presences(vec![jo, presence("\x1b[2Jeve", None)]))
        }
        Step::Sick(sick) => stage.news(News::Health(if sick {
            Health::Failing("the disk is full ".repeat(20))
        } else {
            Health::Good
        })),
        Step::Audit(sequence) => {
            let mut record = forced_record(stage.now);
            record.sequence = sequence;
            stage.news(News::Audit(vec![record]))
        }
        Step::Planned(kind, long) => {
            let plan = plan(stage, kind, long);
            match stage.app.form().map(|form| form.request) {
                Some(request) => stage.send(Msg::Planned {
                    request,
                    result: Ok(Box::new(plan)),
                }),
                None => Vec::new(),
            }
        }
        Step::NotPlanned => {
            let request = stage.app.form().map_or(0, |form| form.request);
            stage.send(Msg::Planned {
                request,
                result: Err(ControlError::NothingToUndo),
            })
        }
        Step::Applied(well) => {
            let plan = stage
                .app
                .form()
                .and_then(|form| form.plan())
                .map_or(PlanId("none".to_owned()), |plan| plan.id.clone());
            let result = if well {
                Ok(Box::new(forced_record(stage.now)))
            } else {
                Err(ControlError::Stale {
                    plan: plan.clone(),
                    why: "the revision moved".to_owned(),
                })
            };
            stage.send(Msg::Applied { plan, result })
        }
        Step::Told(place, kind, text) => {
            let request = match stage.app.overlays.last() {
                Some(Overlay::Probe(probing)) => probing.request,
                _ => 0,
            };
            let told = told(stage.now, kind, text);
            stage.send(Msg::Probe {
                request,
                question: place,
                told,
            })
        }
        Step::Progress(applied, gateways) => stage.send(Msg::Progress {
            revision: Revision(413),
            result: Ok(Progress {
                applied,
                gateways,
                elapsed: Duration::from_millis(20),
                each: Vec::new(),
            }),
        }),
    }
}

fn told(now: jiff::Timestamp, kind: u8, text: String) -> Told {
    match kind {
        0 => Told::Sent,
        1 => Told::Unsent(text),
        2 => Told::Kept(Err(text)),
        3 => Told::Kept(Ok(text.len().is_multiple_of(2))),
        4 => Told::Answered(Box::new(answered(
            "premium-chat",
            "support-chat/hello",
            now,
        ))),
        5 => Told::Climbed(Vec::new(), 0),
        _ => Told::Heard {
            head: Some((200, Duration::from_millis(120))),
            first_output: None,
            left_out: text.len() % 3,
            text,
        },
    }
}

fn draw(app: &App, width: u16, height: u16, glyphs: &Glyphs) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::view(app, &Theme::default(), glyphs, frame))
        .unwrap();
    view::text_of(terminal.backend().buffer())
}

/// A plan on screen is whole, or the screen says that it is not there.
fn plan_is_whole(stage: &Stage, text: &str) -> Result<(), TestCaseError> {
    let (width, height) = stage.app.size;
    let Some(Overlay::Plan(form)) = stage.app.overlays.last() else {
        return Ok(());
    };
    if view::measure(&stage.app, Rect::new(0, 0, width, height)).is_none() {
        let squeezed: String = text.split_whitespace().collect();
        let command: String = form.command_line().split_whitespace().collect();
        if usize::from(width) * usize::from(height) > 4 * command.len() && height > 8 {
            prop_assert!(squeezed.contains(&command), "{command}\n{text}");
        }
        return Ok(());
    }
    let squeezed: String = text.split_whitespace().collect();
    if !matches!(form.stage, Planning::Applying(_)) {
        prop_assert!(squeezed.contains("nothinghaschangedyet"), "{text}");
    }
    let full = text.starts_with(" PLAN");
    for (row, line) in text.lines().enumerate().skip(1) {
        let cut = line.ends_with('~') && line.chars().count() == usize::from(width);
        prop_assert!(!(full && cut), "row {row} is cut:\n{text}");
    }
    Ok(())
}

/// Nothing is applied that was not complete, current, and visible.
fn applied_rightly(stage: &Stage, effects: &[Effect]) -> Result<(), TestCaseError> {
    for effect in effects {
        if let Effect::Apply { plan, consent } = effect {
            prop_assert_eq!(stage.app.setup.mode, Door::Write);
            prop_assert!(plan.refusal().is_none());
            prop_assert!(backstop::control::fits(plan, consent).is_ok());
            let (width, height) = stage.app.size;
            let area = Rect::new(0, 0, width, height);
            prop_assert!(view::measure(&stage.app, area).is_some());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_never_panics_and_plans_are_never_clipped(
        width in 1_u16..300,
        height in 1_u16..100,
        observe in any::<bool>(),
        known in any::<bool>(),
        steps in prop::collection::vec(step(), 1..70),
    ) {
        let mode = if observe { Door::Observe } else { Door::Write };
        let mut stage = if known {
            Stage::incident(width, height, mode)
        } else {
            Stage::dark(width, height, mode)
        };
        for step in steps {
            let effects = take(&mut stage, step);
            applied_rightly(&stage, &effects)?;
            let (width, height) = stage.app.size;
            let text = draw(&stage.app, width, height, &ASCII);
            plan_is_whole(&stage, &text)?;
            let hostile = text.contains(['\x1b', '\x07', '\u{202e}']);
            prop_assert!(!hostile);
            prop_assert!(stage.app.data.log.len() <= 10_000);
        }
        // The terminal may already have another size than the console knows of.
        draw(&stage.app, 300, 100, &UNICODE);
        draw(&stage.app, 1, 1, &UNICODE);
    }
}

#[test]
fn every_small_size_of_every_screen_is_drawn() {
    for keys in ["", "2", "3", "5", "?", "x", ":", "/", "F"] {
        let mut stage = Stage::incident(80, 24, Door::Write);
        stage.keys(keys);
        for width in [1, 2, 5, 12, 39, 59, 60, 61, 79, 80, 100, 119, 120, 160] {
            for height in [1, 2, 3, 5, 9, 14, 15, 17, 18, 19, 23, 24, 44] {
                stage.send(Msg::Resize(width, height));
                draw(&stage.app, width, height, &UNICODE);
            }
        }
    }
}

#[test]
fn drawing_changes_nothing_and_the_same_state_gives_the_same_frame() {
    // By type: the view gets the state to read only.
    let by_type: fn(&App, &Theme, &Glyphs, &mut Frame<'_>) = view::view;
    let _ = by_type;
    let stage = Stage::incident(120, 40, Door::Write);
    assert_eq!(
        draw(&stage.app, 120, 40, &ASCII),
        draw(&stage.app, 120, 40, &ASCII)
    );
}
