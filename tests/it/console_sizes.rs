//! Every screen and everything that lies over one, in any state, at any size: nothing panics, nothing is drawn by half,
//! and what keeps an operator safe is never cut.

use std::{sync::Arc, time::Duration};

use backstop::{
    console::{
        action::Action,
        app::{App, Overlay},
        effect::Effect,
        glyph::{ASCII, UNICODE},
        keymap::Context,
        layout::{LIST, Room},
        msg::Msg,
        state::plan::{Form, Stage as Planning},
        theme::Theme,
        view,
    },
    control::{Mode as Door, News},
    model::{CheckVerdict, ReasonCode, RiskTier, visible},
    store::Health,
};
use crossterm::event::KeyCode;
use proptest::prelude::*;
use ratatui::{buffer::Buffer, layout::Rect};
use unicode_width::UnicodeWidthStr;

use crate::console_stage::{Stage, force_plan};
use crate::console_world::{Chance, WAYS, World, chance};

/// Widths at which the screen is arranged in another way.
const WIDTHS: [u16; 8] = [1, 20, 60, 80, 100, 120, 160, 300];
/// The same of heights.
const HEIGHTS: [u16; 6] = [1, 3, 15, 18, 24, 100];

fn draw(app: &App, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw(app, &Theme::default(), &ASCII, &mut buffer);
    buffer
}

/// The text without any space, so that it does not matter where it is broken.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

/// A text as it is on screen, without any space.
fn shown(text: &str) -> String {
    squeezed(&visible(text, 400))
}

fn rows(buffer: &Buffer) -> Vec<String> {
    view::text_of(buffer).lines().map(str::to_owned).collect()
}

/// What holds of every frame; else why not.
fn wrong(app: &App, buffer: &Buffer) -> Option<String> {
    halves(buffer)
        .or_else(|| head(app, buffer))
        .or_else(|| match app.overlays.last() {
            Some(Overlay::Plan(form)) => plan(app, form, buffer),
            _ => footer(app, buffer),
        })
        .map(|why| {
            let (width, height) = app.size;
            let text = view::text_of(buffer);
            format!("{why} at {width}x{height}, {:?}:\n{text}", app.context())
        })
}

/// No wide character has lost its other half.
fn halves(buffer: &Buffer) -> Option<String> {
    let area = buffer.area;
    for y in 0..area.height {
        for x in 0..area.width {
            let symbol = buffer[(x, y)].symbol();
            let wide = symbol.width() > 1;
            let next = (x + 1 < area.width).then(|| buffer[(x + 1, y)].symbol());
            if wide && !next.is_some_and(|next| next.trim().is_empty()) {
                return Some(format!("half of {symbol:?} at {x},{y}"));
            }
            if symbol.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r', '\n']) {
                return Some(format!("{symbol:?} at {x},{y}"));
            }
        }
    }
    None
}

/// From 60 columns on it can be read where this is, and whether anything can be changed.
fn head(app: &App, buffer: &Buffer) -> Option<String> {
    let small = matches!(app.overlays.last(), Some(Overlay::Plan(_)))
        && view::measure(app, buffer.area).is_none();
    let catalog = app.data.catalog.as_ref()?;
    if app.size.0 < LIST.0 || small {
        return None;
    }
    let mode = match app.setup.mode {
        Door::Observe => "OBSERVE",
        Door::Write => "WRITE",
    };
    let text = rows(buffer).concat();
    let environment: String = shown(&catalog.environment.name).chars().take(6).collect();
    let there = squeezed(&text).contains(&environment);
    if !there || !text.contains(mode) {
        return Some(format!("no {environment} {mode}"));
    }
    let failing = matches!(app.data.health, Some(Health::Failing(_)));
    let titled = app.form().is_none() && app.room() > Room::Summary;
    (failing && titled && !text.contains("STORE FAILS")).then(|| "no STORE FAILS".to_owned())
}

/// The way to the help is never cut; where it is text, the way out is not.
fn footer(app: &App, buffer: &Buffer) -> Option<String> {
    if app.room() == Room::Summary {
        return None;
    }
    let last = rows(buffer).pop()?;
    let helps = app
        .setup
        .keymap
        .entries(app.context())
        .any(|(entry, _)| entry.action == Action::Help);
    let there = if helps {
        last.starts_with(" ? help")
    } else {
        last.contains("Esc back")
    };
    (!there).then(|| format!("footer {last:?}"))
}

/// A plan is whole, or the screen says that it is not there.
fn plan(app: &App, form: &Form, buffer: &Buffer) -> Option<String> {
    let text = squeezed(&view::text_of(buffer));
    let asks = [
        "Toconfirm",
        "Tobreaktheglass",
        "yapply",
        "nothinghaschangedyet",
    ];
    if view::measure(app, buffer.area).is_none() {
        if let Some(asked) = asks.iter().find(|asked| text.contains(**asked)) {
            return Some(format!("no room for the plan, and yet {asked}"));
        }
        let words = "nlargetheterminal";
        let (width, height) = app.size;
        let room = width >= 40 && height >= 12;
        return (room && !text.contains(words)).then(|| format!("no {words}"));
    }
    let refused = form.plan().is_some_and(|plan| plan.refusal().is_some());
    let mut wanted = vec!["PLAN".to_owned()];
    let applying = matches!(form.stage, Planning::Applying(_));
    wanted.push(if applying {
        "applying".to_owned()
    } else {
        "nothinghaschangedyet".to_owned()
    });
    if form.plan().is_some() && form.scroll == 0 {
        wanted.extend(["NOW".to_owned(), "AFTER".to_owned()]);
    }
    if let Some(remark) = &form.remark {
        wanted.push(shown(&app.setup.keymap.keyed(remark)));
    }
    match (app.setup.mode, form.plan()) {
        (_, Some(plan)) if refused => {
            let why = plan.refusal().map_or("", |check| &check.why);
            wanted.push(format!("nothingherecanoverrideit:{}", shown(why)));
        }
        (Door::Observe, _) => {
            wanted.push("OBSERVE:thissessioncanlookattheplan".to_owned());
            wanted.push(shown(&form.command_line()));
        }
        (Door::Write, plan) => {
            wanted.push("ends".to_owned());
            if form.typed() {
                wanted.extend(
                    ReasonCode::CHOICES
                        .iter()
                        .zip(1..)
                        .map(|(code, digit)| format!("{digit}{code}")),
                );
            }
            let target = form.target().map(shown);
            match (plan, target) {
                _ if applying => {}
                (_, Some(target)) if form.typed() => {
                    let whole = plan.is_some_and(|plan| plan.tier == RiskTier::BreakGlass);
                    wanted.push(if whole {
                        format!("type{target}infull:")
                    } else {
                        format!("type{target}(")
                    });
                }
                (Some(_), _) if !form.typed() => {
                    wanted.extend(["yapply".to_owned(), "Escleave".to_owned()]);
                }
                _ => {}
            }
        }
    }
    if let Some(missing) = wanted.iter().find(|wanted| !text.contains(wanted.as_str())) {
        return Some(format!("the plan does not show {missing:?}"));
    }
    let last = rows(buffer).pop()?;
    let helps = last.starts_with(" ? help") || matches!(app.context(), Context::Text);
    (!helps || !last.contains("Esc back")).then(|| format!("footer {last:?}"))
}

/// All that a plan says can be read by scrolling, and it cannot be applied before.
fn read_through(world: &mut World) -> Result<(), TestCaseError> {
    let Some(Overlay::Plan(form)) = world.stage.app.overlays.last() else {
        return Ok(());
    };
    let Some(plan) = form.plan().cloned() else {
        return Ok(());
    };
    let (width, height) = world.stage.app.size;
    let area = Rect::new(0, 0, width, height);
    if view::measure(&world.stage.app, area).is_none() {
        return Ok(());
    }
    let scrolled = |world: &World| match world.stage.app.overlays.last() {
        Some(Overlay::Plan(form)) => Some(form.scroll),
        _ => None,
    };
    while scrolled(world) > Some(0) {
        world.press(KeyCode::PageUp);
    }
    let mut lines: Vec<String> = Vec::new();
    while let Some(scroll) = scrolled(world) {
        let rows = rows(&draw(&world.stage.app, width, height));
        // Below the title; in the whole screen there is a rule behind it.
        let rows = rows
            .into_iter()
            .skip_while(|row| !row.starts_with(" PLAN"))
            .skip(1);
        let rows = rows.skip_while(|row| row.starts_with("--"));
        let body = rows.take_while(|row| !row.starts_with("--"));
        for (number, row) in body.enumerate() {
            let text: String = row.chars().skip(9).collect();
            match lines.get_mut(scroll + number) {
                Some(line) => *line = text,
                None => lines.push(text),
            }
        }
        world.press(KeyCode::PageDown);
        if scrolled(world) <= Some(scroll) {
            break;
        }
    }
    let all = squeezed(&lines.concat());
    let mut told = vec![shown(&plan.now_line), shown(&plan.after_line)];
    told.extend(plan.effects.iter().map(|effect| shown(effect)));
    let doubts = plan
        .checks
        .iter()
        .filter(|check| check.verdict != CheckVerdict::Pass);
    told.extend(doubts.map(|check| shown(&check.why)));
    for text in told {
        prop_assert!(
            all.contains(&text),
            "{text:?} cannot be read at {width}x{height}, {:?}, in\n{}",
            world.stage.app.context(),
            lines.join("\n")
        );
    }
    Ok(())
}

/// Something that happens between two frames.
#[derive(Clone, Debug)]
enum Step {
    /// A key that means something where this is.
    Do(usize),
    /// Something typed.
    Type(char),
    Resize(u16, u16),
    Events,
    Wait(u64),
    Paste(String),
}

fn near(edges: &'static [u16]) -> impl Strategy<Value = u16> {
    (prop::sample::select(edges), 0_u16..4)
        .prop_map(|(edge, off)| (edge + off).saturating_sub(2).max(1))
}

fn size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        3 => (near(&WIDTHS), near(&HEIGHTS)),
        2 => (1_u16..=300, 1_u16..=100),
        1 => Just((400, 120)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<usize>().prop_map(Step::Do),
        2 => prop::sample::select("support-chat 123y\u{4e2d}e\u{301}".chars().collect::<Vec<_>>()).prop_map(Step::Type),
        4 => size().prop_map(|(width, height)| Step::Resize(width, height)),
        1 => Just(Step::Events),
        1 => (0_u64..2_000).prop_map(Step::Wait),
        1 => "\\PC{0,60}".prop_map(Step::Paste),
    ]
}

fn take(world: &mut World, step: Step) {
    match step {
        Step::Do(number) => {
            world.act(number);
        }
        Step::Type(character) => {
            world.press(KeyCode::Char(character));
        }
        Step::Resize(width, height) => {
            world.send(Msg::Resize(width, height));
        }
        Step::Events => world.events(),
        Step::Wait(millis) => {
            world.stage.wait(Duration::from_millis(millis));
        }
        Step::Paste(text) => {
            world.send(Msg::Paste(text));
        }
    }
}

/// Few enough for every run; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn nothing_that_matters_is_cut_at_any_size(
        chance in chance(),
        way in prop::sample::select(WAYS),
        start in size(),
        observe in any::<bool>(),
        empty in prop::bool::weighted(0.05),
        steps in prop::collection::vec(step(), 1..16),
        last in prop::collection::vec(size(), 1..6),
    ) {
        let mode = if observe { Door::Observe } else { Door::Write };
        let mut world = World::new(start, mode, chance, empty);
        let look = |world: &World| {
            let (width, height) = world.stage.app.size;
            let buffer = draw(&world.stage.app, width, height);
            match wrong(&world.stage.app, &buffer) {
                Some(why) => Err(TestCaseError::fail(why)),
                None => Ok(()),
            }
        };
        world.walk(way);
        look(&world)?;
        for step in steps {
            take(&mut world, step);
            look(&world)?;
        }
        for (width, height) in last {
            world.send(Msg::Resize(width, height));
            look(&world)?;
        }
        read_through(&mut world)?;
        // The terminal may already have another size than the console knows of.
        for (width, height) in [(1, 1), (400, 120)] {
            let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
            view::draw(&world.stage.app, &Theme::default(), &UNICODE, &mut buffer);
        }
    }
}

/// The contexts that these ways lead to.
#[test]
fn there_is_a_way_to_every_context() {
    let mut reached: Vec<Context> = Vec::new();
    for way in WAYS {
        // Chance that answers everything well.
        let mut world = World::new((120, 40), Door::Write, Chance::kind(), false);
        world.walk(way);
        reached.push(world.stage.app.context());
    }
    for context in Context::ALL {
        assert!(reached.contains(&context), "no way leads to {context:?}");
    }
}

#[test]
fn no_line_of_a_plan_is_passed_over_by_a_page_in_any_field() {
    for field in ["", "\t", "\t\t"] {
        let mut stage = Stage::incident(60, 18, Door::Write);
        stage.keys("F");
        let mut plan = force_plan(stage.now);
        plan.effects
            .extend((10..60).map(|number| format!("line {number}")));
        stage.planned(plan);
        for _ in field.chars() {
            stage.press(KeyCode::Tab);
        }
        let mut seen = String::new();
        while stage.app.form().is_some_and(|form| !form.read) {
            seen.push_str(&stage.text());
            stage.press(KeyCode::PageDown);
        }
        seen.push_str(&stage.text());
        for number in 10..60 {
            assert!(
                seen.contains(&format!("line {number}")),
                "{field:?} {number}"
            );
        }
    }
}

#[test]
fn what_is_filtered_and_what_is_wrong_are_never_written_into_one_another() {
    let mut stage = Stage::incident(60, 15, Door::Write);
    stage.keys("/");
    for letters in 0..60 {
        for fails in [false, true] {
            stage.news(News::Health(if fails {
                Health::Failing("the disk is full".to_owned())
            } else {
                Health::Good
            }));
            let text = stage.text();
            let line = text.lines().nth(1).unwrap_or_default();
            for right in ["gateways", "store ok", "STORE FAILS"] {
                if let Some((before, _)) = line.split_once(right) {
                    assert!(before.ends_with(' '), "{letters}: {line}");
                }
            }
            assert!(!fails || line.contains("STORE FAILS"), "{letters}: {line}");
        }
        stage.keys("w");
    }
}

#[test]
fn nothing_is_judged_or_asked_that_cannot_be_seen() {
    for (way, key) in [
        ("c", 'a'),
        ("c", '!'),
        ("c!", 'a'),
        ("ca\r", 'y'),
        ("ca[r", 'y'),
        ("c", 'r'),
        ("c", '*'),
        ("", 'c'),
        ("", 'r'),
        ("2", 'r'),
    ] {
        let mut world = World::new((120, 40), Door::Write, Chance::kind(), false);
        world.walk(way);
        let judged = |world: &World| world.stage.app.comparing().map(|it| it.tally().judged);
        let before = judged(&world);
        world.send(Msg::Resize(59, 14));
        let effects = world.stage.press(KeyCode::Char(key));
        let asks = effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Compare { .. } | Effect::Probe { .. } | Effect::Record { .. }
            )
        });
        assert!(!asks, "{way} {key}");
        assert_eq!(judged(&world), before, "{way} {key}");
        let text = world.stage.text();
        assert!(
            text.contains("not done: what it is about"),
            "{way} {key}: {text}"
        );
    }
}

#[test]
fn a_small_screen_says_what_lies_over_it() {
    let mut world = World::new((120, 40), Door::Write, Chance::kind(), false);
    world.walk("ca1q");
    world.send(Msg::Resize(50, 8));
    let text = world.stage.text();
    assert!(text.contains("Esc leaves a question"), "{text}");
    assert!(text.contains("enlarge to 60x15"), "{text}");
}

#[test]
fn a_long_environment_leaves_room_for_the_mode_and_the_plan() {
    for (width, height) in [(60, 18), (80, 24), (120, 40)] {
        let mut world = World::new((width, height), Door::Write, Chance::kind(), false);
        let mut catalog = crate::console_comparing::sampled();
        catalog.environment.name =
            "production/eu-central-1/customers/the-very-important-ones".to_owned();
        world.stage.news(News::Catalog(Arc::new(catalog)));
        for text in [world.stage.text(), {
            world.walk("F");
            world.stage.text()
        }] {
            let top = text.lines().next().unwrap_or_default();
            assert!(top.contains("production/eu-central-1~ WRITE"), "{text}");
        }
        assert!(world.stage.text().contains("force support"));
    }
}

#[test]
fn a_thousand_workloads_are_drawn_at_every_edge() {
    let mut catalog = crate::console_comparing::sampled();
    let model = catalog.workloads["batch-extraction"].clone();
    for number in 0..996 {
        let mut workload = model.clone();
        workload.name = format!("workload-{number:03}").as_str().into();
        catalog.workloads.insert(workload.name.clone(), workload);
    }
    let mut world = World::new((80, 24), Door::Write, Chance::kind(), false);
    world.send(Msg::News(News::Catalog(Arc::new(catalog))));
    world.stage.wait(Duration::from_secs(1));
    for keys in ["", "G", "4", "2", "x", "\x1b:force workload-99"] {
        world.walk(keys);
        for width in [59, 60, 80, 120, 160, 300] {
            for height in [15, 24, 100] {
                world.send(Msg::Resize(width, height));
                let buffer = draw(&world.stage.app, width, height);
                assert_eq!(wrong(&world.stage.app, &buffer), None);
            }
        }
    }
}
